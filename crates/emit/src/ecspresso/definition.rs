//! Service and task definitions, with the keys that ecspresso reads: those of ECS's own API.

use std::collections::BTreeMap;

use aomidori_model::kinds::ecs_service::{
    CapacityProvider, Deployment, PairTarget, PropagateTags, Rolling, ServiceTarget, Share,
};
use aomidori_model::kinds::task_definition::{AwsLogs, Container, ContainerHealthCheck, ImageTag};
use aomidori_model::kinds::{EcsService, TaskDefinition};
use aomidori_model::{Ref, Resource, ToValue, ownership};
use serde_json::{Map, Value as Json, json};

use super::ids::Resolver;
use super::template::{Template, escape};
use super::variant::image;
use crate::EmitError;
use crate::subject::Subject;

/// A service definition.
///
/// Without what is decided elsewhere: which revision runs, and how many tasks (`scale`, autoscaling), which ecspresso
/// leaves alone where the definition does not say it. All tags are there, because ecspresso removes those that are not.
pub(super) fn service(subject: &Subject<'_>, resolver: &mut Resolver<'_>) -> Json {
    let EcsService {
        name: _,
        cluster: _,
        task_definition: _,
        desired_count: _,
        subnets,
        security_groups,
        assign_public_ip,
        platform_version,
        enable_execute_command,
        health_check_grace_period,
        capacity_providers,
        propagate_tags,
        managed_tags,
        deployment,
    } = subject.service;
    let mut out = Map::new();
    let mut set = |key: &str, value: Json| out.insert(key.to_owned(), value);
    let (controller, targets) = match deployment {
        // Blue comes first; CodeDeploy moves it to and fro from then on.
        Deployment::CodeDeploy { target: PairTarget { blue, green: _, container, port }, registry } => {
            if let Some(registry) = registry {
                set("serviceRegistries", json!([{"registryArn": reference(resolver, registry)}]));
            }
            (
                "CODE_DEPLOY",
                vec![ServiceTarget { target_group: blue.clone(), container: container.clone(), port: *port }],
            )
        }
        Deployment::Rolling(Rolling {
            minimum_healthy_percent,
            maximum_percent,
            circuit_breaker,
            load_balancers,
            registry,
        }) => {
            set(
                "deploymentConfiguration",
                json!({
                    "minimumHealthyPercent": minimum_healthy_percent,
                    "maximumPercent": maximum_percent,
                    "deploymentCircuitBreaker": {
                        "enable": circuit_breaker.is_some(),
                        "rollback": circuit_breaker.is_some_and(|breaker| breaker.rollback),
                    },
                }),
            );
            if let Some(registry) = registry {
                set("serviceRegistries", json!([{"registryArn": reference(resolver, registry)}]));
            }
            ("ECS", load_balancers.clone())
        }
    };
    set("deploymentController", json!({ "type": controller }));
    if !targets.is_empty() {
        let target = |ServiceTarget { target_group, container, port }: &ServiceTarget| {
            json!({
                "containerName": literal(container.as_str()),
                "containerPort": port.number(),
                "targetGroupArn": reference(resolver, target_group),
            })
        };
        set("loadBalancers", targets.iter().map(target).collect());
        set("healthCheckGracePeriodSeconds", json!(health_check_grace_period.unwrap_or_default()));
    }
    set("enableECSManagedTags", json!(managed_tags.unwrap_or_default()));
    set("enableExecuteCommand", json!(enable_execute_command.unwrap_or_default()));
    if capacity_providers.is_empty() {
        set("launchType", json!("FARGATE"));
    } else {
        let one = |(provider, share): (&CapacityProvider, &Share)| json!({"base": share.base, "capacityProvider": provider.as_str(), "weight": share.weight});
        set("capacityProviderStrategy", capacity_providers.iter().map(one).collect());
    }
    let subnets: Vec<Json> = subnets.iter().map(|subnet| reference(resolver, subnet)).collect();
    let groups: Vec<Json> = security_groups.iter().map(|group| reference(resolver, group)).collect();
    set(
        "networkConfiguration",
        json!({"awsvpcConfiguration": {
            "assignPublicIp": if *assign_public_ip { "ENABLED" } else { "DISABLED" },
            "securityGroups": groups,
            "subnets": subnets,
        }}),
    );
    if let Some(version) = platform_version {
        set("platformVersion", literal(version));
    }
    set("propagateTags", json!(propagate_tags.unwrap_or(PropagateTags::None).as_str()));
    set("schedulingStrategy", json!("REPLICA"));
    let resource = Resource::from(subject.service.clone());
    let tags = subject.stack.complete_tags(subject.address, &resource.fields(), &|_| None);
    set("tags", tags_of(tags.into_iter().map(|(key, value)| (key, Template::literal(value)))));
    Json::Object(out)
}

/// A task definition, for RegisterTaskDefinition. With `tag`, this container runs that tag, and tags of the revision say
/// what the stack declared, so that what ecspresso deploys is no drift to `plan`.
pub(super) fn task(
    subject: &Subject<'_>,
    resolver: &mut Resolver<'_>,
    tag: Option<(&Container, &ImageTag)>,
) -> Result<Json, EmitError> {
    let TaskDefinition { family, size, execution_role, task_role, cpu_architecture, containers } = subject.definition;
    let resource = Resource::from(subject.definition.clone());
    let tags = subject.stack.complete_tags(subject.definition_address, &resource.fields(), &|_| None);
    let mut tags: BTreeMap<String, Template> =
        tags.into_iter().map(|(key, value)| (key, Template::literal(value))).collect();
    let mut definitions = Vec::new();
    for it in containers {
        let declared = resolver.value(&it.image.to_uri());
        let other = tag.filter(|(container, _)| container.name == it.name).map(|(_, tag)| (tag, image(&it.image, tag)));
        let runs = match other {
            None => declared,
            Some((tag, value)) => {
                let runs = resolver.value(&value);
                if runs != declared {
                    tags.insert(ownership::declared_image_key(it.name.as_str()), declared);
                    tags.insert(ownership::image_key(it.name.as_str()), Template::literal(tag.as_str()));
                }
                runs
            }
        };
        definitions.push(container(it, &runs, resolver));
    }
    // More than AWS takes would fail at the last moment, when ecspresso registers it.
    if tags.len() > 50 {
        return Err(
            subject.unsupported(format!("its task definition would have {} tags, and AWS takes 50", tags.len()))
        );
    }
    let mut out = Map::new();
    let mut set = |key: &str, value: Json| out.insert(key.to_owned(), value);
    set("containerDefinitions", Json::Array(definitions));
    set("cpu", json!(size.cpu().to_string()));
    set("family", literal(family.as_str()));
    set("memory", json!(size.memory().to_string()));
    set("networkMode", json!("awsvpc"));
    set("requiresCompatibilities", json!(["FARGATE"]));
    if let Some(role) = execution_role {
        set("executionRoleArn", reference(resolver, role));
    }
    if let Some(role) = task_role {
        set("taskRoleArn", reference(resolver, role));
    }
    if let Some(architecture) = cpu_architecture {
        let platform = json!({"cpuArchitecture": architecture.as_str(), "operatingSystemFamily": "LINUX"});
        set("runtimePlatform", platform);
    }
    set("tags", tags_of(tags));
    Ok(Json::Object(out))
}

fn container(container: &Container, image: &Template, resolver: &mut Resolver<'_>) -> Json {
    let Container {
        name,
        image: _,
        essential,
        ports,
        command,
        entry_point,
        environment,
        secrets,
        cpu,
        memory,
        logs,
        health_check,
        readonly_root_filesystem,
        init_process,
    } = container;
    let mut out = Map::new();
    let mut set = |key: &str, value: Json| out.insert(key.to_owned(), value);
    set("name", literal(name.as_str()));
    set("image", Json::String(image.text()));
    set("essential", json!(essential));
    set("cpu", json!(cpu.unwrap_or_default()));
    if let Some(mib) = memory {
        set("memory", json!(mib));
    }
    if !ports.is_empty() {
        let port = |number: u16| json!({"containerPort": number, "hostPort": number, "protocol": "tcp"});
        set("portMappings", ports.iter().map(|it| port(it.number())).collect());
    }
    if let Some(words) = command.as_ref().filter(|words| !words.is_empty()) {
        set("command", literals(words));
    }
    if let Some(words) = entry_point.as_ref().filter(|words| !words.is_empty()) {
        set("entryPoint", literals(words));
    }
    if !environment.is_empty() {
        let pair = |(key, value): (&String, &String)| json!({"name": literal(key), "value": literal(value)});
        set("environment", environment.iter().map(pair).collect());
    }
    if !secrets.is_empty() {
        let pair = |(key, arn): (&String, &String)| json!({"name": literal(key), "valueFrom": literal(arn)});
        set("secrets", secrets.iter().map(pair).collect());
    }
    if let Some(AwsLogs { group, region, stream_prefix }) = logs {
        set(
            "logConfiguration",
            json!({"logDriver": "awslogs", "options": {
                "awslogs-group": reference(resolver, group),
                "awslogs-region": literal(region),
                "awslogs-stream-prefix": literal(stream_prefix),
            }}),
        );
    }
    if let Some(ContainerHealthCheck { command, interval, timeout, retries, start_period }) = health_check {
        let mut check = json!({
            "command": literals(command),
            "interval": interval,
            "timeout": timeout,
            "retries": retries,
        });
        if let Some(seconds) = start_period {
            check["startPeriod"] = json!(seconds);
        }
        set("healthCheck", check);
    }
    if let Some(flag) = readonly_root_filesystem {
        set("readonlyRootFilesystem", json!(flag));
    }
    if let Some(flag) = init_process {
        set("linuxParameters", json!({ "initProcessEnabled": flag }));
    }
    Json::Object(out)
}

fn reference<K: aomidori_model::Kind>(resolver: &mut Resolver<'_>, reference: &Ref<K>) -> Json {
    Json::String(resolver.value(&reference.to_value()).text())
}

fn literal(text: &str) -> Json {
    Json::String(escape(text))
}

fn literals(words: &[String]) -> Json {
    words.iter().map(|word| literal(word)).collect()
}

fn tags_of(tags: impl IntoIterator<Item = (String, Template)>) -> Json {
    tags.into_iter().map(|(key, value)| json!({"key": literal(&key), "value": value.text()})).collect()
}

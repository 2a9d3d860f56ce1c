//! Clusters, services, task definitions, Cloud Map, log groups and deployment groups.

use std::collections::BTreeMap;

use aomidori_adopt::Walk;
use aomidori_engine::cloud::CloudError;
use aomidori_model::KindName;
use aws_sdk_codedeploy::types as codedeploy;
use aws_sdk_ecs::types as aws;
use aws_sdk_servicediscovery::types as cloud_map;
use futures_util::FutureExt as _;

use super::{Has, LEFT, Seen, each, found, unusual};
use crate::call;
use crate::client::Cx;
use crate::kinds::{deployment_group, discovery_service, iam_role, private_dns_namespace, task_definition};
use crate::services::{ecs, leaf};

/// What Application Auto Scaling scales ECS services with; made with the first service of the account that it scales.
const SCALING: &str = "AWSServiceRoleForApplicationAutoScaling_ECSService";

pub(super) async fn read(cx: &Cx, walk: &Walk, seen: &mut Seen) -> Result<(), CloudError> {
    for arns in found(walk, KindName::EcsCluster).chunks(100) {
        let answer = call::read("ecs:DescribeClusters", || {
            let fields = [aws::ClusterField::Settings, aws::ClusterField::Configurations];
            cx.ecs.describe_clusters().set_clusters(Some(arns.to_vec())).set_include(Some(fields.to_vec())).send()
        });
        let live = seen.answer(answer.await)?.and_then(|it| it.clusters).unwrap_or_default();
        live.iter().for_each(|it| seen.add(cluster(it)));
    }
    let services = found(walk, KindName::EcsService);
    let scaled = !services.is_empty() && {
        let answer = iam_role::read(cx, SCALING).await;
        seen.answer(answer)?.flatten().is_some()
    };
    let mut by_cluster: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for arn in &services {
        let (of, name) = ecs::service_parts(arn);
        by_cluster.entry(of.to_owned()).or_default().push(name.to_owned());
    }
    each(by_cluster.into_iter().collect(), seen, move |(of, names): (String, Vec<String>)| {
        async move {
            let mut seen = Seen::default();
            for live in ecs::services(cx, &of, &names).await? {
                let mut has = service(&live);
                has.also(
                scaled && live.scheduling_strategy != Some(aws::SchedulingStrategy::Daemon),
                "whether Application Auto Scaling, which this account uses, scales it: if so, take `desired_count` out",
                LEFT,
            );
                seen.add(has);
            }
            Ok(seen)
        }
        .boxed()
    })
    .await?;
    each(found(walk, KindName::TaskDefinition), seen, move |arn: String| {
        async move {
            let mut seen = Seen::default();
            if let Some(found) = task_definition::describe(cx, leaf(&arn)).await? {
                seen.add(task(&arn, &found.definition));
            }
            Ok(seen)
        }
        .boxed()
    })
    .await?;
    let namespaces = found(walk, KindName::PrivateDnsNamespace);
    if !namespaces.is_empty() {
        let all = private_dns_namespace::list(cx).await?.into_iter();
        let ours = all.filter(|live| live.id.as_ref().is_some_and(|id| namespaces.contains(id))).collect();
        each(ours, seen, move |live: cloud_map::NamespaceSummary| async move { of_namespace(cx, &live).await }.boxed())
            .await?;
    }
    each(found(walk, KindName::LogGroup), seen, move |name: String| {
        async move {
            let mut seen = Seen::default();
            let answer = call::read("logs:DescribeLogGroups", || {
                cx.logs.describe_log_groups().log_group_name_prefix(&name).limit(50).send()
            });
            let live = call::if_there(answer.await)?.and_then(|it| it.log_groups).unwrap_or_default();
            live.iter().filter(|it| it.log_group_name.as_ref() == Some(&name)).for_each(|it| seen.add(log_group(it)));
            Ok(seen)
        }
        .boxed()
    })
    .await?;
    each(found(walk, KindName::DeploymentGroup), seen, move |id: String| {
        async move {
            let mut seen = Seen::default();
            if let Some(live) = deployment_group::read(cx, &id).await? {
                seen.add(of_group(&id, &live));
            }
            Ok(seen)
        }
        .boxed()
    })
    .await
}

async fn of_namespace(cx: &Cx, live: &cloud_map::NamespaceSummary) -> Result<Seen, CloudError> {
    let mut seen = Seen::default();
    let id = live.id.as_deref().unwrap_or_default();
    for service in discovery_service::of_namespace(cx, id).await? {
        seen.add(discovery(&service));
    }
    let dns = live.properties.as_ref().and_then(|it| it.dns_properties.as_ref());
    let mut has = Has::of(KindName::PrivateDnsNamespace, Some(id));
    let ttl = dns.and_then(|it| it.soa.as_ref()).map(|it| it.ttl);
    has.also(ttl.is_some_and(|ttl| ttl != 15), format!("its SOA TTL of {} s", ttl.unwrap_or_default()), LEFT);
    if let Some(zone) = dns.and_then(|it| it.hosted_zone_id.as_deref()) {
        let answer = call::read("route53:GetHostedZone", || cx.route53.get_hosted_zone().id(zone).send()).await;
        let vpcs = seen.answer(answer)?.and_then(|it| it.vpcs).unwrap_or_default();
        for vpc in vpcs.iter().skip(1).filter_map(|vpc| vpc.vpc_id.as_deref()) {
            has.also(true, format!("that its names resolve in {vpc}, too"), LEFT);
        }
    }
    seen.add(has);
    Ok(seen)
}

fn cluster(live: &aws::Cluster) -> Has {
    let mut has = Has::of(KindName::EcsCluster, live.cluster_arn());
    for setting in live.settings() {
        let name = setting.name.as_ref().map_or("", |it| it.as_str());
        has.also(name != "containerInsights", format!("the setting {name}"), &["setting"]);
    }
    if let Some(configuration) = &live.configuration {
        has.also(
            configuration.execute_command_configuration.is_some(),
            "its configuration of ECS Exec",
            &["configuration"],
        );
        has.also(configuration.managed_storage_configuration.is_some(), "the keys of its storage", &["configuration"]);
    }
    let providers = live.capacity_providers();
    has.also(!providers.is_empty(), format!("its capacity providers ({})", providers.join(", ")), LEFT);
    has.also(!live.default_capacity_provider_strategy().is_empty(), "its default capacity provider strategy", LEFT);
    has.also(live.service_connect_defaults.is_some(), "its Service Connect namespace", &["service_connect_defaults"]);
    has
}

fn service(live: &aws::Service) -> Has {
    let mut has = Has::of(KindName::EcsService, live.service_arn());
    has.also(!live.placement_constraints().is_empty(), "placement constraints", &["placement_constraints"]);
    has.also(!live.placement_strategy().is_empty(), "its placement strategy", &["ordered_placement_strategy"]);
    has.shut(
        live.scheduling_strategy == Some(aws::SchedulingStrategy::Daemon),
        "it runs a task on each instance",
        &["scheduling_strategy"],
    );
    let family = live.platform_family.as_deref();
    has.shut(unusual(family, "Linux").is_some(), format!("its platform is {}", family.unwrap_or_default()), LEFT);
    for registry in live.service_registries() {
        let named = registry.container_name.is_some() || registry.container_port.is_some() || registry.port.is_some();
        has.also(named, "the container and port that Cloud Map is told", &["service_registries"]);
    }
    if live.load_balancers().iter().any(|it| it.load_balancer_name.as_ref().is_some_and(|name| !name.is_empty())) {
        has.shut(true, "it is behind a Classic Load Balancer", &["load_balancer"]);
    }
    if let Some(configuration) = &live.deployment_configuration {
        let strategy = configuration.strategy.as_ref().map(|it| it.as_str());
        if let Some(strategy) = unusual(strategy, "ROLLING") {
            has.shut(true, format!("ECS itself deploys it by the strategy {strategy}"), LEFT);
        }
        has.also(
            configuration.alarms.as_ref().is_some_and(|it| it.enable),
            "the alarms that stop its deployments",
            &["alarms"],
        );
        has.also(!configuration.lifecycle_hooks().is_empty(), "its lifecycle hooks", LEFT);
    }
    if let Some(now) = live.deployments().iter().find(|it| it.status.as_deref() == Some("PRIMARY")) {
        let connect = now.service_connect_configuration.as_ref().is_some_and(|it| it.enabled);
        has.also(connect, "Service Connect", &["service_connect_configuration"]);
        has.also(
            !now.volume_configurations().is_empty(),
            "volumes that it makes for its tasks",
            &["volume_configuration"],
        );
        has.also(
            !now.vpc_lattice_configurations().is_empty(),
            "its VPC Lattice target groups",
            &["vpc_lattice_configurations"],
        );
    }
    has
}

/// A task definition by its ARN without a revision.
fn task(arn: &str, live: &aws::TaskDefinition) -> Has {
    let mut has = Has::of(KindName::TaskDefinition, Some(arn));
    let system =
        live.runtime_platform.as_ref().and_then(|it| it.operating_system_family.as_ref()).map(|it| it.as_str());
    has.shut(
        unusual(system, "LINUX").is_some(),
        format!("it runs on {}", system.unwrap_or_default()),
        &["runtime_platform"],
    );
    has.shut(live.ipc_mode.is_some(), "its IPC mode", &["ipc_mode"]);
    has.also(live.enable_fault_injection == Some(true), "that faults may be injected", &["enable_fault_injection"]);
    for container in live.container_definitions() {
        let name = container.name.as_deref().unwrap_or_default();
        for port in container.port_mappings() {
            let named = port.name.is_some() || port.app_protocol.is_some();
            let number = port.container_port.unwrap_or_default();
            has.also(named, format!("what Service Connect calls port {number} of {name}"), &["container_definitions"]);
        }
        let consistency = container.version_consistency.as_ref().map(|it| it.as_str());
        has.also(
            unusual(consistency, "enabled").is_some(),
            format!("that {name} need not keep its image's digest"),
            &["container_definitions"],
        );
    }
    has
}

fn discovery(live: &cloud_map::ServiceSummary) -> Has {
    let mut has = Has::of(KindName::DiscoveryService, live.arn.as_deref());
    has.also(live.description.as_ref().is_some_and(|it| !it.is_empty()), "its description", &["description"]);
    has.also(live.health_check_config.is_some(), "its Route 53 health check", &["health_check_config"]);
    has
}

fn log_group(live: &aws_sdk_cloudwatchlogs::types::LogGroup) -> Has {
    let mut has = Has::of(KindName::LogGroup, live.log_group_name.as_deref());
    has.also(live.kms_key_id.is_some(), "the key that it is encrypted with", &["kms_key_id"]);
    let class = live.log_group_class.as_ref().map(|it| it.as_str());
    if let Some(class) = unusual(class, "STANDARD") {
        has.also(true, format!("the class {class}"), &["log_group_class"]);
    }
    has.also(live.metric_filter_count.is_some_and(|n| n > 0), "its metric filters", LEFT);
    has.also(live.data_protection_status.is_some(), "its data protection policy", LEFT);
    has.also(live.deletion_protection_enabled == Some(true), "that it is protected from deletion", LEFT);
    has
}

fn of_group(id: &str, live: &codedeploy::DeploymentGroupInfo) -> Has {
    let mut has = Has::of(KindName::DeploymentGroup, Some(id));
    has.also(
        live.trigger_configurations.as_ref().is_some_and(|it| !it.is_empty()),
        "its triggers",
        &["trigger_configuration"],
    );
    has.also(live.termination_hook_enabled, "its termination hook", &["termination_hook_enabled"]);
    if let Some(alarms) = &live.alarm_configuration {
        has.also(
            alarms.enabled && alarms.ignore_poll_alarm_failure,
            "that it goes on where alarms cannot be read",
            &["alarm_configuration"],
        );
        let off = !alarms.enabled && alarms.alarms.as_ref().is_some_and(|it| !it.is_empty());
        has.also(off, "alarms that are switched off", &["alarm_configuration"]);
    }
    let off = live.auto_rollback_configuration.as_ref().filter(|it| !it.enabled);
    has.also(
        off.is_some_and(|it| !it.events.as_deref().unwrap_or_default().is_empty()),
        "rollbacks that are switched off",
        &["auto_rollback_configuration"],
    );
    has.shut(
        live.ecs_services.as_ref().is_some_and(|it| it.len() > 1),
        "it deploys several services",
        &["ecs_service"],
    );
    has
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_service_has_nothing_beyond() {
        let plain = aws::Service::builder()
            .propagate_tags(aws::PropagateTags::None)
            .scheduling_strategy(aws::SchedulingStrategy::Replica)
            .platform_family("Linux");
        assert_eq!(service(&plain.clone().build()).words(), [] as [&str; 0]);
        let registry = aws::ServiceRegistry::builder().registry_arn("arn:srv").container_port(80).build();
        assert_eq!(
            service(&plain.service_registries(registry).build()).words(),
            ["the container and port that Cloud Map is told"]
        );
    }

    #[test]
    fn what_ecs_itself_moves_is_not_described_as_rolling() {
        let moved = aws::DeploymentConfiguration::builder().strategy(aws::DeploymentStrategy::BlueGreen).build();
        let live = service(&aws::Service::builder().deployment_configuration(moved).build());
        assert_eq!(live.0, [("ECS itself deploys it by the strategy BLUE_GREEN".to_owned(), true, LEFT)]);
    }
}

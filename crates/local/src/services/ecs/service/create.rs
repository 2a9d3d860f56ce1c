//! CreateService.

use serde::Deserialize;
use serde_json::{Value, json};

use super::validate::{self, INVALID, Network, Wanted};
use super::{Configuration, EcsService, LoadBalancer, Registry, Shape, answer};
use crate::error::{Result, fail};
use crate::services::ecs::cluster::{self, Strategy};
use crate::services::ecs::rollout::Rollout;
use crate::services::ecs::{history, scheduler, tagging};
use crate::services::members::named;
use crate::tags::{self, Tag};
use crate::world::Cx;

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Controller {
    #[serde(rename = "type")]
    pub(crate) kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Create {
    cluster: Option<String>,
    service_name: String,
    task_definition: Option<String>,
    availability_zone_rebalancing: Option<String>,
    #[serde(default)]
    load_balancers: Vec<LoadBalancer>,
    #[serde(default)]
    service_registries: Vec<Registry>,
    desired_count: Option<u64>,
    client_token: Option<String>,
    launch_type: Option<String>,
    #[serde(default)]
    capacity_provider_strategy: Vec<Strategy>,
    platform_version: Option<String>,
    role: Option<String>,
    deployment_configuration: Option<Wanted>,
    #[serde(default)]
    placement_constraints: Vec<Value>,
    #[serde(default)]
    placement_strategy: Vec<Value>,
    network_configuration: Option<Network>,
    health_check_grace_period_seconds: Option<u64>,
    scheduling_strategy: Option<String>,
    deployment_controller: Option<Controller>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(rename = "enableECSManagedTags", default)]
    managed_tags: bool,
    propagate_tags: Option<String>,
    #[serde(default)]
    enable_execute_command: bool,
    service_connect_configuration: Option<Value>,
    #[serde(default)]
    volume_configurations: Vec<Value>,
    #[serde(default)]
    vpc_lattice_configurations: Vec<Value>,
}

/// The raw input tells a repeated request from another.
pub(crate) fn create(cx: &mut Cx<'_>, raw: Value) -> Result {
    let mut request = raw.clone();
    if let Some(members) = request.as_object_mut() {
        members.retain(|name, value| name != "clientToken" && !value.is_null());
    }
    let input: Create = crate::input::decode(cx, raw)?;
    let name = input.service_name.clone();
    if !named(&name, 1, 255, "_-") {
        return fail!(
            INVALID,
            "Invalid service name: {name}. It must have 1 to 255 letters, numbers, hyphens or underscores."
        );
    }
    if input.client_token.as_ref().is_some_and(|t| t.len() > 36) {
        return fail!(INVALID, "clientToken must have at most 36 characters.");
    }
    let cluster = cluster::find(cx, input.cluster.as_deref())?;
    match cluster.services.get(&name) {
        Some(existing) if existing.status == "DRAINING" => {
            return fail!(INVALID, "Unable to Start a service that is still Draining.");
        }
        Some(existing) if existing.status == "ACTIVE" => {
            if existing.request == request
                && (input.client_token.is_none() || input.client_token == existing.client_token)
            {
                return answer(cx, input.cluster.as_deref(), &name, true);
            }
            return fail!(INVALID, "Creation of service was not idempotent.");
        }
        _ => {}
    }
    let (cluster_name, default_strategy) = (cluster.name.clone(), cluster.default_strategy.clone());
    let service = build(cx, input, default_strategy)?;
    let mut service = EcsService {
        arn: cx.arn("ecs", &format!("service/{cluster_name}/{name}")),
        name: name.clone(),
        request,
        ..service
    };
    if service.controller != "EXTERNAL" {
        let rollout = Rollout::new(cx, service.shape.clone(), &service.arn);
        history::begin(&mut service, &rollout, history::Minted::new(cx));
        service.rollouts.push(Rollout { desired: service.desired, ..rollout });
    }
    cluster::find(cx, Some(&cluster_name))?.services.insert(name.clone(), service);
    scheduler::look_soon(cx, &cluster_name, &name);
    answer(cx, Some(&cluster_name), &name, true)
}

fn build(cx: &mut Cx<'_>, input: Create, default_strategy: Vec<Strategy>) -> Result<EcsService> {
    let controller = input.deployment_controller.map_or_else(|| "ECS".to_owned(), |c| c.kind);
    let scheduling = input.scheduling_strategy.unwrap_or_else(|| "REPLICA".to_owned());
    if !["ECS", "CODE_DEPLOY", "EXTERNAL"].contains(&controller.as_str()) {
        return fail!(INVALID, "Invalid deployment controller type: {controller}");
    }
    if !["REPLICA", "DAEMON"].contains(&scheduling.as_str()) {
        return fail!(INVALID, "Invalid scheduling strategy: {scheduling}");
    }
    if scheduling == "DAEMON" && controller != "ECS" {
        return fail!(INVALID, "The DAEMON scheduling strategy is only supported with the ECS deployment controller.");
    }
    if !input.capacity_provider_strategy.is_empty() && input.launch_type.is_some() {
        return fail!(
            INVALID,
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
        );
    }
    // A service with an EXTERNAL controller leaves that to its task sets.
    let by_default = input.launch_type.is_none() && input.capacity_provider_strategy.is_empty();
    let strategy =
        if by_default && controller != "EXTERNAL" { default_strategy } else { input.capacity_provider_strategy };
    let launch_type =
        if strategy.is_empty() { Some(input.launch_type.unwrap_or_else(|| "EC2".to_owned())) } else { None };
    let mut configuration = Configuration::default();
    if scheduling == "DAEMON" {
        (configuration.maximum, configuration.minimum) = (100, 0);
    }
    validate::configure(&mut configuration, input.deployment_configuration, &controller)?;
    let tags = tags::from_list(input.tags);
    tagging::check(&tags)?;
    if !input.vpc_lattice_configurations.is_empty() {
        return fail!(INVALID, "The local cloud does not have VPC Lattice");
    }

    let mut shape = Shape {
        launch_type,
        strategy,
        load_balancers: input.load_balancers,
        registries: input.service_registries,
        network: input.network_configuration.and_then(|n| n.awsvpc_configuration),
        connect: input.service_connect_configuration,
        volumes: input.volume_configurations,
        ..Shape::default()
    };
    let fargate = shape.fargate();
    if fargate && scheduling == "DAEMON" {
        return fail!(INVALID, "The daemon scheduling strategy is not supported for the FARGATE launch type.");
    }
    if fargate && !(input.placement_constraints.is_empty() && input.placement_strategy.is_empty()) {
        return fail!(INVALID, "Placement strategies and constraints are not supported with FARGATE launch type.");
    }
    let desired = match (input.desired_count, scheduling.as_str()) {
        (Some(_), "DAEMON") => {
            return fail!(
                INVALID,
                "The daemon scheduling strategy does not support a desired count. Remove the desired count and try again."
            );
        }
        (None, "REPLICA") if controller != "EXTERNAL" => {
            return fail!(INVALID, "The desired count must be specified for the REPLICA scheduling strategy.");
        }
        (count, _) => count.unwrap_or(0),
    };
    let has_balancer = !shape.load_balancers.is_empty();
    if input.health_check_grace_period_seconds.is_some_and(|s| s > 0) && !has_balancer && controller != "EXTERNAL" {
        return fail!(INVALID, "Health check grace period is only valid for services configured to use load balancers");
    }
    if input.role.is_some() && shape.network.is_some() {
        return fail!(INVALID, "You cannot specify an IAM role for services that require a service linked role.");
    }
    let role = validate::linked_role(cx)?;
    match (controller.as_str(), input.task_definition) {
        ("EXTERNAL", None) => {
            if has_balancer || !shape.registries.is_empty() || shape.network.is_some() {
                return fail!(
                    INVALID,
                    "loadBalancers, serviceRegistries and networkConfiguration are given to the task sets of a service with an \
                     EXTERNAL deployment controller."
                );
            }
        }
        ("EXTERNAL", Some(_)) => {
            return fail!(
                INVALID,
                "A task definition is given to the task sets of a service with an EXTERNAL deployment controller."
            );
        }
        (_, None) => return fail!(INVALID, "TaskDefinition can not be blank."),
        (kind, Some(given)) => {
            shape.task_definition = validate::definition(cx, &given)?;
            if kind == "CODE_DEPLOY" && shape.load_balancers.len() != 1 {
                return fail!(
                    INVALID,
                    "A service with a CODE_DEPLOY deployment controller must have exactly one target group."
                );
            }
            validate::shape(cx, &mut shape, true)?;
            shape.platform_version = validate::platform(input.platform_version, fargate)?;
        }
    }
    Ok(EcsService {
        status: "ACTIVE".to_owned(),
        desired,
        scheduling,
        controller,
        created: cx.now(),
        role_arn: (shape.network.is_some() || has_balancer).then_some(role),
        grace: if has_balancer { Some(input.health_check_grace_period_seconds.unwrap_or(0)) } else { None },
        shape,
        configuration,
        placement_constraints: input.placement_constraints,
        placement_strategy: input.placement_strategy,
        managed_tags: input.managed_tags,
        propagate_tags: input.propagate_tags.unwrap_or_else(|| "NONE".to_owned()),
        exec: input.enable_execute_command,
        rebalancing: input.availability_zone_rebalancing.unwrap_or_else(|| "DISABLED".to_owned()),
        tags,
        client_token: input.client_token,
        request: json!(null),
        ..EcsService::default()
    })
}

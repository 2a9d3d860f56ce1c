//! UpdateService: absent members stay; some start a deployment, and some are CodeDeploy's.

use serde::Deserialize;
use serde_json::Value;

use super::create::Controller;
use super::validate::{self, INVALID, Network, Wanted};
use super::{LoadBalancer, Registry, answer, find};
use crate::error::{Result, fail};
use crate::services::ecs::cluster::{self, Strategy};
use crate::services::ecs::rollout::Rollout;
use crate::services::ecs::{history, scheduler};
use crate::world::Cx;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Update {
    cluster: Option<String>,
    service: String,
    desired_count: Option<u64>,
    task_definition: Option<String>,
    capacity_provider_strategy: Option<Vec<Strategy>>,
    deployment_configuration: Option<Wanted>,
    availability_zone_rebalancing: Option<String>,
    network_configuration: Option<Network>,
    placement_constraints: Option<Vec<Value>>,
    placement_strategy: Option<Vec<Value>>,
    platform_version: Option<String>,
    #[serde(default)]
    force_new_deployment: bool,
    health_check_grace_period_seconds: Option<u64>,
    enable_execute_command: Option<bool>,
    #[serde(rename = "enableECSManagedTags")]
    managed_tags: Option<bool>,
    load_balancers: Option<Vec<LoadBalancer>>,
    propagate_tags: Option<String>,
    service_registries: Option<Vec<Registry>>,
    service_connect_configuration: Option<Value>,
    volume_configurations: Option<Vec<Value>>,
    vpc_lattice_configurations: Option<Vec<Value>>,
    deployment_controller: Option<Controller>,
}

/// What may not be changed by hand where another controller deploys.
fn refuse(input: &Update, controller: &str) -> Result<()> {
    let (what, by) = match controller {
        "ECS" => return Ok(()),
        "CODE_DEPLOY" => ("CODE_DEPLOY", "Use AWS CodeDeploy to trigger a new deployment."),
        other => (other, "Use task sets instead."),
    };
    let parts = [
        (input.task_definition.is_some(), "task definition"),
        (input.network_configuration.is_some(), "network parameters"),
        (input.platform_version.is_some(), "platform version"),
        (input.load_balancers.is_some(), "load balancers"),
        (input.service_registries.is_some(), "service registries"),
        (input.service_connect_configuration.is_some(), "Service Connect configuration"),
        (input.volume_configurations.is_some(), "volume configurations"),
    ];
    if let Some((_, part)) = parts.iter().find(|(given, _)| *given) {
        return fail!(INVALID, "Unable to update {part} on services with a {what} deployment controller. {by}");
    }
    if input.force_new_deployment || input.capacity_provider_strategy.is_some() {
        return fail!(INVALID, "Cannot force a new deployment on services with a {what} deployment controller. {by}");
    }
    Ok(())
}

pub(crate) fn update(cx: &mut Cx<'_>, input: Update) -> Result {
    let service = find(cx, input.cluster.as_deref(), &input.service)?;
    if service.status != "ACTIVE" {
        return fail!("ServiceNotActiveException", "Service was not ACTIVE.");
    }
    let (name, arn, controller) = (service.name.clone(), service.arn.clone(), service.controller.clone());
    refuse(&input, &controller)?;
    if input.deployment_controller.as_ref().is_some_and(|c| c.kind != controller) {
        return fail!(INVALID, "The local cloud cannot change the deployment controller of a service yet");
    }
    if input.vpc_lattice_configurations.is_some_and(|v| !v.is_empty()) {
        return fail!(INVALID, "The local cloud does not have VPC Lattice");
    }
    if input.desired_count.is_some() && service.scheduling == "DAEMON" {
        return fail!(
            INVALID,
            "The daemon scheduling strategy does not support a desired count. Remove the desired count and try again."
        );
    }
    if input.capacity_provider_strategy.is_some() && !input.force_new_deployment {
        return fail!(
            INVALID,
            "When switching from launch type to capacity provider strategy on an existing service, or making a change to a \
             capacity provider strategy on a service that is already using one, you must force a new deployment."
        );
    }
    let (old, mut configuration) = (service.shape.clone(), service.configuration.clone());
    validate::configure(&mut configuration, input.deployment_configuration, &controller)?;
    let mut shape = old.clone();
    if let Some(given) = &input.task_definition {
        shape.task_definition = validate::definition(cx, given)?;
    }
    if let Some(network) = input.network_configuration {
        shape.network = network.awsvpc_configuration;
    }
    if let Some(strategy) = input.capacity_provider_strategy {
        shape.launch_type = if strategy.is_empty() { Some("FARGATE".to_owned()) } else { None };
        shape.strategy = strategy;
    }
    if input.platform_version.is_some() {
        shape.platform_version = validate::platform(input.platform_version, shape.fargate())?;
    }
    let lists = input.load_balancers.is_some() || input.service_registries.is_some() || input.task_definition.is_some();
    if let Some(balancers) = input.load_balancers {
        shape.load_balancers = balancers;
    }
    if let Some(registries) = input.service_registries {
        shape.registries = registries;
    }
    if input.service_connect_configuration.is_some() {
        shape.connect = input.service_connect_configuration;
    }
    if let Some(volumes) = input.volume_configurations {
        shape.volumes = volumes;
    }
    let balanced = !shape.load_balancers.is_empty();
    if input.health_check_grace_period_seconds.is_some_and(|s| s > 0) && !balanced && controller != "EXTERNAL" {
        return fail!(INVALID, "Health check grace period is only valid for services configured to use load balancers");
    }
    let changed = shape != old;
    if changed {
        validate::shape(cx, &mut shape, lists)?;
    }
    let rollout = if controller == "ECS" && (changed || input.force_new_deployment) {
        Some((Rollout::new(cx, shape.clone(), &arn), history::Minted::new(cx)))
    } else {
        None
    };
    let service = find(cx, input.cluster.as_deref(), &input.service)?;
    if rollout.is_some() && service.rollouts.len() >= 5 {
        return fail!(INVALID, "The service already has the maximum number of active deployments (5).");
    }
    service.configuration = configuration;
    if let Some(desired) = input.desired_count {
        service.desired = desired;
    }
    if let Some(seconds) = input.health_check_grace_period_seconds {
        service.grace = Some(seconds);
    }
    service.shape = shape;
    if !balanced {
        service.grace = None;
    } else if service.grace.is_none() {
        service.grace = Some(0);
    }
    service.exec = input.enable_execute_command.unwrap_or(service.exec);
    service.managed_tags = input.managed_tags.unwrap_or(service.managed_tags);
    if let Some(value) = input.propagate_tags {
        service.propagate_tags = value;
    }
    if let Some(value) = input.availability_zone_rebalancing {
        service.rebalancing = value;
    }
    if let Some(value) = input.placement_constraints {
        service.placement_constraints = value;
    }
    if let Some(value) = input.placement_strategy {
        service.placement_strategy = value;
    }
    if let Some((rollout, minted)) = rollout {
        history::begin(service, &rollout, minted);
        scheduler::deploy(service, rollout);
    }
    scheduler::size(service);
    service.hurry();
    let cluster = cluster::name_of(input.cluster.as_deref());
    scheduler::look_soon(cx, &cluster, &name);
    answer(cx, Some(&cluster), &name, true)
}

//! What CreateService, UpdateService, CreateTaskSet and RunTask refuse alike.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{AwsVpc, Configuration, LoadBalancer, Registry, Shape};
use crate::error::{ApiError, Result, fail};
use crate::services::ecs::{links, task_definition};
use crate::services::{peers, servicediscovery};
use crate::world::Cx;

pub(crate) const INVALID: &str = "InvalidParameterException";

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Network {
    pub(crate) awsvpc_configuration: Option<AwsVpc>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Breaker {
    enable: bool,
    rollback: bool,
    #[serde(rename = "resetOnHealthyTask")]
    _reset_on_healthy_task: Option<bool>,
    #[serde(rename = "thresholdConfiguration")]
    _threshold_configuration: Option<Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wanted {
    deployment_circuit_breaker: Option<Breaker>,
    maximum_percent: Option<u64>,
    minimum_healthy_percent: Option<u64>,
    alarms: Option<Value>,
    strategy: Option<String>,
    bake_time_in_minutes: Option<u64>,
    lifecycle_hooks: Option<Vec<Value>>,
    linear_configuration: Option<Value>,
    canary_configuration: Option<Value>,
}

/// Merges what is wanted into a service's deployment configuration.
pub(crate) fn configure(to: &mut Configuration, wanted: Option<Wanted>, controller: &str) -> Result<()> {
    let Some(wanted) = wanted else { return Ok(()) };
    let native = wanted.strategy.as_deref().is_some_and(|s| s != "ROLLING")
        || wanted.lifecycle_hooks.is_some_and(|h| !h.is_empty())
        || wanted.linear_configuration.is_some()
        || wanted.canary_configuration.is_some()
        || wanted.bake_time_in_minutes.unwrap_or(0) > 0;
    if native {
        return fail!(INVALID, "The local cloud does not have ECS-native blue/green, linear or canary deployments yet");
    }
    if let Some(breaker) = wanted.deployment_circuit_breaker {
        if controller != "ECS" && (breaker.enable || breaker.rollback) {
            return fail!(INVALID, "Deployment circuit breaker is only supported with the ECS deployment controller.");
        }
        if breaker.rollback && !breaker.enable {
            return fail!(INVALID, "Deployment circuit breaker cannot roll back while it is not enabled.");
        }
        (to.breaker, to.rollback) = (breaker.enable, breaker.rollback);
    }
    if let Some(alarms) = wanted.alarms {
        if controller != "ECS" && alarms["enable"] == true {
            return fail!(INVALID, "Deployment alarms are only supported with the ECS deployment controller.");
        }
        to.alarms = Some(alarms);
    }
    to.maximum = wanted.maximum_percent.unwrap_or(to.maximum);
    to.minimum = wanted.minimum_healthy_percent.unwrap_or(to.minimum);
    if to.maximum < 100 {
        return fail!(INVALID, "maximumPercent must be at least 100.");
    }
    if to.minimum > 100 {
        return fail!(INVALID, "minimumHealthyPercent must be at most 100.");
    }
    if to.maximum == 100 && to.minimum == 100 {
        return fail!(
            INVALID,
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments."
        );
    }
    Ok(())
}

/// The ARN of the active task definition that is meant.
pub(crate) fn definition(cx: &mut Cx<'_>, given: &str) -> Result<String> {
    match task_definition::find(cx, given) {
        Some(definition) if definition.status == "ACTIVE" => Ok(definition.arn.clone()),
        Some(_) => fail!("ClientException", "TaskDefinition is inactive"),
        None => fail!("ClientException", "TaskDefinition not found."),
    }
}

/// Fargate's platform version as it reads back.
pub(crate) fn platform(given: Option<String>, fargate: bool) -> Result<Option<String>> {
    match (given.as_deref(), fargate) {
        (None, true) => Ok(Some("LATEST".to_owned())),
        (Some("LATEST" | "1.4.0" | "1.3.0"), true) => Ok(given),
        (Some(other), true) => {
            fail!("PlatformUnknownException", "The specified platform version does not exist: {other}")
        }
        (None, false) => Ok(None),
        (Some(_), false) => fail!(INVALID, "The platform version must be null when specifying an EC2 launch type."),
    }
}

/// The version that tasks get: a service goes on saying LATEST if that is what was asked for.
pub(crate) fn concrete(platform: Option<&str>) -> Option<&str> {
    platform.map(|version| if version == "LATEST" { "1.4.0" } else { version })
}

/// Checks a shape as a whole. `lists` says that load balancers and registries are to be checked too.
pub(crate) fn shape(cx: &mut Cx<'_>, shape: &mut Shape, lists: bool) -> Result<()> {
    let Some(definition) = task_definition::find(cx, &shape.task_definition) else {
        return fail!("ClientException", "TaskDefinition not found.");
    };
    let awsvpc = definition.text("networkMode") == Some("awsvpc");
    if shape.fargate() && !definition.supports("FARGATE") {
        return fail!(INVALID, "Task definition does not support launch_type FARGATE.");
    }
    let containers: Vec<Value> = definition.containers().to_vec();
    match (&mut shape.network, awsvpc) {
        (None, true) => {
            return fail!(INVALID, "Network Configuration must be provided when networkMode 'awsvpc' is specified.");
        }
        (Some(_), false) => {
            return fail!(
                INVALID,
                "Network Configuration is not valid for the given networkMode of this task definition."
            );
        }
        (Some(network), true) => self::network(cx, network)?,
        (None, false) => {}
    }
    if lists {
        load_balancers(cx, &shape.load_balancers, &containers, awsvpc)?;
        registries(cx, &shape.registries, &containers)?;
    }
    Ok(())
}

fn network(cx: &mut Cx<'_>, network: &mut AwsVpc) -> Result<()> {
    if network.subnets.is_empty() {
        return fail!(INVALID, "subnets can not be empty.");
    }
    if network.subnets.len() > 16 || network.security_groups.len() > 5 {
        return fail!(INVALID, "At most 16 subnets and 5 security groups can be specified.");
    }
    if !matches!(network.assign_public_ip.as_str(), "ENABLED" | "DISABLED") {
        return fail!(INVALID, "assignPublicIp must be ENABLED or DISABLED.");
    }
    let mut vpc: Option<String> = None;
    for id in &network.subnets {
        let Some(subnet) = cx.ec2().subnets.get(id) else {
            return fail!(
                INVALID,
                "Error retrieving subnet information for [{id}]: The subnet ID '{id}' does not exist (ErrorCode: \
                 InvalidSubnetID.NotFound)"
            );
        };
        if vpc.as_ref().is_some_and(|v| *v != subnet.vpc_id) {
            return fail!(INVALID, "All subnets must belong to the same VPC.");
        }
        vpc = Some(subnet.vpc_id.clone());
    }
    for id in &network.security_groups {
        let group = cx.ec2().security_groups.get(id).map(|g| g.vpc_id.clone());
        let Some(own) = group else {
            return fail!(
                INVALID,
                "Error retrieving security group information for [{id}]: The security group '{id}' does not exist \
                 (ErrorCode: InvalidGroup.NotFound)"
            );
        };
        if Some(own) != vpc {
            return fail!(INVALID, "The security group '{id}' does not belong to the VPC of the subnets.");
        }
    }
    Ok(())
}

fn load_balancers(cx: &mut Cx<'_>, wanted: &[LoadBalancer], containers: &[Value], awsvpc: bool) -> Result<()> {
    if wanted.len() > 5 {
        return fail!(INVALID, "load balancers can have at most 5 items.");
    }
    for entry in wanted {
        let name = &entry.container_name;
        let Some(container) = containers.iter().find(|c| c["name"] == name.as_str()) else {
            return fail!(INVALID, "The container {name} does not exist in the task definition.");
        };
        let mut ports = container["portMappings"].as_array().into_iter().flatten();
        if !ports.any(|p| p["containerPort"] == entry.container_port) {
            return fail!(
                INVALID,
                "The container {name} did not have a container port {} defined.",
                entry.container_port
            );
        }
        if entry.advanced_configuration.is_some() {
            return fail!(INVALID, "The local cloud does not have ECS-native blue/green deployments yet");
        }
        let Some(arn) = &entry.target_group_arn else {
            return fail!(
                INVALID,
                "A target group must be specified: classic load balancers do not support the awsvpc network mode."
            );
        };
        let found = peers::call(cx, "elasticloadbalancing", "DescribeTargetGroups", json!({"TargetGroupArns": [arn]}));
        let Ok(found) = found else {
            return fail!(
                INVALID,
                "The specified target group does not exist. Make sure the target group is valid: {arn}"
            );
        };
        let group = &found["TargetGroups"][0];
        if group["LoadBalancerArns"].as_array().is_none_or(Vec::is_empty) {
            return fail!(
                INVALID,
                "The target group with targetGroupArn {arn} does not have an associated load balancer."
            );
        }
        let kind = group["TargetType"].as_str().unwrap_or_default();
        if awsvpc && kind != "ip" {
            return fail!(
                INVALID,
                "The provided target group {arn} has target type {kind}, which is incompatible with the awsvpc network \
                 mode specified in the task definition."
            );
        }
    }
    Ok(())
}

fn registries(cx: &mut Cx<'_>, wanted: &[Registry], containers: &[Value]) -> Result<()> {
    if wanted.len() > 1 {
        return fail!(INVALID, "service registries can have at most 1 items.");
    }
    for entry in wanted {
        let kinds: Vec<String> = match servicediscovery::service::find(cx, &entry.registry_arn) {
            Ok(service) => service.dns.iter().flat_map(|d| d.records.iter().map(|r| r.kind.clone())).collect(),
            Err(_) => return fail!(INVALID, "The service registry {} could not be found.", entry.registry_arn),
        };
        if let Some(name) = &entry.container_name
            && !containers.iter().any(|c| c["name"] == name.as_str())
        {
            return fail!(INVALID, "The container {name} does not exist in the task definition.");
        }
        if entry.port.is_some() && entry.container_port.is_some() {
            return fail!(
                INVALID,
                "Specify either port or containerName and containerPort for a service registry, not both."
            );
        }
        if kinds.iter().any(|k| k == "SRV") && entry.port.is_none() && entry.container_port.is_none() {
            return fail!(
                INVALID,
                "When specifying 'SRV' records, 'port' or 'containerName' and 'containerPort' are required."
            );
        }
    }
    Ok(())
}

/// The service-linked role, which must have had its time to be known.
pub(crate) fn linked_role(cx: &mut Cx<'_>) -> Result<String> {
    links::linked_role(cx).map_err(|()| {
        ApiError::new(
            INVALID,
            "Unable to assume the service linked role. Please verify that the ECS service linked role exists.",
        )
    })
}

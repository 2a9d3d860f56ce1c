//! What ECS has in other services: network interfaces in EC2, targets in ELB, instances in Cloud Map, roles in IAM.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::Result;
use crate::services::ec2::eni::{self, Eni, NewEni};
use crate::services::ecr::{self, Pull};
use crate::services::ecs::service::{AwsVpc, Shape};
use crate::services::{iam, logs, peers, servicediscovery};
use crate::tags::Tags;
use crate::world::Cx;

const ELB: &str = "elasticloadbalancing";
const TASKS: &str = "ecs-tasks.amazonaws.com";

/// Makes the service-linked role, as AWS does on the first call of an account.
pub(super) fn ensure_linked_role(cx: &mut Cx<'_>) {
    // It may be there already; that is as good.
    let _ = peers::call(cx, "iam", "CreateServiceLinkedRole", json!({"AWSServiceName": "ecs.amazonaws.com"}));
}

/// The service-linked role's ARN; an error while ECS cannot assume it.
pub(super) fn linked_role(cx: &mut Cx<'_>) -> std::result::Result<String, ()> {
    let arn = format!("arn:aws:iam::{}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS", cx.account());
    match iam::assumable(cx, &arn, "ecs.amazonaws.com") {
        Ok(()) => Ok(arn),
        Err(iam::WhyNot::Missing) => {
            ensure_linked_role(cx);
            if iam::assumable(cx, &arn, "ecs.amazonaws.com").is_ok() { Ok(arn) } else { Err(()) }
        }
        Err(_) => Err(()),
    }
}

/// A network interface for a task.
pub(super) fn attach(cx: &mut Cx<'_>, network: &AwsVpc, subnet: &str, attachment: &str, tags: Tags) -> Result<Eni> {
    let new = NewEni {
        subnet_id: subnet.to_owned(),
        groups: network.security_groups.clone(),
        description: cx.arn("ecs", &format!("attachment/{attachment}")),
        kind: "interface",
        requester: "amazon-ecs",
        owner: "amazon-ecs",
        public: network.assign_public_ip == "ENABLED",
        private_ip: None,
        tags,
    };
    eni::create(cx, new)
}

pub(super) fn detach(cx: &mut Cx<'_>, eni: &str) {
    eni::remove(cx, eni);
}

/// Registers a task's address in its target groups. Answers with those that took it.
pub(super) fn register_targets(cx: &mut Cx<'_>, shape: &Shape, ip: &str) -> Vec<String> {
    targets(cx, shape, ip, "RegisterTargets")
}

/// Deregisters it. Answers with the groups that had it.
pub(super) fn deregister_targets(cx: &mut Cx<'_>, shape: &Shape, ip: &str) -> Vec<String> {
    targets(cx, shape, ip, "DeregisterTargets")
}

fn targets(cx: &mut Cx<'_>, shape: &Shape, ip: &str, operation: &str) -> Vec<String> {
    let mut done = Vec::new();
    for entry in &shape.load_balancers {
        let Some(arn) = &entry.target_group_arn else { continue };
        let input = json!({"TargetGroupArn": arn, "Targets": [{"Id": ip, "Port": entry.container_port}]});
        if peers::call(cx, ELB, operation, input).is_ok() {
            done.push(arn.clone());
        }
    }
    done
}

/// What the load balancers think of a task.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Health {
    Healthy,
    /// Not known yet, or not asked for by any listener.
    Waiting,
    /// In this target group.
    Unhealthy(String),
}

pub(super) fn health(cx: &mut Cx<'_>, shape: &Shape, ip: &str) -> Health {
    let mut all = Health::Healthy;
    for entry in &shape.load_balancers {
        let Some(arn) = &entry.target_group_arn else { continue };
        let input = json!({"TargetGroupArn": arn, "Targets": [{"Id": ip, "Port": entry.container_port}]});
        let answer = peers::call(cx, ELB, "DescribeTargetHealth", input).unwrap_or_default();
        match answer["TargetHealthDescriptions"][0]["TargetHealth"]["State"].as_str() {
            Some("healthy") => {}
            Some("unhealthy") => return Health::Unhealthy(arn.clone()),
            _ => all = Health::Waiting,
        }
    }
    all
}

/// How long the target groups let connections drain: the longest counts.
pub(super) fn drain_time(cx: &mut Cx<'_>, shape: &Shape) -> Duration {
    let mut longest = 0;
    for arn in shape.load_balancers.iter().filter_map(|b| b.target_group_arn.as_ref()) {
        let answer = peers::call(cx, ELB, "DescribeTargetGroupAttributes", json!({"TargetGroupArn": arn}));
        let answer = answer.unwrap_or_default();
        let attributes = answer["Attributes"].as_array().into_iter().flatten();
        let delay = attributes
            .filter(|a| a["Key"] == "deregistration_delay.timeout_seconds")
            .find_map(|a| a["Value"].as_str()?.parse::<u64>().ok());
        longest = longest.max(delay.unwrap_or(0));
    }
    Duration::from_secs(longest)
}

/// Who a task is, for Cloud Map.
pub(super) struct Who<'a> {
    pub(super) id: &'a str,
    pub(super) ip: &'a str,
    pub(super) zone: &'a str,
    pub(super) cluster: &'a str,
    pub(super) service: &'a str,
    pub(super) family: &'a str,
}

/// Registers a task as an instance of its registries.
pub(super) fn register_instances(cx: &mut Cx<'_>, shape: &Shape, who: &Who<'_>) {
    for registry in &shape.registries {
        let mut attributes: BTreeMap<String, String> = [
            ("AVAILABILITY_ZONE", who.zone),
            ("AWS_INIT_HEALTH_STATUS", "HEALTHY"),
            ("AWS_INSTANCE_IPV4", who.ip),
            ("ECS_CLUSTER_NAME", who.cluster),
            ("ECS_SERVICE_NAME", who.service),
            ("ECS_TASK_DEFINITION_FAMILY", who.family),
            ("REGION", &cx.region),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        if let Some(port) = registry.port.or(registry.container_port) {
            attributes.insert("AWS_INSTANCE_PORT".to_owned(), port.to_string());
        }
        // A registry that is gone registers nothing; AWS does not stop the task for it.
        let _ = servicediscovery::instance::put(cx, &registry.registry_arn, who.id, attributes);
    }
}

pub(super) fn deregister_instances(cx: &mut Cx<'_>, shape: &Shape, id: &str) {
    for registry in &shape.registries {
        servicediscovery::instance::remove(cx, &registry.registry_arn, id);
    }
}

/// Why a task of this definition cannot be started at all: its roles.
pub(super) fn roles(
    cx: &mut Cx<'_>,
    task_role: Option<&str>,
    execution_role: Option<&str>,
) -> std::result::Result<(), String> {
    for role in [execution_role, task_role].into_iter().flatten() {
        let arn = if role.starts_with("arn:") {
            role.to_owned()
        } else {
            format!("arn:aws:iam::{}:role/{role}", cx.account())
        };
        if iam::assumable(cx, &arn, TASKS).is_err() {
            return Err(format!(
                "ECS was unable to assume the role '{arn}' that was provided for this task. Please verify that the role being \
                 passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this \
                 role."
            ));
        }
    }
    Ok(())
}

/// Why the containers of a started task do not come up; otherwise the digests of their images, in order.
pub(super) fn pull(
    cx: &mut Cx<'_>,
    task: &str,
    containers: &[Value],
    execution_role: Option<&str>,
) -> std::result::Result<Vec<Option<String>>, String> {
    let mut digests = Vec::new();
    let denied = |cx: &mut Cx<'_>, action: &str, resource: &str| {
        let role = execution_role?;
        if iam::allows(cx, role, action, resource, &[]) {
            return None;
        }
        let (name, account) = (role.rsplit('/').next().unwrap_or(role).to_owned(), cx.account().to_owned());
        Some(format!(
            "User: arn:aws:sts::{account}:assumed-role/{name}/{task} is not authorized to perform: {action} on resource: \
             {resource} because no identity-based policy allows the {action} action"
        ))
    };
    for container in containers {
        let image = container["image"].as_str().unwrap_or_default();
        let found = ecr::pull(cx, image);
        if found != Pull::Elsewhere {
            if let Some(why) = denied(cx, "ecr:GetAuthorizationToken", "*") {
                return Err(format!(
                    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval \
                     failed: unable to retrieve ecr registry auth: service call has been retried 1 time(s): \
                     AccessDeniedException: {why}"
                ));
            }
            let path = image.split_once('/').map_or("", |(_, rest)| rest);
            let repository = path.split(['@', ':']).next().unwrap_or_default();
            let arn = cx.arn("ecr", &format!("repository/{repository}"));
            if let Some(why) = denied(cx, "ecr:BatchGetImage", &arn) {
                return Err(format!(
                    "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref \
                     {image}: pulling from host failed with status code 403 Forbidden: denied: {why}"
                ));
            }
        }
        match found {
            Pull::Elsewhere => digests.push(None),
            Pull::Found(digest) => digests.push(Some(digest)),
            Pull::Missing => {
                return Err(format!(
                    "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: \
                     {image}: not found"
                ));
            }
        }
        log_stream(cx, task, container, &denied)?;
    }
    Ok(digests)
}

fn log_stream(
    cx: &mut Cx<'_>,
    task: &str,
    container: &Value,
    denied: &dyn Fn(&mut Cx<'_>, &str, &str) -> Option<String>,
) -> std::result::Result<(), String> {
    let log = &container["logConfiguration"];
    let Some(group) = log["options"]["awslogs-group"].as_str().filter(|_| log["logDriver"] == "awslogs") else {
        return Ok(());
    };
    let arn = cx.arn("logs", &format!("log-group:{group}:log-stream:*"));
    if let Some(why) = denied(cx, "logs:CreateLogStream", &arn) {
        return Err(format!(
            "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to \
             create Cloudwatch log stream: AccessDeniedException: {why} : exit status 1"
        ));
    }
    if log["options"]["awslogs-create-group"] == "true" {
        logs::ensure_group(cx, group);
    }
    let name = container["name"].as_str().unwrap_or_default();
    let stream = match log["options"]["awslogs-stream-prefix"].as_str() {
        Some(prefix) => format!("{prefix}/{name}/{task}"),
        None => task.to_owned(),
    };
    if logs::put(cx, group, &stream, &[format!("{name} started")]) {
        Ok(())
    } else {
        Err("ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to \
             create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1"
            .to_owned())
    }
}

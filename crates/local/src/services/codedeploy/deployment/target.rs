//! The one target of a deployment: the ECS service, with its life-cycle events and task sets.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Deployment, Side, find, shift};
use crate::clock::Time;
use crate::error::{Result, fail};
use crate::services::ecs;
use crate::services::members::bare;
use crate::world::Cx;

/// The task sets of both sides, as they are.
pub(super) fn task_sets(cx: &mut Cx<'_>, d: &Deployment) -> Vec<Value> {
    let sides = [(&d.blue, "Blue"), (&d.green, "Green")];
    sides.into_iter().filter_map(|(side, label)| task_set(cx, d, side, label)).collect()
}

fn task_set(cx: &mut Cx<'_>, d: &Deployment, side: &Side, label: &str) -> Option<Value> {
    let share = shift::share(cx, d, &side.group);
    let set = ecs::task_set::described(cx, &d.service.cluster_name, &d.service.service_name, &side.set)?;
    Some(json!({
        "identifer": side.set,
        "desiredCount": set["computedDesiredCount"],
        "pendingCount": set["pendingCount"],
        "runningCount": set["runningCount"],
        "status": set["status"],
        "trafficWeight": share,
        "targetGroup": {"name": side.group_name},
        "taskSetLabel": label,
    }))
}

fn shape(cx: &mut Cx<'_>, d: &Deployment) -> Value {
    let sets = if d.is_active() { task_sets(cx, d) } else { d.task_sets.clone() };
    let time = |t: Option<Time>| t.map(Time::epoch_seconds);
    let events = d.events.iter().map(|e| {
        json!({
            "lifecycleEventName": e.name,
            "status": e.status,
            "startTime": time(e.start),
            "endTime": time(e.end),
            "diagnostics": e.diagnostics,
        })
    });
    bare(json!({
        "deploymentTargetType": "ECSTarget",
        "ecsTarget": {
            "deploymentId": d.id,
            "targetId": d.target_id(),
            "targetArn": d.service_arn,
            "lastUpdatedAt": d.target_updated.epoch_seconds(),
            "lifecycleEvents": events.collect::<Vec<_>>(),
            "status": d.target_status,
            "taskSetsInfo": sets,
        },
    }))
}

/// A deployment that has begun.
fn started(cx: &mut Cx<'_>, id: Option<&str>) -> Result<Deployment> {
    let found = find(cx, id)?;
    if found.started.is_none() {
        return fail!("DeploymentNotStartedException", "The specified deployment has not started: {}", found.id);
    }
    Ok(found.clone())
}

fn check(d: &Deployment, target: &str) -> Result<()> {
    // The service's ARN is as good as the short form.
    if target == d.target_id() || target == d.service_arn {
        return Ok(());
    }
    if target.split_once(':').is_none_or(|(cluster, service)| cluster.is_empty() || service.is_empty()) {
        return fail!("InvalidDeploymentTargetIdException", "The target id is not in a valid format: {target}");
    }
    fail!("DeploymentTargetDoesNotExistException", "The target {target} does not belong to the deployment {}", d.id)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Get {
    deployment_id: Option<String>,
    target_id: Option<String>,
}

pub(in super::super) fn get(cx: &mut Cx<'_>, input: Get) -> Result {
    let d = started(cx, input.deployment_id.as_deref())?;
    let Some(target) = input.target_id else {
        return fail!("DeploymentTargetIdRequiredException", "A deployment target ID was not provided.");
    };
    check(&d, &target)?;
    Ok(json!({"deploymentTarget": shape(cx, &d)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct BatchGet {
    deployment_id: Option<String>,
    #[serde(default)]
    target_ids: Vec<String>,
}

pub(in super::super) fn batch_get(cx: &mut Cx<'_>, input: BatchGet) -> Result {
    let d = started(cx, input.deployment_id.as_deref())?;
    if input.target_ids.is_empty() {
        return fail!("DeploymentTargetIdRequiredException", "A deployment target ID was not provided.");
    }
    if input.target_ids.len() > 25 {
        return fail!("DeploymentTargetListSizeExceededException", "The maximum number of targets (25) was exceeded.");
    }
    let mut all = Vec::new();
    for target in &input.target_ids {
        check(&d, target)?;
        all.push(shape(cx, &d));
    }
    Ok(json!({"deploymentTargets": all}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct List {
    deployment_id: Option<String>,
    next_token: Option<String>,
    target_filters: Option<Map<String, Value>>,
}

pub(in super::super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let d = started(cx, input.deployment_id.as_deref())?;
    if input.next_token.is_some_and(|token| !token.is_empty()) {
        return fail!("InvalidNextTokenException", "The token is invalid.");
    }
    let mut ids = vec![d.target_id()];
    for (name, values) in input.target_filters.unwrap_or_default() {
        match name.as_str() {
            "TargetStatus" => {
                let wanted = values.as_array().is_some_and(|v| v.iter().any(|v| v == d.target_status.as_str()));
                ids.retain(|_| wanted);
            }
            "ServerInstanceLabel" => ids.clear(),
            other => return fail!("InvalidTargetFilterNameException", "The target filter name is invalid: {other}"),
        }
    }
    Ok(json!({"targetIds": ids}))
}

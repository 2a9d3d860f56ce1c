//! GetDeployment, BatchGetDeployments, ListDeployments.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Deployment, find};
use crate::clock::Time;
use crate::error::{Result, fail};
use crate::page::page;
use crate::services::codedeploy::{application, group};
use crate::services::members::bare;
use crate::world::Cx;

fn shape(d: &Deployment) -> Value {
    let count = |status: &str| u64::from(d.target_status == status);
    let time = |t: Option<Time>| t.map(Time::epoch_seconds);
    let overview = json!({
        "Pending": count("Pending"),
        "InProgress": count("InProgress"),
        "Succeeded": count("Succeeded"),
        "Failed": count("Failed"),
        "Skipped": count("Skipped"),
        "Ready": count("Ready"),
    });
    bare(json!({
        "applicationName": d.application,
        "deploymentGroupName": d.group,
        "deploymentConfigName": d.config,
        "deploymentId": d.id,
        "previousRevision": d.previous.as_ref().map(|r| r.location(false)),
        "revision": d.revision.location(false),
        "status": d.status,
        "errorInformation": d.error.as_ref().map(|e| json!({"code": e.code, "message": e.message})),
        "createTime": d.created.epoch_seconds(),
        "startTime": time(d.started),
        "completeTime": time(d.completed),
        "deploymentOverview": d.started.map(|_| overview),
        "description": d.description,
        "creator": if d.undoes.is_some() { "codeDeployRollback" } else { "user" },
        "ignoreApplicationStopFailures": false,
        "autoRollbackConfiguration": d.rollback,
        "updateOutdatedInstancesOnly": false,
        "rollbackInfo": d.rollback_info,
        "deploymentStyle": d.style,
        "instanceTerminationWaitTimeStarted": d.termination_wait,
        "blueGreenDeploymentConfiguration": d.blue_green,
        "loadBalancerInfo": d.balancer,
        "fileExistsBehavior": d.file_exists,
        "deploymentStatusMessages": [],
        "computePlatform": "ECS",
        "overrideAlarmConfiguration": d.override_alarms,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Get {
    deployment_id: Option<String>,
}

pub(in super::super) fn get(cx: &mut Cx<'_>, input: Get) -> Result {
    let found = find(cx, input.deployment_id.as_deref())?;
    Ok(json!({"deploymentInfo": shape(found)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct BatchGet {
    #[serde(default)]
    deployment_ids: Vec<String>,
}

/// AWS leaves out what it does not find.
pub(in super::super) fn batch_get(cx: &mut Cx<'_>, input: BatchGet) -> Result {
    if input.deployment_ids.is_empty() {
        return fail!("DeploymentIdRequiredException", "Deployment ID was not provided");
    }
    if input.deployment_ids.len() > 25 {
        return fail!(
            "BatchLimitExceededException",
            "The maximum number of names or IDs allowed for this request (25) was exceeded."
        );
    }
    let state = &*cx.codedeploy();
    let found = input.deployment_ids.iter().filter_map(|id| state.deployments.get(id)).map(shape);
    Ok(json!({"deploymentsInfo": found.collect::<Vec<_>>()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    start: Option<f64>,
    end: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct List {
    application_name: Option<String>,
    deployment_group_name: Option<String>,
    external_id: Option<String>,
    #[serde(default)]
    include_only_statuses: Vec<String>,
    create_time_range: Option<Range>,
    next_token: Option<String>,
}

const STATUSES: &[&str] = &["Created", "Queued", "InProgress", "Baking", "Succeeded", "Failed", "Stopped", "Ready"];

/// Newest first.
pub(in super::super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let within = match (input.application_name, input.deployment_group_name) {
        (Some(application), Some(group)) => {
            let (application, group) = (application::name(Some(application))?, group::name(Some(group))?);
            group::find(cx, &application, &group)?;
            Some((application, group))
        }
        (Some(_), None) => {
            return fail!("DeploymentGroupNameRequiredException", "Deployment group name was not provided");
        }
        (None, Some(_)) => return fail!("ApplicationNameRequiredException", "Application name was not provided"),
        (None, None) => None,
    };
    if let Some(status) = input.include_only_statuses.iter().find(|s| !STATUSES.contains(&s.as_str())) {
        return fail!("InvalidDeploymentStatusException", "The deployment status '{status}' is invalid");
    }
    let (start, end) = input.create_time_range.map_or((None, None), |r| (r.start, r.end));
    if let (Some(start), Some(end)) = (start, end)
        && start > end
    {
        return fail!("InvalidTimeRangeException", "The start of the time range is after its end");
    }
    let wanted = |d: &&Deployment| {
        let created = d.created.epoch_seconds();
        within.as_ref().is_none_or(|(a, g)| d.application == *a && d.group == *g)
            && (input.include_only_statuses.is_empty() || input.include_only_statuses.contains(&d.status))
            && start.is_none_or(|s| created >= s)
            && end.is_none_or(|e| created <= e)
            // Only CloudFormation gives deployments external ids.
            && input.external_id.as_ref().is_none_or(String::is_empty)
    };
    let own = cx.codedeploy().deployments.values().filter(wanted);
    let mut own: Vec<(String, String)> = own.map(|d| (format!("{:020}", u64::MAX - d.number), d.id.clone())).collect();
    own.sort();
    let page = page(own, input.next_token.as_deref(), 100, "InvalidNextTokenException")?;
    Ok(bare(json!({"deployments": page.items, "nextToken": page.next})))
}

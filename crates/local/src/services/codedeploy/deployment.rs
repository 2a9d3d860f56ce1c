//! Deployments: there are none yet, and this says so.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{ApiError, Result, fail};
use crate::services::codedeploy::{application, group};
use crate::world::Cx;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct List {
    application_name: Option<String>,
    deployment_group_name: Option<String>,
    #[serde(rename = "externalId")]
    _external_id: Option<String>,
    #[serde(default)]
    include_only_statuses: Vec<String>,
    #[serde(rename = "createTimeRange")]
    _create_time_range: Option<Value>,
    next_token: Option<String>,
}

const STATUSES: &[&str] = &["Created", "Queued", "InProgress", "Baking", "Succeeded", "Failed", "Stopped", "Ready"];

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    match (input.application_name, input.deployment_group_name) {
        (Some(application), Some(group)) => {
            let application = application::name(Some(application))?;
            group::find(cx, &application, &group::name(Some(group))?)?;
        }
        (Some(_), None) => return fail!("DeploymentGroupNameRequiredException", "Deployment group name was not provided"),
        (None, Some(_)) => return fail!("ApplicationNameRequiredException", "Application name was not provided"),
        (None, None) => {}
    }
    if let Some(status) = input.include_only_statuses.iter().find(|s| !STATUSES.contains(&s.as_str())) {
        return fail!("InvalidDeploymentStatusException", "The deployment status '{status}' is invalid");
    }
    if input.next_token.is_some_and(|token| !token.is_empty()) {
        return fail!("InvalidNextTokenException", "The token is invalid.");
    }
    Ok(json!({"deployments": []}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Get {
    deployment_id: Option<String>,
}

fn absent(id: Option<&str>) -> ApiError {
    match id {
        None => ApiError::new("DeploymentIdRequiredException", "Deployment ID was not provided"),
        Some(id) if !id.starts_with("d-") => {
            ApiError::new("InvalidDeploymentIdException", format!("Specified DeploymentId is not in the valid format: {id}"))
        }
        Some(id) => ApiError::new("DeploymentDoesNotExistException", format!("The deployment {id} could not be found")),
    }
}

pub(super) fn get(_: &mut Cx<'_>, input: Get) -> Result {
    Err(absent(input.deployment_id.as_deref()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BatchGet {
    #[serde(default)]
    deployment_ids: Vec<String>,
}

/// AWS leaves out what it does not find.
pub(super) fn batch_get(_: &mut Cx<'_>, input: BatchGet) -> Result {
    match input.deployment_ids.as_slice() {
        [] => Err(absent(None)),
        ids if ids.len() > 25 => fail!(
            "BatchLimitExceededException",
            "The maximum number of names or IDs allowed for this request (25) was exceeded."
        ),
        _ => Ok(json!({"deploymentsInfo": []})),
    }
}

/// Operations on a deployment: whichever it is, it is not there.
pub(super) fn of_none(_: &mut Cx<'_>, input: Value) -> Result {
    Err(absent(input["deploymentId"].as_str()))
}

pub(super) fn not_yet(cx: &mut Cx<'_>, _: Value) -> Result {
    fail!("UnknownOperationException", "The local cloud does not have codedeploy:{} yet", cx.operation)
}

//! ContinueDeployment and StopDeployment.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Problem, Stage, active, find, life, rollback};
use crate::error::{Result, fail};
use crate::services::sts;
use crate::timings;
use crate::world::Cx;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Continue {
    deployment_id: Option<String>,
    deployment_wait_type: Option<String>,
}

pub(in super::super) fn go_on(cx: &mut Cx<'_>, input: Continue) -> Result {
    let found = find(cx, input.deployment_id.as_deref())?;
    let id = found.id.clone();
    let wait = input.deployment_wait_type.as_deref().unwrap_or("READY_WAIT");
    let expected = match wait {
        "READY_WAIT" => Stage::Ready,
        "TERMINATION_WAIT" => Stage::TerminationWait,
        _ => return fail!("InvalidDeploymentWaitTypeException", "The wait type '{wait}' is invalid"),
    };
    if !found.is_active() {
        return fail!("DeploymentAlreadyCompletedException", "The deployment {id} has already completed");
    }
    if found.stage != expected || found.stopping.is_some() {
        return fail!("DeploymentIsNotInReadyStateException", "The deployment {id} is not waiting at {wait}");
    }
    found.status = "InProgress".to_owned();
    if expected == Stage::Ready {
        found.target_status = "InProgress".to_owned();
    }
    life::go_on(cx, &id);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Stop {
    deployment_id: Option<String>,
    auto_rollback_enabled: Option<bool>,
}

/// Pending at first: what runs ends a moment later. Asked again about a deployment that was stopped: Succeeded.
pub(in super::super) fn stop(cx: &mut Cx<'_>, input: Stop) -> Result {
    let found = find(cx, input.deployment_id.as_deref())?;
    let id = found.id.clone();
    if found.status == "Stopped" {
        return Ok(json!({"status": "Succeeded", "statusMessage": "No more lifecycle events will run."}));
    }
    if !found.is_active() {
        return fail!("DeploymentAlreadyCompletedException", "The deployment {id} has already completed");
    }
    if found.stage == Stage::Terminating {
        return fail!(
            "DeploymentAlreadyCompletedException",
            "The deployment {id} has progressed to a point where it cannot be stopped"
        );
    }
    if found.stopping.is_none() {
        let configured = found.rolls_back_on("DEPLOYMENT_STOP_ON_REQUEST");
        found.stopping = Some(input.auto_rollback_enabled.unwrap_or(configured));
        cx.after_in("codedeploy", timings::DEPLOYMENT_STOP, json!({"kind": "stop", "id": id}));
    }
    Ok(json!({"status": "Pending", "statusMessage": "Some lifecycle events may still be running."}))
}

/// The stop that was asked for.
pub(super) fn stop_now(cx: &mut Cx<'_>, id: &str) {
    let Some(found) = active(cx, id) else { return };
    let Some(back) = found.stopping.take() else { return };
    if found.stage == Stage::Terminating {
        return;
    }
    let who = sts::caller_arn(cx.account());
    let problem = Problem::new("MANUAL_STOP", format!("The deployment was stopped by {who}."));
    life::finish(cx, id, "Stopped", Some(problem));
    if back {
        rollback::begin(cx, id, &format!("Deployment {id} was stopped with a rollback."));
    }
}

//! Alarms: a deployment whose alarm rings is stopped.

use serde_json::json;

use super::life::{self, Act};
use super::{Problem, active, permit};
use crate::timings;
use crate::world::Cx;

/// An alarm has another state, or is new or gone: CodeDeploy sees that when it polls next.
pub(crate) fn changed(cx: &mut Cx<'_>) {
    let deployments = cx.codedeploy().deployments.values();
    let watching = deployments.filter(|d| d.is_active() && d.alarms.as_ref().is_some_and(|a| a.enabled));
    let ids: Vec<String> = watching.map(|d| d.id.clone()).collect();
    for id in ids {
        cx.after_in("codedeploy", timings::ALARM_POLL, json!({"kind": "alarms", "id": id}));
    }
}

/// Looks at a deployment's alarms.
pub(super) fn look(cx: &mut Cx<'_>, id: &str) {
    if let Err(problem) = check(cx, id) {
        life::fail(cx, id, problem);
    }
}

/// Stops a deployment if an alarm rings; an error if the alarms cannot be known and that matters.
pub(super) fn check(cx: &mut Cx<'_>, id: &str) -> Act {
    let Some(d) = active(cx, id).cloned() else { return Ok(()) };
    // A rollback is not stopped by what it is to repair.
    let Some(alarms) = d.alarms.filter(|a| a.enabled && d.undoes.is_none()) else { return Ok(()) };
    let patient = alarms.ignore_poll_alarm_failure;
    if let Err(problem) = permit::check(cx, &d.role, "cloudwatch:DescribeAlarms", "*") {
        return if patient { Ok(()) } else { Err(problem) };
    }
    let mut ringing = Vec::new();
    for alarm in &alarms.alarms {
        match cx.cloudwatch().rings(&alarm.name) {
            Some(true) => ringing.push(alarm.name.clone()),
            None if !patient => {
                let message = format!("The alarm {} could not be found in CloudWatch.", alarm.name);
                return Err(Problem::new("CODEDEPLOY_RESOURCE_CANNOT_BE_FOUND", message));
            }
            _ => {}
        }
    }
    if !ringing.is_empty() {
        let message = format!(
            "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the affected \
             deployments have been stopped. Activated alarms: <{}>",
            ringing.join(", ")
        );
        life::stop(cx, id, Problem::new("ALARM_ACTIVE", message), "DEPLOYMENT_STOP_ON_ALARM");
    }
    Ok(())
}

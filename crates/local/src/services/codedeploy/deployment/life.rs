//! The life of a deployment: one stage after the other, each when its time has come.

use std::time::Duration;

use serde_json::json;

use super::{Deployment, Problem, Side, Stage, active, alarm, install, permit, rollback, shift, target};
use crate::services::{ecs, peers};
use crate::timings;
use crate::world::Cx;

/// What a stage's act comes to.
pub(super) type Act = Result<(), Problem>;

const OWN: &str = "codedeploy";

fn turn(cx: &mut Cx<'_>, id: &str) -> Option<serde_json::Value> {
    let found = active(cx, id)?;
    found.turn += 1;
    Some(json!({"kind": "step", "id": id, "turn": found.turn}))
}

/// The stage is over after this time, which is none under `Options::instant`.
pub(super) fn later(cx: &mut Cx<'_>, id: &str, delay: Duration) {
    if let Some(body) = turn(cx, id) {
        cx.after_in(OWN, delay, body);
    }
}

/// The stage is over after this time, which a user chose.
pub(super) fn wait(cx: &mut Cx<'_>, id: &str, delay: Duration) {
    if let Some(body) = turn(cx, id) {
        cx.exactly_after_in(OWN, delay, body);
    }
}

/// A stage's time is over.
pub(super) fn step(cx: &mut Cx<'_>, id: &str, turn: u64) {
    // One that is being stopped goes no further: its stop is a moment away.
    let Some(found) = active(cx, id).filter(|d| d.turn == turn && d.stopping.is_none()) else { return };
    let stage = found.stage;
    if let Err(problem) = still_there(cx, id) {
        return fail(cx, id, problem);
    }
    let done = match stage {
        Stage::Created => start(cx, id),
        Stage::Install => Err(Problem::new(
            "TIMEOUT",
            "The deployment timed out while waiting for the replacement task set to become healthy. This time out period is \
             60 minutes.",
        )),
        Stage::Ready => {
            let why = "The deployment was stopped because traffic was not rerouted before the end of the wait time.";
            return stop(cx, id, Problem::new("TIMEOUT", why), "DEPLOYMENT_STOP_ON_REQUEST");
        }
        Stage::AllowTraffic => shift::more(cx, id),
        Stage::Terminating => {
            finish(cx, id, "Succeeded", None);
            Ok(())
        }
        _ => {
            go_on(cx, id);
            Ok(())
        }
    };
    if let Err(problem) = done {
        fail(cx, id, problem);
    }
}

/// The service that is deployed to is still there.
pub(super) fn still_there(cx: &mut Cx<'_>, id: &str) -> Act {
    let Some(d) = active(cx, id).cloned() else { return Ok(()) };
    if ecs::controller_of(cx, &d.service.cluster_name, &d.service.service_name).as_deref() == Some("CODE_DEPLOY") {
        return Ok(());
    }
    Err(Problem::new(
        "INVALID_ECS_SERVICE",
        format!(
            "The ECS service {} in the cluster {} cannot be found, is not active or has another deployment controller.",
            d.service.service_name, d.service.cluster_name
        ),
    ))
}

/// From Created to InProgress.
fn start(cx: &mut Cx<'_>, id: &str) -> Act {
    let now = cx.now();
    let Some(found) = active(cx, id) else { return Ok(()) };
    (found.status, found.started) = ("InProgress".to_owned(), Some(now));
    (found.target_status, found.target_updated) = ("InProgress".to_owned(), now);
    let d = found.clone();
    permit::role(cx, &d.role)?;
    permit::check(cx, &d.role, "ecs:DescribeServices", &d.service_arn)?;
    for action in ["DescribeTargetGroups", "DescribeListeners", "DescribeRules"] {
        permit::check(cx, &d.role, &format!("elasticloadbalancing:{action}"), "*")?;
    }
    if d.undoes.is_some() {
        // Nothing is installed to go back.
        for event in active(cx, id).into_iter().flat_map(|d| d.events.iter_mut()).take(3) {
            event.status = "Skipped".to_owned();
        }
        enter(cx, id, if d.listener(true).is_some() { Stage::AllowTestTraffic } else { Stage::BeforeAllowTraffic });
        return Ok(());
    }
    alarm::check(cx, id)?;
    if active(cx, id).is_none() {
        return Ok(());
    }
    let (blue, green) = sides(cx, &d)?;
    if let Some(found) = active(cx, id) {
        (found.blue, found.green) = (blue, green);
    }
    enter(cx, id, Stage::BeforeInstall);
    Ok(())
}

/// Which of the two target groups is live: that of the PRIMARY task set.
fn sides(cx: &mut Cx<'_>, d: &Deployment) -> Result<(Side, Side), Problem> {
    let pairs = d.balancer.target_group_pair_info_list.iter();
    let names: Vec<String> = pairs.flat_map(|pair| pair.target_groups.iter().map(|g| g.name.clone())).collect();
    let mut pair = Vec::new();
    for name in names {
        let found = peers::call(cx, "elasticloadbalancing", "DescribeTargetGroups", json!({"Names": [name]}));
        let arn = found.ok().and_then(|f| f["TargetGroups"][0]["TargetGroupArn"].as_str().map(str::to_owned));
        let Some(group) = arn else {
            return Err(shift::invalid(&format!("The target group {name} could not be found")));
        };
        pair.push(Side { set: String::new(), group, group_name: name });
    }
    let Some((set, group)) = install::primary(cx, d) else {
        return Err(Problem::new(
            "INVALID_ECS_SERVICE",
            "The ECS service has no PRIMARY task set with a target group.",
        ));
    };
    let (mut live, mut other): (Vec<Side>, Vec<Side>) = pair.into_iter().partition(|side| side.group == group);
    match (live.pop(), other.pop()) {
        (Some(blue), Some(green)) => Ok((Side { set, ..blue }, green)),
        _ => Err(Problem::new(
            "INVALID_ECS_SERVICE",
            "The target group of the ECS service's PRIMARY task set must be one of the deployment group's target group pair.",
        )),
    }
}

/// The stage has done what it is for: its event has succeeded, and the next begins.
pub(super) fn go_on(cx: &mut Cx<'_>, id: &str) {
    let now = cx.now();
    let Some(found) = active(cx, id) else { return };
    let stage = found.stage;
    found.target_updated = now;
    if let Some(event) = found.event(stage) {
        (event.status, event.end) = ("Succeeded".to_owned(), Some(now));
    }
    let test = found.listener(true).is_some();
    let ready = found.ready_wait().is_some() && found.undoes.is_none();
    let next = match stage {
        Stage::Created => Stage::BeforeInstall,
        Stage::BeforeInstall => Stage::Install,
        Stage::Install => Stage::AfterInstall,
        Stage::AfterInstall if test => Stage::AllowTestTraffic,
        Stage::AllowTestTraffic => Stage::AfterAllowTestTraffic,
        Stage::AfterInstall | Stage::AfterAllowTestTraffic if ready => Stage::Ready,
        Stage::AfterInstall | Stage::AfterAllowTestTraffic | Stage::Ready => Stage::BeforeAllowTraffic,
        Stage::BeforeAllowTraffic => Stage::AllowTraffic,
        Stage::AllowTraffic => Stage::AfterAllowTraffic,
        Stage::AfterAllowTraffic => Stage::TerminationWait,
        Stage::TerminationWait | Stage::Terminating | Stage::Over => Stage::Terminating,
    };
    enter(cx, id, next);
}

/// Begins a stage.
fn enter(cx: &mut Cx<'_>, id: &str, stage: Stage) {
    let now = cx.now();
    let Some(found) = active(cx, id) else { return };
    (found.stage, found.target_updated) = (stage, now);
    if let Some(event) = found.event(stage) {
        (event.status, event.start) = ("InProgress".to_owned(), Some(now));
    }
    match stage {
        Stage::Ready => (found.status, found.target_status) = ("Ready".to_owned(), "Ready".to_owned()),
        Stage::TerminationWait => {
            (found.target_status, found.termination_wait) = ("Succeeded".to_owned(), found.undoes.is_none());
        }
        _ => {}
    }
    let d = found.clone();
    let hook = stage.event().and_then(|event| d.spec.hooks.get(event)).filter(|_| d.undoes.is_none());
    let done = match (stage, hook) {
        (Stage::Install, _) => install::begin(cx, &d),
        (Stage::AllowTestTraffic, _) => shift::test(cx, &d).map(|()| later(cx, id, timings::LISTENER_REWRITE)),
        (Stage::Ready, _) => {
            wait(cx, id, d.ready_wait().unwrap_or_default());
            Ok(())
        }
        (Stage::AllowTraffic, _) => shift::production(cx, id),
        (Stage::TerminationWait, _) => {
            wait(cx, id, if d.undoes.is_some() { Duration::ZERO } else { d.termination_wait() });
            Ok(())
        }
        (Stage::Terminating, _) => terminate(cx, &d),
        (_, Some(function)) => self::hook(cx, &d, function),
        (_, None) => {
            later(cx, id, timings::LIFECYCLE_EVENT);
            Ok(())
        }
    };
    if let Err(problem) = done {
        fail(cx, id, problem);
    }
}

/// There is no Lambda here, so that no hook can succeed.
fn hook(cx: &mut Cx<'_>, d: &Deployment, function: &str) -> Act {
    let arn = if function.starts_with("arn:") {
        function.to_owned()
    } else {
        cx.arn("lambda", &format!("function:{function}"))
    };
    permit::check(cx, &d.role, "lambda:InvokeFunction", &arn)?;
    Err(Problem::new(
        "HOOK_EXECUTION_FAILURE",
        format!(
            "The Lambda function {function} could not be invoked: the local cloud has no Lambda, so that hooks fail."
        ),
    ))
}

/// Deletes the task set that is not needed any more: blue, or green after a rollback.
fn terminate(cx: &mut Cx<'_>, d: &Deployment) -> Act {
    // What the target says now is what it keeps saying.
    let last = target::task_sets(cx, d);
    if let Some(found) = active(cx, &d.id) {
        found.task_sets = last;
    }
    let set = if d.undoes.is_some() { &d.green.set } else { &d.blue.set };
    if !set.is_empty() {
        install::delete_set(cx, d, set)?;
    }
    later(cx, &d.id, timings::TASK_SET_DELETE);
    Ok(())
}

/// The deployment has failed, and is rolled back if it is to be.
pub(super) fn fail(cx: &mut Cx<'_>, id: &str, problem: Problem) {
    let Some(found) = active(cx, id) else { return };
    // A rollback that a user has asked for already is not lost by what came in between.
    let back = found.rolls_back_on("DEPLOYMENT_FAILURE") || found.stopping == Some(true);
    let why = problem.message.clone();
    finish(cx, id, "Failed", Some(problem));
    if back {
        rollback::begin(cx, id, &format!("Deployment {id} failed and is rolled back: {why}"));
    }
}

/// The deployment is stopped, and is rolled back if that is configured for such a stop.
pub(super) fn stop(cx: &mut Cx<'_>, id: &str, problem: Problem, event: &str) {
    let Some(found) = active(cx, id) else { return };
    let back = found.rolls_back_on(event) || found.stopping == Some(true);
    let why = problem.message.clone();
    finish(cx, id, "Stopped", Some(problem));
    if back {
        rollback::begin(cx, id, &format!("Deployment {id} was stopped and is rolled back: {why}"));
    }
}

/// The deployment is over.
pub(super) fn finish(cx: &mut Cx<'_>, id: &str, status: &str, problem: Option<Problem>) {
    let now = cx.now();
    let Some(d) = active(cx, id).cloned() else { return };
    let log = install::log_tail(cx, &d);
    let sets = if d.stage == Stage::Terminating { d.task_sets.clone() } else { target::task_sets(cx, &d) };
    let Some(found) = active(cx, id) else { return };
    found.task_sets = sets;
    let failed = problem.as_ref().filter(|_| status == "Failed");
    for event in &mut found.events {
        match (event.status.as_str(), failed) {
            ("InProgress", Some(problem)) => {
                event.status = "Failed".to_owned();
                event.diagnostics = Some(json!({
                    "errorCode": if problem.code == "TIMEOUT" { "ScriptTimedOut" } else { "UnknownError" },
                    "scriptName": "",
                    "message": problem.message,
                    "logTail": if event.name == "Install" { log.as_str() } else { "" },
                }));
                event.end = Some(now);
            }
            ("InProgress", None) => (event.status, event.end) = ("Skipped".to_owned(), Some(now)),
            ("Pending", _) => event.status = "Skipped".to_owned(),
            _ => {}
        }
    }
    if found.target_status != "Succeeded" {
        found.target_status = if status == "Stopped" { "Skipped" } else { status }.to_owned();
    }
    (found.status, found.error, found.completed) = (status.to_owned(), problem, Some(now));
    (found.stage, found.stopping, found.target_updated) = (Stage::Over, None, now);
    found.turn += 1;
}

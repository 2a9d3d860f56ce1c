//! How a container behaves: what its stand-in answers, and which images ask for trouble.
//!
//! For practice a tag that contains one of these words makes an image misbehave:
//!
//! | word | what happens |
//! |---|---|
//! | `never-healthy` | the health-check path answers 503 for ever, everything else works |
//! | `slow-start` | 503 to everything for the first 45 seconds; a service without a grace period may find that too long |
//! | `crash` | the container ends with exit code 1 a minute after its start |
//! | `error-500` | 500 to everybody but the load balancer's health checks: healthy, and broken all the same |
//!
//! The tag is that of the image's reference, or those that its digest has in the registry when the container starts.

use serde_json::json;

use crate::clock::Time;
use crate::services::ecs::task::Task;
use crate::services::elbv2::{HealthCheck, target};
use crate::timings;
use crate::world::Cx;

/// The words.
pub(crate) const TROUBLES: [&str; 4] = ["never-healthy", "slow-start", "crash", "error-500"];

fn asks_for(task: &Task, word: &str) -> bool {
    task.containers.iter().flat_map(|c| &c.tags).any(|tag| tag.contains(word))
}

/// The status with which a task answers; none if nothing is listening. `checks` says that a load balancer asks.
pub(crate) fn status(task: &Task, path: &str, health_path: &str, checks: bool, now: Time) -> Option<u16> {
    if !matches!(task.last_status.as_str(), "RUNNING" | "DEACTIVATING") {
        return None;
    }
    let started = task.started?;
    if asks_for(task, "slow-start") && now < started + timings::CONTAINER_SLOW_START {
        return Some(503);
    }
    if asks_for(task, "never-healthy") && (checks || path == health_path) {
        return Some(503);
    }
    if asks_for(task, "error-500") && !checks {
        return Some(500);
    }
    Some(200)
}

/// Whether a target group's health checks find a task healthy.
fn passes(task: &Task, check: &HealthCheck, now: Time) -> bool {
    let path = check.path.as_deref().unwrap_or("/");
    let Some(status) = status(task, path, path, true, now) else { return false };
    let Some(matcher) = &check.matcher else { return status == 200 };
    matcher.split(',').any(|part| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        from.trim().parse::<u16>().is_ok_and(|from| from <= status)
            && to.trim().parse::<u16>().is_ok_and(|to| status <= to)
    })
}

/// Tells a task's target groups what their health checks find from now on.
pub(super) fn judge(cx: &mut Cx<'_>, task: &Task) {
    let now = cx.now();
    let Some(ip) = task.interface.as_ref().map(|i| i.ip.clone()) else { return };
    for entry in &task.shape.load_balancers {
        let Some(arn) = &entry.target_group_arn else { continue };
        let Some(check) = cx.elbv2().target_groups.get(arn).map(|g| g.health_check.clone()) else { continue };
        let port = u16::try_from(entry.container_port).unwrap_or_default();
        target::set_answers(cx, arn, &ip, port, passes(task, &check, now));
    }
}

/// The health check of a target group has changed: all tasks behind it are judged anew.
pub(crate) fn judge_all(cx: &mut Cx<'_>, group: &str) {
    let behind = |t: &&Task| {
        t.last_status == "RUNNING"
            && t.shape.load_balancers.iter().any(|b| b.target_group_arn.as_deref() == Some(group))
    };
    let tasks: Vec<Task> = cx.ecs().clusters.values().flat_map(|c| c.tasks.values()).filter(behind).cloned().collect();
    for task in &tasks {
        judge(cx, task);
    }
}

/// A container has started: what will happen to it later by itself.
pub(super) fn started(cx: &mut Cx<'_>, cluster: &str, task: &Task) {
    judge(cx, task);
    let mut later = |delay, step: &str| {
        cx.exactly_after(delay, json!({"kind": "task", "cluster": cluster, "task": task.id, "step": step}));
    };
    if asks_for(task, "slow-start") {
        later(timings::CONTAINER_SLOW_START, "answer");
    }
    if asks_for(task, "crash") {
        later(timings::CONTAINER_CRASH, "crash");
    }
}

/// The task of a cluster that has this address.
pub(crate) fn at_address<'t>(mut tasks: impl Iterator<Item = &'t Task>, ip: &str) -> Option<&'t Task> {
    tasks.find(|t| t.last_status == "RUNNING" && t.interface.as_ref().is_some_and(|i| i.ip == ip))
}

//! The service scheduler: it looks at a service whenever something happened, starts and stops tasks, and decides when a
//! deployment is complete, has failed, or is rolled back.

use std::time::Duration;

use serde_json::json;

use crate::services::codedeploy;
use crate::services::ecs::history;
use crate::services::ecs::life::{self, Launch};
use crate::services::ecs::links::{self, Health};
use crate::services::ecs::rollout::Rollout;
use crate::services::ecs::service::{EcsService, tell};
use crate::tags::Tags;
use crate::timings;
use crate::world::Cx;

/// Lets a new deployment be the PRIMARY one.
pub(super) fn deploy(service: &mut EcsService, rollout: Rollout) {
    for old in &mut service.rollouts {
        old.status = "ACTIVE".to_owned();
    }
    service.rollouts.insert(0, rollout);
    service.steady = false;
}

/// Sets how many tasks each deployment or task set should have.
pub(super) fn size(service: &mut EcsService) {
    let (desired, sets) = (service.desired, service.with_task_sets());
    for rollout in &mut service.rollouts {
        let wanted = if sets {
            // AWS rounds up.
            (desired as f64 * rollout.scale / 100.0).ceil() as u64
        } else if rollout.status == "PRIMARY" && rollout.state != "FAILED" {
            desired
        } else {
            continue;
        };
        if rollout.desired != wanted {
            rollout.desired = wanted;
            rollout.stable = false;
            service.steady = false;
        }
    }
}

fn body(cluster: &str, service: &str) -> serde_json::Value {
    json!({"kind": "look", "cluster": cluster, "service": service})
}

/// After a user's change.
pub(super) fn look_soon(cx: &mut Cx<'_>, cluster: &str, service: &str) {
    cx.after(timings::SCHEDULER_START, body(cluster, service));
}

/// After something whose consequence (a target's health) is not there yet.
pub(super) fn look_later(cx: &mut Cx<'_>, cluster: &str, service: &str) {
    cx.after(timings::SCHEDULER_LOOK, body(cluster, service));
}

fn service<'c>(cx: &'c mut Cx<'_>, cluster: &str, name: &str) -> Option<&'c mut EcsService> {
    cx.ecs().clusters.get_mut(cluster)?.services.get_mut(name)
}

/// A task of a deployment did not start, or not become healthy.
pub(super) fn failed(cx: &mut Cx<'_>, cluster: &str, name: &str, rollout: &str) {
    let now = cx.now();
    let Some(found) = service(cx, cluster, name) else { return };
    found.steady = false;
    if let Some(rollout) = found.rollouts.iter_mut().find(|r| r.id == rollout) {
        rollout.failed += 1;
        rollout.in_a_row += 1;
        rollout.updated = now;
        let wait = timings::SCHEDULER_LOOK * 2_u32.saturating_pow(rollout.in_a_row.min(6));
        rollout.not_before = now + wait.min(timings::SCHEDULER_SLOWEST);
        if rollout.in_a_row == 10 {
            tell(cx, cluster, name, |name| {
                format!(
                    "(service {name}) is unable to consistently start tasks successfully. For more information, see the \
                     Troubleshooting section of the Amazon ECS Developer Guide."
                )
            });
        }
    }
}

/// A live task, as the scheduler sees it.
struct Live {
    id: String,
    rollout: String,
    running: bool,
    healthy: bool,
}

/// Looks at a service and does what is to be done.
pub(super) fn look(cx: &mut Cx<'_>, cluster: &str, name: &str) {
    let now = cx.now();
    let Some(found) = service(cx, cluster, name) else { return };
    if found.look_at.is_some_and(|at| at <= now) {
        found.look_at = None;
    }
    match found.status.as_str() {
        "ACTIVE" => {}
        "DRAINING" => {
            codedeploy::deployment::service_changed(cx, cluster, name);
            return drain(cx, cluster, name);
        }
        _ => return,
    }
    let live = take_stock(cx, cluster, name);
    let Some(found) = service(cx, cluster, name) else { return };
    size(found);
    let steady =
        if found.with_task_sets() { task_sets(cx, cluster, name, &live) } else { rolling(cx, cluster, name, &live) };
    let Some(found) = service(cx, cluster, name) else { return };
    let was = std::mem::replace(&mut found.steady, steady);
    if steady {
        found.hurry();
        if !was {
            tell(cx, cluster, name, |name| format!("(service {name}) has reached a steady state."));
        }
    } else {
        look_again(cx, cluster, name);
    }
    codedeploy::deployment::service_changed(cx, cluster, name);
}

/// As long as it is not steady the scheduler comes back by itself, less and less often.
fn look_again(cx: &mut Cx<'_>, cluster: &str, name: &str) {
    let now = cx.now();
    let Some(found) = service(cx, cluster, name) else { return };
    if found.look_at.is_some_and(|at| at > now) {
        return;
    }
    let first = timings::SCHEDULER_LOOK.as_secs();
    found.look_after = (found.look_after * 3 / 2).clamp(first, timings::SCHEDULER_SLOWEST.as_secs());
    let wait = Duration::from_secs(found.look_after);
    found.look_at = Some(now + wait);
    cx.exactly_after(wait, body(cluster, name));
}

/// The service's live tasks. Those that their load balancer finds unhealthy after the grace period are stopped.
fn take_stock(cx: &mut Cx<'_>, cluster: &str, name: &str) -> Vec<Live> {
    let now = cx.now();
    let grace = Duration::from_secs(service(cx, cluster, name).and_then(|s| s.grace).unwrap_or(0));
    let Some(found) = cx.ecs().clusters.get(cluster) else { return Vec::new() };
    let own = found.tasks.values().filter(|t| t.service.as_deref() == Some(name) && t.desired_status == "RUNNING");
    let own: Vec<_> = own
        .map(|t| {
            let ip = t.interface.as_ref().map(|i| i.ip.clone()).unwrap_or_default();
            (t.id.clone(), t.started_by.clone(), t.shape.clone(), ip, t.started)
        })
        .collect();
    let mut live = Vec::new();
    for (id, rollout, shape, ip, started) in own {
        let health = match started {
            Some(_) => links::health(cx, &shape, &ip),
            None => Health::Waiting,
        };
        if let Health::Unhealthy(group) = &health
            && started.is_some_and(|at| now.since(at) >= grace)
        {
            let port = shape.load_balancers.first().map_or(0, |b| b.container_port);
            tell(cx, cluster, name, |name| {
                format!(
                    "(service {name}) (port {port}) is unhealthy in (target-group {group}) due to (reason Health checks failed)."
                )
            });
            let reason = format!("Task failed ELB health checks in (target-group {group})");
            life::stop(cx, cluster, &id, "ServiceSchedulerInitiated", &reason);
            failed(cx, cluster, name, &rollout);
            continue;
        }
        live.push(Live { id, rollout, running: started.is_some(), healthy: health == Health::Healthy });
    }
    live
}

/// Starts tasks of one deployment, unless it has failed so recently that it waits.
fn start(cx: &mut Cx<'_>, cluster: &str, name: &str, rollout: &str, count: u64) {
    let now = cx.now();
    let Some(found) = service(cx, cluster, name) else { return };
    let Some(wanted) = found.rollouts.iter().find(|r| r.id == rollout && r.not_before <= now) else { return };
    let (shape, exec, sets) = (wanted.shape.clone(), found.exec, found.with_task_sets());
    let mut tags = if found.propagate_tags == "SERVICE" { found.tags.clone() } else { Tags::new() };
    if found.managed_tags {
        tags.insert("aws:ecs:clusterName".to_owned(), cluster.to_owned());
        tags.insert("aws:ecs:serviceName".to_owned(), name.to_owned());
    }
    let mut started = Vec::new();
    for _ in 0..count {
        let launch = Launch {
            cluster,
            service: Some(name),
            shape: &shape,
            started_by: rollout.to_owned(),
            group: format!("service:{name}"),
            exec,
            tags: tags.clone(),
        };
        match life::launch(cx, launch) {
            Ok(id) => started.push(id),
            Err(why) => {
                let assumed = why.starts_with("ECS was unable to assume");
                tell(cx, cluster, name, |name| {
                    if assumed {
                        format!("(service {name}) failed to launch a task with (error {why}).")
                    } else {
                        format!("(service {name}) was unable to place a task. Reason: {why}.")
                    }
                });
                failed(cx, cluster, name, rollout);
                break;
            }
        }
    }
    if !started.is_empty() {
        let tasks: Vec<String> = started.iter().map(|id| format!("(task {id})")).collect();
        let (count, tasks) = (started.len(), tasks.join(" "));
        tell(cx, cluster, name, |name| {
            let set = if sets { format!(", taskSet {rollout}") } else { String::new() };
            format!("(service {name}{set}) has started {count} tasks: {tasks}.")
        });
    }
}

fn stop(cx: &mut Cx<'_>, cluster: &str, name: &str, ids: &[&str], reason: &str) {
    for id in ids {
        life::stop(cx, cluster, id, "ServiceSchedulerInitiated", reason);
    }
    if !ids.is_empty() {
        let tasks: Vec<String> = ids.iter().map(|id| format!("(task {id})")).collect();
        let (count, tasks) = (ids.len(), tasks.join(" "));
        tell(cx, cluster, name, |name| format!("(service {name}) has stopped {count} running tasks: {tasks}."));
    }
}

fn scaling(rollout: &str) -> String {
    format!("Scaling activity initiated by (deployment {rollout})")
}

/// A service with task sets: each has its own count. True if all are steady.
fn task_sets(cx: &mut Cx<'_>, cluster: &str, name: &str, live: &[Live]) -> bool {
    let now = cx.now();
    let Some(found) = service(cx, cluster, name) else { return true };
    let sets: Vec<(String, u64, bool)> =
        found.rollouts.iter().map(|r| (r.id.clone(), r.desired, r.status == "DRAINING")).collect();
    let mut all = true;
    for (id, desired, draining) in &sets {
        let own: Vec<&Live> = live.iter().filter(|l| l.rollout == *id).collect();
        let desired = if *draining { 0 } else { *desired };
        let count = own.len() as u64;
        if count < desired {
            start(cx, cluster, name, id, desired - count);
        } else if count > desired {
            let surplus = surplus(&own, count - desired);
            stop(cx, cluster, name, &surplus, &scaling(id));
        }
        let stable = count == desired && own.iter().all(|l| l.healthy);
        all &= stable;
        let Some(found) = service(cx, cluster, name) else { return true };
        if let Some(set) = found.rollouts.iter_mut().find(|r| r.id == *id)
            && set.stable != stable
        {
            (set.stable, set.stable_since, set.updated) = (stable, now, now);
            if stable {
                set.in_a_row = 0;
            }
        }
    }
    // Tasks of task sets that are gone.
    let stray: Vec<&str> =
        live.iter().filter(|l| !sets.iter().any(|s| s.0 == l.rollout)).map(|l| l.id.as_str()).collect();
    stop(cx, cluster, name, &stray, "Task set was deleted");
    let left = cx.ecs().clusters.get(cluster).map(|c| {
        c.tasks.values().filter(|t| t.last_status != "STOPPED").map(|t| t.started_by.clone()).collect::<Vec<_>>()
    });
    if let (Some(found), Some(left)) = (service(cx, cluster, name), left) {
        found.rollouts.retain(|r| r.status != "DRAINING" || left.contains(&r.id));
    }
    all && stray.is_empty()
}

/// Which tasks to stop first: those that do not run yet, then those that are not healthy.
fn surplus<'l>(own: &[&'l Live], count: u64) -> Vec<&'l str> {
    let mut order: Vec<&&Live> = own.iter().collect();
    order.sort_by_key(|l| (l.running, l.healthy));
    order.into_iter().take(count as usize).map(|l| l.id.as_str()).collect()
}

/// The ECS controller's rolling deployment. True if the service is steady.
fn rolling(cx: &mut Cx<'_>, cluster: &str, name: &str, live: &[Live]) -> bool {
    let now = cx.now();
    trip(cx, cluster, name);
    let Some(found) = service(cx, cluster, name) else { return true };
    let Some(primary) = found.primary().map(|r| (r.id.clone(), r.desired, r.state.clone())) else { return true };
    let (id, desired, state) = primary;
    let percent = |p: u64| found.desired * p;
    let (least, most) =
        (percent(found.configuration.minimum).div_ceil(100), percent(found.configuration.maximum) / 100);
    let new: Vec<&Live> = live.iter().filter(|l| l.rollout == id).collect();
    let old: Vec<&Live> = live.iter().filter(|l| l.rollout != id).collect();
    let (count, others) = (new.len() as u64, old.len() as u64);
    // Alone, a deployment may always have what is desired.
    let room = most.max(desired).saturating_sub(count + others);
    if count < desired && room > 0 {
        start(cx, cluster, name, &id, room.min(desired - count));
    } else if count > desired {
        stop(cx, cluster, name, &surplus(&new, count - desired), &scaling(&id));
    }
    let healthy = |tasks: &[&Live]| tasks.iter().filter(|l| l.healthy).count() as u64;
    let spare = (healthy(&new) + healthy(&old)).saturating_sub(least);
    let useless = old.iter().filter(|l| !l.healthy);
    let mut ids: Vec<&str> = useless.map(|l| l.id.as_str()).collect();
    // Old tasks go as new ones take their place, or to make room for them.
    let replaced = if state == "FAILED" { 0 } else { spare };
    ids.extend(old.iter().filter(|l| l.healthy).take(replaced as usize).map(|l| l.id.as_str()));
    let gone = ids.len() as u64;
    stop(cx, cluster, name, &ids, &scaling(&id));
    let done = count == desired && healthy(&new) == desired && others == gone;
    let Some(found) = service(cx, cluster, name) else { return true };
    for rollout in found.rollouts.iter_mut().filter(|r| r.id != id) {
        let mine = |l: &&&Live| l.rollout == rollout.id && !ids.contains(&l.id.as_str());
        let left = old.iter().filter(mine).count() as u64;
        if rollout.desired != left {
            (rollout.desired, rollout.updated) = (left, now);
        }
        if left == 0 {
            rollout.status = "DRAINING".to_owned();
        }
    }
    if done && state == "IN_PROGRESS" {
        found.rollouts.retain(|r| r.id == id);
        let mut finished = None;
        if let Some(rollout) = found.rollouts.first_mut() {
            (rollout.state, rollout.updated, rollout.in_a_row) = ("COMPLETED".to_owned(), now, 0);
            rollout.reason = format!("ECS deployment {id} completed.");
            finished = Some((id.clone(), rollout.shape.clone()));
        }
        found.completed = finished;
        history::completed(found, &id, now);
        tell(cx, cluster, name, |name| format!("(service {name}) (deployment {id}) deployment completed."));
    }
    done
}

/// The circuit breaker: half of what is desired, at least 3 and at most 200, may fail.
fn trip(cx: &mut Cx<'_>, cluster: &str, name: &str) {
    let now = cx.now();
    let Some(found) = service(cx, cluster, name) else { return };
    let threshold = found.desired.div_ceil(2).clamp(3, 200);
    let (breaker, rollback) = (found.configuration.breaker, found.configuration.rollback);
    let (completed, arn) = (found.completed.clone(), found.arn.clone());
    let Some(primary) = found.rollouts.iter_mut().find(|r| r.status == "PRIMARY") else { return };
    if !breaker || primary.state != "IN_PROGRESS" || u64::from(primary.in_a_row) < threshold {
        return;
    }
    primary.state = "FAILED".to_owned();
    primary.reason = "ECS deployment circuit breaker: tasks failed to start.".to_owned();
    (primary.desired, primary.updated) = (0, now);
    let id = primary.id.clone();
    tell(cx, cluster, name, |name| {
        format!("(service {name}) (deployment {id}) deployment failed: tasks failed to start.")
    });
    if let (true, Some((back, shape))) = (rollback, completed) {
        let mut rollout = Rollout::new(cx, shape.clone(), &arn);
        rollout.reason = format!("ECS deployment circuit breaker: rolling back to deploymentId {back}.");
        tell(cx, cluster, name, |name| format!("(service {name}) rolling back to deployment {back}."));
        if let Some(found) = service(cx, cluster, name) {
            rollout.desired = found.desired;
            history::tripped(found, &id, Some((&shape, &rollout.id)), now);
            found.shape = shape;
            // The tasks that still run are of the generation that is gone back to.
            let kept = rollout.id.clone();
            deploy(found, rollout);
            adopt(cx, cluster, name, &back, &kept);
        }
    } else if let Some(found) = service(cx, cluster, name) {
        history::tripped(found, &id, None, now);
    }
}

/// Running tasks of the generation that is rolled back to belong to the new deployment: AWS does not restart them.
fn adopt(cx: &mut Cx<'_>, cluster: &str, name: &str, from: &str, to: &str) {
    let Some(found) = cx.ecs().clusters.get_mut(cluster) else { return };
    for task in found.tasks.values_mut() {
        if task.service.as_deref() == Some(name) && task.started_by == from && task.desired_status == "RUNNING" {
            task.started_by = to.to_owned();
        }
    }
    look_later(cx, cluster, name);
}

/// A deleted service: its tasks stop, and it is INACTIVE once all of them are stopping.
fn drain(cx: &mut Cx<'_>, cluster: &str, name: &str) {
    let Some(found) = cx.ecs().clusters.get(cluster) else { return };
    let own = || found.tasks.values().filter(|t| t.service.as_deref() == Some(name));
    let ids: Vec<String> = own().filter(|t| t.desired_status == "RUNNING").map(|t| t.id.clone()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    stop(cx, cluster, name, &ids, "Service was deleted");
    let Some(found) = cx.ecs().clusters.get(cluster) else { return };
    let mut own = found.tasks.values().filter(|t| t.service.as_deref() == Some(name));
    if own.any(|t| !["STOPPING", "DEPROVISIONING", "STOPPED"].contains(&t.last_status.as_str())) {
        return;
    }
    let Some(found) = service(cx, cluster, name) else { return };
    found.status = "INACTIVE".to_owned();
    found.rollouts.clear();
    let arn = found.arn.clone();
    let body = json!({"kind": "forget service", "cluster": cluster, "arn": arn});
    cx.exactly_after(timings::INACTIVE_LISTED, body);
}

//! A task's life: PROVISIONING, PENDING, RUNNING, then DEACTIVATING, STOPPING, DEPROVISIONING and STOPPED.

use std::time::Duration;

use serde_json::json;

use crate::services::ecr;
use crate::services::ecs::service::{Shape, tell};
use crate::services::ecs::task::{Container, Interface, Task};
use crate::services::ecs::{container, links, scheduler, task_definition};
use crate::tags::Tags;
use crate::timings;
use crate::world::Cx;

/// What is to be started.
pub(super) struct Launch<'a> {
    pub(super) cluster: &'a str,
    /// The service's name; none for RunTask.
    pub(super) service: Option<&'a str>,
    pub(super) shape: &'a Shape,
    pub(super) started_by: String,
    pub(super) group: String,
    pub(super) exec: bool,
    pub(super) tags: Tags,
}

fn task<'c>(cx: &'c mut Cx<'_>, cluster: &str, id: &str) -> Option<&'c mut Task> {
    cx.ecs().clusters.get_mut(cluster)?.tasks.get_mut(id)
}

fn later(cx: &mut Cx<'_>, delay: Duration, cluster: &str, id: &str, step: &str) {
    cx.after(delay, json!({"kind": "task", "cluster": cluster, "task": id, "step": step}));
}

/// Starts a task, or says why none can be placed.
pub(super) fn launch(cx: &mut Cx<'_>, launch: Launch<'_>) -> Result<String, String> {
    let shape = launch.shape;
    let Some(definition) = task_definition::find(cx, &shape.task_definition) else {
        return Err("The task definition does not exist.".to_owned());
    };
    let own = |name: &str| definition.text(name).map(str::to_owned);
    let (task_role, execution_role) = (own("taskRoleArn"), own("executionRoleArn"));
    let (cpu, memory) = (own("cpu"), own("memory"));
    let mut containers: Vec<Container> = definition.containers().iter().map(Container::of).collect();
    if !shape.fargate() {
        return Err("No Container Instances were found in your cluster.".to_owned());
    }
    links::roles(cx, task_role.as_deref(), execution_role.as_deref())?;
    let id = cx.hex(32);
    let arn = cx.arn("ecs", &format!("task/{}/{id}", launch.cluster));
    for container in &mut containers {
        let own = cx.uuid();
        container.arn = cx.arn("ecs", &format!("container/{}/{id}/{own}", launch.cluster));
    }
    let interface = match &shape.network {
        None => None,
        Some(network) => {
            let subnet = emptiest(cx, launch.cluster, launch.service, &network.subnets);
            let attachment = cx.uuid();
            let eni = links::attach(cx, network, &subnet, &attachment, Tags::new()).map_err(|e| e.message)?;
            Some(Interface {
                attachment,
                eni: eni.id,
                subnet: eni.subnet_id,
                zone: eni.zone,
                mac: eni.mac,
                ip: eni.private_ip.to_string(),
            })
        }
    };
    let now = cx.now();
    let task = Task {
        id: id.clone(),
        arn,
        definition: shape.task_definition.clone(),
        shape: shape.clone(),
        service: launch.service.map(str::to_owned),
        group: launch.group,
        started_by: launch.started_by,
        last_status: "PROVISIONING".to_owned(),
        desired_status: "RUNNING".to_owned(),
        created: now,
        interface,
        containers,
        cpu,
        memory,
        exec: launch.exec,
        tags: launch.tags,
        version: 1,
        ..Task::default()
    };
    if let Some(cluster) = cx.ecs().clusters.get_mut(launch.cluster) {
        cluster.tasks.insert(id.clone(), task);
    }
    later(cx, timings::TASK_PROVISIONING, launch.cluster, &id, "pending");
    Ok(id)
}

/// The subnet with the fewest of the service's tasks.
fn emptiest(cx: &mut Cx<'_>, cluster: &str, service: Option<&str>, subnets: &[String]) -> String {
    let tasks = cx.ecs().clusters.get(cluster).map(|c| &c.tasks);
    let used = |subnet: &String| {
        let own = tasks.into_iter().flat_map(|t| t.values()).filter(|t| {
            t.service.as_deref() == service
                && t.desired_status == "RUNNING"
                && t.interface.as_ref().is_some_and(|i| i.subnet == *subnet)
        });
        own.count()
    };
    subnets.iter().min_by_key(|s| used(s)).cloned().unwrap_or_default()
}

/// What happens to a task when its time has come.
pub(super) fn step(cx: &mut Cx<'_>, cluster: &str, id: &str, step: &str) {
    match step {
        "answer" => {
            if let Some(task) = task(cx, cluster, id).filter(|t| t.last_status == "RUNNING").cloned() {
                container::judge(cx, &task);
            }
            return;
        }
        "crash" => return crash(cx, cluster, id),
        _ => {}
    }
    let now = cx.now();
    let Some(found) = task(cx, cluster, id) else { return };
    let expected = match step {
        "pending" => "PROVISIONING",
        "running" => "PENDING",
        "stopping" => "DEACTIVATING",
        "deprovisioning" => "STOPPING",
        "stopped" => "DEPROVISIONING",
        _ => "STOPPED",
    };
    if found.last_status != expected {
        return;
    }
    found.version += 1;
    match step {
        "pending" => {
            found.become_("PENDING");
            found.pull_started = Some(now);
            later(cx, timings::TASK_PENDING, cluster, id, "running");
        }
        "running" => come_up(cx, cluster, id),
        "stopping" => {
            found.become_("STOPPING");
            later(cx, timings::TASK_STOPPING, cluster, id, "deprovisioning");
        }
        "deprovisioning" => {
            found.become_("DEPROVISIONING");
            found.execution_stopped = Some(now);
            later(cx, timings::TASK_DEPROVISIONING, cluster, id, "stopped");
        }
        "stopped" => {
            found.become_("STOPPED");
            found.stopped = Some(now);
            for container in &mut found.containers {
                if container.digest.is_some() || container.started {
                    container.exit_code.get_or_insert(0);
                }
            }
            let eni = found.interface.as_ref().map(|i| i.eni.clone());
            if let Some(eni) = eni {
                links::detach(cx, &eni);
            }
            cx.exactly_after(
                timings::TASK_LISTED,
                json!({"kind": "task", "cluster": cluster, "task": id, "step": "forget"}),
            );
        }
        _ => {
            if let Some(cluster) = cx.ecs().clusters.get_mut(cluster) {
                cluster.tasks.remove(id);
            }
            return;
        }
    }
    let service = task(cx, cluster, id).and_then(|t| t.service.clone());
    if let Some(service) = service {
        scheduler::look_later(cx, cluster, &service);
        scheduler::look(cx, cluster, &service);
    }
}

/// The image is pulled, or not.
fn come_up(cx: &mut Cx<'_>, cluster: &str, id: &str) {
    let now = cx.now();
    let Some(found) = task(cx, cluster, id) else { return };
    let (shape, service, interface) = (found.shape.clone(), found.service.clone(), found.interface.clone());
    let definition = task_definition::find(cx, &shape.task_definition);
    let (containers, execution, family) = definition.map_or_else(Default::default, |d| {
        (d.containers().to_vec(), d.text("executionRoleArn").map(str::to_owned), d.family.clone())
    });
    let pulled = links::pull(cx, id, &containers, execution.as_deref());
    let images = containers.iter().map(|c| c["image"].as_str().unwrap_or_default());
    let tags: Vec<Vec<String>> = images.map(|image| ecr::tags_of(cx, image)).collect();
    let Some(found) = task(cx, cluster, id) else { return };
    found.pull_stopped = Some(now);
    match pulled {
        Err(why) => {
            if why.starts_with("CannotPull")
                && let Some(container) = found.containers.first_mut()
            {
                container.reason = Some(why.clone());
            }
            let started_by = found.started_by.clone();
            stop(cx, cluster, id, "TaskFailedToStart", &why);
            if let Some(service) = service {
                scheduler::failed(cx, cluster, &service, &started_by);
            }
        }
        Ok(digests) => {
            for ((container, digest), tags) in found.containers.iter_mut().zip(digests).zip(tags) {
                (container.digest, container.tags) = (digest, tags);
                container.started = true;
            }
            found.become_("RUNNING");
            found.started = Some(now);
            let (Some(interface), Some(service)) = (interface, service) else { return };
            let groups = links::register_targets(cx, &shape, &interface.ip);
            for group in groups {
                tell(cx, cluster, &service, |name| {
                    format!("(service {name}) registered 1 targets in (target-group {group})")
                });
            }
            let who = links::Who {
                id,
                ip: &interface.ip,
                zone: &interface.zone,
                cluster,
                service: &service,
                family: &family,
            };
            links::register_instances(cx, &shape, &who);
            if let Some(task) = task(cx, cluster, id).cloned() {
                container::started(cx, cluster, &task);
            }
        }
    }
}

/// An image that asks for it: its container ends by itself.
fn crash(cx: &mut Cx<'_>, cluster: &str, id: &str) {
    let running = |t: &&mut Task| t.last_status == "RUNNING" && t.desired_status == "RUNNING";
    let Some(found) = task(cx, cluster, id).filter(running) else { return };
    for container in &mut found.containers {
        container.exit_code = Some(1);
    }
    let (service, started_by) = (found.service.clone(), found.started_by.clone());
    stop(cx, cluster, id, "EssentialContainerExited", "Essential container in task exited");
    if let Some(service) = service {
        scheduler::failed(cx, cluster, &service, &started_by);
        scheduler::look(cx, cluster, &service);
    }
}

/// Stops a task. One that runs leaves its target groups and Cloud Map first.
pub(super) fn stop(cx: &mut Cx<'_>, cluster: &str, id: &str, code: &str, reason: &str) {
    let now = cx.now();
    let Some(found) = task(cx, cluster, id) else { return };
    if found.desired_status == "STOPPED" {
        return;
    }
    found.desired_status = "STOPPED".to_owned();
    found.stop_code = Some(code.to_owned());
    found.stopped_reason = Some(reason.to_owned());
    found.stopping = Some(now);
    found.version += 1;
    let (shape, service) = (found.shape.clone(), found.service.clone());
    let ip = found.interface.as_ref().map(|i| i.ip.clone());
    if found.last_status != "RUNNING" {
        found.become_("DEPROVISIONING");
        later(cx, timings::TASK_DEPROVISIONING, cluster, id, "stopped");
        return;
    }
    found.become_("DEACTIVATING");
    links::deregister_instances(cx, &shape, id);
    let mut drain = Duration::ZERO;
    if let (Some(ip), Some(service)) = (ip, service) {
        let groups = links::deregister_targets(cx, &shape, &ip);
        for group in &groups {
            tell(cx, cluster, &service, |name| {
                format!("(service {name}) deregistered 1 targets in (target-group {group})")
            });
        }
        if !groups.is_empty() {
            tell(cx, cluster, &service, |name| format!("(service {name}) has begun draining connections on 1 tasks."));
            drain = links::drain_time(cx, &shape);
        }
    }
    later(cx, drain, cluster, id, "stopping");
}

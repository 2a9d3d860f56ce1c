//! Tasks: what they are, and the operations on them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::page::page;
use crate::services::ecs::cluster::{self, Cluster, Strategy};
use crate::services::ecs::life::{self, Launch};
use crate::services::ecs::service::validate::{self, INVALID, Network};
use crate::services::ecs::service::{self, Shape};
use crate::services::ecs::{scheduler, tagging, task_definition};
use crate::services::members::{bare, resource_of};
use crate::tags::{self, Tag, Tags};
use crate::world::Cx;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) definition: String,
    pub(crate) shape: Shape,
    /// The service's name; none for RunTask.
    pub(crate) service: Option<String>,
    pub(crate) group: String,
    /// The deployment's or task set's id.
    pub(crate) started_by: String,
    pub(crate) last_status: String,
    pub(crate) desired_status: String,
    pub(crate) created: Time,
    pub(crate) pull_started: Option<Time>,
    pub(crate) pull_stopped: Option<Time>,
    pub(crate) started: Option<Time>,
    pub(crate) stopping: Option<Time>,
    pub(crate) execution_stopped: Option<Time>,
    pub(crate) stopped: Option<Time>,
    pub(crate) stop_code: Option<String>,
    pub(crate) stopped_reason: Option<String>,
    pub(crate) interface: Option<Interface>,
    pub(crate) containers: Vec<Container>,
    pub(crate) cpu: Option<String>,
    pub(crate) memory: Option<String>,
    pub(crate) exec: bool,
    pub(crate) tags: Tags,
    pub(crate) version: u64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Interface {
    pub(crate) attachment: String,
    pub(crate) eni: String,
    pub(crate) subnet: String,
    pub(crate) zone: String,
    pub(crate) mac: String,
    pub(crate) ip: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Container {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) image: String,
    cpu: u64,
    pub(crate) digest: Option<String>,
    /// The tags that its image had when it started.
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    pub(crate) started: bool,
    pub(crate) exit_code: Option<i64>,
    pub(crate) reason: Option<String>,
}

impl Container {
    pub(super) fn of(definition: &Value) -> Container {
        let text = |name: &str| definition[name].as_str().unwrap_or_default().to_owned();
        let cpu = definition["cpu"].as_u64().unwrap_or_default();
        Container { name: text("name"), image: text("image"), cpu, ..Container::default() }
    }
}

impl Task {
    pub(super) fn become_(&mut self, status: &str) {
        status.clone_into(&mut self.last_status);
    }
}

fn shape(cluster: &Cluster, task: &Task, with_tags: bool) -> Value {
    let time = |t: Option<Time>| t.map(Time::epoch_seconds);
    let status = match task.last_status.as_str() {
        "PROVISIONING" | "PENDING" => "PENDING",
        "STOPPED" | "DEPROVISIONING" => "STOPPED",
        _ => "RUNNING",
    };
    let containers: Vec<Value> = task
        .containers
        .iter()
        .map(|c| {
            let interfaces =
                task.interface.iter().map(|i| json!({"attachmentId": i.attachment, "privateIpv4Address": i.ip}));
            json!({
                "containerArn": c.arn,
                "taskArn": task.arn,
                "name": c.name,
                "image": c.image,
                "imageDigest": c.digest,
                "runtimeId": c.started.then(|| format!("{}-{}", task.id, &c.arn[c.arn.len().saturating_sub(10)..])),
                "lastStatus": status,
                "exitCode": c.exit_code,
                "reason": c.reason,
                "networkInterfaces": interfaces.collect::<Vec<_>>(),
                "healthStatus": "UNKNOWN",
                "cpu": c.cpu.to_string(),
            })
        })
        .collect();
    let attachments = task.interface.iter().map(|i| {
        let detail = |name: &str, value: &str| json!({"name": name, "value": value});
        let attached = match task.last_status.as_str() {
            "PROVISIONING" => "ATTACHING",
            "STOPPED" => "DELETED",
            _ => "ATTACHED",
        };
        json!({
            "id": i.attachment,
            "type": "ElasticNetworkInterface",
            "status": attached,
            "details": [
                detail("subnetId", &i.subnet),
                detail("networkInterfaceId", &i.eni),
                detail("macAddress", &i.mac),
                detail("privateIPv4Address", &i.ip),
            ],
        })
    });
    bare(json!({
        "taskArn": task.arn,
        "clusterArn": cluster.arn,
        "taskDefinitionArn": task.definition,
        "attachments": attachments.collect::<Vec<_>>(),
        "attributes": [{"name": "ecs.cpu-architecture", "value": "x86_64"}],
        "availabilityZone": task.interface.as_ref().map(|i| &i.zone),
        "connectivity": if task.started.is_some() { Some("CONNECTED") } else { None },
        "connectivityAt": time(task.started),
        "containers": containers,
        "cpu": task.cpu,
        "memory": task.memory,
        "createdAt": task.created.epoch_seconds(),
        "desiredStatus": task.desired_status,
        "lastStatus": task.last_status,
        "enableExecuteCommand": task.exec,
        "executionStoppedAt": time(task.execution_stopped),
        "group": task.group,
        "healthStatus": "UNKNOWN",
        "launchType": task.shape.launch_type.clone().or_else(|| task.shape.fargate().then(|| "FARGATE".to_owned())),
        "overrides": {"containerOverrides": task.containers.iter().map(|c| json!({"name": c.name})).collect::<Vec<_>>(), "inferenceAcceleratorOverrides": []},
        "platformVersion": validate::concrete(task.shape.platform_version.as_deref()),
        "platformFamily": task.shape.fargate().then_some("Linux"),
        "pullStartedAt": time(task.pull_started),
        "pullStoppedAt": time(task.pull_stopped),
        "startedAt": time(task.started),
        "startedBy": Some(&task.started_by).filter(|s| !s.is_empty()),
        "stopCode": task.stop_code,
        "stoppedAt": time(task.stopped),
        "stoppedReason": task.stopped_reason,
        "stoppingAt": time(task.stopping),
        "ephemeralStorage": {"sizeInGiB": 20},
        "tags": if with_tags { tags::camel(&task.tags) } else { json!([]) },
        "version": task.version,
    }))
}

fn id_of(given: &str) -> &str {
    match resource_of(given, "ecs") {
        Some(resource) => resource.rsplit('/').next().unwrap_or(given),
        None => given,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct List {
    cluster: Option<String>,
    container_instance: Option<String>,
    family: Option<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
    started_by: Option<String>,
    service_name: Option<String>,
    desired_status: Option<String>,
    launch_type: Option<String>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let cluster = cluster::find(cx, input.cluster.as_deref())?;
    let desired = input.desired_status.unwrap_or_else(|| "RUNNING".to_owned());
    let service = match &input.service_name {
        Some(given) => match cluster.services.get(service::name_of(given)) {
            Some(service) => Some(service.name.clone()),
            None => return fail!("ServiceNotFoundException", "Service not found."),
        },
        None => None,
    };
    let of_family = |t: &Task, family: &str| {
        t.definition.rsplit('/').next().and_then(|n| n.rsplit_once(':')).is_some_and(|(name, _)| name == family)
    };
    let wanted = |t: &&Task| {
        t.desired_status == desired
            && input.container_instance.is_none()
            && service.is_none_or_eq(t.service.as_deref())
            && input.started_by.as_ref().is_none_or(|s| t.started_by == *s)
            && input.family.as_ref().is_none_or(|f| of_family(t, f))
            && input.launch_type.as_ref().is_none_or(|l| l == "FARGATE")
    };
    let arns = cluster.tasks.values().filter(wanted).map(|t| (t.id.clone(), t.arn.clone()));
    let size = crate::page::size(input.max_results, 100, 100, "InvalidParameterException")?;
    let page = page(arns, input.next_token.as_deref(), size, INVALID)?;
    Ok(bare(json!({"taskArns": page.items, "nextToken": page.next})))
}

trait NoneOrEq {
    fn is_none_or_eq(&self, other: Option<&str>) -> bool;
}

impl NoneOrEq for Option<String> {
    fn is_none_or_eq(&self, other: Option<&str>) -> bool {
        self.as_deref().is_none_or(|own| other == Some(own))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Describe {
    cluster: Option<String>,
    tasks: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    if input.tasks.is_empty() || input.tasks.len() > 100 {
        return fail!(INVALID, "Tasks must have 1 to 100 elements.");
    }
    let with_tags = input.include.iter().any(|i| i == "TAGS");
    let cluster = &*cluster::find(cx, input.cluster.as_deref())?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for given in &input.tasks {
        let id = id_of(given);
        match cluster.tasks.get(id) {
            Some(task) => found.push(shape(cluster, task, with_tags)),
            None => {
                let arn = cluster.arn.replace(":cluster/", ":task/");
                failures.push(json!({"arn": format!("{arn}/{id}"), "reason": "MISSING"}));
            }
        }
    }
    Ok(json!({"tasks": found, "failures": failures}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Stop {
    cluster: Option<String>,
    task: String,
    reason: Option<String>,
}

pub(super) fn stop(cx: &mut Cx<'_>, input: Stop) -> Result {
    let cluster = cluster::find(cx, input.cluster.as_deref())?;
    let (name, id) = (cluster.name.clone(), id_of(&input.task).to_owned());
    let Some(task) = cluster.tasks.get(&id) else {
        return Err(ApiError::new(INVALID, "The referenced task was not found."));
    };
    let service = task.service.clone();
    let reason = input.reason.unwrap_or_else(|| "Task stopped by user".to_owned());
    life::stop(cx, &name, &id, "UserInitiated", &reason);
    if let Some(service) = service {
        if let Ok(found) = service::find(cx, Some(&name), &service) {
            found.steady = false;
            found.hurry();
        }
        scheduler::look_soon(cx, &name, &service);
    }
    let cluster = &*cluster::find(cx, Some(&name))?;
    Ok(json!({"task": cluster.tasks.get(&id).map(|task| shape(cluster, task, true))}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Run {
    cluster: Option<String>,
    task_definition: String,
    #[serde(default = "one")]
    count: u64,
    launch_type: Option<String>,
    #[serde(default)]
    capacity_provider_strategy: Vec<Strategy>,
    platform_version: Option<String>,
    network_configuration: Option<Network>,
    group: Option<String>,
    started_by: Option<String>,
    #[serde(default)]
    enable_execute_command: bool,
    #[serde(default)]
    tags: Vec<Tag>,
    propagate_tags: Option<String>,
    #[serde(rename = "enableECSManagedTags")]
    _managed_tags: Option<bool>,
    #[serde(rename = "clientToken")]
    _client_token: Option<String>,
    #[serde(rename = "overrides")]
    _overrides: Option<Value>,
    #[serde(rename = "referenceId")]
    _reference_id: Option<String>,
}

fn one() -> u64 {
    1
}

pub(super) fn run(cx: &mut Cx<'_>, input: Run) -> Result {
    let cluster = cluster::find(cx, input.cluster.as_deref())?;
    let (name, default_strategy) = (cluster.name.clone(), cluster.default_strategy.clone());
    if input.count == 0 || input.count > 10 {
        return fail!(INVALID, "count must be between 1 and 10.");
    }
    let mut own = tags::from_list(input.tags);
    tagging::check(&own)?;
    let strategy = match (&input.launch_type, input.capacity_provider_strategy) {
        (None, given) if given.is_empty() => default_strategy,
        (_, given) => given,
    };
    let launch_type =
        if strategy.is_empty() { Some(input.launch_type.unwrap_or_else(|| "EC2".to_owned())) } else { None };
    let mut shape = Shape {
        task_definition: validate::definition(cx, &input.task_definition)?,
        launch_type,
        strategy,
        network: input.network_configuration.and_then(|n| n.awsvpc_configuration),
        ..Shape::default()
    };
    validate::shape(cx, &mut shape, false)?;
    shape.platform_version = validate::platform(input.platform_version, shape.fargate())?;
    let definition = task_definition::find(cx, &shape.task_definition);
    let (family, definition_tags) = definition.map(|d| (d.family.clone(), d.tags.clone())).unwrap_or_default();
    if input.propagate_tags.as_deref() == Some("TASK_DEFINITION") {
        own.extend(definition_tags);
    }
    let (mut ids, mut failures) = (Vec::new(), Vec::new());
    for _ in 0..input.count {
        let launch = Launch {
            cluster: &name,
            service: None,
            shape: &shape,
            started_by: input.started_by.clone().unwrap_or_default(),
            group: input.group.clone().unwrap_or_else(|| format!("family:{family}")),
            exec: input.enable_execute_command,
            tags: own.clone(),
        };
        match life::launch(cx, launch) {
            Ok(id) => ids.push(id),
            Err(why) if why.starts_with("ECS was unable to assume") => return fail!("ClientException", "{why}"),
            Err(why) => failures.push(json!({"reason": why})),
        }
    }
    let cluster = &*cluster::find(cx, Some(&name))?;
    let tasks: Vec<Value> =
        ids.iter().filter_map(|id| cluster.tasks.get(id)).map(|t| self::shape(cluster, t, true)).collect();
    Ok(json!({"tasks": tasks, "failures": failures}))
}

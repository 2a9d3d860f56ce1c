//! Services: what they are, how they are described, listed and deleted. [`create`] and [`update`] hold what AWS refuses.

pub(crate) mod create;
pub(crate) mod update;
pub(crate) mod validate;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::page::page;
use crate::services::ecs::cluster::{self, Cluster, Strategy};
use crate::services::ecs::history::History;
use crate::services::ecs::rollout::Rollout;
use crate::services::ecs::scheduler;
use crate::services::members::{bare, resource_of};
use crate::tags::{self, Tags};
use crate::world::Cx;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct EcsService {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) status: String,
    pub(crate) desired: u64,
    pub(crate) scheduling: String,
    /// `ECS`, `CODE_DEPLOY` or `EXTERNAL`.
    pub(crate) controller: String,
    pub(crate) created: Time,
    pub(crate) role_arn: Option<String>,
    /// What new tasks look like; with task sets, that of the PRIMARY one counts.
    pub(crate) shape: Shape,
    pub(crate) configuration: Configuration,
    pub(crate) grace: Option<u64>,
    pub(crate) placement_constraints: Vec<Value>,
    pub(crate) placement_strategy: Vec<Value>,
    pub(crate) managed_tags: bool,
    pub(crate) propagate_tags: String,
    pub(crate) exec: bool,
    pub(crate) rebalancing: String,
    pub(crate) tags: Tags,
    pub(crate) client_token: Option<String>,
    /// The request that made it, to tell a repeated one from another.
    pub(crate) request: Value,
    /// Newest first.
    pub(crate) events: VecDeque<Event>,
    /// Deployments (ECS controller) or task sets, newest first.
    pub(crate) rollouts: Vec<Rollout>,
    /// The last deployment that completed, to go back to.
    pub(crate) completed: Option<(String, Shape)>,
    pub(crate) history: History,
    pub(crate) steady: bool,
    /// When the scheduler looks next by itself, and after how many seconds it will the time after.
    pub(crate) look_at: Option<Time>,
    pub(crate) look_after: u64,
}

/// Everything that a change of makes new tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Shape {
    /// An ARN; empty for an EXTERNAL service.
    pub(crate) task_definition: String,
    pub(crate) launch_type: Option<String>,
    pub(crate) strategy: Vec<Strategy>,
    pub(crate) platform_version: Option<String>,
    pub(crate) network: Option<AwsVpc>,
    pub(crate) load_balancers: Vec<LoadBalancer>,
    pub(crate) registries: Vec<Registry>,
    pub(crate) connect: Option<Value>,
    pub(crate) volumes: Vec<Value>,
}

impl Shape {
    pub(crate) fn fargate(&self) -> bool {
        match &self.launch_type {
            Some(kind) => kind == "FARGATE",
            None => self.strategy.iter().any(|s| s.capacity_provider.starts_with("FARGATE")),
        }
    }

    pub(crate) fn network_value(&self) -> Option<Value> {
        self.network.as_ref().map(|network| json!({"awsvpcConfiguration": network}))
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AwsVpc {
    pub(crate) subnets: Vec<String>,
    #[serde(default)]
    pub(crate) security_groups: Vec<String>,
    #[serde(default = "disabled")]
    pub(crate) assign_public_ip: String,
}

fn disabled() -> String {
    "DISABLED".to_owned()
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LoadBalancer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target_group_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) load_balancer_name: Option<String>,
    #[serde(default)]
    pub(crate) container_name: String,
    #[serde(default)]
    pub(crate) container_port: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) advanced_configuration: Option<Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Registry {
    #[serde(default)]
    pub(crate) registry_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) container_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) container_port: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Configuration {
    pub(crate) maximum: u64,
    pub(crate) minimum: u64,
    pub(crate) breaker: bool,
    pub(crate) rollback: bool,
    pub(crate) alarms: Option<Value>,
}

impl Default for Configuration {
    fn default() -> Self {
        Configuration { maximum: 200, minimum: 100, breaker: false, rollback: false, alarms: None }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    id: String,
    created: Time,
    message: String,
}

/// AWS keeps this many events.
const EVENTS: usize = 100;

impl EcsService {
    pub(crate) fn happened(&mut self, id: String, created: Time, message: String) {
        self.events.push_front(Event { id, created, message });
        self.events.truncate(EVENTS);
    }

    /// The last messages since a moment, oldest first.
    pub(crate) fn messages_since(&self, since: Time, count: usize) -> Vec<&str> {
        let mut last: Vec<&str> =
            self.events.iter().take(count).filter(|e| e.created >= since).map(|e| e.message.as_str()).collect();
        last.reverse();
        last
    }

    pub(crate) fn primary(&self) -> Option<&Rollout> {
        self.rollouts.iter().find(|r| r.status == "PRIMARY")
    }

    pub(crate) fn with_task_sets(&self) -> bool {
        self.controller != "ECS"
    }

    /// Asks for a look of the scheduler's own, soon.
    pub(crate) fn hurry(&mut self) {
        self.look_after = 0;
    }
}

/// A service's name from its name or ARN.
pub(super) fn name_of(given: &str) -> &str {
    match resource_of(given, "ecs") {
        Some(resource) => resource.rsplit('/').next().unwrap_or(given),
        None => given,
    }
}

/// A service that is not INACTIVE.
pub(super) fn find<'c>(cx: &'c mut Cx<'_>, cluster: Option<&str>, given: &str) -> Result<&'c mut EcsService> {
    let found = cluster::find(cx, cluster)?.services.get_mut(name_of(given));
    found
        .filter(|s| s.status != "INACTIVE")
        .ok_or_else(|| ApiError::new("ServiceNotFoundException", "Service not found."))
}

/// Adds an event to a service.
pub(super) fn tell(cx: &mut Cx<'_>, cluster: &str, service: &str, message: impl FnOnce(&str) -> String) {
    let (id, now) = (cx.uuid(), cx.now());
    let found = cx.ecs().clusters.get_mut(cluster).and_then(|c| c.services.get_mut(service));
    if let Some(found) = found {
        let text = message(&found.name);
        found.happened(id, now, text);
    }
}

pub(super) fn shape(cluster: &Cluster, service: &EcsService, with_tags: bool) -> Value {
    let counts = |of: Option<&str>| {
        let own = cluster.tasks.values().filter(|t| t.service.as_deref() == Some(service.name.as_str()));
        let own = own.filter(|t| of.is_none_or(|r| t.started_by == r) && t.desired_status == "RUNNING");
        let (mut running, mut pending) = (0, 0);
        for task in own {
            if task.last_status == "RUNNING" { running += 1 } else { pending += 1 }
        }
        (running, pending)
    };
    let (running, pending) = counts(None);
    let rollouts: Vec<Value> = service
        .rollouts
        .iter()
        .map(|r| {
            if service.with_task_sets() {
                r.task_set(cluster, service, counts(Some(&r.id)))
            } else {
                r.deployment(counts(Some(&r.id)))
            }
        })
        .collect();
    let (deployments, task_sets) = if service.with_task_sets() { (vec![], rollouts) } else { (rollouts, vec![]) };
    // What the PRIMARY task set looks like is what the service looks like.
    let top = service.primary().filter(|_| service.with_task_sets()).map_or(&service.shape, |r| &r.shape);
    let configuration = &service.configuration;
    let mut described = json!({
        "maximumPercent": configuration.maximum,
        "minimumHealthyPercent": configuration.minimum,
        "alarms": configuration.alarms,
    });
    if service.controller == "ECS" {
        described["deploymentCircuitBreaker"] =
            json!({"enable": configuration.breaker, "rollback": configuration.rollback});
        described["strategy"] = "ROLLING".into();
        described["bakeTimeInMinutes"] = 0.into();
    }
    let events: Vec<Value> = service
        .events
        .iter()
        .map(|e| json!({"id": e.id, "createdAt": e.created.epoch_seconds(), "message": e.message}))
        .collect();
    bare(json!({
        "serviceArn": service.arn,
        "serviceName": service.name,
        "clusterArn": cluster.arn,
        "loadBalancers": top.load_balancers,
        "serviceRegistries": top.registries,
        "status": service.status,
        "desiredCount": service.desired,
        "runningCount": running,
        "pendingCount": pending,
        "launchType": top.launch_type,
        "capacityProviderStrategy": if top.strategy.is_empty() { None } else { Some(&top.strategy) },
        "platformVersion": top.platform_version,
        "platformFamily": top.fargate().then_some("Linux"),
        "taskDefinition": Some(&top.task_definition).filter(|t| !t.is_empty()),
        "deploymentConfiguration": described,
        "taskSets": if service.with_task_sets() { Some(task_sets) } else { None },
        "deployments": deployments,
        "roleArn": service.role_arn,
        "events": events,
        "createdAt": service.created.epoch_seconds(),
        "createdBy": format!("arn:aws:iam::{}:user/local", cluster.arn.split(':').nth(4).unwrap_or_default()),
        "placementConstraints": service.placement_constraints,
        "placementStrategy": service.placement_strategy,
        "networkConfiguration": top.network_value(),
        "healthCheckGracePeriodSeconds": service.grace,
        "schedulingStrategy": service.scheduling,
        "deploymentController": {"type": service.controller},
        "enableECSManagedTags": service.managed_tags,
        "propagateTags": service.propagate_tags,
        "enableExecuteCommand": service.exec,
        "availabilityZoneRebalancing": service.rebalancing,
        "tags": if with_tags && !service.tags.is_empty() { Some(tags::camel(&service.tags)) } else { None },
    }))
}

/// The answer of an operation on one service.
pub(super) fn answer(cx: &mut Cx<'_>, cluster: Option<&str>, name: &str, with_tags: bool) -> Result {
    let name = name_of(name);
    let cluster = cluster::find(cx, cluster)?;
    let found = cluster.services.get(name).map(|service| shape(cluster, service, with_tags));
    Ok(json!({"service": found}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Describe {
    cluster: Option<String>,
    services: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    if input.services.is_empty() {
        return fail!("InvalidParameterException", "Services cannot be empty.");
    }
    if input.services.len() > 10 {
        return fail!("InvalidParameterException", "Services cannot have more than 10 elements.");
    }
    let with_tags = input.include.iter().any(|i| i == "TAGS");
    let cluster = &*cluster::find(cx, input.cluster.as_deref())?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for given in &input.services {
        match cluster.services.get(name_of(given)) {
            Some(service) => found.push(shape(cluster, service, with_tags)),
            None => {
                let arn = cluster.arn.replace(":cluster/", ":service/");
                failures.push(json!({"arn": format!("{arn}/{}", name_of(given)), "reason": "MISSING"}));
            }
        }
    }
    Ok(json!({"services": found, "failures": failures}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct List {
    cluster: Option<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
    launch_type: Option<String>,
    scheduling_strategy: Option<String>,
    #[serde(rename = "resourceManagementType")]
    _resource_management_type: Option<String>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let cluster = cluster::find(cx, input.cluster.as_deref())?;
    let wanted = |s: &&EcsService| {
        s.status == "ACTIVE"
            && input.launch_type.as_ref().is_none_or(|l| s.shape.launch_type.as_ref() == Some(l))
            && input.scheduling_strategy.as_ref().is_none_or(|x| s.scheduling == *x)
    };
    let arns = cluster.services.values().filter(wanted).map(|s| (s.name.clone(), s.arn.clone()));
    let size = crate::page::size(input.max_results, 10, 100, "InvalidParameterException")?;
    let page = page(arns, input.next_token.as_deref(), size, "InvalidParameterException")?;
    Ok(bare(json!({"serviceArns": page.items, "nextToken": page.next})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Delete {
    cluster: Option<String>,
    service: String,
    #[serde(default)]
    force: bool,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let service = find(cx, input.cluster.as_deref(), &input.service)?;
    if service.status == "ACTIVE" {
        let replica = service.scheduling == "REPLICA";
        if !input.force && replica && service.desired > 0 {
            return fail!("InvalidParameterException", "The service cannot be stopped while it is scaled above 0.");
        }
        if !input.force && service.rollouts.len() > 1 {
            return fail!("InvalidParameterException", "The service cannot be stopped while deployments are active.");
        }
        if !input.force && service.controller == "EXTERNAL" && !service.rollouts.is_empty() {
            return fail!("InvalidParameterException", "The service cannot be stopped while task sets are active.");
        }
        service.status = "DRAINING".to_owned();
        service.desired = 0;
        service.steady = false;
        service.hurry();
        let (cluster, name) = (cluster::name_of(input.cluster.as_deref()), service.name.clone());
        scheduler::look_soon(cx, &cluster, &name);
    }
    answer(cx, input.cluster.as_deref(), &input.service, true)
}

/// Forgets an inactive service after a while.
pub(super) fn forget(cx: &mut Cx<'_>, cluster: &str, arn: &str) {
    if let Some(cluster) = cx.ecs().clusters.get_mut(cluster) {
        cluster.services.retain(|_, s| !(s.arn == arn && s.status == "INACTIVE"));
    }
}

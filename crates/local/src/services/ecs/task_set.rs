//! Task sets: how CodeDeploy and other controllers deploy.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{ApiError, Result, fail};
use crate::services::ecs::cluster::{self, Strategy};
use crate::services::ecs::rollout::Rollout;
use crate::services::ecs::service::validate::{self, INVALID, Network};
use crate::services::ecs::service::{EcsService, LoadBalancer, Registry, Shape, find};
use crate::services::ecs::{scheduler, service, tagging};
use crate::tags::{self, Tag};
use crate::world::Cx;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Scale {
    value: Option<f64>,
    unit: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Create {
    service: String,
    cluster: String,
    external_id: Option<String>,
    task_definition: String,
    network_configuration: Option<Network>,
    #[serde(default)]
    load_balancers: Vec<LoadBalancer>,
    #[serde(default)]
    service_registries: Vec<Registry>,
    launch_type: Option<String>,
    #[serde(default)]
    capacity_provider_strategy: Vec<Strategy>,
    platform_version: Option<String>,
    scale: Option<Scale>,
    client_token: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

fn percent(scale: Option<Scale>) -> Result<f64> {
    let Some(scale) = scale else { return Ok(0.0) };
    let value = scale.value.unwrap_or(0.0);
    if !(0.0..=100.0).contains(&value) || scale.unit.is_some_and(|u| u != "PERCENT") {
        return fail!(INVALID, "The scale of a task set must be 0 to 100 PERCENT.");
    }
    Ok(value)
}

/// An active service with task sets.
fn active<'c>(cx: &'c mut Cx<'_>, cluster: &str, name: &str) -> Result<&'c mut EcsService> {
    let operation = cx.operation.clone();
    let service = find(cx, Some(cluster), name)?;
    if service.status != "ACTIVE" {
        return fail!("ServiceNotActiveException", "Service was not ACTIVE.");
    }
    if !service.with_task_sets() {
        return fail!(INVALID, "{operation} is not supported on services with an ECS deployment controller.");
    }
    Ok(service)
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let service = active(cx, &input.cluster, &input.service)?;
    if service.rollouts.len() >= 5 {
        return fail!(INVALID, "The service already has the maximum number of task sets (5).");
    }
    if let Some(token) = &input.client_token
        && let Some(made) = service.rollouts.iter().find(|r| r.client_token.as_deref() == Some(token))
    {
        let id = made.id.clone();
        return answer(cx, &input.cluster, &input.service, &id);
    }
    let (arn, controller) = (service.arn.clone(), service.controller.clone());
    let scale = percent(input.scale)?;
    let tags = tags::from_list(input.tags);
    tagging::check(&tags)?;
    let launch_type = if input.capacity_provider_strategy.is_empty() {
        Some(input.launch_type.unwrap_or_else(|| "EC2".to_owned()))
    } else {
        None
    };
    let mut shape = Shape {
        task_definition: validate::definition(cx, &input.task_definition)?,
        launch_type,
        strategy: input.capacity_provider_strategy,
        network: input.network_configuration.and_then(|n| n.awsvpc_configuration),
        load_balancers: input.load_balancers,
        registries: input.service_registries,
        ..Shape::default()
    };
    validate::shape(cx, &mut shape, true)?;
    shape.platform_version = validate::platform(input.platform_version, shape.fargate())?;
    if controller == "CODE_DEPLOY" && shape.load_balancers.len() != 1 {
        return fail!(
            INVALID,
            "A service with a CODE_DEPLOY deployment controller must have exactly one target group."
        );
    }
    let rollout = Rollout::new(cx, shape, &arn);
    let id = rollout.id.clone();
    let service = active(cx, &input.cluster, &input.service)?;
    let rollout = Rollout {
        status: "ACTIVE".to_owned(),
        scale,
        external_id: input.external_id,
        client_token: input.client_token,
        tags,
        ..rollout
    };
    service.rollouts.insert(0, rollout);
    changed(cx, &input.cluster, &input.service)?;
    answer(cx, &input.cluster, &input.service, &id)
}

/// Says of a task set what AWS says of those that CodeDeploy made.
pub(crate) fn made_by_codedeploy(cx: &mut Cx<'_>, cluster: &str, service: &str, id: &str) {
    if let Ok(rollout) = find(cx, Some(cluster), service).and_then(|s| set(s, id)) {
        rollout.started_by = Some("CODE_DEPLOY".to_owned());
    }
}

/// A task set as DescribeTaskSets has it.
pub(crate) fn described(cx: &mut Cx<'_>, cluster: &str, service: &str, id: &str) -> Option<Value> {
    answer(cx, cluster, service, id).ok().map(|mut a| a["taskSet"].take()).filter(|set| !set.is_null())
}

/// Sizes the task sets anew and lets the scheduler look.
fn changed(cx: &mut Cx<'_>, cluster: &str, name: &str) -> Result<()> {
    let service = find(cx, Some(cluster), name)?;
    scheduler::size(service);
    service.steady = false;
    service.hurry();
    let (cluster, name) = (cluster::name_of(Some(cluster)), service.name.clone());
    scheduler::look_soon(cx, &cluster, &name);
    Ok(())
}

/// The described service has the task set's counts.
fn answer(cx: &mut Cx<'_>, cluster: &str, name: &str, id: &str) -> Result {
    let described = service::answer(cx, Some(cluster), name, false)?;
    let sets = described["service"]["taskSets"].as_array().cloned().unwrap_or_default();
    Ok(json!({"taskSet": sets.into_iter().find(|s| s["id"] == id)}))
}

fn no_set() -> ApiError {
    ApiError::new("TaskSetNotFoundException", "The specified task set could not be found.")
}

/// A task set by id or ARN.
fn set<'s>(service: &'s mut EcsService, given: &str) -> Result<&'s mut Rollout> {
    service.rollouts.iter_mut().find(|r| r.id == given || r.arn == given).ok_or_else(no_set)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Update {
    cluster: String,
    service: String,
    task_set: String,
    scale: Scale,
}

pub(super) fn update(cx: &mut Cx<'_>, input: Update) -> Result {
    let now = cx.now();
    let scale = percent(Some(input.scale))?;
    let rollout = set(active(cx, &input.cluster, &input.service)?, &input.task_set)?;
    (rollout.scale, rollout.updated) = (scale, now);
    let id = rollout.id.clone();
    changed(cx, &input.cluster, &input.service)?;
    answer(cx, &input.cluster, &input.service, &id)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MakePrimary {
    cluster: String,
    service: String,
    primary_task_set: String,
}

pub(super) fn make_primary(cx: &mut Cx<'_>, input: MakePrimary) -> Result {
    let now = cx.now();
    let service = active(cx, &input.cluster, &input.service)?;
    let id = set(service, &input.primary_task_set)?.id.clone();
    for rollout in &mut service.rollouts {
        let status = if rollout.id == id { "PRIMARY" } else { "ACTIVE" };
        if rollout.status != status && rollout.status != "DRAINING" {
            (rollout.status, rollout.updated) = (status.to_owned(), now);
        }
        if rollout.id == id {
            service.shape = rollout.shape.clone();
        }
    }
    changed(cx, &input.cluster, &input.service)?;
    answer(cx, &input.cluster, &input.service, &id)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Describe {
    cluster: String,
    service: String,
    #[serde(default)]
    task_sets: Vec<String>,
    #[serde(rename = "include", default)]
    _include: Vec<String>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    active(cx, &input.cluster, &input.service)?;
    let described = service::answer(cx, Some(&input.cluster), &input.service, false)?;
    let sets = described["service"]["taskSets"].as_array().cloned().unwrap_or_default();
    if input.task_sets.is_empty() {
        return Ok(json!({"taskSets": sets, "failures": []}));
    }
    let is = |set: &Value, given: &str| set["id"] == given || set["taskSetArn"] == given;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for given in &input.task_sets {
        match sets.iter().find(|s| is(s, given)) {
            Some(set) => found.push(set.clone()),
            None => failures.push(json!({"arn": given, "reason": "MISSING"})),
        }
    }
    Ok(json!({"taskSets": found, "failures": failures}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Delete {
    cluster: String,
    service: String,
    task_set: String,
    #[serde(default)]
    force: bool,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let now = cx.now();
    let rollout = set(active(cx, &input.cluster, &input.service)?, &input.task_set)?;
    if rollout.status == "PRIMARY" && !input.force {
        return fail!(INVALID, "The primary task set cannot be deleted.");
    }
    if rollout.scale > 0.0 && !input.force {
        return fail!(INVALID, "The task set cannot be deleted while it is scaled above 0.");
    }
    (rollout.status, rollout.updated) = ("DRAINING".to_owned(), now);
    let id = rollout.id.clone();
    changed(cx, &input.cluster, &input.service)?;
    answer(cx, &input.cluster, &input.service, &id)
}

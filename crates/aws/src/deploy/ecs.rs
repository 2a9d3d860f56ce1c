//! Services, revisions and tasks for deployments, and the listeners and targets in front of them.

use std::collections::BTreeMap;

use aomidori_deploy::cloud::{
    Forward, NewRevision, Revision, Rollout, RolloutState, Service, ServiceAt, ServiceChange, ServiceEvent,
    TargetHealth, Task, TaskSet,
};
use aomidori_engine::cloud::{CloudError, Want};
use aomidori_model::Resource;
use aws_sdk_ecs::types::{self as aws, DeploymentRolloutState, DesiredStatus, StabilityStatus};
use futures_util::future::try_join_all;

use super::moment;
use crate::call;
use crate::client::Cx;
use crate::kinds::task_definition::{self, Found};
use crate::services::{ecs, leaf, signed, unsigned};

const UPDATE: &str = "ecs:UpdateService";

pub(super) async fn service(cx: &Cx, at: &ServiceAt) -> Result<Option<Service>, CloudError> {
    Ok(ecs::services(cx, &at.cluster, std::slice::from_ref(&at.name)).await?.pop().map(|live| read(&live)))
}

pub(super) async fn services(cx: &Cx, arns: &[String]) -> Result<BTreeMap<String, Service>, CloudError> {
    let mut clusters: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for arn in arns {
        clusters.entry(ecs::service_parts(arn).0).or_default().push(arn.clone());
    }
    let answers = clusters.iter().map(|(cluster, services)| ecs::services(cx, cluster, services));
    let found = try_join_all(answers).await?.concat();
    Ok(found.iter().filter_map(|live| Some((live.service_arn.clone()?, read(live)))).collect())
}

pub(super) async fn update(cx: &Cx, at: &ServiceAt, change: &ServiceChange) -> Result<Service, CloudError> {
    let ServiceChange { task_definition, desired } = change;
    let request = cx
        .ecs
        .update_service()
        .cluster(&at.cluster)
        .service(&at.name)
        .set_task_definition(task_definition.clone())
        .set_desired_count(desired.map(signed));
    // It sets: to say it twice is no harm.
    let answer = call::idempotent(UPDATE, || request.clone().send()).await?;
    answer.service.as_ref().map(read).ok_or_else(|| call::missing(UPDATE, "service"))
}

pub(super) fn read(live: &aws::Service) -> Service {
    let count = |count: i32| unsigned(Some(count));
    Service {
        status: live.status.clone().unwrap_or_default(),
        desired: count(live.desired_count),
        running: count(live.running_count),
        pending: count(live.pending_count),
        task_definition: live.task_definition.clone(),
        task_sets: live
            .task_sets()
            .iter()
            .map(|set| TaskSet {
                // CodeDeploy names a task set by its own id, tasks by what started them: both are this one.
                id: set.id.clone().unwrap_or_default(),
                status: set.status.clone().unwrap_or_default(),
                task_definition: set.task_definition.clone().unwrap_or_default(),
                target_group: set.load_balancers().iter().find_map(|it| it.target_group_arn.clone()),
                desired: count(set.computed_desired_count),
                running: count(set.running_count),
                pending: count(set.pending_count),
                steady: set.stability_status == Some(StabilityStatus::SteadyState),
                created_at: moment(set.created_at.as_ref()),
            })
            .collect(),
        rollouts: live
            .deployments()
            .iter()
            .map(|rollout| Rollout {
                id: rollout.id.clone().unwrap_or_default(),
                status: rollout.status.clone().unwrap_or_default(),
                state: match rollout.rollout_state {
                    Some(DeploymentRolloutState::Completed) => RolloutState::Completed,
                    Some(DeploymentRolloutState::Failed) => RolloutState::Failed,
                    _ => RolloutState::InProgress,
                },
                reason: rollout.rollout_state_reason.clone(),
                task_definition: rollout.task_definition.clone().unwrap_or_default(),
                desired: count(rollout.desired_count),
                running: count(rollout.running_count),
                pending: count(rollout.pending_count),
                failed: count(rollout.failed_tasks),
                created_at: moment(rollout.created_at.as_ref()),
            })
            .collect(),
        events: live
            .events()
            .iter()
            .map(|event| ServiceEvent {
                id: event.id.clone().unwrap_or_default(),
                at: moment(event.created_at.as_ref()),
                message: event.message.clone().unwrap_or_default(),
            })
            .collect(),
        created_at: moment(live.created_at.as_ref()),
    }
}

pub(super) async fn revision(cx: &Cx, name: &str) -> Result<Option<Revision>, CloudError> {
    Ok(task_definition::describe(cx, name).await?.map(|found| read_revision(&found)))
}

/// All that are described, ten at a time.
pub(super) async fn revisions(cx: &Cx, family: &str) -> Result<Vec<Revision>, CloudError> {
    let (mut arns, inactive) = tokio::try_join!(
        task_definition::revisions(cx, family, aws::TaskDefinitionStatus::Active),
        task_definition::revisions(cx, family, aws::TaskDefinitionStatus::Inactive),
    )?;
    arns.extend(inactive);
    let mut found = Vec::new();
    for chunk in arns.chunks(10) {
        let page = try_join_all(chunk.iter().map(|arn| task_definition::describe(cx, arn))).await?;
        found.extend(page.iter().flatten().map(read_revision));
    }
    found.sort_by_key(|revision| std::cmp::Reverse(revision.revision));
    Ok(found)
}

fn read_revision(found: &Found) -> Revision {
    let live = &found.definition;
    Revision {
        arn: found.arn().to_owned(),
        family: live.family.clone().unwrap_or_default(),
        revision: unsigned(Some(live.revision)),
        active: found.is_active(),
        images: live
            .container_definitions()
            .iter()
            .filter_map(|container| Some((container.name.clone()?, container.image.clone()?)))
            .collect(),
        fields: task_definition::fields_of(live, &found.tags).unwrap_or_default(),
        tags: found.tags.clone(),
        registered_at: moment(live.registered_at.as_ref()),
        registered_by: live.registered_by.clone(),
    }
}

pub(super) async fn register(cx: &Cx, new: NewRevision<'_>) -> Result<Revision, CloudError> {
    let NewRevision { stack, address, definition, images, tags, known } = new;
    let resource = Resource::from(definition.clone());
    let w = Want { stack, address, resource: &resource, tags, known, token: "" };
    let made = task_definition::register(cx, definition, w, tags.clone(), images).await?;
    // Not to be seen at once, at worst: then it is looked for like one that was not answered.
    revision(cx, &made.id).await?.ok_or_else(|| call::missing("ecs:RegisterTaskDefinition", "task definition"))
}

pub(super) async fn tag(cx: &Cx, arn: &str, tags: &BTreeMap<String, String>) -> Result<(), CloudError> {
    let tags: Vec<aws::Tag> =
        tags.iter().map(|(key, value)| aws::Tag::builder().key(key).value(value).build()).collect();
    call::idempotent("ecs:TagResource", || cx.ecs.tag_resource().resource_arn(arn).set_tags(Some(tags.clone())).send())
        .await
        .map(|_| ())
}

/// Running ones and stopped ones (ECS remembers those for an hour), a hundred to a call.
pub(super) async fn tasks(cx: &Cx, at: &ServiceAt) -> Result<Vec<Task>, CloudError> {
    let list = |desired: DesiredStatus| async move {
        let mut arns = Vec::new();
        let mut token = None;
        loop {
            let answer = call::read("ecs:ListTasks", || {
                cx.ecs
                    .list_tasks()
                    .cluster(&at.cluster)
                    .service_name(&at.name)
                    .desired_status(desired.clone())
                    .set_next_token(token.clone())
                    .send()
            })
            .await;
            let Some(page) = call::if_there(answer)? else { break };
            arns.extend(page.task_arns.unwrap_or_default());
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
        Ok::<_, CloudError>(arns)
    };
    let (mut arns, stopped) = tokio::try_join!(list(DesiredStatus::Running), list(DesiredStatus::Stopped))?;
    arns.extend(stopped);
    let pages = try_join_all(arns.chunks(100).map(|chunk| {
        call::read("ecs:DescribeTasks", || {
            cx.ecs.describe_tasks().cluster(&at.cluster).set_tasks(Some(chunk.to_vec())).send()
        })
    }))
    .await?;
    Ok(pages.iter().flat_map(|page| page.tasks()).map(task).collect())
}

pub(super) fn task(live: &aws::Task) -> Task {
    let containers = live.containers().iter().filter_map(|container| {
        let name = container.name.as_deref().unwrap_or_default();
        let code = container.exit_code.filter(|code| *code != 0).map(|code| format!("exit code {code}"));
        let why = [code, container.reason.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ");
        (!why.is_empty()).then(|| format!("{name}: {why}"))
    });
    let detail = |name: &str| {
        let details = live.attachments().iter().flat_map(aws::Attachment::details);
        details.filter(|it| it.name.as_deref() == Some(name)).find_map(|it| it.value.clone())
    };
    Task {
        id: leaf(live.task_arn.as_deref().unwrap_or_default()).to_owned(),
        task_definition: live.task_definition_arn.clone().unwrap_or_default(),
        started_by: live.started_by.clone().unwrap_or_default(),
        status: live.last_status.clone().unwrap_or_default(),
        health: live.health_status.as_ref().map_or("UNKNOWN", aws::HealthStatus::as_str).to_owned(),
        address: detail("privateIPv4Address"),
        zone: live.availability_zone.clone(),
        created_at: moment(live.created_at.as_ref()),
        stopped_at: moment(live.stopped_at.as_ref()),
        stopped_reason: live.stopped_reason.clone(),
        stop_code: live.stop_code.as_ref().map(|code| code.as_str().to_owned()),
        containers: containers.collect(),
        digests: live
            .containers()
            .iter()
            .filter_map(|container| Some((container.name.clone()?, container.image_digest.clone()?)))
            .collect(),
    }
}

/// Where listeners forward by default.
pub(super) async fn forwards(cx: &Cx, listeners: &[String]) -> Result<Vec<Forward>, CloudError> {
    let answer = call::read("elasticloadbalancing:DescribeListeners", || {
        cx.elb.describe_listeners().set_listener_arns(Some(listeners.to_vec())).send()
    })
    .await?;
    Ok(answer
        .listeners()
        .iter()
        .map(|live| {
            let action = live.default_actions().first();
            let groups = action.and_then(|it| it.forward_config.as_ref()).map(|it| it.target_groups());
            let mut weights: BTreeMap<String, u32> = groups
                .unwrap_or_default()
                .iter()
                .filter_map(|group| {
                    Some((group.target_group_arn.clone()?, group.weight.map_or(1, |weight| unsigned(Some(weight)))))
                })
                .collect();
            if let (true, Some(only)) = (weights.is_empty(), action.and_then(|it| it.target_group_arn.clone())) {
                weights.insert(only, 1);
            }
            Forward {
                listener: live.listener_arn.clone().unwrap_or_default(),
                port: live.port.and_then(|port| u16::try_from(port).ok()).unwrap_or_default(),
                protocol: live.protocol.as_ref().map_or("HTTP", |protocol| protocol.as_str()).to_owned(),
                weights,
            }
        })
        .collect())
}

/// The targets of a group; none of one that is not there.
pub(super) async fn health(cx: &Cx, target_group: &str) -> Result<Vec<TargetHealth>, CloudError> {
    let answer = call::read("elasticloadbalancing:DescribeTargetHealth", || {
        cx.elb.describe_target_health().target_group_arn(target_group).send()
    })
    .await;
    let Some(answer) = call::if_there(answer)? else { return Ok(Vec::new()) };
    Ok(answer
        .target_health_descriptions()
        .iter()
        .map(|live| {
            let health = live.target_health.as_ref();
            TargetHealth {
                address: live.target.as_ref().and_then(|target| target.id.clone()).unwrap_or_default(),
                state: health.and_then(|it| it.state.as_ref()).map_or("unknown", |state| state.as_str()).to_owned(),
                reason: health.and_then(|it| it.reason.as_ref()).map(|reason| reason.as_str().to_owned()),
                description: health.and_then(|it| it.description.clone()),
            }
        })
        .collect())
}

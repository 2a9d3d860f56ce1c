//! CodeDeploy deployments (aws-facts 3).

use aomidori_deploy::cloud::{
    Deployment, DeploymentError, LifeCycle, LifeCycleStatus, NewDeployment, ServiceAt, Side, Status, Target, WaitType,
    WeighedTaskSet,
};
use aomidori_engine::cloud::{CloudError, ErrorKind};
use aomidori_model::kinds::deployment_config::TrafficRouting;
use aomidori_model::kinds::deployment_group::{ReadyOption, RollbackEvent};
use aws_sdk_codedeploy::types::{
    AppSpecContent, AutoRollbackEvent, DeploymentConfigInfo, DeploymentInfo, DeploymentReadyAction, DeploymentStatus,
    DeploymentWaitType, EcsTarget, EcsTaskSet, LifecycleEvent, LifecycleEventStatus, RevisionLocation,
    RevisionLocationType, StopStatus, TargetLabel,
};
use futures_util::future::try_join_all;

use super::moment;
use crate::call;
use crate::client::Cx;
use crate::kinds::{deployment_config, deployment_group};
use crate::services::unsigned;

const GET: &str = "codedeploy:GetDeployment";
const CREATE: &str = "codedeploy:CreateDeployment";

/// How a live configuration shifts.
pub(super) fn routing(live: &DeploymentConfigInfo) -> Option<TrafficRouting> {
    deployment_config::routing_of(live)
}

/// The newest first. CodeDeploy's list has no promised order, so it is read to the end and sorted.
pub(super) async fn deployments(cx: &Cx, group: &str, limit: usize) -> Result<Vec<Deployment>, CloudError> {
    let (application, name) = deployment_group::parts(group);
    let mut ids = Vec::new();
    let mut token = None;
    loop {
        let answer = call::read("codedeploy:ListDeployments", || {
            cx.codedeploy
                .list_deployments()
                .application_name(application)
                .deployment_group_name(name)
                .set_next_token(token.clone())
                .send()
        })
        .await;
        let Some(page) = call::if_there(answer)? else { return Ok(Vec::new()) };
        ids.extend(page.deployments.unwrap_or_default());
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
    }
    let pages = try_join_all(ids.chunks(25).map(|chunk| {
        call::read("codedeploy:BatchGetDeployments", || {
            cx.codedeploy.batch_get_deployments().set_deployment_ids(Some(chunk.to_vec())).send()
        })
    }))
    .await?;
    let mut found: Vec<Deployment> = pages
        .iter()
        .flat_map(|page| page.deployments_info.as_deref().unwrap_or_default())
        .filter_map(|info| read(info).transpose())
        .collect::<Result<_, _>>()?;
    found.sort_by_key(|deployment| std::cmp::Reverse(deployment.created_at));
    found.truncate(limit);
    Ok(found)
}

pub(super) async fn deployment(cx: &Cx, id: &str) -> Result<Option<Deployment>, CloudError> {
    let answer = call::read(GET, || cx.codedeploy.get_deployment().deployment_id(id).send()).await;
    match call::if_there(answer)?.and_then(|answer| answer.deployment_info) {
        Some(info) => read(&info),
        None => Ok(None),
    }
}

/// A deployment as CodeDeploy describes it; `None` for one without an id.
pub(super) fn read(info: &DeploymentInfo) -> Result<Option<Deployment>, CloudError> {
    let Some(id) = info.deployment_id.clone() else { return Ok(None) };
    let status = match &info.status {
        Some(DeploymentStatus::Created) | None => Status::Created,
        Some(DeploymentStatus::Queued) => Status::Queued,
        Some(DeploymentStatus::InProgress) => Status::InProgress,
        Some(DeploymentStatus::Baking) => Status::Baking,
        Some(DeploymentStatus::Ready) => Status::Ready,
        Some(DeploymentStatus::Succeeded) => Status::Succeeded,
        Some(DeploymentStatus::Failed) => Status::Failed,
        Some(DeploymentStatus::Stopped) => Status::Stopped,
        Some(other) => return Err(call::unreadable("status", &id, other.as_str())),
    };
    let blue_green = info.blue_green_deployment_configuration.as_ref();
    let ready = blue_green.and_then(|it| it.deployment_ready_option.as_ref());
    let terminate = blue_green.and_then(|it| it.terminate_blue_instances_on_deployment_success.as_ref());
    let rollback = info.rollback_info.as_ref();
    let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    Ok(Some(Deployment {
        status,
        description: info.description.clone().unwrap_or_default(),
        creator: info.creator.as_ref().map(|creator| creator.as_str().to_owned()).unwrap_or_default(),
        config: info.deployment_config_name.clone().unwrap_or_default(),
        created_at: moment(info.create_time.as_ref()),
        completed_at: moment(info.complete_time.as_ref()),
        error: info.error_information.as_ref().map(|error| DeploymentError {
            code: error.code.as_ref().map(|code| code.as_str().to_owned()).unwrap_or_default(),
            message: error.message.clone().unwrap_or_default(),
        }),
        rollback: rollback.and_then(|it| some(&it.rollback_deployment_id)).filter(|by| *by != id),
        rolls_back: rollback.and_then(|it| some(&it.rollback_triggering_deployment_id)).filter(|of| *of != id),
        auto_rollback: info
            .auto_rollback_configuration
            .as_ref()
            .filter(|it| it.enabled)
            .and_then(|it| it.events.as_deref())
            .unwrap_or_default()
            .iter()
            .filter_map(|event| match event {
                AutoRollbackEvent::DeploymentFailure => Some(RollbackEvent::Failure),
                AutoRollbackEvent::DeploymentStopOnAlarm => Some(RollbackEvent::Alarm),
                AutoRollbackEvent::DeploymentStopOnRequest => Some(RollbackEvent::Request),
                _ => None,
            })
            .collect(),
        ready: match ready.map(|it| (&it.action_on_timeout, it.wait_time_in_minutes)) {
            Some((Some(DeploymentReadyAction::StopDeployment), minutes)) => {
                ReadyOption::Wait { minutes: unsigned(Some(minutes)) }
            }
            _ => ReadyOption::Continue,
        },
        terminate_after: unsigned(terminate.map(|it| it.termination_wait_time_in_minutes)),
        terminating: info.instance_termination_wait_time_started,
        sha256: info.revision.as_ref().and_then(sha256),
        id,
    }))
}

/// The hash of an AppSpec; the text itself is not in the answer (aws-facts 3.2).
fn sha256(revision: &RevisionLocation) -> Option<String> {
    let content = revision.app_spec_content.as_ref().and_then(|content| content.sha256.clone());
    #[expect(deprecated, reason = "older deployments have it where CodeDeploy once kept it")]
    content.or_else(|| revision.string.as_ref()?.sha256.clone())
}

/// What it does to its service. The id of its only target is `CLUSTER:SERVICE`.
pub(super) async fn target(cx: &Cx, id: &str, at: &ServiceAt) -> Result<Option<Target>, CloudError> {
    let name = format!("{}:{}", at.cluster, at.name);
    let answer = call::read("codedeploy:GetDeploymentTarget", || {
        cx.codedeploy.get_deployment_target().deployment_id(id).target_id(&name).send()
    })
    .await;
    let answer = match answer {
        Err(error) if error.code.as_deref() == Some("DeploymentNotStartedException") => return Ok(None),
        other => call::if_there(other)?,
    };
    let found = answer.and_then(|answer| answer.deployment_target).and_then(|target| target.ecs_target);
    Ok(found.as_ref().map(read_target))
}

pub(super) fn read_target(live: &EcsTarget) -> Target {
    Target {
        events: live.lifecycle_events.as_deref().unwrap_or_default().iter().map(event).collect(),
        task_sets: live.task_sets_info.as_deref().unwrap_or_default().iter().map(task_set).collect(),
    }
}

fn event(live: &LifecycleEvent) -> LifeCycle {
    LifeCycle {
        name: live.lifecycle_event_name.clone().unwrap_or_default(),
        status: match &live.status {
            Some(LifecycleEventStatus::InProgress) => LifeCycleStatus::InProgress,
            Some(LifecycleEventStatus::Succeeded) => LifeCycleStatus::Succeeded,
            Some(LifecycleEventStatus::Failed) => LifeCycleStatus::Failed,
            Some(LifecycleEventStatus::Skipped) => LifeCycleStatus::Skipped,
            Some(LifecycleEventStatus::Pending) | None => LifeCycleStatus::Pending,
            Some(_) => LifeCycleStatus::Unknown,
        },
        start: moment(live.start_time.as_ref()),
        end: moment(live.end_time.as_ref()),
        diagnostics: live
            .diagnostics
            .as_ref()
            .and_then(|it| it.message.clone().or_else(|| it.log_tail.clone()))
            .filter(|text| !text.trim().is_empty()),
    }
}

fn task_set(live: &EcsTaskSet) -> WeighedTaskSet {
    let count = |count: i64| u32::try_from(count).unwrap_or_default();
    WeighedTaskSet {
        id: live.identifer.clone().unwrap_or_default(),
        status: live.status.clone().unwrap_or_default(),
        side: match &live.task_set_label {
            Some(TargetLabel::Blue) => Some(Side::Blue),
            Some(TargetLabel::Green) => Some(Side::Green),
            _ => None,
        },
        weight: live.traffic_weight,
        target_group: live.target_group.as_ref().and_then(|group| group.name.clone()),
        desired: count(live.desired_count),
        pending: count(live.pending_count),
        running: count(live.running_count),
    }
}

/// The text of an AppSpec by its hash.
pub(super) async fn appspec(cx: &Cx, application: &str, sha256: &str) -> Result<Option<String>, CloudError> {
    let revision = RevisionLocation::builder()
        .revision_type(RevisionLocationType::AppSpecContent)
        .app_spec_content(AppSpecContent::builder().sha256(sha256).build())
        .build();
    let answer = call::read("codedeploy:GetApplicationRevision", || {
        cx.codedeploy.get_application_revision().application_name(application).revision(revision.clone()).send()
    })
    .await;
    Ok(call::if_there(answer)?.and_then(|it| it.revision?.app_spec_content?.content))
}

pub(super) async fn create(cx: &Cx, new: &NewDeployment) -> Result<String, CloudError> {
    let (application, name) = deployment_group::parts(&new.group);
    let revision = RevisionLocation::builder()
        .revision_type(RevisionLocationType::AppSpecContent)
        .app_spec_content(AppSpecContent::builder().content(&new.appspec).build())
        .build();
    let request = cx
        .codedeploy
        .create_deployment()
        .application_name(application)
        .deployment_group_name(name)
        .revision(revision)
        .set_deployment_config_name(new.config.clone())
        .description(&new.description);
    let answer = call::once(CREATE, request.send()).await?;
    answer.deployment_id.ok_or_else(|| call::missing(CREATE, "deployment"))
}

pub(super) async fn go_on(cx: &Cx, id: &str, wait: WaitType) -> Result<(), CloudError> {
    let wait = match wait {
        WaitType::Ready => DeploymentWaitType::ReadyWait,
        WaitType::Termination => DeploymentWaitType::TerminationWait,
    };
    let request = cx.codedeploy.continue_deployment().deployment_id(id).deployment_wait_type(wait);
    call::once("codedeploy:ContinueDeployment", request.send()).await.map(|_| ())
}

/// Stops it, again while CodeDeploy does not answer. True if it has stopped already.
pub(super) async fn stop(cx: &Cx, id: &str, rollback: bool) -> Result<bool, CloudError> {
    let answer = call::once(
        "codedeploy:StopDeployment",
        cx.codedeploy.stop_deployment().deployment_id(id).auto_rollback_enabled(rollback).send(),
    )
    .await;
    match answer {
        Ok(answer) => Ok(answer.status == Some(StopStatus::Succeeded)),
        // Its rollback would be lost if this counted as done; the driver looks.
        Err(error) if error.kind == ErrorKind::InUse => Err(CloudError { kind: ErrorKind::Unknown, ..error }),
        Err(error) => Err(error),
    }
}

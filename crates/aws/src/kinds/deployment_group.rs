//! CodeDeploy deployment groups on ECS (aws-facts 2.26). The id is `APPLICATION/GROUP`.

use aomidori_engine::cloud::{CloudError, ErrorKind, Made, Progress, Want};
use aomidori_model::Ref;
use aomidori_model::kinds::deployment_group::{ReadyOption, RollbackEvent};
use aomidori_model::kinds::{DeploymentGroup, TargetGroup};
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_codedeploy::types::{
    Alarm, AlarmConfiguration, AutoRollbackConfiguration, AutoRollbackEvent, BlueGreenDeploymentConfiguration,
    BlueInstanceTerminationOption, DeploymentGroupInfo, DeploymentOption, DeploymentReadyAction, DeploymentReadyOption,
    DeploymentStyle, DeploymentType, EcsService, InstanceAction, LoadBalancerInfo, TargetGroupInfo,
    TargetGroupPairInfo, TrafficRoute,
};

use crate::call;
use crate::client::Cx;
use crate::live::Live;
use crate::services::code_deploy::{self, RUNNING, group_arn};
use crate::services::{changes_any, ecs, is_it, made, signed};

impl Live for DeploymentGroup {
    const WRITES: &'static [&'static str] = &[
        "codedeploy:CreateDeploymentGroup",
        "codedeploy:DeleteDeploymentGroup",
        "codedeploy:StopDeployment",
        "codedeploy:UpdateDeploymentGroup",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let application = w.known.id(&want.application)?;
        let request = cx
            .codedeploy
            .create_deployment_group()
            .application_name(&application)
            .deployment_group_name(want.name.as_str())
            .deployment_config_name(w.known.id(&want.config)?)
            .service_role_arn(w.known.id(&want.role)?)
            .deployment_style(style())
            .ecs_services(service(want, w)?)
            .load_balancer_info(pair(want, w)?)
            .blue_green_deployment_configuration(blue_green(want))
            .auto_rollback_configuration(rollback(want))
            .alarm_configuration(alarms(want))
            .set_tags(code_deploy::tag_list(w.tags));
        call::once("codedeploy:CreateDeploymentGroup", request.send()).await.map_err(call::fresh)?;
        Ok(made(format!("{application}/{}", want.name), []))
    }

    async fn find(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let id = format!("{}/{}", w.known.id(&want.application)?, want.name);
        if read(cx, &id).await?.is_none() {
            return Ok(None);
        }
        let ours = is_it(w, &code_deploy::tags_of(cx, &group_arn(cx, &id).await?).await?);
        Ok(ours.then(|| made(id, [])))
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        code_deploy::retag(cx, &group_arn(cx, &have.id).await?, w, have, changes).await?;
        let (application, name) = parts(&have.id);
        let changed = |names: &[&str]| changes_any(changes, names);
        let mut request =
            cx.codedeploy.update_deployment_group().application_name(application).current_deployment_group_name(name);
        let mut any = false;
        if changed(&["deployment_config_name"]) {
            (request, any) = (request.deployment_config_name(w.known.id(&want.config)?), true);
        }
        if changed(&["service_role_arn"]) {
            (request, any) = (request.service_role_arn(w.known.id(&want.role)?), true);
        }
        if changed(&["ecs_service"]) {
            (request, any) = (request.ecs_services(service(want, w)?), true);
        }
        if changed(&["target_groups", "prod_traffic_route", "test_traffic_route"]) {
            (request, any) = (request.load_balancer_info(pair(want, w)?), true);
        }
        if changed(&["deployment_ready_option.", "terminate_blue_instances_on_deployment_success."]) {
            (request, any) = (request.blue_green_deployment_configuration(blue_green(want)), true);
        }
        // Switched off with an empty list: what is left out stays as it is.
        if changed(&["auto_rollback_configuration."]) {
            (request, any) = (request.auto_rollback_configuration(rollback(want)), true);
        }
        if changed(&["alarm_configuration."]) {
            (request, any) = (request.alarm_configuration(alarms(want)), true);
        }
        if any {
            call::idempotent("codedeploy:UpdateDeploymentGroup", || request.clone().send()).await?;
        }
        Ok(made(&have.id, []))
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        let (application, name) = parts(&have.id);
        // A deployment that runs goes on moving task sets and listeners of what is torn down next to it.
        for deployment in running(cx, application, name).await? {
            stop(cx, &deployment).await?;
        }
        let answer = call::idempotent("codedeploy:DeleteDeploymentGroup", || {
            cx.codedeploy.delete_deployment_group().application_name(application).deployment_group_name(name).send()
        })
        .await;
        call::gone_is_fine(answer)
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        Ok(if read(cx, id).await?.is_some() { Progress::Ready } else { Progress::Gone })
    }
}

/// Application and group of an id; neither name can hold a `/`.
pub(crate) fn parts(id: &str) -> (&str, &str) {
    id.split_once('/').unwrap_or((id, ""))
}

/// One group by its id; `None` if it or its application is not there.
pub(crate) async fn read(cx: &Cx, id: &str) -> Result<Option<DeploymentGroupInfo>, CloudError> {
    let (application, name) = parts(id);
    let answer = call::read("codedeploy:GetDeploymentGroup", || {
        cx.codedeploy.get_deployment_group().application_name(application).deployment_group_name(name).send()
    })
    .await;
    Ok(call::if_there(answer)?.and_then(|answer| answer.deployment_group_info))
}

/// The deployments of a group that run.
async fn running(cx: &Cx, application: &str, name: &str) -> Result<Vec<String>, CloudError> {
    let answer = call::read("codedeploy:ListDeployments", || {
        cx.codedeploy
            .list_deployments()
            .application_name(application)
            .deployment_group_name(name)
            .set_include_only_statuses(Some(RUNNING.to_vec()))
            .send()
    })
    .await;
    // One runs at a time, so there is no second page.
    Ok(call::if_there(answer)?.and_then(|answer| answer.deployments).unwrap_or_default())
}

/// Stops a deployment, as it stands: nothing is rolled back, since all of it goes. It has not ended when AWS answers, so
/// the deletion of the group is tried again.
async fn stop(cx: &Cx, deployment: &str) -> Result<(), CloudError> {
    const STOP: &str = "codedeploy:StopDeployment";
    let answer = call::idempotent(STOP, || {
        cx.codedeploy.stop_deployment().deployment_id(deployment).auto_rollback_enabled(false).send()
    })
    .await;
    let ended = match answer {
        Ok(answer) => answer.status == Some(aws_sdk_codedeploy::types::StopStatus::Succeeded),
        Err(error) if error.kind == ErrorKind::NotFound => true,
        Err(error) if error.code.as_deref() == Some("DeploymentAlreadyCompletedException") => true,
        Err(error) => return Err(error),
    };
    if ended {
        return Ok(());
    }
    Err(CloudError {
        kind: ErrorKind::InUse,
        operation: STOP.into(),
        code: None,
        message: format!("deployment {deployment} is being stopped"),
    })
}

fn style() -> DeploymentStyle {
    DeploymentStyle::builder()
        .deployment_type(DeploymentType::BlueGreen)
        .deployment_option(DeploymentOption::WithTrafficControl)
        .build()
}

fn service(want: &DeploymentGroup, w: Want<'_>) -> Result<EcsService, CloudError> {
    let arn = w.known.id(&want.service)?;
    let (cluster, name) = ecs::service_parts(&arn);
    Ok(EcsService::builder().cluster_name(cluster).service_name(name).build())
}

fn pair(want: &DeploymentGroup, w: Want<'_>) -> Result<LoadBalancerInfo, CloudError> {
    let group = |reference: &Ref<TargetGroup>| {
        let arn = w.known.id(reference)?;
        Ok::<_, CloudError>(TargetGroupInfo::builder().name(target_group_name(&arn)).build())
    };
    let route = |arn: String| TrafficRoute::builder().listener_arns(arn).build();
    let test = want.pair.test.as_ref().map(|test| w.known.id(test)).transpose()?;
    let pair = TargetGroupPairInfo::builder()
        .target_groups(group(&want.pair.blue)?)
        .target_groups(group(&want.pair.green)?)
        .prod_traffic_route(route(w.known.id(&want.pair.production)?))
        .set_test_traffic_route(test.map(route))
        .build();
    Ok(LoadBalancerInfo::builder().target_group_pair_info_list(pair).build())
}

/// CodeDeploy knows target groups by name: `…:targetgroup/NAME/HEX`.
fn target_group_name(arn: &str) -> &str {
    arn.split('/').nth(1).unwrap_or(arn)
}

fn blue_green(want: &DeploymentGroup) -> BlueGreenDeploymentConfiguration {
    let ready = match want.ready {
        ReadyOption::Continue => {
            DeploymentReadyOption::builder().action_on_timeout(DeploymentReadyAction::ContinueDeployment)
        }
        ReadyOption::Wait { minutes } => DeploymentReadyOption::builder()
            .action_on_timeout(DeploymentReadyAction::StopDeployment)
            .wait_time_in_minutes(signed(minutes)),
    };
    let terminate = BlueInstanceTerminationOption::builder()
        .action(InstanceAction::Terminate)
        .termination_wait_time_in_minutes(signed(want.terminate_blue_after));
    BlueGreenDeploymentConfiguration::builder()
        .deployment_ready_option(ready.build())
        .terminate_blue_instances_on_deployment_success(terminate.build())
        .build()
}

fn rollback(want: &DeploymentGroup) -> AutoRollbackConfiguration {
    let events = want.auto_rollback.iter().map(|event| match event {
        RollbackEvent::Failure => AutoRollbackEvent::DeploymentFailure,
        RollbackEvent::Alarm => AutoRollbackEvent::DeploymentStopOnAlarm,
        RollbackEvent::Request => AutoRollbackEvent::DeploymentStopOnRequest,
    });
    AutoRollbackConfiguration::builder()
        .enabled(!want.auto_rollback.is_empty())
        .set_events(Some(events.collect()))
        .build()
}

fn alarms(want: &DeploymentGroup) -> AlarmConfiguration {
    let alarms = want.alarms.iter().map(|name| Alarm::builder().name(name).build());
    AlarmConfiguration::builder().enabled(!want.alarms.is_empty()).set_alarms(Some(alarms.collect())).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_ids() {
        assert_eq!(parts("shop/web"), ("shop", "web"));
        assert_eq!(target_group_name("arn:aws:elasticloadbalancing:r:1:targetgroup/shop-blue/0123"), "shop-blue");
    }
}

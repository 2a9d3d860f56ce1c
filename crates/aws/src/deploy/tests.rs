//! What CodeDeploy and ECS describe, in the form of the seam.

use aomidori_deploy::cloud::{LifeCycleStatus, Side, Status};
use aomidori_deploy::register::declared_image_tag;
use aomidori_model::kinds::deployment_group::ReadyOption;
use aws_sdk_codedeploy::types::{
    AppSpecContent, BlueGreenDeploymentConfiguration, DeploymentInfo, DeploymentReadyAction, DeploymentReadyOption,
    DeploymentStatus, EcsTarget, EcsTaskSet, LifecycleEvent, LifecycleEventStatus, RevisionLocation, RollbackInfo,
    TargetLabel,
};
use aws_sdk_ecs::types::{Container, Task};
use aws_smithy_types::DateTime;

use super::{code_deploy, ecs};

#[test]
fn a_deployment_that_waits() {
    let wait = DeploymentReadyOption::builder()
        .action_on_timeout(DeploymentReadyAction::StopDeployment)
        .wait_time_in_minutes(5)
        .build();
    let info = DeploymentInfo::builder()
        .deployment_id("d-1")
        .status(DeploymentStatus::Ready)
        .create_time(DateTime::from_secs_f64(1.5))
        .blue_green_deployment_configuration(
            BlueGreenDeploymentConfiguration::builder().deployment_ready_option(wait).build(),
        )
        .rollback_info(RollbackInfo::builder().rollback_deployment_id("").build())
        .revision(RevisionLocation::builder().app_spec_content(AppSpecContent::builder().sha256("abc").build()).build())
        .build();
    let read = code_deploy::read(&info).unwrap().unwrap();
    assert_eq!((read.status, read.ready), (Status::Ready, ReadyOption::Wait { minutes: 5 }));
    assert_eq!((read.rollback, read.sha256.as_deref()), (None, Some("abc")));
    assert_eq!(read.created_at.map(|at| at.0), Some(1500));
}

#[test]
fn a_target_with_its_events_and_task_sets() {
    let event = LifecycleEvent::builder()
        .lifecycle_event_name("Install")
        .status(LifecycleEventStatus::Succeeded)
        .start_time(DateTime::from_secs(10))
        .end_time(DateTime::from_secs(20))
        .build();
    let set = EcsTaskSet::builder()
        .identifer("ecs-svc/2")
        .task_set_label(TargetLabel::Green)
        .traffic_weight(10.0)
        .running_count(1)
        .build();
    let read = code_deploy::read_target(&EcsTarget::builder().lifecycle_events(event).task_sets_info(set).build());
    assert_eq!(read.events[0].status, LifeCycleStatus::Succeeded);
    assert_eq!(read.events[0].end.map(|at| at.0), Some(20_000));
    assert_eq!((read.task_sets[0].side, read.task_sets[0].weight), (Some(Side::Green), 10.0));
}

#[test]
fn why_a_task_stopped() {
    let task = Task::builder()
        .task_arn("arn:aws:ecs:r:1:task/shop/abc")
        .stopped_reason("Essential container in task exited")
        .containers(Container::builder().name("web").exit_code(137).reason("OutOfMemoryError").build())
        .containers(Container::builder().name("proxy").exit_code(0).build())
        .build();
    let read = ecs::task(&task);
    assert_eq!(read.id, "abc");
    assert_eq!(read.containers, ["web: exit code 137, OutOfMemoryError"]);
}

#[test]
fn deployments_and_the_observer_mean_the_same_tag() {
    assert_eq!(declared_image_tag("web"), crate::kinds::task_definition::declared_image_tag("web"));
}

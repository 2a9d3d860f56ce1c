//! The whole practice environment: built, nothing left to do, changed, torn down.

use aomidori_aws::Aws;
use aomidori_model::kinds::ecs_service::Deployment;
use aomidori_model::kinds::{EcrRepository, EcsService, Listener, LogGroup, TargetGroup, TaskDefinition};
use aomidori_model::{Port, Resource, Stack};
use aomidori_plan::Action;
use aomidori_practice::Inputs;
use aws_sdk_ecs::types::TaskDefinitionField;

use crate::support::{World, address, census, since, sum};

fn stack() -> Stack {
    aomidori_practice::stack(&Inputs::default()).expect("the practice environment")
}

/// Changes the resource at an address.
fn change<K>(stack: &mut Stack, at: &str, change: impl FnOnce(&mut K))
where
    K: Clone + Into<Resource>,
    for<'a> &'a K: TryFrom<&'a Resource>,
{
    let entry = stack.get_mut(&address(at)).expect("a resource");
    let Ok(kind) = <&K>::try_from(&entry.resource) else { panic!("{at} is of another kind") };
    let mut kind = kind.clone();
    change(&mut kind);
    entry.resource = kind.into();
}

#[tokio::test]
async fn the_practice_environment_is_built_and_torn_down() {
    let world = World::instant().await;
    let empty = census(&world.local);
    let stack = stack();
    let missing = world.aws.missing_images(&stack).await.expect("an answer");
    assert_eq!(missing.len(), 3, "{missing:?}");
    world.built(&stack).await;
    assert!(world.aws.missing_images(&stack).await.expect("an answer").is_empty());

    let client: Aws = world.client().await;
    let planned = aomidori_engine::preview(
        &client,
        &stack,
        aomidori_plan::Mode::Converge,
        &crate::support::options(),
        &aomidori_engine::Events::none(),
    )
    .await
    .expect("a plan");
    assert!(planned.plan.is_empty(), "{:#?}", planned.plan.steps);
    let calls = client.calls();
    let all: u64 = calls.values().sum();
    assert!(all <= 45, "{all} calls: {calls:#?}");
    println!("no-op plan: {all} calls: {calls:#?}");

    world.down(&stack).await;
    assert_eq!(census(&world.local), empty);
}

#[tokio::test]
async fn changes_in_place_are_made_and_stay() {
    let world = World::instant().await;
    let mut stack = stack();
    world.built(&stack).await;

    change(&mut stack, "platform/log-group", |group: &mut LogGroup| group.retention_in_days = Some(7));
    change(&mut stack, "across/repository", |repository: &mut EcrRepository| repository.scan_on_push = true);
    change(&mut stack, "platform/target-group/green", |group: &mut TargetGroup| group.health_check.interval = 20);
    change(&mut stack, "services/service/maintenance-bg", |service: &mut EcsService| service.desired_count = Some(2));
    change(&mut stack, "services/service/backend-blue", |service: &mut EcsService| {
        let Deployment::Rolling(rolling) = &mut service.deployment else { panic!("a rolling service") };
        rolling.minimum_healthy_percent = 50;
    });
    change(&mut stack, "services/task-definition/backend-blue", |definition: &mut TaskDefinition| {
        definition.containers[0].environment.insert("COLOR".into(), "blue".into());
    });
    // The test listener, where a group lets the port in; its requests stay with the side that has the tasks.
    change(&mut stack, "platform/listener/test", |listener: &mut Listener| listener.port = Port::HTTPS);
    for (address, _) in stack.clone().iter() {
        stack.get_mut(address).expect("a resource").tags.insert("team".into(), "practice".into());
    }
    let planned = world.plan(&stack).await;
    let odd: Vec<_> = planned.plan.steps.iter().filter(|step| step.action != Action::Update).collect();
    assert!(odd.is_empty(), "{odd:#?}");
    world.up(&stack).await;
    let again = world.plan(&stack).await;
    assert!(again.plan.is_empty(), "{:#?}", again.plan.steps);
    world.down(&stack).await;
}

#[tokio::test]
async fn revisions_that_others_deregistered_go_with_their_family() {
    let world = World::instant().await;
    let empty = census(&world.local);
    let stack = stack();
    world.built(&stack).await;
    // As Terraform leaves one that it destroys: a later revision than the one that serves.
    let ecs = crate::ec2::Handwork::new(&world).await.ecs;
    let family = "dev-codedeploy-practice-maintenance-bg";
    let live = ecs.describe_task_definition().task_definition(family).include(TaskDefinitionField::Tags).send();
    let live = live.await.expect("the live revision");
    let definition = live.task_definition.expect("it is there");
    let later = ecs.register_task_definition().family(family).set_tags(live.tags);
    let later = later.set_memory(definition.memory).set_container_definitions(definition.container_definitions);
    let later = later.send().await.expect("another");
    let later = later.task_definition.and_then(|it| it.task_definition_arn).expect("its ARN");
    ecs.deregister_task_definition().task_definition(later).send().await.expect("deregistered");

    assert!(world.plan(&stack).await.plan.is_empty(), "the one that serves is as the stack says");
    world.down(&stack).await;
    assert_eq!(census(&world.local), empty);
}

#[tokio::test]
async fn an_empty_account_costs_fewer_calls() {
    let world = World::instant().await;
    let stack = stack();
    let before = world.aws.calls();
    world.plan(&stack).await;
    let calls = since(&before, &world.aws.calls());
    // Of an account in which there is nothing.
    assert!(sum(&calls, "") <= 36, "{calls:#?}");
    println!("on an empty account: {} calls: {calls:#?}", sum(&calls, ""));
}

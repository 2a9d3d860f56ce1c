//! Fields that a deployment controller owns, and deployments that are running.

use aomidori_model::kinds::task_definition::FargateSize;
use aomidori_model::kinds::*;
use aomidori_model::{KindName, Reference, Target, Value};

use crate::Status;

use super::fixture::{at, built, check, services, to, with, without};

#[test]
fn what_a_deployment_moved_is_not_drift() {
    let mut world = built(&services());
    let green = world.at("app/green").unwrap().id.clone();
    let live = Value::from(Reference { kind: KindName::TargetGroup, target: Target::Id(green), output: None });
    for listener in ["app/production", "app/test"] {
        world.set(listener, "action.forward", Value::Set([live.clone()].into()));
        world.set(listener, "action.forward_weights", Value::Set([Value::str("blue 0, green 100")].into()));
    }
    world.set("app/web", "task_definition", Value::str("arn:web:7"));
    world.set("app/web", "load_balancer", Value::Set([Value::str("green")].into()));
    insta::assert_snapshot!(check(&services(), &mut world), @"nothing to do");
}

#[test]
fn tasks_that_do_not_come_up_are_told_and_not_waited_for() {
    let mut world = built(&services());
    world.at("app/web").unwrap().status = Status::Stalled("no image".into());
    insta::assert_snapshot!(check(&services(), &mut world), @r#"Stalled { address: Address("app/web"), why: "no image" }"#);
}

#[test]
fn a_new_revision_rolls_out_or_needs_a_deployment() {
    let bigger = |task: &mut TaskDefinition| task.size = FargateSize::new(256, 1024).unwrap();
    let want = with::<TaskDefinition>(services(), "app/web-task", bigger);
    let want = with::<TaskDefinition>(want, "app/worker-task", bigger);
    insta::assert_snapshot!(check(&want, &mut built(&services())), @r#"
    0 ~ app/web-task (task_definition-2) changed
        memory: 512 -> 1024
    1 ~ app/worker-task (task_definition-3) changed
        memory: 512 -> 1024
    2 ~ app/worker (ecs_service-22) changed after 1 [Rolling]
        task_definition: task_definition-3 -> @app/worker-task
    NeedsDeployment { service: Address("app/web"), because: Address("app/web-task") }
    "#);
}

#[test]
fn a_revision_in_use_is_held_until_the_deployment() {
    let want = with::<TaskDefinition>(services(), "app/web-task", |task| task.family = "web-2".parse().unwrap());
    insta::assert_snapshot!(check(&want, &mut built(&services())), @r#"
    0 + app/web-task cannot update family
        family: web -> web-2 (replaces)
    NeedsDeployment { service: Address("app/web"), because: Address("app/web-task") }
    "#);
}

#[test]
fn a_blue_green_service_that_is_in_the_way_is_replaced() {
    let mut want = services();
    let subnet = want.remove(&at("net/subnet-b")).unwrap();
    let subnet = <&Subnet>::try_from(&subnet.resource).unwrap().clone();
    want.add("net/zone-b", subnet);
    let both = || [to("net/subnet-a"), to("net/zone-b")].into();
    let want = with::<RouteTable>(want, "net/table", |table| table.subnets = both());
    let want = with::<LoadBalancer>(want, "app/balancer", |balancer| balancer.subnets = both());
    let want = with::<EcsService>(want, "app/web", |service| service.subnets = both());
    let want = with::<EcsService>(want, "app/worker", |service| service.subnets = both());
    insta::assert_snapshot!(check(&want, &mut built(&services())), @r"
    0 -/ app/web (ecs_service-21) uses net/subnet-b [Outage]
    1 -/ app/production (listener-17) refers to replaced app/balancer after 0! [Outage]
    2 -/ app/test (listener-18) refers to replaced app/balancer after 0! [Outage]
    3 -/ app/balancer (load_balancer-16) uses net/subnet-b after 1! 2! [Outage]
    4 -/ app/worker (ecs_service-22) uses net/subnet-b [Outage]
    5 - net/subnet-b (subnet-12) not in stack after 0! 3! 4!
    6 + net/zone-b missing after 5!
    7 -/+ app/balancer uses net/subnet-b after 3! 6
        subnets: {subnet-10, subnet-12} -> {subnet-10, @net/zone-b}
    8 -/+ app/production refers to replaced app/balancer after 1! 2! 7
        load_balancer_arn: load_balancer-16 -> @app/balancer (replaces)
    9 -/+ app/test refers to replaced app/balancer after 1! 2! 7
        load_balancer_arn: load_balancer-16 -> @app/balancer (replaces)
    10 ~ net/table (route_table-13) changed after 6
        association: {subnet-10, subnet-12} -> {subnet-10, @net/zone-b}
        tags: {aomidori:parts: 55855407 7e9f93d9 9edcea2a d152dab0} -> {aomidori:parts: (@net/zone-b)}
    11 -/+ app/web uses net/subnet-b after 0! 6 8 9 10!
    12 -/+ app/worker uses net/subnet-b after 4! 6 10!
        network_configuration.subnets: {subnet-10, subnet-12} -> {subnet-10, @net/zone-b}
    13 ~ deploy/group (deployment_group-23) changed after 8 9 11
        ecs_service: ecs_service-21 -> @app/web
        prod_traffic_route: listener-17 -> @app/production
        test_traffic_route: listener-18 -> @app/test
    ");
}

#[test]
fn another_pair_replaces_a_blue_green_service() {
    let want = with::<TargetGroup>(services(), "app/blue", |group| group.name = "blue-2".parse().unwrap());
    insta::assert_snapshot!(check(&want, &mut built(&services())), @r"
    0 -/+ app/blue cannot update name
        name: blue -> blue-2 (replaces)
    1 ~ app/production (listener-17) changed after 0 [Outage]
        action.forward: {target_group-7} -> {target_group-8, @app/blue}
    2 ~ app/test (listener-18) changed after 0 [Outage]
        action.forward: {target_group-7} -> {target_group-8, @app/blue}
    3 -/ app/web (ecs_service-21) uses app/blue [Outage]
    4 -/+ app/web uses app/blue after 0 1 2 3!
    5 ~ deploy/group (deployment_group-23) changed after 0 1 2 4
        ecs_service: ecs_service-21 -> @app/web
        target_groups: {target_group-7, target_group-8} -> {target_group-8, @app/blue}
    6 -/ app/blue (target_group-7) cannot update name after 0! 1! 2! 3! 5!
    ");
}

#[test]
fn a_running_deployment_is_left_alone() {
    let mut world = built(&services());
    world.deploy(true);
    let want = with::<DeploymentGroup>(services(), "deploy/group", |group| group.terminate_blue_after = 6);
    let want = with::<Listener>(want, "app/test", |listener| listener.port = aomidori_model::Port::new(81).unwrap());
    let want = with::<Vpc>(want, "net/vpc", |vpc| vpc.dns_hostnames = Some(true));
    insta::assert_snapshot!(check(&want, &mut world), @r#"
    0 ~ net/vpc (vpc-6) changed
        enable_dns_hostnames: - -> true
    Deploying { address: Address("app/test"), deployment: "d-1", status: "InProgress" }
    Deploying { address: Address("deploy/group"), deployment: "d-1", status: "InProgress" }
    "#);
    world.deploy(false);
    insta::assert_snapshot!(check(&want, &mut world), @r"
    0 ~ app/test (listener-18) changed [Outage]
        port: 8080 -> 81
    1 ~ deploy/group (deployment_group-23) changed after 0
        terminate_blue_instances_on_deployment_success.termination_wait_time_in_minutes: 5 -> 6
    ");
}

#[test]
fn a_running_deployment_keeps_what_is_not_in_the_stack() {
    let mut world = built(&services());
    world.deploy(true);
    let want = without(services(), &["deploy/group", "deploy/app"]);
    insta::assert_snapshot!(check(&want, &mut world), @r#"
    Deploying { address: Address("deploy/app"), deployment: "d-1", status: "InProgress" }
    Deploying { address: Address("deploy/group"), deployment: "d-1", status: "InProgress" }
    "#);
}

#[test]
fn tags_wait_for_no_deployment_and_bring_nothing_with_them() {
    let mut world = built(&services());
    world.deploy(true);
    let mut have = world.observe();
    for found in have.resources.iter_mut().filter(|found| found.kind == KindName::DeploymentGroup) {
        found.tags.clear();
    }
    let want = with::<DeploymentGroup>(services(), "deploy/group", |group| group.terminate_blue_after = 6);
    let plan = crate::tags(&want, &have).unwrap();
    let [step] = plan.steps.as_slice() else { panic!("{:#?}", plan.steps) };
    assert_eq!(step.address.as_str(), "deploy/group");
    assert_eq!(step.changes.iter().map(|change| change.field.as_str()).collect::<Vec<_>>(), ["tags"]);
}

//! What is created, changed, replaced, deleted and left alone.

use aomidori_model::Value;
use aomidori_model::kinds::load_balancer::Scheme;
use aomidori_model::kinds::*;

use super::fixture::{at, built, check, network, services, to, with, without};
use crate::testing::{Dice, World};
use crate::{Ownership, Status};

#[test]
fn creates_what_is_missing() {
    insta::assert_snapshot!(check(&network(), &mut World::default()), @r"
    0 + net/address missing
    1 + net/vpc missing
    2 + net/gateway missing after 1
    3 + net/subnet-a missing after 1
    4 + net/nat missing after 0 2 3
    5 + net/subnet-b missing after 1
    6 + net/table missing after 1 2 3 4 5
    7 + sec/private missing after 1
    8 + sec/public missing after 1
    9 + sec/private-rule missing after 7 8
    10 + sec/public-rule missing after 7 8
    ");
    insta::assert_snapshot!(check(&network(), &mut built(&network())), @"nothing to do");
}

#[test]
fn a_listener_does_not_wait_for_its_load_balancer() {
    insta::assert_snapshot!(check(&services(), &mut built(&network())), @r"
    0 + app/balancer missing
    1 + app/blue missing
    2 + app/cluster missing
    3 + app/green missing
    4 + app/production missing after 0 1 3
    5 + app/test missing after 0 1 3
    6 + app/web-task missing
    7 + app/web missing after 1 2! 3 4 5 6
    8 + app/worker-task missing
    9 + app/worker missing after 2! 8
    10 + deploy/app missing
    11 + deploy/group missing after 1 3 4 5 7 10
    ");
}

#[test]
fn changes_in_place() {
    let want = with::<Vpc>(network(), "net/vpc", |vpc| vpc.dns_hostnames = Some(true));
    insta::assert_snapshot!(check(&want, &mut built(&network())), @r"
    0 ~ net/vpc (vpc-2) changed
        enable_dns_hostnames: - -> true
    ");
}

#[test]
fn tags_come_and_go_and_those_of_others_stay() {
    let mut before = without(network(), &["net/nat", "net/table", "net/address"]);
    before.tags.extend([("Team".into(), "web".into()), ("Cost".into(), "1".into())]);
    let mut world = built(&before);
    for item in &mut world.items {
        item.tags.insert("Foreign".into(), "x".into());
    }
    let mut want = before.clone();
    want.tags.remove("Team");
    want.tags.insert("Cost".into(), "2".into());
    let text = check(&want, &mut world);
    insta::assert_snapshot!(text.lines().take(4).collect::<Vec<_>>().join("\n"), @r"
    0 ~ net/gateway (internet_gateway-2) changed
        tags: {Cost: 1, Team: web, aomidori:parts: 2d503577 e655bab5} -> {Cost: 2, aomidori:parts: e655bab5}
    1 ~ net/subnet-a (subnet-3) changed
        tags: {Cost: 1, Team: web, aomidori:parts: 2d503577 e655bab5} -> {Cost: 2, aomidori:parts: e655bab5}
    ");
    assert!(world.items.iter().all(|item| item.tags.contains_key("Foreign") && !item.tags.contains_key("Team")));
}

#[test]
fn a_load_balancer_stays_in_its_vpc() {
    let two = || {
        let mut stack = without(network(), &["net/nat", "net/table", "net/address"]);
        let vpc = stack
            .add("other/vpc", Vpc { cidr: "10.9.0.0/16".parse().unwrap(), dns_support: None, dns_hostnames: None });
        stack.add("other/gateway", InternetGateway { vpc: vpc.clone() });
        let text = "text".parse().unwrap();
        let name = "public".parse().unwrap();
        stack.add("other/public", SecurityGroup { name, description: text, vpc: vpc.clone(), open_egress: true });
        for (n, (vpc, net, place)) in [
            (to("net/vpc"), "10.0", "net"),
            (to("net/vpc"), "10.0", "net"),
            (vpc.clone(), "10.9", "other"),
            (vpc, "10.9", "other"),
        ]
        .into_iter()
        .enumerate()
        {
            let cidr = format!("{net}.{}.0/24", 20 + n).parse().unwrap();
            let zone = if n % 2 == 0 { "a" } else { "b" };
            let subnet = Subnet { vpc, cidr, zone: zone.into(), map_public_ip_on_launch: None };
            stack.add(&format!("{place}/front-{zone}"), subnet);
        }
        stack
    };
    let balanced = |[group, a, b]: [&str; 3]| {
        let mut stack = two();
        stack.add(
            "app/balancer",
            LoadBalancer {
                name: "balancer".parse().unwrap(),
                scheme: Scheme::InternetFacing,
                subnets: [to(a), to(b)].into(),
                security_groups: [to(group)].into(),
                attributes: Default::default(),
            },
        );
        stack
    };
    let here = balanced(["sec/public", "net/subnet-a", "net/subnet-b"]);
    let beside = balanced(["sec/public", "net/front-a", "net/front-b"]);
    insta::assert_snapshot!(check(&beside, &mut built(&here)), @r"
    0 ~ app/balancer (load_balancer-14) changed
        subnets: {subnet-5, subnet-6} -> {subnet-2, subnet-3}
    ");
    let there = balanced(["other/public", "other/front-a", "other/front-b"]);
    insta::assert_snapshot!(check(&there, &mut built(&here)), @r"
    0 -/ app/balancer (load_balancer-14) cannot update subnets, security_groups [Outage]
    1 -/+ app/balancer cannot update subnets, security_groups after 0!
        subnets: {subnet-5, subnet-6} -> {subnet-8, subnet-9} (replaces)
        security_groups: {security_group-13} -> {security_group-11} (replaces)
    ");
}

#[test]
fn a_new_network_replaces_everything_in_it() {
    let want = with::<Vpc>(services(), "net/vpc", |vpc| vpc.cidr = "10.1.0.0/16".parse().unwrap());
    let want = with::<Subnet>(want, "net/subnet-a", |subnet| subnet.cidr = "10.1.0.0/24".parse().unwrap());
    let want = with::<Subnet>(want, "net/subnet-b", |subnet| subnet.cidr = "10.1.1.0/24".parse().unwrap());
    insta::assert_snapshot!(check(&want, &mut built(&services())), @r"
    0 -/ app/green (target_group-8) refers to replaced net/vpc [Outage]
    1 -/ app/web (ecs_service-21) uses app/blue, net/subnet-a, net/subnet-b [Outage]
    2 -/ app/production (listener-17) refers to replaced app/balancer after 1! [Outage]
    3 -/ app/test (listener-18) refers to replaced app/balancer after 1! [Outage]
    4 -/ app/balancer (load_balancer-16) refers to replaced net/subnet-a, net/subnet-b, sec/public after 2! 3! [Outage]
    5 -/ app/blue (target_group-7) refers to replaced net/vpc after 1! 2! 3! [Outage]
    6 -/ app/worker (ecs_service-22) uses net/subnet-a, net/subnet-b [Outage]
    7 -/ net/nat (nat_gateway-11) refers to replaced net/subnet-a after 1! 6! [EgressOutage]
    8 -/ net/subnet-a (subnet-10) cannot update cidr_block after 1! 4! 6! 7!
    9 -/ net/subnet-b (subnet-12) cannot update cidr_block after 1! 4! 6!
    10 -/+ net/vpc cannot update cidr_block
        cidr_block: 10.0.0.0/16 -> 10.1.0.0/16 (replaces)
    11 -/+ app/blue refers to replaced net/vpc after 5! 10
        vpc_id: vpc-6 -> @net/vpc (replaces)
    12 -/+ app/green refers to replaced net/vpc after 0! 10
        vpc_id: vpc-6 -> @net/vpc (replaces)
    13 ~ net/gateway (internet_gateway-9) changed after 4! 7! 10 [Outage]
        vpc_id: vpc-6 -> @net/vpc
    14 -/+ net/subnet-a cannot update cidr_block after 8! 10
        vpc_id: vpc-6 -> @net/vpc (replaces)
        cidr_block: 10.0.0.0/24 -> 10.1.0.0/24 (replaces)
    15 -/+ net/nat refers to replaced net/subnet-a after 7! 13 14
        subnet_id: subnet-10 -> @net/subnet-a (replaces)
    16 -/+ net/subnet-b cannot update cidr_block after 9! 10
        vpc_id: vpc-6 -> @net/vpc (replaces)
        cidr_block: 10.0.1.0/24 -> 10.1.1.0/24 (replaces)
    17 -/+ net/table refers to replaced net/vpc after 10 13 14 15 16
        vpc_id: vpc-6 -> @net/vpc (replaces)
        route: {0.0.0.0/0: internet_gateway-9, 172.16.0.0/12: nat_gateway-11} -> {0.0.0.0/0: internet_gateway-9, 172.16.0.0/12: @net/nat}
        association: {subnet-10, subnet-12} -> {@net/subnet-a, @net/subnet-b}
        tags: {aomidori:parts: 55855407 7e9f93d9 9edcea2a d152dab0} -> {aomidori:parts: (@net/subnet-a, @net/subnet-b)}
    18 -/ net/table (route_table-13) refers to replaced net/vpc after 1! 6! 17!
    19 -/+ sec/private refers to replaced net/vpc after 10
        vpc_id: vpc-6 -> @net/vpc (replaces)
    20 -/+ sec/public refers to replaced net/vpc after 10
        vpc_id: vpc-6 -> @net/vpc (replaces)
    21 -/+ app/balancer refers to replaced net/subnet-a, net/subnet-b, sec/public after 4! 13 14 16 20
        subnets: {subnet-10, subnet-12} -> {@net/subnet-a, @net/subnet-b} (replaces)
        security_groups: {security_group-15} -> {@sec/public} (replaces)
    22 -/+ app/production refers to replaced app/balancer after 2! 11 12 21
        load_balancer_arn: load_balancer-16 -> @app/balancer (replaces)
        action.forward: {target_group-7} -> {@app/blue, @app/green}
    23 -/+ app/test refers to replaced app/balancer after 3! 11 12 21
        load_balancer_arn: load_balancer-16 -> @app/balancer (replaces)
        action.forward: {target_group-7} -> {@app/blue, @app/green}
    24 -/+ sec/private-rule refers to replaced sec/private after 19 20
        security_group_id: security_group-14 -> @sec/private (replaces)
        referenced_security_group_id: security_group-15 -> @sec/public
    25 -/+ app/web uses app/blue, net/subnet-a, net/subnet-b after 1! 11 12 13! 14 15! 16 17! 19 22 23 24
    26 -/+ app/worker uses net/subnet-a, net/subnet-b after 6! 13! 14 15! 16 17! 19 24
        network_configuration.subnets: {subnet-10, subnet-12} -> {@net/subnet-a, @net/subnet-b}
        network_configuration.security_groups: {security_group-14} -> {@sec/private}
    27 ~ deploy/group (deployment_group-23) changed after 11 12 22 23 25
        ecs_service: ecs_service-21 -> @app/web
        target_groups: {target_group-7, target_group-8} -> {@app/blue, @app/green}
        prod_traffic_route: listener-17 -> @app/production
        test_traffic_route: listener-18 -> @app/test
    28 -/ sec/private-rule (security_group_rule-19) refers to replaced sec/private after 1! 6! 24!
    29 -/+ sec/public-rule refers to replaced sec/public after 19 20
        security_group_id: security_group-15 -> @sec/public (replaces)
        referenced_security_group_id: security_group-14 -> @sec/private
    30 -/ sec/public-rule (security_group_rule-20) refers to replaced sec/public after 29!
    31 -/ sec/private (security_group-14) refers to replaced net/vpc after 1! 6! 19! 28! 30!
    32 -/ sec/public (security_group-15) refers to replaced net/vpc after 4! 20! 28! 30!
    33 -/ net/vpc (vpc-6) cannot update cidr_block after 0! 5! 8! 9! 10! 13! 18! 31! 32!
    ");
}

#[test]
fn a_group_with_a_new_name_stands_beside_the_old_one() {
    let want = with::<SecurityGroup>(services(), "sec/public", |group| group.name = "front".parse().unwrap());
    insta::assert_snapshot!(check(&want, &mut built(&services())), @r"
    0 -/+ sec/public cannot update name
        name: public -> front (replaces)
    1 ~ app/balancer (load_balancer-16) changed after 0
        security_groups: {security_group-15} -> {@sec/public}
    2 ~ sec/private-rule (security_group_rule-19) changed after 0
        referenced_security_group_id: security_group-15 -> @sec/public
    3 -/+ sec/public-rule refers to replaced sec/public after 0
        security_group_id: security_group-15 -> @sec/public (replaces)
    4 -/ sec/public-rule (security_group_rule-20) refers to replaced sec/public after 3!
    5 -/ sec/public (security_group-15) cannot update name after 0! 1! 2! 4!
    ");
}

#[test]
fn a_group_with_the_same_name_takes_its_users_with_it() {
    let text = "other text".parse().unwrap();
    let want = with::<SecurityGroup>(services(), "sec/public", |group| group.description = text);
    insta::assert_snapshot!(check(&want, &mut built(&services())), @r"
    0 -/ app/production (listener-17) refers to replaced app/balancer [Outage]
    1 -/ app/test (listener-18) refers to replaced app/balancer [Outage]
    2 -/ app/balancer (load_balancer-16) uses sec/public after 0! 1! [Outage]
    3 -/ sec/private-rule (security_group_rule-19) uses sec/public
    4 -/ sec/public-rule (security_group_rule-20) refers to replaced sec/public
    5 -/ sec/public (security_group-15) cannot update description after 2! 3! 4!
    6 -/+ sec/public cannot update description after 5!
        description: text -> other text (replaces)
    7 -/+ app/balancer uses sec/public after 2! 6
        security_groups: {security_group-15} -> {@sec/public}
    8 -/+ app/production refers to replaced app/balancer after 0! 1! 7
        load_balancer_arn: load_balancer-16 -> @app/balancer (replaces)
    9 -/+ app/test refers to replaced app/balancer after 0! 1! 7
        load_balancer_arn: load_balancer-16 -> @app/balancer (replaces)
    10 ~ deploy/group (deployment_group-23) changed after 8 9
        prod_traffic_route: listener-17 -> @app/production
        test_traffic_route: listener-18 -> @app/test
    11 -/+ sec/private-rule uses sec/public after 3! 6
        referenced_security_group_id: security_group-15 -> @sec/public
    12 -/+ sec/public-rule refers to replaced sec/public after 4! 6
        security_group_id: security_group-15 -> @sec/public (replaces)
    ");
}

#[test]
fn what_failed_is_replaced_and_its_users_follow() {
    let mut world = built(&network());
    world.at("net/nat").unwrap().status = Status::Failed("Resource limit".into());
    insta::assert_snapshot!(check(&network(), &mut world), @r"
    0 -/ net/nat (nat_gateway-5) failed: Resource limit [EgressOutage]
    1 -/+ net/nat failed: Resource limit after 0!
    2 ~ net/table (route_table-7) changed after 1
        route: {0.0.0.0/0: internet_gateway-3, 172.16.0.0/12: nat_gateway-5} -> {0.0.0.0/0: internet_gateway-3, 172.16.0.0/12: @net/nat}
    ");
}

#[test]
fn waits_for_what_is_pending_or_on_its_way_out() {
    let mut world = built(&network());
    world.at("net/nat").unwrap().status = Status::Deleting("deleting".into());
    world.at("net/vpc").unwrap().status = Status::Pending("pending".into());
    insta::assert_snapshot!(check(&network(), &mut world), @r"
    0 … net/nat (nat_gateway-5) deleting
    1 + net/nat missing after 0!
    2 ~ net/table (route_table-7) changed after 1
        route: {0.0.0.0/0: internet_gateway-3, 172.16.0.0/12: nat_gateway-5} -> {0.0.0.0/0: internet_gateway-3, 172.16.0.0/12: @net/nat}
    3 … net/vpc (vpc-2) pending
    ");
}

#[test]
fn deletes_what_is_not_in_the_stack() {
    let want = without(network(), &["sec/public-rule", "sec/private-rule", "sec/private"]);
    insta::assert_snapshot!(check(&want, &mut built(&network())), @r"
    0 - sec/private-rule (security_group_rule-10) not in stack
    1 - sec/public-rule (security_group_rule-11) not in stack
    2 - sec/private (security_group-8) not in stack after 0! 1!
    ");
}

#[test]
fn a_new_address_takes_the_place_of_the_old_one() {
    let mut want = without(network(), &["net/nat", "net/table", "net/subnet-b"]);
    let old = built(&want);
    let subnet = want.remove(&at("net/subnet-a")).unwrap();
    let subnet = <&Subnet>::try_from(&subnet.resource).unwrap().clone();
    want.add("net/front", subnet);
    insta::assert_snapshot!(check(&want, &mut old.clone()), @r"
    0 - net/subnet-a (subnet-4) not in stack
    1 + net/front missing after 0!
    ");
}

#[test]
fn another_kind_at_an_address_is_another_resource() {
    let want = without(network(), &["net/nat", "net/table"]);
    let mut before = without(want.clone(), &["net/address"]);
    before.add("net/address", LogGroup { name: "logs".parse().unwrap(), retention_in_days: None });
    insta::assert_snapshot!(check(&want, &mut built(&before)), @r"
    0 + net/address missing
    1 - net/address (log_group/logs) not in stack
    ");
}

#[test]
fn of_two_the_one_in_use_is_kept() {
    let mut world = built(&network());
    let mut spare = world.at("net/vpc").unwrap().clone();
    spare.id = "vpc-0".into();
    world.items.push(spare);
    insta::assert_snapshot!(check(&network(), &mut world), @"0 - net/vpc (vpc-0) spare");
}

#[test]
fn foreign_things_are_shown_and_never_touched() {
    let mut before = network();
    before.add("app/role", role(&["inline"]));
    let mut world = built(&before);
    let routes = |value: &Value, extra: &str| match value.clone() {
        Value::Map(mut map) => {
            map.insert(extra.into(), Value::str("foreign"));
            Value::Map(map)
        }
        other => other,
    };
    let table = world.at("net/table").unwrap().fields.value("route").clone();
    world.set("net/table", "route", routes(&table, "192.168.0.0/24"));
    let inline = world.at("app/role").unwrap().fields.value("inline_policy").clone();
    world.set("app/role", "inline_policy", routes(&inline, "theirs"));
    let mut added = world.at("sec/public-rule").unwrap().clone();
    added.id = "sgr-theirs".into();
    added.owner = Ownership::Added { inside: at("sec/public") };
    world.items.push(added);
    // A part of ours that the stack no longer has is removed; theirs stays.
    let want = with::<IamRole>(before, "app/role", |role| role.inline_policies.clear());
    insta::assert_snapshot!(check(&want, &mut world), @r#"
    0 ~ app/role (iam_role/role) changed
        inline_policy: {inline: {}} -> {}
        tags: {aomidori:parts: 95feeaa2} -> {}
    ForeignDrift { address: Address("app/role"), what: "inline_policy", added: "theirs" }
    ForeignDrift { address: Address("net/table"), what: "route", added: "192.168.0.0/24" }
    ForeignDrift { address: Address("sec/public"), what: "security_group_rule", added: "sgr-theirs" }
    "#);
    let left = world.at("app/role").unwrap().fields.value("inline_policy").clone();
    assert!(matches!(left, Value::Map(map) if map.keys().eq(["theirs"])));
}

fn role(inline: &[&str]) -> IamRole {
    let document = aomidori_model::PolicyDocument::default();
    IamRole {
        name: "role".parse().unwrap(),
        path: None,
        description: None,
        trust: document.clone(),
        managed_policies: Default::default(),
        inline_policies: inline.iter().map(|name| (name.parse().unwrap(), document.clone())).collect(),
        max_session_duration: None,
    }
}

#[test]
fn an_attachment_without_a_record_lets_go_of_what_is_deleted() {
    let mut before = network();
    let document = aomidori_model::PolicyDocument::default();
    let policy =
        before.add("app/policy", IamPolicy { name: "reads".parse().unwrap(), path: None, description: None, document });
    before.add("app/role", IamRole { managed_policies: [policy].into(), ..role(&[]) });
    let mut world = built(&before);
    world.at("app/role").unwrap().tags.remove("aomidori:parts");
    let want = with::<IamRole>(without(before, &["app/policy"]), "app/role", |role| role.managed_policies.clear());
    insta::assert_snapshot!(check(&want, &mut world), @r"
    0 ~ app/role (iam_role/role) changed
        managed_policy_arns: {iam_policy/reads} -> {}
    1 - app/policy (iam_policy/reads) not in stack after 0!
    ");
}

#[test]
fn a_taken_name_is_an_error_that_offers_adoption() {
    let mut world = built(&services());
    let foreign = |world: &mut World, address: &str, stack: Option<&str>| {
        let item = world.at(address).unwrap();
        item.owner = Ownership::Foreign { address: at(address), stack: stack.map(str::to_owned) };
    };
    foreign(&mut world, "deploy/group", None);
    foreign(&mut world, "app/worker", Some("other"));
    insta::assert_snapshot!(check(&services(), &mut world), @r"
    `app/worker` cannot be created: the ECS service `ecs_service-22` is there already and belongs to stack `other`; give `app/worker` another name, or take the other one out of stack `other` first
    `deploy/group` cannot be created: the deployment group `deployment_group-23` is there already and does not carry this stack's mark; give `deploy/group` another name, or take over what is there with `adopt`
    ");
}

#[test]
fn dangling_references_and_cycles_are_errors() {
    let mut want = without(network(), &["net/address"]);
    want.get_mut(&at("net/vpc")).unwrap().depends_on.insert(at("net/nothing"));
    insta::assert_snapshot!(check(&want, &mut World::default()), @r"
    `net/nat` refers to `net/address`, which is not in the stack; correct the address, or add the resource
    `net/vpc` refers to `net/nothing`, which is not in the stack; correct the address, or add the resource
    ");
    let mut want = network();
    want.get_mut(&at("net/vpc")).unwrap().depends_on.insert(at("net/nat"));
    insta::assert_snapshot!(check(&want, &mut World::default()), @"these need each other, so none can come first: net/gateway, net/nat, net/subnet-a, net/vpc; remove one of the references");
}

#[test]
fn an_undeclared_field_lets_go_of_what_is_deleted() {
    let drop_test = |group: &mut DeploymentGroup| group.pair.test = None;
    let want = with::<DeploymentGroup>(without(services(), &["app/test"]), "deploy/group", drop_test);
    insta::assert_snapshot!(check(&want, &mut built(&services())), @r"
    0 ~ deploy/group (deployment_group-23) changed
        test_traffic_route: listener-18 -> -
    1 - app/test (listener-18) not in stack after 0! [Outage]
    ");
}

#[test]
fn listeners_that_swap_ports() {
    let port = |number| move |listener: &mut Listener| listener.port = aomidori_model::Port::new(number).unwrap();
    let want = with::<Listener>(services(), "app/production", port(8080));
    let want = with::<Listener>(want, "app/test", port(80));
    insta::assert_snapshot!(check(&want, &mut built(&services())), @r"
    0 -/ app/production (listener-17) uses app/test [Outage]
    1 ~ app/test (listener-18) changed after 0! [Outage]
        port: 8080 -> 80
    2 -/+ app/production uses app/test after 0! 1!
        port: 80 -> 8080
    3 ~ deploy/group (deployment_group-23) changed after 1 2
        prod_traffic_route: listener-17 -> @app/production
    ");
}

#[test]
fn a_cascade_through_three_resources() {
    // The worker refers to a discovery service that goes, which is in a namespace that is replaced.
    let namespace = |vpc| PrivateDnsNamespace { name: "app.local".parse().unwrap(), vpc, description: None };
    let service = |name: &str| DiscoveryService {
        name: name.parse().unwrap(),
        namespace: to("app/namespace"),
        ttl: 10,
        routing: Default::default(),
        custom_health_check: true,
    };
    let mut before = services();
    before.add("app/namespace", namespace(to("net/vpc")));
    let first = before.add("app/first", service("first"));
    let registry = |to| {
        move |worker: &mut EcsService| {
            let rolling = ecs_service::Rolling { registry: Some(to), ..Default::default() };
            worker.deployment = ecs_service::Deployment::Rolling(rolling);
        }
    };
    let before = with::<EcsService>(before, "app/worker", registry(first));
    let mut world = built(&before);
    world.at("app/namespace").unwrap().status = Status::Failed("FAIL".into());
    let mut want = without(before, &["app/first"]);
    let second = want.add("app/second", service("second"));
    let want = with::<EcsService>(want, "app/worker", registry(second));
    insta::assert_snapshot!(check(&want, &mut world), @r"
    0 -/ app/worker (ecs_service-24) uses app/first, app/namespace [Outage]
    1 - app/first (discovery_service-10) not in stack after 0!
    2 -/ app/namespace (private_dns_namespace-9) failed: FAIL after 1!
    3 -/+ app/namespace failed: FAIL after 2!
    4 + app/second missing after 3
    5 -/+ app/worker uses app/first, app/namespace after 0! 4
        service_registries: discovery_service-10 -> @app/second
    ");
}

/// The live route table of [`network`], without some of its tags.
fn table(world: &mut World, keep: impl Fn(&str) -> bool) {
    world.at("net/table").unwrap().tags.retain(|key, _| keep(key));
}

#[test]
fn parts_are_recorded_as_far_as_they_are_there_where_only_tags_are_written() {
    let mut world = built(&without(with::<RouteTable>(network(), "net/table", forget_b), &["net/subnet-b"]));
    table(&mut world, |key| !key.starts_with("aomidori:parts"));
    let have = world.observe();
    let marking = crate::tags(&network(), &have).unwrap();
    let [step] = marking.steps.as_slice() else { panic!("{:#?}", marking.steps) };
    assert_eq!((step.address.as_str(), step.changes.len()), ("net/table", 1));
    assert!(step.changes[0].after.is_known(), "{:?}", step.changes);
    assert_eq!(world.run(&network(), &marking, &mut Dice::default(), usize::MAX), Ok(true));
    assert!(crate::tags(&network(), &world.observe()).unwrap().is_empty());
    let planned = check(&network(), &mut world);
    assert!(planned.contains("+ net/subnet-b missing") && planned.contains("~ net/table"), "{planned}");
}

fn forget_b(table: &mut RouteTable) {
    table.subnets.remove(&to("net/subnet-b"));
}

#[test]
fn a_part_that_is_to_go_stays_recorded_where_only_tags_are_written() {
    let mut world = built(&network());
    let want = with::<RouteTable>(network(), "net/table", forget_b);
    assert!(crate::tags(&want, &world.observe()).unwrap().is_empty());
    // Nor does another tag of it bring the record up to date.
    table(&mut world, |key| key != "Name");
    let marking = crate::tags(&want, &world.observe()).unwrap();
    assert_eq!(marking.steps.len(), 1);
    assert_eq!(world.run(&want, &marking, &mut Dice::default(), usize::MAX), Ok(true));
    let planned = check(&want, &mut world);
    assert!(planned.contains("association"), "{planned}");
}

//! The practice environment is legal, whatever is chosen, and what is done to it wrongly is found.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it finds something wrong"
)]

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::kinds::ecs_service::Deployment;
use aomidori_model::kinds::listener::Action;
use aomidori_model::kinds::route_table::RouteTarget;
use aomidori_model::kinds::*;
use aomidori_model::{Address, Kind, Ref, Resource, Stack};
use aomidori_practice::{Inputs, stack};

fn practice(set: &[(&str, &str)]) -> Stack {
    let mut inputs = Inputs::default();
    for (key, value) in set {
        inputs.set(key, value).unwrap();
    }
    stack(&inputs).unwrap()
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// Changes one resource of the default environment and returns what validation says of it: code, address and field.
fn wrong<K: Kind>(at: &str, change: impl FnOnce(&mut K)) -> Vec<String>
where
    for<'a> &'a K: TryFrom<&'a Resource>,
{
    let mut stack = practice(&[]);
    let entry = stack.get_mut(&address(at)).unwrap();
    let Ok(found) = <&K>::try_from(&entry.resource) else { panic!("{at} is of another kind") };
    let mut resource = found.clone();
    change(&mut resource);
    entry.resource = resource.into();
    problems(&stack)
}

fn problems(stack: &Stack) -> Vec<String> {
    stack
        .validate()
        .into_iter()
        .map(|problem| {
            let address = problem.address.map(|address| address.to_string()).unwrap_or_default();
            format!("{} {address} {}", problem.code.0, problem.field.unwrap_or_default())
        })
        .collect()
}

#[test]
fn every_choice_is_legal() {
    let certificate = "arn:aws:acm:ap-northeast-1:123456789012:certificate/11111111-2222-3333-4444-555555555555";
    for set in [
        vec![],
        vec![("nat", "single")],
        vec![("nat", "none")],
        vec![("certificate_arn", certificate)],
        vec![("hosted_zone", "Z0123456789ABC"), ("domain", "practice.example.com")],
        vec![("test_sources", "192.0.2.0/24,198.51.100.7/32")],
        vec![("environment", "production"), ("reroute_wait_minutes", "0"), ("frontend_count", "3")],
        vec![
            ("zones", "a,c,d"),
            ("public_cidrs", "10.0.0.0/24,10.0.1.0/24,10.0.2.0/24"),
            ("private_cidrs", "10.0.100.0/24,10.0.101.0/24,10.0.102.0/24"),
            ("storage_cidrs", "10.0.200.0/24,10.0.201.0/24,10.0.202.0/24"),
        ],
    ] {
        assert_eq!(problems(&practice(&set)), Vec::<String>::new(), "with {set:?}");
    }
}

#[test]
fn it_is_whole() {
    let stack = practice(&[]);
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, entry) in stack.iter() {
        *kinds.entry(entry.resource.kind().as_str()).or_default() += 1;
    }
    let counted: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    insta::assert_snapshot!(counted.join("\n"), @r"
    1 code_deploy_application
    1 deployment_group
    3 discovery_service
    1 ecr_repository
    1 ecs_cluster
    3 ecs_service
    2 elastic_ip
    2 iam_policy
    2 iam_role
    1 internet_gateway
    2 listener
    1 load_balancer
    1 log_group
    2 nat_gateway
    1 private_dns_namespace
    5 route_table
    4 security_group
    13 security_group_rule
    6 subnet
    2 target_group
    3 task_definition
    1 vpc
    6 vpc_endpoint
    ");
}

#[test]
fn json_loses_nothing() {
    let stack = practice(&[("hosted_zone", "Z0123456789ABC"), ("domain", "practice.example.com")]);
    let text = stack.to_json().unwrap();
    let again = Stack::from_json(&text).unwrap();
    assert_eq!(again, stack);
    assert_eq!(again.to_json().unwrap(), text);
}

#[test]
fn another_version_and_other_files_are_refused() {
    let text = practice(&[]).to_json().unwrap();
    let refused = |text: &str| Stack::from_json(text).unwrap_err().to_string();
    assert_eq!(
        refused(&text.replace("\"version\": 1", "\"version\": 2")),
        "the stack file is of version 2, and this program reads version 1"
    );
    assert_eq!(refused("{}"), "this is not a stack file: its `format` is not `aomidori-stack`");
    assert_eq!(refused("stack:"), "the stack file cannot be read");
}

#[test]
fn a_file_with_several_mistakes_is_told_all_of_them() {
    let text = practice(&[])
        .to_json()
        .unwrap()
        .replace("\"10.0.1.0/24\"", "\"10.0.1.5/24\"")
        .replace("\"kind\": \"ecs_cluster\"", "\"kind\": \"ecs_clutter\"")
        .replace("\"dns_support\"", "\"dns_supporrt\"");
    let Err(aomidori_model::stack::ReadError::Problems(problems)) = Stack::from_json(&text) else { panic!() };
    // Each with its place in the file.
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let told: Vec<&str> = told.iter().filter_map(|told| Some(told.rsplit_once(" (`resources[")?.0)).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    E-SPEC network/subnet/public-c (cidr): `10.0.1.5/24` has host bits set; the network is `10.0.1.0/24`
    E-SPEC network/vpc (dns_supporrt): unknown field `dns_supporrt`, expected one of `cidr`, `dns_support`, `dns_hostnames`
    E-KIND platform/cluster (kind): `ecs_clutter` is not a kind of resource
    ");
}

#[test]
fn networks_that_do_not_fit_are_found() {
    let other = |cidr: &'static str| wrong::<Subnet>("network/subnet/private-a", |s| s.cidr = cidr.parse().unwrap());
    assert_eq!(other("10.1.0.0/24"), ["E-CIDR-OUTSIDE network/subnet/private-a cidr_block"]);
    assert_eq!(other("10.0.101.0/25"), ["E-CIDR-OVERLAP network/subnet/private-c cidr_block"]);
    let vpc = wrong::<Vpc>("network/vpc", |vpc| vpc.dns_hostnames = None);
    assert_eq!(vpc.iter().filter(|problem| problem.starts_with("E-VPC-DNS")).count(), 6);
    let nat = wrong::<NatGateway>("network/nat-gateway/a", |nat| {
        nat.subnet = Ref::to(address("network/subnet/private-a"));
    });
    assert!(nat.contains(&"E-NAT-PRIVATE network/nat-gateway/a subnet_id".to_owned()), "{nat:?}");
    let two = wrong::<RouteTable>("network/route-table/storage-a", |table| {
        table.subnets.insert(Ref::to(address("network/subnet/storage-c")));
    });
    assert_eq!(two, ["E-SUBNET-TABLES network/route-table/storage-c association"]);
}

/// The article attached the endpoints' rule to the wrong group: every call of a task then hangs.
#[test]
fn the_article_s_mistake_is_found() {
    let found = wrong::<SecurityGroupRule>("security/rule/vpc-endpoint-https-from-vpc", |rule| {
        rule.group = Ref::to(address("security/group/public"));
        rule.protocol = security_group_rule::Protocol::Tcp(aomidori_model::PortRange::new(443, 443).unwrap());
    });
    let closed: Vec<_> = found.iter().filter(|problem| problem.starts_with("E-ENDPOINT-CLOSED")).collect();
    assert_eq!(closed.len(), 5, "{found:?}");
}

#[test]
fn closed_doors_are_found() {
    let mut stack = practice(&[]);
    stack.remove(&address("security/rule/private-http-from-public"));
    assert_eq!(
        problems(&stack),
        ["E-TASK-CLOSED services/service/maintenance-bg network_configuration.security_groups"]
    );
    let mut stack = practice(&[]);
    stack.remove(&address("security/rule/public-test-from-0.0.0.0_0"));
    assert_eq!(problems(&stack), ["E-LISTENER-CLOSED platform/listener/test port"]);
    let mut stack = practice(&[("nat", "none")]);
    stack.remove(&address("network/vpc-endpoint/ecr-api"));
    let found = problems(&stack);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.iter().all(|problem| problem.starts_with("E-TASK-EGRESS")), "{found:?}");
}

#[test]
fn blue_green_that_does_not_fit_is_found() {
    let container = wrong::<EcsService>("services/service/maintenance-bg", |service| {
        let Deployment::CodeDeploy { target, .. } = &mut service.deployment else { panic!() };
        target.container = "web".parse().unwrap();
    });
    assert_eq!(container, ["E-SERVICE-CONTAINER services/service/maintenance-bg load_balancer"]);
    let port = wrong::<EcsService>("services/service/maintenance-bg", |service| {
        let Deployment::CodeDeploy { target, .. } = &mut service.deployment else { panic!() };
        target.port = aomidori_model::Port::new(8080).unwrap();
    });
    assert!(port.contains(&"E-SERVICE-PORT services/service/maintenance-bg load_balancer".to_owned()), "{port:?}");
    let rolling = wrong::<EcsService>("services/service/maintenance-bg", |service| {
        service.deployment = Deployment::Rolling(ecs_service::Rolling::default());
    });
    assert_eq!(rolling, ["E-GROUP-CONTROLLER code-deploy/deployment-group ecs_service"]);
    let forward = wrong::<Listener>("platform/listener/test", |listener| {
        listener.default_action = Action::Forward(Ref::to(address("platform/target-group/green")));
    });
    assert_eq!(forward, ["E-PAIR-FORWARD code-deploy/deployment-group test_traffic_route"]);
    let service = wrong::<DeploymentGroup>("code-deploy/deployment-group", |group| {
        group.service = Ref::to(address("services/service/backend-blue"));
    });
    assert_eq!(
        service,
        [
            "E-GROUP-CONTROLLER code-deploy/deployment-group ecs_service",
            "E-SERVICE-GROUP services/service/maintenance-bg deployment_controller.type"
        ]
    );
    let two_balancers = {
        let mut stack = practice(&[]);
        let Some(Resource::LoadBalancer(balancer)) =
            stack.get(&address("platform/load-balancer")).map(|entry| entry.resource.clone())
        else {
            panic!()
        };
        let other = stack.add("platform/second", LoadBalancer { name: "second".parse().unwrap(), ..balancer });
        let entry = stack.get_mut(&address("platform/listener/test")).unwrap();
        let Resource::Listener(test) = &mut entry.resource else { panic!() };
        test.load_balancer = other;
        problems(&stack)
    };
    assert_eq!(two_balancers, ["E-PAIR-LISTENERS code-deploy/deployment-group test_traffic_route"]);
}

#[test]
fn references_that_lead_nowhere_or_in_a_circle_are_found() {
    let missing = wrong::<Subnet>("network/subnet/public-a", |subnet| {
        subnet.vpc = Ref::to(address("network/vcp"));
    });
    assert!(missing.contains(&"E-REF-MISSING network/subnet/public-a vpc_id".to_owned()), "{missing:?}");
    let kind = wrong::<Subnet>("network/subnet/public-a", |subnet| {
        subnet.vpc = Ref::to(address("platform/cluster"));
    });
    assert!(kind.contains(&"E-REF-KIND network/subnet/public-a vpc_id".to_owned()), "{kind:?}");
    let mut stack = practice(&[]);
    let first = address("network/vpc");
    stack.get_mut(&first).unwrap().depends_on = BTreeSet::from([address("network/subnet/public-a")]);
    assert_eq!(problems(&stack), ["E-CYCLE network/subnet/public-a "]);
}

/// Two groups that refer to each other are no circle: their rules are resources of their own.
#[test]
fn groups_that_refer_to_each_other_are_legal() {
    let mut stack = practice(&[]);
    stack.add(
        "security/rule/public-from-private",
        SecurityGroupRule {
            group: Ref::to(address("security/group/public")),
            direction: security_group_rule::Direction::Ingress,
            protocol: security_group_rule::Protocol::All,
            peer: security_group_rule::Peer::Group(Ref::to(address("security/group/private"))),
            description: None,
        },
    );
    assert_eq!(problems(&stack), Vec::<String>::new());
}

#[test]
fn names_and_tags_are_checked() {
    let twice = wrong::<TargetGroup>("platform/target-group/green", |group| {
        group.name = "dev-codedeploy-practice-blue".parse().unwrap();
    });
    assert_eq!(twice, ["E-NAME-TAKEN platform/target-group/green name"]);
    let mut stack = practice(&[]);
    stack.tags.insert("aws:mine".into(), "x".into());
    stack.tags.insert("Owner".into(), "täam; rm".into());
    assert_eq!(problems(&stack), ["E-TAG  tags", "E-TAG  tags"]);
    let inputs = Inputs { product: "a-product-with-a-name-that-is-too-long".into(), ..Inputs::default() };
    let error = stack_error(&inputs);
    assert!(error.contains("32"), "{error}");
}

fn stack_error(inputs: &Inputs) -> String {
    aomidori_practice::stack(inputs).unwrap_err().to_string()
}

/// A route to the world over the wrong sort of gateway leaves tasks mute.
#[test]
fn a_task_in_a_public_subnet_without_an_address_is_found() {
    let found = wrong::<RouteTable>("network/route-table/private-a", |table| {
        let gateway = RouteTarget::InternetGateway(Ref::to(address("network/internet-gateway")));
        table.routes = BTreeMap::from([(aomidori_model::Ipv4Cidr::ANYWHERE, gateway)]);
    });
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.iter().all(|problem| problem.starts_with("E-TASK-EGRESS")), "{found:?}");
}

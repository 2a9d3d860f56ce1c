//! Small stacks for the tables, and worlds in which they were built.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::kinds::deployment_group::ReadyOption;
use aomidori_model::kinds::ecs_service::{Deployment, PairTarget, Rolling};
use aomidori_model::kinds::listener::{Action, ListenerProtocol};
use aomidori_model::kinds::load_balancer::Scheme;
use aomidori_model::kinds::route_table::RouteTarget;
use aomidori_model::kinds::security_group_rule::{Direction, Peer, Protocol};
use aomidori_model::kinds::target_group::{HealthCheck, TargetGroupPair};
use aomidori_model::kinds::task_definition::{Container, FargateSize, Image};
use aomidori_model::kinds::*;
use aomidori_model::{Address, Port, PortRange, Ref, Resource, Stack};

use super::support::render;
use crate::testing::{Dice, World};
use crate::{Observation, destroy, plan};

pub(super) fn at(address: &str) -> Address {
    address.parse().unwrap()
}

pub(super) fn to<K>(address: &str) -> Ref<K> {
    Ref::to(at(address))
}

/// VPC, two subnets, gateway, NAT gateway, route table, two security groups that refer to each other.
pub(super) fn network() -> Stack {
    let mut stack = Stack::new("small".parse().unwrap());
    let vpc =
        stack.add("net/vpc", Vpc { cidr: "10.0.0.0/16".parse().unwrap(), dns_support: None, dns_hostnames: None });
    let gateway = stack.add("net/gateway", InternetGateway { vpc: vpc.clone() });
    let mut subnets = BTreeSet::new();
    for (n, zone) in ["a", "b"].into_iter().enumerate() {
        let cidr = format!("10.0.{n}.0/24").parse().unwrap();
        let subnet = Subnet { vpc: vpc.clone(), cidr, zone: zone.into(), map_public_ip_on_launch: None };
        subnets.insert(stack.add(&format!("net/subnet-{zone}"), subnet));
    }
    let address = stack.add("net/address", ElasticIp {});
    let nat = stack.add("net/nat", NatGateway { subnet: to("net/subnet-a"), address });
    let routes = BTreeMap::from([
        ("0.0.0.0/0".parse().unwrap(), RouteTarget::InternetGateway(gateway)),
        ("172.16.0.0/12".parse().unwrap(), RouteTarget::NatGateway(nat)),
    ]);
    stack.add("net/table", RouteTable { vpc: vpc.clone(), routes, subnets });
    for (name, peer) in [("public", "private"), ("private", "public")] {
        let group = SecurityGroup {
            name: name.parse().unwrap(),
            description: "text".parse().unwrap(),
            vpc: vpc.clone(),
            open_egress: true,
        };
        let group = stack.add(&format!("sec/{name}"), group);
        let rule = SecurityGroupRule {
            group,
            direction: Direction::Ingress,
            protocol: Protocol::Tcp(PortRange::one(Port::new(80).unwrap())),
            peer: Peer::Group(to(&format!("sec/{peer}"))),
            description: None,
        };
        stack.add(&format!("sec/{name}-rule"), rule);
    }
    stack
}

/// A blue/green service on the network, and a rolling one.
pub(super) fn services() -> Stack {
    let mut stack = network();
    let subnets: BTreeSet<Ref<Subnet>> = [to("net/subnet-a"), to("net/subnet-b")].into();
    let balancer = LoadBalancer {
        name: "lb".parse().unwrap(),
        scheme: Scheme::InternetFacing,
        subnets: subnets.clone(),
        security_groups: [to("sec/public")].into(),
        attributes: BTreeMap::new(),
    };
    let load_balancer = stack.add("app/balancer", balancer);
    let port = Port::new(80).unwrap();
    let mut group = |name: &str| {
        let group = TargetGroup {
            name: name.parse().unwrap(),
            vpc: to("net/vpc"),
            port,
            health_check: HealthCheck::default(),
            attributes: BTreeMap::new(),
        };
        stack.add(&format!("app/{name}"), group)
    };
    let (blue, green) = (group("blue"), group("green"));
    let mut listener = |name: &str, port: u16| {
        let listener = Listener {
            load_balancer: load_balancer.clone(),
            port: Port::new(port).unwrap(),
            protocol: ListenerProtocol::Http,
            default_action: Action::ForwardPair { blue: blue.clone(), green: green.clone() },
        };
        stack.add(&format!("app/{name}"), listener)
    };
    let (production, test) = (listener("production", 80), listener("test", 8080));
    let cluster = stack.add("app/cluster", EcsCluster { name: "cluster".parse().unwrap(), container_insights: None });
    for name in ["web", "worker"] {
        let container = serde_json::from_str::<Container>(r#"{"name": "app", "image": {"uri": "nginx"}}"#).unwrap();
        let task = TaskDefinition {
            family: name.parse().unwrap(),
            size: FargateSize::new(256, 512).unwrap(),
            execution_role: None,
            task_role: None,
            cpu_architecture: None,
            containers: vec![Container { image: Image::Uri("nginx:1".into()), ..container }],
        };
        let task_definition = stack.add(&format!("app/{name}-task"), task);
        let deployment = if name == "web" {
            let (blue, green) = (blue.clone(), green.clone());
            {
                let target = PairTarget { blue, green, container: "app".parse().unwrap(), port };
                Deployment::CodeDeploy { target, registry: None }
            }
        } else {
            Deployment::Rolling(Rolling::default())
        };
        let service = EcsService {
            name: name.parse().unwrap(),
            cluster: cluster.clone(),
            task_definition,
            desired_count: Some(1),
            subnets: subnets.clone(),
            security_groups: [to("sec/private")].into(),
            assign_public_ip: false,
            platform_version: None,
            enable_execute_command: None,
            health_check_grace_period: None,
            capacity_providers: std::collections::BTreeMap::new(),
            propagate_tags: None,
            managed_tags: None,
            deployment,
        };
        stack.add(&format!("app/{name}"), service);
    }
    let application = stack.add("deploy/app", CodeDeployApplication { name: "app".parse().unwrap() });
    let group = DeploymentGroup {
        name: "web".parse().unwrap(),
        application,
        role: Ref::existing("arn:role"),
        config: Ref::existing("CodeDeployDefault.ECSAllAtOnce"),
        service: to("app/web"),
        pair: TargetGroupPair { blue, green, production, test: Some(test) },
        ready: ReadyOption::Continue,
        terminate_blue_after: 5,
        auto_rollback: BTreeSet::new(),
        alarms: BTreeSet::new(),
    };
    stack.add("deploy/group", group);
    stack
}

/// A stack with one resource changed.
pub(super) fn with<K: Kind>(mut stack: Stack, address: &str, change: impl FnOnce(&mut K)) -> Stack
where
    for<'a> &'a K: TryFrom<&'a Resource>,
{
    let entry = stack.get_mut(&at(address)).unwrap();
    let Ok(found) = <&K>::try_from(&entry.resource) else { panic!("another kind is at {address}") };
    let mut inner: K = found.clone();
    change(&mut inner);
    entry.resource = inner.into();
    stack
}

/// A stack without some resources.
pub(super) fn without(mut stack: Stack, addresses: &[&str]) -> Stack {
    for address in addresses {
        stack.remove(&at(address)).unwrap();
    }
    stack
}

/// A world in which a stack was built.
pub(super) fn built(stack: &Stack) -> World {
    let mut world = World::default();
    let first = plan(stack, &world.observe()).unwrap();
    let done = world.run(stack, &first, &mut Dice::default(), usize::MAX);
    assert_eq!(done, Ok(true), "{}", render(&first));
    world
}

/// What is planned for `want` in a world; the plan is carried out there, and then nothing may be left to do.
pub(super) fn check(want: &Stack, world: &mut World) -> String {
    let have = world.observe();
    match plan(want, &have) {
        Err(error) => error.obstacles.iter().map(|o| format!("{o}; {}\n", o.help())).collect(),
        Ok(todo) => {
            let text = render(&todo);
            let done = world.run(want, &todo, &mut Dice::default(), usize::MAX);
            assert_eq!(done, Ok(true), "{text}");
            let again = plan(want, &world.observe()).unwrap();
            assert!(again.is_empty(), "{text}\nagain:\n{}", render(&again));
            text
        }
    }
}

/// What is planned to tear a stack down.
pub(super) fn check_destroy(stack: &Stack, have: &Observation) -> String {
    render(&destroy(stack, have).unwrap())
}

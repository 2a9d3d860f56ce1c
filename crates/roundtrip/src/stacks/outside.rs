//! What somebody else made in the account: stacks may point at it by id, and it is never theirs.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::Stack;
use aomidori_model::kinds::ecs_cluster::EcsName;
use aomidori_model::kinds::listener::{Action, FixedResponse, ListenerProtocol};
use aomidori_model::kinds::load_balancer::Scheme;
use aomidori_model::kinds::route_table::RouteTarget;
use aomidori_model::kinds::security_group_rule::{Direction, Peer, Protocol};
use aomidori_model::kinds::task_definition::{Container, FargateSize, Image};
use aomidori_model::kinds::*;
use aomidori_model::policy::{PolicyDocument, PolicyResource, Statement};
use aomidori_model::{Port, PortRange};

use super::services::{CONTAINER, CONTAINER_PORT};
use super::{parse, port};

/// The tags under which images are in the outside repository.
pub const OUTSIDE_TAGS: [&str; 2] = ["blue", "main-1.0_x"];

/// What is there, by id.
#[derive(Clone, Debug)]
pub struct Outside {
    /// A VPC with both DNS attributes, 10.99.0.0/16, of which 10.99.248.0/21 is used.
    pub vpc: String,
    /// Its internet gateway.
    pub gateway: String,
    /// Lets everybody in on every TCP port.
    pub group: String,
    /// For tasks.
    pub task_role: String,
    /// For CodeDeploy.
    pub deploy_role: String,
    /// A managed policy.
    pub policy: String,
    /// A log group.
    pub logs: String,
    /// A repository with images under [`OUTSIDE_TAGS`].
    pub repository: String,
    /// A cluster.
    pub cluster: String,
    /// A revision with the container that all stacks have.
    pub definition: String,
    /// An application load balancer in the VPC.
    pub balancer: String,
    /// Its listener.
    pub listener: String,
    /// A Cloud Map namespace in the VPC.
    pub namespace: String,
    /// A CodeDeploy application for ECS.
    pub application: String,
}

impl Outside {
    /// The ids by a function from the addresses of [`outside`].
    pub fn of(id: impl Fn(&str) -> String) -> Outside {
        Outside {
            vpc: id("net/vpc"),
            gateway: id("net/gateway"),
            group: id("net/group"),
            task_role: id("iam/tasks"),
            deploy_role: id("iam/deploy"),
            policy: id("iam/policy"),
            logs: id("ecs/logs"),
            repository: id("ecs/repository"),
            cluster: id("ecs/cluster"),
            definition: id("ecs/definition"),
            balancer: id("net/balancer"),
            listener: id("net/listener"),
            namespace: id("net/namespace"),
            application: id("iam/application"),
        }
    }

    /// Ids of the right form, of what is nowhere.
    pub fn nowhere() -> Outside {
        let arn = |service: &str, rest: &str| format!("arn:aws:{service}:ap-northeast-1:123456789012:{rest}");
        let iam = |rest: &str| format!("arn:aws:iam::123456789012:{rest}");
        Outside {
            vpc: "vpc-00000000000000099".into(),
            gateway: "igw-00000000000000099".into(),
            group: "sg-00000000000000099".into(),
            task_role: iam("role/outside-tasks"),
            deploy_role: iam("role/outside-deploy"),
            policy: iam("policy/outside"),
            logs: "outside".into(),
            repository: "outside/app".into(),
            cluster: arn("ecs", "cluster/outside"),
            definition: arn("ecs", "task-definition/outside:1"),
            balancer: arn("elasticloadbalancing", "loadbalancer/app/outside/0123456789abcdef"),
            listener: arn("elasticloadbalancing", "listener/app/outside/0123456789abcdef/0123456789abcdef"),
            namespace: "ns-0123456789abcdef".into(),
            application: "outside".into(),
        }
    }
}

/// The stack that stands for somebody else's work.
pub fn outside(region: &str) -> Stack {
    let mut stack = Stack::new(parse("outside"));
    let vpc = Vpc { cidr: parse("10.99.0.0/16"), dns_support: Some(true), dns_hostnames: Some(true) };
    let vpc = stack.add("net/vpc", vpc);
    let gateway = stack.add("net/gateway", InternetGateway { vpc: vpc.clone() });
    let subnets: BTreeSet<_> = [("a", "10.99.248.0/24"), ("c", "10.99.249.0/24")]
        .into_iter()
        .map(|(zone, cidr)| {
            let subnet = Subnet {
                vpc: vpc.clone(),
                cidr: parse(cidr),
                zone: format!("{region}{zone}"),
                map_public_ip_on_launch: None,
            };
            stack.add(&format!("net/subnet/{zone}"), subnet)
        })
        .collect();
    let routes = BTreeMap::from([(parse("0.0.0.0/0"), RouteTarget::InternetGateway(gateway))]);
    stack.add("net/table", RouteTable { vpc: vpc.clone(), routes, subnets: subnets.clone() });
    let group =
        SecurityGroup { name: parse("outside"), description: parse("everybody"), vpc: vpc.clone(), open_egress: true };
    let group = stack.add("net/group", group);
    let rule = SecurityGroupRule {
        group: group.clone(),
        direction: Direction::Ingress,
        protocol: Protocol::Tcp(PortRange::new(1, 65535).expect("a legal range")),
        peer: Peer::Cidr(parse("0.0.0.0/0")),
        description: None,
    };
    stack.add("net/rule", rule);
    let balancer = LoadBalancer {
        name: parse("outside"),
        scheme: Scheme::InternetFacing,
        subnets,
        security_groups: [group].into(),
        attributes: BTreeMap::new(),
    };
    let load_balancer = stack.add("net/balancer", balancer);
    let default_action = Action::FixedResponse(FixedResponse { status: 404, content_type: None, body: None });
    let listener = Listener { load_balancer, port: Port::HTTP, protocol: ListenerProtocol::Http, default_action };
    stack.add("net/listener", listener);
    stack.add("net/namespace", PrivateDnsNamespace { name: parse("outside.internal"), vpc, description: None });
    let role = |name: &str, service: &str, managed: &str| IamRole {
        name: parse(name),
        path: None,
        description: None,
        trust: PolicyDocument::trust_service(service),
        managed_policies: [aomidori_model::Ref::existing(managed)].into(),
        inline_policies: BTreeMap::new(),
        max_session_duration: None,
    };
    let execution = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";
    let tasks = stack.add("iam/tasks", role("outside-tasks", "ecs-tasks.amazonaws.com", execution));
    let deploy = "arn:aws:iam::aws:policy/AWSCodeDeployRoleForECS";
    stack.add("iam/deploy", role("outside-deploy", "codedeploy.amazonaws.com", deploy));
    let document = PolicyDocument::of([Statement::allow(["s3:GetObject"], [PolicyResource::arn("*")])]);
    stack.add("iam/policy", IamPolicy { name: parse("outside"), path: None, description: None, document });
    stack.add("iam/application", CodeDeployApplication { name: parse("outside") });
    stack.add("ecs/logs", LogGroup { name: parse("outside"), retention_in_days: None });
    let repository = EcrRepository {
        name: parse("outside/app"),
        mutability: ecr_repository::TagMutability::Mutable,
        encryption: ecr_repository::Encryption::Aes256,
        scan_on_push: false,
        lifecycle: None,
    };
    stack.add("ecs/repository", repository);
    stack.add("ecs/cluster", EcsCluster { name: parse("outside"), container_insights: None });
    let container = Container {
        name: parse::<EcsName>(CONTAINER),
        image: Image::Uri("nginx".into()),
        essential: true,
        ports: [port(CONTAINER_PORT)].into(),
        command: None,
        entry_point: None,
        environment: BTreeMap::new(),
        secrets: BTreeMap::new(),
        cpu: None,
        memory: None,
        logs: None,
        health_check: None,
        readonly_root_filesystem: None,
        init_process: None,
    };
    let definition = TaskDefinition {
        family: parse("outside"),
        size: FargateSize::new(256, 512).expect("a legal pair"),
        execution_role: Some(tasks),
        task_role: None,
        cpu_architecture: None,
        containers: vec![container],
    };
    stack.add("ecs/definition", definition);
    stack
}

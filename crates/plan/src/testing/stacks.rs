//! A random stack over real kinds.
#![expect(clippy::expect_used, reason = "literals that parse; the module is for tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::str::FromStr;

use aomidori_model::kinds::deployment_config::TrafficRouting;
use aomidori_model::kinds::deployment_group::{ReadyOption, RollbackEvent};
use aomidori_model::kinds::dns_record::Answer;
use aomidori_model::kinds::ecs_service::{Deployment, PairTarget, Rolling, ServiceTarget};
use aomidori_model::kinds::listener::{Action, ListenerProtocol, Weighted};
use aomidori_model::kinds::listener_rule::Condition;
use aomidori_model::kinds::load_balancer::Scheme;
use aomidori_model::kinds::route_table::RouteTarget;
use aomidori_model::kinds::security_group_rule::{Direction, Peer, Protocol};
use aomidori_model::kinds::target_group::{HealthCheck, TargetGroupPair};
use aomidori_model::kinds::task_definition::{AwsLogs, Container, FargateSize, Image};
use aomidori_model::kinds::vpc_endpoint::EndpointType;
use aomidori_model::kinds::*;
use aomidori_model::{PolicyDocument, Port, PortRange, Ref, Stack};

use super::Genes;

fn parse<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().expect("a legal literal")
}

fn port(number: u16) -> Port {
    Port::new(number).expect("a legal port")
}

fn trust(service: &str) -> PolicyDocument {
    PolicyDocument::from_aws(&format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"Service":"{service}"}},"Action":"sts:AssumeRole"}}}}"#
    ))
    .expect("a legal document")
}

fn allow(action: &str) -> PolicyDocument {
    PolicyDocument::from_aws(&format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"{action}","Resource":"*"}}}}"#
    ))
    .expect("a legal document")
}

/// What later parts of the stack refer to.
struct Base {
    vpc: Ref<Vpc>,
    subnets: Vec<Ref<Subnet>>,
    groups: [Ref<SecurityGroup>; 2],
}

/// The stack that these genes make. Similar genes make similar stacks; equal ones equal stacks.
pub fn stack(genes: &Genes) -> Stack {
    let mut stack = Stack::new(parse("random"));
    if genes.pick(0, 3) == 1 {
        stack.tags.insert("Team".into(), "web".into());
    }
    let base = network(&mut stack, genes);
    let role = identity(&mut stack, genes);
    if genes.pick(12, 4) > 0 {
        platform(&mut stack, genes, &base, &role);
    }
    for (gene, from, on) in [(36, "platform/cluster", "network/vpc"), (37, "platform/repository", "platform/cluster")] {
        if genes.pick(gene, 4) == 1
            && stack.get(&parse(on)).is_some()
            && let Some(entry) = stack.get_mut(&parse(from))
        {
            entry.depends_on.insert(parse(on));
        }
    }
    stack
}

fn network(stack: &mut Stack, genes: &Genes) -> Base {
    let second = if genes.pick(1, 4) == 3 { "10.1" } else { "10.0" };
    let dns = (genes.pick(1, 4) == 2).then_some(true);
    let vpc = stack
        .add("network/vpc", Vpc { cidr: parse(&format!("{second}.0.0/16")), dns_support: None, dns_hostnames: dns });
    let gateway = stack.add("network/gateway", InternetGateway { vpc: vpc.clone() });
    let name = if genes.pick(2, 4) == 3 { "front" } else { "public" };
    let third = u8::from(genes.pick(2, 4) == 2) * 10;
    let mut subnets = Vec::new();
    for (n, zone) in ["a", "b"].into_iter().enumerate() {
        subnets.push(stack.add(
            &format!("network/subnet/{name}-{zone}"),
            Subnet {
                vpc: vpc.clone(),
                cidr: parse(&format!("{second}.{}.0/24", usize::from(third) + n)),
                zone: format!("eu-central-1{zone}"),
                map_public_ip_on_launch: (genes.pick(3, 3) == 1).then_some(true),
            },
        ));
    }
    let mut routes = BTreeMap::from([(parse("0.0.0.0/0"), RouteTarget::InternetGateway(gateway))]);
    let used: BTreeSet<Ref<Subnet>> = match genes.pick(4, 3) {
        0 => subnets.iter().cloned().collect(),
        1 => subnets.iter().take(1).cloned().collect(),
        _ => BTreeSet::new(),
    };
    for n in 0..genes.pick(5, 3) {
        let place = if genes.pick(6, 2) == 0 { usize::from(n) } else { 0 };
        let Some(subnet) = subnets.get(place) else { continue };
        let address = stack.add(&format!("network/address/{n}"), ElasticIp {});
        let nat = stack.add(&format!("network/nat/{n}"), NatGateway { subnet: subnet.clone(), address });
        routes.insert(parse(&format!("172.16.{n}.0/24")), RouteTarget::NatGateway(nat));
    }
    let table = stack.add("network/table", RouteTable { vpc: vpc.clone(), routes, subnets: used });
    let groups = security(stack, genes, &vpc);
    if genes.pick(7, 3) == 1 {
        stack.add(
            "network/endpoint/s3",
            VpcEndpoint {
                vpc: vpc.clone(),
                service_name: "com.amazonaws.eu-central-1.s3".into(),
                endpoint: EndpointType::Gateway { route_tables: [table].into() },
                policy: None,
            },
        );
    }
    if genes.pick(8, 3) > 0 {
        let service = if genes.pick(8, 3) == 1 { "logs" } else { "ssm" };
        stack.add(
            "network/endpoint/private",
            VpcEndpoint {
                vpc: vpc.clone(),
                service_name: format!("com.amazonaws.eu-central-1.{service}"),
                endpoint: EndpointType::Interface {
                    subnets: subnets.iter().take(1).cloned().collect(),
                    security_groups: [groups[1].clone()].into(),
                    private_dns: true,
                },
                policy: None,
            },
        );
    }
    Base { vpc, subnets, groups }
}

fn security(stack: &mut Stack, genes: &Genes, vpc: &Ref<Vpc>) -> [Ref<SecurityGroup>; 2] {
    let mut group = |name: &str, label: &str, text: &str| {
        stack.add(
            &format!("security/{name}"),
            SecurityGroup { name: parse(label), description: parse(text), vpc: vpc.clone(), open_egress: true },
        )
    };
    let text = if genes.pick(9, 3) == 1 { "other text" } else { "text" };
    let label = if genes.pick(9, 3) == 2 { "public-2" } else { "public" };
    let public = group("public", label, text);
    let private = group("private", "private", if genes.pick(10, 4) == 1 { "other text" } else { "text" });
    let groups = [public, private];
    let count = genes.pick(11, 4);
    for n in 0..count {
        let at = usize::from(n);
        let peer = match genes.pick(30 + at, 3) {
            0 => Peer::Group(groups[(at + 1) % 2].clone()),
            1 => Peer::Cidr(parse("10.0.0.0/8")),
            _ => Peer::Group(groups[at % 2].clone()),
        };
        let number = 8000 + 10 * u16::from(n) + u16::from(genes.pick(33, 2));
        stack.add(
            &format!("security/rule/{n}"),
            SecurityGroupRule {
                group: groups[at % 2].clone(),
                direction: Direction::Ingress,
                protocol: Protocol::Tcp(PortRange::one(port(number))),
                peer,
                description: (genes.pick(34, 3) == 1).then(|| parse("a rule")),
            },
        );
    }
    groups
}

fn identity(stack: &mut Stack, genes: &Genes) -> Ref<IamRole> {
    let mut attached = BTreeSet::new();
    if genes.pick(13, 3) > 0 {
        let policy = IamPolicy {
            name: parse("reads"),
            path: None,
            description: Some(if genes.pick(13, 3) == 1 { "reads".into() } else { "reads things".into() }),
            document: allow(if genes.pick(14, 2) == 0 { "ssm:GetParameter" } else { "ssm:GetParameters" }),
        };
        attached.insert(stack.add("platform/policy", policy));
    }
    if genes.pick(15, 2) == 1 {
        attached.insert(Ref::existing("arn:aws:iam::aws:policy/ReadOnlyAccess"));
    }
    let inline = (0..genes.pick(16, 3)).map(|n| (parse(&format!("inline-{n}")), allow("logs:PutLogEvents"))).collect();
    stack.add(
        "platform/role",
        IamRole {
            name: parse(if genes.pick(17, 4) == 3 { "tasks-2" } else { "tasks" }),
            path: None,
            description: (genes.pick(17, 4) == 2).then(|| "tasks".into()),
            trust: trust("ecs-tasks.amazonaws.com"),
            managed_policies: attached,
            inline_policies: inline,
            max_session_duration: None,
        },
    )
}

fn platform(stack: &mut Stack, genes: &Genes, base: &Base, role: &Ref<IamRole>) {
    let cluster = stack.add(
        "platform/cluster",
        EcsCluster {
            name: parse(if genes.pick(18, 4) == 3 { "cluster-2" } else { "cluster" }),
            container_insights: None,
        },
    );
    let logs = stack.add(
        "platform/logs",
        LogGroup {
            name: parse(if genes.pick(19, 4) == 3 { "logs-2" } else { "logs" }),
            retention_in_days: Some(if genes.pick(19, 4) == 2 { 7 } else { 30 }),
        },
    );
    let repository = stack.add(
        "platform/repository",
        EcrRepository {
            name: parse(if genes.pick(20, 4) == 3 { "team/app-2" } else { "team/app" }),
            mutability: Default::default(),
            encryption: Default::default(),
            scan_on_push: genes.pick(20, 4) == 2,
            lifecycle: None,
        },
    );
    let task = |stack: &mut Stack, name: &str, gene: usize| {
        let family = if genes.pick(gene, 5) == 4 { format!("{name}-2") } else { name.to_owned() };
        let container = Container {
            name: parse("app"),
            image: Image::Tag { repository: repository.clone(), tag: parse("main") },
            essential: true,
            ports: [port(80)].into(),
            command: None,
            entry_point: None,
            environment: BTreeMap::new(),
            secrets: BTreeMap::new(),
            cpu: None,
            memory: None,
            logs: Some(AwsLogs { group: logs.clone(), region: "eu-central-1".into(), stream_prefix: "app".into() }),
            health_check: None,
            readonly_root_filesystem: None,
            init_process: None,
        };
        stack.add(
            &format!("services/task/{name}"),
            TaskDefinition {
                family: parse(&family),
                size: FargateSize::new(256, if genes.pick(gene, 5) == 3 { 1024 } else { 512 }).expect("a legal pair"),
                execution_role: Some(role.clone()),
                task_role: None,
                cpu_architecture: None,
                containers: vec![container],
            },
        )
    };
    let discovery = discovery(stack, genes, base);
    let service = |name: &str, task: Ref<TaskDefinition>, deployment: Deployment| EcsService {
        name: parse(name),
        cluster: cluster.clone(),
        task_definition: task,
        desired_count: Some(1),
        subnets: base.subnets.iter().cloned().collect(),
        security_groups: [base.groups[1].clone()].into(),
        assign_public_ip: false,
        platform_version: None,
        enable_execute_command: None,
        health_check_grace_period: None,
        capacity_providers: std::collections::BTreeMap::new(),
        propagate_tags: None,
        managed_tags: None,
        deployment,
    };
    if genes.pick(21, 3) > 0 {
        let name = if genes.pick(21, 3) == 2 { "worker-2" } else { "worker" };
        let task = task(stack, "worker", 22);
        let rolling = Rolling { registry: discovery, ..Rolling::default() };
        stack.add("services/worker", service(name, task, Deployment::Rolling(rolling)));
    }
    let ways_in = ways_in(stack, genes, base);
    let Some(WaysIn { blue, green, production, test }) = ways_in else { return };
    let task = task(stack, "web", 23);
    if genes.pick(12, 4) < 3 {
        let target = ServiceTarget { target_group: blue, container: parse("app"), port: port(80) };
        let rolling = Rolling { load_balancers: vec![target], ..Rolling::default() };
        stack.add("services/web", service("web", task, Deployment::Rolling(rolling)));
        return;
    }
    let target = PairTarget { blue: blue.clone(), green: green.clone(), container: parse("app"), port: port(80) };
    let service = stack.add("services/web", service("web", task, Deployment::CodeDeploy { target, registry: None }));
    let application = stack.add(
        "code-deploy/application",
        CodeDeployApplication { name: parse(if genes.pick(24, 3) == 2 { "app-2" } else { "app" }) },
    );
    let config = match genes.pick(24, 3) {
        0 => Ref::existing("CodeDeployDefault.ECSAllAtOnce"),
        _ => stack.add(
            "code-deploy/config",
            DeploymentConfig {
                name: parse("steps"),
                routing: TrafficRouting::Linear { percent: 10 + u32::from(genes.pick(25, 2)), minutes: 1 },
            },
        ),
    };
    stack.add(
        "code-deploy/group",
        DeploymentGroup {
            name: parse("web"),
            application,
            role: role.clone(),
            config,
            service,
            pair: TargetGroupPair { blue, green, production, test },
            ready: ReadyOption::Continue,
            terminate_blue_after: 5,
            auto_rollback: [RollbackEvent::Failure].into(),
            alarms: BTreeSet::new(),
        },
    );
}

fn discovery(stack: &mut Stack, genes: &Genes, base: &Base) -> Option<Ref<DiscoveryService>> {
    if genes.pick(26, 4) == 0 {
        return None;
    }
    let namespace = stack.add(
        "discovery/namespace",
        PrivateDnsNamespace {
            name: parse(if genes.pick(26, 4) == 2 { "other.local" } else { "app.local" }),
            vpc: base.vpc.clone(),
            description: None,
        },
    );
    let address = if genes.pick(26, 4) == 3 { "discovery/worker-2" } else { "discovery/worker" };
    Some(stack.add(
        address,
        DiscoveryService {
            name: parse("worker"),
            namespace,
            ttl: 10,
            routing: Default::default(),
            custom_health_check: genes.pick(27, 2) == 0,
        },
    ))
}

struct WaysIn {
    blue: Ref<TargetGroup>,
    green: Ref<TargetGroup>,
    production: Ref<Listener>,
    test: Option<Ref<Listener>>,
}

fn ways_in(stack: &mut Stack, genes: &Genes, base: &Base) -> Option<WaysIn> {
    if genes.pick(12, 4) < 2 {
        return None;
    }
    let address = if genes.pick(28, 4) == 3 { "platform/balancer-2" } else { "platform/balancer" };
    let load_balancer = stack.add(
        address,
        LoadBalancer {
            name: parse(if genes.pick(28, 4) == 1 { "balancer-2" } else { "balancer" }),
            scheme: if genes.pick(28, 4) == 2 { Scheme::Internal } else { Scheme::InternetFacing },
            subnets: base.subnets.iter().cloned().collect(),
            security_groups: [base.groups[0].clone()].into(),
            attributes: BTreeMap::from([("idle_timeout.timeout_seconds".into(), "30".into())]),
        },
    );
    let mut target = |name: &str, gene: usize| {
        let label = if genes.pick(gene, 4) == 2 { format!("{name}-2") } else { name.to_owned() };
        let path = if genes.pick(gene, 4) == 3 { "/health" } else { "/" };
        stack.add(
            &format!("platform/target/{name}"),
            TargetGroup {
                name: parse(&label),
                vpc: base.vpc.clone(),
                port: port(if genes.pick(gene, 4) == 1 { 81 } else { 80 }),
                health_check: HealthCheck { path: path.into(), ..HealthCheck::default() },
                attributes: BTreeMap::new(),
            },
        )
    };
    let (blue, green) = (target("blue", 29), target("green", 35));
    let pair = genes.pick(12, 4) == 3;
    let forward = |first: &Ref<TargetGroup>, second: &Ref<TargetGroup>| match pair {
        true => Action::ForwardPair { blue: first.clone(), green: second.clone() },
        false if genes.pick(38, 3) == 1 => Action::ForwardWeighted(vec![
            Weighted { target_group: first.clone(), weight: 100 },
            Weighted { target_group: second.clone(), weight: 0 },
        ]),
        false => Action::Forward(first.clone()),
    };
    let mut listener = |name: &str, number: u16, action: Action| {
        stack.add(
            &format!("platform/listener/{name}"),
            Listener {
                load_balancer: load_balancer.clone(),
                port: port(number),
                protocol: ListenerProtocol::Http,
                default_action: action,
            },
        )
    };
    let moved = genes.pick(39, 5);
    let production = listener("production", if moved == 1 { 81 } else { 80 }, forward(&blue, &green));
    let test = match moved {
        2 => None,
        // The ports of the two listeners may swap.
        1 => Some(listener("test", 80, forward(&blue, &green))),
        _ => Some(listener("test", 81, forward(&blue, &green))),
    };
    if moved >= 3 {
        for (n, name) in ["first", "second"].into_iter().enumerate() {
            let place = if moved == 3 { n } else { 1 - n };
            stack.add(
                &format!("platform/rule/{name}"),
                ListenerRule {
                    listener: production.clone(),
                    priority: 1 + u32::try_from(place).unwrap_or_default(),
                    conditions: vec![Condition::PathPattern([format!("/{name}/*")].into())],
                    action: forward(&blue, &green),
                },
            );
        }
    }
    if genes.pick(14, 3) == 2 {
        let answer = Answer::Cname { load_balancer, ttl: 60 };
        stack.add("platform/record", DnsRecord { zone: parse("Z123"), name: parse("app.example.com"), answer });
    }
    Some(WaysIn { blue, green, production, test })
}

//! Tests of the engine on the fake cloud, with paused time.

mod applying;
mod crashes;
mod limits;
mod random;
mod running;

use aomidori_model::kinds::ecs_service::{Deployment, Rolling, ServiceTarget};
use aomidori_model::kinds::listener::{Action, ListenerProtocol};
use aomidori_model::kinds::route_table::RouteTarget;
use aomidori_model::kinds::security_group_rule::{Direction, Peer, Protocol};
use aomidori_model::kinds::task_definition::{Container, FargateSize, Image};
use aomidori_model::kinds::{
    EcsCluster, EcsService, ElasticIp, IamPolicy, IamRole, InternetGateway, Listener, LoadBalancer, LogGroup,
    NatGateway, RouteTable, SecurityGroup, SecurityGroupRule, Subnet, TargetGroup, TaskDefinition, Vpc,
};
use aomidori_model::{PolicyDocument, Port, Ref, Stack};
use tokio_util::sync::CancellationToken;

use crate::fake::FakeCloud;
use crate::options::ApplyOptions;
use crate::run::{Planned, Report, RunError, RunOptions, down, up};
use crate::{End, Events};

/// A stack with everything that is hard: parts, attributes of their own, slow kinds, revisions, groups that refer to each
/// other.
fn medium() -> Stack {
    let mut stack = Stack::new("medium".parse().unwrap());
    stack.tags.insert("team".into(), "shop".into());
    let vpc = stack.add(
        "network/vpc",
        Vpc { cidr: "10.0.0.0/16".parse().unwrap(), dns_support: Some(true), dns_hostnames: Some(true) },
    );
    let subnet = |stack: &mut Stack, name: &str, cidr: &str, zone: &str| {
        let subnet = Subnet {
            vpc: vpc.clone(),
            cidr: cidr.parse().unwrap(),
            zone: zone.into(),
            map_public_ip_on_launch: Some(true),
        };
        stack.add(&format!("network/subnet/{name}"), subnet)
    };
    let a = subnet(&mut stack, "a", "10.0.0.0/24", "fake-1a");
    let c = subnet(&mut stack, "c", "10.0.1.0/24", "fake-1c");
    let inner = subnet(&mut stack, "inner", "10.0.2.0/24", "fake-1a");
    let gateway = stack.add("network/internet", InternetGateway { vpc: vpc.clone() });
    let address = stack.add("network/address", ElasticIp {});
    let nat = stack.add("network/nat", NatGateway { subnet: a.clone(), address });
    let table = |routes, subnets: &[&Ref<Subnet>]| RouteTable {
        vpc: vpc.clone(),
        routes,
        subnets: subnets.iter().map(|subnet| (*subnet).clone()).collect(),
    };
    let default: aomidori_model::Ipv4Cidr = "0.0.0.0/0".parse().unwrap();
    stack.add("network/routes/public", table([(default, RouteTarget::InternetGateway(gateway))].into(), &[&a, &c]));
    stack.add("network/routes/inner", table([(default, RouteTarget::NatGateway(nat))].into(), &[&inner]));
    let group = |stack: &mut Stack, name: &str| {
        let group = SecurityGroup {
            name: name.parse().unwrap(),
            description: name.parse().unwrap(),
            vpc: vpc.clone(),
            open_egress: true,
        };
        stack.add(&format!("security/{name}"), group)
    };
    let front = group(&mut stack, "front");
    let back = group(&mut stack, "back");
    let rule = |stack: &mut Stack, name: &str, group: &Ref<SecurityGroup>, peer| {
        let rule = SecurityGroupRule {
            group: group.clone(),
            direction: Direction::Ingress,
            protocol: Protocol::All,
            peer,
            description: None,
        };
        stack.add(&format!("security/rule/{name}"), rule);
    };
    rule(&mut stack, "internet", &front, Peer::Cidr(default));
    rule(&mut stack, "front-back", &back, Peer::Group(front.clone()));
    rule(&mut stack, "back-front", &front, Peer::Group(back.clone()));
    let statements = PolicyDocument::trust_service("ecs-tasks.amazonaws.com");
    let policy = stack.add(
        "platform/policy",
        IamPolicy { name: "medium-policy".parse().unwrap(), path: None, description: None, document: document() },
    );
    let role = stack.add(
        "platform/role",
        IamRole {
            name: "medium-role".parse().unwrap(),
            path: None,
            description: None,
            trust: statements,
            managed_policies: [policy].into(),
            inline_policies: [("inline".parse().unwrap(), document())].into(),
            max_session_duration: None,
        },
    );
    stack.add("platform/logs", LogGroup { name: "medium".parse().unwrap(), retention_in_days: Some(7) });
    let cluster =
        stack.add("platform/cluster", EcsCluster { name: "medium".parse().unwrap(), container_insights: None });
    let balancer = stack.add(
        "platform/balancer",
        LoadBalancer {
            name: "medium".parse().unwrap(),
            scheme: aomidori_model::kinds::load_balancer::Scheme::InternetFacing,
            subnets: [a, c].into(),
            security_groups: [front].into(),
            attributes: [("idle_timeout.timeout_seconds".to_owned(), "30".to_owned())].into(),
        },
    );
    let port = Port::new(80).unwrap();
    let targets = stack.add(
        "platform/targets",
        TargetGroup {
            name: "medium".parse().unwrap(),
            vpc,
            port,
            health_check: Default::default(),
            attributes: Default::default(),
        },
    );
    stack.add(
        "platform/listener",
        Listener {
            load_balancer: balancer,
            port,
            protocol: ListenerProtocol::Http,
            default_action: Action::Forward(targets.clone()),
        },
    );
    let task = stack.add("services/task", task(role, "nginx:1"));
    stack.add(
        "services/service",
        EcsService {
            name: "medium".parse().unwrap(),
            cluster,
            task_definition: task,
            desired_count: Some(1),
            subnets: [inner].into(),
            security_groups: [back].into(),
            assign_public_ip: false,
            platform_version: None,
            enable_execute_command: None,
            health_check_grace_period: None,
            capacity_providers: std::collections::BTreeMap::new(),
            propagate_tags: None,
            managed_tags: None,
            deployment: Deployment::Rolling(Rolling {
                load_balancers: vec![ServiceTarget { target_group: targets, container: "web".parse().unwrap(), port }],
                ..Rolling::default()
            }),
        },
    );
    stack
}

fn document() -> PolicyDocument {
    PolicyDocument::from_aws(
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#,
    )
    .unwrap()
}

fn task(role: Ref<IamRole>, image: &str) -> TaskDefinition {
    TaskDefinition {
        family: "medium".parse().unwrap(),
        size: FargateSize::new(256, 512).unwrap(),
        execution_role: Some(role),
        task_role: None,
        cpu_architecture: None,
        containers: vec![Container {
            name: "web".parse().unwrap(),
            image: Image::Uri(image.into()),
            essential: true,
            ports: [Port::new(80).unwrap()].into(),
            command: None,
            entry_point: None,
            environment: Default::default(),
            secrets: Default::default(),
            cpu: None,
            memory: None,
            logs: None,
            health_check: None,
            readonly_root_filesystem: None,
            init_process: None,
        }],
    }
}

/// A later state of [`medium`]: tags and fields changed, parts added and removed, a subnet and a group replaced, a rule
/// gone, a new revision.
fn changed() -> Stack {
    let mut stack = medium();
    stack.tags.clear();
    stack.tags.insert("owner".into(), "shop".into());
    change::<Subnet>(&mut stack, "network/subnet/inner", |subnet| subnet.cidr = "10.0.3.0/24".parse().unwrap());
    change::<RouteTable>(&mut stack, "network/routes/public", |table| {
        let first = table.subnets.first().cloned().unwrap();
        table.subnets.remove(&first);
        table.routes.insert("192.168.0.0/16".parse().unwrap(), RouteTarget::Other("eni-1".into()));
    });
    change::<IamRole>(&mut stack, "platform/role", |role| {
        role.inline_policies = [("other".parse().unwrap(), document())].into();
        role.managed_policies.clear();
    });
    change::<LogGroup>(&mut stack, "platform/logs", |logs| logs.retention_in_days = Some(30));
    change::<TaskDefinition>(&mut stack, "services/task", |task| {
        task.containers[0].image = Image::Uri("nginx:2".into());
    });
    change::<SecurityGroup>(&mut stack, "security/back", |group| group.description = "behind".parse().unwrap());
    stack.remove(&"security/rule/back-front".parse().unwrap());
    stack
}

fn change<K>(stack: &mut Stack, address: &str, with: impl FnOnce(&mut K))
where
    K: aomidori_model::Kind,
    for<'a> &'a K: TryFrom<&'a aomidori_model::Resource>,
{
    let entry = stack.get_mut(&address.parse().unwrap()).unwrap();
    let mut resource = match <&K>::try_from(&entry.resource) {
        Ok(resource) => resource.clone(),
        Err(_) => panic!("{address} is of another kind"),
    };
    with(&mut resource);
    entry.resource = resource.into();
}

fn options(run: &str) -> RunOptions {
    RunOptions::new(ApplyOptions::new(run))
}

async fn yes(_: &Planned) -> bool {
    true
}

fn never() -> CancellationToken {
    CancellationToken::new()
}

async fn bring_up(cloud: &FakeCloud, stack: &Stack, run: &str) -> Result<Report, RunError> {
    up(cloud, stack, &options(run), yes, &Events::none(), &never()).await
}

async fn bring_down(cloud: &FakeCloud, stack: &Stack, run: &str) -> Result<Report, RunError> {
    down(cloud, stack, &options(run), yes, &Events::none(), &never()).await
}

/// A plan, one step a line.
fn short(plan: &aomidori_plan::Plan) -> String {
    let line = |step: &aomidori_plan::Step| {
        let changes: Vec<_> =
            step.changes.iter().map(|c| format!("{} {:?} -> {:?}", c.field, c.before, c.after)).collect();
        let changes = if step.action == aomidori_plan::Action::Update { changes.join("; ") } else { String::new() };
        format!("\n{:?} {} {:?} {:?} {changes}", step.action, step.address, step.live, step.reason)
    };
    let notices = plan.notices.iter().map(|notice| format!("\n{notice:?}"));
    plan.steps.iter().map(line).chain(notices).collect()
}

/// How a run ended, and what there is to know about it.
fn ended(report: &Report) -> String {
    let failed =
        report.outcome.iter().flat_map(|outcome| &outcome.failed).map(|f| format!("\n{:?} {}", f.step, f.error));
    let failed: String = failed.collect();
    let left = report.left.as_ref().map(short).unwrap_or_default();
    format!("{:?}\nplanned{}\nfailed{failed}\nleft{left}", report.end, short(&report.planned.plan))
}

/// Brings it up in a new process, whatever happened before, and checks that it is exactly what is wanted.
async fn converges(cloud: &FakeCloud, stack: &Stack) {
    let cloud = cloud.process();
    let mut options = options("again");
    options.break_lock = true;
    options.validate = false;
    let report = up(&cloud, stack, &options, yes, &Events::none(), &never()).await.unwrap();
    let done = matches!(report.end, End::Done | End::NothingToDo);
    assert!(done, "{}", ended(&report));
    exactly(&cloud, stack);
}

/// Every resource is there once, with its fields; nothing else of the stack is.
fn exactly(cloud: &FakeCloud, stack: &Stack) {
    // What a CODE_DEPLOY service still uses stays until a deployment has moved it.
    let deployed = stack.of::<EcsService>().any(|(_, service)| service.is_code_deploy());
    let things: Vec<_> = cloud.things().into_iter().filter(|thing| !thing.superseded).collect();
    for (address, _) in stack.iter() {
        let there = things.iter().filter(|thing| thing.owner().is_some_and(|(_, at)| at == *address)).count();
        assert!(there == 1 || deployed && there > 1, "{address} is there {there} times");
    }
    let ours = things.iter().filter(|thing| thing.owner().is_some()).count();
    assert!(ours == stack.len() || deployed && ours > stack.len(), "{ours} instead of {}", stack.len());
    assert_eq!(cloud.violations(), Vec::<String>::new());
}

/// Takes it down in a new process, and checks that nothing of it is left.
async fn vanishes(cloud: &FakeCloud, stack: &Stack) {
    let cloud = cloud.process();
    let mut options = options("again");
    options.break_lock = true;
    let report = down(&cloud, stack, &options, yes, &Events::none(), &never()).await.unwrap();
    let done = matches!(report.end, End::Done | End::NothingToDo);
    assert!(done, "{}", ended(&report));
    assert_eq!(cloud.things().iter().filter(|thing| thing.owner().is_some()).count(), 0, "{:?}", cloud.things());
    assert_eq!(cloud.violations(), Vec::<String>::new());
}

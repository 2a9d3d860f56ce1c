//! Repositories, logs, clusters, task definitions, services and CodeDeploy.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::Ref;
use aomidori_model::kinds::deployment_config::TrafficRouting;
use aomidori_model::kinds::deployment_group::{ReadyOption, RollbackEvent};
use aomidori_model::kinds::ecr_repository::{
    Encryption, Expiry, ImageSelection, LifecyclePolicy, LifecycleRule, TagMutability,
};
use aomidori_model::kinds::ecs_cluster::ContainerInsights;
use aomidori_model::kinds::ecs_service::{CircuitBreaker, Deployment, Rolling};
use aomidori_model::kinds::log_group::RETENTION_DAYS;
use aomidori_model::kinds::task_definition::{
    AwsLogs, Container, ContainerHealthCheck, CpuArchitecture, FargateSize, Image,
};
use aomidori_model::kinds::*;

use super::{Base, Build, Network, Roles, Way, parse, port};
use crate::Dice;

/// The container that load balancers send requests to, and its port.
pub(super) const CONTAINER: &str = "app_1";
pub(super) const CONTAINER_PORT: u32 = 8080;

pub(super) fn base(build: &mut Build<'_>, dice: &mut Dice, _networks: &[Network]) -> Base {
    let clusters = (0..dice.between(1, 2))
        .map(|n| {
            let insights = [ContainerInsights::Disabled, ContainerInsights::Enabled, ContainerInsights::Enhanced];
            let cluster = EcsCluster {
                name: parse(&build.name(dice, "cluster", "_", 200)),
                container_insights: dice.maybe(|dice| dice.choose(&insights)).flatten(),
            };
            build.stack.add(&format!("platform/cluster-{n}"), cluster)
        })
        .collect();
    let logs = (0..dice.between(1, 2))
        .map(|n| {
            let name = format!("{}{}", dice.word(&["/ecs/", "logs.", "#_/x/"]), build.name(dice, "log", "_", 200));
            let group = LogGroup {
                name: parse(&name),
                retention_in_days: dice.maybe(|dice| dice.choose(RETENTION_DAYS)).flatten(),
            };
            build.stack.add(&format!("platform/logs-{n}"), group)
        })
        .collect();
    let repositories = (0..dice.roll(3))
        .map(|n| {
            let name = format!("{}{}", dice.word(&["", "team/", "a.b/c__d/"]), build.name(dice, "app", "_", 200));
            let repository = EcrRepository {
                name: parse(&name),
                mutability: if dice.one_in(3) { TagMutability::Immutable } else { TagMutability::Mutable },
                encryption: if dice.one_in(4) {
                    let (region, account) = (&build.around.region, &build.around.account);
                    Encryption::Kms(format!("arn:aws:kms:{region}:{account}:key/11111111-2222-3333-4444-555555555555"))
                } else {
                    Encryption::Aes256
                },
                scan_on_push: dice.one_in(3),
                lifecycle: dice.maybe(lifecycle),
            };
            build.stack.add(&format!("across/repository-{n}"), repository)
        })
        .collect();
    Base { clusters, logs, repositories }
}

fn lifecycle(dice: &mut Dice) -> LifecyclePolicy {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<_>>();
    let selections = [
        ImageSelection::Untagged,
        ImageSelection::TagPrefixes(texts(&["main", "dev-"])),
        ImageSelection::TagPatterns(texts(&["*-rc*"])),
    ];
    let mut rules = Vec::new();
    for (n, select) in dice.some(&selections, 1).into_iter().enumerate() {
        rules.push(LifecycleRule {
            priority: u32::try_from(n).unwrap_or_default() * 3 + 1,
            description: dice.maybe(|dice| dice.word(&["keep some", "\"these\" ${x}"]).to_owned()),
            select,
            expire: if dice.one_in(2) {
                Expiry::CountMoreThan(dice.between(1, 1000))
            } else {
                Expiry::DaysSincePushed(dice.between(1, 90))
            },
        });
    }
    if dice.one_in(3) {
        // AWS wants it last.
        rules.push(LifecycleRule {
            priority: 999,
            description: None,
            select: ImageSelection::Any,
            expire: Expiry::CountMoreThan(100),
        });
    }
    LifecyclePolicy { generations: dice.maybe(|dice| dice.between(1, 9)), rules }
}

/// The services of a network: one on each way in, and some that nobody calls through a load balancer.
pub(super) fn services(
    build: &mut Build<'_>,
    dice: &mut Dice,
    network: &Network,
    roles: &Roles,
    base: &Base,
    ways: Vec<Way>,
    n: usize,
) {
    let mut all: Vec<(Deployment, Option<_>)> = ways.into_iter().map(|way| (way.deployment, way.pair)).collect();
    for _ in 0..dice.roll(3) {
        all.push((Deployment::Rolling(Rolling::default()), None));
    }
    let mut registries = network.discovery.iter();
    for (at, (mut deployment, pair)) in all.into_iter().enumerate() {
        if let Deployment::Rolling(rolling) = &mut deployment {
            let (least, most) = dice.choose(&[(100, 200), (0, 100), (50, 150), (99, 200)]).unwrap_or((100, 200));
            (rolling.minimum_healthy_percent, rolling.maximum_percent) = (least, most);
            rolling.circuit_breaker = dice.maybe(|dice| CircuitBreaker { rollback: dice.one_in(2) });
            rolling.registry = registries.next().cloned().filter(|_| !dice.one_in(3));
        }
        let behind = !matches!(&deployment, Deployment::Rolling(rolling) if rolling.load_balancers.is_empty());
        let task = definition(build, dice, roles, base, &format!("services/task/{n}-{at}"));
        let Some(cluster) = base.clusters.get(at % base.clusters.len().max(1)).cloned() else { continue };
        // With a public address in public subnets, or behind NAT.
        let public = network.private.is_empty() || dice.one_in(4);
        let places = if public { &network.public } else { &network.private };
        let mut groups: BTreeSet<_> = [network.inner.clone()].into();
        if dice.one_in(3) {
            groups.insert(network.open.clone());
        }
        let code_deploy = pair.is_some();
        let service = EcsService {
            name: parse(&build.name(dice, "svc", "_", 200)),
            cluster,
            task_definition: task,
            desired_count: if code_deploy { Some(dice.between(0, 2)) } else { dice.maybe(|dice| dice.between(0, 2)) },
            subnets: dice.some(places, 1).into_iter().collect(),
            security_groups: groups,
            assign_public_ip: public,
            platform_version: dice.maybe(|dice| dice.word(&["LATEST", "1.4.0"]).to_owned()),
            enable_execute_command: dice.maybe(|dice| dice.one_in(2)),
            health_check_grace_period: if behind { dice.maybe(|dice| dice.roll(600)) } else { None },
            deployment,
        };
        let service = build.stack.add(&format!("services/service/{n}-{at}"), service);
        if let Some(pair) = pair {
            code_deploy_group(build, dice, roles, service, pair, n);
        }
    }
    if dice.one_in(4) {
        // A definition that no service runs may name an image that is not there.
        let address = format!("services/task/{n}-alone");
        definition(build, dice, roles, base, &address);
    }
}

fn definition(
    build: &mut Build<'_>,
    dice: &mut Dice,
    roles: &Roles,
    base: &Base,
    address: &str,
) -> Ref<TaskDefinition> {
    let (cpu, memory) =
        dice.choose(&[(256, 512), (256, 2048), (512, 1024), (1024, 8192), (4096, 8192)]).unwrap_or((256, 512));
    let mut containers = vec![container(build, dice, base, CONTAINER, &[CONTAINER_PORT])];
    if dice.one_in(2) {
        let mut side = container(build, dice, base, "side-Car", &[9000, 53]);
        side.essential = dice.one_in(2);
        containers.push(side);
    }
    if dice.one_in(3) {
        containers.rotate_left(1);
    }
    let first = roles.tasks.first().cloned();
    let definition = TaskDefinition {
        family: parse(&build.name(dice, "task", "_", 200)),
        size: FargateSize::new(cpu, memory).expect("a legal pair"),
        execution_role: first,
        task_role: dice.maybe(|_| roles.tasks.last().cloned()).flatten(),
        cpu_architecture: dice.maybe(|dice| dice.choose(&[CpuArchitecture::X86_64, CpuArchitecture::Arm64])).flatten(),
        containers,
    };
    build.stack.add(address, definition)
}

fn container(build: &Build<'_>, dice: &mut Dice, base: &Base, name: &str, ports: &[u32]) -> Container {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    let (region, account) = (&build.around.region, &build.around.account);
    let pairs = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let repository = dice.choose(&[0, 1]).and_then(|n: usize| base.repositories.get(n).cloned());
    Container {
        name: parse(name),
        image: match repository {
            Some(repository) => Image::Tag { repository, tag: parse(dice.word(&["blue", "main-1.0_x"])) },
            None => Image::Uri(dice.word(&["public.ecr.aws/nginx/nginx:stable", "nginx"]).to_owned()),
        },
        essential: true,
        ports: ports.iter().map(|number| port(*number)).collect(),
        command: dice.maybe(|_| words(&["sh", "-c", "echo \"$HOME\" ${x} %{y} \\ 'z'\nexit"])),
        entry_point: dice.maybe(|_| words(&["/entry"])),
        environment: dice.maybe(|_| pairs(&[("A", "1"), ("B_C", "${x} \"y\""), ("EMPTY", "")])).unwrap_or_default(),
        secrets: dice
            .maybe(|_| {
                BTreeMap::from([(
                    "SECRET".to_owned(),
                    format!("arn:aws:ssm:{region}:{account}:parameter/{}/x", build.name),
                )])
            })
            .unwrap_or_default(),
        cpu: dice.maybe(|dice| dice.choose(&[0, 64, 128])).flatten(),
        memory: dice.maybe(|_| 256),
        logs: dice.maybe(|dice| AwsLogs {
            group: base.logs[usize::try_from(dice.roll(2)).unwrap_or_default() % base.logs.len()].clone(),
            region: region.clone(),
            stream_prefix: dice.word(&["app", "a/b ${c}"]).to_owned(),
        }),
        health_check: dice.maybe(|dice| ContainerHealthCheck {
            command: words(&["CMD-SHELL", "curl -f http://localhost/ || exit 1"]),
            interval: dice.between(5, 300),
            timeout: dice.between(2, 60),
            retries: dice.between(1, 10),
            start_period: dice.maybe(|dice| dice.roll(301)),
        }),
        readonly_root_filesystem: dice.maybe(|dice| dice.one_in(2)),
        init_process: dice.maybe(|dice| dice.one_in(2)),
    }
}

fn code_deploy_group(
    build: &mut Build<'_>,
    dice: &mut Dice,
    roles: &Roles,
    service: Ref<EcsService>,
    pair: target_group::TargetGroupPair,
    n: usize,
) {
    let group = dice.word(&["code-deploy", "deploy.x"]);
    let application = CodeDeployApplication { name: parse(&build.name(dice, "App", "@", 90)) };
    let application = build.stack.add(&format!("{group}/application-{n}"), application);
    let config = match dice.roll(4) {
        0 => Ref::existing("CodeDeployDefault.ECSAllAtOnce"),
        1 => Ref::existing("CodeDeployDefault.ECSCanary10Percent5Minutes"),
        kind => {
            let (percent, minutes) = (dice.between(1, 99), dice.between(1, 60));
            let routing = match kind {
                2 => TrafficRouting::Canary { percent, minutes },
                _ => TrafficRouting::Linear { percent, minutes },
            };
            let name = format!("{}-{}{n}", build.name, dice.word(&["steps", "Slow.ly=", "+"]));
            build.stack.add(&format!("{group}/config-{n}"), DeploymentConfig { name: parse(&name), routing })
        }
    };
    let alarms = ["shop-5xx", "an alarm \"x\" ${y}"].map(str::to_owned);
    let events = [RollbackEvent::Failure, RollbackEvent::Alarm, RollbackEvent::Request];
    let alarms: BTreeSet<String> = dice.some(&alarms, 0).into_iter().collect();
    let deployment_group = DeploymentGroup {
        name: parse(&build.name(dice, "group", "+", 90)),
        application,
        role: roles.code_deploy.clone(),
        config,
        service,
        pair,
        ready: if dice.one_in(2) {
            ReadyOption::Continue
        } else {
            ReadyOption::Wait { minutes: dice.between(1, 2880) }
        },
        terminate_blue_after: dice.between(0, 2880),
        auto_rollback: dice
            .some(&events, 0)
            .into_iter()
            .filter(|event| *event != RollbackEvent::Alarm || !alarms.is_empty())
            .collect(),
        alarms,
    };
    build.stack.add(&format!("{group}/group-{n}"), deployment_group);
}

//! Repositories, logs, clusters, task definitions, services and CodeDeploy.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::Ref;
use aomidori_model::kinds::deployment_config::TrafficRouting;
use aomidori_model::kinds::deployment_group::{ReadyOption, RollbackEvent};
use aomidori_model::kinds::ecr_repository::{
    Encryption, Expiry, ImageSelection, LifecyclePolicy, LifecycleRule, TagMutability,
};
use aomidori_model::kinds::ecs_cluster::ContainerInsights;
use aomidori_model::kinds::ecs_service::{CapacityProvider, CircuitBreaker, Deployment, PropagateTags, Rolling, Share};
use aomidori_model::kinds::log_group::RETENTION_DAYS;
use aomidori_model::kinds::task_definition::{
    AwsLogs, Container, ContainerHealthCheck, CpuArchitecture, FargateSize, Image,
};
use aomidori_model::kinds::*;

use super::{Base, Build, Network, ODD, OUTSIDE_TAGS, Roles, Way, parse, port};
use crate::Dice;

/// The container that load balancers send requests to, and its port.
pub(super) const CONTAINER: &str = "app_1";
pub(super) const CONTAINER_PORT: u32 = 8080;

pub(super) fn base(build: &mut Build<'_>, dice: &mut Dice) -> Base {
    let mut clusters: Vec<_> = (0..dice.between(1, 2))
        .map(|n| {
            let insights = [ContainerInsights::Disabled, ContainerInsights::Enabled, ContainerInsights::Enhanced];
            let cluster = EcsCluster {
                name: parse(&build.name(dice, "cluster", "_", 200)),
                container_insights: dice.maybe(|dice| dice.choose(&insights)).flatten(),
            };
            build.add(&format!("platform/cluster-{n}"), cluster)
        })
        .collect();
    if dice.one_in(4) {
        clusters.insert(0, Ref::existing(&build.around.outside.cluster));
    }
    let mut logs: Vec<_> = (0..dice.between(1, 2))
        .map(|n| {
            let name = format!("{}{}", dice.word(&["/ecs/", "logs.", "#_/x/"]), build.name(dice, "log", "_", 200));
            let group = LogGroup {
                name: parse(&name),
                retention_in_days: dice.maybe(|dice| dice.choose(RETENTION_DAYS)).flatten(),
            };
            build.add(&format!("platform/logs-{n}"), group)
        })
        .collect();
    if dice.one_in(4) {
        logs.push(Ref::existing(&build.around.outside.logs));
    }
    let mut repositories: Vec<_> = (0..dice.roll(3))
        .map(|n| {
            let name = format!("{}{}", dice.word(&["", "team/", "a.b/c__d/"]), build.name(dice, "app", "_", 200));
            let repository = EcrRepository {
                name: parse(&name),
                mutability: if dice.one_in(3) { TagMutability::Immutable } else { TagMutability::Mutable },
                encryption: if dice.one_in(4) {
                    let (region, account) = (&build.around.region, &build.around.account);
                    let key = dice.word(&["key/11111111-2222-3333-4444-555555555555", "alias/${x}"]);
                    Encryption::Kms(format!("arn:aws:kms:{region}:{account}:{key}"))
                } else {
                    Encryption::Aes256
                },
                scan_on_push: dice.one_in(3),
                lifecycle: dice.maybe(lifecycle),
            };
            build.add(&format!("across/repository-{n}"), repository)
        })
        .collect();
    if dice.one_in(4) {
        repositories.push(Ref::existing(&build.around.outside.repository));
    }
    Base { clusters, logs, repositories }
}

/// More of everything that is cheap, for what only shows in numbers: two hundred resources in all.
pub(super) fn many(build: &mut Build<'_>, dice: &mut Dice, roles: &Roles, base: &Base) {
    for n in 0..60 {
        let name = format!("/many/{n}/{}", build.name(dice, "log", "_", 200));
        let group = LogGroup { name: parse(&name), retention_in_days: dice.choose(RETENTION_DAYS) };
        build.add(&format!("many/logs/{n:03}"), group);
        definition(build, dice, roles, base, &format!("many/task/{n}"));
        if n % 3 == 0 {
            let cluster = EcsCluster { name: parse(&build.name(dice, "cluster", "_", 200)), container_insights: None };
            build.add(&format!("many/cluster/{n}"), cluster);
        }
    }
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
            description: dice.maybe(|dice| dice.word(ODD).to_owned()),
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
        let expire = if dice.one_in(2) { Expiry::CountMoreThan(100) } else { Expiry::DaysSincePushed(400) };
        rules.push(LifecycleRule { priority: 999, description: None, select: ImageSelection::Any, expire });
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
        let task = if dice.one_in(6) {
            Ref::existing(&build.around.outside.definition)
        } else {
            definition(build, dice, roles, base, &format!("services/task/{n}-{at}"))
        };
        let Some(cluster) = base.clusters.get(at % base.clusters.len().max(1)).cloned() else { continue };
        // With a public address in public subnets, or behind NAT.
        let public = network.private.is_empty() || dice.one_in(4);
        let places = if public { &network.public } else { &network.private };
        let mut groups: BTreeSet<_> = [network.inner.clone()].into();
        if dice.one_in(3) {
            groups.insert(network.open.clone());
        }
        if network.theirs && dice.one_in(2) {
            groups.insert(Ref::existing(&build.around.outside.group));
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
            capacity_providers: capacity(dice),
            propagate_tags: dice.maybe(|dice| match dice.roll(3) {
                0 => PropagateTags::None,
                1 => PropagateTags::Service,
                _ => PropagateTags::TaskDefinition,
            }),
            managed_tags: dice.maybe(|dice| dice.one_in(2)),
            deployment,
        };
        let service = build.add(&format!("services/service/{n}-{at}"), service);
        if let Some(pair) = pair {
            code_deploy_group(build, dice, roles, service, pair);
        }
    }
    if dice.one_in(3) {
        let mut alone = written(build, dice, roles, base);
        if let (Some(container), Some(repository)) = (alone.containers.first_mut(), base.repositories.last()) {
            // A definition that no service runs may name an image that is not there.
            let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
            container.image = Image::Digest { repository: repository.clone(), digest };
        }
        build.add(&format!("services/task/{n}-alone"), alone);
    }
    if dice.one_in(4) {
        // Nothing in it needs a role.
        let mut bare = written(build, dice, roles, base);
        (bare.execution_role, bare.task_role) = (None, None);
        for container in &mut bare.containers {
            (container.image, container.logs) = (Image::Uri("nginx@sha256:${x}".into()), None);
            container.secrets.clear();
        }
        build.add(&format!("services/task/{n}-bare"), bare);
    }
}

/// All pairs of which Fargate has the least, the most, or something between.
const SIZES: &[(u32, u32)] = &[
    (256, 512),
    (256, 1024),
    (256, 2048),
    (512, 1024),
    (512, 4096),
    (1024, 2048),
    (1024, 8192),
    (2048, 5120),
    (4096, 8192),
    (4096, 30720),
    (8192, 20480),
    (16384, 122_880),
];

fn definition(
    build: &mut Build<'_>,
    dice: &mut Dice,
    roles: &Roles,
    base: &Base,
    address: &str,
) -> Ref<TaskDefinition> {
    let definition = written(build, dice, roles, base);
    build.add(address, definition)
}

/// Mostly the launch type; else one provider or both, at most one of them with a base.
fn capacity(dice: &mut Dice) -> std::collections::BTreeMap<CapacityProvider, Share> {
    if !dice.one_in(3) {
        return std::collections::BTreeMap::new();
    }
    let (base, weight, spot) = (dice.roll(3), dice.between(1, 100), dice.roll(10));
    let all = [
        (CapacityProvider::Fargate, Share { weight, base }),
        (CapacityProvider::FargateSpot, Share { weight: spot, base: 0 }),
    ];
    let only = dice.one_in(2);
    all.into_iter().take(if only { 1 } else { 2 }).collect()
}

fn written(build: &mut Build<'_>, dice: &mut Dice, roles: &Roles, base: &Base) -> TaskDefinition {
    let (cpu, memory) = dice.choose(SIZES).unwrap_or((256, 512));
    let mut containers = vec![container(build, dice, base, CONTAINER, &[CONTAINER_PORT])];
    if dice.one_in(2) {
        let mut side = container(build, dice, base, "side-Car", &[9000, 53]);
        side.essential = dice.one_in(2);
        containers.push(side);
    }
    if dice.one_in(4) {
        let mut quiet = container(build, dice, base, "3rd_null", &[]);
        (quiet.essential, quiet.cpu) = (false, None);
        containers.push(quiet);
    }
    if dice.one_in(3) {
        containers.rotate_left(1);
    }
    let role = |dice: &mut Dice| {
        let n = usize::try_from(dice.roll(3)).unwrap_or_default();
        roles.tasks.get(n % roles.tasks.len().max(1)).cloned()
    };
    TaskDefinition {
        family: parse(&build.name(dice, "task", "_", 200)),
        size: FargateSize::new(cpu, memory).expect("a legal pair"),
        execution_role: role(dice),
        task_role: dice.maybe(role).flatten(),
        cpu_architecture: dice.maybe(|dice| dice.choose(&[CpuArchitecture::X86_64, CpuArchitecture::Arm64])).flatten(),
        containers,
    }
}

fn container(build: &Build<'_>, dice: &mut Dice, base: &Base, name: &str, ports: &[u32]) -> Container {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    let (region, account) = (&build.around.region, &build.around.account);
    let repository = dice.choose(&[0, 1, 2]).and_then(|n: usize| base.repositories.get(n).cloned());
    let mut environment = BTreeMap::new();
    for (n, value) in dice.maybe(|dice| dice.some(ODD, 0)).unwrap_or_default().into_iter().enumerate() {
        let key = dice.word(&["A", "b.c-d", "FOR", "x y", "${k}", "ü"]);
        environment.insert(format!("{key}{n}"), value.to_owned());
    }
    if dice.one_in(4) {
        environment.insert("null".to_owned(), String::new());
    }
    let mut secrets = BTreeMap::new();
    for (name, what) in [
        ("SECRET", format!("ssm:{region}:{account}:parameter/{}/x", build.name)),
        ("KEY", format!("secretsmanager:{region}:{account}:secret:{}/y-AbCdEf:user name::", build.name)),
    ] {
        if dice.one_in(3) {
            secrets.insert(name.to_owned(), format!("arn:aws:{what}"));
        }
    }
    Container {
        name: parse(name),
        image: match repository {
            Some(repository) => Image::Tag { repository, tag: parse(dice.word(&OUTSIDE_TAGS)) },
            None => Image::Uri(dice.word(&["public.ecr.aws/nginx/nginx:stable", "nginx"]).to_owned()),
        },
        essential: true,
        ports: ports.iter().map(|number| port(*number)).collect(),
        command: dice.maybe(|dice| dice.some(ODD, 1).into_iter().map(str::to_owned).collect()),
        entry_point: dice.maybe(|dice| words(&["/entry", dice.word(ODD)])),
        environment,
        secrets,
        cpu: dice.maybe(|dice| dice.choose(&[0, 64, 128])).flatten(),
        memory: dice.maybe(|_| 256),
        logs: dice.maybe(|dice| AwsLogs {
            group: base.logs[usize::try_from(dice.roll(3)).unwrap_or_default() % base.logs.len()].clone(),
            region: region.clone(),
            stream_prefix: dice.word(&["app", "a/b ${c}", "%{d}"]).to_owned(),
        }),
        health_check: dice.maybe(|dice| ContainerHealthCheck {
            command: if dice.one_in(2) {
                words(&["CMD-SHELL", "curl -f http://localhost/ || exit 1"])
            } else {
                words(&["CMD", "test", dice.word(ODD)])
            },
            interval: dice.between(5, 300),
            timeout: dice.between(2, 60),
            retries: dice.between(1, 10),
            start_period: dice.maybe(|dice| dice.roll(301)),
        }),
        readonly_root_filesystem: dice.maybe(|dice| dice.one_in(2)),
        init_process: dice.maybe(|dice| dice.one_in(2)),
    }
}

/// What AWS has ready for ECS.
const PREDEFINED: &[&str] = &[
    "CodeDeployDefault.ECSAllAtOnce",
    "CodeDeployDefault.ECSLinear10PercentEvery1Minutes",
    "CodeDeployDefault.ECSLinear10PercentEvery3Minutes",
    "CodeDeployDefault.ECSCanary10Percent5Minutes",
    "CodeDeployDefault.ECSCanary10Percent15Minutes",
];

fn code_deploy_group(
    build: &mut Build<'_>,
    dice: &mut Dice,
    roles: &Roles,
    service: Ref<EcsService>,
    pair: target_group::TargetGroupPair,
) {
    let group = dice.word(&["code-deploy", "deploy.x"]);
    let application = if dice.one_in(5) {
        Ref::existing(&build.around.outside.application)
    } else {
        let application = CodeDeployApplication { name: parse(&build.name(dice, "App", "@", 90)) };
        let address = build.free(group, "application");
        build.add(&address, application)
    };
    let config = match dice.roll(6) {
        0 | 1 => Ref::existing(dice.word(PREDEFINED)),
        kind => {
            let (percent, minutes) = (dice.between(1, 99), dice.between(1, 60));
            let routing = match kind {
                2 => TrafficRouting::AllAtOnce,
                3 | 4 => TrafficRouting::Canary { percent, minutes },
                _ => TrafficRouting::Linear { percent, minutes },
            };
            let address = build.free(group, "config");
            let name = format!("{}-{}{}", build.name, dice.word(&["steps", "Slow.ly=", "+"]), build.taken);
            build.add(&address, DeploymentConfig { name: parse(&name), routing })
        }
    };
    let alarms = ["shop-5xx", "an alarm \"x\" ${y}", "%{z} \\ ü"].map(str::to_owned);
    let events = [RollbackEvent::Failure, RollbackEvent::Alarm, RollbackEvent::Request];
    let alarms: BTreeSet<String> = dice.some(&alarms, 0).into_iter().collect();
    let roles = &roles.code_deploy;
    let role = usize::try_from(dice.roll(3)).unwrap_or_default() % roles.len();
    let deployment_group = DeploymentGroup {
        name: parse(&build.name(dice, "group", "+", 90)),
        application,
        role: roles[role].clone(),
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
    let address = build.free(group, "group");
    build.add(&address, deployment_group);
}

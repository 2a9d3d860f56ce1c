//! Repository, logs, cluster, discovery, task definitions, services, and CodeDeploy.

use aomidori_model::kinds::deployment_config::TrafficRouting;
use aomidori_model::kinds::deployment_group::ReadyOption;
use aomidori_model::kinds::ecr_repository::{Encryption, TagMutability};
use aomidori_model::kinds::ecs_service::{CircuitBreaker, Deployment, PairTarget, Rolling, ServiceTarget, Share};
use aomidori_model::kinds::target_group::TargetGroupPair;
use aomidori_model::kinds::task_definition::{AwsLogs, Container, ContainerHealthCheck, Image};
use aomidori_model::kinds::{
    CodeDeployApplication, DeploymentConfig, DeploymentGroup, DiscoveryService, EcrRepository, EcsCluster, EcsService,
    LogGroup, PrivateDnsNamespace, TargetGroup, TaskDefinition,
};
use aomidori_model::value::Target;
use aomidori_model::{Port, Ref};

use super::{Cx, attribute, point, points};
use crate::EmitError;
use crate::inputs::{
    CONFIG_NAME, DESIRED_COUNT, FORCE_DELETE, IMAGE_TAG, PLATFORM_VERSION, REPOSITORY_NAME, REROUTE_WAIT, RETENTION,
    TASK_SIZE, TERMINATE_WAIT,
};
use crate::ir::{Gather, Id, Ignore, Item, Node};

pub(super) fn repository(cx: &mut Cx<'_>, it: &EcrRepository) {
    let EcrRepository { name, mutability, encryption, scan_on_push, lifecycle } = it;
    let name = if crate::names::mentions(name.as_str(), cx.stack.name().as_str()) {
        Node::Name(name.to_string())
    } else {
        Node::input(&REPOSITORY_NAME, Node::str(name.as_str()))
    };
    let encryption = match encryption {
        Encryption::Aes256 => vec![Item::Attr("encryption_type", Node::str("AES256"))],
        Encryption::Kms(key) => {
            vec![Item::Attr("encryption_type", Node::str("KMS")), Item::Attr("kms_key", Node::str(key))]
        }
    };
    let mutability = match mutability {
        TagMutability::Mutable => "MUTABLE",
        TagMutability::Immutable => "IMMUTABLE",
    };
    let body = vec![
        Item::Attr("name", name),
        Item::Attr("image_tag_mutability", Node::str(mutability)),
        // An import cannot read it, and would change it: who imports says it later.
        Item::Attr("force_delete", Node::input(&FORCE_DELETE, Node::Bool(!cx.importing))),
        Item::Gap,
        Item::Block("encryption_configuration", encryption),
        Item::Gap,
        Item::Block("image_scanning_configuration", vec![Item::Attr("scan_on_push", Node::Bool(*scan_on_push))]),
        Item::Gap,
        cx.plain_tags(),
    ];
    cx.add(cx.main("repository", "main", Gather::Alone, body));
    if let Some(policy) = lifecycle {
        let json = from_json(&policy.to_aws());
        let body = vec![
            Item::Attr("repository", Node::Ref(Id::of("aws_ecr_repository", cx.address), "name")),
            Item::Attr("policy", Node::Call("jsonencode", vec![json])),
        ];
        let id = Id::part("aws_ecr_lifecycle_policy", cx.address, "lifecycle");
        let instance = cx.instance(id, "lifecycle_policy", "main", Gather::Alone, body);
        cx.add(instance);
    }
}

fn from_json(json: &serde_json::Value) -> Node {
    match json {
        serde_json::Value::Null => Node::Null,
        serde_json::Value::Bool(flag) => Node::Bool(*flag),
        serde_json::Value::Number(number) => number.as_i64().map_or_else(|| Node::str(number.to_string()), Node::Int),
        serde_json::Value::String(text) => Node::str(text),
        serde_json::Value::Array(items) => Node::List(items.iter().map(from_json).collect()),
        serde_json::Value::Object(map) => {
            Node::Map(map.iter().map(|(key, value)| (key.clone(), from_json(value))).collect())
        }
    }
}

pub(super) fn log_group(cx: &mut Cx<'_>, it: &LogGroup) {
    let LogGroup { name, retention_in_days } = it;
    let days = Node::opt(*retention_in_days, |days| Node::input(&RETENTION, Node::Int(days.into())));
    let body = vec![
        Item::Attr("name", Node::Name(name.to_string())),
        Item::Attr("retention_in_days", days),
        Item::Gap,
        cx.plain_tags(),
    ];
    cx.add(cx.main("log_group", "main", Gather::Shape, body));
}

pub(super) fn cluster(cx: &mut Cx<'_>, it: &EcsCluster) {
    let EcsCluster { name, container_insights } = it;
    let mut body = vec![Item::Attr("name", Node::Name(name.to_string()))];
    if let Some(insights) = container_insights {
        body.extend([
            Item::Gap,
            Item::Block(
                "setting",
                vec![
                    Item::Attr("name", Node::str("containerInsights")),
                    Item::Attr("value", Node::str(insights.as_str())),
                ],
            ),
        ]);
    }
    body.extend([Item::Gap, cx.plain_tags()]);
    cx.add(cx.main("cluster", "main", Gather::Alone, body));
}

pub(super) fn namespace(cx: &mut Cx<'_>, it: &PrivateDnsNamespace) {
    let PrivateDnsNamespace { name, vpc, description } = it;
    let body = vec![
        Item::Attr("name", Node::Name(name.to_string())),
        Item::Attr("vpc", point(vpc)),
        Item::Attr("description", Node::opt(description.as_ref(), Node::str)),
        Item::Gap,
        cx.plain_tags(),
    ];
    cx.add(cx.main("namespace", "main", Gather::Alone, body));
}

pub(super) fn discovery_service(cx: &mut Cx<'_>, it: &DiscoveryService) {
    let DiscoveryService { name, namespace, ttl, routing, custom_health_check } = it;
    let mut body = vec![
        Item::Attr("name", Node::Name(name.to_string())),
        Item::Gap,
        Item::Block(
            "dns_config",
            vec![
                Item::Attr("namespace_id", point(namespace)),
                Item::Attr("routing_policy", Node::str(routing.as_str())),
                Item::Gap,
                Item::Block(
                    "dns_records",
                    vec![Item::Attr("type", Node::str("A")), Item::Attr("ttl", Node::Int((*ttl).into()))],
                ),
            ],
        ),
    ];
    if *custom_health_check {
        let threshold = vec![Item::Attr("failure_threshold", Node::Int(1))];
        body.extend([Item::Gap, Item::Block("health_check_custom_config", threshold)]);
    }
    body.extend([Item::Gap, cx.plain_tags()]);
    cx.add(cx.main("discovery_service", "main", Gather::Shape, body));
}

pub(super) fn task_definition(cx: &mut Cx<'_>, it: &TaskDefinition) {
    let TaskDefinition { family, size, execution_role, task_role, cpu_architecture, containers } = it;
    let size = Node::input(
        &TASK_SIZE,
        Node::Map(vec![
            ("cpu".into(), Node::Int(size.cpu().into())),
            ("memory".into(), Node::Int(size.memory().into())),
        ]),
    );
    let mut body = vec![
        Item::Attr("family", Node::Name(family.to_string())),
        Item::Attr("cpu", Node::Member(Box::new(size.clone()), "cpu")),
        Item::Attr("memory", Node::Member(Box::new(size), "memory")),
        Item::Attr("network_mode", Node::str("awsvpc")),
        Item::Attr("requires_compatibilities", Node::strs(["FARGATE"])),
        Item::Attr("execution_role_arn", Node::opt(execution_role.as_ref(), point)),
        Item::Attr("task_role_arn", Node::opt(task_role.as_ref(), point)),
    ];
    if let Some(architecture) = cpu_architecture {
        let platform = vec![
            Item::Attr("operating_system_family", Node::str("LINUX")),
            Item::Attr("cpu_architecture", Node::str(architecture.as_str())),
        ];
        body.extend([Item::Gap, Item::Block("runtime_platform", platform)]);
    }
    let written = containers.iter().map(|it| container(cx, it)).collect();
    body.extend([
        Item::Gap,
        Item::Attr("container_definitions", Node::Call("jsonencode", vec![Node::List(written)])),
        Item::Gap,
        cx.plain_tags(),
    ]);
    cx.add(cx.main("task_definition", "task_definitions", Gather::Shape, body));
}

fn container(cx: &mut Cx<'_>, it: &Container) -> Node {
    let Container {
        name,
        image,
        essential,
        ports,
        command,
        entry_point,
        environment,
        secrets,
        cpu,
        memory,
        logs,
        health_check,
        readonly_root_filesystem,
        init_process,
    } = it;
    let mut map: Vec<(String, Node)> = Vec::new();
    let mut add = |key: &str, value: Node| {
        if value != Node::Null {
            map.push((key.to_owned(), value));
        }
    };
    let pairs = |pairs: &std::collections::BTreeMap<String, String>, value_key: &str| {
        if pairs.is_empty() {
            return Node::Null;
        }
        Node::List(
            pairs
                .iter()
                .map(|(key, value)| {
                    Node::Map(vec![("name".into(), Node::str(key)), (value_key.to_owned(), Node::str(value))])
                })
                .collect(),
        )
    };
    add("name", Node::str(name.as_str()));
    add("image", image_uri(cx, image));
    add("essential", Node::Bool(*essential));
    if !ports.is_empty() {
        let port = |port: &Port| {
            Node::Map(vec![
                ("containerPort".into(), Node::Int(port.number().into())),
                ("hostPort".into(), Node::Int(port.number().into())),
                ("protocol".into(), Node::str("tcp")),
            ])
        };
        add("portMappings", Node::List(ports.iter().map(port).collect()));
    }
    add("command", Node::opt(command.as_ref(), |words| Node::strs(words.iter().cloned())));
    add("entryPoint", Node::opt(entry_point.as_ref(), |words| Node::strs(words.iter().cloned())));
    add("environment", pairs(environment, "value"));
    add("secrets", pairs(secrets, "valueFrom"));
    add("cpu", Node::opt(*cpu, |cpu| Node::Int(cpu.into())));
    add("memory", Node::opt(*memory, |memory| Node::Int(memory.into())));
    if let Some(AwsLogs { group, region, stream_prefix }) = logs {
        let options = Node::Map(vec![
            ("awslogs-group".into(), point(group)),
            ("awslogs-region".into(), Node::Name(region.clone())),
            ("awslogs-stream-prefix".into(), Node::str(stream_prefix)),
        ]);
        let configuration = vec![("logDriver".into(), Node::str("awslogs")), ("options".into(), options)];
        add("logConfiguration", Node::Map(configuration));
    }
    if let Some(ContainerHealthCheck { command, interval, timeout, retries, start_period }) = health_check {
        let mut check = vec![
            ("command".into(), Node::strs(command.iter().cloned())),
            ("interval".into(), Node::Int((*interval).into())),
            ("timeout".into(), Node::Int((*timeout).into())),
            ("retries".into(), Node::Int((*retries).into())),
        ];
        if let Some(seconds) = start_period {
            check.push(("startPeriod".into(), Node::Int((*seconds).into())));
        }
        add("healthCheck", Node::Map(check));
    }
    add("readonlyRootFilesystem", Node::opt(*readonly_root_filesystem, Node::Bool));
    if let Some(init) = init_process {
        add("linuxParameters", Node::Map(vec![("initProcessEnabled".into(), Node::Bool(*init))]));
    }
    Node::Map(map)
}

fn image_uri(cx: &mut Cx<'_>, image: &Image) -> Node {
    let mut url = |repository: &Ref<EcrRepository>| match repository.target() {
        Target::Address(_) => attribute(repository, "repository_url"),
        Target::Id(name) => Node::Ref(cx.existing("aws_ecr_repository", "name", name, "repository"), "repository_url"),
    };
    match image {
        Image::Tag { repository, tag } => {
            Node::Join(vec![url(repository), Node::str(":"), Node::input(&IMAGE_TAG, Node::str(tag.as_str()))])
        }
        Image::Digest { repository, digest } => Node::Join(vec![url(repository), Node::str("@"), Node::str(digest)]),
        Image::Uri(uri) => Node::str(uri),
    }
}

pub(super) fn service(cx: &mut Cx<'_>, it: &EcsService) {
    let EcsService {
        name,
        cluster,
        task_definition,
        desired_count,
        subnets,
        security_groups,
        assign_public_ip,
        platform_version,
        enable_execute_command,
        health_check_grace_period,
        capacity_providers,
        propagate_tags,
        managed_tags,
        deployment,
    } = it;
    let mut body = vec![
        Item::Attr("name", Node::Name(name.to_string())),
        Item::Attr("cluster", point(cluster)),
        Item::Why("Named as an import reads it: an ARN would be a change."),
        Item::Attr("task_definition", revision(task_definition)),
        Item::Attr(
            "desired_count",
            Node::opt(*desired_count, |count| Node::input(&DESIRED_COUNT, Node::Int(count.into()))),
        ),
        Item::Attr("launch_type", Node::opt(capacity_providers.is_empty().then_some("FARGATE"), Node::str)),
        Item::Attr(
            "platform_version",
            // LATEST is what AWS takes by itself, and reads back as a number.
            Node::opt(platform_version.as_ref().filter(|version| *version != "LATEST"), |version| {
                Node::input(&PLATFORM_VERSION, Node::str(version))
            }),
        ),
        Item::Attr("enable_execute_command", Node::opt(*enable_execute_command, Node::Bool)),
        Item::Attr(
            "health_check_grace_period_seconds",
            Node::opt(*health_check_grace_period, |seconds| Node::Int(seconds.into())),
        ),
        Item::Attr("propagate_tags", Node::opt(*propagate_tags, |from| Node::str(from.as_str()))),
        Item::Attr("enable_ecs_managed_tags", Node::opt(*managed_tags, Node::Bool)),
    ];
    let registered = |group: &Ref<TargetGroup>, container: &str, port: Port| {
        Item::Block(
            "load_balancer",
            vec![
                Item::Attr("target_group_arn", point(group)),
                Item::Attr("container_name", Node::str(container)),
                Item::Attr("container_port", Node::Int(port.number().into())),
            ],
        )
    };
    let mut blocks = Vec::new();
    for (provider, Share { weight, base }) in capacity_providers {
        let mut share = vec![
            Item::Attr("capacity_provider", Node::str(provider.as_str())),
            Item::Attr("weight", Node::Int((*weight).into())),
        ];
        if *base > 0 {
            share.push(Item::Attr("base", Node::Int((*base).into())));
        }
        blocks.extend([Item::Gap, Item::Block("capacity_provider_strategy", share)]);
    }
    let registered_as = |registry: &Ref<DiscoveryService>| {
        [Item::Gap, Item::Block("service_registries", vec![Item::Attr("registry_arn", point(registry))])]
    };
    let mut ignore = Ignore::default();
    match deployment {
        Deployment::CodeDeploy { target: PairTarget { blue, green: _, container, port }, registry } => {
            blocks.extend([
                Item::Gap,
                Item::Block("deployment_controller", vec![Item::Attr("type", Node::str("CODE_DEPLOY"))]),
                Item::Gap,
                registered(blue, container.as_str(), *port),
            ]);
            blocks.extend(registry.iter().flat_map(registered_as));
            ignore = Ignore {
                reason: "CodeDeploy decides these with every deployment, and AWS refuses to change them otherwise.",
                fields: cx.owned(|name| name),
                ..Ignore::default()
            };
        }
        Deployment::Rolling(rolling) => {
            let Rolling { minimum_healthy_percent, maximum_percent, circuit_breaker, load_balancers, registry } =
                rolling;
            body.extend([
                Item::Attr("deployment_minimum_healthy_percent", Node::Int((*minimum_healthy_percent).into())),
                Item::Attr("deployment_maximum_percent", Node::Int((*maximum_percent).into())),
            ]);
            if let Some(CircuitBreaker { rollback }) = circuit_breaker {
                let breaker =
                    vec![Item::Attr("enable", Node::Bool(true)), Item::Attr("rollback", Node::Bool(*rollback))];
                blocks.extend([Item::Gap, Item::Block("deployment_circuit_breaker", breaker)]);
            }
            for ServiceTarget { target_group, container, port } in load_balancers {
                blocks.extend([Item::Gap, registered(target_group, container.as_str(), *port)]);
            }
            blocks.extend(registry.iter().flat_map(registered_as));
        }
    }
    if desired_count.is_none() {
        ignore.fields.push("desired_count");
        if ignore.reason.is_empty() {
            ignore.reason = "Something else scales the service.";
        }
    }
    body.extend([
        Item::Gap,
        Item::Block(
            "network_configuration",
            vec![
                Item::Attr("subnets", points(subnets)),
                Item::Attr("security_groups", points(security_groups)),
                Item::Attr("assign_public_ip", Node::Bool(*assign_public_ip)),
            ],
        ),
    ]);
    body.extend(blocks);
    body.extend([Item::Gap, cx.plain_tags()]);
    let mut service = cx.main("service", "main", Gather::Shape, body);
    service.ignore = ignore;
    service.named = true;
    cx.add(service);
}

/// A revision as `FAMILY:REVISION`: what an import reads, so that it changes nothing.
fn revision(definition: &Ref<TaskDefinition>) -> Node {
    match definition.target() {
        Target::Address(_) => {
            Node::Join(vec![attribute(definition, "family"), Node::str(":"), attribute(definition, "revision")])
        }
        Target::Id(arn) => Node::str(arn.rsplit('/').next().unwrap_or(arn)),
    }
}

pub(super) fn deployment_config(cx: &mut Cx<'_>, it: &DeploymentConfig) {
    let DeploymentConfig { name, routing } = it;
    let (kind, block, percent, minutes) = match routing {
        TrafficRouting::AllAtOnce => ("AllAtOnce", "", 0, 0),
        TrafficRouting::Canary { percent, minutes } => ("TimeBasedCanary", "time_based_canary", *percent, *minutes),
        TrafficRouting::Linear { percent, minutes } => ("TimeBasedLinear", "time_based_linear", *percent, *minutes),
    };
    let mut traffic = vec![Item::Attr("type", Node::str(kind))];
    if !block.is_empty() {
        let shift = vec![
            Item::Attr("interval", Node::Int(minutes.into())),
            Item::Attr("percentage", Node::Int(percent.into())),
        ];
        traffic.extend([Item::Gap, Item::Block(block, shift)]);
    }
    let body = vec![
        Item::Attr("deployment_config_name", Node::Name(name.to_string())),
        Item::Attr("compute_platform", Node::str("ECS")),
        Item::Gap,
        Item::Block("traffic_routing_config", traffic),
    ];
    cx.add(cx.main("deployment_config", "main", Gather::Shape, body));
}

pub(super) fn application(cx: &mut Cx<'_>, it: &CodeDeployApplication) {
    let CodeDeployApplication { name } = it;
    let body = vec![
        Item::Attr("name", Node::Name(name.to_string())),
        Item::Attr("compute_platform", Node::str("ECS")),
        Item::Gap,
        cx.plain_tags(),
    ];
    cx.add(cx.main("application", "main", Gather::Shape, body));
}

pub(super) fn deployment_group(cx: &mut Cx<'_>, it: &DeploymentGroup) -> Result<(), EmitError> {
    let DeploymentGroup {
        name,
        application,
        role,
        config,
        service,
        pair: TargetGroupPair { blue, green, production, test },
        ready,
        terminate_blue_after,
        auto_rollback,
        alarms,
    } = it;
    let config = match config.target() {
        Target::Address(_) => point(config),
        Target::Id(name) => Node::input(&CONFIG_NAME, Node::str(name)),
    };
    let mut body = vec![
        Item::Attr("app_name", point(application)),
        Item::Attr("deployment_group_name", Node::Name(name.to_string())),
        Item::Attr("service_role_arn", point(role)),
        Item::Attr("deployment_config_name", config),
        Item::Gap,
        Item::Block("ecs_service", ecs_service(cx, service)?),
        Item::Gap,
        Item::Block(
            "deployment_style",
            vec![
                Item::Attr("deployment_option", Node::str("WITH_TRAFFIC_CONTROL")),
                Item::Attr("deployment_type", Node::str("BLUE_GREEN")),
            ],
        ),
    ];
    let ready = match ready {
        ReadyOption::Continue => vec![Item::Attr("action_on_timeout", Node::str("CONTINUE_DEPLOYMENT"))],
        ReadyOption::Wait { minutes } => vec![
            Item::Attr("action_on_timeout", Node::str("STOP_DEPLOYMENT")),
            Item::Attr("wait_time_in_minutes", Node::input(&REROUTE_WAIT, Node::Int((*minutes).into()))),
        ],
    };
    let terminate = vec![
        Item::Attr("action", Node::str("TERMINATE")),
        Item::Attr(
            "termination_wait_time_in_minutes",
            Node::input(&TERMINATE_WAIT, Node::Int((*terminate_blue_after).into())),
        ),
    ];
    body.extend([
        Item::Gap,
        Item::Block(
            "blue_green_deployment_config",
            vec![
                Item::Block("deployment_ready_option", ready),
                Item::Gap,
                Item::Block("terminate_blue_instances_on_deployment_success", terminate),
            ],
        ),
    ]);
    let route = |name: &'static str, listener| {
        Item::Block(name, vec![Item::Attr("listener_arns", Node::List(vec![point(listener)]))])
    };
    let mut swing = vec![route("prod_traffic_route", production)];
    if let Some(test) = test {
        swing.extend([Item::Gap, route("test_traffic_route", test)]);
    }
    for side in [blue, green] {
        let name = match side.target() {
            Target::Address(_) => attribute(side, "name"),
            Target::Id(arn) => Node::str(arn.split('/').nth(1).unwrap_or(arn)),
        };
        swing.extend([Item::Gap, Item::Block("target_group", vec![Item::Attr("name", name)])]);
    }
    let pair = Item::Block("target_group_pair_info", swing);
    body.extend([Item::Gap, Item::Block("load_balancer_info", vec![pair])]);
    if !auto_rollback.is_empty() {
        let events = Node::strs(auto_rollback.iter().map(|event| event.as_str()));
        let rollback = vec![Item::Attr("enabled", Node::Bool(true)), Item::Attr("events", events)];
        body.extend([Item::Gap, Item::Block("auto_rollback_configuration", rollback)]);
    }
    if !alarms.is_empty() {
        let alarms =
            vec![Item::Attr("enabled", Node::Bool(true)), Item::Attr("alarms", Node::strs(alarms.iter().cloned()))];
        body.extend([Item::Gap, Item::Block("alarm_configuration", alarms)]);
    }
    body.extend([Item::Gap, cx.plain_tags()]);
    cx.add(cx.main("deployment_group", "main", Gather::Alone, body));
    Ok(())
}

/// Cluster and service by name: CodeDeploy takes no ARNs.
fn ecs_service(cx: &Cx<'_>, service: &Ref<EcsService>) -> Result<Vec<Item>, EmitError> {
    let (cluster, name) = match service.target() {
        Target::Id(arn) => {
            // arn:aws:ecs:REGION:ACCOUNT:service/CLUSTER/SERVICE
            let mut path = arn.split('/').skip(1);
            match (path.next(), path.next()) {
                (Some(cluster), Some(name)) => (Node::str(cluster), Node::str(name)),
                _ => return Err(cx.unsupported(format!("the service `{arn}`, whose ARN does not name its cluster"))),
            }
        }
        Target::Address(_) => {
            let Some((_, found)) = cx.stack.find(service) else {
                return Err(cx.unsupported("a service that is not in the stack"));
            };
            let cluster = match found.cluster.target() {
                Target::Address(_) => attribute(&found.cluster, "name"),
                Target::Id(arn) => Node::str(arn.rsplit('/').next().unwrap_or(arn)),
            };
            (cluster, attribute(service, "name"))
        }
    };
    Ok(vec![Item::Attr("cluster_name", cluster), Item::Attr("service_name", name)])
}

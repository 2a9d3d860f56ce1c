//! Groups `across`, `platform` and `discovery`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;

use aomidori_model::kinds::discovery_service::RoutingPolicy;
use aomidori_model::kinds::dns_record::Answer;
use aomidori_model::kinds::ecr_repository::{
    Encryption, Expiry, ImageSelection, LifecyclePolicy, LifecycleRule, TagMutability,
};
use aomidori_model::kinds::ecs_cluster::ContainerInsights;
use aomidori_model::kinds::listener::{Action, ListenerProtocol, Redirect};
use aomidori_model::kinds::load_balancer::Scheme;
use aomidori_model::kinds::target_group::{HealthCheck, TargetGroupPair};
use aomidori_model::kinds::{
    DiscoveryService, DnsRecord, EcrRepository, EcsCluster, IamPolicy, IamRole, Listener, LoadBalancer, LogGroup,
    PrivateDnsNamespace, TargetGroup,
};
use aomidori_model::policy::{PolicyDocument, PolicyResource, Statement};
use aomidori_model::{Port, Ref};

use crate::inputs::{InputError, Inputs};
use crate::network::Network;
use crate::place::Place;

/// What the services need of the platform.
pub(crate) struct Platform {
    pub(crate) repository: Ref<EcrRepository>,
    pub(crate) task_role: Ref<IamRole>,
    pub(crate) log_group: Ref<LogGroup>,
    pub(crate) cluster: Ref<EcsCluster>,
    pub(crate) pair: TargetGroupPair,
    pub(crate) discovery: BTreeMap<&'static str, Ref<DiscoveryService>>,
}

/// Parses a name made from the inputs; what is wrong with it is wrong with the product's name.
pub(crate) fn name<T: FromStr<Err: Display>>(text: impl AsRef<str>) -> Result<T, InputError> {
    text.as_ref().parse().map_err(|error: T::Err| InputError::Misfit { key: "product", reason: error.to_string() })
}

pub(crate) fn add(place: &mut Place<'_>, inputs: &Inputs, network: &Network) -> Result<Platform, InputError> {
    let prefix = inputs.stack_name()?;
    let repository = place.add("across/repository", repository(inputs)?);
    let task_role = roles(place, inputs)?;
    let log_group = place
        .add("platform/log-group", LogGroup { name: name(format!("/ecs/{prefix}"))?, retention_in_days: Some(30) });
    let cluster = EcsCluster { name: name(&prefix)?, container_insights: Some(ContainerInsights::Disabled) };
    let cluster = place.add("platform/cluster", cluster);
    let balancer = LoadBalancer {
        name: name(&prefix)?,
        scheme: Scheme::InternetFacing,
        subnets: network.public.clone(),
        security_groups: BTreeSet::from([network.public_group.clone()]),
        attributes: BTreeMap::new(),
    };
    let balancer = place.add("platform/load-balancer", balancer);
    let pair = pair(place, inputs, network, &balancer)?;
    if let (Some(zone), Some(domain)) = (&inputs.hosted_zone, &inputs.domain) {
        let answer = Answer::Cname { load_balancer: balancer, ttl: 300 };
        place.add("platform/dns-record", DnsRecord { zone: zone.clone(), name: domain.clone(), answer });
    }
    let discovery = discovery(place, inputs, network)?;
    Ok(Platform { repository, task_role, log_group, cluster, pair, discovery })
}

fn repository(inputs: &Inputs) -> Result<EcrRepository, InputError> {
    let keep = |priority, count, description: &str, select| LifecycleRule {
        priority,
        description: Some(description.to_owned()),
        select,
        expire: Expiry::CountMoreThan(count),
    };
    let prefix = |prefix: &str| ImageSelection::TagPrefixes(BTreeSet::from([prefix.to_owned()]));
    Ok(EcrRepository {
        name: name(format!("{}/maintenance", inputs.product))?,
        mutability: TagMutability::Mutable,
        encryption: Encryption::Aes256,
        scan_on_push: false,
        lifecycle: Some(LifecyclePolicy {
            generations: (inputs.generations > 0).then_some(inputs.generations),
            rules: vec![
                keep(1, 1, "Keep one untagged image", ImageSelection::Untagged),
                keep(2, 5, "Keep five images of main", prefix("main")),
                keep(3, 3, "Keep three images of develop", prefix("develop")),
            ],
        }),
    })
}

/// The role of the tasks: pulls images and writes logs, reads this environment's parameters, takes ECS Exec sessions.
fn roles(place: &mut Place<'_>, inputs: &Inputs) -> Result<Ref<IamRole>, InputError> {
    let prefix = inputs.stack_name()?;
    let region = &inputs.region;
    let parameters = Statement::allow(
        ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"],
        [PolicyResource::arn(format!("arn:aws:ssm:{region}:*:parameter/{prefix}/*"))],
    );
    let parameters = place.add(
        "platform/policy/parameter-read",
        IamPolicy {
            name: name(format!("{prefix}-parameter-read"))?,
            path: None,
            description: Some("Reads the environment's parameters".into()),
            document: PolicyDocument::of([parameters]),
        },
    );
    // The channels have no ARN to narrow this to (Service Authorization Reference, ssmmessages).
    let exec = Statement::allow(
        [
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        ],
        [PolicyResource::arn("*")],
    );
    let exec = place.add(
        "platform/policy/ecs-exec",
        IamPolicy {
            name: name(format!("{prefix}-ecs-exec"))?,
            path: None,
            description: Some("Takes ECS Exec sessions".into()),
            document: PolicyDocument::of([exec]),
        },
    );
    let managed = Ref::existing("arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy");
    let role = IamRole {
        name: name(format!("{prefix}-task-execution"))?,
        path: None,
        description: None,
        trust: PolicyDocument::trust_service("ecs-tasks.amazonaws.com"),
        managed_policies: BTreeSet::from([managed, parameters, exec]),
        inline_policies: BTreeMap::new(),
        max_session_duration: None,
    };
    Ok(place.add("platform/role/task-execution", role))
}

fn pair(
    place: &mut Place<'_>,
    inputs: &Inputs,
    network: &Network,
    balancer: &Ref<LoadBalancer>,
) -> Result<TargetGroupPair, InputError> {
    let prefix = inputs.stack_name()?;
    let mut side = |side: &str| -> Result<Ref<TargetGroup>, InputError> {
        let group = TargetGroup {
            name: name(format!("{prefix}-{side}"))?,
            vpc: network.vpc.clone(),
            port: Port::HTTP,
            health_check: HealthCheck { path: "/index.html".into(), ..HealthCheck::default() },
            attributes: BTreeMap::new(),
        };
        Ok(place.add(&format!("platform/target-group/{side}"), group))
    };
    let (blue, green) = (side("blue")?, side("green")?);
    let protocol = match &inputs.certificate_arn {
        Some(certificate) => ListenerProtocol::Https { certificate: certificate.clone(), ssl_policy: None },
        None => ListenerProtocol::Http,
    };
    let mut listen = |listener: &str, port: Port, protocol: ListenerProtocol, default_action: Action| {
        let resource = Listener { load_balancer: balancer.clone(), port, protocol, default_action };
        place.add(&format!("platform/listener/{listener}"), resource)
    };
    let forward = || Action::ForwardPair { blue: blue.clone(), green: green.clone() };
    let production_port = if inputs.certificate_arn.is_some() { Port::HTTPS } else { Port::HTTP };
    let production = listen("production", production_port, protocol.clone(), forward());
    let test = listen("test", Port::new(8080).unwrap_or(Port::HTTP), protocol, forward());
    if inputs.certificate_arn.is_some() {
        let to_https = Redirect {
            protocol: Some("HTTPS".into()),
            port: Some("443".into()),
            host: None,
            path: None,
            query: None,
            permanent: true,
        };
        listen("redirect", Port::HTTP, ListenerProtocol::Http, Action::Redirect(to_https));
    }
    Ok(TargetGroupPair { blue, green, production, test: Some(test) })
}

fn discovery(
    place: &mut Place<'_>,
    inputs: &Inputs,
    network: &Network,
) -> Result<BTreeMap<&'static str, Ref<DiscoveryService>>, InputError> {
    let namespace = PrivateDnsNamespace {
        name: name(format!("{}.internal", inputs.stack_name()?))?,
        vpc: network.vpc.clone(),
        description: None,
    };
    let namespace = place.add("discovery/namespace", namespace);
    ["frontend-bg", "backend-blue", "backend-green"]
        .into_iter()
        .map(|service| {
            let resource = DiscoveryService {
                name: name(service)?,
                namespace: namespace.clone(),
                ttl: 10,
                routing: RoutingPolicy::Multivalue,
                custom_health_check: true,
            };
            Ok((service, place.add(&format!("discovery/service/{service}"), resource)))
        })
        .collect()
}

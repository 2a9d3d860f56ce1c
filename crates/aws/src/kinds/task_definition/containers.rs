//! Containers of a task definition, to and from ECS.
//!
//! What ECS fills in for what was left out (aws-facts 2.17) is taken back, so that a definition reads as it was written.

use std::collections::BTreeSet;

use aomidori_engine::cloud::{CloudError, Want};
use aomidori_model::kinds::ecr_repository::repository_url;
use aomidori_model::kinds::task_definition::{AwsLogs, Container, ContainerHealthCheck, Image};
use aomidori_model::value::{Reference, Target};
use aomidori_model::{Port, Ref, ToValue, Value};
use aws_sdk_ecs::types::{
    ContainerDefinition, HealthCheck, KeyValuePair, LinuxParameters, LogConfiguration, LogDriver, PortMapping, Secret,
    TransportProtocol,
};

use crate::client::Cx;
use crate::services::{incomplete, signed, unsigned};
use crate::tags::Tags;

/// The tag that holds the image that the stack declared for a container, where `deploy` runs another one.
pub(crate) fn declared_image_tag(container: &str) -> String {
    aomidori_model::ownership::declared_image_key(container)
}

/// The image of a container as Docker writes it.
pub(crate) async fn image(cx: &Cx, container: &Container, w: Want<'_>) -> Result<String, CloudError> {
    let (Image::Tag { repository, .. } | Image::Digest { repository, .. }) = &container.image else {
        return resolved(container, &|_| None);
    };
    // A repository that is not the stack's is this account's.
    let theirs = match repository.target() {
        Target::Id(name) => Some(repository_url(&cx.identity().await?.account, &cx.region, name)),
        Target::Address(_) => None,
    };
    resolved(container, &|reference| theirs.clone().or_else(|| w.known.lookup(reference)))
}

/// The same, by what is known of references.
pub(super) fn resolved(
    container: &Container, lookup: &dyn Fn(&Reference) -> Option<String>) -> Result<String, CloudError> {
    match container.image.to_uri().resolve(&lookup) {
        Value::Str(uri) => Ok(uri),
        other => Err(CloudError::bug(format!("the image {other:?} is needed before its repository is known"))),
    }
}

/// A container for RegisterTaskDefinition, with this image.
pub(super) fn to_aws(container: &Container, image: String, w: Want<'_>) -> Result<ContainerDefinition, CloudError> {
    let Container {
        name,
        image: _,
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
    } = container;
    let ports = ports.iter().map(|port| {
        PortMapping::builder().container_port(i32::from(port.number())).protocol(TransportProtocol::Tcp).build()
    });
    let environment = environment.iter().map(|(key, value)| KeyValuePair::builder().name(key).value(value).build());
    let secrets = secrets
        .iter()
        .map(|(key, arn)| Secret::builder().name(key).value_from(arn).build().map_err(incomplete))
        .collect::<Result<Vec<_>, _>>()?;
    let logs = match logs {
        None => None,
        Some(AwsLogs { group, region, stream_prefix }) => Some(
            LogConfiguration::builder()
                .log_driver(LogDriver::Awslogs)
                .options("awslogs-group", w.known.id(group)?)
                .options("awslogs-region", region)
                .options("awslogs-stream-prefix", stream_prefix)
                .build()
                .map_err(incomplete)?,
        ),
    };
    let check = match health_check {
        None => None,
        Some(ContainerHealthCheck { command, interval, timeout, retries, start_period }) => Some(
            HealthCheck::builder()
                .set_command(Some(command.clone()))
                .interval(signed(*interval))
                .timeout(signed(*timeout))
                .retries(signed(*retries))
                .set_start_period(start_period.map(signed))
                .build()
                .map_err(incomplete)?,
        ),
    };
    let linux = init_process.map(|flag| LinuxParameters::builder().init_process_enabled(flag).build());
    Ok(ContainerDefinition::builder()
        .name(name.as_str())
        .image(image)
        .essential(*essential)
        .set_port_mappings(some(ports.collect()))
        .set_command(command.clone())
        .set_entry_point(entry_point.clone())
        .set_environment(some(environment.collect()))
        .set_secrets(some(secrets))
        .cpu(signed(cpu.unwrap_or_default()))
        .set_memory(memory.map(signed))
        .set_log_configuration(logs)
        .set_health_check(check)
        .set_readonly_root_filesystem(*readonly_root_filesystem)
        .set_linux_parameters(linux)
        .build())
}

fn some<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}

/// A live container in the form of the model's fields. An image that `deploy` put there is no drift: the one that the
/// stack declared is in a tag. What the model cannot say is named under `other`, and so is a difference.
pub(super) fn from_aws(live: &ContainerDefinition, tags: &Tags) -> Value {
    let name = live.name.clone().unwrap_or_default();
    let mut other = further(live);
    let image = tags.get(&declared_image_tag(&name)).cloned().or_else(|| live.image.clone()).unwrap_or_default();
    let mut ports = BTreeSet::new();
    for mapping in live.port_mappings() {
        let port =
            mapping.container_port.and_then(|port| u16::try_from(port).ok()).and_then(|port| Port::new(port).ok());
        match (port, &mapping.protocol) {
            (Some(port), None | Some(TransportProtocol::Tcp)) => {
                ports.insert(port);
            }
            _ => other.push("port_mappings"),
        }
    }
    let logs = live.log_configuration.as_ref().and_then(|logs| {
        let options = logs.options.as_ref()?;
        let option = |key: &str| options.get(key).cloned();
        let awslogs = logs.log_driver == LogDriver::Awslogs && options.len() == 3 && logs.secret_options().is_empty();
        let known = awslogs.then(|| {
            Some(AwsLogs {
                group: Ref::existing(option("awslogs-group")?),
                region: option("awslogs-region")?,
                stream_prefix: option("awslogs-stream-prefix")?,
            })
        });
        known.flatten()
    });
    if live.log_configuration.is_some() && logs.is_none() {
        other.push("log_configuration");
    }
    let Ok(parsed) = name.parse() else { return Value::str(name) };
    let container = Container {
        name: parsed,
        image: Image::Uri(image),
        essential: live.essential.unwrap_or(true),
        ports,
        command: live.command.clone(),
        entry_point: live.entry_point.clone(),
        environment: live
            .environment()
            .iter()
            .map(|pair| (pair.name.clone().unwrap_or_default(), pair.value.clone().unwrap_or_default()))
            .collect(),
        secrets: live.secrets().iter().map(|secret| (secret.name.clone(), secret.value_from.clone())).collect(),
        cpu: u32::try_from(live.cpu).ok(),
        memory: live.memory.and_then(|mib| u32::try_from(mib).ok()),
        logs,
        health_check: live.health_check.as_ref().map(|check| ContainerHealthCheck {
            command: check.command.clone(),
            interval: check.interval.map_or(30, |seconds| unsigned(Some(seconds))),
            timeout: check.timeout.map_or(5, |seconds| unsigned(Some(seconds))),
            retries: check.retries.map_or(3, |count| unsigned(Some(count))),
            start_period: check.start_period.filter(|seconds| *seconds > 0).map(|seconds| unsigned(Some(seconds))),
        }),
        readonly_root_filesystem: live.readonly_root_filesystem,
        init_process: live.linux_parameters.as_ref().and_then(|linux| linux.init_process_enabled),
    };
    let mut value = container.to_value();
    if let (Value::Map(map), false) = (&mut value, other.is_empty()) {
        map.insert("other".into(), other.iter().copied().map(Value::str).collect::<BTreeSet<_>>().to_value());
    }
    value
}

/// What a container has that the model cannot say.
fn further(live: &ContainerDefinition) -> Vec<&'static str> {
    let linux = live.linux_parameters.as_ref().is_some_and(|linux| {
        linux.capabilities.is_some()
            || !linux.devices().is_empty()
            || linux.shared_memory_size.is_some()
            || !linux.tmpfs().is_empty()
            || linux.max_swap.is_some()
            || linux.swappiness.is_some()
    });
    [
        ("repository_credentials", live.repository_credentials.is_some()),
        ("memory_reservation", live.memory_reservation.is_some()),
        ("links", !live.links().is_empty()),
        ("restart_policy", live.restart_policy.as_ref().is_some_and(|policy| policy.enabled)),
        ("environment_files", !live.environment_files().is_empty()),
        ("mount_points", !live.mount_points().is_empty()),
        ("volumes_from", !live.volumes_from().is_empty()),
        ("linux_parameters", linux),
        ("depends_on", !live.depends_on().is_empty()),
        ("start_timeout", live.start_timeout.is_some()),
        ("stop_timeout", live.stop_timeout.is_some()),
        ("hostname", live.hostname.is_some()),
        ("user", live.user.is_some()),
        ("working_directory", live.working_directory.is_some()),
        ("disable_networking", live.disable_networking == Some(true)),
        ("privileged", live.privileged == Some(true)),
        ("dns_servers", !live.dns_servers().is_empty()),
        ("dns_search_domains", !live.dns_search_domains().is_empty()),
        ("extra_hosts", !live.extra_hosts().is_empty()),
        ("docker_security_options", !live.docker_security_options().is_empty()),
        ("interactive", live.interactive == Some(true)),
        ("pseudo_terminal", live.pseudo_terminal == Some(true)),
        ("docker_labels", live.docker_labels().is_some_and(|labels| !labels.is_empty())),
        ("ulimits", !live.ulimits().is_empty()),
        ("system_controls", !live.system_controls().is_empty()),
        ("resource_requirements", !live.resource_requirements().is_empty()),
        ("firelens_configuration", live.firelens_configuration.is_some()),
        ("credential_specs", !live.credential_specs().is_empty()),
    ]
    .into_iter()
    .filter_map(|(name, is_there)| is_there.then_some(name))
    .collect()
}

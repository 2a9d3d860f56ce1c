//! What AWS refuses to register.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Register;
use crate::error::{Result, fail};
use crate::services::members::named;

/// Members of a container definition.
const KNOWN: &[&str] = &[
    "name",
    "image",
    "repositoryCredentials",
    "cpu",
    "memory",
    "memoryReservation",
    "links",
    "portMappings",
    "essential",
    "restartPolicy",
    "entryPoint",
    "command",
    "environment",
    "environmentFiles",
    "mountPoints",
    "volumesFrom",
    "linuxParameters",
    "secrets",
    "dependsOn",
    "startTimeout",
    "stopTimeout",
    "versionConsistency",
    "hostname",
    "user",
    "workingDirectory",
    "disableNetworking",
    "privileged",
    "readonlyRootFilesystem",
    "dnsServers",
    "dnsSearchDomains",
    "extraHosts",
    "dockerSecurityOptions",
    "interactive",
    "pseudoTerminal",
    "dockerLabels",
    "ulimits",
    "logConfiguration",
    "healthCheck",
    "systemControls",
    "resourceRequirements",
    "firelensConfiguration",
    "credentialSpecs",
];

/// A number of CPU units, from `256` or `.25 vCPU`.
pub(super) fn cpu(text: &str) -> Option<u64> {
    units(text, "vcpu", 1024.0)
}

/// A number of MiB, from `512` or `0.5 GB`.
pub(super) fn memory(text: &str) -> Option<u64> {
    units(text, "gb", 1024.0)
}

fn units(text: &str, unit: &str, factor: f64) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    match text.strip_suffix(unit) {
        None => text.parse().ok(),
        Some(number) => {
            let number: f64 = number.trim().parse().ok()?;
            ((0.0..1_000_000.0).contains(&number)).then_some((number * factor).round() as u64)
        }
    }
}

/// Whether Fargate has tasks of this size.
fn fargate_has(cpu: u64, memory: u64) -> bool {
    let steps = |from: u64, to: u64, step: u64| (from..=to).contains(&memory) && memory.is_multiple_of(step);
    match cpu {
        256 => [512, 1024, 2048].contains(&memory),
        512 => steps(1024, 4096, 1024),
        1024 => steps(2048, 8192, 1024),
        2048 => steps(4096, 16_384, 1024),
        4096 => steps(8192, 30_720, 1024),
        8192 => steps(16_384, 61_440, 4096),
        16_384 => steps(32_768, 122_880, 8192),
        _ => false,
    }
}

const CLIENT: &str = "ClientException";

pub(super) fn all(input: &Register) -> Result<()> {
    if input.container_definitions.is_empty() {
        return fail!(CLIENT, "Container list cannot be empty.");
    }
    if let Some(role) = [&input.task_role_arn, &input.execution_role_arn].into_iter().flatten().find(|r| !role_like(r))
    {
        return fail!(CLIENT, "Role is not valid: {role}");
    }
    if let Some(mode) = &input.network_mode
        && !["bridge", "host", "awsvpc", "none"].contains(&mode.as_str())
    {
        return fail!(CLIENT, "Invalid network mode: {mode}");
    }
    let known = ["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"];
    if let Some(other) = input.requires_compatibilities.iter().find(|c| !known.contains(&c.as_str())) {
        return fail!(CLIENT, "Invalid value for requiresCompatibilities: {other}");
    }
    let total_cpu = match input.cpu.as_deref().map(cpu) {
        Some(None) => return fail!(CLIENT, "Invalid 'cpu' setting for task."),
        Some(found) => found,
        None => None,
    };
    let total_memory = match input.memory.as_deref().map(memory) {
        Some(None) => return fail!(CLIENT, "Invalid 'memory' setting for task."),
        Some(found) => found,
        None => None,
    };
    containers(input, total_memory)?;
    if input.requires_compatibilities.iter().any(|c| c == "FARGATE") {
        fargate(input, total_cpu, total_memory)?;
    }
    Ok(())
}

fn role_like(text: &str) -> bool {
    match text.strip_prefix("arn:") {
        Some(rest) => rest.contains(":iam::") && rest.contains(":role/"),
        None => named(text, 1, 64, "+=,.@-_"),
    }
}

fn containers(input: &Register, total_memory: Option<u64>) -> Result<()> {
    let volumes: BTreeSet<&str> = input.volumes.iter().filter_map(|v| v["name"].as_str()).collect();
    let names: BTreeSet<&str> = input.container_definitions.iter().filter_map(|c| c.get("name")?.as_str()).collect();
    let mut ports = BTreeSet::new();
    for container in &input.container_definitions {
        if let Some(key) = container.keys().find(|k| !KNOWN.contains(&k.as_str())) {
            return fail!("InvalidParameterException", "Unknown parameter in containerDefinitions: {key}");
        }
        let get = |member: &str| container.get(member).unwrap_or(&Value::Null);
        let Some(name) = get("name").as_str().filter(|n| !n.is_empty()) else {
            return fail!(CLIENT, "Container.name should not be null or empty.");
        };
        if !named(name, 1, 255, "_-") {
            return fail!(CLIENT, "Container.name contains invalid characters: {name}");
        }
        if get("image").as_str().is_none_or(str::is_empty) {
            return fail!(CLIENT, "Container.image should not be null or empty.");
        }
        let (hard, soft) = (get("memory").as_u64(), get("memoryReservation").as_u64());
        if total_memory.is_none() && hard.is_none() && soft.is_none() {
            return fail!(
                CLIENT,
                "Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be specified."
            );
        }
        if let (Some(hard), Some(soft)) = (hard, soft)
            && soft > hard
        {
            return fail!(
                CLIENT,
                "Invalid setting for container '{name}'. 'memoryReservation' must not exceed 'memory'."
            );
        }
        if let (Some(total), Some(own)) = (total_memory, hard.or(soft))
            && own > total
        {
            return fail!(
                CLIENT,
                "Invalid setting for container '{name}'. The memory of a container must not exceed that of the task."
            );
        }
        port_mappings(input, container, name, &mut ports)?;
        for mount in get("mountPoints").as_array().into_iter().flatten() {
            let source = mount["sourceVolume"].as_str().unwrap_or_default();
            if !volumes.contains(source) {
                return fail!(CLIENT, "Unknown volume '{source}'.");
            }
        }
        for dependency in get("dependsOn").as_array().into_iter().flatten() {
            let on = dependency["containerName"].as_str().unwrap_or_default();
            if !names.contains(on) || on == name {
                return fail!(CLIENT, "Invalid 'dependsOn' setting for container '{name}'. Unknown container '{on}'.");
            }
        }
        log_configuration(get("logConfiguration"), name)?;
        for secret in get("secrets").as_array().into_iter().flatten() {
            if secret["name"].as_str().is_none() || secret["valueFrom"].as_str().is_none() {
                return fail!(CLIENT, "A secret must have 'name' and 'valueFrom'.");
            }
        }
        if !get("secrets").as_array().is_none_or(Vec::is_empty) && input.execution_role_arn.is_none() {
            return fail!(
                CLIENT,
                "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
            );
        }
    }
    if names.len() != input.container_definitions.len() {
        return fail!(CLIENT, "Container names must be unique.");
    }
    let essential = |c: &Map<String, Value>| c.get("essential").and_then(Value::as_bool).unwrap_or(true);
    if !input.container_definitions.iter().any(essential) {
        return fail!(CLIENT, "Invalid setting for containers. At least one container must be essential.");
    }
    Ok(())
}

fn port_mappings(
    input: &Register,
    container: &Map<String, Value>,
    name: &str,
    seen: &mut BTreeSet<(u64, String)>,
) -> Result<()> {
    let awsvpc = input.network_mode.as_deref() == Some("awsvpc");
    for mapping in container.get("portMappings").and_then(Value::as_array).into_iter().flatten() {
        let Some(port) = mapping["containerPort"].as_u64() else {
            if mapping["containerPortRange"].is_string() {
                continue;
            }
            return fail!(CLIENT, "Invalid 'containerPort' setting for container '{name}'");
        };
        let host = mapping["hostPort"].as_u64().unwrap_or(0);
        if !(1..=65_535).contains(&port) || host > 65_535 {
            return fail!(CLIENT, "Invalid 'containerPort' setting for container '{name}'");
        }
        if awsvpc && host != 0 && host != port {
            return fail!(
                CLIENT,
                "When networkMode=awsvpc, the host ports and container ports in port mappings must match."
            );
        }
        let protocol = mapping["protocol"].as_str().unwrap_or("tcp").to_owned();
        if !["tcp", "udp"].contains(&protocol.as_str()) {
            return fail!(CLIENT, "Invalid 'protocol' setting for container '{name}'");
        }
        if awsvpc && !seen.insert((port, protocol)) {
            return fail!(CLIENT, "Port mappings must be unique: the port {port} is mapped twice");
        }
    }
    Ok(())
}

fn log_configuration(log: &Value, name: &str) -> Result<()> {
    let Some(driver) = log["logDriver"].as_str() else {
        if log.is_object() {
            return fail!(CLIENT, "Log driver should not be null or empty for container '{name}'.");
        }
        return Ok(());
    };
    if driver == "awslogs" {
        for option in ["awslogs-group", "awslogs-region"] {
            if log["options"][option].as_str().is_none_or(str::is_empty) {
                return fail!(CLIENT, "Log driver awslogs requires options: {option}");
            }
        }
    }
    Ok(())
}

fn fargate(input: &Register, total_cpu: Option<u64>, total_memory: Option<u64>) -> Result<()> {
    if input.network_mode.as_deref() != Some("awsvpc") {
        return fail!(CLIENT, "Fargate only supports network mode ‘awsvpc’.");
    }
    let Some(cpu) = total_cpu else {
        return fail!(CLIENT, "Fargate requires that 'cpu' be defined at the task level.");
    };
    let Some(memory) = total_memory else {
        return fail!(CLIENT, "Fargate requires that 'memory' be defined at the task level.");
    };
    if !fargate_has(cpu, memory) {
        return fail!(CLIENT, "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory.");
    }
    if !input.placement_constraints.is_empty() {
        return fail!(CLIENT, "Fargate does not support task placement constraints.");
    }
    let mut own_cpu = 0;
    for container in &input.container_definitions {
        let get = |member: &str| container.get(member).unwrap_or(&Value::Null);
        own_cpu += get("cpu").as_u64().unwrap_or(0);
        if get("privileged").as_bool() == Some(true) {
            return fail!(CLIENT, "Fargate does not support 'privileged' containers.");
        }
        if !get("links").as_array().is_none_or(Vec::is_empty) {
            return fail!(CLIENT, "Links are not supported when networkMode=awsvpc.");
        }
        let (driver, image) =
            (get("logConfiguration")["logDriver"].as_str(), get("image").as_str().unwrap_or_default());
        if let Some(driver) = driver
            && !["awslogs", "splunk", "awsfirelens"].contains(&driver)
        {
            return fail!(CLIENT, "Invalid log driver for Fargate: {driver}");
        }
        if input.execution_role_arn.is_none() {
            if driver == Some("awslogs") {
                return fail!(
                    CLIENT,
                    "Fargate requires task definition to have execution role ARN to support log driver awslogs."
                );
            }
            if image.contains(".dkr.ecr.") && image.contains(".amazonaws.com/") {
                return fail!(
                    CLIENT,
                    "Fargate requires task definition to have execution role ARN to support ECR images."
                );
            }
        }
        if get("stopTimeout").as_u64().is_some_and(|s| s > 120) {
            return fail!(
                CLIENT,
                "Invalid 'stopTimeout' setting for container. The maximum is 120 seconds on Fargate."
            );
        }
    }
    if own_cpu > cpu {
        return fail!(CLIENT, "The total CPU of the containers ({own_cpu}) exceeds that of the task ({cpu}).");
    }
    if let Some(storage) = &input.ephemeral_storage
        && !storage["sizeInGiB"].as_u64().is_some_and(|s| (21..=200).contains(&s))
    {
        return fail!(CLIENT, "Ephemeral storage must be between 21 and 200 GiB.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(cpu("256"), Some(256));
        assert_eq!(cpu(".25 vCPU"), Some(256));
        assert_eq!(cpu("1 vcpu"), Some(1024));
        assert_eq!(memory("2GB"), Some(2048));
        assert_eq!(memory("0.5 GB"), Some(512));
        assert_eq!(cpu("much"), None);
        for (cpu, memory, there) in [
            (256, 512, true),
            (256, 1024, true),
            (256, 4096, false),
            (512, 512, false),
            (1024, 8192, true),
            (1024, 8193, false),
            (8192, 20_480, true),
            (8192, 17_408, false),
            (300, 512, false),
        ] {
            assert_eq!(fargate_has(cpu, memory), there, "{cpu} {memory}");
        }
    }
}

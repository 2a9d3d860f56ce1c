//! The form in which AWS stores a task definition: defaults are filled in, absent lists are empty ones, and lists whose
//! order means nothing come back in another.

use serde_json::{Map, Value, json};

use super::{Register, check};

fn container(mut container: Map<String, Value>, awsvpc: bool) -> Value {
    container.retain(|_, value| !value.is_null());
    let mut default = |member: &str, value: Value| {
        if !container.contains_key(member) {
            container.insert(member.to_owned(), value);
        }
    };
    default("cpu", json!(0));
    default("essential", json!(true));
    for list in ["portMappings", "environment", "mountPoints", "volumesFrom", "systemControls"] {
        default(list, json!([]));
    }
    // A list that was sent empty is not kept where absent ones are not written.
    for list in [
        "links",
        "entryPoint",
        "command",
        "secrets",
        "dependsOn",
        "dnsServers",
        "dnsSearchDomains",
        "extraHosts",
        "dockerSecurityOptions",
        "ulimits",
        "resourceRequirements",
        "environmentFiles",
        "credentialSpecs",
    ] {
        if container.get(list).and_then(Value::as_array).is_some_and(Vec::is_empty) {
            container.remove(list);
        }
    }
    if let Some(Value::Array(mappings)) = container.get_mut("portMappings") {
        for mapping in mappings.iter_mut() {
            let port = mapping["containerPort"].clone();
            if let Some(members) = mapping.as_object_mut() {
                members.entry("protocol").or_insert_with(|| json!("tcp"));
                let host = members.get("hostPort").and_then(Value::as_u64).unwrap_or(0);
                if awsvpc && host == 0 && port.is_u64() {
                    members.insert("hostPort".to_owned(), port);
                } else if host == 0 {
                    members.insert("hostPort".to_owned(), json!(0));
                }
            }
        }
        mappings.sort_by_key(|m| (m["containerPort"].as_u64(), m["protocol"].as_str().map(str::to_owned)));
    }
    for list in ["environment", "secrets"] {
        if let Some(Value::Array(items)) = container.get_mut(list) {
            items.sort_by_key(|item| item["name"].as_str().map(str::to_owned));
        }
    }
    if let Some(Value::Object(check)) = container.get_mut("healthCheck") {
        for (member, value) in [("interval", 30), ("timeout", 5), ("retries", 3)] {
            check.entry(member).or_insert_with(|| json!(value));
        }
    }
    if container.get("firelensConfiguration").is_some_and(Value::is_object) {
        container.entry("user").or_insert_with(|| json!("0"));
    }
    Value::Object(container)
}

/// Capabilities that an agent needs for this definition.
fn attributes(input: &Register) -> Vec<Value> {
    let any = |f: &dyn Fn(&Map<String, Value>) -> bool| input.container_definitions.iter().any(f);
    let awslogs = any(&|c| c.get("logConfiguration").is_some_and(|l| l["logDriver"] == "awslogs"));
    let ecr = any(&|c| c.get("image").and_then(Value::as_str).is_some_and(|i| i.contains(".dkr.ecr.")));
    let execution = input.execution_role_arn.is_some();
    let mut names = vec!["com.amazonaws.ecs.capability.docker-remote-api.1.18"];
    if awslogs {
        names.push("com.amazonaws.ecs.capability.logging-driver.awslogs");
        names.push("com.amazonaws.ecs.capability.docker-remote-api.1.19");
        if execution {
            names.push("ecs.capability.execution-role-awslogs");
        }
    }
    if ecr {
        names.push("com.amazonaws.ecs.capability.ecr-auth");
        if execution {
            names.push("ecs.capability.execution-role-ecr-pull");
        }
    }
    if input.task_role_arn.is_some() {
        names.push("com.amazonaws.ecs.capability.task-iam-role");
    }
    if input.network_mode.as_deref() == Some("awsvpc") {
        names.push("ecs.capability.task-eni");
    }
    if any(&|c| c.get("healthCheck").is_some_and(Value::is_object)) {
        names.push("ecs.capability.container-health-check");
    }
    names.into_iter().map(|name| json!({"name": name})).collect()
}

/// Everything but what numbering and time add.
pub(super) fn body(input: Register) -> Map<String, Value> {
    let awsvpc = input.network_mode.as_deref() == Some("awsvpc");
    let attributes = attributes(&input);
    let fits_fargate = awsvpc && input.cpu.is_some() && input.memory.is_some();
    let mut compatibilities = vec!["EC2"];
    if input.requires_compatibilities.iter().any(|c| c == "FARGATE") || fits_fargate {
        compatibilities.push("FARGATE");
    }
    let mut requires = input.requires_compatibilities;
    requires.sort();
    let containers: Vec<Value> = input.container_definitions.into_iter().map(|c| container(c, awsvpc)).collect();
    let volumes: Vec<Value> = input
        .volumes
        .into_iter()
        .map(|mut volume| {
            let plain = volume.as_object().is_some_and(|v| v.len() == 1);
            if plain {
                volume["host"] = json!({});
            }
            volume
        })
        .collect();
    let cpu = input.cpu.as_deref().and_then(check::cpu).map(|n| n.to_string());
    let memory = input.memory.as_deref().and_then(check::memory).map(|n| n.to_string());
    let all = json!({
        "containerDefinitions": containers,
        "taskRoleArn": input.task_role_arn,
        "executionRoleArn": input.execution_role_arn,
        "networkMode": input.network_mode.unwrap_or_else(|| "bridge".to_owned()),
        "volumes": volumes,
        "requiresAttributes": attributes,
        "placementConstraints": input.placement_constraints,
        "compatibilities": compatibilities,
        "requiresCompatibilities": if requires.is_empty() { None } else { Some(requires) },
        "cpu": cpu,
        "memory": memory,
        "pidMode": input.pid_mode,
        "ipcMode": input.ipc_mode,
        "proxyConfiguration": input.proxy_configuration,
        "inferenceAccelerators": if input.inference_accelerators.is_empty() { None } else { Some(input.inference_accelerators) },
        "ephemeralStorage": input.ephemeral_storage,
        "runtimePlatform": input.runtime_platform,
        "enableFaultInjection": input.enable_fault_injection,
    });
    match all {
        Value::Object(members) => members.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Map::new(),
    }
}

//! Each kind's specification in the stack file's form, from its observed fields.

use aomidori_model::{KindName, Value};
use serde_json::{Map, Value as Json, json};

use super::pairs::Pairs;
use super::usual;
use super::value::{self, Reader, policy, text_of};

/// The specification in the stack file's form; an error names the field that it cannot say.
pub(super) fn spec(kind: KindName, r: &Reader<'_>, pairs: &Pairs) -> Result<Json, String> {
    use KindName as K;
    Ok(match kind {
        K::Vpc => json!({
            "cidr": r.json("cidr_block"),
            "dns_support": r.json("enable_dns_support"),
            "dns_hostnames": r.json("enable_dns_hostnames"),
        }),
        K::Subnet => json!({
            "vpc": r.reference("vpc_id", K::Vpc)?,
            "cidr": r.json("cidr_block"),
            "zone": r.json("availability_zone"),
            "map_public_ip_on_launch": r.json("map_public_ip_on_launch"),
        }),
        K::InternetGateway => json!({ "vpc": r.reference("vpc_id", K::Vpc)? }),
        K::ElasticIp => json!({}),
        K::NatGateway => json!({
            "subnet": r.reference("subnet_id", K::Subnet)?,
            "address": r.reference("allocation_id", K::ElasticIp)?,
        }),
        K::RouteTable => json!({
            "vpc": r.reference("vpc_id", K::Vpc)?,
            "routes": routes(r)?,
            "subnets": r.references("association", K::Subnet)?,
        }),
        K::VpcEndpoint => json!({
            "vpc": r.reference("vpc_id", K::Vpc)?,
            "service_name": r.json("service_name"),
            "endpoint": match r.text("vpc_endpoint_type")? {
                "Gateway" => json!({ "gateway": { "route_tables": r.references("route_table_ids", K::RouteTable)? } }),
                "Interface" => json!({ "interface": {
                    "subnets": r.references("subnet_ids", K::Subnet)?,
                    "security_groups": r.references("security_group_ids", K::SecurityGroup)?,
                    "private_dns": r.json("private_dns_enabled"),
                } }),
                _ => return Err("vpc_endpoint_type".into()),
            },
            // One that the model cannot write stays undeclared, and so as it is.
            "policy": match r.value("policy") {
                open if usual::is_open_policy(open) => Json::Null,
                other => json!(policy(other)),
            },
        }),
        K::SecurityGroup => json!({
            "name": r.json("name"),
            "description": r.json("description"),
            "vpc": r.reference("vpc_id", K::Vpc)?,
            "open_egress": r.json("open_egress"),
        }),
        K::SecurityGroupRule => rule(r)?,
        K::EcrRepository => json!({
            "name": r.json("name"),
            "mutability": lower(r, "image_tag_mutability")?,
            "encryption": match r.text("encryption_configuration.encryption_type")? {
                "KMS" => json!({ "kms": r.json("encryption_configuration.kms_key") }),
                _ => json!("aes256"),
            },
            "scan_on_push": r.json("image_scanning_configuration.scan_on_push"),
            "lifecycle": value::lifecycle(r.value("lifecycle_policy"))?,
        }),
        K::IamPolicy => json!({
            "name": r.json("name"),
            "path": unless(r.json("path"), "/"),
            "description": r.json("description"),
            "document": policy(r.value("policy")).ok_or("policy")?,
        }),
        K::IamRole => json!({
            "name": r.json("name"),
            "path": unless(r.json("path"), "/"),
            "description": unless_empty(r.json("description")),
            "trust": policy(r.value("assume_role_policy")).ok_or("assume_role_policy")?,
            "managed_policies": r.references("managed_policy_arns", K::IamPolicy)?,
            "inline_policies": inline(r)?,
            "max_session_duration": r.json("max_session_duration"),
        }),
        K::LogGroup => json!({ "name": r.json("name"), "retention_in_days": r.json("retention_in_days") }),
        K::EcsCluster => json!({ "name": r.json("name"), "container_insights": r.json("setting.container_insights") }),
        K::LoadBalancer => json!({
            "name": r.json("name"),
            "scheme": if r.json("internal") == json!(true) { "internal" } else { "internet_facing" },
            "subnets": r.references("subnets", K::Subnet)?,
            "security_groups": r.references("security_groups", K::SecurityGroup)?,
            "attributes": usual::load_balancer(r.value("attributes")),
        }),
        K::TargetGroup => json!({
            "name": r.json("name"),
            "vpc": r.reference("vpc_id", K::Vpc)?,
            "port": r.json("port"),
            "health_check": {
                "path": r.json("health_check.path"),
                "matcher": r.json("health_check.matcher"),
                "port": match r.value("health_check.port") {
                    Value::Null => Json::Null,
                    _ => json!(r.text("health_check.port")?.parse::<u16>().map_err(|_| "health_check.port")?),
                },
                "interval": r.json("health_check.interval"),
                "timeout": r.json("health_check.timeout"),
                "healthy_threshold": r.json("health_check.healthy_threshold"),
                "unhealthy_threshold": r.json("health_check.unhealthy_threshold"),
            },
            "attributes": usual::target_group(r.value("attributes")),
        }),
        K::Listener => json!({
            "load_balancer": r.reference("load_balancer_arn", K::LoadBalancer)?,
            "port": r.json("port"),
            "protocol": match r.text("protocol")? {
                "HTTP" => json!("http"),
                "HTTPS" => json!({ "https": {
                    "certificate": r.json("certificate_arn"),
                    "ssl_policy": r.json("ssl_policy"),
                } }),
                _ => return Err("protocol".into()),
            },
            "default_action": action(r, pairs, &[r.id()])?,
        }),
        K::ListenerRule => {
            let listener = r.text("listener_arn")?;
            json!({
                "listener": r.reference("listener_arn", K::Listener)?,
                "priority": r.json("priority"),
                "conditions": value::conditions(r.value("condition"))?,
                "action": action(r, pairs, &[r.id(), listener])?,
            })
        }
        K::PrivateDnsNamespace => json!({
            "name": r.json("name"),
            "vpc": r.reference("vpc", K::Vpc)?,
            "description": unless_empty(r.json("description")),
        }),
        K::DiscoveryService => json!({
            "name": r.json("name"),
            "namespace": r.reference("namespace_id", K::PrivateDnsNamespace)?,
            "ttl": r.json("dns_config.dns_records.ttl"),
            "routing": lower(r, "dns_config.routing_policy")?,
            "custom_health_check": r.json("health_check_custom_config"),
        }),
        K::TaskDefinition => json!({
            "family": r.json("family"),
            "size": { "cpu": r.json("cpu"), "memory": r.json("memory") },
            "execution_role": r.optional("execution_role_arn", K::IamRole)?,
            "task_role": r.optional("task_role_arn", K::IamRole)?,
            "cpu_architecture": r.architecture(),
            "containers": value::containers(r)?,
        }),
        K::EcsService => service(r, pairs)?,
        K::CodeDeployApplication => json!({ "name": r.json("name") }),
        K::DeploymentGroup => group(r, pairs)?,
        K::DnsRecord => json!({
            "zone": r.json("zone_id"),
            "name": r.json("name"),
            "answer": match r.text("type")? {
                "CNAME" => json!({ "cname": { "load_balancer": r.balancer("records")?, "ttl": r.json("ttl") } }),
                "A" => json!({ "alias": {
                    "load_balancer": r.balancer("alias")?,
                    "evaluate_target_health": r.json("alias.evaluate_target_health"),
                } }),
                _ => return Err("type".into()),
            },
        }),
        K::DeploymentConfig => json!({
            "name": r.json("deployment_config_name"),
            "routing": value::routing(r.value("traffic_routing_config")).ok_or("traffic_routing_config")?,
        }),
    })
}

fn lower(r: &Reader<'_>, field: &str) -> Result<String, String> {
    r.text(field).map(str::to_ascii_lowercase)
}

/// Nothing is what AWS says with an empty text.
fn unless_empty(json: Json) -> Json {
    unless(json, "")
}

/// Undeclared where it is what AWS has where nobody said anything.
fn unless(json: Json, usual: &str) -> Json {
    if json == usual { Json::Null } else { json }
}

fn routes(r: &Reader<'_>) -> Result<Json, String> {
    let Value::Map(routes) = r.value("route") else { return Ok(json!({})) };
    let mut all = Map::new();
    for (to, via) in routes {
        let id = via.as_str().ok_or("route")?;
        let target = match id.split('-').next() {
            Some("igw") => json!({ "internet_gateway": r.point(KindName::InternetGateway, id) }),
            Some("nat") => json!({ "nat_gateway": r.point(KindName::NatGateway, id) }),
            _ => json!({ "other": id }),
        };
        all.insert(to.clone(), target);
    }
    Ok(Json::Object(all))
}

fn rule(r: &Reader<'_>) -> Result<Json, String> {
    let ports = json!([r.json("from_port"), r.json("to_port")]);
    Ok(json!({
        "group": r.reference("security_group_id", KindName::SecurityGroup)?,
        "direction": r.json("type"),
        "protocol": match r.text("ip_protocol")? {
            "tcp" => json!({ "tcp": ports }),
            "udp" => json!({ "udp": ports }),
            "icmp" => match (r.value("from_port"), r.value("to_port")) {
                (Value::Int(-1), _) => json!("icmp"),
                (kind, Value::Int(-1)) => json!({ "icmp_type": { "type": value::json(kind) } }),
                (kind, code) => json!({ "icmp_type": { "type": value::json(kind), "code": value::json(code) } }),
            },
            "-1" => json!("all"),
            _ => return Err("ip_protocol".into()),
        },
        "peer": match r.text("source_type")? {
            "cidr" => json!({ "cidr": r.json("cidr_ipv4") }),
            "cidr_ipv6" => json!({ "cidr_ipv6": r.json("cidr_ipv6") }),
            "security_group" => {
                json!({ "group": r.reference("referenced_security_group_id", KindName::SecurityGroup)? })
            }
            "prefix_list" => json!({ "prefix_list": r.json("prefix_list_id") }),
            _ => return Err("source_type".into()),
        },
        "description": r.json("description"),
    }))
}

fn inline(r: &Reader<'_>) -> Result<Json, String> {
    let Value::Map(policies) = r.value("inline_policy") else { return Ok(json!({})) };
    let all = policies.iter().map(|(name, document)| Some((name.clone(), policy(document)?)));
    all.collect::<Option<Map<String, Json>>>().map(Json::Object).ok_or_else(|| "inline_policy".into())
}

/// What a listener or rule does; `of` are the ARNs under which deployments may know it.
fn action(r: &Reader<'_>, pairs: &Pairs, of: &[&str]) -> Result<Json, String> {
    let group = |arn: &str| r.point(KindName::TargetGroup, arn);
    match r.text("action.type")? {
        "forward" => {
            let groups = forwards(r).ok_or("action.forward")?;
            if let Some((blue, green)) = pairs.around(of, &groups) {
                return Ok(json!({ "forward_pair": { "blue": group(blue), "green": group(green) } }));
            }
            Ok(match groups.as_slice() {
                [(only, _)] => json!({ "forward": group(only) }),
                several => {
                    let of = |(arn, weight): &(String, i64)| json!({ "target_group": group(arn), "weight": weight });
                    json!({ "forward_weighted": several.iter().map(of).collect::<Vec<_>>() })
                }
            })
        }
        "redirect" => value::redirect(r.value("action.redirect")).ok_or_else(|| "action.redirect".into()),
        "fixed-response" => {
            value::fixed(r.value("action.fixed_response")).ok_or_else(|| "action.fixed_response".into())
        }
        _ => Err("action.type".into()),
    }
}

/// The target groups of a forward, with their weights.
fn forwards(r: &Reader<'_>) -> Option<Vec<(String, i64)>> {
    match (r.value("action.forward_weights"), r.value("action.forward")) {
        (Value::Set(weights), _) => weights
            .iter()
            .map(|weight| match weight {
                Value::Map(map) => match map.get("weight") {
                    Some(Value::Int(weight)) => Some((text_of(map.get("target_group")?)?, *weight)),
                    _ => None,
                },
                _ => None,
            })
            .collect(),
        (_, Value::Set(groups)) => groups.iter().map(|group| Some((text_of(group)?, 1))).collect(),
        _ => None,
    }
}

fn service(r: &Reader<'_>, pairs: &Pairs) -> Result<Json, String> {
    let targets = match r.value("load_balancer") {
        Value::Set(targets) => targets.iter().cloned().collect(),
        _ => Vec::new(),
    };
    let target = |value: &Value| -> Option<(String, Json, Json)> {
        let Value::Map(map) = value else { return None };
        let arn = text_of(map.get("target_group_arn")?)?;
        Some((arn, value::json(map.get("container_name")?), value::json(map.get("container_port")?)))
    };
    let targets: Vec<(String, Json, Json)> =
        targets.iter().map(target).collect::<Option<_>>().ok_or("load_balancer")?;
    let group = |arn: &str| r.point(KindName::TargetGroup, arn);
    let deployment = match r.text("deployment_controller.type")? {
        "CODE_DEPLOY" => {
            let ((blue, green), (_, container, port)) =
                pairs.of_service(r.id()).zip(targets.first()).ok_or("deployment_controller.type")?;
            let side = json!({ "blue": group(blue), "green": group(green), "container": container, "port": port });
            json!({ "code_deploy": {
                "target": side,
                "registry": r.optional("service_registries", KindName::DiscoveryService)?,
            } })
        }
        "ECS" => {
            let balancers: Vec<Json> = targets
                .iter()
                .map(|(arn, container, port)| json!({ "target_group": group(arn), "container": container, "port": port }))
                .collect();
            json!({ "rolling": {
                "minimum_healthy_percent": r.json("deployment_minimum_healthy_percent"),
                "maximum_percent": r.json("deployment_maximum_percent"),
                "circuit_breaker": value::breaker(r.value("deployment_circuit_breaker")),
                "load_balancers": balancers,
                "registry": r.optional("service_registries", KindName::DiscoveryService)?,
            } })
        }
        _ => return Err("deployment_controller.type".into()),
    };
    let grace = if targets.is_empty() { Json::Null } else { r.json("health_check_grace_period_seconds") };
    Ok(json!({
        "name": r.json("name"),
        "cluster": r.reference("cluster", KindName::EcsCluster)?,
        "task_definition": r.reference("task_definition", KindName::TaskDefinition)?,
        "desired_count": r.json("desired_count"),
        "subnets": r.references("network_configuration.subnets", KindName::Subnet)?,
        "security_groups": r.references("network_configuration.security_groups", KindName::SecurityGroup)?,
        "assign_public_ip": r.json("network_configuration.assign_public_ip"),
        "platform_version": r.json("platform_version"),
        "enable_execute_command": r.json("enable_execute_command"),
        "health_check_grace_period": grace,
        "capacity_providers": capacity(r),
        "propagate_tags": match r.value("propagate_tags") {
            Value::Null => Json::Null,
            _ => json!(lower(r, "propagate_tags")?),
        },
        "managed_tags": r.json("enable_ecs_managed_tags"),
        "deployment": deployment,
    }))
}

/// The shares of capacity providers, by their names in the stack file.
fn capacity(r: &Reader<'_>) -> Json {
    let all = r.json("capacity_provider_strategy");
    let share = |item: &Json| {
        let name = item["capacity_provider"].as_str()?.to_ascii_lowercase();
        Some((name, json!({ "weight": item["weight"], "base": item["base"] })))
    };
    Json::Object(all.as_array().into_iter().flatten().filter_map(share).collect())
}

fn group(r: &Reader<'_>, pairs: &Pairs) -> Result<Json, String> {
    let service = r.text("ecs_service")?;
    let (blue, green) = pairs.of_service(service).ok_or("target_groups")?;
    let events = r.json("auto_rollback_configuration.events");
    let events = events.as_array().into_iter().flatten().filter_map(|event| match event.as_str()? {
        "DEPLOYMENT_FAILURE" => Some("failure"),
        "DEPLOYMENT_STOP_ON_ALARM" => Some("alarm"),
        "DEPLOYMENT_STOP_ON_REQUEST" => Some("request"),
        _ => None,
    });
    Ok(json!({
        "name": r.json("deployment_group_name"),
        "application": r.reference("app_name", KindName::CodeDeployApplication)?,
        "role": r.reference("service_role_arn", KindName::IamRole)?,
        "config": r.reference("deployment_config_name", KindName::DeploymentConfig)?,
        "service": r.reference("ecs_service", KindName::EcsService)?,
        "pair": {
            "blue": r.point(KindName::TargetGroup, blue),
            "green": r.point(KindName::TargetGroup, green),
            "production": r.reference("prod_traffic_route", KindName::Listener)?,
            "test": r.optional("test_traffic_route", KindName::Listener)?,
        },
        "ready": match r.text("deployment_ready_option.action_on_timeout")? {
            "STOP_DEPLOYMENT" => {
                json!({ "wait": { "minutes": r.json("deployment_ready_option.wait_time_in_minutes") } })
            }
            _ => json!("continue"),
        },
        "terminate_blue_after":
            r.json("terminate_blue_instances_on_deployment_success.termination_wait_time_in_minutes"),
        "auto_rollback": events.collect::<Vec<_>>(),
        "alarms": r.json("alarm_configuration.alarms"),
    }))
}

//! Target groups.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::attributes::{Attribute, NETWORK_TARGET_GROUP, TARGET_GROUP, Table};
use super::target::Target;
use super::validate::{check_enum, check_name, check_range, check_tags, invalid, json};
use super::{State, forward, listed, load_balancer};
use crate::clock::Time;
use crate::error::{ApiError, Result};
use crate::services::ecs;
use crate::tags::{Tag, Tags};
use crate::world::Cx;

/// A target group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TargetGroup {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) protocol: String,
    pub(crate) protocol_version: Option<String>,
    pub(crate) port: u16,
    pub(crate) vpc_id: String,
    /// `ip` or `instance`.
    pub(crate) target_type: String,
    pub(crate) health_check: HealthCheck,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) tags: Tags,
    /// By `address:port`.
    pub(crate) targets: BTreeMap<String, Target>,
    /// Behind a load balancer, since when: only then are targets checked.
    pub(crate) used_since: Option<Time>,
}

/// How targets are checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct HealthCheck {
    pub(crate) protocol: String,
    /// `traffic-port`, or a number.
    pub(crate) port: String,
    pub(crate) path: Option<String>,
    /// HTTP status codes: `200`, `200,202`, `200-299`.
    pub(crate) matcher: Option<String>,
    pub(crate) interval: u32,
    pub(crate) timeout: u32,
    pub(crate) healthy: u32,
    pub(crate) unhealthy: u32,
}

impl TargetGroup {
    fn table(&self) -> &'static Table {
        if is_http(&self.protocol) { &TARGET_GROUP } else { &NETWORK_TARGET_GROUP }
    }

    /// For how long a target drains.
    pub(crate) fn deregistration_delay(&self) -> u64 {
        self.table().get(&self.attributes, "deregistration_delay.timeout_seconds").parse().unwrap_or(300)
    }

    /// Whether it is for application load balancers.
    pub(super) fn is_http(&self) -> bool {
        is_http(&self.protocol)
    }
}

fn is_http(protocol: &str) -> bool {
    protocol == "HTTP" || protocol == "HTTPS"
}

fn render(state: &State, group: &TargetGroup) -> Value {
    let check = &group.health_check;
    let grpc = group.protocol_version.as_deref() == Some("GRPC");
    json!({
        "TargetGroupArn": group.arn,
        "TargetGroupName": group.name,
        "Protocol": group.protocol,
        "Port": group.port,
        "VpcId": group.vpc_id,
        "HealthCheckProtocol": check.protocol,
        "HealthCheckPort": check.port,
        "HealthCheckEnabled": true,
        "HealthCheckIntervalSeconds": check.interval,
        "HealthCheckTimeoutSeconds": check.timeout,
        "HealthyThresholdCount": check.healthy,
        "UnhealthyThresholdCount": check.unhealthy,
        "HealthCheckPath": check.path,
        "Matcher": check.matcher.as_ref().map(|codes| if grpc { json!({"GrpcCode": codes}) } else { json!({"HttpCode": codes}) }),
        "LoadBalancerArns": forward::load_balancers_of(state, &group.arn),
        "TargetType": group.target_type,
        "ProtocolVersion": group.protocol_version,
        "IpAddressType": "ipv4",
    })
}

/// The target group with this ARN.
pub(super) fn find<'a>(state: &'a mut State, arn: &str) -> Result<&'a mut TargetGroup> {
    check_arn(arn)?;
    match state.target_groups.get_mut(arn) {
        Some(group) => Ok(group),
        None => Err(not_found(arn)),
    }
}

pub(super) fn check_arn(arn: &str) -> Result<()> {
    if arn.starts_with("arn:") && arn.contains(":targetgroup/") {
        return Ok(());
    }
    Err(invalid(format!("'{arn}' is not a valid target group ARN")))
}

pub(super) fn not_found(arn: &str) -> ApiError {
    ApiError::new("TargetGroupNotFound", format!("Target groups '{arn}' not found"))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Matcher {
    http_code: Option<String>,
    grpc_code: Option<String>,
}

/// What Create and Modify have in common.
struct Checks {
    protocol: Option<String>,
    port: Option<String>,
    enabled: Option<bool>,
    path: Option<String>,
    interval: Option<u32>,
    timeout: Option<u32>,
    healthy: Option<u32>,
    unhealthy: Option<u32>,
    matcher: Option<Matcher>,
}

/// Lays what was sent over what is there.
fn merge(mut check: HealthCheck, new: Checks, http: bool, grpc: bool) -> Result<HealthCheck> {
    if new.enabled == Some(false) {
        return Err(invalid("Health checks can only be disabled for target groups with target type 'lambda'"));
    }
    if let Some(protocol) = new.protocol {
        check_enum("healthCheckProtocol", &protocol, &["HTTP", "HTTPS", "TCP"])?;
        if http && protocol == "TCP" {
            return Err(invalid(
                "Health check protocol 'TCP' is not supported for target groups with the HTTP and HTTPS protocols",
            ));
        }
        if !http && protocol != "TCP" && check.path.is_none() {
            check.path = Some("/".to_owned());
            check.matcher = Some("200-399".to_owned());
        }
        check.protocol = protocol;
    }
    if let Some(port) = new.port {
        if port != "traffic-port" && !port.parse::<u16>().is_ok_and(|port| port > 0) {
            return Err(invalid(format!(
                "Health check port '{port}' must be an integer between 1 and 65535, or 'traffic-port'"
            )));
        }
        check.port = port;
    }
    if let Some(path) = new.path {
        if !path.starts_with('/') || path.chars().count() > 1024 {
            return Err(invalid(format!(
                "Health check path '{path}' must begin with a '/' character and be at most 1024 characters long"
            )));
        }
        check.path = Some(path);
    }
    if let Some(interval) = new.interval {
        check_range("healthCheckIntervalSeconds", interval.into(), 5, 300)?;
        check.interval = interval;
    }
    if let Some(timeout) = new.timeout {
        check_range("healthCheckTimeoutSeconds", timeout.into(), 2, 120)?;
        check.timeout = timeout;
    }
    if let Some(count) = new.healthy {
        check_range("healthyThresholdCount", count.into(), 2, 10)?;
        check.healthy = count;
    }
    if let Some(count) = new.unhealthy {
        check_range("unhealthyThresholdCount", count.into(), 2, 10)?;
        check.unhealthy = count;
    }
    if http && check.timeout >= check.interval {
        return Err(invalid("Health check timeout must be smaller than the interval"));
    }
    if let Some(matcher) = new.matcher {
        let (codes, least, most) = match (&matcher.http_code, &matcher.grpc_code, grpc) {
            (Some(codes), None, false) => (codes, 200, 499),
            (None, Some(codes), true) => (codes, 0, 99),
            _ => return Err(invalid("You must specify HttpCode for HTTP and GrpcCode for GRPC target groups")),
        };
        let number = |text: &str| text.parse::<u32>().is_ok_and(|code| (least..=most).contains(&code));
        let fits = codes.split(',').all(|part| match part.split_once('-') {
            Some((from, to)) => number(from) && number(to) && from.parse::<u32>().ok() <= to.parse().ok(),
            None => number(part),
        });
        if !fits {
            return Err(invalid(format!(
                "Health check matcher HTTP code '{codes}' must be within '{least}-{most}' inclusive"
            )));
        }
        check.matcher = Some(codes.clone());
    }
    Ok(check)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    name: String,
    protocol: Option<String>,
    protocol_version: Option<String>,
    port: Option<i64>,
    vpc_id: Option<String>,
    health_check_protocol: Option<String>,
    health_check_port: Option<String>,
    health_check_enabled: Option<bool>,
    health_check_path: Option<String>,
    health_check_interval_seconds: Option<u32>,
    health_check_timeout_seconds: Option<u32>,
    healthy_threshold_count: Option<u32>,
    unhealthy_threshold_count: Option<u32>,
    matcher: Option<Matcher>,
    target_type: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    ip_address_type: Option<String>,
    target_control_port: Option<u16>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    check_name("Target group", &input.name)?;
    let target_type = input.target_type.unwrap_or_else(|| "instance".to_owned());
    check_enum("targetType", &target_type, &["instance", "ip", "lambda", "alb"])?;
    if target_type == "lambda" || target_type == "alb" {
        let message =
            format!("The local cloud has target groups of type 'ip' and 'instance' only, not '{target_type}'");
        return Err(ApiError::new("InvalidConfigurationRequest", message));
    }
    let Some(protocol) = input.protocol else { return Err(invalid("A protocol must be specified")) };
    check_enum("protocol", &protocol, &["HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "GENEVE"])?;
    let Some(port) = input.port else { return Err(invalid("A port must be specified")) };
    check_range("port", port, 1, 65535)?;
    let Some(vpc_id) = input.vpc_id else { return Err(invalid("A VPC ID must be specified")) };
    if !cx.ec2().vpcs.contains_key(&vpc_id) {
        return Err(invalid(format!("The VPC ID '{vpc_id}' is not found")));
    }
    if input.ip_address_type.as_deref().is_some_and(|kind| kind != "ipv4") || input.target_control_port.is_some() {
        return Err(ApiError::new(
            "InvalidConfigurationRequest",
            "The local cloud has IPv4 targets only, without a control port",
        ));
    }
    let http = is_http(&protocol);
    // Terraform's provider sends an empty one where none is said, and AWS takes that.
    let version = match input.protocol_version.filter(|version| !version.is_empty()) {
        None => http.then(|| "HTTP1".to_owned()),
        Some(version) => {
            check_enum("protocolVersion", &version, &["HTTP1", "HTTP2", "GRPC"])?;
            if !http {
                return Err(invalid(format!("Protocol version is not supported for protocol '{protocol}'")));
            }
            Some(version)
        }
    };
    let grpc = version.as_deref() == Some("GRPC");
    let defaults = HealthCheck {
        protocol: if http { protocol.clone() } else { "TCP".to_owned() },
        port: "traffic-port".to_owned(),
        path: http.then(|| if grpc { "/AWS.ALB/healthcheck" } else { "/" }.to_owned()),
        matcher: http.then(|| if grpc { "12" } else { "200" }.to_owned()),
        interval: 30,
        timeout: if http { 5 } else { 10 },
        healthy: 5,
        unhealthy: 2,
    };
    // Whatever the group's protocol, its health check is HTTP by default on a load balancer for HTTP.
    let defaults = HealthCheck { protocol: if http { protocol.clone() } else { defaults.protocol }, ..defaults };
    let checks = Checks {
        protocol: input.health_check_protocol,
        port: input.health_check_port,
        enabled: input.health_check_enabled,
        path: input.health_check_path,
        interval: input.health_check_interval_seconds,
        timeout: input.health_check_timeout_seconds,
        healthy: input.healthy_threshold_count,
        unhealthy: input.unhealthy_threshold_count,
        matcher: input.matcher,
    };
    let health_check = merge(defaults, checks, http, grpc)?;
    let tags = check_tags(input.tags, &Tags::new())?;
    let group = TargetGroup {
        arn: String::new(),
        name: input.name,
        protocol,
        protocol_version: version,
        port: u16::try_from(port).unwrap_or_default(),
        vpc_id,
        target_type,
        health_check,
        attributes: BTreeMap::new(),
        tags,
        targets: BTreeMap::new(),
        used_since: None,
    };
    if let Some(existing) = cx.elbv2().target_groups.values().find(|g| g.name == group.name).cloned() {
        let settings = |g: &TargetGroup| {
            (
                g.protocol.clone(),
                g.protocol_version.clone(),
                g.port,
                g.vpc_id.clone(),
                g.target_type.clone(),
                g.health_check.clone(),
            )
        };
        if settings(&existing) == settings(&group) {
            return Ok(json!({"TargetGroups": [render(cx.elbv2(), &existing)]}));
        }
        return Err(ApiError::new(
            "DuplicateTargetGroupName",
            format!("A target group with the same name '{}' exists, but with different settings", group.name),
        ));
    }
    let id = cx.hex(16);
    let arn = cx.arn("elasticloadbalancing", &format!("targetgroup/{}/{id}", group.name));
    let group = TargetGroup { arn: arn.clone(), ..group };
    let state = cx.elbv2();
    let answer = json!({"TargetGroups": [render(state, &group)]});
    state.target_groups.insert(arn, group);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Describe {
    load_balancer_arn: Option<String>,
    #[serde(default)]
    target_group_arns: Vec<String>,
    #[serde(default)]
    names: Vec<String>,
    marker: Option<String>,
    page_size: Option<usize>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let ways = [input.load_balancer_arn.is_some(), !input.target_group_arns.is_empty(), !input.names.is_empty()];
    if ways.iter().filter(|given| **given).count() > 1 {
        return Err(invalid(
            "Only one of target group names, target group ARNs and a load balancer ARN can be specified",
        ));
    }
    let state = cx.elbv2();
    if let Some(arn) = &input.load_balancer_arn {
        load_balancer::find(state, arn)?;
    }
    for arn in &input.target_group_arns {
        find(state, arn).map_err(|e| match e.code.as_str() {
            "TargetGroupNotFound" => ApiError::new("TargetGroupNotFound", "One or more target groups not found"),
            _ => e,
        })?;
    }
    if input.names.iter().any(|name| !state.target_groups.values().any(|group| group.name == *name)) {
        return Err(ApiError::new("TargetGroupNotFound", "One or more target groups not found"));
    }
    let wanted = |group: &TargetGroup| match &input.load_balancer_arn {
        Some(arn) => forward::load_balancers_of(state, &group.arn).contains(arn),
        None if !input.target_group_arns.is_empty() => input.target_group_arns.contains(&group.arn),
        None => input.names.is_empty() || input.names.contains(&group.name),
    };
    let found = state.target_groups.values().filter(|group| wanted(group));
    let found: Vec<_> = found.map(|group| (group.arn.clone(), render(state, group))).collect();
    listed("TargetGroups", found, input.marker.as_deref(), input.page_size)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Modify {
    target_group_arn: String,
    health_check_protocol: Option<String>,
    health_check_port: Option<String>,
    health_check_path: Option<String>,
    health_check_enabled: Option<bool>,
    health_check_interval_seconds: Option<u32>,
    health_check_timeout_seconds: Option<u32>,
    healthy_threshold_count: Option<u32>,
    unhealthy_threshold_count: Option<u32>,
    matcher: Option<Matcher>,
}

pub(super) fn modify(cx: &mut Cx<'_>, input: Modify) -> Result {
    let state = cx.elbv2();
    let group = find(state, &input.target_group_arn)?;
    let checks = Checks {
        protocol: input.health_check_protocol,
        port: input.health_check_port,
        enabled: input.health_check_enabled,
        path: input.health_check_path,
        interval: input.health_check_interval_seconds,
        timeout: input.health_check_timeout_seconds,
        healthy: input.healthy_threshold_count,
        unhealthy: input.unhealthy_threshold_count,
        matcher: input.matcher,
    };
    let grpc = group.protocol_version.as_deref() == Some("GRPC");
    group.health_check = merge(group.health_check.clone(), checks, group.is_http(), grpc)?;
    let group = group.clone();
    let answer = json!({"TargetGroups": [render(state, &group)]});
    ecs::container::judge_all(cx, &group.arn);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ByArn {
    target_group_arn: String,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: ByArn) -> Result {
    let arn = input.target_group_arn;
    check_arn(&arn)?;
    let state = cx.elbv2();
    if forward::is_referenced(state, &arn) {
        return Err(ApiError::new(
            "ResourceInUse",
            format!("Target group '{arn}' is currently in use by a listener or a rule"),
        ));
    }
    // One that is gone already is what was wanted.
    state.target_groups.remove(&arn);
    Ok(json!({}))
}

pub(super) fn describe_attributes(cx: &mut Cx<'_>, input: ByArn) -> Result {
    let group = find(cx.elbv2(), &input.target_group_arn)?;
    Ok(json!({"Attributes": group.table().all(&group.attributes)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ModifyAttributes {
    target_group_arn: String,
    attributes: Vec<Attribute>,
}

pub(super) fn modify_attributes(cx: &mut Cx<'_>, input: ModifyAttributes) -> Result {
    let group = find(cx.elbv2(), &input.target_group_arn)?;
    let (table, mut set) = (group.table(), group.attributes.clone());
    table.set("Target group", &mut set, input.attributes)?;
    let slow_start = table.get(&set, "slow_start.duration_seconds");
    if group.is_http() && (1..30).contains(&slow_start.parse().unwrap_or(0)) {
        return Err(invalid("The slow start duration must be 0 or between 30 and 900 seconds"));
    }
    group.attributes = set;
    Ok(json!({"Attributes": json(&table.all(&group.attributes))}))
}

//! What AWS has where nobody said anything: left out of a description, so that it says what its makers said.

use std::collections::BTreeMap;

use aomidori_model::Value;

/// Attributes of an Application Load Balancer (aws-facts 2.19). `ipv6.deny_all_igw_traffic` depends on its scheme and
/// means nothing without IPv6, which the model does not have.
const LOAD_BALANCER: &[(&str, &str)] = &[
    ("access_logs.s3.enabled", "false"),
    ("access_logs.s3.bucket", ""),
    ("access_logs.s3.prefix", ""),
    ("client_keep_alive.seconds", "3600"),
    ("connection_logs.s3.enabled", "false"),
    ("connection_logs.s3.bucket", ""),
    ("connection_logs.s3.prefix", ""),
    ("deletion_protection.enabled", "false"),
    ("health_check_logs.s3.enabled", "false"),
    ("health_check_logs.s3.bucket", ""),
    ("health_check_logs.s3.prefix", ""),
    ("idle_timeout.timeout_seconds", "60"),
    ("load_balancing.cross_zone.enabled", "true"),
    ("routing.http.desync_mitigation_mode", "defensive"),
    ("routing.http.drop_invalid_header_fields.enabled", "false"),
    ("routing.http.preserve_host_header.enabled", "false"),
    ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false"),
    ("routing.http.xff_client_port.enabled", "false"),
    ("routing.http.xff_header_processing.mode", "append"),
    ("routing.http2.enabled", "true"),
    ("waf.fail_open.enabled", "false"),
    ("zonal_shift.config.enabled", "false"),
];

/// Attributes of its target groups (aws-facts 2.20).
const TARGET_GROUP: &[(&str, &str)] = &[
    ("deregistration_delay.timeout_seconds", "300"),
    ("load_balancing.algorithm.anomaly_mitigation", "off"),
    ("load_balancing.algorithm.type", "round_robin"),
    ("load_balancing.cross_zone.enabled", "use_load_balancer_configuration"),
    ("slow_start.duration_seconds", "0"),
    ("stickiness.enabled", "false"),
    ("stickiness.type", "lb_cookie"),
    ("stickiness.app_cookie.cookie_name", ""),
    ("stickiness.app_cookie.duration_seconds", "86400"),
    ("stickiness.lb_cookie.duration_seconds", "86400"),
    ("target_group_health.dns_failover.minimum_healthy_targets.count", "1"),
    ("target_group_health.dns_failover.minimum_healthy_targets.percentage", "off"),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1"),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off"),
];

/// The attributes of a load balancer that somebody set.
pub(super) fn load_balancer(attributes: &Value) -> BTreeMap<String, String> {
    let mut set = set(attributes, LOAD_BALANCER);
    set.remove("ipv6.deny_all_igw_traffic");
    set
}

/// The attributes of a target group that somebody set. What rules stickiness while it is off rules nothing.
pub(super) fn target_group(attributes: &Value) -> BTreeMap<String, String> {
    let mut set = set(attributes, TARGET_GROUP);
    if set.get("stickiness.enabled").map(String::as_str) != Some("true") {
        set.retain(|key, _| !key.starts_with("stickiness."));
    }
    set
}

/// Without what is as AWS has it. Of an attribute that came later, what reads as "nothing" is taken for that.
fn set(attributes: &Value, usual: &[(&str, &str)]) -> BTreeMap<String, String> {
    let Value::Map(attributes) = attributes else { return BTreeMap::new() };
    let usual = |key: &str, value: &str| match usual.iter().find(|(known, _)| *known == key) {
        Some((_, usual)) => *usual == value,
        None => matches!(value, "" | "false" | "off" | "0"),
    };
    let texts = attributes.iter().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
    texts.filter(|(key, value)| !usual(key, value)).map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// True for the policy that AWS gives an endpoint: everybody may do everything (aws-facts 2.7).
pub(super) fn is_open_policy(policy: &Value) -> bool {
    let Value::Set(statements) = policy else { return false };
    let Some(Value::Map(only)) = statements.first().filter(|_| statements.len() == 1) else { return false };
    let all = |name: &str| match only.get(name) {
        Some(Value::Set(items)) => items.len() == 1 && items.iter().all(|item| item.as_str() == Some("*")),
        _ => false,
    };
    let names = ["sid", "effect", "principal", "actions", "resources"];
    let text = |name: &str| only.get(name).and_then(Value::as_str);
    only.keys().all(|name| names.contains(&name.as_str()))
        && text("effect") == Some("Allow")
        && text("principal") == Some("*")
        && all("actions")
        && all("resources")
}

//! Attributes of load balancers, target groups and listeners: which there are, their defaults, what they take.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::validate::invalid;
use crate::error::Result;

/// `{Key, Value}`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Attribute {
    key: String,
    value: Option<String>,
}

/// What an attribute can be set to.
enum Takes {
    Bool,
    Number(i64, i64),
    /// One of these.
    One(&'static [&'static str]),
    /// `off`, or a number.
    OffOr(i64, i64),
    Text,
    /// Cannot be changed.
    Fixed,
}

type Row = (&'static str, &'static str, Takes);

/// A kind's attributes, with their defaults.
pub(super) struct Table(&'static [Row]);

pub(super) static LOAD_BALANCER: Table = Table(&[
    ("access_logs.s3.enabled", "false", Takes::Bool),
    ("access_logs.s3.bucket", "", Takes::Text),
    ("access_logs.s3.prefix", "", Takes::Text),
    ("client_keep_alive.seconds", "3600", Takes::Number(60, 604_800)),
    ("connection_logs.s3.enabled", "false", Takes::Bool),
    ("connection_logs.s3.bucket", "", Takes::Text),
    ("connection_logs.s3.prefix", "", Takes::Text),
    ("deletion_protection.enabled", "false", Takes::Bool),
    ("health_check_logs.s3.enabled", "false", Takes::Bool),
    ("health_check_logs.s3.bucket", "", Takes::Text),
    ("health_check_logs.s3.prefix", "", Takes::Text),
    ("idle_timeout.timeout_seconds", "60", Takes::Number(1, 4000)),
    ("ipv6.deny_all_igw_traffic", "false", Takes::Bool),
    ("load_balancing.cross_zone.enabled", "true", Takes::Fixed),
    ("routing.http.desync_mitigation_mode", "defensive", Takes::One(&["monitor", "defensive", "strictest"])),
    ("routing.http.drop_invalid_header_fields.enabled", "false", Takes::Bool),
    ("routing.http.preserve_host_header.enabled", "false", Takes::Bool),
    ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false", Takes::Bool),
    ("routing.http.xff_client_port.enabled", "false", Takes::Bool),
    ("routing.http.xff_header_processing.mode", "append", Takes::One(&["append", "preserve", "remove"])),
    ("routing.http2.enabled", "true", Takes::Bool),
    ("waf.fail_open.enabled", "false", Takes::Bool),
    ("zonal_shift.config.enabled", "false", Takes::Bool),
]);

pub(super) static TARGET_GROUP: Table = Table(&[
    ("deregistration_delay.timeout_seconds", "300", Takes::Number(0, 3600)),
    ("load_balancing.algorithm.anomaly_mitigation", "off", Takes::One(&["on", "off"])),
    (
        "load_balancing.algorithm.type",
        "round_robin",
        Takes::One(&["round_robin", "least_outstanding_requests", "weighted_random"]),
    ),
    (
        "load_balancing.cross_zone.enabled",
        "use_load_balancer_configuration",
        Takes::One(&["true", "false", "use_load_balancer_configuration"]),
    ),
    ("slow_start.duration_seconds", "0", Takes::Number(0, 900)),
    ("stickiness.enabled", "false", Takes::Bool),
    ("stickiness.type", "lb_cookie", Takes::One(&["lb_cookie", "app_cookie"])),
    ("stickiness.app_cookie.cookie_name", "", Takes::Text),
    ("stickiness.app_cookie.duration_seconds", "86400", Takes::Number(1, 604_800)),
    ("stickiness.lb_cookie.duration_seconds", "86400", Takes::Number(1, 604_800)),
    ("target_group_health.dns_failover.minimum_healthy_targets.count", "1", Takes::OffOr(1, 1000)),
    ("target_group_health.dns_failover.minimum_healthy_targets.percentage", "off", Takes::OffOr(1, 100)),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1", Takes::Number(1, 1000)),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off", Takes::OffOr(1, 100)),
]);

/// Of target groups that network load balancers use.
pub(super) static NETWORK_TARGET_GROUP: Table = Table(&[
    ("deregistration_delay.connection_termination.enabled", "false", Takes::Bool),
    ("deregistration_delay.timeout_seconds", "300", Takes::Number(0, 3600)),
    (
        "load_balancing.cross_zone.enabled",
        "use_load_balancer_configuration",
        Takes::One(&["true", "false", "use_load_balancer_configuration"]),
    ),
    ("preserve_client_ip.enabled", "false", Takes::Bool),
    ("proxy_protocol_v2.enabled", "false", Takes::Bool),
    ("stickiness.enabled", "false", Takes::Bool),
    ("stickiness.type", "source_ip", Takes::One(&["source_ip"])),
    ("target_group_health.dns_failover.minimum_healthy_targets.count", "1", Takes::OffOr(1, 1000)),
    ("target_group_health.dns_failover.minimum_healthy_targets.percentage", "off", Takes::OffOr(1, 100)),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1", Takes::Number(1, 1000)),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off", Takes::OffOr(1, 100)),
]);

pub(super) static HTTP_LISTENER: Table = Table(&[
    ("routing.http.response.access_control_allow_credentials.header_value", "", Takes::Text),
    ("routing.http.response.access_control_allow_headers.header_value", "", Takes::Text),
    ("routing.http.response.access_control_allow_methods.header_value", "", Takes::Text),
    ("routing.http.response.access_control_allow_origin.header_value", "", Takes::Text),
    ("routing.http.response.access_control_expose_headers.header_value", "", Takes::Text),
    ("routing.http.response.access_control_max_age.header_value", "", Takes::Text),
    ("routing.http.response.content_security_policy.header_value", "", Takes::Text),
    ("routing.http.response.server.enabled", "true", Takes::Bool),
    ("routing.http.response.x_content_type_options.header_value", "", Takes::Text),
    ("routing.http.response.x_frame_options.header_value", "", Takes::Text),
]);

pub(super) static HTTPS_LISTENER: Table = Table(&[
    ("routing.http.request.x_amzn_mtls_clientcert.header_name", "X-Amzn-Mtls-Clientcert", Takes::Text),
    ("routing.http.request.x_amzn_mtls_clientcert_issuer.header_name", "X-Amzn-Mtls-Clientcert-Issuer", Takes::Text),
    ("routing.http.request.x_amzn_mtls_clientcert_leaf.header_name", "X-Amzn-Mtls-Clientcert-Leaf", Takes::Text),
    (
        "routing.http.request.x_amzn_mtls_clientcert_serial_number.header_name",
        "X-Amzn-Mtls-Clientcert-Serial-Number",
        Takes::Text,
    ),
    ("routing.http.request.x_amzn_mtls_clientcert_subject.header_name", "X-Amzn-Mtls-Clientcert-Subject", Takes::Text),
    (
        "routing.http.request.x_amzn_mtls_clientcert_validity.header_name",
        "X-Amzn-Mtls-Clientcert-Validity",
        Takes::Text,
    ),
    ("routing.http.request.x_amzn_tls_cipher_suite.header_name", "X-Amzn-Tls-Cipher-Suite", Takes::Text),
    ("routing.http.request.x_amzn_tls_version.header_name", "X-Amzn-Tls-Version", Takes::Text),
    ("routing.http.response.access_control_allow_credentials.header_value", "", Takes::Text),
    ("routing.http.response.access_control_allow_headers.header_value", "", Takes::Text),
    ("routing.http.response.access_control_allow_methods.header_value", "", Takes::Text),
    ("routing.http.response.access_control_allow_origin.header_value", "", Takes::Text),
    ("routing.http.response.access_control_expose_headers.header_value", "", Takes::Text),
    ("routing.http.response.access_control_max_age.header_value", "", Takes::Text),
    ("routing.http.response.content_security_policy.header_value", "", Takes::Text),
    ("routing.http.response.server.enabled", "true", Takes::Bool),
    ("routing.http.response.strict_transport_security.header_value", "", Takes::Text),
    ("routing.http.response.x_content_type_options.header_value", "", Takes::Text),
    ("routing.http.response.x_frame_options.header_value", "", Takes::Text),
]);

impl Table {
    /// All attributes, with what was set over the defaults.
    pub(super) fn all(&self, set: &BTreeMap<String, String>) -> Value {
        let rows = self.0.iter();
        rows.map(|(key, default, _)| json!({"Key": key, "Value": set.get(*key).map_or(*default, String::as_str)}))
            .collect()
    }

    /// One attribute's value.
    pub(super) fn get<'a>(&self, set: &'a BTreeMap<String, String>, key: &str) -> &'a str {
        let default = self.0.iter().find(|(k, ..)| *k == key).map_or("", |(_, default, _)| *default);
        set.get(key).map_or(default, String::as_str)
    }

    /// Sets some of them; all or none.
    pub(super) fn set(&self, what: &str, set: &mut BTreeMap<String, String>, new: Vec<Attribute>) -> Result<()> {
        let mut result = set.clone();
        for Attribute { key, value } in new {
            let value = value.unwrap_or_default();
            let Some((_, default, takes)) = self.0.iter().find(|(k, ..)| *k == key) else {
                return Err(invalid(format!("{what} attribute key '{key}' is not recognized")));
            };
            let number = || value.parse::<i64>().ok();
            let fits = match takes {
                Takes::Bool => value == "true" || value == "false",
                Takes::Number(least, most) => number().is_some_and(|n| (*least..=*most).contains(&n)),
                Takes::One(values) => values.contains(&value.as_str()),
                Takes::OffOr(least, most) => value == "off" || number().is_some_and(|n| (*least..=*most).contains(&n)),
                Takes::Text => true,
                Takes::Fixed => value == *default,
            };
            if !fits {
                return Err(invalid(format!("{what} attribute value '{value}' for key '{key}' is not valid")));
            }
            result.insert(key, value);
        }
        *set = result;
        Ok(())
    }
}

//! Target group, and the pair that CodeDeploy swings between.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Kind, KindInfo, KindName, Limit, Limits, Listener, Traffic, Vpc};
use crate::field::{Compare, Fields};
use crate::name::name_type;
use crate::network::Port;
use crate::problem::Check;
use crate::reference::Ref;

name_type! {
    /// The name of a target group.
    TargetGroupName: "a target group name", 1..=32, "letters, digits and `-`",
    |c| c.is_ascii_alphanumeric() || c == '-',
    |text| (text.starts_with('-') || text.ends_with('-')).then_some("it may not start or end with `-`")
}

/// A target group of addresses (target type `ip`, as Fargate needs), spoken to in HTTP. Its id is its ARN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetGroup {
    /// Its name, unique in account and region.
    pub name: TargetGroupName,
    /// The VPC that its targets are in.
    pub vpc: Ref<Vpc>,
    /// The port of targets registered without one.
    pub port: Port,
    /// When a target is healthy.
    #[serde(default)]
    pub health_check: HealthCheck,
    /// Attributes by AWS's keys (`deregistration_delay.timeout_seconds`); only those declared here are compared.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// The health check of a target group, over HTTP. Defaults are AWS's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HealthCheck {
    /// The path that is asked.
    pub path: String,
    /// Healthy status codes: `200`, `200-299`, `200,301`.
    pub matcher: String,
    /// The port that is asked, where it is not the one that gets the requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<Port>,
    /// Seconds between checks, 5 to 300.
    pub interval: u32,
    /// Seconds until a check counts as failed, 2 to 120, less than the interval.
    pub timeout: u32,
    /// Successes in a row until healthy, 2 to 10.
    pub healthy_threshold: u32,
    /// Failures in a row until unhealthy, 2 to 10.
    pub unhealthy_threshold: u32,
}

impl Default for HealthCheck {
    fn default() -> Self {
        HealthCheck {
            path: "/".into(),
            matcher: "200".into(),
            port: None,
            interval: 30,
            timeout: 5,
            healthy_threshold: 5,
            unhealthy_threshold: 2,
        }
    }
}

impl HealthCheck {
    /// Seconds from a target's registration until it is healthy, if it answers at once.
    pub fn seconds_until_healthy(&self) -> u32 {
        // The first check comes at once, the others one interval apart.
        self.interval.saturating_mul(self.healthy_threshold.saturating_sub(1)).max(1)
    }
}

/// Two target groups and the listeners that swing between them: what a blue/green deployment moves.
///
/// Which of the two is live is never a matter of the stack: CodeDeploy decides it, and it changes with each deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetGroupPair {
    /// The group that is live before the first deployment.
    pub blue: Ref<TargetGroup>,
    /// The other one.
    pub green: Ref<TargetGroup>,
    /// The listener that the public uses.
    pub production: Ref<Listener>,
    /// The listener that shows the new version first; on the same load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Ref<Listener>>,
}

impl Kind for TargetGroup {
    const INFO: KindInfo = KindInfo {
        unique: &[&["name"]],
        // Its attributes are a call of their own.
        limits: Limits::new(Limit::load_balancing().times(2), Limit::load_balancing()),
        traffic_on_delete: Traffic::Outage,
        ..KindInfo::new(KindName::TargetGroup, "target group", "aws_lb_target_group")
    };

    fn fields(&self, fields: &mut Fields) {
        let TargetGroup { name, vpc, port, health_check, attributes } = self;
        let HealthCheck { path, matcher, port: check_port, interval, timeout, healthy_threshold, unhealthy_threshold } = health_check;
        fields.add("name", name).replaces();
        fields.add("vpc_id", vpc).replaces();
        fields.add("port", port).replaces();
        fields.add("protocol", "HTTP").replaces();
        fields.add("target_type", "ip").replaces();
        fields.add("health_check.path", path);
        fields.add("health_check.matcher", matcher);
        fields.add("health_check.port", check_port.map(|port| port.number().to_string()));
        fields.add("health_check.interval", interval);
        fields.add("health_check.timeout", timeout);
        fields.add("health_check.healthy_threshold", healthy_threshold);
        fields.add("health_check.unhealthy_threshold", unhealthy_threshold);
        fields.add("attributes", attributes).compare(Compare::DeclaredKeys);
    }

    fn validate(&self, check: &mut Check<'_>) {
        let HealthCheck { path, matcher: _, port: _, interval, timeout, healthy_threshold, unhealthy_threshold } =
            &self.health_check;
        let mut range = |field: &str, value: u32, least: u32, most: u32| {
            if !(least..=most).contains(&value) {
                check.field(
                    "E-HEALTH-CHECK",
                    field,
                    format!("{value} is not between {least} and {most}"),
                    "choose a value that Elastic Load Balancing takes",
                );
            }
        };
        range("health_check.interval", *interval, 5, 300);
        range("health_check.timeout", *timeout, 2, 120);
        range("health_check.healthy_threshold", *healthy_threshold, 2, 10);
        range("health_check.unhealthy_threshold", *unhealthy_threshold, 2, 10);
        if timeout >= interval {
            check.field(
                "E-HEALTH-CHECK",
                "health_check.timeout",
                format!("the timeout of {timeout} s is not less than the interval of {interval} s"),
                "lower the timeout or raise the interval",
            );
        }
        if !path.starts_with('/') || path.len() > 1024 {
            check.field(
                "E-HEALTH-CHECK",
                "health_check.path",
                format!("`{path}` is not a path"),
                "start it with `/`; at most 1024 characters",
            );
        }
    }
}

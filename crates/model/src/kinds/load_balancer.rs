//! Application Load Balancer.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Kind, KindInfo, KindName, Limit, Limits, SecurityGroup, Subnet, Timing, Traffic, nat_gateway};
use crate::field::{Compare, Fields};
use crate::graph::{Edge, Node, Nodes};
use crate::name::name_type;
use crate::problem::Check;
use crate::reference::Ref;

name_type! {
    /// The name of a load balancer.
    LoadBalancerName: "a load balancer name", 1..=32, "letters, digits and `-`",
    |c| c.is_ascii_alphanumeric() || c == '-',
    |text| {
        if text.starts_with('-') || text.ends_with('-') {
            Some("it may not start or end with `-`")
        } else if text.starts_with("internal-") {
            Some("it may not start with `internal-`")
        } else {
            None
        }
    }
}

/// An Application Load Balancer. Its id is its ARN; outputs `dns_name`, `zone_id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadBalancer {
    /// Its name, unique in account and region.
    pub name: LoadBalancerName,
    /// Reachable from where.
    #[serde(default)]
    pub scheme: Scheme,
    /// Subnets in at least two zones.
    pub subnets: BTreeSet<Ref<Subnet>>,
    /// Its security groups; AWS's default is the VPC's default group.
    pub security_groups: BTreeSet<Ref<SecurityGroup>>,
    /// Attributes by AWS's keys (`idle_timeout.timeout_seconds`); only those declared here are compared.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// From where a load balancer is reachable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// The internet.
    #[default]
    InternetFacing,
    /// The VPC.
    Internal,
}

impl Kind for LoadBalancer {
    const INFO: KindInfo = KindInfo {
        unique: &[&["name"]],
        // It is off the list in seconds; its network interfaces hold subnets and security groups for minutes more.
        timing: Timing { create: 2, ready: 150, delete: 180 },
        limits: Limits::new(
            Limit::new("elasticloadbalancing:CreateLoadBalancer", 10, 5_000),
            Limit::load_balancing(),
        ),
        traffic_on_delete: Traffic::Outage,
        ..KindInfo::new(KindName::LoadBalancer, "load balancer", "aws_lb")
    };

    fn fields(&self, fields: &mut Fields) {
        let LoadBalancer { name, scheme, subnets, security_groups, attributes } = self;
        fields.add("name", name).replaces();
        fields.add("internal", *scheme == Scheme::Internal).replaces();
        // SetSubnets and SetSecurityGroups take those of the load balancer's VPC, and no others.
        fields.add("subnets", subnets).confined_to("vpc_id");
        fields.add("security_groups", security_groups).confined_to("vpc_id");
        fields.add("attributes", attributes).compare(Compare::DeclaredKeys);
    }

    fn validate(&self, check: &mut Check<'_>) {
        if self.subnets.len() < 2 {
            check.field(
                "E-LB-SUBNETS",
                "subnets",
                format!("an Application Load Balancer needs subnets in two zones, and this has {}", self.subnets.len()),
                "give it one subnet in each of at least two availability zones",
            );
        }
        if self.security_groups.is_empty() {
            check.field(
                "E-LB-SECURITY-GROUPS",
                "security_groups",
                "without a security group AWS uses the VPC's default one, which lets in nothing from outside",
                "name a security group that lets in the listeners' ports",
            );
        }
    }

    /// An internet-facing one needs its VPC's internet gateway, and its public addresses keep the gateway from being
    /// detached.
    fn after(node: &Node<'_>, nodes: &Nodes<'_>) -> Vec<Edge> {
        nat_gateway::internet_gateways(nodes, &nodes.pointed(node, "subnets"))
    }
}

//! Cloud Map service.

use serde::{Deserialize, Serialize};

use super::{Kind, KindInfo, KindName, PrivateDnsNamespace, Timing};
use crate::field::Fields;
use crate::name::name_type;
use crate::reference::Ref;

name_type! {
    /// The name of a Cloud Map service: a DNS label or several.
    DiscoveryServiceName: "a Cloud Map service name", 1..=127, "letters, digits, `-`, `_` and `.`",
    |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// A Cloud Map service with A records. Its id is its ARN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscoveryService {
    /// Its name, once in each namespace.
    pub name: DiscoveryServiceName,
    /// The namespace that it is part of.
    pub namespace: Ref<PrivateDnsNamespace>,
    /// Seconds that resolvers may keep an answer.
    pub ttl: u32,
    /// How answers are chosen.
    #[serde(default)]
    pub routing: RoutingPolicy,
    /// ECS reports health; the threshold is always 1 (the parameter is deprecated).
    #[serde(default = "yes")]
    pub custom_health_check: bool,
}

fn yes() -> bool {
    true
}

/// How Cloud Map chooses among instances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoutingPolicy {
    /// Up to eight healthy ones.
    #[default]
    Multivalue,
    /// One by weight.
    Weighted,
}

impl RoutingPolicy {
    /// The value that Cloud Map takes.
    pub fn as_str(self) -> &'static str {
        match self {
            RoutingPolicy::Multivalue => "MULTIVALUE",
            RoutingPolicy::Weighted => "WEIGHTED",
        }
    }
}

impl Kind for DiscoveryService {
    const INFO: KindInfo = KindInfo {
        unique: &[&["name", "namespace_id"]],
        timing: Timing { create: 1, ready: 0, delete: 2 },
        ..KindInfo::new(KindName::DiscoveryService, "Cloud Map service", "aws_service_discovery_service")
    };

    fn fields(&self, fields: &mut Fields) {
        let DiscoveryService { name, namespace, ttl, routing, custom_health_check } = self;
        fields.add("name", name).replaces();
        fields.add("namespace_id", namespace).replaces();
        fields.add("dns_config.routing_policy", routing.as_str()).replaces();
        fields.add("dns_config.dns_records.type", "A").replaces();
        fields.add("dns_config.dns_records.ttl", ttl);
        fields.add("health_check_custom_config", custom_health_check).replaces();
    }
}

//! Cloud Map private DNS namespace.

use serde::{Deserialize, Serialize};

use super::dns_record::DomainName;
use super::{Kind, KindInfo, KindName, Timing, Vpc};
use crate::field::Fields;
use crate::reference::Ref;

/// A private DNS namespace. Its id is `ns-…`; outputs `arn`, `hosted_zone`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivateDnsNamespace {
    /// Its domain, once in each VPC.
    pub name: DomainName,
    /// The VPC in which its names resolve.
    pub vpc: Ref<Vpc>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Kind for PrivateDnsNamespace {
    const INFO: KindInfo = KindInfo {
        unique: &[&["name", "vpc"]],
        timing: Timing { create: 44, ready: 0, delete: 60 },
        ..KindInfo::new(
            KindName::PrivateDnsNamespace,
            "Cloud Map namespace",
            "aws_service_discovery_private_dns_namespace",
        )
    };

    fn fields(&self, fields: &mut Fields) {
        let PrivateDnsNamespace { name, vpc, description } = self;
        fields.add("name", name).replaces();
        fields.add("vpc", vpc).replaces();
        fields.add("description", description);
    }
}

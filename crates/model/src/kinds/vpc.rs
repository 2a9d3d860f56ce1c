//! VPC.

use serde::{Deserialize, Serialize};

use super::{Kind, KindInfo, KindName, Limit, Limits, Timing};
use crate::field::Fields;
use crate::network::Ipv4Cidr;
use crate::problem::Check;

/// A virtual private cloud. Its id is `vpc-…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vpc {
    /// The network, `/16` to `/28`.
    pub cidr: Ipv4Cidr,
    /// Instances resolve names through AWS's resolver. AWS's default is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_support: Option<bool>,
    /// Instances get DNS names. AWS's default is false; private DNS of endpoints and Cloud Map need both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns_hostnames: Option<bool>,
}

impl Kind for Vpc {
    const INFO: KindInfo = KindInfo {
        name_tag: true,
        timing: Timing { create: 2, ready: 2, delete: 1 },
        limits: Limits::new(Limit::ec2("ec2:CreateVpc"), Limit::ec2("ec2:DeleteVpc")),
        ..KindInfo::new(KindName::Vpc, "VPC", "aws_vpc")
    };

    fn fields(&self, fields: &mut Fields) {
        let Vpc { cidr, dns_support, dns_hostnames } = self;
        fields.add("cidr_block", cidr).replaces();
        fields.add("enable_dns_support", dns_support);
        fields.add("enable_dns_hostnames", dns_hostnames);
    }

    fn validate(&self, check: &mut Check<'_>) {
        if !(16..=28).contains(&self.cidr.prefix_len()) {
            check.field(
                "E-CIDR-SIZE",
                "cidr_block",
                format!("`{}` is a /{}, and a VPC is a /16 to /28", self.cidr, self.cidr.prefix_len()),
                "choose a network between /16 (65,536 addresses) and /28 (16 addresses)",
            );
        }
    }
}

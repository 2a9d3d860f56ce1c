//! Subnet.

use serde::{Deserialize, Serialize};

use super::{Kind, KindInfo, KindName, Limit, Limits, Replacement, Timing, Vpc};
use crate::field::Fields;
use crate::network::Ipv4Cidr;
use crate::problem::Check;
use crate::reference::Ref;

/// A subnet of a VPC in one availability zone. Its id is `subnet-…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subnet {
    /// The VPC that it is part of.
    pub vpc: Ref<Vpc>,
    /// The network, `/16` to `/28`, inside the VPC's.
    pub cidr: Ipv4Cidr,
    /// The availability zone, such as `ap-northeast-1a`.
    pub zone: String,
    /// Instances started in it get a public address. AWS's default is false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map_public_ip_on_launch: Option<bool>,
}

impl Kind for Subnet {
    const INFO: KindInfo = KindInfo {
        unique: &[&["vpc_id", "cidr_block"]],
        // The network is taken in its VPC, and whatever stands in a subnet cannot move to another in place.
        replacement: Replacement::DeleteFirst,
        name_tag: true,
        timing: Timing { create: 1, ready: 1, delete: 2 },
        limits: Limits::new(Limit::ec2("ec2:CreateSubnet"), Limit::ec2("ec2:DeleteSubnet")),
        ..KindInfo::new(KindName::Subnet, "subnet", "aws_subnet")
    };

    fn fields(&self, fields: &mut Fields) {
        let Subnet { vpc, cidr, zone, map_public_ip_on_launch } = self;
        fields.add("vpc_id", vpc).replaces();
        fields.add("cidr_block", cidr).replaces();
        fields.add("availability_zone", zone).replaces();
        fields.add("map_public_ip_on_launch", map_public_ip_on_launch);
    }

    fn validate(&self, check: &mut Check<'_>) {
        if !(16..=28).contains(&self.cidr.prefix_len()) {
            check.field(
                "E-CIDR-SIZE",
                "cidr_block",
                format!("`{}` is a /{}, and a subnet is a /16 to /28", self.cidr, self.cidr.prefix_len()),
                "choose a network between /16 and /28; AWS keeps five addresses of each subnet",
            );
        }
    }
}

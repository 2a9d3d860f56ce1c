//! Internet gateway, with its attachment.

use serde::{Deserialize, Serialize};

use super::{Kind, KindInfo, KindName, Limit, Limits, Timing, Traffic, Vpc};
use crate::field::Fields;
use crate::reference::Ref;

/// An internet gateway attached to a VPC. Its id is `igw-…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InternetGateway {
    /// The VPC that it is attached to; one gateway per VPC.
    pub vpc: Ref<Vpc>,
}

impl Kind for InternetGateway {
    const INFO: KindInfo = KindInfo {
        unique: &[&["vpc_id"]],
        name_tag: true,
        timing: Timing { create: 2, ready: 0, delete: 5 },
        limits: Limits::new(Limit::ec2("ec2:CreateInternetGateway"), Limit::ec2("ec2:DeleteInternetGateway")),
        traffic_on_delete: Traffic::Outage,
        ..KindInfo::new(KindName::InternetGateway, "internet gateway", "aws_internet_gateway")
    };

    fn fields(&self, fields: &mut Fields) {
        let InternetGateway { vpc } = self;
        // Detached and attached in place.
        fields.add("vpc_id", vpc);
    }
}

//! Elastic IP address.

use serde::{Deserialize, Serialize};

use super::{Kind, KindInfo, KindName, Limit, Limits, Timing};
use crate::field::Fields;

/// A public IPv4 address of the account. Its id is `eipalloc-…`; output `public_ip`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElasticIp {}

impl Kind for ElasticIp {
    const INFO: KindInfo = KindInfo {
        name_tag: true,
        timing: Timing { create: 1, ready: 0, delete: 1 },
        limits: Limits::new(Limit::ec2("ec2:AllocateAddress"), Limit::ec2("ec2:ReleaseAddress")),
        ..KindInfo::new(KindName::ElasticIp, "Elastic IP", "aws_eip")
    };

    fn fields(&self, fields: &mut Fields) {
        let ElasticIp {} = self;
        fields.add("domain", "vpc").replaces();
    }
}

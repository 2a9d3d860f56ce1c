//! Security group. Its rules are a kind of their own, so that two groups can refer to each other.

use serde::{Deserialize, Serialize};

use super::{Kind, KindInfo, KindName, Limit, Limits, Timing, Vpc};
use crate::field::Fields;
use crate::name::name_type;
use crate::reference::Ref;

name_type! {
    /// The name of a security group, unique in its VPC.
    SecurityGroupName: "a security group name", 1..=255,
    "letters, digits, spaces and `._-:/()#,@[]+=&;{}!$*`", security_text,
    |text| text.starts_with("sg-").then_some("it may not start with `sg-`")
}
name_type! {
    /// The description of a security group or of one of its rules.
    SecurityGroupDescription: "a security group description", 1..=255,
    "letters, digits, spaces and `._-:/()#,@[]+=&;{}!$*`", security_text
}

fn security_text(c: char) -> bool {
    c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c)
}

/// A security group. Its id is `sg-…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityGroup {
    /// Its name.
    pub name: SecurityGroupName,
    /// What it is for; AWS demands one and cannot change it.
    pub description: SecurityGroupDescription,
    /// The VPC that it is part of.
    pub vpc: Ref<Vpc>,
    /// Keeps the rule that AWS adds by itself: everything may leave. If false it is revoked.
    #[serde(default = "yes")]
    pub open_egress: bool,
}

fn yes() -> bool {
    true
}

impl Kind for SecurityGroup {
    const INFO: KindInfo = KindInfo {
        unique: &[&["name", "vpc_id"]],
        name_tag: true,
        timing: Timing { create: 2, ready: 0, delete: 2 },
        limits: Limits::new(Limit::ec2("ec2:CreateSecurityGroup"), Limit::ec2("ec2:DeleteSecurityGroup")),
        ..KindInfo::new(KindName::SecurityGroup, "security group", "aws_security_group")
    };

    fn fields(&self, fields: &mut Fields) {
        let SecurityGroup { name, description, vpc, open_egress } = self;
        fields.add("name", name).replaces();
        fields.add("description", description).replaces();
        fields.add("vpc_id", vpc).replaces();
        fields.add("open_egress", open_egress);
    }
}

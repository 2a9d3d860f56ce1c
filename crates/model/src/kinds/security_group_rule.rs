//! Security group rule.

use serde::{Deserialize, Serialize};

use super::security_group::SecurityGroupDescription;
use super::{Kind, KindInfo, KindName, Limit, Limits, SecurityGroup};
use crate::field::Fields;
use crate::network::{Ipv4Cidr, Ipv6Cidr, PortRange};
use crate::reference::Ref;
use crate::value::{ToValue, Value};

/// One rule of a security group. Its id is `sgr-…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityGroupRule {
    /// The group that the rule is part of.
    pub group: Ref<SecurityGroup>,
    /// In or out.
    pub direction: Direction,
    /// Protocol and ports.
    pub protocol: Protocol,
    /// The other side.
    pub peer: Peer,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<SecurityGroupDescription>,
}

/// The direction of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Into the group's interfaces.
    Ingress,
    /// Out of them.
    Egress,
}

/// The protocol of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// TCP, from a port to a port.
    Tcp(PortRange),
    /// UDP, from a port to a port.
    Udp(PortRange),
    /// All of ICMP.
    Icmp,
    /// One type of ICMP (8 is an echo request), of one code or of all.
    IcmpType {
        /// The type.
        r#type: u8,
        /// The code; all if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<u8>,
    },
    /// Everything.
    All,
}

/// The other side of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Peer {
    /// A network.
    Cidr(Ipv4Cidr),
    /// An IPv6 network.
    CidrIpv6(Ipv6Cidr),
    /// The interfaces of a security group.
    Group(Ref<SecurityGroup>),
    /// A prefix list (`pl-…`).
    PrefixList(String),
}

impl Protocol {
    /// The name that AWS uses.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Tcp(_) => "tcp",
            Protocol::Udp(_) => "udp",
            Protocol::Icmp | Protocol::IcmpType { .. } => "icmp",
            Protocol::All => "-1",
        }
    }

    /// First and last port as AWS writes them, of ICMP the type and the code; -1 where there are none.
    pub fn ports(self) -> (i64, i64) {
        match self {
            Protocol::Tcp(ports) | Protocol::Udp(ports) => (i64::from(ports.from()), i64::from(ports.to())),
            Protocol::IcmpType { r#type, code } => (i64::from(r#type), code.map_or(-1, i64::from)),
            Protocol::Icmp | Protocol::All => (-1, -1),
        }
    }
}

impl Kind for SecurityGroupRule {
    const INFO: KindInfo = KindInfo {
        unique: &[&[
            "security_group_id",
            "type",
            "ip_protocol",
            "from_port",
            "to_port",
            "cidr_ipv4",
            "cidr_ipv6",
            "referenced_security_group_id",
            "prefix_list_id",
        ]],
        // Those of what comes in; what goes out has a bucket of the same size.
        limits: Limits::new(
            Limit::ec2("ec2:AuthorizeSecurityGroupIngress"),
            Limit::ec2("ec2:RevokeSecurityGroupIngress"),
        ),
        // A rule that differs from the old one can stand beside it: no gap.
        ..KindInfo::new(
            KindName::SecurityGroupRule,
            "security group rule",
            "aws_vpc_security_group_ingress_rule",
        )
    };

    fn fields(&self, fields: &mut Fields) {
        let SecurityGroupRule { group, direction, protocol, peer, description } = self;
        let (from, to) = protocol.ports();
        let (mut cidr, mut wide, mut other, mut prefix_list) = (Value::Null, Value::Null, Value::Null, Value::Null);
        let source = match peer {
            Peer::Cidr(network) => {
                cidr = network.to_value();
                "cidr"
            }
            Peer::CidrIpv6(network) => {
                wide = network.to_value();
                "cidr_ipv6"
            }
            Peer::Group(group) => {
                other = group.to_value();
                "security_group"
            }
            Peer::PrefixList(id) => {
                prefix_list = id.to_value();
                "prefix_list"
            }
        };
        fields.add("security_group_id", group).replaces();
        let direction = match direction {
            Direction::Ingress => "ingress",
            Direction::Egress => "egress",
        };
        fields.add("type", direction).replaces();
        fields.add("source_type", source).replaces();
        fields.add("ip_protocol", protocol.name());
        fields.add("from_port", from);
        fields.add("to_port", to);
        fields.add("cidr_ipv4", cidr);
        fields.add("cidr_ipv6", wide);
        fields.add("referenced_security_group_id", other);
        fields.add("prefix_list_id", prefix_list);
        fields.add("description", description);
    }
}

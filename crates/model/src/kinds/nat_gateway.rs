//! NAT gateway.

use serde::{Deserialize, Serialize};

use super::{ElasticIp, Kind, KindInfo, KindName, Limit, Limits, Subnet, Timing, Traffic};
use crate::field::Fields;
use crate::graph::{Edge, Node, Nodes};
use crate::reference::Ref;

/// A public NAT gateway. Its id is `nat-…`; output `public_ip`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatGateway {
    /// The public subnet that it stands in.
    pub subnet: Ref<Subnet>,
    /// The address that it speaks from.
    pub address: Ref<ElasticIp>,
}

impl Kind for NatGateway {
    const INFO: KindInfo = KindInfo {
        unique: &[&["allocation_id"]],
        name_tag: true,
        timing: Timing { create: 1, ready: 105, delete: 55 },
        limits: Limits::new(
            Limit::new("ec2:CreateNatGateway", 10, 1_000),
            Limit::new("ec2:DeleteNatGateway", 10, 1_000),
        ),
        traffic_on_delete: Traffic::EgressOutage,
        ..KindInfo::new(KindName::NatGateway, "NAT gateway", "aws_nat_gateway")
    };

    fn fields(&self, fields: &mut Fields) {
        let NatGateway { subnet, address } = self;
        fields.add("subnet_id", subnet).replaces();
        fields.add("allocation_id", address).replaces();
    }

    /// The internet gateway of its VPC must be attached (`Gateway.NotAttached`), and cannot be detached before the NAT
    /// gateway's public address is gone.
    fn after(node: &Node<'_>, nodes: &Nodes<'_>) -> Vec<Edge> {
        internet_gateways(nodes, &nodes.pointed(node, "subnet_id"))
    }
}

/// Edges to the internet gateways of the VPCs that `subnets` are part of.
pub(super) fn internet_gateways(nodes: &Nodes<'_>, subnets: &[&Node<'_>]) -> Vec<Edge> {
    subnets
        .iter()
        .flat_map(|subnet| nodes.sharing(subnet, "vpc_id", KindName::InternetGateway, "vpc_id"))
        .map(|gateway| Edge::exists(gateway.address))
        .collect()
}

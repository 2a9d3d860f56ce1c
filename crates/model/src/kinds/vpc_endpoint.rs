//! VPC endpoint: gateway or interface.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Kind, KindInfo, KindName, Limit, Limits, Replacement, RouteTable, SecurityGroup, Subnet, Timing, Traffic, Vpc};
use crate::field::Fields;
use crate::graph::{Edge, Node, Nodes};
use crate::policy::PolicyDocument;
use crate::reference::Ref;
use crate::value::{ToValue, Value};

/// A private way to an AWS service. Its id is `vpce-…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VpcEndpoint {
    /// The VPC that it is part of.
    pub vpc: Ref<Vpc>,
    /// The service's full name, such as `com.amazonaws.ap-northeast-1.s3`.
    pub service_name: String,
    /// Which sort of endpoint.
    pub endpoint: EndpointType,
    /// Who may do what through it. AWS's default allows everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyDocument>,
}

/// The sorts of endpoints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EndpointType {
    /// Routes in route tables (S3, DynamoDB); costs nothing.
    Gateway {
        /// The tables that get the routes.
        route_tables: BTreeSet<Ref<RouteTable>>,
    },
    /// Network interfaces in subnets.
    Interface {
        /// One per availability zone.
        subnets: BTreeSet<Ref<Subnet>>,
        /// Groups that must let in 443 from whoever uses it.
        security_groups: BTreeSet<Ref<SecurityGroup>>,
        /// The service's public name resolves to the endpoint inside the VPC.
        private_dns: bool,
    },
}

impl Kind for VpcEndpoint {
    const INFO: KindInfo = KindInfo {
        unique: &[&["vpc_id", "service_name"]],
        // Two with private DNS, or two gateways on one table, collide.
        replacement: Replacement::DeleteFirst,
        name_tag: true,
        timing: Timing { create: 1, ready: 90, delete: 60 },
        limits: Limits {
            create: Some(Limit::new("ec2:CreateVpcEndpoint", 4, 3_334)),
            update: Some(Limit::new("ec2:ModifyVpcEndpoint", 4, 3_334)),
            delete: Some(Limit::new("ec2:DeleteVpcEndpoints", 4, 3_334)),
        },
        traffic_on_delete: Traffic::EgressOutage,
        ..KindInfo::new(KindName::VpcEndpoint, "VPC endpoint", "aws_vpc_endpoint")
    };

    fn fields(&self, fields: &mut Fields) {
        let VpcEndpoint { vpc, service_name, endpoint, policy } = self;
        let (kind, tables, subnets, groups, dns) = match endpoint {
            EndpointType::Gateway { route_tables } => {
                ("Gateway", route_tables.to_value(), Value::Null, Value::Null, Value::Null)
            }
            EndpointType::Interface { subnets, security_groups, private_dns } => {
                ("Interface", Value::Null, subnets.to_value(), security_groups.to_value(), private_dns.to_value())
            }
        };
        fields.add("vpc_id", vpc).replaces();
        fields.add("service_name", service_name).replaces();
        fields.add("vpc_endpoint_type", kind).replaces();
        fields.add("route_table_ids", tables);
        fields.add("subnet_ids", subnets);
        fields.add("security_group_ids", groups);
        fields.add("private_dns_enabled", dns);
        fields.add("policy", policy);
    }

    /// Private DNS needs both DNS attributes of the VPC, which are set when the VPC is ready.
    fn after(node: &Node<'_>, nodes: &Nodes<'_>) -> Vec<Edge> {
        nodes.pointed(node, "vpc_id").into_iter().map(|vpc| Edge::ready(vpc.address)).collect()
    }
}

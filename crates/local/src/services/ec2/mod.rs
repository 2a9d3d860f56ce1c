//! EC2: networks, and what is in them.

mod account;
mod acl;
mod address;
mod cidr;
mod common;
mod endpoint;
mod endpoint_service;
pub(crate) mod eni;
mod filter_names;
mod flow_log;
mod gateway;
pub(crate) mod group;
mod nat;
mod prefix_list;
pub(crate) mod route;
mod rule;
pub(crate) mod subnet;
mod tagging;
mod vpc;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::protocol::Protocol;
use crate::services::{Resource, Service, operations};
use crate::tags::Tags;
use crate::throttle::Bucket;
use crate::world::Cx;

pub(crate) use self::acl::NetworkAcl;
pub(crate) use self::address::Address;
pub(crate) use self::endpoint::Endpoint;
pub(crate) use self::eni::{Eni, NewEni};
pub(crate) use self::flow_log::FlowLog;
pub(crate) use self::gateway::InternetGateway;
pub(crate) use self::group::SecurityGroup;
pub(crate) use self::nat::NatGateway;
pub(crate) use self::prefix_list::PrefixList;
pub(crate) use self::route::RouteTable;
pub(crate) use self::subnet::Subnet;
pub(crate) use self::vpc::Vpc;

/// One region's networks. All maps are by id.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) vpcs: BTreeMap<String, Vpc>,
    pub(crate) subnets: BTreeMap<String, Subnet>,
    pub(crate) internet_gateways: BTreeMap<String, InternetGateway>,
    pub(crate) addresses: BTreeMap<String, Address>,
    pub(crate) nat_gateways: BTreeMap<String, NatGateway>,
    pub(crate) route_tables: BTreeMap<String, RouteTable>,
    pub(crate) endpoints: BTreeMap<String, Endpoint>,
    pub(crate) security_groups: BTreeMap<String, SecurityGroup>,
    pub(crate) network_interfaces: BTreeMap<String, Eni>,
    pub(crate) network_acls: BTreeMap<String, NetworkAcl>,
    pub(crate) prefix_lists: BTreeMap<String, PrefixList>,
    pub(crate) flow_logs: BTreeMap<String, FlowLog>,
    /// The region's default DHCP options set, once somebody has asked for it.
    pub(crate) dhcp_options: Option<(String, Tags)>,
    /// Customers' own ones.
    pub(crate) dhcp_sets: BTreeMap<String, account::DhcpSet>,
    /// `operation/token` to the request, as text, and the id of what it made.
    client_tokens: BTreeMap<String, (String, String)>,
    public_addresses: u32,
}

pub(crate) static SERVICE: Service = Service {
    name: "ec2",
    prefix: "ec2",
    protocol: Protocol::Ec2,
    invalid: "InvalidParameterValue",
    handler,
    bucket,
    on_event,
    resources,
};

operations! {
    "CreateVpc" => vpc::create,
    "DescribeVpcs" => vpc::describe,
    "DeleteVpc" => vpc::delete,
    "DescribeVpcAttribute" => vpc::describe_attribute,
    "ModifyVpcAttribute" => vpc::modify_attribute,
    "ModifyVpcTenancy" => vpc::modify_tenancy,
    "AssociateVpcCidrBlock" => vpc::associate_cidr,
    "DisassociateVpcCidrBlock" => vpc::disassociate_cidr,
    "AssociateDhcpOptions" => account::associate_dhcp_options,
    "DescribeDhcpOptions" => account::describe_dhcp_options,
    "CreateDhcpOptions" => account::create_dhcp_options,
    "DeleteDhcpOptions" => account::delete_dhcp_options,

    "CreateNetworkAcl" => acl::create,
    "DescribeNetworkAcls" => acl::describe,
    "DeleteNetworkAcl" => acl::delete,
    "ReplaceNetworkAclAssociation" => acl::replace_association,
    "CreateNetworkAclEntry" => acl::create_entry,
    "ReplaceNetworkAclEntry" => acl::replace_entry,
    "DeleteNetworkAclEntry" => acl::delete_entry,

    "CreateSubnet" => subnet::create,
    "DescribeSubnets" => subnet::describe,
    "DeleteSubnet" => subnet::delete,
    "ModifySubnetAttribute" => subnet::modify_attribute,

    "CreateInternetGateway" => gateway::create,
    "DescribeInternetGateways" => gateway::describe,
    "AttachInternetGateway" => gateway::attach,
    "DetachInternetGateway" => gateway::detach,
    "DeleteInternetGateway" => gateway::delete,

    "AllocateAddress" => address::allocate,
    "DescribeAddresses" => address::describe,
    "DescribeAddressesAttribute" => address::describe_attribute,
    "AssociateAddress" => address::associate,
    "DisassociateAddress" => address::disassociate,
    "ReleaseAddress" => address::release,

    "CreateNatGateway" => nat::create,
    "DescribeNatGateways" => nat::describe,
    "DeleteNatGateway" => nat::delete,

    "CreateRouteTable" => route::create_table,
    "DescribeRouteTables" => route::describe,
    "DeleteRouteTable" => route::delete_table,
    "CreateRoute" => route::create,
    "ReplaceRoute" => route::replace,
    "DeleteRoute" => route::delete,
    "AssociateRouteTable" => route::associate,
    "ReplaceRouteTableAssociation" => route::replace_association,
    "DisassociateRouteTable" => route::disassociate,

    "CreateVpcEndpoint" => endpoint::create,
    "DescribeVpcEndpoints" => endpoint::describe,
    "ModifyVpcEndpoint" => endpoint::modify,
    "DeleteVpcEndpoints" => endpoint::delete,
    "DescribeVpcEndpointServices" => endpoint_service::describe_services,

    "DescribePrefixLists" => prefix_list::describe,
    "DescribeManagedPrefixLists" => prefix_list::describe_managed,
    "CreateManagedPrefixList" => prefix_list::create,
    "ModifyManagedPrefixList" => prefix_list::modify,
    "DeleteManagedPrefixList" => prefix_list::delete,
    "GetManagedPrefixListEntries" => prefix_list::entries,

    "CreateSecurityGroup" => group::create,
    "DescribeSecurityGroups" => group::describe,
    "DeleteSecurityGroup" => group::delete,
    "AuthorizeSecurityGroupIngress" => rule::authorize_ingress,
    "AuthorizeSecurityGroupEgress" => rule::authorize_egress,
    "RevokeSecurityGroupIngress" => rule::revoke_ingress,
    "RevokeSecurityGroupEgress" => rule::revoke_egress,
    "DescribeSecurityGroupRules" => rule::describe,
    "ModifySecurityGroupRules" => rule::modify,
    "UpdateSecurityGroupRuleDescriptionsIngress" => rule::describe_ingress_anew,
    "UpdateSecurityGroupRuleDescriptionsEgress" => rule::describe_egress_anew,

    "CreateFlowLogs" => flow_log::create,
    "DescribeFlowLogs" => flow_log::describe,
    "DeleteFlowLogs" => flow_log::delete,

    "CreateNetworkInterface" => eni::create_by_user,
    "DescribeNetworkInterfaces" => eni::describe,
    "ModifyNetworkInterfaceAttribute" => eni::modify_attribute,
    "DeleteNetworkInterface" => eni::delete,

    "DescribeAvailabilityZones" => account::describe_zones,
    "DescribeRegions" => account::describe_regions,
    "DescribeAccountAttributes" => account::describe_attributes,
    "DescribeVpcPeeringConnections" => account::describe_peerings,

    "CreateTags" => tagging::create,
    "DeleteTags" => tagging::delete,
    "DescribeTags" => tagging::describe,
}

/// From AWS's page on EC2 throttling: each operation has a bucket of its own.
fn bucket(operation: &str) -> Option<Bucket> {
    Some(match operation {
        "CreateNatGateway" | "DeleteNatGateway" => Bucket::own(10.0, 1.0),
        "CreateVpcEndpoint" | "ModifyVpcEndpoint" | "DeleteVpcEndpoints" => Bucket::own(4.0, 0.3),
        "CreateTags" | "DeleteTags" => Bucket::own(100.0, 10.0),
        _ if operation.starts_with("Describe") => Bucket::own(100.0, 20.0),
        _ => Bucket::own(50.0, 5.0),
    })
}

/// What happens later. An event whose object is gone has nothing to do.
#[derive(Debug, Serialize, Deserialize)]
enum Later {
    VpcAvailable(String),
    SubnetAvailable(String),
    NatSettled(String),
    NatDeleted(String),
    NatForgotten(String),
    EndpointAvailable(String),
    EndpointDeleted(String),
}

impl Later {
    fn body(&self) -> Value {
        // An enum of strings always serialises.
        serde_json::to_value(self).unwrap_or_default()
    }
}

fn on_event(cx: &mut Cx<'_>, body: Value) {
    match serde_json::from_value(body) {
        Ok(Later::VpcAvailable(id)) => vpc::available(cx, &id),
        Ok(Later::SubnetAvailable(id)) => subnet::available(cx, &id),
        Ok(Later::NatSettled(id)) => nat::settled(cx, &id),
        Ok(Later::NatDeleted(id)) => nat::deleted(cx, &id),
        Ok(Later::NatForgotten(id)) => {
            cx.ec2().nat_gateways.remove(&id);
        }
        Ok(Later::EndpointAvailable(id)) => endpoint::available(cx, &id),
        Ok(Later::EndpointDeleted(id)) => endpoint::deleted(cx, &id),
        // An event of an older version of this program.
        Err(_) => {}
    }
}

fn resources(cx: &Cx<'_>) -> Vec<Resource> {
    let Some(state) = cx.world.regions.get(&cx.region).map(|region| &region.ec2) else { return Vec::new() };
    tagging::all(state)
        .into_iter()
        // The default DHCP options are AWS's, unless somebody has tagged them.
        .filter(|tagged| {
            let is_default = *tagged.kind == common::DHCP && !state.dhcp_sets.contains_key(tagged.id);
            !tagged.gone && (!is_default || !tagged.tags.is_empty())
        })
        .map(|tagged| Resource {
            arn: cx.arn("ec2", &format!("{}/{}", tagged.kind.resource_type, tagged.id)),
            kind: tagged.kind.tagging_type,
            tags: tagged.tags.clone(),
        })
        .collect()
}

//! Route table, with its routes and subnet associations.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{InternetGateway, Kind, KindInfo, KindName, Limit, Limits, NatGateway, Subnet, Timing, Traffic, Vpc};
use crate::field::{Compare, Fields};
use crate::network::Ipv4Cidr;
use crate::reference::Ref;
use crate::value::{ToValue, Value};

/// A route table. Its id is `rtb-…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteTable {
    /// The VPC that it is part of.
    pub vpc: Ref<Vpc>,
    /// Routes by destination, besides the VPC's own local route.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub routes: BTreeMap<Ipv4Cidr, RouteTarget>,
    /// The subnets that use it; a subnet uses one table at most.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub subnets: BTreeSet<Ref<Subnet>>,
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteTarget {
    /// To the internet, for public addresses.
    InternetGateway(Ref<InternetGateway>),
    /// To the internet, for private addresses.
    NatGateway(Ref<NatGateway>),
    /// Something that this model cannot make (a peering, a transit gateway, an instance), by its id.
    Other(String),
}

impl Kind for RouteTable {
    const INFO: KindInfo = KindInfo {
        name_tag: true,
        timing: Timing { create: 2, ready: 0, delete: 1 },
        limits: Limits::new(Limit::ec2("ec2:CreateRouteTable"), Limit::ec2("ec2:DeleteRouteTable")),
        traffic_on_delete: Traffic::EgressOutage,
        ..KindInfo::new(KindName::RouteTable, "route table", "aws_route_table")
    };

    fn fields(&self, fields: &mut Fields) {
        let RouteTable { vpc, routes, subnets } = self;
        fields.add("vpc_id", vpc).replaces();
        let routes = routes.iter().map(|(to, via)| (to.to_string(), via.to_value()));
        fields.add("route", Value::map(routes)).compare(Compare::Parts);
        fields.add("association", subnets).compare(Compare::Parts);
    }
}

impl ToValue for RouteTarget {
    fn to_value(&self) -> Value {
        match self {
            RouteTarget::InternetGateway(gateway) => gateway.to_value(),
            RouteTarget::NatGateway(gateway) => gateway.to_value(),
            RouteTarget::Other(id) => Value::str(id),
        }
    }
}

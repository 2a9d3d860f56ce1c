//! Networks fit: subnets inside their VPC and apart from each other, one table each, zones, DNS attributes.

use std::collections::{BTreeMap, BTreeSet};

use super::Checks;
use crate::kinds::load_balancer::Scheme;
use crate::kinds::route_table::RouteTarget;
use crate::kinds::vpc_endpoint::EndpointType;
use crate::kinds::{LoadBalancer, NatGateway, PrivateDnsNamespace, RouteTable, Subnet, Vpc, VpcEndpoint};
use crate::value::Target;
use crate::{Address, Ipv4Cidr, Ref};

pub(super) fn check(checks: &mut Checks<'_, '_>) {
    subnets(checks);
    associations(checks);
    load_balancer_zones(checks);
    public_places(checks);
    private_dns(checks);
}

fn subnets(checks: &mut Checks<'_, '_>) {
    let all = checks.all::<Subnet>();
    for (index, (address, subnet)) in all.iter().enumerate() {
        if let Some((_, vpc)) = checks.find(&subnet.vpc)
            && !vpc.cidr.contains(&subnet.cidr)
        {
            checks.at(address).field(
                "E-CIDR-OUTSIDE",
                "cidr_block",
                format!("`{}` does not lie inside the VPC's `{}`", subnet.cidr, vpc.cidr),
                "choose a part of the VPC's network, or widen the VPC",
            );
        }
        for (other_address, other) in &all[..index] {
            if other.vpc == subnet.vpc && other.cidr.overlaps(&subnet.cidr) {
                checks.at(address).field(
                    "E-CIDR-OVERLAP",
                    "cidr_block",
                    format!("`{}` overlaps `{}` of `{other_address}`", subnet.cidr, other.cidr),
                    "give each subnet of a VPC a network of its own",
                );
            }
        }
    }
}

fn associations(checks: &mut Checks<'_, '_>) {
    let mut taken: BTreeMap<&Target, &Address> = BTreeMap::new();
    for (address, table) in checks.all::<RouteTable>() {
        for subnet in &table.subnets {
            if let Some(other) = taken.insert(subnet.target(), address) {
                checks.at(address).field(
                    "E-SUBNET-TABLES",
                    "association",
                    format!("{} uses `{other}` already", name(subnet)),
                    "a subnet uses one route table; remove it from one of the two",
                );
            } else if let Some((_, found)) = checks.find(subnet)
                && found.vpc != table.vpc
            {
                checks.at(address).field(
                    "E-OTHER-VPC",
                    "association",
                    format!("{} is part of another VPC", name(subnet)),
                    "a route table serves subnets of its own VPC",
                );
            }
        }
        for destination in table.routes.keys() {
            if let Some((_, vpc)) = checks.find(&table.vpc)
                && *destination == vpc.cidr
            {
                checks.at(address).field(
                    "E-ROUTE-LOCAL",
                    "route",
                    format!("`{destination}` is the VPC's own network, whose local route AWS makes"),
                    "remove the route",
                );
            }
        }
    }
}

/// How a person names what a reference points at.
fn name<K>(reference: &Ref<K>) -> String {
    match reference.target() {
        Target::Address(address) => format!("`{address}`"),
        Target::Id(id) => format!("`{id}`"),
    }
}

fn load_balancer_zones(checks: &mut Checks<'_, '_>) {
    for (address, balancer) in checks.all::<LoadBalancer>() {
        let found: Vec<_> = balancer.subnets.iter().filter_map(|subnet| checks.find(subnet)).collect();
        if found.len() < balancer.subnets.len() || found.len() < 2 {
            continue;
        }
        let zones: BTreeSet<&str> = found.iter().map(|(_, subnet)| subnet.zone.as_str()).collect();
        if zones.len() < found.len() {
            checks.at(address).field(
                "E-LB-ZONES",
                "subnets",
                "two of its subnets are in one availability zone",
                "an Application Load Balancer takes one subnet per zone, in two zones or more",
            );
        }
        if found.iter().any(|(_, subnet)| subnet.vpc != found[0].1.vpc) {
            checks.at(address).field(
                "E-OTHER-VPC",
                "subnets",
                "its subnets are parts of different VPCs",
                "choose subnets of one VPC",
            );
        }
    }
}

/// The route table of a subnet, if the stack says which.
pub(super) fn table_of<'s>(checks: &Checks<'s, '_>, subnet: &Ref<Subnet>) -> Option<&'s RouteTable> {
    checks.all::<RouteTable>().into_iter().map(|(_, table)| table).find(|table| table.subnets.contains(subnet))
}

/// Whether a subnet's default route leads out, and over what; `None` if the stack does not say.
pub(super) fn default_route<'s>(checks: &Checks<'s, '_>, subnet: &Ref<Subnet>) -> Option<Option<&'s RouteTarget>> {
    subnet.address()?;
    Some(table_of(checks, subnet)?.routes.get(&Ipv4Cidr::ANYWHERE))
}

fn public_places(checks: &mut Checks<'_, '_>) {
    let leads_nowhere = |checks: &Checks<'_, '_>, subnet: &Ref<Subnet>| {
        matches!(default_route(checks, subnet), Some(None | Some(RouteTarget::NatGateway(_))))
    };
    for (address, gateway) in checks.all::<NatGateway>() {
        if leads_nowhere(checks, &gateway.subnet) {
            checks.at(address).field(
                "E-NAT-PRIVATE",
                "subnet_id",
                format!("{} has no default route to an internet gateway", name(&gateway.subnet)),
                "a public NAT gateway stands in a public subnet",
            );
        }
    }
    for (address, balancer) in checks.all::<LoadBalancer>() {
        for subnet in balancer.subnets.iter().filter(|_| balancer.scheme == Scheme::InternetFacing) {
            if leads_nowhere(checks, subnet) {
                checks.at(address).field(
                    "E-LB-PRIVATE",
                    "subnets",
                    format!("{} has no default route to an internet gateway", name(subnet)),
                    "an internet-facing load balancer stands in public subnets; make it internal, or choose others",
                );
            }
        }
    }
}

/// Private DNS of endpoints and Cloud Map resolves only with both DNS attributes of the VPC (CreateVpcEndpoint).
fn private_dns(checks: &mut Checks<'_, '_>) {
    let mut wants: Vec<(&Address, &Ref<Vpc>, &str)> = Vec::new();
    let mut taken: BTreeMap<(&Target, &str), &Address> = BTreeMap::new();
    for (address, endpoint) in checks.all::<VpcEndpoint>() {
        match &endpoint.endpoint {
            EndpointType::Interface { private_dns: true, subnets, security_groups: _ } => {
                wants.push((address, &endpoint.vpc, "private_dns_enabled"));
                let key = (endpoint.vpc.target(), endpoint.service_name.as_str());
                if let Some(other) = taken.insert(key, address) {
                    checks.at(address).field(
                        "E-ENDPOINT-DNS",
                        "private_dns_enabled",
                        format!("`{other}` has private DNS for `{}` in this VPC already", endpoint.service_name),
                        "keep private DNS on one of the two",
                    );
                }
                if subnets.is_empty() {
                    checks.at(address).field(
                        "E-ENDPOINT-SUBNETS",
                        "subnet_ids",
                        "an interface endpoint without a subnet has no address",
                        "give it one subnet per availability zone",
                    );
                }
            }
            EndpointType::Interface { .. } => {}
            EndpointType::Gateway { route_tables } => {
                if route_tables.is_empty() {
                    checks.at(address).field(
                        "E-ENDPOINT-TABLES",
                        "route_table_ids",
                        "a gateway endpoint without a route table serves nobody",
                        "name the route tables of the subnets that shall use it",
                    );
                }
            }
        }
    }
    wants.extend(checks.all::<PrivateDnsNamespace>().into_iter().map(|(at, namespace)| (at, &namespace.vpc, "vpc")));
    for (address, vpc, field) in wants {
        if let Some((vpc_address, vpc)) = checks.find(vpc)
            && (vpc.dns_support == Some(false) || vpc.dns_hostnames != Some(true))
        {
            checks.at(address).field(
                "E-VPC-DNS",
                field,
                format!("private names resolve only with both DNS attributes of `{vpc_address}` on"),
                "set `dns_support` and `dns_hostnames` of the VPC to true",
            );
        }
    }
}

//! Network and security: VPC, subnets, gateways, route tables, endpoints, security groups.

use aomidori_model::kinds::route_table::RouteTarget;
use aomidori_model::kinds::security_group_rule::{Direction, Peer, Protocol};
use aomidori_model::kinds::vpc_endpoint::EndpointType;
use aomidori_model::kinds::{
    ElasticIp, InternetGateway, NatGateway, RouteTable, SecurityGroup, SecurityGroupRule, Subnet, Vpc, VpcEndpoint,
};
use aomidori_model::{Ipv4Cidr, Resource};

use super::{Cx, access, attribute, point, points};
use crate::EmitError;
use crate::inputs::{RULE_CIDR, SUBNET_CIDR, VPC_CIDR, ZONE};
use crate::ir::{Gather, Id, Ignore, Item, Node};
use crate::text::snake;

pub(super) fn vpc(cx: &mut Cx<'_>, it: &Vpc) {
    let Vpc { cidr, dns_support, dns_hostnames } = it;
    let body = vec![
        Item::Attr("cidr_block", Node::input(&VPC_CIDR, Node::str(cidr.to_string()))),
        Item::Attr("enable_dns_support", Node::opt(*dns_support, Node::Bool)),
        Item::Attr("enable_dns_hostnames", Node::opt(*dns_hostnames, Node::Bool)),
        Item::Gap,
        cx.plain_tags(),
    ];
    cx.add(cx.main("vpc", "main", Gather::Shape, body));
}

pub(super) fn subnet(cx: &mut Cx<'_>, it: &Subnet) {
    let Subnet { vpc, cidr, zone, map_public_ip_on_launch } = it;
    let zone = match cx.stack.region().and_then(|region| zone.strip_prefix(&region).map(str::to_owned)) {
        Some(rest) => Node::Join(vec![Node::Code("var.region".into()), Node::input(&ZONE, Node::str(rest))]),
        None => Node::str(zone),
    };
    let body = vec![
        Item::Attr("vpc_id", point(vpc)),
        Item::Attr("cidr_block", Node::input(&SUBNET_CIDR, Node::str(cidr.to_string()))),
        Item::Attr("availability_zone", zone),
        Item::Attr("map_public_ip_on_launch", Node::opt(*map_public_ip_on_launch, Node::Bool)),
        Item::Gap,
        cx.plain_tags(),
    ];
    cx.add(cx.main("subnet", "main", Gather::Tier, body));
}

pub(super) fn internet_gateway(cx: &mut Cx<'_>, it: &InternetGateway) {
    let InternetGateway { vpc } = it;
    let body = vec![Item::Attr("vpc_id", point(vpc)), Item::Gap, cx.plain_tags()];
    cx.add(cx.main("internet_gateway", "main", Gather::Shape, body));
}

pub(super) fn elastic_ip(cx: &mut Cx<'_>, it: &ElasticIp) {
    let ElasticIp {} = it;
    let body = vec![Item::Attr("domain", Node::str("vpc")), Item::Gap, cx.plain_tags()];
    cx.add(cx.main("eip", "routing", Gather::Tier, body));
}

pub(super) fn nat_gateway(cx: &mut Cx<'_>, it: &NatGateway) {
    let NatGateway { subnet, address } = it;
    let body = vec![
        Item::Attr("subnet_id", point(subnet)),
        Item::Attr("allocation_id", point(address)),
        Item::Gap,
        cx.plain_tags(),
    ];
    cx.add(cx.main("nat_gateway", "routing", Gather::Tier, body));
}

pub(super) fn route_table(cx: &mut Cx<'_>, it: &RouteTable) {
    let RouteTable { vpc, routes, subnets } = it;
    let mut parts = Vec::new();
    if !routes.is_empty() {
        parts.push(Node::strs(routes.keys().map(|destination| format!("route={destination}"))));
    }
    if !subnets.is_empty() {
        parts.push(Node::Call("formatlist", vec![Node::str("association=%s"), points(subnets)]));
    }
    let tags = cx.tags(parts, routes.len() + subnets.len());
    let body = vec![Item::Attr("vpc_id", point(vpc)), Item::Gap, Item::Attr("tags", tags)];
    cx.add(cx.main("route_table", "routing", Gather::Tier, body));

    let table = || Node::Ref(Id::of("aws_route_table", cx.address), "id");
    let mut made = Vec::new();
    for (destination, target) in routes {
        let mut body = vec![
            Item::Attr("route_table_id", table()),
            Item::Attr("destination_cidr_block", Node::str(destination.to_string())),
        ];
        body.push(match target {
            RouteTarget::InternetGateway(gateway) => Item::Attr("gateway_id", point(gateway)),
            RouteTarget::NatGateway(gateway) => Item::Attr("nat_gateway_id", point(gateway)),
            RouteTarget::Other(id) => Item::Attr(route_argument(id), Node::str(id)),
        });
        let id = Id::part("aws_route", cx.address, destination.to_string());
        let mut route = cx.instance(id, "route", "routing", Gather::Tier, body);
        if routes.len() > 1 {
            route.label = format!("{}-{}", cx.label, snake(&destination.to_string()).trim_start_matches('_'));
            route.gather = Gather::Under(snake(&cx.label), destination.to_string());
        }
        made.push(route);
    }
    for (n, subnet) in subnets.iter().enumerate() {
        let body = vec![Item::Attr("subnet_id", point(subnet)), Item::Attr("route_table_id", table())];
        let part = subnet.address().map_or_else(|| format!("subnet {n}"), ToString::to_string);
        let mut association = cx.instance(
            Id::part("aws_route_table_association", cx.address, part),
            "association",
            "routing",
            Gather::Tier,
            body,
        );
        association.label = match subnet.address() {
            Some(address) => address.leaf().to_owned(),
            None => format!("{}-existing-{n}", cx.label),
        };
        made.push(association);
    }
    for instance in made {
        cx.add(instance);
    }
}

/// The argument for something that the model cannot make, by the look of its id.
fn route_argument(id: &str) -> &'static str {
    match id.split('-').next().unwrap_or_default() {
        "nat" => "nat_gateway_id",
        "tgw" => "transit_gateway_id",
        "pcx" => "vpc_peering_connection_id",
        "eni" => "network_interface_id",
        "vpce" => "vpc_endpoint_id",
        "lgw" => "local_gateway_id",
        "cagw" => "carrier_gateway_id",
        _ => "gateway_id",
    }
}

pub(super) fn vpc_endpoint(cx: &mut Cx<'_>, it: &VpcEndpoint) -> Result<(), EmitError> {
    let VpcEndpoint { vpc, service_name, endpoint, policy } = it;
    let mut body = vec![Item::Attr("vpc_id", point(vpc)), Item::Attr("service_name", Node::Name(service_name.clone()))];
    match endpoint {
        EndpointType::Gateway { route_tables } => {
            body.push(Item::Attr("vpc_endpoint_type", Node::str("Gateway")));
            body.push(Item::Attr("route_table_ids", points(route_tables)));
        }
        EndpointType::Interface { subnets, security_groups, private_dns } => {
            body.push(Item::Attr("vpc_endpoint_type", Node::str("Interface")));
            body.push(Item::Attr("subnet_ids", points(subnets)));
            body.push(Item::Attr("security_group_ids", points(security_groups)));
            body.push(Item::Attr("private_dns_enabled", Node::Bool(*private_dns)));
        }
    }
    if let Some(policy) = policy {
        body.push(Item::Attr("policy", access::document(cx, policy, "", "endpoints")?));
    }
    body.extend([Item::Gap, cx.plain_tags()]);
    let gather = if policy.is_some() { Gather::Alone } else { Gather::Shape };
    cx.add(cx.main("vpc_endpoint", "endpoints", gather, body));
    Ok(())
}

pub(super) fn security_group(cx: &mut Cx<'_>, it: &SecurityGroup) {
    let SecurityGroup { name, description, vpc, open_egress } = it;
    let mut body = vec![
        Item::Attr("name", Node::Name(name.to_string())),
        Item::Attr("description", Node::str(description.as_str())),
        Item::Attr("vpc_id", point(vpc)),
    ];
    if *open_egress {
        // The provider revokes AWS's own rule from a group that it creates, so it is written down.
        body.extend([
            Item::Gap,
            Item::Block(
                "egress",
                vec![
                    Item::Attr("protocol", Node::str("-1")),
                    Item::Attr("from_port", Node::Int(0)),
                    Item::Attr("to_port", Node::Int(0)),
                    Item::Attr("cidr_blocks", Node::strs(["0.0.0.0/0"])),
                ],
            ),
        ]);
    }
    body.extend([Item::Gap, cx.plain_tags()]);
    let mut group = cx.main("security_group", "main", Gather::Shape, body);
    let me = Some(cx.address);
    let mut rules = cx.stack.of::<SecurityGroupRule>();
    if *open_egress && rules.any(|(_, rule)| rule.direction == Direction::Egress && rule.group.address() == me) {
        group.ignore = Ignore {
            reason: "Its other rules are resources of their own, and would be taken back for not being here.",
            fields: vec!["egress"],
            ..Ignore::default()
        };
    }
    if *open_egress {
        group.why = "The provider takes from a new group the rule that lets everything out; here it is said to stay.";
    }
    cx.add(group);
}

const ALL_TYPES: &str = "AWS wants -1, all types, to create one, and an import reads that as nothing.";
const ALL_CODES: &str = "AWS wants -1, all codes, to create one, and an import reads that as nothing.";

pub(super) fn security_group_rule(cx: &mut Cx<'_>, it: &SecurityGroupRule) {
    let SecurityGroupRule { group, direction, protocol, peer, description } = it;
    // -1 for ICMP is "all types"; without a protocol there are no ports.
    let (from, to) = protocol.ports();
    let port = |port: i64| if protocol.name() == "-1" { Node::Null } else { Node::Int(port) };
    let (mut cidr, mut wide, mut other, mut list) = (Node::Null, Node::Null, Node::Null, Node::Null);
    match peer {
        Peer::Cidr(network) => cidr = network_of(cx, it, *network),
        Peer::CidrIpv6(network) => wide = Node::str(network.to_string()),
        Peer::Group(group) => other = point(group),
        Peer::PrefixList(id) => list = Node::str(id),
    }
    let description = description.as_ref().map_or(Node::Null, |text| Node::str(text.as_str()));
    let body = vec![
        Item::Attr("security_group_id", point(group)),
        Item::Attr("ip_protocol", Node::str(protocol.name())),
        Item::Attr("from_port", port(from)),
        Item::Attr("to_port", port(to)),
        Item::Attr("cidr_ipv4", cidr),
        Item::Attr("cidr_ipv6", wide),
        Item::Attr("referenced_security_group_id", other),
        Item::Attr("prefix_list_id", list),
        Item::Attr("description", description),
        Item::Gap,
        cx.plain_tags(),
    ];
    let noun = match direction {
        Direction::Ingress => "ingress_rule",
        Direction::Egress => "egress_rule",
    };
    let mut rule = cx.main(noun, "main", Gather::Shape, body);
    let every = match protocol {
        Protocol::Icmp => Some(("icmp", ALL_TYPES, vec!["from_port", "to_port"])),
        Protocol::IcmpType { code: None, .. } => Some(("icmp_type", ALL_CODES, vec!["to_port"])),
        _ => None,
    };
    if let Some((shape, reason, fields)) = every {
        rule.gather = Gather::Under(shape.into(), cx.label.clone());
        rule.ignore = Ignore { reason, fields, ..Ignore::default() };
    }
    cx.add(rule);
}

/// The network of a rule: the VPC's own if it is that, else an input.
fn network_of(cx: &Cx<'_>, rule: &SecurityGroupRule, network: Ipv4Cidr) -> Node {
    let group = rule.group.address().and_then(|address| cx.stack.get(address)).map(|entry| &entry.resource);
    if let Some(Resource::SecurityGroup(group)) = group
        && let Some((_, vpc)) = cx.stack.find(&group.vpc)
        && vpc.cidr == network
    {
        return attribute(&group.vpc, "cidr_block");
    }
    Node::input(&RULE_CIDR, Node::str(network.to_string()))
}

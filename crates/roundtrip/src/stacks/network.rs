//! VPCs, subnets, routes, endpoints, security groups and their rules, Cloud Map.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::kinds::discovery_service::RoutingPolicy;
use aomidori_model::kinds::route_table::RouteTarget;
use aomidori_model::kinds::security_group_rule::{Direction, Peer, Protocol};
use aomidori_model::kinds::vpc_endpoint::EndpointType;
use aomidori_model::kinds::*;
use aomidori_model::policy::{PolicyDocument, PolicyResource, Statement};
use aomidori_model::{PortRange, Ref};

use super::{Build, Network, ODD, parse};
use crate::Dice;

/// The networks that VPCs have, and as what parts of them subnets are cut: prefix of the VPC, prefix of a subnet.
const PLACES: &[(&str, u8, u8)] = &[
    ("10.0.0.0", 16, 24),
    ("172.31.128.0", 17, 20),
    ("192.168.0.0", 20, 24),
    ("100.64.0.0", 22, 26),
    ("10.255.255.0", 24, 28),
    ("198.18.0.0", 16, 19),
];

/// The `n`-th part of a network, as a CIDR.
fn cut(base: &str, prefix: u8, n: u32) -> String {
    let octets: Vec<u32> = base.split('.').filter_map(|octet| octet.parse().ok()).collect();
    let start = octets.iter().fold(0, |sum, octet| (sum << 8) | octet);
    let at = start + (n << (32 - u32::from(prefix)));
    format!("{}.{}.{}.{}/{prefix}", at >> 24, (at >> 16) & 255, (at >> 8) & 255, at & 255)
}

pub(super) fn network(build: &mut Build<'_>, dice: &mut Dice, n: u32) -> Network {
    let group = if n == 0 {
        dice.word(&["network", "net-1", "core.net", "1st"]).to_owned()
    } else {
        format!("{}-{n}", dice.word(&["other", "net_2"]))
    };
    let group = group.as_str();
    let region = build.around.region.clone();
    // Only one of a stack stands in the VPC that is somebody else's.
    let theirs = n == 0 && dice.one_in(5);
    let (base, prefix, part) =
        if theirs { ("10.99.0.0", 16, 24) } else { dice.choose(PLACES).unwrap_or(("10.0.0.0", 16, 24)) };
    let cidr = format!("{base}/{prefix}");
    // Private names need both; without them every way of saying nothing is tried.
    let names = theirs || dice.one_in(2);
    let vpc = Vpc {
        cidr: parse(&cidr),
        dns_support: if names { dice.maybe(|_| true) } else { dice.maybe(|dice| dice.one_in(3)) },
        dns_hostnames: if names { Some(true) } else { dice.maybe(|_| false) },
    };
    let resolves = names;
    let (vpc, gateway) = if theirs {
        let outside = &build.around.outside;
        let gateway = if dice.one_in(2) {
            RouteTarget::Other(outside.gateway.clone())
        } else {
            RouteTarget::InternetGateway(Ref::existing(&outside.gateway))
        };
        (Ref::existing(&outside.vpc), gateway)
    } else {
        let vpc = build.add(&format!("{group}/vpc"), vpc);
        let gateway = build.add(&format!("{group}/gateway"), InternetGateway { vpc: vpc.clone() });
        (vpc, RouteTarget::InternetGateway(gateway))
    };
    let zones: Vec<&str> = ["a", "c", "d"].into_iter().take(dice.between(2, 3).try_into().unwrap_or(2)).collect();
    let mut subnets = |tier: &str, first: u32, public: Option<bool>| -> Vec<Ref<Subnet>> {
        zones
            .iter()
            .enumerate()
            .map(|(at, zone)| {
                let subnet = Subnet {
                    vpc: vpc.clone(),
                    cidr: parse(&cut(base, part, first + u32::try_from(at).unwrap_or_default())),
                    zone: format!("{region}{zone}"),
                    map_public_ip_on_launch: public,
                };
                build.add(&format!("{group}/subnet/{tier}-{zone}"), subnet)
            })
            .collect()
    };
    let public = subnets("public", 0, dice.maybe(|dice| dice.one_in(2)));
    let mut private = subnets("private", 3, None);
    let lonely = if part - prefix > 3 && dice.one_in(2) { subnets("storage", 8, Some(false)) } else { Vec::new() };
    let mut routes: BTreeMap<_, _> = [(parse("0.0.0.0/0"), gateway.clone())].into();
    if dice.one_in(3) {
        routes.insert(parse("203.0.113.0/24"), gateway);
    }
    let table = RouteTable { vpc: vpc.clone(), routes, subnets: public.iter().cloned().collect() };
    let mut tables = vec![build.add(&format!("{group}/table/public"), table)];
    match dice.roll(3) {
        // One NAT gateway for each zone, or one for all.
        few @ 0..=1 => {
            let mut gateways = Vec::new();
            for (at, subnet) in public.iter().enumerate().take(if few == 0 { 1 } else { public.len() }) {
                let address = build.add(&format!("{group}/address/{at}"), ElasticIp {});
                let gateway = NatGateway { subnet: subnet.clone(), address };
                gateways.push(build.add(&format!("{group}/nat/{at}"), gateway));
            }
            for (at, subnet) in private.iter().enumerate() {
                let Some(via) = gateways.get(at).or(gateways.first()) else { continue };
                let mut routes: BTreeMap<_, _> = [(parse("0.0.0.0/0"), RouteTarget::NatGateway(via.clone()))].into();
                if dice.one_in(3) {
                    routes.insert(parse("198.51.100.0/25"), RouteTarget::NatGateway(via.clone()));
                }
                let table = RouteTable { vpc: vpc.clone(), routes, subnets: [subnet.clone()].into() };
                tables.push(build.add(&format!("{group}/table/private-{at}"), table));
            }
        }
        // No way out of the private subnets: services go to the public ones.
        _ => private = Vec::new(),
    }
    if !lonely.is_empty() {
        let subnets: BTreeSet<_> = dice.some(&lonely, 0).into_iter().collect();
        let table = RouteTable { vpc: vpc.clone(), routes: BTreeMap::new(), subnets };
        tables.push(build.add(&format!("{group}/table/storage"), table));
    }
    let [open, inner, other] = groups(build, dice, group, &vpc, &cidr);
    endpoints(build, dice, group, &vpc, &public, &tables, &inner, resolves);
    let discovery = if resolves { discovery(build, dice, &vpc, theirs, n) } else { Vec::new() };
    Network { vpc, public, private, open, inner, other, theirs, discovery }
}

fn groups(build: &mut Build<'_>, dice: &mut Dice, group: &str, vpc: &Ref<Vpc>, cidr: &str) -> [Ref<SecurityGroup>; 3] {
    let mut add = |dice: &mut Dice, label: &str| {
        let name = match dice.roll(3) {
            0 => format!("{} {label} (group)", build.name),
            1 => format!("{}-{group}-{label}", build.name),
            _ => format!("{label} $*{{}}[x]:{group}"),
        };
        let descriptions = ["a group", "Lets in; out = all! [x] {y}", "web/8080, (see #1)", "$x & ${co} $${z}", "null"];
        let description = dice.word(&descriptions);
        let group_ = SecurityGroup {
            name: parse(&name),
            description: parse(description),
            vpc: vpc.clone(),
            open_egress: !dice.one_in(4),
        };
        build.add(&format!("{group}/security-group/{label}"), group_)
    };
    let groups = [add(dice, "open"), add(dice, "inner"), add(dice, "other")];
    let anywhere = Peer::Cidr(parse("0.0.0.0/0"));
    let all = PortRange::new(1, 65535).expect("a legal range");
    let mut rules: Vec<(usize, Direction, Protocol, Peer)> = vec![
        (0, Direction::Ingress, Protocol::Tcp(all), anywhere.clone()),
        (
            1,
            Direction::Ingress,
            if dice.one_in(2) { Protocol::All } else { Protocol::Tcp(all) },
            Peer::Cidr(parse(cidr)),
        ),
    ];
    let further = [
        (2, Direction::Ingress, Protocol::Icmp, Peer::Cidr(parse("192.0.2.0/24"))),
        (2, Direction::Ingress, Protocol::Icmp, Peer::Group(groups[0].clone())),
        (2, Direction::Ingress, Protocol::IcmpType { r#type: 8, code: None }, Peer::Cidr(parse("10.9.0.0/16"))),
        (2, Direction::Ingress, Protocol::Tcp(all), Peer::CidrIpv6(parse("2001:db8::/32"))),
        (2, Direction::Ingress, Protocol::Udp(PortRange::new(53, 53).expect("legal")), Peer::Group(groups[1].clone())),
        (
            2,
            Direction::Ingress,
            Protocol::Tcp(PortRange::new(8000, 8100).expect("legal")),
            Peer::Group(groups[2].clone()),
        ),
        (0, Direction::Ingress, Protocol::All, Peer::Group(groups[2].clone())),
        (
            2,
            Direction::Egress,
            Protocol::Tcp(PortRange::new(443, 443).expect("legal")),
            Peer::Cidr(parse("10.9.8.7/32")),
        ),
        (2, Direction::Egress, Protocol::All, Peer::Group(groups[0].clone())),
        (1, Direction::Egress, Protocol::Udp(PortRange::new(0, 65535).expect("legal")), anywhere.clone()),
        (
            2,
            Direction::Ingress,
            Protocol::Tcp(PortRange::new(443, 443).expect("legal")),
            Peer::PrefixList("pl-61a54008".into()),
        ),
        (
            2,
            Direction::Egress,
            Protocol::Tcp(PortRange::new(443, 443).expect("legal")),
            Peer::PrefixList("pl-61a54008".into()),
        ),
        (2, Direction::Egress, Protocol::Icmp, anywhere.clone()),
        (2, Direction::Ingress, Protocol::All, Peer::Cidr(parse("198.51.100.7/32"))),
    ];
    // A rule out of a group from which everything may go out already says nothing; the others may.
    rules.extend(dice.some(&further, 0));
    for (n, (at, direction, protocol, peer)) in rules.into_iter().enumerate() {
        let rule = SecurityGroupRule {
            group: groups[at].clone(),
            direction,
            protocol,
            peer,
            description: dice.maybe(|dice| parse(dice.word(&["a rule", "who & why: [x]", "${x} $${y}"]))),
        };
        build.add(&format!("{group}/rule/{n}"), rule);
    }
    groups
}

#[expect(clippy::too_many_arguments, reason = "the parts of one network")]
fn endpoints(
    build: &mut Build<'_>,
    dice: &mut Dice,
    group: &str,
    vpc: &Ref<Vpc>,
    subnets: &[Ref<Subnet>],
    tables: &[Ref<RouteTable>],
    inner: &Ref<SecurityGroup>,
    resolves: bool,
) {
    let region = build.around.region.clone();
    let policy = |dice: &mut Dice| {
        if !dice.one_in(3) {
            return None;
        }
        let principal = Some(aomidori_model::policy::Principal::Anyone);
        let mut allow = Statement::allow(["s3:GetObject", "s3:ListBucket"], [PolicyResource::arn("*")]);
        if dice.one_in(2) {
            let keys = BTreeMap::from([("aws:PrincipalTag/${x}".to_owned(), BTreeSet::from(["a \"b\" *".to_owned()]))]);
            allow.conditions.insert("StringNotLike".into(), keys);
        }
        Some(PolicyDocument::of([Statement { principal, ..allow }]))
    };
    for service in ["s3", "dynamodb"] {
        if !dice.one_in(2) {
            continue;
        }
        let endpoint = VpcEndpoint {
            vpc: vpc.clone(),
            service_name: format!("com.amazonaws.{region}.{service}"),
            endpoint: EndpointType::Gateway { route_tables: dice.some(tables, 1).into_iter().collect() },
            policy: policy(dice),
        };
        build.add(&format!("{group}/endpoint/{service}"), endpoint);
    }
    for service in ["ecr.api", "logs"] {
        if !dice.one_in(3) {
            continue;
        }
        let endpoint = VpcEndpoint {
            vpc: vpc.clone(),
            service_name: format!("com.amazonaws.{region}.{service}"),
            endpoint: EndpointType::Interface {
                subnets: dice.some(subnets, 1).into_iter().collect(),
                security_groups: [inner.clone()].into(),
                private_dns: resolves && dice.one_in(2),
            },
            policy: policy(dice),
        };
        build.add(&format!("{group}/endpoint/{service}"), endpoint);
    }
}

fn discovery(
    build: &mut Build<'_>,
    dice: &mut Dice,
    vpc: &Ref<Vpc>,
    theirs: bool,
    n: u32,
) -> Vec<Ref<DiscoveryService>> {
    if dice.one_in(3) {
        return Vec::new();
    }
    let name = match dice.roll(3) {
        0 => format!("{n}.{}.local", build.name),
        1 => format!("a-{n}.internal.example"),
        _ => format!("local{n}"),
    };
    let namespace = PrivateDnsNamespace {
        name: parse(&name),
        vpc: vpc.clone(),
        description: dice.maybe(|dice| dice.word(ODD).to_owned()),
    };
    let namespace = if theirs && dice.one_in(2) {
        Ref::existing(&build.around.outside.namespace)
    } else {
        build.add(&format!("discovery/namespace/{n}"), namespace)
    };
    (0..dice.between(1, 2))
        .map(|at| {
            let service = DiscoveryService {
                name: parse(&build.name(dice, "svc", "_", 60)),
                namespace: namespace.clone(),
                ttl: dice.choose(&[10, 0, 300]).unwrap_or(10),
                routing: if dice.one_in(3) { RoutingPolicy::Weighted } else { RoutingPolicy::Multivalue },
                custom_health_check: dice.one_in(2),
            };
            build.add(&format!("discovery/service/{n}-{at}"), service)
        })
        .collect()
}

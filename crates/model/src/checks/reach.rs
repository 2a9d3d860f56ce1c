//! Packets arrive: security groups let in who must come in, and tasks find their way out.

use std::collections::BTreeSet;

use super::{Checks, network};
use crate::kinds::listener::Action;
use crate::kinds::route_table::RouteTarget;
use crate::kinds::security_group_rule::{Direction, Peer, Protocol};
use crate::kinds::task_definition::Image;
use crate::kinds::vpc_endpoint::EndpointType;
use crate::kinds::{
    EcsService, Listener, ListenerRule, LoadBalancer, SecurityGroup, SecurityGroupRule, Subnet, TargetGroup,
    VpcEndpoint,
};
use crate::{Ipv4Cidr, Port, Ref};

pub(super) fn check(checks: &mut Checks<'_, '_>) {
    endpoints(checks);
    listeners(checks);
    tasks(checks);
    ways_out(checks);
}

/// Who wants to come in.
enum Visitor<'a> {
    /// Interfaces in these security groups, with addresses in these networks.
    Groups(&'a BTreeSet<Ref<SecurityGroup>>, &'a [Ipv4Cidr]),
    /// Somebody, whoever it is.
    Somebody,
}

/// True if some ingress rule of one of `groups` lets the visitor in on `port`. Groups referred to by id are trusted:
/// their rules are not known here.
fn lets_in(checks: &Checks<'_, '_>, groups: &BTreeSet<Ref<SecurityGroup>>, port: Port, visitor: &Visitor<'_>) -> bool {
    if groups.iter().any(|group| group.address().is_none()) {
        return true;
    }
    let rules = checks.stack.of::<SecurityGroupRule>();
    let mut rules = rules.filter(|(_, rule)| rule.direction == Direction::Ingress && groups.contains(&rule.group));
    rules.any(|(_, rule)| {
        let on_port = match rule.protocol {
            Protocol::Tcp(ports) => ports.contains(port),
            Protocol::All => true,
            Protocol::Udp(_) | Protocol::Icmp | Protocol::IcmpType { .. } => false,
        };
        let from = match (&rule.peer, visitor) {
            (_, Visitor::Somebody) | (Peer::PrefixList(_), _) => true,
            (Peer::Group(group), Visitor::Groups(theirs, _)) => theirs.contains(group),
            // Between load balancers and tasks all is IPv4.
            (Peer::CidrIpv6(_), Visitor::Groups(..)) => false,
            // One address let in is a beginning; which of them come is not known.
            (Peer::Cidr(cidr), Visitor::Groups(_, networks)) => {
                networks.is_empty() || networks.iter().any(|network| network.overlaps(cidr))
            }
        };
        on_port && from
    })
}

fn networks(checks: &Checks<'_, '_>, subnets: &BTreeSet<Ref<Subnet>>) -> Vec<Ipv4Cidr> {
    subnets.iter().filter_map(|subnet| checks.find(subnet)).map(|(_, subnet)| subnet.cidr).collect()
}

/// An interface endpoint that lets nobody in on 443 is an endpoint that every call hangs at.
fn endpoints(checks: &mut Checks<'_, '_>) {
    let services: Vec<_> = checks
        .all::<EcsService>()
        .into_iter()
        .map(|(address, service)| {
            let subnets = service.subnets.iter().filter_map(|subnet| checks.find(subnet));
            (address, service, subnets.map(|(_, subnet)| &subnet.vpc).collect::<BTreeSet<_>>())
        })
        .collect();
    for (address, endpoint) in checks.all::<VpcEndpoint>() {
        let EndpointType::Interface { security_groups, subnets: _, private_dns: _ } = &endpoint.endpoint else {
            continue;
        };
        let services: Vec<_> = services.iter().filter(|(_, _, vpcs)| vpcs.contains(&endpoint.vpc)).collect();
        let mut shut_out: Vec<String> = Vec::new();
        for (service_address, service, _) in &services {
            let networks = networks(checks, &service.subnets);
            let visitor = Visitor::Groups(&service.security_groups, &networks);
            if !lets_in(checks, security_groups, Port::HTTPS, &visitor) {
                shut_out.push(format!("`{service_address}`"));
            }
        }
        if services.is_empty() && !lets_in(checks, security_groups, Port::HTTPS, &Visitor::Somebody) {
            shut_out.push("anybody".to_owned());
        }
        if !shut_out.is_empty() {
            checks.at(address).field(
                "E-ENDPOINT-CLOSED",
                "security_group_ids",
                format!("no rule of its security groups lets in {} on port 443", shut_out.join(", ")),
                "add an ingress rule for TCP 443 from the VPC's network to the endpoint's own group (not to another)",
            );
        }
    }
}

fn listeners(checks: &mut Checks<'_, '_>) {
    for (address, listener) in checks.all::<Listener>() {
        let Some((_, balancer)) = checks.find(&listener.load_balancer) else { continue };
        let groups = &balancer.security_groups;
        if !groups.is_empty() && !lets_in(checks, groups, listener.port, &Visitor::Somebody) {
            checks.at(address).field(
                "E-LISTENER-CLOSED",
                "port",
                format!("no rule of the load balancer's security groups lets anybody in on port {}", listener.port),
                "add an ingress rule for the port to the load balancer's group",
            );
        }
    }
}

/// The load balancers that forward to a target group.
fn balancers<'s>(checks: &Checks<'s, '_>, group: &Ref<TargetGroup>) -> Vec<&'s LoadBalancer> {
    let listeners = checks.all::<Listener>();
    let rules = checks.all::<ListenerRule>();
    let by_rule = rules
        .iter()
        .filter(|(_, rule)| forwards_to(&rule.action, group))
        .filter_map(|(_, rule)| checks.find(&rule.listener).map(|(_, listener)| listener));
    listeners
        .iter()
        .filter(|(_, listener)| forwards_to(&listener.default_action, group))
        .map(|(_, listener)| *listener)
        .chain(by_rule)
        .filter_map(|listener| checks.find(&listener.load_balancer).map(|(_, balancer)| balancer))
        .collect()
}

/// True if an action hands requests to a target group.
pub(super) fn forwards_to(action: &Action, group: &Ref<TargetGroup>) -> bool {
    match action {
        Action::ForwardPair { blue, green } => blue == group || green == group,
        Action::Forward(to) => to == group,
        Action::ForwardWeighted(to) => to.iter().any(|weighted| weighted.target_group == *group),
        Action::Redirect(_) | Action::FixedResponse(_) | Action::Other(_) => false,
    }
}

/// Tasks behind a load balancer must let it in on the container's port.
fn tasks(checks: &mut Checks<'_, '_>) {
    for (address, service) in checks.all::<EcsService>() {
        let mut closed: BTreeSet<Port> = BTreeSet::new();
        for (group, _, port) in service.targets() {
            for balancer in balancers(checks, group) {
                let networks = networks(checks, &balancer.subnets);
                let visitor = Visitor::Groups(&balancer.security_groups, &networks);
                if !lets_in(checks, &service.security_groups, port, &visitor) {
                    closed.insert(port);
                }
            }
        }
        for port in closed {
            checks.at(address).field(
                "E-TASK-CLOSED",
                "network_configuration.security_groups",
                format!("no rule of the tasks' security groups lets the load balancer in on port {port}"),
                "add an ingress rule for the container's port from the load balancer's security group",
            );
        }
    }
}

/// Tasks must reach ECR, S3 and CloudWatch Logs: over a default route, or over endpoints.
fn ways_out(checks: &mut Checks<'_, '_>) {
    for (address, service) in checks.all::<EcsService>() {
        let Some((_, definition)) = checks.find(&service.task_definition) else { continue };
        let from_ecr = definition
            .containers
            .iter()
            .any(|container| matches!(container.image, Image::Tag { .. } | Image::Digest { .. }));
        let logs = definition.containers.iter().any(|container| container.logs.is_some());
        for subnet in &service.subnets {
            let Some(route) = network::default_route(checks, subnet) else { continue };
            if let Some(route) = route {
                if matches!(route, RouteTarget::InternetGateway(_)) && !service.assign_public_ip {
                    checks.at(address).field(
                        "E-TASK-EGRESS",
                        "network_configuration.assign_public_ip",
                        "its tasks stand in a public subnet without public addresses, so nothing answers them",
                        "assign public addresses, or move the service to private subnets",
                    );
                    break;
                }
                continue;
            }
            let Some((_, found)) = checks.find(subnet) else { continue };
            let mut missing: Vec<&str> = Vec::new();
            let needed = [("ecr.api", from_ecr), ("ecr.dkr", from_ecr), ("s3", from_ecr), ("logs", logs)];
            for (name, _) in needed.into_iter().filter(|(_, needed)| *needed) {
                let there = checks.all::<VpcEndpoint>().into_iter().any(|(_, endpoint)| {
                    endpoint.vpc == found.vpc && endpoint.service_name.ends_with(&format!(".{name}"))
                });
                if !there {
                    missing.push(name);
                }
            }
            if !missing.is_empty() || !from_ecr {
                let how = if missing.is_empty() { "anywhere".to_owned() } else { missing.join(", ") };
                checks.at(address).field(
                    "E-TASK-EGRESS",
                    "network_configuration.subnets",
                    format!("its subnets have no default route, and no endpoint leads to {how}"),
                    "route 0.0.0.0/0 of the subnets to a NAT gateway, or add the VPC endpoints",
                );
                break;
            }
        }
        if service.security_groups.is_empty() {
            checks.at(address).field(
                "E-SERVICE-GROUPS",
                "network_configuration.security_groups",
                "without a security group its tasks get the VPC's default one, which lets nobody else in",
                "name a security group",
            );
        }
    }
}

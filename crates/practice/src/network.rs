//! Groups `network` and `security`.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::kinds::route_table::RouteTarget;
use aomidori_model::kinds::security_group_rule::{Direction, Peer, Protocol};
use aomidori_model::kinds::vpc_endpoint::EndpointType;
use aomidori_model::kinds::{
    ElasticIp, InternetGateway, NatGateway, RouteTable, SecurityGroup, SecurityGroupRule, Subnet, Vpc, VpcEndpoint,
};
use aomidori_model::{Ipv4Cidr, Port, PortRange, Ref};

use crate::inputs::{InputError, Inputs, Nat};
use crate::place::Place;

/// What the other groups need of the network.
pub(crate) struct Network {
    pub(crate) vpc: Ref<Vpc>,
    pub(crate) public: BTreeSet<Ref<Subnet>>,
    pub(crate) private: BTreeSet<Ref<Subnet>>,
    pub(crate) public_group: Ref<SecurityGroup>,
    pub(crate) private_group: Ref<SecurityGroup>,
}

/// Interface endpoints without which tasks in private subnets cannot start, log or be reached by ECS Exec.
const INTERFACE_ENDPOINTS: [&str; 5] = ["ecr.dkr", "ecr.api", "ssm", "logs", "ssmmessages"];

pub(crate) fn add(place: &mut Place<'_>, inputs: &Inputs) -> Result<Network, InputError> {
    let vpc =
        place.add("network/vpc", Vpc { cidr: inputs.vpc_cidr, dns_support: Some(true), dns_hostnames: Some(true) });
    let subnets = |place: &mut Place<'_>, group: &str, cidrs: &[Ipv4Cidr]| -> Vec<Ref<Subnet>> {
        let placed = inputs.zones.iter().zip(cidrs);
        placed
            .map(|(letter, cidr)| {
                let zone = format!("{}{letter}", inputs.region);
                let subnet = Subnet { vpc: vpc.clone(), cidr: *cidr, zone, map_public_ip_on_launch: None };
                place.add(&format!("network/subnet/{group}-{letter}"), subnet)
            })
            .collect()
    };
    let public = subnets(place, "public", &inputs.public_cidrs);
    let private = subnets(place, "private", &inputs.private_cidrs);
    let storage = subnets(place, "storage", &inputs.storage_cidrs);
    let gateway = place.add("network/internet-gateway", InternetGateway { vpc: vpc.clone() });

    let zones_with_nat = match inputs.nat {
        Nat::PerZone => inputs.zones.len(),
        Nat::Single => 1,
        Nat::None => 0,
    };
    let nat: Vec<Ref<NatGateway>> = inputs.zones[..zones_with_nat]
        .iter()
        .zip(&public)
        .map(|(letter, subnet)| {
            let address = place.add(&format!("network/elastic-ip/nat-{letter}"), ElasticIp {});
            let gateway = NatGateway { subnet: subnet.clone(), address };
            place.add(&format!("network/nat-gateway/{letter}"), gateway)
        })
        .collect();

    let mut tables = BTreeSet::new();
    let mut table = |place: &mut Place<'_>, name: &str, default: Option<RouteTarget>, subnets: &[Ref<Subnet>]| {
        let routes = BTreeMap::from_iter(default.map(|via| (Ipv4Cidr::ANYWHERE, via)));
        let table = RouteTable { vpc: vpc.clone(), routes, subnets: subnets.iter().cloned().collect() };
        tables.insert(place.add(&format!("network/route-table/{name}"), table));
    };
    table(place, "public", Some(RouteTarget::InternetGateway(gateway)), &public);
    for (index, letter) in inputs.zones.iter().enumerate() {
        // With one gateway for all zones the others route to it, too.
        let via = nat.get(index).or(nat.first()).cloned().map(RouteTarget::NatGateway);
        table(place, &format!("private-{letter}"), via, &private[index..=index]);
        table(place, &format!("storage-{letter}"), None, &storage[index..=index]);
    }

    let public_group = security(place, inputs, &vpc, "public", "Load balancer, from the internet")?;
    let private_group = security(place, inputs, &vpc, "private", "Tasks, from the load balancer")?;
    let storage_group = security(place, inputs, &vpc, "storage", "Databases and caches, from tasks")?;
    let endpoint_group = security(place, inputs, &vpc, "vpc-endpoint", "Interface endpoints, from the VPC")?;
    rules(place, inputs, &public_group, &private_group, &storage_group, &endpoint_group);

    let service_name = |service: &str| format!("com.amazonaws.{}.{service}", inputs.region);
    let gateway_endpoint = VpcEndpoint {
        vpc: vpc.clone(),
        service_name: service_name("s3"),
        endpoint: EndpointType::Gateway { route_tables: tables },
        policy: None,
    };
    place.add("network/vpc-endpoint/s3", gateway_endpoint);
    for service in INTERFACE_ENDPOINTS {
        let endpoint = VpcEndpoint {
            vpc: vpc.clone(),
            service_name: service_name(service),
            endpoint: EndpointType::Interface {
                subnets: private.iter().cloned().collect(),
                security_groups: BTreeSet::from([endpoint_group.clone()]),
                private_dns: true,
            },
            policy: None,
        };
        place.add(&format!("network/vpc-endpoint/{}", service.replace('.', "-")), endpoint);
    }

    Ok(Network {
        vpc,
        public: public.into_iter().collect(),
        private: private.into_iter().collect(),
        public_group,
        private_group,
    })
}

fn security(
    place: &mut Place<'_>,
    inputs: &Inputs,
    vpc: &Ref<Vpc>,
    name: &str,
    description: &str,
) -> Result<Ref<SecurityGroup>, InputError> {
    let misfit =
        |error: aomidori_model::name::InvalidName| InputError::Misfit { key: "product", reason: error.to_string() };
    let group = SecurityGroup {
        name: format!("{}-{name}", inputs.stack_name()?).parse().map_err(misfit)?,
        description: description.parse().map_err(misfit)?,
        vpc: vpc.clone(),
        open_egress: true,
    };
    Ok(place.add(&format!("security/group/{name}"), group))
}

/// A port by number; only called with literals above 0.
fn tcp(number: u16) -> Protocol {
    Protocol::Tcp(PortRange::one(Port::new(number).unwrap_or(Port::HTTP)))
}

fn rules(
    place: &mut Place<'_>,
    inputs: &Inputs,
    public: &Ref<SecurityGroup>,
    private: &Ref<SecurityGroup>,
    storage: &Ref<SecurityGroup>,
    endpoint: &Ref<SecurityGroup>,
) {
    let mut allow = |name: &str, group: &Ref<SecurityGroup>, protocol: Protocol, peer: Peer| {
        let rule = SecurityGroupRule {
            group: group.clone(),
            direction: Direction::Ingress,
            protocol,
            peer,
            description: None,
        };
        place.add(&format!("security/rule/{name}"), rule);
    };
    let vpc = || Peer::Cidr(inputs.vpc_cidr);
    for (name, port, sources) in
        [("http", 80, &inputs.sources), ("https", 443, &inputs.sources), ("test", 8080, &inputs.test_sources)]
    {
        for source in sources {
            let from = source.to_string().replace('/', "_");
            allow(&format!("public-{name}-from-{from}"), public, tcp(port), Peer::Cidr(*source));
        }
    }
    allow("public-icmp-from-vpc", public, Protocol::Icmp, vpc());

    allow("private-http-from-public", private, tcp(80), Peer::Group(public.clone()));
    for (name, port) in [("https", 443), ("8080", 8080), ("8088", 8088)] {
        allow(&format!("private-{name}-from-vpc"), private, tcp(port), vpc());
    }
    allow("private-icmp-from-vpc", private, Protocol::Icmp, vpc());

    allow("storage-mysql-from-private", storage, tcp(3306), Peer::Group(private.clone()));
    allow("storage-redis-from-private", storage, tcp(6379), Peer::Group(private.clone()));
    allow("storage-icmp-from-vpc", storage, Protocol::Icmp, vpc());

    // On the endpoints' own group: attached to another one, every call of a task hangs at the endpoint.
    allow("vpc-endpoint-https-from-vpc", endpoint, tcp(443), vpc());
}

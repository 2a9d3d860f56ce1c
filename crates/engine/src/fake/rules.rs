//! What the fake refuses, by kind: names and places that are taken, and what holds what.

use std::collections::BTreeMap;

use aomidori_model::field::Field;
use aomidori_model::{Compare, Fields, Ipv4Cidr, KindName, Target, Value};

use super::world::Thing;

/// The outputs that everything has.
pub(super) const OUTPUTS: &[&str] = &["arn", "dns_name", "repository_url", "zone_id"];

/// True for a field that is set by a call of its own after the resource was created.
pub(super) fn set_later(field: &Field) -> bool {
    field.compare == Compare::Parts
        || matches!(
            field.name,
            "enable_dns_support"
                | "enable_dns_hostnames"
                | "map_public_ip_on_launch"
                | "attributes"
                | "retention_in_days"
                | "lifecycle_policy"
        )
}

/// The fields that no two of a kind share.
fn places(kind: KindName) -> &'static [&'static [&'static str]] {
    match kind {
        KindName::Vpc | KindName::ElasticIp | KindName::RouteTable | KindName::TaskDefinition => &[],
        KindName::InternetGateway => &[&["vpc_id"]],
        KindName::NatGateway => &[&["allocation_id"]],
        KindName::Subnet => &[&["vpc_id", "cidr_block"]],
        KindName::VpcEndpoint => &[&["vpc_id", "service_name"]],
        KindName::SecurityGroup => &[&["vpc_id", "name"]],
        KindName::SecurityGroupRule => &[&[
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
        KindName::EcrRepository
        | KindName::IamPolicy
        | KindName::IamRole
        | KindName::LogGroup
        | KindName::EcsCluster
        | KindName::LoadBalancer
        | KindName::TargetGroup
        | KindName::CodeDeployApplication => &[&["name"]],
        KindName::Listener => &[&["load_balancer_arn", "port"]],
        KindName::ListenerRule => &[&["listener_arn", "priority"]],
        KindName::DnsRecord => &[&["zone_id", "name", "type"]],
        KindName::PrivateDnsNamespace => &[&["vpc", "name"]],
        KindName::DiscoveryService => &[&["namespace_id", "name"]],
        KindName::EcsService => &[&["cluster", "name"]],
        KindName::DeploymentConfig => &[&["deployment_config_name"]],
        KindName::DeploymentGroup => &[&["app_name", "deployment_group_name"]],
    }
}

/// True if two of a kind cannot live at the same time.
pub(super) fn collide(kind: KindName, a: &Fields, b: &Fields) -> bool {
    places(kind).iter().any(|fields| {
        fields.iter().all(|field| {
            let (a, b) = (a.value(field), b.value(field));
            match (*field, a.as_str().map(str::parse::<Ipv4Cidr>), b.as_str().map(str::parse::<Ipv4Cidr>)) {
                ("cidr_block", Some(Ok(a)), Some(Ok(b))) => a.overlaps(&b),
                _ => a == b,
            }
        })
    })
}

/// True for a load balancer that an attribute protects from deletion.
pub(super) fn is_protected(thing: &Thing) -> bool {
    let Value::Map(attributes) = thing.fields.value("attributes") else { return false };
    thing.kind == KindName::LoadBalancer
        && attributes.get("deletion_protection.enabled").and_then(Value::as_str) == Some("true")
}

/// The ids of what keeps a thing from being deleted.
pub(super) fn holders(things: &BTreeMap<String, Thing>, thing: &Thing) -> Vec<String> {
    things
        .values()
        .filter(|user| user.id != thing.id && !user.superseded)
        .filter(|user| {
            (refers(user, &thing.id) && !lets_go(user.kind, thing.kind)) || maps_address(things, user, thing)
        })
        .map(|user| user.id.clone())
        .collect()
}

fn refers(user: &Thing, id: &str) -> bool {
    user.fields.iter().any(|field| points_at(&field.value, id))
}

fn points_at(value: &Value, id: &str) -> bool {
    let mut found = false;
    value.for_each_ref(&mut |reference| found |= reference.target == Target::Id(id.to_owned()));
    found
}

/// True if AWS deletes the used one although the user is there (the user then points nowhere).
fn lets_go(user: KindName, used: KindName) -> bool {
    use KindName::{
        DeploymentGroup, DnsRecord, EcsService, IamPolicy, IamRole, InternetGateway, Listener, NatGateway, RouteTable,
        Subnet, TargetGroup, TaskDefinition,
    };
    match user {
        TaskDefinition | DnsRecord | IamPolicy => true,
        EcsService => used == TaskDefinition,
        IamRole => used != IamPolicy,
        DeploymentGroup => matches!(used, TargetGroup | Listener | EcsService | IamRole),
        RouteTable => matches!(used, NatGateway | InternetGateway | Subnet),
        _ => false,
    }
}

/// An internet gateway is not detached while its VPC has mapped public addresses.
fn maps_address(things: &BTreeMap<String, Thing>, user: &Thing, gateway: &Thing) -> bool {
    if gateway.kind != KindName::InternetGateway {
        return false;
    }
    let subnets = match user.kind {
        KindName::NatGateway => "subnet_id",
        KindName::LoadBalancer => "subnets",
        _ => return false,
    };
    let mut vpcs = Vec::new();
    gateway.fields.value("vpc_id").for_each_ref(&mut |reference| vpcs.push(reference.target.clone()));
    let mut inside = false;
    user.fields.value(subnets).for_each_ref(&mut |reference| {
        let Target::Id(subnet) = &reference.target else { return };
        if let Some(subnet) = things.get(subnet) {
            subnet.fields.value("vpc_id").for_each_ref(&mut |vpc| inside |= vpcs.contains(&vpc.target));
        }
    });
    inside
}

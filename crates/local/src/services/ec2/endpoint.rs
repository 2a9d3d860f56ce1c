//! VPC endpoints: gateway and interface.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::common::{
    Describe, ENDPOINT, SUBNET, TABLE, TagSpecification, VPC, done, new_tags, remember, replayed, tag_set,
};
use super::endpoint_service::{GATEWAYS, INTERFACES, prefix_list, private_dns_names, short_name};
use super::route::Destination;
use super::{Later, NewEni, State, eni, route};
use crate::clock::Time;
use crate::error::{Result, fail};
use crate::filters::Answer;
use crate::tags::Tags;
use crate::timings;
use crate::world::Cx;

/// A VPC endpoint.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    pub(crate) id: String,
    pub(crate) vpc_id: String,
    pub(crate) service: String,
    pub(crate) is_gateway: bool,
    /// `pending`, `available` or `deleting`.
    pub(crate) state: String,
    pub(crate) policy: String,
    pub(crate) route_table_ids: Vec<String>,
    pub(crate) prefix_list_id: Option<String>,
    /// Subnets with their network interfaces.
    pub(crate) subnets: Vec<(String, String)>,
    pub(crate) groups: Vec<String>,
    pub(crate) private_dns: bool,
    /// Private DNS is for what comes in from outside, the VPC itself uses the gateway endpoint.
    #[serde(default)]
    pub(crate) inbound_only: bool,
    /// The random part of its DNS names.
    pub(crate) dns_label: String,
    pub(crate) created: Time,
    pub(crate) tags: Tags,
}

const FULL_ACCESS: &str =
    r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DnsOptions {
    dns_record_ip_type: Option<String>,
    private_dns_only_for_inbound_resolver_endpoint: Option<bool>,
}

/// The address that an endpoint is to have in one of its subnets.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SubnetConfiguration {
    subnet_id: String,
    ipv4: Option<String>,
    ipv6: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    vpc_id: String,
    service_name: Option<String>,
    #[serde(default = "gateway")]
    vpc_endpoint_type: String,
    policy_document: Option<String>,
    #[serde(default)]
    route_table_id: Vec<String>,
    #[serde(default)]
    subnet_id: Vec<String>,
    #[serde(default)]
    security_group_id: Vec<String>,
    ip_address_type: Option<String>,
    dns_options: Option<DnsOptions>,
    private_dns_enabled: Option<bool>,
    client_token: Option<String>,
    service_region: Option<String>,
    #[serde(default)]
    subnet_configuration: Vec<SubnetConfiguration>,
    #[serde(default, rename = "TagSpecification")]
    tags: Vec<TagSpecification>,
}

fn gateway() -> String {
    "Gateway".to_owned()
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let (request, token) = (format!("{input:?}"), input.client_token.clone());
    if let Some(id) = replayed(cx, token.as_deref(), &request, |state, id| state.endpoints.contains_key(id))? {
        ENDPOINT.find(&cx.ec2().endpoints, &id)?;
        return Ok(json!({"vpcEndpoint": render(cx, &id), "clientToken": token}));
    }
    let tags = new_tags(&input.tags, &ENDPOINT)?;
    let region = cx.region.clone();
    let Some(service) = input.service_name else {
        return fail!("MissingParameter", "The request must contain the parameter serviceName");
    };
    VPC.find(&cx.ec2().vpcs, &input.vpc_id)?;
    let short = short_name(&service, &region).filter(|s| GATEWAYS.contains(s) || INTERFACES.contains(s));
    let Some(short) = short.map(str::to_owned) else {
        return fail!("InvalidServiceName", "The Vpc Endpoint Service '{service}' does not exist");
    };
    if input.service_region.is_some_and(|other| other != region) {
        return fail!("UnsupportedOperation", "The local cloud does not have endpoints across regions");
    }
    let inbound_only = inbound_only(cx.ec2(), input.dns_options.as_ref(), &service, &input.vpc_id)?;
    let record_type = input.dns_options.and_then(|options| options.dns_record_ip_type);
    for kind in [&input.ip_address_type, &record_type].into_iter().flatten() {
        if !["ipv4", "service-defined"].contains(&kind.as_str()) {
            return fail!("InvalidParameter", "The local cloud has IPv4 endpoints only, not '{kind}'");
        }
    }
    let is_gateway = match input.vpc_endpoint_type.as_str() {
        "Gateway" => true,
        "Interface" => false,
        other => return fail!("InvalidParameter", "The local cloud does not have endpoints of type {other}"),
    };
    if is_gateway && !GATEWAYS.contains(&short.as_str()) {
        return fail!(
            "InvalidParameter",
            "Endpoint type (Gateway) does not match available service types ([Interface])."
        );
    }
    if is_gateway
        && (!input.subnet_id.is_empty()
            || !input.security_group_id.is_empty()
            || input.private_dns_enabled == Some(true))
    {
        return fail!("InvalidParameter", "Subnets, security groups and private DNS are for interface endpoints only");
    }
    if !is_gateway && !input.route_table_id.is_empty() {
        return fail!("InvalidParameter", "Route table IDs are only supported for Gateway type VPC Endpoint.");
    }
    let policy = match input.policy_document {
        None => FULL_ACCESS.to_owned(),
        Some(text) => policy(text)?,
    };

    let id = cx.id("vpce");
    let mut endpoint = Endpoint {
        id: id.clone(),
        vpc_id: input.vpc_id,
        prefix_list_id: is_gateway.then(|| prefix_list(&short, &region)),
        service,
        is_gateway,
        state: "pending".to_owned(),
        policy,
        route_table_ids: Vec::new(),
        subnets: Vec::new(),
        groups: Vec::new(),
        // AWS turns private DNS on for interface endpoints unless told otherwise.
        private_dns: !is_gateway && input.private_dns_enabled.unwrap_or(true),
        inbound_only: inbound_only.unwrap_or(false),
        dns_label: cx.lower(8),
        created: cx.now(),
        tags,
    };
    if is_gateway {
        for table in &input.route_table_id {
            check_table(cx.ec2(), &endpoint, table)?;
        }
        for table in input.route_table_id {
            route::add_endpoint(cx.ec2(), &table, &endpoint);
            endpoint.route_table_ids.push(table);
        }
    } else {
        if endpoint.private_dns {
            check_private_dns(cx.ec2(), &endpoint, &region)?;
        }
        endpoint.groups = input.security_group_id;
        if endpoint.groups.is_empty() {
            let default =
                cx.ec2().security_groups.values().find(|g| g.vpc_id == endpoint.vpc_id && g.name == "default");
            endpoint.groups = default.map(|group| group.id.clone()).into_iter().collect();
        }
        eni::check_groups(cx.ec2(), &endpoint.groups, &endpoint.vpc_id)?;
        let mut subnets = input.subnet_id;
        subnets.extend(
            input
                .subnet_configuration
                .iter()
                .map(|c| c.subnet_id.clone())
                .filter(|id| !subnets.contains(id))
                .collect::<Vec<_>>(),
        );
        add_subnets(cx, &mut endpoint, &subnets, &addresses(&input.subnet_configuration)?)?;
    }
    cx.ec2().endpoints.insert(id.clone(), endpoint);
    remember(cx, token.as_deref(), request, &id);
    let delay = if is_gateway { timings::GATEWAY_ENDPOINT_CREATE } else { timings::INTERFACE_ENDPOINT_CREATE };
    cx.after(delay, Later::EndpointAvailable(id.clone()).body());
    Ok(json!({"vpcEndpoint": render(cx, &id), "clientToken": token}))
}

/// The addresses that are asked for, by subnet.
fn addresses(configurations: &[SubnetConfiguration]) -> Result<BTreeMap<String, Ipv4Addr>> {
    let mut wanted = BTreeMap::new();
    for SubnetConfiguration { subnet_id, ipv4, ipv6 } in configurations {
        if ipv6.is_some() {
            return fail!("InvalidParameter", "The local cloud has IPv4 endpoints only");
        }
        let Some(text) = ipv4 else { continue };
        match text.parse() {
            Ok(address) => wanted.insert(subnet_id.clone(), address),
            Err(_) => return fail!("InvalidParameterValue", "invalid value for parameter address: {text}"),
        };
    }
    Ok(wanted)
}

/// Whether private DNS is for what comes in from outside only, if that is said: it takes a gateway endpoint beside it.
fn inbound_only(state: &State, options: Option<&DnsOptions>, service: &str, vpc: &str) -> Result<Option<bool>> {
    let wanted = options.and_then(|options| options.private_dns_only_for_inbound_resolver_endpoint);
    let gateway = || state.endpoints.values().any(|e| e.is_gateway && e.service == service && e.vpc_id == vpc);
    if wanted == Some(true) && !gateway() {
        return fail!(
            "InvalidParameter",
            "To set PrivateDnsOnlyForInboundResolverEndpoint to true, the VPC {vpc} must have a Gateway endpoint for the service."
        );
    }
    Ok(wanted)
}

fn policy(text: String) -> Result<String> {
    match serde_json::from_str::<Value>(&text) {
        Ok(Value::Object(_)) => Ok(text),
        _ => fail!("InvalidPolicyDocument", "Policy document must be valid JSON"),
    }
}

/// A table can have one gateway endpoint per service, of its own VPC.
fn check_table(state: &State, endpoint: &Endpoint, table_id: &str) -> Result<()> {
    let table = TABLE.find(&state.route_tables, table_id)?;
    if table.vpc_id != endpoint.vpc_id {
        return fail!("InvalidParameter", "Route table {table_id} does not belong to the VPC {}", endpoint.vpc_id);
    }
    let list = endpoint.prefix_list_id.clone().unwrap_or_default();
    if table.routes.iter().any(|route| route.destination == Destination::PrefixList(list.clone())) {
        return fail!(
            "RouteAlreadyExists",
            "route table {table_id} already has a route with destination-prefix-list-id {list}"
        );
    }
    Ok(())
}

fn check_private_dns(state: &State, endpoint: &Endpoint, region: &str) -> Result<()> {
    let vpc = VPC.find(&state.vpcs, &endpoint.vpc_id)?;
    if !vpc.dns_support || !vpc.dns_hostnames {
        return fail!(
            "InvalidParameter",
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {}",
            vpc.id
        );
    }
    let conflict = state.endpoints.values().any(|other| {
        other.id != endpoint.id
            && other.vpc_id == endpoint.vpc_id
            && other.service == endpoint.service
            && other.private_dns
    });
    if conflict {
        let short = short_name(&endpoint.service, region).unwrap_or_default();
        return fail!(
            "InvalidParameter",
            "private-dns-enabled cannot be set because there is already a conflicting DNS domain for {} in the VPC {}",
            private_dns_names(short, region).pop().unwrap_or_default(),
            vpc.id
        );
    }
    Ok(())
}

/// One network interface in each subnet; nothing is left behind if one cannot be made.
fn add_subnets(
    cx: &mut Cx<'_>,
    endpoint: &mut Endpoint,
    subnets: &[String],
    addresses: &BTreeMap<String, Ipv4Addr>,
) -> Result<()> {
    let state = cx.ec2();
    let mut zones: Vec<String> = Vec::new();
    for (id, _) in &endpoint.subnets {
        zones.extend(state.subnets.get(id).map(|subnet| subnet.zone.clone()));
    }
    for id in subnets {
        let subnet = SUBNET.find(&state.subnets, id)?;
        if subnet.vpc_id != endpoint.vpc_id {
            return fail!("InvalidParameter", "Subnet {id} does not belong to the VPC {}", endpoint.vpc_id);
        }
        if zones.contains(&subnet.zone) {
            return fail!(
                "DuplicateSubnetsInSameZone",
                "Found another VPC endpoint subnet in the availability zone of {id}"
            );
        }
        zones.push(subnet.zone.clone());
    }
    let before = endpoint.subnets.len();
    for id in subnets {
        let new = NewEni {
            subnet_id: id.clone(),
            groups: endpoint.groups.clone(),
            description: format!("VPC Endpoint Interface {}", endpoint.id),
            kind: "vpc_endpoint",
            requester: "amazon-vpc",
            owner: "amazon-aws",
            private_ip: addresses.get(id).copied(),
            ..NewEni::default()
        };
        match eni::create(cx, new) {
            Ok(eni) => endpoint.subnets.push((id.clone(), eni.id)),
            Err(error) => {
                for (_, eni_id) in endpoint.subnets.drain(before..) {
                    eni::remove(cx, &eni_id);
                }
                return Err(error);
            }
        }
    }
    Ok(())
}

pub(super) fn available(cx: &mut Cx<'_>, id: &str) {
    if let Some(endpoint) = cx.ec2().endpoints.get_mut(id)
        && endpoint.state == "pending"
    {
        endpoint.state = "available".to_owned();
    }
}

fn render(cx: &mut Cx<'_>, id: &str) -> Value {
    let (account, region) = (cx.account().to_owned(), cx.region.clone());
    let state = &*cx.ec2();
    let Some(endpoint) = state.endpoints.get(id) else { return Value::Null };
    let groups: Vec<Value> = endpoint
        .groups
        .iter()
        .map(|id| json!({"groupId": id, "groupName": state.security_groups.get(id).map(|g| &g.name)}))
        .collect();
    let (subnets, enis): (Vec<&String>, Vec<&String>) = endpoint.subnets.iter().map(|(s, e)| (s, e)).unzip();
    let dns = if endpoint.is_gateway { Vec::new() } else { dns_entries(state, endpoint, &region) };
    let options = if endpoint.is_gateway {
        json!({"dnsRecordIpType": "service-defined"})
    } else {
        json!({"dnsRecordIpType": "ipv4", "privateDnsOnlyForInboundResolverEndpoint": endpoint.inbound_only})
    };
    json!({
        "vpcEndpointId": endpoint.id,
        "vpcEndpointType": if endpoint.is_gateway { "Gateway" } else { "Interface" },
        "vpcId": endpoint.vpc_id,
        "ownerId": account,
        "serviceName": endpoint.service,
        "serviceRegion": region,
        "state": endpoint.state,
        "policyDocument": endpoint.policy,
        "routeTableIdSet": endpoint.route_table_ids,
        "subnetIdSet": subnets,
        "networkInterfaceIdSet": enis,
        "groupSet": groups,
        "ipAddressType": "ipv4",
        "dnsOptions": options,
        "dnsEntrySet": dns,
        "privateDnsEnabled": endpoint.private_dns,
        "requesterManaged": false,
        "creationTimestamp": endpoint.created.iso8601(),
        "tagSet": tag_set(&endpoint.tags),
    })
}

/// The regional name, one per zone, and with private DNS the service's own.
fn dns_entries(state: &State, endpoint: &Endpoint, region: &str) -> Vec<Value> {
    let short = short_name(&endpoint.service, region).unwrap_or_default();
    let mut parts: Vec<&str> = short.split('.').collect();
    parts.reverse();
    let domain = format!("{}.{region}.vpce.amazonaws.com", parts.join("."));
    let base = format!("{}-{}", endpoint.id, endpoint.dns_label);
    let zone_id = "Z2E726K9Y6RL4W";
    let mut names = vec![(format!("{base}.{domain}"), zone_id)];
    for (subnet, _) in &endpoint.subnets {
        if let Some(subnet) = state.subnets.get(subnet) {
            names.push((format!("{base}-{}.{domain}", subnet.zone), zone_id));
        }
    }
    if endpoint.private_dns {
        names.extend(private_dns_names(short, region).into_iter().map(|name| (name, "ZONEIDPENDING")));
    }
    names.into_iter().map(|(name, zone)| json!({"dnsName": name, "hostedZoneId": zone})).collect()
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let account = cx.account().to_owned();
    let endpoints = &cx.ec2().endpoints;
    let found = input.find(
        &ENDPOINT,
        endpoints.iter(),
        1000,
        |endpoint| &endpoint.tags,
        |endpoint, name| match name {
            "vpc-endpoint-id" => endpoint.id.as_str().into(),
            "vpc-id" => endpoint.vpc_id.as_str().into(),
            "service-name" => endpoint.service.as_str().into(),
            "vpc-endpoint-state" => endpoint.state.as_str().into(),
            "vpc-endpoint-type" => if endpoint.is_gateway { "Gateway" } else { "Interface" }.into(),
            "ip-address-type" => "ipv4".into(),
            "owner-id" => account.as_str().into(),
            _ => Answer::Unknown,
        },
    )?;
    let (ids, next): (Vec<String>, _) = (found.items.iter().map(|e| e.id.clone()).collect(), found.next);
    let set: Vec<Value> = ids.iter().map(|id| render(cx, id)).collect();
    Ok(json!({"vpcEndpointSet": set, "nextToken": next}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Modify {
    vpc_endpoint_id: String,
    #[serde(default)]
    reset_policy: bool,
    policy_document: Option<String>,
    #[serde(default)]
    add_route_table_id: Vec<String>,
    #[serde(default)]
    remove_route_table_id: Vec<String>,
    #[serde(default)]
    add_subnet_id: Vec<String>,
    #[serde(default)]
    remove_subnet_id: Vec<String>,
    #[serde(default)]
    add_security_group_id: Vec<String>,
    #[serde(default)]
    remove_security_group_id: Vec<String>,
    private_dns_enabled: Option<bool>,
    #[serde(rename = "IpAddressType")]
    _ip_address_type: Option<String>,
    dns_options: Option<DnsOptions>,
    #[serde(default)]
    subnet_configuration: Vec<SubnetConfiguration>,
}

pub(super) fn modify(cx: &mut Cx<'_>, input: Modify) -> Result {
    let id = input.vpc_endpoint_id;
    let endpoint = ENDPOINT.find(&cx.ec2().endpoints, &id)?;
    if endpoint.state == "deleting" {
        return fail!("IncorrectState", "VPC endpoint {id} is in state deleting");
    }
    let for_gateways = !input.add_route_table_id.is_empty() || !input.remove_route_table_id.is_empty();
    let for_interfaces = !input.add_subnet_id.is_empty()
        || !input.remove_subnet_id.is_empty()
        || !input.add_security_group_id.is_empty()
        || !input.remove_security_group_id.is_empty()
        || input.private_dns_enabled.is_some();
    if (endpoint.is_gateway && for_interfaces) || (!endpoint.is_gateway && for_gateways) {
        return fail!("InvalidParameter", "The parameters do not fit the type of VPC endpoint {id}");
    }
    // Everything is checked before anything is changed.
    let state = &*cx.ec2();
    let endpoint = ENDPOINT.find(&state.endpoints, &id)?;
    for table in &input.add_route_table_id {
        if !input.remove_route_table_id.contains(table) && !endpoint.route_table_ids.contains(table) {
            check_table(state, endpoint, table)?;
        }
    }
    eni::check_groups(state, &input.add_security_group_id, &endpoint.vpc_id)?;
    let inbound_only = inbound_only(state, input.dns_options.as_ref(), &endpoint.service, &endpoint.vpc_id)?;
    // AWS gives an address to a subnet that is new, and leaves the others theirs.
    let addresses = addresses(&input.subnet_configuration)?;
    let new_policy = match input.policy_document {
        Some(text) => Some(policy(text)?),
        None => input.reset_policy.then(|| FULL_ACCESS.to_owned()),
    };
    let Some(mut endpoint) = cx.ec2().endpoints.remove(&id) else { return Err(ENDPOINT.not_found(&id)) };
    let outcome = change_interfaces(
        cx,
        &mut endpoint,
        &Interfaces {
            add_subnets: &input.add_subnet_id,
            remove_subnets: &input.remove_subnet_id,
            add_groups: &input.add_security_group_id,
            remove_groups: &input.remove_security_group_id,
            private_dns: input.private_dns_enabled,
            addresses,
            inbound_only,
        },
    );
    if outcome.is_ok() {
        if let Some(policy) = new_policy {
            endpoint.policy = policy;
        }
        for table in &input.remove_route_table_id {
            route::remove_endpoint(cx.ec2(), table, &id);
            endpoint.route_table_ids.retain(|other| other != table);
        }
        for table in input.add_route_table_id {
            if !endpoint.route_table_ids.contains(&table) {
                route::add_endpoint(cx.ec2(), &table, &endpoint);
                endpoint.route_table_ids.push(table);
            }
        }
    }
    cx.ec2().endpoints.insert(id, endpoint);
    outcome?;
    done()
}

struct Interfaces<'a> {
    add_subnets: &'a [String],
    remove_subnets: &'a [String],
    add_groups: &'a [String],
    remove_groups: &'a [String],
    private_dns: Option<bool>,
    addresses: BTreeMap<String, Ipv4Addr>,
    inbound_only: Option<bool>,
}

fn change_interfaces(cx: &mut Cx<'_>, endpoint: &mut Endpoint, change: &Interfaces<'_>) -> Result<()> {
    if change.private_dns == Some(true) {
        let region = cx.region.clone();
        check_private_dns(cx.ec2(), endpoint, &region)?;
    }
    let mut groups = endpoint.groups.clone();
    groups.retain(|group| !change.remove_groups.contains(group));
    groups.extend(change.add_groups.iter().filter(|group| !endpoint.groups.contains(group)).cloned());
    if groups.is_empty() && !endpoint.is_gateway {
        return fail!("InvalidParameter", "An interface endpoint needs at least one security group");
    }
    let (gone, kept): (Vec<_>, Vec<_>) =
        endpoint.subnets.drain(..).partition(|(subnet, _)| change.remove_subnets.contains(subnet));
    endpoint.subnets = kept;
    let new: Vec<String> = change
        .add_subnets
        .iter()
        .filter(|id| !endpoint.subnets.iter().any(|(subnet, _)| subnet == *id))
        .cloned()
        .collect();
    let before = std::mem::replace(&mut endpoint.groups, groups.clone());
    if let Err(error) = add_subnets(cx, endpoint, &new, &change.addresses) {
        endpoint.groups = before;
        endpoint.subnets.extend(gone);
        return Err(error);
    }
    for (_, eni_id) in gone {
        eni::remove(cx, &eni_id);
    }
    for (_, eni_id) in &endpoint.subnets {
        eni::set_groups(cx, eni_id, groups.clone())?;
    }
    if let Some(private_dns) = change.private_dns {
        endpoint.private_dns = private_dns;
    }
    if let Some(inbound_only) = change.inbound_only {
        endpoint.inbound_only = inbound_only;
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    #[serde(rename = "VpcEndpointId")]
    ids: Vec<String>,
}

/// Answers 200 with what went wrong for each.
pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let mut unsuccessful = Vec::new();
    for id in input.ids {
        if let Err(error) = ENDPOINT.find(&cx.ec2().endpoints, &id) {
            unsuccessful.push(json!({"resourceId": id, "error": {"code": error.code, "message": error.message}}));
            continue;
        }
        let Some(endpoint) = cx.ec2().endpoints.get_mut(&id) else { continue };
        if endpoint.state == "deleting" {
            continue;
        }
        endpoint.state = "deleting".to_owned();
        let delay =
            if endpoint.is_gateway { timings::GATEWAY_ENDPOINT_DELETE } else { timings::INTERFACE_ENDPOINT_DELETE };
        cx.after(delay, Later::EndpointDeleted(id).body());
    }
    Ok(json!({"unsuccessful": unsuccessful}))
}

/// Its routes and network interfaces go with it.
pub(super) fn deleted(cx: &mut Cx<'_>, id: &str) {
    let Some(endpoint) = cx.ec2().endpoints.remove(id) else { return };
    for table in &endpoint.route_table_ids {
        route::remove_endpoint(cx.ec2(), table, id);
    }
    for (_, eni_id) in &endpoint.subnets {
        eni::remove(cx, eni_id);
    }
}

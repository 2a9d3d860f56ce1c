//! Application load balancers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::attributes::{Attribute, LOAD_BALANCER};
use super::network::{self, Place};
use super::validate::{check_enum, check_name, check_tags, invalid};
use super::{State, listed, target, zone_of_region};
use crate::clock::Time;
use crate::error::{ApiError, Result};
use crate::services::s3::takes_logs;
use crate::tags::{Tag, Tags};
use crate::timings;
use crate::world::Cx;

/// A load balancer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LoadBalancer {
    pub(crate) arn: String,
    pub(crate) name: String,
    /// `app/NAME/HEX`, which listeners' ARNs and network interfaces' descriptions repeat.
    pub(crate) label: String,
    pub(crate) dns_name: String,
    /// `internet-facing` or `internal`.
    pub(crate) scheme: String,
    pub(crate) vpc_id: String,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) security_groups: Vec<String>,
    pub(crate) ip_address_type: String,
    pub(crate) created: Time,
    /// Until then it is being provisioned.
    pub(crate) active_from: Time,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) tags: Tags,
}

/// Its place in one subnet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Attachment {
    pub(crate) subnet_id: String,
    pub(crate) zone: String,
    pub(crate) eni_id: String,
}

impl LoadBalancer {
    /// Whether it serves traffic already.
    pub(crate) fn is_active(&self, now: Time) -> bool {
        now >= self.active_from
    }

    fn is_public(&self) -> bool {
        self.scheme == "internet-facing"
    }
}

fn zones(attachments: &[Attachment]) -> Value {
    let zone = |a: &Attachment| json!({"ZoneName": a.zone, "SubnetId": a.subnet_id, "LoadBalancerAddresses": []});
    attachments.iter().map(zone).collect()
}

fn render(cx: &Cx<'_>, lb: &LoadBalancer, active: bool) -> Value {
    json!({
        "LoadBalancerArn": lb.arn,
        "DNSName": lb.dns_name,
        "CanonicalHostedZoneId": zone_of_region(&cx.region),
        "CreatedTime": lb.created.iso8601(),
        "LoadBalancerName": lb.name,
        "Scheme": lb.scheme,
        "VpcId": lb.vpc_id,
        "State": {"Code": if active { "active" } else { "provisioning" }},
        "Type": "application",
        "AvailabilityZones": zones(&lb.attachments),
        "SecurityGroups": lb.security_groups,
        "IpAddressType": lb.ip_address_type,
    })
}

/// The load balancer with this ARN.
pub(super) fn find<'a>(state: &'a mut State, arn: &str) -> Result<&'a mut LoadBalancer> {
    if !arn.starts_with("arn:") || !arn.contains(":loadbalancer/") {
        return Err(invalid(format!("'{arn}' is not a valid load balancer ARN")));
    }
    match state.load_balancers.get_mut(arn) {
        Some(lb) => Ok(lb),
        None => Err(ApiError::new("LoadBalancerNotFound", format!("Load balancer '{arn}' not found"))),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct SubnetMapping {
    subnet_id: Option<String>,
    allocation_id: Option<String>,
    #[serde(rename = "PrivateIPv4Address")]
    private_ipv4: Option<String>,
    #[serde(rename = "IPv6Address")]
    ipv6: Option<String>,
    source_nat_ipv6_prefix: Option<String>,
}

/// The subnets, however they are given.
fn subnets(subnets: Vec<String>, mappings: Vec<SubnetMapping>) -> Result<Vec<String>> {
    if !subnets.is_empty() && !mappings.is_empty() {
        return Err(invalid("You must specify either subnets or subnet mappings"));
    }
    let mut all = subnets;
    for mapping in mappings {
        if mapping.allocation_id.is_some()
            || mapping.private_ipv4.is_some()
            || mapping.ipv6.is_some()
            || mapping.source_nat_ipv6_prefix.is_some()
        {
            return Err(ApiError::new(
                "InvalidConfigurationRequest",
                "You cannot specify addresses for the subnets of load balancers of type 'application'",
            ));
        }
        all.extend(mapping.subnet_id);
    }
    Ok(all)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    name: String,
    #[serde(default)]
    subnets: Vec<String>,
    #[serde(default)]
    subnet_mappings: Vec<SubnetMapping>,
    #[serde(default)]
    security_groups: Vec<String>,
    scheme: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(rename = "Type")]
    kind: Option<String>,
    ip_address_type: Option<String>,
    customer_owned_ipv4_pool: Option<String>,
    enable_prefix_for_ipv6_source_nat: Option<String>,
    ipam_pools: Option<Value>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    check_name("Load balancer", &input.name)?;
    if input.name.starts_with("internal-") {
        return Err(invalid(format!("Load balancer name '{}' cannot begin with 'internal-'", input.name)));
    }
    let kind = input.kind.unwrap_or_else(|| "application".to_owned());
    check_enum("type", &kind, &["application", "network", "gateway"])?;
    if kind != "application" {
        let message = format!("The local cloud has load balancers of type 'application' only, not '{kind}'");
        return Err(ApiError::new("OperationNotPermitted", message));
    }
    if input.customer_owned_ipv4_pool.is_some()
        || input.ipam_pools.is_some()
        || input.enable_prefix_for_ipv6_source_nat.is_some_and(|on| on == "on")
    {
        return Err(ApiError::new(
            "InvalidConfigurationRequest",
            "The local cloud has no address pools for load balancers",
        ));
    }
    let scheme = input.scheme.unwrap_or_else(|| "internet-facing".to_owned());
    if scheme != "internet-facing" && scheme != "internal" {
        return Err(ApiError::new("InvalidScheme", format!("The scheme '{scheme}' is not valid")));
    }
    let ip_address_type = input.ip_address_type.unwrap_or_else(|| "ipv4".to_owned());
    check_ip_address_type(&ip_address_type)?;
    let ids = subnets(input.subnets, input.subnet_mappings)?;
    let (vpc_id, places) = network::check_subnets(cx, &ids, scheme == "internet-facing")?;
    let groups = network::check_groups(cx, &vpc_id, input.security_groups)?;
    let tags = check_tags(input.tags, &Tags::new())?;
    let now = cx.now();
    if let Some(existing) = cx.elbv2().load_balancers.values().find(|lb| lb.name == input.name).cloned() {
        let sorted = |mut list: Vec<String>| {
            list.sort();
            list
        };
        let same = existing.scheme == scheme
            && existing.ip_address_type == ip_address_type
            && sorted(existing.security_groups.clone()) == sorted(groups)
            && sorted(existing.attachments.iter().map(|a| a.subnet_id.clone()).collect()) == sorted(ids);
        if same {
            return Ok(json!({"LoadBalancers": [render(cx, &existing, existing.is_active(now))]}));
        }
        return Err(ApiError::new(
            "DuplicateLoadBalancerName",
            format!("A load balancer with the same name '{}' exists, but with different settings", input.name),
        ));
    }
    network::check_room(cx, &places.iter().collect::<Vec<_>>())?;
    let label = format!("app/{}/{}", input.name, cx.hex(16));
    let public = scheme == "internet-facing";
    let mut attachments = Vec::new();
    for place in &places {
        attachments.push(network::attach(cx, place, &groups, &label, public)?);
    }
    let host = format!("{}{}-{}", if public { "" } else { "internal-" }, input.name, cx.digits(10));
    let wait = if cx.options.instant { std::time::Duration::ZERO } else { timings::ALB_CREATE };
    let lb = LoadBalancer {
        arn: cx.arn("elasticloadbalancing", &format!("loadbalancer/{label}")),
        name: input.name,
        label,
        dns_name: format!("{host}.{}.elb.amazonaws.com", cx.region),
        scheme,
        vpc_id,
        attachments,
        security_groups: groups,
        ip_address_type,
        created: now,
        active_from: now + wait,
        attributes: BTreeMap::new(),
        tags,
    };
    let answer = json!({"LoadBalancers": [render(cx, &lb, false)]});
    cx.elbv2().load_balancers.insert(lb.arn.clone(), lb);
    Ok(answer)
}

fn check_ip_address_type(text: &str) -> Result<()> {
    check_enum("ipAddressType", text, &["ipv4", "dualstack", "dualstack-without-public-ipv4"])?;
    if text != "ipv4" {
        return Err(ApiError::new(
            "InvalidConfigurationRequest",
            format!("You must specify subnets with an associated IPv6 CIDR block for the IP address type '{text}'"),
        ));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Describe {
    #[serde(default)]
    load_balancer_arns: Vec<String>,
    #[serde(default)]
    names: Vec<String>,
    marker: Option<String>,
    page_size: Option<usize>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    if !input.load_balancer_arns.is_empty() && !input.names.is_empty() {
        return Err(invalid("Load balancer names and load balancer ARNs cannot be specified at the same time"));
    }
    if input.load_balancer_arns.len() > 20 || input.names.len() > 20 {
        return Err(invalid("Up to '20' load balancers can be described in a single request"));
    }
    let state = cx.elbv2();
    for arn in &input.load_balancer_arns {
        if !arn.starts_with("arn:") || !arn.contains(":loadbalancer/") {
            return Err(invalid(format!("'{arn}' is not a valid load balancer ARN")));
        }
        if !state.load_balancers.contains_key(arn) {
            return Err(ApiError::new("LoadBalancerNotFound", format!("Load balancers '[{arn}]' not found")));
        }
    }
    for name in &input.names {
        if !state.load_balancers.values().any(|lb| lb.name == *name) {
            return Err(ApiError::new("LoadBalancerNotFound", format!("Load balancers '[{name}]' not found")));
        }
    }
    let (all, now) = (input.load_balancer_arns.is_empty() && input.names.is_empty(), cx.now());
    let Some(state) = cx.world.regions.get(&cx.region).map(|region| &region.elbv2) else {
        return Ok(json!({"LoadBalancers": []}));
    };
    let wanted =
        |lb: &LoadBalancer| all || input.load_balancer_arns.contains(&lb.arn) || input.names.contains(&lb.name);
    let found = state.load_balancers.values().filter(|lb| wanted(lb));
    let found = found.map(|lb| (lb.arn.clone(), render(cx, lb, lb.is_active(now))));
    listed("LoadBalancers", found, input.marker.as_deref(), input.page_size)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ByArn {
    load_balancer_arn: String,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: ByArn) -> Result {
    let arn = input.load_balancer_arn;
    let lb = match find(cx.elbv2(), &arn) {
        Ok(lb) => lb.clone(),
        // Already gone, which is what was wanted.
        Err(e) if e.code == "LoadBalancerNotFound" => return Ok(json!({})),
        Err(e) => return Err(e),
    };
    if LOAD_BALANCER.get(&lb.attributes, "deletion_protection.enabled") == "true" {
        return Err(ApiError::new(
            "OperationNotPermitted",
            format!("Load balancer '{arn}' cannot be deleted because deletion protection is enabled"),
        ));
    }
    let state = cx.elbv2();
    state.load_balancers.remove(&arn);
    let gone: Vec<String> =
        state.listeners.values().filter(|l| l.load_balancer_arn == arn).map(|l| l.arn.clone()).collect();
    state.listeners.retain(|listener, _| !gone.contains(listener));
    state.rules.retain(|_, rule| !gone.contains(&rule.listener_arn));
    target::uses_changed(cx);
    leave(cx, lb.attachments);
    Ok(json!({}))
}

/// Network interfaces stay for some minutes, and hold subnets, security groups and the internet gateway.
fn leave(cx: &mut Cx<'_>, attachments: Vec<Attachment>) {
    let enis: Vec<String> = attachments.into_iter().map(|a| a.eni_id).collect();
    if !enis.is_empty() {
        cx.after(timings::ALB_LINGER, json!(enis));
    }
}

pub(super) fn describe_attributes(cx: &mut Cx<'_>, input: ByArn) -> Result {
    let lb = find(cx.elbv2(), &input.load_balancer_arn)?;
    Ok(json!({"Attributes": LOAD_BALANCER.all(&lb.attributes)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ModifyAttributes {
    load_balancer_arn: String,
    attributes: Vec<Attribute>,
}

/// What a load balancer logs, and the file with which it tries a bucket.
const LOGS: [(&str, &str); 3] = [
    ("access_logs", "ELBAccessLogTestFile"),
    ("connection_logs", "ELBConnectionLogTestFile"),
    ("health_check_logs", "ELBHealthCheckLogTestFile"),
];

pub(super) fn modify_attributes(cx: &mut Cx<'_>, input: ModifyAttributes) -> Result {
    let before = find(cx.elbv2(), &input.load_balancer_arn)?.attributes.clone();
    let mut set = before.clone();
    LOAD_BALANCER.set("Load balancer", &mut set, input.attributes)?;
    for (logs, test) in LOGS {
        let get = |set, name: &str| LOAD_BALANCER.get(set, &format!("{logs}.s3.{name}")).to_owned();
        let (bucket, prefix) = (get(&set, "bucket"), get(&set, "prefix"));
        if get(&set, "enabled") != "true" {
            continue;
        }
        if bucket.is_empty() {
            return Err(ApiError::new(
                "InvalidConfigurationRequest",
                format!("The value of '{logs}.s3.bucket' cannot be empty when '{logs}.s3.enabled' is set to 'true'"),
            ));
        }
        // AWS tries it with a file, when something of it is set.
        let path = match prefix.trim_matches('/') {
            "" => format!("AWSLogs/{}/{test}", cx.account()),
            prefix => format!("{prefix}/AWSLogs/{}/{test}", cx.account()),
        };
        let same = ["enabled", "bucket", "prefix"].iter().all(|name| get(&set, name) == get(&before, name));
        if !same && !takes_logs(cx, &bucket, &path) {
            return Err(ApiError::new(
                "InvalidConfigurationRequest",
                format!("Access Denied for bucket: {bucket}. Please check S3bucket permission"),
            ));
        }
    }
    let lb = find(cx.elbv2(), &input.load_balancer_arn)?;
    lb.attributes = set;
    Ok(json!({"Attributes": LOAD_BALANCER.all(&lb.attributes)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SetSubnets {
    load_balancer_arn: String,
    #[serde(default)]
    subnets: Vec<String>,
    #[serde(default)]
    subnet_mappings: Vec<SubnetMapping>,
    ip_address_type: Option<String>,
    #[serde(rename = "EnablePrefixForIpv6SourceNat")]
    _source_nat: Option<String>,
}

pub(super) fn set_subnets(cx: &mut Cx<'_>, input: SetSubnets) -> Result {
    let lb = find(cx.elbv2(), &input.load_balancer_arn)?.clone();
    if let Some(kind) = &input.ip_address_type {
        check_ip_address_type(kind)?;
    }
    let ids = subnets(input.subnets, input.subnet_mappings)?;
    let (vpc_id, places) = network::check_subnets(cx, &ids, lb.is_public())?;
    if vpc_id != lb.vpc_id {
        return Err(ApiError::new(
            "InvalidConfigurationRequest",
            format!("The subnets are not in the VPC '{}' of the load balancer", lb.vpc_id),
        ));
    }
    let had = |place: &Place| lb.attachments.iter().find(|a| a.subnet_id == place.subnet_id);
    let new: Vec<&Place> = places.iter().filter(|place| had(place).is_none()).collect();
    network::check_room(cx, &new)?;
    let mut attachments = Vec::new();
    for place in &places {
        attachments.push(match had(place) {
            Some(attachment) => attachment.clone(),
            None => network::attach(cx, place, &lb.security_groups, &lb.label, lb.is_public())?,
        });
    }
    let left = lb.attachments.iter().filter(|a| !ids.contains(&a.subnet_id)).cloned().collect();
    leave(cx, left);
    let answer = json!({"AvailabilityZones": zones(&attachments), "IpAddressType": lb.ip_address_type});
    find(cx.elbv2(), &input.load_balancer_arn)?.attachments = attachments;
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SetSecurityGroups {
    load_balancer_arn: String,
    security_groups: Vec<String>,
    enforce_security_group_inbound_rules_on_private_link_traffic: Option<String>,
}

pub(super) fn set_security_groups(cx: &mut Cx<'_>, input: SetSecurityGroups) -> Result {
    let lb = find(cx.elbv2(), &input.load_balancer_arn)?.clone();
    if input.enforce_security_group_inbound_rules_on_private_link_traffic.is_some() {
        return Err(ApiError::new(
            "InvalidConfigurationRequest",
            "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic is not supported for load balancers of type 'application'",
        ));
    }
    if input.security_groups.is_empty() {
        return Err(ApiError::new("InvalidConfigurationRequest", "At least one security group must be specified"));
    }
    let groups = network::check_groups(cx, &lb.vpc_id, input.security_groups)?;
    network::set_groups(cx, &lb.attachments, &groups)?;
    let lb = find(cx.elbv2(), &input.load_balancer_arn)?;
    lb.security_groups.clone_from(&groups);
    Ok(json!({"SecurityGroupIds": groups}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SetIpAddressType {
    load_balancer_arn: String,
    ip_address_type: String,
}

pub(super) fn set_ip_address_type(cx: &mut Cx<'_>, input: SetIpAddressType) -> Result {
    let lb = find(cx.elbv2(), &input.load_balancer_arn)?;
    check_ip_address_type(&input.ip_address_type)?;
    lb.ip_address_type = input.ip_address_type;
    Ok(json!({"IpAddressType": lb.ip_address_type}))
}

/// No capacity can be reserved, so none is.
pub(super) fn describe_capacity(cx: &mut Cx<'_>, input: ByArn) -> Result {
    find(cx.elbv2(), &input.load_balancer_arn)?;
    Ok(json!({"DecreaseRequestsRemaining": 2, "CapacityReservationState": []}))
}

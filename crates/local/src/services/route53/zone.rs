//! Hosted zones, public and private.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::record::RecordSet;
use super::{change, find, find_own, name, page_size};
use crate::clock::Time;
use crate::error::{ApiError, Result};
use crate::page;
use crate::tags::Tags;
use crate::world::Cx;

/// A hosted zone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Zone {
    pub(crate) id: String,
    /// As [`name::canonical`] spells it.
    pub(crate) name: String,
    pub(crate) caller_reference: String,
    pub(crate) comment: Option<String>,
    pub(crate) private: bool,
    /// Region and id of the VPCs that a private zone is seen in.
    pub(crate) vpcs: BTreeSet<(String, String)>,
    /// The service that keeps it.
    pub(crate) owner: Option<Owner>,
    pub(crate) name_servers: Vec<String>,
    /// In Route 53's order.
    pub(crate) records: BTreeMap<String, RecordSet>,
    pub(crate) tags: Tags,
    pub(crate) created: Time,
}

/// A service that keeps a zone for itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Owner {
    pub(crate) principal: String,
    /// `AWS Cloud Map (arn:…)`
    pub(crate) description: String,
}

fn render(zone: &Zone) -> Value {
    json!({
        "Id": format!("/hostedzone/{}", zone.id),
        "Name": zone.name,
        "CallerReference": zone.caller_reference,
        "Config": {"Comment": zone.comment, "PrivateZone": zone.private},
        "ResourceRecordSetCount": zone.records.len(),
        "LinkedService": zone.owner.as_ref().map(|owner| json!({
            "ServicePrincipal": owner.principal,
            "Description": owner.description,
        })),
    })
}

fn render_vpcs(zone: &Zone) -> Value {
    zone.vpcs.iter().map(|(region, id)| json!({"VPCRegion": region, "VPCId": id})).collect()
}

fn delegation(zone: &Zone) -> Value {
    json!({"NameServers": zone.name_servers})
}

/// A new zone with its two own records.
fn new(cx: &mut Cx<'_>, name: &str, caller_reference: String) -> Zone {
    let name = name::canonical(name);
    let name_servers: Vec<String> = [("", "com"), ("", "net"), ("", "org"), ("", "co.uk")]
        .iter()
        .enumerate()
        .map(|(i, (_, top))| format!("ns-{}.awsdns-{:02}.{top}", i as u64 * 512 + cx.random(512), cx.random(64)))
        .collect();
    let soa = format!(
        "{}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400",
        name_servers.first().map(String::as_str).unwrap_or_default()
    );
    let ns = RecordSet {
        name: name.clone(),
        kind: "NS".to_owned(),
        ttl: Some(172_800),
        values: name_servers.iter().map(|server| format!("{server}.")).collect(),
        ..RecordSet::default()
    };
    let soa = RecordSet {
        name: name.clone(),
        kind: "SOA".to_owned(),
        ttl: Some(900),
        values: vec![soa],
        ..RecordSet::default()
    };
    Zone {
        id: format!("Z0{}", cx.upper(18)),
        name,
        caller_reference,
        comment: None,
        private: false,
        vpcs: BTreeSet::new(),
        owner: None,
        name_servers,
        records: [ns, soa].into_iter().map(|set| (set.key(), set)).collect(),
        tags: Tags::new(),
        created: cx.now(),
    }
}

/// Makes a private zone for a service, in this region: its id.
pub(crate) fn create_private_zone(
    cx: &mut Cx<'_>,
    name: &str,
    vpc_id: &str,
    principal: &str,
    description: &str,
) -> String {
    let reference = cx.uuid();
    let mut zone = new(cx, name, reference);
    zone.private = true;
    zone.vpcs.insert((cx.region.clone(), vpc_id.to_owned()));
    zone.owner = Some(Owner { principal: principal.to_owned(), description: description.to_owned() });
    zone.comment = Some(format!("Created by {principal}"));
    let id = zone.id.clone();
    cx.route53().zones.insert(id.clone(), zone);
    id
}

/// Deletes a service's zone with all that is in it.
pub(crate) fn delete_private_zone(cx: &mut Cx<'_>, id: &str) {
    cx.route53().zones.remove(id);
}

/// Makes a public zone for a service: its id.
pub(crate) fn create_service_zone(cx: &mut Cx<'_>, name: &str, principal: &str, description: &str) -> String {
    let reference = cx.uuid();
    let mut zone = new(cx, name, reference);
    zone.owner = Some(Owner { principal: principal.to_owned(), description: description.to_owned() });
    zone.comment = Some(format!("Created by {principal}"));
    let id = zone.id.clone();
    cx.route53().zones.insert(id.clone(), zone);
    id
}

/// Makes a public zone, such as one that a test assumes to exist: its id.
#[cfg(test)]
pub(crate) fn create_public_zone(cx: &mut Cx<'_>, name: &str) -> String {
    let reference = cx.uuid();
    let zone = new(cx, name, reference);
    let id = zone.id.clone();
    cx.route53().zones.insert(id.clone(), zone);
    id
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Vpc {
    #[serde(rename = "VPCRegion")]
    region: Option<String>,
    #[serde(rename = "VPCId")]
    id: Option<String>,
}

/// Region and id of a VPC that exists.
fn check_vpc(cx: &Cx<'_>, vpc: Vpc) -> Result<(String, String)> {
    let (Some(region), Some(id)) = (vpc.region, vpc.id) else {
        return Err(ApiError::new("InvalidInput", "Both VPCRegion and VPCId must be specified"));
    };
    let exists = cx.world.regions.get(&region).is_some_and(|r| r.ec2.vpcs.contains_key(&id));
    if exists {
        return Ok((region, id));
    }
    Err(ApiError::new(
        "InvalidVPCId",
        format!("The VPC: {id} that you provided is not authorized to make the association."),
    ))
}

/// Two private zones of one name cannot be seen in one VPC.
fn check_conflict(cx: &Cx<'_>, name: &str, vpc: &(String, String)) -> Result<()> {
    match cx.world.global.route53.zones.values().find(|zone| zone.name == name && zone.vpcs.contains(vpc)) {
        None => Ok(()),
        Some(zone) => Err(ApiError::new(
            "ConflictingDomainExists",
            format!(
                "The VPC {} in region {} has already been associated with the hosted zone {} with the same domain name.",
                vpc.1, vpc.0, zone.id
            ),
        )),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    name: String,
    caller_reference: String,
    #[serde(rename = "VPC")]
    vpc: Option<Vpc>,
    hosted_zone_config: Option<Config>,
    delegation_set_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Config {
    comment: Option<String>,
    private_zone: Option<bool>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    name::check_domain(&input.name)?;
    if let Some(id) = input.delegation_set_id {
        return Err(ApiError::new("NoSuchDelegationSet", format!("A delegation set with the ID {id} does not exist.")));
    }
    if cx.route53().zones.values().any(|zone| zone.caller_reference == input.caller_reference) {
        let message = "A hosted zone has already been created with the specified caller reference.";
        return Err(ApiError::new("HostedZoneAlreadyExists", message).status(409));
    }
    let config = input.hosted_zone_config.unwrap_or(Config { comment: None, private_zone: None });
    let vpc = input.vpc.map(|vpc| check_vpc(cx, vpc)).transpose()?;
    if config.private_zone == Some(true) && vpc.is_none() {
        return Err(ApiError::new(
            "InvalidInput",
            "When you're creating a private hosted zone, you must specify a VPC",
        ));
    }
    if let Some(vpc) = &vpc {
        check_conflict(cx, &name::canonical(&input.name), vpc)?;
    }
    let mut zone = new(cx, &input.name, input.caller_reference);
    zone.comment = config.comment.filter(|text| !text.is_empty());
    zone.private = vpc.is_some();
    zone.vpcs.extend(vpc);
    let info = change::submit(cx, None);
    let answer = json!({
        "Location": format!("https://route53.amazonaws.com/2013-04-01/hostedzone/{}", zone.id),
        "HostedZone": render(&zone),
        "ChangeInfo": info,
        "DelegationSet": (!zone.private).then(|| delegation(&zone)),
        "VPC": zone.vpcs.first().map(|(region, id)| json!({"VPCRegion": region, "VPCId": id})),
    });
    cx.route53().zones.insert(zone.id.clone(), zone);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ById {
    id: String,
}

pub(super) fn get(cx: &mut Cx<'_>, input: ById) -> Result {
    let zone = find(cx, &input.id)?;
    Ok(json!({
        "HostedZone": render(zone),
        "DelegationSet": (!zone.private).then(|| delegation(zone)),
        "VPCs": zone.private.then(|| render_vpcs(zone)),
    }))
}

pub(super) fn delete(cx: &mut Cx<'_>, input: ById) -> Result {
    let zone = find_own(cx, &input.id)?;
    let own = |set: &RecordSet| set.name == zone.name && (set.kind == "NS" || set.kind == "SOA");
    if !zone.records.values().all(own) {
        return Err(ApiError::new(
            "HostedZoneNotEmpty",
            "The specified hosted zone contains non-required resource record sets and so cannot be deleted.",
        ));
    }
    cx.route53().zones.remove(&input.id);
    Ok(json!({"ChangeInfo": change::submit(cx, None)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    marker: Option<String>,
    max_items: Option<usize>,
    delegation_set_id: Option<String>,
    hosted_zone_type: Option<String>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let size = page_size(input.max_items, 100)?;
    let private_only = input.hosted_zone_type.as_deref() == Some("PrivateHostedZone");
    let zones = cx.route53().zones.values();
    let zones = zones.filter(|zone| input.delegation_set_id.is_none() && (!private_only || zone.private));
    let zones = zones.map(|zone| (zone.id.clone(), render(zone)));
    let page = page::page(zones, input.marker.as_deref(), size, "InvalidInput")?;
    Ok(json!({
        "HostedZones": page.items,
        "Marker": input.marker,
        "IsTruncated": page.next.is_some(),
        "NextMarker": page.next,
        "MaxItems": size.to_string(),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListByName {
    #[serde(rename = "DNSName")]
    dns_name: Option<String>,
    #[serde(rename = "HostedZoneId")]
    hosted_zone_id: Option<String>,
    #[serde(rename = "MaxItems")]
    max_items: Option<usize>,
}

pub(super) fn list_by_name(cx: &mut Cx<'_>, input: ListByName) -> Result {
    let size = page_size(input.max_items, 100)?;
    let mut zones: Vec<((String, String), &Zone)> =
        cx.route53().zones.values().map(|zone| ((name::reversed(&zone.name), zone.id.clone()), zone)).collect();
    zones.sort_by(|(a, _), (b, _)| a.cmp(b));
    let from = input.dns_name.as_ref().map(|text| {
        let id = input.hosted_zone_id.clone().unwrap_or_default();
        (name::reversed(&name::canonical(text)), id)
    });
    let mut rest = zones.into_iter().filter(|(key, _)| from.as_ref().is_none_or(|from| key >= from)).map(|(_, z)| z);
    let page: Vec<&Zone> = rest.by_ref().take(size).collect();
    let next = rest.next();
    Ok(json!({
        "HostedZones": page.into_iter().map(render).collect::<Value>(),
        "DNSName": input.dns_name,
        "HostedZoneId": input.hosted_zone_id,
        "IsTruncated": next.is_some(),
        "NextDNSName": next.map(|zone| zone.name.as_str()),
        "NextHostedZoneId": next.map(|zone| zone.id.as_str()),
        "MaxItems": size.to_string(),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListByVpc {
    #[serde(rename = "VPCId")]
    vpc_id: String,
    #[serde(rename = "VPCRegion")]
    vpc_region: String,
    #[serde(rename = "MaxItems")]
    max_items: Option<usize>,
    #[serde(rename = "NextToken")]
    next_token: Option<String>,
}

pub(super) fn list_by_vpc(cx: &mut Cx<'_>, input: ListByVpc) -> Result {
    let size = page_size(input.max_items, 100)?;
    let account = cx.account().to_owned();
    let vpc = (input.vpc_region, input.vpc_id);
    let zones = cx.route53().zones.values().filter(|zone| zone.vpcs.contains(&vpc));
    let zones = zones.map(|zone| {
        let owner = match &zone.owner {
            Some(owner) => json!({"OwningService": owner.principal}),
            None => json!({"OwningAccount": account}),
        };
        (zone.id.clone(), json!({"HostedZoneId": zone.id, "Name": zone.name, "Owner": owner}))
    });
    let page = page::page(zones, input.next_token.as_deref(), size, "InvalidPaginationToken")?;
    Ok(json!({"HostedZoneSummaries": page.items, "MaxItems": size.to_string(), "NextToken": page.next}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

pub(super) fn count(cx: &mut Cx<'_>, Nothing {}: Nothing) -> Result {
    Ok(json!({"HostedZoneCount": cx.route53().zones.len()}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UpdateComment {
    id: String,
    comment: Option<String>,
}

pub(super) fn update_comment(cx: &mut Cx<'_>, input: UpdateComment) -> Result {
    let zone = find_own(cx, &input.id)?;
    zone.comment = input.comment.filter(|text| !text.is_empty());
    Ok(json!({"HostedZone": render(zone)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct VpcAssociation {
    id: String,
    #[serde(rename = "VPC")]
    vpc: Vpc,
    comment: Option<String>,
}

pub(super) fn associate_vpc(cx: &mut Cx<'_>, input: VpcAssociation) -> Result {
    let zone = find_own(cx, &input.id)?.clone();
    if !zone.private {
        let message =
            "You're trying to associate a VPC with a public hosted zone. Only private hosted zones have VPCs.";
        return Err(ApiError::new("PublicZoneVPCAssociation", message));
    }
    let vpc = check_vpc(cx, input.vpc)?;
    check_conflict(cx, &zone.name, &vpc)?;
    find_own(cx, &input.id)?.vpcs.insert(vpc);
    Ok(json!({"ChangeInfo": change::submit(cx, input.comment)}))
}

pub(super) fn disassociate_vpc(cx: &mut Cx<'_>, input: VpcAssociation) -> Result {
    let vpc = (input.vpc.region.unwrap_or_default(), input.vpc.id.unwrap_or_default());
    let zone = find_own(cx, &input.id)?;
    if !zone.vpcs.contains(&vpc) {
        let message = format!("The VPC {} and the hosted zone {} are not associated", vpc.1, input.id);
        return Err(ApiError::new("VPCAssociationNotFound", message).status(404));
    }
    if zone.vpcs.len() == 1 {
        let message = format!("The VPC {} is the last VPC associated with the hosted zone {}", vpc.1, input.id);
        return Err(ApiError::new("LastVPCAssociation", message));
    }
    zone.vpcs.remove(&vpc);
    Ok(json!({"ChangeInfo": change::submit(cx, input.comment)}))
}

pub(super) fn get_dnssec(cx: &mut Cx<'_>, input: ById) -> Result {
    if find(cx, &input.id)?.private {
        return Err(ApiError::new("InvalidArgument", "Operation is unsupported for private hosted zones"));
    }
    Ok(json!({"Status": {"ServeSignature": "NOT_SIGNING"}, "KeySigningKeys": []}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListQueryLogging {
    hosted_zone_id: Option<String>,
    #[serde(rename = "NextToken")]
    _next_token: Option<String>,
    #[serde(rename = "MaxResults")]
    _max_results: Option<usize>,
}

/// There is no operation to make one with.
pub(super) fn list_query_logging(cx: &mut Cx<'_>, input: ListQueryLogging) -> Result {
    if let Some(id) = &input.hosted_zone_id {
        find(cx, id)?;
    }
    Ok(json!({"QueryLoggingConfigs": []}))
}

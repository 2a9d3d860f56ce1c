//! What an account finds in a region: zones, limits, DHCP options.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::common::{DHCP, Describe, TagSpecification, VPC, done, new_tags, tag_set};
use crate::error::{Result, fail};
use crate::filters::{Answer, Filter, passes};
use crate::tags::Tags;
use crate::world::Cx;

/// An availability zone.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub(crate) name: String,
    pub(crate) id: String,
}

/// The regions that AWS enables by default, with the letters and id numbers of their zones.
const REGIONS: &[(&str, &[(char, u8)])] = &[
    ("ap-northeast-1", &[('a', 4), ('c', 1), ('d', 2)]),
    ("ap-northeast-2", &[('a', 1), ('b', 2), ('c', 3), ('d', 4)]),
    ("ap-northeast-3", &[('a', 3), ('b', 1), ('c', 2)]),
    ("ap-south-1", &[('a', 1), ('b', 3), ('c', 2)]),
    ("ap-southeast-1", &[('a', 1), ('b', 2), ('c', 3)]),
    ("ap-southeast-2", &[('a', 1), ('b', 3), ('c', 2)]),
    ("ca-central-1", &[('a', 1), ('b', 2), ('d', 4)]),
    ("eu-central-1", &[('a', 2), ('b', 3), ('c', 1)]),
    ("eu-north-1", &[('a', 1), ('b', 2), ('c', 3)]),
    ("eu-west-1", &[('a', 1), ('b', 2), ('c', 3)]),
    ("eu-west-2", &[('a', 2), ('b', 3), ('c', 1)]),
    ("eu-west-3", &[('a', 1), ('b', 2), ('c', 3)]),
    ("sa-east-1", &[('a', 1), ('b', 2), ('c', 3)]),
    ("us-east-1", &[('a', 1), ('b', 2), ('c', 4), ('d', 6), ('e', 3), ('f', 5)]),
    ("us-east-2", &[('a', 1), ('b', 2), ('c', 3)]),
    ("us-west-1", &[('a', 1), ('c', 3)]),
    ("us-west-2", &[('a', 1), ('b', 2), ('c', 3), ('d', 4)]),
];

/// The zones of a region; a region that the table does not have gets three.
pub(crate) fn zones(region: &str) -> Vec<Zone> {
    let letters = REGIONS.iter().find(|(name, _)| *name == region).map(|(_, letters)| *letters);
    let short = short_name(region);
    letters
        .unwrap_or(&[('a', 1), ('b', 2), ('c', 3)])
        .iter()
        .map(|(letter, number)| Zone { name: format!("{region}{letter}"), id: format!("{short}-az{number}") })
        .collect()
}

/// `ap-northeast-1` is `apne1` in zone ids.
fn short_name(region: &str) -> String {
    region
        .split('-')
        .enumerate()
        .map(|(i, part)| match (i, part) {
            (0, part) => part.to_owned(),
            (_, "northeast") => "ne".to_owned(),
            (_, "northwest") => "nw".to_owned(),
            (_, "southeast") => "se".to_owned(),
            (_, "southwest") => "sw".to_owned(),
            (_, "gov") => "g".to_owned(),
            (_, part) => part.chars().next().map(String::from).unwrap_or_default(),
        })
        .collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DescribeZones {
    #[serde(default)]
    zone_name: Vec<String>,
    #[serde(default)]
    zone_id: Vec<String>,
    #[serde(default, rename = "Filter")]
    filters: Vec<Filter>,
    #[serde(default, rename = "AllAvailabilityZones")]
    _all: bool,
}

pub(super) fn describe_zones(cx: &mut Cx<'_>, input: DescribeZones) -> Result {
    let (region, none) = (cx.region.clone(), Tags::new());
    let zones = zones(&region);
    for (what, wanted) in [("ZoneName", &input.zone_name), ("ZoneId", &input.zone_id)] {
        if let Some(bad) = wanted.iter().find(|w| !zones.iter().any(|zone| &&zone.name == w || &&zone.id == w)) {
            return fail!("InvalidParameterValue", "Invalid availability zone {what}: [{bad}]");
        }
    }
    let mut set = Vec::new();
    for zone in zones {
        let named = (input.zone_name.is_empty() || input.zone_name.contains(&zone.name))
            && (input.zone_id.is_empty() || input.zone_id.contains(&zone.id));
        let passed = passes(&input.filters, &none, |name| match name {
            "zone-name" => zone.name.as_str().into(),
            "zone-id" => zone.id.as_str().into(),
            "region-name" | "group-name" => region.as_str().into(),
            "state" => "available".into(),
            "zone-type" => "availability-zone".into(),
            "opt-in-status" => "opt-in-not-required".into(),
            _ => Answer::Unknown,
        })?;
        if named && passed {
            set.push(json!({
                "zoneName": zone.name,
                "zoneId": zone.id,
                "regionName": region,
                "groupName": format!("{region}-zg-1"),
                "networkBorderGroup": region,
                "zoneType": "availability-zone",
                "zoneState": "available",
                "optInStatus": "opt-in-not-required",
                "messageSet": [],
            }));
        }
    }
    Ok(json!({"availabilityZoneInfo": set}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DescribeRegions {
    #[serde(default)]
    region_name: Vec<String>,
    #[serde(default, rename = "Filter")]
    filters: Vec<Filter>,
    #[serde(default, rename = "AllRegions")]
    _all: bool,
}

pub(super) fn describe_regions(_: &mut Cx<'_>, input: DescribeRegions) -> Result {
    let none = Tags::new();
    if let Some(bad) = input.region_name.iter().find(|name| !REGIONS.iter().any(|(known, _)| known == name)) {
        return fail!("InvalidParameterValue", "Invalid region: [{bad}]");
    }
    let mut set = Vec::new();
    for (region, _) in REGIONS {
        let endpoint = format!("ec2.{region}.amazonaws.com");
        let passed = passes(&input.filters, &none, |name| match name {
            "region-name" => (*region).into(),
            "endpoint" => endpoint.as_str().into(),
            "opt-in-status" => "opt-in-not-required".into(),
            _ => Answer::Unknown,
        })?;
        if passed && (input.region_name.is_empty() || input.region_name.iter().any(|name| name == region)) {
            set.push(json!({
                "regionName": region, "regionEndpoint": endpoint, "optInStatus": "opt-in-not-required",
            }));
        }
    }
    Ok(json!({"regionInfo": set}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DescribeAttributes {
    #[serde(default)]
    attribute_name: Vec<String>,
}

pub(super) fn describe_attributes(cx: &mut Cx<'_>, input: DescribeAttributes) -> Result {
    let addresses = cx.options.quotas.elastic_ips.to_string();
    let set: Vec<Value> = [
        ("supported-platforms", "VPC"),
        ("default-vpc", "none"),
        ("max-instances", "20"),
        ("vpc-max-security-groups-per-interface", "5"),
        ("max-elastic-ips", addresses.as_str()),
        ("vpc-max-elastic-ips", addresses.as_str()),
    ]
    .into_iter()
    .filter(|(name, _)| input.attribute_name.is_empty() || input.attribute_name.iter().any(|wanted| wanted == name))
    .map(|(name, value)| json!({"attributeName": name, "attributeValueSet": [{"attributeValue": value}]}))
    .collect();
    Ok(json!({"accountAttributeSet": set}))
}

/// The id of the region's default DHCP options set.
pub(super) fn dhcp_options(cx: &mut Cx<'_>) -> String {
    if let Some((id, _)) = &cx.ec2().dhcp_options {
        return id.clone();
    }
    let id = cx.id("dopt");
    cx.ec2().dhcp_options = Some((id.clone(), Tags::new()));
    id
}

/// A customer's DHCP options set.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DhcpSet {
    pub(crate) id: String,
    options: BTreeMap<String, Vec<String>>,
    pub(crate) tags: Tags,
}

const DHCP_KEYS: &[&str] = &[
    "domain-name",
    "domain-name-servers",
    "ipv6-address-preferred-lease-time",
    "netbios-name-servers",
    "netbios-node-type",
    "ntp-servers",
];

/// The region's default set.
fn default_dhcp(cx: &mut Cx<'_>) -> DhcpSet {
    let id = dhcp_options(cx);
    let domain = match cx.region.as_str() {
        "us-east-1" => "ec2.internal".to_owned(),
        region => format!("{region}.compute.internal"),
    };
    let options = [("domain-name", domain), ("domain-name-servers", "AmazonProvidedDNS".to_owned())];
    let tags = cx.ec2().dhcp_options.as_ref().map(|(_, tags)| tags.clone()).unwrap_or_default();
    DhcpSet { id, options: options.map(|(key, value)| (key.to_owned(), vec![value])).into(), tags }
}

fn render_dhcp(set: &DhcpSet, account: &str) -> Value {
    let entry = |(key, values): (&String, &Vec<String>)| {
        let values: Vec<Value> = values.iter().map(|value| json!({"value": value})).collect();
        json!({"key": key, "valueSet": values})
    };
    json!({
        "dhcpOptionsId": set.id,
        "ownerId": account,
        "dhcpConfigurationSet": set.options.iter().map(entry).collect::<Vec<_>>(),
        "tagSet": tag_set(&set.tags),
    })
}

pub(super) fn describe_dhcp_options(cx: &mut Cx<'_>, input: Describe) -> Result {
    let default = default_dhcp(cx);
    let account = cx.account().to_owned();
    let own = &cx.ec2().dhcp_sets;
    let mut sets: Vec<(&String, &DhcpSet)> = own.iter().chain([(&default.id, &default)]).collect();
    sets.sort_by_key(|(id, _)| *id);
    let found = input.find(
        &DHCP,
        sets.into_iter(),
        1000,
        |set| &set.tags,
        |set, name| match name {
            "dhcp-options-id" => set.id.as_str().into(),
            "owner-id" => account.as_str().into(),
            "key" => set.options.keys().collect::<Vec<_>>().into(),
            "value" => set.options.values().flatten().collect::<Vec<_>>().into(),
            _ => Answer::Unknown,
        },
    )?;
    let set: Vec<Value> = found.items.iter().map(|set| render_dhcp(set, &account)).collect();
    Ok(json!({"dhcpOptionsSet": set, "nextToken": found.next}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DhcpOption {
    key: String,
    #[serde(default)]
    value: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct CreateDhcpOptions {
    #[serde(rename = "DhcpConfiguration")]
    options: Vec<DhcpOption>,
    #[serde(default, rename = "TagSpecification")]
    tags: Vec<TagSpecification>,
}

pub(super) fn create_dhcp_options(cx: &mut Cx<'_>, input: CreateDhcpOptions) -> Result {
    let tags = new_tags(&input.tags, &DHCP)?;
    if let Some(bad) = input.options.iter().find(|option| !DHCP_KEYS.contains(&option.key.as_str())) {
        return fail!("InvalidParameterValue", "Value ({}) for parameter dhcpConfiguration is invalid.", bad.key);
    }
    let options = input.options.into_iter().filter(|option| !option.value.is_empty());
    let options = options.map(|option| (option.key, option.value)).collect();
    let set = DhcpSet { id: cx.id("dopt"), options, tags };
    let answer = json!({"dhcpOptions": render_dhcp(&set, cx.account())});
    cx.ec2().dhcp_sets.insert(set.id.clone(), set);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeleteDhcpOptions {
    dhcp_options_id: String,
}

pub(super) fn delete_dhcp_options(cx: &mut Cx<'_>, input: DeleteDhcpOptions) -> Result {
    let id = &input.dhcp_options_id;
    let state = cx.ec2();
    DHCP.find(&state.dhcp_sets, id)?;
    if state.vpcs.values().any(|vpc| vpc.dhcp_options_id == *id) {
        return fail!("DependencyViolation", "The dhcpOptions '{id}' has dependencies and cannot be deleted.");
    }
    state.dhcp_sets.remove(id);
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct AssociateDhcpOptions {
    dhcp_options_id: String,
    vpc_id: String,
}

pub(super) fn associate_dhcp_options(cx: &mut Cx<'_>, input: AssociateDhcpOptions) -> Result {
    let default = dhcp_options(cx);
    let wanted = if input.dhcp_options_id == "default" { default.clone() } else { input.dhcp_options_id };
    let state = cx.ec2();
    VPC.find(&state.vpcs, &input.vpc_id)?;
    if wanted != default {
        DHCP.find(&state.dhcp_sets, &wanted)?;
    }
    VPC.find_mut(&mut state.vpcs, &input.vpc_id)?.dhcp_options_id = wanted;
    done()
}

/// There are no peerings: one account has them only if it makes them, and nothing here does.
pub(super) fn describe_peerings(_: &mut Cx<'_>, input: DescribePeerings) -> Result {
    match input.ids.first() {
        Some(id) => {
            fail!("InvalidVpcPeeringConnectionID.NotFound", "The vpcPeeringConnection ID '{id}' does not exist")
        }
        None => Ok(json!({"vpcPeeringConnectionSet": []})),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DescribePeerings {
    #[serde(default, rename = "VpcPeeringConnectionId")]
    ids: Vec<String>,
    #[serde(rename = "Filter")]
    _filters: Option<serde::de::IgnoredAny>,
    #[serde(rename = "MaxResults")]
    _max_results: Option<serde::de::IgnoredAny>,
    #[serde(rename = "NextToken")]
    _next_token: Option<serde::de::IgnoredAny>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_names() {
        let names = |region| zones(region).into_iter().map(|z| (z.name, z.id)).collect::<Vec<_>>();
        assert_eq!(names("ap-northeast-1")[1], ("ap-northeast-1c".to_owned(), "apne1-az1".to_owned()));
        assert_eq!(names("us-east-1")[3], ("us-east-1d".to_owned(), "use1-az6".to_owned()));
        assert_eq!(names("eu-central-1")[0].1, "euc1-az2");
    }
}

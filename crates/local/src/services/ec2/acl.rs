//! Network ACLs: the default one of every VPC, and others. A subnet is always associated with exactly one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cidr::{Cidr, canonical_v6};
use super::common::{ACL, Describe, TagSpecification, VPC, done, new_tags, tag_set};
use super::{State, Subnet};
use crate::error::{Result, fail};
use crate::filters::Answer;
use crate::tags::Tags;
use crate::world::Cx;

/// A network ACL.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct NetworkAcl {
    pub(crate) id: String,
    pub(crate) vpc_id: String,
    pub(crate) tags: Tags,
    /// Not the VPC's default one.
    #[serde(default)]
    custom: bool,
    /// The subnets of one that is not the default; the default one has all the rest.
    #[serde(default)]
    subnets: BTreeSet<String>,
    /// Entries by direction (true is egress) and number, without the last that denies the rest.
    #[serde(default = "allow_all", with = "entries")]
    entries: BTreeMap<(bool, u16), Entry>,
}

/// A rule of a network ACL.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    egress: bool,
    number: u16,
    /// A number, or `-1` for all.
    protocol: String,
    action: String,
    cidr: Option<String>,
    cidr6: Option<String>,
    ports: Option<(i64, i64)>,
    icmp: Option<(i64, i64)>,
}

/// JSON has no keys but strings: entries are stored as a list.
mod entries {
    use super::*;
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(all: &BTreeMap<(bool, u16), Entry>, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(all.values())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeMap<(bool, u16), Entry>, D::Error> {
        let all = Vec::<Entry>::deserialize(d)?;
        Ok(all.into_iter().map(|entry| ((entry.egress, entry.number), entry)).collect())
    }

    type Result<T, E> = std::result::Result<T, E>;
}

/// The number of the entry that nobody can change.
const LAST: u16 = 32767;
/// AWS's default quota of entries in one direction.
const MOST_ENTRIES: usize = 20;

fn allow_all() -> BTreeMap<(bool, u16), Entry> {
    [true, false].map(|egress| ((egress, 100), everything(egress, 100, "allow"))).into()
}

fn everything(egress: bool, number: u16, action: &str) -> Entry {
    Entry {
        egress,
        number,
        protocol: "-1".to_owned(),
        action: action.to_owned(),
        cidr: Some("0.0.0.0/0".to_owned()),
        cidr6: None,
        ports: None,
        icmp: None,
    }
}

impl NetworkAcl {
    /// With the entries that AWS adds.
    fn all_entries(&self) -> Vec<Entry> {
        let mut all: Vec<Entry> = self.entries.values().cloned().collect();
        all.extend([true, false].map(|egress| everything(egress, LAST, "deny")));
        all.sort_by_key(|entry| (!entry.egress, entry.number));
        all
    }
}

pub(super) fn create_default(cx: &mut Cx<'_>, vpc_id: &str) {
    let id = cx.id("acl");
    let acl = NetworkAcl {
        id: id.clone(),
        vpc_id: vpc_id.to_owned(),
        tags: Tags::new(),
        custom: false,
        subnets: BTreeSet::new(),
        entries: allow_all(),
    };
    cx.ec2().network_acls.insert(id, acl);
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    vpc_id: String,
    #[serde(default, rename = "TagSpecification")]
    tags: Vec<TagSpecification>,
    client_token: Option<String>,
}

/// It denies everything until it has entries.
pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let tags = new_tags(&input.tags, &ACL)?;
    VPC.find(&cx.ec2().vpcs, &input.vpc_id)?;
    let request = format!("{} {tags:?}", input.vpc_id);
    let token = input.client_token.as_deref();
    let known = |state: &State, id: &str| state.network_acls.contains_key(id);
    let id = match super::common::replayed(cx, token, &request, known)? {
        Some(id) => id,
        None => {
            let id = cx.id("acl");
            let acl = NetworkAcl {
                id: id.clone(),
                vpc_id: input.vpc_id,
                tags,
                custom: true,
                subnets: BTreeSet::new(),
                entries: BTreeMap::new(),
            };
            cx.ec2().network_acls.insert(id.clone(), acl);
            super::common::remember(cx, token, request, &id);
            id
        }
    };
    let account = cx.account().to_owned();
    let state = &*cx.ec2();
    let acl = ACL.find(&state.network_acls, &id)?;
    Ok(json!({"networkAcl": render(state, acl, &account), "clientToken": input.client_token}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    network_acl_id: String,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let state = cx.ec2();
    let acl = ACL.find(&state.network_acls, &input.network_acl_id)?;
    if !acl.custom {
        return fail!("InvalidParameterValue", "cannot delete default network ACL {}", acl.id);
    }
    if !acl.subnets.is_empty() {
        return ACL.in_use(&input.network_acl_id);
    }
    state.network_acls.remove(&input.network_acl_id);
    done()
}

/// Whether the VPC has one beside its default one.
pub(super) fn is_custom(state: &State, vpc_id: &str) -> bool {
    state.network_acls.values().any(|acl| acl.vpc_id == vpc_id && acl.custom)
}

/// A subnet is gone.
pub(super) fn forget(state: &mut State, subnet: &str) {
    for acl in state.network_acls.values_mut() {
        acl.subnets.remove(subnet);
    }
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let account = cx.account().to_owned();
    let state = &*cx.ec2();
    let found = input.find(
        &ACL,
        state.network_acls.iter(),
        1000,
        |acl| &acl.tags,
        |acl, name| {
            let of_entries = |text: fn(&Entry) -> Option<String>| -> Answer {
                acl.all_entries().iter().filter_map(text).collect::<Vec<_>>().into()
            };
            match name {
                "network-acl-id" | "association.network-acl-id" => acl.id.as_str().into(),
                "vpc-id" => acl.vpc_id.as_str().into(),
                "owner-id" => account.as_str().into(),
                "default" => (!acl.custom).into(),
                "association.subnet-id" => subnets_of(state, acl).iter().map(|s| &s.id).collect::<Vec<_>>().into(),
                "association.association-id" => {
                    subnets_of(state, acl).iter().map(|s| &s.acl_association_id).collect::<Vec<_>>().into()
                }
                "entry.rule-number" => of_entries(|entry| Some(entry.number.to_string())),
                "entry.rule-action" => of_entries(|entry| Some(entry.action.clone())),
                "entry.egress" => of_entries(|entry| Some(entry.egress.to_string())),
                "entry.protocol" => of_entries(|entry| Some(entry.protocol.clone())),
                "entry.cidr" => of_entries(|entry| entry.cidr.clone()),
                "entry.ipv6-cidr" => of_entries(|entry| entry.cidr6.clone()),
                "entry.port-range.from" => of_entries(|entry| entry.ports.map(|(from, _)| from.to_string())),
                "entry.port-range.to" => of_entries(|entry| entry.ports.map(|(_, to)| to.to_string())),
                "entry.icmp.type" => of_entries(|entry| entry.icmp.map(|(kind, _)| kind.to_string())),
                "entry.icmp.code" => of_entries(|entry| entry.icmp.map(|(_, code)| code.to_string())),
                _ => Answer::Unknown,
            }
        },
    )?;
    let set: Vec<Value> = found.items.iter().map(|acl| render(state, acl, &account)).collect();
    Ok(json!({"networkAclSet": set, "nextToken": found.next}))
}

fn subnets_of<'a>(state: &'a State, acl: &NetworkAcl) -> Vec<&'a Subnet> {
    let elsewhere = |id: &String| state.network_acls.values().any(|other| other.subnets.contains(id));
    let is_here = |subnet: &&Subnet| match acl.custom {
        true => acl.subnets.contains(&subnet.id),
        false => subnet.vpc_id == acl.vpc_id && !elsewhere(&subnet.id),
    };
    state.subnets.values().filter(is_here).collect()
}

fn render(state: &State, acl: &NetworkAcl, account: &str) -> Value {
    let entry = |entry: &Entry| {
        json!({
            "egress": entry.egress,
            "ruleNumber": entry.number,
            "ruleAction": entry.action,
            "protocol": entry.protocol,
            "cidrBlock": entry.cidr,
            "ipv6CidrBlock": entry.cidr6,
            "portRange": entry.ports.map(|(from, to)| json!({"from": from, "to": to})),
            "icmpTypeCode": entry.icmp.map(|(kind, code)| json!({"type": kind, "code": code})),
        })
    };
    let association = |subnet: &&Subnet| {
        json!({
            "networkAclAssociationId": subnet.acl_association_id,
            "networkAclId": acl.id,
            "subnetId": subnet.id,
        })
    };
    json!({
        "networkAclId": acl.id,
        "vpcId": acl.vpc_id,
        "ownerId": account,
        "default": !acl.custom,
        "entrySet": acl.all_entries().iter().map(entry).collect::<Vec<_>>(),
        "associationSet": subnets_of(state, acl).iter().map(association).collect::<Vec<_>>(),
        "tagSet": tag_set(&acl.tags),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ReplaceAssociation {
    association_id: String,
    network_acl_id: String,
}

pub(super) fn replace_association(cx: &mut Cx<'_>, input: ReplaceAssociation) -> Result {
    let association = cx.id("aclassoc");
    let state = cx.ec2();
    let acl = ACL.find(&state.network_acls, &input.network_acl_id)?;
    let (vpc_id, custom) = (acl.vpc_id.clone(), acl.custom);
    let subnet = state.subnets.values_mut().find(|subnet| subnet.acl_association_id == input.association_id);
    let Some(subnet) = subnet else {
        return fail!("InvalidAssociationID.NotFound", "The association ID '{}' does not exist", input.association_id);
    };
    if subnet.vpc_id != vpc_id {
        return fail!(
            "InvalidParameterValue",
            "Network ACL {} and subnet {} belong to different networks",
            input.network_acl_id,
            subnet.id
        );
    }
    subnet.acl_association_id.clone_from(&association);
    let subnet = subnet.id.clone();
    forget(state, &subnet);
    if custom {
        ACL.find_mut(&mut state.network_acls, &input.network_acl_id)?.subnets.insert(subnet);
    }
    Ok(json!({"newAssociationId": association}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Ports {
    from: i64,
    to: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Icmp {
    #[serde(rename = "Type")]
    kind: i64,
    code: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutEntry {
    network_acl_id: String,
    rule_number: i64,
    protocol: String,
    rule_action: String,
    egress: bool,
    cidr_block: Option<String>,
    ipv6_cidr_block: Option<String>,
    port_range: Option<Ports>,
    icmp: Option<Icmp>,
}

impl PutEntry {
    fn entry(&self) -> Result<Entry> {
        let number = match u16::try_from(self.rule_number) {
            Ok(number) if (1..LAST).contains(&number) => number,
            _ => {
                return fail!(
                    "InvalidParameterValue",
                    "Value ({}) for parameter ruleNumber is invalid. The rule number must be from 1 to 32766",
                    self.rule_number
                );
            }
        };
        if !["allow", "deny"].contains(&self.rule_action.as_str()) {
            return fail!("InvalidParameterValue", "Invalid value '{}' for ruleAction", self.rule_action);
        }
        let protocol = match self.protocol.as_str() {
            "all" => "-1",
            "icmp" => "1",
            "tcp" => "6",
            "udp" => "17",
            "icmpv6" => "58",
            number if number.parse::<i64>().is_ok_and(|n| (-1..=255).contains(&n)) => number,
            other => return fail!("InvalidParameterValue", "Invalid value '{other}' for protocol"),
        };
        let (cidr, cidr6) = match (&self.cidr_block, &self.ipv6_cidr_block) {
            (Some(text), None) => match text.parse::<Cidr>() {
                Ok(cidr) => (Some(cidr.to_string()), None),
                Err(_) => return fail!("InvalidParameterValue", "CIDR block {text} is malformed"),
            },
            (None, Some(text)) => match canonical_v6(text) {
                Some(range) => (None, Some(range)),
                None => return fail!("InvalidParameterValue", "CIDR block {text} is malformed"),
            },
            (None, None) => return fail!("MissingParameter", "The request must contain the parameter cidrBlock"),
            _ => {
                return fail!(
                    "InvalidParameterCombination",
                    "Only one of cidrBlock and ipv6CidrBlock may be specified"
                );
            }
        };
        let (mut ports, mut icmp) = (None, None);
        match (protocol, &self.port_range, &self.icmp) {
            ("6" | "17", Some(range), _) if (0..=range.to).contains(&range.from) && range.to <= 65535 => {
                ports = Some((range.from, range.to));
            }
            ("6" | "17", Some(range), _) => {
                return fail!("InvalidParameterValue", "Invalid port range: {} - {}", range.from, range.to);
            }
            ("6" | "17", None, _) => {
                return fail!("MissingParameter", "The request must contain the parameter portRange");
            }
            ("1" | "58", _, Some(given)) => icmp = Some((given.kind, given.code)),
            ("1" | "58", _, None) => {
                return fail!("MissingParameter", "The request must contain the parameter icmpTypeCode");
            }
            _ => {}
        }
        let (protocol, action) = (protocol.to_owned(), self.rule_action.clone());
        Ok(Entry { egress: self.egress, number, protocol, action, cidr, cidr6, ports, icmp })
    }
}

pub(super) fn create_entry(cx: &mut Cx<'_>, input: PutEntry) -> Result {
    let acl = ACL.find_mut(&mut cx.ec2().network_acls, &input.network_acl_id)?;
    let entry = input.entry()?;
    if acl.entries.contains_key(&(entry.egress, entry.number)) {
        return fail!(
            "NetworkAclEntryAlreadyExists",
            "The network acl entry identified by {} already exists.",
            entry.number
        );
    }
    if acl.entries.keys().filter(|(egress, _)| *egress == entry.egress).count() >= MOST_ENTRIES {
        return fail!("NetworkAclEntryLimitExceeded", "The maximum number of network acl entries has been reached.");
    }
    acl.entries.insert((entry.egress, entry.number), entry);
    done()
}

pub(super) fn replace_entry(cx: &mut Cx<'_>, input: PutEntry) -> Result {
    let acl = ACL.find_mut(&mut cx.ec2().network_acls, &input.network_acl_id)?;
    let entry = input.entry()?;
    match acl.entries.get_mut(&(entry.egress, entry.number)) {
        Some(own) => *own = entry,
        None => return no_entry(entry.egress, i64::from(entry.number)),
    }
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeleteEntry {
    network_acl_id: String,
    rule_number: i64,
    egress: bool,
}

pub(super) fn delete_entry(cx: &mut Cx<'_>, input: DeleteEntry) -> Result {
    let acl = ACL.find_mut(&mut cx.ec2().network_acls, &input.network_acl_id)?;
    let number = u16::try_from(input.rule_number).unwrap_or_default();
    match acl.entries.remove(&(input.egress, number)) {
        Some(_) => done(),
        None => no_entry(input.egress, input.rule_number),
    }
}

fn no_entry(egress: bool, number: i64) -> Result {
    let direction = if egress { "egress" } else { "ingress" };
    fail!(
        "InvalidNetworkAclEntry.NotFound",
        "The network acl entry with rule number {number} and direction {direction} does not exist"
    )
}

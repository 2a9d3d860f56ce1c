//! Changing records: a batch is made as a whole or not at all.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::record::{Alias, RecordSet};
use super::zone::Zone;
use super::{change as changes, find_own, health, name, value};
use crate::error::{ApiError, Result};
use crate::services::{acm, elbv2};
use crate::world::Cx;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Input {
    id: String,
    change_batch: Batch,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Batch {
    comment: Option<String>,
    #[serde(default)]
    changes: Vec<Change>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Change {
    action: String,
    resource_record_set: Set,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Set {
    name: String,
    #[serde(rename = "Type")]
    kind: String,
    set_identifier: Option<String>,
    #[serde(rename = "TTL")]
    ttl: Option<u64>,
    resource_records: Option<Vec<Record>>,
    alias_target: Option<Alias>,
    weight: Option<u16>,
    region: Option<String>,
    geo_location: Option<Value>,
    failover: Option<String>,
    multi_value_answer: Option<bool>,
    health_check_id: Option<String>,
    traffic_policy_instance_id: Option<String>,
    cidr_routing_config: Option<Value>,
    geo_proximity_location: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Record {
    value: String,
}

pub(super) fn change(cx: &mut Cx<'_>, input: Input) -> Result {
    let zone = find_own(cx, &input.id)?.clone();
    let changes = input.change_batch.changes;
    if changes.is_empty() {
        return Err(ApiError::new(
            "InvalidInput",
            "Invalid XML ; cvc-complex-type.2.4.b: The content of element 'Changes' is not complete.",
        ));
    }
    let weighs = |change: &Change| {
        let records = change.resource_record_set.resource_records.as_ref().map_or(1, Vec::len);
        // UPSERT counts twice.
        if change.action == "UPSERT" { records * 2 } else { records }
    };
    if changes.iter().map(weighs).sum::<usize>() > 1000 {
        return Err(ApiError::new("InvalidChangeBatch", "[Number of records limit of 1000 exceeded.]"));
    }
    let mut batch = Work { records: zone.records.clone(), zone: &zone, problems: Vec::new() };
    for change in changes {
        if !["CREATE", "DELETE", "UPSERT"].contains(&change.action.as_str()) {
            return Err(ApiError::new(
                "InvalidInput",
                format!(
                    "Invalid XML ; Value '{}' is not facet-valid with respect to enumeration '[CREATE, DELETE, UPSERT]'.",
                    change.action
                ),
            ));
        }
        // What is deleted may name a check that is gone.
        if let Some(id) = change.resource_record_set.health_check_id.as_deref().filter(|_| change.action != "DELETE") {
            health::find(cx, id)?;
        }
        let set = batch.read(change.resource_record_set)?;
        batch.apply(&change.action, set);
    }
    batch.check_whole();
    batch.check_aliases(cx);
    let Work { records, problems, .. } = batch;
    if !problems.is_empty() {
        return Err(ApiError::new("InvalidChangeBatch", format!("[{}]", problems.join(", "))));
    }
    find_own(cx, &input.id)?.records = records;
    acm::records_changed(cx);
    Ok(json!({"ChangeInfo": changes::submit(cx, input.change_batch.comment)}))
}

struct Work<'a> {
    zone: &'a Zone,
    records: BTreeMap<String, RecordSet>,
    problems: Vec<String>,
}

fn identity(set: &RecordSet) -> String {
    match &set.set_identifier {
        None => format!("[name='{}', type='{}']", set.name, set.kind),
        Some(identifier) => format!("[name='{}', type='{}', set-identifier='{identifier}']", set.name, set.kind),
    }
}

impl Work<'_> {
    /// What can be said of a set by itself.
    fn read(&mut self, set: Set) -> Result<RecordSet> {
        let Set {
            name,
            kind,
            set_identifier,
            ttl,
            resource_records,
            alias_target,
            weight,
            region,
            geo_location,
            failover,
            multi_value_answer,
            health_check_id,
            traffic_policy_instance_id,
            cidr_routing_config,
            geo_proximity_location,
        } = set;
        if !value::TYPES.contains(&kind.as_str()) {
            return Err(ApiError::new(
                "InvalidInput",
                format!(
                    "Invalid XML ; Value '{kind}' is not facet-valid with respect to enumeration '[{}]'.",
                    value::TYPES.join(", ")
                ),
            ));
        }
        let canonical = name::canonical(&name);
        let mut policy = Map::new();
        let routing = [
            ("Weight", weight.map(Value::from)),
            ("Region", region.map(Value::from)),
            ("GeoLocation", geo_location),
            ("Failover", failover.map(Value::from)),
            ("MultiValueAnswer", multi_value_answer.map(Value::from)),
            ("CidrRoutingConfig", cidr_routing_config),
            ("GeoProximityLocation", geo_proximity_location),
        ];
        policy.extend(routing.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
        let (routed, described) = (!policy.is_empty(), format!("[name='{canonical}', type='{kind}'"));
        if traffic_policy_instance_id.is_some() {
            return Err(ApiError::new("InvalidInput", "The local cloud has no traffic policies"));
        }
        if routed != set_identifier.is_some() {
            return Err(ApiError::new(
                "InvalidInput",
                format!(
                    "Invalid request: Missing field 'SetIdentifier' or its routing policy in Change with {described}]"
                ),
            ));
        }
        if weight.is_some_and(|weight| weight > 255) {
            return Err(ApiError::new("InvalidInput", "Invalid XML ; Weight must be 0 to 255"));
        }
        let values: Vec<String> = resource_records.unwrap_or_default().into_iter().map(|record| record.value).collect();
        let fields = match (&alias_target, ttl, values.is_empty()) {
            (Some(_), None, true) | (None, Some(_), false) => Ok(()),
            (Some(_), Some(_), _) => Err(
                "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found more than one",
            ),
            _ => Err(
                "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found none",
            ),
        };
        if let Err(why) = fields {
            return Err(ApiError::new("InvalidInput", format!("Invalid request: {why} in Change with {described}]")));
        }
        if ttl.is_some_and(|ttl| ttl > 2_147_483_647) {
            return Err(ApiError::new("InvalidInput", "Invalid XML ; TTL must be 0 to 2147483647"));
        }
        let bad = values.iter().filter_map(|text| value::check(&kind, text).err());
        self.problems.extend(bad);
        if values.iter().enumerate().any(|(at, text)| values[..at].contains(text)) {
            self.problems.push(format!("Duplicate Resource Record: '{}'", values.join(", ")));
        }
        if kind == "CNAME" && values.len() > 1 {
            self.problems.push(format!("Too many values for RRSet of type CNAME with DNS name {canonical}"));
        }
        let alias = alias_target.map(|alias| Alias { name: name::canonical(&alias.name), ..alias });
        let health_check = health_check_id;
        Ok(RecordSet { name: canonical, kind, set_identifier, ttl, values, alias, health_check, policy })
    }

    fn apply(&mut self, action: &str, set: RecordSet) {
        let (zone, key) = (self.zone, set.key());
        if !name::is_within(&set.name, &zone.name) {
            let what = format!("RRSet with DNS name {} is not permitted in zone {}", set.name, zone.name);
            return self.problems.push(what);
        }
        let existing = self.records.get(&key);
        match (action, existing) {
            ("DELETE", None) => {
                let what = format!("Tried to delete resource record set {} but it was not found", identity(&set));
                self.problems.push(what);
            }
            ("DELETE", Some(existing)) if !same(existing, &set) => {
                let what = format!(
                    "Tried to delete resource record set {} but the values provided do not match the current values",
                    identity(&set)
                );
                self.problems.push(what);
            }
            ("DELETE", Some(_)) => {
                self.records.remove(&key);
            }
            ("CREATE", Some(_)) => {
                let what = format!("Tried to create resource record set {} but it already exists", identity(&set));
                self.problems.push(what);
            }
            _ => {
                self.records.insert(key, set);
            }
        }
    }

    /// What must be true of the zone after the batch.
    fn check_whole(&mut self) {
        let zone = &self.zone.name;
        let at_apex = |kind: &str| self.records.values().filter(|s| s.name == *zone && s.kind == kind).count();
        if at_apex("NS") == 0 {
            self.problems.push("A HostedZone must contain at least one NS record for the zone itself.".to_owned());
        }
        if at_apex("SOA") != 1 {
            self.problems.push("A HostedZone must contain exactly one SOA record.".to_owned());
        }
        let mut names: BTreeMap<&str, Vec<&RecordSet>> = BTreeMap::new();
        for set in self.records.values() {
            names.entry(&set.name).or_default().push(set);
        }
        for (name, sets) in names {
            if let Some(cname) = sets.iter().find(|set| set.kind == "CNAME") {
                if name == zone {
                    self.problems.push(format!(
                        "RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {zone}"
                    ));
                } else if let Some(other) = sets.iter().find(|set| set.kind != "CNAME") {
                    // The one that was there already is what the new one conflicts with.
                    let cname_is_old = self.zone.records.contains_key(&cname.key());
                    let (new, old) = if cname_is_old { (other, cname) } else { (cname, other) };
                    self.problems.push(format!(
                        "RRSet of type {} with DNS name {name} is not permitted because a conflicting RRSet of type {} \
                         with the same DNS name already exists in zone {zone}",
                        new.kind, old.kind
                    ));
                }
            }
            for kind in sets.iter().map(|set| set.kind.as_str()) {
                let of_kind = || sets.iter().filter(|set| set.kind == kind);
                let simple = of_kind().filter(|set| set.set_identifier.is_none()).count();
                let what = format!(
                    "RRSet with DNS name {name}, type {kind} cannot be created as a conflicting RRSet with the same \
                     name and type exists in zone {zone}"
                );
                if simple > 0 && of_kind().count() > simple && !self.problems.contains(&what) {
                    self.problems.push(what);
                }
            }
        }
    }

    fn check_aliases(&mut self, cx: &Cx<'_>) {
        let mut problems = Vec::new();
        for set in self.records.values().filter(|set| self.zone.records.get(&set.key()) != Some(*set)) {
            let Some(alias) = &set.alias else { continue };
            let tried = format!(
                "Tried to create an alias that targets {}, type {} in zone {}",
                alias.name, set.kind, alias.zone
            );
            if alias.zone == self.zone.id {
                let target = self.records.values().any(|other| other.name == alias.name && other.kind == set.kind);
                if !name::is_within(&alias.name, &self.zone.name) {
                    problems.push(format!("{tried}, but the alias target name does not lie within the target zone"));
                } else if !target {
                    problems.push(format!("{tried}, but that target was not found"));
                }
            } else if let Some(region) = elbv2::region_of_zone(&alias.zone) {
                let suffix = format!(".{region}.elb.amazonaws.com.");
                if !alias.name.ends_with(&suffix) {
                    problems.push(format!("{tried}, but the alias target name does not lie within the target zone"));
                } else if set.kind != "A" && set.kind != "AAAA" {
                    problems.push(format!("{tried}, but that target was not found"));
                }
            } else if alias.zone.len() < 10 || cx.world.global.route53.zones.contains_key(&alias.zone) {
                // Another zone of the account is not one that aliases can point into.
                problems.push(format!("{tried}, but the alias target name does not lie within the target zone"));
            }
        }
        self.problems.append(&mut problems);
    }
}

/// Values are a set: their order does not matter.
fn same(a: &RecordSet, b: &RecordSet) -> bool {
    let sorted = |set: &RecordSet| {
        let mut set = set.clone();
        set.values.sort();
        set
    };
    sorted(a) == sorted(b)
}

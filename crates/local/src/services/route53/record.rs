//! Record sets, and reading them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{find, name, page_size};
use crate::error::Result;
use crate::world::Cx;

/// All records of one name, type and set identifier.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RecordSet {
    /// As [`name::canonical`] spells it.
    pub(crate) name: String,
    /// `A`, `CNAME`, …
    pub(crate) kind: String,
    pub(crate) set_identifier: Option<String>,
    pub(crate) ttl: Option<u64>,
    pub(crate) values: Vec<String>,
    pub(crate) alias: Option<Alias>,
    /// It answers while this check is healthy.
    pub(crate) health_check: Option<String>,
    /// Weight, Region, Failover, … as they came.
    pub(crate) policy: serde_json::Map<String, Value>,
}

/// What an alias points at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alias {
    #[serde(rename = "HostedZoneId")]
    pub(crate) zone: String,
    #[serde(rename = "DNSName")]
    pub(crate) name: String,
    #[serde(rename = "EvaluateTargetHealth")]
    pub(crate) evaluate_health: bool,
}

impl RecordSet {
    /// What sets are sorted by: reversed name, type, set identifier.
    pub(crate) fn key(&self) -> String {
        key(&self.name, &self.kind, self.set_identifier.as_deref().unwrap_or_default())
    }

    pub(super) fn render(&self) -> Value {
        let mut answer = json!({
            "Name": self.name,
            "Type": self.kind,
            "SetIdentifier": self.set_identifier,
            "TTL": self.ttl,
            "AliasTarget": self.alias,
            "HealthCheckId": self.health_check,
        });
        if self.alias.is_none() {
            answer["ResourceRecords"] = self.values.iter().map(|value| json!({"Value": value})).collect();
        }
        for (key, value) in &self.policy {
            answer[key.as_str()] = value.clone();
        }
        answer
    }
}

fn key(name: &str, kind: &str, set_identifier: &str) -> String {
    // A space sorts before all that names have.
    format!("{} {kind} {set_identifier}", name::reversed(name))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    id: String,
    start_record_name: Option<String>,
    start_record_type: Option<String>,
    start_record_identifier: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    use crate::error::fail;

    let size = page_size(input.max_items, 300)?;
    let zone = find(cx, &input.id)?;
    let from = match (&input.start_record_name, &input.start_record_type, &input.start_record_identifier) {
        (None, None, None) => String::new(),
        (Some(name), kind, identifier) if kind.is_some() || identifier.is_none() => {
            let (kind, identifier) = (kind.as_deref().unwrap_or_default(), identifier.as_deref().unwrap_or_default());
            let from = key(&name::canonical(name), kind, identifier);
            // Without a type: all types of that name.
            if kind.is_empty() { from.trim_end().to_owned() } else { from }
        }
        _ => {
            return fail!(
                "InvalidInput",
                "The input is not valid: a record type needs a record name, and an identifier needs both"
            );
        }
    };
    let mut rest = zone.records.range(from..).map(|(_, set)| set);
    let page: Vec<&RecordSet> = rest.by_ref().take(size).collect();
    let next = rest.next();
    Ok(json!({
        "ResourceRecordSets": page.into_iter().map(RecordSet::render).collect::<Value>(),
        "IsTruncated": next.is_some(),
        "NextRecordName": next.map(|set| set.name.as_str()),
        "NextRecordType": next.map(|set| set.kind.as_str()),
        "NextRecordIdentifier": next.and_then(|set| set.set_identifier.as_deref()),
        "MaxItems": size.to_string(),
    }))
}

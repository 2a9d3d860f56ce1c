//! DynamoDB: tables with a key and their items, as far as locks of Terraform's states need them. There are no indexes, no
//! streams and no queries.

mod item;
mod table;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::table::Table;
use crate::error::{ApiError, Result, fail};
use crate::protocol::Protocol;
use crate::services::members::resource_of;
use crate::services::{Resource, Service, operations};
use crate::tags::{self, Tag, Tags, from_list, pascal};
use crate::world::Cx;

/// One region's tables, by name.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    tables: BTreeMap<String, Table>,
}

pub(crate) static SERVICE: Service = Service {
    name: "dynamodb",
    prefix: "dynamodb",
    protocol: Protocol::Json { target: "DynamoDB_20120810" },
    invalid: INVALID,
    handler,
    bucket: |_| None,
    on_event,
    resources,
};

operations! {
    "CreateTable" => table::create,
    "DescribeTable" => table::describe,
    "UpdateTable" => table::update,
    "DeleteTable" => table::delete,
    "ListTables" => table::list,
    "DescribeTimeToLive" => table::describe_ttl,
    "UpdateTimeToLive" => table::update_ttl,
    "DescribeContinuousBackups" => table::describe_backups,
    "UpdateContinuousBackups" => table::update_backups,

    "PutItem" => item::put,
    "GetItem" => item::get,
    "DeleteItem" => item::delete,

    "TagResource" => tag,
    "UntagResource" => untag,
    "ListTagsOfResource" => list_tags,
}

const INVALID: &str = "ValidationException";

fn resources(cx: &Cx<'_>) -> Vec<Resource> {
    let Some(region) = cx.world.regions.get(&cx.region) else { return Vec::new() };
    let tables = region.dynamodb.tables.iter();
    let tables = tables.map(|(name, table)| Resource {
        arn: table::arn(cx, name),
        kind: "dynamodb:table",
        tags: table.tags.clone(),
    });
    tables.collect()
}

/// What a table is waiting for.
#[derive(Debug, Serialize, Deserialize)]
enum Later {
    Active(String),
    Gone(String),
}

impl Later {
    fn body(&self) -> Value {
        json!(self)
    }
}

fn on_event(cx: &mut Cx<'_>, body: Value) {
    let tables = &mut cx.dynamodb().tables;
    match serde_json::from_value(body) {
        Ok(Later::Active(name)) => {
            if let Some(table) = tables.get_mut(&name) {
                table.become_active();
            }
        }
        Ok(Later::Gone(name)) => {
            tables.remove(&name);
        }
        Err(_) => {}
    }
}

/// The table with this name or ARN.
fn find<'c>(cx: &'c mut Cx<'_>, id: &str) -> Result<(String, &'c mut Table)> {
    let name =
        resource_of(id, "dynamodb").and_then(|resource| resource.strip_prefix("table/")).unwrap_or(id).to_owned();
    match cx.dynamodb().tables.get_mut(&name) {
        Some(table) => Ok((name, table)),
        None => fail!("ResourceNotFoundException", "Requested resource not found: Table: {name} not found"),
    }
}

fn merged(over: &Tags, new: Vec<Tag>) -> Result<Tags> {
    let mut merged = over.clone();
    merged.extend(from_list(new));
    tags::check(&merged).map_err(|why| ApiError::new(INVALID, why))?;
    Ok(merged)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct AddTags {
    resource_arn: String,
    tags: Vec<Tag>,
}

fn tag(cx: &mut Cx<'_>, input: AddTags) -> Result {
    let (_, table) = find(cx, &input.resource_arn)?;
    table.tags = merged(&table.tags, input.tags)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RemoveTags {
    resource_arn: String,
    tag_keys: Vec<String>,
}

fn untag(cx: &mut Cx<'_>, input: RemoveTags) -> Result {
    find(cx, &input.resource_arn)?.1.tags.retain(|key, _| !input.tag_keys.contains(key));
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ListTags {
    resource_arn: String,
    /// All of a table's tags fit one page.
    #[serde(rename = "NextToken")]
    _next_token: Option<String>,
}

fn list_tags(cx: &mut Cx<'_>, input: ListTags) -> Result {
    Ok(json!({"Tags": pascal(&find(cx, &input.resource_arn)?.1.tags)}))
}

#[cfg(test)]
mod tests;

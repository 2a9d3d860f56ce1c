//! Items: what Terraform's locks and `aws_dynamodb_table_item` do with them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::table::Table;
use super::{INVALID, find};
use crate::error::{Result, fail};
use crate::world::Cx;

type Item = Map<String, Value>;

/// How an attribute's value is written: `{"S": "…"}`.
const TYPES: [&str; 10] = ["S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"];

fn type_of(value: &Value) -> Option<&str> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    members.keys().next().map(String::as_str).filter(|name| TYPES.contains(name))
}

/// What an item is found by: the values of its key.
fn key_of(table: &Table, item: &Item) -> Result<String> {
    let mut values = Vec::new();
    for part in &table.key {
        let name = &part.attribute_name;
        let defined = table.attributes.iter().find(|attribute| attribute.attribute_name == *name);
        let wanted = defined.map_or("S", |attribute| attribute.attribute_type.as_str());
        let Some(value) = item.get(name) else {
            return fail!(INVALID, "One or more parameter values were invalid: Missing the key {name} in the item");
        };
        let actual = type_of(value).unwrap_or_default();
        if actual != wanted {
            return fail!(
                INVALID,
                "One or more parameter values were invalid: Type mismatch for key {name} expected: {wanted} actual: {actual}"
            );
        }
        if value.get(wanted).and_then(Value::as_str).is_none_or(str::is_empty) {
            return fail!(
                INVALID,
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty \
                 string value. Key: {name}"
            );
        }
        values.push(value);
    }
    Ok(json!(values).to_string())
}

/// A key that was given as one: with nothing beside it.
fn exact_key(table: &Table, key: &Item) -> Result<String> {
    if key.len() != table.key.len() || !table.key.iter().all(|part| key.contains_key(&part.attribute_name)) {
        return fail!(INVALID, "The provided key element does not match the schema");
    }
    key_of(table, key)
}

/// Names that expressions use for attributes: `{"#a": "name"}`.
type Names = BTreeMap<String, String>;

fn attribute<'n>(name: &'n str, names: &'n Names) -> Result<&'n str> {
    match names.get(name) {
        Some(meant) => Ok(meant),
        None if name.starts_with('#') => fail!(
            INVALID,
            "Invalid expression: An expression attribute name used in the document path is not defined; attribute name: {name}"
        ),
        None => Ok(name),
    }
}

/// `attribute_exists(name)` and `attribute_not_exists(name)`.
fn check(condition: Option<&str>, names: &Names, existing: Option<&Item>) -> Result<()> {
    let Some(condition) = condition else { return Ok(()) };
    let call = condition.trim().strip_suffix(')').and_then(|text| text.split_once('('));
    let wanted = match call.map(|(function, name)| (function.trim(), name.trim())) {
        Some(("attribute_exists", name)) => Some((true, name)),
        Some(("attribute_not_exists", name)) => Some((false, name)),
        _ => None,
    };
    let plain = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "#_-.".contains(c));
    let Some((wanted, name)) = wanted.filter(|(_, name)| plain(name)) else {
        return fail!(INVALID, "The local cloud knows attribute_exists and attribute_not_exists only: {condition}");
    };
    let name = attribute(name, names)?;
    if existing.is_some_and(|item| item.contains_key(name)) == wanted {
        return Ok(());
    }
    fail!("ConditionalCheckFailedException", "The conditional request failed")
}

/// A table that has items: before it is active it is not there yet.
fn open<'c>(cx: &'c mut Cx<'_>, id: &str) -> Result<&'c mut Table> {
    match find(cx, id)?.1 {
        table if table.is_open() => Ok(table),
        _ => fail!("ResourceNotFoundException", "Requested resource not found"),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Put {
    table_name: String,
    item: Item,
    condition_expression: Option<String>,
    #[serde(default)]
    expression_attribute_names: Names,
    return_values: Option<String>,
    #[serde(rename = "ReturnConsumedCapacity")]
    _return_consumed_capacity: Option<String>,
}

/// What was there before, if it is asked for.
fn answer(old: Option<Item>, wanted: Option<&str>) -> Result {
    match wanted.unwrap_or("NONE") {
        "ALL_OLD" => Ok(old.map_or_else(|| json!({}), |old| json!({"Attributes": old}))),
        "NONE" => Ok(json!({})),
        _ => fail!(INVALID, "Return values set to invalid value"),
    }
}

pub(super) fn put(cx: &mut Cx<'_>, input: Put) -> Result {
    let table = open(cx, &input.table_name)?;
    if let Some((name, _)) = input.item.iter().find(|(_, value)| type_of(value).is_none()) {
        return fail!(INVALID, "Supplied AttributeValue has more than one datatypes set, or none: {name}");
    }
    let key = key_of(table, &input.item)?;
    check(input.condition_expression.as_deref(), &input.expression_attribute_names, table.items.get(&key))?;
    let old = table.items.insert(key, input.item);
    answer(old, input.return_values.as_deref())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Get {
    table_name: String,
    key: Item,
    projection_expression: Option<String>,
    #[serde(default)]
    expression_attribute_names: Names,
    #[serde(rename = "ConsistentRead")]
    _consistent_read: Option<bool>,
    #[serde(rename = "ReturnConsumedCapacity")]
    _return_consumed_capacity: Option<String>,
}

pub(super) fn get(cx: &mut Cx<'_>, input: Get) -> Result {
    let table = open(cx, &input.table_name)?;
    let key = exact_key(table, &input.key)?;
    let Some(mut item) = table.items.get(&key).cloned() else { return Ok(json!({})) };
    if let Some(projection) = input.projection_expression {
        let names = projection.split(',').map(|name| attribute(name.trim(), &input.expression_attribute_names));
        let names = names.collect::<Result<Vec<&str>>>()?;
        item.retain(|name, _| names.contains(&name.as_str()));
    }
    Ok(json!({"Item": item}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    table_name: String,
    key: Item,
    condition_expression: Option<String>,
    #[serde(default)]
    expression_attribute_names: Names,
    return_values: Option<String>,
    #[serde(rename = "ReturnConsumedCapacity")]
    _return_consumed_capacity: Option<String>,
}

/// What is not there is as good as deleted.
pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let table = open(cx, &input.table_name)?;
    let key = exact_key(table, &input.key)?;
    check(input.condition_expression.as_deref(), &input.expression_attribute_names, table.items.get(&key))?;
    let old = table.items.remove(&key);
    answer(old, input.return_values.as_deref())
}

//! Tags of hosted zones and health checks.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{find, health};
use crate::error::{ApiError, Result};
use crate::tags::{self, Tag, Tags};
use crate::world::Cx;

/// The tags of a resource.
fn tags_of<'a>(cx: &'a mut Cx<'_>, kind: &str, id: &str) -> Result<&'a mut Tags> {
    match kind {
        "hostedzone" => Ok(&mut find(cx, id)?.tags),
        "healthcheck" => Ok(&mut health::find(cx, id)?.tags),
        _ => Err(ApiError::new("InvalidInput", format!("{kind} is not a type of resource that has tags"))),
    }
}

fn set(kind: &str, id: &str, tags: &Tags) -> Value {
    json!({"ResourceType": kind, "ResourceId": id, "Tags": tags::pascal(tags)})
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Change {
    resource_type: String,
    resource_id: String,
    #[serde(default)]
    add_tags: Vec<Tag>,
    #[serde(default)]
    remove_tag_keys: Vec<String>,
}

pub(super) fn change(cx: &mut Cx<'_>, input: Change) -> Result {
    let own = tags_of(cx, &input.resource_type, &input.resource_id)?;
    if input.add_tags.is_empty() && input.remove_tag_keys.is_empty() {
        return Err(ApiError::new("InvalidInput", "Either AddTags or RemoveTagKeys must be specified"));
    }
    let added = tags::from_list(input.add_tags);
    tags::check(&added).map_err(|why| ApiError::new("InvalidInput", why))?;
    let mut tags = own.clone();
    tags.retain(|key, _| !input.remove_tag_keys.contains(key));
    tags.extend(added);
    if tags.len() > 50 {
        return Err(ApiError::new("InvalidInput", "A resource can have at most 50 tags"));
    }
    *own = tags;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    resource_type: String,
    resource_id: String,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let List { resource_type, resource_id } = input;
    Ok(json!({"ResourceTagSet": set(&resource_type, &resource_id, tags_of(cx, &resource_type, &resource_id)?)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListMany {
    resource_type: String,
    #[serde(default)]
    resource_ids: Vec<String>,
}

pub(super) fn list_many(cx: &mut Cx<'_>, input: ListMany) -> Result {
    if !(1..=10).contains(&input.resource_ids.len()) {
        return Err(ApiError::new("InvalidInput", "ResourceIds must have 1 to 10 elements"));
    }
    let mut sets = Vec::new();
    for id in &input.resource_ids {
        sets.push(set(&input.resource_type, id, tags_of(cx, &input.resource_type, id)?));
    }
    Ok(json!({"ResourceTagSets": sets}))
}

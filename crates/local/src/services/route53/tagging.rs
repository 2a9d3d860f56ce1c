//! Tags of hosted zones. Health checks, the other kind with tags, are not here.

use serde::Deserialize;
use serde_json::{Value, json};

use super::find;
use crate::error::{ApiError, Result};
use crate::tags::{self, Tag, Tags};
use crate::world::Cx;

fn check_kind(kind: &str, id: &str) -> Result<()> {
    match kind {
        "hostedzone" => Ok(()),
        "healthcheck" => {
            let message = format!("No health check exists with the ID {id}");
            Err(ApiError::new("NoSuchHealthCheck", message).status(404))
        }
        _ => Err(ApiError::new("InvalidInput", format!("{kind} is not a type of resource that has tags"))),
    }
}

fn set(id: &str, tags: &Tags) -> Value {
    json!({"ResourceType": "hostedzone", "ResourceId": id, "Tags": tags::pascal(tags)})
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
    check_kind(&input.resource_type, &input.resource_id)?;
    let zone = find(cx, &input.resource_id)?;
    if input.add_tags.is_empty() && input.remove_tag_keys.is_empty() {
        return Err(ApiError::new("InvalidInput", "Either AddTags or RemoveTagKeys must be specified"));
    }
    let added = tags::from_list(input.add_tags);
    tags::check(&added).map_err(|why| ApiError::new("InvalidInput", why))?;
    let mut tags = zone.tags.clone();
    tags.retain(|key, _| !input.remove_tag_keys.contains(key));
    tags.extend(added);
    if tags.len() > 50 {
        return Err(ApiError::new("InvalidInput", "A resource can have at most 50 tags"));
    }
    zone.tags = tags;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    resource_type: String,
    resource_id: String,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    check_kind(&input.resource_type, &input.resource_id)?;
    let zone = find(cx, &input.resource_id)?;
    Ok(json!({"ResourceTagSet": set(&input.resource_id, &zone.tags)}))
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
        check_kind(&input.resource_type, id)?;
        sets.push(set(id, &find(cx, id)?.tags));
    }
    Ok(json!({"ResourceTagSets": sets}))
}

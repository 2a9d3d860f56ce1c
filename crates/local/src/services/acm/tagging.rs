//! Tags of certificates.

use serde::Deserialize;
use serde_json::{Value, json};

use super::find;
use crate::error::{ApiError, Result};
use crate::tags::{self, Tag, Tags, from_list, pascal};
use crate::world::Cx;

/// The tags with new ones over them, if that is allowed.
pub(super) fn checked(new: Vec<Tag>, over: &Tags) -> Result<Tags> {
    let mut merged = over.clone();
    merged.extend(from_list(new));
    tags::check(&merged).map_err(|why| {
        let code = if merged.len() > 50 { "TooManyTagsException" } else { "InvalidTagException" };
        ApiError::new(code, why)
    })?;
    Ok(merged)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Add {
    certificate_arn: String,
    tags: Vec<Tag>,
}

pub(super) fn add(cx: &mut Cx<'_>, input: Add) -> Result {
    let certificate = find(cx, &input.certificate_arn)?;
    certificate.tags = checked(input.tags, &certificate.tags)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Named {
    key: String,
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Remove {
    certificate_arn: String,
    tags: Vec<Named>,
}

/// With a value, only if the tag has it.
pub(super) fn remove(cx: &mut Cx<'_>, input: Remove) -> Result {
    let certificate = find(cx, &input.certificate_arn)?;
    let gone = |key: &String, value: &String| {
        input.tags.iter().any(|tag| tag.key == *key && tag.value.as_ref().is_none_or(|v| v == value))
    };
    certificate.tags.retain(|key, value| !gone(key, value));
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    certificate_arn: String,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    Ok(json!({"Tags": pascal(&find(cx, &input.certificate_arn)?.tags)}))
}

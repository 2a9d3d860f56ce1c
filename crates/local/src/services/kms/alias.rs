//! Aliases.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::key::listed;
use super::{OF_AWS, ensure_of_aws, find_lasting, not_found, resolve};
use crate::clock::Time;
use crate::error::{Result, fail};
use crate::services::members::named;
use crate::world::Cx;

/// Another name for a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Alias {
    /// The key's id.
    pub(super) key: String,
    pub(super) created: Time,
    pub(super) updated: Time,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Put {
    alias_name: String,
    target_key_id: String,
}

fn check_name(name: &str) -> Result<()> {
    if !name.starts_with("alias/") || name == "alias/" {
        return fail!(super::INVALID, "Invalid identifier");
    }
    if !named(name, 1, 256, ":/_-") {
        return fail!(
            super::INVALID,
            "1 validation error detected: Value '{name}' at 'aliasName' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: ^[a-zA-Z0-9:/_-]+$"
        );
    }
    if name.starts_with("alias/aws/") {
        return fail!("NotAuthorizedException", "{name} is reserved for AWS services");
    }
    Ok(())
}

/// The id of the key that an alias is to have; an alias cannot have an alias.
fn target(cx: &mut Cx<'_>, named: &str) -> Result<String> {
    if named.contains("alias/") {
        return fail!(super::INVALID, "Aliases must refer to keys. Not aliases");
    }
    Ok(find_lasting(cx, named)?.id.clone())
}

pub(super) fn create(cx: &mut Cx<'_>, input: Put) -> Result {
    check_name(&input.alias_name)?;
    let key = target(cx, &input.target_key_id)?;
    if cx.kms().aliases.contains_key(&input.alias_name) {
        let arn = cx.arn("kms", &input.alias_name);
        return fail!("AlreadyExistsException", "An alias with the name {arn} already exists");
    }
    let now = cx.now();
    cx.kms().aliases.insert(input.alias_name, Alias { key, created: now, updated: now });
    Ok(Value::Null)
}

pub(super) fn update(cx: &mut Cx<'_>, input: Put) -> Result {
    check_name(&input.alias_name)?;
    let arn = cx.arn("kms", &input.alias_name);
    if !cx.kms().aliases.contains_key(&input.alias_name) {
        return Err(not_found(&format!("Alias {arn} is not found.")));
    }
    let key = target(cx, &input.target_key_id)?;
    let now = cx.now();
    if let Some(alias) = cx.kms().aliases.get_mut(&input.alias_name) {
        (alias.key, alias.updated) = (key, now);
    }
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    alias_name: String,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    check_name(&input.alias_name)?;
    let arn = cx.arn("kms", &input.alias_name);
    match cx.kms().aliases.remove(&input.alias_name) {
        Some(_) => Ok(Value::Null),
        None => Err(not_found(&format!("Alias {arn} is not found."))),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    key_id: Option<String>,
    limit: Option<usize>,
    marker: Option<String>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    // Every account has them, sooner or later.
    for service in OF_AWS {
        ensure_of_aws(cx, &format!("alias/aws/{service}"));
    }
    let of = input.key_id.as_deref().map(|named| resolve(cx, named)).transpose()?;
    let prefix = cx.arn("kms", "");
    let wanted = |alias: &Alias| of.as_ref().is_none_or(|key| *key == alias.key);
    let found = cx.kms().aliases.iter().filter(|(_, alias)| wanted(alias));
    let found = found
        .map(|(name, alias)| {
            let shape = json!({
                "AliasName": name,
                "AliasArn": format!("{prefix}{name}"),
                "TargetKeyId": alias.key,
                "CreationDate": alias.created.epoch_seconds(),
                "LastUpdatedDate": alias.updated.epoch_seconds(),
            });
            (name.clone(), shape)
        })
        .collect();
    listed("Aliases", found, input.marker.as_deref(), input.limit)
}

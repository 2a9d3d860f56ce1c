//! The account's alias.

use serde::Deserialize;
use serde_json::Value;

use super::{listed, no_such_entity};
use crate::error::{ApiError, Result};
use crate::services::members::named;
use crate::world::Cx;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Alias {
    account_alias: String,
}

/// Takes the place of the one before.
pub(super) fn create(cx: &mut Cx<'_>, input: Alias) -> Result {
    let alias = input.account_alias;
    let lower = !alias.chars().any(|c| c.is_ascii_uppercase());
    let dashes = alias.starts_with('-') || alias.ends_with('-') || alias.contains("--");
    if !lower || dashes || !named(&alias, 3, 63, "-") {
        return Err(ApiError::new(
            "ValidationError",
            "The specified value for accountAlias is invalid. It must contain only lowercase letters, digits, and \
             hyphens, must start and end with a letter or digit, and must be 3 to 63 characters long",
        ));
    }
    if alias.len() == 12 && alias.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ApiError::new("ValidationError", "An account alias cannot have the form of an account id"));
    }
    cx.iam().alias = Some(alias);
    Ok(Value::Null)
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Alias) -> Result {
    if cx.iam().alias.as_ref() != Some(&input.account_alias) {
        return Err(no_such_entity(format!("The account alias {} cannot be found.", input.account_alias)));
    }
    cx.iam().alias = None;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Paged {
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: Paged) -> Result {
    let alias = cx.iam().alias.iter().map(|alias| (alias.clone(), Value::from(alias.as_str()))).collect();
    listed("AccountAliases", alias, input.marker.as_deref(), input.max_items)
}

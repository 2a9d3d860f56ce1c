//! What a load balancer and a target group may be called, and other rules that kinds share.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::error::{ApiError, Result};
use crate::tags::{self, Tag, Tags};

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationError", message)
}

/// Checks a name; `what` is `Load balancer` or `Target group`.
pub(super) fn check_name(what: &str, name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(invalid(format!("{what} name cannot be empty")));
    }
    if name.chars().count() > 32 {
        return Err(invalid(format!("{what} name '{name}' cannot be longer than '32' characters")));
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(invalid(format!(
            "{what} name '{name}' can only contain characters that are alphanumeric characters and hyphens(-)"
        )));
    }
    if name.starts_with('-') || name.ends_with('-') {
        return Err(invalid(format!("{what} name '{name}' cannot begin or end with a hyphen(-)")));
    }
    Ok(())
}

/// Checks a number against its bounds, with AWS's generic text.
pub(super) fn check_range(member: &str, value: i64, least: i64, most: i64) -> Result<()> {
    let bound = if value < least {
        format!("greater than or equal to {least}")
    } else if value > most {
        format!("less than or equal to {most}")
    } else {
        return Ok(());
    };
    Err(invalid(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must have \
         value {bound}"
    )))
}

/// Checks a text against the values that there are.
pub(super) fn check_enum(member: &str, value: &str, values: &[&str]) -> Result<()> {
    if values.contains(&value) {
        return Ok(());
    }
    Err(invalid(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must satisfy \
         enum value set: [{}]",
        values.join(", ")
    )))
}

/// Checks new tags: no key twice, AWS's other rules, 50 at most with those that exist. All of them.
pub(super) fn check_tags(list: Vec<Tag>, existing: &Tags) -> Result<Tags> {
    let mut keys = BTreeSet::new();
    if let Some(twice) = list.iter().find(|tag| !keys.insert(tag.key.clone())) {
        return Err(ApiError::new("DuplicateTagKeys", format!("Duplicate tag key '{}'", twice.key)));
    }
    let new = tags::from_list(list);
    tags::check(&new).map_err(|why| if new.len() > 50 { ApiError::new("TooManyTags", why) } else { invalid(why) })?;
    let mut all = existing.clone();
    all.extend(new);
    if all.len() > 50 {
        return Err(ApiError::new("TooManyTags", "You can specify a maximum of 50 tags per resource"));
    }
    Ok(all)
}

/// An enum or struct as JSON.
pub(super) fn json(value: &impl Serialize) -> serde_json::Value {
    // Plain data with text keys always serialises.
    serde_json::to_value(value).unwrap_or_default()
}

//! Tags, in the two spellings that AWS's services use, and AWS's rules for them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A resource's tags.
pub(crate) type Tags = BTreeMap<String, String>;

/// `{"Key": …, "Value": …}`, in whichever case (ECS writes `key`, `value`).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Tag {
    #[serde(rename = "Key", alias = "key")]
    pub(crate) key: String,
    #[serde(rename = "Value", alias = "value", default)]
    pub(crate) value: String,
}

pub(crate) fn from_list(list: Vec<Tag>) -> Tags {
    list.into_iter().map(|t| (t.key, t.value)).collect()
}

/// `[{"Key": …, "Value": …}]`
pub(crate) fn pascal(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

/// `[{"key": …, "value": …}]`
pub(crate) fn camel(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect()
}

/// AWS's rules for tags that a user sets. The error is the reason; the service gives it its code.
pub(crate) fn check(tags: &Tags) -> Result<(), String> {
    if tags.len() > 50 {
        return Err("You can specify a maximum of 50 tags per resource".to_owned());
    }
    for (key, value) in tags {
        if key.is_empty() || key.chars().count() > 128 {
            return Err(format!("Tag key '{key}' must have 1 to 128 characters"));
        }
        if value.chars().count() > 256 {
            return Err(format!("The value of tag '{key}' must not exceed 256 characters"));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(format!("Tag keys starting with 'aws:' are reserved for internal use: {key}"));
        }
    }
    Ok(())
}

//! Lifecycle rules: kept, checked, and not acted upon.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::document::{malformed, read};
use super::{Of, Only, document, invalid, nothing, refuse};
use crate::error::Result;
use crate::tags::Tag;
use crate::world::Cx;

/// A bucket's rules.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Lifecycle {
    document: Document,
    /// Which small objects are moved.
    minimum_size: String,
}

/// The document.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Document {
    #[serde(default)]
    rule: Vec<Rule>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Rule {
    #[serde(rename = "ID")]
    id: Option<String>,
    prefix: Option<String>,
    filter: Option<Filter>,
    status: String,
    expiration: Option<Expiration>,
    #[serde(default)]
    transition: Vec<Transition>,
    noncurrent_version_expiration: Option<Noncurrent>,
    #[serde(default)]
    noncurrent_version_transition: Vec<Noncurrent>,
    abort_incomplete_multipart_upload: Option<Abort>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Filter {
    prefix: Option<String>,
    tag: Option<Tag>,
    object_size_greater_than: Option<u64>,
    object_size_less_than: Option<u64>,
    and: Option<And>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct And {
    prefix: Option<String>,
    #[serde(default)]
    tag: Vec<Tag>,
    object_size_greater_than: Option<u64>,
    object_size_less_than: Option<u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Expiration {
    date: Option<String>,
    days: Option<u64>,
    expired_object_delete_marker: Option<bool>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Transition {
    date: Option<String>,
    days: Option<u64>,
    storage_class: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Noncurrent {
    noncurrent_days: Option<u64>,
    newer_noncurrent_versions: Option<u64>,
    storage_class: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Abort {
    days_after_initiation: u64,
}

const MINIMUM_SIZES: [&str; 2] = ["all_storage_classes_128K", "varies_by_storage_class"];
const MINIMUM_SIZE: &str = "x-amz-transition-default-minimum-object-size";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Put {
    bucket: Of,
    #[serde(default)]
    document: String,
    transition_default_minimum_object_size: Option<String>,
}

fn with_minimum(mut answer: Value, minimum: &str) -> Value {
    answer["Headers"] = json!({MINIMUM_SIZE: minimum});
    answer
}

pub(super) fn get(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    match &bucket.find(cx)?.lifecycle {
        Some(Lifecycle { document: found, minimum_size }) => {
            Ok(with_minimum(document("LifecycleConfiguration", found)?, minimum_size))
        }
        None => Err(refuse(404, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")
            .detail("BucketName", bucket.name)),
    }
}

pub(super) fn put(cx: &mut Cx<'_>, input: Put) -> Result {
    input.bucket.find(cx)?;
    let minimum_size = input.transition_default_minimum_object_size.unwrap_or_else(|| MINIMUM_SIZES[0].to_owned());
    if !MINIMUM_SIZES.contains(&minimum_size.as_str()) {
        return Err(invalid(MINIMUM_SIZE, &minimum_size, "Invalid TransitionDefaultMinimumObjectSize found"));
    }
    let mut wanted: Document = read(&input.document, "LifecycleConfiguration")?;
    if !(1..=1000).contains(&wanted.rule.len()) {
        return Err(malformed("there are 1 to 1000 Rules"));
    }
    for rule in &mut wanted.rule {
        if rule.id.as_ref().is_none_or(String::is_empty) {
            rule.id = Some(cx.lower(48));
        }
        check(rule)?;
    }
    let mut ids: Vec<_> = wanted.rule.iter().map(|rule| rule.id.as_deref()).collect();
    ids.sort_unstable();
    if let Some([Some(twice), _]) = ids.array_windows().find(|[one, other]| one == other) {
        return Err(refuse(
            400,
            "InvalidArgument",
            format!("Rule ID must be unique. Found same ID for more than one rule: {twice}"),
        ));
    }
    input.bucket.find(cx)?.lifecycle = Some(Lifecycle { document: wanted, minimum_size: minimum_size.clone() });
    Ok(with_minimum(json!({}), &minimum_size))
}

/// What S3 refuses in a rule.
fn check(rule: &Rule) -> Result<()> {
    let refused = |message: &str| Err(refuse(400, "InvalidArgument", message));
    if !["Enabled", "Disabled"].contains(&rule.status.as_str()) {
        return Err(malformed("Status is Enabled or Disabled"));
    }
    if rule.filter.is_some() == rule.prefix.is_some() {
        return Err(malformed("a Rule has a Filter, or else a Prefix"));
    }
    if rule.id.as_ref().is_some_and(|id| id.chars().count() > 255) {
        return refused("ID length should not exceed allowed limit of 255");
    }
    if let Some(filter) = &rule.filter {
        let said = [
            filter.prefix.is_some(),
            filter.tag.is_some(),
            filter.object_size_greater_than.is_some(),
            filter.object_size_less_than.is_some(),
            filter.and.is_some(),
        ];
        if said.into_iter().filter(|said| *said).count() > 1 {
            return Err(malformed("a Filter has one condition; several are inside And"));
        }
    }
    let acts = rule.expiration.is_some()
        || !rule.transition.is_empty()
        || rule.noncurrent_version_expiration.is_some()
        || !rule.noncurrent_version_transition.is_empty()
        || rule.abort_incomplete_multipart_upload.is_some();
    if !acts {
        return Err(refuse(400, "InvalidRequest", "At least one action needs to be specified in a rule"));
    }
    if let Some(expiration) = &rule.expiration {
        let said =
            [expiration.date.is_some(), expiration.days.is_some(), expiration.expired_object_delete_marker.is_some()];
        if said.into_iter().filter(|said| *said).count() != 1 {
            return Err(malformed("an Expiration has one of Date, Days and ExpiredObjectDeleteMarker"));
        }
        if expiration.days == Some(0) {
            return refused("'Days' for Expiration action must be a positive integer");
        }
    }
    if let Some(Noncurrent { noncurrent_days: None | Some(0), .. }) = &rule.noncurrent_version_expiration {
        return refused("'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer");
    }
    if let Some(Abort { days_after_initiation: 0 }) = &rule.abort_incomplete_multipart_upload {
        return refused("'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer");
    }
    Ok(())
}

pub(super) fn delete(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    bucket.find(cx)?.lifecycle = None;
    nothing(204)
}

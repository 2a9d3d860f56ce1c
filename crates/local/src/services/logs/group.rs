//! Log groups, their retention and their tags.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Group, arn, group_mut, no_group};
use crate::error::{ApiError, Result, fail};
use crate::page;
use crate::services::kms;
use crate::tags::{self, Tags};
use crate::world::Cx;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Create {
    log_group_name: String,
    kms_key_id: Option<String>,
    tags: Option<Tags>,
    log_group_class: Option<String>,
    #[serde(default)]
    deletion_protection_enabled: bool,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result<Value> {
    check_name(&input.log_group_name)?;
    if let Some(tags) = &input.tags {
        if tags.is_empty() {
            return invalid("tags", "Member must have length greater than or equal to 1");
        }
        check_tags(tags)?;
    }
    let class = input.log_group_class.unwrap_or_else(|| "STANDARD".to_owned());
    if !["STANDARD", "INFREQUENT_ACCESS", "DELIVERY"].contains(&class.as_str()) {
        return invalid("logGroupClass", "Member must satisfy enum value set: [STANDARD, INFREQUENT_ACCESS, DELIVERY]");
    }
    let now = cx.now();
    if cx.logs().groups.contains_key(&input.log_group_name) {
        return fail!("ResourceAlreadyExistsException", "The specified log group already exists");
    }
    if let Some(key) = &input.kms_key_id {
        check_key(cx, key, &input.log_group_name)?;
    }
    let mut group = Group::new(&input.log_group_name, now);
    if class == "DELIVERY" {
        group.retention = Some(2);
    }
    group.class = class;
    group.kms_key = input.kms_key_id;
    group.deletion_protection = input.deletion_protection_enabled;
    group.tags = input.tags.unwrap_or_default();
    cx.logs().groups.insert(input.log_group_name, group);
    Ok(Value::Null)
}

/// Refuses a key that CloudWatch Logs cannot use.
fn check_key(cx: &mut Cx<'_>, key: &str, group: &str) -> Result<()> {
    if !key.starts_with("arn:") || !key.contains(":kms:") {
        return fail!("InvalidParameterException", "The specified KMS Key Id could not be found.");
    }
    if !kms::lets_in(cx, key, "logs") {
        return fail!(
            "AccessDeniedException",
            "The specified KMS key does not exist or is not allowed to be used with Arn '{}'",
            arn(cx, group)
        );
    }
    Ok(())
}

fn check_name(name: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/#".contains(c);
    if name.is_empty() || name.len() > 512 || !name.chars().all(allowed) {
        return invalid("logGroupName", "Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+")
            .map(|_| ());
    }
    if name.starts_with("aws/") {
        return fail!("InvalidParameterException", "Log groups starting with AWS/ are reserved for AWS.");
    }
    Ok(())
}

fn invalid(member: &str, why: &str) -> Result<Value> {
    fail!(
        "InvalidParameterException",
        "1 validation error detected: Value at '{member}' failed to satisfy constraint: {why}"
    )
}

fn check_tags(tags: &Tags) -> Result<()> {
    tags::check(tags).map_err(|why| {
        let code = if tags.len() > 50 { "TooManyTagsException" } else { "InvalidParameterException" };
        ApiError::new(code, why)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Describe {
    log_group_name_prefix: Option<String>,
    log_group_name_pattern: Option<String>,
    #[serde(default)]
    log_group_identifiers: Vec<String>,
    log_group_class: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
    #[serde(default, rename = "includeLinkedAccounts")]
    _include_linked_accounts: bool,
    #[serde(default, rename = "accountIdentifiers")]
    _account_identifiers: Vec<String>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result<Value> {
    let limit = input.limit.unwrap_or(50);
    if !(1..=50).contains(&limit) {
        return invalid("limit", "Member must have value between 1 and 50");
    }
    if input.log_group_name_prefix.is_some() && input.log_group_name_pattern.is_some() {
        return fail!(
            "InvalidParameterException",
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
        );
    }
    if input.log_group_identifiers.len() > 50 {
        return invalid("logGroupIdentifiers", "Member must have length less than or equal to 50");
    }
    let names: Vec<&str> = input
        .log_group_identifiers
        .iter()
        .map(|id| id.split_once(":log-group:").map_or(id.as_str(), |(_, name)| name.trim_end_matches(":*")))
        .collect();
    let state = &cx.regional().logs;
    let pattern = input.log_group_name_pattern.map(|p| p.to_lowercase());
    let wanted = state.groups.values().filter(|group| {
        input.log_group_name_prefix.as_ref().is_none_or(|prefix| group.name.starts_with(prefix.as_str()))
            && pattern.as_ref().is_none_or(|pattern| group.name.to_lowercase().contains(pattern.as_str()))
            && input.log_group_class.as_ref().is_none_or(|class| &group.class == class)
            && (names.is_empty() || names.contains(&group.name.as_str()))
    });
    let page = page::page(
        wanted.map(|group| (group.name.clone(), group.name.clone())),
        input.next_token.as_deref(),
        limit,
        "InvalidParameterException",
    )?;
    let groups: Vec<Value> = page.items.iter().filter_map(|name| render(cx, name)).collect();
    let mut answer = json!({"logGroups": groups});
    if let Some(next) = page.next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

fn render(cx: &mut Cx<'_>, name: &str) -> Option<Value> {
    let arn = arn(cx, name);
    let group = cx.logs().groups.get(name)?;
    let stored: usize = group.streams.values().flat_map(|s| &s.events).map(|event| event.message.len() + 26).sum();
    let mut members = json!({
        "logGroupName": group.name,
        "creationTime": group.created.0,
        "metricFilterCount": group.metric_filters.len(),
        "arn": format!("{arn}:*"),
        "logGroupArn": arn,
        "storedBytes": stored,
        "logGroupClass": group.class,
        "deletionProtectionEnabled": group.deletion_protection,
    });
    if let Some(days) = group.retention {
        members["retentionInDays"] = json!(days);
    }
    if let Some(key) = &group.kms_key {
        members["kmsKeyId"] = json!(key);
    }
    Some(members)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Name {
    log_group_name: String,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Name) -> Result<Value> {
    let group = group_mut(cx, &input.log_group_name)?;
    if group.deletion_protection {
        return fail!("ValidationException", "Log group {} is protected from deletion", group.name);
    }
    cx.logs().groups.remove(&input.log_group_name);
    Ok(Value::Null)
}

const RETENTIONS: &[u32] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PutRetention {
    log_group_name: String,
    retention_in_days: u32,
}

pub(super) fn put_retention(cx: &mut Cx<'_>, input: PutRetention) -> Result<Value> {
    if !RETENTIONS.contains(&input.retention_in_days) {
        return invalid("retentionInDays", &format!("Member must satisfy enum value set: {RETENTIONS:?}"));
    }
    let group = group_mut(cx, &input.log_group_name)?;
    if group.class == "DELIVERY" {
        return fail!("ValidationException", "Retention cannot be set on a log group of class DELIVERY");
    }
    group.retention = Some(input.retention_in_days);
    Ok(Value::Null)
}

pub(super) fn delete_retention(cx: &mut Cx<'_>, input: Name) -> Result<Value> {
    group_mut(cx, &input.log_group_name)?.retention = None;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PutDeletionProtection {
    log_group_identifier: String,
    deletion_protection_enabled: bool,
}

pub(super) fn put_deletion_protection(cx: &mut Cx<'_>, input: PutDeletionProtection) -> Result<Value> {
    group_mut(cx, &input.log_group_identifier)?.deletion_protection = input.deletion_protection_enabled;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Key {
    log_group_name: Option<String>,
    resource_identifier: Option<String>,
    kms_key_id: Option<String>,
}

/// The group that a key is for, by name or by ARN.
fn keyed<'c>(cx: &'c mut Cx<'_>, input: &Key) -> Result<&'c mut Group> {
    match (&input.log_group_name, &input.resource_identifier) {
        (Some(name), None) => group_mut(cx, name),
        (None, Some(arn)) => group_mut(cx, arn),
        _ => fail!("InvalidParameterException", "Exactly one of logGroupName and resourceIdentifier must be specified"),
    }
}

pub(super) fn associate_key(cx: &mut Cx<'_>, input: Key) -> Result<Value> {
    let Some(key) = input.kms_key_id.clone() else { return invalid("kmsKeyId", "Member must not be null") };
    let name = keyed(cx, &input)?.name.clone();
    check_key(cx, &key, &name)?;
    keyed(cx, &input)?.kms_key = Some(key);
    Ok(Value::Null)
}

pub(super) fn disassociate_key(cx: &mut Cx<'_>, input: Key) -> Result<Value> {
    keyed(cx, &input)?.kms_key = None;
    Ok(Value::Null)
}

/// The group of an ARN, which the tag operations want without `:*`.
fn by_arn<'a>(cx: &'a mut Cx<'_>, arn: &str) -> Result<&'a mut Group> {
    if arn.ends_with(":*") || !arn.starts_with("arn:") {
        return fail!("InvalidParameterException", "The ARN {arn} is not that of a log group (without ':*')");
    }
    if !arn.contains(":log-group:") {
        return Err(no_group());
    }
    group_mut(cx, arn)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Arn {
    resource_arn: String,
}

pub(super) fn list_tags(cx: &mut Cx<'_>, input: Arn) -> Result<Value> {
    Ok(json!({"tags": by_arn(cx, &input.resource_arn)?.tags}))
}

pub(super) fn list_tags_by_name(cx: &mut Cx<'_>, input: Name) -> Result<Value> {
    Ok(json!({"tags": group_mut(cx, &input.log_group_name)?.tags}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TagArn {
    resource_arn: String,
    tags: Tags,
}

pub(super) fn tag(cx: &mut Cx<'_>, input: TagArn) -> Result<Value> {
    add_tags(by_arn(cx, &input.resource_arn)?, input.tags)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TagName {
    log_group_name: String,
    tags: Tags,
}

pub(super) fn tag_by_name(cx: &mut Cx<'_>, input: TagName) -> Result<Value> {
    add_tags(group_mut(cx, &input.log_group_name)?, input.tags)
}

fn add_tags(group: &mut Group, new: Tags) -> Result<Value> {
    let mut merged = group.tags.clone();
    merged.extend(new);
    check_tags(&merged)?;
    group.tags = merged;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UntagArn {
    resource_arn: String,
    tag_keys: Vec<String>,
}

pub(super) fn untag(cx: &mut Cx<'_>, input: UntagArn) -> Result<Value> {
    by_arn(cx, &input.resource_arn)?.tags.retain(|key, _| !input.tag_keys.contains(key));
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UntagName {
    log_group_name: String,
    tags: Vec<String>,
}

pub(super) fn untag_by_name(cx: &mut Cx<'_>, input: UntagName) -> Result<Value> {
    group_mut(cx, &input.log_group_name)?.tags.retain(|key, _| !input.tags.contains(key));
    Ok(Value::Null)
}

//! What roles may do: inline policies and attachments.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::role::{find, find_own};
use super::{check_name, conflict, document, encoded, listed, managed, no_such_entity};
use crate::error::{ApiError, Result};
use crate::world::Cx;

/// AWS's default quota of managed policies per role, user and group.
const ATTACHED: usize = 10;
/// What a role's inline policies may come to, white space not counted.
const INLINE_SIZE: usize = 10_240;

/// What inline policies come to with one of them put: white space is not counted.
pub(super) fn size(inline: &BTreeMap<String, String>, name: &str, document: &str) -> usize {
    let size = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
    let others = inline.iter().filter(|(own, _)| *own != name);
    others.map(|(_, text)| size(text)).sum::<usize>() + size(document)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Put {
    role_name: String,
    policy_name: String,
    policy_document: String,
}

pub(super) fn put(cx: &mut Cx<'_>, input: Put) -> Result {
    check_name("policyName", &input.policy_name, 128)?;
    let role = find_own(cx, &input.role_name)?;
    document::check_identity(&input.policy_document)?;
    if size(&role.inline, &input.policy_name, &input.policy_document) > INLINE_SIZE {
        return Err(conflict(
            "LimitExceeded",
            format!("Maximum policy size of {INLINE_SIZE} bytes exceeded for role {}", input.role_name),
        ));
    }
    role.inline.insert(input.policy_name, input.policy_document);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OfRole {
    role_name: String,
    policy_name: String,
}

pub(super) fn get(cx: &mut Cx<'_>, input: OfRole) -> Result {
    let role = find(cx, &input.role_name)?;
    let Some(text) = role.inline.get(&input.policy_name) else {
        return Err(no_such_entity(format!("The role policy with name {} cannot be found.", input.policy_name)));
    };
    Ok(json!({"RoleName": role.name, "PolicyName": input.policy_name, "PolicyDocument": encoded(text)}))
}

pub(super) fn delete(cx: &mut Cx<'_>, input: OfRole) -> Result {
    let role = find_own(cx, &input.role_name)?;
    if role.inline.remove(&input.policy_name).is_none() {
        return Err(no_such_entity(format!("The role policy with name {} cannot be found.", input.policy_name)));
    }
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    role_name: String,
    marker: Option<String>,
    max_items: Option<usize>,
    path_prefix: Option<String>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let names = find(cx, &input.role_name)?.inline.keys();
    let names = names.map(|name| (name.clone(), Value::from(name.as_str()))).collect();
    listed("PolicyNames", names, input.marker.as_deref(), input.max_items)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Attachment {
    role_name: String,
    policy_arn: String,
}

pub(super) fn check_arn(arn: &str) -> Result<()> {
    if arn.starts_with("arn:") && arn.split(':').count() >= 6 && arn.len() >= 20 {
        return Ok(());
    }
    Err(ApiError::new("ValidationError", format!("ARN {arn} is not valid.")))
}

/// The name of a policy that may be attached.
pub(super) fn attachable(cx: &mut Cx<'_>, arn: &str) -> Result<String> {
    let own = cx.iam().policies.get(arn).map(|policy| policy.name.clone());
    match (own, managed::by_arn(arn)) {
        (Some(name), _) => Ok(name),
        (None, Some(policy)) if policy.path.starts_with("/aws-service-role/") => Err(ApiError::new(
            "PolicyNotAttachable",
            format!("Cannot attach a Service Role Policy to a Customer Role: {arn}"),
        )),
        (None, Some(policy)) => Ok(policy.name.to_owned()),
        (None, None) => Err(no_such_entity(format!("Policy {arn} does not exist or is not attachable."))),
    }
}

/// Attaches it, `quota` by name.
pub(super) fn attach_to(attached: &mut BTreeMap<String, String>, arn: String, name: String, quota: &str) -> Result {
    if attached.len() >= ATTACHED && !attached.contains_key(&arn) {
        return Err(conflict("LimitExceeded", format!("Cannot exceed quota for {quota}: {ATTACHED}")));
    }
    attached.insert(arn, name);
    Ok(Value::Null)
}

pub(super) fn detach_from(attached: &mut BTreeMap<String, String>, arn: &str) -> Result {
    let gone = attached.remove(arn);
    gone.map(|_| Value::Null).ok_or_else(|| no_such_entity(format!("Policy {arn} was not found.")))
}

/// Attached policies whose path begins so, as they are listed.
pub(super) fn in_path(attached: &BTreeMap<String, String>, prefix: Option<&str>) -> Vec<(String, Value)> {
    let wanted = |arn: &str, name: &str| {
        let path = arn.split_once(":policy").and_then(|(_, rest)| rest.strip_suffix(name)).unwrap_or_default();
        path.starts_with(prefix.unwrap_or_default())
    };
    let policies = attached.iter().filter(|(arn, name)| wanted(arn, name));
    policies.map(|(arn, name)| (arn.clone(), json!({"PolicyName": name, "PolicyArn": arn}))).collect()
}

pub(super) fn attach(cx: &mut Cx<'_>, input: Attachment) -> Result {
    check_arn(&input.policy_arn)?;
    find_own(cx, &input.role_name)?;
    let name = attachable(cx, &input.policy_arn)?;
    attach_to(&mut find_own(cx, &input.role_name)?.attached, input.policy_arn, name, "PoliciesPerRole")
}

pub(super) fn detach(cx: &mut Cx<'_>, input: Attachment) -> Result {
    check_arn(&input.policy_arn)?;
    detach_from(&mut find_own(cx, &input.role_name)?.attached, &input.policy_arn)
}

pub(super) fn list_attached(cx: &mut Cx<'_>, input: List) -> Result {
    let policies = in_path(&find(cx, &input.role_name)?.attached, input.path_prefix.as_deref());
    listed("AttachedPolicies", policies, input.marker.as_deref(), input.max_items)
}

//! What roles may do: inline policies and attachments.

use serde::Deserialize;
use serde_json::{Value, json};

use super::role::{find, find_own};
use super::{check_name, conflict, document, encoded, listed, managed, no_such_entity};
use crate::error::{ApiError, Result};
use crate::world::Cx;

/// AWS's default quota of managed policies per role.
const POLICIES_PER_ROLE: usize = 10;
/// What a role's inline policies may come to, white space not counted.
const INLINE_SIZE: usize = 10_240;

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
    let size = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
    let others = role.inline.iter().filter(|(name, _)| **name != input.policy_name);
    if others.map(|(_, text)| size(text)).sum::<usize>() + size(&input.policy_document) > INLINE_SIZE {
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

fn check_arn(arn: &str) -> Result<()> {
    if arn.starts_with("arn:") && arn.split(':').count() >= 6 && arn.len() >= 20 {
        return Ok(());
    }
    Err(ApiError::new("ValidationError", format!("ARN {arn} is not valid.")))
}

pub(super) fn attach(cx: &mut Cx<'_>, input: Attachment) -> Result {
    check_arn(&input.policy_arn)?;
    find_own(cx, &input.role_name)?;
    let own = cx.iam().policies.get(&input.policy_arn).map(|policy| policy.name.clone());
    let name = match (own, managed::by_arn(&input.policy_arn)) {
        (Some(name), _) => name,
        (None, Some(policy)) if policy.path.starts_with("/aws-service-role/") => {
            return Err(ApiError::new(
                "PolicyNotAttachable",
                format!("Cannot attach a Service Role Policy to a Customer Role: {}", input.policy_arn),
            ));
        }
        (None, Some(policy)) => policy.name.to_owned(),
        (None, None) => {
            return Err(no_such_entity(format!("Policy {} does not exist or is not attachable.", input.policy_arn)));
        }
    };
    let role = find_own(cx, &input.role_name)?;
    if role.attached.len() >= POLICIES_PER_ROLE && !role.attached.contains_key(&input.policy_arn) {
        return Err(conflict("LimitExceeded", format!("Cannot exceed quota for PoliciesPerRole: {POLICIES_PER_ROLE}")));
    }
    role.attached.insert(input.policy_arn, name);
    Ok(Value::Null)
}

pub(super) fn detach(cx: &mut Cx<'_>, input: Attachment) -> Result {
    check_arn(&input.policy_arn)?;
    let role = find_own(cx, &input.role_name)?;
    if role.attached.remove(&input.policy_arn).is_none() {
        return Err(no_such_entity(format!("Policy {} was not found.", input.policy_arn)));
    }
    Ok(Value::Null)
}

pub(super) fn list_attached(cx: &mut Cx<'_>, input: List) -> Result {
    let prefix = input.path_prefix.unwrap_or_default();
    let role = find(cx, &input.role_name)?;
    let in_path = |arn: &str, name: &str| {
        let path = arn.split_once(":policy").and_then(|(_, rest)| rest.strip_suffix(name)).unwrap_or_default();
        path.starts_with(&prefix)
    };
    let policies = role.attached.iter().filter(|(arn, name)| in_path(arn, name));
    let policies = policies.map(|(arn, name)| (arn.clone(), json!({"PolicyName": name, "PolicyArn": arn}))).collect();
    listed("AttachedPolicies", policies, input.marker.as_deref(), input.max_items)
}

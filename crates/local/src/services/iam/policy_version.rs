//! Versions of managed policies.

use serde::Deserialize;
use serde_json::{Value, json};

use super::policy::{Policy, Version, check_document, find, find_own};
use super::{conflict, encoded, listed, managed, no_such_entity};
use crate::error::{ApiError, Result};
use crate::world::Cx;

/// How many versions a policy can have.
const VERSIONS: usize = 5;

fn render(policy: &Policy, number: u32, version: &Version, with_document: bool) -> Value {
    json!({
        "Document": with_document.then(|| encoded(&version.document)),
        "VersionId": format!("v{number}"),
        "IsDefaultVersion": number == policy.default,
        "CreateDate": version.created.iso8601(),
    })
}

fn number(arn: &str, version: &str) -> Result<u32> {
    match version.strip_prefix('v').map(str::parse) {
        Some(Ok(number)) => Ok(number),
        Some(Err(_)) | None => Err(ApiError::new(
            "ValidationError",
            format!(
                "1 validation error detected: Value '{version}' at 'versionId' of {arn} failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?"
            ),
        )),
    }
}

fn missing(arn: &str, version: &str) -> ApiError {
    no_such_entity(format!("Policy {arn} version {version} does not exist or is not attachable."))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    policy_arn: String,
    policy_document: String,
    #[serde(default)]
    set_as_default: bool,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let now = cx.now();
    let policy = find_own(cx, &input.policy_arn)?;
    check_document(&input.policy_document)?;
    if policy.versions.len() >= VERSIONS {
        return Err(conflict(
            "LimitExceeded",
            "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing \
             version.",
        ));
    }
    policy.latest += 1;
    policy.updated = now;
    if input.set_as_default {
        policy.default = policy.latest;
    }
    let version = Version { document: input.policy_document, created: now };
    let answer = json!({"PolicyVersion": render(policy, policy.latest, &version, false)});
    policy.versions.insert(policy.latest, version);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OfPolicy {
    policy_arn: String,
    version_id: String,
}

pub(super) fn get(cx: &mut Cx<'_>, input: OfPolicy) -> Result {
    let wanted = number(&input.policy_arn, &input.version_id)?;
    if let Some(policy) = managed::by_arn(&input.policy_arn) {
        if wanted != 1 {
            return Err(missing(&input.policy_arn, &input.version_id));
        }
        return Ok(json!({"PolicyVersion": {
            "Document": encoded(&policy.document()),
            "VersionId": "v1",
            "IsDefaultVersion": true,
            "CreateDate": managed::CREATED.iso8601(),
        }}));
    }
    let policy = find(cx, &input.policy_arn)?;
    match policy.versions.get(&wanted) {
        Some(version) => Ok(json!({"PolicyVersion": render(policy, wanted, version, true)})),
        None => Err(missing(&input.policy_arn, &input.version_id)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    policy_arn: String,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let versions = if managed::by_arn(&input.policy_arn).is_some() {
        let created = managed::CREATED.iso8601();
        vec![("0".to_owned(), json!({"VersionId": "v1", "IsDefaultVersion": true, "CreateDate": created}))]
    } else {
        let policy = find(cx, &input.policy_arn)?;
        // The latest first.
        let newest_first = policy.versions.iter().rev();
        newest_first
            .map(|(number, version)| (format!("{:010}", u32::MAX - number), render(policy, *number, version, false)))
            .collect()
    };
    listed("Versions", versions, input.marker.as_deref(), input.max_items)
}

pub(super) fn delete(cx: &mut Cx<'_>, input: OfPolicy) -> Result {
    let wanted = number(&input.policy_arn, &input.version_id)?;
    let policy = find_own(cx, &input.policy_arn)?;
    if !policy.versions.contains_key(&wanted) {
        return Err(missing(&input.policy_arn, &input.version_id));
    }
    if wanted == policy.default {
        return Err(conflict("DeleteConflict", "Cannot delete the default version of a policy."));
    }
    policy.versions.remove(&wanted);
    Ok(Value::Null)
}

pub(super) fn set_default(cx: &mut Cx<'_>, input: OfPolicy) -> Result {
    let now = cx.now();
    let wanted = number(&input.policy_arn, &input.version_id)?;
    let policy = find_own(cx, &input.policy_arn)?;
    if !policy.versions.contains_key(&wanted) {
        return Err(missing(&input.policy_arn, &input.version_id));
    }
    policy.default = wanted;
    policy.updated = now;
    Ok(Value::Null)
}

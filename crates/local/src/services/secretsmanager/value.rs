//! The values of a secret: versions, and the stages that point at them.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::secret::{Secret, page_size};
use super::{INVALID, find, find_lasting};
use crate::clock::Time;
use crate::error::{Result, fail};
use crate::page::page;
use crate::services::members::bare;
use crate::world::Cx;

pub(super) const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// A value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) content: Content,
    pub(super) stages: Vec<String>,
    pub(super) created: Time,
}

/// Text, or bytes in base 64.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Content {
    Text(String),
    Binary(String),
}

/// Never the secret itself.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

pub(super) fn check_token(token: Option<&str>) -> Result<()> {
    if token.is_some_and(|token| !(32..=64).contains(&token.len())) {
        return fail!(INVALID, "ClientRequestToken must be 32-64 characters long.");
    }
    Ok(())
}

pub(super) fn content(text: Option<String>, binary: Option<String>) -> Result<Option<Content>> {
    match (text, binary) {
        (Some(_), Some(_)) => {
            fail!(INVALID, "You can't specify both a binary secret value and a string secret value in the same secret.")
        }
        (Some(text), None) if text.len() > 65_536 => {
            fail!(
                "ValidationException",
                "1 validation error detected: Value at 'secretString' failed to satisfy constraint: Member must have length less than or equal to 65536"
            )
        }
        // Terraform's provider sends an empty one with bytes of no length.
        (Some(text), None) if text.is_empty() => {
            fail!(INVALID, "You must provide a secret value of at least 1 character")
        }
        (Some(text), None) => Ok(Some(Content::Text(text))),
        (None, Some(binary)) => Ok(Some(Content::Binary(binary))),
        (None, None) => Ok(None),
    }
}

/// Adds a version, and moves its stages from whichever version had them.
pub(super) fn add(secret: &mut Secret, id: &str, content: Content, stages: &[String], now: Time) -> Result<()> {
    if let Some(existing) = secret.versions.get(id) {
        if existing.content == content {
            return Ok(());
        }
        return fail!(
            "ResourceExistsException",
            "You can't use ClientRequestToken {id} because that value is already in use for a version of secret {}.",
            secret.arn
        );
    }
    secret.versions.insert(id.to_owned(), Version { content, stages: Vec::new(), created: now });
    secret.changed = now;
    for stage in stages {
        place(secret, stage, Some(id));
    }
    Ok(())
}

/// Gives a stage to a version alone. Whoever was current is the previous one then.
fn place(secret: &mut Secret, stage: &str, to: Option<&str>) {
    let before = secret.versions.iter().find(|(_, v)| v.stages.iter().any(|s| s == stage)).map(|(id, _)| id.clone());
    for version in secret.versions.values_mut() {
        version.stages.retain(|s| s != stage);
    }
    if let Some(version) = to.and_then(|id| secret.versions.get_mut(id)) {
        version.stages.push(stage.to_owned());
    }
    if stage == CURRENT
        && let Some(before) = before.filter(|before| Some(before.as_str()) != to)
    {
        place(secret, PREVIOUS, Some(&before));
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Get {
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
}

pub(super) fn get(cx: &mut Cx<'_>, input: Get) -> Result {
    let secret = find_lasting(cx, &input.secret_id)?;
    let stage = input.version_stage.as_deref().or_else(|| input.version_id.is_none().then_some(CURRENT));
    let fits = |id: &String, version: &Version| {
        input.version_id.as_ref().is_none_or(|wanted| wanted == id)
            && stage.is_none_or(|stage| version.stages.iter().any(|s| s == stage))
    };
    let Some((id, version)) = secret.versions.iter().find(|(id, version)| fits(id, version)) else {
        let what = match (&input.version_id, stage) {
            (Some(id), _) => format!("VersionId: {id}"),
            (None, stage) => format!("staging label: {}", stage.unwrap_or(CURRENT)),
        };
        return fail!("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for {what}");
    };
    let (text, binary) = match &version.content {
        Content::Text(text) => (Some(text), None),
        Content::Binary(binary) => (None, Some(binary)),
    };
    Ok(bare(json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": id,
        "SecretString": text,
        "SecretBinary": binary,
        "VersionStages": version.stages,
        "CreatedDate": version.created.epoch_seconds(),
    })))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Put {
    secret_id: String,
    client_request_token: Option<String>,
    secret_binary: Option<String>,
    secret_string: Option<String>,
    version_stages: Option<Vec<String>>,
    #[serde(rename = "RotationToken")]
    _rotation_token: Option<String>,
}

pub(super) fn put(cx: &mut Cx<'_>, input: Put) -> Result {
    check_token(input.client_request_token.as_deref())?;
    let Some(content) = content(input.secret_string, input.secret_binary)? else {
        return fail!(INVALID, "You must provide either SecretString or SecretBinary.");
    };
    let (now, minted) = (cx.now(), cx.uuid());
    let secret = find_lasting(cx, &input.secret_id)?;
    let id = input.client_request_token.unwrap_or(minted);
    let mut stages = input.version_stages.unwrap_or_else(|| vec![CURRENT.to_owned()]);
    // The first value is the current one, whatever else it is.
    if secret.versions.is_empty() && !stages.iter().any(|stage| stage == CURRENT) {
        stages.push(CURRENT.to_owned());
    }
    add(secret, &id, content, &stages, now)?;
    let stages = secret.versions.get(&id).map(|version| version.stages.clone());
    Ok(json!({"ARN": secret.arn, "Name": secret.name, "VersionId": id, "VersionStages": stages}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    secret_id: String,
    max_results: Option<usize>,
    next_token: Option<String>,
    #[serde(default)]
    include_deprecated: bool,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let size = page_size(input.max_results)?;
    let secret = find(cx, &input.secret_id)?;
    let wanted = secret.versions.iter().filter(|(_, v)| input.include_deprecated || !v.stages.is_empty());
    let found = wanted.map(|(id, version)| {
        let stages = if version.stages.is_empty() { Value::Null } else { json!(version.stages) };
        let created = version.created.epoch_seconds();
        (id.clone(), json!({"VersionId": id, "VersionStages": stages, "CreatedDate": created}))
    });
    let page = page(found, input.next_token.as_deref(), size, "InvalidNextTokenException")?;
    Ok(bare(json!({"Versions": page.items, "NextToken": page.next, "ARN": secret.arn, "Name": secret.name})))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct MoveStage {
    secret_id: String,
    version_stage: String,
    remove_from_version_id: Option<String>,
    move_to_version_id: Option<String>,
}

pub(super) fn move_stage(cx: &mut Cx<'_>, input: MoveStage) -> Result {
    let secret = find_lasting(cx, &input.secret_id)?;
    let stage = input.version_stage;
    let holder = secret.versions.iter().find(|(_, v)| v.stages.contains(&stage)).map(|(id, _)| id.clone());
    if holder.is_some() && holder != input.remove_from_version_id {
        return fail!(
            INVALID,
            "The parameter RemoveFromVersionId must be set to {} for staging label {stage}",
            holder.unwrap_or_default()
        );
    }
    if stage == CURRENT && input.move_to_version_id.is_none() {
        return fail!(
            INVALID,
            "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed."
        );
    }
    if let Some(to) = input.move_to_version_id.as_ref().filter(|to| !secret.versions.contains_key(*to)) {
        return fail!("ResourceNotFoundException", "Secrets Manager can't find the specified secret version: {to}");
    }
    place(secret, &stage, input.move_to_version_id.as_deref());
    Ok(json!({"ARN": secret.arn, "Name": secret.name}))
}

//! Secrets, without their values.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::value::{self, Version};
use super::{INVALID, find, find_lasting};
use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::page::page;
use crate::services::members::{bare, named};
use crate::tags::{self, Tag, Tags, from_list, pascal};
use crate::world::Cx;

/// A secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Secret {
    pub(super) arn: String,
    pub(super) name: String,
    description: Option<String>,
    key: Option<String>,
    pub(super) versions: BTreeMap<String, Version>,
    policy: Option<String>,
    pub(super) deletion: Option<Time>,
    created: Time,
    pub(super) changed: Time,
    pub(super) tags: Tags,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl Secret {
    fn stages(&self) -> Value {
        let with_stage = self.versions.iter().filter(|(_, version)| !version.stages.is_empty());
        with_stage.map(|(id, version)| (id.clone(), json!(version.stages))).collect::<serde_json::Map<_, _>>().into()
    }

    fn shape(&self, stages: &str) -> Value {
        bare(json!({
            "ARN": self.arn,
            "Name": self.name,
            "Description": self.description,
            "KmsKeyId": self.key,
            "LastChangedDate": self.changed.epoch_seconds(),
            "DeletedDate": self.deletion.map(Time::epoch_seconds),
            "Tags": if self.tags.is_empty() { Value::Null } else { pascal(&self.tags) },
            stages: if self.versions.is_empty() { Value::Null } else { self.stages() },
            "CreatedDate": self.created.epoch_seconds(),
        }))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    name: String,
    client_request_token: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
    secret_binary: Option<String>,
    secret_string: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    add_replica_regions: Vec<Value>,
    #[serde(default, rename = "ForceOverwriteReplicaSecret")]
    _force_overwrite: bool,
}

fn checked(new: Vec<Tag>, over: &Tags) -> Result<Tags> {
    let mut merged = over.clone();
    merged.extend(from_list(new));
    tags::check(&merged).map_err(|why| ApiError::new(INVALID, why))?;
    Ok(merged)
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    if !named(&input.name, 1, 512, "/_+=.@-!") {
        return fail!(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
        );
    }
    if !input.add_replica_regions.is_empty() {
        return fail!(INVALID, "The local cloud does not replicate secrets");
    }
    value::check_token(input.client_request_token.as_deref())?;
    let content = value::content(input.secret_string, input.secret_binary)?;
    let tags = checked(input.tags, &Tags::new())?;
    let named_so = cx.secretsmanager().secrets.values().find(|secret| secret.name == input.name);
    if let Some(existing) = named_so {
        let same = input.client_request_token.as_ref().and_then(|token| existing.versions.get(token));
        if existing.deletion.is_some() {
            return fail!(
                "InvalidRequestException",
                "You can't create this secret because a secret with this name is already scheduled for deletion."
            );
        }
        if same.is_some_and(|version| Some(&version.content) == content.as_ref()) {
            let id = input.client_request_token;
            return Ok(bare(json!({"ARN": existing.arn, "Name": existing.name, "VersionId": id})));
        }
        return fail!(
            "ResourceExistsException",
            "The operation failed because the secret {} already exists.",
            input.name
        );
    }
    let (suffix, now) = (cx.lower(6), cx.now());
    let version_id = content.as_ref().map(|_| input.client_request_token.unwrap_or_else(|| cx.uuid()));
    let mut secret = Secret {
        arn: cx.arn("secretsmanager", &format!("secret:{}-{suffix}", input.name)),
        name: input.name,
        description: input.description.filter(|text| !text.is_empty()),
        key: input.kms_key_id,
        versions: BTreeMap::new(),
        policy: None,
        deletion: None,
        created: now,
        changed: now,
        tags,
    };
    if let (Some(id), Some(content)) = (&version_id, content) {
        let stages = vec![value::CURRENT.to_owned()];
        secret.versions.insert(id.clone(), Version { content, stages, created: now });
    }
    let answer = bare(json!({"ARN": secret.arn, "Name": secret.name, "VersionId": version_id}));
    cx.secretsmanager().secrets.insert(secret.arn.clone(), secret);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ById {
    secret_id: String,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: ById) -> Result {
    Ok(find(cx, &input.secret_id)?.shape("VersionIdsToStages"))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Filter {
    key: String,
    #[serde(default)]
    values: Vec<String>,
}

impl Filter {
    /// Values match from the start, and an exclamation mark turns one round.
    fn passes(&self, secret: &Secret) -> Result<bool> {
        let texts: Vec<&str> = match self.key.as_str() {
            "name" => vec![&secret.name],
            "description" => secret.description.as_deref().into_iter().collect(),
            "tag-key" => secret.tags.keys().map(String::as_str).collect(),
            "tag-value" => secret.tags.values().map(String::as_str).collect(),
            "primary-region" | "owning-service" => Vec::new(),
            "all" => {
                let own = [Some(secret.name.as_str()), secret.description.as_deref()].into_iter().flatten();
                own.chain(secret.tags.iter().flat_map(|(k, v)| [k.as_str(), v.as_str()])).collect()
            }
            other => {
                return fail!(
                    "ValidationException",
                    "1 validation error detected: Value '{other}' at 'filters.1.member.key' failed to satisfy constraint: \
                     Member must satisfy enum value set: [description, name, tag-key, tag-value, primary-region, \
                     owning-service, all]"
                );
            }
        };
        let has = |start: &str| texts.iter().any(|text| text.starts_with(start));
        Ok(self.values.iter().any(|value| match value.strip_prefix('!') {
            Some(not) => !has(not),
            None => has(value),
        }))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    #[serde(default)]
    include_planned_deletion: bool,
    max_results: Option<usize>,
    next_token: Option<String>,
    #[serde(default)]
    filters: Vec<Filter>,
    #[serde(rename = "SortOrder")]
    _sort_order: Option<String>,
    #[serde(rename = "SortBy")]
    _sort_by: Option<String>,
}

/// A page size, or AWS's own.
pub(super) fn page_size(wanted: Option<usize>) -> Result<usize> {
    match wanted.unwrap_or(100) {
        size @ 1..=100 => Ok(size),
        size => fail!(
            "ValidationException",
            "1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy constraint: Member must have \
             value between 1 and 100"
        ),
    }
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let size = page_size(input.max_results)?;
    let mut found = Vec::new();
    for secret in cx.secretsmanager().secrets.values() {
        let mut passes = input.include_planned_deletion || secret.deletion.is_none();
        for filter in &input.filters {
            passes &= filter.passes(secret)?;
        }
        if passes {
            found.push((secret.arn.clone(), secret.shape("SecretVersionsToStages")));
        }
    }
    let page = page(found, input.next_token.as_deref(), size, "InvalidNextTokenException")?;
    Ok(bare(json!({"SecretList": page.items, "NextToken": page.next})))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Update {
    secret_id: String,
    client_request_token: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
    secret_binary: Option<String>,
    secret_string: Option<String>,
}

/// What is not sent stays as it is.
pub(super) fn update(cx: &mut Cx<'_>, input: Update) -> Result {
    value::check_token(input.client_request_token.as_deref())?;
    let content = value::content(input.secret_string, input.secret_binary)?;
    let (now, minted) = (cx.now(), cx.uuid());
    let secret = find_lasting(cx, &input.secret_id)?;
    let id = match content {
        Some(content) => {
            let id = input.client_request_token.unwrap_or(minted);
            value::add(secret, &id, content, &[value::CURRENT.to_owned()], now)?;
            Some(id)
        }
        None => None,
    };
    if let Some(description) = input.description {
        secret.description = Some(description).filter(|text| !text.is_empty());
    }
    if let Some(key) = input.kms_key_id {
        secret.key = Some(key).filter(|key| !key.is_empty());
    }
    secret.changed = now;
    Ok(bare(json!({"ARN": secret.arn, "Name": secret.name, "VersionId": id})))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    secret_id: String,
    recovery_window_in_days: Option<u32>,
    #[serde(default)]
    force_delete_without_recovery: bool,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    if input.force_delete_without_recovery && input.recovery_window_in_days.is_some() {
        return fail!(INVALID, "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.");
    }
    let days = input.recovery_window_in_days.unwrap_or(30);
    if !(7..=30).contains(&days) {
        return fail!(INVALID, "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).");
    }
    let now = cx.now();
    if input.force_delete_without_recovery {
        // Without a way back, what is not there is as good as deleted, and what waits need not wait.
        let Ok((arn, name)) = find(cx, &input.secret_id).map(|s| (s.arn.clone(), s.name.clone())) else {
            let arn = cx.arn("secretsmanager", &format!("secret:{}", input.secret_id));
            return Ok(json!({"ARN": arn, "Name": input.secret_id, "DeletionDate": now.epoch_seconds()}));
        };
        cx.secretsmanager().secrets.remove(&arn);
        return Ok(json!({"ARN": arn, "Name": name, "DeletionDate": now.epoch_seconds()}));
    }
    let at = now + DAY * days;
    let secret = find_lasting(cx, &input.secret_id)?;
    secret.deletion = Some(at);
    let (arn, name) = (secret.arn.clone(), secret.name.clone());
    cx.exactly_after(DAY * days, json!(arn));
    Ok(json!({"ARN": arn, "Name": name, "DeletionDate": at.epoch_seconds()}))
}

pub(super) fn restore(cx: &mut Cx<'_>, input: ById) -> Result {
    let secret = find(cx, &input.secret_id)?;
    secret.deletion = None;
    Ok(json!({"ARN": secret.arn, "Name": secret.name}))
}

pub(super) fn policy(cx: &mut Cx<'_>, input: ById) -> Result {
    let secret = find_lasting(cx, &input.secret_id)?;
    Ok(bare(json!({"ARN": secret.arn, "Name": secret.name, "ResourcePolicy": secret.policy})))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutPolicy {
    secret_id: String,
    resource_policy: String,
    #[serde(default)]
    block_public_policy: bool,
}

pub(super) fn put_policy(cx: &mut Cx<'_>, input: PutPolicy) -> Result {
    let secret = find_lasting(cx, &input.secret_id)?;
    let document: Value = serde_json::from_str(&input.resource_policy).unwrap_or_default();
    if !document["Statement"].is_array() && !document["Statement"].is_object() {
        return fail!("MalformedPolicyDocumentException", "This resource policy contains a syntax error.");
    }
    let public = |statement: &Value| {
        let anybody = statement["Principal"] == "*" || statement["Principal"]["AWS"] == "*";
        statement["Effect"] == "Allow" && anybody && statement["Condition"].is_null()
    };
    let mut statements =
        document["Statement"].as_array().cloned().unwrap_or_else(|| vec![document["Statement"].clone()]);
    statements.retain(public);
    if input.block_public_policy && !statements.is_empty() {
        return fail!(
            "PublicPolicyException",
            "You can't attach a resource policy that allows broad access to the secret."
        );
    }
    secret.policy = Some(input.resource_policy);
    Ok(json!({"ARN": secret.arn, "Name": secret.name}))
}

pub(super) fn delete_policy(cx: &mut Cx<'_>, input: ById) -> Result {
    let secret = find_lasting(cx, &input.secret_id)?;
    secret.policy = None;
    Ok(json!({"ARN": secret.arn, "Name": secret.name}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct AddTags {
    secret_id: String,
    tags: Vec<Tag>,
}

pub(super) fn tag(cx: &mut Cx<'_>, input: AddTags) -> Result {
    let secret = find_lasting(cx, &input.secret_id)?;
    secret.tags = checked(input.tags, &secret.tags)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RemoveTags {
    secret_id: String,
    tag_keys: Vec<String>,
}

pub(super) fn untag(cx: &mut Cx<'_>, input: RemoveTags) -> Result {
    find_lasting(cx, &input.secret_id)?.tags.retain(|key, _| !input.tag_keys.contains(key));
    Ok(Value::Null)
}

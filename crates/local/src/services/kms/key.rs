//! Keys, their policies and tags.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{INVALID, find, find_lasting};
use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::filters::wildcard;
use crate::page::page;
use crate::services::s3::{statements, texts};
use crate::tags::{self, Tags};
use crate::world::Cx;

/// A key without its material.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) arn: String,
    description: String,
    usage: String,
    pub(super) spec: String,
    multi_region: bool,
    /// Made by an AWS service for itself.
    pub(super) of_aws: bool,
    pub(super) enabled: bool,
    /// Every so many days.
    pub(super) rotation: Option<u32>,
    pub(super) rotation_since: Time,
    /// When it will be gone.
    pub(super) deletion: Option<Time>,
    policy: String,
    pub(super) created: Time,
    pub(super) tags: Tags,
}

impl Key {
    /// True if the policy allows a service of one of these names to encrypt with it.
    pub(super) fn lets_in(&self, services: &[String]) -> bool {
        let policy: Value = serde_json::from_str(&self.policy).unwrap_or_default();
        statements(&policy).into_iter().any(|statement| {
            let principal = &statement["Principal"];
            let named = texts(principal.get("Service")).iter().any(|name| services.iter().any(|one| one == name));
            let anybody = *principal == "*" || texts(principal.get("AWS")).contains(&"*");
            let encrypts = texts(statement.get("Action")).iter().any(|action| wildcard(action, "kms:Encrypt"));
            statement["Effect"] == "Allow" && (named || anybody) && encrypts
        })
    }
}

fn default_policy(account: &str) -> String {
    json!({
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
            "Action": "kms:*",
            "Resource": "*",
        }],
    })
    .to_string()
}

/// The key that a service of AWS makes for itself.
pub(super) fn of_aws(cx: &mut Cx<'_>, service: &str) -> Key {
    let (id, created) = (cx.uuid(), cx.now());
    Key {
        arn: cx.arn("kms", &format!("key/{id}")),
        id,
        description: format!("Default key that protects my {service} data when no other key is defined"),
        usage: "ENCRYPT_DECRYPT".to_owned(),
        spec: "SYMMETRIC_DEFAULT".to_owned(),
        multi_region: false,
        of_aws: true,
        enabled: true,
        rotation: Some(365),
        rotation_since: created,
        deletion: None,
        policy: default_policy(cx.account()),
        created,
        tags: Tags::new(),
    }
}

impl Key {
    pub(super) fn state(&self) -> &'static str {
        match (self.deletion, self.enabled) {
            (Some(_), _) => "PendingDeletion",
            (None, true) => "Enabled",
            (None, false) => "Disabled",
        }
    }

    fn metadata(&self, account: &str) -> Value {
        let mut shape = json!({
            "AWSAccountId": account,
            "KeyId": self.id,
            "Arn": self.arn,
            "CreationDate": self.created.epoch_seconds(),
            "Enabled": self.enabled && self.deletion.is_none(),
            "Description": self.description,
            "KeyUsage": self.usage,
            "KeyState": self.state(),
            "Origin": "AWS_KMS",
            "KeyManager": if self.of_aws { "AWS" } else { "CUSTOMER" },
            "CustomerMasterKeySpec": self.spec,
            "KeySpec": self.spec,
            "MultiRegion": self.multi_region,
        });
        if let Some(at) = self.deletion {
            shape["DeletionDate"] = json!(at.epoch_seconds());
        }
        if self.multi_region {
            let region = self.arn.split(':').nth(3).unwrap_or_default();
            shape["MultiRegionConfiguration"] = json!({
                "MultiRegionKeyType": "PRIMARY",
                "PrimaryKey": {"Arn": self.arn, "Region": region},
                "ReplicaKeys": [],
            });
        }
        match self.usage.as_str() {
            "ENCRYPT_DECRYPT" if self.spec == "SYMMETRIC_DEFAULT" => {
                shape["EncryptionAlgorithms"] = json!(["SYMMETRIC_DEFAULT"]);
            }
            "ENCRYPT_DECRYPT" => shape["EncryptionAlgorithms"] = json!(["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]),
            "GENERATE_VERIFY_MAC" => shape["MacAlgorithms"] = json!([self.spec.replacen("HMAC_", "HMAC_SHA_", 1)]),
            _ => {}
        }
        shape
    }
}

/// KMS has its own names for the two parts of a tag.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Tag {
    tag_key: String,
    tag_value: String,
}

fn checked(new: Vec<Tag>, over: &Tags) -> Result<Tags> {
    let mut merged = over.clone();
    merged.extend(new.into_iter().map(|tag| (tag.tag_key, tag.tag_value)));
    tags::check(&merged)
        .map_err(|why| ApiError::new(if merged.len() > 50 { "LimitExceededException" } else { "TagException" }, why))?;
    Ok(merged)
}

/// AWS refuses a policy that locks the account out of its key, unless that is what is wanted.
fn check_policy(cx: &Cx<'_>, policy: &str, bypass: bool) -> Result<()> {
    let malformed = |why: &str| ApiError::new("MalformedPolicyDocumentException", why.to_owned());
    let document: Value =
        serde_json::from_str(policy).map_err(|_| malformed("Policy contains a statement that is not valid JSON"))?;
    let statements = match &document["Statement"] {
        Value::Array(statements) => statements.clone(),
        one @ Value::Object(_) => vec![one.clone()],
        _ => return Err(malformed("Policy contains no statement")),
    };
    for statement in &statements {
        if !["Allow", "Deny"].iter().any(|effect| statement["Effect"] == *effect) {
            return Err(malformed("Policy contains a statement with no valid effect"));
        }
        if statement["Principal"].is_null() && statement["NotPrincipal"].is_null() {
            return Err(malformed("Policy contains a statement with no principal"));
        }
        if statement["Action"].is_null() && statement["NotAction"].is_null() {
            return Err(malformed("Policy contains a statement with no action"));
        }
        if statement["Resource"].is_null() && statement["NotResource"].is_null() {
            return Err(malformed("Policy contains a statement with no resource"));
        }
    }
    let account = cx.account();
    let lets_in = |statement: &Value| {
        let principal = statement["Principal"].to_string();
        let action = statement["Action"].to_string();
        let ours = principal.contains(account) || principal == "\"*\"" || principal.contains("\"*\"");
        let all =
            action.contains("kms:*") || action.contains("kms:Put") || action == "\"*\"" || action.contains("\"*\"");
        statement["Effect"] == "Allow" && ours && all
    };
    if !bypass && !statements.iter().any(lets_in) {
        return Err(malformed("The new key policy will not allow you to update the key policy in the future."));
    }
    Ok(())
}

const SYMMETRIC: &str = "SYMMETRIC_DEFAULT";
const SPECS: &[&str] = &[
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_SECG_P256K1",
    SYMMETRIC,
    "HMAC_224",
    "HMAC_256",
    "HMAC_384",
    "HMAC_512",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    policy: Option<String>,
    description: Option<String>,
    key_usage: Option<String>,
    customer_master_key_spec: Option<String>,
    key_spec: Option<String>,
    origin: Option<String>,
    custom_key_store_id: Option<String>,
    #[serde(default)]
    bypass_policy_lockout_safety_check: bool,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    multi_region: bool,
    xks_key_id: Option<String>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let spec = input.key_spec.or(input.customer_master_key_spec).unwrap_or_else(|| SYMMETRIC.to_owned());
    let usage = input.key_usage.unwrap_or_else(|| "ENCRYPT_DECRYPT".to_owned());
    if !SPECS.contains(&spec.as_str()) {
        return fail!(
            INVALID,
            "1 validation error detected: Value '{spec}' at 'keySpec' failed to satisfy constraint: Member must satisfy \
             enum value set: [{}]",
            SPECS.join(", ")
        );
    }
    let fits = match spec.split('_').next() {
        Some("SYMMETRIC") => usage == "ENCRYPT_DECRYPT",
        Some("HMAC") => usage == "GENERATE_VERIFY_MAC",
        Some("RSA") => usage == "ENCRYPT_DECRYPT" || usage == "SIGN_VERIFY",
        _ => usage == "SIGN_VERIFY" || usage == "KEY_AGREEMENT",
    };
    if !fits {
        return fail!(INVALID, "KeyUsage {usage} is not compatible with KeySpec {spec}");
    }
    if input.origin.is_some_and(|origin| origin != "AWS_KMS")
        || input.custom_key_store_id.is_some()
        || input.xks_key_id.is_some()
    {
        return fail!("UnsupportedOperationException", "The local cloud has keys of the origin AWS_KMS only");
    }
    let tags = checked(input.tags, &Tags::new())?;
    let policy = input.policy.filter(|policy| !policy.is_empty());
    if let Some(policy) = &policy {
        check_policy(cx, policy, input.bypass_policy_lockout_safety_check)?;
    }
    let id = if input.multi_region { format!("mrk-{}", cx.hex(32)) } else { cx.uuid() };
    let created = cx.now();
    let key = Key {
        arn: cx.arn("kms", &format!("key/{id}")),
        id: id.clone(),
        description: input.description.unwrap_or_default(),
        usage,
        spec,
        multi_region: input.multi_region,
        of_aws: false,
        enabled: true,
        rotation: None,
        rotation_since: created,
        deletion: None,
        policy: policy.unwrap_or_else(|| default_policy(cx.account())),
        created,
        tags,
    };
    let answer = json!({"KeyMetadata": key.metadata(cx.account())});
    cx.kms().keys.insert(id, key);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Describe {
    key_id: String,
    #[serde(default, rename = "GrantTokens")]
    _grant_tokens: Vec<String>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let account = cx.account().to_owned();
    Ok(json!({"KeyMetadata": find(cx, &input.key_id)?.metadata(&account)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    limit: Option<usize>,
    marker: Option<String>,
}

/// A page of what was found, under the name of its list.
pub(super) fn listed(list: &str, found: Vec<(String, Value)>, marker: Option<&str>, limit: Option<usize>) -> Result {
    let size = limit.unwrap_or(100);
    if !(1..=1000).contains(&size) {
        return fail!(
            INVALID,
            "1 validation error detected: Value '{size}' at 'limit' failed to satisfy constraint: Member must have value \
             between 1 and 1000"
        );
    }
    let page = page(found, marker, size, "InvalidMarkerException")?;
    let mut answer = json!({list: page.items, "Truncated": page.next.is_some()});
    if let Some(next) = page.next {
        answer["NextMarker"] = json!(next);
    }
    Ok(answer)
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let keys = cx.kms().keys.values();
    let found = keys.map(|key| (key.id.clone(), json!({"KeyId": key.id, "KeyArn": key.arn}))).collect();
    listed("Keys", found, input.marker.as_deref(), input.limit)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UpdateDescription {
    key_id: String,
    description: String,
}

pub(super) fn update_description(cx: &mut Cx<'_>, input: UpdateDescription) -> Result {
    if input.description.chars().count() > 8192 {
        return fail!(INVALID, "The description can have at most 8192 characters");
    }
    find_lasting(cx, &input.key_id)?.description = input.description;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct GetPolicy {
    key_id: String,
    policy_name: Option<String>,
}

fn check_policy_name(name: Option<&str>) -> Result<()> {
    match name {
        None | Some("default") => Ok(()),
        Some(_) => fail!("NotFoundException", "No such policy exists"),
    }
}

pub(super) fn policy(cx: &mut Cx<'_>, input: GetPolicy) -> Result {
    let key = find(cx, &input.key_id)?;
    check_policy_name(input.policy_name.as_deref())?;
    Ok(json!({"Policy": key.policy, "PolicyName": "default"}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutPolicy {
    key_id: String,
    policy_name: Option<String>,
    policy: String,
    #[serde(default)]
    bypass_policy_lockout_safety_check: bool,
}

pub(super) fn put_policy(cx: &mut Cx<'_>, input: PutPolicy) -> Result {
    find_lasting(cx, &input.key_id)?;
    check_policy_name(input.policy_name.as_deref())?;
    check_policy(cx, &input.policy, input.bypass_policy_lockout_safety_check)?;
    find_lasting(cx, &input.key_id)?.policy = input.policy;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OfKey {
    key_id: String,
    limit: Option<usize>,
    marker: Option<String>,
}

pub(super) fn list_policies(cx: &mut Cx<'_>, input: OfKey) -> Result {
    find(cx, &input.key_id)?;
    listed("PolicyNames", vec![("default".to_owned(), json!("default"))], input.marker.as_deref(), input.limit)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct AddTags {
    key_id: String,
    tags: Vec<Tag>,
}

pub(super) fn tag(cx: &mut Cx<'_>, input: AddTags) -> Result {
    let key = find_lasting(cx, &input.key_id)?;
    key.tags = checked(input.tags, &key.tags)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RemoveTags {
    key_id: String,
    tag_keys: Vec<String>,
}

pub(super) fn untag(cx: &mut Cx<'_>, input: RemoveTags) -> Result {
    find_lasting(cx, &input.key_id)?.tags.retain(|key, _| !input.tag_keys.contains(key));
    Ok(Value::Null)
}

pub(super) fn list_tags(cx: &mut Cx<'_>, input: OfKey) -> Result {
    let tags = find(cx, &input.key_id)?.tags.clone();
    let found = tags.into_iter().map(|(k, v)| (k.clone(), json!({"TagKey": k, "TagValue": v}))).collect();
    listed("Tags", found, input.marker.as_deref(), input.limit)
}

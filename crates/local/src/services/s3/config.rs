//! Settings of buckets: each is a document that is put, got and, where S3 has it, deleted.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::document::{malformed, read};
use super::{Only, Set, document, invalid, nothing, refuse};
use crate::error::Result;
use crate::world::Cx;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Versioning {
    status: Option<String>,
    mfa_delete: Option<String>,
}

pub(super) fn get_versioning(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    document("VersioningConfiguration", Versioning { status: bucket.find(cx)?.versioning.clone(), mfa_delete: None })
}

pub(super) fn put_versioning(cx: &mut Cx<'_>, input: Set) -> Result {
    let bucket = input.bucket.find(cx)?;
    let wanted: Versioning = read(&input.document, "VersioningConfiguration")?;
    if wanted.mfa_delete.is_some_and(|mfa| mfa != "Disabled") {
        return Err(refuse(501, "NotImplemented", "The local cloud does not have MFA delete"));
    }
    match wanted.status.as_deref() {
        Some("Enabled" | "Suspended") => bucket.versioning = wanted.status,
        _ => {
            return Err(refuse(
                400,
                "IllegalVersioningConfigurationException",
                "The Versioning element must be specified",
            ));
        }
    }
    nothing(200)
}

/// How objects are encrypted that say nothing about it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Encryption {
    #[serde(default)]
    rule: Vec<EncryptionRule>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct EncryptionRule {
    apply_server_side_encryption_by_default: Option<ByDefault>,
    bucket_key_enabled: Option<bool>,
    blocked_encryption_types: Option<Blocked>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ByDefault {
    #[serde(rename = "SSEAlgorithm")]
    algorithm: String,
    #[serde(rename = "KMSMasterKeyID")]
    key: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Blocked {
    #[serde(default)]
    encryption_type: Vec<String>,
}

impl Default for Encryption {
    fn default() -> Self {
        let by_default = ByDefault { algorithm: "AES256".to_owned(), key: None };
        Encryption {
            rule: vec![EncryptionRule {
                apply_server_side_encryption_by_default: Some(by_default),
                bucket_key_enabled: Some(false),
                blocked_encryption_types: None,
            }],
        }
    }
}

impl Encryption {
    /// Algorithm, key, and whether a bucket's key is used.
    pub(super) fn of_objects(&self) -> (String, Option<String>, bool) {
        let rule = self.rule.first();
        let by_default = rule.and_then(|rule| rule.apply_server_side_encryption_by_default.as_ref());
        let bucket_key = rule.and_then(|rule| rule.bucket_key_enabled).unwrap_or_default();
        let algorithm = by_default.map_or("AES256", |by_default| by_default.algorithm.as_str());
        (algorithm.to_owned(), by_default.and_then(|by_default| by_default.key.clone()), bucket_key)
    }
}

pub(super) fn get_encryption(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    document("ServerSideEncryptionConfiguration", &bucket.find(cx)?.encryption)
}

pub(super) fn put_encryption(cx: &mut Cx<'_>, input: Set) -> Result {
    let bucket = input.bucket.find(cx)?;
    let mut wanted: Encryption = read(&input.document, "ServerSideEncryptionConfiguration")?;
    let [rule] = wanted.rule.as_mut_slice() else { return Err(malformed("there is exactly one Rule")) };
    if let Some(by_default) = &rule.apply_server_side_encryption_by_default {
        check_encryption(&by_default.algorithm)?;
        if by_default.algorithm == "AES256" && by_default.key.is_some() {
            let message =
                "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse";
            return Err(refuse(400, "InvalidArgument", message));
        }
    }
    rule.bucket_key_enabled.get_or_insert(false);
    bucket.encryption = wanted;
    nothing(200)
}

pub(super) fn check_encryption(algorithm: &str) -> Result<()> {
    match algorithm {
        "AES256" | "aws:kms" | "aws:kms:dsse" => Ok(()),
        _ => Err(malformed(format!("{algorithm} is no SSEAlgorithm"))),
    }
}

pub(super) fn delete_encryption(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    bucket.find(cx)?.encryption = Encryption::default();
    nothing(204)
}

/// What public access is blocked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PublicAccess {
    #[serde(default)]
    pub(super) block_public_acls: bool,
    #[serde(default)]
    ignore_public_acls: bool,
    #[serde(default)]
    pub(super) block_public_policy: bool,
    #[serde(default)]
    restrict_public_buckets: bool,
}

impl PublicAccess {
    /// What a new bucket has.
    pub(super) fn all() -> Self {
        PublicAccess {
            block_public_acls: true,
            ignore_public_acls: true,
            block_public_policy: true,
            restrict_public_buckets: true,
        }
    }
}

pub(super) fn get_public_access(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    match &bucket.find(cx)?.public_access {
        Some(found) => document("PublicAccessBlockConfiguration", found),
        None => Err(refuse(
            404,
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
        )
        .detail("BucketName", bucket.name)),
    }
}

pub(super) fn put_public_access(cx: &mut Cx<'_>, input: Set) -> Result {
    let bucket = input.bucket.find(cx)?;
    bucket.public_access = Some(read(&input.document, "PublicAccessBlockConfiguration")?);
    nothing(200)
}

pub(super) fn delete_public_access(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    bucket.find(cx)?.public_access = None;
    nothing(204)
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Ownership {
    #[serde(default)]
    rule: Vec<OwnershipRule>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct OwnershipRule {
    object_ownership: String,
}

pub(super) fn check_ownership(ownership: &str) -> Result<()> {
    match ownership {
        "BucketOwnerEnforced" | "BucketOwnerPreferred" | "ObjectWriter" => Ok(()),
        _ => Err(invalid(
            "x-amz-object-ownership",
            ownership,
            format!("Invalid x-amz-object-ownership header: {ownership}"),
        )),
    }
}

pub(super) fn get_ownership(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    match &bucket.find(cx)?.ownership {
        Some(found) => {
            document("OwnershipControls", Ownership { rule: vec![OwnershipRule { object_ownership: found.clone() }] })
        }
        None => Err(refuse(404, "OwnershipControlsNotFoundError", "The bucket ownership controls were not found")
            .detail("BucketName", bucket.name)),
    }
}

pub(super) fn put_ownership(cx: &mut Cx<'_>, input: Set) -> Result {
    let bucket = input.bucket.find(cx)?;
    let wanted: Ownership = read(&input.document, "OwnershipControls")?;
    let [OwnershipRule { object_ownership }] = wanted.rule.as_slice() else {
        return Err(malformed("there is exactly one Rule"));
    };
    check_ownership(object_ownership).map_err(|error| malformed(error.message))?;
    if object_ownership == "BucketOwnerEnforced" && bucket.acl != "private" {
        let message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting";
        return Err(refuse(400, "InvalidBucketAclWithObjectOwnership", message));
    }
    bucket.ownership = Some(object_ownership.clone());
    nothing(200)
}

pub(super) fn delete_ownership(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    bucket.find(cx)?.ownership = None;
    nothing(204)
}

/// Which pages of other origins may ask.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Cors {
    #[serde(default, rename = "CORSRule")]
    rule: Vec<CorsRule>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct CorsRule {
    #[serde(rename = "ID")]
    id: Option<String>,
    #[serde(default)]
    allowed_header: Vec<String>,
    #[serde(default)]
    allowed_method: Vec<String>,
    #[serde(default)]
    allowed_origin: Vec<String>,
    #[serde(default)]
    expose_header: Vec<String>,
    max_age_seconds: Option<u64>,
}

pub(super) fn get_cors(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    match &bucket.find(cx)?.cors {
        Some(found) => document("CORSConfiguration", found),
        None => Err(refuse(404, "NoSuchCORSConfiguration", "The CORS configuration does not exist")
            .detail("BucketName", bucket.name)),
    }
}

pub(super) fn put_cors(cx: &mut Cx<'_>, input: Set) -> Result {
    let bucket = input.bucket.find(cx)?;
    let wanted: Cors = read(&input.document, "CORSConfiguration")?;
    if !(1..=100).contains(&wanted.rule.len()) {
        return Err(malformed("there are 1 to 100 CORSRules"));
    }
    for rule in &wanted.rule {
        if rule.allowed_method.is_empty() || rule.allowed_origin.is_empty() {
            return Err(malformed("a CORSRule has an AllowedMethod and an AllowedOrigin"));
        }
        if let Some(bad) =
            rule.allowed_method.iter().find(|m| !["GET", "PUT", "HEAD", "POST", "DELETE"].contains(&m.as_str()))
        {
            let message = format!("Found unsupported HTTP method in CORS config. Unsupported method is {bad}");
            return Err(refuse(400, "InvalidRequest", message));
        }
    }
    bucket.cors = Some(wanted);
    nothing(200)
}

pub(super) fn delete_cors(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    bucket.find(cx)?.cors = None;
    nothing(204)
}

/// Where the bucket's own accesses are written to. Nothing is written.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Logging {
    logging_enabled: Option<LoggingEnabled>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct LoggingEnabled {
    target_bucket: String,
    target_prefix: String,
}

pub(super) fn get_logging(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    document("BucketLoggingStatus", &bucket.find(cx)?.logging)
}

pub(super) fn put_logging(cx: &mut Cx<'_>, input: Set) -> Result {
    let region = input.bucket.find(cx)?.region.clone();
    let wanted: Logging = read(&input.document, "BucketLoggingStatus")?;
    if let Some(LoggingEnabled { target_bucket, .. }) = &wanted.logging_enabled {
        match cx.s3().buckets.get(target_bucket) {
            Some(target) if target.region == region => {}
            Some(_) => {
                let message = "S3 buckets must be in the same region for server access logging";
                return Err(refuse(400, "CrossLocationLoggingProhibited", message));
            }
            None => {
                let message = "The target bucket for logging does not exist";
                return Err(refuse(400, "InvalidTargetBucketForLogging", message)
                    .detail("TargetBucket", target_bucket.as_str()));
            }
        }
    }
    input.bucket.find(cx)?.logging = wanted;
    nothing(200)
}

// What cannot be set here says what AWS says where nobody has set it.

pub(super) fn get_accelerate(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    bucket.find(cx)?;
    document("AccelerateConfiguration", json!({}))
}

pub(super) fn get_request_payment(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    bucket.find(cx)?;
    document("RequestPaymentConfiguration", json!({"Payer": "BucketOwner"}))
}

pub(super) fn get_notification(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    bucket.find(cx)?;
    document("NotificationConfiguration", json!({}))
}

pub(super) fn get_website(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    bucket.find(cx)?;
    let message = "The specified bucket does not have a website configuration";
    Err(refuse(404, "NoSuchWebsiteConfiguration", message).detail("BucketName", bucket.name))
}

pub(super) fn get_replication(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    bucket.find(cx)?;
    let message = "The replication configuration was not found";
    Err(refuse(404, "ReplicationConfigurationNotFoundError", message).detail("BucketName", bucket.name))
}

pub(super) fn get_object_lock(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    bucket.find(cx)?;
    let message = "Object Lock configuration does not exist for this bucket";
    Err(refuse(404, "ObjectLockConfigurationNotFoundError", message).detail("BucketName", bucket.name))
}

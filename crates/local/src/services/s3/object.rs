//! Objects and their versions: what writes them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Digest as _;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::bucket::Bucket;
use super::{Headers, Of, config, document, invalid, refuse, tagging};
use crate::clock::Time;
use crate::error::{ApiError, Result};
use crate::filters::wildcard;
use crate::protocol::s3::Algorithm;
use crate::services::sts::caller_arn;
use crate::tags::Tags;
use crate::world::Cx;

/// A version of an object, or a mark that it was deleted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Version {
    /// `null` where the bucket kept no versions.
    pub(super) id: String,
    pub(super) modified: Time,
    /// Nothing in a delete marker.
    pub(super) object: Option<Object>,
}

/// What is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Object {
    /// In base64, as it is kept on disk.
    pub(super) body: String,
    pub(super) size: usize,
    pub(super) etag: String,
    pub(super) checksum: Sum,
    pub(super) content: BTreeMap<String, String>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) tags: Tags,
    pub(super) storage_class: String,
    pub(super) encryption: (String, Option<String>, bool),
    pub(super) acl: String,
}

/// A stored checksum.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sum {
    /// `CRC64NVME`
    pub(super) algorithm: String,
    pub(super) value: String,
    /// `FULL_OBJECT` or `COMPOSITE`
    pub(super) kind: String,
}

impl Sum {
    /// Of a whole body.
    pub(super) fn of(algorithm: Algorithm, body: &[u8]) -> Sum {
        Sum { algorithm: algorithm.name().to_owned(), value: algorithm.of(body), kind: "FULL_OBJECT".to_owned() }
    }

    pub(super) fn tell(&self, headers: &mut Headers) {
        headers.set(&format!("x-amz-checksum-{}", self.algorithm.to_ascii_lowercase()), self.value.as_str());
        headers.set("x-amz-checksum-type", self.kind.as_str());
    }
}

impl Object {
    /// The body itself.
    pub(super) fn bytes(&self) -> Vec<u8> {
        STANDARD.decode(&self.body).unwrap_or_default()
    }

    pub(super) fn tell_encryption(&self, headers: &mut Headers) {
        let (algorithm, key, bucket_key) = &self.encryption;
        headers.set("x-amz-server-side-encryption", algorithm.as_str());
        headers.maybe("x-amz-server-side-encryption-aws-kms-key-id", key.as_deref());
        if *bucket_key && key.is_some() {
            headers.set("x-amz-server-side-encryption-bucket-key-enabled", "true");
        }
    }
}

/// What an object is stored with, beside its body.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Traits {
    #[serde(default)]
    content: BTreeMap<String, String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    acl: Option<String>,
    storage_class: Option<String>,
    server_side_encryption: Option<String>,
    server_side_encryption_aws_kms_key_id: Option<String>,
    server_side_encryption_bucket_key_enabled: Option<bool>,
    tagging: Option<String>,
}

const CLASSES: [&str; 8] = [
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "DEEP_ARCHIVE",
    "GLACIER_IR",
];

impl Traits {
    /// The object, in its bucket. Its checksum is that of the body as a whole.
    pub(super) fn object(self, bucket: &Bucket, body: &[u8], algorithm: Algorithm) -> Result<Object> {
        let acl = self.acl.unwrap_or_else(|| "private".to_owned());
        let blocked = bucket.public_access.as_ref().is_some_and(|access| access.block_public_acls);
        super::acl::check_allowed(&acl, bucket.ownership.as_deref(), blocked)?;
        let storage_class = self.storage_class.unwrap_or_else(|| "STANDARD".to_owned());
        if !CLASSES.contains(&storage_class.as_str()) {
            return Err(refuse(400, "InvalidStorageClass", "The storage class you specified is not valid"));
        }
        let default = bucket.encryption.of_objects();
        let encryption = match self.server_side_encryption {
            None if self.server_side_encryption_aws_kms_key_id.is_some() => {
                let message = "x-amz-server-side-encryption-aws-kms-key-id header is only applicable with aws:kms";
                return Err(refuse(400, "InvalidArgument", message));
            }
            None => default,
            Some(algorithm) => {
                config::check_encryption(&algorithm).map_err(|_| {
                    let message = "The encryption method specified is not supported";
                    refuse(400, "InvalidEncryptionAlgorithmError", message)
                })?;
                let bucket_key = self.server_side_encryption_bucket_key_enabled.unwrap_or(default.2);
                (algorithm, self.server_side_encryption_aws_kms_key_id, bucket_key)
            }
        };
        let encryption = match encryption {
            (algorithm, None, bucket_key) if algorithm.starts_with("aws:kms") => {
                (algorithm, Some("alias/aws/s3".to_owned()), bucket_key)
            }
            given => given,
        };
        let size: usize = self.metadata.iter().map(|(key, value)| key.len() + value.len()).sum();
        if size > 2048 {
            let message = "Your metadata headers exceed the maximum allowed metadata size";
            return Err(refuse(400, "MetadataTooLarge", message));
        }
        let tags = tagging::from_header(self.tagging.as_deref().unwrap_or_default())?;
        tagging::check(&tags, 10)?;
        let mut content = self.content;
        // The coding of the way here is not the object's.
        if let Some(coding) = content.remove("content-encoding") {
            let coding: Vec<&str> = coding.split(',').map(str::trim).filter(|one| *one != "aws-chunked").collect();
            if !coding.is_empty() {
                content.insert("content-encoding".to_owned(), coding.join(","));
            }
        }
        content.entry("content-type".to_owned()).or_insert_with(|| "binary/octet-stream".to_owned());
        Ok(Object {
            body: STANDARD.encode(body),
            size: body.len(),
            etag: hex::encode(md5::Md5::digest(body)),
            checksum: Sum::of(algorithm, body),
            content,
            metadata: self.metadata,
            tags,
            storage_class,
            encryption,
            acl,
        })
    }
}

/// A key of KMS that the caller may not use, where the local cloud was told so.
pub(super) fn check_kms(cx: &Cx<'_>, encryption: &(String, Option<String>, bool), action: &str) -> Result<()> {
    let (algorithm, key, _) = encryption;
    let denied = cx.options.deny.iter().any(|pattern| wildcard(pattern, action));
    if !denied || !algorithm.starts_with("aws:kms") {
        return Ok(());
    }
    let account = cx.account();
    let key = key.as_deref().unwrap_or_default();
    let key =
        if key.starts_with("arn:") { key.to_owned() } else { format!("arn:aws:kms:{}:{account}:key/{key}", cx.region) };
    let message = format!(
        "User: {} is not authorized to perform: {action} on resource: {key} because no identity-based policy allows the \
         {action} action",
        caller_arn(account)
    );
    Err(refuse(403, "AccessDenied", message))
}

/// Which object a call is about, and which version of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Key {
    pub(super) bucket: Of,
    pub(super) key: String,
    pub(super) version_id: Option<String>,
}

pub(super) fn no_key(key: &str) -> ApiError {
    refuse(404, "NoSuchKey", "The specified key does not exist.").detail("Key", key)
}

impl Key {
    /// The version that is asked for, and its id where the bucket has versions.
    pub(super) fn version<'a>(&self, cx: &'a mut Cx<'_>) -> Result<(Option<String>, &'a mut Version)> {
        let bucket = self.bucket.find(cx)?;
        let versioned = bucket.versioning.is_some();
        let versions = bucket.objects.get_mut(&self.key);
        let found = match &self.version_id {
            None => versions.and_then(|versions| versions.last_mut()),
            Some(id) => versions.and_then(|versions| versions.iter_mut().find(|version| version.id == *id)),
        };
        match (found, &self.version_id) {
            (Some(version), _) => Ok((versioned.then(|| version.id.clone()), version)),
            (None, None) => Err(no_key(&self.key)),
            (None, Some(id)) if id != "null" && id.len() != ID => {
                Err(invalid("versionId", id, "Invalid version id specified"))
            }
            (None, Some(id)) => Err(refuse(404, "NoSuchVersion", "The specified version does not exist.")
                .detail("Key", self.key.as_str())
                .detail("VersionId", id.as_str())),
        }
    }

    /// As [`Key::version`], if it is not a delete marker.
    pub(super) fn read<'a>(&self, cx: &'a mut Cx<'_>) -> Result<(Option<String>, &'a mut Object)> {
        let by_id = self.version_id.is_some();
        let (id, version) = self.version(cx)?;
        if version.object.is_none() {
            let error = match by_id {
                true => refuse(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
                    .detail("Method", "GET")
                    .detail("ResourceType", "DeleteMarker"),
                false => no_key(&self.key),
            };
            return Err(error.header("x-amz-delete-marker", "true").header("x-amz-version-id", version.id.as_str()));
        }
        match &mut version.object {
            Some(object) => Ok((id, object)),
            None => Err(no_key(&self.key)),
        }
    }
}

/// The length of a version's id.
const ID: usize = 32;

/// Puts a version in front of the others, as the bucket keeps them; its id where the bucket has versions.
fn push(cx: &mut Cx<'_>, of: &Of, key: &str, object: Option<Object>) -> Result<Option<String>> {
    let (fresh, modified) = (cx.lower(ID), cx.now());
    let bucket = of.find(cx)?;
    let keeps = bucket.versioning.as_deref() == Some("Enabled");
    let id = if keeps { fresh } else { "null".to_owned() };
    let versions = bucket.objects.entry(key.to_owned()).or_default();
    if !keeps {
        versions.retain(|version| version.id != "null");
    }
    versions.push(Version { id: id.clone(), modified, object });
    Ok(bucket.versioning.is_some().then_some(id))
}

/// Stores an object: the headers that say so.
pub(super) fn store(cx: &mut Cx<'_>, of: &Of, key: &str, object: Object) -> Result<Headers> {
    check_kms(cx, &object.encryption, "kms:GenerateDataKey")?;
    let mut headers = Headers::default();
    headers.set("etag", format!("\"{}\"", object.etag));
    object.tell_encryption(&mut headers);
    object.checksum.tell(&mut headers);
    headers.maybe("x-amz-version-id", push(cx, of, key, Some(object))?);
    Ok(headers)
}

/// Conditions of a write, on what is there.
pub(super) fn check_conditions(
    bucket: &Bucket,
    key: &str,
    if_match: Option<&str>,
    if_none_match: Option<&str>,
) -> Result<()> {
    let there =
        bucket.objects.get(key).and_then(|versions| versions.last()).and_then(|version| version.object.as_ref());
    match (if_match, there) {
        (None, _) => {}
        (Some(_), None) => return Err(no_key(key)),
        (Some(wanted), Some(object)) if matches(wanted, &object.etag) => {}
        (Some(_), Some(_)) => return Err(failed("If-Match")),
    }
    match if_none_match {
        None => Ok(()),
        Some("*") if there.is_some() => Err(failed("If-None-Match")),
        Some("*") => Ok(()),
        Some(_) => {
            let message = "A header you provided implies functionality that is not implemented";
            Err(refuse(501, "NotImplemented", message).detail("Header", "If-None-Match"))
        }
    }
}

/// Whether an entity tag is one of those in a header.
pub(super) fn matches(header: &str, etag: &str) -> bool {
    header
        .split(',')
        .map(|one| one.trim().trim_start_matches("W/").trim_matches('"'))
        .any(|one| one == "*" || one == etag)
}

pub(super) fn failed(condition: &str) -> ApiError {
    let message = "At least one of the pre-conditions you specified did not hold";
    refuse(412, "PreconditionFailed", message).detail("Condition", condition)
}

/// The checksum that a body came with, or was asked to have.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Promised {
    algorithm: String,
    #[serde(rename = "Value")]
    _value: String,
}

/// The algorithm of a checksum by its name; S3's own where there is none.
pub(super) fn algorithm(name: Option<&str>) -> Result<Algorithm> {
    match name {
        None => Ok(Algorithm::Crc64Nvme),
        Some(name) => name.parse().map_err(|()| {
            let message = "Checksum algorithm provided is unsupported. Please try again with any of the valid types: \
                           [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]";
            refuse(400, "InvalidRequest", message)
        }),
    }
}

impl Promised {
    pub(super) fn algorithm(promised: Option<&Promised>) -> Result<Algorithm> {
        algorithm(promised.map(|promised| promised.algorithm.as_str()))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Put {
    bucket: Of,
    key: String,
    body: String,
    traits: Traits,
    checksum: Option<Promised>,
    if_match: Option<String>,
    if_none_match: Option<String>,
}

pub(super) fn check_key(key: &str) -> Result<()> {
    if key.len() > 1024 {
        return Err(refuse(400, "KeyTooLongError", "Your key is too long").detail("MaxSizeAllowed", 1024));
    }
    Ok(())
}

pub(super) fn put(cx: &mut Cx<'_>, input: Put) -> Result {
    check_key(&input.key)?;
    let bucket = input.bucket.find(cx)?;
    check_conditions(bucket, &input.key, input.if_match.as_deref(), input.if_none_match.as_deref())?;
    let body = STANDARD.decode(&input.body).unwrap_or_default();
    let object = input.traits.object(bucket, &body, Promised::algorithm(input.checksum.as_ref())?)?;
    let headers = store(cx, &input.bucket, &input.key, object)?;
    Ok(json!({"Headers": headers.0}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Copy {
    bucket: Of,
    key: String,
    traits: Traits,
    copy_source: String,
    copy_source_if_match: Option<String>,
    copy_source_if_none_match: Option<String>,
    metadata_directive: Option<String>,
    tagging_directive: Option<String>,
    checksum_algorithm: Option<String>,
}

/// Whether what is said with the call takes the place of what the source has.
fn replaces(directive: Option<&str>, name: &str) -> Result<bool> {
    match directive {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(other) => Err(invalid(name, other, format!("Unknown {name}."))),
    }
}

pub(super) fn copy(cx: &mut Cx<'_>, input: Copy) -> Result {
    check_key(&input.key)?;
    let source = input.copy_source.trim_start_matches('/');
    let (place, version_id) = match source.split_once("?versionId=") {
        Some((place, version)) => (place, Some(version.to_owned())),
        None => (source, None),
    };
    let place = percent_decode_str(place).decode_utf8_lossy().into_owned();
    let Some((bucket, key)) = place.split_once('/').filter(|(_, key)| !key.is_empty()) else {
        let message = "Invalid copy source object key";
        return Err(invalid("x-amz-copy-source", &input.copy_source, message));
    };
    let replaces_metadata = replaces(input.metadata_directive.as_deref(), "x-amz-metadata-directive")?;
    let replaces_tags = replaces(input.tagging_directive.as_deref(), "x-amz-tagging-directive")?;
    let traits = &input.traits;
    let changes = replaces_metadata || traits.storage_class.is_some() || traits.server_side_encryption.is_some();
    if bucket == input.bucket.name && key == input.key && version_id.is_none() && !changes {
        let message = "This copy request is illegal because it is trying to copy an object to itself without changing the \
                       object's metadata, storage class, website redirect location or encryption attributes.";
        return Err(refuse(400, "InvalidRequest", message));
    }
    let of = Key { bucket: Of { name: bucket.to_owned(), owner: None }, key: key.to_owned(), version_id };
    let (source_version, source) = of.read(cx).map(|(id, object)| (id, object.clone()))?;
    check_kms(cx, &source.encryption, "kms:Decrypt")?;
    if input.copy_source_if_match.is_some_and(|wanted| !matches(&wanted, &source.etag)) {
        return Err(failed("x-amz-copy-source-If-Match"));
    }
    if input.copy_source_if_none_match.is_some_and(|wanted| matches(&wanted, &source.etag)) {
        return Err(failed("x-amz-copy-source-If-None-Match"));
    }
    let kept = algorithm(input.checksum_algorithm.as_deref().or(Some(&source.checksum.algorithm)))?;
    let bucket = input.bucket.find(cx)?;
    let mut object = input.traits.object(bucket, &source.bytes(), kept)?;
    if !replaces_metadata {
        object.content = source.content;
        object.metadata = source.metadata;
    }
    if !replaces_tags {
        object.tags = source.tags;
    }
    let etag = format!("\"{}\"", object.etag);
    let mut headers = store(cx, &input.bucket, &input.key, object)?;
    headers.0.remove("etag");
    headers.maybe("x-amz-copy-source-version-id", source_version);
    let content = json!({"ETag": etag, "LastModified": cx.now().iso8601()});
    Ok(json!({"Headers": headers.0, "Root": "CopyObjectResult", "Xml": content}))
}

/// What became of a deletion.
#[derive(Default)]
struct Deleted {
    marker: bool,
    id: Option<String>,
}

fn remove(cx: &mut Cx<'_>, of: &Of, key: &str, version_id: Option<&str>) -> Result<Deleted> {
    let bucket = of.find(cx)?;
    if let Some(id) = version_id {
        let Some(versions) = bucket.objects.get_mut(key) else {
            return Ok(Deleted { marker: false, id: Some(id.to_owned()) });
        };
        let marker = versions.iter().any(|version| version.id == id && version.object.is_none());
        versions.retain(|version| version.id != id);
        if versions.is_empty() {
            bucket.objects.remove(key);
        }
        return Ok(Deleted { marker, id: Some(id.to_owned()) });
    }
    if bucket.versioning.is_none() {
        bucket.objects.remove(key);
        return Ok(Deleted::default());
    }
    Ok(Deleted { marker: true, id: push(cx, of, key, None)? })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    bucket: Of,
    key: String,
    version_id: Option<String>,
    if_match: Option<String>,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let bucket = input.bucket.find(cx)?;
    if input.if_match.is_some() {
        check_conditions(bucket, &input.key, input.if_match.as_deref(), None)?;
    }
    let deleted = remove(cx, &input.bucket, &input.key, input.version_id.as_deref())?;
    let mut headers = Headers::default();
    headers.maybe("x-amz-version-id", deleted.id);
    headers.maybe("x-amz-delete-marker", deleted.marker.then_some("true"));
    Ok(json!({"Status": 204, "Headers": headers.0}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Several {
    #[serde(default)]
    object: Vec<One>,
    #[serde(default)]
    quiet: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct One {
    key: String,
    version_id: Option<String>,
}

pub(super) fn delete_many(cx: &mut Cx<'_>, input: super::Set) -> Result {
    input.bucket.find(cx)?;
    let wanted: Several = super::document::read(&input.document, "Delete")?;
    if !(1..=1000).contains(&wanted.object.len()) {
        return Err(super::document::malformed("there are 1 to 1000 Objects"));
    }
    let mut shown: Vec<Value> = Vec::new();
    for one in wanted.object {
        let deleted = remove(cx, &input.bucket, &one.key, one.version_id.as_deref())?;
        if !wanted.quiet {
            shown.push(json!({
                "Key": one.key,
                "VersionId": one.version_id,
                "DeleteMarker": deleted.marker.then_some(true),
                "DeleteMarkerVersionId": deleted.id.filter(|_| deleted.marker),
            }));
        }
    }
    document("DeleteResult", json!({"Deleted": shown}))
}

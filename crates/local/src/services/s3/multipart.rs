//! Uploads in parts, as SDKs send what is large.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Digest as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::bucket::Bucket;
use super::object::{Promised, Sum, Traits, algorithm, check_conditions, check_key, store};
use super::{Headers, Of, document, invalid, nothing, owner, refuse};
use crate::clock::Time;
use crate::error::{ApiError, Result};
use crate::world::Cx;

/// An upload that is not complete.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Upload {
    key: String,
    traits: Traits,
    /// The algorithm, and whether the whole object's checksum is made of the parts'.
    checksum: Option<(String, bool)>,
    initiated: Time,
    parts: BTreeMap<u32, Part>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Part {
    body: String,
    size: usize,
    etag: String,
    modified: Time,
}

/// What all parts but the last have at least.
const SMALLEST: usize = 5 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    bucket: Of,
    key: String,
    traits: Traits,
    checksum_algorithm: Option<String>,
    checksum_type: Option<String>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    check_key(&input.key)?;
    let checksum = match input.checksum_algorithm {
        None => None,
        Some(name) => {
            let name = algorithm(Some(&name))?.name().to_owned();
            let composite = match input.checksum_type.as_deref() {
                Some(kind) => kind == "COMPOSITE",
                None => name != "CRC64NVME",
            };
            Some((name, composite))
        }
    };
    let (id, initiated) = (cx.lower(64), cx.now());
    let bucket = input.bucket.find(cx)?;
    // What is wrong with it is told now, not at the end.
    let object = input.traits.clone().object(bucket, &[], algorithm(None)?)?;
    let mut headers = Headers::default();
    object.tell_encryption(&mut headers);
    if let Some((name, composite)) = &checksum {
        headers.set("x-amz-checksum-algorithm", name.as_str());
        headers.set("x-amz-checksum-type", if *composite { "COMPOSITE" } else { "FULL_OBJECT" });
    }
    let upload = Upload { key: input.key.clone(), traits: input.traits, checksum, initiated, parts: BTreeMap::new() };
    bucket.uploads.insert(id.clone(), upload);
    let content = json!({"Bucket": input.bucket.name, "Key": input.key, "UploadId": id});
    Ok(json!({"Headers": headers.0, "Root": "InitiateMultipartUploadResult", "Xml": content}))
}

fn no_upload(id: &str) -> ApiError {
    let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted \
                   or completed.";
    refuse(404, "NoSuchUpload", message).detail("UploadId", id)
}

fn find<'a>(bucket: &'a mut Bucket, key: &str, id: &str) -> Result<&'a mut Upload> {
    bucket.uploads.get_mut(id).filter(|upload| upload.key == key).ok_or_else(|| no_upload(id))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UploadPart {
    bucket: Of,
    key: String,
    upload_id: String,
    part_number: u32,
    body: String,
    checksum: Option<Promised>,
}

pub(super) fn part(cx: &mut Cx<'_>, input: UploadPart) -> Result {
    let modified = cx.now();
    if !(1..=10_000).contains(&input.part_number) {
        let message = "Part number must be an integer between 1 and 10000, inclusive";
        return Err(invalid("partNumber", &input.part_number.to_string(), message));
    }
    let upload = find(input.bucket.find(cx)?, &input.key, &input.upload_id)?;
    let bytes = STANDARD.decode(&input.body).unwrap_or_default();
    let etag = hex::encode(md5::Md5::digest(&bytes));
    let mut headers = Headers::default();
    headers.set("etag", format!("\"{etag}\""));
    if input.checksum.is_some() {
        let algorithm = Promised::algorithm(input.checksum.as_ref())?;
        headers.set(&algorithm.header(), algorithm.of(&bytes));
    }
    upload.parts.insert(input.part_number, Part { body: input.body, size: bytes.len(), etag, modified });
    Ok(json!({"Headers": headers.0}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Complete {
    bucket: Of,
    key: String,
    upload_id: String,
    #[serde(default)]
    document: String,
    if_match: Option<String>,
    if_none_match: Option<String>,
    mp_object_size: Option<usize>,
    #[serde(default, rename = "ChecksumType")]
    _checksum_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Chosen {
    #[serde(default)]
    part: Vec<ChosenPart>,
}

/// Checksums beside it were checked when the part came.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChosenPart {
    part_number: u32,
    #[serde(rename = "ETag")]
    etag: String,
}

pub(super) fn complete(cx: &mut Cx<'_>, input: Complete) -> Result {
    let bucket = input.bucket.find(cx)?;
    find(bucket, &input.key, &input.upload_id)?;
    check_conditions(bucket, &input.key, input.if_match.as_deref(), input.if_none_match.as_deref())?;
    let chosen: Chosen = super::document::read(&input.document, "CompleteMultipartUpload")?;
    if chosen.part.is_empty() {
        return Err(super::document::malformed("there is at least one Part"));
    }
    if !chosen.part.is_sorted_by(|one, other| one.part_number < other.part_number) {
        let message = "The list of parts was not in ascending order. Parts must be ordered by part number.";
        return Err(refuse(400, "InvalidPartOrder", message));
    }
    let upload = find(bucket, &input.key, &input.upload_id)?;
    let (mut body, mut tags, mut sums) = (Vec::new(), Vec::new(), Vec::new());
    let made = upload.checksum.clone();
    let kept = algorithm(made.as_ref().map(|(name, _)| name.as_str()))?;
    for (n, one) in chosen.part.iter().enumerate() {
        let part = upload.parts.get(&one.part_number).filter(|part| part.etag == one.etag.trim_matches('"'));
        let Some(part) = part else {
            let message = "One or more of the specified parts could not be found. The part may not have been uploaded, or the \
                           specified entity tag may not match the part's entity tag.";
            return Err(refuse(400, "InvalidPart", message).detail("PartNumber", one.part_number));
        };
        if part.size < SMALLEST && n + 1 < chosen.part.len() {
            let message = "Your proposed upload is smaller than the minimum allowed size";
            return Err(refuse(400, "EntityTooSmall", message).detail("PartNumber", one.part_number));
        }
        let bytes = STANDARD.decode(&part.body).unwrap_or_default();
        tags.extend(hex::decode(&part.etag).unwrap_or_default());
        sums.extend(STANDARD.decode(kept.of(&bytes)).unwrap_or_default());
        body.extend(bytes);
    }
    if input.mp_object_size.is_some_and(|size| size != body.len()) {
        let message = "The provided 'x-amz-mp-object-size' header value does not match what was computed.";
        return Err(refuse(400, "InvalidRequest", message));
    }
    let traits = upload.traits.clone();
    let mut object = traits.object(bucket, &body, kept)?;
    let count = chosen.part.len();
    object.etag = format!("{}-{count}", hex::encode(md5::Md5::digest(&tags)));
    if made.is_some_and(|(_, composite)| composite) {
        let value = format!("{}-{count}", kept.of(&sums));
        object.checksum = Sum { algorithm: kept.name().to_owned(), value, kind: "COMPOSITE".to_owned() };
    }
    let mut content = json!({
        "Location": format!("http://{}.s3.{}.amazonaws.com/{}", input.bucket.name, bucket.region, input.key),
        "Bucket": input.bucket.name,
        "Key": input.key,
        "ETag": format!("\"{}\"", object.etag),
        "ChecksumType": object.checksum.kind,
    });
    content[format!("Checksum{}", object.checksum.algorithm)] = object.checksum.value.as_str().into();
    bucket.uploads.remove(&input.upload_id);
    let mut headers = store(cx, &input.bucket, &input.key, object)?;
    headers.0.remove("etag");
    Ok(json!({"Headers": headers.0, "Root": "CompleteMultipartUploadResult", "Xml": content}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OfUpload {
    bucket: Of,
    key: String,
    upload_id: String,
    max_parts: Option<usize>,
    #[serde(default)]
    part_number_marker: u32,
}

pub(super) fn abort(cx: &mut Cx<'_>, input: OfUpload) -> Result {
    let bucket = input.bucket.find(cx)?;
    find(bucket, &input.key, &input.upload_id)?;
    bucket.uploads.remove(&input.upload_id);
    nothing(204)
}

pub(super) fn list_parts(cx: &mut Cx<'_>, input: OfUpload) -> Result {
    let owner = owner(cx.account());
    let upload = find(input.bucket.find(cx)?, &input.key, &input.upload_id)?;
    let size = input.max_parts.unwrap_or(1000).min(1000);
    let rest = || upload.parts.range(input.part_number_marker.saturating_add(1)..);
    let shown: Vec<Value> = rest()
        .take(size)
        .map(|(number, part)| {
            json!({
                "PartNumber": number,
                "LastModified": part.modified.iso8601(),
                "ETag": format!("\"{}\"", part.etag),
                "Size": part.size,
            })
        })
        .collect();
    let content = json!({
        "Bucket": input.bucket.name,
        "Key": input.key,
        "UploadId": input.upload_id,
        "Initiator": owner,
        "Owner": owner,
        "StorageClass": "STANDARD",
        "PartNumberMarker": input.part_number_marker,
        "NextPartNumberMarker": rest().take(size).last().map(|(number, _)| number),
        "MaxParts": size,
        "IsTruncated": rest().count() > size,
        "Part": shown,
    });
    document("ListPartsResult", content)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListUploads {
    bucket: Of,
    #[serde(default)]
    prefix: String,
    #[serde(default, rename = "EncodingType")]
    _encoding_type: Option<String>,
}

pub(super) fn list_uploads(cx: &mut Cx<'_>, input: ListUploads) -> Result {
    let owner = owner(cx.account());
    let bucket = input.bucket.find(cx)?;
    let found = bucket.uploads.iter().filter(|(_, upload)| upload.key.starts_with(&input.prefix));
    let mut shown: Vec<Value> = found
        .map(|(id, upload)| {
            json!({
                "Key": upload.key,
                "UploadId": id,
                "Initiator": owner,
                "Owner": owner,
                "StorageClass": "STANDARD",
                "Initiated": upload.initiated.iso8601(),
            })
        })
        .collect();
    shown.sort_by(|one, other| one["Key"].as_str().cmp(&other["Key"].as_str()));
    let content = json!({
        "Bucket": input.bucket.name,
        "Prefix": input.prefix,
        "MaxUploads": 1000,
        "IsTruncated": false,
        "Upload": shown,
    });
    document("ListMultipartUploadsResult", content)
}

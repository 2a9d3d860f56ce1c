//! From method, path, query and headers to an operation and its input.
//!
//! Members are named after what carries them: `x-amz-storage-class` is `StorageClass`, `max-keys` is `MaxKeys`. What an
//! operation does not know is then refused by its input's type.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::refuse;
use crate::error::Result;
use crate::protocol::s3::Parts;

/// A sub-resource, and what GET, PUT and DELETE of it are; empty where there is no such thing.
type Row = (&'static str, &'static str, &'static str, &'static str);

const OF_BUCKET: &[Row] = &[
    ("abac", "GetBucketAbac", "PutBucketAbac", ""),
    ("accelerate", "GetBucketAccelerateConfiguration", "PutBucketAccelerateConfiguration", ""),
    ("acl", "GetBucketAcl", "PutBucketAcl", ""),
    (
        "analytics",
        "GetBucketAnalyticsConfiguration",
        "PutBucketAnalyticsConfiguration",
        "DeleteBucketAnalyticsConfiguration",
    ),
    ("cors", "GetBucketCors", "PutBucketCors", "DeleteBucketCors"),
    ("encryption", "GetBucketEncryption", "PutBucketEncryption", "DeleteBucketEncryption"),
    (
        "intelligent-tiering",
        "GetBucketIntelligentTieringConfiguration",
        "PutBucketIntelligentTieringConfiguration",
        "DeleteBucketIntelligentTieringConfiguration",
    ),
    (
        "inventory",
        "GetBucketInventoryConfiguration",
        "PutBucketInventoryConfiguration",
        "DeleteBucketInventoryConfiguration",
    ),
    ("lifecycle", "GetBucketLifecycleConfiguration", "PutBucketLifecycleConfiguration", "DeleteBucketLifecycle"),
    ("location", "GetBucketLocation", "", ""),
    ("logging", "GetBucketLogging", "PutBucketLogging", ""),
    ("metadataConfiguration", "GetBucketMetadataConfiguration", "", "DeleteBucketMetadataConfiguration"),
    ("metadataTable", "GetBucketMetadataTableConfiguration", "", "DeleteBucketMetadataTableConfiguration"),
    ("metrics", "GetBucketMetricsConfiguration", "PutBucketMetricsConfiguration", "DeleteBucketMetricsConfiguration"),
    ("notification", "GetBucketNotificationConfiguration", "PutBucketNotificationConfiguration", ""),
    ("object-lock", "GetObjectLockConfiguration", "PutObjectLockConfiguration", ""),
    ("ownershipControls", "GetBucketOwnershipControls", "PutBucketOwnershipControls", "DeleteBucketOwnershipControls"),
    ("policy", "GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"),
    ("policyStatus", "GetBucketPolicyStatus", "", ""),
    ("publicAccessBlock", "GetPublicAccessBlock", "PutPublicAccessBlock", "DeletePublicAccessBlock"),
    ("replication", "GetBucketReplication", "PutBucketReplication", "DeleteBucketReplication"),
    ("requestPayment", "GetBucketRequestPayment", "PutBucketRequestPayment", ""),
    ("session", "CreateSession", "", ""),
    ("tagging", "GetBucketTagging", "PutBucketTagging", "DeleteBucketTagging"),
    ("uploads", "ListMultipartUploads", "", ""),
    ("versioning", "GetBucketVersioning", "PutBucketVersioning", ""),
    ("versions", "ListObjectVersions", "", ""),
    ("website", "GetBucketWebsite", "PutBucketWebsite", "DeleteBucketWebsite"),
];

const OF_OBJECT: &[Row] = &[
    ("acl", "GetObjectAcl", "PutObjectAcl", ""),
    ("attributes", "GetObjectAttributes", "", ""),
    ("legal-hold", "GetObjectLegalHold", "PutObjectLegalHold", ""),
    ("renameObject", "", "RenameObject", ""),
    ("retention", "GetObjectRetention", "PutObjectRetention", ""),
    ("tagging", "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging"),
    ("torrent", "GetObjectTorrent", "", ""),
    ("uploadId", "ListParts", "UploadPart", "AbortMultipartUpload"),
];

const POST: &[(&str, &str)] = &[
    ("delete", "DeleteObjects"),
    ("metadataConfiguration", "CreateBucketMetadataConfiguration"),
    ("metadataTable", "CreateBucketMetadataTableConfiguration"),
    ("restore", "RestoreObject"),
    ("select", "SelectObjectContent"),
    ("uploadId", "CompleteMultipartUpload"),
    ("uploads", "CreateMultipartUpload"),
];

fn operation(parts: &Parts) -> Option<&'static str> {
    let has = |name: &str| parts.parameter(name).is_some();
    let rows = if parts.key.is_empty() { OF_BUCKET } else { OF_OBJECT };
    if parts.bucket.is_empty() {
        return (parts.method == Method::GET).then_some("ListBuckets");
    }
    if parts.method == Method::POST {
        // Anything else is a form of a browser.
        return Some(POST.iter().find(|(name, _)| has(name)).map_or("PostObject", |(_, operation)| operation));
    }
    if parts.method != Method::HEAD
        && let Some((_, get, put, delete)) = rows.iter().find(|(name, ..)| has(name))
    {
        let copies = parts.header("x-amz-copy-source").is_some();
        let found = match parts.method {
            Method::GET => *get,
            Method::PUT if *put == "UploadPart" && copies => "UploadPartCopy",
            Method::PUT => *put,
            Method::DELETE => *delete,
            _ => "",
        };
        return Some(found).filter(|operation| !operation.is_empty());
    }
    match (&parts.method, parts.key.is_empty()) {
        (&Method::GET, true) if parts.parameter("list-type") == Some("2") => Some("ListObjectsV2"),
        (&Method::GET, true) => Some("ListObjects"),
        (&Method::HEAD, true) => Some("HeadBucket"),
        (&Method::PUT, true) => Some("CreateBucket"),
        (&Method::DELETE, true) => Some("DeleteBucket"),
        (&Method::GET, false) => Some("GetObject"),
        (&Method::HEAD, false) => Some("HeadObject"),
        (&Method::PUT, false) if parts.header("x-amz-copy-source").is_some() => Some("CopyObject"),
        (&Method::PUT, false) => Some("PutObject"),
        (&Method::DELETE, false) => Some("DeleteObject"),
        _ => None,
    }
}

/// Headers without `x-amz-` that say something, and for which operations.
const CONDITIONS: [&str; 5] = ["range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"];
const CONTENT: [&str; 6] =
    ["content-type", "cache-control", "content-disposition", "content-encoding", "content-language", "expires"];

const CHECKSUMS: [&str; 3] = ["checksum-mode", "checksum-type", "checksum-algorithm"];
/// Of what stores an object: what is about the call, not about the object.
const BESIDE: [&str; 4] = ["checksum-", "copy-source", "metadata-directive", "tagging-directive"];

/// `x-amz-` headers about the request itself, not about what it asks for.
const TRANSPORT: [&str; 10] = [
    "date",
    "content-sha256",
    "security-token",
    "user-agent",
    "decoded-content-length",
    "trailer",
    "sdk-checksum-algorithm",
    "te",
    "id-2",
    "request-payer",
];

/// Finds the operation and its input.
pub(super) fn route(parts: &Parts) -> Result<(String, Value)> {
    let Some(operation) = operation(parts) else {
        let message = "The specified method is not allowed against this resource.";
        return Err(refuse(405, "MethodNotAllowed", message).detail("Method", parts.method.as_str()));
    };
    let mut input = Map::new();
    if !parts.bucket.is_empty() {
        let owner = parts.header("x-amz-expected-bucket-owner");
        input.insert("Bucket".to_owned(), json!({"Name": parts.bucket, "Owner": owner}));
    }
    if !parts.key.is_empty() {
        input.insert("Key".to_owned(), parts.key.as_str().into());
    }
    let subresource = |name: &str| name != "uploadId" && OF_BUCKET.iter().chain(OF_OBJECT).any(|row| row.0 == name);
    for (name, value) in &parts.query {
        let known = ["list-type", "x-id"].contains(&name.as_str()) || name.starts_with("X-Amz-");
        if !known && !subresource(name) && !POST.iter().any(|(sub, _)| sub == name && *sub != "uploadId") {
            input.insert(member(name), value.as_str().into());
        }
    }
    let stores = ["PutObject", "CopyObject", "CreateMultipartUpload"].contains(&operation);
    let conditional =
        stores || ["GetObject", "HeadObject", "DeleteObject", "CompleteMultipartUpload"].contains(&operation);
    // What an object is stored with, beside its body.
    let (mut metadata, mut content, mut traits) = (Map::new(), Map::new(), Map::new());
    for (name, value) in &parts.headers {
        let name = name.as_str();
        // Text beyond ASCII is UTF-8 here.
        let value = String::from_utf8_lossy(value.as_bytes());
        match name.strip_prefix("x-amz-") {
            Some("expected-bucket-owner") => {}
            Some(name) if TRANSPORT.contains(&name) => {}
            // A body's checksum has been looked at.
            Some(name) if name.starts_with("checksum-") && !CHECKSUMS.contains(&name) => {}
            Some(name) if stores && !BESIDE.iter().any(|beside| name.starts_with(beside)) => {
                match name.strip_prefix("meta-") {
                    Some(name) => metadata.insert(name.to_owned(), value.into()),
                    None => traits.insert(member(name), value.into()),
                };
            }
            Some(name) => {
                input.insert(member(name), value.into());
            }
            None if CONDITIONS.contains(&name) && conditional => {
                input.insert(member(name), value.into());
            }
            None if CONTENT.contains(&name) && stores => {
                content.insert(name.to_owned(), value.into());
            }
            None => {}
        }
    }
    if stores {
        traits.insert("Metadata".to_owned(), metadata.into());
        traits.insert("Content".to_owned(), content.into());
        input.insert("Traits".to_owned(), traits.into());
    }
    if operation == "DeleteObjects" && parts.checksum.is_none() && parts.header("content-md5").is_none() {
        return Err(refuse(400, "InvalidRequest", "Missing required header for this request: Content-MD5"));
    }
    if ["PutObject", "UploadPart"].contains(&operation) {
        input.insert("Body".to_owned(), STANDARD.encode(&parts.body).into());
        if let Some(checksum) = &parts.checksum {
            let name = checksum.algorithm.name();
            input.insert("Checksum".to_owned(), json!({"Algorithm": name, "Value": checksum.value}));
        }
    } else if !parts.body.is_empty() {
        let text = String::from_utf8(parts.body.clone()).map_err(|_| super::document::malformed("it is not UTF-8"))?;
        input.insert("Document".to_owned(), text.into());
    }
    Ok((operation.to_owned(), input.into()))
}

/// `max-keys` as `MaxKeys`.
fn member(name: &str) -> String {
    name.split('-')
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
        })
        .collect()
}

//! S3: buckets, their settings, and objects with their versions.
//!
//! A bucket's name is the whole world's, but the bucket is in a region: whoever asks for it elsewhere is redirected.
//! Policies, ACLs and lifecycle rules are kept and not acted upon.

mod acl;
mod bucket;
mod config;
mod document;
mod lifecycle;
mod list;
mod multipart;
mod object;
mod policy;
mod read;
mod route;
mod tagging;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use self::bucket::Bucket;
pub(crate) use self::policy::{statements, takes_logs, texts};
use crate::error::{ApiError, Result};
use crate::protocol::Protocol;
use crate::services::{Resource, Service, operations};
use crate::world::Cx;

/// The account's buckets, by name.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    buckets: BTreeMap<String, Bucket>,
}

pub(crate) static SERVICE: Service = Service {
    name: "s3",
    prefix: "s3",
    protocol: Protocol::S3 { route: route::route },
    invalid: "InvalidArgument",
    handler,
    bucket: |_| None,
    on_event: |_, _| {},
    resources,
};

operations! {
    "CreateBucket" => bucket::create,
    "HeadBucket" => bucket::head,
    "DeleteBucket" => bucket::delete,
    "ListBuckets" => bucket::list,
    "GetBucketLocation" => bucket::location,

    "GetBucketVersioning" => config::get_versioning,
    "PutBucketVersioning" => config::put_versioning,
    "GetBucketEncryption" => config::get_encryption,
    "PutBucketEncryption" => config::put_encryption,
    "DeleteBucketEncryption" => config::delete_encryption,
    "GetPublicAccessBlock" => config::get_public_access,
    "PutPublicAccessBlock" => config::put_public_access,
    "DeletePublicAccessBlock" => config::delete_public_access,
    "GetBucketOwnershipControls" => config::get_ownership,
    "PutBucketOwnershipControls" => config::put_ownership,
    "DeleteBucketOwnershipControls" => config::delete_ownership,
    "GetBucketLifecycleConfiguration" => lifecycle::get,
    "PutBucketLifecycleConfiguration" => lifecycle::put,
    "DeleteBucketLifecycle" => lifecycle::delete,
    "GetBucketCors" => config::get_cors,
    "PutBucketCors" => config::put_cors,
    "DeleteBucketCors" => config::delete_cors,
    "GetBucketLogging" => config::get_logging,
    "PutBucketLogging" => config::put_logging,
    "GetBucketAccelerateConfiguration" => config::get_accelerate,
    "GetBucketRequestPayment" => config::get_request_payment,
    "GetBucketNotificationConfiguration" => config::get_notification,
    "GetBucketWebsite" => config::get_website,
    "GetBucketReplication" => config::get_replication,
    "GetObjectLockConfiguration" => config::get_object_lock,

    "GetBucketPolicy" => policy::get,
    "PutBucketPolicy" => policy::put,
    "DeleteBucketPolicy" => policy::delete,
    "GetBucketPolicyStatus" => policy::status,
    "GetBucketAcl" => acl::get_bucket,
    "PutBucketAcl" => acl::put_bucket,
    "GetObjectAcl" => acl::get_object,
    "PutObjectAcl" => acl::put_object,

    "GetBucketTagging" => tagging::get_bucket,
    "PutBucketTagging" => tagging::put_bucket,
    "DeleteBucketTagging" => tagging::delete_bucket,
    "GetObjectTagging" => tagging::get_object,
    "PutObjectTagging" => tagging::put_object,
    "DeleteObjectTagging" => tagging::delete_object,

    "PutObject" => object::put,
    "CopyObject" => object::copy,
    "DeleteObject" => object::delete,
    "DeleteObjects" => object::delete_many,
    "GetObject" => read::get,
    "HeadObject" => read::head,
    "ListObjects" => list::objects,
    "ListObjectsV2" => list::objects_v2,
    "ListObjectVersions" => list::versions,

    "CreateMultipartUpload" => multipart::create,
    "UploadPart" => multipart::part,
    "CompleteMultipartUpload" => multipart::complete,
    "AbortMultipartUpload" => multipart::abort,
    "ListParts" => multipart::list_parts,
    "ListMultipartUploads" => multipart::list_uploads,
}

/// The permission that an operation needs, as IAM names it.
pub(crate) fn permission(operation: &str) -> &str {
    match operation {
        "HeadBucket" | "ListObjects" | "ListObjectsV2" => "ListBucket",
        "ListObjectVersions" => "ListBucketVersions",
        "ListBuckets" => "ListAllMyBuckets",
        "HeadObject" => "GetObject",
        "CopyObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => "PutObject",
        "DeleteObjects" => "DeleteObject",
        "ListParts" => "ListMultipartUploadParts",
        "ListMultipartUploads" => "ListBucketMultipartUploads",
        "GetBucketEncryption" => "GetEncryptionConfiguration",
        "PutBucketEncryption" | "DeleteBucketEncryption" => "PutEncryptionConfiguration",
        "GetPublicAccessBlock" => "GetBucketPublicAccessBlock",
        "PutPublicAccessBlock" | "DeletePublicAccessBlock" => "PutBucketPublicAccessBlock",
        "DeleteBucketOwnershipControls" => "PutBucketOwnershipControls",
        "GetBucketLifecycleConfiguration" => "GetLifecycleConfiguration",
        "PutBucketLifecycleConfiguration" | "DeleteBucketLifecycle" => "PutLifecycleConfiguration",
        "GetBucketCors" => "GetBucketCORS",
        "PutBucketCors" | "DeleteBucketCors" => "PutBucketCORS",
        "GetBucketAccelerateConfiguration" => "GetAccelerateConfiguration",
        "GetBucketNotificationConfiguration" => "GetBucketNotification",
        "GetBucketReplication" => "GetReplicationConfiguration",
        "GetObjectLockConfiguration" => "GetBucketObjectLockConfiguration",
        "DeleteBucketTagging" => "PutBucketTagging",
        other => other,
    }
}

/// What a call is about, as an error names it.
pub(crate) fn resource_of(input: &Value) -> String {
    let bucket = input["Bucket"]["Name"].as_str().unwrap_or("*");
    match input["Key"].as_str() {
        Some(key) => format!("\"arn:aws:s3:::{bucket}/{key}\""),
        None => format!("\"arn:aws:s3:::{bucket}\""),
    }
}

fn resources(cx: &Cx<'_>) -> Vec<Resource> {
    let here = cx.world.global.s3.buckets.iter().filter(|(_, bucket)| bucket.region == cx.region);
    here.map(|(name, bucket)| Resource {
        arn: format!("arn:aws:s3:::{name}"),
        kind: "s3:bucket",
        tags: bucket.tags.clone(),
    })
    .collect()
}

/// Which bucket a call is about, and whose the caller believes it to be.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Of {
    name: String,
    owner: Option<String>,
}

impl Of {
    /// The bucket, for a call in its own region.
    fn find<'a>(&self, cx: &'a mut Cx<'_>) -> Result<&'a mut Bucket> {
        let (account, region) = (cx.account().to_owned(), cx.region.clone());
        let Some(bucket) = cx.s3().buckets.get_mut(&self.name) else {
            let error = refuse(404, "NoSuchBucket", "The specified bucket does not exist");
            return Err(error.detail("BucketName", self.name.as_str()));
        };
        if bucket.region != region {
            let message = "The bucket you are attempting to access must be addressed using the specified endpoint. Please \
                           send all future requests to this endpoint.";
            return Err(refuse(301, "PermanentRedirect", message)
                .detail("Endpoint", format!("{}.s3.{}.amazonaws.com", self.name, bucket.region))
                .detail("Bucket", self.name.as_str())
                .header("x-amz-bucket-region", bucket.region.as_str()));
        }
        if self.owner.as_ref().is_some_and(|owner| *owner != account) {
            return Err(refuse(403, "AccessDenied", "Access Denied"));
        }
        Ok(bucket)
    }
}

/// A call about a bucket and nothing else.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Only {
    bucket: Of,
}

/// A call that sets something of a bucket to a document.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Set {
    bucket: Of,
    #[serde(default)]
    document: String,
}

fn refuse(status: u16, code: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(code, message).status(status)
}

/// A member that does not have one of its values.
fn invalid(name: &str, value: &str, message: impl Into<String>) -> ApiError {
    refuse(400, "InvalidArgument", message).detail("ArgumentName", name).detail("ArgumentValue", value)
}

/// An answer without a body.
fn nothing(status: u16) -> Result {
    Ok(json!({"Status": status}))
}

/// An answer of one XML document.
fn document(root: &str, content: impl Serialize) -> Result {
    let content = serde_json::to_value(content).map_err(|e| refuse(500, "InternalError", e.to_string()))?;
    Ok(json!({"Root": root, "Xml": content}))
}

/// Headers of an answer; those without a value are left out.
#[derive(Default)]
struct Headers(Map<String, Value>);

impl Headers {
    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into().into());
    }

    fn maybe(&mut self, name: &str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }
}

/// Who owns everything: the account's canonical id.
fn owner(account: &str) -> Value {
    let id = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(account.as_bytes()));
    json!({"ID": id})
}

#[cfg(test)]
mod tests;

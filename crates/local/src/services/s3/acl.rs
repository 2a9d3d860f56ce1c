//! Access control lists: canned ones. They are kept where the bucket has them, and not acted upon.

use serde::Deserialize;
use serde_json::{Value, json};

use super::object::Key;
use super::{Of, Only, document, invalid, nothing, owner, refuse};
use crate::error::Result;
use crate::world::Cx;

const CANNED: [&str; 8] = [
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
    "log-delivery-write",
];

pub(super) fn check_canned(acl: &str) -> Result<()> {
    if CANNED.contains(&acl) { Ok(()) } else { Err(invalid("x-amz-acl", acl, "")) }
}

/// A new object's or bucket's ACL, in a bucket with this ownership.
pub(super) fn check_allowed(acl: &str, ownership: Option<&str>, blocked: bool) -> Result<()> {
    check_canned(acl)?;
    if ownership == Some("BucketOwnerEnforced") && !["private", "bucket-owner-full-control"].contains(&acl) {
        return Err(refuse(400, "AccessControlListNotSupported", "The bucket does not allow ACLs"));
    }
    if blocked && (acl.starts_with("public-") || acl == "authenticated-read") {
        let message =
            "Access Denied: public ACLs are prevented by the BlockPublicAcls setting in S3 Block Public Access.";
        return Err(refuse(403, "AccessDenied", message));
    }
    Ok(())
}

fn group(name: &str, permission: &str) -> Value {
    let uri = format!("http://acs.amazonaws.com/groups/{name}");
    json!({"Grantee": {"@xmlns:xsi": XSI, "@xsi:type": "Group", "URI": uri}, "Permission": permission})
}

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

fn shown(account: &str, acl: &str) -> Result {
    let mut grantee = owner(account);
    grantee["@xmlns:xsi"] = XSI.into();
    grantee["@xsi:type"] = "CanonicalUser".into();
    let mut grants = vec![json!({"Grantee": grantee, "Permission": "FULL_CONTROL"})];
    let (all, log) = ("global/AllUsers", "s3/LogDelivery");
    match acl {
        "public-read" => grants.push(group(all, "READ")),
        "public-read-write" => grants.extend([group(all, "READ"), group(all, "WRITE")]),
        "authenticated-read" => grants.push(group("global/AuthenticatedUsers", "READ")),
        "log-delivery-write" => grants.extend([group(log, "WRITE"), group(log, "READ_ACP")]),
        _ => {}
    }
    document("AccessControlPolicy", json!({"Owner": owner(account), "AccessControlList": {"Grant": grants}}))
}

pub(super) fn get_bucket(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    let acl = bucket.find(cx)?.acl.clone();
    shown(cx.account(), &acl)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutBucket {
    bucket: Of,
    #[serde(default)]
    document: String,
    acl: Option<String>,
}

/// The canned ACL that is asked for; a document that says no more than `private` does is one, too.
fn canned(acl: Option<String>, document: &str, account: &str) -> Result<String> {
    if let Some(acl) = acl {
        return Ok(acl);
    }
    if document.is_empty() {
        return Err(refuse(400, "MissingSecurityHeader", "Your request was missing a required header"));
    }
    let mine = owner(account)["ID"].as_str().unwrap_or_default().to_owned();
    let grants = document.matches("<Permission>").count();
    if grants == 1 && document.contains("FULL_CONTROL") && document.matches(&mine).count() >= 1 {
        return Ok("private".to_owned());
    }
    Err(refuse(501, "NotImplemented", "The local cloud has canned ACLs only"))
}

pub(super) fn put_bucket(cx: &mut Cx<'_>, input: PutBucket) -> Result {
    let acl = canned(input.acl, &input.document, cx.account())?;
    let bucket = input.bucket.find(cx)?;
    check_canned(&acl)?;
    if bucket.ownership.as_deref() == Some("BucketOwnerEnforced") {
        return Err(refuse(400, "AccessControlListNotSupported", "The bucket does not allow ACLs"));
    }
    let blocked = bucket.public_access.as_ref().is_some_and(|access| access.block_public_acls);
    check_allowed(&acl, bucket.ownership.as_deref(), blocked)?;
    bucket.acl = acl;
    nothing(200)
}

pub(super) fn get_object(cx: &mut Cx<'_>, key: Key) -> Result {
    let (acl, version) = {
        let (version, object) = key.read(cx)?;
        (object.acl.clone(), version)
    };
    let mut answer = shown(cx.account(), &acl)?;
    answer["Headers"] = json!({"x-amz-version-id": version});
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutObject {
    bucket: Of,
    key: String,
    version_id: Option<String>,
    #[serde(default)]
    document: String,
    acl: Option<String>,
}

pub(super) fn put_object(cx: &mut Cx<'_>, input: PutObject) -> Result {
    let acl = canned(input.acl, &input.document, cx.account())?;
    let bucket = input.bucket.find(cx)?;
    check_canned(&acl)?;
    if bucket.ownership.as_deref() == Some("BucketOwnerEnforced") {
        return Err(refuse(400, "AccessControlListNotSupported", "The bucket does not allow ACLs"));
    }
    let blocked = bucket.public_access.as_ref().is_some_and(|access| access.block_public_acls);
    check_allowed(&acl, bucket.ownership.as_deref(), blocked)?;
    let key = Key { bucket: input.bucket, key: input.key, version_id: input.version_id };
    let (version, object) = key.read(cx)?;
    object.acl = acl;
    Ok(json!({"Headers": {"x-amz-version-id": version}}))
}

//! Buckets themselves.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::config::{Cors, Encryption, Logging, PublicAccess};
use super::lifecycle::Lifecycle;
use super::multipart::Upload;
use super::object::Version;
use super::{Headers, Of, Only, document, invalid, nothing, owner, refuse, tagging};
use crate::clock::Time;
use crate::error::{Result, fail};
use crate::page;
use crate::tags::{self, Tag, Tags};
use crate::world::Cx;

/// A bucket.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Bucket {
    pub(super) region: String,
    created: Time,
    pub(super) tags: Tags,
    /// `Enabled`, `Suspended`, or never set.
    pub(super) versioning: Option<String>,
    pub(super) encryption: Encryption,
    pub(super) public_access: Option<PublicAccess>,
    /// `BucketOwnerEnforced` and so on.
    pub(super) ownership: Option<String>,
    pub(super) acl: String,
    pub(super) policy: Option<String>,
    pub(super) lifecycle: Option<Lifecycle>,
    pub(super) cors: Option<Cors>,
    pub(super) logging: Logging,
    /// By key; the newest version of each is the last.
    pub(super) objects: BTreeMap<String, Vec<Version>>,
    /// By id.
    pub(super) uploads: BTreeMap<String, Upload>,
}

/// The rules for names of general purpose buckets.
fn is_name(name: &str) -> bool {
    let reserved = ["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|prefix| name.starts_with(prefix))
        || ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"].iter().any(|suffix| name.ends_with(suffix));
    let end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    (3..=63).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.')
        && end(name.chars().next())
        && end(name.chars().last())
        && !name.contains("..")
        && name.parse::<Ipv4Addr>().is_err()
        && !reserved
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() >= 3
        && parts
            .iter()
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
        && parts.last().is_some_and(|last| last.parse::<u8>().is_ok())
}

/// Where the bucket shall be, in a region's own endpoint. That of us-east-1 is the world's, too.
fn place(region: &str, constraint: Option<&str>) -> Result<String> {
    let incompatible = |what: &str| {
        let message = format!(
            "The {what} location constraint is incompatible for the region specific endpoint this request was sent to."
        );
        Err(refuse(400, "IllegalLocationConstraintException", message))
    };
    match constraint.filter(|constraint| !constraint.is_empty()) {
        None if region == "us-east-1" => Ok(region.to_owned()),
        None => incompatible("unspecified"),
        Some("EU") if ["us-east-1", "eu-west-1"].contains(&region) => Ok("eu-west-1".to_owned()),
        Some(constraint) if constraint == "us-east-1" || !is_region(constraint) => {
            Err(refuse(400, "InvalidLocationConstraint", "The specified location-constraint is not valid")
                .detail("LocationConstraint", constraint))
        }
        Some(constraint) if region == "us-east-1" || region == constraint => Ok(constraint.to_owned()),
        Some(constraint) => incompatible(constraint),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    bucket: Of,
    #[serde(default)]
    document: String,
    acl: Option<String>,
    object_ownership: Option<String>,
    #[serde(default)]
    bucket_object_lock_enabled: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Configuration {
    location_constraint: Option<String>,
    tags: Option<Several>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Several {
    #[serde(default)]
    tag: Vec<Tag>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let name = input.bucket.name;
    if !is_name(&name) {
        return Err(refuse(400, "InvalidBucketName", "The specified bucket is not valid.").detail("BucketName", name));
    }
    if input.bucket_object_lock_enabled {
        return Err(refuse(501, "NotImplemented", "The local cloud does not have object lock"));
    }
    let configuration: Configuration = match input.document.is_empty() {
        true => Configuration::default(),
        false => super::document::read(&input.document, "CreateBucketConfiguration")?,
    };
    let ownership = input.object_ownership.unwrap_or_else(|| "BucketOwnerEnforced".to_owned());
    super::config::check_ownership(&ownership)?;
    let acl = input.acl.unwrap_or_else(|| "private".to_owned());
    super::acl::check_canned(&acl)?;
    if ownership == "BucketOwnerEnforced" && acl != "private" {
        let message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting";
        return Err(refuse(400, "InvalidBucketAclWithObjectOwnership", message));
    }
    let region = place(&cx.region, configuration.location_constraint.as_deref())?;
    let tags = tags::from_list(configuration.tags.map(|tags| tags.tag).unwrap_or_default());
    tagging::check(&tags, 50)?;
    let here = cx.region.clone();
    if let Some(there) = cx.s3().buckets.get(&name) {
        // In the oldest region it is no error, and changes nothing.
        if there.region == "us-east-1" && here == "us-east-1" {
            return Ok(json!({"Headers": {"location": format!("/{name}")}}));
        }
        let message = "Your previous request to create the named bucket succeeded and you already own it.";
        return Err(refuse(409, "BucketAlreadyOwnedByYou", message).detail("BucketName", name));
    }
    let location = match region.as_str() {
        "us-east-1" => format!("/{name}"),
        _ => format!("http://{name}.s3.amazonaws.com/"),
    };
    let all = PublicAccess::all();
    let bucket = Bucket {
        region: region.clone(),
        created: cx.now(),
        tags,
        versioning: None,
        encryption: Encryption::default(),
        public_access: Some(all),
        ownership: Some(ownership),
        acl,
        policy: None,
        lifecycle: None,
        cors: None,
        logging: Logging::default(),
        objects: BTreeMap::new(),
        uploads: BTreeMap::new(),
    };
    cx.s3().buckets.insert(name, bucket);
    // The region is one that something is in.
    cx.world.regions.entry(region).or_default();
    Ok(json!({"Headers": {"location": location}}))
}

pub(super) fn head(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    let region = bucket.find(cx)?.region.clone();
    let mut headers = Headers::default();
    headers.set("x-amz-bucket-region", region);
    headers.set("x-amz-access-point-alias", "false");
    Ok(json!({"Headers": headers.0}))
}

pub(super) fn delete(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    let found = bucket.find(cx)?;
    if !found.objects.is_empty() {
        let message = match found.versioning {
            Some(_) => "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
            None => "The bucket you tried to delete is not empty",
        };
        return Err(refuse(409, "BucketNotEmpty", message).detail("BucketName", bucket.name));
    }
    cx.s3().buckets.remove(&bucket.name);
    nothing(204)
}

pub(super) fn location(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    // Whoever does not know where it is asks anywhere.
    if let Some(found) = cx.s3().buckets.get(&bucket.name) {
        let region = found.region.clone();
        let there = std::mem::replace(&mut cx.region, region);
        let answer = bucket.find(cx).map(|bucket| bucket.region.clone());
        cx.region = there;
        let region = answer?;
        return document("LocationConstraint", if region == "us-east-1" { "" } else { &region });
    }
    bucket.find(cx).map(|_| Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    max_buckets: Option<usize>,
    continuation_token: Option<String>,
    #[serde(default)]
    prefix: String,
    bucket_region: Option<String>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    if let Some(size) = input.max_buckets.filter(|size| !(1..=10_000).contains(size)) {
        let message = "Argument max-buckets must be an integer between 1 and 10000";
        return Err(invalid("max-buckets", &size.to_string(), message));
    }
    let account = cx.account().to_owned();
    let all = cx.s3().buckets.iter().filter(|(name, bucket)| {
        name.starts_with(&input.prefix) && input.bucket_region.as_ref().is_none_or(|region| *region == bucket.region)
    });
    let shown = all.map(|(name, bucket)| {
        let value = json!({
            "Name": name,
            "CreationDate": bucket.created.iso8601(),
            "BucketRegion": bucket.region,
            "BucketArn": format!("arn:aws:s3:::{name}"),
        });
        (name.clone(), value)
    });
    let size = input.max_buckets.unwrap_or(10_000);
    let page = page::page(shown, input.continuation_token.as_deref(), size, "InvalidArgument")?;
    let content = json!({
        "Owner": owner(&account),
        "Buckets": {"Bucket": page.items},
        "ContinuationToken": page.next,
        "Prefix": Some(input.prefix).filter(|prefix| !prefix.is_empty()),
    });
    document("ListAllMyBucketsResult", content)
}

/// A number of results: up to a thousand.
pub(super) fn size(max: Option<i64>, name: &str) -> Result<usize> {
    match max {
        None => Ok(1000),
        Some(max) => match usize::try_from(max) {
            Ok(max) => Ok(max.min(1000)),
            Err(_) => fail!("InvalidArgument", "Argument {name} must be an integer between 0 and 2147483647"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["abc", "a.b-c", "my-states-2026", "1.2.3.4x", &"a".repeat(63)] {
            assert!(is_name(name), "{name}");
        }
        let bad = ["ab", "Abc", "a_b", "-abc", "abc-", ".abc", "a..b", "1.2.3.4", "xn--abc", "abc-s3alias", ""];
        for name in bad.iter().copied().chain([&*"a".repeat(64)]) {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn places() {
        for (region, constraint, want) in [
            ("us-east-1", None, Ok("us-east-1")),
            ("us-east-1", Some("eu-west-1"), Ok("eu-west-1")),
            ("us-east-1", Some("us-east-1"), Err("InvalidLocationConstraint")),
            ("eu-west-1", Some("nowhere"), Err("InvalidLocationConstraint")),
            ("eu-west-1", Some("eu-west-1"), Ok("eu-west-1")),
            ("eu-west-1", Some("EU"), Ok("eu-west-1")),
            ("eu-west-1", Some("eu-west-2"), Err("IllegalLocationConstraintException")),
            ("eu-west-1", None, Err("IllegalLocationConstraintException")),
        ] {
            let found = place(region, constraint).map_err(|error| error.code);
            assert_eq!(found, want.map(str::to_owned).map_err(str::to_owned), "{region} {constraint:?}");
        }
    }
}

//! Tags of buckets and of objects.

use serde::Deserialize;
use serde_json::{Value, json};

use super::document::read;
use super::object::Key;
use super::{Of, Only, Set, document, nothing, refuse};
use crate::error::Result;
use crate::protocol::query;
use crate::tags::{self, Tag, Tags};
use crate::world::Cx;

/// The document.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Tagging {
    tag_set: TagSet,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TagSet {
    #[serde(default)]
    tag: Vec<Tag>,
}

/// AWS's rules for tags, in S3's words.
pub(super) fn check(tags: &Tags, most: usize) -> Result<()> {
    if tags.len() > most {
        let what = if most == 10 { "Object" } else { "Bucket" };
        return Err(refuse(400, "BadRequest", format!("{what} tag count cannot be greater than {most}")));
    }
    tags::check(tags).map_err(|why| refuse(400, "InvalidTag", why))
}

fn parse(document: &str, most: usize) -> Result<Tags> {
    let wanted: Tagging = read(document, "Tagging")?;
    let list = wanted.tag_set.tag;
    let count = list.len();
    let tags = tags::from_list(list);
    if tags.len() != count {
        return Err(refuse(400, "InvalidTag", "Cannot provide multiple Tags with the same key"));
    }
    check(&tags, most)?;
    Ok(tags)
}

/// `a=b&c=d`, as a header has them.
pub(super) fn from_header(text: &str) -> Result<Tags> {
    let pairs = query::pairs(text);
    let count = pairs.len();
    let tags: Tags = pairs.into_iter().collect();
    if tags.len() != count {
        return Err(refuse(400, "InvalidArgument", "Cannot provide multiple Tags with the same key"));
    }
    Ok(tags)
}

fn shown(tags: &Tags) -> Value {
    json!({"TagSet": {"Tag": tags::pascal(tags)}})
}

pub(super) fn get_bucket(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    match &bucket.find(cx)?.tags {
        tags if tags.is_empty() => {
            Err(refuse(404, "NoSuchTagSet", "The TagSet does not exist").detail("BucketName", bucket.name))
        }
        tags => document("Tagging", shown(tags)),
    }
}

pub(super) fn put_bucket(cx: &mut Cx<'_>, input: Set) -> Result {
    input.bucket.find(cx)?.tags = parse(&input.document, 50)?;
    nothing(204)
}

pub(super) fn delete_bucket(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    bucket.find(cx)?.tags.clear();
    nothing(204)
}

pub(super) fn get_object(cx: &mut Cx<'_>, key: Key) -> Result {
    let (version, object) = key.read(cx)?;
    let mut answer = document("Tagging", shown(&object.tags))?;
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
}

pub(super) fn put_object(cx: &mut Cx<'_>, input: PutObject) -> Result {
    let key = Key { bucket: input.bucket, key: input.key, version_id: input.version_id };
    let (version, object) = key.read(cx)?;
    object.tags = parse(&input.document, 10)?;
    Ok(json!({"Headers": {"x-amz-version-id": version}}))
}

pub(super) fn delete_object(cx: &mut Cx<'_>, key: Key) -> Result {
    let (version, object) = key.read(cx)?;
    object.tags.clear();
    Ok(json!({"Status": 204, "Headers": {"x-amz-version-id": version}}))
}

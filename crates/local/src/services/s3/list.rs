//! Lists of objects and of their versions: by prefix, rolled up at a delimiter, in pages.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::bucket::size;
use super::object::Version;
use super::{Of, document, invalid, owner};
use crate::error::Result;
use crate::world::Cx;

/// What of a list is on a page.
struct Page {
    keys: Vec<String>,
    prefixes: Vec<String>,
    /// The last key or prefix, if more come after it.
    next: Option<String>,
}

/// Cuts a page from keys in order. `after` is the key or rolled up prefix that the page before ended with.
fn page<'a>(
    keys: impl Iterator<Item = &'a String>,
    prefix: &str,
    delimiter: Option<&str>,
    after: Option<&str>,
    size: usize,
) -> Page {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty());
    let mut page = Page { keys: Vec::new(), prefixes: Vec::new(), next: None };
    let mut last: Option<String> = None;
    for key in keys.filter(|key| key.starts_with(prefix)) {
        let rolled = delimiter.and_then(|delimiter| {
            let at = key.get(prefix.len()..)?.find(delimiter)?;
            key.get(..prefix.len() + at + delimiter.len())
        });
        let seen = rolled.is_some_and(|rolled| page.prefixes.last().is_some_and(|last| last == rolled));
        let before = after.is_some_and(|after| key.as_str() <= after || rolled == Some(after));
        if seen || before {
            continue;
        }
        if page.keys.len() + page.prefixes.len() == size {
            // Nothing at all was asked for: that is not a part of it.
            page.next = last;
            break;
        }
        last = Some(rolled.unwrap_or(key).to_owned());
        match rolled {
            Some(rolled) => page.prefixes.push(rolled.to_owned()),
            None => page.keys.push(key.clone()),
        }
    }
    page
}

/// Names as they are, or as a URL has them.
struct Names {
    encoding: Option<String>,
}

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'/').remove(b'*');

impl Names {
    fn new(encoding: Option<String>) -> Result<Names> {
        match encoding.as_deref() {
            None | Some("url") => Ok(Names { encoding }),
            Some(other) => Err(invalid("encoding-type", other, "Invalid Encoding Method specified in Request")),
        }
    }

    fn tell(&self, name: &str) -> String {
        match self.encoding {
            Some(_) => utf8_percent_encode(name, ENCODED).to_string(),
            None => name.to_owned(),
        }
    }

    fn maybe(&self, name: Option<&str>) -> Option<String> {
        name.map(|name| self.tell(name))
    }

    fn prefixes(&self, prefixes: &[String]) -> Value {
        prefixes.iter().map(|prefix| json!({"Prefix": self.tell(prefix)})).collect()
    }
}

/// The keys that have an object now.
fn present(objects: &BTreeMap<String, Vec<Version>>) -> impl Iterator<Item = &String> {
    let is_there = |versions: &Vec<Version>| versions.last().is_some_and(|version| version.object.is_some());
    objects.iter().filter(move |(_, versions)| is_there(versions)).map(|(key, _)| key)
}

fn entry(names: &Names, key: &str, version: &Version, owner: Option<&Value>) -> Value {
    let object = version.object.as_ref();
    json!({
        "Key": names.tell(key),
        "LastModified": version.modified.iso8601(),
        "ETag": object.map(|object| format!("\"{}\"", object.etag)),
        "ChecksumAlgorithm": object.map(|object| &object.checksum.algorithm),
        "ChecksumType": object.map(|object| &object.checksum.kind),
        "Size": object.map(|object| object.size),
        "StorageClass": object.map(|object| &object.storage_class),
        "Owner": owner,
    })
}

fn contents(objects: &BTreeMap<String, Vec<Version>>, page: &Page, names: &Names, owner: Option<&Value>) -> Value {
    let newest = page.keys.iter().filter_map(|key| Some((key, objects.get(key)?.last()?)));
    newest.map(|(key, version)| entry(names, key, version, owner)).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Objects {
    bucket: Of,
    #[serde(default)]
    prefix: String,
    delimiter: Option<String>,
    marker: Option<String>,
    max_keys: Option<i64>,
    encoding_type: Option<String>,
}

pub(super) fn objects(cx: &mut Cx<'_>, input: Objects) -> Result {
    let owner = owner(cx.account());
    let bucket = input.bucket.find(cx)?;
    let (names, size) = (Names::new(input.encoding_type)?, size(input.max_keys, "maxKeys")?);
    let delimiter = input.delimiter.as_deref();
    let page = page(present(&bucket.objects), &input.prefix, delimiter, input.marker.as_deref(), size);
    let content = json!({
        "Name": input.bucket.name,
        "Prefix": names.tell(&input.prefix),
        "Marker": names.tell(input.marker.as_deref().unwrap_or_default()),
        "Delimiter": names.maybe(delimiter),
        "MaxKeys": size,
        "EncodingType": names.encoding,
        "IsTruncated": page.next.is_some(),
        // Without a delimiter the last key is where it goes on.
        "NextMarker": names.maybe(page.next.as_deref().filter(|_| delimiter.is_some())),
        "Contents": contents(&bucket.objects, &page, &names, Some(&owner)),
        "CommonPrefixes": names.prefixes(&page.prefixes),
    });
    document("ListBucketResult", content)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ObjectsV2 {
    bucket: Of,
    #[serde(default)]
    prefix: String,
    delimiter: Option<String>,
    start_after: Option<String>,
    continuation_token: Option<String>,
    max_keys: Option<i64>,
    encoding_type: Option<String>,
    #[serde(default)]
    fetch_owner: bool,
}

pub(super) fn objects_v2(cx: &mut Cx<'_>, input: ObjectsV2) -> Result {
    let owner = owner(cx.account());
    let bucket = input.bucket.find(cx)?;
    let (names, size) = (Names::new(input.encoding_type)?, size(input.max_keys, "maxKeys")?);
    let delimiter = input.delimiter.as_deref();
    let after = match &input.continuation_token {
        None => input.start_after.clone(),
        Some(token) => {
            let key = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let message = "The continuation token provided is incorrect";
            Some(key.ok_or_else(|| invalid("continuation-token", token, message))?)
        }
    };
    let page = page(present(&bucket.objects), &input.prefix, delimiter, after.as_deref(), size);
    let content = json!({
        "Name": input.bucket.name,
        "Prefix": names.tell(&input.prefix),
        "Delimiter": names.maybe(delimiter),
        "StartAfter": names.maybe(input.start_after.as_deref()),
        "MaxKeys": size,
        "KeyCount": page.keys.len() + page.prefixes.len(),
        "EncodingType": names.encoding,
        "IsTruncated": page.next.is_some(),
        "ContinuationToken": input.continuation_token,
        "NextContinuationToken": page.next.as_ref().map(|key| URL_SAFE_NO_PAD.encode(key)),
        "Contents": contents(&bucket.objects, &page, &names, Some(&owner).filter(|_| input.fetch_owner)),
        "CommonPrefixes": names.prefixes(&page.prefixes),
    });
    document("ListBucketResult", content)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Versions {
    bucket: Of,
    #[serde(default)]
    prefix: String,
    delimiter: Option<String>,
    key_marker: Option<String>,
    version_id_marker: Option<String>,
    max_keys: Option<i64>,
    encoding_type: Option<String>,
}

pub(super) fn versions(cx: &mut Cx<'_>, input: Versions) -> Result {
    let owner = owner(cx.account());
    let bucket = input.bucket.find(cx)?;
    let (names, size) = (Names::new(input.encoding_type)?, size(input.max_keys, "maxKeys")?);
    let (key_marker, id_marker) = (input.key_marker.as_deref(), input.version_id_marker.as_deref());
    let id_marker = id_marker.filter(|id| !id.is_empty());
    if id_marker.is_some() && key_marker.is_none() {
        let message = "A version-id marker cannot be specified without a key marker.";
        return Err(invalid("version-id-marker", id_marker.unwrap_or_default(), message));
    }
    // Keys first, all of them; then their versions, newest first, from behind the marker up to the size.
    let delimiter = input.delimiter.as_deref();
    let mut rolled = page(bucket.objects.keys(), &input.prefix, delimiter, key_marker, usize::MAX);
    // A page may have ended in the middle of a key's versions.
    let unfinished = key_marker.filter(|key| id_marker.is_some() && key.starts_with(&input.prefix)).map(str::to_owned);
    rolled.keys.splice(0..0, unfinished);
    let (mut found, mut markers, mut prefixes) = (Vec::new(), Vec::new(), Vec::new());
    let mut next: Option<(String, Option<String>)> = None;
    let mut last: Option<(String, Option<String>)> = None;
    let mut names_in_order: Vec<(&String, bool)> = rolled.keys.iter().map(|key| (key, false)).collect();
    names_in_order.extend(rolled.prefixes.iter().map(|prefix| (prefix, true)));
    names_in_order.sort();
    'all: for (name, is_prefix) in names_in_order {
        if is_prefix {
            if found.len() + markers.len() + prefixes.len() == size {
                next = last;
                break;
            }
            prefixes.push(name.clone());
            last = Some((name.clone(), None));
            continue;
        }
        let versions = bucket.objects.get(name).map(Vec::as_slice).unwrap_or_default();
        let skip = id_marker.filter(|_| key_marker == Some(name.as_str()));
        let skip = skip.and_then(|id| versions.iter().rev().position(|version| version.id == id));
        for (n, version) in versions.iter().rev().enumerate().skip(skip.map_or(0, |n| n + 1)) {
            if found.len() + markers.len() + prefixes.len() == size {
                next = last;
                break 'all;
            }
            let mut shown = entry(&names, name, version, Some(&owner));
            shown["VersionId"] = version.id.as_str().into();
            shown["IsLatest"] = (n == 0).into();
            if version.object.is_some() {
                found.push(shown)
            } else {
                markers.push(shown)
            }
            last = Some((name.clone(), Some(version.id.clone())));
        }
    }
    let content = json!({
        "Name": input.bucket.name,
        "Prefix": names.tell(&input.prefix),
        "KeyMarker": names.tell(key_marker.unwrap_or_default()),
        "VersionIdMarker": id_marker.unwrap_or_default(),
        "Delimiter": names.maybe(delimiter),
        "MaxKeys": size,
        "EncodingType": names.encoding,
        "IsTruncated": next.is_some(),
        "NextKeyMarker": next.as_ref().map(|(key, _)| names.tell(key)),
        "NextVersionIdMarker": next.as_ref().and_then(|(_, id)| id.clone()),
        "Version": found,
        "DeleteMarker": markers,
        "CommonPrefixes": names.prefixes(&prefixes),
    });
    document("ListVersionsResult", content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_prefixes() {
        let keys = ["a", "b/1", "b/2", "c/x/1", "d"].map(str::to_owned);
        let cut = |prefix: &str, delimiter: Option<&str>, after: Option<&str>, size: usize| {
            let page = page(keys.iter(), prefix, delimiter, after, size);
            (page.keys.join(" "), page.prefixes.join(" "), page.next)
        };
        let next = |key: &str| Some(key.to_owned());
        for (asked, want) in [
            (("", None, None, 10), ("a b/1 b/2 c/x/1 d", "", None)),
            (("", Some("/"), None, 10), ("a d", "b/ c/", None)),
            (("", Some("/"), None, 2), ("a", "b/", next("b/"))),
            (("", Some("/"), Some("b/"), 2), ("d", "c/", None)),
            (("b/", Some("/"), None, 1), ("b/1", "", next("b/1"))),
            (("b/", Some("/"), Some("b/1"), 1), ("b/2", "", None)),
            (("c", Some("/"), None, 9), ("", "c/", None)),
            (("c/", Some("/"), None, 9), ("", "c/x/", None)),
            (("", Some(""), Some("c"), 9), ("c/x/1 d", "", None)),
            (("e", None, None, 9), ("", "", None)),
            (("", None, None, 0), ("", "", None)),
        ] {
            let (prefix, delimiter, after, size) = asked;
            let (keys, prefixes, more) = want;
            assert_eq!(cut(prefix, delimiter, after, size), (keys.to_owned(), prefixes.to_owned(), more), "{asked:?}");
        }
    }
}

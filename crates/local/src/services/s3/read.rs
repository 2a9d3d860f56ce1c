//! Reading objects: conditions, ranges, and the headers that describe what comes.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use super::object::{Key, Object, check_kms, failed, matches};
use super::{Headers, Of, refuse};
use crate::clock::Time;
use crate::error::{ApiError, Result};
use crate::world::Cx;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Read {
    bucket: Of,
    key: String,
    version_id: Option<String>,
    range: Option<String>,
    if_match: Option<String>,
    if_none_match: Option<String>,
    if_modified_since: Option<String>,
    if_unmodified_since: Option<String>,
    checksum_mode: Option<String>,
    response_content_type: Option<String>,
    response_content_disposition: Option<String>,
    response_content_encoding: Option<String>,
    response_content_language: Option<String>,
    response_cache_control: Option<String>,
    response_expires: Option<String>,
}

fn http_time(time: Time) -> SystemTime {
    // HTTP knows whole seconds.
    SystemTime::UNIX_EPOCH + Duration::from_secs(time.0 / 1000)
}

impl Read {
    /// Conditions in HTTP's order: an entity tag outdoes a time.
    fn check(&self, object: &Object, modified: Time) -> Result<()> {
        let parse = |text: &Option<String>| text.as_deref().and_then(|text| httpdate::parse_http_date(text).ok());
        let modified = http_time(modified);
        match (&self.if_match, parse(&self.if_unmodified_since)) {
            (Some(wanted), _) if !matches(wanted, &object.etag) => return Err(failed("If-Match")),
            (None, Some(since)) if modified > since => return Err(failed("If-Unmodified-Since")),
            _ => {}
        }
        let unchanged = match (&self.if_none_match, parse(&self.if_modified_since)) {
            (Some(known), _) => matches(known, &object.etag),
            (None, Some(since)) => modified <= since,
            (None, None) => false,
        };
        match unchanged {
            true => Err(ApiError::new("NotModified", "Not Modified")
                .status(304)
                .header("etag", format!("\"{}\"", object.etag))),
            false => Ok(()),
        }
    }
}

/// First and last byte of what is asked for; nothing for the whole. What is no single range of bytes is not looked at.
fn range(text: Option<&str>, size: usize) -> Result<Option<(usize, usize)>> {
    let Some((first, last)) = text.and_then(|text| text.strip_prefix("bytes=")).and_then(|range| range.split_once('-'))
    else {
        return Ok(None);
    };
    let number = |text: &str| text.trim().parse::<usize>().ok();
    let found = match (number(first), number(last)) {
        (Some(first), _) if !last.trim().is_empty() && number(last).is_none_or(|last| last < first) => return Ok(None),
        (Some(first), last) => (first, last.unwrap_or(usize::MAX).min(size.saturating_sub(1))),
        (None, Some(tail)) if first.trim().is_empty() => match tail {
            0 => (size, 0),
            tail => (size.saturating_sub(tail), size.saturating_sub(1)),
        },
        (None, _) => return Ok(None),
    };
    if found.0 >= size {
        return Err(refuse(416, "InvalidRange", "The requested range is not satisfiable")
            .detail("RangeRequested", text.unwrap_or_default())
            .detail("ActualObjectSize", size)
            .header("content-range", format!("bytes */{size}")));
    }
    Ok(Some(found))
}

fn read(cx: &mut Cx<'_>, input: Read) -> Result {
    let key = Key { bucket: input.bucket, key: input.key, version_id: input.version_id };
    let input = Read { bucket: Of { name: String::new(), owner: None }, key: String::new(), version_id: None, ..input };
    let (modified, version, object) = {
        key.read(cx)?;
        let (id, version) = key.version(cx)?;
        (version.modified, id, version.object.clone())
    };
    let Some(object) = object else { return Err(super::object::no_key(&key.key)) };
    check_kms(cx, &object.encryption, "kms:Decrypt")?;
    input.check(&object, modified)?;
    let mut headers = Headers::default();
    for (name, value) in &object.content {
        headers.set(name, value.as_str());
    }
    for (name, value) in [
        ("content-type", &input.response_content_type),
        ("content-disposition", &input.response_content_disposition),
        ("content-encoding", &input.response_content_encoding),
        ("content-language", &input.response_content_language),
        ("cache-control", &input.response_cache_control),
        ("expires", &input.response_expires),
    ] {
        headers.maybe(name, value.as_deref());
    }
    for (name, value) in &object.metadata {
        headers.set(&format!("x-amz-meta-{name}"), value.as_str());
    }
    headers.set("etag", format!("\"{}\"", object.etag));
    headers.set("last-modified", httpdate::fmt_http_date(http_time(modified)));
    headers.set("accept-ranges", "bytes");
    headers.maybe("x-amz-version-id", version);
    headers.maybe("x-amz-storage-class", Some(object.storage_class.as_str()).filter(|class| *class != "STANDARD"));
    headers.maybe("x-amz-tagging-count", Some(object.tags.len()).filter(|n| *n > 0).map(|n| n.to_string()));
    object.tell_encryption(&mut headers);
    let range = range(input.range.as_deref(), object.size)?;
    if range.is_none() && input.checksum_mode.is_some_and(|mode| mode.eq_ignore_ascii_case("enabled")) {
        object.checksum.tell(&mut headers);
    }
    let Some((first, last)) = range else {
        return Ok(json!({"Headers": headers.0, "Body": object.body}));
    };
    headers.set("content-range", format!("bytes {first}-{last}/{}", object.size));
    let part = STANDARD.encode(object.bytes().get(first..=last).unwrap_or_default());
    Ok(json!({"Status": 206, "Headers": headers.0, "Body": part}))
}

pub(super) fn get(cx: &mut Cx<'_>, input: Read) -> Result {
    read(cx, input)
}

/// As [`get`]: the body is cut off further out, and its length is told.
pub(super) fn head(cx: &mut Cx<'_>, input: Read) -> Result {
    read(cx, input).map_err(|error| match error.code.as_str() {
        // Who answers without a body has no words for these.
        "NoSuchKey" | "NoSuchVersion" => ApiError { code: "NotFound".to_owned(), ..error },
        _ => error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (text, want) in [
            ("bytes=0-3", Ok(Some((0, 3)))),
            ("bytes=4-", Ok(Some((4, 9)))),
            ("bytes=4-99", Ok(Some((4, 9)))),
            ("bytes=-3", Ok(Some((7, 9)))),
            ("bytes=-99", Ok(Some((0, 9)))),
            ("bytes=10-", Err(416)),
            ("bytes=-0", Err(416)),
            ("bytes=5-4", Ok(None)),
            ("bytes=0-1,3-4", Ok(None)),
            ("lines=0-1", Ok(None)),
            ("bytes=x-", Ok(None)),
        ] {
            assert_eq!(range(Some(text), 10).map_err(|error| error.status), want, "{text}");
        }
        assert_eq!(range(Some("bytes=0-"), 0).map_err(|error| error.status), Err(416));
    }
}

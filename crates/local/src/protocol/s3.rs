//! How S3 is spoken to: buckets and keys are in host and path, most members in headers, and bodies are anything.
//!
//! A handler's output is `{"Status", "Headers", "Root" and "Xml", "Body"}`, all optional; the body is base64.

mod payload;

use axum::http::{HeaderMap, Method};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{Call, Credentials, Protocol, Request, Response, xml};
use crate::error::{ApiError, Result};
use crate::services::Service;

pub(crate) use self::payload::{Algorithm, Checksum};

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// What S3 routes by.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) method: Method,
    /// Empty where the request is about no bucket.
    pub(crate) bucket: String,
    /// Empty where the request is about no object.
    pub(crate) key: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    /// Out of its chunks, and what was promised about it is true.
    pub(crate) body: Vec<u8>,
    /// What was promised.
    pub(crate) checksum: Option<Checksum>,
}

impl Parts {
    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A query parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Decodes a request.
pub(super) fn decode(
    request: &Request,
    service: &'static Service,
    credentials: Credentials,
    query: Vec<(String, String)>,
) -> Result<Call> {
    let Protocol::S3 { route } = service.protocol else {
        return Err(ApiError::new("InternalError", "This is not S3.").status(500));
    };
    let host = request.headers.get("host").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let path = request.path.strip_prefix('/').unwrap_or(&request.path);
    let (bucket, key) = match bucket_of_host(host) {
        Some(bucket) => (bucket.to_owned(), path),
        None => match path.split_once('/') {
            Some((bucket, key)) => (decoded(bucket)?, key),
            None => (decoded(path)?, ""),
        },
    };
    let key = decoded(key)?;
    let multipart_end = request.method == Method::POST && query.iter().any(|(name, _)| name == "uploadId");
    let (body, checksum) = payload::check(&request.headers, &request.body, !multipart_end)?;
    let (method, headers) = (request.method.clone(), request.headers.clone());
    let parts = Parts { method, bucket, key, query, headers, body, checksum };
    let (operation, input) = route(&parts)?;
    Ok(Call { service, operation, input, credentials })
}

fn decoded(part: &str) -> Result<String> {
    match percent_decode_str(part).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(ApiError::new("InvalidURI", "Couldn't parse the specified URI.")),
    }
}

/// The bucket that a host names: `BUCKET.localhost:4566`, `BUCKET.s3.eu-west-1.amazonaws.com`.
fn bucket_of_host(host: &str) -> Option<&str> {
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let of_aws = || {
        let start = host.strip_suffix(".amazonaws.com")?;
        start.rfind(".s3.").or_else(|| start.rfind(".s3-")).or(start.ends_with(".s3").then(|| start.len() - 3))
    };
    let of_local = || {
        let known = ["localhost", "127.0.0.1", "s3.localhost.localstack.cloud"];
        known.iter().find_map(|name| host.strip_suffix(name)?.strip_suffix('.').map(str::len))
    };
    // `s3.localhost` is a service, not a bucket: no bucket has a name of two letters.
    host.get(..of_aws().or_else(of_local)?).filter(|bucket| bucket.len() > 2)
}

fn with_ids(request_id: &str) -> Vec<(std::borrow::Cow<'static, str>, String)> {
    vec![
        ("x-amz-request-id".into(), request_id.to_owned()),
        ("x-amz-id-2".into(), STANDARD.encode(request_id)),
        ("server".into(), "AmazonS3".to_owned()),
    ]
}

/// Encodes an answer.
pub(super) fn encode(output: &Value, request_id: &str) -> Response {
    let mut headers = with_ids(request_id);
    let mut content_type = "application/xml".to_owned();
    for (name, value) in output["Headers"].as_object().into_iter().flatten() {
        match value.as_str() {
            Some(value) if name == "content-type" => value.clone_into(&mut content_type),
            Some(value) => headers.push((name.clone().into(), value.to_owned())),
            None => {}
        }
    }
    let status = output["Status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
    let body = match (output["Root"].as_str(), output["Body"].as_str()) {
        (Some(root), _) => {
            let mut body = xml::Writer::new(xml::Lists::Flat);
            body.open(root, NAMESPACE);
            body.content(&output["Xml"]);
            body.finish().into()
        }
        (None, Some(body)) => STANDARD.decode(body).unwrap_or_default().into(),
        (None, None) => axum::body::Bytes::new(),
    };
    Response { status, content_type: content_type.into(), headers, body }
}

/// Encodes a refusal. A HEAD request's is cut to its head further out.
pub(super) fn encode_error(error: &ApiError, request_id: &str) -> Response {
    let mut headers = with_ids(request_id);
    headers.extend(error.headers.iter().map(|(name, value)| ((*name).into(), value.clone())));
    // What was not modified is not told again.
    let body = if error.status == 304 {
        String::new()
    } else {
        let mut body = xml::Writer::new(xml::Lists::Flat);
        body.open("Error", "");
        body.members(&json!({"Code": error.code, "Message": error.message}));
        body.members(&Value::Object(error.details.clone()));
        body.members(&json!({"RequestId": request_id, "HostId": STANDARD.encode(request_id)}));
        body.finish()
    };
    Response { status: error.status, content_type: "application/xml".into(), headers, body: body.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (host, want) in [
            ("127.0.0.1:4566", None),
            ("localhost", None),
            ("s3.localhost:80", None),
            ("states.localhost:4566", Some("states")),
            ("my.states.127.0.0.1:4566", Some("my.states")),
            ("s3.eu-west-1.amazonaws.com", None),
            ("states.s3.eu-west-1.amazonaws.com", Some("states")),
            ("states.s3-eu-west-1.amazonaws.com", Some("states")),
            ("states.s3.amazonaws.com", Some("states")),
            ("ec2.amazonaws.com", None),
        ] {
            assert_eq!(bucket_of_host(host), want, "{host}");
        }
    }
}

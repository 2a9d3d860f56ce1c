//! Reading one object from S3: that is where Terraform's states are.

use std::fmt;
use std::str::FromStr;

use aomidori_engine::cloud::{CloudError, ErrorKind};
use aws_config::Region;
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::call;
use crate::client::Cx;

/// The largest object that is read, in bytes: what is larger is no state that anybody works with.
pub(crate) const LIMIT: u64 = 128 << 20;

/// An object in S3: `s3://BUCKET/KEY`, with `?region=REGION` where the bucket is not in the stack's region, and
/// `?versionId=ID` for an earlier version of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Place {
    /// The bucket.
    pub bucket: String,
    /// The key, as it is: nothing in it is decoded. That of a workspace's state begins with `env:/NAME/`.
    pub key: String,
    /// The bucket's region, if it was said.
    pub region: Option<String>,
    /// The version, if it was said.
    pub version: Option<String>,
}

impl FromStr for S3Place {
    type Err = String;

    /// The error says what is wrong, to be put behind "because".
    fn from_str(text: &str) -> Result<S3Place, String> {
        let rest = text.strip_prefix("s3://").ok_or("it does not begin with `s3://`")?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (bucket, key) = path.split_once('/').ok_or("there is no key behind the bucket")?;
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if !(3..=255).contains(&bucket.len()) || !bucket.chars().all(named) {
            return Err(format!("`{bucket}` is no name of a bucket"));
        }
        if key.is_empty() {
            return Err("there is no key behind the bucket".to_owned());
        }
        if key.ends_with('/') {
            return Err(format!("`{key}` is a folder: name the state in it"));
        }
        if key.len() > 1024 {
            return Err("the key is longer than a key can be".to_owned());
        }
        let mut place = S3Place { bucket: bucket.to_owned(), key: key.to_owned(), region: None, version: None };
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let field = match part.split_once('=') {
                Some(("region", _)) => &mut place.region,
                Some(("versionId", _)) => &mut place.version,
                _ => return Err(format!("`{part}` is neither `region=REGION` nor `versionId=ID`")),
            };
            let value = part.split_once('=').map(|(_, value)| value).filter(|value| !value.is_empty());
            *field = Some(value.ok_or_else(|| format!("`{part}` has no value"))?.to_owned());
        }
        Ok(place)
    }
}

impl fmt::Display for S3Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)?;
        match &self.version {
            Some(version) => write!(f, "?versionId={version}"),
            None => Ok(()),
        }
    }
}

/// What was read.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Object {
    /// The object. It may hold secrets.
    pub bytes: Vec<u8>,
    /// The bucket's region, if it is another one than was asked first.
    pub elsewhere: Option<String>,
}

/// Why an object cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum S3Error {
    /// There is no such bucket.
    #[error("there is no bucket `{0}`")]
    NoBucket(String),
    /// There is no such object.
    #[error("the bucket `{bucket}` has no object `{key}`")]
    NoKey {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// Keys that it has, those beside the one that was named before others.
        near: Vec<String>,
    },
    /// There was one, and somebody has deleted it; its versions are there.
    #[error("`{key}` was deleted; the bucket `{bucket}` has earlier versions of it")]
    Deleted {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
    },
    /// The object has no such version.
    #[error("`{key}` has no version `{version}`")]
    NoVersion {
        /// The key.
        key: String,
        /// The version.
        version: String,
    },
    /// It is in an archive.
    #[error("`{0}` is archived")]
    Archived(String),
    /// It is encrypted with a key that only its writer has.
    #[error("`{0}` is encrypted with a key that S3 does not keep (SSE-C)")]
    CustomerKey(String),
    /// It is larger than any state.
    #[error("`{key}` has {} MB, and a state of more than {} MB is not read", .size >> 20, .limit >> 20)]
    TooLarge {
        /// The key.
        key: String,
        /// Its size in bytes, as far as it is known.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// S3 refuses it in some other way, or cannot be asked.
    #[error("{}", .0.message)]
    Cloud(CloudError),
}

impl S3Error {
    /// What can be done about it, one line each.
    pub fn help(&self) -> Vec<String> {
        let one = |line: &str| vec![line.to_owned()];
        match self {
            S3Error::NoBucket(_) => {
                one("see `backend \"s3\"` in the root's configuration, or `.terraform/terraform.tfstate`")
            }
            S3Error::NoKey { near, .. } if near.is_empty() => one("the bucket has no other objects that one may list"),
            S3Error::NoKey { near, .. } => vec![
                format!("it has {}", near.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")),
                "the state of a workspace has the key `env:/WORKSPACE/KEY`".to_owned(),
            ],
            S3Error::Deleted { .. } => one("name one of them (`?versionId=ID`), or put the object back"),
            S3Error::NoVersion { .. } => one("leave `?versionId=` out for the newest"),
            S3Error::Archived(_) => one("restore it first (`aws s3api restore-object`)"),
            S3Error::CustomerKey(_) => one(
                "write it to a file: `terraform state pull > FILE` where the backend has the key, and name the file",
            ),
            S3Error::TooLarge { .. } => {
                one("check that it is a state; `terraform state pull > FILE` writes one to a file")
            }
            S3Error::Cloud(_) => Vec::new(),
        }
    }
}

impl From<CloudError> for S3Error {
    fn from(error: CloudError) -> S3Error {
        S3Error::Cloud(error)
    }
}

/// What one request led to.
enum Answer {
    Object(Vec<u8>),
    TooLarge(u64),
    Elsewhere(String),
    Deleted,
}

/// Reads an object of at most `limit` bytes. A bucket that is in another region is asked there.
pub(crate) async fn read(cx: &Cx, place: &S3Place, limit: u64) -> Result<S3Object, S3Error> {
    let mut region = place.region.clone();
    let mut elsewhere = None;
    loop {
        let client = match &region {
            Some(region) => Client::from_conf(cx.s3.config().to_builder().region(Region::new(region.clone())).build()),
            None => cx.s3.clone(),
        };
        let answer = call::read("s3:GetObject", || get(&client, place, limit)).await;
        let S3Place { bucket, key, .. } = place;
        return match answer {
            Ok(Answer::Object(bytes)) => Ok(S3Object { bytes, elsewhere }),
            Ok(Answer::TooLarge(size)) => Err(S3Error::TooLarge { key: key.clone(), size, limit }),
            Ok(Answer::Deleted) => Err(S3Error::Deleted { bucket: bucket.clone(), key: key.clone() }),
            Ok(Answer::Elsewhere(there)) if elsewhere.is_none() => {
                elsewhere = Some(there.clone());
                region = Some(there);
                continue;
            }
            Ok(Answer::Elsewhere(there)) => {
                let message = format!("the bucket `{bucket}` is said to be in {there}, and is not there either");
                Err(refused(message).into())
            }
            Err(error) => Err(explain(&client, place, error).await),
        };
    }
}

fn refused(message: String) -> CloudError {
    CloudError { kind: ErrorKind::Refused, operation: "s3:GetObject".into(), code: None, message }
}

/// One request, and its body to the end: a connection that breaks in the middle is one without an answer.
async fn get(client: &Client, place: &S3Place, limit: u64) -> Result<Answer, SdkError<GetObjectError, HttpResponse>> {
    let request = client.get_object().bucket(&place.bucket).key(&place.key).set_version_id(place.version.clone());
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => {
            return match special(&error) {
                Some(answer) => Ok(answer),
                None => Err(error),
            };
        }
    };
    let length = answer.content_length.and_then(|length| u64::try_from(length).ok());
    match length.filter(|length| *length > limit) {
        Some(length) => Ok(Answer::TooLarge(length)),
        None => collect(answer.body, limit).await,
    }
}

async fn collect(mut body: ByteStream, limit: u64) -> Result<Answer, SdkError<GetObjectError, HttpResponse>> {
    let mut bytes = Vec::new();
    loop {
        match body.try_next().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => return Ok(Answer::Object(bytes)),
            Err(error) => return Err(SdkError::dispatch_failure(ConnectorError::io(error.into()))),
        }
        let size = bytes.len() as u64;
        if size > limit {
            return Ok(Answer::TooLarge(size));
        }
    }
}

/// What only the answer's head says: that the bucket is elsewhere, or that the object was deleted.
fn special(error: &SdkError<GetObjectError, HttpResponse>) -> Option<Answer> {
    let response = error.raw_response()?;
    let meta = error.as_service_error().map(ProvideErrorMetadata::meta);
    let code = meta.and_then(|meta| meta.code()).unwrap_or_default();
    let headers = response.headers();
    if headers.get("x-amz-delete-marker") == Some("true") {
        return Some(Answer::Deleted);
    }
    let status = response.status().as_u16();
    if !matches!(status, 301 | 307) && code != "AuthorizationHeaderMalformed" {
        return None;
    }
    // The second has it in its words only: "the region 'us-east-1' is wrong; expecting 'eu-west-1'".
    let text = meta.and_then(|meta| meta.message()).unwrap_or_default();
    let expected = || text.split("expecting '").nth(1)?.split('\'').next();
    headers.get("x-amz-bucket-region").or_else(expected).map(|region| Answer::Elsewhere(region.to_owned()))
}

/// From the error's code to what it is about.
async fn explain(client: &Client, place: &S3Place, mut error: CloudError) -> S3Error {
    let S3Place { bucket, key, version, .. } = place;
    match error.code.as_deref().unwrap_or_default() {
        "NoSuchBucket" => return S3Error::NoBucket(bucket.clone()),
        "NoSuchKey" => {
            let near = near(client, bucket, key).await;
            return S3Error::NoKey { bucket: bucket.clone(), key: key.clone(), near };
        }
        "NoSuchVersion" => {
            return S3Error::NoVersion { key: key.clone(), version: version.clone().unwrap_or_default() };
        }
        // S3 cannot read what is no version's id.
        "InvalidArgument" if version.is_some() && error.message.to_lowercase().contains("version") => {
            return S3Error::NoVersion { key: key.clone(), version: version.clone().unwrap_or_default() };
        }
        "InvalidObjectState" => return S3Error::Archived(key.clone()),
        "InvalidRequest" if error.message.contains("Server Side Encryption") => {
            return S3Error::CustomerKey(key.clone());
        }
        code if code.starts_with("KMS.") => {
            error.message = format!("the KMS key that `{key}` is encrypted with cannot be used: {}", error.message);
        }
        _ => {}
    }
    if error.kind == ErrorKind::Denied {
        if error.message.starts_with("`kms:") {
            error.operation = "kms:Decrypt".to_owned();
            error.message = format!("the object is encrypted with a KMS key, and {}", error.message);
        } else {
            error.message.push_str(
                "; who may not list the bucket (`s3:ListBucket`) is told this of an object that is not there, too",
            );
        }
    }
    error.into()
}

/// How many keys are told.
const NEAR: usize = 5;

/// Some keys that the bucket has: those in the same folder, else whatever comes first. None if one may not list them.
async fn near(client: &Client, bucket: &str, key: &str) -> Vec<String> {
    let folder = key.rsplit_once('/').map(|(folder, _)| format!("{folder}/"));
    for prefix in folder.into_iter().chain([String::new()]) {
        let list = || client.list_objects_v2().bucket(bucket).prefix(&prefix).max_keys(100).send();
        let Ok(answer) = call::read("s3:ListObjectsV2", list).await else { return Vec::new() };
        // A lock is no state.
        let keys = answer.contents.unwrap_or_default().into_iter().filter_map(|object| object.key);
        let keys: Vec<String> = keys.filter(|key| !key.ends_with(".tflock")).take(NEAR).collect();
        if !keys.is_empty() {
            return keys;
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests;

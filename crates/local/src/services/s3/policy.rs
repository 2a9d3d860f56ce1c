//! Bucket policies: kept and checked; nobody is refused by one.

use serde::Deserialize;
use serde_json::{Value, json};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Of, Only, document, nothing, refuse};
use crate::error::{ApiError, Result};
use crate::filters::wildcard;
use crate::world::Cx;

fn malformed(message: impl Into<String>) -> ApiError {
    refuse(400, "MalformedPolicy", message)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Put {
    bucket: Of,
    #[serde(default)]
    document: String,
    #[serde(default, rename = "ConfirmRemoveSelfBucketAccess")]
    _confirm: bool,
}

pub(super) fn put(cx: &mut Cx<'_>, input: Put) -> Result {
    let bucket = input.bucket.find(cx)?;
    let policy = check(&input.document, &input.bucket.name)?;
    if is_public(&policy) && bucket.public_access.as_ref().is_some_and(|access| access.block_public_policy) {
        let message = format!(
            "User: {} is not authorized to perform: s3:PutBucketPolicy on resource: \"arn:aws:s3:::{}\" because public \
             policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.",
            crate::services::sts::caller_arn(cx.account()),
            input.bucket.name
        );
        return Err(refuse(403, "AccessDenied", message));
    }
    bucket.policy = Some(input.document);
    nothing(204)
}

/// What S3 does not keep.
fn check(text: &str, bucket: &str) -> Result<Value> {
    let policy: Value = match serde_json::from_str(text) {
        Ok(policy) if text.starts_with('{') => policy,
        _ => return Err(malformed("Policies must be valid JSON and the first byte must be '{'")),
    };
    if text.len() > 20 * 1024 {
        return Err(malformed("The policy is larger than 20480 bytes"));
    }
    for key in policy.as_object().into_iter().flatten().map(|(key, _)| key) {
        if !["Version", "Id", "Statement"].contains(&key.as_str()) {
            return Err(malformed(format!("Unknown field {key}")));
        }
    }
    if !matches!(policy["Version"].as_str(), None | Some("2012-10-17" | "2008-10-17")) {
        return Err(malformed("The policy must contain a valid version string"));
    }
    let statements = statements(&policy);
    if statements.is_empty() {
        return Err(malformed("Missing required field Statement"));
    }
    for statement in statements {
        let Some(members) = statement.as_object() else { return Err(malformed("Statement must be a list of objects")) };
        let known = [
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        if let Some(key) = members.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(malformed(format!("Unknown field {key}")));
        }
        if !matches!(statement["Effect"].as_str(), Some("Allow" | "Deny")) {
            return Err(malformed("Missing required field Effect"));
        }
        for (one, other) in [("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource")] {
            if members.contains_key(one) == members.contains_key(other) {
                return Err(malformed(format!("Missing required field {one}")));
            }
        }
        for action in texts(statement.get("Action").or(statement.get("NotAction"))) {
            if action != "*" && !action.starts_with("s3:") {
                return Err(malformed("Policy has invalid action"));
            }
        }
        for resource in texts(statement.get("Resource").or(statement.get("NotResource"))) {
            let of = resource
                .splitn(6, ':')
                .nth(5)
                .filter(|_| resource.starts_with("arn:aws") && resource.contains(":s3:::"));
            if of.is_none_or(|of| {
                of != bucket && of != "*" && !of.starts_with(&format!("{bucket}/")) && of != format!("{bucket}*")
            }) {
                return Err(malformed("Policy has invalid resource"));
            }
        }
    }
    Ok(policy)
}

/// The statements of a policy, be it one or several.
pub(crate) fn statements(policy: &Value) -> Vec<&Value> {
    match &policy["Statement"] {
        Value::Null => Vec::new(),
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    }
}

/// The texts of a member of a policy, be it one or several.
pub(crate) fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// True if a load balancer may put its logs there: the bucket is in its region, and lets Elastic Load Balancing put objects
/// below that path (its service, or in the older way one of its accounts, which are not the caller's).
pub(crate) fn takes_logs(cx: &mut Cx<'_>, bucket: &str, path: &str) -> bool {
    let (own, region) = (cx.account().to_owned(), cx.region.clone());
    let Some(found) = cx.s3().buckets.get(bucket).filter(|bucket| bucket.region == region) else { return false };
    let policy: Value = found.policy.as_ref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let object = format!("arn:aws:s3:::{bucket}/{path}");
    statements(&policy).into_iter().any(|statement| {
        let principal = &statement["Principal"];
        let service = texts(principal.get("Service")).iter().any(|name| name.contains("elasticloadbalancing"));
        let account = |name: &&str| name.split(':').nth(4).unwrap_or(name) != own;
        let other = principal == "*" || texts(principal.get("AWS")).iter().any(account);
        let puts = texts(statement.get("Action")).iter().any(|action| wildcard(action, "s3:PutObject"));
        let there = texts(statement.get("Resource")).iter().any(|resource| wildcard(resource, &object));
        statement["Effect"] == "Allow" && (service || other) && puts && there
    })
}

/// Whether it lets anybody in: everybody is a principal, and no condition narrows it.
fn is_public(policy: &Value) -> bool {
    statements(policy).into_iter().any(|statement| {
        let principal = &statement["Principal"];
        let everybody = principal == "*" || texts(principal.get("AWS")).contains(&"*");
        statement["Effect"] == "Allow" && everybody && statement["Condition"].is_null()
    })
}

fn none(bucket: &str) -> ApiError {
    refuse(404, "NoSuchBucketPolicy", "The bucket policy does not exist").detail("BucketName", bucket)
}

pub(super) fn get(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    match &bucket.find(cx)?.policy {
        Some(policy) => Ok(json!({"Headers": {"content-type": "application/json"}, "Body": STANDARD.encode(policy)})),
        None => Err(none(&bucket.name)),
    }
}

pub(super) fn delete(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    bucket.find(cx)?.policy = None;
    nothing(204)
}

pub(super) fn status(cx: &mut Cx<'_>, Only { bucket }: Only) -> Result {
    let Some(policy) = &bucket.find(cx)?.policy else { return Err(none(&bucket.name)) };
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    document("PolicyStatus", json!({"IsPublic": is_public(&policy)}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies() {
        let policy = |member: &str, value: Value| {
            let mut statement = json!({
                "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*",
            });
            statement[member] = value;
            json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
        };
        let code = |text: &str| check(text, "b").map(|policy| is_public(&policy)).map_err(|error| error.code);
        assert_eq!(code(&policy("Sid", json!("x"))), Ok(true));
        assert_eq!(
            code(&policy("Principal", json!({"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}))),
            Ok(false)
        );
        assert_eq!(code(&policy("Effect", json!("Deny"))), Ok(false));
        assert_eq!(code(&policy("Condition", json!({"Bool": {"aws:SecureTransport": "true"}}))), Ok(false));
        for bad in [
            "",
            "text",
            "[]",
            " {}",
            "{}",
            &policy("Foo", json!(1)),
            &policy("Effect", json!("Maybe")),
            &policy("Action", json!("ec2:*")),
            &policy("Resource", json!("arn:aws:s3:::other/*")),
            &policy("NotAction", json!("s3:*")),
        ] {
            assert_eq!(code(bad), Err("MalformedPolicy".to_owned()), "{bad}");
        }
    }
}

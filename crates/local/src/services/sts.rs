//! STS: who is calling. There is one user, and every role can be assumed.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{Result, fail};
use crate::protocol::Protocol;
use crate::services::{Service, operations};
use crate::world::Cx;

/// STS keeps nothing.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {}

pub(crate) static SERVICE: Service = Service {
    name: "sts",
    prefix: "sts",
    protocol: Protocol::Query { namespace: "https://sts.amazonaws.com/doc/2011-06-15/" },
    invalid: "ValidationError",
    handler,
    bucket: |_| None,
    on_event: |_, _| {},
    resources: |_| Vec::new(),
};

operations! {
    "GetCallerIdentity" => get_caller_identity,
    "AssumeRole" => assume_role,
    "GetSessionToken" => get_session_token,
}

/// The ARN of the one user.
pub(crate) fn caller_arn(account: &str) -> String {
    format!("arn:aws:iam::{account}:user/local")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetCallerIdentity {}

fn get_caller_identity(cx: &mut Cx<'_>, GetCallerIdentity {}: GetCallerIdentity) -> Result {
    Ok(json!({
        "UserId": "AIDALOCALCLOUDUSER00",
        "Account": cx.account(),
        "Arn": caller_arn(cx.account()),
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRole {
    role_arn: String,
    role_session_name: String,
    #[serde(default = "hour")]
    duration_seconds: u64,
}

fn hour() -> u64 {
    3600
}

fn assume_role(cx: &mut Cx<'_>, input: AssumeRole) -> Result {
    let parts: Vec<&str> = input.role_arn.splitn(6, ':').collect();
    let (["arn", _, "iam", "", account, resource], true) =
        (parts.as_slice(), (900..=43200).contains(&input.duration_seconds))
    else {
        return fail!("ValidationError", "{} is invalid", input.role_arn);
    };
    let Some(name) = resource.strip_prefix("role/").and_then(|path| path.rsplit('/').next()) else {
        return fail!("ValidationError", "{} is invalid", input.role_arn);
    };
    let (account, name, session) = (account.to_string(), name.to_owned(), input.role_session_name);
    let role_id = format!("AROA{}", cx.upper(17));
    let credentials = credentials(cx, input.duration_seconds);
    Ok(json!({
        "Credentials": credentials,
        "AssumedRoleUser": {
            "AssumedRoleId": format!("{role_id}:{session}"),
            "Arn": format!("arn:aws:sts::{account}:assumed-role/{name}/{session}"),
        },
        "PackedPolicySize": 0,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetSessionToken {
    #[serde(default = "hour")]
    duration_seconds: u64,
}

fn get_session_token(cx: &mut Cx<'_>, input: GetSessionToken) -> Result {
    Ok(json!({"Credentials": credentials(cx, input.duration_seconds)}))
}

fn credentials(cx: &mut Cx<'_>, seconds: u64) -> Value {
    let expires = cx.now() + std::time::Duration::from_secs(seconds);
    json!({
        "AccessKeyId": format!("ASIA{}", cx.upper(16)),
        "SecretAccessKey": cx.lower(40),
        "SessionToken": cx.lower(200),
        "Expiration": expires.iso8601(),
    })
}

//! STS: who is calling. There is one user, and every role can be assumed, whether or not it is there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{Result, fail};
use crate::protocol::Protocol;
use crate::services::{Service, operations};
use crate::world::Cx;

/// Whose temporary access keys are, by key. All else are the one user's.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    sessions: BTreeMap<String, Session>,
}

/// A role that somebody is for a while.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Session {
    /// The role's id, and the name of the session.
    user_id: String,
    account: String,
    arn: String,
}

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
    let access_key = cx.access_key.clone();
    if let Some(Session { user_id, account, arn }) = cx.sts().sessions.get(&access_key) {
        return Ok(json!({"UserId": user_id, "Account": account, "Arn": arn}));
    }
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
    let known = cx.iam().roles.values().find(|role| role.arn == input.role_arn).map(|role| role.id.clone());
    let role_id = known.unwrap_or_else(|| format!("AROA{}", cx.upper(17)));
    let credentials = credentials(cx, input.duration_seconds);
    let (user_id, arn) =
        (format!("{role_id}:{session}"), format!("arn:aws:sts::{account}:assumed-role/{name}/{session}"));
    let answer = json!({
        "Credentials": credentials,
        "AssumedRoleUser": {"AssumedRoleId": user_id, "Arn": arn},
        "PackedPolicySize": 0,
    });
    if let Some(key) = credentials["AccessKeyId"].as_str() {
        cx.sts().sessions.insert(key.to_owned(), Session { user_id, account, arn });
    }
    Ok(answer)
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

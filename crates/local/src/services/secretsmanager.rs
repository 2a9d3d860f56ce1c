//! Secrets Manager. Values are kept, and shown to nobody but who asks for them by name.

mod password;
mod secret;
mod value;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::secret::Secret;
use crate::error::{Result, fail};
use crate::protocol::Protocol;
use crate::services::{Resource, Service, operations};
use crate::world::Cx;

/// One region's secrets, by ARN.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    secrets: BTreeMap<String, Secret>,
}

pub(crate) static SERVICE: Service = Service {
    name: "secretsmanager",
    prefix: "secretsmanager",
    protocol: Protocol::Json { target: "secretsmanager" },
    invalid: "ValidationException",
    handler,
    bucket: |_| None,
    on_event,
    resources,
};

operations! {
    "CreateSecret" => secret::create,
    "DescribeSecret" => secret::describe,
    "ListSecrets" => secret::list,
    "UpdateSecret" => secret::update,
    "DeleteSecret" => secret::delete,
    "RestoreSecret" => secret::restore,
    "GetResourcePolicy" => secret::policy,
    "PutResourcePolicy" => secret::put_policy,
    "DeleteResourcePolicy" => secret::delete_policy,
    "TagResource" => secret::tag,
    "UntagResource" => secret::untag,
    "GetRandomPassword" => password::random,
    "GetSecretValue" => value::get,
    "PutSecretValue" => value::put,
    "ListSecretVersionIds" => value::list,
    "UpdateSecretVersionStage" => value::move_stage,
}

const INVALID: &str = "InvalidParameterException";

/// Secrets that wait for their end do not count.
fn resources(cx: &Cx<'_>) -> Vec<Resource> {
    let Some(region) = cx.world.regions.get(&cx.region) else { return Vec::new() };
    let secrets = region.secretsmanager.secrets.values().filter(|secret| secret.deletion.is_none());
    secrets.map(|s| Resource { arn: s.arn.clone(), kind: "secretsmanager:secret", tags: s.tags.clone() }).collect()
}

/// A secret's time is up.
fn on_event(cx: &mut Cx<'_>, body: Value) {
    let now = cx.now();
    let Some(arn) = body.as_str() else { return };
    let secrets = &mut cx.secretsmanager().secrets;
    if secrets.get(arn).is_some_and(|secret| secret.deletion.is_some_and(|at| at <= now)) {
        secrets.remove(arn);
    }
}

/// The secret with this name or ARN, with or without the six characters at its end.
fn find<'c>(cx: &'c mut Cx<'_>, id: &str) -> Result<&'c mut Secret> {
    let found = cx.secretsmanager().secrets.values().find(|secret| {
        secret.arn == id || secret.name == id || secret.arn.rsplit_once('-').is_some_and(|(partial, _)| partial == id)
    });
    let arn = found.map(|secret| secret.arn.clone());
    match arn.and_then(|arn| cx.secretsmanager().secrets.get_mut(&arn)) {
        Some(secret) => Ok(secret),
        None => fail!("ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
    }
}

/// The secret, if it is not marked for deletion.
fn find_lasting<'c>(cx: &'c mut Cx<'_>, id: &str) -> Result<&'c mut Secret> {
    let secret = find(cx, id)?;
    if secret.deletion.is_some() {
        return fail!(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion."
        );
    }
    Ok(secret)
}

//! KMS: keys, their policies and aliases. Nothing is encrypted here, so there is no operation that encrypts.

mod alias;
mod key;
mod lifecycle;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::alias::Alias;
use self::key::Key;
use crate::error::{ApiError, Result, fail};
use crate::protocol::Protocol;
use crate::services::{Resource, Service, operations};
use crate::world::Cx;

/// One region's keys by id, and aliases by name.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    keys: BTreeMap<String, Key>,
    aliases: BTreeMap<String, Alias>,
}

pub(crate) static SERVICE: Service = Service {
    name: "kms",
    prefix: "kms",
    protocol: Protocol::Json { target: "TrentService" },
    invalid: INVALID,
    handler,
    bucket: |_| None,
    on_event,
    resources,
};

operations! {
    "CreateKey" => key::create,
    "DescribeKey" => key::describe,
    "ListKeys" => key::list,
    "UpdateKeyDescription" => key::update_description,
    "GetKeyPolicy" => key::policy,
    "PutKeyPolicy" => key::put_policy,
    "ListKeyPolicies" => key::list_policies,
    "TagResource" => key::tag,
    "UntagResource" => key::untag,
    "ListResourceTags" => key::list_tags,
    "EnableKey" => lifecycle::enable,
    "DisableKey" => lifecycle::disable,
    "EnableKeyRotation" => lifecycle::enable_rotation,
    "DisableKeyRotation" => lifecycle::disable_rotation,
    "GetKeyRotationStatus" => lifecycle::rotation,
    "ScheduleKeyDeletion" => lifecycle::schedule_deletion,
    "CancelKeyDeletion" => lifecycle::cancel_deletion,
    "CreateAlias" => alias::create,
    "UpdateAlias" => alias::update,
    "DeleteAlias" => alias::delete,
    "ListAliases" => alias::list,
}

const INVALID: &str = "ValidationException";

/// Keys that wait for their end are as good as gone: nobody can do it sooner.
fn resources(cx: &Cx<'_>) -> Vec<Resource> {
    let Some(region) = cx.world.regions.get(&cx.region) else { return Vec::new() };
    let keys = region.kms.keys.values().filter(|key| key.deletion.is_none() && !key.of_aws);
    let keys = keys.map(|key| Resource { arn: key.arn.clone(), kind: "kms:key", tags: key.tags.clone() });
    let aliases = region.kms.aliases.keys().filter(|name| !name.starts_with("alias/aws/"));
    let aliases = aliases.map(|name| Resource { arn: cx.arn("kms", name), kind: "kms:alias", tags: BTreeMap::new() });
    keys.chain(aliases).collect()
}

/// A key's time is up.
fn on_event(cx: &mut Cx<'_>, body: Value) {
    let now = cx.now();
    let Some(id) = body.as_str() else { return };
    let state = cx.kms();
    if state.keys.get(id).is_some_and(|key| key.deletion.is_some_and(|at| at <= now)) {
        state.keys.remove(id);
        state.aliases.retain(|_, alias| alias.key != id);
    }
}

/// Services whose own key has an alias in every account, from its first use on.
const OF_AWS: &[&str] = &[
    "acm",
    "dynamodb",
    "ecr",
    "ebs",
    "elasticfilesystem",
    "lambda",
    "rds",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
];

/// Makes the key of an AWS service, if that is what an alias names and it is not there yet.
fn ensure_of_aws(cx: &mut Cx<'_>, alias: &str) {
    let service = alias.strip_prefix("alias/aws/").filter(|service| OF_AWS.contains(service));
    let Some(service) = service.filter(|_| !cx.kms().aliases.contains_key(alias)) else { return };
    let key = key::of_aws(cx, service);
    let (id, now) = (key.id.clone(), key.created);
    let state = cx.kms();
    state.keys.insert(id.clone(), key);
    state.aliases.insert(alias.to_owned(), Alias { key: id, created: now, updated: now });
}

/// The id of the key that an id, an ARN, an alias or an alias's ARN names.
fn resolve(cx: &mut Cx<'_>, named: &str) -> Result<String> {
    let own = cx.arn("kms", "");
    let name = match named.strip_prefix(&own) {
        Some(name) => name,
        None if named.starts_with("arn:") && named.split(':').count() != 6 => {
            return fail!("InvalidArnException", "Invalid arn {named}");
        }
        None if named.starts_with("arn:") => {
            return fail!("NotFoundException", "Invalid arn {}", cx.region);
        }
        None => named,
    };
    if name.starts_with("alias/") {
        ensure_of_aws(cx, name);
        let alias = cx.kms().aliases.get(name).map(|alias| alias.key.clone());
        return alias.ok_or_else(|| not_found(&format!("Alias {own}{name} is not found.")));
    }
    let id = name.strip_prefix("key/").unwrap_or(name);
    if cx.kms().keys.contains_key(id) {
        return Ok(id.to_owned());
    }
    let is_id = id.strip_prefix("mrk-").unwrap_or(id).chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    if is_id {
        return Err(not_found(&format!("Key '{own}key/{id}' does not exist")));
    }
    Err(not_found(&format!("Invalid keyId '{id}'")))
}

fn not_found(message: &str) -> ApiError {
    ApiError::new("NotFoundException", message)
}

/// The key, whatever its state.
fn find<'c>(cx: &'c mut Cx<'_>, named: &str) -> Result<&'c mut Key> {
    let id = resolve(cx, named)?;
    let missing = not_found(&format!("Key '{named}' does not exist"));
    cx.kms().keys.get_mut(&id).ok_or(missing)
}

/// True if the key of an ARN is there, can be used, and its policy lets a service of AWS in (`logs`, there as
/// `logs.REGION.amazonaws.com`).
pub(crate) fn lets_in(cx: &mut Cx<'_>, arn: &str, service: &str) -> bool {
    let names = [format!("{service}.{}.amazonaws.com", cx.region), format!("{service}.amazonaws.com")];
    match resolve(cx, arn).ok().and_then(|id| cx.kms().keys.get(&id)) {
        Some(key) => key.enabled && key.deletion.is_none() && key.lets_in(&names),
        None => false,
    }
}

/// The key, if it does not wait for its end.
fn find_lasting<'c>(cx: &'c mut Cx<'_>, named: &str) -> Result<&'c mut Key> {
    let key = find(cx, named)?;
    if key.deletion.is_some() {
        return fail!("KMSInvalidStateException", "{} is pending deletion.", key.arn);
    }
    Ok(key)
}

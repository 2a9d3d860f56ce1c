//! The registry as a whole.

use std::time::Duration;

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{ApiError, Result, fail};
use crate::services::ecr::{policy, repository};
use crate::world::Cx;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AuthorizationToken {
    #[serde(default)]
    registry_ids: Vec<String>,
}

pub(super) fn authorization_token(cx: &mut Cx<'_>, input: AuthorizationToken) -> Result {
    let registries = if input.registry_ids.is_empty() { vec![cx.account().to_owned()] } else { input.registry_ids };
    let expires = (cx.now() + Duration::from_secs(12 * 3600)).epoch_seconds();
    let mut data = Vec::new();
    for registry in registries {
        let password = cx.lower(64);
        data.push(json!({
            "authorizationToken": base64::engine::general_purpose::STANDARD.encode(format!("AWS:{password}")),
            "expiresAt": expires,
            "proxyEndpoint": format!("https://{registry}.dkr.ecr.{}.amazonaws.com", cx.region),
        }));
    }
    Ok(json!({"authorizationData": data}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Nothing {}

/// What the registry as a whole was told.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    policy: Option<String>,
    replication: Option<Value>,
    scanning: Option<Value>,
}

pub(super) fn describe(cx: &mut Cx<'_>, Nothing {}: Nothing) -> Result {
    let replication = cx.ecr().registry.replication.clone().unwrap_or_else(|| json!({"rules": []}));
    Ok(json!({"registryId": cx.account(), "replicationConfiguration": replication}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Replication {
    replication_configuration: ReplicationRules,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReplicationRules {
    rules: Vec<Value>,
}

/// Kept; images are not copied anywhere.
pub(super) fn put_replication(cx: &mut Cx<'_>, input: Replication) -> Result {
    let rules = input.replication_configuration.rules;
    if rules.len() > 10 {
        return fail!("ValidationException", "A replication configuration has at most 10 rules");
    }
    if rules.iter().any(|rule| rule["destinations"].as_array().is_none_or(Vec::is_empty)) {
        return fail!("InvalidParameterException", "A replication rule needs at least one destination");
    }
    let stored = json!({"rules": rules});
    cx.ecr().registry.replication = Some(stored.clone());
    Ok(json!({"replicationConfiguration": stored}))
}

pub(super) fn scanning(cx: &mut Cx<'_>, Nothing {}: Nothing) -> Result {
    let scanning = cx.ecr().registry.scanning.clone();
    let scanning = scanning.unwrap_or_else(|| json!({"scanType": "BASIC", "rules": []}));
    Ok(json!({"registryId": cx.account(), "scanningConfiguration": scanning}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PutScanning {
    scan_type: Option<String>,
    #[serde(default)]
    rules: Vec<Value>,
}

pub(super) fn put_scanning(cx: &mut Cx<'_>, input: PutScanning) -> Result {
    let kind = input.scan_type.unwrap_or_else(|| "BASIC".to_owned());
    let frequencies: &[&str] = match kind.as_str() {
        "BASIC" => &["SCAN_ON_PUSH", "MANUAL"],
        "ENHANCED" => &["SCAN_ON_PUSH", "CONTINUOUS_SCAN", "MANUAL"],
        other => return fail!("InvalidParameterException", "The scan type '{other}' is not valid"),
    };
    let wrong = |rule: &&Value| !rule["scanFrequency"].as_str().is_some_and(|f| frequencies.contains(&f));
    if let Some(rule) = input.rules.iter().find(wrong) {
        return fail!(
            "InvalidParameterException",
            "The scan frequency {} is not valid for the scan type {kind}",
            rule["scanFrequency"]
        );
    }
    let stored = json!({"scanType": kind, "rules": input.rules});
    cx.ecr().registry.scanning = Some(stored.clone());
    Ok(json!({"registryScanningConfiguration": stored}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PutPolicy {
    policy_text: String,
}

fn no_policy(account: &str) -> ApiError {
    ApiError::new(
        "RegistryPolicyNotFoundException",
        format!("Registry policy does not exist in the registry with id '{account}'"),
    )
}

pub(super) fn put_policy(cx: &mut Cx<'_>, input: PutPolicy) -> Result {
    if !policy::legal(&input.policy_text) {
        return fail!(
            "InvalidParameterException",
            "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid registry policy provided'"
        );
    }
    cx.ecr().registry.policy = Some(input.policy_text.clone());
    Ok(json!({"registryId": cx.account(), "policyText": input.policy_text}))
}

pub(super) fn get_policy(cx: &mut Cx<'_>, Nothing {}: Nothing) -> Result {
    let text = cx.ecr().registry.policy.clone().ok_or_else(|| no_policy(cx.account()))?;
    Ok(json!({"registryId": cx.account(), "policyText": text}))
}

pub(super) fn delete_policy(cx: &mut Cx<'_>, Nothing {}: Nothing) -> Result {
    let text = cx.ecr().registry.policy.take().ok_or_else(|| no_policy(cx.account()))?;
    Ok(json!({"registryId": cx.account(), "policyText": text}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RepositoryScanning {
    repository_names: Vec<String>,
}

pub(super) fn repository_scanning(cx: &mut Cx<'_>, input: RepositoryScanning) -> Result {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in input.repository_names {
        match repository::find(cx, &name, None) {
            Ok(repository) => found.push(json!({
                "repositoryArn": repository.arn,
                "repositoryName": name,
                "scanOnPush": repository.scan_on_push,
                "scanFrequency": if repository.scan_on_push { "SCAN_ON_PUSH" } else { "MANUAL" },
                "appliedScanFilters": [],
            })),
            Err(error) => failures.push(json!({
                "repositoryName": name,
                "failureCode": "REPOSITORY_NOT_FOUND",
                "failureReason": error.message,
            })),
        }
    }
    Ok(json!({"scanningConfigurations": found, "failures": failures}))
}

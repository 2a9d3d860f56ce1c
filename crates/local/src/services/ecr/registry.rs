//! The registry as a whole.

use std::time::Duration;

use base64::Engine as _;
use serde::Deserialize;
use serde_json::json;

use crate::error::Result;
use crate::services::ecr::repository;
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

pub(super) fn describe(cx: &mut Cx<'_>, Nothing {}: Nothing) -> Result {
    Ok(json!({"registryId": cx.account(), "replicationConfiguration": {"rules": []}}))
}

pub(super) fn scanning(cx: &mut Cx<'_>, Nothing {}: Nothing) -> Result {
    Ok(json!({"registryId": cx.account(), "scanningConfiguration": {"scanType": "BASIC", "rules": []}}))
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

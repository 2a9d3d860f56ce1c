//! Repository policies.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{ApiError, Result, fail};
use crate::services::ecr::repository::find;
use crate::world::Cx;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Set {
    registry_id: Option<String>,
    repository_name: String,
    policy_text: String,
    #[serde(rename = "force")]
    _force: Option<bool>,
}

/// An IAM document whose every statement has an effect, a principal and an action.
pub(super) fn legal(text: &str) -> bool {
    let Ok(Value::Object(document)) = serde_json::from_str::<Value>(text) else { return false };
    let statements = match document.get("Statement") {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => Vec::new(),
    };
    let has = |s: &Value, a: &str, b: &str| s.get(a).is_some() || s.get(b).is_some();
    !statements.is_empty()
        && text.len() <= 10_240
        && statements.iter().all(|s| {
            matches!(s.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny"))
                && has(s, "Principal", "NotPrincipal")
                && has(s, "Action", "NotAction")
        })
}

pub(super) fn set(cx: &mut Cx<'_>, input: Set) -> Result {
    let account = cx.account().to_owned();
    let repository = find(cx, &input.repository_name, input.registry_id.as_deref())?;
    if !legal(&input.policy_text) {
        return fail!(
            "InvalidParameterException",
            "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'"
        );
    }
    repository.policy = Some(input.policy_text.clone());
    Ok(json!({"registryId": account, "repositoryName": input.repository_name, "policyText": input.policy_text}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Named {
    registry_id: Option<String>,
    repository_name: String,
}

fn absent(name: &str, account: &str) -> ApiError {
    let text = format!(
        "Repository policy does not exist for the repository with name '{name}' in the registry with id '{account}'"
    );
    ApiError::new("RepositoryPolicyNotFoundException", text)
}

pub(super) fn get(cx: &mut Cx<'_>, input: Named) -> Result {
    let account = cx.account().to_owned();
    let repository = find(cx, &input.repository_name, input.registry_id.as_deref())?;
    let text = repository.policy.clone().ok_or_else(|| absent(&input.repository_name, &account))?;
    Ok(json!({"registryId": account, "repositoryName": input.repository_name, "policyText": text}))
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Named) -> Result {
    let account = cx.account().to_owned();
    let repository = find(cx, &input.repository_name, input.registry_id.as_deref())?;
    let text = repository.policy.take().ok_or_else(|| absent(&input.repository_name, &account))?;
    Ok(json!({"registryId": account, "repositoryName": input.repository_name, "policyText": text}))
}

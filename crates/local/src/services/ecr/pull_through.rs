//! Pull-through cache rules. They are kept; nothing is pulled from elsewhere here.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::page;
use crate::services::members::{bare, named};
use crate::world::Cx;

/// Repositories of this prefix come from another registry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Rule {
    prefix: String,
    url: String,
    upstream: String,
    credential: Option<String>,
    role: Option<String>,
    upstream_prefix: Option<String>,
    created: Time,
    updated: Time,
}

/// The registries that AWS knows, and whether they want credentials.
const UPSTREAMS: &[(&str, &str, bool)] = &[
    ("public.ecr.aws", "ecr-public", false),
    ("quay.io", "quay", false),
    ("registry.k8s.io", "k8s", false),
    ("registry-1.docker.io", "docker-hub", true),
    ("ghcr.io", "github-container-registry", true),
    ("registry.gitlab.com", "gitlab-container-registry", true),
];

impl Rule {
    fn render(&self, account: &str) -> Value {
        bare(json!({
            "ecrRepositoryPrefix": self.prefix,
            "upstreamRegistryUrl": self.url,
            "upstreamRegistry": self.upstream,
            "credentialArn": self.credential,
            "customRoleArn": self.role,
            "upstreamRepositoryPrefix": self.upstream_prefix,
            "createdAt": self.created.epoch_seconds(),
            "updatedAt": self.updated.epoch_seconds(),
            "registryId": account,
        }))
    }
}

fn missing(prefix: &str, account: &str) -> ApiError {
    ApiError::new(
        "PullThroughCacheRuleNotFoundException",
        format!(
            "The pull through cache rule with prefix '{prefix}' could not be found in registry with id '{account}'"
        ),
    )
}

fn check_credential(credential: Option<&str>) -> Result<()> {
    if credential.is_some_and(|arn| !arn.contains(":secretsmanager:") || !arn.contains(":secret:ecr-pullthroughcache/"))
    {
        return fail!(
            "InvalidParameterException",
            "The credential must be a secret of Secrets Manager whose name starts with ecr-pullthroughcache/"
        );
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Create {
    ecr_repository_prefix: String,
    upstream_registry_url: String,
    #[serde(rename = "registryId")]
    _registry_id: Option<String>,
    upstream_registry: Option<String>,
    credential_arn: Option<String>,
    custom_role_arn: Option<String>,
    upstream_repository_prefix: Option<String>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let (account, now) = (cx.account().to_owned(), cx.now());
    let prefix = input.ecr_repository_prefix;
    let lower = !prefix.chars().any(|c| c.is_ascii_uppercase());
    if prefix != "ROOT" && !(lower && named(&prefix, 2, 30, "._-/")) {
        return fail!("InvalidParameterException", "The repository prefix '{prefix}' is not valid");
    }
    check_credential(input.credential_arn.as_deref())?;
    let url = input.upstream_registry_url.trim_start_matches("https://").trim_end_matches('/').to_owned();
    let own = url.ends_with(".amazonaws.com") && url.contains(".dkr.ecr.");
    let azure = url.ends_with(".azurecr.io");
    let (upstream, needs_credential) = match UPSTREAMS.iter().find(|(known, ..)| *known == url) {
        Some((_, upstream, needs)) => (*upstream, *needs),
        None if own => ("ecr", false),
        None if azure => ("azure-container-registry", true),
        None => {
            return fail!("UnsupportedUpstreamRegistryException", "The upstream registry '{url}' is not supported");
        }
    };
    if input.upstream_registry.is_some_and(|wanted| wanted != upstream) {
        return fail!("InvalidParameterException", "The upstream registry of {url} is {upstream}");
    }
    if needs_credential && input.credential_arn.is_none() {
        return fail!("InvalidParameterException", "The upstream registry {upstream} requires a credential");
    }
    if cx.ecr().pull_through.contains_key(&prefix) {
        return fail!(
            "PullThroughCacheRuleAlreadyExistsException",
            "A pull through cache rule with the repository prefix '{prefix}' already exists in the registry '{account}'"
        );
    }
    let rule = Rule {
        prefix: prefix.clone(),
        url,
        upstream: upstream.to_owned(),
        credential: input.credential_arn,
        role: input.custom_role_arn,
        upstream_prefix: input.upstream_repository_prefix,
        created: now,
        updated: now,
    };
    let answer = rule.render(&account);
    cx.ecr().pull_through.insert(prefix, rule);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Describe {
    #[serde(rename = "registryId")]
    _registry_id: Option<String>,
    #[serde(default)]
    ecr_repository_prefixes: Vec<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let account = cx.account().to_owned();
    let size = page::size(input.max_results, 100, 1000, "InvalidParameterException")?;
    let rules = &cx.ecr().pull_through;
    if let Some(prefix) = input.ecr_repository_prefixes.iter().find(|prefix| !rules.contains_key(*prefix)) {
        return Err(missing(prefix, &account));
    }
    let all = input.ecr_repository_prefixes.is_empty();
    let wanted = rules.iter().filter(|(prefix, _)| all || input.ecr_repository_prefixes.contains(prefix));
    let found = wanted.map(|(prefix, rule)| (prefix.clone(), rule.render(&account)));
    let page = page::page(found, input.next_token.as_deref(), size, "InvalidParameterException")?;
    Ok(bare(json!({"pullThroughCacheRules": page.items, "nextToken": page.next})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Update {
    ecr_repository_prefix: String,
    #[serde(rename = "registryId")]
    _registry_id: Option<String>,
    credential_arn: Option<String>,
    custom_role_arn: Option<String>,
}

pub(super) fn update(cx: &mut Cx<'_>, input: Update) -> Result {
    let (account, now) = (cx.account().to_owned(), cx.now());
    check_credential(input.credential_arn.as_deref())?;
    let prefix = &input.ecr_repository_prefix;
    let rule = cx.ecr().pull_through.get_mut(prefix).ok_or_else(|| missing(prefix, &account))?;
    rule.credential = input.credential_arn.or_else(|| rule.credential.take());
    rule.role = input.custom_role_arn.or_else(|| rule.role.take());
    rule.updated = now;
    Ok(rule.render(&account))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Delete {
    ecr_repository_prefix: String,
    #[serde(rename = "registryId")]
    _registry_id: Option<String>,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let account = cx.account().to_owned();
    let prefix = &input.ecr_repository_prefix;
    let rule = cx.ecr().pull_through.remove(prefix).ok_or_else(|| missing(prefix, &account))?;
    Ok(rule.render(&account))
}

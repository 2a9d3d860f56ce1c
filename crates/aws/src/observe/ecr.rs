//! ECR repositories.
//!
//! One unknown name fails a call that names repositories (aws-facts 2.10), so all are listed, a thousand to a call.
//! Tags and lifecycle policies have no batched read; a lifecycle policy is read only if the stack declares one.

use std::collections::BTreeSet;

use aomidori_engine::cloud::CloudError;
use aomidori_model::kinds::EcrRepository;
use aomidori_model::kinds::ecr_repository::{Encryption, TagMutability, canonical_lifecycle};
use aomidori_model::{KindName, Value};
use aomidori_plan::Observed;
use aws_sdk_ecr::types::{self as aws, EncryptionType, ImageTagMutability};
use futures_util::future::try_join_all;

use super::{Scope, observed};
use crate::call;
use crate::client::Cx;
use crate::kinds::ecr_repository::{made_of, tags_of};
use crate::services::{address_of, set_field};

pub(super) async fn observe(cx: &Cx, scope: &Scope<'_>) -> Result<Vec<Observed>, CloudError> {
    let mut names: BTreeSet<&str> = scope.stack.of::<EcrRepository>().map(|(_, wanted)| wanted.name.as_str()).collect();
    let (hints, mut repositories) = scope.beside("ecr", !names.is_empty(), list(cx)).await?;
    names.extend(hints.into_iter().filter_map(|hint| hint.rest.strip_prefix("repository/")));
    repositories.retain(|repository| names.contains(repository.repository_name.as_deref().unwrap_or_default()));
    let found = try_join_all(repositories.iter().map(|repository| one(cx, scope, repository))).await?;
    Ok(found.into_iter().flatten().collect())
}

async fn list(cx: &Cx) -> Result<Vec<aws::Repository>, CloudError> {
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let page = call::read("ecr:DescribeRepositories", || {
            cx.ecr.describe_repositories().max_results(1000).set_next_token(token.clone()).send()
        })
        .await?;
        found.extend(page.repositories.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            return Ok(found);
        }
    }
}

async fn one(cx: &Cx, scope: &Scope<'_>, live: &aws::Repository) -> Result<Option<Observed>, CloudError> {
    let made = made_of(live);
    let wanted_at = address_of(scope.stack, |wanted: &EcrRepository| wanted.name.as_str() == made.id);
    let declares =
        scope.stack.of::<EcrRepository>().any(|(_, it)| it.name.as_str() == made.id && it.lifecycle.is_some());
    let (tags, lifecycle) = tokio::try_join!(tags_of(cx, live.repository_arn.as_deref().unwrap_or_default()), async {
        if declares { lifecycle(cx, &made.id).await } else { Ok(Value::Null) }
    },)?;
    let tags = scope.marked(KindName::EcrRepository, &made.id, tags);
    let owner = scope.owner(KindName::EcrRepository, &made.id, &tags, wanted_at);
    let (Some(owner), Ok(name)) = (owner, made.id.parse()) else { return Ok(None) };
    let encryption = live.encryption_configuration.as_ref();
    let model = EcrRepository {
        name,
        mutability: match live.image_tag_mutability {
            Some(ImageTagMutability::Immutable) => TagMutability::Immutable,
            _ => TagMutability::Mutable,
        },
        encryption: match encryption.map(|it| (&it.encryption_type, &it.kms_key)) {
            Some((EncryptionType::Kms | EncryptionType::KmsDsse, key)) => {
                Encryption::Kms(key.clone().unwrap_or_default())
            }
            _ => Encryption::Aes256,
        },
        scan_on_push: live.image_scanning_configuration.as_ref().is_some_and(|it| it.scan_on_push),
        lifecycle: None,
    };
    let mut found = observed(&made.id, owner, &model, tags);
    set_field(&mut found.fields, "lifecycle_policy", lifecycle);
    if let Some(other) = live.image_tag_mutability.as_ref() {
        set_field(&mut found.fields, "image_tag_mutability", Value::str(other.as_str()));
    }
    if let Some(encryption) = encryption {
        let kind = Value::str(encryption.encryption_type.as_str());
        set_field(&mut found.fields, "encryption_configuration.encryption_type", kind);
    }
    found.outputs = made.outputs;
    Ok(Some(found))
}

/// A repository's lifecycle policy; one that is not there is an empty one, so that it differs from any declared.
async fn lifecycle(cx: &Cx, repository: &str) -> Result<Value, CloudError> {
    let answer =
        call::read("ecr:GetLifecyclePolicy", || cx.ecr.get_lifecycle_policy().repository_name(repository).send()).await;
    let text = call::if_there(answer)?.and_then(|answer| answer.lifecycle_policy_text).unwrap_or_default();
    Ok(canonical_lifecycle(&serde_json::from_str(&text).unwrap_or_default()))
}

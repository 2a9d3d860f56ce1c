//! ECR repositories with their lifecycle policy (aws-facts 2.10).

use aomidori_engine::cloud::{CloudError, Made, Progress, Want};
use aomidori_model::kinds::EcrRepository;
use aomidori_model::kinds::ecr_repository::{Encryption, TagMutability};
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_ecr::types::{
    self as aws, EncryptionConfiguration, EncryptionType, ImageScanningConfiguration, ImageTagMutability, Tag,
};

use crate::call;
use crate::client::Cx;
use crate::live::Live;
use crate::services::{changes_any, incomplete, is_it, made, own_tags};
use crate::tags::{self, Tags};

impl Live for EcrRepository {
    const WRITES: &'static [&'static str] = &[
        "ecr:CreateRepository",
        "ecr:DeleteLifecyclePolicy",
        "ecr:DeleteRepository",
        "ecr:PutImageScanningConfiguration",
        "ecr:PutImageTagMutability",
        "ecr:PutLifecyclePolicy",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let encryption = match &want.encryption {
            Encryption::Aes256 => EncryptionConfiguration::builder().encryption_type(EncryptionType::Aes256),
            Encryption::Kms(key) => {
                EncryptionConfiguration::builder().encryption_type(EncryptionType::Kms).kms_key(key)
            }
        };
        let request = cx
            .ecr
            .create_repository()
            .repository_name(want.name.as_str())
            .image_tag_mutability(mutability(want.mutability))
            .image_scanning_configuration(scanning(want))
            .encryption_configuration(encryption.build().map_err(incomplete)?)
            .set_tags(tag_list(w.tags)?);
        const CREATE: &str = "ecr:CreateRepository";
        let answer = call::once(CREATE, request.send()).await?;
        let repository = answer.repository.ok_or_else(|| call::missing(CREATE, "repository"))?;
        set_lifecycle(cx, want).await.map_err(call::half_made)?;
        Ok(made_of(&repository))
    }

    async fn find(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let Some(repository) = read(cx, want.name.as_str()).await? else { return Ok(None) };
        if !is_it(w, &tags_of(cx, repository.repository_arn.as_deref().unwrap_or_default()).await?) {
            return Ok(None);
        }
        set_lifecycle(cx, want).await?;
        Ok(Some(made_of(&repository)))
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        let name = &have.id;
        let arn = cx.arn("ecr", &format!("repository/{name}")).await?;
        let retag = tags::retag(w, have, changes);
        if let Some(set) = tag_list(&retag.set())? {
            call::idempotent("ecr:TagResource", || {
                cx.ecr.tag_resource().resource_arn(&arn).set_tags(Some(set.clone())).send()
            })
            .await?;
        }
        if changes_any(changes, &["image_tag_mutability"]) {
            call::idempotent("ecr:PutImageTagMutability", || {
                let mutability = mutability(want.mutability);
                cx.ecr.put_image_tag_mutability().repository_name(name).image_tag_mutability(mutability).send()
            })
            .await?;
        }
        if changes_any(changes, &["image_scanning_configuration."]) {
            call::idempotent("ecr:PutImageScanningConfiguration", || {
                let scanning = scanning(want);
                cx.ecr
                    .put_image_scanning_configuration()
                    .repository_name(name)
                    .image_scanning_configuration(scanning)
                    .send()
            })
            .await?;
        }
        if changes_any(changes, &["lifecycle_policy"]) {
            set_lifecycle(cx, want).await?;
            if want.lifecycle.is_none() {
                let answer = call::idempotent("ecr:DeleteLifecyclePolicy", || {
                    cx.ecr.delete_lifecycle_policy().repository_name(name).send()
                })
                .await;
                call::gone_is_fine(answer)?;
            }
        }
        if !retag.remove.is_empty() {
            call::idempotent("ecr:UntagResource", || {
                cx.ecr.untag_resource().resource_arn(&arn).set_tag_keys(Some(retag.remove.clone())).send()
            })
            .await?;
        }
        Ok(Made { id: have.id.clone(), outputs: have.outputs.clone() })
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        // With its images: nothing else could hold them.
        let answer = call::idempotent("ecr:DeleteRepository", || {
            cx.ecr.delete_repository().repository_name(&have.id).force(true).send()
        })
        .await;
        call::gone_is_fine(answer)
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        Ok(if read(cx, id).await?.is_some() { Progress::Ready } else { Progress::Gone })
    }
}

/// The repository's id and outputs.
pub(crate) fn made_of(repository: &aws::Repository) -> Made {
    made(
        repository.repository_name.clone().unwrap_or_default(),
        [
            ("arn", repository.repository_arn.clone().unwrap_or_default()),
            ("repository_url", repository.repository_uri.clone().unwrap_or_default()),
        ],
    )
}

async fn read(cx: &Cx, name: &str) -> Result<Option<aws::Repository>, CloudError> {
    let answer =
        call::read("ecr:DescribeRepositories", || cx.ecr.describe_repositories().repository_names(name).send()).await;
    Ok(call::if_there(answer)?.and_then(|answer| answer.repositories?.pop()))
}

async fn set_lifecycle(cx: &Cx, want: &EcrRepository) -> Result<(), CloudError> {
    let Some(policy) = &want.lifecycle else { return Ok(()) };
    let text = policy.to_aws().to_string();
    call::idempotent("ecr:PutLifecyclePolicy", || {
        cx.ecr.put_lifecycle_policy().repository_name(want.name.as_str()).lifecycle_policy_text(&text).send()
    })
    .await
    .map_err(call::fresh)?;
    Ok(())
}

fn mutability(mutability: TagMutability) -> ImageTagMutability {
    match mutability {
        TagMutability::Mutable => ImageTagMutability::Mutable,
        TagMutability::Immutable => ImageTagMutability::Immutable,
    }
}

fn scanning(want: &EcrRepository) -> ImageScanningConfiguration {
    ImageScanningConfiguration::builder().scan_on_push(want.scan_on_push).build()
}

fn tag_list(tags: &Tags) -> Result<Option<Vec<Tag>>, CloudError> {
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build().map_err(incomplete));
    let tags = tags.collect::<Result<Vec<_>, _>>()?;
    Ok((!tags.is_empty()).then_some(tags))
}

/// The tags of a repository; none if it is gone.
pub(crate) async fn tags_of(cx: &Cx, arn: &str) -> Result<Tags, CloudError> {
    let answer =
        call::read("ecr:ListTagsForResource", || cx.ecr.list_tags_for_resource().resource_arn(arn).send()).await;
    let tags = call::if_there(answer)?.and_then(|answer| answer.tags).unwrap_or_default();
    Ok(own_tags(tags.into_iter().map(|tag| (Some(tag.key), Some(tag.value)))))
}

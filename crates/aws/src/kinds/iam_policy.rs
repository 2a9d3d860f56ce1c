//! Customer-managed IAM policies (aws-facts 2.12).

use aomidori_engine::cloud::{CloudError, Made, Progress, Want};
use aomidori_model::kinds::IamPolicy;
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_iam::types::{Policy, PolicyVersion};

use crate::call;
use crate::client::Cx;
use crate::live::Live;
use crate::services::iam::{self, to_text};
use crate::services::{changes_any, is_it, made};
use crate::tags;

/// IAM keeps this many versions of a policy.
const VERSIONS: usize = 5;

impl Live for IamPolicy {
    const WRITES: &'static [&'static str] = &[
        "iam:CreatePolicy",
        "iam:CreatePolicyVersion",
        "iam:DeletePolicy",
        "iam:DeletePolicyVersion",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let request = cx
            .iam
            .create_policy()
            .policy_name(want.name.as_str())
            .set_path(want.path.as_ref().map(ToString::to_string))
            .policy_document(to_text(&want.document, w)?)
            .set_description(want.description.clone())
            .set_tags(iam::tag_list(w.tags)?);
        const CREATE: &str = "iam:CreatePolicy";
        let answer = call::once(CREATE, request.send()).await?;
        let arn = answer.policy.and_then(|policy| policy.arn).ok_or_else(|| call::missing(CREATE, "policy"))?;
        Ok(made(arn, [("name", want.name.to_string())]))
    }

    async fn find(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let identity = cx.identity().await?;
        let path = want.path.as_ref().map_or("/", |path| path.as_str());
        let arn = format!("arn:{}:iam::{}:policy{path}{}", identity.partition, identity.account, want.name);
        let ours = read(cx, &arn).await?.is_some_and(|policy| is_it(w, &iam::tags_from(policy.tags)));
        Ok(ours.then(|| made(arn, [("name", want.name.to_string())])))
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        let arn = &have.id;
        let retag = tags::retag(w, have, changes);
        if let Some(set) = iam::tag_list(&retag.set())? {
            call::idempotent("iam:TagPolicy", || {
                cx.iam.tag_policy().policy_arn(arn).set_tags(Some(set.clone())).send()
            })
            .await?;
        }
        if changes_any(changes, &["policy"]) {
            let mut old = versions(cx, arn).await?;
            if old.len() >= VERSIONS {
                old.retain(|version| !version.is_default_version);
                if let Some(oldest) = old.into_iter().min_by_key(number).and_then(|version| version.version_id) {
                    delete_version(cx, arn, &oldest).await?;
                }
            }
            let document = to_text(&want.document, w)?;
            // Sent once: a repeated one would use up a version.
            let request = cx.iam.create_policy_version().policy_arn(arn).policy_document(document).set_as_default(true);
            call::once("iam:CreatePolicyVersion", request.send()).await?;
        }
        if !retag.remove.is_empty() {
            call::idempotent("iam:UntagPolicy", || {
                cx.iam.untag_policy().policy_arn(arn).set_tag_keys(Some(retag.remove.clone())).send()
            })
            .await?;
        }
        Ok(Made { id: have.id.clone(), outputs: have.outputs.clone() })
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        let arn = &have.id;
        let old = call::if_there(versions(cx, arn).await)?.unwrap_or_default();
        for version in old.into_iter().filter(|version| !version.is_default_version) {
            delete_version(cx, arn, &version.version_id.unwrap_or_default()).await?;
        }
        let answer = call::idempotent("iam:DeletePolicy", || cx.iam.delete_policy().policy_arn(arn).send()).await;
        call::gone_is_fine(answer)
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        Ok(if read(cx, id).await?.is_some() { Progress::Ready } else { Progress::Gone })
    }
}

/// The number in `v12`.
fn number(version: &PolicyVersion) -> u32 {
    let id = version.version_id.as_deref().unwrap_or_default();
    id.trim_start_matches('v').parse().unwrap_or_default()
}

async fn versions(cx: &Cx, arn: &str) -> Result<Vec<PolicyVersion>, CloudError> {
    // Never more than five, so never a second page.
    let answer = call::read("iam:ListPolicyVersions", || cx.iam.list_policy_versions().policy_arn(arn).send()).await?;
    Ok(answer.versions.unwrap_or_default())
}

async fn delete_version(cx: &Cx, arn: &str, version: &str) -> Result<(), CloudError> {
    let answer = call::idempotent("iam:DeletePolicyVersion", || {
        cx.iam.delete_policy_version().policy_arn(arn).version_id(version).send()
    })
    .await;
    call::gone_is_fine(answer)
}

/// A policy with its description and tags, which no list has; `None` if it is gone.
pub(crate) async fn read(cx: &Cx, arn: &str) -> Result<Option<Policy>, CloudError> {
    let answer = call::read("iam:GetPolicy", || cx.iam.get_policy().policy_arn(arn).send()).await;
    Ok(call::if_there(answer)?.and_then(|answer| answer.policy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_number() {
        let version = |id: &str| PolicyVersion::builder().version_id(id).build();
        assert!(number(&version("v9")) < number(&version("v10")));
    }
}

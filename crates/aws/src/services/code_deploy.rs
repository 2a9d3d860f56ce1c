//! CodeDeploy: tags, and deployments that run (aws-facts 2.25, 2.26, 3.6).

use aomidori_engine::cloud::{CloudError, Want};
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_codedeploy::types::{DeploymentStatus, Tag};

use super::own_tags;
use crate::call;
use crate::client::Cx;
use crate::tags::{self, Tags};

/// The states in which a deployment is at work.
pub(crate) const RUNNING: [DeploymentStatus; 5] = [
    DeploymentStatus::Created,
    DeploymentStatus::Queued,
    DeploymentStatus::InProgress,
    DeploymentStatus::Baking,
    DeploymentStatus::Ready,
];

/// Tags for a create call; `None` for none.
pub(crate) fn tag_list(tags: &Tags) -> Option<Vec<Tag>> {
    let tags: Vec<Tag> = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    (!tags.is_empty()).then_some(tags)
}

/// The tags of an application or group by its ARN, which only the client can make; none if it is gone.
pub(crate) async fn tags_of(cx: &Cx, arn: &str) -> Result<Tags, CloudError> {
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let answer = call::read("codedeploy:ListTagsForResource", || {
            cx.codedeploy.list_tags_for_resource().resource_arn(arn).set_next_token(token.clone()).send()
        })
        .await;
        let Some(page) = call::if_there(answer)? else { break };
        found.extend(page.tags.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    Ok(own_tags(found.into_iter().map(|tag| (tag.key, tag.value))))
}

/// Brings the tags of an application or group to what is wanted.
pub(crate) async fn retag(
    cx: &Cx,
    arn: &str,
    w: Want<'_>,
    have: &Observed,
    changes: &[FieldChange],
) -> Result<(), CloudError> {
    let retag = tags::retag(w, have, changes);
    if let Some(set) = tag_list(&retag.set()) {
        call::idempotent("codedeploy:TagResource", || {
            cx.codedeploy.tag_resource().resource_arn(arn).set_tags(Some(set.clone())).send()
        })
        .await?;
    }
    if !retag.remove.is_empty() {
        call::idempotent("codedeploy:UntagResource", || {
            cx.codedeploy.untag_resource().resource_arn(arn).set_tag_keys(Some(retag.remove.clone())).send()
        })
        .await?;
    }
    Ok(())
}

/// The ARN of an application.
pub(crate) async fn application_arn(cx: &Cx, name: &str) -> Result<String, CloudError> {
    cx.arn("codedeploy", &format!("application:{name}")).await
}

/// The ARN of a group by its id, `APPLICATION/GROUP`.
pub(crate) async fn group_arn(cx: &Cx, id: &str) -> Result<String, CloudError> {
    cx.arn("codedeploy", &format!("deploymentgroup:{id}")).await
}

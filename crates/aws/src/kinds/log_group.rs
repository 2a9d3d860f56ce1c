//! CloudWatch Logs log groups (aws-facts 2.15).

use aomidori_engine::cloud::{CloudError, Made, Progress, Want};
use aomidori_model::kinds::LogGroup;
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_cloudwatchlogs::types as aws;

use crate::call;
use crate::client::Cx;
use crate::live::Live;
use crate::services::{changes_any, is_it, made, own_tags, signed};
use crate::tags::{self, Tags};

impl Live for LogGroup {
    const WRITES: &'static [&'static str] = &[
        "logs:CreateLogGroup",
        "logs:DeleteLogGroup",
        "logs:DeleteRetentionPolicy",
        "logs:PutRetentionPolicy",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let name = want.name.as_str();
        // An empty map of tags is refused.
        let tags = (!w.tags.is_empty()).then(|| w.tags.clone().into_iter().collect());
        let request = cx.logs.create_log_group().log_group_name(name).set_tags(tags);
        call::once("logs:CreateLogGroup", request.send()).await?;
        set_retention(cx, want).await.map_err(call::half_made)?;
        made_of(cx, name).await
    }

    async fn find(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let name = want.name.as_str();
        if read(cx, name).await?.is_none() || !is_it(w, &tags_of(cx, name).await?) {
            return Ok(None);
        }
        set_retention(cx, want).await?;
        made_of(cx, name).await.map(Some)
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        let arn = arn_of(cx, &have.id).await?;
        let retag = tags::retag(w, have, changes);
        let set = retag.set();
        if !set.is_empty() {
            call::idempotent("logs:TagResource", || {
                cx.logs.tag_resource().resource_arn(&arn).set_tags(Some(set.clone().into_iter().collect())).send()
            })
            .await?;
        }
        if changes_any(changes, &["retention_in_days"]) {
            set_retention(cx, want).await?;
            if want.retention_in_days.is_none() {
                let answer = call::idempotent("logs:DeleteRetentionPolicy", || {
                    cx.logs.delete_retention_policy().log_group_name(&have.id).send()
                })
                .await;
                call::gone_is_fine(answer)?;
            }
        }
        if !retag.remove.is_empty() {
            call::idempotent("logs:UntagResource", || {
                cx.logs.untag_resource().resource_arn(&arn).set_tag_keys(Some(retag.remove.clone())).send()
            })
            .await?;
        }
        made_of(cx, &have.id).await
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        let answer =
            call::idempotent("logs:DeleteLogGroup", || cx.logs.delete_log_group().log_group_name(&have.id).send())
                .await;
        call::gone_is_fine(answer)
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        Ok(if read(cx, id).await?.is_some() { Progress::Ready } else { Progress::Gone })
    }
}

async fn set_retention(cx: &Cx, want: &LogGroup) -> Result<(), CloudError> {
    let Some(days) = want.retention_in_days else { return Ok(()) };
    call::idempotent("logs:PutRetentionPolicy", || {
        cx.logs.put_retention_policy().log_group_name(want.name.as_str()).retention_in_days(signed(days)).send()
    })
    .await
    .map_err(call::fresh)?;
    Ok(())
}

async fn made_of(cx: &Cx, name: &str) -> Result<Made, CloudError> {
    Ok(made(name, [("arn", arn_of(cx, name).await?)]))
}

/// The ARN as the tag calls take it: without the `:*` of DescribeLogGroups.
pub(crate) async fn arn_of(cx: &Cx, name: &str) -> Result<String, CloudError> {
    cx.arn("logs", &format!("log-group:{name}")).await
}

async fn read(cx: &Cx, name: &str) -> Result<Option<aws::LogGroup>, CloudError> {
    let mut token = None;
    loop {
        let page = call::read("logs:DescribeLogGroups", || {
            cx.logs.describe_log_groups().log_group_name_prefix(name).set_next_token(token.clone()).send()
        })
        .await?;
        let found = page.log_groups.unwrap_or_default().into_iter().find(|g| g.log_group_name.as_deref() == Some(name));
        token = page.next_token;
        // In order of name, so the exact one is the first.
        if found.is_some() || token.is_none() {
            return Ok(found);
        }
    }
}

/// The tags of a log group; none if it is gone.
pub(crate) async fn tags_of(cx: &Cx, name: &str) -> Result<Tags, CloudError> {
    let arn = arn_of(cx, name).await?;
    let answer =
        call::read("logs:ListTagsForResource", || cx.logs.list_tags_for_resource().resource_arn(&arn).send()).await;
    let tags = call::if_there(answer)?.and_then(|answer| answer.tags).unwrap_or_default();
    Ok(own_tags(tags.into_iter().map(|(key, value)| (Some(key), Some(value)))))
}

//! Target groups (aws-facts 2.20).

use aomidori_engine::cloud::{CloudError, Made, Progress, Want};
use aomidori_model::kinds::TargetGroup;
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_elasticloadbalancingv2::types::{Matcher, ProtocolEnum, TargetGroupAttribute, TargetTypeEnum};

use crate::call;
use crate::client::Cx;
use crate::live::Live;
use crate::services::{changes_any, elb, is_it, made, signed};

impl Live for TargetGroup {
    const WRITES: &'static [&'static str] = &[
        "elasticloadbalancing:CreateTargetGroup",
        "elasticloadbalancing:DeleteTargetGroup",
        "elasticloadbalancing:ModifyTargetGroup",
        "elasticloadbalancing:ModifyTargetGroupAttributes",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let check = &want.health_check;
        // Everything of the health check is sent: botocore and live readings disagree on its defaults.
        let request = cx
            .elb
            .create_target_group()
            .name(want.name.as_str())
            .protocol(ProtocolEnum::Http)
            .port(i32::from(want.port.number()))
            .vpc_id(w.known.id(&want.vpc)?)
            .target_type(TargetTypeEnum::Ip)
            .health_check_path(&check.path)
            .matcher(Matcher::builder().http_code(&check.matcher).build())
            .set_health_check_port(check.port.map(|port| port.number().to_string()))
            .health_check_interval_seconds(signed(check.interval))
            .health_check_timeout_seconds(signed(check.timeout))
            .healthy_threshold_count(signed(check.healthy_threshold))
            .unhealthy_threshold_count(signed(check.unhealthy_threshold))
            .set_tags(elb::tag_list(w.tags));
        const CREATE: &str = "elasticloadbalancing:CreateTargetGroup";
        let answer = call::once(CREATE, request.send()).await.map_err(call::fresh)?;
        let arn = answer.target_groups.unwrap_or_default().pop().and_then(|group| group.target_group_arn);
        let arn = arn.ok_or_else(|| call::missing(CREATE, "target group"))?;
        set_attributes(cx, want, &arn).await.map_err(call::half_made)?;
        Ok(made(arn, []))
    }

    async fn find(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let answer = call::read("elasticloadbalancing:DescribeTargetGroups", || {
            cx.elb.describe_target_groups().names(want.name.as_str()).send()
        })
        .await;
        let found = call::if_there(answer)?.and_then(|answer| answer.target_groups?.pop()?.target_group_arn);
        let Some(arn) = found else { return Ok(None) };
        if !is_it(w, &elb::tags_of_one(cx, &arn).await?) {
            return Ok(None);
        }
        set_attributes(cx, want, &arn).await?;
        Ok(Some(made(arn, [])))
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        elb::retag(cx, w, have, changes).await?;
        if changes_any(changes, &["health_check."]) {
            let check = &want.health_check;
            call::idempotent("elasticloadbalancing:ModifyTargetGroup", || {
                cx.elb
                    .modify_target_group()
                    .target_group_arn(&have.id)
                    .health_check_path(&check.path)
                    .matcher(Matcher::builder().http_code(&check.matcher).build())
                    .set_health_check_port(check.port.map(|port| port.number().to_string()))
                    .health_check_interval_seconds(signed(check.interval))
                    .health_check_timeout_seconds(signed(check.timeout))
                    .healthy_threshold_count(signed(check.healthy_threshold))
                    .unhealthy_threshold_count(signed(check.unhealthy_threshold))
                    .send()
            })
            .await?;
        }
        if changes_any(changes, &["attributes"]) {
            set_attributes(cx, want, &have.id).await?;
        }
        Ok(made(&have.id, []))
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        let answer = call::idempotent("elasticloadbalancing:DeleteTargetGroup", || {
            cx.elb.delete_target_group().target_group_arn(&have.id).send()
        })
        .await;
        call::gone_is_fine(answer)
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        let answer = call::read("elasticloadbalancing:DescribeTargetGroups", || {
            cx.elb.describe_target_groups().target_group_arns(id).send()
        })
        .await;
        let found = call::if_there(answer)?.is_some_and(|answer| !answer.target_groups().is_empty());
        Ok(if found { Progress::Ready } else { Progress::Gone })
    }
}

async fn set_attributes(cx: &Cx, want: &TargetGroup, arn: &str) -> Result<(), CloudError> {
    if want.attributes.is_empty() {
        return Ok(());
    }
    let attributes: Vec<_> = want
        .attributes
        .iter()
        .map(|(key, value)| TargetGroupAttribute::builder().key(key).value(value).build())
        .collect();
    call::idempotent("elasticloadbalancing:ModifyTargetGroupAttributes", || {
        cx.elb.modify_target_group_attributes().target_group_arn(arn).set_attributes(Some(attributes.clone())).send()
    })
    .await?;
    Ok(())
}

//! Load balancers (aws-facts 2.19).

use aomidori_engine::cloud::{CloudError, ErrorKind, Made, Progress, Want};
use aomidori_model::kinds::LoadBalancer;
use aomidori_model::kinds::load_balancer::Scheme;
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_elasticloadbalancingv2::types::{
    self as aws, LoadBalancerAttribute, LoadBalancerSchemeEnum, LoadBalancerStateEnum, LoadBalancerTypeEnum,
};

use crate::call;
use crate::client::Cx;
use crate::live::Live;
use crate::services::{changes_any, elb, ids, is_it, made};

impl Live for LoadBalancer {
    const WRITES: &'static [&'static str] = &[
        "elasticloadbalancing:CreateLoadBalancer",
        "elasticloadbalancing:DeleteLoadBalancer",
        "elasticloadbalancing:ModifyLoadBalancerAttributes",
        "elasticloadbalancing:SetSecurityGroups",
        "elasticloadbalancing:SetSubnets",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let scheme = match want.scheme {
            Scheme::InternetFacing => LoadBalancerSchemeEnum::InternetFacing,
            Scheme::Internal => LoadBalancerSchemeEnum::Internal,
        };
        let request = cx
            .elb
            .create_load_balancer()
            .name(want.name.as_str())
            .r#type(LoadBalancerTypeEnum::Application)
            .scheme(scheme)
            .set_subnets(Some(ids(w.known, &want.subnets)?))
            .set_security_groups(Some(ids(w.known, &want.security_groups)?))
            .set_tags(elb::tag_list(w.tags));
        const CREATE: &str = "elasticloadbalancing:CreateLoadBalancer";
        let answer = call::once(CREATE, request.send()).await.map_err(call::fresh)?;
        let balancer =
            answer.load_balancers.unwrap_or_default().pop().ok_or_else(|| call::missing(CREATE, "balancer"))?;
        let result = made_of(&balancer);
        set_attributes(cx, want, &result.id).await.map_err(call::half_made)?;
        Ok(result)
    }

    async fn find(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let answer = call::read("elasticloadbalancing:DescribeLoadBalancers", || {
            cx.elb.describe_load_balancers().names(want.name.as_str()).send()
        })
        .await;
        let found = call::if_there(answer)?.and_then(|answer| answer.load_balancers?.pop());
        let Some(balancer) = found else { return Ok(None) };
        let result = made_of(&balancer);
        if !is_it(w, &elb::tags_of_one(cx, &result.id).await?) {
            return Ok(None);
        }
        set_attributes(cx, want, &result.id).await?;
        Ok(Some(result))
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        elb::retag(cx, w, have, changes).await?;
        if changes_any(changes, &["subnets"]) {
            let subnets = ids(w.known, &want.subnets)?;
            call::idempotent("elasticloadbalancing:SetSubnets", || {
                cx.elb.set_subnets().load_balancer_arn(&have.id).set_subnets(Some(subnets.clone())).send()
            })
            .await?;
        }
        if changes_any(changes, &["security_groups"]) {
            let groups = ids(w.known, &want.security_groups)?;
            call::idempotent("elasticloadbalancing:SetSecurityGroups", || {
                let groups = Some(groups.clone());
                cx.elb.set_security_groups().load_balancer_arn(&have.id).set_security_groups(groups).send()
            })
            .await?;
        }
        if changes_any(changes, &["attributes"]) {
            set_attributes(cx, want, &have.id).await?;
        }
        Ok(Made { id: have.id.clone(), outputs: have.outputs.clone() })
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        let answer = call::idempotent("elasticloadbalancing:DeleteLoadBalancer", || {
            cx.elb.delete_load_balancer().load_balancer_arn(&have.id).send()
        })
        .await;
        call::gone_is_fine(answer).map_err(|error| match error.code.as_deref() {
            Some("OperationNotPermitted") => CloudError {
                kind: ErrorKind::Refused,
                message: format!(
                    "{}; somebody protected it from deletion: set its attribute `deletion_protection.enabled` to \
                     `false`, then try again",
                    error.message
                ),
                ..error
            },
            _ => error,
        })
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        let answer = call::read("elasticloadbalancing:DescribeLoadBalancers", || {
            cx.elb.describe_load_balancers().load_balancer_arns(id).send()
        })
        .await;
        let found = call::if_there(answer)?.and_then(|answer| answer.load_balancers?.pop());
        Ok(found.map_or(Progress::Gone, |balancer| state(&balancer)))
    }
}

/// How far one is. `active_impaired` serves, in some zones only.
pub(crate) fn state(balancer: &aws::LoadBalancer) -> Progress {
    let Some(state) = &balancer.state else { return Progress::Ready };
    let reason = || state.reason.as_deref().filter(|reason| !reason.is_empty());
    match &state.code {
        Some(LoadBalancerStateEnum::Provisioning) => Progress::Pending("provisioning".into()),
        Some(LoadBalancerStateEnum::Failed) => {
            Progress::Failed(reason().unwrap_or("it failed to provision").to_owned())
        }
        _ => Progress::Ready,
    }
}

/// The load balancer's id and outputs.
pub(crate) fn made_of(balancer: &aws::LoadBalancer) -> Made {
    made(
        balancer.load_balancer_arn.clone().unwrap_or_default(),
        [
            ("dns_name", balancer.dns_name.clone().unwrap_or_default()),
            ("zone_id", balancer.canonical_hosted_zone_id.clone().unwrap_or_default()),
        ],
    )
}

async fn set_attributes(cx: &Cx, want: &LoadBalancer, arn: &str) -> Result<(), CloudError> {
    if want.attributes.is_empty() {
        return Ok(());
    }
    let attributes: Vec<_> = want
        .attributes
        .iter()
        .map(|(key, value)| LoadBalancerAttribute::builder().key(key).value(value).build())
        .collect();
    call::idempotent("elasticloadbalancing:ModifyLoadBalancerAttributes", || {
        cx.elb.modify_load_balancer_attributes().load_balancer_arn(arn).set_attributes(Some(attributes.clone())).send()
    })
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancingv2::types::LoadBalancerState;

    use super::*;

    #[test]
    fn states() {
        let with = |code, reason: &str| {
            let state = LoadBalancerState::builder().code(code).reason(reason).build();
            super::state(&aws::LoadBalancer::builder().state(state).build())
        };
        assert_eq!(with(LoadBalancerStateEnum::Active, ""), Progress::Ready);
        assert_eq!(with(LoadBalancerStateEnum::ActiveImpaired, ""), Progress::Ready);
        assert_eq!(with(LoadBalancerStateEnum::Provisioning, ""), Progress::Pending("provisioning".into()));
        assert_eq!(with(LoadBalancerStateEnum::Failed, "no addresses"), Progress::Failed("no addresses".into()));
    }
}

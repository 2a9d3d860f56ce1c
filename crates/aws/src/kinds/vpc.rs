//! VPC (aws-facts 2.1). Its DNS attributes are set one by one after it is there, and read one by one.

use aomidori_engine::cloud::{CloudError, Made, Progress, Want};
use aomidori_model::KindName;
use aomidori_model::kinds::Vpc;
use aomidori_plan::{FieldChange, Observed, Status};
use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, Vpc as LiveVpc, VpcAttributeName, VpcState};
use futures_util::future::try_join_all;

use crate::client::Cx;
use crate::ec2::{Which, all_of, fits, made, pages};
use crate::live::Live;
use crate::observe::{Scope, observed};
use crate::{call, tags};

impl Live for Vpc {
    const WRITES: &'static [&'static str] = &[
        "ec2:CreateVpc",
        "ec2:DeleteVpc",
        "ec2:ModifyVpcAttribute",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let answer = call::once(
            "ec2:CreateVpc",
            cx.ec2
                .create_vpc()
                .cidr_block(want.cidr.to_string())
                .tag_specifications(tags::specification(ResourceType::Vpc, w.tags))
                .send(),
        )
        .await?;
        let id = answer.vpc.and_then(|vpc| vpc.vpc_id).ok_or_else(|| call::missing("ec2:CreateVpc", "VPC id"))?;
        // AWS's defaults are sent by nobody: support on, host names off.
        set(cx, &id, want.dns_support.filter(|on| !on), want.dns_hostnames.filter(|on| *on)).await?;
        Ok(made(id))
    }

    async fn find(cx: &Cx, _: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let mut found = describe(cx, Which::At(w)).await?;
        found.retain(|vpc| from_live(vpc, "", None, None).is_ok_and(|vpc| fits(w, &vpc)));
        Ok(found.into_iter().filter_map(|vpc| vpc.vpc_id).min().map(made))
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        tags::update_ec2(cx, w, have, changes).await?;
        let changed = |field: &str| changes.iter().any(|change| change.field == field);
        let support = want.dns_support.filter(|_| changed("enable_dns_support"));
        let hostnames = want.dns_hostnames.filter(|_| changed("enable_dns_hostnames"));
        set(cx, &have.id, support, hostnames).await?;
        Ok(made(&have.id))
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        call::gone_is_fine(call::once("ec2:DeleteVpc", cx.ec2.delete_vpc().vpc_id(&have.id).send()).await)
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        Ok(match describe(cx, Which::Id(id)).await?.first() {
            None => Progress::Gone,
            Some(vpc) => match status(vpc) {
                Status::Pending(state) => Progress::Pending(state),
                _ => Progress::Ready,
            },
        })
    }
}

/// Sets the DNS attributes that are given; AWS takes one per call. Support first: host names need it.
async fn set(cx: &Cx, id: &str, support: Option<bool>, hostnames: Option<bool>) -> Result<(), CloudError> {
    let value = |on: bool| AttributeBooleanValue::builder().value(on).build();
    if let Some(on) = support {
        call::complete("ec2:ModifyVpcAttribute", || {
            cx.ec2.modify_vpc_attribute().vpc_id(id).enable_dns_support(value(on)).send()
        })
        .await?;
    }
    if let Some(on) = hostnames {
        call::complete("ec2:ModifyVpcAttribute", || {
            cx.ec2.modify_vpc_attribute().vpc_id(id).enable_dns_hostnames(value(on)).send()
        })
        .await?;
    }
    Ok(())
}

async fn describe(cx: &Cx, which: Which<'_>) -> Result<Vec<LiveVpc>, CloudError> {
    let mut all =
        pages!("ec2:DescribeVpcs", vpcs, cx.ec2.describe_vpcs().set_filters(which.filters()).set_vpc_ids(which.ids()));
    all.retain(|vpc| which.holds(&tags::from_ec2(vpc.tags.as_deref())));
    Ok(all)
}

fn status(vpc: &LiveVpc) -> Status {
    match &vpc.state {
        Some(VpcState::Pending) => Status::Pending("pending".into()),
        _ => Status::Ready,
    }
}

fn from_live(
    vpc: &LiveVpc,
    id: &str,
    dns_support: Option<bool>,
    dns_hostnames: Option<bool>,
) -> Result<Vpc, CloudError> {
    let cidr = vpc.cidr_block.as_deref().unwrap_or_default();
    let cidr = cidr.parse().map_err(|why| call::unreadable("network", id, why))?;
    Ok(Vpc { cidr, dns_support, dns_hostnames })
}

/// The stack's VPCs, each with the DNS attributes that the stack declares: one more call for each of those.
pub(crate) async fn observe(cx: &Cx, scope: &Scope<'_>) -> Result<Vec<Observed>, CloudError> {
    let vpcs = all_of!(cx, scope, KindName::Vpc);
    let found = try_join_all(vpcs.iter().map(async |vpc| {
        let tags = tags::from_ec2(vpc.tags.as_deref());
        let Some(id) = vpc.vpc_id.clone() else { return Ok(None) };
        let tags = scope.marked(KindName::Vpc, &id, tags);
        let Some(owner) = scope.ours(KindName::Vpc, &id, &tags) else { return Ok(None) };
        let want = scope.wanted::<Vpc>(&tags);
        let declared = |attribute: VpcAttributeName, is: bool| {
            let id = &id;
            async move { if is { attribute_of(cx, id, attribute).await } else { Ok(None) } }
        };
        let (dns_support, dns_hostnames) = tokio::try_join!(
            declared(VpcAttributeName::EnableDnsSupport, want.is_some_and(|want| want.dns_support.is_some())),
            declared(VpcAttributeName::EnableDnsHostnames, want.is_some_and(|want| want.dns_hostnames.is_some())),
        )?;
        let mut one = observed(&id, owner, &from_live(vpc, &id, dns_support, dns_hostnames)?, tags);
        one.status = status(vpc);
        Ok::<_, CloudError>(Some(one))
    }));
    Ok(found.await?.into_iter().flatten().collect())
}

async fn attribute_of(cx: &Cx, id: &str, attribute: VpcAttributeName) -> Result<Option<bool>, CloudError> {
    let answer = call::read("ec2:DescribeVpcAttribute", || {
        cx.ec2.describe_vpc_attribute().vpc_id(id).attribute(attribute.clone()).send()
    })
    .await;
    // Deleted between the two calls: nothing to compare.
    let Some(answer) = call::if_there(answer)? else { return Ok(None) };
    let value = match attribute {
        VpcAttributeName::EnableDnsSupport => answer.enable_dns_support,
        _ => answer.enable_dns_hostnames,
    };
    Ok(Some(value.and_then(|value| value.value).unwrap_or(false)))
}

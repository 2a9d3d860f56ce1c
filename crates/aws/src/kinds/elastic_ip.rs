//! Elastic IP address (aws-facts 2.4). A spare one costs money: it is always found again by its tags.

use aomidori_engine::cloud::{CloudError, Made, Progress, Want};
use aomidori_model::KindName;
use aomidori_model::kinds::ElasticIp;
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_ec2::types::{Address as LiveAddress, DomainType, ResourceType};

use crate::client::Cx;
use crate::ec2::{Which, all_of, public_ip};
use crate::live::Live;
use crate::observe::{Scope, observed};
use crate::{call, tags};

impl Live for ElasticIp {
    const WRITES: &'static [&'static str] = &[
        "ec2:AllocateAddress",
        "ec2:ReleaseAddress",
    ];

    async fn create(cx: &Cx, _: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let answer = call::once(
            "ec2:AllocateAddress",
            cx.ec2
                .allocate_address()
                .domain(DomainType::Vpc)
                .tag_specifications(tags::specification(ResourceType::ElasticIp, w.tags))
                .send(),
        )
        .await?;
        let id = answer.allocation_id.ok_or_else(|| call::missing("ec2:AllocateAddress", "allocation id"))?;
        Ok(Made { id, outputs: public_ip(answer.public_ip.as_deref()) })
    }

    async fn find(cx: &Cx, _: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let found = describe(cx, Which::At(w)).await?;
        Ok(found
            .into_iter()
            .filter_map(|address| {
                let outputs = public_ip(address.public_ip.as_deref());
                Some(Made { id: address.allocation_id?, outputs })
            })
            .min_by(|a, b| a.id.cmp(&b.id)))
    }

    async fn update(
        cx: &Cx,
        _: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        tags::update_ec2(cx, w, have, changes).await?;
        Ok(Made { id: have.id.clone(), outputs: have.outputs.clone() })
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        // The NAT gateway that had it lets it go by itself, and late.
        call::gone_is_fine(
            call::once("ec2:ReleaseAddress", cx.ec2.release_address().allocation_id(&have.id).send()).await,
        )
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        let there = !describe(cx, Which::Id(id)).await?.is_empty();
        Ok(if there { Progress::Ready } else { Progress::Gone })
    }
}

/// DescribeAddresses has no pages.
async fn describe(cx: &Cx, which: Which<'_>) -> Result<Vec<LiveAddress>, CloudError> {
    let answer = call::read("ec2:DescribeAddresses", || {
        cx.ec2.describe_addresses().set_filters(which.filters()).set_allocation_ids(which.ids()).send()
    })
    .await;
    let mut all = call::if_there(answer)?.and_then(|answer| answer.addresses).unwrap_or_default();
    all.retain(|address| which.holds(&tags::from_ec2(address.tags.as_deref())));
    Ok(all)
}

/// The stack's addresses: one call.
pub(crate) async fn observe(cx: &Cx, scope: &Scope<'_>) -> Result<Vec<Observed>, CloudError> {
    let mut found = Vec::new();
    for address in all_of!(cx, scope, KindName::ElasticIp) {
        let tags = tags::from_ec2(address.tags.as_deref());
        let Some(id) = &address.allocation_id else { continue };
        let tags = scope.marked(KindName::ElasticIp, id, tags);
        let Some(owner) = scope.ours(KindName::ElasticIp, id, &tags) else { continue };
        let mut one = observed(id, owner, &ElasticIp {}, tags);
        one.outputs = public_ip(address.public_ip.as_deref());
        found.push(one);
    }
    Ok(found)
}

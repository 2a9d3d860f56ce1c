//! Subnet (aws-facts 2.2).

use aomidori_engine::cloud::{CloudError, Made, Progress, Want};
use aomidori_model::kinds::Subnet;
use aomidori_model::{KindName, Ref};
use aomidori_plan::{FieldChange, Observed, Status};
use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, Subnet as LiveSubnet, SubnetState};

use crate::client::Cx;
use crate::ec2::{Which, all_of, fits, made, pages};
use crate::live::Live;
use crate::observe::{Scope, observed};
use crate::{call, tags};

impl Live for Subnet {
    const WRITES: &'static [&'static str] = &[
        "ec2:CreateSubnet",
        "ec2:DeleteSubnet",
        "ec2:ModifySubnetAttribute",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let answer = call::once(
            "ec2:CreateSubnet",
            cx.ec2
                .create_subnet()
                .vpc_id(w.known.id(&want.vpc)?)
                .cidr_block(want.cidr.to_string())
                .availability_zone(&want.zone)
                .tag_specifications(tags::specification(ResourceType::Subnet, w.tags))
                .send(),
        )
        .await
        .map_err(call::fresh)?;
        let id = answer
            .subnet
            .and_then(|subnet| subnet.subnet_id)
            .ok_or_else(|| call::missing("ec2:CreateSubnet", "subnet id"))?;
        // AWS's default is off.
        set(cx, &id, want.map_public_ip_on_launch.filter(|on| *on)).await?;
        Ok(made(id))
    }

    async fn find(cx: &Cx, _: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let mut found = describe(cx, Which::At(w)).await?;
        found.retain(|subnet| from_live(subnet, "", false).is_ok_and(|subnet| fits(w, &subnet)));
        Ok(found.into_iter().filter_map(|subnet| subnet.subnet_id).min().map(made))
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        tags::update_ec2(cx, w, have, changes).await?;
        let changed = changes.iter().any(|change| change.field == "map_public_ip_on_launch");
        set(cx, &have.id, want.map_public_ip_on_launch.filter(|_| changed)).await?;
        Ok(made(&have.id))
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        call::gone_is_fine(call::once("ec2:DeleteSubnet", cx.ec2.delete_subnet().subnet_id(&have.id).send()).await)
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        Ok(match describe(cx, Which::Id(id)).await?.first() {
            None => Progress::Gone,
            Some(subnet) => match status(subnet) {
                Status::Pending(state) => Progress::Pending(state),
                Status::Failed(state) => Progress::Failed(state),
                Status::Ready | Status::Stalled(_) | Status::Deleting(_) => Progress::Ready,
            },
        })
    }
}

/// One attribute per call (ModifySubnetAttribute).
async fn set(cx: &Cx, id: &str, map_public_ip: Option<bool>) -> Result<(), CloudError> {
    if let Some(on) = map_public_ip {
        let value = AttributeBooleanValue::builder().value(on).build();
        call::complete("ec2:ModifySubnetAttribute", || {
            cx.ec2.modify_subnet_attribute().subnet_id(id).map_public_ip_on_launch(value.clone()).send()
        })
        .await?;
    }
    Ok(())
}

async fn describe(cx: &Cx, which: Which<'_>) -> Result<Vec<LiveSubnet>, CloudError> {
    let mut all = pages!(
        "ec2:DescribeSubnets",
        subnets,
        cx.ec2.describe_subnets().set_filters(which.filters()).set_subnet_ids(which.ids())
    );
    all.retain(|subnet| which.holds(&tags::from_ec2(subnet.tags.as_deref())));
    Ok(all)
}

fn status(subnet: &LiveSubnet) -> Status {
    match &subnet.state {
        Some(SubnetState::Pending) => Status::Pending("pending".into()),
        Some(state @ (SubnetState::Failed | SubnetState::FailedInsufficientCapacity)) => {
            Status::Failed(state.as_str().to_owned())
        }
        _ => Status::Ready,
    }
}

fn from_live(subnet: &LiveSubnet, id: &str, declared: bool) -> Result<Subnet, CloudError> {
    let cidr = subnet.cidr_block.as_deref().unwrap_or_default();
    Ok(Subnet {
        vpc: Ref::existing(subnet.vpc_id.clone().unwrap_or_default()),
        cidr: cidr.parse().map_err(|why| call::unreadable("network", id, why))?,
        zone: subnet.availability_zone.clone().unwrap_or_default(),
        map_public_ip_on_launch: declared.then(|| subnet.map_public_ip_on_launch.unwrap_or(false)),
    })
}

/// The stack's subnets: one call.
pub(crate) async fn observe(cx: &Cx, scope: &Scope<'_>) -> Result<Vec<Observed>, CloudError> {
    let mut found = Vec::new();
    for subnet in all_of!(cx, scope, KindName::Subnet) {
        let tags = tags::from_ec2(subnet.tags.as_deref());
        let Some(id) = subnet.subnet_id.clone() else { continue };
        let tags = scope.marked(KindName::Subnet, &id, tags);
        let Some(owner) = scope.ours(KindName::Subnet, &id, &tags) else { continue };
        let declared = scope.wanted::<Subnet>(&tags).is_some_and(|want| want.map_public_ip_on_launch.is_some());
        let mut one = observed(&id, owner, &from_live(&subnet, &id, declared)?, tags);
        one.status = status(&subnet);
        found.push(one);
    }
    Ok(found)
}

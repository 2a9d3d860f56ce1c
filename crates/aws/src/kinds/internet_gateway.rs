//! Internet gateway and its attachment (aws-facts 2.3).

use aomidori_engine::cloud::{CloudError, ErrorKind, Made, Progress, Want};
use aomidori_model::kinds::InternetGateway;
use aomidori_model::{KindName, Ref};
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_ec2::types::{InternetGateway as LiveGateway, ResourceType};

use crate::client::Cx;
use crate::ec2::{Which, all_of, id_in, made, pages};
use crate::live::Live;
use crate::observe::{Scope, observed};
use crate::{call, tags};

impl Live for InternetGateway {
    const WRITES: &'static [&'static str] = &[
        "ec2:AttachInternetGateway",
        "ec2:CreateInternetGateway",
        "ec2:DeleteInternetGateway",
        "ec2:DetachInternetGateway",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let vpc = w.known.id(&want.vpc)?;
        let answer = call::once(
            "ec2:CreateInternetGateway",
            cx.ec2
                .create_internet_gateway()
                .tag_specifications(tags::specification(ResourceType::InternetGateway, w.tags))
                .send(),
        )
        .await?;
        let id = answer
            .internet_gateway
            .and_then(|gateway| gateway.internet_gateway_id)
            .ok_or_else(|| call::missing("ec2:CreateInternetGateway", "internet gateway id"))?;
        attach(cx, &id, &vpc).await?;
        Ok(made(id))
    }

    async fn find(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let vpc = w.known.id(&want.vpc)?;
        let found = describe(cx, Which::At(w)).await?;
        // Where it is attached can be changed; one that is where it belongs comes first.
        let best = found.into_iter().min_by_key(|gateway| {
            (attached_to(gateway) != Some(&vpc), attached_to(gateway).is_some(), gateway.internet_gateway_id.clone())
        });
        Ok(best.and_then(|gateway| gateway.internet_gateway_id).map(made))
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        tags::update_ec2(cx, w, have, changes).await?;
        if changes.iter().any(|change| change.field == "vpc_id") {
            let vpc = w.known.id(&want.vpc)?;
            if let Some(other) = id_in(have.fields.value("vpc_id")).filter(|other| **other != vpc) {
                detach(cx, &have.id, other).await?;
            }
            attach(cx, &have.id, &vpc).await?;
        }
        Ok(made(&have.id))
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        if let Some(vpc) = id_in(have.fields.value("vpc_id")) {
            // Refused while any public address is mapped in the VPC.
            detach(cx, &have.id, vpc).await?;
        }
        call::gone_is_fine(
            call::once(
                "ec2:DeleteInternetGateway",
                cx.ec2.delete_internet_gateway().internet_gateway_id(&have.id).send(),
            )
            .await,
        )
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        let there = !describe(cx, Which::Id(id)).await?.is_empty();
        Ok(if there { Progress::Ready } else { Progress::Gone })
    }
}

/// Attaches; that it is attached to this VPC already is a success.
async fn attach(cx: &Cx, id: &str, vpc: &str) -> Result<(), CloudError> {
    let answer = call::complete("ec2:AttachInternetGateway", || {
        cx.ec2.attach_internet_gateway().internet_gateway_id(id).vpc_id(vpc).send()
    })
    .await;
    match answer {
        Err(error) if error.kind == ErrorKind::Refused => {
            let live = describe(cx, Which::Id(id)).await.map_err(call::half_made)?;
            if live.first().and_then(attached_to) == Some(vpc) { Ok(()) } else { Err(error) }
        }
        Err(error) => Err(error),
        Ok(_) => Ok(()),
    }
}

async fn detach(cx: &Cx, id: &str, vpc: &str) -> Result<(), CloudError> {
    call::gone_is_fine(
        call::once(
            "ec2:DetachInternetGateway",
            cx.ec2.detach_internet_gateway().internet_gateway_id(id).vpc_id(vpc).send(),
        )
        .await,
    )
}

async fn describe(cx: &Cx, which: Which<'_>) -> Result<Vec<LiveGateway>, CloudError> {
    let mut all = pages!(
        "ec2:DescribeInternetGateways",
        internet_gateways,
        cx.ec2.describe_internet_gateways().set_filters(which.filters()).set_internet_gateway_ids(which.ids())
    );
    all.retain(|gateway| which.holds(&tags::from_ec2(gateway.tags.as_deref())));
    Ok(all)
}

/// The VPC that it is attached to. AWS's word for done is `available`.
fn attached_to(gateway: &LiveGateway) -> Option<&str> {
    gateway
        .attachments()
        .iter()
        .filter(|attachment| !attachment.state().is_some_and(|state| state.as_str().starts_with("detach")))
        .find_map(|attachment| attachment.vpc_id())
}

/// The stack's internet gateways: one call. One that is not attached (half made) shows no VPC, which is a difference.
pub(crate) async fn observe(cx: &Cx, scope: &Scope<'_>) -> Result<Vec<Observed>, CloudError> {
    let mut found = Vec::new();
    for gateway in all_of!(cx, scope, KindName::InternetGateway) {
        let tags = tags::from_ec2(gateway.tags.as_deref());
        let Some(id) = &gateway.internet_gateway_id else { continue };
        let tags = scope.marked(KindName::InternetGateway, id, tags);
        let Some(owner) = scope.ours(KindName::InternetGateway, id, &tags) else { continue };
        let vpc = Ref::existing(attached_to(&gateway).unwrap_or_default());
        found.push(observed(id, owner, &InternetGateway { vpc }, tags));
    }
    Ok(found)
}

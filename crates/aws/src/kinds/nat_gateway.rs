//! NAT gateway (aws-facts 2.5).

use aomidori_engine::cloud::{CloudError, ErrorKind, Made, Progress, Want};
use aomidori_model::kinds::NatGateway;
use aomidori_model::{KindName, Ref};
use aomidori_plan::{FieldChange, Observed, Status};
use aws_sdk_ec2::types::{
    ConnectivityType, NatGateway as LiveGateway, NatGatewayAddress, NatGatewayState, ResourceType,
};

use crate::client::Cx;
use crate::ec2::{Which, all_of, fits, pages, public_ip};
use crate::live::Live;
use crate::observe::{Scope, observed};
use crate::{call, tags};

impl Live for NatGateway {
    const WRITES: &'static [&'static str] = &[
        "ec2:CreateNatGateway",
        "ec2:DeleteNatGateway",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let answer = call::once(
            "ec2:CreateNatGateway",
            cx.ec2
                .create_nat_gateway()
                .subnet_id(w.known.id(&want.subnet)?)
                .allocation_id(w.known.id(&want.address)?)
                .connectivity_type(ConnectivityType::Public)
                .client_token(w.token)
                .tag_specifications(tags::specification(ResourceType::Natgateway, w.tags))
                .send(),
        )
        .await
        .map_err(call::fresh)
        .map_err(|error| match error.kind {
            // `Resource.AlreadyAssociated`: a gateway on its way out has the address still.
            ErrorKind::AlreadyExists => CloudError { kind: ErrorKind::InUse, ..error },
            _ => error,
        })?;
        answer
            .nat_gateway
            .and_then(|gateway| made(&gateway))
            .ok_or_else(|| call::missing("ec2:CreateNatGateway", "NAT gateway id"))
    }

    async fn find(cx: &Cx, _: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let found = describe(cx, Which::At(w)).await?;
        let usable = |gateway: &&LiveGateway| {
            matches!(status(gateway), Some(Status::Ready | Status::Pending(_))) && fits(w, &from_live(gateway))
        };
        Ok(found.iter().filter(usable).filter_map(made).min_by(|a, b| a.id.cmp(&b.id)))
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
        call::gone_is_fine(
            call::once("ec2:DeleteNatGateway", cx.ec2.delete_nat_gateway().nat_gateway_id(&have.id).send()).await,
        )
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        Ok(match describe(cx, Which::Id(id)).await?.first().and_then(status) {
            None => Progress::Gone,
            Some(Status::Ready | Status::Stalled(_)) => Progress::Ready,
            Some(Status::Pending(state)) => Progress::Pending(state),
            Some(Status::Deleting(state)) => Progress::Deleting(state),
            Some(Status::Failed(cause)) => Progress::Failed(cause),
        })
    }
}

async fn describe(cx: &Cx, which: Which<'_>) -> Result<Vec<LiveGateway>, CloudError> {
    // The parameter is `Filter`, not `Filters`.
    let mut all = pages!(
        "ec2:DescribeNatGateways",
        nat_gateways,
        cx.ec2.describe_nat_gateways().set_filter(which.filters()).set_nat_gateway_ids(which.ids())
    );
    all.retain(|gateway| which.holds(&tags::from_ec2(gateway.tags.as_deref())));
    Ok(all)
}

/// `None` for a deleted one: AWS lists it for an hour.
fn status(gateway: &LiveGateway) -> Option<Status> {
    Some(match &gateway.state {
        Some(NatGatewayState::Deleted) => return None,
        Some(NatGatewayState::Pending) => Status::Pending("pending".into()),
        Some(NatGatewayState::Deleting) => Status::Deleting("deleting".into()),
        Some(NatGatewayState::Failed) => Status::Failed(
            [gateway.failure_code.as_deref(), gateway.failure_message.as_deref()]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(": "),
        ),
        _ => Status::Ready,
    })
}

/// The address that it speaks from.
fn primary(gateway: &LiveGateway) -> Option<&NatGatewayAddress> {
    let all = gateway.nat_gateway_addresses();
    all.iter().find(|address| address.is_primary == Some(true)).or_else(|| all.first())
}

fn made(gateway: &LiveGateway) -> Option<Made> {
    let address = primary(gateway).and_then(|address| address.public_ip.as_deref());
    Some(Made { id: gateway.nat_gateway_id.clone()?, outputs: public_ip(address) })
}

fn from_live(gateway: &LiveGateway) -> NatGateway {
    let allocation = primary(gateway).and_then(|address| address.allocation_id.clone());
    NatGateway {
        subnet: Ref::existing(gateway.subnet_id.clone().unwrap_or_default()),
        address: Ref::existing(allocation.unwrap_or_default()),
    }
}

/// The stack's NAT gateways: one call.
pub(crate) async fn observe(cx: &Cx, scope: &Scope<'_>) -> Result<Vec<Observed>, CloudError> {
    let mut found = Vec::new();
    for gateway in all_of!(cx, scope, KindName::NatGateway) {
        let tags = tags::from_ec2(gateway.tags.as_deref());
        let (Some(made), Some(status)) = (made(&gateway), status(&gateway)) else { continue };
        let tags = scope.marked(KindName::NatGateway, &made.id, tags);
        let Some(owner) = scope.ours(KindName::NatGateway, &made.id, &tags) else { continue };
        let mut one = observed(made.id, owner, &from_live(&gateway), tags);
        one.outputs = made.outputs;
        one.status = status;
        found.push(one);
    }
    Ok(found)
}

//! VPC endpoint, gateway or interface (aws-facts 2.7).

use std::collections::BTreeSet;

use aomidori_engine::cloud::{CloudError, ErrorKind, Made, Progress, Want};
use aomidori_model::kinds::VpcEndpoint;
use aomidori_model::kinds::vpc_endpoint::EndpointType;
use aomidori_model::{Kind, KindName, PolicyDocument, Ref, ToValue, Value};
use aomidori_plan::{FieldChange, Observed, Status};
use aws_sdk_ec2::types::{ResourceType, VpcEndpoint as LiveEndpoint, VpcEndpointType};

use crate::client::Cx;
use crate::ec2::{Which, all_of, fits, made, only_in, pages, refs};
use crate::live::Live;
use crate::observe::{Scope, observed};
use crate::services::set_field;
use crate::{call, error, tags};

impl Live for VpcEndpoint {
    const WRITES: &'static [&'static str] = &[
        "ec2:CreateVpcEndpoint",
        "ec2:DeleteVpcEndpoints",
        "ec2:ModifyVpcEndpoint",
        "route53:AssociateVPCWithHostedZone",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let wanted = Wanted::of(want, w)?;
        let gateway = matches!(want.endpoint, EndpointType::Gateway { .. });
        let answer = call::once(
            "ec2:CreateVpcEndpoint",
            cx.ec2
                .create_vpc_endpoint()
                .vpc_id(w.known.id(&want.vpc)?)
                .service_name(&want.service_name)
                .vpc_endpoint_type(if gateway { VpcEndpointType::Gateway } else { VpcEndpointType::Interface })
                .set_route_table_ids(only_in(&wanted.route_tables, &BTreeSet::new()))
                .set_subnet_ids(only_in(&wanted.subnets, &BTreeSet::new()))
                .set_security_group_ids(only_in(&wanted.security_groups, &BTreeSet::new()))
                .set_private_dns_enabled(wanted.private_dns)
                .set_policy_document(wanted.policy)
                .client_token(w.token)
                .tag_specifications(tags::specification(ResourceType::VpcEndpoint, w.tags))
                .send(),
        )
        .await
        .map_err(call::fresh)?;
        let id = answer
            .vpc_endpoint
            .and_then(|endpoint| endpoint.vpc_endpoint_id)
            .ok_or_else(|| call::missing("ec2:CreateVpcEndpoint", "endpoint id"))?;
        Ok(made(id))
    }

    async fn find(cx: &Cx, _: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let found = describe(cx, Which::At(w)).await?;
        let usable = |one: &LiveEndpoint| {
            matches!(status(one), Some(Status::Ready | Status::Pending(_)))
                && fits(w, &from_live(one))
        };
        Ok(found.into_iter().filter(usable).filter_map(|one| one.vpc_endpoint_id).min().map(made))
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        tags::update_ec2(cx, w, have, changes).await?;
        if changes.iter().any(|change| change.field != "tags") {
            modify(cx, want, w, &have.id, changes).await?;
        }
        Ok(made(&have.id))
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        const DELETE: &str = "ec2:DeleteVpcEndpoints";
        let answer = call::once(DELETE, cx.ec2.delete_vpc_endpoints().vpc_endpoint_ids(&have.id).send()).await;
        let Some(answer) = call::if_there(answer)? else { return Ok(()) };
        // A batch call: its failures are inside a success.
        for item in answer.unsuccessful() {
            let failed = item.error();
            let error = error::item_error(DELETE, failed.and_then(|e| e.code()), failed.and_then(|e| e.message()));
            if error.kind != ErrorKind::NotFound {
                return Err(error);
            }
        }
        Ok(())
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

/// What is wanted, with ids in place of references.
#[derive(Default)]
struct Wanted {
    route_tables: BTreeSet<String>,
    subnets: BTreeSet<String>,
    security_groups: BTreeSet<String>,
    private_dns: Option<bool>,
    policy: Option<String>,
}

impl Wanted {
    fn of(want: &VpcEndpoint, w: Want<'_>) -> Result<Wanted, CloudError> {
        let mut wanted = Wanted::default();
        match &want.endpoint {
            EndpointType::Gateway { route_tables } => wanted.route_tables = ids(route_tables, w)?,
            EndpointType::Interface { subnets, security_groups, private_dns } => {
                wanted.subnets = ids(subnets, w)?;
                wanted.security_groups = ids(security_groups, w)?;
                wanted.private_dns = Some(*private_dns);
            }
        }
        if let Some(policy) = &want.policy {
            let document = policy.to_aws(&|reference| w.known.lookup(reference)).ok_or_else(|| {
                CloudError::bug(format!("the policy of {} names something that is not known yet", w.address))
            })?;
            wanted.policy = Some(document.to_string());
        }
        Ok(wanted)
    }
}

fn ids<K: Kind>(references: &BTreeSet<Ref<K>>, w: Want<'_>) -> Result<BTreeSet<String>, CloudError> {
    references.iter().map(|reference| w.known.id(reference)).collect()
}

/// One ModifyVpcEndpoint with what differs now, so that a repetition sends nothing twice.
async fn modify(cx: &Cx, want: &VpcEndpoint, w: Want<'_>, id: &str, changes: &[FieldChange]) -> Result<(), CloudError> {
    let changed = |field: &str| changes.iter().any(|change| change.field == field);
    let Some(live) = describe(cx, Which::Id(id)).await?.into_iter().next() else {
        return Err(call::missing("ec2:DescribeVpcEndpoints", "such endpoint"));
    };
    let wanted = Wanted::of(want, w)?;
    let tables: BTreeSet<String> = live.route_table_ids().iter().cloned().collect();
    let subnets: BTreeSet<String> = live.subnet_ids().iter().cloned().collect();
    let groups: BTreeSet<String> = live.groups().iter().filter_map(|group| group.group_id.clone()).collect();
    let (mut add_tables, mut remove_tables) = (None, None);
    if changed("route_table_ids") {
        (add_tables, remove_tables) = (only_in(&wanted.route_tables, &tables), only_in(&tables, &wanted.route_tables));
    }
    let (mut add_subnets, mut remove_subnets) = (None, None);
    if changed("subnet_ids") {
        (add_subnets, remove_subnets) = (only_in(&wanted.subnets, &subnets), only_in(&subnets, &wanted.subnets));
    }
    let (mut add_groups, mut remove_groups) = (None, None);
    if changed("security_group_ids") {
        (add_groups, remove_groups) =
            (only_in(&wanted.security_groups, &groups), only_in(&groups, &wanted.security_groups));
    }
    let dns = wanted.private_dns.filter(|_| changed("private_dns_enabled"));
    let policy = wanted.policy.filter(|_| changed("policy"));
    let sets = [&add_tables, &remove_tables, &add_subnets, &remove_subnets, &add_groups, &remove_groups];
    if sets.into_iter().all(Option::is_none) && dns.is_none() && policy.is_none() {
        return Ok(());
    }
    call::once(
        "ec2:ModifyVpcEndpoint",
        cx.ec2
            .modify_vpc_endpoint()
            .vpc_endpoint_id(id)
            .set_add_route_table_ids(add_tables)
            .set_remove_route_table_ids(remove_tables)
            .set_add_subnet_ids(add_subnets)
            .set_remove_subnet_ids(remove_subnets)
            .set_add_security_group_ids(add_groups)
            .set_remove_security_group_ids(remove_groups)
            .set_private_dns_enabled(dns)
            .set_policy_document(policy)
            .send(),
    )
    .await
    .map_err(call::fresh)?;
    Ok(())
}

async fn describe(cx: &Cx, which: Which<'_>) -> Result<Vec<LiveEndpoint>, CloudError> {
    let mut all = pages!(
        "ec2:DescribeVpcEndpoints",
        vpc_endpoints,
        cx.ec2.describe_vpc_endpoints().set_filters(which.filters()).set_vpc_endpoint_ids(which.ids())
    );
    all.retain(|endpoint| which.holds(&tags::from_ec2(endpoint.tags.as_deref())));
    Ok(all)
}

/// `None` for a deleted one. AWS writes states in either case.
fn status(endpoint: &LiveEndpoint) -> Option<Status> {
    let state = endpoint.state.as_ref().map(|state| state.as_str().to_ascii_lowercase()).unwrap_or_default();
    Some(match state.as_str() {
        "deleted" => return None,
        "deleting" => Status::Deleting(state),
        "pending" | "pendingacceptance" => Status::Pending(state),
        "failed" | "rejected" | "expired" => {
            let cause = endpoint.last_error().and_then(|error| error.message()).or(endpoint.failure_reason());
            Status::Failed(cause.map_or(state.clone(), |cause| format!("{state}: {cause}")))
        }
        _ => Status::Ready,
    })
}

/// A live policy in the model's form; one that the model cannot write is its own text, and so differs from any.
fn policy(text: &str) -> Value {
    PolicyDocument::from_aws(text).map_or_else(|_| Value::str(text), |document| document.to_value())
}

/// A live endpoint in the model's form, without its policy.
fn from_live(endpoint: &LiveEndpoint) -> VpcEndpoint {
    let kind = endpoint.vpc_endpoint_type.as_ref().map(VpcEndpointType::as_str).unwrap_or_default();
    VpcEndpoint {
        vpc: Ref::existing(endpoint.vpc_id.clone().unwrap_or_default()),
        service_name: endpoint.service_name.clone().unwrap_or_default(),
        endpoint: if kind.eq_ignore_ascii_case("gateway") {
            EndpointType::Gateway { route_tables: refs(endpoint.route_table_ids().iter().cloned()) }
        } else {
            EndpointType::Interface {
                subnets: refs(endpoint.subnet_ids().iter().cloned()),
                security_groups: refs(endpoint.groups().iter().filter_map(|group| group.group_id.clone())),
                private_dns: endpoint.private_dns_enabled.unwrap_or(false),
            }
        },
        policy: None,
    }
}

/// The stack's endpoints: one call.
pub(crate) async fn observe(cx: &Cx, scope: &Scope<'_>) -> Result<Vec<Observed>, CloudError> {
    let mut found = Vec::new();
    for endpoint in all_of!(cx, scope, KindName::VpcEndpoint) {
        let tags = tags::from_ec2(endpoint.tags.as_deref());
        let (Some(id), Some(status)) = (&endpoint.vpc_endpoint_id, status(&endpoint)) else { continue };
        let tags = scope.marked(KindName::VpcEndpoint, id, tags);
        let Some(owner) = scope.ours(KindName::VpcEndpoint, id, &tags) else { continue };
        let with_policy = scope.wanted::<VpcEndpoint>(&tags).is_some_and(|want| want.policy.is_some());
        let mut one = observed(id, owner, &from_live(&endpoint), tags);
        if let Some(text) = endpoint.policy_document.as_deref().filter(|_| with_policy) {
            set_field(&mut one.fields, "policy", policy(text));
        }
        one.status = status;
        found.push(one);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{SecurityGroupIdentifier, State};

    use super::*;

    #[test]
    fn an_interface_endpoint_reads_back() {
        let live = LiveEndpoint::builder()
            .vpc_endpoint_id("vpce-1")
            .vpc_id("vpc-1")
            .service_name("com.amazonaws.ap-northeast-1.logs")
            .vpc_endpoint_type(VpcEndpointType::Interface)
            .state(State::from("pendingAcceptance"))
            .subnet_ids("subnet-2")
            .subnet_ids("subnet-1")
            .groups(SecurityGroupIdentifier::builder().group_id("sg-1").build())
            .private_dns_enabled(true)
            .policy_document("this is not read")
            .build();
        let read = from_live(&live);
        assert_eq!(
            read.endpoint,
            EndpointType::Interface {
                subnets: refs(["subnet-1".to_owned(), "subnet-2".to_owned()]),
                security_groups: refs(["sg-1".to_owned()]),
                private_dns: true,
            }
        );
        assert_eq!(read.policy, None);
        assert_eq!(status(&live), Some(Status::Pending("pendingacceptance".into())));
    }
}

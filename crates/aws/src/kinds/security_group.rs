//! Security group (aws-facts 2.8). The rule that AWS adds by itself, everything out, is its field `open_egress`.

use std::collections::BTreeSet;

use aomidori_engine::cloud::{CloudError, Made, Progress, Want};
use aomidori_model::kinds::SecurityGroup;
use aomidori_model::{KindName, Ref};
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_ec2::types::{IpPermission, IpRange, ResourceType, SecurityGroup as LiveGroup};

use crate::client::Cx;
use crate::ec2::{Which, all_of, fits, made, pages};
use crate::live::Live;
use crate::observe::{Scope, observed};
use crate::{call, tags};

impl Live for SecurityGroup {
    const WRITES: &'static [&'static str] = &[
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:CreateSecurityGroup",
        "ec2:DeleteSecurityGroup",
        "ec2:RevokeSecurityGroupEgress",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let answer = call::once(
            "ec2:CreateSecurityGroup",
            cx.ec2
                .create_security_group()
                .group_name(want.name.as_str())
                .description(want.description.as_str())
                .vpc_id(w.known.id(&want.vpc)?)
                .tag_specifications(tags::specification(ResourceType::SecurityGroup, w.tags))
                .send(),
        )
        .await
        .map_err(call::fresh)?;
        let id = answer.group_id.ok_or_else(|| call::missing("ec2:CreateSecurityGroup", "group id"))?;
        if !want.open_egress {
            close_egress(cx, &id).await?;
        }
        Ok(made(id))
    }

    async fn find(cx: &Cx, _: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let mut found = describe(cx, Which::At(w)).await?;
        found.retain(|group| from_live(group, "", true).is_ok_and(|group| fits(w, &group)));
        Ok(found.into_iter().filter_map(|group| group.group_id).min().map(made))
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        tags::update_ec2(cx, w, have, changes).await?;
        if changes.iter().any(|change| change.field == "open_egress") {
            if want.open_egress {
                open_egress(cx, &have.id).await?;
            } else {
                close_egress(cx, &have.id).await?;
            }
        }
        Ok(made(&have.id))
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        call::gone_is_fine(
            call::once("ec2:DeleteSecurityGroup", cx.ec2.delete_security_group().group_id(&have.id).send()).await,
        )
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        let there = !describe(cx, Which::Id(id)).await?.is_empty();
        Ok(if there { Progress::Ready } else { Progress::Gone })
    }
}

/// The rule that AWS adds to every new group.
fn everything_out() -> IpPermission {
    IpPermission::builder().ip_protocol("-1").ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").build()).build()
}

/// Revokes the rule that AWS added; that it is gone already is a success.
async fn close_egress(cx: &Cx, id: &str) -> Result<(), CloudError> {
    let answer = call::idempotent("ec2:RevokeSecurityGroupEgress", || {
        cx.ec2.revoke_security_group_egress().group_id(id).ip_permissions(everything_out()).send()
    })
    .await;
    match answer {
        // The rule is gone, not the group.
        Err(error) if error.code.as_deref() == Some("InvalidPermission.NotFound") => Ok(()),
        Err(error) => Err(call::half_made(error)),
        Ok(_) => Ok(()),
    }
}

async fn open_egress(cx: &Cx, id: &str) -> Result<(), CloudError> {
    let answer = call::idempotent("ec2:AuthorizeSecurityGroupEgress", || {
        cx.ec2.authorize_security_group_egress().group_id(id).ip_permissions(everything_out()).send()
    })
    .await;
    match answer {
        Err(error) if error.code.as_deref() == Some("InvalidPermission.Duplicate") => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Ok(()),
    }
}

async fn describe(cx: &Cx, which: Which<'_>) -> Result<Vec<LiveGroup>, CloudError> {
    let mut all = pages!(
        "ec2:DescribeSecurityGroups",
        security_groups,
        cx.ec2.describe_security_groups().set_filters(which.filters()).set_group_ids(which.ids())
    );
    all.retain(|group| which.holds(&tags::from_ec2(group.tags.as_deref())));
    Ok(all)
}

/// The stack's groups: one call. Their rules are read next, for all groups at once.
pub(crate) async fn list(cx: &Cx, scope: &Scope<'_>) -> Result<Vec<LiveGroup>, CloudError> {
    Ok(all_of!(cx, scope, KindName::SecurityGroup))
}

fn from_live(group: &LiveGroup, id: &str, open_egress: bool) -> Result<SecurityGroup, CloudError> {
    let name = group.group_name.as_deref().unwrap_or_default();
    let description = group.description.as_deref().unwrap_or_default();
    Ok(SecurityGroup {
        name: name.parse().map_err(|why| call::unreadable("name", id, why))?,
        description: description.parse().map_err(|why| call::unreadable("description", id, why))?,
        vpc: Ref::existing(group.vpc_id.clone().unwrap_or_default()),
        open_egress,
    })
}

/// The stack's groups in the model's form; `open` are those that have AWS's own rule still.
pub(crate) fn observe(
    scope: &Scope<'_>,
    groups: &[LiveGroup],
    open: &BTreeSet<String>,
) -> Result<Vec<Observed>, CloudError> {
    let mut found = Vec::new();
    for group in groups {
        let tags = tags::from_ec2(group.tags.as_deref());
        let Some(id) = &group.group_id else { continue };
        let tags = scope.marked(KindName::SecurityGroup, id, tags);
        let Some(owner) = scope.ours(KindName::SecurityGroup, id, &tags) else { continue };
        found.push(observed(id, owner, &from_live(group, id, open.contains(id))?, tags));
    }
    Ok(found)
}

//! IAM roles with their attachments and inline policies (aws-facts 2.11, 2.13, 2.14).

use std::collections::BTreeSet;

use aomidori_engine::cloud::{CloudError, Made, Progress, Want};
use aomidori_model::Value;
use aomidori_model::kinds::IamRole;
use aomidori_model::ownership::{part_hash, part_keys};
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_iam::types::Role;

use crate::call;
use crate::client::Cx;
use crate::live::Live;
use crate::services::iam::{self, to_text};
use crate::services::{changes_any, ids, is_it, leaf, made, signed};
use crate::tags::{self, Tags};

/// What AWS applies when a role's longest session is not said.
const SESSION: i32 = 3600;

impl Live for IamRole {
    const WRITES: &'static [&'static str] = &[
        "iam:AttachRolePolicy",
        "iam:CreateRole",
        "iam:DeleteRole",
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:PutRolePolicy",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateRole",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let request = cx
            .iam
            .create_role()
            .role_name(want.name.as_str())
            .set_path(want.path.as_ref().map(ToString::to_string))
            .assume_role_policy_document(to_text(&want.trust, w)?)
            .set_description(want.description.clone())
            .set_max_session_duration(want.max_session_duration.map(signed))
            .set_tags(iam::tag_list(w.tags)?);
        const CREATE: &str = "iam:CreateRole";
        let answer = call::once(CREATE, request.send()).await.map_err(call::fresh)?;
        let role = answer.role.ok_or_else(|| call::missing(CREATE, "role"))?;
        set_parts(cx, want, w).await.map_err(call::half_made)?;
        Ok(made_of(&role))
    }

    async fn find(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let Some(role) = read(cx, want.name.as_str()).await? else { return Ok(None) };
        if !is_it(w, &iam::tags_from(role.tags.clone())) {
            return Ok(None);
        }
        set_parts(cx, want, w).await?;
        Ok(Some(made_of(&role)))
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        let name = want.name.as_str();
        let retag = tags::retag(w, have, changes);
        set_tags(cx, name, &retag.before).await?;
        if changes_any(changes, &["assume_role_policy"]) {
            let document = to_text(&want.trust, w)?;
            call::idempotent("iam:UpdateAssumeRolePolicy", || {
                cx.iam.update_assume_role_policy().role_name(name).policy_document(&document).send()
            })
            .await?;
        }
        if changes_any(changes, &["description", "max_session_duration"]) {
            describe(cx, want).await?;
        }
        if changes_any(changes, &["managed_policy_arns"]) {
            let wanted: BTreeSet<String> = ids(w.known, &want.managed_policies)?.into_iter().collect();
            let live = live_keys(have, "managed_policy_arns");
            for arn in wanted.difference(&live) {
                attach(cx, name, arn).await?;
            }
            for arn in live.difference(&wanted).filter(|arn| recorded(have, "managed_policy_arns", arn)) {
                detach(cx, name, arn).await?;
            }
        }
        if changes_any(changes, &["inline_policy"]) {
            for (policy, document) in &want.inline_policies {
                put(cx, name, policy.as_str(), &to_text(document, w)?).await?;
            }
            let wanted = want.inline_policies.keys().map(ToString::to_string).collect();
            let live = live_keys(have, "inline_policy");
            for policy in live.difference(&wanted).filter(|policy| recorded(have, "inline_policy", policy)) {
                remove(cx, name, policy).await?;
            }
        }
        set_tags(cx, name, &retag.after).await?;
        if !retag.remove.is_empty() {
            call::idempotent("iam:UntagRole", || {
                cx.iam.untag_role().role_name(name).set_tag_keys(Some(retag.remove.clone())).send()
            })
            .await?;
        }
        Ok(Made { id: have.id.clone(), outputs: have.outputs.clone() })
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        let name = leaf(&have.id);
        let attached = call::if_there(attached(cx, name).await)?;
        for arn in attached.into_iter().flatten() {
            detach(cx, name, &arn).await?;
        }
        let inline = call::if_there(inline(cx, name).await)?;
        for policy in inline.into_iter().flatten() {
            remove(cx, name, &policy).await?;
        }
        let answer = call::idempotent("iam:DeleteRole", || cx.iam.delete_role().role_name(name).send()).await;
        call::gone_is_fine(answer)
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        Ok(if read(cx, leaf(id)).await?.is_some() { Progress::Ready } else { Progress::Gone })
    }
}

fn made_of(role: &Role) -> Made {
    made(&role.arn, [("name", role.role_name.clone())])
}

/// One role with its description, longest session and tags.
pub(crate) async fn read(cx: &Cx, name: &str) -> Result<Option<Role>, CloudError> {
    let answer = call::read("iam:GetRole", || cx.iam.get_role().role_name(name).send()).await;
    Ok(call::if_there(answer)?.and_then(|answer| answer.role))
}

async fn set_parts(cx: &Cx, want: &IamRole, w: Want<'_>) -> Result<(), CloudError> {
    for arn in ids(w.known, &want.managed_policies)? {
        attach(cx, want.name.as_str(), &arn).await?;
    }
    for (policy, document) in &want.inline_policies {
        put(cx, want.name.as_str(), policy.as_str(), &to_text(document, w)?).await?;
    }
    Ok(())
}

/// UpdateRole puts the session back to one hour and the description to nothing where they are left out (botocore,
/// UpdateRole), so both are always sent; what the stack does not declare is sent as it is.
async fn describe(cx: &Cx, want: &IamRole) -> Result<(), CloudError> {
    let name = want.name.as_str();
    let (mut description, mut session) = (want.description.clone(), want.max_session_duration.map(signed));
    if description.is_none() || session.is_none() {
        let live = read(cx, name).await?;
        description = description.or_else(|| live.as_ref()?.description.clone());
        session = session.or_else(|| live.as_ref()?.max_session_duration);
    }
    let (description, session) = (description.unwrap_or_default(), session.unwrap_or(SESSION));
    call::idempotent("iam:UpdateRole", || {
        cx.iam.update_role().role_name(name).description(&description).max_session_duration(session).send()
    })
    .await?;
    Ok(())
}

/// The keys of the live parts of a field.
fn live_keys(have: &Observed, field: &str) -> BTreeSet<String> {
    let value: Value = have.fields.value(field).resolve(&|_| None);
    part_keys(&value)
}

/// True for a part that we made: nobody else's is removed.
fn recorded(have: &Observed, field: &str, key: &str) -> bool {
    have.marks().parts.contains(&part_hash(field, key))
}

async fn attach(cx: &Cx, role: &str, arn: &str) -> Result<(), CloudError> {
    call::idempotent("iam:AttachRolePolicy", || cx.iam.attach_role_policy().role_name(role).policy_arn(arn).send())
        .await
        .map_err(call::fresh)?;
    Ok(())
}

async fn detach(cx: &Cx, role: &str, arn: &str) -> Result<(), CloudError> {
    let answer =
        call::idempotent("iam:DetachRolePolicy", || cx.iam.detach_role_policy().role_name(role).policy_arn(arn).send())
            .await;
    call::gone_is_fine(answer)
}

async fn put(cx: &Cx, role: &str, policy: &str, document: &str) -> Result<(), CloudError> {
    call::idempotent("iam:PutRolePolicy", || {
        cx.iam.put_role_policy().role_name(role).policy_name(policy).policy_document(document).send()
    })
    .await
    .map_err(call::fresh)?;
    Ok(())
}

async fn remove(cx: &Cx, role: &str, policy: &str) -> Result<(), CloudError> {
    let answer = call::idempotent("iam:DeleteRolePolicy", || {
        cx.iam.delete_role_policy().role_name(role).policy_name(policy).send()
    })
    .await;
    call::gone_is_fine(answer)
}

async fn attached(cx: &Cx, role: &str) -> Result<Vec<String>, CloudError> {
    let mut found = Vec::new();
    let mut marker = None;
    loop {
        let page = call::read("iam:ListAttachedRolePolicies", || {
            cx.iam.list_attached_role_policies().role_name(role).set_marker(marker.clone()).send()
        })
        .await?;
        found.extend(page.attached_policies.unwrap_or_default().into_iter().filter_map(|policy| policy.policy_arn));
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            return Ok(found);
        }
    }
}

async fn inline(cx: &Cx, role: &str) -> Result<Vec<String>, CloudError> {
    let mut found = Vec::new();
    let mut marker = None;
    loop {
        let page = call::read("iam:ListRolePolicies", || {
            cx.iam.list_role_policies().role_name(role).set_marker(marker.clone()).send()
        })
        .await?;
        found.extend(page.policy_names);
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            return Ok(found);
        }
    }
}

async fn set_tags(cx: &Cx, role: &str, tags: &Tags) -> Result<(), CloudError> {
    let Some(tags) = iam::tag_list(tags)? else { return Ok(()) };
    call::idempotent("iam:TagRole", || cx.iam.tag_role().role_name(role).set_tags(Some(tags.clone())).send()).await?;
    Ok(())
}

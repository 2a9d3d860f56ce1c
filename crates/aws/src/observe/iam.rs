//! Roles and policies: the whole account in pages of a thousand (GetAccountAuthorizationDetails), since nothing in IAM
//! can be asked for by tag (aws-facts 2.11).

use std::collections::{BTreeMap, BTreeSet};

use aomidori_engine::cloud::CloudError;
use aomidori_model::kinds::iam_role::IamPath;
use aomidori_model::kinds::{IamPolicy, IamRole};
use aomidori_model::{KindName, PolicyDocument, Ref, Value};
use aomidori_plan::Observed;
use aws_sdk_iam::types::{EntityType, ManagedPolicyDetail, Policy, Role, RoleDetail};
use futures_util::future::try_join_all;

use super::{Scope, observed};
use crate::call;
use crate::client::Cx;
use crate::kinds::{iam_policy, iam_role};
use crate::services::{address_of, iam, leaf, outputs_of, set_field, unsigned};
use crate::tags::Tags;

pub(super) async fn observe(cx: &Cx, scope: &Scope<'_>) -> Result<Vec<Observed>, CloudError> {
    // IAM is in no index of a region's: what a stack has left there is found if the stack still has anything.
    let (hints, (roles, policies)) = scope.beside("iam", !scope.stack.is_empty(), account(cx)).await?;
    let hints: BTreeSet<&str> = hints.into_iter().map(|hint| hint.arn.as_str()).collect();

    let roles: Vec<(RoleDetail, Tags)> = roles
        .into_iter()
        .map(|mut role| {
            let tags = iam::tags_from(role.tags.take());
            let tags = scope.marked(KindName::IamRole, role.arn.as_deref().unwrap_or_default(), tags);
            (role, tags)
        })
        .filter(|(role, tags)| {
            let id = role.arn.as_deref().unwrap_or_default();
            scope.owner(KindName::IamRole, id, tags, role_wanted(scope, role)).is_some()
        })
        .collect();
    // The tags of policies are in no list. Read by itself is a policy that the stack wants by name, that its roles use,
    // that the index knows, or that starts with the stack's name.
    let used: BTreeSet<&str> = roles
        .iter()
        .filter(|(role, tags)| scope.ours(KindName::IamRole, role.arn.as_deref().unwrap_or_default(), tags).is_some())
        .flat_map(|(role, _)| role.attached_managed_policies())
        .filter_map(|policy| policy.policy_arn.as_deref())
        .collect();
    let policies: Vec<ManagedPolicyDetail> = policies
        .into_iter()
        .filter(|policy| {
            let (arn, name) = (policy.arn.as_deref().unwrap_or_default(), policy_name(policy));
            used.contains(arn)
                || hints.contains(arn)
                || policy_wanted(scope, policy).is_some()
                || name.is_some_and(|name| name.starts_with(scope.name().as_str()))
        })
        .collect();
    let tagged =
        try_join_all(policies.iter().map(|policy| iam_policy::read(cx, policy.arn.as_deref().unwrap_or_default())));
    let (tagged, details) = tokio::try_join!(tagged, details(cx, scope, &roles))?;

    let mut resources: Vec<Observed> =
        roles.into_iter().filter_map(|(role, tags)| one_role(scope, &role, tags, &details)).collect();
    let policies = policies.iter().zip(tagged);
    resources.extend(policies.filter_map(|(policy, tagged)| one_policy(scope, policy, tagged?)));
    Ok(resources)
}

fn role_wanted<'a>(scope: &Scope<'a>, live: &RoleDetail) -> Option<&'a aomidori_model::Address> {
    let name = live.role_name.as_deref()?;
    address_of(scope.stack, |wanted: &IamRole| wanted.name.as_str().eq_ignore_ascii_case(name))
}

/// A policy's name; moto leaves it out of this answer, so it is read from the ARN.
fn policy_name(live: &ManagedPolicyDetail) -> Option<&str> {
    live.policy_name.as_deref().or_else(|| live.arn.as_deref().map(leaf))
}

fn policy_wanted<'a>(scope: &Scope<'a>, live: &ManagedPolicyDetail) -> Option<&'a aomidori_model::Address> {
    let name = policy_name(live)?;
    address_of(scope.stack, |wanted: &IamPolicy| wanted.name.as_str().eq_ignore_ascii_case(name))
}

async fn account(cx: &Cx) -> Result<(Vec<RoleDetail>, Vec<ManagedPolicyDetail>), CloudError> {
    let (mut roles, mut policies) = (Vec::new(), Vec::new());
    let mut marker = None;
    loop {
        let page = call::read("iam:GetAccountAuthorizationDetails", || {
            cx.iam
                .get_account_authorization_details()
                .filter(EntityType::Role)
                .filter(EntityType::LocalManagedPolicy)
                .max_items(1000)
                .set_marker(marker.clone())
                .send()
        })
        .await?;
        roles.extend(page.role_detail_list.unwrap_or_default());
        policies.extend(page.policies.unwrap_or_default());
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            return Ok((roles, policies));
        }
    }
}

/// Descriptions and longest sessions, which the account's details lack: read if a role of the stack declares one, of one
/// role by itself, of more by the list of all.
async fn details(
    cx: &Cx,
    scope: &Scope<'_>,
    live: &[(RoleDetail, Tags)],
) -> Result<BTreeMap<String, Role>, CloudError> {
    let declaring: Vec<&str> = live
        .iter()
        .filter(|(_, tags)| {
            scope
                .wanted::<IamRole>(tags)
                .is_some_and(|wanted| wanted.description.is_some() || wanted.max_session_duration.is_some())
        })
        .filter_map(|(role, _)| role.role_name.as_deref())
        .collect();
    let mut found = BTreeMap::new();
    match declaring[..] {
        [] => {}
        [one] => found.extend(iam_role::read(cx, one).await?.map(|role| (role.role_name.clone(), role))),
        _ => {
            let mut marker = None;
            loop {
                let page = call::read("iam:ListRoles", || {
                    cx.iam.list_roles().max_items(1000).set_marker(marker.clone()).send()
                })
                .await?;
                found.extend(page.roles.into_iter().map(|role| (role.role_name.clone(), role)));
                marker = page.marker.filter(|_| page.is_truncated);
                if marker.is_none() {
                    break;
                }
            }
        }
    }
    Ok(found)
}

fn one_role(scope: &Scope<'_>, live: &RoleDetail, tags: Tags, details: &BTreeMap<String, Role>) -> Option<Observed> {
    let (arn, name) = (live.arn.clone()?, live.role_name.clone()?);
    let owner = scope.owner(KindName::IamRole, &arn, &tags, role_wanted(scope, live))?;
    let detail = details.get(&name);
    let model = IamRole {
        name: name.parse().ok()?,
        path: path_in(&arn),
        // Declared and empty is how AWS says that there is none.
        description: detail.map(|role| role.description.clone().unwrap_or_default()),
        trust: PolicyDocument::default(),
        managed_policies: live
            .attached_managed_policies()
            .iter()
            .filter_map(|policy| policy.policy_arn.as_ref())
            .map(Ref::existing)
            .collect(),
        inline_policies: BTreeMap::new(),
        max_session_duration: detail.map(|role| unsigned(role.max_session_duration)),
    };
    let mut found = observed(arn, owner, &model, tags);
    set_field(&mut found.fields, "assume_role_policy", iam::document(live.assume_role_policy_document.as_deref()));
    let inline = live
        .role_policy_list()
        .iter()
        .filter_map(|policy| Some((policy.policy_name.clone()?, iam::document(policy.policy_document.as_deref()))));
    set_field(&mut found.fields, "inline_policy", Value::map(inline));
    found.outputs = outputs_of([("name", name)]);
    Some(found)
}

/// The path in an ARN: from the slash after the sort to the one before the name.
fn path_in(arn: &str) -> Option<IamPath> {
    let rest = arn.splitn(6, ':').nth(5)?;
    rest.get(rest.find('/')?..=rest.rfind('/')?)?.parse().ok()
}

fn one_policy(scope: &Scope<'_>, live: &ManagedPolicyDetail, tagged: Policy) -> Option<Observed> {
    let (arn, name) = (live.arn.clone()?, policy_name(live)?.to_owned());
    let tags = scope.marked(KindName::IamPolicy, &arn, iam::tags_from(tagged.tags));
    let owner = scope.owner(KindName::IamPolicy, &arn, &tags, policy_wanted(scope, live))?;
    let description = tagged.description.unwrap_or_default();
    let model = IamPolicy {
        name: name.parse().ok()?,
        // Not every endpoint has it in this answer; the ARN always does.
        path: path_in(&arn),
        description: Some(description),
        document: PolicyDocument::default(),
    };
    let text = live
        .policy_version_list()
        .iter()
        .find(|version| version.is_default_version)
        .and_then(|version| version.document.as_deref());
    let mut found = observed(arn, owner, &model, tags);
    set_field(&mut found.fields, "policy", iam::document(text));
    found.outputs = outputs_of([("name", name)]);
    Some(found)
}

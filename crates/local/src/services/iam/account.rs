//! The account as a whole: everything in one read, and the user who asks.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::policy::uses;
use super::{Group, State, User, encoded, group, listed, managed, role, user};
use crate::clock::Time;
use crate::error::{ApiError, Result};
use crate::services::sts;
use crate::tags;
use crate::world::Cx;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct AuthorizationDetails {
    #[serde(default)]
    filter: Vec<String>,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn authorization_details(cx: &mut Cx<'_>, input: AuthorizationDetails) -> Result {
    const KINDS: &[&str] = &["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"];
    if let Some(unknown) = input.filter.iter().find(|kind| !KINDS.contains(&kind.as_str())) {
        return Err(ApiError::new(
            "ValidationError",
            format!(
                "1 validation error detected: Value '[{unknown}]' at 'filter' failed to satisfy constraint: Member \
                 must satisfy enum value set: [{}]",
                KINDS.join(", ")
            ),
        ));
    }
    let wanted = |kind: &str| input.filter.is_empty() || input.filter.iter().any(|k| k == kind);
    let state = &cx.world.global.iam;
    // One order over all kinds, so that a page can end between them.
    let mut items: Vec<(String, Value)> = Vec::new();
    if wanted("User") {
        items.push(("0".to_owned(), caller(cx)));
        items.extend(state.users.iter().map(|(key, user)| (format!("0{key}"), user_detail(state, user))));
    }
    if wanted("Group") {
        items.extend(state.groups.iter().map(|(key, group)| (format!("4{key}"), group_detail(group))));
    }
    if wanted("Role") {
        items.extend(state.roles.iter().map(|(key, role)| (format!("1{key}"), role_detail(role))));
    }
    if wanted("LocalManagedPolicy") {
        items.extend(state.policies.values().map(|policy| (format!("2{}", policy.arn), own_policy(cx, policy))));
    }
    if wanted("AWSManagedPolicy") {
        // Without a filter AWS lists those of its own policies that are in use.
        let mut aws: Vec<_> = managed::ALL
            .iter()
            .filter(|policy| !input.filter.is_empty() || uses(cx, &policy.arn()) != (0, 0))
            .map(|policy| (format!("3{}", policy.arn()), aws_policy(cx, policy)))
            .collect();
        aws.sort_by(|(a, _), (b, _)| a.cmp(b));
        items.extend(aws);
    }
    let items = items.into_iter().map(|(key, value)| (key.clone(), json!([key, value]))).collect();
    let mut page = listed("Items", items, input.marker.as_deref(), input.max_items)?;
    let mut answer = json!({
        "UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": [],
        "IsTruncated": page["IsTruncated"], "Marker": page["Marker"],
    });
    for item in page["Items"].as_array_mut().into_iter().flatten() {
        let kind = item[0].as_str().and_then(|key| key.chars().next());
        let list = match kind {
            Some('0') => "UserDetailList",
            Some('1') => "RoleDetailList",
            Some('4') => "GroupDetailList",
            _ => "Policies",
        };
        let detail = item[1].take();
        if let Some(list) = answer[list].as_array_mut() {
            list.push(detail);
        }
    }
    Ok(answer)
}

fn inline(documents: &BTreeMap<String, String>) -> Value {
    documents.iter().map(|(name, text)| json!({"PolicyName": name, "PolicyDocument": encoded(text)})).collect()
}

fn attached(policies: &BTreeMap<String, String>) -> Value {
    policies.iter().map(|(arn, name)| json!({"PolicyName": name, "PolicyArn": arn})).collect()
}

fn user_detail(state: &State, user: &User) -> Value {
    let mut detail = user::render(user, true);
    detail["UserPolicyList"] = inline(&user.grants.inline);
    detail["AttachedManagedPolicies"] = attached(&user.grants.attached);
    detail["GroupList"] = group::names_of(state, &user.name).into_iter().collect();
    detail
}

fn group_detail(group: &Group) -> Value {
    let mut detail = group::render(group);
    detail["GroupPolicyList"] = inline(&group.grants.inline);
    detail["AttachedManagedPolicies"] = attached(&group.grants.attached);
    detail
}

fn role_detail(role: &role::Role) -> Value {
    json!({
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created.iso8601(),
        "AssumeRolePolicyDocument": encoded(&role.trust),
        "InstanceProfileList": [],
        "RolePolicyList": inline(&role.inline),
        "AttachedManagedPolicies": attached(&role.attached),
        "PermissionsBoundary": role::boundary(role),
        "Tags": tags::pascal(&role.tags),
        "RoleLastUsed": {},
    })
}

fn own_policy(cx: &Cx<'_>, policy: &super::Policy) -> Value {
    let (attached, bounded) = uses(cx, &policy.arn);
    let versions = policy.versions.iter().rev().map(|(number, version)| {
        json!({
            "Document": encoded(&version.document),
            "VersionId": format!("v{number}"),
            "IsDefaultVersion": *number == policy.default,
            "CreateDate": version.created.iso8601(),
        })
    });
    json!({
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": format!("v{}", policy.default),
        "AttachmentCount": attached,
        "PermissionsBoundaryUsageCount": bounded,
        "IsAttachable": true,
        "Description": policy.description,
        "CreateDate": policy.created.iso8601(),
        "UpdateDate": policy.updated.iso8601(),
        "PolicyVersionList": versions.collect::<Value>(),
    })
}

fn aws_policy(cx: &Cx<'_>, policy: &managed::Managed) -> Value {
    let mut answer = super::policy::render_managed(cx, policy);
    answer["PolicyVersionList"] = json!([{
        "Document": encoded(&policy.document()),
        "VersionId": "v1",
        "IsDefaultVersion": true,
        "CreateDate": managed::CREATED.iso8601(),
    }]);
    answer
}

/// The user whom every call is from.
pub(super) fn caller(cx: &Cx<'_>) -> Value {
    json!({
        "Path": "/",
        "UserName": "local",
        "UserId": "AIDALOCALCLOUDUSER00",
        "Arn": sts::caller_arn(cx.account()),
        "CreateDate": Time(1_577_836_800_000).iso8601(),
    })
}

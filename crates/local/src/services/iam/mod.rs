//! IAM: roles and policies, and what they allow.
//!
//! Users and groups are kept for those who list them: whoever calls may do everything. [`assumable`] and [`allows`] are for the services that act with a role.

mod account;
mod alias;
mod document;
mod evaluate;
mod grants;
mod group;
mod inline;
mod managed;
mod oidc;
mod policy;
mod policy_version;
mod profile;
mod role;
mod service_linked;
mod user;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{ApiError, Result};
use crate::page;
use crate::protocol::Protocol;
use crate::services::{Resource, Service, operations};
use crate::tags::{self, Tag, Tags};
use crate::world::Cx;

pub(crate) use self::evaluate::{WhyNot, allows, assumable};
use self::grants::{of_group, of_user};
pub(crate) use self::group::Group;
pub(crate) use self::policy::Policy;
pub(crate) use self::role::Role;
pub(crate) use self::user::User;

/// The account's roles, users, groups and its own policies.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    /// By name in lower case: names are unique regardless of case.
    pub(crate) roles: BTreeMap<String, Role>,
    /// By name in lower case, as groups are.
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) groups: BTreeMap<String, Group>,
    /// By ARN.
    pub(crate) policies: BTreeMap<String, Policy>,
    /// OpenID Connect providers, by ARN.
    providers: BTreeMap<String, oidc::Provider>,
    /// Instance profiles, by name in lower case.
    profiles: BTreeMap<String, profile::Profile>,
    /// The account's alias, of which there is one at the most.
    alias: Option<String>,
    /// Ids of service-linked roles' deletions, all of which have succeeded.
    deletions: BTreeMap<String, String>,
}

pub(crate) static SERVICE: Service = Service {
    name: "iam",
    prefix: "iam",
    protocol: Protocol::Query { namespace: "https://iam.amazonaws.com/doc/2010-05-08/" },
    invalid: "ValidationError",
    handler,
    // AWS publishes no rates for IAM.
    bucket: |_| None,
    on_event: |_, _| {},
    resources,
};

operations! {
    "CreateAccountAlias" => alias::create,
    "DeleteAccountAlias" => alias::delete,
    "CreateRole" => role::create,
    "GetRole" => role::get,
    "ListRoles" => role::list,
    "UpdateRole" => role::update,
    "UpdateRoleDescription" => role::update_description,
    "UpdateAssumeRolePolicy" => role::update_trust,
    "DeleteRole" => role::delete,
    "TagRole" => role::tag,
    "UntagRole" => role::untag,
    "ListRoleTags" => role::list_tags,
    "PutRolePermissionsBoundary" => role::put_boundary,
    "DeleteRolePermissionsBoundary" => role::delete_boundary,
    "ListInstanceProfilesForRole" => profile::list,

    "CreateInstanceProfile" => profile::create,
    "GetInstanceProfile" => profile::get,
    "ListInstanceProfiles" => profile::list,
    "DeleteInstanceProfile" => profile::delete,
    "AddRoleToInstanceProfile" => profile::add_role,
    "RemoveRoleFromInstanceProfile" => profile::remove_role,
    "TagInstanceProfile" => profile::tag,
    "UntagInstanceProfile" => profile::untag,

    "CreateOpenIDConnectProvider" => oidc::create,
    "GetOpenIDConnectProvider" => oidc::get,
    "ListOpenIDConnectProviders" => oidc::list,
    "DeleteOpenIDConnectProvider" => oidc::delete,
    "AddClientIDToOpenIDConnectProvider" => oidc::add_client,
    "RemoveClientIDFromOpenIDConnectProvider" => oidc::remove_client,
    "UpdateOpenIDConnectProviderThumbprint" => oidc::update_thumbprints,
    "TagOpenIDConnectProvider" => oidc::tag,
    "UntagOpenIDConnectProvider" => oidc::untag,
    "ListOpenIDConnectProviderTags" => oidc::list_tags,

    "PutRolePolicy" => inline::put,
    "GetRolePolicy" => inline::get,
    "ListRolePolicies" => inline::list,
    "DeleteRolePolicy" => inline::delete,
    "AttachRolePolicy" => inline::attach,
    "DetachRolePolicy" => inline::detach,
    "ListAttachedRolePolicies" => inline::list_attached,

    "CreateUser" => user::create,
    "GetUser" => user::get,
    "ListUsers" => user::list,
    "UpdateUser" => user::update,
    "DeleteUser" => user::delete,
    "TagUser" => user::tag,
    "UntagUser" => user::untag,
    "ListUserTags" => user::list_tags,
    "PutUserPermissionsBoundary" => user::put_boundary,
    "DeleteUserPermissionsBoundary" => user::delete_boundary,
    "CreateAccessKey" => user::create_key,
    "ListAccessKeys" => user::list_keys,
    "UpdateAccessKey" => user::update_key,
    "DeleteAccessKey" => user::delete_key,
    "GetAccessKeyLastUsed" => user::key_last_used,
    "ListSSHPublicKeys" => user::ssh_keys,
    "ListMFADevices" => user::mfa_devices,
    "ListVirtualMFADevices" => user::virtual_mfa_devices,
    "ListSigningCertificates" => user::signing_certificates,
    "ListServiceSpecificCredentials" => user::service_credentials,
    "GetLoginProfile" => user::login_profile,
    "DeleteLoginProfile" => user::login_profile,
    "PutUserPolicy" => of_user::put,
    "GetUserPolicy" => of_user::get,
    "ListUserPolicies" => of_user::list,
    "DeleteUserPolicy" => of_user::delete,
    "AttachUserPolicy" => of_user::attach,
    "DetachUserPolicy" => of_user::detach,
    "ListAttachedUserPolicies" => of_user::list_attached,

    "CreateGroup" => group::create,
    "GetGroup" => group::get,
    "ListGroups" => group::list,
    "ListGroupsForUser" => group::list_for_user,
    "UpdateGroup" => group::update,
    "DeleteGroup" => group::delete,
    "AddUserToGroup" => group::add_user,
    "RemoveUserFromGroup" => group::remove_user,
    "PutGroupPolicy" => of_group::put,
    "GetGroupPolicy" => of_group::get,
    "ListGroupPolicies" => of_group::list,
    "DeleteGroupPolicy" => of_group::delete,
    "AttachGroupPolicy" => of_group::attach,
    "DetachGroupPolicy" => of_group::detach,
    "ListAttachedGroupPolicies" => of_group::list_attached,

    "CreatePolicy" => policy::create,
    "GetPolicy" => policy::get,
    "ListPolicies" => policy::list,
    "DeletePolicy" => policy::delete,
    "TagPolicy" => policy::tag,
    "UntagPolicy" => policy::untag,
    "ListPolicyTags" => policy::list_tags,
    "ListEntitiesForPolicy" => policy::list_entities,
    "CreatePolicyVersion" => policy_version::create,
    "GetPolicyVersion" => policy_version::get,
    "ListPolicyVersions" => policy_version::list,
    "DeletePolicyVersion" => policy_version::delete,
    "SetDefaultPolicyVersion" => policy_version::set_default,

    "CreateServiceLinkedRole" => service_linked::create,
    "DeleteServiceLinkedRole" => service_linked::delete,
    "GetServiceLinkedRoleDeletionStatus" => service_linked::deletion_status,

    "GetAccountAuthorizationDetails" => account::authorization_details,
    "ListAccountAliases" => alias::list,
}

fn resources(cx: &Cx<'_>) -> Vec<Resource> {
    if cx.region != "us-east-1" {
        return Vec::new();
    }
    let state = &cx.world.global.iam;
    let roles = state.roles.values().filter(|role| !role.service_linked);
    let roles = roles.map(|role| Resource { arn: role.arn.clone(), kind: "iam:role", tags: role.tags.clone() });
    let policies = state.policies.values();
    let policies =
        policies.map(|policy| Resource { arn: policy.arn.clone(), kind: "iam:policy", tags: policy.tags.clone() });
    let profiles = state.profiles.values();
    let profiles = profiles.map(|profile| Resource {
        arn: profile.arn.clone(),
        kind: "iam:instance-profile",
        tags: profile.tags.clone(),
    });
    let providers = state.providers.values();
    let providers = providers.map(|provider| Resource {
        arn: provider.arn.clone(),
        kind: "iam:oidc-provider",
        tags: provider.tags.clone(),
    });
    let users = state.users.values();
    let users = users.map(|user| Resource { arn: user.arn.clone(), kind: "iam:user", tags: user.tags.clone() });
    let groups = state.groups.values();
    let groups = groups.map(|group| Resource { arn: group.arn.clone(), kind: "iam:group", tags: Tags::new() });
    roles.chain(users).chain(groups).chain(policies).chain(profiles).chain(providers).collect()
}

/// What is not there: 404.
fn no_such_entity(message: String) -> ApiError {
    ApiError::new("NoSuchEntity", message).status(404)
}

/// What the state of things forbids: 409.
fn conflict(code: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(code, message).status(409)
}

/// Checks the name of a role or policy.
fn check_name(parameter: &str, name: &str, longest: usize) -> Result<()> {
    if name.is_empty() || name.chars().count() > longest {
        let bound = if name.is_empty() {
            "greater than or equal to 1".to_owned()
        } else {
            format!("less than or equal to {longest}")
        };
        return Err(ApiError::new(
            "ValidationError",
            format!(
                "1 validation error detected: Value '{name}' at '{parameter}' failed to satisfy constraint: \
                 Member must have length {bound}"
            ),
        ));
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)) {
        return Err(ApiError::new(
            "ValidationError",
            format!(
                "The specified value for {parameter} is invalid. It must contain only alphanumeric characters \
                 and/or the following: +=,.@_-"
            ),
        ));
    }
    Ok(())
}

/// Checks a path: `/` or `/a/b/`.
fn check_path(path: &str) -> Result<()> {
    let printable = path.chars().all(|c| ('\u{21}'..='\u{7f}').contains(&c));
    if path.len() <= 512 && path.starts_with('/') && path.ends_with('/') && printable {
        return Ok(());
    }
    Err(ApiError::new(
        "ValidationError",
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric \
         characters and/or / characters.",
    ))
}

/// Checks a list of tags: no key twice (regardless of case), AWS's other rules, 50 at most with those that exist.
fn check_tags(list: Vec<Tag>, existing: &Tags) -> Result<Tags> {
    let mut keys = std::collections::BTreeSet::new();
    if !list.iter().all(|tag| keys.insert(tag.key.to_lowercase())) {
        return Err(ApiError::new(
            "InvalidInput",
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        ));
    }
    let mut all = existing.clone();
    let new = tags::from_list(list);
    tags::check(&new).map_err(|why| ApiError::new("InvalidInput", why))?;
    // A key in another case replaces the one that is there.
    all.retain(|key, _| !new.keys().any(|k| k.eq_ignore_ascii_case(key)));
    all.extend(new);
    if all.len() > 50 {
        return Err(conflict("LimitExceeded", "The number of tags has reached the maximum limit."));
    }
    Ok(all)
}

/// `{name: [...], IsTruncated, Marker}` from items sorted by their keys.
fn listed(name: &str, items: Vec<(String, Value)>, marker: Option<&str>, max_items: Option<usize>) -> Result<Value> {
    let size = max_items.unwrap_or(100);
    if !(1..=1000).contains(&size) {
        return Err(ApiError::new(
            "ValidationError",
            format!(
                "1 validation error detected: Value '{size}' at 'maxItems' failed to satisfy constraint: Member must \
                 have value between 1 and 1000"
            ),
        ));
    }
    let page = page::page(items, marker, size, "ValidationError")?;
    let mut answer = Map::new();
    answer.insert(name.to_owned(), Value::Array(page.items));
    answer.insert("IsTruncated".to_owned(), page.next.is_some().into());
    answer.insert("Marker".to_owned(), page.next.into());
    Ok(Value::Object(answer))
}

/// A document as IAM returns it: percent-encoded (RFC 3986).
fn encoded(document: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const SET: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(document, SET).to_string()
}

#[cfg(test)]
mod tests;

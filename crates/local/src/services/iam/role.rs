//! Roles and their trust policies.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    check_name, check_path, check_tags, conflict, document, encoded, listed, managed, no_such_entity, profile,
};
use crate::clock::Time;
use crate::error::{ApiError, Result};
use crate::tags::{self, Tag, Tags};
use crate::world::Cx;

/// A role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) path: String,
    /// `AROA…`
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) trust: String,
    /// The trust policy before the last change, which services see for a moment longer.
    pub(crate) trust_before: String,
    pub(crate) trust_changed: Time,
    pub(crate) description: Option<String>,
    pub(crate) max_session_duration: u32,
    pub(crate) created: Time,
    /// The ARN of the policy that bounds it.
    pub(crate) boundary: Option<String>,
    pub(crate) tags: Tags,
    /// ARNs of attached policies, with their names.
    pub(crate) attached: BTreeMap<String, String>,
    /// Inline policies' documents, by name.
    pub(crate) inline: BTreeMap<String, String>,
    /// Belongs to a service: its users cannot change it.
    #[serde(default)]
    pub(crate) service_linked: bool,
}

/// With `full`, as GetRole returns it; ListRoles leaves out the tags and the boundary.
pub(super) fn render(role: &Role, full: bool) -> Value {
    let mut answer = json!({
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created.iso8601(),
        "AssumeRolePolicyDocument": encoded(&role.trust),
        "Description": role.description,
        "MaxSessionDuration": role.max_session_duration,
    });
    if full {
        answer["PermissionsBoundary"] = boundary(role);
        if !role.tags.is_empty() {
            answer["Tags"] = tags::pascal(&role.tags);
        }
        // Nobody has used it.
        answer["RoleLastUsed"] = json!({});
    }
    answer
}

pub(super) fn boundary(role: &Role) -> Value {
    match &role.boundary {
        None => Value::Null,
        Some(arn) => json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}),
    }
}

/// The role with this name.
pub(super) fn find<'a>(cx: &'a mut Cx<'_>, name: &str) -> Result<&'a mut Role> {
    check_name("roleName", name, 64)?;
    match cx.iam().roles.get_mut(&name.to_lowercase()) {
        Some(role) => Ok(role),
        None => Err(no_such_entity(format!("The role with name {name} cannot be found."))),
    }
}

/// The same, to change it.
pub(super) fn find_own<'a>(cx: &'a mut Cx<'_>, name: &str) -> Result<&'a mut Role> {
    let role = find(cx, name)?;
    if role.service_linked {
        return Err(ApiError::new(
            "UnmodifiableEntity",
            format!(
                "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
            ),
        ));
    }
    Ok(role)
}

fn check_session(seconds: u32) -> Result<()> {
    if (3600..=43200).contains(&seconds) {
        return Ok(());
    }
    let (bound, limit) = if seconds < 3600 { ("greater", 3600) } else { ("less", 43200) };
    Err(ApiError::new(
        "ValidationError",
        format!(
            "1 validation error detected: Value '{seconds}' at 'maxSessionDuration' failed to satisfy constraint: \
             Member must have value {bound} than or equal to {limit}"
        ),
    ))
}

fn check_description(description: Option<&str>) -> Result<()> {
    if description.is_some_and(|text| text.chars().count() > 1000) {
        return Err(ApiError::new(
            "ValidationError",
            "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have \
             length less than or equal to 1000",
        ));
    }
    Ok(())
}

fn check_trust(cx: &Cx<'_>, trust: &str) -> Result<()> {
    document::check_trust(cx, trust)?;
    if trust.chars().filter(|c| !c.is_whitespace()).count() > 2048 {
        return Err(conflict("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048"));
    }
    Ok(())
}

pub(super) fn check_boundary(cx: &Cx<'_>, arn: &str) -> Result<()> {
    if cx.world.global.iam.policies.contains_key(arn) || managed::by_arn(arn).is_some() {
        return Ok(());
    }
    Err(no_such_entity(format!("Scope ARN: {arn} does not exist or is not attachable.")))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    path: Option<String>,
    role_name: String,
    assume_role_policy_document: String,
    description: Option<String>,
    max_session_duration: Option<u32>,
    permissions_boundary: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    check_name("roleName", &input.role_name, 64)?;
    let path = input.path.unwrap_or_else(|| "/".to_owned());
    check_path(&path)?;
    check_session(input.max_session_duration.unwrap_or(3600))?;
    check_description(input.description.as_deref())?;
    let tags = check_tags(input.tags, &Tags::new())?;
    if cx.iam().roles.contains_key(&input.role_name.to_lowercase()) {
        return Err(conflict("EntityAlreadyExists", format!("Role with name {} already exists.", input.role_name)));
    }
    check_trust(cx, &input.assume_role_policy_document)?;
    if let Some(arn) = &input.permissions_boundary {
        check_boundary(cx, arn)?;
    }
    let now = cx.now();
    let role = Role {
        arn: format!("arn:aws:iam::{}:role{path}{}", cx.account(), input.role_name),
        id: format!("AROA{}", cx.upper(17)),
        name: input.role_name,
        path,
        trust_before: input.assume_role_policy_document.clone(),
        trust: input.assume_role_policy_document,
        trust_changed: now,
        description: input.description,
        max_session_duration: input.max_session_duration.unwrap_or(3600),
        created: now,
        boundary: input.permissions_boundary,
        tags,
        attached: BTreeMap::new(),
        inline: BTreeMap::new(),
        service_linked: false,
    };
    let answer = json!({"Role": render(&role, true)});
    cx.iam().roles.insert(role.name.to_lowercase(), role);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ByName {
    role_name: String,
}

pub(super) fn get(cx: &mut Cx<'_>, input: ByName) -> Result {
    Ok(json!({"Role": render(find(cx, &input.role_name)?, true)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    path_prefix: Option<String>,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let prefix = input.path_prefix.unwrap_or_default();
    let roles = cx.iam().roles.iter().filter(|(_, role)| role.path.starts_with(&prefix));
    let roles = roles.map(|(key, role)| (key.clone(), render(role, false))).collect();
    listed("Roles", roles, input.marker.as_deref(), input.max_items)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Update {
    role_name: String,
    description: Option<String>,
    max_session_duration: Option<u32>,
}

pub(super) fn update(cx: &mut Cx<'_>, input: Update) -> Result {
    // AWS's trap: a session duration that is left out becomes one hour.
    let seconds = input.max_session_duration.unwrap_or(3600);
    check_session(seconds)?;
    check_description(input.description.as_deref())?;
    let role = find_own(cx, &input.role_name)?;
    role.max_session_duration = seconds;
    if let Some(description) = input.description {
        role.description = Some(description).filter(|text| !text.is_empty());
    }
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UpdateDescription {
    role_name: String,
    description: String,
}

pub(super) fn update_description(cx: &mut Cx<'_>, input: UpdateDescription) -> Result {
    check_description(Some(&input.description))?;
    let role = find_own(cx, &input.role_name)?;
    role.description = Some(input.description).filter(|text| !text.is_empty());
    Ok(json!({"Role": render(role, true)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UpdateTrust {
    role_name: String,
    policy_document: String,
}

pub(super) fn update_trust(cx: &mut Cx<'_>, input: UpdateTrust) -> Result {
    find_own(cx, &input.role_name)?;
    check_trust(cx, &input.policy_document)?;
    let now = cx.now();
    let seen = {
        let role = find_own(cx, &input.role_name)?.clone();
        // Two changes within the window: what services see is still the one before the first.
        if cx.settled(role.trust_changed) { role.trust } else { role.trust_before }
    };
    let role = find_own(cx, &input.role_name)?;
    role.trust_before = seen;
    role.trust = input.policy_document;
    role.trust_changed = now;
    Ok(Value::Null)
}

pub(super) fn delete(cx: &mut Cx<'_>, input: ByName) -> Result {
    let role = find_own(cx, &input.role_name)?;
    if !role.attached.is_empty() {
        return Err(conflict("DeleteConflict", "Cannot delete entity, must detach all policies first."));
    }
    if !role.inline.is_empty() {
        return Err(conflict("DeleteConflict", "Cannot delete entity, must delete policies first."));
    }
    let role = role.clone();
    if profile::holds(cx.iam(), &role.name) {
        return Err(conflict("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first."));
    }
    let (arn, id) = (format!("\"{}\"", role.arn), format!("\"{}\"", role.id));
    let state = cx.iam();
    state.roles.remove(&input.role_name.to_lowercase());
    // Trust policies that named it now name an id that nobody will ever have again.
    for other in state.roles.values_mut() {
        other.trust = other.trust.replace(&arn, &id);
    }
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct AddTags {
    role_name: String,
    tags: Vec<Tag>,
}

pub(super) fn tag(cx: &mut Cx<'_>, input: AddTags) -> Result {
    let role = find_own(cx, &input.role_name)?;
    role.tags = check_tags(input.tags, &role.tags)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RemoveTags {
    role_name: String,
    tag_keys: Vec<String>,
}

pub(super) fn untag(cx: &mut Cx<'_>, input: RemoveTags) -> Result {
    let role = find_own(cx, &input.role_name)?;
    role.tags.retain(|key, _| !input.tag_keys.iter().any(|k| k.eq_ignore_ascii_case(key)));
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListOf {
    role_name: String,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn list_tags(cx: &mut Cx<'_>, input: ListOf) -> Result {
    let tags = &find(cx, &input.role_name)?.tags;
    let tags = tags.iter().map(|(key, value)| (key.clone(), json!({"Key": key, "Value": value}))).collect();
    listed("Tags", tags, input.marker.as_deref(), input.max_items)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutBoundary {
    role_name: String,
    permissions_boundary: String,
}

pub(super) fn put_boundary(cx: &mut Cx<'_>, input: PutBoundary) -> Result {
    find_own(cx, &input.role_name)?;
    check_boundary(cx, &input.permissions_boundary)?;
    find_own(cx, &input.role_name)?.boundary = Some(input.permissions_boundary);
    Ok(Value::Null)
}

pub(super) fn delete_boundary(cx: &mut Cx<'_>, input: ByName) -> Result {
    let role = find_own(cx, &input.role_name)?;
    if role.boundary.take().is_none() {
        return Err(no_such_entity(format!("Role {} does not have a permissions boundary.", input.role_name)));
    }
    Ok(Value::Null)
}

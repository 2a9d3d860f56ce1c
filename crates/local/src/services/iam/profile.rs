//! Instance profiles. Nothing here runs on instances; they hold their roles all the same.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{State, check_name, check_path, check_tags, conflict, listed, no_such_entity, role};
use crate::clock::Time;
use crate::error::Result;
use crate::tags::{self, Tag, Tags};
use crate::world::Cx;

/// An instance profile, with one role at most.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Profile {
    name: String,
    path: String,
    id: String,
    pub(crate) arn: String,
    role: Option<String>,
    created: Time,
    pub(crate) tags: Tags,
}

/// Whether a profile holds this role.
pub(super) fn holds(state: &State, role: &str) -> bool {
    state.profiles.values().any(|profile| profile.role.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(role)))
}

fn find<'a>(cx: &'a mut Cx<'_>, name: &str) -> Result<&'a mut Profile> {
    check_name("instanceProfileName", name, 128)?;
    let found = cx.iam().profiles.get_mut(&name.to_lowercase());
    found.ok_or_else(|| no_such_entity(format!("Instance Profile {name} cannot be found.")))
}

fn render(cx: &mut Cx<'_>, profile: &Profile) -> Value {
    let role = profile.role.as_ref().and_then(|name| cx.iam().roles.get(&name.to_lowercase()));
    json!({
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Path": profile.path,
        "Arn": profile.arn,
        "CreateDate": profile.created.iso8601(),
        "Roles": role.map(|role| role::render(role, false)).into_iter().collect::<Vec<_>>(),
        "Tags": tags::pascal(&profile.tags),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    instance_profile_name: String,
    path: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let name = input.instance_profile_name;
    check_name("instanceProfileName", &name, 128)?;
    let path = input.path.unwrap_or_else(|| "/".to_owned());
    check_path(&path)?;
    let tags = check_tags(input.tags, &Tags::new())?;
    if cx.iam().profiles.contains_key(&name.to_lowercase()) {
        return Err(conflict("EntityAlreadyExists", format!("Instance Profile {name} already exists.")));
    }
    let profile = Profile {
        id: format!("AIPA{}", cx.upper(17)),
        arn: format!("arn:aws:iam::{}:instance-profile{path}{name}", cx.account()),
        created: cx.now(),
        role: None,
        path,
        tags,
        name: name.clone(),
    };
    let answer = render(cx, &profile);
    cx.iam().profiles.insert(name.to_lowercase(), profile);
    Ok(json!({"InstanceProfile": answer}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Named {
    instance_profile_name: String,
}

pub(super) fn get(cx: &mut Cx<'_>, input: Named) -> Result {
    let profile = find(cx, &input.instance_profile_name)?.clone();
    Ok(json!({"InstanceProfile": render(cx, &profile)}))
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Named) -> Result {
    if find(cx, &input.instance_profile_name)?.role.is_some() {
        return Err(conflict("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first."));
    }
    cx.iam().profiles.remove(&input.instance_profile_name.to_lowercase());
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OfRole {
    instance_profile_name: String,
    role_name: String,
}

pub(super) fn add_role(cx: &mut Cx<'_>, input: OfRole) -> Result {
    let role = role::find_own(cx, &input.role_name)?.name.clone();
    let profile = find(cx, &input.instance_profile_name)?;
    if profile.role.is_some() {
        return Err(conflict("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"));
    }
    profile.role = Some(role);
    Ok(Value::Null)
}

pub(super) fn remove_role(cx: &mut Cx<'_>, input: OfRole) -> Result {
    let profile = find(cx, &input.instance_profile_name)?;
    if !profile.role.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(&input.role_name)) {
        return Err(no_such_entity(format!("The role with name {} cannot be found.", input.role_name)));
    }
    profile.role = None;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    path_prefix: Option<String>,
    role_name: Option<String>,
    marker: Option<String>,
    max_items: Option<usize>,
}

/// All of them, or those that hold one role.
pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    if let Some(role) = &input.role_name {
        role::find(cx, role)?;
    }
    let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
    let wanted = |p: &Profile| {
        let held = |role: &String| p.role.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(role));
        p.path.starts_with(&prefix) && input.role_name.as_ref().is_none_or(held)
    };
    let found: Vec<(String, Profile)> =
        cx.iam().profiles.iter().filter(|(_, p)| wanted(p)).map(|(key, p)| (key.clone(), p.clone())).collect();
    let items = found.into_iter().map(|(key, profile)| (key, render(cx, &profile))).collect();
    listed("InstanceProfiles", items, input.marker.as_deref(), input.max_items)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct AddTags {
    instance_profile_name: String,
    tags: Vec<Tag>,
}

pub(super) fn tag(cx: &mut Cx<'_>, input: AddTags) -> Result {
    let profile = find(cx, &input.instance_profile_name)?;
    profile.tags = check_tags(input.tags, &profile.tags)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RemoveTags {
    instance_profile_name: String,
    tag_keys: Vec<String>,
}

pub(super) fn untag(cx: &mut Cx<'_>, input: RemoveTags) -> Result {
    let profile = find(cx, &input.instance_profile_name)?;
    profile.tags.retain(|key, _| !input.tag_keys.iter().any(|k| k.eq_ignore_ascii_case(key)));
    Ok(Value::Null)
}

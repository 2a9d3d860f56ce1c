//! Groups, and which users are in them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::grants::{self, Grants};
use super::{State, check_name, check_path, conflict, listed, no_such_entity, user};
use crate::clock::Time;
use crate::error::Result;
use crate::world::Cx;

/// A group of users.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) path: String,
    /// `AGPA…`
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) created: Time,
    pub(crate) grants: Grants,
    /// Users' names in lower case.
    members: BTreeSet<String>,
}

/// Whether a user is in any group.
pub(super) fn holds(state: &State, user: &str) -> bool {
    state.groups.values().any(|group| group.members.contains(&user.to_lowercase()))
}

/// A member that has another name now is a member all the same.
pub(super) fn rename_member(cx: &mut Cx<'_>, from: &str, to: &str) {
    for group in cx.iam().groups.values_mut() {
        if group.members.remove(&from.to_lowercase()) {
            group.members.insert(to.to_lowercase());
        }
    }
}

/// The names of a user's groups.
pub(super) fn names_of(state: &State, user: &str) -> Vec<String> {
    let user = user.to_lowercase();
    state.groups.values().filter(|group| group.members.contains(&user)).map(|group| group.name.clone()).collect()
}

fn arn(cx: &Cx<'_>, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{}:group{path}{name}", cx.account())
}

pub(super) fn render(group: &Group) -> Value {
    json!({
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": group.arn,
        "CreateDate": group.created.iso8601(),
    })
}

fn find<'a>(cx: &'a mut Cx<'_>, name: &str) -> Result<&'a mut Group> {
    check_name("groupName", name, 128)?;
    let group = cx.iam().groups.get_mut(&name.to_lowercase());
    group.ok_or_else(|| no_such_entity(format!("The group with name {name} cannot be found.")))
}

/// What a group's users may do, to read or change it.
pub(super) fn grants<'a>(cx: &'a mut Cx<'_>, name: &str) -> Result<&'a mut Grants> {
    Ok(&mut find(cx, name)?.grants)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    path: Option<String>,
    group_name: String,
}

fn check_free(cx: &mut Cx<'_>, name: &str) -> Result<()> {
    if cx.iam().groups.contains_key(&name.to_lowercase()) {
        return Err(conflict("EntityAlreadyExists", format!("Group with name {name} already exists.")));
    }
    Ok(())
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    check_name("groupName", &input.group_name, 128)?;
    let path = input.path.unwrap_or_else(|| "/".to_owned());
    check_path(&path)?;
    check_free(cx, &input.group_name)?;
    let group = Group {
        arn: arn(cx, &path, &input.group_name),
        id: format!("AGPA{}", cx.upper(17)),
        name: input.group_name,
        path,
        created: cx.now(),
        grants: Grants::default(),
        members: BTreeSet::new(),
    };
    let answer = json!({"Group": render(&group)});
    cx.iam().groups.insert(group.name.to_lowercase(), group);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListOf {
    group_name: String,
    marker: Option<String>,
    max_items: Option<usize>,
}

/// The group with its users, which is what the pages are of.
pub(super) fn get(cx: &mut Cx<'_>, input: ListOf) -> Result {
    let group = find(cx, &input.group_name)?.clone();
    let users = cx.iam().users.iter().filter(|(key, _)| group.members.contains(*key));
    let users = users.map(|(key, one)| (key.clone(), user::render(one, false))).collect();
    let mut answer = listed("Users", users, input.marker.as_deref(), input.max_items)?;
    answer["Group"] = render(&group);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    path_prefix: Option<String>,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
    let groups = cx.iam().groups.iter().filter(|(_, group)| group.path.starts_with(&prefix));
    let groups = groups.map(|(key, group)| (key.clone(), render(group))).collect();
    listed("Groups", groups, input.marker.as_deref(), input.max_items)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListForUser {
    user_name: String,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn list_for_user(cx: &mut Cx<'_>, input: ListForUser) -> Result {
    let user = user::find(cx, &input.user_name)?.name.to_lowercase();
    let groups = cx.iam().groups.iter().filter(|(_, group)| group.members.contains(&user));
    let groups = groups.map(|(key, group)| (key.clone(), render(group))).collect();
    listed("Groups", groups, input.marker.as_deref(), input.max_items)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Update {
    group_name: String,
    new_path: Option<String>,
    new_group_name: Option<String>,
}

pub(super) fn update(cx: &mut Cx<'_>, input: Update) -> Result {
    let mut group = find(cx, &input.group_name)?.clone();
    if let Some(path) = input.new_path {
        check_path(&path)?;
        group.path = path;
    }
    if let Some(name) = input.new_group_name {
        check_name("newGroupName", &name, 128)?;
        if !name.eq_ignore_ascii_case(&group.name) {
            check_free(cx, &name)?;
        }
        group.name = name;
    }
    group.arn = arn(cx, &group.path, &group.name);
    let state = cx.iam();
    state.groups.remove(&input.group_name.to_lowercase());
    state.groups.insert(group.name.to_lowercase(), group);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Named {
    group_name: String,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Named) -> Result {
    let group = find(cx, &input.group_name)?;
    grants::check_none(&group.grants)?;
    if !group.members.is_empty() {
        return Err(conflict("DeleteConflict", "Cannot delete entity, must remove users from group first."));
    }
    cx.iam().groups.remove(&input.group_name.to_lowercase());
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Membership {
    group_name: String,
    user_name: String,
}

/// Adding a member again is no error.
pub(super) fn add_user(cx: &mut Cx<'_>, input: Membership) -> Result {
    let user = user::find(cx, &input.user_name)?.name.to_lowercase();
    find(cx, &input.group_name)?.members.insert(user);
    Ok(Value::Null)
}

/// Nor is removing who is no member.
pub(super) fn remove_user(cx: &mut Cx<'_>, input: Membership) -> Result {
    let user = user::find(cx, &input.user_name)?.name.to_lowercase();
    find(cx, &input.group_name)?.members.remove(&user);
    Ok(Value::Null)
}

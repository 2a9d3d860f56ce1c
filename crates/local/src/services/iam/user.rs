//! Users and their access keys: what a pipeline outside AWS signs its calls with.
//!
//! The caller, `local`, is there without being made, and cannot be changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::grants::{self, Grants};
use super::role::check_boundary;
use super::{account, check_name, check_path, check_tags, conflict, group, listed, no_such_entity};
use crate::clock::Time;
use crate::error::{ApiError, Result};
use crate::tags::{self, Tag, Tags};
use crate::world::Cx;

/// AWS's fixed quota.
const KEYS_PER_USER: usize = 2;

/// A user that somebody made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) path: String,
    /// `AIDA…`
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) created: Time,
    pub(crate) boundary: Option<String>,
    pub(crate) tags: Tags,
    pub(crate) grants: Grants,
    /// By id. The secrets are told once and not kept: nobody checks signatures here.
    keys: BTreeMap<String, Key>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Key {
    created: Time,
    active: bool,
}

fn arn(cx: &Cx<'_>, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{}:user{path}{name}", cx.account())
}

/// With `full`, as GetUser returns it; ListUsers leaves out the tags and the boundary.
pub(super) fn render(user: &User, full: bool) -> Value {
    let mut answer = json!({
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn,
        "CreateDate": user.created.iso8601(),
    });
    if full {
        if let Some(arn) = &user.boundary {
            answer["PermissionsBoundary"] = json!({
                "PermissionsBoundaryType": "Policy",
                "PermissionsBoundaryArn": arn,
            });
        }
        if !user.tags.is_empty() {
            answer["Tags"] = tags::pascal(&user.tags);
        }
    }
    answer
}

fn missing(name: &str) -> ApiError {
    no_such_entity(format!("The user with name {name} cannot be found."))
}

/// The user with this name.
pub(super) fn find<'a>(cx: &'a mut Cx<'_>, name: &str) -> Result<&'a mut User> {
    check_name("userName", name, 64)?;
    cx.iam().users.get_mut(&name.to_lowercase()).ok_or_else(|| missing(name))
}

/// What a user may do, to read or change it.
pub(super) fn grants<'a>(cx: &'a mut Cx<'_>, name: &str) -> Result<&'a mut Grants> {
    Ok(&mut find(cx, name)?.grants)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    path: Option<String>,
    user_name: String,
    permissions_boundary: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

fn check_free(cx: &mut Cx<'_>, name: &str) -> Result<()> {
    if name.eq_ignore_ascii_case("local") || cx.iam().users.contains_key(&name.to_lowercase()) {
        return Err(conflict("EntityAlreadyExists", format!("User with name {name} already exists.")));
    }
    Ok(())
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    check_name("userName", &input.user_name, 64)?;
    let path = input.path.unwrap_or_else(|| "/".to_owned());
    check_path(&path)?;
    let tags = check_tags(input.tags, &Tags::new())?;
    check_free(cx, &input.user_name)?;
    if let Some(arn) = &input.permissions_boundary {
        check_boundary(cx, arn)?;
    }
    let user = User {
        arn: arn(cx, &path, &input.user_name),
        id: format!("AIDA{}", cx.upper(17)),
        name: input.user_name,
        path,
        created: cx.now(),
        boundary: input.permissions_boundary,
        tags,
        grants: Grants::default(),
        keys: BTreeMap::new(),
    };
    let answer = json!({"User": render(&user, true)});
    cx.iam().users.insert(user.name.to_lowercase(), user);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct MaybeNamed {
    user_name: Option<String>,
}

/// Without a name, the caller.
pub(super) fn get(cx: &mut Cx<'_>, input: MaybeNamed) -> Result {
    match input.user_name.as_deref() {
        None | Some("local") => Ok(json!({"User": account::caller(cx)})),
        Some(name) => Ok(json!({"User": render(find(cx, name)?, true)})),
    }
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
    let mut users: BTreeMap<String, Value> = BTreeMap::new();
    if prefix == "/" {
        users.insert("local".to_owned(), account::caller(cx));
    }
    let made = cx.iam().users.iter().filter(|(_, user)| user.path.starts_with(&prefix));
    users.extend(made.map(|(key, user)| (key.clone(), render(user, false))));
    listed("Users", users.into_iter().collect(), input.marker.as_deref(), input.max_items)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Update {
    user_name: String,
    new_path: Option<String>,
    new_user_name: Option<String>,
}

pub(super) fn update(cx: &mut Cx<'_>, input: Update) -> Result {
    let mut user = find(cx, &input.user_name)?.clone();
    if let Some(path) = input.new_path {
        check_path(&path)?;
        user.path = path;
    }
    if let Some(name) = input.new_user_name {
        check_name("newUserName", &name, 64)?;
        if !name.eq_ignore_ascii_case(&user.name) {
            check_free(cx, &name)?;
        }
        group::rename_member(cx, &user.name, &name);
        user.name = name;
    }
    user.arn = arn(cx, &user.path, &user.name);
    let state = cx.iam();
    state.users.remove(&input.user_name.to_lowercase());
    state.users.insert(user.name.to_lowercase(), user);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Named {
    user_name: String,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Named) -> Result {
    let user = find(cx, &input.user_name)?.clone();
    grants::check_none(&user.grants)?;
    let left = if group::holds(cx.iam(), &user.name) {
        "must remove users from group first."
    } else if !user.keys.is_empty() {
        "must delete access keys first."
    } else {
        cx.iam().users.remove(&input.user_name.to_lowercase());
        return Ok(Value::Null);
    };
    Err(conflict("DeleteConflict", format!("Cannot delete entity, {left}")))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct AddTags {
    user_name: String,
    tags: Vec<Tag>,
}

pub(super) fn tag(cx: &mut Cx<'_>, input: AddTags) -> Result {
    let user = find(cx, &input.user_name)?;
    user.tags = check_tags(input.tags, &user.tags)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RemoveTags {
    user_name: String,
    tag_keys: Vec<String>,
}

pub(super) fn untag(cx: &mut Cx<'_>, input: RemoveTags) -> Result {
    let user = find(cx, &input.user_name)?;
    user.tags.retain(|key, _| !input.tag_keys.iter().any(|k| k.eq_ignore_ascii_case(key)));
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListOf {
    user_name: String,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn list_tags(cx: &mut Cx<'_>, input: ListOf) -> Result {
    let tags = &find(cx, &input.user_name)?.tags;
    let tags = tags.iter().map(|(key, value)| (key.clone(), json!({"Key": key, "Value": value}))).collect();
    listed("Tags", tags, input.marker.as_deref(), input.max_items)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutBoundary {
    user_name: String,
    permissions_boundary: String,
}

pub(super) fn put_boundary(cx: &mut Cx<'_>, input: PutBoundary) -> Result {
    find(cx, &input.user_name)?;
    check_boundary(cx, &input.permissions_boundary)?;
    find(cx, &input.user_name)?.boundary = Some(input.permissions_boundary);
    Ok(Value::Null)
}

pub(super) fn delete_boundary(cx: &mut Cx<'_>, input: Named) -> Result {
    let user = find(cx, &input.user_name)?;
    if user.boundary.take().is_none() {
        return Err(no_such_entity(format!("User {} does not have a permissions boundary.", input.user_name)));
    }
    Ok(Value::Null)
}

fn status(active: bool) -> &'static str {
    if active { "Active" } else { "Inactive" }
}

pub(super) fn create_key(cx: &mut Cx<'_>, input: Named) -> Result {
    let (id, secret, now) = (format!("AKIA{}", cx.upper(16)), cx.upper(40), cx.now());
    let user = find(cx, &input.user_name)?;
    if user.keys.len() >= KEYS_PER_USER {
        return Err(conflict("LimitExceeded", format!("Cannot exceed quota for AccessKeysPerUser: {KEYS_PER_USER}")));
    }
    user.keys.insert(id.clone(), Key { created: now, active: true });
    Ok(json!({"AccessKey": {
        "UserName": user.name,
        "AccessKeyId": id,
        "Status": status(true),
        "SecretAccessKey": secret,
        "CreateDate": now.iso8601(),
    }}))
}

pub(super) fn list_keys(cx: &mut Cx<'_>, input: ListOf) -> Result {
    let user = find(cx, &input.user_name)?;
    let render = |(id, key): (&String, &Key)| {
        let value = json!({
            "UserName": user.name,
            "AccessKeyId": id,
            "Status": status(key.active),
            "CreateDate": key.created.iso8601(),
        });
        (id.clone(), value)
    };
    let keys = user.keys.iter().map(render).collect();
    listed("AccessKeyMetadata", keys, input.marker.as_deref(), input.max_items)
}

fn missing_key(id: &str) -> ApiError {
    no_such_entity(format!("The Access Key with id {id} cannot be found."))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UpdateKey {
    user_name: String,
    access_key_id: String,
    status: String,
}

pub(super) fn update_key(cx: &mut Cx<'_>, input: UpdateKey) -> Result {
    let active = match input.status.as_str() {
        "Active" => true,
        "Inactive" => false,
        other => {
            return Err(ApiError::new(
                "ValidationError",
                format!(
                    "1 validation error detected: Value '{other}' at 'status' failed to satisfy constraint: Member \
                     must satisfy enum value set: [Active, Inactive]"
                ),
            ));
        }
    };
    let key = find(cx, &input.user_name)?.keys.get_mut(&input.access_key_id);
    key.ok_or_else(|| missing_key(&input.access_key_id))?.active = active;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OfKey {
    user_name: String,
    access_key_id: String,
}

pub(super) fn delete_key(cx: &mut Cx<'_>, input: OfKey) -> Result {
    let key = find(cx, &input.user_name)?.keys.remove(&input.access_key_id);
    key.map(|_| Value::Null).ok_or_else(|| missing_key(&input.access_key_id))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ByKey {
    access_key_id: String,
}

/// Nobody checks signatures here, so that no key is ever seen to be used.
pub(super) fn key_last_used(cx: &mut Cx<'_>, input: ByKey) -> Result {
    let user = cx.iam().users.values().find(|user| user.keys.contains_key(&input.access_key_id));
    let user = user.ok_or_else(|| missing_key(&input.access_key_id))?;
    Ok(json!({"UserName": user.name, "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"}}))
}

/// Credentials of a kind that there is no operation here to make.
fn none_of(cx: &mut Cx<'_>, user: &str, list: &str) -> Result {
    find(cx, user)?;
    listed(list, Vec::new(), None, None)
}

/// For a user, and with no name for the caller.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[allow(dead_code, reason = "an empty list has one page")]
pub(super) struct Credentials {
    user_name: Option<String>,
    service_name: Option<String>,
    assignment_status: Option<String>,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn ssh_keys(cx: &mut Cx<'_>, input: Credentials) -> Result {
    none_of(cx, &input.user_name.unwrap_or_default(), "SSHPublicKeys")
}

pub(super) fn mfa_devices(cx: &mut Cx<'_>, input: Credentials) -> Result {
    none_of(cx, &input.user_name.unwrap_or_default(), "MFADevices")
}

pub(super) fn signing_certificates(cx: &mut Cx<'_>, input: Credentials) -> Result {
    none_of(cx, &input.user_name.unwrap_or_default(), "Certificates")
}

pub(super) fn service_credentials(cx: &mut Cx<'_>, input: Credentials) -> Result {
    none_of(cx, &input.user_name.unwrap_or_default(), "ServiceSpecificCredentials")
}

/// The account's, of which there are none.
pub(super) fn virtual_mfa_devices(_cx: &mut Cx<'_>, _input: Credentials) -> Result {
    listed("VirtualMFADevices", Vec::new(), None, None)
}

/// No user has a password.
pub(super) fn login_profile(cx: &mut Cx<'_>, input: Named) -> Result {
    find(cx, &input.user_name)?;
    Err(no_such_entity(format!("Login Profile for User {} cannot be found.", input.user_name)))
}

//! Managed policies: the account's own, and how AWS's look.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::managed::{self, Managed};
use super::{check_name, check_path, check_tags, conflict, document, listed, no_such_entity};
use crate::clock::Time;
use crate::error::{ApiError, Result};
use crate::tags::{self, Tag, Tags};
use crate::world::Cx;

/// A policy of the account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Policy {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) path: String,
    /// `ANPA…`
    pub(crate) id: String,
    pub(crate) description: Option<String>,
    pub(crate) tags: Tags,
    pub(crate) created: Time,
    pub(crate) updated: Time,
    /// By number.
    pub(crate) versions: BTreeMap<u32, Version>,
    pub(crate) default: u32,
    /// The number of the latest version, which is never given out again.
    pub(crate) latest: u32,
}

/// A version of a policy's document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) document: String,
    pub(crate) created: Time,
}

impl Policy {
    /// The default version's document.
    pub(crate) fn document(&self) -> Option<&str> {
        self.versions.get(&self.default).map(|version| version.document.as_str())
    }
}

/// How many roles, users and groups have a policy attached, and how many are bounded by it.
pub(super) fn uses(cx: &Cx<'_>, arn: &str) -> (usize, usize) {
    let state = &cx.world.global.iam;
    let roles = state.roles.values().map(|role| (&role.attached, &role.boundary));
    let users = state.users.values().map(|user| (&user.grants.attached, &user.boundary));
    let groups = state.groups.values().map(|group| (&group.grants.attached, &None));
    let all = roles.chain(users).chain(groups);
    all.fold((0, 0), |(attached, bounded), (policies, boundary)| {
        let bound = boundary.as_deref() == Some(arn);
        (attached + usize::from(policies.contains_key(arn)), bounded + usize::from(bound))
    })
}

fn render(cx: &Cx<'_>, policy: &Policy, full: bool) -> Value {
    let (attached, bounded) = uses(cx, &policy.arn);
    let mut answer = json!({
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": format!("v{}", policy.default),
        "AttachmentCount": attached,
        "PermissionsBoundaryUsageCount": bounded,
        "IsAttachable": true,
        "CreateDate": policy.created.iso8601(),
        "UpdateDate": policy.updated.iso8601(),
    });
    if full {
        answer["Description"] = policy.description.as_deref().into();
        if !policy.tags.is_empty() {
            answer["Tags"] = tags::pascal(&policy.tags);
        }
    }
    answer
}

pub(super) fn render_managed(cx: &Cx<'_>, policy: &Managed) -> Value {
    let (attached, bounded) = uses(cx, &policy.arn());
    json!({
        "PolicyName": policy.name,
        "PolicyId": policy.id(),
        "Arn": policy.arn(),
        "Path": policy.path,
        "DefaultVersionId": "v1",
        "AttachmentCount": attached,
        "PermissionsBoundaryUsageCount": bounded,
        "IsAttachable": true,
        "CreateDate": managed::CREATED.iso8601(),
        "UpdateDate": managed::CREATED.iso8601(),
    })
}

/// The account's own policy with this ARN.
pub(super) fn find<'a>(cx: &'a mut Cx<'_>, arn: &str) -> Result<&'a mut Policy> {
    if !arn.starts_with("arn:") || arn.split(':').count() < 6 {
        return Err(ApiError::new("ValidationError", format!("ARN {arn} is not valid.")));
    }
    match cx.iam().policies.get_mut(arn) {
        Some(policy) => Ok(policy),
        None => Err(no_such_entity(format!("Policy {arn} was not found."))),
    }
}

/// The same, to change it: AWS's own policies are not the account's to change.
pub(super) fn find_own<'a>(cx: &'a mut Cx<'_>, arn: &str) -> Result<&'a mut Policy> {
    if managed::by_arn(arn).is_some() {
        return Err(ApiError::new(
            "AccessDenied",
            format!("User is not authorized to perform this action on resource: policy {arn}: it belongs to AWS"),
        )
        .status(403));
    }
    find(cx, arn)
}

pub(super) fn check_document(text: &str) -> Result<()> {
    document::check_identity(text)?;
    if text.chars().filter(|c| !c.is_whitespace()).count() > 6144 {
        return Err(conflict("LimitExceeded", "Cannot exceed quota for PolicySize: 6144"));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    policy_name: String,
    path: Option<String>,
    policy_document: String,
    description: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    check_name("policyName", &input.policy_name, 128)?;
    let path = input.path.unwrap_or_else(|| "/".to_owned());
    check_path(&path)?;
    let tags = check_tags(input.tags, &Tags::new())?;
    // The name is what must be unique, whatever the path and the case.
    if cx.iam().policies.values().any(|policy| policy.name.eq_ignore_ascii_case(&input.policy_name)) {
        return Err(conflict(
            "EntityAlreadyExists",
            format!("A policy called {} already exists. Duplicate names are not allowed.", input.policy_name),
        ));
    }
    check_document(&input.policy_document)?;
    let now = cx.now();
    let policy = Policy {
        arn: format!("arn:aws:iam::{}:policy{path}{}", cx.account(), input.policy_name),
        name: input.policy_name,
        path,
        id: format!("ANPA{}", cx.upper(17)),
        description: input.description.filter(|text| !text.is_empty()),
        tags,
        created: now,
        updated: now,
        versions: BTreeMap::from([(1, Version { document: input.policy_document, created: now })]),
        default: 1,
        latest: 1,
    };
    let mut answer = render(cx, &policy, true);
    // Create* returns the tags but not the description.
    answer["Description"] = Value::Null;
    cx.iam().policies.insert(policy.arn.clone(), policy);
    Ok(json!({"Policy": answer}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ByArn {
    policy_arn: String,
}

pub(super) fn get(cx: &mut Cx<'_>, input: ByArn) -> Result {
    if let Some(policy) = managed::by_arn(&input.policy_arn) {
        let mut answer = render_managed(cx, policy);
        answer["Description"] = policy.description().into();
        return Ok(json!({"Policy": answer}));
    }
    let policy = find(cx, &input.policy_arn)?.clone();
    Ok(json!({"Policy": render(cx, &policy, true)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    scope: Option<String>,
    only_attached: Option<bool>,
    path_prefix: Option<String>,
    policy_usage_filter: Option<String>,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let scope = input.scope.as_deref().unwrap_or("All");
    if !["All", "AWS", "Local"].contains(&scope) {
        return Err(ApiError::new(
            "ValidationError",
            format!(
                "1 validation error detected: Value '{scope}' at 'scope' failed to satisfy constraint: Member must \
                 satisfy enum value set: [All, AWS, Local]"
            ),
        ));
    }
    let prefix = input.path_prefix.unwrap_or_default();
    let wanted = |cx: &Cx<'_>, arn: &str, path: &str| {
        let (attached, bounded) = uses(cx, arn);
        let used = match input.policy_usage_filter.as_deref() {
            Some("PermissionsBoundary") => bounded,
            _ => attached,
        };
        path.starts_with(&prefix) && (used > 0 || input.only_attached != Some(true))
    };
    let mut policies = BTreeMap::new();
    if scope != "AWS" {
        let own = cx.world.global.iam.policies.values().filter(|p| wanted(cx, &p.arn, &p.path));
        policies.extend(own.map(|policy| (policy.arn.clone(), render(cx, policy, false))));
    }
    if scope != "Local" {
        let aws = managed::ALL.iter().filter(|p| wanted(cx, &p.arn(), p.path));
        policies.extend(aws.map(|policy| (policy.arn(), render_managed(cx, policy))));
    }
    listed("Policies", policies.into_iter().collect(), input.marker.as_deref(), input.max_items)
}

pub(super) fn delete(cx: &mut Cx<'_>, input: ByArn) -> Result {
    let versions = find_own(cx, &input.policy_arn)?.versions.len();
    if uses(cx, &input.policy_arn) != (0, 0) {
        return Err(conflict("DeleteConflict", "Cannot delete a policy attached to entities."));
    }
    if versions > 1 {
        return Err(conflict(
            "DeleteConflict",
            "This policy has more than one version. Before you delete a policy, you must delete the policy's \
             versions. The default version is deleted with the policy.",
        ));
    }
    cx.iam().policies.remove(&input.policy_arn);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct AddTags {
    policy_arn: String,
    tags: Vec<Tag>,
}

pub(super) fn tag(cx: &mut Cx<'_>, input: AddTags) -> Result {
    let policy = find_own(cx, &input.policy_arn)?;
    policy.tags = check_tags(input.tags, &policy.tags)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RemoveTags {
    policy_arn: String,
    tag_keys: Vec<String>,
}

pub(super) fn untag(cx: &mut Cx<'_>, input: RemoveTags) -> Result {
    let policy = find_own(cx, &input.policy_arn)?;
    policy.tags.retain(|key, _| !input.tag_keys.iter().any(|k| k.eq_ignore_ascii_case(key)));
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListOf {
    policy_arn: String,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn list_tags(cx: &mut Cx<'_>, input: ListOf) -> Result {
    let tags = match managed::by_arn(&input.policy_arn) {
        Some(_) => Tags::new(),
        None => find(cx, &input.policy_arn)?.tags.clone(),
    };
    let tags = tags.iter().map(|(key, value)| (key.clone(), json!({"Key": key, "Value": value}))).collect();
    listed("Tags", tags, input.marker.as_deref(), input.max_items)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListEntities {
    policy_arn: String,
    entity_filter: Option<String>,
    path_prefix: Option<String>,
    policy_usage_filter: Option<String>,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn list_entities(cx: &mut Cx<'_>, input: ListEntities) -> Result {
    if managed::by_arn(&input.policy_arn).is_none() {
        find(cx, &input.policy_arn)?;
    }
    let prefix = input.path_prefix.unwrap_or_default();
    let bounded = input.policy_usage_filter.as_deref() == Some("PermissionsBoundary");
    let wanted = |kind: &str| input.entity_filter.as_deref().is_none_or(|filter| filter == kind);
    let arn = &input.policy_arn;
    let used = |attached: &BTreeMap<String, String>, boundary: Option<&String>, path: &str| {
        let used = if bounded { boundary == Some(arn) } else { attached.contains_key(arn) };
        used && path.starts_with(&prefix)
    };
    let state = cx.iam();
    // One order over all three kinds, so that a page can end between them.
    let mut items: Vec<(String, Value)> = Vec::new();
    if wanted("Group") {
        let groups = state.groups.iter().filter(|(_, group)| used(&group.grants.attached, None, &group.path));
        let render = |group: &super::Group| json!(["PolicyGroups", {"GroupName": group.name, "GroupId": group.id}]);
        items.extend(groups.map(|(key, group)| (format!("0{key}"), render(group))));
    }
    if wanted("Role") {
        let roles = state.roles.iter().filter(|(_, role)| used(&role.attached, role.boundary.as_ref(), &role.path));
        let render = |role: &super::Role| json!(["PolicyRoles", {"RoleName": role.name, "RoleId": role.id}]);
        items.extend(roles.map(|(key, role)| (format!("1{key}"), render(role))));
    }
    if wanted("User") {
        let users = state.users.iter();
        let users = users.filter(|(_, user)| used(&user.grants.attached, user.boundary.as_ref(), &user.path));
        let render = |user: &super::User| json!(["PolicyUsers", {"UserName": user.name, "UserId": user.id}]);
        items.extend(users.map(|(key, user)| (format!("2{key}"), render(user))));
    }
    let mut page = listed("Items", items, input.marker.as_deref(), input.max_items)?;
    let mut answer = json!({
        "PolicyGroups": [], "PolicyRoles": [], "PolicyUsers": [],
        "IsTruncated": page["IsTruncated"], "Marker": page["Marker"],
    });
    for item in page["Items"].as_array_mut().into_iter().flatten() {
        let (kind, entity) = (item[0].as_str().unwrap_or_default().to_owned(), item[1].take());
        if let Some(list) = answer[kind.as_str()].as_array_mut() {
            list.push(entity);
        }
    }
    Ok(answer)
}

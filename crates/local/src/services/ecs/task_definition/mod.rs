//! Task definitions: families of numbered revisions. [`check`] refuses, [`normal`] makes the form that AWS stores.

mod check;
mod normal;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::clock::Time;
use crate::error::{Result, fail};
use crate::page::page;
use crate::services::ecs::tagging;
use crate::services::members::{bare, named, resource_of};
use crate::services::sts;
use crate::tags::{self, Tag, Tags};
use crate::timings;
use crate::world::Cx;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Family {
    /// The last number that was given; it outlives the revisions.
    last: u32,
    pub(crate) revisions: BTreeMap<u32, TaskDefinition>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TaskDefinition {
    pub(crate) arn: String,
    pub(crate) family: String,
    pub(crate) revision: u32,
    pub(crate) status: String,
    /// What was registered, as AWS stores it.
    pub(crate) body: Map<String, Value>,
    registered: Time,
    deregistered: Option<Time>,
    delete_requested: Option<Time>,
    pub(crate) tags: Tags,
}

impl TaskDefinition {
    pub(crate) fn text(&self, member: &str) -> Option<&str> {
        self.body.get(member).and_then(Value::as_str)
    }

    pub(crate) fn containers(&self) -> &[Value] {
        self.body.get("containerDefinitions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn supports(&self, launch_type: &str) -> bool {
        self.body.get("compatibilities").and_then(Value::as_array).is_some_and(|c| c.iter().any(|x| x == launch_type))
    }

    fn shape(&self, account: &str) -> Value {
        let mut body = self.body.clone();
        body.insert("taskDefinitionArn".to_owned(), self.arn.as_str().into());
        body.insert("family".to_owned(), self.family.as_str().into());
        body.insert("revision".to_owned(), self.revision.into());
        body.insert("status".to_owned(), self.status.as_str().into());
        body.insert("registeredAt".to_owned(), self.registered.epoch_seconds().into());
        body.insert("registeredBy".to_owned(), sts::caller_arn(account).into());
        if let Some(time) = self.deregistered {
            body.insert("deregisteredAt".to_owned(), time.epoch_seconds().into());
        }
        if let Some(time) = self.delete_requested {
            body.insert("deleteRequestedAt".to_owned(), time.epoch_seconds().into());
        }
        Value::Object(body)
    }
}

/// `FAMILY:REVISION`, an ARN, or a family, which means its latest active revision.
pub(crate) fn find<'c>(cx: &'c mut Cx<'_>, given: &str) -> Option<&'c mut TaskDefinition> {
    let name = match resource_of(given, "ecs") {
        Some(resource) => resource.strip_prefix("task-definition/")?,
        None => given,
    };
    match name.rsplit_once(':') {
        Some((family, revision)) => {
            let revision: u32 = revision.parse().ok()?;
            cx.ecs().families.get_mut(family)?.revisions.get_mut(&revision)
        }
        None => cx.ecs().families.get_mut(name)?.revisions.values_mut().rev().find(|d| d.status == "ACTIVE"),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Register {
    family: String,
    #[serde(default)]
    container_definitions: Vec<Map<String, Value>>,
    task_role_arn: Option<String>,
    execution_role_arn: Option<String>,
    network_mode: Option<String>,
    #[serde(default)]
    volumes: Vec<Value>,
    #[serde(default)]
    placement_constraints: Vec<Value>,
    #[serde(default)]
    requires_compatibilities: Vec<String>,
    cpu: Option<String>,
    memory: Option<String>,
    pid_mode: Option<String>,
    ipc_mode: Option<String>,
    proxy_configuration: Option<Value>,
    #[serde(default)]
    inference_accelerators: Vec<Value>,
    ephemeral_storage: Option<Value>,
    runtime_platform: Option<Value>,
    enable_fault_injection: Option<bool>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn register(cx: &mut Cx<'_>, input: Register) -> Result {
    if !named(&input.family, 1, 255, "_-") {
        return fail!("ClientException", "Family contains invalid characters.");
    }
    let tags = tags::from_list(input.tags.clone());
    tagging::check(&tags)?;
    let family = input.family.clone();
    check::all(&input)?;
    let body = normal::body(input);
    let (now, account) = (cx.now(), cx.account().to_owned());
    let arn = cx.arn("ecs", &format!("task-definition/{family}"));
    let state = cx.ecs().families.entry(family.clone()).or_default();
    state.last += 1;
    let revision = state.last;
    let definition = TaskDefinition {
        arn: format!("{arn}:{revision}"),
        family,
        revision,
        status: "ACTIVE".to_owned(),
        body,
        registered: now,
        deregistered: None,
        delete_requested: None,
        tags,
    };
    let answer = json!({"taskDefinition": definition.shape(&account), "tags": tags::camel(&definition.tags)});
    state.revisions.insert(revision, definition);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Describe {
    task_definition: String,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let account = cx.account().to_owned();
    let Some(definition) = find(cx, &input.task_definition) else {
        return fail!("ClientException", "Unable to describe task definition.");
    };
    let mut answer = json!({"taskDefinition": definition.shape(&account)});
    if input.include.iter().any(|i| i == "TAGS") {
        answer["tags"] = tags::camel(&definition.tags);
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct List {
    family_prefix: Option<String>,
    status: Option<String>,
    sort: Option<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let status = input.status.unwrap_or_else(|| "ACTIVE".to_owned());
    if !["ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"].contains(&status.as_str()) {
        return fail!("InvalidParameterException", "The specified status is not valid: {status}");
    }
    let wanted = |name: &str| input.family_prefix.as_deref().is_none_or(|prefix| prefix == name);
    let families = cx.ecs().families.iter().filter(|(name, _)| wanted(name));
    let all = families.flat_map(|(_, f)| f.revisions.values()).filter(|d| d.status == status);
    let mut arns: Vec<String> = all.map(|d| d.arn.clone()).collect();
    if input.sort.as_deref() == Some("DESC") {
        arns.reverse();
    }
    let numbered = arns.into_iter().enumerate().map(|(i, arn)| (format!("{i:09}"), arn));
    let size = crate::page::size(input.max_results, 100, 100, "InvalidParameterException")?;
    let page = page(numbered, input.next_token.as_deref(), size, "InvalidParameterException")?;
    Ok(bare(json!({"taskDefinitionArns": page.items, "nextToken": page.next})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListFamilies {
    family_prefix: Option<String>,
    status: Option<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(super) fn list_families(cx: &mut Cx<'_>, input: ListFamilies) -> Result {
    let prefix = input.family_prefix.unwrap_or_default();
    let active = |f: &Family| f.revisions.values().any(|d| d.status == "ACTIVE");
    let wanted = |f: &Family| match input.status.as_deref() {
        Some("ACTIVE") => active(f),
        Some("INACTIVE") => !active(f) && !f.revisions.is_empty(),
        _ => !f.revisions.is_empty(),
    };
    let families = cx.ecs().families.iter().filter(|(name, f)| name.starts_with(&prefix) && wanted(f));
    let names = families.map(|(name, _)| (name.clone(), name.clone()));
    let size = crate::page::size(input.max_results, 100, 100, "InvalidParameterException")?;
    let page = page(names, input.next_token.as_deref(), size, "InvalidParameterException")?;
    Ok(bare(json!({"families": page.items, "nextToken": page.next})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Deregister {
    task_definition: String,
}

pub(super) fn deregister(cx: &mut Cx<'_>, input: Deregister) -> Result {
    let (account, now) = (cx.account().to_owned(), cx.now());
    if !input.task_definition.rsplit('/').next().is_some_and(|name| name.contains(':')) {
        return fail!("InvalidParameterException", "Unable to parse task definition: a revision must be specified");
    }
    let Some(definition) = find(cx, &input.task_definition) else {
        return fail!("ClientException", "Unable to describe task definition.");
    };
    if definition.status == "DELETE_IN_PROGRESS" {
        return fail!("ClientException", "The specified task definition is being deleted.");
    }
    if definition.status == "ACTIVE" {
        definition.status = "INACTIVE".to_owned();
        definition.deregistered = Some(now);
    }
    Ok(json!({"taskDefinition": definition.shape(&account)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Delete {
    task_definitions: Vec<String>,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    if input.task_definitions.is_empty() || input.task_definitions.len() > 10 {
        return fail!("InvalidParameterException", "The number of task definitions must be between 1 and 10.");
    }
    let (account, now) = (cx.account().to_owned(), cx.now());
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for given in input.task_definitions {
        let reason = match find(cx, &given) {
            None => {
                "The specified task definition does not exist. Specify a valid account, family, revision and try again."
            }
            Some(_) if !given.rsplit('/').next().is_some_and(|name| name.contains(':')) => {
                "The specified task definition does not exist. Specify a valid account, family, revision and try again."
            }
            Some(definition) if definition.status == "ACTIVE" => {
                "The specified task definition is still in ACTIVE status. Please deregister the target and try again."
            }
            Some(definition) => {
                if definition.status != "DELETE_IN_PROGRESS" {
                    definition.status = "DELETE_IN_PROGRESS".to_owned();
                    definition.delete_requested = Some(now);
                }
                deleted.push(definition.shape(&account));
                let arn = definition.arn.clone();
                cx.after(timings::TASK_DEFINITION_DELETE, json!({"kind": "delete task definition", "arn": arn}));
                continue;
            }
        };
        let arn = if given.starts_with("arn:") { given } else { cx.arn("ecs", &format!("task-definition/{given}")) };
        failures.push(json!({"arn": arn, "reason": reason}));
    }
    Ok(json!({"taskDefinitions": deleted, "failures": failures}))
}

/// Removes a definition that is being deleted, once nothing uses it.
pub(super) fn vanish(cx: &mut Cx<'_>, arn: &str) {
    let Some(definition) = find(cx, arn) else { return };
    if definition.status != "DELETE_IN_PROGRESS" {
        return;
    }
    let (family, revision) = (definition.family.clone(), definition.revision);
    let used = cx.ecs().clusters.values().any(|cluster| {
        let live = cluster.services.values().filter(|s| s.status != "INACTIVE");
        let mut shapes = live.flat_map(|s| s.rollouts.iter().map(|r| &r.shape).chain([&s.shape]));
        let mut tasks = cluster.tasks.values().filter(|t| t.last_status != "STOPPED");
        shapes.any(|s| s.task_definition == arn) || tasks.any(|t| t.definition == arn)
    });
    if used {
        cx.exactly_after(timings::TASK_DEFINITION_DELETE, json!({"kind": "delete task definition", "arn": arn}));
    } else if let Some(family) = cx.ecs().families.get_mut(&family) {
        family.revisions.remove(&revision);
    }
}

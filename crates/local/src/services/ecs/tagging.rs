//! Tags of clusters, services, tasks, task definitions and task sets.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{ApiError, Result, fail};
use crate::services::ecs::task_definition;
use crate::services::members::resource_of;
use crate::tags::{self, Tag, Tags};
use crate::world::Cx;

pub(super) fn check(tags: &Tags) -> Result<()> {
    tags::check(tags).map_err(|why| ApiError::new("InvalidParameterException", why))
}

fn of<'c>(cx: &'c mut Cx<'_>, arn: &str) -> Result<&'c mut Tags> {
    let Some(resource) = resource_of(arn, "ecs") else {
        return fail!("InvalidParameterException", "The specified ARN is not valid: {arn}");
    };
    let parts: Vec<&str> = resource.split('/').collect();
    let missing = |code: &str, what: &str| ApiError::new(code, format!("{what} not found."));
    if let ["task-definition", _] = parts.as_slice() {
        let found = task_definition::find(cx, arn);
        return match found {
            Some(definition) => Ok(&mut definition.tags),
            None => fail!("InvalidParameterException", "The specified task definition is not found: {arn}"),
        };
    }
    let (kind, name) = match parts.as_slice() {
        [kind, name, ..] => (*kind, *name),
        _ => return fail!("InvalidParameterException", "The specified ARN is not valid: {arn}"),
    };
    let cluster = cx.ecs().clusters.get_mut(name).filter(|c| c.status == "ACTIVE");
    let cluster = cluster.ok_or_else(|| missing("ClusterNotFoundException", "Cluster"))?;
    match (kind, &parts[2..]) {
        ("cluster", []) => Ok(&mut cluster.tags),
        ("service", [service]) => {
            let found = cluster.services.get_mut(*service).filter(|s| s.status != "INACTIVE");
            Ok(&mut found.ok_or_else(|| missing("ServiceNotFoundException", "Service"))?.tags)
        }
        ("task", [task]) => {
            let found = cluster.tasks.get_mut(*task).filter(|t| t.last_status != "STOPPED");
            Ok(&mut found.ok_or_else(|| missing("InvalidParameterException", "The specified task was"))?.tags)
        }
        ("task-set", [service, ..]) => {
            let found = cluster.services.get_mut(*service);
            let rollout = found.and_then(|s| s.rollouts.iter_mut().find(|r| r.arn == arn));
            Ok(&mut rollout.ok_or_else(|| missing("TaskSetNotFoundException", "Task set"))?.tags)
        }
        _ => fail!("InvalidParameterException", "The specified resource cannot be tagged: {arn}"),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TagResource {
    resource_arn: String,
    tags: Vec<Tag>,
}

pub(super) fn tag(cx: &mut Cx<'_>, input: TagResource) -> Result {
    let own = of(cx, &input.resource_arn)?;
    let mut tags = own.clone();
    tags.extend(tags::from_list(input.tags));
    check(&tags)?;
    *own = tags;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UntagResource {
    resource_arn: String,
    tag_keys: Vec<String>,
}

pub(super) fn untag(cx: &mut Cx<'_>, input: UntagResource) -> Result {
    of(cx, &input.resource_arn)?.retain(|key, _| !input.tag_keys.contains(key));
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListTags {
    resource_arn: String,
}

pub(super) fn list(cx: &mut Cx<'_>, input: ListTags) -> Result {
    Ok(json!({"tags": tags::camel(of(cx, &input.resource_arn)?)}))
}

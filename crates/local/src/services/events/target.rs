//! Targets: where a rule sends what it matches.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::rule::find;
use super::{INVALID, bus, check_arn, check_name};
use crate::error::{Result, fail};
use crate::page::{page, size};
use crate::services::members::{bare, resource_of};
use crate::world::Cx;

/// Targets of a rule, as AWS allows them.
const TARGETS: usize = 5;

/// What a target may say beside its id and its ARN.
const MEMBERS: [&str; 15] = [
    "RoleArn",
    "Input",
    "InputPath",
    "InputTransformer",
    "KinesisParameters",
    "RunCommandParameters",
    "EcsParameters",
    "BatchParameters",
    "SqsParameters",
    "HttpParameters",
    "RedshiftDataParameters",
    "SageMakerPipelineParameters",
    "DeadLetterConfig",
    "RetryPolicy",
    "AppSyncParameters",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Target {
    id: String,
    arn: String,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Target {
    fn check(&self) -> Result<()> {
        check_name(&self.id, "targets.1.member.id")?;
        check_arn(&self.arn)?;
        if let Some(unknown) = self.rest.keys().find(|key| !MEMBERS.contains(&key.as_str())) {
            return fail!(INVALID, "The local cloud does not know the parameter Targets.{unknown} of PutTargets");
        }
        let has = |member: &str| self.rest.contains_key(member);
        if ["Input", "InputPath", "InputTransformer"].iter().filter(|member| has(member)).count() > 1 {
            return fail!(
                INVALID,
                "Only one of Input, InputPath, or InputTransformer must be provided for target {}.",
                self.id
            );
        }
        if self.rest.get("Input").and_then(Value::as_str).is_some_and(|input| !is_json(input)) {
            return fail!(INVALID, "JSON syntax error in input for target {}", self.id);
        }
        let is_cluster = resource_of(&self.arn, "ecs").is_some_and(|resource| resource.starts_with("cluster/"));
        if is_cluster != has("EcsParameters") {
            return fail!(
                INVALID,
                "Parameter(s) EcsParameters are for ECS clusters, and must be given for them: {}.",
                self.id
            );
        }
        if let Some(ecs) = self.rest.get("EcsParameters") {
            if ecs.get("TaskDefinitionArn").and_then(Value::as_str).is_none() {
                return fail!(
                    INVALID,
                    "1 validation error detected: Value null at 'targets.1.member.ecsParameters.taskDefinitionArn' failed to \
                     satisfy constraint: Member must not be null"
                );
            }
            if !has("RoleArn") {
                return fail!(INVALID, "RoleArn is required for target {}.", self.arn);
            }
        }
        Ok(())
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Put {
    rule: String,
    event_bus_name: Option<String>,
    targets: Vec<Target>,
}

/// A target with the id of another replaces it.
pub(super) fn put(cx: &mut Cx<'_>, input: Put) -> Result {
    if !(1..=100).contains(&input.targets.len()) {
        return fail!(
            INVALID,
            "1 validation error detected: Value at 'targets' failed to satisfy constraint: Member must have length from 1 to \
             100"
        );
    }
    let (_, rule) = find(cx, input.event_bus_name.as_deref(), &input.rule)?;
    let mut targets = rule.targets.clone();
    for target in input.targets {
        target.check()?;
        let mut members = target.rest;
        members.insert("Arn".to_owned(), target.arn.into());
        targets.insert(target.id, members);
    }
    if targets.len() > TARGETS {
        return fail!("LimitExceededException", "The requested resource exceeds the maximum number allowed.");
    }
    rule.targets = targets;
    Ok(json!({"FailedEntryCount": 0, "FailedEntries": []}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Remove {
    rule: String,
    event_bus_name: Option<String>,
    ids: Vec<String>,
    /// For rules that AWS's services made.
    #[serde(default, rename = "Force")]
    _force: bool,
}

/// What is not there is as good as removed.
pub(super) fn remove(cx: &mut Cx<'_>, input: Remove) -> Result {
    let (_, rule) = find(cx, input.event_bus_name.as_deref(), &input.rule)?;
    rule.targets.retain(|id, _| !input.ids.contains(id));
    Ok(json!({"FailedEntryCount": 0, "FailedEntries": []}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    rule: String,
    event_bus_name: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let (_, rule) = find(cx, input.event_bus_name.as_deref(), &input.rule)?;
    let found: Vec<(String, Value)> = rule
        .targets
        .iter()
        .map(|(id, members)| {
            let mut members = members.clone();
            members.insert("Id".to_owned(), id.as_str().into());
            (id.clone(), Value::Object(members))
        })
        .collect();
    let page = page(found, input.next_token.as_deref(), size(input.limit, 100, 100, INVALID)?, INVALID)?;
    Ok(bare(json!({"Targets": page.items, "NextToken": page.next})))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ByTarget {
    target_arn: String,
    event_bus_name: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

pub(super) fn rule_names(cx: &mut Cx<'_>, input: ByTarget) -> Result {
    check_arn(&input.target_arn)?;
    let (_, bus) = bus(cx, input.event_bus_name.as_deref())?;
    let has = |target: &Map<String, Value>| target.get("Arn").and_then(Value::as_str) == Some(&input.target_arn);
    let found: Vec<(String, String)> = bus
        .rules
        .iter()
        .filter(|(_, rule)| rule.targets.values().any(has))
        .map(|(name, _)| (name.clone(), name.clone()))
        .collect();
    let page = page(found, input.next_token.as_deref(), size(input.limit, 100, 100, INVALID)?, INVALID)?;
    Ok(bare(json!({"RuleNames": page.items, "NextToken": page.next})))
}

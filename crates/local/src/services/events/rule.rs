//! Rules: what is matched, or when.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::expression::is_schedule;
use super::{DEFAULT, INVALID, NOT_FOUND, bus, check_arn, check_name, merged, pattern};
use crate::error::{ApiError, Result, fail};
use crate::page::{page, size};
use crate::services::members::bare;
use crate::tags::{Tag, Tags};
use crate::world::Cx;

/// A rule. What is asked for is kept as it was said.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Rule {
    #[serde(flatten)]
    said: Said,
    state: String,
    /// Targets by their id, as they were put.
    pub(super) targets: BTreeMap<String, Map<String, Value>>,
    pub(super) tags: Tags,
}

/// What a rule says: all of it anew with each `PutRule`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Said {
    event_pattern: Option<String>,
    schedule_expression: Option<String>,
    description: Option<String>,
    role_arn: Option<String>,
}

/// `rule/NAME` on the default bus, `rule/BUS/NAME` on others.
pub(super) fn arn(cx: &Cx<'_>, bus: &str, name: &str) -> String {
    let resource = if bus == DEFAULT { format!("rule/{name}") } else { format!("rule/{bus}/{name}") };
    cx.arn("events", &resource)
}

fn missing(bus: &str, name: &str) -> ApiError {
    ApiError::new(NOT_FOUND, format!("Rule {name} does not exist on EventBus {bus}."))
}

/// The rule with this name on the bus with this name or ARN; and the bus's name.
pub(super) fn find<'c>(cx: &'c mut Cx<'_>, on: Option<&str>, name: &str) -> Result<(String, &'c mut Rule)> {
    let (on, bus) = bus(cx, on)?;
    let found = bus.rules.get_mut(name).ok_or_else(|| missing(&on, name))?;
    Ok((on, found))
}

/// A rule without what only `DescribeRule` tells.
fn shape(cx: &Cx<'_>, on: &str, name: &str, rule: &Rule) -> Value {
    let Said { event_pattern, schedule_expression, description, role_arn } = &rule.said;
    bare(json!({
        "Name": name,
        "Arn": arn(cx, on, name),
        "EventPattern": event_pattern,
        "State": rule.state,
        "Description": description,
        "ScheduleExpression": schedule_expression,
        "RoleArn": role_arn,
        "EventBusName": on,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Put {
    name: String,
    schedule_expression: Option<String>,
    event_pattern: Option<String>,
    state: Option<String>,
    description: Option<String>,
    role_arn: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    event_bus_name: Option<String>,
}

const STATES: [&str; 3] = ["ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"];

/// Rules on a bus, by AWS's default.
const RULES: usize = 300;

/// What it says replaces what an existing rule said; tags are for new rules only.
pub(super) fn put(cx: &mut Cx<'_>, input: Put) -> Result {
    check_name(&input.name, "name")?;
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let said = Said {
        event_pattern: filled(input.event_pattern),
        schedule_expression: filled(input.schedule_expression),
        description: filled(input.description),
        role_arn: filled(input.role_arn),
    };
    let state = input.state.unwrap_or_else(|| "ENABLED".to_owned());
    if !STATES.contains(&state.as_str()) {
        return fail!(
            INVALID,
            "1 validation error detected: Value '{state}' at 'state' failed to satisfy constraint: Member must satisfy enum \
             value set: [{}]",
            STATES.join(", ")
        );
    }
    if said.description.as_ref().is_some_and(|text| text.chars().count() > 512) {
        return fail!(
            INVALID,
            "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have length less \
             than or equal to 512"
        );
    }
    said.role_arn.as_deref().map_or(Ok(()), check_arn)?;
    let (on, _) = bus(cx, input.event_bus_name.as_deref())?;
    match (&said.event_pattern, &said.schedule_expression) {
        (None, None) => {
            return fail!(INVALID, "Parameter(s) EventPattern or ScheduleExpression must be specified.");
        }
        (_, Some(_)) if on != DEFAULT => {
            return fail!(INVALID, "ScheduleExpression is supported only on the default event bus.");
        }
        (_, Some(schedule)) if !is_schedule(schedule) => {
            return fail!(INVALID, "Parameter ScheduleExpression is not valid.");
        }
        (event_pattern, _) => event_pattern.as_deref().map_or(Ok(()), pattern::check)?,
    }
    let tags = merged(&Tags::new(), input.tags)?;
    let rules = &mut bus(cx, Some(&on))?.1.rules;
    let full = rules.len() >= RULES;
    match rules.get_mut(&input.name) {
        Some(rule) => (rule.said, rule.state) = (said, state),
        None if full => {
            return fail!("LimitExceededException", "The requested resource exceeds the maximum number allowed.");
        }
        None => {
            rules.insert(input.name.clone(), Rule { said, state, targets: BTreeMap::new(), tags });
        }
    }
    Ok(json!({"RuleArn": arn(cx, &on, &input.name)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ByName {
    name: String,
    event_bus_name: Option<String>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: ByName) -> Result {
    let (on, rule) = find(cx, input.event_bus_name.as_deref(), &input.name)?;
    let rule = rule.clone();
    let mut answer = shape(cx, &on, &input.name, &rule);
    if let Some(members) = answer.as_object_mut() {
        members.insert("CreatedBy".to_owned(), cx.account().into());
    }
    Ok(answer)
}

fn set_state(cx: &mut Cx<'_>, input: &ByName, state: &str) -> Result {
    state.clone_into(&mut find(cx, input.event_bus_name.as_deref(), &input.name)?.1.state);
    Ok(Value::Null)
}

pub(super) fn enable(cx: &mut Cx<'_>, input: ByName) -> Result {
    set_state(cx, &input, "ENABLED")
}

pub(super) fn disable(cx: &mut Cx<'_>, input: ByName) -> Result {
    set_state(cx, &input, "DISABLED")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    name: String,
    event_bus_name: Option<String>,
    /// For rules that AWS's services made.
    #[serde(default, rename = "Force")]
    _force: bool,
}

/// What is not there is as good as deleted.
pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let (_, bus) = bus(cx, input.event_bus_name.as_deref())?;
    if bus.rules.get(&input.name).is_some_and(|rule| !rule.targets.is_empty()) {
        return fail!(INVALID, "Rule can't be deleted since it has targets.");
    }
    bus.rules.remove(&input.name);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    name_prefix: Option<String>,
    event_bus_name: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let (on, bus) = bus(cx, input.event_bus_name.as_deref())?;
    let prefix = input.name_prefix.unwrap_or_default();
    let rules = bus.rules.clone();
    let found: Vec<(String, Value)> = rules
        .iter()
        .filter(|(name, _)| name.starts_with(&prefix))
        .map(|(name, rule)| (name.clone(), shape(cx, &on, name, rule)))
        .collect();
    let page = page(found, input.next_token.as_deref(), size(input.limit, 100, 100, INVALID)?, INVALID)?;
    Ok(bare(json!({"Rules": page.items, "NextToken": page.next})))
}

//! Rules of listeners. The default rule is the listener's own: it can be read, but not changed or deleted.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::action::{self, Action};
use super::condition::{self, Condition};
use super::validate::{check_range, check_tags, invalid, json as to_json};
use super::{Listener, State, listed, listener, target};
use crate::error::{ApiError, Result};
use crate::tags::{Tag, Tags};
use crate::world::Cx;

/// A rule that a user made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Rule {
    pub(crate) arn: String,
    pub(crate) listener_arn: String,
    pub(crate) priority: u32,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) actions: Vec<Action>,
    /// Rewrites of host and path, as they came.
    pub(crate) transforms: Vec<Value>,
    pub(crate) tags: Tags,
}

/// AWS's default quota, the default rules not counted.
const RULES_PER_LOAD_BALANCER: usize = 100;

fn render(rule: &Rule) -> Value {
    json!({
        "RuleArn": rule.arn,
        "Priority": rule.priority.to_string(),
        "Conditions": to_json(&rule.conditions),
        "Actions": to_json(&rule.actions),
        "Transforms": rule.transforms,
        "IsDefault": false,
    })
}

fn render_default(listener: &Listener) -> Value {
    json!({
        "RuleArn": listener.default_rule_arn,
        "Priority": "default",
        "Conditions": [],
        "Actions": to_json(&listener.actions),
        "Transforms": [],
        "IsDefault": true,
    })
}

fn not_found(arn: &str) -> ApiError {
    ApiError::new("RuleNotFound", format!("Rule '{arn}' not found"))
}

/// The rule with this ARN, to change it.
fn find_own<'a>(state: &'a mut State, arn: &str, what: &str) -> Result<&'a mut Rule> {
    if !arn.starts_with("arn:") || !arn.contains(":listener-rule/") {
        return Err(invalid(format!("'{arn}' is not a valid listener rule ARN")));
    }
    if state.listeners.values().any(|listener| listener.default_rule_arn == arn) {
        return Err(ApiError::new("OperationNotPermitted", format!("Default rule '{arn}' cannot be {what}")));
    }
    state.rules.get_mut(arn).ok_or_else(|| not_found(arn))
}

fn in_use(priority: u32) -> ApiError {
    ApiError::new("PriorityInUse", format!("Priority '{priority}' is currently in use"))
}

fn check_transforms(transforms: Vec<Value>) -> Result<Vec<Value>> {
    let kinds: BTreeSet<Option<&str>> = transforms.iter().map(|transform| transform["Type"].as_str()).collect();
    let known = |kind: &Option<&str>| matches!(kind, Some("host-header-rewrite" | "url-rewrite"));
    if kinds.len() < transforms.len() || !kinds.iter().all(known) {
        return Err(invalid("A rule can have one transform each of the types 'host-header-rewrite' and 'url-rewrite'"));
    }
    Ok(transforms)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    listener_arn: String,
    conditions: Vec<Condition>,
    priority: i64,
    actions: Vec<Action>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    transforms: Vec<Value>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let listener = listener::find(cx.elbv2(), &input.listener_arn)?.clone();
    check_range("priority", input.priority, 1, 50_000)?;
    let priority = u32::try_from(input.priority).unwrap_or_default();
    let tags = check_tags(input.tags, &Tags::new())?;
    let conditions = condition::normalise(input.conditions)?;
    let transforms = check_transforms(input.transforms)?;
    let state = cx.elbv2();
    if state.rules.values().any(|rule| rule.listener_arn == listener.arn && rule.priority == priority) {
        return Err(in_use(priority));
    }
    let of_lb = |rule: &&Rule| {
        state.listeners.get(&rule.listener_arn).is_some_and(|l| l.load_balancer_arn == listener.load_balancer_arn)
    };
    if state.rules.values().filter(of_lb).count() >= RULES_PER_LOAD_BALANCER {
        return Err(ApiError::new(
            "TooManyRules",
            format!("The maximum number of rules on load balancer '{}' has been reached", listener.load_balancer_arn),
        ));
    }
    let actions = action::normalise(state, input.actions, &listener.load_balancer_arn, &listener.protocol, true)?;
    let id = cx.hex(16);
    let rule = Rule {
        arn: format!("{}/{id}", listener.arn.replacen(":listener/", ":listener-rule/", 1)),
        listener_arn: listener.arn,
        priority,
        conditions,
        actions,
        transforms,
        tags,
    };
    let answer = json!({"Rules": [render(&rule)]});
    cx.elbv2().rules.insert(rule.arn.clone(), rule);
    target::uses_changed(cx);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Describe {
    listener_arn: Option<String>,
    #[serde(default)]
    rule_arns: Vec<String>,
    marker: Option<String>,
    page_size: Option<usize>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let state = cx.elbv2();
    let mut found: BTreeMap<String, Value> = BTreeMap::new();
    match (&input.listener_arn, input.rule_arns.is_empty()) {
        (Some(arn), true) => {
            let listener = listener::find(state, arn)?.clone();
            let rules = state.rules.values().filter(|rule| rule.listener_arn == *arn);
            found.extend(rules.map(|rule| (format!("{:05}", rule.priority), render(rule))));
            found.insert("default".to_owned(), render_default(&listener));
        }
        (None, false) => {
            for arn in &input.rule_arns {
                let default = state.listeners.values().find(|listener| listener.default_rule_arn == *arn);
                let rule = match (default, state.rules.get(arn)) {
                    (Some(listener), _) => render_default(listener),
                    (None, Some(rule)) => render(rule),
                    (None, None) => return Err(ApiError::new("RuleNotFound", "One or more rules not found")),
                };
                found.insert(arn.clone(), rule);
            }
        }
        (None, true) => return Err(invalid("You must specify either rule ARNs or a listener ARN")),
        (Some(_), false) => return Err(invalid("Rule ARNs and a listener ARN cannot be specified at the same time")),
    }
    listed("Rules", found, input.marker.as_deref(), input.page_size)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Modify {
    rule_arn: String,
    conditions: Option<Vec<Condition>>,
    actions: Option<Vec<Action>>,
    transforms: Option<Vec<Value>>,
    reset_transforms: Option<bool>,
}

pub(super) fn modify(cx: &mut Cx<'_>, input: Modify) -> Result {
    let state = cx.elbv2();
    let mut rule = find_own(state, &input.rule_arn, "modified")?.clone();
    let listener = listener::find(state, &rule.listener_arn)?.clone();
    if let Some(conditions) = input.conditions.filter(|conditions| !conditions.is_empty()) {
        rule.conditions = condition::normalise(conditions)?;
    }
    if let Some(actions) = input.actions.filter(|actions| !actions.is_empty()) {
        rule.actions = action::normalise(state, actions, &listener.load_balancer_arn, &listener.protocol, true)?;
    }
    match (input.transforms.filter(|transforms| !transforms.is_empty()), input.reset_transforms) {
        (Some(_), Some(true)) => {
            return Err(invalid("Transforms and ResetTransforms cannot be specified at the same time"));
        }
        (Some(transforms), _) => rule.transforms = check_transforms(transforms)?,
        (None, Some(true)) => rule.transforms.clear(),
        (None, _) => {}
    }
    let answer = json!({"Rules": [render(&rule)]});
    state.rules.insert(rule.arn.clone(), rule);
    target::uses_changed(cx);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ByArn {
    rule_arn: String,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: ByArn) -> Result {
    let state = cx.elbv2();
    find_own(state, &input.rule_arn, "deleted")?;
    state.rules.remove(&input.rule_arn);
    target::uses_changed(cx);
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SetPriorities {
    rule_priorities: Vec<Pair>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Pair {
    rule_arn: String,
    priority: i64,
}

/// All at once: two rules can change places.
pub(super) fn set_priorities(cx: &mut Cx<'_>, input: SetPriorities) -> Result {
    let state = cx.elbv2();
    let mut wanted: BTreeMap<String, u32> = BTreeMap::new();
    for pair in input.rule_priorities {
        check_range("rulePriorities.member.priority", pair.priority, 1, 50_000)?;
        find_own(state, &pair.rule_arn, "modified")?;
        wanted.insert(pair.rule_arn, u32::try_from(pair.priority).unwrap_or_default());
    }
    let mut taken = BTreeSet::new();
    let mut clash = None;
    // Those that keep their places take them first, so that the error names what was asked for.
    let (kept, moved): (Vec<&Rule>, Vec<&Rule>) =
        state.rules.values().partition(|rule| !wanted.contains_key(&rule.arn));
    for rule in kept.into_iter().chain(moved) {
        let priority = wanted.get(&rule.arn).copied().unwrap_or(rule.priority);
        if !taken.insert((rule.listener_arn.clone(), priority)) {
            clash = Some(priority);
        }
    }
    if let Some(priority) = clash {
        return Err(in_use(priority));
    }
    let mut answer = Vec::new();
    for (arn, priority) in wanted {
        if let Some(rule) = state.rules.get_mut(&arn) {
            rule.priority = priority;
            answer.push(render(rule));
        }
    }
    Ok(json!({"Rules": answer}))
}

//! Event buses and who may put events on them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::rule::Rule;
use super::{DEFAULT, INVALID, NOT_FOUND, bus, merged};
use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::page::{page, size};
use crate::services::members::{bare, named};
use crate::tags::{Tag, Tags};
use crate::world::Cx;

/// An event bus.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Bus {
    pub(super) rules: BTreeMap<String, Rule>,
    pub(super) tags: Tags,
    settings: Settings,
    /// The statements of its policy.
    policy: Vec<Value>,
    created: Option<Time>,
    changed: Option<Time>,
}

/// What can be changed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Settings {
    description: Option<String>,
    kms_key_identifier: Option<String>,
    dead_letter_config: Option<Value>,
    log_config: Option<Value>,
}

impl Settings {
    fn check(&self) -> Result<()> {
        if self.description.as_ref().is_some_and(|text| text.chars().count() > 512) {
            return fail!(
                INVALID,
                "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have length \
                 less than or equal to 512"
            );
        }
        Ok(())
    }
}

pub(super) fn arn(cx: &Cx<'_>, name: &str) -> String {
    cx.arn("events", &format!("event-bus/{name}"))
}

fn shape(cx: &Cx<'_>, name: &str, bus: &Bus) -> Value {
    let policy =
        (!bus.policy.is_empty()).then(|| json!({"Version": "2012-10-17", "Statement": bus.policy}).to_string());
    let mut shape = json!({
        "Name": name,
        "Arn": arn(cx, name),
        "Policy": policy,
        "CreationTime": bus.created.map(Time::epoch_seconds),
        "LastModifiedTime": bus.changed.map(Time::epoch_seconds),
    });
    if let (Some(shape), Ok(Value::Object(settings))) = (shape.as_object_mut(), serde_json::to_value(&bus.settings)) {
        shape.extend(settings);
    }
    bare(shape)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    name: String,
    event_source_name: Option<String>,
    description: Option<String>,
    kms_key_identifier: Option<String>,
    dead_letter_config: Option<Value>,
    log_config: Option<Value>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    if input.event_source_name.is_some() {
        return fail!(INVALID, "The local cloud does not have partner event sources");
    }
    if !named(&input.name, 1, 256, ".-_") {
        return fail!(
            INVALID,
            "1 validation error detected: Value '{}' at 'name' failed to satisfy constraint: Member must satisfy regular \
             expression pattern: [/\\.\\-_A-Za-z0-9]+",
            input.name
        );
    }
    if input.name == DEFAULT || cx.events().buses.contains_key(&input.name) {
        return fail!("ResourceAlreadyExistsException", "Event bus {} already exists.", input.name);
    }
    let settings = Settings {
        description: input.description,
        kms_key_identifier: input.kms_key_identifier,
        dead_letter_config: input.dead_letter_config,
        log_config: input.log_config,
    };
    settings.check()?;
    let (now, tags) = (Some(cx.now()), merged(&Tags::new(), input.tags)?);
    let bus = Bus { settings, tags, created: now, changed: now, ..Bus::default() };
    let answer = json!({
        "EventBusArn": arn(cx, &input.name),
        "Description": bus.settings.description,
        "KmsKeyIdentifier": bus.settings.kms_key_identifier,
        "DeadLetterConfig": bus.settings.dead_letter_config,
        "LogConfig": bus.settings.log_config,
    });
    cx.events().buses.insert(input.name, bus);
    Ok(bare(answer))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ByName {
    name: Option<String>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: ByName) -> Result {
    let (name, bus) = bus(cx, input.name.as_deref())?;
    let bus = bus.clone();
    Ok(shape(cx, &name, &bus))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Update {
    name: Option<String>,
    description: Option<String>,
    kms_key_identifier: Option<String>,
    dead_letter_config: Option<Value>,
    log_config: Option<Value>,
}

/// What is left out stays; an empty text takes away.
pub(super) fn update(cx: &mut Cx<'_>, input: Update) -> Result {
    let now = cx.now();
    let (name, found) = bus(cx, input.name.as_deref())?;
    let text = |new: Option<String>, old: Option<String>| match new {
        Some(new) => Some(new).filter(|new| !new.is_empty()),
        None => old,
    };
    let old = found.settings.clone();
    let settings = Settings {
        description: text(input.description, old.description),
        kms_key_identifier: text(input.kms_key_identifier, old.kms_key_identifier),
        dead_letter_config: input.dead_letter_config.or(old.dead_letter_config),
        log_config: input.log_config.or(old.log_config),
    };
    settings.check()?;
    (found.settings, found.changed) = (settings, Some(now));
    let bus = found.clone();
    Ok(shape(cx, &name, &bus))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    name: String,
}

/// What is not there is as good as deleted.
pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    if input.name == DEFAULT {
        return fail!(INVALID, "Cannot delete event bus default.");
    }
    let buses = &mut cx.events().buses;
    if buses.get(&input.name).is_some_and(|bus| !bus.rules.is_empty()) {
        return fail!(INVALID, "Event bus {} can't be deleted since it has rules.", input.name);
    }
    buses.remove(&input.name);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    name_prefix: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    bus(cx, None)?;
    let prefix = input.name_prefix.unwrap_or_default();
    let buses: Vec<(String, Bus)> = cx.events().buses.iter().map(|(name, bus)| (name.clone(), bus.clone())).collect();
    let found: Vec<(String, Value)> = buses
        .iter()
        .filter(|(name, _)| name.starts_with(&prefix))
        .map(|(name, bus)| (name.clone(), shape(cx, name, bus)))
        .collect();
    let page = page(found, input.next_token.as_deref(), size(input.limit, 100, 100, INVALID)?, INVALID)?;
    Ok(bare(json!({"EventBuses": page.items, "NextToken": page.next})))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Condition {
    r#type: String,
    key: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutPermission {
    event_bus_name: Option<String>,
    action: Option<String>,
    principal: Option<String>,
    statement_id: Option<String>,
    condition: Option<Condition>,
    policy: Option<String>,
}

/// A whole policy, or one statement of it.
pub(super) fn put_permission(cx: &mut Cx<'_>, input: PutPermission) -> Result {
    let (name, _) = bus(cx, input.event_bus_name.as_deref())?;
    let arn = arn(cx, &name);
    if let Some(policy) = input.policy {
        let policy: Option<Value> = serde_json::from_str(&policy).ok();
        let statements = policy.and_then(|policy| match policy.get("Statement")? {
            Value::Array(statements) => Some(statements.clone()),
            one @ Value::Object(_) => Some(vec![one.clone()]),
            _ => None,
        });
        let Some(statements) = statements else { return fail!(INVALID, "Parameter Policy is not valid.") };
        bus(cx, Some(&name))?.1.policy = statements;
        return Ok(Value::Null);
    }
    let (Some(action), Some(principal), Some(id)) = (input.action, input.principal, input.statement_id) else {
        return fail!(INVALID, "Parameters Action, Principal and StatementId, or Policy, must be specified.");
    };
    let is_account = principal.len() == 12 && principal.chars().all(|c| c.is_ascii_digit());
    if principal != "*" && !is_account {
        return fail!(INVALID, "Principal is not valid: {principal}");
    }
    if action != "events:PutEvents" {
        return fail!(INVALID, "Provided value in parameter 'action' is not supported.");
    }
    let who = if is_account { json!({"AWS": format!("arn:aws:iam::{principal}:root")}) } else { json!("*") };
    let mut statement = json!({"Sid": id, "Effect": "Allow", "Principal": who, "Action": action, "Resource": arn});
    if let (Some(condition), Some(statement)) = (input.condition, statement.as_object_mut()) {
        statement.insert("Condition".to_owned(), json!({condition.r#type: {condition.key: condition.value}}));
    }
    let (_, bus) = bus(cx, Some(&name))?;
    bus.policy.retain(|other| other.get("Sid").and_then(Value::as_str) != Some(&id));
    bus.policy.push(statement);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RemovePermission {
    statement_id: Option<String>,
    #[serde(default)]
    remove_all_permissions: bool,
    event_bus_name: Option<String>,
}

pub(super) fn remove_permission(cx: &mut Cx<'_>, input: RemovePermission) -> Result {
    let (_, bus) = bus(cx, input.event_bus_name.as_deref())?;
    if input.remove_all_permissions {
        bus.policy.clear();
        return Ok(Value::Null);
    }
    let id = input.statement_id.unwrap_or_default();
    let before = bus.policy.len();
    bus.policy.retain(|statement| statement.get("Sid").and_then(Value::as_str) != Some(&id));
    if bus.policy.len() == before {
        let missing = format!("Statement with the provided id does not exist: {id}");
        return Err(ApiError::new(NOT_FOUND, missing));
    }
    Ok(Value::Null)
}

//! EventBridge: event buses, rules and their targets, as far as configurations name them. Nothing is delivered to anybody,
//! and no schedule runs.

mod bus;
mod expression;
mod pattern;
mod rule;
mod target;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::bus::Bus;
use crate::error::{ApiError, Result, fail};
use crate::protocol::Protocol;
use crate::services::members::{named, resource_of};
use crate::services::{Resource, Service, operations};
use crate::tags::{self, Tag, Tags, from_list};
use crate::world::Cx;

/// One region's event buses, by name. The default one is there without being made, and listed here once it has something.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    buses: BTreeMap<String, Bus>,
}

pub(crate) static SERVICE: Service = Service {
    name: "events",
    prefix: "events",
    protocol: Protocol::Json { target: "AWSEvents" },
    invalid: INVALID,
    handler,
    bucket: |_| None,
    on_event: |_, _| {},
    resources,
};

operations! {
    "CreateEventBus" => bus::create,
    "DescribeEventBus" => bus::describe,
    "UpdateEventBus" => bus::update,
    "DeleteEventBus" => bus::delete,
    "ListEventBuses" => bus::list,
    "PutPermission" => bus::put_permission,
    "RemovePermission" => bus::remove_permission,

    "PutRule" => rule::put,
    "DescribeRule" => rule::describe,
    "EnableRule" => rule::enable,
    "DisableRule" => rule::disable,
    "DeleteRule" => rule::delete,
    "ListRules" => rule::list,

    "PutTargets" => target::put,
    "RemoveTargets" => target::remove,
    "ListTargetsByRule" => target::list,
    "ListRuleNamesByTarget" => target::rule_names,

    "TagResource" => tag,
    "UntagResource" => untag,
    "ListTagsForResource" => list_tags,
}

const INVALID: &str = "ValidationException";

/// The bus that every account has.
const DEFAULT: &str = "default";

fn resources(cx: &Cx<'_>) -> Vec<Resource> {
    let Some(region) = cx.world.regions.get(&cx.region) else { return Vec::new() };
    let mut resources = Vec::new();
    for (name, bus) in &region.events.buses {
        let made = (name != DEFAULT).then(|| Resource {
            arn: bus::arn(cx, name),
            kind: "events:event-bus",
            tags: bus.tags.clone(),
        });
        let rules = bus.rules.iter().map(|(rule, it)| Resource {
            arn: rule::arn(cx, name, rule),
            kind: "events:rule",
            tags: it.tags.clone(),
        });
        resources.extend(made.into_iter().chain(rules));
    }
    resources
}

/// The bus that a name or an ARN means; without one, the default bus.
fn bus<'c>(cx: &'c mut Cx<'_>, name: Option<&str>) -> Result<(String, &'c mut Bus)> {
    let name = match name {
        None => DEFAULT,
        Some(name) => match resource_of(name, "events") {
            Some(resource) => resource.strip_prefix("event-bus/").unwrap_or(resource),
            None => name,
        },
    };
    let name = name.to_owned();
    let buses = &mut cx.events().buses;
    if name == DEFAULT {
        return Ok((name, buses.entry(DEFAULT.to_owned()).or_default()));
    }
    match buses.get_mut(&name) {
        Some(bus) => Ok((name, bus)),
        None => fail!(NOT_FOUND, "Event bus {name} does not exist."),
    }
}

const NOT_FOUND: &str = "ResourceNotFoundException";

/// AWS's rule for names of rules and of targets.
fn check_name(name: &str, member: &str) -> Result<()> {
    if named(name, 1, 64, ".-_") {
        return Ok(());
    }
    fail!(
        INVALID,
        "1 validation error detected: Value '{name}' at '{member}' failed to satisfy constraint: Member must satisfy regular \
         expression pattern: [\\.\\-_A-Za-z0-9]+, and have length from 1 to 64"
    )
}

fn check_arn(arn: &str) -> Result<()> {
    match arn.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", _, service, _, _, first, ..] if !service.is_empty() && !first.is_empty() => Ok(()),
        _ => fail!(INVALID, "Parameter {arn} is not valid. Reason: Provided Arn is not in correct format."),
    }
}

fn merged(over: &Tags, new: Vec<Tag>) -> Result<Tags> {
    let mut merged = over.clone();
    merged.extend(from_list(new));
    tags::check(&merged).map_err(|why| ApiError::new(INVALID, why))?;
    Ok(merged)
}

/// The tags of a rule or an event bus.
fn tags_of<'c>(cx: &'c mut Cx<'_>, arn: &str) -> Result<&'c mut Tags> {
    let missing = ApiError::new(NOT_FOUND, format!("Resource {arn} does not exist."));
    let Some(resource) = resource_of(arn, "events") else {
        return fail!(INVALID, "Parameter {arn} is not valid. Reason: Provided Arn is not in correct format.");
    };
    if let Some(name) = resource.strip_prefix("event-bus/") {
        return Ok(&mut bus(cx, Some(name)).map_err(|_| missing)?.1.tags);
    }
    let Some(rule) = resource.strip_prefix("rule/") else { return Err(missing) };
    // `rule/NAME` on the default bus, `rule/BUS/NAME` on others.
    let (on, rule) = rule.rsplit_once('/').unwrap_or((DEFAULT, rule));
    match bus(cx, Some(on)).ok().and_then(|(_, bus)| bus.rules.get_mut(rule)) {
        Some(rule) => Ok(&mut rule.tags),
        None => Err(missing),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct AddTags {
    #[serde(rename = "ResourceARN")]
    arn: String,
    tags: Vec<Tag>,
}

fn tag(cx: &mut Cx<'_>, input: AddTags) -> Result {
    let own = tags_of(cx, &input.arn)?;
    *own = merged(own, input.tags)?;
    Ok(serde_json::json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RemoveTags {
    #[serde(rename = "ResourceARN")]
    arn: String,
    tag_keys: Vec<String>,
}

fn untag(cx: &mut Cx<'_>, input: RemoveTags) -> Result {
    tags_of(cx, &input.arn)?.retain(|key, _| !input.tag_keys.contains(key));
    Ok(serde_json::json!({}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListTags {
    #[serde(rename = "ResourceARN")]
    arn: String,
}

fn list_tags(cx: &mut Cx<'_>, input: ListTags) -> Result {
    Ok(serde_json::json!({"Tags": tags::pascal(tags_of(cx, &input.arn)?)}))
}

#[cfg(test)]
mod tests;

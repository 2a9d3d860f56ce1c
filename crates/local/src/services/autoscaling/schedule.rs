//! Scheduled actions.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{INVALID, Of, check_dimension, check_namespace, key, listed, target};
use crate::clock::Time;
use crate::error::{Result, fail};
use crate::world::Cx;

/// Other bounds for a target from some time on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Action {
    arn: String,
    name: String,
    pub(super) resource: String,
    schedule: String,
    timezone: Option<String>,
    start: Option<f64>,
    end: Option<f64>,
    bounds: Option<Bounds>,
    created: Time,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Bounds {
    #[serde(skip_serializing_if = "Option::is_none")]
    min_capacity: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_capacity: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Put {
    scheduled_action_name: String,
    service_namespace: String,
    resource_id: String,
    scalable_dimension: String,
    schedule: Option<String>,
    timezone: Option<String>,
    start_time: Option<f64>,
    end_time: Option<f64>,
    scalable_target_action: Option<Bounds>,
}

fn is_schedule(text: &str) -> bool {
    let inside = |name: &str| text.strip_prefix(name).and_then(|rest| rest.strip_suffix(')'));
    inside("at(").is_some_and(|at| at.len() == 19 && at.contains('T'))
        || inside("rate(").is_some_and(|rate| rate.split_whitespace().count() == 2)
        || inside("cron(").is_some_and(|cron| cron.split_whitespace().count() == 6)
}

pub(super) fn put(cx: &mut Cx<'_>, input: Put) -> Result {
    let of = Of::new(input.service_namespace, input.resource_id, input.scalable_dimension)?;
    let name = input.scheduled_action_name;
    if name.is_empty() || name.chars().count() > 256 || name.contains([':', '|', '/']) {
        return fail!(INVALID, "The scheduled action name must have 1 to 256 characters, and none of : / |");
    }
    target::find(cx.autoscaling(), &of, "registered")?;
    let at = key(&of.resource, &name);
    let before = cx.autoscaling().actions.get(&at).cloned();
    let Some(schedule) = input.schedule.or_else(|| before.as_ref().map(|b| b.schedule.clone())) else {
        return fail!(INVALID, "A schedule must be specified for a new scheduled action");
    };
    if !is_schedule(&schedule) {
        return fail!(INVALID, "The schedule '{schedule}' is not at(…), rate(…) or cron(…)");
    }
    if let Some(Bounds { min_capacity: Some(least), max_capacity: Some(most) }) = &input.scalable_target_action
        && least > most
    {
        return fail!(INVALID, "Maximum capacity cannot be less than minimum capacity");
    }
    let (uuid, created) = (cx.uuid(), cx.now());
    let arn = format!(
        "arn:aws:autoscaling:{}:{}:scheduledAction:{uuid}:resource/ecs/{}:scheduledActionName/{name}",
        cx.region,
        cx.account(),
        of.resource
    );
    let action = Action {
        arn: before.as_ref().map_or(arn, |b| b.arn.clone()),
        name,
        resource: of.resource,
        schedule,
        timezone: input.timezone.or_else(|| before.as_ref().and_then(|b| b.timezone.clone())),
        start: input.start_time,
        end: input.end_time,
        bounds: input.scalable_target_action.or_else(|| before.as_ref().and_then(|b| b.bounds.clone())),
        created: before.map_or(created, |b| b.created),
    };
    cx.autoscaling().actions.insert(at, action);
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Describe {
    #[serde(default)]
    scheduled_action_names: Vec<String>,
    service_namespace: String,
    resource_id: Option<String>,
    scalable_dimension: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    check_namespace(&input.service_namespace)?;
    input.scalable_dimension.as_deref().map_or(Ok(()), check_dimension)?;
    let wanted = |a: &&Action| {
        (input.scheduled_action_names.is_empty() || input.scheduled_action_names.contains(&a.name))
            && input.resource_id.as_ref().is_none_or(|resource| *resource == a.resource)
    };
    let render = |a: &Action| {
        let mut shape = json!({
            "ScheduledActionName": a.name,
            "ScheduledActionARN": a.arn,
            "ServiceNamespace": "ecs",
            "Schedule": a.schedule,
            "ResourceId": a.resource,
            "ScalableDimension": "ecs:service:DesiredCount",
            "CreationTime": a.created.epoch_seconds(),
        });
        let more = [
            ("Timezone", a.timezone.as_ref().map(|t| json!(t))),
            ("StartTime", a.start.map(|t| json!(t))),
            ("EndTime", a.end.map(|t| json!(t))),
            ("ScalableTargetAction", a.bounds.as_ref().map(|b| json!(b))),
        ];
        for (name, value) in more.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            shape[name] = value;
        }
        (key(&a.resource, &a.name), shape)
    };
    let found: Vec<(String, Value)> = cx.autoscaling().actions.values().filter(wanted).map(render).collect();
    listed("ScheduledActions", found, input.next_token.as_deref(), input.max_results)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    scheduled_action_name: String,
    service_namespace: String,
    resource_id: String,
    scalable_dimension: String,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let of = Of::new(input.service_namespace, input.resource_id, input.scalable_dimension)?;
    let name = &input.scheduled_action_name;
    match cx.autoscaling().actions.remove(&key(&of.resource, name)) {
        Some(_) => Ok(json!({})),
        None => fail!(
            "ObjectNotFoundException",
            "No scheduled action found for {}, scheduled action name: {name}",
            of.told()
        ),
    }
}

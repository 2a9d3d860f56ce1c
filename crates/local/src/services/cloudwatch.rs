//! CloudWatch: alarms, as far as deployments look at them. There are no metrics: an alarm's state is what SetAlarmState says.
//!
//! Newer clients speak JSON to it, older ones the query protocol ([`cloudwatch_query`](super::cloudwatch_query)).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::page::page;
use crate::protocol::Protocol;
use crate::services::cloudwatch_composite;
use crate::services::cloudwatch_dashboard::{self, Dashboard};
use crate::services::codedeploy;
use crate::services::{Resource, Service, operations};
use crate::tags::{self, Tag, Tags};
use crate::world::Cx;

/// One region's alarms, by name.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(super) alarms: BTreeMap<String, Alarm>,
    pub(super) dashboards: BTreeMap<String, Dashboard>,
}

impl State {
    /// Whether an alarm is in ALARM; nothing if there is none of that name.
    pub(crate) fn rings(&self, name: &str) -> Option<bool> {
        self.alarms.get(name).map(|alarm| cloudwatch_composite::state(&self.alarms, alarm) == "ALARM")
    }
}

/// A metric alarm, or a composite one, which has an `AlarmRule`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Alarm {
    pub(super) name: String,
    pub(super) arn: String,
    /// What it was put with, as it came.
    pub(super) settings: Map<String, Value>,
    pub(super) state: String,
    pub(super) reason: String,
    pub(super) changed: Time,
    pub(super) configured: Time,
    pub(super) tags: Tags,
}

pub(crate) static SERVICE: Service = Service {
    name: "monitoring",
    prefix: "cloudwatch",
    protocol: Protocol::Json { target: "GraniteServiceVersion20100801" },
    invalid: "ValidationError",
    handler,
    bucket: |_| None,
    on_event: |_, _| {},
    resources,
};

mod table {
    use super::*;
    operations! {
        "PutMetricAlarm" => put,
        "PutCompositeAlarm" => cloudwatch_composite::put,
        "SetAlarmState" => set_state,
        "DescribeAlarms" => describe,
        "DeleteAlarms" => delete,
        "TagResource" => tag,
        "UntagResource" => untag,
        "ListTagsForResource" => list_tags,
        "PutDashboard" => cloudwatch_dashboard::put,
        "GetDashboard" => cloudwatch_dashboard::get,
        "DeleteDashboards" => cloudwatch_dashboard::delete,
        "ListDashboards" => cloudwatch_dashboard::list,
    }
    pub(super) fn of(operation: &str) -> Option<crate::services::Handler> {
        handler(operation)
    }
}

/// The operations, in either protocol.
pub(crate) fn handler(operation: &str) -> Option<crate::services::Handler> {
    table::of(operation)
}

fn resources(cx: &Cx<'_>) -> Vec<Resource> {
    let Some(region) = cx.world.regions.get(&cx.region) else { return Vec::new() };
    let alarms = region.cloudwatch.alarms.values();
    let alarms = alarms.map(|a| Resource { arn: a.arn.clone(), kind: "cloudwatch:alarm", tags: a.tags.clone() });
    let kind = "cloudwatch:dashboard";
    let dashboards = region.cloudwatch.dashboards.keys();
    let dashboards =
        dashboards.map(|name| Resource { arn: cloudwatch_dashboard::arn(cx, name), kind, tags: Tags::new() });
    alarms.chain(dashboards).collect()
}

pub(super) const STATES: &[&str] = &["OK", "ALARM", "INSUFFICIENT_DATA"];
const NUMBERS: &[&str] = &[
    "Period",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ActionsSuppressorWaitPeriod",
    "ActionsSuppressorExtensionPeriod",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Put {
    alarm_name: String,
    #[serde(default)]
    tags: Vec<Tag>,
    alarm_description: Option<String>,
    actions_enabled: Option<bool>,
    #[serde(rename = "OKActions")]
    ok_actions: Option<Vec<String>>,
    alarm_actions: Option<Vec<String>>,
    insufficient_data_actions: Option<Vec<String>>,
    metric_name: Option<String>,
    namespace: Option<String>,
    statistic: Option<String>,
    extended_statistic: Option<String>,
    dimensions: Option<Vec<Value>>,
    period: Option<u64>,
    unit: Option<String>,
    evaluation_periods: Option<u64>,
    datapoints_to_alarm: Option<u64>,
    threshold: Option<f64>,
    comparison_operator: Option<String>,
    treat_missing_data: Option<String>,
    evaluate_low_sample_count_percentile: Option<String>,
    metrics: Option<Vec<Value>>,
    threshold_metric_id: Option<String>,
}

fn put(cx: &mut Cx<'_>, input: Put) -> Result {
    let name = input.alarm_name;
    if name.is_empty() || name.chars().count() > 255 {
        return fail!("ValidationError", "The alarm name must have 1 to 255 characters");
    }
    if input.evaluation_periods.unwrap_or(0) == 0 || input.comparison_operator.is_none() {
        return fail!("ValidationError", "EvaluationPeriods and ComparisonOperator must be specified");
    }
    if input.metrics.is_none() && (input.metric_name.is_none() || input.namespace.is_none() || input.period.is_none()) {
        return fail!("ValidationError", "An alarm needs MetricName, Namespace and Period, or Metrics");
    }
    if cx.cloudwatch().alarms.get(&name).is_some_and(|alarm| alarm.settings.contains_key("AlarmRule")) {
        return fail!("ValidationError", "Alarm {name} is a composite alarm and cannot become a metric alarm");
    }
    let tags = tags::from_list(input.tags);
    check_tags(&tags)?;
    let settings = json!({
        "AlarmDescription": input.alarm_description,
        "ActionsEnabled": input.actions_enabled.unwrap_or(true),
        "OKActions": input.ok_actions.unwrap_or_default(),
        "AlarmActions": input.alarm_actions.unwrap_or_default(),
        "InsufficientDataActions": input.insufficient_data_actions.unwrap_or_default(),
        "MetricName": input.metric_name,
        "Namespace": input.namespace,
        "Statistic": input.statistic,
        "ExtendedStatistic": input.extended_statistic,
        "Dimensions": input.dimensions.unwrap_or_default(),
        "Period": input.period,
        "Unit": input.unit,
        "EvaluationPeriods": input.evaluation_periods,
        "DatapointsToAlarm": input.datapoints_to_alarm,
        "Threshold": input.threshold,
        "ComparisonOperator": input.comparison_operator,
        "TreatMissingData": input.treat_missing_data,
        "EvaluateLowSampleCountPercentile": input.evaluate_low_sample_count_percentile,
        "Metrics": input.metrics,
        "ThresholdMetricId": input.threshold_metric_id,
    });
    keep(cx, name, settings, "INSUFFICIENT_DATA", tags);
    Ok(Value::Null)
}

/// Makes an alarm, or gives one its new settings: those that are not null. One that is there keeps its state.
pub(super) fn keep(cx: &mut Cx<'_>, name: String, settings: Value, first_state: &str, tags: Tags) {
    let Value::Object(mut settings) = settings else { return };
    settings.retain(|_, value| !value.is_null());
    let (now, arn) = (cx.now(), cx.arn("cloudwatch", &format!("alarm:{name}")));
    let before = cx.cloudwatch().alarms.remove(&name);
    let mut alarm = before.unwrap_or_else(|| Alarm {
        name: name.clone(),
        arn,
        settings: Map::new(),
        state: first_state.to_owned(),
        reason: "Unchecked: Initial alarm creation".to_owned(),
        changed: now,
        configured: now,
        // AWS takes tags at creation only.
        tags,
    });
    (alarm.settings, alarm.configured) = (settings, now);
    cx.cloudwatch().alarms.insert(name, alarm);
    codedeploy::deployment::alarm_changed(cx);
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct SetState {
    alarm_name: String,
    state_value: String,
    state_reason: String,
    #[serde(rename = "StateReasonData")]
    _state_reason_data: Option<String>,
}

fn set_state(cx: &mut Cx<'_>, input: SetState) -> Result {
    let now = cx.now();
    if !STATES.contains(&input.state_value.as_str()) {
        return fail!(
            "ValidationError",
            "The state value '{}' must be one of {}",
            input.state_value,
            STATES.join(", ")
        );
    }
    let Some(alarm) = cx.cloudwatch().alarms.get_mut(&input.alarm_name) else {
        return fail!("ResourceNotFound", "There is no alarm named {}", input.alarm_name).map_err(|e| e.status(404));
    };
    (alarm.state, alarm.reason, alarm.changed) = (input.state_value, input.state_reason, now);
    codedeploy::deployment::alarm_changed(cx);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Describe {
    #[serde(default)]
    alarm_names: Vec<String>,
    alarm_name_prefix: Option<String>,
    #[serde(default)]
    alarm_types: Vec<String>,
    state_value: Option<String>,
    max_records: Option<usize>,
    next_token: Option<String>,
}

fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let json = matches!(cx.service.protocol, Protocol::Json { .. });
    let time = |t: Time| if json { json!(t.epoch_seconds()) } else { json!(t.iso8601()) };
    // Composite alarms are for those who ask for them.
    let asked = |kind: &str| input.alarm_types.iter().any(|t| t == kind);
    let (metric, composite) = (input.alarm_types.is_empty() || asked("MetricAlarm"), asked("CompositeAlarm"));
    let alarms = &cx.cloudwatch().alarms;
    let state = |a: &Alarm| cloudwatch_composite::state(alarms, a).to_owned();
    let wanted = |a: &&Alarm| {
        (if a.settings.contains_key("AlarmRule") { composite } else { metric })
            && (input.alarm_names.is_empty() || input.alarm_names.contains(&a.name))
            && input.alarm_name_prefix.as_ref().is_none_or(|p| a.name.starts_with(p.as_str()))
            && input.state_value.as_ref().is_none_or(|s| state(a) == *s)
    };
    let shape = |a: &Alarm| {
        let mut all = a.settings.clone();
        for name in NUMBERS {
            if let Some(number) = all.get_mut(*name).filter(|_| !json) {
                *number = number.to_string().into();
            }
        }
        for (name, value) in [
            ("AlarmName", json!(a.name)),
            ("AlarmArn", json!(a.arn)),
            ("StateValue", json!(state(a))),
            ("StateReason", json!(a.reason)),
            ("StateUpdatedTimestamp", time(a.changed)),
            ("StateTransitionedTimestamp", time(a.changed)),
            ("AlarmConfigurationUpdatedTimestamp", time(a.configured)),
        ] {
            all.insert(name.to_owned(), value);
        }
        (a.name.clone(), Value::Object(all))
    };
    let found: Vec<(String, Value)> = alarms.values().filter(wanted).map(shape).collect();
    let size = input.max_records.unwrap_or(50).clamp(1, 100);
    let page = page(found, input.next_token.as_deref(), size, "InvalidNextToken")?;
    let (composites, metrics): (Vec<Value>, Vec<Value>) =
        page.items.into_iter().partition(|alarm| alarm.get("AlarmRule").is_some());
    let mut answer = json!({"MetricAlarms": metrics, "CompositeAlarms": composites});
    if let Some(next) = page.next {
        answer["NextToken"] = next.into();
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Delete {
    alarm_names: Vec<String>,
}

/// All of them, or none if one is not there.
fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let alarms = &mut cx.cloudwatch().alarms;
    if let Some(missing) = input.alarm_names.iter().find(|name| !alarms.contains_key(*name)) {
        return fail!("ResourceNotFound", "There is no alarm named {missing}").map_err(|e| e.status(404));
    }
    alarms.retain(|name, _| !input.alarm_names.contains(name));
    codedeploy::deployment::alarm_changed(cx);
    Ok(Value::Null)
}

pub(super) fn check_tags(tags: &Tags) -> Result<()> {
    tags::check(tags).map_err(|why| ApiError::new("InvalidParameterValue", why))
}

/// The tags of what has this ARN.
fn tags_of<'c>(cx: &'c mut Cx<'_>, arn: &str) -> Result<&'c mut Tags> {
    let found = cx.cloudwatch().alarms.values_mut().find(|alarm| alarm.arn == arn);
    match found {
        Some(alarm) => Ok(&mut alarm.tags),
        None => Err(ApiError::new("ResourceNotFoundException", "Unknown")
            .status(404)
            .detail("ResourceType", "alarm")
            .detail("ResourceId", arn)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TagResource {
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
    tags: Vec<Tag>,
}

fn tag(cx: &mut Cx<'_>, input: TagResource) -> Result {
    let own = tags_of(cx, &input.resource_arn)?;
    let mut tags = own.clone();
    tags.extend(tags::from_list(input.tags));
    check_tags(&tags)?;
    *own = tags;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct UntagResource {
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
    tag_keys: Vec<String>,
}

fn untag(cx: &mut Cx<'_>, input: UntagResource) -> Result {
    tags_of(cx, &input.resource_arn)?.retain(|key, _| !input.tag_keys.contains(key));
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ListTags {
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
}

fn list_tags(cx: &mut Cx<'_>, input: ListTags) -> Result {
    Ok(json!({"Tags": tags::pascal(tags_of(cx, &input.resource_arn)?)}))
}

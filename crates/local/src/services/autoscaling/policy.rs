//! Scaling policies, with the alarms that target tracking makes for itself.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{INVALID, Of, check_dimension, check_namespace, key, listed, target};
use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::services::peers;
use crate::world::Cx;

/// A policy, with its configuration as AWS reads it back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Policy {
    arn: String,
    name: String,
    resource: String,
    kind: String,
    configuration: Value,
    /// Names of alarms that are the policy's own.
    alarms: Vec<String>,
    created: Time,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Put {
    policy_name: String,
    service_namespace: String,
    resource_id: String,
    scalable_dimension: String,
    policy_type: Option<String>,
    step_scaling_policy_configuration: Option<Map<String, Value>>,
    target_tracking_scaling_policy_configuration: Option<Map<String, Value>>,
    predictive_scaling_policy_configuration: Option<Value>,
}

pub(super) fn put(cx: &mut Cx<'_>, input: Put) -> Result {
    let name = input.policy_name;
    let of = Of::new(input.service_namespace, input.resource_id, input.scalable_dimension)?;
    if name.is_empty() || name.chars().count() > 256 {
        return fail!(INVALID, "The policy name must have 1 to 256 characters");
    }
    let kind = input.policy_type.unwrap_or_else(|| "StepScaling".to_owned());
    target::find(cx.autoscaling(), &of, "registered")?;
    let configuration = match kind.as_str() {
        "StepScaling" => step(input.step_scaling_policy_configuration)?,
        "TargetTrackingScaling" => tracking(input.target_tracking_scaling_policy_configuration)?,
        "PredictiveScaling" => return fail!(INVALID, "The local cloud does not have predictive scaling"),
        other => {
            return fail!(
                INVALID,
                "1 validation error detected: Value '{other}' at 'policyType' failed to satisfy constraint: Member must \
                 satisfy enum value set: [StepScaling, TargetTrackingScaling, PredictiveScaling]"
            );
        }
    };
    if input.predictive_scaling_policy_configuration.is_some() {
        return fail!(INVALID, "A predictive scaling configuration needs the policy type PredictiveScaling");
    }
    let at = key(&of.resource, &name);
    let others = cx.autoscaling().policies.iter().filter(|(k, p)| **k != at && p.resource == of.resource);
    if kind == "TargetTrackingScaling"
        && others.into_iter().any(|(_, p)| p.kind == kind && metric(&p.configuration) == metric(&configuration))
    {
        return fail!(INVALID, "Only one TargetTrackingScaling policy for a given metric specification is allowed.");
    }
    let before = cx.autoscaling().policies.get(&at).cloned();
    let (uuid, created) = (cx.uuid(), cx.now());
    let arn = format!(
        "arn:aws:autoscaling:{}:{}:scalingPolicy:{uuid}:resource/ecs/{}:policyName/{name}",
        cx.region,
        cx.account(),
        of.resource
    );
    let mut policy = before.unwrap_or(Policy {
        arn,
        name,
        resource: of.resource.clone(),
        kind: kind.clone(),
        configuration: Value::Null,
        alarms: Vec::new(),
        created,
    });
    (policy.kind, policy.configuration) = (kind, configuration);
    set_alarms(cx, &mut policy)?;
    let answer = json!({"PolicyARN": policy.arn, "Alarms": alarms(cx, &policy)});
    cx.autoscaling().policies.insert(at, policy);
    Ok(answer)
}

/// What a target tracking policy looks at.
fn metric(configuration: &Value) -> Value {
    let metric = |name: &str| configuration[name].clone();
    json!([metric("PredefinedMetricSpecification"), metric("CustomizedMetricSpecification")])
}

fn step(configuration: Option<Map<String, Value>>) -> Result {
    let Some(mut configuration) = configuration else {
        return fail!(INVALID, "A step scaling policy needs StepScalingPolicyConfiguration");
    };
    let kind = configuration.get("AdjustmentType").and_then(Value::as_str).unwrap_or_default().to_owned();
    if !["ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity"].contains(&kind.as_str()) {
        return fail!(INVALID, "The adjustment type '{kind}' is not valid");
    }
    let steps = configuration.get("StepAdjustments").and_then(Value::as_array).cloned().unwrap_or_default();
    if steps.is_empty() {
        return fail!(INVALID, "There must be at least one step adjustment");
    }
    if steps.iter().any(|step| !step["ScalingAdjustment"].is_i64()) {
        return fail!(INVALID, "A step adjustment needs ScalingAdjustment");
    }
    overlaps(&steps)?;
    if configuration.contains_key("MinAdjustmentMagnitude") && kind != "PercentChangeInCapacity" {
        return fail!(INVALID, "MinAdjustmentMagnitude can be used with PercentChangeInCapacity only");
    }
    configuration.entry("MetricAggregationType").or_insert_with(|| json!("Average"));
    Ok(Value::Object(configuration))
}

/// Steps must follow each other without a gap and without an overlap.
fn overlaps(steps: &[Value]) -> Result<()> {
    let bound = |step: &Value, name: &str, open: f64| step[name].as_f64().unwrap_or(open);
    let mut ranges: Vec<(f64, f64)> = steps
        .iter()
        .map(|step| {
            let from = bound(step, "MetricIntervalLowerBound", f64::NEG_INFINITY);
            (from, bound(step, "MetricIntervalUpperBound", f64::INFINITY))
        })
        .collect();
    ranges.sort_by(|a, b| a.0.total_cmp(&b.0));
    if ranges.iter().any(|(from, to)| from >= to) {
        return fail!(INVALID, "The lower bound of a step adjustment must be less than its upper bound");
    }
    if ranges.iter().zip(ranges.iter().skip(1)).any(|((_, to), (from, _))| to != from) {
        return fail!(INVALID, "Step adjustments must not overlap or have a gap between them");
    }
    Ok(())
}

const PREDEFINED: &[&str] =
    &["ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization", "ALBRequestCountPerTarget"];

fn tracking(configuration: Option<Map<String, Value>>) -> Result {
    let Some(mut configuration) = configuration else {
        return fail!(INVALID, "A target tracking policy needs TargetTrackingScalingPolicyConfiguration");
    };
    if !configuration.get("TargetValue").is_some_and(Value::is_number) {
        return fail!(INVALID, "TargetValue must be specified");
    }
    let predefined = configuration.get("PredefinedMetricSpecification");
    let customized = configuration.get("CustomizedMetricSpecification");
    match (predefined, customized) {
        (Some(metric), None) => {
            let kind = metric["PredefinedMetricType"].as_str().unwrap_or_default();
            if !PREDEFINED.contains(&kind) {
                return fail!(
                    INVALID,
                    "The predefined metric type '{kind}' is not valid for the service namespace ecs"
                );
            }
            let label = metric["ResourceLabel"].as_str();
            if (kind == "ALBRequestCountPerTarget") != label.is_some() {
                return fail!(
                    INVALID,
                    "A resource label must be specified with the metric type ALBRequestCountPerTarget, and with no other"
                );
            }
            if label.is_some_and(|label| !label.starts_with("app/") || !label.contains("/targetgroup/")) {
                return fail!(INVALID, "The resource label must be app/NAME/ID/targetgroup/NAME/ID");
            }
        }
        (None, Some(_)) => {}
        _ => {
            return fail!(
                INVALID,
                "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified"
            );
        }
    }
    configuration.entry("DisableScaleIn").or_insert_with(|| json!(false));
    Ok(Value::Object(configuration))
}

/// Makes a target tracking policy's two alarms, and takes away those of a policy that is none any more.
fn set_alarms(cx: &mut Cx<'_>, policy: &mut Policy) -> Result<()> {
    if policy.kind != "TargetTrackingScaling" {
        return take_alarms(cx, &std::mem::take(&mut policy.alarms));
    }
    if policy.alarms.is_empty() {
        for which in ["AlarmHigh", "AlarmLow"] {
            let uuid = cx.uuid();
            policy.alarms.push(format!("TargetTracking-{}-{which}-{uuid}", policy.resource));
        }
    }
    let mut parts = policy.resource.split('/').skip(1);
    let dimension = |name: &str, value: Option<&str>| json!({"Name": name, "Value": value.unwrap_or_default()});
    let dimensions = json!([dimension("ClusterName", parts.next()), dimension("ServiceName", parts.next())]);
    let target = policy.configuration["TargetValue"].as_f64().unwrap_or_default();
    for name in policy.alarms.clone() {
        let low = name.contains("-AlarmLow-");
        let alarm = json!({
            "AlarmName": name,
            "AlarmDescription": format!("DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {}.", policy.arn),
            "AlarmActions": [policy.arn],
            "MetricName": "CPUUtilization",
            "Namespace": "AWS/ECS",
            "Statistic": "Average",
            "Dimensions": dimensions,
            "Period": 60,
            "EvaluationPeriods": if low { 15 } else { 3 },
            "Threshold": if low { target * 0.9 } else { target },
            "ComparisonOperator": if low { "LessThanThreshold" } else { "GreaterThanThreshold" },
        });
        peers::call(cx, "monitoring", "PutMetricAlarm", alarm)
            .map_err(|e| ApiError::new("FailedResourceAccessException", e.message))?;
    }
    Ok(())
}

fn take_alarms(cx: &mut Cx<'_>, names: &[String]) -> Result<()> {
    for name in names {
        match peers::call(cx, "monitoring", "DeleteAlarms", json!({"AlarmNames": [name]})) {
            // Somebody was faster.
            Err(e) if e.code == "ResourceNotFound" => {}
            Err(e) => return Err(ApiError::new("FailedResourceAccessException", e.message)),
            Ok(_) => {}
        }
    }
    Ok(())
}

fn alarms(cx: &Cx<'_>, policy: &Policy) -> Value {
    let arn = |name: &String| cx.arn("cloudwatch", &format!("alarm:{name}"));
    policy.alarms.iter().map(|name| json!({"AlarmName": name, "AlarmARN": arn(name)})).collect()
}

/// Deletes all policies of a target.
pub(super) fn forget_all(cx: &mut Cx<'_>, resource: &str) -> Result<()> {
    let names: Vec<String> = cx
        .autoscaling()
        .policies
        .values()
        .filter(|policy| policy.resource == resource)
        .flat_map(|policy| policy.alarms.clone())
        .collect();
    take_alarms(cx, &names)?;
    cx.autoscaling().policies.retain(|_, policy| policy.resource != resource);
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Describe {
    #[serde(default)]
    policy_names: Vec<String>,
    service_namespace: String,
    resource_id: Option<String>,
    scalable_dimension: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    check_namespace(&input.service_namespace)?;
    input.scalable_dimension.as_deref().map_or(Ok(()), check_dimension)?;
    let wanted = |p: &&Policy| {
        (input.policy_names.is_empty() || input.policy_names.iter().any(|n| *n == p.name || *n == p.arn))
            && input.resource_id.as_ref().is_none_or(|resource| *resource == p.resource)
    };
    let found: Vec<Policy> = cx.autoscaling().policies.values().filter(wanted).cloned().collect();
    let mut list = Vec::new();
    for policy in found {
        let shape = json!({
            "PolicyARN": policy.arn,
            "PolicyName": policy.name,
            "ServiceNamespace": "ecs",
            "ResourceId": policy.resource,
            "ScalableDimension": "ecs:service:DesiredCount",
            "PolicyType": policy.kind,
            format!("{}PolicyConfiguration", policy.kind): policy.configuration,
            "Alarms": alarms(cx, &policy),
            "CreationTime": policy.created.epoch_seconds(),
        });
        list.push((key(&policy.resource, &policy.name), shape));
    }
    listed("ScalingPolicies", list, input.next_token.as_deref(), input.max_results)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    policy_name: String,
    service_namespace: String,
    resource_id: String,
    scalable_dimension: String,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let of = Of::new(input.service_namespace, input.resource_id, input.scalable_dimension)?;
    let Some(policy) = cx.autoscaling().policies.remove(&key(&of.resource, &input.policy_name)) else {
        return fail!(
            "ObjectNotFoundException",
            "No scaling policy found for {}, policy name: {}",
            of.told(),
            input.policy_name
        );
    };
    take_alarms(cx, &policy.alarms)?;
    Ok(json!({}))
}

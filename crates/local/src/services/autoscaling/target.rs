//! Scalable targets.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{INVALID, Of, State, check_dimension, check_namespace, listed, policy};
use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::services::peers;
use crate::tags::{self, Tags};
use crate::world::Cx;

/// An ECS service whose number of tasks may be changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Target {
    pub(super) arn: String,
    pub(super) resource: String,
    least: i64,
    most: i64,
    suspended: Suspended,
    created: Time,
    pub(super) tags: Tags,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
struct Suspended {
    dynamic_scaling_in_suspended: bool,
    dynamic_scaling_out_suspended: bool,
    scheduled_scaling_suspended: bool,
}

const ROLE: &str =
    "aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Register {
    service_namespace: String,
    resource_id: String,
    scalable_dimension: String,
    min_capacity: Option<i64>,
    max_capacity: Option<i64>,
    #[serde(rename = "RoleARN")]
    _role: Option<String>,
    suspended_state: Option<Suspended>,
    #[serde(default)]
    tags: Tags,
}

/// The target, or the error of the operations that need one.
pub(super) fn find<'s>(state: &'s mut State, of: &Of, what: &str) -> Result<&'s mut Target> {
    let told = of.told();
    state
        .targets
        .get_mut(&of.resource)
        .ok_or_else(|| ApiError::new("ObjectNotFoundException", format!("No scalable target {what} for {told}")))
}

fn ecs_service_is_there(cx: &mut Cx<'_>, resource: &str) -> bool {
    let mut parts = resource.split('/').skip(1);
    let (cluster, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let found = peers::call(cx, "ecs", "DescribeServices", json!({"cluster": cluster, "services": [name]}));
    found.is_ok_and(|found| found["services"][0]["status"] == "ACTIVE")
}

pub(super) fn register(cx: &mut Cx<'_>, input: Register) -> Result {
    let of = Of::new(input.service_namespace, input.resource_id, input.scalable_dimension)?;
    let before = cx.autoscaling().targets.get(&of.resource).cloned();
    let least = input.min_capacity.or(before.as_ref().map(|b| b.least));
    let most = input.max_capacity.or(before.as_ref().map(|b| b.most));
    let (Some(least), Some(most)) = (least, most) else {
        return fail!(INVALID, "MinCapacity and MaxCapacity must be specified for a new scalable target");
    };
    if least < 0 || most < 0 {
        return fail!(INVALID, "Minimum and maximum capacity must not be negative");
    }
    if least > most {
        return fail!(INVALID, "Maximum capacity cannot be less than minimum capacity");
    }
    if before.is_some() && !input.tags.is_empty() {
        return fail!(INVALID, "Tags can be given to a new scalable target only; use TagResource");
    }
    check_tags(&input.tags)?;
    if !ecs_service_is_there(cx, &of.resource) {
        return fail!(INVALID, "ECS service doesn't exist: {}", of.resource);
    }
    // It may be there already; that is as good.
    let linked = json!({"AWSServiceName": "ecs.application-autoscaling.amazonaws.com"});
    let _ = peers::call(cx, "iam", "CreateServiceLinkedRole", linked);
    let id = format!("0ec5{}", cx.hex(29));
    let arn = cx.arn("application-autoscaling", &format!("scalable-target/{id}"));
    let created = cx.now();
    let mut target = before.unwrap_or(Target {
        arn,
        resource: of.resource.clone(),
        least,
        most,
        suspended: Suspended::default(),
        created,
        tags: input.tags,
    });
    (target.least, target.most) = (least, most);
    if let Some(suspended) = input.suspended_state {
        target.suspended = suspended;
    }
    let answer = json!({"ScalableTargetARN": target.arn});
    cx.autoscaling().targets.insert(of.resource, target);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Describe {
    service_namespace: String,
    #[serde(default)]
    resource_ids: Vec<String>,
    scalable_dimension: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    check_namespace(&input.service_namespace)?;
    input.scalable_dimension.as_deref().map_or(Ok(()), check_dimension)?;
    let role = format!("arn:aws:iam::{}:role/{ROLE}", cx.account());
    let wanted = |t: &&Target| input.resource_ids.is_empty() || input.resource_ids.contains(&t.resource);
    let render = |t: &Target| {
        json!({
            "ServiceNamespace": "ecs",
            "ResourceId": t.resource,
            "ScalableDimension": "ecs:service:DesiredCount",
            "MinCapacity": t.least,
            "MaxCapacity": t.most,
            "RoleARN": role,
            "CreationTime": t.created.epoch_seconds(),
            "SuspendedState": t.suspended,
            "ScalableTargetARN": t.arn,
        })
    };
    let found = cx.autoscaling().targets.values().filter(wanted).map(|t| (t.resource.clone(), render(t))).collect();
    listed("ScalableTargets", found, input.next_token.as_deref(), input.max_results)
}

/// Its policies and scheduled actions go with it.
pub(super) fn deregister(cx: &mut Cx<'_>, input: Of) -> Result {
    input.check()?;
    find(cx.autoscaling(), &input, "found")?;
    policy::forget_all(cx, &input.resource)?;
    let state = cx.autoscaling();
    state.targets.remove(&input.resource);
    state.actions.retain(|_, action| action.resource != input.resource);
    Ok(json!({}))
}

fn check_tags(tags: &Tags) -> Result<()> {
    tags::check(tags).map_err(|why| ApiError::new(if tags.len() > 50 { "TooManyTagsException" } else { INVALID }, why))
}

fn tags_of<'s>(state: &'s mut State, arn: &str) -> Result<&'s mut Tags> {
    let found = state.targets.values_mut().find(|target| target.arn == arn);
    found.map(|target| &mut target.tags).ok_or_else(|| {
        ApiError::new("ResourceNotFoundException", format!("No scalable target has the ARN {arn}"))
            .detail("ResourceName", arn)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Tag {
    #[serde(rename = "ResourceARN")]
    arn: String,
    tags: Tags,
}

pub(super) fn tag(cx: &mut Cx<'_>, input: Tag) -> Result {
    let own = tags_of(cx.autoscaling(), &input.arn)?;
    let mut merged = own.clone();
    merged.extend(input.tags);
    check_tags(&merged)?;
    *own = merged;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Untag {
    #[serde(rename = "ResourceARN")]
    arn: String,
    tag_keys: Vec<String>,
}

pub(super) fn untag(cx: &mut Cx<'_>, input: Untag) -> Result {
    tags_of(cx.autoscaling(), &input.arn)?.retain(|key, _| !input.tag_keys.contains(key));
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListTags {
    #[serde(rename = "ResourceARN")]
    arn: String,
}

pub(super) fn list_tags(cx: &mut Cx<'_>, input: ListTags) -> Result<Value> {
    Ok(json!({"Tags": tags_of(cx.autoscaling(), &input.arn)?}))
}

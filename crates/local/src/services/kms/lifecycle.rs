//! Keys are switched on and off, rotated and deleted.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{INVALID, find, find_lasting};
use crate::error::{Result, fail};
use crate::world::Cx;

const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ById {
    key_id: String,
}

pub(super) fn enable(cx: &mut Cx<'_>, input: ById) -> Result {
    find_lasting(cx, &input.key_id)?.enabled = true;
    Ok(Value::Null)
}

pub(super) fn disable(cx: &mut Cx<'_>, input: ById) -> Result {
    find_lasting(cx, &input.key_id)?.enabled = false;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct EnableRotation {
    key_id: String,
    rotation_period_in_days: Option<u32>,
}

pub(super) fn enable_rotation(cx: &mut Cx<'_>, input: EnableRotation) -> Result {
    let now = cx.now();
    let key = find_lasting(cx, &input.key_id)?;
    if !key.enabled {
        return fail!("DisabledException", "{} is disabled.", key.arn);
    }
    if key.spec != "SYMMETRIC_DEFAULT" {
        return fail!("UnsupportedOperationException", "{} cannot be rotated.", key.arn);
    }
    if let Some(days) = input.rotation_period_in_days.filter(|days| !(90..=2560).contains(days)) {
        return fail!(
            INVALID,
            "1 validation error detected: Value '{days}' at 'rotationPeriodInDays' failed to satisfy constraint: Member \
             must have value between 90 and 2560"
        );
    }
    key.rotation = Some(input.rotation_period_in_days.or(key.rotation).unwrap_or(365));
    key.rotation_since = now;
    Ok(Value::Null)
}

pub(super) fn disable_rotation(cx: &mut Cx<'_>, input: ById) -> Result {
    let key = find_lasting(cx, &input.key_id)?;
    if !key.enabled {
        return fail!("DisabledException", "{} is disabled.", key.arn);
    }
    key.rotation = None;
    Ok(Value::Null)
}

pub(super) fn rotation(cx: &mut Cx<'_>, input: ById) -> Result {
    let key = find(cx, &input.key_id)?;
    let mut answer = json!({"KeyId": key.id, "KeyRotationEnabled": key.rotation.is_some() && key.deletion.is_none()});
    if let Some(days) = key.rotation.filter(|_| key.deletion.is_none()) {
        answer["RotationPeriodInDays"] = json!(days);
        answer["NextRotationDate"] = json!((key.rotation_since + DAY * days).epoch_seconds());
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ScheduleDeletion {
    key_id: String,
    pending_window_in_days: Option<u32>,
}

pub(super) fn schedule_deletion(cx: &mut Cx<'_>, input: ScheduleDeletion) -> Result {
    let days = input.pending_window_in_days.unwrap_or(30);
    if !(7..=30).contains(&days) {
        return fail!(
            INVALID,
            "1 validation error detected: Value '{days}' at 'pendingWindowInDays' failed to satisfy constraint: Member \
             must have value between 7 and 30"
        );
    }
    let at = cx.now() + DAY * days;
    let key = find_lasting(cx, &input.key_id)?;
    if key.of_aws {
        return fail!("KMSInvalidStateException", "{} is managed by AWS and cannot be deleted.", key.arn);
    }
    key.deletion = Some(at);
    let (id, arn) = (key.id.clone(), key.arn.clone());
    cx.exactly_after(DAY * days, json!(id));
    Ok(json!({
        "KeyId": arn,
        "DeletionDate": at.epoch_seconds(),
        "KeyState": "PendingDeletion",
        "PendingWindowInDays": days,
    }))
}

/// It comes back switched off.
pub(super) fn cancel_deletion(cx: &mut Cx<'_>, input: ById) -> Result {
    let key = find(cx, &input.key_id)?;
    if key.deletion.is_none() {
        return fail!("KMSInvalidStateException", "{} is not pending deletion.", key.arn);
    }
    (key.deletion, key.enabled) = (None, false);
    Ok(json!({"KeyId": key.arn}))
}

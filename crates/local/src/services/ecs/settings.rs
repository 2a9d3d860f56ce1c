//! Account settings.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Result, fail};
use crate::services::sts;
use crate::world::Cx;

/// Names, and what AWS assumes.
const KNOWN: &[(&str, &str)] = &[
    ("awsvpcTrunking", "disabled"),
    ("containerInsights", "disabled"),
    ("containerInstanceLongArnFormat", "enabled"),
    ("defaultLogDriverMode", "non-blocking"),
    ("fargateFIPSMode", "disabled"),
    ("fargateTaskRetirementWaitPeriod", "7"),
    ("guardDutyActivate", "off"),
    ("serviceLongArnFormat", "enabled"),
    ("tagResourceAuthorization", "off"),
    ("taskLongArnFormat", "enabled"),
];

/// A setting's value.
pub(super) fn value(cx: &mut Cx<'_>, name: &str) -> String {
    let set = cx.ecs().settings.get(name).cloned();
    set.or_else(|| KNOWN.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())).unwrap_or_default()
}

fn shape(cx: &mut Cx<'_>, name: &str) -> Value {
    let value = value(cx, name);
    let kind = if name == "guardDutyActivate" { "aws_managed" } else { "user" };
    json!({"name": name, "value": value, "principalArn": sts::caller_arn(cx.account()), "type": kind})
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct List {
    name: Option<String>,
    value: Option<String>,
    #[serde(rename = "principalArn")]
    _principal_arn: Option<String>,
    #[serde(default)]
    effective_settings: bool,
    #[serde(rename = "nextToken")]
    _next_token: Option<String>,
    #[serde(rename = "maxResults")]
    _max_results: Option<u32>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let mut settings = Vec::new();
    for (name, _) in KNOWN {
        let wanted = input.name.as_deref().is_none_or(|n| n == *name);
        if wanted && (input.effective_settings || cx.ecs().settings.contains_key(*name)) {
            let setting = shape(cx, name);
            if input.value.as_deref().is_none_or(|v| setting["value"] == v) {
                settings.push(setting);
            }
        }
    }
    Ok(json!({"settings": settings}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Put {
    name: String,
    value: String,
    #[serde(rename = "principalArn")]
    _principal_arn: Option<String>,
}

pub(super) fn put(cx: &mut Cx<'_>, input: Put) -> Result {
    if !KNOWN.iter().any(|(name, _)| *name == input.name) {
        return fail!("InvalidParameterException", "Invalid setting name: {}", input.name);
    }
    cx.ecs().settings.insert(input.name.clone(), input.value);
    Ok(json!({"setting": shape(cx, &input.name)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Delete {
    name: String,
    #[serde(rename = "principalArn")]
    _principal_arn: Option<String>,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    cx.ecs().settings.remove(&input.name);
    Ok(json!({"setting": shape(cx, &input.name)}))
}

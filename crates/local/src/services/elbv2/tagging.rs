//! Tags of all kinds, by ARN.

use serde::Deserialize;
use serde_json::{Value, json};

use super::State;
use super::validate::{check_tags, invalid};
use crate::error::{ApiError, Result};
use crate::tags::{self, Tag, Tags};
use crate::world::Cx;

fn find<'a>(state: &'a mut State, arn: &str) -> Result<&'a mut Tags> {
    let kind = arn.splitn(6, ':').nth(5).and_then(|resource| resource.split('/').next()).unwrap_or_default();
    let (tags, code, what) = match kind {
        "loadbalancer" => {
            (state.load_balancers.get_mut(arn).map(|it| &mut it.tags), "LoadBalancerNotFound", "Load balancer")
        }
        "targetgroup" => {
            (state.target_groups.get_mut(arn).map(|it| &mut it.tags), "TargetGroupNotFound", "Target groups")
        }
        "listener" => (state.listeners.get_mut(arn).map(|it| &mut it.tags), "ListenerNotFound", "Listener"),
        "listener-rule" => {
            let default = state.listeners.values_mut().find(|listener| listener.default_rule_arn == arn);
            let tags = match default {
                Some(listener) => Some(&mut listener.default_rule_tags),
                None => state.rules.get_mut(arn).map(|it| &mut it.tags),
            };
            (tags, "RuleNotFound", "Rule")
        }
        _ => return Err(invalid(format!("'{arn}' is not a valid ARN of a resource with tags"))),
    };
    tags.ok_or_else(|| ApiError::new(code, format!("{what} '{arn}' not found")))
}

fn check_count(arns: &[String]) -> Result<()> {
    if (1..=20).contains(&arns.len()) {
        return Ok(());
    }
    Err(invalid("Between 1 and 20 resource ARNs must be specified"))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Add {
    resource_arns: Vec<String>,
    tags: Vec<Tag>,
}

pub(super) fn add(cx: &mut Cx<'_>, input: Add) -> Result {
    check_count(&input.resource_arns)?;
    let state = cx.elbv2();
    let mut new = Vec::new();
    for arn in &input.resource_arns {
        new.push(check_tags(input.tags.clone(), find(state, arn)?)?);
    }
    for (arn, tags) in input.resource_arns.iter().zip(new) {
        *find(state, arn)? = tags;
    }
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Remove {
    resource_arns: Vec<String>,
    tag_keys: Vec<String>,
}

pub(super) fn remove(cx: &mut Cx<'_>, input: Remove) -> Result {
    check_count(&input.resource_arns)?;
    let state = cx.elbv2();
    for arn in &input.resource_arns {
        find(state, arn)?;
    }
    for arn in &input.resource_arns {
        find(state, arn)?.retain(|key, _| !input.tag_keys.contains(key));
    }
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Describe {
    resource_arns: Vec<String>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    check_count(&input.resource_arns)?;
    let state = cx.elbv2();
    let mut descriptions: Vec<Value> = Vec::new();
    for arn in &input.resource_arns {
        descriptions.push(json!({"ResourceArn": arn, "Tags": tags::pascal(find(state, arn)?)}));
    }
    Ok(json!({"TagDescriptions": descriptions}))
}

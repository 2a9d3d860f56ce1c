//! Lifecycle policies: their grammar, and what they expire.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::filters::wildcard;
use crate::services::ecr::Repository;
use crate::services::ecr::repository::find;
use crate::services::members::bare;
use crate::timings;
use crate::world::Cx;

/// A policy as it was sent.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Stored {
    text: String,
    evaluated: Option<Time>,
    /// An evaluation is in the queue.
    #[serde(default)]
    due: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    rule_priority: u64,
    #[serde(rename = "description")]
    _description: Option<String>,
    selection: Selection,
    action: Action,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Selection {
    tag_status: String,
    #[serde(default)]
    tag_prefix_list: Vec<String>,
    #[serde(default)]
    tag_pattern_list: Vec<String>,
    count_type: String,
    count_unit: Option<String>,
    count_number: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Action {
    #[serde(rename = "type")]
    kind: String,
}

/// The rules by priority, or what is wrong with the text.
fn parse(text: &str) -> std::result::Result<Vec<Rule>, String> {
    let document: Document = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let mut rules = document.rules;
    if rules.is_empty() || rules.len() > 50 {
        return Err("a policy has 1 to 50 rules".to_owned());
    }
    rules.sort_by_key(|r| r.rule_priority);
    let mut seen = BTreeSet::new();
    let mut untagged = 0;
    for (i, rule) in rules.iter().enumerate() {
        let s = &rule.selection;
        let listed = s.tag_prefix_list.len() + s.tag_pattern_list.len();
        if rule.rule_priority == 0 || !seen.insert(rule.rule_priority) {
            return Err(format!("rulePriority {} must be positive and unique", rule.rule_priority));
        }
        if rule.action.kind != "expire" {
            return Err(format!(
                "instance value (\"{}\") not found in enum (possible values: [\"expire\"])",
                rule.action.kind
            ));
        }
        match s.tag_status.as_str() {
            "tagged" if listed == 0 => {
                return Err("tagged selection must specify tagPrefixList or tagPatternList".to_owned());
            }
            "tagged" => {}
            "untagged" | "any" if listed > 0 => {
                return Err(format!("tagStatus={} cannot have tagPrefixList or tagPatternList", s.tag_status));
            }
            "untagged" => untagged += 1,
            "any" if i + 1 < rules.len() => {
                return Err("a rule with tagStatus=any must have the highest rulePriority value".to_owned());
            }
            "any" => {}
            other => {
                return Err(format!(
                    "instance value (\"{other}\") not found in enum (possible values: [\"tagged\",\"untagged\",\"any\"])"
                ));
            }
        }
        if s.tag_prefix_list.iter().chain(&s.tag_pattern_list).any(|t| t.is_empty() || t.chars().count() > 128) {
            return Err("tag prefixes and patterns have 1 to 128 characters".to_owned());
        }
        match (s.count_type.as_str(), s.count_unit.as_deref()) {
            ("imageCountMoreThan", None) | ("sinceImagePushed" | "sinceImagePulled", Some("days")) => {}
            ("imageCountMoreThan", Some(_)) => return Err("countUnit is not for imageCountMoreThan".to_owned()),
            ("sinceImagePushed" | "sinceImagePulled", _) => return Err("countUnit must be days".to_owned()),
            (other, _) => {
                return Err(format!(
                    "instance value (\"{other}\") not found in enum (possible values: \
                     [\"imageCountMoreThan\",\"sinceImagePushed\",\"sinceImagePulled\"])"
                ));
            }
        }
        if s.count_number == 0 {
            return Err("numeric instance is lower than the required minimum (minimum: 1, found: 0)".to_owned());
        }
    }
    if untagged > 1 {
        return Err("there can be one rule with tagStatus=untagged only".to_owned());
    }
    Ok(rules)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Put {
    registry_id: Option<String>,
    repository_name: String,
    lifecycle_policy_text: String,
}

pub(super) fn put(cx: &mut Cx<'_>, input: Put) -> Result {
    let account = cx.account().to_owned();
    let text = input.lifecycle_policy_text;
    let repository = find(cx, &input.repository_name, input.registry_id.as_deref())?;
    let invalid = |why: String| {
        let text = format!("Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: '{why}'");
        Err(ApiError::new("InvalidParameterException", text))
    };
    if !(100..=30_720).contains(&text.len()) {
        return invalid("the text must have 100 to 30720 characters".to_owned());
    }
    if let Err(why) = parse(&text) {
        return invalid(format!("Lifecycle policy validation failure: {why}"));
    }
    let due = repository.lifecycle.as_ref().is_some_and(|l| l.due);
    repository.lifecycle = Some(Stored { text: text.clone(), evaluated: None, due });
    soon(cx, &input.repository_name);
    Ok(json!({
        "registryId": account,
        "repositoryName": input.repository_name,
        "lifecyclePolicyText": text,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Named {
    registry_id: Option<String>,
    repository_name: String,
}

fn absent<T>(name: &str, account: &str) -> Result<T> {
    fail!(
        "LifecyclePolicyNotFoundException",
        "Lifecycle policy does not exist for the repository with name '{name}' in the registry with id '{account}'"
    )
}

fn shape(stored: &Stored, name: &str, account: &str) -> Value {
    bare(json!({
        "registryId": account,
        "repositoryName": name,
        "lifecyclePolicyText": stored.text,
        "lastEvaluatedAt": stored.evaluated.map(Time::epoch_seconds),
    }))
}

pub(super) fn get(cx: &mut Cx<'_>, input: Named) -> Result {
    let account = cx.account().to_owned();
    match &find(cx, &input.repository_name, input.registry_id.as_deref())?.lifecycle {
        Some(stored) => Ok(shape(stored, &input.repository_name, &account)),
        None => absent(&input.repository_name, &account),
    }
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Named) -> Result {
    let account = cx.account().to_owned();
    match find(cx, &input.repository_name, input.registry_id.as_deref())?.lifecycle.take() {
        Some(stored) => Ok(shape(&stored, &input.repository_name, &account)),
        None => absent(&input.repository_name, &account),
    }
}

/// AWS expires within a day what a policy is for: evaluates then, unless that is in the queue.
pub(super) fn soon(cx: &mut Cx<'_>, name: &str) {
    let Some(stored) = cx.ecr().repositories.get_mut(name).and_then(|r| r.lifecycle.as_mut()) else { return };
    if !stored.due {
        stored.due = true;
        cx.exactly_after(timings::LIFECYCLE_POLICY, json!({"repository": name}));
    }
}

pub(super) fn on_event(cx: &mut Cx<'_>, body: &Value) {
    let now = cx.now();
    let Some(name) = body["repository"].as_str() else { return };
    let Some(repository) = cx.ecr().repositories.get_mut(name) else { return };
    let Some(stored) = &mut repository.lifecycle else { return };
    (stored.due, stored.evaluated) = (false, Some(now));
    let rules = parse(&stored.text).unwrap_or_default();
    let ages = rules.iter().any(|r| r.selection.count_type != "imageCountMoreThan");
    for digest in expired(repository, &rules, now) {
        super::image::remove(repository, &digest);
    }
    if ages && !repository.images.is_empty() {
        soon(cx, name);
    }
}

/// What the rules expire. An image belongs to the first rule that selects it.
fn expired(repository: &Repository, rules: &[Rule], now: Time) -> Vec<String> {
    let mut tags: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (tag, digest) in &repository.image_tags {
        tags.entry(digest).or_default().push(tag);
    }
    let mut newest: Vec<_> = repository.images.iter().collect();
    newest.sort_by_key(|(digest, image)| (std::cmp::Reverse(image.pushed), digest.as_str()));
    let (mut claimed, mut out) = (BTreeSet::new(), Vec::new());
    for rule in rules {
        let s = &rule.selection;
        let mut count = 0;
        for (digest, image) in &newest {
            let own = tags.get(digest.as_str()).map(Vec::as_slice).unwrap_or_default();
            let selected = match s.tag_status.as_str() {
                "any" => true,
                "untagged" => own.is_empty(),
                _ => {
                    s.tag_prefix_list.iter().all(|p| own.iter().any(|t| t.starts_with(p.as_str())))
                        && s.tag_pattern_list.iter().all(|p| own.iter().any(|t| wildcard(p, t)))
                }
            };
            if !selected || !claimed.insert(digest.as_str()) {
                continue;
            }
            count += 1;
            let age = Duration::from_secs(s.count_number.saturating_mul(86_400));
            let gone = match s.count_type.as_str() {
                "imageCountMoreThan" => count > s.count_number,
                "sinceImagePulled" => now.since(image.pulled.unwrap_or(image.pushed)) > age,
                _ => now.since(image.pushed) > age,
            };
            if gone {
                out.push((*digest).clone());
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(rules: Value) -> std::result::Result<usize, String> {
        parse(&json!({"rules": rules}).to_string()).map(|r| r.len())
    }

    fn rule(priority: u64, selection: Value) -> Value {
        json!({"rulePriority": priority, "selection": selection, "action": {"type": "expire"}})
    }

    #[test]
    fn grammar() {
        let count = |status: &str| json!({"tagStatus": status, "countType": "imageCountMoreThan", "countNumber": 1});
        let mut main = count("tagged");
        main["tagPrefixList"] = json!(["main"]);
        assert_eq!(policy(json!([rule(1, count("untagged")), rule(2, main.clone()), rule(3, count("any"))])), Ok(3));
        for wrong in [
            json!([]),
            json!([rule(0, count("any"))]),
            json!([rule(1, main.clone()), rule(1, main.clone())]),
            json!([rule(1, count("any")), rule(2, main)]),
            json!([rule(1, count("tagged"))]),
            json!([rule(1, count("sometimes"))]),
            json!([rule(1, count("untagged")), rule(2, count("untagged"))]),
            json!([rule(1, json!({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 0}))]),
            json!([rule(1, json!({"tagStatus": "any", "countType": "sinceImagePushed", "countNumber": 1}))]),
            json!([{"rulePriority": 1, "selection": count("any"), "action": {"type": "keep"}}]),
            json!([{"rulePriority": 1, "selection": count("any"), "action": {"type": "expire"}, "foo": 1}]),
        ] {
            assert!(policy(wrong.clone()).is_err(), "{wrong}");
        }
    }
}

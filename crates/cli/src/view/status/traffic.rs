//! Where listeners and their rules send requests.

use std::collections::BTreeMap;

use aomidori_deploy::Pair;
use aomidori_deploy::cloud::TargetHealth;
use aomidori_model::{Address, KindName, Value};
use aomidori_plan::{Observation, Observed, Ownership};
use serde::Serialize;

use super::{called, ids};
use crate::view::status::facts::Facts;
use crate::view::{Paint, summary};

/// Targets of a target group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Targets {
    /// Healthy.
    pub healthy: u32,
    /// All others: on their way in or out, unhealthy, unused.
    pub other: u32,
}

/// A listener that forwards.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Traffic {
    /// The listener.
    pub listener: Address,
    /// Where to open it: on this machine for the local cloud.
    pub url: Option<String>,
    /// What AWS would call it, where this machine answers for it.
    pub aws_url: Option<String>,
    /// Where it forwards to by default.
    pub forwards: Vec<Forward>,
    /// Its rules that forward, by their priorities.
    pub rules: Vec<Rule>,
}

/// A rule of a listener that forwards.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    /// The rule: its address, or its ARN if it is not of the stack.
    pub rule: String,
    /// Its place among the listener's rules.
    pub priority: Option<i64>,
    /// Where it forwards to.
    pub forwards: Vec<Forward>,
}

/// A target group that a listener or rule forwards to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forward {
    /// The target group: its address, or its ARN if it is not of the stack.
    pub target_group: String,
    /// Its weight, where one is given.
    pub weight: Option<i64>,
    /// Its share of the requests.
    pub percent: f64,
    /// Its targets, if they were asked for.
    pub targets: Option<Targets>,
}

/// How a listener, or a rule of it, divides requests between the two sides of a service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Route {
    /// Whose requests.
    pub traffic: Use,
    /// The rule, by address or ARN; `null` for what no rule takes.
    pub rule: Option<String>,
    /// The rule's place among the listener's rules.
    pub priority: Option<i64>,
    /// Percent of them by target group.
    pub percent: BTreeMap<String, f64>,
}

/// What a listener of a pair is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// Everybody's requests.
    Production,
    /// Requests of those who look at green before it is live.
    Test,
}

/// Target groups and weights of what a listener or rule does; `None` if it does not forward.
fn weights(found: &Observed) -> Option<Vec<(String, Option<i64>)>> {
    if found.fields.value("action.type").as_str() != Some("forward") {
        return None;
    }
    let mut weights: BTreeMap<String, Option<i64>> = BTreeMap::new();
    if let Value::Set(weighted) = found.fields.value("action.forward_weights") {
        for one in weighted {
            let Value::Map(one) = one else { continue };
            if let (Some(group), Some(Value::Int(weight))) = (one.get("target_group"), one.get("weight")) {
                weights.extend(ids(group).into_iter().map(|id| (id, Some(*weight))));
            }
        }
    }
    for id in ids(found.fields.value("action.forward")) {
        weights.entry(id).or_insert(None);
    }
    Some(weights.into_iter().collect())
}

/// The same as shares of all requests, in percent.
fn shares(weights: &[(String, Option<i64>)]) -> impl Iterator<Item = (&str, Option<i64>, f64)> {
    let total: i64 = weights.iter().map(|(_, weight)| weight.unwrap_or(1)).sum();
    weights
        .iter()
        .map(move |(id, weight)| (id.as_str(), *weight, weight.unwrap_or(1) as f64 * 100.0 / total.max(1) as f64))
}

fn forwards(observation: &Observation, facts: &Facts, found: &Observed) -> Option<Vec<Forward>> {
    let weights = weights(found)?;
    let forward = |(id, weight, percent): (&str, Option<i64>, f64)| Forward {
        target_group: called(observation, KindName::TargetGroup, id),
        weight,
        percent,
        targets: facts.targets.get(id).map(|targets| count(targets)),
    };
    Some(shares(&weights).map(forward).collect())
}

fn count(targets: &[TargetHealth]) -> Targets {
    let healthy = targets.iter().filter(|target| target.state == "healthy").count();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Targets { healthy: count(healthy), other: count(targets.len() - healthy) }
}

/// The rules of a listener, whoever made them, by their priorities.
fn rules<'a>(observation: &'a Observation, listener: &str) -> Vec<(Option<i64>, &'a Observed)> {
    let of_it = |found: &&Observed| {
        found.kind == KindName::ListenerRule && ids(found.fields.value("listener_arn")).iter().any(|id| id == listener)
    };
    let mut rules: Vec<(Option<i64>, &Observed)> = observation
        .resources
        .iter()
        .filter(of_it)
        .map(|rule| match rule.fields.value("priority") {
            Value::Int(priority) => (Some(*priority), rule),
            _ => (None, rule),
        })
        .collect();
    rules.sort_by(|(a, one), (b, other)| (a, &one.id).cmp(&(b, &other.id)));
    rules
}

fn rule_name(rule: &Observed) -> String {
    match &rule.owner {
        Ownership::Ours(address) => address.to_string(),
        Ownership::Foreign { .. } | Ownership::Added { .. } => rule.id.clone(),
    }
}

/// A listener, if it forwards anything.
pub(super) fn of(observation: &Observation, facts: &Facts, address: &Address, listener: &Observed) -> Option<Traffic> {
    let rules: Vec<Rule> = rules(observation, &listener.id)
        .into_iter()
        .filter_map(|(priority, rule)| {
            Some(Rule { rule: rule_name(rule), priority, forwards: forwards(observation, facts, rule)? })
        })
        .collect();
    let default = forwards(observation, facts, listener);
    if default.is_none() && rules.is_empty() {
        return None;
    }
    let aws = summary::place(observation, listener);
    let here = summary::local(&facts.ports, &listener.id).map(str::to_owned);
    let (url, aws_url) = match here {
        Some(here) => (Some(here), aws),
        None => (aws, None),
    };
    Some(Traffic { listener: address.clone(), url, aws_url, forwards: default.unwrap_or_default(), rules })
}

/// How the listeners of a pair divide requests between its sides; what forwards to neither is left out.
pub(super) fn routes(observation: &Observation, pair: &Pair) -> Vec<Route> {
    let listeners = [(Use::Production, Some(&pair.production)), (Use::Test, pair.test.as_ref())];
    let mut routes = Vec::new();
    for (traffic, arn) in listeners {
        let Some(arn) = arn else { continue };
        let listener = observation.resources.iter().find(|it| it.kind == KindName::Listener && it.id == *arn);
        let default = listener.map(|listener| (None, None, listener));
        let by_rule =
            rules(observation, arn).into_iter().map(|(priority, rule)| (Some(rule_name(rule)), priority, rule));
        for (rule, priority, found) in default.into_iter().chain(by_rule) {
            let Some(weights) = weights(found) else { continue };
            if !weights.iter().any(|(id, _)| pair.target_groups.contains(id)) {
                continue;
            }
            let name = |id: &str| called(observation, KindName::TargetGroup, id);
            let percent = shares(&weights).map(|(id, _, percent)| (name(id), percent)).collect();
            routes.push(Route { traffic, rule, priority, percent });
        }
    }
    routes
}

/// A side's share of production or test traffic; `None` if nothing forwards to the pair, or its rules differ in it.
pub(super) fn share(routes: &[Route], traffic: Use, group: &str) -> Option<f64> {
    let mut all =
        routes.iter().filter(|route| route.traffic == traffic).map(|it| it.percent.get(group).copied().unwrap_or(0.0));
    let first = all.next()?;
    all.all(|share| share == first).then_some(first)
}

/// `90 %`
pub(super) fn percent(share: f64) -> String {
    let text = format!("{share:.1}");
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

/// A target group as people call it.
pub(super) fn side(name: &str) -> &str {
    match name.starts_with("arn:") {
        // `arn:…:targetgroup/NAME/ID`
        true => name.rsplit('/').nth(1).unwrap_or(name),
        false => name.rsplit('/').next().unwrap_or(name),
    }
}

pub(super) fn coloured(name: &str, paint: Paint) -> String {
    match side(name) {
        "green" => paint.good("green"),
        name => paint.name(name),
    }
}

/// Listeners as lines of a table.
pub(super) fn rows(traffic: &[Traffic], paint: Paint) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for one in traffic {
        let url = paint.name(one.url.as_deref().unwrap_or_default());
        let aws = one.aws_url.as_ref().map(|aws| paint.dim(&format!("for {aws}"))).unwrap_or_default();
        let to = match one.forwards.is_empty() {
            true => "no forward by default".to_owned(),
            false => to(&one.forwards, paint),
        };
        rows.push(vec![one.listener.leaf().to_owned(), to, url, aws]);
        for rule in &one.rules {
            let name = match rule.priority {
                Some(priority) => format!("  rule {priority}"),
                None => "  rule".to_owned(),
            };
            rows.push(vec![name, self::to(&rule.forwards, paint)]);
        }
    }
    rows
}

fn to(forwards: &[Forward], paint: Paint) -> String {
    let live: Vec<&Forward> = forwards.iter().filter(|one| one.percent > 0.0).collect();
    if live.is_empty() {
        return paint.bad("-> nowhere");
    }
    let several = live.len() > 1;
    let one = |one: &&Forward| {
        let share = if several { format!(" {}", percent(one.percent)) } else { String::new() };
        let targets = match one.targets {
            Some(Targets { healthy, other: 0 }) => format!(" ({healthy} healthy)"),
            Some(Targets { healthy, other }) => format!(" ({healthy} of {} healthy)", healthy + other),
            None => String::new(),
        };
        format!("{}{share}{targets}", coloured(&one.target_group, paint))
    };
    format!("-> {}", live.iter().map(one).collect::<Vec<_>>().join(", "))
}

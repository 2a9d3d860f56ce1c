//! What is said at the end of a run: what was done, where to look at it, and what to do next.

use std::collections::BTreeMap;

use aomidori_engine::outcome::Left;
use aomidori_engine::{Outcome, Report};
use aomidori_model::{KindName, Value};
use aomidori_plan::{Action, Observation, Observed, Plan, Summary};

use super::Paint;
use super::json::LocalPort;
use super::paint::table;
use super::schedule::duration;
use crate::args::Target;
use crate::error::count;

/// What was done of a plan.
pub(crate) fn achieved(plan: &Plan, outcome: &Outcome) -> Summary {
    let mut summary = Summary::default();
    for step in outcome.done.iter().filter_map(|id| plan.step(*id)) {
        match step.action {
            Action::Create => summary.add += 1,
            Action::Update => summary.change += 1,
            Action::Delete => summary.destroy += 1,
            Action::Await => {}
        }
    }
    summary
}

/// `Done: 64 added, 0 changed, 0 destroyed in 8 s.`
pub(crate) fn line(report: &Report, calls: u64, paint: Paint) -> String {
    let Some(outcome) = &report.outcome else { return String::new() };
    let Summary { add, change, destroy } = achieved(&report.planned.plan, outcome);
    let complete = if outcome.is_done() { paint.good("Done:") } else { paint.warn("So far:") };
    let took = match outcome.took.as_millis() {
        ms @ 0..10_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => duration(outcome.took.as_secs()),
    };
    let calls = if calls > 0 { format!(", {calls} calls") } else { String::new() };
    format!("{complete} {add} added, {change} changed, {destroy} destroyed in {took}{calls}.\n")
}

/// What is said of an environment at the end: addresses to open and names to know, by a short name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outputs {
    /// As they can be opened from here.
    pub(crate) open: BTreeMap<String, String>,
    /// As AWS would call those that this machine answers.
    pub(crate) aws_names: BTreeMap<String, String>,
}

/// What is said of an environment at the end.
pub(crate) fn outputs(observation: &Observation, ports: &[LocalPort]) -> Outputs {
    let Outputs { open: mut outputs, mut aws_names } = Outputs::default();
    for (address, found) in observation.ours() {
        let text = match found.kind {
            KindName::Listener => url(observation, found),
            KindName::EcrRepository => found.output(Some("repository_url")).map(str::to_owned),
            KindName::DnsRecord => found.fields.value("name").as_str().map(str::to_owned),
            _ => None,
        };
        let Some(text) = text else { continue };
        let leaf = address.leaf().to_owned();
        let name = if outputs.contains_key(&leaf) { address.to_string() } else { leaf };
        match local(ports, &found.id) {
            Some(here) => {
                aws_names.insert(name.clone(), text);
                outputs.insert(name, here.to_owned());
            }
            None => {
                outputs.insert(name, text);
            }
        }
    }
    Outputs { open: outputs, aws_names }
}

/// Where a listener of the local cloud is answered on this machine.
pub(crate) fn local<'a>(ports: &'a [LocalPort], listener: &str) -> Option<&'a str> {
    ports.iter().find(|port| port.listener_arn == listener).map(|port| port.url.as_str())
}

/// Where a listener that forwards is to be found.
pub(crate) fn url(observation: &Observation, listener: &Observed) -> Option<String> {
    if listener.fields.value("action.type").as_str() != Some("forward") {
        return None;
    }
    place(observation, listener)
}

/// Where a listener is to be found, whatever it does.
pub(crate) fn place(observation: &Observation, listener: &Observed) -> Option<String> {
    let balancer = pointed(observation, KindName::LoadBalancer, listener.fields.value("load_balancer_arn"))?;
    let host = balancer.output(Some("dns_name"))?;
    let scheme = match listener.fields.value("protocol").as_str() {
        Some("HTTPS") => "https",
        _ => "http",
    };
    match (scheme, listener.fields.value("port")) {
        ("http", Value::Int(80)) | ("https", Value::Int(443)) => Some(format!("{scheme}://{host}/")),
        (_, Value::Int(port)) => Some(format!("{scheme}://{host}:{port}/")),
        _ => None,
    }
}

/// The live resource of a kind that a live field points at.
pub(crate) fn pointed<'a>(observation: &'a Observation, kind: KindName, value: &Value) -> Option<&'a Observed> {
    let mut id = None;
    value.for_each_ref(&mut |reference| {
        if let aomidori_model::Target::Id(text) = &reference.target {
            id.get_or_insert(text.clone());
        }
    });
    let id = id.or_else(|| value.as_str().map(str::to_owned))?;
    observation.resources.iter().find(|found| found.kind == kind && found.id == id)
}

/// After `up`: outputs, and what to do next.
pub(crate) fn after_up(outputs: &Outputs, target: Target, costs: bool, paint: Paint) -> String {
    let Outputs { open, aws_names } = outputs;
    let mut text = String::new();
    if !open.is_empty() {
        let rows: Vec<Vec<String>> = open
            .iter()
            .map(|(name, value)| {
                let aws = aws_names.get(name).map(|aws| paint.dim(&format!("for {aws}"))).unwrap_or_default();
                vec![name.clone(), paint.name(value), aws]
            })
            .collect();
        text.push_str(&format!("\n{}\n", table(&rows, 2)));
    }
    text.push_str("Next: `status` shows it as it is, `plan` says when something differs, `down` removes all of it.\n");
    match target {
        Target::Local => text.push_str(&format!(
            "{}\n",
            paint.dim("This is the local cloud: nothing of it costs anything, and its AWS names are not in any DNS.")
        )),
        Target::Aws if costs => {
            text.push_str(&format!("{}\n", paint.warn("It costs money while it is up: `down` leaves nothing.")));
        }
        Target::Aws => {}
    }
    text
}

/// What is done and what remains of a run that was stopped.
pub(crate) fn stopped(plan: &Plan, outcome: Option<&Outcome>) -> Vec<String> {
    let Some(outcome) = outcome else { return vec!["nothing was changed".to_owned()] };
    let counts = outcome.counts();
    let mut lines = vec![format!("{} of {} done", counts.done, count(plan.steps.len(), "step"))];
    let with = |wanted: fn(&Left) -> bool| -> Vec<String> {
        let steps = outcome.remaining.iter().filter(|left| wanted(&left.state));
        steps.filter_map(|left| Some(plan.step(left.step)?.address.to_string())).collect()
    };
    let waiting = with(|state| matches!(state, Left::Waiting));
    if !waiting.is_empty() {
        lines.push(format!("under way on their own: {}", waiting.join(", ")));
    }
    let retrying = with(|state| matches!(state, Left::Retrying(_)));
    if !retrying.is_empty() {
        lines.push(format!("perhaps done: {}", retrying.join(", ")));
    }
    let not_started = with(|state| matches!(state, Left::NotStarted)).len();
    if not_started > 0 {
        lines.push(format!("{} not started", count(not_started, "step")));
    }
    if counts.failed > 0 {
        lines.push(format!("{} failed", count(counts.failed, "step")));
    }
    lines
}

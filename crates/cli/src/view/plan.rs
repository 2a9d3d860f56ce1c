//! A plan as people read it.

use std::collections::BTreeMap;

use aomidori_model::{Address, KindName, Reference, Target as RefTarget, Traffic, Value};
use aomidori_plan::{Action, FieldChange, Mode, Notice, Observation, Plan, Reason, Step, Summary};

use super::schedule;
use super::{Paint, value};
use crate::args::Target;
use crate::error::count;

/// What a plan is for and against what.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    pub(crate) stack: String,
    /// `None` for a saved plan.
    pub(crate) target: Option<Target>,
    pub(crate) account: String,
    pub(crate) region: String,
    /// The endpoint, if it is not AWS's own.
    pub(crate) endpoint: Option<String>,
    /// How many times faster than AWS the cloud is.
    pub(crate) speed: f64,
}

impl Header {
    /// `stack on AWS, account 123456789012, ap-northeast-1`
    pub(crate) fn line(&self, paint: Paint) -> String {
        let cloud = match (self.target, &self.endpoint) {
            (Some(Target::Local), Some(endpoint)) => format!(" on the local cloud ({endpoint})"),
            (Some(Target::Local), None) => " on the local cloud".to_owned(),
            (Some(Target::Aws), Some(endpoint)) => format!(" on {endpoint}"),
            (Some(Target::Aws), None) => " on AWS".to_owned(),
            (None, _) => String::new(),
        };
        format!("{}{cloud}, account {}, {}\n", paint.bold(&self.stack), self.account, self.region)
    }
}

/// How a plan is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Show<'a> {
    /// Without fields.
    pub(crate) compact: bool,
    /// The order of groups, where the host gave one.
    pub(crate) groups: &'a [String],
    /// What is live: its ids are shown as addresses. `None` for a saved plan.
    pub(crate) observation: Option<&'a Observation>,
}

/// The kinds and addresses of what is live, by id.
type Names = BTreeMap<String, (KindName, Address)>;

fn names(observation: Option<&Observation>) -> Names {
    // A name that AWS takes for an id may be anything else elsewhere.
    let telling = |id: &str| {
        let minted = |(kind, rest): (&str, &str)| {
            kind.bytes().all(|b| b.is_ascii_lowercase())
                && rest.len() >= 8
                && rest.bytes().any(|b| b.is_ascii_digit())
                && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        id.starts_with("arn:") || id.split_once('-').is_some_and(minted)
    };
    let ours = observation.into_iter().flat_map(Observation::ours).filter(|(_, found)| telling(&found.id));
    ours.map(|(address, found)| (found.id.clone(), (found.kind, address.clone()))).collect()
}

/// The same value with addresses for the ids of what is live.
fn named(value: &Value, names: &Names) -> Value {
    match value {
        Value::Str(text) => match names.get(text) {
            Some((kind, address)) => {
                Value::from(Reference { kind: *kind, target: RefTarget::Address(address.clone()), output: None })
            }
            None => value.clone(),
        },
        Value::List(items) => Value::List(items.iter().map(|item| named(item, names)).collect()),
        Value::Set(items) => Value::Set(items.iter().map(|item| named(item, names)).collect()),
        Value::Map(items) => Value::Map(items.iter().map(|(key, item)| (key.clone(), named(item, names))).collect()),
        // Nothing else holds the id of a resource by itself.
        other => other.clone(),
    }
}

/// The whole plan: header, resources by group, notices, summary, and how long it takes.
pub(crate) fn human(header: &Header, plan: &Plan, show: Show<'_>, paint: Paint) -> String {
    if plan.is_empty() {
        let live = show.observation.map_or(0, |observation| observation.ours().count());
        let mut text = empty(header, plan.mode, live);
        text.push_str(&notices(&plan.notices, paint));
        return text;
    }
    let mut text = header.line(paint);
    let names = names(show.observation);
    for (group, items) in grouped(plan, show.groups) {
        text.push_str(&format!("\n{}\n", paint.bold(group)));
        for item in items {
            text.push_str(&self::item(plan, item, (!show.compact).then_some(&names), paint));
        }
    }
    text.push('\n');
    text.push_str(&notices(&plan.notices, paint));
    text.push_str(&summary_line(plan.summary(), paint));
    let waits = plan.steps.iter().filter(|step| step.action == Action::Await).count();
    if waits > 0 {
        text.push_str(&format!("And {} to wait for, from an earlier run.\n", count(waits, "resource")));
    }
    text.push_str(&time(header, plan));
    text
}

/// The steps that pass, without a header.
pub(crate) fn some(plan: &Plan, passes: impl Fn(&Step) -> bool, show: Show<'_>, paint: Paint) -> String {
    let names = names(show.observation);
    let steps = plan.steps.iter().filter(|step| passes(step));
    steps.map(|step| item(plan, step, (!show.compact).then_some(&names), paint)).collect()
}

/// `Plan: 3 to add, 1 to change, 0 to destroy.`
pub(crate) fn summary_line(summary: Summary, paint: Paint) -> String {
    let Summary { add, change, destroy } = summary;
    format!("{} {add} to add, {change} to change, {destroy} to destroy.\n", paint.bold("Plan:"))
}

fn empty(header: &Header, mode: Mode, live: usize) -> String {
    match mode {
        Mode::Converge => format!("No changes. {} is as the stack says ({}).\n", header.stack, count(live, "resource")),
        Mode::Destroy => format!("No changes. Nothing carries the mark of {}.\n", header.stack),
    }
}

/// Steps by group, groups in the host's order, others in that of their steps.
fn grouped<'a>(plan: &'a Plan, order: &[String]) -> Vec<(&'a str, Vec<&'a Step>)> {
    let mut groups: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
    for step in &plan.steps {
        // The deletion of a replacement is shown with its creation.
        let other = step.replacing.and_then(|half| plan.step(half.other));
        if step.action == Action::Delete && other.is_some_and(|other| other.address == step.address) {
            continue;
        }
        groups.entry(step.address.group()).or_default().push(step);
    }
    let place = |group: &str, steps: &[&Step]| {
        let given = order.iter().position(|name| name == group).map(|at| match plan.mode {
            Mode::Converge => at,
            Mode::Destroy => order.len() - at,
        });
        let sum: u64 = steps.iter().map(|step| u64::from(step.id.0)).sum();
        (given.unwrap_or(usize::MAX), sum * 1000 / steps.len().max(1) as u64)
    };
    let mut groups: Vec<(&str, Vec<&Step>)> = groups.into_iter().collect();
    groups.sort_by_cached_key(|(group, steps)| place(group, steps));
    groups
}

/// One resource: glyph, address, kind, reason, traffic; and its fields, unless there are no names for what is in them.
fn item(plan: &Plan, step: &Step, names: Option<&Names>, paint: Paint) -> String {
    let glyph = glyph(step);
    let painted = match step.action {
        Action::Create if step.replacing.is_some() => paint.warn(&format!("{glyph:>3}")),
        Action::Create => paint.good(&format!("{glyph:>3}")),
        Action::Update => paint.warn(&format!("{glyph:>3}")),
        Action::Delete => paint.bad(&format!("{glyph:>3}")),
        Action::Await => paint.dim(&format!("{glyph:>3}")),
    };
    let mut line = format!("{painted} {}  {}", paint.name(step.address.as_str()), paint.dim(step.kind.info().title));
    if let Some(reason) = reason(&step.reason) {
        line.push_str(&paint.dim(&format!("  # {reason}")));
    }
    if plan.mode == Mode::Converge
        && let Some(effect) = traffic(step.traffic)
    {
        line.push_str(&format!("  {}", paint.warn(&format!("! {effect}"))));
    }
    line.push('\n');
    if let Some(names) = names {
        line.push_str(&fields(step, names, paint));
    }
    line
}

/// The glyph of a step, as Terraform has it.
pub(crate) fn glyph(step: &Step) -> &'static str {
    match (step.action, step.replacing) {
        (Action::Create, Some(half)) if half.create_first => "+/-",
        (Action::Create, Some(_)) => "-/+",
        (Action::Create, None) => "+",
        (Action::Update, _) => "~",
        (Action::Delete, _) => "-",
        (Action::Await, _) => "...",
    }
}

/// Why a step is taken, in words; nothing where the glyph says it.
pub(crate) fn reason(reason: &Reason) -> Option<String> {
    let addresses =
        |on: &std::collections::BTreeSet<Address>| on.iter().map(Address::as_str).collect::<Vec<_>>().join(", ");
    match reason {
        Reason::Missing | Reason::Changed | Reason::Destroy => None,
        Reason::CannotUpdate { fields } => Some(format!("{} cannot be changed in place", fields.join(", "))),
        Reason::ReferenceReplaced { on } => Some(format!("{} is replaced", addresses(on))),
        Reason::InUse { on } => Some(format!("{} is replaced, which AWS refuses while this uses it", addresses(on))),
        Reason::Failed { cause } => Some(format!("the live one has failed: {cause}")),
        Reason::NotInStack => Some("is not in the stack any more".to_owned()),
        Reason::Spare => Some("a second one with this address".to_owned()),
        Reason::Pending { status } => Some(format!("an earlier run is making it still ({status})")),
        Reason::Deleting { status } => Some(format!("it is being deleted still ({status})")),
    }
}

fn traffic(traffic: Traffic) -> Option<&'static str> {
    match traffic {
        Traffic::None => None,
        Traffic::Rolling => Some("tasks are replaced one by one"),
        Traffic::Outage => Some("traffic is interrupted"),
        Traffic::EgressOutage => Some("tasks lose their way out for a while"),
    }
}

fn fields(step: &Step, names: &Names, paint: Paint) -> String {
    if step.changes.is_empty() {
        return String::new();
    }
    // A few very long names shall not push all values to the right.
    let lengths = step.changes.iter().map(|change| change.field.len());
    let width = lengths.filter(|length| *length <= 42).max().unwrap_or(0);
    let mut text = String::new();
    for change in &step.changes {
        text.push_str(&field(step, change, (width, names), paint));
    }
    text
}

fn field(step: &Step, change: &FieldChange, (width, names): (usize, &Names), paint: Paint) -> String {
    const INDENT: &str = "        ";
    let FieldChange { field, before, after, replaces, secret } = change;
    let creates = step.action == Action::Create && step.replacing.is_none();
    let glyph = match (before.is_null(), after.is_null()) {
        _ if *secret => paint.warn(if creates { "+" } else { "~" }),
        (true, false) => paint.good("+"),
        (false, true) => paint.bad("-"),
        // What a replacement keeps.
        (false, false) if before == after => " ".to_owned(),
        _ => paint.warn("~"),
    };
    let unknown = value::is_unknown(after);
    let (before, after) = (&named(before, names), &named(after, names));
    let mut lines = match (before.is_null(), after.is_null()) {
        _ if *secret => vec!["(secret)".to_owned()],
        (true, _) => value::lines(after),
        (false, false) if before == after => value::lines(after),
        (false, true) => value::lines(before),
        (false, false) => value::change(before, after, paint),
    };
    let mut remarks = Vec::new();
    if unknown {
        remarks.push("(known after apply)".to_owned());
    }
    if *replaces && !creates && before != after {
        remarks.push("# forces replacement".to_owned());
    }
    if let (Some(first), false) = (lines.first_mut(), remarks.is_empty()) {
        first.push_str(&paint.dim(&format!(" {}", remarks.join(" "))));
    }
    // Only one-line values are aligned; a block's brace would stand alone far to the right.
    let name = if lines.len() == 1 { format!("{field:width$}") } else { field.clone() };
    let first = lines.first().cloned().unwrap_or_default();
    let mut text = format!("{}\n", format!("{INDENT}{glyph} {name} = {first}").trim_end());
    for line in lines.iter().skip(1) {
        text.push_str(&format!("{INDENT}  {line}\n"));
    }
    text
}

/// What is worth knowing and needs no step.
pub(crate) fn notices(notices: &[Notice], paint: Paint) -> String {
    let mut text = String::new();
    for notice in notices {
        let line = match notice {
            Notice::ForeignDrift { address, what, added } => {
                format!("{address}: somebody added {added} ({what}); it is left alone")
            }
            Notice::Deploying { address, deployment, status } => {
                format!("{address}: deployment {deployment} is {status}; changes to it wait for its end")
            }
            Notice::Unfinished { address, deployment, status } => {
                format!(
                    "{address}: deployment {deployment} is {status}, was not rolled back, and has left both sides; `deploy` or \
                     `rollback` repairs it, and changes to the service wait for that"
                )
            }
            Notice::Stalled { address, why } => {
                format!(
                    "{address}: its tasks do not come up ({why}); that is no difference from the stack, and `status` says more"
                )
            }
            Notice::NeedsDeployment { service, because } => {
                format!("{service}: {because} changes, and reaches this service by a deployment only")
            }
        };
        text.push_str(&format!("{} {line}\n", paint.warn("note:")));
    }
    text
}

/// One part of what decides how long it takes.
fn leg(leg: &schedule::Leg) -> String {
    let text = format!("{} {}", leg.address, schedule::duration(leg.seconds));
    match leg.queued {
        // Less is lost in how coarse the rest is.
        0..10 => text,
        queued => format!("{text} ({} of them until AWS takes the call: its rate limit)", schedule::duration(queued)),
    }
}

/// How long it takes, and what decides that.
fn time(header: &Header, plan: &Plan) -> String {
    const SHOWN: usize = 5;
    let (total, mut path) = schedule::legs(plan);
    if total < 5 {
        return String::new();
    }
    // Only what counts: the longest few, in their order.
    let mut by_length: Vec<u64> = path.iter().map(|leg| leg.seconds).collect();
    by_length.sort_unstable_by(|a, b| b.cmp(a));
    let least = by_length.get(SHOWN - 1).copied().unwrap_or(0).max(3).max(total / 20);
    path.retain(|leg| leg.seconds >= least);
    path.truncate(SHOWN);
    let legs: Vec<String> = path.iter().map(leg).collect();
    let here = match header.speed > 1.0 && header.speed.is_finite() {
        true => format!(" on AWS, {} here", schedule::about((total as f64 / header.speed).ceil() as u64)),
        false => String::new(),
    };
    let because = if legs.is_empty() { String::new() } else { format!(": {}", legs.join(", then ")) };
    format!("It takes about {}{here}{because}.\n", schedule::about(total))
}

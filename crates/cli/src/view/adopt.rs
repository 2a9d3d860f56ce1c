//! What `adopt` found: what is what, what differs, what has no place.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_adopt::{Left, Placement, Unplaced};
use aomidori_model::{Address, KindName, StackName};
use aomidori_plan::{Action, Observation, Plan, Step};

use super::Paint;
use super::json::{AdoptResult, LeftOut, Matched, Unsaid};
use super::paint::table;
use super::plan::{self, Header, Show};
use crate::error::count;

/// What was found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) placement: Placement,
    /// They come from a Terraform state.
    pub(crate) from_state: bool,
    /// Instances that the state itself says cannot be adopted: address, type, why.
    pub(crate) unread: Vec<(String, String, Left)>,
    /// Parts, adopted with what they are parts of.
    pub(crate) parts: usize,
    /// Data sources.
    pub(crate) data: usize,
    /// What is described, and what its description does not say.
    pub(crate) unsaid: Vec<(String, String)>,
    /// What is not described but referred to, and why.
    pub(crate) left_out: Vec<(KindName, String, String)>,
    /// What was seen beside all that.
    pub(crate) passed: Vec<String>,
    /// What is foreign and where something wanted shall be, one line each.
    pub(crate) in_the_way: Vec<String>,
}

impl Found {
    /// What has no place, with the reason.
    fn left(&self) -> Vec<(String, String)> {
        let unread = self.unread.iter().map(|(name, terraform, why)| (name.clone(), unread(terraform, why)));
        let unplaced = self.placement.left.iter().map(|(candidate, why)| {
            let title = candidate.kind.info().title;
            (candidate.name.clone(), unplaced(title, &candidate.id, why))
        });
        let left_out =
            self.left_out.iter().map(|(kind, id, why)| (format!("{} {}", kind.info().title, short(id)), why.clone()));
        unread.chain(unplaced).chain(left_out).collect()
    }
}

/// An ARN without what is said in the header.
fn short(id: &str) -> &str {
    match id.starts_with("arn:") {
        true => id.splitn(6, ':').nth(5).unwrap_or(id),
        false => id,
    }
}

pub(crate) fn resources(n: usize) -> String {
    count(n, "resource")
}

/// What differs in what is placed: the plan's steps on it, without their tags.
fn differences(found: &Found, plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    for step in &mut plan.steps {
        step.changes.retain(|change| change.field != "tags");
        // Steps are numbered by their place, so none is taken out: one without changes says nothing.
        if !found.placement.placed.contains_key(&step.address) || step.action == Action::Await {
            step.changes.clear();
        }
    }
    plan
}

fn differs(found: &Found, step: &Step) -> bool {
    let placed = found.placement.placed.contains_key(&step.address);
    placed && (step.action != Action::Update || !step.changes.is_empty()) && step.action != Action::Await
}

/// All of it, for people.
pub(crate) fn human(
    header: &Header,
    found: &Found,
    plan: &Plan,
    have: &Observation,
    compact: bool,
    paint: Paint,
) -> String {
    let mut text = header.line(paint);
    let Placement { placed, settled, missing, .. } = &found.placement;
    if !placed.is_empty() {
        text.push_str(&format!("\n{}\n", paint.bold("These are the stack's")));
        let rows: Vec<Vec<String>> = placed
            .iter()
            .map(|(address, candidate)| {
                let from = if candidate.name == candidate.id { String::new() } else { candidate.name.clone() };
                let already = match settled.contains(address) {
                    true if candidate.kind.info().taggable => paint.dim("(already)"),
                    true => paint.dim("(takes no tags)"),
                    false => String::new(),
                };
                vec![paint.name(address.as_str()), short(&candidate.id).to_owned(), from, already]
            })
            .collect();
        text.push_str(&table(&rows, 2));
    }
    let plan = differences(found, plan);
    let show = Show { compact, groups: &[], observation: Some(have) };
    let different = plan::some(&plan, |step| differs(found, step), show, paint);
    if !different.is_empty() {
        let what = "These differ from the stack, and stay so until the next `up`";
        text.push_str(&format!("\n{}\n{different}", paint.bold(what)));
    }
    let left = found.left();
    if !left.is_empty() {
        text.push_str(&format!(
            "\n{}\n",
            paint.bold(match found.from_state {
                true => "These have no place, and are left alone",
                false => "These are not described, and are left alone: the stack refers to them",
            })
        ));
        let rows: Vec<Vec<String>> = left.into_iter().map(|(name, why)| vec![name, paint.dim(&why)]).collect();
        text.push_str(&table(&rows, 2));
    }
    if !found.unsaid.is_empty() {
        let what = "A stack cannot say this of them: it stays as it is, and would be lost with a replacement";
        text.push_str(&format!("\n{}\n", paint.bold(what)));
        let rows = found.unsaid.iter().map(|(name, what)| vec![paint.name(name), paint.dim(what)]);
        text.push_str(&table(&rows.collect::<Vec<_>>(), 2));
    }
    if !found.passed.is_empty() {
        text.push_str(&format!("\n{}\n", paint.bold("These stand beside them, and are no part of the stack")));
        found.passed.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    if !missing.is_empty() {
        text.push_str(&format!("\n{}\n", paint.bold("Of these nothing is there")));
        missing.iter().for_each(|address| text.push_str(&format!("  {}\n", paint.name(address.as_str()))));
    }
    text.push('\n');
    for line in &found.in_the_way {
        text.push_str(&format!("{} {line}\n", paint.warn("note:")));
    }
    text.push_str(&plan::notices(&plan.notices, paint));
    let claims = found.placement.claims().len();
    let mut rest = Vec::new();
    if !settled.is_empty() {
        rest.push(format!("{} already", settled.len()));
    }
    rest.push(format!("{} without a place", found.left().len()));
    if found.parts > 0 {
        rest.push(format!("{} adopted with what they are parts of", count(found.parts, "part")));
    }
    if found.data > 0 {
        rest.push(format!("{} skipped", count(found.data, "data source")));
    }
    text.push_str(&format!("{} {} to mark, {}.\n", paint.bold("Adopt:"), resources(claims), rest.join(", ")));
    text
}

/// What is said when it is done.
pub(crate) fn after(stack: &StackName, found: &Found, plan: &Plan) -> String {
    let differences = differences(found, plan);
    let rest = differences.steps.iter().filter(|step| differs(found, step)).count() + found.placement.missing.len();
    let next = match rest {
        0 => "`plan` has nothing to do.".to_owned(),
        n => format!("`plan` shows what differs or is missing ({}).", resources(n)),
    };
    format!(
        "{} of {stack} carry its mark. {next}\n{}",
        resources(found.placement.placed.len()),
        match found.from_state {
            true =>
                "Terraform still has them in its state: `terraform state rm` (or removing the state) lets go of them without a change.\n",
            false => "",
        }
    )
}

/// All of it, for scripts.
pub(crate) fn result(header: &Header, found: &Found, plan: &Plan, adopted: bool) -> serde_json::Value {
    let mut fields: BTreeMap<&Address, BTreeSet<&str>> = BTreeMap::new();
    for step in &plan.steps {
        let names = step.changes.iter().filter(|change| change.field != "tags").map(|change| change.field.as_str());
        fields.entry(&step.address).or_default().extend(names);
    }
    let left = found.left();
    let Placement { placed, settled, missing, .. } = &found.placement;
    let result = AdoptResult {
        stack: &header.stack,
        account: &header.account,
        region: &header.region,
        matched: placed
            .iter()
            .map(|(address, candidate)| Matched {
                address: address.as_str(),
                kind: candidate.kind.as_str(),
                id: &candidate.id,
                from: &candidate.name,
                already: settled.contains(address),
                differs: fields.get(address).into_iter().flatten().copied().collect(),
            })
            .collect(),
        left: left.iter().map(|(from, why)| LeftOut { from, why }).collect(),
        missing: missing.iter().map(Address::as_str).collect(),
        unsaid: found.unsaid.iter().map(|(address, what)| Unsaid { address, what }).collect(),
        passed: &found.passed,
        summary: plan.summary(),
        adopted,
    };
    serde_json::to_value(result).unwrap_or_default()
}

fn unread(terraform: &str, why: &Left) -> String {
    match why {
        Left::UnknownType => format!("`{terraform}` is nothing that a stack can hold"),
        Left::Tainted => {
            "tainted: Terraform means to replace it; `terraform untaint` it first if it is as it should be".to_owned()
        }
        Left::Again(first) => format!("it is the same as {first}"),
        Left::Deposed => "deposed: an old object that Terraform has yet to delete".to_owned(),
        Left::NoId => {
            "the state does not say its id: it was never made, or the provider's version is unknown".to_owned()
        }
        Left::Account(account) => format!("it is in account {account}"),
        Left::Region(region) => format!("it is in region {region}: adopt it with `--region {region}`"),
    }
}

fn unplaced(title: &str, id: &str, why: &Unplaced) -> String {
    let all = |addresses: &[Address]| addresses.iter().map(Address::as_str).collect::<Vec<_>>().join(", ");
    match why {
        Unplaced::Gone => format!("{id} is not there any more, or what it belongs to is not in the state"),
        Unplaced::OtherStack(stack) => format!("it carries the mark of the stack `{stack}`"),
        Unplaced::Untaggable => format!("a {title} takes no tags, so nothing can mark it as the stack's"),
        Unplaced::Differs { address, fields } => {
            format!("it would be {address}, but for {}, which cannot be changed in place", fields.join(", "))
        }
        Unplaced::Unreached { address, fields } => {
            format!("it would be {address}, but what it refers to by {} has no place itself", fields.join(", "))
        }
        Unplaced::Ambiguous(addresses) => format!("nothing tells which of these it is: {}", all(addresses)),
        Unplaced::NotInStack => format!("the stack has no {title} like it"),
    }
}

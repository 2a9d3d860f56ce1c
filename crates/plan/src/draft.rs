//! Steps before they have an order: what is done to each resource and why.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::{Address, KindName, Traffic, Value};

use crate::decide::Decision;
use crate::diff::Change;
use crate::facts::Facts;
use crate::live::LiveSet;
use crate::observation::Status;
use crate::{Action, Estimate, FieldChange, Level, Reason, estimate};

/// A step without a number.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) address: Address,
    pub(crate) kind: KindName,
    /// The live resource that it is about.
    pub(crate) live: Option<usize>,
    pub(crate) id: Option<String>,
    pub(crate) action: Action,
    pub(crate) reason: Reason,
    pub(crate) changes: Vec<FieldChange>,
    pub(crate) traffic: Traffic,
    pub(crate) estimate: Estimate,
    /// The other half of a replacement, and whether the new one is created first.
    pub(crate) replacing: Option<(usize, bool)>,
}

/// Steps, and which come after which.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drafts {
    pub(crate) steps: Vec<Draft>,
    /// `(from, to)`: `from` comes after `to`.
    pub(crate) after: BTreeMap<(usize, usize), Wait>,
}

/// How one step waits for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) level: Level,
    /// Wished for, not needed: given up where it would close a circle.
    pub(crate) soft: bool,
    /// Given up if the other step fails.
    pub(crate) even_if_failed: bool,
}

impl Drafts {
    pub(crate) fn push(&mut self, draft: Draft) -> usize {
        self.steps.push(draft);
        self.steps.len() - 1
    }

    /// `from` comes after `to`.
    pub(crate) fn wait(&mut self, from: usize, to: usize, level: Level) {
        self.add(from, to, Wait { level, soft: false, even_if_failed: false });
    }

    /// `from` had better come after `to`.
    pub(crate) fn prefer(&mut self, from: usize, to: usize, level: Level) {
        self.add(from, to, Wait { level, soft: true, even_if_failed: false });
    }

    /// `from` had better come after `to`, and does without it if `to` fails.
    pub(crate) fn courtesy(&mut self, from: usize, to: usize, level: Level) {
        self.add(from, to, Wait { level, soft: true, even_if_failed: true });
    }

    /// These steps and all that come after them.
    pub(crate) fn followers(&self, steps: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        let mut follow: BTreeSet<usize> = steps.into_iter().collect();
        loop {
            let before = follow.len();
            let more: Vec<usize> =
                self.after.keys().filter(|(_, to)| follow.contains(to)).map(|(from, _)| *from).collect();
            follow.extend(more);
            if follow.len() == before {
                return follow;
            }
        }
    }

    fn add(&mut self, from: usize, to: usize, wait: Wait) {
        if from != to {
            let known = self.after.entry((from, to)).or_insert(wait);
            known.level = known.level.max(wait.level);
            known.soft &= wait.soft;
            known.even_if_failed &= wait.even_if_failed;
        }
    }
}

/// The deletion of a live resource, or the wait for one that is on its way.
pub(crate) fn removal(live: &LiveSet<'_>, n: usize, reason: Reason, quiet: bool) -> Option<Draft> {
    let found = live.get(n)?;
    let info = found.seen.kind.info();
    let (action, reason, call) = match &found.seen.status {
        Status::Deleting(status) => (Action::Await, Reason::Deleting { status: status.clone() }, 0),
        Status::Ready | Status::Pending(_) | Status::Stalled(_) | Status::Failed(_) => (Action::Delete, reason, 1),
    };
    let silent = quiet || action == Action::Await;
    Some(Draft {
        address: found.address.clone(),
        kind: found.seen.kind,
        live: Some(n),
        id: Some(found.seen.id.clone()),
        action,
        reason,
        changes: Vec::new(),
        traffic: if silent { Traffic::None } else { info.traffic_on_delete },
        estimate: estimate::removal(live, found, call),
        replacing: None,
    })
}

/// The steps of a decision, without order.
pub(crate) fn drafts(facts: &Facts<'_>, decision: &Decision) -> Drafts {
    let mut drafts = Drafts::default();
    for address in &facts.order {
        match decision.keeper.get(address) {
            None => drafts.steps.extend(creation(facts, decision, address, None)),
            Some(n) => kept(facts, decision, address, *n, &mut drafts),
        }
    }
    for (n, live) in facts.live.iter() {
        let kept = decision.keeper.get(live.address) == Some(&n);
        if kept {
            continue;
        }
        let spare = facts.kind(live.address) == Some(live.seen.kind);
        let reason = if spare { Reason::Spare } else { Reason::NotInStack };
        drafts.steps.extend(removal(&facts.live, n, reason, spare));
    }
    drafts
}

fn kept(facts: &Facts<'_>, decision: &Decision, address: &Address, n: usize, drafts: &mut Drafts) {
    let Some(live) = facts.live.get(n) else { return };
    let info = live.seen.kind.info();
    if decision.replaced.contains(address) {
        let create_first = decision.create_first(address, live.seen.kind);
        let reason = why_replaced(facts, decision, address, n);
        let creation = creation(facts, decision, address, Some(reason.clone()));
        let deletion = removal(&facts.live, n, reason, create_first);
        let (Some(mut creation), Some(mut deletion)) = (creation, deletion) else { return };
        let at = drafts.steps.len();
        creation.replacing = Some((at + 1, create_first));
        deletion.replacing = Some((at, create_first));
        drafts.push(creation);
        drafts.push(deletion);
        return;
    }
    let changes = decision.changes.get(address).map(Vec::as_slice).unwrap_or_default();
    let draft = |action, reason, traffic, estimate| Draft {
        address: address.clone(),
        kind: live.seen.kind,
        live: Some(n),
        id: Some(live.seen.id.clone()),
        action,
        reason,
        changes: changes.iter().map(Change::to_field_change).collect(),
        traffic,
        estimate,
        replacing: None,
    };
    if !changes.is_empty() {
        let traffic = traffic_of_update(live.seen.kind, changes);
        let call = if live.seen.kind == KindName::PrivateDnsNamespace { info.timing.create } else { 1 };
        let ready = matches!(live.seen.status, Status::Ready) && traffic != Traffic::Rolling;
        let finish = if ready { 0 } else { estimate::ready(facts.want, address, live.seen.kind) };
        drafts.push(draft(Action::Update, Reason::Changed, traffic, Estimate { call, finish }));
    } else if let Status::Pending(status) = &live.seen.status {
        let estimate = Estimate { call: 0, finish: estimate::ready(facts.want, address, live.seen.kind) };
        drafts.push(draft(Action::Await, Reason::Pending { status: status.clone() }, Traffic::None, estimate));
    }
}

/// The creation of a wanted resource; for a replacement with the reason.
fn creation(facts: &Facts<'_>, decision: &Decision, address: &Address, replaces: Option<Reason>) -> Option<Draft> {
    let kind = facts.kind(address)?;
    let ids = crate::facts::Ids { facts, keeper: &decision.keeper, new: &decision.new };
    let (reason, changes) = match replaces {
        Some(reason) => {
            let changes = decision.changes.get(address).map(Vec::as_slice).unwrap_or_default();
            (reason, changes.iter().map(Change::to_field_change).collect())
        }
        None => {
            let declared = facts.fields.get(address)?.iter().filter(|field| !field.value.is_null());
            let changes = declared.map(|field| FieldChange {
                field: field.name.to_owned(),
                before: Value::Null,
                after: if field.secret {
                    Value::Null
                } else {
                    field.value.resolve(&|reference| crate::diff::Known::lookup(&ids, reference))
                },
                replaces: false,
                secret: field.secret,
            });
            let mut changes: Vec<FieldChange> = changes.collect();
            // Thousands are kept at once.
            changes.shrink_to_fit();
            (Reason::Missing, changes)
        }
    };
    Some(Draft {
        address: address.clone(),
        kind,
        live: None,
        id: None,
        action: Action::Create,
        reason,
        changes,
        traffic: Traffic::None,
        estimate: estimate::creation(facts.want, address, kind),
        replacing: None,
    })
}

fn why_replaced(facts: &Facts<'_>, decision: &Decision, address: &Address, n: usize) -> Reason {
    if let Some(Status::Failed(cause)) = facts.live.get(n).map(|live| &live.seen.status) {
        return Reason::Failed { cause: cause.clone() };
    }
    let changes = decision.changes.get(address).map(Vec::as_slice).unwrap_or_default();
    let mut fields = Vec::new();
    let mut on = BTreeSet::new();
    for change in changes.iter().filter(|change| change.replaces) {
        let replaced = change.unknown.iter().all(|target| decision.replaced.contains(target));
        if change.unknown.is_empty() || !replaced {
            fields.push(change.field.clone());
        }
        on.extend(change.unknown.iter().cloned());
    }
    if !fields.is_empty() {
        Reason::CannotUpdate { fields }
    } else if !on.is_empty() {
        Reason::ReferenceReplaced { on }
    } else {
        Reason::InUse { on: decision.in_use.get(address).cloned().unwrap_or_default() }
    }
}

/// What an update does to traffic.
fn traffic_of_update(kind: KindName, changes: &[Change]) -> Traffic {
    let changed = |names: &[&str]| changes.iter().any(|change| names.contains(&change.field.as_str()));
    match kind {
        // Whatever is in the shape of a task starts a deployment; counts and percentages do not.
        KindName::EcsService
            if changed(&[
                "task_definition",
                "network_configuration.subnets",
                "network_configuration.security_groups",
                "network_configuration.assign_public_ip",
                "platform_version",
                "load_balancer",
                "service_registries",
            ]) =>
        {
            Traffic::Rolling
        }
        // Clients of the old port or protocol get no answer, and targets that are made in this plan are empty yet.
        KindName::Listener if changed(&["port", "protocol"]) => Traffic::Outage,
        KindName::Listener | KindName::ListenerRule
            if changes.iter().any(|change| change.field.starts_with("action.") && !change.unknown.is_empty()) =>
        {
            Traffic::Outage
        }
        // Detached from one VPC and attached to another.
        KindName::InternetGateway if changed(&["vpc_id"]) => Traffic::Outage,
        _ => Traffic::None,
    }
}

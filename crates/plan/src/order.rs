//! Which step comes after which, and one deterministic order of all.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::{Address, KindName, Need, Target};
use petgraph::graphmap::DiGraphMap;

use crate::decide::Decision;
use crate::draft::{Draft, Drafts};
use crate::facts::{Facts, Ids};
use crate::live::LiveSet;
use crate::{Action, After, Level, Replacing, Step, StepId, replace};

/// Adds what the steps of a decision wait for.
pub(crate) fn connect(facts: &Facts<'_>, decision: &Decision, drafts: &mut Drafts) {
    let index = Index::new(facts, drafts);
    for (address, &step) in &index.makes {
        let action = drafts.steps.get(step).map(|draft| draft.action);
        if !matches!(action, Some(Action::Create | Action::Update)) {
            continue;
        }
        for edge in facts.edges(address) {
            let Some(&on) = index.makes.get(&edge.on) else { continue };
            if !matters(decision, drafts, step, on) {
                continue;
            }
            let awaited = drafts.steps.get(on).is_some_and(|draft| draft.action == Action::Await);
            match edge.need {
                Need::Ready => drafts.wait(step, on, Level::Finished),
                Need::Exists if !awaited => drafts.wait(step, on, Level::Called),
                Need::Exists => {}
            }
        }
        for &gone in index.going.get(address).into_iter().flatten() {
            drafts.wait(step, gone, Level::Finished);
        }
        vacancies(facts, decision, address, step, &index, drafts);
        hand_over(facts, decision, address, step, &index, drafts);
    }
    halves(drafts);
    removals(&facts.live, &index.removes, drafts);
    let_go(facts, decision, &index, drafts);
}

/// True if a step has to wait for what its resource comes after: for what is made, and in place only for what changes.
fn matters(decision: &Decision, drafts: &Drafts, step: usize, on: usize) -> bool {
    let (Some(step), Some(on)) = (drafts.steps.get(step), drafts.steps.get(on)) else { return false };
    let only_tags = |draft: &Draft| draft.changes.iter().all(|change| change.field == "tags");
    step.action == Action::Create
        || decision.new.contains(&on.address)
        || on.action == Action::Await
        || (!only_tags(step) && !only_tags(on))
}

/// Steps by what they are about.
struct Index {
    /// The creation, update or wait that leaves a wanted resource as it is wanted.
    makes: BTreeMap<Address, usize>,
    /// The deletion of a live resource, or the wait for it.
    removes: BTreeMap<usize, usize>,
    /// Waits for what is on its way out at a wanted address.
    going: BTreeMap<Address, Vec<usize>>,
}

impl Index {
    fn new(facts: &Facts<'_>, drafts: &Drafts) -> Index {
        let mut index = Index { makes: BTreeMap::new(), removes: BTreeMap::new(), going: BTreeMap::new() };
        for (step, draft) in drafts.steps.iter().enumerate() {
            let deleting = draft.live.and_then(|n| facts.live.get(n)).is_some_and(|live| live.is_deleting());
            match (draft.action, draft.live) {
                (Action::Delete, Some(n)) => {
                    index.removes.insert(n, step);
                }
                (Action::Await, Some(n)) if deleting => {
                    index.removes.insert(n, step);
                    if facts.kind(&draft.address) == Some(draft.kind) {
                        index.going.entry(draft.address.clone()).or_default().push(step);
                    }
                }
                _ => {
                    index.makes.insert(draft.address.clone(), step);
                }
            }
        }
        index
    }
}

/// Both halves of a replacement.
fn halves(drafts: &mut Drafts) {
    let pairs: Vec<(usize, usize, Action, bool)> = drafts
        .steps
        .iter()
        .enumerate()
        .filter_map(|(step, draft)| draft.replacing.map(|(other, first)| (step, other, draft.action, first)))
        .collect();
    for (step, other, action, create_first) in pairs {
        if (action == Action::Create) != create_first {
            drafts.wait(step, other, Level::Finished);
        }
    }
}

/// Deletions in the order of the live graph: what uses something goes before it.
pub(crate) fn removals(live: &LiveSet<'_>, removes: &BTreeMap<usize, usize>, drafts: &mut Drafts) {
    for (&user, &step) in removes {
        let Some(found) = live.get(user) else { continue };
        for (used, link) in &found.uses {
            let (Some(&other), Some(target)) = (removes.get(used), live.get(*used)) else { continue };
            match (found.seen.kind, target.seen.kind) {
                _ if link.holds => drafts.wait(other, step, Level::Finished),
                // Tasks use their way out, their log groups and their registry until the last one has stopped.
                (KindName::EcsService, _) => drafts.prefer(other, step, Level::Finished),
                // A route into nothing harms nobody.
                (KindName::RouteTable, KindName::NatGateway | KindName::InternetGateway) => {}
                // AWS deletes it all the same: what cannot be deleted must not keep the rest.
                _ => drafts.courtesy(other, step, Level::Called),
            }
        }
    }
}

/// Deletions come after the updates that drop what is deleted; a detached internet gateway after what held it.
fn let_go(facts: &Facts<'_>, decision: &Decision, index: &Index, drafts: &mut Drafts) {
    for (user, live) in facts.live.iter() {
        let update = index.makes.get(live.address).copied().filter(|step| {
            drafts.steps.get(*step).is_some_and(|draft| draft.action == Action::Update && draft.live == Some(user))
        });
        let changes = decision.changes.get(live.address).map(Vec::as_slice).unwrap_or_default();
        for (used, link) in &live.uses {
            if let (Some(update), Some(&removal)) = (update, index.removes.get(used))
                && !decision.deleted_first(facts, *used)
                && !facts.live.get(*used).is_some_and(|used| used.is_deleting())
            {
                let drops = changes.iter().any(|change| link.fields.contains(change.field.as_str()));
                if drops && link.holds {
                    drafts.wait(removal, update, Level::Finished);
                } else if drops || changes.iter().any(|change| change.field != "tags") {
                    drafts.prefer(removal, update, Level::Finished);
                }
            }
            // An internet gateway moves to another VPC only when nothing is left that holds it (aws-facts 5, line 15).
            if let (Some(&removal), Some(target)) = (index.removes.get(&user), facts.live.get(*used))
                && target.seen.kind == KindName::InternetGateway
                && link.holds
                && let Some(&moved) = index.makes.get(target.address)
                && drafts.steps.get(moved).is_some_and(|draft| {
                    draft.live == Some(*used) && draft.changes.iter().any(|change| change.field == "vpc_id")
                })
            {
                drafts.wait(moved, removal, Level::Finished);
            }
        }
    }
}

/// A step that takes a name, port or place waits until whoever has it is gone or has moved.
fn vacancies(
    facts: &Facts<'_>,
    decision: &Decision,
    address: &Address,
    step: usize,
    index: &Index,
    drafts: &mut Drafts,
) {
    let (Some(kind), Some(fields)) = (facts.kind(address), facts.fields.get(address)) else { return };
    let ids = Ids { facts, keeper: &decision.keeper, new: &decision.new };
    let own = decision.keeper.get(address);
    let want = replace::place(kind, |name| Cow::Owned(ids.settle(fields.value(name))));
    for (n, live) in facts.live.iter().filter(|(n, live)| live.seen.kind == kind && Some(n) != own) {
        if !replace::collide(kind, &want, &replace::place(kind, |name| Cow::Borrowed(live.value(name)))) {
            continue;
        }
        if let Some(&gone) = index.removes.get(&n) {
            drafts.wait(step, gone, Level::Finished);
        } else if let Some(&moved) = index.makes.get(live.address)
            && moves_away(facts, decision, live.address, kind, &want)
        {
            drafts.wait(step, moved, Level::Finished);
        }
    }
}

/// A target group belongs to one load balancer at a time (aws-facts 2.21): a listener or rule takes one when those of
/// another load balancer have let go of it.
fn hand_over(
    facts: &Facts<'_>,
    decision: &Decision,
    address: &Address,
    step: usize,
    index: &Index,
    drafts: &mut Drafts,
) {
    let (Some(kind), Some(fields)) = (facts.kind(address), facts.fields.get(address)) else { return };
    if !matches!(kind, KindName::Listener | KindName::ListenerRule) {
        return;
    }
    let mut groups: BTreeSet<usize> = BTreeSet::new();
    for field in ["action.forward", "action.forward_weights"] {
        fields.value(field).for_each_ref(&mut |reference| {
            if let Target::Address(group) = &reference.target {
                groups.extend(decision.keeper.get(group).filter(|_| !decision.new.contains(group)));
            }
        });
    }
    let own = decision.keeper.get(address);
    for (n, live) in facts.live.iter().filter(|(n, _)| Some(n) != own) {
        let forwards = matches!(live.seen.kind, KindName::Listener | KindName::ListenerRule)
            && live.uses.iter().any(|(used, link)| groups.contains(used) && !link.fields.is_empty());
        if !forwards || balancer_of(facts, n) == wanted_balancer(facts, decision, address) {
            continue;
        }
        if let Some(&gone) = index.removes.get(&n) {
            drafts.wait(step, gone, Level::Finished);
        } else if let Some(&moved) = index.makes.get(live.address)
            && drafts.steps.get(moved).is_some_and(|draft| {
                draft.live == Some(n) && draft.changes.iter().any(|change| change.field.starts_with("action."))
            })
        {
            drafts.wait(step, moved, Level::Finished);
        }
    }
}

/// The live load balancer of a live listener or rule.
fn balancer_of(facts: &Facts<'_>, n: usize) -> Option<usize> {
    let used = |n: usize, kind: KindName| {
        let mut uses = facts.live.get(n)?.uses.keys().copied();
        uses.find(|used| facts.live.get(*used).is_some_and(|live| live.seen.kind == kind))
    };
    used(n, KindName::LoadBalancer)
        .or_else(|| used(n, KindName::Listener).and_then(|listener| used(listener, KindName::LoadBalancer)))
}

/// The live load balancer that a wanted listener or rule will be part of; `None` if that is yet to be made.
fn wanted_balancer(facts: &Facts<'_>, decision: &Decision, address: &Address) -> Option<usize> {
    let on = |address: &Address, kind: KindName| {
        facts.edges(address).map(|edge| &edge.on).find(|on| facts.kind(on) == Some(kind))
    };
    let balancer = on(address, KindName::LoadBalancer)
        .or_else(|| on(address, KindName::Listener).and_then(|listener| on(listener, KindName::LoadBalancer)))?;
    decision.keeper.get(balancer).filter(|_| !decision.new.contains(balancer)).copied()
}

/// True if what will be at an address leaves the place that `want` takes.
fn moves_away(
    facts: &Facts<'_>,
    decision: &Decision,
    address: &Address,
    kind: KindName,
    want: &replace::Place<'_>,
) -> bool {
    let Some(fields) = facts.fields.get(address) else { return false };
    let ids = Ids { facts, keeper: &decision.keeper, new: &decision.new };
    let then = replace::place(kind, |name| Cow::Owned(ids.settle(fields.value(name))));
    !replace::collide(kind, want, &then)
}

/// Steps that wait for each other in a circle, as groups of indices; empty if there is an order.
pub(crate) fn circles(drafts: &Drafts) -> Vec<Vec<usize>> {
    let mut graph = DiGraphMap::<usize, ()>::new();
    for (from, to) in drafts.after.keys() {
        graph.add_edge(*from, *to, ());
    }
    let mut circles: Vec<Vec<usize>> =
        petgraph::algo::tarjan_scc(&graph).into_iter().filter(|component| component.len() > 1).collect();
    for circle in &mut circles {
        circle.sort_unstable();
    }
    circles.sort();
    circles
}

/// Drops wishes that close circles. True if there were any.
pub(crate) fn relax(drafts: &mut Drafts, circle: &[usize]) -> bool {
    let before = drafts.after.len();
    drafts.after.retain(|(from, to), wait| !(wait.soft && circle.contains(from) && circle.contains(to)));
    drafts.after.len() < before
}

/// Numbers the steps but for those that are left out: a topological order, by address among equals. What is in a circle
/// would be missing; there is none.
pub(crate) fn number(drafts: Drafts, left_out: &BTreeSet<usize>) -> Vec<Step> {
    let Drafts { steps, mut after } = drafts;
    after.retain(|(from, to), _| !left_out.contains(from) && !left_out.contains(to));
    let mut waits: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    let mut followers: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (from, to) in after.keys() {
        waits.entry(*from).or_default().insert(*to);
        followers.entry(*to).or_default().insert(*from);
    }
    let rank = |step: usize| steps.get(step).map(|draft| (&draft.address, draft.action, draft.kind, &draft.id, step));
    let mut ready: BTreeSet<_> =
        (0..steps.len()).filter(|step| !waits.contains_key(step) && !left_out.contains(step)).map(rank).collect();
    let mut order: Vec<usize> = Vec::with_capacity(steps.len());
    while let Some(first) = ready.pop_first().flatten() {
        let step = first.4;
        order.push(step);
        for follower in followers.get(&step).into_iter().flatten() {
            if let Some(rest) = waits.get_mut(follower) {
                rest.remove(&step);
                if rest.is_empty() {
                    ready.insert(rank(*follower));
                }
            }
        }
    }
    let ids: BTreeMap<usize, StepId> = order.iter().zip(0u32..).map(|(step, number)| (*step, StepId(number))).collect();
    let mut numbered: Vec<Step> = Vec::with_capacity(order.len());
    let mut steps: Vec<Option<Draft>> = steps.into_iter().map(Some).collect();
    for step in order {
        let (Some(draft), Some(&id)) = (steps.get_mut(step).and_then(Option::take), ids.get(&step)) else { continue };
        let waits = after.range((step, 0)..=(step, usize::MAX));
        numbered.push(Step {
            id,
            address: draft.address,
            kind: draft.kind,
            live: draft.id,
            action: draft.action,
            reason: draft.reason,
            changes: draft.changes,
            after: waits
                .filter_map(|((_, to), wait)| {
                    Some(After { step: *ids.get(to)?, level: wait.level, even_if_failed: wait.even_if_failed })
                })
                .collect(),
            replacing: draft
                .replacing
                .and_then(|(other, create_first)| Some(Replacing { other: *ids.get(&other)?, create_first })),
            traffic: draft.traffic,
            estimate: draft.estimate,
        });
    }
    numbered
}

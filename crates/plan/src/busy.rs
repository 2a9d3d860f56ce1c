//! Running deployments, and what is left alone for their sake.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::{Address, KindName, Target};

use crate::facts::Facts;
use crate::observation::Busy;

/// What waits for running deployments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Busyness {
    /// Live resources that must not be written to.
    pub(crate) frozen: BTreeSet<Address>,
    /// Wanted resources that are not created for now.
    pub(crate) suppressed: BTreeSet<Address>,
    /// The deployments, by the address that each runs on.
    pub(crate) running: BTreeMap<Address, Busy>,
}

/// A running deployment moves listeners between target groups and starts task sets. Writing to its deployment group,
/// service, target groups, listeners or their rules in the middle of that is an outage (design law 4), so they wait.
pub(crate) fn busyness(facts: &Facts<'_>, keeper: &BTreeMap<Address, usize>) -> Busyness {
    let mut busy = Busyness::default();
    let kept = |n: usize, address: &Address| keeper.get(address) == Some(&n);
    let mut groups = BTreeSet::new();
    for (n, live) in facts.live.iter().filter(|(n, live)| kept(*n, live.address)) {
        let Some(running) = &live.seen.busy else { continue };
        busy.running.insert(live.address.clone(), running.clone());
        if live.seen.kind == KindName::DeploymentGroup {
            groups.insert(n);
        } else {
            let of = facts.live.iter().filter(|(_, group)| {
                group.seen.kind == KindName::DeploymentGroup && group.uses.contains_key(&n)
            });
            let before = groups.len();
            groups.extend(of.map(|(group, _)| group));
            // A rolling service takes updates while it rolls; anything else waits.
            if groups.len() > before || live.seen.kind != KindName::EcsService {
                busy.frozen.insert(live.address.clone());
            }
        }
    }
    for group in groups {
        let Some(live) = facts.live.get(group) else { continue };
        busy.frozen.insert(live.address.clone());
        for target in live.uses.keys().filter_map(|used| facts.live.get(*used)) {
            if is_moved(target.seen.kind) {
                busy.frozen.insert(target.address.clone());
            }
        }
        for field in facts.fields.get(live.address).into_iter().flatten() {
            field.value.for_each_ref(&mut |reference| {
                if let Target::Address(address) = &reference.target
                    && is_moved(reference.kind)
                {
                    busy.frozen.insert(address.clone());
                }
            });
        }
    }
    freeze_rules(facts, keeper, &mut busy);
    for address in &facts.order {
        if facts.edges(address).any(|edge| busy.suppressed.contains(&edge.on)) {
            let to = if keeper.contains_key(address) { &mut busy.frozen } else { &mut busy.suppressed };
            to.insert(address.clone());
        }
    }
    busy
}

fn is_moved(kind: KindName) -> bool {
    matches!(kind, KindName::EcsService | KindName::TargetGroup | KindName::Listener)
}

/// Rules of frozen listeners: live ones are frozen, wanted ones are not created.
fn freeze_rules(facts: &Facts<'_>, keeper: &BTreeMap<Address, usize>, busy: &mut Busyness) {
    let mut rules = BTreeSet::new();
    for (_, live) in facts.live.iter().filter(|(_, live)| live.seen.kind == KindName::ListenerRule) {
        let mut of = live.uses.keys().filter_map(|used| facts.live.get(*used));
        if of.any(|used| used.seen.kind == KindName::Listener && busy.frozen.contains(used.address)) {
            rules.insert(live.address.clone());
        }
    }
    for (address, kind) in &facts.kinds {
        let of = |edge: &aomidori_model::graph::Edge| {
            facts.kind(&edge.on) == Some(KindName::Listener) && busy.frozen.contains(&edge.on)
        };
        if *kind == KindName::ListenerRule && facts.edges(address).any(of) {
            rules.insert((*address).clone());
        }
    }
    for rule in rules {
        if keeper.contains_key(&rule) {
            busy.frozen.insert(rule);
        } else if facts.kind(&rule).is_some() {
            busy.suppressed.insert(rule);
        } else {
            // Not in the stack: it would be deleted, and is not for now.
            busy.frozen.insert(rule);
        }
    }
}

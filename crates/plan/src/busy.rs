//! Running deployments, and what is left alone for their sake.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::{Address, KindName};

use crate::facts::Facts;
use crate::live::Live;
use crate::observation::Busy;

/// Running deployments and what must not be written to while they run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Busyness {
    /// Resources that a deployment moves, live or wanted.
    pub(crate) frozen: BTreeSet<Address>,
    /// The deployments, by the address that each runs on.
    pub(crate) running: BTreeMap<Address, Busy>,
    /// Services with more than one task set, by what a deployment that ended half way has left.
    pub(crate) halved: BTreeMap<Address, Busy>,
    /// Those deployments, by the address of their group.
    pub(crate) unfinished: BTreeMap<Address, Busy>,
}

/// A running deployment moves listeners between target groups and starts task sets. Writing to its deployment group,
/// service, target groups, listeners or their rules in the middle of that is an outage (design law 4), so they wait.
pub(crate) fn busyness(facts: &Facts<'_>) -> Busyness {
    let mut busy = Busyness::default();
    let mut groups = BTreeSet::new();
    for (n, live) in facts.live.iter() {
        let Some(running) = &live.seen.busy else { continue };
        if running.over {
            busy.unfinished.insert(live.address.clone(), running.clone());
            let used = live.uses.keys().filter_map(|used| facts.live.get(*used));
            let services = used.filter(|used| used.seen.kind == KindName::EcsService);
            busy.halved.extend(services.map(|service| (service.address.clone(), running.clone())));
            continue;
        }
        busy.running.insert(live.address.clone(), running.clone());
        if live.seen.kind == KindName::DeploymentGroup {
            groups.insert(n);
            continue;
        }
        let before = groups.len();
        let of = |group: &Live<'_>| group.seen.kind == KindName::DeploymentGroup && group.uses.contains_key(&n);
        groups.extend(facts.live.iter().filter(|(_, group)| of(group)).map(|(group, _)| group));
        // A rolling service takes updates while it rolls; anything else waits.
        if groups.len() > before || live.seen.kind != KindName::EcsService {
            busy.frozen.insert(live.address.clone());
        }
    }
    for group in groups.iter().filter_map(|group| facts.live.get(*group)) {
        busy.frozen.insert(group.address.clone());
        let used = group.uses.keys().filter_map(|used| facts.live.get(*used));
        busy.frozen.extend(used.filter(|used| is_moved(used.seen.kind)).map(|used| used.address.clone()));
    }
    let frozen = |address: &Address| busy.frozen.contains(address);
    let mut rules = BTreeSet::new();
    for (_, live) in facts.live.iter().filter(|(_, live)| live.seen.kind == KindName::ListenerRule) {
        let mut used = live.uses.keys().filter_map(|used| facts.live.get(*used));
        if used.any(|used| used.seen.kind == KindName::Listener && frozen(used.address)) {
            rules.insert(live.address.clone());
        }
    }
    for (address, _) in facts.kinds.iter().filter(|(_, kind)| **kind == KindName::ListenerRule) {
        let mut on = facts.edges(address);
        if on.any(|edge| facts.kind(&edge.on) == Some(KindName::Listener) && frozen(&edge.on)) {
            rules.insert((*address).clone());
        }
    }
    busy.frozen.extend(rules);
    busy
}

fn is_moved(kind: KindName) -> bool {
    matches!(kind, KindName::EcsService | KindName::TargetGroup | KindName::Listener)
}

//! What becomes of each resource: kept, changed, replaced, deleted, or left alone for now. A fixpoint, because a
//! replacement can make others necessary.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::{Address, Field, Fields, KindName, Owner, Target, Value};

use crate::diff::{self, Change};
use crate::facts::{Facts, Ids};
use crate::live::{Link, Live};
use crate::observation::Status;
use crate::replace;

/// What becomes of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    /// The live resource that stands for each wanted address, if there is one.
    pub(crate) keeper: BTreeMap<Address, usize>,
    /// What differs, for each of them.
    pub(crate) changes: BTreeMap<Address, Vec<Change>>,
    /// Those that are replaced.
    pub(crate) replaced: BTreeSet<Address>,
    /// Those among them that cannot be created first, because something that they use is deleted first.
    pub(crate) degraded: BTreeSet<Address>,
    /// Why those are replaced that need not be for their own sake.
    pub(crate) in_use: BTreeMap<Address, BTreeSet<Address>>,
    /// Wanted resources whose id is not known before this plan has run.
    pub(crate) new: BTreeSet<Address>,
}

/// Decides. `forced` are resources that must be replaced delete-first for the sake of others, with those others.
pub(crate) fn decide(
    facts: &Facts<'_>,
    keeper: &BTreeMap<Address, usize>,
    forced: &BTreeMap<Address, BTreeSet<Address>>,
) -> Decision {
    let mut decision = Decision {
        keeper: keeper.clone(),
        replaced: forced.keys().cloned().collect(),
        degraded: forced.keys().cloned().collect(),
        in_use: forced.clone(),
        ..Decision::default()
    };
    // Replacements only become more and only lose their creating first, so this ends.
    loop {
        let before = decision.clone();
        decision.compare(facts);
        decision.cascade(facts);
        if decision == before {
            return decision;
        }
    }
}

impl Decision {
    /// Compares everything, what is referred to before what refers to it.
    fn compare(&mut self, facts: &Facts<'_>) {
        let dying: BTreeSet<usize> =
            facts.live.iter().filter(|(n, live)| self.dies(*n, live)).map(|(n, _)| n).collect();
        self.new.clear();
        for address in &facts.order {
            let found = self.keeper.get(address).and_then(|n| facts.live.get(*n));
            let (Some(live), Some(fields)) = (found, facts.fields.get(address)) else {
                self.new.insert(address.clone());
                continue;
            };
            let ids = Ids { facts, keeper: &self.keeper, new: &self.new };
            let held = self.held_by(facts, live);
            let mut changes = diff::diff(facts.want, address, fields, live, &held, &ids);
            changes.extend(self.let_go(facts, fields, live, &dying));
            for change in changes.iter_mut().filter(|change| !change.replaces) {
                change.replaces = fields.get(&change.field).is_some_and(|field| leaves(field, live, &ids));
            }
            let failed = matches!(live.seen.status, Status::Failed(_));
            if failed || changes.iter().any(|change| change.replaces) {
                self.replaced.insert(address.clone());
            }
            let revised = live.seen.kind.info().revisioned && changes.iter().any(|change| change.field != "tags");
            if revised || self.replaced.contains(address) {
                self.new.insert(address.clone());
            }
            self.changes.insert(address.clone(), changes);
        }
    }

    /// Fields that are not declared, and yet refer to something that this plan deletes: they must let go of it.
    fn let_go(&self, facts: &Facts<'_>, fields: &Fields, live: &Live<'_>, dying: &BTreeSet<usize>) -> Vec<Change> {
        let mut changes = Vec::new();
        for field in fields.iter().filter(|field| field.value.is_null() && field.owner == Owner::Us) {
            let refers = live.uses.iter().any(|(used, link)| {
                link.fields.contains(field.name) && dying.contains(used) && !self.deleted_first(facts, *used)
            });
            if refers {
                changes.push(Change {
                    field: field.name.to_owned(),
                    before: live.value(field.name).clone(),
                    after: Value::Null,
                    replaces: field.replaces,
                    secret: field.secret,
                    unknown: BTreeSet::new(),
                });
            }
        }
        changes
    }

    /// What replacements and deletions do to those that use what is replaced or deleted.
    fn cascade(&mut self, facts: &Facts<'_>) {
        for (user, live) in facts.live.iter() {
            if self.keeper.get(live.address) != Some(&user) {
                continue;
            }
            for (&used, link) in &live.uses {
                let Some(target) = facts.live.get(used).filter(|target| self.dies(used, target)) else { continue };
                // No deployment moves a service to other target groups than its pair (aws-facts 3.9).
                let stuck = !self.replaced.contains(live.address)
                    && owned_elsewhere(facts, live, link).any(|field| field == "load_balancer");
                if stuck || (link.holds && self.deleted_first(facts, used)) {
                    self.degraded.insert(live.address.clone());
                    self.in_use.entry(live.address.clone()).or_default().insert(target.address.clone());
                    self.replaced.insert(live.address.clone());
                }
            }
        }
    }

    /// Ids of what this plan deletes, and what AWS would not delete while `live` uses it.
    pub(crate) fn held_by<'f>(&self, facts: &'f Facts<'_>, live: &Live<'_>) -> BTreeSet<&'f str> {
        let holding = live.uses.iter().filter(|(_, link)| link.holds);
        let used = holding.filter_map(|(used, _)| Some((*used, facts.live.get(*used)?)));
        used.filter(|(n, used)| self.dies(*n, used)).map(|(_, used)| used.seen.id.as_str()).collect()
    }

    /// True if the plan deletes a live resource.
    pub(crate) fn dies(&self, n: usize, live: &Live<'_>) -> bool {
        !live.is_deleting() && (self.keeper.get(live.address) != Some(&n) || self.replaced.contains(live.address))
    }

    /// True if a live resource is replaced, and deleted before its successor is created.
    pub(crate) fn deleted_first(&self, facts: &Facts<'_>, n: usize) -> bool {
        facts.live.get(n).is_some_and(|live| {
            self.keeper.get(live.address) == Some(&n)
                && self.replaced.contains(live.address)
                && !self.create_first(live.address, live.seen.kind)
        })
    }

    /// True if a replaced resource's successor is created before it is deleted.
    pub(crate) fn create_first(&self, address: &Address, kind: KindName) -> bool {
        !self.degraded.contains(address)
            && replace::can_stand_beside(kind, self.changes.get(address).map(Vec::as_slice).unwrap_or_default())
    }
}

/// True if what a field is to refer to lies elsewhere than what it refers to, and the resource cannot follow.
fn leaves(field: &Field, live: &Live<'_>, ids: &Ids<'_, '_>) -> bool {
    let Some(place) = field.confined_to else { return false };
    let (mut here, mut there) = (BTreeSet::new(), BTreeSet::new());
    live.seen.fields.value(field.name).for_each_ref(&mut |reference| {
        here.extend(ids.facts.live.found(reference).map(|seen| ids.settle(seen.fields.value(place))));
    });
    field.value.for_each_ref(&mut |reference| {
        let value = match &reference.target {
            Target::Address(address) => ids.facts.fields.get(address).map(|fields| fields.value(place)),
            Target::Id(_) => ids.facts.live.found(reference).map(|seen| seen.fields.value(place)),
        };
        there.extend(value.map(|value| ids.settle(value)));
    });
    // Of what was not observed nothing is known.
    !here.is_empty() && !there.is_subset(&here)
}

/// The fields of a link that CodeDeploy decides.
pub(crate) fn owned_elsewhere<'f>(
    facts: &'f Facts<'_>,
    live: &Live<'_>,
    link: &'f Link,
) -> impl Iterator<Item = &'static str> {
    let fields = facts.fields.get(live.address);
    link.fields.iter().copied().filter(move |name| {
        fields.and_then(|fields| fields.get(name)).is_some_and(|field| field.owner == Owner::CodeDeploy)
    })
}

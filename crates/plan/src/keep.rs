//! Which of several live resources with one address is kept.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::Address;

use crate::diff;
use crate::facts::{Facts, Ids};
use crate::observation::Status;

/// The live resource that stands for each wanted address, if one of its kind is there and not on its way out.
///
/// Of several it is one that has not failed, needs no replacement, is used by most others, has the fewest differences and
/// is ready; then the smallest id decides. Decided along the wanted graph, so that users follow what they use.
pub(crate) fn keepers(facts: &Facts<'_>) -> BTreeMap<Address, usize> {
    let mut keeper = BTreeMap::new();
    let mut new = BTreeSet::new();
    let mut candidates: BTreeMap<&Address, Vec<usize>> = BTreeMap::new();
    let mut users: BTreeMap<usize, usize> = BTreeMap::new();
    for (n, live) in facts.live.iter() {
        if facts.kind(live.address) == Some(live.seen.kind) && !live.is_deleting() {
            candidates.entry(live.address).or_default().push(n);
        }
        for used in live.uses.keys() {
            *users.entry(*used).or_default() += 1;
        }
    }
    for address in &facts.order {
        let best = match candidates.get(address).map(Vec::as_slice) {
            None | Some([]) => None,
            Some([only]) => Some(*only),
            Some(several) => {
                let ids = Ids { facts, keeper: &keeper, new: &new };
                let score = |n: &usize| {
                    let live = facts.live.get(*n)?;
                    let changes =
                        diff::diff(facts.want, address, facts.fields.get(address)?, live, &BTreeSet::new(), &ids);
                    Some((
                        matches!(live.seen.status, Status::Failed(_)),
                        changes.iter().any(|change| change.replaces),
                        Reverse(users.get(n).copied().unwrap_or_default()),
                        changes.len(),
                        live.seen.status != Status::Ready,
                        live.seen.id.as_str(),
                    ))
                };
                several.iter().min_by_key(|n| score(n)).copied()
            }
        };
        match best {
            Some(best) => {
                keeper.insert(address.clone(), best);
            }
            None => {
                new.insert(address.clone());
            }
        }
    }
    keeper
}

//! Steps that are left out for now, because a deployment, running or yet to come, has to do its part first.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::Address;

use crate::busy::Busyness;
use crate::decide::{self, Decision};
use crate::draft::{Draft, Drafts};
use crate::facts::Facts;
use crate::observation::Busy;
use crate::{Action, Notice};

/// Steps that are left out, and what is said about it.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeftOut {
    pub(crate) steps: BTreeSet<usize>,
    pub(crate) notices: BTreeSet<Notice>,
}

/// Deletions of what a CODE_DEPLOY service still uses, in fields that only a deployment changes (aws-facts 3.9): they wait
/// for the deployment, with whatever comes after them.
///
/// # Errors
/// A service whose hold keeps something from being made, with what it holds: no deployment would ever let go, since
/// what it would move to is not there. The service must be replaced.
pub(crate) fn held(
    facts: &Facts<'_>,
    decision: &Decision,
    drafts: &Drafts,
) -> Result<LeftOut, (Address, BTreeSet<Address>)> {
    let deletions: BTreeMap<usize, usize> = drafts
        .steps
        .iter()
        .enumerate()
        .filter(|(_, draft)| draft.action == Action::Delete)
        .filter_map(|(step, draft)| Some((draft.live?, step)))
        .collect();
    let mut left = LeftOut::default();
    for (user, live) in facts.live.iter() {
        if decision.keeper.get(live.address) != Some(&user) || decision.replaced.contains(live.address) {
            continue;
        }
        for (used, link) in &live.uses {
            let (Some(&step), Some(target)) = (deletions.get(used), facts.live.get(*used)) else { continue };
            if decide::owned_elsewhere(facts, live, link).next().is_none() {
                continue;
            }
            let follow = drafts.followers([step]);
            let makes = |step: &usize| {
                drafts.steps.get(*step).is_some_and(|d| matches!(d.action, Action::Create | Action::Update))
            };
            if follow.iter().any(makes) {
                return Err((live.address.clone(), BTreeSet::from([target.address.clone()])));
            }
            left.notices
                .insert(Notice::NeedsDeployment { service: live.address.clone(), because: target.address.clone() });
            left.steps.extend(follow);
        }
    }
    Ok(left)
}

/// Steps that would write to what a running deployment moves, or change a service that one has left half way; whatever comes after them; and the other halves of
/// replacements. What remains is as legal as a run of the whole plan that was stopped early.
pub(crate) fn busy(busy: &Busyness, drafts: &Drafts) -> LeftOut {
    // ECS does not scale a service with several task sets (aws-facts 3.9).
    let halved = |d: &Draft| d.action == Action::Update && busy.halved.contains_key(&d.address);
    let writes = |step: &usize| {
        drafts
            .steps
            .get(*step)
            .is_some_and(|d| (d.action != Action::Await && busy.frozen.contains(&d.address)) || halved(d))
    };
    let mut steps: BTreeSet<usize> = (0..drafts.steps.len()).filter(writes).collect();
    loop {
        let before = steps.len();
        steps = drafts.followers(steps);
        let halves: Vec<usize> =
            steps.iter().filter_map(|step| drafts.steps.get(*step)?.replacing).map(|(other, _)| other).collect();
        steps.extend(halves);
        if steps.len() == before {
            break;
        }
    }
    let waiting = steps.iter().filter_map(|step| drafts.steps.get(*step)).map(|draft| &draft.address);
    let first = busy.running.values().next();
    let left = busy.unfinished.values().next();
    let notices = busy
        .running
        .keys()
        .chain(busy.unfinished.keys())
        .chain(waiting)
        .filter_map(|address| {
            let half_way = busy.unfinished.get(address).or(busy.halved.get(address));
            let running = match half_way {
                Some(half_way) => half_way,
                None => busy.running.get(address).or(first).or(left)?,
            };
            let Busy { deployment, status, over } = running.clone();
            let address = address.clone();
            Some(match over {
                true => Notice::Unfinished { address, deployment, status },
                false => Notice::Deploying { address, deployment, status },
            })
        })
        .collect();
    LeftOut { steps, notices }
}

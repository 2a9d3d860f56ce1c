//! How long a plan takes if nothing that may run side by side waits for anything else.

use std::collections::BTreeMap;

use crate::{Level, Plan, StepId};

/// The longest chain of a plan: how many seconds it usually takes on AWS, and its steps, first to last.
///
/// No parallelism and no luck make a plan faster than this. The seconds are those of [`Step::estimate`](crate::Step).
pub fn critical_path(plan: &Plan) -> (u64, Vec<StepId>) {
    let mut starts: BTreeMap<StepId, (u64, Option<StepId>)> = BTreeMap::new();
    for step in &plan.steps {
        let latest = step
            .after
            .iter()
            .filter_map(|after| {
                let before = plan.step(after.step)?;
                let (start, _) = starts.get(&after.step)?;
                let until = match after.level {
                    Level::Called => before.estimate.call,
                    Level::Finished => before.estimate.call + before.estimate.finish,
                };
                Some((start + u64::from(until), after.step))
            })
            .max_by_key(|(until, before)| (*until, std::cmp::Reverse(*before)));
        starts.insert(step.id, latest.map_or((0, None), |(until, before)| (until, Some(before))));
    }
    let end = |id: &StepId, start: u64| {
        let estimate = plan.step(*id).map(|step| step.estimate).unwrap_or_default();
        start + u64::from(estimate.call) + u64::from(estimate.finish)
    };
    let last = starts
        .iter()
        .map(|(id, (start, _))| (end(id, *start), *id))
        .max_by_key(|(end, id)| (*end, std::cmp::Reverse(*id)));
    let Some((seconds, last)) = last else { return (0, Vec::new()) };
    let mut path = vec![last];
    while let Some((_, Some(before))) = path.last().and_then(|id| starts.get(id)) {
        path.push(*before);
    }
    path.reverse();
    (seconds, path)
}

/// The seconds from the start of each step to the end of the longest chain that begins with it, by step number: what a
/// ready queue goes by.
pub fn remaining(plan: &Plan) -> Vec<u64> {
    let mut remaining = vec![0; plan.steps.len()];
    for step in plan.steps.iter().rev() {
        let (call, finish) = (u64::from(step.estimate.call), u64::from(step.estimate.finish));
        let at = step.id.0 as usize;
        // Followers have higher numbers, so theirs have been written already, as the longest time after a level.
        let own = call + finish;
        let rest = remaining.get(at).copied().unwrap_or_default().max(own);
        if let Some(slot) = remaining.get_mut(at) {
            *slot = rest;
        }
        for after in &step.after {
            let Some(before) = plan.step(after.step) else { continue };
            let until = match after.level {
                Level::Called => before.estimate.call,
                Level::Finished => before.estimate.call + before.estimate.finish,
            };
            if let Some(slot) = remaining.get_mut(after.step.0 as usize) {
                *slot = (*slot).max(u64::from(until) + rest);
            }
        }
    }
    remaining
}

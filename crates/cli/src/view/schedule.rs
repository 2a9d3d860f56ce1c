//! How long things take, for people.

use aomidori_model::Address;
use aomidori_plan::{Level, Plan, Step, critical_path};

/// One step of the critical path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leg {
    /// The resource.
    pub(crate) address: Address,
    /// How many seconds of the path it is.
    pub(crate) seconds: u64,
}

/// The chain of steps that decides how long a plan takes, and the seconds in all.
pub(crate) fn legs(plan: &Plan) -> (u64, Vec<Leg>) {
    let (total, path) = critical_path(plan);
    let steps: Vec<&Step> = path.iter().filter_map(|id| plan.step(*id)).collect();
    let legs = steps.iter().enumerate().map(|(n, step)| {
        // Of a step that the next one only needs to have been called, the rest is not part of the path.
        let whole = steps
            .get(n + 1)
            .is_none_or(|next| next.after.iter().any(|after| after.step == step.id && after.level == Level::Finished));
        let rest = if whole { step.estimate.finish } else { 0 };
        Leg { address: step.address.clone(), seconds: u64::from(step.estimate.call) + u64::from(rest) }
    });
    (total, legs.collect())
}

/// A duration for people: `8 s`, `2 min 30 s`, `1 h 10 min`.
pub(crate) fn duration(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// An estimate for people: coarser the longer it is.
pub(crate) fn about(seconds: u64) -> String {
    match seconds {
        0..=9 => duration(seconds.max(1)),
        10..=59 => duration(seconds.div_ceil(5) * 5),
        60..=179 => duration(seconds.div_ceil(15) * 15),
        _ => format!("{} min", seconds.div_ceil(60)),
    }
}

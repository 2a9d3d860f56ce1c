//! How long things take, for people.

use aomidori_model::Address;
use aomidori_plan::Plan;

/// One step of the critical path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leg {
    /// The resource.
    pub(crate) address: Address,
    /// How many seconds of the path it is.
    pub(crate) seconds: u64,
    /// How many of them it waits for AWS to take its call, and others' before it.
    pub(crate) queued: u64,
}

/// The chain of steps that decides how long a plan takes, and the seconds in all.
pub(crate) fn legs(plan: &Plan) -> (u64, Vec<Leg>) {
    let schedule = aomidori_plan::schedule(plan);
    let legs = schedule.path.iter().filter_map(|leg| {
        let address = plan.step(leg.step)?.address.clone();
        Some(Leg { address, seconds: leg.queued + leg.seconds, queued: leg.queued })
    });
    (schedule.seconds, legs.collect())
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

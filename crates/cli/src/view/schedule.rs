//! How long a plan takes at the least: its critical path, from the steps' estimates.

use aomidori_model::Address;
use aomidori_plan::{After, Estimate, Level, Plan, StepId};

/// When each step starts, is called and is finished, in seconds from the beginning, if nothing waits for a slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Schedule {
    times: Vec<Times>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Times {
    called: u32,
    finished: u32,
    /// What it waited for longest, and for which of its levels.
    because: Option<After>,
}

/// One step of the critical path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leg {
    /// The resource.
    pub(crate) address: Address,
    /// How many seconds of the path it is.
    pub(crate) seconds: u32,
}

impl Schedule {
    pub(crate) fn of(plan: &Plan) -> Schedule {
        let mut times: Vec<Times> = vec![Times::default(); plan.steps.len()];
        // Steps stand in a legal order, so what one waits for has its times already.
        for step in &plan.steps {
            let at = |after: &After| {
                let times = times.get(after.step.0 as usize).copied().unwrap_or_default();
                match after.level {
                    Level::Called => times.called,
                    Level::Finished => times.finished,
                }
            };
            let because = step.after.iter().max_by_key(|after| at(after)).copied();
            let start = because.as_ref().map_or(0, at);
            let Estimate { call, finish } = step.estimate;
            let called = start.saturating_add(call);
            let own = Times { called, finished: called.saturating_add(finish), because };
            if let Some(slot) = times.get_mut(step.id.0 as usize) {
                *slot = own;
            }
        }
        Schedule { times }
    }

    /// Seconds until everything is finished.
    pub(crate) fn seconds(&self) -> u32 {
        self.times.iter().map(|times| times.finished).max().unwrap_or(0)
    }

    /// Seconds from the start until a step is finished.
    pub(crate) fn finished(&self, step: StepId) -> u32 {
        self.times.get(step.0 as usize).map_or(0, |times| times.finished)
    }

    /// The chain of steps that decides how long it takes, first to last.
    pub(crate) fn critical_path(&self, plan: &Plan) -> Vec<Leg> {
        let last = self.times.iter().enumerate().max_by_key(|(n, times)| (times.finished, usize::MAX - n));
        let mut legs = Vec::new();
        let mut next = last.map(|(n, times)| (n, times.finished));
        while let Some((n, until)) = next {
            let (Some(step), Some(times)) = (plan.steps.get(n), self.times.get(n)) else { break };
            let from = times.called.saturating_sub(step.estimate.call);
            legs.push(Leg { address: step.address.clone(), seconds: until.saturating_sub(from) });
            next = times.because.map(|after| (after.step.0 as usize, from));
        }
        legs.reverse();
        legs
    }
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

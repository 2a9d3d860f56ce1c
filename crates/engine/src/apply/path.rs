//! Priorities: how long the longest chain of steps from each step on usually takes.

use std::time::Duration;

use aomidori_plan::{Level, Plan, Step, StepId};

/// The longest chains of a plan.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    /// From the start of each step to the end of the last one that waits for it.
    tails: Vec<Duration>,
    /// The step through which that chain goes on.
    next: Vec<Option<StepId>>,
}

impl Paths {
    /// The chains of a plan; `speed` is how much faster than estimated everything is.
    pub(super) fn new(plan: &Plan, speed: f64) -> Paths {
        let mut paths = Paths { tails: vec![Duration::ZERO; plan.steps.len()], next: vec![None; plan.steps.len()] };
        // A step stands after everything that it waits for.
        let mut follow: Vec<(Duration, Option<StepId>)> = vec![(Duration::ZERO, None); plan.steps.len()];
        for step in plan.steps.iter().rev() {
            let at = step.id.0 as usize;
            let own = whole(step, speed);
            let (after, through) = follow[at];
            let tail = after.max(own);
            paths.tails[at] = tail;
            paths.next[at] = through.filter(|_| after >= own);
            for after in &step.after {
                let Some(first) = plan.step(after.step) else { continue };
                let until = match after.level {
                    Level::Called => call(first, speed),
                    Level::Finished => whole(first, speed),
                };
                let slot = &mut follow[after.step.0 as usize];
                if until + tail > slot.0 || slot.1.is_none() {
                    *slot = (until + tail, Some(step.id));
                }
            }
        }
        paths
    }

    /// How long the chain from this step on usually takes.
    pub(super) fn tail(&self, step: StepId) -> Duration {
        self.tails.get(step.0 as usize).copied().unwrap_or_default()
    }

    /// The longest chain of the plan, and how long it usually takes.
    pub(super) fn critical(&self) -> (Duration, Vec<StepId>) {
        let mut first: Option<usize> = None;
        for (at, tail) in self.tails.iter().enumerate() {
            if first.is_none_or(|best| *tail > self.tails[best]) {
                first = Some(at);
            }
        }
        let total = first.map_or(Duration::ZERO, |at| self.tails[at]);
        let mut chain = Vec::new();
        let mut at = first.and_then(|at| u32::try_from(at).ok()).map(StepId);
        while let Some(step) = at {
            chain.push(step);
            at = self.next.get(step.0 as usize).copied().flatten();
        }
        (total, chain)
    }
}

/// Until a step's call is answered.
pub(super) fn call(step: &Step, speed: f64) -> Duration {
    Duration::from_secs(u64::from(step.estimate.call)).div_f64(speed)
}

/// Until a step is finished.
pub(super) fn whole(step: &Step, speed: f64) -> Duration {
    Duration::from_secs(u64::from(step.estimate.call) + u64::from(step.estimate.finish)).div_f64(speed)
}

/// The longest chain of a plan and how long it usually takes on AWS.
pub fn critical_path(plan: &Plan) -> (Duration, Vec<StepId>) {
    Paths::new(plan, 1.0).critical()
}

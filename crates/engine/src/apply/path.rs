//! Priorities and estimates, in the time of the cloud's clock.

use std::time::Duration;

use aomidori_plan::{Plan, Step, StepId};

/// The longest chains of a plan.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    speed: f64,
    tails: Vec<u64>,
    critical: (u64, Vec<StepId>),
}

impl Paths {
    /// The chains of a plan; `speed` is how much faster than estimated everything is.
    pub(super) fn new(plan: &Plan, speed: f64) -> Paths {
        let speed = if speed.is_finite() { speed.max(0.001) } else { 1.0 };
        Paths { speed, tails: aomidori_plan::remaining(plan), critical: aomidori_plan::critical_path(plan) }
    }

    /// How many times faster than AWS's the cloud's clock runs.
    pub(super) fn speed(&self) -> f64 {
        self.speed
    }

    /// How long the chain from the start of this step on usually takes.
    pub(super) fn tail(&self, step: StepId) -> Duration {
        self.real(self.tails.get(step.0 as usize).copied().unwrap_or_default())
    }

    /// The longest chain of the plan, and how long it usually takes.
    pub(super) fn critical(&self) -> (Duration, Vec<StepId>) {
        (self.real(self.critical.0), self.critical.1.clone())
    }

    /// How long a step usually takes.
    pub(super) fn whole(&self, step: &Step) -> Duration {
        self.real(u64::from(step.estimate.call) + u64::from(step.estimate.finish))
    }

    /// How long a step usually waits after its call.
    pub(super) fn wait(&self, step: &Step) -> Duration {
        self.real(u64::from(step.estimate.finish))
    }

    fn real(&self, seconds: u64) -> Duration {
        Duration::from_secs(seconds).div_f64(self.speed)
    }
}

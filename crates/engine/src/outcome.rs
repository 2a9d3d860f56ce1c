//! What became of a plan.

use std::time::Duration;

use aomidori_plan::StepId;

use crate::cloud::{CloudError, Known};
use crate::event::{Counts, Interruption};

/// What became of each step of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Steps that are finished, in the order in which they finished.
    pub done: Vec<StepId>,
    /// Steps that failed, in the order in which they failed.
    pub failed: Vec<Failure>,
    /// Steps that were not taken because of a failed one.
    pub skipped: Vec<Skip>,
    /// Steps that are neither, because the run was interrupted.
    pub remaining: Vec<Remaining>,
    /// Why the run was interrupted, if it was.
    pub interrupted: Option<Interruption>,
    /// Ids and outputs of what is live now.
    pub known: Known,
    /// How long it took.
    pub took: Duration,
}

/// A step that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The step.
    pub step: StepId,
    /// Why.
    pub error: CloudError,
    /// What holds the resource, as far as is known.
    pub holders: Vec<String>,
}

/// A step that was not taken because of a failed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skip {
    /// The step.
    pub step: StepId,
    /// The one that failed.
    pub because: StepId,
}

/// A step that an interruption left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// The step.
    pub step: StepId,
    /// How far it was.
    pub state: Left,
}

/// How far a step was when the run was interrupted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nothing was done.
    NotStarted,
    /// A call was made and failed in a way after which it is made again; it may have been done.
    Retrying(CloudError),
    /// Its call was answered; it was not ready, or gone, yet.
    Waiting,
}

impl Outcome {
    /// True if every step is finished.
    pub fn is_done(&self) -> bool {
        self.failed.is_empty() && self.skipped.is_empty() && self.remaining.is_empty()
    }

    /// How many steps ended how.
    pub fn counts(&self) -> Counts {
        Counts {
            done: self.done.len(),
            failed: self.failed.len(),
            skipped: self.skipped.len(),
            remaining: self.remaining.len(),
        }
    }
}

//! The planner: a pure, synchronous function of what is wanted and what was observed.
//!
//! [`plan`] takes a [`Stack`](aomidori_model::Stack) and an [`Observation`] and returns a [`Plan`]: data that leaves
//! execution no choice. Same input, same bytes. No async, no AWS SDK, no clock, no randomness.

pub mod observation;
pub mod step;

pub use observation::{Busy, Observation, Observed, Ownership, Status};
pub use step::{
    Action, After, Estimate, FieldChange, Level, Mode, Notice, Plan, Reason, Replacing, Step, StepId, Summary,
};

//! The planner: a pure, synchronous function of what is wanted and what was observed.
//!
//! [`plan`] takes a [`Stack`](aomidori_model::Stack) and an [`Observation`] and returns a [`Plan`]: data that leaves
//! execution no choice. Same input, same bytes. No async, no AWS SDK, no clock, no randomness.

mod busy;
mod decide;
mod diff;
mod dot;
mod draft;
pub mod error;
mod estimate;
mod facts;
mod format;
mod keep;
mod live;
mod marks;
pub mod observation;
mod order;
mod path;
mod planner;
mod replace;
pub mod step;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod wait;

pub use dot::dot;
pub use error::{Obstacle, PlanError};
pub use format::{Difference, PlanFile, PlanFileError, Stale, StepDifference, differences};
pub use marks::marks;
pub use observation::{Busy, Observation, Observed, Ownership, Status};
pub use path::{Leg, Schedule, critical_path, remaining, schedule};
pub use planner::{current, destroy, plan, tags};
pub use step::{
    Action, After, Estimate, FieldChange, Level, Mode, Notice, Plan, Reason, Replacing, Step, StepId, Summary,
};

//! The engine: observes, applies plans in dependency order, and says what it does in one stream of events.
//!
//! [`Cloud`] is the seam: everything that talks to AWS is behind it, and no AWS type is in it.

pub mod apply;
pub mod cloud;
#[cfg(any(test, feature = "fake"))]
pub mod conformance;
pub mod event;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
mod lease;
pub mod options;
pub mod outcome;
pub mod run;
#[cfg(test)]
mod tests;

pub use apply::apply;
pub use cloud::{Cloud, CloudError, ErrorKind, Identity, Known, Lease, LeaseRequest, Made, Progress, Want};
pub use event::{Event, Events, Record};
pub use options::{ApplyOptions, Pace, Patience};
pub use outcome::Outcome;
pub use run::{End, Planned, Report, RunError, RunOptions, down, preview, up};

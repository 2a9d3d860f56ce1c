//! Deployments: a state machine without I/O, and the driver that feeds it.
//!
//! - [`cloud`] is the seam: what deployments read and call, in plain data. `aomidori-aws` implements it.
//! - [`stage`] says where a deployment is; [`decision::next`] what to do next: both pure.
//! - `stall` ends early what gets nowhere; `time` computes how long everything takes and may take.
//! - `appspec` writes what CodeDeploy is given.
//!
//! Nothing here prints, and nothing is remembered that AWS does not: a process that dies is succeeded by any other.

pub mod appspec;
pub mod cloud;
pub mod decision;
pub mod outcome;
pub mod stage;
pub mod stall;
#[cfg(test)]
mod tests;
pub mod time;

pub use cloud::DeployCloud;
pub use decision::{Decision, Goal, History, Seen, next};
pub use outcome::{Cause, Outcome};
pub use stage::{Progress, Stage};
pub use time::{Clock, Moment, Timings};

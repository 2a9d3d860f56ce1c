//! Deployments: a state machine without I/O, and the driver that feeds it.
//!
//! - [`cloud`] is the seam: what deployments read and call, in plain data. `aomidori-aws` implements it.
//! - [`stage`] says where a deployment is; [`decision::next`] what to do next: both pure.
//! - [`rolling`] does the same for services that ECS deploys task by task.
//! - [`stall`] ends early what gets nowhere; [`time`] computes how long everything takes and may take.
//! - [`drive`] looks, decides, calls and waits, and says what it sees as [`event`]s.
//! - [`digests`] keeps in mind which image a tag was.
//! - [`protect`] keeps the images that one may go back to.
//! - [`scale`] changes how many tasks a service has.
//! - [`site`] is what of a stack a deployment concerns; [`register`] makes revisions, [`generations`] reads every one
//!   that served, [`appspec`] writes what CodeDeploy is given.
//!
//! Nothing here prints, and nothing is remembered that AWS does not: a process that dies is succeeded by any other.

pub mod appspec;
pub mod cloud;
pub mod decision;
pub mod digests;
pub mod drive;
pub mod event;
pub mod generations;
pub mod outcome;
pub mod protect;
pub mod register;
pub mod rolling;
pub mod scale;
pub mod site;
pub mod stage;
pub mod stall;
#[cfg(test)]
mod tests;
pub mod time;

pub use cloud::DeployCloud;
pub use decision::{Decision, Goal, History, Seen, next};
pub use drive::{DriveOptions, Hands, Place, deploy, roll};
pub use event::{Event, Events, Record};
pub use outcome::{Cause, Outcome};
pub use site::{Deployer, Pair, Site, SiteError};
pub use stage::{Progress, Stage};
pub use time::{Clock, Moment, Timings};

//! Aomidori's command line over any stack: plan, up, down, status and the rest, embeddable in anybody's xtask.
//!
//! A host makes an [`App`] of the function that builds its stack and returns what [`App::main`] returns:
//!
//! ```no_run
//! use aomidori_cli::{App, Exit};
//! use aomidori_model::Stack;
//!
//! fn main() -> Exit {
//!     App::new("shop", |_inputs| Ok(Stack::new("shop-dev".parse()?))).main()
//! }
//! ```
//!
//! A host with commands of its own takes [`Command`] into its command line and gives it to [`App::run`]. Nothing in here
//! ends the process, and nothing but the views prints.

mod app;
mod args;
mod commands;
mod connect;
mod error;
mod exit;
mod images;
mod local_cloud;
mod settings;
mod view;

#[cfg(test)]
mod tests;

pub use app::{App, BoxError, InputKey, Inputs, InvalidInput, InvalidInputs};
pub use args::Command;
pub use error::{Error, Failure, InvalidValue, Leftover, MissingImage, StepFailure, StepFailures, Whom};
pub use exit::Exit;

/// The types of the command line, for hosts that look into a parsed [`Command`] or make one without clap.
pub mod command {
    pub use crate::args::{
        AppSpec, Attach, Change, Cloud, Color, Confirm, Deploy, Detail, Down, Emit, EmitEcspresso, EmitPipeline,
        EmitTerraform, EnvFiles, Follow, Graph, ImageChoice, Local, LocalArgs, LocalCloud, LocalServe, OfService,
        Output, Plan, Program, Register, Reroute, Rollback, Scale, Service, Show, StackSource, Status, Target, Up,
        Validate, Wait,
    };
}

/// The types of the lines that `--json` prints.
pub mod json {
    pub use crate::view::deployment::{
        AppSpecResult, DeployPlan, DeploymentResult, DryRunResult, GenerationsResult, RegisterResult, ScaleResult,
        TaskRow, TasksResult, Urls,
    };
    pub use crate::view::json::*;
    pub use crate::view::status::{
        Deployment, End, Event, Forward, Group, Last, Lock, NotReady, Rollout, Route, Rule, Running, Service, Set,
        Side, StatusResult, Stopped, TargetState, Targets, Tasks, Traffic, Use, Version,
    };
}

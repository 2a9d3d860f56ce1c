//! The stack in the languages of other tools than Terraform: ecspresso's files, and pipelines that deploy with our own
//! command line.
//!
//! - [`ecspresso()`] writes a configuration, a service definition and task definitions for every service, for those who
//!   keep ecspresso.
//! - [`pipeline()`] writes a pipeline for GitHub Actions, CircleCI or Bitbucket: build, push, register, deploy, a gate for a
//!   person, then re-route or roll back.
//!
//! Both are pure functions: the same input gives the same bytes. No text of a stack breaks out of where it is written, be it
//! YAML, JSON, a Go template, a vendor's expression or a shell.

mod ecspresso;
mod pipeline;
mod subject;
mod yaml;

use aomidori_model::{Address, Problem};

pub use aomidori_hcl::File;
pub use ecspresso::{Ids, Live, Options as EcspressoOptions, ecspresso};
pub use pipeline::{Options as PipelineOptions, Vendor, pipeline};

/// Why something cannot be emitted.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// The stack itself is wrong.
    #[error("the stack has {} problems, the first: {}", .0.len(), .0.first().map(|problem| problem.message.as_str()).unwrap_or_default())]
    Invalid(Vec<Problem>),
    /// The stack does not say its region, and nobody else did.
    #[error("the stack does not say its region")]
    NoRegion,
    /// The stack has no service at all.
    #[error("the stack has no ECS service")]
    NoServices,
    /// There is no such service.
    #[error("the stack has no service `{name}`")]
    NoService {
        /// What was asked for.
        name: String,
        /// The services that there are.
        known: Vec<String>,
    },
    /// It has to be said which.
    #[error("the stack has several services; say which")]
    Which {
        /// The services that there are.
        known: Vec<String>,
    },
    /// Live ids were asked for, and these are not known.
    #[error("{} resources are not live, the first: {}", .0.len(), .0.first().map(String::as_str).unwrap_or_default())]
    NotLive(Vec<String>),
    /// The other tool, or this emitter, has no words for something.
    #[error("`{address}` cannot be emitted: {what}")]
    Unsupported {
        /// What it is about.
        address: Address,
        /// What there are no words for.
        what: String,
    },
    /// Where Terraform keeps the stack cannot be said.
    #[error(transparent)]
    Terraform(Box<aomidori_hcl::EmitError>),
    /// Something could not be written: a bug of the emitter.
    #[error("{0}: this is a bug in Aomidori")]
    Bug(String),
}

/// The emitter's own view of a stack that holds together.
fn valid(stack: &aomidori_model::Stack) -> Result<(), EmitError> {
    let problems = stack.validate();
    if problems.is_empty() { Ok(()) } else { Err(EmitError::Invalid(problems)) }
}

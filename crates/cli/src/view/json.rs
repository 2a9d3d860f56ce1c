//! The JSON that `--json` prints: one object per line, [`EventLine`]s while something runs, and last one [`ResultLine`].
//!
//! All have `type` and `version`. Within one version members may be added, and enums may get new values; nothing is
//! renamed or removed.

use std::collections::BTreeMap;

use aomidori_engine::Record;
use aomidori_engine::event::Counts;
use aomidori_model::Problem;
use aomidori_plan::{Plan, Summary};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Failure, Leftover, StepFailure};
use crate::exit::Exit;

/// The version of all lines.
pub const VERSION: u32 = 1;

/// An event of a run: `{"type": "event", "version": 1, "at_ms": …, "event": {"type": "step_finished", …}}`.
#[derive(Clone, Debug, Serialize)]
pub struct EventLine<'a, R = Record> {
    /// `event`.
    pub r#type: &'static str,
    /// The event with its time.
    #[serde(flatten)]
    pub record: &'a R,
}

impl<'a, R> EventLine<'a, R> {
    /// The line of an event.
    #[must_use]
    pub fn new(record: &'a R) -> EventLine<'a, R> {
        EventLine { r#type: "event", record }
    }
}

/// What `up` or `down` is about to do: `{"type": "plan", "version": 1, …}`, before anybody is asked.
#[derive(Clone, Debug, Serialize)]
pub struct PlanLine<'a> {
    /// `plan`.
    pub r#type: &'static str,
    /// [`VERSION`].
    pub version: u32,
    /// The plan.
    #[serde(flatten)]
    pub plan: PlanResult<'a>,
}

/// How a command ended: the last line of its output.
#[derive(Clone, Debug, Serialize)]
pub struct ResultLine<'a, T> {
    /// `result`.
    pub r#type: &'static str,
    /// [`VERSION`].
    pub version: u32,
    /// The command.
    pub command: &'static str,
    /// The exit code.
    pub exit: u8,
    /// What the command found out or did; `null` if it failed before.
    pub result: Option<T>,
    /// Why it failed, if it did.
    pub error: Option<ErrorObject<'a>>,
}

impl<'a, T: Serialize> ResultLine<'a, T> {
    /// The line of a command.
    #[must_use]
    pub fn new(command: &'static str, exit: Exit, result: Option<T>, error: Option<&'a Error>) -> ResultLine<'a, T> {
        ResultLine {
            r#type: "result",
            version: VERSION,
            command,
            exit: exit.code(),
            result,
            error: error.map(ErrorObject::new),
        }
    }
}

/// An error: what, why, and what to do.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorObject<'a> {
    /// A stable short name: `unknown_input`, `locked`, `denied`, ….
    pub code: &'static str,
    /// What happened.
    pub message: String,
    /// Why, one line each.
    pub why: Vec<String>,
    /// What to do, one line each.
    pub help: Vec<String>,
    /// What is wrong with the stack.
    #[serde(skip_serializing_if = "<[Problem]>::is_empty")]
    pub problems: &'a [Problem],
    /// Steps that failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<FailedStep<'a>>,
    /// What `down` left.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub leftovers: Vec<LeftResource<'a>>,
    /// Images to push.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<&'a str>,
    /// How the deployment ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'a aomidori_deploy::Outcome>,
}

/// A step that failed.
#[derive(Clone, Debug, Serialize)]
pub struct FailedStep<'a> {
    /// The resource.
    pub address: &'a str,
    /// The operation, as IAM names it.
    pub operation: &'a str,
    /// AWS's error code.
    pub code: Option<&'a str>,
    /// AWS's message.
    pub message: &'a str,
}

/// Something that `down` left.
#[derive(Clone, Debug, Serialize)]
pub struct LeftResource<'a> {
    /// Kind and id.
    pub what: &'a str,
    /// What holds it.
    pub held_by: &'a [String],
}

impl<'a> ErrorObject<'a> {
    fn new(error: &'a Error) -> ErrorObject<'a> {
        let mut object = ErrorObject {
            code: error.code(),
            message: error.to_string(),
            why: error.why(),
            help: error.help(),
            problems: error.problems(),
            steps: Vec::new(),
            leftovers: Vec::new(),
            images: Vec::new(),
            outcome: None,
        };
        match error {
            Error::Steps(failures) => object.steps = failures.failed.iter().map(failed).collect(),
            Error::Leftovers(leftovers) => {
                object.leftovers =
                    leftovers.iter().map(|Leftover { what, held_by }| LeftResource { what, held_by }).collect();
            }
            Error::Deployment(failure) => {
                if let Failure::Ended { outcome } = &**failure {
                    object.outcome = Some(outcome);
                }
            }
            Error::MissingImages(images) => object.images = images.iter().map(|image| image.image.as_str()).collect(),
            _ => {}
        }
        object
    }
}

fn failed(failure: &StepFailure) -> FailedStep<'_> {
    FailedStep {
        address: failure.address.as_str(),
        operation: &failure.error.operation,
        code: failure.error.code.as_deref(),
        message: &failure.error.message,
    }
}

/// What `plan` found out.
#[derive(Clone, Debug, Serialize)]
pub struct PlanResult<'a> {
    /// The stack.
    pub stack: &'a str,
    /// The account, twelve digits.
    pub account: &'a str,
    /// The region.
    pub region: &'a str,
    /// How many resources are added, changed, destroyed.
    pub summary: Summary,
    /// There is nothing to do.
    pub empty: bool,
    /// Somebody else changed something inside the stack's resources.
    pub foreign_drift: bool,
    /// How long it takes on AWS, at the least.
    pub estimate_seconds: u64,
    /// The plan in full.
    pub plan: &'a Plan,
}

/// What `up` and `down` did.
#[derive(Clone, Debug, Serialize)]
pub struct RunResult {
    /// The stack.
    pub stack: String,
    /// The account, twelve digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// How many resources were to be added, changed, destroyed.
    pub summary: Summary,
    /// How many steps ended how.
    pub counts: Counts,
    /// How long it took.
    pub took_seconds: f64,
    /// Addresses to open and names to know, by a short name (`production`, `test`). Those of the local cloud's listeners
    /// are answered on this machine.
    pub outputs: BTreeMap<String, String>,
    /// What those of `outputs` that are answered on this machine would be called on AWS; empty elsewhere.
    pub aws_names: BTreeMap<String, String>,
    /// Calls by `service:Operation`, polls and repetitions counted.
    pub calls: BTreeMap<String, u64>,
}

/// What `validate` found out: nothing is wrong. Problems are in [`ErrorObject::problems`].
#[derive(Clone, Debug, Serialize)]
pub struct ValidateResult<'a> {
    /// The stack.
    pub stack: &'a str,
    /// How many resources it has.
    pub resources: usize,
}

/// What `show` shows.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum ShowResult<'a> {
    /// The stack, as `--stack` reads it.
    Stack {
        /// The stack file.
        stack: serde_json::Value,
    },
    /// One resource.
    Resource {
        /// Its entry of the stack file.
        resource: serde_json::Value,
        /// What it refers to and what comes before it.
        needs: Vec<String>,
        /// What refers to it or comes after it.
        needed_by: Vec<String>,
    },
    /// A saved plan.
    Plan {
        /// What `plan` found out then.
        plan: Box<PlanResult<'a>>,
    },
}

/// What `emit` wrote.
#[derive(Clone, Debug, Serialize)]
pub struct EmitResult {
    /// The folder.
    pub folder: String,
    /// All files of the configuration, below it.
    pub files: Vec<String>,
    /// How many lines they have together.
    pub lines: usize,
    /// Those that are not as they were.
    pub changed: Vec<String>,
}

/// What `adopt` found, and what it did about it.
#[derive(Clone, Debug, Serialize)]
pub struct AdoptResult<'a> {
    /// The stack.
    pub stack: &'a str,
    /// The account.
    pub account: &'a str,
    /// The region.
    pub region: &'a str,
    /// What each address is.
    pub matched: Vec<Matched<'a>>,
    /// What has no place.
    pub left: Vec<LeftOut<'a>>,
    /// Addresses of which nothing is there.
    pub missing: Vec<&'a str>,
    /// What the described stack does not say of what it describes.
    pub unsaid: Vec<Unsaid<'a>>,
    /// What stands beside what is described.
    pub passed: &'a [String],
    /// What a plan would do once all is adopted.
    pub summary: Summary,
    /// It was done.
    pub adopted: bool,
}

/// Something that a stack cannot say.
#[derive(Clone, Debug, Serialize)]
pub struct Unsaid<'a> {
    /// What it is not said of.
    pub address: &'a str,
    /// What it is.
    pub what: &'a str,
}

/// One resource that was found to be an address of the stack.
#[derive(Clone, Debug, Serialize)]
pub struct Matched<'a> {
    /// The address.
    pub address: &'a str,
    /// The kind.
    pub kind: &'a str,
    /// The live id.
    pub id: &'a str,
    /// What it is called where it comes from.
    pub from: &'a str,
    /// It was this stack's already.
    pub already: bool,
    /// The fields that differ.
    pub differs: Vec<&'a str>,
}

/// Something that has no place in the stack.
#[derive(Clone, Debug, Serialize)]
pub struct LeftOut<'a> {
    /// What it is called where it comes from.
    pub from: &'a str,
    /// Why.
    pub why: &'a str,
}

/// How the local cloud is.
#[derive(Clone, Debug, Serialize)]
pub struct LocalResult {
    /// It runs.
    pub running: bool,
    /// Its endpoint, for `AWS_ENDPOINT_URL`.
    pub endpoint: Option<String>,
    /// Its process.
    pub pid: Option<u32>,
    /// Where it keeps its state.
    pub directory: String,
    /// Its account.
    pub account: Option<String>,
    /// How many times faster than real time it runs; `null` if its clock is stepped by hand.
    pub speed: Option<f64>,
    /// Its time.
    pub now: Option<String>,
    /// How many resources there are, by region and kind.
    pub resources: serde_json::Value,
    /// Its load balancers' listeners, each a port of this machine.
    pub traffic: Vec<LocalPort>,
    /// Variables with which AWS's tools talk to it.
    pub environment: BTreeMap<String, String>,
}

/// A listener of a load balancer of the local cloud, and the port of this machine that answers for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "camelCase"))]
pub struct LocalPort {
    /// The region of the load balancer.
    pub region: String,
    /// The load balancer's name.
    pub load_balancer: String,
    /// The listener's ARN.
    pub listener_arn: String,
    /// The listener's port, such as 80.
    pub port: u16,
    /// The listener's protocol. On this machine both are plain HTTP.
    pub protocol: String,
    /// The port on 127.0.0.1.
    pub local_port: u16,
    /// `http://127.0.0.1:PORT/`
    pub url: String,
}

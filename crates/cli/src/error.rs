//! What can go wrong in a command: what happened, why, and what to do next, and the exit code that it means.

mod advice;
pub(crate) mod deployment;

use std::io;
use std::path::PathBuf;

use aomidori_engine::{CloudError, ErrorKind, Lease};
use aomidori_model::stack::ReadError;
use aomidori_model::{Address, Problem};

use crate::app::BoxError;
use crate::args::Target;
use crate::exit::Exit;
pub use deployment::Failure;

/// An expected failure. Anything else is a bug, and [`Error::Bug`] says so.
///
/// `Display` says what happened; [`Error::why`] and [`Error::help`] say the rest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A `--set` that is not `KEY=VALUE`.
    #[error("`--set {given}` sets nothing")]
    NotAnAssignment {
        /// What was given.
        given: String,
    },
    /// An input that the stack does not have.
    #[error("the stack has no input `{key}`")]
    UnknownInput {
        /// Its name.
        key: String,
        /// Where it was set.
        origin: String,
        /// The inputs that it has.
        known: Vec<String>,
    },
    /// Inputs with values that they do not take.
    #[error("{}", invalid_inputs_headline(.0))]
    InvalidInputs(Vec<InvalidValue>),
    /// The host's function failed in some other way.
    #[error("the stack cannot be made")]
    Build(#[source] BoxError),
    /// A flag's variable has a value that the flag does not take.
    #[error("{origin} is `{value}`, which is not {takes}")]
    Setting {
        /// Where the value comes from.
        origin: String,
        /// The value.
        value: String,
        /// What it takes.
        takes: String,
    },
    /// Import blocks were asked for, and what they would import is not live.
    #[error("{} of the stack have no live id to import", count(.missing.len(), "resource"))]
    NothingToImport {
        /// The resources, with Terraform's types.
        missing: Vec<String>,
        /// Where they were looked for.
        region: String,
    },
    /// Inputs were set, and the stack is read from a file, which takes none.
    #[error("inputs mean nothing to a stack that is read from a file")]
    InputsWithStackFile {
        /// Where they were set.
        origins: Vec<String>,
    },
    /// An env file that cannot be read.
    #[error("the env file {} cannot be read", .path.display())]
    EnvFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line of an env file that is not an assignment.
    #[error("{} is not an env file: `{line}`", .path.display())]
    EnvLine {
        /// The file.
        path: PathBuf,
        /// The line.
        line: String,
    },
    /// A variable of ours in an env file that nothing reads.
    #[error("nothing reads the variable `{variable}` of {}", .path.display())]
    UnknownVariable {
        /// The variable.
        variable: String,
        /// The file.
        path: PathBuf,
        /// Variables that are read.
        known: Vec<String>,
    },
    /// A file that cannot be read.
    #[error("{what} {} cannot be read", .path.display())]
    Read {
        /// What it is, with its article.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that cannot be written.
    #[error("{what} {} cannot be written", .path.display())]
    Write {
        /// What it is, with its article.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A stack file that is none.
    #[error("{} is not a stack that this program can use", .path.display())]
    StackFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ReadError,
    },
    /// The stack has problems.
    #[error("the stack has {}", count(.0.len(), "problem"))]
    InvalidStack(Vec<Problem>),
    /// A plan file that is none, or of another version.
    #[error("{} is not a plan that this program can use", .path.display())]
    PlanFile {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The environment has changed since a plan was saved.
    #[error("the plan in {} is stale", .path.display())]
    StalePlan {
        /// The file.
        path: PathBuf,
        /// What is different.
        why: Vec<String>,
    },
    /// The plan cannot be made.
    #[error("the plan cannot be made")]
    Plan {
        /// Why, one line each.
        why: Vec<String>,
        /// What to do about it.
        help: Vec<String>,
        /// Something that does not carry the stack's mark is in the way.
        foreign: bool,
    },
    /// No resource has this address.
    #[error("the stack has no resource `{address}`")]
    NoSuchAddress {
        /// The address.
        address: String,
        /// The closest that it has.
        closest: Vec<String>,
    },
    /// The credentials are for another account than the one asked for.
    #[error("these credentials are for account {found}, and only {wanted} may be touched")]
    WrongAccount {
        /// The account that the credentials are for.
        found: String,
        /// The account asked for.
        wanted: String,
        /// Where it was asked for.
        origin: String,
    },
    /// Something that is to be deleted or replaced is protected from it, and the run would end half way.
    #[error("{} protected from deletion, and nothing was changed", are(.0.len(), "resource"))]
    Protected(Vec<Address>),
    /// A change was not confirmed.
    #[error("`{action}` was not confirmed, and nothing was changed")]
    Unconfirmed {
        /// The command.
        action: &'static str,
        /// There was nobody to ask.
        nobody: bool,
    },
    /// Another run holds the stack's lock.
    #[error("the stack `{stack}` is locked by another run")]
    Locked {
        /// The stack.
        stack: String,
        /// Who holds it; `None` if it was given back in the meantime.
        lease: Option<Lease>,
    },
    /// The cloud refused, or could not be reached.
    #[error("{}", cloud_headline(.error))]
    Cloud {
        /// The error.
        error: CloudError,
        /// Who was talked to.
        whom: Box<Whom>,
    },
    /// The local cloud does not run and cannot be started, or does not answer.
    #[error("{what}")]
    LocalCloud {
        /// What happened.
        what: String,
        /// Why.
        why: Vec<String>,
        /// What to do.
        help: Vec<String>,
    },
    /// Everything was done, and still it is not as the stack says.
    #[error("everything was done, and still {}", would(.0.len()))]
    NotConverged(Vec<Address>),
    /// Somebody else has taken the lock, or it has expired, while a change was being made.
    #[error("the lock was lost on the way")]
    LockLost {
        /// What is done and what remains.
        why: Vec<String>,
    },
    /// Some steps failed; what did not need them was done.
    #[error("{} failed", count(.0.failed.len(), "step"))]
    Steps(StepFailures),
    /// Images that services need are not there.
    #[error("{} not in the repository yet", are(.0.len(), "image"))]
    MissingImages(Vec<MissingImage>),
    /// Something is left after `down`.
    #[error("{} left", are(.0.len(), "resource"))]
    Leftovers(Vec<Leftover>),
    /// Interrupted.
    #[error("interrupted")]
    Interrupted {
        /// What is done and what remains.
        why: Vec<String>,
        /// How to go on.
        help: Vec<String>,
    },
    /// The stack cannot be said in another tool's language.
    #[error("the stack cannot be emitted")]
    Emit(#[source] Box<aomidori_hcl::EmitError>),
    /// The stack cannot be written in the language of a tool that deploys.
    #[error("the stack cannot be emitted")]
    EmitFor(#[source] Box<aomidori_emit::EmitError>),
    /// What would be emitted is not what Terraform made from the folder.
    #[error("with what would be written to {}, Terraform would destroy what is live", path.display())]
    WouldDestroy {
        /// The folder.
        path: PathBuf,
        /// Why, one line each.
        why: Vec<String>,
    },
    /// Files that were edited are in the way of what is emitted.
    #[error("{} was edited", .path.display())]
    Overwrite {
        /// The folder.
        path: PathBuf,
        /// What would be lost, one line each.
        why: Vec<String>,
    },
    /// A deployment cannot be made, or did not end as asked.
    #[error(transparent)]
    Deployment(Box<Failure>),
    /// A Terraform state that cannot be read.
    #[error("{place} cannot be adopted from")]
    State {
        /// Where it is.
        place: String,
        /// Why.
        source: aomidori_adopt::StateError,
    },
    /// A Terraform state in S3 that cannot be read.
    #[error("{place} cannot be read")]
    StateObject {
        /// Where it is.
        place: String,
        /// Why.
        source: aomidori_aws::S3Error,
    },
    /// Some of what shall be taken over is another stack's.
    #[error("{} to another stack", belong(.0.len()))]
    OwnedByOthers(Vec<String>),
    /// A bug in this program.
    #[error("a bug in this program: {0}")]
    Bug(String),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        Error::Deployment(Box::new(failure))
    }
}

impl From<aomidori_deploy::SiteError> for Error {
    fn from(error: aomidori_deploy::SiteError) -> Error {
        Failure::from(error).into()
    }
}

/// An input's value that is not what it takes.
#[derive(Debug)]
pub struct InvalidValue {
    /// The input.
    pub key: String,
    /// The value.
    pub value: String,
    /// Where it was set.
    pub origin: String,
    /// What is wrong with it.
    pub why: String,
    /// What the input is for.
    pub help: Option<String>,
}

/// Steps that failed, and how many were not taken because of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepFailures {
    /// The failures, first to last.
    pub failed: Vec<StepFailure>,
    /// Steps that were not taken because one that they need failed.
    pub skipped: usize,
    /// Steps that are done.
    pub done: usize,
    /// Who called, where that matters.
    pub caller: Option<String>,
}

/// A step that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepFailure {
    /// The resource.
    pub address: Address,
    /// What was being done (`creating`).
    pub doing: &'static str,
    /// The error.
    pub error: CloudError,
    /// What holds the resource, one line each, as far as is known.
    pub held_by: Vec<String>,
}

/// An image that a task definition names and no repository has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingImage {
    /// The full reference.
    pub image: String,
    /// The repository's registry host.
    pub registry: String,
    /// Who needs it.
    pub needed_by: Address,
}

/// Something that `down` did not remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// What it is: a kind and an id.
    pub what: String,
    /// What holds it, one line each.
    pub held_by: Vec<String>,
}

/// Who was talked to when a cloud refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whom {
    /// Which cloud.
    pub target: Option<Target>,
    /// The profile, if one was named.
    pub profile: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The endpoint, if it is not AWS's own.
    pub endpoint: Option<String>,
    /// The caller's ARN, if it is known.
    pub caller: Option<String>,
}

impl Error {
    /// The exit code that it means.
    pub fn exit(&self) -> Exit {
        match self {
            Error::StalePlan { .. }
            | Error::WrongAccount { .. }
            | Error::Protected(_)
            | Error::Unconfirmed { .. }
            | Error::Locked { .. }
            | Error::LockLost { .. }
            | Error::MissingImages(_)
            | Error::OwnedByOthers(_)
            | Error::WouldDestroy { .. }
            | Error::Overwrite { .. } => Exit::Refused,
            Error::Deployment(failure) => failure.exit(),
            Error::Leftovers(_) | Error::Plan { foreign: true, .. } => Exit::LeftoversOrDrift,
            Error::Interrupted { .. } => Exit::Interrupted,
            Error::NotAnAssignment { .. }
            | Error::UnknownInput { .. }
            | Error::InvalidInputs(_)
            | Error::Build(_)
            | Error::Setting { .. }
            | Error::NothingToImport { .. }
            | Error::InputsWithStackFile { .. }
            | Error::EnvFile { .. }
            | Error::EnvLine { .. }
            | Error::UnknownVariable { .. }
            | Error::Read { .. }
            | Error::Write { .. }
            | Error::StackFile { .. }
            | Error::InvalidStack(_)
            | Error::PlanFile { .. }
            | Error::Plan { foreign: false, .. }
            | Error::NotConverged(_)
            | Error::NoSuchAddress { .. }
            | Error::Cloud { .. }
            | Error::LocalCloud { .. }
            | Error::Steps(_)
            | Error::Emit(_)
            | Error::EmitFor(_)
            | Error::State { .. }
            | Error::StateObject { .. }
            | Error::Bug(_) => Exit::Error,
        }
    }

    /// A stable short name, for scripts that read the JSON result.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Error::NotAnAssignment { .. } | Error::UnknownInput { .. } => "unknown_input",
            Error::InvalidInputs(_) | Error::Build(_) => "invalid_input",
            Error::Setting { .. } | Error::InputsWithStackFile { .. } => "invalid_setting",
            Error::NothingToImport { .. } => "nothing_to_import",
            Error::EnvFile { .. } | Error::EnvLine { .. } | Error::UnknownVariable { .. } => "env_file",
            Error::Read { .. } | Error::Write { .. } => "file",
            Error::StackFile { .. } => "stack_file",
            Error::InvalidStack(_) => "invalid_stack",
            Error::PlanFile { .. } => "plan_file",
            Error::StalePlan { .. } => "stale_plan",
            Error::Plan { .. } => "plan",
            Error::NoSuchAddress { .. } => "no_such_address",
            Error::WrongAccount { .. } => "wrong_account",
            Error::Protected(_) => "protected",
            Error::Unconfirmed { .. } => "unconfirmed",
            Error::Locked { .. } => "locked",
            Error::Cloud { error, .. } => match error.kind {
                ErrorKind::Credentials => "credentials",
                ErrorKind::Denied => "denied",
                ErrorKind::Unreachable => "unreachable",
                _ => "cloud",
            },
            Error::LocalCloud { .. } => "local_cloud",
            Error::NotConverged(_) => "not_converged",
            Error::LockLost { .. } => "lock_lost",
            Error::Steps(_) => "steps_failed",
            Error::MissingImages(_) => "missing_images",
            Error::Leftovers(_) => "leftovers",
            Error::Interrupted { .. } => "interrupted",
            Error::Emit(_) | Error::EmitFor(_) => "emit",
            Error::WouldDestroy { .. } => "would_destroy",
            Error::Overwrite { .. } => "overwrite",
            Error::Deployment(failure) => failure.code(),
            Error::State { .. } | Error::StateObject { .. } => "tfstate",
            Error::OwnedByOthers(_) => "owned_by_others",
            Error::Bug(_) => "bug",
        }
    }

    /// The problems of the stack that it reports, if it does.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match self {
            Error::InvalidStack(problems) => problems,
            Error::StackFile { source: ReadError::Problems(problems), .. } => problems,
            _ => &[],
        }
    }
}

fn belong(n: usize) -> String {
    let verb = if n == 1 { "belongs" } else { "belong" };
    format!("{} {verb}", count(n, "resource"))
}

fn invalid_inputs_headline(inputs: &[InvalidValue]) -> String {
    match inputs {
        [one] => format!("the input `{}` cannot be `{}`", one.key, one.value),
        many => format!("{} have values that they do not take", count(many.len(), "input")),
    }
}

fn cloud_headline(error: &CloudError) -> String {
    match error.kind {
        ErrorKind::Credentials if expired(error) => "the credentials have expired".to_owned(),
        ErrorKind::Credentials => "there are no credentials that AWS accepts".to_owned(),
        ErrorKind::Denied => format!("`{}` was denied", error.operation),
        ErrorKind::Unreachable => "the endpoint cannot be reached".to_owned(),
        ErrorKind::Quota => format!("`{}` was refused: a quota is used up", error.operation),
        ErrorKind::Unsupported => format!("this endpoint does not have `{}`", error.operation),
        ErrorKind::Throttled => format!("`{}` was throttled to the end", error.operation),
        ErrorKind::Unknown => format!("`{}` was not answered", error.operation),
        ErrorKind::Underway => format!("`{}` did not come to its end", error.operation),
        ErrorKind::Bug => format!("a bug in this program: {}", error.message),
        ErrorKind::NotYet | ErrorKind::InUse | ErrorKind::NotFound | ErrorKind::AlreadyExists | ErrorKind::Refused => {
            format!("`{}` was refused", error.operation)
        }
    }
}

/// True for the codes with which AWS says that credentials were good once.
fn expired(error: &CloudError) -> bool {
    let code = error.code.as_deref().unwrap_or_default();
    matches!(code, "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" | "TokenRefreshRequired")
        || error.message.to_ascii_lowercase().contains("expired")
}

/// `1 step`, `2 steps`.
pub(crate) fn count(number: usize, what: &str) -> String {
    let plural = match (number, what.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{number} {what}{plural}")
}

fn would(steps: usize) -> String {
    match steps {
        1 => "a plan made now has 1 step".to_owned(),
        many => format!("a plan made now has {many} steps"),
    }
}

/// `1 image is`, `2 images are`.
fn are(number: usize, what: &str) -> String {
    format!("{} {}", count(number, what), if number == 1 { "is" } else { "are" })
}

/// The texts among `known` that somebody may have meant by `text`, best first.
pub(crate) fn closest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut scored: Vec<(f64, &str)> = known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(text, candidate), candidate))
        .filter(|(score, _)| *score > 0.82)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().map(|(_, candidate)| candidate).take(3).collect()
}

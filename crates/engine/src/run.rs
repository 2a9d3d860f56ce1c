//! `up` and `down` as a whole, for programs that embed them: guard, lease, observe, plan, approval, apply, and the
//! confirmation that it is as it should be.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;

use aomidori_model::{Address, KindName, Problem, Stack};
use aomidori_plan::{Action, Mode, Notice, Observation, Plan, PlanError, Status, Step};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use crate::apply::{Work, apply_under_lease};
use crate::cloud::{Cloud, CloudError, ErrorKind, Lease};
use crate::event::{Event, Events, Interruption, Phase, millis};
use crate::lease;
use crate::options::{ApplyOptions, Patience};
use crate::outcome::Outcome;

/// How [`up`] and [`down`] work.
#[derive(Clone, Debug, PartialEq)]
pub struct RunOptions {
    /// How the plan is carried out. Its `run` is the holder of the lease.
    pub apply: ApplyOptions,
    /// The account that it must be; nothing is written to another.
    pub account: Option<String>,
    /// The host and process, shown to others who want the lease.
    pub host: String,
    /// How long the lease is good for without being renewed; it is renewed three times as often.
    pub lease: std::time::Duration,
    /// Takes the lease whoever holds it.
    pub break_lock: bool,
    /// Validates the stack first; `false` for one that was validated already.
    pub validate: bool,
    /// Carries out nothing but changes of tags: what takes over resources of others that the cloud looks at as this
    /// stack's. All else is left as it is, and is no reason not to be done.
    pub tags_only: bool,
    /// A plan that was approved before; the run is refused if it would do anything else now.
    pub approved: Option<Plan>,
}

impl RunOptions {
    /// The defaults for AWS.
    pub fn new(apply: ApplyOptions) -> RunOptions {
        RunOptions {
            apply,
            account: None,
            host: String::new(),
            lease: std::time::Duration::from_secs(60),
            break_lock: false,
            validate: true,
            tags_only: false,
            approved: None,
        }
    }
}

/// What was observed, and what is to be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What is live.
    pub observation: Observation,
    /// What is to be done.
    pub plan: Plan,
}

/// What a run of [`up`] or [`down`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How it ended.
    pub end: End,
    /// What was planned.
    pub planned: Planned,
    /// What became of each step; `None` if there were none, or it was interrupted before.
    pub outcome: Option<Outcome>,
    /// What is live at the end, where it was read again.
    pub after: Option<Observation>,
    /// After `up`: what a plan made then would still do.
    pub left: Option<Plan>,
    /// After `down`: what is still there.
    pub leftovers: Vec<Leftover>,
}

/// How a run ended. The exit codes are those of the command line's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// There was nothing to do (0).
    NothingToDo,
    /// Everything was done, and confirmed (0).
    Done,
    /// A step failed (1).
    Failed,
    /// Every step was done, and still a plan made afterwards is not empty (1).
    NotConverged,
    /// Something of the stack is still there after `down` (3).
    Leftovers,
    /// The lease was lost; what was in flight was finished (5).
    LeaseLost,
    /// It was interrupted (130).
    Interrupted,
}

/// Something that is still there after `down`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Its address.
    pub address: Address,
    /// Its kind.
    pub kind: KindName,
    /// Its id.
    pub id: String,
    /// How it is.
    pub status: Status,
    /// What holds it, one line each.
    pub holders: Vec<String>,
}

/// Why a run did not begin to change anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunError {
    /// The stack is not valid; everything that is wrong with it (1).
    Invalid(Vec<Problem>),
    /// There is no plan; everything that stands in its way (1; 3 where it is foreign).
    Plan(PlanError),
    /// It is another account (5).
    WrongAccount {
        /// The account that it must be.
        expected: String,
        /// The account that it is.
        found: String,
    },
    /// Another run holds the stack's lease (5).
    Locked(Lease),
    /// These are to be deleted and protected from it, so that the run would end half way (5).
    Protected(Vec<Address>),
    /// Not approved (5).
    NotApproved,
    /// The plan that was approved is not what would be done now (5).
    Stale(Vec<Difference>),
    /// It was interrupted before there was a plan (130; 5 if the lease was lost).
    Interrupted(Interruption),
    /// A call failed that the run cannot do without (1).
    Cloud {
        /// What for: `read what is live`.
        doing: &'static str,
        /// Why.
        error: CloudError,
    },
}

/// What differs between an approved plan and the one that would be carried out now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It is for another stack.
    Stack,
    /// It builds up where the other tears down, or the reverse.
    Mode,
    /// A step that was approved is not needed any more.
    Gone(Box<Step>),
    /// A step is needed that was not approved.
    New(Box<Step>),
    /// The same step differs: its fields, its order or its reason.
    Changed {
        /// As approved.
        approved: Box<Step>,
        /// As it would be done now.
        now: Box<Step>,
    },
}

/// Observes and plans. Takes no lease and writes nothing.
///
/// # Errors
/// The stack is not valid, it is another account, a read failed, or there is no plan.
pub async fn preview<C: Cloud>(
    cloud: &C,
    stack: &Stack,
    mode: Mode,
    options: &RunOptions,
    events: &Events,
) -> Result<Planned, RunError> {
    validate(stack, mode, options)?;
    let planned = observe_and_plan(cloud, stack, mode, options, events).await?;
    guard(options, &planned.observation.account)?;
    Ok(planned)
}

/// Makes live what the stack says: takes the lease, observes, plans, asks `approve`, applies, and confirms that a plan
/// made afterwards is empty. Nothing is done if something that would be deleted or replaced is seen to be protected from it.
///
/// `approve` is asked only if there is something to do and no approved plan was given. It runs inside the run's task,
/// which renews the lease meanwhile: it must not block the thread.
///
/// # Errors
/// Nothing was changed; why. What happens later is in the [`Report`].
pub async fn up<C: Cloud>(
    cloud: &C,
    stack: &Stack,
    options: &RunOptions,
    approve: impl AsyncFnOnce(&Planned) -> bool,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<Report, RunError> {
    run(cloud, stack, Mode::Converge, options, approve, events, cancel).await
}

/// Removes everything that carries the stack's mark, and looks for leftovers afterwards; nothing, if some of it is seen to
/// be protected from deletion. Otherwise as [`up`].
///
/// # Errors
/// As [`up`].
pub async fn down<C: Cloud>(
    cloud: &C,
    stack: &Stack,
    options: &RunOptions,
    approve: impl AsyncFnOnce(&Planned) -> bool,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<Report, RunError> {
    run(cloud, stack, Mode::Destroy, options, approve, events, cancel).await
}

async fn run<C: Cloud>(
    cloud: &C,
    stack: &Stack,
    mode: Mode,
    options: &RunOptions,
    approve: impl AsyncFnOnce(&Planned) -> bool,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<Report, RunError> {
    validate(stack, mode, options)?;
    if options.account.is_some() {
        let identity = persist(&options.apply.retry, events, || cloud.identity())
            .await
            .map_err(|error| RunError::Cloud { doing: "find out which account this is", error })?;
        guard(options, &identity.account)?;
    }
    events.send(Event::Phase { phase: Phase::Lease });
    let request = lease::request(stack, mode, options);
    lease::take(cloud, &request, &options.apply.retry, events).await?;

    let (over, lost) = (CancellationToken::new(), CancellationToken::new());
    let body = async {
        let result = under_lease(cloud, stack, mode, options, approve, events, (cancel, &lost)).await;
        over.cancel();
        result
    };
    let (result, ()) = tokio::join!(body, lease::keep(cloud, &request, events, &over, &lost));
    if !lost.is_cancelled() {
        lease::release(cloud, &request, &options.apply.retry, events).await;
    }
    result
}

async fn under_lease<C: Cloud>(
    cloud: &C,
    stack: &Stack,
    mode: Mode,
    options: &RunOptions,
    approve: impl AsyncFnOnce(&Planned) -> bool,
    events: &Events,
    (cancel, lost): (&CancellationToken, &CancellationToken),
) -> Result<Report, RunError> {
    let planned = tokio::select! {
        planned = observe_and_plan(cloud, stack, mode, options, events) => planned?,
        why = interruption(cancel, lost) => return Err(RunError::Interrupted(why)),
    };
    guard(options, &planned.observation.account)?;
    let mut report = Report { end: End::Done, planned, outcome: None, after: None, left: None, leftovers: Vec::new() };
    if let Some(approved) = &options.approved {
        let differences = differences(approved, &report.planned.plan);
        if !differences.is_empty() {
            return Err(RunError::Stale(differences));
        }
    }
    if report.planned.plan.is_empty() {
        report.end = End::NothingToDo;
        return Ok(report);
    }
    deletable(cloud, &report.planned).await?;
    if options.approved.is_none() {
        events.send(Event::Phase { phase: Phase::Approve });
        let approved = tokio::select! {
            approved = approve(&report.planned) => Ok(approved),
            why = interruption(cancel, lost) => Err(why),
        };
        match approved {
            Ok(true) => {}
            Ok(false) => return Err(RunError::NotApproved),
            Err(why) => {
                report.end = ended(why);
                return Ok(report);
            }
        }
    }
    events.send(Event::Phase { phase: Phase::Apply });
    let Planned { observation, plan } = &report.planned;
    let work = Work { plan, stack, observation, tags_only: options.tags_only && mode == Mode::Converge };
    let outcome = apply_under_lease(cloud, work, &options.apply, events, (cancel, lost)).await;
    let (done, interrupted) = (outcome.is_done(), outcome.interrupted);
    report.outcome = Some(outcome);
    report.end = match interrupted {
        Some(why) => ended(why),
        None if done => End::Done,
        None => End::Failed,
    };
    if interrupted.is_some() {
        return Ok(report);
    }
    events.send(Event::Phase { phase: Phase::Confirm });
    let confirmed = async {
        match mode {
            Mode::Converge => confirm(cloud, stack, options, events, &mut report).await,
            Mode::Destroy => audit(cloud, stack, options, events, &mut report).await,
        }
    };
    // Everything is done by now; only the confirmation is given up.
    let confirmed = tokio::select! {
        confirmed = confirmed => Ok(confirmed),
        () = cancel.cancelled() => Err(End::Interrupted),
    };
    match confirmed {
        Ok(confirmed) => confirmed?,
        Err(end) => report.end = end,
    }
    Ok(report)
}

async fn interruption(cancel: &CancellationToken, lost: &CancellationToken) -> Interruption {
    tokio::select! {
        () = cancel.cancelled() => Interruption::Asked,
        () = lost.cancelled() => Interruption::LeaseLost,
    }
}

fn ended(why: Interruption) -> End {
    match why {
        Interruption::Asked => End::Interrupted,
        Interruption::LeaseLost => End::LeaseLost,
    }
}

/// After `up`: a plan made now must be empty.
async fn confirm<C: Cloud>(
    cloud: &C,
    stack: &Stack,
    options: &RunOptions,
    events: &Events,
    report: &mut Report,
) -> Result<(), RunError> {
    if report.end != End::Done {
        return Ok(());
    }
    for again in 0..3 {
        let now = read(cloud, stack, options, events).await?;
        let plan = planned(stack, &now, options)?;
        report.after = Some(now);
        if plan.is_empty() {
            (report.left, report.end) = (None, End::Done);
            return Ok(());
        }
        (report.left, report.end) = (Some(plan), End::NotConverged);
        // What was just changed may not be visible yet.
        tokio::time::sleep(options.apply.retry.pace.interval(again)).await;
    }
    Ok(())
}

/// After `down`: nothing of the stack may be there.
async fn audit<C: Cloud>(
    cloud: &C,
    stack: &Stack,
    options: &RunOptions,
    events: &Events,
    report: &mut Report,
) -> Result<(), RunError> {
    let attempts = if report.end == End::Done { 3 } else { 1 };
    for again in 0..attempts {
        if again > 0 {
            tokio::time::sleep(options.apply.retry.pace.interval(again)).await;
        }
        let now = read(cloud, stack, options, events).await?;
        let clean = now.ours().next().is_none();
        report.after = Some(now);
        if clean {
            return Ok(());
        }
    }
    let after = report.after.as_ref();
    for (address, found) in after.iter().flat_map(|after| after.ours()) {
        let holders = cloud.holders(found).await;
        events.send(Event::Leftover {
            kind: found.kind,
            address: address.clone(),
            id: found.id.clone(),
            holders: holders.clone(),
        });
        report.leftovers.push(Leftover {
            address: address.clone(),
            kind: found.kind,
            id: found.id.clone(),
            status: found.status.clone(),
            holders,
        });
    }
    report.end = End::Leftovers;
    Ok(())
}

async fn observe_and_plan<C: Cloud>(
    cloud: &C,
    stack: &Stack,
    mode: Mode,
    options: &RunOptions,
    events: &Events,
) -> Result<Planned, RunError> {
    events.send(Event::Phase { phase: Phase::Observe });
    let observation = read(cloud, stack, options, events).await?;
    events.send(Event::Phase { phase: Phase::Plan });
    let plan = match mode {
        Mode::Converge => planned(stack, &observation, options)?,
        Mode::Destroy => aomidori_plan::destroy(stack, &observation).map_err(RunError::Plan)?,
    };
    Ok(Planned { plan, observation })
}

fn planned(stack: &Stack, have: &Observation, options: &RunOptions) -> Result<Plan, RunError> {
    let plan = match options.tags_only {
        true => aomidori_plan::tags(stack, have),
        false => aomidori_plan::plan(stack, have),
    };
    plan.map_err(RunError::Plan)
}

async fn read<C: Cloud>(
    cloud: &C,
    stack: &Stack,
    options: &RunOptions,
    events: &Events,
) -> Result<Observation, RunError> {
    persist(&options.apply.retry, events, || cloud.observe(stack))
        .await
        .map_err(|error| RunError::Cloud { doing: "read what is live", error })
}

fn validate(stack: &Stack, mode: Mode, options: &RunOptions) -> Result<(), RunError> {
    // What is wrong with a stack is no reason to keep it alive.
    let problems = if mode == Mode::Converge && options.validate { stack.validate() } else { Vec::new() };
    if problems.is_empty() { Ok(()) } else { Err(RunError::Invalid(problems)) }
}

fn guard(options: &RunOptions, found: &str) -> Result<(), RunError> {
    match &options.account {
        Some(expected) if expected != found => {
            Err(RunError::WrongAccount { expected: expected.clone(), found: found.to_owned() })
        }
        Some(_) | None => Ok(()),
    }
}

/// How many resources are asked about at once.
const ASKED_AT_ONCE: usize = 16;

/// Refuses to begin deleting or replacing what AWS would keep: protection is met late, when most of the stack is changed or
/// gone already.
async fn deletable<C: Cloud>(cloud: &C, planned: &Planned) -> Result<(), RunError> {
    let deleted = planned.plan.steps.iter().filter(|step| step.action == Action::Delete);
    let deleted: BTreeSet<(&Address, &str)> =
        deleted.filter_map(|step| Some((&step.address, step.live.as_deref()?))).collect();
    // What is on its way out was not protected.
    let stays = planned.observation.ours().filter(|(address, found)| {
        deleted.contains(&(*address, found.id.as_str())) && !matches!(found.status, Status::Deleting(_))
    });
    let asked: Vec<_> =
        stays.map(|(address, found)| async move { Ok((address, cloud.is_protected(found).await?)) }.boxed()).collect();
    let answers: Result<Vec<(&Address, bool)>, CloudError> =
        stream::iter(asked).buffered(ASKED_AT_ONCE).try_collect().await;
    let answers = answers.map_err(|error| RunError::Cloud { doing: "read what is protected from deletion", error })?;
    let mut kept: Vec<Address> =
        answers.into_iter().filter(|(_, protected)| *protected).map(|(address, _)| address.clone()).collect();
    kept.sort();
    if kept.is_empty() { Ok(()) } else { Err(RunError::Protected(kept)) }
}

fn differences(approved: &Plan, now: &Plan) -> Vec<Difference> {
    let mut differences = Vec::new();
    if approved.stack != now.stack {
        differences.push(Difference::Stack);
    }
    if approved.mode != now.mode {
        differences.push(Difference::Mode);
    }
    for difference in aomidori_plan::differences(approved, now) {
        let find = |plan: &Plan| {
            let is = |step: &&Step| {
                (&step.address, step.kind, step.action) == (&difference.address, difference.kind, difference.action)
            };
            plan.steps.iter().find(is).cloned().map(Box::new)
        };
        differences.extend(match (difference.how, find(approved), find(now)) {
            (aomidori_plan::Difference::NoLongerNeeded, Some(gone), _) => Some(Difference::Gone(gone)),
            (aomidori_plan::Difference::NeededNow, _, Some(new)) => Some(Difference::New(new)),
            (aomidori_plan::Difference::Changed, Some(approved), Some(now)) => {
                Some(Difference::Changed { approved, now })
            }
            _ => None,
        });
    }
    differences
}

/// Makes a call that is safe to repeat until it is answered, or its patience is at an end.
pub(crate) async fn persist<T, F>(
    patience: &Patience,
    events: &Events,
    mut call: impl FnMut() -> F,
) -> Result<T, CloudError>
where
    F: Future<Output = Result<T, CloudError>>,
{
    let mut tries = 0;
    loop {
        let error = match call().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        tries += 1;
        let again = matches!(error.kind, ErrorKind::Throttled | ErrorKind::NotYet | ErrorKind::Unknown);
        if !again || tries > patience.unknown {
            return Err(error);
        }
        let after = patience.throttled_pace.interval(tries - 1);
        events.send(Event::CallRetrying { error, tries, next_ms: millis(after) });
        tokio::time::sleep(after).await;
    }
}

impl Report {
    /// What somebody added to the stack's resources: shown, and left alone.
    pub fn foreign_drift(&self) -> impl Iterator<Item = &Notice> {
        self.planned.plan.notices.iter().filter(|notice| matches!(notice, Notice::ForeignDrift { .. }))
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Invalid(problems) => write!(f, "the stack has {} problem(s)", problems.len()),
            RunError::Plan(error) => error.fmt(f),
            RunError::WrongAccount { expected, found } => {
                write!(f, "this is account {found}, and account {expected} is expected")
            }
            RunError::Locked(lease) => {
                write!(f, "another run ({} on {}) holds the stack's lease", lease.purpose, lease.host)
            }
            RunError::Protected(kept) => {
                let kept: Vec<&str> = kept.iter().map(Address::as_str).collect();
                write!(
                    f,
                    "nothing was changed: {} cannot be deleted while deletion protection is on; switch it off first, by an \
                     `up` that changes nothing else or in the console, then run this again",
                    kept.join(", ")
                )
            }
            RunError::NotApproved => f.write_str("the plan was not approved"),
            RunError::Stale(differences) => {
                write!(f, "the approved plan is out of date in {} place(s)", differences.len())
            }
            RunError::Interrupted(Interruption::Asked) => f.write_str("interrupted before there was a plan"),
            RunError::Interrupted(Interruption::LeaseLost) => {
                f.write_str("the stack's lease was lost before there was a plan")
            }
            RunError::Cloud { doing, .. } => write!(f, "could not {doing}"),
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RunError::Cloud { error, .. } => Some(error),
            _ => None,
        }
    }
}

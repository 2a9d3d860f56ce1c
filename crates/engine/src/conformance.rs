//! One suite that any [`Cloud`] passes for a given stack: the fake, the AWS driver against a local cloud, and an account.
//!
//! It builds the stack from nothing, changes it, interrupts a run, locks out another one, and tears everything down.
//! After each of these a plan must be empty.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aomidori_model::{Address, Stack};
use aomidori_plan::{Action, Mode, Observation, Ownership, Status};
use tokio_util::sync::CancellationToken;

use crate::cloud::{Cloud, LeaseRequest};
use crate::event::{Event, Events};
use crate::options::ApplyOptions;
use crate::run::{End, Report, RunError, RunOptions, down, preview, up};

/// What the suite does.
#[derive(Clone, Debug)]
pub struct Suite {
    /// What is built first.
    pub stack: Stack,
    /// What it is changed to, one after another, with a name for each and what a plan must hold for it.
    pub variants: Vec<Variant>,
    /// How plans are carried out; its `run` is the beginning of each run's id.
    pub apply: ApplyOptions,
    /// After how many answered steps the interrupted run is interrupted.
    pub interrupt_after: usize,
}

/// One change of the stack.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its name, for messages.
    pub name: String,
    /// The stack afterwards.
    pub stack: Stack,
    /// An action that its plan must hold, and where.
    pub expect: Option<(Address, Action)>,
}

/// Where a cloud does not conform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonconformance {
    /// Where in the suite.
    pub at: String,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Nonconformance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

impl std::error::Error for Nonconformance {}

impl Suite {
    /// The suite for a stack, with the changes that fit any: a tag on everything, its removal, and a resource less.
    pub fn new(stack: Stack, apply: ApplyOptions) -> Suite {
        let mut tagged = stack.clone();
        tagged.tags.insert("conformance".to_owned(), "yes".to_owned());
        let variant = |name: &str, stack: Stack| Variant { name: name.to_owned(), stack, expect: None };
        let mut variants = vec![variant("a tag on everything", tagged), variant("no such tag", stack.clone())];
        if let Some(leaf) = leaf(&stack) {
            let mut fewer = stack.clone();
            fewer.remove(&leaf);
            let expect = Some((leaf, Action::Delete));
            variants.push(Variant { name: "a resource less".to_owned(), stack: fewer, expect });
            variants.push(variant("the same again", stack.clone()));
        }
        Suite { stack, variants, apply, interrupt_after: 7 }
    }

    /// Adds a change: an update, a replacement, whatever the stack offers.
    #[must_use]
    pub fn then(mut self, name: &str, stack: Stack, expect: Option<(Address, Action)>) -> Suite {
        self.variants.push(Variant { name: name.to_owned(), stack, expect });
        self
    }

    /// Runs it. The account must hold nothing of the stack.
    ///
    /// # Errors
    /// The first thing that is not as it should be.
    pub async fn run<C: Cloud>(&self, cloud: &C) -> Result<(), Nonconformance> {
        let mut runs = 0..;
        let mut options = || {
            let n: u32 = runs.next().unwrap_or_default();
            let mut apply = self.apply.clone();
            apply.run = format!("{}-{n}", apply.run);
            RunOptions { host: "conformance".into(), ..RunOptions::new(apply) }
        };
        let at = "before anything";
        let first = preview(cloud, &self.stack, Mode::Destroy, &options(), &Events::none()).await.map_err(is(at))?;
        check(at, first.plan.is_empty(), || format!("the stack has {} resources already", first.plan.steps.len()))?;

        let at = "an interrupted `up`";
        self.interrupted(cloud, &options()).await.map_err(is(at))?;

        let at = "`up` after it";
        let report = self.up(cloud, &self.stack, &options(), at).await?;
        if let Some(now) = &report.after {
            equal(at, &self.stack, now)?;
        }
        if let Some(outcome) = &report.outcome {
            for (address, made) in outcome.known.iter() {
                let seen = report.after.iter().flat_map(Observation::ours).find(|(at, _)| *at == address);
                check(at, seen.is_some_and(|(_, seen)| seen.id == made.id), || {
                    format!("{address} was made as {} and observed as {:?}", made.id, seen.map(|(_, seen)| &seen.id))
                })?;
            }
        }

        let at = "a second `up`";
        let report = up(cloud, &self.stack, &options(), yes, &Events::none(), &never()).await.map_err(is(at))?;
        check(at, report.end == End::NothingToDo, || format!("it ended with {:?}", report.end))?;

        self.locked_out(cloud, &options(), &options()).await?;

        for variant in &self.variants {
            let at = &variant.name;
            let options = options();
            let planned =
                preview(cloud, &variant.stack, Mode::Converge, &options, &Events::none()).await.map_err(is(at))?;
            if let Some((address, action)) = &variant.expect {
                let held = planned.plan.steps.iter().any(|step| step.address == *address && step.action == *action);
                check(at, held, || format!("the plan has no {action:?} of {address}"))?;
            }
            check(at, !planned.plan.is_empty(), || "the plan is empty".to_owned())?;
            let report = self.up(cloud, &variant.stack, &options, at).await?;
            if let Some(now) = &report.after {
                equal(at, &variant.stack, now)?;
            }
        }

        let at = "`down`";
        let report = down(cloud, &self.stack, &options(), yes, &Events::none(), &never()).await.map_err(is(at))?;
        check(at, report.end == End::Done, || describe(&report))?;
        let after = preview(cloud, &self.stack, Mode::Destroy, &options(), &Events::none()).await.map_err(is(at))?;
        check(at, after.observation.ours().next().is_none(), || "something is left".to_owned())
    }

    async fn up<C: Cloud>(
        &self,
        cloud: &C,
        stack: &Stack,
        options: &RunOptions,
        at: &str,
    ) -> Result<Report, Nonconformance> {
        let report = up(cloud, stack, options, yes, &Events::none(), &never()).await.map_err(is(at))?;
        check(at, report.end == End::Done, || describe(&report))?;
        Ok(report)
    }

    /// Builds up to a point. It must stop in order, and say what remains.
    async fn interrupted<C: Cloud>(&self, cloud: &C, options: &RunOptions) -> Result<(), RunError> {
        let cancel = CancellationToken::new();
        let (stop, after, seen) = (cancel.clone(), self.interrupt_after, Arc::new(AtomicUsize::new(0)));
        let events = Events::new(move |record| {
            let called = matches!(record.event, Event::StepCalled { .. });
            if called && seen.fetch_add(1, Ordering::Relaxed) + 1 >= after {
                stop.cancel();
            }
        });
        up(cloud, &self.stack, options, yes, &events, &cancel).await.map(drop)
    }

    /// While one run holds the lease, another is refused and told who holds it.
    async fn locked_out<C: Cloud>(
        &self,
        cloud: &C,
        first: &RunOptions,
        second: &RunOptions,
    ) -> Result<(), Nonconformance> {
        let at = "two runs at once";
        let request = LeaseRequest {
            stack: self.stack.name().clone(),
            holder: first.apply.run.clone(),
            host: "first".into(),
            purpose: "up".into(),
            seconds: 60,
            break_lock: false,
        };
        let failed = |error: crate::CloudError| Nonconformance { at: at.to_owned(), what: error.to_string() };
        cloud.take_lease(&request).await.map_err(failed)?;
        let refused = up(cloud, &self.stack, second, yes, &Events::none(), &never()).await;
        let told = matches!(&refused, Err(RunError::Locked(lease)) if lease.holder == request.holder);
        cloud.release_lease(&request.stack, &request.holder).await.map_err(failed)?;
        check(at, told, || format!("the second one was not refused: {refused:?}"))
    }
}

/// A resource that no other needs.
fn leaf(stack: &Stack) -> Option<Address> {
    let fields = stack.fields();
    let nodes = stack.nodes(&fields);
    let needed: Vec<_> = nodes.iter().flat_map(|node| nodes.edges(node)).map(|edge| edge.on).collect();
    let free = |address: &Address| {
        !needed.contains(address) && !stack.iter().any(|(_, entry)| entry.depends_on.contains(address))
    };
    stack.iter().map(|(address, _)| address).find(|address| free(address)).cloned()
}

/// Every resource of the stack is there once, and ready, and nothing else of it is.
fn equal(at: &str, stack: &Stack, now: &Observation) -> Result<(), Nonconformance> {
    for (address, entry) in stack.iter() {
        let found: Vec<_> = now.ours().filter(|(at, _)| *at == address).map(|(_, found)| found).collect();
        check(at, found.len() == 1, || format!("{address} is there {} times", found.len()))?;
        for found in found {
            check(at, found.kind == entry.resource.kind(), || format!("{address} is a {}", found.kind))?;
            check(at, found.status == Status::Ready, || format!("{address} is {:?}", found.status))?;
        }
    }
    for found in &now.resources {
        if let Ownership::Ours(address) = &found.owner {
            check(at, stack.get(address).is_some(), || format!("{address} ({}) is there still", found.id))?;
        }
    }
    Ok(())
}

fn describe(report: &Report) -> String {
    let failed = report.outcome.iter().flat_map(|outcome| &outcome.failed).map(|failure| {
        let address = report.planned.plan.step(failure.step).map(|step| step.address.to_string()).unwrap_or_default();
        format!("{address}: {}", failure.error)
    });
    let left = report.left.iter().flat_map(|plan| &plan.steps).map(|step| {
        let fields: Vec<&str> = step.changes.iter().map(|change| change.field.as_str()).collect();
        format!("{:?} {} {:?} {fields:?}", step.action, step.address, step.reason)
    });
    let leftovers = report.leftovers.iter().map(|left| format!("{} ({}) {:?}", left.address, left.id, left.holders));
    let all: Vec<String> = failed.chain(left).chain(leftovers).collect();
    format!("it ended with {:?}: {}", report.end, all.join("; "))
}

fn check(at: &str, holds: bool, what: impl FnOnce() -> String) -> Result<(), Nonconformance> {
    if holds { Ok(()) } else { Err(Nonconformance { at: at.to_owned(), what: what() }) }
}

fn is(at: &str) -> impl FnOnce(RunError) -> Nonconformance {
    move |error| {
        let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
        let problems = match &error {
            RunError::Invalid(problems) => problems.iter().map(|problem| format!("; {problem}")).collect(),
            _ => String::new(),
        };
        Nonconformance { at: at.to_owned(), what: format!("{error}{source}{problems}") }
    }
}

async fn yes(_: &crate::run::Planned) -> bool {
    true
}

fn never() -> CancellationToken {
    CancellationToken::new()
}

//! Events: the one stream from which everything is shown.
//!
//! A run sends [`Record`]s to an [`Events`] handle. Views for people, NDJSON and tests consume the same values; nothing
//! in this crate prints.

use std::fmt;
use std::sync::Arc;

use aomidori_model::{Address, KindName, StackName};
use aomidori_plan::{Action, Mode, StepId, Summary};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::cloud::{CloudError, ErrorKind};

/// The version of the serialised form of [`Record`]. Fields and events may be added under one version.
pub const VERSION: u32 = 1;

/// One event with its place in the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// [`VERSION`].
    pub version: u32,
    /// Milliseconds since the run began.
    pub at_ms: u64,
    /// What happened.
    pub event: Event,
}

/// What a run says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A run of `up` or `down` goes on to its next phase.
    Phase {
        /// Which.
        phase: Phase,
    },
    /// The plan is being carried out from here on.
    RunStarted {
        /// The run's id.
        run: String,
        /// The AWS account.
        account: String,
        /// The region.
        region: String,
        /// The stack.
        stack: StackName,
        /// Build up, or tear down.
        mode: Mode,
        /// What the plan adds, changes and destroys.
        summary: Summary,
        /// How many steps it has.
        steps: usize,
        /// Calls that may be in flight at once.
        parallelism: usize,
        /// How long the longest chain of steps usually takes.
        estimate_ms: u64,
        /// That chain.
        critical_path: Vec<StepId>,
    },
    /// A step's first call goes out (or, for a step that only waits, its wait begins).
    StepStarted {
        /// The step.
        step: StepInfo,
    },
    /// A step's call was answered: what it makes has an id, what it deletes is on its way out.
    StepCalled {
        /// The step.
        step: StepInfo,
        /// The live id.
        id: String,
        /// Since it started.
        took_ms: u64,
    },
    /// A step waits; sent when what it waits for changes.
    StepWaiting {
        /// The step.
        step: StepInfo,
        /// What for, in the cloud's words.
        waits_for: String,
        /// How long that usually takes.
        usually_ms: u64,
    },
    /// A call of a step failed and will be made again.
    StepRetrying {
        /// The step.
        step: StepInfo,
        /// The error.
        error: CloudError,
        /// How often it has failed like this.
        tries: u32,
        /// Since the first such failure.
        since_ms: u64,
        /// Until the next try.
        next_ms: u64,
        /// What holds it, as far as is known, for [`ErrorKind::InUse`].
        holders: Vec<String>,
    },
    /// A step is finished: ready, or gone.
    StepFinished {
        /// The step.
        step: StepInfo,
        /// The live id; `None` for what never had one.
        id: Option<String>,
        /// Since it started.
        took_ms: u64,
    },
    /// A step failed; what depends on it is skipped, the rest goes on.
    StepFailed {
        /// The step.
        step: StepInfo,
        /// Why.
        error: CloudError,
        /// What holds it, as far as is known.
        holders: Vec<String>,
        /// Since it started.
        took_ms: u64,
    },
    /// A step is not taken, because one that it depends on failed.
    StepSkipped {
        /// The step.
        step: StepInfo,
        /// The step that failed.
        because: StepId,
    },
    /// Sent at least every ten seconds while steps run.
    Heartbeat {
        /// Calls in flight, and how many may be.
        slots: Slots,
        /// What runs, longest first.
        running: Vec<Running>,
        /// Steps that are not finished, failed or skipped.
        left: usize,
        /// How long that usually takes from here.
        eta_ms: u64,
    },
    /// The run was asked to stop: no new calls are made, those in flight are finished.
    Interrupted {
        /// Why.
        why: Interruption,
        /// Calls in flight.
        in_flight: usize,
        /// Steps that are not finished, failed or skipped.
        left: usize,
    },
    /// A call of the run itself (a read, the lease) failed and will be made again.
    CallRetrying {
        /// Why.
        error: CloudError,
        /// How often it has failed.
        tries: u32,
        /// Until the next try.
        next_ms: u64,
    },
    /// The lease could not be renewed or given back; a renewal is tried again until it expires.
    LeaseTrouble {
        /// Why.
        error: CloudError,
        /// Until it expires.
        expires_in_ms: u64,
    },
    /// The plan has been carried out, as far as it could be.
    RunFinished {
        /// How it ended.
        counts: Counts,
        /// Since the start of the run.
        took_ms: u64,
    },
    /// Something that a run of `up` or `down` left although it should not have.
    Leftover {
        /// Its kind.
        kind: KindName,
        /// Its address.
        address: Address,
        /// Its id.
        id: String,
        /// What holds it, one line each.
        holders: Vec<String>,
    },
}

/// A step, as far as views need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepInfo {
    /// Its number in the plan.
    pub id: StepId,
    /// The resource.
    pub address: Address,
    /// Its kind.
    pub kind: KindName,
    /// What is done.
    pub action: Action,
}

/// A step that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// The step.
    pub step: StepInfo,
    /// What it does at the moment.
    pub doing: Doing,
    /// Since it started.
    pub since_ms: u64,
    /// How long it usually takes in all.
    pub usually_ms: u64,
}

/// What a running step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// A call is in flight, or about to be.
    Calling,
    /// It waits for this, in the cloud's words.
    Waiting(String),
    /// It waits to make a call again that failed so.
    Retrying(ErrorKind),
}

/// The slots for calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slots {
    /// Calls in flight.
    pub used: usize,
    /// Calls that may be in flight.
    pub limit: usize,
    /// Steps that could call and have no slot.
    pub queued: usize,
}

/// How many steps ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Finished.
    pub done: usize,
    /// Failed.
    pub failed: usize,
    /// Skipped, because of one that failed.
    pub skipped: usize,
    /// Neither: the run was interrupted first.
    pub remaining: usize,
}

/// Why a run was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interruption {
    /// The caller asked for it.
    Asked,
    /// Somebody else has taken the lease, or it has expired.
    LeaseLost,
}

/// The phases of a run of `up` or `down`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The stack's lease is taken.
    Lease,
    /// What is live is read.
    Observe,
    /// The plan is made.
    Plan,
    /// The caller is asked for approval.
    Approve,
    /// The plan is carried out.
    Apply,
    /// What is live is read again, to confirm the result.
    Confirm,
}

/// Where the events of a run go.
///
/// ```
/// use aomidori_engine::Events;
///
/// let (events, mut records) = Events::channel();
/// // Hand `events` to `up`, `down` or `apply`, and receive from `records` beside it.
/// # drop(events);
/// # assert!(records.try_recv().is_err());
/// ```
pub type Events = Feed<Record>;

/// An event with its time: what a [`Feed`] hands out.
pub trait Timed: Send + 'static {
    /// What has happened.
    type Event;

    /// It, so many milliseconds after the beginning.
    fn timed(at_ms: u64, event: Self::Event) -> Self;
}

impl Timed for Record {
    type Event = Event;

    fn timed(at_ms: u64, event: Event) -> Record {
        Record { version: VERSION, at_ms, event }
    }
}

/// Where events go, with their times. Cheap to clone.
pub struct Feed<R> {
    sink: Arc<dyn Fn(R) + Send + Sync>,
    began: Instant,
}

impl<R> Clone for Feed<R> {
    fn clone(&self) -> Self {
        Feed { sink: Arc::clone(&self.sink), began: self.began }
    }
}

impl<R: Timed> Feed<R> {
    /// Calls `sink` with each record, from within the run: it must not block.
    pub fn new(sink: impl Fn(R) + Send + Sync + 'static) -> Self {
        Feed { sink: Arc::new(sink), began: Instant::now() }
    }

    /// Sends each record into a channel.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<R>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        // A receiver that is gone wants no events: no error.
        (Feed::new(move |record| drop(sender.send(record))), receiver)
    }

    /// Sends them nowhere.
    pub fn none() -> Self {
        Feed::new(drop)
    }

    /// Sends an event; for programs that add their own phases to a run.
    pub fn send(&self, event: R::Event) {
        let at_ms = millis(self.began.elapsed());
        (self.sink)(R::timed(at_ms, event));
    }
}

impl<R> fmt::Debug for Feed<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("began", &self.began).finish_non_exhaustive()
    }
}

/// A duration in whole milliseconds.
pub(crate) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

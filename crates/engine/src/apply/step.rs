//! One step as a state machine without I/O: what was answered goes in, what to do next comes out.

use std::collections::BTreeMap;
use std::time::Duration;

use aomidori_model::KindName;
use aomidori_plan::{Action, Reason, Step};
use tokio::time::Instant;

use crate::cloud::{CloudError, ErrorKind, Made, Progress};
use crate::options::{ApplyOptions, Pace};

/// How a machine counts throttled calls.
const THROTTLED: &str = "throttled";

/// How often one call is throttled before its step fails. Its patience ends earlier, unless it has waited for its turn.
const MOST_THROTTLED: u32 = 60;

/// A call that a step makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// Creates it.
    Create,
    /// Looks for what an unanswered create may have made.
    Find,
    /// Brings what was found to its end: an unanswered create may have left it half made.
    Complete(Made),
    /// Changes it.
    Update,
    /// Deletes it.
    Delete,
    /// Asks how far it is.
    Poll,
}

/// The answer to a call.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// To [`Op::Create`], [`Op::Complete`] and [`Op::Update`].
    Made(Made),
    /// To [`Op::Find`].
    Found(Option<Made>),
    /// To [`Op::Delete`].
    Deleted,
    /// To [`Op::Poll`].
    Progress(Progress),
}

/// What a step does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Makes a call, once it has a slot.
    Call(Op),
    /// Waits, then makes a call again that failed.
    Retry(Retry),
    /// Is called: what it makes has this id, what it deletes is on its way out. It goes on with a wait.
    Called(Option<Made>),
    /// Waits, then polls.
    Wait {
        /// How long until then.
        after: Duration,
        /// What for, in the cloud's words.
        waits_for: Option<String>,
    },
    /// Is finished.
    Finished,
    /// Has failed.
    Failed(CloudError),
}

/// A call that will be made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Retry {
    /// The call.
    pub(super) op: Op,
    /// How long until then.
    pub(super) after: Duration,
    /// Why.
    pub(super) error: CloudError,
    /// How often it has failed so.
    pub(super) tries: u32,
    /// Since the first time.
    pub(super) since: Duration,
}

/// What a step waits to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    Ready,
    Gone,
}

/// Why a create is being looked for.
#[derive(Clone, Debug)]
enum Doubt {
    /// It had no answer.
    Lost,
    /// Its name or place is taken, perhaps by an earlier try of ours.
    Exists(CloudError),
}

/// One step's state.
#[derive(Debug)]
pub(super) struct Machine<'a> {
    options: &'a ApplyOptions,
    seed: u64,
    kind: KindName,
    goal: Goal,
    first: Option<Op>,
    estimate: Duration,
    doubt: Option<Doubt>,
    finds: u32,
    polls: u32,
    waiting_since: Option<Instant>,
    last_text: Option<String>,
    failures: BTreeMap<&'static str, (u32, Instant)>,
}

impl<'a> Machine<'a> {
    /// The machine of a step.
    pub(super) fn new(step: &Step, options: &'a ApplyOptions) -> Machine<'a> {
        let (first, goal) = match step.action {
            Action::Create => (Some(Op::Create), Goal::Ready),
            Action::Update => (Some(Op::Update), Goal::Ready),
            Action::Delete => (Some(Op::Delete), Goal::Gone),
            Action::Await if matches!(step.reason, Reason::Deleting { .. }) => (None, Goal::Gone),
            Action::Await => (None, Goal::Ready),
        };
        Machine {
            options,
            seed: options.seed ^ u64::from(step.id.0).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            kind: step.kind,
            goal,
            first,
            estimate: Duration::from_secs(u64::from(step.estimate.finish)),
            doubt: None,
            finds: 0,
            polls: 0,
            waiting_since: None,
            last_text: None,
            failures: BTreeMap::new(),
        }
    }

    /// How it begins.
    pub(super) fn start(&self) -> Next {
        self.first.clone().map_or(Next::Called(None), Next::Call)
    }

    /// How it goes on after [`Next::Called`].
    pub(super) fn wait(&mut self, now: Instant) -> Next {
        self.failures.clear();
        self.waiting_since = Some(now);
        // What is usually ready at once is asked at once: for most such kinds the answer needs no call.
        let after = if self.estimate.is_zero() { Duration::ZERO } else { self.options.poll.interval(0) };
        Next::Wait { after, waits_for: None }
    }

    /// It has waited so long for its turn among others that are throttled: that is not held against it.
    pub(super) fn forgive(&mut self, held: Duration) {
        if let Some((_, first)) = self.failures.get_mut(THROTTLED) {
            *first += held;
        }
    }

    /// What to do after an answer to `op`.
    pub(super) fn answered(&mut self, op: Op, answer: Result<Answer, CloudError>, now: Instant) -> Next {
        match answer {
            Ok(Answer::Made(made)) => Next::Called(Some(made)),
            Ok(Answer::Deleted) => Next::Called(None),
            Ok(Answer::Found(Some(made))) => Next::Call(Op::Complete(made)),
            Ok(Answer::Found(None)) => self.not_found(),
            Ok(Answer::Progress(progress)) => {
                self.failures.clear();
                self.progress(progress, now)
            }
            Err(error) => self.failed(op, error, now),
        }
    }

    fn not_found(&mut self) -> Next {
        self.finds += 1;
        if self.finds < self.options.retry.finds.max(1) {
            let error = match &self.doubt {
                Some(Doubt::Exists(error)) => error.clone(),
                Some(Doubt::Lost) | None => CloudError {
                    kind: ErrorKind::Unknown,
                    operation: "find".into(),
                    code: None,
                    message: "what an unanswered call may have made is not visible".into(),
                },
            };
            let after = self.options.retry.pace.interval(self.finds);
            return Next::Retry(Retry { op: Op::Find, after, error, tries: self.finds, since: Duration::ZERO });
        }
        match self.doubt.take() {
            Some(Doubt::Exists(error)) => Next::Failed(error),
            Some(Doubt::Lost) | None => Next::Call(Op::Create),
        }
    }

    fn failed(&mut self, op: Op, error: CloudError, now: Instant) -> Next {
        let patience = &self.options.retry;
        match (&op, &error.kind) {
            (Op::Delete, ErrorKind::NotFound) => return Next::Called(None),
            (Op::Poll, ErrorKind::NotFound) => return self.progress(Progress::Gone, now),
            (Op::Create, ErrorKind::AlreadyExists) => {
                self.doubt = Some(Doubt::Exists(error));
                self.finds = 0;
                return Next::Call(Op::Find);
            }
            _ => {}
        }
        let reads = matches!(op, Op::Poll | Op::Find | Op::Complete(_));
        // (which sort of failure, pace, longest time, most tries)
        let (sort, pace, longest, most): (_, Pace, _, _) = match error.kind {
            ErrorKind::Throttled => (THROTTLED, patience.throttled_pace, patience.throttled, MOST_THROTTLED),
            ErrorKind::Underway => ("underway", self.options.poll, patience.wait.max(self.estimate * 10), u32::MAX),
            ErrorKind::NotYet => ("not yet", patience.pace, patience.not_yet, u32::MAX),
            ErrorKind::NotFound if matches!(op, Op::Complete(_)) => {
                ("not yet", patience.pace, patience.not_yet, u32::MAX)
            }
            ErrorKind::InUse => ("in use", patience.pace, patience.in_use, u32::MAX),
            ErrorKind::Unknown => ("unknown", patience.pace, Duration::MAX, patience.unknown),
            // Something was reached before, or this step would not run: for reads it is worth trying again.
            ErrorKind::Unreachable if reads => ("unknown", patience.pace, Duration::MAX, patience.unknown),
            _ => return Next::Failed(error),
        };
        let (tries, first) = self.failures.entry(sort).or_insert((0, now));
        *tries += 1;
        let (tries, since) = (*tries, now.saturating_duration_since(*first));
        if since >= longest || tries > most {
            return Next::Failed(error);
        }
        let op = match (op, &error.kind) {
            (Op::Create, ErrorKind::Unknown) => {
                self.doubt = Some(Doubt::Lost);
                self.finds = 0;
                Op::Find
            }
            (op, _) => op,
        };
        let interval = pace.interval(tries - 1);
        let after = if error.kind == ErrorKind::Throttled { self.jittered(interval, tries) } else { interval };
        Next::Retry(Retry { op, after, error, tries, since })
    }

    fn progress(&mut self, progress: Progress, now: Instant) -> Next {
        let waited = self.waiting_since.map_or(Duration::ZERO, |since| now.duration_since(since));
        let text = match (self.goal, progress) {
            (Goal::Ready, Progress::Ready) | (Goal::Gone, Progress::Gone) => return Next::Finished,
            (_, Progress::Pending(text) | Progress::Deleting(text)) if self.goal == Goal::Gone => text,
            (Goal::Ready, Progress::Pending(text)) => text,
            (Goal::Gone, Progress::Failed(cause)) => cause,
            (Goal::Gone, _) => "it is still there".to_owned(),
            (Goal::Ready, Progress::Failed(cause)) => return Next::Failed(self.error(cause)),
            (Goal::Ready, Progress::Deleting(text)) => {
                return Next::Failed(self.error(format!("somebody deletes it: {text}")));
            }
            (Goal::Ready, Progress::Gone) if waited < self.options.retry.not_yet => "it is not visible yet".to_owned(),
            (Goal::Ready, Progress::Gone) => return Next::Failed(self.error("it is gone".into())),
        };
        let longest = self.options.retry.wait.max(self.estimate.saturating_mul(10));
        if waited >= longest {
            let state = if self.goal == Goal::Ready { "ready" } else { "gone" };
            return Next::Failed(self.error(format!("it is not {state} after {} s: {text}", waited.as_secs())));
        }
        self.polls += 1;
        let changed = self.last_text.as_ref() != Some(&text);
        self.last_text = Some(text.clone());
        Next::Wait { after: self.options.poll.interval(self.polls), waits_for: changed.then_some(text) }
    }

    fn error(&self, message: String) -> CloudError {
        let operation = format!("wait for the {}", self.kind.info().title);
        CloudError { kind: ErrorKind::Refused, operation, code: None, message }
    }

    /// Between half an interval and a whole one.
    fn jittered(&self, interval: Duration, tries: u32) -> Duration {
        // SplitMix64.
        let mut z = self.seed.wrapping_add(u64::from(tries).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let thousandths = (z ^ (z >> 31)) % 500;
        interval.mul_f64(0.5 + f64::from(u32::try_from(thousandths).unwrap_or(0)) / 1000.0)
    }
}

//! Carrying out a plan: a ready queue by longest remaining path, calls in slots, waits outside of them.
//!
//! Everything runs inside the caller's task: dropping the future of [`apply`] ends it like a kill, after which the same
//! plan made anew goes on from what is live. To stop in order, cancel its token.

mod call;
mod path;
mod step;
mod turns;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::time::Duration;

use aomidori_model::Stack;
use aomidori_model::limits::Limit;
use aomidori_plan::{Action, Level, Observation, Plan, Step, StepId};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::cloud::{Cloud, CloudError, ErrorKind, Made};
use crate::event::{Counts, Doing, Event, Events, Interruption, Running, Slots, StepInfo, millis};
use crate::options::ApplyOptions;
use crate::outcome::{Failure, Left, Outcome, Remaining, Skip};
use call::Calls;
use path::Paths;
use step::{Answer, Machine, Next, Op, Retry};
use turns::{Held, Turn, Turns};

/// Carries out a plan.
///
/// `observation` is what the plan was made from. Nothing fails as a whole: what became of each step is in the
/// [`Outcome`]. When `cancel` is cancelled, no new call is made, those in flight are finished, and waits end at once.
pub async fn apply<C: Cloud>(
    cloud: &C,
    plan: &Plan,
    stack: &Stack,
    observation: &Observation,
    options: &ApplyOptions,
    events: &Events,
    cancel: &CancellationToken,
) -> Outcome {
    let work = Work { plan, stack, observation, tags_only: false };
    apply_under_lease(cloud, work, options, events, (cancel, &CancellationToken::new())).await
}

/// What is carried out.
#[derive(Clone, Copy)]
pub(crate) struct Work<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) stack: &'a Stack,
    /// What the plan was made from.
    pub(crate) observation: &'a Observation,
    /// It is a plan of [`tags`](aomidori_plan::tags()).
    pub(crate) tags_only: bool,
}

/// As [`apply`]; the second token is cancelled when the lease is lost.
pub(crate) async fn apply_under_lease<C: Cloud>(
    cloud: &C,
    work: Work<'_>,
    options: &ApplyOptions,
    events: &Events,
    (cancel, lost): (&CancellationToken, &CancellationToken),
) -> Outcome {
    let calls = Calls::new(cloud, work, options);
    Run::new(work.plan, work.observation, options, events, calls).run(cancel, lost).await
}

/// How far a step is.
#[derive(Debug)]
enum State {
    /// Steps that it waits for are not far enough.
    Blocked,
    /// It could make a call and has no slot.
    Queued,
    /// A call is in flight.
    Calling,
    /// It waits to make a call again.
    Retrying(CloudError),
    /// It waits to be ready, or gone.
    Waiting(String),
    /// It is finished.
    Done,
    /// It has failed.
    Failed,
    /// It is not taken because of another.
    Skipped,
}

/// What comes back to the scheduler.
enum Back {
    Answer(StepId, Op, Result<Answer, CloudError>),
    Call(StepId, Op),
    Poll(StepId),
    /// A bucket may have a token.
    Turn(&'static str),
    Holders(StepId, Vec<String>),
}

/// Whether a call that AWS limits has had its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    /// It waits for one where calls like it are throttled.
    None,
    /// It has had it.
    Turn,
}

/// One step in its run.
struct Job<'a> {
    step: &'a Step,
    state: State,
    machine: Machine<'a>,
    /// What it waits for still.
    blocked_by: BTreeSet<(StepId, Level)>,
    started: Option<Instant>,
    called: bool,
    holders: Vec<String>,
    holders_asked: Option<Instant>,
    retry: Option<Retry>,
    /// What AWS makes before it gives an id.
    underway: Option<String>,
    /// How its call came about.
    pass: Pass,
}

struct Run<'a, C> {
    plan: &'a Plan,
    observation: &'a Observation,
    options: &'a ApplyOptions,
    events: &'a Events,
    calls: Calls<'a, C>,
    paths: Paths,
    jobs: Vec<Job<'a>>,
    dependents: BTreeMap<StepId, BTreeSet<StepId>>,
    queue: BinaryHeap<(Duration, Reverse<StepId>, u64)>,
    queued_ops: BTreeMap<u64, (Op, Pass)>,
    queued_so_far: u64,
    turns: Turns,
    polls: VecDeque<StepId>,
    /// Calls in flight.
    active: FuturesUnordered<BoxFuture<'a, Back>>,
    /// Polls in flight, questions for holders, and pauses.
    idle: FuturesUnordered<BoxFuture<'a, Back>>,
    polling: usize,
    interrupted: Option<Interruption>,
    began: Instant,
    outcome: Outcome,
}

impl<'a, C: Cloud> Run<'a, C> {
    fn new(
        plan: &'a Plan,
        observation: &'a Observation,
        options: &'a ApplyOptions,
        events: &'a Events,
        calls: Calls<'a, C>,
    ) -> Run<'a, C> {
        let mut dependents: BTreeMap<StepId, BTreeSet<StepId>> = BTreeMap::new();
        let jobs = plan
            .steps
            .iter()
            .map(|step| {
                for after in &step.after {
                    dependents.entry(after.step).or_default().insert(step.id);
                }
                Job {
                    step,
                    state: State::Blocked,
                    machine: Machine::new(step, options),
                    blocked_by: step.after.iter().map(|after| (after.step, after.level)).collect(),
                    started: None,
                    called: false,
                    holders: Vec::new(),
                    holders_asked: None,
                    retry: None,
                    underway: None,
                    pass: Pass::None,
                }
            })
            .collect();
        let (began, paths) = (Instant::now(), Paths::new(plan, options.speed));
        let turns = Turns::new(began, paths.speed(), options.retry.throttled_pace);
        Run {
            plan,
            observation,
            options,
            events,
            calls,
            paths,
            jobs,
            dependents,
            queue: BinaryHeap::new(),
            queued_ops: BTreeMap::new(),
            queued_so_far: 0,
            turns,
            polls: VecDeque::new(),
            active: FuturesUnordered::new(),
            idle: FuturesUnordered::new(),
            polling: 0,
            interrupted: None,
            began,
            outcome: Outcome::default(),
        }
    }

    async fn run(mut self, cancel: &CancellationToken, lost: &CancellationToken) -> Outcome {
        self.announce();
        for at in 0..self.jobs.len() {
            self.start_if_free(at);
        }
        let mut heartbeat = interval(self.options.heartbeat.max(Duration::from_millis(1)));
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        heartbeat.tick().await;
        loop {
            // A cancellation that is there already comes before everything.
            if lost.is_cancelled() {
                self.interrupt(Interruption::LeaseLost);
            }
            if cancel.is_cancelled() {
                self.interrupt(Interruption::Asked);
            }
            self.fill_slots();
            if self.active.is_empty() && self.idle.is_empty() {
                break;
            }
            tokio::select! {
                biased;
                () = lost.cancelled(), if self.interrupted.is_none() => self.interrupt(Interruption::LeaseLost),
                () = cancel.cancelled(), if self.interrupted.is_none() => self.interrupt(Interruption::Asked),
                Some(event) = self.active.next(), if !self.active.is_empty() => self.handle(event),
                Some(event) = self.idle.next(), if !self.idle.is_empty() => self.handle(event),
                _ = heartbeat.tick() => self.heartbeat(),
            }
        }
        self.finish()
    }

    fn announce(&self) {
        let (estimate, critical_path) = self.paths.critical();
        self.events.send(Event::RunStarted {
            run: self.options.run.clone(),
            account: self.observation.account.clone(),
            region: self.observation.region.clone(),
            stack: self.plan.stack.clone(),
            mode: self.plan.mode,
            summary: self.plan.summary(),
            steps: self.plan.steps.len(),
            parallelism: self.options.parallelism,
            estimate_ms: millis(estimate),
            critical_path,
        });
    }

    /// Starts a step if nothing keeps it.
    fn start_if_free(&mut self, at: usize) {
        let Some(job) = self.jobs.get_mut(at) else { return };
        if !matches!(job.state, State::Blocked) || !job.blocked_by.is_empty() || self.interrupted.is_some() {
            return;
        }
        let next = job.machine.start();
        self.take(at, next);
    }

    /// Gives free slots to the calls with the longest chains behind them.
    fn fill_slots(&mut self) {
        if self.interrupted.is_some() {
            return;
        }
        while self.active.len() < self.options.parallelism.max(1) {
            let Some((_, Reverse(id), number)) = self.queue.pop() else { break };
            let Some((op, pass)) = self.queued_ops.remove(&number) else { continue };
            if let (Pass::None, Some(limit)) = (pass, self.limit(id, &op))
                && self.turns.holds(limit)
            {
                self.hold(id, op, limit);
                continue;
            }
            let Some(job) = self.jobs.get_mut(id.0 as usize) else { continue };
            if job.started.is_none() {
                job.started = Some(Instant::now());
                self.events.send(Event::StepStarted { step: info(job.step) });
            }
            job.state = State::Calling;
            job.pass = pass;
            let call = self.calls.call(job.step, op.clone());
            self.active.push(Box::pin(async move { Back::Answer(id, op, call.await) }));
        }
        while self.polling < self.options.polls.max(1) {
            let Some(id) = self.polls.pop_front() else { break };
            let Some(job) = self.jobs.get(id.0 as usize) else { continue };
            self.polling += 1;
            let call = self.calls.call(job.step, Op::Poll);
            self.idle.push(Box::pin(async move { Back::Answer(id, Op::Poll, call.await) }));
        }
    }

    fn handle(&mut self, event: Back) {
        match event {
            Back::Answer(id, op, answer) => {
                if op == Op::Poll {
                    self.polling = self.polling.saturating_sub(1);
                }
                if let (true, Some(limit)) = (answer.is_ok(), self.limit(id, &op)) {
                    self.turns.taken(limit);
                }
                let at = id.0 as usize;
                let Some(job) = self.jobs.get_mut(at) else { return };
                let next = job.machine.answered(op, answer, Instant::now());
                self.take(at, next);
            }
            Back::Call(id, op) => self.enqueue(id, op, Pass::None),
            Back::Turn(bucket) => self.turn(bucket),
            Back::Poll(id) => self.polls.push_back(id),
            Back::Holders(id, holders) => {
                let Some(job) = self.jobs.get_mut(id.0 as usize) else { return };
                job.holders = holders;
                // Said at once, as the next try may be some time off.
                if let (State::Retrying(_), Some(retry)) = (&job.state, &job.retry) {
                    self.events.send(retrying(job, retry));
                }
            }
        }
    }

    fn enqueue(&mut self, id: StepId, op: Op, pass: Pass) {
        if let Some(job) = self.jobs.get_mut(id.0 as usize) {
            job.state = State::Queued;
        }
        self.queued_so_far += 1;
        self.queued_ops.insert(self.queued_so_far, (op, pass));
        self.queue.push((self.paths.tail(id), Reverse(id), self.queued_so_far));
    }

    /// How often AWS takes this call of a step. What looks and asks is taken often.
    fn limit(&self, id: StepId, op: &Op) -> Option<Limit> {
        match op {
            Op::Create | Op::Update | Op::Delete => self.plan.step(id)?.limit(),
            Op::Find | Op::Complete(_) | Op::Poll => None,
        }
    }

    /// Holds a call until its turn, and says how long that takes.
    fn hold(&mut self, id: StepId, op: Op, limit: Limit) -> Duration {
        let held = Held { step: id, op, since: Instant::now() };
        let (after, first) = self.turns.hold(held, limit, self.paths.tail(id));
        if first && self.interrupted.is_none() {
            self.pause(after, Back::Turn(limit.bucket));
        }
        after
    }

    /// Lets those calls go whose turn it is.
    fn turn(&mut self, bucket: &'static str) {
        let now = Instant::now();
        loop {
            match self.turns.turn(bucket, now) {
                Turn::Of(held) => {
                    if let Some(job) = self.jobs.get_mut(held.step.0 as usize) {
                        job.machine.forgive(now.saturating_duration_since(held.since));
                    }
                    self.enqueue(held.step, held.op, Pass::Turn);
                }
                Turn::After(after) => return self.pause(after, Back::Turn(bucket)),
                Turn::Nobody => return,
            }
        }
    }

    /// Does what a step's machine says.
    fn take(&mut self, at: usize, next: Next) {
        let now = Instant::now();
        let stopping = self.interrupted.is_some();
        let Some(job) = self.jobs.get_mut(at) else { return };
        let id = job.step.id;
        match next {
            Next::Call(op) => {
                // Looking for what an unanswered create made changes nothing, but the answer comes to nothing either.
                self.enqueue(id, op, Pass::None);
            }
            Next::Retry(retry) => self.retry(at, retry, now),
            Next::Called(made) => self.called(at, made, now),
            Next::Wait { after, waits_for } => {
                if let Some(waits_for) = waits_for {
                    self.events.send(Event::StepWaiting {
                        step: info(job.step),
                        waits_for: waits_for.clone(),
                        usually_ms: millis(self.paths.wait(job.step)),
                    });
                    job.state = State::Waiting(waits_for);
                } else if !matches!(job.state, State::Waiting(_)) {
                    job.state = State::Waiting(String::new());
                }
                if !stopping {
                    self.pause(after, Back::Poll(id));
                }
            }
            Next::Finished => {
                job.state = State::Done;
                let live = self.calls.live(job.step);
                let took = job.started.map_or(Duration::ZERO, |since| now.duration_since(since));
                self.events.send(Event::StepFinished { step: info(job.step), id: live, took_ms: millis(took) });
                self.outcome.done.push(id);
                self.reached(id, Level::Finished);
            }
            Next::Failed(error) => {
                job.state = State::Failed;
                let took = job.started.map_or(Duration::ZERO, |since| now.duration_since(since));
                self.events.send(Event::StepFailed {
                    step: info(job.step),
                    error: error.clone(),
                    holders: job.holders.clone(),
                    took_ms: millis(took),
                });
                self.outcome.failed.push(Failure { step: id, error, holders: job.holders.clone() });
                self.skip_dependents(id);
            }
        }
    }

    fn called(&mut self, at: usize, made: Option<Made>, now: Instant) {
        let Some(job) = self.jobs.get_mut(at) else { return };
        let (id, step) = (job.step.id, job.step);
        // A step that only waits starts here.
        if job.started.is_none() {
            job.started = Some(now);
            self.events.send(Event::StepStarted { step: info(step) });
        }
        job.called = true;
        job.retry = None;
        let took = job.started.map_or(Duration::ZERO, |since| now.duration_since(since));
        let next = job.machine.wait(now);
        self.calls.called(step, made);
        if step.action != Action::Await {
            let live = self.calls.live(step).unwrap_or_default();
            self.events.send(Event::StepCalled { step: info(step), id: live, took_ms: millis(took) });
        }
        self.take(at, next);
        self.reached(id, Level::Called);
    }

    fn retry(&mut self, at: usize, retry: Retry, now: Instant) {
        let stopping = self.interrupted.is_some();
        let patience = &self.options.retry;
        let Some(job) = self.jobs.get_mut(at) else { return };
        let (id, step) = (job.step.id, job.step);
        if retry.op == Op::Poll {
            // Shown as the wait that it is; a poll that fails for long fails the step.
            if retry.tries > 2 {
                self.events.send(retrying(job, &retry));
            }
            if !stopping {
                self.pause(retry.after, Back::Poll(id));
            }
            return;
        }
        if retry.error.kind == ErrorKind::Underway {
            return self.underway(at, retry);
        }
        if let (ErrorKind::Throttled, Some(limit)) = (&retry.error.kind, self.limit(id, &retry.op)) {
            return self.throttled(at, retry, limit, now);
        }
        let Some(job) = self.jobs.get_mut(at) else { return };
        self.events.send(retrying(job, &retry));
        job.state = State::Retrying(retry.error.clone());
        let ask = retry.error.kind == ErrorKind::InUse
            && retry.since >= patience.holders_after
            && job.holders_asked.is_none_or(|asked| now.duration_since(asked) >= patience.holders_after * 2);
        if ask {
            job.holders_asked = Some(now);
        }
        let (after, op) = (retry.after, retry.op.clone());
        job.retry = Some(retry);
        if stopping {
            return;
        }
        self.pause(after, Back::Call(id, op));
        if ask && let Some(asked) = self.calls.holders(step) {
            self.idle.push(Box::pin(async move { Back::Holders(id, asked.await) }));
        }
    }

    /// AWS has taken the call, and gives an id later: that is a wait.
    fn underway(&mut self, at: usize, retry: Retry) {
        let Some(job) = self.jobs.get_mut(at) else { return };
        let (id, text) = (job.step.id, retry.error.message);
        if job.underway.as_ref() != Some(&text) {
            job.underway = Some(text.clone());
            self.events.send(Event::StepWaiting {
                step: info(job.step),
                waits_for: text.clone(),
                usually_ms: millis(self.paths.whole(job.step)),
            });
        }
        job.state = State::Waiting(text);
        if self.interrupted.is_none() {
            self.pause(retry.after, Back::Call(id, retry.op));
        }
    }

    /// AWS has throttled a call whose bucket is known: from now on all calls of that bucket wait for their turn.
    fn throttled(&mut self, at: usize, mut retry: Retry, limit: Limit, now: Instant) {
        let Some((id, pass)) = self.jobs.get(at).map(|job| (job.step.id, job.pass)) else { return };
        self.turns.throttled(limit, pass == Pass::Turn, now);
        retry.after = self.hold(id, retry.op.clone(), limit);
        let Some(job) = self.jobs.get_mut(at) else { return };
        self.events.send(retrying(job, &retry));
        job.state = State::Retrying(retry.error.clone());
        job.retry = Some(retry);
    }

    fn pause(&mut self, after: Duration, then: Back) {
        self.idle.push(Box::pin(async move {
            if !after.is_zero() {
                tokio::time::sleep(after).await;
            }
            then
        }));
    }

    /// Starts what waited for this.
    fn reached(&mut self, id: StepId, level: Level) {
        for dependent in self.dependents.get(&id).cloned().unwrap_or_default() {
            let at = dependent.0 as usize;
            if let Some(job) = self.jobs.get_mut(at) {
                job.blocked_by.remove(&(id, level));
                if level == Level::Finished {
                    job.blocked_by.remove(&(id, Level::Called));
                }
            }
            self.start_if_free(at);
        }
    }

    fn skip_dependents(&mut self, failed: StepId) {
        let mut next = vec![failed];
        while let Some(id) = next.pop() {
            for dependent in self.dependents.get(&id).cloned().unwrap_or_default() {
                let at = dependent.0 as usize;
                let Some(job) = self.jobs.get_mut(at) else { continue };
                if job.step.after.iter().all(|after| after.step != id || after.even_if_failed) {
                    job.blocked_by.retain(|(step, _)| *step != id);
                    self.start_if_free(at);
                    continue;
                }
                // What runs already had what it needed.
                if matches!(job.state, State::Blocked) {
                    job.state = State::Skipped;
                    self.events.send(Event::StepSkipped { step: info(job.step), because: failed });
                    self.outcome.skipped.push(Skip { step: dependent, because: failed });
                    next.push(dependent);
                }
            }
        }
    }

    fn interrupt(&mut self, why: Interruption) {
        if self.interrupted.is_some() {
            return;
        }
        self.interrupted = Some(why);
        // Pauses and polls end at once; they change nothing.
        self.idle.clear();
        self.polling = 0;
        self.polls.clear();
        self.events.send(Event::Interrupted { why, in_flight: self.active.len(), left: self.left() });
    }

    fn left(&self) -> usize {
        let ended = |job: &&Job<'_>| matches!(job.state, State::Done | State::Failed | State::Skipped);
        self.jobs.len() - self.jobs.iter().filter(ended).count()
    }

    fn heartbeat(&self) {
        let now = Instant::now();
        let mut running: Vec<Running> = self.jobs.iter().filter_map(|job| running(job, now, &self.paths)).collect();
        running.sort_by_key(|running| Reverse(running.since_ms));
        self.events.send(Event::Heartbeat {
            slots: Slots { used: self.active.len(), limit: self.options.parallelism.max(1), queued: self.queue.len() },
            running,
            left: self.left(),
            eta_ms: millis(self.eta(now)),
        });
    }

    /// The longest chain from here.
    fn eta(&self, now: Instant) -> Duration {
        let remaining = |job: &Job<'_>| match job.state {
            State::Done | State::Failed | State::Skipped => Duration::ZERO,
            State::Blocked | State::Queued => self.paths.tail(job.step.id),
            State::Calling | State::Retrying(_) | State::Waiting(_) => {
                let since = job.started.map_or(Duration::ZERO, |since| now.duration_since(since));
                let whole = self.paths.whole(job.step);
                // What overruns its estimate counts as about to be finished.
                self.paths.tail(job.step.id).saturating_sub(since.min(whole))
            }
        };
        let longest = self.jobs.iter().map(remaining).max().unwrap_or_default();
        longest.max(self.turns.longest(now))
    }

    fn finish(mut self) -> Outcome {
        for job in &self.jobs {
            let state = match &job.state {
                State::Done | State::Failed | State::Skipped => continue,
                State::Blocked => Left::NotStarted,
                State::Waiting(_) => Left::Waiting,
                State::Retrying(error) => Left::Retrying(error.clone()),
                State::Queued | State::Calling => match &job.retry {
                    Some(retry) => Left::Retrying(retry.error.clone()),
                    None => Left::NotStarted,
                },
            };
            self.outcome.remaining.push(Remaining { step: job.step.id, state });
        }
        // An interruption that came when nothing was left to interrupt is none.
        self.outcome.interrupted = self.interrupted.filter(|_| !self.outcome.remaining.is_empty());
        self.outcome.known = self.calls.into_known();
        self.outcome.took = self.began.elapsed();
        let counts: Counts = self.outcome.counts();
        self.events.send(Event::RunFinished { counts, took_ms: millis(self.outcome.took) });
        self.outcome
    }
}

fn info(step: &Step) -> StepInfo {
    StepInfo { id: step.id, address: step.address.clone(), kind: step.kind, action: step.action }
}

fn retrying(job: &Job<'_>, retry: &Retry) -> Event {
    Event::StepRetrying {
        step: info(job.step),
        error: retry.error.clone(),
        tries: retry.tries,
        since_ms: millis(retry.since),
        next_ms: millis(retry.after),
        holders: job.holders.clone(),
    }
}

fn running(job: &Job<'_>, now: Instant, paths: &Paths) -> Option<Running> {
    let doing = match &job.state {
        State::Calling => Doing::Calling,
        State::Queued if job.started.is_some() => Doing::Calling,
        State::Retrying(error) => Doing::Retrying(error.kind.clone()),
        State::Waiting(text) => Doing::Waiting(text.clone()),
        State::Blocked | State::Queued | State::Done | State::Failed | State::Skipped => return None,
    };
    Some(Running {
        step: info(job.step),
        doing,
        since_ms: millis(job.started.map_or(Duration::ZERO, |since| now.duration_since(since))),
        usually_ms: millis(paths.whole(job.step)),
    })
}

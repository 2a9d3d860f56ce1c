//! How long a plan takes if nothing that may run side by side waits for anything but AWS.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use aomidori_model::limits::{Fill, Limit};

use crate::{Level, Plan, Step, StepId};

/// The chain of steps that decides how long a plan takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// How many seconds it usually takes on AWS.
    pub seconds: u64,
    /// The chain, first to last; its seconds add up to those of the plan, but for what is rounded.
    pub path: Vec<Leg>,
}

/// One step of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// The step.
    pub step: StepId,
    /// How many seconds it could be called and waits for others that take the same tokens
    /// ([`Limit`](aomidori_model::limits::Limit)).
    pub queued: u64,
    /// How many seconds of the plan it takes then: of a step that the next one only needs to have been called, those
    /// until then.
    pub seconds: u64,
}

/// The longest chain of a plan: how many seconds it usually takes on AWS, and its steps, first to last.
///
/// No parallelism and no luck make a plan faster than this. The seconds are those of [`Step::estimate`](crate::Step), and
/// what AWS's limits add to them.
pub fn critical_path(plan: &Plan) -> (u64, Vec<StepId>) {
    let schedule = schedule(plan);
    (schedule.seconds, schedule.path.iter().map(|leg| leg.step).collect())
}

/// When every step of a plan starts and ends, if each is called as soon as what it waits for is far enough and AWS takes
/// the call. Of those that wait for the same tokens, the one with the longest chain behind it comes first.
pub fn schedule(plan: &Plan) -> Schedule {
    Simulation::new(plan).run()
}

/// The seconds from the start of each step to the end of the longest chain that begins with it, by step number: what a
/// ready queue goes by.
pub fn remaining(plan: &Plan) -> Vec<u64> {
    let mut remaining = vec![0; plan.steps.len()];
    for step in plan.steps.iter().rev() {
        let at = step.id.0 as usize;
        // Followers have higher numbers, so theirs have been written already, as the longest time after a level.
        let rest = remaining.get(at).copied().unwrap_or_default().max(until(step, Level::Finished));
        if let Some(slot) = remaining.get_mut(at) {
            *slot = rest;
        }
        for after in &step.after {
            let Some(before) = plan.step(after.step) else { continue };
            if let Some(slot) = remaining.get_mut(after.step.0 as usize) {
                *slot = (*slot).max(until(before, after.level) + rest);
            }
        }
    }
    remaining
}

/// How many seconds a step takes until it is so far.
fn until(step: &Step, level: Level) -> u64 {
    let finish = if level == Level::Finished { step.estimate.finish } else { 0 };
    u64::from(step.estimate.call) + u64::from(finish)
}

/// What is known of a step; times are in milliseconds from the start of the plan.
#[derive(Clone, Debug, Default)]
struct Run {
    /// How many steps it still waits for.
    blocked_by: usize,
    /// When it may start, and the step that it waited for longest.
    ready: (u64, Option<(StepId, Level)>),
    started: u64,
}

/// A bucket, and the steps that wait for its tokens.
#[derive(Debug, Default)]
struct Queue {
    fill: Fill,
    waiting: BinaryHeap<(u64, Reverse<StepId>)>,
    /// A turn is coming.
    due: bool,
}

/// What happens at one moment, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    /// A step has nothing left to wait for.
    Ready(StepId),
    /// A bucket has tokens.
    Turn(&'static str),
}

struct Simulation<'a> {
    plan: &'a Plan,
    tails: Vec<u64>,
    runs: Vec<Run>,
    dependents: BTreeMap<StepId, Vec<(StepId, Level)>>,
    queues: BTreeMap<&'static str, Queue>,
    happens: BinaryHeap<Reverse<(u64, Happens)>>,
}

impl<'a> Simulation<'a> {
    fn new(plan: &'a Plan) -> Simulation<'a> {
        let mut simulation = Simulation {
            plan,
            tails: remaining(plan),
            runs: vec![Run::default(); plan.steps.len()],
            dependents: BTreeMap::new(),
            queues: BTreeMap::new(),
            happens: BinaryHeap::new(),
        };
        for step in &plan.steps {
            for after in step.after.iter().filter(|after| plan.step(after.step).is_some()) {
                simulation.dependents.entry(after.step).or_default().push((step.id, after.level));
                if let Some(run) = simulation.runs.get_mut(step.id.0 as usize) {
                    run.blocked_by += 1;
                }
            }
        }
        for step in &plan.steps {
            if simulation.runs.get(step.id.0 as usize).is_some_and(|run| run.blocked_by == 0) {
                simulation.happens.push(Reverse((0, Happens::Ready(step.id))));
            }
        }
        simulation
    }

    fn run(mut self) -> Schedule {
        while let Some(Reverse((now, what))) = self.happens.pop() {
            match what {
                Happens::Ready(id) => self.ready(id, now),
                Happens::Turn(bucket) => self.turn(bucket, now),
            }
        }
        self.chain()
    }

    fn ready(&mut self, id: StepId, now: u64) {
        let Some(limit) = self.plan.step(id).and_then(Step::limit) else { return self.start(id, now) };
        let tail = self.tails.get(id.0 as usize).copied().unwrap_or_default();
        let queue = self.queues.entry(limit.bucket).or_default();
        queue.waiting.push((tail, Reverse(id)));
        if !queue.due {
            queue.due = true;
            let at = queue.fill.free_at(limit).max(now);
            self.happens.push(Reverse((at, Happens::Turn(limit.bucket))));
        }
    }

    fn turn(&mut self, bucket: &'static str, now: u64) {
        while let Some((id, limit)) = self.next_of(bucket) {
            let Some(queue) = self.queues.get_mut(bucket) else { return };
            let free = queue.fill.free_at(limit);
            if free > now {
                self.happens.push(Reverse((free, Happens::Turn(bucket))));
                return;
            }
            queue.fill.take(now, limit);
            queue.waiting.pop();
            self.start(id, now);
        }
        if let Some(queue) = self.queues.get_mut(bucket) {
            queue.due = false;
        }
    }

    fn next_of(&self, bucket: &str) -> Option<(StepId, Limit)> {
        let (_, Reverse(id)) = self.queues.get(bucket)?.waiting.peek()?;
        Some((*id, self.plan.step(*id)?.limit()?))
    }

    fn start(&mut self, id: StepId, now: u64) {
        let Some(step) = self.plan.step(id) else { return };
        if let Some(run) = self.runs.get_mut(id.0 as usize) {
            run.started = now;
        }
        for &(dependent, level) in self.dependents.get(&id).into_iter().flatten() {
            let Some(run) = self.runs.get_mut(dependent.0 as usize) else { continue };
            let at = now + until(step, level) * 1_000;
            // Of those that end together, the first in the plan's order.
            let later = run.ready.1.is_none_or(|(other, _)| (at, Reverse(id)) > (run.ready.0, Reverse(other)));
            if later {
                run.ready = (at, Some((id, level)));
            }
            run.blocked_by = run.blocked_by.saturating_sub(1);
            if run.blocked_by == 0 {
                self.happens.push(Reverse((run.ready.0, Happens::Ready(dependent))));
            }
        }
    }

    /// The chain that ends last, from its end.
    fn chain(&self) -> Schedule {
        let end = |step: &Step, run: &Run| run.started + until(step, Level::Finished) * 1_000;
        let ends = self.plan.steps.iter().zip(&self.runs).map(|(step, run)| (end(step, run), Reverse(step.id)));
        let Some((total, Reverse(last))) = ends.max() else { return Schedule::default() };
        let mut path = Vec::new();
        let mut next = Some((last, Level::Finished));
        while let Some((id, level)) = next {
            let (Some(step), Some(run)) = (self.plan.step(id), self.runs.get(id.0 as usize)) else { break };
            let queued = (run.started - run.ready.0.min(run.started)) / 1_000;
            path.push(Leg { step: id, queued, seconds: until(step, level) });
            next = run.ready.1;
        }
        path.reverse();
        Schedule { seconds: total.div_ceil(1_000), path }
    }
}

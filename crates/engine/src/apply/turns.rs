//! Calls that AWS limits ([`Limit`]). Nothing is held back until AWS throttles one; from then on the calls of its bucket are
//! made as often as the bucket refills, and those with the longest chains behind them come first.
//!
//! Were each to try again on its own, the calls that a plan waits for would come when chance has it, and most of them would
//! be refused.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use aomidori_model::limits::{Fill, Limit};
use aomidori_plan::StepId;
use tokio::time::Instant;

use super::step::Op;
use crate::options::Pace;

/// A call that waits for its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// The step that makes it.
    pub(super) step: StepId,
    /// The call.
    pub(super) op: Op,
    /// Since when.
    pub(super) since: Instant,
}

/// What a turn brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// This call is made now.
    Of(Held),
    /// The next one can be made after so long.
    After(Duration),
    /// Nobody waits.
    Nobody,
}

/// One bucket that was found empty.
#[derive(Debug)]
struct Bucket {
    limit: Limit,
    fill: Fill,
    /// How many calls in a row had their turn and were throttled all the same: somebody else takes tokens too.
    refused: u32,
    /// By the chain behind them, then by number.
    waiting: BinaryHeap<(Duration, Reverse<StepId>, u64)>,
}

impl Bucket {
    /// One for which nobody waits yet.
    fn empty(limit: Limit, fill: Fill) -> Bucket {
        Bucket { limit, fill, refused: 0, waiting: BinaryHeap::new() }
    }
}

/// The buckets that were found empty, on the cloud's clock.
#[derive(Debug)]
pub(super) struct Turns {
    began: Instant,
    speed: f64,
    /// How much longer the pause gets with every refusal, in our time.
    pace: Pace,
    buckets: BTreeMap<&'static str, Bucket>,
    held: BTreeMap<u64, (Held, Limit)>,
    so_far: u64,
}

impl Turns {
    /// No bucket is empty yet. `speed` is how much faster than AWS's the cloud's clock runs.
    pub(super) fn new(began: Instant, speed: f64, pace: Pace) -> Turns {
        Turns { began, speed, pace, buckets: BTreeMap::new(), held: BTreeMap::new(), so_far: 0 }
    }

    /// AWS has throttled a call of this bucket, which had waited for its turn or not.
    pub(super) fn throttled(&mut self, limit: Limit, had_turn: bool, now: Instant) {
        let refused = self.buckets.get(limit.bucket).map_or(0, |bucket| bucket.refused);
        let longer = if had_turn { self.pace.interval(refused) } else { Duration::ZERO };
        let fill = Fill::empty(self.clock(now + longer), limit);
        let bucket = self.buckets.entry(limit.bucket);
        let bucket = bucket.or_insert_with(|| Bucket::empty(limit, fill));
        bucket.fill = fill;
        bucket.refused += u32::from(had_turn);
    }

    /// AWS has taken a call of this bucket.
    pub(super) fn taken(&mut self, limit: Limit) {
        if let Some(bucket) = self.buckets.get_mut(limit.bucket) {
            bucket.refused = 0;
        }
    }

    /// True if calls of this bucket wait for their turn.
    pub(super) fn holds(&self, limit: Limit) -> bool {
        self.buckets.contains_key(limit.bucket)
    }

    /// Holds a call until its turn, and says how long that takes if nothing else happens; `true` if it is the only one, and
    /// somebody has to ask for the turn.
    pub(super) fn hold(&mut self, held: Held, limit: Limit, tail: Duration) -> (Duration, bool) {
        let now = self.clock(held.since);
        let step = held.step;
        self.so_far += 1;
        self.held.insert(self.so_far, (held, limit));
        let bucket = self.buckets.entry(limit.bucket);
        let bucket = bucket.or_insert_with(|| Bucket::empty(limit, Fill::empty(now, limit)));
        let first = bucket.waiting.is_empty();
        let before = bucket.waiting.iter().filter(|(other, ..)| *other >= tail).count();
        bucket.waiting.push((tail, Reverse(step), self.so_far));
        let until = bucket.fill.free_at(limit).saturating_sub(now);
        let queue = u64::try_from(before).unwrap_or_default() * u64::from(limit.every_ms) * u64::from(limit.calls);
        (self.real(until + queue), first)
    }

    /// The next call of a bucket.
    pub(super) fn turn(&mut self, bucket: &'static str, now: Instant) -> Turn {
        let at = self.clock(now);
        let Some(bucket) = self.buckets.get_mut(bucket) else { return Turn::Nobody };
        let Some((.., number)) = bucket.waiting.peek() else { return Turn::Nobody };
        let limit = self.held.get(number).map_or(bucket.limit, |(_, limit)| *limit);
        let free = bucket.fill.free_at(limit);
        if free > at {
            return Turn::After(self.real(free - at));
        }
        bucket.fill.take(at, limit);
        let next = bucket.waiting.pop().and_then(|(.., number)| self.held.remove(&number));
        next.map_or(Turn::Nobody, |(held, _)| Turn::Of(held))
    }

    /// The longest time that a call which waits and the chain behind it still take.
    pub(super) fn longest(&self, now: Instant) -> Duration {
        let at = self.clock(now);
        let bucket = |bucket: &Bucket| {
            let mut fill = bucket.fill;
            let waiting = bucket.waiting.clone().into_sorted_vec();
            let ends = waiting.into_iter().rev().map(|(tail, _, number)| {
                let limit = self.held.get(&number).map_or(bucket.limit, |(_, limit)| *limit);
                let turn = fill.free_at(limit).max(at);
                fill.take(turn, limit);
                self.real(turn - at) + tail
            });
            ends.max()
        };
        self.buckets.values().filter_map(bucket).max().unwrap_or_default()
    }

    /// Milliseconds of the cloud's clock.
    fn clock(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.began).mul_f64(self.speed);
        u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
    }

    /// So many milliseconds of the cloud's clock, in ours. Never nothing: the clocks are rounded.
    fn real(&self, ms: u64) -> Duration {
        Duration::from_millis(ms).div_f64(self.speed) + Duration::from_millis(1)
    }
}

//! How a plan is carried out: parallelism, pace and patience.

use std::time::Duration;

/// How [`apply`](crate::apply()) works. [`ApplyOptions::new`] has what fits AWS.
#[derive(Clone, Debug, PartialEq)]
pub struct ApplyOptions {
    /// Unique to the run, at most 24 characters of `[a-z0-9-]`: client tokens are made of it.
    pub run: String,
    /// Calls in flight at once; polls not counted.
    pub parallelism: usize,
    /// Polls in flight at once.
    pub polls: usize,
    /// How waits are polled.
    pub poll: Pace,
    /// How calls are repeated that failed.
    pub retry: Patience,
    /// The longest time between two heartbeats.
    pub heartbeat: Duration,
    /// How many times faster than AWS the cloud's clock runs, for estimates only.
    pub speed: f64,
    /// For the jitter of backoffs.
    pub seed: u64,
}

/// Growing intervals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// The first.
    pub first: Duration,
    /// What each is multiplied by.
    pub factor: f64,
    /// The longest.
    pub cap: Duration,
}

/// How long a call is repeated that fails, by what failed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patience {
    /// Between two tries, where no other pace is given.
    pub pace: Pace,
    /// Between two tries after a throttled one; jittered.
    pub throttled_pace: Pace,
    /// How long a throttled call is repeated.
    pub throttled: Duration,
    /// How long something that was just made may be invisible.
    pub not_yet: Duration,
    /// How long something may be in use.
    pub in_use: Duration,
    /// After how long it is asked what holds it.
    pub holders_after: Duration,
    /// How often a call without an answer is repeated.
    pub unknown: u32,
    /// How often a create without an answer is looked for before it is repeated.
    pub finds: u32,
    /// How long a wait may take at least; longer ones have ten times their estimate.
    pub wait: Duration,
}

impl ApplyOptions {
    /// For AWS.
    pub fn new(run: impl Into<String>) -> ApplyOptions {
        let run = run.into();
        let seed = run
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let seconds = Duration::from_secs;
        ApplyOptions {
            run,
            parallelism: 10,
            polls: 4,
            poll: Pace { first: seconds(1), factor: 1.5, cap: seconds(10) },
            retry: Patience {
                pace: Pace { first: seconds(1), factor: 1.5, cap: seconds(10) },
                throttled_pace: Pace { first: Duration::from_millis(500), factor: 2.0, cap: seconds(20) },
                throttled: seconds(10 * 60),
                not_yet: seconds(3 * 60),
                in_use: seconds(15 * 60),
                holders_after: seconds(20),
                unknown: 6,
                finds: 4,
                wait: seconds(30 * 60),
            },
            heartbeat: seconds(10),
            speed: 1.0,
            seed,
        }
    }

    /// For a cloud whose clock runs `speed` times faster than AWS's: the same in its own time, with intervals of at
    /// least 5 ms. Limits stay in real time.
    #[must_use]
    pub fn at_speed(mut self, speed: f64) -> ApplyOptions {
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
        for pace in [&mut self.poll, &mut self.retry.pace, &mut self.retry.throttled_pace] {
            let faster = |duration: Duration| duration.div_f64(speed).max(Duration::from_millis(5));
            *pace = Pace { first: faster(pace.first), factor: pace.factor, cap: faster(pace.cap) };
        }
        self.speed = speed;
        self
    }
}

impl Pace {
    /// The interval after `n` others.
    pub fn interval(&self, n: u32) -> Duration {
        let n = i32::try_from(n.min(64)).unwrap_or(64);
        let seconds = self.first.as_secs_f64() * self.factor.max(1.0).powi(n);
        Duration::from_secs_f64(seconds.min(self.cap.as_secs_f64()))
    }
}

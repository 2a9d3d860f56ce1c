//! How often AWS lets an account call what makes, changes and removes a kind (field.md 5.3).
//!
//! AWS counts in token buckets: so many calls at once, then as many as the bucket refills. A plan's times know these
//! limits, and the engine goes by them once AWS has throttled it. What is not listed has no published limit, or none that
//! a stack comes near.

/// The bucket that a call takes its tokens from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Its name: that of the only call that uses it, or of what the calls have in common. Calls of one name share it.
    pub bucket: &'static str,
    /// How many calls it holds.
    pub burst: u32,
    /// After how many milliseconds there is one more.
    pub every_ms: u32,
    /// How many calls of this bucket one resource takes.
    pub calls: u32,
}

/// The limits of a kind's calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Of what creates one.
    pub create: Option<Limit>,
    /// Of what changes one in place.
    pub update: Option<Limit>,
    /// Of what deletes one.
    pub delete: Option<Limit>,
}

impl Limit {
    /// A bucket of which one call is enough for a resource.
    pub const fn new(bucket: &'static str, burst: u32, every_ms: u32) -> Limit {
        Limit { bucket, burst, every_ms, calls: 1 }
    }

    /// EC2's calls that change something: each has a bucket of its own, as large as the others'.
    pub const fn ec2(call: &'static str) -> Limit {
        Limit::new(call, 50, 200)
    }

    /// Elastic Load Balancing's calls that change something: they share one bucket.
    pub const fn load_balancing() -> Limit {
        Limit::new("elasticloadbalancing:write", 20, 334)
    }

    /// The same bucket, with so many calls for each resource.
    #[must_use]
    pub const fn times(self, calls: u32) -> Limit {
        Limit { calls, ..self }
    }
}

impl Limits {
    /// Nothing is limited.
    pub const NONE: Limits = Limits { create: None, update: None, delete: None };

    /// What creates and what deletes are limited.
    pub const fn new(create: Limit, delete: Limit) -> Limits {
        Limits { create: Some(create), update: None, delete: Some(delete) }
    }
}

/// How full a bucket is, in milliseconds of whatever clock it is asked with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fill {
    /// When it is full, if nobody takes anything.
    full_at: u64,
}

impl Fill {
    /// A bucket that has just been found empty.
    pub fn empty(now: u64, limit: Limit) -> Fill {
        Fill { full_at: now + u64::from(limit.burst) * u64::from(limit.every_ms) }
    }

    /// When it has, or had, enough for one resource.
    pub fn free_at(&self, limit: Limit) -> u64 {
        let (every, burst) = (u64::from(limit.every_ms), limit.burst.max(1));
        (self.full_at + u64::from(limit.calls.min(burst)) * every).saturating_sub(u64::from(burst) * every)
    }

    /// Takes what one resource needs.
    pub fn take(&mut self, now: u64, limit: Limit) {
        let calls = limit.calls.min(limit.burst.max(1));
        self.full_at = self.full_at.max(now) + u64::from(calls) * u64::from(limit.every_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When each of so many resources gets its turn, if all are there from the start.
    fn turns(limit: Limit, count: usize, mut fill: Fill) -> Vec<u64> {
        let mut now = 0;
        let mut turn = || {
            now = fill.free_at(limit).max(now);
            fill.take(now, limit);
            now
        };
        (0..count).map(|_| turn()).collect()
    }

    #[test]
    fn a_bucket_gives_what_it_holds_and_then_what_it_gets() {
        let limit = Limit::new("x", 3, 1_000);
        assert_eq!(turns(limit, 5, Fill::default()), [0, 0, 0, 1_000, 2_000]);
        assert_eq!(turns(limit, 3, Fill::empty(0, limit)), [1_000, 2_000, 3_000]);
        assert_eq!(turns(limit.times(2), 4, Fill::default()), [0, 1_000, 3_000, 5_000]);
        // More at once than it ever holds: as much as it holds.
        assert_eq!(turns(limit.times(9), 2, Fill::default()), [0, 3_000]);
        assert_eq!(turns(Limit::new("x", 0, 1_000), 2, Fill::default()), [0, 1_000]);
    }

    #[test]
    fn a_bucket_that_nobody_uses_fills_again() {
        let limit = Limit::new("x", 2, 1_000);
        let mut fill = Fill::empty(0, limit);
        fill.take(10_000, limit);
        fill.take(10_000, limit);
        assert_eq!(fill.free_at(limit), 11_000);
    }
}

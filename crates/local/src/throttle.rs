//! Token buckets, as AWS publishes them, on the simulated clock.

use std::collections::BTreeMap;

use crate::clock::Time;

/// The bucket that a call takes its token from: capacity, and tokens per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) name: &'static str,
    pub(crate) burst: f64,
    pub(crate) refill: f64,
}

impl Bucket {
    /// A bucket that the operations which name it share.
    pub(crate) const fn shared(name: &'static str, burst: f64, refill: f64) -> Bucket {
        Bucket { name, burst, refill }
    }

    /// A bucket of the operation's own.
    pub(crate) const fn own(burst: f64, refill: f64) -> Bucket {
        Bucket { name: "", burst, refill }
    }
}

/// The fill of all buckets.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    levels: BTreeMap<(String, &'static str, String), (f64, Time)>,
}

impl Buckets {
    /// Takes a token; false if there is none.
    pub(crate) fn take(
        &mut self,
        region: &str,
        service: &'static str,
        operation: &str,
        bucket: Bucket,
        now: Time,
    ) -> bool {
        let name = if bucket.name.is_empty() { operation } else { bucket.name };
        let key = (region.to_owned(), service, name.to_owned());
        let (level, at) = self.levels.entry(key).or_insert((bucket.burst, now));
        *level = (*level + now.since(*at).as_secs_f64() * bucket.refill).min(bucket.burst);
        *at = now;
        if *level < 1.0 {
            return false;
        }
        *level -= 1.0;
        true
    }

    pub(crate) fn reset(&mut self) {
        self.levels.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_refills() {
        let mut buckets = Buckets::default();
        let bucket = Bucket::own(2.0, 0.5);
        let mut take = |now| buckets.take("r", "ec2", "CreateVpcEndpoint", bucket, Time(now));
        assert_eq!(
            [take(0), take(0), take(0), take(1000), take(2000), take(2000)],
            [true, true, false, false, true, false]
        );
    }
}

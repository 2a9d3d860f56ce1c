//! Simulated time.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::options::Pace;
use crate::server::Shared;

/// A moment of simulated time, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub u64);

impl Time {
    /// This moment as seconds since 1970, as AWS's JSON protocols write it.
    #[must_use]
    pub fn epoch_seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// `2026-11-22T20:45:00.000Z`, as AWS's XML protocols write it.
    #[must_use]
    pub fn iso8601(self) -> String {
        let (days, rest) = (self.0 / 86_400_000, self.0 % 86_400_000);
        let (year, month, day) = civil(days);
        let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
        let (second, milli) = (rest / 1000 % 60, rest % 1000);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }

    /// How much later this is than `earlier`; zero if it is not.
    #[must_use]
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for Time {
    type Output = Time;
    fn add(self, rhs: Duration) -> Time {
        Time(self.0.saturating_add(u64::try_from(rhs.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso8601())
    }
}

/// Days since 1970-01-01 to year, month, day (Gregorian).
fn civil(days: u64) -> (u64, u64, u64) {
    // Eras of 400 years that begin on 1 March, so that the leap day is the last of its year.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// Where simulated time comes from: a base, and how fast it has been running since.
#[derive(Debug)]
pub(crate) struct Source {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    base: Time,
    since: Instant,
    pace: Pace,
}

impl Inner {
    fn now(&self) -> Time {
        match self.pace {
            Pace::Manual => self.base,
            Pace::Rate(rate) => {
                let elapsed = self.since.elapsed().as_secs_f64() * rate.max(0.0);
                self.base + Duration::try_from_secs_f64(elapsed).unwrap_or_default()
            }
        }
    }

    fn rebase(&mut self, base: Time) {
        self.base = base;
        self.since = Instant::now();
    }
}

impl Source {
    pub(crate) fn new(base: Time, pace: Pace) -> Self {
        Source { inner: Mutex::new(Inner { base, since: Instant::now(), pace }) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Time {
        self.lock().now()
    }

    pub(crate) fn pace(&self) -> Pace {
        self.lock().pace
    }

    fn set_pace(&self, pace: Pace) {
        let mut inner = self.lock();
        let now = inner.now();
        inner.rebase(now);
        inner.pace = pace;
    }

    fn forward_to(&self, to: Time) {
        let mut inner = self.lock();
        if to > inner.now() {
            inner.rebase(to);
        }
    }
}

/// The real time, where a new local cloud begins.
pub(crate) fn real_now() -> Time {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(u64::try_from(elapsed.as_millis()).unwrap_or_default())
}

/// The clock of a local cloud. It never goes back.
#[derive(Clone)]
pub struct Clock {
    pub(crate) shared: Arc<Shared>,
}

impl Clock {
    /// The simulated time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.shared.source.now()
    }

    /// Lets `by` pass at once; everything that falls due has happened when this returns.
    pub fn advance(&self, by: Duration) {
        self.set(self.now() + by);
    }

    /// Moves forward to `to` (nothing happens if that has passed already).
    pub fn set(&self, to: Time) {
        self.shared.source.forward_to(to);
        self.shared.advance();
    }

    /// How time passes.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.shared.source.pace()
    }

    /// Changes how time passes from now on.
    pub fn set_pace(&self, pace: Pace) {
        self.shared.source.set_pace(pace);
        self.shared.changed.notify_one();
    }

    /// Moves to the next moment at which something happens by itself, and says which that was; `None` if nothing is due.
    pub fn advance_to_next(&self) -> Option<Time> {
        let next = self.shared.lock().world.next_due()?;
        self.set(next);
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (1_735_689_600_000, "2025-01-01T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(Time(millis).iso8601(), text);
        }
    }

    #[test]
    fn a_manual_clock_stands_still_and_never_goes_back() {
        let source = Source::new(Time(1000), Pace::Manual);
        source.forward_to(Time(5000));
        source.forward_to(Time(2000));
        assert_eq!(source.now(), Time(5000));
    }
}

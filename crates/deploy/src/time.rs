//! The cloud's time, and how long the parts of a deployment take.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aomidori_model::kinds::deployment_config::TrafficRouting;
use aomidori_model::kinds::deployment_group::ReadyOption;
use aomidori_model::kinds::target_group::HealthCheck;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::stage::Stage;

/// A moment by the cloud's clock, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub i64);

impl Moment {
    /// How much later this is than `earlier`; zero if it is not.
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default())
    }
}

impl std::ops::Add<Duration> for Moment {
    type Output = Moment;
    fn add(self, later: Duration) -> Moment {
        Moment(self.0.saturating_add(i64::try_from(later.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// The cloud's clock as this process knows it: AWS's is everybody's, a local cloud's may run fast.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    base: Moment,
    at: Instant,
    rate: f64,
}

impl Clock {
    /// Everybody's clock.
    pub fn system() -> Clock {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock::at(Moment(i64::try_from(now.as_millis()).unwrap_or_default()), 1.0)
    }

    /// A clock that shows `now`, and runs `rate` times as fast as time does.
    pub fn at(now: Moment, rate: f64) -> Clock {
        let rate = if rate.is_finite() && rate > 0.0 { rate } else { 1.0 };
        Clock { base: now, at: Instant::now(), rate }
    }

    /// What it shows.
    pub fn now(&self) -> Moment {
        self.base + self.at.elapsed().mul_f64(self.rate)
    }

    /// How many times as fast as time it runs.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// How long something of the cloud's time takes here.
    pub fn here(&self, there: Duration) -> Duration {
        there.div_f64(self.rate)
    }
}

/// AWS fails a life-cycle event that has not ended after an hour, and a deployment that has not started after five
/// minutes (aws-facts 3.1); it is given this much longer to say so itself.
const AWS_LIMIT: Duration = Duration::from_secs(3600);
const STARTS: Duration = Duration::from_secs(300);
const SLACK: Duration = Duration::from_secs(300);
/// A Fargate task from its start until its container answers (field 5.5: 20 to 60 seconds).
const TASK_START: Duration = Duration::from_secs(45);

/// How long the parts of a deployment take: computed from what the service, its target groups and its deployment group
/// say, and shown beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// Until green's containers run.
    pub start: Duration,
    /// Until green's targets are healthy: threshold and interval of the health check.
    pub health: Duration,
    /// The service's grace period, in which failing checks do not count.
    pub grace: Duration,
    /// The longest wait for somebody to re-route; `None` where CodeDeploy goes on by itself.
    pub ready: Option<Duration>,
    /// While production traffic shifts.
    pub shift: Duration,
    /// While blue waits to be terminated.
    pub bake: Duration,
}

impl Timings {
    /// The timings of a blue/green deployment.
    pub fn blue_green(
        check: Option<&HealthCheck>,
        grace: Option<u32>,
        ready: ReadyOption,
        terminate_after: u32,
        routing: TrafficRouting,
    ) -> Timings {
        Timings {
            ready: match ready {
                ReadyOption::Continue => None,
                ReadyOption::Wait { minutes } => Some(self::minutes(minutes)),
            },
            shift: shift(routing),
            bake: minutes(terminate_after),
            ..Timings::rolling(check, grace)
        }
    }

    /// The timings of one round of a rolling deployment.
    pub fn rolling(check: Option<&HealthCheck>, grace: Option<u32>) -> Timings {
        let health = check.map_or(0, |check| check.seconds_until_healthy());
        Timings {
            start: TASK_START,
            health: Duration::from_secs(health.into()),
            grace: Duration::from_secs(grace.unwrap_or_default().into()),
            ready: None,
            shift: Duration::ZERO,
            bake: Duration::ZERO,
        }
    }

    /// From the beginning until green is up, until production is on it, and until blue is gone; the wait for somebody to
    /// re-route not counted.
    pub fn until(&self) -> [Duration; 3] {
        let up = self.start + self.health;
        [up, up + self.shift, up + self.shift + self.bake]
    }

    /// How long a stage usually takes.
    pub fn usually(&self, stage: &Stage) -> Duration {
        match stage {
            Stage::Created => Duration::from_secs(5),
            Stage::Installing { .. } => self.start + self.health,
            Stage::TestTraffic => Duration::from_secs(10),
            Stage::Ready { .. } => self.ready.unwrap_or_default(),
            Stage::Shifting { .. } => self.shift + Duration::from_secs(10),
            Stage::Shifted { .. } => self.bake,
            Stage::Succeeded | Stage::Failed | Stage::Stopped => Duration::ZERO,
        }
    }

    /// After how long a stage has taken too long. AWS's own limits come first, so that a slow deployment is never given
    /// up that AWS would let end.
    pub fn limit(&self, stage: &Stage) -> Duration {
        let own = match stage {
            Stage::Created => STARTS,
            Stage::Installing { .. } => AWS_LIMIT.max(self.start + self.health + self.grace),
            Stage::TestTraffic => AWS_LIMIT,
            Stage::Ready { .. } => self.ready.unwrap_or(AWS_LIMIT),
            Stage::Shifting { .. } => self.shift + AWS_LIMIT,
            Stage::Shifted { .. } => self.bake + AWS_LIMIT,
            Stage::Succeeded | Stage::Failed | Stage::Stopped => Duration::ZERO,
        };
        own + SLACK
    }

    /// After how long a rolling deployment of so many tasks, so many at a time, has taken too long.
    pub fn rolling_limit(&self, rounds: u32) -> Duration {
        let round = self.start + self.health + self.grace;
        (round * 10 * rounds.max(1)).max(Duration::from_secs(1800))
    }
}

fn minutes(minutes: u32) -> Duration {
    Duration::from_secs(u64::from(minutes) * 60)
}

/// How long production traffic shifts.
pub fn shift(routing: TrafficRouting) -> Duration {
    match routing {
        TrafficRouting::AllAtOnce => Duration::ZERO,
        TrafficRouting::Canary { percent: _, minutes } => self::minutes(minutes),
        // The first part shifts at once.
        TrafficRouting::Linear { percent, minutes } => {
            self::minutes(minutes) * 100_u32.div_ceil(percent.max(1)).saturating_sub(1)
        }
    }
}

/// What a predefined configuration does (`CodeDeployDefault.ECSLinear10PercentEvery3Minutes`, aws-facts 3.7).
pub fn predefined(config: &str) -> Option<TrafficRouting> {
    TrafficRouting::predefined(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predefined_configurations_are_read_from_their_names() {
        let name = |name: &str| predefined(&format!("CodeDeployDefault.{name}"));
        assert_eq!(name("ECSAllAtOnce"), Some(TrafficRouting::AllAtOnce));
        assert_eq!(name("ECSLinear10PercentEvery3Minutes"), Some(TrafficRouting::Linear { percent: 10, minutes: 3 }));
        assert_eq!(name("ECSCanary10Percent15Minutes"), Some(TrafficRouting::Canary { percent: 10, minutes: 15 }));
        assert_eq!(name("OneAtATime"), None);
        assert_eq!(predefined("shop-slow"), None);
    }

    #[test]
    fn shifts_take_as_long_as_their_steps() {
        assert_eq!(shift(TrafficRouting::AllAtOnce), Duration::ZERO);
        assert_eq!(shift(TrafficRouting::Canary { percent: 10, minutes: 5 }), minutes(5));
        // 10, 20, … 100 percent: nine intervals between ten steps.
        assert_eq!(shift(TrafficRouting::Linear { percent: 10, minutes: 1 }), minutes(9));
        assert_eq!(shift(TrafficRouting::Linear { percent: 30, minutes: 2 }), minutes(6));
    }

    #[test]
    fn times_add_up() {
        let check = HealthCheck::default();
        let wait = ReadyOption::Wait { minutes: 5 };
        let timings =
            Timings::blue_green(Some(&check), Some(60), wait, 5, TrafficRouting::Canary { percent: 10, minutes: 5 });
        assert_eq!(timings.until().map(|it| it.as_secs()), [165, 465, 765]);
        assert_eq!(timings.limit(&Stage::Ready { until: None }), minutes(10));
        // A green that is slow is never given up before AWS gives it up.
        assert!(timings.limit(&Stage::Installing { running: 0, desired: 1 }) > AWS_LIMIT);
        assert!(timings.limit(&Stage::Shifting { percent: 10.0 }) > minutes(65));
    }
}

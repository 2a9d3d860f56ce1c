//! What can be chosen when a local cloud is started.

use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Time;

/// How simulated time passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Simulated time runs this many times faster than real time.
    Rate(f64),
    /// Simulated time stands still until [`Clock::advance`](crate::Clock::advance) is called.
    Manual,
}

/// Account limits that AWS raises on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Elastic IP addresses per region (AWS's default: 5).
    pub elastic_ips: usize,
    /// VPCs per region (AWS's default: 5).
    pub vpcs: usize,
    /// Internet gateways per region (AWS's default: 5).
    pub internet_gateways: usize,
    /// NAT gateways per availability zone (AWS's default: 5).
    pub nat_gateways_per_zone: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Quotas { elastic_ips: 5, vpcs: 5, internet_gateways: 5, nat_gateways_per_zone: 5 }
    }
}

impl Quotas {
    /// Limits that no test or benchmark runs into.
    #[must_use]
    pub fn generous() -> Self {
        Quotas { elastic_ips: 10_000, vpcs: 10_000, internet_gateways: 10_000, nat_gateways_per_zone: 10_000 }
    }
}

/// How a local cloud behaves. `Options::default()` is AWS at 60 times its speed, in memory, on a free port.
#[derive(Clone, Debug)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Where state is kept between processes; `None` keeps it in memory only.
    pub state_dir: Option<PathBuf>,
    /// How simulated time passes.
    pub pace: Pace,
    /// When simulated time begins, for a cloud without state; `None` is the real time.
    pub start: Option<Time>,
    /// Everything that takes time on AWS is done at once. For benchmarks and for tests that are not about time.
    pub instant: bool,
    /// Throttle as AWS does (token buckets on the simulated clock).
    pub throttle: bool,
    /// `service:Action` patterns (`*` and `?` allowed) that are answered with the service's access denied error.
    pub deny: Vec<String>,
    /// The account that everything belongs to.
    pub account: String,
    /// The region of requests that carry no credential scope.
    pub region: String,
    /// Account limits.
    pub quotas: Quotas,
    /// Seed of everything that AWS would mint at random.
    pub seed: u64,
    /// How long every answer takes at the least, in real time: the way to AWS and back.
    pub latency: Duration,
    /// How long a fresh IAM role cannot be assumed yet, in simulated time.
    pub consistency_window: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            port: 0,
            state_dir: None,
            pace: Pace::Rate(60.0),
            start: None,
            instant: false,
            throttle: true,
            deny: Vec::new(),
            account: "123456789012".to_owned(),
            region: "ap-northeast-1".to_owned(),
            quotas: Quotas::default(),
            seed: 0x5eed,
            latency: Duration::ZERO,
            consistency_window: Duration::from_secs(8),
        }
    }
}

impl Options {
    /// For tests: a clock that is stepped by hand, no throttling, generous quotas.
    #[must_use]
    pub fn manual() -> Self {
        Options { pace: Pace::Manual, throttle: false, quotas: Quotas::generous(), ..Options::default() }
    }

    /// For benchmarks: nothing takes time, no throttling, generous quotas.
    #[must_use]
    pub fn instant() -> Self {
        Options { instant: true, throttle: false, quotas: Quotas::generous(), ..Options::default() }
    }
}

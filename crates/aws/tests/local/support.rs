//! A local cloud, the practice environment cut down to some groups, and runs of the engine over both.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aomidori_aws::{Aws, Settings};
use aomidori_engine::run::{End, Planned, Report, RunOptions};
use aomidori_engine::{ApplyOptions, Events, down, preview, up};
use aomidori_local::{LocalCloud, Options};
use aomidori_model::{Address, Stack};
use aomidori_plan::{Mode, Observation};
use aomidori_practice::Inputs;
use tokio_util::sync::CancellationToken;

/// The region of all tests.
pub(crate) const REGION: &str = "ap-northeast-1";

/// A local cloud and what speaks to it.
pub(crate) struct World {
    /// The cloud.
    pub(crate) local: LocalCloud,
    /// What is tested.
    pub(crate) aws: Aws,
}

impl World {
    /// A cloud in which nothing takes time.
    pub(crate) async fn instant() -> World {
        World::new(Options::instant()).await
    }

    /// A cloud of any sort.
    pub(crate) async fn new(options: Options) -> World {
        let local = LocalCloud::start(options).expect("the local cloud starts");
        let aws = Aws::connect(Settings::local(local.endpoint(), REGION)).await.expect("settings");
        World { local, aws }
    }

    /// Another client of the same cloud, with counters of its own.
    pub(crate) async fn client(&self) -> Aws {
        Aws::connect(Settings::local(self.local.endpoint(), REGION)).await.expect("settings")
    }

    /// Makes live what the stack says; it must end well.
    pub(crate) async fn up(&self, stack: &Stack) -> Report {
        self.up_by(&self.aws, stack).await
    }

    /// As [`World::up`], by another client.
    pub(crate) async fn up_by(&self, aws: &Aws, stack: &Stack) -> Report {
        let none = CancellationToken::new();
        let report = up(aws, stack, &options(), async |_: &Planned| true, &Events::none(), &none).await;
        let report = report.expect("the run begins");
        assert!(matches!(report.end, End::Done | End::NothingToDo), "{}", explain(&report));
        report
    }

    /// Makes live the practice environment, with its images in place.
    pub(crate) async fn built(&self, stack: &Stack) {
        self.up(&practice(&["across"])).await;
        for color in ["blue", "green"] {
            self.aws.push_practice_image("codedeploy-practice/maintenance", color, color).await.expect("an image");
        }
        self.up(stack).await;
    }

    /// Removes everything; it must end well.
    pub(crate) async fn down(&self, stack: &Stack) -> Report {
        self.down_by(&self.aws, stack).await
    }

    /// As [`World::down`], by another client.
    pub(crate) async fn down_by(&self, aws: &Aws, stack: &Stack) -> Report {
        let none = CancellationToken::new();
        let report = down(aws, stack, &options(), async |_: &Planned| true, &Events::none(), &none).await;
        let report = report.expect("the run begins");
        assert!(matches!(report.end, End::Done | End::NothingToDo), "{}", explain(&report));
        report
    }

    /// Observes and plans.
    pub(crate) async fn plan(&self, stack: &Stack) -> Planned {
        preview(&self.aws, stack, Mode::Converge, &options(), &Events::none()).await.expect("a plan")
    }
}

/// Options with a run of their own, with short intervals.
pub(crate) fn options() -> RunOptions {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let run = format!("test-{}-{}", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
    let mut apply = ApplyOptions::new(run).at_speed(200.0);
    apply.retry.not_yet = Duration::from_secs(5);
    apply.retry.in_use = Duration::from_secs(5);
    RunOptions::new(apply)
}

/// What went wrong in a run.
pub(crate) fn explain(report: &Report) -> String {
    let step = |id| report.planned.plan.step(id).map(|step| (step.address.to_string(), step.action));
    let failed: Vec<_> = report
        .outcome
        .iter()
        .flat_map(|outcome| &outcome.failed)
        .map(|failure| (step(failure.step), &failure.error, &failure.holders))
        .collect();
    format!("{:?}: failed {failed:#?}, left {:#?}, leftovers {:#?}", report.end, report.left, report.leftovers)
}

/// The practice environment, cut down to these groups.
pub(crate) fn practice(groups: &[&str]) -> Stack {
    let mut stack = aomidori_practice::stack(&Inputs::default()).expect("the practice environment");
    let others: Vec<Address> =
        stack.iter().map(|(address, _)| address.clone()).filter(|at| !groups.contains(&at.group())).collect();
    for address in others {
        stack.remove(&address);
    }
    stack
}

/// How many resources of each kind there are, without kinds of which there is none.
pub(crate) fn census(local: &LocalCloud) -> BTreeMap<String, usize> {
    let all = local.census();
    all.into_values().flatten().filter(|(_, n)| *n > 0).collect()
}

/// The address in these words.
pub(crate) fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

/// The id at an address.
pub(crate) fn id(observation: &Observation, at: &str) -> String {
    let at = address(at);
    let found = observation.ours().find(|(address, _)| **address == at);
    found.unwrap_or_else(|| panic!("nothing at {at}")).1.id.clone()
}

/// How many calls there were since `before`.
pub(crate) fn since(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    after
        .iter()
        .map(|(name, n)| (name.clone(), n - before.get(name).copied().unwrap_or_default()))
        .filter(|(_, n)| *n > 0)
        .collect()
}

/// The sum of calls whose name starts so.
pub(crate) fn sum(calls: &BTreeMap<String, u64>, prefix: &str) -> u64 {
    calls.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, n)| n).sum()
}

//! Random stacks, faults and interruptions: what is wanted in the end is what is there in the end.

use std::time::Duration;

use aomidori_plan::testing::{Genes, stack};
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

use super::{converges, options, vanishes, yes};
use crate::cloud::ErrorKind;
use crate::fake::{FakeCloud, Fault};
use crate::options::ApplyOptions;
use crate::{End, Events, RunOptions, down, up};

/// What is done to a run.
#[derive(Clone, Debug)]
enum Trouble {
    Nothing,
    Fault(usize, Fault),
    Cancel(u64),
}

fn genes() -> impl Strategy<Value = Genes> {
    prop::collection::vec(0u8..5, 0..=Genes::COUNT).prop_map(Genes)
}

fn mutations() -> impl Strategy<Value = Vec<(u8, u8)>> {
    prop::collection::vec((0u8..40, 0u8..5), 0..6)
}

fn kind() -> impl Strategy<Value = ErrorKind> {
    prop::sample::select(vec![
        ErrorKind::Throttled,
        ErrorKind::NotYet,
        ErrorKind::Unknown,
        ErrorKind::InUse,
        ErrorKind::Refused,
        ErrorKind::Denied,
        ErrorKind::Quota,
    ])
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let fault = prop_oneof![kind().prop_map(Fault::Fails), Just(Fault::AnswerLost), Just(Fault::Dies)];
    prop_oneof![
        1 => Just(Trouble::Nothing),
        6 => (0usize..120, fault).prop_map(|(call, fault)| Trouble::Fault(call, fault)),
        2 => (0u64..20_000).prop_map(Trouble::Cancel),
    ]
}

fn config() -> ProptestConfig {
    let plain = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => plain,
        None => ProptestConfig { cases: 60, ..plain },
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
}

/// One run with its trouble. However it ends, nothing that should never happen may have happened.
async fn run(cloud: &FakeCloud, want: &aomidori_model::Stack, destroy: bool, trouble: &Trouble, parallelism: usize) {
    let process = match trouble {
        Trouble::Fault(call, fault) => cloud.process().fault(*call, fault.clone()),
        Trouble::Nothing | Trouble::Cancel(_) => cloud.process(),
    };
    let cancel = CancellationToken::new();
    let stop = async {
        if let Trouble::Cancel(after) = trouble {
            tokio::time::sleep(Duration::from_millis(*after)).await;
            cancel.cancel();
        }
    };
    let apply = ApplyOptions { parallelism, ..ApplyOptions::new("run") };
    let options = RunOptions { break_lock: true, validate: false, ..RunOptions::new(apply) };
    let events = Events::none();
    let whole = async {
        if destroy {
            down(&process, want, &options, yes, &events, &cancel).await
        } else {
            up(&process, want, &options, yes, &events, &cancel).await
        }
    };
    let (_, ()) = tokio::join!(whole, stop);
    assert_eq!(cloud.violations(), Vec::<String>::new());
}

/// Random stacks are stacks that a planner can make something of, not always sensible ones.
async fn unchecked(
    cloud: &FakeCloud,
    want: &aomidori_model::Stack,
    run: &str,
) -> Result<crate::Report, crate::RunError> {
    let options = RunOptions { validate: false, ..options(run) };
    up(cloud, want, &options, yes, &Events::none(), &super::never()).await
}

proptest! {
    #![proptest_config(config())]

    /// A stack is built, changed and taken down in the face of trouble; the same command again does it, every time.
    #[test]
    fn converges_whatever_happens(
        genes in genes(),
        mutations in mutations(),
        troubles in prop::collection::vec(trouble(), 4),
        parallelism in 1usize..12,
        hidden in 0u32..3,
    ) {
        block_on(async {
            let cloud = FakeCloud::new();
            cloud.hide_from_finds(hidden);
            let (first, second) = (stack(&genes), stack(&genes.mutate(&mutations)));
            run(&cloud, &first, false, &troubles[0], parallelism).await;
            run(&cloud, &first, false, &troubles[1], parallelism).await;
            // Whatever of the first is there by now.
            run(&cloud, &second, false, &troubles[2], parallelism).await;
            converges(&cloud, &second).await;
            run(&cloud, &second, true, &troubles[3], parallelism).await;
            vanishes(&cloud, &second).await;
        });
    }

    /// Without trouble one run is enough, nothing is refused on the way, and every deletion goes through at once.
    #[test]
    fn without_trouble_one_run_is_enough(genes in genes(), mutations in mutations(), parallelism in 1usize..12) {
        block_on(async {
            let cloud = FakeCloud::new();
            cloud.tries_until_id(0);
            for want in [stack(&genes), stack(&genes.mutate(&mutations))] {
                let process = cloud.process();
                let mut options = options("run");
                options.apply.parallelism = parallelism;
                options.validate = false;
                let report = up(&process, &want, &options, yes, &Events::none(), &super::never()).await.unwrap();
                let done = matches!(report.end, End::Done | End::NothingToDo);
                assert!(done, "{}", super::ended(&report));
                let refused: Vec<_> = process.calls().into_iter().filter(|call| !call.answered).collect();
                assert_eq!(refused, []);
                super::exactly(&cloud, &want);
            }
            let process = cloud.process();
            let report = super::bring_down(&process, &stack(&genes), "down").await.unwrap();
            assert!(matches!(report.end, End::Done | End::NothingToDo));
            assert!(process.calls().iter().all(|call| call.answered));
            assert!(cloud.things().is_empty());
        });
    }

    /// Two runs at once: one does it, the other is refused.
    #[test]
    fn two_runs_exclude_each_other(genes in genes(), pause in 0u64..100) {
        block_on(async {
            let cloud = FakeCloud::new();
            let want = stack(&genes);
            let late = cloud.process();
            let second = async {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                unchecked(&late, &want, "second").await
            };
            let early = cloud.process();
            let (first, second) = tokio::join!(unchecked(&early, &want, "first"), second);
            assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
            super::exactly(&cloud, &want);
        });
    }
}

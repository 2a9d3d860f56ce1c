//! Law 5 over the wire: whatever happens to a request of `up` or `down`, the same command again ends in exactly the
//! wanted state. Nothing twice, nothing left over.
//!
//! The practice environment is built on a local cloud through a line that refuses the n-th request, loses its answer, or
//! goes dead there (what a server sees of `kill -9`). CI takes a sample of the points; with `AOMIDORI_CRASH_POINTS=all`
//! every one is tried.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it finds something wrong"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use aomidori::aws::{Aws, Settings};
use aomidori::engine::{ApplyOptions, End, Events, Report, RunError, RunOptions, down, preview, up};
use aomidori::model::Stack;
use aomidori::plan::Mode;
use aomidori_local::{LocalCloud, Options};
use aomidori_practice::Inputs;
use aomidori_testkit::{Fault, FaultProxy};
use tokio_util::sync::CancellationToken;

type Census = BTreeMap<String, BTreeMap<String, usize>>;

fn practice() -> Stack {
    aomidori_practice::stack(&Inputs::default()).unwrap()
}

fn options() -> RunOptions {
    static RUN: AtomicUsize = AtomicUsize::new(0);
    let run = format!("run-{}", RUN.fetch_add(1, Ordering::Relaxed));
    // The local cloud does everything at once, so nothing needs to be waited for long.
    RunOptions::new(ApplyOptions::new(run).at_speed(1000.0))
}

async fn aws(endpoint: String) -> Aws {
    Aws::connect(Settings::local(endpoint, "ap-northeast-1")).await.unwrap()
}

fn local(state: &Path) -> LocalCloud {
    LocalCloud::start(Options { state_dir: Some(state.to_owned()), ..Options::instant() }).unwrap()
}

fn address(cloud: &LocalCloud) -> SocketAddr {
    cloud.endpoint().trim_start_matches("http://").parse().unwrap()
}

async fn run(aws: &Aws, mode: Mode) -> Result<Report, RunError> {
    let (stack, options, cancel) = (practice(), options(), CancellationToken::new());
    match mode {
        Mode::Converge => up(aws, &stack, &options, async |_| true, &Events::none(), &cancel).await,
        Mode::Destroy => down(aws, &stack, &options, async |_| true, &Events::none(), &cancel).await,
    }
}

/// Runs until it is done, as a person would repeat the command, at most `times`.
async fn insist(aws: &Aws, mode: Mode, times: usize) {
    let mut said = Vec::new();
    for _ in 0..times {
        match run(aws, mode).await {
            Ok(report) if matches!(report.end, End::Done | End::NothingToDo) => return,
            other => said.push(format!("{other:?}")),
        }
    }
    panic!("not done after {times} runs: {said:#?}");
}

/// A state directory in which the images are there and nothing else of the environment is, and one in which all is.
struct Beginnings {
    images: tempfile::TempDir,
    whole: tempfile::TempDir,
    built: Census,
    empty: Census,
}

async fn beginnings() -> Beginnings {
    let (images, whole) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let cloud = local(images.path());
    let client = aws(cloud.endpoint()).await;
    let empty = cloud.census();
    let mut only_repository = Stack::new(practice().name().clone());
    only_repository.tags = practice().tags.clone();
    for (address, entry) in practice().iter() {
        if address.group() == "across" {
            let aomidori::model::Resource::EcrRepository(repository) = &entry.resource else { panic!("{address}") };
            only_repository.add(address.as_str(), repository.clone());
        }
    }
    let (options, cancel) = (options(), CancellationToken::new());
    up(&client, &only_repository, &options, async |_| true, &Events::none(), &cancel).await.unwrap();
    for tag in ["blue", "green"] {
        client.push_practice_image("codedeploy-practice/maintenance", tag, tag).await.unwrap();
    }
    cloud.shutdown().unwrap();
    copy(images.path(), whole.path());
    let cloud = local(whole.path());
    insist(&aws(cloud.endpoint()).await, Mode::Converge, 1).await;
    let built = cloud.census();
    cloud.shutdown().unwrap();
    Beginnings { images, whole, built, empty }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Which requests of `total` are tried: `sample` of them, or as many as `AOMIDORI_CRASH_POINTS` says.
fn points(total: usize, sample: usize) -> Vec<usize> {
    let sample = match std::env::var("AOMIDORI_CRASH_POINTS").as_deref() {
        Ok("all") => total,
        Ok(number) => number.parse().expect("AOMIDORI_CRASH_POINTS is a number or `all`"),
        Err(_) => sample,
    };
    (0..sample.min(total)).map(|n| n * total / sample.min(total)).collect()
}

/// One run through a line with a fault, then the same command again.
async fn suffer(begin: &Path, mode: Mode, fault: Fault) -> Census {
    let state = tempfile::tempdir().unwrap();
    copy(begin, state.path());
    let cloud = local(state.path());
    let proxy = FaultProxy::start(address(&cloud)).await.unwrap();
    let client = aws(proxy.endpoint()).await;
    proxy.set(Some(fault));
    match fault {
        // Whoever is killed says nothing more.
        Fault::Die(_) | Fault::DieBefore(_) => tokio::select! {
            _ = run(&client, mode) => {}
            () = proxy.struck() => {}
        },
        Fault::Refuse(_) | Fault::LoseAnswer(_) => {
            let _ = run(&client, mode).await;
        }
    }
    proxy.set(None);
    // The lease of whoever was killed is somebody else's to the next run; a person waits a minute, or breaks it.
    let client = aws(cloud.endpoint()).await;
    let patient = RunOptions { break_lock: true, ..options() };
    let (stack, cancel) = (practice(), CancellationToken::new());
    let report = match mode {
        Mode::Converge => up(&client, &stack, &patient, async |_| true, &Events::none(), &cancel).await,
        Mode::Destroy => down(&client, &stack, &patient, async |_| true, &Events::none(), &cancel).await,
    };
    let report = report.unwrap_or_else(|error| panic!("after {fault:?}: {error:?}"));
    assert!(
        matches!(report.end, End::Done | End::NothingToDo),
        "after {fault:?}: {:?}\n{:#?}\nleft: {:#?}\nleftovers: {:#?}",
        report.end,
        report.outcome,
        report.left,
        report.leftovers
    );
    let planned = preview(&client, &stack, mode, &options(), &Events::none()).await.unwrap();
    assert!(planned.plan.is_empty(), "after {fault:?}: {:#?}", planned.plan.steps);
    let census = cloud.census();
    cloud.shutdown().unwrap();
    census
}

async fn count(begin: &Path, mode: Mode) -> usize {
    let state = tempfile::tempdir().unwrap();
    copy(begin, state.path());
    let cloud = local(state.path());
    let proxy = FaultProxy::start(address(&cloud)).await.unwrap();
    insist(&aws(proxy.endpoint()).await, mode, 1).await;
    proxy.requests().len()
}

async fn every(mode: Mode, sample: usize, faults: &[fn(usize) -> Fault]) {
    let Beginnings { images, whole, built, empty } = beginnings().await;
    let (begin, wanted) = match mode {
        Mode::Converge => (images.path(), &built),
        Mode::Destroy => (whole.path(), &empty),
    };
    let total = count(begin, mode).await;
    assert!(total > 60, "only {total} requests");
    for fault in faults {
        for point in points(total, sample) {
            let census = suffer(begin, mode, fault(point)).await;
            assert_eq!(&census, wanted, "after {:?}", fault(point));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_survives_a_lost_answer() {
    every(Mode::Converge, 6, &[Fault::LoseAnswer, Fault::Refuse]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_survives_being_killed() {
    every(Mode::Converge, 6, &[Fault::Die, Fault::DieBefore]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn down_survives_a_lost_answer() {
    every(Mode::Destroy, 6, &[Fault::LoseAnswer, Fault::Refuse]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn down_survives_being_killed() {
    every(Mode::Destroy, 6, &[Fault::Die, Fault::DieBefore]).await;
}

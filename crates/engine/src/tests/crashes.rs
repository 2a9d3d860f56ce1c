//! Faults at every call: the same command again ends in exactly the wanted state.

use super::{bring_down, bring_up, changed, converges, exactly, medium, options, vanishes, yes};
use crate::Events;
use crate::cloud::ErrorKind;
use crate::fake::{FakeCloud, Fault};
use crate::run::{End, up};

/// What happens at a call. Plain failures are alike everywhere, so not every call gets each of them.
fn faults(call: usize) -> Vec<Fault> {
    let failures = [ErrorKind::Throttled, ErrorKind::Unknown, ErrorKind::Refused, ErrorKind::NotYet];
    let failure = call.is_multiple_of(3).then(|| Fault::Fails(failures[call / 3 % failures.len()].clone()));
    failure.into_iter().chain([Fault::AnswerLost, Fault::Dies]).collect()
}

async fn calls_of_up(start: &FakeCloud, stack: &aomidori_model::Stack) -> usize {
    let report = bring_up(start, stack, "counted").await.unwrap();
    assert_eq!(report.end, End::Done, "{:#?} {:#?}", report.outcome.map(|outcome| outcome.failed), report.left);
    exactly(start, stack);
    start.calls().len()
}

#[tokio::test(start_paused = true)]
async fn up_from_nothing() {
    let stack = medium();
    let calls = calls_of_up(&FakeCloud::new(), &stack).await;
    for call in 0..calls {
        for fault in faults(call) {
            let cloud = FakeCloud::new();
            let first = cloud.process().fault(call, fault.clone());
            let _ = bring_up(&first, &stack, "first").await;
            converges(&cloud, &stack).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_change() {
    let (before, after) = (medium(), changed());
    let cloud = FakeCloud::new();
    bring_up(&cloud, &before, "before").await.unwrap();
    let calls = calls_of_up(&cloud.process(), &after).await;
    for call in 0..calls {
        for fault in faults(call) {
            let cloud = FakeCloud::new();
            bring_up(&cloud, &before, "before").await.unwrap();
            let first = cloud.process().fault(call, fault.clone());
            let _ = bring_up(&first, &after, "first").await;
            converges(&cloud, &after).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_and_back_again() {
    let (before, after) = (medium(), changed());
    let cloud = FakeCloud::new();
    bring_up(&cloud, &before, "before").await.unwrap();
    let calls = calls_of_up(&cloud.process(), &after).await;
    for call in 0..calls {
        let cloud = FakeCloud::new();
        bring_up(&cloud, &before, "before").await.unwrap();
        let _ = bring_up(&cloud.process().fault(call, Fault::Dies), &after, "first").await;
        converges(&cloud, &before).await;
    }
}

#[tokio::test(start_paused = true)]
async fn down() {
    let stack = medium();
    let cloud = FakeCloud::new();
    bring_up(&cloud, &stack, "before").await.unwrap();
    let process = cloud.process();
    let report = bring_down(&process, &stack, "counted").await.unwrap();
    assert_eq!(report.end, End::Done, "{:#?}", report.outcome.map(|outcome| outcome.failed));
    let calls = process.calls().len();
    for call in 0..calls {
        for fault in faults(call) {
            let cloud = FakeCloud::new();
            bring_up(&cloud, &stack, "before").await.unwrap();
            let _ = bring_down(&cloud.process().fault(call, fault.clone()), &stack, "first").await;
            vanishes(&cloud, &stack).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn down_after_a_dead_up() {
    let stack = medium();
    let calls = calls_of_up(&FakeCloud::new(), &stack).await;
    for call in 0..calls {
        let cloud = FakeCloud::new();
        let _ = bring_up(&cloud.process().fault(call, Fault::Dies), &stack, "first").await;
        vanishes(&cloud, &stack).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_alone_is_no_failure() {
    let stack = medium();
    let counted = FakeCloud::new();
    calls_of_up(&counted, &stack).await;
    for call in counted.calls().iter().filter(|call| call.operation != "lease") {
        let cloud = FakeCloud::new();
        cloud.hide_from_finds(2);
        let process = cloud.process().fault(call.number, Fault::AnswerLost);
        let report = bring_up(&process, &stack, "first").await.unwrap();
        assert_eq!(report.end, End::Done, "{call:?} {:#?}", report.outcome.map(|outcome| outcome.failed));
        exactly(&cloud, &stack);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_process_keeps_its_lease_until_it_expires() {
    let (cloud, stack) = (FakeCloud::new(), medium());
    let _ = bring_up(&cloud.process().fault(9, Fault::Dies), &stack, "dead").await;
    let refused = up(&cloud, &stack, &options("next"), yes, &Events::none(), &super::never()).await;
    assert!(matches!(refused, Err(crate::RunError::Locked(lease)) if lease.holder == "dead"));
    tokio::time::advance(std::time::Duration::from_secs(61)).await;
    let report = up(&cloud, &stack, &options("next"), yes, &Events::none(), &super::never()).await.unwrap();
    assert_eq!(report.end, End::Done);
}

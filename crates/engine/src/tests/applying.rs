//! Carrying out plans: slots, order, priorities, waits, retries, cancellation, events.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aomidori_model::{KindName, Stack};
use aomidori_plan::{Action, Level, Plan, Step};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{bring_up, converges, exactly, medium, never, options, yes};
use crate::cloud::{Cloud, ErrorKind};
use crate::event::{Doing, Event, Interruption, Record};
use crate::fake::{Call, FakeCloud, Fault, ThingState};
use crate::options::ApplyOptions;
use crate::outcome::Left;
use crate::{End, Events, Outcome, apply, up};

/// Applies what makes a stack live, and returns everything about it.
pub(super) async fn applied(cloud: &FakeCloud, stack: &Stack, options: &ApplyOptions) -> (Plan, Outcome, Vec<Record>) {
    let observation = cloud.observe(stack).await.unwrap();
    let plan = aomidori_plan::plan(stack, &observation).unwrap();
    let (events, mut records) = Events::channel();
    let outcome = apply(cloud, &plan, stack, &observation, options, &events, &never()).await;
    drop(events);
    let mut all = Vec::new();
    while let Some(record) = records.recv().await {
        all.push(record);
    }
    (plan, outcome, all)
}

/// The number of the call that does this to this subject, in a run without faults.
async fn call(stack: &Stack, operation: &str, subject: &str) -> usize {
    let cloud = FakeCloud::new();
    applied(&cloud, stack, &ApplyOptions::new("count")).await;
    let calls = cloud.calls();
    calls.iter().find(|call| call.operation == operation && call.subject == subject).unwrap().number
}

#[tokio::test(start_paused = true)]
async fn calls_are_limited_and_waits_are_not() {
    let stack = medium();
    for parallelism in [1, 3, 10] {
        let cloud = FakeCloud::new();
        let options = ApplyOptions { parallelism, polls: 2, ..ApplyOptions::new("run") };
        let (_, outcome, records) = applied(&cloud, &stack, &options).await;
        assert!(outcome.is_done(), "{:?}", outcome.failed);
        assert!(cloud.most_in_flight() <= parallelism + 2, "{}", cloud.most_in_flight());
        for record in records {
            if let Event::Heartbeat { slots, .. } = record.event {
                assert!(slots.used <= parallelism);
            }
        }
        exactly(&cloud, &stack);
    }
    // Slow kinds pend for long with one slot: everything that does not need them is done meanwhile.
    let cloud = FakeCloud::new();
    cloud.polls(100, 2);
    let options = ApplyOptions { parallelism: 1, ..ApplyOptions::new("run") };
    let (plan, _, records) = applied(&cloud, &stack, &options).await;
    let at = |address: &str, wanted: fn(&Event) -> bool| {
        let found = records.iter().find(|record| wanted(&record.event) && address_of(&plan, &record.event) == address);
        found.unwrap_or_else(|| panic!("{address}")).at_ms
    };
    let listener = at("platform/listener", |event| matches!(event, Event::StepFinished { .. }));
    let balancer = at("platform/balancer", |event| matches!(event, Event::StepFinished { .. }));
    assert!(listener + 600_000 < balancer, "{listener} {balancer}");
}

fn address_of(plan: &Plan, event: &Event) -> String {
    let id = match event {
        Event::StepStarted { step } | Event::StepCalled { step, .. } | Event::StepFinished { step, .. } => step.id,
        _ => return String::new(),
    };
    plan.step(id).unwrap().address.to_string()
}

#[tokio::test(start_paused = true)]
async fn steps_start_when_what_they_wait_for_is_far_enough_and_not_later() {
    let stack = medium();
    let cloud = FakeCloud::new();
    let options = ApplyOptions { parallelism: 1000, ..ApplyOptions::new("run") };
    let (plan, _, records) = applied(&cloud, &stack, &options).await;
    let (mut started, mut called, mut finished) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for record in &records {
        match &record.event {
            Event::StepStarted { step } => started.insert(step.id, record.at_ms),
            Event::StepCalled { step, .. } => called.insert(step.id, record.at_ms),
            Event::StepFinished { step, .. } => finished.insert(step.id, record.at_ms),
            _ => None,
        };
    }
    for step in &plan.steps {
        let reached = step.after.iter().map(|after| match after.level {
            Level::Called => called[&after.step],
            Level::Finished => finished[&after.step],
        });
        assert_eq!(started[&step.id], reached.max().unwrap_or(0), "{}", step.address);
    }
}

#[tokio::test(start_paused = true)]
async fn the_longest_chain_goes_first() {
    let stack = medium();
    let cloud = FakeCloud::new();
    let options = ApplyOptions { parallelism: 1, ..ApplyOptions::new("run") };
    let (plan, _, records) = applied(&cloud, &stack, &options).await;
    let first = records.iter().find_map(|record| match &record.event {
        Event::StepStarted { step } => Some(step.id),
        _ => None,
    });
    let Some(Event::RunStarted { critical_path, estimate_ms, steps, .. }) = records.first().map(|first| &first.event)
    else {
        panic!("{:?}", records.first())
    };
    assert_eq!(first, critical_path.first().copied());
    assert_eq!(*steps, plan.steps.len());
    // The NAT gateway before the tasks that pull their image through it.
    let names: Vec<String> = critical_path.iter().map(|id| plan.step(*id).unwrap().address.to_string()).collect();
    assert!(names.ends_with(&["network/nat".into(), "services/service".into()]), "{names:?}");
    assert!(*estimate_ms > 170_000, "{estimate_ms}");
}

#[tokio::test(start_paused = true)]
async fn every_step_says_how_it_ends() {
    let stack = medium();
    let cloud = FakeCloud::new();
    cloud.polls(30, 2);
    let (plan, outcome, records) = applied(&cloud, &stack, &ApplyOptions::new("run")).await;
    assert!(
        matches!(records.last().map(|last| &last.event), Some(Event::RunFinished { counts, .. }) if counts.done == plan.steps.len())
    );
    assert_eq!(outcome.done.len(), plan.steps.len());
    let mut last = 0;
    let mut waited = BTreeSet::new();
    for record in &records {
        assert!(record.at_ms - last <= 10_000, "{record:?}");
        last = record.at_ms;
        if let Event::StepWaiting { step, waits_for, usually_ms } = &record.event {
            assert_eq!(waits_for, "pending");
            let planned = plan.step(step.id).unwrap().estimate;
            assert_eq!(*usually_ms, u64::from(planned.finish) * 1000);
            waited.insert(step.kind);
        }
        if let Event::Heartbeat { running, left, .. } = &record.event {
            assert!(running.iter().all(|running| running.doing != Doing::Calling) && *left >= running.len());
        }
        let text = serde_json::to_string(record).unwrap();
        assert!(text.starts_with(r#"{"version":1,"at_ms":"#), "{text}");
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), *record);
    }
    assert!(waited.contains(&KindName::NatGateway) && !waited.contains(&KindName::LogGroup));
}

#[tokio::test(start_paused = true)]
async fn a_failed_step_skips_what_depends_on_it_and_nothing_else() {
    let stack = medium();
    let number = call(&stack, "create", "platform/balancer").await;
    let cloud = FakeCloud::new().fault(number, Fault::Fails(ErrorKind::Quota));
    let (plan, outcome, records) = applied(&cloud, &stack, &ApplyOptions::new("run")).await;
    let name = |id| plan.step(id).unwrap().address.to_string();
    let failed: Vec<_> = outcome.failed.iter().map(|failure| name(failure.step)).collect();
    assert_eq!(failed, ["platform/balancer"]);
    assert_eq!(outcome.failed[0].error.kind, ErrorKind::Quota);
    let skipped: Vec<_> = outcome.skipped.iter().map(|skip| name(skip.step)).collect();
    assert_eq!(skipped, ["platform/listener", "services/service"]);
    assert!(outcome.skipped.iter().all(|skip| name(skip.because) == "platform/balancer"));
    assert_eq!(outcome.done.len(), plan.steps.len() - 3);
    assert!(outcome.interrupted.is_none() && outcome.remaining.is_empty());
    assert_eq!(records.iter().filter(|record| matches!(record.event, Event::StepSkipped { .. })).count(), 2);
    converges(&cloud, &stack).await;
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_backs_off_and_is_shown() {
    let stack = medium();
    let number = call(&stack, "create", "network/vpc").await;
    let mut cloud = FakeCloud::new();
    // The first call of all is the creation of the VPC among others: what follows it alone is its repetition.
    for n in 0..4 {
        cloud = cloud.fault(number + n, Fault::Fails(ErrorKind::Throttled));
    }
    let options = ApplyOptions { parallelism: 1, ..ApplyOptions::new("run") };
    let (_, outcome, records) = applied(&cloud, &stack, &options).await;
    assert!(outcome.is_done());
    let retries: Vec<_> = records
        .iter()
        .filter_map(|record| match &record.event {
            Event::StepRetrying { error, next_ms, .. } => Some((error.kind.clone(), *next_ms)),
            _ => None,
        })
        .collect();
    assert_eq!(retries.len(), 4);
    // EC2 takes one more call after 200 ms, and is given more time when it does not.
    assert!(retries.iter().all(|(kind, next)| *kind == ErrorKind::Throttled && *next >= 200), "{retries:?}");
    exactly(&cloud, &stack);
}

#[tokio::test(start_paused = true)]
async fn not_yet_is_patient_for_minutes_and_not_for_ever() {
    let stack = {
        let mut stack = Stack::new("small".parse().unwrap());
        let logs = aomidori_model::kinds::LogGroup { name: "a".parse().unwrap(), retention_in_days: None };
        stack.add("platform/logs", logs);
        stack
    };
    for (times, done) in [(10, true), (100, false)] {
        let mut cloud = FakeCloud::new();
        for n in 0..times {
            cloud = cloud.fault(1 + n, Fault::Fails(ErrorKind::NotYet));
        }
        let began = Instant::now();
        let (_, outcome, _) = applied(&cloud, &stack, &ApplyOptions::new("run")).await;
        assert_eq!(outcome.is_done(), done);
        if !done {
            let took = began.elapsed().as_secs();
            assert!((180..200).contains(&took), "{took}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_by_ours_goes_on_and_by_others_fails() {
    // An observation that was made before another process created it.
    let stack = medium();
    let cloud = FakeCloud::new();
    let early = cloud.observe(&stack).await.unwrap();
    let plan = aomidori_plan::plan(&stack, &early).unwrap();
    let only = {
        let mut only = Stack::new("medium".parse().unwrap());
        only.tags = stack.tags.clone();
        let address = "platform/logs".parse().unwrap();
        let entry = stack.get(&address).unwrap().clone();
        let aomidori_model::Resource::LogGroup(logs) = entry.resource else { panic!("{entry:?}") };
        only.add("platform/logs", logs);
        only
    };
    bring_up(&cloud.process(), &only, "other").await.unwrap();
    let options = ApplyOptions::new("run");
    let outcome = apply(&cloud, &plan, &stack, &early, &options, &Events::none(), &never()).await;
    assert!(outcome.is_done(), "{:?}", outcome.failed);
    exactly(&cloud, &stack);

    let cloud = FakeCloud::new();
    let mut fields = aomidori_model::Fields::default();
    fields.add("name", "medium").replaces();
    cloud.add_foreign(KindName::LogGroup, "theirs", fields, BTreeMap::new());
    let outcome = apply(&cloud, &plan, &stack, &early, &options, &Events::none(), &never()).await;
    assert_eq!(outcome.failed.len(), 1);
    assert_eq!(outcome.failed[0].error.kind, ErrorKind::AlreadyExists);
}

#[tokio::test(start_paused = true)]
async fn what_never_gets_ready_fails_with_its_cause() {
    let stack = medium();
    let cloud = FakeCloud::new();
    cloud.polls(100, 2);
    let break_it = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        let nat = cloud.things().into_iter().find(|thing| thing.kind == KindName::NatGateway).unwrap();
        cloud.tamper(&nat.id, |thing| thing.state = ThingState::Failed("no free address".into()));
    };
    let options = ApplyOptions::new("run");
    let ((plan, outcome, _), ()) = tokio::join!(applied(&cloud, &stack, &options), break_it);
    assert_eq!(outcome.failed.len(), 1);
    assert_eq!(outcome.failed[0].error.message, "no free address");
    assert_eq!(plan.step(outcome.failed[0].step).unwrap().kind, KindName::NatGateway);
    cloud.polls(2, 2);
    converges(&cloud, &stack).await;
}

#[tokio::test(start_paused = true)]
async fn cancellation_finishes_what_is_in_flight_and_makes_no_new_calls() {
    let stack = medium();
    let total = {
        let cloud = FakeCloud::new();
        applied(&cloud, &stack, &ApplyOptions::new("count")).await.1.took
    };
    let step = total / 60;
    for n in 0..60 {
        let cloud = FakeCloud::new();
        let process = cloud.process();
        let cancel = CancellationToken::new();
        let stop = async {
            tokio::time::sleep(step * n).await;
            cancel.cancel();
            (Instant::now(), process.calls().len(), process.in_flight())
        };
        let options = options("run");
        let (events, mut records) = Events::channel();
        let run = async {
            let report = up(&process, &stack, &options, yes, &events, &cancel).await;
            (report, Instant::now())
        };
        let ((report, ended), (stopped, calls, _)) = tokio::join!(run, stop);
        let report = match report {
            Ok(report) if report.end == End::Interrupted && report.outcome.is_some() => report,
            // Before there was a plan, or when everything was done.
            Ok(report) => {
                assert!(matches!(report.end, End::Done));
                continue;
            }
            Err(error) => {
                assert_eq!(error, crate::RunError::Interrupted(Interruption::Asked));
                assert!(cloud.things().is_empty());
                continue;
            }
        };
        // A few calls of one create may follow its first one; the lease is given back.
        assert!(ended - stopped < Duration::from_millis(200), "{:?}", ended - stopped);
        let later: Vec<_> = process.calls().into_iter().skip(calls).collect();
        assert!(
            later.iter().all(|call| ["attributes", "parts", "release lease"].contains(&call.operation)),
            "{later:?}"
        );
        let outcome = report.outcome.unwrap();
        assert_eq!(outcome.interrupted, Some(Interruption::Asked));
        assert!(!outcome.remaining.is_empty());
        for remaining in &outcome.remaining {
            let address = &report.planned.plan.step(remaining.step).unwrap().address;
            let there = cloud.things().iter().any(|thing| thing.owner().is_some_and(|(_, at)| at == *address));
            assert_eq!(there, remaining.state != Left::NotStarted, "{address} {:?}", remaining.state);
        }
        let mut last = None;
        while let Ok(record) = records.try_recv() {
            last = Some(record.event);
        }
        assert!(matches!(last, Some(Event::RunFinished { counts, .. }) if counts.remaining == outcome.remaining.len()));
        converges(&cloud, &stack).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_the_same_for_every_try_and_fits() {
    let options = ApplyOptions::new("0123456789abcdef01234567");
    assert!(format!("{}-{}", options.run, 99_999).len() <= 36);
    let faster = options.clone().at_speed(60.0);
    assert!(faster.poll.cap < options.poll.cap && faster.poll.first >= Duration::from_millis(5));
    assert_eq!(options.poll.interval(0), Duration::from_secs(1));
    assert_eq!(options.poll.interval(1000), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_left_pending_is_awaited() {
    let stack = medium();
    let cloud = FakeCloud::new();
    cloud.polls(20, 20);
    let cancel = CancellationToken::new();
    let stop = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        cancel.cancel();
    };
    let options = options("first");
    let events = Events::none();
    let (report, ()) = tokio::join!(up(&cloud, &stack, &options, yes, &events, &cancel), stop);
    assert_eq!(report.unwrap().end, End::Interrupted);
    let observation = cloud.observe(&stack).await.unwrap();
    let plan = aomidori_plan::plan(&stack, &observation).unwrap();
    assert!(plan.steps.iter().any(|step| step.action == Action::Await), "{:#?}", plan.steps);
    converges(&cloud, &stack).await;
}

/// An order that is a courtesy is given up if the first step fails: what cannot be deleted does not keep the rest.
#[tokio::test(start_paused = true)]
async fn a_failed_step_does_not_keep_what_came_after_it_by_courtesy_only() {
    let stack = medium();
    let mut fault = None;
    // The first life counts the calls, the second has the fault.
    loop {
        let built = FakeCloud::new();
        applied(&built, &stack, &ApplyOptions::new("run")).await;
        let observation = built.observe(&stack).await.unwrap();
        let plan = aomidori_plan::destroy(&stack, &observation).unwrap();
        let before = |step: &Step| step.after.iter().find(|after| after.even_if_failed).map(|after| after.step);
        let (first, second) =
            plan.steps.iter().find_map(|step| Some((plan.step(before(step)?).unwrap(), step))).expect("a courtesy");
        let mut cloud = built.process();
        if let Some(number) = fault {
            cloud = cloud.fault(number, Fault::Fails(ErrorKind::Refused));
        }
        let options = ApplyOptions::new("run");
        let outcome = apply(&cloud, &plan, &stack, &observation, &options, &Events::none(), &never()).await;
        if fault.is_some() {
            assert_eq!(outcome.failed.iter().map(|failure| failure.step).collect::<Vec<_>>(), [first.id]);
            assert!(outcome.done.contains(&second.id), "{:?}", outcome.skipped);
            return;
        }
        let deleted = |call: &&Call| call.operation == "delete" && Some(&call.subject) == first.live.as_ref();
        fault = Some(cloud.calls().iter().find(deleted).expect("its deletion").number);
    }
}

//! Every state of a deployment, and what is decided in it.

use aomidori_engine::cloud::ErrorKind;
use aomidori_model::kinds::deployment_group::{ReadyOption, RollbackEvent};

use super::samples::*;
use crate::cloud::{DeploymentError, Status, WaitType};
use crate::decision::{
    Answer, AtReady, Call, Decision, Goal, History, OnTrouble, Probed, Seen, Start, Tries, Until, Waiting, next,
};
use crate::outcome::{Cause, Outcome};
use crate::stage::{Progress, Stage};
use crate::stall::Evidence;

fn seen(followed: Progress) -> Seen {
    Seen { followed: Some(followed), ..Seen::default() }
}

fn decide(goal: &Goal, followed: Progress) -> Decision {
    next(goal, &following(), &seen(followed), at(100))
}

fn waits_for(decision: &Decision) -> &str {
    match decision {
        Decision::Wait(wait) => match &wait.what {
            Waiting::Stage(stage) => stage.name(),
            Waiting::Visible => "to be seen",
            Waiting::Stopping => "stopping",
            Waiting::Rollback(_) => "rollback",
            Waiting::Retry(_) => "retry",
            Waiting::Probe => "probe",
        },
        other => panic!("{other:?} is no wait"),
    }
}

fn done(decision: Decision) -> Outcome {
    match decision {
        Decision::Done(outcome) => outcome,
        other => panic!("{other:?} is no end"),
    }
}

fn stop_of(decision: Decision) -> Cause {
    match decision {
        Decision::Call(Call::Stop(id, cause)) if id == "d-1" => cause,
        other => panic!("{other:?} stops nothing"),
    }
}

#[test]
fn stages_are_told_from_what_codedeploy_says() {
    let t = timings();
    assert_eq!(created().stage(&t), Stage::Created);
    assert_eq!(installing().stage(&t), Stage::Installing { running: 0, desired: 1 });
    assert_eq!(at_event(Status::InProgress, 2, 0.0).stage(&t), Stage::Installing { running: 1, desired: 1 });
    assert_eq!(test_traffic().stage(&t), Stage::TestTraffic);
    assert_eq!(at_event(Status::InProgress, 4, 0.0).stage(&t), Stage::TestTraffic);
    assert_eq!(ready().stage(&t), Stage::Ready { until: Some(at(50 + 300)) });
    for percent in [0.0, 10.0, 50.0, 100.0] {
        assert_eq!(shifting(percent).stage(&t), Stage::Shifting { percent });
    }
    assert_eq!(shifted().stage(&t), Stage::Shifted { until: Some(at(80 + 300)) });
    // All events are over, and the flag is not set yet.
    assert_eq!(at_event(Status::InProgress, 8, 100.0).stage(&t), Stage::Shifted { until: Some(at(380)) });
    assert_eq!(at_event(Status::Baking, 8, 100.0).stage(&t).name(), "shifted");
    assert_eq!(succeeded().stage(&t), Stage::Succeeded);
    assert_eq!(over(Status::Failed, 1, "TIMEOUT").stage(&t), Stage::Failed);
    assert_eq!(over(Status::Stopped, 5, "MANUAL_STOP").stage(&t), Stage::Stopped);
}

#[test]
fn without_a_test_listener_two_events_are_not_there() {
    let mut progress = at_event(Status::InProgress, 5, 0.0);
    let events = &mut progress.target.as_mut().unwrap().events;
    events.retain(|event| !event.name.contains("TestTraffic"));
    assert_eq!(progress.stage(&timings()), Stage::Shifting { percent: 0.0 });
}

#[test]
fn green_is_found_without_labels() {
    let mut unlabelled = shifting(10.0);
    unlabelled.target.as_mut().unwrap().task_sets.iter_mut().for_each(|set| set.side = None);
    assert_eq!(unlabelled.green().unwrap().id, "ecs-svc/2");
    let mut after = shifted();
    after.target.as_mut().unwrap().task_sets.iter_mut().for_each(|set| set.side = None);
    assert_eq!(after.green().unwrap().id, "ecs-svc/2");
    let mut blue_only = installing();
    blue_only.target.as_mut().unwrap().task_sets.pop();
    assert_eq!(blue_only.green(), None);
}

#[test]
fn a_deployment_is_created_once() {
    let goal = goal(Until::Ready);
    let nothing = Seen::default();
    assert_eq!(next(&goal, &History::default(), &nothing, at(0)), Decision::Call(Call::Create));
    // What ran before is no obstacle.
    let mut earlier = deployment("d-0", Status::Succeeded);
    earlier.description = "run-0".into();
    let over = Seen { recent: vec![earlier.clone()], ..Seen::default() };
    assert_eq!(next(&goal, &History::default(), &over, at(0)), Decision::Call(Call::Create));
    // What runs is, in any of its states, and is named.
    for status in [Status::Created, Status::Queued, Status::InProgress, Status::Baking, Status::Ready] {
        earlier.status = status;
        let busy = Seen { recent: vec![earlier.clone()], ..Seen::default() };
        let Outcome::Busy { running, .. } = done(next(&goal, &History::default(), &busy, at(0))) else { panic!() };
        assert_eq!(running.as_deref(), Some("d-0"));
    }
}

#[test]
fn an_unanswered_creation_is_looked_for_before_it_is_repeated() {
    let goal = goal(Until::Ready);
    let mut history = History::default();
    history.create.tried(Some(error(ErrorKind::Unknown, "InternalError")), at(0));
    let nothing = Seen::default();
    let mut looks = 0;
    loop {
        history.see(&goal, &nothing, at(60));
        match next(&goal, &history, &nothing, at(60)) {
            Decision::Wait(_) => looks += 1,
            decision => break assert_eq!(decision, Decision::Call(Call::Create)),
        }
    }
    assert!(looks >= 4, "{looks}");
    // It was done: ours has our token, whatever state it is in by now.
    for status in [Status::Created, Status::InProgress, Status::Failed] {
        let mut history = history.clone();
        let found = Seen { recent: vec![deployment("d-1", status)], ..Seen::default() };
        history.see(&goal, &found, at(60));
        assert_eq!(history.id.as_deref(), Some("d-1"));
    }
    // Somebody else's came in between.
    let mut other = deployment("d-9", Status::InProgress);
    other.description = "by hand".into();
    let busy = Seen { recent: vec![other], ..Seen::default() };
    history.see(&goal, &busy, at(60));
    assert!(matches!(done(next(&goal, &history, &busy, at(60))), Outcome::Busy { .. }));
}

#[test]
fn the_limit_of_one_deployment_is_told_with_the_one_that_runs() {
    let goal = goal(Until::Ready);
    let mut history = History::default();
    history.create.tried(Some(error(ErrorKind::InUse, "DeploymentLimitExceededException")), at(0));
    let mut other = deployment("d-9", Status::Ready);
    other.description = "by hand".into();
    let busy = Seen { recent: vec![other], ..Seen::default() };
    let Outcome::Busy { running, description } = done(next(&goal, &history, &busy, at(1))) else { panic!() };
    assert_eq!((running.as_deref(), description.as_str()), (Some("d-9"), "by hand"));
    // It is not listed yet: it is looked for, and in the end the answer is the same without its name.
    assert_eq!(waits_for(&next(&goal, &history, &Seen::default(), at(1))), "to be seen");
    history.create.looks = 9;
    assert!(matches!(done(next(&goal, &history, &Seen::default(), at(1))), Outcome::Busy { running: None, .. }));
    // After a creation without an answer, the one that stands in the way may be ours.
    let mine = Seen { recent: vec![deployment("d-1", Status::Created)], ..Seen::default() };
    history.see(&goal, &mine, at(2));
    assert_eq!(history.id.as_deref(), Some("d-1"));
}

#[test]
fn a_refused_creation_is_the_end_and_a_throttled_one_is_repeated() {
    let goal = goal(Until::Ready);
    let mut history = History::default();
    history.create.tried(Some(error(ErrorKind::Refused, "InvalidRevisionException")), at(0));
    assert!(matches!(done(next(&goal, &history, &Seen::default(), at(9))), Outcome::Refused { id: None, .. }));
    let mut history = History::default();
    history.create.tried(Some(error(ErrorKind::Throttled, "ThrottlingException")), at(0));
    assert_eq!(waits_for(&next(&goal, &history, &Seen::default(), at(1))), "retry");
    assert_eq!(next(&goal, &history, &Seen::default(), at(9)), Decision::Call(Call::Create));
    history.create.count = 6;
    assert!(matches!(done(next(&goal, &history, &Seen::default(), at(9))), Outcome::Refused { .. }));
}

#[test]
fn every_state_with_every_aim() {
    // What `deploy` waits for by default: production is on blue, and waits for the word.
    let states: [(&str, Progress); 6] = [
        ("created", created()),
        ("installing", installing()),
        ("test traffic", test_traffic()),
        ("ready", ready()),
        ("shifting", shifting(10.0)),
        ("shifted", shifted()),
    ];
    for (name, state) in &states {
        let decision = |until| decide(&goal(until), state.clone());
        assert_eq!(done(decision(Until::Created)), Outcome::Created { id: "d-1".into() }, "{name}");
        match *name {
            "ready" => {
                assert!(matches!(done(decision(Until::Ready)), Outcome::Ready { .. }));
                assert_eq!(waits_for(&decision(Until::Rerouted)), "ready");
                assert_eq!(waits_for(&decision(Until::Terminated)), "ready");
            }
            "shifted" => {
                assert!(matches!(done(decision(Until::Ready)), Outcome::Rerouted { .. }));
                assert!(matches!(done(decision(Until::Rerouted)), Outcome::Rerouted { .. }));
                assert_eq!(waits_for(&decision(Until::Terminated)), "shifted");
            }
            _ => {
                for until in [Until::Ready, Until::Rerouted, Until::Terminated] {
                    assert_eq!(waits_for(&decision(until)), *name);
                }
            }
        }
    }
    for until in [Until::Ready, Until::Rerouted, Until::Terminated] {
        assert_eq!(done(decide(&goal(until), succeeded())), Outcome::Succeeded { id: "d-1".into() });
    }
}

#[test]
fn the_word_is_given_once_and_again_only_if_it_has_no_effect() {
    let goal = Goal { at_ready: AtReady::Reroute, ..goal(Until::Rerouted) };
    let word = Decision::Call(Call::Continue("d-1".into(), WaitType::Ready));
    assert_eq!(decide(&goal, ready()), word);
    let continued = |error, tried| {
        let mut history = following();
        history.continued.tried(error, at(tried));
        next(&goal, &history, &seen(ready()), at(100))
    };
    assert_eq!(waits_for(&continued(None, 99)), "ready");
    assert_eq!(continued(None, 20), word);
    // It was not waiting any more: the next look shows where it is.
    let late = error(ErrorKind::Refused, "DeploymentIsNotInReadyStateException");
    assert_eq!(waits_for(&continued(Some(late), 99)), "ready");
    assert_eq!(waits_for(&continued(Some(error(ErrorKind::Unknown, "InternalError")), 99)), "retry");
    assert_eq!(continued(Some(error(ErrorKind::Unknown, "InternalError")), 20), word);
    let refused = continued(Some(error(ErrorKind::Denied, "AccessDeniedException")), 99);
    assert!(matches!(done(refused), Outcome::Refused { id: Some(_), .. }));
    // In other states it is not given.
    assert_eq!(waits_for(&decide(&goal, installing())), "installing");
    assert_eq!(waits_for(&decide(&goal, shifting(10.0))), "shifting");
}

#[test]
fn the_word_is_given_and_not_waited_for() {
    let goal = Goal { at_ready: AtReady::Reroute, ..goal(Until::Created) };
    let mut history = following();
    let first = next(&goal, &history, &seen(ready()), at(100));
    assert_eq!(first, Decision::Call(Call::Continue("d-1".into(), WaitType::Ready)));
    history.continued.tried(None, at(100));
    let then = next(&goal, &history, &seen(ready()), at(101));
    assert_eq!(done(then), Outcome::Created { id: "d-1".into() });
}

#[test]
fn a_probe_decides() {
    let goal = Goal { at_ready: AtReady::Probe(probe()), ..goal(Until::Rerouted) };
    assert_eq!(decide(&goal, ready()), Decision::Call(Call::Probe(probe())));
    let probed = |tries, in_a_row, when| {
        let probe = Probed { tries, in_a_row, last: "503".into(), at: at(when) };
        next(&goal, &History { probe, ..following() }, &seen(ready()), at(100))
    };
    assert_eq!(waits_for(&probed(1, 1, 99)), "probe");
    assert_eq!(probed(1, 1, 90), Decision::Call(Call::Probe(probe())));
    assert_eq!(probed(4, 3, 99), Decision::Call(Call::Continue("d-1".into(), WaitType::Ready)));
    // Five wrong answers: it goes back by itself.
    let cause = stop_of(probed(5, 2, 99));
    assert_eq!(cause, Cause::Probe { url: "http://test/".into(), expect: 200, got: "503".into() });
    // Not before test traffic is on green.
    assert_eq!(waits_for(&decide(&goal, test_traffic())), "test traffic");
}

#[test]
fn a_stall_ends_early() {
    let evidence = Evidence { stopped: vec![("exited".into(), 3)], targets: Vec::new() };
    let stalled = Seen { stall: Some(evidence.clone()), ..seen(installing()) };
    let goal = goal(Until::Ready);
    assert_eq!(stop_of(next(&goal, &following(), &stalled, at(100))), Cause::Stall(evidence.clone()));
    let patient = Goal { on_trouble: OnTrouble::Leave, ..goal.clone() };
    let Outcome::Left { cause, .. } = done(next(&patient, &following(), &stalled, at(100))) else { panic!() };
    assert_eq!(cause, Cause::Stall(evidence));
    // Once production is on green, its tasks are no matter of the deployment's.
    let later = Seen { followed: Some(shifted()), ..stalled };
    assert_eq!(waits_for(&next(&Goal { until: Until::Terminated, ..goal }, &following(), &later, at(100))), "shifted");
}

#[test]
fn limits_are_computed_and_end_what_takes_too_long() {
    let goal = Goal { until: Until::Terminated, ..goal(Until::Ready) };
    // Second at which each stage began, and its limit in seconds.
    let table = [
        (created(), 0, 600),
        (installing(), 10, 3900),
        (test_traffic(), 30, 3900),
        (ready(), 50, 300 + 300),
        (shifting(10.0), 60, 300 + 3900),
        (shifted(), 80, 300 + 3900),
    ];
    for (state, since, limit) in table {
        let name = state.stage(&timings()).name();
        let decision = |when| next(&goal, &following(), &seen(state.clone()), at(when));
        let Decision::Wait(wait) = decision(since + limit) else { panic!("{name}") };
        assert_eq!(wait.until, Some(at(since + limit)), "{name}");
        let Cause::TimedOut { stage, after_s } = stop_of(decision(since + limit + 1)) else { panic!("{name}") };
        assert_eq!((stage.as_str(), after_s), (name, u64::try_from(limit).unwrap() + 1));
        let patient = Goal { on_trouble: OnTrouble::Leave, ..goal.clone() };
        let left = next(&patient, &following(), &seen(state), at(since + limit + 1));
        assert!(matches!(done(left), Outcome::Left { cause: Cause::TimedOut { .. }, .. }));
    }
}

#[test]
fn usual_times_are_told() {
    let usually = |state: Progress| match decide(&goal(Until::Terminated), state) {
        Decision::Wait(wait) => wait.usually,
        other => panic!("{other:?}"),
    };
    assert_eq!(usually(installing()).as_secs(), 45 + 120);
    assert_eq!(usually(ready()), minutes(5));
    assert_eq!(usually(shifting(10.0)).as_secs(), 310);
    assert_eq!(usually(shifted()), minutes(5));
}

#[test]
fn failed_without_a_rollback_stays_as_it_is() {
    let mut failed = over(Status::Failed, 1, "ECS_UPDATE_ERROR");
    failed.deployment.auto_rollback.clear();
    let Outcome::Failed { stopped: false, percent: None, cause, .. } = done(decide(&goal(Until::Ready), failed)) else {
        panic!()
    };
    let Cause::CodeDeploy { error: Some(DeploymentError { code, .. }), diagnostics } = cause else { panic!() };
    assert_eq!((code.as_str(), diagnostics), ("ECS_UPDATE_ERROR", vec!["Install: it did not work".to_owned()]));
    // After the shift, green is what is live.
    let mut late = over(Status::Failed, 7, "HOOK_EXECUTION_FAILURE");
    late.deployment.auto_rollback.clear();
    assert!(matches!(done(decide(&goal(Until::Ready), late)), Outcome::Failed { percent: Some(100.0), .. }));
}

#[test]
fn failed_with_a_rollback_is_followed_to_the_rollback_s_end() {
    let goal = goal(Until::Ready);
    let failed = || over(Status::Failed, 1, "TIMEOUT");
    let history = History { entered: Some(("failed", at(90))), ..following() };
    let with = |rollback: Option<Progress>, now| next(&goal, &history, &Seen { rollback, ..seen(failed()) }, at(now));
    assert_eq!(waits_for(&with(None, 100)), "rollback");
    assert!(matches!(done(with(None, 90 + 121)), Outcome::Failed { .. }));
    assert_eq!(waits_for(&with(Some(rollback(Status::InProgress)), 100)), "rollback");
    let Outcome::RolledBack { id, by, cause } = done(with(Some(rollback(Status::Succeeded)), 100)) else { panic!() };
    assert_eq!((id.as_str(), by.as_deref()), ("d-1", Some("d-2")));
    assert!(matches!(cause, Cause::CodeDeploy { .. }));
    for status in [Status::Failed, Status::Stopped] {
        let ended = with(Some(rollback(status)), 100);
        assert!(matches!(done(ended), Outcome::RollbackFailed { .. }));
    }
}

#[test]
fn before_anything_is_installed_there_is_nothing_to_roll_back() {
    let refused = over(Status::Failed, 0, "IAM_ROLE_PERMISSIONS");
    assert!(matches!(done(decide(&goal(Until::Ready), refused)), Outcome::Failed { percent: None, .. }));
    let mut never_began = created();
    never_began.deployment.status = Status::Failed;
    assert!(matches!(done(decide(&goal(Until::Ready), never_began)), Outcome::Failed { .. }));
}

#[test]
fn an_alarm_rolls_back_if_the_group_says_so() {
    let mut alarmed = over(Status::Stopped, 6, "ALARM_ACTIVE");
    alarmed.deployment.auto_rollback = [RollbackEvent::Alarm].into();
    let goal = goal(Until::Terminated);
    assert_eq!(waits_for(&decide(&goal, alarmed.clone())), "rollback");
    let back = Seen { rollback: Some(rollback(Status::Succeeded)), ..seen(alarmed.clone()) };
    let Outcome::RolledBack { cause, .. } = done(next(&goal, &following(), &back, at(100))) else { panic!() };
    let Cause::CodeDeploy { error: Some(DeploymentError { code, .. }), .. } = cause else { panic!() };
    assert_eq!(code, "ALARM_ACTIVE");
    alarmed.deployment.auto_rollback = [RollbackEvent::Failure].into();
    assert!(matches!(done(decide(&goal, alarmed)), Outcome::Failed { stopped: true, .. }));
}

#[test]
fn stopped_by_somebody_without_a_rollback() {
    let stopped = over(Status::Stopped, 5, "MANUAL_STOP");
    let Outcome::Failed { stopped: true, cause: Cause::CodeDeploy { .. }, .. } =
        done(decide(&goal(Until::Ready), stopped))
    else {
        panic!()
    };
    // In the middle of a canary: a part of the requests is on green, and stays there.
    let mut canary = at_event(Status::Stopped, 6, 10.0);
    canary.target.as_mut().unwrap().events[6].start = Some(at(60));
    assert!(matches!(done(decide(&goal(Until::Ready), canary)), Outcome::Failed { percent: Some(10.0), .. }));
}

#[test]
fn nobody_rerouted_in_time() {
    let stopped = over(Status::Stopped, 5, "TIMEOUT");
    let Outcome::Failed { cause, percent: None, .. } = done(decide(&goal(Until::Ready), stopped)) else { panic!() };
    assert_eq!(cause, Cause::NobodyRerouted);
    let mut goes_on = over(Status::Stopped, 5, "TIMEOUT");
    goes_on.deployment.ready = ReadyOption::Continue;
    let Outcome::Failed { cause, .. } = done(decide(&goal(Until::Ready), goes_on)) else { panic!() };
    assert!(matches!(cause, Cause::CodeDeploy { .. }));
}

#[test]
fn what_we_stop_is_followed_to_its_rollback() {
    let goal = Goal { start: Start::Follow("d-1".into()), abandon: true, ..goal(Until::Terminated) };
    for state in [created(), installing(), test_traffic(), ready(), shifting(10.0), shifted()] {
        assert_eq!(stop_of(decide(&goal, state)), Cause::Asked);
    }
    let mut history = following();
    history.stop = Some(Cause::Asked);
    history.stopped.tried(None, at(95));
    let now = |state: Progress, when| next(&goal, &history, &seen(state), at(when));
    // Pending: it is called again after a while.
    assert_eq!(waits_for(&now(ready(), 100)), "stopping");
    assert_eq!(stop_of(now(ready(), 160)), Cause::Asked);
    // Stopped: the rollback is expected even where the group does not roll back by itself.
    let stopped = over(Status::Stopped, 5, "MANUAL_STOP");
    assert_eq!(waits_for(&now(stopped.clone(), 100)), "rollback");
    let back = Seen { rollback: Some(rollback(Status::Succeeded)), ..seen(stopped) };
    let Outcome::RolledBack { cause, .. } = done(next(&goal, &history, &back, at(100))) else { panic!() };
    assert_eq!(cause, Cause::Asked);
    // It was done before it could be stopped.
    assert!(matches!(done(now(succeeded(), 100)), Outcome::Succeeded { .. }));
}

#[test]
fn a_stop_that_fails() {
    let goal = Goal { abandon: true, ..goal(Until::Terminated) };
    let stop = |error, when| {
        let mut history = following();
        history.stop = Some(Cause::Asked);
        history.stopped.tried(Some(error), at(95));
        next(&goal, &history, &seen(shifted()), at(when))
    };
    let over = || error(ErrorKind::Refused, "DeploymentAlreadyCompletedException");
    assert_eq!(waits_for(&stop(over(), 200)), "stopping");
    let unknown = || error(ErrorKind::Unknown, "InternalError");
    assert_eq!(waits_for(&stop(unknown(), 96)), "stopping");
    assert_eq!(stop_of(stop(unknown(), 101)), Cause::Asked);
    let refused = stop(error(ErrorKind::Refused, "UnsupportedActionForDeploymentTypeException"), 96);
    assert!(matches!(done(refused), Outcome::Refused { id: Some(_), .. }));
}

#[test]
fn an_interrupted_user_is_asked() {
    let goal = goal(Until::Ready);
    let interrupted = |answer, state: Option<Progress>| {
        let history = History { interrupted: true, answer, ..following() };
        next(&goal, &history, &Seen { followed: state, ..Seen::default() }, at(100))
    };
    for state in [created(), installing(), test_traffic(), ready(), shifting(10.0), shifted()] {
        assert_eq!(interrupted(None, Some(state.clone())), Decision::Ask);
        let left = done(interrupted(Some(Answer::Leave), Some(state.clone())));
        assert!(matches!(left, Outcome::Left { cause: Cause::Asked, .. }));
        assert_eq!(stop_of(interrupted(Some(Answer::RollBack), Some(state))), Cause::Asked);
    }
    // The rollback that they asked for is followed to its end; one that CodeDeploy began is left with them.
    let back = Seen { rollback: Some(rollback(Status::InProgress)), ..seen(over(Status::Stopped, 5, "MANUAL_STOP")) };
    let mut history = History { interrupted: true, answer: Some(Answer::RollBack), ..following() };
    history.stop = Some(Cause::Asked);
    assert_eq!(waits_for(&next(&goal, &history, &back, at(100))), "rollback");
    history.stop = None;
    assert!(matches!(done(next(&goal, &history, &back, at(100))), Outcome::Left { .. }));
    // Before it is seen, and before there is one.
    assert!(matches!(done(interrupted(None, None)), Outcome::Left { .. }));
    let nothing = History { interrupted: true, ..History::default() };
    assert_eq!(done(next(&goal, &nothing, &Seen::default(), at(0))), Outcome::NotStarted);
    // Its creation was not answered: first it is looked for.
    let mut unanswered = nothing;
    unanswered.create = Tries { count: 1, error: Some(error(ErrorKind::Unknown, "X")), ..Tries::default() };
    assert_eq!(waits_for(&next(&goal, &unanswered, &Seen::default(), at(9))), "to be seen");
    unanswered.create.looks = 9;
    assert_eq!(done(next(&goal, &unanswered, &Seen::default(), at(9))), Outcome::NotStarted);
}

#[test]
fn whoever_attaches_to_a_rollback_sees_no_success() {
    let mut attached = following();
    attached.id = Some("d-2".into());
    let goal = Goal { start: Start::Follow("d-2".into()), ..goal(Until::Terminated) };
    let ended = next(&goal, &attached, &seen(rollback(Status::Succeeded)), at(100));
    let Outcome::RolledBack { id, by, .. } = done(ended) else { panic!() };
    assert_eq!((id.as_str(), by.as_deref()), ("d-1", Some("d-2")));
}

#[test]
fn a_deployment_that_is_not_there() {
    let goal = Goal { start: Start::Follow("d-1".into()), ..goal(Until::Ready) };
    let mut history = History::default();
    history.see(&goal, &Seen::default(), at(0));
    assert_eq!(waits_for(&next(&goal, &history, &Seen::default(), at(60))), "to be seen");
    assert_eq!(done(next(&goal, &history, &Seen::default(), at(121))), Outcome::Unknown { id: "d-1".into() });
}

#[test]
fn only_what_lasts_is_a_success() {
    let id = || "d-1".to_owned();
    assert!(Outcome::Succeeded { id: id() }.is_success());
    assert!(!Outcome::RolledBack { id: id(), by: None, cause: Cause::Asked }.is_success());
    assert!(!Outcome::Failed { id: id(), stopped: true, percent: None, cause: Cause::NobodyRerouted }.is_success());
}

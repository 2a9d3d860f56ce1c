//! Every state of a rolling deployment, and what is decided in it.

use aomidori_engine::cloud::ErrorKind;

use super::samples::*;
use crate::cloud::{Rollout, RolloutState, Service, ServiceEvent};
use crate::decision::{Answer, OnTrouble};
use crate::outcome::{Cause, Outcome};
use crate::rolling::{RollingDecision, RollingGoal, RollingHistory, next};
use crate::stall::Evidence;

fn goal() -> RollingGoal {
    RollingGoal { task_definition: "td:2".into(), detached: false, on_trouble: OnTrouble::RollBack, timings: timings() }
}

fn rollout(id: &str, status: &str, state: RolloutState, arn: &str) -> Rollout {
    Rollout {
        id: id.into(),
        status: status.into(),
        state,
        reason: None,
        task_definition: arn.into(),
        desired: 1,
        running: 0,
        pending: 1,
        failed: 0,
        created_at: Some(at(0)),
    }
}

fn service(rollouts: Vec<Rollout>) -> Service {
    Service { status: "ACTIVE".into(), rollouts, ..Service::default() }
}

fn following() -> RollingHistory {
    RollingHistory {
        id: Some("b".into()),
        before: Some("td:1".into()),
        began: Some(at(0)),
        ..RollingHistory::default()
    }
}

fn decide(rollouts: Vec<Rollout>) -> RollingDecision {
    next(&goal(), &following(), &service(rollouts), None, at(100))
}

fn ours(state: RolloutState) -> Vec<Rollout> {
    vec![rollout("b", "PRIMARY", state, "td:2"), rollout("a", "ACTIVE", RolloutState::Completed, "td:1")]
}

fn back(state: RolloutState) -> Vec<Rollout> {
    let mut back = rollout("c", "PRIMARY", state, "td:1");
    back.reason = Some("ECS deployment circuit breaker: rolling back to deploymentId a.".into());
    vec![back]
}

#[test]
fn it_is_started_once_and_found_again() {
    let before = service(vec![rollout("a", "PRIMARY", RolloutState::Completed, "td:1")]);
    let mut history = RollingHistory::default();
    history.see(&goal(), &before, at(0));
    assert_eq!(history.before.as_deref(), Some("td:1"));
    assert_eq!(next(&goal(), &history, &before, None, at(0)), RollingDecision::Update("td:2".into()));
    history.update.tried(None, at(0));
    assert!(matches!(next(&goal(), &history, &before, None, at(1)), RollingDecision::Wait { .. }));
    let after = service(ours(RolloutState::InProgress));
    history.see(&goal(), &after, at(1));
    assert_eq!(history.id.as_deref(), Some("b"));
    // Another process that attaches knows as much.
    let mut other = RollingHistory::default();
    other.see(&goal(), &after, at(50));
    assert_eq!((other.id.as_deref(), other.before.as_deref()), (Some("b"), Some("td:1")));
    assert!(matches!(
        next(&RollingGoal { detached: true, ..goal() }, &history, &after, None, at(1)),
        RollingDecision::Done(Outcome::Created { .. })
    ));
}

#[test]
fn a_refused_update_is_the_end() {
    let before = service(vec![rollout("a", "PRIMARY", RolloutState::Completed, "td:1")]);
    let mut history = RollingHistory::default();
    history.update.tried(Some(error(ErrorKind::Refused, "InvalidParameterException")), at(0));
    let refused = next(&goal(), &history, &before, None, at(9));
    assert!(matches!(refused, RollingDecision::Done(Outcome::Refused { .. })));
    history.update.tried(Some(error(ErrorKind::Unknown, "ServerException")), at(0));
    assert_eq!(next(&goal(), &history, &before, None, at(9)), RollingDecision::Update("td:2".into()));
    history.interrupted = true;
    assert_eq!(next(&goal(), &history, &before, None, at(9)), RollingDecision::Done(Outcome::NotStarted));
}

#[test]
fn in_progress_completed_failed() {
    assert!(matches!(decide(ours(RolloutState::InProgress)), RollingDecision::Wait { back: false, .. }));
    assert_eq!(decide(ours(RolloutState::Completed)), RollingDecision::Done(Outcome::Succeeded { id: "b".into() }));
    let failed = decide(ours(RolloutState::Failed));
    assert!(matches!(failed, RollingDecision::Done(Outcome::Failed { stopped: false, .. })));
}

#[test]
fn the_circuit_breaker_s_rollback_is_no_success() {
    assert!(matches!(decide(back(RolloutState::InProgress)), RollingDecision::Wait { back: true, .. }));
    let RollingDecision::Done(Outcome::RolledBack { id, by, cause }) = decide(back(RolloutState::Completed)) else {
        panic!()
    };
    assert_eq!((id.as_str(), by.as_deref()), ("b", Some("c")));
    assert!(matches!(cause, Cause::Ecs { reason } if reason.contains("circuit breaker")));
    let failed = decide(back(RolloutState::Failed));
    assert!(matches!(failed, RollingDecision::Done(Outcome::RollbackFailed { .. })));
    // ECS does not always say so: what ran before runs again, and an event tells why.
    let mut silent = back(RolloutState::Completed);
    silent[0].reason = None;
    let mut service = service(silent);
    service.events = vec![ServiceEvent {
        id: "1".into(),
        at: None,
        message: "(service web) (deployment b) deployment failed: tasks failed to start.".into(),
    }];
    let decision = next(&goal(), &following(), &service, None, at(100));
    let RollingDecision::Done(Outcome::RolledBack { cause: Cause::Ecs { reason }, .. }) = decision else { panic!() };
    assert!(reason.contains("deployment failed"), "{reason}");
}

#[test]
fn another_deployment_in_between_is_said() {
    let other = decide(vec![rollout("x", "PRIMARY", RolloutState::InProgress, "td:9")]);
    assert!(matches!(other, RollingDecision::Done(Outcome::Failed { stopped: true, .. })), "{other:?}");
}

#[test]
fn a_stall_or_a_limit_takes_it_back() {
    let running = service(ours(RolloutState::InProgress));
    let evidence = Evidence { stopped: vec![("exited".into(), 3)], targets: Vec::new() };
    let decide =
        |goal: &RollingGoal, history: &RollingHistory, stall, now| next(goal, history, &running, stall, at(now));
    let stalled = decide(&goal(), &following(), Some(&evidence), 100);
    assert_eq!(stalled, RollingDecision::Back("td:1".into(), Cause::Stall(evidence.clone())));
    let patient = RollingGoal { on_trouble: OnTrouble::Leave, ..goal() };
    let left = decide(&patient, &following(), Some(&evidence), 100);
    assert!(matches!(left, RollingDecision::Done(Outcome::Left { cause: Cause::Stall(_), .. })));
    let late = decide(&goal(), &following(), None, 4000);
    assert!(matches!(late, RollingDecision::Back(_, Cause::TimedOut { .. })));
    // On its way back: told again only after a pause.
    let mut history = following();
    history.back = Some(Cause::Asked);
    history.went_back.tried(None, at(99));
    assert!(matches!(decide(&goal(), &history, None, 100), RollingDecision::Wait { back: true, .. }));
    assert!(matches!(decide(&goal(), &history, None, 110), RollingDecision::Back(_, Cause::Asked)));
}

#[test]
fn an_interrupted_user_is_asked() {
    let running = service(ours(RolloutState::InProgress));
    let with = |answer| {
        let history = RollingHistory { interrupted: true, answer, ..following() };
        next(&goal(), &history, &running, None, at(100))
    };
    assert_eq!(with(None), RollingDecision::Ask);
    assert!(matches!(with(Some(Answer::Leave)), RollingDecision::Done(Outcome::Left { .. })));
    assert_eq!(with(Some(Answer::RollBack)), RollingDecision::Back("td:1".into(), Cause::Asked));
}

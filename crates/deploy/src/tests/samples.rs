//! Deployments in every state, as CodeDeploy describes them.

use std::collections::BTreeSet;
use std::time::Duration;

use aomidori_engine::cloud::{CloudError, ErrorKind};
use aomidori_model::kinds::deployment_config::TrafficRouting;
use aomidori_model::kinds::deployment_group::{ReadyOption, RollbackEvent};
use aomidori_model::kinds::target_group::HealthCheck;

use crate::cloud::{
    Deployment, DeploymentError, LifeCycle, LifeCycleStatus, NewDeployment, Side, Status, Target, WeighedTaskSet,
};
use crate::decision::{AtReady, Goal, History, OnTrouble, Probe, Start, Until};
use crate::stage::Progress;
use crate::time::{Moment, Timings};

pub(super) const EVENTS: [&str; 8] = [
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "AllowTestTraffic",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "AfterAllowTraffic",
];

/// A moment, in seconds.
pub(super) fn at(seconds: i64) -> Moment {
    Moment(seconds * 1000)
}

pub(super) fn timings() -> Timings {
    Timings::blue_green(
        Some(&HealthCheck::default()),
        None,
        ReadyOption::Wait { minutes: 5 },
        5,
        TrafficRouting::Canary { percent: 10, minutes: 5 },
    )
}

pub(super) fn new_deployment() -> NewDeployment {
    NewDeployment {
        group: "shop/web".into(),
        appspec: "{}".into(),
        config: None,
        description: "web:7 (aomidori run-1)".into(),
        token: "run-1".into(),
    }
}

pub(super) fn goal(until: Until) -> Goal {
    Goal {
        start: Start::Create(Box::new(new_deployment())),
        at_ready: AtReady::Nothing,
        until,
        on_trouble: OnTrouble::RollBack,
        abandon: false,
        timings: timings(),
    }
}

pub(super) fn probe() -> Probe {
    Probe { url: "http://test/".into(), expect: 200, enough: 3, tries: 5 }
}

pub(super) fn following() -> History {
    History { id: Some("d-1".into()), followed_at: Some(at(0)), ..History::default() }
}

pub(super) fn deployment(id: &str, status: Status) -> Deployment {
    Deployment {
        id: id.into(),
        status,
        description: "web:7 (aomidori run-1)".into(),
        creator: "user".into(),
        config: "CodeDeployDefault.ECSAllAtOnce".into(),
        created_at: Some(at(0)),
        completed_at: None,
        error: None,
        rollback: None,
        rolls_back: None,
        auto_rollback: BTreeSet::from([RollbackEvent::Failure]),
        ready: ReadyOption::Wait { minutes: 5 },
        terminate_after: 5,
        terminating: false,
        sha256: None,
    }
}

fn set(side: Side, primary: bool, weight: f64, running: u32) -> WeighedTaskSet {
    WeighedTaskSet {
        id: format!("ecs-svc/{}", if side == Side::Blue { 1 } else { 2 }),
        status: if primary { "PRIMARY" } else { "ACTIVE" }.into(),
        side: Some(side),
        weight,
        target_group: None,
        desired: 1,
        pending: 1 - running,
        running,
    }
}

/// A deployment in whose list `done` events are over and the next is in progress, ten seconds each.
pub(super) fn at_event(status: Status, done: usize, weight: f64) -> Progress {
    let events = EVENTS.iter().enumerate().map(|(n, name)| {
        let begins = i64::try_from(n).unwrap() * 10;
        let (status, start, end) = match n {
            _ if n < done => (LifeCycleStatus::Succeeded, Some(at(begins)), Some(at(begins + 10))),
            _ if n == done && status == Status::InProgress => (LifeCycleStatus::InProgress, Some(at(begins)), None),
            _ => (LifeCycleStatus::Pending, None, None),
        };
        LifeCycle { name: (*name).into(), status, start, end, diagnostics: None }
    });
    let shifted = done > 6;
    Progress {
        deployment: deployment("d-1", status),
        target: Some(Target {
            events: events.collect(),
            task_sets: vec![
                set(Side::Blue, !shifted, 100.0 - weight, 1),
                set(Side::Green, shifted, weight, u32::from(done > 1)),
            ],
        }),
    }
}

pub(super) fn created() -> Progress {
    Progress { deployment: deployment("d-1", Status::Created), target: None }
}
pub(super) fn installing() -> Progress {
    at_event(Status::InProgress, 1, 0.0)
}
pub(super) fn test_traffic() -> Progress {
    at_event(Status::InProgress, 3, 0.0)
}
/// Since second 50.
pub(super) fn ready() -> Progress {
    at_event(Status::Ready, 5, 0.0)
}
/// Since second 60.
pub(super) fn shifting(weight: f64) -> Progress {
    at_event(Status::InProgress, 6, weight)
}
/// Since second 80.
pub(super) fn shifted() -> Progress {
    let mut shifted = at_event(Status::InProgress, 8, 100.0);
    shifted.deployment.terminating = true;
    shifted
}
pub(super) fn succeeded() -> Progress {
    at_event(Status::Succeeded, 8, 100.0)
}
/// Over, with an error, while `done` events had succeeded.
pub(super) fn over(status: Status, done: usize, code: &str) -> Progress {
    let mut over = at_event(status, done, if done > 6 { 100.0 } else { 0.0 });
    if let (Status::Failed, Some(target)) = (status, &mut over.target)
        && let Some(event) = target.events.get_mut(done)
    {
        event.status = LifeCycleStatus::Failed;
        event.start = Some(at(10));
        event.diagnostics = Some("it did not work".into());
    }
    over.deployment.error = Some(DeploymentError { code: code.into(), message: "said so".into() });
    over
}
/// The deployment that rolls `d-1` back.
pub(super) fn rollback(status: Status) -> Progress {
    let mut rollback = at_event(status, if status == Status::Succeeded { 8 } else { 1 }, 100.0);
    rollback.deployment.id = "d-2".into();
    rollback.deployment.creator = "codeDeployRollback".into();
    rollback.deployment.rolls_back = Some("d-1".into());
    rollback
}

pub(super) fn error(kind: ErrorKind, code: &str) -> CloudError {
    CloudError { kind, operation: "codedeploy:X".into(), code: Some(code.into()), message: "no".into() }
}

pub(super) fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

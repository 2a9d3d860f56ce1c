//! CodeDeploy's deployments of a service: the one that runs and what comes next, and how the last one ended.

use std::time::Duration;

use aomidori_deploy::cloud::{DeploymentError, LifeCycleStatus, Status};
use aomidori_deploy::{Moment, Progress, Stage, Timings};
use serde::Serialize;

use super::facts::ServiceFacts;
use super::service::{Service, seconds};
use crate::view::schedule::duration;

/// A deployment that runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Running {
    /// Its id.
    pub deployment: String,
    /// Its state, in AWS's words.
    pub status: &'static str,
    /// What its creator said about it.
    pub description: String,
    /// The deployment that it rolls back.
    pub rolls_back: Option<String>,
    /// Where it is.
    #[serde(flatten)]
    pub stage: Stage,
    /// The life-cycle event that goes on.
    pub event: Option<String>,
    /// How long it has been there, in seconds of the cloud's time.
    pub seconds: Option<u64>,
    /// Seconds of the cloud's time until CodeDeploy goes on by itself: until it stops a deployment that waits for the
    /// word to re-route, until all production traffic is shifted, or until blue is terminated.
    pub seconds_left: Option<u64>,
    /// How it is.
    pub now: String,
    /// What comes next.
    pub next: String,
}

/// A deployment that has ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Last {
    /// Its id.
    pub deployment: String,
    /// Its state, in AWS's words.
    pub status: &'static str,
    /// How it ended.
    pub end: End,
    /// The deployment that rolled it back, or tried to.
    pub rolled_back_by: Option<String>,
    /// How long ago it ended, in seconds of the cloud's time.
    pub seconds: Option<u64>,
    /// What went wrong.
    pub error: Option<DeploymentError>,
    /// What to do about it.
    pub repair: Vec<String>,
}

/// How a deployment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It has replaced what was live before.
    Succeeded,
    /// It failed or was stopped, and what was live before is live.
    RolledBack,
    /// It failed or was stopped, and another deployment is taking it back.
    RollingBack,
    /// It failed or was stopped, and so did what was to take it back.
    RollbackFailed,
    /// It failed or was stopped before it had changed anything that is still there.
    NothingChanged,
    /// It failed or was stopped without a rollback, and what it changed is still so.
    Unfinished,
}

/// What a deployment has to do with its service.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape<'a> {
    /// There is a test listener.
    pub(super) two_stepped: bool,
    /// It waits for the word to re-route.
    pub(super) waits: bool,
    /// What the target group is called in which green's tasks register.
    pub(super) green: Option<&'a str>,
}

/// The deployment that runs.
pub(super) fn running(progress: &Progress, timings: &Timings, shape: Shape<'_>, now: Moment) -> Running {
    let Progress { deployment, target } = progress;
    let stage = progress.stage(timings);
    let until = match &stage {
        Stage::Ready { until } | Stage::Shifted { until } => *until,
        Stage::Shifting { .. } => {
            progress.event("AllowTraffic").and_then(|event| event.start).map(|start| start + timings.shift)
        }
        _ => None,
    };
    let left = until.map(|until| until.since(now));
    let events = target.iter().flat_map(|target| &target.events);
    let mut going_on = events.filter(|event| event.status == LifeCycleStatus::InProgress);
    let (is, next) = words(&stage, shape, left);
    Running {
        deployment: deployment.id.clone(),
        status: deployment.status.as_str(),
        description: deployment.description.clone(),
        rolls_back: deployment.rolls_back.clone(),
        event: going_on.next().map(|event| event.name.clone()),
        seconds: seconds(progress.since(), now),
        seconds_left: left.map(|left| left.as_secs()),
        now: is,
        next,
        stage,
    }
}

/// How a deployment is, and what comes next. Which of the two target groups is green changes with every deployment.
fn words(stage: &Stage, shape: Shape<'_>, left: Option<Duration>) -> (String, String) {
    let green = match shape.green {
        None | Some("green") => "green".to_owned(),
        Some(other) => format!("green (target group {other})"),
    };
    let left = left.map(|left| duration(left.as_secs()));
    let then = match shape.waits {
        true => "then it waits for `reroute` or `rollback`",
        false => "then production traffic shifts there",
    };
    let (now, next) = match (stage, left) {
        (Stage::Created, _) => ("waits for CodeDeploy to start it".to_owned(), format!("then {green} starts")),
        (Stage::Installing { running, desired }, _) => (
            format!("{green} starts, {running} of {desired} tasks up"),
            if shape.two_stepped { "then test traffic goes there" } else { then }.to_owned(),
        ),
        (Stage::TestTraffic, _) => (format!("test traffic goes to {green}"), then.to_owned()),
        (Stage::Ready { .. }, left) => (
            match shape.two_stepped {
                true => format!("test traffic is on {green}"),
                false => format!("{green} is up, and has no traffic yet"),
            },
            match left {
                Some(left) => format!("`reroute` or `rollback`, {left} left before CodeDeploy stops it"),
                None => "`reroute` or `rollback`".to_owned(),
            },
        ),
        (Stage::Shifting { percent }, left) => (
            format!("{} of production traffic is on {green}", super::traffic::percent(*percent)),
            match left {
                Some(left) => format!("all of it in {left}; until then `rollback` takes it back"),
                None => "then all of it".to_owned(),
            },
        ),
        (Stage::Shifted { .. }, left) => (
            format!("all production traffic is on {green}"),
            match left {
                Some(left) => format!("blue is terminated in {left}; until then `rollback` goes back at once"),
                None => "then blue is terminated".to_owned(),
            },
        ),
        (Stage::Succeeded | Stage::Failed | Stage::Stopped, _) => (stage.name().to_owned(), String::new()),
    };
    (now, next)
}

/// The last deployment that has ended. A rollback tells how the deployment ended that it rolls back.
pub(super) fn last(asked: &ServiceFacts, service: &Service, now: Moment) -> Option<Last> {
    let all = &asked.deployments;
    let find = |id: &Option<String>| id.as_ref().and_then(|id| all.iter().find(|it| it.id == *id));
    let over = all.iter().find(|it| it.status.is_over())?;
    // The deployment itself, and what took it back.
    let (of, by) = match find(&over.rolls_back) {
        Some(of) => (of, Some(over)),
        None => (over, find(&over.rollback)),
    };
    let named = by.map(|by| by.id.clone()).or_else(|| of.rollback.clone());
    let end = match (of.status, by.map(|by| by.status)) {
        (Status::Succeeded, _) => End::Succeeded,
        (_, Some(Status::Succeeded)) => End::RolledBack,
        (_, Some(Status::Failed | Status::Stopped)) => End::RollbackFailed,
        (_, Some(_)) => End::RollingBack,
        // Too long ago to be among the latest.
        (_, None) if named.is_some() => End::RolledBack,
        (_, None) if is_left_behind(service) => End::Unfinished,
        (_, None) => End::NothingChanged,
    };
    let ended = by.filter(|by| by.status.is_over()).unwrap_or(of).completed_at;
    Some(Last {
        deployment: of.id.clone(),
        status: of.status.as_str(),
        end,
        rolled_back_by: named,
        seconds: seconds(ended, now),
        error: of.error.clone().or_else(|| by?.error.clone()),
        repair: match (end, &asked.running) {
            (End::Unfinished | End::RollbackFailed, None) => repair(service),
            _ => Vec::new(),
        },
    })
}

/// True if tasks or traffic of a deployment are still there that is not live.
fn is_left_behind(service: &Service) -> bool {
    let is_primary = |status: &str| status == "PRIMARY";
    service.sides.iter().any(|side| match &side.task_set {
        Some(set) if is_primary(&set.status) => false,
        Some(set) => set.status == "ACTIVE" || has_traffic(service, &side.target_group),
        None => has_traffic(service, &side.target_group),
    })
}

fn has_traffic(service: &Service, group: &str) -> bool {
    service.routes.iter().any(|route| route.percent.get(group).is_some_and(|share| *share > 0.0))
}

/// How to get out of what a deployment left half done.
fn repair(service: &Service) -> Vec<String> {
    let name = &service.address;
    let revision = |primary: bool| {
        let set = service.sides.iter().filter_map(|side| side.task_set.as_ref());
        set.filter(|set| (set.status == "PRIMARY") == primary).find_map(|set| set.version.revision)
    };
    let (live, other) = (revision(true), revision(false));
    let back = live.map(|live| {
        format!("`deploy {name} --task-definition {live} --force` makes all of it revision {live}, which is live")
    });
    let on = other
        .filter(|other| Some(*other) != live)
        .map(|other| format!("`deploy {name} --task-definition {other}` deploys revision {other} anew"));
    back.into_iter().chain(on).collect()
}

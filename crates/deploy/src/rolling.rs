//! Rolling deployments: what to do next, as a pure function. *Our* deployment is followed, not the service: a service is
//! steady again after its circuit breaker has gone back, and that is no success (field 2.3).

use std::time::Duration;

use aomidori_engine::cloud::ErrorKind;

use crate::cloud::{Rollout, RolloutState, Service};
use crate::decision::{Answer, OnTrouble, Tries};
use crate::outcome::{Cause, Outcome};
use crate::stage::Stage;
use crate::stall::Evidence;
use crate::time::{Moment, Timings};

/// What is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct RollingGoal {
    /// The ARN of the revision.
    pub task_definition: String,
    /// It is not waited for.
    pub detached: bool,
    /// What to do with a deployment that gets nowhere.
    pub on_trouble: OnTrouble,
    /// How long a round takes.
    pub timings: Timings,
}

/// What this run has done and was told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RollingHistory {
    /// The deployment that is followed.
    pub id: Option<String>,
    /// What ran before.
    pub before: Option<String>,
    /// The update.
    pub update: Tries,
    /// Why it is taken back, if it is.
    pub back: Option<Cause>,
    /// The update that takes it back.
    pub went_back: Tries,
    /// When the deployment was first seen.
    pub began: Option<Moment>,
    /// Somebody wants to stop waiting.
    pub interrupted: bool,
    /// What they want.
    pub answer: Option<Answer>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum RollingDecision {
    /// Have the service run this revision; may be said twice.
    Update(String),
    /// The same, to go back, and why.
    Back(String, Cause),
    /// Look again after a while.
    Wait {
        /// What for.
        stage: Stage,
        /// A rollback is on its way.
        back: bool,
        /// When it has taken too long.
        until: Option<Moment>,
    },
    /// Ask whoever interrupted.
    Ask,
    /// This is how it ended.
    Done(Outcome),
}

const PAUSE: Duration = Duration::from_secs(5);
const TRIES: u32 = 6;

impl RollingHistory {
    /// Remembers what is seen for the first time.
    pub fn see(&mut self, goal: &RollingGoal, service: &Service, now: Moment) {
        let primary = service.rollouts.iter().find(|it| it.status == "PRIMARY");
        if self.before.is_none() {
            // Of a deployment that runs already, what ran before is the other one.
            let others = service.rollouts.iter().map(|it| &it.task_definition);
            let before = others.into_iter().find(|arn| **arn != goal.task_definition);
            self.before = before.or(service.task_definition.as_ref()).cloned();
        }
        if self.id.is_none()
            && let Some(primary) = primary.filter(|it| it.task_definition == goal.task_definition)
        {
            self.id = Some(primary.id.clone());
            self.began = primary.created_at.or(Some(now));
        }
    }
}

/// What to do next.
pub fn next(
    goal: &RollingGoal,
    history: &RollingHistory,
    service: &Service,
    stall: Option<&Evidence>,
    now: Moment,
) -> RollingDecision {
    let Some(id) = &history.id else { return before(goal, history, now) };
    if goal.detached {
        return RollingDecision::Done(Outcome::Created { id: id.clone() });
    }
    let primary = service.rollouts.iter().find(|it| it.status == "PRIMARY");
    let ours = service.rollouts.iter().find(|it| it.id == *id);
    match (ours, primary) {
        (Some(ours), _) if ours.status == "PRIMARY" => running(goal, history, service, ours, stall, now),
        (ours, Some(primary)) => taken(goal, history, service, ours, primary, id),
        // A service without deployments: it is on its way out, or an endpoint does not say.
        (_, None) => RollingDecision::Wait { stage: Stage::Created, back: false, until: None },
    }
}

fn before(goal: &RollingGoal, history: &RollingHistory, now: Moment) -> RollingDecision {
    let update = &history.update;
    if history.interrupted {
        return RollingDecision::Done(Outcome::NotStarted);
    }
    if let Some(error) = &update.error {
        let again = matches!(error.kind, ErrorKind::Unknown | ErrorKind::Throttled | ErrorKind::NotYet);
        if !again || update.count >= TRIES {
            return RollingDecision::Done(Outcome::Refused { id: None, error: error.clone() });
        }
    }
    match update.count {
        // To say the same again starts nothing new.
        0 => RollingDecision::Update(goal.task_definition.clone()),
        _ if now >= update.at + PAUSE => RollingDecision::Update(goal.task_definition.clone()),
        _ => RollingDecision::Wait { stage: Stage::Created, back: false, until: Some(update.at + PAUSE) },
    }
}

/// Our deployment is the service's current one.
fn running(
    goal: &RollingGoal,
    history: &RollingHistory,
    service: &Service,
    ours: &Rollout,
    stall: Option<&Evidence>,
    now: Moment,
) -> RollingDecision {
    let id = ours.id.clone();
    let stage = Stage::Installing { running: ours.running, desired: ours.desired };
    match ours.state {
        RolloutState::Completed => return RollingDecision::Done(Outcome::Succeeded { id }),
        RolloutState::Failed => {
            return RollingDecision::Done(Outcome::Failed {
                id,
                stopped: false,
                percent: None,
                cause: ecs(service, ours),
            });
        }
        RolloutState::InProgress => {}
    }
    let back = |cause: Cause| match &history.before {
        Some(before) if *before != goal.task_definition => RollingDecision::Back(before.clone(), cause),
        _ => RollingDecision::Done(Outcome::Left { id: ours.id.clone(), stage: stage.clone(), cause }),
    };
    if let Some(cause) = &history.back {
        if let Some(error) = &history.went_back.error {
            let again = matches!(error.kind, ErrorKind::Unknown | ErrorKind::Throttled | ErrorKind::NotYet);
            if !again || history.went_back.count >= TRIES {
                return RollingDecision::Done(Outcome::Refused { id: Some(id), error: error.clone() });
            }
        }
        return match now >= history.went_back.at + PAUSE {
            true => back(cause.clone()),
            false => RollingDecision::Wait { stage, back: true, until: Some(history.went_back.at + PAUSE) },
        };
    }
    if history.interrupted {
        return match history.answer {
            None => RollingDecision::Ask,
            Some(Answer::Leave) => RollingDecision::Done(Outcome::Left { id, stage, cause: Cause::Asked }),
            Some(Answer::RollBack) => back(Cause::Asked),
        };
    }
    let trouble = |cause: Cause| match goal.on_trouble {
        OnTrouble::RollBack => back(cause),
        OnTrouble::Leave => RollingDecision::Done(Outcome::Left { id: ours.id.clone(), stage: stage.clone(), cause }),
    };
    if let Some(evidence) = stall {
        return trouble(Cause::Stall(evidence.clone()));
    }
    let began = history.began.unwrap_or(now);
    let limit = goal.timings.rolling_limit(ours.desired);
    if now > began + limit {
        return trouble(Cause::TimedOut { stage: "rolling".to_owned(), after_s: now.since(began).as_secs() });
    }
    RollingDecision::Wait { stage, back: false, until: Some(began + limit) }
}

/// Another deployment has taken the place of ours: the circuit breaker's, the one that we went back with, or somebody's.
fn taken(
    goal: &RollingGoal,
    history: &RollingHistory,
    service: &Service,
    ours: Option<&Rollout>,
    primary: &Rollout,
    id: &str,
) -> RollingDecision {
    let id = id.to_owned();
    let failed = ours.is_some_and(|ours| ours.state == RolloutState::Failed);
    let says_so = primary.reason.as_deref().is_some_and(|reason| {
        let reason = reason.to_ascii_lowercase();
        reason.contains("circuit breaker") || reason.contains("rolling back")
    });
    // After a rollback the failed one is not listed for long; what ran before runs again.
    let restored =
        primary.task_definition != goal.task_definition && history.before.as_ref() == Some(&primary.task_definition);
    let cause = history.back.clone().unwrap_or_else(|| ecs(service, ours.unwrap_or(primary)));
    if !(failed || says_so || restored) {
        let reason = "another deployment has taken its place".to_owned();
        return RollingDecision::Done(Outcome::Failed {
            id,
            stopped: true,
            percent: None,
            cause: Cause::Ecs { reason },
        });
    }
    let by = primary.id.clone();
    match primary.state {
        RolloutState::Completed => RollingDecision::Done(Outcome::RolledBack { id, by: Some(by), cause }),
        RolloutState::Failed => {
            let why = ecs(service, primary);
            RollingDecision::Done(Outcome::RollbackFailed { id, by, cause, why })
        }
        RolloutState::InProgress if history.interrupted && history.back.is_none() => {
            let stage = Stage::Installing { running: primary.running, desired: primary.desired };
            RollingDecision::Done(Outcome::Left { id, stage, cause })
        }
        RolloutState::InProgress => RollingDecision::Wait {
            stage: Stage::Installing { running: primary.running, desired: primary.desired },
            back: true,
            until: None,
        },
    }
}

/// What ECS says about it.
fn ecs(service: &Service, of: &Rollout) -> Cause {
    let said = |event: &&crate::cloud::ServiceEvent| {
        let text = event.message.to_ascii_lowercase();
        ["circuit breaker", "rolling back", "deployment failed", "unable to"].iter().any(|word| text.contains(word))
    };
    let event = || service.events.iter().find(said).map(|event| event.message.clone());
    Cause::Ecs { reason: of.reason.clone().or_else(event).unwrap_or_else(|| "ECS does not say why".to_owned()) }
}

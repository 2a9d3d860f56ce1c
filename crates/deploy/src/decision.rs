//! What to do next: a pure function of what is wanted, what this run has done, what is seen, and the time.
//!
//! Everything that a process needs to know to go on is in AWS, so that another one can take over at any moment: what
//! [`History`] holds beyond that only makes a run politer.

use std::time::Duration;

use aomidori_engine::cloud::{CloudError, ErrorKind};
use aomidori_model::kinds::deployment_group::RollbackEvent;

use crate::cloud::{Deployment, LifeCycleStatus, NewDeployment, Status, WaitType};
use crate::outcome::{Cause, Outcome};
use crate::stage::{Progress, Stage};
use crate::stall::Evidence;
use crate::time::{Moment, Timings};

/// What is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Goal {
    /// Which deployment.
    pub start: Start,
    /// What to do where CodeDeploy waits for the word to re-route.
    pub at_ready: AtReady,
    /// How far to wait.
    pub until: Until,
    /// What to do with a deployment that gets nowhere.
    pub on_trouble: OnTrouble,
    /// Stop it, and go back.
    pub abandon: bool,
    /// How long its parts take.
    pub timings: Timings,
}

/// Which deployment.
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// A new one.
    Create(Box<NewDeployment>),
    /// One that was created already, by whomever.
    Follow(String),
}

/// What to do where CodeDeploy waits for the word to re-route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtReady {
    /// Nothing: somebody else says it.
    Nothing,
    /// Say it.
    Reroute,
    /// Ask through the test listener, and say it if the answers are right; go back if they are not.
    Probe(Probe),
}

/// A question through the test listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What is asked.
    pub url: String,
    /// The status that is expected.
    pub expect: u16,
    /// How many right answers in a row are enough.
    pub enough: u32,
    /// How often it is asked at most.
    pub tries: u32,
}

/// How far to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// Not at all.
    Created,
    /// Until production waits for the word to re-route; where CodeDeploy does not wait for it, until it is re-routed.
    Ready,
    /// Until all production traffic is on green.
    Rerouted,
    /// Until blue is gone.
    Terminated,
}

/// What to do with a deployment that gets nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTrouble {
    /// Stop it, and go back.
    RollBack,
    /// Leave it to CodeDeploy, and say what is wrong.
    Leave,
}

/// What this run has done and was told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The deployment that is followed.
    pub id: Option<String>,
    /// Its creation.
    pub create: Tries,
    /// The word to re-route.
    pub continued: Tries,
    /// Why it is being stopped, if it is.
    pub stop: Option<Cause>,
    /// The call that stops it.
    pub stopped: Tries,
    /// The probe's answers.
    pub probe: Probed,
    /// Somebody wants to stop waiting.
    pub interrupted: bool,
    /// What they want.
    pub answer: Option<Answer>,
    /// When the deployment that is followed was first asked about.
    pub followed_at: Option<Moment>,
    /// Its stage, and when it was first seen in it.
    pub entered: Option<(&'static str, Moment)>,
}

/// The tries of one call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tries {
    /// How many.
    pub count: u32,
    /// When the last one was.
    pub at: Moment,
    /// Its error; `None` if it was accepted.
    pub error: Option<CloudError>,
    /// How often it was looked for what an unanswered one has done.
    pub looks: u32,
}

/// The answers to a probe so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probed {
    /// How often it was asked.
    pub tries: u32,
    /// Right answers in a row.
    pub in_a_row: u32,
    /// The last answer in words.
    pub last: String,
    /// When that was.
    pub at: Moment,
}

/// What an interrupted user wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The deployment goes on.
    Leave,
    /// It is stopped, and goes back.
    RollBack,
}

/// What is seen of the deployment at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// Before one is followed: the group's latest deployments, the newest first.
    pub recent: Vec<Deployment>,
    /// The deployment that is followed.
    pub followed: Option<Progress>,
    /// The one that rolls it back.
    pub rollback: Option<Progress>,
    /// Its tasks keep failing in the same way.
    pub stall: Option<Evidence>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Make a call; its result goes into the [`History`].
    Call(Call),
    /// Look again after a while.
    Wait(Wait),
    /// Ask whoever interrupted what is to become of the deployment.
    Ask,
    /// This is how it ended.
    Done(Outcome),
}

/// A call.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// Create the deployment.
    Create,
    /// End a wait.
    Continue(String, WaitType),
    /// Stop it; CodeDeploy goes back. The cause is ours.
    Stop(String, Cause),
    /// Ask through the test listener.
    Probe(Probe),
}

/// A wait.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// What for.
    pub what: Waiting,
    /// When it has taken too long.
    pub until: Option<Moment>,
    /// How long it usually takes.
    pub usually: Duration,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq)]
pub enum Waiting {
    /// Whether a creation that was not answered was done; or that a new deployment is seen.
    Visible,
    /// The end of a stage.
    Stage(Stage),
    /// The end of what is being stopped.
    Stopping,
    /// The rollback, which is another deployment.
    Rollback(Option<Stage>),
    /// Another try of a call that failed.
    Retry(CloudError),
    /// Another question of the probe.
    Probe,
}

/// How often it is looked for what an unanswered creation has done, before it is repeated.
const LOOKS: u32 = 4;
/// How often a call is repeated that was not answered.
const TRIES: u32 = 6;
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(5);
/// How long a new deployment may be invisible, and an expected rollback may take to begin.
const VISIBLE: Duration = Duration::from_secs(120);
/// After how long a call is made again whose effect does not show.
const AGAIN: Duration = Duration::from_secs(60);

impl History {
    /// Remembers what is seen for the first time.
    pub fn see(&mut self, goal: &Goal, seen: &Seen, now: Moment) {
        if self.id.is_none() {
            match &goal.start {
                Start::Follow(id) => self.id = Some(id.clone()),
                Start::Create(new) => {
                    let ours = seen.recent.iter().find(|deployment| deployment.description.contains(&new.token));
                    self.id = ours.map(|deployment| deployment.id.clone());
                }
            }
        }
        if self.id.is_some() {
            self.followed_at.get_or_insert(now);
        } else if self.create.count > 0 {
            self.create.looks += 1;
        }
        if let Some(followed) = &seen.followed {
            let name = followed.stage(&goal.timings).name();
            if self.entered.is_none_or(|(entered, _)| entered != name) {
                self.entered = Some((name, now));
            }
        }
    }
}

impl Tries {
    /// Remembers a try.
    pub fn tried(&mut self, error: Option<CloudError>, now: Moment) {
        *self = Tries { count: self.count + 1, at: now, error, looks: 0 };
    }

    /// True if the last try failed in a way after which another may help.
    fn may_help(&self) -> bool {
        let kind = self.error.as_ref().map(|error| &error.kind);
        let helps = matches!(kind, Some(ErrorKind::Throttled | ErrorKind::Unknown | ErrorKind::NotYet));
        helps && self.count < TRIES
    }
}

/// What to do next.
pub fn next(goal: &Goal, history: &History, seen: &Seen, now: Moment) -> Decision {
    let Some(id) = &history.id else { return before(history, seen, now) };
    if goal.until == Until::Created && !goal.abandon && goal.at_ready == AtReady::Nothing {
        return Decision::Done(Outcome::Created { id: id.clone() });
    }
    let Some(followed) = &seen.followed else {
        let until = history.followed_at.unwrap_or(now) + VISIBLE;
        if history.interrupted {
            let (stage, cause) = (Stage::Created, Cause::Asked);
            return Decision::Done(Outcome::Left { id: id.clone(), stage, cause });
        }
        return match now < until {
            true => wait(Waiting::Visible, Some(until), PAUSE),
            false => Decision::Done(Outcome::Unknown { id: id.clone() }),
        };
    };
    let stage = followed.stage(&goal.timings);
    if stage.is_over() {
        ended(goal, history, seen, followed, now)
    } else {
        running(goal, history, seen, (followed, stage), now)
    }
}

fn wait(what: Waiting, until: Option<Moment>, usually: Duration) -> Decision {
    Decision::Wait(Wait { what, until, usually })
}

/// While no deployment is followed: ours is yet to be created, or its creation was not answered.
fn before(history: &History, seen: &Seen, now: Moment) -> Decision {
    let create = &history.create;
    if history.interrupted && create.count == 0 {
        return Decision::Done(Outcome::NotStarted);
    }
    // Ours would be followed by now.
    let other = seen.recent.iter().find(|deployment| !deployment.status.is_over());
    let busy = |running: Option<&Deployment>| {
        Decision::Done(Outcome::Busy {
            running: running.map(|running| running.id.clone()),
            description: running.map(|running| running.description.clone()).unwrap_or_default(),
        })
    };
    let Some(error) = &create.error else {
        // Accepted and not followed does not happen: the answer holds the id.
        return match other {
            Some(other) => busy(Some(other)),
            None => Decision::Call(Call::Create),
        };
    };
    let limit = error.code.as_deref() == Some("DeploymentLimitExceededException");
    if !limit && !matches!(error.kind, ErrorKind::Unknown | ErrorKind::Throttled | ErrorKind::NotYet) {
        return Decision::Done(Outcome::Refused { id: None, error: error.clone() });
    }
    if let Some(other) = other {
        return busy(Some(other));
    }
    // Whatever stands in the way, or was made without an answer, may not be seen yet.
    let done_maybe = limit || error.kind == ErrorKind::Unknown;
    if done_maybe && create.looks <= LOOKS {
        return wait(Waiting::Visible, None, PAUSE);
    }
    if limit {
        return busy(None);
    }
    if history.interrupted {
        return Decision::Done(Outcome::NotStarted);
    }
    match create.count < TRIES {
        true if now < create.at + PAUSE => wait(Waiting::Retry(error.clone()), Some(create.at + PAUSE), PAUSE),
        true => Decision::Call(Call::Create),
        false => Decision::Done(Outcome::Refused { id: None, error: error.clone() }),
    }
}

/// While it runs.
fn running(
    goal: &Goal,
    history: &History,
    seen: &Seen,
    (followed, stage): (&Progress, Stage),
    now: Moment,
) -> Decision {
    let id = &followed.deployment.id;
    if let Some(cause) = &history.stop {
        return stopping(id, history, cause, now);
    }
    let left =
        |stage: &Stage, cause: Cause| Decision::Done(Outcome::Left { id: id.clone(), stage: stage.clone(), cause });
    if history.interrupted {
        return match history.answer {
            None => Decision::Ask,
            Some(Answer::Leave) => left(&stage, Cause::Asked),
            Some(Answer::RollBack) => Decision::Call(Call::Stop(id.clone(), Cause::Asked)),
        };
    }
    if goal.abandon {
        return Decision::Call(Call::Stop(id.clone(), Cause::Asked));
    }
    let trouble = |cause: Cause| match goal.on_trouble {
        OnTrouble::RollBack => Decision::Call(Call::Stop(id.clone(), cause)),
        OnTrouble::Leave => left(&stage, cause),
    };
    if let (Stage::Installing { .. }, Some(evidence)) = (&stage, &seen.stall) {
        return trouble(Cause::Stall(evidence.clone()));
    }
    let limit = goal.timings.limit(&stage);
    // By CodeDeploy's own times, so that whoever attaches late is not more patient.
    let since = followed.since().or(history.entered.map(|(_, at)| at)).unwrap_or(now);
    if now > since + limit {
        return trouble(Cause::TimedOut { stage: stage.name().to_owned(), after_s: now.since(since).as_secs() });
    }
    // The word is given, and nobody wants to see what it does.
    if goal.until == Until::Created && history.continued.count > 0 && history.continued.error.is_none() {
        return Decision::Done(Outcome::Created { id: id.clone() });
    }
    match &stage {
        Stage::Ready { until } => match &goal.at_ready {
            AtReady::Nothing if goal.until <= Until::Ready => {
                return Decision::Done(Outcome::Ready { id: id.clone(), until: *until });
            }
            AtReady::Nothing => {}
            AtReady::Reroute => return reroute(id, history, &stage, goal, now),
            AtReady::Probe(probe) => return ask(id, probe, history, &stage, goal, now),
        },
        Stage::Shifted { until } if goal.until <= Until::Rerouted => {
            return Decision::Done(Outcome::Rerouted { id: id.clone(), until: *until });
        }
        _ => {}
    }
    wait_for(goal, stage, since + limit)
}

fn wait_for(goal: &Goal, stage: Stage, until: Moment) -> Decision {
    let usually = goal.timings.usually(&stage);
    wait(Waiting::Stage(stage), Some(until), usually)
}

/// It is being stopped: until it has.
fn stopping(id: &str, history: &History, cause: &Cause, now: Moment) -> Decision {
    let stopped = &history.stopped;
    if let Some(error) = &stopped.error {
        // It ended by itself in between: the next look shows how.
        let over = error.code.as_deref() == Some("DeploymentAlreadyCompletedException");
        if !over && !stopped.may_help() {
            return Decision::Done(Outcome::Refused { id: Some(id.to_owned()), error: error.clone() });
        }
        if !over && now >= stopped.at + PAUSE {
            return Decision::Call(Call::Stop(id.to_owned(), cause.clone()));
        }
        return wait(Waiting::Stopping, None, PAUSE);
    }
    // "Pending: call again until Succeeded" (aws-facts 3.6).
    if now >= stopped.at + AGAIN && stopped.count < TRIES {
        return Decision::Call(Call::Stop(id.to_owned(), cause.clone()));
    }
    wait(Waiting::Stopping, None, AGAIN)
}

/// Production waits for the word: it is given.
fn reroute(id: &str, history: &History, stage: &Stage, goal: &Goal, now: Moment) -> Decision {
    let continued = &history.continued;
    let call = || Decision::Call(Call::Continue(id.to_owned(), WaitType::Ready));
    if continued.count == 0 {
        return call();
    }
    match &continued.error {
        Some(error) if error.code.as_deref() != Some("DeploymentIsNotInReadyStateException") => {
            if !continued.may_help() {
                return Decision::Done(Outcome::Refused { id: Some(id.to_owned()), error: error.clone() });
            }
            match now < continued.at + PAUSE {
                true => wait(Waiting::Retry(error.clone()), Some(continued.at + PAUSE), PAUSE),
                false => call(),
            }
        }
        // Accepted, or gone on already: it shows a moment later.
        _ if now < continued.at + AGAIN => wait_for(goal, stage.clone(), continued.at + AGAIN),
        _ if continued.count < TRIES => call(),
        _ => wait_for(goal, stage.clone(), now + AGAIN),
    }
}

/// Production waits for the word: the test listener is asked whether it may be given.
fn ask(id: &str, probe: &Probe, history: &History, stage: &Stage, goal: &Goal, now: Moment) -> Decision {
    let probed = &history.probe;
    if probed.in_a_row >= probe.enough {
        return reroute(id, history, stage, goal, now);
    }
    if probed.tries >= probe.tries {
        let cause = Cause::Probe { url: probe.url.clone(), expect: probe.expect, got: probed.last.clone() };
        return Decision::Call(Call::Stop(id.to_owned(), cause));
    }
    match probed.tries > 0 && now < probed.at + PAUSE {
        true => wait(Waiting::Probe, Some(probed.at + PAUSE), PAUSE),
        false => Decision::Call(Call::Probe(probe.clone())),
    }
}

/// It is over; a rollback may go on.
fn ended(goal: &Goal, history: &History, seen: &Seen, followed: &Progress, now: Moment) -> Decision {
    let deployment = &followed.deployment;
    let id = deployment.id.clone();
    if deployment.status == Status::Succeeded {
        return Decision::Done(match &deployment.rolls_back {
            // Somebody attached to a rollback.
            Some(origin) => Outcome::RolledBack { id: origin.clone(), by: Some(id), cause: why(history, followed) },
            None => Outcome::Succeeded { id },
        });
    }
    let cause = why(history, followed);
    let leave = || Outcome::Left { id: id.clone(), stage: followed.stage(&goal.timings), cause: Cause::Asked };
    let over = history.entered.map_or(now, |(_, at)| at);
    if let Some(rollback) = &seen.rollback {
        let by = rollback.deployment.id.clone();
        return match rollback.deployment.status {
            Status::Succeeded => Decision::Done(Outcome::RolledBack { id, by: Some(by), cause }),
            Status::Failed | Status::Stopped => {
                let why = why(&History::default(), rollback);
                Decision::Done(Outcome::RollbackFailed { id, by, cause, why })
            }
            // Whoever asked for the rollback wants to see it through.
            _ if history.interrupted && history.stop.is_none() => Decision::Done(leave()),
            _ => {
                let stage = rollback.stage(&goal.timings);
                let usually = goal.timings.start;
                wait(Waiting::Rollback(Some(stage)), None, usually)
            }
        };
    }
    let expected = deployment.rollback.is_some() || rolls_back(deployment) || history.stop.is_some();
    if expected && began(followed) && now < over + VISIBLE {
        return match history.interrupted && history.stop.is_none() {
            true => Decision::Done(leave()),
            false => wait(Waiting::Rollback(None), Some(over + VISIBLE), PAUSE),
        };
    }
    Decision::Done(Outcome::Failed {
        id,
        stopped: deployment.status == Status::Stopped,
        percent: followed.served().then(|| followed.green().map(|green| green.weight)).flatten(),
        cause,
    })
}

/// Something was made that can be rolled back (there is nothing before Install, aws-facts 3.4).
fn began(followed: &Progress) -> bool {
    let install = followed.event("Install");
    install.is_none_or(|event| !matches!(event.status, LifeCycleStatus::Pending | LifeCycleStatus::Skipped))
        && followed.target.is_some()
}

/// CodeDeploy goes back by itself.
fn rolls_back(deployment: &Deployment) -> bool {
    let event = match (deployment.status, deployment.error.as_ref().map(|error| error.code.as_str())) {
        (Status::Failed, _) => RollbackEvent::Failure,
        (_, Some("ALARM_ACTIVE")) => RollbackEvent::Alarm,
        _ => RollbackEvent::Request,
    };
    deployment.auto_rollback.contains(&event)
}

/// Why it did not last: what we stopped it for, else what CodeDeploy says.
fn why(history: &History, followed: &Progress) -> Cause {
    if let Some(cause) = &history.stop {
        return cause.clone();
    }
    let deployment = &followed.deployment;
    let code = deployment.error.as_ref().map(|error| error.code.as_str());
    let waited = followed.event("Install").is_some_and(|event| event.status == LifeCycleStatus::Succeeded)
        && !followed.served()
        && followed.diagnostics().is_empty();
    let by_others = matches!(code, Some("MANUAL_STOP" | "ALARM_ACTIVE"));
    if deployment.status == Status::Stopped
        && waited
        && !by_others
        && deployment.ready != aomidori_model::kinds::deployment_group::ReadyOption::Continue
    {
        return Cause::NobodyRerouted;
    }
    Cause::CodeDeploy { error: deployment.error.clone(), diagnostics: followed.diagnostics() }
}

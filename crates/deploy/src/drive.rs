//! The driver: looks, decides, calls, waits. Everything that it decides is in [`decision`] and
//! [`rolling`].

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use aomidori_engine::cloud::{CloudError, ErrorKind};
use aomidori_engine::options::Pace;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::cloud::{DeployCloud, LifeCycle, Service, ServiceAt, ServiceChange, Task, WeighedTaskSet};
use crate::decision::{self, Answer, Call, Decision, Goal, History, Probe, Seen, Start, Waiting};
use crate::event::{Event, Events, millis};
use crate::outcome::Outcome;
use crate::rolling::{self, RollingDecision, RollingGoal, RollingHistory};
use crate::stage::{Progress, Stage};
use crate::stall::{self, Evidence};
use crate::time::{Clock, Moment};

/// What only the caller can do.
pub trait Hands: Send + Sync {
    /// What is to become of a deployment that goes on while nobody wants to wait for it any more.
    fn interrupted(&self, id: &str, stage: &Stage) -> impl Future<Output = Answer> + Send;

    /// Sends an HTTP request and returns the answer's status.
    ///
    /// # Errors
    /// What came instead of an answer, in words.
    fn probe(&self, url: &str) -> impl Future<Output = Result<u16, String>> + Send;
}

/// How a deployment is followed.
#[derive(Clone, Copy, Debug)]
pub struct DriveOptions {
    /// The cloud's clock.
    pub clock: Clock,
    /// How it is polled, here and in the cloud's time alike: of the cloud's time.
    pub poll: Pace,
    /// The longest time between two heartbeats, here.
    pub heartbeat: Duration,
    /// How long reads may fail, here, before nobody looks any more.
    pub patience: Duration,
}

impl DriveOptions {
    /// For this clock.
    pub fn new(clock: Clock) -> DriveOptions {
        let seconds = Duration::from_secs;
        DriveOptions {
            clock,
            poll: Pace { first: seconds(2), factor: 1.3, cap: seconds(10) },
            heartbeat: seconds(10),
            patience: seconds(600),
        }
    }
}

/// Where a deployment happens.
#[derive(Clone, Debug)]
pub struct Place {
    /// `APPLICATION/GROUP`, where CodeDeploy deploys.
    pub group: Option<String>,
    /// The service.
    pub at: ServiceAt,
    /// ARNs of its target groups.
    pub target_groups: Vec<String>,
}

/// Nobody can be asked any more; the deployment, if there is one, goes on, and [`Start::Follow`] finds it again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Lost {
    /// The deployment.
    pub id: Option<String>,
    /// Why.
    pub error: CloudError,
}

/// Everything that driving needs.
struct Driver<'a, C, H> {
    cloud: &'a C,
    hands: &'a H,
    place: &'a Place,
    options: &'a DriveOptions,
    events: &'a Events,
    cancel: &'a CancellationToken,
    told: Told,
    looks: u32,
    heard: Instant,
}

/// What a heartbeat says.
#[derive(Clone, Debug, Default)]
struct Beat {
    id: Option<String>,
    stage: Option<Stage>,
    /// Of the cloud's time.
    left: Duration,
}

/// The shortest time between two looks, here; and the longest while nothing but time is waited for, in the cloud's.
const SHORTEST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(60);
/// Tasks are looked at when the scheduler has said something, and every so many looks.
const UNASKED: u32 = 6;

/// What has been said already.
#[derive(Default)]
struct Told {
    stage: Option<(String, &'static str)>,
    life_cycle: Vec<(String, LifeCycle)>,
    sets: Vec<WeighedTaskSet>,
    stopped: BTreeSet<String>,
    service: Option<BTreeSet<String>>,
    rolling_back: Option<Option<String>>,
}

/// Carries a blue/green deployment to what the goal says.
///
/// # Errors
/// Reads fail for longer than the options' patience, or for good.
pub async fn deploy<C: DeployCloud, H: Hands>(
    cloud: &C,
    place: &Place,
    goal: &Goal,
    options: &DriveOptions,
    hands: &H,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<Outcome, Lost> {
    let mut driver = Driver::new(cloud, hands, place, options, events, cancel);
    let mut history = History::default();
    let outcome = loop {
        let seen = match driver.look(goal, &history).await {
            Ok(seen) => seen,
            Err(error) => return Err(Lost { id: history.id, error }),
        };
        let now = options.clock.now();
        history.interrupted |= cancel.is_cancelled();
        history.see(goal, &seen, now);
        if history.id.is_some() && seen.followed.is_none() && history.followed_at == Some(now) {
            // Its id is known since just now.
            continue;
        }
        driver.tell(goal, &seen);
        match decision::next(goal, &history, &seen, now) {
            Decision::Done(outcome) => break outcome,
            Decision::Call(call) => driver.call(goal, &mut history, call).await,
            Decision::Ask => {
                let id = history.id.clone().unwrap_or_default();
                let stage = seen.followed.as_ref().map_or(Stage::Created, |it| it.stage(&goal.timings));
                history.answer = Some(hands.interrupted(&id, &stage).await);
            }
            Decision::Wait(wait) => {
                let (stage, rollback) = match &wait.what {
                    Waiting::Stage(stage) => (Some(stage.clone()), false),
                    Waiting::Rollback(stage) => (stage.clone(), true),
                    Waiting::Retry(_) | Waiting::Visible | Waiting::Stopping | Waiting::Probe => (None, false),
                };
                if let (Some(id), Some(stage), false) = (&history.id, &stage, rollback) {
                    driver.tell_stage(id, stage, wait.usually, wait.until);
                }
                if rollback {
                    let by = seen.rollback.as_ref().map(|it| it.deployment.id.clone());
                    driver.tell_rollback(history.id.clone().unwrap_or_default(), by);
                }
                let since = seen.followed.as_ref().and_then(Progress::since).unwrap_or(now);
                let left = wait.usually.saturating_sub(now.since(since));
                let rest = match stage {
                    // Nothing happens for a known time, and nothing but time is waited for.
                    Some(Stage::Shifting { .. } | Stage::Shifted { .. }) if !rollback => (left / 3).min(LONGEST),
                    _ => Duration::ZERO,
                };
                driver.pause(Beat { id: history.id.clone(), stage, left }, rest, !history.interrupted).await;
            }
        }
    };
    events.send(Event::Ended { outcome: outcome.clone() });
    Ok(outcome)
}

/// Carries a rolling deployment to its end.
///
/// # Errors
/// As [`deploy`]; and the service is not there.
pub async fn roll<C: DeployCloud, H: Hands>(
    cloud: &C,
    place: &Place,
    goal: &RollingGoal,
    options: &DriveOptions,
    hands: &H,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<Outcome, Lost> {
    let mut driver = Driver::new(cloud, hands, place, options, events, cancel);
    let mut history = RollingHistory::default();
    let outcome = loop {
        let lost = |id: &Option<String>, error| Lost { id: id.clone(), error };
        let service = driver.read(|| cloud.service(&place.at)).await.map_err(|error| lost(&history.id, error))?;
        let Some(service) = service.filter(|service| service.status != "INACTIVE") else {
            let error = CloudError {
                kind: ErrorKind::NotFound,
                operation: "ecs:DescribeServices".into(),
                code: None,
                message: format!("the cluster `{}` has no service `{}`", place.at.cluster, place.at.name),
            };
            return Err(lost(&history.id, error));
        };
        let now = options.clock.now();
        history.interrupted |= cancel.is_cancelled();
        history.see(goal, &service, now);
        driver.tell_service(&service);
        let ours = service.rollouts.iter().find(|it| Some(&it.id) == history.id.as_ref());
        let mut stall = None;
        if let Some(ours) = ours.filter(|it| it.failed > 0 || it.running < it.desired) {
            let began = history.began.unwrap_or_default();
            stall =
                driver.stall(&ours.id, began, &place.target_groups).await.map_err(|error| lost(&history.id, error))?;
        }
        match rolling::next(goal, &history, &service, stall.as_ref(), now) {
            RollingDecision::Done(outcome) => break outcome,
            RollingDecision::Update(arn) => {
                let error = driver.update(&arn).await;
                history.update.tried(error, options.clock.now());
            }
            RollingDecision::Back(arn, cause) => {
                driver.tell_rollback(history.id.clone().unwrap_or_default(), None);
                history.back = Some(cause);
                let error = driver.update(&arn).await;
                history.went_back.tried(error, options.clock.now());
            }
            RollingDecision::Ask => {
                let id = history.id.clone().unwrap_or_default();
                history.answer = Some(hands.interrupted(&id, &Stage::Created).await);
            }
            RollingDecision::Wait { stage, back, until } => {
                let id = history.id.clone().unwrap_or_default();
                if back {
                    let by = service.rollouts.iter().find(|it| it.status == "PRIMARY").map(|it| it.id.clone());
                    driver.tell_rollback(id, by);
                } else if history.id.is_some() {
                    driver.tell_stage(&id, &stage, goal.timings.usually(&stage), until);
                }
                let left = goal.timings.usually(&stage).saturating_sub(now.since(history.began.unwrap_or(now)));
                let beat = Beat { id: history.id.clone(), stage: Some(stage), left };
                driver.pause(beat, Duration::ZERO, !history.interrupted).await;
            }
        }
    };
    events.send(Event::Ended { outcome: outcome.clone() });
    Ok(outcome)
}

impl<'a, C: DeployCloud, H: Hands> Driver<'a, C, H> {
    fn new(
        cloud: &'a C,
        hands: &'a H,
        place: &'a Place,
        options: &'a DriveOptions,
        events: &'a Events,
        cancel: &'a CancellationToken,
    ) -> Self {
        let told = Told::default();
        Driver { cloud, hands, place, options, events, cancel, told, looks: 0, heard: Instant::now() }
    }

    /// A read, again while it may help.
    async fn read<T, F>(&mut self, read: impl Fn() -> F) -> Result<T, CloudError>
    where
        F: Future<Output = Result<T, CloudError>>,
    {
        let began = Instant::now();
        loop {
            let error = match read().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let again = matches!(
                error.kind,
                ErrorKind::Throttled | ErrorKind::Unknown | ErrorKind::NotYet | ErrorKind::Unreachable
            );
            if !again || began.elapsed() > self.options.patience || self.cancel.is_cancelled() {
                return Err(error);
            }
            self.events.send(Event::Retrying { error });
            self.pause(Beat::default(), Duration::ZERO, false).await;
        }
    }

    /// Looks at everything that the next decision is made of.
    async fn look(&mut self, goal: &Goal, history: &History) -> Result<Seen, CloudError> {
        let cloud = self.cloud;
        let id = match (&history.id, &goal.start) {
            (Some(id), _) | (None, Start::Follow(id)) => id.clone(),
            (None, Start::Create(new)) => {
                let group = new.group.clone();
                let recent = self.read(|| cloud.deployments(&group, 5)).await?;
                return Ok(Seen { recent, ..Seen::default() });
            }
        };
        let mut seen = Seen { followed: self.progress(&id).await?, ..Seen::default() };
        let Some(followed) = &seen.followed else { return Ok(seen) };
        if let Some(by) = followed.deployment.rollback.clone() {
            seen.rollback = self.progress(&by).await?;
        }
        let stage = followed.stage(&goal.timings);
        if let Stage::Installing { .. } = stage {
            let began = followed.deployment.created_at.unwrap_or_default();
            let service = self.read(|| cloud.service(&self.place.at)).await?;
            let green = followed.green().map(|green| green.id.clone());
            let said = service.as_ref().is_some_and(|service| self.tell_service(service));
            // A task that starts as it should does not stop within the time that it takes to start; and what starts
            // another one in its place says so.
            let late = self.options.clock.now().since(began) > goal.timings.start;
            if let Some(green) = green.filter(|_| late && (said || self.looks.is_multiple_of(UNASKED))) {
                let set = service.iter().flat_map(|it| &it.task_sets).find(|set| set.id == green);
                let group: Vec<String> = set.and_then(|set| set.target_group.clone()).into_iter().collect();
                seen.stall = self.stall(&green, began, &group).await?;
            }
        }
        Ok(seen)
    }

    async fn progress(&mut self, id: &str) -> Result<Option<Progress>, CloudError> {
        let cloud = self.cloud;
        let Some(deployment) = self.read(|| cloud.deployment(id)).await? else { return Ok(None) };
        let target = self.read(|| cloud.target(id, &self.place.at)).await?;
        Ok(Some(Progress { deployment, target }))
    }

    /// Evidence of a stall among what this task set or rolling deployment has started.
    async fn stall(
        &mut self,
        started_by: &str,
        began: Moment,
        groups: &[String],
    ) -> Result<Option<Evidence>, CloudError> {
        let cloud = self.cloud;
        let tasks: Vec<Task> = self.read(|| cloud.tasks(&self.place.at)).await?;
        let of_it = |task: &&Task| task.started_by == started_by && task.status == "STOPPED";
        let mut failed = false;
        for task in tasks.iter().filter(of_it) {
            failed = true;
            if self.told.stopped.insert(task.id.clone()) {
                self.events.send(Event::TaskStopped { task: Box::new(task.clone()) });
            }
        }
        if !failed {
            return Ok(None);
        }
        let mut targets = Vec::new();
        for group in groups {
            targets.extend(self.read(|| cloud.health(group)).await?);
        }
        // A rolling service's old tasks are healthy in the same target group: only addresses of its own count.
        let own: BTreeSet<&String> = tasks
            .iter()
            .filter(|task| task.started_by == started_by)
            .filter_map(|task| task.address.as_ref())
            .collect();
        targets.retain(|target| own.contains(&target.address));
        let (evidence, stalled) = stall::evidence(&tasks, &targets, started_by, began);
        Ok(stalled.then_some(evidence))
    }

    async fn call(&mut self, goal: &Goal, history: &mut History, call: Call) {
        let clock = self.options.clock;
        match call {
            Call::Create => {
                let Start::Create(new) = &goal.start else { return };
                let answer = self.cloud.create_deployment(new).await;
                if let Ok(id) = &answer {
                    history.id = Some(id.clone());
                    history.followed_at = Some(clock.now());
                    self.called("codedeploy:CreateDeployment", Some(id));
                }
                history.create.tried(self.failed(answer.err()), clock.now());
            }
            Call::Continue(id, wait) => {
                let answer = self.cloud.continue_deployment(&id, wait).await;
                if answer.is_ok() {
                    self.called("codedeploy:ContinueDeployment", Some(&id));
                }
                history.continued.tried(self.failed(answer.err()), clock.now());
            }
            Call::Stop(id, cause) => {
                let answer = self.cloud.stop_deployment(&id, true).await;
                if answer.is_ok() {
                    self.called("codedeploy:StopDeployment", Some(&id));
                }
                history.stop = Some(cause);
                history.stopped.tried(self.failed(answer.err()), clock.now());
            }
            Call::Probe(Probe { url, expect, enough: _, tries: _ }) => {
                let answer = self.hands.probe(&url).await;
                let right = answer == Ok(expect);
                let got = answer.map_or_else(|why| why, |status| status.to_string());
                let probe = &mut history.probe;
                probe.tries += 1;
                probe.in_a_row = if right { probe.in_a_row + 1 } else { 0 };
                probe.last.clone_from(&got);
                probe.at = clock.now();
                self.events.send(Event::Probed { url, got, right });
            }
        }
        self.looks = 0;
    }

    async fn update(&mut self, arn: &str) -> Option<CloudError> {
        let change = ServiceChange { task_definition: Some(arn.to_owned()), desired: None };
        let answer = self.cloud.update_service(&self.place.at, &change).await;
        if answer.is_ok() {
            self.called("ecs:UpdateService", None);
        }
        self.failed(answer.err())
    }

    fn called(&self, operation: &str, id: Option<&String>) {
        self.events.send(Event::Called { operation: operation.to_owned(), id: id.cloned() });
    }

    fn failed(&self, error: Option<CloudError>) -> Option<CloudError> {
        if let Some(error) = &error {
            self.events.send(Event::Retrying { error: error.clone() });
        }
        error
    }

    /// Until it is worth another look, which it is not before `rest` has passed; an interruption ends it.
    async fn pause(&mut self, beat: Beat, rest: Duration, listen: bool) {
        let clock = self.options.clock;
        let end = Instant::now() + clock.here(self.options.poll.interval(self.looks).max(rest)).max(SHORTEST);
        let began = Instant::now();
        self.looks += 1;
        loop {
            let left = beat.left.saturating_sub(began.elapsed().mul_f64(clock.rate()));
            self.heartbeat(&beat, left);
            let now = Instant::now();
            if now >= end {
                return;
            }
            tokio::select! {
                () = sleep((end - now).min(self.options.heartbeat)) => {}
                () = self.cancel.cancelled(), if listen => return,
            }
        }
    }

    /// Says what has changed since the last look.
    fn tell(&mut self, goal: &Goal, seen: &Seen) {
        for progress in seen.followed.iter().chain(&seen.rollback) {
            let id = &progress.deployment.id;
            let Some(target) = &progress.target else { continue };
            for event in &target.events {
                let known = self.told.life_cycle.iter_mut().find(|(of, it)| of == id && it.name == event.name);
                match known {
                    Some((_, known)) if known.status == event.status => continue,
                    Some((_, known)) => *known = event.clone(),
                    None if event.start.is_none() => continue,
                    None => self.told.life_cycle.push((id.clone(), event.clone())),
                }
                self.events.send(Event::LifeCycle { id: id.clone(), event: event.clone() });
            }
        }
        let Some(followed) = &seen.followed else { return };
        let sets = followed.target.as_ref().map(|target| target.task_sets.as_slice()).unwrap_or_default();
        if self.told.sets != sets {
            self.told.sets = sets.to_vec();
            self.events.send(Event::TaskSets { id: followed.deployment.id.clone(), sets: sets.to_vec() });
        }
        let stage = followed.stage(&goal.timings);
        if stage.is_over() {
            self.tell_stage(&followed.deployment.id, &stage, Duration::ZERO, None);
        }
    }

    fn tell_stage(&mut self, id: &str, stage: &Stage, usually: Duration, until: Option<Moment>) {
        let now = Some((id.to_owned(), stage.name()));
        if self.told.stage != now {
            self.told.stage = now;
            self.looks = 0;
            self.events.send(Event::Stage {
                id: id.to_owned(),
                stage: stage.clone(),
                usually_ms: millis(usually),
                until,
            });
        }
    }

    fn tell_rollback(&mut self, id: String, by: Option<String>) {
        if self.told.rolling_back.as_ref() != Some(&by) {
            self.told.rolling_back = Some(by.clone());
            self.events.send(Event::RollingBack { id, by });
        }
    }

    /// What its scheduler says from now on, the oldest first. True if it has said something.
    fn tell_service(&mut self, service: &Service) -> bool {
        let first = self.told.service.is_none();
        let mut said = false;
        let known = self.told.service.get_or_insert_default();
        for event in service.events.iter().rev() {
            if known.insert(event.id.clone()) && !first {
                self.events.send(Event::Service { event: event.clone() });
                said = true;
            }
        }
        said || first
    }

    fn heartbeat(&mut self, beat: &Beat, left: Duration) {
        if self.heard.elapsed() >= self.options.heartbeat {
            self.heard = Instant::now();
            let Beat { id, stage, left: _ } = beat.clone();
            self.events.send(Event::Heartbeat { id, stage, left_ms: millis(left) });
        }
    }
}

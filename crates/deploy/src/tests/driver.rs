//! The driver on a small cloud whose deployments move by the clock, with answers that get lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use aomidori_engine::cloud::{CloudError, ErrorKind};
use aomidori_model::kinds::deployment_config::TrafficRouting;
use tokio_util::sync::CancellationToken;

use super::samples::*;
use crate::cloud::*;
use crate::decision::{Answer, AtReady, Goal, Start, Until};
use crate::drive::{DriveOptions, Hands, Place, deploy, roll};
use crate::event::{Event, Events};
use crate::outcome::{Cause, Outcome};
use crate::rolling::RollingGoal;
use crate::stage::{Progress, Stage};
use crate::time::{Clock, Moment};

/// One deployment of the fake: created at a moment, told to go on at another, stopped at a third.
#[derive(Clone, Debug)]
struct Run {
    description: String,
    created: Moment,
    continued: Option<Moment>,
    stopped: Option<Moment>,
}

#[derive(Default)]
struct World {
    runs: Vec<Run>,
    service: Service,
    tasks: Vec<Task>,
    /// Errors of the next writes, by operation; `true` if the write is done all the same.
    faults: Vec<(&'static str, bool)>,
    calls: Vec<String>,
    /// Green never gets healthy.
    broken: bool,
}

struct Fake {
    clock: Clock,
    world: Mutex<World>,
    answer: Answer,
    status: u16,
}

impl Fake {
    fn new() -> Fake {
        Fake { clock: Clock::at(at(1000), 1.0), world: Mutex::default(), answer: Answer::Leave, status: 200 }
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    fn run(&self, n: usize) -> Option<Progress> {
        let world = self.lock();
        let run = world.runs.get(n)?;
        let now = self.clock.now();
        let age = now.since(run.created).as_secs();
        let mut progress = match (run.stopped, run.continued) {
            (Some(_), _) => over(Status::Stopped, 5, "MANUAL_STOP"),
            _ if age < 5 => created(),
            _ if age < 60 || world.broken => installing(),
            _ if age < 70 => test_traffic(),
            (None, None) => ready(),
            (None, Some(told)) => match now.since(told).as_secs() {
                0..60 => shifting(10.0),
                60..360 => shifted(),
                _ => succeeded(),
            },
        };
        let deployment = &mut progress.deployment;
        deployment.id = format!("d-{n}");
        deployment.description.clone_from(&run.description);
        deployment.created_at = Some(run.created);
        if let Some(of) = run.description.strip_prefix("rollback of ") {
            deployment.rolls_back = Some(of.to_owned());
            deployment.status = if age < 30 { Status::InProgress } else { Status::Succeeded };
        } else if run.stopped.is_some() {
            let of = format!("rollback of d-{n}");
            deployment.rollback = world.runs.iter().position(|it| it.description == of).map(|n| format!("d-{n}"));
        }
        // The samples' times begin at zero.
        for event in progress.target.iter_mut().flat_map(|target| &mut target.events) {
            event.start = event.start.map(|_| now);
            event.end = event.end.map(|_| now);
        }
        Some(progress)
    }

    /// `Err` if the call is to fail; `Ok(true)` if it is to be done and its answer lost.
    fn fault(&self, operation: &'static str) -> Result<bool, CloudError> {
        let mut world = self.lock();
        world.calls.push(operation.to_owned());
        match world.faults.iter().position(|(of, _)| *of == operation) {
            Some(n) => match world.faults.remove(n) {
                (_, true) => Ok(true),
                (_, false) => Err(error(ErrorKind::Throttled, "ThrottlingException")),
            },
            None => Ok(false),
        }
    }

    fn answered<T>(&self, lost: bool, answer: T) -> Result<T, CloudError> {
        if lost { Err(error(ErrorKind::Unknown, "InternalError")) } else { Ok(answer) }
    }

    fn runs(&self) -> usize {
        self.lock().runs.len()
    }

    fn count(&self, operation: &str) -> usize {
        self.lock().calls.iter().filter(|call| *call == operation).count()
    }
}

fn number(id: &str) -> usize {
    id.strip_prefix("d-").unwrap().parse().unwrap()
}

impl DeployCloud for Fake {
    async fn service(&self, _: &ServiceAt) -> Result<Option<Service>, CloudError> {
        let mut world = self.lock();
        let now = self.clock.now();
        // What was started a minute ago is done, or has failed.
        if let Some(first) = world.service.rollouts.first_mut()
            && now.since(first.created_at.unwrap()).as_secs() > 60
            && first.state == RolloutState::InProgress
        {
            first.state = RolloutState::Completed;
        }
        Ok(Some(world.service.clone()))
    }
    async fn history(&self, _: &ServiceAt, _: usize) -> Result<Option<Vec<Rolled>>, CloudError> {
        Ok(None)
    }
    async fn revision(&self, _: &str) -> Result<Option<Revision>, CloudError> {
        Ok(None)
    }
    async fn revisions(&self, _: &str) -> Result<Vec<Revision>, CloudError> {
        Ok(Vec::new())
    }
    async fn images(&self, _: &str, _: &BTreeSet<String>) -> Result<BTreeMap<String, ImageFound>, CloudError> {
        Ok(BTreeMap::new())
    }
    async fn routing(&self, _: &str) -> Result<Option<TrafficRouting>, CloudError> {
        Ok(None)
    }
    async fn deployments(&self, _: &str, limit: usize) -> Result<Vec<Deployment>, CloudError> {
        let count = self.lock().runs.len();
        Ok((0..count).rev().take(limit).filter_map(|n| Some(self.run(n)?.deployment)).collect())
    }
    async fn deployment(&self, id: &str) -> Result<Option<Deployment>, CloudError> {
        Ok(self.run(number(id)).map(|run| run.deployment))
    }
    async fn target(&self, id: &str, _: &ServiceAt) -> Result<Option<Target>, CloudError> {
        Ok(self.run(number(id)).and_then(|run| run.target))
    }
    async fn appspec(&self, _: &str, _: &str) -> Result<Option<String>, CloudError> {
        Ok(None)
    }
    async fn forwards(&self, _: &[String]) -> Result<Vec<Forward>, CloudError> {
        Ok(Vec::new())
    }
    async fn health(&self, _: &str) -> Result<Vec<TargetHealth>, CloudError> {
        Ok(Vec::new())
    }
    async fn tasks(&self, _: &ServiceAt) -> Result<Vec<Task>, CloudError> {
        Ok(self.lock().tasks.clone())
    }
    async fn register(&self, _: NewRevision<'_>) -> Result<Revision, CloudError> {
        Ok(Revision::default())
    }
    async fn image_tags(&self, _: &str, _: &str) -> Result<BTreeMap<String, String>, CloudError> {
        Ok(BTreeMap::new())
    }
    async fn tag_image(&self, _: &str, _: &str, _: &str) -> Result<(), CloudError> {
        Ok(())
    }
    async fn untag_images(&self, _: &str, _: &BTreeSet<String>) -> Result<(), CloudError> {
        Ok(())
    }
    async fn tag_revision(&self, _: &str, _: &BTreeMap<String, String>) -> Result<(), CloudError> {
        Ok(())
    }
    async fn create_deployment(&self, new: &NewDeployment) -> Result<String, CloudError> {
        let lost = self.fault("create")?;
        let created = self.clock.now();
        let mut world = self.lock();
        let description = new.description.clone();
        world.runs.push(Run { description, created, continued: None, stopped: None });
        let id = format!("d-{}", world.runs.len() - 1);
        drop(world);
        self.answered(lost, id)
    }
    async fn continue_deployment(&self, id: &str, _: WaitType) -> Result<(), CloudError> {
        let lost = self.fault("continue")?;
        let now = self.clock.now();
        self.lock().runs[number(id)].continued = Some(now);
        self.answered(lost, ())
    }
    async fn stop_deployment(&self, id: &str, rollback: bool) -> Result<bool, CloudError> {
        let lost = self.fault("stop")?;
        let now = self.clock.now();
        let mut world = self.lock();
        world.runs[number(id)].stopped = Some(now);
        if rollback {
            let description = format!("rollback of {id}");
            world.runs.push(Run { description, created: now, continued: None, stopped: None });
        }
        drop(world);
        self.answered(lost, true)
    }
    async fn update_service(&self, _: &ServiceAt, change: &ServiceChange) -> Result<Service, CloudError> {
        let lost = self.fault("update")?;
        let arn = change.task_definition.clone().unwrap();
        let created = self.clock.now();
        let mut world = self.lock();
        if world.service.rollouts.first().is_none_or(|first| first.task_definition != arn) {
            world.service.rollouts.iter_mut().for_each(|it| it.status = "ACTIVE".into());
            let id = format!("ecs-svc/{}", world.service.rollouts.len());
            world.service.rollouts.insert(0, rollout(&id, &arn, created));
        }
        let service = world.service.clone();
        drop(world);
        self.answered(lost, service)
    }
}

impl Hands for Fake {
    async fn interrupted(&self, _: &str, _: &Stage) -> Answer {
        self.answer
    }
    async fn probe(&self, _: &str) -> Result<u16, String> {
        Ok(self.status)
    }
}

fn rollout(id: &str, arn: &str, created: Moment) -> Rollout {
    Rollout {
        id: id.into(),
        status: "PRIMARY".into(),
        state: RolloutState::InProgress,
        reason: None,
        task_definition: arn.into(),
        desired: 1,
        running: 0,
        pending: 1,
        failed: 0,
        created_at: Some(created),
    }
}

fn place() -> Place {
    let at = ServiceAt { cluster: "shop".into(), name: "web".into() };
    Place { group: Some("shop/web".into()), at, target_groups: Vec::new() }
}

async fn drive(fake: &Fake, goal: &Goal, cancel: &CancellationToken) -> (Outcome, Vec<Event>) {
    let (events, mut records) = Events::channel();
    let options = DriveOptions::new(fake.clock);
    let outcome = deploy(fake, &place(), goal, &options, fake, &events, cancel).await.unwrap();
    let mut seen = Vec::new();
    while let Ok(record) = records.try_recv() {
        seen.push(record.event);
    }
    (outcome, seen)
}

async fn to_the_end(fake: &Fake, goal: &Goal) -> Outcome {
    drive(fake, goal, &CancellationToken::new()).await.0
}

#[tokio::test(start_paused = true)]
async fn a_whole_deployment_in_its_stages() {
    let fake = Fake::new();
    let (outcome, events) = drive(&fake, &goal(Until::Ready), &CancellationToken::new()).await;
    assert!(matches!(&outcome, Outcome::Ready { id, .. } if id == "d-0"), "{outcome:?}");
    let stages: Vec<&str> = events
        .iter()
        .filter_map(|event| if let Event::Stage { stage, .. } = event { Some(stage.name()) } else { None })
        .collect();
    assert_eq!(stages, ["created", "installing", "test traffic"]);
    assert!(events.iter().any(|event| matches!(event, Event::Heartbeat { .. })));
    assert!(matches!(events.last(), Some(Event::Ended { .. })));
    // Another process gives the word, and a third waits until blue is gone.
    let follow = Goal { start: Start::Follow("d-0".into()), ..goal(Until::Rerouted) };
    let outcome = to_the_end(&fake, &Goal { at_ready: AtReady::Reroute, ..follow.clone() }).await;
    assert!(matches!(outcome, Outcome::Rerouted { .. }), "{outcome:?}");
    let outcome = to_the_end(&fake, &Goal { until: Until::Terminated, ..follow }).await;
    assert_eq!(outcome, Outcome::Succeeded { id: "d-0".into() });
    assert_eq!((fake.count("create"), fake.count("continue")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn answers_that_get_lost_do_nothing_twice() {
    let fake = Fake::new();
    fake.lock().faults = vec![("create", true), ("continue", true)];
    let outcome = to_the_end(&fake, &Goal { at_ready: AtReady::Reroute, ..goal(Until::Rerouted) }).await;
    assert!(matches!(outcome, Outcome::Rerouted { .. }), "{outcome:?}");
    assert_eq!((fake.runs(), fake.count("create")), (1, 1));
    // Throttled: nothing was done, and it is done again.
    let fake = Fake::new();
    fake.lock().faults = vec![("create", false), ("continue", false)];
    let outcome = to_the_end(&fake, &Goal { at_ready: AtReady::Reroute, ..goal(Until::Rerouted) }).await;
    assert!(matches!(outcome, Outcome::Rerouted { .. }), "{outcome:?}");
    assert_eq!((fake.runs(), fake.count("create"), fake.count("continue")), (1, 2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_second_deployment_is_told_which_one_runs() {
    let fake = Fake::new();
    to_the_end(&fake, &goal(Until::Ready)).await;
    let mut second = new_deployment();
    second.token = "run-2".into();
    second.description = "web:8 (aomidori run-2)".into();
    let second = Goal { start: Start::Create(Box::new(second)), ..goal(Until::Ready) };
    let outcome = to_the_end(&fake, &second).await;
    assert!(matches!(&outcome, Outcome::Busy { running: Some(id), .. } if id == "d-0"), "{outcome:?}");
    assert_eq!(fake.count("create"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_probe_reroutes_or_goes_back() {
    let goal = Goal { at_ready: AtReady::Probe(probe()), ..goal(Until::Rerouted) };
    let outcome = to_the_end(&Fake::new(), &goal).await;
    assert!(matches!(outcome, Outcome::Rerouted { .. }), "{outcome:?}");
    let wrong = Fake { status: 500, ..Fake::new() };
    let outcome = to_the_end(&wrong, &goal).await;
    assert!(
        matches!(&outcome, Outcome::RolledBack { cause: Cause::Probe { got, .. }, .. } if got == "500"),
        "{outcome:?}"
    );
    assert_eq!(wrong.count("continue"), 0);
}

#[tokio::test(start_paused = true)]
async fn crash_looping_tasks_end_it_long_before_its_hour() {
    let fake = Fake::new();
    let began = tokio::time::Instant::now();
    {
        let mut world = fake.lock();
        world.broken = true;
        world.tasks = (0..3)
            .map(|n| Task {
                id: n.to_string(),
                started_by: "ecs-svc/2".into(),
                status: "STOPPED".into(),
                created_at: Some(at(2000)),
                stopped_reason: Some("Essential container in task exited".into()),
                ..Task::default()
            })
            .collect();
    }
    let outcome = to_the_end(&fake, &goal(Until::Ready)).await;
    let Outcome::RolledBack { cause: Cause::Stall(evidence), .. } = &outcome else { panic!("{outcome:?}") };
    assert_eq!(evidence.stopped, [("Essential container in task exited".to_owned(), 3)]);
    assert!(began.elapsed() < Duration::from_secs(300), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_interruption_leaves_it_or_stops_it() {
    for answer in [Answer::Leave, Answer::RollBack] {
        let fake = Fake { answer, ..Fake::new() };
        let cancel = CancellationToken::new();
        let interrupt = async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            cancel.cancel();
        };
        let goal = goal(Until::Ready);
        let ((outcome, _), ()) = tokio::join!(drive(&fake, &goal, &cancel), interrupt);
        match answer {
            Answer::Leave => {
                assert!(matches!(outcome, Outcome::Left { .. }), "{outcome:?}");
                // It goes on, and whoever comes next finds it.
                let follow = Goal { start: Start::Follow("d-0".into()), ..goal };
                assert!(matches!(to_the_end(&fake, &follow).await, Outcome::Ready { .. }));
            }
            Answer::RollBack => {
                assert!(matches!(outcome, Outcome::RolledBack { cause: Cause::Asked, .. }), "{outcome:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_is_followed_to_its_end() {
    let fake = Fake::new();
    to_the_end(&fake, &goal(Until::Ready)).await;
    fake.lock().faults = vec![("stop", false)];
    let back = Goal { start: Start::Follow("d-0".into()), abandon: true, ..goal(Until::Terminated) };
    let outcome = to_the_end(&fake, &back).await;
    assert!(matches!(&outcome, Outcome::RolledBack { by: Some(by), .. } if by == "d-1"), "{outcome:?}");
    assert_eq!(fake.count("stop"), 2);
}

fn rolling_goal() -> RollingGoal {
    RollingGoal {
        task_definition: "td:2".into(),
        detached: false,
        on_trouble: crate::decision::OnTrouble::RollBack,
        timings: timings(),
    }
}

async fn rolls(fake: &Fake) -> Outcome {
    let options = DriveOptions::new(fake.clock);
    let (events, cancel) = (Events::none(), CancellationToken::new());
    roll(fake, &place(), &rolling_goal(), &options, fake, &events, &cancel).await.unwrap()
}

fn rolling() -> Fake {
    let fake = Fake::new();
    let mut first = rollout("ecs-svc/0", "td:1", at(0));
    first.state = RolloutState::Completed;
    fake.lock().service = Service { task_definition: Some("td:1".into()), rollouts: vec![first], ..Service::default() };
    fake
}

#[tokio::test(start_paused = true)]
async fn a_rolling_deployment_is_followed_by_its_own_id() {
    let fake = rolling();
    fake.lock().faults = vec![("update", true)];
    assert_eq!(rolls(&fake).await, Outcome::Succeeded { id: "ecs-svc/1".into() });
    assert_eq!(fake.count("update"), 1);
    // What runs already is no new deployment.
    assert_eq!(rolls(&fake).await, Outcome::Succeeded { id: "ecs-svc/1".into() });
    assert_eq!(fake.count("update"), 1);
}

#[tokio::test(start_paused = true)]
async fn crash_looping_tasks_of_a_rolling_service_take_it_back() {
    let fake = rolling();
    fake.lock().tasks = (0..3)
        .map(|n| Task {
            id: n.to_string(),
            started_by: "ecs-svc/1".into(),
            status: "STOPPED".into(),
            created_at: Some(at(2000)),
            stopped_reason: Some("CannotPullContainerError".into()),
            ..Task::default()
        })
        .collect();
    let outcome = rolls(&fake).await;
    assert!(matches!(&outcome, Outcome::RolledBack { cause: Cause::Stall(_), .. }), "{outcome:?}");
    assert_eq!(fake.lock().service.rollouts[0].task_definition, "td:1");
}

//! Services: their sides, their deployments, and what their scheduler says.

use aomidori_deploy::cloud::{Revision, RolloutState, TargetHealth, Task, TaskSet};
use aomidori_deploy::register::image_tag;
use aomidori_deploy::{Moment, Pair, stall};
use aomidori_model::kinds::deployment_group::ReadyOption;
use aomidori_model::{Address, KindName, Value};
use aomidori_plan::{Observation, Observed};
use serde::Serialize;

use super::called;
use super::deployment::{self, Last, Running};
use super::facts::{Facts, ServiceFacts};
use super::traffic::{self, Route, Use};
use crate::view::summary;

/// How many of a scheduler's latest events are shown.
const EVENTS: usize = 5;

/// Tasks of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tasks {
    /// Running.
    pub running: u32,
    /// On their way.
    pub pending: u32,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Service {
    /// Its address.
    pub address: Address,
    /// `CODE_DEPLOY` or `ECS`.
    pub controller: String,
    /// How many tasks are wanted.
    pub desired: Option<i64>,
    /// How many there are, if they were asked for.
    pub tasks: Option<Tasks>,
    /// The images of what is live, or else those of its task definition, if it has one that is known.
    pub images: Vec<String>,
    /// What is live, if it was asked for.
    pub live: Option<Version>,
    /// The two sides of a service that CodeDeploy deploys, in the stack's order.
    pub sides: Vec<Side>,
    /// How production and test listener and their rules divide requests between the two sides.
    pub routes: Vec<Route>,
    /// The deployments of a rolling service, the newest first.
    pub rollouts: Vec<Rollout>,
    /// CodeDeploy's deployment that runs.
    pub deployment: Option<Running>,
    /// CodeDeploy's last deployment that has ended, and how.
    pub last: Option<Last>,
    /// What its scheduler said last, the newest first.
    pub events: Vec<Event>,
    /// Why tasks of what it runs stopped within the last hour, if some are missing; the most frequent reason first.
    pub stopped: Vec<Stopped>,
}

/// A revision of a task definition, and what it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    /// Its ARN.
    pub task_definition: String,
    /// Its number.
    pub revision: Option<u32>,
    /// The image of the container that answers requests.
    pub image: Option<String>,
    /// The tag that was asked for, or that the image has.
    pub tag: Option<String>,
    /// The digest that the revision names; `null` if it names a tag only.
    pub digest: Option<String>,
}

/// One of the two sides of a service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// Its target group: its address, or its ARN if it is not of the stack.
    pub target_group: String,
    /// Its tasks, if it has any.
    pub task_set: Option<Set>,
    /// Percent of production traffic; `null` if rules differ in it ([`Service::routes`]) or nothing comes here.
    pub production: Option<f64>,
    /// Percent of test traffic, likewise.
    pub test: Option<f64>,
    /// Its targets by state, the most frequent first.
    pub targets: Vec<TargetState>,
}

/// A task set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Set {
    /// Its id (`ecs-svc/…`).
    pub id: String,
    /// `PRIMARY`, `ACTIVE` or `DRAINING`.
    pub status: String,
    /// What it runs.
    #[serde(flatten)]
    pub version: Version,
    /// Tasks wanted.
    pub desired: u32,
    /// Tasks that run.
    pub running: u32,
    /// Tasks that are about to.
    pub pending: u32,
    /// It has all its tasks, and all are healthy.
    pub steady: bool,
}

/// How many targets are in a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TargetState {
    /// `healthy`, `unhealthy`, `initial`, `draining`, ….
    pub state: String,
    /// The code of the reason (`Target.ResponseCodeMismatch`).
    pub reason: Option<String>,
    /// How many.
    pub count: usize,
}

/// A deployment of a rolling service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rollout {
    /// Its id (`ecs-svc/…`).
    pub id: String,
    /// `PRIMARY`, `ACTIVE` or `INACTIVE`.
    pub status: String,
    /// How far it is; `failed` if the circuit breaker has stopped it.
    pub state: RolloutState,
    /// Why, in ECS's words.
    pub reason: Option<String>,
    /// What it runs.
    #[serde(flatten)]
    pub version: Version,
    /// Tasks wanted.
    pub desired: u32,
    /// Tasks that run.
    pub running: u32,
    /// Tasks that are about to.
    pub pending: u32,
    /// Tasks that failed to start.
    pub failed: u32,
    /// How long ago it began, in seconds of the cloud's time.
    pub seconds: Option<u64>,
}

/// What a service's scheduler said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When, in milliseconds since 1970 by the cloud's clock.
    pub at: Option<Moment>,
    /// How long ago that is, in seconds of the cloud's time.
    pub seconds: Option<u64>,
    /// What.
    pub message: String,
}

/// Why tasks stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stopped {
    /// ECS's reason, with the exit codes of containers.
    pub reason: String,
    /// How many tasks stopped for it.
    pub count: usize,
}

/// How long ago something was.
pub(super) fn seconds(at: Option<Moment>, now: Moment) -> Option<u64> {
    at.map(|at| now.since(at).as_secs())
}

/// A service as it is.
pub(super) fn of(observation: &Observation, facts: &Facts, address: &Address, found: &Observed) -> Service {
    let asked = facts.services.get(&found.id);
    let controller = found.fields.value("deployment_controller.type").as_str().unwrap_or_default().to_owned();
    let mut service = Service {
        address: address.clone(),
        controller,
        desired: match found.fields.value("desired_count") {
            Value::Int(number) => Some(*number),
            _ => None,
        },
        tasks: None,
        images: declared_images(observation, found),
        live: None,
        sides: Vec::new(),
        routes: Vec::new(),
        rollouts: Vec::new(),
        deployment: None,
        last: None,
        events: Vec::new(),
        stopped: Vec::new(),
    };
    let Some(asked) = asked else { return service };
    let live = &asked.service;
    service.tasks = Some(Tasks { running: live.running, pending: live.pending });
    service.desired = service.desired.or(Some(i64::from(live.desired)));
    let primary = live.task_sets.iter().find(|set| set.status == "PRIMARY").map(|set| &set.task_definition);
    if let Some(arn) = primary.or(live.task_definition.as_ref()) {
        service.live = Some(version(facts, asked, arn));
        if let Some(revision) = facts.revisions.get(arn) {
            service.images = revision.images.values().cloned().collect();
        }
    }
    if let Some(pair) = &asked.pair {
        service.routes = traffic::routes(observation, pair);
        service.sides = sides(observation, facts, asked, pair, &service.routes);
    }
    if asked.pair.is_none() {
        service.rollouts = rollouts(facts, asked);
    }
    service.deployment = asked.running.as_ref().map(|(progress, timings)| {
        let two_stepped = asked.pair.as_ref().is_some_and(|pair| pair.test.is_some());
        let waits = matches!(progress.deployment.ready, ReadyOption::Wait { .. });
        let green = progress.green().map(|set| set.id.as_str());
        let green = service.sides.iter().find(|side| side.task_set.as_ref().map(|set| set.id.as_str()) == green);
        let green = green.map(|side| traffic::side(&side.target_group));
        deployment::running(progress, timings, deployment::Shape { two_stepped, waits, green }, facts.now)
    });
    service.last = deployment::last(asked, &service, facts.now);
    service.events = live
        .events
        .iter()
        .take(EVENTS)
        .map(|event| Event { at: event.at, seconds: seconds(event.at, facts.now), message: event.message.clone() })
        .collect();
    // Of what the service has nothing any more, nobody wants to know why it stopped.
    let current = |task: &&Task| {
        let sets = live.task_sets.iter().map(|set| &set.task_definition);
        sets.chain(live.rollouts.iter().map(|it| &it.task_definition)).any(|arn| *arn == task.task_definition)
    };
    let tasks: Vec<Task> = asked.tasks.iter().filter(current).cloned().collect();
    let (evidence, _) = stall::evidence(&tasks, &[], "", Moment::default());
    service.stopped = evidence.stopped.into_iter().map(|(reason, count)| Stopped { reason, count }).collect();
    service
}

fn declared_images(observation: &Observation, service: &Observed) -> Vec<String> {
    let definition = summary::pointed(observation, KindName::TaskDefinition, service.fields.value("task_definition"));
    match definition.map(|found| found.fields.value("container_definitions")) {
        Some(Value::Map(containers)) => containers
            .values()
            .filter_map(|container| match container {
                Value::Map(members) => members.get("image")?.as_str().map(str::to_owned),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// What a revision runs, as far as it is known.
fn version(facts: &Facts, service: &ServiceFacts, arn: &str) -> Version {
    let found = facts.revisions.get(arn);
    let number = arn.rsplit(':').next().and_then(|number| number.parse().ok());
    let container = found.and_then(|revision| answers(revision, service.container.as_deref()));
    let image = container.map(|(_, image)| image.clone());
    let asked = found.zip(container).and_then(|(revision, (name, _))| revision.tags.get(&image_tag(name)).cloned());
    let (named, digest) = match image.as_deref().map(|image| image.split_once('@').unwrap_or((image, ""))) {
        Some((image, digest)) => (
            image.rsplit('/').next().and_then(|leaf| leaf.split_once(':')).map(|(_, tag)| tag.to_owned()),
            Some(digest).filter(|digest| !digest.is_empty()).map(str::to_owned),
        ),
        None => (None, None),
    };
    Version { task_definition: arn.to_owned(), revision: number, image, tag: asked.or(named), digest }
}

/// The container that answers, or else one whose image was chosen, or else the first.
fn answers<'a>(revision: &'a Revision, container: Option<&str>) -> Option<(&'a String, &'a String)> {
    let named = container.and_then(|name| revision.images.get_key_value(name));
    let chosen = || revision.images.iter().find(|(name, _)| revision.tags.contains_key(&image_tag(name)));
    named.or_else(chosen).or_else(|| revision.images.iter().next())
}

fn sides(observation: &Observation, facts: &Facts, service: &ServiceFacts, pair: &Pair, routes: &[Route]) -> Vec<Side> {
    let side = |group: &String| {
        let rank = |set: &&TaskSet| match set.status.as_str() {
            "PRIMARY" => 0,
            "ACTIVE" => 1,
            _ => 2,
        };
        let of_it = |set: &&TaskSet| set.target_group.as_ref() == Some(group);
        let set = service.service.task_sets.iter().filter(of_it).min_by_key(rank);
        let target_group = called(observation, KindName::TargetGroup, group);
        Side {
            task_set: set.map(|set| Set {
                id: set.id.clone(),
                status: set.status.clone(),
                version: version(facts, service, &set.task_definition),
                desired: set.desired,
                running: set.running,
                pending: set.pending,
                steady: set.steady,
            }),
            production: traffic::share(routes, Use::Production, &target_group),
            test: traffic::share(routes, Use::Test, &target_group),
            targets: facts.targets.get(group).map(|targets| states(targets)).unwrap_or_default(),
            target_group,
        }
    };
    pair.target_groups.iter().map(side).collect()
}

fn states(targets: &[TargetHealth]) -> Vec<TargetState> {
    let mut states: Vec<TargetState> = Vec::new();
    for TargetHealth { state, reason, .. } in targets {
        match states.iter_mut().find(|it| it.state == *state && it.reason == *reason) {
            Some(found) => found.count += 1,
            None => states.push(TargetState { state: state.clone(), reason: reason.clone(), count: 1 }),
        }
    }
    states.sort_by(|a, b| (b.count, &a.state, &a.reason).cmp(&(a.count, &b.state, &b.reason)));
    states
}

fn rollouts(facts: &Facts, service: &ServiceFacts) -> Vec<Rollout> {
    let rollout = |it: &aomidori_deploy::cloud::Rollout| Rollout {
        id: it.id.clone(),
        status: it.status.clone(),
        state: it.state,
        reason: it.reason.clone(),
        version: version(facts, service, &it.task_definition),
        desired: it.desired,
        running: it.running,
        pending: it.pending,
        failed: it.failed,
        seconds: seconds(it.created_at, facts.now),
    };
    service.service.rollouts.iter().map(rollout).collect()
}

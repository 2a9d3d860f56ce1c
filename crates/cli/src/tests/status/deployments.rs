//! Services in every state of a deployment.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_deploy::cloud::{
    Deployment, DeploymentError, LifeCycle, LifeCycleStatus, Revision, Rollout, RolloutState, Service, ServiceEvent,
    Side, Status, Target, Task, TaskSet, WeighedTaskSet,
};
use aomidori_deploy::{Moment, Pair, Progress, Timings};
use aomidori_model::kinds::deployment_config::TrafficRouting;
use aomidori_model::kinds::deployment_group::ReadyOption;
use aomidori_model::{KindName, Value};
use aomidori_plan::{Busy, Observation, Observed, Ownership};
use insta::assert_snapshot;

use super::{live, targets, text, to};
use crate::view::status::{Facts, Known, ServiceFacts, result};

const EVENTS: [&str; 8] = [
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "AllowTestTraffic",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "AfterAllowTraffic",
];

fn at(seconds: i64) -> Moment {
    Moment(seconds * 1000)
}

fn arn(family: &str, revision: u32) -> String {
    format!("arn:aws:ecs:r:1:task-definition/{family}:{revision}")
}

/// Revision 1 as `up` has registered it, those after it as `deploy` has, with a digest.
fn revisions(family: &str) -> impl Iterator<Item = (String, Revision)> {
    (1..=3).map(move |number| {
        let repository = "1.dkr.ecr.eu-central-1.amazonaws.com/shop/web";
        let image = match number {
            1 => format!("{repository}:blue"),
            _ => format!("{repository}@sha256:{}", number.to_string().repeat(64)),
        };
        let revision = Revision {
            arn: arn(family, number),
            revision: number,
            images: BTreeMap::from([("log".into(), "log:1".into()), ("web".into(), image)]),
            tags: match number {
                1 => BTreeMap::new(),
                _ => BTreeMap::from([("aomidori:image/web".to_owned(), format!("green-{number}"))]),
            },
            ..Revision::default()
        };
        (revision.arn.clone(), revision)
    })
}

fn weighted(shares: &[(&str, i64)]) -> Vec<(&'static str, Value)> {
    let group = |id: &str| to(KindName::TargetGroup, id);
    let weights = shares
        .iter()
        .map(|(id, weight)| Value::map([("target_group", group(id)), ("weight", Value::Int(*weight))]))
        .collect();
    let live = shares.iter().filter(|(_, weight)| *weight > 0).map(|(id, _)| group(id)).collect();
    vec![
        ("action.type", Value::str("forward")),
        ("action.forward", Value::Set(live)),
        ("action.forward_weights", Value::Set(weights)),
    ]
}

/// A service between two target groups.
struct Scene {
    resources: Vec<Observed>,
    facts: Facts,
    service: ServiceFacts,
}

const DEPLOYING: &str = "svc-web";

impl Scene {
    /// Shares of production and test traffic on blue and green, in percent.
    fn new(production: [i64; 2], test: [i64; 2]) -> Scene {
        let listener = |name: &str, port: i64, shares: [i64; 2]| {
            let mut fields = weighted(&[("tg-blue", shares[0]), ("tg-green", shares[1])]);
            fields.extend([("port", Value::Int(port)), ("protocol", Value::str("HTTP"))]);
            live(KindName::Listener, &format!("platform/listener/{name}"), &format!("l-{name}"), &fields)
        };
        let web = live(
            KindName::EcsService,
            "services/web",
            DEPLOYING,
            &[("desired_count", Value::Int(1)), ("deployment_controller.type", Value::str("CODE_DEPLOY"))],
        );
        let pair = Pair {
            group: "shop/web".into(),
            config: "CodeDeployDefault.ECSAllAtOnce".into(),
            routing: Some(TrafficRouting::AllAtOnce),
            ready: ReadyOption::Wait { minutes: 5 },
            terminate_after: 5,
            production: "l-production".into(),
            test: Some("l-test".into()),
            host: None,
            target_groups: ["tg-blue".into(), "tg-green".into()],
            check: None,
            grace: None,
        };
        Scene {
            resources: vec![
                listener("production", 80, production),
                listener("test", 8080, test),
                live(KindName::TargetGroup, "platform/target-group/blue", "tg-blue", &[]),
                live(KindName::TargetGroup, "platform/target-group/green", "tg-green", &[]),
                web,
            ],
            facts: Facts { now: at(100), revisions: revisions("web").collect(), ..Facts::default() },
            service: ServiceFacts {
                service: Service { running: 1, desired: 1, ..Service::default() },
                container: Some("web".into()),
                pair: Some(pair),
                ..ServiceFacts::default()
            },
        }
        .targets("tg-blue", &[("healthy", None)])
        .targets("tg-green", &[])
    }

    fn targets(mut self, group: &str, states: &[(&str, Option<&str>)]) -> Scene {
        self.facts.targets.insert(group.into(), targets(states));
        self
    }

    /// A task set: status, target group, revision, tasks that run of one.
    fn set(mut self, status: &str, group: &str, revision: u32, running: u32) -> Scene {
        self.service.service.task_sets.push(TaskSet {
            id: format!("ecs-svc/{group}"),
            status: status.into(),
            task_definition: arn("web", revision),
            target_group: Some(group.into()),
            desired: 1,
            running,
            pending: 1 - running,
            steady: running == 1,
            created_at: Some(at(0)),
        });
        self
    }

    fn deployment(mut self, deployment: Deployment) -> Scene {
        self.service.deployments.push(deployment);
        self
    }

    /// A deployment of which `done` events are over, ten seconds each, whose green is in this target group.
    fn running(self, status: Status, routing: TrafficRouting, done: usize, green: &str, percent: f64) -> Scene {
        let events = EVENTS.iter().zip(0..).map(|(name, n)| {
            let (state, start, end) = match usize::try_from(n).unwrap() {
                n if n < done => (LifeCycleStatus::Succeeded, true, true),
                n if n == done && status == Status::InProgress => (LifeCycleStatus::InProgress, true, false),
                _ => (LifeCycleStatus::Pending, false, false),
            };
            LifeCycle {
                name: (*name).into(),
                status: state,
                start: start.then(|| at(n * 10)),
                end: end.then(|| at(n * 10 + 10)),
                diagnostics: None,
            }
        });
        let set = WeighedTaskSet {
            id: format!("ecs-svc/{green}"),
            status: "ACTIVE".into(),
            side: Some(Side::Green),
            weight: percent,
            target_group: None,
            desired: 1,
            pending: 0,
            running: u32::from(done > 1),
        };
        let mut deployment = deployment("d-2", status);
        deployment.terminating = done == EVENTS.len();
        let pair = self.service.pair.clone().unwrap();
        let timings: Timings = pair.timings(Some(routing));
        let target = Target { events: events.collect(), task_sets: vec![set] };
        let mut scene = self.deployment(deployment.clone());
        scene.service.running = Some((Progress { deployment, target: Some(target) }, timings));
        let web = scene.resources.last_mut().unwrap();
        web.busy = Some(Busy { deployment: "d-2".into(), status: status.as_str().into(), over: false });
        scene
    }

    /// Tasks of revision 2 that stopped, and one of a revision that is not there any more.
    fn stopped(mut self, times: usize, reason: &str, container: &str) -> Scene {
        let task = Task {
            task_definition: arn("web", 2),
            status: "STOPPED".into(),
            stop_code: Some("EssentialContainerExited".into()),
            stopped_reason: Some(reason.into()),
            containers: vec![container.into()],
            ..Task::default()
        };
        let other = Task { task_definition: arn("web", 3), ..task.clone() };
        self.service.tasks = vec![task; times];
        self.service.tasks.push(other);
        self
    }

    fn event(mut self, seconds: i64, message: &str) -> Scene {
        let event = ServiceEvent { id: seconds.to_string(), at: Some(at(seconds)), message: message.into() };
        self.service.service.events.push(event);
        self
    }

    fn observation(&self) -> Observation {
        Observation { account: "1".into(), region: "r".into(), resources: self.resources.clone() }
    }

    fn facts(&self) -> Facts {
        let mut facts = self.facts.clone();
        facts.services.insert(DEPLOYING.into(), self.service.clone());
        facts
    }

    /// What is said of traffic and services.
    fn shown(&self) -> String {
        let text = text(&self.observation(), &self.facts());
        let from = text.find("\ntraffic\n").or_else(|| text.find("\nservices\n")).unwrap();
        let to = text.find("\nresources\n").unwrap_or(text.len());
        text[from + 1..to].to_owned()
    }
}

fn deployment(id: &str, status: Status) -> Deployment {
    Deployment {
        id: id.into(),
        status,
        description: String::new(),
        creator: "user".into(),
        config: "CodeDeployDefault.ECSAllAtOnce".into(),
        created_at: Some(at(0)),
        completed_at: status.is_over().then(|| at(70)),
        error: None,
        rollback: None,
        rolls_back: None,
        auto_rollback: BTreeSet::new(),
        ready: ReadyOption::Wait { minutes: 5 },
        terminate_after: 5,
        terminating: false,
        sha256: None,
    }
}

fn failed(id: &str, status: Status, code: &str, message: &str) -> Deployment {
    let error = Some(DeploymentError { code: code.into(), message: message.into() });
    Deployment { error, ..deployment(id, status) }
}

const AT_ONCE: TrafficRouting = TrafficRouting::AllAtOnce;
const CANARY: TrafficRouting = TrafficRouting::Canary { percent: 10, minutes: 5 };

#[test]
fn nothing_was_deployed_yet() {
    let scene = Scene::new([1, 0], [1, 0])
        .set("PRIMARY", "tg-blue", 1, 1)
        .event(90, "(service web) has reached a steady state.")
        .event(60, "(service web) registered 1 targets in (target-group arn:aws:elasticloadbalancing:r:1:targetgroup/tg-blue/d3ec2)");
    assert_snapshot!(scene.shown(), @"
    traffic
      production  -> blue (1 healthy)
      test        -> blue (1 healthy)

    services
      web  CodeDeploy  1 of 1 running  revision 1, blue
        blue   PRIMARY   revision 1, blue  1 of 1 running  1 healthy  production 100 %, test 100 %
        green  no tasks

    last events
      10 s ago  web  has reached a steady state.
      40 s ago  web  registered 1 targets in (target-group tg-blue)

    Times are by the local cloud's clock, which runs 60 times as fast as this machine's.
    ");
}

#[test]
fn green_starts() {
    let scene = Scene::new([100, 0], [100, 0]).set("PRIMARY", "tg-blue", 1, 1).set("ACTIVE", "tg-green", 2, 0).running(
        Status::InProgress,
        AT_ONCE,
        1,
        "tg-green",
        0.0,
    );
    assert_snapshot!(scene.shown(), @"
    traffic
      production  -> blue (1 healthy)
      test        -> blue (1 healthy)

    services
      web  CodeDeploy  1 of 1 running  revision 1, blue
        blue   PRIMARY  revision 1, blue                           1 of 1 running              1 healthy   production 100 %, test 100 %
        green  ACTIVE   revision 2, green-2 (sha256:222222222222)  0 of 1 running, 1 starting  no targets
        d-2: green starts, 0 of 1 tasks up (Install, 1 min 30 s); then test traffic goes there

    Times are by the local cloud's clock, which runs 60 times as fast as this machine's.
    ");
}

#[test]
fn test_traffic_is_on_green() {
    let scene = Scene::new([100, 0], [0, 100])
        .targets("tg-green", &[("healthy", None)])
        .set("PRIMARY", "tg-blue", 1, 1)
        .set("ACTIVE", "tg-green", 2, 1)
        .running(Status::Ready, AT_ONCE, 5, "tg-green", 0.0)
        .deployment(deployment("d-1", Status::Succeeded));
    assert_snapshot!(scene.shown(), @"
    traffic
      production  -> blue (1 healthy)
      test        -> green (1 healthy)

    services
      web  CodeDeploy  1 of 1 running  revision 1, blue
        blue   PRIMARY  revision 1, blue                           1 of 1 running  1 healthy  production 100 %
        green  ACTIVE   revision 2, green-2 (sha256:222222222222)  1 of 1 running  1 healthy  test 100 %
        d-2: test traffic is on green (50 s); `reroute` or `rollback`, 4 min 10 s left before CodeDeploy stops
          it
        last: d-1 succeeded 30 s ago

    Times are by the local cloud's clock, which runs 60 times as fast as this machine's.
    ");
    // Scripts read the same.
    let stack = super::app().stack(&[]).unwrap();
    let (observation, facts) = (scene.observation(), scene.facts());
    let known = Known { stack: &stack, observation: &observation, plan: None, lease: None, facts: &facts, groups: &[] };
    let json = serde_json::to_value(result(known)).unwrap();
    let service = &json["services"][0];
    assert_eq!(service["deployment"]["stage"], "ready");
    assert_eq!(service["deployment"]["seconds_left"], 250);
    assert_eq!(service["sides"][1]["task_set"]["tag"], "green-2");
    assert_eq!((&service["sides"][1]["production"], &service["sides"][1]["test"]), (&0.0.into(), &100.0.into()));
    assert_eq!(service["last"]["end"], "succeeded");
    assert_eq!(service["routes"][1]["percent"]["platform/target-group/green"], 100.0);
}

#[test]
fn a_tenth_is_on_green() {
    let scene = Scene::new([90, 10], [0, 100])
        .targets("tg-green", &[("healthy", None)])
        .set("PRIMARY", "tg-blue", 1, 1)
        .set("ACTIVE", "tg-green", 2, 1)
        .running(Status::InProgress, CANARY, 6, "tg-green", 10.0);
    assert_snapshot!(scene.shown(), @"
    traffic
      production  -> blue 90 % (1 healthy), green 10 % (1 healthy)
      test        -> green (1 healthy)

    services
      web  CodeDeploy  1 of 1 running  revision 1, blue
        blue   PRIMARY  revision 1, blue                           1 of 1 running  1 healthy  production 90 %
        green  ACTIVE   revision 2, green-2 (sha256:222222222222)  1 of 1 running  1 healthy  production 10 %, test 100 %
        d-2: 10 % of production traffic is on green (AllowTraffic, 40 s); all of it in 4 min 20 s; until then
          `rollback` takes it back

    Times are by the local cloud's clock, which runs 60 times as fast as this machine's.
    ");
}

#[test]
fn blue_waits_to_be_terminated() {
    // The other way round: the second deployment of a life.
    let scene = Scene::new([100, 0], [100, 0])
        .targets("tg-green", &[("healthy", None)])
        .set("ACTIVE", "tg-green", 2, 1)
        .set("PRIMARY", "tg-blue", 3, 1)
        .running(Status::InProgress, AT_ONCE, 8, "tg-blue", 100.0);
    assert_snapshot!(scene.shown(), @"
    traffic
      production  -> blue (1 healthy)
      test        -> blue (1 healthy)

    services
      web  CodeDeploy  1 of 1 running  revision 3, green-3 (sha256:333333333333)
        blue   PRIMARY  revision 3, green-3 (sha256:333333333333)  1 of 1 running  1 healthy  production 100 %, test 100 %
        green  ACTIVE   revision 2, green-2 (sha256:222222222222)  1 of 1 running  1 healthy
        d-2: all production traffic is on green (target group blue) (20 s); blue is terminated in 4 min 40 s;
          until then `rollback` goes back at once

    Times are by the local cloud's clock, which runs 60 times as fast as this machine's.
    ");
}

#[test]
fn it_was_rolled_back() {
    let back = Deployment { rolls_back: Some("d-2".into()), ..deployment("d-3", Status::Succeeded) };
    let gone = Deployment {
        rollback: Some("d-3".into()),
        ..failed("d-2", Status::Failed, "HOOK_EXECUTION_FAILURE", "the hook said no")
    };
    let scene = Scene::new([100, 0], [100, 0])
        .set("PRIMARY", "tg-blue", 1, 1)
        .deployment(back.clone())
        .deployment(gone.clone());
    assert_snapshot!(scene.shown(), @"
    traffic
      production  -> blue (1 healthy)
      test        -> blue (1 healthy)

    services
      web  CodeDeploy  1 of 1 running  revision 1, blue
        blue   PRIMARY   revision 1, blue  1 of 1 running  1 healthy  production 100 %, test 100 %
        green  no tasks
        last: d-2 failed and was rolled back by d-3 30 s ago: HOOK_EXECUTION_FAILURE, the hook said no

    Times are by the local cloud's clock, which runs 60 times as fast as this machine's.
    ");
    // Not yet, and not at all.
    let on_its_way = Deployment { status: Status::InProgress, ..back.clone() };
    let scene =
        Scene::new([0, 100], [0, 100]).set("PRIMARY", "tg-green", 2, 1).deployment(on_its_way).deployment(gone.clone());
    assert_snapshot!(last_line(&scene), @"    last: d-2 failed and is being rolled back by d-3: HOOK_EXECUTION_FAILURE, the hook said no");
    let lost = Deployment { status: Status::Failed, ..back };
    let scene = Scene::new([0, 100], [0, 100])
        .set("PRIMARY", "tg-blue", 1, 1)
        .set("ACTIVE", "tg-green", 2, 1)
        .deployment(lost)
        .deployment(gone);
    assert_snapshot!(last_line(&scene), @"
    last: d-2 failed, and its rollback d-3 failed too 30 s ago: HOOK_EXECUTION_FAILURE, the hook said no
      `deploy services/web --task-definition 1 --force` makes all of it revision 1, which is live
      `deploy services/web --task-definition 2` deploys revision 2 anew
    ");
}

fn last_line(scene: &Scene) -> String {
    let text = scene.shown();
    text.lines()
        .skip_while(|line| !line.trim().starts_with("last:"))
        .take_while(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn it_was_stopped_and_not_rolled_back() {
    let stopped = failed("d-2", Status::Stopped, "MANUAL_STOP", "stopped by hand");
    let scene = Scene::new([90, 10], [0, 100])
        .targets("tg-green", &[("healthy", None)])
        .set("PRIMARY", "tg-blue", 1, 1)
        .set("ACTIVE", "tg-green", 2, 1)
        .deployment(stopped.clone());
    assert_snapshot!(scene.shown(), @"
    traffic
      production  -> blue 90 % (1 healthy), green 10 % (1 healthy)
      test        -> green (1 healthy)

    services
      web  CodeDeploy  1 of 1 running  revision 1, blue
        blue   PRIMARY  revision 1, blue                           1 of 1 running  1 healthy  production 90 %
        green  ACTIVE   revision 2, green-2 (sha256:222222222222)  1 of 1 running  1 healthy  production 10 %, test 100 %
        last: d-2 was stopped 30 s ago without a rollback; what it changed is still so: MANUAL_STOP, stopped by
          hand
          `deploy services/web --task-definition 1 --force` makes all of it revision 1, which is live
          `deploy services/web --task-definition 2` deploys revision 2 anew

    Times are by the local cloud's clock, which runs 60 times as fast as this machine's.
    ");
    // Before it had done anything.
    let scene = Scene::new([100, 0], [100, 0]).set("PRIMARY", "tg-blue", 1, 1).deployment(stopped);
    assert_snapshot!(last_line(&scene), @"    last: d-2 was stopped 30 s ago and left nothing behind: MANUAL_STOP, stopped by hand");
}

#[test]
fn green_is_broken() {
    let scene = Scene::new([100, 0], [100, 0])
        .targets("tg-green", &[("unhealthy", Some("Target.ResponseCodeMismatch")), ("draining", None)])
        .set("PRIMARY", "tg-blue", 1, 1)
        .set("ACTIVE", "tg-green", 2, 0)
        .running(Status::InProgress, AT_ONCE, 1, "tg-green", 0.0)
        .stopped(3, "Essential container in task exited", "web: exit code 1")
        .event(95, "(service web) (task 4f2c) failed container health checks.");
    assert_snapshot!(scene.shown(), @"
    traffic
      production  -> blue (1 healthy)
      test        -> blue (1 healthy)

    services
      web  CodeDeploy  1 of 1 running  revision 1, blue
        blue   PRIMARY  revision 1, blue                           1 of 1 running              1 healthy                                              production 100 %, test 100 %
        green  ACTIVE   revision 2, green-2 (sha256:222222222222)  0 of 1 running, 1 starting  1 draining, 1 unhealthy (Target.ResponseCodeMismatch)
        d-2: green starts, 0 of 1 tasks up (Install, 1 min 30 s); then test traffic goes there
        stopped: 3 x Essential container in task exited (web: exit code 1)

    last events
      5 s ago  web  (task 4f2c) failed container health checks.

    Times are by the local cloud's clock, which runs 60 times as fast as this machine's.
    ");
}

#[test]
fn a_rule_that_goes_elsewhere() {
    let mut scene = Scene::new([100, 0], [100, 0]).set("PRIMARY", "tg-blue", 1, 1);
    let mut fields = weighted(&[("tg-green", 1)]);
    fields.extend([("listener_arn", to(KindName::Listener, "l-production")), ("priority", Value::Int(10))]);
    let rule = live(KindName::ListenerRule, "platform/rule/api", "r-10", &fields);
    // Whoever made it.
    let owner = Ownership::Added { inside: "platform/listener/production".parse().unwrap() };
    scene.resources.insert(2, Observed { owner, ..rule });
    assert_snapshot!(scene.shown(), @"
    traffic
      production  -> blue (1 healthy)
        rule 10   -> green (0 healthy)
      test        -> blue (1 healthy)

    services
      web  CodeDeploy  1 of 1 running  revision 1, blue
        blue   PRIMARY   revision 1, blue  1 of 1 running  1 healthy  test 100 %
        green  no tasks
        production  by default  -> blue 100 %
        production  rule 10     -> green 100 %
        test        by default  -> blue 100 %
    ");
}

/// A rolling service of two tasks with these deployments.
fn rolling(rollouts: Vec<Rollout>, running: u32, events: &[&str]) -> String {
    let api = live(
        KindName::EcsService,
        "services/api",
        "svc-api",
        &[("desired_count", Value::Int(2)), ("deployment_controller.type", Value::str("ECS"))],
    );
    let pending = rollouts.iter().map(|it| it.pending).sum();
    let task_definition = Some(rollouts[0].task_definition.clone());
    let events =
        events.iter().map(|text| ServiceEvent { id: String::new(), at: Some(at(80)), message: (*text).into() });
    let events = events.collect();
    let service = Service { desired: 2, running, pending, rollouts, task_definition, events, ..Service::default() };
    let service = ServiceFacts { service, container: Some("web".into()), ..ServiceFacts::default() };
    let facts = Facts {
        now: at(100),
        services: BTreeMap::from([("svc-api".into(), service)]),
        revisions: revisions("api").collect(),
        ..Facts::default()
    };
    let observation = Observation { account: "1".into(), region: "r".into(), resources: vec![api] };
    let text = text(&observation, &facts);
    let from = text.find("\nservices\n").unwrap();
    text[from + 1..text.find("\nresources\n").unwrap_or(text.len())].to_owned()
}

fn rollout(status: &str, state: RolloutState, revision: u32, running: u32, failed: u32) -> Rollout {
    Rollout {
        id: format!("ecs-svc/{revision}"),
        status: status.into(),
        state,
        reason: None,
        task_definition: arn("api", revision),
        desired: 2,
        running,
        pending: if state == RolloutState::InProgress { 2 - running } else { 0 },
        failed,
        created_at: Some(at(60)),
    }
}

#[test]
fn a_rolling_service() {
    use RolloutState::{Completed, Failed, InProgress};
    assert_snapshot!(rolling(vec![rollout("PRIMARY", Completed, 1, 2, 0)], 2, &[]), @"
    services
      api  rolling  2 of 2 running  revision 1, blue
    ");
    let under_way = vec![
        Rollout {
            reason: Some("ECS deployment ecs-svc/2 in progress.".into()),
            ..rollout("PRIMARY", InProgress, 2, 1, 0)
        },
        rollout("ACTIVE", Completed, 1, 2, 0),
    ];
    assert_snapshot!(rolling(under_way, 3, &["(service api) has started 1 tasks: (task 4f2c)."]), @"
    services
      api  rolling  3 of 2 running, 1 starting  revision 2, green-2 (sha256:222222222222)
        PRIMARY  revision 2, green-2 (sha256:222222222222)  1 of 2 running, 1 starting  in progress for 40 s
        ACTIVE   revision 1, blue                           2 of 2 running              complete
        ECS deployment ecs-svc/2 in progress.

    last events
      20 s ago  api  has started 1 tasks: (task 4f2c).

    Times are by the local cloud's clock, which runs 60 times as fast as this machine's.
    ");
    let breaker = "ECS deployment circuit breaker: tasks failed to start.";
    let given_up = vec![
        rollout("PRIMARY", Completed, 1, 2, 0),
        Rollout { reason: Some(breaker.into()), ..rollout("ACTIVE", Failed, 2, 0, 3) },
    ];
    let said = "(service api) (deployment ecs-svc/2) deployment failed: tasks failed to start.";
    assert_snapshot!(rolling(given_up, 2, &[said]), @"
    services
      api  rolling  2 of 2 running  revision 1, blue
        PRIMARY  revision 1, blue                           2 of 2 running  complete
        ACTIVE   revision 2, green-2 (sha256:222222222222)  0 of 2 running  failed    3 failed
        ECS deployment circuit breaker: tasks failed to start.

    last events
      20 s ago  api  (deployment ecs-svc/2) deployment failed: tasks failed to start.

    Times are by the local cloud's clock, which runs 60 times as fast as this machine's.
    ");
}

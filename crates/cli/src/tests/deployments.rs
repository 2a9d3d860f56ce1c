//! Deployments as people read about them.

use std::collections::BTreeMap;
use std::time::Duration;

use aomidori_deploy::cloud::{DeploymentError, LifeCycle, LifeCycleStatus, ServiceEvent, Side, Task, WeighedTaskSet};
use aomidori_deploy::decision::Until;
use aomidori_deploy::event::{Event, Record};
use aomidori_deploy::generations::{Ended, Generation, Obstacle};
use aomidori_deploy::register::Change;
use aomidori_deploy::stall::Evidence;
use aomidori_deploy::{Cause, Moment, Outcome, Stage, Timings};
use insta::assert_snapshot;

use crate::Exit;
use crate::error::{Error, Failure};
use crate::view::Paint;
use crate::view::deployment::progress::line;
use crate::view::deployment::{DeployPlan, TasksResult, Urls, ended, generations, plan, tasks};

const PLAIN: Paint = Paint::new(false);
const FAMILY: &str = "arn:aws:ecs:eu-central-1:123456789012:task-definition/web";

fn at(seconds: i64) -> Moment {
    Moment(1_790_000_000_000 + seconds * 1000)
}

fn timings() -> Timings {
    let seconds = Duration::from_secs;
    Timings {
        start: seconds(45),
        health: seconds(120),
        grace: seconds(0),
        ready: Some(seconds(300)),
        shift: seconds(300),
        bake: seconds(600),
    }
}

fn what() -> DeployPlan {
    let registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop/web";
    DeployPlan {
        service: "web".into(),
        config: Some("CodeDeployDefault.ECSCanary10Percent5Minutes".into()),
        from: Some(format!("{FAMILY}:6")),
        to: format!("{FAMILY}:7"),
        compared_with: Some("web:6".into()),
        changes: vec![
            Change { field: "cpu".into(), before: Some("256".into()), after: Some("512".into()) },
            Change {
                field: "web.image".into(),
                before: Some(format!("{registry}:blue")),
                after: Some(format!("{registry}@sha256:{}", "a1".repeat(32))),
            },
        ],
        tags: BTreeMap::from([("web".into(), "green".into())]),
        timings: timings(),
        until: Until::Ready,
        acts: false,
    }
}

#[test]
fn what_a_deployment_would_do() {
    assert_snapshot!(plan(&what(), 1.0, None, PLAIN), @r#"
    web (CodeDeploy, CodeDeployDefault.ECSCanary10Percent5Minutes)
      web:6 -> web:7
      new revision compared with web:6:
        ~  cpu        "256" -> "512"
        ~  web.image  "shop/web:blue" -> "shop/web@sha256:a1a1a1a1a1a1…" (green)
      green is up     after about 2 min 45 s
      then it waits   for `reroute` or `rollback`; CodeDeploy stops it after 5 min
      traffic shifts  within 5 min
      blue stays      for 10 min
      given up        if green is not up after 1 h 5 min
      followed        until green shows on the test listener
    "#);
}

#[test]
fn what_a_rolling_deployment_would_do_on_a_fast_cloud() {
    let what = DeployPlan { config: None, changes: Vec::new(), until: Until::Terminated, ..what() };
    assert_snapshot!(plan(&what, 60.0, None, PLAIN), @"
    web (rolling)
      web:6 -> web:7
      a round takes  about 2 min 45 s (2.8 s here)
      given up       after 30 min (30 s here)
      followed       to its end
    ");
}

#[test]
fn how_it_goes_on() {
    let id = "d-1";
    let stage = |stage: Stage, usually: u64| Event::Stage {
        id: id.into(),
        stage,
        usually_ms: usually * 1000,
        until: Some(at(3900)),
    };
    let set = |side, weight| WeighedTaskSet {
        id: "ecs-svc/1".into(),
        status: "ACTIVE".into(),
        side: Some(side),
        weight,
        target_group: None,
        desired: 1,
        pending: 0,
        running: 1,
    };
    let events = [
        Event::Called { operation: "codedeploy:CreateDeployment".into(), id: Some(id.into()) },
        stage(Stage::Created, 5),
        stage(Stage::Installing { running: 0, desired: 1 }, 165),
        Event::LifeCycle {
            id: id.into(),
            event: LifeCycle {
                name: "Install".into(),
                status: LifeCycleStatus::InProgress,
                start: Some(at(0)),
                end: None,
                diagnostics: None,
            },
        },
        Event::Service {
            event: ServiceEvent {
                id: "1".into(),
                at: None,
                message: "(service web) registered 1 targets in (target-group \
                          arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/shop-green/f4)"
                    .into(),
            },
        },
        Event::TaskStopped {
            task: Box::new(Task {
                id: "4f2c9e0aa1b34c5d8e7f".into(),
                stopped_reason: Some("Essential container in task exited".into()),
                containers: vec!["web: exit code 1".into()],
                ..Task::default()
            }),
        },
        Event::Heartbeat {
            id: Some(id.into()),
            stage: Some(Stage::Installing { running: 1, desired: 2 }),
            left_ms: 42_000,
        },
        stage(Stage::Ready { until: None }, 300),
        Event::Probed { url: "http://lb:8080/".into(), got: "503".into(), right: false },
        stage(Stage::Shifting { percent: 0.0 }, 310),
        Event::TaskSets { id: id.into(), sets: vec![set(Side::Blue, 90.0), set(Side::Green, 10.0)] },
        stage(Stage::Shifted { until: None }, 600),
        Event::RollingBack { id: id.into(), by: Some("d-2".into()) },
    ];
    let told = |verbose: u8| -> String {
        let line = |event: &Event| {
            let record = Record { version: 1, at_ms: 0, event: event.clone() };
            line(&record, verbose, at(0), 1.0, PLAIN).map(|line| line + "\n")
        };
        events.iter().filter_map(line).collect()
    };
    assert_snapshot!(told(0), @"
    + d-1 created
    d-1 waits for CodeDeploy to start it, usually 5 s
    d-1 new tasks start, usually 2 min 45 s
      (service web) registered 1 targets in (target-group shop-green)
    ! task 4f2c9e0a stopped: Essential container in task exited (web: exit code 1)
    … 1 of 2 new tasks run, about 45 s left
    d-1 green is up; production waits on blue for the word to re-route
      probe http://lb:8080/: 503 (not yet)
    d-1 production traffic shifts to green, usually 6 min
      production: blue 90 %, green 10 %
    d-1 all production traffic is on green; blue waits to be terminated
    back: d-1 is being rolled back, by d-2
    ");
    assert_snapshot!(told(1), @"
    + d-1 created
    d-1 waits for CodeDeploy to start it, usually 5 s, given up in 1 h 5 min
    d-1 new tasks start, usually 2 min 45 s, given up in 1 h 5 min
      Install: in progress
      (service web) registered 1 targets in (target-group shop-green)
    ! task 4f2c9e0a stopped: Essential container in task exited (web: exit code 1)
    … 1 of 2 new tasks run, about 45 s left
    d-1 green is up; production waits on blue for the word to re-route, given up in 1 h 5 min
      probe http://lb:8080/: 503 (not yet)
    d-1 production traffic shifts to green, usually 6 min, given up in 1 h 5 min
      production: blue 90 %, green 10 %
    d-1 all production traffic is on green; blue waits to be terminated, given up in 1 h 5 min
    back: d-1 is being rolled back, by d-2
    ");
}

#[test]
fn how_it_ends_well() {
    let urls = Urls { production: Some("http://lb/".into()), test: Some("http://lb:8080/".into()) };
    let text = |outcome: Outcome| ended("web", &outcome, true, at(0), 1.0, &urls, PLAIN);
    assert_snapshot!(text(Outcome::Ready { id: "d-1".into(), until: Some(at(290)) }), @"

    Test traffic is on green, production still on blue (d-1).
      production  http://lb/
      test        http://lb:8080/
    Look at it, then `reroute` shifts production to green, or `rollback` stops it. CodeDeploy stops it by itself in 4 min 50 s.
    ");
    assert_snapshot!(text(Outcome::Rerouted { id: "d-1".into(), until: Some(at(600)) }), @"

    All production traffic is on green (d-1).
      production  http://lb/
      test        http://lb:8080/
    Blue is terminated in 10 min; until then `rollback` goes back at once.
    ");
    assert_snapshot!(text(Outcome::Succeeded { id: "d-1".into() }), @"

    Done: d-1 has succeeded, and what was live before is terminated.
      production  http://lb/
      test        http://lb:8080/
    `generations` lists what one can go back to.
    ");
}

#[test]
fn how_it_ends_badly() {
    let stall = Cause::Stall(Evidence {
        stopped: vec![("Essential container in task exited (web: exit code 1)".into(), 3)],
        targets: vec![("unhealthy (Target.ResponseCodeMismatch)".into(), 1)],
    });
    let code_deploy = Cause::CodeDeploy {
        error: Some(DeploymentError { code: "ALARM_ACTIVE".into(), message: "One or more alarms are active".into() }),
        diagnostics: vec!["AfterAllowTestTraffic: no".into()],
    };
    let id = || "d-1".to_owned();
    let all = [
        (Outcome::RolledBack { id: id(), by: Some("d-2".into()), cause: stall }, Exit::RolledBack),
        (Outcome::RolledBack { id: id(), by: None, cause: Cause::Asked }, Exit::RolledBack),
        (
            Outcome::RollbackFailed {
                id: id(),
                by: "d-2".into(),
                cause: Cause::NobodyRerouted,
                why: Cause::Ecs { reason: "no room".into() },
            },
            Exit::Error,
        ),
        (Outcome::Failed { id: id(), stopped: true, percent: Some(10.0), cause: code_deploy }, Exit::Error),
        (Outcome::Left { id: id(), stage: Stage::TestTraffic, cause: Cause::Asked }, Exit::Interrupted),
        (
            Outcome::Left {
                id: id(),
                stage: Stage::Created,
                cause: Cause::TimedOut { stage: "created".into(), after_s: 700 },
            },
            Exit::Error,
        ),
        (Outcome::Busy { running: Some("d-0".into()), description: "theirs".into() }, Exit::Refused),
        (Outcome::NotStarted, Exit::Interrupted),
    ];
    let mut text = String::new();
    for (outcome, exit) in all {
        let error = Error::from(Failure::Ended { outcome: Box::new(outcome) });
        assert_eq!(error.exit(), exit, "{error}");
        text.push_str(&crate::view::error::human(&error, PLAIN));
    }
    assert_snapshot!(text, @"
    error: the deployment d-1 was rolled back (by d-2)
      why: its tasks keep stopping for the same reason
      why: tasks stopped: 3 × Essential container in task exited (web: exit code 1)
      why: targets: 1 × unhealthy (Target.ResponseCodeMismatch)
     help: production is on what was live before; correct the image and `deploy` again
    error: the deployment d-1 was rolled back
      why: it was asked for
     help: production is on what was live before; correct the image and `deploy` again
    error: the deployment d-1 did not last, and neither did its rollback d-2
      why: nobody re-routed it in time
      why: the rollback: no room
     help: look at `status`; `deploy` with an image that works puts both sides in order
    error: the deployment d-1 was stopped, and nothing takes it back; 10 % of production is on green
      why: ALARM_ACTIVE: One or more alarms are active
      why: AfterAllowTestTraffic: no
     help: nothing takes it back by itself: `rollback` deploys the last good generation, `deploy` another image
    error: the deployment d-1 goes on by itself (test traffic)
      why: it was asked for
     help: `attach` follows it, `rollback` stops it and goes back
    error: the deployment d-1 goes on by itself (created)
      why: it was created for 11 min 40 s, longer than it can take
     help: `attach` follows it, `rollback` stops it and goes back
    error: the deployment d-0 is still running
      why: it is described as `theirs`
      why: CodeDeploy runs one at a time
     help: `attach` follows it, `rollback` stops it
    error: interrupted before anything was started
     help: nothing was started; run the command again
    ");
}

fn generation(number: u32, end: Ended, obstacle: Option<Obstacle>) -> Generation {
    let registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop/web";
    Generation {
        number,
        task_definition: format!("{FAMILY}:{number}"),
        revision: number,
        tag: Some(if number > 1 { format!("v{number}") } else { "blue".into() }),
        image: Some(match number {
            1 => format!("{registry}:blue"),
            _ => format!("{registry}@sha256:{}", format!("{number}f").repeat(32)),
        }),
        by_tag: None,
        deployment: (number > 1).then(|| format!("d-{number}")),
        description: String::new(),
        at: Some(at(i64::from(number) * 3600)),
        who: Some("arn:aws:sts::123456789012:assumed-role/deployer/mia".into()),
        end,
        obstacle,
    }
}

#[test]
fn every_generation() {
    let all = [
        generation(1, Ended::Replaced, None),
        generation(2, Ended::Replaced, Some(Obstacle::ImageGone("it".into()))),
        generation(3, Ended::RolledBack, None),
        generation(4, Ended::Live, None),
    ];
    assert_snapshot!(generations("web", &all, at(5 * 3600), PLAIN), @"
    web
         state        revision  image tag  digest        since                 by            deployment
      1  replaced     web:1     blue       -             2026-09-21 15:13:20Z  deployer/mia  created with the service
      2  replaced     web:2     v2         2f2f2f2f2f2f  2026-09-21 16:13:20Z  deployer/mia  d-2                       its image is gone
      3  rolled back  web:3     v3         3f3f3f3f3f3f  2026-09-21 17:13:20Z  deployer/mia  d-3
      4  live         web:4     v4         4f4f4f4f4f4f  2026-09-21 18:13:20Z  deployer/mia  d-4
    `rollback` goes back to generation 1 (4 h 0 min ago), `rollback --to N` to any other.
    ");
    assert_snapshot!(generations("web", &[], at(0), PLAIN), @"web has no generation yet.");
}

#[test]
fn tasks_and_why_they_stopped() {
    let running = Task {
        id: "aa".into(),
        task_definition: format!("{FAMILY}:7"),
        started_by: "ecs-svc/1".into(),
        status: "RUNNING".into(),
        health: "HEALTHY".into(),
        address: Some("10.0.0.7".into()),
        zone: Some("eu-central-1a".into()),
        created_at: Some(at(0)),
        ..Task::default()
    };
    let stopped = Task {
        id: "bb".into(),
        status: "STOPPED".into(),
        address: None,
        stopped_at: Some(at(30)),
        stopped_reason: Some("Essential container in task exited".into()),
        containers: vec!["web: exit code 1".into()],
        ..running.clone()
    };
    let result = TasksResult::new("web".into(), vec![stopped, running], &[], &[]);
    assert_snapshot!(tasks(&result, false, at(90), PLAIN), @"
    web
      task  status   health   target  set  revision  address   zone           started
      aa    RUNNING  HEALTHY  -       -    web:7     10.0.0.7  eu-central-1a  1 min 30 s ago
      bb    STOPPED  HEALTHY  -       -    web:7     -         eu-central-1a  1 min 30 s ago

    why they stopped
      bb  1 min ago  Essential container in task exited (web: exit code 1)
    ");
}

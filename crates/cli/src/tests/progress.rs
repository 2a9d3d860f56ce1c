//! Progress: lines, and the board.

use aomidori_engine::event::{Counts, Doing, Event, Interruption, Record, Running, Slots, StepInfo, VERSION};
use aomidori_engine::{CloudError, ErrorKind};
use aomidori_model::KindName;
use aomidori_plan::{Action, StepId};
use insta::assert_snapshot;

use crate::view::Paint;
use crate::view::progress::{Board, line};

fn info(id: u32, address: &str, kind: KindName, action: Action) -> StepInfo {
    StepInfo { id: StepId(id), address: address.parse().unwrap(), kind, action }
}

/// A short run, as events.
fn events() -> Vec<Record> {
    let alb = info(0, "platform/alb", KindName::LoadBalancer, Action::Create);
    let vpc = info(1, "network/vpc", KindName::Vpc, Action::Create);
    let subnet = info(2, "network/subnet/a", KindName::Subnet, Action::Delete);
    let in_use = CloudError {
        kind: ErrorKind::InUse,
        operation: "ec2:DeleteSubnet".into(),
        code: Some("DependencyViolation".into()),
        message: "has dependencies".into(),
    };
    let events = vec![
        (0, Event::StepStarted { step: vpc.clone() }),
        (900, Event::StepFinished { step: vpc, id: Some("vpc-1".into()), took_ms: 900 }),
        (1000, Event::StepStarted { step: alb.clone() }),
        (
            1200,
            Event::StepCalled {
                step: alb.clone(),
                id: "arn:aws:elasticloadbalancing:eu-central-1:1:loadbalancer/app/shop/50dc".into(),
                took_ms: 200,
            },
        ),
        (1200, Event::StepWaiting { step: alb.clone(), waits_for: "provisioning".into(), usually_ms: 150_000 }),
        (1500, Event::StepStarted { step: subnet.clone() }),
        (
            1600,
            Event::StepRetrying {
                step: subnet.clone(),
                error: in_use.clone(),
                tries: 1,
                since_ms: 100,
                next_ms: 1000,
                holders: vec![],
            },
        ),
        (
            25_000,
            Event::StepRetrying {
                step: subnet.clone(),
                error: in_use.clone(),
                tries: 9,
                since_ms: 23_500,
                next_ms: 10_000,
                holders: vec!["eni-1".into()],
            },
        ),
        (
            26_000,
            Event::Heartbeat {
                slots: Slots { used: 1, limit: 10, queued: 0 },
                running: vec![
                    Running {
                        step: alb.clone(),
                        doing: Doing::Waiting("provisioning".into()),
                        since_ms: 25_000,
                        usually_ms: 150_000,
                    },
                    Running {
                        step: subnet.clone(),
                        doing: Doing::Retrying(ErrorKind::InUse),
                        since_ms: 24_500,
                        usually_ms: 1_000,
                    },
                ],
                left: 12,
                eta_ms: 125_000,
            },
        ),
        (30_000, Event::Interrupted { why: Interruption::Asked, in_flight: 1, left: 11 }),
        (31_000, Event::StepFailed { step: subnet, error: in_use, holders: vec!["eni-1".into()], took_ms: 29_500 }),
        (32_000, Event::RunFinished { counts: Counts { done: 1, failed: 1, skipped: 0, remaining: 10 }, took_ms: 1 }),
    ];
    events.into_iter().map(|(at_ms, event)| Record { version: VERSION, at_ms, event }).collect()
}

fn lines(verbose: u8) -> String {
    let lines: Vec<String> = events().iter().filter_map(|event| line(event, verbose, Paint::new(false))).collect();
    lines.join("\n")
}

#[test]
fn appended_lines() {
    assert_snapshot!(lines(0), @"
    + network/vpc created in 0.9 s  vpc-1
    platform/alb: provisioning, usually 2 min 30 s
    retry network/subnet/a: ec2:DeleteSubnet still in use (DependencyViolation), try 10 in 23 s, again in 10 s; held by eni-1
    … 12 steps left, about 2 min 15 s: platform/alb provisioning, 25 s of about 2 min 30 s; network/subnet/a still in use, trying again, 24 s
    interrupted: finishing 1 call; 11 steps will not be started (interrupt again to stop at once)
    ! network/subnet/a failed after 29 s: ec2:DeleteSubnet still in use (DependencyViolation)
        held by eni-1
    ");
    assert_snapshot!(lines(1), @"
    network/vpc: creating
    + network/vpc created in 0.9 s  vpc-1
    platform/alb: creating
    platform/alb: made arn:aws:elasticloadbalancing:eu-central-1:1:loadbalancer/app/shop/50dc (0.2 s)
    platform/alb: provisioning, usually 2 min 30 s
    network/subnet/a: deleting
    retry network/subnet/a: ec2:DeleteSubnet still in use (DependencyViolation), try 2 in 0.1 s, again in 1.0 s
    retry network/subnet/a: ec2:DeleteSubnet still in use (DependencyViolation), try 10 in 23 s, again in 10 s; held by eni-1
    … 12 steps left, about 2 min 15 s: platform/alb provisioning, 25 s of about 2 min 30 s; network/subnet/a still in use, trying again, 24 s
    interrupted: finishing 1 call; 11 steps will not be started (interrupt again to stop at once)
    ! network/subnet/a failed after 29 s: ec2:DeleteSubnet still in use (DependencyViolation)
        held by eni-1
    ");
}

#[test]
fn the_board() {
    let mut board = Board::default();
    let summary = aomidori_plan::Summary { add: 13, change: 0, destroy: 1 };
    let started = Event::RunStarted {
        run: "r".into(),
        account: "1".into(),
        region: "eu-central-1".into(),
        stack: "shop-dev".parse().unwrap(),
        mode: aomidori_plan::Mode::Converge,
        summary,
        steps: 14,
        parallelism: 10,
        estimate_ms: 170_000,
        critical_path: vec![],
    };
    board.see(&Record { version: VERSION, at_ms: 0, event: started });
    let mut drawn = Vec::new();
    for event in events() {
        board.see(&event);
        if [1_500, 26_000, 30_000, 32_000].contains(&event.at_ms) {
            drawn.push(board.draw(event.at_ms + 500, 72, 10, Paint::new(false)));
        }
    }
    assert_snapshot!(drawn.join("\n---\n"), @"
      platform/alb provisioning, 1 s of about 2 min 30 s
      network/subnet/a deleting, 0 s
    [=                       ] 1 of 14, about 3 min left
    ---
      platform/alb provisioning, 25 s of about 2 min 30 s
      network/subnet/a still in use, trying again, 25 s
    [=                       ] 1 of 14, about 2 min 15 s left
    ---
      platform/alb provisioning, 29 s of about 2 min 30 s
      network/subnet/a still in use, trying again, 29 s
    [=                       ] 1 of 14, stopping
    ---
    ");
    let mut narrow = Board::default();
    for event in &events()[..6] {
        narrow.see(event);
    }
    assert!(narrow.draw(2_000, 30, 10, Paint::new(false)).lines().all(|line| line.chars().count() <= 30));
}

//! AWS's limits: what is throttled waits for its turn, and what has no id yet waits without a slot.

use std::collections::BTreeSet;
use std::time::Duration;

use aomidori_model::kinds::vpc_endpoint::EndpointType;
use aomidori_model::kinds::{InternetGateway, PrivateDnsNamespace, Subnet, Vpc, VpcEndpoint};
use aomidori_model::{KindName, Ref, Stack};
use tokio::time::Instant;

use super::applying::applied;
use super::{bring_down, converges, exactly, options, yes};
use crate::cloud::{Cloud, ErrorKind};
use crate::event::{Event, Record};
use crate::fake::FakeCloud;
use crate::options::ApplyOptions;
use crate::{End, Events, up};

/// So many networks with so many endpoints each: AWS takes 4 of them and then one in more than three seconds.
fn networks(networks: usize, endpoints: usize) -> Stack {
    let mut stack = Stack::new("limits".parse().unwrap());
    for n in 0..networks {
        let cidr = format!("10.{n}.0.0/16").parse().unwrap();
        let vpc = stack.add(&format!("n{n}/vpc"), Vpc { cidr, dns_support: None, dns_hostnames: None });
        stack.add(&format!("n{n}/internet-gateway"), InternetGateway { vpc: vpc.clone() });
        for m in 0..endpoints {
            let endpoint = EndpointType::Interface {
                subnets: BTreeSet::new(),
                security_groups: BTreeSet::new(),
                private_dns: false,
            };
            let service_name = format!("com.amazonaws.fake-1.s{m}");
            let endpoint = VpcEndpoint { vpc: vpc.clone(), service_name, endpoint, policy: None };
            stack.add(&format!("n{n}/endpoint/{m:02}"), endpoint);
        }
    }
    stack
}

fn throttled(records: &[Record], kind: KindName) -> usize {
    let of = |record: &&Record| matches!(&record.event, Event::StepRetrying { step, error, .. } if step.kind == kind && error.kind == ErrorKind::Throttled);
    records.iter().filter(of).count()
}

#[tokio::test(start_paused = true)]
async fn what_is_throttled_waits_for_its_turn() {
    // 240 endpoints take 13 minutes: longer than anything may be throttled by itself.
    let stack = networks(8, 30);
    let cloud = FakeCloud::new();
    cloud.limit_calls();
    let began = Instant::now();
    let (plan, outcome, records) = applied(&cloud, &stack, &ApplyOptions::new("run")).await;
    assert!(outcome.is_done(), "{:?}", outcome.failed);
    let (stated, _) = aomidori_plan::critical_path(&plan);
    let took = began.elapsed().as_secs_f64();
    assert!(stated > 700 && took < 1.2 * stated as f64, "{took} s of {stated} s");
    // Those in flight when the first one was throttled, and few more.
    assert!(throttled(&records, KindName::VpcEndpoint) <= 20, "{}", throttled(&records, KindName::VpcEndpoint));
    exactly(&cloud, &stack);
    // What is shown while it waits is how long it takes, not how long one of them does.
    let etas: Vec<u64> = records
        .iter()
        .filter_map(|record| match record.event {
            Event::Heartbeat { eta_ms, .. } => Some(record.at_ms + eta_ms),
            _ => None,
        })
        .skip(3)
        .collect();
    let (least, most) = (etas.iter().min().unwrap(), etas.iter().max().unwrap());
    assert!(most - least < 150_000, "{least} to {most}");

    let report = bring_down(&cloud, &stack, "down").await.unwrap();
    assert!(matches!(report.end, End::Done), "{:?}", report.end);
    assert!(cloud.things().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_turn_holds_no_slot() {
    let mut stack = networks(1, 12);
    let vpc = Ref::to("n0/vpc".parse().unwrap());
    stack.add(
        "n0/subnet",
        Subnet { vpc, cidr: "10.0.0.0/24".parse().unwrap(), zone: "fake-1a".into(), map_public_ip_on_launch: None },
    );
    let cloud = FakeCloud::new();
    cloud.limit_calls();
    let (_, outcome, _) = applied(&cloud, &stack, &ApplyOptions { parallelism: 1, ..ApplyOptions::new("run") }).await;
    assert!(outcome.is_done());
    // One slot, and yet everything else is done before the fifth endpoint.
    let made: Vec<String> = cloud
        .calls()
        .into_iter()
        .filter(|call| call.operation == "create" && call.answered)
        .map(|call| call.subject)
        .collect();
    let place = |name: &str| made.iter().position(|made| made == name).unwrap();
    assert!(place("n0/subnet") < made.len() - 6 && place("n0/internet-gateway") < made.len() - 6, "{made:?}");
}

#[tokio::test(start_paused = true)]
async fn who_is_throttled_in_its_turn_waits_longer_and_not_for_ever() {
    let stack = networks(1, 0);
    for (times, done) in [(40, true), (80, false)] {
        let mut cloud = FakeCloud::new();
        for n in 0..times {
            cloud = cloud.fault(1 + n, crate::fake::Fault::Fails(ErrorKind::Throttled));
        }
        let began = Instant::now();
        let (_, outcome, _) = applied(&cloud, &stack, &ApplyOptions::new("run")).await;
        assert_eq!(outcome.is_done(), done, "{:?}", outcome.failed);
        // Not forty times in eight seconds.
        assert!(began.elapsed() > Duration::from_secs(400), "{:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_turn_can_be_interrupted_and_goes_on() {
    let stack = networks(2, 10);
    let cloud = FakeCloud::new();
    cloud.limit_calls();
    let cancel = tokio_util::sync::CancellationToken::new();
    let stop = async {
        tokio::time::sleep(Duration::from_secs(15)).await;
        cancel.cancel();
    };
    let events = Events::none();
    let mut first = options("first");
    first.validate = false;
    let (report, ()) = tokio::join!(up(&cloud, &stack, &first, yes, &events, &cancel), stop);
    assert!(matches!(report.unwrap().end, End::Interrupted));
    converges(&cloud, &stack).await;
}

#[tokio::test(start_paused = true)]
async fn what_has_no_id_yet_holds_no_slot() {
    let mut stack = networks(1, 4);
    let vpc = Ref::to("n0/vpc".parse().unwrap());
    stack.add("n0/namespace", PrivateDnsNamespace { name: "svc.internal".parse().unwrap(), vpc, description: None });
    let cloud = FakeCloud::new();
    cloud.tries_until_id(12);
    let options = ApplyOptions { parallelism: 1, ..ApplyOptions::new("run") };
    let (plan, outcome, records) = applied(&cloud, &stack, &options).await;
    assert!(outcome.is_done(), "{:?}", outcome.failed);
    let last = *outcome.done.last().unwrap();
    assert_eq!(plan.step(last).unwrap().address.as_str(), "n0/namespace");
    // It is a wait, said once, and no failure.
    let waits = records.iter().filter(|record| match &record.event {
        Event::StepWaiting { step, waits_for, .. } => {
            step.kind == KindName::PrivateDnsNamespace && waits_for.contains("hosted zone")
        }
        _ => false,
    });
    assert_eq!(waits.count(), 1);
    assert!(!records.iter().any(|record| matches!(record.event, Event::StepRetrying { .. })));
    exactly(&cloud, &stack);
    assert_eq!(cloud.observe(&stack).await.unwrap().resources.len(), stack.len());
}

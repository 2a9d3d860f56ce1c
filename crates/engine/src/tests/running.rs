//! `up` and `down` as a whole: lease, guards, stale plans, confirmation, audit, conformance.

use std::collections::BTreeMap;
use std::time::Duration;

use aomidori_model::kinds::{LoadBalancer, LogGroup};
use aomidori_model::{Address, Fields, KindName, Stack, Target, Value, ownership};
use aomidori_plan::{Action, Mode};
use tokio_util::sync::CancellationToken;

use super::{bring_down, bring_up, change, changed, exactly, medium, never, options, yes};
use crate::cloud::{Cloud, ErrorKind, LeaseRequest};
use crate::conformance::Suite;
use crate::event::{Event, Phase};
use crate::fake::{ACCOUNT, FakeCloud, Fault, ThingState};
use crate::options::ApplyOptions;
use crate::run::{Difference, Planned, preview, up};
use crate::{End, Events, RunError};

fn logs(name: &str) -> Stack {
    let mut stack = Stack::new("small".parse().unwrap());
    stack.add("platform/logs", LogGroup { name: name.parse().unwrap(), retention_in_days: Some(7) });
    stack
}

fn lease(holder: &str, break_lock: bool) -> LeaseRequest {
    LeaseRequest {
        stack: "small".parse().unwrap(),
        holder: holder.into(),
        host: "host".into(),
        purpose: "up".into(),
        seconds: 60,
        break_lock,
    }
}

#[tokio::test(start_paused = true)]
async fn the_fake_conforms() {
    let cloud = FakeCloud::new();
    let suite = Suite::new(medium(), ApplyOptions::new("suite"))
        .then("many changes", changed(), Some(("network/subnet/inner".parse().unwrap(), Action::Create)))
        .then("back again", medium(), None);
    suite.run(&cloud).await.unwrap();
    assert_eq!(cloud.violations(), Vec::<String>::new());
    assert!(cloud.things().is_empty());
}

#[tokio::test(start_paused = true)]
async fn planning_writes_nothing() {
    let cloud = FakeCloud::new();
    let planned = preview(&cloud, &medium(), Mode::Converge, &options("plan"), &Events::none()).await.unwrap();
    assert_eq!(planned.plan.summary().add, medium().len());
    assert!(cloud.calls().iter().all(|call| call.operation == "observe"), "{:?}", cloud.calls());
}

#[tokio::test(start_paused = true)]
async fn another_account_is_not_written_to() {
    let cloud = FakeCloud::new();
    let mut options = options("run");
    options.account = Some("111111111111".into());
    let refused = up(&cloud, &logs("a"), &options, yes, &Events::none(), &never()).await;
    assert!(matches!(refused, Err(RunError::WrongAccount { found, .. }) if found == ACCOUNT));
    assert!(cloud.calls().is_empty());
    options.account = Some(ACCOUNT.into());
    let report = up(&cloud, &logs("a"), &options, yes, &Events::none(), &never()).await.unwrap();
    assert_eq!(report.end, End::Done);
}

#[tokio::test(start_paused = true)]
async fn all_problems_come_before_the_first_call() {
    let cloud = FakeCloud::new();
    let mut stack = logs("a");
    change::<LogGroup>(&mut stack, "platform/logs", |logs| logs.retention_in_days = Some(8));
    stack.add("not an address", LogGroup { name: "b".parse().unwrap(), retention_in_days: None });
    let refused = bring_up(&cloud, &stack, "run").await;
    assert!(matches!(refused, Err(RunError::Invalid(problems)) if problems.len() == 2));
    assert!(cloud.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_approved_is_not_done() {
    let cloud = FakeCloud::new();
    let no = async |planned: &Planned| {
        assert_eq!(planned.plan.steps.len(), 1);
        false
    };
    let refused = up(&cloud, &logs("a"), &options("run"), no, &Events::none(), &never()).await;
    assert!(matches!(refused, Err(RunError::NotApproved)));
    assert!(cloud.things().is_empty());
    assert_eq!(cloud.lease(&"small".parse().unwrap()).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn an_approved_plan_is_carried_out_or_refused() {
    let cloud = FakeCloud::new();
    let unasked = async |_: &Planned| panic!("it was approved already");
    let planned = preview(&cloud, &logs("a"), Mode::Converge, &options("plan"), &Events::none()).await.unwrap();
    let mut options = options("run");
    options.approved = Some(planned.plan);
    let refused = up(&cloud, &logs("b"), &options, unasked, &Events::none(), &never()).await;
    let Err(RunError::Stale(differences)) = refused else { panic!("{refused:?}") };
    let [Difference::Changed { approved, now }] = differences.as_slice() else { panic!("{differences:?}") };
    assert_ne!(approved.changes, now.changes);
    let report = up(&cloud, &logs("a"), &options, unasked, &Events::none(), &never()).await.unwrap();
    assert_eq!(report.end, End::Done);
    let refused = up(&cloud, &logs("a"), &options, unasked, &Events::none(), &never()).await;
    assert!(matches!(refused, Err(RunError::Stale(gone)) if matches!(gone.as_slice(), [Difference::Gone(_)])));
}

#[tokio::test(start_paused = true)]
async fn something_foreign_with_the_name_is_left_alone() {
    let cloud = FakeCloud::new();
    let mut fields = Fields::default();
    fields.add("name", "a").replaces();
    cloud.add_foreign(KindName::LogGroup, "theirs", fields, BTreeMap::new());
    let refused = bring_up(&cloud, &logs("a"), "run").await;
    assert!(matches!(refused, Err(RunError::Plan(_))), "{refused:?}");
    let report = bring_down(&cloud, &logs("a"), "down").await.unwrap();
    assert_eq!(report.end, End::NothingToDo);
    assert_eq!(cloud.things().len(), 1);
    assert_eq!(cloud.violations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn parts_that_others_added_stay_and_are_shown() {
    let (cloud, stack) = (FakeCloud::new(), medium());
    bring_up(&cloud, &stack, "first").await.unwrap();
    let table = cloud
        .things()
        .into_iter()
        .find(|thing| thing.owner().is_some_and(|(_, address)| address.as_str() == "network/routes/public"));
    let table = table.unwrap().id;
    let add = |thing: &mut crate::fake::Thing| {
        let Value::Map(mut routes) = thing.fields.value("route").clone() else { panic!("{thing:?}") };
        routes.insert("172.16.0.0/12".into(), Value::str("vgw-1"));
        let mut fields = Fields::default();
        for field in &thing.fields {
            let value = if field.name == "route" { Value::Map(routes.clone()) } else { field.value.clone() };
            fields.add(field.name, value).compare(field.compare).replaces = field.replaces;
        }
        thing.fields = fields;
    };
    cloud.tamper(&table, add);
    let report = bring_up(&cloud, &stack, "second").await.unwrap();
    assert_eq!(report.end, End::NothingToDo, "{:#?}", report.planned.plan.steps);
    assert_eq!(report.foreign_drift().count(), 1);
    let report = bring_up(&cloud, &changed(), "third").await.unwrap();
    assert_eq!(report.end, End::Done);
    let things = cloud.things();
    let table = things.iter().find(|thing| thing.id == table).unwrap();
    let Value::Map(routes) = table.fields.value("route") else { panic!("{table:?}") };
    assert_eq!(routes.keys().collect::<Vec<_>>(), ["0.0.0.0/0", "172.16.0.0/12", "192.168.0.0/16"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_deleted_is_a_leftover_with_its_holders() {
    let (cloud, stack) = (FakeCloud::new(), medium());
    bring_up(&cloud, &stack, "first").await.unwrap();
    let find = |end: &str| cloud.things().into_iter().find(|thing| thing.id.starts_with(end)).unwrap();
    let group = find("security-group-0").id;
    let mut fields = Fields::default();
    let reference = aomidori_model::Reference {
        kind: KindName::SecurityGroup,
        target: aomidori_model::Target::Id(group.clone()),
        output: None,
    };
    fields.add("security_group_ids", Value::from(reference));
    cloud.add_foreign(KindName::VpcEndpoint, "theirs", fields, BTreeMap::new());
    let (events, mut records) = Events::channel();
    let report = crate::down(&cloud, &stack, &options("down"), yes, &events, &never()).await.unwrap();
    assert_eq!(report.end, End::Leftovers);
    let left: Vec<&str> = report.leftovers.iter().map(|left| left.address.as_str()).collect();
    assert!(left.contains(&"network/vpc") && left.len() == 2, "{left:?}");
    let held = report.leftovers.iter().find(|left| left.id == group).unwrap();
    assert_eq!(held.holders, ["theirs uses it"]);
    let outcome = report.outcome.unwrap();
    assert_eq!(outcome.failed.len(), 1);
    assert_eq!(outcome.failed[0].error.kind, ErrorKind::InUse);
    assert_eq!(outcome.failed[0].holders, ["theirs uses it"]);
    assert!(outcome.took >= Duration::from_secs(15 * 60));
    let mut said = false;
    while let Ok(record) = records.try_recv() {
        said |= matches!(record.event, Event::StepRetrying { holders, .. } if holders == ["theirs uses it"]);
    }
    assert!(said);
    assert!(cloud.things().iter().any(|thing| thing.id == "theirs"));
}

#[tokio::test(start_paused = true)]
async fn what_up_cannot_confirm_is_said() {
    let cloud = FakeCloud::new();
    let stack = logs("a");
    let other = cloud.process();
    // Somebody changes it back as soon as it is made.
    let (events, mut records) = Events::channel();
    let watch = async {
        while let Some(record) = records.recv().await {
            if matches!(record.event, Event::Phase { phase: Phase::Confirm }) {
                let id = other.things()[0].id.clone();
                other.lose(&id);
                return;
            }
        }
    };
    let options = options("run");
    let never = never();
    let (report, ()) = tokio::join!(up(&cloud, &stack, &options, yes, &events, &never), watch);
    let report = report.unwrap();
    assert_eq!(report.end, End::NotConverged);
    assert_eq!(report.left.unwrap().steps.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_run_at_a_time() {
    let cloud = FakeCloud::new();
    let (a, b) = (cloud.process(), cloud.process());
    let stack = medium();
    let (first, second) = tokio::join!(bring_up(&a, &stack, "first"), bring_up(&b, &stack, "second"));
    let (won, lost, loser) = if first.is_ok() { (first, second, &b) } else { (second, first, &a) };
    assert_eq!(won.unwrap().end, End::Done);
    assert!(matches!(lost, Err(RunError::Locked(lease)) if lease.purpose == "up"));
    assert!(loser.calls().iter().all(|call| ["take lease", "lease"].contains(&call.operation)));
    exactly(&cloud, &stack);
}

#[tokio::test(start_paused = true)]
async fn the_lease_is_renewed_and_given_back() {
    let cloud = FakeCloud::new();
    let slow = async |_: &Planned| {
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(cloud.lease(&"small".parse().unwrap()).await.unwrap().unwrap().holder, "run");
        true
    };
    let report = up(&cloud, &logs("a"), &options("run"), slow, &Events::none(), &never()).await.unwrap();
    assert_eq!(report.end, End::Done);
    let renewals = cloud.calls().iter().filter(|call| call.operation == "take lease").count();
    assert!((29..=32).contains(&renewals), "{renewals}");
    assert_eq!(cloud.lease(&"small".parse().unwrap()).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_broken_lease_stops_new_calls() {
    let (cloud, stack) = (FakeCloud::new(), medium());
    cloud.polls(1000, 2);
    let thief = cloud.process();
    let (events, mut records) = Events::channel();
    let steal = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        thief.take_lease(&lease("thief", true)).await.unwrap();
        let before = thief.things().len();
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(thief.things().len(), before);
    };
    let options = options("run");
    let never = never();
    let (report, ()) = tokio::join!(up(&cloud, &stack, &options, yes, &events, &never), steal);
    let report = report.unwrap();
    assert_eq!(report.end, End::LeaseLost);
    assert!(!report.outcome.unwrap().remaining.is_empty());
    // It is the thief's: not given back.
    assert_eq!(thief.lease(&"small".parse().unwrap()).await.unwrap().unwrap().holder, "thief");
    let mut interrupted = 0;
    while let Ok(record) = records.try_recv() {
        interrupted += usize::from(matches!(record.event, Event::Interrupted { .. }));
    }
    assert_eq!(interrupted, 1);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_renewed_for_a_moment_is_kept() {
    let (cloud, stack) = (FakeCloud::new(), medium());
    cloud.polls(40, 2);
    // Two renewals fail.
    let counted = cloud.process();
    bring_up(&counted, &stack, "count").await.unwrap();
    let renewals: Vec<usize> =
        counted.calls().iter().filter(|call| call.operation == "take lease").map(|call| call.number).skip(1).collect();
    assert!(renewals.len() > 2);
    let cloud = FakeCloud::new();
    cloud.polls(40, 2);
    let failing = cloud
        .process()
        .fault(renewals[0], Fault::Fails(ErrorKind::Unknown))
        .fault(renewals[1], Fault::Fails(ErrorKind::Throttled));
    let report = bring_up(&failing, &stack, "run").await.unwrap();
    assert_eq!(report.end, End::Done);
}

#[tokio::test(start_paused = true)]
async fn an_interruption_while_it_asks_ends_at_once() {
    let cloud = FakeCloud::new();
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let ask = async |_: &Planned| {
        stop.cancel();
        std::future::pending().await
    };
    let report = up(&cloud, &logs("a"), &options("run"), ask, &Events::none(), &cancel).await.unwrap();
    assert_eq!(report.end, End::Interrupted);
    assert!(cloud.things().is_empty());
    assert_eq!(cloud.lease(&"small".parse().unwrap()).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn what_failed_for_good_is_replaced() {
    let (cloud, stack) = (FakeCloud::new(), medium());
    bring_up(&cloud, &stack, "first").await.unwrap();
    let nat = cloud.things().into_iter().find(|thing| thing.kind == KindName::NatGateway).unwrap().id;
    cloud.tamper(&nat, |thing| thing.state = ThingState::Failed("no address".into()));
    let report = bring_up(&cloud, &stack, "second").await.unwrap();
    assert_eq!(report.end, End::Done, "{:#?}", report.outcome);
    exactly(&cloud, &stack);
    assert!(cloud.things().iter().all(|thing| thing.id != nat));
}

/// A subnet of a route table is not there, and nothing says which of the table's parts are the stack's.
fn half_there(cloud: &FakeCloud) -> String {
    let find = |address: &str| {
        let at = |thing: &crate::fake::Thing| thing.owner().is_some_and(|(_, owner)| owner.as_str() == address);
        cloud.things().into_iter().find(at).unwrap().id
    };
    let (gone, table) = (find("network/subnet/c"), find("network/routes/public"));
    cloud.tamper(&table, |thing| {
        let Value::Set(mut subnets) = thing.fields.value("association").clone() else { panic!("{thing:?}") };
        subnets.retain(|subnet| !matches!(subnet, Value::Ref(to) if to.target == Target::Id(gone.clone())));
        thing.fields.set("association", Value::Set(subnets));
        thing.tags.retain(|key, _| !key.starts_with(ownership::PARTS));
    });
    let balancer = find("platform/balancer");
    for id in [find("platform/listener"), balancer, gone] {
        cloud.lose(&id);
    }
    table
}

#[tokio::test(start_paused = true)]
async fn what_is_there_is_marked_although_a_part_refers_to_what_is_not() {
    let (cloud, stack) = (FakeCloud::new(), medium());
    bring_up(&cloud, &stack, "first").await.unwrap();
    let table = half_there(&cloud);
    let before = cloud.things().len();
    let mut marking = options("mark");
    marking.tags_only = true;
    let report = up(&cloud, &stack, &marking, yes, &Events::none(), &never()).await.unwrap();
    assert_eq!(report.end, End::Done, "{}", super::ended(&report));
    assert_eq!(cloud.things().len(), before);
    let parts = |cloud: &FakeCloud| {
        let thing = cloud.things().into_iter().find(|thing| thing.id == table).unwrap();
        ownership::Marks::of(&thing.tags).parts.len()
    };
    let recorded = parts(&cloud);
    let report = bring_up(&cloud, &stack, "second").await.unwrap();
    assert_eq!(report.end, End::Done, "{}", super::ended(&report));
    exactly(&cloud, &stack);
    assert_eq!(parts(&cloud), recorded + 1);
    let report = bring_up(&cloud, &stack, "third").await.unwrap();
    assert_eq!(report.end, End::NothingToDo);
}

#[tokio::test(start_paused = true)]
async fn what_is_protected_from_deletion_is_met_before_anything_is_deleted() {
    let protection = |on: &str| {
        let mut stack = medium();
        change::<LoadBalancer>(&mut stack, "platform/balancer", |balancer| {
            balancer.attributes.insert("deletion_protection.enabled".into(), on.into());
        });
        stack
    };
    let (cloud, stack) = (FakeCloud::new(), protection("true"));
    bring_up(&cloud, &stack, "first").await.unwrap();
    let before = cloud.things();
    let unasked = async |_: &Planned| panic!("it cannot be done");
    let refused = crate::down(&cloud, &stack, &options("down"), unasked, &Events::none(), &never()).await;
    let Err(error) = refused else { panic!("{refused:?}") };
    assert_eq!(error, RunError::Protected(vec!["platform/balancer".parse().unwrap()]));
    let text = error.to_string();
    assert!(["platform/balancer", "deletion protection", "`up`"].iter().all(|it| text.contains(it)), "{text}");
    assert_eq!(cloud.things(), before);
    assert_eq!(cloud.lease(stack.name()).await.unwrap(), None);
    // Switched off in the stack it goes.
    let stack = protection("false");
    assert_eq!(bring_up(&cloud, &stack, "second").await.unwrap().end, End::Done);
    assert_eq!(bring_down(&cloud, &stack, "down").await.unwrap().end, End::Done);
    assert!(cloud.things().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_protected_is_not_replaced_either() {
    let balancer = |name: &str, protection: &str| {
        let mut stack = medium();
        change::<LoadBalancer>(&mut stack, "platform/balancer", |balancer| {
            balancer.name = name.parse().unwrap();
            balancer.attributes.insert("deletion_protection.enabled".into(), protection.into());
        });
        stack
    };
    let cloud = FakeCloud::new();
    bring_up(&cloud, &balancer("before", "true"), "first").await.unwrap();
    let before = cloud.things();
    // What is switched off in the same run is on when the old one would have to go. Whoever takes it out is told as well.
    let mut without = balancer("before", "true");
    let dependents: Vec<Address> = without.iter().map(|(address, _)| address.clone()).collect();
    for address in dependents.iter().filter(|address| address.group() != "network") {
        without.remove(address);
    }
    for stack in [balancer("after", "true"), balancer("after", "false"), without] {
        let unasked = async |_: &Planned| panic!("it cannot be done");
        let refused = crate::up(&cloud, &stack, &options("second"), unasked, &Events::none(), &never()).await;
        let Err(error) = refused else { panic!("{refused:?}") };
        assert_eq!(error, RunError::Protected(vec!["platform/balancer".parse().unwrap()]));
        assert_eq!(cloud.things(), before);
    }
    // A change of something else goes on.
    let mut other = balancer("before", "true");
    other.tags.insert("team".into(), "another".into());
    assert_eq!(bring_up(&cloud, &other, "third").await.unwrap().end, End::Done);
    assert_eq!(bring_up(&cloud, &balancer("before", "false"), "fourth").await.unwrap().end, End::Done);
    assert_eq!(bring_up(&cloud, &balancer("after", "false"), "fifth").await.unwrap().end, End::Done);
}

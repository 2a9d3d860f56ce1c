//! Placing, on tables and on random stacks.

mod describing;

use std::collections::BTreeMap;

use aomidori_model::kinds::deployment_config::TrafficRouting;
use aomidori_model::kinds::dns_record::Answer;
use aomidori_model::kinds::{DeploymentConfig, DnsRecord};
use aomidori_model::{Address, KindName, Stack};
use aomidori_plan::testing::{Dice, Genes, World};
use aomidori_plan::{Action, Observation, Ownership, plan};

use crate::{Candidate, Placement, Unplaced, place};

fn practice() -> Stack {
    aomidori_practice::stack(&aomidori_practice::Inputs::default()).expect("the practice environment")
}

/// The stack, live, as somebody else made it: without our marks. With the address that each id had.
fn made_by_others(stack: &Stack) -> (Observation, BTreeMap<(KindName, String), Address>) {
    let mut world = World::default();
    let planned = plan(stack, &world.observe()).expect("a plan");
    assert!(world.run(stack, &planned, &mut Dice::new([]), 1_000_000).expect("no refusal"));
    let mut truth = BTreeMap::new();
    let mut have = world.observe();
    for found in &mut have.resources {
        let Ownership::Ours(address) = &found.owner else { panic!("not ours") };
        truth.insert((found.kind, found.id.clone()), address.clone());
        // What takes no tags is known by its name or by what it points at.
        if !found.kind.info().taggable {
            continue;
        }
        found.tags.retain(|key, _| !key.starts_with("aomidori:"));
        found.owner = Ownership::Ours(crate::stray(found.kind, &found.id).expect("an address"));
    }
    (have, truth)
}

fn candidates(have: &Observation) -> Vec<Candidate> {
    have.resources
        .iter()
        .map(|found| Candidate { kind: found.kind, id: found.id.clone(), name: format!("tf.{}", found.id) })
        .collect()
}

/// The observation as it is once the claims count.
fn claimed(stack: &Stack, mut have: Observation, placement: &Placement) -> Observation {
    let claims = placement.claims();
    have.resources.retain_mut(|found| match claims.address(found.kind, &found.id) {
        Some(address) => {
            found.owner = Ownership::Ours(address.clone());
            found.tags.extend(aomidori_model::ownership::tags(stack.name(), address));
            true
        }
        None => !found.kind.info().taggable,
    });
    have
}

fn check(stack: &Stack) {
    let (have, truth) = made_by_others(stack);
    let placement = place(stack, &candidates(&have), &have);
    let taggable = |kind: KindName| kind.info().taggable;
    for (candidate, why) in &placement.left {
        let open = matches!(why, Unplaced::Ambiguous(_) | Unplaced::Unreached { .. });
        assert!(open || !taggable(candidate.kind), "{candidate:?}: {why:?}");
    }
    let wrong = placement.placed.iter().filter(|(address, it)| truth.get(&(it.kind, it.id.clone())) != Some(address));
    // One that is in another's place must be one that nothing tells from it.
    let wrong: Vec<_> = wrong.collect();
    let planned = plan(stack, &claimed(stack, have, &placement)).expect("a plan");
    let again = planned.steps.iter().filter(|step| step.action == Action::Delete).collect::<Vec<_>>();
    assert!(again.is_empty(), "{wrong:?} {again:#?}");
    for step in planned.steps.iter().filter(|step| step.action == Action::Update) {
        assert!(step.changes.iter().all(|change| change.field == "tags"), "{wrong:?} {step:#?}");
    }
}

#[test]
fn the_whole_practice_environment_is_placed() {
    let stack = practice();
    let (have, truth) = made_by_others(&stack);
    let placement = place(&stack, &candidates(&have), &have);
    assert_eq!(placement.left, []);
    assert_eq!(placement.missing, [] as [Address; 0]);
    for (address, candidate) in &placement.placed {
        assert_eq!(truth.get(&(candidate.kind, candidate.id.clone())), Some(address));
        assert_eq!(candidate.name, format!("tf.{}", candidate.id));
    }
    assert_eq!(placement.placed.len(), stack.len());
    check(&stack);
}

#[test]
fn random_stacks_are_placed_and_nothing_is_made_again() {
    proptest::proptest!(|(genes in proptest::collection::vec(0_u8..5, 0..=Genes::COUNT))| {
        check(&aomidori_plan::testing::stack(&Genes(genes)));
    });
}

/// What is described, once it is tagged, differs in nothing.
fn check_description(stack: &Stack) -> crate::Description {
    let (mut have, _) = made_by_others(stack);
    let name: aomidori_model::StackName = "described".parse().expect("a name");
    let mut walk = crate::Walk::default();
    // A record or a configuration is of the stack that made it: what is described refers to configurations by name.
    have.resources.retain(|found| found.kind.info().taggable);
    for found in &have.resources {
        walk.add(found.kind, crate::claims::key(found.kind, &found.id));
    }
    let described = crate::describe(&name, &have, &walk, &crate::LeftOut::new());
    for found in &mut have.resources {
        let Some(address) = described.claims.address(found.kind, &found.id) else { continue };
        found.owner = Ownership::Ours(address.clone());
    }
    have.resources.retain(|found| described.claims.address(found.kind, &found.id).is_some());
    let planned = plan(&described.stack, &have).expect("a plan");
    for step in &planned.steps {
        assert_eq!(step.action, Action::Update, "{step:#?}");
        assert!(step.changes.iter().all(|change| change.field == "tags"), "{step:#?}");
    }
    assert_eq!(crate::differing(&described, &have), crate::LeftOut::new());
    described
}

#[test]
fn the_practice_environment_describes_itself() {
    let described = check_description(&practice());
    assert_eq!(described.unsaid, []);
    assert_eq!(described.left_out, crate::LeftOut::new());
    assert_eq!(described.stack.len(), practice().len());
    assert_eq!(described.stack.validate(), []);
    let text = described.stack.to_json().expect("JSON");
    assert_eq!(Stack::from_json(&text).expect("a stack"), described.stack);
}

#[test]
fn random_stacks_describe_themselves() {
    proptest::proptest!(|(genes in proptest::collection::vec(0_u8..5, 0..=Genes::COUNT))| {
        check_description(&aomidori_plan::testing::stack(&Genes(genes)));
    });
}

/// One change of what is live, and what becomes of the candidate.
fn placed_after(change: impl FnOnce(&Stack, &mut Observation) -> String) -> (Placement, String) {
    let stack = practice();
    let (mut have, _) = made_by_others(&stack);
    let candidates = candidates(&have);
    let id = change(&stack, &mut have);
    (place(&stack, &candidates, &have), id)
}

fn why(placement: &Placement, id: &str) -> Option<Unplaced> {
    placement.left.iter().find(|(candidate, _)| candidate.id == id).map(|(_, why)| why.clone())
}

fn first(have: &mut Observation, kind: KindName) -> &mut aomidori_plan::Observed {
    have.resources.iter_mut().find(|found| found.kind == kind).expect("one of the kind")
}

fn set(found: &mut aomidori_plan::Observed, name: &str, value: aomidori_model::Value) {
    let mut fields = aomidori_model::Fields::default();
    for field in &found.fields {
        let value = if field.name == name { value.clone() } else { field.value.clone() };
        *fields.add(field.name, aomidori_model::Value::Null) = aomidori_model::Field { value, ..field.clone() };
    }
    found.fields = fields;
}

#[test]
fn what_is_not_there_is_gone() {
    let (placement, id) = placed_after(|_, have| {
        let at = have.resources.iter().position(|found| found.kind == KindName::LogGroup).expect("a log group");
        have.resources.remove(at).id
    });
    assert_eq!(why(&placement, &id), Some(Unplaced::Gone));
    assert_eq!(placement.missing.len(), 1);
}

/// What takes no tags is read by the names in the stack alone.
#[test]
fn what_nobody_looked_for_is_not_gone() {
    let mut stack = Stack::new("s".parse().expect("a name"));
    let answer = Answer::Values { record_type: "A".into(), ttl: 60, values: ["192.0.2.1".into()].into() };
    let (zone, name) = ("Z1".parse().expect("a zone"), "shop.example.com".parse().expect("a name"));
    stack.add("platform/record", DnsRecord { zone, name, answer });
    let name = "slow".parse().expect("a name");
    stack.add("code-deploy/config", DeploymentConfig { name, routing: TrafficRouting::AllAtOnce });
    let expected = [
        (KindName::DnsRecord, "Z1_shop.example.com_A", Unplaced::Gone),
        (KindName::DnsRecord, "Z1_shop.example.com_TXT", Unplaced::NotInStack),
        (KindName::DnsRecord, "Z2_shop.example.com_A", Unplaced::NotInStack),
        (KindName::DeploymentConfig, "slow", Unplaced::Gone),
        (KindName::DeploymentConfig, "fast", Unplaced::NotInStack),
    ];
    let candidates = expected.clone().map(|(kind, id, _)| Candidate { kind, id: id.into(), name: format!("tf.{id}") });
    let placement = place(&stack, &candidates, &Observation::default());
    for (_, id, want) in expected {
        assert_eq!(why(&placement, id), Some(want), "{id}");
    }
}

#[test]
fn what_another_stack_owns_is_left_to_it() {
    let (placement, id) = placed_after(|_, have| {
        let found = first(have, KindName::LogGroup);
        found.tags.insert(aomidori_model::ownership::STACK.into(), "other".into());
        found.id.clone()
    });
    assert_eq!(why(&placement, &id), Some(Unplaced::OtherStack("other".into())));
    assert_eq!(placement.others().count(), 1);
}

#[test]
fn what_would_have_to_be_made_again_is_not_placed() {
    // Another port of the same name: no update leads there.
    let (placement, id) = placed_after(|_, have| {
        let found = first(have, KindName::TargetGroup);
        set(found, "port", aomidori_model::Value::Int(81));
        found.id.clone()
    });
    let Some(Unplaced::Differs { address, fields }) = why(&placement, &id) else { panic!("{:?}", placement.left) };
    assert_eq!((address.group(), fields), ("platform", vec!["port"]));
    // A VPC of another range, and with it all that stands in it.
    let (placement, id) = placed_after(|_, have| {
        let found = first(have, KindName::Vpc);
        set(found, "cidr_block", aomidori_model::Value::str("10.9.0.0/16"));
        found.id.clone()
    });
    assert_eq!(why(&placement, &id), Some(Unplaced::NotInStack));
    let unreached = placement.left.iter().filter(|(_, why)| matches!(why, Unplaced::Unreached { .. })).count();
    assert!(unreached > 10, "{:?}", placement.left);
    assert!(placement.placed.values().all(|it| it.kind != KindName::Subnet));
}

#[test]
fn what_nothing_tells_apart_is_not_guessed() {
    let mut stack = Stack::new("s".parse().expect("a name"));
    for name in ["a", "b"] {
        stack.add(&format!("network/ip/{name}"), aomidori_model::kinds::ElasticIp {});
    }
    let (mut have, _) = made_by_others(&stack);
    have.resources.iter_mut().for_each(|found| found.tags.clear());
    let placement = place(&stack, &candidates(&have), &have);
    assert!(placement.placed.is_empty());
    assert!(placement.left.iter().all(|(_, why)| matches!(why, Unplaced::Ambiguous(two) if two.len() == 2)));
    // The console's name is a hint.
    have.resources[0].tags.insert("Name".into(), "s-ip-b".into());
    let placement = place(&stack, &candidates(&have), &have);
    let at = |address: &str| placement.placed.get(&address.parse().expect("an address")).map(|it| it.id.clone());
    assert_eq!(at("network/ip/b"), Some(have.resources[0].id.clone()));
}

//! Random stacks, random live states, failures at random steps.

use std::collections::BTreeSet;

use aomidori_model::{Compare, Owner, Target, Value};
use proptest::prelude::*;

use super::support::render;
use crate::testing::{Dice, Genes, Moment, World, stack};
use crate::{Action, Notice, Observation, Ownership, current, destroy, plan};

fn genes() -> impl Strategy<Value = Genes> {
    prop::collection::vec(0u8..5, 0..=Genes::COUNT).prop_map(Genes)
}

/// With a service that CodeDeploy deploys.
fn blue_green() -> impl Strategy<Value = Genes> {
    genes().prop_map(|genes| genes.mutate(&[(12, 3)]))
}

fn mutations() -> impl Strategy<Value = Vec<(u8, u8)>> {
    prop::collection::vec((0u8..40, 0u8..5), 0..6)
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..most)
}

/// A hundred cases, or as many as `PROPTEST_CASES` says.
fn config() -> ProptestConfig {
    let plain = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => plain,
        None => ProptestConfig { cases: 100, ..plain },
    }
}

/// A world in which a stack was built, and then things happened.
fn world(genes: &Genes, events: &[u8]) -> World {
    let mut world = World::default();
    let stack = stack(genes);
    let first = plan(&stack, &world.observe()).unwrap();
    assert!(
        world
            .run(&stack, &first, &mut Dice::default(), usize::MAX)
            .unwrap_or_else(|r| panic!("{r:?}\n{}", render(&first)))
    );
    let mut dice = Dice::new(events);
    while !dice.is_empty() {
        world.drift(&mut dice);
    }
    world
}

proptest! {
    #![proptest_config(config())]

    /// From whatever is live, one plan carried out leaves nothing to do, in whatever legal order.
    #[test]
    fn one_run_is_enough(genes in genes(), mutations in mutations(), events in bytes(24), order in bytes(200)) {
        let mut world = world(&genes, &events);
        let want = stack(&genes.mutate(&mutations));
        let todo = plan(&want, &world.observe()).unwrap();
        let before = live(&world);
        let done = world.run(&want, &todo, &mut Dice::new(order), usize::MAX);
        prop_assert_eq!(done.clone(), Ok(true), "{:?}\n{}\n{}", done, render(&todo), before);
        let again = plan(&want, &world.observe()).unwrap();
        prop_assert!(again.is_empty(), "first\n{}\nagain\n{}\n{}", render(&todo), render(&again), before);
    }

    /// Runs that die anywhere, then one that does not.
    #[test]
    fn converges_after_failures(
        genes in genes(), mutations in mutations(), events in bytes(12),
        runs in prop::collection::vec((0usize..60, bytes(60)), 1..4),
    ) {
        let mut world = world(&genes, &events);
        let want = stack(&genes.mutate(&mutations));
        for (most, order) in runs.into_iter().chain([(usize::MAX, Vec::new())]) {
            let todo = plan(&want, &world.observe()).unwrap();
            let mut dice = Dice::new(order);
            let done = world.run(&want, &todo, &mut dice, most);
            prop_assert!(done.is_ok(), "{:?}\n{}", done, render(&todo));
            if most < usize::MAX {
                world.settle(&mut dice);
            }
        }
        let again = plan(&want, &world.observe()).unwrap();
        prop_assert!(again.is_empty(), "{}", render(&again));
    }

    /// Nothing of ours is left, and nothing else is gone.
    #[test]
    fn destroys_all_of_ours(genes in genes(), events in bytes(24), order in bytes(200), most in 0usize..80) {
        let mut world = world(&genes, &events);
        let stack = stack(&genes);
        let foreign = |world: &World| {
            world.items.iter().filter(|i| !matches!(i.owner, Ownership::Ours(_))).cloned().collect::<Vec<_>>()
        };
        let before = foreign(&world);
        let mut dice = Dice::new(order);
        for most in [most, usize::MAX] {
            let todo = destroy(&stack, &world.observe()).unwrap();
            let done = world.run(&stack, &todo, &mut dice, most);
            prop_assert!(done.is_ok(), "{:?}\n{}", done, render(&todo));
        }
        prop_assert_eq!(&world.items, &before);
        prop_assert!(destroy(&stack, &world.observe()).unwrap().is_empty());
    }

    /// Same bytes, twice and in whatever order the resources are observed; only what is ours; steps numbered in order.
    #[test]
    fn is_a_function(genes in genes(), mutations in mutations(), events in bytes(24), shuffle in bytes(40)) {
        let world = world(&genes, &events);
        let want = stack(&genes.mutate(&mutations));
        let have = world.observe();
        let first = plan(&want, &have).unwrap();
        let mut dice = Dice::new(shuffle);
        let mut rest = have.resources.clone();
        let mut resources = Vec::new();
        while !rest.is_empty() {
            resources.push(rest.remove(dice.roll(rest.len())));
        }
        let second = plan(&want, &Observation { resources, ..have.clone() }).unwrap();
        prop_assert_eq!(serde_json::to_string(&first).unwrap(), serde_json::to_string(&second).unwrap());
        for (n, step) in first.steps.iter().enumerate() {
            prop_assert_eq!(step.id.0 as usize, n);
            prop_assert!(step.after.iter().all(|after| after.step < step.id));
            if let Some(id) = &step.live {
                let ours = have.ours().any(|(at, seen)| (at, seen.kind, &seen.id) == (&step.address, step.kind, id));
                prop_assert!(ours, "{id} is not ours");
            }
        }
    }

    /// While a deployment runs, nothing that it moves is written to; afterwards the rest is done.
    #[test]
    fn leaves_deployments_alone(genes in genes(), mutations in mutations(), order in bytes(100)) {
        let mut world = world(&genes, &[]);
        let want = stack(&genes.mutate(&mutations));
        world.deploy(true);
        let mut dice = Dice::new(order);
        for running in [true, false] {
            // What only wished to come after a step that is left out can come in the next plan.
            for most in [3, 2, 1, 0] {
                let todo = plan(&want, &world.observe()).unwrap();
                if todo.is_empty() {
                    break;
                }
                prop_assert!(most > 0, "{running}\n{}", render(&todo));
                let done = world.run(&want, &todo, &mut dice, usize::MAX);
                prop_assert_eq!(done.clone(), Ok(true), "{:?}\n{}", done, render(&todo));
            }
            world.deploy(false);
        }
    }

    /// Whatever a deployment has left, and at whatever moment, is no difference; what is not over is said.
    #[test]
    fn what_a_deployment_leaves_is_no_drift(genes in blue_green(), moment in bytes(60)) {
        let mut world = world(&genes, &[]);
        let stack = stack(&genes);
        let moment = world.deployed(&mut Dice::new(moment));
        let todo = plan(&stack, &world.observe()).unwrap();
        prop_assert!(todo.is_empty(), "{moment:?}\n{}", render(&todo));
        let says = match todo.notices.as_slice() {
            [] => moment == Moment::Between,
            [Notice::Deploying { .. }] => moment == Moment::Running,
            [Notice::Unfinished { .. }] => moment == Moment::HalfWay,
            _ => false,
        };
        prop_assert!(says, "{moment:?}\n{}", render(&todo));
    }

    /// A stack that is edited at such a moment is built as far as it can be, and nothing that a deployment decided is
    /// changed on the way; what has to wait is said.
    #[test]
    fn what_is_edited_beside_a_deployment_leaves_its_part_alone(
        genes in blue_green(), mutations in mutations(), moment in bytes(60), order in bytes(100),
    ) {
        let mut world = world(&genes, &[]);
        let moment = world.deployed(&mut Dice::new(moment));
        let want = stack(&genes.mutate(&mutations));
        let before = world.items.clone();
        let mut dice = Dice::new(order);
        for most in [3, 2, 1, 0] {
            let todo = plan(&want, &world.observe()).unwrap();
            let waits = |step: &crate::Step| {
                step.address.as_str() == "services/web" && step.action == Action::Update && moment == Moment::HalfWay
            };
            prop_assert!(!todo.steps.iter().any(waits), "{}", render(&todo));
            if todo.is_empty() {
                break;
            }
            prop_assert!(most > 0, "{moment:?}\n{}", render(&todo));
            // The cloud refuses every change of what is CodeDeploy's, or of what it moves at the moment.
            let done = world.run(&want, &todo, &mut dice, usize::MAX);
            prop_assert_eq!(done.clone(), Ok(true), "{:?}\n{}", done, render(&todo));
        }
        let seen = world.observe();
        let live = current(&want, &seen).unwrap();
        for now in &world.items {
            let Some(then) = before.iter().find(|then| then.kind == now.kind && then.id == now.id) else { continue };
            let ids = |value: &Value| {
                let mut ids = BTreeSet::new();
                value.for_each_ref(&mut |to| {
                    ids.insert(match &to.target {
                        Target::Id(id) => Some(id.clone()),
                        Target::Address(at) => live.get(at).map(|item| item.id.clone()),
                    });
                });
                ids
            };
            let wanted = match &now.owner {
                Ownership::Ours(at) => want.fields().get(at).map(|it| it.value("action.forward").clone()),
                _ => None,
            };
            let forward = then.fields.value("action.forward");
            let stays = wanted.is_some_and(|pair| ids(forward).is_subset(&ids(&pair)));
            let theirs = now.fields.iter().filter(|field| field.owner == Owner::CodeDeploy);
            for field in theirs.filter(|field| field.name != "load_balancer") {
                prop_assert_eq!(&field.value, then.fields.value(field.name), "{} of {}", field.name, now.id);
            }
            // Where the sides that it is on stay, so does the traffic.
            let pair = now.fields.iter().any(|it| it.name == "action.forward" && it.compare == Compare::Within);
            if stays && pair {
                prop_assert_eq!(now.fields.value("action.forward"), forward, "{}", now.id);
            }
        }
    }
}

/// What is live, one line each.
fn live(world: &World) -> String {
    let line = |item: &crate::Observed| format!("{:?} {} {:?}", item.owner, item.id, item.status);
    world.items.iter().map(line).collect::<Vec<_>>().join("\n")
}

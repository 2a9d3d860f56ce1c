//! The tagging index: what it adds to a plan, and what is left of it where it is not to be had.

use std::collections::BTreeSet;

use aomidori_aws::{Aws, Settings};
use aomidori_engine::{Events, preview};
use aomidori_model::kinds::LogGroup;
use aomidori_model::{Address, Stack};
use aomidori_plan::{Action, Mode};
use aomidori_practice::Inputs;

use crate::proxy::Proxy;
use crate::support::{REGION, World, options, since};

/// So many log groups, with names and addresses that begin so.
fn groups(stack: &str, prefix: &str, count: usize) -> Stack {
    let mut groups = Stack::new(stack.parse().expect("a name"));
    for n in 0..count {
        let name = format!("/{prefix}/{n}").parse().expect("a name");
        groups.add(&format!("{prefix}/logs-{n}"), LogGroup { name, retention_in_days: None });
    }
    groups
}

/// What a plan deletes.
async fn deleted(aws: &Aws, stack: &Stack) -> BTreeSet<Address> {
    let planned = preview(aws, stack, Mode::Converge, &options(), &Events::none()).await.expect("a plan");
    let steps = planned.plan.steps.iter().filter(|step| step.action == Action::Delete);
    steps.map(|step| step.address.clone()).collect()
}

/// A client that talks to the cloud through a proxy.
async fn through(proxy: &Proxy) -> Aws {
    Aws::connect(Settings::local(&proxy.endpoint, REGION)).await.expect("settings")
}

#[tokio::test]
async fn what_a_large_stack_does_not_want_is_found_as_well() {
    let world = World::instant().await;
    let stack = aomidori_practice::stack(&Inputs::default()).expect("the practice environment");
    world.built(&stack).await;
    let built: BTreeSet<Address> = stack.iter().map(|(address, _)| address.clone()).collect();
    // More than fits a page of the tagging index, and all of it something else: it is asked for service by service.
    for (others, asked) in [(1, 1), (101, 8)] {
        let before = world.aws.calls();
        assert_eq!(
            deleted(&world.aws, &groups(stack.name().as_str(), "other", others)).await,
            built,
            "{others} others"
        );
        assert_eq!(since(&before, &world.aws.calls()).get("tag:GetResources").copied(), Some(asked));
    }
}

#[tokio::test]
async fn an_endpoint_without_filters_is_asked_for_the_whole_index_once() {
    let world = World::instant().await;
    let live = groups("large", "live", 30);
    world.up(&live).await;
    let built: BTreeSet<Address> = live.iter().map(|(address, _)| address.clone()).collect();
    let proxy = Proxy::refusing(&world.local.endpoint(), |request| request.contains("ResourceTypeFilters")).await;
    let aws = through(&proxy).await;
    assert_eq!(deleted(&aws, &groups("large", "other", 101)).await, built);
    // Each service's lines are asked for once, whoever needs them; then all of them, once.
    assert_eq!((proxy.refused(), aws.calls().get("tag:GetResources").copied()), (8, Some(9)));
}

#[tokio::test]
async fn an_index_that_breaks_off_gives_what_it_gave() {
    let world = World::instant().await;
    let live = groups("large", "live", 150);
    world.up(&live).await;
    let later_pages = |request: &str| request.contains("\"PaginationToken\"");
    for others in [1, 101] {
        let proxy = Proxy::refusing(&world.local.endpoint(), later_pages).await;
        let aws = through(&proxy).await;
        let found = deleted(&aws, &groups("large", "other", others)).await;
        assert!(proxy.refused() > 0, "{others} others: no later page was asked for");
        assert_eq!(found.len(), 100, "{others} others: the first page of the index, as one page has a hundred lines");
    }
}

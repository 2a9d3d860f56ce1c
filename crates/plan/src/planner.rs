//! The two questions: what makes live what is wanted, and what removes everything that is ours.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::{Address, KindName, Stack, Traffic};

use crate::busy;
use crate::decide::{self, Decision};
use crate::draft::{self, Draft, Drafts};
use crate::error::{Obstacle, PlanError};
use crate::facts::{Facts, Ids};
use crate::live::LiveSet;
use crate::observation::Status;
use crate::wait::{self, LeftOut};
use crate::{
    Action, Estimate, Mode, Notice, Observation, Observed, Ownership, Plan, Reason, Step, StepId, diff, keep, order,
};

/// What makes live what `want` says, given what was observed.
///
/// Pure and total: the same input gives the same bytes, in whatever order the resources were observed. Nothing that does
/// not carry the stack's mark is ever in a step.
///
/// # Errors
/// Every name or place that something foreign has taken; references that lead nowhere; cycles.
pub fn plan(want: &Stack, have: &Observation) -> Result<Plan, PlanError> {
    let facts = Facts::new(want, have)?;
    let keeper = keep::keepers(&facts);
    let (decision, drafts, mut left) = converge(&facts, &keeper)?;
    foreign(&facts, &decision, have)?;
    let busy = wait::busy(&busy::busyness(&facts), &drafts);
    left.steps.extend(busy.steps);
    let mut notices = notices(&facts, &decision, &drafts, &left.steps);
    notices.extend(left.notices);
    notices.extend(busy.notices);
    notices.extend(diff::added(have));
    Ok(Plan {
        stack: want.name().clone(),
        mode: Mode::Converge,
        steps: order::number(drafts, &left.steps),
        notices: notices.into_iter().collect(),
    })
}

/// What gives live resources of the stack the tags that are wanted, and changes nothing else: [`plan`] without all else, and
/// without waiting for anything. Something foreign that is in the way of something wanted, and a deployment that runs, keep
/// nothing from being tagged. Of parts those are recorded that do not refer to what is not there ([`marks`](crate::marks())).
///
/// # Errors
/// References that lead nowhere; cycles.
pub fn tags(want: &Stack, have: &Observation) -> Result<Plan, PlanError> {
    let facts = Facts::new(want, have)?;
    let keeper = keep::keepers(&facts);
    // Nothing is made, so that what is live is what references mean.
    let ids = Ids { facts: &facts, keeper: &keeper, new: &BTreeSet::new() };
    let steps = keeper
        .iter()
        .filter_map(|(address, n)| {
            let live = facts.live.get(*n)?;
            let change = diff::marking(want, address, facts.fields.get(address)?, live, &ids)?;
            Some((address, live.seen, vec![change.to_field_change()]))
        })
        .zip(0..)
        .map(|((address, seen, changes), n)| Step {
            id: StepId(n),
            address: address.clone(),
            kind: seen.kind,
            live: Some(seen.id.clone()),
            action: Action::Update,
            reason: Reason::Changed,
            changes,
            after: BTreeSet::new(),
            replacing: None,
            traffic: Traffic::None,
            estimate: Estimate { call: seen.kind.info().timing.create.min(1), finish: 0 },
        });
    Ok(Plan { stack: want.name().clone(), mode: Mode::Converge, steps: steps.collect(), notices: Vec::new() })
}

/// The live resource that stands for each wanted address: where there are several with one address, the one that a plan
/// keeps (or replaces). References to the address mean this one until a step makes another.
///
/// # Errors
/// References that lead nowhere; cycles.
pub fn current<'a>(want: &'a Stack, have: &'a Observation) -> Result<BTreeMap<Address, &'a Observed>, PlanError> {
    let facts = Facts::new(want, have)?;
    let keepers = keep::keepers(&facts);
    Ok(keepers.into_iter().filter_map(|(address, n)| Some((address, facts.live.get(n)?.seen))).collect())
}

/// What removes everything that carries the mark of `stack`, in the order of what is live. Of what is wanted only the name
/// of the stack and its `depends_on` matter.
///
/// # Errors
/// Live resources that use each other in a circle.
pub fn destroy(stack: &Stack, have: &Observation) -> Result<Plan, PlanError> {
    let live = LiveSet::new(have);
    let mut drafts = Drafts::default();
    let mut removes = BTreeMap::new();
    for (n, _) in live.iter() {
        if let Some(draft) = draft::removal(&live, n, Reason::Destroy, false) {
            removes.insert(n, drafts.push(draft));
        }
    }
    order::removals(&live, &removes, &mut drafts);
    let at = |address: &Address| -> Vec<usize> {
        live.iter()
            .filter(|(_, found)| found.address == address)
            .filter_map(|(n, _)| removes.get(&n).copied())
            .collect()
    };
    for (address, entry) in stack.iter() {
        for (user, used) in entry.depends_on.iter().flat_map(|on| at(address).into_iter().map(move |user| (user, on))) {
            for used in at(used) {
                drafts.prefer(used, user, crate::Level::Finished);
            }
        }
    }
    while let Some(circle) = order::circles(&drafts).first() {
        if !order::relax(&mut drafts, circle) {
            return Err(circle_error(&drafts, circle));
        }
    }
    Ok(Plan {
        stack: stack.name().clone(),
        mode: Mode::Destroy,
        steps: order::number(drafts, &BTreeSet::new()),
        notices: diff::added(have).into_iter().collect::<BTreeSet<_>>().into_iter().collect(),
    })
}

/// Decides and orders, and decides again with more replacements as long as the order has a circle: an update inside one
/// becomes a replacement, a create-first replacement becomes delete-first. Either takes a step out of the circle for good.
/// So does a service become one that would hold for ever what is in the way of something wanted.
fn converge(facts: &Facts<'_>, keeper: &BTreeMap<Address, usize>) -> Result<(Decision, Drafts, LeftOut), PlanError> {
    let mut forced: BTreeMap<Address, BTreeSet<Address>> = BTreeMap::new();
    loop {
        let decision = decide::decide(facts, keeper, &forced);
        let mut drafts = draft::drafts(facts, &decision);
        order::connect(facts, &decision, &mut drafts);
        let circle = loop {
            match order::circles(&drafts).into_iter().next() {
                Some(circle) if order::relax(&mut drafts, &circle) => {}
                other => break other,
            }
        };
        let Some(circle) = circle else {
            match wait::held(facts, &decision, &drafts) {
                Ok(left) => return Ok((decision, drafts, left)),
                Err((service, held)) => {
                    forced.insert(service, held);
                    continue;
                }
            }
        };
        let steps = || circle.iter().filter_map(|step| drafts.steps.get(*step));
        // What disturbs traffic least, then the first by address.
        let cost = |draft: &&Draft| (draft.kind.info().traffic_on_delete, draft.address.clone());
        let updated = steps().filter(|draft| draft.action == Action::Update).min_by_key(cost);
        let created_first = steps()
            .filter(|draft| draft.action == Action::Create && draft.replacing.is_some_and(|(_, first)| first))
            .min_by_key(cost);
        let chosen = updated.or(created_first).map(|draft| &draft.address);
        let Some(address) = chosen.filter(|address| !forced.contains_key(*address)) else {
            return Err(circle_error(&drafts, &circle));
        };
        let others = steps().filter(|draft| draft.address != *address);
        let deleted = others.clone().filter(|draft| draft.action == Action::Delete);
        let mut on: BTreeSet<Address> = deleted.map(|draft| draft.address.clone()).collect();
        if on.is_empty() {
            on = others.map(|draft| draft.address.clone()).collect();
        }
        forced.insert(address.clone(), on);
    }
}

fn circle_error(drafts: &Drafts, circle: &[usize]) -> PlanError {
    PlanError::cycle(circle.iter().filter_map(|step| drafts.steps.get(*step)).map(|draft| draft.address.clone()))
}

/// Names and places that are wanted, and taken by what is not ours.
fn foreign(facts: &Facts<'_>, decision: &Decision, have: &Observation) -> Result<(), PlanError> {
    let mut obstacles = Vec::new();
    for seen in &have.resources {
        let Ownership::Foreign { address, stack } = &seen.owner else { continue };
        let stays = decision.keeper.contains_key(address) && !decision.replaced.contains(address);
        if facts.kind(address).is_some() && !stays {
            obstacles.push(Obstacle::Foreign {
                address: address.clone(),
                kind: seen.kind,
                id: seen.id.clone(),
                stack: stack.clone(),
            });
        }
    }
    if obstacles.is_empty() { Ok(()) } else { Err(PlanError::new(obstacles)) }
}

/// What is worth knowing beside the steps.
fn notices(facts: &Facts<'_>, decision: &Decision, drafts: &Drafts, left_out: &BTreeSet<usize>) -> BTreeSet<Notice> {
    let mut notices = BTreeSet::new();
    let ids = Ids { facts, keeper: &decision.keeper, new: &decision.new };
    for (address, n) in &decision.keeper {
        let stays = !decision.replaced.contains(address);
        if let (true, Some(live), Some(fields)) = (stays, facts.live.get(*n), facts.fields.get(address)) {
            if let Status::Stalled(why) = &live.seen.status {
                notices.insert(Notice::Stalled { address: (*address).clone(), why: why.clone() });
            }
            notices.extend(diff::foreign_parts(address, fields, live, &decision.held_by(facts, live), &ids));
        }
    }
    for (step, draft) in drafts.steps.iter().enumerate() {
        let renewed = draft.kind == KindName::TaskDefinition && decision.new.contains(&draft.address);
        if !renewed || left_out.contains(&step) {
            continue;
        }
        for (service, edges) in &facts.edges {
            let owned = facts.fields.get(service).and_then(|fields| fields.get("task_definition"));
            let by_deployment = owned.is_some_and(|field| field.owner == aomidori_model::Owner::CodeDeploy);
            let stays = decision.keeper.contains_key(service) && !decision.replaced.contains(service);
            if by_deployment && stays && edges.iter().any(|edge| edge.on == draft.address) {
                notices.insert(Notice::NeedsDeployment { service: service.clone(), because: draft.address.clone() });
            }
        }
    }
    notices
}

impl Plan {
    /// The steps that wait for a step.
    pub fn followers(&self, id: StepId) -> impl Iterator<Item = &crate::Step> {
        self.steps.iter().filter(move |step| step.after.iter().any(|after| after.step == id))
    }
}

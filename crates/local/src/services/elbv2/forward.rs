//! Where listeners and rules send their traffic: what CodeDeploy and ECS read and rewrite.

use std::collections::BTreeSet;

use super::State;
use super::action::{Action, Forward, Weighted};
use super::target;
use crate::error::{ApiError, Result};
use crate::world::Cx;

/// All places that have actions: the load balancer's ARN, the listener's or rule's ARN, the actions.
fn places(state: &State) -> impl Iterator<Item = (&str, &str, &[Action])> {
    let listeners = state.listeners.values();
    let listeners = listeners.map(|l| (l.load_balancer_arn.as_str(), l.arn.as_str(), l.actions.as_slice()));
    let rules = state.rules.values().filter_map(|rule| {
        let listener = state.listeners.get(&rule.listener_arn)?;
        Some((listener.load_balancer_arn.as_str(), rule.arn.as_str(), rule.actions.as_slice()))
    });
    listeners.chain(rules)
}

fn forwards_to(actions: &[Action], group: &str) -> bool {
    actions.iter().flat_map(Action::target_groups).any(|weighted| weighted.target_group_arn == group)
}

/// The load balancers that a target group is behind, with whatever weight; one at most.
pub(crate) fn load_balancers_of(state: &State, group: &str) -> Vec<String> {
    let behind = places(state).filter(|(_, _, actions)| forwards_to(actions, group)).map(|(lb, _, _)| lb.to_owned());
    behind.collect::<BTreeSet<String>>().into_iter().collect()
}

/// Whether a listener or rule names a target group.
pub(super) fn is_referenced(state: &State, group: &str) -> bool {
    places(state).any(|(_, _, actions)| forwards_to(actions, group))
}

/// The rules of a listener, other than the default one, that forward to one of these groups.
pub(crate) fn rules_to(state: &State, listener: &str, groups: &[&str]) -> Vec<String> {
    let rules = state.rules.values().filter(|rule| rule.listener_arn == listener);
    rules
        .filter(|rule| groups.iter().any(|group| forwards_to(&rule.actions, group)))
        .map(|rule| rule.arn.clone())
        .collect()
}

/// The listener with this ARN, or whose default rule has it.
fn listener_arn(state: &State, arn: &str) -> Option<String> {
    let listener = state.listeners.values().find(|listener| listener.arn == arn || listener.default_rule_arn == arn);
    listener.map(|listener| listener.arn.clone())
}

/// The target groups and weights of a listener or a rule (by either's ARN); empty if it does not forward.
pub(crate) fn weights(state: &State, arn: &str) -> Vec<(String, u32)> {
    let actions = match listener_arn(state, arn) {
        Some(listener) => state.listeners.get(&listener).map(|listener| &listener.actions),
        None => state.rules.get(arn).map(|rule| &rule.actions),
    };
    let groups = actions.into_iter().flatten().flat_map(Action::target_groups);
    groups.map(|group| (group.target_group_arn.clone(), group.weight.unwrap_or(1))).collect()
}

/// Makes a listener or a rule (by either's ARN) forward to these groups with these weights, as a deployment does. Its
/// stickiness stays.
pub(crate) fn set_weights(cx: &mut Cx<'_>, arn: &str, weights: &[(String, u32)]) -> Result<()> {
    let state = cx.elbv2();
    let actions = match listener_arn(state, arn) {
        Some(listener) => state.listeners.get_mut(&listener).map(|listener| &mut listener.actions),
        None => state.rules.get_mut(arn).map(|rule| &mut rule.actions),
    };
    let Some(actions) = actions else {
        let code = if arn.contains(":listener-rule/") { "RuleNotFound" } else { "ListenerNotFound" };
        return Err(ApiError::new(code, format!("'{arn}' not found")));
    };
    let Some(action) = actions.iter_mut().find(|action| action.kind == "forward") else {
        return Err(ApiError::new("InvalidLoadBalancerAction", format!("'{arn}' does not forward")));
    };
    let groups = weights.iter().map(|(arn, weight)| Weighted { target_group_arn: arn.clone(), weight: Some(*weight) });
    let config = Forward {
        target_groups: groups.collect(),
        target_group_stickiness_config: action.forward_config.take().and_then(|c| c.target_group_stickiness_config),
    };
    *action = Action::forward(config, action.order);
    target::uses_changed(cx);
    Ok(())
}

//! Blue/green fits together: one pair, one load balancer, one service, one container.

use std::collections::BTreeMap;

use super::{Checks, reach};
use crate::kinds::deployment_group::DeploymentGroup;
use crate::kinds::ecs_service::{Deployment, PairTarget};
use crate::kinds::listener::Action;
use crate::kinds::{EcsService, Listener, ListenerRule, TargetGroup};
use crate::value::Target;
use crate::{Address, Ref};

pub(super) fn check(checks: &mut Checks<'_, '_>) {
    containers(checks);
    behind_listeners(checks);
    groups(checks);
    pairs_without_group(checks);
}

/// A service's way in names a container of its task definition, and a port on which that listens.
fn containers(checks: &mut Checks<'_, '_>) {
    for (address, service) in checks.all::<EcsService>() {
        let Some((task, definition)) = checks.find(&service.task_definition) else { continue };
        for (_, name, port) in service.targets() {
            match definition.containers.iter().find(|container| container.name == *name) {
                None => {
                    let names: Vec<_> = definition.containers.iter().map(|c| format!("`{}`", c.name)).collect();
                    checks.at(address).field(
                        "E-SERVICE-CONTAINER",
                        "load_balancer",
                        format!("`{task}` has no container `{name}`"),
                        format!("name one of its containers: {}", names.join(", ")),
                    );
                }
                Some(container) if !container.ports.contains(&port) => {
                    checks.at(address).field(
                        "E-SERVICE-PORT",
                        "load_balancer",
                        format!("container `{name}` of `{task}` does not listen on port {port}"),
                        "add the port to the container, or name one that it has",
                    );
                }
                Some(_) => {}
            }
        }
    }
}

/// A target group must be behind a listener before a service may use it (CreateService: "does not have an associated
/// load balancer").
fn behind_listeners(checks: &mut Checks<'_, '_>) {
    for (address, service) in checks.all::<EcsService>() {
        let first = service.targets().into_iter().map(|(group, ..)| group);
        // Of a pair the second group may be unattached until the first deployment.
        let needed: Vec<&Ref<TargetGroup>> =
            if service.is_code_deploy() { first.take(1).collect() } else { first.collect() };
        for group in needed.into_iter().filter(|group| group.address().is_some()) {
            let actions = checks.all::<Listener>().into_iter().map(|(_, listener)| &listener.default_action);
            let rules = checks.all::<ListenerRule>().into_iter().map(|(_, rule)| &rule.action);
            if !actions.chain(rules).any(|action| reach::forwards_to(action, group)) {
                let name = group.address().map(Address::as_str).unwrap_or_default();
                checks.at(address).field(
                    "E-TARGET-GROUP-UNUSED",
                    "load_balancer",
                    format!("no listener forwards to `{name}`, and ECS refuses a target group without a load balancer"),
                    "forward a listener or a rule to it",
                );
            }
        }
    }
}

fn groups(checks: &mut Checks<'_, '_>) {
    let mut taken: BTreeMap<&Target, &Address> = BTreeMap::new();
    for (address, group) in checks.all::<DeploymentGroup>() {
        if let Some(other) = taken.insert(group.service.target(), address) {
            checks.at(address).field(
                "E-GROUP-SERVICE",
                "ecs_service",
                format!("its service belongs to `{other}` already"),
                "an ECS service belongs to one deployment group",
            );
        }
        service(checks, address, group);
        listeners(checks, address, group);
    }
}

fn service(checks: &mut Checks<'_, '_>, address: &Address, group: &DeploymentGroup) {
    let Some((service_address, service)) = checks.find(&group.service) else { return };
    match &service.deployment {
        Deployment::Rolling(_) => checks.at(address).field(
            "E-GROUP-CONTROLLER",
            "ecs_service",
            format!("`{service_address}` is deployed by ECS itself"),
            "give the service the CodeDeploy deployment, or remove the deployment group",
        ),
        Deployment::CodeDeploy { target: PairTarget { blue, green, container: _, port: _ }, .. } => {
            let theirs = [blue, green];
            if !theirs.contains(&&group.pair.blue) || !theirs.contains(&&group.pair.green) {
                checks.at(address).field(
                    "E-GROUP-PAIR",
                    "target_groups",
                    format!("its pair of target groups is not the one of `{service_address}`"),
                    "name the same two target groups in both",
                );
            }
        }
    }
}

fn listeners(checks: &mut Checks<'_, '_>, address: &Address, group: &DeploymentGroup) {
    let production = checks.find(&group.pair.production);
    let test = group.pair.test.as_ref().and_then(|test| checks.find(test));
    if let (Some((_, production)), Some((_, test))) = (production, test)
        && production.load_balancer != test.load_balancer
    {
        checks.at(address).field(
            "E-PAIR-LISTENERS",
            "test_traffic_route",
            "production and test listener are on different load balancers",
            "CodeDeploy swings both on one load balancer; put both listeners there",
        );
    }
    for (field, found) in [("prod_traffic_route", production), ("test_traffic_route", test)] {
        let Some((listener_address, listener)) = found else { continue };
        if let Some(message) = unswung(checks, group, listener_address, listener) {
            checks.at(address).field(
                "E-PAIR-FORWARD",
                field,
                message,
                "make its default action, or the action of one of its rules, `forward_pair` with the group's two target \
                 groups: a fixed forward to one of them would be put back by the next `up`, which is an outage while the \
                 other side is live",
            );
        }
    }
}

/// Why CodeDeploy cannot swing a listener between the two target groups of a group. It moves all that forwards to these two
/// and nothing else: the default action and the rules, which may be one of several pairs behind the listener.
fn unswung(
    checks: &Checks<'_, '_>,
    group: &DeploymentGroup,
    listener_address: &Address,
    listener: &Listener,
) -> Option<String> {
    let rules = checks.all::<ListenerRule>().into_iter();
    let rules = rules.filter(|(_, rule)| rule.listener.address() == Some(listener_address));
    let rules = rules.map(|(address, rule)| (format!("the rule `{address}`"), &rule.action));
    let default = ("its default action".to_owned(), &listener.default_action);
    let actions: Vec<(String, &Action)> = std::iter::once(default).chain(rules).collect();

    let pair = [&group.pair.blue, &group.pair.green];
    let is_side = |group: &Ref<TargetGroup>| pair.contains(&group);
    let swings = |action: &Action| match action {
        Action::ForwardPair { blue, green } => blue != green && is_side(blue) && is_side(green),
        _ => false,
    };
    let leads: Vec<String> =
        actions.iter().filter_map(|(what, action)| Some(format!("{what} forwards to {}", goal(action)?))).collect();
    if !actions.iter().any(|(_, action)| swings(action)) {
        let (blue, green) = (name(&group.pair.blue), name(&group.pair.green));
        let leads = if leads.is_empty() { "nothing of it forwards".to_owned() } else { leads.join(", ") };
        return Some(format!(
            "neither the default action of `{listener_address}` nor one of its rules forwards to the pair `{blue}` and \
             `{green}`: {leads}"
        ));
    }
    let is_fixed = |action: &Action| match action {
        Action::Forward(to) => is_side(to),
        Action::ForwardWeighted(to) => to.iter().all(|weighted| is_side(&weighted.target_group)),
        Action::ForwardPair { .. } | Action::Redirect(_) | Action::FixedResponse(_) | Action::Other(_) => false,
    };
    let (what, fixed) = actions.iter().find(|(_, action)| is_fixed(action))?;
    Some(format!(
        "of `{listener_address}` {what} forwards to {} for ever, and CodeDeploy moves that, too",
        goal(fixed)?
    ))
}

/// Where an action forwards to, in words.
fn goal(action: &Action) -> Option<String> {
    Some(match action {
        Action::ForwardPair { blue, green } => format!("the pair `{}` and `{}`", name(blue), name(green)),
        Action::Forward(to) => format!("`{}`", name(to)),
        Action::ForwardWeighted(to) => {
            let to: Vec<String> = to.iter().map(|weighted| format!("`{}`", name(&weighted.target_group))).collect();
            format!("{} by weight", to.join(" and "))
        }
        Action::Redirect(_) | Action::FixedResponse(_) | Action::Other(_) => return None,
    })
}

fn name(group: &Ref<TargetGroup>) -> &str {
    match group.target() {
        Target::Address(address) => address.as_str(),
        Target::Id(id) => id,
    }
}

/// A service that CodeDeploy deploys wants a deployment group: without one it can never be deployed again.
fn pairs_without_group(checks: &mut Checks<'_, '_>) {
    let served: Vec<Option<&Address>> =
        checks.all::<DeploymentGroup>().into_iter().map(|(_, group)| group.service.address()).collect();
    for (address, service) in checks.all::<EcsService>() {
        if service.is_code_deploy() && !served.contains(&Some(address)) {
            checks.at(address).field(
                "E-SERVICE-GROUP",
                "deployment_controller.type",
                "CodeDeploy deploys it, and no deployment group names it",
                "add a deployment group for the service, or let ECS deploy it",
            );
        }
    }
}

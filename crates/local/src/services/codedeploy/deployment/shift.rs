//! Traffic: how listeners and their rules are rewritten.
//!
//! A listener's default action and its rules are a deployment's if they forward to the pair of target groups and nothing
//! else. Both groups stay in them for good, one with weight 0, so that targets of both are checked.

use super::life::{self, Act};
use super::{Deployment, Problem, active, install, permit};
use crate::services::elbv2::forward;
use crate::timings;
use crate::world::Cx;

/// The load balancer is not as it must be.
pub(super) fn invalid(why: &str) -> Problem {
    Problem::new(
        "ELASTIC_LOAD_BALANCING_INVALID",
        format!("The ELB could not be updated due to the following error: {why}"),
    )
}

/// The listener itself and its rules, where they forward to the pair only.
fn places(cx: &mut Cx<'_>, d: &Deployment, listener: &str) -> Vec<String> {
    let pair = [d.blue.group.as_str(), d.green.group.as_str()];
    let state = &*cx.elbv2();
    let mut all = vec![listener.to_owned()];
    all.extend(forward::rules_to(state, listener, &pair));
    all.retain(|place| {
        let weights = forward::weights(state, place);
        !weights.is_empty() && weights.iter().all(|(group, _)| pair.contains(&group.as_str()))
    });
    all
}

fn not_behind(listener: &str) -> Problem {
    invalid(&format!("Primary taskset target group must be behind listener {listener}"))
}

/// Lets a listener send so much to green, in percent, and the rest to blue. The greater part is written first.
fn route(cx: &mut Cx<'_>, d: &Deployment, listener: &str, green: u32) -> Act {
    let places = places(cx, d, listener);
    if places.is_empty() {
        return Err(not_behind(listener));
    }
    let green = green.min(100);
    let mut weights = vec![(d.blue.group.clone(), 100 - green), (d.green.group.clone(), green)];
    weights.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    for place in places {
        let action = if place.contains(":listener-rule/") { "ModifyRule" } else { "ModifyListener" };
        permit::check(cx, &d.role, &format!("elasticloadbalancing:{action}"), &place)?;
        if forward::weights(cx.elbv2(), &place) != weights {
            forward::set_weights(cx, &place, &weights).map_err(|e| invalid(&e.message))?;
            if let Some(found) = active(cx, &d.id) {
                found.touched = true;
            }
        }
    }
    Ok(())
}

/// Green's target group must be behind the load balancer before tasks can be registered and checked in it.
pub(super) fn attach(cx: &mut Cx<'_>, d: &Deployment) -> Act {
    let Some(listener) = d.listener(false) else { return Err(invalid("There is no production listener")) };
    let own = places(cx, d, listener);
    let state = &*cx.elbv2();
    let to_blue = |place: &String| forward::weights(state, place).iter().any(|(g, w)| *g == d.blue.group && *w > 0);
    if !own.iter().any(to_blue) {
        return Err(not_behind(listener));
    }
    if forward::load_balancers_of(state, &d.green.group).is_empty() {
        route(cx, d, listener, 0)?;
    }
    Ok(())
}

/// Both listeners as they are when nothing is being deployed.
pub(super) fn all_to_blue(cx: &mut Cx<'_>, d: &Deployment) -> Act {
    for listener in [d.listener(false), d.listener(true)].into_iter().flatten() {
        route(cx, d, listener, 0)?;
    }
    Ok(())
}

/// The test listener goes to green, or in a rollback back to blue.
pub(super) fn test(cx: &mut Cx<'_>, d: &Deployment) -> Act {
    let Some(listener) = d.listener(true) else { return Ok(()) };
    route(cx, d, listener, if d.undoes.is_some() { 0 } else { 100 })
}

/// Production traffic moves on.
pub(super) fn production(cx: &mut Cx<'_>, id: &str) -> Act {
    let now = cx.now();
    let Some(d) = active(cx, id).cloned() else { return Ok(()) };
    let Some(listener) = d.listener(false) else { return Err(invalid("There is no production listener")) };
    let (percent, stays) =
        if d.undoes.is_some() { (0, None) } else { (d.routing.next(d.shifted).0, Some(d.routing.next(d.shifted).1)) };
    route(cx, &d, listener, percent)?;
    if let Some(found) = active(cx, id) {
        (found.shifted, found.target_updated) = (percent, now);
    }
    match stays {
        Some(stays) if percent < 100 => life::wait(cx, id, stays),
        _ => {
            let live = if d.undoes.is_some() { &d.blue.set } else { &d.green.set };
            install::make_primary(cx, &d, live)?;
            life::later(cx, id, timings::LISTENER_REWRITE);
        }
    }
    Ok(())
}

/// The next part of the traffic, or the end of the shift.
pub(super) fn more(cx: &mut Cx<'_>, id: &str) -> Act {
    let Some(d) = active(cx, id) else { return Ok(()) };
    if d.undoes.is_some() || d.shifted >= 100 {
        life::go_on(cx, id);
        return Ok(());
    }
    production(cx, id)
}

/// How much of the production traffic a target group gets, in percent.
pub(super) fn share(cx: &mut Cx<'_>, d: &Deployment, group: &str) -> f64 {
    let Some(listener) = d.listener(false) else { return 0.0 };
    let places = places(cx, d, listener);
    let Some(place) = places.first() else { return 0.0 };
    let weights = forward::weights(cx.elbv2(), place);
    let total: u32 = weights.iter().map(|(_, weight)| weight).sum();
    let own: u32 = weights.iter().filter(|(g, _)| g == group).map(|(_, weight)| weight).sum();
    if total == 0 { 0.0 } else { f64::from(own) * 100.0 / f64::from(total) }
}

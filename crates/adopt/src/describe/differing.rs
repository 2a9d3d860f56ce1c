//! The planner's word on a description.

use aomidori_model::KindName;
use aomidori_plan::{Action, Notice, Observation, Obstacle, Reason, Step, plan};

use super::{Description, LeftOut};

/// What a plan would do to what is described, tags aside: to be left out, with the reason. Nothing, where the description is
/// complete. `have` was observed for the described stack, with its claims.
pub fn differing(described: &Description, have: &Observation) -> LeftOut {
    let mut wrong = LeftOut::new();
    let planned = match plan(&described.stack, have) {
        Ok(planned) => planned,
        Err(error) => {
            for obstacle in &error.obstacles {
                let address = match obstacle {
                    Obstacle::Foreign { address, .. } | Obstacle::Dangling { address, .. } => Some(address),
                    Obstacle::Cycle { addresses } => addresses.first(),
                };
                let place = address.and_then(|address| described.places.get(address));
                wrong.extend(place.map(|place| (place.clone(), obstacle.to_string())));
            }
            return wrong;
        }
    };
    // What is replaced takes along what refers to it. Left out, it stays, and the next plan shows what is left.
    let root = |step: &&Step| matches!(step.reason, Reason::CannotUpdate { .. } | Reason::Missing);
    let only_roots = planned.steps.iter().any(|step| root(&step));
    for step in planned.steps.iter().filter(|step| !only_roots || root(step)) {
        let Some(place) = described.places.get(&step.address) else { continue };
        let changed = step.changes.iter().map(|change| change.field.as_str()).filter(|field| *field != "tags");
        let why = match &step.reason {
            Reason::Missing => "it does not read as it would be described".to_owned(),
            Reason::CannotUpdate { fields } => format!("a stack cannot say its `{}`", fields.join("`, `")),
            _ => {
                let fields: Vec<&str> = changed.collect();
                if step.action == Action::Await || (step.action == Action::Update && fields.is_empty()) {
                    continue;
                }
                format!("a stack cannot say its `{}`", fields.join("`, `"))
            }
        };
        wrong.insert(place.clone(), why);
    }
    // A cluster or a namespace goes only when the last service in it has gone: with others in it, it is not the stack's alone.
    for notice in &planned.notices {
        let Notice::ForeignDrift { address, what, .. } = notice else { continue };
        let Some(place) = described.places.get(address) else { continue };
        let (inside, stand) = match place.0 {
            KindName::EcsCluster => (KindName::EcsService, "run"),
            KindName::PrivateDnsNamespace => (KindName::DiscoveryService, "are registered"),
            _ => continue,
        };
        if what == inside.as_str() {
            let others = planned.notices.iter().filter_map(|notice| match notice {
                Notice::ForeignDrift { address: at, what: kind, added } if at == address && kind == what => {
                    Some(added.rsplit('/').next().unwrap_or(added))
                }
                _ => None,
            });
            let others: Vec<&str> = others.collect();
            wrong
                .insert(place.clone(), format!("services that are not described {stand} in it: {}", others.join(", ")));
        }
    }
    wrong
}

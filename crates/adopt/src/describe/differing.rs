//! The planner's word on a description.

use aomidori_model::KindName;
use aomidori_plan::{Action, Notice, Observation, Obstacle, plan};

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
    for step in &planned.steps {
        let Some(place) = described.places.get(&step.address) else { continue };
        let fields: Vec<&str> =
            step.changes.iter().map(|change| change.field.as_str()).filter(|field| *field != "tags").collect();
        let why = match step.action {
            Action::Await => continue,
            Action::Update if fields.is_empty() => continue,
            Action::Update => format!("a stack cannot say its `{}`", fields.join("`, `")),
            Action::Create if step.replacing.is_none() => "it does not read as it would be described".to_owned(),
            Action::Create | Action::Delete => {
                format!("a stack would replace it: it cannot say its `{}`", fields.join("`, `"))
            }
        };
        // Both halves of a replacement are told once, by the one that has the fields.
        if !fields.is_empty() || !wrong.contains_key(place) {
            wrong.insert(place.clone(), why);
        }
    }
    // A cluster goes only when its last service has gone: with others in it, it is not the stack's alone.
    for notice in &planned.notices {
        let Notice::ForeignDrift { address, what, .. } = notice else { continue };
        let place = described.places.get(address).filter(|(kind, _)| *kind == KindName::EcsCluster);
        if let Some(place) = place
            && what == KindName::EcsService.as_str()
        {
            let others = planned.notices.iter().filter_map(|notice| match notice {
                Notice::ForeignDrift { address: at, what: kind, added } if at == address && kind == what => {
                    Some(added.rsplit('/').next().unwrap_or(added))
                }
                _ => None,
            });
            let others: Vec<&str> = others.collect();
            wrong.insert(place.clone(), format!("services that are not described run in it: {}", others.join(", ")));
        }
    }
    wrong
}

//! Which target groups are two sides of one thing.

use std::collections::BTreeMap;

use aomidori_model::{KindName, Value};
use aomidori_plan::Observed;

use super::value::text_of;
use crate::walk::Swing;

/// The two sides, blue first.
pub(super) type Pair = (String, String);

/// Target group pairs by the service and by the listeners that they serve.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    of_service: BTreeMap<String, Pair>,
    of_listener: BTreeMap<String, Vec<Pair>>,
}

impl Pairs {
    /// Those of the deployment groups that are described, and those that other controllers swing.
    pub(super) fn new(chosen: &[&Observed], swings: &[Swing]) -> Pairs {
        let mut pairs = Pairs::default();
        for seen in chosen.iter().filter(|seen| seen.kind == KindName::DeploymentGroup) {
            let text = |field: &str| text_of(seen.fields.value(field));
            let Value::Set(groups) = seen.fields.value("target_groups") else { continue };
            let groups: Vec<String> = groups.iter().filter_map(text_of).collect();
            let [blue, green] = groups.as_slice() else { continue };
            let service = text("ecs_service");
            // The side that serves now is called blue.
            let swapped = service.as_ref().and_then(|it| serving(chosen, it)).is_some_and(|it| it == *green);
            let pair = if swapped { (green.clone(), blue.clone()) } else { (blue.clone(), green.clone()) };
            for field in ["prod_traffic_route", "test_traffic_route"] {
                if let Some(listener) = text(field) {
                    pairs.of_listener.entry(listener).or_default().push(pair.clone());
                }
            }
            pairs.of_service.extend(service.map(|service| (service, pair)));
        }
        for Swing { groups: [blue, green], listeners } in swings {
            for listener in listeners {
                pairs.of_listener.entry(listener.clone()).or_default().push((blue.clone(), green.clone()));
            }
        }
        pairs
    }

    pub(super) fn of_service(&self, service: &str) -> Option<&Pair> {
        self.of_service.get(service)
    }

    /// The pair that an action of one of these (a listener, or a rule and its listener) hands its requests to.
    pub(super) fn around(&self, of: &[&str], groups: &[(String, i64)]) -> Option<&Pair> {
        let mut known = of.iter().filter_map(|arn| self.of_listener.get(*arn)).flatten();
        known.find(|(blue, green)| !groups.is_empty() && groups.iter().all(|(arn, _)| arn == blue || arn == green))
    }
}

/// The target group that a service's tasks are registered in.
fn serving(chosen: &[&Observed], service: &str) -> Option<String> {
    let service = chosen.iter().find(|it| it.kind == KindName::EcsService && it.id == service)?;
    let Value::Set(targets) = service.fields.value("load_balancer") else { return None };
    targets.iter().find_map(|target| match target {
        Value::Map(map) => text_of(map.get("target_group_arn")?),
        _ => None,
    })
}

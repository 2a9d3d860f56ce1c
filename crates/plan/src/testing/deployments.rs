//! What deployments leave live: listeners, services and revisions as CodeDeploy has them at some moment.

use std::collections::BTreeSet;

use aomidori_model::{KindName, Reference, Target, Value};

use super::values::{refs, with_value};
use super::{Dice, World};
use crate::Busy;

/// At what moment a deployment is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// None was ever made, or the last one is done: all is on one side.
    Between,
    /// One is running, at whatever stage.
    Running,
    /// One has failed or was stopped, nothing has rolled it back, and both sides are there.
    HalfWay,
}

impl World {
    /// Every deployment group has been deployed to, and is seen at a moment that the dice choose. Both listeners and their
    /// rules have any legal weights; either side is PRIMARY; what is PRIMARY has its own revision and network; and a
    /// revision was registered.
    pub fn deployed(&mut self, dice: &mut Dice) -> Moment {
        let moment = *dice.choose(&[Moment::Between, Moment::Running, Moment::HalfWay]).unwrap_or(&Moment::Between);
        let groups: Vec<usize> = (0..self.items.len()).filter(|n| self.is_at(*n, KindName::DeploymentGroup)).collect();
        for group in groups {
            self.deployed_by(group, moment, dice);
        }
        moment
    }

    fn is_at(&self, n: usize, kind: KindName) -> bool {
        self.items.get(n).is_some_and(|item| item.kind == kind)
    }

    fn deployed_by(&mut self, group: usize, moment: Moment, dice: &mut Dice) {
        let Some(item) = self.items.get_mut(group) else { return };
        item.busy = match moment {
            Moment::Between => None,
            Moment::Running => Some(Busy { deployment: "d-1".into(), status: "InProgress".into(), over: false }),
            Moment::HalfWay => Some(Busy { deployment: "d-1".into(), status: "Stopped".into(), over: true }),
        };
        let field = |name: &str| refs(item.fields.value(name));
        let (pair, service) = (field("target_groups"), field("ecs_service"));
        let listeners: BTreeSet<String> =
            field("prod_traffic_route").union(&field("test_traffic_route")).cloned().collect();
        let sides: Vec<String> = pair.iter().cloned().collect();
        let Some(live) = dice.choose(&sides).cloned() else { return };
        let side = |id: &String| {
            Value::from(Reference { kind: KindName::TargetGroup, target: Target::Id(id.clone()), output: None })
        };
        for n in 0..self.items.len() {
            let Some(item) = self.items.get_mut(n) else { continue };
            let forwards = refs(item.fields.value("action.forward"));
            let mine = match item.kind {
                KindName::Listener => listeners.contains(&item.id),
                KindName::ListenerRule => !refs(item.fields.value("listener_arn")).is_disjoint(&listeners),
                KindName::EcsService if service.contains(&item.id) => {
                    let mut set = |name: &str, value: Value| item.fields = with_value(&item.fields, name, value);
                    set("task_definition", Value::str(format!("task-definition/web:{}", dice.roll(9))));
                    set("load_balancer", Value::Set([Value::map([("target_group_arn", side(&live))])].into()));
                    set("network_configuration.security_groups", Value::Set([Value::str("sg-by-appspec")].into()));
                    set("platform_version", Value::str("1.4.0"));
                    false
                }
                _ => false,
            };
            if !mine || forwards.is_empty() || !forwards.is_subset(&pair) {
                continue;
            }
            // Between deployments all is on the side that is live; else anything may be anywhere.
            let to: Vec<&String> = match (moment, dice.roll(3)) {
                (Moment::Between, _) => vec![&live],
                (_, 0) => sides.iter().collect(),
                (_, at) => sides.get(at - 1).into_iter().collect(),
            };
            // Both groups stay in a listener for good, one with weight 0 (aws-facts 3.5).
            let weights = Value::Set(sides.iter().map(side).collect());
            let to = Value::Set(to.iter().map(|id| side(id)).collect());
            item.fields =
                with_value(&with_value(&item.fields, "action.forward", to), "action.forward_weights", weights);
        }
        // A registered revision is the latest of its family: the planner sees that one.
        let registered = dice.roll(2) == 1;
        self.minted += 1;
        let minted = self.minted;
        for item in self.items.iter_mut().filter(|item| registered && item.kind == KindName::TaskDefinition) {
            let used = |other: &str| item.fields.value("family").as_str() == Some(other);
            if used("web") || used("web-2") {
                item.id = format!("{}-{minted}", item.kind);
                item.tags.insert("aomidori:declared-image/app".into(), "registry/app:main".into());
            }
        }
    }
}

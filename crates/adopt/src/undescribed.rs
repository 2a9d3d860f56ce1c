//! What is live and a stack does not describe, for whoever writes the stack in another language.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::ownership::declared_image_key;
use aomidori_model::{Address, Stack, Value};
use aomidori_plan::Observation;

use crate::claims::key;
use crate::describe::is_lost;
use crate::walk::Beyond;

/// The arguments of Terraform's resources that say what is live and no stack can say, or this one leaves unsaid: in a
/// configuration they have to be ignored, or what is there would be undone.
pub fn undescribed(stack: &Stack, have: &Observation, beyond: &[Beyond]) -> BTreeMap<Address, BTreeSet<&'static str>> {
    let mut more: BTreeMap<_, BTreeSet<&'static str>> = BTreeMap::new();
    for it in beyond {
        more.entry((it.kind, key(it.kind, &it.id))).or_default().extend(it.arguments);
    }
    let mut found = BTreeMap::new();
    for (address, seen) in have.ours() {
        let Some(entry) = stack.get(address) else { continue };
        let mut arguments = more.remove(&(seen.kind, key(seen.kind, &seen.id))).unwrap_or_default();
        for field in &entry.resource.fields() {
            let live = seen.fields.value(field.name);
            // What Terraform takes where nothing is said.
            let usual = matches!(live, Value::Null | Value::Bool(false)) || field.name == "enable_dns_support";
            if field.value == Value::Null && !usual && is_lost(field, &Value::Null, live) {
                arguments.insert(field.name.split('.').next().unwrap_or(field.name));
            }
        }
        // A deployment runs another image, and a new revision of the stack's would take its place.
        if seen.tags.keys().any(|tag| tag.starts_with(&declared_image_key(""))) {
            arguments.insert("container_definitions");
        }
        if !arguments.is_empty() {
            found.insert(address.clone(), arguments);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use aomidori_model::{KindName, Resource};
    use aomidori_plan::testing::{Dice, World};
    use aomidori_plan::{Ownership, plan};

    use super::*;

    #[test]
    fn what_is_live_and_unsaid_is_told_and_what_terraform_takes_anyhow_is_not() {
        let mut stack =
            aomidori_practice::stack(&aomidori_practice::Inputs::default()).expect("the practice environment");
        let mut world = World::default();
        let planned = plan(&stack, &world.observe()).expect("a plan");
        assert!(world.run(&stack, &planned, &mut Dice::new([]), 1_000_000).expect("no refusal"));
        let mut have = world.observe();
        assert_eq!(undescribed(&stack, &have, &[]), BTreeMap::new(), "all that it says is there");

        let at = |text: &str| text.parse::<Address>().expect("an address");
        let (group, vpc) = (at("platform/log-group"), at("network/vpc"));
        let entry = |stack: &mut Stack, at: &Address, change: fn(&mut Resource)| {
            change(&mut stack.get_mut(at).expect("it is there").resource);
        };
        entry(&mut stack, &group, |it| {
            let Resource::LogGroup(it) = it else { panic!("no log group") };
            it.retention_in_days = None;
        });
        entry(&mut stack, &vpc, |it| {
            let Resource::Vpc(it) = it else { panic!("no VPC") };
            it.dns_support = None;
        });
        let id = have.ours().find(|(address, _)| **address == group).map(|(_, seen)| seen.id.clone());
        let key = Beyond {
            kind: KindName::LogGroup,
            id: id.expect("it is live"),
            what: "its key".to_owned(),
            shuts: false,
            arguments: &["kms_key_id"],
        };
        let elsewhere = Beyond { id: "another".to_owned(), arguments: &["log_group_class"], ..key.clone() };
        let found = undescribed(&stack, &have, &[key, elsewhere]);
        let beyond = BTreeMap::from([(group, BTreeSet::from(["kms_key_id", "retention_in_days"]))]);
        assert_eq!(found, beyond);

        let definition = at("services/task-definition/maintenance-bg");
        let live = have.resources.iter_mut().find(|seen| seen.owner == Ownership::Ours(definition.clone()));
        let tags = &mut live.expect("it is live").tags;
        tags.insert(declared_image_key("maintenance"), "the stack's".to_owned());
        let found = undescribed(&stack, &have, &[]);
        assert_eq!(found.get(&definition), Some(&BTreeSet::from(["container_definitions"])), "what is deployed stays");
    }
}

//! What is live and a stack does not describe, for whoever writes the stack in another language.

use std::collections::{BTreeMap, BTreeSet};

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
        if !arguments.is_empty() {
            found.insert(address.clone(), arguments);
        }
    }
    found
}

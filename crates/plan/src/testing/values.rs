//! Values of live resources: references by id, and what an update makes of them.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::{Address, Compare, Fields, KindName, Reference, Target, Value};

use super::Item;
use crate::FieldChange;

pub(super) fn is(reference: &Reference, item: &Item) -> bool {
    reference.kind == item.kind && matches!(&reference.target, Target::Id(id) if *id == item.id)
}

pub(super) fn refs(value: &Value) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    value.for_each_ref(&mut |reference| {
        if let Target::Id(id) = &reference.target {
            ids.insert(id.clone());
        }
    });
    ids
}

pub(super) fn by_id(value: &Value, known: &BTreeMap<Address, (KindName, String)>) -> Value {
    match value {
        Value::Ref(reference) => {
            let Reference { kind, target: Target::Address(address), output: None } = &**reference else {
                return value.clone();
            };
            match known.get(address) {
                Some((_, id)) => Reference { kind: *kind, target: Target::Id(id.clone()), output: None }.into(),
                None => value.clone(),
            }
        }
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Str(_) | Value::Caseless(_) => value.clone(),
        Value::List(items) => Value::List(items.iter().map(|v| by_id(v, known)).collect()),
        Value::Set(items) => Value::Set(items.iter().map(|v| by_id(v, known)).collect()),
        Value::Map(items) => Value::Map(items.iter().map(|(k, v)| (k.clone(), by_id(v, known))).collect()),
        Value::Join(items) => Value::Join(items.iter().map(|v| by_id(v, known)).collect()),
    }
}

/// A value after an update.
pub(super) fn changed(compare: Compare, before: &Value, change: &FieldChange, then: Value) -> Value {
    let text = |value: &Value| value.resolve(&|_| None);
    if change.after == Value::Null {
        return Value::Null;
    }
    match (compare, before, then) {
        (Compare::DeclaredKeys, Value::Map(live), Value::Map(wanted)) => {
            let mut live = live.clone();
            live.extend(wanted);
            Value::Map(live)
        }
        (Compare::Parts, Value::Map(live), Value::Map(wanted)) => {
            let mut live = live.clone();
            if let Value::Map(ours) = &change.before {
                live.retain(|key, _| !ours.contains_key(key));
            }
            live.extend(wanted);
            Value::Map(live)
        }
        (Compare::Parts, Value::Set(live), Value::Set(wanted)) => {
            let mut live = live.clone();
            if let Value::Set(ours) = &change.before {
                live.retain(|part| !ours.contains(&text(part)));
            }
            live.extend(wanted);
            Value::Set(live)
        }
        (_, _, then) => then,
    }
}

pub(super) fn with_value(fields: &Fields, name: &str, value: Value) -> Fields {
    let mut copy = fields.clone();
    copy.set(name, value);
    copy
}

/// True for kinds whose id is made of their name.
pub(super) fn is_named(kind: KindName) -> bool {
    matches!(
        kind,
        KindName::LogGroup | KindName::EcrRepository | KindName::IamRole | KindName::IamPolicy | KindName::EcsCluster
    )
}

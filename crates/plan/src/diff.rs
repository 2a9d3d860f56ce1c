//! What differs between one wanted resource and its live counterpart.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::ownership::{self, Marks};
use aomidori_model::{Address, Compare, Field, Fields, Owner, Reference, Stack, Target, Value};

use crate::live::Live;
use crate::marks::marks;
use crate::observation::Observation;
use crate::{FieldChange, Notice, Ownership};

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) field: String,
    pub(crate) before: Value,
    pub(crate) after: Value,
    pub(crate) replaces: bool,
    pub(crate) secret: bool,
    /// The resources whose ids are not known yet, if it is only for them that the field differs.
    pub(crate) unknown: BTreeSet<Address>,
}

impl Change {
    pub(crate) fn to_field_change(&self) -> FieldChange {
        let shown = |value: &Value| if self.secret { Value::Null } else { value.clone() };
        FieldChange {
            field: self.field.clone(),
            before: shown(&self.before),
            after: shown(&self.after),
            replaces: self.replaces,
            secret: self.secret,
        }
    }
}

/// What references of the stack stand for while a plan is made.
pub(crate) trait Known {
    /// The text that a reference stands for, if it is live and stays.
    fn lookup(&self, reference: &Reference) -> Option<String>;
    /// True if what is at an address gets a new id by this plan.
    fn is_new(&self, address: &Address) -> bool;
}

/// A wanted value beside a live one.
enum Verdict {
    Same,
    /// Cannot be told, and nothing in this plan will change that.
    Unknowable,
    Differs(BTreeSet<Address>),
}

/// The fields and tags that differ, in order of declaration, tags last. `dying` are ids of ours that are deleted, and that
/// `live` would keep from it.
pub(crate) fn diff(
    stack: &Stack,
    address: &Address,
    fields: &Fields,
    live: &Live<'_>,
    dying: &BTreeSet<&str>,
    known: &impl Known,
) -> Vec<Change> {
    let marks = live.seen.marks();
    let mut changes = Vec::new();
    for field in fields {
        if field.value.is_null() || field.owner == Owner::CodeDeploy {
            continue;
        }
        let (before, after) = (live.value(field.name), field.value.resolve(&|r| known.lookup(r)));
        if let Some((before, unknown)) = compare(field, before, &after, &Whose { marks: &marks, dying }, known) {
            changes.push(Change {
                field: field.name.to_owned(),
                before,
                after,
                replaces: field.replaces,
                secret: field.secret,
                unknown,
            });
        }
    }
    changes.extend(tags(stack, address, fields, live, &marks, known));
    changes
}

/// What is to be shown as before, and what is unknown, if the field differs.
fn compare(
    field: &Field,
    before: &Value,
    after: &Value,
    whose: &Whose<'_>,
    known: &impl Known,
) -> Option<(Value, BTreeSet<Address>)> {
    let differs = |verdict| match verdict {
        Verdict::Same | Verdict::Unknowable => None,
        Verdict::Differs(unknown) => Some((before.clone(), unknown)),
    };
    match (field.compare, before, after) {
        (Compare::Within, Value::Set(live), Value::Set(wanted)) => {
            let inside = !live.is_empty() && live.is_subset(wanted);
            if inside { None } else { differs(verdict(before, after, known)) }
        }
        (Compare::DeclaredKeys, _, Value::Map(wanted)) if wanted.is_empty() => None,
        (Compare::DeclaredKeys, Value::Map(live), Value::Map(wanted)) => {
            let mut unknown = BTreeSet::new();
            let mut certain = false;
            for (key, value) in wanted {
                if let Verdict::Differs(on) = verdict(live.get(key).unwrap_or(&Value::Null), value, known) {
                    certain |= on.is_empty();
                    unknown.extend(on);
                }
            }
            if certain {
                unknown.clear();
            } else if unknown.is_empty() {
                return None;
            }
            let shown = live.iter().filter(|(key, _)| wanted.contains_key(*key));
            Some((Value::Map(shown.map(|(key, value)| (key.clone(), value.clone())).collect()), unknown))
        }
        (Compare::Parts, _, _) => {
            let ours = own_parts(field.name, before, after, whose);
            match verdict(&ours, after, known) {
                Verdict::Differs(unknown) => Some((ours, unknown)),
                Verdict::Same | Verdict::Unknowable => None,
            }
        }
        _ => differs(verdict(before, after, known)),
    }
}

fn verdict(before: &Value, after: &Value, known: &impl Known) -> Verdict {
    if before == after {
        return Verdict::Same;
    }
    let mut unresolved = false;
    let mut new = BTreeSet::new();
    after.for_each_ref(&mut |reference| {
        unresolved = true;
        if let Target::Address(address) = &reference.target
            && known.is_new(address)
        {
            new.insert(address.clone());
        }
    });
    if unresolved && new.is_empty() { Verdict::Unknowable } else { Verdict::Differs(new) }
}

/// What tells our parts from those of others.
struct Whose<'a> {
    /// Records what we made.
    marks: &'a Marks,
    /// Ids of ours that this plan deletes, and that a part would keep from being deleted.
    dying: &'a BTreeSet<&'a str>,
}

impl Whose<'_> {
    fn ours(&self, field: &str, key: &str, part: &Value) -> bool {
        self.marks.parts.contains(&ownership::part_hash(field, key))
            || part.as_str().is_some_and(|id| self.dying.contains(id))
    }
}

/// The live parts that are wanted, recorded as ours, or in the way of a deletion, in the form of the wanted value.
fn own_parts(field: &str, live: &Value, wanted: &Value, whose: &Whose<'_>) -> Value {
    let keys = ownership::part_keys(wanted);
    let ours = |key: &str, part: &Value| keys.contains(key) || whose.ours(field, key, part);
    match (live, wanted) {
        (Value::Map(live), _) => Value::Map(
            live.iter().filter(|(key, part)| ours(key, part)).map(|(key, part)| (key.clone(), part.clone())).collect(),
        ),
        (Value::Set(live), _) => {
            Value::Set(live.iter().filter(|part| part.as_str().is_none_or(|key| ours(key, part))).cloned().collect())
        }
        (_, Value::Set(_)) => Value::Set(BTreeSet::new()),
        (_, Value::Map(_)) => Value::Map(BTreeMap::new()),
        _ => live.clone(),
    }
}

/// The tags that differ: before and after hold only those.
fn tags(
    stack: &Stack,
    address: &Address,
    fields: &Fields,
    live: &Live<'_>,
    marks: &Marks,
    known: &impl Known,
) -> Option<Change> {
    let lookup = |reference: &Reference| known.lookup(reference);
    let wanted = stack.complete_tags(address, fields, &lookup);
    changed_tags(&wanted, live, marks, unknown_parts(fields, known))
}

/// The tags that differ where nothing but tags is written.
pub(crate) fn marking(
    stack: &Stack,
    address: &Address,
    fields: &Fields,
    live: &Live<'_>,
    known: &impl Known,
) -> Option<Change> {
    let lookup = |reference: &Reference| known.lookup(reference);
    let wanted = marks(stack, address, fields, &live.seen.tags, &lookup);
    changed_tags(&wanted, live, &live.seen.marks(), None)
}

fn changed_tags(
    wanted: &BTreeMap<String, String>,
    live: &Live<'_>,
    marks: &Marks,
    record: Option<(BTreeSet<Address>, Vec<Value>)>,
) -> Option<Change> {
    if wanted.is_empty() {
        return None;
    }
    let is_record = |key: &str| ownership::is_own_key(key) && key != ownership::STACK && key != ownership::ADDRESS;
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    for (key, value) in wanted {
        let has = live.seen.tags.get(key);
        if has == Some(value) || (record.is_some() && is_record(key)) {
            continue;
        }
        before.extend(has.map(|value| (key.clone(), Value::str(value))));
        after.insert(key.clone(), Value::str(value));
    }
    for (key, value) in &live.seen.tags {
        let recorded = marks.parts.contains(&ownership::part_hash("tags", key));
        let gone = !wanted.contains_key(key) && if is_record(key) { record.is_none() } else { recorded };
        if gone {
            before.insert(key.clone(), Value::str(value));
        }
    }
    let mut unknown = BTreeSet::new();
    if let Some((new, references)) = record
        && !new.is_empty()
    {
        before.extend(live.seen.tags.get(ownership::PARTS).map(|had| (ownership::PARTS.to_owned(), Value::str(had))));
        if before.is_empty() || after.is_empty() {
            unknown = new;
        }
        after.insert(ownership::PARTS.to_owned(), Value::Join(references));
    }
    (!before.is_empty() || !after.is_empty()).then(|| Change {
        field: "tags".to_owned(),
        before: Value::Map(before),
        after: Value::Map(after),
        replaces: false,
        secret: false,
        unknown,
    })
}

/// References among the keys of parts that are not known: those with new ids, and all of them as values. `None` if every
/// part can be recorded.
fn unknown_parts(fields: &Fields, known: &impl Known) -> Option<(BTreeSet<Address>, Vec<Value>)> {
    let mut new = BTreeSet::new();
    let mut references = Vec::new();
    for field in fields.iter().filter(|field| field.compare == Compare::Parts) {
        let Value::Set(parts) = field.value.resolve(&|r| known.lookup(r)) else { continue };
        for part in parts {
            part.for_each_ref(&mut |reference| {
                references.push(reference.clone().into());
                if let Target::Address(address) = &reference.target
                    && known.is_new(address)
                {
                    new.insert(address.clone());
                }
            });
        }
    }
    (!references.is_empty()).then_some((new, references))
}

/// Parts of a live resource that are neither wanted nor ours: somebody else's.
pub(crate) fn foreign_parts(
    address: &Address,
    fields: &Fields,
    live: &Live<'_>,
    dying: &BTreeSet<&str>,
    known: &impl Known,
) -> Vec<Notice> {
    let marks = live.seen.marks();
    let whose = Whose { marks: &marks, dying };
    let mut notices = Vec::new();
    for field in fields.iter().filter(|field| field.compare == Compare::Parts && !field.value.is_null()) {
        let wanted = ownership::part_keys(&field.value.resolve(&|r| known.lookup(r)));
        for part in ownership::part_keys(live.value(field.name)) {
            if !wanted.contains(&part) && !whose.ours(field.name, &part, &Value::str(&part)) {
                notices.push(Notice::ForeignDrift {
                    address: address.clone(),
                    what: field.name.to_owned(),
                    added: part,
                });
            }
        }
    }
    notices
}

/// What others added inside ours, as resources of their own.
pub(crate) fn added(have: &Observation) -> Vec<Notice> {
    let mut notices = Vec::new();
    for seen in &have.resources {
        if let Ownership::Added { inside } = &seen.owner {
            notices.push(Notice::ForeignDrift {
                address: inside.clone(),
                what: seen.kind.as_str().to_owned(),
                added: seen.id.clone(),
            });
        }
    }
    notices
}

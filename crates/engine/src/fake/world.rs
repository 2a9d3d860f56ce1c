//! What is in the fake's account: resources of any kind, in fields, with the general rules of AWS.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::field::Field;
use aomidori_model::limits::{Fill, Limit};
use aomidori_model::ownership::{self, Marks};
use aomidori_model::{Address, Compare, Fields, KindName, Need, Owner, Reference, Stack, StackName, Target, Value};
use aomidori_plan::{FieldChange, Observed, Ownership, Status};
use tokio::time::Instant;

use super::rules;
use crate::cloud::{CloudError, ErrorKind, Known, Made, Progress, Want};

/// One live resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thing {
    /// Its kind.
    pub kind: KindName,
    /// Its id.
    pub id: String,
    /// Its fields; references are ids.
    pub fields: Fields,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Further outputs.
    pub outputs: BTreeMap<String, String>,
    /// How it is.
    pub state: ThingState,
    /// Whose it is, where the kind takes no tags.
    pub kept_marks: Option<(StackName, Address)>,
    /// A newer revision is there.
    pub superseded: bool,
    /// Somebody added it inside this one.
    pub added_inside: Option<Address>,
}

/// How a thing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ThingState {
    /// Usable.
    Ready,
    /// Usable after this many polls.
    Pending(u32),
    /// Gone after this many polls.
    Deleting(u32),
    /// Never to be usable.
    Failed(String),
}

/// Everything in the account.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) things: BTreeMap<String, Thing>,
    pub(super) minted: u64,
    pub(super) lease: Option<(crate::cloud::LeaseRequest, Instant)>,
    pub(super) violations: Vec<String>,
    pub(super) polls_until_ready: u32,
    pub(super) polls_until_gone: u32,
    pub(super) finds_until_visible: u32,
    /// How often each thing has not been found yet.
    pub(super) missed: BTreeMap<String, u32>,
    /// How often a namespace is asked for until it has an id.
    pub(super) tries_until_id: u32,
    /// How often each namespace has been asked for, by token.
    pub(super) tried: BTreeMap<String, u32>,
    /// Since when there are limits, and how full their buckets are.
    pub(super) limited: Option<(Instant, BTreeMap<&'static str, Fill>)>,
}

/// An error with the fake's wording.
pub(super) fn refuse(kind: ErrorKind, operation: &str, message: impl Into<String>) -> CloudError {
    let code = Some(format!("{kind:?}"));
    CloudError { kind, operation: format!("fake:{operation}"), code, message: message.into() }
}

impl Thing {
    /// Whose it is.
    pub fn owner(&self) -> Option<(String, Address)> {
        if let Some((stack, address)) = &self.kept_marks {
            return Some((stack.to_string(), address.clone()));
        }
        let marks = Marks::of(&self.tags);
        Some((marks.stack?, marks.address?))
    }

    fn belongs_to(&self, stack: &StackName, address: &Address) -> bool {
        self.owner().is_some_and(|(name, at)| name == stack.as_str() && at == *address)
    }

    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.state, ThingState::Deleting(_))
    }

    /// True for revisions of one family.
    fn is_revision_of(&self, other: &Thing) -> bool {
        self.kind == other.kind && self.owner() == other.owner() && replacing(&self.fields) == replacing(&other.fields)
    }

    fn made(&self) -> Made {
        Made { id: self.id.clone(), outputs: self.outputs.clone() }
    }

    fn set(&mut self, name: &str, value: Value) {
        self.fields.set(name, value);
    }
}

/// Adds a field with the marks of another.
fn copy(fields: &mut Fields, from: &Field, value: Value) {
    *fields.add(from.name, Value::Null) = Field { value, ..from.clone() };
}

/// A wanted value as it is live: references are ids, joined texts are texts.
pub(super) fn pin(value: &Value, known: &Known) -> Result<Value, CloudError> {
    let all = |items: &[Value]| items.iter().map(|item| pin(item, known)).collect::<Result<Vec<_>, _>>();
    Ok(match value {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Str(_) | Value::Caseless(_) => value.clone(),
        Value::Ref(reference) => {
            let id = known.text(&Reference { output: None, ..(**reference).clone() })?;
            // The output must be known too, although its resource is what is kept.
            known.text(reference).or_else(|error| match reference.target {
                Target::Id(_) => Ok(String::new()),
                Target::Address(_) => Err(error),
            })?;
            Reference { target: Target::Id(id), ..(**reference).clone() }.into()
        }
        Value::List(items) => Value::List(all(items)?),
        Value::Set(items) => Value::Set(items.iter().map(|item| pin(item, known)).collect::<Result<BTreeSet<_>, _>>()?),
        Value::Map(items) => Value::Map(
            items
                .iter()
                .map(|(key, item)| Ok((key.clone(), pin(item, known)?)))
                .collect::<Result<BTreeMap<_, _>, CloudError>>()?,
        ),
        Value::Join(items) => {
            let joined = Value::Join(items.clone()).resolve(&|reference| known.lookup(reference));
            match joined {
                Value::Join(_) => return Err(CloudError::bug("a joined text is not known")),
                text => text,
            }
        }
    })
}

/// All fields of a wanted resource as they are live.
pub(super) fn pinned(fields: &Fields, known: &Known) -> Result<Fields, CloudError> {
    let mut live = Fields::default();
    for field in fields {
        copy(&mut live, field, pin(&field.value, known)?);
    }
    Ok(live)
}

/// The text of a part: what it is recorded under.
fn part_key(value: &Value) -> Option<String> {
    match value {
        Value::Ref(reference) => match &reference.target {
            Target::Id(id) => Some(id.clone()),
            Target::Address(_) => None,
        },
        other => other.as_str().map(str::to_owned),
    }
}

fn part_keys(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Map(map) => map.keys().cloned().collect(),
        Value::Set(set) => set.iter().filter_map(part_key).collect(),
        _ => BTreeSet::new(),
    }
}

impl World {
    pub(super) fn violation(&mut self, text: impl Into<String>) {
        self.violations.push(text.into());
    }

    /// Takes what a call needs from its bucket.
    pub(super) fn admit(&mut self, limit: Option<Limit>) -> Result<(), CloudError> {
        let (Some((began, fills)), Some(limit)) = (&mut self.limited, limit) else { return Ok(()) };
        let now = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let fill = fills.entry(limit.bucket).or_default();
        if fill.free_at(limit) > now {
            return Err(refuse(ErrorKind::Throttled, limit.bucket, "Rate exceeded"));
        }
        fill.take(now, limit);
        Ok(())
    }

    /// A namespace has no id before its hosted zone is there.
    pub(super) fn zone(&mut self, want: &Want<'_>) -> Result<(), CloudError> {
        let tried = self.tried.entry(want.token.to_owned()).or_default();
        if want.resource.kind() != KindName::PrivateDnsNamespace || *tried >= self.tries_until_id {
            return Ok(());
        }
        *tried += 1;
        Err(refuse(ErrorKind::Underway, "Create", "its hosted zone is being made"))
    }

    /// The first call of a creation: everything but parts and what has calls of its own.
    pub(super) fn create(&mut self, want: &Want<'_>) -> Result<String, CloudError> {
        let kind = want.resource.kind();
        let wanted = pinned(&want.resource.fields(), want.known)
            .inspect_err(|error| self.violations.push(format!("{}: {error}", want.address)))?;
        self.check_references(want, &wanted)?;
        if let Some(taken) = self.taken(kind, &wanted) {
            let message = format!("{} has its name or place", taken.id);
            return Err(refuse(ErrorKind::AlreadyExists, "Create", message));
        }
        let twin = self.things.values().find(|thing| {
            thing.kind == kind
                && thing.belongs_to(want.stack, want.address)
                && !thing.is_leaving()
                && !matches!(thing.state, ThingState::Failed(_))
                && replacing(&thing.fields) == replacing(&wanted)
        });
        if let Some(twin) = twin {
            let text = format!("{} is created a second time, and {} is there", want.address, twin.id);
            self.violation(text);
        }
        self.check_marks(want);
        let mut fields = Fields::default();
        for field in &wanted {
            let later = rules::set_later(field);
            let empty = match &field.value {
                _ if !later => field.value.clone(),
                Value::Map(_) => Value::Map(BTreeMap::new()),
                Value::Set(_) => Value::Set(BTreeSet::new()),
                _ => Value::Null,
            };
            copy(&mut fields, field, empty);
        }
        self.minted += 1;
        let id = format!("{}-{:04}", kind.as_str().replace('_', "-"), self.minted);
        let outputs = rules::OUTPUTS.iter().map(|output| ((*output).to_owned(), format!("{output}.of.{id}"))).collect();
        let info = kind.info();
        let state = match info.timing.ready {
            0 => ThingState::Ready,
            _ => ThingState::Pending(self.polls_until_ready),
        };
        let kept_marks = (!info.taggable).then(|| (want.stack.clone(), want.address.clone()));
        let tags = if info.taggable { want.tags.clone() } else { BTreeMap::new() };
        let thing = Thing {
            kind,
            id: id.clone(),
            fields,
            tags,
            outputs,
            state,
            kept_marks,
            superseded: false,
            added_inside: None,
        };
        self.things.insert(id.clone(), thing);
        Ok(id)
    }

    /// Sets fields that have calls of their own.
    pub(super) fn set_fields(&mut self, id: &str, values: &[(&'static str, Value)]) -> Result<(), CloudError> {
        let thing = self.live_mut(id)?;
        for (name, value) in values {
            thing.set(name, value.clone());
        }
        Ok(())
    }

    /// Adds, changes and removes the parts of one field: removed is only what the old record has.
    pub(super) fn set_parts(
        &mut self,
        id: &str,
        name: &'static str,
        wanted: &Value,
        recorded: &BTreeSet<String>,
    ) -> Result<(), CloudError> {
        let thing = self.live_mut(id)?;
        let now = Marks::of(&thing.tags).parts;
        let keys = part_keys(wanted);
        let live = thing.fields.value(name).clone();
        let goes = |key: &str| recorded.contains(&ownership::part_hash(name, key)) && !keys.contains(key);
        let stays = match (&live, wanted) {
            (Value::Map(live), Value::Map(wanted)) => {
                let mut map: BTreeMap<_, _> =
                    live.iter().filter(|(key, _)| !goes(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
                map.extend(wanted.clone());
                Value::Map(map)
            }
            (Value::Set(live), Value::Set(wanted)) => {
                let goes = |part: &&Value| part_key(part).is_some_and(|key| goes(&key));
                Value::Set(live.iter().filter(|part| !goes(part)).chain(wanted).cloned().collect())
            }
            (_, wanted) => wanted.clone(),
        };
        // Whatever of ours is there while this happens must be in the record that is written at the moment.
        let unrecorded: Vec<String> = keys
            .iter()
            .filter(|key| !now.contains(&ownership::part_hash(name, key)))
            .map(|key| format!("{id}: the part `{key}` of {name} is added before it is recorded"))
            .collect();
        thing.set(name, stays);
        self.violations.extend(unrecorded);
        Ok(())
    }

    /// Writes tags: adds and overwrites `set`, removes `remove`.
    pub(super) fn tag(
        &mut self,
        id: &str,
        set: &BTreeMap<String, String>,
        remove: &BTreeSet<String>,
    ) -> Result<(), CloudError> {
        let thing = self.live_mut(id)?;
        let before = Marks::of(&thing.tags).parts;
        thing.tags.extend(set.clone());
        thing.tags.retain(|key, _| !remove.contains(key));
        let after = Marks::of(&thing.tags).parts;
        let marked = thing.owner().is_some();
        let mut live: Vec<(&'static str, String)> =
            thing.tags.keys().filter(|key| !ownership::is_own_key(key)).map(|key| ("tags", key.clone())).collect();
        for field in thing.fields.iter().filter(|field| field.compare == Compare::Parts) {
            live.extend(part_keys(&field.value).into_iter().map(|key| (field.name, key)));
        }
        let forgotten = live.iter().map(|(field, key)| ownership::part_hash(field, key));
        let forgotten: Vec<String> = forgotten.filter(|hash| before.contains(hash) && !after.contains(hash)).collect();
        if !marked {
            self.violation(format!("{id} has lost its marks"));
        }
        if !forgotten.is_empty() {
            self.violation(format!("{id}: parts of ours are there and not recorded any more: {forgotten:?}"));
        }
        Ok(())
    }

    /// A new revision.
    pub(super) fn revise(&mut self, want: &Want<'_>, old: &str) -> Result<String, CloudError> {
        let wanted = pinned(&want.resource.fields(), want.known)
            .inspect_err(|error| self.violations.push(format!("{}: {error}", want.address)))?;
        self.check_references(want, &wanted)?;
        let mut thing = self.live_mut(old)?.clone();
        self.minted += 1;
        thing.id = format!("{}-{:04}", thing.kind.as_str().replace('_', "-"), self.minted);
        thing.fields = wanted;
        thing.tags = want.tags.clone();
        thing.superseded = false;
        let id = thing.id.clone();
        for other in self.things.values_mut() {
            other.superseded |= other.is_revision_of(&thing);
        }
        self.things.insert(id.clone(), thing);
        Ok(id)
    }

    /// Checks what an update is about.
    pub(super) fn check_update(
        &mut self,
        want: &Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<(), CloudError> {
        let ours = self.live_mut(&have.id)?.belongs_to(want.stack, want.address);
        if !ours {
            let text = format!("{} is changed as {}, and is not", have.id, want.address);
            self.violation(text);
            return Err(refuse(ErrorKind::Refused, "Update", "not ours"));
        }
        // Tags are written without a look at what the fields refer to.
        if changes.iter().all(|change| change.field == "tags") {
            return Ok(());
        }
        let fields = want.resource.fields();
        for change in changes.iter().filter(|change| change.field != "tags") {
            let Some(field) = fields.get(&change.field) else {
                self.violation(format!("{}: there is no field {}", want.address, change.field));
                continue;
            };
            if field.replaces && !want.resource.kind().info().revisioned {
                self.violation(format!("{}: {} cannot be changed in place", want.address, field.name));
            }
            if field.owner == Owner::CodeDeploy {
                self.violation(format!("{}: {} belongs to CodeDeploy", want.address, field.name));
            }
            if !change.after.is_known() {
                self.violation(format!("{}: {} is changed to what is not known", want.address, field.name));
            }
        }
        let wanted = pinned(&fields, want.known)
            .inspect_err(|error| self.violations.push(format!("{}: {error}", want.address)))?;
        self.check_references(want, &wanted)
    }

    /// Starts a deletion.
    pub(super) fn delete(&mut self, have: &Observed) -> Result<(), CloudError> {
        let Some(thing) = self.things.get(&have.id) else { return Ok(()) };
        if thing.is_leaving() {
            return Ok(());
        }
        let owner = thing.owner();
        let ours = matches!((&owner, &have.owner), (Some((_, at)), Ownership::Ours(address)) if at == address);
        if !ours {
            let text = format!("{} is deleted, and is not ours", have.id);
            self.violation(text);
            return Err(refuse(ErrorKind::Refused, "Delete", "not ours"));
        }
        if rules::is_protected(thing) {
            return Err(refuse(ErrorKind::Refused, "Delete", format!("{} is protected from deletion", have.id)));
        }
        let held = rules::holders(&self.things, thing);
        if let Some(first) = held.first() {
            return Err(refuse(ErrorKind::InUse, "Delete", format!("{first} uses {}", have.id)));
        }
        let (thing, kind) = (thing.clone(), thing.kind);
        if kind.info().revisioned {
            self.things.retain(|id, other| *id == have.id || !other.is_revision_of(&thing));
        }
        match (kind.info().timing.delete, self.polls_until_gone) {
            (0..=2, _) | (_, 0) => {
                self.things.remove(&have.id);
            }
            (_, polls) => {
                if let Some(thing) = self.things.get_mut(&have.id) {
                    thing.state = ThingState::Deleting(polls);
                }
            }
        }
        Ok(())
    }

    /// One poll.
    pub(super) fn progress(&mut self, id: &str) -> Progress {
        let Some(thing) = self.things.get_mut(id) else { return Progress::Gone };
        match &mut thing.state {
            ThingState::Ready => Progress::Ready,
            ThingState::Failed(cause) => Progress::Failed(cause.clone()),
            ThingState::Pending(0) => {
                thing.state = ThingState::Ready;
                Progress::Ready
            }
            ThingState::Pending(polls) => {
                *polls -= 1;
                Progress::Pending("pending".into())
            }
            ThingState::Deleting(0) => {
                self.things.remove(id);
                Progress::Gone
            }
            ThingState::Deleting(polls) => {
                *polls -= 1;
                Progress::Deleting("deleting".into())
            }
        }
    }

    pub(super) fn find(&mut self, want: &Want<'_>) -> Option<Made> {
        let wanted = pinned(&want.resource.fields(), want.known).ok()?;
        let found = self.things.values().find(|thing| {
            thing.kind == want.resource.kind()
                && thing.belongs_to(want.stack, want.address)
                && !thing.is_leaving()
                && !thing.superseded
                && replacing(&thing.fields) == replacing(&wanted)
        })?;
        let missed = self.missed.entry(found.id.clone()).or_default();
        if *missed < self.finds_until_visible {
            *missed += 1;
            return None;
        }
        Some(found.made())
    }

    pub(super) fn observe(&self, stack: &Stack) -> Vec<Observed> {
        let mut seen = Vec::new();
        let mut known = Known::default();
        for thing in self.things.values().filter(|thing| !thing.superseded) {
            if let Some((name, address)) = thing.owner().filter(|(name, _)| name == stack.name().as_str()) {
                drop(name);
                known.insert(address.clone(), thing.made());
                seen.push(observed(thing, Ownership::Ours(address)));
            } else if let Some(inside) = &thing.added_inside {
                seen.push(observed(thing, Ownership::Added { inside: inside.clone() }));
            }
        }
        for (address, entry) in stack.iter() {
            let Ok(wanted) = pinned(&entry.resource.fields(), &known) else { continue };
            let taken = self.taken(entry.resource.kind(), &wanted);
            let foreign = taken.filter(|thing| {
                thing.added_inside.is_none() && thing.owner().is_none_or(|(name, _)| name != stack.name().as_str())
            });
            if let Some(thing) = foreign {
                let owner = thing.owner().map(|(name, _)| name);
                seen.push(observed(thing, Ownership::Foreign { address: address.clone(), stack: owner }));
            }
        }
        seen
    }

    /// What has the name or place that something new would have.
    fn taken(&self, kind: KindName, wanted: &Fields) -> Option<&Thing> {
        self.things
            .values()
            .find(|thing| thing.kind == kind && !thing.superseded && rules::collide(kind, &thing.fields, wanted))
    }

    /// Refuses references to what is not there, or not far enough.
    fn check_references(&mut self, want: &Want<'_>, wanted: &Fields) -> Result<(), CloudError> {
        let mut wrong = Vec::new();
        for field in wanted {
            field.value.for_each_ref(&mut |reference| {
                let Target::Id(id) = &reference.target else { return };
                match self.things.get(id) {
                    // Ids of what the stack does not have are not checked: they stand for what exists outside.
                    None if want.resource.fields().get(field.name).is_some_and(|wanted| names(&wanted.value, id)) => {}
                    None => wrong.push(format!("{}: {} refers to {id}, which is not there", want.address, field.name)),
                    Some(thing) if thing.is_leaving() => {
                        wrong.push(format!("{}: {} refers to {id}, which is being deleted", want.address, field.name));
                    }
                    Some(thing) if field.needs == Need::Ready && thing.state != ThingState::Ready => {
                        wrong.push(format!("{}: {} refers to {id}, which is not ready", want.address, field.name));
                    }
                    Some(_) => {}
                }
            });
        }
        match wrong.first().cloned() {
            None => Ok(()),
            Some(first) => {
                self.violations.extend(wrong);
                Err(refuse(ErrorKind::Refused, "Create", first))
            }
        }
    }

    fn check_marks(&mut self, want: &Want<'_>) {
        if !want.resource.kind().info().taggable {
            return;
        }
        let marks = Marks::of(want.tags);
        if !marks.belongs_to(want.stack) || marks.address.as_ref() != Some(want.address) {
            self.violation(format!("{} is created without its marks", want.address));
        }
    }

    pub(super) fn live_mut(&mut self, id: &str) -> Result<&mut Thing, CloudError> {
        self.things.get_mut(id).ok_or_else(|| refuse(ErrorKind::NotFound, "Update", format!("there is no {id}")))
    }
}

/// True if the wanted value itself says this id: something outside of the stack.
fn names(wanted: &Value, id: &str) -> bool {
    let mut found = false;
    wanted.for_each_ref(&mut |reference| found |= reference.target == Target::Id(id.to_owned()));
    found
}

/// The fields that cannot be changed in place.
fn replacing(fields: &Fields) -> Vec<(&'static str, &Value)> {
    fields.iter().filter(|field| field.replaces).map(|field| (field.name, &field.value)).collect()
}

fn observed(thing: &Thing, owner: Ownership) -> Observed {
    Observed {
        kind: thing.kind,
        id: thing.id.clone(),
        owner,
        fields: thing.fields.clone(),
        tags: thing.tags.clone(),
        outputs: thing.outputs.clone(),
        status: match &thing.state {
            ThingState::Ready => Status::Ready,
            ThingState::Pending(_) => Status::Pending("pending".into()),
            ThingState::Deleting(_) => Status::Deleting("deleting".into()),
            ThingState::Failed(cause) => Status::Failed(cause.clone()),
        },
        busy: None,
    }
}

//! An in-memory cloud for tests: it keeps resources of every kind by the model's own field lists, refuses what AWS
//! refuses, is slow where AWS is slow (in polls), and fails where it is told to.
//!
//! A [`FakeCloud`] is one process that uses an account; [`FakeCloud::process`] is another one, with the same account.

mod rules;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aomidori_model::ownership::{self, Marks};
use aomidori_model::{Address, Compare, Fields, KindName, Stack, StackName, Value};
use aomidori_plan::{FieldChange, Observation, Observed};
use tokio::time::Instant;

use crate::cloud::{Cloud, CloudError, ErrorKind, Identity, Lease, LeaseRequest, Made, Progress, Want};
pub use world::{Thing, ThingState};
use world::{World, pin, pinned, refuse};

/// The fake's account.
pub const ACCOUNT: &str = "000000000000";
/// The fake's region.
pub const REGION: &str = "fake-1";

/// One process that uses the fake account. Clones are the same process.
#[derive(Clone, Debug)]
pub struct FakeCloud {
    world: Arc<Mutex<World>>,
    process: Arc<Mutex<Process>>,
}

/// What happens at a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails so, and nothing is done.
    Fails(ErrorKind),
    /// It is done, and its answer is lost.
    AnswerLost,
    /// It is done, and the process dies before it has the answer: all its later calls fail.
    Dies,
}

/// One call, as it is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Which call of its process, from 0.
    pub number: usize,
    /// The operation: `create`, `parts`, `tag`, ….
    pub operation: &'static str,
    /// What it was about: an address or an id.
    pub subject: String,
    /// It was answered with success.
    pub answered: bool,
}

#[derive(Debug, Default)]
struct Process {
    faults: BTreeMap<usize, Fault>,
    dead: bool,
    calls: Vec<Call>,
    latency: Duration,
    in_flight: usize,
    most_in_flight: usize,
}

impl Default for FakeCloud {
    fn default() -> Self {
        FakeCloud::new()
    }
}

impl FakeCloud {
    /// An empty account, and a process that uses it.
    pub fn new() -> FakeCloud {
        let world = World { polls_until_ready: 2, polls_until_gone: 2, tries_until_id: 2, ..World::default() };
        FakeCloud { world: Arc::new(Mutex::new(world)), process: Arc::default() }
            .with_latency(Duration::from_millis(20))
    }

    /// How long each call takes.
    #[must_use]
    pub fn with_latency(self, latency: Duration) -> FakeCloud {
        self.lock_process().latency = latency;
        self
    }

    /// Another process that uses the same account.
    #[must_use]
    pub fn process(&self) -> FakeCloud {
        let latency = self.lock_process().latency;
        FakeCloud { world: Arc::clone(&self.world), process: Arc::default() }.with_latency(latency)
    }

    /// What happens at this process's call with this number.
    #[must_use]
    pub fn fault(self, call: usize, fault: Fault) -> FakeCloud {
        self.lock_process().faults.insert(call, fault);
        self
    }

    /// How many times an unanswered create is not found although it is there.
    pub fn hide_from_finds(&self, times: u32) {
        self.lock().finds_until_visible = times;
    }

    /// How many polls it takes until something is ready, and until it is gone, where that takes time on AWS.
    pub fn polls(&self, until_ready: u32, until_gone: u32) {
        let mut world = self.lock();
        world.polls_until_ready = until_ready;
        world.polls_until_gone = until_gone;
    }

    /// How often a namespace is asked for until it has an id.
    pub fn tries_until_id(&self, tries: u32) {
        self.lock().tries_until_id = tries;
    }

    /// From now on calls are throttled as AWS throttles them.
    pub fn limit_calls(&self) {
        self.lock().limited = Some((Instant::now(), BTreeMap::new()));
    }

    /// The calls of this process.
    pub fn calls(&self) -> Vec<Call> {
        self.lock_process().calls.clone()
    }

    /// The most calls that this process ever had in flight at once.
    pub fn most_in_flight(&self) -> usize {
        self.lock_process().most_in_flight
    }

    /// The calls that this process has in flight.
    pub fn in_flight(&self) -> usize {
        self.lock_process().in_flight
    }

    /// True if the process has died.
    pub fn is_dead(&self) -> bool {
        self.lock_process().dead
    }

    /// Everything that should never happen and did, in the whole account.
    pub fn violations(&self) -> Vec<String> {
        self.lock().violations.clone()
    }

    /// Everything in the account, old revisions included, in order of id.
    pub fn things(&self) -> Vec<Thing> {
        self.lock().things.values().cloned().collect()
    }

    /// Puts something into the account that nobody's stack knows.
    pub fn add_foreign(&self, kind: KindName, id: &str, fields: Fields, tags: BTreeMap<String, String>) {
        self.insert(kind, id, fields, tags, None);
    }

    /// Puts something into the account as added inside the resource at an address.
    pub fn add_inside(&self, inside: &Address, kind: KindName, id: &str, fields: Fields) {
        self.insert(kind, id, fields, BTreeMap::new(), Some(inside.clone()));
    }

    fn insert(
        &self,
        kind: KindName,
        id: &str,
        fields: Fields,
        tags: BTreeMap<String, String>,
        added_inside: Option<Address>,
    ) {
        let thing = Thing {
            kind,
            id: id.to_owned(),
            fields,
            tags,
            outputs: BTreeMap::new(),
            state: ThingState::Ready,
            kept_marks: None,
            superseded: false,
            added_inside,
        };
        self.lock().things.insert(id.to_owned(), thing);
    }

    /// Changes something behind everybody's back: a console session. Does nothing if it is not there.
    pub fn tamper(&self, id: &str, change: impl FnOnce(&mut Thing)) {
        if let Some(thing) = self.lock().things.get_mut(id) {
            change(thing);
        }
    }

    /// Removes something behind everybody's back.
    pub fn lose(&self, id: &str) {
        self.lock().things.remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One call: it takes its time, meets its fault, and is logged.
    async fn call<T>(
        &self,
        operation: &'static str,
        subject: impl ToString,
        act: impl FnOnce(&mut World) -> Result<T, CloudError>,
    ) -> Result<T, CloudError> {
        let dead = || refuse(ErrorKind::Unreachable, operation, "the process is dead");
        let (number, fault, latency) = {
            let mut process = self.lock_process();
            if process.dead {
                return Err(dead());
            }
            let number = process.calls.len();
            let subject = subject.to_string();
            process.calls.push(Call { number, operation, subject, answered: false });
            (number, process.faults.remove(&number), process.latency)
        };
        let flight = InFlight::begin(self);
        tokio::time::sleep(latency / 2).await;
        if self.lock_process().dead {
            return Err(dead());
        }
        let lost = || refuse(ErrorKind::Unknown, operation, "there was no answer");
        let answer = match fault {
            None => act(&mut self.lock()),
            Some(Fault::Fails(kind)) => Err(refuse(kind, operation, "told to fail")),
            Some(Fault::AnswerLost) => act(&mut self.lock()).and_then(|_| Err(lost())),
            Some(Fault::Dies) => {
                let _ = act(&mut self.lock());
                self.lock_process().dead = true;
                Err(dead())
            }
        };
        tokio::time::sleep(latency / 2).await;
        drop(flight);
        let mut process = self.lock_process();
        if process.dead {
            return Err(dead());
        }
        if let Some(call) = process.calls.get_mut(number) {
            call.answered = answer.is_ok();
        }
        answer
    }

    /// Brings fields and parts that have calls of their own to what is wanted.
    async fn finish(&self, want: Want<'_>, id: &str) -> Result<(), CloudError> {
        let wanted = pinned(&want.resource.fields(), want.known)?;
        let later: Vec<(&'static str, Value)> = wanted
            .iter()
            .filter(|field| rules::set_later(field) && field.compare != Compare::Parts && !field.value.is_null())
            .map(|field| (field.name, field.value.clone()))
            .collect();
        if !later.is_empty() {
            self.call("attributes", want.address, |world| world.set_fields(id, &later)).await?;
        }
        for field in wanted.iter().filter(|field| field.compare == Compare::Parts && !is_empty(&field.value)) {
            self.call("parts", want.address, |world| world.set_parts(id, field.name, &field.value, &BTreeSet::new()))
                .await?;
        }
        Ok(())
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Map(map) => map.is_empty(),
        Value::Set(set) => set.is_empty(),
        _ => false,
    }
}

/// Counts a call while it is in flight, also if it is dropped.
struct InFlight(Arc<Mutex<Process>>);

impl InFlight {
    fn begin(cloud: &FakeCloud) -> InFlight {
        let mut process = cloud.lock_process();
        process.in_flight += 1;
        process.most_in_flight = process.most_in_flight.max(process.in_flight);
        InFlight(Arc::clone(&cloud.process))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).in_flight -= 1;
    }
}

impl Cloud for FakeCloud {
    async fn observe(&self, stack: &Stack) -> Result<Observation, CloudError> {
        let resources = self.call("observe", stack.name(), |world| Ok(world.observe(stack))).await?;
        Ok(Observation { account: ACCOUNT.into(), region: REGION.into(), resources })
    }

    async fn identity(&self) -> Result<Identity, CloudError> {
        Ok(Identity { account: ACCOUNT.into(), region: REGION.into() })
    }

    async fn create(&self, want: Want<'_>) -> Result<Made, CloudError> {
        let create = |world: &mut World| {
            world.admit(want.resource.kind().info().limits.create)?;
            world.zone(&want)?;
            world.create(&want)
        };
        let id = self.call("create", want.address, create).await?;
        // From here on something is there: what might be tried again is an unknown outcome.
        self.finish(want, &id).await.map_err(|error| match error.kind {
            ErrorKind::Throttled | ErrorKind::NotYet | ErrorKind::InUse => {
                CloudError { kind: ErrorKind::Unknown, ..error }
            }
            _ => error,
        })?;
        self.made(&id)
    }

    async fn find(&self, want: Want<'_>) -> Result<Option<Made>, CloudError> {
        self.call("find", want.address, |world| Ok(world.find(&want))).await
    }

    async fn update(&self, want: Want<'_>, have: &Observed, changes: &[FieldChange]) -> Result<Made, CloudError> {
        self.lock().check_update(&want, have, changes)?;
        if want.resource.kind().info().revisioned && changes.iter().any(|change| change.field != "tags") {
            let id = self.call("revise", want.address, |world| world.revise(&want, &have.id)).await?;
            return self.made(&id);
        }
        let fields = want.resource.fields();
        let id = &have.id;
        let changed: Vec<_> = fields.iter().filter(|field| changes.iter().any(|c| c.field == field.name)).collect();
        let (parts, others): (Vec<_>, Vec<_>) = changed.into_iter().partition(|field| field.compare == Compare::Parts);
        let tagged = want.resource.kind().info().taggable
            && (!parts.is_empty() || changes.iter().any(|change| change.field == "tags"));
        let old = Marks::of(&have.tags).parts;
        if tagged {
            // 1: what is wanted, and the union of both records.
            let union: BTreeSet<String> = old.union(&Marks::of(want.tags).parts).cloned().collect();
            let mut tags = want.tags.clone();
            tags.extend(ownership::parts_tags(&union));
            self.call("tag", want.address, |world| world.tag(id, &tags, &BTreeSet::new())).await?;
        }
        // 2: the parts, and everything else.
        for field in parts {
            let wanted = pin(&field.value, want.known)?;
            self.call("parts", want.address, |world| world.set_parts(id, field.name, &wanted, &old)).await?;
        }
        let others: Vec<(&'static str, Value)> = others
            .into_iter()
            .map(|field| Ok((field.name, pin(&field.value, want.known)?)))
            .collect::<Result<_, CloudError>>()?;
        if !others.is_empty() {
            self.call("modify", want.address, |world| world.set_fields(id, &others)).await?;
        }
        if tagged {
            // 3: tags of ours that are not wanted any more go, and the record is the final one.
            self.call("tag-final", want.address, |world| {
                let had = world.live_mut(id)?.tags.clone();
                let goes = |key: &String| {
                    !want.tags.contains_key(key)
                        && (ownership::is_own_key(key) || old.contains(&ownership::part_hash("tags", key)))
                };
                let remove: BTreeSet<String> = had.keys().filter(|key| goes(key)).cloned().collect();
                world.tag(id, want.tags, &remove)
            })
            .await?;
        }
        self.made(id)
    }

    async fn delete(&self, have: &Observed) -> Result<(), CloudError> {
        let delete = |world: &mut World| {
            world.admit(have.kind.info().limits.delete)?;
            world.delete(have)
        };
        self.call("delete", &have.id, delete).await
    }

    async fn progress(&self, _kind: KindName, id: &str) -> Result<Progress, CloudError> {
        self.call("progress", id, |world| Ok(world.progress(id))).await
    }

    async fn is_protected(&self, have: &Observed) -> Result<bool, CloudError> {
        Ok(self.lock().things.get(&have.id).is_some_and(rules::is_protected))
    }

    async fn holders(&self, have: &Observed) -> Vec<String> {
        let world = self.lock();
        let held = world.things.get(&have.id).map(|thing| rules::holders(&world.things, thing));
        held.unwrap_or_default().into_iter().map(|id| format!("{id} uses it")).collect()
    }

    async fn take_lease(&self, request: &LeaseRequest) -> Result<(), CloudError> {
        self.call("take lease", &request.holder, |world| {
            let now = Instant::now();
            let held =
                world.lease.as_ref().is_some_and(|(lease, until)| lease.holder != request.holder && *until > now);
            if held && !request.break_lock {
                return Err(refuse(ErrorKind::AlreadyExists, "PutLease", "somebody holds it"));
            }
            world.lease = Some((request.clone(), now + Duration::from_secs(request.seconds)));
            Ok(())
        })
        .await
    }

    async fn lease(&self, _stack: &StackName) -> Result<Option<Lease>, CloudError> {
        self.call("lease", "", |world| {
            let now = Instant::now();
            Ok(world.lease.as_ref().map(|(lease, until)| Lease {
                holder: lease.holder.clone(),
                host: lease.host.clone(),
                purpose: lease.purpose.clone(),
                expires_in: seconds(until.saturating_duration_since(now))
                    - seconds(now.saturating_duration_since(*until)),
            }))
        })
        .await
    }

    async fn release_lease(&self, _stack: &StackName, holder: &str) -> Result<(), CloudError> {
        self.call("release lease", holder, |world| {
            if world.lease.as_ref().is_some_and(|(lease, _)| lease.holder == holder) {
                world.lease = None;
            }
            Ok(())
        })
        .await
    }
}

impl FakeCloud {
    fn made(&self, id: &str) -> Result<Made, CloudError> {
        let mut world = self.lock();
        let thing = world.live_mut(id)?;
        Ok(Made { id: thing.id.clone(), outputs: thing.outputs.clone() })
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

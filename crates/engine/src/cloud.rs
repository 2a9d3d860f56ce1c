//! The seam between the engine and a cloud.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;

use aomidori_model::{Address, Kind, KindName, Ref, Reference, Resource, Stack, StackName, Target};
use aomidori_plan::{FieldChange, Observation, Observed};
use rpds::RedBlackTreeMapSync;
use serde::{Deserialize, Serialize};

/// A cloud: what the engine needs to observe and change one account and region.
///
/// No method waits for anything to become ready or gone: the engine does, with [`Cloud::progress`], so that waiting holds
/// no slot. No method retries anything that could be done twice; the engine decides by [`ErrorKind`].
pub trait Cloud: Send + Sync + 'static {
    /// Reads everything that concerns the stack, in batches: what carries its mark, what has a name that it wants, and
    /// what was added inside its own. Changes nothing.
    fn observe(&self, stack: &Stack) -> impl Future<Output = Result<Observation, CloudError>> + Send;

    /// Which account and region this is: one cheap call, made before anything else where an account is expected.
    ///
    /// By default it observes a stack that does not exist.
    fn identity(&self) -> impl Future<Output = Result<Identity, CloudError>> + Send {
        async {
            let nobody = "aomidori-nobody".parse().map_err(CloudError::bug)?;
            let Observation { account, region, .. } = self.observe(&Stack::new(nobody)).await?;
            Ok(Identity { account, region })
        }
    }

    /// Creates a resource, with its tags in the create call itself. Returns as soon as its id is known and its
    /// attributes are set.
    ///
    /// The first call mints the resource with *all* of `want.tags`, the record of its parts included; parts and
    /// attributes that need calls of their own follow. So a crash in between leaves something that carries its marks,
    /// whose missing parts are recorded already: [`Cloud::update`] completes it.
    ///
    /// # Errors
    /// [`ErrorKind::Underway`] if AWS makes it and gives its id only then: the engine waits, without a slot, and calls
    /// again with the same token. [`ErrorKind::Throttled`], [`ErrorKind::NotYet`] and [`ErrorKind::InUse`] say that *nothing* was made: the engine
    /// repeats the whole create. Once the first call was answered, whatever fails in one of the following calls and may
    /// be tried again is an [`ErrorKind::Unknown`]: the engine then looks for what was made and completes it.
    fn create(&self, want: Want<'_>) -> impl Future<Output = Result<Made, CloudError>> + Send;

    /// Looks for a resource that an unanswered create may have made, by its marks (or its name and marks). It need not
    /// be complete. If several carry its marks (an old one that is being replaced is there still), it is the one that
    /// has what `want` says, as far as it cannot be changed. One that is on its way out is not returned.
    fn find(&self, want: Want<'_>) -> impl Future<Output = Result<Option<Made>, CloudError>> + Send;

    /// Brings a live resource to what is wanted; sends only what `changes` names. Also completes one that a crash left
    /// half made. Safe to repeat.
    ///
    /// `changes` come with their references resolved. Parts (fields compared as `Parts`: routes, attachments; and users'
    /// tags) are ours only if the resource's record (`aomidori:parts`) has their hash, so the order is, where any part
    /// or tag changes:
    ///
    /// 1. tags are written with the **union** of the old record (`have.tags`) and the new one (`want.tags`), together
    ///    with users' tags that are new or differ;
    /// 2. parts are added, changed and removed; a part is removed only if the old record has it and the new one does
    ///    not;
    /// 3. tags are removed that the old record has and the new one does not, and the final record is written: chunks of
    ///    the record that are not needed any more are removed, and what is not ours is left as it is.
    ///
    /// A crash between any two of these leaves every part of ours recorded: none is mistaken for foreign, and none is
    /// forgotten. Where the record does not change, 1 and 3 are no calls.
    ///
    /// A revisioned kind gets a new revision, whose id is returned, unless `tags` is all that changes.
    fn update(
        &self,
        want: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> impl Future<Output = Result<Made, CloudError>> + Send;

    /// Starts the deletion of a live resource, with its parts. One that is gone already is a success. Safe to repeat.
    fn delete(&self, have: &Observed) -> impl Future<Output = Result<(), CloudError>> + Send;

    /// How far a resource is. One call, or none where the answer is always [`Progress::Ready`].
    fn progress(&self, kind: KindName, id: &str) -> impl Future<Output = Result<Progress, CloudError>> + Send;

    /// True if a live resource is protected from deletion. One call where its kind can be, else none.
    fn is_protected(&self, have: &Observed) -> impl Future<Output = Result<bool, CloudError>> + Send;

    /// What keeps a live resource from being deleted, one line each, for people; empty if it can't be told.
    fn holders(&self, have: &Observed) -> impl Future<Output = Vec<String>> + Send;

    /// Takes, or renews, the stack's lease.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] if somebody else holds it; [`Cloud::lease`] says who.
    fn take_lease(&self, request: &LeaseRequest) -> impl Future<Output = Result<(), CloudError>> + Send;

    /// The stack's lease, if anybody holds it.
    fn lease(&self, stack: &StackName) -> impl Future<Output = Result<Option<Lease>, CloudError>> + Send;

    /// Gives the lease back, if `holder` has it.
    fn release_lease(&self, stack: &StackName, holder: &str) -> impl Future<Output = Result<(), CloudError>> + Send;
}

/// The account and region that a cloud stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The AWS account, twelve digits.
    pub account: String,
    /// The region.
    pub region: String,
}

/// A resource that is wanted, with what its creation needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Want<'a> {
    /// The stack that it belongs to.
    pub stack: &'a StackName,
    /// Its address.
    pub address: &'a Address,
    /// The resource.
    pub resource: &'a Resource,
    /// Every tag that it shall have: ownership, record of parts, `Name`, users'.
    pub tags: &'a BTreeMap<String, String>,
    /// Ids and outputs of what it may refer to.
    pub known: &'a Known,
    /// The same for every try of this step in this run, different in the next run: at most 36 characters of
    /// `[a-z0-9-]`, for AWS's client tokens.
    pub token: &'a str,
}

/// A resource that was made or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its id, in the kind's sense.
    pub id: String,
    /// Further outputs by name.
    pub outputs: BTreeMap<String, String>,
}

/// How far a resource is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Usable.
    Ready,
    /// On its way; what it waits for, for people.
    Pending(String),
    /// On its way out.
    Deleting(String),
    /// Never to be usable; the cause, for people.
    Failed(String),
    /// Not there.
    Gone,
}

/// Ids and outputs of live resources, by address.
///
/// A clone is a snapshot that shares all it has with the original, so that every call can have its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    made: RedBlackTreeMapSync<Address, Made>,
}

impl Known {
    /// Records what is live at an address.
    pub fn insert(&mut self, address: Address, made: Made) {
        self.made.insert_mut(address, made);
    }

    /// What is live at an address.
    pub fn get(&self, address: &Address) -> Option<&Made> {
        self.made.get(address)
    }

    /// Everything that is live, in order of address.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Address, &Made)> {
        self.made.iter()
    }

    /// Forgets an address.
    pub fn remove(&mut self, address: &Address) {
        self.made.remove_mut(address);
    }

    /// The id that a typed reference means.
    ///
    /// # Errors
    /// Its target is not known: a bug in the plan's order, said as such.
    pub fn id<K: Kind>(&self, reference: &Ref<K>) -> Result<String, CloudError> {
        self.text(&reference.output(None))
    }

    /// The text that a reference means: an id or another output.
    ///
    /// # Errors
    /// As [`Known::id`].
    pub fn text(&self, reference: &Reference) -> Result<String, CloudError> {
        self.lookup(reference).ok_or_else(|| {
            CloudError::bug(format!("{reference:?} is needed before it is known; the plan's order is wrong"))
        })
    }

    /// The text that a reference means, if it is known. The form that `Value::resolve` and policies take.
    pub fn lookup(&self, reference: &Reference) -> Option<String> {
        match (&reference.target, &reference.output) {
            (Target::Id(id), None) => Some(id.clone()),
            (Target::Id(_), Some(_)) => None,
            (Target::Address(address), None) => self.made.get(address).map(|made| made.id.clone()),
            (Target::Address(address), Some(output)) => self.made.get(address)?.outputs.get(output).cloned(),
        }
    }
}

/// What went wrong in a cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{operation}: {message}")]
pub struct CloudError {
    /// What the engine does about it.
    pub kind: ErrorKind,
    /// The operation, as AWS's IAM names it (`ec2:CreateVpc`).
    pub operation: String,
    /// AWS's error code, if it answered.
    pub code: Option<String>,
    /// AWS's message, or what happened instead of an answer.
    pub message: String,
}

/// What the engine does about an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// Too many requests: try again, slower. Nothing was done.
    Throttled,
    /// Something that was just made is not visible everywhere yet (a fresh role, a fresh id): try again for a while.
    NotYet,
    /// The call was taken, and what it makes has no id yet: the same call with the same token asks how far it is. The
    /// message says what it waits for.
    Underway,
    /// Something uses it still: try again for a long while, and say what holds it.
    InUse,
    /// No answer, or a server error: it may have been done. A create is looked for before it is repeated.
    Unknown,
    /// It is not there.
    NotFound,
    /// Something with its name or place is there already.
    AlreadyExists,
    /// The caller may not do it.
    Denied,
    /// No credentials, or they have expired.
    Credentials,
    /// The endpoint cannot be reached at all.
    Unreachable,
    /// A quota is used up.
    Quota,
    /// AWS refuses it for good.
    Refused,
    /// The cloud has no such operation (an emulator).
    Unsupported,
    /// A bug in this program.
    Bug,
}

impl CloudError {
    /// An error of this program itself.
    pub fn bug(message: impl fmt::Display) -> CloudError {
        CloudError { kind: ErrorKind::Bug, operation: "aomidori".into(), code: None, message: message.to_string() }
    }
}

/// Asks for a stack's lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRequest {
    /// The stack.
    pub stack: StackName,
    /// Who asks: unique to the run.
    pub holder: String,
    /// The host and process, for people.
    pub host: String,
    /// What for (`up`, `down`).
    pub purpose: String,
    /// How long it is good for, in seconds; renewed while the run lives.
    pub seconds: u64,
    /// Takes it whoever holds it.
    pub break_lock: bool,
}

/// Who holds a stack's lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Unique to the run.
    pub holder: String,
    /// The host and process.
    pub host: String,
    /// What for.
    pub purpose: String,
    /// Seconds until it expires; negative if it has.
    pub expires_in: i64,
}

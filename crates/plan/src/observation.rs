//! What was observed: live resources in the same field form as wanted ones.

use std::collections::BTreeMap;

use aomidori_model::ownership::Marks;
use aomidori_model::{Address, Fields, KindName};

/// Everything that was found for one stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// The AWS account, twelve digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// Live resources: this stack's by their marks, others by a name that the stack wants or by standing inside one of
    /// this stack's. Several may have one address.
    pub resources: Vec<Observed>,
}

/// One live resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Its kind.
    pub kind: KindName,
    /// Its id, in the kind's sense.
    pub id: String,
    /// Whose it is.
    pub owner: Ownership,
    /// Its fields, made by the same `fields()` as wanted ones; references are ids.
    pub fields: Fields,
    /// All its tags, ownership tags included.
    pub tags: BTreeMap<String, String>,
    /// Further outputs by name (`dns_name`, `arn`, `repository_url`).
    pub outputs: BTreeMap<String, String>,
    /// How it is.
    pub status: Status,
    /// A deployment controller is at work on it, or has left it half way.
    pub busy: Option<Busy>,
}

/// Whose a live resource is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ownership {
    /// This stack's, under this address.
    Ours(Address),
    /// It has the name (or place) that the stack wants for this address, and not this stack's mark.
    Foreign {
        /// Who wants it.
        address: Address,
        /// The stack that it belongs to, if it carries another's mark.
        stack: Option<String>,
    },
    /// Somebody added it inside one of ours (a rule of our security group): reported, never touched.
    Added {
        /// The resource that it was added to.
        inside: Address,
    },
}

/// How a live resource is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// There, and usable.
    Ready,
    /// On its way to being usable.
    Pending(String),
    /// There as it was asked for, but what it runs keeps failing, with the cause. Nothing that a plan does would help, so
    /// nothing waits for it.
    Stalled(String),
    /// On its way out.
    Deleting(String),
    /// There, and never to be usable; with the cause.
    Failed(String),
}

/// What a deployment controller does at the moment, or did last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Busy {
    /// The deployment (`d-…`).
    pub deployment: String,
    /// Its state, in AWS's words.
    pub status: String,
    /// It has ended, nothing rolled it back, and both of its sides are still there: they stay so, with listeners that may
    /// send requests to either, until another deployment.
    pub over: bool,
}

impl Observation {
    /// This stack's resources with their addresses.
    pub fn ours(&self) -> impl Iterator<Item = (&Address, &Observed)> {
        self.resources.iter().filter_map(|found| match &found.owner {
            Ownership::Ours(address) => Some((address, found)),
            Ownership::Foreign { .. } | Ownership::Added { .. } => None,
        })
    }
}

impl Observed {
    /// The ownership marks among its tags.
    pub fn marks(&self) -> Marks {
        Marks::of(&self.tags)
    }

    /// The value of an output; `None` asks for the id.
    pub fn output(&self, name: Option<&str>) -> Option<&str> {
        match name {
            None => Some(&self.id),
            Some(name) => self.outputs.get(name).map(String::as_str),
        }
    }
}

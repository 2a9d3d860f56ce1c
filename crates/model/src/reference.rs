//! Typed references between resources.

use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::value::{Reference, Target, ToValue, Value};
use crate::{Address, Kind};

/// A reference to a resource of kind `K`: one of the same stack, or one that exists already, by its AWS id.
///
/// In JSON `{"ref": "network/vpc"}` or `{"id": "vpc-0123456789abcdef0"}`. What counts as the id of a kind is said in the
/// kind's own documentation (an ARN where AWS works with ARNs, else the id or name).
pub struct Ref<K> {
    target: Target,
    kind: PhantomData<fn() -> K>,
}

impl<K> Ref<K> {
    /// A reference to the resource at `address` in the same stack.
    pub fn to(address: Address) -> Self {
        Ref { target: Target::Address(address), kind: PhantomData }
    }

    /// A reference to something that exists already, outside the stack.
    pub fn existing(id: impl Into<String>) -> Self {
        Ref { target: Target::Id(id.into()), kind: PhantomData }
    }

    /// What it points at.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The address it points at, if it points into the stack.
    pub fn address(&self) -> Option<&Address> {
        match &self.target {
            Target::Address(address) => Some(address),
            Target::Id(_) => None,
        }
    }
}

impl<K: Kind> Ref<K> {
    /// The same reference as an untyped [`Reference`] to an output (`None`: the id) of its target.
    pub fn output(&self, output: Option<&'static str>) -> Reference {
        Reference { kind: K::INFO.name, target: self.target.clone(), output: output.map(str::to_owned) }
    }
}

impl<K: Kind> ToValue for Ref<K> {
    fn to_value(&self) -> Value {
        self.output(None).into()
    }
}

// By hand, because derives would ask the same of `K`.
impl<K> Clone for Ref<K> {
    fn clone(&self) -> Self {
        Ref { target: self.target.clone(), kind: PhantomData }
    }
}
impl<K> fmt::Debug for Ref<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}
impl<K> PartialEq for Ref<K> {
    fn eq(&self, other: &Self) -> bool {
        self.target == other.target
    }
}
impl<K> Eq for Ref<K> {}
impl<K> PartialOrd for Ref<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Ref<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.target.cmp(&other.target)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Written {
    Ref(Address),
    Id(String),
}

impl<K> Serialize for Ref<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.target.clone() {
            Target::Address(address) => Written::Ref(address),
            Target::Id(id) => Written::Id(id),
        }
        .serialize(serializer)
    }
}

impl<'de, K> Deserialize<'de> for Ref<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Ref(address) => Ref::to(address),
            Written::Id(id) => Ref::existing(id),
        })
    }
}

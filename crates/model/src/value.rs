//! Untyped values: the form in which fields are compared, planned, printed and emitted.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Address, KindName};

/// The value of one field, of what is wanted or of what was observed.
///
/// Ordered throughout, so that equal inputs print equal bytes. [`Value::Null`] means *not declared*: such a field
/// belongs to AWS and is never a difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Not declared.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A text.
    Str(String),
    /// A text whose case means nothing.
    Caseless(Caseless),
    /// Values in a meaningful order.
    List(Vec<Value>),
    /// Values whose order means nothing.
    Set(BTreeSet<Value>),
    /// Values by key.
    Map(BTreeMap<String, Value>),
    /// An id or another output of a resource; boxed, since it would make every other value of thousands twice as large.
    Ref(Box<Reference>),
    /// A text put together from parts, some of them references (an image URI, an ARN pattern).
    Join(Vec<Value>),
}

/// A text whose case means nothing, such as an IAM action: shown as it was written, compared without regard to case.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Caseless(pub String);

impl Ord for Caseless {
    fn cmp(&self, other: &Self) -> Ordering {
        let lower = |text: &str| text.bytes().map(|b| b.to_ascii_lowercase()).collect::<Vec<_>>();
        lower(&self.0).cmp(&lower(&other.0))
    }
}
impl PartialOrd for Caseless {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Caseless {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Caseless {}

/// A reference inside a [`Value`]: which resource, and which of its outputs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reference {
    /// The kind it points at.
    pub kind: KindName,
    /// The resource it points at.
    pub target: Target,
    /// The output it wants (`dns_name`, `repository_url`, …); `None` is the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

/// What a reference points at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A resource of the same stack.
    Address(Address),
    /// Something that exists already, by its AWS id.
    Id(String),
}

impl From<Reference> for Value {
    fn from(reference: Reference) -> Value {
        Value::Ref(Box::new(reference))
    }
}

impl Value {
    /// A text value.
    pub fn str(text: impl Into<String>) -> Value {
        Value::Str(text.into())
    }

    /// A map value from pairs; pairs with [`Value::Null`] are left out.
    pub fn map<K: Into<String>>(pairs: impl IntoIterator<Item = (K, Value)>) -> Value {
        Value::Map(pairs.into_iter().map(|(k, v)| (k.into(), v)).filter(|(_, v)| *v != Value::Null).collect())
    }

    /// True for a value that nobody declared.
    pub fn is_null(&self) -> bool {
        *self == Value::Null
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) | Value::Caseless(Caseless(text)) => Some(text),
            _ => None,
        }
    }

    /// Calls `visit` for each reference inside, in order.
    pub fn for_each_ref<'a>(&'a self, visit: &mut impl FnMut(&'a Reference)) {
        match self {
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Str(_) | Value::Caseless(_) => {}
            Value::Ref(reference) => visit(reference),
            Value::List(items) | Value::Join(items) => items.iter().for_each(|v| v.for_each_ref(visit)),
            Value::Set(items) => items.iter().for_each(|v| v.for_each_ref(visit)),
            Value::Map(items) => items.values().for_each(|v| v.for_each_ref(visit)),
        }
    }

    /// Replaces each reference that `lookup` knows by its text, and joins texts whose parts are all known.
    ///
    /// A reference to an existing id is its id. What stays a reference afterwards is not known yet.
    #[must_use]
    pub fn resolve(&self, lookup: &impl Fn(&Reference) -> Option<String>) -> Value {
        match self {
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Str(_) | Value::Caseless(_) => self.clone(),
            Value::Ref(reference) => match (&reference.target, &reference.output) {
                (Target::Id(id), None) => Value::Str(id.clone()),
                _ => lookup(reference).map_or_else(|| self.clone(), Value::Str),
            },
            Value::List(items) => Value::List(items.iter().map(|v| v.resolve(lookup)).collect()),
            Value::Set(items) => Value::Set(items.iter().map(|v| v.resolve(lookup)).collect()),
            Value::Map(items) => Value::Map(items.iter().map(|(k, v)| (k.clone(), v.resolve(lookup))).collect()),
            Value::Join(items) => {
                let parts: Vec<Value> = items.iter().map(|v| v.resolve(lookup)).collect();
                match parts.iter().map(|v| v.as_str()).collect::<Option<String>>() {
                    Some(text) => Value::Str(text),
                    None => Value::Join(parts),
                }
            }
        }
    }

    /// The same as [`Value::resolve`], without a copy where there is nothing to resolve.
    pub fn resolved<'v>(&'v self, lookup: &impl Fn(&Reference) -> Option<String>) -> Cow<'v, Value> {
        if self.is_plain() { Cow::Borrowed(self) } else { Cow::Owned(self.resolve(lookup)) }
    }

    /// True if resolving it leaves it as it is, whatever is known.
    fn is_plain(&self) -> bool {
        match self {
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Str(_) | Value::Caseless(_) => true,
            Value::Ref(_) | Value::Join(_) => false,
            Value::List(items) => items.iter().all(Value::is_plain),
            Value::Set(items) => items.iter().all(Value::is_plain),
            Value::Map(items) => items.values().all(Value::is_plain),
        }
    }

    /// True if it holds no unresolved reference.
    pub fn is_known(&self) -> bool {
        let mut known = true;
        self.for_each_ref(&mut |_| known = false);
        known
    }
}

/// What can be the value of a field.
///
/// An own trait, because a blanket `From<&Vec<T>> for Value` overflows the trait solver.
pub trait ToValue {
    /// The value; an `Option::None` is [`Value::Null`].
    fn to_value(&self) -> Value;
}

impl ToValue for Value {
    fn to_value(&self) -> Value {
        self.clone()
    }
}
impl ToValue for bool {
    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }
}
impl ToValue for u16 {
    fn to_value(&self) -> Value {
        Value::Int(i64::from(*self))
    }
}
impl ToValue for u32 {
    fn to_value(&self) -> Value {
        Value::Int(i64::from(*self))
    }
}
impl ToValue for i64 {
    fn to_value(&self) -> Value {
        Value::Int(*self)
    }
}
impl ToValue for str {
    fn to_value(&self) -> Value {
        Value::str(self)
    }
}
impl ToValue for String {
    fn to_value(&self) -> Value {
        Value::str(self)
    }
}
impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value {
        (**self).to_value()
    }
}
impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, ToValue::to_value)
    }
}
impl<T: ToValue> ToValue for Vec<T> {
    fn to_value(&self) -> Value {
        Value::List(self.iter().map(ToValue::to_value).collect())
    }
}
impl<T: ToValue> ToValue for BTreeSet<T> {
    fn to_value(&self) -> Value {
        Value::Set(self.iter().map(ToValue::to_value).collect())
    }
}
impl<K: AsRef<str>, T: ToValue> ToValue for BTreeMap<K, T> {
    fn to_value(&self) -> Value {
        Value::Map(self.iter().map(|(k, v)| (k.as_ref().to_owned(), v.to_value())).collect())
    }
}

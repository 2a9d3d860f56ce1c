//! Parts of a JSON text: what is wrong with one is told by its place in the whole.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

/// A line, and a byte of it; both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// What makes a text something else than a stack file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    message: String,
    place: Option<Place>,
}

impl std::error::Error for Malformed {}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match self.place {
            Some(Place { line, column }) => write!(f, " at line {line} column {column}"),
            None => Ok(()),
        }
    }
}

impl Malformed {
    pub(super) fn of(error: &serde_json::Error) -> Malformed {
        Malformed::at(&without_place(error), Place { line: error.line(), column: error.column() })
    }

    pub(super) fn at(message: &str, place: Place) -> Malformed {
        Malformed { message: message.to_owned(), place: Some(place) }
    }

    pub(super) fn without(key: &str) -> Malformed {
        Malformed { message: format!("missing field `{key}`"), place: None }
    }

    pub(super) fn of_encoding(why: &str) -> Malformed {
        Malformed { message: format!("{why}; save the file as UTF-8"), place: None }
    }
}

/// What is wrong with a part of a text.
pub(super) struct Fault {
    /// The way to it inside the part, if it is not the part itself.
    pub(super) path: Option<String>,
    pub(super) message: String,
    pub(super) place: Place,
    /// It is that an object has a key twice.
    pub(super) twice: bool,
}

impl Fault {
    /// The way to it from what the part is a member of.
    pub(super) fn way(&self, key: &str) -> String {
        match &self.path {
            Some(path) if path.starts_with('[') => format!("{key}{path}"),
            Some(path) => format!("{key}.{path}"),
            None => key.to_owned(),
        }
    }

    /// The message with the whole way to it.
    pub(super) fn below(&self, key: &str) -> String {
        format!("`{}`: {}", self.way(key), self.message)
    }
}

/// The whole text.
#[derive(Clone, Copy)]
pub(super) struct Text<'t>(pub(super) &'t str);

impl<'t> Text<'t> {
    /// Reads a part.
    pub(super) fn read<T: Deserialize<'t>>(self, part: &'t RawValue) -> Result<T, Fault> {
        let mut reader = serde_json::Deserializer::from_str(part.get());
        serde_path_to_error::deserialize(&mut reader).map_err(|error| self.fault_of(part, &error))
    }

    /// Looks for keys that an object of a part has twice, of which most readers take one and drop the other.
    pub(super) fn unique(self, part: &'t RawValue) -> Result<(), Fault> {
        let mut reader = serde_json::Deserializer::from_str(part.get());
        let found: Result<Unique, _> = serde_path_to_error::deserialize(&mut reader);
        found.map(|Unique| ()).map_err(|error| {
            let twice = error.inner().classify() == Category::Data;
            Fault { twice, ..self.fault_of(part, &error) }
        })
    }

    /// A fault of a part as a whole.
    pub(super) fn fault(self, part: &RawValue, message: String) -> Fault {
        Fault { path: None, message, place: self.place(part.get(), 1, 1), twice: false }
    }

    /// A fault that was met in reading a part.
    pub(super) fn fault_of(self, part: &RawValue, error: &serde_path_to_error::Error<serde_json::Error>) -> Fault {
        let inner = error.inner();
        let path = error.path().to_string();
        Fault {
            path: (path != ".").then_some(path),
            message: without_place(inner),
            place: self.place(part.get(), inner.line(), inner.column()),
            twice: false,
        }
    }

    /// A place in a part as one of the whole text.
    fn place(self, part: &str, line: usize, column: usize) -> Place {
        let start = part.as_ptr().addr().wrapping_sub(self.0.as_ptr().addr());
        let before = self.0.get(..start).unwrap_or_default();
        let last = before.rsplit('\n').next().unwrap_or_default();
        Place {
            line: before.matches('\n').count() + line.max(1),
            column: if line > 1 { column } else { last.len() + column.max(1) },
        }
    }
}

/// The message of an error without the place, which it has at its end if it has one.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).map(str::to_owned).unwrap_or(text)
}

/// The members of an object in the order of the text, unread; a key that is there twice is here twice.
pub(super) struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'t> Members<'t> {
    pub(super) fn get(&self, key: &str) -> Option<&'t RawValue> {
        self.0.iter().find(|(found, _)| found == key).map(|(_, part)| *part)
    }

    /// Those whose key another one had before.
    pub(super) fn twice(&self) -> impl Iterator<Item = (&str, &'t RawValue)> {
        let mut seen = BTreeSet::new();
        self.all().filter(move |(key, _)| !seen.insert(*key))
    }

    /// Those that are none of these.
    pub(super) fn others(&self, known: &[&str]) -> impl Iterator<Item = (&str, &'t RawValue)> {
        self.all().filter(|(key, _)| !known.contains(key))
    }

    fn all(&self) -> impl Iterator<Item = (&str, &'t RawValue)> {
        self.0.iter().map(|(key, part)| (key.as_str(), *part))
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// Any JSON of which no object has a key twice.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Anything;
        impl<'de> Visitor<'de> for Anything {
            type Value = Unique;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Unique, E> {
                Ok(Unique)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
                Ok(Unique)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
                Ok(Unique)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
                Ok(Unique)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
                Ok(Unique)
            }

            fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
                Ok(Unique)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Unique, A::Error> {
                while let Some(Unique) = seq.next_element()? {}
                Ok(Unique)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique, A::Error> {
                let mut seen = BTreeSet::new();
                while let Some(key) = map.next_key::<String>()? {
                    if seen.contains(&key) {
                        return Err(A::Error::custom(format!("the key `{key}` is there twice")));
                    }
                    map.next_value::<Unique>()?;
                    seen.insert(key);
                }
                Ok(Unique)
            }
        }
        deserializer.deserialize_any(Anything)
    }
}

//! The stack as versioned JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::text::{Fault, Members, Place, Text};
use super::{Entry, Malformed, Stack, StackName};
use crate::problem::{Problem, ProblemCode};
use crate::{Address, KindName, Resource};

/// The `format` member of a stack file.
const FORMAT: &str = "aomidori-stack";
/// The version that this crate writes and reads.
const VERSION: u64 = 1;
/// The members of a stack file.
const MEMBERS: &[&str] = &["format", "version", "name", "tags", "accepted", "resources"];
/// The members of one of its resources.
const OF_RESOURCE: &[&str] = &["address", "kind", "spec", "tags", "depends_on"];
/// What to do about members that are not as these are.
const RESOURCE_HELP: &str =
    "a resource has an `address`, a `kind` and a `spec`; it may have `tags` (texts) and `depends_on` (addresses)";
/// What to do about a key that is there twice.
const TWICE_HELP: &str = "leave one of them out: JSON does not say which one counts";

/// A stack file, to be written. It is read member by member.
#[derive(Serialize)]
struct File {
    format: String,
    version: u64,
    name: StackName,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    accepted: BTreeMap<Address, BTreeSet<String>>,
    resources: Vec<Written>,
}

#[derive(Serialize)]
struct Written {
    address: String,
    kind: String,
    spec: Value,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    depends_on: BTreeSet<Address>,
}

/// Why a text is not a stack.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not JSON, or not of a stack file's form.
    #[error("the stack file cannot be read")]
    Syntax(#[source] Malformed),
    /// It is some other file.
    #[error("this is not a stack file: its `format` is not `{FORMAT}`")]
    Format,
    /// It was written by another version.
    #[error("the stack file is of version {found}, and this program reads version {VERSION}")]
    Version {
        /// The file's version.
        found: u64,
    },
    /// Its resources have problems: all of them.
    #[error("the stack file has {} problem(s)", .0.len())]
    Problems(Vec<Problem>),
}

impl Stack {
    /// Writes it as JSON, version 1, resources in order of address.
    ///
    /// # Errors
    /// None that a stack can cause; the type is serde's.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let resources = self
            .iter()
            .map(|(address, entry)| {
                let Entry { resource, tags, depends_on } = entry;
                Ok(Written {
                    address: address.to_string(),
                    kind: resource.kind().as_str().to_owned(),
                    spec: resource.to_json()?,
                    tags: tags.clone(),
                    depends_on: depends_on.clone(),
                })
            })
            .collect::<Result<_, serde_json::Error>>()?;
        let file = File {
            format: FORMAT.to_owned(),
            version: VERSION,
            name: self.name.clone(),
            tags: self.tags.clone(),
            accepted: self.accepted.clone(),
            resources,
        };
        serde_json::to_string_pretty(&file).map(|text| text + "\n")
    }

    /// Reads JSON. The result is not validated yet.
    ///
    /// # Errors
    /// What is wrong with the file; problems of its resources all at once.
    pub fn from_json(text: &str) -> Result<Stack, ReadError> {
        // Some editors begin a file with a mark of its byte order.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.chars().take(4).any(|c| c == '\0') {
            return Err(ReadError::Syntax(Malformed::of_encoding("it is UTF-16 or UTF-32, not UTF-8")));
        }
        let members: Members<'_> = serde_json::from_str(text).map_err(|error| match error.classify() {
            Category::Data => ReadError::Format,
            Category::Io | Category::Syntax | Category::Eof => ReadError::Syntax(Malformed::of(&error)),
        })?;
        let text = Text(text);
        // Asked before the rest is read, so that another version's file is not called malformed.
        let format = members.get("format").map(|part| text.read::<String>(part));
        if !matches!(format, Some(Ok(format)) if format == FORMAT) {
            return Err(ReadError::Format);
        }
        version(text, &members)?;
        if let Some((key, part)) = members.twice().next() {
            return Err(malformed(key, text.fault(part, format!("the key `{key}` is there twice"))));
        }
        if let Some((key, part)) = members.others(MEMBERS).next() {
            return Err(malformed(key, text.fault(part, format!("unknown field, expected one of {}", list(MEMBERS)))));
        }
        let Some(name) = member(text, &members, "name")? else { return Err(missing("name")) };
        let mut stack = Stack::new(name);
        stack.tags = member(text, &members, "tags")?.unwrap_or_default();
        stack.accepted = member(text, &members, "accepted")?.unwrap_or_default();
        let Some(resources) = members.get("resources") else { return Err(missing("resources")) };
        let resources: Vec<&RawValue> = text.read(resources).map_err(|fault| malformed("resources", fault))?;
        let mut problems = Vec::new();
        for (n, part) in resources.into_iter().enumerate() {
            Reading { text, n, address: None, problems: &mut problems }.resource(part, &mut stack);
        }
        if problems.is_empty() { Ok(stack) } else { Err(ReadError::Problems(problems)) }
    }

    /// Reads JSON as it is in a file, of which nobody has said that it is UTF-8.
    ///
    /// # Errors
    /// As [`Stack::from_json`].
    pub fn from_json_bytes(bytes: &[u8]) -> Result<Stack, ReadError> {
        let encoding = |why: &str| ReadError::Syntax(Malformed::of_encoding(why));
        match std::str::from_utf8(bytes) {
            Ok(text) => Stack::from_json(text),
            Err(_) if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) => {
                Err(encoding("it is UTF-16, not UTF-8"))
            }
            Err(error) => Err(encoding(&format!("it is not UTF-8 from byte {} on", error.valid_up_to() + 1))),
        }
    }
}

fn version(text: Text<'_>, members: &Members<'_>) -> Result<(), ReadError> {
    let Some(part) = members.get("version") else { return Err(missing("version")) };
    match part.get().parse::<u64>() {
        Ok(VERSION) => Ok(()),
        Ok(found) => Err(ReadError::Version { found }),
        Err(_) => {
            let found: String = part.get().chars().take(40).collect();
            let message = format!("it is {found}, and the number {VERSION} is wanted");
            Err(malformed("version", text.fault(part, message)))
        }
    }
}

/// A member of the file itself.
fn member<T: DeserializeOwned>(text: Text<'_>, members: &Members<'_>, key: &str) -> Result<Option<T>, ReadError> {
    let Some(part) = members.get(key) else { return Ok(None) };
    text.unique(part).and_then(|()| text.read(part)).map(Some).map_err(|fault| malformed(key, fault))
}

fn malformed(key: &str, fault: Fault) -> ReadError {
    ReadError::Syntax(Malformed::at(&fault.below(key), fault.place))
}

fn missing(key: &str) -> ReadError {
    ReadError::Syntax(Malformed::without(key))
}

fn list(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// One resource under reading.
struct Reading<'r, 't> {
    text: Text<'t>,
    /// Its place in the list.
    n: usize,
    address: Option<Address>,
    problems: &'r mut Vec<Problem>,
}

impl<'t> Reading<'_, 't> {
    /// Reads it into the stack, if nothing is wrong with it.
    fn resource(mut self, part: &'t RawValue, stack: &mut Stack) {
        let before = self.problems.len();
        let members: Members<'t> = match self.text.read(part) {
            Ok(members) => members,
            Err(fault) => return self.wrong("E-RESOURCE", None, &fault, RESOURCE_HELP),
        };
        // First, for all that is wrong is told with it.
        let help = "write it like `network/subnet/private-a`";
        match members.get("address").map(|part| self.text.read(part)) {
            Some(Ok(address)) => self.address = Some(address),
            Some(Err(fault)) => self.wrong("E-ADDRESS", None, &fault, help),
            None => self.lacks("E-ADDRESS", "address", part, help),
        }
        for (key, part) in members.twice() {
            let fault = self.text.fault(part, format!("the key `{key}` is there twice"));
            self.wrong("E-KEY-TWICE", None, &fault, TWICE_HELP);
        }
        for (key, part) in members.others(OF_RESOURCE) {
            let fault = self.text.fault(part, format!("unknown field `{key}`, expected one of {}", list(OF_RESOURCE)));
            self.wrong("E-RESOURCE", Some(key), &fault, RESOURCE_HELP);
        }
        let tags = self.member(&members, "tags");
        let depends_on = self.member(&members, "depends_on");
        let kind = self.kind(&members, part);
        let resource = match (kind, members.get("spec")) {
            (Some(kind), Some(spec)) => self.spec(kind, spec),
            (_, None) => {
                self.lacks("E-SPEC", "spec", part, "the model's documentation has each kind's fields");
                None
            }
            (None, Some(_)) => None,
        };
        let (Some(address), Some(resource)) = (self.address.clone(), resource) else { return };
        if self.problems.len() > before {
            return;
        }
        let entry = Entry { resource, tags, depends_on };
        if stack.entries.insert(address, entry).is_some() {
            let fault = self.text.fault(part, "two resources have this address".to_owned());
            self.wrong("E-ADDRESS-TAKEN", None, &fault, "give each resource an address of its own");
        }
    }

    fn kind(&mut self, members: &Members<'t>, whole: &'t RawValue) -> Option<KindName> {
        let help = || {
            let all: Vec<&str> = KindName::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("the kinds are {}", all.join(", "))
        };
        let Some(part) = members.get("kind") else {
            self.lacks("E-KIND", "kind", whole, &help());
            return None;
        };
        let kind = self
            .text
            .read::<String>(part)
            .and_then(|kind| kind.parse::<KindName>().map_err(|error| self.text.fault(part, error.to_string())));
        kind.map_err(|fault| self.wrong("E-KIND", Some("kind"), &fault, &help())).ok()
    }

    fn spec(&mut self, kind: KindName, part: &'t RawValue) -> Option<Resource> {
        let resource = self
            .text
            .unique(part)
            .and_then(|()| Resource::from_text(kind, part.get()).map_err(|error| self.text.fault_of(part, &error)));
        match resource {
            Ok(resource) => Some(resource),
            Err(fault) if fault.twice => {
                self.wrong("E-KEY-TWICE", fault.path.as_deref(), &fault, TWICE_HELP);
                None
            }
            Err(fault) => {
                let help = "correct the value; the model's documentation has each kind's fields";
                self.wrong("E-SPEC", fault.path.as_deref(), &fault, help);
                None
            }
        }
    }

    /// A member that may be left out.
    fn member<T: DeserializeOwned + Default>(&mut self, members: &Members<'t>, key: &str) -> T {
        let Some(part) = members.get(key) else { return T::default() };
        match self.text.unique(part).and_then(|()| self.text.read(part)) {
            Ok(value) => value,
            Err(fault) => {
                let field = fault.way(key);
                let (code, help) =
                    if fault.twice { ("E-KEY-TWICE", TWICE_HELP) } else { ("E-RESOURCE", RESOURCE_HELP) };
                self.wrong(code, Some(&field), &fault, help);
                T::default()
            }
        }
    }

    fn lacks(&mut self, code: &'static str, key: &str, whole: &'t RawValue, help: &str) {
        let fault = self.text.fault(whole, format!("it has no `{key}`"));
        self.wrong(code, None, &fault, help);
    }

    fn wrong(&mut self, code: &'static str, field: Option<&str>, fault: &Fault, help: &str) {
        let Fault { message, place: Place { line, column }, .. } = fault;
        self.problems.push(Problem {
            address: self.address.clone(),
            field: field.map(str::to_owned),
            code: ProblemCode(code),
            message: format!("{message} (`resources[{}]`, line {line} column {column})", self.n),
            help: help.to_owned(),
        });
    }
}

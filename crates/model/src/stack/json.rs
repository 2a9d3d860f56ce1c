//! The stack as versioned JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::{Entry, Stack, StackName};
use crate::problem::{Problem, ProblemCode};
use crate::{Address, KindName, Resource};

/// The `format` member of a stack file.
const FORMAT: &str = "aomidori-stack";
/// The version that this crate writes and reads.
const VERSION: u64 = 1;

/// What says whether the rest can be read.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    format: Value,
    #[serde(default)]
    version: Value,
}

/// A stack file, with specs of type `S`: values to write, and texts to read, so that never all of a large stack is there
/// twice.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File<S> {
    format: String,
    version: u64,
    name: StackName,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    accepted: BTreeMap<Address, BTreeSet<String>>,
    resources: Vec<Written<S>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<S> {
    address: String,
    kind: String,
    spec: S,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    depends_on: BTreeSet<Address>,
}

/// Why a text is not a stack.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not JSON, or not of a stack file's form.
    #[error("the stack file cannot be read")]
    Syntax(#[source] serde_json::Error),
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
        // Asked before the rest is read, so that another version's file is not called malformed.
        let head: Head = serde_json::from_str(text).map_err(|error| match error.classify() {
            Category::Data => ReadError::Format,
            Category::Io | Category::Syntax | Category::Eof => ReadError::Syntax(error),
        })?;
        if head.format != FORMAT {
            return Err(ReadError::Format);
        }
        match head.version.as_u64() {
            Some(VERSION) => {}
            found => return Err(ReadError::Version { found: found.unwrap_or(0) }),
        }
        let file: File<&RawValue> = serde_json::from_str(text).map_err(ReadError::Syntax)?;
        let mut stack = Stack::new(file.name);
        stack.tags = file.tags;
        stack.accepted = file.accepted;
        let mut problems = Vec::new();
        for Written { address, kind, spec, tags, depends_on } in file.resources {
            let parsed = match address.parse::<Address>() {
                Ok(parsed) => parsed,
                Err(error) => {
                    let help = "write it like `network/subnet/private-a`";
                    problems.push(problem("E-ADDRESS", None, None, error.to_string(), help));
                    continue;
                }
            };
            let kind: KindName = match kind.parse() {
                Ok(kind) => kind,
                Err(error) => {
                    let all: Vec<&str> = KindName::ALL.iter().map(|kind| kind.as_str()).collect();
                    let help = format!("the kinds are {}", all.join(", "));
                    problems.push(problem("E-KIND", Some(&parsed), Some("kind"), format!("{error}"), &help));
                    continue;
                }
            };
            let spec = serde_json::from_str(spec.get()).map_err(ReadError::Syntax)?;
            match Resource::from_json(kind, spec) {
                Ok(resource) => {
                    let entry = Entry { resource, tags, depends_on };
                    if stack.entries.insert(parsed.clone(), entry).is_some() {
                        let help = "give each resource an address of its own";
                        let message = "two resources have this address".to_owned();
                        problems.push(problem("E-ADDRESS-TAKEN", Some(&parsed), None, message, help));
                    }
                }
                Err(error) => {
                    let path = error.path().to_string();
                    let field = if path == "." { None } else { Some(path.as_str()) };
                    let message = error.inner().to_string();
                    let help = "correct the value; the model's documentation has each kind's fields";
                    problems.push(problem("E-SPEC", Some(&parsed), field, message, help));
                }
            }
        }
        if problems.is_empty() { Ok(stack) } else { Err(ReadError::Problems(problems)) }
    }
}

fn problem(code: &'static str, address: Option<&Address>, field: Option<&str>, message: String, help: &str) -> Problem {
    Problem {
        address: address.cloned(),
        field: field.map(str::to_owned),
        code: ProblemCode(code),
        message,
        help: help.to_owned(),
    }
}

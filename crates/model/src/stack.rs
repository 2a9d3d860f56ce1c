//! A stack: resources under addresses, with the tags and order that belong to them.

mod json;
mod region;
mod text;

use std::collections::{BTreeMap, BTreeSet};

pub use json::ReadError;
pub use text::Malformed;

use crate::field::Fields;
use crate::graph::{Node, Nodes};
use crate::name::name_type;
use crate::problem::{Check, Problem, ProblemCode};
use crate::{Address, Kind, Ref, Reference, Resource, ownership};

name_type! {
    /// The name of a stack: the value of the tag `aomidori:stack`, once in account and region.
    StackName: "a stack name", 1..=64, "lower-case letters, digits and `-`",
    |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-',
    |text| (text.starts_with('-') || text.ends_with('-')).then_some("it may not start or end with `-`")
}

/// One environment: what is wanted.
///
/// ```
/// use aomidori_model::Stack;
/// use aomidori_model::kinds::{Subnet, Vpc};
///
/// let mut stack = Stack::new("shop-staging".parse()?);
/// let vpc = stack.add(
///     "network/vpc",
///     Vpc { cidr: "10.0.0.0/16".parse()?, dns_support: Some(true), dns_hostnames: Some(true) },
/// );
/// stack.add(
///     "network/subnet/a",
///     Subnet { vpc, cidr: "10.0.0.0/24".parse()?, zone: "eu-central-1a".into(), map_public_ip_on_launch: None },
/// );
/// assert!(stack.validate().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    name: StackName,
    /// Tags for every resource, beside the ownership tags.
    pub tags: BTreeMap<String, String>,
    /// Codes of problems that are accepted at an address, because what is described is live and is so. Only what AWS does
    /// not mind can be accepted: that packets do not arrive.
    pub accepted: BTreeMap<Address, BTreeSet<String>>,
    entries: BTreeMap<Address, Entry>,
    /// What went wrong while it was built; reported by [`Stack::validate`] with everything else.
    mistakes: Vec<Problem>,
}

/// One resource of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The resource.
    pub resource: Resource,
    /// Tags of its own; they win over the stack's.
    pub tags: BTreeMap<String, String>,
    /// Resources that must be there first, besides those that it refers to.
    pub depends_on: BTreeSet<Address>,
}

impl Stack {
    /// An empty stack.
    pub fn new(name: StackName) -> Stack {
        Stack { name, tags: BTreeMap::new(), accepted: BTreeMap::new(), entries: BTreeMap::new(), mistakes: Vec::new() }
    }

    /// Its name.
    pub fn name(&self) -> &StackName {
        &self.name
    }

    /// Adds a resource and returns a reference to it.
    ///
    /// An address that does not parse or is taken is reported by [`Stack::validate`], with all other problems.
    pub fn add<K: Kind>(&mut self, address: &str, resource: K) -> Ref<K> {
        let parsed = match address.parse::<Address>() {
            Ok(parsed) => parsed,
            Err(error) => {
                self.mistake("E-ADDRESS", None, error.to_string(), "write it like `network/subnet/private-a`");
                return Ref::existing(address);
            }
        };
        if self.entries.contains_key(&parsed) {
            self.mistake(
                "E-ADDRESS-TAKEN",
                Some(parsed.clone()),
                "two resources have this address".into(),
                "give each resource an address of its own",
            );
        } else {
            let entry = Entry { resource: resource.into(), tags: BTreeMap::new(), depends_on: BTreeSet::new() };
            self.entries.insert(parsed.clone(), entry);
        }
        Ref::to(parsed)
    }

    /// Puts a resource of any kind at a free address.
    ///
    /// # Errors
    /// The resource, if the address is taken.
    pub fn put(&mut self, address: Address, resource: Resource) -> Result<(), Box<Resource>> {
        if self.entries.contains_key(&address) {
            return Err(Box::new(resource));
        }
        self.entries.insert(address, Entry { resource, tags: BTreeMap::new(), depends_on: BTreeSet::new() });
        Ok(())
    }

    fn mistake(&mut self, code: &'static str, address: Option<Address>, message: String, help: &str) {
        self.mistakes.push(Problem { address, field: None, code: ProblemCode(code), message, help: help.to_owned() });
    }

    /// The entry at an address.
    pub fn get(&self, address: &Address) -> Option<&Entry> {
        self.entries.get(address)
    }

    /// The entry at an address, to set its tags or order.
    pub fn get_mut(&mut self, address: &Address) -> Option<&mut Entry> {
        self.entries.get_mut(address)
    }

    /// Removes a resource.
    pub fn remove(&mut self, address: &Address) -> Option<Entry> {
        self.entries.remove(address)
    }

    /// All entries, in order of address.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Address, &Entry)> {
        self.entries.iter()
    }

    /// How many resources it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if it has none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All resources of one kind.
    pub fn of<'a, K: Kind>(&'a self) -> impl Iterator<Item = (&'a Address, &'a K)>
    where
        &'a K: TryFrom<&'a Resource>,
    {
        self.entries.iter().filter_map(|(address, entry)| Some((address, (&entry.resource).try_into().ok()?)))
    }

    /// The resource that a reference points at, if it is in the stack and of the right kind.
    pub fn find<'a, K: Kind>(&'a self, reference: &Ref<K>) -> Option<(&'a Address, &'a K)>
    where
        &'a K: TryFrom<&'a Resource>,
    {
        let (address, entry) = self.entries.get_key_value(reference.address()?)?;
        Some((address, (&entry.resource).try_into().ok()?))
    }

    /// The tags that users want on a resource, and the `Name` that the console shows for kinds without a name. Ownership
    /// tags are not among them.
    pub fn user_tags(&self, address: &Address) -> BTreeMap<String, String> {
        let mut tags = BTreeMap::new();
        if let Some(entry) = self.entries.get(address) {
            let info = entry.resource.kind().info();
            if !info.taggable {
                return tags;
            }
            if info.name_tag {
                let path = address.as_str().split_once('/').map_or(address.as_str(), |(_, rest)| rest);
                tags.insert("Name".to_owned(), format!("{}-{}", self.name, path.replace('/', "-")));
            }
            tags.extend(self.tags.clone());
            tags.extend(entry.tags.clone());
        }
        tags
    }

    /// All tags that a resource is created with, except the record of its parts.
    pub fn all_tags(&self, address: &Address) -> BTreeMap<String, String> {
        let mut tags = self.user_tags(address);
        tags.extend(ownership::tags(&self.name, address));
        tags
    }

    /// Every tag that a resource shall have, the record of its parts included, once the references in `fields` (its own)
    /// are resolved by `lookup`. None for a kind that takes no tags.
    pub fn complete_tags(
        &self,
        address: &Address,
        fields: &Fields,
        lookup: &impl Fn(&Reference) -> Option<String>,
    ) -> BTreeMap<String, String> {
        match self.entries.get(address) {
            Some(entry) if entry.resource.kind().info().taggable => {
                let mut tags = self.all_tags(address);
                let record = ownership::record(fields, &self.user_tags(address), lookup);
                tags.extend(ownership::parts_tags(&record));
                tags
            }
            _ => BTreeMap::new(),
        }
    }

    /// The fields of every resource, by address; [`Nodes`] is built over it.
    pub fn fields(&self) -> BTreeMap<Address, Fields> {
        self.entries.iter().map(|(address, entry)| (address.clone(), entry.resource.fields())).collect()
    }

    /// The resources as the graph sees them, over [`Stack::fields`].
    pub fn nodes<'a>(&'a self, fields: &'a BTreeMap<Address, Fields>) -> Nodes<'a> {
        let nodes = self.entries.iter().filter_map(|(address, entry)| {
            Some(Node { address, kind: entry.resource.kind(), fields: fields.get(address)? })
        });
        Nodes::new(nodes, [])
    }

    /// Everything that is wrong with it: with single resources, and with how they fit together. Empty if it can be built.
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = self.mistakes.clone();
        for (address, entry) in &self.entries {
            entry.resource.validate(&mut Check::new(Some(address), &mut problems));
        }
        crate::checks::run(self, &mut problems);
        problems.retain(|problem| !self.accepts(problem));
        problems.sort();
        problems.dedup();
        problems
    }

    fn accepts(&self, problem: &Problem) -> bool {
        let accepted = problem.address.as_ref().and_then(|address| self.accepted.get(address));
        problem.is_of_reach() && accepted.is_some_and(|codes| codes.contains(problem.code.0))
    }
}

//! Claims: which live resources of others shall be which addresses of a stack.

use std::collections::BTreeMap;

use aomidori_model::{Address, KindName};

/// Live resources, and the addresses that they shall have once they carry a stack's mark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims(BTreeMap<(KindName, String), Address>);

impl Claims {
    /// Claims one. A kind that takes no tags cannot be claimed: nothing could mark it.
    pub fn add(&mut self, kind: KindName, id: &str, address: Address) {
        if kind.info().taggable {
            self.0.insert((kind, key(kind, id).to_owned()), address);
        }
    }

    /// The address that something is claimed for. Revisions of one task definition are one.
    pub fn address(&self, kind: KindName, id: &str) -> Option<&Address> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&(kind, key(kind, id).to_owned()))
    }

    /// All of them: kind, id, address. Of a task definition the id has no revision.
    pub fn iter(&self) -> impl Iterator<Item = (KindName, &str, &Address)> {
        self.0.iter().map(|((kind, id), address)| (*kind, id.as_str(), address))
    }

    /// The ids of a kind.
    pub fn ids(&self, kind: KindName) -> impl Iterator<Item = &str> {
        self.iter().filter(move |(of, _, _)| *of == kind).map(|(_, id, _)| id)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if nothing is claimed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The id without what changes with every revision.
pub fn key(kind: KindName, id: &str) -> &str {
    if !kind.info().revisioned {
        return id;
    }
    match id.rsplit_once(':') {
        Some((family, revision)) if revision.bytes().all(|b| b.is_ascii_digit()) => family,
        _ => id,
    }
}

/// An address for something that is looked at before it is known what it shall be.
pub fn stray(kind: KindName, id: &str) -> Option<Address> {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let id: String = id.chars().map(letter).collect();
    format!("unaddressed/{kind}/{}", id.trim_matches('-')).parse().ok()
}

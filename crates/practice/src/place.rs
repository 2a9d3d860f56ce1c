//! Where in a stack an environment goes.

use std::collections::BTreeMap;

use aomidori_model::{Kind, Ref, Stack};

/// A stack, and what the addresses of everything that is added begin with.
pub(crate) struct Place<'s> {
    stack: &'s mut Stack,
    under: Option<&'s str>,
    /// Those of the environment's tags that the stack does not give to everything.
    tags: BTreeMap<String, String>,
}

impl<'s> Place<'s> {
    /// Below `under` in a stack, or at its top.
    pub(crate) fn new(stack: &'s mut Stack, under: Option<&'s str>, mut tags: BTreeMap<String, String>) -> Place<'s> {
        tags.retain(|key, value| stack.tags.get(key) != Some(value));
        Place { stack, under, tags }
    }

    /// As [`Stack::add`].
    pub(crate) fn add<K: Kind>(&mut self, address: &str, resource: K) -> Ref<K> {
        let added = match self.under {
            None => self.stack.add(address, resource),
            Some(under) => self.stack.add(&format!("{under}/{address}"), resource),
        };
        if let Some(entry) = added.address().and_then(|address| self.stack.get_mut(address)) {
            entry.tags.extend(self.tags.clone());
        }
        added
    }
}

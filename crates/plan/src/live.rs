//! What is live and ours, in an order that does not depend on how it was found, with who uses whom.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::graph::{Node, Nodes};
use aomidori_model::kinds::ecr_repository::repository_url;
use aomidori_model::{Address, Fields, KindName, Reference, Target, Value};

use crate::observation::{Observation, Observed, Status};
use crate::replace;

/// The stack's live resources.
#[derive(Debug)]
pub(crate) struct LiveSet<'a> {
    pub(crate) all: Vec<Live<'a>>,
    /// Everything observed, ours or not, by kind and id.
    observed: BTreeMap<(KindName, &'a str), &'a Observed>,
    have: &'a Observation,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Live<'a> {
    pub(crate) address: &'a Address,
    pub(crate) seen: &'a Observed,
    /// The values of those of its fields that hold references, with these resolved to texts.
    resolved: Box<[(&'static str, Value)]>,
    /// Which others it uses.
    pub(crate) uses: BTreeMap<usize, Link>,
}

/// How one live resource uses another.
#[derive(Debug)]
pub(crate) struct Link {
    /// The fields that refer to it; none if the link is one that no field states.
    pub(crate) fields: BTreeSet<&'static str>,
    /// AWS refuses to delete the used one while the user lives.
    pub(crate) holds: bool,
}

impl Live<'_> {
    /// The value of a field, with references resolved to texts.
    pub(crate) fn value(&self, field: &str) -> &Value {
        let resolved = self.resolved.iter().find(|(name, _)| *name == field);
        resolved.map_or_else(|| self.seen.fields.value(field), |(_, value)| value)
    }

    pub(crate) fn is_deleting(&self) -> bool {
        matches!(self.seen.status, Status::Deleting(_))
    }
}

impl<'a> LiveSet<'a> {
    pub(crate) fn new(have: &'a Observation) -> LiveSet<'a> {
        let mut ours: Vec<(&Address, &Observed)> = have.ours().collect();
        ours.sort_by(|a, b| (a.0, a.1.kind, &a.1.id).cmp(&(b.0, b.1.kind, &b.1.id)));
        let observed: BTreeMap<(KindName, &str), &Observed> =
            have.resources.iter().map(|seen| ((seen.kind, seen.id.as_str()), seen)).collect();
        let lookup = |reference: &Reference| output_of(have, &observed, reference);
        let mut links = links(&ours);
        let all = ours
            .iter()
            .enumerate()
            .map(|(n, (address, seen))| Live {
                address,
                seen,
                resolved: resolved(&seen.fields, &lookup),
                uses: links.remove(&n).unwrap_or_default(),
            })
            .collect();
        LiveSet { all, observed, have }
    }

    /// The text of an output of something that is referred to by its id.
    pub(crate) fn output_of(&self, reference: &Reference) -> Option<String> {
        output_of(self.have, &self.observed, reference)
    }

    /// What was observed, ours or not, under the id of a reference.
    pub(crate) fn found(&self, reference: &Reference) -> Option<&'a Observed> {
        let Target::Id(id) = &reference.target else { return None };
        self.observed.get(&(reference.kind, id.as_str())).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Live<'a>)> {
        self.all.iter().enumerate()
    }

    pub(crate) fn get(&self, at: usize) -> Option<&Live<'a>> {
        self.all.get(at)
    }
}

fn resolved(fields: &Fields, lookup: &impl Fn(&Reference) -> Option<String>) -> Box<[(&'static str, Value)]> {
    let values = fields.iter().map(|field| (field.name, field.value.resolved(lookup)));
    let changed = values.filter_map(|(name, value)| match value {
        Cow::Borrowed(_) => None,
        Cow::Owned(value) => Some((name, value)),
    });
    changed.collect()
}

fn output_of(
    have: &Observation,
    observed: &BTreeMap<(KindName, &str), &Observed>,
    reference: &Reference,
) -> Option<String> {
    let Target::Id(id) = &reference.target else { return None };
    let output = reference.output.as_deref();
    match observed.get(&(reference.kind, id.as_str())) {
        Some(seen) => seen.output(output).map(str::to_owned),
        // Of somebody else's repository nothing is asked, and its URL is no secret.
        None if reference.kind == KindName::EcrRepository && output == Some("repository_url") => {
            Some(repository_url(&have.account, &have.region, id))
        }
        None => None,
    }
}

/// Who uses whom. Several live resources may have one address, so the graph is built over made-up, unique ones.
fn links(ours: &[(&Address, &Observed)]) -> BTreeMap<usize, BTreeMap<usize, Link>> {
    let unique: Vec<Address> = (0..ours.len()).filter_map(|n| format!("live/{n:06}").parse().ok()).collect();
    let numbers: BTreeMap<&Address, usize> = unique.iter().enumerate().map(|(n, address)| (address, n)).collect();
    let nodes = Nodes::new(
        unique.iter().zip(ours).map(|(address, (_, seen))| Node { address, kind: seen.kind, fields: &seen.fields }),
        unique.iter().zip(ours).map(|(address, (_, seen))| (seen.kind, seen.id.as_str(), address)),
    );
    let mut links = BTreeMap::new();
    for node in nodes.iter() {
        let Some(&from) = numbers.get(node.address) else { continue };
        let mut uses: BTreeMap<usize, Link> = BTreeMap::new();
        for edge in nodes.edges(node) {
            if let (Some(&to), Some(target)) = (numbers.get(&edge.on), nodes.get(&edge.on)) {
                let holds = replace::holds(node.kind, target.kind, false);
                uses.insert(to, Link { fields: BTreeSet::new(), holds });
            }
        }
        for field in node.fields {
            field.value.for_each_ref(&mut |reference| {
                let Some(target) = nodes.find(reference) else { return };
                let Some(link) = numbers.get(target.address).and_then(|to| uses.get_mut(to)) else { return };
                link.fields.insert(field.name);
                link.holds |= replace::holds(node.kind, target.kind, true);
            });
        }
        links.insert(from, uses);
    }
    links
}

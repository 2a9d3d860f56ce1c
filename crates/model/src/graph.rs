//! The dependency graph: edges from references and from the rules that no field states.

use std::collections::{BTreeMap, BTreeSet};

use crate::field::{Fields, Need};
use crate::value::{Reference, Target, Value};
use crate::{Address, KindName};

/// One resource as the graph sees it, wanted or live.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// Its address.
    pub address: &'a Address,
    /// Its kind.
    pub kind: KindName,
    /// Its fields.
    pub fields: &'a Fields,
}

/// An edge: whoever has it comes after `on` (and is deleted before it).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// The resource that comes first.
    pub on: Address,
    /// How far it must be.
    pub need: Need,
}

/// A set of resources, wanted or live.
#[derive(Debug)]
pub struct Nodes<'a> {
    nodes: BTreeMap<&'a Address, Node<'a>>,
    /// Live ids of what is in the set, so that references by id find their resource.
    ids: BTreeMap<(KindName, &'a str), &'a Address>,
}

impl<'a> Nodes<'a> {
    /// The set of these resources; `ids` are their live ids, where they have one.
    pub fn new(
        nodes: impl IntoIterator<Item = Node<'a>>,
        ids: impl IntoIterator<Item = (KindName, &'a str, &'a Address)>,
    ) -> Nodes<'a> {
        Nodes {
            nodes: nodes.into_iter().map(|node| (node.address, node)).collect(),
            ids: ids.into_iter().map(|(kind, id, address)| ((kind, id), address)).collect(),
        }
    }

    /// The resource at an address.
    pub fn get(&self, address: &Address) -> Option<&Node<'a>> {
        self.nodes.get(address)
    }

    /// All of them, in order of address.
    pub fn iter(&self) -> impl Iterator<Item = &Node<'a>> {
        self.nodes.values()
    }

    /// All of one kind.
    pub fn of(&self, kind: KindName) -> impl Iterator<Item = &Node<'a>> {
        self.nodes.values().filter(move |node| node.kind == kind)
    }

    /// The resource of the set that a reference points at.
    pub fn find(&self, reference: &Reference) -> Option<&Node<'a>> {
        let address = match &reference.target {
            Target::Address(address) => address,
            Target::Id(id) => self.ids.get(&(reference.kind, id.as_str()))?,
        };
        self.nodes.get(address)
    }

    /// The resources of the set that a field of `node` points at.
    pub fn pointed(&self, node: &Node<'a>, field: &str) -> Vec<&Node<'a>> {
        let mut found = Vec::new();
        node.fields.value(field).for_each_ref(&mut |reference| found.extend(self.find(reference)));
        found
    }

    /// True if a field of each points at the same thing (inside the set or outside).
    pub fn share(&self, a: &Node<'a>, a_field: &str, b: &Node<'a>, b_field: &str) -> bool {
        let (a, b) = (self.targets(a.fields.value(a_field)), self.targets(b.fields.value(b_field)));
        a.intersection(&b).next().is_some()
    }

    /// What a value points at: addresses of the set where it can say so, else ids.
    pub fn targets(&self, value: &Value) -> BTreeSet<Target> {
        let mut targets = BTreeSet::new();
        value.for_each_ref(&mut |reference| {
            targets.insert(match self.find(reference) {
                Some(node) => Target::Address(node.address.clone()),
                None => reference.target.clone(),
            });
        });
        targets
    }

    /// All edges of `node`: one for each reference, and those that its kind adds. No edge to itself.
    pub fn edges(&self, node: &Node<'a>) -> BTreeSet<Edge> {
        let mut edges: BTreeMap<Address, Need> = BTreeMap::new();
        let mut add = |on: &Address, need: Need| {
            if on != node.address {
                let known = edges.entry(on.clone()).or_default();
                *known = (*known).max(need);
            }
        };
        for field in node.fields {
            field.value.for_each_ref(&mut |reference| {
                if let Some(target) = self.find(reference) {
                    add(target.address, field.needs);
                }
            });
        }
        for edge in node.kind.after(node, self) {
            add(&edge.on, edge.need);
        }
        edges.into_iter().map(|(on, need)| Edge { on, need }).collect()
    }
}

impl Edge {
    /// Comes after `on` exists.
    pub fn exists(on: &Address) -> Edge {
        Edge { on: on.clone(), need: Need::Exists }
    }

    /// Comes after `on` is ready.
    pub fn ready(on: &Address) -> Edge {
        Edge { on: on.clone(), need: Need::Ready }
    }
}

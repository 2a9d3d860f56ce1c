//! The dependency graph: edges from references and from the rules that no field states.

use std::cell::RefCell;
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
    kinds: BTreeMap<KindName, Vec<&'a Address>>,
    /// Who points where, by kind and field: made when first asked for.
    pointers: RefCell<BTreeMap<(KindName, &'static str), Pointers>>,
}

/// By what is pointed at: who points there.
type Pointers = BTreeMap<Target, Vec<Address>>;

impl<'a> Nodes<'a> {
    /// The set of these resources; `ids` are their live ids, where they have one.
    pub fn new(
        nodes: impl IntoIterator<Item = Node<'a>>,
        ids: impl IntoIterator<Item = (KindName, &'a str, &'a Address)>,
    ) -> Nodes<'a> {
        let nodes: BTreeMap<&Address, Node<'a>> = nodes.into_iter().map(|node| (node.address, node)).collect();
        let mut kinds: BTreeMap<KindName, Vec<&Address>> = BTreeMap::new();
        for node in nodes.values() {
            kinds.entry(node.kind).or_default().push(node.address);
        }
        Nodes {
            nodes,
            kinds,
            pointers: RefCell::default(),
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
        self.kinds.get(&kind).into_iter().flatten().filter_map(|address| self.nodes.get(address))
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

    /// The resources of a kind that point with `their` field at something that `node` points at with `field` (inside the
    /// set or outside), in order of address.
    pub fn sharing(&self, node: &Node<'_>, field: &str, kind: KindName, their: &'static str) -> Vec<&Node<'a>> {
        let mut index = self.pointers.borrow_mut();
        let pointers = index.entry((kind, their)).or_insert_with(|| {
            let mut pointers = Pointers::new();
            for other in self.of(kind) {
                for target in self.targets(other.fields.value(their)) {
                    pointers.entry(target).or_default().push(other.address.clone());
                }
            }
            pointers
        });
        let targets = self.targets(node.fields.value(field));
        let found: BTreeSet<&Address> = targets.iter().filter_map(|target| pointers.get(target)).flatten().collect();
        found.into_iter().filter_map(|address| self.nodes.get(address)).collect()
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

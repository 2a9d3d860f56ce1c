//! What a plan is made from: the wanted graph and the live one.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::graph::Edge;
use aomidori_model::{Address, Fields, KindName, Reference, Stack, Target, Value};

use crate::diff::Known;
use crate::error::{Obstacle, PlanError};
use crate::live::LiveSet;
use crate::observation::Observation;

/// What is wanted and what is live.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) want: &'a Stack,
    pub(crate) fields: BTreeMap<Address, Fields>,
    pub(crate) kinds: BTreeMap<&'a Address, KindName>,
    /// What each wanted resource comes after.
    pub(crate) edges: BTreeMap<Address, BTreeSet<Edge>>,
    /// Wanted addresses, what is referred to before what refers to it.
    pub(crate) order: Vec<Address>,
    pub(crate) live: LiveSet<'a>,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(want: &'a Stack, have: &'a Observation) -> Result<Facts<'a>, PlanError> {
        let fields = want.fields();
        let edges = wanted_edges(want, &fields)?;
        let order = depth_first(&edges)?;
        let kinds = want.iter().map(|(address, entry)| (address, entry.resource.kind())).collect();
        Ok(Facts { want, fields, kinds, edges, order, live: LiveSet::new(have) })
    }

    pub(crate) fn kind(&self, address: &Address) -> Option<KindName> {
        self.kinds.get(address).copied()
    }

    pub(crate) fn edges(&self, address: &Address) -> impl Iterator<Item = &Edge> {
        self.edges.get(address).into_iter().flatten()
    }
}

/// References, rules of order and `depends_on`.
fn wanted_edges(
    want: &Stack,
    fields: &BTreeMap<Address, Fields>,
) -> Result<BTreeMap<Address, BTreeSet<Edge>>, PlanError> {
    let nodes = want.nodes(fields);
    let mut obstacles = Vec::new();
    let mut edges = BTreeMap::new();
    for (address, entry) in want.iter() {
        let mut on: BTreeMap<Address, Edge> = BTreeMap::new();
        if let Some(node) = nodes.get(address) {
            on.extend(nodes.edges(node).into_iter().map(|edge| (edge.on.clone(), edge)));
            for field in node.fields {
                field.value.for_each_ref(&mut |reference| {
                    if let Target::Address(to) = &reference.target
                        && nodes.get(to).is_none()
                    {
                        obstacles.push(Obstacle::Dangling { address: address.clone(), to: to.clone() });
                    }
                });
            }
        }
        for to in &entry.depends_on {
            if want.get(to).is_none() {
                obstacles.push(Obstacle::Dangling { address: address.clone(), to: to.clone() });
            }
            on.insert(to.clone(), Edge::ready(to));
        }
        edges.insert(address.clone(), on.into_values().collect());
    }
    if obstacles.is_empty() { Ok(edges) } else { Err(PlanError::new(obstacles)) }
}

/// Addresses so that what is referred to comes first; a cycle is an error.
fn depth_first(edges: &BTreeMap<Address, BTreeSet<Edge>>) -> Result<Vec<Address>, PlanError> {
    let mut graph = petgraph::graphmap::DiGraphMap::<&Address, ()>::new();
    for (from, on) in edges {
        graph.add_node(from);
        for edge in on {
            graph.add_edge(from, &edge.on, ());
        }
    }
    let mut order = Vec::with_capacity(edges.len());
    // Tarjan's components come dependencies first.
    for component in petgraph::algo::tarjan_scc(&graph) {
        match component.as_slice() {
            [only] if !graph.contains_edge(only, only) => order.push((*only).clone()),
            circle => return Err(PlanError::cycle(circle.iter().map(|address| (*address).clone()))),
        }
    }
    Ok(order)
}

/// Ids and outputs of what is live, stays, and keeps its id.
#[derive(Debug)]
pub(crate) struct Ids<'a, 'f> {
    pub(crate) facts: &'f Facts<'a>,
    pub(crate) keeper: &'f BTreeMap<Address, usize>,
    pub(crate) new: &'f BTreeSet<Address>,
}

impl Ids<'_, '_> {
    /// A value with what is known in place of references.
    pub(crate) fn settle(&self, value: &Value) -> Value {
        value.resolve(&|reference| self.lookup(reference))
    }
}

impl Known for Ids<'_, '_> {
    fn lookup(&self, reference: &Reference) -> Option<String> {
        match &reference.target {
            Target::Address(address) if self.new.contains(address) => None,
            Target::Address(address) => {
                let live = self.facts.live.get(*self.keeper.get(address)?)?;
                live.seen.output(reference.output.as_deref()).map(str::to_owned)
            }
            Target::Id(_) => self.facts.live.output_of(reference),
        }
    }

    fn is_new(&self, address: &Address) -> bool {
        self.new.contains(address)
    }
}

//! References lead somewhere, to the right kind, and never in a circle.

use std::collections::BTreeMap;

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

use super::Checks;
use crate::value::Target;
use crate::{Address, Fields, KindName};

pub(super) fn check(checks: &mut Checks<'_, '_>) {
    let stack = checks.stack;
    let fields = stack.fields();
    for (address, entry) in stack.iter() {
        dangling(checks, address, &fields);
        for wanted in &entry.depends_on {
            if stack.get(wanted).is_none() {
                checks.at(address).field(
                    "E-REF-MISSING",
                    "depends_on",
                    format!("there is no `{wanted}` in the stack"),
                    "correct the address, or add the resource",
                );
            }
        }
    }
    cycles(checks, &fields);
}

fn dangling(checks: &mut Checks<'_, '_>, address: &Address, fields: &BTreeMap<Address, Fields>) {
    let stack = checks.stack;
    for field in fields.get(address).into_iter().flatten() {
        let mut found = Vec::new();
        field.value.for_each_ref(&mut |reference| {
            let Target::Address(to) = &reference.target else { return };
            match stack.get(to).map(|entry| entry.resource.kind()) {
                None => found.push((
                    "E-REF-MISSING",
                    format!("there is no `{to}` in the stack"),
                    format!("add {} there, or refer to one that exists by its id", a(reference.kind)),
                )),
                Some(kind) if kind != reference.kind => found.push((
                    "E-REF-KIND",
                    format!("`{to}` is {}, not {}", a(kind), a(reference.kind)),
                    format!("refer to {}", a(reference.kind)),
                )),
                Some(_) => {}
            }
        });
        for (code, message, help) in found {
            checks.at(address).field(code, field.name, message, help);
        }
    }
}

fn cycles(checks: &mut Checks<'_, '_>, fields: &BTreeMap<Address, Fields>) {
    let stack = checks.stack;
    let nodes = stack.nodes(fields);
    let mut graph: DiGraphMap<&Address, ()> = DiGraphMap::new();
    let edges: Vec<(&Address, Address)> = nodes
        .iter()
        .flat_map(|node| nodes.edges(node).into_iter().map(|edge| (node.address, edge.on)))
        .chain(stack.iter().flat_map(|(at, entry)| entry.depends_on.iter().map(move |on| (at, on.clone()))))
        .collect();
    for (from, on) in &edges {
        graph.add_edge(from, on, ());
    }
    for mut circle in tarjan_scc(&graph) {
        let to_itself = circle.first().is_some_and(|only| graph.contains_edge(only, only));
        if circle.len() < 2 && !to_itself {
            continue;
        }
        circle.sort();
        let names: Vec<&str> = circle.iter().map(|address| address.as_str()).collect();
        if let Some(first) = circle.first() {
            checks.at(first).resource(
                "E-CYCLE",
                format!("these need each other, so none can be created first: {}", names.join(", ")),
                "remove one of the references (or of the `depends_on`); rules between two security groups are resources \
                 of their own for this reason",
            );
        }
    }
}

/// `an ECS cluster`, `a subnet`.
fn a(kind: KindName) -> String {
    let title = kind.info().title;
    let article = if title.starts_with(['A', 'E', 'I', 'O', 'a', 'e', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {title}")
}

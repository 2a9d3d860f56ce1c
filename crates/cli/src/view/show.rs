//! A stack as people read it: what it is, before anybody asks what is live.

use std::collections::BTreeMap;

use aomidori_model::graph::Nodes;
use aomidori_model::{Address, Fields, Owner, Stack, Value};

use super::paint::table;
use super::{Paint, value};
use crate::error::count;

/// Addresses that a resource needs, and that need it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Neighbours {
    pub(crate) needs: Vec<Address>,
    pub(crate) needed_by: Vec<Address>,
}

/// The neighbours of every resource.
pub(crate) fn neighbours(stack: &Stack) -> BTreeMap<Address, Neighbours> {
    let fields = stack.fields();
    let nodes = stack.nodes(&fields);
    let mut all: BTreeMap<Address, Neighbours> = BTreeMap::new();
    for (address, on) in edges(stack, &nodes) {
        all.entry(address.clone()).or_default().needs.push(on.clone());
        all.entry(on).or_default().needed_by.push(address);
    }
    all
}

/// All edges of a stack: who, and what comes first.
pub(crate) fn edges(stack: &Stack, nodes: &Nodes<'_>) -> Vec<(Address, Address)> {
    let mut all = Vec::new();
    for node in nodes.iter() {
        all.extend(nodes.edges(node).into_iter().map(|edge| (node.address.clone(), edge.on)));
        if let Some(entry) = stack.get(node.address) {
            all.extend(entry.depends_on.iter().map(|on| (node.address.clone(), on.clone())));
        }
    }
    all.sort();
    all.dedup();
    all
}

/// Groups in the order in which they are built: the host's, others by the mean depth of their resources.
pub(crate) fn groups(stack: &Stack, order: &[String]) -> Vec<String> {
    let fields = stack.fields();
    let nodes = stack.nodes(&fields);
    let mut needs: BTreeMap<&Address, Vec<&Address>> = BTreeMap::new();
    let edges = edges(stack, &nodes);
    for (address, on) in &edges {
        needs.entry(address).or_default().push(on);
    }
    let mut depths: BTreeMap<Address, usize> = BTreeMap::new();
    let mut sums: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (address, _) in stack.iter() {
        let depth = depth(address, &needs, &mut depths, 0);
        let (sum, number) = sums.entry(address.group()).or_default();
        *sum += depth;
        *number += 1;
    }
    let mut groups: Vec<&str> = sums.keys().copied().collect();
    groups.sort_by_key(|group| {
        let (sum, number) = sums.get(group).copied().unwrap_or_default();
        (order.iter().position(|name| name == group).unwrap_or(usize::MAX), sum * 1000 / number.max(1))
    });
    groups.into_iter().map(str::to_owned).collect()
}

fn depth(
    address: &Address,
    needs: &BTreeMap<&Address, Vec<&Address>>,
    known: &mut BTreeMap<Address, usize>,
    level: usize,
) -> usize {
    if let Some(depth) = known.get(address) {
        return *depth;
    }
    // A cycle is reported by validation; here it only must end.
    if level > 200 {
        return 0;
    }
    let below = needs
        .get(address)
        .map_or(0, |on| on.iter().map(|on| depth(on, needs, known, level + 1) + 1).max().unwrap_or(0));
    known.insert(address.clone(), below);
    below
}

/// The whole stack: one line for each resource, by group.
pub(crate) fn stack(stack: &Stack, order: &[String], paint: Paint) -> String {
    let mut text = format!("{}, {}\n", paint.bold(stack.name().as_str()), count(stack.len(), "resource"));
    for group in groups(stack, order) {
        text.push_str(&format!("\n{}\n", paint.bold(&group)));
        let rows: Vec<Vec<String>> = stack
            .iter()
            .filter(|(address, _)| address.group() == group)
            .map(|(address, entry)| {
                vec![
                    paint.name(address.as_str()),
                    entry.resource.kind().info().title.to_owned(),
                    paint.dim(&gist(&entry.resource.fields())),
                ]
            })
            .collect();
        text.push_str(&table(&rows, 2));
    }
    text
}

/// What tells a resource from its siblings: its name, addresses, ports.
fn gist(fields: &Fields) -> String {
    const TELLING: [&str; 16] = [
        "name",
        "family",
        "deployment_group_name",
        "deployment_config_name",
        "cidr_block",
        "availability_zone",
        "service_name",
        "protocol",
        "port",
        "type",
        "ip_protocol",
        "from_port",
        "cidr_ipv4",
        "cidr_ipv6",
        "referenced_security_group_id",
        "retention_in_days",
    ];
    let shown: Vec<String> = fields
        .iter()
        .filter(|field| TELLING.contains(&field.name) && !field.value.is_null() && !field.secret)
        .map(|field| match &field.value {
            Value::Str(text) => text.clone(),
            other => value::inline(other),
        })
        .filter(|text| text != "-1")
        .take(4)
        .collect();
    shown.join(" ")
}

/// One resource in detail; `None` if the stack has none with this address.
pub(crate) fn resource(stack: &Stack, address: &Address, paint: Paint) -> Option<String> {
    let entry = stack.get(address)?;
    let info = entry.resource.kind().info();
    let mut text = format!("{}  {} ({})\n\n", paint.name(address.as_str()), info.title, info.terraform);
    let fields = entry.resource.fields();
    let declared: Vec<_> = fields.iter().filter(|field| !field.value.is_null()).collect();
    let width = declared.iter().map(|field| field.name.len()).max().unwrap_or(0);
    for field in declared {
        let mut lines = if field.secret { vec!["(secret)".to_owned()] } else { value::lines(&field.value) };
        let mut remarks = Vec::new();
        if field.replaces {
            remarks.push("# a change replaces it");
        }
        match field.owner {
            Owner::Us => {}
            Owner::CodeDeploy => remarks.push("# CodeDeploy's after the first deployment"),
        }
        if let (Some(first), false) = (lines.first_mut(), remarks.is_empty()) {
            first.push_str(&paint.dim(&format!("  {}", remarks.join(", "))));
        }
        let name = if lines.len() == 1 { format!("{:width$}", field.name) } else { field.name.to_owned() };
        text.push_str(&format!("  {name} = {}\n", lines.join("\n  ")));
    }
    let tags = stack.all_tags(address);
    if info.taggable {
        let tags = Value::map(tags.into_iter().map(|(key, value)| (key, Value::Str(value))));
        text.push_str(&format!("  tags = {}\n", value::lines(&tags).join("\n  ")));
    }
    let neighbours = neighbours(stack).remove(address).unwrap_or_default();
    let list = |addresses: &[Address]| addresses.iter().map(Address::as_str).collect::<Vec<_>>().join(", ");
    if !neighbours.needs.is_empty() {
        text.push_str(&format!("\nneeds:     {}\n", super::paint::wrap(&list(&neighbours.needs), 11, 110)));
    }
    if !neighbours.needed_by.is_empty() {
        let gap = if neighbours.needs.is_empty() { "\n" } else { "" };
        text.push_str(&format!("{gap}needed by: {}\n", super::paint::wrap(&list(&neighbours.needed_by), 11, 110)));
    }
    Some(text)
}

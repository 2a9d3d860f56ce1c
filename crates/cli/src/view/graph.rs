//! The dependency graph in Graphviz's dot language.

use aomidori_model::Stack;

use super::show;

/// The graph of a stack: an arrow from each resource to what must be there before it, groups as clusters.
pub(crate) fn dot(stack: &Stack, order: &[String]) -> String {
    let fields = stack.fields();
    let nodes = stack.nodes(&fields);
    let mut text = format!("digraph \"{}\" {{\n  rankdir = BT\n  node [shape = box, style = rounded]\n", stack.name());
    for (n, group) in show::groups(stack, order).iter().enumerate() {
        text.push_str(&format!("  subgraph cluster_{n} {{\n    label = \"{group}\"\n"));
        for (address, entry) in stack.iter().filter(|(address, _)| address.group() == group) {
            let rest = address.as_str().split_once('/').map_or(address.as_str(), |(_, rest)| rest);
            let title = entry.resource.kind().info().title;
            text.push_str(&format!("    \"{address}\" [label = \"{rest}\\n{title}\"]\n"));
        }
        text.push_str("  }\n");
    }
    for (address, on) in show::edges(stack, &nodes) {
        text.push_str(&format!("  \"{address}\" -> \"{on}\"\n"));
    }
    text.push_str("}\n");
    text
}

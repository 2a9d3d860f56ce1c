//! The graph of a plan for Graphviz.

use std::fmt::Write;

use crate::{Action, Level, Plan};

/// The steps of a plan and what they wait for, as a Graphviz digraph. Solid lines wait for the end of a step, dashed ones
/// for its call only.
pub fn dot(plan: &Plan) -> String {
    let mut text = String::from("digraph plan {\n  rankdir = LR;\n  node [shape = box];\n");
    for step in &plan.steps {
        let sign = match step.action {
            Action::Create => "+",
            Action::Update => "~",
            Action::Delete => "-",
            Action::Await => "…",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  s{} [label = \"{sign} {}\\n{}\"];", step.id.0, step.address, step.kind.info().title);
    }
    for step in &plan.steps {
        for after in &step.after {
            let style = match after.level {
                Level::Called => " [style = dashed]",
                Level::Finished => "",
            };
            let _ = writeln!(text, "  s{} -> s{}{style};", after.step.0, step.id.0);
        }
    }
    text.push_str("}\n");
    text
}

//! The README of each module and root.

use std::collections::BTreeMap;

use crate::family::Family;
use crate::write::{Variable, about_output, upper_first};

/// A module's README.
pub(crate) fn module(
    name: &str,
    resources: &[&Family],
    variables: &[Variable],
    outputs: &BTreeMap<String, (usize, &'static str)>,
    families: &[Family],
) -> String {
    let mut out = format!("# {}\n\n", upper_first(&name.replace('_', " ")));
    out.push_str("Requires Terraform 1.9 and the AWS provider 5.80 or later, below 7.\n\n## Resources\n\n");
    out.push_str("| resource | makes |\n|---|---|\n");
    for family in resources {
        let count = match &family.keys {
            Some(keys) => {
                format!("{}: {}", keys.len(), keys.iter().map(|key| cell(key)).collect::<Vec<_>>().join(", "))
            }
            None if family.data => "reads".to_owned(),
            None => "1".to_owned(),
        };
        out.push_str(&format!("| `{}` | {count} |\n", family.reference()));
    }
    inputs(&mut out, variables, false);
    let rows: Vec<(String, String)> = outputs
        .iter()
        .filter_map(|(name, (n, attr))| families.get(*n).map(|family| (name.clone(), about_output(family, attr))))
        .collect();
    results(&mut out, &rows);
    out.push_str("\n`terraform test` checks the wiring, and that each validation refuses, without an account.\n");
    out
}

/// Adds the table of inputs.
pub(crate) fn inputs(out: &mut String, variables: &[Variable], defaults: bool) {
    if variables.is_empty() {
        return;
    }
    out.push_str("\n## Inputs\n\n| name | description | type |\n|---|---|---|\n");
    for variable in variables {
        let ty = variable.ty.split_whitespace().collect::<Vec<_>>().join(" ");
        out.push_str(&format!("| `{}` | {} | `{ty}` |\n", variable.name, cell(&variable.about)));
    }
    if defaults {
        out.push_str("\n`terraform.tfvars` holds the values of this environment.\n");
    }
}

/// Adds the table of outputs.
pub(crate) fn results(out: &mut String, rows: &[(String, String)]) {
    if rows.is_empty() {
        return;
    }
    out.push_str("\n## Outputs\n\n| name | description |\n|---|---|\n");
    for (name, about) in rows {
        out.push_str(&format!("| `{name}` | {} |\n", cell(about)));
    }
}

/// A text inside a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

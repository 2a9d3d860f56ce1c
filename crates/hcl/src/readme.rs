//! The README of each module and root.

use std::collections::BTreeMap;

use crate::family::Family;
use crate::layout::upper_first;
use crate::write::{Variable, about_output};

/// A module's README.
pub(crate) fn module(
    name: &str,
    resources: &[&Family],
    variables: &[Variable],
    outputs: &BTreeMap<String, (usize, &'static str)>,
    families: &[Family],
) -> String {
    let mut out = format!("# {}\n\n", upper_first(&name.replace('_', " ")));
    out.push_str(&format!("{}\n\n## Resources\n\n", requires("1.9")));
    out.push_str("| resource | makes |\n|---|---|\n");
    for family in resources {
        let count = match &family.keys {
            Some(keys) => {
                format!("{}: {}", keys.len(), keys.iter().map(|key| code(key)).collect::<Vec<_>>().join(", "))
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

/// What is needed to use it.
pub(crate) fn requires(terraform: &str) -> String {
    format!("Requires Terraform {terraform} and the AWS provider 5.80 or later, below 7.")
}

/// Adds the table of inputs.
pub(crate) fn inputs(out: &mut String, variables: &[Variable], defaults: bool) {
    if variables.is_empty() {
        return;
    }
    out.push_str("\n## Inputs\n\n| name | description | type | default |\n|---|---|---|---|\n");
    for variable in variables {
        out.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            variable.name,
            cell(&variable.about),
            code(&one_line(&variable.ty)),
            variable.default.map_or("required".to_owned(), code)
        ));
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

/// A type on one line: what ends a line inside braces gets a comma.
fn one_line(ty: &str) -> String {
    let mut out = String::new();
    for line in ty.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")) {
        match out.chars().next_back() {
            None => {}
            Some('{') => out.push(' '),
            Some(_) if line.starts_with('}') => out.push(' '),
            Some(_) => out.push_str(", "),
        }
        out.push_str(&line);
    }
    out
}

/// A text inside a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

/// A text inside a table as it is, whatever is in it: nothing of it is markup.
fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{}{space}{fence}", cell(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_in_a_text_stays_in_its_cell() {
        assert_eq!(code("a_b*"), "`a_b*`");
        assert_eq!(code("a|b\n# c"), "`a\\|b # c`");
        assert_eq!(code("``x`"), "``` ``x` ```");
    }

    #[test]
    fn types_are_written_on_one_line() {
        assert_eq!(
            one_line("map(object({\n  a   = string\n  bcd = number\n}))"),
            "map(object({ a = string, bcd = number }))"
        );
        assert_eq!(one_line("map(string)"), "map(string)");
    }
}

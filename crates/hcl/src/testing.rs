//! The `.tftest.hcl` of each module: the wiring, and that each validation refuses.

use crate::family::{Family, Places};
use crate::ir::{Item, Node};
use crate::layout::{each, list, spread};
use crate::text::{align, quote};
use crate::write::{From, Variable};

/// Tests of a module, in plan mode on a mocked provider.
pub(crate) fn module(resources: &[&Family], variables: &[Variable], families: &[Family], places: &Places) -> String {
    let mut out = String::new();
    if resources.iter().any(|family| family.tf == "aws_iam_policy_document") {
        out.push_str("mock_provider \"aws\" {\n  mock_data \"aws_iam_policy_document\" {\n    defaults = {\n      json = \"{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[]}\"\n    }\n  }\n}\n\nvariables {\n");
    } else {
        out.push_str("mock_provider \"aws\" {}\n\nvariables {\n");
    }
    for variable in variables {
        let value = spread(&variable.value, 0, variable.name.len() + 5).replace('\n', "\n  ");
        out.push_str(&format!("  {} = {value}\n", variable.name));
    }
    out.push_str("}\n\nrun \"wiring\" {\n  command = plan\n");
    for family in resources.iter().filter(|family| !family.data) {
        for (condition, message) in assertions(family, variables, families, places) {
            out.push_str(&format!(
                "\n  assert {{\n    condition = {condition}\n    error_message = {}\n  }}\n",
                quote(&message)
            ));
        }
    }
    out.push_str("}\n");
    for variable in variables {
        let several = variable.checks.iter().filter(|check| check.bad.is_some()).count() > 1;
        for (n, check) in variable.checks.iter().enumerate() {
            let Some(bad) = &check.bad else { continue };
            let number = if several { format!("_{}", n + 1) } else { String::new() };
            let bad = bad.replace('\n', "\n    ");
            out.push_str(&format!(
                "\nrun \"refuses_{}{number}\" {{\n  command = plan\n\n  variables {{\n    {} = {bad}\n  }}\n\n  expect_failures = [var.{}]\n}}\n",
                variable.name, variable.name, variable.name
            ));
        }
    }
    align(&out)
}

/// What must hold of a family as planned: its marks, and that it takes what other modules give.
fn assertions(family: &Family, variables: &[Variable], families: &[Family], places: &Places) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let reference = family.reference();
    let tagged = family.body.iter().any(|item| matches!(item, Item::Attr("tags", _)));
    if tagged {
        let addresses: Vec<String> = family.members.iter().map(|id| quote(id.address.as_str())).collect();
        let condition = match &family.keys {
            None => format!("{reference}.tags[\"aomidori:address\"] == {}", addresses.concat()),
            Some(_) => {
                let found = format!("toset([for it in values({reference}) : it.tags[\"aomidori:address\"]])");
                format!("{found} == toset({})", list(&addresses, 4, found.len() + 28))
            }
        };
        found.push((condition, format!("{reference} has another address than in the stack.")));
    }
    for item in &family.body {
        if let Item::Attr(name, Node::Ref(id, attr)) = item
            && let Some((to, None)) = places.get(id)
            && let Some(target) = families.get(*to)
            && target.module != family.module
            && let Some(given) = variables.iter().find(|variable| variable.from == From::Output(*to, attr))
        {
            let condition = match &family.keys {
                None => format!("{reference}.{name} == var.{}", given.name),
                Some(_) => {
                    let holds = format!("it.{name} == var.{}", given.name);
                    each(&format!("values({reference})"), &holds).replace('\n', "\n    ")
                }
            };
            found.push((condition, format!("{reference} does not take {}.", given.name)));
        }
    }
    found
}

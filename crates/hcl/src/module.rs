//! One module: its files, from its families.

use std::collections::{BTreeMap, BTreeSet};

use crate::family::{Family, Places};
use crate::layout::{WIDE, condition};
use crate::names::Names;
use crate::readme;
use crate::testing;
use crate::text::{align, quote};
use crate::twins::Twin;
use crate::wiring::{Outputs, READY, reaches};
use crate::write::{From, Variable, Writer, about_output};

/// A module, written.
#[derive(Clone, Debug)]
pub(crate) struct Module {
    /// What it is called by.
    pub(crate) name: String,
    /// Its folder below `modules`, which others may have as well.
    pub(crate) folder: String,
    /// Text by path inside the module.
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) variables: Vec<Variable>,
    /// Families and attributes that it puts out, by name of the output.
    pub(crate) outputs: BTreeMap<String, (usize, &'static str)>,
}

/// The order in which files and variables are read.
const FILES: &[&str] = &["main", "routing", "endpoints", "iam", "load_balancer", "task_definitions", "dns"];

/// What modules are made of.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) families: &'a [Family],
    pub(crate) uses: &'a [BTreeSet<usize>],
    pub(crate) places: &'a Places,
    pub(crate) outputs: &'a Outputs,
    pub(crate) unhung: &'a BTreeSet<(usize, usize)>,
    pub(crate) names: &'a Names,
}

/// Writes a module; as one of several with one source, if `twin` says what tells it from them.
pub(crate) fn module(source: &Source<'_>, name: &str, folder: &str, twin: Option<&Twin>) -> Module {
    let Source { families, uses, places, outputs, unhung, names: _ } = *source;
    let mut writer = Writer::new(source, name, twin);
    let own: Vec<usize> =
        (0..families.len()).filter(|n| families.get(*n).is_some_and(|family| family.module == name)).collect();
    // Local values and blocks of each file.
    let mut texts: BTreeMap<String, (Vec<String>, String)> = BTreeMap::new();
    let mut kinds: BTreeSet<&str> = own.iter().filter_map(|n| families.get(*n)).map(|family| family.file).collect();
    let single = kinds.len() == 1;
    if single {
        kinds = BTreeSet::from(["main"]);
    }
    for file in FILES.iter().filter(|file| kinds.contains(**file)) {
        let here = own.iter().filter(|n| single || families.get(**n).is_some_and(|family| family.file == *file));
        let blocks: Vec<String> = ordered(here.copied().collect(), uses)
            .into_iter()
            .map(|n| {
                let after = after(n, families, uses, unhung, &mut writer);
                writer.block(n, &after)
            })
            .collect();
        let locals = std::mem::take(&mut writer.locals);
        texts.insert(format!("{file}.tf"), (locals, blocks.join("\n")));
    }
    if !texts.contains_key("main.tf")
        && let Some((_, text)) = texts.pop_first()
    {
        // Every module has one.
        texts.insert("main.tf".to_owned(), text);
    }
    if writer.uses_account
        && let Some((_, blocks)) = texts.get_mut("main.tf")
    {
        blocks.insert_str(0, "data \"aws_caller_identity\" \"current\" {}\n\n");
    }
    if writer.uses_tag_parts
        && let Some((locals, _)) = texts.get_mut("main.tf")
    {
        locals.insert(0, TAG_PARTS.to_owned());
    }
    let mut files: BTreeMap<String, String> = texts
        .into_iter()
        .map(|(path, (locals, blocks))| {
            let locals =
                if locals.is_empty() { String::new() } else { format!("locals {{\n{}}}\n\n", locals.join("\n")) };
            (path, align(&format!("{locals}{blocks}")))
        })
        .collect();
    let given: BTreeMap<String, (usize, &'static str)> = outputs
        .iter()
        .filter(|((n, _), _)| own.contains(n))
        .map(|((n, attr), output)| (output.name.clone(), (*n, *attr)))
        .collect();
    files.insert("outputs.tf".to_owned(), outputs_file(&given, families, outputs));
    let variables: Vec<Variable> = sorted(writer.variables.into_values().collect());
    files.insert("variables.tf".to_owned(), variables_file(&variables));
    files.insert("versions.tf".to_owned(), VERSIONS.to_owned());
    let resources: Vec<&Family> = own.iter().filter_map(|n| families.get(*n)).collect();
    files.insert("README.md".to_owned(), readme::module(folder, &resources, &variables, &given, families));
    files.insert(format!("tests/{folder}.tftest.hcl"), testing::module(&resources, &variables, families, places));
    Module { name: name.to_owned(), folder: folder.to_owned(), files, variables, outputs: given }
}

/// What marks with parts are made of, as a member of `locals`.
const TAG_PARTS: &str = "  # aomidori:parts records by hash what AWS cannot tag: the parts of a resource and the tag keys that are set here.
  tag_parts = [for key in keys(var.tags) : \"tags=${key}\" if !startswith(key, \"aomidori:\")]
";

/// The `versions.tf` of modules and, with a backend beside it, of roots.
pub(crate) const VERSIONS: &str = "terraform {
  required_version = \">= 1.9\"

  required_providers {
    aws = {
      source  = \"hashicorp/aws\"
      version = \">= 5.80, < 7.0\"
    }
  }
}
";

/// Families so that what is referred to comes first; data sources directly before their first user.
fn ordered(mut families: Vec<usize>, uses: &[BTreeSet<usize>]) -> Vec<usize> {
    let mut out: Vec<usize> = Vec::with_capacity(families.len());
    families.sort_unstable();
    fn place(n: usize, here: &[usize], uses: &[BTreeSet<usize>], out: &mut Vec<usize>, depth: usize) {
        if out.contains(&n) || depth > here.len() {
            return;
        }
        for used in uses.get(n).into_iter().flatten().filter(|used| here.contains(used)) {
            place(*used, here, uses, out, depth + 1);
        }
        if !out.contains(&n) {
            out.push(n);
        }
    }
    for n in &families {
        place(*n, &families, uses, &mut out, 0);
    }
    out
}

/// What `depends_on` names: what nothing else in the block leads to.
fn after(
    n: usize,
    families: &[Family],
    uses: &[BTreeSet<usize>],
    unhung: &BTreeSet<(usize, usize)>,
    writer: &mut Writer<'_>,
) -> Vec<String> {
    let Some(family) = families.get(n) else { return Vec::new() };
    let referred: BTreeSet<usize> =
        uses.get(n).into_iter().flatten().filter(|on| !family.after.contains(on)).copied().collect();
    let needed: Vec<usize> = family
        .after
        .iter()
        .copied()
        .filter(|on| !referred.iter().any(|other| reaches(uses, *other, *on)))
        .filter(|on| !family.after.iter().any(|other| other != on && reaches(uses, *other, *on)))
        .collect();
    let mut out = Vec::new();
    for on in needed {
        let Some(target) = families.get(on) else { continue };
        if target.module == family.module {
            out.push(target.reference());
        } else if unhung.contains(&(n, on)) {
            out.push(format!("var.{}", writer.given(on, READY, "bool".to_owned(), "true".to_owned())));
        }
    }
    out.sort();
    out
}

/// Variables in the order in which they are asked for: the root's, then the user's, then other modules'.
fn sorted(mut variables: Vec<Variable>) -> Vec<Variable> {
    variables.sort_by_key(|variable| {
        let rank = match (&variable.from, variable.name.as_str()) {
            (From::Root, "name") => 0,
            (From::Root, "region") => 1,
            (From::Root, _) => 2,
            (From::Twin, _) => 3,
            (From::User, _) => 4,
            (From::Output(..), _) => 5,
        };
        (rank, variable.name.clone())
    });
    variables
}

/// `variables.tf`.
pub(crate) fn variables_file(variables: &[Variable]) -> String {
    let blocks: Vec<String> = variables
        .iter()
        .map(|variable| {
            let Variable { name, about, ty, value: _, default, checks, from: _ } = variable;
            let ty = ty.replace('\n', "\n  ");
            let mut out = format!("variable \"{name}\" {{\n  description = {}\n  type = {ty}\n", quote(about));
            if let Some(default) = default {
                out.push_str(&format!("  default = {default}\n"));
            }
            for check in checks {
                out.push_str(&format!(
                    "\n  validation {{\n    condition = {}\n    error_message = {}\n  }}\n",
                    condition(&check.condition).replace('\n', "\n    "),
                    quote(&check.message)
                ));
            }
            out.push_str("}\n");
            out
        })
        .collect();
    align(&blocks.join("\n"))
}

fn outputs_file(given: &BTreeMap<String, (usize, &'static str)>, families: &[Family], outputs: &Outputs) -> String {
    let mut blocks = Vec::new();
    for (name, (n, attr)) in given {
        let Some(family) = families.get(*n) else { continue };
        let value = if *attr == READY {
            "true".to_owned()
        } else if family.keys.is_some() {
            let (noun, all) = (family.noun, family.reference());
            let (each, value) = (format!("for name, {noun} in {all} :"), format!("name => {noun}.{attr}"));
            match format!("{{ {each} {value} }}") {
                // Behind `  value       = `.
                flat if flat.chars().count() + 16 <= WIDE => flat,
                _ => format!("{{\n    {each}\n    {value}\n  }}"),
            }
        } else {
            format!("{}.{attr}", family.reference())
        };
        let mut out = format!(
            "output \"{name}\" {{\n  description = {}\n  value = {value}\n",
            quote(&about_output(family, attr))
        );
        let depends = outputs.get(&(*n, *attr)).map(|output| output.depends.clone()).unwrap_or_default();
        if !depends.is_empty() {
            let mut on: Vec<String> =
                depends.iter().filter_map(|on| families.get(*on)).map(Family::reference).collect();
            on.sort();
            out.push_str(&format!(
                "\n  # Whoever uses it needs these, and needs them until it is gone.\n  depends_on = {}\n",
                crate::layout::list(&on, 2, 13)
            ));
        }
        out.push_str("}\n");
        blocks.push(out);
    }
    align(&blocks.join("\n"))
}

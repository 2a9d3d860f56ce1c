//! Roots: what is applied. They call the modules and wire them.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::{KindName, Stack, ownership};

use crate::family::{Family, module_name};
use crate::layout::{spread, unique};
use crate::module::{Module, VERSIONS, variables_file};
use crate::names::Names;
use crate::readme;
use crate::text::{align, quote, snake};
use crate::write::{From, Variable, about_output};
use crate::{Backend, File, Layout};

/// A root: its folder, and the modules that it calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) folder: String,
    pub(crate) name: String,
    pub(crate) modules: BTreeSet<String>,
}

/// Which roots there are, in the order in which they are applied.
///
/// Split: `across` holds the group of that name, which outlives single environments; `ENVIRONMENT/code_deploy` the groups
/// that CodeDeploy's kinds are in; `ENVIRONMENT` the rest. A group that another root would have to know before it is
/// applied stays in `ENVIRONMENT`.
pub(crate) fn plan(stack: &Stack, families: &[Family], uses: &[BTreeSet<usize>], layout: Layout) -> Vec<Plan> {
    let all: BTreeSet<String> = stack.iter().map(|(address, _)| module_name(address.group())).collect();
    if layout == Layout::Single {
        return vec![Plan { folder: String::new(), name: String::new(), modules: all }];
    }
    let environment = environment(stack);
    // Modules by the modules that they use.
    let mut needs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (n, family) in families.iter().enumerate() {
        for used in uses.get(n).into_iter().flatten().filter_map(|used| families.get(*used)) {
            if used.module != family.module {
                needs.entry(&family.module).or_default().insert(&used.module);
            }
        }
    }
    let mut across: BTreeSet<String> = all.iter().filter(|module| *module == "across").cloned().collect();
    across.retain(|module| needs.get(module.as_str()).is_none_or(BTreeSet::is_empty));
    let mut last: BTreeSet<String> = stack
        .iter()
        .filter(|(_, entry)| {
            matches!(
                entry.resource.kind(),
                KindName::CodeDeployApplication | KindName::DeploymentGroup | KindName::DeploymentConfig
            )
        })
        .map(|(address, _)| module_name(address.group()))
        .collect();
    loop {
        let needed = needs.iter().filter(|(module, _)| !last.contains(**module)).flat_map(|(_, needs)| needs);
        let needed: BTreeSet<String> = needed.map(ToString::to_string).collect();
        let before = last.len();
        last.retain(|module| !needed.contains(module));
        if last.len() == before {
            break;
        }
    }
    let rest: BTreeSet<String> =
        all.iter().filter(|module| !across.contains(*module) && !last.contains(*module)).cloned().collect();
    let mut plans = vec![
        Plan { folder: "across".into(), name: "across".into(), modules: across },
        Plan { folder: environment.clone(), name: environment.clone(), modules: rest },
        Plan { folder: format!("{environment}/code_deploy"), name: "code_deploy".into(), modules: last },
    ];
    plans.retain(|plan| !plan.modules.is_empty());
    plans
}

/// The folder of an environment, which is a name of Terraform's as well.
fn environment(stack: &Stack) -> String {
    let named = stack.tags.get("Environment").filter(|text| text.chars().any(|c| c.is_ascii_alphanumeric()));
    let name = snake(named.map_or(stack.name().as_str(), String::as_str)).trim_matches('_').to_owned();
    // Two folders have names already; and a name starts with a letter.
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) && !matches!(name.as_str(), "across" | "modules") {
        name
    } else {
        format!("environment_{name}")
    }
}

/// Everything that roots are made of.
pub(crate) struct Parts<'a> {
    pub(crate) modules: &'a [Module],
    pub(crate) families: &'a [Family],
    pub(crate) uses: &'a [BTreeSet<usize>],
    pub(crate) names: &'a Names,
    pub(crate) backend: &'a Backend,
}

/// The files of a root.
pub(crate) fn root(plan: &Plan, plans: &[Plan], parts: &Parts<'_>) -> Vec<File> {
    let up = "../".repeat(if plan.folder.is_empty() { 0 } else { plan.folder.split('/').count() });
    let up = if up.is_empty() { "./".to_owned() } else { up };
    let called: Vec<&Module> = order(parts).into_iter().filter(|module| plan.modules.contains(&module.name)).collect();
    let mut variables: BTreeMap<String, Variable> =
        ["name", "region", "tags"].map(|name| (name.to_owned(), parts.names.variable(name, ""))).into();
    let mut renamed: BTreeMap<(String, String), String> = BTreeMap::new();
    // By folder and name of a variable, what it has in all modules with that source.
    let mut alike: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for module in &called {
        for variable in &module.variables {
            alike.entry((&module.folder, &variable.name)).or_default().insert(&variable.value);
        }
    }
    for module in &called {
        for variable in module.variables.iter().filter(|variable| variable.from == From::User) {
            // One for all that mean the same; of modules with one source each has its own, or none.
            let free = |name: &str| {
                variables.get(name).is_none_or(|known| known.ty == variable.ty && known.value == variable.value)
            };
            let alike = alike.get(&(module.folder.as_str(), variable.name.as_str())).is_none_or(|all| all.len() == 1);
            let name = if alike && free(&variable.name) {
                variable.name.clone()
            } else {
                unique(&format!("{}_{}", module.name, variable.name), free)
            };
            renamed.insert((module.name.clone(), variable.name.clone()), name.clone());
            let about = if name == variable.name { variable.about.clone() } else { of(&variable.about, module) };
            variables.entry(name.clone()).or_insert(Variable { name, about, checks: Vec::new(), ..variable.clone() });
        }
    }
    let mut all: Vec<Variable> =
        ["name", "region", "tags"].into_iter().filter_map(|name| variables.remove(name)).collect();
    all.extend(variables.into_values());
    let mut remote: BTreeSet<String> = BTreeSet::new();
    let calls: Vec<String> =
        called.iter().map(|module| call(module, plan, plans, parts, &renamed, &up, &mut remote)).collect();

    let mut main = provider(parts.families.iter().filter(|family| plan.modules.contains(&family.module)));
    for other in plans.iter().filter(|other| remote.contains(&other.name)) {
        main.push_str(&remote_state(other, plan, parts.backend));
    }
    main.push_str(TAGS);
    main.push_str(&calls.join("\n"));
    let mut versions = VERSIONS.to_owned();
    if let Backend::S3 { .. } = parts.backend {
        // `use_lockfile` is of 1.11.
        versions = versions.replace(">= 1.9", ">= 1.11");
    }
    let (outputs, rows) = outputs(plan, parts, &called);
    let mut files = vec![
        ("main.tf", align(&main)),
        ("variables.tf", variables_file(&all)),
        ("outputs.tf", outputs),
        ("versions.tf", versions),
        ("terraform.tfvars", values(&all)),
        ("README.md", about(plan, plans, &all, &rows, parts)),
    ];
    if let Backend::S3 { bucket, key, region } = parts.backend {
        files.push((
            "backend.tf",
            align(&format!(
                "terraform {{\n  backend \"s3\" {{\n    bucket = {}\n    key = {}\n    region = {}\n    encrypt = true\n    use_lockfile = true\n  }}\n}}\n",
                quote(bucket),
                quote(&state_key(key, plan)),
                quote(region)
            )),
        ));
    }
    let at = |name: &str| if plan.folder.is_empty() { name.to_owned() } else { format!("{}/{name}", plan.folder) };
    files.into_iter().map(|(name, text)| File { path: at(name), text }).collect()
}

/// The provider; where there are task definitions, deaf to what deployments record in their tags.
fn provider<'a>(mut families: impl Iterator<Item = &'a Family>) -> String {
    let mut text = String::from("provider \"aws\" {\n  region = var.region\n");
    if families.any(|family| family.tf == "aws_ecs_task_definition") {
        let prefixes = ownership::RECORDS.map(quote).join(", ");
        text.push_str(
            "\n  # Deployments record in such tags of a task definition which image served; a rollback goes by them.\n",
        );
        text.push_str(&format!("  ignore_tags {{\n    key_prefixes = [{prefixes}]\n  }}\n"));
    }
    text.push_str("}\n\n");
    text
}

/// A description that says of which module.
fn of(about: &str, module: &Module) -> String {
    match about.strip_suffix(')') {
        Some(about) => format!("{about}, {})", module.name),
        None => format!("{about} ({})", module.name),
    }
}

/// The marks, in one place.
const TAGS: &str = "locals {
  # aomidori:stack makes what is made here the stack's; aomidori:parts records, by hash, which tag keys are set.
  tags = merge(var.tags, { \"aomidori:stack\" = var.name }, {
    for n, hashes in chunklist(sort([for key in keys(var.tags) : substr(sha256(\"tags=${key}\"), 0, 8)]), 28) :
    n == 0 ? \"aomidori:parts\" : \"aomidori:parts-${n}\" => join(\" \", hashes)
  })
}

";

/// Modules so that what is used comes first, as far as they do not use each other.
fn order<'a>(parts: &Parts<'a>) -> Vec<&'a Module> {
    let mut needs: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    let mut needed_by: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (n, family) in parts.families.iter().enumerate() {
        for used in parts.uses.get(n).into_iter().flatten().filter_map(|used| parts.families.get(*used)) {
            if used.module != family.module {
                *needs.entry(&family.module).or_default().entry(&used.module).or_default() += 1;
                needed_by.entry(&used.module).or_default().insert(&family.module);
            }
        }
    }
    // By module: references into what is left, and how many of what is left refer to it.
    let mut left: BTreeMap<&str, (&Module, usize, usize)> = BTreeMap::new();
    for module in parts.modules {
        let name = module.name.as_str();
        let missing = needs.get(name).map_or(0, |needs| needs.values().sum());
        left.insert(name, (module, missing, needed_by.get(name).map_or(0, BTreeSet::len)));
    }
    let mut out: Vec<&Module> = Vec::new();
    // The one with the fewest references into what is left; of equals the one that most others need, then the name.
    while let Some(name) = left
        .iter()
        .min_by_key(|(name, (_, missing, needed))| (*missing, std::cmp::Reverse(*needed), **name))
        .map(|(name, _)| *name)
    {
        let Some((module, ..)) = left.remove(name) else { break };
        out.push(module);
        for user in needed_by.get(name).into_iter().flatten() {
            if let Some((_, missing, _)) = left.get_mut(user) {
                let references = needs.get(user).and_then(|needs| needs.get(name)).copied().unwrap_or_default();
                *missing = missing.saturating_sub(references);
            }
        }
        for used in needs.get(name).into_iter().flat_map(BTreeMap::keys) {
            if let Some((_, _, needed)) = left.get_mut(used) {
                *needed = needed.saturating_sub(1);
            }
        }
    }
    out
}

fn call(
    module: &Module,
    plan: &Plan,
    plans: &[Plan],
    parts: &Parts<'_>,
    renamed: &BTreeMap<(String, String), String>,
    up: &str,
    remote: &mut BTreeSet<String>,
) -> String {
    let mut out = format!("module \"{}\" {{\n  source = \"{up}modules/{}\"\n", module.name, module.folder);
    let mut last = 9;
    for variable in &module.variables {
        let (rank, value) = match &variable.from {
            From::Root if variable.name == "tags" => (0, "local.tags".to_owned()),
            From::Root => (0, format!("var.{}", variable.name)),
            From::Twin => (0, variable.value.clone()),
            From::User => {
                let name = renamed.get(&(module.name.clone(), variable.name.clone()));
                (1, format!("var.{}", name.unwrap_or(&variable.name)))
            }
            From::Output(n, attr) => {
                let Some(family) = parts.families.get(*n) else { continue };
                if plan.modules.contains(&family.module) {
                    (2, format!("module.{}.{}", family.module, output_of(parts, *n, attr)))
                } else {
                    let Some(owner) = plans.iter().find(|other| other.modules.contains(&family.module)) else {
                        continue;
                    };
                    remote.insert(owner.name.clone());
                    let name = exported(owner, parts).remove(&(*n, attr)).unwrap_or_default();
                    (2, format!("data.terraform_remote_state.{}.outputs.{name}", owner.name))
                }
            }
        };
        if rank != last {
            out.push('\n');
            last = rank;
        }
        out.push_str(&format!("  {} = {value}\n", variable.name));
    }
    out.push_str("}\n");
    out
}

fn output_of(parts: &Parts<'_>, n: usize, attr: &str) -> String {
    let found = parts.modules.iter().flat_map(|module| &module.outputs).find(|(_, place)| **place == (n, attr));
    found.map(|(name, _)| name.clone()).unwrap_or_default()
}

/// The names of modules' outputs as outputs of their root: their own, with the module's before it where two are alike.
fn exported<'a>(plan: &Plan, parts: &Parts<'a>) -> BTreeMap<(usize, &'a str), String> {
    let modules = || parts.modules.iter().filter(|module| plan.modules.contains(&module.name));
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for name in modules().flat_map(|module| module.outputs.keys()) {
        *times.entry(name).or_default() += 1;
    }
    let mut taken: BTreeSet<String> =
        times.iter().filter(|(_, times)| **times == 1).map(|(name, _)| (*name).to_owned()).collect();
    let mut names = BTreeMap::new();
    for module in modules() {
        for (name, place) in &module.outputs {
            let name = if times.get(name.as_str()) == Some(&1) {
                name.clone()
            } else {
                unique(&format!("{}_{name}", module.name), |name| !taken.contains(name))
            };
            taken.insert(name.clone());
            names.insert(*place, name);
        }
    }
    names
}

/// Outputs of a root: what a person wants to know, and what other roots take.
fn outputs(plan: &Plan, parts: &Parts<'_>, called: &[&Module]) -> (String, Vec<(String, String)>) {
    let mut wanted: BTreeMap<String, (String, String)> = BTreeMap::new();
    let taken: BTreeSet<(usize, &str)> = parts
        .modules
        .iter()
        .filter(|module| !plan.modules.contains(&module.name))
        .flat_map(|module| &module.variables)
        .filter_map(|variable| match &variable.from {
            From::Output(n, attr) => Some((*n, *attr)),
            From::User | From::Root | From::Twin => None,
        })
        .collect();
    let names = exported(plan, parts);
    for module in called {
        for (name, (n, attr)) in &module.outputs {
            let Some(family) = parts.families.get(*n) else { continue };
            let shown = matches!(
                (family.tf, *attr),
                ("aws_lb", "dns_name")
                    | ("aws_ecr_repository", "repository_url")
                    | ("aws_ecs_cluster" | "aws_ecs_service" | "aws_codedeploy_app", "name")
                    | ("aws_codedeploy_deployment_group", "deployment_group_name")
                    | ("aws_route53_record", "fqdn")
            );
            if shown || taken.contains(&(*n, attr)) {
                let exported = names.get(&(*n, *attr)).unwrap_or(name);
                let about = about_output(family, attr);
                let about = if exported == name { about } else { of(&about, module) };
                wanted.insert(exported.clone(), (about, format!("module.{}.{name}", module.name)));
            }
        }
    }
    let blocks: Vec<String> = wanted
        .iter()
        .map(|(name, (about, value))| {
            format!("output \"{name}\" {{\n  description = {}\n  value = {value}\n}}\n", quote(about))
        })
        .collect();
    let rows = wanted.into_iter().map(|(name, (about, _))| (name, about)).collect();
    (align(&blocks.join("\n")), rows)
}

fn state_key(base: &str, plan: &Plan) -> String {
    if plan.folder.is_empty() {
        base.to_owned()
    } else {
        match base.strip_suffix(".tfstate") {
            Some(stem) => format!("{stem}/{}.tfstate", plan.folder),
            None => format!("{base}/{}", plan.folder),
        }
    }
}

fn remote_state(other: &Plan, plan: &Plan, backend: &Backend) -> String {
    let config = match backend {
        Backend::Local => {
            let up = "../".repeat(plan.folder.split('/').count());
            format!("    path = \"${{path.module}}/{up}{}/terraform.tfstate\"\n", other.folder)
        }
        Backend::S3 { bucket, key, region } => format!(
            "    bucket = {}\n    key = {}\n    region = {}\n",
            quote(bucket),
            quote(&state_key(key, other)),
            quote(region)
        ),
    };
    let kind = match backend {
        Backend::Local => "local",
        Backend::S3 { .. } => "s3",
    };
    format!(
        "data \"terraform_remote_state\" \"{}\" {{\n  backend = \"{kind}\"\n\n  config = {{\n{config}  }}\n}}\n\n",
        other.name
    )
}

/// `terraform.tfvars`.
fn values(variables: &[Variable]) -> String {
    let mut out = String::new();
    for variable in variables.iter().filter(|variable| variable.default != Some("null") || variable.value != "null") {
        let value = spread(&variable.value, 0, variable.name.len() + 3);
        if value.contains('\n') && !out.is_empty() && !out.ends_with("\n\n") {
            out.push('\n');
        }
        out.push_str(&format!("{} = {value}\n", variable.name));
        if value.contains('\n') {
            out.push('\n');
        }
    }
    align(&out)
}

fn about(plan: &Plan, plans: &[Plan], variables: &[Variable], rows: &[(String, String)], parts: &Parts<'_>) -> String {
    let title = if plan.folder.is_empty() {
        parts.names.stack.clone()
    } else {
        format!("{}: {}", parts.names.stack, plan.folder)
    };
    let mut out = format!("# {title}\n\nEmitted by Aomidori from the stack `{}`.\n\n", parts.names.stack);
    if plans.len() > 1 {
        let folders: Vec<String> = plans.iter().map(|plan| format!("`{}`", plan.folder)).collect();
        out.push_str(&format!(
            "Roots are applied in the order {}, and destroyed in the opposite one.\n\n",
            folders.join(", ")
        ));
    }
    let terraform = if *parts.backend == Backend::Local { "1.9" } else { "1.11" };
    out.push_str(&format!("{}\n\n", readme::requires(terraform)));
    out.push_str("```console\n$ terraform init\n$ terraform plan\n$ terraform apply\n```\n\n");
    out.push_str(
        "What AWS CodeDeploy decides (the live target group, and the task definition of its services) is in \
         `ignore_changes`.\nWhat is applied here carries the tags `aomidori:stack` and `aomidori:address`, and is Aomidori's \
         own as well.\n\n## Modules\n\n",
    );
    for module in parts.modules.iter().filter(|module| plan.modules.contains(&module.name)) {
        let source = if module.folder == module.name { String::new() } else { format!(", of `{}`", module.folder) };
        out.push_str(&format!("- `{}`{source}\n", module.name));
    }
    readme::inputs(&mut out, variables, true);
    readme::results(&mut out, rows);
    out
}

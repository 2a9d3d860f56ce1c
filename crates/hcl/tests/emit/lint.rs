//! The rules of tflint's Terraform rule set, and what a reviewer would say first, as checks of what is emitted.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_hcl::File;

/// What fits on a line, apart from texts.
const WIDE: usize = 120;

/// Everything that is wrong with these files.
pub(crate) fn problems(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders: BTreeMap<&str, Vec<&File>> = BTreeMap::new();
    let mut paths = BTreeSet::new();
    for file in files {
        if !paths.insert(file.path.to_lowercase()) {
            found.push(format!("{}: another file differs by case only", file.path));
        }
        if file.path.ends_with(".tf") || file.path.ends_with(".tfvars") || file.path.ends_with(".hcl") {
            layout(file, &mut found);
        }
        if file.path.ends_with(".tf") {
            let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            folders.entry(folder).or_default().push(file);
        }
    }
    for (folder, files_here) in folders {
        module(folder, &files_here, &mut found);
        // standard_module_structure
        for name in ["main.tf", "variables.tf", "outputs.tf", "versions.tf", "README.md"] {
            let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            if !files.iter().any(|file| file.path == path) {
                found.push(format!("{path} is missing"));
            }
        }
    }
    found
}

fn layout(file: &File, found: &mut Vec<String>) {
    for (n, line) in file.text.lines().enumerate() {
        let at = format!("{}:{}: `{line}`", file.path, n + 1);
        let bare = without_texts(line);
        // Long names alone make a long line, which cannot be broken.
        if bare.chars().count() > WIDE && [", ", " && ", " || "].iter().any(|between| bare.contains(between)) {
            found.push(format!("{at} is too long"));
        }
        // comment_syntax
        if line.trim_start().starts_with("//") || line.trim_start().starts_with("/*") {
            found.push(format!("{at}: comments begin with #"));
        }
        if line.trim_end() != line {
            found.push(format!("{at}: blanks at the end"));
        }
        // deprecated_interpolation
        if let Some(value) = line.split_once(" = ").map(|(_, value)| value.trim_end_matches(','))
            && let Some(inner) = value.strip_prefix("\"${").and_then(|rest| rest.strip_suffix("}\""))
            && !inner.contains(['{', '}', '"'])
        {
            found.push(format!("{at}: nothing but an interpolation in quotes"));
        }
        if line.contains("can(") && line.contains(" ? ") {
            found.push(format!("{at}: a choice by `can`"));
        }
    }
    if !file.text.is_empty() && (!file.text.ends_with('\n') || file.text.ends_with("\n\n")) {
        found.push(format!("{} does not end with one newline", file.path));
    }
}

/// A line without the insides of its quotes.
fn without_texts(line: &str) -> String {
    let (mut out, mut quoted, mut escaped) = (String::new(), false, false);
    for c in line.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => {
                quoted = !quoted;
                out.push(c);
            }
            c if !quoted => out.push(c),
            _ => {}
        }
    }
    out
}

fn snake_case(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .split('_')
            .all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
}

/// True if `reference` stands in `text`, and not as the beginning of a longer name.
fn mentions(text: &str, reference: &str) -> bool {
    text.match_indices(reference).any(|(at, _)| {
        let after = text[at + reference.len()..].chars().next();
        let before = text[..at].chars().next_back();
        let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        !after.is_some_and(part) && !before.is_some_and(|c| part(c) || c == '.')
    })
}

fn module(folder: &str, files: &[&File], found: &mut Vec<String>) {
    let mut blocks: BTreeSet<Vec<String>> = BTreeSet::new();
    let mut locals: Vec<String> = Vec::new();
    let (mut version, mut providers) = (false, false);
    for file in files {
        let body: hcl::Body = hcl::parse(&file.text).unwrap();
        for block in body.blocks() {
            let labels: Vec<String> = block.labels().iter().map(|label| label.as_str().to_owned()).collect();
            let id: Vec<String> = [block.identifier().to_owned()].into_iter().chain(labels.iter().cloned()).collect();
            let at = format!("{}: {}", file.path, id.join(" "));
            let has = |name: &str| block.body().attributes().any(|attribute| attribute.key() == name);
            match block.identifier() {
                "variable" | "output" => {
                    // documented_variables, documented_outputs, typed_variables
                    if !has("description") || (block.identifier() == "variable" && !has("type")) {
                        found.push(format!("{at} has no description, or no type"));
                    }
                    let home = format!("{}s.tf", block.identifier());
                    if !file.path.ends_with(&home) {
                        found.push(format!("{at} stands outside of {home}"));
                    }
                }
                "terraform" => {
                    version |= has("required_version");
                    providers |= block.body().blocks().any(|block| block.identifier() == "required_providers");
                }
                "locals" => locals.extend(block.body().attributes().map(|attribute| attribute.key().to_owned())),
                _ => {}
            }
            // naming_convention
            if let Some(name) = labels.last().filter(|_| block.identifier() != "provider")
                && !snake_case(name)
                && block.identifier() != "backend"
            {
                found.push(format!("{at} is not in snake_case"));
            }
            if !labels.is_empty() && !blocks.insert(id) {
                found.push(format!("{at} stands twice"));
            }
        }
        let locals_here = body.blocks().filter(|block| block.identifier() == "locals").count();
        let first = body.blocks().find(|block| block.identifier() != "provider" && block.identifier() != "data");
        if locals_here > 1 || (locals_here == 1 && first.is_some_and(|block| block.identifier() != "locals")) {
            found.push(format!("{}: local values are not together at its beginning", file.path));
        }
    }
    // required_version, required_providers
    if !version || !providers {
        found.push(format!("{folder}: no required version or provider"));
    }
    // unused_declarations
    let elsewhere = |home: &str| -> String {
        files.iter().filter(|file| !file.path.ends_with(home)).map(|file| file.text.as_str()).collect()
    };
    let (all, beside_variables) = (elsewhere("\0"), elsewhere("variables.tf"));
    for block in &blocks {
        match block.as_slice() {
            [kind, name] if kind == "variable" && !mentions(&beside_variables, &format!("var.{name}")) => {
                found.push(format!("{folder}: nothing uses the variable {name}"));
            }
            [kind, tf, name] if kind == "data" && !mentions(&all, &format!("data.{tf}.{name}")) => {
                found.push(format!("{folder}: nothing uses data {tf} {name}"));
            }
            _ => {}
        }
    }
    let mut seen = BTreeSet::new();
    for name in locals {
        if !mentions(&all, &format!("local.{name}")) {
            found.push(format!("{folder}: nothing uses the local value {name}"));
        }
        if !snake_case(&name) || !seen.insert(name.clone()) {
            found.push(format!("{folder}: the local value {name} is not in snake_case, or stands twice"));
        }
    }
}

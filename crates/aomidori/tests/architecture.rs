//! The invariants of `ARCHITECTURE.md`, each written as an absence and checked here.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it finds something wrong"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Rust sources below a folder, with their text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.strip_prefix(root()).unwrap().to_owned(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no sources below {folder}");
    found
}

/// Lines of code that hold one of `words`, as `path:line`. Comments do not count.
fn lines_with(sources: &[(PathBuf, String)], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in sources {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if words.iter().any(|word| code.contains(word)) {
                found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    found
}

/// Every crate that each crate of ours stands on, directly or not, in ordinary builds.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    // Of this platform only: crates of others may not be on this machine.
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: BTreeMap<&str, &str> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| (package["id"].as_str().unwrap(), package["name"].as_str().unwrap()))
        .collect();
    let direct: BTreeMap<&str, Vec<&str>> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| {
            let dependencies = node["deps"].as_array().unwrap().iter();
            let ordinary = dependencies.filter(|dependency| {
                dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null())
            });
            (node["id"].as_str().unwrap(), ordinary.map(|dependency| dependency["pkg"].as_str().unwrap()).collect())
        })
        .collect();
    let members = metadata["workspace_members"].as_array().unwrap();
    members
        .iter()
        .map(|member| {
            let mut seen = BTreeSet::new();
            let mut next = vec![member.as_str().unwrap()];
            while let Some(id) = next.pop() {
                for dependency in &direct[id] {
                    if seen.insert(*dependency) {
                        next.push(dependency);
                    }
                }
            }
            let all = seen.into_iter().map(|id| names[id].to_owned()).collect();
            (names[member.as_str().unwrap()].to_owned(), all)
        })
        .collect()
}

fn is_sdk(name: &str) -> bool {
    name.starts_with("aws-") || name.starts_with("aws_")
}

#[test]
fn model_and_plan_have_no_async_no_sdk_and_no_clap() {
    let dependencies = dependencies();
    for name in
        ["aomidori-model", "aomidori-plan", "aomidori-adopt", "aomidori-practice", "aomidori-hcl", "aomidori-emit"]
    {
        let unwanted: Vec<_> = dependencies[name]
            .iter()
            .filter(|name| is_sdk(name) || ["tokio", "futures-util", "clap", "tracing"].contains(&name.as_str()))
            .collect();
        assert!(unwanted.is_empty(), "{name} stands on {unwanted:?}");
    }
    for folder in ["crates/model/src", "crates/plan/src", "crates/adopt/src", "crates/hcl/src", "crates/emit/src"] {
        // What tests ask for is no part of the crate.
        let mut product = sources(folder);
        product.retain(|(path, _)| !path.to_string_lossy().contains("/tests/"));
        let found = lines_with(&product, &["async ", ".await", "SystemTime", "Instant::now", "std::env::", "rand::"]);
        assert!(found.is_empty(), "{found:#?}");
    }
}

#[test]
fn the_engine_has_no_aws_type_and_knows_no_command_line() {
    let unwanted: Vec<_> =
        dependencies()["aomidori-engine"].iter().filter(|name| is_sdk(name) || *name == "clap").cloned().collect();
    assert!(unwanted.is_empty(), "{unwanted:?}");
}

#[test]
fn only_aws_names_the_sdk_and_never_in_public() {
    let words = ["aws_sdk_", "aws_config", "aws_smithy", "aws_credential_types", "aws_types"];
    for folder in ["model", "plan", "engine", "adopt", "local", "practice", "hcl", "emit", "cli", "aomidori"] {
        let found = lines_with(&sources(&format!("crates/{folder}/src")), &words);
        assert!(found.is_empty(), "{found:#?}");
    }
    let mut found = Vec::new();
    for (path, text) in sources("crates/aws/src") {
        // A signature runs from `pub` to its body or its end.
        for (at, _) in text.match_indices("pub ") {
            let signature: String = text[at..].chars().take_while(|c| !matches!(c, '{' | ';' | '=')).collect();
            if words.iter().any(|word| signature.contains(word)) {
                found.push(format!("{}: {}", path.display(), signature.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn local_and_aws_share_no_code() {
    let dependencies = dependencies();
    let ours: Vec<_> = dependencies["aomidori-local"].iter().filter(|name| name.starts_with("aomidori")).collect();
    assert!(ours.is_empty(), "aomidori-local stands on {ours:?}");
    let sdk: Vec<_> = dependencies["aomidori-local"].iter().filter(|name| is_sdk(name)).collect();
    assert!(sdk.is_empty(), "aomidori-local stands on {sdk:?}");
    assert!(!dependencies["aomidori-aws"].contains("aomidori-local"));
}

#[test]
fn only_the_views_of_the_cli_print() {
    let words = ["println!", "print!(", "eprintln!", "eprint!(", "io::stdout()", "io::stderr()", "dbg!("];
    for folder in ["model", "plan", "engine", "adopt", "aws", "local", "practice", "hcl", "emit", "aomidori", "cli"] {
        let sources = sources(&format!("crates/{folder}/src"));
        let elsewhere: Vec<_> = sources
            .into_iter()
            .filter(|(path, _)| !path.to_string_lossy().starts_with("crates/cli/src/view"))
            .collect();
        let found = lines_with(&elsewhere, &words);
        assert!(found.is_empty(), "{found:#?}");
    }
}

#[test]
fn no_file_is_long_or_without_a_word_about_itself() {
    for folder in ["crates", "xtask", "examples"] {
        for (path, text) in sources(folder) {
            assert!(text.lines().count() <= 800, "{} is over 800 lines", path.display());
            assert!(text.starts_with("//!"), "{} does not say what it is", path.display());
        }
    }
}

#[test]
fn each_kind_is_one_file_in_the_model_and_one_in_aws() {
    let names = |folder: &str| -> BTreeSet<String> {
        sources(folder)
            .iter()
            .map(|(path, _)| path.file_stem().unwrap().to_string_lossy().into_owned())
            .filter(|name| name != "mod")
            .collect()
    };
    let kinds: BTreeSet<String> = aomidori::model::KindName::ALL.iter().map(|kind| kind.as_str().to_owned()).collect();
    assert_eq!(names("crates/model/src/kinds"), kinds);
    assert!(names("crates/aws/src/kinds").is_superset(&kinds));
}

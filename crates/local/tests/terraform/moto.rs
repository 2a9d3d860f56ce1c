//! The second judge: moto, where PyPI has it. Terraform applies one configuration to both clouds; what its provider then
//! reads from each must agree, but for what is minted anew each time and for moto's known faults.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aomidori_local::{LocalCloud, Options};
use aomidori_testkit::python::{Server, Venv};
use aomidori_testkit::terraform::Terraform;
use serde_json::Value;

use crate::fixture;

/// Where moto is known to differ: the resource's type, the attribute, and why ours is right.
const KNOWN: &[(&str, &str, &str)] = &[];

/// Every leaf that Terraform's state has, by address and path.
fn leaves(terraform: &Terraform, endpoint: &str) -> Result<BTreeMap<(String, String), String>, String> {
    let root = terraform.root(&fixture("judged"), endpoint)?;
    root.run(["apply", "-auto-approve", "-no-color"])?;
    let state: Value = serde_json::from_str(&root.run(["show", "-json"])?).map_err(|error| error.to_string())?;
    let mut found = BTreeMap::new();
    for resource in state["values"]["root_module"]["resources"].as_array().into_iter().flatten() {
        let address = resource["address"].as_str().unwrap_or_default();
        visit(address, "", &resource["values"], &mut found);
    }
    Ok(found)
}

/// Nothing and an empty list or text are the same, and the order of a list says nothing: most are sets.
fn visit(address: &str, path: &str, value: &Value, found: &mut BTreeMap<(String, String), String>) {
    match value {
        Value::Null => {}
        Value::String(text) if text.is_empty() => {}
        Value::Array(items) => {
            let mut texts: Vec<(String, &Value)> = items.iter().map(|item| (same(&item.to_string()), item)).collect();
            texts.sort_by(|(a, _), (b, _)| a.cmp(b));
            for (at, (_, item)) in texts.into_iter().enumerate() {
                visit(address, &format!("{path}[{at}]"), item, found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                visit(address, &format!("{path}.{name}"), member, found);
            }
        }
        leaf => {
            found.insert((address.to_owned(), path.trim_start_matches('.').to_owned()), same(&leaf.to_string()));
        }
    }
}

/// The text without what is minted: any word of 8 letters and digits or more that has a digit.
fn same(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let (body, end) = match word.char_indices().last() {
            Some((at, c)) if !c.is_ascii_alphanumeric() => word.split_at(at),
            _ => (word, ""),
        };
        let minted = body.len() >= 8 && body.bytes().any(|b| b.is_ascii_digit());
        out.push_str(if minted { "…" } else { body });
        out.push_str(end);
    }
    out
}

fn is_known(address: &str, path: &str) -> bool {
    let kind = address.split('.').next().unwrap_or_default();
    KNOWN.iter().any(|(known, start, _)| *known == kind && path.starts_with(start))
}

#[test]
fn terraform_reads_the_same_from_moto() {
    let (Some(terraform), Some(venv)) = (Terraform::find(), Venv::with(&["moto[server]==5.2.5"])) else { return };
    let (cloud, moto) = (LocalCloud::start(Options::instant()).unwrap(), Server::moto(&venv).unwrap());
    let (here, there) = (cloud.endpoint(), moto.endpoint());
    // Terraform mostly sleeps: both at once.
    let (ours, theirs) = std::thread::scope(|scope| {
        let ours = scope.spawn(|| leaves(&terraform, &here));
        let theirs = leaves(&terraform, &there);
        (ours.join().unwrap().unwrap(), theirs.unwrap())
    });
    assert!(ours.len() > 200, "only {} values to compare", ours.len());
    let mut differences = String::new();
    for (address, path) in ours.keys().chain(theirs.keys().filter(|key| !ours.contains_key(*key))) {
        let key = (address.clone(), path.clone());
        let (own, other) = (ours.get(&key), theirs.get(&key));
        if own != other && !is_known(address, path) {
            writeln!(differences, "{address} {path}: here {own:?}, moto {other:?}").unwrap();
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

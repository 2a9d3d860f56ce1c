//! `emit`: what is refused before anything is written.

use std::fs;
use std::path::Path;

use aomidori_model::Stack;
use aomidori_model::kinds::Vpc;

use super::run;
use crate::Exit;

fn emit(out: &Path, arguments: &str) -> (Exit, String) {
    let (exit, text) = run(&format!("emit terraform --out {} {arguments}", out.display()), &[]);
    let folder = out.parent().unwrap_or(out).display().to_string();
    (exit, text.replace(&folder, "DIR"))
}

/// Another stack in a file.
fn other(folder: &Path) -> String {
    let mut stack = Stack::new("shop-staging".parse().unwrap());
    let vpc = Vpc { cidr: "10.0.0.0/16".parse().unwrap(), dns_support: None, dns_hostnames: None };
    stack.add("network/vpc", vpc);
    let text = stack.to_json().unwrap();
    let path = folder.join("other.json");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn another_stack_is_not_emitted_over_one() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("tf");
    let other = other(dir.path());
    assert_eq!(emit(&out, "").0, Exit::Done);
    let main = fs::read_to_string(out.join("main.tf")).unwrap();
    let (exit, text) = emit(&out, &format!("--stack {other}"));
    assert_eq!(exit, Exit::Refused, "{text}");
    assert!(text.contains("it holds the stack `shop-dev`: Terraform would destroy what it made of that one"), "{text}");
    assert_eq!(fs::read_to_string(out.join("main.tf")).unwrap(), main, "nothing was written");
    let (exit, text) = emit(&out, &format!("--stack {other} --force"));
    assert_eq!(exit, Exit::Done, "{text}");
}

#[test]
fn another_layout_is_not_emitted_over_one() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("tf");
    assert_eq!(emit(&out, "").0, Exit::Done);
    let (exit, text) = emit(&out, "--layout split");
    assert_eq!(exit, Exit::Refused, "{text}");
    let said = "3 resources, the first network/subnet/eu-central-1a, are in the root at the top and would be in the one at \
                `shop_dev`";
    assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(said), "{text}");
}

#[test]
fn a_state_of_something_else_is_not_destroyed() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("tf");
    fs::create_dir(&out).unwrap();
    let state =
        |resources: &str| format!("{{\"version\":4,\"serial\":1,\"lineage\":\"x\",\"resources\":[{resources}]}}");
    let one = r#"{"mode":"managed","type":"aws_sqs_queue","name":"q","provider":"provider[\"registry.terraform.io/hashicorp/aws\"]","instances":[{"schema_version":0,"attributes":{"id":"q"}}]}"#;
    fs::write(out.join("terraform.tfstate"), state(one)).unwrap();
    let (exit, text) = emit(&out, "");
    assert_eq!(exit, Exit::Refused, "{text}");
    assert!(text.contains("terraform.tfstate is another configuration's"), "{text}");
    fs::write(out.join("terraform.tfstate"), state("")).unwrap();
    assert_eq!(emit(&out, "").0, Exit::Done, "an empty one is nobody's");
    fs::write(out.join("terraform.tfstate"), state(one)).unwrap();
    assert_eq!(emit(&out, "").0, Exit::Done, "what was applied is its own");
    // A record that cannot be read is no reason to destroy what it may be about.
    fs::write(out.join(".aomidori.json"), "{}").unwrap();
    let (exit, text) = emit(&out, "");
    assert_eq!(exit, Exit::Refused, "{text}");
    assert!(text.contains("cannot be read"), "{text}");
    fs::remove_file(out.join(".aomidori.json")).unwrap();
    let (exit, text) = emit(&out, "");
    assert_eq!(exit, Exit::Refused, "{text}");
    assert!(text.contains("is missing"), "{text}");
    assert_eq!(emit(&out, "--force").0, Exit::Done);
}

#[test]
fn a_region_without_the_stack_s_zones_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (exit, text) = emit(&dir.path().join("tf"), "--region us-east-1");
    assert_eq!(exit, Exit::Error);
    let said = "error: `--region` is `us-east-1`, which is not the stack's region: the zones of its subnets are in \
                `eu-central-1`";
    assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(said), "{text}");
    let (exit, text) = emit(&dir.path().join("tf"), "--region eu-central-1");
    assert_eq!(exit, Exit::Done, "{text}");
}

#[test]
fn a_backend_that_terraform_would_refuse_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (place, said) in [
        ("s3://states//key", "leave out the `/` before it"),
        ("s3://My_States/key", "is not a bucket's name"),
        ("s3://-states/key", "is not a bucket's name"),
        ("s3://a..b/key", "is not a bucket's name"),
        ("states/key", "does not begin with `s3://`"),
    ] {
        let (exit, text) = emit(&dir.path().join("tf"), &format!("--backend {place}"));
        assert_eq!(exit, Exit::Error, "{text}");
        assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(said), "{place}: {text}");
    }
    let (exit, text) = emit(&dir.path().join("tf"), "--backend s3://states/dev.tfstate");
    assert_eq!(exit, Exit::Done, "{text}");
}

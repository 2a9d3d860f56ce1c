//! Terraform applies what is emitted on the local cloud: everything, once; then nothing is left to do; then nothing is
//! left.

use std::collections::BTreeMap;

use aomidori_hcl::{Live, Options, RECORD, Record, emit};
use aomidori_local::{LocalCloud, Options as Cloud};

use aomidori_model::{Address, Stack};
use serde_json::Value;

use aomidori_testkit::Terraform;

use crate::terraform::{practice, put, write};

/// Live ids by address, from Terraform's state: what a plan of ours would have observed.
fn ids(state: &str) -> BTreeMap<Address, Live> {
    fn visit(module: &Value, found: &mut BTreeMap<Address, Live>) {
        for resource in module["resources"].as_array().into_iter().flatten() {
            let values = &resource["values"];
            let Some(address) = values["tags"]["aomidori:address"].as_str() else { continue };
            let text = |name: &str| values[name].as_str().map(str::to_owned);
            let id = match resource["type"].as_str().unwrap() {
                "aws_iam_role" | "aws_ecs_task_definition" | "aws_service_discovery_service" => text("arn"),
                "aws_codedeploy_app" => text("name"),
                _ => text("id"),
            };
            found.insert(address.parse().unwrap(), Live { id: id.unwrap(), ..Live::default() });
        }
        for child in module["child_modules"].as_array().into_iter().flatten() {
            visit(child, found);
        }
    }
    let state: Value = serde_json::from_str(state).unwrap();
    let mut found = BTreeMap::new();
    visit(&state["values"]["root_module"], &mut found);
    found
}

/// A tag that sets one of a family apart.
fn edited(stack: &Stack) -> Stack {
    let mut stack = stack.clone();
    let at = "network/subnet/storage-a".parse().unwrap();
    stack.get_mut(&at).unwrap().tags.insert("Owner".into(), "somebody".into());
    stack
}

fn record(stack: &Stack) -> Record {
    let files = emit(stack, &Options::default()).unwrap();
    Record::parse(&files.iter().find(|file| file.path == RECORD).unwrap().text).unwrap()
}

#[test]
fn apply_then_no_changes_then_destroy() {
    let Some(terraform) = Terraform::found() else { return };
    let cloud = LocalCloud::start(Cloud::instant()).unwrap();
    let endpoint = cloud.endpoint();
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let folder = write(&emit(&practice(&[]), &Options::default()).unwrap());
    let run = |arguments: &[&str]| terraform.run(folder.path(), arguments, &variables).unwrap();
    run(&["init", "-no-color"]);
    run(&["apply", "-auto-approve", "-no-color"]);
    let plan = run(&["plan", "-no-color"]);
    assert!(plan.contains("No changes."), "{plan}");

    // Another Terraform takes over what is there: nothing changes.
    let import = Some(ids(&run(&["show", "-json"])));
    let other = write(&emit(&practice(&[]), &Options { import, ..Options::default() }).unwrap());
    let run_other = |arguments: &[&str]| terraform.run(other.path(), arguments, &variables).unwrap();
    run_other(&["init", "-no-color"]);
    let plan = run_other(&["plan", "-no-color"]);
    assert!(plan.contains("to import, 0 to add, 0 to change, 0 to destroy."), "{plan}");
    run_other(&["apply", "-auto-approve", "-no-color"]);
    let plan = run_other(&["plan", "-no-color"]);
    assert!(plan.contains("No changes."), "{plan}");

    // What is emitted over it moves where it stands otherwise, and destroys nothing.
    let (edited, before) = (edited(&practice(&[])), record(&practice(&[])));
    let files = emit(&edited, &Options { before: Some(before), ..Options::default() }).unwrap();
    assert!(files.iter().any(|file| file.path == "moved.tf"));
    put(folder.path(), &files);
    let plan = run(&["plan", "-no-color"]);
    assert!(plan.contains("has moved to"), "{plan}");
    assert!(plan.contains("Plan: 0 to add, 1 to change, 0 to destroy."), "{plan}");
    run(&["apply", "-auto-approve", "-no-color"]);
    let plan = run(&["plan", "-no-color"]);
    assert!(plan.contains("No changes."), "{plan}");

    run(&["destroy", "-auto-approve", "-no-color"]);
    let left = run(&["state", "list"]);
    assert_eq!(left.trim(), "");
    cloud.shutdown().unwrap();
}

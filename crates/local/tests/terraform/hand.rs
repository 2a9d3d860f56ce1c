//! `apply` makes everything, `plan` then has no changes, and `destroy` leaves nothing.

use aomidori_local::{LocalCloud, Options};
use aomidori_testkit::terraform::{Root, Terraform};

use crate::fixture;

const APPLY: [&str; 3] = ["apply", "-auto-approve", "-no-color"];
const PLAN: [&str; 3] = ["plan", "-detailed-exitcode", "-no-color"];
const DESTROY: [&str; 3] = ["destroy", "-auto-approve", "-no-color"];

/// 0 is "No changes", 2 is changes.
fn no_changes(root: &Root) {
    let said = root.ask(PLAN).unwrap();
    assert_eq!(said.code, Some(0), "{}", said.text);
}

fn succeeds(root: &Root, arguments: [&str; 3]) {
    let said = root.ask(arguments).unwrap();
    assert_eq!(said.code, Some(0), "{}", said.text);
}

fn comes_and_goes(configuration: &str) {
    let Some(terraform) = Terraform::find() else { return };
    let cloud = LocalCloud::start(Options::instant()).unwrap();
    let root = terraform.root(&fixture(configuration), &cloud.endpoint()).unwrap();
    for arguments in [["validate", "-no-color", "-json"], APPLY] {
        succeeds(&root, arguments);
    }
    no_changes(&root);
    succeeds(&root, DESTROY);
    let left = cloud.census();
    assert!(left.values().all(|kinds| kinds.is_empty()), "left behind: {left:#?}");
    cloud.shutdown().unwrap();
}

#[test]
fn the_practice_environment() {
    comes_and_goes("practice");
}

#[test]
fn other_styles() {
    comes_and_goes("styles");
}

#[test]
fn buckets() {
    comes_and_goes("buckets");
}

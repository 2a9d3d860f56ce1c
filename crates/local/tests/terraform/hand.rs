//! `apply` makes everything, `plan` then has no changes, a change is made in place and is none afterwards, and `destroy`
//! leaves nothing.

use aomidori_local::{LocalCloud, Options};
use aomidori_testkit::terraform::{Root, Terraform};

use crate::fixture;

const APPLY: [&str; 3] = ["apply", "-auto-approve", "-no-color"];
/// 0 is "No changes", 2 is changes.
const PLAN: [&str; 3] = ["plan", "-detailed-exitcode", "-no-color"];
const DESTROY: [&str; 3] = ["destroy", "-auto-approve", "-no-color"];

fn succeeds(root: &Root, arguments: [&str; 3], variables: &[&str]) {
    let said = root.ask(arguments.iter().chain(variables)).unwrap();
    assert_eq!(said.code, Some(0), "{arguments:?} {variables:?}: {}", said.text);
}

/// Applies a configuration, and again with each change of its variables.
fn comes_and_goes(configuration: &str, changes: &[&str]) {
    let Some(terraform) = Terraform::find() else { return };
    let cloud = LocalCloud::start(Options::instant()).unwrap();
    let root = terraform.root(&fixture(configuration), &cloud.endpoint()).unwrap();
    succeeds(&root, ["validate", "-no-color", "-json"], &[]);
    for variables in std::iter::once(&[][..]).chain(changes.chunks(1)) {
        succeeds(&root, APPLY, variables);
        succeeds(&root, PLAN, variables);
    }
    succeeds(&root, DESTROY, &[]);
    let left = cloud.census();
    assert!(left.values().all(|kinds| kinds.is_empty()), "left behind: {left:#?}");
    cloud.shutdown().unwrap();
}

#[test]
fn the_practice_environment() {
    comes_and_goes("practice", &[]);
}

#[test]
fn other_styles() {
    comes_and_goes("styles", &[]);
}

#[test]
fn local_modules_with_certificates_scaling_and_keys() {
    comes_and_goes("composed", &["-var=revision=2"]);
}

#[test]
fn buckets() {
    comes_and_goes("buckets", &[]);
}

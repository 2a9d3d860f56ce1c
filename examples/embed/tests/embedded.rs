//! The examples do what their comments say: a host's program has all commands, over its own stack.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it finds something wrong"
)]

use std::path::Path;
use std::process::Command;

/// Runs a program against a local cloud of its own; its exit code and what it printed.
fn run(program: &str, dir: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_") || name.starts_with("AOMIDORI_")) {
        command.env_remove(name);
    }
    command.env("AOMIDORI_LOCAL_DIR", dir).env("AOMIDORI_LOCAL_SPEED", "instant").args(arguments);
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.code().unwrap_or(-1), text)
}

#[test]
fn a_stack_in_ten_lines() {
    let dir = tempfile::tempdir().unwrap();
    let shop = |arguments: &[&str]| run(env!("CARGO_BIN_EXE_embed-example"), dir.path(), arguments);
    let (code, text) = shop(&["up", "--yes", "--set", "stage=test"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("Plan: 3 to add, 0 to change, 0 to destroy."), "{text}");
    let (code, text) = shop(&["plan", "--detailed-exitcode", "--set", "stage=test"]);
    assert_eq!((code, text.as_str()), (0, "No changes. shop-test is as the stack says (3 resources).\n"));
    let (code, text) = shop(&["plan", "--set", "cidr=10.20.0.1/16"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("the input `cidr` cannot be `10.20.0.1/16`"), "{text}");
    let (code, text) = shop(&["down", "--yes", "--set", "stage=test"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(shop(&["local", "stop"]).0, 0);
}

#[test]
fn beside_commands_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let xtask = |arguments: &[&str]| run(env!("CARGO_BIN_EXE_own-commands"), dir.path(), arguments);
    assert_eq!(xtask(&["lint"]), (0, String::new()));
    let (code, text) = xtask(&["cloud", "up", "--yes"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("platform/logs"), "{text}");
    assert_eq!(xtask(&["cloud", "local", "stop"]).0, 0);
}

//! `cargo xtask bench`, as small as it gets: one environment, one run, without Terraform.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it finds something wrong"
)]

use std::process::Command;

use serde_json::Value;

#[test]
fn one_environment_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bench.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args("bench --runs 1 --environments 1 --latency 0 --tools aomidori --tables sides --out".split(' '));
    let output = command.arg(&file).env("TMPDIR", folder.path()).output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    for part in ["NO TERRAFORM: it was not asked for", "| 1 | 0 | up, apply | ", "| peak memory under 80 MB | 1: "] {
        assert!(out.contains(part), "`{part}` is not in\n{out}");
    }

    let report: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let runs: Vec<_> = report["runs"].as_array().unwrap().iter().collect();
    let operations: Vec<_> = runs.iter().map(|run| run["operation"].as_str().unwrap()).collect();
    assert_eq!(operations, ["up", "plan", "down"]);
    let calls = |run: usize, operation: &str| runs[run]["calls"][operation].as_u64().unwrap_or_default();
    assert_eq!((calls(0, "ec2:CreateVpc"), calls(1, "ec2:CreateVpc"), calls(2, "ec2:DeleteVpc")), (1, 0, 1));
    // A plan asks for every kind once, however many resources there are of it.
    assert_eq!((calls(1, "ec2:DescribeSubnets"), calls(1, "ec2:DescribeSecurityGroupRules")), (1, 1));
    for run in runs {
        let used = &run["usage"]["Ok"];
        assert!(used["memory"].as_u64().unwrap() > 1_000_000, "{used}");
        assert!(used["cpu"].as_f64().unwrap() > 0.0, "{used}");
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["bench.json"]);
}

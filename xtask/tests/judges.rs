//! Judges that we did not write: boto3 looks at what `up` built on the local cloud, and moto is built on in AWS's place.
//!
//! Both come from PyPI below `target/`; where they cannot, the tests say so aloud.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it finds something wrong"
)]

use std::path::Path;
use std::process::{Command, Output};

use aomidori_testkit::Server;
use aomidori_testkit::python::{Venv, credentials};
use serde_json::Value;

const BOTO3: &str = "boto3==1.43.11";
const MOTO: &str = "moto[server]==5.2.5";

/// The program with a clean environment, its local cloud in `home`.
fn xtask(home: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_") || name.starts_with("AOMIDORI_")) {
        command.env_remove(name);
    }
    command.env("AOMIDORI_LOCAL_DIR", home.join("cloud")).env("AOMIDORI_LOCAL_SPEED", "instant");
    command.args(line.split_whitespace());
    command
}

#[track_caller]
fn ends(code: i32, mut command: Command) -> (String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (out, err) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert_eq!(status.code(), Some(code), "{command:?}\n--- stdout\n{out}--- stderr\n{err}");
    (out, err)
}

#[test]
fn boto3_finds_what_was_designed() {
    let Some(venv) = Venv::with(&[BOTO3]) else { return };
    let home = tempfile::tempdir().unwrap();
    ends(0, xtask(home.path(), "up --yes"));
    let (status, _) = ends(0, xtask(home.path(), "local status --json"));
    let status: Value = serde_json::from_str(status.lines().last().unwrap()).unwrap();
    let endpoint = status["result"]["endpoint"].as_str().unwrap();
    let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/practice.py");
    let said = venv.script(&judge, endpoint, &[]);
    ends(0, xtask(home.path(), "local stop"));
    assert_eq!(said.as_deref().map(str::trim), Ok("as designed"), "{}", said.clone().unwrap_err());
}

/// The same commands on another server that speaks AWS's protocols.
///
/// moto runs no tasks and has no image that nobody pushed, so `up` stops before the services until it is told not to look.
/// It has neither DeleteDeploymentGroup nor DeleteApplication: `down` names that, removes what does not depend on it, and
/// names what is left (3).
#[test]
fn moto_in_aws_s_place() {
    let Some(venv) = Venv::with(&[MOTO]) else { return };
    let server = Server::moto(&venv).unwrap();
    let home = tempfile::tempdir().unwrap();
    let run = |code: i32, line: &str| {
        let mut command = xtask(home.path(), line);
        command.arg("--target").arg("aws").envs(credentials(&server.endpoint()));
        ends(code, command)
    };
    let (_, err) = run(5, "up --yes");
    assert!(err.contains("docker push") && err.contains("codedeploy-practice/maintenance:blue"), "{err}");
    run(0, "up --yes --no-image-check");
    let (out, _) = run(0, "plan --detailed-exitcode");
    assert!(out.starts_with("No changes."), "{out}");

    let (out, err) = run(3, "down --yes");
    assert!(err.contains("DeleteDeploymentGroup"), "{err}");
    let (left, _) = run(2, "plan --destroy --detailed-exitcode --json");
    let left: Value = serde_json::from_str(left.lines().last().unwrap()).unwrap();
    let steps = left["result"]["plan"]["steps"].as_array().unwrap();
    let left: Vec<&str> = steps.iter().map(|step| step["address"].as_str().unwrap()).collect();
    assert_eq!(left, ["code-deploy/deployment-group", "code-deploy/application"], "{out}\n{err}");
}

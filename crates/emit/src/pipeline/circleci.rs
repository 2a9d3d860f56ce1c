//! CircleCI: an OIDC role by way of a context, `type: approval` as the gate.

use super::{Job, LOGIN, REPOSITORY_URI, tag};
use crate::yaml::{Document, Yaml, map, text, texts};
use crate::{EmitError, File};

/// A virtual machine with Docker and the AWS CLI.
const MACHINE: &str = "ubuntu-2404:2024.11.1";
/// What builds the program.
const RUST: &str = "rust:1.95-bookworm";

/// A text that CircleCI does not take for a parameter.
fn plain(text: &str) -> String {
    text.replace("<<", "\\<<")
}

pub(super) fn config(job: &Job) -> Result<File, EmitError> {
    let mut document = Document::default();
    document.section(&[], [("version", Yaml::Float(2.1))]);
    document.section(&[], [("executors", executors(job))]);
    document.section(
        &[
            "Jobs are the role in the variable AWS_ROLE_ARN of the context. Its trust policy names this project.",
            "The SDK and the AWS CLI read the token from the file; it is never printed.",
        ],
        [("commands", commands(job))],
    );
    document.section(&[], [("jobs", jobs(job))]);
    let why = match job.waits {
        Some(minutes) => format!("Decide soon after green is up: CodeDeploy gives up {minutes} minutes after that."),
        None => "Nothing is deployed before somebody approves it.".to_owned(),
    };
    document.section(&[&why], [("workflows", map([("deploy", workflow(job))]))]);
    Ok(File { path: ".circleci/config.yml".into(), text: document.text()? })
}

fn environment(job: &Job) -> Yaml {
    map(job.variables.iter().map(|(name, value)| (name.clone(), text(plain(value)))))
}

fn executors(job: &Job) -> Yaml {
    let mut machine = vec![("machine", map([("image", text(MACHINE))]))];
    machine.push(("resource_class", text(if job.arm { "arm.medium" } else { "medium" })));
    machine.push(("environment", environment(job)));
    let mut all = vec![("docker-builder", map(machine))];
    if job.cargo {
        let image = Yaml::List(vec![map([("image", text(RUST))])]);
        let entries = [("docker", image), ("resource_class", text("large")), ("environment", environment(job))];
        all.push(("program", map(entries)));
    }
    map(all)
}

fn run(name: &str, script: &[String]) -> Yaml {
    let command = match script {
        [only] => text(plain(only)),
        _ => Yaml::Block(script.iter().map(|line| format!("{}\n", plain(line))).collect()),
    };
    map([("run", map([("name", text(name)), ("command", command)]))])
}

fn commands(job: &Job) -> Yaml {
    let assume = [
        "TOKEN=\"$(mktemp)\"",
        "printf %s \"$CIRCLE_OIDC_TOKEN_V2\" > \"$TOKEN\"",
        "echo \"export AWS_WEB_IDENTITY_TOKEN_FILE='$TOKEN'\" >> \"$BASH_ENV\"",
        "echo \"export AWS_ROLE_SESSION_NAME='circleci-$CIRCLE_BUILD_NUM'\" >> \"$BASH_ENV\"",
    ];
    let name = [
        tag("CIRCLE_BRANCH", "CIRCLE_SHA1"),
        "echo \"export TAG='$TAG' IMAGE='$REPOSITORY:$TAG'\" >> \"$BASH_ENV\"".to_owned(),
    ];
    let prepare = Yaml::List(vec![
        text("checkout"),
        run("Assume the role", &assume.map(str::to_owned)),
        run("Name the image", &name),
    ]);
    let mut all = vec![("prepare", map([("steps", prepare)]))];
    if job.cargo {
        let key = "cargo-{{ arch }}-{{ checksum \"Cargo.lock\" }}";
        let restore = map([("restore_cache", map([("keys", texts([key, "cargo-{{ arch }}-"]))]))]);
        let build = run("Build the program", &[format!("{} --help > /dev/null", job.program)]);
        let paths = texts(["/usr/local/cargo/registry", "target"]);
        let save = map([("save_cache", map([("key", text(key)), ("paths", paths)]))]);
        all.push(("program", map([("steps", Yaml::List(vec![restore, build, save]))])));
    } else if let Some(check) = job.check() {
        let steps = Yaml::List(vec![run("The program is on the runner", &[check])]);
        all.push(("program", map([("steps", steps)])));
    }
    map(all)
}

fn jobs(job: &Job) -> Yaml {
    let with = |executor: &str, steps: Vec<Yaml>| map([("executor", text(executor)), ("steps", Yaml::List(steps))]);
    let program = |steps: Vec<(&str, String)>| {
        let mut all = vec![text("prepare"), text("program")];
        all.extend(steps.into_iter().map(|(name, line)| run_long(name, &line, job.minutes)));
        with(if job.cargo { "program" } else { "docker-builder" }, all)
    };
    let push = [
        REPOSITORY_URI.to_owned(),
        LOGIN.to_owned(),
        format!("docker build --platform {} --tag \"$URI:$TAG\" \"$CONTEXT\"", job.platform()),
        "docker push \"$URI:$TAG\"".to_owned(),
    ];
    let image = with("docker-builder", vec![text("prepare"), run("Build and push", &push)]);
    let mut all = vec![("image", image)];
    if job.waits.is_some() {
        let deploy = vec![("Register", job.register()), ("Deploy until test traffic is on green", job.deploy())];
        all.push(("deploy", program(deploy)));
        all.push(("reroute", program(vec![("Re-route production to green", job.reroute())])));
        all.push(("rollback", program(vec![("Roll back to blue", job.rollback())])));
    } else {
        all.push(("register", program(vec![("Register", job.register())])));
        all.push(("deploy", program(vec![("Deploy", job.deploy())])));
    }
    map(all)
}

/// A step that may say nothing for a while.
fn run_long(name: &str, line: &str, minutes: u32) -> Yaml {
    let entries =
        [("name", text(name)), ("command", text(plain(line))), ("no_output_timeout", text(format!("{minutes}m")))];
    map([("run", map(entries))])
}

fn workflow(job: &Job) -> Yaml {
    let runs = |requires: &[&str], further: &[(&'static str, &str)]| {
        let mut entries = Vec::new();
        if !requires.is_empty() {
            entries.push(("requires", texts(requires.iter().copied())));
        }
        entries.push(("context", texts([job.environment.clone()])));
        entries.extend(further.iter().map(|(key, value)| (*key, text(*value))));
        map(entries)
    };
    let gate = |requires: &str| map([("type", text("approval")), ("requires", texts([requires]))]);
    // Only where a deployment begins: a later pipeline must not keep an earlier one from being decided.
    let group = format!("{}/deploy", job.environment);
    let group: &[(&'static str, &str)] = &[("serial-group", &group)];
    let jobs = if job.waits.is_some() {
        vec![
            ("image", runs(&[], &[])),
            ("deploy", runs(&["image"], group)),
            ("approve-reroute", gate("deploy")),
            ("reroute", runs(&["approve-reroute"], &[])),
            ("approve-rollback", gate("deploy")),
            ("rollback", runs(&["approve-rollback"], &[])),
        ]
    } else {
        vec![
            ("image", runs(&[], &[])),
            ("register", runs(&["image"], &[])),
            ("approve-deploy", gate("register")),
            ("deploy", runs(&["approve-deploy"], group)),
        ]
    };
    let on = Yaml::List(vec![text(plain(&job.branch)), text("<< pipeline.git.branch >>")]);
    let jobs = jobs.into_iter().map(|(name, entries)| map([(name, entries)])).collect();
    map([("when", map([("equal", on)])), ("jobs", Yaml::List(jobs))])
}

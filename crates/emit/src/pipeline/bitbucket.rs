//! Bitbucket Pipelines: an OIDC role, one deployment at a time for each environment, `trigger: manual` as the gate.

use super::{Job, quote, tag};
use crate::yaml::{Document, Yaml, map, text, texts};
use crate::{EmitError, File};

/// Pushes to ECR.
const PUSH: &str = "atlassian/aws-ecr-push-image:2.6.0";
/// What has Docker's client and little else.
const DEFAULT: &str = "atlassian/default-image:4";
/// What builds the program.
const RUST: &str = "rust:1.95-bookworm";

pub(super) fn pipelines(job: &Job) -> Result<File, EmitError> {
    let mut document = Document::default();
    document.section(
        &[
            "Steps are the role in the repository variable AWS_ROLE_ARN. Its trust policy names this repository.",
            "The environment in `deployment` has to be there, among the repository's deployments.",
        ],
        [("image", text(DEFAULT))],
    );
    if job.cargo {
        let cache = map([("key", map([("files", texts(["Cargo.lock"]))])), ("path", text("target"))]);
        let registry =
            map([("key", map([("files", texts(["Cargo.lock"]))])), ("path", text("/usr/local/cargo/registry"))]);
        let caches = map([("target", cache), ("registry", registry)]);
        document.section(&[], [("definitions", map([("caches", caches)]))]);
    }
    let mut why =
        vec!["One deployment at a time for each environment; the program refuses a second one too.".to_owned()];
    match job.waits {
        Some(minutes) => {
            why.push("Run one of the two manual steps. Decide soon after green is up: CodeDeploy gives up".to_owned());
            why.push(format!("{minutes} minutes after that."));
        }
        None => why.push("Nothing is deployed before somebody runs the manual step.".to_owned()),
    }
    let why: Vec<&str> = why.iter().map(String::as_str).collect();
    let branch = map([(job.branch.clone(), Yaml::List(steps(job)))]);
    document.section(&why, [("pipelines", map([("branches", branch)]))]);
    Ok(File { path: "bitbucket-pipelines.yml".into(), text: document.text()? })
}

fn steps(job: &Job) -> Vec<Yaml> {
    let environment = Some(("deployment", text(job.environment.clone())));
    let manual = || Some(("trigger", text("manual")));
    if job.waits.is_some() {
        let decide = vec![
            program(job, "Re-route production to green", [manual(), None], &[job.reroute()]),
            program(job, "Roll back to blue", [manual(), None], &[job.rollback()]),
        ];
        vec![
            image(job),
            program(
                job,
                "Register, and deploy until test traffic is on green",
                [environment, None],
                &[job.register(), job.deploy()],
            ),
            map([("parallel", Yaml::List(decide))]),
        ]
    } else {
        vec![
            image(job),
            program(job, "Register", [None, None], &[job.register()]),
            program(job, "Deploy", [manual(), environment], &[job.deploy()]),
        ]
    }
}

/// The variables, and the image's name.
fn exports(job: &Job) -> Vec<String> {
    let mut lines: Vec<String> =
        job.variables.iter().map(|(name, value)| format!("export {name}={}", quote(value))).collect();
    lines.push(format!("export {}", tag("BITBUCKET_BRANCH", "BITBUCKET_COMMIT")));
    lines.push("export IMAGE=\"$REPOSITORY:$TAG\"".to_owned());
    lines
}

fn image(job: &Job) -> Yaml {
    let mut script: Vec<Yaml> = exports(job).into_iter().map(Yaml::Str).collect();
    script.push(text(format!("docker build --platform {} --tag \"$IMAGE\" \"$CONTEXT\"", job.platform())));
    let variables = map([
        ("AWS_OIDC_ROLE_ARN", text("$AWS_ROLE_ARN")),
        ("AWS_DEFAULT_REGION", text("$AWS_REGION")),
        ("IMAGE_NAME", text("$REPOSITORY")),
        ("TAGS", text("$TAG")),
    ]);
    script.push(map([("pipe", text(PUSH)), ("variables", variables)]));
    let mut entries = vec![("name", text("Build and push"))];
    if job.arm {
        entries.push(("runtime", map([("cloud", map([("arch", text("arm"))]))])));
    }
    entries.push(("oidc", Yaml::Bool(true)));
    entries.push(("services", texts(["docker"])));
    entries.push(("script", Yaml::List(script)));
    map([("step", map(entries))])
}

fn program(job: &Job, name: &str, further: [Option<(&'static str, Yaml)>; 2], script: &[String]) -> Yaml {
    let mut entries = vec![("name", text(name))];
    entries.extend(further.into_iter().flatten());
    entries.push(("max-time", Yaml::Int(job.minutes)));
    entries.push(("oidc", Yaml::Bool(true)));
    if job.cargo {
        entries.push(("image", text(RUST)));
        entries.push(("size", text("2x")));
        entries.push(("caches", texts(["target", "registry"])));
    }
    let mut lines = exports(job);
    lines.extend(job.check());
    // The SDK reads the token from the file; it is never printed.
    lines.push("export AWS_WEB_IDENTITY_TOKEN_FILE=\"$(mktemp)\"".to_owned());
    lines.push("printf %s \"$BITBUCKET_STEP_OIDC_TOKEN\" > \"$AWS_WEB_IDENTITY_TOKEN_FILE\"".to_owned());
    lines.push("export AWS_ROLE_SESSION_NAME=\"bitbucket-$BITBUCKET_BUILD_NUMBER\"".to_owned());
    lines.extend(script.iter().cloned());
    entries.push(("script", Yaml::List(lines.into_iter().map(Yaml::Str).collect())));
    map([("step", map(entries))])
}

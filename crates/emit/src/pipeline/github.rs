//! GitHub Actions: an OIDC role, one run at a time for each environment, an environment's reviewers as the gate.

use super::{Job, LOGIN, REPOSITORY_URI, tag};
use crate::yaml::{Document, Yaml, map, text, texts};
use crate::{EmitError, File};

/// Actions by commit, because tags move; the release that it is.
const CHECKOUT: (&str, &str) = ("actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8", "v5.0.0");
const CREDENTIALS: (&str, &str) =
    ("aws-actions/configure-aws-credentials@a03048d87541d1d9fcf2ecf528a4a65ba9bd7838", "v5.0.0");
const CACHE: (&str, &str) = ("Swatinem/rust-cache@f13886b937689c021905a6b90929199931d60db1", "v2.8.1");

/// A text that GitHub does not take for an expression.
fn plain(text: &str) -> String {
    text.replace("${{", "${{ '${{' }}")
}

pub(super) fn workflow(job: &Job) -> Result<File, EmitError> {
    let mut document = Document::yaml_12();
    document.section(&[], [("name", text(plain(&format!("Deploy {}", job.service))))]);
    let branches = map([("branches", texts([job.branch.clone()]))]);
    document.section(&[], [("on", map([("push", branches), ("workflow_dispatch", map::<&str>([]))]))]);
    document.section(
        &[
            "Jobs are the role in the variable AWS_ROLE_ARN. Its trust policy names this repository's branch, and the",
            "environment of the gate. Each job asks for the token by itself; the workflow has no rights.",
        ],
        [("permissions", map::<&str>([]))],
    );
    let group = map([("group", text(plain(&job.environment))), ("cancel-in-progress", Yaml::Bool(false))]);
    document.section(&["One run at a time for each environment."], [("concurrency", group)]);
    let variables = job.variables.iter().map(|(name, value)| (name.clone(), text(plain(value))));
    document.section(&[], [("env", map(variables))]);
    document.section(&[], [("defaults", map([("run", map([("shell", text("bash"))]))]))]);
    match job.waits {
        Some(minutes) => {
            let gate = format!("green is up: CodeDeploy gives up {minutes} minutes after that.");
            document.section(
                &[
                    "The environment's required reviewers decide: approved, production moves to green; rejected, the",
                    &format!("deployment is rolled back. Decide soon after {gate}"),
                ],
                [("jobs", map(blue_green(job)))],
            );
        }
        None => document.section(
            &["The environment's required reviewers decide whether it is deployed."],
            [("jobs", map(gated(job)))],
        ),
    }
    Ok(File { path: format!(".github/workflows/deploy-{}.yml", job.service), text: document.text()? })
}

fn blue_green(job: &Job) -> Vec<(&'static str, Yaml)> {
    let mut reroute = runner(job, "Re-route", &["deploy"], Some(&job.environment));
    reroute.push(("outputs", map([("decided", text("${{ steps.decided.outputs.decided }}"))])));
    let decided = map([
        ("name", text("Approved")),
        ("id", text("decided")),
        ("run", text("echo \"decided=true\" >> \"$GITHUB_OUTPUT\"")),
    ]);
    let mut steps = vec![decided];
    steps.extend(ready(job));
    steps.push(run("Re-route production to green", &[job.reroute()]));
    reroute.push(("steps", Yaml::List(steps)));

    let mut rollback = runner(job, "Roll back", &["deploy", "reroute"], None);
    // Only where nobody approved: what `reroute` began is not undone by the way.
    let rejected = "${{ always() && needs.deploy.result == 'success' && needs.reroute.outputs.decided != 'true' }}";
    rollback.insert(2, ("if", text(rejected)));
    let mut steps = ready(job);
    steps.push(run("Roll back to blue", &[job.rollback()]));
    rollback.push(("steps", Yaml::List(steps)));

    let mut deploy = runner(job, "Deploy", &["image"], None);
    deploy.push(("env", image()));
    let mut steps = ready(job);
    steps.push(run("Register", &[job.register()]));
    steps.push(run("Deploy until test traffic is on green", &[job.deploy()]));
    deploy.push(("steps", Yaml::List(steps)));
    vec![("image", push(job)), ("deploy", map(deploy)), ("reroute", map(reroute)), ("rollback", map(rollback))]
}

fn gated(job: &Job) -> Vec<(&'static str, Yaml)> {
    let mut register = runner(job, "Register", &["image"], None);
    register.push(("env", image()));
    let mut steps = ready(job);
    steps.push(run("Register", &[job.register()]));
    register.push(("steps", Yaml::List(steps)));
    let mut deploy = runner(job, "Deploy", &["image", "register"], Some(&job.environment));
    deploy.push(("env", image()));
    let mut steps = ready(job);
    steps.push(run("Deploy", &[job.deploy()]));
    deploy.push(("steps", Yaml::List(steps)));
    vec![("image", push(job)), ("register", map(register)), ("deploy", map(deploy))]
}

/// The head of a job.
fn runner(job: &Job, name: &str, needs: &[&str], environment: Option<&str>) -> Vec<(&'static str, Yaml)> {
    let mut entries = vec![("name", text(name))];
    if !needs.is_empty() {
        entries.push(("needs", texts(needs.iter().copied())));
    }
    entries.push(("runs-on", text(if job.arm { "ubuntu-24.04-arm" } else { "ubuntu-24.04" })));
    entries.push(("timeout-minutes", Yaml::Int(job.minutes)));
    if let Some(environment) = environment {
        entries.push(("environment", text(plain(environment))));
    }
    entries.push(("permissions", map([("contents", text("read")), ("id-token", text("write"))])));
    entries
}

fn push(job: &Job) -> Yaml {
    let mut entries = runner(job, "Build and push", &[], None);
    entries.push(("outputs", map([("image", text("${{ steps.push.outputs.image }}"))])));
    let mut step = vec![("name", text("Build and push")), ("id", text("push"))];
    let script = [
        tag("GITHUB_REF_NAME", "GITHUB_SHA"),
        REPOSITORY_URI.to_owned(),
        LOGIN.to_owned(),
        format!("docker build --platform {} --tag \"$URI:$TAG\" \"$CONTEXT\"", job.platform()),
        "docker push \"$URI:$TAG\"".to_owned(),
        "echo \"image=$REPOSITORY:$TAG\" >> \"$GITHUB_OUTPUT\"".to_owned(),
    ];
    step.push(("run", lines(&script)));
    entries.push(("steps", Yaml::List(vec![checkout(), credentials(), map(step)])));
    map(entries)
}

fn image() -> Yaml {
    map([("IMAGE", text("${{ needs.image.outputs.image }}"))])
}

/// The steps before our program can run.
fn ready(job: &Job) -> Vec<Yaml> {
    let mut steps = vec![checkout()];
    if job.cargo {
        steps.push(uses(CACHE, []));
    }
    if let Some(check) = job.check() {
        steps.push(run("The program is on the runner", &[check]));
    }
    steps.push(credentials());
    steps
}

fn credentials() -> Yaml {
    let with = [("role-to-assume", text("${{ vars.AWS_ROLE_ARN }}")), ("aws-region", text("${{ env.AWS_REGION }}"))];
    uses(CREDENTIALS, with)
}

/// Without the repository's token: nothing of ours pushes.
fn checkout() -> Yaml {
    uses(CHECKOUT, [("persist-credentials", Yaml::Bool(false))])
}

fn uses<const N: usize>((action, release): (&str, &str), with: [(&'static str, Yaml); N]) -> Yaml {
    let mut entries = vec![("uses", Yaml::Noted(action.to_owned(), release.to_owned()))];
    if N > 0 {
        entries.push(("with", map(with)));
    }
    map(entries)
}

fn run(name: &str, script: &[String]) -> Yaml {
    map([("name", text(name)), ("run", lines(script))])
}

/// A script. Of the stack it has the program's words only; GitHub reads expressions in it too.
fn lines(script: &[String]) -> Yaml {
    match script {
        [only] => text(plain(only)),
        _ => Yaml::Block(script.iter().map(|line| format!("{}\n", plain(line))).collect()),
    }
}

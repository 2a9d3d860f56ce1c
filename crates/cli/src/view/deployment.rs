//! Deployments as people read about them, and the results that scripts read.

pub(crate) mod progress;
pub(crate) mod screen;
pub(crate) mod tables;

use std::collections::BTreeMap;
use std::time::Duration;

use aomidori_deploy::cloud::Revision;
use aomidori_deploy::decision::Until;
use aomidori_deploy::generations::Generation;
use aomidori_deploy::register::Change;
use aomidori_deploy::{Moment, Outcome, Stage, Timings};
use aomidori_engine::CloudError;
use serde::Serialize;

use super::Paint;
use super::paint::table;
use super::schedule::duration;
pub use tables::{GenerationsResult, TaskRow, TasksResult};
pub(crate) use tables::{generations, tasks};

/// Where production and test traffic can be asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Urls {
    /// What everybody sees.
    pub production: Option<String>,
    /// What shows green before it is live.
    pub test: Option<String>,
}

/// How a command that follows a deployment ended.
#[derive(Clone, Debug, Serialize)]
pub struct DeploymentResult {
    /// The stack.
    pub stack: String,
    /// The service.
    pub service: String,
    /// The deployment; `null` if there is none.
    pub deployment: Option<String>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// The ARN of the revision that was deployed, where this command chose it.
    pub task_definition: Option<String>,
    /// Where it can be looked at.
    pub urls: Urls,
    /// Calls by `service:Operation`.
    pub calls: BTreeMap<String, u64>,
}

/// What a deployment would do.
#[derive(Clone, Debug, Serialize)]
pub struct DeployPlan {
    /// The service.
    pub service: String,
    /// CodeDeploy's configuration; `null` for a rolling service.
    pub config: Option<String>,
    /// The ARN of the revision that is live.
    pub from: Option<String>,
    /// The ARN of the revision that would be.
    pub to: String,
    /// The revision that `changes` compares with.
    pub compared_with: Option<String>,
    /// What would be registered in a new revision.
    pub changes: Vec<Change>,
    /// The image tags that were asked for, by container.
    pub tags: BTreeMap<String, String>,
    /// How long its parts take.
    pub timings: Timings,
    /// How far it would be followed.
    #[serde(skip)]
    pub until: Until,
    /// It re-routes by itself.
    #[serde(skip)]
    pub acts: bool,
}

/// What `--dry-run` found out.
#[derive(Clone, Debug, Serialize)]
pub struct DryRunResult {
    /// Always.
    pub dry_run: bool,
    /// What it would do.
    pub plan: DeployPlan,
    /// The AppSpec; `null` for a rolling service.
    pub appspec: Option<serde_json::Value>,
}

/// What `register` did.
#[derive(Clone, Debug, Serialize)]
pub struct RegisterResult {
    /// The stack.
    pub stack: String,
    /// The service.
    pub service: String,
    /// The family.
    pub family: String,
    /// Nothing was registered, whatever differs.
    pub dry_run: bool,
    /// The ARN of the revision: the new one, or the latest where nothing differs.
    pub task_definition: Option<String>,
    /// Its number.
    pub revision: Option<u32>,
    /// It was registered just now.
    pub new: bool,
    /// The images to run, by container.
    pub images: BTreeMap<String, String>,
    /// The image tags that were asked for, by container.
    pub tags: BTreeMap<String, String>,
    /// What differs from the revision that was the latest before.
    pub changes: Vec<Change>,
}

/// What `appspec` prints.
#[derive(Clone, Debug, Serialize)]
pub struct AppSpecResult {
    /// The service.
    pub service: String,
    /// The ARN of the revision.
    pub task_definition: String,
    /// As CodeDeploy is given it.
    pub appspec: serde_json::Value,
    /// As people write it.
    pub yaml: String,
}

/// What `scale` did.
#[derive(Clone, Debug, Serialize)]
pub struct ScaleResult {
    /// The service.
    pub service: String,
    /// Tasks wanted.
    pub desired: u32,
    /// Tasks that run.
    pub running: u32,
    /// What the stack says; `null` if it leaves that open.
    pub declared: Option<u32>,
}

/// A duration of the cloud's time, and what it is here if the cloud runs fast.
pub(crate) fn lasts(there: Duration, speed: f64) -> String {
    let seconds = there.as_secs();
    let text = duration(seconds);
    if !(speed.is_finite() && speed > 1.5) || seconds == 0 {
        return text;
    }
    let here = there.div_f64(speed).as_secs_f64();
    if here < 10.0 { format!("{text} ({here:.1} s here)") } else { format!("{text} ({here:.0} s here)") }
}

/// `family:7` of an ARN.
pub(crate) fn leaf(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// What `register` would register.
pub(crate) fn registration(
    family: &str,
    current: Option<&Revision>,
    changes: &[Change],
    tags: &BTreeMap<String, String>,
    paint: Paint,
) -> String {
    match (current, changes) {
        (Some(current), []) => format!("{family}:{} is that already: no new revision.\n", current.revision),
        (Some(current), changes) => {
            format!(
                "A new revision of {}, compared with {family}:{}:\n{}",
                paint.bold(family),
                current.revision,
                diff(changes, tags, paint)
            )
        }
        (None, changes) => format!("The first revision of {}:\n{}", paint.bold(family), diff(changes, tags, paint)),
    }
}

/// What differs, a line each. `tags` are the image tags that were asked for, by container.
fn diff(changes: &[Change], tags: &BTreeMap<String, String>, paint: Paint) -> String {
    let tag = |field: &str| {
        let tag = field.strip_suffix(".image").and_then(|container| tags.get(container));
        tag.map(|tag| format!(" ({tag})")).unwrap_or_default()
    };
    let rows: Vec<Vec<String>> = changes
        .iter()
        .map(|Change { field, before, after }| match (before, after) {
            (None, after) => {
                vec![paint.good("+"), field.clone(), format!("{}{}", quoted(after.as_deref()), tag(field))]
            }
            (before, None) => vec![paint.bad("-"), field.clone(), quoted(before.as_deref())],
            (before, after) => vec![
                paint.warn("~"),
                field.clone(),
                format!("{} -> {}{}", quoted(before.as_deref()), quoted(after.as_deref()), tag(field)),
            ],
        })
        .collect();
    table(&rows, 2)
}

fn quoted(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    // The registry's host says nothing that the header does not, and of a digest its beginning is enough.
    let short = text.split_once(".amazonaws.com/").filter(|(host, _)| host.contains(".dkr.ecr."));
    match short.map_or(text, |(_, rest)| rest).split_once("@sha256:") {
        Some((repository, digest)) => {
            let digest: String = digest.chars().take(12).collect();
            format!("\"{repository}@sha256:{digest}…\"")
        }
        None => format!("{:?}", short.map_or(text, |(_, rest)| rest)),
    }
}

/// What a deployment would do, and how long it takes.
pub(crate) fn plan(plan: &DeployPlan, speed: f64, appspec: Option<&str>, paint: Paint) -> String {
    let DeployPlan { service, config, from, to, compared_with, changes, tags, timings, until, acts } = plan;
    let how = match config {
        Some(config) => format!("CodeDeploy, {config}"),
        None => "rolling".to_owned(),
    };
    let mut text = format!("{} ({how})\n", paint.bold(service));
    let from = from.as_deref().map_or("nothing", leaf);
    text.push_str(&format!("  {} -> {}\n", from, paint.name(leaf(to))));
    if !changes.is_empty() {
        let with = compared_with.as_ref().map(|with| format!(" compared with {with}")).unwrap_or_default();
        text.push_str(&format!("  new revision{with}:\n{}", indented(&diff(changes, tags, paint))));
    }
    let [up, shifted, gone] = timings.until();
    let mut rows = Vec::new();
    let mut row = |what: &str, when: String| rows.push(vec![what.to_owned(), when]);
    if config.is_some() {
        row("green is up", format!("after about {}", lasts(up, speed)));
        match (timings.ready, acts) {
            (Some(ready), false) => row(
                "then it waits",
                format!("for `reroute` or `rollback`; CodeDeploy stops it after {}", lasts(ready, speed)),
            ),
            (Some(_), true) => row("then", "it is re-routed by this command".to_owned()),
            (None, _) => {}
        }
        match timings.shift.is_zero() {
            true => row("traffic shifts", "all at once".to_owned()),
            false => row("traffic shifts", format!("within {}", lasts(shifted.saturating_sub(up), speed))),
        }
        match timings.bake.is_zero() {
            true => row("blue", "is terminated at once".to_owned()),
            false => row("blue stays", format!("for {}", lasts(gone.saturating_sub(shifted), speed))),
        }
        let limit = timings.limit(&Stage::Installing { running: 0, desired: 0 });
        row("given up", format!("if green is not up after {}", lasts(limit, speed)));
    } else {
        row("a round takes", format!("about {}", lasts(up, speed)));
        row("given up", format!("after {}", lasts(timings.rolling_limit(1), speed)));
    }
    let until = match (until, config) {
        (Until::Created, _) => "until it is created",
        (_, None) => "to its end",
        (Until::Ready, _) => "until green shows on the test listener",
        (Until::Rerouted, _) => "until all production traffic is on green",
        (Until::Terminated, _) => "until blue is terminated",
    };
    row("followed", until.to_owned());
    text.push_str(&table(&rows, 2));
    if let Some(appspec) = appspec {
        text.push_str(&format!("\n{}\n{appspec}", paint.dim("# AppSpec")));
    }
    text
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// What `reroute` is about to do.
pub(crate) fn rerouting(service: &str, id: &str, timings: &Timings, paint: Paint) -> String {
    let how = match timings.shift.is_zero() {
        true => "all at once".to_owned(),
        false => format!("within {}", duration(timings.shift.as_secs())),
    };
    format!("{}: the deployment {id} shifts production traffic to green, {how}.\n", paint.bold(service))
}

/// What `rollback` is about to do to a deployment that runs.
pub(crate) fn stopping(service: &str, id: &str, stage: &Stage, paint: Paint) -> String {
    let then = match stage {
        Stage::Shifting { .. } | Stage::Shifted { .. } => "production traffic goes back to blue",
        _ => "production stays on blue",
    };
    format!("{}: the deployment {id} ({}) is stopped; {then}.\n", paint.bold(service), stage.name())
}

/// What `rollback --running` says where there is nothing to stop.
pub(crate) fn nothing_runs(service: &str, paint: Paint) -> String {
    format!("{}: no deployment of CodeDeploy's runs; production stays as it is.\n", paint.bold(service))
}

/// What `rollback` is about to go back to.
pub(crate) fn going_back(to: &Generation, paint: Paint) -> String {
    let tag = to.tag.as_ref().map(|tag| format!(", image tag {tag}")).unwrap_or_default();
    let digest = to.image.as_deref().map(|image| format!("\n  {}", quoted(Some(image)))).unwrap_or_default();
    format!("Back to {}: revision {}{tag}{digest}\n", paint.bold(&format!("generation {}", to.number)), to.revision)
}

/// A generation whose image nobody recorded.
pub(crate) fn unknown_digest(to: &Generation, by_tag: &str, paint: Paint) -> String {
    let image = quoted(Some(by_tag));
    let what = "which image that was is not recorded, so it runs what the tag is now";
    format!("{} generation {} names its image by a tag, {image}: {what}\n", paint.warn("warning:"), to.number)
}

/// A generation whose tag is another image now.
pub(crate) fn moved(to: &Generation, by_tag: &str, paint: Paint) -> String {
    let image = quoted(Some(by_tag));
    let what = "its own image comes back by its digest, with the rest of the task definition as the stack has it";
    format!("{} {image} of generation {} is another image now: {what}\n", paint.warn("note:"), to.number)
}

/// The digest of what is live could not be kept in mind.
pub(crate) fn not_recorded(live: &str, error: &CloudError, paint: Paint) -> String {
    let why = super::progress::failure(error);
    let what = "one may not be able to go back to its image once its tag is another one";
    format!("{} the digest of {} could not be recorded ({why}): {what}\n", paint.warn("warning:"), leaf(live))
}

/// The images of the last generations could not be kept.
pub(crate) fn not_protected(error: &CloudError, paint: Paint) -> String {
    let why = super::progress::failure(error);
    let what = "the repository's lifecycle policy may expire images that one could go back to";
    format!("{} the images of the last generations could not be tagged ({why}): {what}\n", paint.warn("warning:"))
}

/// What the stack will say about another number of tasks.
pub(crate) fn scaled_away(service: &str, declared: u32) -> String {
    format!("note: the stack says that {service} has {declared}; the next `up` sets that again\n")
}

/// The local cloud gives whoever looks the time for it.
pub(crate) fn slower(paint: Paint) -> String {
    let text = "The local cloud runs as fast as AWS until the next command over deployments (`--local-speed` fixes its speed).";
    format!("{}\n", paint.dim(text))
}

/// How a deployment ended, and what to do next.
pub(crate) fn ended(
    service: &str,
    outcome: &Outcome,
    by_code_deploy: bool,
    now: Moment,
    speed: f64,
    urls: &Urls,
    paint: Paint,
) -> String {
    let left = |until: &Option<Moment>| until.map(|until| lasts(until.since(now), speed));
    let (headline, next) = match outcome {
        Outcome::Created { id } => {
            (format!("{id} is on its way."), "`attach` follows it, `status` shows where it is.".to_owned())
        }
        Outcome::Ready { id, until } => {
            let stop = left(until).map(|left| format!(" CodeDeploy stops it by itself in {left}.")).unwrap_or_default();
            (
                format!("Test traffic is on {}, production still on blue ({id}).", paint.good("green")),
                format!("Look at it, then `reroute` shifts production to green, or `rollback` stops it.{stop}"),
            )
        }
        Outcome::Rerouted { id, until } => {
            let stays = match left(until) {
                Some(left) => format!("Blue is terminated in {left}; until then `rollback` goes back at once."),
                None => "`rollback` goes back.".to_owned(),
            };
            (format!("All production traffic is on {} ({id}).", paint.good("green")), stays)
        }
        Outcome::Succeeded { id } if by_code_deploy => (
            format!("{}: {id} has succeeded, and what was live before is terminated.", paint.good("Done")),
            "`generations` lists what one can go back to.".to_owned(),
        ),
        Outcome::Succeeded { id } => (format!("{}: {id} has succeeded.", paint.good("Done")), String::new()),
        Outcome::RolledBack { id, .. } => {
            (format!("{id} is stopped, and production is on what was live before."), String::new())
        }
        other => (format!("{service}: {other:?}"), String::new()),
    };
    let mut text = format!("\n{headline}\n");
    let rows: Vec<Vec<String>> = [("production", &urls.production), ("test", &urls.test)]
        .into_iter()
        .filter_map(|(name, url)| Some(vec![name.to_owned(), paint.name(url.as_ref()?)]))
        .collect();
    text.push_str(&table(&rows, 2));
    if !next.is_empty() {
        text.push_str(&format!("{next}\n"));
    }
    text
}

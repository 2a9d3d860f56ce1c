//! Generations and tasks as tables.

use aomidori_deploy::Moment;
use aomidori_deploy::cloud::{TargetHealth, Task, TaskSet};
use aomidori_deploy::generations::{Ended, Generation, Obstacle};
use serde::Serialize;

use super::leaf;
use crate::view::Paint;
use crate::view::paint::table;
use crate::view::schedule::duration;

/// What `generations` found out.
#[derive(Clone, Debug, Serialize)]
pub struct GenerationsResult {
    /// The service.
    pub service: String,
    /// The generation that `rollback` would go back to.
    pub back_to: Option<u32>,
    /// All of them, the oldest first.
    pub generations: Vec<Generation>,
}

/// What `tasks` found out.
#[derive(Clone, Debug, Serialize)]
pub struct TasksResult {
    /// The service.
    pub service: String,
    /// Those that run first, then those that stopped within the last hour.
    pub tasks: Vec<TaskRow>,
}

/// A task, and how it is behind the load balancer.
#[derive(Clone, Debug, Serialize)]
pub struct TaskRow {
    /// The task.
    #[serde(flatten)]
    pub task: Task,
    /// The state of the task set that it is of: `PRIMARY`, `ACTIVE`, `DRAINING`.
    pub task_set: Option<String>,
    /// Its state as a target, with the code of the reason: `healthy`, `unhealthy (Target.Timeout)`.
    pub target: Option<String>,
}

impl TasksResult {
    pub(crate) fn new(
        service: String,
        mut tasks: Vec<Task>,
        sets: &[TaskSet],
        targets: &[TargetHealth],
    ) -> TasksResult {
        tasks.sort_by_key(|task| (task.status == "STOPPED", task.created_at));
        let row = |task: Task| {
            let set = sets.iter().find(|set| set.id == task.started_by).map(|set| set.status.clone());
            let target = targets.iter().find(|target| task.address.as_ref() == Some(&target.address));
            let target = target.filter(|_| task.status != "STOPPED").map(|target| match &target.reason {
                Some(reason) => format!("{} ({reason})", target.state),
                None => target.state.clone(),
            });
            TaskRow { task, task_set: set, target }
        };
        TasksResult { service, tasks: tasks.into_iter().map(row).collect() }
    }
}

/// How long ago, for people.
pub(crate) fn ago(at: Option<Moment>, now: Moment) -> String {
    at.map_or_else(|| "-".to_owned(), |at| format!("{} ago", duration(now.since(at).as_secs())))
}

/// A moment by the cloud's clock, to the second.
pub(crate) fn clock_time(at: Moment) -> String {
    jiff::Timestamp::from_millisecond(at.0)
        .map_or_else(|_| "-".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}

/// Every generation, the oldest first.
pub(crate) fn generations(service: &str, all: &[Generation], now: Moment, paint: Paint) -> String {
    if all.is_empty() {
        return format!("{service} has no generation yet.\n");
    }
    let mut rows = vec![
        ["", "state", "revision", "image tag", "digest", "since", "by", "deployment", ""]
            .map(|title| paint.dim(title))
            .to_vec(),
    ];
    for one in all {
        let state = match one.end {
            Ended::Live => paint.good("live"),
            Ended::Replaced => "replaced".to_owned(),
            Ended::RolledBack => paint.warn("rolled back"),
            Ended::Unfinished => paint.warn("stopped"),
            Ended::Running => paint.warn("on its way"),
            Ended::Unknown => "not known".to_owned(),
        };
        let since = one.at.map_or_else(|| "-".to_owned(), clock_time);
        let obstacle = one.obstacle.as_ref().map(|obstacle| paint.bad(cannot(obstacle))).unwrap_or_default();
        rows.push(vec![
            one.number.to_string(),
            state,
            leaf(&one.task_definition).to_owned(),
            one.tag.clone().unwrap_or_else(|| "-".to_owned()),
            digest_of(one.image.as_deref()),
            since,
            one.who.as_deref().map_or("-", who).to_owned(),
            one.deployment.as_deref().map_or("created with the service", leaf).to_owned(),
            obstacle,
        ]);
    }
    let mut text = format!("{}\n{}", paint.bold(service), table(&rows, 2));
    if let Some(back) = aomidori_deploy::generations::back_to(all, None) {
        text.push_str(&format!(
            "`rollback` goes back to generation {} ({}), `rollback --to N` to any other.\n",
            back.number,
            ago(back.at, now)
        ));
    }
    text
}

fn cannot(obstacle: &Obstacle) -> &'static str {
    match obstacle {
        Obstacle::RevisionInactive => "its revision was deregistered",
        Obstacle::RevisionGone => "its revision is gone",
        Obstacle::ImageGone(_) => "its image is gone",
    }
}

fn digest_of(image: Option<&str>) -> String {
    let digest = image.and_then(|image| image.split_once("@sha256:")).map(|(_, digest)| digest);
    digest.map_or_else(|| "-".to_owned(), |digest| digest.chars().take(12).collect())
}

/// The name in an ARN: `role/session` of an assumed role.
fn who(arn: &str) -> &str {
    let resource = arn.rsplit(':').next().unwrap_or(arn);
    resource.split_once('/').map_or(resource, |(_, name)| name)
}

/// The tasks of a service.
pub(crate) fn tasks(result: &TasksResult, rolling: bool, now: Moment, paint: Paint) -> String {
    if result.tasks.is_empty() {
        return format!("{} has no tasks.\n", result.service);
    }
    let titles: Vec<&str> = match rolling {
        true => vec!["task", "status", "health", "target", "revision", "address", "zone", "started"],
        false => vec!["task", "status", "health", "target", "set", "revision", "address", "zone", "started"],
    };
    let mut rows = vec![titles.into_iter().map(|title| paint.dim(title)).collect::<Vec<_>>()];
    let mut stopped = Vec::new();
    for TaskRow { task, task_set, target } in &result.tasks {
        let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let status = match task.status.as_str() {
            "RUNNING" => paint.good("RUNNING"),
            other => paint.warn(other),
        };
        let mut row = vec![task.id.clone(), status, task.health.clone(), dash(target)];
        if !rolling {
            row.push(dash(task_set));
        }
        row.extend([
            leaf(&task.task_definition).to_owned(),
            dash(&task.address),
            dash(&task.zone),
            ago(task.created_at, now),
        ]);
        rows.push(row);
        if task.status == "STOPPED" {
            let why = task.stopped_reason.as_deref().or(task.stop_code.as_deref()).unwrap_or("no reason given");
            let containers =
                if task.containers.is_empty() { String::new() } else { format!(" ({})", task.containers.join(", ")) };
            stopped.push(vec![task.id.clone(), ago(task.stopped_at, now), format!("{why}{containers}")]);
        }
    }
    let mut text = format!("{}\n{}", paint.bold(&result.service), table(&rows, 2));
    if !stopped.is_empty() {
        text.push_str(&format!("\n{}\n{}", paint.bold("why they stopped"), table(&stopped, 2)));
    }
    text
}

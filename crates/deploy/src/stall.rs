//! A deployment that gets nowhere is ended early, with its cause (design law 7): a pure look at its tasks and targets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cloud::{TargetHealth, Task};
use crate::time::Moment;

/// How many tasks have to stop for the same reason.
pub const CRASHES: usize = 3;

/// What tasks and targets say about a deployment that gets nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Reasons for which tasks stopped, the most frequent first, with how many did.
    pub stopped: Vec<(String, usize)>,
    /// States of targets with the codes of their reasons, with how many are so.
    pub targets: Vec<(String, usize)>,
}

/// What the tasks that `started_by` (a task set, a rolling deployment) started since `began` say; evidence of a stall if
/// at least [`CRASHES`] of them stopped for one reason while none of `healthy` targets is.
pub fn evidence(tasks: &[Task], targets: &[TargetHealth], started_by: &str, began: Moment) -> (Evidence, bool) {
    let of_it = |task: &&Task| task.started_by == started_by || started_by.is_empty();
    let stopped = tasks
        .iter()
        .filter(of_it)
        .filter(|task| task.status == "STOPPED" && task.created_at.is_none_or(|at| at >= began))
        // ECS stops tasks itself when the number of tasks goes down.
        .filter(|task| task.stop_code.as_deref() != Some("ServiceSchedulerInitiated") || failed_checks(task));
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for task in stopped {
        *reasons.entry(reason(task)).or_default() += 1;
    }
    let mut codes: BTreeMap<String, usize> = BTreeMap::new();
    for target in targets {
        let text = match &target.reason {
            Some(code) => format!("{} ({code})", target.state),
            None => target.state.clone(),
        };
        *codes.entry(text).or_default() += 1;
    }
    let healthy = targets.iter().any(|target| target.state == "healthy");
    let stalled = !healthy && reasons.values().any(|count| *count >= CRASHES);
    (Evidence { stopped: by_count(reasons), targets: by_count(codes) }, stalled)
}

fn failed_checks(task: &Task) -> bool {
    task.stopped_reason.as_ref().is_some_and(|reason| reason.to_ascii_lowercase().contains("health check"))
}

fn by_count(counts: BTreeMap<String, usize>) -> Vec<(String, usize)> {
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(text, count)| (std::cmp::Reverse(*count), text.clone()));
    counts
}

/// Why a task stopped, without what differs between tasks that stopped for one reason: ids, ports and addresses.
fn reason(task: &Task) -> String {
    let text = task.stopped_reason.as_deref().or(task.stop_code.as_deref()).unwrap_or("no reason given");
    let words = text.split_whitespace().filter(|word| {
        let digits = word.chars().filter(char::is_ascii_hexdigit).count();
        // `(port`, `80)`, task ids and addresses.
        !(word.len() >= 16 && digits * 10 > word.len() * 8 || word.parse::<std::net::IpAddr>().is_ok())
    });
    let text = words.collect::<Vec<_>>().join(" ");
    if task.containers.is_empty() { text } else { format!("{text} ({})", task.containers.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stopped(id: u32, reason: &str) -> Task {
        Task {
            id: id.to_string(),
            started_by: "ecs-svc/2".into(),
            status: "STOPPED".into(),
            created_at: Some(Moment(10)),
            stopped_reason: Some(reason.into()),
            stop_code: Some("EssentialContainerExited".into()),
            containers: vec!["web: exit code 1".into()],
            ..Task::default()
        }
    }

    fn target(state: &str, reason: Option<&str>) -> TargetHealth {
        TargetHealth {
            address: "10.0.0.1".into(),
            state: state.into(),
            reason: reason.map(str::to_owned),
            description: None,
        }
    }

    #[test]
    fn three_tasks_that_stop_for_one_reason_are_a_stall() {
        let crash = "Essential container in task exited";
        let mut tasks = vec![stopped(1, crash), stopped(2, crash)];
        let sick = [target("unhealthy", Some("Target.ResponseCodeMismatch"))];
        assert!(!evidence(&tasks, &sick, "ecs-svc/2", Moment(0)).1);
        tasks.push(stopped(3, crash));
        let (found, stalled) = evidence(&tasks, &sick, "ecs-svc/2", Moment(0));
        assert!(stalled);
        assert_eq!(found.stopped, [(format!("{crash} (web: exit code 1)"), 3)]);
        assert_eq!(found.targets, [("unhealthy (Target.ResponseCodeMismatch)".to_owned(), 1)]);
    }

    #[test]
    fn what_is_no_stall() {
        let crash = "Essential container in task exited";
        let tasks = [stopped(1, crash), stopped(2, crash), stopped(3, crash)];
        // One that got through, tasks of another task set, tasks of an earlier attempt.
        assert!(!evidence(&tasks, &[target("healthy", None)], "ecs-svc/2", Moment(0)).1);
        assert!(!evidence(&tasks, &[], "ecs-svc/1", Moment(0)).1);
        assert!(!evidence(&tasks, &[], "ecs-svc/2", Moment(11)).1);
        // Three reasons, once each.
        let tasks = [stopped(1, crash), stopped(2, "OutOfMemoryError"), stopped(3, "CannotPullContainerError")];
        assert!(!evidence(&tasks, &[], "ecs-svc/2", Moment(0)).1);
        // Scaled in.
        let scaled: Vec<Task> = (1..=3)
            .map(|id| Task { stop_code: Some("ServiceSchedulerInitiated".into()), ..stopped(id, "Scaling activity") })
            .collect();
        assert!(!evidence(&scaled, &[], "ecs-svc/2", Moment(0)).1);
    }

    #[test]
    fn reasons_with_ids_in_them_are_one_reason() {
        let failed = |id: &str| Task {
            stop_code: Some("ServiceSchedulerInitiated".into()),
            ..stopped(1, &format!("Task {id} failed ELB health checks in (target-group web)"))
        };
        let tasks = [
            "4f2c9e0aa1b34c5d8e7f60718293a4b5",
            "0f2c9e0aa1b34c5d8e7f60718293a4b5",
            "1f2c9e0aa1b34c5d8e7f60718293a4b5",
        ]
        .map(failed);
        assert!(evidence(&tasks, &[], "ecs-svc/2", Moment(0)).1);
    }
}

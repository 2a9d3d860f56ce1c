//! Progress of a deployment, a line an event.

use aomidori_deploy::cloud::{LifeCycle, LifeCycleStatus, Side, Task, WeighedTaskSet};
use aomidori_deploy::event::{Event, Record};
use aomidori_deploy::{Moment, Stage};

use super::lasts;
use crate::view::Paint;
use crate::view::progress::failure;
use crate::view::schedule::about;

/// The line that an event is worth; `None` for none. `verbose` 1 adds every call and life-cycle event.
pub(crate) fn line(record: &Record, verbose: u8, now: Moment, speed: f64, paint: Paint) -> Option<String> {
    let said = verbose > 0;
    Some(match &record.event {
        Event::Called { operation, id } => match (operation.as_str(), id) {
            ("codedeploy:CreateDeployment", Some(id)) => format!("{} {} created", paint.good("+"), paint.name(id)),
            _ if said => format!("{operation} {}", id.as_deref().unwrap_or_default()).trim_end().to_owned(),
            _ => return None,
        },
        Event::Retrying { error } => format!("{} {}", paint.warn("retry"), failure(error)),
        Event::Stage { id, stage, usually_ms, until } => {
            let mut text = format!("{} {}", paint.name(id), entered(stage));
            if *usually_ms >= 2000 && !stage.is_over() && !matches!(stage, Stage::Ready { .. } | Stage::Shifted { .. })
            {
                text.push_str(&format!(", usually {}", about(usually_ms / 1000)));
            }
            if let (true, Some(until)) = (said, until) {
                text.push_str(&format!(", given up in {}", lasts(until.since(now), speed)));
            }
            text
        }
        Event::LifeCycle { id: _, event: LifeCycle { name, status, diagnostics, .. } } => match (status, diagnostics) {
            (LifeCycleStatus::Failed, why) => {
                format!(
                    "{} {name} failed{}",
                    paint.bad("!"),
                    why.as_ref().map(|why| format!(": {why}")).unwrap_or_default()
                )
            }
            (status, _) if said => format!("  {name}: {}", words(*status)),
            _ => return None,
        },
        Event::TaskSets { id: _, sets } => return shares(sets, paint),
        Event::TaskStopped { task } => stopped(task, paint),
        Event::Service { event } => paint.dim(&format!("  {}", brief(&event.message))),
        Event::Probed { url, got, right } => {
            let mark = if *right { paint.good("ok") } else { paint.warn("not yet") };
            format!("  probe {url}: {got} ({mark})")
        }
        Event::RollingBack { id, by } => {
            let by = by.as_ref().map(|by| format!(", by {by}")).unwrap_or_default();
            format!("{} {id} is being rolled back{by}", paint.warn("back:"))
        }
        Event::Heartbeat { id: _, stage, left_ms } => {
            let stage = stage.as_ref().map_or_else(|| "waiting".to_owned(), now_at);
            match left_ms {
                0..1000 => format!("… {stage}"),
                left => format!("… {stage}, about {} left", about(left / 1000)),
            }
        }
        // The summary says it.
        Event::Ended { .. } => return None,
        // Events that are newer than this view.
        #[allow(unreachable_patterns, reason = "the enum may grow")]
        _ => return None,
    })
}

/// A stage that has begun.
fn entered(stage: &Stage) -> String {
    match stage {
        Stage::Created => "waits for CodeDeploy to start it".to_owned(),
        Stage::Installing { .. } => "new tasks start".to_owned(),
        Stage::TestTraffic => "test traffic goes to green".to_owned(),
        Stage::Ready { .. } => "green is up; production waits on blue for the word to re-route".to_owned(),
        Stage::Shifting { .. } => "production traffic shifts to green".to_owned(),
        Stage::Shifted { .. } => "all production traffic is on green; blue waits to be terminated".to_owned(),
        Stage::Succeeded => "has succeeded".to_owned(),
        Stage::Failed => "has failed".to_owned(),
        Stage::Stopped => "was stopped".to_owned(),
    }
}

/// A stage that goes on.
pub(super) fn now_at(stage: &Stage) -> String {
    match stage {
        Stage::Installing { running, desired } if *desired > 0 => format!("{running} of {desired} new tasks run"),
        Stage::Shifting { percent } => format!("{percent:.0} % of production traffic is on green"),
        other => other.name().to_owned(),
    }
}

fn words(status: LifeCycleStatus) -> &'static str {
    match status {
        LifeCycleStatus::Pending => "pending",
        LifeCycleStatus::InProgress => "in progress",
        LifeCycleStatus::Succeeded => "succeeded",
        LifeCycleStatus::Failed => "failed",
        LifeCycleStatus::Skipped => "skipped",
        LifeCycleStatus::Unknown => "unknown",
    }
}

/// Who has how much of production; nothing while all of it is where it was.
fn shares(sets: &[WeighedTaskSet], paint: Paint) -> Option<String> {
    let share = |side: Side| sets.iter().find(|set| set.side == Some(side)).map(|set| set.weight);
    let green = share(Side::Green)?;
    let blue = share(Side::Blue).unwrap_or(100.0 - green);
    let partly = green > 0.0 && green < 100.0;
    partly.then(|| format!("  production: blue {blue:.0} %, {} {green:.0} %", paint.good("green")))
}

fn stopped(task: &Task, paint: Paint) -> String {
    let reason = task.stopped_reason.as_deref().or(task.stop_code.as_deref()).unwrap_or("no reason given");
    let containers =
        if task.containers.is_empty() { String::new() } else { format!(" ({})", task.containers.join(", ")) };
    let id: String = task.id.chars().take(8).collect();
    format!("{} task {id} stopped: {}{containers}", paint.warn("!"), brief(reason))
}

/// ECS's words with names in place of ARNs.
pub(crate) fn brief(text: &str) -> String {
    let word = |word: &str| {
        let Some(at) = word.find("arn:aws") else { return word.to_owned() };
        let (before, arn) = word.split_at(at);
        let end = arn.find([')', ',']).unwrap_or(arn.len());
        let (arn, after) = arn.split_at(end);
        let resource = arn.splitn(6, ':').nth(5).unwrap_or(arn);
        // `targetgroup/NAME/ID`, `task-definition/FAMILY:REVISION`.
        let name = resource.split('/').nth(1).unwrap_or(resource);
        format!("{before}{name}{after}")
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::brief;

    #[test]
    fn arns_are_named() {
        let arn = "arn:aws:elasticloadbalancing:r:1:targetgroup/shop-green/f408a9f7aa61f2bf";
        let said = format!("(service web) registered 1 targets in (target-group {arn})");
        assert_eq!(brief(&said), "(service web) registered 1 targets in (target-group shop-green)");
        assert_eq!(brief("Essential container in task exited"), "Essential container in task exited");
    }
}

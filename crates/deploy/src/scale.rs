//! Another number of tasks, and the wait until they run.

use std::time::Duration;

use aomidori_engine::cloud::{CloudError, ErrorKind};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::cloud::{DeployCloud, Service, ServiceChange};
use crate::drive::{DriveOptions, Place};
use crate::event::{Event, Events, millis};
use crate::stage::Stage;
use crate::stall;
use crate::time::Timings;

/// How scaling a service ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Scaled {
    /// It has as many tasks as wanted, or nobody wanted to wait for them.
    Done(Service),
    /// The tasks do not come: they keep stopping for one reason, or it took longer than it can.
    Stuck(Service),
    /// Nobody waits any more; ECS goes on.
    Left(Service),
}

/// Sets how many tasks a service has, and waits until they run.
///
/// # Errors
/// AWS refuses it, or cannot be asked for longer than the options' patience.
pub async fn scale<C: DeployCloud>(
    cloud: &C,
    place: &Place,
    (desired, wait): (u32, bool),
    timings: &Timings,
    options: &DriveOptions,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<Scaled, CloudError> {
    let began = options.clock.now();
    let change = ServiceChange { task_definition: None, desired: Some(desired) };
    let mut service = cloud.update_service(&place.at, &change).await?;
    events.send(Event::Called { operation: "ecs:UpdateService".into(), id: None });
    let mut failing = None;
    let mut heard = tokio::time::Instant::now();
    for look in 0_u32.. {
        if !wait || is_steady(&service, desired) {
            return Ok(Scaled::Done(service));
        }
        if cancel.is_cancelled() {
            return Ok(Scaled::Left(service));
        }
        let since = options.clock.now().since(began);
        if since > timings.rolling_limit(1) || stalled(cloud, place, &service, began, timings, options).await {
            return Ok(Scaled::Stuck(service));
        }
        if heard.elapsed() >= options.heartbeat {
            heard = tokio::time::Instant::now();
            let stage = Stage::Installing { running: service.running, desired };
            let left_ms = millis((timings.start + timings.health).saturating_sub(since));
            events.send(Event::Heartbeat { id: None, stage: Some(stage), left_ms });
        }
        let pause = options.clock.here(options.poll.interval(look)).max(Duration::from_millis(20));
        tokio::select! {
            () = sleep(pause) => {}
            () = cancel.cancelled() => {}
        }
        match cloud.service(&place.at).await {
            Ok(Some(now)) => (service, failing) = (now, None),
            Ok(None) => {}
            Err(error) if passes(&error) => {
                let since = *failing.get_or_insert_with(tokio::time::Instant::now);
                if since.elapsed() > options.patience {
                    return Err(error);
                }
                events.send(Event::Retrying { error });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Scaled::Left(service))
}

fn passes(error: &CloudError) -> bool {
    matches!(error.kind, ErrorKind::Throttled | ErrorKind::Unknown | ErrorKind::NotYet | ErrorKind::Unreachable)
}

/// What is live has all its tasks. Those of a side that is on its way out, or of one that is deployed, do not count.
fn is_steady(service: &Service, desired: u32) -> bool {
    let live = service.task_sets.iter().find(|set| set.status == "PRIMARY");
    let (wanted, running, pending) = match live {
        Some(set) => (set.desired, set.running, set.pending),
        None => (service.desired, service.running, service.pending),
    };
    service.desired == desired && wanted == desired && running == desired && pending == 0
}

/// Its new tasks keep stopping. Whoever cannot be asked says nothing.
async fn stalled<C: DeployCloud>(
    cloud: &C,
    place: &Place,
    service: &Service,
    began: crate::time::Moment,
    timings: &Timings,
    options: &DriveOptions,
) -> bool {
    // A task that starts as it should does not stop within the time that it takes to start.
    if service.running >= service.desired || options.clock.now().since(began) <= timings.start {
        return false;
    }
    let Ok(tasks) = cloud.tasks(&place.at).await else { return false };
    stall::evidence(&tasks, &[], "", began).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::TaskSet;

    #[test]
    fn only_what_is_live_counts() {
        let set =
            |status: &str, desired, running| TaskSet { status: status.into(), desired, running, ..TaskSet::default() };
        let mut service = Service { desired: 2, running: 3, pending: 1, ..Service::default() };
        assert!(!is_steady(&service, 2), "three run");
        service.task_sets = vec![set("PRIMARY", 2, 2), set("DRAINING", 1, 0), set("ACTIVE", 2, 1)];
        assert!(is_steady(&service, 2));
        assert!(!is_steady(&service, 3), "not wanted yet");
        service.task_sets[0] = set("PRIMARY", 2, 1);
        assert!(!is_steady(&service, 2));
    }
}

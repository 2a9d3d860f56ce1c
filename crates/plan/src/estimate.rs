//! How long steps usually take on AWS: what their kinds say, and what single resources add.

use aomidori_model::kinds::{EcsService, TargetGroup};
use aomidori_model::{Address, KindName, Resource, Stack, Value};

use crate::Estimate;
use crate::live::{Live, LiveSet};

/// How long draining takes where a target group does not say (aws-facts 2.20).
const DEREGISTRATION_DELAY: u32 = 300;

/// The creation of a wanted resource.
pub(crate) fn creation(want: &Stack, address: &Address, kind: KindName) -> Estimate {
    Estimate { call: kind.info().timing.create, finish: ready(want, address, kind) }
}

/// From the call until a wanted resource is ready, in seconds.
pub(crate) fn ready(want: &Stack, address: &Address, kind: KindName) -> u32 {
    let own = match want.get(address).map(|entry| &entry.resource) {
        Some(Resource::EcsService(service)) => health_checks(want, service),
        _ => 0,
    };
    kind.info().timing.ready + own
}

/// The deletion of a live resource that takes `call` seconds to ask for.
pub(crate) fn removal(live: &LiveSet<'_>, found: &Live<'_>, call: u32) -> Estimate {
    let usual = found.seen.kind.info().timing.delete;
    let own = if found.seen.kind == KindName::EcsService { draining(live, found) } else { 0 };
    Estimate { call, finish: usual.max(own) }
}

/// A service behind a load balancer is steady once its targets are healthy.
fn health_checks(want: &Stack, service: &EcsService) -> u32 {
    if service.desired_count == Some(0) {
        return 0;
    }
    let groups = service.targets().into_iter().map(|(group, _, _)| match want.find::<TargetGroup>(group) {
        Some((_, group)) => group.health_check.seconds_until_healthy(),
        None => aomidori_model::kinds::target_group::HealthCheck::default().seconds_until_healthy(),
    });
    groups.max().unwrap_or_default()
}

/// The tasks of a service that is deleted stop when its targets have drained.
fn draining(live: &LiveSet<'_>, service: &Live<'_>) -> u32 {
    if *service.value("desired_count") == Value::Int(0) {
        return 0;
    }
    let groups = service.uses.keys().filter_map(|used| live.get(*used));
    let groups = groups.filter(|used| used.seen.kind == KindName::TargetGroup);
    let delays = groups.map(|group| match group.value("attributes") {
        Value::Map(attributes) => attributes
            .get("deregistration_delay.timeout_seconds")
            .and_then(|delay| delay.as_str()?.parse().ok())
            .unwrap_or(DEREGISTRATION_DELAY),
        _ => DEREGISTRATION_DELAY,
    });
    delays.max().unwrap_or_default()
}

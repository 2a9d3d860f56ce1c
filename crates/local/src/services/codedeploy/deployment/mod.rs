//! Deployments of ECS services: blue/green, as CodeDeploy does them.
//!
//! [`create`] checks what is asked for ([`appspec`], [`revision`]) and makes a deployment, [`life`] takes it from one
//! stage to the next on the simulated clock: [`install`] makes the green task set and awaits it, [`shift`] rewrites
//! listeners and rules. [`steer`] continues and stops, [`rollback`] makes the deployment that goes back, [`alarm`] stops on
//! alarms, [`permit`] asks what the service role allows. [`read`] and [`target`] describe.
//!
//! Beliefs that no source confirms: a rollback has the same life-cycle events, those that it does not need `Skipped`; a
//! deployment that begins while an older one's task sets are left (stopped without rollback) first routes both listeners
//! to the PRIMARY task set and deletes the others; the deployment of a group that is deleted fails
//! (`DEPLOYMENT_GROUP_MISSING`) and leaves listeners and task sets as they are. There is no Lambda here: a hook fails with
//! `HOOK_EXECUTION_FAILURE`.

pub(super) mod alarm;
mod appspec;
pub(super) mod create;
mod install;
mod life;
mod permit;
pub(super) mod read;
pub(super) mod revision;
mod rollback;
mod shift;
pub(super) mod steer;
pub(super) mod target;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::services::codedeploy::group::{Alarms, AutoRollback, BlueGreen, EcsService, LoadBalancerInfo, Style};
use crate::world::Cx;

pub(crate) use self::alarm::changed as alarm_changed;
pub(crate) use self::install::service_changed;
use self::revision::Revision;

/// One deployment, running or over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Deployment {
    id: String,
    /// Later ones have greater numbers.
    number: u64,
    application: String,
    group: String,
    group_id: String,
    config: String,
    routing: Routing,
    revision: Revision,
    previous: Option<Revision>,
    spec: appspec::AppSpec,
    role: String,
    service: EcsService,
    service_arn: String,
    style: Style,
    balancer: LoadBalancerInfo,
    blue_green: BlueGreen,
    rollback: Option<AutoRollback>,
    alarms: Option<Alarms>,
    /// Given for this deployment alone.
    override_alarms: Option<Alarms>,
    description: Option<String>,
    /// The deployment that this one takes back, if it does.
    undoes: Option<String>,
    rollback_info: Option<Value>,
    file_exists: String,

    status: String,
    error: Option<Problem>,
    created: Time,
    started: Option<Time>,
    completed: Option<Time>,
    stage: Stage,
    /// What was scheduled for an earlier turn is void.
    turn: u64,
    events: Vec<LifecycleEvent>,
    target_status: String,
    target_updated: Time,
    /// PRIMARY when the deployment began.
    blue: Side,
    /// Its task set is made by Install.
    green: Side,
    /// How much production traffic goes to green, in percent.
    shifted: u32,
    /// Listeners or rules were rewritten: there is something to take back.
    touched: bool,
    termination_wait: bool,
    /// A stop was asked for, with rollback or without.
    stopping: Option<bool>,
    /// What the target said of its task sets at the end.
    task_sets: Vec<Value>,
}

/// A task set and its target group, by id and ARN.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Side {
    set: String,
    group: String,
    group_name: String,
}

/// Why a deployment ended as it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Problem {
    code: String,
    message: String,
}

impl Problem {
    fn new(code: &str, message: impl Into<String>) -> Problem {
        Problem { code: code.to_owned(), message: message.into() }
    }
}

/// How production traffic is shifted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Routing {
    AllAtOnce,
    /// Percent, then after so many minutes the rest.
    Canary(u32, u64),
    /// Percent every so many minutes.
    Linear(u32, u64),
}

impl Routing {
    /// From a configuration's `trafficRoutingConfig`.
    fn of(config: &Value) -> Routing {
        let step = |value: &Value, percent: &str, minutes: &str| {
            let percent = value[percent].as_u64().and_then(|p| u32::try_from(p).ok()).unwrap_or(100);
            (percent.clamp(1, 100), value[minutes].as_u64().unwrap_or(0))
        };
        match config["type"].as_str() {
            Some("TimeBasedCanary") => {
                let (percent, minutes) = step(&config["timeBasedCanary"], "canaryPercentage", "canaryInterval");
                Routing::Canary(percent, minutes)
            }
            Some("TimeBasedLinear") => {
                let (percent, minutes) = step(&config["timeBasedLinear"], "linearPercentage", "linearInterval");
                Routing::Linear(percent, minutes)
            }
            _ => Routing::AllAtOnce,
        }
    }

    /// What green gets next, and how long that stays.
    fn next(self, shifted: u32) -> (u32, Duration) {
        let minutes = |m: u64| Duration::from_secs(m * 60);
        match self {
            Routing::Canary(percent, wait) if shifted < percent => (percent, minutes(wait)),
            Routing::Linear(percent, wait) if shifted + percent < 100 => (shifted + percent, minutes(wait)),
            _ => (100, Duration::ZERO),
        }
    }
}

/// Where a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    Created,
    BeforeInstall,
    Install,
    AfterInstall,
    AllowTestTraffic,
    AfterAllowTestTraffic,
    /// READY_WAIT.
    Ready,
    BeforeAllowTraffic,
    AllowTraffic,
    AfterAllowTraffic,
    /// TERMINATION_WAIT.
    TerminationWait,
    Terminating,
    Over,
}

impl Stage {
    /// The life-cycle event of that name, if it is one.
    fn event(self) -> Option<&'static str> {
        Some(match self {
            Stage::BeforeInstall => "BeforeInstall",
            Stage::Install => "Install",
            Stage::AfterInstall => "AfterInstall",
            Stage::AllowTestTraffic => "AllowTestTraffic",
            Stage::AfterAllowTestTraffic => "AfterAllowTestTraffic",
            Stage::BeforeAllowTraffic => "BeforeAllowTraffic",
            Stage::AllowTraffic => "AllowTraffic",
            Stage::AfterAllowTraffic => "AfterAllowTraffic",
            Stage::Created | Stage::Ready | Stage::TerminationWait | Stage::Terminating | Stage::Over => return None,
        })
    }
}

/// All events, in their order.
const EVENTS: &[Stage] = &[
    Stage::BeforeInstall,
    Stage::Install,
    Stage::AfterInstall,
    Stage::AllowTestTraffic,
    Stage::AfterAllowTestTraffic,
    Stage::BeforeAllowTraffic,
    Stage::AllowTraffic,
    Stage::AfterAllowTraffic,
];

/// A life-cycle event of the target.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct LifecycleEvent {
    name: String,
    status: String,
    start: Option<Time>,
    end: Option<Time>,
    diagnostics: Option<Value>,
}

impl Deployment {
    /// Whether it is not over.
    fn is_active(&self) -> bool {
        self.stage != Stage::Over
    }

    /// `CLUSTER:SERVICE`
    fn target_id(&self) -> String {
        format!("{}:{}", self.service.cluster_name, self.service.service_name)
    }

    /// The listener of a traffic route.
    fn listener(&self, test: bool) -> Option<&str> {
        let pair = self.balancer.target_group_pair_info_list.first()?;
        let route = if test { pair.test_traffic_route.as_ref() } else { pair.prod_traffic_route.as_ref() };
        route?.listener_arns.first().map(String::as_str)
    }

    /// How long READY_WAIT lasts; none without such a wait.
    fn ready_wait(&self) -> Option<Duration> {
        let ready = self.blue_green.deployment_ready_option.as_ref()?;
        let minutes = u64::try_from(ready.wait_time_in_minutes).unwrap_or(0);
        (ready.action_on_timeout == "STOP_DEPLOYMENT").then(|| Duration::from_secs(minutes * 60))
    }

    /// How long blue stays after the shift.
    fn termination_wait(&self) -> Duration {
        let terminate = self.blue_green.terminate_blue_instances_on_deployment_success.as_ref();
        let minutes = terminate.map_or(0, |t| u64::try_from(t.termination_wait_time_in_minutes).unwrap_or(0));
        Duration::from_secs(minutes * 60)
    }

    fn rolls_back_on(&self, event: &str) -> bool {
        self.rollback.as_ref().is_some_and(|r| r.enabled && r.events.iter().any(|e| e == event))
    }

    fn event(&mut self, stage: Stage) -> Option<&mut LifecycleEvent> {
        let name = stage.event()?;
        self.events.iter_mut().find(|e| e.name == name)
    }
}

/// The events of a target; those of the test traffic only where there is a test listener.
fn events(with_test: bool) -> Vec<LifecycleEvent> {
    let is_test = |stage: &Stage| matches!(stage, Stage::AllowTestTraffic | Stage::AfterAllowTestTraffic);
    let names = EVENTS.iter().filter(|stage| with_test || !is_test(stage)).filter_map(|stage| stage.event());
    let one = |name: &str| LifecycleEvent {
        name: name.to_owned(),
        status: "Pending".to_owned(),
        start: None,
        end: None,
        diagnostics: None,
    };
    names.map(one).collect()
}

/// A deployment by the id that a user gave.
fn find<'c>(cx: &'c mut Cx<'_>, id: Option<&str>) -> Result<&'c mut Deployment> {
    let Some(id) = id else { return fail!("DeploymentIdRequiredException", "Deployment ID was not provided") };
    let legal = |rest: &str| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric());
    if !id.strip_prefix("d-").is_some_and(legal) {
        return fail!("InvalidDeploymentIdException", "Specified DeploymentId is not in the valid format: {id}");
    }
    let found = cx.codedeploy().deployments.get_mut(id);
    found.ok_or_else(|| {
        ApiError::new("DeploymentDoesNotExistException", format!("The deployment {id} could not be found"))
    })
}

/// A deployment that is not over.
fn active<'c>(cx: &'c mut Cx<'_>, id: &str) -> Option<&'c mut Deployment> {
    cx.codedeploy().deployments.get_mut(id).filter(|d| d.is_active())
}

/// The id of a group's deployment that is not over.
pub(super) fn active_of(cx: &mut Cx<'_>, application: &str, group: &str) -> Option<String> {
    let mut own = cx.codedeploy().deployments.values();
    own.find(|d| d.is_active() && d.application == application && d.group == group).map(|d| d.id.clone())
}

/// What a deployment group says of its deployments: the last successful, the last attempted, and the target revision.
pub(super) fn of_group(
    deployments: &BTreeMap<String, Deployment>,
    application: &str,
    group: &str,
) -> (Value, Value, Value) {
    let own = || deployments.values().filter(|d| d.application == application && d.group == group);
    let info = |d: &Deployment| {
        json!({
            "deploymentId": d.id,
            "status": d.status,
            "endTime": d.completed.map(Time::epoch_seconds),
            "createTime": d.created.epoch_seconds(),
        })
    };
    let successful = own().filter(|d| d.status == "Succeeded").max_by_key(|d| d.number);
    let attempted = own().max_by_key(|d| d.number);
    (
        successful.map(info).unwrap_or_default(),
        attempted.map(info).unwrap_or_default(),
        successful.map(|d| d.revision.location(false)).unwrap_or_default(),
    )
}

/// An application, or a group of it, has another name.
pub(super) fn renamed(cx: &mut Cx<'_>, application: (&str, &str), group: Option<(&str, &str)>) {
    for d in cx.codedeploy().deployments.values_mut().filter(|d| d.application == application.0) {
        if let Some((_, new)) = group.filter(|(old, _)| *old == d.group) {
            new.clone_into(&mut d.group);
        }
        application.1.clone_into(&mut d.application);
    }
}

/// A group is gone: its running deployment has failed, and leaves everything as it is.
pub(super) fn group_deleted(cx: &mut Cx<'_>, application: &str, group: &str) {
    if let Some(id) = active_of(cx, application, group) {
        let problem = Problem::new("DEPLOYMENT_GROUP_MISSING", format!("The deployment group {group} was deleted."));
        life::finish(cx, &id, "Failed", Some(problem));
    }
}

/// An application is gone, and with it the history of its deployments.
pub(super) fn application_deleted(cx: &mut Cx<'_>, application: &str) {
    cx.codedeploy().deployments.retain(|_, d| d.application != application);
}

/// What happens later by itself.
pub(super) fn on_event(cx: &mut Cx<'_>, body: &Value) {
    let id = body["id"].as_str().unwrap_or_default();
    match body["kind"].as_str() {
        Some("step") => life::step(cx, id, body["turn"].as_u64().unwrap_or(0)),
        Some("stop") => steer::stop_now(cx, id),
        Some("alarms") => alarm::look(cx, id),
        _ => {}
    }
}

//! The environment as a person thinks of it: traffic, services, deployments, what is missing, what is billed.
//!
//! Times are the cloud's own, in seconds; a local cloud may run faster than this machine.

mod deployment;
mod facts;
mod lines;
mod service;
mod traffic;

use std::collections::BTreeMap;

use aomidori_deploy::Moment;
use aomidori_engine::Lease;
use aomidori_model::{Address, KindName, Stack, Target as RefTarget, Value};
use aomidori_plan::{Notice, Observation, Observed, Ownership, Plan, Status, Summary};
use serde::Serialize;

pub use self::deployment::{End, Last, Running};
pub(crate) use self::facts::{Facts, ServiceFacts};
pub use self::service::{Event, Rollout, Service, Set, Side, Stopped, TargetState, Tasks, Version};
pub use self::traffic::{Forward, Route, Rule, Targets, Traffic, Use};
use super::paint::{table, wrap};
use super::plan::Header;
use super::{Paint, show};
use crate::args::Target;
use crate::error::count;

/// How the environment is.
#[derive(Clone, Debug, Serialize)]
pub struct StatusResult {
    /// The stack.
    pub stack: String,
    /// The account, twelve digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// How many resources the stack has.
    pub wanted: usize,
    /// How many of the stack's resources are live, in whatever state.
    pub live: usize,
    /// What `up` would do now; `null` if it cannot be planned.
    pub pending: Option<Summary>,
    /// Who is changing it at the moment.
    pub lock: Option<Lock>,
    /// Listeners and where they forward to.
    pub traffic: Vec<Traffic>,
    /// Services.
    pub services: Vec<Service>,
    /// Deployments that run.
    pub deployments: Vec<Deployment>,
    /// Resources that are not ready, and how they are.
    pub not_ready: Vec<NotReady>,
    /// Resources of the stack that are not there.
    pub missing: Vec<Address>,
    /// What somebody else added, and what else is worth knowing.
    pub notices: Vec<Notice>,
    /// How many resources of each group are live.
    pub groups: Vec<Group>,
    /// What is billed by the hour while it is up, by kind.
    pub billed: BTreeMap<&'static str, usize>,
    /// The cloud's time, in milliseconds since 1970; zero if it was not asked.
    pub now: Moment,
    /// What could not be asked, and why: it is missing in all of this.
    pub unanswered: Vec<String>,
}

/// Who holds the stack's lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lock {
    /// Unique to the run.
    pub holder: String,
    /// The host and process.
    pub host: String,
    /// What for.
    pub purpose: String,
    /// Seconds until it expires; negative if it has.
    pub expires_in: i64,
}

/// A deployment that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deployment {
    /// What it is of.
    pub address: Address,
    /// Its id.
    pub deployment: String,
    /// Its state, in AWS's words.
    pub status: String,
}

/// A resource that is not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotReady {
    /// Its address.
    pub address: Address,
    /// `pending`, `deleting` or `failed`.
    pub state: &'static str,
    /// In the cloud's words.
    pub why: String,
}

/// A group of resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Its name.
    pub group: String,
    /// How many resources of it are live.
    pub live: usize,
    /// How many the stack has.
    pub wanted: usize,
}

/// What is known of an environment.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) stack: &'a Stack,
    pub(crate) observation: &'a Observation,
    pub(crate) plan: Option<&'a Plan>,
    pub(crate) lease: Option<&'a Lease>,
    pub(crate) facts: &'a Facts,
    pub(crate) groups: &'a [String],
}

/// Puts together how the environment is.
pub(crate) fn result(known: Known<'_>) -> StatusResult {
    let Known { stack, observation, plan, lease, facts, groups } = known;
    let ours: BTreeMap<&Address, &Observed> = observation.ours().collect();
    let live_in = |group: &str| ours.keys().filter(|address| address.group() == group).count();
    let groups = show::groups(stack, groups).into_iter().map(|group| Group {
        live: live_in(&group),
        wanted: stack.iter().filter(|(address, _)| address.group() == group).count(),
        group,
    });
    StatusResult {
        stack: stack.name().to_string(),
        account: observation.account.clone(),
        region: observation.region.clone(),
        wanted: stack.len(),
        live: ours.len(),
        pending: plan.map(Plan::summary),
        lock: lease.map(|Lease { holder, host, purpose, expires_in }| Lock {
            holder: holder.clone(),
            host: host.clone(),
            purpose: purpose.clone(),
            expires_in: *expires_in,
        }),
        traffic: of(&ours, KindName::Listener).filter_map(|(a, l)| traffic::of(observation, facts, a, l)).collect(),
        services: of(&ours, KindName::EcsService).map(|(a, s)| service::of(observation, facts, a, s)).collect(),
        deployments: ours
            .iter()
            .filter_map(|(address, found)| {
                // What one left half way its service tells.
                let busy = found.busy.as_ref().filter(|busy| !busy.over)?;
                Some(Deployment {
                    address: (*address).clone(),
                    deployment: busy.deployment.clone(),
                    status: busy.status.clone(),
                })
            })
            .collect(),
        not_ready: ours.iter().filter_map(|(address, found)| not_ready(address, found)).collect(),
        missing: stack.iter().map(|(address, _)| address).filter(|a| !ours.contains_key(a)).cloned().collect(),
        notices: plan.map(|plan| plan.notices.clone()).unwrap_or_default(),
        groups: groups.collect(),
        billed: billed(&ours),
        now: facts.now,
        unanswered: facts.unanswered.clone(),
    }
}

fn of<'a>(
    ours: &'a BTreeMap<&'a Address, &'a Observed>,
    kind: KindName,
) -> impl Iterator<Item = (&'a Address, &'a Observed)> {
    ours.iter().filter(move |(_, found)| found.kind == kind).map(|(address, found)| (*address, *found))
}

/// The ids that a live value refers to.
fn ids(value: &Value) -> Vec<String> {
    let mut ids = Vec::new();
    value.for_each_ref(&mut |reference| {
        if let RefTarget::Id(id) = &reference.target {
            ids.push(id.clone());
        }
    });
    ids
}

/// What a live id is called: its address if it is the stack's.
fn called(observation: &Observation, kind: KindName, id: &str) -> String {
    let found = observation.resources.iter().find(|found| found.kind == kind && found.id == id);
    match found.map(|found| &found.owner) {
        Some(Ownership::Ours(address)) => address.to_string(),
        Some(Ownership::Foreign { .. } | Ownership::Added { .. }) | None => id.to_owned(),
    }
}

fn not_ready(address: &Address, found: &Observed) -> Option<NotReady> {
    let (state, why) = match &found.status {
        Status::Ready => return None,
        Status::Pending(why) => ("pending", why),
        Status::Stalled(why) => ("failing", why),
        Status::Deleting(why) => ("deleting", why),
        Status::Failed(why) => ("failed", why),
    };
    Some(NotReady { address: address.clone(), state, why: why.clone() })
}

fn billed(ours: &BTreeMap<&Address, &Observed>) -> BTreeMap<&'static str, usize> {
    let mut billed = BTreeMap::new();
    for found in ours.values() {
        let what = match found.kind {
            KindName::NatGateway => "NAT gateway",
            KindName::LoadBalancer => "load balancer",
            KindName::ElasticIp => "public address",
            KindName::EcsService => "Fargate service",
            KindName::VpcEndpoint if found.fields.value("vpc_endpoint_type").as_str() == Some("Interface") => {
                "interface endpoint"
            }
            _ => continue,
        };
        *billed.entry(what).or_default() += 1;
    }
    billed
}

/// How the environment is, for people.
pub(crate) fn human(header: &Header, status: &StatusResult, paint: Paint) -> String {
    let mut text = header.line(paint);
    text.push_str(&headline(status, paint));
    if let Some(Lock { host, purpose, expires_in, .. }) = &status.lock {
        let state = if *expires_in >= 0 { "holds the lock" } else { "held the lock, which has expired" };
        text.push_str(&format!("{} `{purpose}` on {host} {state}.\n", paint.warn("locked:")));
    }
    let section = |text: &mut String, title: &str, rows: &[Vec<String>]| {
        if !rows.is_empty() {
            text.push_str(&format!("\n{}\n{}", paint.bold(title), table(rows, 2)));
        }
    };
    section(&mut text, "traffic", &traffic::rows(&status.traffic, paint));
    if !status.services.is_empty() {
        text.push_str(&format!("\n{}\n{}", paint.bold("services"), lines::services(&status.services, paint)));
    }
    // Those that a service tells more about are not told twice.
    let told: Vec<&str> =
        status.services.iter().filter_map(|it| Some(it.deployment.as_ref()?.deployment.as_str())).collect();
    let rows: Vec<Vec<String>> = status
        .deployments
        .iter()
        .filter(|one| !told.contains(&one.deployment.as_str()))
        .map(|one| vec![paint.name(one.address.as_str()), one.deployment.clone(), paint.warn(&one.status)])
        .collect();
    section(&mut text, "deployments that run", &rows);
    let rows: Vec<Vec<String>> = status
        .not_ready
        .iter()
        .map(|one| vec![paint.name(one.address.as_str()), paint.warn(one.state), one.why.clone()])
        .collect();
    section(&mut text, "not ready", &rows);
    let events = lines::events(&status.services, paint);
    section(&mut text, "last events", &events);
    let unanswered: Vec<Vec<String>> = status.unanswered.iter().map(|why| vec![paint.warn(why)]).collect();
    section(&mut text, "could not be asked", &unanswered);
    if lines::tells_times(&status.services) && header.speed.is_finite() && (header.speed - 1.0).abs() > f64::EPSILON {
        let pace = match header.speed > 0.0 {
            true => format!("runs {} times as fast as this machine's", header.speed),
            false => "is stepped by hand".to_owned(),
        };
        text.push_str(&format!("\n{}\n", paint.dim(&format!("Times are by the local cloud's clock, which {pace}."))));
    }
    if status.live > 0 {
        let rows: Vec<Vec<String>> = status
            .groups
            .iter()
            .map(|Group { group, live, wanted }| {
                let of = if live == wanted { live.to_string() } else { paint.warn(&format!("{live} of {wanted}")) };
                vec![group.clone(), of]
            })
            .collect();
        section(&mut text, "resources", &rows);
    }
    if !status.billed.is_empty() {
        let items: Vec<String> = status.billed.iter().map(|(what, number)| count(*number, what)).collect();
        let what = match header.target {
            Some(Target::Local) => "AWS would bill by the hour",
            Some(Target::Aws) | None => "billed by the hour while up",
        };
        let line = format!("{}: {}", what, items.join(", "));
        text.push_str(&format!("\n{}\n", wrap(&line, 0, 110)));
    }
    if !status.notices.is_empty() {
        text.push_str(&format!("\n{}", super::plan::notices(&status.notices, paint)));
    }
    text
}

fn headline(status: &StatusResult, paint: Paint) -> String {
    if status.live == 0 {
        return format!("Not up: none of its {} is live.\n", count(status.wanted, "resource"));
    }
    let live = match status.missing.len() {
        0 => format!("Up: {}.", count(status.live, "resource")),
        missing => paint.warn(&format!("Partly up: {} of {} are missing.", missing, count(status.wanted, "resource"))),
    };
    let pending = match status.pending {
        None => paint.warn("What differs cannot be planned; `plan` says why."),
        Some(Summary { add: 0, change: 0, destroy: 0 }) => "Nothing differs from the stack.".to_owned(),
        Some(Summary { add, change, destroy }) => {
            paint.warn(&format!("`up` would add {add}, change {change} and destroy {destroy}."))
        }
    };
    format!("{live} {pending}\n")
}

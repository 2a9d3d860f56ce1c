//! Targets and their health, which follows from the clock: nothing has to happen for a target to become healthy.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::target_group::{TargetGroup, find};
use super::validate::{check_range, invalid};
use super::{State, forward};
use crate::clock::Time;
use crate::error::{ApiError, Result};
use crate::world::Cx;

/// A target that is registered, or still draining.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) id: String,
    pub(crate) port: u16,
    pub(crate) zone: String,
    /// Whether it answers health checks as it should.
    pub(crate) answers: bool,
    /// Since when it has been answering so.
    pub(crate) since: Time,
    /// What it was before.
    pub(crate) before: Health,
    /// When it will be gone, if it was deregistered.
    pub(crate) gone_at: Option<Time>,
}

/// The state of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Health {
    Initial,
    Healthy,
    Unhealthy,
    /// Deregistered, and still finishing what it has.
    Draining,
    /// Its group is behind no load balancer.
    Unused,
}

impl Health {
    /// State, reason and description as DescribeTargetHealth has them.
    fn words(self) -> (&'static str, Option<&'static str>, Option<&'static str>) {
        match self {
            Health::Initial => {
                ("initial", Some("Elb.RegistrationInProgress"), Some("Target registration is in progress"))
            }
            Health::Healthy => ("healthy", None, None),
            Health::Unhealthy => ("unhealthy", Some("Target.FailedHealthChecks"), Some("Health checks failed")),
            Health::Draining => {
                ("draining", Some("Target.DeregistrationInProgress"), Some("Target deregistration is in progress"))
            }
            Health::Unused => (
                "unused",
                Some("Target.NotInUse"),
                Some("Target group is not configured to receive traffic from the load balancer"),
            ),
        }
    }
}

fn key(id: &str, port: u16) -> String {
    format!("{id}:{port}")
}

impl TargetGroup {
    /// How long a target takes from the first check of a kind to the state that it means.
    fn threshold(&self, answers: bool) -> Duration {
        let count = if answers { self.health_check.healthy } else { self.health_check.unhealthy };
        Duration::from_secs(u64::from(count) * u64::from(self.health_check.interval))
    }

    /// When a target changes by itself next, if it does.
    fn settles(&self, target: &Target) -> Option<Time> {
        let from = target.since.max(self.used_since?);
        let becomes = if target.answers { Health::Healthy } else { Health::Unhealthy };
        (target.before != becomes).then(|| from + self.threshold(target.answers))
    }

    fn health(&self, target: &Target, now: Time, instant: bool) -> Health {
        if target.gone_at.is_some() {
            return Health::Draining;
        }
        if self.used_since.is_none() {
            return Health::Unused;
        }
        let becomes = if target.answers { Health::Healthy } else { Health::Unhealthy };
        match self.settles(target) {
            Some(at) if now < at && !instant => target.before,
            _ => becomes,
        }
    }

    /// Forgets targets that have drained.
    fn sweep(&mut self, now: Time) {
        self.targets.retain(|_, target| target.gone_at.is_none_or(|at| now < at));
    }
}

/// Registers a target, such as a task's address. One that is draining is taken back.
pub(crate) fn register(cx: &mut Cx<'_>, group_arn: &str, id: &str, port: u16, zone: &str) -> Result<()> {
    let now = cx.now();
    let group = find(cx.elbv2(), group_arn)?;
    group.sweep(now);
    let key = key(id, port);
    if group.targets.get(&key).is_some_and(|target| target.gone_at.is_none()) {
        return Ok(());
    }
    let target = Target {
        id: id.to_owned(),
        port,
        zone: zone.to_owned(),
        answers: true,
        since: now,
        before: Health::Initial,
        gone_at: None,
    };
    group.targets.insert(key, target);
    Ok(())
}

/// Deregisters a target: when it is gone. Draining takes the group's delay; a target that nobody uses goes at once.
pub(crate) fn deregister(cx: &mut Cx<'_>, group_arn: &str, id: &str, port: u16) -> Time {
    let (now, instant) = (cx.now(), cx.options.instant);
    let Ok(group) = find(cx.elbv2(), group_arn) else { return now };
    group.sweep(now);
    let delay = if instant { 0 } else { group.deregistration_delay() };
    let used = group.used_since.is_some();
    let key = key(id, port);
    match group.targets.get_mut(&key) {
        None => now,
        Some(target) => match target.gone_at {
            Some(at) => at,
            None if !used || delay == 0 => {
                group.targets.remove(&key);
                now
            }
            None => {
                let at = now + Duration::from_secs(delay);
                target.gone_at = Some(at);
                at
            }
        },
    }
}

/// Says whether a target answers its health checks from now on. It does when it is registered.
pub(crate) fn set_answers(cx: &mut Cx<'_>, group_arn: &str, id: &str, port: u16, answers: bool) {
    let (now, instant) = (cx.now(), cx.options.instant);
    let Ok(group) = find(cx.elbv2(), group_arn) else { return };
    let Some(target) = group.targets.get(&key(id, port)) else { return };
    if target.answers == answers {
        return;
    }
    let before = match group.health(target, now, instant) {
        health @ (Health::Healthy | Health::Unhealthy) => health,
        _ => Health::Initial,
    };
    if let Some(target) = group.targets.get_mut(&key(id, port)) {
        (target.answers, target.since, target.before) = (answers, now, before);
    }
}

/// A target's health; `None` if it is not registered.
#[cfg_attr(not(test), expect(dead_code, reason = "for traffic and deployments, which come later"))]
pub(crate) fn health(cx: &mut Cx<'_>, group_arn: &str, id: &str, port: u16) -> Option<Health> {
    let (now, instant) = (cx.now(), cx.options.instant);
    let group = find(cx.elbv2(), group_arn).ok()?;
    group.sweep(now);
    Some(group.health(group.targets.get(&key(id, port))?, now, instant))
}

/// When a target's health changes by itself next: when to look again.
#[cfg_attr(not(test), expect(dead_code, reason = "for traffic and deployments, which come later"))]
pub(crate) fn settles_at(cx: &mut Cx<'_>, group_arn: &str, id: &str, port: u16) -> Option<Time> {
    let now = cx.now();
    let group = find(cx.elbv2(), group_arn).ok()?;
    let target = group.targets.get(&key(id, port))?;
    group.settles(target).filter(|at| *at > now)
}

/// The addresses and ports of a group's healthy targets.
pub(crate) fn healthy(cx: &mut Cx<'_>, group_arn: &str) -> Vec<(String, u16)> {
    let (now, instant) = (cx.now(), cx.options.instant);
    let Ok(group) = find(cx.elbv2(), group_arn) else { return Vec::new() };
    group.sweep(now);
    let healthy = group.targets.values().filter(|target| group.health(target, now, instant) == Health::Healthy);
    healthy.map(|target| (target.id.clone(), target.port)).collect()
}

/// To be called when listeners or rules changed: checks begin for groups that are used now, and end for others.
pub(super) fn uses_changed(cx: &mut Cx<'_>) {
    let now = cx.now();
    let state = cx.elbv2();
    let active: Vec<(String, Option<Time>)> = state
        .target_groups
        .keys()
        .map(|arn| {
            let balancers = forward::load_balancers_of(state, arn);
            let active_from = balancers.iter().filter_map(|lb| state.load_balancers.get(lb)).map(|lb| lb.active_from);
            (arn.clone(), active_from.min())
        })
        .collect();
    for (arn, active_from) in active {
        let Some(group) = state.target_groups.get_mut(&arn) else { continue };
        match (group.used_since, active_from) {
            (None, Some(from)) => {
                group.used_since = Some(from.max(now));
                for target in group.targets.values_mut() {
                    target.before = Health::Initial;
                }
            }
            (Some(_), None) => {
                group.used_since = None;
                group.targets.retain(|_, target| target.gone_at.is_none());
            }
            _ => {}
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Description {
    id: String,
    port: Option<i64>,
    availability_zone: Option<String>,
    #[serde(rename = "QuicServerId")]
    _quic_server_id: Option<String>,
}

impl Description {
    fn port(&self, group: &TargetGroup) -> Result<u16> {
        let port = self.port.unwrap_or(group.port.into());
        check_range("targets.member.port", port, 1, 65535)?;
        Ok(u16::try_from(port).unwrap_or_default())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Targets {
    target_group_arn: String,
    targets: Vec<Description>,
}

/// The zone of an address: that of its subnet, or `all` outside of the VPC.
fn zone(cx: &mut Cx<'_>, group: &TargetGroup, target: &Description) -> Result<String> {
    let id = &target.id;
    if group.target_type != "ip" {
        return Err(ApiError::new(
            "InvalidTarget",
            format!("The following targets are not in a running state and cannot be registered: '{id}'"),
        ));
    }
    let Ok(address) = id.parse::<std::net::Ipv4Addr>() else {
        return Err(invalid(format!("The IP address '{id}' is not a valid IPv4 address")));
    };
    let subnets = cx.ec2().subnets.values().filter(|subnet| subnet.vpc_id == group.vpc_id);
    let within = |subnet: &&crate::services::ec2::Subnet| {
        let offset = u32::from(address).checked_sub(u32::from(subnet.cidr.address(0)));
        offset.is_some_and(|offset| u64::from(offset) < subnet.cidr.size())
    };
    let subnet = subnets.into_iter().find(within).map(|subnet| subnet.zone.clone());
    match (subnet, target.availability_zone.as_deref()) {
        (Some(zone), None) => Ok(zone),
        (Some(zone), Some(given)) if zone == given => Ok(zone),
        (None, Some("all")) if address.is_private() => Ok("all".to_owned()),
        (Some(zone), Some(_)) => Err(ApiError::new(
            "InvalidTarget",
            format!("The following targets are not valid: '{id}' is in the Availability Zone '{zone}'"),
        )),
        (None, _) => Err(ApiError::new(
            "InvalidTarget",
            format!(
                "The following targets are not valid: '{id}' is not within the subnets of the target group's VPC; \
                 private addresses outside of it need the Availability Zone 'all'"
            ),
        )),
    }
}

pub(super) fn register_by_user(cx: &mut Cx<'_>, input: Targets) -> Result {
    let group = find(cx.elbv2(), &input.target_group_arn)?.clone();
    let mut checked = Vec::new();
    for target in &input.targets {
        checked.push((target.id.clone(), target.port(&group)?, zone(cx, &group, target)?));
    }
    if group.targets.len() + checked.len() > 1000 {
        return Err(ApiError::new("TooManyTargets", "A target group can have at most 1000 targets"));
    }
    for (id, port, zone) in checked {
        register(cx, &input.target_group_arn, &id, port, &zone)?;
    }
    Ok(json!({}))
}

pub(super) fn deregister_by_user(cx: &mut Cx<'_>, input: Targets) -> Result {
    let group = find(cx.elbv2(), &input.target_group_arn)?.clone();
    for target in input.targets {
        let ports = match target.port {
            Some(_) => vec![target.port(&group)?],
            // Without a port: wherever that address is registered.
            None => group.targets.values().filter(|t| t.id == target.id).map(|t| t.port).collect(),
        };
        for port in ports {
            deregister(cx, &group.arn, &target.id, port);
        }
    }
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DescribeHealth {
    target_group_arn: String,
    #[serde(default)]
    targets: Vec<Description>,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) fn describe_health(cx: &mut Cx<'_>, input: DescribeHealth) -> Result {
    let (now, instant) = (cx.now(), cx.options.instant);
    let state: &mut State = cx.elbv2();
    let group = find(state, &input.target_group_arn)?;
    group.sweep(now);
    let everything = input.include.iter().any(|what| what == "All");
    let describe = |id: &str, port: u16, zone: Option<&str>, words: (&str, Option<&str>, Option<&str>)| {
        let check_port = match group.health_check.port.as_str() {
            "traffic-port" => port.to_string(),
            other => other.to_owned(),
        };
        let (state, reason, description) = words;
        let anomaly = everything || input.include.iter().any(|what| what == "AnomalyDetection");
        json!({
            "Target": {"Id": id, "Port": port, "AvailabilityZone": zone},
            "HealthCheckPort": check_port,
            "TargetHealth": {"State": state, "Reason": reason, "Description": description},
            "AnomalyDetection": anomaly.then(|| json!({"Result": "normal", "MitigationInEffect": "no"})),
        })
    };
    let of = |target: &Target| {
        describe(&target.id, target.port, Some(&target.zone), group.health(target, now, instant).words())
    };
    let mut all: Vec<Value> = Vec::new();
    if input.targets.is_empty() {
        all.extend(group.targets.values().map(of));
    }
    for wanted in &input.targets {
        let port = wanted.port(group)?;
        all.push(match group.targets.get(&key(&wanted.id, port)) {
            Some(target) => of(target),
            None => {
                let description = "Target is not registered to the target group";
                describe(&wanted.id, port, None, ("unused", Some("Target.NotRegistered"), Some(description)))
            }
        });
    }
    Ok(json!({"TargetHealthDescriptions": all}))
}

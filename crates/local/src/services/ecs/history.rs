//! A service's history: service deployments and the service revisions that they bring, kept for 90 days.
//!
//! Services that the ECS controller deploys have one. A service deployment outlives its deployment in DescribeServices:
//! what the circuit breaker takes back stays one service deployment, which says so in the end.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::rollout::Rollout;
use super::service::{EcsService, Shape, find, name_of};
use super::task_definition;
use crate::clock::Time;
use crate::error::{Result, fail};
use crate::page::page;
use crate::services::members::{bare, resource_of};
use crate::world::Cx;

/// How long history is kept.
const KEPT: Duration = Duration::from_secs(90 * 24 * 3600);
const INVALID: &str = "InvalidParameterException";

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct History {
    /// Newest first.
    deployments: Vec<ServiceDeployment>,
    revisions: Vec<ServiceRevision>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct ServiceDeployment {
    arn: String,
    /// The deployment in DescribeServices that it is about; after a rollback, the one that goes back.
    rollout: String,
    /// Service revisions, by ARN.
    source: Option<String>,
    target: String,
    created: Time,
    finished: Option<Time>,
    updated: Time,
    status: String,
    reason: Option<String>,
    rollback: Option<Rollback>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Rollback {
    reason: String,
    started: Time,
    revision: String,
}

/// A service as it was at one time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct ServiceRevision {
    arn: String,
    shape: Shape,
    created: Time,
}

impl ServiceDeployment {
    fn at_work(&self) -> bool {
        matches!(self.status.as_str(), "PENDING" | "IN_PROGRESS" | "ROLLBACK_REQUESTED" | "ROLLBACK_IN_PROGRESS")
    }

    fn end(&mut self, now: Time, status: &str, reason: Option<&str>) {
        (self.status, self.updated, self.finished) = (status.to_owned(), now, Some(now));
        if let Some(reason) = reason {
            self.reason = Some(reason.to_owned());
        }
    }
}

/// What a new service deployment and its revision are called, and when it is.
pub(super) struct Minted {
    deployment: String,
    revision: String,
    now: Time,
}

impl Minted {
    pub(super) fn new(cx: &mut Cx<'_>) -> Minted {
        Minted { deployment: cx.lower(21), revision: cx.digits(18).replacen('0', "7", 1), now: cx.now() }
    }
}

/// A new deployment begins; one that was at work has been overtaken.
pub(super) fn begin(service: &mut EcsService, rollout: &Rollout, minted: Minted) {
    if service.with_task_sets() {
        return;
    }
    let Minted { deployment, revision, now } = minted;
    let place = |kind: &str| service.arn.replacen(":service/", &format!(":{kind}/"), 1);
    let (target, arn) =
        (format!("{}/{revision}", place("service-revision")), format!("{}/{deployment}", place("service-deployment")));
    let history = &mut service.history;
    let source = history.deployments.first().map(|it| it.rollback.as_ref().map_or(&it.target, |back| &back.revision));
    let source = source.cloned();
    for overtaken in history.deployments.iter_mut().filter(|it| it.at_work()) {
        overtaken.end(now, "STOPPED", Some("Service deployment stopped because of a new service deployment."));
    }
    history.revisions.push(ServiceRevision { arn: target.clone(), shape: rollout.shape.clone(), created: now });
    let deployment = ServiceDeployment {
        arn,
        rollout: rollout.id.clone(),
        source,
        target,
        created: now,
        updated: now,
        status: "IN_PROGRESS".to_owned(),
        ..ServiceDeployment::default()
    };
    history.deployments.insert(0, deployment);
    // What is listed no more is forgotten with its revisions.
    history.deployments.retain(|it| it.at_work() || now.since(it.created) <= KEPT);
    let held = |arn: &String| {
        history.deployments.iter().any(|it| {
            it.target == *arn
                || it.source.as_ref() == Some(arn)
                || it.rollback.as_ref().is_some_and(|b| b.revision == *arn)
        })
    };
    let left: Vec<ServiceRevision> = history.revisions.iter().filter(|it| held(&it.arn)).cloned().collect();
    history.revisions = left;
}

/// A deployment is complete.
pub(super) fn completed(service: &mut EcsService, rollout: &str, now: Time) {
    let found = service.history.deployments.iter_mut().find(|it| it.rollout == rollout && it.at_work());
    if let Some(found) = found {
        let status = if found.rollback.is_some() { "ROLLBACK_SUCCESSFUL" } else { "SUCCESSFUL" };
        found.end(now, status, None);
    }
}

/// The circuit breaker has stopped a deployment, and goes back by another one, or does not.
pub(super) fn tripped(service: &mut EcsService, rollout: &str, back: Option<(&Shape, &str)>, now: Time) {
    const REASON: &str = "Service deployment circuit breaker: tasks failed to start.";
    let revision = back.and_then(|(shape, _)| {
        let same = service.history.revisions.iter().rev().find(|it| it.shape == *shape);
        same.map(|it| it.arn.clone())
    });
    let Some(found) = service.history.deployments.iter_mut().find(|it| it.rollout == rollout) else { return };
    let Some((_, by)) = back else { return found.end(now, "STOPPED", Some(REASON)) };
    (found.status, found.updated, found.rollout) = ("ROLLBACK_IN_PROGRESS".to_owned(), now, by.to_owned());
    found.reason = Some(REASON.to_owned());
    found.rollback = Some(Rollback { reason: REASON.to_owned(), started: now, revision: revision.unwrap_or_default() });
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct List {
    cluster: Option<String>,
    service: String,
    #[serde(default)]
    status: Vec<String>,
    created_at: Option<Between>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Between {
    before: Option<f64>,
    after: Option<f64>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    const STATUSES: [&str; 9] = [
        "PENDING",
        "SUCCESSFUL",
        "STOPPED",
        "STOP_REQUESTED",
        "IN_PROGRESS",
        "ROLLBACK_REQUESTED",
        "ROLLBACK_IN_PROGRESS",
        "ROLLBACK_SUCCESSFUL",
        "ROLLBACK_FAILED",
    ];
    if let Some(wrong) = input.status.iter().find(|status| !STATUSES.contains(&status.as_str())) {
        return fail!(INVALID, "Invalid service deployment status: {wrong}");
    }
    let now = cx.now();
    let service = &*find(cx, input.cluster.as_deref(), &input.service)?;
    let between = input.created_at.as_ref();
    let cluster = cluster_arn(&service.arn);
    let listed = service.history.deployments.iter().enumerate().filter(|(_, it)| {
        let at = it.created.epoch_seconds();
        now.since(it.created) <= KEPT
            && (input.status.is_empty() || input.status.contains(&it.status))
            && between.and_then(|b| b.before).is_none_or(|before| at <= before)
            && between.and_then(|b| b.after).is_none_or(|after| at >= after)
    });
    let all = service.history.deployments.len();
    let listed = listed.map(|(n, it)| {
        let brief = bare(json!({
            "serviceDeploymentArn": it.arn,
            "serviceArn": service.arn,
            "clusterArn": cluster,
            "createdAt": it.created.epoch_seconds(),
            "startedAt": it.created.epoch_seconds(),
            "finishedAt": it.finished.map(Time::epoch_seconds),
            "targetServiceRevisionArn": it.target,
            "status": it.status,
            "statusReason": it.reason,
        }));
        // By age, so that a page's token stays right when a newer one comes.
        (format!("{:020}", u64::MAX - (all - n) as u64), brief)
    });
    let size = crate::page::size(input.max_results, 20, 100, "InvalidParameterException")?;
    let page = page(listed, input.next_token.as_deref(), size, INVALID)?;
    Ok(bare(json!({"serviceDeployments": page.items, "nextToken": page.next})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Deployments {
    service_deployment_arns: Vec<String>,
}

pub(super) fn describe_deployments(cx: &mut Cx<'_>, input: Deployments) -> Result {
    at_most(&input.service_deployment_arns, "serviceDeploymentArns")?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in &input.service_deployment_arns {
        let owner = owner(cx, arn, "service-deployment");
        match owner.and_then(|service| Some((service, service.history.deployments.iter().find(|it| it.arn == *arn)?))) {
            Some((service, it)) => found.push(deployment(service, it)),
            None => failures.push(json!({"arn": arn, "reason": "MISSING"})),
        }
    }
    Ok(json!({"serviceDeployments": found, "failures": failures}))
}

fn deployment(service: &EcsService, it: &ServiceDeployment) -> Value {
    let counts = |revision: &str| {
        let live = service.primary().is_some_and(|primary| primary.id == it.rollout) && it.target == revision;
        let (requested, running) = if live { (service.desired, service.desired) } else { (0, 0) };
        json!({"arn": revision, "requestedTaskCount": requested, "runningTaskCount": running, "pendingTaskCount": 0})
    };
    let rollback = it.rollback.as_ref().map(|back| {
        json!({
            "reason": back.reason, "startedAt": back.started.epoch_seconds(), "serviceRevisionArn": back.revision,
        })
    });
    bare(json!({
        "serviceDeploymentArn": it.arn,
        "serviceArn": service.arn,
        "clusterArn": cluster_arn(&service.arn),
        "createdAt": it.created.epoch_seconds(),
        "startedAt": it.created.epoch_seconds(),
        "finishedAt": it.finished.map(Time::epoch_seconds),
        "updatedAt": it.updated.epoch_seconds(),
        "sourceServiceRevisions": it.source.iter().map(|arn| counts(arn)).collect::<Vec<_>>(),
        "targetServiceRevision": counts(&it.target),
        "status": it.status,
        "statusReason": it.reason,
        "rollback": rollback,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Revisions {
    service_revision_arns: Vec<String>,
}

pub(super) fn describe_revisions(cx: &mut Cx<'_>, input: Revisions) -> Result {
    at_most(&input.service_revision_arns, "serviceRevisionArns")?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in &input.service_revision_arns {
        let owner = owner(cx, arn, "service-revision");
        let own = owner.and_then(|service| {
            let revision = service.history.revisions.iter().find(|it| it.arn == *arn)?;
            Some((service.arn.clone(), revision.clone()))
        });
        let Some((service, revision)) = own else {
            failures.push(json!({"arn": arn, "reason": "MISSING"}));
            continue;
        };
        let images: Vec<Value> = task_definition::find(cx, &revision.shape.task_definition)
            .map(|definition| definition.containers().to_vec())
            .unwrap_or_default()
            .iter()
            .map(|container| json!({"containerName": container["name"], "image": container["image"]}))
            .collect();
        let shape = &revision.shape;
        found.push(bare(json!({
            "serviceRevisionArn": revision.arn,
            "serviceArn": service,
            "clusterArn": cluster_arn(&service),
            "taskDefinition": shape.task_definition,
            "launchType": shape.launch_type,
            "capacityProviderStrategy": if shape.strategy.is_empty() { None } else { Some(&shape.strategy) },
            "platformVersion": shape.platform_version,
            "platformFamily": shape.fargate().then_some("Linux"),
            "loadBalancers": shape.load_balancers,
            "serviceRegistries": shape.registries,
            "networkConfiguration": shape.network_value(),
            "containerImages": images,
            "guardDutyEnabled": false,
            "createdAt": revision.created.epoch_seconds(),
        })));
    }
    Ok(json!({"serviceRevisions": found, "failures": failures}))
}

fn at_most(arns: &[String], what: &str) -> Result<()> {
    match arns.len() {
        0 => fail!(INVALID, "{what} cannot be empty."),
        1..=20 => Ok(()),
        _ => fail!(INVALID, "{what} cannot have more than 20 elements."),
    }
}

/// The service that an ARN of its history names: `…:service-revision/CLUSTER/SERVICE/ID`.
fn owner<'c>(cx: &'c mut Cx<'_>, arn: &str, kind: &str) -> Option<&'c EcsService> {
    let mut parts = resource_of(arn, "ecs")?.split('/');
    let (of, cluster, service) = (parts.next()?, parts.next()?, parts.next()?);
    let found = cx.ecs().clusters.get(cluster)?.services.get(name_of(service));
    found.filter(|it| of == kind && it.status != "INACTIVE")
}

fn cluster_arn(service: &str) -> String {
    let cluster = service.replacen(":service/", ":cluster/", 1);
    cluster.rsplit_once('/').map(|(cluster, _)| cluster.to_owned()).unwrap_or(cluster)
}

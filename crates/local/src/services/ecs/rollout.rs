//! A generation of a service's tasks: a deployment to the ECS controller, a task set to the others.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Time;
use crate::services::ecs::cluster::Cluster;
use crate::services::ecs::service::{EcsService, Shape, validate};
use crate::services::members::bare;
use crate::tags::{self, Tags};
use crate::world::Cx;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Rollout {
    /// `ecs-svc/…`; tasks carry it as `startedBy`.
    pub(crate) id: String,
    /// A task set's.
    pub(crate) arn: String,
    /// `PRIMARY`, `ACTIVE` or `DRAINING`.
    pub(crate) status: String,
    pub(crate) shape: Shape,
    /// How many tasks there should be.
    pub(crate) desired: u64,
    /// A task set's share of the service's desired count, in percent.
    pub(crate) scale: f64,
    pub(crate) created: Time,
    pub(crate) updated: Time,
    /// Tasks that did not start, or did not become healthy.
    pub(crate) failed: u64,
    /// How many in a row; the next attempt waits longer for each.
    pub(crate) in_a_row: u32,
    pub(crate) not_before: Time,
    /// `IN_PROGRESS`, `COMPLETED` or `FAILED`.
    pub(crate) state: String,
    pub(crate) reason: String,
    pub(crate) stable: bool,
    pub(crate) stable_since: Time,
    pub(crate) external_id: Option<String>,
    pub(crate) started_by: Option<String>,
    pub(crate) client_token: Option<String>,
    pub(crate) tags: Tags,
}

impl Rollout {
    pub(crate) fn new(cx: &mut Cx<'_>, shape: Shape, service_arn: &str) -> Rollout {
        let id = format!("ecs-svc/{}", cx.digits(18).replacen('0', "7", 1));
        let arn = format!("{}/{id}", service_arn.replacen(":service/", ":task-set/", 1));
        let now = cx.now();
        let reason = format!("ECS deployment {id} in progress.");
        Rollout {
            id,
            arn,
            status: "PRIMARY".to_owned(),
            shape,
            scale: 100.0,
            created: now,
            updated: now,
            state: "IN_PROGRESS".to_owned(),
            reason,
            stable_since: now,
            ..Rollout::default()
        }
    }

    pub(crate) fn deployment(&self, (running, pending): (u64, u64)) -> Value {
        let shape = &self.shape;
        bare(json!({
            "id": self.id,
            "status": self.status,
            "taskDefinition": shape.task_definition,
            "desiredCount": self.desired,
            "pendingCount": pending,
            "runningCount": running,
            "failedTasks": self.failed,
            "createdAt": self.created.epoch_seconds(),
            "updatedAt": self.updated.epoch_seconds(),
            "launchType": shape.launch_type,
            "capacityProviderStrategy": if shape.strategy.is_empty() { None } else { Some(&shape.strategy) },
            "platformVersion": validate::concrete(shape.platform_version.as_deref()),
            "platformFamily": shape.fargate().then_some("Linux"),
            "networkConfiguration": shape.network_value(),
            "rolloutState": self.state,
            "rolloutStateReason": self.reason,
            "serviceConnectConfiguration": shape.connect,
            "volumeConfigurations": if shape.volumes.is_empty() { None } else { Some(&shape.volumes) },
        }))
    }

    pub(crate) fn task_set(&self, cluster: &Cluster, service: &EcsService, (running, pending): (u64, u64)) -> Value {
        let shape = &self.shape;
        bare(json!({
            "id": self.id,
            "taskSetArn": self.arn,
            "serviceArn": service.arn,
            "clusterArn": cluster.arn,
            "startedBy": self.started_by,
            "externalId": self.external_id,
            "status": self.status,
            "taskDefinition": shape.task_definition,
            "computedDesiredCount": self.desired,
            "pendingCount": pending,
            "runningCount": running,
            "createdAt": self.created.epoch_seconds(),
            "updatedAt": self.updated.epoch_seconds(),
            "launchType": shape.launch_type,
            "capacityProviderStrategy": if shape.strategy.is_empty() { None } else { Some(&shape.strategy) },
            "platformVersion": validate::concrete(shape.platform_version.as_deref()),
            "platformFamily": shape.fargate().then_some("Linux"),
            "networkConfiguration": shape.network_value(),
            "loadBalancers": shape.load_balancers,
            "serviceRegistries": shape.registries,
            "scale": {"value": self.scale, "unit": "PERCENT"},
            "stabilityStatus": if self.stable { "STEADY_STATE" } else { "STABILIZING" },
            "stabilityStatusAt": self.stable_since.epoch_seconds(),
            "tags": tags::camel(&self.tags),
        }))
    }
}

//! ECS: clusters ([`cluster`]), task definitions ([`task_definition`]), services ([`service`]) with their deployments or
//! task sets ([`rollout`], [`task_set`]), tasks ([`task`]) and how their containers behave ([`container`]), and what moves them: the [`scheduler`] decides how many tasks
//! there are, [`life`] brings one up and down, [`links`] is what it has in other services, and [`history`] is what is remembered.

pub(crate) mod cluster;
pub(crate) mod container;
pub(crate) mod history;
pub(crate) mod life;
pub(crate) mod links;
pub(crate) mod rollout;
pub(crate) mod scheduler;
pub(crate) mod service;
pub(crate) mod settings;
pub(crate) mod tagging;
pub(crate) mod task;
pub(crate) mod task_definition;
pub(crate) mod task_set;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::protocol::Protocol;
use crate::services::{Resource, Service, operations};
use crate::throttle::Bucket;
use crate::world::Cx;

/// One region's clusters and task definitions.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    /// By name.
    pub(crate) clusters: BTreeMap<String, cluster::Cluster>,
    /// By family.
    pub(crate) families: BTreeMap<String, task_definition::Family>,
    /// Account settings that were set.
    pub(crate) settings: BTreeMap<String, String>,
}

pub(crate) static SERVICE: Service = Service {
    name: "ecs",
    prefix: "ecs",
    protocol: Protocol::Json { target: "AmazonEC2ContainerServiceV20141113" },
    invalid: "InvalidParameterException",
    handler,
    bucket,
    on_event: |cx, body| on_event(cx, &body),
    resources,
};

operations! {
    "CreateCluster" => cluster::create,
    "DescribeClusters" => cluster::describe,
    "ListClusters" => cluster::list,
    "UpdateCluster" => cluster::update,
    "UpdateClusterSettings" => cluster::update_settings,
    "PutClusterCapacityProviders" => cluster::put_capacity_providers,
    "DeleteCluster" => cluster::delete,
    "RegisterTaskDefinition" => task_definition::register,
    "DescribeTaskDefinition" => task_definition::describe,
    "ListTaskDefinitions" => task_definition::list,
    "ListTaskDefinitionFamilies" => task_definition::list_families,
    "DeregisterTaskDefinition" => task_definition::deregister,
    "DeleteTaskDefinitions" => task_definition::delete,
    "CreateService" => service::create::create,
    "UpdateService" => service::update::update,
    "DescribeServices" => service::describe,
    "ListServices" => service::list,
    "DeleteService" => service::delete,
    "ListServiceDeployments" => history::list,
    "DescribeServiceDeployments" => history::describe_deployments,
    "DescribeServiceRevisions" => history::describe_revisions,
    "CreateTaskSet" => task_set::create,
    "UpdateTaskSet" => task_set::update,
    "UpdateServicePrimaryTaskSet" => task_set::make_primary,
    "DescribeTaskSets" => task_set::describe,
    "DeleteTaskSet" => task_set::delete,
    "RunTask" => task::run,
    "StopTask" => task::stop,
    "ListTasks" => task::list,
    "DescribeTasks" => task::describe,
    "TagResource" => tagging::tag,
    "UntagResource" => tagging::untag,
    "ListTagsForResource" => tagging::list,
    "ListAccountSettings" => settings::list,
    "PutAccountSetting" => settings::put,
    "PutAccountSettingDefault" => settings::put,
    "DeleteAccountSetting" => settings::delete,
}

fn bucket(operation: &str) -> Option<Bucket> {
    Some(match operation {
        "DescribeClusters" | "ListClusters" => Bucket::shared("cluster read", 50.0, 20.0),
        "CreateCluster"
        | "DeleteCluster"
        | "UpdateCluster"
        | "UpdateClusterSettings"
        | "PutClusterCapacityProviders" => Bucket::shared("cluster modify", 20.0, 1.0),
        "RegisterTaskDefinition" | "DeregisterTaskDefinition" => Bucket::shared("task definition modify", 20.0, 1.0),
        "DescribeTaskDefinition" | "ListTaskDefinitions" | "ListTaskDefinitionFamilies" => {
            Bucket::shared("task definition read", 50.0, 20.0)
        }
        "DeleteTaskDefinitions" => Bucket::own(5.0, 1.0),
        "CreateService" | "UpdateService" | "DeleteService" => Bucket::shared("service modify", 50.0, 5.0),
        "DescribeServices"
        | "ListServices"
        | "ListServiceDeployments"
        | "DescribeServiceDeployments"
        | "DescribeServiceRevisions" => Bucket::shared("service read", 100.0, 20.0),
        "DescribeTasks" | "ListTasks" => Bucket::shared("task read", 100.0, 20.0),
        "RunTask" | "StopTask" => Bucket::shared("task modify", 100.0, 40.0),
        "TagResource" | "UntagResource" => Bucket::shared("tag modify", 20.0, 10.0),
        _ => return None,
    })
}

fn on_event(cx: &mut Cx<'_>, body: &Value) {
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    match text("kind") {
        "task" => life::step(cx, text("cluster"), text("task"), text("step")),
        "look" => scheduler::look(cx, text("cluster"), text("service")),
        "forget service" => service::forget(cx, text("cluster"), text("arn")),
        "delete task definition" => task_definition::vanish(cx, text("arn")),
        _ => {}
    }
}

fn resources(cx: &Cx<'_>) -> Vec<Resource> {
    let Some(region) = cx.world.regions.get(&cx.region) else { return Vec::new() };
    let mut all = Vec::new();
    let mut add = |arn: &str, kind, tags: &crate::tags::Tags| {
        all.push(Resource { arn: arn.to_owned(), kind, tags: tags.clone() });
    };
    for cluster in region.ecs.clusters.values().filter(|c| c.status == "ACTIVE") {
        add(&cluster.arn, "ecs:cluster", &cluster.tags);
        for service in cluster.services.values().filter(|s| s.status != "INACTIVE") {
            add(&service.arn, "ecs:service", &service.tags);
        }
        for task in cluster.tasks.values().filter(|t| t.last_status != "STOPPED") {
            add(&task.arn, "ecs:task", &task.tags);
        }
    }
    for definition in region.ecs.families.values().flat_map(|f| f.revisions.values()) {
        if definition.status == "ACTIVE" {
            add(&definition.arn, "ecs:task-definition", &definition.tags);
        }
    }
    all
}

/// A service that is not INACTIVE.
pub(crate) fn service_of<'c>(cx: &'c mut Cx<'_>, cluster: &str, service: &str) -> Option<&'c service::EcsService> {
    cx.ecs().clusters.get(cluster)?.services.get(service).filter(|s| s.status != "INACTIVE")
}

/// The deployment controller of an active service, for CodeDeploy.
pub(crate) fn controller_of(cx: &mut Cx<'_>, cluster: &str, service: &str) -> Option<String> {
    let cluster = cx.ecs().clusters.get(cluster).filter(|c| c.status == "ACTIVE")?;
    let service = cluster.services.get(service).filter(|s| s.status == "ACTIVE")?;
    Some(service.controller.clone())
}

//! CodeDeploy: applications ([`application`]), their deployment groups ([`group`], checked by [`check`]), deployment
//! configurations ([`config`]), tags ([`tagging`]), and deployments of ECS services ([`deployment`]).

pub(crate) mod application;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod deployment;
pub(crate) mod group;
pub(crate) mod tagging;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::protocol::Protocol;
use crate::services::{Resource, Service, operations};
use crate::world::Cx;

/// One region's applications and configurations.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    /// By name; each holds its groups.
    pub(crate) applications: BTreeMap<String, application::Application>,
    /// The account's own; the predefined ones are in [`config`].
    pub(crate) configs: BTreeMap<String, config::Config>,
    /// By id.
    pub(crate) deployments: BTreeMap<String, deployment::Deployment>,
    /// The number of the newest deployment.
    last_deployment: u64,
}

pub(crate) static SERVICE: Service = Service {
    name: "codedeploy",
    prefix: "codedeploy",
    protocol: Protocol::Json { target: "CodeDeploy_20141006" },
    invalid: "InvalidInputException",
    handler,
    bucket: |_| None,
    on_event: |cx, body| deployment::on_event(cx, &body),
    resources,
};

operations! {
    "CreateApplication" => application::create,
    "GetApplication" => application::get,
    "BatchGetApplications" => application::batch_get,
    "ListApplications" => application::list,
    "UpdateApplication" => application::update,
    "DeleteApplication" => application::delete,
    "CreateDeploymentGroup" => group::create,
    "GetDeploymentGroup" => group::get,
    "BatchGetDeploymentGroups" => group::batch_get,
    "ListDeploymentGroups" => group::list,
    "UpdateDeploymentGroup" => group::update,
    "DeleteDeploymentGroup" => group::delete,
    "CreateDeploymentConfig" => config::create,
    "GetDeploymentConfig" => config::get,
    "ListDeploymentConfigs" => config::list,
    "DeleteDeploymentConfig" => config::delete,
    "CreateDeployment" => deployment::create::create,
    "GetDeployment" => deployment::read::get,
    "BatchGetDeployments" => deployment::read::batch_get,
    "ListDeployments" => deployment::read::list,
    "ContinueDeployment" => deployment::steer::go_on,
    "StopDeployment" => deployment::steer::stop,
    "GetDeploymentTarget" => deployment::target::get,
    "BatchGetDeploymentTargets" => deployment::target::batch_get,
    "ListDeploymentTargets" => deployment::target::list,
    "RegisterApplicationRevision" => deployment::revision::register,
    "GetApplicationRevision" => deployment::revision::get,
    "BatchGetApplicationRevisions" => deployment::revision::batch_get,
    "ListApplicationRevisions" => deployment::revision::list,
    "TagResource" => tagging::tag,
    "UntagResource" => tagging::untag,
    "ListTagsForResource" => tagging::list,
}

fn resources(cx: &Cx<'_>) -> Vec<Resource> {
    let Some(region) = cx.world.regions.get(&cx.region) else { return Vec::new() };
    let mut all = Vec::new();
    for application in region.codedeploy.applications.values() {
        all.push(Resource {
            arn: cx.arn("codedeploy", &format!("application:{}", application.name)),
            kind: "codedeploy:application",
            tags: application.tags.clone(),
        });
        all.extend(application.groups.values().map(|group| Resource {
            arn: cx.arn("codedeploy", &format!("deploymentgroup:{}/{}", application.name, group.name)),
            kind: "codedeploy:deploymentgroup",
            tags: group.tags.clone(),
        }));
    }
    all
}

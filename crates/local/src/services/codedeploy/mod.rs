//! CodeDeploy: applications ([`application`]), their deployment groups ([`group`], checked by [`check`]), deployment
//! configurations ([`config`]) and tags ([`tagging`]). Deployments ([`deployment`]) do not happen yet.

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
}

pub(crate) static SERVICE: Service = Service {
    name: "codedeploy",
    prefix: "codedeploy",
    protocol: Protocol::Json { target: "CodeDeploy_20141006" },
    invalid: "InvalidInputException",
    handler,
    bucket: |_| None,
    on_event: |_, _| {},
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
    "ListDeployments" => deployment::list,
    "GetDeployment" => deployment::get,
    "BatchGetDeployments" => deployment::batch_get,
    "CreateDeployment" => deployment::not_yet,
    "ContinueDeployment" => deployment::of_none,
    "StopDeployment" => deployment::of_none,
    "GetDeploymentTarget" => deployment::of_none,
    "BatchGetDeploymentTargets" => deployment::of_none,
    "ListDeploymentTargets" => deployment::of_none,
    "RegisterApplicationRevision" => deployment::not_yet,
    "GetApplicationRevision" => deployment::not_yet,
    "ListApplicationRevisions" => deployment::not_yet,
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

//! Deployments over the AWS SDK: [`DeployCloud`], implemented.

mod code_deploy;
mod ecs;
mod history;
mod images;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use aomidori_deploy::cloud::{
    DeployCloud, Deployment, Forward, ImageFound, NewDeployment, NewRevision, Revision, Rolled, Service, ServiceAt,
    ServiceChange, Target, TargetHealth, Task, WaitType,
};
use aomidori_deploy::time::Moment;
use aomidori_engine::cloud::CloudError;
use aomidori_model::kinds::deployment_config::TrafficRouting;
use aws_smithy_types::DateTime;
use futures_util::FutureExt as _;

use crate::aws::Aws;
use crate::client::Cx;
use crate::kinds::deployment_config;

// Every future is boxed: the types of the SDK's are deep, and would be part of the type of whatever awaits them.
impl DeployCloud for Aws {
    async fn service(&self, at: &ServiceAt) -> Result<Option<Service>, CloudError> {
        ecs::service(&self.cx, at).boxed().await
    }

    async fn history(&self, at: &ServiceAt, limit: usize) -> Result<Option<Vec<Rolled>>, CloudError> {
        history::read(&self.cx, at, limit).boxed().await
    }

    async fn revision(&self, name: &str) -> Result<Option<Revision>, CloudError> {
        ecs::revision(&self.cx, name).boxed().await
    }

    async fn revisions(&self, family: &str) -> Result<Vec<Revision>, CloudError> {
        ecs::revisions(&self.cx, family).boxed().await
    }

    async fn images(
        &self,
        repository: &str,
        references: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, ImageFound>, CloudError> {
        images::find(&self.cx, repository, references).boxed().await
    }

    async fn routing(&self, config: &str) -> Result<Option<TrafficRouting>, CloudError> {
        let live = deployment_config::read(&self.cx, config).boxed().await?;
        Ok(live.as_ref().and_then(code_deploy::routing))
    }

    async fn deployments(&self, group: &str, limit: usize) -> Result<Vec<Deployment>, CloudError> {
        code_deploy::deployments(&self.cx, group, limit).boxed().await
    }

    async fn deployment(&self, id: &str) -> Result<Option<Deployment>, CloudError> {
        code_deploy::deployment(&self.cx, id).boxed().await
    }

    async fn target(&self, id: &str, at: &ServiceAt) -> Result<Option<Target>, CloudError> {
        code_deploy::target(&self.cx, id, at).boxed().await
    }

    async fn appspec(&self, application: &str, sha256: &str) -> Result<Option<String>, CloudError> {
        code_deploy::appspec(&self.cx, application, sha256).boxed().await
    }

    async fn forwards(&self, listeners: &[String]) -> Result<Vec<Forward>, CloudError> {
        ecs::forwards(&self.cx, listeners).boxed().await
    }

    async fn health(&self, target_group: &str) -> Result<Vec<TargetHealth>, CloudError> {
        ecs::health(&self.cx, target_group).boxed().await
    }

    async fn tasks(&self, at: &ServiceAt) -> Result<Vec<Task>, CloudError> {
        ecs::tasks(&self.cx, at).boxed().await
    }

    async fn register(&self, new: NewRevision<'_>) -> Result<Revision, CloudError> {
        ecs::register(&self.cx, new).boxed().await
    }

    async fn image_tags(&self, repository: &str, prefix: &str) -> Result<BTreeMap<String, String>, CloudError> {
        images::tags(&self.cx, repository, prefix).boxed().await
    }

    async fn tag_image(&self, repository: &str, digest: &str, tag: &str) -> Result<(), CloudError> {
        images::tag(&self.cx, repository, digest, tag).boxed().await
    }

    async fn untag_images(&self, repository: &str, tags: &BTreeSet<String>) -> Result<(), CloudError> {
        images::untag(&self.cx, repository, tags).boxed().await
    }

    async fn tag_revision(&self, arn: &str, tags: &BTreeMap<String, String>) -> Result<(), CloudError> {
        ecs::tag(&self.cx, arn, tags).boxed().await
    }

    async fn create_deployment(&self, new: &NewDeployment) -> Result<String, CloudError> {
        code_deploy::create(&self.cx, new).boxed().await
    }

    async fn continue_deployment(&self, id: &str, wait: WaitType) -> Result<(), CloudError> {
        code_deploy::go_on(&self.cx, id, wait).boxed().await
    }

    async fn stop_deployment(&self, id: &str, rollback: bool) -> Result<bool, CloudError> {
        code_deploy::stop(&self.cx, id, rollback).boxed().await
    }

    async fn update_service(&self, at: &ServiceAt, change: &ServiceChange) -> Result<Service, CloudError> {
        ecs::update(&self.cx, at, change).boxed().await
    }
}

/// Services by their ARNs, ten to a call.
pub(crate) async fn services(cx: &Cx, arns: &[String]) -> Result<BTreeMap<String, Service>, CloudError> {
    ecs::services(cx, arns).await
}

/// A time of AWS's.
fn moment(time: Option<&DateTime>) -> Option<Moment> {
    time?.to_millis().ok().map(Moment)
}

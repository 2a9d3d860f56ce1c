//! Taking over what others made: a cloud in which some resources are looked at as if they carried the stack's mark
//! already. Planning over it shows what would differ; its updates of tags are what takes them over.

mod beyond;
mod dns;
mod swings;
mod walk;

use std::collections::BTreeMap;

use aomidori_adopt::{Beyond, key};
pub use aomidori_adopt::{Claims, Walk};
use aomidori_engine::cloud::{Cloud, CloudError, Identity, Lease, LeaseRequest, Made, Progress, Want};
use aomidori_model::{KindName, Stack, StackName};
use aomidori_plan::{FieldChange, Observation, Observed};
use futures_util::FutureExt as _;

use crate::aws::Aws;
use crate::observe::{self, Hint};
use crate::tags::Tags;

/// AWS, with claims.
#[derive(Debug)]
pub struct Claiming {
    /// The account.
    pub aws: Aws,
    /// What is claimed.
    pub claims: Claims,
}

impl Claiming {
    /// How many requests were sent so far, as [`Aws::calls`].
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.aws.calls()
    }
}

impl Aws {
    /// [`Cloud::observe`], with claimed resources as this stack's. Their tags are told as they are.
    ///
    /// # Errors
    /// A read failed.
    pub async fn observe_claiming(&self, stack: &Stack, claims: &Claims) -> Result<Observation, CloudError> {
        observe::observe(&self.cx, stack, claims).boxed().await
    }
}

impl Aws {
    /// What resources have that no observation tells, and one line each for what could not be asked. Reads only.
    ///
    /// # Errors
    /// A read failed.
    pub async fn beyond(
        &self,
        resources: impl IntoIterator<Item = (KindName, String)>,
    ) -> Result<(Vec<Beyond>, Vec<String>), CloudError> {
        let mut walk = Walk::default();
        walk.found.extend(resources.into_iter().map(|(kind, id)| (kind, key(kind, &id).to_owned())));
        let unasked = beyond::read(&self.cx, &mut walk).boxed().await?;
        Ok((walk.beyond, unasked))
    }
}

impl Cloud for Claiming {
    async fn identity(&self) -> Result<Identity, CloudError> {
        self.aws.identity().await
    }

    async fn observe(&self, stack: &Stack) -> Result<Observation, CloudError> {
        self.aws.observe_claiming(stack, &self.claims).await
    }

    async fn create(&self, want: Want<'_>) -> Result<Made, CloudError> {
        self.aws.create(want).await
    }

    async fn find(&self, want: Want<'_>) -> Result<Option<Made>, CloudError> {
        self.aws.find(want).await
    }

    async fn update(&self, want: Want<'_>, have: &Observed, changes: &[FieldChange]) -> Result<Made, CloudError> {
        self.aws.update(want, have, changes).await
    }

    async fn delete(&self, have: &Observed) -> Result<(), CloudError> {
        self.aws.delete(have).await
    }

    /// Nothing is waited for: a mark changes nothing that would have to become ready.
    async fn progress(&self, _: KindName, _: &str) -> Result<Progress, CloudError> {
        Ok(Progress::Ready)
    }

    async fn is_protected(&self, have: &Observed) -> Result<bool, CloudError> {
        self.aws.is_protected(have).await
    }

    async fn holders(&self, have: &Observed) -> Vec<String> {
        self.aws.holders(have).await
    }

    async fn take_lease(&self, request: &LeaseRequest) -> Result<(), CloudError> {
        self.aws.take_lease(request).await
    }

    async fn lease(&self, stack: &StackName) -> Result<Option<Lease>, CloudError> {
        self.aws.lease(stack).await
    }

    async fn release_lease(&self, stack: &StackName, holder: &str) -> Result<(), CloudError> {
        self.aws.release_lease(stack, holder).await
    }
}

/// What is claimed, as if the tagging index knew it: so that what is found by name is looked for.
pub(crate) fn hints(claims: &Claims) -> impl Iterator<Item = Hint> {
    claims.iter().map(|(kind, id, _)| {
        let (service, rest) = match kind {
            KindName::EcrRepository => ("ecr", format!("repository/{id}")),
            KindName::LogGroup => ("logs", format!("log-group:{id}")),
            KindName::PrivateDnsNamespace => ("servicediscovery", format!("namespace/{id}")),
            KindName::CodeDeployApplication => ("codedeploy", format!("application:{id}")),
            KindName::DeploymentGroup => ("codedeploy", format!("deploymentgroup:{id}")),
            KindName::SecurityGroupRule => ("ec2", format!("security-group-rule/{id}")),
            // A task definition is looked for by its family: what comes after the `:` does not matter.
            KindName::TaskDefinition => ("ecs", format!("{}:", rest_of(id))),
            _ => (service_of(id), rest_of(id).to_owned()),
        };
        Hint { arn: id.to_owned(), service: service.to_owned(), rest, tags: Tags::new() }
    })
}

fn service_of(arn: &str) -> &str {
    arn.split(':').nth(2).unwrap_or_default()
}

fn rest_of(arn: &str) -> &str {
    arn.splitn(6, ':').nth(5).unwrap_or(arn)
}

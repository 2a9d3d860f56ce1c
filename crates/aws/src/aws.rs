//! [`Aws`]: the engine's seam, implemented.

use std::collections::BTreeMap;

use aomidori_deploy::cloud::Service;
use aomidori_engine::cloud::{Cloud, CloudError, Identity, Lease, LeaseRequest, Made, Progress, Want};
use aomidori_model::{KindName, Stack, StackName};
use aomidori_plan::{FieldChange, Observation, Observed};
use futures_util::FutureExt as _;

use crate::adopt::Claims;
use crate::client::{Cx, Settings};
use crate::images::{self, MissingImage};
use crate::s3::{self, S3Error, S3Object, S3Place};
use crate::{holders, lease, live, observe};

/// One account and region of AWS (or of anything that speaks its protocols).
#[derive(Debug)]
pub struct Aws {
    pub(crate) cx: Cx,
}

impl Aws {
    /// Loads the configuration (environment, profiles, SSO: the SDK's own chain). Calls nothing.
    ///
    /// # Errors
    /// No region is set anywhere.
    pub async fn connect(settings: Settings) -> Result<Aws, CloudError> {
        Ok(Aws { cx: Cx::connect(settings).boxed().await? })
    }

    /// The region that it speaks to.
    pub fn region(&self) -> &str {
        &self.cx.region
    }

    /// The account, twelve digits. One call (`sts:GetCallerIdentity`), the first time.
    ///
    /// # Errors
    /// No credentials, or nobody answers.
    pub async fn account(&self) -> Result<String, CloudError> {
        Ok(self.cx.identity().boxed().await?.account.clone())
    }

    /// Who calls, as an ARN. One call, the first time, as [`Aws::account`].
    ///
    /// # Errors
    /// No credentials, or nobody answers.
    pub async fn caller(&self) -> Result<String, CloudError> {
        Ok(self.cx.identity().boxed().await?.arn.clone())
    }

    /// The images that the stack's task definitions run and that are not in their ECR repositories: what has to be
    /// pushed before services can start. One call for each repository.
    ///
    /// # Errors
    /// ECR cannot be asked.
    pub async fn missing_images(&self, stack: &Stack) -> Result<Vec<MissingImage>, CloudError> {
        images::missing(&self.cx, stack).boxed().await
    }

    /// Puts a tiny image of one colour into a repository through ECR's own API: for the local cloud, which looks at an
    /// image's tag and colour only. Nothing could run it.
    ///
    /// # Errors
    /// ECR refuses it.
    pub async fn push_practice_image(&self, repository: &str, tag: &str, color: &str) -> Result<(), CloudError> {
        images::push(&self.cx, repository, tag, color).boxed().await
    }

    /// Services as they are, by their ARNs: one call for ten services of a cluster. Those that are gone are left out.
    ///
    /// # Errors
    /// ECS cannot be asked.
    pub async fn services(&self, arns: &[String]) -> Result<BTreeMap<String, Service>, CloudError> {
        crate::deploy::services(&self.cx, arns).boxed().await
    }

    /// Reads an object from S3. A bucket in another region is asked there; what breaks in the middle is read again.
    ///
    /// # Errors
    /// There is no such object, it may not be read, or it is too large.
    pub async fn s3_object(&self, place: &S3Place) -> Result<S3Object, S3Error> {
        s3::read(&self.cx, place, s3::LIMIT).boxed().await
    }

    /// How many requests were sent so far, by `service:Operation`, repetitions counted.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.cx.calls()
    }
}

// Every future is boxed: the types of the SDK's are deep, and would be part of the type of whatever awaits them.
impl Cloud for Aws {
    async fn identity(&self) -> Result<Identity, CloudError> {
        Ok(Identity { account: self.account().await?, region: self.cx.region.clone() })
    }

    async fn observe(&self, stack: &Stack) -> Result<Observation, CloudError> {
        observe::observe(&self.cx, stack, &Claims::default()).boxed().await
    }

    async fn create(&self, want: Want<'_>) -> Result<Made, CloudError> {
        live::create(&self.cx, want).boxed().await
    }

    async fn find(&self, want: Want<'_>) -> Result<Option<Made>, CloudError> {
        live::find(&self.cx, want).boxed().await
    }

    async fn update(&self, want: Want<'_>, have: &Observed, changes: &[FieldChange]) -> Result<Made, CloudError> {
        live::update(&self.cx, want, have, changes).boxed().await
    }

    async fn delete(&self, have: &Observed) -> Result<(), CloudError> {
        live::delete(&self.cx, have).boxed().await
    }

    async fn progress(&self, kind: KindName, id: &str) -> Result<Progress, CloudError> {
        live::progress(&self.cx, kind, id).boxed().await
    }

    async fn is_protected(&self, have: &Observed) -> Result<bool, CloudError> {
        holders::is_protected(&self.cx, have).boxed().await
    }

    async fn holders(&self, have: &Observed) -> Vec<String> {
        holders::holders(&self.cx, have).boxed().await
    }

    async fn take_lease(&self, request: &LeaseRequest) -> Result<(), CloudError> {
        lease::take(&self.cx, request).boxed().await
    }

    async fn lease(&self, stack: &StackName) -> Result<Option<Lease>, CloudError> {
        lease::read(&self.cx, stack).boxed().await
    }

    async fn release_lease(&self, stack: &StackName, holder: &str) -> Result<(), CloudError> {
        lease::release(&self.cx, stack, holder).boxed().await
    }
}

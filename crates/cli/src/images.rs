//! Images come before services: a cloud that looks for a service's images before it makes the service.

use std::sync::Arc;

use aomidori_aws::Aws;
use aomidori_engine::cloud::{Cloud, CloudError, ErrorKind, Identity, Lease, LeaseRequest, Made, Progress, Want};
use aomidori_model::{Address, KindName, Resource, Stack, StackName};
use aomidori_plan::{FieldChange, Observation, Observed};
use tokio::sync::Mutex;

use crate::error::{Error, MissingImage, StepFailures};

/// The code of the error with which a service is refused whose image is missing.
const CODE: &str = "ImageMissing";

/// What is done about images that are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Services that need them are not made; all else is.
    Refuse,
    /// Practice images are put in their place, and under these tags.
    Practice(Vec<String>),
    /// Nothing.
    Ignore,
}

/// AWS, with an eye on images.
pub(crate) struct Guarded {
    pub(crate) aws: Aws,
    stack: Arc<Stack>,
    missing: Missing,
    /// What was missing when the first service was to be made: its repository was there by then.
    found: Mutex<Option<Vec<aomidori_aws::MissingImage>>>,
}

impl Guarded {
    pub(crate) fn new(aws: Aws, stack: Arc<Stack>, missing: Missing) -> Guarded {
        Guarded { aws, stack, missing, found: Mutex::new(None) }
    }

    /// Refuses what runs an image that is not there, unless something can be done about it.
    async fn check(&self, want: Want<'_>) -> Result<(), CloudError> {
        let Resource::EcsService(service) = want.resource else { return Ok(()) };
        let Some((definition, _)) = self.stack.find(&service.task_definition) else { return Ok(()) };
        if self.missing == Missing::Ignore {
            return Ok(());
        }
        // Whoever comes second waits for the first one's answer.
        let mut found = self.found.lock().await;
        let images = match &mut *found {
            Some(images) => images,
            None => {
                let mut images = self.aws.missing_images(&self.stack).await?;
                if let Missing::Practice(tags) = &self.missing {
                    self.put(&images, tags).await?;
                    images.clear();
                }
                found.insert(images)
            }
        };
        match images.iter().find(|image| image.task_definition == *definition) {
            None => Ok(()),
            Some(image) => Err(CloudError {
                kind: ErrorKind::Refused,
                operation: "ecr:BatchGetImage".to_owned(),
                code: Some(CODE.to_owned()),
                message: format!("{} is not in the repository yet", image.image),
            }),
        }
    }

    /// Puts practice images where images are missing. An image's tag is its colour.
    async fn put(&self, images: &[aomidori_aws::MissingImage], tags: &[String]) -> Result<(), CloudError> {
        let mut put: Vec<(&str, &str)> = Vec::new();
        for image in images {
            let tags = tags.iter().map(String::as_str).chain([image.tag.as_str()]);
            put.extend(tags.map(|tag| (image.repository.as_str(), tag)));
        }
        put.sort_unstable();
        put.dedup();
        for (repository, tag) in put {
            self.aws.push_practice_image(repository, tag, tag).await?;
        }
        Ok(())
    }

    /// The error of a run whose steps failed: what to push, if that is all there is to it.
    pub(crate) async fn explain(&self, error: Error) -> Error {
        let Error::Steps(StepFailures { failed, .. }) = &error else { return error };
        if !failed.iter().all(|failure| failure.error.code.as_deref() == Some(CODE)) {
            return error;
        }
        let needed_by = |definition: &Address| {
            let services = self.stack.of::<aomidori_model::kinds::EcsService>();
            let mut users = services.filter(|(_, service)| service.task_definition.address() == Some(definition));
            users.next().map_or_else(|| definition.clone(), |(address, _)| address.clone())
        };
        let found = self.found.lock().await;
        let images = found.iter().flatten().map(|image| MissingImage {
            image: image.image.clone(),
            registry: image.image.split('/').next().unwrap_or_default().to_owned(),
            needed_by: needed_by(&image.task_definition),
        });
        Error::MissingImages(images.collect())
    }
}

impl Cloud for Guarded {
    async fn observe(&self, stack: &Stack) -> Result<Observation, CloudError> {
        self.aws.observe(stack).await
    }

    async fn identity(&self) -> Result<Identity, CloudError> {
        self.aws.identity().await
    }

    async fn create(&self, want: Want<'_>) -> Result<Made, CloudError> {
        self.check(want).await?;
        self.aws.create(want).await
    }

    async fn find(&self, want: Want<'_>) -> Result<Option<Made>, CloudError> {
        self.aws.find(want).await
    }

    async fn update(&self, want: Want<'_>, have: &Observed, changes: &[FieldChange]) -> Result<Made, CloudError> {
        if changes.iter().any(|change| change.field == "task_definition") {
            self.check(want).await?;
        }
        self.aws.update(want, have, changes).await
    }

    async fn delete(&self, have: &Observed) -> Result<(), CloudError> {
        self.aws.delete(have).await
    }

    async fn progress(&self, kind: KindName, id: &str) -> Result<Progress, CloudError> {
        self.aws.progress(kind, id).await
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

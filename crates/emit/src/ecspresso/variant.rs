//! Which images of a service get a task definition of their own.

use aomidori_model::kinds::task_definition::{Container, Image, ImageTag};
use aomidori_model::{ToValue, Value};

use super::Options;
use crate::EmitError;
use crate::subject::Subject;

/// One configuration and one task definition.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Variant<'a> {
    /// The name of the configuration's file.
    pub(super) config: String,
    /// The name of the task definition's file.
    pub(super) task: String,
    /// The container that runs a tag, and the tag; `None` for what the stack declares.
    pub(super) tag: Option<(&'a Container, &'a ImageTag)>,
}

/// The variants of a service; the first is what `ecspresso` without `--config` deploys.
pub(super) fn variants<'a>(subject: &Subject<'a>, options: &'a Options) -> Result<Vec<Variant<'a>>, EmitError> {
    let alone = || vec![Variant { config: "ecspresso.yml".into(), task: "ecs-task-def.json".into(), tag: None }];
    let container = subject.container();
    let declared = container.and_then(|container| match &container.image {
        Image::Tag { repository: _, tag } => Some(tag),
        Image::Digest { .. } | Image::Uri(_) => None,
    });
    let tags: Vec<&ImageTag> = if options.images.is_empty() {
        match declared {
            // What is practised is going from blue to green, where CodeDeploy does that.
            Some(declared) if subject.service.is_code_deploy() && options.practice.contains(declared) => {
                std::iter::once(declared).chain(options.practice.iter().filter(|tag| *tag != declared)).collect()
            }
            _ => return Ok(alone()),
        }
    } else {
        options.images.iter().collect()
    };
    let Some(container) = container else {
        return Err(subject.unsupported("several containers have images, and none is behind a load balancer"));
    };
    let mut found: Vec<Variant<'a>> = Vec::new();
    for tag in tags {
        let tag_of = Some((container, tag));
        if found.iter().any(|it| it.tag == tag_of) {
            continue;
        }
        let config = if found.is_empty() { "ecspresso.yml".to_owned() } else { format!("ecspresso.{tag}.yml") };
        found.push(Variant { config, task: format!("ecs-task-def.{tag}.json"), tag: tag_of });
    }
    Ok(found)
}

/// An image with another tag.
pub(super) fn image(image: &Image, tag: &ImageTag) -> Value {
    match image {
        Image::Tag { repository, .. } | Image::Digest { repository, .. } => {
            Image::Tag { repository: repository.clone(), tag: tag.clone() }.to_uri()
        }
        Image::Uri(uri) => {
            let name = uri.split_once('@').map_or(uri.as_str(), |(name, _)| name);
            // A colon before the last slash belongs to the host's port.
            let name = match name.rsplit_once(':') {
                Some((name, old)) if !old.contains('/') => name,
                _ => name,
            };
            format!("{name}:{tag}").to_value()
        }
    }
}

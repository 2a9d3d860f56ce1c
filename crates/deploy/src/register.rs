//! A new revision of a task definition with another image.
//!
//! The image runs by its digest, so that a tag that moves later changes nothing. Two tags of the revision say the rest:
//! `aomidori:image/CONTAINER` is the tag that was asked for, `aomidori:declared-image/CONTAINER` the image that the stack
//! declared then, which the observer reads instead of the one that runs: a deployed image is never drift.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::time::Duration;

use aomidori_engine::cloud::{CloudError, ErrorKind};
use aomidori_model::kinds::task_definition::Image;
use aomidori_model::{Fields, Resource, Value, ownership};
use serde::Serialize;

use crate::cloud::{DeployCloud, NewRevision, Revision};
use crate::site::Site;

/// The tag that holds the image that the stack declared for a container.
pub fn declared_image_tag(container: &str) -> String {
    ownership::declared_image_key(container)
}

/// The tag that holds the image tag that was asked for.
pub fn image_tag(container: &str) -> String {
    ownership::image_key(container)
}

/// An image as somebody names it: `TAG`, `REPOSITORY:TAG`, `REPOSITORY@sha256:…`, `HOST/REPOSITORY:TAG`. Without a host
/// it is in this account's ECR, without a repository in the one that the stack's image is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRef {
    /// The registry's host.
    pub host: Option<String>,
    /// The repository.
    pub repository: Option<String>,
    /// A tag, or a digest that begins with `sha256:`.
    pub reference: String,
}

/// Why a text names no image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an image: {reason}")]
pub struct InvalidImage {
    text: String,
    reason: &'static str,
}

impl FromStr for ImageRef {
    type Err = InvalidImage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |reason| Err(InvalidImage { text: text.to_owned(), reason });
        let (name, reference) = match text.split_once('@') {
            Some((name, digest)) => (name, digest.to_owned()),
            None => match text.rsplit_once(':') {
                // A colon before the last slash belongs to the host's port.
                Some((name, tag)) if !tag.contains('/') => (name, tag.to_owned()),
                Some(_) => return refuse("it has no tag"),
                None if text.contains('/') => return refuse("it has no tag"),
                None => ("", text.to_owned()),
            },
        };
        let is_digest = reference.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64);
        let is_tag = !reference.is_empty()
            && reference.len() <= 128
            && reference.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if !is_digest && !is_tag {
            return refuse("after the `:` comes a tag, after the `@` a digest (`sha256:` and 64 digits)");
        }
        let (host, repository) = match name.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), rest),
            _ => (None, name),
        };
        Ok(ImageRef {
            host: host.map(str::to_owned),
            repository: (!repository.is_empty()).then(|| repository.to_owned()),
            reference,
        })
    }
}

/// What is to be registered, compared with what is.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    /// The latest revision of the family.
    pub current: Option<Revision>,
    /// The images to run, by container.
    pub images: BTreeMap<String, String>,
    /// Every tag of the new revision.
    pub tags: BTreeMap<String, String>,
    /// What differs from the latest revision; if nothing does, there is nothing to register.
    pub changes: Vec<Change>,
}

impl Registration {
    /// The image tags that were asked for, by container; a digest that was asked for is none.
    pub fn asked(&self) -> BTreeMap<String, String> {
        let prefix = image_tag("");
        let tags = self.tags.iter().filter(|(_, value)| !value.starts_with("sha256:"));
        tags.filter_map(|(key, tag)| Some((key.strip_prefix(&prefix)?.to_owned(), tag.clone()))).collect()
    }
}

/// One difference between the latest revision and the one to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What: `cpu`, `maintenance.image`.
    pub field: String,
    /// What is registered.
    pub before: Option<String>,
    /// What will be.
    pub after: Option<String>,
}

/// Why nothing can be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// The image is not in its repository.
    #[error("`{repository}` has no image `{reference}`")]
    NoImage {
        /// The repository.
        repository: String,
        /// The tag or digest.
        reference: String,
    },
    /// There is no such container.
    #[error("the task definition has no container `{name}`")]
    NoContainer {
        /// What was asked for.
        name: String,
        /// The containers that there are.
        known: Vec<String>,
    },
    /// It has to be said for which container the image is.
    #[error("the task definition has several containers; say which: CONTAINER=IMAGE")]
    Which {
        /// The containers that there are.
        known: Vec<String>,
    },
    /// The image has no repository, and the stack's image is in none.
    #[error("the stack's image for `{container}` is in no ECR repository; name the whole image")]
    NoRepository {
        /// The container.
        container: String,
    },
    /// A call failed.
    #[error(transparent)]
    Cloud(#[from] CloudError),
}

/// Finds out what is to be registered for `image`, or for the stack's own images. Changes nothing.
///
/// # Errors
/// The image is not there, it is not clear which container it is for, or a read failed.
pub async fn prepare<C: DeployCloud>(
    cloud: &C,
    site: &Site,
    image: Option<(Option<&str>, &ImageRef)>,
) -> Result<Registration, RegisterError> {
    let container = image.map(|(container, _)| which(site, container)).transpose()?;
    let mut images = BTreeMap::new();
    let mut tags = site.tags.clone();
    let mut declared_fields = Resource::from(site.definition.clone()).fields();
    for it in &site.definition.containers {
        let name = it.name.to_string();
        let declared = match it.image.to_uri().resolve(&|reference| site.known.lookup(reference)) {
            Value::Str(uri) => uri,
            other => return Err(CloudError::bug(format!("the image {other:?} is not known")).into()),
        };
        let asked = match (image, &container) {
            (Some((_, image)), Some(of)) if *of == name => image.clone(),
            _ => match &it.image {
                Image::Tag { .. } | Image::Digest { .. } => parse(&declared)?,
                // From somewhere else: as the stack says.
                Image::Uri(_) => {
                    images.insert(name, declared);
                    continue;
                }
            },
        };
        let (uri, digest) = resolve(cloud, site, &name, &declared, &asked).await?;
        if digest {
            tags.insert(declared_image_tag(&name), declared);
            tags.insert(image_tag(&name), asked.reference);
        } else if uri != declared {
            tags.insert(declared_image_tag(&name), declared);
        }
        images.insert(name, uri);
    }
    let current = cloud.revision(site.definition.family.as_str()).await?;
    resolve_all(&mut declared_fields, site);
    let changes = changes(current.as_ref(), &declared_fields, &images);
    Ok(Registration { current, images, tags, changes })
}

/// Registers what was prepared; the latest revision where nothing differs. A registration that was not answered is
/// looked for before it is repeated: each one makes a revision (aws-facts 2.17).
///
/// # Errors
/// AWS refuses it.
pub async fn register<C: DeployCloud>(cloud: &C, site: &Site, what: &Registration) -> Result<Revision, CloudError> {
    if let (Some(current), true) = (&what.current, what.changes.is_empty()) {
        return Ok(current.clone());
    }
    let new = NewRevision {
        stack: &site.stack,
        address: &site.definition_address,
        definition: &site.definition,
        images: &what.images,
        tags: &what.tags,
        known: &site.known,
    };
    let before = what.current.as_ref().map(|current| current.revision);
    let mut tries = 0;
    loop {
        tries += 1;
        let error = match cloud.register(new).await {
            Ok(revision) => return Ok(revision),
            Err(error) => error,
        };
        let again = matches!(error.kind, ErrorKind::Throttled | ErrorKind::Unknown | ErrorKind::NotYet);
        if !again || tries == 6 {
            return Err(error);
        }
        tokio::time::sleep(Duration::from_millis(400) * tries).await;
        if error.kind == ErrorKind::Unknown
            && let Some(latest) = cloud.revision(site.definition.family.as_str()).await?
            && Some(latest.revision) > before
            && latest.images == what.images
        {
            return Ok(latest);
        }
    }
}

fn parse(uri: &str) -> Result<ImageRef, CloudError> {
    uri.parse().map_err(CloudError::bug)
}

/// The container that an image is for: the one that is named, the one that answers, or the only one.
fn which(site: &Site, name: Option<&str>) -> Result<String, RegisterError> {
    let known: Vec<String> = site.definition.containers.iter().map(|it| it.name.to_string()).collect();
    match (name, known.as_slice(), &site.answers) {
        (Some(name), _, _) if known.iter().any(|it| it == name) => Ok(name.to_owned()),
        (Some(name), _, _) => Err(RegisterError::NoContainer { name: name.to_owned(), known }),
        (None, [only], _) => Ok(only.clone()),
        (None, _, Some((answers, _))) => Ok(answers.clone()),
        (None, _, None) => Err(RegisterError::Which { known }),
    }
}

/// The image as it is to run, and whether it is by digest. An image of somebody else's registry runs as it is named.
async fn resolve<C: DeployCloud>(
    cloud: &C,
    site: &Site,
    container: &str,
    declared: &str,
    asked: &ImageRef,
) -> Result<(String, bool), RegisterError> {
    let ours = site.repositories.values().filter_map(|url| url.split_once('/')).map(|(host, _)| host).next();
    let host = asked.host.as_deref().or(ours);
    let repository = match &asked.repository {
        Some(repository) => repository.clone(),
        None => parse(declared)?
            .repository
            .ok_or_else(|| RegisterError::NoRepository { container: container.to_owned() })?,
    };
    let Some(host) = host.filter(|host| Some(*host) == ours) else {
        let mark = if asked.reference.starts_with("sha256:") { '@' } else { ':' };
        let host = host.map(|host| format!("{host}/")).unwrap_or_default();
        return Ok((format!("{host}{repository}{mark}{}", asked.reference), false));
    };
    let found = cloud.images(&repository, &BTreeSet::from([asked.reference.clone()])).await?;
    match found.get(&asked.reference) {
        Some(image) => Ok((format!("{host}/{repository}@{}", image.digest), true)),
        None => Err(RegisterError::NoImage { repository, reference: asked.reference.clone() }),
    }
}

fn resolve_all(fields: &mut Fields, site: &Site) {
    let mut resolved = Fields::default();
    for field in &*fields {
        resolved.add(field.name, field.value.resolve(&|reference| site.known.lookup(reference)));
    }
    *fields = resolved;
}

/// What differs. What nobody declared is AWS's, and no difference; images are compared as they run.
fn changes(current: Option<&Revision>, wanted: &Fields, images: &BTreeMap<String, String>) -> Vec<Change> {
    let mut before = BTreeMap::new();
    let mut after = BTreeMap::new();
    for field in wanted {
        flatten(field.name, &field.value, &mut after);
        if let Some(current) = current {
            let live = current.fields.value(field.name).resolve(&|_| None);
            // Undeclared as a whole; inside of containers everything is declared, or is AWS's own default.
            if !field.value.is_null() {
                flatten(field.name, &live, &mut before);
            }
        }
    }
    after.retain(|_, value| !value.is_empty());
    before.retain(|_, value| !value.is_empty());
    let key = |container: &str| format!("container_definitions.{container}.image");
    for (container, image) in images {
        after.insert(key(container), image.clone());
    }
    for (container, image) in current.iter().flat_map(|current| &current.images) {
        before.insert(key(container), image.clone());
    }
    let fields: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    fields
        .into_iter()
        .filter(|field| before.get(*field) != after.get(*field))
        .map(|field| Change {
            field: field.strip_prefix("container_definitions.").unwrap_or(field).to_owned(),
            before: before.get(field).cloned(),
            after: after.get(field).cloned(),
        })
        .collect()
}

fn flatten(path: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    let text = match value {
        Value::Map(map) => {
            for (key, value) in map {
                flatten(&format!("{path}.{key}"), value, into);
            }
            return;
        }
        Value::Null => return,
        Value::Str(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::List(items) => items.iter().map(text_of).collect::<Vec<_>>().join(" "),
        Value::Set(items) => items.iter().map(text_of).collect::<Vec<_>>().join(" "),
        // References and joins are resolved by now.
        other => other.as_str().map_or_else(|| format!("{other:?}"), str::to_owned),
    };
    into.insert(path.to_owned(), text);
}

fn text_of(value: &Value) -> String {
    let mut flat = BTreeMap::new();
    flatten("", value, &mut flat);
    flat.into_iter()
        .map(|(key, value)| if key.is_empty() { value } else { format!("{key}={value}") })
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_as_people_name_them() {
        let parse = |text: &str| text.parse::<ImageRef>().map(|it| (it.host, it.repository, it.reference));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(parse("green"), Ok((None, None, "green".into())));
        assert_eq!(parse("team/app:green"), Ok((None, some("team/app"), "green".into())));
        let digest = format!("sha256:{}", "a".repeat(64));
        assert_eq!(parse(&format!("team/app@{digest}")), Ok((None, some("team/app"), digest)));
        let host = "1.dkr.ecr.r.amazonaws.com";
        assert_eq!(parse(&format!("{host}/app:v1")), Ok((some(host), some("app"), "v1".into())));
        assert_eq!(parse("localhost:5000/app:v1"), Ok((some("localhost:5000"), some("app"), "v1".into())));
        for wrong in ["", "team/app", "localhost:5000/app", "app:", "app@sha256:12", "app:with space"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}

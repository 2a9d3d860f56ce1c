//! Images: manifests, the tags that point at them, and what may replace what.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::filters::wildcard;
use crate::page::page;
use crate::services::ecr::repository::find;
use crate::services::ecr::{Repository, layer, lifecycle};
use crate::services::members::bare;
use crate::world::Cx;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Image {
    pub(crate) manifest: String,
    pub(crate) media_type: String,
    pub(crate) artifact_type: Option<String>,
    pub(crate) size: u64,
    pub(crate) pushed: Time,
    #[serde(default)]
    pub(crate) pulled: Option<Time>,
}

const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Removes an image and every tag that points at it.
pub(super) fn remove(repository: &mut Repository, digest: &str) {
    repository.images.remove(digest);
    repository.image_tags.retain(|_, d| d != digest);
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Put {
    registry_id: Option<String>,
    repository_name: String,
    image_manifest: String,
    image_manifest_media_type: Option<String>,
    image_tag: Option<String>,
    image_digest: Option<String>,
}

fn invalid<T>(what: &str, why: &str) -> Result<T> {
    fail!("InvalidParameterException", "Invalid parameter at '{what}' failed to satisfy constraint: '{why}'")
}

fn legal_tag(tag: &str) -> bool {
    let first = tag.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    first && tag.len() <= 128 && tag.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

/// Digests that a manifest refers to, and sizes that it states.
fn descriptors(manifest: &Value) -> Vec<(String, u64)> {
    let one = |d: &Value| Some((d["digest"].as_str()?.to_owned(), d["size"].as_u64().unwrap_or_default()));
    let list = |name: &str| manifest[name].as_array().into_iter().flatten().filter_map(one).collect::<Vec<_>>();
    let mut all: Vec<_> = one(&manifest["config"]).into_iter().collect();
    all.extend(list("layers"));
    all.extend(list("manifests"));
    all
}

fn is_list(media_type: &str) -> bool {
    matches!(media_type, DOCKER_LIST | OCI_INDEX)
}

fn immutable(repository: &Repository, tag: &str) -> bool {
    let excepted = repository.exclusions.iter().any(|pattern| wildcard(pattern, tag));
    match repository.mutability.as_str() {
        "IMMUTABLE" => true,
        "IMMUTABLE_WITH_EXCLUSION" => !excepted,
        "MUTABLE_WITH_EXCLUSION" => excepted,
        _ => false,
    }
}

pub(super) fn put(cx: &mut Cx<'_>, input: Put) -> Result {
    let (account, now) = (cx.account().to_owned(), cx.now());
    let name = input.repository_name;
    let repository = find(cx, &name, input.registry_id.as_deref())?;
    let Ok(manifest @ Value::Object(_)) = serde_json::from_str::<Value>(&input.image_manifest) else {
        return invalid("ImageManifest", "Invalid JSON syntax");
    };
    let stated = manifest["mediaType"].as_str().map(str::to_owned);
    let guessed = if manifest["manifests"].is_array() { OCI_INDEX } else { OCI };
    let media_type = input.image_manifest_media_type.or(stated).unwrap_or_else(|| guessed.to_owned());
    if ![DOCKER, DOCKER_LIST, OCI, OCI_INDEX].contains(&media_type.as_str()) || manifest["schemaVersion"] != 2 {
        return invalid("ImageManifest", "Unsupported manifest: schema version 2 of Docker or OCI is expected");
    }
    let list = is_list(&media_type);
    if list != manifest["manifests"].is_array() || list == manifest["layers"].is_array() {
        return invalid("ImageManifest", "The manifest does not fit its media type");
    }
    if input.image_tag.as_deref().is_some_and(|tag| !legal_tag(tag)) {
        return invalid("imageTag", "must satisfy regular expression '[a-zA-Z0-9_][a-zA-Z0-9-._]{0,127}'");
    }
    let digest = layer::digest([&input.image_manifest]);
    if input.image_digest.as_ref().is_some_and(|wanted| *wanted != digest) {
        return fail!(
            "ImageDigestDoesNotMatchException",
            "The digest of the image manifest is '{digest}' and not '{}'",
            input.image_digest.unwrap_or_default()
        );
    }
    let refers = descriptors(&manifest);
    let missing: Vec<String> = refers
        .iter()
        .filter(|(d, _)| if list { !repository.images.contains_key(d) } else { !repository.layers.contains_key(d) })
        .map(|(d, _)| d.clone())
        .collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        if list {
            return fail!(
                "ReferencedImagesNotFoundException",
                "Images with digests '[{missing}]' required for pushing image into repository with name '{name}' in the \
                 registry with id '{account}' do not exist"
            );
        }
        return fail!(
            "LayersNotFoundException",
            "Layers with digests '[{missing}]' required for pushing image into repository with name '{name}' in the \
             registry with id '{account}' do not exist"
        );
    }
    let exists = repository.images.contains_key(&digest);
    let pointed = input.image_tag.as_ref().and_then(|tag| repository.image_tags.get(tag));
    match (&input.image_tag, pointed) {
        (None, _) if exists => {
            return fail!(
                "ImageAlreadyExistsException",
                "Image with digest '{digest}' already exists in the repository with name '{name}' in registry with id \
                 '{account}'"
            );
        }
        (Some(tag), Some(at)) if *at == digest => {
            return fail!(
                "ImageAlreadyExistsException",
                "Image with digest '{digest}' and tag '{tag}' already exists in the repository with name '{name}' in \
                 registry with id '{account}'"
            );
        }
        (Some(tag), Some(_)) if immutable(repository, tag) => {
            return fail!(
                "ImageTagAlreadyExistsException",
                "The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the \
                 tag is immutable."
            );
        }
        _ => {}
    }
    // A config and a layer may be the same blob; AWS counts what is stored.
    let blobs: BTreeSet<&str> = refers.iter().map(|(d, _)| d.as_str()).collect();
    let size = blobs.iter().filter_map(|d| repository.layers.get(*d)).map(|l| l.size).sum();
    let artifact_type = match manifest["artifactType"].as_str() {
        Some(kind) => Some(kind.to_owned()),
        None => manifest["config"]["mediaType"].as_str().map(str::to_owned),
    };
    if !exists {
        let manifest = input.image_manifest.clone();
        let media_type = media_type.clone();
        let image = Image { manifest, media_type, artifact_type, size, pushed: now, pulled: None };
        repository.images.insert(digest.clone(), image);
    }
    if let Some(tag) = &input.image_tag {
        repository.image_tags.insert(tag.clone(), digest.clone());
    }
    lifecycle::soon(cx, &name);
    Ok(bare(json!({"image": {
        "registryId": account,
        "repositoryName": name,
        "imageId": {"imageDigest": digest, "imageTag": input.image_tag},
        "imageManifest": input.image_manifest,
        "imageManifestMediaType": media_type,
    }})))
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ImageId {
    image_digest: Option<String>,
    image_tag: Option<String>,
}

impl ImageId {
    fn wire(&self) -> Value {
        bare(json!({"imageDigest": self.image_digest, "imageTag": self.image_tag}))
    }

    /// The digest, or a failure's code and reason.
    fn resolve(&self, repository: &Repository) -> std::result::Result<String, (&'static str, &'static str)> {
        let by_tag = self.image_tag.as_ref().map(|tag| repository.image_tags.get(tag));
        match (&self.image_digest, by_tag) {
            (None, None) => {
                Err(("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"))
            }
            (Some(d), _) if !d.starts_with("sha256:") || d.len() != 71 => Err((
                "InvalidImageDigest",
                "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
            )),
            (Some(d), Some(at)) if at != Some(d) => {
                Err(("ImageTagDoesNotMatchDigest", "The image tag does not point at the digest"))
            }
            (Some(d), _) if repository.images.contains_key(d) => Ok(d.clone()),
            (None, Some(Some(at))) => Ok(at.clone()),
            _ => Err(("ImageNotFound", "Requested image not found")),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Batch {
    registry_id: Option<String>,
    repository_name: String,
    image_ids: Vec<ImageId>,
    #[serde(default, rename = "acceptedMediaTypes")]
    _accepted_media_types: Vec<String>,
}

fn check_batch(input: &Batch) -> Result<()> {
    if input.image_ids.is_empty() || input.image_ids.len() > 100 {
        return invalid("imageIds", "Member must have length between 1 and 100");
    }
    Ok(())
}

pub(super) fn batch_get(cx: &mut Cx<'_>, input: Batch) -> Result {
    check_batch(&input)?;
    let (account, now) = (cx.account().to_owned(), cx.now());
    let repository = find(cx, &input.repository_name, input.registry_id.as_deref())?;
    let (mut images, mut failures) = (Vec::new(), Vec::new());
    for id in &input.image_ids {
        let found = id.resolve(repository);
        match found.map(|digest| (repository.images.get_mut(&digest), digest)) {
            Ok((Some(image), digest)) => {
                image.pulled = Some(now);
                images.push(bare(json!({
                    "registryId": account,
                    "repositoryName": input.repository_name,
                    "imageId": {"imageDigest": digest, "imageTag": id.image_tag},
                    "imageManifest": image.manifest,
                    "imageManifestMediaType": image.media_type,
                })));
            }
            Ok((None, _)) => {}
            Err((code, why)) => {
                failures.push(json!({"imageId": id.wire(), "failureCode": code, "failureReason": why}));
            }
        }
    }
    Ok(json!({"images": images, "failures": failures}))
}

pub(super) fn batch_delete(cx: &mut Cx<'_>, input: Batch) -> Result {
    check_batch(&input)?;
    let repository = find(cx, &input.repository_name, input.registry_id.as_deref())?;
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for id in &input.image_ids {
        let digest = match id.resolve(repository) {
            Ok(digest) => digest,
            Err((code, why)) => {
                failures.push(json!({"imageId": id.wire(), "failureCode": code, "failureReason": why}));
                continue;
            }
        };
        let tags: Vec<String> =
            repository.image_tags.iter().filter(|(_, d)| **d == digest).map(|(tag, _)| tag.clone()).collect();
        // A tag goes alone while others point at the image.
        if let (None, Some(tag)) = (&id.image_digest, &id.image_tag)
            && tags.len() > 1
        {
            repository.image_tags.remove(tag);
            deleted.push(json!({"imageDigest": digest, "imageTag": tag}));
            continue;
        }
        let referred = repository.images.values().any(|i| {
            is_list(&i.media_type)
                && serde_json::from_str::<Value>(&i.manifest)
                    .is_ok_and(|m| descriptors(&m).iter().any(|(d, _)| *d == digest))
        });
        if referred {
            failures.push(json!({
                "imageId": id.wire(),
                "failureCode": "ImageReferencedByManifestList",
                "failureReason": format!("Requested image referenced by manifest list: [{digest}]"),
            }));
            continue;
        }
        remove(repository, &digest);
        if tags.is_empty() {
            deleted.push(json!({"imageDigest": digest}));
        }
        deleted.extend(tags.iter().map(|tag| json!({"imageDigest": digest, "imageTag": tag})));
    }
    Ok(json!({"imageIds": deleted, "failures": failures}))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Filter {
    tag_status: Option<String>,
    #[serde(rename = "imageStatus")]
    _image_status: Option<String>,
}

impl Filter {
    fn wants(&self, tagged: bool) -> Result<bool> {
        match self.tag_status.as_deref() {
            None | Some("ANY") => Ok(true),
            Some("TAGGED") => Ok(tagged),
            Some("UNTAGGED") => Ok(!tagged),
            Some(_) => invalid("filter.tagStatus", "Member must satisfy enum value set: [TAGGED, UNTAGGED, ANY]"),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Describe {
    registry_id: Option<String>,
    repository_name: String,
    #[serde(default)]
    image_ids: Vec<ImageId>,
    next_token: Option<String>,
    max_results: Option<usize>,
    #[serde(default)]
    filter: Filter,
}

fn detail(repository: &Repository, digest: &str, image: &Image, account: &str) -> Value {
    let tags: Vec<&String> = repository.image_tags.iter().filter(|(_, d)| *d == digest).map(|(tag, _)| tag).collect();
    bare(json!({
        "registryId": account,
        "repositoryName": repository.name,
        "imageDigest": digest,
        "imageTags": if tags.is_empty() { None } else { Some(tags) },
        "imageSizeInBytes": if is_list(&image.media_type) { None } else { Some(image.size) },
        "imagePushedAt": image.pushed.epoch_seconds(),
        "imageManifestMediaType": image.media_type,
        "artifactMediaType": image.artifact_type,
        "lastRecordedPullTime": image.pulled.map(Time::epoch_seconds),
    }))
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let account = cx.account().to_owned();
    let repository = &*find(cx, &input.repository_name, input.registry_id.as_deref())?;
    if !input.image_ids.is_empty() {
        if input.next_token.is_some() || input.max_results.is_some() {
            return invalid("imageIds", "imageIds cannot be specified together with maxResults or nextToken");
        }
        let mut details = Vec::new();
        for id in &input.image_ids {
            let found = id.resolve(repository).ok().and_then(|digest| {
                repository.images.get(&digest).map(|image| detail(repository, &digest, image, &account))
            });
            let Some(found) = found else {
                let null = || "null".to_owned();
                let (digest, tag) =
                    (id.image_digest.clone().unwrap_or_else(null), id.image_tag.clone().unwrap_or_else(null));
                return Err(ApiError::new(
                    "ImageNotFoundException",
                    format!(
                        "The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within the \
                         repository with name '{}' in the registry with id '{account}'",
                        input.repository_name
                    ),
                ));
            };
            details.push(found);
        }
        return Ok(json!({"imageDetails": details}));
    }
    let tagged: BTreeSet<&String> = repository.image_tags.values().collect();
    let mut items = Vec::new();
    for (digest, image) in &repository.images {
        if input.filter.wants(tagged.contains(digest))? {
            items.push((digest.clone(), detail(repository, digest, image, &account)));
        }
    }
    let size = crate::page::size(input.max_results, 100, 1000, "InvalidParameterException")?;
    let page = page(items, input.next_token.as_deref(), size, "InvalidParameterException")?;
    Ok(bare(json!({"imageDetails": page.items, "nextToken": page.next})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct List {
    registry_id: Option<String>,
    repository_name: String,
    next_token: Option<String>,
    max_results: Option<usize>,
    #[serde(default)]
    filter: Filter,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let repository = find(cx, &input.repository_name, input.registry_id.as_deref())?;
    let mut items = Vec::new();
    if input.filter.wants(true)? {
        let tags = repository.image_tags.iter();
        items.extend(tags.map(|(tag, d)| (format!("{d} {tag}"), json!({"imageDigest": d, "imageTag": tag}))));
    }
    if input.filter.wants(false)? {
        let tagged: BTreeSet<&String> = repository.image_tags.values().collect();
        let untagged = repository.images.keys().filter(|d| !tagged.contains(d));
        items.extend(untagged.map(|d| (d.clone(), json!({"imageDigest": d}))));
    }
    items.sort_by(|(a, _), (b, _)| a.cmp(b));
    let size = crate::page::size(input.max_results, 100, 1000, "InvalidParameterException")?;
    let page = page(items, input.next_token.as_deref(), size, "InvalidParameterException")?;
    Ok(bare(json!({"imageIds": page.items, "nextToken": page.next})))
}

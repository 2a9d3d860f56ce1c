//! ECR: repositories ([`repository`]), their policies ([`policy`], [`lifecycle`]), layers ([`layer`]) and images
//! ([`image`]).

pub(crate) mod image;
pub(crate) mod layer;
pub(crate) mod lifecycle;
pub(crate) mod policy;
mod pull_through;
pub(crate) mod registry;
pub(crate) mod repository;
mod template;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Time;
use crate::protocol::Protocol;
use crate::services::{Resource, Service, operations};
use crate::tags::Tags;
use crate::world::Cx;

/// One region's registry.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) repositories: BTreeMap<String, Repository>,
    registry: registry::Settings,
    /// By prefix.
    pull_through: BTreeMap<String, pull_through::Rule>,
    /// By prefix.
    templates: BTreeMap<String, template::Template>,
    /// The account's settings that somebody made, by name.
    settings: BTreeMap<String, String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Repository {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) created: Time,
    pub(crate) mutability: String,
    /// Wildcards of tags that the mutability is the other way round for.
    pub(crate) exclusions: Vec<String>,
    pub(crate) scan_on_push: bool,
    pub(crate) encryption: Value,
    pub(crate) tags: Tags,
    pub(crate) policy: Option<String>,
    pub(crate) lifecycle: Option<lifecycle::Stored>,
    /// By digest.
    pub(crate) images: BTreeMap<String, image::Image>,
    /// Image tags, and the digests that they point at.
    pub(crate) image_tags: BTreeMap<String, String>,
    /// Size and media type by digest.
    pub(crate) layers: BTreeMap<String, layer::Layer>,
    pub(crate) uploads: BTreeMap<String, layer::Upload>,
}

pub(crate) static SERVICE: Service = Service {
    name: "ecr",
    prefix: "ecr",
    protocol: Protocol::Json { target: "AmazonEC2ContainerRegistry_V20150921" },
    invalid: "InvalidParameterException",
    handler,
    bucket: |_| None,
    on_event: |cx, body| lifecycle::on_event(cx, &body),
    resources,
};

operations! {
    "CreateRepository" => repository::create,
    "DescribeRepositories" => repository::describe,
    "DeleteRepository" => repository::delete,
    "PutImageTagMutability" => repository::put_mutability,
    "PutImageScanningConfiguration" => repository::put_scanning,
    "TagResource" => repository::tag,
    "UntagResource" => repository::untag,
    "ListTagsForResource" => repository::list_tags,
    "PutLifecyclePolicy" => lifecycle::put,
    "GetLifecyclePolicy" => lifecycle::get,
    "DeleteLifecyclePolicy" => lifecycle::delete,
    "SetRepositoryPolicy" => policy::set,
    "GetRepositoryPolicy" => policy::get,
    "DeleteRepositoryPolicy" => policy::delete,
    "GetAuthorizationToken" => registry::authorization_token,
    "CreatePullThroughCacheRule" => pull_through::create,
    "DescribePullThroughCacheRules" => pull_through::describe,
    "UpdatePullThroughCacheRule" => pull_through::update,
    "DeletePullThroughCacheRule" => pull_through::delete,
    "CreateRepositoryCreationTemplate" => template::create,
    "UpdateRepositoryCreationTemplate" => template::update,
    "DescribeRepositoryCreationTemplates" => template::describe,
    "DeleteRepositoryCreationTemplate" => template::delete,
    "PutAccountSetting" => template::put_setting,
    "GetAccountSetting" => template::get_setting,
    "DescribeRegistry" => registry::describe,
    "PutReplicationConfiguration" => registry::put_replication,
    "GetRegistryScanningConfiguration" => registry::scanning,
    "PutRegistryScanningConfiguration" => registry::put_scanning,
    "PutRegistryPolicy" => registry::put_policy,
    "GetRegistryPolicy" => registry::get_policy,
    "DeleteRegistryPolicy" => registry::delete_policy,
    "BatchGetRepositoryScanningConfiguration" => registry::repository_scanning,
    "InitiateLayerUpload" => layer::initiate,
    "UploadLayerPart" => layer::part,
    "CompleteLayerUpload" => layer::complete,
    "BatchCheckLayerAvailability" => layer::check,
    "GetDownloadUrlForLayer" => layer::download_url,
    "PutImage" => image::put,
    "BatchGetImage" => image::batch_get,
    "DescribeImages" => image::describe,
    "ListImages" => image::list,
    "BatchDeleteImage" => image::batch_delete,
}

fn resources(cx: &Cx<'_>) -> Vec<Resource> {
    let Some(region) = cx.world.regions.get(&cx.region) else { return Vec::new() };
    let repositories = region.ecr.repositories.values();
    repositories.map(|r| Resource { arn: r.arn.clone(), kind: "ecr:repository", tags: r.tags.clone() }).collect()
}

/// What a container's image means to this registry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pull {
    /// Somebody else's registry.
    Elsewhere,
    /// Here it is, by its digest.
    Found(String),
    /// It would be here, and is not.
    Missing,
}

/// The tags of a reference's image: the one that is named, and those that its digest has in this registry.
pub(crate) fn tags_of(cx: &mut Cx<'_>, reference: &str) -> Vec<String> {
    let (name, digest) = match reference.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (reference, None),
    };
    let path = name.split_once('/').map_or(name, |(_, path)| path);
    let (repository, tag) = match path.rsplit_once(':') {
        Some((repository, tag)) => (repository, Some(tag)),
        None => (path, None),
    };
    let mut tags: Vec<String> = tag.map(str::to_owned).into_iter().collect();
    if let (None, None) = (tag, digest) {
        tags.push("latest".to_owned());
    }
    if let (None, Some(digest)) = (tag, digest)
        && let Some(found) = cx.ecr().repositories.get(repository)
    {
        tags.extend(found.image_tags.iter().filter(|(_, d)| *d == digest).map(|(tag, _)| tag.clone()));
    }
    tags
}

/// Looks up an image by its reference, `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG` or `…@sha256:…`.
pub(crate) fn pull(cx: &mut Cx<'_>, reference: &str) -> Pull {
    let Some((host, rest)) = reference.split_once('/') else { return Pull::Elsewhere };
    let own = format!("{}.dkr.ecr.", cx.account());
    let Some(region) = host.strip_prefix(&own).and_then(|h| h.strip_suffix(".amazonaws.com")) else {
        return Pull::Elsewhere;
    };
    let now = cx.now();
    let Some(state) = cx.world.regions.get_mut(region) else { return Pull::Missing };
    let (name, digest) = match rest.split_once('@') {
        // `name:tag@digest` is legal; the digest counts.
        Some((name, digest)) => (name.split(':').next().unwrap_or(name), Some(digest.to_owned())),
        None => {
            let (name, tag) = rest.rsplit_once(':').unwrap_or((rest, "latest"));
            let tagged = state.ecr.repositories.get(name).and_then(|r| r.image_tags.get(tag));
            (name, tagged.cloned())
        }
    };
    let found = digest.and_then(|digest| {
        let image = state.ecr.repositories.get_mut(name)?.images.get_mut(&digest)?;
        image.pulled = Some(now);
        Some(digest)
    });
    found.map_or(Pull::Missing, Pull::Found)
}

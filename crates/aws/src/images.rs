//! Images come before services: which ones are missing in ECR, and the practice images of the local cloud.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_engine::cloud::{CloudError, ErrorKind};
use aomidori_model::kinds::task_definition::Image;
use aomidori_model::kinds::{EcrRepository, TaskDefinition};
use aomidori_model::{Address, Ref, Stack, Target};
use aws_sdk_ecr::types::ImageIdentifier;
use aws_smithy_types::Blob;
use futures_util::future::try_join_all;
use sha2::{Digest, Sha256};

use crate::call;
use crate::client::Cx;

/// The media types of an OCI image (OCI image specification, media types).
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// An image that a task definition of the stack runs and that is not in ECR.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingImage {
    /// The task definition.
    pub task_definition: Address,
    /// Its container.
    pub container: String,
    /// The repository's name.
    pub repository: String,
    /// The tag, or the digest (`sha256:…`).
    pub tag: String,
    /// The image as Docker writes it.
    pub image: String,
}

/// One image that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    task_definition: Address,
    container: String,
    tag: String,
}

/// Images by the repository that they are wanted in; those that come from elsewhere are nobody's concern here.
fn wanted(stack: &Stack) -> BTreeMap<String, Vec<Wanted>> {
    let name_of = |repository: &Ref<EcrRepository>| match repository.target() {
        Target::Id(name) => Some(name.clone()),
        Target::Address(_) => stack.find(repository).map(|(_, repository)| repository.name.to_string()),
    };
    let mut found: BTreeMap<String, Vec<Wanted>> = BTreeMap::new();
    for (address, definition) in stack.of::<TaskDefinition>() {
        for container in &definition.containers {
            let (repository, tag) = match &container.image {
                Image::Tag { repository, tag } => (repository, tag.to_string()),
                Image::Digest { repository, digest } => (repository, digest.clone()),
                Image::Uri(_) => continue,
            };
            if let Some(name) = name_of(repository) {
                let container = container.name.to_string();
                found.entry(name).or_default().push(Wanted { task_definition: address.clone(), container, tag });
            }
        }
    }
    found
}

/// The images that the stack's task definitions run and that are not in their repositories: one call for each
/// repository (`ecr:BatchGetImage`). In a repository that is not there all of them are missing.
pub(crate) async fn missing(cx: &Cx, stack: &Stack) -> Result<Vec<MissingImage>, CloudError> {
    let wanted = wanted(stack);
    let pages = try_join_all(wanted.iter().map(|(repository, images)| async move {
        let there = there(cx, repository, images).await?;
        let host = format!("{}.dkr.ecr.{}.amazonaws.com", cx.identity().await?.account, cx.region);
        let missing = images.iter().filter(|image| !there.contains(&image.tag)).map(|image| {
            let mark = if image.tag.starts_with("sha256:") { '@' } else { ':' };
            MissingImage {
                task_definition: image.task_definition.clone(),
                container: image.container.clone(),
                repository: repository.clone(),
                tag: image.tag.clone(),
                image: format!("{host}/{repository}{mark}{}", image.tag),
            }
        });
        Ok::<_, CloudError>(missing.collect::<Vec<_>>())
    }))
    .await?;
    Ok(pages.concat())
}

/// Which of these tags and digests are in a repository.
async fn there(cx: &Cx, repository: &str, images: &[Wanted]) -> Result<BTreeSet<String>, CloudError> {
    let tags: BTreeSet<&str> = images.iter().map(|image| image.tag.as_str()).collect();
    let ids: Vec<ImageIdentifier> = tags
        .iter()
        .map(|tag| match tag.starts_with("sha256:") {
            true => ImageIdentifier::builder().image_digest(*tag).build(),
            false => ImageIdentifier::builder().image_tag(*tag).build(),
        })
        .collect();
    let mut found = BTreeSet::new();
    // A hundred to a call.
    for chunk in ids.chunks(100) {
        let answer = call::read("ecr:BatchGetImage", || {
            cx.ecr.batch_get_image().repository_name(repository).set_image_ids(Some(chunk.to_vec())).send()
        })
        .await;
        let Some(answer) = call::if_there(answer)? else { return Ok(BTreeSet::new()) };
        for id in answer.images.unwrap_or_default().into_iter().filter_map(|image| image.image_id) {
            found.extend(id.image_tag);
            found.extend(id.image_digest);
        }
    }
    Ok(found)
}

/// A small image in memory: what ECR keeps of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tiny {
    layer: Vec<u8>,
    config: Vec<u8>,
    manifest: String,
}

fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// An OCI image with one file, `index.html`, that says its colour. Same colour, same bytes.
fn tiny(color: &str) -> Tiny {
    let page = format!("<!doctype html><title>{color}</title><body style=\"background:{color}\">{color}</body>\n");
    let layer = tar("usr/share/nginx/html/index.html", page.as_bytes());
    let config = serde_json::json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": [format!("COLOR={color}")], "Labels": {"color": color}},
        "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
    })
    .to_string()
    .into_bytes();
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "size": config.len(), "digest": digest(&config)},
        "layers": [{"mediaType": LAYER, "size": layer.len(), "digest": digest(&layer)}],
        "annotations": {"color": color},
    })
    .to_string();
    Tiny { layer, config, manifest }
}

/// A tar archive (POSIX ustar) of one file.
fn tar(path: &str, content: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(field) = header.get_mut(at..at + bytes.len()) {
            field.copy_from_slice(bytes);
        }
    };
    put(0, path.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", content.len()).as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    let sum = format!("{sum:06o}\0 ");
    header[148..156].copy_from_slice(sum.as_bytes());
    let mut archive = header.to_vec();
    archive.extend_from_slice(content);
    // Whole blocks, and two empty ones at the end.
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}

/// Puts a tiny image through ECR's own API; again is no harm.
pub(crate) async fn push(cx: &Cx, repository: &str, tag: &str, color: &str) -> Result<(), CloudError> {
    let image = tiny(color);
    upload(cx, repository, &image.layer).await?;
    upload(cx, repository, &image.config).await?;
    let request = cx
        .ecr
        .put_image()
        .repository_name(repository)
        .image_manifest(&image.manifest)
        .image_manifest_media_type(MANIFEST)
        .image_tag(tag);
    match call::idempotent("ecr:PutImage", || request.clone().send()).await {
        // The same image under the same tag.
        Err(error) if error.kind == ErrorKind::AlreadyExists => Ok(()),
        other => other.map(|_| ()),
    }
}

async fn upload(cx: &Cx, repository: &str, blob: &[u8]) -> Result<(), CloudError> {
    const START: &str = "ecr:InitiateLayerUpload";
    let started = call::idempotent(START, || cx.ecr.initiate_layer_upload().repository_name(repository).send()).await?;
    let upload = started.upload_id.ok_or_else(|| call::missing(START, "upload"))?;
    let last = i64::try_from(blob.len()).unwrap_or(i64::MAX) - 1;
    call::once(
        "ecr:UploadLayerPart",
        cx.ecr
            .upload_layer_part()
            .repository_name(repository)
            .upload_id(&upload)
            .part_first_byte(0)
            .part_last_byte(last)
            .layer_part_blob(Blob::new(blob))
            .send(),
    )
    .await?;
    let completed = call::once(
        "ecr:CompleteLayerUpload",
        cx.ecr
            .complete_layer_upload()
            .repository_name(repository)
            .upload_id(&upload)
            .layer_digests(digest(blob))
            .send(),
    )
    .await;
    match completed {
        Err(error) if error.kind == ErrorKind::AlreadyExists => Ok(()),
        other => other.map(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tiny_image_is_whole() {
        let image = tiny("blue");
        assert_eq!(image, tiny("blue"));
        assert_ne!(image.manifest, tiny("green").manifest);
        let manifest: serde_json::Value = serde_json::from_str(&image.manifest).unwrap();
        assert_eq!(manifest["layers"][0]["digest"], digest(&image.layer));
        assert_eq!(manifest["layers"][0]["size"], image.layer.len());
        assert_eq!(manifest["config"]["digest"], digest(&image.config));
        let config: serde_json::Value = serde_json::from_slice(&image.config).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"][0], digest(&image.layer));
        assert_eq!(image.layer.len() % 512, 0);
    }

    #[test]
    fn the_archive_has_the_sum_of_its_header() {
        let archive = tar("a", b"hello");
        let stated = u32::from_str_radix(std::str::from_utf8(&archive[148..154]).unwrap(), 8).unwrap();
        let mut header = archive[..512].to_vec();
        header[148..156].copy_from_slice(b"        ");
        assert_eq!(stated, header.iter().map(|byte| u32::from(*byte)).sum::<u32>());
        assert_eq!(&archive[257..265], b"ustar\x0000");
        assert_eq!(&archive[512..517], b"hello");
    }

    #[test]
    fn images_from_elsewhere_are_not_looked_for() {
        use aomidori_model::kinds::task_definition::{Container, FargateSize};
        let container = |name: &str, image: Image| Container {
            name: name.parse().unwrap(),
            image,
            essential: true,
            ports: BTreeSet::new(),
            command: None,
            entry_point: None,
            environment: BTreeMap::new(),
            secrets: BTreeMap::new(),
            cpu: None,
            memory: None,
            logs: None,
            health_check: None,
            readonly_root_filesystem: None,
            init_process: None,
        };
        let mut stack = Stack::new("shop".parse().unwrap());
        let tag = Image::Tag { repository: Ref::existing("team/app"), tag: "blue".parse().unwrap() };
        stack.add(
            "services/web",
            TaskDefinition {
                family: "web".parse().unwrap(),
                size: FargateSize::new(256, 512).unwrap(),
                execution_role: None,
                task_role: None,
                cpu_architecture: None,
                containers: vec![container("web", tag), container("proxy", Image::Uri("nginx:1".into()))],
            },
        );
        let found = wanted(&stack);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["team/app"]);
        assert_eq!(found["team/app"][0].container, "web");
    }
}

//! Layers: uploaded in parts, known by their digests. Their content is checked and not kept.

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::error::{ApiError, Result, fail};
use crate::services::ecr::repository::find;
use crate::world::Cx;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Layer {
    pub(crate) size: u64,
    pub(crate) media_type: String,
}

/// An upload that is not complete yet.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Upload {
    /// The parts' content, as it was sent (base64).
    parts: Vec<String>,
    size: u64,
}

pub(super) fn digest(content: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
    let mut hash = Sha256::new();
    for part in content {
        hash.update(part);
    }
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Initiate {
    registry_id: Option<String>,
    repository_name: String,
}

/// What AWS recommends as the size of a part.
const PART: u64 = 20 * 1024 * 1024;

pub(super) fn initiate(cx: &mut Cx<'_>, input: Initiate) -> Result {
    let id = cx.uuid();
    let uploads = &mut find(cx, &input.repository_name, input.registry_id.as_deref())?.uploads;
    uploads.insert(id.clone(), Upload::default());
    Ok(json!({"uploadId": id, "partSize": PART}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Part {
    registry_id: Option<String>,
    repository_name: String,
    upload_id: String,
    part_first_byte: u64,
    part_last_byte: u64,
    layer_part_blob: String,
}

fn no_upload(id: &str, name: &str, account: &str) -> ApiError {
    let text = format!(
        "An upload with the id '{id}' could not be found in the repository with name '{name}' in the registry with id \
         '{account}'"
    );
    ApiError::new("UploadNotFoundException", text)
}

fn decoded(blob: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(blob).ok()
}

pub(super) fn part(cx: &mut Cx<'_>, input: Part) -> Result {
    let account = cx.account().to_owned();
    let name = &input.repository_name;
    let repository = find(cx, name, input.registry_id.as_deref())?;
    let upload =
        repository.uploads.get_mut(&input.upload_id).ok_or_else(|| no_upload(&input.upload_id, name, &account))?;
    let Some(content) = decoded(&input.layer_part_blob) else {
        return fail!("SerializationException", "layerPartBlob: not base64");
    };
    let length = content.len() as u64;
    if input.part_first_byte != upload.size || input.part_last_byte.checked_add(1) != Some(upload.size + length) {
        let error = ApiError::new(
            "InvalidLayerPartException",
            format!("Unexpected part range. Last valid byte received was {}", upload.size.saturating_sub(1)),
        );
        return Err(error
            .detail("registryId", account)
            .detail("repositoryName", name.as_str())
            .detail("uploadId", input.upload_id)
            .detail("lastValidByteReceived", upload.size.saturating_sub(1)));
    }
    upload.size += length;
    upload.parts.push(input.layer_part_blob);
    let last = upload.size.saturating_sub(1);
    Ok(json!({
        "registryId": account,
        "repositoryName": name,
        "uploadId": input.upload_id,
        "lastByteReceived": last,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Complete {
    registry_id: Option<String>,
    repository_name: String,
    upload_id: String,
    layer_digests: Vec<String>,
}

pub(super) fn complete(cx: &mut Cx<'_>, input: Complete) -> Result {
    let account = cx.account().to_owned();
    let name = &input.repository_name;
    let repository = find(cx, name, input.registry_id.as_deref())?;
    let upload = repository.uploads.get(&input.upload_id).ok_or_else(|| no_upload(&input.upload_id, name, &account))?;
    if upload.size == 0 {
        return fail!("EmptyUploadException", "The specified layer upload does not contain any layer parts.");
    }
    let digest = digest(upload.parts.iter().filter_map(|part| decoded(part)));
    let size = upload.size;
    if !input.layer_digests.contains(&digest) {
        return fail!(
            "InvalidLayerException",
            "Layer digest '{}' does not match the digest of the uploaded content, '{digest}'",
            input.layer_digests.join("', '")
        );
    }
    repository.uploads.remove(&input.upload_id);
    if repository.layers.contains_key(&digest) {
        return fail!(
            "LayerAlreadyExistsException",
            "Image layer with digest '{digest}' already exists in the repository with name '{name}' in the registry with \
             id '{account}'"
        );
    }
    let media_type = "application/vnd.docker.image.rootfs.diff.tar.gzip".to_owned();
    repository.layers.insert(digest.clone(), Layer { size, media_type });
    Ok(json!({
        "registryId": account,
        "repositoryName": name,
        "uploadId": input.upload_id,
        "layerDigest": digest,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Check {
    registry_id: Option<String>,
    repository_name: String,
    layer_digests: Vec<String>,
}

pub(super) fn check(cx: &mut Cx<'_>, input: Check) -> Result {
    let repository = find(cx, &input.repository_name, input.registry_id.as_deref())?;
    let (mut layers, mut failures) = (Vec::new(), Vec::new());
    for digest in input.layer_digests {
        if !digest.starts_with("sha256:") {
            failures.push(json!({
                "layerDigest": digest,
                "failureCode": "InvalidLayerDigest",
                "failureReason": "Invalid layer digest",
            }));
            continue;
        }
        match repository.layers.get(&digest) {
            Some(layer) => layers.push(json!({
                "layerDigest": digest,
                "layerAvailability": "AVAILABLE",
                "layerSize": layer.size,
                "mediaType": layer.media_type,
            })),
            None => layers.push(json!({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"})),
        }
    }
    Ok(json!({"layers": layers, "failures": failures}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DownloadUrl {
    registry_id: Option<String>,
    repository_name: String,
    layer_digest: String,
}

/// There is nothing to download: content is not kept, and that is what this says.
pub(super) fn download_url(cx: &mut Cx<'_>, input: DownloadUrl) -> Result {
    let repository = find(cx, &input.repository_name, input.registry_id.as_deref())?;
    if !repository.layers.contains_key(&input.layer_digest) {
        return fail!("LayersNotFoundException", "The layer with digest '{}' does not exist", input.layer_digest);
    }
    fail!(
        "LayerInaccessibleException",
        "The local cloud knows the layer '{}' and does not keep its content",
        input.layer_digest
    )
}

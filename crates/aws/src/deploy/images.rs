//! Images in ECR by tag or digest.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_deploy::cloud::ImageFound;
use aomidori_engine::cloud::{CloudError, ErrorKind};
use aws_sdk_ecr::types::{ImageIdentifier, ListImagesFilter, TagStatus};

use crate::call;
use crate::client::Cx;

/// Those of these that a repository has, by what was asked for; none of a repository that is not there.
pub(super) async fn find(
    cx: &Cx,
    repository: &str,
    references: &BTreeSet<String>,
) -> Result<BTreeMap<String, ImageFound>, CloudError> {
    let ids: Vec<ImageIdentifier> = references
        .iter()
        .map(|reference| match reference.starts_with("sha256:") {
            true => ImageIdentifier::builder().image_digest(reference).build(),
            false => ImageIdentifier::builder().image_tag(reference).build(),
        })
        .collect();
    let mut found = BTreeMap::new();
    // A hundred to a call.
    for chunk in ids.chunks(100) {
        let answer = call::read("ecr:BatchGetImage", || {
            cx.ecr.batch_get_image().repository_name(repository).set_image_ids(Some(chunk.to_vec())).send()
        })
        .await;
        let Some(answer) = call::if_there(answer)? else { return Ok(BTreeMap::new()) };
        for id in answer.images.unwrap_or_default().into_iter().filter_map(|image| image.image_id) {
            let Some(digest) = id.image_digest else { continue };
            // An image that was asked for by its digest may be answered with a tag of its as well.
            for name in [Some(digest.clone()), id.image_tag].into_iter().flatten() {
                if references.contains(&name) {
                    found.insert(name, ImageFound { digest: digest.clone() });
                }
            }
        }
    }
    Ok(found)
}

/// The tags of a repository that begin with this, with their digests; none of a repository that is not there.
pub(super) async fn tags(cx: &Cx, repository: &str, prefix: &str) -> Result<BTreeMap<String, String>, CloudError> {
    let filter = ListImagesFilter::builder().tag_status(TagStatus::Tagged).build();
    let mut found = BTreeMap::new();
    let mut token = None;
    loop {
        let answer = call::read("ecr:ListImages", || {
            cx.ecr.list_images().repository_name(repository).filter(filter.clone()).set_next_token(token.clone()).send()
        })
        .await;
        let Some(page) = call::if_there(answer)? else { return Ok(BTreeMap::new()) };
        let images = page.image_ids.unwrap_or_default().into_iter();
        found.extend(
            images.filter_map(|id| id.image_tag.zip(id.image_digest)).filter(|(tag, _)| tag.starts_with(prefix)),
        );
        token = page.next_token;
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// Gives an image another tag: its manifest is put once more. An image that is not there gets none.
pub(super) async fn tag(cx: &Cx, repository: &str, digest: &str, tag: &str) -> Result<(), CloudError> {
    let id = ImageIdentifier::builder().image_digest(digest).build();
    let answer = call::read("ecr:BatchGetImage", || {
        cx.ecr.batch_get_image().repository_name(repository).image_ids(id.clone()).send()
    })
    .await;
    let image = call::if_there(answer)?.and_then(|answer| answer.images.unwrap_or_default().into_iter().next());
    let Some((manifest, media_type)) =
        image.and_then(|image| Some((image.image_manifest?, image.image_manifest_media_type)))
    else {
        return Ok(());
    };
    let request = cx
        .ecr
        .put_image()
        .repository_name(repository)
        .image_manifest(manifest)
        .set_image_manifest_media_type(media_type)
        .image_digest(digest)
        .image_tag(tag);
    match call::idempotent("ecr:PutImage", || request.clone().send()).await {
        // It has the tag already.
        Err(error) if error.kind == ErrorKind::AlreadyExists => Ok(()),
        other => other.map(|_| ()),
    }
}

/// Takes tags away, a hundred to a call.
pub(super) async fn untag(cx: &Cx, repository: &str, tags: &BTreeSet<String>) -> Result<(), CloudError> {
    let ids: Vec<ImageIdentifier> = tags.iter().map(|tag| ImageIdentifier::builder().image_tag(tag).build()).collect();
    for chunk in ids.chunks(100) {
        let answer = call::idempotent("ecr:BatchDeleteImage", || {
            cx.ecr.batch_delete_image().repository_name(repository).set_image_ids(Some(chunk.to_vec())).send()
        })
        .await;
        call::if_there(answer)?;
    }
    Ok(())
}

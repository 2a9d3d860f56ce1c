//! Images in ECR by tag or digest.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_deploy::cloud::ImageFound;
use aomidori_engine::cloud::CloudError;
use aws_sdk_ecr::types::ImageIdentifier;

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

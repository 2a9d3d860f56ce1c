//! Which image a tag was: a generation is gone back to by its digest, and a revision that names its image by a tag does not
//! say which that was.
//!
//! ECS resolves a tag when it deploys, and its tasks say to what. Before such a revision is replaced, that is written into
//! its tags: `aomidori:digest/CONTAINER`.

use std::collections::BTreeMap;

use aomidori_engine::cloud::CloudError;
use aomidori_model::ownership;

use crate::cloud::{DeployCloud, Revision, Task};
use crate::site::Site;

/// The tag that holds the digest of an image that a revision names by its tag.
pub fn digest_tag(container: &str) -> String {
    ownership::digest_key(container)
}

/// The digests that are to be recorded for a revision, from the tasks that run it.
pub fn unrecorded(live: &Revision, tasks: &[Task]) -> BTreeMap<String, String> {
    let by_tag = live.images.iter().filter(|(_, image)| !image.contains('@'));
    by_tag
        .filter(|(container, _)| !live.tags.contains_key(&digest_tag(container)))
        .filter_map(|(container, _)| {
            let of_it = |task: &&Task| task.task_definition == live.arn && task.status == "RUNNING";
            let digest = tasks.iter().filter(of_it).find_map(|task| task.digests.get(container))?;
            Some((digest_tag(container), digest.clone()))
        })
        .collect()
}

/// Records the digests of what runs, if its revision names its images by tags. To be called before it is replaced; false
/// if there is nothing to record.
///
/// # Errors
/// A call failed; the deployment itself needs none of it.
pub async fn record<C: DeployCloud>(cloud: &C, site: &Site, live: &str) -> Result<bool, CloudError> {
    let Some(revision) = cloud.revision(live).await? else { return Ok(false) };
    let known = |container: &String| revision.tags.contains_key(&digest_tag(container));
    if revision.images.iter().all(|(container, image)| image.contains('@') || known(container)) {
        return Ok(false);
    }
    let tags = unrecorded(&revision, &cloud.tasks(&site.at).await?);
    if tags.is_empty() {
        return Ok(false);
    }
    cloud.tag_revision(&revision.arn, &tags).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(definition: &str, status: &str, digest: &str) -> Task {
        Task {
            task_definition: definition.into(),
            status: status.into(),
            digests: BTreeMap::from([("web".into(), digest.into())]),
            ..Task::default()
        }
    }

    #[test]
    fn what_runs_says_which_image_a_tag_was() {
        let mut live = Revision {
            arn: "web:1".into(),
            images: BTreeMap::from([("web".into(), "shop/web:blue".into()), ("log".into(), "log@sha256:1".into())]),
            ..Revision::default()
        };
        let tasks = [
            task("web:2", "RUNNING", "sha256:2"),
            task("web:1", "STOPPED", "sha256:3"),
            task("web:1", "RUNNING", "sha256:4"),
        ];
        let recorded = BTreeMap::from([("aomidori:digest/web".to_owned(), "sha256:4".to_owned())]);
        assert_eq!(unrecorded(&live, &tasks), recorded);
        // Nothing that runs says so; and nothing is recorded twice.
        assert_eq!(unrecorded(&live, &tasks[..2]), BTreeMap::new());
        live.tags = recorded;
        assert_eq!(unrecorded(&live, &tasks), BTreeMap::new());
    }
}

//! Images that one may go back to are kept: a lifecycle rule cannot know which those are, so that they are told by a tag.
//!
//! The images of the last good generations of a service carry a tag of their own, and the repository's policy has a first
//! rule for tags with that prefix ([`LifecyclePolicy::generations`]): an image that a rule matches is never expired by a rule
//! after it (ECR user guide, "Lifecycle policy properties"). How many is the policy's own number.
//!
//! [`LifecyclePolicy::generations`]: aomidori_model::kinds::ecr_repository::LifecyclePolicy

use std::collections::{BTreeMap, BTreeSet};

use aomidori_engine::cloud::CloudError;
use aomidori_model::kinds::ecr_repository::GENERATION_PREFIX;
use sha2::{Digest, Sha256};

use crate::cloud::{DeployCloud, Revision};
use crate::generations::{ecr_digest, image_of, recent_good};
use crate::site::Site;

/// What the tags of a repository have to become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retag {
    /// Digests by the tag that they shall have.
    pub add: BTreeMap<String, String>,
    /// Tags that are not needed any more.
    pub remove: BTreeSet<String>,
}

/// What begins every tag of a service's generations: at most 90 of the 128 characters that a tag may have. Repositories are
/// shared between services and environments, so that it tells them apart.
pub fn prefix(site: &Site) -> String {
    let of = format!("{}/{}", site.at.cluster, site.at.name);
    let hash = hex::encode(Sha256::digest(of.as_bytes()));
    let name: String = site.at.name.chars().take(60).collect();
    format!("{GENERATION_PREFIX}{name}-{}-", &hash[..8])
}

/// The tags of one service in one repository, as they have to become: `needed` are digests.
pub fn retag(prefix: &str, needed: &BTreeSet<String>, have: &BTreeMap<String, String>) -> Retag {
    let tag = |digest: &String| {
        let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
        format!("{prefix}{}", hex.chars().take(12).collect::<String>())
    };
    let wanted: BTreeMap<String, String> = needed.iter().map(|digest| (tag(digest), digest.clone())).collect();
    let ours = have.iter().filter(|(tag, _)| tag.starts_with(prefix));
    Retag {
        add: wanted
            .iter()
            .filter(|(tag, digest)| have.get(*tag) != Some(*digest))
            .map(|(t, d)| (t.clone(), d.clone()))
            .collect(),
        remove: ours.filter(|(tag, _)| !wanted.contains_key(*tag)).map(|(tag, _)| tag.clone()).collect(),
    }
}

/// Keeps the images of the last good generations, of what is live, and of `next`, which is about to be deployed, as long as
/// the repositories' policies say; nothing where no policy does. To be called before a deployment: a run that dies leaves
/// too many tags at worst, and the next one removes them.
///
/// # Errors
/// A call failed; the deployment itself needs none of it.
pub async fn protect<C: DeployCloud>(cloud: &C, site: &Site, live: &str, next: &Revision) -> Result<(), CloudError> {
    let Some(most) = site.generations.values().max() else { return Ok(()) };
    let mut good = Vec::new();
    good.extend(cloud.revision(live).await?);
    good.extend(recent_good(cloud, site, *most as usize).await?);
    for (repository, keep) in &site.generations {
        let mut needed = BTreeSet::new();
        for revision in std::iter::once(next).chain(&good) {
            // The one that is about to be deployed is one more.
            if needed.len() > *keep as usize {
                break;
            }
            let images = revision.images.iter().map(|(container, image)| image_of(revision, container, image));
            let of_it = images.filter_map(|image| ecr_digest(&image)).filter(|(of, _)| of == repository);
            needed.extend(of_it.map(|(_, digest)| digest).filter(|digest| digest.starts_with("sha256:")));
        }
        let prefix = prefix(site);
        let have = cloud.image_tags(repository, &prefix).await?;
        let Retag { add, remove } = retag(&prefix, &needed, &have);
        for (tag, digest) in &add {
            cloud.tag_image(repository, digest, tag).await?;
        }
        if !remove.is_empty() {
            cloud.untag_images(repository, &remove).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_follow_the_generations() {
        let digest = |n: u8| format!("sha256:{}", format!("{n}f").repeat(32));
        let tag = |n: u8| format!("p-{}", format!("{n}f").repeat(6));
        let needed = BTreeSet::from([digest(1), digest(2)]);
        let have = BTreeMap::from([
            (tag(2), digest(2)),
            (tag(3), digest(3)),
            // Of another service, and somebody's own.
            ("q-3f".into(), digest(3)),
            ("main-1".into(), digest(3)),
        ]);
        let found = retag("p-", &needed, &have);
        assert_eq!(found.add, BTreeMap::from([(tag(1), digest(1))]));
        assert_eq!(found.remove, BTreeSet::from([tag(3)]));
        let after = BTreeMap::from([(tag(1), digest(1)), (tag(2), digest(2))]);
        assert_eq!(retag("p-", &needed, &after), Retag::default());
    }
}

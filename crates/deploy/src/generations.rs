//! Every generation that served, from AWS alone: CodeDeploy's history, the tags of revisions, ECR.
//!
//! A generation is a time in which a revision was live: going back to an earlier one makes another. The first is what
//! the service was created with.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_engine::cloud::CloudError;
use serde::Serialize;

use crate::appspec::task_definition_of;
use crate::cloud::{DeployCloud, Deployment, Revision, Service, Status};
use crate::digests::digest_tag;
use crate::register::image_tag;
use crate::site::{Deployer, Site};
use crate::stage::Progress;
use crate::time::Moment;

/// How many deployments are looked at.
pub const DEPTH: usize = 200;

/// A time in which a revision was live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Generation {
    /// Counted from 1.
    pub number: u32,
    /// The ARN of its revision.
    pub task_definition: String,
    /// The number of the revision.
    pub revision: u32,
    /// The image tag that was asked for, where the revision says it.
    pub tag: Option<String>,
    /// The image that runs: by its digest, unless its revision names it by a tag and nobody recorded what that was.
    pub image: Option<String>,
    /// The image as its revision names it, where that is by a tag.
    pub by_tag: Option<String>,
    /// The deployment that brought it; `None` for what the service was created with.
    pub deployment: Option<String>,
    /// What was said about it.
    pub description: String,
    /// Since when it was deployed.
    pub at: Option<Moment>,
    /// Who registered its revision.
    pub who: Option<String>,
    /// How it ended.
    pub end: Ended,
    /// Why one cannot go back to it.
    pub obstacle: Option<Obstacle>,
}

/// How a generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It is live.
    Live,
    /// Another one has taken its place.
    Replaced,
    /// It was live, or a part of it was, and was taken back.
    RolledBack,
    /// It failed or was stopped while it was live, and nothing took it back.
    Unfinished,
    /// It is on its way.
    Running,
}

/// Why one cannot go back to a generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// Its revision was deregistered.
    RevisionInactive,
    /// Its revision is not there any more.
    RevisionGone,
    /// Its image is not in ECR any more.
    ImageGone(String),
}

/// A deployment with the revision that it deploys, and whether requests were ever sent to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployed {
    /// The deployment.
    pub deployment: Deployment,
    /// The ARN of its revision.
    pub task_definition: Option<String>,
    /// Production requests were sent to it.
    pub served: bool,
    /// What rolled it back has succeeded.
    pub rolled_back: bool,
}

/// Reads the generations of a service. For a rolling service ECS keeps no history: it has what runs.
///
/// # Errors
/// A read failed.
pub async fn generations<C: DeployCloud>(cloud: &C, site: &Site) -> Result<Vec<Generation>, CloudError> {
    let Some(service) = cloud.service(&site.at).await? else { return Ok(Vec::new()) };
    let revisions = cloud.revisions(site.definition.family.as_str()).await?;
    let mut history = Vec::new();
    if let Deployer::CodeDeploy(pair) = &site.deployer {
        let application = pair.group.split('/').next().unwrap_or_default();
        let deployments = cloud.deployments(&pair.group, DEPTH).await?;
        let mut specs: BTreeMap<String, Option<String>> = BTreeMap::new();
        for deployment in &deployments {
            // A rollback brings back what was live before: no generation of its own.
            if deployment.rolls_back.is_some() {
                continue;
            }
            let task_definition = match &deployment.sha256 {
                None => None,
                Some(sha) => {
                    if !specs.contains_key(sha) {
                        let text = cloud.appspec(application, sha).await?;
                        specs.insert(sha.clone(), text.and_then(|text| task_definition_of(&text)));
                    }
                    specs.get(sha).cloned().flatten()
                }
            };
            let served = match deployment.status {
                Status::Succeeded => true,
                Status::Created | Status::Queued | Status::Ready => false,
                _ => {
                    let target = cloud.target(&deployment.id, &site.at).await?;
                    Progress { deployment: deployment.clone(), target }.served()
                }
            };
            let by = deployment.rollback.as_ref();
            let rolled_back = deployments.iter().any(|it| Some(&it.id) == by && it.status == Status::Succeeded);
            history.push(Deployed { deployment: deployment.clone(), task_definition, served, rolled_back });
        }
    }
    let mut found = number(&service, &history, &revisions);
    let wanted = images_of(&found);
    let mut there = BTreeSet::new();
    for (repository, digests) in &wanted {
        let images = cloud.images(repository, digests).await?;
        there.extend(images.into_keys().map(|digest| (repository.clone(), digest)));
    }
    for generation in &mut found {
        let Some(image) = &generation.image else { continue };
        if generation.obstacle.is_none()
            && let Some(parts) = ecr_digest(image)
            && !there.contains(&parts)
        {
            generation.obstacle = Some(Obstacle::ImageGone(image.clone()));
        }
    }
    Ok(found)
}

/// The generations in order, from the service, its deployments (the newest first) and the revisions of its family. Images
/// are not looked for.
pub fn number(service: &Service, history: &[Deployed], revisions: &[Revision]) -> Vec<Generation> {
    let primary = service.task_sets.iter().find(|set| set.status == "PRIMARY").map(|set| &set.task_definition);
    let live = primary.or(service.task_definition.as_ref());
    let find = |arn: &str| revisions.iter().find(|revision| revision.arn == arn);
    let mut found = Vec::new();
    // What the service was created with: the latest revision of that moment. Without any deployment it is what runs.
    let first = match history.iter().any(|deployed| deployed.served) {
        false => live.cloned(),
        true => {
            let then = |revision: &&Revision| match (revision.registered_at, service.created_at) {
                (Some(registered), Some(created)) => registered <= created,
                _ => false,
            };
            let lowest = || revisions.iter().min_by_key(|revision| revision.revision);
            let at_creation = revisions.iter().filter(then).max_by_key(|revision| revision.revision).or_else(lowest);
            at_creation.map(|revision| revision.arn.clone())
        }
    };
    if let Some(arn) = first {
        found.push(generation(&arn, find(&arn), None, service.created_at, Ended::Replaced));
    }
    for deployed in history.iter().rev().filter(|deployed| deployed.served) {
        let deployment = &deployed.deployment;
        let end = match deployment.status {
            _ if deployed.rolled_back => Ended::RolledBack,
            Status::Failed | Status::Stopped => Ended::Unfinished,
            Status::Succeeded => Ended::Replaced,
            _ => Ended::Running,
        };
        let arn = deployed.task_definition.clone().unwrap_or_default();
        found.push(generation(&arn, find(&arn), Some(deployment), deployment.created_at, end));
    }
    for (n, generation) in found.iter_mut().enumerate() {
        generation.number = u32::try_from(n + 1).unwrap_or(u32::MAX);
    }
    // The last one that runs what is live.
    if let Some(of_it) =
        found.iter_mut().rev().find(|it| Some(&it.task_definition) == live && it.end != Ended::RolledBack)
        && of_it.end == Ended::Replaced
    {
        of_it.end = Ended::Live;
    }
    found
}

fn generation(
    arn: &str,
    revision: Option<&Revision>,
    deployment: Option<&Deployment>,
    at: Option<Moment>,
    end: Ended,
) -> Generation {
    let named = |container: &String, image: &String| match revision.and_then(|it| it.tags.get(&digest_tag(container))) {
        Some(digest) if !image.contains('@') => match image.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => format!("{repository}@{digest}"),
            _ => format!("{image}@{digest}"),
        },
        _ => image.clone(),
    };
    // A task of several containers has the image of the one that was deployed: the one with a tag.
    let tagged = revision.and_then(|revision| {
        revision
            .images
            .iter()
            .find_map(|(container, image)| Some((revision.tags.get(&image_tag(container))?, container, image)))
    });
    let image = tagged.map(|(_, container, image)| (container, image)).or_else(|| revision?.images.iter().next());
    let number = arn.rsplit(':').next().and_then(|number| number.parse().ok()).unwrap_or_default();
    Generation {
        number: 0,
        task_definition: arn.to_owned(),
        revision: revision.map_or(number, |revision| revision.revision),
        tag: tagged.map(|(tag, _, _)| tag.clone()),
        image: image.map(|(container, image)| named(container, image)),
        by_tag: image.map(|(_, image)| image.clone()).filter(|image| !image.contains('@')),
        deployment: deployment.map(|deployment| deployment.id.clone()),
        description: deployment.map(|deployment| deployment.description.clone()).unwrap_or_default(),
        at,
        who: revision.and_then(|revision| revision.registered_by.clone()),
        end,
        obstacle: match revision {
            None => Some(Obstacle::RevisionGone),
            Some(revision) if !revision.active => Some(Obstacle::RevisionInactive),
            Some(_) => None,
        },
    }
}

/// Repository and digest (or tag) of an image in ECR.
fn ecr_digest(image: &str) -> Option<(String, String)> {
    let (host, rest) = image.split_once('/')?;
    if !host.contains(".dkr.ecr.") {
        return None;
    }
    let (repository, reference) = rest.split_once('@').or_else(|| rest.rsplit_once(':'))?;
    Some((repository.to_owned(), reference.to_owned()))
}

fn images_of(generations: &[Generation]) -> BTreeMap<String, BTreeSet<String>> {
    let mut wanted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (repository, digest) in generations.iter().filter_map(|it| ecr_digest(it.image.as_deref()?)) {
        wanted.entry(repository).or_default().insert(digest);
    }
    wanted
}

/// The generation to go back to: `to` by its number, else the last one before the live one that lasted and can be gone
/// back to.
pub fn back_to(generations: &[Generation], to: Option<u32>) -> Option<&Generation> {
    if let Some(number) = to {
        return generations.iter().find(|it| it.number == number);
    }
    let live = generations.iter().rev().find(|it| it.end == Ended::Live)?;
    generations
        .iter()
        .rev()
        .filter(|it| it.number < live.number && it.task_definition != live.task_definition)
        .find(|it| it.end == Ended::Replaced && it.obstacle.is_none())
}

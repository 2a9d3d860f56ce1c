//! Every generation that served, from AWS alone: CodeDeploy's history or ECS's, the tags of revisions, ECR.
//!
//! A generation is a time in which a revision was live: going back to an earlier one makes another. The first is what
//! the service was created with.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_engine::cloud::CloudError;
use serde::Serialize;

use crate::appspec::task_definition_of;
use crate::cloud::{DeployCloud, Deployment, Revision, Rolled, RolledEnd, Service, Status};
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
    /// The image tag that was asked for, where the revision or the name of its image says it.
    pub tag: Option<String>,
    /// The image that runs: by its digest, unless its revision names it by a tag and nobody recorded what that was.
    pub image: Option<String>,
    /// The image as its revision names it, where that is by a tag.
    pub by_tag: Option<String>,
    /// The deployment that brought it: CodeDeploy's id, or the ARN of ECS's service deployment; `None` for what the service
    /// was created with.
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
    /// It failed or was stopped while it was live, or at least still stands beside what is, and nothing took it back.
    Unfinished,
    /// It is on its way.
    Running,
    /// It was registered; whether it ever served, nothing says. Only of rolling services whose endpoint keeps no history.
    Unknown,
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

/// Reads the generations of a service. Of a rolling service ECS remembers those of the last 90 days (aws-facts 4.2).
///
/// # Errors
/// A read failed.
pub async fn generations<C: DeployCloud>(cloud: &C, site: &Site) -> Result<Vec<Generation>, CloudError> {
    let Some(service) = cloud.service(&site.at).await? else { return Ok(Vec::new()) };
    let revisions = cloud.revisions(site.definition.family.as_str()).await?;
    let mut found = match &site.deployer {
        Deployer::CodeDeploy(pair) => {
            let history = deployed(cloud, site, &pair.group).await?;
            number(&service, &history, &revisions)
        }
        Deployer::Rolling { .. } => {
            let history = cloud.history(&site.at, DEPTH).await?;
            number_rolling(&service, history.as_deref(), &revisions)
        }
    };
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

/// CodeDeploy's deployments of a service, the newest first, but for rollbacks.
async fn deployed<C: DeployCloud>(cloud: &C, site: &Site, group: &str) -> Result<Vec<Deployed>, CloudError> {
    let mut history = Vec::new();
    let application = group.split('/').next().unwrap_or_default();
    let deployments = cloud.deployments(group, DEPTH).await?;
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
    Ok(history)
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
    // One that ended half way is there beside what is live, until another one removes it.
    let both = service.task_sets.iter().any(|set| set.status == "ACTIVE");
    let half_way = history.first().filter(|newest| {
        let ended = matches!(newest.deployment.status, Status::Failed | Status::Stopped);
        both && ended && !newest.rolled_back
    });
    let counts = |deployed: &&Deployed| deployed.served || half_way == Some(*deployed);
    for deployed in history.iter().rev().filter(counts) {
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
    numbered(found, live)
}

/// The same of a rolling service, from its service deployments (the newest first). Without any, what runs is the last
/// generation, and of the older revisions nothing is known.
pub fn number_rolling(service: &Service, history: Option<&[Rolled]>, revisions: &[Revision]) -> Vec<Generation> {
    let find = |arn: &str| revisions.iter().find(|revision| revision.arn == arn);
    let live = service.task_definition.as_ref();
    let mut found: Vec<Generation> = Vec::new();
    match history.filter(|history| !history.is_empty()) {
        None => {
            let of_live = live.and_then(|arn| find(arn)).map_or(0, |revision| revision.revision);
            let older = revisions.iter().rev().filter(|it| it.revision < of_live && it.active);
            found.extend(older.map(|it| generation(&it.arn, Some(it), None, it.registered_at, Ended::Unknown)));
            found.extend(live.map(|arn| generation(arn, find(arn), None, service.created_at, Ended::Replaced)));
        }
        Some(history) => {
            // What ran before the oldest that ECS remembers.
            if let Some(before) = history.last().and_then(|oldest| oldest.before.as_ref()) {
                found.push(generation(before, find(before), None, service.created_at, Ended::Replaced));
            }
            for rolled in history.iter().rev() {
                let Some(arn) = &rolled.task_definition else { continue };
                let end = match rolled.end {
                    RolledEnd::AtWork => Ended::Running,
                    RolledEnd::Succeeded => Ended::Replaced,
                    RolledEnd::RolledBack => Ended::RolledBack,
                    RolledEnd::Stopped => Ended::Unfinished,
                };
                // The same revision anew (another network, a forced deployment) is no other generation.
                if end == Ended::Replaced
                    && found.last().is_some_and(|it| it.task_definition == *arn && it.end == Ended::Replaced)
                {
                    continue;
                }
                let mut next = generation(arn, find(arn), None, rolled.created_at, end);
                next.deployment = Some(rolled.id.clone());
                found.push(next);
            }
        }
    }
    numbered(found, live)
}

/// Counts them, and marks the last one that runs what is live.
fn numbered(mut found: Vec<Generation>, live: Option<&String>) -> Vec<Generation> {
    for (n, generation) in found.iter_mut().enumerate() {
        generation.number = u32::try_from(n + 1).unwrap_or(u32::MAX);
    }
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
        tag: tagged.map(|(tag, _, _)| tag.clone()).or_else(|| tag_of(image?.1)),
        image: image.zip(revision).map(|((container, image), revision)| image_of(revision, container, image)),
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

/// The tag in the name of an image.
fn tag_of(image: &str) -> Option<String> {
    let (_, tag) = image.rsplit('/').next()?.rsplit_once(':').filter(|_| !image.contains('@'))?;
    Some(tag.to_owned())
}

/// The image that a container of a revision ran: by its digest where the revision or its tags say it.
pub(crate) fn image_of(revision: &Revision, container: &str, image: &str) -> String {
    match revision.tags.get(&digest_tag(container)) {
        Some(digest) if !image.contains('@') => match image.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => format!("{repository}@{digest}"),
            _ => format!("{image}@{digest}"),
        },
        _ => image.to_owned(),
    }
}

/// The revisions of the last good generations, the newest first: as many as have so many different images. Reads no more of
/// the history than it needs.
///
/// # Errors
/// A read failed.
pub async fn recent_good<C: DeployCloud>(cloud: &C, site: &Site, most: usize) -> Result<Vec<Revision>, CloudError> {
    let mut arns = Vec::new();
    match &site.deployer {
        Deployer::CodeDeploy(pair) => {
            let application = pair.group.split('/').next().unwrap_or_default();
            let deployments = cloud.deployments(&pair.group, DEPTH).await?;
            let undone = |it: &Deployment| it.rollback.is_some() || it.rolls_back.is_some();
            let good = deployments.iter().filter(|it| it.status == Status::Succeeded && !undone(it));
            for sha in good.filter_map(|it| it.sha256.as_ref()).take(most) {
                let text = cloud.appspec(application, sha).await?;
                arns.extend(text.and_then(|text| task_definition_of(&text)));
            }
        }
        Deployer::Rolling { .. } => {
            let history = cloud.history(&site.at, DEPTH).await?.unwrap_or_default();
            let good = history.into_iter().filter(|it| it.end == RolledEnd::Succeeded);
            arns.extend(good.filter_map(|it| it.task_definition).take(most));
        }
    }
    // What the service was created with comes last, as far as it is still the lowest that there is.
    if arns.len() < most {
        let lowest = cloud.revisions(site.definition.family.as_str()).await?;
        arns.extend(lowest.into_iter().min_by_key(|revision| revision.revision).map(|revision| revision.arn));
    }
    let mut seen = BTreeSet::new();
    arns.retain(|arn| seen.insert(arn.clone()));
    let mut found = Vec::new();
    for arn in &arns {
        found.extend(cloud.revision(arn).await?);
    }
    Ok(found)
}

/// Repository and digest (or tag) of an image in ECR.
pub(crate) fn ecr_digest(image: &str) -> Option<(String, String)> {
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
/// back to. After a deployment that ended half way, it is the last one before that: going back to it repairs.
pub fn back_to(generations: &[Generation], to: Option<u32>) -> Option<&Generation> {
    if let Some(number) = to {
        return generations.iter().find(|it| it.number == number);
    }
    let half_way = generations.last().filter(|it| it.end == Ended::Unfinished);
    let from = half_way.or_else(|| generations.iter().rev().find(|it| it.end == Ended::Live))?;
    let lasted = |it: &&Generation| matches!(it.end, Ended::Replaced | Ended::Live) && it.obstacle.is_none();
    generations
        .iter()
        .rev()
        .filter(|it| it.number < from.number)
        .filter(|it| half_way.is_some() || it.task_definition != from.task_definition)
        .find(lasted)
}

//! Task definitions: revisions of a family (aws-facts 2.17). The id is the ARN of the latest ACTIVE revision that carries
//! our mark; an update registers another.

mod containers;

use std::collections::BTreeMap;

use aomidori_engine::cloud::{CloudError, ErrorKind, Made, Progress, Want};
use aomidori_model::kinds::TaskDefinition;
use aomidori_model::kinds::task_definition::{CpuArchitecture, FargateSize};
use aomidori_model::ownership::Marks;
use aomidori_model::{Fields, Ref, Value};
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_ecs::types::{
    self as aws, Compatibility, NetworkMode, RuntimePlatform, SortOrder, TaskDefinitionField, TaskDefinitionStatus,
};
use futures_util::future::try_join_all;

use crate::call;
use crate::client::Cx;
use crate::live::Live;
use crate::observe::fields;
use crate::services::{ecs, is_it, made, set_field};
use crate::tags::Tags;

pub(crate) use containers::declared_image_tag;

/// The output that names the latest revision of the family, where another one stands for the definition.
pub(crate) const LATEST: &str = "latest";
const REGISTER: &str = "ecs:RegisterTaskDefinition";
/// How many revisions are looked through for one of ours under other people's.
const DEPTH: usize = 20;

impl Live for TaskDefinition {
    const WRITES: &'static [&'static str] = &[
        "ecs:DeleteTaskDefinitions",
        "ecs:DeregisterTaskDefinition",
        "ecs:RegisterTaskDefinition",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        register(cx, want, w, w.tags.clone(), &BTreeMap::new()).await
    }

    async fn find(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let found = latest(cx, want.family.as_str(), |tags| is_it(w, tags)).await?;
        Ok(found.filter(|found| found.is_active()).map(|found| made_of(&found.definition)))
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        if changes.iter().all(|change| change.field == "tags") {
            ecs::retag(cx, w, have, changes).await?;
            return Ok(Made { id: have.id.clone(), outputs: have.outputs.clone() });
        }
        // A repeated registration makes a revision each time: one that an unanswered try made is taken instead.
        let latest = latest(cx, want.family.as_str(), |tags| is_it(w, tags)).await?;
        if let Some(latest) = latest.filter(Found::is_active)
            && latest.arn() != have.id
            && same(&fields(want), &fields_of(&latest.definition, &latest.tags).unwrap_or_default(), w)
        {
            return Ok(made_of(&latest.definition));
        }
        // What `deploy` runs goes on running while the stack still declares the image that it declared then.
        let mut tags = w.tags.clone();
        let mut images = BTreeMap::new();
        if have.tags.keys().any(|key| key.starts_with(&declared_image_tag("")))
            && let Some(live) = describe(cx, &have.id).await?
        {
            for container in &want.containers {
                let key = declared_image_tag(container.name.as_str());
                let declared = containers::image(cx, container, w).await?;
                let running = live
                    .definition
                    .container_definitions()
                    .iter()
                    .find(|it| it.name() == Some(container.name.as_str()));
                if let (Some(tag), Some(image)) = (live.tags.get(&key), running.and_then(|it| it.image.clone()))
                    && *tag == declared
                {
                    tags.insert(key, declared);
                    images.insert(container.name.to_string(), image);
                }
            }
        }
        register(cx, want, w, tags, &images).await
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        let Some((family, revision)) = parts(have.outputs.get(LATEST).unwrap_or(&have.id)) else {
            return Err(CloudError::bug(format!("`{}` is not the ARN of a task definition", have.id)));
        };
        let stack = have.marks().stack;
        let ours = async |arns: Vec<String>| -> Result<Vec<String>, CloudError> {
            let found = try_join_all(arns.iter().map(|arn| describe(cx, arn))).await?;
            let ours = |found: Found| stack.is_some() && Marks::of(&found.tags).stack == stack;
            Ok(arns.into_iter().zip(found).filter_map(|(arn, found)| ours(found?).then_some(arn)).collect())
        };
        let mut active = revisions(cx, family, TaskDefinitionStatus::Active).await?;
        // Up to the revision that was observed: a newer one replaces it.
        active.retain(|arn| parts(arn).is_some_and(|(_, number)| number <= revision));
        for arn in ours(active).await? {
            let send = || cx.ecs.deregister_task_definition().task_definition(&arn).send();
            call::gone_is_fine(call::idempotent("ecs:DeregisterTaskDefinition", send).await)?;
        }
        // What is deregistered serves no more, whichever revision it is and whoever did it.
        let remove = ours(revisions(cx, family, TaskDefinitionStatus::Inactive).await?).await?;
        for chunk in remove.chunks(10) {
            let answer = call::idempotent("ecs:DeleteTaskDefinitions", || {
                cx.ecs.delete_task_definitions().set_task_definitions(Some(chunk.to_vec())).send()
            })
            .await?;
            if let Some(failure) = answer.failures().first() {
                return Err(CloudError {
                    kind: ErrorKind::InUse,
                    operation: "ecs:DeleteTaskDefinitions".into(),
                    code: failure.reason.clone(),
                    message: format!(
                        "{}: {}",
                        failure.arn.as_deref().unwrap_or(family),
                        failure.detail.as_deref().or(failure.reason.as_deref()).unwrap_or("it was not deleted")
                    ),
                });
            }
        }
        Ok(())
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        // One that is being deleted stays so until nothing uses it any more, which may outlive the run and harms nobody.
        Ok(match describe(cx, id).await?.and_then(|found| found.definition.status) {
            None | Some(TaskDefinitionStatus::DeleteInProgress) => Progress::Gone,
            Some(TaskDefinitionStatus::Inactive) => Progress::Deleting("deregistered".into()),
            Some(_) => Progress::Ready,
        })
    }
}

/// A revision with its tags.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) definition: aws::TaskDefinition,
    pub(crate) tags: Tags,
}

impl Found {
    pub(crate) fn arn(&self) -> &str {
        self.definition.task_definition_arn().unwrap_or_default()
    }

    pub(crate) fn is_active(&self) -> bool {
        matches!(self.definition.status, None | Some(TaskDefinitionStatus::Active))
    }
}

pub(crate) async fn register(
    cx: &Cx,
    want: &TaskDefinition,
    w: Want<'_>,
    tags: Tags,
    images: &BTreeMap<String, String>,
) -> Result<Made, CloudError> {
    let role = |role: &Option<Ref<aomidori_model::kinds::IamRole>>| role.as_ref().map(|it| w.known.id(it)).transpose();
    let mut written = Vec::with_capacity(want.containers.len());
    for container in &want.containers {
        let image = match images.get(container.name.as_str()) {
            Some(running) => running.clone(),
            None => containers::image(cx, container, w).await?,
        };
        written.push(containers::to_aws(container, image, w)?);
    }
    let platform = want.cpu_architecture.map(|architecture| {
        RuntimePlatform::builder()
            .cpu_architecture(match architecture {
                CpuArchitecture::X86_64 => aws::CpuArchitecture::X8664,
                CpuArchitecture::Arm64 => aws::CpuArchitecture::Arm64,
            })
            .operating_system_family(aws::OsFamily::Linux)
            .build()
    });
    let request = cx
        .ecs
        .register_task_definition()
        .family(want.family.as_str())
        .requires_compatibilities(Compatibility::Fargate)
        .network_mode(NetworkMode::Awsvpc)
        .cpu(want.size.cpu().to_string())
        .memory(want.size.memory().to_string())
        .set_execution_role_arn(role(&want.execution_role)?)
        .set_task_role_arn(role(&want.task_role)?)
        .set_runtime_platform(platform)
        .set_container_definitions(Some(written))
        .set_tags(ecs::tag_list(&tags));
    let answer = call::once(REGISTER, request.send()).await?;
    let definition = answer.task_definition.ok_or_else(|| call::missing(REGISTER, "task definition"))?;
    Ok(made_of(&definition))
}

/// The revision's id and outputs.
pub(crate) fn made_of(definition: &aws::TaskDefinition) -> Made {
    made(
        definition.task_definition_arn.clone().unwrap_or_default(),
        [("family", definition.family.clone().unwrap_or_default()), ("revision", definition.revision.to_string())],
    )
}

/// Family and revision of an ARN.
pub(crate) fn parts(arn: &str) -> Option<(&str, u32)> {
    let (family, revision) = arn.rsplit('/').next()?.rsplit_once(':')?;
    Some((family, revision.parse().ok()?))
}

/// A revision by ARN, or the latest ACTIVE one of a family.
pub(crate) async fn describe(cx: &Cx, name: &str) -> Result<Option<Found>, CloudError> {
    let answer = call::read("ecs:DescribeTaskDefinition", || {
        cx.ecs.describe_task_definition().task_definition(name).include(TaskDefinitionField::Tags).send()
    })
    .await;
    Ok(call::if_there(answer)?
        .and_then(|answer| Some(Found { definition: answer.task_definition?, tags: ecs::tags_from(answer.tags) })))
}

/// The latest revision of a family with such tags: ACTIVE, or INACTIVE if there is no ACTIVE one at all (a deletion that
/// was cut short). If none is there with such tags, the latest ACTIVE one.
pub(crate) async fn latest(cx: &Cx, family: &str, ours: impl Fn(&Tags) -> bool) -> Result<Option<Found>, CloudError> {
    let Some(latest) = describe(cx, family).await?.filter(Found::is_active) else {
        let inactive = revisions(cx, family, TaskDefinitionStatus::Inactive).await?;
        let Some(arn) = inactive.first() else { return Ok(None) };
        return Ok(describe(cx, arn).await?.filter(|found| ours(&found.tags)));
    };
    if ours(&latest.tags) {
        return Ok(Some(latest));
    }
    let mut arns = revisions(cx, family, TaskDefinitionStatus::Active).await?;
    arns.truncate(DEPTH);
    let older = try_join_all(arns.iter().filter(|arn| *arn != latest.arn()).map(|arn| describe(cx, arn))).await?;
    let mine = older.into_iter().flatten().find(|found| ours(&found.tags));
    Ok(Some(mine.unwrap_or(latest)))
}

/// The revisions of exactly this family, the newest first.
pub(crate) async fn revisions(cx: &Cx, family: &str, status: TaskDefinitionStatus) -> Result<Vec<String>, CloudError> {
    let mut arns = Vec::new();
    let mut token = None;
    loop {
        let page = call::read("ecs:ListTaskDefinitions", || {
            cx.ecs
                .list_task_definitions()
                .family_prefix(family)
                .status(status.clone())
                .sort(SortOrder::Desc)
                .max_results(100)
                .set_next_token(token.clone())
                .send()
        })
        .await?;
        arns.extend(page.task_definition_arns.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    arns.retain(|arn| parts(arn).is_some_and(|(found, _)| found == family));
    arns.sort_by_key(|arn| std::cmp::Reverse(parts(arn).map(|(_, revision)| revision)));
    Ok(arns)
}

/// True if what is wanted, its references resolved, is what is live.
fn same(want: &Fields, live: &Fields, w: Want<'_>) -> bool {
    want.iter().all(|field| {
        let wanted = field.value.resolve(&|reference| w.known.lookup(reference));
        wanted.is_null() || wanted == live.value(field.name).resolve(&|_| None)
    })
}

/// The fields of a live revision. `None` for a family whose name the model cannot write.
pub(crate) fn fields_of(live: &aws::TaskDefinition, tags: &Tags) -> Option<Fields> {
    let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<u32>().ok());
    let size = FargateSize::new(number(&live.cpu).unwrap_or_default(), number(&live.memory).unwrap_or_default());
    let model = TaskDefinition {
        family: live.family.as_deref()?.parse().ok()?,
        size: size.or_else(|_| FargateSize::new(256, 512)).ok()?,
        execution_role: live.execution_role_arn.as_ref().map(Ref::existing),
        task_role: live.task_role_arn.as_ref().map(Ref::existing),
        cpu_architecture: match live.runtime_platform.as_ref().and_then(|it| it.cpu_architecture.as_ref()) {
            Some(aws::CpuArchitecture::Arm64) => Some(CpuArchitecture::Arm64),
            _ => Some(CpuArchitecture::X86_64),
        },
        containers: Vec::new(),
    };
    let mut fields = fields(&model);
    for (field, text) in [("cpu", &live.cpu), ("memory", &live.memory)] {
        let value =
            number(text).map_or_else(|| Value::str(text.clone().unwrap_or_default()), |it| Value::Int(it.into()));
        set_field(&mut fields, field, value);
    }
    if live.network_mode != Some(NetworkMode::Awsvpc) {
        let mode = live.network_mode.as_ref().map_or("bridge", NetworkMode::as_str);
        set_field(&mut fields, "network_mode", Value::str(mode));
    }
    if live.requires_compatibilities() != [Compatibility::Fargate] {
        let kinds: Vec<&str> = live.requires_compatibilities().iter().map(Compatibility::as_str).collect();
        set_field(&mut fields, "requires_compatibilities", Value::str(kinds.join(" ")));
    }
    let mut containers: BTreeMap<String, Value> = live
        .container_definitions()
        .iter()
        .map(|container| (container.name.clone().unwrap_or_default(), containers::from_aws(container, tags)))
        .collect();
    // Of the task as a whole, and nowhere in the model: shown beside the containers, where it is a difference.
    let further = [
        ("volumes", !live.volumes().is_empty()),
        ("ephemeral_storage", live.ephemeral_storage.is_some()),
        ("proxy_configuration", live.proxy_configuration.is_some()),
        ("placement_constraints", !live.placement_constraints().is_empty()),
        ("pid_mode", live.pid_mode.is_some()),
    ];
    containers.extend(further.iter().filter(|(_, it)| *it).map(|(name, _)| (format!("({name})"), Value::Bool(true))));
    set_field(&mut fields, "container_definitions", Value::Map(containers));
    Some(fields)
}

#[cfg(test)]
mod tests;

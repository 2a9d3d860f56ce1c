//! Clusters, services and task definitions: clusters a hundred to a call, services ten, task definitions one, each with
//! their tags (aws-facts 2.16 to 2.18).

use std::collections::{BTreeMap, BTreeSet};

use aomidori_engine::cloud::{CloudError, ErrorKind, Progress};
use aomidori_model::kinds::{EcsCluster, EcsService, TaskDefinition};
use aomidori_model::ownership::Marks;
use aomidori_model::{Address, KindName, Target, Value};
use aomidori_plan::{Busy, Observed, Ownership, Status};
use aws_sdk_ecs::types as aws;
use futures_util::future::try_join_all;

use super::{Hint, Scope, observed};
use crate::call;
use crate::client::Cx;
use crate::kinds::task_definition::{self, Found};
use crate::kinds::{ecs_cluster, ecs_service};
use crate::services::{address_of, ecs, leaf, set_field};
use crate::tags::Tags;

pub(super) async fn observe(cx: &Cx, scope: &Scope<'_>) -> Result<Vec<Observed>, CloudError> {
    let (mut resources, mut definitions) = tokio::try_join!(clusters_and_services(cx, scope), definitions(cx, scope))?;
    running(cx, scope, &resources, &mut definitions).await?;
    resources.extend(definitions);
    Ok(resources)
}

/// A rolling service that was rolled back, by its circuit breaker or by somebody, runs an older revision than its family's
/// latest. Where the two differ only in the image that was deployed, the one that runs stands for the definition: to roll
/// out the latest again would undo the rollback.
async fn running(
    cx: &Cx,
    scope: &Scope<'_>,
    services: &[Observed],
    definitions: &mut [Observed],
) -> Result<(), CloudError> {
    let mut others = BTreeMap::new();
    for service in services.iter().filter(|it| it.kind == KindName::EcsService) {
        if service.fields.value("deployment_controller.type").as_str() != Some("ECS") {
            continue;
        }
        let mut runs = None;
        service.fields.value("task_definition").for_each_ref(&mut |reference| {
            if let Target::Id(arn) = &reference.target {
                runs = Some(arn.clone());
            }
        });
        let Some((arn, (family, _))) = runs.as_deref().and_then(|arn| Some((arn, task_definition::parts(arn)?))) else {
            continue;
        };
        let of_it = |it: &Observed| {
            let older = task_definition::parts(&it.id).is_some_and(|(of, _)| of == family) && it.id != arn;
            older && matches!(it.owner, Ownership::Ours(_)) && it.status == Status::Ready
        };
        if let Some(n) = definitions.iter().position(of_it) {
            others.entry(n).or_insert_with(|| arn.to_owned());
        }
    }
    let found = try_join_all(others.values().map(|arn| task_definition::describe(cx, arn))).await?;
    for (n, found) in others.into_keys().zip(found) {
        let older = found.filter(Found::is_active).and_then(|found| one_definition(scope, found));
        let (Some(latest), Some(mut older)) = (definitions.get_mut(n), older) else { continue };
        if older.owner == latest.owner && older.fields == latest.fields {
            older.outputs.insert(task_definition::LATEST.into(), latest.id.clone());
            *latest = older;
        }
    }
    Ok(())
}

fn hinted<'h>(hints: &'h [&Hint], prefix: &'static str) -> impl Iterator<Item = &'h str> {
    hints.iter().filter_map(move |hint| hint.rest.strip_prefix(prefix))
}

async fn clusters_and_services(cx: &Cx, scope: &Scope<'_>) -> Result<Vec<Observed>, CloudError> {
    let names: BTreeSet<String> = scope.stack.of::<EcsCluster>().map(|(_, it)| it.name.to_string()).collect();
    let names: Vec<String> = names.into_iter().collect();
    let (hints, mut clusters) = scope.beside("ecs", !names.is_empty(), ecs_cluster::describe(cx, &names)).await?;
    let others: BTreeSet<&str> = hinted(&hints, "cluster/").collect();
    let others: Vec<String> = others.into_iter().map(str::to_owned).filter(|name| !names.contains(name)).collect();
    clusters.extend(ecs_cluster::describe(cx, &others).await?);
    let mut resources: Vec<Observed> = clusters.iter().filter_map(|cluster| one_cluster(scope, cluster)).collect();

    // By cluster: services that the stack wants there, that the index knows there.
    let mut wanted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, service) in scope.stack.of::<EcsService>() {
        let cluster = match service.cluster.target() {
            Target::Id(arn) => Some(leaf(arn)),
            Target::Address(_) => scope.stack.find(&service.cluster).map(|(_, cluster)| cluster.name.as_str()),
        };
        wanted.entry(cluster.unwrap_or_default().to_owned()).or_default().insert(service.name.to_string());
    }
    for service in hinted(&hints, "service/") {
        if let Some((cluster, name)) = service.split_once('/') {
            wanted.entry(cluster.to_owned()).or_default().insert(name.to_owned());
        }
    }
    let there: BTreeMap<&str, &aws::Cluster> =
        clusters.iter().filter_map(|cluster| Some((cluster.cluster_name.as_deref()?, cluster))).collect();
    for name in there.keys() {
        wanted.entry((*name).to_owned()).or_default();
    }
    let ours: BTreeMap<&str, &Address> = resources
        .iter()
        .filter_map(|found| match &found.owner {
            Ownership::Ours(address) => Some((leaf(&found.id), address)),
            _ => None,
        })
        .collect();
    // In a cluster that is not there, and is not somebody else's to ask, there are no services.
    let external: BTreeSet<&str> = scope
        .stack
        .of::<EcsService>()
        .filter_map(|(_, service)| match service.cluster.target() {
            Target::Id(arn) => Some(leaf(arn)),
            Target::Address(_) => None,
        })
        .collect();
    let families = wanted
        .iter()
        .filter(|(cluster, _)| there.contains_key(cluster.as_str()) || external.contains(cluster.as_str()));
    let found = try_join_all(families.map(|(cluster, names)| {
        let (there, inside) = (there.get(cluster.as_str()).copied(), ours.get(cluster.as_str()).copied());
        async move { services_of(cx, scope, cluster, names, there, inside).await }
    }))
    .await?;
    let found: Vec<Observed> = found.into_iter().flatten().collect();
    resources.extend(found);
    Ok(resources)
}

fn one_cluster(scope: &Scope<'_>, live: &aws::Cluster) -> Option<Observed> {
    let made = ecs_cluster::made_of(live);
    let name = live.cluster_name.as_deref()?;
    let tags = scope.marked(KindName::EcsCluster, &made.id, ecs::tags_from(live.tags.clone()));
    let wanted_at = address_of(scope.stack, |wanted: &EcsCluster| wanted.name.as_str() == name);
    let owner = scope.owner(KindName::EcsCluster, &made.id, &tags, wanted_at)?;
    let insights = live
        .settings()
        .iter()
        .find(|setting| setting.name.as_ref().is_some_and(|name| name.as_str() == "containerInsights"));
    let insights = insights.and_then(|setting| setting.value.clone());
    let model = EcsCluster { name: name.parse().ok()?, container_insights: None };
    let mut found = observed(made.id, owner, &model, tags);
    set_field(&mut found.fields, "setting.container_insights", insights.map_or(Value::Null, Value::Str));
    found.outputs = made.outputs;
    found.status = status(ecs_cluster::state(live));
    Some(found)
}

async fn services_of(
    cx: &Cx,
    scope: &Scope<'_>,
    cluster: &str,
    names: &BTreeSet<String>,
    there: Option<&aws::Cluster>,
    inside: Option<&Address>,
) -> Result<Vec<Observed>, CloudError> {
    let names: Vec<String> = names.iter().cloned().collect();
    let mut live = ecs::services(cx, cluster, &names).await?;
    // The cluster counts its services, so that they are listed only if there are others.
    let active = live.iter().filter(|service| service.status.as_deref() == Some("ACTIVE")).count();
    if inside.is_some()
        && there.is_some_and(|cluster| usize::try_from(cluster.active_services_count).is_ok_and(|all| all > active))
    {
        let mut others = ecs::service_names(cx, cluster).await?;
        others.retain(|name| !names.contains(name));
        live.extend(ecs::services(cx, cluster, &others).await?);
    }
    let found = live.iter().filter_map(|service| Some((service, one_service(scope, cluster, service, inside)?)));
    let found = found.map(async |(service, mut seen)| {
        if let (Status::Pending(far), Ownership::Ours(_)) = (&seen.status, &seen.owner)
            && let Some(cause) = failing(cx, cluster, service).await?
        {
            seen.status = Status::Stalled(format!("{far}: {cause}"));
        }
        Ok(seen)
    });
    try_join_all(found).await
}

/// So many tasks stop for one reason before that is what a service does, and not a bad start: as in a deployment.
const ENOUGH: usize = 3;

/// Why a service does not get any further, if tasks of what it runs now have stopped for one reason again and again.
async fn failing(cx: &Cx, cluster: &str, service: &aws::Service) -> Result<Option<String>, CloudError> {
    let Some(name) = service.service_name.as_deref() else { return Ok(None) };
    // The first page is enough: an hour of a service that fails is more than that.
    let listed = call::read("ecs:ListTasks", || {
        cx.ecs.list_tasks().cluster(cluster).service_name(name).desired_status(aws::DesiredStatus::Stopped).send()
    })
    .await;
    let arns = if_told(listed)?.and_then(|page| page.task_arns).unwrap_or_default();
    if arns.len() < ENOUGH {
        return Ok(None);
    }
    let answer = call::read("ecs:DescribeTasks", || {
        cx.ecs.describe_tasks().cluster(cluster).set_tasks(Some(arns.clone())).send()
    })
    .await;
    let tasks = if_told(answer)?.and_then(|answer| answer.tasks).unwrap_or_default();
    Ok(one_reason(service, &tasks))
}

/// An answer that a plan does without: who may not look at tasks waits for the service.
fn if_told<T>(answer: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
    match call::if_there(answer) {
        Err(error) if matches!(error.kind, ErrorKind::Denied | ErrorKind::Unsupported) => Ok(None),
        other => other,
    }
}

/// The reason for which tasks of a service's current revision and rollout have stopped, if it is the same for enough of them.
fn one_reason(service: &aws::Service, tasks: &[aws::Task]) -> Option<String> {
    let set = service.task_sets().iter().find(|set| set.status.as_deref() == Some("PRIMARY"));
    let rollout = service.deployments().iter().find(|rollout| rollout.status.as_deref() == Some("PRIMARY"));
    let by = set.and_then(|set| set.id.as_deref()).or(rollout.and_then(|rollout| rollout.id.as_deref()))?;
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for task in tasks.iter().filter(|task| task.started_by.as_deref() == Some(by)) {
        // What was stopped on purpose did not fail.
        let failed = matches!(
            task.stop_code,
            Some(aws::TaskStopCode::TaskFailedToStart | aws::TaskStopCode::EssentialContainerExited)
        );
        if let Some(reason) = task.stopped_reason.as_deref().filter(|_| failed) {
            *reasons.entry(reason.to_owned()).or_default() += 1;
        }
    }
    let (reason, times) = reasons.into_iter().max_by_key(|(_, times)| *times)?;
    (times >= ENOUGH).then(|| format!("{times} tasks have stopped: {reason}"))
}

fn one_service(scope: &Scope<'_>, cluster: &str, live: &aws::Service, inside: Option<&Address>) -> Option<Observed> {
    let made = ecs_service::made_of(live);
    let name = live.service_name.as_deref()?;
    let progress = ecs_service::how_far(live, None);
    if progress == Progress::Gone {
        return None;
    }
    let tags = scope.marked(KindName::EcsService, &made.id, ecs::tags_from(live.tags.clone()));
    let wanted_at = address_of(scope.stack, |wanted: &EcsService| {
        let there = match wanted.cluster.target() {
            Target::Id(arn) => leaf(arn) == cluster,
            Target::Address(_) => {
                scope.stack.find(&wanted.cluster).is_some_and(|(_, found)| found.name.as_str() == cluster)
            }
        };
        there && wanted.name.as_str() == name
    });
    let owner = scope
        .owner(KindName::EcsService, &made.id, &tags, wanted_at)
        .or_else(|| Some(Ownership::Added { inside: inside?.clone() }))?;
    let fields = ecs_service::fields_of(live, scope.wanted(&tags))?;
    Some(Observed {
        kind: KindName::EcsService,
        id: made.id,
        owner,
        fields,
        tags,
        outputs: made.outputs,
        // A failed deployment has left a service that serves and can be changed.
        status: match progress {
            Progress::Failed(_) => Status::Ready,
            other => status(other),
        },
        busy: second_side(live),
    })
}

/// A task set beside the PRIMARY one: of a deployment that runs, or that ended half way. The deployment group says which.
fn second_side(live: &aws::Service) -> Option<Busy> {
    let set = live.task_sets().iter().find(|set| set.status.as_deref() == Some("ACTIVE"))?;
    let deployment = set.external_id.clone().unwrap_or_default();
    Some(Busy { deployment, status: "ACTIVE".into(), over: true })
}

fn status(progress: Progress) -> Status {
    match progress {
        Progress::Ready | Progress::Gone => Status::Ready,
        Progress::Pending(what) => Status::Pending(what),
        Progress::Deleting(what) => Status::Deleting(what),
        Progress::Failed(cause) => Status::Failed(cause),
    }
}

async fn definitions(cx: &Cx, scope: &Scope<'_>) -> Result<Vec<Observed>, CloudError> {
    let latest = async |families: BTreeSet<String>| {
        let ours = |tags: &Tags| Marks::of(tags).belongs_to(scope.name());
        try_join_all(families.iter().map(|family| task_definition::latest(cx, family, ours))).await
    };
    let wanted: BTreeSet<String> =
        scope.stack.of::<TaskDefinition>().map(|(_, wanted)| wanted.family.to_string()).collect();
    let (hints, mut found) = scope.beside("ecs", !wanted.is_empty(), latest(wanted.clone())).await?;
    let hinted = hinted(&hints, "task-definition/").filter_map(|name| Some(name.rsplit_once(':')?.0.to_owned()));
    found.extend(latest(hinted.filter(|family| !wanted.contains(family)).collect()).await?);
    Ok(found.into_iter().flatten().filter_map(|found| one_definition(scope, found)).collect())
}

fn one_definition(scope: &Scope<'_>, mut found: Found) -> Option<Observed> {
    let mut made = task_definition::made_of(&found.definition);
    let platform = found.definition.runtime_platform.as_ref();
    let architecture = platform.and_then(|it| it.cpu_architecture.as_ref()).map(|it| it.as_str().to_owned());
    made.outputs.extend(architecture.map(|it| ("cpu_architecture".to_owned(), it)));
    found.tags = scope.marked(KindName::TaskDefinition, &made.id, found.tags);
    let family = found.definition.family.as_deref()?;
    let wanted_at = address_of(scope.stack, |wanted: &TaskDefinition| wanted.family.as_str() == family);
    let owner = scope.owner(KindName::TaskDefinition, &made.id, &found.tags, wanted_at)?;
    let status = match found.is_active() {
        true => Status::Ready,
        false => Status::Failed("it was deregistered, and its deletion cut short".into()),
    };
    Some(Observed {
        kind: KindName::TaskDefinition,
        id: made.id,
        owner,
        fields: task_definition::fields_of(&found.definition, &found.tags)?,
        tags: found.tags,
        outputs: made.outputs,
        status,
        busy: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_fails_when_its_tasks_stop_for_one_reason_again_and_again() {
        let set = aws::TaskSet::builder().id("ecs-svc/1").status("PRIMARY").build();
        let service = aws::Service::builder().task_sets(set).build();
        let task = |by: &str, code: aws::TaskStopCode, why: &str| {
            aws::Task::builder().started_by(by).stop_code(code).stopped_reason(why).build()
        };
        let start = |by: &str, why: &str| task(by, aws::TaskStopCode::TaskFailedToStart, why);
        let mut tasks =
            vec![start("ecs-svc/1", "no image"), start("ecs-svc/1", "no image"), start("ecs-svc/0", "no image")];
        tasks.push(start("ecs-svc/1", "no secret"));
        // Of an earlier rollout, of another reason, or stopped on purpose: none of these counts.
        tasks.push(task("ecs-svc/1", aws::TaskStopCode::UserInitiated, "no image"));
        assert_eq!(one_reason(&service, &tasks), None);
        tasks.push(start("ecs-svc/1", "no image"));
        assert_eq!(one_reason(&service, &tasks).as_deref(), Some("3 tasks have stopped: no image"));
    }
}

//! CodeDeploy applications, deployment groups and configurations.
//!
//! Groups name their target groups and service, and the model wants ids: the names are looked up in what was read of
//! Elastic Load Balancing, the service's ARN is put together.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_engine::cloud::{CloudError, ErrorKind};
use aomidori_model::kinds::deployment_group::{ReadyOption, RollbackEvent};
use aomidori_model::kinds::target_group::TargetGroupPair;
use aomidori_model::kinds::{CodeDeployApplication, DeploymentConfig, DeploymentGroup, TargetGroup};
use aomidori_model::{Address, KindName, Ref, Target, ToValue, Value};
use aomidori_plan::{Busy, Observed, Ownership};
use aws_sdk_codedeploy::types::{
    ApplicationInfo, AutoRollbackEvent, ComputePlatform, DeploymentGroupInfo, DeploymentReadyAction, DeploymentStatus,
    InstanceAction, TrafficRoute,
};
use futures_util::future::try_join_all;

use super::elb::Elb;
use super::{Scope, observed, own_addresses};
use crate::call;
use crate::client::Cx;
use crate::kinds::{deployment_config, deployment_group};
use crate::services::code_deploy::{self, RUNNING, application_arn, group_arn};
use crate::services::{address_of, set_field, unsigned};
use crate::tags::Tags;

/// What was read of CodeDeploy.
pub(super) struct Read {
    applications: Applications,
    groups: Groups,
    configs: Vec<Observed>,
}

pub(super) async fn read(cx: &Cx, scope: &Scope<'_>) -> Result<Read, CloudError> {
    let ((applications, groups), configs) = tokio::try_join!(applications(cx, scope), configs(cx, scope))?;
    Ok(Read { applications, groups, configs })
}

pub(super) async fn resources(cx: &Cx, scope: &Scope<'_>, elb: &Elb, read: Read) -> Result<Vec<Observed>, CloudError> {
    let Read { applications, groups, configs } = read;
    let mut resources: Vec<Observed> =
        applications.into_iter().filter_map(|(live, tags)| one_application(scope, &live, tags)).collect();
    let ours = own_addresses(&resources);
    for (id, group, tags) in groups {
        resources.extend(one_group(cx, scope, elb, &id, &group, tags, &ours).await?);
    }
    resources.extend(configs);
    Ok(resources)
}

type Applications = Vec<(ApplicationInfo, Tags)>;
/// With their ids.
type Groups = Vec<(String, DeploymentGroupInfo, Tags)>;

async fn applications(cx: &Cx, scope: &Scope<'_>) -> Result<(Applications, Groups), CloudError> {
    let names: BTreeSet<String> =
        scope.stack.of::<CodeDeployApplication>().map(|(_, wanted)| wanted.name.to_string()).collect();
    let first = batch(cx, names.iter().cloned().collect());
    let (hints, mut live) = scope.beside("codedeploy", !names.is_empty(), first).await?;
    let hinted = hints.iter().filter_map(|hint| Some(hint.rest.strip_prefix("application:")?.to_owned()));
    let others: BTreeSet<String> = hinted.filter(|name| !names.contains(name)).collect();
    live.extend(batch(cx, others.into_iter().collect()).await?);
    // By application: groups that the stack wants there, that the index knows there.
    let mut wanted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut external = BTreeSet::new();
    for (_, group) in scope.stack.of::<DeploymentGroup>() {
        let application = match group.application.target() {
            Target::Id(name) => {
                external.insert(name.clone());
                Some(name.clone())
            }
            Target::Address(_) => scope.stack.find(&group.application).map(|(_, found)| found.name.to_string()),
        };
        wanted.entry(application.unwrap_or_default()).or_default().insert(group.name.to_string());
    }
    for id in hints.iter().filter_map(|hint| hint.rest.strip_prefix("deploymentgroup:")) {
        if let Some((application, group)) = id.split_once('/') {
            wanted.entry(application.to_owned()).or_default().insert(group.to_owned());
        }
    }
    let there: BTreeSet<&str> = live.iter().filter_map(|it| it.application_name.as_deref()).collect();
    let groups = wanted
        .iter()
        .filter(|(application, _)| there.contains(application.as_str()) || external.contains(*application))
        .map(|(application, names)| async move {
            let found = groups(cx, application, names.iter().cloned().collect()).await?;
            try_join_all(found.into_iter().map(|group| async move {
                let name = group.deployment_group_name.clone().unwrap_or_default();
                let id = format!("{application}/{name}");
                let tags = code_deploy::tags_of(cx, &group_arn(cx, &id).await?).await?;
                Ok::<_, CloudError>((id, group, tags))
            }))
            .await
        });
    let tagged = live.iter().map(|application| async move {
        let name = application.application_name.as_deref().unwrap_or_default();
        code_deploy::tags_of(cx, &application_arn(cx, name).await?).await
    });
    let (groups, tags) = tokio::try_join!(try_join_all(groups), try_join_all(tagged))?;
    let groups = groups.into_iter().flatten().collect();
    Ok((live.into_iter().zip(tags).collect(), groups))
}

/// Applications by name in one call. One unknown name fails it: then those that are there are listed first.
async fn batch(cx: &Cx, names: Vec<String>) -> Result<Vec<ApplicationInfo>, CloudError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    match get(cx, &names).await {
        Err(error) if error.kind == ErrorKind::NotFound && names.len() == 1 => Ok(Vec::new()),
        Err(error) if error.kind == ErrorKind::NotFound => {
            let there = list(cx).await?;
            let names: Vec<String> = names.into_iter().filter(|name| there.contains(name)).collect();
            if names.is_empty() { Ok(Vec::new()) } else { get(cx, &names).await }
        }
        other => other,
    }
}

async fn get(cx: &Cx, names: &[String]) -> Result<Vec<ApplicationInfo>, CloudError> {
    let pages = try_join_all(names.chunks(100).map(|chunk| {
        call::read("codedeploy:BatchGetApplications", || {
            cx.codedeploy.batch_get_applications().set_application_names(Some(chunk.to_vec())).send()
        })
    }))
    .await?;
    Ok(pages.into_iter().flat_map(|page| page.applications_info.unwrap_or_default()).collect())
}

/// The names of all applications.
pub(crate) async fn list(cx: &Cx) -> Result<BTreeSet<String>, CloudError> {
    let mut found = BTreeSet::new();
    let mut token = None;
    loop {
        let page = call::read("codedeploy:ListApplications", || {
            cx.codedeploy.list_applications().set_next_token(token.clone()).send()
        })
        .await?;
        found.extend(page.applications.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// Groups of one application by name in one call; one by one where that fails for one that is not there, or where the
/// endpoint has no such call.
async fn groups(cx: &Cx, application: &str, names: Vec<String>) -> Result<Vec<DeploymentGroupInfo>, CloudError> {
    let answer = call::read("codedeploy:BatchGetDeploymentGroups", || {
        cx.codedeploy
            .batch_get_deployment_groups()
            .application_name(application)
            .set_deployment_group_names(Some(names.clone()))
            .send()
    })
    .await;
    match answer {
        Ok(answer) => Ok(answer.deployment_groups_info.unwrap_or_default()),
        Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Unsupported) => {
            let each = names
                .iter()
                .map(|name| async move { deployment_group::read(cx, &format!("{application}/{name}")).await });
            Ok(try_join_all(each).await?.into_iter().flatten().collect())
        }
        Err(error) => Err(error),
    }
}

fn one_application(scope: &Scope<'_>, live: &ApplicationInfo, tags: Tags) -> Option<Observed> {
    let name = live.application_name.as_deref()?;
    let wanted_at = address_of(scope.stack, |wanted: &CodeDeployApplication| wanted.name.as_str() == name);
    let tags = scope.marked(KindName::CodeDeployApplication, name, tags);
    let owner = scope.owner(KindName::CodeDeployApplication, name, &tags, wanted_at)?;
    let mut found = observed(name, owner, &CodeDeployApplication { name: name.parse().ok()? }, tags);
    if live.compute_platform != Some(ComputePlatform::Ecs) {
        let platform = live.compute_platform.as_ref().map_or("Server", ComputePlatform::as_str);
        set_field(&mut found.fields, "compute_platform", Value::str(platform));
    }
    Some(found)
}

/// A deployment that failed or was stopped has left something half way only if its service still has a task set beside the
/// PRIMARY one: else it was rolled back, or had not begun.
pub(super) fn settle(resources: &mut [Observed]) {
    let of_service = |found: &&Observed| found.kind == KindName::EcsService && found.busy.is_some();
    let halved: BTreeSet<String> = resources.iter().filter(of_service).map(|service| service.id.clone()).collect();
    for found in resources.iter_mut() {
        match found.kind {
            KindName::EcsService => found.busy = None,
            KindName::DeploymentGroup => {
                let mut stays = false;
                found.fields.value("ecs_service").for_each_ref(&mut |reference| {
                    stays |= matches!(&reference.target, Target::Id(arn) if halved.contains(arn));
                });
                found.busy = found.busy.take().filter(|busy| stays || !busy.over);
            }
            _ => {}
        }
    }
}

async fn one_group(
    cx: &Cx,
    scope: &Scope<'_>,
    elb: &Elb,
    id: &str,
    live: &DeploymentGroupInfo,
    tags: Tags,
    ours: &BTreeMap<String, Address>,
) -> Result<Option<Observed>, CloudError> {
    let tags = scope.marked(KindName::DeploymentGroup, id, tags);
    let (application, name) = deployment_group::parts(id);
    let on = ours.get(application);
    let wanted_at = address_of(scope.stack, |wanted: &DeploymentGroup| {
        let there = match wanted.application.target() {
            Target::Id(it) => it == application,
            Target::Address(address) => Some(address) == on,
        };
        there && wanted.name.as_str() == name
    });
    let owner = scope
        .owner(KindName::DeploymentGroup, id, &tags, wanted_at)
        .or_else(|| Some(Ownership::Added { inside: on?.clone() }));
    let (Some(owner), Ok(name)) = (owner, name.parse()) else { return Ok(None) };
    let service = match live.ecs_services.as_deref().unwrap_or_default() {
        [service] => {
            let cluster = service.cluster_name.as_deref().unwrap_or("default");
            // An endpoint may keep the whole ARN of the cluster.
            let cluster = crate::services::leaf(cluster);
            let rest = format!("service/{cluster}/{}", service.service_name.as_deref().unwrap_or_default());
            cx.arn("ecs", &rest).await?
        }
        _ => String::new(),
    };
    let (pair, groups) = pair_of(live, elb);
    let blue_green = live.blue_green_deployment_configuration.as_ref();
    let ready = blue_green.and_then(|it| it.deployment_ready_option.as_ref());
    let terminate = blue_green.and_then(|it| it.terminate_blue_instances_on_deployment_success.as_ref());
    let rollback = live.auto_rollback_configuration.as_ref().filter(|it| it.enabled);
    let alarms = live.alarm_configuration.as_ref().filter(|it| it.enabled);
    let model = DeploymentGroup {
        name,
        application: Ref::existing(application),
        role: Ref::existing(live.service_role_arn.clone().unwrap_or_default()),
        config: Ref::existing(live.deployment_config_name.clone().unwrap_or_default()),
        service: Ref::existing(service),
        pair,
        ready: match ready.map(|it| (&it.action_on_timeout, it.wait_time_in_minutes)) {
            Some((Some(DeploymentReadyAction::StopDeployment), minutes)) => {
                ReadyOption::Wait { minutes: unsigned(Some(minutes)) }
            }
            _ => ReadyOption::Continue,
        },
        terminate_blue_after: unsigned(terminate.map(|it| it.termination_wait_time_in_minutes)),
        auto_rollback: rollback
            .and_then(|it| it.events.as_deref())
            .unwrap_or_default()
            .iter()
            .filter_map(|event| match event {
                AutoRollbackEvent::DeploymentFailure => Some(RollbackEvent::Failure),
                AutoRollbackEvent::DeploymentStopOnAlarm => Some(RollbackEvent::Alarm),
                AutoRollbackEvent::DeploymentStopOnRequest => Some(RollbackEvent::Request),
                _ => None,
            })
            .collect(),
        alarms: alarms
            .and_then(|it| it.alarms.as_deref())
            .unwrap_or_default()
            .iter()
            .filter_map(|alarm| alarm.name.clone())
            .collect(),
    };
    let mut found = observed(id, owner, &model, tags);
    if groups.len() > 2 {
        let all: BTreeSet<Ref<TargetGroup>> = groups.into_iter().collect();
        set_field(&mut found.fields, "target_groups", all.to_value());
    }
    if terminate.is_some_and(|it| it.action == Some(InstanceAction::KeepAlive)) {
        let field = "terminate_blue_instances_on_deployment_success.termination_wait_time_in_minutes";
        set_field(&mut found.fields, field, Value::str("KEEP_ALIVE"));
    }
    found.busy = live.last_attempted_deployment.as_ref().and_then(|last| {
        let status = last.status.as_ref()?;
        let over = matches!(status, DeploymentStatus::Failed | DeploymentStatus::Stopped);
        let told = Busy { deployment: last.deployment_id.clone()?, status: status.as_str().to_owned(), over };
        (over || RUNNING.contains(status)).then_some(told)
    });
    Ok(Some(found))
}

/// The pair of a live group, and all target groups of all its pairs.
fn pair_of(live: &DeploymentGroupInfo, elb: &Elb) -> (TargetGroupPair, Vec<Ref<TargetGroup>>) {
    let pairs = live.load_balancer_info.as_ref().and_then(|info| info.target_group_pair_info_list.as_deref());
    let pairs = pairs.unwrap_or_default();
    let groups: Vec<Ref<TargetGroup>> = pairs
        .iter()
        .flat_map(|pair| pair.target_groups.iter().flatten())
        .filter_map(|group| group.name.as_ref())
        // One that is not there any more is known by its name only.
        .map(|name| Ref::existing(elb.target_groups.get(name).unwrap_or(name)))
        .collect();
    let listener = |route: &Option<TrafficRoute>| {
        let arns = route.as_ref()?.listener_arns.as_deref()?;
        (!arns.is_empty()).then(|| Ref::existing(arns.join(" ")))
    };
    let first = pairs.first();
    let nothing = || Ref::existing("");
    let blue = groups.first().cloned().unwrap_or_else(nothing);
    let pair = TargetGroupPair {
        green: groups.get(1).cloned().unwrap_or_else(|| blue.clone()),
        blue,
        production: first.and_then(|pair| listener(&pair.prod_traffic_route)).unwrap_or_else(|| Ref::existing("")),
        test: first.and_then(|pair| listener(&pair.test_traffic_route)),
    };
    (pair, groups)
}

/// Configurations have no tags: their name is their mark, and it starts with the stack's. Those that the stack wants are
/// read by name. Of others only those count that start with the stack's name and a dot, which no stack's name has:
/// `shop-2-slow` may be of `shop` or of `shop-2`.
async fn configs(cx: &Cx, scope: &Scope<'_>) -> Result<Vec<Observed>, CloudError> {
    let wanted: Vec<(&Address, &DeploymentConfig)> = scope.stack.of::<DeploymentConfig>().collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let mut names: BTreeSet<String> = wanted.iter().map(|(_, config)| config.name.to_string()).collect();
    let dotted = format!("{}.", scope.name());
    names.extend(config_names(cx).await?.into_iter().filter(|name| name.starts_with(&dotted)));
    let live = try_join_all(names.iter().map(|name| deployment_config::read(cx, name))).await?;
    let mut resources = Vec::new();
    for (name, live) in names.iter().zip(live) {
        let (Some(live), Ok(parsed)) = (live, name.parse()) else { continue };
        let marked = [".", "-"].iter().any(|mark| name.starts_with(&format!("{}{mark}", scope.name())));
        let at = wanted.iter().find(|(_, config)| config.name.as_str() == name).map(|(address, _)| (*address).clone());
        let owner = match (at, marked) {
            (Some(address), true) => Ownership::Ours(address),
            (Some(address), false) => Ownership::Foreign { address, stack: None },
            (None, _) => match super::stray(KindName::DeploymentConfig, name) {
                Some(address) => Ownership::Ours(address),
                None => continue,
            },
        };
        let routing = deployment_config::routing_of(&live);
        let model = DeploymentConfig {
            name: parsed,
            routing: routing.unwrap_or(aomidori_model::kinds::deployment_config::TrafficRouting::AllAtOnce),
        };
        let mut found = observed(name.as_str(), owner, &model, Tags::new());
        if routing.is_none() {
            let platform = live.compute_platform.as_ref().map_or("Server", ComputePlatform::as_str);
            set_field(&mut found.fields, "compute_platform", Value::str(platform));
        }
        resources.push(found);
    }
    Ok(resources)
}

async fn config_names(cx: &Cx) -> Result<Vec<String>, CloudError> {
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let page = call::read("codedeploy:ListDeploymentConfigs", || {
            cx.codedeploy.list_deployment_configs().set_next_token(token.clone()).send()
        })
        .await?;
        found.extend(page.deployment_configs_list.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            return Ok(found);
        }
    }
}

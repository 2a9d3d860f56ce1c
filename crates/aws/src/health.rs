//! How an environment is beyond what a plan needs to know: tasks that run, targets that are healthy.

use std::collections::BTreeMap;

use aomidori_engine::cloud::CloudError;
use aomidori_model::KindName;
use aomidori_plan::Observation;
use aws_sdk_elasticloadbalancingv2::types::TargetHealthStateEnum;
use futures_util::future::try_join_all;

use crate::call;
use crate::client::Cx;

/// Tasks and targets of a stack's live services and target groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Tasks by service ARN: running, and on their way.
    pub tasks: BTreeMap<String, (u32, u32)>,
    /// Targets by target group ARN: healthy, and all others.
    pub targets: BTreeMap<String, (u32, u32)>,
}

/// One call for ten services of a cluster, and one for each target group.
pub(crate) async fn health(cx: &Cx, observation: &Observation) -> Result<Health, CloudError> {
    let mut clusters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut groups = Vec::new();
    for (_, found) in observation.ours() {
        match found.kind {
            KindName::EcsService => {
                // `arn:aws:ecs:REGION:ACCOUNT:service/CLUSTER/NAME`
                let cluster = found.id.split_once(":service/").and_then(|(_, rest)| rest.split_once('/'));
                let cluster = cluster.map_or("default", |(cluster, _)| cluster);
                clusters.entry(cluster.to_owned()).or_default().push(found.id.clone());
            }
            KindName::TargetGroup => groups.push(found.id.clone()),
            _ => {}
        }
    }
    let chunks = clusters.iter().flat_map(|(cluster, services)| services.chunks(10).map(move |chunk| (cluster, chunk)));
    let tasks = try_join_all(chunks.map(|(cluster, services)| tasks(cx, cluster, services)));
    let targets = try_join_all(groups.iter().map(|group| targets(cx, group)));
    let (tasks, targets) = futures_util::future::try_join(tasks, targets).await?;
    Ok(Health { tasks: tasks.concat().into_iter().collect(), targets: targets.into_iter().flatten().collect() })
}

async fn tasks(cx: &Cx, cluster: &str, services: &[String]) -> Result<Vec<(String, (u32, u32))>, CloudError> {
    let answer = call::read("ecs:DescribeServices", || {
        cx.ecs.describe_services().cluster(cluster).set_services(Some(services.to_vec())).send()
    })
    .await?;
    let count = |number: i32| u32::try_from(number).unwrap_or_default();
    let services = answer.services.unwrap_or_default().into_iter();
    Ok(services
        .filter_map(|service| {
            Some((service.service_arn?, (count(service.running_count), count(service.pending_count))))
        })
        .collect())
}

/// `None` if the group is gone by now.
async fn targets(cx: &Cx, group: &str) -> Result<Option<(String, (u32, u32))>, CloudError> {
    let answer = call::read("elasticloadbalancing:DescribeTargetHealth", || {
        cx.elb.describe_target_health().target_group_arn(group).send()
    })
    .await;
    let Some(answer) = call::if_there(answer)? else { return Ok(None) };
    let all = answer.target_health_descriptions.unwrap_or_default();
    let is_healthy = |state: &TargetHealthStateEnum| *state == TargetHealthStateEnum::Healthy;
    let healthy = all
        .iter()
        .filter(|one| one.target_health.as_ref().and_then(|health| health.state.as_ref()).is_some_and(is_healthy))
        .count();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(Some((group.to_owned(), (count(healthy), count(all.len() - healthy)))))
}

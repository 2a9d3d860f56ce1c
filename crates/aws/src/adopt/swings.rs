//! Deployment groups: whose they are, and between which target groups they swing what goes where.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_adopt::{Beyond, Swing, Walk};
use aomidori_engine::cloud::CloudError;
use aomidori_model::kinds::DeploymentConfig;
use aomidori_model::kinds::deployment_config::TrafficRouting;
use aomidori_model::{KindName, Stack};
use aws_sdk_codedeploy::types::{DeploymentGroupInfo, TrafficRoute};

use crate::call;
use crate::client::Cx;
use crate::kinds::deployment_config;
use crate::observe;
use crate::services::ecs::service_parts;
use crate::services::leaf;

/// The account's deployment groups, each with its application.
#[derive(Debug, Default)]
pub(super) struct Groups {
    all: Vec<(String, DeploymentGroupInfo)>,
    /// The ARNs of target groups by name: CodeDeploy knows them so.
    arns: BTreeMap<String, String>,
}

/// Reads them all. AWS cannot be asked for those of one service.
pub(super) async fn read(cx: &Cx) -> Result<Groups, CloudError> {
    let mut groups = Groups::default();
    for application in observe::code_deploy::list(cx).await? {
        for chunk in names(cx, &application).await?.chunks(100) {
            let answer = call::read("codedeploy:BatchGetDeploymentGroups", || {
                cx.codedeploy
                    .batch_get_deployment_groups()
                    .application_name(&application)
                    .set_deployment_group_names(Some(chunk.to_vec()))
                    .send()
            })
            .await?;
            let live = answer.deployment_groups_info.unwrap_or_default();
            groups.all.extend(live.into_iter().map(|group| (application.clone(), group)));
        }
    }
    if groups.all.iter().any(|(_, group)| !pair_names(group).is_empty()) {
        let live = observe::elb::target_groups(cx).await?;
        groups.arns = live.into_iter().filter_map(|it| Some((it.target_group_name?, it.target_group_arn?))).collect();
    }
    Ok(groups)
}

impl Groups {
    /// The groups that deploy a service, and their applications.
    pub(super) fn of_service(&self, service: &str) -> Vec<(KindName, String)> {
        let (cluster, name) = service_parts(service);
        let deploys = |group: &DeploymentGroupInfo| {
            group.ecs_services.as_deref().unwrap_or_default().iter().any(|of| {
                let there = of.cluster_name.as_deref().unwrap_or("default");
                of.service_name.as_deref() == Some(name) && leaf(there) == leaf(cluster)
            })
        };
        let mine = self.all.iter().filter(|(_, group)| deploys(group));
        mine.flat_map(|(application, group)| {
            [
                (KindName::DeploymentGroup, id(application, group)),
                (KindName::CodeDeployApplication, application.clone()),
            ]
        })
        .collect()
    }

    /// The other target group of each pair that one belongs to: a listener may forward to it tomorrow.
    pub(super) fn other_side(&self, arn: &str) -> Vec<(KindName, String)> {
        let pairs = self.swings().into_iter().filter(|swing| swing.groups.iter().any(|group| group == arn));
        pairs.flat_map(|swing| swing.groups).map(|group| (KindName::TargetGroup, group)).collect()
    }

    fn swings(&self) -> Vec<Swing> {
        let mut swings = Vec::new();
        for (_, group) in &self.all {
            let arns: Vec<&String> = pair_names(group).iter().filter_map(|name| self.arns.get(*name)).collect();
            if let [blue, green] = arns[..] {
                swings.push(Swing { groups: [blue.clone(), green.clone()], listeners: routes(group) });
            }
        }
        swings
    }

    /// Adds to a walk how what it found is swung, the stack's own configurations, and what others share.
    pub(super) async fn finish(&self, cx: &Cx, stack: &Stack, walk: &mut Walk) -> Result<(), CloudError> {
        let found = |walk: &Walk, kind: KindName, id: &str| walk.found.contains(&(kind, id.to_owned()));
        for swing in self.swings() {
            if swing.groups.iter().any(|group| found(walk, KindName::TargetGroup, group)) {
                walk.swings.push(swing);
            }
        }
        let mut shared: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut configs = BTreeSet::new();
        for (application, group) in &self.all {
            let name = group.deployment_group_name.as_deref().unwrap_or_default();
            if found(walk, KindName::DeploymentGroup, &id(application, group)) {
                configs.extend(group.deployment_config_name.as_deref());
            } else if found(walk, KindName::CodeDeployApplication, application) {
                shared.entry(application).or_default().push(name);
            }
        }
        for (application, others) in shared {
            walk.beyond.push(Beyond {
                kind: KindName::CodeDeployApplication,
                id: application.to_owned(),
                what: format!("deployment groups of others are in it, and would go with it: {}", others.join(", ")),
                shuts: true,
                arguments: &[],
            });
        }
        for config in configs.into_iter().filter(|name| TrafficRouting::predefined(name).is_none()) {
            // Its name is its mark: see the observer of configurations.
            let is_own = [".", "-"].iter().any(|sign| config.starts_with(&format!("{}{sign}", stack.name())));
            let live = deployment_config::read(cx, config).await?;
            let routing = live.as_ref().and_then(deployment_config::routing_of);
            match (is_own, routing, config.parse()) {
                (true, Some(routing), Ok(name)) => walk.add_untagged(DeploymentConfig { name, routing }.into()),
                _ if config.starts_with("CodeDeployDefault.") => {}
                _ => walk.passed.push(format!(
                    "the deployment configuration {config}, which takes no tags and does not start with `{}-`: the stack \
                     refers to it",
                    stack.name()
                )),
            }
        }
        Ok(())
    }
}

fn id(application: &str, group: &DeploymentGroupInfo) -> String {
    format!("{application}/{}", group.deployment_group_name.as_deref().unwrap_or_default())
}

fn pair_names(group: &DeploymentGroupInfo) -> Vec<&str> {
    let pairs = group.load_balancer_info.as_ref().and_then(|info| info.target_group_pair_info_list.as_deref());
    let groups = pairs.unwrap_or_default().iter().flat_map(|pair| pair.target_groups.iter().flatten());
    groups.filter_map(|group| group.name.as_deref()).collect()
}

fn routes(group: &DeploymentGroupInfo) -> BTreeSet<String> {
    let pairs = group.load_balancer_info.as_ref().and_then(|info| info.target_group_pair_info_list.as_deref());
    let arns =
        |route: &Option<TrafficRoute>| route.as_ref().and_then(|it| it.listener_arns.clone()).unwrap_or_default();
    let pairs = pairs.unwrap_or_default().iter();
    pairs.flat_map(|pair| [arns(&pair.prod_traffic_route), arns(&pair.test_traffic_route)].concat()).collect()
}

async fn names(cx: &Cx, application: &str) -> Result<Vec<String>, CloudError> {
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let page = call::read("codedeploy:ListDeploymentGroups", || {
            cx.codedeploy.list_deployment_groups().application_name(application).set_next_token(token.clone()).send()
        })
        .await?;
        found.extend(page.deployment_groups.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            return Ok(found);
        }
    }
}

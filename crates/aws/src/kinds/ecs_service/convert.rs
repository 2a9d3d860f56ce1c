//! A live ECS service: its fields, and how far it is.

use std::collections::BTreeMap;

use aomidori_engine::cloud::Progress;
use aomidori_model::kinds::{DiscoveryService, EcsService};
use aomidori_model::kinds::ecs_cluster::EcsName;
use aomidori_model::kinds::ecs_service::{
    CapacityProvider, CircuitBreaker, Deployment, PairTarget, PropagateTags, Rolling, ServiceTarget, Share,
};
use aomidori_model::{Fields, Port, Ref, ToValue, Value};
use aws_sdk_ecs::types::{
    self as aws, AssignPublicIp, DeploymentControllerType, DeploymentRolloutState, LaunchType, StabilityStatus,
};

use crate::observe::fields;
use crate::services::{existing, set_field, unsigned};

/// The fields of a live service. Where CodeDeploy deploys it, the PRIMARY task set says what runs where; the service
/// itself says so only sometimes (aws-facts 2.18). `None` for a name that the model cannot write.
pub(crate) fn fields_of(live: &aws::Service, wanted: Option<&EcsService>) -> Option<Fields> {
    let set = primary(live);
    let network = match set.and_then(|set| set.network_configuration.as_ref()) {
        Some(of_set) => Some(of_set),
        None => live
            .network_configuration
            .as_ref()
            .or_else(|| live.deployments().iter().find_map(|deployment| deployment.network_configuration.as_ref())),
    };
    let network = network.and_then(|network| network.awsvpc_configuration.as_ref());
    let set_targets = set.map(aws::TaskSet::load_balancers).unwrap_or_default();
    let targets = if set_targets.is_empty() { live.load_balancers() } else { set_targets };
    let targets: Vec<ServiceTarget> = targets.iter().filter_map(target).collect();
    let controller = live.deployment_controller.as_ref().map(|controller| &controller.r#type);
    let code_deploy = controller == Some(&DeploymentControllerType::CodeDeploy);
    let deployment = match targets.first() {
        Some(ServiceTarget { target_group, container, port }) if code_deploy => Deployment::CodeDeploy {
            target: PairTarget {
                blue: target_group.clone(),
                green: target_group.clone(),
                container: container.clone(),
                port: *port,
            },
            registry: registry(live),
        },
        _ => Deployment::Rolling(rolling(live, targets.clone())),
    };
    let version = set.and_then(|set| set.platform_version.clone()).or_else(|| live.platform_version.clone());
    let latest = wanted.and_then(|wanted| wanted.platform_version.as_deref()).filter(|it| *it == "LATEST");
    let of_set = set.map(aws::TaskSet::capacity_provider_strategy).unwrap_or_default();
    let strategy = if of_set.is_empty() { live.capacity_provider_strategy() } else { of_set };
    let model = EcsService {
        name: live.service_name.as_deref()?.parse().ok()?,
        cluster: Ref::existing(live.cluster_arn.clone().unwrap_or_default()),
        task_definition: Ref::existing(
            set.and_then(|set| set.task_definition.clone())
                .or_else(|| live.task_definition.clone())
                .unwrap_or_default(),
        ),
        desired_count: Some(unsigned(Some(live.desired_count))),
        subnets: existing(network.map(|it| it.subnets.as_slice()).unwrap_or_default()),
        security_groups: existing(network.map(|it| it.security_groups()).unwrap_or_default()),
        assign_public_ip: network.is_some_and(|it| it.assign_public_ip == Some(AssignPublicIp::Enabled)),
        // ECS reads "LATEST" back as a number.
        platform_version: latest.map(str::to_owned).or(version),
        enable_execute_command: match runs_tasks(live) {
            true => Some(live.enable_execute_command),
            false => wanted.and_then(|wanted| wanted.enable_execute_command),
        },
        health_check_grace_period: live.health_check_grace_period_seconds.map(|seconds| unsigned(Some(seconds))),
        capacity_providers: providers(strategy).unwrap_or_default(),
        propagate_tags: propagated(live, wanted),
        managed_tags: (live.enable_ecs_managed_tags || wanted.is_some_and(|wanted| wanted.managed_tags.is_some()))
            .then_some(live.enable_ecs_managed_tags),
        deployment,
    };
    let mut fields = fields(&model);
    if code_deploy {
        set_field(&mut fields, "deployment_controller.type", Value::str("CODE_DEPLOY"));
    } else if let Some(other) = controller.filter(|it| **it != DeploymentControllerType::Ecs) {
        set_field(&mut fields, "deployment_controller.type", Value::str(other.as_str()));
    }
    let launch = set.and_then(|set| set.launch_type.as_ref()).or(live.launch_type.as_ref());
    if launch != Some(&LaunchType::Fargate) {
        let fargate = strategy
            .iter()
            .map(|item| item.capacity_provider.clone())
            .collect::<Vec<_>>()
            .join(" ");
        let other = launch.map_or(fargate, |launch| launch.as_str().to_owned());
        set_field(&mut fields, "launch_type", Value::str(other));
    }
    if live.service_registries().len() > 1 {
        let all = live.service_registries().iter().filter_map(|it| it.registry_arn.as_ref()).map(Value::str);
        set_field(&mut fields, "service_registries", all.collect::<std::collections::BTreeSet<_>>().to_value());
    }
    Some(fields)
}

/// False for an endpoint that keeps a service's record and nothing else: moto says neither when a service was made nor how
/// its tasks are placed, which ECS always says. It starts no task, and forgets ECS Exec.
fn runs_tasks(live: &aws::Service) -> bool {
    live.created_at.is_some() || live.placement_constraints.is_some()
}

fn primary(live: &aws::Service) -> Option<&aws::TaskSet> {
    live.task_sets().iter().find(|set| set.status.as_deref() == Some("PRIMARY"))
}

fn target(live: &aws::LoadBalancer) -> Option<ServiceTarget> {
    Some(ServiceTarget {
        target_group: Ref::existing(live.target_group_arn.as_ref()?),
        container: live.container_name.as_deref()?.parse::<EcsName>().ok()?,
        port: Port::new(u16::try_from(live.container_port?).ok()?).ok()?,
    })
}

fn rolling(live: &aws::Service, load_balancers: Vec<ServiceTarget>) -> Rolling {
    let configuration = live.deployment_configuration.as_ref();
    let breaker = configuration.and_then(|it| it.deployment_circuit_breaker.as_ref()).filter(|it| it.enable);
    let defaults = Rolling::default();
    Rolling {
        minimum_healthy_percent: configuration
            .and_then(|it| it.minimum_healthy_percent)
            .map_or(defaults.minimum_healthy_percent, |it| unsigned(Some(it))),
        maximum_percent: configuration
            .and_then(|it| it.maximum_percent)
            .map_or(defaults.maximum_percent, |it| unsigned(Some(it))),
        circuit_breaker: breaker.map(|breaker| CircuitBreaker { rollback: breaker.rollback }),
        load_balancers,
        registry: registry(live),
    }
}

fn registry(live: &aws::Service) -> Option<Ref<DiscoveryService>> {
    live.service_registries().first().and_then(|it| it.registry_arn.as_ref()).map(Ref::existing)
}

/// The shares of Fargate's capacity providers; `None` where there are others.
fn providers(strategy: &[aws::CapacityProviderStrategyItem]) -> Option<BTreeMap<CapacityProvider, Share>> {
    let share = |item: &aws::CapacityProviderStrategyItem| {
        let share = Share { weight: unsigned(Some(item.weight)), base: unsigned(Some(item.base)) };
        Some((CapacityProvider::named(&item.capacity_provider)?, share))
    };
    strategy.iter().map(share).collect()
}

/// Whose tags tasks get: nobody's is what AWS has, and is said only of a service that says so.
fn propagated(live: &aws::Service, wanted: Option<&EcsService>) -> Option<PropagateTags> {
    match live.propagate_tags {
        Some(aws::PropagateTags::Service) => Some(PropagateTags::Service),
        Some(aws::PropagateTags::TaskDefinition) => Some(PropagateTags::TaskDefinition),
        _ => wanted.and_then(|wanted| wanted.propagate_tags).map(|_| PropagateTags::None),
    }
}

/// How far a service is. `watched` is the rolling deployment that we started: its end is what counts.
pub(crate) fn how_far(live: &aws::Service, watched: Option<&str>) -> Progress {
    match live.status.as_deref() {
        Some("INACTIVE") => return Progress::Gone,
        Some("DRAINING") => {
            let tasks = live.running_count + live.pending_count;
            return Progress::Deleting(format!("draining, {} left", tasks_of(tasks)));
        }
        _ => {}
    }
    if !runs_tasks(live) {
        return Progress::Ready;
    }
    if let Some(set) = primary(live) {
        let steady = set.stability_status == Some(StabilityStatus::SteadyState);
        return match steady && set.running_count == set.computed_desired_count {
            true => Progress::Ready,
            false => pending(live, set.running_count, set.computed_desired_count),
        };
    }
    let deployments = live.deployments();
    if let Some(id) = watched.filter(|_| !deployments.is_empty()) {
        let ours = deployments.iter().find(|deployment| deployment.id.as_deref() == Some(id));
        if ours.is_none_or(|ours| ours.status.as_deref() != Some("PRIMARY")) {
            let cause = latest_event(live, &["rolling back", "deployment failed", "circuit breaker"]);
            return Progress::Failed(cause.map_or_else(
                || "another deployment has taken the place of ours".to_owned(),
                |event| format!("rolled back: {event}"),
            ));
        }
    }
    let counts = |deployment: &&aws::Deployment| deployment.status.as_deref() == Some("PRIMARY");
    let Some(ours) = deployments.iter().find(counts) else {
        // An emulator without task sets, or a service that has only just been made.
        return match live.running_count == live.desired_count && live.pending_count == 0 {
            true => Progress::Ready,
            false => pending(live, live.running_count, live.desired_count),
        };
    };
    let full = ours.running_count == ours.desired_count;
    match ours.rollout_state {
        Some(DeploymentRolloutState::Failed) => {
            Progress::Failed(ours.rollout_state_reason.clone().unwrap_or_else(|| "the deployment failed".into()))
        }
        Some(DeploymentRolloutState::Completed) if full => Progress::Ready,
        _ if full && deployments.len() == 1 && live.running_count == live.desired_count => Progress::Ready,
        _ => pending(live, ours.running_count, ours.desired_count),
    }
}

fn tasks_of(count: i32) -> String {
    if count == 1 { "1 task".into() } else { format!("{count} tasks") }
}

/// What it waits for, with what goes wrong meanwhile.
fn pending(live: &aws::Service, running: i32, desired: i32) -> Progress {
    let failed: i32 = live.deployments().iter().map(|deployment| deployment.failed_tasks).sum();
    let trouble = latest_event(live, &["unable", "fail", "unhealthy", "was stopped", "not able"]);
    let mut text = format!("{running} of {} running", tasks_of(desired));
    if failed > 0 {
        text.push_str(&format!(", {failed} failed"));
    }
    if let Some(trouble) = trouble {
        text.push_str(&format!("; {trouble}"));
    }
    Progress::Pending(text)
}

/// The latest event that speaks of one of these, without the service's own name in front.
fn latest_event(live: &aws::Service, words: &[&str]) -> Option<String> {
    // The newest comes first.
    let newest = live.events().iter().take(5).filter_map(|event| event.message.as_deref());
    let found = newest.into_iter().find(|text| words.iter().any(|word| text.to_ascii_lowercase().contains(word)))?;
    let name = format!("(service {}", live.service_name.as_deref().unwrap_or_default());
    let text = found.strip_prefix(&name).and_then(|rest| rest.split_once(')')).map_or(found, |(_, rest)| rest);
    Some(text.trim().trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{
        AwsVpcConfiguration, Deployment as Rollout, DeploymentController, LoadBalancer, NetworkConfiguration, Service,
        ServiceEvent, TaskSet,
    };

    use super::*;

    fn service() -> aws_sdk_ecs::types::builders::ServiceBuilder {
        Service::builder()
            .service_name("web")
            .cluster_arn("arn:aws:ecs:eu-central-1:1:cluster/shop")
            .status("ACTIVE")
            .created_at(aws_smithy_types::DateTime::from_secs(0))
            .launch_type(LaunchType::Fargate)
            .desired_count(1)
    }

    fn rollout(id: &str, status: &str, state: DeploymentRolloutState, running: i32) -> Rollout {
        Rollout::builder().id(id).status(status).rollout_state(state).desired_count(1).running_count(running).build()
    }

    fn target(arn: &str) -> LoadBalancer {
        LoadBalancer::builder().target_group_arn(arn).container_name("web").container_port(80).build()
    }

    #[test]
    fn the_primary_task_set_says_what_runs_where() {
        let vpc = AwsVpcConfiguration::builder().subnets("subnet-1").security_groups("sg-1").build().unwrap();
        let controller = DeploymentController::builder().r#type(DeploymentControllerType::CodeDeploy).build().unwrap();
        let set = TaskSet::builder()
            .status("PRIMARY")
            .task_definition("arn:td:2")
            .platform_version("1.4.0")
            .network_configuration(NetworkConfiguration::builder().awsvpc_configuration(vpc).build())
            .load_balancers(target("tg/green"))
            .launch_type(LaunchType::Fargate)
            .build();
        let live = service().deployment_controller(controller).task_definition("arn:td:1").task_sets(set).build();
        let read = fields_of(&live, None).unwrap();
        let group = Ref::<aomidori_model::kinds::TargetGroup>::existing("tg/green");
        let wanted = ServiceTarget { target_group: group, container: "web".parse().unwrap(), port: Port::HTTP };
        assert_eq!(read.value("load_balancer"), &Value::Set([wanted.to_value()].into()));
        assert_eq!(read.value("deployment_controller.type"), &Value::str("CODE_DEPLOY"));
        assert_eq!(read.value("task_definition").resolve(&|_| None), Value::str("arn:td:2"));
        assert_eq!(read.value("deployment_circuit_breaker"), &Value::Null);
        assert_eq!(read.value("launch_type"), &Value::str("FARGATE"));
    }

    #[test]
    fn a_service_without_fargate_differs() {
        let live = service().launch_type(LaunchType::Ec2).build();
        assert_eq!(fields_of(&live, None).unwrap().value("launch_type"), &Value::str("EC2"));
    }

    #[test]
    fn capacity_providers_of_fargate_are_read_and_others_differ() {
        let item = |name: &str, base| {
            aws::CapacityProviderStrategyItem::builder().capacity_provider(name).weight(2).base(base).build().unwrap()
        };
        let on = |items: Vec<aws::CapacityProviderStrategyItem>| {
            let plain = Service::builder().service_name("web").status("ACTIVE").propagate_tags(aws::PropagateTags::Service);
            fields_of(&plain.set_capacity_provider_strategy(Some(items)).build(), None).unwrap()
        };
        let both = on(vec![item("FARGATE", 1), item("FARGATE_SPOT", 0)]);
        let Value::Set(shares) = both.value("capacity_provider_strategy") else { panic!("{both:?}") };
        assert_eq!(shares.len(), 2);
        assert_eq!(both.value("propagate_tags"), &Value::str("SERVICE"));
        assert_eq!(both.value("enable_ecs_managed_tags"), &Value::Null);
        let own = on(vec![item("of-ours", 0)]);
        assert_eq!(own.value("launch_type"), &Value::str("of-ours"));
        assert_eq!(own.value("capacity_provider_strategy"), &Value::Null);
    }

    #[test]
    fn a_blue_green_service_is_ready_when_its_primary_task_set_is_steady() {
        let set = |steady, running| {
            TaskSet::builder()
                .status("PRIMARY")
                .stability_status(steady)
                .computed_desired_count(1)
                .running_count(running)
        };
        let far = |set: aws_sdk_ecs::types::builders::TaskSetBuilder| {
            how_far(&service().task_sets(set.build()).build(), None)
        };
        assert_eq!(far(set(StabilityStatus::SteadyState, 1)), Progress::Ready);
        assert_eq!(far(set(StabilityStatus::Stabilizing, 0)), Progress::Pending("0 of 1 task running".into()));
    }

    #[test]
    fn a_rolling_service_is_ready_when_our_deployment_is() {
        use DeploymentRolloutState::{Completed, Failed, InProgress};
        let far = |deployments: Vec<Rollout>, running, watched| {
            how_far(&service().running_count(running).set_deployments(Some(deployments)).build(), watched)
        };
        assert_eq!(far(vec![rollout("a", "PRIMARY", Completed, 1)], 1, Some("a")), Progress::Ready);
        assert_eq!(far(vec![rollout("a", "PRIMARY", InProgress, 1)], 1, None), Progress::Ready);
        let two = vec![rollout("b", "PRIMARY", InProgress, 1), rollout("a", "ACTIVE", Completed, 1)];
        assert_eq!(far(two.clone(), 2, Some("b")), Progress::Pending("1 of 1 task running".into()));
        // The circuit breaker has gone back to `a`.
        assert!(matches!(far(vec![rollout("a", "PRIMARY", Completed, 1)], 1, Some("b")), Progress::Failed(_)));
        assert!(matches!(far(vec![rollout("b", "PRIMARY", Failed, 0)], 0, Some("b")), Progress::Failed(_)));
    }

    #[test]
    fn failing_tasks_are_told() {
        let event = ServiceEvent::builder()
            .message("(service web) was unable to place a task because no image was found.")
            .build();
        let live = service().events(event).deployments(rollout("a", "PRIMARY", DeploymentRolloutState::InProgress, 0));
        assert_eq!(
            how_far(&live.build(), None),
            Progress::Pending("0 of 1 task running; was unable to place a task because no image was found".into())
        );
    }

    #[test]
    fn an_emulator_that_runs_no_tasks_is_not_waited_for() {
        let live = Service::builder().service_name("web").status("ACTIVE").desired_count(1).build();
        assert_eq!(how_far(&live, None), Progress::Ready);
    }

    #[test]
    fn on_its_way_out() {
        let live = |status: &str| service().status(status).running_count(1).build();
        assert_eq!(how_far(&live("INACTIVE"), None), Progress::Gone);
        assert_eq!(how_far(&live("DRAINING"), None), Progress::Deleting("draining, 1 task left".into()));
    }
}

//! ECS services (aws-facts 2.18, 3.9).

mod convert;

use aomidori_engine::cloud::{CloudError, ErrorKind, Made, Progress, Want};
use aomidori_model::kinds::EcsService;
use aomidori_model::kinds::ecs_service::{CapacityProvider, Deployment, PairTarget, PropagateTags, ServiceTarget, Share};
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_ecs::types::{
    self as aws, AssignPublicIp, AwsVpcConfiguration, CapacityProviderStrategyItem, DeploymentCircuitBreaker, DeploymentConfiguration,
    DeploymentController, DeploymentControllerType, LaunchType, LoadBalancer, NetworkConfiguration, ServiceRegistry,
};

use crate::call;
use crate::client::Cx;
use crate::live::Live;
use crate::services::{changes_any, ecs, elb, ids, incomplete, is_it, made, signed};

pub(crate) use convert::{fields_of, how_far};

const CREATE: &str = "ecs:CreateService";
const UPDATE: &str = "ecs:UpdateService";

impl Live for EcsService {
    const WRITES: &'static [&'static str] = &[
        "ecs:CreateService",
        "ecs:DeleteService",
        "ecs:UpdateService",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let controller = match &want.deployment {
            Deployment::CodeDeploy { .. } => DeploymentControllerType::CodeDeploy,
            Deployment::Rolling(_) => DeploymentControllerType::Ecs,
        };
        let mut started = targets(want, w)?;
        if let (Deployment::CodeDeploy { target, .. }, Some([on])) = (&want.deployment, started.as_deref_mut()) {
            let pair = [w.known.id(&target.blue)?, w.known.id(&target.green)?];
            on.target_group_arn = Some(elb::routed_side(cx, pair).await.map_err(call::fresh)?);
        }
        let request = cx
            .ecs
            .create_service()
            .cluster(w.known.id(&want.cluster)?)
            .service_name(want.name.as_str())
            .task_definition(w.known.id(&want.task_definition)?)
            // Whoever scales the service from then on starts from one task.
            .desired_count(signed(want.desired_count.unwrap_or(1)))
            .set_launch_type(want.capacity_providers.is_empty().then_some(LaunchType::Fargate))
            .set_capacity_provider_strategy(strategy(want)?)
            .set_platform_version(want.platform_version.clone())
            .network_configuration(network(want, w)?)
            .set_load_balancers(started)
            .set_service_registries(registries(want, w)?)
            .set_propagate_tags(want.propagate_tags.map(propagated))
            .set_enable_ecs_managed_tags(want.managed_tags)
            .set_enable_execute_command(want.enable_execute_command)
            .set_health_check_grace_period_seconds(want.health_check_grace_period.map(signed))
            .deployment_controller(DeploymentController::builder().r#type(controller).build().map_err(incomplete)?)
            .set_deployment_configuration(configuration(want))
            .client_token(w.token)
            .set_tags(ecs::tag_list(w.tags));
        // ECS has accepted it: whether its tasks come up is another matter, and `progress` tells.
        let answer = call::once(CREATE, request.send()).await.map_err(call::fresh)?;
        let service = answer.service.ok_or_else(|| call::missing(CREATE, "service"))?;
        watch(cx, &service);
        Ok(made_of(&service))
    }

    async fn find(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let found = ecs::services(cx, &w.known.id(&want.cluster)?, &[want.name.to_string()]).await?.pop();
        let active = found.filter(|service| service.status.as_deref() == Some("ACTIVE"));
        Ok(active.filter(|it| is_it(w, &ecs::tags_from(it.tags.clone()))).map(|service| made_of(&service)))
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        ecs::retag(cx, w, have, changes).await?;
        let (cluster, name) = ecs::service_parts(&have.id);
        let changed = |names: &[&str]| changes_any(changes, names);
        let mut request = cx.ecs.update_service().cluster(cluster).service(name);
        let mut any = false;
        // These are all that UpdateService takes of a service that CodeDeploy deploys (aws-facts 3.9).
        if let (true, Some(count)) = (changed(&["desired_count"]), want.desired_count) {
            (request, any) = (request.desired_count(signed(count)), true);
        }
        if let (true, Some(on)) = (changed(&["enable_execute_command"]), want.enable_execute_command) {
            (request, any) = (request.enable_execute_command(on), true);
        }
        if changed(&["health_check_grace_period_seconds"]) {
            let seconds = want.health_check_grace_period.unwrap_or_default();
            (request, any) = (request.health_check_grace_period_seconds(signed(seconds)), true);
        }
        if let (true, Some(from)) = (changed(&["propagate_tags"]), want.propagate_tags) {
            (request, any) = (request.propagate_tags(propagated(from)), true);
        }
        if let (true, Some(on)) = (changed(&["enable_ecs_managed_tags"]), want.managed_tags) {
            (request, any) = (request.enable_ecs_managed_tags(on), true);
        }
        if !want.is_code_deploy() {
            if changed(&["capacity_provider_strategy"]) {
                // ECS takes another strategy only together with new tasks.
                let request_of_it = request.set_capacity_provider_strategy(strategy(want)?);
                (request, any) = (request_of_it.force_new_deployment(true), true);
            }
            if changed(&["task_definition"]) {
                (request, any) = (request.task_definition(w.known.id(&want.task_definition)?), true);
            }
            if changed(&["network_configuration."]) {
                (request, any) = (request.network_configuration(network(want, w)?), true);
            }
            if changed(&["platform_version"]) {
                let version = want.platform_version.as_deref().unwrap_or("LATEST");
                (request, any) = (request.platform_version(version), true);
            }
            // An empty list takes them away; an absent one would keep them.
            if changed(&["load_balancer"]) {
                (request, any) = (request.set_load_balancers(Some(targets(want, w)?.unwrap_or_default())), true);
            }
            if changed(&["service_registries"]) {
                let registries = registries(want, w)?.unwrap_or_default();
                (request, any) = (request.set_service_registries(Some(registries)), true);
            }
            let names =
                ["deployment_minimum_healthy_percent", "deployment_maximum_percent", "deployment_circuit_breaker"];
            if changed(&names) {
                (request, any) = (request.set_deployment_configuration(configuration(want)), true);
            }
        }
        if any {
            let answer = call::idempotent(UPDATE, || request.clone().send()).await?;
            if let Some(service) = &answer.service {
                watch(cx, service);
            }
        }
        Ok(Made { id: have.id.clone(), outputs: have.outputs.clone() })
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        let (cluster, name) = ecs::service_parts(&have.id);
        let scaled =
            call::idempotent(UPDATE, || cx.ecs.update_service().cluster(cluster).service(name).desired_count(0).send())
                .await;
        match scaled {
            // Gone, draining already, or with several task sets: the deletion by force does without.
            Err(error) if !matches!(error.kind, ErrorKind::NotFound | ErrorKind::Refused | ErrorKind::InUse) => {
                return Err(error);
            }
            Ok(_) | Err(_) => {}
        }
        let answer = call::idempotent("ecs:DeleteService", || {
            cx.ecs.delete_service().cluster(cluster).service(name).force(true).send()
        })
        .await;
        match answer {
            Err(error) if error.code.as_deref() == Some("ServiceNotActiveException") => Ok(()),
            other => call::gone_is_fine(other),
        }
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        let (cluster, name) = ecs::service_parts(id);
        let found = ecs::services(cx, cluster, &[name.to_owned()]).await?.pop();
        let watched = cx.noted(id);
        Ok(found.map_or(Progress::Gone, |service| how_far(&service, watched.as_deref())))
    }
}

/// Remembers our deployment, so that a roll-back by the circuit breaker is not taken for its success.
fn watch(cx: &Cx, service: &aws::Service) {
    let primary = service.deployments().iter().find(|deployment| deployment.status.as_deref() == Some("PRIMARY"));
    if let (Some(arn), Some(id)) = (&service.service_arn, primary.and_then(|deployment| deployment.id.as_ref())) {
        cx.note(arn, id);
    }
}

/// The service's id and outputs.
pub(crate) fn made_of(service: &aws::Service) -> Made {
    let arn = service.service_arn.clone().unwrap_or_default();
    let (cluster, name) = ecs::service_parts(&arn);
    let cluster = match service.cluster_arn.as_deref() {
        Some(arn) => crate::services::leaf(arn),
        None => cluster,
    };
    made(&arn, [("name", name.to_owned()), ("cluster", cluster.to_owned())])
}

fn network(want: &EcsService, w: Want<'_>) -> Result<NetworkConfiguration, CloudError> {
    let public = if want.assign_public_ip { AssignPublicIp::Enabled } else { AssignPublicIp::Disabled };
    let vpc = AwsVpcConfiguration::builder()
        .set_subnets(Some(ids(w.known, &want.subnets)?))
        .set_security_groups(Some(ids(w.known, &want.security_groups)?))
        .assign_public_ip(public)
        .build()
        .map_err(incomplete)?;
    Ok(NetworkConfiguration::builder().awsvpc_configuration(vpc).build())
}

/// Where the service's tasks are registered; a blue/green service has one target group only, and starts on blue unless
/// requests go to green: one that takes another's place after a deployment.
fn targets(want: &EcsService, w: Want<'_>) -> Result<Option<Vec<LoadBalancer>>, CloudError> {
    let target = |ServiceTarget { target_group, container, port }: &ServiceTarget| {
        Ok(LoadBalancer::builder()
            .target_group_arn(w.known.id(target_group)?)
            .container_name(container.as_str())
            .container_port(i32::from(port.number()))
            .build())
    };
    let targets = match &want.deployment {
        Deployment::CodeDeploy { target: PairTarget { blue, green: _, container, port }, .. } => {
            vec![target(&ServiceTarget { target_group: blue.clone(), container: container.clone(), port: *port })?]
        }
        Deployment::Rolling(rolling) => rolling.load_balancers.iter().map(target).collect::<Result<_, CloudError>>()?,
    };
    Ok((!targets.is_empty()).then_some(targets))
}

fn registries(want: &EcsService, w: Want<'_>) -> Result<Option<Vec<ServiceRegistry>>, CloudError> {
    let registry = match &want.deployment {
        Deployment::Rolling(rolling) => rolling.registry.as_ref(),
        Deployment::CodeDeploy { registry, .. } => registry.as_ref(),
    };
    registry
        .map(|registry| Ok(vec![ServiceRegistry::builder().registry_arn(w.known.id(registry)?).build()]))
        .transpose()
}

fn strategy(want: &EcsService) -> Result<Option<Vec<CapacityProviderStrategyItem>>, CloudError> {
    let one = |(provider, share): (&CapacityProvider, &Share)| {
        CapacityProviderStrategyItem::builder()
            .capacity_provider(provider.as_str())
            .weight(signed(share.weight))
            .base(signed(share.base))
            .build()
            .map_err(incomplete)
    };
    let all = want.capacity_providers.iter().map(one).collect::<Result<Vec<_>, CloudError>>()?;
    Ok((!all.is_empty()).then_some(all))
}

fn propagated(from: PropagateTags) -> aws::PropagateTags {
    match from {
        PropagateTags::None => aws::PropagateTags::None,
        PropagateTags::Service => aws::PropagateTags::Service,
        PropagateTags::TaskDefinition => aws::PropagateTags::TaskDefinition,
    }
}

fn configuration(want: &EcsService) -> Option<DeploymentConfiguration> {
    let Deployment::Rolling(rolling) = &want.deployment else { return None };
    let breaker = DeploymentCircuitBreaker::builder()
        .enable(rolling.circuit_breaker.is_some())
        .rollback(rolling.circuit_breaker.is_some_and(|breaker| breaker.rollback))
        .build();
    let configuration = DeploymentConfiguration::builder()
        .minimum_healthy_percent(signed(rolling.minimum_healthy_percent))
        .maximum_percent(signed(rolling.maximum_percent))
        .deployment_circuit_breaker(breaker);
    Some(configuration.build())
}

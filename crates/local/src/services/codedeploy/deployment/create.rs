//! CreateDeployment: everything that is refused before a deployment exists.

use serde::Deserialize;
use serde_json::{Value, json};

use super::life;
use super::revision::{self, Location};
use super::{Deployment, Routing, Side, Stage, active_of, events};
use crate::error::{Result, fail};
use crate::services::codedeploy::group::{Alarms, AutoRollback};
use crate::services::codedeploy::{application, check, config, group};
use crate::timings;
use crate::world::Cx;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Create {
    application_name: Option<String>,
    deployment_group_name: Option<String>,
    revision: Option<Location>,
    deployment_config_name: Option<String>,
    description: Option<String>,
    #[serde(rename = "ignoreApplicationStopFailures")]
    _ignore_application_stop_failures: Option<bool>,
    target_instances: Option<Value>,
    auto_rollback_configuration: Option<AutoRollback>,
    #[serde(rename = "updateOutdatedInstancesOnly")]
    _update_outdated_instances_only: Option<bool>,
    file_exists_behavior: Option<String>,
    override_alarm_configuration: Option<Alarms>,
}

pub(in super::super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let within = application::name(input.application_name)?;
    let platform = application::find(cx, &within)?.platform.clone();
    let name = group::name(input.deployment_group_name)?;
    let found = group::find(cx, &within, &name)?;
    let (settings, group_id) = (found.settings.clone(), found.id.clone());
    if platform != "ECS" {
        return fail!("InvalidComputePlatformException", "The local cloud deploys to ECS only, not to {platform}");
    }
    let Some(location) = input.revision else {
        return fail!("RevisionRequiredException", "The revision was not provided");
    };
    revision::check_description(input.description.as_ref())?;
    if input.target_instances.is_some_and(|t| t.as_object().is_none_or(|t| !t.is_empty())) {
        return fail!(
            "InvalidTargetInstancesException",
            "For ECS deployment group, targetInstances can not be specified"
        );
    }
    let file_exists = input.file_exists_behavior.unwrap_or_else(|| "DISALLOW".to_owned());
    if !["DISALLOW", "OVERWRITE", "RETAIN"].contains(&file_exists.as_str()) {
        return fail!("InvalidFileExistsBehaviorException", "The file exists behavior '{file_exists}' is invalid");
    }
    check::rollback(input.auto_rollback_configuration.as_ref())?;
    check::alarms(input.override_alarm_configuration.as_ref())?;
    let config_name = input.deployment_config_name.unwrap_or_else(|| settings.config.clone());
    let config = config::find(cx, &config_name)?;
    if config.platform != "ECS" {
        return fail!(
            "InvalidDeploymentConfigNameException",
            "The deployment configuration {config_name} is for the compute platform {}",
            config.platform
        );
    }
    let (revision, spec) = location.read(cx, &within)?;
    if let Some(id) = active_of(cx, &within, &name) {
        return fail!(
            "DeploymentLimitExceededException",
            "The Deployment Group '{name}' already has an active Deployment '{id}'"
        );
    }
    let (Some(service), Some(blue_green)) = (settings.ecs_services.first().cloned(), settings.blue_green) else {
        return fail!(
            "InvalidECSServiceException",
            "For ECS deployment group, exactly one ECS service must be specified"
        );
    };
    let own = cx.codedeploy().deployments.values();
    let previous = own
        .filter(|d| d.application == within && d.group == name && d.status == "Succeeded")
        .max_by_key(|d| d.number)
        .map(|d| d.revision.clone());
    revision::keep(cx, &within, &revision, None, Some(&name))?;

    let service_arn = cx.arn("ecs", &format!("service/{}/{}", service.cluster_name, service.service_name));
    let now = cx.now();
    let deployment = Deployment {
        id: String::new(),
        number: 0,
        application: within,
        group: name,
        group_id,
        config: config_name,
        routing: Routing::of(&config.routing.unwrap_or_default()),
        revision,
        previous,
        spec,
        role: settings.role,
        service,
        service_arn,
        style: settings.style,
        balancer: settings.load_balancer.unwrap_or_default(),
        blue_green,
        rollback: input.auto_rollback_configuration.or(settings.rollback),
        alarms: input.override_alarm_configuration.clone().or(settings.alarms),
        override_alarms: input.override_alarm_configuration,
        description: input.description,
        undoes: None,
        rollback_info: None,
        file_exists,
        status: "Created".to_owned(),
        error: None,
        created: now,
        started: None,
        completed: None,
        stage: Stage::Created,
        turn: 0,
        events: Vec::new(),
        target_status: "Pending".to_owned(),
        target_updated: now,
        blue: Side::default(),
        green: Side::default(),
        shifted: 0,
        touched: false,
        termination_wait: false,
        stopping: None,
        task_sets: Vec::new(),
    };
    let id = begin(cx, deployment);
    Ok(json!({"deploymentId": id}))
}

/// Gives a deployment its id and lets it begin.
pub(super) fn begin(cx: &mut Cx<'_>, mut deployment: Deployment) -> String {
    let id = format!("d-{}", cx.upper(9));
    deployment.id.clone_from(&id);
    deployment.events = events(deployment.listener(true).is_some());
    let state = cx.codedeploy();
    state.last_deployment += 1;
    deployment.number = state.last_deployment;
    state.deployments.insert(id.clone(), deployment);
    life::later(cx, &id, timings::DEPLOYMENT_START);
    id
}

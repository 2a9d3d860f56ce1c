//! Deployment groups: what is deployed to, and how.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{ApiError, Result, fail};
use crate::page::page;
use crate::services::codedeploy::{State, application, check, deployment, tagging};
use crate::services::members::{bare, named};
use crate::tags::{self, Tag, Tags};
use crate::world::Cx;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(super) id: String,
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) tags: Tags,
}

/// What a user sets, checked as a whole whenever it changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) config: String,
    pub(crate) role: String,
    pub(crate) style: Style,
    pub(crate) ecs_services: Vec<EcsService>,
    pub(crate) load_balancer: Option<LoadBalancerInfo>,
    pub(crate) blue_green: Option<BlueGreen>,
    pub(crate) rollback: Option<AutoRollback>,
    pub(crate) alarms: Option<Alarms>,
    pub(crate) triggers: Vec<Trigger>,
    pub(crate) outdated: String,
    /// Of the Server platform; nothing is deployed to them here.
    pub(crate) ec2_tag_filters: Vec<Value>,
    pub(crate) on_premises_tag_filters: Vec<Value>,
    pub(crate) auto_scaling_groups: Vec<String>,
    pub(crate) ec2_tag_set: Option<Value>,
    pub(crate) on_premises_tag_set: Option<Value>,
    pub(crate) termination_hook: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Style {
    #[serde(default = "in_place")]
    pub(crate) deployment_type: String,
    #[serde(default = "without_control")]
    pub(crate) deployment_option: String,
}

fn in_place() -> String {
    "IN_PLACE".to_owned()
}

fn without_control() -> String {
    "WITHOUT_TRAFFIC_CONTROL".to_owned()
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EcsService {
    #[serde(default)]
    pub(crate) service_name: String,
    #[serde(default)]
    pub(crate) cluster_name: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LoadBalancerInfo {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) elb_info_list: Vec<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) target_group_info_list: Vec<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) target_group_pair_info_list: Vec<Pair>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Pair {
    #[serde(default)]
    pub(crate) target_groups: Vec<Named>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prod_traffic_route: Option<Route>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) test_traffic_route: Option<Route>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    pub(crate) name: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Route {
    #[serde(default)]
    pub(crate) listener_arns: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BlueGreen {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) terminate_blue_instances_on_deployment_success: Option<Terminate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deployment_ready_option: Option<Ready>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) green_fleet_provisioning_option: Option<Value>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Terminate {
    /// TERMINATE where it is left out; what was left out is read back so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) action: Option<String>,
    #[serde(default)]
    pub(crate) termination_wait_time_in_minutes: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Ready {
    #[serde(default = "go_on")]
    pub(crate) action_on_timeout: String,
    #[serde(default)]
    pub(crate) wait_time_in_minutes: i64,
}

fn go_on() -> String {
    "CONTINUE_DEPLOYMENT".to_owned()
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AutoRollback {
    #[serde(default)]
    pub(crate) enabled: bool,
    #[serde(default)]
    pub(crate) events: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Alarms {
    #[serde(default)]
    pub(crate) enabled: bool,
    #[serde(default)]
    pub(crate) ignore_poll_alarm_failure: bool,
    #[serde(default)]
    pub(crate) alarms: Vec<Named>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Trigger {
    pub(crate) trigger_name: Option<String>,
    pub(crate) trigger_target_arn: Option<String>,
    #[serde(default)]
    pub(crate) trigger_events: Vec<String>,
}

pub(super) fn name(given: Option<String>) -> Result<String> {
    match given {
        None => fail!("DeploymentGroupNameRequiredException", "Deployment group name was not provided"),
        Some(name) if named(&name, 1, 100, application::ALSO) => Ok(name),
        Some(name) => fail!("InvalidDeploymentGroupNameException", "Deployment group name is invalid: {name}"),
    }
}

pub(super) fn find<'c>(cx: &'c mut Cx<'_>, application: &str, name: &str) -> Result<&'c mut Group> {
    application::find(cx, application)?.groups.get_mut(name).ok_or_else(|| {
        let text = format!("No Deployment Group found for name: {name}");
        ApiError::new("DeploymentGroupDoesNotExistException", text)
    })
}

/// The members that creation and update share. Absent means unchanged.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Input {
    application_name: Option<String>,
    deployment_group_name: Option<String>,
    current_deployment_group_name: Option<String>,
    new_deployment_group_name: Option<String>,
    deployment_config_name: Option<String>,
    service_role_arn: Option<String>,
    deployment_style: Option<Style>,
    ecs_services: Option<Vec<EcsService>>,
    load_balancer_info: Option<LoadBalancerInfo>,
    blue_green_deployment_configuration: Option<BlueGreen>,
    auto_rollback_configuration: Option<AutoRollback>,
    alarm_configuration: Option<Alarms>,
    trigger_configurations: Option<Vec<Trigger>>,
    outdated_instances_strategy: Option<String>,
    ec2_tag_filters: Option<Vec<Value>>,
    on_premises_instance_tag_filters: Option<Vec<Value>>,
    auto_scaling_groups: Option<Vec<String>>,
    ec2_tag_set: Option<Value>,
    on_premises_tag_set: Option<Value>,
    termination_hook_enabled: Option<bool>,
    #[serde(default)]
    tags: Vec<Tag>,
}

impl Input {
    fn merge(self, into: &mut Settings) {
        fn set<T>(to: &mut T, from: Option<T>) {
            if let Some(from) = from {
                *to = from;
            }
        }
        fn set_some<T>(to: &mut Option<T>, from: Option<T>) {
            if from.is_some() {
                *to = from;
            }
        }
        set(&mut into.config, self.deployment_config_name);
        set(&mut into.role, self.service_role_arn);
        set(&mut into.style, self.deployment_style);
        set(&mut into.ecs_services, self.ecs_services);
        set_some(&mut into.load_balancer, self.load_balancer_info);
        set_some(&mut into.blue_green, self.blue_green_deployment_configuration);
        set_some(&mut into.rollback, self.auto_rollback_configuration);
        set_some(&mut into.alarms, self.alarm_configuration);
        set(&mut into.triggers, self.trigger_configurations);
        set(&mut into.outdated, self.outdated_instances_strategy);
        set(&mut into.ec2_tag_filters, self.ec2_tag_filters);
        set(&mut into.on_premises_tag_filters, self.on_premises_instance_tag_filters);
        set(&mut into.auto_scaling_groups, self.auto_scaling_groups);
        set_some(&mut into.ec2_tag_set, self.ec2_tag_set);
        set_some(&mut into.on_premises_tag_set, self.on_premises_tag_set);
        set(&mut into.termination_hook, self.termination_hook_enabled);
        if let Some(rollback) = &mut into.rollback {
            rollback.events.sort();
        }
    }
}

pub(super) fn create(cx: &mut Cx<'_>, input: Input) -> Result {
    let within = application::name(input.application_name.clone())?;
    let name = name(input.deployment_group_name.clone())?;
    let application = application::find(cx, &within)?;
    let platform = application.platform.clone();
    if application.groups.contains_key(&name) {
        return fail!("DeploymentGroupAlreadyExistsException", "Deployment group already exists: {name}");
    }
    if application.groups.len() >= 1000 {
        return fail!("DeploymentGroupLimitExceededException", "The deployment groups limit was exceeded.");
    }
    if input.service_role_arn.is_none() {
        return fail!("RoleRequiredException", "The service role ARN was not provided");
    }
    let tags: Tags = tags::from_list(input.tags.clone());
    tagging::check(&tags)?;
    let config = match platform.as_str() {
        "ECS" => "CodeDeployDefault.ECSAllAtOnce",
        "Lambda" => "CodeDeployDefault.LambdaAllAtOnce",
        _ => "CodeDeployDefault.OneAtATime",
    };
    let mut settings = Settings {
        config: config.to_owned(),
        role: String::new(),
        style: Style { deployment_type: in_place(), deployment_option: without_control() },
        ecs_services: Vec::new(),
        load_balancer: None,
        blue_green: None,
        rollback: None,
        alarms: None,
        triggers: Vec::new(),
        outdated: "UPDATE".to_owned(),
        ec2_tag_filters: Vec::new(),
        on_premises_tag_filters: Vec::new(),
        auto_scaling_groups: Vec::new(),
        ec2_tag_set: None,
        on_premises_tag_set: None,
        termination_hook: false,
    };
    input.merge(&mut settings);
    check::all(cx, &platform, (&within, &name), &settings)?;
    let id = cx.uuid();
    let group = Group { id: id.clone(), name: name.clone(), settings, tags };
    application::find(cx, &within)?.groups.insert(name, group);
    Ok(json!({"deploymentGroupId": id}))
}

pub(super) fn update(cx: &mut Cx<'_>, input: Input) -> Result {
    let within = application::name(input.application_name.clone())?;
    let Some(current) = input.current_deployment_group_name.clone() else {
        return fail!("DeploymentGroupNameRequiredException", "Deployment group name was not provided");
    };
    let group = find(cx, &within, &current)?;
    let mut settings = group.settings.clone();
    let new = match input.new_deployment_group_name.clone() {
        Some(new) if new != current => Some(name(Some(new))?),
        _ => None,
    };
    input.merge(&mut settings);
    let application = application::find(cx, &within)?;
    if let Some(new) = &new
        && application.groups.contains_key(new)
    {
        return fail!("DeploymentGroupAlreadyExistsException", "Deployment group already exists: {new}");
    }
    let platform = application.platform.clone();
    check::all(cx, &platform, (&within, &current), &settings)?;
    let groups = &mut application::find(cx, &within)?.groups;
    if let Some(mut group) = groups.remove(&current) {
        group.settings = settings;
        group.name = new.unwrap_or_else(|| current.clone());
        let name = group.name.clone();
        groups.insert(name.clone(), group);
        deployment::renamed(cx, (&within, &within), Some((&current, &name)));
    }
    Ok(json!({"hooksNotCleanedUp": []}))
}

fn shape(state: &State, group: &Group, application: &str, platform: &str) -> Value {
    let s = &group.settings;
    let (successful, attempted, target) = deployment::of_group(&state.deployments, application, &group.name);
    bare(json!({
        "applicationName": application,
        "deploymentGroupId": group.id,
        "deploymentGroupName": group.name,
        "deploymentConfigName": s.config,
        "ec2TagFilters": s.ec2_tag_filters,
        "onPremisesInstanceTagFilters": s.on_premises_tag_filters,
        "autoScalingGroups": s.auto_scaling_groups.iter().map(|g| json!({"name": g})).collect::<Vec<_>>(),
        "serviceRoleArn": s.role,
        "triggerConfigurations": s.triggers,
        "alarmConfiguration": s.alarms,
        "autoRollbackConfiguration": s.rollback,
        "deploymentStyle": s.style,
        "outdatedInstancesStrategy": s.outdated,
        "blueGreenDeploymentConfiguration": s.blue_green,
        "loadBalancerInfo": s.load_balancer,
        "ec2TagSet": s.ec2_tag_set,
        "onPremisesTagSet": s.on_premises_tag_set,
        "computePlatform": platform,
        "ecsServices": if s.ecs_services.is_empty() { None } else { Some(&s.ecs_services) },
        "terminationHookEnabled": s.termination_hook,
        "lastSuccessfulDeployment": successful,
        "lastAttemptedDeployment": attempted,
        "targetRevision": target,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Get {
    application_name: Option<String>,
    deployment_group_name: Option<String>,
}

pub(super) fn get(cx: &mut Cx<'_>, input: Get) -> Result {
    let (within, name) = (application::name(input.application_name)?, name(input.deployment_group_name)?);
    find(cx, &within, &name)?;
    let state = &*cx.codedeploy();
    let application = state.applications.get(&within);
    let info = application.and_then(|a| Some(shape(state, a.groups.get(&name)?, &within, &a.platform)));
    Ok(json!({"deploymentGroupInfo": info}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BatchGet {
    application_name: Option<String>,
    #[serde(default)]
    deployment_group_names: Vec<String>,
}

/// Groups that are not there are named in a message, beside those that are.
pub(super) fn batch_get(cx: &mut Cx<'_>, input: BatchGet) -> Result {
    let within = application::name(input.application_name)?;
    if input.deployment_group_names.is_empty() {
        return fail!("DeploymentGroupNameRequiredException", "Deployment group name was not provided");
    }
    if input.deployment_group_names.len() > 100 {
        return fail!(
            "BatchLimitExceededException",
            "The maximum number of names or IDs allowed for this request (100) was exceeded."
        );
    }
    application::find(cx, &within)?;
    let state = &*cx.codedeploy();
    let (mut infos, mut missing) = (Vec::new(), Vec::new());
    for name in &input.deployment_group_names {
        let found = state.applications.get(&within).and_then(|a| Some((a.groups.get(name)?, &a.platform)));
        match found {
            Some((group, platform)) => infos.push(shape(state, group, &within, platform)),
            None => missing.push(name.as_str()),
        }
    }
    let message = if missing.is_empty() {
        None
    } else {
        Some(format!("No Deployment Group found for name: {}", missing.join(", ")))
    };
    Ok(bare(json!({"deploymentGroupsInfo": infos, "errorMessage": message})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct List {
    application_name: Option<String>,
    next_token: Option<String>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let within = application::name(input.application_name)?;
    let names = application::find(cx, &within)?.groups.keys().map(|name| (name.clone(), name.clone()));
    let page = page(names, input.next_token.as_deref(), 100, "InvalidNextTokenException")?;
    Ok(bare(json!({"applicationName": within, "deploymentGroups": page.items, "nextToken": page.next})))
}

/// One that is not there is no error, and a running deployment none either: it fails.
pub(super) fn delete(cx: &mut Cx<'_>, input: Get) -> Result {
    let (within, name) = (application::name(input.application_name)?, name(input.deployment_group_name)?);
    if let Some(application) = cx.codedeploy().applications.get_mut(&within) {
        application.groups.remove(&name);
    }
    deployment::group_deleted(cx, &within, &name);
    Ok(json!({"hooksNotCleanedUp": []}))
}

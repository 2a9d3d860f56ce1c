//! What CodeDeploy refuses in a deployment group.

use serde_json::{Value, json};

use crate::error::{Result, fail};
use crate::services::codedeploy::config;
use crate::services::codedeploy::group::{Alarms, AutoRollback, LoadBalancerInfo, Settings};
use crate::services::{ecs, iam, peers};
use crate::world::Cx;

/// Longest waits before the shift and before blue is terminated, in minutes.
const LONGEST_WAIT: i64 = 2880;

/// Checks the settings of group `name.1` in application `name.0`.
pub(super) fn all(cx: &mut Cx<'_>, platform: &str, name: (&str, &str), settings: &Settings) -> Result<()> {
    let config = config::find(cx, &settings.config)?;
    if config.platform != platform {
        return fail!(
            "InvalidComputePlatformException",
            "The compute platform of the deployment configuration {} is {}, and that of the application is {platform}",
            settings.config,
            config.platform
        );
    }
    general(settings)?;
    if platform == "ECS" {
        for_ecs(settings)?;
    } else if !settings.ecs_services.is_empty() {
        return fail!(
            "InvalidECSServiceException",
            "For {platform} deployment group, ecsServices can not be specified"
        );
    } else if settings.load_balancer.as_ref().is_some_and(|l| !l.target_group_pair_info_list.is_empty()) {
        return fail!(
            "InvalidLoadBalancerInfoException",
            "For {platform} deployment group, targetGroupPairInfoList can not be specified"
        );
    }
    if let Err(why) = iam::assumable(cx, &settings.role, "codedeploy.amazonaws.com") {
        return match why {
            iam::WhyNot::Missing | iam::WhyNot::Fresh => fail!("InvalidRoleException", "Cannot assume role provided."),
            iam::WhyNot::Untrusted => fail!(
                "InvalidRoleException",
                "AWS CodeDeploy does not have the permissions required to assume the role {}.",
                settings.role
            ),
        };
    }
    if platform == "ECS" {
        service(cx, name, settings)?;
        load_balancer(cx, settings)?;
    }
    Ok(())
}

fn general(settings: &Settings) -> Result<()> {
    let style = &settings.style;
    if !matches!(style.deployment_type.as_str(), "IN_PLACE" | "BLUE_GREEN")
        || !matches!(style.deployment_option.as_str(), "WITH_TRAFFIC_CONTROL" | "WITHOUT_TRAFFIC_CONTROL")
    {
        return fail!("InvalidDeploymentStyleException", "The deployment style is invalid");
    }
    rollback(settings.rollback.as_ref())?;
    alarms(settings.alarms.as_ref())?;
    if settings.triggers.len() > 10 {
        return fail!("TriggerTargetsLimitExceededException", "The maximum allowed number of triggers was exceeded.");
    }
    for trigger in &settings.triggers {
        let topic = trigger.trigger_target_arn.as_deref().unwrap_or_default();
        if trigger.trigger_name.is_none() || trigger.trigger_events.is_empty() || !topic.starts_with("arn:aws:sns:") {
            return fail!("InvalidTriggerConfigException", "The Topic ARN or another part of the trigger is invalid");
        }
    }
    Ok(())
}

pub(super) fn rollback(rollback: Option<&AutoRollback>) -> Result<()> {
    let known = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"];
    let Some(rollback) = rollback else { return Ok(()) };
    if rollback.events.iter().any(|e| !known.contains(&e.as_str())) || (rollback.enabled && rollback.events.is_empty())
    {
        return fail!("InvalidAutoRollbackConfigException", "The automatic rollback configuration is invalid");
    }
    Ok(())
}

pub(super) fn alarms(alarms: Option<&Alarms>) -> Result<()> {
    let Some(alarms) = alarms else { return Ok(()) };
    if alarms.alarms.len() > 10 {
        return fail!(
            "AlarmsLimitExceededException",
            "The maximum number of alarms for a deployment group (10) was exceeded."
        );
    }
    if alarms.enabled && alarms.alarms.is_empty() {
        return fail!("InvalidAlarmConfigException", "The alarm configuration is enabled and has no alarms");
    }
    Ok(())
}

fn for_ecs(settings: &Settings) -> Result<()> {
    let style = &settings.style;
    if style.deployment_type != "BLUE_GREEN" || style.deployment_option != "WITH_TRAFFIC_CONTROL" {
        return fail!(
            "InvalidDeploymentStyleException",
            "For ECS deployment group, deploymentStyle must be BLUE_GREEN with WITH_TRAFFIC_CONTROL"
        );
    }
    if !settings.auto_scaling_groups.is_empty() {
        return fail!(
            "InvalidAutoScalingGroupException",
            "For ECS deployment group, autoScalingGroups can not be specified"
        );
    }
    if !settings.ec2_tag_filters.is_empty() || settings.ec2_tag_set.is_some() {
        return fail!("InvalidEC2TagException", "For ECS deployment group, ec2TagFilters can not be specified");
    }
    if !settings.on_premises_tag_filters.is_empty() || settings.on_premises_tag_set.is_some() {
        return fail!(
            "InvalidTagException",
            "For ECS deployment group, onPremisesInstanceTagFilters can not be specified"
        );
    }
    let Some(blue_green) = &settings.blue_green else {
        return fail!(
            "InvalidBlueGreenDeploymentConfigurationException",
            "For ECS deployment group, blueGreenDeploymentConfiguration must be specified"
        );
    };
    if blue_green.green_fleet_provisioning_option.is_some() {
        return fail!(
            "InvalidBlueGreenDeploymentConfigurationException",
            "For ECS deployment group, greenFleetProvisioningOption can not be specified"
        );
    }
    let Some(terminate) = &blue_green.terminate_blue_instances_on_deployment_success else {
        return fail!(
            "InvalidBlueGreenDeploymentConfigurationException",
            "For ECS deployment group, terminateBlueInstancesOnDeploymentSuccess must be specified"
        );
    };
    let keeps = terminate.action.as_deref().is_some_and(|action| action != "TERMINATE");
    if keeps || !(0..=LONGEST_WAIT).contains(&terminate.termination_wait_time_in_minutes) {
        return fail!(
            "InvalidBlueGreenDeploymentConfigurationException",
            "For ECS deployment group, the action must be TERMINATE, after 0 to {LONGEST_WAIT} minutes"
        );
    }
    let Some(ready) = &blue_green.deployment_ready_option else {
        return fail!(
            "InvalidBlueGreenDeploymentConfigurationException",
            "For ECS deployment group, deploymentReadyOption must be specified"
        );
    };
    let wait = ready.wait_time_in_minutes;
    let legal = match ready.action_on_timeout.as_str() {
        "CONTINUE_DEPLOYMENT" => wait == 0,
        "STOP_DEPLOYMENT" => (1..=LONGEST_WAIT).contains(&wait),
        _ => false,
    };
    if !legal {
        return fail!(
            "InvalidBlueGreenDeploymentConfigurationException",
            "waitTimeInMinutes must be 1 to {LONGEST_WAIT} with STOP_DEPLOYMENT, and goes with no other action"
        );
    }
    Ok(())
}

/// The one ECS service: there, active, with the right controller, and in no other group.
fn service(cx: &mut Cx<'_>, name: (&str, &str), settings: &Settings) -> Result<()> {
    let [wanted] = settings.ecs_services.as_slice() else {
        return fail!(
            "InvalidECSServiceException",
            "For ECS deployment group, exactly one ECS service must be specified"
        );
    };
    if wanted.cluster_name.is_empty() || wanted.service_name.is_empty() {
        return fail!("InvalidECSServiceException", "The ECS service must be specified by clusterName and serviceName");
    }
    match ecs::controller_of(cx, &wanted.cluster_name, &wanted.service_name) {
        None => {
            return fail!(
                "InvalidECSServiceException",
                "The ECS service {} in the cluster {} cannot be found or is not active.",
                wanted.service_name,
                wanted.cluster_name
            );
        }
        Some(controller) if controller != "CODE_DEPLOY" => {
            return fail!(
                "InvalidECSServiceException",
                "Deployment group's ECS service must be configured for a CODE_DEPLOY deployment controller."
            );
        }
        Some(_) => {}
    }
    let taken = cx.codedeploy().applications.values().any(|application| {
        application.groups.values().any(|group| {
            (application.name.as_str(), group.name.as_str()) != name && group.settings.ecs_services.contains(wanted)
        })
    });
    if taken {
        return fail!(
            "ECSServiceMappingLimitExceededException",
            "The ECS service {} in the cluster {} is already associated with another deployment group.",
            wanted.service_name,
            wanted.cluster_name
        );
    }
    Ok(())
}

fn pair_error<T>() -> Result<T> {
    fail!(
        "InvalidTargetGroupPairException",
        "A deployment group for ECS compute platform must contain a valid pair of target groups that identify a load balancer"
    )
}

fn load_balancer(cx: &mut Cx<'_>, settings: &Settings) -> Result<()> {
    let none = LoadBalancerInfo::default();
    let info = settings.load_balancer.as_ref().unwrap_or(&none);
    if !info.elb_info_list.is_empty() || !info.target_group_info_list.is_empty() {
        return fail!(
            "InvalidLoadBalancerInfoException",
            "For ECS deployment group, loadBalancerInfo must contain a targetGroupPairInfoList only"
        );
    }
    let [pair] = info.target_group_pair_info_list.as_slice() else {
        return fail!(
            "InvalidLoadBalancerInfoException",
            "For ECS deployment group, exactly one targetGroupPairInfo must be specified"
        );
    };
    let [one, other] = pair.target_groups.as_slice() else { return pair_error() };
    let Some(production) = &pair.prod_traffic_route else {
        return fail!("InvalidTrafficRoutingConfigurationException", "prodTrafficRoute must be specified");
    };
    if one.name == other.name {
        return pair_error();
    }
    let (mut behind, mut kinds) = (Vec::new(), Vec::new());
    for group in [one, other] {
        let found = peers::call(cx, "elasticloadbalancing", "DescribeTargetGroups", json!({"Names": [group.name]}));
        let Ok(found) = found else { return pair_error() };
        let found = &found["TargetGroups"][0];
        let balancers = found["LoadBalancerArns"].as_array().cloned().unwrap_or_default();
        behind.extend(balancers.iter().filter_map(Value::as_str).map(str::to_owned));
        kinds.push(found["TargetType"].as_str().unwrap_or_default().to_owned());
    }
    behind.sort();
    behind.dedup();
    // One of the two may be behind nothing before the first deployment.
    let [balancer] = behind.as_slice() else { return pair_error() };
    let routes = [Some(production), pair.test_traffic_route.as_ref()];
    for route in routes.into_iter().flatten() {
        let [listener] = route.listener_arns.as_slice() else {
            return fail!(
                "InvalidTrafficRoutingConfigurationException",
                "For ECS deployment group, a traffic route must have exactly one listener ARN"
            );
        };
        let found = peers::call(cx, "elasticloadbalancing", "DescribeListeners", json!({"ListenerArns": [listener]}));
        let owner = found.ok().and_then(|f| f["Listeners"][0]["LoadBalancerArn"].as_str().map(str::to_owned));
        if owner.as_ref() != Some(balancer) {
            return fail!(
                "InvalidLoadBalancerInfoException",
                "The listener {listener} does not belong to the load balancer of the target groups"
            );
        }
    }
    Ok(())
}

//! Install: the green task set is made, registered in the other target group, and awaited.

use serde_json::{Value, json};

use super::life::{self, Act};
use super::{Deployment, Problem, Stage, active, permit, shift};
use crate::services::{ecs, peers};
use crate::timings;
use crate::world::Cx;

/// The PRIMARY task set's id and target group.
pub(super) fn primary(cx: &mut Cx<'_>, d: &Deployment) -> Option<(String, String)> {
    let primary = ecs::service_of(cx, &d.service.cluster_name, &d.service.service_name)?.primary()?;
    let group = primary.shape.load_balancers.first()?.target_group_arn.clone()?;
    Some((primary.id.clone(), group))
}

/// Makes the green task set.
pub(super) fn begin(cx: &mut Cx<'_>, d: &Deployment) -> Act {
    let (cluster, name) = (&d.service.cluster_name, &d.service.service_name);
    clear(cx, d)?;
    shift::attach(cx, d)?;
    roles(cx, d)?;
    let shape = ecs::service_of(cx, cluster, name).and_then(|service| service.primary().map(|r| r.shape.clone()));
    let Some(shape) = shape else {
        return Err(Problem::new("INVALID_ECS_SERVICE", "The ECS service has no PRIMARY task set."));
    };
    permit::check(cx, &d.role, "ecs:CreateTaskSet", &d.service_arn)?;
    let mut input = json!({
        "cluster": cluster,
        "service": name,
        "externalId": d.id,
        "taskDefinition": d.spec.task_definition,
        "loadBalancers": [{
            "targetGroupArn": d.green.group, "containerName": d.spec.container, "containerPort": d.spec.port,
        }],
        "serviceRegistries": shape.registries,
        "scale": {"value": 100.0, "unit": "PERCENT"},
    });
    // What the AppSpec does not say stays as it is.
    let network = d.spec.network.clone().or_else(|| shape.network_value());
    let version = d.spec.platform_version.clone().or_else(|| shape.platform_version.clone());
    input["networkConfiguration"] = network.unwrap_or_default();
    input["platformVersion"] = version.map(Value::from).unwrap_or_default();
    match &d.spec.strategy {
        Some(strategy) => input["capacityProviderStrategy"] = strategy.clone(),
        None if shape.strategy.is_empty() => input["launchType"] = json!(shape.launch_type),
        None => input["capacityProviderStrategy"] = json!(shape.strategy),
    }
    let made = peers::call(cx, "ecs", "CreateTaskSet", input).map_err(|e| update_error(&e.code, &e.message))?;
    let set = made["taskSet"]["id"].as_str().unwrap_or_default().to_owned();
    ecs::task_set::made_by_codedeploy(cx, cluster, name, &set);
    if let Some(found) = active(cx, &d.id) {
        found.green.set = set;
    }
    life::wait(cx, &d.id, timings::INSTALL_LONGEST);
    Ok(())
}

fn update_error(code: &str, message: &str) -> Problem {
    Problem::new(
        "ECS_UPDATE_ERROR",
        format!("The ECS service cannot be updated due to an unexpected error: {message} ({code})"),
    )
}

/// An earlier deployment that was stopped without rollback left task sets: traffic goes to the PRIMARY one, and they go.
fn clear(cx: &mut Cx<'_>, d: &Deployment) -> Act {
    let Some(service) = ecs::service_of(cx, &d.service.cluster_name, &d.service.service_name) else { return Ok(()) };
    let left: Vec<String> = service.rollouts.iter().filter(|r| r.status == "ACTIVE").map(|r| r.id.clone()).collect();
    if left.is_empty() {
        return Ok(());
    }
    shift::all_to_blue(cx, d)?;
    for set in left {
        delete_set(cx, d, &set)?;
    }
    Ok(())
}

/// The roles of the new revision must be passed on.
fn roles(cx: &mut Cx<'_>, d: &Deployment) -> Act {
    let mut roles = Vec::new();
    if let Some(definition) = ecs::task_definition::find(cx, &d.spec.task_definition) {
        let members = ["executionRoleArn", "taskRoleArn"];
        roles.extend(members.iter().filter_map(|member| definition.text(member).map(str::to_owned)));
    }
    for role in roles {
        let arn = if role.starts_with("arn:") { role } else { format!("arn:aws:iam::{}:role/{role}", cx.account()) };
        permit::pass(cx, &d.role, &arn)?;
    }
    Ok(())
}

/// Deletes a task set; its tasks drain.
pub(super) fn delete_set(cx: &mut Cx<'_>, d: &Deployment, set: &str) -> Act {
    permit::check(cx, &d.role, "ecs:DeleteTaskSet", &d.service_arn)?;
    let input = json!({
        "cluster": d.service.cluster_name, "service": d.service.service_name, "taskSet": set, "force": true,
    });
    match peers::call(cx, "ecs", "DeleteTaskSet", input) {
        // Somebody may have been faster.
        Err(e) if e.code != "TaskSetNotFoundException" => Err(update_error(&e.code, &e.message)),
        _ => Ok(()),
    }
}

/// Makes a task set the PRIMARY one.
pub(super) fn make_primary(cx: &mut Cx<'_>, d: &Deployment, set: &str) -> Act {
    permit::check(cx, &d.role, "ecs:UpdateServicePrimaryTaskSet", &d.service_arn)?;
    let input = json!({
        "cluster": d.service.cluster_name, "service": d.service.service_name, "primaryTaskSet": set,
    });
    peers::call(cx, "ecs", "UpdateServicePrimaryTaskSet", input).map_err(|e| update_error(&e.code, &e.message))?;
    Ok(())
}

/// The scheduler has looked at a service: its deployment may have what it waits for, or nothing left to wait for.
pub(crate) fn service_changed(cx: &mut Cx<'_>, cluster: &str, name: &str) {
    let own = |d: &&Deployment| d.is_active() && d.service.cluster_name == cluster && d.service.service_name == name;
    let Some(d) = cx.codedeploy().deployments.values().find(own).cloned() else { return };
    if d.stage == Stage::Created {
        return;
    }
    if let Err(problem) = life::still_there(cx, &d.id) {
        return life::fail(cx, &d.id, problem);
    }
    if d.stage != Stage::Install || d.green.set.is_empty() {
        return;
    }
    let sets = ecs::service_of(cx, cluster, name).map(|service| service.rollouts.as_slice()).unwrap_or_default();
    match sets.iter().find(|r| r.id == d.green.set && r.status != "DRAINING").map(|green| green.stable) {
        None => {
            let problem =
                Problem::new("ECS_UPDATE_ERROR", format!("The replacement task set {} was deleted.", d.green.set));
            life::fail(cx, &d.id, problem);
        }
        Some(true) => life::go_on(cx, &d.id),
        Some(false) => {}
    }
}

/// The service's last events, for diagnostics.
pub(super) fn log_tail(cx: &mut Cx<'_>, d: &Deployment) -> String {
    let since = d.started.unwrap_or(d.created);
    let service = ecs::service_of(cx, &d.service.cluster_name, &d.service.service_name);
    service.map(|s| s.messages_since(since, 10).join("\n")).unwrap_or_default()
}

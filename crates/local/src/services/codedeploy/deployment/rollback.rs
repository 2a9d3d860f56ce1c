//! Rollback: another deployment, which CodeDeploy makes, gives traffic back to the original task set and deletes green.

use serde_json::{Value, json};

use super::revision::{self, Revision};
use super::{Deployment, Routing, Stage, create};
use crate::services::ecs;
use crate::world::Cx;

/// Rolls a deployment back that is over, if there is anything to take back.
pub(super) fn begin(cx: &mut Cx<'_>, of: &str, why: &str) {
    let Some(failed) = cx.codedeploy().deployments.get(of).cloned() else { return };
    if failed.undoes.is_some() {
        return;
    }
    let there =
        ecs::service_of(cx, &failed.service.cluster_name, &failed.service.service_name).is_some_and(|service| {
            let is_blue = |r: &ecs::rollout::Rollout| r.id == failed.blue.set && r.status != "DRAINING";
            service.status == "ACTIVE" && service.rollouts.iter().any(is_blue)
        });
    let refused = if failed.green.set.is_empty() && !failed.touched {
        Some("Nothing had been deployed yet, so that there is nothing to roll back.")
    } else if !there {
        Some("The original task set does not exist any more.")
    } else {
        None
    };
    if let Some(refused) = refused {
        return tell(cx, of, json!({"rollbackMessage": refused}));
    }
    let revision = match &failed.previous {
        Some(revision) => revision.clone(),
        None => original(cx, &failed),
    };
    let now = cx.now();
    // Without its application there is nobody to remember it.
    let _ = revision::keep(cx, &failed.application, &revision, None, Some(&failed.group));
    let back = Deployment {
        id: String::new(),
        number: 0,
        revision,
        previous: Some(failed.revision.clone()),
        config: "CodeDeployDefault.ECSAllAtOnce".to_owned(),
        routing: Routing::AllAtOnce,
        description: Some(format!("Automatic rollback of {of}")),
        undoes: Some(of.to_owned()),
        rollback_info: Some(json!({"rollbackTriggeringDeploymentId": of, "rollbackMessage": why})),
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
        termination_wait: false,
        stopping: None,
        task_sets: Vec::new(),
        ..failed
    };
    let id = create::begin(cx, back);
    tell(cx, of, json!({"rollbackDeploymentId": id, "rollbackMessage": why}));
}

fn tell(cx: &mut Cx<'_>, id: &str, info: Value) {
    if let Some(found) = cx.codedeploy().deployments.get_mut(id) {
        found.rollback_info = Some(info);
    }
}

/// Before the first successful deployment there is no revision: what the original task set was made from, as an AppSpec.
fn original(cx: &mut Cx<'_>, failed: &Deployment) -> Revision {
    let service = ecs::service_of(cx, &failed.service.cluster_name, &failed.service.service_name);
    let sets = service.map(|s| s.rollouts.as_slice()).unwrap_or_default();
    let shape = sets.iter().find(|r| r.id == failed.blue.set).map(|r| &r.shape);
    let balancer = shape.and_then(|s| s.load_balancers.first());
    let spec = json!({
        "version": 0.0,
        "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": {
            "TaskDefinition": shape.map(|s| s.task_definition.as_str()),
            "LoadBalancerInfo": {
                "ContainerName": balancer.map(|b| b.container_name.as_str()),
                "ContainerPort": balancer.map(|b| b.container_port),
            },
        }}}],
    });
    Revision::of_content(spec.to_string())
}

//! Service-linked roles: made once per account for a service, which alone may change them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::role::{self, Role};
use super::{managed, no_such_entity};
use crate::error::{ApiError, Result};
use crate::tags::Tags;
use crate::world::Cx;

/// Services that have one: principal, the role's name, the name of its policy.
const KNOWN: &[(&str, &str, &str)] = &[
    ("ecs.amazonaws.com", "AWSServiceRoleForECS", "AmazonECSServiceRolePolicy"),
    (
        "elasticloadbalancing.amazonaws.com",
        "AWSServiceRoleForElasticLoadBalancing",
        "AWSElasticLoadBalancingServiceRolePolicy",
    ),
    (
        "ecs.application-autoscaling.amazonaws.com",
        "AWSServiceRoleForApplicationAutoScaling_ECSService",
        "AWSApplicationAutoscalingECSServicePolicy",
    ),
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    #[serde(rename = "AWSServiceName")]
    aws_service_name: String,
    description: Option<String>,
    custom_suffix: Option<String>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let known = KNOWN.iter().find(|(service, ..)| *service == input.aws_service_name);
    let (Some((service, name, policy)), None) = (known, &input.custom_suffix) else {
        return Err(ApiError::new(
            "InvalidInput",
            format!("The local cloud has no such service-linked role for {}", input.aws_service_name),
        ));
    };
    if cx.iam().roles.contains_key(&name.to_lowercase()) {
        return Err(ApiError::new(
            "InvalidInput",
            format!("Service role name {name} has been taken in this account, please try a different suffix."),
        ));
    }
    let path = format!("/aws-service-role/{service}/");
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": [service]}, "Action": ["sts:AssumeRole"]}],
    })
    .to_string();
    let now = cx.now();
    let attached = managed::ALL.iter().find(|m| m.name == *policy).map(|m| (m.arn(), m.name.to_owned()));
    let role = Role {
        arn: format!("arn:aws:iam::{}:role{path}{name}", cx.account()),
        id: format!("AROA{}", cx.upper(17)),
        name: (*name).to_owned(),
        path,
        trust_before: trust.clone(),
        trust,
        trust_changed: now,
        description: input.description,
        max_session_duration: 3600,
        created: now,
        boundary: None,
        tags: Tags::new(),
        attached: attached.into_iter().collect(),
        inline: BTreeMap::new(),
        service_linked: true,
    };
    let answer = json!({"Role": role::render(&role, false)});
    cx.iam().roles.insert(role.name.to_lowercase(), role);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    role_name: String,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let role = role::find(cx, &input.role_name)?;
    if !role.service_linked {
        let name = &input.role_name;
        return Err(no_such_entity(format!("The role with name {name} is not a service-linked role.")));
    }
    let task = format!("task{}{}", role.path, role.name);
    let task = format!("{task}/{}", cx.uuid());
    let state = cx.iam();
    state.roles.remove(&input.role_name.to_lowercase());
    state.deletions.insert(task.clone(), input.role_name);
    Ok(json!({"DeletionTaskId": task}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DeletionStatus {
    deletion_task_id: String,
}

pub(super) fn deletion_status(cx: &mut Cx<'_>, input: DeletionStatus) -> Result<Value> {
    if cx.iam().deletions.contains_key(&input.deletion_task_id) {
        return Ok(json!({"Status": "SUCCEEDED"}));
    }
    Err(no_such_entity(format!("The deletion task {} cannot be found.", input.deletion_task_id)))
}

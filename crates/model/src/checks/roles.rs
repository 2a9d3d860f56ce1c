//! Roles can be assumed by who needs them, and tasks that need an execution role have one.

use super::Checks;
use crate::kinds::task_definition::Image;
use crate::kinds::{DeploymentConfig, DeploymentGroup, IamRole, TaskDefinition};
use crate::policy::{Effect, PolicyDocument, Principal};
use crate::{Address, Ref};

pub(super) fn check(checks: &mut Checks<'_, '_>) {
    for (address, definition) in checks.all::<TaskDefinition>() {
        for (field, role) in
            [("execution_role_arn", &definition.execution_role), ("task_role_arn", &definition.task_role)]
        {
            if let Some(role) = role {
                trusts(checks, address, field, role, "ecs-tasks.amazonaws.com");
            }
        }
        let needs = definition.containers.iter().any(|container| {
            container.logs.is_some()
                || !container.secrets.is_empty()
                || matches!(container.image, Image::Tag { .. } | Image::Digest { .. })
        });
        if needs && definition.execution_role.is_none() {
            checks.at(address).field(
                "E-TASK-ROLE",
                "execution_role_arn",
                "on Fargate images from ECR, secrets and awslogs need an execution role",
                "give it a role with AmazonECSTaskExecutionRolePolicy",
            );
        }
    }
    for (address, group) in checks.all::<DeploymentGroup>() {
        trusts(checks, address, "service_role_arn", &group.role, "codedeploy.amazonaws.com");
    }
    config_marks(checks);
}

fn trusts(checks: &mut Checks<'_, '_>, address: &Address, field: &str, role: &Ref<IamRole>, service: &str) {
    if let Some((role_address, role)) = checks.find(role)
        && !allows(&role.trust, service)
    {
        checks.at(address).field(
            "E-ROLE-TRUST-SERVICE",
            field,
            format!("the trust policy of `{role_address}` does not let `{service}` assume it"),
            format!("add the service principal `{service}` to the role's trust policy"),
        );
    }
}

fn allows(trust: &PolicyDocument, service: &str) -> bool {
    trust.statements.iter().any(|statement| {
        let named = match &statement.principal {
            Some(Principal::By(types)) => types.get("Service").is_some_and(|services| services.contains(service)),
            Some(Principal::Anyone) => true,
            None => false,
        };
        let assumes = statement
            .actions
            .iter()
            .any(|action| matches!(action.to_ascii_lowercase().as_str(), "sts:assumerole" | "sts:*" | "*"));
        statement.effect == Effect::Allow && named && assumes
    })
}

/// AWS cannot tag a deployment configuration, so its name is its mark.
fn config_marks(checks: &mut Checks<'_, '_>) {
    let stack = checks.stack.name().to_string();
    for (address, config) in checks.all::<DeploymentConfig>() {
        let marked = config.name.as_str().strip_prefix(&stack).is_some_and(|rest| rest.starts_with(['-', '.', '_']));
        if !marked {
            checks.at(address).field(
                "E-CONFIG-MARK",
                "deployment_config_name",
                format!("`{}` does not start with the stack's name", config.name),
                format!("AWS cannot tag it, so its name must say whose it is: `{stack}-{}`", config.name),
            );
        }
    }
}

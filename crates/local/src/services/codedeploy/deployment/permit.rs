//! What the service role of a deployment group allows, in the words of a deployment's error.

use super::Problem;
use crate::services::iam;
use crate::world::Cx;

/// The role can be assumed.
pub(super) fn role(cx: &Cx<'_>, role: &str) -> Result<(), Problem> {
    match iam::assumable(cx, role, "codedeploy.amazonaws.com") {
        Ok(()) => Ok(()),
        Err(iam::WhyNot::Missing) => {
            Err(Problem::new("IAM_ROLE_MISSING", format!("The IAM role {role} does not exist.")))
        }
        Err(_) => Err(Problem::new("IAM_ROLE_PERMISSIONS", format!("CodeDeploy cannot assume the IAM role {role}."))),
    }
}

fn denied(role: &str, action: &str) -> Problem {
    let service = match action.split(':').next() {
        Some("elasticloadbalancing") => "AmazonElasticLoadBalancing",
        Some("lambda") => "AWSLambda",
        Some("cloudwatch") => "AmazonCloudWatch",
        // A role is passed on to ECS.
        _ => "AmazonECS",
    };
    Problem::new(
        "IAM_ROLE_PERMISSIONS",
        format!(
            "The IAM role {role} does not give you permission to perform operations in the following AWS service: {service}. \
             Contact your AWS administrator if you need help. If you are an AWS administrator, you can grant permissions to \
             your users or groups by creating IAM policies. (Action: {action})"
        ),
    )
}

/// The role may do this with that resource.
pub(super) fn check(cx: &Cx<'_>, role: &str, action: &str, resource: &str) -> Result<(), Problem> {
    if iam::allows(cx, role, action, resource, &[]) { Ok(()) } else { Err(denied(role, action)) }
}

/// The role may hand another one to ECS's tasks.
pub(super) fn pass(cx: &Cx<'_>, role: &str, passed: &str) -> Result<(), Problem> {
    let context = [("iam:PassedToService", "ecs-tasks.amazonaws.com")];
    if iam::allows(cx, role, "iam:PassRole", passed, &context) { Ok(()) } else { Err(denied(role, "iam:PassRole")) }
}

//! The planner's functions, until they are there.

use aomidori_model::{Stack, StackName};
use aomidori_plan::{Mode, Observation, Plan};

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no planner yet")]
pub struct PlanError;

pub(crate) fn plan(stack: &Stack, _observation: &Observation) -> Result<Plan, PlanError> {
    Ok(Plan { stack: stack.name().clone(), mode: Mode::Converge, steps: Vec::new(), notices: Vec::new() })
}

pub(crate) fn destroy(stack: &StackName, _observation: &Observation) -> Result<Plan, PlanError> {
    Ok(Plan { stack: stack.clone(), mode: Mode::Destroy, steps: Vec::new(), notices: Vec::new() })
}

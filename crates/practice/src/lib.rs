//! The practice environment: blue/green deployments on Fargate with CodeDeploy, complete and typed.
//!
//! An ordinary user of [`aomidori_model`]'s public API: [`stack`] turns [`Inputs`] into a
//! [`Stack`]. Groups are the order in which a person thinks of it; the graph decides the real
//! order.
//!
//! | group | holds |
//! |---|---|
//! | `across` | the ECR repository, which outlives single environments |
//! | `network` | VPC, subnets, gateways, route tables, endpoints |
//! | `security` | security groups and their rules |
//! | `platform` | roles, log group, cluster, load balancer, target groups, listeners, DNS record |
//! | `discovery` | Cloud Map namespace and services |
//! | `services` | task definitions and services |
//! | `code-deploy` | role, application, deployment group |

mod inputs;
mod network;
mod place;
mod platform;
mod services;

pub use inputs::{InputError, InputKey, Inputs, Nat};

use aomidori_model::Stack;

use crate::place::Place;

/// The practice environment that `inputs` ask for. Validate it as any other stack.
///
/// # Errors
/// A name made from the inputs is too long for AWS, or the zones and networks do not fit together: all such problems.
pub fn stack(inputs: &Inputs) -> Result<Stack, InputError> {
    let mut stack = Stack::new(inputs.stack_name()?);
    stack.tags = inputs.tags();
    build(&mut stack, None, inputs)?;
    Ok(stack)
}

/// Adds a practice environment to a stack, below `under`: its VPC is at `UNDER/network/vpc`. A stack may have several, if
/// their inputs make different names.
///
/// # Errors
/// As [`stack`].
pub fn add(stack: &mut Stack, under: &str, inputs: &Inputs) -> Result<(), InputError> {
    build(stack, Some(under), inputs)
}

fn build(stack: &mut Stack, under: Option<&str>, inputs: &Inputs) -> Result<(), InputError> {
    inputs.check()?;
    let mut place = Place::new(stack, under, inputs.tags());
    let network = network::add(&mut place, inputs)?;
    let platform = platform::add(&mut place, inputs, &network)?;
    services::add(&mut place, inputs, &network, &platform)
}

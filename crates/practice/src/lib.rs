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
mod platform;
mod services;

pub use inputs::{InputError, InputKey, Inputs, Nat};

use aomidori_model::Stack;

/// The practice environment that `inputs` ask for. Validate it as any other stack.
///
/// # Errors
/// A name made from the inputs is too long for AWS, or the zones and networks do not fit together: all such problems.
pub fn stack(inputs: &Inputs) -> Result<Stack, InputError> {
    inputs.check()?;
    let mut stack = Stack::new(inputs.stack_name()?);
    stack.tags = inputs.tags();
    let network = network::add(&mut stack, inputs)?;
    let platform = platform::add(&mut stack, inputs, &network)?;
    services::add(&mut stack, inputs, &network, &platform)?;
    Ok(stack)
}

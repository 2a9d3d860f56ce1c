//! Aomidori stands up, operates and tears down an AWS ECS Fargate blue/green environment.
//!
//! The facade that programs embed: one name for the crates underneath.
//!
//! ```
//! use aomidori::prelude::*;
//!
//! let mut stack = Stack::new("shop-staging".parse()?);
//! let vpc = stack.add(
//!     "network/vpc",
//!     Vpc { cidr: "10.0.0.0/16".parse()?, dns_support: Some(true), dns_hostnames: Some(true) },
//! );
//! for (zone, cidr) in [("a", "10.0.0.0/24"), ("b", "10.0.1.0/24")] {
//!     let subnet = Subnet {
//!         vpc: vpc.clone(),
//!         cidr: cidr.parse()?,
//!         zone: format!("eu-central-1{zone}"),
//!         map_public_ip_on_launch: None,
//!     };
//!     stack.add(&format!("network/subnet/{zone}"), subnet);
//! }
//! assert_eq!(stack.validate(), []);
//!
//! // Planning is a pure function of what is wanted and what was observed: here, nothing at all.
//! let plan = aomidori::plan::plan(&stack, &Observation::default())?;
//! assert_eq!(plan.summary().add, 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "aws")]
pub use aomidori_aws as aws;
#[cfg(feature = "cli")]
pub use aomidori_cli as cli;
pub use aomidori_engine as engine;
#[cfg(feature = "local")]
pub use aomidori_local as local;
pub use aomidori_model as model;
pub use aomidori_plan as plan;

/// What a program that builds stacks needs.
pub mod prelude {
    pub use aomidori_engine::Cloud;
    pub use aomidori_model::kinds::*;
    pub use aomidori_model::{Address, Ipv4Cidr, Port, PortRange, Problem, Ref, Stack, StackName};
    pub use aomidori_plan::{Observation, Plan};
}

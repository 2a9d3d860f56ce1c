//! The typed resource model of Aomidori: what an environment *is*, before anybody asks what AWS has.
//!
//! - [`Stack`] is one environment: resources under [`Address`]es, built in Rust or read from versioned JSON.
//! - [`kinds`] holds one file per resource kind: a struct with typed fields, its validation, and the list of its
//!   [`Fields`] with marks (what forces a replacement, who owns it, how it is compared).
//! - [`Ref`] is a typed reference to a resource of the stack or to one that exists already.
//! - [`Problem`] is one thing wrong with a stack; validation returns all of them at once.
//!
//! The crate is pure: no async, no AWS SDK, no clock, no environment variables.

pub mod address;
pub mod checks;
pub mod field;
pub mod graph;
pub mod kinds;
pub mod limits;
pub mod name;
pub mod network;
pub mod ownership;
pub mod policy;
pub mod problem;
pub mod reference;
pub mod stack;
pub mod terraform;
pub mod value;

pub use address::Address;
pub use field::{Compare, Field, Fields, Need, Owner};
pub use kinds::{Kind, KindInfo, KindName, Replacement, Resource, Timing, Traffic};
pub use network::{Ipv4Cidr, Ipv6Cidr, Port, PortRange};
pub use policy::PolicyDocument;
pub use problem::{Check, Problem, ProblemCode};
pub use reference::Ref;
pub use stack::{Entry, Stack, StackName};
pub use value::{Caseless, Reference, Target, ToValue, Value};

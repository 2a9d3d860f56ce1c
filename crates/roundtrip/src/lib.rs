//! The round trip between this program and Terraform, for any stack: for tests and for `cargo xtask fuzz-roundtrip`.
//!
//! - [`stacks::stack`] makes a legal random stack of a seed.
//! - [`account::Account`] is an account on a local cloud, in which this program goes up, plans and goes down.
//! - [`folder::Folder`] is what is emitted, in the hands of real Terraform, root by root.
//! - [`trip`] goes round: [`trip::inward`] from Terraform to us, [`trip::outward`] from us to Terraform.
//! - [`fuzz`] goes round with random stacks, and makes one that fails smaller.

pub mod account;
mod dice;
pub mod folder;
pub mod fuzz;
pub mod stacks;
pub mod trip;

pub use account::Account;
pub use dice::Dice;
pub use folder::Folder;
pub use trip::{Failure, Point};

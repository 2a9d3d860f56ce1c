//! Random stacks and live states for property tests: of the planner, and of whoever carries plans out.
//!
//! Everything is a function of bytes ([`Genes`], [`Dice`]), so that any property test library can make and shrink them.

mod deployments;
mod dice;
mod drift;
mod stacks;
mod values;
mod world;

pub use deployments::Moment;
pub use dice::{Dice, Genes};
pub use stacks::stack;
pub use world::{Item, Refusal, World};

//! Taking over what others made, as pure functions: what a Terraform state holds, which of it is which address of a stack,
//! and the claims from which tags are made.
//!
//! - [`State`] reads a Terraform state, version 4.
//! - [`place()`] lays what is live over what is wanted.
//! - [`describe()`] makes a stack of what is live.
//! - [`Claims`] say which live resource shall carry which address's mark.
//!
//! Nothing here asks a cloud. Whether what is placed differs in what *can* be changed is a plan's business: one made from
//! an observation in which claims count as marks.

mod claims;
mod describe;
mod place;
mod state;
#[cfg(test)]
mod tests;
mod undescribed;
mod walk;

pub use claims::{Claims, key, stray};
pub use describe::{Description, LeftOut, Unsaid, declare, describe, differing, of_another, repository, sketch};
pub use place::{Candidate, Placement, Unplaced, place};
pub use state::{Instance, Left, Reading, State, StateError};
pub use undescribed::undescribed;
pub use walk::{Beyond, Swing, Walk};

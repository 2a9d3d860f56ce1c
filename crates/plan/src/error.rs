//! Why there is no plan: everything that stands in its way, at once.

use std::fmt;

use aomidori_model::{Address, KindName};
use serde::{Deserialize, Serialize};

/// There is no plan. Holds every obstacle that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError {
    /// The obstacles, sorted.
    pub obstacles: Vec<Obstacle>,
}

/// One thing that stands in the way of a plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// The name or place that a resource shall have is taken by something that does not carry the stack's mark.
    Foreign {
        /// Who wants it.
        address: Address,
        /// The kind of what is there.
        kind: KindName,
        /// Its id.
        id: String,
        /// The stack that it belongs to, if it carries another's mark.
        stack: Option<String>,
    },
    /// A reference (or `depends_on`) leads nowhere. Validation finds it earlier.
    Dangling {
        /// Who refers.
        address: Address,
        /// What is not in the stack.
        to: Address,
    },
    /// Resources that need each other, so that none can come first. Validation finds wanted ones earlier.
    Cycle {
        /// Their addresses, sorted.
        addresses: Vec<Address>,
    },
}

impl Obstacle {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Obstacle::Foreign { address, stack: None, .. } => {
                format!("give `{address}` another name, or take over what is there with `adopt`")
            }
            Obstacle::Foreign { address, stack: Some(stack), .. } => {
                format!("give `{address}` another name, or take the other one out of stack `{stack}` first")
            }
            Obstacle::Dangling { .. } => "correct the address, or add the resource".to_owned(),
            Obstacle::Cycle { .. } => "remove one of the references".to_owned(),
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::Foreign { address, kind, id, stack } => {
                write!(f, "`{address}` cannot be created: the {} `{id}` is there already and ", kind.info().title)?;
                match stack {
                    Some(stack) => write!(f, "belongs to stack `{stack}`"),
                    None => f.write_str("does not carry this stack's mark"),
                }
            }
            Obstacle::Dangling { address, to } => {
                write!(f, "`{address}` refers to `{to}`, which is not in the stack")
            }
            Obstacle::Cycle { addresses } => {
                let names: Vec<&str> = addresses.iter().map(Address::as_str).collect();
                write!(f, "these need each other, so none can come first: {}", names.join(", "))
            }
        }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, obstacle) in self.obstacles.iter().enumerate() {
            if n > 0 {
                f.write_str("; ")?;
            }
            obstacle.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for PlanError {}

impl PlanError {
    pub(crate) fn new(mut obstacles: Vec<Obstacle>) -> PlanError {
        obstacles.sort();
        obstacles.dedup();
        PlanError { obstacles }
    }

    pub(crate) fn cycle(addresses: impl IntoIterator<Item = Address>) -> PlanError {
        let mut addresses: Vec<Address> = addresses.into_iter().collect();
        addresses.sort();
        addresses.dedup();
        PlanError { obstacles: vec![Obstacle::Cycle { addresses }] }
    }
}

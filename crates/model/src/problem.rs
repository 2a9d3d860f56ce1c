//! Problems of a stack: what is wrong, where, and what to do about it.

use std::fmt;

use serde::Serialize;

use crate::Address;

/// One thing that is wrong with a stack. Validation returns all of them at once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The resource; `None` for the stack as a whole.
    pub address: Option<Address>,
    /// The field, by the name that it has in the plan and in Terraform.
    pub field: Option<String>,
    /// A stable short code, such as `E-CIDR-OVERLAP`.
    pub code: ProblemCode,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl Problem {
    /// True for what is wrong with the way of packets only: AWS takes it, and what is live may be so on purpose, or has its
    /// way in where a stack does not see it.
    pub fn is_of_reach(&self) -> bool {
        let codes = ["E-ENDPOINT-CLOSED", "E-LISTENER-CLOSED", "E-SERVICE-GROUPS", "E-TASK-CLOSED", "E-TASK-EGRESS"];
        codes.contains(&self.code.0)
    }
}

/// A stable code of a kind of problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ProblemCode(pub &'static str);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code.0)?;
        if let Some(address) = &self.address {
            write!(f, " {address}")?;
        }
        if let Some(field) = &self.field {
            write!(f, " ({field})")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Collects the problems of one resource.
#[derive(Debug)]
pub struct Check<'a> {
    address: Option<&'a Address>,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Check<'a> {
    /// Collects into `problems`, for the resource at `address`.
    pub fn new(address: Option<&'a Address>, problems: &'a mut Vec<Problem>) -> Self {
        Check { address, problems }
    }

    /// Records a problem with a field.
    pub fn field(&mut self, code: &'static str, field: &str, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem {
            address: self.address.cloned(),
            field: Some(field.to_owned()),
            code: ProblemCode(code),
            message: message.into(),
            help: help.into(),
        });
    }

    /// Records a problem with the resource as a whole.
    pub fn resource(&mut self, code: &'static str, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem {
            address: self.address.cloned(),
            field: None,
            code: ProblemCode(code),
            message: message.into(),
            help: help.into(),
        });
    }
}

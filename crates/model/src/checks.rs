//! Checks across resources: what no single type can say.

use crate::problem::Problem;
use crate::stack::Stack;

/// Runs every check over a stack and adds what it finds.
pub(crate) fn run(_stack: &Stack, _problems: &mut Vec<Problem>) {}

//! Round trips with real Terraform on the local cloud. Skipped, aloud, without it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test, what goes wrong fails it")]

mod deployed;
#[path = "../../../hcl/tests/emit/lint.rs"]
mod lint;
mod practice;
mod random;
mod stacks;

//! What is emitted: golden files, nothing that breaks out of a text, and real Terraform as the judge.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test, what goes wrong fails it")]

mod golden;
mod hostile;
mod lint;
mod moves;
mod round_trip;
mod shapes;
mod terraform;
mod twins;

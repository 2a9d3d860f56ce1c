//! What is emitted: golden files, that it parses, and that nothing breaks out of a text.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test, what goes wrong fails it")]

mod ecspresso;
mod golden;
mod hostile;
mod judges;
mod pipelines;
mod shapes;

//! Tests of the state machine, and of the driver on a fake.

mod decisions;
mod driver;
mod history;
mod rollouts;
mod samples;

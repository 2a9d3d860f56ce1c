//! `Aws` against the local cloud, started in process: whole flows through the engine's seam.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops where it finds something wrong"
)]

mod deploy;
mod ec2;
mod hints;
mod law4;
mod lease;
mod lost;
mod platform;
mod proxy;
mod support;
mod whole;

//! What tests of several crates need and no product does: programs that we did not write, and a bad line.
//!
//! - [`python`] makes virtual environments with packages of PyPI (boto3, moto) below `target/`, and skips loudly where
//!   there is no Python.
//! - [`FaultProxy`] stands between a client and a server and loses the n-th request, its answer, or everything after it.

pub mod proxy;
pub mod python;

pub use proxy::{Fault, FaultProxy};

//! What tests of several crates need and no product does: programs that we did not write, and a bad line.
//!
//! - [`python`] makes virtual environments with packages of PyPI (boto3, moto) below `target/`, and skips loudly where
//!   there is no Python.
//! - [`Server`] is another cloud than ours: moto, or fakecloud.
//! - [`terraform`] runs HashiCorp's Terraform and AWS provider, and skips loudly where they are missing.
//! - [`s3`] puts objects into buckets.
//! - [`FaultProxy`] stands between a client and a server and loses the n-th request, its answer, or everything after it.

pub mod proxy;
pub mod python;
pub mod s3;
pub mod server;
pub mod terraform;

pub use proxy::{Fault, FaultProxy};
pub use server::Server;
pub use terraform::Terraform;

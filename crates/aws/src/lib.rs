//! `Cloud` over the AWS SDK for Rust: one file per kind, the batched observer, error mapping.
//!
//! - [`Aws`] is what the engine is given; [`Settings`] says which account, region and endpoint.
//! - `kinds/` holds one file per resource kind: how it is created, found again, changed, deleted and how far it is.
//! - `observe/` reads everything that concerns a stack, in batches.
//! - [`permissions`] is the IAM policy that a caller needs for all that.
//! - `call` is the only way to AWS: it counts, repeats what may be repeated, and maps every error.
//!
//! No SDK type is part of this crate's public interface, and nothing here prints or waits for long.

mod adopt;
mod aws;
mod call;
mod client;
mod deploy;
mod ec2;
mod error;
mod holders;
mod http;
mod images;
mod kinds;
mod lease;
mod live;
mod observe;
mod permissions;
mod s3;
mod services;
mod tags;

pub use adopt::{Claiming, Claims, Walk};
pub use aws::Aws;
pub use client::Settings;
pub use images::MissingImage;
pub use permissions::{MANAGED_POLICY_LIMIT, Place, Purpose, permissions};
pub use s3::{S3Error, S3Object, S3Place};

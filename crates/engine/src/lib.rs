//! The engine: observes, applies plans in dependency order, and says what it does in one stream of events.
//!
//! [`Cloud`] is the seam: everything that talks to AWS is behind it, and no AWS type is in it.

pub mod cloud;

pub use cloud::{Cloud, CloudError, ErrorKind, Known, Lease, LeaseRequest, Made, Progress, Want};

//! `Aws` against the local cloud, started in process: whole flows through the engine's seam.

mod ec2;
mod lease;
mod lost;
mod proxy;
mod support;

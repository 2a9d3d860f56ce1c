//! `Aws` against the local cloud, started in process: whole flows through the engine's seam.

mod ec2;
mod lease;
mod lost;
mod moto;
mod platform;
mod proxy;
mod support;
mod whole;

//! How long things take on AWS: one table, from published logs and measurements.
//!
//! Use with [`Cx::after`](crate::world::Cx::after), which makes all of them zero under `Options::instant`.

use std::time::Duration;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

// EC2
pub(crate) const VPC_CREATE: Duration = Duration::from_millis(1500);
pub(crate) const SUBNET_CREATE: Duration = Duration::from_millis(800);
pub(crate) const NAT_CREATE: Duration = secs(105);
pub(crate) const NAT_FAIL: Duration = secs(12);
pub(crate) const NAT_DELETE: Duration = secs(50);
/// How long a deleted or failed NAT gateway stays listed.
pub(crate) const NAT_LISTED: Duration = secs(3600);
pub(crate) const GATEWAY_ENDPOINT_CREATE: Duration = secs(3);
pub(crate) const GATEWAY_ENDPOINT_DELETE: Duration = secs(3);
pub(crate) const INTERFACE_ENDPOINT_CREATE: Duration = secs(90);
pub(crate) const INTERFACE_ENDPOINT_DELETE: Duration = secs(45);

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

// ECR
/// "Within 24 hours" an image is expired.
pub(crate) const LIFECYCLE_POLICY: Duration = secs(24 * 3600);

// Cloud Map
pub(crate) const OPERATION_PENDING: Duration = secs(1);
pub(crate) const NAMESPACE_CREATE: Duration = secs(44);
pub(crate) const NAMESPACE_UPDATE: Duration = secs(20);
pub(crate) const NAMESPACE_DELETE: Duration = secs(35);
pub(crate) const DISCOVERY_SERVICE_UPDATE: Duration = secs(5);
pub(crate) const INSTANCE_REGISTER: Duration = secs(3);
pub(crate) const INSTANCE_DEREGISTER: Duration = secs(3);

// DynamoDB
pub(crate) const TABLE_CREATE: Duration = secs(8);
pub(crate) const TABLE_UPDATE: Duration = secs(4);
pub(crate) const TABLE_DELETE: Duration = secs(6);

// ECS
/// A network interface is attached.
pub(crate) const TASK_PROVISIONING: Duration = secs(12);
/// The image is pulled and the container started.
pub(crate) const TASK_PENDING: Duration = secs(22);
/// From the end signal to the containers' end; a well-behaved container needs no more.
pub(crate) const TASK_STOPPING: Duration = secs(4);
/// The network interface is detached.
pub(crate) const TASK_DEPROVISIONING: Duration = secs(12);
/// How long a stopped task is still described.
pub(crate) const TASK_LISTED: Duration = secs(3600);
/// How long an inactive service or cluster is still described.
pub(crate) const INACTIVE_LISTED: Duration = secs(3600);
/// How often the scheduler looks at a service that is not steady.
pub(crate) const SCHEDULER_LOOK: Duration = secs(5);
/// The longest that it waits between two looks, or before another attempt to start a task.
pub(crate) const SCHEDULER_SLOWEST: Duration = secs(60);
/// From a service's change to the scheduler's first act.
pub(crate) const SCHEDULER_START: Duration = secs(2);
/// From the last deletion of what uses a task definition to its own.
pub(crate) const TASK_DEFINITION_DELETE: Duration = secs(60);

/// After its start an image whose tag says `slow-start` answers health checks.
pub(crate) const CONTAINER_SLOW_START: Duration = secs(45);
/// After its start an image whose tag says `crash` ends.
pub(crate) const CONTAINER_CRASH: Duration = secs(60);

// CodeDeploy
/// From Created to InProgress.
pub(crate) const DEPLOYMENT_START: Duration = secs(4);
/// A life-cycle event without a hook.
pub(crate) const LIFECYCLE_EVENT: Duration = secs(1);
/// Until a listener's new weights are in effect.
pub(crate) const LISTENER_REWRITE: Duration = secs(3);
/// How long green may take to become healthy.
pub(crate) const INSTALL_LONGEST: Duration = secs(3600);
/// From StopDeployment to Stopped.
pub(crate) const DEPLOYMENT_STOP: Duration = secs(3);
/// From the deletion of a task set to the end of the deployment.
pub(crate) const TASK_SET_DELETE: Duration = secs(5);
/// How long an alarm may ring before CodeDeploy sees it.
pub(crate) const ALARM_POLL: Duration = secs(10);

// Elastic Load Balancing
/// From creation to active; checks of targets begin then.
pub(crate) const ALB_CREATE: Duration = secs(150);
/// How long network interfaces stay after their load balancer (or its place in a subnet) is gone.
pub(crate) const ALB_LINGER: Duration = secs(180);

// Route 53
/// Until all name servers have a change.
pub(crate) const DNS_CHANGE: Duration = secs(40);

// ACM
/// From the last validation record to the certificate.
pub(crate) const CERTIFICATE_ISSUE: Duration = secs(90);

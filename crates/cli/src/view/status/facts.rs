//! What `status` knows beyond an observation.

use std::collections::BTreeMap;

use aomidori_deploy::cloud::{Deployment, Revision, Service, TargetHealth, Task};
use aomidori_deploy::{Moment, Pair, Progress, Timings};

use crate::view::json::LocalPort;

/// What no plan needs to know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// The cloud's time.
    pub(crate) now: Moment,
    /// Services by their ids.
    pub(crate) services: BTreeMap<String, ServiceFacts>,
    /// Targets by the ids of their target groups.
    pub(crate) targets: BTreeMap<String, Vec<TargetHealth>>,
    /// Revisions by their ARNs.
    pub(crate) revisions: BTreeMap<String, Revision>,
    /// Ports of this machine that answer for listeners of the local cloud.
    pub(crate) ports: Vec<LocalPort>,
    /// What could not be asked, and why.
    pub(crate) unanswered: Vec<String>,
}

/// A service as it is, and what CodeDeploy does with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServiceFacts {
    pub(crate) service: Service,
    /// The container that answers requests.
    pub(crate) container: Option<String>,
    /// What CodeDeploy moves; `None` for a rolling service.
    pub(crate) pair: Option<Pair>,
    /// The latest deployments, the newest first.
    pub(crate) deployments: Vec<Deployment>,
    /// The one that runs, and how long its parts take.
    pub(crate) running: Option<(Progress, Timings)>,
    /// Tasks, if some are missing.
    pub(crate) tasks: Vec<Task>,
}

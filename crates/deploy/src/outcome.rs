//! How a deployment ended, and why.

use serde::{Deserialize, Serialize};

use aomidori_engine::cloud::CloudError;

use crate::cloud::DeploymentError;
use crate::stage::Stage;
use crate::stall::Evidence;
use crate::time::Moment;

/// How following a deployment ended. A rollback is never a success (design law 7).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It was created, and nobody wanted to wait.
    Created {
        /// The deployment.
        id: String,
    },
    /// The test listener shows green; production waits on blue for the word.
    Ready {
        /// The deployment.
        id: String,
        /// When CodeDeploy stops it if nobody says so.
        until: Option<Moment>,
    },
    /// All production traffic is on green; blue is still there to go back to.
    Rerouted {
        /// The deployment.
        id: String,
        /// When blue is terminated.
        until: Option<Moment>,
    },
    /// Done to the end.
    Succeeded {
        /// The deployment.
        id: String,
    },
    /// Production is on what was live before.
    RolledBack {
        /// The deployment that did not last.
        id: String,
        /// The one that rolled it back.
        by: Option<String>,
        /// Why.
        cause: Cause,
    },
    /// The rollback itself did not succeed: somebody has to look.
    RollbackFailed {
        /// The deployment.
        id: String,
        /// The one that should have rolled it back.
        by: String,
        /// Why it was to be rolled back.
        cause: Cause,
        /// What went wrong with the rollback.
        why: Cause,
    },
    /// Failed or was stopped, and nothing rolls it back: everything stays as it is.
    Failed {
        /// The deployment.
        id: String,
        /// It was stopped; otherwise it failed.
        stopped: bool,
        /// Percent of production traffic on green, where that is known.
        percent: Option<f64>,
        /// Why.
        cause: Cause,
    },
    /// It goes on by itself, and nobody waits for it any more.
    Left {
        /// The deployment.
        id: String,
        /// Where it was.
        stage: Stage,
        /// Why nobody waits: asked to, a stall, a limit.
        cause: Cause,
    },
    /// Interrupted before anything was called.
    NotStarted,
    /// Another deployment runs; there can be one at a time (aws-facts 3.1).
    Busy {
        /// Which, if CodeDeploy says so.
        running: Option<String>,
        /// What its creator said about it.
        description: String,
    },
    /// A call was refused.
    Refused {
        /// The deployment, if there is one.
        id: Option<String>,
        /// Why.
        error: CloudError,
    },
    /// There is no such deployment.
    Unknown {
        /// The deployment.
        id: String,
    },
}

/// Why a deployment did not last, or is not waited for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum Cause {
    /// Somebody here asked for it.
    Asked,
    /// Tasks keep failing in the same way.
    Stall(Evidence),
    /// It took longer than it can.
    TimedOut {
        /// Where.
        stage: String,
        /// After how many seconds.
        after_s: u64,
    },
    /// The probe through the test listener was not answered as expected.
    Probe {
        /// What was asked.
        url: String,
        /// What was expected.
        expect: u16,
        /// What came at last.
        got: String,
    },
    /// Nobody re-routed in time.
    NobodyRerouted,
    /// CodeDeploy says why.
    CodeDeploy {
        /// Its code and words, if it gives any.
        error: Option<DeploymentError>,
        /// What its life-cycle events say.
        diagnostics: Vec<String>,
    },
    /// ECS says why: its circuit breaker, or another deployment in between.
    Ecs {
        /// Its words.
        reason: String,
    },
}

impl Outcome {
    /// True if what was asked for is so.
    pub fn is_success(&self) -> bool {
        match self {
            Outcome::Created { .. } | Outcome::Ready { .. } | Outcome::Rerouted { .. } | Outcome::Succeeded { .. } => {
                true
            }
            Outcome::RolledBack { .. }
            | Outcome::RollbackFailed { .. }
            | Outcome::Failed { .. }
            | Outcome::Left { .. }
            | Outcome::NotStarted
            | Outcome::Busy { .. }
            | Outcome::Refused { .. }
            | Outcome::Unknown { .. } => false,
        }
    }

    /// The deployment that it is about.
    pub fn id(&self) -> Option<&str> {
        match self {
            Outcome::Created { id }
            | Outcome::Ready { id, .. }
            | Outcome::Rerouted { id, .. }
            | Outcome::Succeeded { id }
            | Outcome::RolledBack { id, .. }
            | Outcome::RollbackFailed { id, .. }
            | Outcome::Failed { id, .. }
            | Outcome::Left { id, .. }
            | Outcome::Unknown { id } => Some(id),
            Outcome::Busy { running, .. } => running.as_deref(),
            Outcome::Refused { id, .. } => id.as_deref(),
            Outcome::NotStarted => None,
        }
    }
}

//! Events of a deployment: the one stream from which it is shown.

use std::time::Duration;

use aomidori_engine::cloud::CloudError;
use aomidori_engine::event::{Feed, Timed};
use serde::{Deserialize, Serialize};

use crate::cloud::{LifeCycle, ServiceEvent, Task, WeighedTaskSet};
use crate::outcome::Outcome;
use crate::stage::Stage;
use crate::time::{Moment, Timings};

/// The version of the serialised form of [`Record`]. Fields and events may be added under one version.
pub const VERSION: u32 = 1;

/// One event with its place in the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`VERSION`].
    pub version: u32,
    /// Milliseconds since the run began.
    pub at_ms: u64,
    /// What happened.
    pub event: Event,
}

/// What happens while a deployment is followed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// It begins: how long its parts take.
    Began {
        /// The service.
        service: String,
        /// What is deployed, in words.
        what: String,
        /// How long its parts take, in the cloud's time.
        timings: Timings,
    },
    /// A call was answered.
    Called {
        /// The operation (`codedeploy:CreateDeployment`).
        operation: String,
        /// The deployment.
        id: Option<String>,
    },
    /// A call failed; whether and when it is made again.
    Retrying {
        /// Why.
        error: CloudError,
    },
    /// The deployment is in another stage.
    Stage {
        /// The deployment.
        id: String,
        /// Where it is.
        stage: Stage,
        /// How long that usually takes, in milliseconds of the cloud's time.
        usually_ms: u64,
        /// When it has taken too long, by the cloud's clock.
        until: Option<Moment>,
    },
    /// A life-cycle event has begun or ended.
    LifeCycle {
        /// The deployment.
        id: String,
        /// Which.
        event: LifeCycle,
    },
    /// Task sets or their shares of production traffic have changed.
    TaskSets {
        /// The deployment.
        id: String,
        /// As they are now.
        sets: Vec<WeighedTaskSet>,
    },
    /// A task has stopped that was started for the deployment.
    TaskStopped {
        /// The task.
        task: Box<Task>,
    },
    /// The service's scheduler says something.
    Service {
        /// What.
        event: ServiceEvent,
    },
    /// The test listener was asked.
    Probed {
        /// What.
        url: String,
        /// The answer's status, or what came instead.
        got: String,
        /// It is what was expected.
        right: bool,
    },
    /// Another deployment goes back.
    RollingBack {
        /// The deployment that did not last.
        id: String,
        /// The one that goes back, once it is known.
        by: Option<String>,
    },
    /// Sent at least every ten seconds.
    Heartbeat {
        /// The deployment, once there is one.
        id: Option<String>,
        /// Where it is.
        stage: Option<Stage>,
        /// Milliseconds of the cloud's time until the stage usually ends.
        left_ms: u64,
    },
    /// This is how it ended.
    Ended {
        /// How.
        outcome: Outcome,
    },
}

/// Where the events of a deployment go.
pub type Events = Feed<Record>;

impl Timed for Record {
    type Event = Event;

    fn timed(at_ms: u64, event: Event) -> Record {
        Record { version: VERSION, at_ms, event }
    }
}

/// A duration in whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

//! Where a blue/green deployment is, told from what CodeDeploy says about it.

use serde::{Deserialize, Serialize};

use crate::cloud::{Deployment, LifeCycle, LifeCycleStatus, Side, Status, Target, WeighedTaskSet};
use crate::time::{Moment, Timings};

/// Where a deployment is (aws-facts 3.3, 3.4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
pub enum Stage {
    /// Accepted; nothing has moved.
    Created,
    /// Green's tasks start and become healthy.
    Installing {
        /// Green's tasks that run.
        running: u32,
        /// Green's tasks that are wanted.
        desired: u32,
    },
    /// The test listener moves to green, and its hook looks.
    TestTraffic,
    /// Waits for the word to re-route; production is on blue.
    Ready {
        /// When CodeDeploy stops it if nobody says so.
        until: Option<Moment>,
    },
    /// Production traffic shifts.
    Shifting {
        /// Percent of it that is on green.
        percent: f64,
    },
    /// All production traffic is on green; blue waits to be terminated.
    Shifted {
        /// When blue is terminated.
        until: Option<Moment>,
    },
    /// Done: blue is gone.
    Succeeded,
    /// Failed; its rollback is another deployment.
    Failed,
    /// Stopped; its rollback is another deployment.
    Stopped,
}

impl Stage {
    /// True for one that will change no more.
    pub fn is_over(&self) -> bool {
        matches!(self, Stage::Succeeded | Stage::Failed | Stage::Stopped)
    }

    /// A word for it, the same for every percentage and number of tasks.
    pub fn name(&self) -> &'static str {
        match self {
            Stage::Created => "created",
            Stage::Installing { .. } => "installing",
            Stage::TestTraffic => "test traffic",
            Stage::Ready { .. } => "ready",
            Stage::Shifting { .. } => "shifting",
            Stage::Shifted { .. } => "shifted",
            Stage::Succeeded => "succeeded",
            Stage::Failed => "failed",
            Stage::Stopped => "stopped",
        }
    }
}

/// A deployment with what it does to its service.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The deployment.
    pub deployment: Deployment,
    /// What it does; `None` before it starts.
    pub target: Option<Target>,
}

impl Progress {
    /// Where it is.
    pub fn stage(&self, timings: &Timings) -> Stage {
        match self.deployment.status {
            Status::Created | Status::Queued => Stage::Created,
            Status::Ready => Stage::Ready { until: self.since_last().zip(timings.ready).map(|(at, wait)| at + wait) },
            Status::Succeeded => Stage::Succeeded,
            Status::Failed => Stage::Failed,
            Status::Stopped => Stage::Stopped,
            Status::InProgress | Status::Baking => self.at_work(timings),
        }
    }

    fn at_work(&self, timings: &Timings) -> Stage {
        let shifted = || Stage::Shifted { until: self.since_last().map(|at| at + timings.bake) };
        if self.deployment.terminating {
            return shifted();
        }
        let Some(target) = &self.target else { return Stage::Created };
        // Events come one after the other: the first that is not over is where it is. Without a test listener two of
        // them are not there at all.
        let current = target.events.iter().find(|event| {
            matches!(event.status, LifeCycleStatus::Pending | LifeCycleStatus::InProgress | LifeCycleStatus::Unknown)
        });
        match current.map(|event| event.name.as_str()) {
            None if target.events.is_empty() => Stage::Created,
            None => shifted(),
            Some("BeforeInstall" | "Install" | "AfterInstall") => {
                let green = self.green();
                Stage::Installing {
                    running: green.map_or(0, |set| set.running),
                    desired: green.map_or(0, |set| set.desired),
                }
            }
            Some("AllowTestTraffic" | "AfterAllowTestTraffic") => Stage::TestTraffic,
            Some(_) => Stage::Shifting { percent: self.green().map_or(0.0, |set| set.weight) },
        }
    }

    /// The end of the last event that has ended.
    fn since_last(&self) -> Option<Moment> {
        self.target.as_ref()?.events.iter().filter_map(|event| event.end).max()
    }

    /// Since when it is in its stage, by CodeDeploy's own times; by its creation before anything has begun.
    pub fn since(&self) -> Option<Moment> {
        let begun = self.target.iter().flat_map(|target| &target.events).filter_map(|event| event.start.max(event.end));
        begun.max().or(self.deployment.created_at)
    }

    /// Green's task set, once there is one. CodeDeploy does not always label the sides: then it is the one that is not
    /// PRIMARY while traffic has not shifted, and the PRIMARY one afterwards.
    pub fn green(&self) -> Option<&WeighedTaskSet> {
        let target = self.target.as_ref()?;
        let sets = &target.task_sets;
        if let Some(green) = sets.iter().find(|set| set.side == Some(Side::Green)) {
            return Some(green);
        }
        if sets.iter().any(|set| set.side == Some(Side::Blue)) {
            return sets.iter().find(|set| set.side != Some(Side::Blue));
        }
        let shifted = self.deployment.status == Status::Succeeded || self.event("AllowTraffic").is_some_and(is_done);
        sets.iter().find(|set| (set.status == "PRIMARY") == shifted)
    }

    /// A life-cycle event by its name.
    pub fn event(&self, name: &str) -> Option<&LifeCycle> {
        self.target.as_ref()?.events.iter().find(|event| event.name == name)
    }

    /// True if production requests were ever sent to green.
    pub fn served(&self) -> bool {
        self.deployment.status == Status::Succeeded
            || self.deployment.terminating
            || self.event("AllowTraffic").is_some_and(|event| {
                is_done(event) || event.status == LifeCycleStatus::InProgress || event.start.is_some()
            })
    }

    /// What went wrong in its life-cycle events.
    pub fn diagnostics(&self) -> Vec<String> {
        let events = self.target.iter().flat_map(|target| &target.events);
        events
            .filter(|event| event.status == LifeCycleStatus::Failed)
            .map(|event| match &event.diagnostics {
                Some(text) => format!("{}: {text}", event.name),
                None => format!("{} failed", event.name),
            })
            .collect()
    }
}

fn is_done(event: &LifeCycle) -> bool {
    event.status == LifeCycleStatus::Succeeded
}

//! The plan as data: steps with reasons, changes, order, effect on traffic and estimate.

use std::collections::BTreeSet;

use aomidori_model::limits::Limit;
use aomidori_model::{Address, KindName, StackName, Traffic, Value};
use serde::{Deserialize, Serialize};

/// What is to be done, in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The stack.
    pub stack: StackName,
    /// Build up, or tear down.
    pub mode: Mode,
    /// The steps, in one legal order; `after` says what may run side by side.
    pub steps: Vec<Step>,
    /// What is worth knowing and needs no step.
    pub notices: Vec<Notice>,
}

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Makes live what is wanted.
    Converge,
    /// Removes everything that carries the stack's mark.
    Destroy,
}

/// The number of a step in its plan, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub u32);

/// One step: one action on one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its number: its place in [`Plan::steps`].
    pub id: StepId,
    /// The resource.
    pub address: Address,
    /// Its kind.
    pub kind: KindName,
    /// The live id; `None` for what is to be created.
    pub live: Option<String>,
    /// What is done.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// The fields that change; for a creation those that are declared. Both halves of a replacement are one change, which
    /// the creation tells.
    pub changes: Vec<FieldChange>,
    /// Steps that come first, and how far they must be.
    pub after: BTreeSet<After>,
    /// Part of a replacement: the other half.
    pub replacing: Option<Replacing>,
    /// What it does to production traffic.
    pub traffic: Traffic,
    /// How long it usually takes on AWS.
    pub estimate: Estimate,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Creates the resource.
    Create,
    /// Changes it in place; a revisioned kind gets a new revision, with a new id.
    Update,
    /// Deletes it.
    Delete,
    /// Changes nothing: waits until it is ready, or gone.
    Await,
}

/// Why a step is taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It is wanted and not there.
    Missing,
    /// Declared fields or tags differ.
    Changed,
    /// Fields differ that AWS cannot change in place.
    CannotUpdate {
        /// Their names.
        fields: Vec<String>,
    },
    /// Something that it refers to is replaced, and the reference cannot be changed in place.
    ReferenceReplaced {
        /// What is replaced.
        on: BTreeSet<Address>,
    },
    /// Something that it uses is deleted first, which AWS refuses while it is used.
    InUse {
        /// What is replaced.
        on: BTreeSet<Address>,
    },
    /// It reached a state that it cannot leave.
    Failed {
        /// The cause, in AWS's words.
        cause: String,
    },
    /// It carries the stack's mark and is not in the stack.
    NotInStack,
    /// A second one with the same address: an interrupted replacement, or an older tool's accident.
    Spare,
    /// The stack is torn down.
    Destroy,
    /// It is being created still, by an earlier run.
    Pending {
        /// AWS's word for its state.
        status: String,
    },
    /// It is being deleted still, by an earlier run.
    Deleting {
        /// AWS's word for its state.
        status: String,
    },
}

/// One field that changes.
///
/// For fields of parts ([`Compare::Parts`](aomidori_model::Compare::Parts)) and for `tags`, `before` holds only what is ours
/// to change: what is in `before` and not in `after` is removed, what is in neither belongs to somebody else and stays. Parts
/// are changed before tags, so that what is removed is on record until it is gone. An `after` of [`Value::Null`] means that a
/// field which is no longer declared lets go of what this plan deletes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Its name; tags are `tags`.
    pub field: String,
    /// What is live; of `tags`, parts and declared keys only what concerns the change.
    pub before: Value,
    /// What is wanted; a reference in it is known only after its target's step.
    pub after: Value,
    /// The change replaces the resource.
    pub replaces: bool,
    /// Neither value may be shown; both are [`Value::Null`].
    pub secret: bool,
}

/// A step that comes first, and how far it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct After {
    /// The step.
    pub step: StepId,
    /// How far.
    pub level: Level,
    /// The order is a courtesy: if that step fails, this one is taken all the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub even_if_failed: bool,
}

/// How far a step must be for the next to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Its call has been answered: a created resource has an id, a deletion is under way.
    Called,
    /// It is finished: ready, or gone.
    Finished,
}

/// One half of a replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacing {
    /// The step of the other half.
    pub other: StepId,
    /// The new one is created before the old one is deleted.
    pub create_first: bool,
}

/// Typical duration on AWS in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// Until the call is answered.
    pub call: u32,
    /// From then until it is ready, or gone.
    pub finish: u32,
}

/// Something worth knowing that needs no step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// Somebody added something to one of ours; it is left alone.
    ForeignDrift {
        /// Ours.
        address: Address,
        /// The field or kind that it was added to.
        what: String,
        /// What was added.
        added: String,
    },
    /// A deployment is running on it; changes to it wait.
    Deploying {
        /// Ours.
        address: Address,
        /// The deployment.
        deployment: String,
        /// Its state, in AWS's words.
        status: String,
    },
    /// A deployment ended half way, and nothing rolled it back: both sides are still there. Another deployment, of whatever
    /// revision, sends all requests to one side and removes the other; changes to it wait.
    Unfinished {
        /// Ours.
        address: Address,
        /// The deployment.
        deployment: String,
        /// How it ended, in AWS's words.
        status: String,
    },
    /// It is as the stack says, and what it runs does not come up.
    Stalled {
        /// Ours.
        address: Address,
        /// What goes wrong.
        why: String,
    },
    /// A new revision of a task definition reaches a CODE_DEPLOY service by a deployment only.
    NeedsDeployment {
        /// The service.
        service: Address,
        /// What changes.
        because: Address,
    },
}

/// How many resources a plan adds, changes, replaces and destroys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Created, replacements included.
    pub add: usize,
    /// Changed in place.
    pub change: usize,
    /// Deleted, replacements included.
    pub destroy: usize,
}

impl Step {
    /// How often AWS takes the call that the step makes.
    pub fn limit(&self) -> Option<Limit> {
        let limits = self.kind.info().limits;
        match self.action {
            Action::Create => limits.create,
            // Tags are written by calls of their own, of which AWS takes many.
            Action::Update if self.changes.iter().all(|change| change.field == "tags") => None,
            Action::Update => limits.update,
            Action::Delete => limits.delete,
            Action::Await => None,
        }
    }
}

impl Plan {
    /// True if there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The step with this number.
    pub fn step(&self, id: StepId) -> Option<&Step> {
        self.steps.get(id.0 as usize)
    }

    /// Counts as Terraform does: a replacement is one to add and one to destroy.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for step in &self.steps {
            match step.action {
                Action::Create => summary.add += 1,
                Action::Update => summary.change += 1,
                Action::Delete => summary.destroy += 1,
                Action::Await => {}
            }
        }
        summary
    }
}

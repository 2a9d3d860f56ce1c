//! Plan files: a plan with the stack that it was made for, as versioned JSON.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::stack::ReadError;
use aomidori_model::{Address, KindName, Stack};
use serde::{Deserialize, Serialize};

use crate::error::PlanError;
use crate::{Action, FieldChange, Level, Mode, Observation, Plan, Reason, Step, destroy, plan};

/// The `format` member of a plan file.
const FORMAT: &str = "aomidori-plan";
/// The version that this crate writes and reads.
const VERSION: u64 = 1;

/// A plan to be carried out later, if it still holds then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanFile {
    /// The AWS account that was observed.
    pub account: String,
    /// The region that was observed.
    pub region: String,
    /// What is wanted.
    pub stack: Stack,
    /// What is to be done.
    pub plan: Plan,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: String,
    version: u64,
    account: String,
    region: String,
    stack: serde_json::Value,
    plan: Plan,
}

/// Why a text is not a plan file.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// It is not JSON, or not of a plan file's form.
    #[error("the plan file cannot be read")]
    Syntax(#[source] serde_json::Error),
    /// It is some other file.
    #[error("this is not a plan file: its `format` is not `{FORMAT}`")]
    Format,
    /// It was written by another version.
    #[error("the plan file is of version {found}, and this program reads version {VERSION}")]
    Version {
        /// The file's version.
        found: u64,
    },
    /// The stack in it cannot be read.
    #[error("the stack in the plan file cannot be read")]
    Stack(#[source] ReadError),
}

/// Why a plan no longer holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    /// It was made for another account or region.
    #[error("the plan was made for account {planned}, and this is {found}")]
    Elsewhere {
        /// `ACCOUNT/REGION` of the plan.
        planned: String,
        /// `ACCOUNT/REGION` now.
        found: String,
    },
    /// What is live now can no longer be planned for.
    #[error("what is live has changed, and nothing can be planned")]
    Impossible(#[source] PlanError),
    /// What is live has changed: other steps would be taken now.
    #[error("what is live has changed since the plan was made: {} step(s) differ", .0.len())]
    Steps(Vec<StepDifference>),
}

/// A step in which an old plan and a new one differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepDifference {
    /// The resource.
    pub address: Address,
    /// Its kind.
    pub kind: KindName,
    /// The step's action.
    pub action: Action,
    /// How they differ.
    pub how: Difference,
}

/// How a step of an old plan differs from the same step of a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// It was planned and is no longer needed.
    NoLongerNeeded,
    /// It was not planned and is needed now.
    NeededNow,
    /// It is needed for another reason, changes other fields, or has another place in the order.
    Changed,
}

impl PlanFile {
    /// Puts a plan together with the stack and the place that it was made for.
    pub fn new(stack: &Stack, have: &Observation, plan: Plan) -> PlanFile {
        PlanFile { account: have.account.clone(), region: have.region.clone(), stack: stack.clone(), plan }
    }

    /// Writes it as JSON, version 1.
    ///
    /// # Errors
    /// None that a plan can cause; the type is serde's.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let PlanFile { account, region, stack, plan } = self;
        let file = Written {
            format: FORMAT.to_owned(),
            version: VERSION,
            account: account.clone(),
            region: region.clone(),
            stack: serde_json::from_str(&stack.to_json()?)?,
            plan: plan.clone(),
        };
        serde_json::to_string_pretty(&file).map(|text| text + "\n")
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn from_json(text: &str) -> Result<PlanFile, PlanFileError> {
        let json: serde_json::Value = serde_json::from_str(text).map_err(PlanFileError::Syntax)?;
        if json.get("format").and_then(serde_json::Value::as_str) != Some(FORMAT) {
            return Err(PlanFileError::Format);
        }
        match json.get("version").and_then(serde_json::Value::as_u64) {
            Some(VERSION) => {}
            found => return Err(PlanFileError::Version { found: found.unwrap_or(0) }),
        }
        let Written { format: _, version: _, account, region, stack, plan } =
            serde_json::from_value(json).map_err(PlanFileError::Syntax)?;
        let stack = Stack::from_json(&stack.to_string()).map_err(PlanFileError::Stack)?;
        Ok(PlanFile { account, region, stack, plan })
    }

    /// Plans again with what is live now; the plan holds if the same steps come out.
    ///
    /// # Errors
    /// Why the plan no longer holds.
    pub fn check(&self, have: &Observation) -> Result<(), Stale> {
        let place = |account: &str, region: &str| format!("{account}/{region}");
        let (planned, found) = (place(&self.account, &self.region), place(&have.account, &have.region));
        if planned != found {
            return Err(Stale::Elsewhere { planned, found });
        }
        let now = match self.plan.mode {
            Mode::Converge => plan(&self.stack, have),
            Mode::Destroy => destroy(&self.stack, have),
        };
        let now = now.map_err(Stale::Impossible)?;
        let differences = differences(&self.plan, &now);
        if differences.is_empty() { Ok(()) } else { Err(Stale::Steps(differences)) }
    }
}

/// A step's identity in different plans.
type Key<'a> = (&'a Address, KindName, Action, &'a Option<String>);

/// What a step does, why, and what it waits for.
type Essence<'a> = (&'a Reason, &'a Vec<FieldChange>, Option<bool>, BTreeSet<(Key<'a>, Level)>);

/// What two plans for the same stack do differently, by address.
pub fn differences(then: &Plan, now: &Plan) -> Vec<StepDifference> {
    let (old, new) = (by_key(then), by_key(now));
    let keys: BTreeSet<&Key<'_>> = old.keys().chain(new.keys()).collect();
    let mut differences = Vec::new();
    for key in keys {
        let how = match (old.get(key), new.get(key)) {
            (Some(a), Some(b)) if same(a, b, &old, &new) => continue,
            (Some(_), Some(_)) => Difference::Changed,
            (Some(_), None) => Difference::NoLongerNeeded,
            (None, _) => Difference::NeededNow,
        };
        differences.push(StepDifference { address: key.0.clone(), kind: key.1, action: key.2, how });
    }
    differences
}

/// Equal, but for waits for steps that only one of the plans has: those steps tell it themselves.
fn same<'a>(
    a: &Essence<'a>,
    b: &Essence<'a>,
    old: &BTreeMap<Key<'a>, Essence<'a>>,
    new: &BTreeMap<Key<'a>, Essence<'a>>,
) -> bool {
    let both = |(key, _): &&(Key<'a>, Level)| old.contains_key(key) && new.contains_key(key);
    (a.0, a.1, a.2) == (b.0, b.1, b.2) && a.3.iter().filter(both).eq(b.3.iter().filter(both))
}

fn by_key(plan: &Plan) -> BTreeMap<Key<'_>, Essence<'_>> {
    fn key(step: &Step) -> Key<'_> {
        (&step.address, step.kind, step.action, &step.live)
    }
    plan.steps
        .iter()
        .map(|step| {
            let waits = step.after.iter().filter_map(|after| Some((key(plan.step(after.step)?), after.level)));
            let create_first = step.replacing.map(|replacing| replacing.create_first);
            (key(step), (&step.reason, &step.changes, create_first, waits.collect()))
        })
        .collect()
}

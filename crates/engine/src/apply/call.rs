//! The calls of steps: what they are made with, and what is known after them.

use std::collections::BTreeMap;

use aomidori_model::{Address, Compare, KindName, Reference, Stack, StackName, Value};
use aomidori_plan::{Action, FieldChange, Observation, Observed, Step, StepId};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::Work;
use super::step::{Answer, Op};
use crate::cloud::{Cloud, CloudError, ErrorKind, Known, Made, Want};
use crate::options::ApplyOptions;

/// Makes calls, and keeps what they made.
pub(super) struct Calls<'a, C> {
    cloud: &'a C,
    stack: &'a Stack,
    have: BTreeMap<(KindName, &'a str), &'a Observed>,
    run: &'a str,
    tags_only: bool,
    known: Known,
    lives: BTreeMap<StepId, String>,
}

/// Owns what a [`Want`] borrows, so that a call can outlive the scheduler's borrow.
struct Wanted<'a> {
    stack: &'a StackName,
    address: &'a Address,
    resource: &'a aomidori_model::Resource,
    tags: BTreeMap<String, String>,
    known: Known,
    token: String,
}

impl Wanted<'_> {
    fn want(&self) -> Want<'_> {
        Want {
            stack: self.stack,
            address: self.address,
            resource: self.resource,
            tags: &self.tags,
            known: &self.known,
            token: &self.token,
        }
    }
}

impl<'a, C: Cloud> Calls<'a, C> {
    pub(super) fn new(cloud: &'a C, work: Work<'a>, options: &'a ApplyOptions) -> Calls<'a, C> {
        let Work { plan, stack, observation, tags_only } = work;
        let have = observation.resources.iter().map(|found| ((found.kind, found.id.as_str()), found)).collect();
        let lives = plan.steps.iter().filter_map(|step| Some((step.id, step.live.clone()?))).collect();
        let known = known(stack, observation);
        Calls { cloud, stack, have, run: &options.run, tags_only, known, lives }
    }

    /// The live id that a step is about.
    pub(super) fn live(&self, step: &Step) -> Option<String> {
        self.lives.get(&step.id).cloned()
    }

    pub(super) fn into_known(self) -> Known {
        self.known
    }

    /// Takes down what a step's call made, or that it is on its way out.
    pub(super) fn called(&mut self, step: &Step, made: Option<Made>) {
        let known = &mut self.known;
        match (step.action, made) {
            (Action::Create | Action::Update | Action::Await, Some(made)) => {
                self.lives.insert(step.id, made.id.clone());
                known.insert(step.address.clone(), made);
            }
            (Action::Delete, _) => {
                // Its successor, if there is one already, stays.
                if step.live.is_some() && known.get(&step.address).map(|made| &made.id) == step.live.as_ref() {
                    known.remove(&step.address);
                }
            }
            (Action::Create | Action::Update | Action::Await, None) => {}
        }
    }

    /// A call, to be awaited in a slot.
    pub(super) fn call(&self, step: &'a Step, op: Op) -> BoxFuture<'a, Result<Answer, CloudError>> {
        let cloud = self.cloud;
        match op {
            Op::Create | Op::Find | Op::Complete(_) | Op::Update => {
                let wanted = match self.wanted(step) {
                    Ok(wanted) => wanted,
                    Err(error) => return std::future::ready(Err(error)).boxed(),
                };
                match op {
                    Op::Find => async move { cloud.find(wanted.want()).await.map(Answer::Found) }.boxed(),
                    Op::Complete(made) => {
                        let stack = self.stack;
                        async move { complete(cloud, stack, step, &wanted, made).await.map(Answer::Made) }.boxed()
                    }
                    Op::Update => {
                        let Some(have) = self.have(step) else { return missing(step) };
                        let changes = resolved(&step.changes, &wanted.known);
                        async move { cloud.update(wanted.want(), have, &changes).await.map(Answer::Made) }.boxed()
                    }
                    _ => async move { cloud.create(wanted.want()).await.map(Answer::Made) }.boxed(),
                }
            }
            Op::Delete => {
                let Some(have) = self.have(step) else { return missing(step) };
                async move { cloud.delete(have).await.map(|()| Answer::Deleted) }.boxed()
            }
            Op::Poll => {
                let Some(id) = self.live(step) else { return missing(step) };
                async move { cloud.progress(step.kind, &id).await.map(Answer::Progress) }.boxed()
            }
        }
    }

    /// Asks what holds the resource of a step.
    pub(super) fn holders(&self, step: &'a Step) -> Option<BoxFuture<'a, Vec<String>>> {
        let (cloud, have) = (self.cloud, self.have(step)?);
        Some(async move { cloud.holders(have).await }.boxed())
    }

    fn have(&self, step: &Step) -> Option<&'a Observed> {
        self.have.get(&(step.kind, step.live.as_deref()?)).copied()
    }

    fn wanted(&self, step: &'a Step) -> Result<Wanted<'a>, CloudError> {
        let entry = self
            .stack
            .get(&step.address)
            .ok_or_else(|| CloudError::bug(format!("{} is planned and not in the stack", step.address)))?;
        let tags = match self.have(step).filter(|_| self.tags_only) {
            Some(have) => {
                let lookup = |reference: &Reference| self.known.lookup(reference);
                aomidori_plan::marks(self.stack, &step.address, &entry.resource.fields(), &have.tags, &lookup)
            }
            None => tags(self.stack, &step.address, &self.known)?,
        };
        Ok(Wanted {
            stack: self.stack.name(),
            address: &step.address,
            resource: &entry.resource,
            tags,
            known: self.known.clone(),
            token: format!("{}-{}", self.run, step.id.0),
        })
    }
}

/// Every tag that a resource shall have: users', ownership, and the record of its parts with its references resolved.
pub(crate) fn tags(stack: &Stack, address: &Address, known: &Known) -> Result<BTreeMap<String, String>, CloudError> {
    let Some(entry) = stack.get(address) else { return Ok(BTreeMap::new()) };
    let fields = entry.resource.fields();
    let lookup = |reference: &Reference| known.lookup(reference);
    for field in fields.iter().filter(|field| field.compare == Compare::Parts) {
        // The keys of a map are its parts; of a set, its elements are.
        if matches!(field.value, Value::Set(_)) && !field.value.resolve(&lookup).is_known() {
            return Err(CloudError::bug(format!("parts of {address} refer to what is not there yet")));
        }
    }
    Ok(stack.complete_tags(address, &fields, &lookup))
}

/// Brings what an unanswered create made to its end: exactly what the next run would do with it.
async fn complete<C: Cloud>(
    cloud: &C,
    stack: &Stack,
    step: &Step,
    wanted: &Wanted<'_>,
    made: Made,
) -> Result<Made, CloudError> {
    let observation = cloud.observe(stack).await?;
    let not_yet = || CloudError {
        kind: ErrorKind::NotYet,
        operation: "observe".into(),
        code: None,
        message: format!("{} was made and is not visible yet", made.id),
    };
    let have = observation
        .resources
        .iter()
        .find(|found| found.kind == step.kind && found.id == made.id)
        .ok_or_else(not_yet)?;
    let plan = aomidori_plan::plan(stack, &observation)
        .map_err(|error| CloudError::bug(format!("an unanswered create cannot be completed: {error}")))?;
    let next = plan.steps.iter().find(|next| next.kind == step.kind && next.live.as_ref() == Some(&made.id));
    match next.map(|next| (next.action, next)) {
        None | Some((Action::Await, _)) => Ok(made),
        Some((Action::Update, next)) => {
            let changes = resolved(&next.changes, &wanted.known);
            cloud.update(wanted.want(), have, &changes).await
        }
        Some((Action::Create | Action::Delete, next)) => Err(CloudError {
            kind: ErrorKind::Refused,
            operation: "create".into(),
            code: None,
            message: format!("an unanswered create made {}, which cannot be kept ({:?})", made.id, next.reason),
        }),
    }
}

/// Changes with the references that are known by now as texts.
fn resolved(changes: &[FieldChange], known: &Known) -> Vec<FieldChange> {
    let lookup = |reference: &Reference| known.lookup(reference);
    changes.iter().map(|change| FieldChange { after: change.after.resolve(&lookup), ..change.clone() }).collect()
}

fn missing<'a>(step: &Step) -> BoxFuture<'a, Result<Answer, CloudError>> {
    let error = CloudError::bug(format!("{} is planned to change and was not observed", step.address));
    std::future::ready(Err(error)).boxed()
}

/// What is live, by address: where there are several, the one that the plan keeps or replaces. A step that makes another
/// takes its place, one that deletes it removes it.
fn known(stack: &Stack, observation: &Observation) -> Known {
    let mut known = Known::default();
    // There is a plan, so this cannot fail; and to know nothing is said where it matters.
    for (address, found) in aomidori_plan::current(stack, observation).unwrap_or_default() {
        known.insert(address, Made { id: found.id.clone(), outputs: found.outputs.clone() });
    }
    known
}

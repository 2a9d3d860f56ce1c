//! A tiny cloud in memory: it applies the steps of a plan, and refuses what AWS refuses.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::{Address, Compare, Fields, KindName, Need, Owner, Reference, Stack, Target, Value};

use super::Dice;
use super::values::{by_id, changed, is, is_named, refs, with_value};
use crate::{Action, Busy, Level, Observation, Observed, Ownership, Plan, Status, Step, StepId, current, replace};

/// Live resources, and whatever else is in the account.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// What is there.
    pub items: Vec<Item>,
    pub(super) minted: u32,
}

/// One thing in a [`World`].
pub type Item = Observed;

/// The cloud refuses a call: the plan is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The step.
    pub step: StepId,
    /// What it was about.
    pub address: Address,
    /// What the cloud says.
    pub why: String,
}

/// One run of a plan.
struct Run<'a> {
    want: &'a Stack,
    fields: BTreeMap<Address, Fields>,
    /// Ids by address, as the run knows them.
    known: BTreeMap<Address, (KindName, String)>,
}

const OUTPUTS: &[&str] = &["arn", "dns_name", "zone_id", "repository_url", "public_ip", "name"];

impl World {
    /// What an observer sees.
    pub fn observe(&self) -> Observation {
        Observation { account: "123456789012".into(), region: "eu-central-1".into(), resources: self.items.clone() }
    }

    /// Carries a plan out, one call or one end of a wait at a time, in an order that the dice choose among all that the
    /// plan allows. Stops after `most` of them; true if the plan is done.
    ///
    /// # Errors
    /// What AWS would refuse.
    pub fn run(&mut self, want: &Stack, plan: &Plan, dice: &mut Dice, most: usize) -> Result<bool, Refusal> {
        let seen = self.observe();
        let live = current(want, &seen).unwrap_or_default();
        let mut run = Run {
            want,
            fields: want.fields(),
            known: live.into_iter().map(|(address, item)| (address, (item.kind, item.id.clone()))).collect(),
        };
        let mut called: BTreeSet<StepId> = BTreeSet::new();
        let mut finished: BTreeSet<StepId> = BTreeSet::new();
        let mut made: BTreeMap<StepId, String> = BTreeMap::new();
        for _ in 0..most {
            let may_start = |step: &&Step| {
                !called.contains(&step.id)
                    && step.after.iter().all(|after| match after.level {
                        Level::Called => called.contains(&after.step),
                        Level::Finished => finished.contains(&after.step),
                    })
            };
            let started = |step: &&Step| called.contains(&step.id) && !finished.contains(&step.id);
            let events: Vec<(bool, &Step)> = plan
                .steps
                .iter()
                .filter(may_start)
                .map(|step| (true, step))
                .chain(plan.steps.iter().filter(started).map(|step| (false, step)))
                .collect();
            let Some((call, step)) = dice.choose(&events).copied() else { break };
            if call {
                let answer = self.call(&mut run, step).map_err(|why| Refusal {
                    step: step.id,
                    address: step.address.clone(),
                    why,
                })?;
                made.insert(step.id, answer);
                called.insert(step.id);
            } else {
                if let Some(id) = made.get(&step.id) {
                    self.finish(step.kind, id);
                }
                finished.insert(step.id);
            }
        }
        Ok(finished.len() == plan.steps.len())
    }

    /// Time passes: some of what is on its way arrives.
    pub fn settle(&mut self, dice: &mut Dice) {
        for (kind, id) in self.items.iter().map(|item| (item.kind, item.id.clone())).collect::<Vec<_>>() {
            if dice.roll(2) == 1 {
                self.finish(kind, &id);
            }
        }
    }

    fn finish(&mut self, kind: KindName, id: &str) {
        let Some(at) = self.items.iter().position(|item| item.kind == kind && item.id == id) else { return };
        match self.items.get(at).map(|item| item.status.clone()) {
            Some(Status::Pending(_)) => {
                if let Some(item) = self.items.get_mut(at) {
                    item.status = Status::Ready;
                }
            }
            Some(Status::Deleting(_)) => {
                self.items.remove(at);
            }
            Some(Status::Ready | Status::Stalled(_) | Status::Failed(_)) | None => {}
        }
    }

    /// The call of a step. Returns the id that it is about.
    fn call(&mut self, run: &mut Run<'_>, step: &Step) -> Result<String, String> {
        if let Some(id) = &step.live {
            let item = self.find(step.kind, id).ok_or(format!("{id} is not there"))?;
            if item.owner != Ownership::Ours(step.address.clone()) {
                return Err(format!("{id} is not ours"));
            }
            if step.action != Action::Await {
                self.refuse_busy(item)?;
            }
        }
        match (step.action, &step.live) {
            (Action::Create, None) => self.create(run, step),
            (Action::Update, Some(id)) => self.update(run, step, id),
            (Action::Delete, Some(id)) => self.delete(step.kind, id),
            (Action::Await, Some(id)) => Ok(id.clone()),
            (Action::Create, Some(_)) | (Action::Update | Action::Delete | Action::Await, None) => {
                Err("the step's live id does not fit its action".into())
            }
        }
    }

    fn create(&mut self, run: &mut Run<'_>, step: &Step) -> Result<String, String> {
        let entry = run.want.get(&step.address).ok_or("it is not wanted")?;
        let wanted = run.fields.get(&step.address).cloned().unwrap_or_default();
        for on in &entry.depends_on {
            self.demand(run.known.get(on), Need::Ready)?;
        }
        let mut fields = Fields::default();
        for field in &wanted {
            let mut value = self.settled(run, &field.value, field.needs)?;
            if field.compare == Compare::Within {
                value = self.one_side(value);
            }
            let slot = fields.add(field.name, value);
            slot.replaces = field.replaces;
            slot.owner = field.owner;
            slot.compare = field.compare;
            slot.needs = field.needs;
        }
        let tags = run.want.complete_tags(&step.address, &wanted, &|reference| self.lookup(run, reference));
        self.minted += 1;
        let id = match fields.value("name").as_str() {
            Some(name) if is_named(step.kind) => format!("{}/{name}", step.kind),
            _ => format!("{}-{}", step.kind, self.minted),
        };
        let pending = step.kind.info().timing.ready > 0;
        let item = Item {
            kind: step.kind,
            id: id.clone(),
            owner: Ownership::Ours(step.address.clone()),
            fields,
            tags,
            outputs: OUTPUTS.iter().map(|name| ((*name).to_owned(), format!("{id}/{name}"))).collect(),
            status: if pending { Status::Pending("pending".into()) } else { Status::Ready },
            busy: None,
        };
        self.check(&item)?;
        self.items.push(item);
        run.known.insert(step.address.clone(), (step.kind, id.clone()));
        Ok(id)
    }

    fn update(&mut self, run: &mut Run<'_>, step: &Step, id: &str) -> Result<String, String> {
        let wanted = run.fields.get(&step.address).cloned().ok_or("it is not wanted")?;
        let mut item = self.find(step.kind, id).cloned().ok_or("it is gone")?;
        if matches!(item.status, Status::Deleting(_) | Status::Failed(_)) {
            return Err(format!("it is {:?}", item.status));
        }
        for change in &step.changes {
            if change.field == "tags" {
                let keys = |value: &Value| match value {
                    Value::Map(map) => map.keys().cloned().collect(),
                    _ => BTreeSet::new(),
                };
                for gone in keys(&change.before).difference(&keys(&change.after)) {
                    item.tags.remove(gone);
                }
                item.tags.extend(run.want.complete_tags(&step.address, &wanted, &|r| self.lookup(run, r)));
                continue;
            }
            let field = wanted.get(&change.field).ok_or("no such field")?;
            if field.owner == Owner::CodeDeploy || field.replaces {
                return Err(format!("{} cannot be changed in place", change.field));
            }
            let mut then = self.settled(run, &field.value, field.needs)?;
            if field.compare == Compare::Within {
                then = self.one_side(then);
            }
            if item.kind == KindName::InternetGateway && change.field == "vpc_id" {
                self.refuse_mapped(&item)?;
            }
            let value = changed(field.compare, item.fields.value(field.name), change, then);
            item.fields = with_value(&item.fields, field.name, value);
        }
        self.check(&item)?;
        let vpcs = |item: &Item| if item.kind == KindName::LoadBalancer { self.vpcs(item) } else { BTreeSet::new() };
        if self.find(step.kind, id).is_some_and(|before| vpcs(before) != vpcs(&item)) {
            return Err("it cannot move to another VPC".into());
        }
        if item.kind.info().revisioned && step.changes.iter().any(|change| change.field != "tags") {
            self.minted += 1;
            item.id = format!("{}-{}", item.kind, self.minted);
        }
        let new = item.id.clone();
        if let Some(slot) = self.items.iter_mut().find(|slot| slot.kind == step.kind && slot.id == id) {
            *slot = item;
        }
        run.known.insert(step.address.clone(), (step.kind, new.clone()));
        Ok(new)
    }

    fn delete(&mut self, kind: KindName, id: &str) -> Result<String, String> {
        let item = self.find(kind, id).cloned().ok_or("it is gone")?;
        for user in self.items.iter().filter(|user| !matches!(user.owner, Ownership::Added { .. })) {
            let mut held = false;
            for field in &user.fields {
                field.value.for_each_ref(&mut |r| held |= is(r, &item) && replace::holds(user.kind, kind, true));
            }
            if held && user.id != item.id {
                return Err(format!("{} uses it", user.id));
            }
        }
        if kind == KindName::InternetGateway {
            self.refuse_mapped(&item)?;
        }
        if let Some(item) = self.items.iter_mut().find(|item| item.kind == kind && item.id == id) {
            item.status = Status::Deleting("deleting".into());
        }
        Ok(id.to_owned())
    }

    /// What holds for everything that is made or changed.
    pub(super) fn check(&self, item: &Item) -> Result<(), String> {
        let place = |item: &Item| -> replace::Place<'static> {
            replace::place(item.kind, |name| Cow::Owned(item.fields.value(name).resolve(&|_| None)))
        };
        let own = place(item);
        for other in self.items.iter().filter(|other| other.kind == item.kind && other.id != item.id) {
            if !matches!(other.owner, Ownership::Added { .. }) && replace::collide(item.kind, &own, &place(other)) {
                return Err(format!("{} has its name or place", other.id));
            }
        }
        if matches!(item.kind, KindName::NatGateway | KindName::LoadBalancer) {
            let vpcs = self.vpcs(item);
            if !self
                .items
                .iter()
                .any(|i| i.kind == KindName::InternetGateway && !refs(i.fields.value("vpc_id")).is_disjoint(&vpcs))
            {
                return Err("its VPC has no internet gateway".into());
            }
        }
        if item.kind == KindName::LoadBalancer && self.vpcs(item).len() > 1 {
            return Err("its subnets are in several VPCs".into());
        }
        if item.kind == KindName::EcsService {
            for group in refs(item.fields.value("load_balancer")) {
                if self.balancers(&group, "").is_empty() {
                    return Err(format!("{group} does not have an associated load balancer"));
                }
            }
        }
        if matches!(item.kind, KindName::Listener | KindName::ListenerRule) {
            let own = self.balancer_of(item);
            for group in refs(item.fields.value("action.forward")) {
                if self.balancers(&group, &item.id).iter().any(|other| Some(other) != own.as_ref()) {
                    return Err(format!("{group} belongs to another load balancer"));
                }
            }
        }
        Ok(())
    }

    /// The load balancers whose listeners and rules, but for one, forward to a target group.
    fn balancers(&self, group: &str, except: &str) -> BTreeSet<String> {
        self.items
            .iter()
            .filter(|item| matches!(item.kind, KindName::Listener | KindName::ListenerRule) && item.id != except)
            .filter(|item| {
                refs(item.fields.value("action.forward")).contains(group)
                    || refs(item.fields.value("action.forward_weights")).contains(group)
            })
            .filter_map(|item| self.balancer_of(item))
            .collect()
    }

    fn balancer_of(&self, item: &Item) -> Option<String> {
        let mut item = item;
        if item.kind == KindName::ListenerRule {
            let listener = refs(item.fields.value("listener_arn")).into_iter().next()?;
            item = self.find(KindName::Listener, &listener)?;
        }
        refs(item.fields.value("load_balancer_arn")).into_iter().next()
    }

    fn vpcs(&self, item: &Item) -> BTreeSet<String> {
        let mut vpcs = BTreeSet::new();
        for subnet in refs(item.fields.value("subnets")).into_iter().chain(refs(item.fields.value("subnet_id"))) {
            if let Some(subnet) = self.find(KindName::Subnet, &subnet) {
                vpcs.extend(refs(subnet.fields.value("vpc_id")));
            }
        }
        vpcs
    }

    fn refuse_mapped(&self, gateway: &Item) -> Result<(), String> {
        let vpcs = refs(gateway.fields.value("vpc_id"));
        let mapped = |item: &&Item| {
            matches!(item.kind, KindName::NatGateway | KindName::LoadBalancer) && !self.vpcs(item).is_disjoint(&vpcs)
        };
        match self.items.iter().find(mapped) {
            Some(item) => Err(format!("{} has mapped public addresses", item.id)),
            None => Ok(()),
        }
    }

    fn refuse_busy(&self, item: &Item) -> Result<(), String> {
        for group in self.items.iter().filter(|group| group.busy.as_ref().is_some_and(|busy| !busy.over)) {
            let mut inside = group.id == item.id && group.kind == item.kind;
            for field in &group.fields {
                field.value.for_each_ref(&mut |reference| {
                    let moved = matches!(item.kind, KindName::EcsService | KindName::TargetGroup | KindName::Listener);
                    inside |= moved && is(reference, item);
                });
            }
            if inside {
                return Err("a deployment is running on it".into());
            }
        }
        Ok(())
    }

    fn find(&self, kind: KindName, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.kind == kind && item.id == id)
    }

    fn demand(&self, known: Option<&(KindName, String)>, need: Need) -> Result<&Item, String> {
        let (kind, id) = known.ok_or("a reference is not known yet")?;
        let item = self.find(*kind, id).ok_or(format!("{id} is not there"))?;
        match (&item.status, need) {
            (Status::Deleting(_) | Status::Failed(_), _) | (Status::Pending(_), Need::Ready) => {
                Err(format!("{id} is {:?}", item.status))
            }
            (Status::Ready | Status::Stalled(_), _) | (Status::Pending(_), Need::Exists) => Ok(item),
        }
    }

    /// A wanted value with references to addresses as references to ids, and outputs as texts.
    fn settled(&self, run: &Run<'_>, value: &Value, need: Need) -> Result<Value, String> {
        let mut missing = None;
        value.for_each_ref(&mut |reference| {
            if let Target::Address(address) = &reference.target
                && let Err(why) = self.demand(run.known.get(address), need)
            {
                missing = Some(format!("{address}: {why}"));
            }
        });
        if let Some(missing) = missing {
            return Err(missing);
        }
        let outputs = value.resolve(&|reference| {
            reference.output.as_ref()?;
            self.lookup(run, reference)
        });
        Ok(by_id(&outputs, &run.known))
    }

    /// Of the sides of a pair the one whose tasks are live, as an applier finds it; the first if none are.
    fn one_side(&self, pair: Value) -> Value {
        let Value::Set(sides) = pair else { return pair };
        let services = self.items.iter().filter(|item| item.kind == KindName::EcsService);
        let live: BTreeSet<String> = services.flat_map(|item| refs(item.fields.value("load_balancer"))).collect();
        let side = sides.iter().find(|side| !refs(side).is_disjoint(&live)).or_else(|| sides.first());
        Value::Set(side.into_iter().cloned().collect())
    }

    fn lookup(&self, run: &Run<'_>, reference: &Reference) -> Option<String> {
        let Target::Address(address) = &reference.target else { return None };
        let (kind, id) = run.known.get(address)?;
        self.find(*kind, id)?.output(reference.output.as_deref()).map(str::to_owned)
    }

    /// The first thing of ours at an address.
    pub fn at(&mut self, address: &str) -> Option<&mut Item> {
        self.items.iter_mut().find(|item| matches!(&item.owner, Ownership::Ours(at) if at.as_str() == address))
    }

    /// Changes a field of the first thing of ours at an address.
    pub fn set(&mut self, address: &str, field: &str, value: Value) {
        if let Some(item) = self.at(address) {
            item.fields = with_value(&item.fields, field, value);
        }
    }

    /// Starts a deployment on each deployment group, or ends it.
    pub fn deploy(&mut self, running: bool) {
        for item in self.items.iter_mut().filter(|item| item.kind == KindName::DeploymentGroup) {
            item.busy = running.then(|| Busy { deployment: "d-1".into(), status: "InProgress".into(), over: false });
        }
    }
}

//! Describing what is live: from observed fields back to a stack.
//!
//! Each kind's fields are put into the form of the stack file and read from there, so that the model's own rules hold. Then
//! the result's fields are compared with the observed ones: what the model cannot say is named, not dropped.
//!
//! What is described must be described wholly: a plan over it finds nothing to do. What cannot be so is left out, and
//! referred to by its id as something that exists. That is decided here by the kind's fields and the model's validation, and
//! by [`differing`], which asks the planner.

mod address;
mod differing;
mod pairs;
mod spec;
mod usual;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::kinds::ecr_repository::LifecyclePolicy;
use aomidori_model::{Address, Compare, Field, KindName, PolicyDocument, Reference, Resource, Stack, StackName};
use aomidori_model::{Target, Value, ownership};
use aomidori_plan::{Observation, Observed};

use crate::claims::{Claims, key, stray};
use crate::walk::{Walk, untagged_id};
use address::Addresses;
pub use differing::differing;
use pairs::Pairs;
use value::Reader;
pub use value::repository;

/// What is left out of a description and referred to by its id, with the reason.
pub type LeftOut = BTreeMap<(KindName, String), String>;

/// A stack that describes what is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The stack.
    pub stack: Stack,
    /// What each address is.
    pub places: BTreeMap<Address, (KindName, String)>,
    /// What of it takes tags: to be marked.
    pub claims: Claims,
    /// What the stack does not say of what it describes.
    pub unsaid: Vec<Unsaid>,
    /// What it does not describe.
    pub left_out: LeftOut,
}

impl Description {
    /// What is to be looked at as the stack's in order to describe it better: all that the walk found, at the addresses that
    /// this description gives.
    pub fn claims_of(&self, walk: &Walk) -> Claims {
        let mut claims = walk.claims.clone();
        for (kind, id, address) in self.claims.iter() {
            claims.add(kind, id, address.clone());
        }
        claims
    }
}

/// Something that a stack cannot say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unsaid {
    /// What it is said of, but for this.
    pub address: Address,
    /// What is not said.
    pub what: String,
}

/// Describes what a walk found, as a stack of this name, without what is `left_out` beforehand.
pub fn describe(name: &StackName, have: &Observation, walk: &Walk, left_out: &LeftOut) -> Description {
    let shut = walk.beyond.iter().filter(|beyond| beyond.shuts);
    let shut = shut.map(|it| ((it.kind, key(it.kind, &it.id).to_owned()), it.what.clone()));
    let mut left_out: LeftOut = shut.chain(left_out.clone()).collect();
    for seen in &have.resources {
        if let Some(stack) = of_another(seen, name) {
            left_out.insert((seen.kind, key(seen.kind, &seen.id).to_owned()), format!("it is of the stack `{stack}`"));
        }
    }
    left_out.retain(|place, _| walk.found.contains(place));
    loop {
        let Attempt { mut described, failed } = attempt(name.clone(), have, walk, &left_out);
        let more = if failed.is_empty() { invalid(&mut described) } else { failed };
        if more.is_empty() {
            unseen(&mut described, have, walk, &mut left_out);
            described.left_out = left_out;
            described.unsaid.sort();
            described.unsaid.dedup();
            return described;
        }
        left_out.extend(more);
    }
}

/// The stack that something carries the mark of, if it is another one than this.
pub fn of_another(seen: &Observed, name: &StackName) -> Option<String> {
    seen.marks().stack.filter(|stack| stack != name.as_str())
}

/// A first description, of what an observer reads without being told what to read. Nothing in it is judged yet.
pub fn sketch(name: &StackName, have: &Observation, walk: &Walk) -> Description {
    attempt(name.clone(), have, walk, &LeftOut::new()).described
}

/// The same stack with all declared that an observer reads only where it is declared, and with what takes no tags, which an
/// observer looks for only where it is wanted.
pub fn declare(stack: &Stack, walk: &Walk) -> Stack {
    let mut declared = stack.clone();
    let some = || BTreeMap::from([("deletion_protection.enabled".to_owned(), "false".to_owned())]);
    for (address, _) in stack.iter() {
        match declared.get_mut(address).map(|entry| &mut entry.resource) {
            Some(Resource::Vpc(vpc)) => (vpc.dns_support, vpc.dns_hostnames) = (Some(true), Some(true)),
            Some(Resource::Subnet(subnet)) => subnet.map_public_ip_on_launch = Some(false),
            Some(Resource::VpcEndpoint(endpoint)) => endpoint.policy = Some(PolicyDocument::default()),
            Some(Resource::IamRole(role)) => role.description = Some(String::new()),
            Some(Resource::EcrRepository(repository)) => {
                repository.lifecycle = Some(LifecyclePolicy { generations: None, rules: Vec::new() });
            }
            Some(Resource::LoadBalancer(balancer)) => balancer.attributes = some(),
            Some(Resource::TargetGroup(group)) => group.attributes = some(),
            _ => {}
        }
    }
    for resource in &walk.untagged {
        if untagged_id(resource)
            .is_some_and(|id| stack.iter().any(|(_, it)| untagged_id(&it.resource) == Some(id.clone())))
        {
            continue;
        }
        if let Some(address) = untagged_id(resource).and_then(|id| stray(resource.kind(), &id)) {
            // Of two names that differ in signs alone the second is not looked for: told as not there.
            let _ = declared.put(address, resource.clone());
        }
    }
    declared
}

struct Attempt {
    described: Description,
    failed: LeftOut,
}

fn attempt(name: StackName, have: &Observation, walk: &Walk, left_out: &LeftOut) -> Attempt {
    let place = |seen: &Observed| (seen.kind, key(seen.kind, &seen.id).to_owned());
    let is_chosen = |seen: &&Observed| walk.found.contains(&place(seen)) && !left_out.contains_key(&place(seen));
    let chosen: Vec<&Observed> = have.resources.iter().filter(is_chosen).collect();
    let addresses = address::addresses(&name, &chosen);
    let pairs = Pairs::new(&chosen, &walk.swings);
    let shared = shared_tags(&chosen);
    let mut described = Description {
        stack: Stack::new(name),
        places: BTreeMap::new(),
        claims: Claims::default(),
        unsaid: Vec::new(),
        left_out: LeftOut::new(),
    };
    described.stack.tags.clone_from(&shared);
    let mut failed = LeftOut::new();
    for seen in &chosen {
        let Some(address) = addresses.get(&place(seen)) else { continue };
        let reader = Reader::new(seen, &addresses);
        let resource = spec::spec(seen.kind, &reader, &pairs)
            .and_then(|spec| Resource::from_json(seen.kind, spec).map_err(|error| error.path().to_string()));
        let resource = match resource {
            Ok(resource) => resource,
            Err(field) => {
                let why = match seen.kind {
                    KindName::DnsRecord => "it leads to a load balancer that is not described".to_owned(),
                    _ => format!("a stack cannot say its `{field}`"),
                };
                failed.insert(place(seen), why);
                continue;
            }
        };
        let mut unsaid: Vec<String> = lost(&resource, &reader, &addresses);
        let of_it =
            walk.beyond.iter().filter(|it| it.kind == seen.kind && key(it.kind, &it.id) == key(seen.kind, &seen.id));
        unsaid.extend(of_it.map(|it| it.what.clone()));
        if described.stack.put(address.clone(), resource).is_ok() {
            // What the stack gives it anyhow is not said again: a second description is the same as the first.
            let given = described.stack.user_tags(address);
            if let Some(entry) = described.stack.get_mut(address)
                && seen.kind.info().taggable
            {
                let own = seen.tags.iter().filter(|(key, value)| given.get(*key) != Some(*value));
                let (legal, illegal): (Vec<_>, Vec<_>) =
                    own.filter(|(key, _)| !is_ours(key)).partition(|(key, value)| is_legal(key, value));
                entry.tags = legal.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect();
                unsaid.extend(illegal.into_iter().map(|(key, _)| format!("the tag `{key}`")));
            }
            described.places.insert(address.clone(), place(seen));
            described.claims.add(seen.kind, &seen.id, address.clone());
            described.unsaid.extend(unsaid.into_iter().map(|what| Unsaid { address: address.clone(), what }));
        }
    }
    Attempt { described, failed }
}

/// What the model's validation finds wrong with a description. AWS has it all the same, so it stays as it is, outside.
/// That packets do not arrive is no reason: it is accepted, and said.
fn invalid(described: &mut Description) -> LeftOut {
    let (reach, problems): (Vec<_>, Vec<_>) =
        described.stack.validate().into_iter().partition(aomidori_model::Problem::is_of_reach);
    for problem in reach {
        let Some(address) = problem.address else { continue };
        let codes = described.stack.accepted.entry(address.clone()).or_default();
        codes.insert(problem.code.0.to_owned());
        let what = format!("accepted as it is live, {}: {}", problem.code.0, problem.message);
        described.unsaid.push(Unsaid { address, what });
    }
    let at = problems.iter().filter_map(|problem| {
        let place = described.places.get(problem.address.as_ref()?)?;
        Some((place.clone(), format!("{}: {}", problem.code.0, problem.message)))
    });
    at.collect()
}

/// Names what was found on the way and is in no observation.
fn unseen(described: &mut Description, have: &Observation, walk: &Walk, left_out: &mut LeftOut) {
    let seen: BTreeSet<(KindName, &str)> = have.resources.iter().map(|it| (it.kind, key(it.kind, &it.id))).collect();
    for (kind, id) in &walk.found {
        if !seen.contains(&(*kind, id.as_str())) {
            let why = "it is not there any more, in another account or region, or of a sort that is not read";
            left_out.entry((*kind, id.clone())).or_insert_with(|| why.to_owned());
        }
    }
    behind(described, have, left_out);
    // What is said twice is said once: a resource that is left out says nothing of its parts.
    described.unsaid.retain(|unsaid| described.places.contains_key(&unsaid.address));
}

/// Names services that are not described and get their requests through a target group that is: with it goes their way in.
fn behind(described: &mut Description, have: &Observation, left_out: &LeftOut) {
    let groups: BTreeMap<&(KindName, String), &Address> =
        described.places.iter().map(|(address, place)| (place, address)).collect();
    let mut more = Vec::new();
    for seen in have.resources.iter().filter(|seen| seen.kind == KindName::EcsService) {
        if groups.contains_key(&(seen.kind, seen.id.clone())) {
            continue;
        }
        seen.fields.value("load_balancer").for_each_ref(&mut |reference| {
            let Target::Id(id) = &reference.target else { return };
            if let Some(address) = groups.get(&(reference.kind, id.clone())) {
                let name = seen.id.rsplit('/').next().unwrap_or(&seen.id);
                let what = match left_out.get(&(seen.kind, seen.id.clone())) {
                    Some(why) => format!(
                        "that the service {name}, which is left out ({why}), gets its requests through it: `down` takes its \
                         way in"
                    ),
                    None => format!(
                        "that the service {name}, which is not described, gets its requests through it: name it, too, or \
                         `down` takes its way in"
                    ),
                };
                more.push(Unsaid { address: (*address).clone(), what });
            }
        });
    }
    described.unsaid.extend(more);
}

/// True for tags that this program uses itself.
fn is_ours(key: &str) -> bool {
    key.to_ascii_lowercase().starts_with("aomidori:")
}

fn is_legal(key: &str, value: &str) -> bool {
    ownership::tag_fault(key, value).is_none()
}

/// Tags that everything has that can have tags.
fn shared_tags(chosen: &[&Observed]) -> BTreeMap<String, String> {
    // Rules that were written into their group have no tags, whatever all else has; marks they get like all else.
    let rule = |seen: &Observed| seen.kind == KindName::SecurityGroupRule && seen.tags.is_empty();
    let mut tagged = chosen.iter().filter(|seen| seen.kind.info().taggable && !rule(seen));
    let Some(first) = tagged.next() else { return BTreeMap::new() };
    let mut shared = first.tags.clone();
    shared.retain(|key, value| key != "Name" && !is_ours(key) && is_legal(key, value));
    for seen in tagged {
        shared.retain(|key, value| seen.tags.get(key) == Some(value));
    }
    shared
}

/// The observed fields that the described resource does not have, or has otherwise.
fn lost(resource: &Resource, reader: &Reader<'_>, addresses: &Addresses) -> Vec<String> {
    let ids: BTreeMap<&Address, &str> = addresses.iter().map(|((_, id), address)| (address, id.as_str())).collect();
    let lookup = |reference: &Reference| match (&reference.target, reference.output.as_deref()) {
        (Target::Address(address), None) => reader.live_id(reference.kind, ids.get(address)?),
        // An image by its repository: compared by the part that the reference stands for.
        _ => None,
    };
    let fields = resource.fields();
    let lost = fields.iter().filter(|field| is_lost(field, &field.value.resolve(&lookup), reader.value(field.name)));
    lost.map(|field| field.name.to_owned()).collect()
}

/// True if what is live is not what is said.
pub(crate) fn is_lost(field: &Field, said: &Value, live: &Value) -> bool {
    match (field.compare, said, live) {
        (_, Value::Null, Value::Null) => false,
        // What AWS says where there is nothing to say.
        (_, Value::Null, Value::Str(live)) if live.is_empty() => false,
        (_, Value::Null, Value::Map(live)) if live.is_empty() => false,
        (_, Value::Null, Value::Str(live)) if field.name == "path" => live != "/",
        (_, Value::Null, Value::Str(live)) if field.name == "runtime_platform.cpu_architecture" => live != "X86_64",
        (_, Value::Null, live) if field.name == "policy" => !usual::is_open_policy(live),
        // Capacity providers say it instead.
        (_, Value::Null, _) if field.name == "launch_type" => false,
        // A forward without weights is one to a single group, or to a pair whose weights a deployment moves.
        (_, Value::Null, _) if field.name == "action.forward_weights" => false,
        (_, said, _) if !said.is_known() => false,
        (Compare::Within, Value::Set(said), Value::Set(live)) => !live.is_subset(said),
        (Compare::DeclaredKeys, _, _) => false,
        (_, said, live) => said != live,
    }
}

//! Which live resource is which address of a stack.
//!
//! Two graphs are laid over each other: what is wanted, its references by address, and what is live, its references by id.
//! What makes a resource the one that an address wants is what AWS cannot change about it: the fields that force a
//! replacement, and those that no two living resources share. So nothing that is placed is created again. Where these leave
//! several (route tables of one VPC), what they refer to and have in common decides; what stays open is not guessed.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::ownership::Marks;
use aomidori_model::{Address, Compare, Field, Fields, KindName, Owner, Reference, Stack, Target, Value};
use aomidori_plan::{Observation, Observed};

use crate::claims::{Claims, key};
use crate::walk::untagged_id;

/// A live resource that may be one of the stack's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// Its kind.
    pub kind: KindName,
    /// Its id, in the kind's sense.
    pub id: String,
    /// What it is called where it comes from (Terraform's address).
    pub name: String,
}

/// What was found out about all candidates and addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// What each address is.
    pub placed: BTreeMap<Address, Candidate>,
    /// Those among them that carry the stack's mark already, or need none.
    pub settled: BTreeSet<Address>,
    /// Candidates without an address.
    pub left: Vec<(Candidate, Unplaced)>,
    /// Addresses of which nothing is there.
    pub missing: Vec<Address>,
}

/// Why a candidate has no address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unplaced {
    /// It is not there any more, or what it stands in is not among the candidates.
    Gone,
    /// It carries the mark of another stack.
    OtherStack(String),
    /// It takes no tags, so that nothing can mark it.
    Untaggable,
    /// It is what an address wants, but for fields that cannot be changed in place.
    Differs {
        /// The address.
        address: Address,
        /// The fields.
        fields: Vec<&'static str>,
    },
    /// It refers to something that has no address itself.
    Unreached {
        /// The address that it would have.
        address: Address,
        /// Fields that refer to what is not placed.
        fields: Vec<&'static str>,
    },
    /// Several addresses want it as much, or others as much as it.
    Ambiguous(Vec<Address>),
    /// No address wants anything like it; it may not have been looked for.
    NotInStack,
}

impl Placement {
    /// What is to be marked.
    pub fn claims(&self) -> Claims {
        let mut claims = Claims::default();
        for (address, candidate) in self.placed.iter().filter(|(address, _)| !self.settled.contains(address)) {
            claims.add(candidate.kind, &candidate.id, address.clone());
        }
        claims
    }

    /// Candidates that carry another stack's mark, with that stack.
    pub fn others(&self) -> impl Iterator<Item = (&Candidate, &str)> {
        self.left.iter().filter_map(|(candidate, why)| match why {
            Unplaced::OtherStack(stack) => Some((candidate, stack.as_str())),
            _ => None,
        })
    }
}

/// Places candidates. `have` was observed with a claim for each; what is in it and neither a candidate nor marked is not
/// looked at.
pub fn place(stack: &Stack, candidates: &[Candidate], have: &Observation) -> Placement {
    let mut board = Board::new(stack, candidates, have);
    board.settle();
    while board.follow() || board.certain() || board.likely() {}
    board.check();
    board.placement(candidates)
}

/// How much a candidate is what an address wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Fit {
    /// Unchangeable fields that differ.
    differ: Vec<&'static str>,
    /// Unchangeable fields that refer to what is not placed yet.
    open: Vec<&'static str>,
    /// Unchangeable fields that agree.
    agree: usize,
    /// What agrees among the rest.
    common: usize,
}

struct Board<'a> {
    stack: &'a Stack,
    /// What is wanted, by address.
    wanted: BTreeMap<&'a Address, (KindName, Fields)>,
    /// What is live and may be placed: its number in `live` by kind and id.
    live: Vec<Live<'a>>,
    observed: BTreeMap<(KindName, &'a str), &'a Observed>,
    placed: BTreeMap<&'a Address, usize>,
    taken: BTreeSet<usize>,
    /// Why something is not placed that nearly was.
    why: BTreeMap<usize, Unplaced>,
}

struct Live<'a> {
    seen: &'a Observed,
    values: BTreeMap<&'static str, Value>,
}

impl<'a> Board<'a> {
    fn new(stack: &'a Stack, candidates: &[Candidate], have: &'a Observation) -> Board<'a> {
        let wanted = stack.iter().map(|(at, entry)| (at, (entry.resource.kind(), entry.resource.fields()))).collect();
        let observed: BTreeMap<(KindName, &str), &Observed> =
            have.resources.iter().map(|seen| ((seen.kind, seen.id.as_str()), seen)).collect();
        let among: BTreeSet<(KindName, &str)> = candidates.iter().map(|it| (it.kind, key(it.kind, &it.id))).collect();
        let lookup = |reference: &Reference| match &reference.target {
            Target::Id(id) => {
                observed.get(&(reference.kind, id.as_str()))?.output(reference.output.as_deref()).map(str::to_owned)
            }
            Target::Address(_) => None,
        };
        let mut live: Vec<Live<'_>> = have
            .resources
            .iter()
            .filter(|seen| {
                among.contains(&(seen.kind, key(seen.kind, &seen.id))) || seen.marks().belongs_to(stack.name())
            })
            .map(|seen| Live {
                seen,
                values: seen.fields.iter().map(|field| (field.name, field.value.resolve(&lookup))).collect(),
            })
            .collect();
        live.sort_by(|a, b| (a.seen.kind, &a.seen.id).cmp(&(b.seen.kind, &b.seen.id)));
        Board { stack, wanted, live, observed, placed: BTreeMap::new(), taken: BTreeSet::new(), why: BTreeMap::new() }
    }

    fn put(&mut self, address: &'a Address, n: usize) {
        self.placed.insert(address, n);
        self.taken.insert(n);
    }

    /// What carries the stack's mark is where its mark says; what cannot carry one is where it was observed.
    fn settle(&mut self) {
        for n in 0..self.live.len() {
            let Some(seen) = self.live.get(n).map(|live| live.seen) else { continue };
            let marks = Marks::of(&seen.tags);
            let at = match &seen.owner {
                _ if marks.belongs_to(self.stack.name()) => marks.address.as_ref(),
                aomidori_plan::Ownership::Ours(at) if !seen.kind.info().taggable => Some(at),
                _ => None,
            };
            let at = at.and_then(|at| self.wanted.get_key_value(at));
            if let Some((address, (kind, _))) = at
                && *kind == seen.kind
                && !self.placed.contains_key(*address)
            {
                let address = *address;
                self.put(address, n);
            }
        }
    }

    /// True if it may be placed still.
    fn is_free(&self, n: usize) -> bool {
        let Some(live) = self.live.get(n) else { return false };
        !self.taken.contains(&n)
            && live.seen.kind.info().taggable
            && Marks::of(&live.seen.tags).stack.is_none_or(|stack| stack == self.stack.name().as_str())
    }

    fn free(&self, kind: KindName) -> impl Iterator<Item = usize> {
        let all = self.live.iter().enumerate().filter(move |(_, live)| live.seen.kind == kind).map(|(n, _)| n);
        all.filter(|n| self.is_free(*n))
    }

    fn lookup(&self, reference: &Reference) -> Option<String> {
        match &reference.target {
            Target::Address(address) => {
                let live = self.live.get(*self.placed.get(address)?)?;
                live.seen.output(reference.output.as_deref()).map(str::to_owned)
            }
            Target::Id(id) => self
                .observed
                .get(&(reference.kind, id.as_str()))?
                .output(reference.output.as_deref())
                .map(str::to_owned),
        }
    }

    fn fit(&self, address: &Address, n: usize) -> Fit {
        let mut fit = Fit::default();
        let (Some((kind, fields)), Some(live)) = (self.wanted.get(address), self.live.get(n)) else { return fit };
        for field in fields.iter().filter(|field| !field.value.is_null()) {
            let want = field.value.resolve(&|reference| self.lookup(reference));
            let have = live.values.get(field.name).unwrap_or(&Value::Null);
            if !is_key(*kind, field) {
                fit.common += common(&want, have);
                continue;
            }
            if same(field, &want, have) {
                fit.agree += 1;
            } else if want.is_known() {
                fit.differ.push(field.name);
            } else {
                fit.open.push(field.name);
            }
        }
        // A name in the console is a hint of what its maker meant.
        let name = |tags: &BTreeMap<String, String>| tags.get("Name").cloned();
        if name(&self.stack.user_tags(address)).is_some_and(|wanted| name(&live.seen.tags) == Some(wanted)) {
            fit.common += 1;
        }
        fit
    }

    fn unplaced(&self) -> Vec<(&'a Address, KindName)> {
        let open = self.wanted.iter().filter(|(address, _)| !self.placed.contains_key(**address));
        open.map(|(address, (kind, _))| (*address, *kind)).collect()
    }

    /// Places what something placed refers to: the one that the live resource refers to in the same field.
    fn follow(&mut self) -> bool {
        let mut found = Vec::new();
        for (address, n) in &self.placed {
            let (Some((_, fields)), Some(live)) = (self.wanted.get(*address), self.live.get(*n)) else { continue };
            for field in fields {
                // What a deployment controller has moved since says nothing about what is wanted.
                if let (Owner::Us, Value::Ref(reference), Some(id)) =
                    (field.owner, &field.value, live.values.get(field.name).and_then(Value::as_str))
                    && let Reference { kind, target: Target::Address(to), output: None } = &**reference
                {
                    found.push((*kind, to.clone(), id.to_owned()));
                }
            }
        }
        let mut any = false;
        for (kind, to, id) in found {
            let Some((to, of)) = self.wanted.get_key_value(&to).map(|(to, (of, _))| (*to, *of)) else { continue };
            if of != kind || self.placed.contains_key(to) {
                continue;
            }
            let there = self.free(kind).find(|n| self.live.get(*n).is_some_and(|live| live.seen.id == id));
            if let Some(n) = there
                && self.fit(to, n).differ.is_empty()
            {
                self.put(to, n);
                any = true;
            }
        }
        any
    }

    /// Places what agrees in all that cannot be changed, if nothing else does so.
    fn certain(&mut self) -> bool {
        let mut wanting: BTreeMap<usize, Vec<&'a Address>> = BTreeMap::new();
        let mut wanted: BTreeMap<&'a Address, usize> = BTreeMap::new();
        for (address, kind) in self.unplaced() {
            for n in self.free(kind).collect::<Vec<_>>() {
                let fit = self.fit(address, n);
                if fit.differ.is_empty() && fit.open.is_empty() && fit.agree > 0 {
                    wanting.entry(n).or_default().push(address);
                    *wanted.entry(address).or_default() += 1;
                }
            }
        }
        let pairs: Vec<(&'a Address, usize)> = wanting
            .into_iter()
            .filter_map(|(n, addresses)| match addresses[..] {
                [only] if wanted.get(only) == Some(&1) => Some((only, n)),
                _ => None,
            })
            .collect();
        for (address, n) in &pairs {
            self.put(address, *n);
        }
        !pairs.is_empty()
    }

    /// Places one pair of which each likes the other better than any third: the one with the most in common.
    fn likely(&mut self) -> bool {
        let mut pairs: Vec<(&'a Address, usize, (usize, usize))> = Vec::new();
        for (address, kind) in self.unplaced() {
            for n in self.free(kind) {
                let fit = self.fit(address, n);
                if fit.differ.is_empty() {
                    pairs.push((address, n, (fit.agree, fit.common)));
                }
            }
        }
        let best = pairs.iter().filter(|(address, n, score)| {
            let rivals = pairs.iter().filter(|(a, m, _)| (a == address) != (m == n));
            let mut rivals = rivals.peekable();
            // Without anything in common only those may be one that have no other choice.
            let alone = rivals.peek().is_none();
            (alone || *score > (0, 0)) && rivals.all(|(_, _, other)| other < score)
        });
        let best = best.max_by_key(|(address, n, score)| (*score, std::cmp::Reverse((*address, *n))));
        let Some((address, n, _)) = best.copied() else { return false };
        self.put(address, n);
        true
    }

    /// Takes back what turned out to differ, or to refer to what is not placed, until all that stays holds together.
    fn check(&mut self) {
        loop {
            let wrong = self.placed.iter().find_map(|(address, n)| {
                let live = self.live.get(*n)?;
                if !live.seen.kind.info().taggable || live.seen.marks().belongs_to(self.stack.name()) {
                    return None;
                }
                let Fit { differ, open, .. } = self.fit(address, *n);
                let address = (*address).clone();
                match (differ.is_empty(), open.is_empty()) {
                    (false, _) => Some((*n, Unplaced::Differs { address, fields: differ })),
                    (true, false) => Some((*n, Unplaced::Unreached { address, fields: open })),
                    (true, true) => None,
                }
            });
            let Some((n, why)) = wrong else { return };
            self.placed.retain(|_, placed| *placed != n);
            self.taken.remove(&n);
            self.why.insert(n, why);
        }
    }

    fn placement(&self, candidates: &[Candidate]) -> Placement {
        let mut placement = Placement::default();
        let given: BTreeMap<(KindName, &str), &Candidate> =
            candidates.iter().map(|it| ((it.kind, key(it.kind, &it.id)), it)).collect();
        for (address, n) in &self.placed {
            let Some(live) = self.live.get(*n) else { continue };
            let (kind, id) = (live.seen.kind, live.seen.id.clone());
            let name = given.get(&(kind, key(kind, &id))).map_or_else(|| id.clone(), |it| it.name.clone());
            if !kind.info().taggable || live.seen.marks().belongs_to(self.stack.name()) {
                placement.settled.insert((*address).clone());
            }
            placement.placed.insert((*address).clone(), Candidate { kind, id, name });
        }
        let numbers: BTreeMap<(KindName, &str), usize> = self
            .live
            .iter()
            .enumerate()
            .map(|(n, live)| ((live.seen.kind, key(live.seen.kind, &live.seen.id)), n))
            .collect();
        for candidate in given.values() {
            let n = numbers.get(&(candidate.kind, key(candidate.kind, &candidate.id))).copied();
            if n.is_none_or(|n| !self.taken.contains(&n)) {
                let why = n.map_or_else(|| self.unseen(candidate), |n| self.reason(n));
                placement.left.push(((*candidate).clone(), why));
            }
        }
        placement.left.sort_by(|a, b| a.0.name.cmp(&b.0.name));
        placement.missing = self.unplaced().into_iter().map(|(address, _)| address.clone()).collect();
        placement
    }

    /// Why one was not seen: it is gone, or nobody looked for it. What takes no tags is looked for only where the stack
    /// wants it, by the name in its id.
    fn unseen(&self, candidate: &Candidate) -> Unplaced {
        let sought = match candidate.kind.info().taggable {
            true => self.wanted.values().any(|(kind, _)| *kind == candidate.kind),
            false => self.stack.iter().any(|(_, entry)| {
                entry.resource.kind() == candidate.kind && untagged_id(&entry.resource).as_ref() == Some(&candidate.id)
            }),
        };
        if sought { Unplaced::Gone } else { Unplaced::NotInStack }
    }

    /// Why one that is there was not placed.
    fn reason(&self, n: usize) -> Unplaced {
        let Some(live) = self.live.get(n) else { return Unplaced::Gone };
        let kind = live.seen.kind;
        if let Some(stack) = Marks::of(&live.seen.tags).stack.filter(|stack| stack != self.stack.name().as_str()) {
            return Unplaced::OtherStack(stack);
        }
        if !kind.info().taggable {
            return Unplaced::Untaggable;
        }
        if let Some(why) = self.why.get(&n) {
            return why.clone();
        }
        let fits: Vec<(&Address, Fit)> = self
            .unplaced()
            .into_iter()
            .filter(|(_, of)| *of == kind)
            .map(|(address, _)| (address, self.fit(address, n)))
            .collect();
        let rivals: Vec<Address> = fits
            .iter()
            .filter(|(_, fit)| fit.differ.is_empty() && fit.open.is_empty())
            .map(|(address, _)| (*address).clone())
            .collect();
        if !rivals.is_empty() {
            return Unplaced::Ambiguous(rivals);
        }
        // By name it is one of them, or by all but one field.
        let unique = |address: &Address, fit: &Fit| {
            let (_, fields) = self.wanted.get(address)?;
            let declared = |name: &&str| fields.get(name).is_some_and(|field| !field.value.is_null());
            let sets = kind.info().unique.iter();
            let holds = |set: &&&[&'static str]| {
                let mut of = set.iter().filter(|name| declared(name)).peekable();
                of.peek().is_some() && of.all(|name| !fit.differ.contains(name) && !fit.open.contains(name))
            };
            sets.filter(holds).count().checked_sub(1)
        };
        let nearest = fits.iter().filter(|(address, fit)| {
            unique(address, fit).is_some() || (fit.agree > 0 && fit.differ.len() + fit.open.len() == 1)
        });
        match nearest.max_by_key(|(address, fit)| (unique(address, fit), fit.agree, fit.common)) {
            Some((address, fit)) if !fit.differ.is_empty() => {
                Unplaced::Differs { address: (*address).clone(), fields: fit.differ.clone() }
            }
            Some((address, fit)) => Unplaced::Unreached { address: (*address).clone(), fields: fit.open.clone() },
            None => Unplaced::NotInStack,
        }
    }
}

/// True for a field that belongs to what makes a resource this one and no other.
fn is_key(kind: KindName, field: &Field) -> bool {
    let unique = || kind.info().unique.iter().any(|set| set.contains(&field.name));
    field.compare != Compare::Parts && field.owner == Owner::Us && (field.replaces || unique())
}

fn same(field: &Field, want: &Value, have: &Value) -> bool {
    match (field.compare, want, have) {
        (Compare::Within, Value::Set(want), Value::Set(have)) => !have.is_empty() && have.is_subset(want),
        (Compare::DeclaredKeys, Value::Map(want), Value::Map(have)) => {
            want.iter().all(|(key, value)| have.get(key) == Some(value))
        }
        _ => want == have,
    }
}

/// How much two values have in common.
fn common(want: &Value, have: &Value) -> usize {
    match (want, have) {
        (Value::Set(want), Value::Set(have)) => want.intersection(have).count(),
        (Value::Map(want), Value::Map(have)) => {
            want.iter().filter(|(key, value)| have.get(*key) == Some(*value)).count()
        }
        _ => usize::from(want == have),
    }
}

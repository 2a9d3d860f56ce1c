//! What the EC2 kinds share: how one of them is described, and small conversions.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_engine::cloud::{Made, Want};
use aomidori_model::ownership::Marks;
use aomidori_model::{Kind, Ref, Reference, StackName, Target, Value};
use aws_sdk_ec2::types::Filter;

use crate::observe::fields;
use crate::tags::{self, Tags};

/// Which resources a Describe call is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which<'a> {
    /// Everything of a stack, by tag.
    Stack(&'a StackName),
    /// What is at one address of a stack, by tags.
    At(Want<'a>),
    /// One, by its id.
    Id(&'a str),
}

impl Which<'_> {
    /// The filters of the call.
    pub(crate) fn filters(self) -> Option<Vec<Filter>> {
        match self {
            Which::Stack(stack) => Some(vec![tags::of_stack(stack)]),
            Which::At(w) => Some(vec![tags::of_stack(w.stack), tags::of_address(w.address)]),
            Which::Id(_) => None,
        }
    }

    /// The ids of the call.
    pub(crate) fn ids(self) -> Option<Vec<String>> {
        match self {
            Which::Id(id) => Some(vec![id.to_owned()]),
            Which::Stack(_) | Which::At(_) => None,
        }
    }

    /// True if these tags are what was asked for: not every endpoint keeps to a tag filter (design.md section 7).
    pub(crate) fn holds(self, tags: &Tags) -> bool {
        let marks = Marks::of(tags);
        match self {
            Which::Stack(stack) => marks.belongs_to(stack),
            Which::At(w) => marks.belongs_to(w.stack) && marks.address.as_ref() == Some(w.address),
            Which::Id(_) => true,
        }
    }
}

/// All pages of an EC2 Describe call: the operation, the list in its answer, the request. An id that is not there makes
/// an empty list.
macro_rules! pages {
    ($operation:literal, $list:ident, $request:expr) => {{
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let answer = $crate::call::read($operation, || $request.set_next_token(token.clone()).send()).await;
            let Some(page) = $crate::call::if_there(answer)? else { break };
            all.extend(page.$list.unwrap_or_default());
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        all
    }};
}
pub(crate) use pages;

/// True if a live resource has what `want` says, as far as it cannot be changed: an old one that is being replaced
/// carries the same marks.
pub(crate) fn fits(w: Want<'_>, live: &impl Kind) -> bool {
    let lookup = |reference: &Reference| w.known.lookup(reference);
    let (want, live) = (w.resource.fields(), fields(live));
    want.iter().filter(|field| field.replaces && !field.value.is_null()).all(|field| {
        let (want, live) = (field.value.resolve(&lookup), live.value(field.name).resolve(&lookup));
        want == live
    })
}

/// A made resource without outputs.
pub(crate) fn made(id: impl Into<String>) -> Made {
    Made { id: id.into(), outputs: BTreeMap::new() }
}

/// The outputs of a resource with a public address.
pub(crate) fn public_ip(address: Option<&str>) -> BTreeMap<String, String> {
    address.map(|address| ("public_ip".to_owned(), address.to_owned())).into_iter().collect()
}

/// The id in a live field.
pub(crate) fn id_in(value: &Value) -> Option<&str> {
    let id = match value {
        Value::Str(id) => id,
        Value::Ref(reference) => match &reference.target {
            Target::Id(id) => id,
            Target::Address(_) => return None,
        },
        _ => return None,
    };
    (!id.is_empty()).then_some(id)
}

/// References to live ids.
pub(crate) fn refs<K: Kind>(ids: impl IntoIterator<Item = String>) -> BTreeSet<Ref<K>> {
    ids.into_iter().map(Ref::existing).collect()
}

/// The ids that are in the first set only; `None` for none, as EC2's request builders like it.
pub(crate) fn only_in(these: &BTreeSet<String>, those: &BTreeSet<String>) -> Option<Vec<String>> {
    let only: Vec<String> = these.difference(those).cloned().collect();
    (!only.is_empty()).then_some(only)
}

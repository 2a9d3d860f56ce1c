//! What the EC2 kinds share: how one of them is described, and small conversions.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_engine::cloud::{Made, Want};
use aomidori_model::ownership::Marks;
use aomidori_model::{Kind, KindName, Ref, Reference, StackName, Target, Value};
use aws_sdk_ec2::types::Filter;

use crate::observe::fields;
use crate::tags::{self, Tags};

/// Which resources a Describe call is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which<'a> {
    /// Everything of a stack, by tag.
    Stack(&'a StackName),
    /// Of what is claimed for a stack that which does not carry its mark yet: by a filter for ids, since one id that is not
    /// there fails a call that names ids.
    Claimed {
        /// The stack.
        stack: &'a StackName,
        /// The kind.
        kind: KindName,
        /// The ids.
        ids: &'a [String],
    },
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
            Which::Claimed { kind, ids, .. } => Some(vec![tags::filter(id_filter(kind), ids)]),
            Which::At(w) => Some(vec![tags::of_stack(w.stack), tags::of_address(w.address)]),
            Which::Id(_) => None,
        }
    }

    /// The ids of the call.
    pub(crate) fn ids(self) -> Option<Vec<String>> {
        match self {
            Which::Id(id) => Some(vec![id.to_owned()]),
            Which::Stack(_) | Which::Claimed { .. } | Which::At(_) => None,
        }
    }

    /// True if these tags are what was asked for: not every endpoint keeps to a tag filter (design.md section 7).
    pub(crate) fn holds(self, tags: &Tags) -> bool {
        let marks = Marks::of(tags);
        match self {
            Which::Stack(stack) => marks.belongs_to(stack),
            Which::Claimed { stack, .. } => !marks.belongs_to(stack),
            Which::At(w) => marks.belongs_to(w.stack) && marks.address.as_ref() == Some(w.address),
            Which::Id(_) => true,
        }
    }
}

/// The filter for the ids of a kind.
fn id_filter(kind: KindName) -> &'static str {
    match kind {
        KindName::Vpc => "vpc-id",
        KindName::Subnet => "subnet-id",
        KindName::InternetGateway => "internet-gateway-id",
        KindName::ElasticIp => "allocation-id",
        KindName::NatGateway => "nat-gateway-id",
        KindName::RouteTable => "route-table-id",
        KindName::VpcEndpoint => "vpc-endpoint-id",
        KindName::SecurityGroup => "group-id",
        KindName::SecurityGroupRule => "security-group-rule-id",
        // Not EC2's: nothing passes.
        _ => "resource-id",
    }
}

/// Everything of a kind that concerns the stack: what carries its mark, and what is claimed for it (a second call, only if
/// something is). For modules with a `describe`.
macro_rules! all_of {
    ($cx:expr, $scope:expr, $kind:expr) => {{
        let mut all = describe($cx, $crate::ec2::Which::Stack($scope.name())).await?;
        for ids in $scope.claimed($kind).chunks(200) {
            all.extend(describe($cx, $crate::ec2::Which::Claimed { stack: $scope.name(), kind: $kind, ids }).await?);
        }
        all
    }};
}
pub(crate) use all_of;

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

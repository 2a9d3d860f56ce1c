//! The batched observer: all service families side by side, each with as few reads as AWS offers.

mod cloud_map;
pub(crate) mod code_deploy;
mod dns;
mod ec2;
mod ecr;
mod ecs;
pub(crate) mod elb;
mod hints;
mod iam;
mod logs;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use aomidori_engine::cloud::CloudError;
use aomidori_model::ownership::{self, Marks};
use aomidori_model::{Address, Fields, Kind, KindName, Resource, Stack, StackName};
use aomidori_plan::{Observation, Observed, Ownership, Status};

use crate::adopt::Claims;
use crate::client::Cx;
use crate::tags::Tags;

pub(crate) use hints::Hint;
use hints::Index;

/// Reads everything that concerns a stack.
///
/// `claims` are resources of others that are looked at as if they carried the stack's mark; their tags are told as they
/// are all the same.
pub(crate) async fn observe(cx: &Cx, stack: &Stack, claims: &Claims) -> Result<Observation, CloudError> {
    let scope = Scope { stack, claims, told: Mutex::default(), index: Index::new(cx, stack, claims) };
    // Boxed: together the futures are large.
    let (identity, ec2, elb, dns, code_deploy, iam, ecr, logs, ecs, cloud_map) = tokio::try_join!(
        cx.identity(),
        Box::pin(ec2::observe(cx, &scope)),
        Box::pin(elb::observe(cx, &scope)),
        Box::pin(dns::read(cx, &scope)),
        Box::pin(code_deploy::read(cx, &scope)),
        Box::pin(iam::observe(cx, &scope)),
        Box::pin(ecr::observe(cx, &scope)),
        Box::pin(logs::observe(cx, &scope)),
        Box::pin(ecs::observe(cx, &scope)),
        Box::pin(cloud_map::observe(cx, &scope)),
    )?;
    // These need what Elastic Load Balancing has: DNS names, target groups by name.
    let dns = dns::resources(&scope, &elb, dns);
    let code_deploy = code_deploy::resources(cx, &scope, &elb, code_deploy).await?;
    let families = [ec2, elb.resources, dns, code_deploy, iam, ecr, logs, ecs, cloud_map];
    let mut resources: Vec<Observed> = families.into_iter().flatten().collect();
    cloud_map::settle(&scope, &mut resources);
    code_deploy::settle(&mut resources);
    scope.unmark(&mut resources);
    Ok(Observation { account: identity.account.clone(), region: cx.region.clone(), resources })
}

/// What is looked for.
pub(crate) struct Scope<'a> {
    /// The stack: names that it wants, attributes that it declares.
    pub(crate) stack: &'a Stack,
    claims: &'a Claims,
    /// The tags that claimed resources have in truth.
    told: Mutex<BTreeMap<(KindName, String), Tags>>,
    index: Index<'a>,
}

impl<'a> Scope<'a> {
    /// True where all is looked at in order to describe it, and nothing is wanted yet.
    pub(crate) fn describes(&self) -> bool {
        !self.claims.is_empty() && self.stack.iter().next().is_none()
    }

    /// The stack's name.
    pub(crate) fn name(&self) -> &'a StackName {
        self.stack.name()
    }

    /// What the stack wants at the address that these tags name, if it is of that kind.
    pub(crate) fn wanted<K: Kind>(&self, tags: &Tags) -> Option<&'a K>
    where
        &'a K: TryFrom<&'a Resource>,
    {
        (&self.stack.get(&Marks::of(tags).address?)?.resource).try_into().ok()
    }

    /// The ids of a kind that are claimed.
    pub(crate) fn claimed(&self, kind: KindName) -> Vec<String> {
        self.claims.ids(kind).map(str::to_owned).collect()
    }

    /// The tags of something, with the stack's mark if it is claimed and has no such mark yet.
    pub(crate) fn marked(&self, kind: KindName, id: &str, mut tags: Tags) -> Tags {
        let Some(address) = self.claims.address(kind, id) else { return tags };
        if Marks::of(&tags).belongs_to(self.name()) {
            return tags;
        }
        let truth = tags.clone();
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert((kind, id.to_owned()), truth);
        tags.extend(ownership::tags(self.name(), address));
        tags
    }

    /// Takes the marks away again that are claimed only.
    fn unmark(&self, resources: &mut [Observed]) {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for found in resources {
            if let Some(truth) = told.get(&(found.kind, found.id.clone())) {
                found.tags = truth.clone();
            }
        }
    }

    /// This stack's, if the tags say so. What carries the stack's mark without an address gets one that nobody wants.
    pub(crate) fn ours(&self, kind: KindName, id: &str, tags: &Tags) -> Option<Ownership> {
        let marks = Marks::of(tags);
        if !marks.belongs_to(self.name()) {
            return None;
        }
        marks.address.or_else(|| stray(kind, id)).map(Ownership::Ours)
    }

    /// This stack's by its tags; else foreign, if the stack wants its name at `address`; else of no concern.
    pub(crate) fn owner(
        &self,
        kind: KindName,
        id: &str,
        tags: &Tags,
        wanted_at: Option<&Address>,
    ) -> Option<Ownership> {
        self.ours(kind, id, tags).or_else(|| {
            Some(Ownership::Foreign { address: wanted_at?.clone(), stack: tags.get(ownership::STACK).cloned() })
        })
    }

    /// The hints about a service, and its first read beside them, which does not wait for the index where the stack has
    /// something there (`concerned`). Where it has not, the read is made only if there is a hint.
    pub(crate) async fn beside<T: Default>(
        &self,
        service: &str,
        concerned: bool,
        read: impl Future<Output = Result<T, CloudError>>,
    ) -> Result<(Vec<&Hint>, T), CloudError> {
        if concerned {
            let (hints, read) = tokio::join!(self.hints(service), read);
            return Ok((hints, read?));
        }
        let hints = self.hints(service).await;
        let read = if hints.is_empty() { T::default() } else { read.await? };
        Ok((hints, read))
    }

    /// True if the stack has a resource of one of these kinds.
    pub(crate) fn has(&self, kinds: &[KindName]) -> bool {
        self.stack.iter().any(|(_, entry)| kinds.contains(&entry.resource.kind()))
    }

    /// The tagging index's hints about one service; read once, at the first question. If it cannot be read there are
    /// none: all that is wanted is found by name anyway.
    pub(crate) async fn hints(&self, service: &str) -> Vec<&Hint> {
        self.index.about(service).await
    }
}

/// An address for a resource that carries the stack's mark and no (readable) address.
fn stray(kind: KindName, id: &str) -> Option<Address> {
    let id: String = id
        .rsplit(['/', ':'])
        .next()
        .unwrap_or(id)
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    format!("unaddressed/{kind}/{}", id.trim_start_matches('-')).parse().ok()
}

/// The addresses of what is this stack's, by id.
fn own_addresses(found: &[Observed]) -> BTreeMap<String, Address> {
    let own = |found: &Observed| match &found.owner {
        Ownership::Ours(address) => Some((found.id.clone(), address.clone())),
        Ownership::Foreign { .. } | Ownership::Added { .. } => None,
    };
    found.iter().filter_map(own).collect()
}

/// The fields of a resource in the model's form.
pub(crate) fn fields(resource: &impl Kind) -> Fields {
    Fields::of(resource)
}

/// A live resource that is ready, with no outputs; the rest is set on what comes back.
pub(crate) fn observed<K: Kind>(id: impl Into<String>, owner: Ownership, resource: &K, tags: Tags) -> Observed {
    Observed {
        kind: K::INFO.name,
        id: id.into(),
        owner,
        fields: fields(resource),
        tags,
        outputs: BTreeMap::new(),
        status: Status::Ready,
        busy: None,
    }
}

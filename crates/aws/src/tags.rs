//! Tags: what an update adds and removes, and in which order around a change of parts.

use std::collections::BTreeMap;

use aomidori_engine::cloud::{CloudError, Want};
use aomidori_model::ownership::{self, Marks};
use aomidori_model::{Address, StackName};
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};

use crate::call;
use crate::client::Cx;

/// Tags as the model has them.
pub(crate) type Tags = BTreeMap<String, String>;

/// What happens to the tags of a resource in an update. All additive tag APIs only add and overwrite; what goes needs
/// a call of its own (aws-facts 1.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Retag {
    /// Set before any part is made or removed: everything that is wanted, with the record of old **and** new parts, so
    /// that no part of ours is ever unrecorded, wherever a crash happens.
    pub(crate) before: Tags,
    /// Set after the parts are changed: the record of the new parts alone.
    pub(crate) after: Tags,
    /// Removed at last: users' tags that the old record has and the new one does not, spare chunks of the record.
    pub(crate) remove: Vec<String>,
}

/// Works out what an update does to tags. Tags that are not recorded as ours are left alone.
pub(crate) fn retag(w: Want<'_>, have: &Observed, _: &[FieldChange]) -> Retag {
    let is_parts = |key: &String| ownership::is_own_key(key) && key != ownership::STACK && key != ownership::ADDRESS;
    let old = Marks::of(&have.tags).parts;
    let new = Marks::of(w.tags).parts;
    let union = ownership::parts_tags(&old.union(&new).cloned().collect());

    let mut first: Tags = w.tags.iter().filter(|(key, _)| !is_parts(key)).map(own).collect();
    first.extend(union.clone());
    let mut live = have.tags.clone();
    let before = differing(&first, &live);
    live.extend(before.clone());
    let after = differing(w.tags, &live);

    let recorded = |key: &str| old.contains(&ownership::part_hash("tags", key));
    let goes = |key: &&String| !w.tags.contains_key(*key) && (is_parts(key) || recorded(key));
    let remove = live.keys().filter(goes).cloned().collect();
    Retag { before, after, remove }
}

impl Retag {
    /// Both sets in one, for a kind without parts.
    pub(crate) fn set(&self) -> Tags {
        let mut set = self.before.clone();
        set.extend(self.after.clone());
        set
    }
}

fn own((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

fn differing(want: &Tags, live: &Tags) -> Tags {
    want.iter().filter(|(key, value)| live.get(*key) != Some(*value)).map(own).collect()
}

/// The tags of an EC2 create call. `None` for no tags: EC2 refuses an empty specification.
pub(crate) fn specification(kind: ResourceType, tags: &Tags) -> TagSpecification {
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    TagSpecification::builder().resource_type(kind).set_tags(Some(tags)).build()
}

/// The tags that an EC2 description holds; `aws:` is AWS's own.
pub(crate) fn from_ec2(tags: Option<&[Tag]>) -> Tags {
    tags.unwrap_or_default()
        .iter()
        .filter_map(|tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default())))
        .filter(|(key, _)| !key.starts_with("aws:"))
        .collect()
}

/// An EC2 filter.
pub(crate) fn filter(name: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Filter {
    Filter::builder().name(name).set_values(Some(values.into_iter().map(Into::into).collect())).build()
}

/// The EC2 filter for everything of a stack.
pub(crate) fn of_stack(stack: &StackName) -> Filter {
    filter(&format!("tag:{}", ownership::STACK), [stack.as_str()])
}

/// The EC2 filter for one address; together with [`of_stack`].
pub(crate) fn of_address(address: &Address) -> Filter {
    filter(&format!("tag:{}", ownership::ADDRESS), [address.as_str()])
}

/// Sets tags of an EC2 resource (CreateTags overwrites).
pub(crate) async fn set_ec2(cx: &Cx, id: &str, tags: &Tags) -> Result<(), CloudError> {
    if tags.is_empty() {
        return Ok(());
    }
    let tags: Vec<Tag> = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    call::idempotent("ec2:CreateTags", || cx.ec2.create_tags().resources(id).set_tags(Some(tags.clone())).send())
        .await?;
    Ok(())
}

/// Removes tags of an EC2 resource, whatever their values.
pub(crate) async fn remove_ec2(cx: &Cx, id: &str, keys: &[String]) -> Result<(), CloudError> {
    if keys.is_empty() {
        return Ok(());
    }
    let tags: Vec<Tag> = keys.iter().map(|key| Tag::builder().key(key).build()).collect();
    call::idempotent("ec2:DeleteTags", || cx.ec2.delete_tags().resources(id).set_tags(Some(tags.clone())).send())
        .await?;
    Ok(())
}

/// Brings the tags of an EC2 resource without parts to what is wanted.
pub(crate) async fn update_ec2(
    cx: &Cx,
    w: Want<'_>,
    have: &Observed,
    changes: &[FieldChange],
) -> Result<(), CloudError> {
    let retag = retag(w, have, changes);
    set_ec2(cx, &have.id, &retag.set()).await?;
    remove_ec2(cx, &have.id, &retag.remove).await
}

#[cfg(test)]
mod tests {
    use aomidori_engine::cloud::Known;
    use aomidori_model::kinds::ElasticIp;
    use aomidori_model::ownership::{part_hash, parts_tags};
    use aomidori_model::{Fields, KindName, Resource};
    use aomidori_plan::{Ownership, Status};

    use super::*;

    fn tags(pairs: &[(&str, &str)], parts: &[(&str, &str)]) -> Tags {
        let mut tags: Tags = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        tags.extend(parts_tags(&parts.iter().map(|(field, key)| part_hash(field, key)).collect()));
        tags
    }

    fn check(have: Tags, want: Tags) -> Retag {
        let (Ok(stack), Ok(address)) = ("s".parse(), "network/x".parse::<Address>()) else { panic!("names") };
        let have = Observed {
            kind: KindName::ElasticIp,
            id: "x".into(),
            owner: Ownership::Ours(address.clone()),
            fields: Fields::default(),
            tags: have,
            outputs: BTreeMap::new(),
            status: Status::Ready,
            busy: None,
        };
        let resource = Resource::from(ElasticIp {});
        let known = Known::default();
        let w = Want { stack: &stack, address: &address, resource: &resource, tags: &want, known: &known, token: "t" };
        retag(w, &have, &[])
    }

    #[test]
    fn nothing_differs_nothing_is_sent() {
        let same = tags(&[("a", "1")], &[("tags", "a"), ("route", "0.0.0.0/0")]);
        assert_eq!(check(same.clone(), same), Retag::default());
    }

    #[test]
    fn the_record_holds_old_and_new_parts_while_they_change() {
        let retag = check(tags(&[], &[("route", "old")]), tags(&[], &[("route", "new")]));
        assert_eq!(retag.before, tags(&[], &[("route", "old"), ("route", "new")]));
        assert_eq!(retag.after, tags(&[], &[("route", "new")]));
        assert!(retag.remove.is_empty());
    }

    #[test]
    fn a_recorded_tag_that_leaves_is_removed_and_a_foreign_one_stays() {
        let have = tags(&[("ours", "1"), ("theirs", "1")], &[("tags", "ours")]);
        let retag = check(have, tags(&[], &[]));
        assert_eq!(retag.remove, ["aomidori:parts", "ours"]);
        assert!(retag.set().is_empty());
    }
}

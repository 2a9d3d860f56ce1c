//! The tags of a run that writes nothing but tags.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::ownership::{self, Marks};
use aomidori_model::{Address, Fields, Reference, Stack};

/// Every tag that a live resource shall have where nothing but tags is written: users', ownership, and the record of its
/// parts. None for a kind that takes no tags.
///
/// A part that refers to what is not there cannot be live, and is not recorded. What was recorded stays so: a part that is
/// not wanted any more is there until a plan removes it. `tags` are those that it has.
pub fn marks(
    stack: &Stack,
    address: &Address,
    fields: &Fields,
    tags: &BTreeMap<String, String>,
    lookup: &impl Fn(&Reference) -> Option<String>,
) -> BTreeMap<String, String> {
    if !stack.get(address).is_some_and(|entry| entry.resource.kind().info().taggable) {
        return BTreeMap::new();
    }
    let wanted = stack.user_tags(address);
    let mut record = ownership::record(fields, &wanted, lookup);
    // Tags that are not wanted any more go with this run.
    let gone = tags.keys().filter(|key| !wanted.contains_key(*key)).map(|key| ownership::part_hash("tags", key));
    let gone: BTreeSet<String> = gone.collect();
    record.extend(Marks::of(tags).parts.into_iter().filter(|hash| !gone.contains(hash)));
    let mut marks = stack.all_tags(address);
    marks.extend(ownership::parts_tags(&record));
    marks
}

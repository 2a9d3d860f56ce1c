//! Ownership marks: the tags that say whose a resource is and what it is. Live AWS is the only state; these tags are
//! the only thing Aomidori adds to it.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::field::{Compare, Fields};
use crate::value::{Reference, Value};
use crate::{Address, StackName};

/// The tag key that names the stack.
pub const STACK: &str = "aomidori:stack";
/// The tag key that names the logical address.
pub const ADDRESS: &str = "aomidori:address";
/// The tag key that records the parts (routes, attachments, users' tags …) that we made. Further chunks are
/// `aomidori:parts-1`, `aomidori:parts-2`, ….
pub const PARTS: &str = "aomidori:parts";

const DECLARED_IMAGE: &str = "aomidori:declared-image/";
const DIGEST: &str = "aomidori:digest/";
const IMAGE: &str = "aomidori:image/";

/// What the keys begin with of tags in which deployments record what served. They are on the revisions of task definitions,
/// come and go with every deployment, and are no difference from any stack.
pub const RECORDS: [&str; 3] = [DECLARED_IMAGE, DIGEST, IMAGE];

/// The tag of a task definition's revision that holds the image which the stack declared for a container, where the
/// revision runs another one.
pub fn declared_image_key(container: &str) -> String {
    format!("{DECLARED_IMAGE}{container}")
}

/// The tag of a task definition's revision that holds the digest of an image which it names by a tag.
pub fn digest_key(container: &str) -> String {
    format!("{DIGEST}{container}")
}

/// The tag of a task definition's revision that holds the image tag which was asked for.
pub fn image_key(container: &str) -> String {
    format!("{IMAGE}{container}")
}

/// The tags of a resource in their two sorts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The stack's name, if the resource carries one.
    pub stack: Option<String>,
    /// The logical address, if the resource carries a well-formed one.
    pub address: Option<Address>,
    /// Short hashes of the recorded parts.
    pub parts: BTreeSet<String>,
}

impl Marks {
    /// Reads the marks from a resource's tags.
    pub fn of(tags: &BTreeMap<String, String>) -> Marks {
        Marks {
            stack: tags.get(STACK).cloned(),
            address: tags.get(ADDRESS).and_then(|text| text.parse().ok()),
            parts: tags
                .iter()
                .filter(|(key, _)| is_parts_key(key))
                .flat_map(|(_, value)| value.split_ascii_whitespace().map(str::to_owned))
                .collect(),
        }
    }

    /// True if the resource belongs to `stack`.
    pub fn belongs_to(&self, stack: &StackName) -> bool {
        self.stack.as_deref() == Some(stack.as_str())
    }
}

/// True for the tag keys that Aomidori uses itself.
pub fn is_own_key(key: &str) -> bool {
    key == STACK || key == ADDRESS || is_parts_key(key)
}

fn is_parts_key(key: &str) -> bool {
    key == PARTS || key.strip_prefix(PARTS).is_some_and(|rest| rest.starts_with('-'))
}

/// What is wrong with a user's tag, if anything: keys, lengths and characters (Tagging AWS resources: 128 and 256 characters,
/// no `aws:`), and no key of ours.
pub fn tag_fault(key: &str, value: &str) -> Option<&'static str> {
    let legal = |text: &str| text.chars().all(|c| c.is_alphanumeric() || " _.:/=+-@".contains(c));
    let lower = key.to_ascii_lowercase();
    if lower.starts_with("aws:") || lower.starts_with("aomidori:") {
        Some("is reserved")
    } else if key.is_empty() || key.chars().count() > 128 {
        Some("has not 1 to 128 characters")
    } else if value.chars().count() > 256 {
        Some("has a value of more than 256 characters")
    } else if !legal(key) || !legal(value) {
        Some("has characters other than letters, digits, spaces and `_.:/=+-@`")
    } else {
        None
    }
}

/// The two tags that mark a resource as this stack's.
pub fn tags(stack: &StackName, address: &Address) -> BTreeMap<String, String> {
    BTreeMap::from([(STACK.to_owned(), stack.to_string()), (ADDRESS.to_owned(), address.to_string())])
}

/// The short hash under which one part of a field is recorded.
pub fn part_hash(field: &str, key: &str) -> String {
    let digest = Sha256::digest(format!("{field}={key}"));
    digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// The keys of the parts in a [`Compare::Parts`] field: map keys, or the text of set elements.
pub fn part_keys(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Map(map) => map.keys().cloned().collect(),
        Value::Set(set) => set.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect(),
        _ => BTreeSet::new(),
    }
}

/// Hashes of all the parts that `fields` wants, once its references are resolved by `lookup`.
pub fn parts_of(fields: &Fields, lookup: &impl Fn(&Reference) -> Option<String>) -> BTreeSet<String> {
    fields
        .iter()
        .filter(|field| field.compare == Compare::Parts)
        .flat_map(|field| {
            let keys = part_keys(&field.value.resolve(lookup));
            keys.into_iter().map(|key| part_hash(field.name, &key)).collect::<Vec<_>>()
        })
        .collect()
}

/// The whole record of a resource: hashes of the parts that `fields` wants, and of the keys of `user_tags` (under the
/// field `tags`), so that a tag which leaves the stack leaves the resource too. `Name` and our own keys are not recorded.
pub fn record(
    fields: &Fields,
    user_tags: &BTreeMap<String, String>,
    lookup: &impl Fn(&Reference) -> Option<String>,
) -> BTreeSet<String> {
    let mut parts = parts_of(fields, lookup);
    let keys = user_tags.keys().filter(|key| key.as_str() != "Name" && !is_own_key(key));
    parts.extend(keys.map(|key| part_hash("tags", key)));
    parts
}

/// The tags that record `parts`. A tag value holds 256 characters, so the hashes go into chunks of 28.
pub fn parts_tags(parts: &BTreeSet<String>) -> BTreeMap<String, String> {
    let hashes: Vec<&str> = parts.iter().map(String::as_str).collect();
    hashes
        .chunks(28)
        .enumerate()
        .map(|(n, chunk)| {
            let key = if n == 0 { PARTS.to_owned() } else { format!("{PARTS}-{n}") };
            (key, chunk.join(" "))
        })
        .collect()
}

//! Names, places and tags that AWS takes once.

use std::collections::BTreeMap;

use super::Checks;
use crate::ownership::tag_fault;
use crate::problem::Check;
use crate::value::Value;
use crate::{Address, KindName};

pub(super) fn check(checks: &mut Checks<'_, '_>) {
    unique(checks);
    tags(checks);
}

fn unique(checks: &mut Checks<'_, '_>) {
    let mut taken: BTreeMap<(KindName, Vec<Value>), &Address> = BTreeMap::new();
    for (address, entry) in checks.stack.iter() {
        let kind = entry.resource.kind();
        // Networks and endpoints have checks of their own, which say more.
        if matches!(kind, KindName::Subnet | KindName::VpcEndpoint) {
            continue;
        }
        let Some((names, last)) = kind.info().unique.first().and_then(|names| Some((names, names.last()?))) else {
            continue;
        };
        let fields = entry.resource.fields();
        // IAM and security group names differ by more than case.
        let value = |name: &&str| match fields.value(name) {
            Value::Str(text) => Value::Str(text.to_lowercase()),
            other => other.clone(),
        };
        let key = (kind, names.iter().map(value).collect::<Vec<_>>());
        if let Some(other) = taken.get(&key) {
            let title = kind.info().title;
            checks.at(address).field(
                "E-NAME-TAKEN",
                last,
                format!("`{other}` is the same {title}: {} may stand once", names.join(" + ")),
                format!("change or remove one of the two; AWS refuses a second {title} of the kind"),
            );
        } else {
            taken.insert(key, address);
        }
    }
}

fn tags(checks: &mut Checks<'_, '_>) {
    let stack = checks.stack;
    legal_tags(&mut Check::new(None, checks.problems), &stack.tags);
    for (address, entry) in stack.iter() {
        let mut check = checks.at(address);
        legal_tags(&mut check, &entry.tags);
        let info = entry.resource.kind().info();
        if !entry.tags.is_empty() && !info.taggable {
            check.field("E-TAG", "tags", format!("AWS cannot tag a {}", info.title), "remove the tags");
        } else if stack.user_tags(address).len() > 45 {
            check.field(
                "E-TAG",
                "tags",
                "it has more than 45 tags, and AWS takes 50 with the ownership tags",
                "remove some",
            );
        }
    }
}

fn legal_tags(check: &mut Check<'_>, tags: &BTreeMap<String, String>) {
    for (key, value) in tags {
        if let Some(wrong) = tag_fault(key, value) {
            check.field("E-TAG", "tags", format!("the tag `{key}` {wrong}"), "rename it, or change its value");
        }
    }
}

//! What several kinds of one AWS service share: conversions between the model and the SDK, and tags.

pub(crate) mod cloud_map;
pub(crate) mod code_deploy;
pub(crate) mod ecs;
pub(crate) mod elb;
pub(crate) mod iam;

use std::collections::{BTreeMap, BTreeSet};

use aomidori_engine::cloud::{CloudError, Known, Made, Want};
use aomidori_model::ownership::Marks;
use aomidori_model::{Address, Fields, Kind, Ref, Resource, Stack, Value};
use aomidori_plan::FieldChange;

use crate::tags::Tags;

/// Tags in the model's form; `aws:` is AWS's own.
pub(crate) fn own_tags(pairs: impl IntoIterator<Item = (Option<String>, Option<String>)>) -> Tags {
    pairs
        .into_iter()
        .filter_map(|(key, value)| Some((key?, value.unwrap_or_default())))
        .filter(|(key, _)| !key.starts_with("aws:"))
        .collect()
}

/// True for the tags of exactly this resource: its stack and its address.
pub(crate) fn is_it(w: Want<'_>, tags: &Tags) -> bool {
    let marks = Marks::of(tags);
    marks.belongs_to(w.stack) && marks.address.as_ref() == Some(w.address)
}

/// The ids of references.
pub(crate) fn ids<'a, K: Kind>(
    known: &Known,
    references: impl IntoIterator<Item = &'a Ref<K>>,
) -> Result<Vec<String>, CloudError> {
    references.into_iter().map(|reference| known.id(reference)).collect()
}

/// References to what exists, by id.
pub(crate) fn existing<'a, K>(ids: impl IntoIterator<Item = &'a String>) -> BTreeSet<Ref<K>> {
    ids.into_iter().map(Ref::existing).collect()
}

/// A resource with its outputs.
pub(crate) fn made<const N: usize>(id: impl Into<String>, outputs: [(&str, String); N]) -> Made {
    Made { id: id.into(), outputs: outputs_of(outputs) }
}

/// Outputs by name; empty ones are left out.
pub(crate) fn outputs_of<const N: usize>(outputs: [(&str, String); N]) -> BTreeMap<String, String> {
    outputs.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// True if one of these fields changes; a name that ends in `.` stands for all that start with it.
pub(crate) fn changes_any(changes: &[FieldChange], names: &[&str]) -> bool {
    changes.iter().any(|change| {
        names.iter().any(|name| change.field == *name || name.ends_with('.') && change.field.starts_with(name))
    })
}

/// Replaces the value of a field and keeps its marks: for what is live and the model cannot write.
pub(crate) fn set_field(fields: &mut Fields, name: &str, value: Value) {
    fields.set(name, value);
}

/// The part of an ARN or path after its last `/`.
pub(crate) fn leaf(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

/// The address of the first resource of a kind that passes.
pub(crate) fn address_of<'a, K: Kind>(stack: &'a Stack, passes: impl Fn(&'a K) -> bool) -> Option<&'a Address>
where
    &'a K: TryFrom<&'a Resource>,
{
    stack.of::<K>().find(|(_, resource)| passes(resource)).map(|(address, _)| address)
}

/// A number of AWS's as the model has it; none is negative.
pub(crate) fn unsigned(number: Option<i32>) -> u32 {
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default()
}

/// A number of the model's as AWS takes it.
pub(crate) fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A part of a request lacks a member that AWS requires: a bug.
pub(crate) fn incomplete(error: impl std::fmt::Display) -> CloudError {
    CloudError::bug(format!("a request cannot be put together: {error}"))
}

#[cfg(test)]
mod tests {
    use aomidori_model::Compare;

    use super::*;

    #[test]
    fn a_replaced_value_keeps_the_marks() {
        let mut fields = Fields::default();
        fields.add("a", "1").replaces();
        fields.add("b", "2").compare(Compare::Parts);
        set_field(&mut fields, "b", Value::str("3"));
        assert_eq!(fields.value("a"), &Value::str("1"));
        assert_eq!(fields.value("b"), &Value::str("3"));
        assert!(fields.get("a").unwrap().replaces);
        assert_eq!(fields.get("b").unwrap().compare, Compare::Parts);
    }

    #[test]
    fn aws_own_tags_are_not_ours() {
        let pairs = [("a", "1"), ("aws:cloudformation:stack-name", "x")];
        let tags = own_tags(pairs.map(|(key, value)| (Some(key.to_owned()), Some(value.to_owned()))));
        assert_eq!(tags.len(), 1);
    }

    #[test]
    fn prefixes_of_changed_fields() {
        let change = FieldChange {
            field: "health_check.path".into(),
            before: Value::Null,
            after: Value::Null,
            replaces: false,
            secret: false,
        };
        assert!(changes_any(std::slice::from_ref(&change), &["health_check."]));
        assert!(!changes_any(&[change], &["health_check", "attributes"]));
    }
}

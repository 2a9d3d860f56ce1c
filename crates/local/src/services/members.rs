//! What the JSON services share: members that AWS leaves out, and rules for names.

use serde_json::Value;

/// Leaves out members that have no value, at any depth, as AWS's JSON services do.
pub(crate) fn bare(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            members.into_iter().filter(|(_, v)| !v.is_null()).map(|(key, v)| (key, bare(v))).collect()
        }
        Value::Array(items) => items.into_iter().map(bare).collect(),
        other => other,
    }
}

/// Whether `text` has `min..=max` characters, all of them letters, digits or one of `also`.
pub(crate) fn named(text: &str, min: usize, max: usize, also: &str) -> bool {
    let length = text.chars().count();
    (min..=max).contains(&length) && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
}

/// The part of an ARN after its fifth colon, if it is an ARN of this service.
pub(crate) fn resource_of<'a>(arn: &'a str, service: &str) -> Option<&'a str> {
    let mut parts = arn.splitn(6, ':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("arn"), Some(_), Some(of)) if of == service => parts.nth(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn absent_members_are_left_out() {
        assert_eq!(bare(json!({"a": null, "b": [{"c": null, "d": 1}], "e": {}})), json!({"b": [{"d": 1}], "e": {}}));
    }

    #[test]
    fn arns() {
        assert_eq!(resource_of("arn:aws:ecs:r:1:cluster/x", "ecs"), Some("cluster/x"));
        assert_eq!(resource_of("arn:aws:codedeploy:r:1:application:x", "codedeploy"), Some("application:x"));
        assert_eq!(resource_of("arn:aws:ecr:r:1:repository/x", "ecs"), None);
        assert_eq!(resource_of("x", "ecs"), None);
    }
}

//! Event patterns: JSON objects whose leaves are lists of what may be there.

use serde_json::Value;

use crate::error::{Result, fail};

/// What a list may have beside values: `{"prefix": "…"}`.
const OPERATORS: [&str; 8] =
    ["prefix", "suffix", "anything-but", "numeric", "cidr", "exists", "equals-ignore-case", "wildcard"];

/// Refuses what EventBridge refuses.
pub(super) fn check(text: &str) -> Result<()> {
    let why = match serde_json::from_str::<Value>(text) {
        Err(error) => Some(format!("{error}")),
        Ok(Value::Object(members)) if members.is_empty() => Some("Empty objects are not allowed".to_owned()),
        Ok(Value::Object(members)) => members.iter().find_map(|(name, value)| wrong(name, value)),
        Ok(_) => Some("Filter is not an object".to_owned()),
    };
    match why {
        None => Ok(()),
        Some(why) => fail!("InvalidEventPatternException", "Event pattern is not valid. Reason: {why}"),
    }
}

fn wrong(name: &str, value: &Value) -> Option<String> {
    match value {
        // Alternatives, each a pattern.
        Value::Array(either) if name == "$or" => either.iter().find_map(|pattern| match pattern {
            Value::Object(members) => members.iter().find_map(|(name, value)| wrong(name, value)),
            _ => Some("\"$or\" must be an array of objects".to_owned()),
        }),
        Value::Object(members) if members.is_empty() => Some("Empty objects are not allowed".to_owned()),
        Value::Object(members) => members.iter().find_map(|(name, value)| wrong(name, value)),
        Value::Array(values) if values.is_empty() => Some("Empty arrays are not allowed".to_owned()),
        Value::Array(values) => values.iter().find_map(|value| match value {
            Value::Array(_) => Some(format!("\"{name}\" must not have an array in an array")),
            Value::Object(operator) => {
                let known = operator.len() == 1 && operator.keys().all(|key| OPERATORS.contains(&key.as_str()));
                let named = operator.keys().next().map_or("", String::as_str);
                (!known).then(|| format!("Unrecognized match type {named}"))
            }
            _ => None,
        }),
        _ => Some(format!("\"{name}\" must be an object or an array")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for good in [
            r#"{"source": ["aws.codedeploy"]}"#,
            r#"{"detail-type": ["a", "b"], "detail": {"state": [{"anything-but": ["READY"]}], "n": [1, null, true]}}"#,
            r#"{"$or": [{"source": ["a"]}, {"account": [{"prefix": "1"}]}]}"#,
        ] {
            check(good).unwrap();
        }
        for (bad, why) in [
            ("", "EOF"),
            ("[]", "Filter is not an object"),
            ("{}", "Empty objects"),
            (r#"{"source": "aws.ecs"}"#, "\"source\" must be an object or an array"),
            (r#"{"source": []}"#, "Empty arrays"),
            (r#"{"detail": {}}"#, "Empty objects"),
            (r#"{"source": [["a"]]}"#, "array in an array"),
            (r#"{"source": [{"begins": "a"}]}"#, "Unrecognized match type begins"),
        ] {
            let error = check(bad).unwrap_err();
            assert_eq!(error.code, "InvalidEventPatternException");
            assert!(error.message.contains(why), "{bad}: {}", error.message);
        }
    }
}

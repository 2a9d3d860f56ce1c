//! EC2's filters: names AND, values OR, with `*` and `?`.

use serde::Deserialize;

use crate::error::{ApiError, Result};
use crate::tags::Tags;

/// `Filter.1.Name`, `Filter.1.Value.1`, …
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Filter {
    #[serde(rename = "Name")]
    pub(crate) name: String,
    #[serde(rename = "Value", alias = "Values", default)]
    pub(crate) values: Vec<String>,
}

/// What a resource answers when asked for a filter's values.
pub(crate) enum Answer {
    /// It has these (possibly none).
    Has(Vec<String>),
    /// There is no such filter for this kind.
    Unknown,
}

impl<S: ToString> From<Vec<S>> for Answer {
    fn from(values: Vec<S>) -> Self {
        Answer::Has(values.iter().map(ToString::to_string).collect())
    }
}

impl From<String> for Answer {
    fn from(value: String) -> Self {
        Answer::Has(vec![value])
    }
}

impl From<&str> for Answer {
    fn from(value: &str) -> Self {
        Answer::Has(vec![value.to_owned()])
    }
}

impl From<bool> for Answer {
    fn from(value: bool) -> Self {
        Answer::Has(vec![value.to_string()])
    }
}

impl From<Option<String>> for Answer {
    fn from(value: Option<String>) -> Self {
        Answer::Has(value.into_iter().collect())
    }
}

/// Whether a resource passes all filters. `tag:KEY` and `tag-key` are answered from `tags`, the rest by `ask`; a filter
/// that the kind does not have is AWS's InvalidParameterValue.
pub(crate) fn passes(filters: &[Filter], tags: &Tags, ask: impl Fn(&str) -> Answer) -> Result<bool> {
    let mut all = true;
    for filter in filters {
        let matched = |value: &str| filter.values.iter().any(|pattern| wildcard(pattern, value));
        let passed = if let Some(key) = filter.name.strip_prefix("tag:") {
            tags.get(key).is_some_and(|value| matched(value))
        } else if filter.name == "tag-key" {
            tags.keys().any(|key| matched(key))
        } else {
            match ask(&filter.name) {
                Answer::Has(values) => values.iter().any(|value| matched(value)),
                Answer::Unknown => {
                    return Err(ApiError::new(
                        "InvalidParameterValue",
                        format!("The filter '{}' is invalid", filter.name),
                    ));
                }
            }
        };
        all &= passed;
    }
    Ok(all)
}

/// `*` is any text, `?` any character, a backslash takes either literally.
pub(crate) fn wildcard(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last `*` was, and up to where it has taken text: the only place to go back to.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        let (step, fits) = match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
                continue;
            }
            Some('?') => (1, true),
            Some('\\') if p + 1 < pattern.len() => (2, pattern[p + 1] == text[t]),
            Some(c) => (1, *c == text[t]),
            None => (0, false),
        };
        if fits {
            p += step;
            t += 1;
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            (p, t) = (at + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, text, want) in [
            ("abc", "abc", true),
            ("abc", "abd", false),
            ("a*", "a", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("*b*d*", "abcde", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a\\*c", "a*c", true),
            ("a\\*c", "abc", false),
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
        ] {
            assert_eq!(wildcard(pattern, text), want, "{pattern} {text}");
        }
    }

    #[test]
    fn names_and_values_or() {
        let filter = |name: &str, values: &[&str]| Filter {
            name: name.to_owned(),
            values: values.iter().map(|v| (*v).to_owned()).collect(),
        };
        let tags = Tags::from([("env".to_owned(), "dev".to_owned())]);
        let ask = |name: &str| if name == "state" { "available".into() } else { Answer::Unknown };
        let check = |filters: &[Filter]| passes(filters, &tags, ask).map_err(|e| e.code);
        assert_eq!(check(&[filter("tag:env", &["prod", "d?v"]), filter("state", &["available"])]), Ok(true));
        assert_eq!(check(&[filter("tag:env", &["prod"]), filter("state", &["available"])]), Ok(false));
        assert_eq!(check(&[filter("tag-key", &["e*"])]), Ok(true));
        assert_eq!(check(&[filter("tag:other", &["*"])]), Ok(false));
        assert_eq!(check(&[filter("state", &[])]), Ok(false));
        assert_eq!(check(&[filter("nonsense", &["x"])]), Err("InvalidParameterValue".to_owned()));
    }
}

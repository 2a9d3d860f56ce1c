//! Passwords that nobody has seen.

use serde::Deserialize;
use serde_json::json;

use super::INVALID;
use crate::error::{Result, fail};
use crate::world::Cx;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Wanted {
    password_length: Option<usize>,
    exclude_characters: Option<String>,
    #[serde(default)]
    exclude_numbers: bool,
    #[serde(default)]
    exclude_punctuation: bool,
    #[serde(default)]
    exclude_uppercase: bool,
    #[serde(default)]
    exclude_lowercase: bool,
    #[serde(default)]
    include_space: bool,
    require_each_included_type: Option<bool>,
}

pub(super) fn random(cx: &mut Cx<'_>, input: Wanted) -> Result {
    let length = input.password_length.unwrap_or(32);
    if !(1..=4096).contains(&length) {
        return fail!(INVALID, "PasswordLength must be 1 to 4096");
    }
    let excluded = input.exclude_characters.unwrap_or_default();
    let sorts: Vec<Vec<char>> = [
        (!input.exclude_lowercase, "abcdefghijklmnopqrstuvwxyz"),
        (!input.exclude_uppercase, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        (!input.exclude_numbers, "0123456789"),
        (!input.exclude_punctuation, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
        (input.include_space, " "),
    ]
    .into_iter()
    .filter(|(included, _)| *included)
    .map(|(_, characters)| characters.chars().filter(|c| !excluded.contains(*c)).collect())
    .filter(|characters: &Vec<char>| !characters.is_empty())
    .collect();
    let each = input.require_each_included_type.unwrap_or(true);
    if sorts.is_empty() || each && sorts.len() > length {
        return fail!(INVALID, "A password of {length} characters cannot have all that is asked for");
    }
    let pick = |cx: &mut Cx<'_>, from: &[char]| {
        let at = usize::try_from(cx.random(from.len() as u64)).unwrap_or_default();
        from.get(at).copied()
    };
    let all: Vec<char> = sorts.concat();
    let mut password: Vec<char> = Vec::with_capacity(length);
    if each {
        password.extend(sorts.iter().filter_map(|sort| pick(cx, sort)));
    }
    while password.len() < length {
        password.extend(pick(cx, &all));
    }
    // What is required stands anywhere.
    for at in (1..password.len()).rev() {
        let other = usize::try_from(cx.random(at as u64 + 1)).unwrap_or_default();
        password.swap(at, other);
    }
    Ok(json!({"RandomPassword": password.into_iter().collect::<String>()}))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::clock::Time;
    use crate::options::Options;
    use crate::services::secretsmanager::{SERVICE, handler};
    use crate::world::{Cx, World};

    #[test]
    fn passwords_have_what_is_asked_for() {
        let options = Options::manual();
        let mut world = World::new(&options, Time(1_000_000));
        let mut ask = |input: Value| {
            let mut cx = Cx::new(&mut world, &options, &SERVICE, "ap-northeast-1".to_owned());
            let answer = handler("GetRandomPassword").unwrap()(&mut cx, input)?;
            Ok::<_, crate::error::ApiError>(answer["RandomPassword"].as_str().unwrap().to_owned())
        };
        let first = ask(json!({})).unwrap();
        assert_eq!(first.len(), 32);
        assert_ne!(first, ask(json!({})).unwrap());
        let digits = ask(json!({
            "PasswordLength": 100, "ExcludePunctuation": true, "ExcludeUppercase": true, "ExcludeLowercase": true,
            "ExcludeCharacters": "0",
        }));
        assert!(digits.unwrap().bytes().all(|b| b.is_ascii_digit() && b != b'0'));
        for length in [4, 5, 40] {
            let all = ask(json!({"PasswordLength": length})).unwrap();
            let has = |sort: fn(char) -> bool| all.chars().any(sort);
            assert!(has(|c| c.is_ascii_lowercase()) && has(|c| c.is_ascii_uppercase()), "{all}");
            assert!(has(|c| c.is_ascii_digit()) && has(|c| c.is_ascii_punctuation()), "{all}");
        }
        for wrong in [json!({"PasswordLength": 0}), json!({"PasswordLength": 4097}), json!({"PasswordLength": 3})] {
            assert_eq!(ask(wrong).unwrap_err().code, "InvalidParameterException");
        }
    }
}

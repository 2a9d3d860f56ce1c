//! Pages of results, with opaque tokens.

use crate::error::{ApiError, Result};

/// One page: what is on it, and the token of the next.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}

/// Cuts a page from `items`, which are sorted by their key. A token names the last key of the page before, so that
/// pages stay right while things come and go. `bad_token` is the service's error code.
pub(crate) fn page<T>(
    items: impl IntoIterator<Item = (String, T)>,
    token: Option<&str>,
    size: usize,
    bad_token: &str,
) -> Result<Page<T>> {
    let after = match token {
        None | Some("") => None,
        Some(token) => match decode(token) {
            Some(key) => Some(key),
            None => return Err(ApiError::new(bad_token, "The token is invalid.")),
        },
    };
    let mut rest = items.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after)).peekable();
    let (mut page, mut last) = (Vec::new(), None);
    while page.len() < size.max(1) {
        let Some((key, item)) = rest.next() else { break };
        page.push(item);
        last = Some(key);
    }
    let next = if rest.peek().is_some() { last.map(|key| encode(&key)) } else { None };
    Ok(Page { items: page, next })
}

/// The size of a page that was asked for, from 1 to `most`. `bad_size` is the service's error code.
pub(crate) fn size(wanted: Option<usize>, default: usize, most: usize, bad_size: &str) -> Result<usize> {
    match wanted.unwrap_or(default) {
        size if (1..=most).contains(&size) => Ok(size),
        size => Err(ApiError::new(
            bad_size,
            format!(
                "1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy constraint: Member must have \
                 value between 1 and {most}"
            ),
        )),
    }
}

const MARK: &str = "aomidori1";

fn encode(key: &str) -> String {
    let mut token = MARK.to_owned();
    for byte in key.bytes() {
        token.push_str(&format!("{byte:02x}"));
    }
    token
}

fn decode(token: &str) -> Option<String> {
    let hex = token.strip_prefix(MARK)?.as_bytes();
    if hex.len() % 2 != 0 {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        hex.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other() {
        let items = || ["a", "b", "c", "d", "e"].map(|k| (k.to_owned(), k));
        let first = page(items(), None, 2, "InvalidNextToken").unwrap();
        assert_eq!(first.items, ["a", "b"]);
        let second = page(items().into_iter().filter(|(k, _)| k != "b"), first.next.as_deref(), 2, "X").unwrap();
        assert_eq!(second.items, ["c", "d"]);
        let third = page(items(), second.next.as_deref(), 2, "X").unwrap();
        assert_eq!((third.items, third.next), (vec!["e"], None));
        assert_eq!(page(items(), Some("junk"), 2, "InvalidNextToken").err().unwrap().code, "InvalidNextToken");
    }
}

//! Domain names: one spelling for each, and their order.

use crate::error::{ApiError, Result};

/// In lower case, with a dot at the end, and what is not a letter, digit, hyphen or underscore as `\ooo`.
pub(super) fn canonical(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let mut out = String::with_capacity(lower.len() + 1);
    let mut bytes = lower.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(char::from(byte)),
            b'\\' if bytes.peek().is_some_and(u8::is_ascii_digit) => out.push('\\'),
            _ => out.push_str(&format!("\\{byte:03o}")),
        }
    }
    if !out.ends_with('.') {
        out.push('.');
    }
    out
}

/// What zones and records are sorted by: the labels in reverse, `com.example.www.`
pub(super) fn reversed(canonical: &str) -> String {
    let mut labels: Vec<&str> = canonical.trim_end_matches('.').split('.').collect();
    labels.reverse();
    let mut key = labels.join(".");
    key.push('.');
    key
}

/// Whether a canonical name is the zone's own or below it.
pub(super) fn is_within(name: &str, zone: &str) -> bool {
    name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

/// Checks a name as the domain of a zone.
pub(super) fn check_domain(name: &str) -> Result<()> {
    let canonical = canonical(name);
    let labels: Vec<&str> = canonical.trim_end_matches('.').split('.').collect();
    let fits =
        |label: &&str| !label.is_empty() && label.len() <= 63 && !label.contains('\\') && !label.starts_with('-');
    if canonical.len() <= 255 && labels.iter().all(fits) {
        return Ok(());
    }
    Err(ApiError::new("InvalidDomainName", format!("{name} is not a valid domain name")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, want) in [
            ("Example.COM", "example.com."),
            ("a_b.example.com.", "a_b.example.com."),
            ("*.example.com", "\\052.example.com."),
            ("\\052.example.com", "\\052.example.com."),
            ("a@b.c", "a\\100b.c."),
        ] {
            assert_eq!(canonical(name), want);
        }
        assert_eq!(reversed("www.example.com."), "com.example.www.");
        assert!(is_within("a.example.com.", "example.com.") && is_within("example.com.", "example.com."));
        assert!(!is_within("badexample.com.", "example.com."));
        for bad in ["", ".", "a..b", "-a.com", "a b.com"] {
            assert_eq!(check_domain(bad).unwrap_err().code, "InvalidDomainName", "{bad}");
        }
    }
}

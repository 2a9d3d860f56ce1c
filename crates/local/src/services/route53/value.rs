//! What a record of each type may say.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The types of records that Route 53 has.
pub(super) const TYPES: &[&str] = &[
    "SOA", "A", "TXT", "NS", "CNAME", "MX", "NAPTR", "PTR", "SRV", "SPF", "AAAA", "CAA", "DS", "TLSA", "SSHFP", "SVCB",
    "HTTPS",
];

/// Checks one value; the error is Route 53's reason.
pub(super) fn check(kind: &str, value: &str) -> Result<(), String> {
    let problem = |code: &str, what: &str| {
        Err(format!("Invalid Resource Record: 'FATAL problem: {code} ({what}) encountered with '{value}''"))
    };
    let fields: Vec<&str> = value.split_whitespace().collect();
    let number = |text: &str| text.parse::<u16>().is_ok();
    match kind {
        "A" if value.parse::<Ipv4Addr>().is_err() => {
            problem("ARRDATAIllegalIPv4Address", "Value is not a valid IPv4 address")
        }
        "AAAA" if value.parse::<Ipv6Addr>().is_err() => {
            problem("AAAARRDATAIllegalIPv6Address", "Value is not a valid IPv6 address")
        }
        "CNAME" | "NS" | "PTR" if !is_domain(value) => problem("DomainLabelEmpty", "Value is not a valid domain name"),
        "TXT" | "SPF" => strings(value).or_else(|(code, what)| problem(code, what)),
        "MX" => match fields.as_slice() {
            [preference, name] if number(preference) && is_domain(name) => Ok(()),
            _ => problem("MXRRDATANotTwoFields", "MX record doesn't have 2 fields"),
        },
        "SRV" => match fields.as_slice() {
            [priority, weight, port, name] if [priority, weight, port].iter().all(|n| number(n)) && is_domain(name) => {
                Ok(())
            }
            _ => problem("SRVRRDATANotFourFields", "SRV record doesn't have 4 fields"),
        },
        "CAA" => match fields.as_slice() {
            [flags, tag, rest @ ..] if flags.parse::<u8>().is_ok() && !tag.is_empty() && !rest.is_empty() => Ok(()),
            _ => problem("CAARRDATANotThreeFields", "CAA record doesn't have 3 fields"),
        },
        _ => Ok(()),
    }
}

fn is_domain(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let fits = |label: &str| !label.is_empty() && label.len() <= 63 && !label.contains(char::is_whitespace);
    name.split('.').all(fits) && name.len() <= 254
}

/// `"…" "…"`, each of 255 characters at most.
fn strings(value: &str) -> Result<(), (&'static str, &'static str)> {
    let mut rest = value.trim();
    loop {
        let Some(inside) = rest.strip_prefix('"') else {
            return Err(("InvalidCharacterString", "Value should be enclosed in quotation marks"));
        };
        let (mut end, mut escaped) = (None, false);
        for (at, c) in inside.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        let Some(end) = end else {
            return Err(("InvalidCharacterString", "Value should be enclosed in quotation marks"));
        };
        if end > 255 {
            return Err(("CharacterStringTooLong", "Value is too long"));
        }
        rest = inside.get(end + 1..).unwrap_or_default().trim_start();
        if rest.is_empty() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn values() {
        for (kind, value, ok) in [
            ("A", "10.0.0.1", true),
            ("A", "10.0.0", false),
            ("AAAA", "::1", true),
            ("AAAA", "10.0.0.1", false),
            ("CNAME", "a.example.com", true),
            ("CNAME", "a..b", false),
            ("TXT", "\"a b\" \"c\"", true),
            ("TXT", "a", false),
            ("TXT", "\"a", false),
            ("TXT", "\"a\\\"b\"", true),
            ("MX", "10 mail.example.com", true),
            ("MX", "mail.example.com", false),
            ("SRV", "1 1 80 a.b", true),
            ("SRV", "1 1 a.b", false),
        ] {
            assert_eq!(check(kind, value).is_ok(), ok, "{kind} {value}");
        }
        assert!(check("TXT", &format!("\"{}\"", "x".repeat(256))).is_err());
    }
}

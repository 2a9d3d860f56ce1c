//! Logical addresses: the stable identity of a resource inside its stack.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The logical address of a resource, such as `network/subnet/private-a`.
///
/// Two to six segments of lower-case letters, digits, `-`, `_` and `.`, joined by `/`; at most 200 characters, so that
/// it fits a tag value everywhere. The first segment is the [group](Address::group). It is written to the tag
/// `aomidori:address` and never changes while the resource lives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

/// Why a text is not an [`Address`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an address: {reason}")]
pub struct InvalidAddress {
    text: String,
    reason: &'static str,
}

impl Address {
    /// The whole address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first segment: the group of resources (`network`, `platform`, …) that a person thinks of.
    pub fn group(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// The last segment: the shortest name that tells siblings apart.
    pub fn leaf(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |reason| Err(InvalidAddress { text: text.to_owned(), reason });
        if text.len() > 200 {
            return refuse("it is longer than 200 characters");
        }
        let segments: Vec<&str> = text.split('/').collect();
        if !(2..=6).contains(&segments.len()) {
            return refuse("it needs two to six segments, such as `network/vpc`");
        }
        for segment in segments {
            let mut bytes = segment.bytes();
            let starts = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            let goes_on =
                bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'));
            if !starts || !goes_on {
                return refuse(
                    "a segment starts with a lower-case letter or digit and holds only those, `-`, `_` and `.`",
                );
            }
        }
        Ok(Address(text.to_owned()))
    }
}

impl TryFrom<String> for Address {
    type Error = InvalidAddress;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

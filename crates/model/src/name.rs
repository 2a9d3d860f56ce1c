//! Names as AWS takes them: one type for each rule of length and characters, parsed before a plan exists.

use std::fmt;

/// Why a text is not a name of some sort.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}: {reason}")]
pub struct InvalidName {
    /// The text.
    pub text: String,
    /// What it should have been, with its article (`a load balancer name`).
    pub what: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

/// The rule of one sort of name.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// What it is, with its article.
    pub what: &'static str,
    /// Shortest and longest length in characters.
    pub length: (usize, usize),
    /// Legal characters, in words.
    pub characters: &'static str,
    /// True for a legal character.
    pub legal: fn(char) -> bool,
    /// Further rules: what is wrong with the text, if anything.
    pub further: fn(&str) -> Option<&'static str>,
}

impl Rule {
    /// Checks a text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, text: &str) -> Result<(), InvalidName> {
        let refuse = |reason: String| Err(InvalidName { text: text.to_owned(), what: self.what, reason });
        let (least, most) = self.length;
        let length = text.chars().count();
        if length < least || length > most {
            return refuse(format!("it has {length} characters, and AWS takes {least} to {most}"));
        }
        if let Some(bad) = text.chars().find(|c| !(self.legal)(*c)) {
            return refuse(format!("`{}` is not allowed, only {}", bad.escape_debug(), self.characters));
        }
        match (self.further)(text) {
            Some(reason) => refuse(reason.to_owned()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} to {} characters, {}", self.what, self.length.0, self.length.1, self.characters)
    }
}

/// Defines a name type with its rule.
macro_rules! name_type {
    ($(#[$doc:meta])* $type:ident: $what:literal, $least:literal..=$most:literal, $characters:literal, $legal:expr
        $(, $further:expr)?) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The rule that every value of this type keeps.
            pub const RULE: $crate::name::Rule = $crate::name::Rule {
                what: $what,
                length: ($least, $most),
                characters: $characters,
                legal: $legal,
                further: $crate::name::name_type!(@further $($further)?),
            };

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::name::InvalidName;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::RULE.check(text)?;
                Ok($type(text.to_owned()))
            }
        }
        impl TryFrom<String> for $type {
            type Error = $crate::name::InvalidName;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }
        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl $crate::ToValue for $type {
            fn to_value(&self) -> $crate::Value {
                $crate::Value::str(&self.0)
            }
        }
    };
    (@further) => { |_| None };
    (@further $further:expr) => { $further };
}
pub(crate) use name_type;

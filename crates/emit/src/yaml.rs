//! YAML, in order, with comments where they say why.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_saphyr::{Commented, LitStr, ser_options, to_string_with_options};

use crate::EmitError;

/// A YAML value; maps keep their order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Yaml {
    Bool(bool),
    Int(u32),
    Float(f32),
    Str(String),
    /// A text that stands over several lines, as scripts do.
    Block(String),
    /// A text with a comment behind it.
    Noted(String, String),
    List(Vec<Yaml>),
    Map(Vec<(String, Yaml)>),
}

/// A text.
pub(crate) fn text(text: impl Into<String>) -> Yaml {
    Yaml::Str(text.into())
}

/// A map, in this order.
pub(crate) fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Yaml)>) -> Yaml {
    Yaml::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

/// A list of texts.
pub(crate) fn texts<T: Into<String>>(items: impl IntoIterator<Item = T>) -> Yaml {
    Yaml::List(items.into_iter().map(text).collect())
}

impl Serialize for Yaml {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Yaml::Bool(flag) => serializer.serialize_bool(*flag),
            Yaml::Int(number) => serializer.serialize_u32(*number),
            Yaml::Float(number) => serializer.serialize_f32(*number),
            Yaml::Str(text) => serializer.serialize_str(text),
            Yaml::Block(text) => LitStr(text).serialize(serializer),
            Yaml::Noted(text, note) => Commented(text, note.clone()).serialize(serializer),
            Yaml::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Yaml::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}

/// A document: sections with a blank line between them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    sections: Vec<(Vec<String>, Yaml)>,
    yaml_12: bool,
}

impl Document {
    /// A document whose readers know YAML 1.2, where `on` is no boolean.
    pub(crate) fn yaml_12() -> Document {
        Document { yaml_12: true, ..Document::default() }
    }

    /// Adds keys under comments of fixed words, one for each line.
    pub(crate) fn section<K: Into<String>>(&mut self, why: &[&str], entries: impl IntoIterator<Item = (K, Yaml)>) {
        self.sections.push((why.iter().map(|line| (*line).to_owned()).collect(), map(entries)));
    }

    /// Its text.
    pub(crate) fn text(&self) -> Result<String, EmitError> {
        let mut sections = Vec::new();
        for (why, value) in &self.sections {
            let options = ser_options! {
                compact_list_indent: false,
                // Scripts stand over several lines, other texts never: of one that is nothing but line ends the serializer
                // makes a block with one more.
                prefer_block_scalars: false,
            };
            let mut body = to_string_with_options(value, options).map_err(|error| EmitError::Bug(error.to_string()))?;
            // Texts are quoted as for any reader; this key is written as everybody writes it.
            if let Some(rest) = body.strip_prefix("\"on\":").or_else(|| body.strip_prefix("'on':"))
                && self.yaml_12
            {
                body = format!("on:{rest}");
            }
            let why: String = why.iter().map(|line| format!("# {line}\n")).collect();
            sections.push(format!("{why}{body}"));
        }
        Ok(sections.join("\n"))
    }
}

//! From the JSON tree of a request to a handler's typed input.
//!
//! Inputs are ordinary serde structs. Query protocols carry text only, so numbers and booleans are read from text too,
//! and an empty text is an empty list. Use `#[serde(rename_all = "PascalCase", deny_unknown_fields)]`: a member that the
//! handler does not know is then an error that names it, and a required member that is absent is AWS's own error.

use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

use crate::error::{ApiError, Result};
use crate::protocol::Protocol;
use crate::world::Cx;

/// Decodes the input of the operation that `cx` is about.
pub(crate) fn decode<T: DeserializeOwned>(cx: &Cx<'_>, value: Value) -> Result<T> {
    T::deserialize(Lenient(value)).map_err(|e| e.into_api(cx))
}

/// Why an input does not fit.
#[derive(Debug, PartialEq)]
enum InputError {
    Missing(String),
    Unknown(String),
    Invalid(String),
    /// Where in the tree, outermost first, and what.
    At(String, Box<InputError>),
}

impl InputError {
    fn at(self, key: &str) -> Self {
        InputError::At(key.to_owned(), Box::new(self))
    }

    fn path(&self) -> String {
        match self {
            InputError::Missing(name) | InputError::Unknown(name) => name.clone(),
            InputError::Invalid(_) => String::new(),
            InputError::At(key, inner) => {
                let rest = inner.path();
                if rest.is_empty() { key.clone() } else { format!("{key}.{rest}") }
            }
        }
    }

    fn root(&self) -> &InputError {
        match self {
            InputError::At(_, inner) => inner.root(),
            other => other,
        }
    }

    fn into_api(self, cx: &Cx<'_>) -> ApiError {
        let path = self.path();
        let unknown = || format!("The local cloud does not know the parameter {path} of {}", cx.operation);
        match (cx.service.protocol, self.root()) {
            (Protocol::Ec2, InputError::Missing(_)) => {
                ApiError::new("MissingParameter", format!("The request must contain the parameter {path}"))
            }
            (Protocol::Ec2, InputError::Unknown(_)) => ApiError::new("UnknownParameter", unknown()),
            (Protocol::Ec2, InputError::Invalid(why)) => {
                ApiError::new("InvalidParameterValue", format!("Invalid value for parameter {path}: {why}"))
            }
            (Protocol::S3 { .. }, InputError::Unknown(_)) => ApiError::new("NotImplemented", unknown()).status(501),
            (_, InputError::Missing(_)) => ApiError::new(
                cx.service.invalid,
                format!(
                    "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
                    lower_first(&path)
                ),
            ),
            (_, InputError::Unknown(_)) => ApiError::new(cx.service.invalid, unknown()),
            (Protocol::Json { .. }, InputError::Invalid(why)) => {
                ApiError::new("SerializationException", format!("{path}: {why}"))
            }
            (_, other) => ApiError::new(cx.service.invalid, format!("Invalid value for {path}: {other}")),
        }
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InputError::Missing(name) => write!(f, "{name} is missing"),
            InputError::Unknown(name) => write!(f, "{name} is not known"),
            InputError::Invalid(why) => f.write_str(why),
            InputError::At(key, inner) => write!(f, "{key}: {inner}"),
        }
    }
}

impl std::error::Error for InputError {}

impl de::Error for InputError {
    fn custom<T: fmt::Display>(msg: T) -> Self {
        InputError::Invalid(msg.to_string())
    }
    fn missing_field(field: &'static str) -> Self {
        InputError::Missing(field.to_owned())
    }
    fn unknown_field(field: &str, _expected: &'static [&'static str]) -> Self {
        InputError::Unknown(field.to_owned())
    }
}

struct Lenient(Value);

macro_rules! from_text {
    ($($method:ident $visit:ident $type:ty, $name:literal;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, InputError> {
            match &self.0 {
                Value::String(text) => match text.trim().parse::<$type>() {
                    Ok(value) => visitor.$visit(value),
                    Err(_) => Err(InputError::Invalid(format!("'{text}' is not {}", $name))),
                },
                _ => self.deserialize_any(visitor),
            }
        })*
    };
}

impl<'de> de::Deserializer<'de> for Lenient {
    type Error = InputError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, InputError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(b) => visitor.visit_bool(b),
            Value::Number(n) => match (n.as_u64(), n.as_i64(), n.as_f64()) {
                (Some(n), _, _) => visitor.visit_u64(n),
                (_, Some(n), _) => visitor.visit_i64(n),
                (_, _, Some(n)) => visitor.visit_f64(n),
                _ => Err(InputError::Invalid(format!("{n} is out of range"))),
            },
            Value::String(text) => visitor.visit_string(text),
            Value::Array(items) => visitor.visit_seq(Items(items.into_iter().enumerate())),
            Value::Object(members) => {
                // An absent member and a null one are the same to AWS.
                let members: Vec<_> = members.into_iter().filter(|(_, v)| !v.is_null()).collect();
                visitor.visit_map(Members { members: members.into_iter(), next: None })
            }
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, InputError> {
        match &self.0 {
            Value::String(text) if text.eq_ignore_ascii_case("true") => visitor.visit_bool(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => visitor.visit_bool(false),
            Value::String(text) => Err(InputError::Invalid(format!("'{text}' is not a boolean"))),
            _ => self.deserialize_any(visitor),
        }
    }

    from_text! {
        deserialize_i32 visit_i32 i32, "an integer";
        deserialize_i64 visit_i64 i64, "an integer";
        deserialize_u16 visit_u16 u16, "an integer";
        deserialize_u32 visit_u32 u32, "an integer";
        deserialize_u64 visit_u64 u64, "an integer";
        deserialize_f64 visit_f64 f64, "a number";
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, InputError> {
        match self.0 {
            Value::String(text) if text.is_empty() => visitor.visit_seq(Items(Vec::new().into_iter().enumerate())),
            other => Lenient(other).deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, InputError> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            other => visitor.visit_some(Lenient(other)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> std::result::Result<V::Value, InputError> {
        self.deserialize_map(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, InputError> {
        match self.0 {
            Value::String(text) if text.is_empty() => {
                Lenient(Value::Object(Default::default())).deserialize_any(visitor)
            }
            Value::Array(_) => Err(InputError::Invalid("a structure was expected, a list was sent".to_owned())),
            other => Lenient(other).deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> std::result::Result<V::Value, InputError> {
        self.0.deserialize_enum(name, variants, visitor).map_err(de::Error::custom)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> std::result::Result<V::Value, InputError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u128 f32 char str string bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

struct Items(std::iter::Enumerate<std::vec::IntoIter<Value>>);

impl<'de> SeqAccess<'de> for Items {
    type Error = InputError;
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> std::result::Result<Option<T::Value>, InputError> {
        match self.0.next() {
            None => Ok(None),
            Some((i, value)) => seed.deserialize(Lenient(value)).map(Some).map_err(|e| e.at(&(i + 1).to_string())),
        }
    }
}

struct Members {
    members: std::vec::IntoIter<(String, Value)>,
    next: Option<(String, Value)>,
}

impl<'de> MapAccess<'de> for Members {
    type Error = InputError;
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> std::result::Result<Option<K::Value>, InputError> {
        self.next = self.members.next();
        match &self.next {
            None => Ok(None),
            Some((key, _)) => seed.deserialize(key.as_str().into_deserializer()).map(Some),
        }
    }
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> std::result::Result<T::Value, InputError> {
        let (key, value) = self.next.take().unwrap_or_default();
        seed.deserialize(Lenient(value)).map_err(|e| e.at(&key))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Input {
        vpc_id: String,
        port: Option<i64>,
        #[serde(default)]
        enabled: bool,
        #[serde(default)]
        names: Vec<String>,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Inner {
        value: u16,
    }

    fn read(value: Value) -> std::result::Result<Input, InputError> {
        Input::deserialize(Lenient(value))
    }

    #[test]
    fn text_is_read_as_what_it_means() {
        let input = read(json!({"VpcId": "v", "Port": "80", "Enabled": "True", "Names": "", "Inner": {"Value": "7"}}));
        let want =
            Input { vpc_id: "v".into(), port: Some(80), enabled: true, names: vec![], inner: Some(Inner { value: 7 }) };
        assert_eq!(input, Ok(want));
    }

    #[test]
    fn errors_say_where() {
        let path = |value| read(value).map_err(|e| (e.path(), e.root().to_string())).unwrap_err();
        assert_eq!(path(json!({})), ("VpcId".into(), "VpcId is missing".into()));
        assert_eq!(path(json!({"VpcId": "v", "Foo": 1})), ("Foo".into(), "Foo is not known".into()));
        let where_ = path(json!({"VpcId": "v", "Inner": {"Value": "x"}}));
        assert_eq!(where_, ("Inner.Value".into(), "'x' is not an integer".into()));
        assert_eq!(path(json!({"VpcId": "v", "Inner": {"Foo": 1}})).0, "Inner.Foo");
    }
}

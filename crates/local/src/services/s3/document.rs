//! XML documents in requests, as typed values.

use serde::de::DeserializeOwned;

use super::refuse;
use crate::error::{ApiError, Result};

pub(super) fn malformed(why: impl std::fmt::Display) -> ApiError {
    let message = "The XML you provided was not well-formed or did not validate against our published schema";
    refuse(400, "MalformedXML", format!("{message} ({why})"))
}

/// Reads a document whose root has this name.
pub(super) fn read<T: DeserializeOwned>(text: &str, root: &str) -> Result<T> {
    if text.trim().is_empty() {
        return Err(refuse(400, "MissingRequestBodyError", "Request Body is empty"));
    }
    let text = without_namespace(text, root).ok_or_else(|| malformed(format!("its root is not {root}")))?;
    quick_xml::de::from_str(&text).map_err(malformed)
}

/// The root without its attributes: a namespace says nothing that is looked at.
fn without_namespace(text: &str, root: &str) -> Option<String> {
    let start = match text.find("?>") {
        Some(end) if text.trim_start().starts_with("<?") => text.get(end + 2..)?,
        _ => text,
    };
    let rest = start.trim_start().strip_prefix('<')?.strip_prefix(root)?;
    let end = rest.find('>')?;
    let (attributes, content) = rest.split_at(end);
    if !attributes.is_empty() && !attributes.starts_with([' ', '\n', '\t', '\r', '/']) {
        return None;
    }
    let slash = if attributes.ends_with('/') { "/" } else { "" };
    Some(format!("<{root}{slash}{content}"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase", deny_unknown_fields)]
    struct Config {
        status: Option<String>,
        #[serde(default)]
        rule: Vec<String>,
    }

    #[test]
    fn documents() {
        let full = "<?xml version=\"1.0\"?>\n<Config xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n  <Status>a&amp;b</Status>\n  \
                    <Rule>1</Rule><Rule>2</Rule></Config>";
        let want = Config { status: Some("a&b".into()), rule: vec!["1".into(), "2".into()] };
        assert_eq!(read::<Config>(full, "Config"), Ok(want));
        for empty in ["<Config/>", "<Config xmlns='x' />", "<Config></Config>"] {
            assert_eq!(read::<Config>(empty, "Config"), Ok(Config { status: None, rule: Vec::new() }), "{empty}");
        }
        for (bad, code) in [
            ("", "MissingRequestBodyError"),
            ("<Other/>", "MalformedXML"),
            ("<Configs/>", "MalformedXML"),
            ("<Config><Foo/></Config>", "MalformedXML"),
            ("<Config><Status>", "MalformedXML"),
            ("text", "MalformedXML"),
        ] {
            assert_eq!(read::<Config>(bad, "Config").unwrap_err().code, code, "{bad}");
        }
    }
}

//! Conditions of rules: what AWS takes, how it reads back, and which requests meet them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::validate::invalid;
use crate::error::Result;

/// What a request must be like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Condition {
    pub(crate) field: Option<String>,
    /// The old form of host-header and path-pattern, which is still read back.
    pub(crate) values: Option<Vec<String>>,
    pub(crate) regex_values: Option<Vec<String>>,
    pub(crate) host_header_config: Option<Patterns>,
    pub(crate) path_pattern_config: Option<Patterns>,
    pub(crate) http_header_config: Option<Header>,
    pub(crate) query_string_config: Option<QueryString>,
    pub(crate) http_request_method_config: Option<Values>,
    pub(crate) source_ip_config: Option<Values>,
}

/// Patterns, or regular expressions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Patterns {
    pub(crate) values: Option<Vec<String>>,
    pub(crate) regex_values: Option<Vec<String>>,
}

/// A header's name, and patterns for its value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Header {
    pub(crate) http_header_name: Option<String>,
    pub(crate) values: Option<Vec<String>>,
    pub(crate) regex_values: Option<Vec<String>>,
}

/// Pairs, of which a request must have one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct QueryString {
    #[serde(default)]
    pub(crate) values: Vec<Pair>,
}

/// A pattern for a parameter's name (any, without) and one for its value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Pair {
    pub(crate) key: Option<String>,
    pub(crate) value: Option<String>,
}

/// Plain values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Values {
    #[serde(default)]
    pub(crate) values: Vec<String>,
}

impl Condition {
    fn count(&self) -> usize {
        let patterns = |p: &Option<Patterns>| {
            p.as_ref()
                .map_or(0, |p| p.values.as_ref().map_or(0, Vec::len) + p.regex_values.as_ref().map_or(0, Vec::len))
        };
        patterns(&self.host_header_config)
            + patterns(&self.path_pattern_config)
            + self
                .http_header_config
                .as_ref()
                .map_or(0, |h| h.values.as_ref().map_or(0, Vec::len) + h.regex_values.as_ref().map_or(0, Vec::len))
            + self.query_string_config.as_ref().map_or(0, |q| q.values.len())
            + self.http_request_method_config.as_ref().map_or(0, |v| v.values.len())
            + self.source_ip_config.as_ref().map_or(0, |v| v.values.len())
    }
}

/// Checks a rule's conditions and spells them as AWS reads them back.
pub(super) fn normalise(conditions: Vec<Condition>) -> Result<Vec<Condition>> {
    if conditions.is_empty() {
        return Err(invalid("A rule must have at least one condition"));
    }
    let mut result = Vec::new();
    let mut seen = BTreeSet::new();
    for condition in conditions {
        let condition = normalise_one(condition)?;
        let field = condition.field.clone().unwrap_or_default();
        let once = ["host-header", "path-pattern", "http-request-method", "source-ip"].contains(&field.as_str());
        if !seen.insert(field.clone()) && once {
            return Err(invalid(format!("A rule can only have one '{field}' condition")));
        }
        result.push(condition);
    }
    if result.iter().map(Condition::count).sum::<usize>() > 5 {
        return Err(invalid("A rule can only have '5' condition values"));
    }
    Ok(result)
}

fn normalise_one(mut condition: Condition) -> Result<Condition> {
    let Some(field) = condition.field.clone() else { return Err(invalid("A condition field must be specified")) };
    let fill = |config: Option<Patterns>, values: Option<Vec<String>>, regex: Option<Vec<String>>| match (
        config, values, regex,
    ) {
        (Some(_), Some(values), _) if !values.is_empty() => {
            Err(invalid(format!("You cannot specify both values and a configuration for the field '{field}'")))
        }
        (Some(config), ..) => Ok(config),
        (None, values, regex_values) => Ok(Patterns { values, regex_values }),
    };
    match field.as_str() {
        "host-header" | "path-pattern" => {
            let host = field == "host-header";
            let config = if host { condition.host_header_config.take() } else { condition.path_pattern_config.take() };
            let config = fill(config, condition.values.take(), condition.regex_values.take())?;
            let values = config.values.clone().unwrap_or_default();
            if values.iter().any(|v| v.is_empty() || v.chars().count() > 128) {
                return Err(invalid(format!("Condition values for the field '{field}' must have 1 to 128 characters")));
            }
            if let Some(bad) = values.iter().find(|v| !allowed(v, host)) {
                return Err(invalid(format!("The value '{bad}' is not valid for the field '{field}'")));
            }
            let wanted = Condition { field: Some(field.clone()), ..Condition::default() };
            let legacy = config.values.clone();
            condition = if host {
                Condition { host_header_config: Some(config), values: legacy, ..wanted }
            } else {
                Condition { path_pattern_config: Some(config), values: legacy, ..wanted }
            };
        }
        "http-header" => {
            let name = condition.http_header_config.as_ref().and_then(|header| header.http_header_name.as_deref());
            match name {
                None => return Err(invalid("An HTTP header name must be specified")),
                Some(name) if name.eq_ignore_ascii_case("host") => {
                    return Err(invalid("Use a host-header condition for the header 'Host'"));
                }
                Some(_) => {}
            }
        }
        "http-request-method" => {
            let methods = condition.http_request_method_config.iter().flat_map(|config| &config.values);
            let fits = |m: &String| {
                !m.is_empty() && m.len() <= 40 && m.chars().all(|c| c.is_ascii_uppercase() || c == '-' || c == '_')
            };
            if let Some(bad) = methods.into_iter().find(|m| !fits(m)) {
                return Err(invalid(format!("The value '{bad}' is not valid for the field 'http-request-method'")));
            }
        }
        "source-ip" => {
            let blocks = condition.source_ip_config.iter().flat_map(|config| &config.values);
            for block in blocks {
                if block_of(block).is_none() && !block.contains(':') {
                    return Err(invalid(format!("The source IP value '{block}' is not a valid CIDR block")));
                }
            }
        }
        "query-string" => {}
        other => {
            return Err(invalid(format!(
                "Condition field '{other}' must be one of '[path-pattern, host-header, http-header, http-request-method, query-string, source-ip]'"
            )));
        }
    }
    if condition.count() == 0 {
        return Err(invalid("A condition value must be specified"));
    }
    Ok(condition)
}

fn allowed(value: &str, host: bool) -> bool {
    let more = if host { "-.*?" } else { "_-.$/~\"'@:+&*?!=,;()%#[]" };
    value.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        && (!host || value.contains('.') || value == "*")
}

/// `10.0.0.0/8` as the address and the mask.
pub(super) fn block_of(text: &str) -> Option<(u32, u32)> {
    let (address, length) = text.split_once('/')?;
    let (address, length): (std::net::Ipv4Addr, u32) = (address.parse().ok()?, length.parse().ok()?);
    let mask = if length == 0 { 0 } else { u32::MAX.checked_shl(32_u32.checked_sub(length)?)? };
    Some((u32::from(address), mask))
}

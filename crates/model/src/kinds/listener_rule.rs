//! Listener rule.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::listener::Action;
use super::{Kind, KindInfo, KindName, Limit, Limits, Listener, Replacement, Traffic};
use crate::field::Fields;
use crate::name::Rule;
use crate::problem::Check;
use crate::reference::Ref;
use crate::value::{Caseless, ToValue, Value};

/// A rule of a listener. Its id is its ARN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerRule {
    /// The listener that it is part of.
    pub listener: Ref<Listener>,
    /// Its place among the listener's rules, 1 to 50000, each once.
    pub priority: u32,
    /// All of them must hold.
    pub conditions: Vec<Condition>,
    /// What happens then.
    pub action: Action,
}

/// A condition of a rule: one of its values must match.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// The host name, with `*` and `?`.
    HostHeader(BTreeSet<String>),
    /// The path, with `*` and `?`.
    PathPattern(BTreeSet<String>),
    /// A header's value.
    HttpHeader {
        /// The header.
        name: String,
        /// Its values, with `*` and `?`.
        values: BTreeSet<String>,
    },
    /// The method (`GET`).
    HttpRequestMethod(BTreeSet<String>),
    /// The client's network.
    SourceIp(BTreeSet<String>),
    /// Parameters of the query string.
    QueryString(BTreeSet<QueryParameter>),
    /// A condition that this model cannot make (a regular expression), as observed.
    Other(String),
}

/// What AWS takes as a host name.
const HOST: Rule = Rule {
    what: "a host pattern",
    length: (1, 128),
    characters: "letters, digits, `-` and `.`, and the wildcards `*` and `?`",
    legal: |c| c.is_ascii_alphanumeric() || "-.*?".contains(c),
    further: |text| (!text.contains('.') && text != "*").then_some("it needs a `.`"),
};

/// What AWS takes as a path.
const PATH: Rule = Rule {
    what: "a path pattern",
    length: (1, 128),
    characters: "letters, digits and `_-.$/~\"'@:+&`, and the wildcards `*` and `?`",
    legal: |c| c.is_ascii_alphanumeric() || "_-.$/~\"'@:+&*?".contains(c),
    further: |_| None,
};

/// A parameter of a query string.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryParameter {
    /// Its key, with `*` and `?`; whatever it is, if none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its value, with `*` and `?`.
    pub value: String,
}

impl ToValue for QueryParameter {
    fn to_value(&self) -> Value {
        let QueryParameter { key, value } = self;
        match key {
            Some(key) => Value::map([("key", key.to_value()), ("value", value.to_value())]),
            None => Value::map([("value", value.to_value())]),
        }
    }
}

impl ToValue for Condition {
    fn to_value(&self) -> Value {
        match self {
            Condition::HostHeader(values) => Value::map([("host_header", values.to_value())]),
            Condition::PathPattern(values) => Value::map([("path_pattern", values.to_value())]),
            Condition::HttpHeader { name, values } => Value::map([(
                "http_header",
                Value::map([("name", Value::Caseless(Caseless(name.clone()))), ("values", values.to_value())]),
            )]),
            Condition::HttpRequestMethod(values) => Value::map([("http_request_method", values.to_value())]),
            Condition::SourceIp(values) => Value::map([("source_ip", values.to_value())]),
            Condition::QueryString(parameters) => Value::map([("query_string", parameters.to_value())]),
            Condition::Other(observed) => Value::map([("other", Value::str(observed))]),
        }
    }
}

impl Kind for ListenerRule {
    const INFO: KindInfo = KindInfo {
        unique: &[&["listener_arn", "priority"]],
        replacement: Replacement::DeleteFirst,
        limits: Limits {
            create: Some(Limit::load_balancing()),
            update: Some(Limit::load_balancing()),
            delete: Some(Limit::load_balancing()),
        },
        traffic_on_delete: Traffic::Outage,
        ..KindInfo::new(KindName::ListenerRule, "listener rule", "aws_lb_listener_rule")
    };

    fn fields(&self, fields: &mut Fields) {
        let ListenerRule { listener, priority, conditions, action } = self;
        fields.add("listener_arn", listener).replaces();
        fields.add("priority", priority);
        fields.add("condition", Value::Set(conditions.iter().map(ToValue::to_value).collect()));
        action.fields(fields);
    }

    fn validate(&self, check: &mut Check<'_>) {
        if !(1..=50_000).contains(&self.priority) {
            check.field(
                "E-RULE-PRIORITY",
                "priority",
                format!("priority {} is not between 1 and 50000", self.priority),
                "choose a number that no other rule of the listener has",
            );
        }
        if self.conditions.is_empty() || self.conditions.len() > 5 {
            check.field(
                "E-RULE-CONDITIONS",
                "condition",
                format!("a rule has 1 to 5 conditions, and this has {}", self.conditions.len()),
                "a request that no rule takes gets the listener's default action",
            );
        }
        for condition in &self.conditions {
            let (rule, patterns) = match condition {
                Condition::HostHeader(hosts) => (HOST, hosts),
                Condition::PathPattern(paths) => (PATH, paths),
                Condition::Other(observed) => {
                    check.field(
                        "E-RULE-CONDITION",
                        "condition",
                        format!("the condition `{observed}` can be observed, not made"),
                        "use a host, path, header, method, source or query string condition",
                    );
                    continue;
                }
                Condition::HttpHeader { .. }
                | Condition::HttpRequestMethod(_)
                | Condition::SourceIp(_)
                | Condition::QueryString(_) => continue,
            };
            for error in patterns.iter().filter_map(|pattern| rule.check(pattern).err()) {
                check.field(
                    "E-RULE-PATTERN",
                    "condition",
                    error.to_string(),
                    "AWS refuses it; write `?` for one character that it does not take, or `*` for several",
                );
            }
        }
        self.action.validate(check);
    }
}

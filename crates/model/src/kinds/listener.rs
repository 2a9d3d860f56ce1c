//! Listener of a load balancer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Kind, KindInfo, KindName, Limit, Limits, LoadBalancer, Replacement, TargetGroup, Traffic};
use crate::field::{Compare, Fields};
use crate::network::Port;
use crate::problem::Check;
use crate::reference::Ref;
use crate::value::{ToValue, Value};

/// A listener. Its id is its ARN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// The load balancer that it is part of.
    pub load_balancer: Ref<LoadBalancer>,
    /// The port that it listens on.
    pub port: Port,
    /// HTTP, or HTTPS with its certificate.
    pub protocol: ListenerProtocol,
    /// What happens to a request that no rule takes.
    pub default_action: Action,
}

/// What a listener speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ListenerProtocol {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https {
        /// The ARN of an ACM certificate in the load balancer's region.
        certificate: String,
        /// The TLS policy. AWS's default over the API is `ELBSecurityPolicy-2016-08`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ssl_policy: Option<String>,
    },
}

/// What a listener or rule does with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Hands it to the target group of a pair that is live. Created on `blue`; from then on CodeDeploy decides, and any
    /// weights on the two are right.
    ForwardPair {
        /// The group that is live before the first deployment.
        blue: Ref<TargetGroup>,
        /// The other one.
        green: Ref<TargetGroup>,
    },
    /// Hands it to one target group.
    Forward(Ref<TargetGroup>),
    /// Hands it to several by weight, 0 to 999 each.
    ForwardWeighted(Vec<Weighted>),
    /// Answers with a redirect.
    Redirect(Redirect),
    /// Answers by itself.
    FixedResponse(FixedResponse),
    /// An action that this model cannot make (authentication, several actions in a row), as observed.
    Other(String),
}

/// A target group and its share of requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weighted {
    /// The group.
    pub target_group: Ref<TargetGroup>,
    /// Its weight, 0 to 999.
    pub weight: u32,
}

/// A redirect. What is not declared is kept from the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// `HTTP`, `HTTPS` or `#{protocol}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// A port or `#{port}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// A host name or `#{host}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// A path, with `#{path}` and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A query string without `?`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// For ever (301) or for now (302).
    pub permanent: bool,
}

/// An answer that the load balancer gives by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedResponse {
    /// The status code: 2xx, 4xx or 5xx.
    pub status: u16,
    /// The media type: `text/plain`, `text/html`, ….
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The body, up to 1024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl Action {
    /// Adds the action's fields. The names are the same for listeners (`default_action.…`) and rules.
    pub(super) fn fields(&self, fields: &mut Fields) {
        let mut kind = "forward";
        let (mut forward, mut weights) = (Value::Null, Value::Null);
        let (mut redirect, mut fixed) = (Value::Null, Value::Null);
        let mut compare = Compare::Equal;
        match self {
            Action::ForwardPair { blue, green } => {
                forward = Value::Set([blue.to_value(), green.to_value()].into());
                compare = Compare::Within;
            }
            Action::Forward(group) => forward = Value::Set([group.to_value()].into()),
            Action::ForwardWeighted(groups) => {
                let live = groups.iter().filter(|group| group.weight > 0);
                forward = Value::Set(live.map(|group| group.target_group.to_value()).collect());
                weights = Value::Set(groups.iter().map(ToValue::to_value).collect());
            }
            Action::Redirect(Redirect { protocol, port, host, path, query, permanent }) => {
                kind = "redirect";
                let or = |value: &Option<String>, default: &str| Value::str(value.as_deref().unwrap_or(default));
                // Declared or not, AWS fills them in with the request's own.
                redirect = Value::map([
                    ("protocol", or(protocol, "#{protocol}")),
                    ("port", or(port, "#{port}")),
                    ("host", or(host, "#{host}")),
                    ("path", or(path, "/#{path}")),
                    ("query", or(query, "#{query}")),
                    ("status_code", Value::str(if *permanent { "HTTP_301" } else { "HTTP_302" })),
                ]);
            }
            Action::FixedResponse(FixedResponse { status, content_type, body }) => {
                kind = "fixed-response";
                fixed = Value::map([
                    ("status_code", Value::str(status.to_string())),
                    ("content_type", content_type.to_value()),
                    ("message_body", body.to_value()),
                ]);
            }
            Action::Other(observed) => {
                kind = "other";
                fixed = Value::str(observed);
            }
        }
        fields.add("action.type", kind);
        fields.add("action.forward", forward).compare(compare);
        fields.add("action.forward_weights", weights);
        fields.add("action.redirect", redirect);
        fields.add("action.fixed_response", fixed);
    }

    /// Reports what is wrong with it.
    pub(super) fn validate(&self, check: &mut Check<'_>) {
        match self {
            Action::ForwardPair { blue, green } if blue == green => check.field(
                "E-PAIR-SAME",
                "action.forward",
                "both sides of the pair are the same target group",
                "give the pair two target groups",
            ),
            Action::ForwardWeighted(groups) if groups.iter().all(|group| group.weight == 0) => check.field(
                "E-FORWARD-WEIGHTS",
                "action.forward_weights",
                "no target group has a weight above 0, so no request is served",
                "give at least one target group a weight of 1 to 999",
            ),
            Action::ForwardWeighted(groups) if groups.iter().any(|group| group.weight > 999) => check.field(
                "E-FORWARD-WEIGHTS",
                "action.forward_weights",
                "a weight is above 999",
                "choose weights from 0 to 999",
            ),
            Action::FixedResponse(response) if !matches!(response.status, 200..=299 | 400..=599) => check.field(
                "E-FIXED-STATUS",
                "action.fixed_response",
                format!("a fixed response cannot have status {}", response.status),
                "choose a 2xx, 4xx or 5xx status; for a 3xx use a redirect",
            ),
            Action::Other(observed) => check.field(
                "E-ACTION",
                "action.type",
                format!("the action `{observed}` can be observed, not made"),
                "use a forward, a redirect or a fixed response",
            ),
            Action::ForwardPair { .. }
            | Action::Forward(_)
            | Action::ForwardWeighted(_)
            | Action::Redirect(_)
            | Action::FixedResponse(_) => {}
        }
    }
}

impl ToValue for Weighted {
    fn to_value(&self) -> Value {
        Value::Map(BTreeMap::from([
            ("target_group".to_owned(), self.target_group.to_value()),
            ("weight".to_owned(), self.weight.to_value()),
        ]))
    }
}

impl Kind for Listener {
    const INFO: KindInfo = KindInfo {
        unique: &[&["load_balancer_arn", "port"]],
        // A target group belongs to one load balancer, so the old one must let go of it first.
        replacement: Replacement::DeleteFirst,
        limits: Limits {
            create: Some(Limit::load_balancing()),
            update: Some(Limit::load_balancing()),
            delete: Some(Limit::load_balancing()),
        },
        traffic_on_delete: Traffic::Outage,
        ..KindInfo::new(KindName::Listener, "listener", "aws_lb_listener")
    };

    fn fields(&self, fields: &mut Fields) {
        let Listener { load_balancer, port, protocol, default_action } = self;
        fields.add("load_balancer_arn", load_balancer).replaces();
        fields.add("port", port);
        let (protocol, certificate, ssl_policy) = match protocol {
            ListenerProtocol::Http => ("HTTP", Value::Null, Value::Null),
            ListenerProtocol::Https { certificate, ssl_policy } => {
                ("HTTPS", certificate.to_value(), ssl_policy.to_value())
            }
        };
        fields.add("protocol", protocol);
        fields.add("certificate_arn", certificate);
        fields.add("ssl_policy", ssl_policy);
        default_action.fields(fields);
    }

    fn validate(&self, check: &mut Check<'_>) {
        self.default_action.validate(check);
    }
}

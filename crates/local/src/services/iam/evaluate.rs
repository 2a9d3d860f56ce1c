//! Who may assume a role, and what a role may do.
//!
//! Simple but honest: identity policies and the permissions boundary, Allow and Deny, wildcards, and those condition
//! operators that compare texts. A condition on something that the caller of [`allows`] does not say is judged as AWS
//! judges an absent key: positive operators fail, negated ones hold.

use std::fmt;

use serde_json::{Map, Value};

use super::document::{statements, texts};
use super::managed;
use super::role::Role;
use crate::filters::wildcard;
use crate::world::Cx;

/// Why a role cannot be assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhyNot {
    /// There is no such role.
    Missing,
    /// It exists (or trusts the service) for so short a time that the service does not know yet.
    Fresh,
    /// Its trust policy does not name the service.
    Untrusted,
}

impl fmt::Display for WhyNot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WhyNot::Missing => "the role does not exist",
            WhyNot::Fresh => "the role is not known everywhere yet",
            WhyNot::Untrusted => "the role's trust policy does not allow it",
        })
    }
}

/// The role with this ARN.
pub(super) fn by_arn<'a>(cx: &'a Cx<'_>, arn: &str) -> Option<&'a Role> {
    let name = arn.rsplit('/').next().unwrap_or_default().to_lowercase();
    cx.world.global.iam.roles.get(&name).filter(|role| role.arn == arn)
}

/// Whether a service, such as `ecs-tasks.amazonaws.com`, can assume a role at this moment.
pub(crate) fn assumable(cx: &Cx<'_>, role_arn: &str, service: &str) -> Result<(), WhyNot> {
    let role = by_arn(cx, role_arn).ok_or(WhyNot::Missing)?;
    if !cx.settled(role.created) {
        return Err(WhyNot::Fresh);
    }
    let now = trusts(&role.trust, service);
    if cx.settled(role.trust_changed) {
        return if now { Ok(()) } else { Err(WhyNot::Untrusted) };
    }
    // The service still sees the policy before the last change.
    match (trusts(&role.trust_before, service), now) {
        (true, _) => Ok(()),
        (false, true) => Err(WhyNot::Fresh),
        (false, false) => Err(WhyNot::Untrusted),
    }
}

fn trusts(trust: &str, service: &str) -> bool {
    let matching = |statement: &Map<String, Value>, effect: &str| {
        let principal = statement.get("Principal");
        let named = principal.and_then(|p| p.get("Service")).and_then(texts).unwrap_or_default().contains(&service);
        let assume = |action: &&str| wildcard(&action.to_lowercase(), "sts:assumerole");
        statement.get("Effect").is_some_and(|e| e == effect)
            && named
            && statement.get("Action").and_then(texts).unwrap_or_default().iter().any(assume)
        // Conditions guard against confused deputies by the account and the ARN that a service acts for; here
        // there is one account only, so that they hold.
    };
    let statements = statements(trust);
    statements.iter().any(|s| matching(s, "Allow")) && !statements.iter().any(|s| matching(s, "Deny"))
}

/// Whether a role's policies allow an action (`ecs:CreateTaskSet`) on a resource (an ARN, or `*`). `context` has the
/// condition keys that are known, such as `("iam:PassedToService", "ecs-tasks.amazonaws.com")`.
pub(crate) fn allows(cx: &Cx<'_>, role_arn: &str, action: &str, resource: &str, context: &[(&str, &str)]) -> bool {
    let Some(role) = by_arn(cx, role_arn) else { return false };
    let attached = role.attached.keys().filter_map(|arn| document(cx, arn));
    let identity: Vec<String> = role.inline.values().cloned().chain(attached).collect();
    let request = Request { action, resource, context };
    let bounded = match &role.boundary {
        None => true,
        Some(arn) => document(cx, arn).is_some_and(|boundary| request.decide(&[boundary])),
    };
    bounded && request.decide(&identity)
}

/// The document of a managed policy's default version.
pub(super) fn document(cx: &Cx<'_>, policy_arn: &str) -> Option<String> {
    match cx.world.global.iam.policies.get(policy_arn) {
        Some(policy) => policy.document().map(str::to_owned),
        None => managed::by_arn(policy_arn).map(managed::Managed::document),
    }
}

struct Request<'a> {
    action: &'a str,
    resource: &'a str,
    context: &'a [(&'a str, &'a str)],
}

impl Request<'_> {
    fn decide(&self, documents: &[String]) -> bool {
        let mut allowed = false;
        for statement in documents.iter().flat_map(|document| statements(document)) {
            if self.is_meant_by(&statement) {
                match statement.get("Effect").and_then(Value::as_str) {
                    Some("Allow") => allowed = true,
                    _ => return false,
                }
            }
        }
        allowed
    }

    fn is_meant_by(&self, statement: &Map<String, Value>) -> bool {
        let action = self.action.to_lowercase();
        let of_action = |pattern: &str| wildcard(&pattern.to_lowercase(), &action);
        let of_resource = |pattern: &str| wildcard(pattern, self.resource);
        applies(statement, "Action", "NotAction", of_action)
            && applies(statement, "Resource", "NotResource", of_resource)
            && statement.get("Condition").and_then(Value::as_object).is_none_or(|condition| {
                condition.iter().all(|(operator, keys)| {
                    keys.as_object().is_some_and(|keys| keys.iter().all(|(key, want)| self.holds(operator, key, want)))
                })
            })
    }

    fn holds(&self, operator: &str, key: &str, want: &Value) -> bool {
        let (operator, if_exists) = match operator.strip_suffix("IfExists") {
            Some(operator) => (operator, true),
            None => (operator, false),
        };
        let operator = operator.rsplit(':').next().unwrap_or(operator);
        let value = self.context.iter().find(|(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, value)| *value);
        let scalars: Vec<String> = match want {
            Value::Array(items) => items.iter().map(text).collect(),
            other => vec![text(other)],
        };
        if operator == "Null" {
            return scalars.iter().any(|want| (want == "true") == value.is_none());
        }
        let negated = operator.contains("Not");
        let Some(value) = value else { return if_exists || negated };
        let found = scalars.iter().any(|want| match operator {
            "StringEquals" | "StringNotEquals" | "ArnEquals" | "ArnNotEquals" if !want.contains(['*', '?']) => {
                want == value
            }
            "StringEquals" | "StringNotEquals" => want == value,
            "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase" | "Bool" => want.eq_ignore_ascii_case(value),
            "StringLike" | "StringNotLike" | "ArnLike" | "ArnNotLike" | "ArnEquals" | "ArnNotEquals" => {
                wildcard(want, value)
            }
            // Numbers, dates and addresses are nothing that the local cloud's services say.
            _ => negated,
        });
        found != negated
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn applies(statement: &Map<String, Value>, key: &str, negated: &str, fits: impl Fn(&str) -> bool) -> bool {
    let any = |value: &Value| texts(value).unwrap_or_default().into_iter().any(&fits);
    match (statement.get(key), statement.get(negated)) {
        (Some(value), _) => any(value),
        (None, Some(value)) => !any(value),
        (None, None) => false,
    }
}

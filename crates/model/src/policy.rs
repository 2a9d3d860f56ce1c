//! IAM policy documents as types, compared by meaning and not by text.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::value::{Caseless, Reference, Target, ToValue, Value};

/// An IAM policy document, trust policy or endpoint policy, version 2012-10-17.
///
/// In JSON our own shape (`actions`, `resources` as lists, resources may be references); [`PolicyDocument::from_aws`]
/// reads AWS's text and [`ToValue`] gives the canonical form in which two documents with one meaning are equal
/// (aws-facts 2.12: a scalar is a one-element list, lists are sets, actions ignore case, an account id is its root ARN).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// The statements; their order means nothing.
    pub statements: Vec<Statement>,
}

/// One statement of a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// An optional id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Allow or deny.
    pub effect: Effect,
    /// Whom it concerns; only in trust, endpoint and resource policies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    /// `service:Action` patterns.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub actions: BTreeSet<String>,
    /// Everything but these actions.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub not_actions: BTreeSet<String>,
    /// ARN patterns; absent in trust policies.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub resources: BTreeSet<PolicyResource>,
    /// Operator, key, values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conditions: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

/// The effect of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Allows.
    Allow,
    /// Denies.
    Deny,
}

/// Whom a statement concerns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Principal {
    /// Everybody: `"*"`.
    Anyone,
    /// By type: `Service`, `AWS`, `Federated`, `CanonicalUser`.
    By(BTreeMap<String, BTreeSet<String>>),
}

/// A resource that a statement names: an ARN pattern, or the ARN of a resource of the stack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyResource {
    /// A pattern, `*` included.
    Arn(String),
    /// The `arn` output of a resource of the stack.
    Of(Reference),
}

/// Why a text is not a policy document.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPolicy {
    /// It is not JSON.
    #[error("the policy document is not JSON")]
    Json(#[from] serde_json::Error),
    /// A member has a form that IAM does not know.
    #[error("the policy document's `{0}` is not of a form that IAM knows")]
    Shape(&'static str),
}

impl PolicyDocument {
    /// A trust policy that lets one AWS service (`ecs-tasks.amazonaws.com`) assume the role.
    pub fn trust_service(service: &str) -> PolicyDocument {
        PolicyDocument {
            statements: vec![Statement {
                principal: Some(Principal::By(BTreeMap::from([(
                    "Service".to_owned(),
                    BTreeSet::from([service.to_owned()]),
                )]))),
                ..Statement::allow(["sts:AssumeRole"], [])
            }],
        }
    }

    /// A document of these statements.
    pub fn of(statements: impl IntoIterator<Item = Statement>) -> PolicyDocument {
        PolicyDocument { statements: statements.into_iter().collect() }
    }

    /// Reads AWS's JSON text.
    ///
    /// # Errors
    /// The text is not JSON, or not of a form that IAM knows.
    pub fn from_aws(text: &str) -> Result<PolicyDocument, InvalidPolicy> {
        let json: serde_json::Value = serde_json::from_str(text)?;
        let statements = match json.get("Statement") {
            Some(serde_json::Value::Array(items)) => items.iter().map(statement_from_aws).collect(),
            Some(one @ serde_json::Value::Object(_)) => statement_from_aws(one).map(|s| vec![s]),
            _ => Err(InvalidPolicy::Shape("Statement")),
        }?;
        Ok(PolicyDocument { statements })
    }

    /// AWS's JSON, with references resolved by `lookup`; `None` if one is not known yet.
    pub fn to_aws(&self, lookup: &impl Fn(&Reference) -> Option<String>) -> Option<serde_json::Value> {
        let statements = self.statements.iter().map(|s| statement_to_aws(s, lookup)).collect::<Option<Vec<_>>>()?;
        Some(serde_json::json!({ "Version": "2012-10-17", "Statement": statements }))
    }
}

impl Statement {
    /// An `Allow` for these actions on these resources.
    pub fn allow<'a>(
        actions: impl IntoIterator<Item = &'a str>,
        resources: impl IntoIterator<Item = PolicyResource>,
    ) -> Statement {
        Statement {
            sid: None,
            effect: Effect::Allow,
            principal: None,
            actions: actions.into_iter().map(str::to_owned).collect(),
            not_actions: BTreeSet::new(),
            resources: resources.into_iter().collect(),
            conditions: BTreeMap::new(),
        }
    }
}

impl PolicyResource {
    /// An ARN pattern.
    pub fn arn(pattern: impl Into<String>) -> PolicyResource {
        PolicyResource::Arn(pattern.into())
    }
}

impl ToValue for PolicyDocument {
    fn to_value(&self) -> Value {
        Value::Set(self.statements.iter().map(ToValue::to_value).collect())
    }
}

impl ToValue for Statement {
    fn to_value(&self) -> Value {
        let Statement { sid, effect, principal, actions, not_actions, resources, conditions } = self;
        let actions_of = |set: &BTreeSet<String>| {
            if set.is_empty() {
                Value::Null
            } else {
                Value::Set(set.iter().map(|action| Value::Caseless(Caseless(action.clone()))).collect())
            }
        };
        Value::map([
            ("sid", sid.to_value()),
            (
                "effect",
                Value::str(match effect {
                    Effect::Allow => "Allow",
                    Effect::Deny => "Deny",
                }),
            ),
            ("principal", principal.to_value()),
            ("actions", actions_of(actions)),
            ("not_actions", actions_of(not_actions)),
            ("resources", if resources.is_empty() { Value::Null } else { resources.to_value() }),
            ("conditions", if conditions.is_empty() { Value::Null } else { conditions.to_value() }),
        ])
    }
}

impl ToValue for Principal {
    fn to_value(&self) -> Value {
        match self {
            Principal::Anyone => Value::str("*"),
            Principal::By(types) => Value::map(types.iter().map(|(kind, who)| {
                let canonical = |text: &String| match text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
                    true => format!("arn:aws:iam::{text}:root"),
                    false => text.clone(),
                };
                (kind.clone(), Value::Set(who.iter().map(|w| Value::Str(canonical(w))).collect()))
            })),
        }
    }
}

impl ToValue for PolicyResource {
    fn to_value(&self) -> Value {
        match self {
            PolicyResource::Arn(pattern) => Value::str(pattern),
            PolicyResource::Of(reference) => reference.clone().into(),
        }
    }
}

/// A scalar or a list of scalars as a set of texts; booleans and numbers as AWS writes them.
fn texts(json: &serde_json::Value, member: &'static str) -> Result<BTreeSet<String>, InvalidPolicy> {
    let one = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => Ok(text.clone()),
        serde_json::Value::Bool(flag) => Ok(flag.to_string()),
        serde_json::Value::Number(number) => Ok(number.to_string()),
        _ => Err(InvalidPolicy::Shape(member)),
    };
    match json {
        serde_json::Value::Array(items) => items.iter().map(one).collect(),
        scalar => Ok(BTreeSet::from([one(scalar)?])),
    }
}

fn statement_from_aws(json: &serde_json::Value) -> Result<Statement, InvalidPolicy> {
    let optional = |member: &'static str| json.get(member).map_or(Ok(BTreeSet::new()), |v| texts(v, member));
    let effect = match json.get("Effect").and_then(serde_json::Value::as_str) {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        _ => return Err(InvalidPolicy::Shape("Effect")),
    };
    // Members that this model cannot say (NotPrincipal, NotResource) must not be lost: the document is not understood.
    for member in ["NotPrincipal", "NotResource"] {
        if json.get(member).is_some() {
            return Err(InvalidPolicy::Shape(member));
        }
    }
    let principal = match json.get("Principal") {
        None => None,
        Some(serde_json::Value::String(all)) if all == "*" => Some(Principal::Anyone),
        Some(serde_json::Value::Object(types)) => Some(Principal::By(
            types
                .iter()
                .map(|(kind, who)| Ok((kind.clone(), texts(who, "Principal")?)))
                .collect::<Result<_, InvalidPolicy>>()?,
        )),
        Some(_) => return Err(InvalidPolicy::Shape("Principal")),
    };
    let conditions = match json.get("Condition") {
        None => BTreeMap::new(),
        Some(serde_json::Value::Object(operators)) => operators
            .iter()
            .map(|(operator, keys)| {
                let keys = keys.as_object().ok_or(InvalidPolicy::Shape("Condition"))?;
                let keys = keys
                    .iter()
                    .map(|(key, values)| Ok((key.clone(), texts(values, "Condition")?)))
                    .collect::<Result<_, InvalidPolicy>>()?;
                Ok((operator.clone(), keys))
            })
            .collect::<Result<_, InvalidPolicy>>()?,
        Some(_) => return Err(InvalidPolicy::Shape("Condition")),
    };
    Ok(Statement {
        sid: json.get("Sid").and_then(serde_json::Value::as_str).map(str::to_owned),
        effect,
        principal,
        actions: optional("Action")?,
        not_actions: optional("NotAction")?,
        resources: optional("Resource")?.into_iter().map(PolicyResource::Arn).collect(),
        conditions,
    })
}

fn statement_to_aws(
    statement: &Statement,
    lookup: &impl Fn(&Reference) -> Option<String>,
) -> Option<serde_json::Value> {
    let Statement { sid, effect, principal, actions, not_actions, resources, conditions } = statement;
    let mut json = serde_json::Map::new();
    if let Some(sid) = sid {
        json.insert("Sid".into(), sid.clone().into());
    }
    json.insert(
        "Effect".into(),
        match effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        }
        .into(),
    );
    match principal {
        None => {}
        Some(Principal::Anyone) => {
            json.insert("Principal".into(), "*".into());
        }
        Some(Principal::By(types)) => {
            json.insert("Principal".into(), serde_json::json!(types));
        }
    }
    for (member, set) in [("Action", actions), ("NotAction", not_actions)] {
        if !set.is_empty() {
            json.insert(member.into(), serde_json::json!(set));
        }
    }
    if !resources.is_empty() {
        let resources = resources
            .iter()
            .map(|resource| match resource {
                PolicyResource::Arn(pattern) => Some(pattern.clone()),
                PolicyResource::Of(Reference { target: Target::Id(id), output: None, .. }) => Some(id.clone()),
                PolicyResource::Of(reference) => lookup(reference),
            })
            .collect::<Option<Vec<_>>>()?;
        json.insert("Resource".into(), serde_json::json!(resources));
    }
    if !conditions.is_empty() {
        json.insert("Condition".into(), serde_json::json!(conditions));
    }
    Some(serde_json::Value::Object(json))
}

//! Actions of listeners and rules: what AWS takes, and how it reads back.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::validate::invalid;
use super::{State, forward, target_group};
use crate::error::{ApiError, Result};

/// What is done with a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Action {
    /// `forward`, `redirect`, `fixed-response`, …
    #[serde(rename = "Type")]
    pub(crate) kind: String,
    pub(crate) target_group_arn: Option<String>,
    pub(crate) forward_config: Option<Forward>,
    pub(crate) redirect_config: Option<Redirect>,
    pub(crate) fixed_response_config: Option<FixedResponse>,
    pub(crate) authenticate_oidc_config: Option<Value>,
    pub(crate) authenticate_cognito_config: Option<Value>,
    pub(crate) jwt_validation_config: Option<Value>,
    pub(crate) order: Option<u32>,
}

/// Between which target groups requests are divided.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Forward {
    #[serde(default)]
    pub(crate) target_groups: Vec<Weighted>,
    pub(crate) target_group_stickiness_config: Option<Stickiness>,
}

/// A target group and its share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Weighted {
    pub(crate) target_group_arn: String,
    pub(crate) weight: Option<u32>,
}

/// Whether a client stays with the group it came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Stickiness {
    pub(crate) enabled: Option<bool>,
    pub(crate) duration_seconds: Option<u32>,
}

/// To where a client is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Redirect {
    pub(crate) protocol: Option<String>,
    pub(crate) port: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) query: Option<String>,
    pub(crate) status_code: String,
}

/// What is answered without asking a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct FixedResponse {
    pub(crate) message_body: Option<String>,
    pub(crate) status_code: String,
    pub(crate) content_type: Option<String>,
}

impl Action {
    /// The target groups that it forwards to.
    pub(crate) fn target_groups(&self) -> &[Weighted] {
        self.forward_config.as_ref().map_or(&[], |config| &config.target_groups)
    }

    /// A forward as AWS reads it back: with one group under both names, with more in the configuration only.
    pub(super) fn forward(mut config: Forward, order: Option<u32>) -> Action {
        for group in &mut config.target_groups {
            group.weight.get_or_insert(1);
        }
        let stickiness =
            config.target_group_stickiness_config.get_or_insert(Stickiness { enabled: None, duration_seconds: None });
        stickiness.enabled.get_or_insert(false);
        let target_group_arn = match config.target_groups.as_slice() {
            [one] => Some(one.target_group_arn.clone()),
            _ => None,
        };
        Action {
            kind: "forward".to_owned(),
            target_group_arn,
            forward_config: Some(config),
            order,
            ..Action::default()
        }
    }
}

fn bad_action(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidLoadBalancerAction", message)
}

/// Checks actions for a listener (or a rule of it), and spells them as AWS reads them back.
pub(super) fn normalise(
    state: &State,
    actions: Vec<Action>,
    load_balancer: &str,
    protocol: &str,
    in_rule: bool,
) -> Result<Vec<Action>> {
    if actions.is_empty() {
        return Err(invalid("At least one action must be specified"));
    }
    if actions.len() > 1 && actions.iter().any(|action| action.order.is_none()) {
        return Err(bad_action("You must specify the order of actions when there is more than one"));
    }
    let orders: BTreeSet<Option<u32>> = actions.iter().map(|action| action.order).collect();
    if orders.len() < actions.len() {
        return Err(bad_action("The order of an action must be unique"));
    }
    let mut result = Vec::new();
    for action in actions {
        if let Some(order) = action.order
            && !(1..=50_000).contains(&order)
        {
            return Err(invalid(format!("Action order '{order}' must be between 1 and 50000 inclusive")));
        }
        result.push(normalise_one(state, action, load_balancer, protocol, in_rule)?);
    }
    result.sort_by_key(|action| action.order);
    let is_final = |action: &Action| ["forward", "redirect", "fixed-response"].contains(&action.kind.as_str());
    let last_is_final = result.last().is_some_and(is_final);
    if !last_is_final || result.iter().filter(|action| is_final(action)).count() != 1 {
        return Err(bad_action(
            "The last action must be exactly one of the following types: forward, redirect, fixed-response",
        ));
    }
    for (at, action) in result.iter_mut().enumerate() {
        action.order.get_or_insert(u32::try_from(at + 1).unwrap_or(u32::MAX));
    }
    Ok(result)
}

fn normalise_one(state: &State, action: Action, load_balancer: &str, protocol: &str, in_rule: bool) -> Result<Action> {
    match action.kind.as_str() {
        "forward" => {
            let config = match (action.forward_config, action.target_group_arn) {
                (None, None) => return Err(invalid("A target group ARN must be specified")),
                (None, Some(arn)) => Forward {
                    target_groups: vec![Weighted { target_group_arn: arn, weight: None }],
                    target_group_stickiness_config: None,
                },
                (Some(config), Some(arn)) => {
                    let same = matches!(config.target_groups.as_slice(), [one] if one.target_group_arn == arn);
                    if !same {
                        return Err(bad_action(
                            "If you specify both ForwardConfig and TargetGroupArn, ForwardConfig must have that target \
                             group only",
                        ));
                    }
                    config
                }
                (Some(config), None) => config,
            };
            check_forward(state, &config, load_balancer)?;
            Ok(Action::forward(config, action.order))
        }
        "redirect" => {
            let Some(config) = action.redirect_config else {
                return Err(bad_action("A redirect configuration must be specified"));
            };
            let redirect_config = Some(redirect(config, protocol, in_rule)?);
            Ok(Action { kind: action.kind, redirect_config, order: action.order, ..Action::default() })
        }
        "fixed-response" => {
            let Some(config) = action.fixed_response_config else {
                return Err(bad_action("A fixed response configuration must be specified"));
            };
            check_fixed_response(&config)?;
            let fixed_response_config = Some(config);
            Ok(Action { kind: action.kind, fixed_response_config, order: action.order, ..Action::default() })
        }
        "authenticate-oidc" | "authenticate-cognito" | "jwt-validation" => {
            if protocol != "HTTPS" {
                return Err(bad_action(format!(
                    "Actions of type '{}' are supported only on HTTPS listeners",
                    action.kind
                )));
            }
            let mut action = action;
            if let Some(Value::Object(config)) = &mut action.authenticate_oidc_config {
                // It can be written but not read.
                config.remove("ClientSecret");
            }
            Ok(action)
        }
        other => Err(invalid(format!(
            "1 validation error detected: Value '{other}' at 'actions.1.member.type' failed to satisfy constraint: Member \
             must satisfy enum value set: [forward, authenticate-oidc, authenticate-cognito, redirect, fixed-response, \
             jwt-validation]"
        ))),
    }
}

fn check_forward(state: &State, config: &Forward, load_balancer: &str) -> Result<()> {
    if config.target_groups.is_empty() {
        return Err(invalid("A target group ARN must be specified"));
    }
    if config.target_groups.len() > 5 {
        return Err(ApiError::new("TooManyTargetGroups", "A forward action can have at most 5 target groups"));
    }
    let distinct: BTreeSet<&String> = config.target_groups.iter().map(|group| &group.target_group_arn).collect();
    if distinct.len() < config.target_groups.len() {
        return Err(bad_action("A target group cannot be specified more than once in a forward action"));
    }
    let vpc = state.load_balancers.get(load_balancer).map(|lb| lb.vpc_id.as_str());
    for group in &config.target_groups {
        let arn = &group.target_group_arn;
        target_group::check_arn(arn)?;
        let found = state.target_groups.get(arn).ok_or_else(|| target_group::not_found(arn))?;
        if let Some(weight) = group.weight
            && weight > 999
        {
            return Err(invalid(format!("Target group weight '{weight}' must be between 0 and 999 inclusive")));
        }
        if !found.is_http() {
            return Err(ApiError::new(
                "IncompatibleProtocols",
                format!(
                    "The protocol '{}' of target group '{arn}' is not compatible with load balancers of type 'application'",
                    found.protocol
                ),
            ));
        }
        if Some(found.vpc_id.as_str()) != vpc {
            return Err(ApiError::new(
                "InvalidConfigurationRequest",
                format!("The target group '{arn}' and the load balancer '{load_balancer}' are in different VPCs"),
            ));
        }
        if forward::load_balancers_of(state, arn).iter().any(|other| other != load_balancer) {
            return Err(ApiError::new(
                "TargetGroupAssociationLimit",
                format!("The following target groups cannot be associated with more than one load balancer: {arn}"),
            ));
        }
    }
    if let Some(Stickiness { enabled: Some(true), duration_seconds }) = &config.target_group_stickiness_config
        && !duration_seconds.is_some_and(|seconds| (1..=604_800).contains(&seconds))
    {
        return Err(invalid("Target group stickiness duration must be between 1 and 604800 seconds inclusive"));
    }
    Ok(())
}

fn redirect(config: Redirect, protocol: &str, in_rule: bool) -> Result<Redirect> {
    if config.status_code != "HTTP_301" && config.status_code != "HTTP_302" {
        return Err(invalid(format!(
            "1 validation error detected: Value '{}' at 'redirectConfig.statusCode' failed to satisfy constraint: Member \
             must satisfy enum value set: [HTTP_301, HTTP_302]",
            config.status_code
        )));
    }
    if let Some(to) = &config.protocol
        && !["HTTP", "HTTPS", "#{protocol}"].contains(&to.as_str())
    {
        return Err(bad_action(format!("The redirect protocol '{to}' must be HTTP, HTTPS or #{{protocol}}")));
    }
    if let Some(port) = &config.port
        && port != "#{port}"
        && !port.parse::<u16>().is_ok_and(|port| port > 0)
    {
        return Err(bad_action(format!("The redirect port '{port}' must be between 1 and 65535, or #{{port}}")));
    }
    if let Some(path) = &config.path
        && !path.starts_with('/')
    {
        return Err(bad_action(format!("The redirect path '{path}' must start with a '/'")));
    }
    let or = |value: Option<String>, default: &str| Some(value.unwrap_or_else(|| default.to_owned()));
    let config = Redirect {
        protocol: or(config.protocol, "#{protocol}"),
        port: or(config.port, "#{port}"),
        host: or(config.host, "#{host}"),
        path: or(config.path, "/#{path}"),
        query: or(config.query, "#{query}"),
        status_code: config.status_code,
    };
    let same = |value: &Option<String>, placeholder: &str| value.as_deref() == Some(placeholder);
    let same_protocol = same(&config.protocol, "#{protocol}") || config.protocol.as_deref() == Some(protocol);
    let loops = same_protocol
        && same(&config.port, "#{port}")
        && same(&config.host, "#{host}")
        && same(&config.path, "/#{path}");
    if loops && (!in_rule || same(&config.query, "#{query}")) {
        return Err(bad_action("The redirect configuration is not valid because it creates a loop."));
    }
    Ok(config)
}

fn check_fixed_response(config: &FixedResponse) -> Result<()> {
    const TYPES: &[&str] = &["text/plain", "text/css", "text/html", "application/javascript", "application/json"];
    let code = &config.status_code;
    if code.len() != 3 || !code.starts_with(['2', '4', '5']) || !code.chars().all(|c| c.is_ascii_digit()) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{code}' at 'fixedResponseConfig.statusCode' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: ^(2|4|5)\\d\\d$"
        )));
    }
    if config.message_body.as_ref().is_some_and(|body| body.chars().count() > 1024) {
        return Err(bad_action("The message body of a fixed response can have at most 1024 characters"));
    }
    if let Some(kind) = &config.content_type
        && !TYPES.contains(&kind.as_str())
    {
        return Err(bad_action(format!("The content type '{kind}' must be one of '{}'", TYPES.join(", "))));
    }
    Ok(())
}

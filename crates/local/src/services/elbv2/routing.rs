//! Which actions a listener takes for a request: its rules in their order, then its default.

use std::net::Ipv4Addr;

use super::action::Action;
use super::condition::{Condition, Patterns, block_of};
use super::{Rule, State};
use crate::filters::wildcard;

/// What rules look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    pub(crate) method: &'a str,
    /// Decoded parameters.
    pub(crate) query: &'a [(String, String)],
    /// Names in any case.
    pub(crate) headers: &'a [(String, String)],
    pub(crate) source: Ipv4Addr,
}

/// The actions for a request, in their order; `None` if there is no such listener.
pub(crate) fn actions<'a>(state: &'a State, listener: &str, request: &Request<'_>) -> Option<&'a [Action]> {
    let listener = state.listeners.get(listener)?;
    let mut rules: Vec<&Rule> = state.rules.values().filter(|rule| rule.listener_arn == listener.arn).collect();
    rules.sort_by_key(|rule| rule.priority);
    let rule = rules.into_iter().find(|rule| rule.conditions.iter().all(|condition| meets(request, condition)));
    Some(rule.map_or(&listener.actions, |rule| &rule.actions))
}

/// The target group that a forward picks, given a number below the sum of its weights (see [`total`]); `None` if all of
/// them are zero, which AWS answers with 503.
pub(crate) fn pick(action: &Action, mut number: u32) -> Option<&str> {
    for group in action.target_groups() {
        let weight = group.weight.unwrap_or(1);
        if number < weight {
            return Some(&group.target_group_arn);
        }
        number -= weight;
    }
    None
}

/// The sum of a forward's weights.
pub(crate) fn total(action: &Action) -> u32 {
    action.target_groups().iter().map(|group| group.weight.unwrap_or(1)).sum()
}

fn meets(request: &Request<'_>, condition: &Condition) -> bool {
    let host = request.host.rsplit_once(':').map_or(request.host, |(host, _)| host);
    if let Some(config) = &condition.host_header_config {
        return patterns(config, |pattern| wildcard(&pattern.to_lowercase(), &host.to_lowercase()));
    }
    if let Some(config) = &condition.path_pattern_config {
        return patterns(config, |pattern| wildcard(pattern, request.path));
    }
    if let Some(config) = &condition.http_header_config {
        let name = config.http_header_name.as_deref().unwrap_or_default();
        let values = request.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let wanted = config.values.as_deref().unwrap_or_default();
        return values
            .into_iter()
            .any(|value| wanted.iter().any(|p| wildcard(&p.to_lowercase(), &value.to_lowercase())));
    }
    if let Some(config) = &condition.query_string_config {
        let fits = |pattern: Option<&str>, text: &str| {
            pattern.is_none_or(|pattern| wildcard(&pattern.to_lowercase(), &text.to_lowercase()))
        };
        return config.values.iter().any(|pair| {
            request
                .query
                .iter()
                .any(|(key, value)| fits(pair.key.as_deref(), key) && fits(pair.value.as_deref(), value))
        });
    }
    if let Some(config) = &condition.http_request_method_config {
        return config.values.iter().any(|method| method == request.method);
    }
    if let Some(config) = &condition.source_ip_config {
        let source = u32::from(request.source);
        return config.values.iter().filter_map(|b| block_of(b)).any(|(block, mask)| source & mask == block & mask);
    }
    false
}

/// Regular expressions are kept but match nothing here.
fn patterns(config: &Patterns, fits: impl Fn(&str) -> bool) -> bool {
    config.values.iter().flatten().any(|pattern| fits(pattern))
}

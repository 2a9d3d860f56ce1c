//! Subscription filters of a group. They are kept; nothing is sent to where they point.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::group_mut;
use crate::clock::Time;
use crate::error::{Result, fail};
use crate::page::page;
use crate::world::Cx;

/// Where a group's events go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SubscriptionFilter {
    pattern: String,
    destination: String,
    role: Option<String>,
    distribution: String,
    on_transformed: bool,
    created: Time,
}

/// AWS's quota per group.
const MOST: usize = 2;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Put {
    log_group_name: String,
    filter_name: String,
    filter_pattern: String,
    destination_arn: String,
    role_arn: Option<String>,
    distribution: Option<String>,
    #[serde(default)]
    apply_on_transformed_logs: bool,
}

pub(super) fn put(cx: &mut Cx<'_>, input: Put) -> Result {
    let now = cx.now();
    let group = group_mut(cx, &input.log_group_name)?;
    let name = input.filter_name;
    if name.is_empty() || name.len() > 512 || name.contains([':', '*']) {
        return fail!("InvalidParameterException", "The filter name '{name}' is not valid");
    }
    if group.class != "STANDARD" {
        return fail!(
            "InvalidOperationException",
            "Subscription filters are not supported for log groups of class {}",
            group.class
        );
    }
    let service = input.destination_arn.split(':').nth(2).unwrap_or_default();
    if !input.destination_arn.starts_with("arn:") || !["kinesis", "firehose", "lambda", "logs"].contains(&service) {
        return fail!("InvalidParameterException", "destinationArn for vendor {service} cannot be used");
    }
    if ["kinesis", "firehose"].contains(&service) && input.role_arn.is_none() {
        return fail!("InvalidParameterException", "destinationArn for vendor {service} requires a roleArn");
    }
    if service == "lambda" && input.role_arn.is_some() {
        return fail!("InvalidParameterException", "destinationArn for vendor lambda cannot be used with roleArn");
    }
    let distribution = input.distribution.unwrap_or_else(|| "ByLogStream".to_owned());
    if !["Random", "ByLogStream"].contains(&distribution.as_str()) {
        return fail!(
            "InvalidParameterException",
            "1 validation error detected: Value '{distribution}' at 'distribution' failed to satisfy constraint: Member \
             must satisfy enum value set: [Random, ByLogStream]"
        );
    }
    if !group.subscriptions.contains_key(&name) && group.subscriptions.len() >= MOST {
        return fail!("LimitExceededException", "Resource limit exceeded.");
    }
    let filter = SubscriptionFilter {
        pattern: input.filter_pattern,
        destination: input.destination_arn,
        role: input.role_arn,
        distribution,
        on_transformed: input.apply_on_transformed_logs,
        created: group.subscriptions.get(&name).map_or(now, |before| before.created),
    };
    group.subscriptions.insert(name, filter);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Describe {
    log_group_name: String,
    filter_name_prefix: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let limit = input.limit.unwrap_or(50);
    if !(1..=50).contains(&limit) {
        return fail!(
            "InvalidParameterException",
            "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value \
             between 1 and 50"
        );
    }
    let group = group_mut(cx, &input.log_group_name)?;
    let prefixed = |name: &String| input.filter_name_prefix.as_ref().is_none_or(|p| name.starts_with(p.as_str()));
    let found = group.subscriptions.iter().filter(|(name, _)| prefixed(name)).map(|(name, filter)| {
        let mut shape = json!({
            "filterName": name,
            "logGroupName": group.name,
            "filterPattern": filter.pattern,
            "destinationArn": filter.destination,
            "distribution": filter.distribution,
            "applyOnTransformedLogs": filter.on_transformed,
            "creationTime": filter.created.0,
        });
        if let Some(role) = &filter.role {
            shape["roleArn"] = json!(role);
        }
        (name.clone(), shape)
    });
    let page = page(found, input.next_token.as_deref(), limit, "InvalidParameterException")?;
    let mut answer = json!({"subscriptionFilters": page.items});
    if let Some(next) = page.next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Delete {
    log_group_name: String,
    filter_name: String,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    match group_mut(cx, &input.log_group_name)?.subscriptions.remove(&input.filter_name) {
        Some(_) => Ok(Value::Null),
        None => fail!("ResourceNotFoundException", "The specified subscription filter does not exist."),
    }
}

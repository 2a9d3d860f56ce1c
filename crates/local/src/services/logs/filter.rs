//! What may be put beside log groups: metric filters, policies for AWS's services, saved queries. They are kept, and act on
//! nothing here: there are no metrics, and no service writes through a policy.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::group_mut;
use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::page::page;
use crate::world::Cx;

/// A metric filter of a group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MetricFilter {
    pattern: String,
    transformations: Vec<Value>,
    on_transformed: Option<bool>,
    created: Time,
}

/// A resource policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ResourcePolicy {
    document: String,
    updated: Time,
}

/// A saved query.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Query {
    name: String,
    text: String,
    groups: Vec<String>,
    modified: Time,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PutMetricFilter {
    log_group_name: String,
    filter_name: String,
    filter_pattern: String,
    metric_transformations: Vec<Value>,
    apply_on_transformed_logs: Option<bool>,
}

/// AWS's quota of metric filters per group.
const FILTERS_PER_GROUP: usize = 100;

pub(super) fn put_metric_filter(cx: &mut Cx<'_>, input: PutMetricFilter) -> Result {
    let now = cx.now();
    let group = group_mut(cx, &input.log_group_name)?;
    let illegal = |c: char| c == ':' || c == '*';
    if input.filter_name.is_empty() || input.filter_name.len() > 512 || input.filter_name.contains(illegal) {
        return fail!("InvalidParameterException", "The filter name '{}' is not valid", input.filter_name);
    }
    if group.class != "STANDARD" {
        return fail!(
            "InvalidOperationException",
            "Metric filters are not supported for log groups of class {}",
            group.class
        );
    }
    let [transformation] = input.metric_transformations.as_slice() else {
        return fail!("InvalidParameterException", "A metric filter has exactly one metric transformation");
    };
    for name in ["metricName", "metricNamespace", "metricValue"] {
        if transformation[name].as_str().is_none_or(str::is_empty) {
            return fail!("InvalidParameterException", "{name} is required in a metric transformation");
        }
    }
    if !transformation["dimensions"].is_null() && !transformation["defaultValue"].is_null() {
        return fail!("InvalidParameterException", "A metric transformation with dimensions has no default value");
    }
    if !group.metric_filters.contains_key(&input.filter_name) && group.metric_filters.len() >= FILTERS_PER_GROUP {
        return fail!("LimitExceededException", "Resource limit exceeded.");
    }
    let created = group.metric_filters.get(&input.filter_name).map_or(now, |before| before.created);
    let filter = MetricFilter {
        pattern: input.filter_pattern,
        transformations: input.metric_transformations,
        on_transformed: input.apply_on_transformed_logs,
        created,
    };
    group.metric_filters.insert(input.filter_name, filter);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DescribeMetricFilters {
    log_group_name: Option<String>,
    filter_name_prefix: Option<String>,
    metric_name: Option<String>,
    metric_namespace: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

pub(super) fn describe_metric_filters(cx: &mut Cx<'_>, input: DescribeMetricFilters) -> Result {
    if let Some(name) = &input.log_group_name {
        group_mut(cx, name)?;
    }
    let mut items = Vec::new();
    for group in cx.logs().groups.values() {
        if input.log_group_name.as_ref().is_some_and(|name| *name != group.name) {
            continue;
        }
        for (name, filter) in &group.metric_filters {
            let of = |member: &str, wanted: &Option<String>| {
                let has = |text: &String| filter.transformations.iter().any(|t| t[member] == **text);
                wanted.as_ref().is_none_or(has)
            };
            let prefixed = input.filter_name_prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix.as_str()));
            if prefixed && of("metricName", &input.metric_name) && of("metricNamespace", &input.metric_namespace) {
                let shape = json!({
                    "filterName": name,
                    "filterPattern": filter.pattern,
                    "metricTransformations": filter.transformations,
                    "creationTime": filter.created.0,
                    "logGroupName": group.name,
                    "applyOnTransformedLogs": filter.on_transformed.unwrap_or(false),
                });
                items.push((format!("{}:{name}", group.name), shape));
            }
        }
    }
    let page = page(items, input.next_token.as_deref(), input.limit.unwrap_or(50), "InvalidParameterException")?;
    Ok(listed("metricFilters", page.items, page.next))
}

fn listed(name: &str, items: Vec<Value>, next: Option<String>) -> Value {
    let mut answer = json!({name: items});
    if let Some(next) = next {
        answer["nextToken"] = next.into();
    }
    answer
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DeleteMetricFilter {
    log_group_name: String,
    filter_name: String,
}

pub(super) fn delete_metric_filter(cx: &mut Cx<'_>, input: DeleteMetricFilter) -> Result {
    let group = group_mut(cx, &input.log_group_name)?;
    match group.metric_filters.remove(&input.filter_name) {
        Some(_) => Ok(Value::Null),
        None => fail!("ResourceNotFoundException", "The specified metric filter does not exist."),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PutPolicy {
    policy_name: String,
    policy_document: String,
}

/// AWS's quota of resource policies per region.
const POLICIES: usize = 10;

pub(super) fn put_policy(cx: &mut Cx<'_>, input: PutPolicy) -> Result {
    let document: Option<Value> = serde_json::from_str(&input.policy_document).ok();
    if document.is_none_or(|document| !document.is_object()) || input.policy_document.len() > 5120 {
        return fail!("InvalidParameterException", "The policy document is not valid");
    }
    let updated = cx.now();
    let policies = &mut cx.logs().policies;
    if policies.len() >= POLICIES && !policies.contains_key(&input.policy_name) {
        return fail!("LimitExceededException", "Resource limit exceeded.");
    }
    let policy = ResourcePolicy { document: input.policy_document, updated };
    let shape = policy_shape(&input.policy_name, &policy);
    policies.insert(input.policy_name, policy);
    Ok(json!({"resourcePolicy": shape}))
}

fn policy_shape(name: &str, policy: &ResourcePolicy) -> Value {
    json!({"policyName": name, "policyDocument": policy.document, "lastUpdatedTime": policy.updated.0})
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct List {
    next_token: Option<String>,
    limit: Option<usize>,
}

pub(super) fn describe_policies(cx: &mut Cx<'_>, input: List) -> Result {
    let policies = cx.logs().policies.iter();
    let items = policies.map(|(name, policy)| (name.clone(), policy_shape(name, policy)));
    let page = page(items, input.next_token.as_deref(), input.limit.unwrap_or(50), "InvalidParameterException")?;
    Ok(listed("resourcePolicies", page.items, page.next))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NamedPolicy {
    policy_name: String,
}

pub(super) fn delete_policy(cx: &mut Cx<'_>, input: NamedPolicy) -> Result {
    match cx.logs().policies.remove(&input.policy_name) {
        Some(_) => Ok(Value::Null),
        None => fail!("ResourceNotFoundException", "Policy with name [{}] does not exist", input.policy_name),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PutQuery {
    query_definition_id: Option<String>,
    name: String,
    #[serde(default)]
    log_group_names: Vec<String>,
    query_string: String,
    #[serde(rename = "clientToken")]
    _client_token: Option<String>,
}

fn no_query() -> ApiError {
    ApiError::new("ResourceNotFoundException", "The specified query definition does not exist.")
}

pub(super) fn put_query(cx: &mut Cx<'_>, input: PutQuery) -> Result {
    let modified = cx.now();
    let id = match input.query_definition_id {
        Some(id) if !cx.logs().queries.contains_key(&id) => return Err(no_query()),
        Some(id) => id,
        None => cx.uuid(),
    };
    let query = Query { name: input.name, text: input.query_string, groups: input.log_group_names, modified };
    cx.logs().queries.insert(id.clone(), query);
    Ok(json!({"queryDefinitionId": id}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DescribeQueries {
    query_definition_name_prefix: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn describe_queries(cx: &mut Cx<'_>, input: DescribeQueries) -> Result {
    let prefix = input.query_definition_name_prefix.unwrap_or_default();
    let queries = cx.logs().queries.iter().filter(|(_, query)| query.name.starts_with(&prefix));
    let items = queries.map(|(id, query)| {
        let shape = json!({
            "queryDefinitionId": id,
            "name": query.name,
            "queryString": query.text,
            "lastModified": query.modified.0,
            "logGroupNames": query.groups,
        });
        (id.clone(), shape)
    });
    let page =
        page(items, input.next_token.as_deref(), input.max_results.unwrap_or(1000), "InvalidParameterException")?;
    Ok(listed("queryDefinitions", page.items, page.next))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DeleteQuery {
    query_definition_id: String,
}

pub(super) fn delete_query(cx: &mut Cx<'_>, input: DeleteQuery) -> Result {
    match cx.logs().queries.remove(&input.query_definition_id) {
        Some(_) => Ok(json!({"success": true})),
        None => Err(no_query()),
    }
}

//! SNS: topics and subscriptions, as far as alarms and deployments name them. Nothing is delivered to anybody.

mod subscription;
mod topic;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::subscription::Subscription;
use self::topic::Topic;
use crate::error::{ApiError, Result};
use crate::page::page;
use crate::protocol::Protocol;
use crate::services::{Resource, Service, operations};
use crate::world::Cx;

/// One region's topics and subscriptions, by ARN.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    topics: BTreeMap<String, Topic>,
    subscriptions: BTreeMap<String, Subscription>,
}

pub(crate) static SERVICE: Service = Service {
    name: "sns",
    prefix: "sns",
    protocol: Protocol::Query { namespace: "http://sns.amazonaws.com/doc/2010-03-31/" },
    invalid: INVALID,
    handler,
    bucket: |_| None,
    on_event: |_, _| {},
    resources,
};

operations! {
    "CreateTopic" => topic::create,
    "GetTopicAttributes" => topic::attributes,
    "SetTopicAttributes" => topic::set_attribute,
    "DeleteTopic" => topic::delete,
    "ListTopics" => topic::list,
    "Publish" => topic::publish,
    "TagResource" => topic::tag,
    "UntagResource" => topic::untag,
    "ListTagsForResource" => topic::list_tags,
    "Subscribe" => subscription::subscribe,
    "GetSubscriptionAttributes" => subscription::attributes,
    "SetSubscriptionAttributes" => subscription::set_attribute,
    "Unsubscribe" => subscription::unsubscribe,
    "ListSubscriptions" => subscription::list,
    "ListSubscriptionsByTopic" => subscription::list_by_topic,
}

const INVALID: &str = "InvalidParameter";

fn resources(cx: &Cx<'_>) -> Vec<Resource> {
    let Some(region) = cx.world.regions.get(&cx.region) else { return Vec::new() };
    let topics = region.sns.topics.values();
    let topics = topics.map(|t| Resource { arn: t.arn.clone(), kind: "sns:topic", tags: t.tags.clone() });
    // They have no tags.
    let subscriptions = region.sns.subscriptions.keys();
    let subscriptions =
        subscriptions.map(|arn| Resource { arn: arn.clone(), kind: "sns:subscription", tags: BTreeMap::new() });
    topics.chain(subscriptions).collect()
}

fn invalid(why: impl std::fmt::Display) -> ApiError {
    ApiError::new(INVALID, format!("Invalid parameter: {why}"))
}

fn not_found(what: &str) -> ApiError {
    ApiError::new("NotFound", format!("{what} does not exist")).status(404)
}

/// A map of the query protocol: `Attributes.entry.1.key=…`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entries {
    #[serde(default)]
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    key: String,
    #[serde(default)]
    value: String,
}

/// A map, as the query protocol writes it.
fn map<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> Value {
    let entries: Value = pairs.into_iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    json!({"entry": entries})
}

fn is_json_object(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object())
}

/// AWS's pages have a hundred entries.
fn listed(list: &str, found: Vec<(String, Value)>, token: Option<&str>) -> Result {
    let page = page(found, token, 100, INVALID)?;
    Ok(json!({list: page.items, "NextToken": page.next}))
}

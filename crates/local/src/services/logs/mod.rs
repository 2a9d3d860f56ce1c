//! CloudWatch Logs: groups, streams, events, and what may be put beside them.

mod events;
mod filter;
mod group;
mod subscription;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::error::{ApiError, Result};
use crate::protocol::Protocol;
use crate::services::{Resource, Service, operations};
use crate::tags::Tags;
use crate::throttle::Bucket;
use crate::world::Cx;

/// One region's log groups, by name.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) groups: BTreeMap<String, Group>,
    /// Resource policies, by name.
    policies: BTreeMap<String, filter::ResourcePolicy>,
    /// Saved queries, by id.
    queries: BTreeMap<String, filter::Query>,
}

/// A log group.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) created: Time,
    /// In days; `None` keeps events for ever.
    pub(crate) retention: Option<u32>,
    pub(crate) class: String,
    pub(crate) kms_key: Option<String>,
    pub(crate) deletion_protection: bool,
    pub(crate) streams: BTreeMap<String, Stream>,
    pub(crate) tags: Tags,
    #[serde(default)]
    metric_filters: BTreeMap<String, filter::MetricFilter>,
    #[serde(default)]
    subscriptions: BTreeMap<String, subscription::SubscriptionFilter>,
}

/// A log stream.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Stream {
    pub(crate) created: Time,
    pub(crate) events: Vec<Event>,
}

/// A log event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    /// Milliseconds since 1970, as the writer said.
    pub(crate) at: u64,
    pub(crate) ingested: Time,
    pub(crate) message: String,
}

/// A stream keeps this many events; the oldest go first.
const MOST_EVENTS: usize = 10_000;

pub(crate) static SERVICE: Service = Service {
    name: "logs",
    prefix: "logs",
    protocol: Protocol::Json { target: "Logs_20140328" },
    invalid: "InvalidParameterException",
    handler,
    bucket,
    on_event: |_, _| {},
    resources,
};

operations! {
    "CreateLogGroup" => group::create,
    "DescribeLogGroups" => group::describe,
    "DeleteLogGroup" => group::delete,
    "PutRetentionPolicy" => group::put_retention,
    "DeleteRetentionPolicy" => group::delete_retention,
    "PutLogGroupDeletionProtection" => group::put_deletion_protection,
    "ListTagsForResource" => group::list_tags,
    "TagResource" => group::tag,
    "UntagResource" => group::untag,
    "ListTagsLogGroup" => group::list_tags_by_name,
    "TagLogGroup" => group::tag_by_name,
    "UntagLogGroup" => group::untag_by_name,
    "CreateLogStream" => events::create_stream,
    "DescribeLogStreams" => events::describe_streams,
    "DeleteLogStream" => events::delete_stream,
    "PutLogEvents" => events::put,
    "GetLogEvents" => events::get,
    "FilterLogEvents" => events::filter,
    "AssociateKmsKey" => group::associate_key,
    "DisassociateKmsKey" => group::disassociate_key,
    "PutSubscriptionFilter" => subscription::put,
    "DescribeSubscriptionFilters" => subscription::describe,
    "DeleteSubscriptionFilter" => subscription::delete,
    "PutMetricFilter" => filter::put_metric_filter,
    "DescribeMetricFilters" => filter::describe_metric_filters,
    "DeleteMetricFilter" => filter::delete_metric_filter,
    "PutResourcePolicy" => filter::put_policy,
    "DescribeResourcePolicies" => filter::describe_policies,
    "DeleteResourcePolicy" => filter::delete_policy,
    "PutQueryDefinition" => filter::put_query,
    "DescribeQueryDefinitions" => filter::describe_queries,
    "DeleteQueryDefinition" => filter::delete_query,
}

/// From AWS's page on CloudWatch Logs quotas: transactions per second.
fn bucket(operation: &str) -> Option<Bucket> {
    Some(match operation {
        "CreateLogGroup" | "DeleteLogGroup" => Bucket::own(10.0, 10.0),
        "DescribeLogGroups" => Bucket::own(10.0, 10.0),
        "DescribeLogStreams" | "GetLogEvents" | "FilterLogEvents" => Bucket::own(25.0, 25.0),
        "CreateLogStream" => Bucket::own(50.0, 50.0),
        "PutLogEvents" => Bucket::own(5000.0, 5000.0),
        "PutRetentionPolicy" | "DeleteRetentionPolicy" | "TagResource" | "UntagResource" | "ListTagsForResource" => {
            Bucket::own(5.0, 5.0)
        }
        _ => return None,
    })
}

fn resources(cx: &Cx<'_>) -> Vec<Resource> {
    let Some(state) = cx.world.regions.get(&cx.region).map(|region| &region.logs) else { return Vec::new() };
    let resource =
        |group: &Group| Resource { arn: arn(cx, &group.name), kind: "logs:log-group", tags: group.tags.clone() };
    state.groups.values().map(resource).collect()
}

/// The ARN that the tag operations take: without `:*`.
fn arn(cx: &Cx<'_>, name: &str) -> String {
    cx.arn("logs", &format!("log-group:{name}"))
}

fn no_group() -> ApiError {
    ApiError::new("ResourceNotFoundException", "The specified log group does not exist.")
}

/// The group of this name, or of this ARN.
fn group_mut<'a>(cx: &'a mut Cx<'_>, identifier: &str) -> Result<&'a mut Group> {
    let name = match identifier.split_once(":log-group:") {
        Some((_, rest)) => rest.strip_suffix(":*").unwrap_or(rest),
        None => identifier,
    };
    cx.logs().groups.get_mut(name).ok_or_else(no_group)
}

/// Writes events into a stream, which is made if it is not there. False if the group does not exist.
pub(crate) fn put(cx: &mut Cx<'_>, group: &str, stream: &str, messages: &[String]) -> bool {
    let now = cx.now();
    let Some(group) = cx.logs().groups.get_mut(group) else { return false };
    let stream = group.streams.entry(stream.to_owned()).or_insert_with(|| Stream { created: now, events: Vec::new() });
    let events = messages.iter().map(|message| Event { at: now.0, ingested: now, message: message.clone() });
    stream.add(events);
    true
}

/// Makes a group if it is not there, as a writer with `awslogs-create-group` does: no retention, no tags.
pub(crate) fn ensure_group(cx: &mut Cx<'_>, name: &str) {
    if !cx.logs().groups.contains_key(name) {
        let group = Group::new(name, cx.now());
        cx.logs().groups.insert(name.to_owned(), group);
    }
}

impl Group {
    fn new(name: &str, now: Time) -> Group {
        Group {
            name: name.to_owned(),
            created: now,
            retention: None,
            class: "STANDARD".to_owned(),
            kms_key: None,
            deletion_protection: false,
            streams: BTreeMap::new(),
            tags: Tags::new(),
            metric_filters: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
        }
    }
}

impl Stream {
    fn add(&mut self, events: impl Iterator<Item = Event>) {
        self.events.extend(events);
        // Stable, so that what one writer sent at one moment stays in its order.
        self.events.sort_by_key(|event| event.at);
        let excess = self.events.len().saturating_sub(MOST_EVENTS);
        self.events.drain(..excess);
    }
}

//! Topics.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Entries, INVALID, State, invalid, is_json_object, listed, map, not_found};
use crate::error::{ApiError, Result, fail};
use crate::services::members::named;
use crate::tags::{self, Tag, Tags, from_list, pascal};
use crate::world::Cx;

/// A topic, with the attributes that were set.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Topic {
    pub(super) arn: String,
    attributes: BTreeMap<String, String>,
    policy: String,
    pub(super) tags: Tags,
}

/// What can be set: the name, and whether it must be JSON.
const SETTABLE: &[(&str, bool)] = &[
    ("ArchivePolicy", true),
    ("ContentBasedDeduplication", false),
    ("DeliveryPolicy", true),
    ("DisplayName", false),
    ("FifoThroughputScope", false),
    ("KmsMasterKeyId", false),
    ("Policy", true),
    ("SignatureVersion", false),
    ("TracingConfig", false),
];

/// Who is told of deliveries: `HTTPSuccessFeedbackRoleArn` and its like.
fn is_feedback(name: &str) -> bool {
    let kinds = ["HTTP", "Firehose", "Lambda", "SQS", "Application"];
    let ends = ["SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate", "FailureFeedbackRoleArn"];
    kinds.iter().any(|kind| name.strip_prefix(kind).is_some_and(|end| ends.contains(&end)))
}

/// The topic with this ARN.
pub(super) fn find<'s>(state: &'s mut State, arn: &str) -> Result<&'s mut Topic> {
    if !matches!(arn.split(':').collect::<Vec<_>>().as_slice(), ["arn", _, "sns", _, _, name] if !name.is_empty()) {
        return Err(invalid("TopicArn"));
    }
    state.topics.get_mut(arn).ok_or_else(|| not_found("Topic"))
}

fn check_attribute(name: &str, value: &str, fifo: bool) -> Result<()> {
    let known = SETTABLE.iter().find(|(known, _)| *known == name);
    if known.is_none() && !is_feedback(name) {
        return Err(invalid("AttributeName"));
    }
    if known.is_some_and(|(_, must_be_json)| *must_be_json) && !value.is_empty() && !is_json_object(value) {
        let message = if name == "Policy" { "Policy Error: null" } else { "Attributes Reason: not JSON" };
        return Err(invalid(message));
    }
    let fits = match name {
        "DisplayName" => value.chars().count() <= 100,
        "SignatureVersion" => ["1", "2"].contains(&value),
        "TracingConfig" => ["PassThrough", "Active"].contains(&value),
        "ContentBasedDeduplication" => fifo && ["true", "false"].contains(&value),
        "FifoThroughputScope" | "ArchivePolicy" => fifo || value.is_empty(),
        _ => true,
    };
    if fits { Ok(()) } else { Err(invalid(format!("Attributes Reason: {name}: {value}"))) }
}

fn checked(tags: Tags) -> Result<Tags> {
    tags::check(&tags).map_err(|why| ApiError::new(if tags.len() > 50 { "TagLimitExceeded" } else { INVALID }, why))?;
    Ok(tags)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    name: String,
    #[serde(default)]
    attributes: Entries,
    #[serde(default)]
    tags: Vec<Tag>,
    data_protection_policy: Option<String>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let base = input.name.strip_suffix(".fifo").unwrap_or(&input.name);
    if !named(base, 1, 256, "-_") || input.name.len() > 256 {
        return Err(invalid("Topic Name"));
    }
    if input.data_protection_policy.is_some() {
        return Err(invalid("The local cloud does not have data protection policies"));
    }
    let named_fifo = input.name.ends_with(".fifo");
    let mut attributes = BTreeMap::new();
    for entry in input.attributes.entry {
        if entry.key == "FifoTopic" {
            if (entry.value == "true") != named_fifo {
                return Err(invalid("Topic Name"));
            }
            continue;
        }
        check_attribute(&entry.key, &entry.value, named_fifo)?;
        attributes.insert(entry.key, entry.value);
    }
    let tags = checked(from_list(input.tags))?;
    let arn = cx.arn("sns", &input.name);
    if let Some(existing) = cx.sns().topics.get(&arn) {
        if attributes.iter().any(|(name, value)| existing.attributes.get(name) != Some(value)) {
            return Err(invalid("Attributes Reason: Topic already exists with different attributes"));
        }
        if !tags.is_empty() && existing.tags != tags {
            return Err(invalid("Tags Reason: Topic already exists with different tags"));
        }
        return Ok(json!({"TopicArn": arn}));
    }
    let policy = attributes.remove("Policy").filter(|p| !p.is_empty()).unwrap_or_else(|| default_policy(cx, &arn));
    cx.sns().topics.insert(arn.clone(), Topic { arn: arn.clone(), attributes, policy, tags });
    Ok(json!({"TopicArn": arn}))
}

fn default_policy(cx: &Cx<'_>, arn: &str) -> String {
    let actions = [
        "SNS:GetTopicAttributes",
        "SNS:SetTopicAttributes",
        "SNS:AddPermission",
        "SNS:RemovePermission",
        "SNS:DeleteTopic",
        "SNS:Subscribe",
        "SNS:ListSubscriptionsByTopic",
        "SNS:Publish",
    ];
    json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": actions,
            "Resource": arn,
            "Condition": {"StringEquals": {"AWS:SourceOwner": cx.account()}},
        }],
    })
    .to_string()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ByArn {
    topic_arn: String,
}

pub(super) fn attributes(cx: &mut Cx<'_>, input: ByArn) -> Result {
    let owner = cx.account().to_owned();
    let state = cx.sns();
    let topic = find(state, &input.topic_arn)?.clone();
    let of_topic = || state.subscriptions.values().filter(|s| s.topic == topic.arn);
    let confirmed = of_topic().filter(|s| s.confirmed).count();
    let pending = of_topic().count() - confirmed;
    let delivery = json!({"http": {
        "defaultHealthyRetryPolicy": {
            "minDelayTarget": 20, "maxDelayTarget": 20, "numRetries": 3, "numMaxDelayRetries": 0,
            "numNoDelayRetries": 0, "numMinDelayRetries": 0, "backoffFunction": "linear",
        },
        "disableSubscriptionOverrides": false,
        "defaultRequestPolicy": {"headerContentType": "text/plain; charset=UTF-8"},
    }});
    let mut all = BTreeMap::from([
        ("TopicArn", topic.arn.clone()),
        ("Owner", owner),
        ("Policy", topic.policy.clone()),
        ("DisplayName", String::new()),
        ("SubscriptionsConfirmed", confirmed.to_string()),
        ("SubscriptionsPending", pending.to_string()),
        ("SubscriptionsDeleted", "0".to_owned()),
        ("EffectiveDeliveryPolicy", delivery.to_string()),
    ]);
    if topic.arn.ends_with(".fifo") {
        all.insert("FifoTopic", "true".to_owned());
        all.insert("ContentBasedDeduplication", "false".to_owned());
    }
    all.extend(topic.attributes.iter().map(|(name, value)| (name.as_str(), value.clone())));
    // What was cleared is as if it had never been set.
    all.retain(|name, value| !value.is_empty() || *name == "DisplayName");
    Ok(json!({"Attributes": map(all)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SetAttribute {
    topic_arn: String,
    attribute_name: String,
    #[serde(default)]
    attribute_value: String,
}

pub(super) fn set_attribute(cx: &mut Cx<'_>, input: SetAttribute) -> Result {
    let default = default_policy(cx, &input.topic_arn);
    let topic = find(cx.sns(), &input.topic_arn)?;
    check_attribute(&input.attribute_name, &input.attribute_value, topic.arn.ends_with(".fifo"))?;
    if input.attribute_name == "Policy" {
        topic.policy = if input.attribute_value.is_empty() { default } else { input.attribute_value };
    } else {
        topic.attributes.insert(input.attribute_name, input.attribute_value);
    }
    Ok(Value::Null)
}

/// Its subscriptions go with it. What is not there is as good as deleted.
pub(super) fn delete(cx: &mut Cx<'_>, input: ByArn) -> Result {
    let state = cx.sns();
    match find(state, &input.topic_arn) {
        Err(e) if e.code == INVALID => return Err(e),
        _ => {}
    }
    state.topics.remove(&input.topic_arn);
    state.subscriptions.retain(|_, subscription| subscription.topic != input.topic_arn);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    next_token: Option<String>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let found = cx.sns().topics.keys().map(|arn| (arn.clone(), json!({"TopicArn": arn}))).collect();
    listed("Topics", found, input.next_token.as_deref())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Publish {
    topic_arn: Option<String>,
    target_arn: Option<String>,
    message: String,
    subject: Option<String>,
    message_structure: Option<String>,
    #[serde(rename = "MessageAttributes")]
    _message_attributes: Option<Value>,
    message_group_id: Option<String>,
    #[serde(rename = "MessageDeduplicationId")]
    _message_deduplication_id: Option<String>,
}

/// Taken, and given to nobody.
pub(super) fn publish(cx: &mut Cx<'_>, input: Publish) -> Result {
    let Some(arn) = input.topic_arn.or(input.target_arn) else {
        return Err(invalid("TopicArn or TargetArn Reason: no value for required parameter"));
    };
    let fifo = find(cx.sns(), &arn)?.arn.ends_with(".fifo");
    if input.message.is_empty() {
        return Err(invalid("Empty message"));
    }
    if input.message.len() > 262_144 {
        return Err(invalid("Message too long"));
    }
    if input.subject.is_some_and(|subject| subject.is_empty() || subject.chars().count() > 100) {
        return Err(invalid("Subject"));
    }
    if input.message_structure.as_deref() == Some("json")
        && !serde_json::from_str::<Value>(&input.message).is_ok_and(|message| message["default"].is_string())
    {
        return Err(invalid("Message Structure - No default entry in JSON message body"));
    }
    if fifo && input.message_group_id.is_none() {
        return Err(invalid("The MessageGroupId parameter is required for FIFO topics"));
    }
    Ok(json!({"MessageId": cx.uuid()}))
}

fn tags_of<'s>(state: &'s mut State, arn: &str) -> Result<&'s mut Tags> {
    let topic = state.topics.get_mut(arn);
    let missing = || ApiError::new("ResourceNotFound", "Resource does not exist").status(404);
    Ok(&mut topic.ok_or_else(missing)?.tags)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct AddTags {
    resource_arn: String,
    tags: Vec<Tag>,
}

pub(super) fn tag(cx: &mut Cx<'_>, input: AddTags) -> Result {
    let own = tags_of(cx.sns(), &input.resource_arn)?;
    let mut merged = own.clone();
    merged.extend(from_list(input.tags));
    *own = checked(merged)?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RemoveTags {
    resource_arn: String,
    tag_keys: Vec<String>,
}

pub(super) fn untag(cx: &mut Cx<'_>, input: RemoveTags) -> Result {
    if input.tag_keys.is_empty() {
        return fail!(INVALID, "Invalid parameter: TagKeys");
    }
    tags_of(cx.sns(), &input.resource_arn)?.retain(|key, _| !input.tag_keys.contains(key));
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListTags {
    resource_arn: String,
}

pub(super) fn list_tags(cx: &mut Cx<'_>, input: ListTags) -> Result {
    Ok(json!({"Tags": pascal(tags_of(cx.sns(), &input.resource_arn)?)}))
}

//! Subscriptions. Those that a person must confirm stay pending.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Entries, State, invalid, is_json_object, listed, map, not_found, topic};
use crate::error::{ApiError, Result};
use crate::world::Cx;

/// Somebody whom a topic's messages would be sent to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Subscription {
    arn: String,
    pub(super) topic: String,
    owner: String,
    protocol: String,
    endpoint: String,
    pub(super) confirmed: bool,
    attributes: BTreeMap<String, String>,
}

const PENDING: &str = "PendingConfirmation";
/// What can be set: the name, and whether it must be JSON.
const SETTABLE: &[(&str, bool)] = &[
    ("DeliveryPolicy", true),
    ("FilterPolicy", true),
    ("FilterPolicyScope", false),
    ("RawMessageDelivery", false),
    ("RedrivePolicy", true),
    ("ReplayPolicy", true),
    ("SubscriptionRoleArn", false),
];

fn check_endpoint(protocol: &str, endpoint: &str) -> Result<()> {
    let arn_of = |service: &str| endpoint.starts_with("arn:") && endpoint.split(':').nth(2) == Some(service);
    let fits = match protocol {
        "email" | "email-json" => {
            endpoint.split_once('@').is_some_and(|(who, host)| !who.is_empty() && host.contains('.'))
        }
        "http" => endpoint.starts_with("http://"),
        "https" => endpoint.starts_with("https://"),
        "sqs" | "lambda" | "firehose" => arn_of(protocol),
        "sms" => endpoint.chars().filter(char::is_ascii_digit).count() >= 5,
        "application" => arn_of("sns"),
        _ => return Err(invalid(format!("Amazon SNS does not support this protocol string: {protocol}"))),
    };
    match (fits, protocol) {
        (true, _) => Ok(()),
        (false, "email" | "email-json") => Err(invalid("Email address")),
        (false, "sqs") => Err(invalid("SQS endpoint ARN")),
        (false, "lambda") => Err(invalid("Lambda endpoint ARN")),
        (false, _) => Err(invalid("Endpoint")),
    }
}

fn check_attribute(name: &str, value: &str) -> Result<()> {
    let Some((_, must_be_json)) = SETTABLE.iter().find(|(known, _)| *known == name) else {
        return Err(invalid("AttributeName"));
    };
    if *must_be_json && !value.is_empty() && !is_json_object(value) {
        return Err(invalid(format!("{name}: failed to parse JSON.")));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Subscribe {
    topic_arn: String,
    protocol: String,
    #[serde(default)]
    endpoint: String,
    #[serde(default)]
    attributes: Entries,
    #[serde(default)]
    return_subscription_arn: bool,
}

pub(super) fn subscribe(cx: &mut Cx<'_>, input: Subscribe) -> Result {
    topic::find(cx.sns(), &input.topic_arn)?;
    check_endpoint(&input.protocol, &input.endpoint)?;
    for entry in &input.attributes.entry {
        check_attribute(&entry.key, &entry.value)?;
    }
    // Machines of the account confirm by themselves.
    let confirmed = ["sqs", "lambda", "firehose", "sms", "application"].contains(&input.protocol.as_str());
    let told = |arn: &str, confirmed: bool| {
        let arn = if confirmed || input.return_subscription_arn { arn } else { "pending confirmation" };
        json!({"SubscriptionArn": arn})
    };
    let same = |s: &&Subscription| {
        (&s.topic, &s.protocol, &s.endpoint) == (&input.topic_arn, &input.protocol, &input.endpoint)
    };
    if let Some(existing) = cx.sns().subscriptions.values().find(same) {
        return Ok(told(&existing.arn, existing.confirmed));
    }
    let arn = format!("{}:{}", input.topic_arn, cx.uuid());
    let answer = told(&arn, confirmed);
    let attributes = input.attributes.entry.into_iter().map(|entry| (entry.key, entry.value)).collect();
    let subscription = Subscription {
        arn: arn.clone(),
        topic: input.topic_arn,
        owner: cx.account().to_owned(),
        protocol: input.protocol,
        endpoint: input.endpoint,
        confirmed,
        attributes,
    };
    cx.sns().subscriptions.insert(arn, subscription);
    Ok(answer)
}

fn find<'s>(state: &'s mut State, arn: &str) -> Result<&'s mut Subscription> {
    if !arn.starts_with("arn:") || arn.split(':').count() != 7 {
        return Err(invalid("SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"));
    }
    state.subscriptions.get_mut(arn).ok_or_else(|| not_found("Subscription"))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ByArn {
    subscription_arn: String,
}

pub(super) fn attributes(cx: &mut Cx<'_>, input: ByArn) -> Result {
    let s = find(cx.sns(), &input.subscription_arn)?.clone();
    let mut all = BTreeMap::from([
        ("SubscriptionArn", s.arn.clone()),
        ("TopicArn", s.topic.clone()),
        ("Owner", s.owner.clone()),
        ("Protocol", s.protocol.clone()),
        ("Endpoint", s.endpoint.clone()),
        ("PendingConfirmation", (!s.confirmed).to_string()),
        ("ConfirmationWasAuthenticated", s.confirmed.to_string()),
        ("RawMessageDelivery", "false".to_owned()),
        ("SubscriptionPrincipal", format!("arn:aws:iam::{}:root", s.owner)),
    ]);
    if s.attributes.get("FilterPolicy").is_some_and(|policy| !policy.is_empty()) {
        all.insert("FilterPolicyScope", "MessageAttributes".to_owned());
    }
    all.extend(s.attributes.iter().map(|(name, value)| (name.as_str(), value.clone())));
    all.retain(|_, value| !value.is_empty());
    Ok(json!({"Attributes": map(all)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct SetAttribute {
    subscription_arn: String,
    attribute_name: String,
    #[serde(default)]
    attribute_value: String,
}

pub(super) fn set_attribute(cx: &mut Cx<'_>, input: SetAttribute) -> Result {
    let subscription = find(cx.sns(), &input.subscription_arn)?;
    check_attribute(&input.attribute_name, &input.attribute_value)?;
    subscription.attributes.insert(input.attribute_name, input.attribute_value);
    Ok(Value::Null)
}

/// What is not there is as good as gone; what nobody has confirmed ends by itself only.
pub(super) fn unsubscribe(cx: &mut Cx<'_>, input: ByArn) -> Result {
    let state = cx.sns();
    match find(state, &input.subscription_arn).map(|s| s.confirmed) {
        Ok(true) => {
            state.subscriptions.remove(&input.subscription_arn);
            Ok(Value::Null)
        }
        Ok(false) => Err(ApiError::new(
            "InvalidParameter",
            "Invalid parameter: SubscriptionArn Reason: Cannot unsubscribe a subscription that is pending confirmation",
        )),
        Err(e) if e.code == "NotFound" => Ok(Value::Null),
        Err(e) => Err(e),
    }
}

fn summary(s: &Subscription) -> (String, Value) {
    let arn = if s.confirmed { s.arn.as_str() } else { PENDING };
    let shape = json!({
        "SubscriptionArn": arn, "Owner": s.owner, "Protocol": s.protocol, "Endpoint": s.endpoint, "TopicArn": s.topic,
    });
    (s.arn.clone(), shape)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    next_token: Option<String>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let found = cx.sns().subscriptions.values().map(summary).collect();
    listed("Subscriptions", found, input.next_token.as_deref())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListByTopic {
    topic_arn: String,
    next_token: Option<String>,
}

pub(super) fn list_by_topic(cx: &mut Cx<'_>, input: ListByTopic) -> Result {
    topic::find(cx.sns(), &input.topic_arn)?;
    let of_topic = cx.sns().subscriptions.values().filter(|s| s.topic == input.topic_arn);
    let found = of_topic.map(summary).collect();
    listed("Subscriptions", found, input.next_token.as_deref())
}

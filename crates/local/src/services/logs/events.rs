//! Log streams and their events.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Event, Group, Stream, group_mut};
use crate::error::{ApiError, Result, fail};
use crate::page;
use crate::world::Cx;

fn no_stream() -> ApiError {
    ApiError::new("ResourceNotFoundException", "The specified log stream does not exist.")
}

/// A group, by name or by identifier.
fn group<'a>(cx: &'a mut Cx<'_>, name: Option<&String>, identifier: Option<&String>) -> Result<&'a mut Group> {
    match (name, identifier) {
        (Some(id), None) | (None, Some(id)) => group_mut(cx, id),
        _ => fail!("InvalidParameterException", "Exactly one of logGroupName and logGroupIdentifier must be given"),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StreamName {
    log_group_name: String,
    log_stream_name: String,
}

pub(super) fn create_stream(cx: &mut Cx<'_>, input: StreamName) -> Result<Value> {
    let now = cx.now();
    let name = input.log_stream_name;
    if name.is_empty() || name.chars().count() > 512 || name.contains([':', '*']) {
        return fail!(
            "InvalidParameterException",
            "1 validation error detected: Value '{name}' at 'logStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*"
        );
    }
    let group = group_mut(cx, &input.log_group_name)?;
    if group.streams.contains_key(&name) {
        return fail!("ResourceAlreadyExistsException", "The specified log stream already exists");
    }
    group.streams.insert(name, Stream { created: now, events: Vec::new() });
    Ok(Value::Null)
}

pub(super) fn delete_stream(cx: &mut Cx<'_>, input: StreamName) -> Result<Value> {
    let group = group_mut(cx, &input.log_group_name)?;
    match group.streams.remove(&input.log_stream_name) {
        Some(_) => Ok(Value::Null),
        None => Err(no_stream()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DescribeStreams {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name_prefix: Option<String>,
    order_by: Option<String>,
    #[serde(default)]
    descending: bool,
    next_token: Option<String>,
    limit: Option<usize>,
}

pub(super) fn describe_streams(cx: &mut Cx<'_>, input: DescribeStreams) -> Result<Value> {
    let by_time = input.order_by.as_deref() == Some("LastEventTime");
    if by_time && input.log_stream_name_prefix.is_some() {
        return fail!("InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.");
    }
    let account = cx.account().to_owned();
    let region = cx.region.clone();
    let group = group(cx, input.log_group_name.as_ref(), input.log_group_identifier.as_ref())?;
    let mut streams: Vec<(String, Value)> = group
        .streams
        .iter()
        .filter(|(name, _)| input.log_stream_name_prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix)))
        .map(|(name, stream)| {
            let mut members = json!({
                "logStreamName": name,
                "creationTime": stream.created.0,
                "arn": format!("arn:aws:logs:{region}:{account}:log-group:{}:log-stream:{name}", group.name),
                "storedBytes": 0,
            });
            if let (Some(first), Some(last)) = (stream.events.first(), stream.events.last()) {
                members["firstEventTimestamp"] = json!(first.at);
                members["lastEventTimestamp"] = json!(last.at);
                members["lastIngestionTime"] = json!(last.ingested.0);
                members["uploadSequenceToken"] = json!("1");
            }
            let last = stream.events.last().map_or(0, |event| event.at);
            (if by_time { format!("{last:020}/{name}") } else { name.clone() }, members)
        })
        .collect();
    streams.sort_by(|a, b| a.0.cmp(&b.0));
    if input.descending {
        // Pages go by ascending keys: number them anew.
        streams.reverse();
        for (i, (key, _)) in streams.iter_mut().enumerate() {
            *key = format!("{i:012}");
        }
    }
    let limit = input.limit.unwrap_or(50).min(50);
    let page = page::page(streams, input.next_token.as_deref(), limit, "InvalidParameterException")?;
    let mut answer = json!({"logStreams": page.items});
    if let Some(next) = page.next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InputEvent {
    timestamp: u64,
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Put {
    log_group_name: String,
    log_stream_name: String,
    log_events: Vec<InputEvent>,
    #[serde(rename = "sequenceToken")]
    _sequence_token: Option<String>,
}

pub(super) fn put(cx: &mut Cx<'_>, input: Put) -> Result<Value> {
    let now = cx.now();
    if input.log_events.is_empty() || input.log_events.len() > 10_000 {
        return fail!(
            "InvalidParameterException",
            "1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member must have length between 1 and 10000"
        );
    }
    if input.log_events.windows(2).any(|pair| pair[0].timestamp > pair[1].timestamp) {
        return fail!(
            "InvalidParameterException",
            "Log events in a single PutLogEvents request must be in chronological order."
        );
    }
    let group = group_mut(cx, &input.log_group_name)?;
    let stream = group.streams.get_mut(&input.log_stream_name).ok_or_else(no_stream)?;
    let events = input.log_events.into_iter().map(|e| Event { at: e.timestamp, ingested: now, message: e.message });
    stream.add(events);
    Ok(json!({"nextSequenceToken": "1"}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Get {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name: String,
    start_time: Option<u64>,
    end_time: Option<u64>,
    next_token: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    start_from_head: bool,
    #[serde(default, rename = "unmask")]
    _unmask: bool,
}

/// Tokens are `f/` or `b/` and a position; at an end, the token is the one that was sent.
pub(super) fn get(cx: &mut Cx<'_>, input: Get) -> Result<Value> {
    let group = group(cx, input.log_group_name.as_ref(), input.log_group_identifier.as_ref())?;
    let stream = group.streams.get(&input.log_stream_name).ok_or_else(no_stream)?;
    let events: Vec<&Event> = stream
        .events
        .iter()
        .filter(|event| input.start_time.is_none_or(|from| event.at >= from))
        .filter(|event| input.end_time.is_none_or(|to| event.at < to))
        .collect();
    let limit = input.limit.unwrap_or(10_000).clamp(1, 10_000);
    let bad = || ApiError::new("InvalidParameterException", "The specified nextToken is invalid.");
    let (from, to) = match input.next_token.as_deref().map(|token| token.split_once('/').ok_or_else(bad)) {
        None if input.start_from_head => (0, limit.min(events.len())),
        None => (events.len().saturating_sub(limit), events.len()),
        Some(parts) => {
            let (direction, at) = parts?;
            let at: usize = at.parse().map_err(|_| bad())?;
            let at = at.min(events.len());
            match direction {
                "f" => (at, (at + limit).min(events.len())),
                "b" => (at.saturating_sub(limit), at),
                _ => return Err(bad()),
            }
        }
    };
    let page: Vec<Value> = events
        .get(from..to)
        .unwrap_or_default()
        .iter()
        .map(|event| json!({"timestamp": event.at, "message": event.message, "ingestionTime": event.ingested.0}))
        .collect();
    Ok(json!({"events": page, "nextForwardToken": format!("f/{to}"), "nextBackwardToken": format!("b/{from}")}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Filter {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    #[serde(default)]
    log_stream_names: Vec<String>,
    log_stream_name_prefix: Option<String>,
    start_time: Option<u64>,
    end_time: Option<u64>,
    filter_pattern: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
    #[serde(default, rename = "interleaved")]
    _interleaved: bool,
    #[serde(default, rename = "unmask")]
    _unmask: bool,
}

pub(super) fn filter(cx: &mut Cx<'_>, input: Filter) -> Result<Value> {
    let terms = terms(input.filter_pattern.as_deref().unwrap_or_default())?;
    let group = group(cx, input.log_group_name.as_ref(), input.log_group_identifier.as_ref())?;
    if let Some(missing) = input.log_stream_names.iter().find(|name| !group.streams.contains_key(*name)) {
        return fail!("ResourceNotFoundException", "The specified log stream does not exist: {missing}");
    }
    let mut found: Vec<(String, Value)> = Vec::new();
    for (name, stream) in &group.streams {
        let wanted = (input.log_stream_names.is_empty() || input.log_stream_names.contains(name))
            && input.log_stream_name_prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix));
        if !wanted {
            continue;
        }
        for (i, event) in stream.events.iter().enumerate() {
            let in_time =
                input.start_time.is_none_or(|from| event.at >= from) && input.end_time.is_none_or(|to| event.at <= to);
            if in_time && terms.iter().all(|term| event.message.contains(term)) {
                let key = format!("{:020}/{name}/{i:06}", event.at);
                let members = json!({
                    "logStreamName": name,
                    "timestamp": event.at,
                    "message": event.message,
                    "ingestionTime": event.ingested.0,
                    "eventId": key.replace('/', "-"),
                });
                found.push((key, members));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let limit = input.limit.unwrap_or(10_000).clamp(1, 10_000);
    let page = page::page(found, input.next_token.as_deref(), limit, "InvalidParameterException")?;
    let mut answer = json!({"events": page.items, "searchedLogStreams": []});
    if let Some(next) = page.next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

/// The terms of an unstructured pattern, all of which must occur; quoted ones may contain spaces.
fn terms(pattern: &str) -> Result<Vec<String>> {
    let trimmed = pattern.trim();
    if trimmed.starts_with(['{', '[', '%']) || trimmed.split_whitespace().any(|t| t.starts_with(['?', '-'])) {
        return fail!(
            "InvalidParameterException",
            "The local cloud knows filter patterns of plain terms only, not '{pattern}'"
        );
    }
    let mut terms = Vec::new();
    for (i, part) in trimmed.split('"').enumerate() {
        if i % 2 == 1 {
            terms.push(part.to_owned());
        } else {
            terms.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    Ok(terms)
}

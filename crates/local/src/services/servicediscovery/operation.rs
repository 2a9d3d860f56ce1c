//! Operations: what Cloud Map answers at once, and does later.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Time;
use crate::error::{Result, fail};
use crate::page::page;
use crate::services::members::bare;
use crate::services::servicediscovery::{Filter, instance, namespace, passes, service, text};
use crate::timings;
use crate::world::Cx;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Operation {
    pub(crate) id: String,
    kind: String,
    status: String,
    error: Option<(String, String)>,
    created: Time,
    updated: Time,
    /// `NAMESPACE`, `SERVICE` or `INSTANCE`, and its id.
    targets: Vec<(String, String)>,
    /// The request's own mark, by which a repeated one is known.
    #[serde(default)]
    token: Option<String>,
}

impl Operation {
    fn runs(&self) -> bool {
        matches!(self.status.as_str(), "SUBMITTED" | "PENDING")
    }

    fn targets(&self, kind: &str, id: &str) -> bool {
        self.targets.iter().any(|(k, i)| k == kind && i == id)
    }
}

/// How an operation ends: well, or with a code and a message.
pub(super) type End = std::result::Result<(), (&'static str, String)>;

/// Begins an operation that does `body` after `takes`. Answers with its id.
pub(super) fn begin(
    cx: &mut Cx<'_>,
    kind: &str,
    targets: &[(&str, &str)],
    token: Option<String>,
    takes: Duration,
    mut body: Value,
) -> Value {
    let id = format!("{}-{}", cx.lower(32), cx.lower(8));
    let now = cx.now();
    let operation = Operation {
        id: id.clone(),
        kind: kind.to_owned(),
        status: "SUBMITTED".to_owned(),
        error: None,
        created: now,
        updated: now,
        targets: targets.iter().map(|(k, i)| ((*k).to_owned(), (*i).to_owned())).collect(),
        token,
    };
    cx.servicediscovery().operations.insert(id.clone(), operation);
    body["operation"] = id.as_str().into();
    cx.after(timings::OPERATION_PENDING.min(takes), json!({"do": "pending", "operation": id}));
    cx.after(takes, body);
    json!({"OperationId": id})
}

/// A running operation of these kinds on a target.
pub(super) fn running<'c>(cx: &'c mut Cx<'_>, kinds: &[&str], target: (&str, &str)) -> Option<&'c Operation> {
    let operations = &cx.servicediscovery().operations;
    operations.values().find(|o| o.runs() && kinds.contains(&o.kind.as_str()) && o.targets(target.0, target.1))
}

/// The operation that was begun with a request's mark.
pub(super) fn by_token<'c>(cx: &'c mut Cx<'_>, kind: &str, token: &str) -> Option<&'c Operation> {
    let operations = &cx.servicediscovery().operations;
    operations.values().find(|o| o.runs() && o.kind == kind && o.token.as_deref() == Some(token))
}

/// The error for a second operation while one runs.
pub(super) fn duplicate(id: &str) -> crate::error::ApiError {
    crate::error::ApiError::new("DuplicateRequest", "The operation is already in progress.")
        .detail("DuplicateOperationId", id)
}

pub(super) fn on_event(cx: &mut Cx<'_>, body: &Value) {
    let (what, id, now) = (text(body, "do"), text(body, "operation"), cx.now());
    if what == "pending" {
        if let Some(operation) = cx.servicediscovery().operations.get_mut(id)
            && operation.status == "SUBMITTED"
        {
            (operation.status, operation.updated) = ("PENDING".to_owned(), now);
        }
        return;
    }
    let end = match what {
        "create namespace" => namespace::created(cx, text(body, "namespace")),
        "update namespace" => namespace::updated(cx, body),
        "delete namespace" => namespace::deleted(cx, text(body, "namespace")),
        "update service" => service::updated(cx, body),
        "register" => instance::registered(cx, body),
        "deregister" => instance::deregistered(cx, body),
        _ => Ok(()),
    };
    if let Some(operation) = cx.servicediscovery().operations.get_mut(id) {
        operation.updated = now;
        operation.status = if end.is_ok() { "SUCCESS" } else { "FAIL" }.to_owned();
        operation.error = end.err().map(|(code, message)| (code.to_owned(), message));
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Get {
    operation_id: String,
    #[serde(rename = "OwnerAccount")]
    _owner_account: Option<String>,
}

pub(super) fn get(cx: &mut Cx<'_>, input: Get) -> Result {
    let Some(operation) = cx.servicediscovery().operations.get(&input.operation_id) else {
        return fail!("OperationNotFound", "No operation exists with the specified ID.");
    };
    let targets: serde_json::Map<String, Value> =
        operation.targets.iter().map(|(kind, id)| (kind.clone(), id.as_str().into())).collect();
    Ok(bare(json!({"Operation": {
        "Id": operation.id,
        "Type": operation.kind,
        "Status": operation.status,
        "ErrorCode": operation.error.as_ref().map(|e| &e.0),
        "ErrorMessage": operation.error.as_ref().map(|e| &e.1),
        "CreateDate": operation.created.epoch_seconds(),
        "UpdateDate": operation.updated.epoch_seconds(),
        "Targets": targets,
    }})))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    next_token: Option<String>,
    max_results: Option<usize>,
    #[serde(default)]
    filters: Vec<Filter>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let mut items = Vec::new();
    for operation in cx.servicediscovery().operations.values() {
        let of = |kind: &str| operation.targets.iter().filter(|(k, _)| k == kind).map(|(_, id)| id.clone()).collect();
        let ask = |name: &str| match name {
            "NAMESPACE_ID" => Some(of("NAMESPACE")),
            "SERVICE_ID" => Some(of("SERVICE")),
            "STATUS" => Some(vec![operation.status.clone()]),
            "TYPE" => Some(vec![operation.kind.clone()]),
            "UPDATE_DATE" => Some(vec![operation.updated.epoch_seconds().to_string()]),
            _ => None,
        };
        if passes(&input.filters, ask)? {
            items.push((operation.id.clone(), json!({"Id": operation.id, "Status": operation.status})));
        }
    }
    let page = page(
        items,
        input.next_token.as_deref(),
        crate::page::size(input.max_results, 100, 100, "InvalidInput")?,
        "InvalidInput",
    )?;
    Ok(bare(json!({"Operations": page.items, "NextToken": page.next})))
}

impl Operation {
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

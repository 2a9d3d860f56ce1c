//! CloudWatch's dashboards: kept as they come.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::page::page;
use crate::protocol::Protocol;
use crate::services::members::named;
use crate::world::Cx;

/// A dashboard.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Dashboard {
    body: String,
    modified: Time,
}

pub(super) fn arn(cx: &Cx<'_>, name: &str) -> String {
    // Dashboards are the same in all regions.
    format!("arn:aws:cloudwatch::{}:dashboard/{name}", cx.account())
}

fn missing(name: &str) -> ApiError {
    ApiError::new("ResourceNotFound", format!("Dashboard {name} does not exist")).status(404)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Put {
    dashboard_name: String,
    dashboard_body: String,
}

pub(super) fn put(cx: &mut Cx<'_>, input: Put) -> Result {
    if !named(&input.dashboard_name, 1, 255, "-_") {
        return fail!("InvalidParameterInput", "Value {} at 'dashboardName' is not valid", input.dashboard_name);
    }
    let body: Value = serde_json::from_str(&input.dashboard_body).unwrap_or_default();
    if !body["widgets"].is_array() {
        return fail!("InvalidParameterInput", "The field DashboardBody must be a valid JSON object with widgets");
    }
    let dashboard = Dashboard { body: input.dashboard_body, modified: cx.now() };
    cx.cloudwatch().dashboards.insert(input.dashboard_name, dashboard);
    Ok(json!({"DashboardValidationMessages": []}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Get {
    dashboard_name: String,
}

pub(super) fn get(cx: &mut Cx<'_>, input: Get) -> Result {
    let (name, arn) = (input.dashboard_name.clone(), arn(cx, &input.dashboard_name));
    let dashboard = cx.cloudwatch().dashboards.get(&name).ok_or_else(|| missing(&name))?;
    Ok(json!({"DashboardArn": arn, "DashboardBody": dashboard.body, "DashboardName": name}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    dashboard_names: Vec<String>,
}

/// All of them, or none if one is not there.
pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let dashboards = &mut cx.cloudwatch().dashboards;
    if let Some(name) = input.dashboard_names.iter().find(|name| !dashboards.contains_key(*name)) {
        return Err(missing(name));
    }
    dashboards.retain(|name, _| !input.dashboard_names.contains(name));
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    dashboard_name_prefix: Option<String>,
    next_token: Option<String>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let json = matches!(cx.service.protocol, Protocol::Json { .. });
    let all: Vec<(String, Dashboard)> =
        cx.cloudwatch().dashboards.iter().map(|(name, dashboard)| (name.clone(), dashboard.clone())).collect();
    let prefixed = |name: &str| input.dashboard_name_prefix.as_ref().is_none_or(|p| name.starts_with(p.as_str()));
    let found = all.iter().filter(|(name, _)| prefixed(name)).map(|(name, dashboard)| {
        let modified =
            if json { json!(dashboard.modified.epoch_seconds()) } else { json!(dashboard.modified.iso8601()) };
        let shape = json!({
            "DashboardName": name,
            "DashboardArn": arn(cx, name),
            "LastModified": modified,
            "Size": dashboard.body.len(),
        });
        (name.clone(), shape)
    });
    let page = page(found.collect::<Vec<_>>(), input.next_token.as_deref(), 1000, "InvalidParameterValue")?;
    let mut answer = json!({"DashboardEntries": page.items});
    if let Some(next) = page.next {
        answer["NextToken"] = json!(next);
    }
    Ok(answer)
}

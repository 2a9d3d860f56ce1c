//! Reading certificates.

use serde::Deserialize;
use serde_json::{Value, json};

use super::certificate::Certificate;
use super::request::ByArn;
use super::{find, users};
use crate::error::{Result, fail};
use crate::page::page;
use crate::world::Cx;

pub(super) fn describe(cx: &mut Cx<'_>, input: ByArn) -> Result {
    let certificate = find(cx, &input.certificate_arn)?.clone();
    let users = users(cx, &certificate.arn);
    let now = (!cx.options.instant).then(|| cx.now());
    Ok(json!({"Certificate": certificate.detail(now, &users)}))
}

/// Nobody signs here: the text has a certificate's form, and says whose it is.
pub(super) fn get(cx: &mut Cx<'_>, input: ByArn) -> Result {
    let certificate = find(cx, &input.certificate_arn)?;
    if !certificate.is_issued() {
        return fail!(
            "RequestInProgressException",
            "Certificate {} is not issued yet: {}",
            certificate.arn,
            certificate.status()
        );
    }
    let pem = |of: &str| format!("-----BEGIN CERTIFICATE-----\n{of}\n-----END CERTIFICATE-----\n");
    Ok(json!({
        "Certificate": pem(&format!("LOCALCLOUD{}", certificate.serial.replace(':', ""))),
        "CertificateChain": pem("LOCALCLOUDAUTHORITY"),
    }))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Includes {
    #[serde(default)]
    key_types: Vec<String>,
    #[serde(default, rename = "extendedKeyUsage")]
    _extended_key_usage: Vec<String>,
    #[serde(default, rename = "keyUsage")]
    _key_usage: Vec<String>,
    export_option: Option<String>,
    managed_by: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    #[serde(default)]
    certificate_statuses: Vec<String>,
    includes: Option<Includes>,
    next_token: Option<String>,
    max_items: Option<usize>,
    sort_by: Option<String>,
    sort_order: Option<String>,
}

const STATUSES: &[&str] =
    &["PENDING_VALIDATION", "ISSUED", "INACTIVE", "EXPIRED", "VALIDATION_TIMED_OUT", "REVOKED", "FAILED"];

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let size = input.max_items.unwrap_or(1000);
    if !(1..=1000).contains(&size) {
        return fail!(
            "ValidationException",
            "1 validation error detected: Value '{size}' at 'maxItems' failed to satisfy constraint: Member must have \
             value between 1 and 1000"
        );
    }
    if let Some(status) = input.certificate_statuses.iter().find(|s| !STATUSES.contains(&s.as_str())) {
        return fail!(
            "ValidationException",
            "1 validation error detected: Value '[{status}]' at 'certificateStatuses' failed to satisfy constraint: \
             Member must satisfy enum value set: [{}]",
            STATUSES.join(", ")
        );
    }
    if input.sort_by.is_some() != input.sort_order.is_some() {
        return fail!("InvalidArgsException", "SortBy and SortOrder must be specified together");
    }
    let includes = input.includes.unwrap_or_default();
    let by_type = |c: &Certificate| match includes.key_types.as_slice() {
        // Whoever wants others must say so.
        [] => ["RSA_1024", "RSA_2048"].contains(&c.key_algorithm.as_str()),
        types => types.contains(&c.key_algorithm),
    };
    let wanted = |c: &&Certificate| {
        by_type(c)
            && includes.managed_by.is_none()
            && includes.export_option.as_ref().is_none_or(|export| *export == c.export)
            && (input.certificate_statuses.is_empty() || input.certificate_statuses.iter().any(|s| s == c.status()))
    };
    let found: Vec<Certificate> = cx.acm().certificates.values().filter(wanted).cloned().collect();
    let mut list = Vec::new();
    for certificate in found {
        let users = users(cx, &certificate.arn);
        list.push((certificate.arn.clone(), certificate.summary(&users)));
    }
    if input.sort_order.as_deref() == Some("DESCENDING") {
        // Newest first, all on one page.
        list.sort_by(|(_, a), (_, b)| {
            b["CreatedAt"].as_f64().unwrap_or(0.0).total_cmp(&a["CreatedAt"].as_f64().unwrap_or(0.0))
        });
        return Ok(json!({"CertificateSummaryList": list.into_iter().take(size).map(|(_, s)| s).collect::<Value>()}));
    }
    let page = page(list, input.next_token.as_deref(), size, "ValidationException")?;
    let mut answer = json!({"CertificateSummaryList": page.items});
    if let Some(next) = page.next {
        answer["NextToken"] = json!(next);
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

pub(super) fn account(cx: &mut Cx<'_>, _input: Nothing) -> Result {
    Ok(json!({"ExpiryEvents": {"DaysBeforeExpiry": cx.acm().expiry_events_days.unwrap_or(45)}}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ExpiryEvents {
    days_before_expiry: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutAccount {
    expiry_events: Option<ExpiryEvents>,
    #[serde(rename = "IdempotencyToken")]
    _idempotency_token: String,
}

pub(super) fn put_account(cx: &mut Cx<'_>, input: PutAccount) -> Result {
    cx.acm().expiry_events_days = input.expiry_events.and_then(|events| events.days_before_expiry);
    Ok(Value::Null)
}

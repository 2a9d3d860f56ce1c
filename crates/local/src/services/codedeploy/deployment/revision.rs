//! Revisions: AppSpecs that an application knows, by the hash of their content.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::appspec::{self, AppSpec};
use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::page::page;
use crate::services::codedeploy::application;
use crate::services::members::bare;
use crate::world::Cx;

/// An AppSpec's text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Revision {
    /// `AppSpecContent` or `String`.
    kind: String,
    content: String,
    sha256: String,
}

/// A revision that an application knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Registered {
    revision: Revision,
    description: Option<String>,
    registered: Time,
    first_used: Option<Time>,
    last_used: Option<Time>,
    groups: Vec<String>,
}

fn hash(content: &str) -> String {
    Sha256::digest(content.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Revision {
    pub(super) fn of_content(content: String) -> Revision {
        Revision { kind: "AppSpecContent".to_owned(), sha256: hash(&content), content }
    }

    /// As a `RevisionLocation`. Only GetApplicationRevision tells the content.
    pub(super) fn location(&self, with_content: bool) -> Value {
        let member = if self.kind == "String" { "string" } else { "appSpecContent" };
        let content = with_content.then_some(&self.content);
        bare(json!({"revisionType": self.kind, member: {"content": content, "sha256": self.sha256}}))
    }
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Text {
    content: Option<String>,
    sha256: Option<String>,
}

/// A revision as users write it.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Location {
    revision_type: Option<String>,
    s3_location: Option<Value>,
    git_hub_location: Option<Value>,
    string: Option<Text>,
    app_spec_content: Option<Text>,
}

const INVALID: &str = "InvalidRevisionException";

impl Location {
    /// The kind, and the text with its hash; the content may be absent where the hash names a known revision.
    fn text(self) -> Result<(String, Text)> {
        let given = [
            self.s3_location.is_some(),
            self.git_hub_location.is_some(),
            self.string.is_some(),
            self.app_spec_content.is_some(),
        ];
        if given.iter().filter(|g| **g).count() > 1 {
            return fail!(INVALID, "The revision must have one location only");
        }
        let text = match self.revision_type.as_deref() {
            None => return fail!(INVALID, "The revision type was not specified"),
            Some("S3" | "GitHub") => {
                return fail!(INVALID, "The local cloud has neither S3 nor GitHub: give the AppSpec as AppSpecContent");
            }
            Some("AppSpecContent") => self.app_spec_content,
            Some("String") => self.string,
            Some(other) => return fail!(INVALID, "The revision type '{other}' is invalid"),
        };
        let kind = self.revision_type.unwrap_or_default();
        match text {
            Some(text) => Ok((kind, text)),
            None => fail!(INVALID, "The revision has no content of its type {kind}"),
        }
    }

    /// The revision and what it says.
    pub(super) fn read(self, cx: &mut Cx<'_>, application: &str) -> Result<(Revision, AppSpec)> {
        let (kind, text) = self.text()?;
        let content = match (text.content, &text.sha256) {
            (Some(content), _) => content,
            (None, Some(sha256)) => known(cx, application, sha256)?.revision.content.clone(),
            (None, None) => return fail!(INVALID, "The revision has no content"),
        };
        let sha256 = hash(&content);
        if text.sha256.is_some_and(|given| !given.is_empty() && !given.eq_ignore_ascii_case(&sha256)) {
            return fail!(INVALID, "The SHA256 hash does not match the content of the revision");
        }
        let spec = appspec::read(&content).map_err(|why| ApiError::new(INVALID, why))?;
        Ok((Revision { kind, content, sha256 }, spec))
    }

    /// The hash of the revision that is meant.
    fn sha256(self) -> Result<String> {
        let (_, text) = self.text()?;
        match (text.sha256.filter(|s| !s.is_empty()), text.content) {
            (Some(given), _) => Ok(given.to_lowercase()),
            (None, Some(content)) => Ok(hash(&content)),
            (None, None) => fail!(INVALID, "The revision has neither content nor hash"),
        }
    }
}

fn known<'c>(cx: &'c mut Cx<'_>, application: &str, sha256: &str) -> Result<&'c mut Registered> {
    let found = application::find(cx, application)?.revisions.get_mut(sha256);
    found.ok_or_else(|| {
        let text = format!("No revision with the hash {sha256} is known to the application {application}");
        ApiError::new("RevisionDoesNotExistException", text)
    })
}

/// Remembers a revision; with a group, that a deployment of it uses it.
pub(super) fn keep(
    cx: &mut Cx<'_>,
    application: &str,
    revision: &Revision,
    description: Option<String>,
    used_in: Option<&str>,
) -> Result<()> {
    let now = cx.now();
    let all = &mut application::find(cx, application)?.revisions;
    let entry = all.entry(revision.sha256.clone()).or_insert_with(|| Registered {
        revision: revision.clone(),
        description: None,
        registered: now,
        first_used: None,
        last_used: None,
        groups: Vec::new(),
    });
    if description.is_some() {
        entry.description = description;
    }
    if let Some(group) = used_in {
        entry.first_used.get_or_insert(now);
        entry.last_used = Some(now);
        if !entry.groups.iter().any(|g| g == group) {
            entry.groups.push(group.to_owned());
        }
    }
    Ok(())
}

fn shape(known: &Registered) -> Value {
    let time = |t: Option<Time>| t.map(Time::epoch_seconds);
    bare(json!({
        "description": known.description,
        "deploymentGroups": known.groups,
        "firstUsedTime": time(known.first_used),
        "lastUsedTime": time(known.last_used),
        "registerTime": known.registered.epoch_seconds(),
    }))
}

/// At most 256 characters.
pub(super) fn check_description(description: Option<&String>) -> Result<()> {
    if description.is_some_and(|text| text.chars().count() > 256) {
        return fail!("DescriptionTooLongException", "The description is too long: it may have 256 characters");
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Register {
    application_name: Option<String>,
    description: Option<String>,
    revision: Option<Location>,
}

fn required(revision: Option<Location>) -> Result<Location> {
    revision.ok_or_else(|| ApiError::new("RevisionRequiredException", "The revision was not provided"))
}

pub(in super::super) fn register(cx: &mut Cx<'_>, input: Register) -> Result {
    let application = application::name(input.application_name)?;
    application::find(cx, &application)?;
    check_description(input.description.as_ref())?;
    let (revision, _) = required(input.revision)?.read(cx, &application)?;
    keep(cx, &application, &revision, input.description, None)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct Get {
    application_name: Option<String>,
    revision: Option<Location>,
}

pub(in super::super) fn get(cx: &mut Cx<'_>, input: Get) -> Result {
    let application = application::name(input.application_name)?;
    application::find(cx, &application)?;
    let sha256 = required(input.revision)?.sha256()?;
    let found = known(cx, &application, &sha256)?;
    Ok(json!({
        "applicationName": application,
        "revision": found.revision.location(true),
        "revisionInfo": shape(found),
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct BatchGet {
    application_name: Option<String>,
    #[serde(default)]
    revisions: Vec<Location>,
}

pub(in super::super) fn batch_get(cx: &mut Cx<'_>, input: BatchGet) -> Result {
    let application = application::name(input.application_name)?;
    application::find(cx, &application)?;
    if input.revisions.is_empty() {
        return fail!("RevisionRequiredException", "The revision was not provided");
    }
    if input.revisions.len() > 25 {
        return fail!(
            "BatchLimitExceededException",
            "The maximum number of names or IDs allowed for this request (25) was exceeded."
        );
    }
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for location in input.revisions {
        let sha256 = location.sha256()?;
        match known(cx, &application, &sha256) {
            Ok(known) => {
                found.push(
                    json!({"revisionLocation": known.revision.location(true), "genericRevisionInfo": shape(known)}),
                );
            }
            Err(_) => missing.push(sha256),
        }
    }
    let message =
        if missing.is_empty() { None } else { Some(format!("No revisions found for: {}", missing.join(", "))) };
    Ok(bare(json!({"applicationName": application, "revisions": found, "errorMessage": message})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in super::super) struct List {
    application_name: Option<String>,
    sort_by: Option<String>,
    sort_order: Option<String>,
    s3_bucket: Option<String>,
    s3_key_prefix: Option<String>,
    deployed: Option<String>,
    next_token: Option<String>,
}

pub(in super::super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let application = application::name(input.application_name)?;
    let all = &application::find(cx, &application)?.revisions;
    let by = input.sort_by.as_deref().unwrap_or("registerTime");
    if !["registerTime", "firstUsedTime", "lastUsedTime"].contains(&by) {
        return fail!("InvalidSortByException", "The column name to sort by is invalid: {by}");
    }
    let descending = match input.sort_order.as_deref() {
        None | Some("ascending") => false,
        Some("descending") => true,
        Some(other) => return fail!("InvalidSortOrderException", "The sort order is invalid: {other}"),
    };
    let deployed = input.deployed.as_deref().unwrap_or("ignore");
    if !["include", "exclude", "ignore"].contains(&deployed) {
        return fail!("InvalidDeployedStateFilterException", "The deployed state filter is invalid: {deployed}");
    }
    if input.s3_key_prefix.is_some() && input.s3_bucket.is_none() {
        return fail!("BucketNameFilterRequiredException", "A bucket name is required with a key prefix");
    }
    let wanted = |r: &&Registered| match deployed {
        // There is no S3 here.
        _ if input.s3_bucket.is_some() => false,
        "include" => r.first_used.is_some(),
        "exclude" => r.first_used.is_none(),
        _ => true,
    };
    let mut keyed: Vec<(String, Value)> = all
        .values()
        .filter(wanted)
        .map(|r| {
            let time = match by {
                "firstUsedTime" => r.first_used,
                "lastUsedTime" => r.last_used,
                _ => Some(r.registered),
            };
            let millis = time.map_or(0, |t| t.0);
            let millis = if descending { u64::MAX - millis } else { millis };
            (format!("{millis:020} {}", r.revision.sha256), r.revision.location(false))
        })
        .collect();
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    let page = page(keyed, input.next_token.as_deref(), 100, "InvalidNextTokenException")?;
    Ok(bare(json!({"revisions": page.items, "nextToken": page.next})))
}

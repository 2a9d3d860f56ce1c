//! Applications.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::page::page;
use crate::services::codedeploy::deployment::revision::Registered;
use crate::services::codedeploy::group::Group;
use crate::services::codedeploy::{deployment, tagging};
use crate::services::members::{bare, named};
use crate::tags::{self, Tag, Tags};
use crate::world::Cx;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Application {
    id: String,
    pub(crate) name: String,
    pub(crate) platform: String,
    created: Time,
    pub(crate) tags: Tags,
    #[serde(default)]
    pub(crate) groups: BTreeMap<String, Group>,
    /// By the hash of their content.
    #[serde(default)]
    pub(super) revisions: BTreeMap<String, Registered>,
}

/// What names are made of, besides letters and digits.
pub(super) const ALSO: &str = "._+=,@-";

/// An application's name, if it is one.
pub(super) fn name(given: Option<String>) -> Result<String> {
    match given {
        None => fail!("ApplicationNameRequiredException", "Application name was not provided"),
        Some(name) if named(&name, 1, 100, ALSO) => Ok(name),
        Some(name) => fail!("InvalidApplicationNameException", "Application name is invalid: {name}"),
    }
}

pub(super) fn find<'c>(cx: &'c mut Cx<'_>, name: &str) -> Result<&'c mut Application> {
    let found = cx.codedeploy().applications.get_mut(name);
    found.ok_or_else(|| {
        ApiError::new("ApplicationDoesNotExistException", format!("No application found for name: {name}"))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Create {
    application_name: Option<String>,
    compute_platform: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let name = name(input.application_name)?;
    let platform = input.compute_platform.unwrap_or_else(|| "Server".to_owned());
    if !matches!(platform.as_str(), "Server" | "Lambda" | "ECS") {
        return fail!("InvalidComputePlatformException", "The compute platform '{platform}' is invalid");
    }
    let tags = tags::from_list(input.tags);
    tagging::check(&tags)?;
    if cx.codedeploy().applications.contains_key(&name) {
        return fail!("ApplicationAlreadyExistsException", "Application already exists: {name}");
    }
    if cx.codedeploy().applications.len() >= 1000 {
        return fail!(
            "ApplicationLimitExceededException",
            "More applications were attempted to be created than are allowed"
        );
    }
    let (id, created) = (cx.uuid(), cx.now());
    let application = Application {
        id: id.clone(),
        name: name.clone(),
        platform,
        created,
        tags,
        groups: BTreeMap::new(),
        revisions: BTreeMap::new(),
    };
    cx.codedeploy().applications.insert(name, application);
    Ok(json!({"applicationId": id}))
}

fn shape(application: &Application) -> Value {
    json!({
        "applicationId": application.id,
        "applicationName": application.name,
        "createTime": application.created.epoch_seconds(),
        "linkedToGitHub": false,
        "computePlatform": application.platform,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Named {
    application_name: Option<String>,
}

pub(super) fn get(cx: &mut Cx<'_>, input: Named) -> Result {
    let name = name(input.application_name)?;
    Ok(json!({"application": shape(find(cx, &name)?)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BatchGet {
    application_names: Vec<String>,
}

pub(super) fn batch_get(cx: &mut Cx<'_>, input: BatchGet) -> Result {
    if input.application_names.is_empty() {
        return fail!("ApplicationNameRequiredException", "Application name was not provided");
    }
    if input.application_names.len() > 100 {
        return fail!(
            "BatchLimitExceededException",
            "The maximum number of names or IDs allowed for this request (100) was exceeded."
        );
    }
    let mut infos = Vec::new();
    for given in input.application_names {
        infos.push(shape(find(cx, &name(Some(given))?)?));
    }
    Ok(json!({"applicationsInfo": infos}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct List {
    next_token: Option<String>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let names = cx.codedeploy().applications.keys().map(|name| (name.clone(), name.clone()));
    let page = page(names, input.next_token.as_deref(), 100, "InvalidNextTokenException")?;
    Ok(bare(json!({"applications": page.items, "nextToken": page.next})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Update {
    application_name: Option<String>,
    new_application_name: Option<String>,
}

pub(super) fn update(cx: &mut Cx<'_>, input: Update) -> Result {
    let (old, new) = (name(input.application_name)?, name(input.new_application_name)?);
    find(cx, &old)?;
    if old == new {
        return Ok(Value::Null);
    }
    if cx.codedeploy().applications.contains_key(&new) {
        return fail!("ApplicationAlreadyExistsException", "Application already exists: {new}");
    }
    if let Some(mut application) = cx.codedeploy().applications.remove(&old) {
        deployment::renamed(cx, (&old, &new), None);
        application.name.clone_from(&new);
        cx.codedeploy().applications.insert(new, application);
    }
    Ok(Value::Null)
}

/// With its groups, revisions and the history of its deployments; one that is not there is no error.
pub(super) fn delete(cx: &mut Cx<'_>, input: Named) -> Result {
    let name = name(input.application_name)?;
    cx.codedeploy().applications.remove(&name);
    deployment::application_deleted(cx, &name);
    Ok(Value::Null)
}

//! Tags of namespaces and services.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{ApiError, Result, fail};
use crate::services::members::resource_of;
use crate::services::servicediscovery::{namespace, service};
use crate::tags::{self, Tag, Tags};
use crate::world::Cx;

/// Cloud Map takes 200 tags; the rest is as everywhere.
pub(super) fn check(tags: &Tags) -> Result<()> {
    if tags.len() > 200 {
        return fail!("TooManyTagsException", "A resource can have at most 200 tags");
    }
    for (key, value) in tags {
        let one = Tags::from([(key.clone(), value.clone())]);
        tags::check(&one).map_err(|why| ApiError::new("InvalidInput", why))?;
    }
    Ok(())
}

fn of<'c>(cx: &'c mut Cx<'_>, arn: &str) -> Result<&'c mut Tags> {
    let gone = || {
        ApiError::new("ResourceNotFoundException", format!("No resource exists with the ARN '{arn}'."))
            .detail("ResourceName", arn)
    };
    let Some(resource) = resource_of(arn, "servicediscovery") else {
        return fail!("InvalidInput", "'{arn}' is not an ARN of Cloud Map");
    };
    match resource.split_once('/') {
        Some(("namespace", id)) => Ok(&mut namespace::find(cx, id).map_err(|_| gone())?.tags),
        Some(("service", id)) => Ok(&mut service::find(cx, id).map_err(|_| gone())?.tags),
        _ => Err(gone()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TagResource {
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
    tags: Vec<Tag>,
}

pub(super) fn tag(cx: &mut Cx<'_>, input: TagResource) -> Result {
    let own = of(cx, &input.resource_arn)?;
    let mut tags = own.clone();
    tags.extend(tags::from_list(input.tags));
    check(&tags)?;
    *own = tags;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UntagResource {
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
    tag_keys: Vec<String>,
}

pub(super) fn untag(cx: &mut Cx<'_>, input: UntagResource) -> Result {
    of(cx, &input.resource_arn)?.retain(|key, _| !input.tag_keys.contains(key));
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListTags {
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
}

pub(super) fn list(cx: &mut Cx<'_>, input: ListTags) -> Result {
    Ok(json!({"Tags": tags::pascal(of(cx, &input.resource_arn)?)}))
}

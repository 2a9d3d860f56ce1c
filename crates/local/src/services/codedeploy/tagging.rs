//! Tags of applications and deployment groups.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{ApiError, Result, fail};
use crate::services::codedeploy::{application, group};
use crate::services::members::{bare, resource_of};
use crate::tags::{self, Tag, Tags};
use crate::world::Cx;

pub(super) fn check(tags: &Tags) -> Result<()> {
    tags::check(tags).map_err(|why| ApiError::new("InvalidTagsToAddException", why))
}

fn of<'c>(cx: &'c mut Cx<'_>, arn: Option<&str>) -> Result<&'c mut Tags> {
    let Some(arn) = arn else {
        return fail!("ResourceArnRequiredException", "The ARN of a resource is required, but was not found.");
    };
    let Some((kind, name)) = resource_of(arn, "codedeploy").and_then(|r| r.split_once(':')) else {
        return fail!("InvalidArnException", "The specified ARN is not in a valid format: {arn}");
    };
    match (kind, name.split_once('/')) {
        ("application", None) => Ok(&mut application::find(cx, name)?.tags),
        ("deploymentgroup", Some((application, group))) => Ok(&mut group::find(cx, application, group)?.tags),
        _ => fail!("ArnNotSupportedException", "The specified ARN is not supported: {arn}"),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TagResource {
    resource_arn: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn tag(cx: &mut Cx<'_>, input: TagResource) -> Result {
    if input.tags.is_empty() {
        return fail!("TagRequiredException", "A tag was not specified.");
    }
    let own = of(cx, input.resource_arn.as_deref())?;
    let mut tags = own.clone();
    tags.extend(tags::from_list(input.tags));
    check(&tags)?;
    *own = tags;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UntagResource {
    resource_arn: Option<String>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

pub(super) fn untag(cx: &mut Cx<'_>, input: UntagResource) -> Result {
    of(cx, input.resource_arn.as_deref())?.retain(|key, _| !input.tag_keys.contains(key));
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListTags {
    resource_arn: Option<String>,
    #[serde(rename = "NextToken")]
    _next_token: Option<String>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: ListTags) -> Result {
    Ok(bare(json!({"Tags": tags::pascal(of(cx, input.resource_arn.as_deref())?)})))
}

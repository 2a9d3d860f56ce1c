//! OpenID Connect providers, such as GitHub's for deployments from there. Nobody signs in with them here.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{check_tags, conflict, listed, no_such_entity};
use crate::clock::Time;
use crate::error::{ApiError, Result};
use crate::tags::{self, Tag, Tags};
use crate::world::Cx;

/// An OpenID Connect provider.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Provider {
    pub(crate) arn: String,
    /// Without `https://`.
    url: String,
    clients: Vec<String>,
    thumbprints: Vec<String>,
    created: Time,
    pub(crate) tags: Tags,
}

/// What AWS looks up by itself where no thumbprint is given.
const THUMBPRINT: &str = "0000000000000000000000000000000000000000";

fn find<'a>(cx: &'a mut Cx<'_>, arn: &str) -> Result<&'a mut Provider> {
    let found = cx.iam().providers.get_mut(arn);
    found.ok_or_else(|| no_such_entity(format!("OpenIDConnect Provider not found for arn {arn}")))
}

fn invalid(why: impl Into<String>) -> ApiError {
    ApiError::new("InvalidInput", why)
}

fn check_thumbprints(list: &[String]) -> Result<()> {
    let legal = |text: &String| text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if list.len() > 5 {
        return Err(invalid("Thumbprint list must contain fewer than 5 entries."));
    }
    match list.iter().find(|text| !legal(text)) {
        Some(bad) => Err(invalid(format!("The thumbprint '{bad}' is not valid"))),
        None => Ok(()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    url: String,
    #[serde(default, rename = "ClientIDList")]
    clients: Vec<String>,
    #[serde(default, rename = "ThumbprintList")]
    thumbprints: Vec<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let Some(url) = input.url.strip_prefix("https://").filter(|rest| !rest.is_empty()) else {
        return Err(invalid("Invalid Open ID Connect Provider URL"));
    };
    check_thumbprints(&input.thumbprints)?;
    let tags = check_tags(input.tags, &Tags::new())?;
    let arn = format!("arn:aws:iam::{}:oidc-provider/{url}", cx.account());
    if cx.iam().providers.contains_key(&arn) {
        return Err(conflict("EntityAlreadyExists", format!("Provider with url {} already exists.", input.url)));
    }
    let thumbprints = if input.thumbprints.is_empty() { vec![THUMBPRINT.to_owned()] } else { input.thumbprints };
    let answer = json!({"OpenIDConnectProviderArn": arn, "Tags": tags::pascal(&tags)});
    let (url, clients, created) = (url.to_owned(), input.clients, cx.now());
    cx.iam().providers.insert(arn.clone(), Provider { arn, url, clients, thumbprints, created, tags });
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ByArn {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
}

pub(super) fn get(cx: &mut Cx<'_>, input: ByArn) -> Result {
    let provider = find(cx, &input.arn)?;
    Ok(json!({
        "Url": provider.url,
        "ClientIDList": provider.clients,
        "ThumbprintList": provider.thumbprints,
        "CreateDate": provider.created.iso8601(),
        "Tags": tags::pascal(&provider.tags),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

pub(super) fn list(cx: &mut Cx<'_>, Nothing {}: Nothing) -> Result {
    let all: Vec<Value> = cx.iam().providers.keys().map(|arn| json!({"Arn": arn})).collect();
    Ok(json!({"OpenIDConnectProviderList": all}))
}

/// It is no error if it is not there.
pub(super) fn delete(cx: &mut Cx<'_>, input: ByArn) -> Result {
    cx.iam().providers.remove(&input.arn);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Client {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
    #[serde(rename = "ClientID")]
    client: String,
}

pub(super) fn add_client(cx: &mut Cx<'_>, input: Client) -> Result {
    let provider = find(cx, &input.arn)?;
    if !provider.clients.contains(&input.client) {
        provider.clients.push(input.client);
    }
    Ok(Value::Null)
}

pub(super) fn remove_client(cx: &mut Cx<'_>, input: Client) -> Result {
    find(cx, &input.arn)?.clients.retain(|client| *client != input.client);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Thumbprints {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
    #[serde(rename = "ThumbprintList")]
    thumbprints: Vec<String>,
}

pub(super) fn update_thumbprints(cx: &mut Cx<'_>, input: Thumbprints) -> Result {
    check_thumbprints(&input.thumbprints)?;
    find(cx, &input.arn)?.thumbprints = input.thumbprints;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct AddTags {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
    tags: Vec<Tag>,
}

pub(super) fn tag(cx: &mut Cx<'_>, input: AddTags) -> Result {
    let provider = find(cx, &input.arn)?;
    provider.tags = check_tags(input.tags, &provider.tags)?;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RemoveTags {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
    tag_keys: Vec<String>,
}

pub(super) fn untag(cx: &mut Cx<'_>, input: RemoveTags) -> Result {
    find(cx, &input.arn)?.tags.retain(|key, _| !input.tag_keys.iter().any(|k| k.eq_ignore_ascii_case(key)));
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ListTags {
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn list_tags(cx: &mut Cx<'_>, input: ListTags) -> Result {
    let tags = find(cx, &input.arn)?.tags.iter();
    let items = tags.map(|(key, value)| (key.clone(), json!({"Key": key, "Value": value}))).collect();
    listed("Tags", items, input.marker.as_deref(), input.max_items)
}

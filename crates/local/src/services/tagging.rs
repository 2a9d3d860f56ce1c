//! The resource groups tagging API: what is tagged with what, over all services.
//!
//! AWS's index lags behind and lists the dead for a while; this one does neither.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{Result, fail};
use crate::page;
use crate::protocol::Protocol;
use crate::services::{self, Resource, Service, operations};
use crate::tags::pascal;
use crate::throttle::Bucket;
use crate::world::Cx;

/// The tagging API keeps nothing of its own.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {}

pub(crate) static SERVICE: Service = Service {
    name: "tagging",
    prefix: "tag",
    protocol: Protocol::Json { target: "ResourceGroupsTaggingAPI_20170126" },
    invalid: "InvalidParameterException",
    handler,
    bucket: |_| Some(Bucket::own(15.0, 15.0)),
    on_event: |_, _| {},
    resources: |_| Vec::new(),
};

operations! {
    "GetResources" => get_resources,
    "GetTagKeys" => get_tag_keys,
    "GetTagValues" => get_tag_values,
}

/// All resources of all services in this region; IAM's users and roles are not AWS's to list here.
fn all(cx: &mut Cx<'_>) -> BTreeMap<String, Resource> {
    let mut all = BTreeMap::new();
    for service in services::all().filter(|service| service.name != "iam") {
        let other = Cx::new(cx.world, cx.options, service, cx.region.clone());
        all.extend((service.resources)(&other).into_iter().map(|resource| (resource.arn.clone(), resource)));
    }
    all
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TagFilter {
    key: String,
    #[serde(default)]
    values: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetResources {
    pagination_token: Option<String>,
    #[serde(default)]
    tag_filters: Vec<TagFilter>,
    resources_per_page: Option<usize>,
    tags_per_page: Option<usize>,
    #[serde(default)]
    resource_type_filters: Vec<String>,
    #[serde(default, rename = "ResourceARNList")]
    arns: Vec<String>,
    #[serde(default, rename = "IncludeComplianceDetails")]
    _include_compliance_details: bool,
    #[serde(default, rename = "ExcludeCompliantResources")]
    _exclude_compliant_resources: bool,
}

fn get_resources(cx: &mut Cx<'_>, input: GetResources) -> Result {
    let paged = input.pagination_token.as_ref().is_some_and(|token| !token.is_empty())
        || input.resources_per_page.is_some()
        || input.tags_per_page.is_some();
    if !input.arns.is_empty() && (paged || !input.tag_filters.is_empty() || !input.resource_type_filters.is_empty()) {
        return fail!("InvalidParameterException", "ResourceARNList cannot be used with filters or with pages");
    }
    if input.tag_filters.len() > 50 || input.tag_filters.iter().any(|filter| filter.values.len() > 20) {
        return fail!("InvalidParameterException", "There can be 50 tag filters with 20 values each");
    }
    if input.resource_type_filters.len() > 100 || input.arns.len() > 100 {
        return fail!("InvalidParameterException", "There can be 100 resource type filters or ARNs");
    }
    if input.resources_per_page.is_some_and(|size| !(1..=100).contains(&size))
        || input.tags_per_page.is_some_and(|size| !(100..=500).contains(&size))
    {
        return fail!("InvalidParameterException", "ResourcesPerPage is 1 to 100, TagsPerPage is 100 to 500");
    }
    let is_kind = |kind: &str, filter: &str| kind == filter || kind.split(':').next() == Some(filter);
    let found = all(cx).into_iter().filter(|(arn, resource)| {
        let by_tags = input.tag_filters.iter().all(|filter| {
            let value = resource.tags.get(&filter.key);
            value.is_some_and(|value| filter.values.is_empty() || filter.values.contains(value))
        });
        let by_kind = input.resource_type_filters.is_empty()
            || input.resource_type_filters.iter().any(|filter| is_kind(resource.kind, filter));
        let by_arn = input.arns.is_empty() || input.arns.contains(arn);
        // Never tagged is not listed; AWS also lists what once was.
        by_tags && by_kind && by_arn && !resource.tags.is_empty()
    });
    let size = input.resources_per_page.unwrap_or(50);
    let token = input.pagination_token.as_deref();
    let page = page::page(found, token, size, "PaginationTokenExpiredException")?;
    let list: Vec<Value> = page
        .items
        .iter()
        .map(|resource| json!({"ResourceARN": resource.arn, "Tags": pascal(&resource.tags)}))
        .collect();
    Ok(json!({"ResourceTagMappingList": list, "PaginationToken": page.next.unwrap_or_default()}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetTagKeys {
    pagination_token: Option<String>,
}

fn get_tag_keys(cx: &mut Cx<'_>, input: GetTagKeys) -> Result {
    let keys: BTreeMap<String, String> =
        all(cx).values().flat_map(|r| r.tags.keys()).map(|key| (key.clone(), key.clone())).collect();
    let page = page::page(keys, input.pagination_token.as_deref(), 1000, "PaginationTokenExpiredException")?;
    Ok(json!({"TagKeys": page.items, "PaginationToken": page.next.unwrap_or_default()}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetTagValues {
    key: String,
    pagination_token: Option<String>,
}

fn get_tag_values(cx: &mut Cx<'_>, input: GetTagValues) -> Result {
    let values: BTreeMap<String, String> =
        all(cx).values().filter_map(|r| r.tags.get(&input.key)).map(|value| (value.clone(), value.clone())).collect();
    let page = page::page(values, input.pagination_token.as_deref(), 1000, "PaginationTokenExpiredException")?;
    Ok(json!({"TagValues": page.items, "PaginationToken": page.next.unwrap_or_default()}))
}

//! Tags on everything that EC2 has.

use serde::Deserialize;
use serde_json::{Value, json};

use super::State;
use super::common::{
    ACL, ADDRESS, DHCP, ENDPOINT, ENI, FLOW_LOG, GATEWAY, GROUP, Kind, NAT, PREFIX_LIST, RULE, SUBNET, TABLE, VPC,
    check_tags, done,
};
use crate::error::{ApiError, Result, fail};
use crate::filters::{Answer, Filter, passes};
use crate::page;
use crate::tags::{Tag, Tags, from_list};
use crate::world::Cx;

/// Anything with tags.
pub(super) struct Tagged<'a> {
    pub(super) id: &'a str,
    pub(super) kind: &'static Kind,
    pub(super) tags: &'a Tags,
    /// Deleted, but still listed.
    pub(super) gone: bool,
}

/// Everything with tags in a region.
pub(super) fn all(state: &State) -> Vec<Tagged<'_>> {
    let mut all = Vec::new();
    macro_rules! add {
        ($($map:ident $kind:ident;)*) => {
            $(all.extend(state.$map.values().map(|thing| Tagged {
                id: &thing.id, kind: &$kind, tags: &thing.tags, gone: false,
            }));)*
        };
    }
    add! {
        vpcs VPC;
        subnets SUBNET;
        internet_gateways GATEWAY;
        addresses ADDRESS;
        route_tables TABLE;
        endpoints ENDPOINT;
        security_groups GROUP;
        network_interfaces ENI;
        network_acls ACL;
        prefix_lists PREFIX_LIST;
        flow_logs FLOW_LOG;
        dhcp_sets DHCP;
    }
    all.extend(state.nat_gateways.values().map(|nat| Tagged {
        id: &nat.id,
        kind: &NAT,
        tags: &nat.tags,
        gone: nat.is_gone(),
    }));
    for group in state.security_groups.values() {
        all.extend(group.rules.values().map(|rule| Tagged {
            id: &rule.id,
            kind: &RULE,
            tags: &rule.tags,
            gone: false,
        }));
    }
    all.extend(state.dhcp_options.iter().map(|(id, tags)| Tagged { id, kind: &DHCP, tags, gone: false }));
    all
}

fn tags_mut<'a>(state: &'a mut State, id: &str) -> Result<&'a mut Tags> {
    let missing = |kind: &Kind| -> ApiError { kind.not_found(id) };
    macro_rules! find {
        ($($map:ident $kind:ident;)*) => {
            $(if $kind.fits(id) {
                return state.$map.get_mut(id).map(|thing| &mut thing.tags).ok_or_else(|| missing(&$kind));
            })*
        };
    }
    find! {
        vpcs VPC;
        subnets SUBNET;
        internet_gateways GATEWAY;
        addresses ADDRESS;
        nat_gateways NAT;
        route_tables TABLE;
        endpoints ENDPOINT;
        security_groups GROUP;
        network_interfaces ENI;
        network_acls ACL;
        prefix_lists PREFIX_LIST;
        flow_logs FLOW_LOG;
    }
    if RULE.fits(id) {
        let rule = state.security_groups.values_mut().find_map(|group| group.rules.get_mut(id));
        return rule.map(|rule| &mut rule.tags).ok_or_else(|| missing(&RULE));
    }
    if let Some(set) = state.dhcp_sets.get_mut(id) {
        return Ok(&mut set.tags);
    }
    if DHCP.fits(id) {
        let set = state.dhcp_options.as_mut().filter(|(own, _)| own == id);
        return set.map(|(_, tags)| tags).ok_or_else(|| missing(&DHCP));
    }
    fail!("InvalidID", "The ID '{id}' is not valid")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    resource_id: Vec<String>,
    tag: Vec<Tag>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let new = from_list(input.tag);
    check_tags(&new)?;
    let state = cx.ec2();
    // All or nothing.
    for id in &input.resource_id {
        let mut merged = tags_mut(state, id)?.clone();
        merged.extend(new.clone());
        if merged.len() > 50 {
            return fail!("TagLimitExceeded", "You have reached the limit of 50 tags on {id}");
        }
    }
    for id in &input.resource_id {
        tags_mut(state, id)?.extend(new.clone());
    }
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    resource_id: Vec<String>,
    #[serde(default)]
    tag: Vec<OldTag>,
}

/// Without a value, whatever the value is.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct OldTag {
    key: String,
    value: Option<String>,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let state = cx.ec2();
    for id in &input.resource_id {
        tags_mut(state, id)?;
    }
    for id in &input.resource_id {
        let tags = tags_mut(state, id)?;
        if input.tag.is_empty() {
            tags.clear();
        }
        for old in &input.tag {
            if old.value.is_none() || tags.get(&old.key) == old.value.as_ref() {
                tags.remove(&old.key);
            }
        }
    }
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Describe {
    #[serde(default, rename = "Filter")]
    filters: Vec<Filter>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let none = Tags::new();
    let mut found: Vec<(String, Value)> = Vec::new();
    for tagged in all(cx.ec2()) {
        for (key, value) in tagged.tags {
            let passed = match input.filters.iter().find(|f| f.name.starts_with("tag:")) {
                Some(filter) => passes(std::slice::from_ref(filter), tagged.tags, |_| Answer::Unknown)?,
                None => true,
            };
            let rest: Vec<Filter> = input.filters.iter().filter(|f| !f.name.starts_with("tag:")).cloned().collect();
            let passed = passed
                && passes(&rest, &none, |name| match name {
                    "key" => key.as_str().into(),
                    "value" => value.as_str().into(),
                    "resource-id" => tagged.id.into(),
                    "resource-type" => tagged.kind.resource_type.into(),
                    _ => Answer::Unknown,
                })?;
            if passed {
                let item = json!({
                    "resourceId": tagged.id, "resourceType": tagged.kind.resource_type, "key": key, "value": value,
                });
                found.push((format!("{}/{key}", tagged.id), item));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let page = page::page(found, input.next_token.as_deref(), input.max_results.unwrap_or(1000), "InvalidNextToken")?;
    Ok(json!({"tagSet": page.items, "nextToken": page.next}))
}

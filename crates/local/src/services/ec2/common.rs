//! What the kinds of EC2 have in common: ids, describing, tag specifications, client tokens.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{State, filter_names};
use crate::error::{ApiError, Result, fail};
use crate::filters::{Answer, Filter, passes};
use crate::page;
use crate::tags::{self, Tag, Tags};
use crate::world::Cx;

/// A kind of resource: how its ids look, and what AWS says if one is wrong.
#[derive(Debug, PartialEq)]
pub(crate) struct Kind {
    pub(crate) prefix: &'static str,
    /// In ARNs and tag specifications.
    pub(crate) resource_type: &'static str,
    /// In the tagging API.
    pub(crate) tagging_type: &'static str,
    /// In "The … 'x' does not exist".
    noun: &'static str,
    not_found: &'static str,
    malformed: &'static str,
}

macro_rules! kinds {
    ($($name:ident $prefix:literal $type:literal $noun:literal $not_found:literal $malformed:literal;)*) => {
        $(pub(crate) static $name: Kind = Kind {
            prefix: $prefix,
            resource_type: $type,
            tagging_type: concat!("ec2:", $type),
            noun: $noun,
            not_found: $not_found,
            malformed: $malformed,
        };)*
    };
}

kinds! {
    VPC "vpc" "vpc" "vpc ID" "InvalidVpcID.NotFound" "InvalidVpcID.Malformed";
    SUBNET "subnet" "subnet" "subnet ID" "InvalidSubnetID.NotFound" "InvalidSubnetID.Malformed";
    GATEWAY "igw" "internet-gateway" "internetGateway ID" "InvalidInternetGatewayID.NotFound" "InvalidInternetGatewayId.Malformed";
    ADDRESS "eipalloc" "elastic-ip" "allocation ID" "InvalidAllocationID.NotFound" "InvalidAllocationID.Malformed";
    NAT "nat" "natgateway" "Nat Gateway" "NatGatewayNotFound" "NatGatewayMalformed";
    TABLE "rtb" "route-table" "routeTable ID" "InvalidRouteTableID.NotFound" "InvalidRouteTableId.Malformed";
    ENDPOINT "vpce" "vpc-endpoint" "Vpc Endpoint Id" "InvalidVpcEndpointId.NotFound" "InvalidVpcEndpointId.Malformed";
    GROUP "sg" "security-group" "security group" "InvalidGroup.NotFound" "InvalidGroupId.Malformed";
    RULE "sgr" "security-group-rule" "security group rule ID" "InvalidSecurityGroupRuleId.NotFound" "InvalidSecurityGroupRuleId.Malformed";
    ENI "eni" "network-interface" "networkInterface ID" "InvalidNetworkInterfaceID.NotFound" "InvalidNetworkInterfaceId.Malformed";
    ACL "acl" "network-acl" "networkAcl ID" "InvalidNetworkAclID.NotFound" "InvalidNetworkAclId.Malformed";
    DHCP "dopt" "dhcp-options" "dhcpOption ID" "InvalidDhcpOptionID.NotFound" "InvalidDhcpOptionsId.Malformed";
    FLOW_LOG "fl" "vpc-flow-log" "flow log ID" "InvalidFlowLogId.NotFound" "InvalidFlowLogId.Malformed";
    PREFIX_LIST "pl" "prefix-list" "prefix list ID" "InvalidPrefixListID.NotFound" "InvalidPrefixListId.Malformed";
}

impl Kind {
    /// Whether `id` looks like one of this kind.
    pub(crate) fn fits(&self, id: &str) -> bool {
        id.strip_prefix(self.prefix).and_then(|rest| rest.strip_prefix('-')).is_some_and(|hex| {
            matches!(hex.len(), 8 | 17) && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
    }

    pub(crate) fn check(&self, id: &str) -> Result<()> {
        if self.fits(id) {
            return Ok(());
        }
        fail!(self.malformed, "Invalid id: \"{id}\" (expecting \"{}-...\")", self.prefix)
    }

    pub(crate) fn not_found(&self, id: &str) -> ApiError {
        let message = if self.prefix == "nat" {
            format!("NatGateway {id} was not found")
        } else {
            format!("The {} '{id}' does not exist", self.noun)
        };
        ApiError::new(self.not_found, message)
    }

    pub(crate) fn find<'a, T>(&self, things: &'a BTreeMap<String, T>, id: &str) -> Result<&'a T> {
        self.check(id)?;
        things.get(id).ok_or_else(|| self.not_found(id))
    }

    pub(crate) fn find_mut<'a, T>(&self, things: &'a mut BTreeMap<String, T>, id: &str) -> Result<&'a mut T> {
        self.check(id)?;
        things.get_mut(id).ok_or_else(|| self.not_found(id))
    }

    /// `DependencyViolation`, in AWS's words.
    pub(crate) fn in_use<T>(&self, id: &str) -> Result<T> {
        let noun = self.noun.trim_end_matches(" ID");
        fail!("DependencyViolation", "The {noun} '{id}' has dependencies and cannot be deleted.")
    }
}

/// The input of most Describe operations.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Describe {
    #[serde(
        default,
        alias = "VpcId",
        alias = "SubnetId",
        alias = "InternetGatewayId",
        alias = "NatGatewayId",
        alias = "RouteTableId",
        alias = "VpcEndpointId",
        alias = "SecurityGroupRuleId",
        alias = "NetworkInterfaceId",
        alias = "NetworkAclId",
        alias = "DhcpOptionsId",
        alias = "PrefixListId",
        alias = "FlowLogId"
    )]
    pub(crate) ids: Vec<String>,
    #[serde(default, rename = "Filter")]
    pub(crate) filters: Vec<Filter>,
    pub(crate) next_token: Option<String>,
    pub(crate) max_results: Option<i64>,
    #[serde(default, rename = "IncludeManagedResources")]
    pub(crate) _include_managed_resources: Option<serde::de::IgnoredAny>,
}

/// One page of the things that were asked for.
pub(crate) struct Found<'a, T> {
    pub(crate) items: Vec<&'a T>,
    pub(crate) next: Option<String>,
}

impl Describe {
    /// Ids must exist, filters must be known, and pages have AWS's limits (5 to `most`).
    pub(crate) fn find<'a, T>(
        &self,
        kind: &Kind,
        things: impl Iterator<Item = (&'a String, &'a T)>,
        most: i64,
        tags: impl Fn(&'a T) -> &'a Tags,
        ask: impl Fn(&'a T, &str) -> Answer,
    ) -> Result<Found<'a, T>> {
        let size = match self.max_results {
            None => most,
            Some(size) if (5..=most).contains(&size) => size,
            Some(size) => {
                return fail!(
                    "InvalidParameterValue",
                    "Value ( {size} ) for parameter maxResults is invalid. Expecting a value between 5 and {most}."
                );
            }
        };
        filter_names::check(kind, &self.filters)?;
        let mut wanted: BTreeMap<&str, bool> = BTreeMap::new();
        for id in &self.ids {
            kind.check(id)?;
            wanted.insert(id, false);
        }
        let mut found = Vec::new();
        for (id, thing) in things {
            if !self.ids.is_empty() {
                match wanted.get_mut(id.as_str()) {
                    Some(seen) => *seen = true,
                    None => continue,
                }
            }
            if passes(&self.filters, tags(thing), |name| ask(thing, name))? {
                found.push((id.clone(), thing));
            }
        }
        if let Some((id, _)) = wanted.iter().find(|(_, seen)| !**seen) {
            return Err(kind.not_found(id));
        }
        // Without a page size AWS answers with everything (up to a limit that nobody here reaches).
        let size = if self.max_results.is_none() { found.len().max(1) } else { usize::try_from(size).unwrap_or(1) };
        let page = page::page(found, self.next_token.as_deref(), size, "InvalidNextToken")?;
        Ok(Found { items: page.items, next: page.next })
    }
}

/// `TagSpecification.1.ResourceType`, `TagSpecification.1.Tag.1.Key`, …
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct TagSpecification {
    #[serde(default)]
    resource_type: String,
    #[serde(default)]
    tag: Vec<Tag>,
}

/// The tags for a new resource of `kind`.
pub(crate) fn new_tags(specifications: &[TagSpecification], kind: &Kind) -> Result<Tags> {
    let mut all = Tags::new();
    for specification in specifications {
        if specification.resource_type != kind.resource_type {
            return fail!(
                "InvalidParameterValue",
                "'{}' is not a valid taggable resource type for this operation.",
                specification.resource_type
            );
        }
        for tag in &specification.tag {
            if all.insert(tag.key.clone(), tag.value.clone()).is_some() {
                return fail!("InvalidParameterValue", "Tag keys must be unique: '{}'", tag.key);
            }
        }
    }
    check_tags(&all)?;
    Ok(all)
}

pub(crate) fn check_tags(tags: &Tags) -> Result<()> {
    tags::check(tags).map_err(|why| {
        let code = if tags.len() > 50 { "TagLimitExceeded" } else { "InvalidParameterValue" };
        ApiError::new(code, why)
    })
}

/// `tagSet`
pub(crate) fn tag_set(tags: &Tags) -> Value {
    tags::camel(tags)
}

/// What a client token made before, if this is the same request again. `is_known` says whether that still exists (a
/// deleted NAT gateway does, while it is listed): a token whose resource is forgotten makes a new one.
pub(crate) fn replayed(
    cx: &mut Cx<'_>,
    token: Option<&str>,
    request: &str,
    is_known: impl Fn(&State, &str) -> bool,
) -> Result<Option<String>> {
    let Some(token) = token else { return Ok(None) };
    let key = format!("{}/{token}", cx.operation);
    let state = cx.ec2();
    match state.client_tokens.get(&key) {
        Some((before, id)) if is_known(state, id) => {
            if before != request {
                return fail!(
                    "IdempotentParameterMismatch",
                    "The client token {token} was used before with another request"
                );
            }
            Ok(Some(id.clone()))
        }
        _ => Ok(None),
    }
}

/// Keeps what a client token made.
pub(crate) fn remember(cx: &mut Cx<'_>, token: Option<&str>, request: String, id: &str) {
    if let Some(token) = token {
        let key = format!("{}/{token}", cx.operation);
        cx.ec2().client_tokens.insert(key, (request, id.to_owned()));
    }
}

/// `{"return": true}`, the answer of operations that have nothing to say.
pub(crate) fn done() -> Result {
    Ok(json!({"return": true}))
}

/// A boolean attribute: `EnableDnsSupport.Value=true`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Flag {
    pub(crate) value: bool,
}

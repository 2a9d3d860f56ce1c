//! Elastic IP addresses.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::common::{ADDRESS, ENI, TagSpecification, done, new_tags, tag_set};
use super::{State, filter_names};
use crate::error::{Result, fail};
use crate::filters::{Answer, Filter, passes};
use crate::tags::Tags;
use crate::world::Cx;

/// An Elastic IP address.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) id: String,
    pub(crate) public_ip: String,
    pub(crate) association: Option<Association>,
    pub(crate) tags: Tags,
}

/// Which network interface an address is mapped to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Association {
    pub(crate) id: String,
    pub(crate) eni_id: String,
}

/// An address of 198.18.0.0/15, which is for tests and routed nowhere: a mistaken client reaches nobody.
pub(super) fn next_public_ip(cx: &mut Cx<'_>) -> String {
    let state = cx.ec2();
    state.public_addresses += 1;
    let base = u32::from(Ipv4Addr::new(198, 18, 0, 0));
    Ipv4Addr::from(base + state.public_addresses % (1 << 17)).to_string()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Allocate {
    #[serde(default = "vpc")]
    domain: String,
    network_border_group: Option<String>,
    #[serde(default, rename = "TagSpecification")]
    tags: Vec<TagSpecification>,
}

fn vpc() -> String {
    "vpc".to_owned()
}

pub(super) fn allocate(cx: &mut Cx<'_>, input: Allocate) -> Result {
    let tags = new_tags(&input.tags, &ADDRESS)?;
    if input.domain != "vpc" {
        return fail!("InvalidParameterValue", "Invalid value '{}' for domain.", input.domain);
    }
    if input.network_border_group.is_some_and(|group| group != cx.region) {
        return fail!("InvalidParameterValue", "The network border group does not exist");
    }
    if cx.ec2().addresses.len() >= cx.options.quotas.elastic_ips {
        return fail!("AddressLimitExceeded", "The maximum number of addresses has been reached.");
    }
    let (id, public_ip) = (cx.id("eipalloc"), next_public_ip(cx));
    let answer = json!({
        "allocationId": id,
        "publicIp": public_ip,
        "domain": "vpc",
        "publicIpv4Pool": "amazon",
        "networkBorderGroup": cx.region,
    });
    cx.ec2().addresses.insert(id.clone(), Address { id, public_ip, association: None, tags });
    Ok(answer)
}

fn render(state: &State, address: &Address, account: &str, region: &str) -> Value {
    let mut members = json!({
        "allocationId": address.id,
        "publicIp": address.public_ip,
        "domain": "vpc",
        "publicIpv4Pool": "amazon",
        "networkBorderGroup": region,
        "tagSet": tag_set(&address.tags),
    });
    if let Some(association) = &address.association {
        members["associationId"] = json!(association.id);
        members["networkInterfaceId"] = json!(association.eni_id);
        members["networkInterfaceOwnerId"] = json!(account);
        members["privateIpAddress"] =
            json!(state.network_interfaces.get(&association.eni_id).map(|eni| eni.private_ip.to_string()));
    }
    members
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DescribeAddresses {
    #[serde(default)]
    allocation_id: Vec<String>,
    #[serde(default)]
    public_ip: Vec<String>,
    #[serde(default, rename = "Filter")]
    filters: Vec<Filter>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: DescribeAddresses) -> Result {
    let (account, region) = (cx.account().to_owned(), cx.region.clone());
    let state = &*cx.ec2();
    for id in &input.allocation_id {
        ADDRESS.find(&state.addresses, id)?;
    }
    for ip in &input.public_ip {
        if !state.addresses.values().any(|address| &address.public_ip == ip) {
            return fail!("InvalidAddress.NotFound", "Address '{ip}' not found.");
        }
    }
    filter_names::check(&ADDRESS, &input.filters)?;
    let mut set = Vec::new();
    for address in state.addresses.values() {
        let association = address.association.as_ref();
        let eni = association.and_then(|a| state.network_interfaces.get(&a.eni_id));
        let passed = passes(&input.filters, &address.tags, |name| match name {
            "allocation-id" => address.id.as_str().into(),
            "association-id" => association.map(|a| a.id.clone()).into(),
            "domain" => "vpc".into(),
            "network-border-group" => region.as_str().into(),
            "network-interface-id" => association.map(|a| a.eni_id.clone()).into(),
            "network-interface-owner-id" => association.map(|_| account.clone()).into(),
            "private-ip-address" => eni.map(|eni| eni.private_ip.to_string()).into(),
            "public-ip" => address.public_ip.as_str().into(),
            "instance-id" => Answer::Has(Vec::new()),
            _ => Answer::Unknown,
        })?;
        if passed
            && (input.allocation_id.is_empty() || input.allocation_id.contains(&address.id))
            && (input.public_ip.is_empty() || input.public_ip.contains(&address.public_ip))
        {
            set.push(render(state, address, &account, &region));
        }
    }
    Ok(json!({"addressesSet": set}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DescribeAttribute {
    #[serde(default)]
    allocation_id: Vec<String>,
    attribute: Option<String>,
    #[serde(rename = "MaxResults")]
    _max_results: Option<i64>,
    #[serde(rename = "NextToken")]
    _next_token: Option<String>,
}

/// Only addresses with a reverse DNS name are listed, and nothing here sets one.
pub(super) fn describe_attribute(cx: &mut Cx<'_>, input: DescribeAttribute) -> Result {
    for id in &input.allocation_id {
        ADDRESS.find(&cx.ec2().addresses, id)?;
    }
    if input.attribute.is_some_and(|attribute| attribute != "domain-name") {
        return fail!("InvalidParameterValue", "The attribute must be domain-name");
    }
    Ok(json!({"addressSet": []}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Associate {
    allocation_id: String,
    network_interface_id: String,
    #[serde(default)]
    allow_reassociation: bool,
}

pub(super) fn associate(cx: &mut Cx<'_>, input: Associate) -> Result {
    let state = cx.ec2();
    let address = ADDRESS.find(&state.addresses, &input.allocation_id)?;
    let eni = ENI.find(&state.network_interfaces, &input.network_interface_id)?;
    if !super::gateway::is_attached(state, &eni.vpc_id) {
        return fail!("Gateway.NotAttached", "Network {} is not attached to any internet gateway", eni.vpc_id);
    }
    if let Some(association) = &address.association
        && !input.allow_reassociation
    {
        return fail!(
            "Resource.AlreadyAssociated",
            "resource {} is already associated with associate-id {}",
            input.allocation_id,
            association.id
        );
    }
    let association = map(cx, &input.allocation_id, &input.network_interface_id);
    Ok(json!({"associationId": association, "return": true}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Disassociate {
    association_id: Option<String>,
    public_ip: Option<String>,
}

pub(super) fn disassociate(cx: &mut Cx<'_>, input: Disassociate) -> Result {
    let state = cx.ec2();
    let found = state.addresses.values().find(|address| {
        let by_id = address.association.as_ref().map(|a| a.id.as_str()) == input.association_id.as_deref();
        match (&input.association_id, &input.public_ip) {
            (Some(_), _) => by_id,
            (None, ip) => Some(&address.public_ip) == ip.as_ref(),
        }
    });
    let Some(address) = found else {
        let id = input.association_id.or(input.public_ip).unwrap_or_default();
        return fail!("InvalidAssociationID.NotFound", "The association ID '{id}' does not exist");
    };
    let used_by_nat = address.association.as_ref().is_some_and(|association| {
        state.nat_gateways.values().any(|nat| nat.eni_id.as_deref() == Some(association.eni_id.as_str()))
    });
    if used_by_nat {
        return fail!("AuthFailure", "You do not have permission to access the specified resource.");
    }
    let id = address.id.clone();
    unmap(state, &id);
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Release {
    allocation_id: Option<String>,
    public_ip: Option<String>,
    network_border_group: Option<String>,
}

pub(super) fn release(cx: &mut Cx<'_>, input: Release) -> Result {
    if input.network_border_group.is_some_and(|group| group != cx.region) {
        return fail!("InvalidAddress.NotFound", "The address is not in this network border group");
    }
    let Some(id) = input.allocation_id else {
        if input.public_ip.is_some() {
            return fail!(
                "InvalidParameterValue",
                "You must specify an allocation id when releasing a VPC elastic IP address"
            );
        }
        return fail!("MissingParameter", "The request must contain the parameter AllocationId");
    };
    let state = cx.ec2();
    let address = ADDRESS.find(&state.addresses, &id)?;
    if address.association.is_some() {
        return fail!("InvalidIPAddress.InUse", "Address {} is in use.", address.public_ip);
    }
    state.addresses.remove(&id);
    done()
}

/// Maps an address to a network interface; the id of the association.
pub(super) fn map(cx: &mut Cx<'_>, allocation_id: &str, eni_id: &str) -> String {
    let association = cx.id("eipassoc");
    let state = cx.ec2();
    unmap(state, allocation_id);
    let Some(address) = state.addresses.get_mut(allocation_id) else { return association };
    address.association = Some(Association { id: association.clone(), eni_id: eni_id.to_owned() });
    if let Some(eni) = state.network_interfaces.get_mut(eni_id) {
        eni.public_ip = Some(address.public_ip.clone());
    }
    association
}

/// Takes an address from the network interface that has it, if any.
pub(super) fn unmap(state: &mut State, allocation_id: &str) {
    if let Some(address) = state.addresses.get_mut(allocation_id)
        && let Some(association) = address.association.take()
        && let Some(eni) = state.network_interfaces.get_mut(&association.eni_id)
    {
        eni.public_ip = None;
    }
}

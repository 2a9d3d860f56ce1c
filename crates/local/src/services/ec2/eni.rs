//! Network interfaces: made by users, and by the services that put something into a subnet.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cidr::Cidr;
use super::common::{Describe, ENI, GROUP, SUBNET, TagSpecification, done, new_tags, tag_set};
use super::{State, address, flow_log};
use crate::clock::Time;
use crate::error::{Result, fail};
use crate::filters::Answer;
use crate::tags::Tags;
use crate::world::Cx;

/// A network interface.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Eni {
    pub(crate) id: String,
    pub(crate) subnet_id: String,
    pub(crate) vpc_id: String,
    pub(crate) zone: String,
    pub(crate) private_ip: Ipv4Addr,
    pub(crate) public_ip: Option<String>,
    pub(crate) mac: String,
    pub(crate) groups: Vec<String>,
    pub(crate) description: String,
    /// `interface`, `nat_gateway`, `vpc_endpoint`, …
    pub(crate) kind: String,
    /// Who asked for it, and whose instance it is attached to; empty for a user's own.
    pub(crate) requester: String,
    pub(crate) owner: String,
    pub(crate) attachment_id: String,
    pub(crate) created: Time,
    pub(crate) tags: Tags,
}

/// What a service asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewEni {
    pub(crate) subnet_id: String,
    /// Empty means the VPC's default group.
    pub(crate) groups: Vec<String>,
    /// As AWS writes it: `ELB app/NAME/ID`, `arn:aws:ecs:…:attachment/UUID`, `Interface for NAT Gateway nat-…`.
    pub(crate) description: String,
    /// `interface`, `nat_gateway`, `vpc_endpoint`.
    pub(crate) kind: &'static str,
    /// The `requesterId`, such as `amazon-elb`; empty for a user.
    pub(crate) requester: &'static str,
    /// The attachment's `instanceOwnerId`, such as `amazon-elb` or `amazon-aws`.
    pub(crate) owner: &'static str,
    /// With a public address of its own (not an Elastic IP).
    pub(crate) public: bool,
    /// The address that it must have; `None` takes a free one.
    pub(crate) private_ip: Option<Ipv4Addr>,
    pub(crate) tags: Tags,
}

/// Makes a network interface with a free address.
pub(crate) fn create(cx: &mut Cx<'_>, new: NewEni) -> Result<Eni> {
    let (start, mac, id, attachment) = (cx.random(u64::MAX), cx.hex(10), cx.id("eni"), cx.id("eni-attach"));
    let now = cx.now();
    let state = cx.ec2();
    let subnet = SUBNET.find(&state.subnets, &new.subnet_id)?;
    let groups = if new.groups.is_empty() && new.kind != "nat_gateway" {
        let default = state.security_groups.values().find(|g| g.vpc_id == subnet.vpc_id && g.name == "default");
        default.map(|group| group.id.clone()).into_iter().collect()
    } else {
        new.groups
    };
    check_groups(state, &groups, &subnet.vpc_id)?;
    if let Some(wanted) = new.private_ip {
        check_address(state, &new.subnet_id, wanted)?;
    }
    let Some(private_ip) = new.private_ip.or_else(|| free_address(state, &new.subnet_id, start)) else {
        return fail!(
            "InsufficientFreeAddressesInSubnet",
            "The specified subnet does not have enough free addresses to satisfy the request."
        );
    };
    let mut eni = Eni {
        id,
        subnet_id: new.subnet_id,
        vpc_id: subnet.vpc_id.clone(),
        zone: subnet.zone.clone(),
        private_ip,
        public_ip: None,
        mac: mac_address(&mac),
        groups,
        description: new.description,
        kind: new.kind.to_owned(),
        requester: new.requester.to_owned(),
        owner: new.owner.to_owned(),
        attachment_id: if new.owner.is_empty() { String::new() } else { attachment },
        created: now,
        tags: new.tags,
    };
    if new.public {
        eni.public_ip = Some(address::next_public_ip(cx));
    }
    cx.ec2().network_interfaces.insert(eni.id.clone(), eni.clone());
    Ok(eni)
}

/// Removes a network interface; an Elastic IP on it is free again.
pub(crate) fn remove(cx: &mut Cx<'_>, id: &str) {
    let state = cx.ec2();
    let mapped = state.addresses.values().find(|a| a.association.as_ref().is_some_and(|a| a.eni_id == id));
    if let Some(allocation) = mapped.map(|address| address.id.clone()) {
        address::unmap(state, &allocation);
    }
    state.network_interfaces.remove(id);
    flow_log::forget(state, id);
}

/// Replaces the security groups of a network interface.
pub(crate) fn set_groups(cx: &mut Cx<'_>, id: &str, groups: Vec<String>) -> Result<()> {
    let state = cx.ec2();
    let vpc_id = ENI.find(&state.network_interfaces, id)?.vpc_id.clone();
    check_groups(state, &groups, &vpc_id)?;
    ENI.find_mut(&mut state.network_interfaces, id)?.groups = groups;
    Ok(())
}

/// Groups must exist, and in the VPC.
pub(crate) fn check_groups(state: &State, groups: &[String], vpc_id: &str) -> Result<()> {
    for id in groups {
        let group = GROUP.find(&state.security_groups, id)?;
        if group.vpc_id != vpc_id {
            return fail!("InvalidParameterValue", "Security group {id} and the subnet belong to different networks");
        }
    }
    Ok(())
}

fn free_address(state: &State, subnet_id: &str, start: u64) -> Option<Ipv4Addr> {
    let subnet = state.subnets.get(subnet_id)?;
    let used: Vec<Ipv4Addr> =
        state.network_interfaces.values().filter(|e| e.subnet_id == subnet_id).map(|e| e.private_ip).collect();
    let usable = subnet.cidr.size().checked_sub(5)?;
    (0..usable).map(|i| subnet.cidr.address(4 + (start % usable + i) % usable)).find(|ip| !used.contains(ip))
}

/// An address that somebody asked for must be in the subnet, and free.
fn check_address(state: &State, subnet_id: &str, wanted: Ipv4Addr) -> Result<()> {
    let cidr = SUBNET.find(&state.subnets, subnet_id)?.cidr;
    let own = format!("{wanted}/32").parse::<Cidr>();
    if !own.is_ok_and(|own| cidr.contains(own)) {
        return fail!("InvalidParameterValue", "Address {wanted} does not fall within the subnet's address range");
    }
    // AWS keeps the first four and the last.
    let kept = [0, 1, 2, 3, cidr.size().saturating_sub(1)].map(|offset| cidr.address(offset));
    if kept.contains(&wanted) {
        return fail!("InvalidParameterValue", "Address {wanted} is in subnet's reserved address range");
    }
    let mut others = state.network_interfaces.values().filter(|eni| eni.subnet_id == subnet_id);
    if others.any(|eni| eni.private_ip == wanted) {
        return fail!("InvalidIPAddress.InUse", "Address {wanted} is in use.");
    }
    Ok(())
}

/// Reads an address of a request.
pub(super) fn address_of(text: &str) -> Result<Ipv4Addr> {
    match text.parse() {
        Ok(address) => Ok(address),
        Err(_) => fail!("InvalidParameterValue", "invalid value for parameter address: [{text}]"),
    }
}

fn mac_address(hex: &str) -> String {
    let mut mac = "06".to_owned();
    for (i, c) in hex.chars().enumerate() {
        if i % 2 == 0 {
            mac.push(':');
        }
        mac.push(c);
    }
    mac
}

fn render(state: &State, eni: &Eni, account: &str, region: &str) -> Value {
    let dns = format!("ip-{}.{region}.compute.internal", eni.private_ip.to_string().replace('.', "-"));
    let groups: Vec<Value> = eni
        .groups
        .iter()
        .map(|id| json!({"groupId": id, "groupName": state.security_groups.get(id).map(|g| &g.name)}))
        .collect();
    let association = eni.public_ip.as_ref().map(|ip| {
        let allocated = state.addresses.values().find(|a| a.association.as_ref().is_some_and(|a| a.eni_id == eni.id));
        json!({
            "publicIp": ip,
            "publicDnsName": format!("ec2-{}.{region}.compute.amazonaws.com", ip.replace('.', "-")),
            "ipOwnerId": if allocated.is_some() { account } else { "amazon" },
            "allocationId": allocated.map(|a| &a.id),
            "associationId": allocated.and_then(|a| a.association.as_ref()).map(|a| &a.id),
        })
    });
    let attachment = (!eni.owner.is_empty()).then(|| {
        json!({
            "attachmentId": eni.attachment_id,
            "instanceOwnerId": eni.owner,
            "deviceIndex": 1,
            "status": "attached",
            "attachTime": eni.created.iso8601(),
            "deleteOnTermination": false,
        })
    });
    json!({
        "networkInterfaceId": eni.id,
        "subnetId": eni.subnet_id,
        "vpcId": eni.vpc_id,
        "availabilityZone": eni.zone,
        "description": eni.description,
        "ownerId": account,
        "requesterId": (!eni.requester.is_empty()).then_some(&eni.requester),
        "requesterManaged": !eni.requester.is_empty(),
        "status": if attachment.is_some() { "in-use" } else { "available" },
        "macAddress": eni.mac,
        "privateIpAddress": eni.private_ip.to_string(),
        "privateDnsName": dns,
        "sourceDestCheck": eni.kind != "nat_gateway",
        "interfaceType": eni.kind,
        "groupSet": groups,
        "attachment": attachment,
        "association": association,
        "privateIpAddressesSet": [{
            "privateIpAddress": eni.private_ip.to_string(),
            "privateDnsName": dns,
            "primary": true,
            "association": association,
        }],
        "tagSet": tag_set(&eni.tags),
    })
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let (account, region) = (cx.account().to_owned(), cx.region.clone());
    let state = &*cx.ec2();
    let group_names = |eni: &Eni| -> Vec<String> {
        eni.groups.iter().filter_map(|id| state.security_groups.get(id)).map(|g| g.name.clone()).collect()
    };
    let found = input.find(
        &ENI,
        state.network_interfaces.iter(),
        1000,
        |eni| &eni.tags,
        |eni, name| match name {
            "network-interface-id" => eni.id.as_str().into(),
            "subnet-id" => eni.subnet_id.as_str().into(),
            "vpc-id" => eni.vpc_id.as_str().into(),
            "availability-zone" => eni.zone.as_str().into(),
            "group-id" => eni.groups.clone().into(),
            "group-name" => group_names(eni).into(),
            "description" => eni.description.as_str().into(),
            "interface-type" => eni.kind.as_str().into(),
            "requester-id" => eni.requester.as_str().into(),
            "requester-managed" => (!eni.requester.is_empty()).into(),
            "owner-id" => account.as_str().into(),
            "status" => if eni.owner.is_empty() { "available" } else { "in-use" }.into(),
            "mac-address" => eni.mac.as_str().into(),
            "private-ip-address" | "addresses.private-ip-address" => eni.private_ip.to_string().into(),
            "association.public-ip" | "addresses.association.public-ip" => eni.public_ip.clone().into(),
            "attachment.instance-owner-id" => Some(eni.owner.clone()).filter(|o| !o.is_empty()).into(),
            "attachment.attachment-id" => Some(eni.attachment_id.clone()).filter(|a| !a.is_empty()).into(),
            "attachment.status" => if eni.owner.is_empty() { "detached" } else { "attached" }.into(),
            "attachment.instance-id" => Answer::Has(Vec::new()),
            _ => Answer::Unknown,
        },
    )?;
    let set: Vec<Value> = found.items.iter().map(|eni| render(state, eni, &account, &region)).collect();
    Ok(json!({"networkInterfaceSet": set, "nextToken": found.next}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    subnet_id: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    security_group_id: Vec<String>,
    private_ip_address: Option<String>,
    #[serde(default)]
    private_ip_addresses: Vec<PrivateIp>,
    #[serde(rename = "ClientToken")]
    _client_token: Option<String>,
    #[serde(default, rename = "TagSpecification")]
    tags: Vec<TagSpecification>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PrivateIp {
    private_ip_address: String,
    #[serde(default, rename = "Primary")]
    _primary: bool,
}

pub(super) fn create_by_user(cx: &mut Cx<'_>, input: Create) -> Result {
    let tags = new_tags(&input.tags, &ENI)?;
    let private_ip = match (input.private_ip_address, input.private_ip_addresses.as_slice()) {
        (Some(text), []) => Some(address_of(&text)?),
        (None, [one]) => Some(address_of(&one.private_ip_address)?),
        (None, []) => None,
        (Some(_), _) => {
            return fail!("InvalidParameterCombination", "PrivateIpAddress and PrivateIpAddresses are exclusive");
        }
        (None, _) => return fail!("UnsupportedOperation", "The local cloud has no secondary private addresses"),
    };
    let new = NewEni {
        subnet_id: input.subnet_id,
        groups: input.security_group_id,
        description: input.description,
        kind: "interface",
        private_ip,
        tags,
        ..NewEni::default()
    };
    let eni = create(cx, new)?;
    let (account, region) = (cx.account().to_owned(), cx.region.clone());
    Ok(json!({"networkInterface": render(cx.ec2(), &eni, &account, &region)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    network_interface_id: String,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let id = input.network_interface_id;
    let eni = ENI.find(&cx.ec2().network_interfaces, &id)?;
    if !eni.owner.is_empty() {
        return fail!("InvalidParameterValue", "Network interface '{id}' is currently in use.");
    }
    remove(cx, &id);
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Text {
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ModifyAttribute {
    network_interface_id: String,
    #[serde(default)]
    security_group_id: Vec<String>,
    description: Option<Text>,
}

pub(super) fn modify_attribute(cx: &mut Cx<'_>, input: ModifyAttribute) -> Result {
    let id = input.network_interface_id;
    ENI.find(&cx.ec2().network_interfaces, &id)?;
    if !input.security_group_id.is_empty() {
        set_groups(cx, &id, input.security_group_id)?;
    }
    if let Some(text) = input.description {
        ENI.find_mut(&mut cx.ec2().network_interfaces, &id)?.description = text.value;
    }
    done()
}

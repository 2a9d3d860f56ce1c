//! NAT gateways.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::common::{ADDRESS, Describe, NAT, SUBNET, TagSpecification, new_tags, remember, replayed, tag_set};
use super::{Later, NewEni, address, eni, gateway};
use crate::clock::Time;
use crate::error::{Result, fail};
use crate::filters::Answer;
use crate::tags::Tags;
use crate::timings;
use crate::world::Cx;

/// A NAT gateway. Deleted and failed ones stay listed for a while.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct NatGateway {
    pub(crate) id: String,
    pub(crate) subnet_id: String,
    pub(crate) vpc_id: String,
    pub(crate) state: NatState,
    /// `public` or `private`.
    pub(crate) connectivity: String,
    pub(crate) allocation_id: Option<String>,
    pub(crate) association_id: Option<String>,
    pub(crate) public_ip: Option<String>,
    pub(crate) private_ip: Option<String>,
    pub(crate) eni_id: Option<String>,
    pub(crate) created: Time,
    pub(crate) deleted: Option<Time>,
    /// Code and message.
    pub(crate) failure: Option<(String, String)>,
    pub(crate) tags: Tags,
}

/// The life of a NAT gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NatState {
    Pending,
    Available,
    Failed,
    Deleting,
    Deleted,
}

impl NatState {
    fn text(self) -> &'static str {
        match self {
            NatState::Pending => "pending",
            NatState::Available => "available",
            NatState::Failed => "failed",
            NatState::Deleting => "deleting",
            NatState::Deleted => "deleted",
        }
    }
}

impl NatGateway {
    /// It exists in lists only.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.state, NatState::Deleted | NatState::Failed)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    subnet_id: Option<String>,
    allocation_id: Option<String>,
    #[serde(default = "public")]
    connectivity_type: String,
    availability_mode: Option<String>,
    private_ip_address: Option<String>,
    client_token: Option<String>,
    #[serde(default, rename = "TagSpecification")]
    tags: Vec<TagSpecification>,
}

fn public() -> String {
    "public".to_owned()
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let (request, token) = (format!("{input:?}"), input.client_token.clone());
    if let Some(id) = replayed(cx, token.as_deref(), &request, |state, id| state.nat_gateways.contains_key(id))? {
        let nat = NAT.find(&cx.ec2().nat_gateways, &id)?;
        return Ok(json!({"natGateway": render(nat), "clientToken": token}));
    }
    let tags = new_tags(&input.tags, &NAT)?;
    if input.availability_mode.is_some_and(|mode| mode != "zonal") {
        return fail!("UnsupportedOperation", "The local cloud has zonal NAT gateways only");
    }
    let Some(subnet_id) = input.subnet_id else {
        return fail!("MissingParameter", "The request must contain the parameter subnetId");
    };
    let connectivity = input.connectivity_type;
    let private_ip = input.private_ip_address.as_deref().map(eni::address_of).transpose()?;
    let is_public = match (connectivity.as_str(), &input.allocation_id) {
        ("public", Some(_)) => true,
        ("private", None) => false,
        ("public", None) => return fail!("MissingParameter", "The request must contain the parameter AllocationId"),
        ("private", Some(_)) => {
            return fail!("InvalidParameterCombination", "A private NAT gateway cannot have an AllocationId");
        }
        (other, _) => return fail!("InvalidParameterValue", "Invalid value '{other}' for connectivityType"),
    };

    let quota = cx.options.quotas.nat_gateways_per_zone;
    let state = cx.ec2();
    let subnet = SUBNET.find(&state.subnets, &subnet_id)?;
    let (vpc_id, zone) = (subnet.vpc_id.clone(), subnet.zone.clone());
    let in_zone = state
        .nat_gateways
        .values()
        .filter(|nat| !nat.is_gone() && state.subnets.get(&nat.subnet_id).is_some_and(|subnet| subnet.zone == zone));
    if in_zone.count() >= quota {
        return fail!(
            "NatGatewayLimitExceeded",
            "The maximum number of NAT gateways in availability zone {zone} has been reached."
        );
    }
    let mut failure = None;
    let mut fails = |code: &str, message: String| failure = Some((code.to_owned(), message));
    if let Some(allocation) = &input.allocation_id {
        let address = ADDRESS.find(&state.addresses, allocation)?;
        if address.association.is_some() {
            fails("Resource.AlreadyAssociated", format!("Elastic IP address {allocation} is already associated"));
        } else if !gateway::is_attached(state, &vpc_id) {
            fails("Gateway.NotAttached", format!("Network {vpc_id} has no Internet gateway attached"));
        }
    }

    let id = cx.id("nat");
    let mut nat = NatGateway {
        id: id.clone(),
        subnet_id: subnet_id.clone(),
        vpc_id,
        state: NatState::Pending,
        connectivity,
        allocation_id: input.allocation_id.clone(),
        association_id: None,
        public_ip: None,
        private_ip: None,
        eni_id: None,
        created: cx.now(),
        deleted: None,
        failure: None,
        tags,
    };
    if failure.is_none() {
        let new = NewEni {
            subnet_id,
            description: format!("Interface for NAT Gateway {id}"),
            kind: "nat_gateway",
            requester: "amazon-vpc",
            owner: "amazon-aws",
            private_ip,
            ..NewEni::default()
        };
        match eni::create(cx, new) {
            Ok(eni) => {
                nat.private_ip = Some(eni.private_ip.to_string());
                if let Some(allocation) = input.allocation_id.filter(|_| is_public) {
                    nat.association_id = Some(address::map(cx, &allocation, &eni.id));
                    nat.public_ip = cx.ec2().addresses.get(&allocation).map(|address| address.public_ip.clone());
                }
                nat.eni_id = Some(eni.id);
            }
            Err(error) => {
                failure =
                    Some((error.code, "Subnet has insufficient free addresses to create this NAT gateway".to_owned()));
            }
        }
    }
    let delay = if failure.is_some() { timings::NAT_FAIL } else { timings::NAT_CREATE };
    let rendered = render(&nat);
    nat.failure = failure;
    cx.ec2().nat_gateways.insert(id.clone(), nat);
    remember(cx, token.as_deref(), request, &id);
    cx.after(delay, Later::NatSettled(id).body());
    Ok(json!({"natGateway": rendered, "clientToken": token}))
}

/// What was pending is available, or has failed.
pub(super) fn settled(cx: &mut Cx<'_>, id: &str) {
    let now = cx.now();
    let Some(nat) = cx.ec2().nat_gateways.get_mut(id) else { return };
    if nat.state != NatState::Pending {
        return;
    }
    if nat.failure.is_none() {
        nat.state = NatState::Available;
        return;
    }
    nat.state = NatState::Failed;
    nat.deleted = Some(now);
    cx.exactly_after(timings::NAT_LISTED, Later::NatForgotten(id.to_owned()).body());
}

fn render(nat: &NatGateway) -> Value {
    let status = match nat.state {
        NatState::Pending => "associating",
        NatState::Available => "succeeded",
        NatState::Failed => "failed",
        NatState::Deleting | NatState::Deleted => "disassociating",
    };
    let failed = nat.state == NatState::Failed;
    let failure = nat.failure.as_ref().filter(|_| failed);
    json!({
        "natGatewayId": nat.id,
        "subnetId": nat.subnet_id,
        "vpcId": nat.vpc_id,
        "state": nat.state.text(),
        "connectivityType": nat.connectivity,
        "availabilityMode": "zonal",
        "createTime": nat.created.iso8601(),
        "deleteTime": nat.deleted.map(Time::iso8601),
        "failureCode": failure.map(|(code, _)| code),
        "failureMessage": failure.map(|(_, message)| message),
        "natGatewayAddressSet": [{
            "allocationId": nat.allocation_id,
            "associationId": nat.association_id,
            "networkInterfaceId": nat.eni_id,
            "privateIp": nat.private_ip,
            "publicIp": nat.public_ip,
            "isPrimary": true,
            "status": status,
        }],
        "tagSet": tag_set(&nat.tags),
    })
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let nats = &cx.ec2().nat_gateways;
    let found = input.find(
        &NAT,
        nats.iter(),
        1000,
        |nat| &nat.tags,
        |nat, name| match name {
            "nat-gateway-id" => nat.id.as_str().into(),
            "state" => nat.state.text().into(),
            "subnet-id" => nat.subnet_id.as_str().into(),
            "vpc-id" => nat.vpc_id.as_str().into(),
            _ => Answer::Unknown,
        },
    )?;
    let set: Vec<Value> = found.items.iter().map(|nat| render(nat)).collect();
    Ok(json!({"natGatewaySet": set, "nextToken": found.next}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    nat_gateway_id: String,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let id = input.nat_gateway_id;
    let nat = NAT.find_mut(&mut cx.ec2().nat_gateways, &id)?;
    if matches!(nat.state, NatState::Pending | NatState::Available | NatState::Failed) {
        nat.state = NatState::Deleting;
        cx.after(timings::NAT_DELETE, Later::NatDeleted(id.clone()).body());
    }
    Ok(json!({"natGatewayId": id}))
}

/// Its network interface is gone, and its address is free.
pub(super) fn deleted(cx: &mut Cx<'_>, id: &str) {
    let now = cx.now();
    let Some(nat) = cx.ec2().nat_gateways.get_mut(id) else { return };
    nat.state = NatState::Deleted;
    nat.deleted = Some(now);
    if let Some(eni_id) = nat.eni_id.clone() {
        eni::remove(cx, &eni_id);
    }
    cx.exactly_after(timings::NAT_LISTED, Later::NatForgotten(id.to_owned()).body());
}

//! Internet gateways.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::State;
use super::common::{Describe, GATEWAY, TagSpecification, VPC, done, new_tags, tag_set};
use crate::error::{Result, fail};
use crate::filters::Answer;
use crate::tags::Tags;
use crate::world::Cx;

/// An internet gateway, attached to one VPC at most.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct InternetGateway {
    pub(crate) id: String,
    pub(crate) vpc_id: Option<String>,
    pub(crate) tags: Tags,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    #[serde(default, rename = "TagSpecification")]
    tags: Vec<TagSpecification>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let tags = new_tags(&input.tags, &GATEWAY)?;
    if cx.ec2().internet_gateways.len() >= cx.options.quotas.internet_gateways {
        return fail!("InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached.");
    }
    let id = cx.id("igw");
    let gateway = InternetGateway { id: id.clone(), vpc_id: None, tags };
    let rendered = render(&gateway, cx.account());
    cx.ec2().internet_gateways.insert(id, gateway);
    Ok(json!({"internetGateway": rendered}))
}

fn render(gateway: &InternetGateway, account: &str) -> Value {
    let attachments: Vec<Value> =
        gateway.vpc_id.iter().map(|vpc_id| json!({"vpcId": vpc_id, "state": "available"})).collect();
    json!({
        "internetGatewayId": gateway.id,
        "ownerId": account,
        "attachmentSet": attachments,
        "tagSet": tag_set(&gateway.tags),
    })
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let account = cx.account().to_owned();
    let gateways = &cx.ec2().internet_gateways;
    let found = input.find(
        &GATEWAY,
        gateways.iter(),
        1000,
        |gateway| &gateway.tags,
        |gateway, name| match name {
            "internet-gateway-id" => gateway.id.as_str().into(),
            "attachment.vpc-id" => gateway.vpc_id.clone().into(),
            "attachment.state" => gateway.vpc_id.as_ref().map(|_| "available".to_owned()).into(),
            "owner-id" => account.as_str().into(),
            _ => Answer::Unknown,
        },
    )?;
    let set: Vec<Value> = found.items.iter().map(|gateway| render(gateway, &account)).collect();
    Ok(json!({"internetGatewaySet": set, "nextToken": found.next}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Attachment {
    internet_gateway_id: String,
    vpc_id: String,
}

pub(super) fn attach(cx: &mut Cx<'_>, input: Attachment) -> Result {
    let state = cx.ec2();
    let gateway = GATEWAY.find(&state.internet_gateways, &input.internet_gateway_id)?;
    VPC.find(&state.vpcs, &input.vpc_id)?;
    if let Some(vpc_id) = &gateway.vpc_id {
        return fail!(
            "Resource.AlreadyAssociated",
            "resource {} is already attached to network {vpc_id}",
            input.internet_gateway_id
        );
    }
    if state.internet_gateways.values().any(|other| other.vpc_id.as_ref() == Some(&input.vpc_id)) {
        return fail!("InvalidParameterValue", "Network {} already has an internet gateway attached", input.vpc_id);
    }
    let gateway = GATEWAY.find_mut(&mut state.internet_gateways, &input.internet_gateway_id)?;
    gateway.vpc_id = Some(input.vpc_id);
    done()
}

pub(super) fn detach(cx: &mut Cx<'_>, input: Attachment) -> Result {
    let state = cx.ec2();
    let gateway = GATEWAY.find(&state.internet_gateways, &input.internet_gateway_id)?;
    VPC.find(&state.vpcs, &input.vpc_id)?;
    if gateway.vpc_id.as_ref() != Some(&input.vpc_id) {
        return fail!(
            "Gateway.NotAttached",
            "resource {} is not attached to network {}",
            input.internet_gateway_id,
            input.vpc_id
        );
    }
    if has_public_addresses(state, &input.vpc_id) {
        return fail!(
            "DependencyViolation",
            "Network {} has some mapped public address(es). Please unmap those public address(es) before detaching the \
             gateway.",
            input.vpc_id
        );
    }
    let gateway = GATEWAY.find_mut(&mut state.internet_gateways, &input.internet_gateway_id)?;
    gateway.vpc_id = None;
    done()
}

fn has_public_addresses(state: &State, vpc_id: &str) -> bool {
    state.network_interfaces.values().any(|eni| eni.vpc_id == vpc_id && eni.public_ip.is_some())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    internet_gateway_id: String,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let state = cx.ec2();
    let gateway = GATEWAY.find(&state.internet_gateways, &input.internet_gateway_id)?;
    if gateway.vpc_id.is_some() {
        return GATEWAY.in_use(&input.internet_gateway_id);
    }
    state.internet_gateways.remove(&input.internet_gateway_id);
    done()
}

/// Whether the VPC has an internet gateway.
pub(super) fn is_attached(state: &State, vpc_id: &str) -> bool {
    state.internet_gateways.values().any(|gateway| gateway.vpc_id.as_deref() == Some(vpc_id))
}

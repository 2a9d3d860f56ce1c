//! VPCs, with what AWS makes along with them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cidr::Cidr;
use super::common::{Describe, Flag, TagSpecification, VPC, done, new_tags, tag_set};
use super::{Later, State, account, acl, flow_log, group, route};
use crate::error::{Result, fail};
use crate::filters::Answer;
use crate::tags::Tags;
use crate::timings;
use crate::world::Cx;

/// A VPC.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Vpc {
    pub(crate) id: String,
    /// The primary range.
    pub(crate) cidr: Cidr,
    /// All ranges with the ids of their associations, the primary one first.
    pub(crate) cidrs: Vec<(String, Cidr)>,
    pub(crate) available: bool,
    pub(crate) tenancy: String,
    pub(crate) dns_support: bool,
    pub(crate) dns_hostnames: bool,
    pub(crate) usage_metrics: bool,
    pub(crate) dhcp_options_id: String,
    pub(crate) tags: Tags,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    cidr_block: String,
    #[serde(default = "default_tenancy")]
    instance_tenancy: String,
    #[serde(default)]
    amazon_provided_ipv6_cidr_block: bool,
    #[serde(default, rename = "TagSpecification")]
    tags: Vec<TagSpecification>,
}

fn default_tenancy() -> String {
    "default".to_owned()
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let cidr = range(&input.cidr_block)?;
    let tags = new_tags(&input.tags, &VPC)?;
    if !["default", "dedicated"].contains(&input.instance_tenancy.as_str()) {
        return fail!("InvalidParameterValue", "Invalid value '{}' for instanceTenancy", input.instance_tenancy);
    }
    if input.amazon_provided_ipv6_cidr_block {
        return fail!("UnsupportedOperation", "The local cloud does not have IPv6 ranges for VPCs");
    }
    if cx.ec2().vpcs.len() >= cx.options.quotas.vpcs {
        return fail!("VpcLimitExceeded", "The maximum number of VPCs has been reached.");
    }
    let id = cx.id("vpc");
    let association = cx.id("vpc-cidr-assoc");
    let dhcp_options_id = account::dhcp_options(cx);
    let vpc = Vpc {
        id: id.clone(),
        cidr,
        cidrs: vec![(association, cidr)],
        available: false,
        tenancy: input.instance_tenancy,
        dns_support: true,
        dns_hostnames: false,
        usage_metrics: false,
        dhcp_options_id,
        tags,
    };
    let rendered = render(&vpc, cx.account());
    cx.ec2().vpcs.insert(id.clone(), vpc);
    route::create_main(cx, &id);
    group::create_default(cx, &id);
    acl::create_default(cx, &id);
    cx.after(timings::VPC_CREATE, Later::VpcAvailable(id).body());
    Ok(json!({"vpc": rendered}))
}

pub(super) fn available(cx: &mut Cx<'_>, id: &str) {
    if let Some(vpc) = cx.ec2().vpcs.get_mut(id) {
        vpc.available = true;
    }
}

/// A range that a VPC may have.
fn range(text: &str) -> Result<Cidr> {
    let Ok(cidr) = text.parse::<Cidr>() else {
        return fail!(
            "InvalidParameterValue",
            "Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
        );
    };
    if !(16..=28).contains(&cidr.prefix()) {
        return fail!("InvalidVpc.Range", "The CIDR '{text}' is invalid.");
    }
    Ok(cidr)
}

fn state(vpc: &Vpc) -> &'static str {
    if vpc.available { "available" } else { "pending" }
}

fn render(vpc: &Vpc, account: &str) -> Value {
    let associations: Vec<Value> = vpc.cidrs.iter().map(|(id, cidr)| association(id, *cidr, "associated")).collect();
    json!({
        "vpcId": vpc.id,
        "ownerId": account,
        "state": state(vpc),
        "cidrBlock": vpc.cidr.to_string(),
        "cidrBlockAssociationSet": associations,
        "dhcpOptionsId": vpc.dhcp_options_id,
        "instanceTenancy": vpc.tenancy,
        "isDefault": false,
        "blockPublicAccessStates": {"internetGatewayBlockMode": "off"},
        "tagSet": tag_set(&vpc.tags),
    })
}

fn association(id: &str, cidr: Cidr, state: &str) -> Value {
    json!({"associationId": id, "cidrBlock": cidr.to_string(), "cidrBlockState": {"state": state}})
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let account = cx.account().to_owned();
    let vpcs = &cx.ec2().vpcs;
    let found = input.find(
        &VPC,
        vpcs.iter(),
        1000,
        |vpc| &vpc.tags,
        |vpc, name| match name {
            "vpc-id" => vpc.id.as_str().into(),
            "state" => state(vpc).into(),
            "owner-id" => account.as_str().into(),
            "cidr" | "cidr-block" | "cidrBlock" => vpc.cidr.to_string().into(),
            "cidr-block-association.cidr-block" => vpc.cidrs.iter().map(|(_, cidr)| cidr).collect::<Vec<_>>().into(),
            "cidr-block-association.association-id" => vpc.cidrs.iter().map(|(id, _)| id).collect::<Vec<_>>().into(),
            "cidr-block-association.state" => "associated".into(),
            "dhcp-options-id" => vpc.dhcp_options_id.as_str().into(),
            "is-default" | "isDefault" => false.into(),
            _ => Answer::Unknown,
        },
    )?;
    let set: Vec<Value> = found.items.iter().map(|vpc| render(vpc, &account)).collect();
    Ok(json!({"vpcSet": set, "nextToken": found.next}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    vpc_id: String,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let id = input.vpc_id.as_str();
    let state = cx.ec2();
    VPC.find(&state.vpcs, id)?;
    if is_used(state, id) {
        return VPC.in_use(id);
    }
    state.vpcs.remove(id);
    flow_log::forget(state, id);
    // What came with the VPC goes with it.
    state.security_groups.retain(|_, group| group.vpc_id != id);
    state.route_tables.retain(|_, table| table.vpc_id != id);
    state.network_acls.retain(|_, acl| acl.vpc_id != id);
    done()
}

fn is_used(state: &State, id: &str) -> bool {
    state.subnets.values().any(|subnet| subnet.vpc_id == id)
        || state.internet_gateways.values().any(|gateway| gateway.vpc_id.as_deref() == Some(id))
        || state.nat_gateways.values().any(|nat| nat.vpc_id == id && !nat.is_gone())
        || state.endpoints.values().any(|endpoint| endpoint.vpc_id == id)
        || state.network_interfaces.values().any(|eni| eni.vpc_id == id)
        || state.security_groups.values().any(|group| group.vpc_id == id && group.name != "default")
        || state.route_tables.values().any(|table| table.vpc_id == id && !table.is_main())
        || acl::is_custom(state, id)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DescribeAttribute {
    vpc_id: String,
    attribute: String,
}

pub(super) fn describe_attribute(cx: &mut Cx<'_>, input: DescribeAttribute) -> Result {
    let vpc = VPC.find(&cx.ec2().vpcs, &input.vpc_id)?;
    let value = match input.attribute.as_str() {
        "enableDnsSupport" => vpc.dns_support,
        "enableDnsHostnames" => vpc.dns_hostnames,
        "enableNetworkAddressUsageMetrics" => vpc.usage_metrics,
        other => {
            return fail!(
                "InvalidParameterValue",
                "Value ({other}) for parameter attribute is invalid. Unknown attribute."
            );
        }
    };
    Ok(json!({"vpcId": vpc.id, input.attribute: {"value": value}}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ModifyAttribute {
    vpc_id: String,
    enable_dns_support: Option<Flag>,
    enable_dns_hostnames: Option<Flag>,
    enable_network_address_usage_metrics: Option<Flag>,
}

pub(super) fn modify_attribute(cx: &mut Cx<'_>, input: ModifyAttribute) -> Result {
    let vpc = VPC.find_mut(&mut cx.ec2().vpcs, &input.vpc_id)?;
    match (input.enable_dns_support, input.enable_dns_hostnames, input.enable_network_address_usage_metrics) {
        (Some(flag), None, None) => {
            if !flag.value && vpc.dns_hostnames {
                return fail!(
                    "InvalidParameterValue",
                    "The enableDnsSupport attribute of {} cannot be disabled while enableDnsHostnames is enabled",
                    vpc.id
                );
            }
            vpc.dns_support = flag.value;
        }
        (None, Some(flag), None) => {
            if flag.value && !vpc.dns_support {
                return fail!(
                    "InvalidParameterValue",
                    "The enableDnsHostnames attribute of {} needs enableDnsSupport to be enabled",
                    vpc.id
                );
            }
            vpc.dns_hostnames = flag.value;
        }
        (None, None, Some(flag)) => vpc.usage_metrics = flag.value,
        (None, None, None) => {
            return fail!("MissingParameter", "The request must contain the parameter Attribute");
        }
        _ => {
            return fail!("InvalidParameterCombination", "Fields for multiple attribute types specified");
        }
    }
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ModifyTenancy {
    vpc_id: String,
    instance_tenancy: String,
}

pub(super) fn modify_tenancy(cx: &mut Cx<'_>, input: ModifyTenancy) -> Result {
    let vpc = VPC.find_mut(&mut cx.ec2().vpcs, &input.vpc_id)?;
    if input.instance_tenancy != "default" {
        return fail!("InvalidParameterValue", "The tenancy of a VPC can only be changed to default");
    }
    vpc.tenancy = input.instance_tenancy;
    Ok(json!({"returnValue": true}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct AssociateCidr {
    vpc_id: String,
    cidr_block: String,
}

pub(super) fn associate_cidr(cx: &mut Cx<'_>, input: AssociateCidr) -> Result {
    let cidr = range(&input.cidr_block)?;
    let id = cx.id("vpc-cidr-assoc");
    let vpc = VPC.find_mut(&mut cx.ec2().vpcs, &input.vpc_id)?;
    if vpc.cidrs.iter().any(|(_, other)| other.overlaps(cidr)) {
        return fail!("CidrConflict", "The CIDR '{}' conflicts with another CIDR of the VPC", input.cidr_block);
    }
    if vpc.cidrs.len() >= 5 {
        return fail!("CidrLimitExceeded", "This network '{}' has met its maximum number of allowed CIDRs: 5", vpc.id);
    }
    vpc.cidrs.push((id.clone(), cidr));
    Ok(json!({"vpcId": input.vpc_id, "cidrBlockAssociation": association(&id, cidr, "associating")}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DisassociateCidr {
    association_id: String,
}

pub(super) fn disassociate_cidr(cx: &mut Cx<'_>, input: DisassociateCidr) -> Result {
    let id = &input.association_id;
    let state = cx.ec2();
    let found = state
        .vpcs
        .values_mut()
        .find_map(|vpc| vpc.cidrs.iter().position(|(association, _)| association == id).map(|at| (vpc, at)));
    let Some((vpc, at)) = found else {
        return fail!("InvalidVpcCidrBlockAssociationID.NotFound", "The association ID '{id}' does not exist");
    };
    let (_, cidr) = vpc.cidrs[at];
    if at == 0 {
        return fail!(
            "OperationNotPermitted",
            "The vpc CIDR block with association ID {id} may not be disassociated. It is the primary IPv4 CIDR block of the VPC"
        );
    }
    if state.subnets.values().any(|subnet| subnet.vpc_id == vpc.id && cidr.contains(subnet.cidr)) {
        return fail!("InvalidCidrBlock.InUse", "The vpc {} currently has a subnet within CIDR block {cidr}", vpc.id);
    }
    vpc.cidrs.remove(at);
    Ok(json!({"vpcId": vpc.id, "cidrBlockAssociation": association(id, cidr, "disassociating")}))
}

//! Subnets.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cidr::Cidr;
use super::common::{Describe, Flag, SUBNET, TagSpecification, VPC, done, new_tags, tag_set};
use super::{Later, State, account, acl, flow_log};
use crate::error::{Result, fail};
use crate::filters::Answer;
use crate::tags::Tags;
use crate::timings;
use crate::world::Cx;

/// A subnet.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Subnet {
    pub(crate) id: String,
    pub(crate) vpc_id: String,
    pub(crate) cidr: Cidr,
    /// The availability zone's name, such as `ap-northeast-1a`.
    pub(crate) zone: String,
    pub(crate) zone_id: String,
    pub(crate) available: bool,
    pub(crate) map_public_ip_on_launch: bool,
    /// `ip-name` or `resource-name`.
    pub(crate) hostname_type: String,
    pub(crate) resource_name_a: bool,
    pub(crate) resource_name_aaaa: bool,
    /// The association with the VPC's network ACL.
    pub(crate) acl_association_id: String,
    pub(crate) tags: Tags,
}

/// AWS keeps the first four addresses and the last one.
const RESERVED: u64 = 5;

impl Subnet {
    /// How many addresses are free.
    pub(crate) fn free_addresses(&self, state: &State) -> u64 {
        let used = state.network_interfaces.values().filter(|eni| eni.subnet_id == self.id).count() as u64;
        self.cidr.size().saturating_sub(RESERVED + used)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    vpc_id: String,
    cidr_block: Option<String>,
    availability_zone: Option<String>,
    availability_zone_id: Option<String>,
    #[serde(default, rename = "TagSpecification")]
    tags: Vec<TagSpecification>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let tags = new_tags(&input.tags, &SUBNET)?;
    let Some(text) = input.cidr_block else {
        return fail!("MissingParameter", "The request must contain the parameter cidrBlock");
    };
    let Ok(cidr) = text.parse::<Cidr>() else {
        return fail!(
            "InvalidParameterValue",
            "Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
        );
    };
    let zones = account::zones(&cx.region);
    let wanted = input.availability_zone.as_ref().or(input.availability_zone_id.as_ref());
    let zone = match wanted {
        None => zones.first(),
        Some(wanted) => zones.iter().find(|zone| &zone.name == wanted || &zone.id == wanted),
    };
    let Some(zone) = zone.cloned() else {
        let names: Vec<&str> = zones.iter().map(|zone| zone.name.as_str()).collect();
        return fail!(
            "InvalidParameterValue",
            "Value ({}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following \
             availability zones: {}.",
            wanted.map_or("", String::as_str),
            names.join(", ")
        );
    };
    let (id, association) = (cx.id("subnet"), cx.id("aclassoc"));
    let state = cx.ec2();
    let vpc = VPC.find(&state.vpcs, &input.vpc_id)?;
    if !(16..=28).contains(&cidr.prefix()) || !vpc.cidrs.iter().any(|(_, range)| range.contains(cidr)) {
        return fail!("InvalidSubnet.Range", "The CIDR '{text}' is invalid.");
    }
    if state.subnets.values().any(|other| other.vpc_id == vpc.id && other.cidr.overlaps(cidr)) {
        return fail!("InvalidSubnet.Conflict", "The CIDR '{text}' conflicts with another subnet");
    }
    let subnet = Subnet {
        id: id.clone(),
        vpc_id: input.vpc_id,
        cidr,
        zone: zone.name,
        zone_id: zone.id,
        available: false,
        map_public_ip_on_launch: false,
        hostname_type: "ip-name".to_owned(),
        resource_name_a: false,
        resource_name_aaaa: false,
        acl_association_id: association,
        tags,
    };
    state.subnets.insert(id.clone(), subnet);
    let rendered = render(cx, &id);
    cx.after(timings::SUBNET_CREATE, Later::SubnetAvailable(id).body());
    Ok(json!({"subnet": rendered}))
}

pub(super) fn available(cx: &mut Cx<'_>, id: &str) {
    if let Some(subnet) = cx.ec2().subnets.get_mut(id) {
        subnet.available = true;
    }
}

fn state(subnet: &Subnet) -> &'static str {
    if subnet.available { "available" } else { "pending" }
}

fn render(cx: &mut Cx<'_>, id: &str) -> Value {
    let (arn, account) = (cx.arn("ec2", &format!("subnet/{id}")), cx.account().to_owned());
    let state_of_region = cx.ec2();
    let Some(subnet) = state_of_region.subnets.get(id) else { return Value::Null };
    json!({
        "subnetId": subnet.id,
        "subnetArn": arn,
        "ownerId": account,
        "state": state(subnet),
        "vpcId": subnet.vpc_id,
        "cidrBlock": subnet.cidr.to_string(),
        "availableIpAddressCount": subnet.free_addresses(state_of_region),
        "availabilityZone": subnet.zone,
        "availabilityZoneId": subnet.zone_id,
        "defaultForAz": false,
        "mapPublicIpOnLaunch": subnet.map_public_ip_on_launch,
        "mapCustomerOwnedIpOnLaunch": false,
        "assignIpv6AddressOnCreation": false,
        "ipv6CidrBlockAssociationSet": [],
        "enableDns64": false,
        "ipv6Native": false,
        "privateDnsNameOptionsOnLaunch": {
            "hostnameType": subnet.hostname_type,
            "enableResourceNameDnsARecord": subnet.resource_name_a,
            "enableResourceNameDnsAAAARecord": subnet.resource_name_aaaa,
        },
        "blockPublicAccessStates": {"internetGatewayBlockMode": "off"},
        "tagSet": tag_set(&subnet.tags),
    })
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let (account, arn) = (cx.account().to_owned(), cx.arn("ec2", "subnet/"));
    let regional = &*cx.ec2();
    let found = input.find(
        &SUBNET,
        regional.subnets.iter(),
        1000,
        |subnet| &subnet.tags,
        |subnet, name| match name {
            "subnet-id" => subnet.id.as_str().into(),
            "subnet-arn" => format!("{arn}{}", subnet.id).into(),
            "vpc-id" => subnet.vpc_id.as_str().into(),
            "state" => state(subnet).into(),
            "owner-id" => account.as_str().into(),
            "availability-zone" | "availabilityZone" => subnet.zone.as_str().into(),
            "availability-zone-id" | "availabilityZoneId" => subnet.zone_id.as_str().into(),
            "cidr" | "cidr-block" | "cidrBlock" => subnet.cidr.to_string().into(),
            "available-ip-address-count" => subnet.free_addresses(regional).to_string().into(),
            "default-for-az" | "defaultForAz" => false.into(),
            "map-public-ip-on-launch" => subnet.map_public_ip_on_launch.into(),
            _ => Answer::Unknown,
        },
    )?;
    let (ids, next): (Vec<String>, _) = (found.items.iter().map(|s| s.id.clone()).collect(), found.next);
    let set: Vec<Value> = ids.iter().map(|id| render(cx, id)).collect();
    Ok(json!({"subnetSet": set, "nextToken": next}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    subnet_id: String,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let id = input.subnet_id.as_str();
    let state = cx.ec2();
    SUBNET.find(&state.subnets, id)?;
    if state.network_interfaces.values().any(|eni| eni.subnet_id == id) {
        return SUBNET.in_use(id);
    }
    for table in state.route_tables.values_mut() {
        table.associations.retain(|association| association.subnet_id.as_deref() != Some(id));
    }
    acl::forget(state, id);
    state.subnets.remove(id);
    flow_log::forget(state, id);
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ModifyAttribute {
    subnet_id: String,
    map_public_ip_on_launch: Option<Flag>,
    assign_ipv6_address_on_creation: Option<Flag>,
    enable_dns64: Option<Flag>,
    map_customer_owned_ip_on_launch: Option<Flag>,
    private_dns_hostname_type_on_launch: Option<String>,
    #[serde(rename = "EnableResourceNameDnsARecordOnLaunch")]
    resource_name_a: Option<Flag>,
    #[serde(rename = "EnableResourceNameDnsAAAARecordOnLaunch")]
    resource_name_aaaa: Option<Flag>,
}

pub(super) fn modify_attribute(cx: &mut Cx<'_>, input: ModifyAttribute) -> Result {
    let subnet = SUBNET.find_mut(&mut cx.ec2().subnets, &input.subnet_id)?;
    let unsupported =
        [input.assign_ipv6_address_on_creation, input.enable_dns64, input.map_customer_owned_ip_on_launch];
    let sent = unsupported.iter().flatten().count()
        + usize::from(input.map_public_ip_on_launch.is_some())
        + usize::from(input.private_dns_hostname_type_on_launch.is_some())
        + usize::from(input.resource_name_a.is_some())
        + usize::from(input.resource_name_aaaa.is_some());
    match sent {
        0 => return fail!("MissingParameter", "Either 'mapPublicIpOnLaunch' or another attribute must be specified"),
        1 => {}
        _ => return fail!("InvalidParameterCombination", "Fields for multiple attribute types specified"),
    }
    if unsupported.iter().flatten().any(|flag| flag.value) {
        return fail!(
            "InvalidParameterValue",
            "Invalid value 'true' for an IPv6 or Outposts attribute. Subnet does not have an IPv6 CIDR block."
        );
    }
    if let Some(flag) = input.map_public_ip_on_launch {
        subnet.map_public_ip_on_launch = flag.value;
    }
    if let Some(kind) = input.private_dns_hostname_type_on_launch {
        if !["ip-name", "resource-name"].contains(&kind.as_str()) {
            return fail!("InvalidParameterValue", "Invalid value '{kind}' for privateDnsHostnameTypeOnLaunch");
        }
        subnet.hostname_type = kind;
    }
    if let Some(flag) = input.resource_name_a {
        subnet.resource_name_a = flag.value;
    }
    if let Some(flag) = input.resource_name_aaaa {
        subnet.resource_name_aaaa = flag.value;
    }
    done()
}

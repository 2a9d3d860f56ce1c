//! What load balancers have in the VPC: one network interface in each subnet.

use std::collections::BTreeSet;

use crate::error::{ApiError, Result};
use crate::services::ec2::{self, NewEni};
use crate::services::elbv2::load_balancer::Attachment;
use crate::tags::Tags;
use crate::world::Cx;

/// How many free addresses a subnet must have.
const FREE: u64 = 8;

/// A subnet that a load balancer is to be in.
pub(super) struct Place {
    pub(super) subnet_id: String,
    pub(super) zone: String,
}

/// Checks subnets: two zones at least, one subnet in each, one VPC, and a way to the internet if it is needed. The VPC
/// and the places.
pub(super) fn check_subnets(cx: &mut Cx<'_>, ids: &[String], public: bool) -> Result<(String, Vec<Place>)> {
    let state = cx.ec2();
    let mut places: Vec<(String, Place)> = Vec::new();
    for id in ids {
        let Some(subnet) = state.subnets.get(id) else {
            return Err(ApiError::new("SubnetNotFound", format!("The subnet ID '{id}' does not exist")));
        };
        places.push((subnet.vpc_id.clone(), Place { subnet_id: id.clone(), zone: subnet.zone.clone() }));
    }
    let distinct: BTreeSet<&String> = ids.iter().collect();
    if distinct.len() < ids.len() {
        return Err(ApiError::new("InvalidConfigurationRequest", "A subnet cannot be specified more than once"));
    }
    if ids.len() < 2 {
        return Err(ApiError::new(
            "ValidationError",
            "At least two subnets in two different Availability Zones must be specified",
        ));
    }
    let Some(vpc_id) = places.first().map(|(vpc_id, _)| vpc_id.clone()) else {
        return Err(ApiError::new("ValidationError", "At least two subnets must be specified"));
    };
    if places.iter().any(|(other, _)| *other != vpc_id) {
        return Err(ApiError::new(
            "InvalidConfigurationRequest",
            format!("All subnets must belong to the same VPC: '{}'", ids.join(", ")),
        ));
    }
    let zones: BTreeSet<&String> = places.iter().map(|(_, place)| &place.zone).collect();
    if zones.len() < places.len() {
        return Err(ApiError::new(
            "InvalidConfigurationRequest",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        ));
    }
    if public && !state.internet_gateways.values().any(|gateway| gateway.vpc_id.as_ref() == Some(&vpc_id)) {
        return Err(ApiError::new("InvalidSubnet", format!("VPC {vpc_id} has no internet gateway")));
    }
    Ok((vpc_id, places.into_iter().map(|(_, place)| place).collect()))
}

/// Checks that subnets which a load balancer is new in have room.
pub(super) fn check_room(cx: &mut Cx<'_>, places: &[&Place]) -> Result<()> {
    let state = cx.ec2();
    for place in places {
        let used = state.network_interfaces.values().filter(|eni| eni.subnet_id == place.subnet_id).count() as u64;
        let size = state.subnets.get(&place.subnet_id).map_or(0, |subnet| subnet.cidr.size());
        // AWS keeps five of each subnet.
        if size.saturating_sub(5 + used) < FREE {
            return Err(ApiError::new(
                "InvalidSubnet",
                format!(
                    "Not enough IP space available in {}. ELB requires at least {FREE} free IP addresses in each subnet.",
                    place.subnet_id
                ),
            ));
        }
    }
    Ok(())
}

/// Checks security groups; without any, the VPC's default one.
pub(super) fn check_groups(cx: &mut Cx<'_>, vpc_id: &str, groups: Vec<String>) -> Result<Vec<String>> {
    let state = cx.ec2();
    if groups.is_empty() {
        let default = state.security_groups.values().find(|group| group.vpc_id == vpc_id && group.name == "default");
        return Ok(default.map(|group| group.id.clone()).into_iter().collect());
    }
    for id in &groups {
        match state.security_groups.get(id) {
            None => {
                let message = format!("The security group '{id}' does not exist");
                return Err(ApiError::new("InvalidSecurityGroup", message));
            }
            Some(group) if group.vpc_id != vpc_id => {
                return Err(ApiError::new(
                    "InvalidConfigurationRequest",
                    format!("Security group \"{id}\" does not belong to VPC \"{vpc_id}\""),
                ));
            }
            Some(_) => {}
        }
    }
    if groups.len() > 5 {
        return Err(ApiError::new(
            "InvalidConfigurationRequest",
            "The maximum number of security groups per load balancer has been reached.",
        ));
    }
    Ok(groups)
}

/// Puts a network interface into a subnet that was checked.
pub(super) fn attach(
    cx: &mut Cx<'_>,
    place: &Place,
    groups: &[String],
    label: &str,
    public: bool,
) -> Result<Attachment> {
    let eni = ec2::eni::create(
        cx,
        NewEni {
            subnet_id: place.subnet_id.clone(),
            groups: groups.to_vec(),
            description: format!("ELB {label}"),
            kind: "interface",
            requester: "amazon-elb",
            owner: "amazon-elb",
            public,
            private_ip: None,
            tags: Tags::new(),
        },
    )
    .map_err(|e| ApiError::new("InvalidSubnet", e.message))?;
    Ok(Attachment { subnet_id: place.subnet_id.clone(), zone: place.zone.clone(), eni_id: eni.id })
}

/// Gives all network interfaces other security groups, which were checked.
pub(super) fn set_groups(cx: &mut Cx<'_>, attachments: &[Attachment], groups: &[String]) -> Result<()> {
    for attachment in attachments {
        ec2::eni::set_groups(cx, &attachment.eni_id, groups.to_vec())
            .map_err(|e| ApiError::new("InvalidSecurityGroup", e.message))?;
    }
    Ok(())
}

pub(super) fn remove(cx: &mut Cx<'_>, eni_id: &str) {
    ec2::eni::remove(cx, eni_id);
}

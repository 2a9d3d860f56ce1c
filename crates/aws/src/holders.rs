//! What keeps a resource from being deleted: protection that somebody switched on, and what uses it (aws-facts 5.17: the network interfaces of a VPC explain every
//! DependencyViolation), in lines for people.

use aomidori_engine::cloud::{CloudError, ErrorKind};
use aomidori_model::KindName;
use aomidori_plan::Observed;
use aws_sdk_ec2::types::{Filter, NetworkInterface};

use crate::call;
use crate::client::Cx;
use crate::ec2::{id_in, pages};
use crate::tags::filter;

/// True for a load balancer or a log group that is protected from deletion; false for one about which the caller may not
/// ask: AWS refuses its deletion then, late.
pub(crate) async fn is_protected(cx: &Cx, have: &Observed) -> Result<bool, CloudError> {
    let protected = match have.kind {
        KindName::LoadBalancer => {
            let answer = call::read("elasticloadbalancing:DescribeLoadBalancerAttributes", || {
                cx.elb.describe_load_balancer_attributes().load_balancer_arn(&have.id).send()
            });
            call::if_there(answer.await).map(|answer| {
                let attributes = answer.and_then(|it| it.attributes).unwrap_or_default();
                attributes.iter().any(|it| it.key() == Some(PROTECTION) && it.value() == Some("true"))
            })
        }
        KindName::LogGroup => {
            let answer = call::read("logs:DescribeLogGroups", || {
                cx.logs.describe_log_groups().log_group_name_prefix(&have.id).limit(50).send()
            });
            call::if_there(answer.await).map(|answer| {
                let groups = answer.and_then(|it| it.log_groups).unwrap_or_default();
                let own = groups.iter().find(|it| it.log_group_name.as_ref() == Some(&have.id));
                own.and_then(|it| it.deletion_protection_enabled) == Some(true)
            })
        }
        _ => Ok(false),
    };
    match protected {
        Err(error) if matches!(error.kind, ErrorKind::Denied | ErrorKind::Unsupported) => {
            tracing::debug!(%error, id = have.id, "whether it is protected cannot be told");
            Ok(false)
        }
        other => other,
    }
}

/// The attribute of a load balancer that keeps it from being deleted.
const PROTECTION: &str = "deletion_protection.enabled";

/// One line per holder; empty if it cannot be told.
pub(crate) async fn holders(cx: &Cx, have: &Observed) -> Vec<String> {
    let found = match have.kind {
        KindName::SecurityGroup => of_group(cx, &have.id).await,
        KindName::Subnet => interfaces(cx, filter("subnet-id", [&have.id])).await.map(lines),
        KindName::InternetGateway => of_gateway(cx, have).await,
        KindName::Vpc => of_vpc(cx, &have.id).await,
        KindName::ElasticIp => of_address(cx, &have.id).await,
        KindName::RouteTable => of_table(cx, &have.id).await,
        _ => Ok(Vec::new()),
    };
    found.unwrap_or_else(|error| {
        tracing::debug!(%error, id = have.id, "its holders cannot be told");
        Vec::new()
    })
}

/// Interfaces that use the group, and groups whose rules refer to it.
async fn of_group(cx: &Cx, id: &str) -> Result<Vec<String>, CloudError> {
    let mut held = lines(interfaces(cx, filter("group-id", [id])).await?);
    for name in ["ip-permission.group-id", "egress.ip-permission.group-id"] {
        let by = filter(name, [id]);
        let groups = pages!(
            "ec2:DescribeSecurityGroups",
            security_groups,
            cx.ec2.describe_security_groups().filters(by.clone())
        );
        let others = groups.iter().filter(|group| group.group_id() != Some(id));
        held.extend(others.map(|group| {
            let name = group.group_name().unwrap_or_default();
            format!("a rule of security group {} ({name})", group.group_id().unwrap_or("?"))
        }));
    }
    held.dedup();
    Ok(held)
}

/// Public addresses that are mapped in its VPC.
async fn of_gateway(cx: &Cx, have: &Observed) -> Result<Vec<String>, CloudError> {
    let Some(vpc) = id_in(have.fields.value("vpc_id")) else { return Ok(Vec::new()) };
    let mut mapped = interfaces(cx, filter("vpc-id", [vpc])).await?;
    mapped.retain(|interface| public_ip(interface).is_some());
    Ok(lines(mapped))
}

/// Everything in it that does not go by itself.
async fn of_vpc(cx: &Cx, id: &str) -> Result<Vec<String>, CloudError> {
    let by = filter("vpc-id", [id]);
    let mut held = lines(interfaces(cx, by.clone()).await?);
    let (subnets, groups, gateways, tables) = tokio::try_join!(
        async { Ok(pages!("ec2:DescribeSubnets", subnets, cx.ec2.describe_subnets().filters(by.clone()))) },
        async {
            Ok::<_, CloudError>(pages!(
                "ec2:DescribeSecurityGroups",
                security_groups,
                cx.ec2.describe_security_groups().filters(by.clone())
            ))
        },
        async {
            Ok(pages!(
                "ec2:DescribeInternetGateways",
                internet_gateways,
                cx.ec2.describe_internet_gateways().filters(filter("attachment.vpc-id", [id]))
            ))
        },
        async {
            Ok(pages!("ec2:DescribeRouteTables", route_tables, cx.ec2.describe_route_tables().filters(by.clone())))
        },
    )?;
    let id_of = |id: Option<&str>| id.unwrap_or("?").to_owned();
    held.extend(subnets.iter().map(|subnet| format!("subnet {}", id_of(subnet.subnet_id()))));
    // The default group and the main table go with the VPC.
    let groups = groups.iter().filter(|group| group.group_name() != Some("default"));
    held.extend(groups.map(|group| format!("security group {}", id_of(group.group_id()))));
    held.extend(gateways.iter().map(|one| format!("internet gateway {}", id_of(one.internet_gateway_id()))));
    let main = |table: &&aws_sdk_ec2::types::RouteTable| table.associations().iter().any(|one| one.main == Some(true));
    let tables = tables.iter().filter(|table| !main(table));
    held.extend(tables.map(|table| format!("route table {}", id_of(table.route_table_id()))));
    Ok(held)
}

async fn of_address(cx: &Cx, id: &str) -> Result<Vec<String>, CloudError> {
    let answer = call::read("ec2:DescribeAddresses", || cx.ec2.describe_addresses().allocation_ids(id).send()).await;
    let Some(address) = call::if_there(answer)?.and_then(|answer| answer.addresses?.into_iter().next()) else {
        return Ok(Vec::new());
    };
    match address.network_interface_id {
        Some(interface) => interfaces(cx, filter("network-interface-id", [interface])).await.map(lines),
        None => Ok(Vec::new()),
    }
}

async fn of_table(cx: &Cx, id: &str) -> Result<Vec<String>, CloudError> {
    let tables = pages!("ec2:DescribeRouteTables", route_tables, cx.ec2.describe_route_tables().route_table_ids(id));
    let associations = tables.iter().flat_map(|table| table.associations());
    Ok(associations
        .filter_map(|one| Some(format!("its association with {}", one.subnet_id().or(one.gateway_id())?)))
        .collect())
}

async fn interfaces(cx: &Cx, by: Filter) -> Result<Vec<NetworkInterface>, CloudError> {
    Ok(pages!(
        "ec2:DescribeNetworkInterfaces",
        network_interfaces,
        cx.ec2.describe_network_interfaces().filters(by.clone())
    ))
}

fn public_ip(interface: &NetworkInterface) -> Option<&str> {
    interface.association().and_then(|association| association.public_ip())
}

fn lines(interfaces: Vec<NetworkInterface>) -> Vec<String> {
    interfaces.iter().map(line).collect()
}

/// Such as `network interface eni-1 (ELB app/web/50dc6c495c0c9188) with public address 192.0.2.1, in-use`.
fn line(interface: &NetworkInterface) -> String {
    let mut line = format!("network interface {}", interface.network_interface_id().unwrap_or("?"));
    let whose = interface.description().filter(|text| !text.is_empty()).or(interface.requester_id());
    if let Some(whose) = whose {
        line.push_str(&format!(" ({whose})"));
    }
    if let Some(address) = public_ip(interface) {
        line.push_str(&format!(" with public address {address}"));
    }
    if let Some(status) = interface.status() {
        line.push_str(&format!(", {}", status.as_str()));
    }
    line
}

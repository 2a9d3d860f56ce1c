//! VPCs and what stands in them.

use std::collections::BTreeMap;

use aomidori_adopt::Walk;
use aomidori_engine::cloud::CloudError;
use aomidori_model::KindName;
use aws_sdk_ec2::types as aws;

use super::{Has, LEFT, Seen, found, unusual};
use crate::call;
use crate::client::Cx;
use crate::ec2::pages;
use crate::tags::filter;

pub(super) async fn read(cx: &Cx, walk: &Walk, seen: &mut Seen) -> Result<(), CloudError> {
    macro_rules! each {
        ($kind:ident, $filter:literal, $operation:literal, $list:ident, $call:ident, $set:ident, $judge:ident) => {
            for ids in found(walk, KindName::$kind).chunks(200) {
                let all = pages!($operation, $list, cx.ec2.$call().$set(Some(vec![filter($filter, ids)])));
                all.iter().for_each(|it| seen.add($judge(it)));
            }
        };
    }
    each!(Vpc, "vpc-id", "ec2:DescribeVpcs", vpcs, describe_vpcs, set_filters, vpc);
    each!(Subnet, "subnet-id", "ec2:DescribeSubnets", subnets, describe_subnets, set_filters, subnet);
    each!(
        NatGateway,
        "nat-gateway-id",
        "ec2:DescribeNatGateways",
        nat_gateways,
        describe_nat_gateways,
        set_filter,
        nat_gateway
    );
    each!(
        RouteTable,
        "route-table-id",
        "ec2:DescribeRouteTables",
        route_tables,
        describe_route_tables,
        set_filters,
        route_table
    );
    each!(
        VpcEndpoint,
        "vpc-endpoint-id",
        "ec2:DescribeVpcEndpoints",
        vpc_endpoints,
        describe_vpc_endpoints,
        set_filters,
        endpoint
    );
    for ids in found(walk, KindName::ElasticIp).chunks(200) {
        let filters = Some(vec![filter("allocation-id", ids)]);
        let answer =
            call::read("ec2:DescribeAddresses", || cx.ec2.describe_addresses().set_filters(filters.clone()).send());
        let answer = call::if_there(answer.await)?;
        answer.and_then(|it| it.addresses).iter().flatten().for_each(|it| seen.add(address(it, &cx.region)));
    }
    default_groups(cx, walk, seen).await?;
    for id in found(walk, KindName::Vpc) {
        neighbours(cx, &id, walk, seen).await?;
    }
    Ok(())
}

/// A VPC's default group comes and goes with it, and its rules with it; so do a default VPC's gateway and subnets, which
/// AWS made and only AWS can make again.
async fn default_groups(cx: &Cx, walk: &Walk, seen: &mut Seen) -> Result<(), CloudError> {
    for ids in found(walk, KindName::SecurityGroup).chunks(200) {
        let filters = vec![filter("group-id", ids), filter("group-name", ["default"])];
        let groups = pages!(
            "ec2:DescribeSecurityGroups",
            security_groups,
            cx.ec2.describe_security_groups().set_filters(Some(filters.clone()))
        );
        for id in groups.iter().filter(|it| it.group_name() == Some("default")).filter_map(|it| it.group_id()) {
            let mut has = Has::of(KindName::SecurityGroup, Some(id));
            has.shut(true, "it is the default group of its VPC, and goes with it", LEFT);
            seen.add(has);
            let rules = pages!(
                "ec2:DescribeSecurityGroupRules",
                security_group_rules,
                cx.ec2.describe_security_group_rules().filters(filter("group-id", [id]))
            );
            for rule in &rules {
                let mut has = Has::of(KindName::SecurityGroupRule, rule.security_group_rule_id());
                has.shut(true, "it is a rule of its VPC's default group", LEFT);
                seen.add(has);
            }
        }
    }
    let defaults: Vec<String> =
        seen.beyond.iter().filter(|it| it.kind == KindName::Vpc && it.shuts).map(|it| it.id.clone()).collect();
    if !defaults.is_empty() {
        let attached = Some(vec![filter("attachment.vpc-id", &defaults)]);
        let gateways = pages!(
            "ec2:DescribeInternetGateways",
            internet_gateways,
            cx.ec2.describe_internet_gateways().set_filters(attached.clone())
        );
        for gateway in &gateways {
            let mut has = Has::of(KindName::InternetGateway, gateway.internet_gateway_id());
            has.shut(true, "it is the gateway of the region's default VPC", LEFT);
            seen.add(has);
        }
    }
    Ok(())
}

/// What stands in a VPC and is no kind of the model.
async fn neighbours(cx: &Cx, vpc: &str, walk: &Walk, seen: &mut Seen) -> Result<(), CloudError> {
    let inside = || Some(vec![filter("vpc-id", [vpc])]);
    let answer = call::read("ec2:DescribeNetworkAcls", || cx.ec2.describe_network_acls().set_filters(inside()).send());
    let acls = seen.answer(answer.await)?.and_then(|it| it.network_acls).unwrap_or_default();
    for acl in acls.iter().filter(|acl| acl.is_default != Some(true)) {
        let id = acl.network_acl_id.as_deref().unwrap_or_default();
        let subnets = acl.associations().len();
        seen.passed.push(format!("the network ACL {id} of {vpc}, which filters for {subnets} of its subnets"));
    }
    let interfaces = pages!(
        "ec2:DescribeNetworkInterfaces",
        network_interfaces,
        cx.ec2.describe_network_interfaces().set_filters(inside())
    );
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    for interface in &interfaces {
        *others.entry(stranger(interface, walk).unwrap_or_default()).or_default() += 1;
    }
    others.remove("");
    for (what, n) in others {
        let count = if n == 1 { "a network interface".to_owned() } else { format!("{n} network interfaces") };
        seen.passed
            .push(format!("{count} of {what} in {vpc}: while they stand there, `down` cannot remove the network"));
    }
    Ok(())
}

/// Whose a network interface is, if it is neither of what was found nor of a task of ECS.
fn stranger(interface: &aws::NetworkInterface, walk: &Walk) -> Option<String> {
    let kind = interface.interface_type.as_ref().map_or("interface", |kind| kind.as_str());
    if matches!(kind, "nat_gateway" | "natGateway" | "vpc_endpoint" | "gateway_load_balancer_endpoint") {
        return None;
    }
    let text = interface.description.as_deref().unwrap_or_default();
    let of_balancer = text.strip_prefix("ELB ").filter(|name| {
        walk.found.iter().any(|(of, id)| *of == KindName::LoadBalancer && id.ends_with(&format!("loadbalancer/{name}")))
    });
    if of_balancer.is_some() || (text.starts_with("arn:") && text.contains(":attachment/")) {
        return None;
    }
    let instance = interface.attachment.as_ref().and_then(|it| it.instance_id.as_deref());
    let requester = interface.requester_id.as_deref().unwrap_or_default();
    Some(match (instance, text, requester) {
        (Some(instance), _, _) => format!("the instance {instance}"),
        (None, "", "") => "somebody".to_owned(),
        (None, "", requester) => requester.to_owned(),
        (None, text, _) => format!("`{text}`"),
    })
}

fn vpc(live: &aws::Vpc) -> Has {
    let mut has = Has::of(KindName::Vpc, live.vpc_id());
    for block in live.cidr_block_association_set() {
        let network = block.cidr_block().unwrap_or_default();
        let state =
            block.cidr_block_state.as_ref().and_then(|it| it.state.as_ref()).map_or("associated", |it| it.as_str());
        has.also(
            Some(network) != live.cidr_block() && matches!(state, "associated" | "associating"),
            format!("the secondary network {network}"),
            LEFT,
        );
    }
    for block in live.ipv6_cidr_block_association_set() {
        let network = block.ipv6_cidr_block().unwrap_or_default();
        has.also(
            !network.is_empty(),
            format!("the IPv6 network {network}"),
            &["assign_generated_ipv6_cidr_block", "ipv6_cidr_block"],
        );
    }
    if let Some(tenancy) = unusual(live.instance_tenancy.as_ref().map(|it| it.as_str()), "default") {
        has.also(true, format!("the instance tenancy `{tenancy}`"), &["instance_tenancy"]);
    }
    has.shut(live.is_default == Some(true), "it is the region's default VPC", LEFT);
    has
}

fn subnet(live: &aws::Subnet) -> Has {
    let mut has = Has::of(KindName::Subnet, live.subnet_id());
    has.shut(live.default_for_az == Some(true), "it is a subnet of the region's default VPC", LEFT);
    for block in live.ipv6_cidr_block_association_set() {
        let network = block.ipv6_cidr_block().unwrap_or_default();
        has.also(!network.is_empty(), format!("the IPv6 network {network}"), &["ipv6_cidr_block"]);
    }
    has.also(
        live.assign_ipv6_address_on_creation == Some(true),
        "that interfaces get IPv6 addresses",
        &["assign_ipv6_address_on_creation"],
    );
    has.also(live.enable_dns64 == Some(true), "DNS64", &["enable_dns64"]);
    has.also(
        live.map_customer_owned_ip_on_launch == Some(true),
        "customer-owned addresses",
        &["map_customer_owned_ip_on_launch", "customer_owned_ipv4_pool"],
    );
    has.also(live.outpost_arn().is_some_and(|arn| !arn.is_empty()), "that it is on an Outpost", &["outpost_arn"]);
    has.shut(live.ipv6_native == Some(true), "it has IPv6 only", &["ipv6_native"]);
    if let Some(names) = &live.private_dns_name_options_on_launch {
        let kind = names.hostname_type.as_ref().map(|it| it.as_str());
        has.also(
            unusual(kind, "ip-name").is_some(),
            "host names after instances' ids",
            &["private_dns_hostname_type_on_launch"],
        );
        has.also(
            names.enable_resource_name_dns_a_record == Some(true),
            "DNS records for instances' names",
            &["enable_resource_name_dns_a_record_on_launch"],
        );
    }
    has
}

fn address(live: &aws::Address, region: &str) -> Has {
    let mut has = Has::of(KindName::ElasticIp, live.allocation_id());
    if let Some(pool) = unusual(live.public_ipv4_pool(), "amazon") {
        has.also(true, format!("the address pool {pool}"), &["public_ipv4_pool"]);
    }
    if let Some(group) = unusual(live.network_border_group(), region) {
        has.also(true, format!("the network border group {group}"), &["network_border_group"]);
    }
    has
}

fn nat_gateway(live: &aws::NatGateway) -> Has {
    let mut has = Has::of(KindName::NatGateway, live.nat_gateway_id());
    let private = live.connectivity_type.as_ref().is_some_and(|it| it.as_str() == "private");
    has.shut(private, "it is private, without an address of its own", &["connectivity_type"]);
    has.also(
        !private && live.nat_gateway_addresses().len() > 1,
        "its secondary addresses",
        &["secondary_allocation_ids", "secondary_private_ip_address_count", "secondary_private_ip_addresses"],
    );
    let regional = live.availability_mode.as_ref().map(|it| it.as_str());
    has.shut(unusual(regional, "zonal").is_some(), "it is regional", LEFT);
    has
}

fn route_table(live: &aws::RouteTable) -> Has {
    let mut has = Has::of(KindName::RouteTable, live.route_table_id());
    let main = live.associations().iter().any(|association| association.main == Some(true));
    has.shut(main, "it is the main route table of its VPC, and goes with it", LEFT);
    for route in live.routes() {
        let propagated = route.origin.as_ref().is_some_and(|it| it.as_str() == "EnableVgwRoutePropagation");
        let gateway = route.gateway_id().unwrap_or_default();
        let own = gateway == "local" || propagated || gateway.starts_with("vpce-");
        let to = [route.destination_ipv6_cidr_block(), route.destination_prefix_list_id()];
        for to in to.into_iter().flatten().filter(|_| !own) {
            has.also(true, format!("the route to {to}"), LEFT);
        }
        let moved = gateway != "local" && route.origin.as_ref().is_some_and(|it| it.as_str() == "CreateRouteTable");
        let to = route.destination_cidr_block().unwrap_or_default();
        has.also(moved && !to.is_empty(), format!("that the local route to {to} leads elsewhere"), LEFT);
    }
    for gateway in live.propagating_vgws() {
        has.also(true, format!("routes from {}", gateway.gateway_id().unwrap_or_default()), &["propagating_vgws"]);
    }
    for association in live.associations() {
        if let Some(gateway) = association.gateway_id() {
            has.also(true, format!("that {gateway} uses it"), LEFT);
        }
    }
    has
}

fn endpoint(live: &aws::VpcEndpoint) -> Has {
    let mut has = Has::of(KindName::VpcEndpoint, live.vpc_endpoint_id());
    let kind = live.vpc_endpoint_type.as_ref().map_or("Interface", |it| it.as_str());
    has.shut(!matches!(kind, "Interface" | "Gateway"), format!("it is of the sort {kind}"), &["vpc_endpoint_type"]);
    if let Some(family) = unusual(live.ip_address_type.as_ref().map(|it| it.as_str()), "ipv4") {
        has.also(true, format!("the address type {family}"), &["ip_address_type"]);
    }
    if let Some(dns) = &live.dns_options {
        let records = dns.dns_record_ip_type.as_ref().map(|it| it.as_str());
        let usual = ["ipv4", "service-defined"];
        has.also(records.is_some_and(|it| !usual.contains(&it)), "its DNS record type", &["dns_options"]);
        let inbound = dns.private_dns_only_for_inbound_resolver_endpoint == Some(true);
        has.also(inbound, "private DNS for inbound resolver endpoints only", &["dns_options"]);
    }
    has
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_vpc_has_is_not_named() {
        let own = aws::VpcCidrBlockAssociation::builder().cidr_block("10.0.0.0/16").build();
        let plain = aws::Vpc::builder()
            .vpc_id("vpc-1")
            .cidr_block("10.0.0.0/16")
            .instance_tenancy(aws::Tenancy::Default)
            .is_default(false)
            .cidr_block_association_set(own);
        assert_eq!(vpc(&plain.clone().build()).words(), [] as [&str; 0]);
        let more = aws::VpcCidrBlockAssociation::builder().cidr_block("100.64.0.0/16").build();
        let more = plain.cidr_block_association_set(more).instance_tenancy(aws::Tenancy::Dedicated).build();
        assert_eq!(vpc(&more).words(), ["the secondary network 100.64.0.0/16", "the instance tenancy `dedicated`"]);
    }

    #[test]
    fn routes_that_the_model_cannot_say_are_named() {
        let table = aws::RouteTable::builder()
            .routes(aws::Route::builder().destination_cidr_block("10.0.0.0/16").gateway_id("local").build())
            .routes(aws::Route::builder().destination_ipv6_cidr_block("fd00::/56").gateway_id("local").build())
            .routes(aws::Route::builder().destination_prefix_list_id("pl-1").gateway_id("vpce-1").build())
            .routes(aws::Route::builder().destination_cidr_block("0.0.0.0/0").nat_gateway_id("nat-1").build())
            .routes(aws::Route::builder().destination_ipv6_cidr_block("::/0").gateway_id("igw-1").build())
            .routes(aws::Route::builder().destination_prefix_list_id("pl-2").transit_gateway_id("tgw-1").build())
            .build();
        assert_eq!(route_table(&table).words(), ["the route to ::/0", "the route to pl-2"]);
    }

    #[test]
    fn a_main_route_table_is_no_part_of_a_stack() {
        let main = aws::RouteTableAssociation::builder().main(true).build();
        let table = aws::RouteTable::builder().associations(main).build();
        assert!(matches!(route_table(&table).0.as_slice(), [(_, true, _)]));
    }

    #[test]
    fn strangers_in_a_network_are_told_from_what_was_found() {
        let mut walk = Walk::default();
        walk.add(KindName::LoadBalancer, "arn:aws:elasticloadbalancing:r:1:loadbalancer/app/front/12");
        let whose = |text: &str| {
            let interface = aws::NetworkInterface::builder().description(text).build();
            stranger(&interface, &walk)
        };
        assert_eq!(whose("ELB app/front/12"), None);
        assert_eq!(whose("arn:aws:ecs:r:1:attachment/1"), None);
        assert_eq!(whose("RDSNetworkInterface"), Some("`RDSNetworkInterface`".into()));
        assert_eq!(whose("ELB app/other/13"), Some("`ELB app/other/13`".into()));
        let nat = aws::NetworkInterface::builder().interface_type(aws::NetworkInterfaceType::NatGateway).build();
        assert_eq!(stranger(&nat, &walk), None);
    }
}

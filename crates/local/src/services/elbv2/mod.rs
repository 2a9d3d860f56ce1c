//! Elastic Load Balancing v2: application load balancers, their listeners and rules, and target groups.
//!
//! For the services that work with them: [`target`] registers targets and says how healthy they are, [`forward`] reads
//! and rewrites where listeners and rules send their traffic, [`routing`] finds the actions for a request.

mod action;
mod attributes;
mod condition;
pub(crate) mod forward;
mod limits;
mod listener;
mod load_balancer;
mod network;
pub(crate) mod routing;
mod rule;
mod tagging;
pub(crate) mod target;
mod target_group;
mod validate;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{ApiError, Result};
use crate::page;
use crate::protocol::Protocol;
use crate::services::{Resource, Service, operations};
use crate::throttle::Bucket;
use crate::world::Cx;

pub(crate) use self::action::{Action, Redirect};
pub(crate) use self::listener::{Listener, load_balancers_with};
pub(crate) use self::load_balancer::LoadBalancer;
pub(crate) use self::rule::Rule;
pub(crate) use self::target_group::{HealthCheck, TargetGroup};

/// One region's load balancers. All maps are by ARN.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) load_balancers: BTreeMap<String, LoadBalancer>,
    pub(crate) target_groups: BTreeMap<String, TargetGroup>,
    pub(crate) listeners: BTreeMap<String, Listener>,
    /// Those that users made; a listener has its default rule in itself.
    pub(crate) rules: BTreeMap<String, Rule>,
    /// The local ports of listeners, which they get again: by the load balancer's name and their own port.
    pub(crate) traffic_ports: BTreeMap<String, u16>,
}

pub(crate) static SERVICE: Service = Service {
    name: "elasticloadbalancing",
    prefix: "elasticloadbalancing",
    protocol: Protocol::Query { namespace: "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/" },
    invalid: "ValidationError",
    handler,
    bucket,
    on_event,
    resources,
};

operations! {
    "CreateLoadBalancer" => load_balancer::create,
    "DescribeLoadBalancers" => load_balancer::describe,
    "DeleteLoadBalancer" => load_balancer::delete,
    "DescribeLoadBalancerAttributes" => load_balancer::describe_attributes,
    "ModifyLoadBalancerAttributes" => load_balancer::modify_attributes,
    "SetSubnets" => load_balancer::set_subnets,
    "SetSecurityGroups" => load_balancer::set_security_groups,
    "SetIpAddressType" => load_balancer::set_ip_address_type,
    "DescribeCapacityReservation" => load_balancer::describe_capacity,

    "CreateTargetGroup" => target_group::create,
    "DescribeTargetGroups" => target_group::describe,
    "ModifyTargetGroup" => target_group::modify,
    "DeleteTargetGroup" => target_group::delete,
    "DescribeTargetGroupAttributes" => target_group::describe_attributes,
    "ModifyTargetGroupAttributes" => target_group::modify_attributes,
    "RegisterTargets" => target::register_by_user,
    "DeregisterTargets" => target::deregister_by_user,
    "DescribeTargetHealth" => target::describe_health,

    "CreateListener" => listener::create,
    "DescribeListeners" => listener::describe,
    "ModifyListener" => listener::modify,
    "DeleteListener" => listener::delete,
    "DescribeListenerAttributes" => listener::describe_attributes,
    "ModifyListenerAttributes" => listener::modify_attributes,
    "DescribeListenerCertificates" => listener::describe_certificates,
    "AddListenerCertificates" => listener::add_certificates,
    "RemoveListenerCertificates" => listener::remove_certificates,

    "CreateRule" => rule::create,
    "DescribeRules" => rule::describe,
    "ModifyRule" => rule::modify,
    "DeleteRule" => rule::delete,
    "SetRulePriorities" => rule::set_priorities,

    "AddTags" => tagging::add,
    "RemoveTags" => tagging::remove,
    "DescribeTags" => tagging::describe,

    "DescribeSSLPolicies" => limits::describe_ssl_policies,
    "DescribeAccountLimits" => limits::describe_account_limits,
}

/// From AWS's page on throttling of this API.
fn bucket(operation: &str) -> Option<Bucket> {
    Some(match operation {
        "CreateLoadBalancer" | "SetSubnets" => Bucket::own(10.0, 0.2),
        "RegisterTargets" | "DeregisterTargets" => Bucket::shared("targets", 20.0, 4.0),
        _ if operation.starts_with("Describe") => Bucket::shared("read", 40.0, 10.0),
        _ => Bucket::shared("write", 20.0, 3.0),
    })
}

fn on_event(cx: &mut Cx<'_>, body: Value) {
    // The only thing that happens later by itself: network interfaces of what is gone go too.
    let enis: Vec<String> = serde_json::from_value(body).unwrap_or_default();
    for eni in enis {
        network::remove(cx, &eni);
    }
}

fn resources(cx: &Cx<'_>) -> Vec<Resource> {
    let Some(state) = cx.world.regions.get(&cx.region).map(|region| &region.elbv2) else { return Vec::new() };
    let mut all = Vec::new();
    let mut add = |arn: &String, kind, tags: &crate::tags::Tags| {
        all.push(Resource { arn: arn.clone(), kind, tags: tags.clone() });
    };
    for (arn, it) in &state.load_balancers {
        add(arn, "elasticloadbalancing:loadbalancer", &it.tags);
    }
    for (arn, it) in &state.target_groups {
        add(arn, "elasticloadbalancing:targetgroup", &it.tags);
    }
    for (arn, it) in &state.listeners {
        add(arn, "elasticloadbalancing:listener", &it.tags);
    }
    for (arn, it) in &state.rules {
        add(arn, "elasticloadbalancing:listener-rule", &it.tags);
    }
    all
}

/// The hosted zones that application load balancers' names are in.
const ZONES: &[(&str, &str)] = &[
    ("us-east-1", "Z35SXDOTRQ7X7K"),
    ("us-east-2", "Z3AADJGX6KTTL2"),
    ("us-west-1", "Z368ELLRRE2KJ0"),
    ("us-west-2", "Z1H1FL5HABSF5"),
    ("ca-central-1", "ZQSVJUPU6J1EY"),
    ("sa-east-1", "Z2P70J7HTTTPLU"),
    ("eu-west-1", "Z32O12XQLNTSW2"),
    ("eu-west-2", "ZHURV8PSTC4K8"),
    ("eu-west-3", "Z3Q77PNBQS71R4"),
    ("eu-central-1", "Z215JYRZR1TBD5"),
    ("eu-north-1", "Z23TAZ6LKFMNIO"),
    ("ap-northeast-1", "Z14GRHDCWA56QT"),
    ("ap-northeast-2", "ZWKZPGTI48KDX"),
    ("ap-northeast-3", "Z5LXEXXYW11ES"),
    ("ap-southeast-1", "Z1LMS91P8CMLE5"),
    ("ap-southeast-2", "Z1GM3OXH4ZPM65"),
    ("ap-south-1", "ZP97RAFLXTNZK"),
];

/// The hosted zone of a region's load balancers.
fn zone_of_region(region: &str) -> &'static str {
    // A region that is not in the list gets Tokyo's: there is no way to invent one that would be right.
    ZONES.iter().find(|(r, _)| *r == region).map_or("Z14GRHDCWA56QT", |(_, zone)| zone)
}

/// The region whose load balancers have their names in this hosted zone.
pub(crate) fn region_of_zone(zone: &str) -> Option<&'static str> {
    ZONES.iter().find(|(_, z)| *z == zone).map(|(region, _)| *region)
}

/// `{name: [...], NextMarker}` from items sorted by their keys.
fn listed(
    name: &str,
    items: impl IntoIterator<Item = (String, Value)>,
    marker: Option<&str>,
    page_size: Option<usize>,
) -> Result<Value> {
    let size = page_size.unwrap_or(400);
    if !(1..=400).contains(&size) {
        return Err(ApiError::new(
            "ValidationError",
            format!(
                "1 validation error detected: Value '{size}' at 'pageSize' failed to satisfy constraint: Member must \
                 have value between 1 and 400"
            ),
        ));
    }
    let page = page::page(items, marker, size, "ValidationError")?;
    let mut answer = Map::new();
    answer.insert(name.to_owned(), Value::Array(page.items));
    answer.insert("NextMarker".to_owned(), page.next.into());
    Ok(Value::Object(answer))
}

#[cfg(test)]
mod tests;

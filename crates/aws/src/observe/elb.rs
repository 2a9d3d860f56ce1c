//! Load balancers, target groups, listeners and rules.
//!
//! Neither load balancers nor target groups can be asked for by name without one unknown name failing the whole call
//! (aws-facts 2.19), so both are listed whole, 400 to a call. Listeners and rules are read where the stack stands, and the
//! tags of everything together, twenty to a call.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_engine::cloud::{CloudError, Progress};
use aomidori_model::kinds::listener::ListenerProtocol;
use aomidori_model::kinds::load_balancer::Scheme;
use aomidori_model::kinds::target_group::HealthCheck;
use aomidori_model::kinds::{Listener, ListenerRule, LoadBalancer, TargetGroup};
use aomidori_model::{Address, KindName, Port, Ref, Target, Value};
use aomidori_plan::{Observed, Ownership, Status};
use aws_sdk_elasticloadbalancingv2::types::{self as aws, LoadBalancerSchemeEnum, ProtocolEnum, TargetTypeEnum};
use futures_util::future::try_join_all;

use super::{Scope, observed, own_addresses};
use crate::call;
use crate::client::Cx;
use crate::kinds::{listener, listener_rule, load_balancer};
use crate::services::{address_of, elb, existing, set_field, unsigned};
use crate::tags::Tags;

/// What was read of Elastic Load Balancing.
#[derive(Debug, Default)]
pub(super) struct Elb {
    /// What concerns the stack.
    pub(super) resources: Vec<Observed>,
    /// Every load balancer of the account and region: ARN, DNS name.
    pub(super) balancers: Vec<(String, String)>,
    /// The ARN of every target group by its name: CodeDeploy knows them by name.
    pub(super) target_groups: BTreeMap<String, String>,
}

pub(super) async fn observe(cx: &Cx, scope: &Scope<'_>) -> Result<Elb, CloudError> {
    let concerned = scope.has(&[
        KindName::LoadBalancer,
        KindName::TargetGroup,
        KindName::Listener,
        KindName::ListenerRule,
        KindName::DnsRecord,
        KindName::DeploymentGroup,
    ]);
    let lists = async { tokio::try_join!(load_balancers(cx), target_groups(cx)) };
    let (hints, (balancers, groups)) = scope.beside("elasticloadbalancing", concerned, lists).await?;
    let hints: BTreeSet<&str> = hints.into_iter().map(|hint| hint.arn.as_str()).collect();
    let balancers_known =
        balancers.iter().map(|balancer| (text(&balancer.load_balancer_arn), text(&balancer.dns_name))).collect();
    let groups_known =
        groups.iter().map(|group| (text(&group.target_group_name), text(&group.target_group_arn))).collect();

    let (balancers, others): (Vec<_>, Vec<_>) = balancers.into_iter().partition(|balancer| {
        wanted_balancer(scope, balancer).is_some() || hints.contains(text(&balancer.load_balancer_arn).as_str())
    });
    let (groups, other_groups): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| {
        wanted_group(scope, group).is_some() || hints.contains(text(&group.target_group_arn).as_str())
    });

    // Listeners on the stack's own load balancers, and on others that it puts listeners on.
    let mut hosts: BTreeSet<String> = balancers.iter().map(|balancer| text(&balancer.load_balancer_arn)).collect();
    let own = hosts.clone();
    hosts.extend(scope.stack.of::<Listener>().filter_map(|(_, wanted)| id_of(&wanted.load_balancer)));
    let listeners = try_join_all(hosts.iter().map(|arn| listener::of_load_balancer(cx, arn))).await?;
    let listeners: Vec<aws::Listener> = listeners
        .into_iter()
        .flatten()
        .filter(|listener| {
            own.contains(&text(&listener.load_balancer_arn))
                || hints.contains(text(&listener.listener_arn).as_str())
                || scope.stack.of::<Listener>().any(|(_, wanted)| {
                    id_of(&wanted.load_balancer) == listener.load_balancer_arn && port_is(wanted, listener)
                })
        })
        .collect();
    let mut places: BTreeSet<String> = listeners.iter().map(|listener| text(&listener.listener_arn)).collect();
    places.extend(scope.stack.of::<ListenerRule>().filter_map(|(_, wanted)| id_of(&wanted.listener)));
    let rules = try_join_all(places.iter().map(|arn| async move {
        let rules = listener_rule::of_listener(cx, arn).await?;
        Ok::<_, CloudError>(rules.into_iter().map(|rule| (arn.clone(), rule)).collect::<Vec<_>>())
    }));
    let mut arns: BTreeSet<String> = own;
    arns.extend(groups.iter().map(|group| text(&group.target_group_arn)));
    arns.extend(listeners.iter().map(|listener| text(&listener.listener_arn)));
    // The last call has room: what else there is may carry the stack's mark, unknown to the index.
    let room = (20 - arns.len() % 20) % 20;
    let spare = others.iter().map(|balancer| text(&balancer.load_balancer_arn));
    arns.extend(spare.chain(other_groups.iter().map(|group| text(&group.target_group_arn))).take(room));
    // Most stacks have no rules but the default ones, so that all the tags are read beside them.
    let (rules, mut tags) = tokio::try_join!(rules, elb::tags_of(cx, &arns))?;
    let rules: Vec<(String, aws::Rule)> =
        rules.into_iter().flatten().filter(|(_, rule)| rule.is_default != Some(true)).collect();
    tags.extend(elb::tags_of(cx, &rules.iter().map(|(_, rule)| text(&rule.rule_arn)).collect()).await?);
    let tags_of = |arn: &Option<String>| tags.get(&text(arn)).cloned().unwrap_or_default();

    let mut resources = Vec::new();
    let balancers = balancers.iter().chain(&others).map(|balancer| {
        let tags = tags_of(&balancer.load_balancer_arn);
        async move { one_balancer(cx, scope, balancer, tags).await }
    });
    resources.extend(try_join_all(balancers).await?.into_iter().flatten());
    let groups = groups.iter().chain(&other_groups).map(|group| {
        let tags = tags_of(&group.target_group_arn);
        async move { one_group(cx, scope, group, tags).await }
    });
    resources.extend(try_join_all(groups).await?.into_iter().flatten());
    let ours = own_addresses(&resources);
    let found: Vec<Observed> = listeners
        .iter()
        .filter_map(|listener| one_listener(scope, listener, tags_of(&listener.listener_arn), &ours))
        .collect();
    let ours = own_addresses(&found);
    resources.extend(found);
    resources.extend(
        rules.iter().filter_map(|(listener, rule)| one_rule(scope, listener, rule, tags_of(&rule.rule_arn), &ours)),
    );
    Ok(Elb { resources, balancers: balancers_known, target_groups: groups_known })
}

fn text(value: &Option<String>) -> String {
    value.clone().unwrap_or_default()
}

fn id_of<K>(reference: &Ref<K>) -> Option<String> {
    match reference.target() {
        Target::Id(id) => Some(id.clone()),
        Target::Address(_) => None,
    }
}

/// True if a reference means this live resource.
fn means<K>(reference: &Ref<K>, arn: &str, address: Option<&Address>) -> bool {
    match reference.target() {
        Target::Id(id) => id == arn,
        Target::Address(wanted) => Some(wanted) == address,
    }
}

fn wanted_balancer<'a>(scope: &Scope<'a>, live: &aws::LoadBalancer) -> Option<&'a Address> {
    let name = live.load_balancer_name.as_deref()?;
    address_of(scope.stack, |wanted: &LoadBalancer| wanted.name.as_str() == name)
}

fn wanted_group<'a>(scope: &Scope<'a>, live: &aws::TargetGroup) -> Option<&'a Address> {
    let name = live.target_group_name.as_deref()?;
    address_of(scope.stack, |wanted: &TargetGroup| wanted.name.as_str() == name)
}

fn port_is(wanted: &Listener, live: &aws::Listener) -> bool {
    live.port == Some(i32::from(wanted.port.number()))
}

async fn load_balancers(cx: &Cx) -> Result<Vec<aws::LoadBalancer>, CloudError> {
    let mut found = Vec::new();
    let mut marker = None;
    loop {
        let page = call::read("elasticloadbalancing:DescribeLoadBalancers", || {
            cx.elb.describe_load_balancers().page_size(400).set_marker(marker.clone()).send()
        })
        .await?;
        found.extend(page.load_balancers.unwrap_or_default());
        marker = page.next_marker.filter(|marker| !marker.is_empty());
        if marker.is_none() {
            return Ok(found);
        }
    }
}

/// All target groups of the account and region.
pub(crate) async fn target_groups(cx: &Cx) -> Result<Vec<aws::TargetGroup>, CloudError> {
    let mut found = Vec::new();
    let mut marker = None;
    loop {
        let page = call::read("elasticloadbalancing:DescribeTargetGroups", || {
            cx.elb.describe_target_groups().page_size(400).set_marker(marker.clone()).send()
        })
        .await?;
        found.extend(page.target_groups.unwrap_or_default());
        marker = page.next_marker.filter(|marker| !marker.is_empty());
        if marker.is_none() {
            return Ok(found);
        }
    }
}

async fn one_balancer(
    cx: &Cx,
    scope: &Scope<'_>,
    live: &aws::LoadBalancer,
    tags: Tags,
) -> Result<Option<Observed>, CloudError> {
    let made = load_balancer::made_of(live);
    let tags = scope.marked(KindName::LoadBalancer, &made.id, tags);
    let owner = scope.owner(KindName::LoadBalancer, &made.id, &tags, wanted_balancer(scope, live));
    let (Some(owner), Ok(name)) = (owner, text(&live.load_balancer_name).parse()) else { return Ok(None) };
    let declared = scope.wanted::<LoadBalancer>(&tags).is_some_and(|wanted| !wanted.attributes.is_empty());
    let attributes = if declared {
        let answer = call::read("elasticloadbalancing:DescribeLoadBalancerAttributes", || {
            cx.elb.describe_load_balancer_attributes().load_balancer_arn(&made.id).send()
        })
        .await?;
        let pairs = answer.attributes.unwrap_or_default().into_iter();
        pairs.filter_map(|pair| Some((pair.key?, pair.value.unwrap_or_default()))).collect()
    } else {
        BTreeMap::new()
    };
    let zones = live.availability_zones.iter().flatten();
    let model = LoadBalancer {
        name,
        scheme: match live.scheme {
            Some(LoadBalancerSchemeEnum::Internal) => Scheme::Internal,
            _ => Scheme::InternetFacing,
        },
        subnets: zones.filter_map(|zone| zone.subnet_id.as_ref()).map(Ref::existing).collect(),
        security_groups: existing(live.security_groups()),
        attributes,
    };
    let mut found = observed(&made.id, owner, &model, tags);
    found.outputs = made.outputs;
    found.status = match load_balancer::state(live) {
        Progress::Pending(what) => Status::Pending(what),
        Progress::Failed(cause) => Status::Failed(cause),
        _ => Status::Ready,
    };
    Ok(Some(found))
}

async fn one_group(
    cx: &Cx,
    scope: &Scope<'_>,
    live: &aws::TargetGroup,
    tags: Tags,
) -> Result<Option<Observed>, CloudError> {
    let arn = text(&live.target_group_arn);
    let tags = scope.marked(KindName::TargetGroup, &arn, tags);
    let owner = scope.owner(KindName::TargetGroup, &arn, &tags, wanted_group(scope, live));
    let (Some(owner), Ok(name)) = (owner, text(&live.target_group_name).parse()) else { return Ok(None) };
    let declared = scope.wanted::<TargetGroup>(&tags).is_some_and(|wanted| !wanted.attributes.is_empty());
    let attributes = if declared {
        let answer = call::read("elasticloadbalancing:DescribeTargetGroupAttributes", || {
            cx.elb.describe_target_group_attributes().target_group_arn(&arn).send()
        })
        .await?;
        let pairs = answer.attributes.unwrap_or_default().into_iter();
        pairs.filter_map(|pair| Some((pair.key?, pair.value.unwrap_or_default()))).collect()
    } else {
        BTreeMap::new()
    };
    let mut found = observed(&arn, owner, &group_model(live, name, attributes), tags);
    if live.protocol != Some(ProtocolEnum::Http) {
        let protocol = live.protocol.as_ref().map_or("none", ProtocolEnum::as_str);
        set_field(&mut found.fields, "protocol", Value::str(protocol));
    }
    if live.target_type != Some(TargetTypeEnum::Ip) {
        let kind = live.target_type.as_ref().map_or("instance", TargetTypeEnum::as_str);
        set_field(&mut found.fields, "target_type", Value::str(kind));
    }
    Ok(Some(found))
}

fn group_model(
    live: &aws::TargetGroup,
    name: aomidori_model::kinds::target_group::TargetGroupName,
    attributes: BTreeMap<String, String>,
) -> TargetGroup {
    TargetGroup {
        name,
        vpc: Ref::existing(text(&live.vpc_id)),
        port: port(live.port),
        health_check: HealthCheck {
            path: text(&live.health_check_path),
            matcher: live.matcher.as_ref().and_then(|matcher| matcher.http_code.clone()).unwrap_or_default(),
            port: live.health_check_port().and_then(|port| Port::new(port.parse().ok()?).ok()),
            interval: unsigned(live.health_check_interval_seconds),
            timeout: unsigned(live.health_check_timeout_seconds),
            healthy_threshold: unsigned(live.healthy_threshold_count),
            unhealthy_threshold: unsigned(live.unhealthy_threshold_count),
        },
        attributes,
    }
}

/// A live port; what has none (a Lambda target group) is never one that the stack wants.
fn port(number: Option<i32>) -> Port {
    number.and_then(|number| u16::try_from(number).ok()).and_then(|number| Port::new(number).ok()).unwrap_or(Port::HTTP)
}

fn one_listener(
    scope: &Scope<'_>,
    live: &aws::Listener,
    tags: Tags,
    ours: &BTreeMap<String, Address>,
) -> Option<Observed> {
    let (arn, balancer) = (text(&live.listener_arn), text(&live.load_balancer_arn));
    let tags = scope.marked(KindName::Listener, &arn, tags);
    let on = ours.get(&balancer);
    let wanted_at = address_of(scope.stack, |wanted: &Listener| {
        means(&wanted.load_balancer, &balancer, on) && port_is(wanted, live)
    });
    let owner = scope
        .owner(KindName::Listener, &arn, &tags, wanted_at)
        .or_else(|| Some(Ownership::Added { inside: on?.clone() }))?;
    let wanted = scope.wanted::<Listener>(&tags).map(|wanted| &wanted.default_action);
    let protocol = match live.protocol {
        Some(ProtocolEnum::Https) => ListenerProtocol::Https {
            certificate: live.certificates().first().map(|found| text(&found.certificate_arn)).unwrap_or_default(),
            ssl_policy: live.ssl_policy.clone(),
        },
        _ => ListenerProtocol::Http,
    };
    let model = Listener {
        load_balancer: Ref::existing(balancer),
        port: port(live.port),
        protocol,
        default_action: elb::action_from_aws(live.default_actions(), wanted),
    };
    let mut found = observed(arn, owner, &model, tags);
    if let Some(other) = live.protocol.as_ref().filter(|it| !matches!(it, ProtocolEnum::Http | ProtocolEnum::Https)) {
        set_field(&mut found.fields, "protocol", Value::str(other.as_str()));
    }
    Some(found)
}

fn one_rule(
    scope: &Scope<'_>,
    listener: &str,
    live: &aws::Rule,
    tags: Tags,
    ours: &BTreeMap<String, Address>,
) -> Option<Observed> {
    let arn = text(&live.rule_arn);
    let tags = scope.marked(KindName::ListenerRule, &arn, tags);
    let priority = live.priority.as_deref()?.parse().ok()?;
    let on = ours.get(listener);
    let wanted_at = address_of(scope.stack, |wanted: &ListenerRule| {
        means(&wanted.listener, listener, on) && wanted.priority == priority
    });
    let owner = scope
        .owner(KindName::ListenerRule, &arn, &tags, wanted_at)
        .or_else(|| Some(Ownership::Added { inside: on?.clone() }))?;
    let wanted = scope.wanted::<ListenerRule>(&tags).map(|wanted| &wanted.action);
    let model = ListenerRule {
        listener: Ref::existing(listener),
        priority,
        conditions: live.conditions().iter().map(listener_rule::condition_from_aws).collect(),
        action: elb::action_from_aws(live.actions(), wanted),
    };
    Some(observed(arn, owner, &model, tags))
}

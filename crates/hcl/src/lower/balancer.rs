//! Load balancer, target groups, listeners, rules and the DNS record.

use std::collections::BTreeMap;

use aomidori_model::kinds::dns_record::Answer;
use aomidori_model::kinds::listener::{Action, FixedResponse, ListenerProtocol, Redirect, Weighted};
use aomidori_model::kinds::listener_rule::{Condition, QueryParameter};
use aomidori_model::kinds::load_balancer::Scheme;
use aomidori_model::kinds::target_group::HealthCheck;
use aomidori_model::kinds::{DnsRecord, Listener, ListenerRule, LoadBalancer, TargetGroup};
use aomidori_model::value::Target;
use aomidori_model::{KindName, Ref};

use super::{Cx, attribute, point, points};
use crate::EmitError;
use crate::inputs::{CERTIFICATE, DOMAIN, HEALTH_CHECK, HOSTED_ZONE, PORT};
use crate::ir::{Gather, Ignore, Item, Node};

/// How an attribute of AWS is written in Terraform.
enum As {
    Text(&'static str),
    Number(&'static str),
    Flag(&'static str),
}

fn written(how: &As, value: &str) -> Item {
    match how {
        As::Text(name) => Item::Attr(name, Node::str(value)),
        As::Number(name) => Item::Attr(name, value.parse().map_or_else(|_| Node::str(value), Node::Int)),
        As::Flag(name) => Item::Attr(name, Node::Bool(value == "true")),
    }
}

/// What AWS does by itself where Terraform has no argument.
const DEFAULTS: &[(&str, &str)] = &[
    ("ipv6.deny_all_igw_traffic", "false"),
    ("health_check_logs.s3.enabled", "false"),
    ("health_check_logs.s3.bucket", ""),
    ("health_check_logs.s3.prefix", ""),
    ("stickiness.enabled", "false"),
    ("stickiness.type", "lb_cookie"),
    ("stickiness.lb_cookie.duration_seconds", "86400"),
    ("stickiness.app_cookie.duration_seconds", "86400"),
    ("stickiness.app_cookie.cookie_name", ""),
];

/// Leaves out an attribute that cannot be said, if AWS has it so anyway.
fn left_out(cx: &Cx<'_>, key: &str, value: &str, defaults: &[(&str, &str)]) -> Result<(), EmitError> {
    if defaults.contains(&(key, value)) { Ok(()) } else { Err(no_argument(cx, key)) }
}

fn no_argument(cx: &Cx<'_>, key: &str) -> EmitError {
    cx.unsupported(format!(
        "Terraform's AWS provider has no argument for the attribute `{key}` with this value: leave it out of the stack, or set \
         it where Terraform does not look"
    ))
}

pub(super) fn load_balancer(cx: &mut Cx<'_>, it: &LoadBalancer) -> Result<(), EmitError> {
    let LoadBalancer { name, scheme, subnets, security_groups, attributes } = it;
    let mut body = vec![
        Item::Attr("name", Node::Name(name.to_string())),
        Item::Attr("internal", Node::Bool(*scheme == Scheme::Internal)),
        Item::Attr("load_balancer_type", Node::str("application")),
        Item::Attr("subnets", points(subnets)),
        Item::Attr("security_groups", points(security_groups)),
    ];
    let mut blocks: BTreeMap<&'static str, Vec<Item>> = BTreeMap::new();
    for (key, value) in attributes {
        let how = match key.as_str() {
            "idle_timeout.timeout_seconds" => As::Number("idle_timeout"),
            "client_keep_alive.seconds" => As::Number("client_keep_alive"),
            "deletion_protection.enabled" => As::Flag("enable_deletion_protection"),
            "load_balancing.cross_zone.enabled" => As::Flag("enable_cross_zone_load_balancing"),
            "routing.http2.enabled" => As::Flag("enable_http2"),
            "routing.http.desync_mitigation_mode" => As::Text("desync_mitigation_mode"),
            "routing.http.drop_invalid_header_fields.enabled" => As::Flag("drop_invalid_header_fields"),
            "routing.http.preserve_host_header.enabled" => As::Flag("preserve_host_header"),
            "routing.http.x_amzn_tls_version_and_cipher_suite.enabled" => {
                As::Flag("enable_tls_version_and_cipher_suite_headers")
            }
            "routing.http.xff_client_port.enabled" => As::Flag("enable_xff_client_port"),
            "routing.http.xff_header_processing.mode" => As::Text("xff_header_processing_mode"),
            "waf.fail_open.enabled" => As::Flag("enable_waf_fail_open"),
            "zonal_shift.config.enabled" => As::Flag("enable_zonal_shift"),
            other => {
                let block = match other.split_once(".s3.") {
                    Some(("access_logs", _)) => "access_logs",
                    Some(("connection_logs", _)) => "connection_logs",
                    _ => match left_out(cx, other, value, DEFAULTS) {
                        Ok(()) => continue,
                        Err(error) => return Err(error),
                    },
                };
                let how = match other.rsplit('.').next() {
                    Some("enabled") => As::Flag("enabled"),
                    Some("bucket") => As::Text("bucket"),
                    Some("prefix") => As::Text("prefix"),
                    _ => return Err(no_argument(cx, other)),
                };
                // Without a bucket there is nothing to say: no logs are written.
                if !attributes.get(&format!("{block}.s3.bucket")).is_none_or(String::is_empty) {
                    blocks.entry(block).or_default().push(written(&how, value));
                }
                continue;
            }
        };
        body.push(written(&how, value));
    }
    for (name, items) in blocks {
        body.extend([Item::Gap, Item::Block(name, items)]);
    }
    body.extend([Item::Gap, cx.plain_tags()]);
    cx.add(cx.main("load_balancer", "load_balancer", Gather::Alone, body));
    Ok(())
}

/// Blocks, attributes, how they are written, and AWS's values.
const HEALTH: &[(&str, &str, As, &str)] = &[
    (
        "dns_failover",
        "target_group_health.dns_failover.minimum_healthy_targets.count",
        As::Text("minimum_healthy_targets_count"),
        "1",
    ),
    (
        "dns_failover",
        "target_group_health.dns_failover.minimum_healthy_targets.percentage",
        As::Text("minimum_healthy_targets_percentage"),
        "off",
    ),
    (
        "unhealthy_state_routing",
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
        As::Number("minimum_healthy_targets_count"),
        "1",
    ),
    (
        "unhealthy_state_routing",
        "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
        As::Text("minimum_healthy_targets_percentage"),
        "off",
    ),
];

pub(super) fn target_group(cx: &mut Cx<'_>, it: &TargetGroup) -> Result<(), EmitError> {
    let TargetGroup { name, vpc, port, health_check, attributes } = it;
    let HealthCheck { path, matcher, port: check_port, interval, timeout, healthy_threshold, unhealthy_threshold } =
        health_check;
    let check = Node::input(
        &HEALTH_CHECK,
        Node::Map(vec![
            ("path".into(), Node::str(path)),
            ("matcher".into(), Node::str(matcher)),
            ("interval".into(), Node::Int((*interval).into())),
            ("timeout".into(), Node::Int((*timeout).into())),
            ("healthy_threshold".into(), Node::Int((*healthy_threshold).into())),
            ("unhealthy_threshold".into(), Node::Int((*unhealthy_threshold).into())),
        ]),
    );
    let member = |name: &'static str| Item::Attr(name, Node::Member(Box::new(check.clone()), name));
    let mut body = vec![
        Item::Attr("name", Node::Name(name.to_string())),
        Item::Attr("vpc_id", point(vpc)),
        Item::Attr("port", Node::Int(port.number().into())),
        Item::Attr("protocol", Node::str("HTTP")),
        Item::Attr("target_type", Node::str("ip")),
    ];
    let mut health: BTreeMap<&'static str, Vec<Item>> = BTreeMap::new();
    for (key, value) in attributes {
        match key.as_str() {
            "deregistration_delay.timeout_seconds" => body.push(written(&As::Number("deregistration_delay"), value)),
            "slow_start.duration_seconds" => body.push(written(&As::Number("slow_start"), value)),
            "load_balancing.algorithm.type" => body.push(written(&As::Text("load_balancing_algorithm_type"), value)),
            "load_balancing.algorithm.anomaly_mitigation" => {
                body.push(written(&As::Text("load_balancing_anomaly_mitigation"), value));
            }
            "load_balancing.cross_zone.enabled" => {
                body.push(written(&As::Text("load_balancing_cross_zone_enabled"), value));
            }
            other if other.starts_with("stickiness.") => {}
            other => {
                let Some((block, _, how, _)) = HEALTH.iter().find(|(_, attribute, ..)| *attribute == other) else {
                    left_out(cx, other, value, DEFAULTS)?;
                    continue;
                };
                health.entry(block).or_default().push(written(how, value));
            }
        }
    }
    let stickiness = stickiness(cx, attributes)?;
    body.push(Item::Gap);
    let mut asked: Vec<Item> =
        ["path", "matcher", "interval", "timeout", "healthy_threshold", "unhealthy_threshold"].map(member).into();
    asked.push(Item::Attr("port", Node::opt(*check_port, |port| Node::str(port.number().to_string()))));
    body.push(Item::Block("health_check", asked));
    if !stickiness.is_empty() {
        body.extend([Item::Gap, Item::Block("stickiness", stickiness)]);
    }
    if !health.is_empty() {
        // What is not said there the provider sets to values of its own, which are not AWS's.
        for (block, attribute, how, default) in HEALTH {
            let items = health.entry(block).or_default();
            if !attributes.contains_key(*attribute) {
                items.push(written(how, default));
            }
            items.sort_by_key(|item| matches!(item, Item::Attr(name, _) if name.ends_with("percentage")));
        }
        let mut inner = Vec::new();
        for (name, items) in health {
            if !inner.is_empty() {
                inner.push(Item::Gap);
            }
            inner.push(Item::Block(name, items));
        }
        body.extend([Item::Gap, Item::Block("target_group_health", inner)]);
    }
    body.extend([Item::Gap, cx.plain_tags()]);
    cx.add(cx.main("target_group", "load_balancer", Gather::Shape, body));
    Ok(())
}

/// The block about stickiness. While it is off, the provider says nothing else about it.
fn stickiness(cx: &Cx<'_>, attributes: &BTreeMap<String, String>) -> Result<Vec<Item>, EmitError> {
    let declared = || attributes.iter().filter(|(key, _)| key.starts_with("stickiness."));
    if declared().next().is_none() {
        return Ok(Vec::new());
    }
    let value = |key: &str| attributes.get(&format!("stickiness.{key}")).map(String::as_str);
    let on = value("enabled") == Some("true");
    let kind = value("type").unwrap_or("lb_cookie");
    let mut items =
        vec![Item::Attr("enabled", Node::Bool(on)), Item::Attr("type", Node::str(if on { kind } else { "lb_cookie" }))];
    for (key, value) in declared() {
        match key.strip_prefix("stickiness.").unwrap_or_default() {
            "enabled" => {}
            "type" if on => {}
            "lb_cookie.duration_seconds" if on && kind == "lb_cookie" => {
                items.push(written(&As::Number("cookie_duration"), value));
            }
            "app_cookie.duration_seconds" if on && kind == "app_cookie" => {
                items.push(written(&As::Number("cookie_duration"), value));
            }
            "app_cookie.cookie_name" if on && kind == "app_cookie" => {
                items.push(written(&As::Text("cookie_name"), value));
            }
            _ => left_out(cx, key, value, DEFAULTS)?,
        }
    }
    Ok(items)
}

pub(super) fn listener(cx: &mut Cx<'_>, it: &Listener) -> Result<(), EmitError> {
    let Listener { load_balancer, port, protocol, default_action } = it;
    let mut body = vec![
        Item::Attr("load_balancer_arn", point(load_balancer)),
        Item::Attr("port", Node::input(&PORT, Node::Int(port.number().into()))),
    ];
    match protocol {
        ListenerProtocol::Http => body.push(Item::Attr("protocol", Node::str("HTTP"))),
        ListenerProtocol::Https { certificate, ssl_policy } => {
            body.push(Item::Attr("protocol", Node::str("HTTPS")));
            body.push(Item::Attr("certificate_arn", Node::input(&CERTIFICATE, Node::str(certificate))));
            body.push(Item::Attr("ssl_policy", Node::opt(ssl_policy.as_ref(), Node::str)));
        }
    }
    body.extend([Item::Gap, Item::Block("default_action", action(cx, default_action)?), Item::Gap, cx.plain_tags()]);
    let mut listener = cx.main("listener", "load_balancer", Gather::Shape, body);
    listener.ignore = swung(default_action, "default_action");
    cx.add(listener);
    Ok(())
}

pub(super) fn listener_rule(cx: &mut Cx<'_>, it: &ListenerRule) -> Result<(), EmitError> {
    let ListenerRule { listener, priority, conditions, action: wanted } = it;
    let mut body = vec![
        Item::Attr("listener_arn", point(listener)),
        Item::Attr("priority", Node::Int((*priority).into())),
        Item::Gap,
        Item::Block("action", action(cx, wanted)?),
    ];
    for condition in conditions {
        if let Condition::QueryString(parameters) = condition {
            let one = |QueryParameter { key, value }: &QueryParameter| {
                let key = Node::opt(key.as_ref(), Node::str);
                Item::Block("query_string", vec![Item::Attr("key", key), Item::Attr("value", Node::str(value))])
            };
            body.extend([Item::Gap, Item::Block("condition", parameters.iter().map(one).collect())]);
            continue;
        }
        let values = |values: &std::collections::BTreeSet<String>| {
            vec![Item::Attr("values", Node::strs(values.iter().cloned()))]
        };
        let inner = match condition {
            Condition::HostHeader(hosts) => Item::Block("host_header", values(hosts)),
            Condition::PathPattern(paths) => Item::Block("path_pattern", values(paths)),
            Condition::HttpHeader { name, values } => Item::Block(
                "http_header",
                vec![
                    Item::Attr("http_header_name", Node::str(name)),
                    Item::Attr("values", Node::strs(values.iter().cloned())),
                ],
            ),
            Condition::HttpRequestMethod(methods) => Item::Block("http_request_method", values(methods)),
            Condition::SourceIp(networks) => Item::Block("source_ip", values(networks)),
            Condition::QueryString(_) => continue,
            Condition::Other(observed) => return Err(cx.unsupported(format!("the condition `{observed}`"))),
        };
        body.extend([Item::Gap, Item::Block("condition", vec![inner])]);
    }
    body.extend([Item::Gap, cx.plain_tags()]);
    let mut rule = cx.main("listener_rule", "load_balancer", Gather::Shape, body);
    rule.ignore = swung(wanted, "action");
    let single = match wanted {
        Action::Forward(_) => true,
        Action::ForwardWeighted(groups) => groups.len() == 1,
        Action::ForwardPair { .. } | Action::Redirect(_) | Action::FixedResponse(_) | Action::Other(_) => false,
    };
    if cx.importing && single {
        rule.ignore = Ignore {
            reason: "An import reads the target group here, too.",
            fields: vec!["action[0].target_group_arn"],
            ..Ignore::default()
        };
    }
    cx.add(rule);
    Ok(())
}

fn swung(action: &Action, field: &'static str) -> Ignore {
    match action {
        Action::ForwardPair { .. } => Ignore {
            reason: "CodeDeploy decides which target group is live, with every deployment.",
            fields: vec![field],
            ..Ignore::default()
        },
        Action::Forward(_)
        | Action::ForwardWeighted(_)
        | Action::Redirect(_)
        | Action::FixedResponse(_)
        | Action::Other(_) => Ignore::default(),
    }
}

fn action(cx: &Cx<'_>, action: &Action) -> Result<Vec<Item>, EmitError> {
    let weighted = |groups: &[(&Ref<TargetGroup>, u32)]| {
        let mut inner = Vec::new();
        for (group, weight) in groups {
            if !inner.is_empty() {
                inner.push(Item::Gap);
            }
            let target = vec![Item::Attr("arn", point(*group)), Item::Attr("weight", Node::Int((*weight).into()))];
            inner.push(Item::Block("target_group", target));
        }
        Item::Block("forward", inner)
    };
    // An import reads a single target group both ways, and would take away the one that is not said. Of a rule, a later
    // look finds the block alone.
    let rule = cx.entry.resource.kind() == KindName::ListenerRule;
    let forward = |group: &Ref<TargetGroup>| {
        if cx.importing && rule {
            return vec![Item::Attr("type", Node::str("forward")), Item::Gap, weighted(&[(group, 1)])];
        }
        let mut items = vec![Item::Attr("type", Node::str("forward")), Item::Attr("target_group_arn", point(group))];
        if cx.importing {
            items.extend([Item::Gap, weighted(&[(group, 1)])]);
        }
        items
    };
    Ok(match action {
        Action::ForwardPair { blue, green: _ } => {
            vec![Item::Attr("type", Node::str("forward")), Item::Attr("target_group_arn", point(blue))]
        }
        Action::Forward(group) => forward(group),
        Action::ForwardWeighted(groups) => {
            let several: Vec<_> =
                groups.iter().map(|Weighted { target_group, weight }| (target_group, *weight)).collect();
            let mut items = vec![Item::Attr("type", Node::str("forward"))];
            if let ([only], true) = (groups.as_slice(), cx.importing && !rule) {
                items.push(Item::Attr("target_group_arn", point(&only.target_group)));
            }
            items.extend([Item::Gap, weighted(&several)]);
            items
        }
        Action::Redirect(Redirect { protocol, port, host, path, query, permanent }) => {
            let text = |value: &Option<String>| Node::opt(value.as_ref(), Node::str);
            let inner = vec![
                Item::Attr("protocol", text(protocol)),
                Item::Attr("port", text(port)),
                Item::Attr("host", text(host)),
                Item::Attr("path", text(path)),
                Item::Attr("query", text(query)),
                Item::Attr("status_code", Node::str(if *permanent { "HTTP_301" } else { "HTTP_302" })),
            ];
            vec![Item::Attr("type", Node::str("redirect")), Item::Gap, Item::Block("redirect", inner)]
        }
        Action::FixedResponse(FixedResponse { status, content_type, body }) => {
            let inner = vec![
                Item::Attr("content_type", Node::str(content_type.as_deref().unwrap_or("text/plain"))),
                Item::Attr("message_body", Node::opt(body.as_ref(), Node::str)),
                Item::Attr("status_code", Node::str(status.to_string())),
            ];
            vec![Item::Attr("type", Node::str("fixed-response")), Item::Gap, Item::Block("fixed_response", inner)]
        }
        Action::Other(observed) => return Err(cx.unsupported(format!("the action `{observed}`"))),
    })
}

pub(super) fn dns_record(cx: &mut Cx<'_>, it: &DnsRecord) -> Result<(), EmitError> {
    let DnsRecord { zone, name, answer } = it;
    let mut body = vec![
        Item::Attr("zone_id", Node::input(&HOSTED_ZONE, Node::str(zone.as_str()))),
        Item::Attr("name", Node::input(&DOMAIN, Node::str(name.as_str()))),
        Item::Attr("type", Node::str(it.record_type())),
    ];
    match answer {
        Answer::Cname { load_balancer, ttl } => {
            let to = output_of(cx, load_balancer, "dns_name");
            body.extend([Item::Attr("ttl", Node::Int((*ttl).into())), Item::Attr("records", Node::List(vec![to]))]);
        }
        Answer::Alias { load_balancer, evaluate_target_health } => {
            let (to, zone) = (output_of(cx, load_balancer, "dns_name"), output_of(cx, load_balancer, "zone_id"));
            body.extend([
                Item::Gap,
                Item::Block(
                    "alias",
                    vec![
                        Item::Attr("name", to),
                        Item::Attr("zone_id", zone),
                        Item::Attr("evaluate_target_health", Node::Bool(*evaluate_target_health)),
                    ],
                ),
            ]);
        }
        Answer::Values { .. } => return Err(cx.unsupported("a record of literal values")),
    }
    cx.add(cx.main("record", "dns", Gather::Shape, body));
    Ok(())
}

/// An output of a load balancer, of the stack or not.
fn output_of(cx: &mut Cx<'_>, balancer: &Ref<LoadBalancer>, attr: &'static str) -> Node {
    debug_assert_eq!(aomidori_model::terraform::id_attribute(KindName::LoadBalancer), "arn");
    match balancer.target() {
        Target::Address(_) => attribute(balancer, attr),
        Target::Id(arn) => Node::Ref(cx.existing("aws_lb", "arn", arn, "load_balancer"), attr),
    }
}

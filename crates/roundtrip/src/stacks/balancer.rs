//! Load balancers, target groups, listeners, rules and DNS records.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::Ref;
use aomidori_model::kinds::dns_record::Answer;
use aomidori_model::kinds::ecs_service::{Deployment, PairTarget, Rolling, ServiceTarget};
use aomidori_model::kinds::listener::{Action, FixedResponse, ListenerProtocol, Redirect, Weighted};
use aomidori_model::kinds::listener_rule::{Condition, QueryParameter};
use aomidori_model::kinds::load_balancer::Scheme;
use aomidori_model::kinds::target_group::{HealthCheck, TargetGroupPair};
use aomidori_model::kinds::*;

use super::services::{CONTAINER, CONTAINER_PORT};
use super::{Build, Network, ODD, Way, parse, port};
use crate::Dice;

/// The ways from load balancers to services of a network: up to two pairs for CodeDeploy, and up to two for rolling
/// services.
pub(super) fn ways_in(build: &mut Build<'_>, dice: &mut Dice, network: &Network, n: usize) -> Vec<Way> {
    if network.theirs && dice.one_in(2) {
        theirs(build, dice, n);
    }
    if dice.one_in(4) {
        return Vec::new();
    }
    let balancer = balancer(build, dice, network, n);
    let mut listeners = Listeners { build, balancer, n, used: BTreeSet::new(), count: 0 };
    let mut ways = Vec::new();
    for _ in 0..dice.choose(&[0, 1, 1, 1, 2]).unwrap_or(1) {
        ways.push(pair(&mut listeners, dice, network));
    }
    for _ in 0..dice.choose(&[0, 0, 1, 2]).unwrap_or(0) {
        ways.push(rolling(&mut listeners, dice, network));
    }
    if dice.one_in(3) {
        let action = fixed(dice);
        listeners.add(dice, action);
    }
    let Listeners { balancer, .. } = listeners;
    for part in 0..dice.choose(&[0, 1, 1, 2]).unwrap_or(1) {
        let name = format!("{}{n}-{part}.example.com", dice.word(&["app", "*.x", "_a-b.c"]));
        record(build, dice, &name, balancer.clone());
    }
    ways
}

/// A rule on somebody else's listener, and a name for somebody else's load balancer.
fn theirs(build: &mut Build<'_>, dice: &mut Dice, n: usize) {
    let listener = Ref::existing(&build.around.outside.listener);
    let (conditions, action) = (conditions(dice), fixed(dice));
    build.add(&format!("platform/rule/{n}-theirs"), ListenerRule { listener, priority: 5, conditions, action });
    let balancer = Ref::existing(&build.around.outside.balancer);
    record(build, dice, &format!("theirs{n}.example.com"), balancer);
}

fn record(build: &mut Build<'_>, dice: &mut Dice, name: &str, load_balancer: Ref<LoadBalancer>) {
    let answer = if dice.one_in(2) {
        Answer::Cname { load_balancer, ttl: dice.choose(&[60, 300, 0]).unwrap_or(60) }
    } else {
        Answer::Alias { load_balancer, evaluate_target_health: dice.one_in(2) }
    };
    let record = DnsRecord { zone: parse(&build.around.zone), name: parse(name), answer };
    let address = build.free("dns", "record");
    build.add(&address, record);
}

/// Attributes as the console shows them; each may be declared.
const BALANCER: &[(&str, &[&str])] = &[
    ("idle_timeout.timeout_seconds", &["30", "60", "4000"]),
    ("client_keep_alive.seconds", &["60", "3600"]),
    ("routing.http.desync_mitigation_mode", &["defensive", "strictest"]),
    ("routing.http.drop_invalid_header_fields.enabled", &["true", "false"]),
    ("routing.http.preserve_host_header.enabled", &["true"]),
    ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", &["true"]),
    ("routing.http.xff_client_port.enabled", &["true"]),
    ("routing.http.xff_header_processing.mode", &["preserve", "remove"]),
    ("routing.http2.enabled", &["false", "true"]),
    ("waf.fail_open.enabled", &["true"]),
    ("zonal_shift.config.enabled", &["true"]),
    ("load_balancing.cross_zone.enabled", &["true"]),
    ("deletion_protection.enabled", &["false"]),
    ("access_logs.s3.enabled", &["false"]),
    ("connection_logs.s3.enabled", &["false"]),
];
const GROUP: &[(&str, &[&str])] = &[
    ("deregistration_delay.timeout_seconds", &["0", "15", "300"]),
    ("slow_start.duration_seconds", &["30", "900"]),
    ("load_balancing.cross_zone.enabled", &["true", "false", "use_load_balancer_configuration"]),
    ("stickiness.enabled", &["true", "false"]),
    ("stickiness.lb_cookie.duration_seconds", &["60", "86400"]),
    ("target_group_health.dns_failover.minimum_healthy_targets.count", &["1", "2"]),
    ("target_group_health.dns_failover.minimum_healthy_targets.percentage", &["off", "50"]),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", &["1", "3"]),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", &["off", "10"]),
];

fn attributes(dice: &mut Dice, table: &[(&str, &[&'static str])]) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for (key, values) in table {
        if dice.one_in(4) {
            out.insert((*key).to_owned(), dice.word(values).to_owned());
        }
    }
    out
}

fn balancer(build: &mut Build<'_>, dice: &mut Dice, network: &Network, n: usize) -> Ref<LoadBalancer> {
    let inside = !network.private.is_empty() && dice.one_in(3);
    let places = if inside { &network.private } else { &network.public };
    let mut groups: BTreeSet<_> = [network.open.clone()].into();
    if dice.one_in(3) {
        groups.insert(network.other.clone());
    }
    let balancer = LoadBalancer {
        name: parse(&build.name(dice, "lb", "", 32)),
        scheme: if inside || dice.one_in(4) { Scheme::Internal } else { Scheme::InternetFacing },
        subnets: dice.some(places, 2).into_iter().collect(),
        security_groups: groups,
        attributes: attributes(dice, BALANCER),
    };
    build.add(&format!("platform/balancer-{n}"), balancer)
}

fn group(build: &mut Build<'_>, dice: &mut Dice, network: &Network, address: &str) -> Ref<TargetGroup> {
    let interval = dice.choose(&[30, 5, 300, 61]).unwrap_or(30);
    let health_check = HealthCheck {
        path: dice.word(&["/", "/index.html", "/a?b=c&d=%20", "/health/${x}", "/%{y}/\"z\"/$${w}"]).to_owned(),
        matcher: dice.word(&["200", "200-299", "200,302", "200-499"]).to_owned(),
        port: None,
        interval,
        timeout: dice.between(2, (interval - 1).min(120)),
        healthy_threshold: dice.between(2, 10),
        unhealthy_threshold: dice.between(2, 10),
    };
    let mut attributes = attributes(dice, GROUP);
    match dice.roll(4) {
        0 => {
            attributes.insert("load_balancing.algorithm.type".into(), "least_outstanding_requests".into());
            // Slow start goes with round robin only.
            attributes.remove("slow_start.duration_seconds");
        }
        1 => {
            attributes.insert("load_balancing.algorithm.type".into(), "weighted_random".into());
            attributes.insert("load_balancing.algorithm.anomaly_mitigation".into(), dice.word(&["on", "off"]).into());
            attributes.remove("slow_start.duration_seconds");
        }
        _ => {}
    }
    if attributes.get("stickiness.enabled").is_none_or(|on| on != "true") {
        // While stickiness is off, Terraform cannot say how long it would last.
        attributes.remove("stickiness.lb_cookie.duration_seconds");
    }
    if dice.one_in(5) {
        attributes.remove("stickiness.lb_cookie.duration_seconds");
        attributes.extend(
            [
                ("stickiness.enabled", "true"),
                ("stickiness.type", "app_cookie"),
                ("stickiness.app_cookie.cookie_name", dice.word(&["SESSION", "${x}", "a.b_c"])),
                ("stickiness.app_cookie.duration_seconds", "120"),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
    }
    let group = TargetGroup {
        name: parse(&build.name(dice, "tg", "", 32)),
        vpc: network.vpc.clone(),
        port: port(dice.choose(&[80, 8080, 65535]).unwrap_or(80)),
        health_check,
        attributes,
    };
    build.add(address, group)
}

/// The listeners of one load balancer.
struct Listeners<'a, 'b> {
    build: &'a mut Build<'b>,
    balancer: Ref<LoadBalancer>,
    n: usize,
    used: BTreeSet<u32>,
    count: u32,
}

impl Listeners<'_, '_> {
    fn add(&mut self, dice: &mut Dice, default_action: Action) -> Ref<Listener> {
        let mut number = dice.choose(&[80, 443, 8080, 8443, 1, 65535]).unwrap_or(80);
        while !self.used.insert(number) {
            number = number % 65535 + 1;
        }
        let protocol = if dice.one_in(3) {
            let (region, account) = (&self.build.around.region, &self.build.around.account);
            // Of several listeners, each may have its own.
            let digit = dice.word(&["1", "1", "2"]);
            let id = format!("{digit}1111111-2222-3333-4444-555555555555");
            let policies = ["ELBSecurityPolicy-TLS13-1-2-2021-06", "ELBSecurityPolicy-2016-08"];
            ListenerProtocol::Https {
                certificate: format!("arn:aws:acm:{region}:{account}:certificate/{id}"),
                ssl_policy: dice.maybe(|dice| dice.word(&policies).to_owned()),
            }
        } else {
            ListenerProtocol::Http
        };
        let listener = Listener { load_balancer: self.balancer.clone(), port: port(number), protocol, default_action };
        self.count += 1;
        self.build.add(&format!("platform/listener/{}-{}", self.n, self.count), listener)
    }

    fn rule(&mut self, dice: &mut Dice, listener: &Ref<Listener>, priority: u32, action: Action) {
        let rule = ListenerRule { listener: listener.clone(), priority, conditions: conditions(dice), action };
        self.count += 1;
        self.build.add(&format!("platform/rule/{}-{}", self.n, self.count), rule);
    }
}

fn conditions(dice: &mut Dice) -> Vec<Condition> {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<_>>();
    let all = [
        (2, Condition::HostHeader(texts(&["*.example.com", "example.com"]))),
        (2, Condition::PathPattern(texts(&["/a/*", "/b?"]))),
        (1, Condition::PathPattern(texts(&["/$x/~\"y\"/'z'&@:+"]))),
        (2, Condition::HttpHeader { name: "X-Test".into(), values: texts(&["yes*", "1"]) }),
        (1, Condition::HttpHeader { name: "User-Agent".into(), values: texts(&["*${x}%{y} \"z\"*"]) }),
        (2, Condition::HttpRequestMethod(texts(&["GET", "POST"]))),
        (1, Condition::SourceIp(texts(&["192.0.2.0/24"]))),
        (1, Condition::QueryString([QueryParameter { key: None, value: "debug*".into() }].into())),
        (2, Condition::SourceIp(texts(&["198.51.100.0/25", "203.0.113.9/32"]))),
    ];
    // A rule takes five values at most, and of most sorts one condition.
    let mut left = 5;
    let mut some: Vec<Condition> = Vec::new();
    for (values, condition) in dice.some(&all, 1) {
        let several = matches!(condition, Condition::HttpHeader { .. });
        let again = some.iter().any(|other| std::mem::discriminant(other) == std::mem::discriminant(&condition));
        if values <= left && (several || !again) {
            left -= values;
            some.push(condition);
        }
    }
    some
}

fn fixed(dice: &mut Dice) -> Action {
    match dice.roll(4) {
        0 => Action::FixedResponse(FixedResponse { status: 404, content_type: None, body: None }),
        2 => Action::Redirect(Redirect {
            // Anything else would lead to where it came from.
            protocol: dice.maybe(|dice| dice.word(&["HTTPS", "#{protocol}"]).to_owned()),
            port: dice.maybe(|dice| dice.word(&["8443", "#{port}"]).to_owned()),
            host: Some("other.example.com".into()),
            path: None,
            query: None,
            permanent: dice.one_in(2),
        }),
        1 => Action::FixedResponse(FixedResponse {
            status: 503,
            content_type: Some("text/html".into()),
            body: Some(format!("<p>\"down\" ${{for}} %{{now}}</p>{}", dice.word(ODD))),
        }),
        _ => Action::Redirect(Redirect {
            protocol: Some("HTTPS".into()),
            port: Some("443".into()),
            host: dice.maybe(|_| "www.example.com".into()),
            path: dice.maybe(|_| "/x/${y}/#{path}".into()),
            query: dice.maybe(|_| "a=%{b}&#{query}".into()),
            permanent: dice.one_in(2),
        }),
    }
}

fn pair(listeners: &mut Listeners<'_, '_>, dice: &mut Dice, network: &Network) -> Way {
    let at = format!("platform/target/{}-{}", listeners.n, listeners.count);
    let blue = group(listeners.build, dice, network, &format!("{at}-blue"));
    let green = group(listeners.build, dice, network, &format!("{at}-green"));
    let swing = || Action::ForwardPair { blue: blue.clone(), green: green.clone() };
    // By the default action, or by a rule.
    let by_rule = |listeners: &mut Listeners<'_, '_>, dice: &mut Dice| {
        let action = fixed(dice);
        let listener = listeners.add(dice, action);
        listeners.rule(dice, &listener, 1, swing());
        listener
    };
    let production = if dice.one_in(3) { by_rule(listeners, dice) } else { listeners.add(dice, swing()) };
    if dice.one_in(3) {
        let action = if dice.one_in(2) { swing() } else { fixed(dice) };
        listeners.rule(dice, &production, 50_000, action);
    }
    let test = match dice.roll(6) {
        0 | 1 => None,
        2 => Some(by_rule(listeners, dice)),
        _ => Some(listeners.add(dice, swing())),
    };
    let target = PairTarget {
        blue: blue.clone(),
        green: green.clone(),
        container: parse(CONTAINER),
        port: port(CONTAINER_PORT),
    };
    Way {
        deployment: Deployment::CodeDeploy { target, registry: None },
        pair: Some(TargetGroupPair { blue, green, production, test }),
    }
}

fn rolling(listeners: &mut Listeners<'_, '_>, dice: &mut Dice, network: &Network) -> Way {
    let at = format!("platform/target/{}-{}", listeners.n, listeners.count);
    let main = group(listeners.build, dice, network, &format!("{at}-main"));
    let mut targets = vec![main.clone()];
    let action = match dice.roll(5) {
        few @ 0..=1 => {
            let mut weighted = vec![Weighted { target_group: main.clone(), weight: dice.between(1, 999) }];
            for n in 0..=few {
                let side = group(listeners.build, dice, network, &format!("{at}-side-{n}"));
                targets.push(side.clone());
                weighted.push(Weighted { target_group: side, weight: dice.roll(2) });
            }
            Action::ForwardWeighted(weighted)
        }
        2 => Action::ForwardWeighted(vec![Weighted { target_group: main.clone(), weight: dice.between(1, 999) }]),
        _ => Action::Forward(main.clone()),
    };
    if dice.one_in(2) {
        let default = fixed(dice);
        let listener = listeners.add(dice, default);
        listeners.rule(dice, &listener, 7, action);
    } else {
        let listener = listeners.add(dice, action);
        for priority in 0..dice.roll(3) {
            let action = fixed(dice);
            listeners.rule(dice, &listener, 10 + priority, action);
        }
    }
    let load_balancers = targets
        .into_iter()
        .map(|target_group| ServiceTarget { target_group, container: parse(CONTAINER), port: port(CONTAINER_PORT) })
        .collect();
    Way { deployment: Deployment::Rolling(Rolling { load_balancers, ..Rolling::default() }), pair: None }
}

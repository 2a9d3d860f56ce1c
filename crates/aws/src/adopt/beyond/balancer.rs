//! Load balancers, their listeners and rules, target groups.

use aomidori_adopt::Walk;
use aomidori_engine::cloud::CloudError;
use aomidori_model::KindName;
use aws_sdk_elasticloadbalancingv2::types as aws;
use futures_util::FutureExt as _;

use super::{Has, LEFT, Seen, each, found, unusual};
use crate::call;
use crate::client::Cx;
use crate::kinds::{listener, listener_rule};

pub(super) async fn read(cx: &Cx, walk: &Walk, seen: &mut Seen) -> Result<(), CloudError> {
    for arns in found(walk, KindName::LoadBalancer).chunks(20) {
        let answer = call::read("elasticloadbalancing:DescribeLoadBalancers", || {
            cx.elb.describe_load_balancers().set_load_balancer_arns(Some(arns.to_vec())).send()
        });
        let live = call::if_there(answer.await)?.and_then(|it| it.load_balancers).unwrap_or_default();
        live.iter().for_each(|it| seen.add(load_balancer(it)));
        let arns: Vec<String> = live.into_iter().filter_map(|it| it.load_balancer_arn).collect();
        each(arns, seen, move |arn: String| {
            async move {
                let mut seen = Seen::default();
                let listeners = listener::of_load_balancer(cx, &arn).await?;
                each(listeners, &mut seen, move |live: aws::Listener| {
                    async move { of_listener(cx, &live).await }.boxed()
                })
                .await?;
                Ok(seen)
            }
            .boxed()
        })
        .await?;
    }
    for arns in found(walk, KindName::TargetGroup).chunks(20) {
        let answer = call::read("elasticloadbalancing:DescribeTargetGroups", || {
            cx.elb.describe_target_groups().set_target_group_arns(Some(arns.to_vec())).send()
        });
        let live = call::if_there(answer.await)?.and_then(|it| it.target_groups).unwrap_or_default();
        live.iter().for_each(|it| seen.add(target_group(it)));
    }
    Ok(())
}

async fn of_listener(cx: &Cx, live: &aws::Listener) -> Result<Seen, CloudError> {
    let mut seen = Seen::default();
    seen.add(listener(live));
    let arn = live.listener_arn.as_deref().unwrap_or_default();
    for rule in listener_rule::of_listener(cx, arn).await? {
        seen.add(listener_rule(&rule));
    }
    let mut has = Has::of(KindName::Listener, Some(arn));
    if live.protocol == Some(aws::ProtocolEnum::Https) {
        let answer = call::read("elasticloadbalancing:DescribeListenerCertificates", || {
            cx.elb.describe_listener_certificates().listener_arn(arn).page_size(400).send()
        });
        let all = seen.answer(answer.await)?.and_then(|it| it.certificates).unwrap_or_default();
        for certificate in all.iter().filter(|it| it.is_default != Some(true)) {
            let arn = certificate.certificate_arn.as_deref().unwrap_or_default();
            let own = live.certificates().first().and_then(|it| it.certificate_arn.as_deref());
            has.also(own != Some(arn), format!("the further certificate {arn}"), LEFT);
        }
    }
    let answer = call::read("elasticloadbalancing:DescribeListenerAttributes", || {
        cx.elb.describe_listener_attributes().listener_arn(arn).send()
    });
    for attribute in seen.answer(answer.await)?.and_then(|it| it.attributes).unwrap_or_default() {
        let (key, value) = (attribute.key.unwrap_or_default(), attribute.value.unwrap_or_default());
        has.also(!is_usual(&key, &value), format!("the attribute {key}"), LEFT);
    }
    seen.add(has);
    Ok(seen)
}

/// True for what a listener's attribute is where nobody set it. A header that may be renamed has its own name at first:
/// `routing.http.request.x_amzn_tls_version.header_name` is `X-Amzn-Tls-Version`.
fn is_usual(key: &str, value: &str) -> bool {
    match key.rsplit_once('.') {
        Some((of, "enabled")) => value == if of.ends_with(".response.server") { "true" } else { "false" },
        Some((of, "header_name")) => {
            let own = value.to_ascii_lowercase().replace('-', "_");
            value.is_empty() || of.rsplit('.').next() == Some(&own)
        }
        Some((_, "seconds")) => true,
        _ => value.is_empty(),
    }
}

fn load_balancer(live: &aws::LoadBalancer) -> Has {
    let mut has = Has::of(KindName::LoadBalancer, live.load_balancer_arn());
    if let Some(kind) = unusual(live.r#type.as_ref().map(|it| it.as_str()), "application") {
        has.shut(true, format!("it is a {kind} load balancer"), &["load_balancer_type"]);
    }
    if let Some(family) = unusual(live.ip_address_type.as_ref().map(|it| it.as_str()), "ipv4") {
        has.also(true, format!("the address type {family}"), &["ip_address_type"]);
    }
    has.also(
        live.customer_owned_ipv4_pool().is_some_and(|pool| !pool.is_empty()),
        "its pool of customer-owned addresses",
        &["customer_owned_ipv4_pool"],
    );
    let pools = live.ipam_pools.as_ref().and_then(|it| it.ipv4_ipam_pool_id.as_deref());
    has.also(pools.is_some_and(|pool| !pool.is_empty()), "its IPAM pool", &["ipam_pools"]);
    has
}

fn target_group(live: &aws::TargetGroup) -> Has {
    let mut has = Has::of(KindName::TargetGroup, live.target_group_arn());
    if let Some(version) = unusual(live.protocol_version(), "HTTP1") {
        has.shut(true, format!("its protocol version is {version}"), &["protocol_version"]);
    }
    if let Some(family) = unusual(live.ip_address_type.as_ref().map(|it| it.as_str()), "ipv4") {
        has.shut(true, format!("its targets' address type is {family}"), &["ip_address_type"]);
    }
    if let Some(protocol) = unusual(live.health_check_protocol.as_ref().map(|it| it.as_str()), "HTTP") {
        has.also(true, format!("health checks over {protocol}"), &["health_check"]);
    }
    has.also(live.health_check_enabled == Some(false), "that health checks are off", &["health_check"]);
    has.also(live.target_control_port.is_some(), "its target control port", LEFT);
    has
}

fn listener(live: &aws::Listener) -> Has {
    let mut has = Has::of(KindName::Listener, live.listener_arn());
    let mutual = live.mutual_authentication.as_ref().and_then(|it| it.mode.as_deref());
    if let Some(mode) = unusual(mutual, "off") {
        has.also(true, format!("mutual TLS ({mode})"), &["mutual_authentication"]);
    }
    has.also(!live.alpn_policy().is_empty(), "its ALPN policy", &["alpn_policy"]);
    has.also(live.default_actions().iter().any(sticks), "that clients stick to a target group", &["default_action"]);
    has
}

fn listener_rule(live: &aws::Rule) -> Has {
    let mut has = Has::of(KindName::ListenerRule, live.rule_arn());
    has.also(!live.transforms().is_empty(), "its transforms", LEFT);
    has.also(live.actions().iter().any(sticks), "that clients stick to a target group", &["action"]);
    has
}

fn sticks(action: &aws::Action) -> bool {
    let config = action.forward_config.as_ref().and_then(|it| it.target_group_stickiness_config.as_ref());
    config.and_then(|it| it.enabled) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_application_load_balancer_is_not_described_as_one() {
        let live = |kind| aws::LoadBalancer::builder().r#type(kind).ip_address_type(aws::IpAddressType::Ipv4).build();
        assert_eq!(load_balancer(&live(aws::LoadBalancerTypeEnum::Application)).words(), [] as [&str; 0]);
        let network = load_balancer(&live(aws::LoadBalancerTypeEnum::Network));
        assert!(matches!(network.0.as_slice(), [(what, true, _)] if what == "it is a network load balancer"));
    }

    #[test]
    fn attributes_as_they_came_are_usual() {
        for (key, value, usual) in [
            ("routing.http.response.server.enabled", "true", true),
            ("routing.http.response.server.enabled", "false", false),
            ("routing.http.response.x_frame_options.header_value", "", true),
            ("routing.http.response.x_frame_options.header_value", "DENY", false),
            ("routing.http.request.x_amzn_tls_version.header_name", "X-Amzn-Tls-Version", true),
            ("routing.http.request.x_amzn_tls_version.header_name", "X-Tls", false),
        ] {
            assert_eq!(is_usual(key, value), usual, "{key}={value}");
        }
    }
}

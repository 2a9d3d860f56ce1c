//! Listeners.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::action::{self, Action};
use super::attributes::{Attribute, HTTP_LISTENER, HTTPS_LISTENER, Table};
use super::validate::{check_enum, check_range, check_tags, invalid, json as to_json};
use super::{State, limits, listed, load_balancer, target};
use crate::error::{ApiError, Result};
use crate::services::acm;
use crate::tags::{Tag, Tags};
use crate::world::Cx;

/// A listener, with its default rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Listener {
    pub(crate) arn: String,
    pub(crate) load_balancer_arn: String,
    pub(crate) default_rule_arn: String,
    /// `HTTP` or `HTTPS`.
    pub(crate) protocol: String,
    pub(crate) port: u16,
    pub(crate) ssl_policy: Option<String>,
    /// The default certificate first.
    pub(crate) certificates: Vec<String>,
    pub(crate) mutual_authentication: Option<Value>,
    pub(crate) actions: Vec<Action>,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) tags: Tags,
    pub(crate) default_rule_tags: Tags,
}

impl Listener {
    fn table(&self) -> &'static Table {
        if self.protocol == "HTTPS" { &HTTPS_LISTENER } else { &HTTP_LISTENER }
    }
}

fn render(listener: &Listener) -> Value {
    let default = listener.certificates.first();
    json!({
        "ListenerArn": listener.arn,
        "LoadBalancerArn": listener.load_balancer_arn,
        "Port": listener.port,
        "Protocol": listener.protocol,
        "Certificates": default.map(|arn| json!([{"CertificateArn": arn}])),
        "SslPolicy": listener.ssl_policy,
        "DefaultActions": to_json(&listener.actions),
        "MutualAuthentication": listener.mutual_authentication,
    })
}

/// The listener with this ARN.
pub(super) fn find<'a>(state: &'a mut State, arn: &str) -> Result<&'a mut Listener> {
    if !arn.starts_with("arn:") || !arn.contains(":listener/") {
        return Err(invalid(format!("'{arn}' is not a valid listener ARN")));
    }
    match state.listeners.get_mut(arn) {
        Some(listener) => Ok(listener),
        None => Err(ApiError::new("ListenerNotFound", format!("Listener '{arn}' not found"))),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Certificate {
    certificate_arn: Option<String>,
    is_default: Option<bool>,
}

fn check_certificates(cx: &mut Cx<'_>, certificates: Vec<Certificate>) -> Result<Vec<String>> {
    let mut arns = Vec::new();
    for certificate in certificates {
        let Some(arn) = certificate.certificate_arn else { return Err(invalid("A certificate ARN must be specified")) };
        acm::usable(cx, &arn)?;
        arns.push(arn);
    }
    Ok(arns)
}

/// The load balancers with a listener that has this certificate.
pub(crate) fn load_balancers_with(state: &State, certificate: &str) -> Vec<String> {
    let with = state.listeners.values().filter(|listener| listener.certificates.iter().any(|arn| arn == certificate));
    with.map(|listener| listener.load_balancer_arn.clone()).collect::<BTreeSet<String>>().into_iter().collect()
}

/// The one default certificate of a listener.
fn default_certificate(cx: &mut Cx<'_>, certificates: Vec<Certificate>) -> Result<Vec<String>> {
    if certificates.len() > 1 {
        return Err(ApiError::new(
            "TooManyCertificates",
            "Only one default certificate can be specified for a listener",
        ));
    }
    if certificates.iter().any(|certificate| certificate.is_default.is_some()) {
        return Err(invalid("IsDefault cannot be specified for the default certificate"));
    }
    check_certificates(cx, certificates)
}

fn check_mutual(mutual: Option<Value>, protocol: &str) -> Result<Option<Value>> {
    if protocol != "HTTPS" {
        return match mutual {
            None => Ok(None),
            Some(mutual) if mutual["Mode"] == "off" => Ok(None),
            Some(_) => Err(invalid("Mutual authentication is supported only on HTTPS listeners")),
        };
    }
    let mutual = mutual.unwrap_or_else(|| json!({"Mode": "off"}));
    let mode = mutual["Mode"].as_str().unwrap_or("off").to_owned();
    check_enum("mutualAuthentication.mode", &mode, &["off", "passthrough", "verify"])?;
    match (mode.as_str(), mutual["TrustStoreArn"].as_str()) {
        ("verify", arn) => {
            let arn = arn.unwrap_or_default();
            Err(ApiError::new("TrustStoreNotFound", format!("Trust store '{arn}' not found")))
        }
        _ => Ok(Some(json!({"Mode": mode}))),
    }
}

fn check_ssl_policy(policy: Option<String>, protocol: &str) -> Result<Option<String>> {
    match (policy, protocol == "HTTPS") {
        (None, false) => Ok(None),
        (None, true) => Ok(Some("ELBSecurityPolicy-2016-08".to_owned())),
        (Some(_), false) => Err(invalid("An SSL policy cannot be specified for HTTP listeners")),
        (Some(policy), true) if limits::is_ssl_policy(&policy) => Ok(Some(policy)),
        (Some(policy), true) => Err(ApiError::new("SSLPolicyNotFound", format!("SSL policy '{policy}' not found"))),
    }
}

fn check_protocol(protocol: &str) -> Result<()> {
    check_enum("protocol", protocol, &["HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "GENEVE", "QUIC", "TCP_QUIC"])?;
    if protocol == "HTTP" || protocol == "HTTPS" {
        return Ok(());
    }
    Err(invalid(format!(
        "Listener protocol '{protocol}' is not supported for load balancers of type 'application': it must be one of \
         'HTTP, HTTPS'"
    )))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    load_balancer_arn: String,
    protocol: Option<String>,
    port: Option<i64>,
    ssl_policy: Option<String>,
    #[serde(default)]
    certificates: Vec<Certificate>,
    default_actions: Vec<Action>,
    #[serde(default)]
    alpn_policy: Vec<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    mutual_authentication: Option<Value>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let lb = load_balancer::find(cx.elbv2(), &input.load_balancer_arn)?.clone();
    let Some(protocol) = input.protocol else { return Err(invalid("A listener protocol must be specified")) };
    check_protocol(&protocol)?;
    let Some(port) = input.port else { return Err(invalid("A listener port must be specified")) };
    check_range("port", port, 1, 65535)?;
    let port = u16::try_from(port).unwrap_or_default();
    if !input.alpn_policy.is_empty() {
        return Err(invalid("ALPN policies are not supported for load balancers of type 'application'"));
    }
    let certificates = default_certificate(cx, input.certificates)?;
    check_certificate_use(&protocol, &certificates)?;
    let ssl_policy = check_ssl_policy(input.ssl_policy, &protocol)?;
    let mutual_authentication = check_mutual(input.mutual_authentication, &protocol)?;
    let tags = check_tags(input.tags, &Tags::new())?;
    let actions = action::normalise(cx.elbv2(), input.default_actions, &lb.arn, &protocol, false)?;
    let of_lb = |l: &&Listener| l.load_balancer_arn == lb.arn;
    if let Some(existing) = cx.elbv2().listeners.values().filter(of_lb).find(|l| l.port == port) {
        let same = existing.protocol == protocol
            && existing.actions == actions
            && existing.ssl_policy == ssl_policy
            && existing.certificates.first() == certificates.first();
        if same {
            return Ok(json!({"Listeners": [render(existing)]}));
        }
        return Err(duplicate(&lb.arn));
    }
    if cx.elbv2().listeners.values().filter(of_lb).count() >= 50 {
        return Err(ApiError::new(
            "TooManyListeners",
            format!("The maximum number of listeners on load balancer '{}' has been reached", lb.arn),
        ));
    }
    let (id, rule_id) = (cx.hex(16), cx.hex(16));
    let listener = Listener {
        arn: cx.arn("elasticloadbalancing", &format!("listener/{}/{id}", lb.label)),
        default_rule_arn: cx.arn("elasticloadbalancing", &format!("listener-rule/{}/{id}/{rule_id}", lb.label)),
        load_balancer_arn: lb.arn,
        protocol,
        port,
        ssl_policy,
        certificates,
        mutual_authentication,
        actions,
        attributes: BTreeMap::new(),
        tags,
        default_rule_tags: Tags::new(),
    };
    let answer = json!({"Listeners": [render(&listener)]});
    cx.elbv2().listeners.insert(listener.arn.clone(), listener);
    target::uses_changed(cx);
    Ok(answer)
}

fn check_certificate_use(protocol: &str, certificates: &[String]) -> Result<()> {
    match (protocol, certificates.is_empty()) {
        ("HTTPS", true) => Err(invalid("A certificate must be specified for HTTPS listeners")),
        ("HTTP", false) => Err(invalid("Certificates cannot be specified for HTTP listeners")),
        _ => Ok(()),
    }
}

fn duplicate(load_balancer: &str) -> ApiError {
    let message = format!("A listener already exists on this port for this load balancer '{load_balancer}'");
    ApiError::new("DuplicateListener", message)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Describe {
    load_balancer_arn: Option<String>,
    #[serde(default)]
    listener_arns: Vec<String>,
    marker: Option<String>,
    page_size: Option<usize>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let state = cx.elbv2();
    let wanted: Box<dyn Fn(&Listener) -> bool> = match (&input.load_balancer_arn, input.listener_arns.is_empty()) {
        (Some(arn), true) => {
            load_balancer::find(state, arn)?;
            Box::new(move |listener| listener.load_balancer_arn == *arn)
        }
        (None, false) => {
            for arn in &input.listener_arns {
                find(state, arn).map_err(|e| match e.code.as_str() {
                    "ListenerNotFound" => ApiError::new("ListenerNotFound", "One or more listeners not found"),
                    _ => e,
                })?;
            }
            Box::new(|listener| input.listener_arns.contains(&listener.arn))
        }
        (None, true) => return Err(invalid("You must specify either listener ARNs or a load balancer ARN")),
        (Some(_), false) => {
            return Err(invalid("Listener ARNs and a load balancer ARN cannot be specified at the same time"));
        }
    };
    let found = state.listeners.values().filter(|listener| wanted(listener));
    let found = found.map(|listener| (listener.arn.clone(), render(listener)));
    listed("Listeners", found, input.marker.as_deref(), input.page_size)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Modify {
    listener_arn: String,
    port: Option<i64>,
    protocol: Option<String>,
    ssl_policy: Option<String>,
    #[serde(default)]
    certificates: Vec<Certificate>,
    default_actions: Option<Vec<Action>>,
    #[serde(default)]
    alpn_policy: Vec<String>,
    mutual_authentication: Option<Value>,
}

/// What is not sent stays as it is; lists that are sent replace the old ones.
pub(super) fn modify(cx: &mut Cx<'_>, input: Modify) -> Result {
    let mut listener = find(cx.elbv2(), &input.listener_arn)?.clone();
    if let Some(port) = input.port {
        check_range("port", port, 1, 65535)?;
        let port = u16::try_from(port).unwrap_or_default();
        let taken =
            |l: &Listener| l.load_balancer_arn == listener.load_balancer_arn && l.port == port && l.arn != listener.arn;
        if cx.elbv2().listeners.values().any(taken) {
            return Err(duplicate(&listener.load_balancer_arn));
        }
        listener.port = port;
    }
    if let Some(protocol) = input.protocol {
        check_protocol(&protocol)?;
        if protocol == "HTTP" {
            (listener.ssl_policy, listener.mutual_authentication) = (None, None);
            listener.certificates.clear();
        }
        listener.protocol = protocol;
    }
    if !input.alpn_policy.is_empty() {
        return Err(invalid("ALPN policies are not supported for load balancers of type 'application'"));
    }
    if !input.certificates.is_empty() {
        let new = default_certificate(cx, input.certificates)?;
        let others = listener.certificates.iter().skip(1).filter(|arn| !new.contains(arn)).cloned();
        listener.certificates = new.iter().cloned().chain(others).collect();
    }
    check_certificate_use(&listener.protocol, &listener.certificates)?;
    if input.ssl_policy.is_some() || listener.ssl_policy.is_none() {
        listener.ssl_policy = check_ssl_policy(input.ssl_policy, &listener.protocol)?;
    }
    if input.mutual_authentication.is_some() || listener.mutual_authentication.is_none() {
        listener.mutual_authentication = check_mutual(input.mutual_authentication, &listener.protocol)?;
    }
    if let Some(actions) = input.default_actions.filter(|actions| !actions.is_empty()) {
        let (lb, protocol) = (listener.load_balancer_arn.clone(), listener.protocol.clone());
        listener.actions = action::normalise(cx.elbv2(), actions, &lb, &protocol, false)?;
    }
    let answer = json!({"Listeners": [render(&listener)]});
    cx.elbv2().listeners.insert(listener.arn.clone(), listener);
    target::uses_changed(cx);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ByArn {
    listener_arn: String,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: ByArn) -> Result {
    let state = cx.elbv2();
    find(state, &input.listener_arn)?;
    state.listeners.remove(&input.listener_arn);
    state.rules.retain(|_, rule| rule.listener_arn != input.listener_arn);
    target::uses_changed(cx);
    Ok(json!({}))
}

pub(super) fn describe_attributes(cx: &mut Cx<'_>, input: ByArn) -> Result {
    let listener = find(cx.elbv2(), &input.listener_arn)?;
    Ok(json!({"Attributes": listener.table().all(&listener.attributes)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ModifyAttributes {
    listener_arn: String,
    attributes: Vec<Attribute>,
}

pub(super) fn modify_attributes(cx: &mut Cx<'_>, input: ModifyAttributes) -> Result {
    let listener = find(cx.elbv2(), &input.listener_arn)?;
    let table = listener.table();
    table.set("Listener", &mut listener.attributes, input.attributes)?;
    Ok(json!({"Attributes": table.all(&listener.attributes)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DescribeCertificates {
    listener_arn: String,
    marker: Option<String>,
    page_size: Option<usize>,
}

pub(super) fn describe_certificates(cx: &mut Cx<'_>, input: DescribeCertificates) -> Result {
    let listener = find(cx.elbv2(), &input.listener_arn)?;
    let certificates = listener.certificates.iter().enumerate();
    let certificates =
        certificates.map(|(at, arn)| (format!("{at:04}"), json!({"CertificateArn": arn, "IsDefault": at == 0})));
    listed("Certificates", certificates, input.marker.as_deref(), input.page_size)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OfListener {
    listener_arn: String,
    certificates: Vec<Certificate>,
}

pub(super) fn add_certificates(cx: &mut Cx<'_>, input: OfListener) -> Result {
    if find(cx.elbv2(), &input.listener_arn)?.protocol != "HTTPS" {
        return Err(invalid("Certificates cannot be specified for HTTP listeners"));
    }
    let new = check_certificates(cx, input.certificates)?;
    let listener = find(cx.elbv2(), &input.listener_arn)?;
    for arn in &new {
        if !listener.certificates.contains(arn) {
            listener.certificates.push(arn.clone());
        }
    }
    Ok(
        json!({"Certificates": new.iter().map(|arn| json!({"CertificateArn": arn, "IsDefault": false})).collect::<Value>()}),
    )
}

pub(super) fn remove_certificates(cx: &mut Cx<'_>, input: OfListener) -> Result {
    let listener = find(cx.elbv2(), &input.listener_arn)?;
    let gone: Vec<String> =
        input.certificates.into_iter().filter_map(|certificate| certificate.certificate_arn).collect();
    if listener.certificates.first().is_some_and(|default| gone.contains(default)) {
        return Err(ApiError::new("OperationNotPermitted", "The default certificate cannot be removed"));
    }
    listener.certificates.retain(|arn| !gone.contains(arn));
    Ok(json!({}))
}

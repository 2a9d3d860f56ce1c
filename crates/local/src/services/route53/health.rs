//! Health checks. They are kept, and nothing is asked: a check is as healthy as it says itself.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::page_size;
use crate::error::{ApiError, Result, fail};
use crate::page;
use crate::tags::Tags;
use crate::world::Cx;

/// A health check.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Check {
    id: String,
    caller_reference: String,
    config: Config,
    version: u64,
    pub(super) tags: Tags,
}

/// What is checked, and how.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
struct Config {
    #[serde(rename = "IPAddress", skip_serializing_if = "Option::is_none")]
    ip_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(rename = "Type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fully_qualified_domain_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    search_string: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_interval: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_threshold: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    measure_latency: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inverted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_threshold: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    child_health_checks: Option<Vec<String>>,
    #[serde(rename = "EnableSNI", skip_serializing_if = "Option::is_none")]
    enable_sni: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    regions: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alarm_identifier: Option<Alarm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    insufficient_data_health_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    routing_control_arn: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Alarm {
    region: String,
    name: String,
}

/// Kinds of checks that ask an endpoint.
const ASKING: &[&str] = &["HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP"];
/// Kinds that follow something else.
const FOLLOWING: &[&str] = &["CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL"];
/// The regions that checkers ask from.
const REGIONS: &[&str] = &[
    "us-east-1",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "sa-east-1",
];

impl Config {
    /// What AWS fills in where nothing is said.
    fn complete(mut self) -> Config {
        self.inverted.get_or_insert(false);
        self.disabled.get_or_insert(false);
        if ASKING.contains(&self.kind.as_str()) {
            self.request_interval.get_or_insert(30);
            self.failure_threshold.get_or_insert(3);
            self.measure_latency.get_or_insert(false);
            self.enable_sni.get_or_insert(self.kind.starts_with("HTTPS"));
            if self.kind != "TCP" {
                self.port.get_or_insert(if self.kind.starts_with("HTTPS") { 443 } else { 80 });
            }
        }
        self
    }

    fn check(&self) -> Result<()> {
        let kind = self.kind.as_str();
        if !ASKING.contains(&kind) && !FOLLOWING.contains(&kind) {
            let all = [ASKING, FOLLOWING].concat().join(", ");
            return fail!(
                "InvalidInput",
                "Invalid XML ; Value '{kind}' is not facet-valid with respect to enumeration '[{all}]'."
            );
        }
        let asks = ASKING.contains(&kind);
        let outside = |value: Option<u16>, allowed: &[u16]| value.is_some_and(|value| !allowed.contains(&value));
        if asks && self.ip_address.is_none() && self.fully_qualified_domain_name.is_none() {
            return fail!("InvalidInput", "Invalid parameter : Either IP address or domain name must be specified");
        }
        if let Some(address) = &self.ip_address
            && address.parse::<std::net::IpAddr>().is_err()
        {
            return fail!("InvalidInput", "Invalid parameter : {address} is not a valid IP address");
        }
        if kind == "TCP" && self.port.is_none() {
            return fail!("InvalidInput", "Invalid parameter : Port must be specified for a TCP health check");
        }
        if kind.ends_with("_STR_MATCH") != self.search_string.as_ref().is_some_and(|text| !text.is_empty()) {
            return fail!(
                "InvalidInput",
                "Invalid parameter : SearchString must be specified for HTTP_STR_MATCH and HTTPS_STR_MATCH only"
            );
        }
        if outside(self.request_interval, &[10, 30]) {
            return fail!("InvalidInput", "Invalid parameter : RequestInterval must be 10 or 30");
        }
        if outside(self.failure_threshold, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) {
            return fail!("InvalidInput", "Invalid parameter : FailureThreshold must be 1 to 10");
        }
        let children = self.child_health_checks.as_ref().is_some_and(|children| !children.is_empty());
        if (kind == "CALCULATED") != children {
            return fail!("InvalidInput", "Invalid parameter : ChildHealthChecks are for CALCULATED health checks");
        }
        if (kind == "CLOUDWATCH_METRIC") != self.alarm_identifier.is_some() {
            return fail!("InvalidInput", "Invalid parameter : AlarmIdentifier is for CLOUDWATCH_METRIC health checks");
        }
        if (kind == "RECOVERY_CONTROL") != self.routing_control_arn.is_some() {
            return fail!(
                "InvalidInput",
                "Invalid parameter : RoutingControlArn is for RECOVERY_CONTROL health checks"
            );
        }
        if let Some(regions) = &self.regions {
            if let Some(unknown) = regions.iter().find(|region| !REGIONS.contains(&region.as_str())) {
                return fail!("InvalidInput", "Invalid parameter : {unknown} is not a region of health checkers");
            }
            if regions.len() < 3 {
                return fail!("InvalidInput", "Invalid parameter : at least 3 regions must be specified");
            }
        }
        Ok(())
    }
}

impl Check {
    fn render(&self) -> Value {
        json!({
            "Id": self.id,
            "CallerReference": self.caller_reference,
            "HealthCheckConfig": self.config,
            "HealthCheckVersion": self.version,
        })
    }
}

/// The health check with this id.
pub(super) fn find<'a>(cx: &'a mut Cx<'_>, id: &str) -> Result<&'a mut Check> {
    let missing = || ApiError::new("NoSuchHealthCheck", format!("No health check exists with the ID {id}")).status(404);
    cx.route53().checks.get_mut(id).ok_or_else(missing)
}

/// A calculated check's children must be there.
fn check_children(cx: &Cx<'_>, config: &Config) -> Result<()> {
    let there = &cx.world.global.route53.checks;
    match config.child_health_checks.iter().flatten().find(|child| !there.contains_key(*child)) {
        Some(child) => fail!("InvalidInput", "Invalid parameter : the child health check {child} does not exist"),
        None => Ok(()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    caller_reference: String,
    health_check_config: Config,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let config = input.health_check_config;
    config.check()?;
    check_children(cx, &config)?;
    let config = config.complete();
    let location = |id: &str| format!("https://route53.amazonaws.com/2013-04-01/healthcheck/{id}");
    // The same request again gets the same answer; another one under the same reference is refused.
    let before = cx.route53().checks.values().find(|check| check.caller_reference == input.caller_reference);
    if let Some(check) = before {
        if check.config == config {
            return Ok(json!({"Location": location(&check.id), "HealthCheck": check.render()}));
        }
        let message = "A health check has already been created with the specified caller reference.";
        return Err(ApiError::new("HealthCheckAlreadyExists", message).status(409));
    }
    let check =
        Check { id: cx.uuid(), caller_reference: input.caller_reference, config, version: 1, tags: Tags::new() };
    let answer = json!({"Location": location(&check.id), "HealthCheck": check.render()});
    cx.route53().checks.insert(check.id.clone(), check);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ById {
    health_check_id: String,
}

pub(super) fn get(cx: &mut Cx<'_>, input: ById) -> Result {
    Ok(json!({"HealthCheck": find(cx, &input.health_check_id)?.render()}))
}

/// AWS deletes it even where records use it.
pub(super) fn delete(cx: &mut Cx<'_>, input: ById) -> Result {
    let id = find(cx, &input.health_check_id)?.id.clone();
    let uses = |check: &Check| check.config.child_health_checks.iter().flatten().any(|child| *child == id);
    if cx.route53().checks.values().any(uses) {
        let message = format!("The health check {id} is a child of another health check");
        return Err(ApiError::new("HealthCheckInUse", message));
    }
    cx.route53().checks.remove(&id);
    Ok(json!({}))
}

/// Everything but type, interval and latency measurement can be changed.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Update {
    health_check_id: String,
    health_check_version: Option<u64>,
    #[serde(rename = "IPAddress")]
    ip_address: Option<String>,
    port: Option<u16>,
    resource_path: Option<String>,
    fully_qualified_domain_name: Option<String>,
    search_string: Option<String>,
    failure_threshold: Option<u16>,
    inverted: Option<bool>,
    disabled: Option<bool>,
    health_threshold: Option<u16>,
    child_health_checks: Option<Vec<String>>,
    #[serde(rename = "EnableSNI")]
    enable_sni: Option<bool>,
    regions: Option<Vec<String>>,
    alarm_identifier: Option<Alarm>,
    insufficient_data_health_status: Option<String>,
    reset_elements: Option<Vec<String>>,
}

pub(super) fn update(cx: &mut Cx<'_>, input: Update) -> Result {
    let check = find(cx, &input.health_check_id)?.clone();
    if input.health_check_version.is_some_and(|version| version != check.version) {
        let message = "The value of HealthCheckVersion in the request doesn't match the value in the health check.";
        return Err(ApiError::new("HealthCheckVersionMismatch", message).status(409));
    }
    let mut config = check.config;
    for element in input.reset_elements.iter().flatten() {
        match element.as_str() {
            "FullyQualifiedDomainName" => config.fully_qualified_domain_name = None,
            "Regions" => config.regions = None,
            "ResourcePath" => config.resource_path = None,
            "ChildHealthChecks" => config.child_health_checks = None,
            other => return fail!("InvalidInput", "Invalid parameter : {other} cannot be reset"),
        }
    }
    fn set<T>(to: &mut Option<T>, from: Option<T>) {
        if from.is_some() {
            *to = from;
        }
    }
    set(&mut config.ip_address, input.ip_address);
    set(&mut config.port, input.port);
    set(&mut config.resource_path, input.resource_path);
    set(&mut config.fully_qualified_domain_name, input.fully_qualified_domain_name);
    set(&mut config.search_string, input.search_string);
    set(&mut config.failure_threshold, input.failure_threshold);
    set(&mut config.inverted, input.inverted);
    set(&mut config.disabled, input.disabled);
    set(&mut config.health_threshold, input.health_threshold);
    set(&mut config.child_health_checks, input.child_health_checks);
    set(&mut config.enable_sni, input.enable_sni);
    set(&mut config.regions, input.regions);
    set(&mut config.alarm_identifier, input.alarm_identifier);
    set(&mut config.insufficient_data_health_status, input.insufficient_data_health_status);
    config.check()?;
    check_children(cx, &config)?;
    let check = find(cx, &input.health_check_id)?;
    check.config = config;
    check.version += 1;
    Ok(json!({"HealthCheck": check.render()}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let size = page_size(input.max_items, 100)?;
    let checks = cx.route53().checks.values().map(|check| (check.id.clone(), check.render()));
    let page = page::page(checks, input.marker.as_deref(), size, "InvalidInput")?;
    Ok(json!({
        "HealthChecks": page.items,
        "Marker": input.marker.unwrap_or_default(),
        "IsTruncated": page.next.is_some(),
        "NextMarker": page.next,
        "MaxItems": size.to_string(),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Count {}

pub(super) fn count(cx: &mut Cx<'_>, _: Count) -> Result {
    Ok(json!({"HealthCheckCount": cx.route53().checks.len()}))
}

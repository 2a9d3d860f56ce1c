//! Route 53: hosted zones, the records in them, and health checks.
//!
//! [`create_private_zone`], [`put_records`] and [`remove_records`] are for services that keep a zone of their own, as
//! Cloud Map does.

mod batch;
mod change;
mod health;
mod name;
mod record;
mod tagging;
mod value;
mod zone;

use std::collections::BTreeMap;

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::clock::Time;
use crate::error::{ApiError, Result};
use crate::protocol::{Protocol, Rest};
use crate::services::{Resource, Service, operations};
use crate::throttle::Bucket;
use crate::world::Cx;

pub(crate) use self::record::RecordSet;
#[cfg(test)]
pub(crate) use self::zone::create_public_zone;
pub(crate) use self::zone::{Zone, create_private_zone, create_service_zone, delete_private_zone};

/// The account's zones.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    /// By id.
    pub(crate) zones: BTreeMap<String, Zone>,
    /// When each change was submitted, by id.
    changes: BTreeMap<String, (Time, Option<String>)>,
    /// By id.
    checks: BTreeMap<String, health::Check>,
}

pub(crate) static SERVICE: Service = Service {
    name: "route53",
    prefix: "route53",
    protocol: Protocol::RestXml { namespace: "https://route53.amazonaws.com/doc/2013-04-01/", route },
    invalid: "InvalidInput",
    handler,
    // Five requests a second per account, whatever they are.
    bucket: |_| Some(Bucket::shared("route53", 5.0, 5.0)),
    on_event: |_, _| {},
    resources,
};

operations! {
    "CreateHostedZone" => zone::create,
    "GetHostedZone" => zone::get,
    "DeleteHostedZone" => zone::delete,
    "ListHostedZones" => zone::list,
    "ListHostedZonesByName" => zone::list_by_name,
    "ListHostedZonesByVPC" => zone::list_by_vpc,
    "GetHostedZoneCount" => zone::count,
    "UpdateHostedZoneComment" => zone::update_comment,
    "AssociateVPCWithHostedZone" => zone::associate_vpc,
    "DisassociateVPCFromHostedZone" => zone::disassociate_vpc,
    "GetDNSSEC" => zone::get_dnssec,
    "ListQueryLoggingConfigs" => zone::list_query_logging,

    "ChangeResourceRecordSets" => batch::change,
    "ListResourceRecordSets" => record::list,
    "GetChange" => change::get,

    "CreateHealthCheck" => health::create,
    "GetHealthCheck" => health::get,
    "UpdateHealthCheck" => health::update,
    "DeleteHealthCheck" => health::delete,
    "ListHealthChecks" => health::list,
    "GetHealthCheckCount" => health::count,

    "ChangeTagsForResource" => tagging::change,
    "ListTagsForResource" => tagging::list,
    "ListTagsForResources" => tagging::list_many,
}

/// Makes a service's records (replacing those of the same name and type). False if there is no such zone.
pub(crate) fn put_records(cx: &mut Cx<'_>, zone_id: &str, name: &str, kind: &str, ttl: u64, values: &[String]) -> bool {
    let Some(zone) = cx.route53().zones.get_mut(zone_id) else { return false };
    let set = RecordSet {
        name: name::canonical(name),
        kind: kind.to_owned(),
        ttl: Some(ttl),
        values: values.to_vec(),
        ..RecordSet::default()
    };
    zone.records.insert(set.key(), set);
    true
}

/// Removes a service's records of one name and type.
pub(crate) fn remove_records(cx: &mut Cx<'_>, zone_id: &str, name: &str, kind: &str) {
    let name = name::canonical(name);
    if let Some(zone) = cx.route53().zones.get_mut(zone_id) {
        zone.records.retain(|_, set| set.name != name || set.kind != kind);
    }
}

/// From method and path to an operation and its input.
fn route(rest: &Rest) -> Option<(String, Value)> {
    let segments: Vec<&str> = rest.segments.iter().map(String::as_str).collect();
    let ["2013-04-01", path @ ..] = segments.as_slice() else { return None };
    let parameter = |name: &str| rest.parameter(name).map_or(Value::Null, Value::from);
    let body = || if rest.body.is_object() { rest.body.clone() } else { json!({}) };
    let (operation, ids, mut input): (&str, &[(&str, &str)], Value) = match (&rest.method, path) {
        (&Method::POST, ["hostedzone"]) => ("CreateHostedZone", &[], body()),
        (&Method::GET, ["hostedzone"]) => {
            let input = json!({
                "Marker": parameter("marker"), "MaxItems": parameter("maxitems"),
                "DelegationSetId": parameter("delegationsetid"), "HostedZoneType": parameter("hostedzonetype"),
            });
            ("ListHostedZones", &[], input)
        }
        (&Method::GET, ["hostedzonesbyname"]) => {
            let input = json!({
                "DNSName": parameter("dnsname"), "HostedZoneId": parameter("hostedzoneid"),
                "MaxItems": parameter("maxitems"),
            });
            ("ListHostedZonesByName", &[], input)
        }
        (&Method::GET, ["hostedzonesbyvpc"]) => {
            let input = json!({
                "VPCId": parameter("vpcid"), "VPCRegion": parameter("vpcregion"),
                "MaxItems": parameter("maxitems"), "NextToken": parameter("nexttoken"),
            });
            ("ListHostedZonesByVPC", &[], input)
        }
        (&Method::GET, ["hostedzonecount"]) => ("GetHostedZoneCount", &[], json!({})),
        (&Method::POST, ["healthcheck"]) => ("CreateHealthCheck", &[], body()),
        (&Method::GET, ["healthcheck"]) => {
            let input = json!({"Marker": parameter("marker"), "MaxItems": parameter("maxitems")});
            ("ListHealthChecks", &[], input)
        }
        (&Method::GET, ["healthcheckcount"]) => ("GetHealthCheckCount", &[], json!({})),
        (&Method::GET, ["healthcheck", id]) => ("GetHealthCheck", &[("HealthCheckId", id)], json!({})),
        (&Method::POST, ["healthcheck", id]) => ("UpdateHealthCheck", &[("HealthCheckId", id)], body()),
        (&Method::DELETE, ["healthcheck", id]) => ("DeleteHealthCheck", &[("HealthCheckId", id)], json!({})),
        (&Method::GET, ["queryloggingconfig"]) => {
            let input = json!({
                "HostedZoneId": parameter("hostedzoneid"), "NextToken": parameter("nexttoken"),
                "MaxResults": parameter("maxresults"),
            });
            ("ListQueryLoggingConfigs", &[], input)
        }
        (&Method::GET, ["change", id]) => ("GetChange", &[("Id", id)], json!({})),
        (&Method::GET, ["tags", kind, id]) => {
            ("ListTagsForResource", &[("ResourceType", kind), ("ResourceId", id)], json!({}))
        }
        (&Method::POST, ["tags", kind, id]) => {
            ("ChangeTagsForResource", &[("ResourceType", kind), ("ResourceId", id)], body())
        }
        (&Method::POST, ["tags", kind]) => ("ListTagsForResources", &[("ResourceType", kind)], body()),
        (method, ["hostedzone", path @ ..]) => return zone_route(rest, method, path, body(), &parameter),
        _ => return None,
    };
    add(&mut input, ids);
    Some((operation.to_owned(), input))
}

fn zone_route(
    rest: &Rest,
    method: &Method,
    path: &[&str],
    body: Value,
    parameter: &dyn Fn(&str) -> Value,
) -> Option<(String, Value)> {
    // An id may be sent as it is returned: `/hostedzone/Z123`.
    let path = match path {
        ["hostedzone", path @ ..] => path,
        path => path,
    };
    let (id, rest_of_path) = path.split_first()?;
    let (operation, mut input) = match (method, rest_of_path) {
        (&Method::GET, []) => ("GetHostedZone", json!({})),
        (&Method::DELETE, []) => ("DeleteHostedZone", json!({})),
        (&Method::POST, []) => ("UpdateHostedZoneComment", body),
        (&Method::GET, ["dnssec"]) => ("GetDNSSEC", json!({})),
        (&Method::POST, ["associatevpc"]) => ("AssociateVPCWithHostedZone", body),
        (&Method::POST, ["disassociatevpc"]) => ("DisassociateVPCFromHostedZone", body),
        (&Method::POST, ["rrset"]) => ("ChangeResourceRecordSets", body),
        (&Method::GET, ["rrset"]) => {
            let input = json!({
                "StartRecordName": parameter("name"), "StartRecordType": parameter("type"),
                "StartRecordIdentifier": parameter("identifier"), "MaxItems": rest.parameter("maxitems"),
            });
            ("ListResourceRecordSets", input)
        }
        _ => return None,
    };
    add(&mut input, &[("Id", id)]);
    Some((operation.to_owned(), input))
}

fn add(input: &mut Value, members: &[(&str, &str)]) {
    if !input.is_object() {
        *input = Value::Object(Map::new());
    }
    for (key, value) in members {
        input[*key] = (*value).into();
    }
}

fn resources(cx: &Cx<'_>) -> Vec<Resource> {
    if cx.region != "us-east-1" {
        return Vec::new();
    }
    let state = &cx.world.global.route53;
    let zones = state.zones.values().map(|zone| Resource {
        arn: format!("arn:aws:route53:::hostedzone/{}", zone.id),
        kind: "route53:hostedzone",
        tags: zone.tags.clone(),
    });
    let checks = state.checks.iter().map(|(id, check)| Resource {
        arn: format!("arn:aws:route53:::healthcheck/{id}"),
        kind: "route53:healthcheck",
        tags: check.tags.clone(),
    });
    zones.chain(checks).collect()
}

/// The zone with this id.
fn find<'a>(cx: &'a mut Cx<'_>, id: &str) -> Result<&'a mut Zone> {
    match cx.route53().zones.get_mut(id) {
        Some(zone) => Ok(zone),
        None => Err(ApiError::new("NoSuchHostedZone", format!("No hosted zone found with ID: {id}")).status(404)),
    }
}

/// The same, to change it: a service's zone is not its users' to change.
fn find_own<'a>(cx: &'a mut Cx<'_>, id: &str) -> Result<&'a mut Zone> {
    let zone = find(cx, id)?;
    match &zone.owner {
        None => Ok(zone),
        Some(owner) => Err(ApiError::new(
            "AccessDenied",
            format!("The resource hostedzone/{id} can only be managed through {}", owner.description),
        )
        .status(403)),
    }
}

/// How many items a page has: what was asked for, 100 or 300 at most.
fn page_size(max_items: Option<usize>, most: usize) -> Result<usize> {
    match max_items {
        None => Ok(most),
        Some(0) => Err(ApiError::new("InvalidInput", "The value of maxitems must be at least 1")),
        Some(size) => Ok(size.min(most)),
    }
}

#[cfg(test)]
mod tests;

//! Instances: registered by users with an operation, and by ECS at once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{ApiError, Result, fail};
use crate::page::page;
use crate::services::members::bare;
use crate::services::servicediscovery::operation::{self, End};
use crate::services::servicediscovery::service::{DiscoveryService, find};
use crate::services::servicediscovery::{text, zone};
use crate::timings;
use crate::world::Cx;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Instance {
    pub(crate) attributes: BTreeMap<String, String>,
    /// As its registrar reports it, where the service has a custom health check.
    pub(crate) healthy: bool,
    #[serde(default)]
    creator_request_id: Option<String>,
}

/// Registers an instance at once, as ECS does; its A record appears with it.
pub(crate) fn put(cx: &mut Cx<'_>, service: &str, id: &str, attributes: BTreeMap<String, String>) -> Result<()> {
    let service = find(cx, service)?;
    let healthy = attributes.get("AWS_INIT_HEALTH_STATUS").is_none_or(|status| status == "HEALTHY");
    service.instances.insert(id.to_owned(), Instance { attributes, healthy, creator_request_id: None });
    service.revision += 1;
    let service = service.id.clone();
    zone::publish(cx, &service, id);
    Ok(())
}

/// Deregisters at once. True if there was anything to deregister.
pub(crate) fn remove(cx: &mut Cx<'_>, service: &str, id: &str) -> bool {
    let Ok(service) = find(cx, service) else { return false };
    let service = service.id.clone();
    zone::withdraw(cx, &service, id);
    find(cx, &service).is_ok_and(|s| {
        s.revision += 1;
        s.instances.remove(id).is_some()
    })
}

/// Reports an instance's health, as ECS does.
pub(crate) fn set_health(cx: &mut Cx<'_>, service: &str, id: &str, healthy: bool) {
    let Ok(service) = find(cx, service) else { return };
    let name = service.id.clone();
    if let Some(instance) = service.instances.get_mut(id)
        && instance.healthy != healthy
    {
        instance.healthy = healthy;
        service.revision += 1;
        // Unhealthy instances are not in DNS.
        if healthy { zone::publish(cx, &name, id) } else { zone::withdraw(cx, &name, id) }
    }
}

/// Whether an instance of this service is on its way.
pub(super) fn registering(cx: &mut Cx<'_>, service: &str) -> bool {
    operation::running(cx, &["REGISTER_INSTANCE"], ("SERVICE", service)).is_some()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Register {
    service_id: String,
    instance_id: String,
    creator_request_id: Option<String>,
    attributes: BTreeMap<String, String>,
}

fn check(service: &DiscoveryService, attributes: &BTreeMap<String, String>) -> Result<()> {
    if attributes.is_empty() || attributes.len() > 30 {
        return fail!("InvalidInput", "An instance has 1 to 30 attributes");
    }
    for record in service.dns.iter().flat_map(|d| &d.records) {
        let needed: &[&str] = match record.kind.as_str() {
            "A" => &["AWS_INSTANCE_IPV4"],
            "AAAA" => &["AWS_INSTANCE_IPV6"],
            "CNAME" => &["AWS_INSTANCE_CNAME"],
            "SRV" => &["AWS_INSTANCE_PORT"],
            _ => &[],
        };
        for name in needed {
            if !attributes.contains_key(*name) {
                return fail!(
                    "InvalidInput",
                    "The attribute {name} is required for DNS records of type {}",
                    record.kind
                );
            }
        }
    }
    if let Some(ip) = attributes.get("AWS_INSTANCE_IPV4")
        && ip.parse::<std::net::Ipv4Addr>().is_err()
    {
        return fail!("InvalidInput", "'{ip}' is not an IPv4 address");
    }
    match attributes.get("AWS_INIT_HEALTH_STATUS").map(String::as_str) {
        None => Ok(()),
        Some("HEALTHY" | "UNHEALTHY") if service.custom_health => Ok(()),
        Some(_) => {
            fail!("InvalidInput", "AWS_INIT_HEALTH_STATUS needs a custom health check, and is HEALTHY or UNHEALTHY")
        }
    }
}

pub(super) fn register(cx: &mut Cx<'_>, input: Register) -> Result {
    let service = find(cx, &input.service_id)?;
    if input.instance_id.is_empty() || input.instance_id.len() > 64 {
        return fail!("InvalidInput", "An instance ID has 1 to 64 characters");
    }
    check(service, &input.attributes)?;
    let id = service.id.clone();
    if let Some(token) = &input.creator_request_id
        && let Some(running) = operation::by_token(cx, "REGISTER_INSTANCE", token)
    {
        return Ok(json!({"OperationId": running.id()}));
    }
    if let Some(running) =
        operation::running(cx, &["REGISTER_INSTANCE", "DEREGISTER_INSTANCE"], ("INSTANCE", &input.instance_id))
    {
        return Err(operation::duplicate(running.id()));
    }
    let body = json!({
        "do": "register",
        "service": id,
        "instance": input.instance_id,
        "token": input.creator_request_id,
        "attributes": input.attributes,
    });
    let targets = [("SERVICE", id.as_str()), ("INSTANCE", input.instance_id.as_str())];
    Ok(operation::begin(cx, "REGISTER_INSTANCE", &targets, input.creator_request_id, timings::INSTANCE_REGISTER, body))
}

pub(super) fn registered(cx: &mut Cx<'_>, body: &Value) -> End {
    let attributes = serde_json::from_value(body["attributes"].clone()).unwrap_or_default();
    let (service, id) = (text(body, "service"), text(body, "instance"));
    put(cx, service, id, attributes).map_err(|e| ("INTERNAL_FAILURE", e.message))?;
    if let Ok(service) = find(cx, service)
        && let Some(instance) = service.instances.get_mut(id)
    {
        instance.creator_request_id = body["token"].as_str().map(str::to_owned);
    }
    Ok(())
}

fn not_found(id: &str) -> ApiError {
    ApiError::new("InstanceNotFound", format!("No instance exists with the ID '{id}'."))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Named {
    service_id: String,
    instance_id: String,
}

pub(super) fn deregister(cx: &mut Cx<'_>, input: Named) -> Result {
    let service = find(cx, &input.service_id)?;
    if !service.instances.contains_key(&input.instance_id) {
        return Err(not_found(&input.instance_id));
    }
    let id = service.id.clone();
    let target = ("INSTANCE", input.instance_id.as_str());
    if let Some(running) = operation::running(cx, &["REGISTER_INSTANCE", "DEREGISTER_INSTANCE"], target) {
        return Err(operation::duplicate(running.id()));
    }
    let body = json!({"do": "deregister", "service": id, "instance": input.instance_id});
    let targets = [("SERVICE", id.as_str()), target];
    Ok(operation::begin(cx, "DEREGISTER_INSTANCE", &targets, None, timings::INSTANCE_DEREGISTER, body))
}

pub(super) fn deregistered(cx: &mut Cx<'_>, body: &Value) -> End {
    remove(cx, text(body, "service"), text(body, "instance"));
    Ok(())
}

pub(super) fn get(cx: &mut Cx<'_>, input: Named) -> Result {
    let service = find(cx, &input.service_id)?;
    let instance = service.instances.get(&input.instance_id).ok_or_else(|| not_found(&input.instance_id))?;
    Ok(bare(json!({"ResourceOwner": "SELF", "Instance": {
        "Id": input.instance_id,
        "CreatorRequestId": instance.creator_request_id,
        "Attributes": instance.attributes,
    }})))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    service_id: String,
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let service = find(cx, &input.service_id)?;
    let all = service.instances.iter().map(|(id, i)| (id.clone(), json!({"Id": id, "Attributes": i.attributes})));
    let page = page(
        all,
        input.next_token.as_deref(),
        crate::page::size(input.max_results, 100, 100, "InvalidInput")?,
        "InvalidInput",
    )?;
    Ok(bare(json!({"ResourceOwner": "SELF", "Instances": page.items, "NextToken": page.next})))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Health {
    service_id: String,
    #[serde(default)]
    instances: Vec<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

fn status(service: &DiscoveryService, instance: &Instance) -> &'static str {
    match (service.custom_health, instance.healthy) {
        (false, _) => "UNKNOWN",
        (true, true) => "HEALTHY",
        (true, false) => "UNHEALTHY",
    }
}

pub(super) fn health(cx: &mut Cx<'_>, input: Health) -> Result {
    let service = &*find(cx, &input.service_id)?;
    if let Some(id) = input.instances.iter().find(|id| !service.instances.contains_key(*id)) {
        return Err(not_found(id));
    }
    let wanted = |id: &String| input.instances.is_empty() || input.instances.contains(id);
    let all = service.instances.iter().filter(|(id, _)| wanted(id));
    let all = all.map(|(id, i)| (id.clone(), (id.clone(), Value::from(status(service, i)))));
    let page = page(
        all,
        input.next_token.as_deref(),
        crate::page::size(input.max_results, 100, 100, "InvalidInput")?,
        "InvalidInput",
    )?;
    let statuses: serde_json::Map<String, Value> = page.items.into_iter().collect();
    Ok(bare(json!({"Status": statuses, "NextToken": page.next})))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UpdateHealth {
    service_id: String,
    instance_id: String,
    status: String,
}

pub(super) fn update_health(cx: &mut Cx<'_>, input: UpdateHealth) -> Result {
    let service = find(cx, &input.service_id)?;
    if !service.custom_health {
        return fail!("CustomHealthNotFound", "The service has no custom health check.");
    }
    if !service.instances.contains_key(&input.instance_id) {
        return Err(not_found(&input.instance_id));
    }
    let healthy = match input.status.as_str() {
        "HEALTHY" => true,
        "UNHEALTHY" => false,
        other => return fail!("InvalidInput", "The status '{other}' is not valid"),
    };
    set_health(cx, &input.service_id, &input.instance_id, healthy);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Discover {
    namespace_name: String,
    service_name: String,
    max_results: Option<usize>,
    #[serde(default)]
    query_parameters: BTreeMap<String, String>,
    #[serde(default)]
    optional_parameters: BTreeMap<String, String>,
    health_status: Option<String>,
    #[serde(rename = "OwnerAccount")]
    _owner_account: Option<String>,
}

fn by_names<'c>(cx: &'c mut Cx<'_>, namespace: &str, service: &str) -> Result<&'c DiscoveryService> {
    let state = cx.servicediscovery();
    let Some(within) = state.namespaces.values().find(|n| n.name == namespace && n.is_made()) else {
        return fail!("NamespaceNotFound", "No namespace exists with the name '{namespace}'.");
    };
    let found = state.services.values().find(|s| s.namespace == within.id && s.name.eq_ignore_ascii_case(service));
    found.ok_or_else(|| ApiError::new("ServiceNotFound", format!("No service exists with the name '{service}'.")))
}

pub(super) fn discover(cx: &mut Cx<'_>, input: Discover) -> Result {
    let service = by_names(cx, &input.namespace_name, &input.service_name)?;
    let has =
        |i: &Instance, wanted: &BTreeMap<String, String>| wanted.iter().all(|(k, v)| i.attributes.get(k) == Some(v));
    let all: Vec<_> = service.instances.iter().filter(|(_, i)| has(i, &input.query_parameters)).collect();
    let well: Vec<_> = all.iter().copied().filter(|(_, i)| status(service, i) != "UNHEALTHY").collect();
    let mut chosen = match input.health_status.as_deref().unwrap_or("HEALTHY_OR_ELSE_ALL") {
        "ALL" => all,
        "HEALTHY" => well,
        "UNHEALTHY" => all.into_iter().filter(|(_, i)| status(service, i) == "UNHEALTHY").collect(),
        "HEALTHY_OR_ELSE_ALL" => {
            if well.is_empty() {
                all
            } else {
                well
            }
        }
        other => return fail!("InvalidInput", "The health status '{other}' is not valid"),
    };
    let preferred: Vec<_> = chosen.iter().copied().filter(|(_, i)| has(i, &input.optional_parameters)).collect();
    if !preferred.is_empty() {
        chosen = preferred;
    }
    let chosen = chosen.into_iter().take(crate::page::size(input.max_results, 100, 1000, "InvalidInput")?);
    let instances: Vec<Value> = chosen
        .map(|(id, i)| {
            json!({
                "InstanceId": id,
                "NamespaceName": input.namespace_name,
                "ServiceName": input.service_name,
                "HealthStatus": status(service, i),
                "Attributes": i.attributes,
            })
        })
        .collect();
    Ok(json!({"Instances": instances, "InstancesRevision": service.revision}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Revision {
    namespace_name: String,
    service_name: String,
    #[serde(rename = "OwnerAccount")]
    _owner_account: Option<String>,
}

pub(super) fn revision(cx: &mut Cx<'_>, input: Revision) -> Result {
    let service = by_names(cx, &input.namespace_name, &input.service_name)?;
    Ok(json!({"InstancesRevision": service.revision}))
}

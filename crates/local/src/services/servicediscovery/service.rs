//! Services of a namespace: names under which instances are found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::page::page;
use crate::services::members::bare;
use crate::services::servicediscovery::instance::{self, Instance};
use crate::services::servicediscovery::operation::{self, End};
use crate::services::servicediscovery::{Filter, id_of, namespace, passes, tagging, text, zone};
use crate::tags::{self, Tag, Tags};
use crate::timings;
use crate::world::Cx;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DiscoveryService {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) name: String,
    /// The namespace's id.
    pub(crate) namespace: String,
    kind: String,
    description: Option<String>,
    pub(crate) dns: Option<Dns>,
    health_check: Option<Value>,
    /// Health is reported by whoever registers instances.
    pub(crate) custom_health: bool,
    creator_request_id: String,
    created: Time,
    pub(crate) tags: Tags,
    pub(crate) instances: BTreeMap<String, Instance>,
    /// Grows with every change of the instances.
    pub(crate) revision: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Dns {
    routing: String,
    pub(crate) records: Vec<DnsRecord>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct DnsRecord {
    #[serde(rename = "Type")]
    pub(crate) kind: String,
    #[serde(rename = "TTL")]
    pub(crate) ttl: u64,
}

pub(crate) fn find<'c>(cx: &'c mut Cx<'_>, id: &str) -> Result<&'c mut DiscoveryService> {
    let id = id_of(id);
    let found = cx.servicediscovery().services.get_mut(id);
    found.ok_or_else(|| ApiError::new("ServiceNotFound", format!("No service exists with the ID '{id}'.")))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DnsConfig {
    namespace_id: Option<String>,
    routing_policy: Option<String>,
    dns_records: Vec<DnsRecord>,
}

/// Route 53's checks, which look at instances from the internet.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct HealthCheck {
    #[serde(rename = "Type")]
    kind: String,
    resource_path: Option<String>,
    failure_threshold: Option<u64>,
}

impl HealthCheck {
    fn checked(self, namespace: namespace::Kind) -> Result<Value> {
        if namespace != namespace::Kind::Public {
            return fail!("InvalidInput", "HealthCheckConfig is supported for services in public DNS namespaces only");
        }
        let path = match (self.kind.as_str(), self.resource_path) {
            ("HTTP" | "HTTPS", path) => Some(path.unwrap_or_else(|| "/".to_owned())),
            ("TCP", None) => None,
            ("TCP", Some(_)) => return fail!("InvalidInput", "ResourcePath is not supported for TCP health checks"),
            (other, _) => return fail!("InvalidInput", "The health check type '{other}' is not valid"),
        };
        let threshold = self.failure_threshold.unwrap_or(1);
        if !(1..=10).contains(&threshold) {
            return fail!("InvalidInput", "FailureThreshold must be from 1 to 10");
        }
        Ok(bare(json!({"Type": self.kind, "ResourcePath": path, "FailureThreshold": threshold})))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct CustomHealth {
    #[serde(rename = "FailureThreshold")]
    _failure_threshold: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    name: String,
    namespace_id: Option<String>,
    creator_request_id: Option<String>,
    description: Option<String>,
    dns_config: Option<DnsConfig>,
    health_check_config: Option<HealthCheck>,
    health_check_custom_config: Option<CustomHealth>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(rename = "Type")]
    kind: Option<String>,
}

fn check_records(records: &[DnsRecord], routing: &str) -> Result<()> {
    let kinds: Vec<&str> = records.iter().map(|r| r.kind.as_str()).collect();
    let mut sorted = kinds.clone();
    sorted.sort_unstable();
    // One each of A, AAAA and SRV in any combination, or a CNAME and nothing else.
    let once = sorted.windows(2).all(|pair| pair[0] != pair[1]);
    let known = |kind: &&str| ["A", "AAAA", "SRV"].contains(kind);
    if sorted != ["CNAME"] && (sorted.is_empty() || !once || !sorted.iter().all(known)) {
        return fail!("InvalidInput", "The DNS records [{}] cannot be combined", kinds.join(", "));
    }
    if sorted == ["CNAME"] && routing != "WEIGHTED" {
        return fail!("InvalidInput", "A CNAME record needs the routing policy WEIGHTED");
    }
    if records.iter().any(|r| r.ttl > 2_147_483_647) {
        return fail!("InvalidInput", "The TTL must be at most 2147483647");
    }
    Ok(())
}

/// `_name` and parts of letters, digits, dashes: AWS's pattern, in words.
fn legal_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    !name.is_empty()
        && name.len() <= 127
        && name.chars().all(legal)
        && !name.starts_with(['-', '.'])
        && !name.ends_with(['-', '.'])
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    if !legal_name(&input.name) {
        return fail!("InvalidInput", "The service name '{}' is not valid", input.name);
    }
    let within = match (&input.namespace_id, input.dns_config.as_ref().and_then(|d| d.namespace_id.as_ref())) {
        (Some(a), Some(b)) if id_of(a) != id_of(b) => {
            return fail!("InvalidInput", "The namespace IDs of the service and of its DNS configuration differ");
        }
        (Some(id), _) | (None, Some(id)) => id.clone(),
        (None, None) => return fail!("InvalidInput", "NamespaceId is required"),
    };
    let namespace = namespace::find(cx, &within)?;
    let (within, kind_of_namespace) = (namespace.id.clone(), namespace.kind());
    if input.health_check_config.is_some() && input.health_check_custom_config.is_some() {
        return fail!("InvalidInput", "HealthCheckConfig and HealthCheckCustomConfig cannot both be specified");
    }
    let health_check = input.health_check_config.map(|check| check.checked(kind_of_namespace)).transpose()?;
    if kind_of_namespace == namespace::Kind::Http && input.dns_config.is_some() {
        return fail!("InvalidInput", "DnsConfig is not supported for services in HTTP namespaces");
    }
    let dns = match input.dns_config {
        Some(config) => {
            let routing = config.routing_policy.unwrap_or_else(|| "MULTIVALUE".to_owned());
            if !matches!(routing.as_str(), "MULTIVALUE" | "WEIGHTED") {
                return fail!("InvalidInput", "The routing policy '{routing}' is not valid");
            }
            check_records(&config.dns_records, &routing)?;
            Some(Dns { routing, records: config.dns_records })
        }
        None => None,
    };
    let kind = match (input.kind.as_deref(), &dns) {
        (None, None) | (Some("HTTP"), None) => "HTTP",
        (None, Some(_)) => "DNS_HTTP",
        _ => return fail!("InvalidInput", "The service type does not fit the DNS configuration"),
    };
    let tags = tags::from_list(input.tags);
    tagging::check(&tags)?;
    let token = match input.creator_request_id {
        Some(token) if token.len() > 64 => return fail!("InvalidInput", "CreatorRequestId has at most 64 characters"),
        Some(token) => token,
        None => cx.uuid(),
    };
    // AWS answers a repeated request with what the first one made.
    let existing = cx.servicediscovery().services.values();
    if let Some(made) =
        existing.clone().find(|s| s.creator_request_id == token && s.name == input.name && s.namespace == within)
    {
        return Ok(json!({"Service": full(made)}));
    }
    if let Some(made) = existing.into_iter().find(|s| s.namespace == within && s.name.eq_ignore_ascii_case(&input.name))
    {
        return Err(ApiError::new("ServiceAlreadyExists", "Service already exists.")
            .detail("CreatorRequestId", made.creator_request_id.as_str())
            .detail("ServiceId", made.id.as_str())
            .detail("ServiceArn", made.arn.as_str()));
    }
    let id = format!("srv-{}", cx.lower(16));
    let service = DiscoveryService {
        arn: cx.arn("servicediscovery", &format!("service/{id}")),
        id: id.clone(),
        name: input.name,
        namespace: within,
        kind: kind.to_owned(),
        description: input.description,
        dns,
        health_check,
        custom_health: input.health_check_custom_config.is_some(),
        creator_request_id: token,
        created: cx.now(),
        tags,
        instances: BTreeMap::new(),
        revision: 1,
    };
    let answer = full(&service);
    cx.servicediscovery().services.insert(id, service);
    Ok(json!({"Service": answer}))
}

fn shape(service: &DiscoveryService) -> Value {
    json!({
        "Id": service.id,
        "Arn": service.arn,
        "ResourceOwner": "SELF",
        "Name": service.name,
        "Type": service.kind,
        "Description": service.description,
        "InstanceCount": service.instances.len(),
        "DnsConfig": service.dns.as_ref().map(|dns| json!({
            "RoutingPolicy": dns.routing,
            "DnsRecords": dns.records,
        })),
        "HealthCheckConfig": service.health_check,
        "HealthCheckCustomConfig": service.custom_health.then(|| json!({"FailureThreshold": 1})),
        "CreateDate": service.created.epoch_seconds(),
    })
}

fn full(service: &DiscoveryService) -> Value {
    let mut answer = shape(service);
    answer["NamespaceId"] = service.namespace.as_str().into();
    answer["CreatorRequestId"] = service.creator_request_id.as_str().into();
    if answer["DnsConfig"].is_object() {
        answer["DnsConfig"]["NamespaceId"] = service.namespace.as_str().into();
    }
    bare(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Named {
    id: String,
}

pub(super) fn get(cx: &mut Cx<'_>, input: Named) -> Result {
    Ok(json!({"Service": full(find(cx, &input.id)?)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct List {
    next_token: Option<String>,
    max_results: Option<usize>,
    #[serde(default)]
    filters: Vec<Filter>,
}

pub(super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
    let mut items = Vec::new();
    for service in cx.servicediscovery().services.values() {
        let ask = |name: &str| match name {
            "NAMESPACE_ID" => Some(vec![service.namespace.clone()]),
            "RESOURCE_OWNER" => Some(vec!["SELF".to_owned()]),
            _ => None,
        };
        if passes(&input.filters, ask)? {
            items.push((service.id.clone(), bare(shape(service))));
        }
    }
    let page = page(
        items,
        input.next_token.as_deref(),
        crate::page::size(input.max_results, 100, 100, "InvalidInput")?,
        "InvalidInput",
    )?;
    Ok(bare(json!({"Services": page.items, "NextToken": page.next})))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DnsChange {
    dns_records: Vec<DnsRecord>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Change {
    description: Option<String>,
    dns_config: Option<DnsChange>,
    health_check_config: Option<HealthCheck>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Update {
    id: String,
    service: Change,
}

/// Replaces: DNS records and health check that are not named are gone.
pub(super) fn update(cx: &mut Cx<'_>, input: Update) -> Result {
    let service = find(cx, &input.id)?;
    let id = service.id.clone();
    let within = service.namespace.clone();
    let kind = namespace::find(cx, &within)?.kind();
    let health_check = input.service.health_check_config.map(|check| check.checked(kind)).transpose()?;
    let service = find(cx, &input.id)?;
    if let Some(change) = &input.service.dns_config {
        let Some(dns) = &service.dns else {
            return fail!("InvalidInput", "A DNS configuration cannot be added to a service that has none");
        };
        check_records(&change.dns_records, &dns.routing)?;
        let kinds =
            |records: &[DnsRecord]| records.iter().map(|r| r.kind.clone()).collect::<std::collections::BTreeSet<_>>();
        if kinds(&change.dns_records) != kinds(&dns.records) && !dns.records.is_empty() {
            return fail!("InvalidInput", "The types of DNS records cannot be changed");
        }
    }
    if let Some(running) = operation::running(cx, &["UPDATE_SERVICE"], ("SERVICE", &id)) {
        return Err(operation::duplicate(running.id()));
    }
    let body = json!({
        "do": "update service",
        "service": id,
        "description": input.service.description,
        "records": input.service.dns_config.map(|d| d.dns_records),
        "healthCheck": health_check,
    });
    Ok(operation::begin(cx, "UPDATE_SERVICE", &[("SERVICE", &id)], None, timings::DISCOVERY_SERVICE_UPDATE, body))
}

pub(super) fn updated(cx: &mut Cx<'_>, body: &Value) -> End {
    let id = text(body, "service").to_owned();
    let Ok(service) = find(cx, &id) else { return Ok(()) };
    if let Some(description) = body["description"].as_str() {
        service.description = Some(description.to_owned()).filter(|d| !d.is_empty());
    }
    service.health_check = Some(body["healthCheck"].clone()).filter(|check| !check.is_null());
    let records: Vec<DnsRecord> = serde_json::from_value(body["records"].clone()).unwrap_or_default();
    let ids: Vec<String> = service.instances.keys().cloned().collect();
    // The old records go as they were, the new ones come as they are now.
    for instance in &ids {
        zone::withdraw(cx, &id, instance);
    }
    if let Ok(service) = find(cx, &id) {
        service.dns = match (service.dns.take(), records.is_empty()) {
            (Some(dns), false) => Some(Dns { routing: dns.routing, records }),
            _ => None,
        };
    }
    for instance in &ids {
        zone::publish(cx, &id, instance);
    }
    Ok(())
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Named) -> Result {
    let service = find(cx, &input.id)?;
    let id = service.id.clone();
    if !service.instances.is_empty() || instance::registering(cx, &id) {
        return fail!(
            "ResourceInUse",
            "Service contains registered instances; delete the instances before deleting the service"
        );
    }
    cx.servicediscovery().services.remove(&id);
    Ok(Value::Object(Default::default()))
}

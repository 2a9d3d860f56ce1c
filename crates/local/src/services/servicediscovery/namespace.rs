//! Private DNS namespaces. Each has a hosted zone of Route 53, which is there once the operation is done.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::page::page;
use crate::services::members::bare;
use crate::services::servicediscovery::operation::{self, End};
use crate::services::servicediscovery::{Filter, Ignored, id_of, passes, tagging, text, zone};
use crate::tags::{self, Tag, Tags};
use crate::timings;
use crate::world::Cx;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Namespace {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) name: String,
    description: Option<String>,
    creator_request_id: String,
    vpc: String,
    ttl: u64,
    /// Absent until the hosted zone is there: nobody sees the namespace before.
    pub(crate) zone_id: Option<String>,
    created: Time,
    pub(crate) tags: Tags,
}

fn not_found(id: &str) -> ApiError {
    ApiError::new("NamespaceNotFound", format!("No namespace exists with the ID '{id}'."))
}

/// A namespace that is there.
pub(super) fn find<'c>(cx: &'c mut Cx<'_>, id: &str) -> Result<&'c mut Namespace> {
    let id = id_of(id);
    match cx.servicediscovery().namespaces.get_mut(id) {
        Some(namespace) if namespace.zone_id.is_some() => Ok(namespace),
        _ => Err(not_found(id)),
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Soa {
    #[serde(rename = "TTL")]
    ttl: u64,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DnsProperties {
    #[serde(rename = "SOA")]
    soa: Option<Soa>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Properties {
    dns_properties: Option<DnsProperties>,
}

impl Properties {
    fn ttl(&self) -> Option<u64> {
        Some(self.dns_properties.as_ref()?.soa.as_ref()?.ttl)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct CreatePrivate {
    name: String,
    creator_request_id: Option<String>,
    description: Option<String>,
    vpc: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    properties: Properties,
}

/// What Cloud Map assumes for the SOA record.
const TTL: u64 = 15;

pub(super) fn create_private(cx: &mut Cx<'_>, input: CreatePrivate) -> Result {
    let legal = |c: char| c.is_ascii_graphic();
    if input.name.is_empty()
        || input.name.len() > 253
        || !input.name.chars().all(legal)
        || input.name.starts_with("arn:")
    {
        return fail!("InvalidInput", "The namespace name '{}' is not valid", input.name);
    }
    if input.vpc.is_empty() || input.vpc.len() > 64 {
        return fail!("InvalidInput", "The VPC '{}' is not valid", input.vpc);
    }
    let tags = tags::from_list(input.tags);
    tagging::check(&tags)?;
    let token = match input.creator_request_id {
        Some(token) if token.len() > 64 => return fail!("InvalidInput", "CreatorRequestId has at most 64 characters"),
        Some(token) => token,
        None => cx.uuid(),
    };
    if let Some(running) = operation::by_token(cx, "CREATE_NAMESPACE", &token).map(|o| o.id().to_owned()) {
        let same = |n: &Namespace| n.creator_request_id == token && n.name == input.name && n.vpc == input.vpc;
        return if cx.servicediscovery().namespaces.values().any(same) {
            Ok(json!({"OperationId": running}))
        } else {
            Err(operation::duplicate(&running))
        };
    }
    if let Some(made) = cx.servicediscovery().namespaces.values().find(|n| n.creator_request_id == token) {
        return Err(ApiError::new("NamespaceAlreadyExists", "A namespace with this CreatorRequestId already exists.")
            .detail("CreatorRequestId", made.creator_request_id.as_str())
            .detail("NamespaceId", made.id.as_str()));
    }
    let id = format!("ns-{}", cx.lower(16));
    let namespace = Namespace {
        arn: cx.arn("servicediscovery", &format!("namespace/{id}")),
        id: id.clone(),
        name: input.name,
        description: input.description,
        creator_request_id: token.clone(),
        vpc: input.vpc,
        ttl: input.properties.ttl().unwrap_or(TTL),
        zone_id: None,
        created: cx.now(),
        tags,
    };
    cx.servicediscovery().namespaces.insert(id.clone(), namespace);
    let body = json!({"do": "create namespace", "namespace": id});
    let takes = timings::NAMESPACE_CREATE;
    Ok(operation::begin(cx, "CREATE_NAMESPACE", &[("NAMESPACE", &id)], Some(token), takes, body))
}

pub(super) fn created(cx: &mut Cx<'_>, id: &str) -> End {
    let Some(namespace) = cx.servicediscovery().namespaces.get(id) else { return Ok(()) };
    let (name, vpc, token) = (namespace.name.clone(), namespace.vpc.clone(), namespace.creator_request_id.clone());
    match zone::create(cx, &name, &vpc, &token) {
        Ok(zone) => {
            if let Some(namespace) = cx.servicediscovery().namespaces.get_mut(id) {
                namespace.zone_id = Some(zone);
            }
            Ok(())
        }
        Err(why) => {
            cx.servicediscovery().namespaces.remove(id);
            Err(("CANNOT_CREATE_HOSTED_ZONE", why))
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Get {
    id: String,
}

fn shape(namespace: &Namespace) -> Value {
    bare(json!({
        "Id": namespace.id,
        "Arn": namespace.arn,
        "ResourceOwner": "SELF",
        "Name": namespace.name,
        "Type": "DNS_PRIVATE",
        "Description": namespace.description,
        "Properties": {
            "DnsProperties": {"HostedZoneId": namespace.zone_id, "SOA": {"TTL": namespace.ttl}},
            "HttpProperties": {"HttpName": namespace.name},
        },
        "CreateDate": namespace.created.epoch_seconds(),
    }))
}

fn services(cx: &mut Cx<'_>, id: &str) -> usize {
    cx.servicediscovery().services.values().filter(|s| s.namespace == id).count()
}

pub(super) fn get(cx: &mut Cx<'_>, input: Get) -> Result {
    let namespace = find(cx, &input.id)?;
    let (mut answer, id) = (shape(namespace), namespace.id.clone());
    answer["CreatorRequestId"] = namespace.creator_request_id.as_str().into();
    answer["ServiceCount"] = services(cx, &id).into();
    Ok(json!({"Namespace": answer}))
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
    for namespace in cx.servicediscovery().namespaces.values().filter(|n| n.zone_id.is_some()) {
        let ask = |name: &str| match name {
            "TYPE" => Some(vec!["DNS_PRIVATE".to_owned()]),
            "NAME" | "HTTP_NAME" => Some(vec![namespace.name.clone()]),
            "RESOURCE_OWNER" => Some(vec!["SELF".to_owned()]),
            _ => None,
        };
        if passes(&input.filters, ask)? {
            items.push((namespace.id.clone(), shape(namespace)));
        }
    }
    let page =
        page(items, input.next_token.as_deref(), input.max_results.unwrap_or(100).clamp(1, 100), "InvalidInput")?;
    let mut found = page.items;
    for item in &mut found {
        let id = text(item, "Id").to_owned();
        item["ServiceCount"] = services(cx, &id).into();
    }
    Ok(bare(json!({"Namespaces": found, "NextToken": page.next})))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Change {
    description: Option<String>,
    properties: Option<Properties>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UpdatePrivate {
    id: String,
    #[serde(rename = "UpdaterRequestId")]
    updater_request_id: Option<String>,
    namespace: Change,
}

pub(super) fn update_private(cx: &mut Cx<'_>, input: UpdatePrivate) -> Result {
    let id = find(cx, &input.id)?.id.clone();
    if let Some(token) = &input.updater_request_id
        && let Some(running) = operation::by_token(cx, "UPDATE_NAMESPACE", token)
    {
        return Ok(json!({"OperationId": running.id()}));
    }
    let kinds = ["UPDATE_NAMESPACE", "DELETE_NAMESPACE"];
    if let Some(running) = operation::running(cx, &kinds, ("NAMESPACE", &id)) {
        return Err(operation::duplicate(running.id()));
    }
    let ttl = input.namespace.properties.and_then(|p| p.ttl());
    let body = json!({
        "do": "update namespace",
        "namespace": id,
        "description": input.namespace.description,
        "ttl": ttl,
    });
    let token = input.updater_request_id;
    Ok(operation::begin(cx, "UPDATE_NAMESPACE", &[("NAMESPACE", &id)], token, timings::NAMESPACE_UPDATE, body))
}

pub(super) fn updated(cx: &mut Cx<'_>, body: &Value) -> End {
    if let Ok(namespace) = find(cx, text(body, "namespace")) {
        if let Some(description) = body["description"].as_str() {
            namespace.description = Some(description.to_owned()).filter(|d| !d.is_empty());
        }
        if let Some(ttl) = body["ttl"].as_u64() {
            namespace.ttl = ttl;
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    id: String,
    #[serde(rename = "Force")]
    _force: Ignored,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let id = find(cx, &input.id)?.id.clone();
    if let Some(running) = operation::running(cx, &["DELETE_NAMESPACE"], ("NAMESPACE", &id)) {
        return Err(operation::duplicate(running.id()));
    }
    if services(cx, &id) > 0 {
        return fail!("ResourceInUse", "Namespace has associated services.");
    }
    let body = json!({"do": "delete namespace", "namespace": id});
    Ok(operation::begin(cx, "DELETE_NAMESPACE", &[("NAMESPACE", &id)], None, timings::NAMESPACE_DELETE, body))
}

pub(super) fn deleted(cx: &mut Cx<'_>, id: &str) -> End {
    if let Some(zone) = cx.servicediscovery().namespaces.remove(id).and_then(|n| n.zone_id) {
        zone::delete(cx, &zone);
    }
    Ok(())
}

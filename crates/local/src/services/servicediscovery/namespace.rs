//! Namespaces: for private DNS, for public DNS, and for the API alone (HTTP). One of the first two has a hosted zone of
//! Route 53. Each is there once its operation is done.

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
    #[serde(default)]
    kind: Kind,
    /// Of a private one.
    vpc: Option<String>,
    ttl: u64,
    pub(crate) zone_id: Option<String>,
    /// Nobody sees it before.
    #[serde(default)]
    made: bool,
    created: Time,
    pub(crate) tags: Tags,
}

/// What a namespace is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Kind {
    #[default]
    Private,
    Public,
    Http,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Private => "DNS_PRIVATE",
            Kind::Public => "DNS_PUBLIC",
            Kind::Http => "HTTP",
        }
    }
}

impl Namespace {
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Its operation is done.
    pub(crate) fn is_made(&self) -> bool {
        self.made || self.zone_id.is_some()
    }
}

fn not_found(id: &str) -> ApiError {
    ApiError::new("NamespaceNotFound", format!("No namespace exists with the ID '{id}'."))
}

/// A namespace that is there.
pub(super) fn find<'c>(cx: &'c mut Cx<'_>, id: &str) -> Result<&'c mut Namespace> {
    let id = id_of(id);
    match cx.servicediscovery().namespaces.get_mut(id) {
        Some(namespace) if namespace.is_made() => Ok(namespace),
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
    if input.vpc.is_empty() || input.vpc.len() > 64 {
        return fail!("InvalidInput", "The VPC '{}' is not valid", input.vpc);
    }
    let new = New {
        kind: Kind::Private,
        name: input.name,
        token: input.creator_request_id,
        description: input.description,
        vpc: Some(input.vpc),
        ttl: input.properties.ttl(),
        tags: input.tags,
    };
    create(cx, new)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct CreatePublic {
    name: String,
    creator_request_id: Option<String>,
    description: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    properties: Properties,
}

pub(super) fn create_public(cx: &mut Cx<'_>, input: CreatePublic) -> Result {
    let new = New {
        kind: Kind::Public,
        name: input.name,
        token: input.creator_request_id,
        description: input.description,
        vpc: None,
        ttl: input.properties.ttl(),
        tags: input.tags,
    };
    create(cx, new)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct CreateHttp {
    name: String,
    creator_request_id: Option<String>,
    description: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create_http(cx: &mut Cx<'_>, input: CreateHttp) -> Result {
    let new = New {
        kind: Kind::Http,
        name: input.name,
        token: input.creator_request_id,
        description: input.description,
        vpc: None,
        ttl: None,
        tags: input.tags,
    };
    create(cx, new)
}

/// A namespace to be made.
struct New {
    kind: Kind,
    name: String,
    token: Option<String>,
    description: Option<String>,
    vpc: Option<String>,
    ttl: Option<u64>,
    tags: Vec<Tag>,
}

fn create(cx: &mut Cx<'_>, input: New) -> Result {
    let legal = |c: char| c.is_ascii_graphic();
    if input.name.is_empty()
        || input.name.len() > 253
        || !input.name.chars().all(legal)
        || input.name.starts_with("arn:")
    {
        return fail!("InvalidInput", "The namespace name '{}' is not valid", input.name);
    }
    let tags = tags::from_list(input.tags);
    tagging::check(&tags)?;
    let token = match input.token {
        Some(token) if token.len() > 64 => return fail!("InvalidInput", "CreatorRequestId has at most 64 characters"),
        Some(token) => token,
        None => cx.uuid(),
    };
    if let Some(running) = operation::by_token(cx, "CREATE_NAMESPACE", &token).map(|o| o.id().to_owned()) {
        let same = |n: &Namespace| {
            n.creator_request_id == token && n.name == input.name && n.vpc == input.vpc && n.kind == input.kind
        };
        return if cx.servicediscovery().namespaces.values().any(same) {
            Ok(json!({"OperationId": running}))
        } else {
            Err(operation::duplicate(&running))
        };
    }
    let taken = |n: &&Namespace| {
        // Names for the API are unique among themselves; DNS names may repeat, in other VPCs.
        n.creator_request_id == token || (n.kind == Kind::Http && input.kind == Kind::Http && n.name == input.name)
    };
    if let Some(made) = cx.servicediscovery().namespaces.values().find(taken) {
        return Err(ApiError::new(
            "NamespaceAlreadyExists",
            "A namespace with this CreatorRequestId or name already exists.",
        )
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
        kind: input.kind,
        vpc: input.vpc,
        ttl: input.ttl.unwrap_or(TTL),
        zone_id: None,
        made: false,
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
    let zone = match (namespace.kind, vpc) {
        (Kind::Http, _) => Ok(None),
        (Kind::Private, Some(vpc)) => zone::create(cx, &name, &vpc, &token).map(Some),
        (Kind::Public | Kind::Private, _) => Ok(Some(zone::create_public(cx, &name, &token))),
    };
    match zone {
        Ok(zone) => {
            if let Some(namespace) = cx.servicediscovery().namespaces.get_mut(id) {
                (namespace.zone_id, namespace.made) = (zone, true);
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
        "Type": namespace.kind.name(),
        "Description": namespace.description,
        "Properties": {
            "DnsProperties": namespace.zone_id.as_ref().map(|zone| {
                json!({"HostedZoneId": zone, "SOA": {"TTL": namespace.ttl}})
            }),
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
    for namespace in cx.servicediscovery().namespaces.values().filter(|n| n.is_made()) {
        let ask = |name: &str| match name {
            "TYPE" => Some(vec![namespace.kind.name().to_owned()]),
            "NAME" | "HTTP_NAME" => Some(vec![namespace.name.clone()]),
            "RESOURCE_OWNER" => Some(vec!["SELF".to_owned()]),
            _ => None,
        };
        if passes(&input.filters, ask)? {
            items.push((namespace.id.clone(), shape(namespace)));
        }
    }
    let page = page(
        items,
        input.next_token.as_deref(),
        crate::page::size(input.max_results, 100, 100, "InvalidInput")?,
        "InvalidInput",
    )?;
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
pub(super) struct Update {
    id: String,
    #[serde(rename = "UpdaterRequestId")]
    updater_request_id: Option<String>,
    namespace: Change,
}

pub(super) fn update_private(cx: &mut Cx<'_>, input: Update) -> Result {
    update(cx, input, Kind::Private)
}

pub(super) fn update_public(cx: &mut Cx<'_>, input: Update) -> Result {
    update(cx, input, Kind::Public)
}

pub(super) fn update_http(cx: &mut Cx<'_>, input: Update) -> Result {
    update(cx, input, Kind::Http)
}

fn update(cx: &mut Cx<'_>, input: Update, kind: Kind) -> Result {
    let namespace = find(cx, &input.id)?;
    if namespace.kind != kind {
        return fail!("InvalidInput", "The namespace '{}' is of type {}", input.id, namespace.kind.name());
    }
    let id = namespace.id.clone();
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

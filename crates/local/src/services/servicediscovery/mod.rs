//! Cloud Map: namespaces ([`namespace`]) with their hosted zones ([`zone`]), services ([`service`]), instances
//! ([`instance`]), and the operations ([`operation`]) by which nearly all of it happens later.

pub(crate) mod instance;
pub(crate) mod namespace;
pub(crate) mod operation;
pub(crate) mod service;
pub(crate) mod tagging;
pub(crate) mod zone;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Result, fail};
use crate::protocol::Protocol;
use crate::services::{Resource, Service, operations};
use crate::world::Cx;

/// One region's registry of names.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) namespaces: BTreeMap<String, namespace::Namespace>,
    pub(crate) services: BTreeMap<String, service::DiscoveryService>,
    pub(crate) operations: BTreeMap<String, operation::Operation>,
}

pub(crate) static SERVICE: Service = Service {
    name: "servicediscovery",
    prefix: "servicediscovery",
    protocol: Protocol::Json { target: "Route53AutoNaming_v20170314" },
    invalid: "InvalidInput",
    handler,
    bucket: |_| None,
    on_event: |cx, body| operation::on_event(cx, &body),
    resources,
};

operations! {
    "CreatePrivateDnsNamespace" => namespace::create_private,
    "CreatePublicDnsNamespace" => namespace::create_public,
    "CreateHttpNamespace" => namespace::create_http,
    "GetNamespace" => namespace::get,
    "ListNamespaces" => namespace::list,
    "UpdatePrivateDnsNamespace" => namespace::update_private,
    "UpdatePublicDnsNamespace" => namespace::update_public,
    "UpdateHttpNamespace" => namespace::update_http,
    "DeleteNamespace" => namespace::delete,
    "GetOperation" => operation::get,
    "ListOperations" => operation::list,
    "CreateService" => service::create,
    "GetService" => service::get,
    "ListServices" => service::list,
    "UpdateService" => service::update,
    "DeleteService" => service::delete,
    "RegisterInstance" => instance::register,
    "DeregisterInstance" => instance::deregister,
    "GetInstance" => instance::get,
    "ListInstances" => instance::list,
    "GetInstancesHealthStatus" => instance::health,
    "UpdateInstanceCustomHealthStatus" => instance::update_health,
    "DiscoverInstances" => instance::discover,
    "DiscoverInstancesRevision" => instance::revision,
    "TagResource" => tagging::tag,
    "UntagResource" => tagging::untag,
    "ListTagsForResource" => tagging::list,
}

fn resources(cx: &Cx<'_>) -> Vec<Resource> {
    let Some(region) = cx.world.regions.get(&cx.region) else { return Vec::new() };
    let state = &region.servicediscovery;
    let namespaces = state.namespaces.values().filter(|n| n.is_made()).map(|n| Resource {
        arn: n.arn.clone(),
        kind: "servicediscovery:namespace",
        tags: n.tags.clone(),
    });
    let services = state.services.values().map(|s| Resource {
        arn: s.arn.clone(),
        kind: "servicediscovery:service",
        tags: s.tags.clone(),
    });
    namespaces.chain(services).collect()
}

/// Ids may be given as ARNs.
fn id_of(text: &str) -> &str {
    if text.starts_with("arn:") { text.rsplit('/').next().unwrap_or(text) } else { text }
}

/// A filter of the list operations.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Filter {
    name: String,
    #[serde(default)]
    values: Vec<String>,
    condition: Option<String>,
}

/// Whether something passes all filters; `ask` answers what it has under a filter's name.
fn passes(filters: &[Filter], ask: impl Fn(&str) -> Option<Vec<String>>) -> Result<bool> {
    let mut all = true;
    for filter in filters {
        let Some(own) = ask(&filter.name) else {
            return fail!("InvalidInput", "The filter '{}' is not valid for this operation", filter.name);
        };
        let condition = filter.condition.as_deref().unwrap_or("EQ");
        all &= match (condition, filter.values.as_slice()) {
            ("EQ", [value]) => own.iter().any(|o| o == value),
            ("EQ", _) => return fail!("InvalidInput", "The condition EQ takes one value"),
            ("IN", values) => own.iter().any(|o| values.contains(o)),
            ("BEGINS_WITH", [value]) => own.iter().any(|o| o.starts_with(value)),
            ("BETWEEN", [from, to]) => {
                let number = |t: &str| t.parse::<f64>().unwrap_or_default();
                own.iter().any(|o| (number(from)..=number(to)).contains(&number(o)))
            }
            _ => return fail!("InvalidInput", "The condition {condition} is not valid"),
        };
    }
    Ok(all)
}

/// For members that are read and mean nothing here.
type Ignored = Option<serde::de::IgnoredAny>;

fn text<'v>(body: &'v Value, member: &str) -> &'v str {
    body[member].as_str().unwrap_or_default()
}

//! Cloud Map namespaces and services. A namespace does not say its VPC: the hosted zone behind it does (aws-facts 2.23).

use std::collections::{BTreeMap, BTreeSet};

use aomidori_engine::cloud::CloudError;
use aomidori_model::kinds::discovery_service::RoutingPolicy;
use aomidori_model::kinds::dns_record::DomainName;
use aomidori_model::kinds::{DiscoveryService, PrivateDnsNamespace, Vpc};
use aomidori_model::{Address, KindName, Ref, Target, ToValue as _, Value};
use aomidori_plan::{Observed, Ownership};
use aws_sdk_servicediscovery::types::{NamespaceSummary, RecordType, RoutingPolicy as AwsRouting, ServiceSummary};
use futures_util::future::try_join_all;

use super::{Scope, observed, own_addresses};
use crate::call;
use crate::client::Cx;
use crate::kinds::{discovery_service, private_dns_namespace};
use crate::services::{address_of, cloud_map, set_field};
use crate::tags::Tags;

pub(super) async fn observe(cx: &Cx, scope: &Scope<'_>) -> Result<Vec<Observed>, CloudError> {
    let wanted: BTreeSet<&DomainName> =
        scope.stack.of::<PrivateDnsNamespace>().map(|(_, namespace)| &namespace.name).collect();
    let list = private_dns_namespace::list(cx);
    let (hints, mut namespaces) = scope.beside("servicediscovery", !wanted.is_empty(), list).await?;
    let hinted: BTreeSet<&str> = hints.iter().filter_map(|hint| hint.rest.strip_prefix("namespace/")).collect();
    namespaces.retain(|it| {
        wanted.iter().any(|name| Some(name.as_str()) == it.name.as_deref())
            || it.id.as_deref().is_some_and(|id| hinted.contains(id))
    });
    // Services in the stack's namespaces, and in others that it puts services into. Those of a namespace are read beside
    // its tags: most that have a name which the stack wants are the stack's.
    let mut hosts: BTreeSet<String> = namespaces.iter().filter_map(|live| live.id.clone()).collect();
    hosts.extend(scope.stack.of::<DiscoveryService>().filter_map(|(_, service)| host_of(service).cloned()));
    let services = try_join_all(hosts.iter().map(|namespace| async move {
        let services = discovery_service::of_namespace(cx, namespace).await?;
        Ok::<_, CloudError>(services.into_iter().map(|service| (namespace, service)).collect::<Vec<_>>())
    }));
    let found = try_join_all(namespaces.iter().map(|live| one_namespace(cx, scope, live)));
    let (found, services) = tokio::try_join!(found, services)?;
    let mut resources: Vec<Observed> = found.into_iter().flatten().collect();
    let ours = own_addresses(&resources);
    let named: BTreeSet<&String> = scope.stack.of::<DiscoveryService>().filter_map(|(_, it)| host_of(it)).collect();
    let services = services
        .into_iter()
        .flatten()
        .filter(|(namespace, _)| ours.contains_key(*namespace) || named.contains(namespace));
    let services = try_join_all(services.map(|(namespace, service)| async move {
        let tags = cloud_map::tags_of(cx, service.arn.as_deref().unwrap_or_default()).await?;
        Ok::<_, CloudError>((namespace, service, tags))
    }))
    .await?;
    let services = services.into_iter();
    resources
        .extend(services.filter_map(|(namespace, service, tags)| one_service(scope, namespace, &service, tags, &ours)));
    Ok(resources)
}

/// The namespace outside the stack that the stack puts a service into.
fn host_of(service: &DiscoveryService) -> Option<&String> {
    match service.namespace.target() {
        Target::Id(id) => Some(id),
        Target::Address(_) => None,
    }
}

async fn one_namespace(cx: &Cx, scope: &Scope<'_>, live: &NamespaceSummary) -> Result<Option<Observed>, CloudError> {
    let made = private_dns_namespace::made_of(live);
    let zone = made.outputs.get("hosted_zone").cloned().unwrap_or_default();
    let (tags, vpc) =
        tokio::try_join!(cloud_map::tags_of(cx, live.arn.as_deref().unwrap_or_default()), vpc_of(cx, &zone),)?;
    let Ok(name) = live.name.clone().unwrap_or_default().parse::<DomainName>() else { return Ok(None) };
    let wanted_at = address_of(scope.stack, |it: &PrivateDnsNamespace| it.name == name);
    let tags = scope.marked(KindName::PrivateDnsNamespace, &made.id, tags);
    let Some(owner) = scope.owner(KindName::PrivateDnsNamespace, &made.id, &tags, wanted_at) else { return Ok(None) };
    let description = Some(live.description.clone().unwrap_or_default());
    let model = PrivateDnsNamespace { name, vpc: Ref::existing(vpc), description };
    let mut found = observed(made.id, owner, &model, tags);
    found.outputs = made.outputs;
    Ok(Some(found))
}

/// Looks at namespaces again when the stack's VPCs are known. The same name in another VPC is no concern of ours. And where
/// an endpoint does not say a namespace's VPC (moto; AWS always does), it is taken to be the one that the stack wants.
pub(super) fn settle(scope: &Scope<'_>, resources: &mut Vec<Observed>) {
    let vpcs: BTreeMap<Address, String> = resources
        .iter()
        .filter_map(|found| match &found.owner {
            Ownership::Ours(address) if found.kind == KindName::Vpc => Some((address.clone(), found.id.clone())),
            _ => None,
        })
        .collect();
    let wanted_vpc = |at: &Address| {
        let wanted = <&PrivateDnsNamespace>::try_from(&scope.stack.get(at)?.resource).ok()?;
        match wanted.vpc.target() {
            Target::Id(id) => Some(id.clone()),
            Target::Address(address) => vpcs.get(address).cloned(),
        }
    };
    resources.retain_mut(|found| {
        if found.kind != KindName::PrivateDnsNamespace {
            return true;
        }
        let live = found.fields.value("vpc").resolve(&|_| None);
        let unknown = live.as_str().is_none_or(str::is_empty);
        match &found.owner {
            Ownership::Foreign { address, .. } => unknown || wanted_vpc(address).as_deref() == live.as_str(),
            Ownership::Ours(address) => {
                if let (true, Some(vpc)) = (unknown, wanted_vpc(address)) {
                    set_field(&mut found.fields, "vpc", Ref::<Vpc>::existing(vpc).to_value());
                }
                true
            }
            Ownership::Added { .. } => true,
        }
    });
}

async fn vpc_of(cx: &Cx, zone: &str) -> Result<String, CloudError> {
    if zone.is_empty() {
        return Ok(String::new());
    }
    let answer = call::read("route53:GetHostedZone", || cx.route53.get_hosted_zone().id(zone).send()).await;
    let vpcs = call::if_there(answer)?.and_then(|answer| answer.vpcs).unwrap_or_default();
    Ok(vpcs.into_iter().next().and_then(|vpc| vpc.vpc_id).unwrap_or_default())
}

fn one_service(
    scope: &Scope<'_>,
    namespace: &str,
    live: &ServiceSummary,
    tags: Tags,
    ours: &BTreeMap<String, Address>,
) -> Option<Observed> {
    let made = discovery_service::made_of(live);
    let name = live.name.as_deref()?;
    let tags = scope.marked(KindName::DiscoveryService, &made.id, tags);
    let on = ours.get(namespace);
    let wanted_at = address_of(scope.stack, |wanted: &DiscoveryService| {
        let there = match wanted.namespace.target() {
            Target::Id(id) => id == namespace,
            Target::Address(address) => Some(address) == on,
        };
        there && wanted.name.as_str().eq_ignore_ascii_case(name)
    });
    let owner = scope
        .owner(KindName::DiscoveryService, &made.id, &tags, wanted_at)
        .or_else(|| Some(Ownership::Added { inside: on?.clone() }))?;
    let dns = live.dns_config.as_ref();
    let records = dns.map(|dns| dns.dns_records.as_slice()).unwrap_or_default();
    let model = DiscoveryService {
        name: name.parse().ok()?,
        namespace: Ref::existing(namespace),
        ttl: records.first().and_then(|record| u32::try_from(record.ttl).ok()).unwrap_or_default(),
        routing: match dns.and_then(|dns| dns.routing_policy.as_ref()) {
            Some(AwsRouting::Weighted) => RoutingPolicy::Weighted,
            _ => RoutingPolicy::Multivalue,
        },
        custom_health_check: live.health_check_custom_config.is_some(),
    };
    let mut found = observed(made.id, owner, &model, tags);
    if !matches!(records, [record] if record.r#type == RecordType::A) {
        let types: Vec<&str> = records.iter().map(|record| record.r#type.as_str()).collect();
        set_field(&mut found.fields, "dns_config.dns_records.type", Value::str(types.join(" ")));
    }
    found.outputs = made.outputs;
    Some(found)
}

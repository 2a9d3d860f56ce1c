//! Cloud Map services (aws-facts 2.24). The id is the ARN, which ECS wants; Cloud Map's own calls want its last part.

use aomidori_engine::cloud::{CloudError, ErrorKind, Made, Progress, Want};
use aomidori_model::kinds::DiscoveryService;
use aomidori_model::kinds::discovery_service::RoutingPolicy;
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_servicediscovery::types::{
    DnsConfig, DnsConfigChange, DnsRecord, FilterCondition, HealthCheckCustomConfig, RecordType,
    RoutingPolicy as AwsRouting, ServiceChange, ServiceFilter, ServiceFilterName, ServiceSummary,
};

use crate::call;
use crate::client::Cx;
use crate::live::Live;
use crate::services::{changes_any, cloud_map, incomplete, is_it, leaf, made};

impl Live for DiscoveryService {
    const WRITES: &'static [&'static str] = &[
        "servicediscovery:CreateService",
        "servicediscovery:DeleteService",
        "servicediscovery:DeregisterInstance",
        "servicediscovery:UpdateService",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let dns = DnsConfig::builder()
            .routing_policy(match want.routing {
                RoutingPolicy::Multivalue => AwsRouting::Multivalue,
                RoutingPolicy::Weighted => AwsRouting::Weighted,
            })
            .dns_records(record(want)?)
            .build()
            .map_err(incomplete)?;
        // Always one: the parameter is deprecated.
        let check = want.custom_health_check.then(threshold_of_one);
        let request = cx
            .servicediscovery
            .create_service()
            .name(want.name.as_str())
            .namespace_id(w.known.id(&want.namespace)?)
            .creator_request_id(w.token)
            .dns_config(dns)
            .set_health_check_custom_config(check)
            .set_tags(cloud_map::tag_list(w.tags)?);
        const CREATE: &str = "servicediscovery:CreateService";
        let answer = call::once(CREATE, request.send()).await.map_err(call::fresh)?;
        let service = answer.service.ok_or_else(|| call::missing(CREATE, "service"))?;
        Ok(made(service.arn.unwrap_or_default(), [("service_id", service.id.unwrap_or_default())]))
    }

    async fn find(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let services = of_namespace(cx, &w.known.id(&want.namespace)?).await?;
        let same = |name: &str| name.eq_ignore_ascii_case(want.name.as_str());
        let Some(found) = services.into_iter().find(|it| it.name.as_deref().is_some_and(same)) else {
            return Ok(None);
        };
        let ours = is_it(w, &cloud_map::tags_of(cx, found.arn.as_deref().unwrap_or_default()).await?);
        Ok(ours.then(|| made_of(&found)))
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        cloud_map::retag(cx, &have.id, w, have, changes).await?;
        if changes_any(changes, &["dns_config.dns_records.ttl"]) {
            const UPDATE: &str = "servicediscovery:UpdateService";
            let id = leaf(&have.id);
            // UpdateService takes away what is left out: description and health check are sent as they are.
            let live = call::read("servicediscovery:GetService", || cx.servicediscovery.get_service().id(id).send());
            let live = live.await?.service;
            let change = ServiceChange::builder()
                .set_description(live.as_ref().and_then(|it| it.description.clone()))
                .set_health_check_config(live.and_then(|it| it.health_check_config))
                .dns_config(DnsConfigChange::builder().dns_records(record(want)?).build().map_err(incomplete)?)
                .build();
            let answer =
                call::idempotent(UPDATE, || cx.servicediscovery.update_service().id(id).service(change.clone()).send())
                    .await?;
            if let Some(operation) = answer.operation_id {
                cloud_map::finish(cx, UPDATE, &operation).await?;
            }
        }
        Ok(Made { id: have.id.clone(), outputs: have.outputs.clone() })
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        let id = leaf(&have.id);
        let answer =
            call::idempotent("servicediscovery:DeleteService", || cx.servicediscovery.delete_service().id(id).send())
                .await;
        if let Err(error) = &answer
            && error.kind == ErrorKind::InUse
        {
            // ECS takes its instances out when their tasks have stopped. What is left over then would hold the service
            // for ever; the next try of this deletion finds it empty.
            for instance in instances(cx, id).await? {
                let taken = call::idempotent("servicediscovery:DeregisterInstance", || {
                    cx.servicediscovery.deregister_instance().service_id(id).instance_id(&instance).send()
                })
                .await;
                match taken {
                    Err(error) if !matches!(error.kind, ErrorKind::InUse | ErrorKind::NotFound) => return Err(error),
                    Ok(_) | Err(_) => {}
                }
            }
        }
        call::gone_is_fine(answer)
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        let answer =
            call::read("servicediscovery:GetService", || cx.servicediscovery.get_service().id(leaf(id)).send()).await;
        Ok(if call::if_there(answer)?.is_some() { Progress::Ready } else { Progress::Gone })
    }
}

#[allow(deprecated, reason = "AWS deprecates the parameter and still wants the structure")]
fn threshold_of_one() -> HealthCheckCustomConfig {
    HealthCheckCustomConfig::builder().failure_threshold(1).build()
}

fn record(want: &DiscoveryService) -> Result<DnsRecord, CloudError> {
    DnsRecord::builder().r#type(RecordType::A).ttl(i64::from(want.ttl)).build().map_err(incomplete)
}

/// The service's id and outputs.
pub(crate) fn made_of(service: &ServiceSummary) -> Made {
    made(service.arn.clone().unwrap_or_default(), [("service_id", service.id.clone().unwrap_or_default())])
}

/// The services of a namespace, a hundred to a call.
pub(crate) async fn of_namespace(cx: &Cx, namespace: &str) -> Result<Vec<ServiceSummary>, CloudError> {
    let filter = ServiceFilter::builder()
        .name(ServiceFilterName::NamespaceId)
        .values(namespace)
        .condition(FilterCondition::Eq)
        .build()
        .map_err(incomplete)?;
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let page = call::read("servicediscovery:ListServices", || {
            cx.servicediscovery
                .list_services()
                .filters(filter.clone())
                .max_results(100)
                .set_next_token(token.clone())
                .send()
        })
        .await?;
        found.extend(page.services.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            return Ok(found);
        }
    }
}

async fn instances(cx: &Cx, service: &str) -> Result<Vec<String>, CloudError> {
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let answer = call::read("servicediscovery:ListInstances", || {
            cx.servicediscovery
                .list_instances()
                .service_id(service)
                .max_results(100)
                .set_next_token(token.clone())
                .send()
        })
        .await;
        let Some(page) = call::if_there(answer)? else { return Ok(found) };
        found.extend(page.instances.unwrap_or_default().into_iter().filter_map(|instance| instance.id));
        token = page.next_token;
        if token.is_none() {
            return Ok(found);
        }
    }
}

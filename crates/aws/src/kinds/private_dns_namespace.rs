//! Cloud Map private DNS namespaces (aws-facts 2.23).

use aomidori_engine::cloud::{CloudError, Made, Progress, Want};
use aomidori_model::kinds::PrivateDnsNamespace;
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_servicediscovery::types::{
    FilterCondition, NamespaceFilter, NamespaceFilterName, NamespaceSummary, NamespaceType, OperationStatus,
    OperationTargetType, PrivateDnsNamespaceChange,
};

use crate::call;
use crate::client::Cx;
use crate::live::Live;
use crate::services::{changes_any, cloud_map, incomplete, is_it, made};

const CREATE: &str = "servicediscovery:CreatePrivateDnsNamespace";
const DELETE: &str = "servicediscovery:DeleteNamespace";

impl Live for PrivateDnsNamespace {
    const WRITES: &'static [&'static str] = &[
        "route53:CreateHostedZone",
        "route53:DeleteHostedZone",
        "servicediscovery:CreatePrivateDnsNamespace",
        "servicediscovery:DeleteNamespace",
        "servicediscovery:UpdatePrivateDnsNamespace",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let operation = match cx.noted(w.token) {
            Some(operation) => operation,
            None => start(cx, want, w).await?,
        };
        // The first call of this step may have been answered, and its operation noted, whatever becomes of the next ones.
        let found = cloud_map::operation(cx, &operation).await.map_err(call::half_made)?;
        let targets = match found.status {
            Some(OperationStatus::Success) => found.targets.unwrap_or_default(),
            Some(OperationStatus::Fail) => return Err(cloud_map::failed(CREATE, &found)),
            _ => return Err(cloud_map::underway(CREATE, "its hosted zone is being made")),
        };
        let id = targets.get(&OperationTargetType::Namespace).ok_or_else(|| call::missing(CREATE, "namespace"))?;
        let listed = list(cx).await.map_err(call::half_made)?.into_iter().find(|it| it.id.as_ref() == Some(id));
        match listed {
            Some(found) => Ok(made_of(&found)),
            None => Ok(made(id, [("arn", cx.arn("servicediscovery", &format!("namespace/{id}")).await?)])),
        }
    }

    async fn find(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        for found in list(cx).await? {
            if found.name.as_deref() == Some(want.name.as_str())
                && is_it(w, &cloud_map::tags_of(cx, found.arn.as_deref().unwrap_or_default()).await?)
            {
                return Ok(Some(made_of(&found)));
            }
        }
        Ok(None)
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        let arn = cx.arn("servicediscovery", &format!("namespace/{}", have.id)).await?;
        cloud_map::retag(cx, &arn, w, have, changes).await?;
        if changes_any(changes, &["description"]) {
            const UPDATE: &str = "servicediscovery:UpdatePrivateDnsNamespace";
            // An empty description takes it away.
            let change =
                PrivateDnsNamespaceChange::builder().description(want.description.clone().unwrap_or_default()).build();
            let answer = call::idempotent(UPDATE, || {
                cx.servicediscovery
                    .update_private_dns_namespace()
                    .id(&have.id)
                    .updater_request_id(w.token)
                    .namespace(change.clone())
                    .send()
            })
            .await?;
            if let Some(operation) = answer.operation_id {
                cloud_map::finish(cx, UPDATE, &operation).await?;
            }
        }
        Ok(Made { id: have.id.clone(), outputs: have.outputs.clone() })
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        let sent = cx.servicediscovery.delete_namespace().id(&have.id).send().await;
        // One deletion at a time: a second one names the first.
        if let Some(refused) = sent.as_ref().err().and_then(|error| error.as_service_error())
            && let aws_sdk_servicediscovery::operation::delete_namespace::DeleteNamespaceError::DuplicateRequest(
                running,
            ) = refused
        {
            if let Some(operation) = &running.duplicate_operation_id {
                cx.note(&have.id, operation);
            }
            return Ok(());
        }
        let answer = call::once(DELETE, async { sent }).await;
        if let Ok(Some(operation)) = answer.as_ref().map(|answer| &answer.operation_id) {
            cx.note(&have.id, operation);
        }
        call::gone_is_fine(answer)
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        if let Some(operation) = cx.noted(id)
            && let Some(found) = call::if_there(cloud_map::operation(cx, &operation).await)?
        {
            return Ok(match found.status {
                Some(OperationStatus::Success) => Progress::Gone,
                Some(OperationStatus::Fail) => Progress::Failed(cloud_map::failed(DELETE, &found).message),
                _ => Progress::Deleting("its hosted zone is being removed".into()),
            });
        }
        let answer =
            call::read("servicediscovery:GetNamespace", || cx.servicediscovery.get_namespace().id(id).send()).await;
        Ok(if call::if_there(answer)?.is_some() { Progress::Ready } else { Progress::Gone })
    }
}

/// Asks for a namespace; the operation that makes it is kept under the call's token.
async fn start(cx: &Cx, want: &PrivateDnsNamespace, w: Want<'_>) -> Result<String, CloudError> {
    let sent = cx
        .servicediscovery
        .create_private_dns_namespace()
        .name(want.name.as_str())
        .vpc(w.known.id(&want.vpc)?)
        .set_description(want.description.clone())
        // The same in every try: Cloud Map answers with the operation that is on its way already.
        .creator_request_id(w.token)
        .set_tags(cloud_map::tag_list(w.tags)?)
        .send()
        .await;
    let running = sent.as_ref().err().and_then(|error| match error.as_service_error() {
        Some(refused) if refused.is_duplicate_request() => duplicate(refused),
        _ => None,
    });
    let operation = match running {
        Some(id) => id,
        None => {
            let answer = call::once(CREATE, async { sent }).await?;
            answer.operation_id.ok_or_else(|| call::missing(CREATE, "operation"))?
        }
    };
    cx.note(w.token, &operation);
    Ok(operation)
}

fn duplicate(
    error: &aws_sdk_servicediscovery::operation::create_private_dns_namespace::CreatePrivateDnsNamespaceError,
) -> Option<String> {
    use aws_sdk_servicediscovery::operation::create_private_dns_namespace::CreatePrivateDnsNamespaceError as E;
    match error {
        E::DuplicateRequest(running) => running.duplicate_operation_id.clone(),
        _ => None,
    }
}

/// The namespace's id and outputs.
pub(crate) fn made_of(namespace: &NamespaceSummary) -> Made {
    let zone = namespace.properties.as_ref().and_then(|it| it.dns_properties.as_ref()?.hosted_zone_id.clone());
    made(
        namespace.id.clone().unwrap_or_default(),
        [("arn", namespace.arn.clone().unwrap_or_default()), ("hosted_zone", zone.unwrap_or_default())],
    )
}

/// All private DNS namespaces of the account and region, a hundred to a call.
pub(crate) async fn list(cx: &Cx) -> Result<Vec<NamespaceSummary>, CloudError> {
    let filter = NamespaceFilter::builder()
        .name(NamespaceFilterName::Type)
        .values(NamespaceType::DnsPrivate.as_str())
        .condition(FilterCondition::Eq)
        .build()
        .map_err(incomplete)?;
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let page = call::read("servicediscovery:ListNamespaces", || {
            cx.servicediscovery
                .list_namespaces()
                .filters(filter.clone())
                .max_results(100)
                .set_next_token(token.clone())
                .send()
        })
        .await?;
        found.extend(page.namespaces.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    found.retain(|namespace| matches!(namespace.r#type, None | Some(NamespaceType::DnsPrivate)));
    Ok(found)
}

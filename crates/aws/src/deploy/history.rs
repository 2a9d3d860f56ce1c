//! What ECS remembers of a rolling service: service deployments, and the service revisions that they brought.

use std::collections::BTreeMap;

use aomidori_deploy::cloud::{Rolled, RolledEnd, ServiceAt};
use aomidori_engine::cloud::{CloudError, ErrorKind};
use aws_sdk_ecs::types::{ServiceDeploymentBrief, ServiceDeploymentStatus};
use futures_util::future::try_join_all;

use super::moment;
use crate::call;
use crate::client::Cx;

/// The newest first. ECS's list has no promised order, so it is read to the end (it ends after 90 days) and sorted.
pub(super) async fn read(cx: &Cx, at: &ServiceAt, limit: usize) -> Result<Option<Vec<Rolled>>, CloudError> {
    let mut briefs: Vec<ServiceDeploymentBrief> = Vec::new();
    let mut token = None;
    loop {
        let answer = call::read("ecs:ListServiceDeployments", || {
            cx.ecs
                .list_service_deployments()
                .cluster(&at.cluster)
                .service(&at.name)
                .max_results(100)
                .set_next_token(token.clone())
                .send()
        })
        .await;
        let page = match answer {
            Err(error) if error.kind == ErrorKind::Unsupported => return Ok(None),
            other => call::if_there(other)?,
        };
        let Some(page) = page else { return Ok(Some(Vec::new())) };
        briefs.extend(page.service_deployments.unwrap_or_default());
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
    }
    briefs.sort_by_key(|brief| std::cmp::Reverse(moment(brief.created_at.as_ref())));
    briefs.truncate(limit);
    // Only of the oldest does it matter what was before: of the others it is the one before them.
    let before = match briefs.last().and_then(|oldest| oldest.service_deployment_arn.clone()) {
        Some(oldest) => source(cx, &oldest).await?,
        None => None,
    };
    let mut arns: Vec<&String> = briefs.iter().filter_map(|it| it.target_service_revision_arn.as_ref()).collect();
    arns.extend(&before);
    let definitions = definitions(cx, arns).await?;
    let last = briefs.len().saturating_sub(1);
    let rolled = briefs.iter().enumerate().map(|(n, brief)| Rolled {
        id: brief.service_deployment_arn.clone().unwrap_or_default(),
        task_definition: brief.target_service_revision_arn.as_ref().and_then(|arn| definitions.get(arn)).cloned(),
        before: before.as_ref().filter(|_| n == last).and_then(|arn| definitions.get(arn)).cloned(),
        end: end(brief.status.as_ref()),
        reason: brief.status_reason.clone(),
        created_at: moment(brief.created_at.as_ref()),
    });
    Ok(Some(rolled.collect()))
}

pub(super) fn end(status: Option<&ServiceDeploymentStatus>) -> RolledEnd {
    match status {
        Some(ServiceDeploymentStatus::Successful) => RolledEnd::Succeeded,
        Some(ServiceDeploymentStatus::RollbackSuccessful) => RolledEnd::RolledBack,
        Some(ServiceDeploymentStatus::Stopped | ServiceDeploymentStatus::RollbackFailed) => RolledEnd::Stopped,
        _ => RolledEnd::AtWork,
    }
}

/// The service revision that a service deployment replaced.
async fn source(cx: &Cx, arn: &str) -> Result<Option<String>, CloudError> {
    let answer = call::read("ecs:DescribeServiceDeployments", || {
        cx.ecs.describe_service_deployments().service_deployment_arns(arn).send()
    })
    .await?;
    let sources = answer.service_deployments().first().map(|it| it.source_service_revisions()).unwrap_or_default();
    Ok(sources.first().and_then(|source| source.arn.clone()))
}

/// The task definitions of service revisions, twenty to a call. One that is forgotten has none.
async fn definitions(cx: &Cx, mut arns: Vec<&String>) -> Result<BTreeMap<String, String>, CloudError> {
    arns.sort_unstable();
    arns.dedup();
    let pages = try_join_all(arns.chunks(20).map(|chunk| {
        call::read("ecs:DescribeServiceRevisions", || {
            let arns = chunk.iter().map(|arn| (*arn).clone()).collect();
            cx.ecs.describe_service_revisions().set_service_revision_arns(Some(arns)).send()
        })
    }))
    .await?;
    let all = pages.into_iter().flat_map(|page| page.service_revisions.unwrap_or_default());
    Ok(all.filter_map(|it| Some((it.service_revision_arn?, it.task_definition?))).collect())
}

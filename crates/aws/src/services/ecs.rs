//! ECS: tags, and which target group a service's live tasks are in.

use aomidori_engine::cloud::{CloudError, Want};
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_ecs::types::{Service, ServiceField, Tag};

use super::own_tags;
use crate::call;
use crate::client::Cx;
use crate::tags::{self, Tags};

/// Tags for a create call; `None` for none.
pub(crate) fn tag_list(tags: &Tags) -> Option<Vec<Tag>> {
    let tags: Vec<Tag> = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    (!tags.is_empty()).then_some(tags)
}

/// Tags as ECS answers them.
pub(crate) fn tags_from(tags: Option<Vec<Tag>>) -> Tags {
    own_tags(tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)))
}

/// Brings the tags of a cluster, service or revision to what is wanted.
pub(crate) async fn retag(cx: &Cx, w: Want<'_>, have: &Observed, changes: &[FieldChange]) -> Result<(), CloudError> {
    let retag = tags::retag(w, have, changes);
    if let Some(set) = tag_list(&retag.set()) {
        call::idempotent("ecs:TagResource", || {
            cx.ecs.tag_resource().resource_arn(&have.id).set_tags(Some(set.clone())).send()
        })
        .await?;
    }
    if !retag.remove.is_empty() {
        call::idempotent("ecs:UntagResource", || {
            cx.ecs.untag_resource().resource_arn(&have.id).set_tag_keys(Some(retag.remove.clone())).send()
        })
        .await?;
    }
    Ok(())
}

/// The cluster and the name in a service's ARN; the old form of the ARN has no cluster.
pub(crate) fn service_parts(arn: &str) -> (&str, &str) {
    let rest = arn.split_once(":service/").map_or(arn, |(_, rest)| rest);
    rest.split_once('/').unwrap_or(("default", rest))
}

/// Services of a cluster by name, ten to a call, with their tags. Names that are not there are left out; so is
/// everything if the cluster is not there.
pub(crate) async fn services(cx: &Cx, cluster: &str, names: &[String]) -> Result<Vec<Service>, CloudError> {
    let pages = futures_util::future::try_join_all(names.chunks(10).map(|chunk| async move {
        let answer = call::read("ecs:DescribeServices", || {
            cx.ecs
                .describe_services()
                .cluster(cluster)
                .set_services(Some(chunk.to_vec()))
                .include(ServiceField::Tags)
                .send()
        })
        .await;
        Ok::<_, CloudError>(call::if_there(answer)?.and_then(|answer| answer.services).unwrap_or_default())
    }))
    .await?;
    Ok(pages.concat())
}

/// The names of all services of a cluster that are not being deleted.
pub(crate) async fn service_names(cx: &Cx, cluster: &str) -> Result<Vec<String>, CloudError> {
    let mut names = Vec::new();
    let mut token = None;
    loop {
        let answer = call::read("ecs:ListServices", || {
            cx.ecs.list_services().cluster(cluster).max_results(100).set_next_token(token.clone()).send()
        })
        .await;
        let Some(page) = call::if_there(answer)? else { return Ok(names) };
        names.extend(page.service_arns.unwrap_or_default().iter().map(|arn| service_parts(arn).1.to_owned()));
        token = page.next_token;
        if token.is_none() {
            return Ok(names);
        }
    }
}

/// The one of these target groups that the PRIMARY task set of some service is registered in.
pub(crate) async fn primary_target_group(cx: &Cx, among: &[&str]) -> Result<Option<String>, CloudError> {
    let mut token = None;
    loop {
        let page = call::read("ecs:ListClusters", || {
            cx.ecs.list_clusters().max_results(100).set_next_token(token.clone()).send()
        })
        .await?;
        for cluster in page.cluster_arns.unwrap_or_default() {
            let names = service_names(cx, &cluster).await?;
            for service in services(cx, &cluster, &names).await? {
                let primary = service.task_sets().iter().filter(|set| set.status.as_deref() == Some("PRIMARY"));
                let mut groups = primary
                    .flat_map(|set| set.load_balancers())
                    .filter_map(|target| target.target_group_arn.as_deref());
                if let Some(found) = groups.find(|arn| among.contains(arn)) {
                    return Ok(Some(found.to_owned()));
                }
            }
        }
        token = page.next_token;
        if token.is_none() {
            return Ok(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_service_arn() {
        assert_eq!(service_parts("arn:aws:ecs:eu-central-1:1:service/shop/web"), ("shop", "web"));
        assert_eq!(service_parts("arn:aws:ecs:eu-central-1:1:service/web"), ("default", "web"));
    }
}

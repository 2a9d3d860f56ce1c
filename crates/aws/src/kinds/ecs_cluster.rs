//! ECS clusters (aws-facts 2.16).

use aomidori_engine::cloud::{CloudError, Made, Progress, Want};
use aomidori_model::kinds::EcsCluster;
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_ecs::types::{self as aws, ClusterField, ClusterSetting, ClusterSettingName};

use crate::call;
use crate::client::Cx;
use crate::live::Live;
use crate::services::{changes_any, ecs, is_it, made};

impl Live for EcsCluster {
    const WRITES: &'static [&'static str] = &[
        "ecs:CreateCluster",
        "ecs:DeleteCluster",
        "ecs:UpdateCluster",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let request = cx
            .ecs
            .create_cluster()
            .cluster_name(want.name.as_str())
            .set_settings(settings(want))
            .set_tags(ecs::tag_list(w.tags));
        const CREATE: &str = "ecs:CreateCluster";
        let answer = call::once(CREATE, request.send()).await?;
        let cluster = answer.cluster.ok_or_else(|| call::missing(CREATE, "cluster"))?;
        Ok(made_of(&cluster))
    }

    async fn find(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let found = describe(cx, &[want.name.to_string()]).await?.pop();
        Ok(found.filter(|cluster| is_it(w, &ecs::tags_from(cluster.tags.clone()))).map(|cluster| made_of(&cluster)))
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        ecs::retag(cx, w, have, changes).await?;
        if changes_any(changes, &["setting."]) {
            call::idempotent("ecs:UpdateCluster", || {
                cx.ecs.update_cluster().cluster(&have.id).set_settings(settings(want)).send()
            })
            .await?;
        }
        Ok(Made { id: have.id.clone(), outputs: have.outputs.clone() })
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        let answer = call::idempotent("ecs:DeleteCluster", || cx.ecs.delete_cluster().cluster(&have.id).send()).await;
        call::gone_is_fine(answer)
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        let found = describe(cx, &[id.to_owned()]).await?.pop();
        Ok(found.map_or(Progress::Gone, |cluster| state(&cluster)))
    }
}

/// How far one is.
pub(crate) fn state(cluster: &aws::Cluster) -> Progress {
    match cluster.status.as_deref() {
        Some("PROVISIONING") => Progress::Pending("provisioning".into()),
        Some("DEPROVISIONING") => Progress::Deleting("deprovisioning".into()),
        Some("FAILED") => Progress::Failed("its capacity providers could not be attached".into()),
        Some("INACTIVE") => Progress::Gone,
        _ => Progress::Ready,
    }
}

/// The cluster's id and outputs.
pub(crate) fn made_of(cluster: &aws::Cluster) -> Made {
    made(cluster.cluster_arn.clone().unwrap_or_default(), [("name", cluster.cluster_name.clone().unwrap_or_default())])
}

/// Clusters by name or ARN, with settings and tags; what is deleted is left out, though ECS shows it for a while.
pub(crate) async fn describe(cx: &Cx, names: &[String]) -> Result<Vec<aws::Cluster>, CloudError> {
    let mut found = Vec::new();
    for chunk in names.chunks(100) {
        let answer = call::read("ecs:DescribeClusters", || {
            cx.ecs
                .describe_clusters()
                .set_clusters(Some(chunk.to_vec()))
                .include(ClusterField::Settings)
                .include(ClusterField::Tags)
                .send()
        })
        .await;
        found.extend(call::if_there(answer)?.and_then(|answer| answer.clusters).unwrap_or_default());
    }
    found.retain(|cluster| cluster.status.as_deref() != Some("INACTIVE"));
    Ok(found)
}

fn settings(want: &EcsCluster) -> Option<Vec<ClusterSetting>> {
    let insights = want.container_insights?;
    let name = ClusterSettingName::ContainerInsights;
    Some(vec![ClusterSetting::builder().name(name).value(insights.as_str()).build()])
}

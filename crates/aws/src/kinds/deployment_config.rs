//! CodeDeploy deployment configurations (aws-facts 2.27). They have no tags: the name is the mark.

use aomidori_engine::cloud::{CloudError, Made, Progress, Want};
use aomidori_model::kinds::DeploymentConfig;
use aomidori_model::kinds::deployment_config::TrafficRouting;
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_codedeploy::types::{
    ComputePlatform, DeploymentConfigInfo, TimeBasedCanary, TimeBasedLinear, TrafficRoutingConfig, TrafficRoutingType,
};

use crate::call;
use crate::client::Cx;
use crate::live::Live;
use crate::services::{made, signed, unsigned};

impl Live for DeploymentConfig {
    const WRITES: &'static [&'static str] = &[
        "codedeploy:CreateDeploymentConfig",
        "codedeploy:DeleteDeploymentConfig",
    ];

    async fn create(cx: &Cx, want: &Self, _w: Want<'_>) -> Result<Made, CloudError> {
        let request = cx
            .codedeploy
            .create_deployment_config()
            .deployment_config_name(want.name.as_str())
            .compute_platform(ComputePlatform::Ecs)
            .traffic_routing_config(to_aws(want.routing));
        call::once("codedeploy:CreateDeploymentConfig", request.send()).await?;
        Ok(made(want.name.as_str(), []))
    }

    async fn find(cx: &Cx, want: &Self, _w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let found = read(cx, want.name.as_str()).await?;
        let same = found.is_some_and(|live| routing_of(&live) == Some(want.routing));
        Ok(same.then(|| made(want.name.as_str(), [])))
    }

    async fn update(
        _cx: &Cx,
        _want: &Self,
        _w: Want<'_>,
        have: &Observed,
        _changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        // AWS can change nothing of one.
        Ok(made(&have.id, []))
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        let answer = call::idempotent("codedeploy:DeleteDeploymentConfig", || {
            cx.codedeploy.delete_deployment_config().deployment_config_name(&have.id).send()
        })
        .await;
        call::gone_is_fine(answer)
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        Ok(if read(cx, id).await?.is_some() { Progress::Ready } else { Progress::Gone })
    }
}

/// One configuration; `None` if it is not there.
pub(crate) async fn read(cx: &Cx, name: &str) -> Result<Option<DeploymentConfigInfo>, CloudError> {
    let answer = call::read("codedeploy:GetDeploymentConfig", || {
        cx.codedeploy.get_deployment_config().deployment_config_name(name).send()
    })
    .await;
    Ok(call::if_there(answer)?.and_then(|answer| answer.deployment_config_info))
}

fn to_aws(routing: TrafficRouting) -> TrafficRoutingConfig {
    let config = TrafficRoutingConfig::builder();
    match routing {
        TrafficRouting::AllAtOnce => config.r#type(TrafficRoutingType::AllAtOnce),
        TrafficRouting::Canary { percent, minutes } => {
            let canary =
                TimeBasedCanary::builder().canary_percentage(signed(percent)).canary_interval(signed(minutes)).build();
            config.r#type(TrafficRoutingType::TimeBasedCanary).time_based_canary(canary)
        }
        TrafficRouting::Linear { percent, minutes } => {
            let linear =
                TimeBasedLinear::builder().linear_percentage(signed(percent)).linear_interval(signed(minutes)).build();
            config.r#type(TrafficRoutingType::TimeBasedLinear).time_based_linear(linear)
        }
    }
    .build()
}

/// How a live configuration shifts traffic; `None` for one that is not for ECS.
pub(crate) fn routing_of(live: &DeploymentConfigInfo) -> Option<TrafficRouting> {
    let config = live.traffic_routing_config.as_ref()?;
    match (&config.r#type, &config.time_based_canary, &config.time_based_linear) {
        (Some(TrafficRoutingType::AllAtOnce), _, _) => Some(TrafficRouting::AllAtOnce),
        (Some(TrafficRoutingType::TimeBasedCanary), Some(canary), _) => Some(TrafficRouting::Canary {
            percent: unsigned(Some(canary.canary_percentage)),
            minutes: unsigned(Some(canary.canary_interval)),
        }),
        (Some(TrafficRoutingType::TimeBasedLinear), _, Some(linear)) => Some(TrafficRouting::Linear {
            percent: unsigned(Some(linear.linear_percentage)),
            minutes: unsigned(Some(linear.linear_interval)),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routings_read_back_the_same() {
        for routing in [
            TrafficRouting::AllAtOnce,
            TrafficRouting::Canary { percent: 10, minutes: 5 },
            TrafficRouting::Linear { percent: 20, minutes: 1 },
        ] {
            let live = DeploymentConfigInfo::builder().traffic_routing_config(to_aws(routing)).build();
            assert_eq!(routing_of(&live), Some(routing));
        }
    }
}

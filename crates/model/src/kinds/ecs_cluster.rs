//! ECS cluster.

use serde::{Deserialize, Serialize};

use super::{Kind, KindInfo, KindName, Limit, Limits, Timing};
use crate::field::Fields;
use crate::name::name_type;

name_type! {
    /// The name of an ECS cluster, service or task definition family.
    EcsName: "an ECS name", 1..=255, "letters, digits, `_` and `-`",
    |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// An ECS cluster. Its id is its ARN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EcsCluster {
    /// Its name.
    pub name: EcsName,
    /// Container Insights. AWS's default is the account's setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_insights: Option<ContainerInsights>,
}

/// The setting of Container Insights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerInsights {
    /// Off.
    Disabled,
    /// On.
    Enabled,
    /// On, down to tasks and containers.
    Enhanced,
}

impl ContainerInsights {
    /// The value that ECS takes.
    pub fn as_str(self) -> &'static str {
        match self {
            ContainerInsights::Disabled => "disabled",
            ContainerInsights::Enabled => "enabled",
            ContainerInsights::Enhanced => "enhanced",
        }
    }
}

impl Kind for EcsCluster {
    const INFO: KindInfo = KindInfo {
        unique: &[&["name"]],
        timing: Timing { create: 2, ready: 5, delete: 2 },
        limits: {
            let calls = Limit::new("ecs:cluster modify", 20, 1_000);
            Limits::new(calls, calls)
        },
        ..KindInfo::new(KindName::EcsCluster, "ECS cluster", "aws_ecs_cluster")
    };

    fn fields(&self, fields: &mut Fields) {
        let EcsCluster { name, container_insights } = self;
        fields.add("name", name).replaces();
        fields.add("setting.container_insights", container_insights.map(ContainerInsights::as_str));
    }
}

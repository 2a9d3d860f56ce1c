//! CodeDeploy deployment configuration: how traffic is shifted.

use serde::{Deserialize, Serialize};

use super::{Kind, KindInfo, KindName};
use crate::field::Fields;
use crate::name::name_type;
use crate::problem::Check;
use crate::value::{ToValue, Value};

name_type! {
    /// The name of a CodeDeploy application, deployment group or deployment configuration.
    CodeDeployName: "a CodeDeploy name", 1..=100, "letters, digits and `._+=,@-`",
    |c| c.is_ascii_alphanumeric() || "._+=,@-".contains(c)
}

/// A deployment configuration of one's own. Its id is its name. AWS cannot tag or change one; the predefined ones
/// (`CodeDeployDefault.ECSAllAtOnce`, …) are referred to by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploymentConfig {
    /// Its name, once in account and region.
    pub name: CodeDeployName,
    /// How traffic is shifted.
    pub routing: TrafficRouting,
}

/// How traffic is shifted from blue to green.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TrafficRouting {
    /// At once.
    AllAtOnce,
    /// A part, then the rest.
    Canary {
        /// Percent of the first part, 1 to 99.
        percent: u32,
        /// Minutes until the rest.
        minutes: u32,
    },
    /// In equal parts.
    Linear {
        /// Percent of each part, 1 to 99.
        percent: u32,
        /// Minutes between parts.
        minutes: u32,
    },
}

impl TrafficRouting {
    /// What a predefined configuration does, by its name (`CodeDeployDefault.ECSLinear10PercentEvery3Minutes`).
    pub fn predefined(name: &str) -> Option<TrafficRouting> {
        let name = name.strip_prefix("CodeDeployDefault.ECS")?;
        if name == "AllAtOnce" {
            return Some(TrafficRouting::AllAtOnce);
        }
        let (linear, rest) = match (name.strip_prefix("Linear"), name.strip_prefix("Canary")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return None,
        };
        let (percent, minutes) = rest.strip_suffix("Minutes")?.split_once("Percent")?;
        let minutes = minutes.strip_prefix("Every").unwrap_or(minutes).parse().ok()?;
        let percent = percent.parse().ok()?;
        Some(if linear {
            TrafficRouting::Linear { percent, minutes }
        } else {
            TrafficRouting::Canary { percent, minutes }
        })
    }

    /// Minutes from the first shift until all traffic is on green.
    pub fn minutes(self) -> u32 {
        match self {
            TrafficRouting::AllAtOnce => 0,
            TrafficRouting::Canary { percent: _, minutes } => minutes,
            TrafficRouting::Linear { percent, minutes } => (100_u32.div_ceil(percent.max(1)) - 1).saturating_mul(minutes),
        }
    }
}

impl ToValue for TrafficRouting {
    fn to_value(&self) -> Value {
        let (kind, percent, minutes) = match self {
            TrafficRouting::AllAtOnce => ("AllAtOnce", None, None),
            TrafficRouting::Canary { percent, minutes } => ("TimeBasedCanary", Some(*percent), Some(*minutes)),
            TrafficRouting::Linear { percent, minutes } => ("TimeBasedLinear", Some(*percent), Some(*minutes)),
        };
        Value::map([("type", Value::str(kind)), ("percentage", percent.to_value()), ("interval", minutes.to_value())])
    }
}

impl Kind for DeploymentConfig {
    const INFO: KindInfo = KindInfo {
        unique: &[&["deployment_config_name"]],
        taggable: false,
        ..KindInfo::new(KindName::DeploymentConfig, "deployment configuration", "aws_codedeploy_deployment_config")
    };

    fn fields(&self, fields: &mut Fields) {
        let DeploymentConfig { name, routing } = self;
        fields.add("deployment_config_name", name).replaces();
        fields.add("compute_platform", "ECS").replaces();
        fields.add("traffic_routing_config", routing.to_value()).replaces();
    }

    fn validate(&self, check: &mut Check<'_>) {
        if self.name.as_str().starts_with("CodeDeployDefault.") {
            check.field(
                "E-CONFIG-NAME",
                "deployment_config_name",
                "names that start with `CodeDeployDefault.` are AWS's",
                "choose another name, or refer to the predefined configuration by its name",
            );
        }
        if let TrafficRouting::Canary { percent, minutes } | TrafficRouting::Linear { percent, minutes } = self.routing
            && (!(1..=99).contains(&percent) || !(1..=2880).contains(&minutes))
        {
            check.field(
                "E-CONFIG-ROUTING",
                "traffic_routing_config",
                format!("{percent} percent every {minutes} minutes cannot be shifted"),
                "choose 1 to 99 percent and 1 to 2880 minutes",
            );
        }
    }
}

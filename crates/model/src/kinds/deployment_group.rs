//! CodeDeploy deployment group: what is deployed where, and how.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::deployment_config::CodeDeployName;
use super::target_group::TargetGroupPair;
use super::{CodeDeployApplication, DeploymentConfig, EcsService, IamRole, Kind, KindInfo, KindName, Replacement, Timing};
use crate::field::Fields;
use crate::problem::Check;
use crate::reference::Ref;
use crate::value::{ToValue, Value};

/// A deployment group of an ECS service. Its id is `APPLICATION/GROUP`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploymentGroup {
    /// Its name, once in the application.
    pub name: CodeDeployName,
    /// The application.
    pub application: Ref<CodeDeployApplication>,
    /// The role with which CodeDeploy moves task sets and listeners.
    pub role: Ref<IamRole>,
    /// How traffic is shifted: one of the stack's configurations, or by the name of a predefined one.
    pub config: Ref<DeploymentConfig>,
    /// The service; it belongs to one group only.
    pub service: Ref<EcsService>,
    /// The target groups and listeners that it swings between.
    pub pair: TargetGroupPair,
    /// When production traffic is shifted.
    pub ready: ReadyOption,
    /// Minutes that blue stays up after the shift, 0 to 2880.
    pub terminate_blue_after: u32,
    /// When CodeDeploy goes back by itself.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub auto_rollback: BTreeSet<RollbackEvent>,
    /// CloudWatch alarms, by name, that stop a deployment; at most ten.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub alarms: BTreeSet<String>,
}

/// When production traffic is shifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ReadyOption {
    /// As soon as green is healthy.
    Continue,
    /// When somebody says so; the deployment stops if nobody does.
    Wait {
        /// Minutes to wait, 1 to 2880.
        minutes: u32,
    },
}

/// Upon what CodeDeploy goes back by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollbackEvent {
    /// A deployment fails.
    Failure,
    /// An alarm stops it.
    Alarm,
    /// Somebody stops it.
    Request,
}

impl RollbackEvent {
    /// The value that CodeDeploy takes.
    pub fn as_str(self) -> &'static str {
        match self {
            RollbackEvent::Failure => "DEPLOYMENT_FAILURE",
            RollbackEvent::Alarm => "DEPLOYMENT_STOP_ON_ALARM",
            RollbackEvent::Request => "DEPLOYMENT_STOP_ON_REQUEST",
        }
    }
}

impl ToValue for RollbackEvent {
    fn to_value(&self) -> Value {
        Value::str(self.as_str())
    }
}

impl Kind for DeploymentGroup {
    const INFO: KindInfo = KindInfo {
        unique: &[&["app_name", "deployment_group_name"], &["ecs_service"]],
        // A service belongs to one group.
        replacement: Replacement::DeleteFirst,
        timing: Timing { create: 2, ready: 0, delete: 2 },
        ..KindInfo::new(KindName::DeploymentGroup, "deployment group", "aws_codedeploy_deployment_group")
    };

    fn fields(&self, fields: &mut Fields) {
        let DeploymentGroup {
            name,
            application,
            role,
            config,
            service,
            pair: TargetGroupPair { blue, green, production, test },
            ready,
            terminate_blue_after,
            auto_rollback,
            alarms,
        } = self;
        fields.add("deployment_group_name", name).replaces();
        fields.add("app_name", application).replaces();
        fields.add("service_role_arn", role);
        fields.add("deployment_config_name", config);
        fields.add("ecs_service", service);
        // The two sides swap with every deployment, so their order means nothing.
        fields.add("target_groups", Value::Set([blue.to_value(), green.to_value()].into()));
        fields.add("prod_traffic_route", production);
        fields.add("test_traffic_route", test);
        let (action, wait) = match ready {
            ReadyOption::Continue => ("CONTINUE_DEPLOYMENT", None),
            ReadyOption::Wait { minutes } => ("STOP_DEPLOYMENT", Some(*minutes)),
        };
        fields.add("deployment_ready_option.action_on_timeout", action);
        fields.add("deployment_ready_option.wait_time_in_minutes", wait);
        fields.add("terminate_blue_instances_on_deployment_success.termination_wait_time_in_minutes", terminate_blue_after);
        fields.add("auto_rollback_configuration.events", auto_rollback);
        fields.add("alarm_configuration.alarms", alarms);
    }

    fn validate(&self, check: &mut Check<'_>) {
        if self.terminate_blue_after > 2880 {
            check.field(
                "E-GROUP-TERMINATION",
                "terminate_blue_instances_on_deployment_success.termination_wait_time_in_minutes",
                format!("{} minutes are more than two days", self.terminate_blue_after),
                "CodeDeploy keeps blue for at most 2880 minutes",
            );
        }
        if let ReadyOption::Wait { minutes } = self.ready
            && !(1..=2880).contains(&minutes)
        {
            check.field(
                "E-GROUP-READY",
                "deployment_ready_option.wait_time_in_minutes",
                format!("CodeDeploy cannot wait {minutes} minutes for re-routing"),
                "choose 1 to 2880 minutes",
            );
        }
        if self.alarms.len() > 10 {
            check.field(
                "E-GROUP-ALARMS",
                "alarm_configuration.alarms",
                format!("{} alarms are more than CodeDeploy watches", self.alarms.len()),
                "name at most ten",
            );
        }
        if self.pair.blue == self.pair.green {
            check.field(
                "E-PAIR-SAME",
                "target_groups",
                "both sides of the pair are the same target group",
                "give the pair two target groups",
            );
        }
        if self.pair.test.as_ref() == Some(&self.pair.production) {
            check.field(
                "E-PAIR-LISTENERS",
                "test_traffic_route",
                "production and test listener are the same",
                "give the test traffic a listener of its own, or none",
            );
        }
    }
}

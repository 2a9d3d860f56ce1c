//! CodeDeploy application.

use serde::{Deserialize, Serialize};

use super::deployment_config::CodeDeployName;
use super::{Kind, KindInfo, KindName};
use crate::field::Fields;

/// A CodeDeploy application on the ECS platform. Its id is its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeDeployApplication {
    /// Its name, once in account and region.
    pub name: CodeDeployName,
}

impl Kind for CodeDeployApplication {
    const INFO: KindInfo = KindInfo {
        unique: &[&["name"]],
        ..KindInfo::new(KindName::CodeDeployApplication, "CodeDeploy application", "aws_codedeploy_app")
    };

    fn fields(&self, fields: &mut Fields) {
        let CodeDeployApplication { name } = self;
        fields.add("name", name).replaces();
        fields.add("compute_platform", "ECS").replaces();
    }
}

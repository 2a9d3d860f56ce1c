//! Customer-managed IAM policy.

use serde::{Deserialize, Serialize};

use super::iam_role::IamPath;
use super::{Kind, KindInfo, KindName};
use crate::field::Fields;
use crate::name::name_type;
use crate::policy::PolicyDocument;

name_type! {
    /// The name of a managed or inline IAM policy.
    IamPolicyName: "an IAM policy name", 1..=128, "letters, digits and `_+=,.@-`", super::iam_role::iam_text
}

/// A customer-managed policy. Its id is its ARN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IamPolicy {
    /// Its name, unique in the account whatever its case.
    pub name: IamPolicyName,
    /// Its path, which is part of its ARN. AWS's default is `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<IamPath>,
    /// What it is for; IAM cannot change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it allows.
    pub document: PolicyDocument,
}

impl Kind for IamPolicy {
    const INFO: KindInfo = KindInfo {
        unique: &[&["name"]],
        ..KindInfo::new(KindName::IamPolicy, "IAM policy", "aws_iam_policy")
    };

    fn fields(&self, fields: &mut Fields) {
        let IamPolicy { name, path, description, document } = self;
        fields.add("name", name).replaces();
        fields.add("path", path).replaces();
        fields.add("description", description).replaces();
        fields.add("policy", document);
    }
}

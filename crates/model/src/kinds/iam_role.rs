//! IAM role, with its trust policy, attached policies and inline policies.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::iam_policy::IamPolicyName;
use super::{IamPolicy, Kind, KindInfo, KindName, Timing};
use crate::field::{Compare, Fields};
use crate::name::name_type;
use crate::policy::PolicyDocument;
use crate::problem::Check;
use crate::reference::Ref;
use crate::value::{ToValue, Value};

name_type! {
    /// The name of an IAM role.
    IamRoleName: "an IAM role name", 1..=64, "letters, digits and `_+=,.@-`", iam_text
}

name_type! {
    /// The path of a role or policy, such as `/teams/shop/`.
    IamPath: "an IAM path", 1..=512, "visible ASCII characters, with `/` at both ends",
    |c| c.is_ascii_graphic(),
    |text| (!(text.starts_with('/') && text.ends_with('/'))).then_some("it starts and ends with `/`")
}

pub(super) fn iam_text(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

/// A role. Its id is its ARN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IamRole {
    /// Its name, unique in the account whatever its case.
    pub name: IamRoleName,
    /// Its path, which is part of its ARN. AWS's default is `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<IamPath>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who may assume it.
    pub trust: PolicyDocument,
    /// Managed policies, of the stack or by ARN.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub managed_policies: BTreeSet<Ref<IamPolicy>>,
    /// Inline policies by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inline_policies: BTreeMap<IamPolicyName, PolicyDocument>,
    /// The longest session in seconds, 3600 to 43200. AWS's default is 3600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_session_duration: Option<u32>,
}

impl Kind for IamRole {
    const INFO: KindInfo = KindInfo {
        unique: &[&["name"]],
        // "Ready" is "the services that assume it can": seconds, which their own creation retries.
        timing: Timing { create: 2, ready: 0, delete: 2 },
        ..KindInfo::new(KindName::IamRole, "IAM role", "aws_iam_role")
    };

    fn fields(&self, fields: &mut Fields) {
        let IamRole { name, path, description, trust, managed_policies, inline_policies, max_session_duration } = self;
        fields.add("name", name).replaces();
        fields.add("path", path).replaces();
        fields.add("description", description);
        fields.add("assume_role_policy", trust);
        fields.add("managed_policy_arns", managed_policies).compare(Compare::Parts);
        let inline = inline_policies.iter().map(|(name, document)| (name.as_str(), document.to_value()));
        fields.add("inline_policy", Value::map(inline)).compare(Compare::Parts);
        fields.add("max_session_duration", max_session_duration);
    }

    fn validate(&self, check: &mut Check<'_>) {
        if let Some(seconds) = self.max_session_duration
            && !(3600..=43200).contains(&seconds)
        {
            check.field(
                "E-ROLE-SESSION",
                "max_session_duration",
                format!("{seconds} s is not between 3600 and 43200"),
                "choose one to twelve hours",
            );
        }
        if self.trust.statements.iter().any(|statement| statement.principal.is_none()) {
            check.field(
                "E-ROLE-TRUST",
                "assume_role_policy",
                "a statement of the trust policy names no principal",
                "say who may assume the role, such as the service `ecs-tasks.amazonaws.com`",
            );
        }
    }
}

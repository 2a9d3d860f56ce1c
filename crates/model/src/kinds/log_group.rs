//! CloudWatch Logs log group.

use serde::{Deserialize, Serialize};

use super::{Kind, KindInfo, KindName};
use crate::field::Fields;
use crate::name::name_type;
use crate::problem::Check;

name_type! {
    /// The name of a log group.
    LogGroupName: "a log group name", 1..=512, "letters, digits and `.-_/#`",
    |c| c.is_ascii_alphanumeric() || ".-_/#".contains(c),
    |text| text.starts_with("aws/").then_some("it may not start with `aws/`")
}

/// A log group. Its id is its name; output `arn`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogGroup {
    /// Its name.
    pub name: LogGroupName,
    /// How many days events are kept. AWS's default is for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_in_days: Option<u32>,
}

/// The numbers of days that CloudWatch Logs takes (PutRetentionPolicy).
pub const RETENTION_DAYS: &[u32] = &[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

impl Kind for LogGroup {
    const INFO: KindInfo = KindInfo {
        unique: &[&["name"]],
        ..KindInfo::new(KindName::LogGroup, "log group", "aws_cloudwatch_log_group")
    };

    fn fields(&self, fields: &mut Fields) {
        let LogGroup { name, retention_in_days } = self;
        fields.add("name", name).replaces();
        fields.add("retention_in_days", retention_in_days);
    }

    fn validate(&self, check: &mut Check<'_>) {
        if let Some(days) = self.retention_in_days
            && !RETENTION_DAYS.contains(&days)
        {
            let near = RETENTION_DAYS.iter().min_by_key(|legal| legal.abs_diff(days)).copied().unwrap_or(30);
            check.field(
                "E-LOG-RETENTION",
                "retention_in_days",
                format!("CloudWatch Logs cannot keep events for {days} days"),
                format!("the nearest it takes is {near}"),
            );
        }
    }
}

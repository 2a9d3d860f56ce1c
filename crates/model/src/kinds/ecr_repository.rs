//! ECR repository, with its lifecycle policy.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Kind, KindInfo, KindName};
use crate::field::Fields;
use crate::name::name_type;
use crate::problem::Check;
use crate::value::{ToValue, Value};

name_type! {
    /// The name of an ECR repository, such as `team/app`; unique in account and region.
    EcrRepositoryName: "an ECR repository name", 2..=256, "lower-case letters, digits, and single `.`, `_`, `-`, `/` between them",
    |c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-' | '/'),
    separators
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/…)*` (ECR CreateRepository).
fn separators(text: &str) -> Option<&'static str> {
    let bad = text.split('/').any(|part| {
        let mut rest = part;
        loop {
            let word = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            if word == 0 {
                return true;
            }
            rest = &rest[word..];
            if rest.is_empty() {
                return false;
            }
            let gap = rest.find(|c: char| c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            let legal = matches!(&rest[..gap], "." | "_" | "__") || rest[..gap].bytes().all(|b| b == b'-');
            if !legal {
                return true;
            }
            rest = &rest[gap..];
        }
    });
    bad.then_some("each part between `/` starts and ends with a letter or digit, with one separator between words")
}

/// An ECR repository. Its id is its name; outputs `arn`, `repository_url`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EcrRepository {
    /// Its name.
    pub name: EcrRepositoryName,
    /// A tag can be pushed again. AWS's default is mutable.
    #[serde(default)]
    pub mutability: TagMutability,
    /// How images are encrypted. AWS's default is AES256.
    #[serde(default)]
    pub encryption: Encryption,
    /// Images are scanned when pushed. AWS's default is no.
    #[serde(default)]
    pub scan_on_push: bool,
    /// Which images expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<LifecyclePolicy>,
}

/// Whether a tag can move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TagMutability {
    /// It can.
    #[default]
    Mutable,
    /// It cannot.
    Immutable,
}

/// How images are encrypted at rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encryption {
    /// By S3, with its own keys.
    #[default]
    Aes256,
    /// By a key of KMS, by its ARN.
    Kms(String),
}

/// Which images expire. One policy per repository; rules apply in order of priority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LifecyclePolicy {
    /// How many good generations of each service keep their images, whatever the rules say: the policy then has a rule for
    /// their tags ([`GENERATION_PREFIX`]) before all others. Its priority on AWS is 1, which the rules from 1 up make room
    /// for: they are one higher there than here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generations: Option<u32>,
    /// The rules.
    pub rules: Vec<LifecycleRule>,
}

/// What the tags begin with that deployments give to the images of a service's last good generations.
pub const GENERATION_PREFIX: &str = "aomidori-generation-";
/// More images than all services of a repository need together: whoever deploys decides which ones have the tag.
const ALL_GENERATIONS: u32 = 1000;

/// A rule that keeps only the newest images of a sort.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LifecycleRule {
    /// The order of rules, from 1; each number once.
    pub priority: u32,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Which images.
    pub select: ImageSelection,
    /// When they expire.
    pub expire: Expiry,
}

/// Which images a rule is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageSelection {
    /// Images without a tag.
    Untagged,
    /// Images with a tag that starts with one of these.
    TagPrefixes(BTreeSet<String>),
    /// Images with a tag that matches one of these patterns (`*` is anything).
    TagPatterns(BTreeSet<String>),
    /// All images; such a rule has the highest priority number.
    Any,
}

/// When images expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expiry {
    /// When there are more than this many.
    CountMoreThan(u32),
    /// This many days after they were pushed.
    DaysSincePushed(u32),
}

/// The URL of a private repository, under which images are named.
pub fn repository_url(account: &str, region: &str, name: &str) -> String {
    let end = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("{account}.dkr.ecr.{region}.{end}/{name}")
}

impl LifecyclePolicy {
    /// ECR's JSON.
    pub fn to_aws(&self) -> serde_json::Value {
        let first = self.generations.map(|generations| LifecycleRule {
            priority: 1,
            description: Some(format!("Keep the images of the last {generations} good generations of each service")),
            select: ImageSelection::TagPrefixes(BTreeSet::from([GENERATION_PREFIX.to_owned()])),
            expire: Expiry::CountMoreThan(ALL_GENERATIONS),
        });
        let used = |priority: &u32| self.rules.iter().any(|rule| rule.priority == *priority);
        let pushed = (1..).take_while(used).last().filter(|_| first.is_some()).unwrap_or_default();
        let later = |rule: &LifecycleRule| rule.priority + u32::from(rule.priority <= pushed);
        let rest = self.rules.iter().map(|rule| LifecycleRule { priority: later(rule), ..rule.clone() });
        let rules: Vec<_> = first.into_iter().chain(rest).map(|rule| rule.to_aws()).collect();
        serde_json::json!({ "rules": rules })
    }
}

impl LifecycleRule {
    fn to_aws(&self) -> serde_json::Value {
        let LifecycleRule { priority, description, select, expire } = self;
        let mut selection = serde_json::Map::new();
        match select {
            ImageSelection::Untagged => {
                selection.insert("tagStatus".into(), "untagged".into());
            }
            ImageSelection::TagPrefixes(prefixes) => {
                selection.insert("tagStatus".into(), "tagged".into());
                selection.insert("tagPrefixList".into(), serde_json::json!(prefixes));
            }
            ImageSelection::TagPatterns(patterns) => {
                selection.insert("tagStatus".into(), "tagged".into());
                selection.insert("tagPatternList".into(), serde_json::json!(patterns));
            }
            ImageSelection::Any => {
                selection.insert("tagStatus".into(), "any".into());
            }
        }
        match expire {
            Expiry::CountMoreThan(count) => {
                selection.insert("countType".into(), "imageCountMoreThan".into());
                selection.insert("countNumber".into(), (*count).into());
            }
            Expiry::DaysSincePushed(days) => {
                selection.insert("countType".into(), "sinceImagePushed".into());
                selection.insert("countUnit".into(), "days".into());
                selection.insert("countNumber".into(), (*days).into());
            }
        }
        let mut rule = serde_json::Map::new();
        rule.insert("rulePriority".into(), (*priority).into());
        if let Some(description) = description {
            rule.insert("description".into(), description.clone().into());
        }
        rule.insert("selection".into(), selection.into());
        rule.insert("action".into(), serde_json::json!({ "type": "expire" }));
        serde_json::Value::Object(rule)
    }
}

/// The canonical form of a lifecycle policy in ECR's JSON: rules by priority, lists as sets, empty lists left out
/// (aws-facts 2.10). Works on any policy, also on one that this model cannot write.
pub fn canonical_lifecycle(json: &serde_json::Value) -> Value {
    let rules = json.get("rules").and_then(serde_json::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Value::Map(
        rules
            .iter()
            .map(|rule| {
                let priority = rule.get("rulePriority").map(ToString::to_string).unwrap_or_default();
                (priority, canonical(rule))
            })
            .collect(),
    )
}

fn canonical(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => Value::Bool(*flag),
        serde_json::Value::Number(number) => number.as_i64().map_or_else(|| Value::str(number.to_string()), Value::Int),
        serde_json::Value::String(text) => Value::str(text),
        serde_json::Value::Array(items) if items.is_empty() => Value::Null,
        serde_json::Value::Array(items) => Value::Set(items.iter().map(canonical).collect()),
        serde_json::Value::Object(map) => Value::map(map.iter().map(|(key, value)| (key.clone(), canonical(value)))),
    }
}

impl Kind for EcrRepository {
    const INFO: KindInfo = KindInfo {
        unique: &[&["name"]],
        ..KindInfo::new(KindName::EcrRepository, "ECR repository", "aws_ecr_repository")
    };

    fn fields(&self, fields: &mut Fields) {
        let EcrRepository { name, mutability, encryption, scan_on_push, lifecycle } = self;
        fields.add("name", name).replaces();
        let mutability = match mutability {
            TagMutability::Mutable => "MUTABLE",
            TagMutability::Immutable => "IMMUTABLE",
        };
        fields.add("image_tag_mutability", mutability);
        let (kind, key) = match encryption {
            Encryption::Aes256 => ("AES256", Value::Null),
            Encryption::Kms(key) => ("KMS", key.to_value()),
        };
        fields.add("encryption_configuration.encryption_type", kind).replaces();
        fields.add("encryption_configuration.kms_key", key).replaces();
        fields.add("image_scanning_configuration.scan_on_push", scan_on_push);
        let lifecycle = lifecycle.as_ref().map(|policy| canonical_lifecycle(&policy.to_aws()));
        fields.add("lifecycle_policy", lifecycle);
    }

    fn validate(&self, check: &mut Check<'_>) {
        if self.lifecycle.as_ref().is_some_and(|policy| policy.generations == Some(0)) {
            check.field(
                "E-LIFECYCLE-GENERATIONS",
                "lifecycle_policy",
                "it keeps the images of 0 generations",
                "keep at least 1, or leave it out",
            );
        }
        let rules = self.lifecycle.iter().flat_map(|policy| &policy.rules);
        let mut seen = BTreeSet::new();
        for rule in rules {
            if rule.priority == 0 || !seen.insert(rule.priority) {
                check.field(
                    "E-LIFECYCLE-PRIORITY",
                    "lifecycle_policy",
                    format!("priority {} is 0 or used by two rules", rule.priority),
                    "give each rule its own priority, from 1",
                );
            }
            let (Expiry::CountMoreThan(number) | Expiry::DaysSincePushed(number)) = rule.expire;
            if number == 0 {
                check.field(
                    "E-LIFECYCLE-COUNT",
                    "lifecycle_policy",
                    format!("rule {} keeps 0 images", rule.priority),
                    "ECR takes 1 or more",
                );
            }
        }
    }
}

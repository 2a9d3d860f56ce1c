//! The grammar of policy documents: what IAM refuses to store, in its words.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::error::{ApiError, Result};
use crate::world::Cx;

fn malformed(message: impl Into<String>) -> ApiError {
    ApiError::new("MalformedPolicyDocument", message)
}

type Members = Map<String, Value>;

const SYNTAX: &str = "Syntax errors in policy.";

/// Services that can be principals. Without their `.amazonaws.com`.
const SERVICE_PRINCIPALS: &[&str] = &[
    "acm",
    "airflow",
    "airflow-env",
    "amplify",
    "apigateway",
    "appconfig",
    "application-autoscaling",
    "appmesh",
    "appsync",
    "athena",
    "autoscaling",
    "backup",
    "batch",
    "bedrock",
    "build.apprunner",
    "tasks.apprunner",
    "channels.lex",
    "chatbot",
    "cloud9",
    "cloudformation",
    "cloudfront",
    "cloudtrail",
    "cloudwatch",
    "codebuild",
    "codecommit",
    "codedeploy",
    "codepipeline",
    "cognito-idp",
    "config",
    "credentials.iot",
    "datapipeline",
    "dax",
    "delivery.logs",
    "dlm",
    "dms",
    "ds",
    "dynamodb",
    "ec2",
    "ecr",
    "ecs",
    "ecs-tasks",
    "ecs.application-autoscaling",
    "edgelambda",
    "eks",
    "eks-fargate-pods",
    "elasticache",
    "elasticbeanstalk",
    "elasticfilesystem",
    "elasticloadbalancing",
    "elasticmapreduce",
    "elastictranscoder",
    "es",
    "events",
    "firehose",
    "fis",
    "fsx",
    "glue",
    "grafana",
    "guardduty",
    "iot",
    "kafka",
    "kinesis",
    "kinesisanalytics",
    "kms",
    "lakeformation",
    "lambda",
    "lex",
    "logger.cloudfront",
    "logs",
    "macie",
    "mediaconvert",
    "monitoring",
    "monitoring.rds",
    "networkmanager",
    "opensearchservice",
    "opsworks",
    "organizations",
    "pipes",
    "pods.eks",
    "rds",
    "redshift",
    "replication.dynamodb",
    "resource-groups",
    "route53",
    "s3",
    "sagemaker",
    "scheduler",
    "secretsmanager",
    "serverlessrepo",
    "servicecatalog",
    "servicediscovery",
    "ses",
    "shield",
    "sns",
    "spotfleet",
    "sqs",
    "ssm",
    "states",
    "storagegateway",
    "swf",
    "synthetics",
    "transfer",
    "translate",
    "transitgateway",
    "vpc-flow-logs",
    "vpc-lattice",
    "waf",
    "wafv2",
    "workspaces",
    "xray",
];

/// A text, or a list of texts.
pub(super) fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// The statements of a document that is valid.
pub(super) fn statements(document: &str) -> Vec<Map<String, Value>> {
    match serde_json::from_str::<Value>(document) {
        Ok(Value::Object(mut members)) => match members.remove("Statement") {
            Some(Value::Object(statement)) => vec![statement],
            Some(Value::Array(items)) => items
                .into_iter()
                .filter_map(|item| match item {
                    Value::Object(statement) => Some(statement),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The document's members and statements, if its syntax is right.
fn syntax(document: &str) -> Result<(Members, Vec<Members>)> {
    let Ok(Value::Object(members)) = serde_json::from_str::<Value>(document) else {
        return Err(malformed(SYNTAX));
    };
    let statements = statements(document);
    let count = match members.get("Statement") {
        Some(Value::Array(items)) => items.len(),
        Some(Value::Object(_)) => 1,
        _ => return Err(malformed(SYNTAX)),
    };
    let known = |key: &String| ["Version", "Id", "Statement"].contains(&key.as_str());
    let version_is_known = match members.get("Version") {
        None => true,
        Some(version) => version == "2012-10-17" || version == "2008-10-17",
    };
    let fits = count == statements.len()
        && count > 0
        && members.keys().all(known)
        && version_is_known
        && members.get("Id").is_none_or(Value::is_string)
        && statements.iter().all(statement_fits);
    if fits { Ok((members, statements)) } else { Err(malformed(SYNTAX)) }
}

fn statement_fits(statement: &Map<String, Value>) -> bool {
    const KEYS: &[&str] =
        &["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];
    let one_of = |a: &str, b: &str| !(statement.contains_key(a) && statement.contains_key(b));
    let lists = ["Action", "NotAction", "Resource", "NotResource"];
    statement.keys().all(|key| KEYS.contains(&key.as_str()))
        && statement.get("Effect").is_some_and(|effect| effect == "Allow" || effect == "Deny")
        && statement
            .get("Sid")
            .is_none_or(|sid| sid.as_str().is_some_and(|sid| sid.chars().all(|c| c.is_ascii_alphanumeric())))
        && one_of("Action", "NotAction")
        && one_of("Resource", "NotResource")
        && one_of("Principal", "NotPrincipal")
        && lists.iter().all(|key| statement.get(*key).is_none_or(|value| texts(value).is_some()))
        && statement.get("Condition").is_none_or(condition_fits)
}

fn condition_fits(condition: &Value) -> bool {
    const OPERATORS: &[&str] = &[
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
        "NumericEquals",
        "NumericNotEquals",
        "NumericLessThan",
        "NumericLessThanEquals",
        "NumericGreaterThan",
        "NumericGreaterThanEquals",
        "DateEquals",
        "DateNotEquals",
        "DateLessThan",
        "DateLessThanEquals",
        "DateGreaterThan",
        "DateGreaterThanEquals",
        "Bool",
        "BinaryEquals",
        "IpAddress",
        "NotIpAddress",
        "ArnEquals",
        "ArnLike",
        "ArnNotEquals",
        "ArnNotLike",
        "Null",
    ];
    let scalar = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    condition.as_object().is_some_and(|operators| {
        operators.iter().all(|(operator, keys)| {
            let name = operator.strip_suffix("IfExists").unwrap_or(operator);
            let name = name.strip_prefix("ForAllValues:").or(name.strip_prefix("ForAnyValue:")).unwrap_or(name);
            OPERATORS.contains(&name)
                && keys.as_object().is_some_and(|keys| {
                    keys.values().all(|value| scalar(value) || value.as_array().is_some_and(|v| v.iter().all(scalar)))
                })
        })
    })
}

fn check_sids(statements: &[Map<String, Value>]) -> Result<()> {
    let mut seen = BTreeSet::new();
    let sids = statements.iter().filter_map(|s| s.get("Sid")).filter_map(Value::as_str).filter(|sid| !sid.is_empty());
    for sid in sids {
        if !seen.insert(sid) {
            return Err(malformed("Statement IDs (SID) in a single policy must be unique."));
        }
    }
    Ok(())
}

fn listed<'a>(statement: &'a Map<String, Value>, key: &str, negated: &str) -> Option<Vec<&'a str>> {
    statement.get(key).or_else(|| statement.get(negated)).and_then(texts)
}

fn check_actions(statement: &Map<String, Value>) -> Result<()> {
    for action in listed(statement, "Action", "NotAction").unwrap_or_default() {
        if action == "*" {
            continue;
        }
        let Some((vendor, name)) = action.split_once(':') else {
            return Err(malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."));
        };
        if vendor.is_empty() || !vendor.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Err(malformed(format!("Vendor {vendor} is not valid")));
        }
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "*?".contains(c)) {
            return Err(malformed("Actions/Condition can contain only one colon."));
        }
    }
    Ok(())
}

fn check_resource(resource: &str) -> Result<()> {
    if resource == "*" {
        return Ok(());
    }
    let mut parts = resource.splitn(6, ':');
    if parts.next() != Some("arn") {
        return Err(malformed(format!("Resource {resource} must be in ARN format or \"*\".")));
    }
    let partition = parts.next().unwrap_or_default();
    if !["aws", "aws-cn", "aws-us-gov", "*"].contains(&partition) {
        return Err(malformed(format!("Partition \"{partition}\" is not valid for resource \"{resource}\".")));
    }
    let vendor = parts.next().unwrap_or_default();
    if vendor.is_empty() || (vendor != "*" && vendor.contains(['*', '?'])) {
        return Err(malformed("Resource vendor must be fully qualified and cannot contain regexes."));
    }
    if parts.count() < 3 {
        return Err(malformed("The policy failed legacy parsing"));
    }
    Ok(())
}

/// Checks the document of an inline or managed policy.
pub(super) fn check_identity(document: &str) -> Result<()> {
    let (members, statements) = syntax(document)?;
    if members.get("Version").is_none_or(|version| version != "2012-10-17") {
        return Err(malformed("Policy document must be version 2012-10-17 or greater."));
    }
    for statement in &statements {
        if statement.contains_key("Principal") || statement.contains_key("NotPrincipal") {
            return Err(malformed("Policy document should not specify a principal."));
        }
        if listed(statement, "Action", "NotAction").is_none_or(|list| list.is_empty()) {
            return Err(malformed("Policy statement must contain actions."));
        }
        check_actions(statement)?;
        let resources = listed(statement, "Resource", "NotResource");
        if resources.as_ref().is_none_or(|list| list.is_empty()) {
            return Err(malformed("Policy statement must contain resources."));
        }
        resources.into_iter().flatten().try_for_each(check_resource)?;
    }
    check_sids(&statements)
}

/// Checks the trust policy of a role. Roles that it names must exist and be known everywhere.
pub(super) fn check_trust(cx: &Cx<'_>, document: &str) -> Result<()> {
    const ACTIONS: &[&str] = &[
        "sts:AssumeRole",
        "sts:AssumeRoleWithSAML",
        "sts:AssumeRoleWithWebIdentity",
        "sts:TagSession",
        "sts:SetSourceIdentity",
        "sts:SetContext",
    ];
    let (_, statements) = syntax(document)?;
    for statement in &statements {
        for field in ["Resource", "NotResource"] {
            if statement.contains_key(field) {
                return Err(malformed(format!("Has prohibited field {field}.")));
            }
        }
        let Some(principal) = statement.get("Principal") else {
            return Err(malformed("Missing required field Principal"));
        };
        let actions = listed(statement, "Action", "NotAction").unwrap_or_default();
        if actions.is_empty() {
            return Err(malformed("Missing required field Action"));
        }
        check_actions(statement)?;
        let assumes =
            |action: &&str| *action == "sts:*" || ACTIONS.iter().any(|known| known.eq_ignore_ascii_case(action));
        if !actions.iter().all(assumes) {
            return Err(malformed("AssumeRole policy may only specify STS AssumeRole actions."));
        }
        check_principal(cx, principal)?;
    }
    check_sids(&statements)
}

fn check_principal(cx: &Cx<'_>, principal: &Value) -> Result<()> {
    if principal == "*" {
        return Ok(());
    }
    let Some(kinds) = principal.as_object().filter(|kinds| !kinds.is_empty()) else {
        return Err(malformed(SYNTAX));
    };
    for (kind, value) in kinds {
        let Some(names) = texts(value).filter(|names| !names.is_empty()) else { return Err(malformed(SYNTAX)) };
        for name in names {
            let known = match kind.as_str() {
                "AWS" => aws_principal(cx, name),
                "Service" => service_principal(name),
                "Federated" => name.starts_with("arn:aws:iam::") || name.contains('.'),
                "CanonicalUser" => false,
                _ => return Err(malformed(SYNTAX)),
            };
            if !known {
                let kind = if kind == "Service" { "SERVICE" } else { kind };
                return Err(malformed(format!("Invalid principal in policy: \"{kind}\":\"{name}\"")));
            }
        }
    }
    Ok(())
}

fn service_principal(name: &str) -> bool {
    let Some(name) = name.strip_suffix(".amazonaws.com") else { return false };
    if SERVICE_PRINCIPALS.contains(&name) {
        return true;
    }
    // `logs.eu-west-1.amazonaws.com`
    name.rsplit_once('.').is_some_and(|(service, region)| {
        SERVICE_PRINCIPALS.contains(&service)
            && region.split('-').count() >= 3
            && region.ends_with(|c: char| c.is_ascii_digit())
    })
}

fn aws_principal(cx: &Cx<'_>, name: &str) -> bool {
    let is_account = |text: &str| text.len() == 12 && text.chars().all(|c| c.is_ascii_digit());
    if name == "*" || is_account(name) {
        return true;
    }
    let state = &cx.world.global.iam;
    let Some(rest) = name.strip_prefix("arn:aws:iam::").or_else(|| name.strip_prefix("arn:aws:sts::")) else {
        // A role's or user's unique id, which is what a principal turns into when it is deleted and what one may keep.
        return state.roles.values().any(|role| role.id == name) || state.users.values().any(|user| user.id == name);
    };
    let Some((account, resource)) = rest.split_once(':') else { return false };
    if !is_account(account) {
        return false;
    }
    if account != cx.account() || resource == "root" {
        return true;
    }
    match resource.split_once('/') {
        Some(("role", _)) => state.roles.values().any(|role| role.arn == name && cx.settled(role.created)),
        Some(("user", user)) => user == "local" || state.users.values().any(|user| user.arn == name),
        Some(("assumed-role", session)) => {
            let role = session.split('/').next().unwrap_or_default();
            state.roles.contains_key(&role.to_lowercase())
        }
        _ => false,
    }
}

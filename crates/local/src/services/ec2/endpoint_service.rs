//! Which services have VPC endpoints, and under which names.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Result, fail};
use crate::filters::{Answer, Filter};
use crate::tags::Tags;
use crate::world::Cx;

/// Services with gateway endpoints.
pub(super) const GATEWAYS: &[&str] = &["s3", "dynamodb"];

/// Services with interface endpoints.
pub(super) const INTERFACES: &[&str] = &[
    "acm-pca",
    "appconfig",
    "appconfigdata",
    "application-autoscaling",
    "appmesh",
    "appmesh-envoy-management",
    "athena",
    "autoscaling",
    "backup",
    "bedrock",
    "bedrock-runtime",
    "cloudformation",
    "cloudtrail",
    "codebuild",
    "codecommit",
    "codedeploy",
    "codedeploy-commands-secure",
    "codepipeline",
    "cognito-idp",
    "config",
    "data-servicediscovery",
    "dynamodb",
    "ebs",
    "ec2",
    "ec2messages",
    "ecr.api",
    "ecr.dkr",
    "ecs",
    "ecs-agent",
    "ecs-telemetry",
    "eks",
    "eks-auth",
    "elasticache",
    "elasticbeanstalk",
    "elasticfilesystem",
    "elasticloadbalancing",
    "elasticmapreduce",
    "email-smtp",
    "events",
    "execute-api",
    "fis",
    "git-codecommit",
    "glue",
    "guardduty-data",
    "inspector2",
    "kinesis-firehose",
    "kinesis-streams",
    "kms",
    "lambda",
    "license-manager",
    "logs",
    "monitoring",
    "pipes",
    "rds",
    "rds-data",
    "redshift-data",
    "resource-groups",
    "s3",
    "sagemaker.api",
    "sagemaker.runtime",
    "scheduler",
    "secretsmanager",
    "securityhub",
    "servicecatalog",
    "servicediscovery",
    "sns",
    "sqs",
    "ssm",
    "ssm-contacts",
    "ssm-incidents",
    "ssmmessages",
    "states",
    "sts",
    "synthetics",
    "tagging",
    "textract",
    "transfer",
    "translate",
    "xray",
];

/// The short name of a service of this region: `com.amazonaws.{region}.{short}`.
pub(super) fn short_name<'a>(service: &'a str, region: &str) -> Option<&'a str> {
    service.strip_prefix("com.amazonaws.")?.strip_prefix(region)?.strip_prefix('.')
}

/// The names that private DNS answers in the VPC, for example `*.dkr.ecr.REGION.amazonaws.com`.
pub(super) fn private_dns_names(short: &str, region: &str) -> Vec<String> {
    let mut parts: Vec<&str> = short.split('.').collect();
    parts.reverse();
    let base = format!("{}.{region}.amazonaws.com", parts.join("."));
    match short {
        "ecr.dkr" | "s3" => vec![format!("*.{base}"), base],
        _ => vec![base],
    }
}

/// AWS's id for the address list of a service, where it is known; else one that is always the same.
pub(super) fn prefix_list(short: &str, region: &str) -> String {
    match (region, short) {
        ("ap-northeast-1", "s3") => "pl-61a54008".to_owned(),
        ("ap-northeast-1", "dynamodb") => "pl-78a54011".to_owned(),
        ("us-east-1", "s3") => "pl-63a5400a".to_owned(),
        ("us-east-1", "dynamodb") => "pl-02cd2c6b".to_owned(),
        _ => {
            // FNV-1a.
            let text = format!("{region}.{short}");
            let hash = text.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
            format!("pl-{hash:08x}")
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DescribeServices {
    #[serde(default)]
    service_name: Vec<String>,
    #[serde(default, rename = "Filter")]
    filters: Vec<Filter>,
    #[serde(rename = "MaxResults")]
    _max_results: Option<i64>,
    #[serde(rename = "NextToken")]
    _next_token: Option<String>,
    #[serde(default)]
    service_region: Vec<String>,
}

pub(super) fn describe_services(cx: &mut Cx<'_>, input: DescribeServices) -> Result {
    let (region, none) = (cx.region.clone(), Tags::new());
    if input.service_region.iter().any(|other| other != &region) {
        return fail!("UnsupportedOperation", "The local cloud does not have endpoints across regions");
    }
    let mut services: Vec<(&str, &str)> = GATEWAYS.iter().map(|short| (*short, "Gateway")).collect();
    services.extend(INTERFACES.iter().map(|short| (*short, "Interface")));
    services.sort_unstable();
    let zones: Vec<String> = super::account::zones(&region).into_iter().map(|zone| zone.name).collect();
    let (mut names, mut details) = (Vec::new(), Vec::new());
    for (short, kind) in services {
        let name = format!("com.amazonaws.{region}.{short}");
        let passed = crate::filters::passes(&input.filters, &none, |filter| match filter {
            "service-name" => name.as_str().into(),
            "service-type" => kind.into(),
            "owner" => "amazon".into(),
            "service-region" => region.as_str().into(),
            "supported-ip-address-types" => "ipv4".into(),
            _ => Answer::Unknown,
        })?;
        if !passed || !(input.service_name.is_empty() || input.service_name.contains(&name)) {
            continue;
        }
        let private: Vec<Value> = if kind == "Interface" {
            private_dns_names(short, &region).iter().map(|name| json!({"privateDnsName": name})).collect()
        } else {
            Vec::new()
        };
        details.push(json!({
            "serviceName": name,
            "serviceId": format!("vpce-svc-{}", prefix_list(short, &region).trim_start_matches("pl-")),
            "serviceType": [{"serviceType": kind}],
            "serviceRegion": region,
            "availabilityZoneSet": zones,
            "owner": "amazon",
            "baseEndpointDnsNameSet": [format!("{short}.{region}.vpce.amazonaws.com")],
            "privateDnsName": private.first().map(|p| p["privateDnsName"].clone()),
            "privateDnsNameSet": private,
            "vpcEndpointPolicySupported": true,
            "acceptanceRequired": false,
            "managesVpcEndpoints": false,
            "supportedIpAddressTypeSet": ["ipv4"],
            "tagSet": [],
        }));
        if names.last() != Some(&name) {
            names.push(name);
        }
    }
    if let Some(missing) = input.service_name.iter().find(|wanted| !names.contains(wanted)) {
        return fail!("InvalidServiceName", "The Vpc Endpoint Service '{missing}' does not exist");
    }
    Ok(json!({"serviceNameSet": names, "serviceDetailSet": details}))
}

/// Prefix lists of the gateway services, by id, with their names.
pub(super) fn prefix_lists(region: &str) -> Vec<(String, String)> {
    let mut lists: Vec<_> =
        GATEWAYS.iter().map(|short| (prefix_list(short, region), format!("com.amazonaws.{region}.{short}"))).collect();
    lists.sort();
    lists
}

//! Application Auto Scaling for ECS services: what is registered and put is kept and checked. Nothing scales, since there
//! are no metrics.

mod policy;
mod schedule;
mod target;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::policy::Policy;
use self::schedule::Action;
use self::target::Target;
use crate::error::{Result, fail};
use crate::page::page;
use crate::protocol::Protocol;
use crate::services::{Resource, Service, operations};
use crate::world::Cx;

/// One region's scalable targets, by resource id.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    targets: BTreeMap<String, Target>,
    /// By resource id and name.
    policies: BTreeMap<String, Policy>,
    actions: BTreeMap<String, Action>,
}

pub(crate) static SERVICE: Service = Service {
    name: "application-autoscaling",
    prefix: "application-autoscaling",
    protocol: Protocol::Json { target: "AnyScaleFrontendService" },
    invalid: INVALID,
    handler,
    bucket: |_| None,
    on_event: |_, _| {},
    resources,
};

operations! {
    "RegisterScalableTarget" => target::register,
    "DescribeScalableTargets" => target::describe,
    "DeregisterScalableTarget" => target::deregister,
    "TagResource" => target::tag,
    "UntagResource" => target::untag,
    "ListTagsForResource" => target::list_tags,
    "PutScalingPolicy" => policy::put,
    "DescribeScalingPolicies" => policy::describe,
    "DeleteScalingPolicy" => policy::delete,
    "PutScheduledAction" => schedule::put,
    "DescribeScheduledActions" => schedule::describe,
    "DeleteScheduledAction" => schedule::delete,
    "DescribeScalingActivities" => activities,
}

const INVALID: &str = "ValidationException";

fn resources(cx: &Cx<'_>) -> Vec<Resource> {
    let Some(region) = cx.world.regions.get(&cx.region) else { return Vec::new() };
    let kind = "application-autoscaling:scalable-target";
    let targets = region.autoscaling.targets.values();
    targets.map(|t| Resource { arn: t.arn.clone(), kind, tags: t.tags.clone() }).collect()
}

/// What all operations on one target name it by.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Of {
    #[serde(rename = "ServiceNamespace")]
    namespace: String,
    #[serde(rename = "ResourceId")]
    resource: String,
    #[serde(rename = "ScalableDimension")]
    dimension: String,
}

impl Of {
    fn new(namespace: String, resource: String, dimension: String) -> Result<Of> {
        let of = Of { namespace, resource, dimension };
        of.check()?;
        Ok(of)
    }

    /// Of all that AWS scales, this cloud has ECS services.
    fn check(&self) -> Result<()> {
        check_namespace(&self.namespace)?;
        check_dimension(&self.dimension)?;
        if !matches!(self.resource.split('/').collect::<Vec<_>>().as_slice(), ["service", cluster, name] if !cluster.is_empty() && !name.is_empty())
        {
            return fail!(INVALID, "Unsupported service namespace, resource type or scalable dimension");
        }
        Ok(())
    }

    fn told(&self) -> String {
        format!(
            "service namespace: {}, resource ID: {}, scalable dimension: {}",
            self.namespace, self.resource, self.dimension
        )
    }
}

/// `service/cluster/name` and a name below it.
fn key(resource: &str, name: &str) -> String {
    format!("{resource}\u{0}{name}")
}

const NAMESPACES: &[&str] = &[
    "ecs",
    "elasticmapreduce",
    "ec2",
    "appstream",
    "dynamodb",
    "rds",
    "sagemaker",
    "custom-resource",
    "comprehend",
    "lambda",
    "cassandra",
    "kafka",
    "elasticache",
    "neptune",
    "workspaces",
];

fn check_namespace(namespace: &str) -> Result<()> {
    if !NAMESPACES.contains(&namespace) {
        return fail!(
            INVALID,
            "1 validation error detected: Value '{namespace}' at 'serviceNamespace' failed to satisfy constraint: Member \
             must satisfy enum value set: [{}]",
            NAMESPACES.join(", ")
        );
    }
    if namespace != "ecs" {
        return fail!(INVALID, "The local cloud scales the service namespace ecs only, not {namespace}");
    }
    Ok(())
}

fn check_dimension(dimension: &str) -> Result<()> {
    if dimension != "ecs:service:DesiredCount" {
        return fail!(INVALID, "Unsupported service namespace, resource type or scalable dimension");
    }
    Ok(())
}

/// A page of what was found, under the name of its list.
fn listed(list: &str, found: Vec<(String, Value)>, token: Option<&str>, size: Option<usize>) -> Result {
    let size = size.unwrap_or(50);
    if !(1..=50).contains(&size) {
        return fail!(INVALID, "MaxResults must be between 1 and 50");
    }
    let page = page(found, token, size, "InvalidNextTokenException")?;
    let mut answer = json!({list: page.items});
    if let Some(next) = page.next {
        answer["NextToken"] = json!(next);
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Activities {
    service_namespace: String,
    #[serde(rename = "ResourceId")]
    _resource_id: Option<String>,
    scalable_dimension: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
    #[serde(rename = "IncludeNotScaledActivities")]
    _include_not_scaled: Option<bool>,
}

/// Nothing scales.
fn activities(_cx: &mut Cx<'_>, input: Activities) -> Result {
    check_namespace(&input.service_namespace)?;
    input.scalable_dimension.as_deref().map_or(Ok(()), check_dimension)?;
    listed("ScalingActivities", Vec::new(), input.next_token.as_deref(), input.max_results)
}

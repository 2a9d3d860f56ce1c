//! The services: one module each, and the list of them.
//!
//! A service module has `pub(crate) struct State` (its part of the world) and `pub(crate) static SERVICE: Service`.

pub(crate) mod acm;
pub(crate) mod autoscaling;
pub(crate) mod cloudwatch;
pub(crate) mod cloudwatch_composite;
pub(crate) mod cloudwatch_dashboard;
pub(crate) mod cloudwatch_query;
pub(crate) mod codedeploy;
pub(crate) mod dynamodb;
pub(crate) mod ec2;
pub(crate) mod ecr;
pub(crate) mod ecs;
pub(crate) mod elbv2;
pub(crate) mod events;
pub(crate) mod iam;
pub(crate) mod kms;
pub(crate) mod logs;
pub(crate) mod members;
pub(crate) mod peers;
pub(crate) mod route53;
pub(crate) mod s3;
pub(crate) mod secretsmanager;
pub(crate) mod servicediscovery;
pub(crate) mod sns;
pub(crate) mod ssm;
pub(crate) mod sts;
pub(crate) mod tagging;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;
use crate::protocol::Protocol;
use crate::tags::Tags;
use crate::throttle::Bucket;
use crate::world::Cx;

/// What the core must know of a service.
pub(crate) struct Service {
    /// The name in credential scopes, such as `elasticloadbalancing`.
    pub(crate) name: &'static str,
    /// The name in IAM actions, such as `tag` of the tagging API; call counters use it too.
    pub(crate) prefix: &'static str,
    pub(crate) protocol: Protocol,
    /// The code for an input that lacks a member or has one that is not known (EC2 has its own codes).
    pub(crate) invalid: &'static str,
    /// The handler of an operation; see [`operations`].
    pub(crate) handler: fn(operation: &str) -> Option<Handler>,
    /// The bucket of an operation, where AWS publishes one.
    pub(crate) bucket: fn(operation: &str) -> Option<Bucket>,
    /// Called when an event falls due that the service scheduled with [`Cx::after`].
    pub(crate) on_event: fn(cx: &mut Cx<'_>, body: Value),
    /// All taggable resources of `cx.region` (a global service: in us-east-1), for the tagging API and for status.
    pub(crate) resources: fn(cx: &Cx<'_>) -> Vec<Resource>,
}

/// An operation: works on the world, answers with AWS's members (EC2: the names on the wire, such as `vpcSet`).
pub(crate) type Handler = fn(&mut Cx<'_>, Value) -> Result;

/// A resource with tags (maybe none).
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) arn: String,
    /// As in `ResourceTypeFilters`: `ec2:vpc`.
    pub(crate) kind: &'static str,
    pub(crate) tags: Tags,
}

/// Matches operations' names to functions of `(&mut Cx, TypedInput) -> Result`.
macro_rules! operations {
    ($($name:literal => $function:path),* $(,)?) => {
        fn handler(operation: &str) -> Option<$crate::services::Handler> {
            match operation {
                $($name => Some(|cx, input| {
                    let input = $crate::input::decode(cx, input)?;
                    $function(cx, input)
                }),)*
                _ => None,
            }
        }
    };
}
pub(crate) use operations;

/// Defines what holds all services' states, `Cx::ec2()` and so on, and the list.
macro_rules! services {
    (regional: $($regional:ident),* ; global: $($global:ident),* ;) => {
        /// One region's state.
        #[derive(Debug, Default, Serialize, Deserialize)]
        #[serde(default)]
        pub(crate) struct Region { $(pub(crate) $regional: $regional::State,)* }

        /// What is the same in all regions.
        #[derive(Debug, Default, Serialize, Deserialize)]
        #[serde(default)]
        pub(crate) struct Global { $(pub(crate) $global: $global::State,)* }

        static ALL: &[&Service] = &[$(&$regional::SERVICE,)* $(&$global::SERVICE,)*];

        #[allow(dead_code, reason = "services without state have one all the same")]
        impl Cx<'_> {
            $(pub(crate) fn $regional(&mut self) -> &mut $regional::State { &mut self.regional().$regional })*
            $(pub(crate) fn $global(&mut self) -> &mut $global::State { &mut self.world.global.$global })*
        }
    };
}

services! {
    regional: acm, autoscaling, cloudwatch, cloudwatch_query, codedeploy, dynamodb, ec2, ecr, ecs, elbv2, events, kms,
        logs, secretsmanager, servicediscovery, sns, ssm, tagging;
    global: iam, route53, s3, sts;
}

/// All services.
pub(crate) fn all() -> impl Iterator<Item = &'static Service> {
    ALL.iter().copied()
}

/// By the name in credential scopes.
pub(crate) fn by_name(name: &str) -> Option<&'static Service> {
    all().find(|s| s.name == name)
}

/// Whether an operation only reads, so that nothing need be saved after it.
pub(crate) fn only_reads(operation: &str) -> bool {
    const READS: [&str; 8] = ["Describe", "List", "Get", "Head", "BatchGet", "BatchCheck", "Filter", "Discover"];
    READS.iter().any(|p| operation.starts_with(p))
}

//! The resource kinds: one file each, and the one list of them.
//!
//! To add a kind, write `kinds/NAME.rs` here and in the `aws` crate, and add one line to `for_each_kind!`. The compiler
//! names whatever was forgotten: a field that is not in `fields()` is an unused variable, a kind without its AWS half a
//! missing trait implementation.

use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::field::Fields;
use crate::graph::{Edge, Node, Nodes};
use crate::limits::{Limit, Limits};
use crate::problem::Check;

/// Calls a macro with the list of kinds: `Type => module`. The file, the kind's name and its JSON name are the module's.
#[macro_export]
macro_rules! for_each_kind {
    ($callback:path) => {
        $callback! {
            Vpc => vpc,
            Subnet => subnet,
            InternetGateway => internet_gateway,
            ElasticIp => elastic_ip,
            NatGateway => nat_gateway,
            RouteTable => route_table,
            VpcEndpoint => vpc_endpoint,
            SecurityGroup => security_group,
            SecurityGroupRule => security_group_rule,
            EcrRepository => ecr_repository,
            IamPolicy => iam_policy,
            IamRole => iam_role,
            LogGroup => log_group,
            EcsCluster => ecs_cluster,
            LoadBalancer => load_balancer,
            TargetGroup => target_group,
            Listener => listener,
            ListenerRule => listener_rule,
            DnsRecord => dns_record,
            PrivateDnsNamespace => private_dns_namespace,
            DiscoveryService => discovery_service,
            TaskDefinition => task_definition,
            EcsService => ecs_service,
            DeploymentConfig => deployment_config,
            CodeDeployApplication => code_deploy_application,
            DeploymentGroup => deployment_group,
        }
    };
}

macro_rules! declare_kinds {
    ($($type:ident => $module:ident,)*) => {
        $(pub mod $module;)*
        $(pub use $module::$type;)*

        /// The kinds of resources.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum KindName {
            $(#[doc = concat!("[`", stringify!($type), "`].")] $type,)*
        }

        impl KindName {
            /// All kinds, in the order of the list.
            pub const ALL: &'static [KindName] = &[$(KindName::$type,)*];

            /// What holds for all resources of this kind.
            pub fn info(self) -> &'static KindInfo {
                match self { $(KindName::$type => &$type::INFO,)* }
            }

            /// The name in JSON, plans and file names, such as `security_group`.
            pub fn as_str(self) -> &'static str {
                match self { $(KindName::$type => stringify!($module),)* }
            }

            /// Edges that no field states: see [`Kind::after`].
            pub fn after(self, node: &Node<'_>, nodes: &Nodes<'_>) -> Vec<Edge> {
                match self { $(KindName::$type => $type::after(node, nodes),)* }
            }
        }

        /// One resource of any kind.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Resource {
            $(#[doc = concat!("A [`", stringify!($type), "`].")] $type($type),)*
        }

        impl Resource {
            /// Its kind.
            pub fn kind(&self) -> KindName {
                match self { $(Resource::$type(_) => KindName::$type,)* }
            }

            /// Its fields, with marks.
            pub fn fields(&self) -> Fields {
                match self { $(Resource::$type(inner) => Fields::of(inner),)* }
            }

            /// What is wrong with it by itself.
            pub fn validate(&self, check: &mut Check<'_>) {
                match self { $(Resource::$type(inner) => inner.validate(check),)* }
            }

            /// Its specification as JSON.
            pub(crate) fn to_json(&self) -> Result<serde_json::Value, serde_json::Error> {
                match self { $(Resource::$type(inner) => serde_json::to_value(inner),)* }
            }

            /// Reads a specification of `kind`, in the form that a stack file has.
            ///
            /// # Errors
            /// What is wrong with it, and where.
            pub fn from_json(
                kind: KindName,
                spec: serde_json::Value,
            ) -> Result<Resource, serde_path_to_error::Error<serde_json::Error>> {
                Resource::from_text(kind, &spec.to_string())
            }

            /// The same of its text, so that an error has a place in it.
            pub(crate) fn from_text(
                kind: KindName,
                spec: &str,
            ) -> Result<Resource, serde_path_to_error::Error<serde_json::Error>> {
                let reader = &mut serde_json::Deserializer::from_str(spec);
                match kind {
                    $(KindName::$type => serde_path_to_error::deserialize(reader).map(Resource::$type),)*
                }
            }
        }

        $(impl From<$type> for Resource {
            fn from(inner: $type) -> Resource {
                Resource::$type(inner)
            }
        })*
        $(impl<'a> TryFrom<&'a Resource> for &'a $type {
            type Error = WrongKind;
            fn try_from(resource: &'a Resource) -> Result<Self, WrongKind> {
                match resource {
                    Resource::$type(inner) => Ok(inner),
                    other => Err(WrongKind { wanted: KindName::$type, found: other.kind() }),
                }
            }
        })*
    };
}
for_each_kind!(declare_kinds);

/// A resource was not of the kind that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {wanted} was wanted and a {found} found")]
pub struct WrongKind {
    /// The kind asked for.
    pub wanted: KindName,
    /// The kind found.
    pub found: KindName,
}

/// A kind of resource.
pub trait Kind: Clone + Serialize + DeserializeOwned + Into<Resource> + Send + Sync + 'static {
    /// What holds for all resources of this kind.
    const INFO: KindInfo;

    /// Adds every field, with its marks. Destructures `self` without `..`, so that no field is forgotten.
    fn fields(&self, fields: &mut Fields);

    /// Reports what is wrong with this resource by itself; what concerns several is in [`crate::checks`].
    fn validate(&self, _check: &mut Check<'_>) {}

    /// Edges that no field states (a NAT gateway comes after its VPC's internet gateway). Written over untyped nodes, so
    /// that the same rule orders the creation of what is wanted and the deletion of what is live.
    fn after(_node: &Node<'_>, _nodes: &Nodes<'_>) -> Vec<Edge> {
        Vec::new()
    }
}

/// What holds for all resources of a kind.
#[derive(Clone, Copy, Debug)]
pub struct KindInfo {
    /// The kind.
    pub name: KindName,
    /// The name for people: `security group`.
    pub title: &'static str,
    /// Terraform's resource type.
    pub terraform: &'static str,
    /// Takes tags of its own.
    pub taggable: bool,
    /// The console shows a `Name` tag for it because AWS gives it no name.
    pub name_tag: bool,
    /// Sets of fields, each of which no two living resources of the kind share (aws-facts 1.9).
    pub unique: &'static [&'static [&'static str]],
    /// How one is replaced.
    pub replacement: Replacement,
    /// An update makes a new revision with a new id and leaves the old one in place (task definitions).
    pub revisioned: bool,
    /// Typical durations on AWS.
    pub timing: Timing,
    /// How often AWS lets an account make, change and delete one.
    pub limits: Limits,
    /// What deleting (or replacing) one does to traffic.
    pub traffic_on_delete: Traffic,
}

impl KindInfo {
    /// A taggable kind of which nothing is unique, created and deleted at once, with no effect on traffic.
    pub const fn new(name: KindName, title: &'static str, terraform: &'static str) -> KindInfo {
        KindInfo {
            name,
            title,
            terraform,
            taggable: true,
            name_tag: false,
            unique: &[],
            replacement: Replacement::CreateFirst,
            revisioned: false,
            timing: Timing { create: 1, ready: 0, delete: 1 },
            limits: Limits::NONE,
            traffic_on_delete: Traffic::None,
        }
    }
}

/// How a resource is replaced (aws-facts 1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// The new one first, unless the two share something that is [unique](KindInfo::unique).
    CreateFirst,
    /// Always the old one first: its place is taken until it is gone.
    DeleteFirst,
}

/// Typical durations on AWS in seconds (field.md 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From the first call until its id is known.
    pub create: u32,
    /// From then until it is ready.
    pub ready: u32,
    /// From the delete call until it is gone.
    pub delete: u32,
}

/// What a step does to production traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Traffic {
    /// Nothing.
    #[default]
    None,
    /// Tasks are drained and replaced one by one.
    Rolling,
    /// Requests are not answered until a replacement serves.
    Outage,
    /// Tasks lose their way out (image pulls, parameters, logs) until a replacement is there.
    EgressOutage,
}

impl fmt::Display for KindName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text names no kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a kind of resource")]
pub struct UnknownKind(pub String);

impl FromStr for KindName {
    type Err = UnknownKind;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        KindName::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

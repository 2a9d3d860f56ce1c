//! ECS service, on Fargate.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::ecs_cluster::EcsName;
use super::{DiscoveryService, EcsCluster, Kind, KindInfo, KindName, Limit, Limits, Replacement, SecurityGroup, Subnet, TargetGroup, TaskDefinition, Timing, Traffic, nat_gateway};
use crate::field::{Compare, Field, Fields};
use crate::graph::{Edge, Node, Nodes};
use crate::network::Port;
use crate::problem::Check;
use crate::reference::Ref;
use crate::value::{ToValue, Value};

/// A service that keeps a number of Fargate tasks running. Its id is its ARN; outputs `name`, `cluster`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EcsService {
    /// Its name, once in the cluster.
    pub name: EcsName,
    /// The cluster.
    pub cluster: Ref<EcsCluster>,
    /// What its tasks run at first; later deployments decide.
    pub task_definition: Ref<TaskDefinition>,
    /// How many tasks; `None` where something else scales the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_count: Option<u32>,
    /// The subnets of its tasks.
    pub subnets: BTreeSet<Ref<Subnet>>,
    /// The security groups of its tasks.
    pub security_groups: BTreeSet<Ref<SecurityGroup>>,
    /// Its tasks get public addresses.
    #[serde(default)]
    pub assign_public_ip: bool,
    /// The Fargate platform version, such as `1.4.0`. AWS's default is the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_version: Option<String>,
    /// ECS Exec. AWS's default is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_execute_command: Option<bool>,
    /// Seconds in which a new task's failing load balancer health checks do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check_grace_period: Option<u32>,
    /// The capacity providers of Fargate that its tasks are spread over. None is the launch type `FARGATE`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub capacity_providers: BTreeMap<CapacityProvider, Share>,
    /// Whose tags its tasks get. AWS's default is nobody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagate_tags: Option<PropagateTags>,
    /// Tags of ECS's own on its tasks. AWS's default is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_tags: Option<bool>,
    /// Who rolls out a new revision, and how.
    pub deployment: Deployment,
}

/// A capacity provider that every cluster may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapacityProvider {
    /// `FARGATE`.
    Fargate,
    /// `FARGATE_SPOT`: cheaper, and taken away at two minutes' notice.
    FargateSpot,
}

impl CapacityProvider {
    /// Its name in AWS.
    pub fn as_str(self) -> &'static str {
        match self {
            CapacityProvider::Fargate => "FARGATE",
            CapacityProvider::FargateSpot => "FARGATE_SPOT",
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<CapacityProvider> {
        [CapacityProvider::Fargate, CapacityProvider::FargateSpot].into_iter().find(|it| it.as_str() == name)
    }
}

/// A capacity provider's share of the tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Its part of the tasks, beside the others' weights.
    pub weight: u32,
    /// So many tasks run there first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub base: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Whose tags the tasks of a service get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PropagateTags {
    /// Nobody's.
    None,
    /// The service's.
    Service,
    /// The task definition's.
    TaskDefinition,
}

impl PropagateTags {
    /// The value that ECS takes.
    pub fn as_str(self) -> &'static str {
        match self {
            PropagateTags::None => "NONE",
            PropagateTags::Service => "SERVICE",
            PropagateTags::TaskDefinition => "TASK_DEFINITION",
        }
    }
}

/// Who deploys: the deployment controller, with what only that controller has.
///
/// ECS's own blue/green strategy will be a third variant here: it keeps the ECS controller and adds a strategy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Deployment {
    /// AWS CodeDeploy, blue/green between two target groups. No circuit breaker, no Cloud Map change afterwards.
    CodeDeploy {
        /// Where requests come in.
        target: PairTarget,
        /// The Cloud Map service in which tasks are registered; it cannot be changed afterwards.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        registry: Option<Ref<DiscoveryService>>,
    },
    /// ECS itself, task by task.
    Rolling(Rolling),
}

/// Where a blue/green service's requests come in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairTarget {
    /// The target group that the first task set registers in.
    pub blue: Ref<TargetGroup>,
    /// The other one.
    pub green: Ref<TargetGroup>,
    /// The container that answers.
    pub container: EcsName,
    /// The port that it answers on.
    pub port: Port,
}

/// A rolling deployment. Defaults are AWS's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rolling {
    /// Percent of the tasks that stay up, 0 to 100.
    #[serde(default = "hundred")]
    pub minimum_healthy_percent: u32,
    /// Percent of the tasks that may run at once, 100 to 200.
    #[serde(default = "two_hundred")]
    pub maximum_percent: u32,
    /// Stops a deployment whose tasks keep failing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<CircuitBreaker>,
    /// Target groups in which tasks are registered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub load_balancers: Vec<ServiceTarget>,
    /// The Cloud Map service in which tasks are registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<Ref<DiscoveryService>>,
}

fn hundred() -> u32 {
    100
}
fn two_hundred() -> u32 {
    200
}

impl Default for Rolling {
    fn default() -> Self {
        Rolling {
            minimum_healthy_percent: 100,
            maximum_percent: 200,
            circuit_breaker: None,
            load_balancers: Vec::new(),
            registry: None,
        }
    }
}

/// The circuit breaker of a rolling deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CircuitBreaker {
    /// Goes back to the last revision that reached a steady state.
    pub rollback: bool,
}

/// A target group in which a rolling service registers its tasks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceTarget {
    /// The group; some listener or rule must forward to it.
    pub target_group: Ref<TargetGroup>,
    /// The container that answers.
    pub container: EcsName,
    /// The port that it answers on.
    pub port: Port,
}

impl ToValue for ServiceTarget {
    fn to_value(&self) -> Value {
        let ServiceTarget { target_group, container, port } = self;
        Value::map([
            ("target_group_arn", target_group.to_value()),
            ("container_name", container.to_value()),
            ("container_port", port.to_value()),
        ])
    }
}

impl EcsService {
    /// True if AWS CodeDeploy deploys it.
    pub fn is_code_deploy(&self) -> bool {
        matches!(self.deployment, Deployment::CodeDeploy { .. })
    }

    /// Target group, container and port of each way in.
    pub fn targets(&self) -> Vec<(&Ref<TargetGroup>, &EcsName, Port)> {
        match &self.deployment {
            Deployment::CodeDeploy { target: PairTarget { blue, green, container, port }, .. } => {
                vec![(blue, container, *port), (green, container, *port)]
            }
            Deployment::Rolling(rolling) => {
                rolling.load_balancers.iter().map(|to| (&to.target_group, &to.container, to.port)).collect()
            }
        }
    }
}

impl Kind for EcsService {
    const INFO: KindInfo = KindInfo {
        unique: &[&["name", "cluster"]],
        // A second service on a pair's target groups would start on the wrong side.
        replacement: Replacement::DeleteFirst,
        timing: Timing { create: 2, ready: 70, delete: 120 },
        limits: {
            let calls = Limit::new("ecs:service modify", 50, 200);
            // It is scaled to nothing first.
            Limits { create: Some(calls), update: Some(calls), delete: Some(calls.times(2)) }
        },
        traffic_on_delete: Traffic::Outage,
        ..KindInfo::new(KindName::EcsService, "ECS service", "aws_ecs_service")
    };

    fn fields(&self, fields: &mut Fields) {
        let EcsService {
            name,
            cluster,
            task_definition,
            desired_count,
            subnets,
            security_groups,
            assign_public_ip,
            platform_version,
            enable_execute_command,
            health_check_grace_period,
            capacity_providers,
            propagate_tags,
            managed_tags,
            deployment,
        } = self;
        // Under CODE_DEPLOY these can only be changed by a deployment (aws-facts 3.9).
        let by_deployment = |field: &mut Field| {
            if self.is_code_deploy() {
                field.owned_by_code_deploy();
            }
        };
        fields.add("name", name).replaces();
        fields.add("cluster", cluster).replaces().needs_ready();
        // AWS takes the one or the other.
        fields.add("launch_type", capacity_providers.is_empty().then_some("FARGATE")).replaces();
        let providers: Option<Value> = (!capacity_providers.is_empty()).then(|| {
            let one = |(provider, Share { weight, base }): (&CapacityProvider, &Share)| {
                Value::map([
                    ("capacity_provider", Value::str(provider.as_str())),
                    ("weight", Value::Int((*weight).into())),
                    ("base", Value::Int((*base).into())),
                ])
            };
            Value::Set(capacity_providers.iter().map(one).collect())
        });
        let declared = providers.is_some();
        let providers = fields.add("capacity_provider_strategy", providers);
        if declared {
            by_deployment(providers);
        }
        fields.add("propagate_tags", propagate_tags.map(PropagateTags::as_str));
        fields.add("enable_ecs_managed_tags", managed_tags);
        by_deployment(fields.add("task_definition", task_definition));
        fields.add("desired_count", desired_count);
        by_deployment(fields.add("network_configuration.subnets", subnets));
        by_deployment(fields.add("network_configuration.security_groups", security_groups));
        by_deployment(fields.add("network_configuration.assign_public_ip", assign_public_ip));
        by_deployment(fields.add("platform_version", platform_version));
        fields.add("enable_execute_command", enable_execute_command);
        fields.add("health_check_grace_period_seconds", health_check_grace_period);
        let controller = if self.is_code_deploy() { "CODE_DEPLOY" } else { "ECS" };
        fields.add("deployment_controller.type", controller).replaces();
        let (targets, registry, rolling) = match deployment {
            Deployment::CodeDeploy { target: PairTarget { blue, green, container, port }, registry } => {
                let side = |group: &Ref<TargetGroup>| {
                    ServiceTarget { target_group: group.clone(), container: container.clone(), port: *port }.to_value()
                };
                (Value::Set([side(blue), side(green)].into()), registry.to_value(), None)
            }
            Deployment::Rolling(inner) => {
                let targets: BTreeSet<_> = inner.load_balancers.iter().cloned().collect();
                (targets.to_value(), inner.registry.to_value(), Some(inner))
            }
        };
        by_deployment(fields.add("load_balancer", targets).compare(match deployment {
            Deployment::CodeDeploy { .. } => Compare::Within,
            Deployment::Rolling(_) => Compare::Equal,
        }));
        let declared = registry != Value::Null;
        let registries = fields.add("service_registries", registry);
        if declared {
            by_deployment(registries);
        }
        fields.add("deployment_minimum_healthy_percent", rolling.map(|inner| inner.minimum_healthy_percent));
        fields.add("deployment_maximum_percent", rolling.map(|inner| inner.maximum_percent));
        let breaker = rolling.map(|inner| {
            Value::map([
                ("enable", Value::Bool(inner.circuit_breaker.is_some())),
                ("rollback", Value::Bool(inner.circuit_breaker.is_some_and(|breaker| breaker.rollback))),
            ])
        });
        fields.add("deployment_circuit_breaker", breaker);
    }

    fn validate(&self, check: &mut Check<'_>) {
        if self.subnets.is_empty() {
            check.field(
                "E-SERVICE-SUBNETS",
                "network_configuration.subnets",
                "the service has no subnet for its tasks",
                "name at least one subnet",
            );
        }
        if let Deployment::Rolling(rolling) = &self.deployment
            && (rolling.minimum_healthy_percent > 100
                || !(100..=200).contains(&rolling.maximum_percent)
                || rolling.maximum_percent <= rolling.minimum_healthy_percent)
        {
            check.field(
                "E-SERVICE-PERCENT",
                "deployment_minimum_healthy_percent",
                format!(
                    "{} to {} percent leaves no room to replace a task",
                    rolling.minimum_healthy_percent, rolling.maximum_percent
                ),
                "the minimum is 0 to 100, the maximum 100 to 200 and above the minimum",
            );
        }
        let weights: u32 = self.capacity_providers.values().map(|share| share.weight).sum();
        let based = self.capacity_providers.values().filter(|share| share.base > 0).count();
        if !self.capacity_providers.is_empty() && (weights == 0 || based > 1) {
            check.field(
                "E-SERVICE-CAPACITY",
                "capacity_provider_strategy",
                if based > 1 { "more than one capacity provider has a base" } else { "no capacity provider has a weight" },
                "AWS wants a weight above 0 for one of them at least, and a base for one of them at most",
            );
        }
        if self.targets().is_empty() && self.health_check_grace_period.is_some() {
            check.field(
                "E-SERVICE-GRACE",
                "health_check_grace_period_seconds",
                "a grace period means something only behind a load balancer",
                "leave it out, or register the service in a target group",
            );
        }
    }

    /// A target group must be behind a listener before a service may use it ("does not have an associated load
    /// balancer"). Tasks need their way to the registry and to CloudWatch until they have stopped: the subnets' route
    /// tables with what they lead to, and the VPC's endpoints.
    fn after(node: &Node<'_>, nodes: &Nodes<'_>) -> Vec<Edge> {
        let mut edges = Vec::new();
        for kind in [KindName::Listener, KindName::ListenerRule] {
            for forward in ["action.forward", "action.forward_weights"] {
                let forwards = nodes.sharing(node, "load_balancer", kind, forward);
                edges.extend(forwards.into_iter().map(|listener| Edge::exists(listener.address)));
            }
        }
        let subnets = nodes.pointed(node, "network_configuration.subnets");
        let tables = nodes.sharing(node, "network_configuration.subnets", KindName::RouteTable, "association");
        for table in tables {
            edges.push(Edge::ready(table.address));
            edges.extend(nodes.pointed(table, "route").into_iter().map(|via| Edge::ready(via.address)));
        }
        for subnet in &subnets {
            let endpoints = nodes.sharing(subnet, "vpc_id", KindName::VpcEndpoint, "vpc_id");
            edges.extend(endpoints.into_iter().map(|endpoint| Edge::ready(endpoint.address)));
        }
        let groups = "network_configuration.security_groups";
        let rules = nodes.sharing(node, groups, KindName::SecurityGroupRule, "security_group_id");
        edges.extend(rules.into_iter().map(|rule| Edge::exists(rule.address)));
        edges.extend(nat_gateway::internet_gateways(nodes, &subnets));
        edges
    }
}

//! How things are replaced: what is unique, what may stand side by side, and what AWS refuses to delete while it is used.

use std::collections::BTreeMap;

use aomidori_model::{KindName, Replacement, Value};

use crate::diff::Change;

/// What makes a resource of a kind unique (aws-facts 1.9 and the ID lines of section 2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Sets of fields, each of which no two living resources share.
    pub(crate) keys: &'static [&'static [&'static str]],
    /// The new one may be created beside the old one, if no key is shared.
    pub(crate) beside: bool,
}

/// What makes a resource of this kind unique.
pub(crate) fn place(kind: KindName) -> Place {
    const NAME: &[&[&str]] = &[&["name"]];
    let (keys, beside): (&[&[&str]], bool) = match kind {
        // AWS mints the id, and two alike are legal.
        KindName::Vpc | KindName::ElasticIp | KindName::RouteTable | KindName::TaskDefinition => (&[], true),
        // One per VPC.
        KindName::InternetGateway => (&[&["vpc_id"]], true),
        // An address serves one gateway.
        KindName::NatGateway => (&[&["allocation_id"]], true),
        // The network is taken in its VPC; and whatever stands in a subnet cannot move to another VPC in place.
        KindName::Subnet => (&[&["vpc_id", "cidr_block"]], false),
        // Two with private DNS, or two gateways on one table, collide.
        KindName::VpcEndpoint => (&[&["vpc_id", "service_name"]], false),
        KindName::SecurityGroup => (&[&["name", "vpc_id"]], true),
        KindName::SecurityGroupRule => (
            &[&[
                "security_group_id",
                "type",
                "ip_protocol",
                "from_port",
                "to_port",
                "cidr_ipv4",
                "referenced_security_group_id",
                "prefix_list_id",
            ]],
            true,
        ),
        KindName::EcrRepository
        | KindName::IamPolicy
        | KindName::IamRole
        | KindName::LogGroup
        | KindName::EcsCluster
        | KindName::LoadBalancer
        | KindName::TargetGroup
        | KindName::CodeDeployApplication => (NAME, true),
        // A target group belongs to one load balancer, so the old listener or rule must let go of it first.
        KindName::Listener => (&[&["load_balancer_arn", "port"]], false),
        KindName::ListenerRule => (&[&["listener_arn", "priority"]], false),
        // Change of type is delete and create.
        KindName::DnsRecord => (&[&["zone_id", "name"]], true),
        KindName::PrivateDnsNamespace => (&[&["name", "vpc"]], true),
        KindName::DiscoveryService => (&[&["name", "namespace_id"]], true),
        // A second service of a pair's target groups would start on the wrong side.
        KindName::EcsService => (&[&["name", "cluster"]], false),
        KindName::DeploymentConfig => (&[&["deployment_config_name"]], true),
        // A service belongs to one group.
        KindName::DeploymentGroup => (&[&["app_name", "deployment_group_name"], &["ecs_service"]], false),
    };
    Place { keys, beside }
}

/// True if the new one can be created before the old one is deleted: nothing about the kind is unique, or what is unique
/// changes with this replacement.
pub(crate) fn can_stand_beside(kind: KindName, changes: &[Change]) -> bool {
    let Place { keys, beside } = place(kind);
    let moves = |field: &&str| {
        changes.iter().any(|change| {
            change.field == **field
                && match (kind, change.before.as_str(), change.after.as_str()) {
                    // IAM's names are unique whatever their case.
                    (KindName::IamRole | KindName::IamPolicy, Some(a), Some(b)) => !a.eq_ignore_ascii_case(b),
                    _ => true,
                }
        })
    };
    (beside || kind.info().replacement == Replacement::CreateFirst) && keys.iter().all(|key| key.iter().any(moves))
}

/// True if two of a kind cannot live at the same time. Values that are not known yet are no obstacle.
pub(crate) fn collide(kind: KindName, want: &impl Fn(&str) -> Value, have: &BTreeMap<&'static str, Value>) -> bool {
    place(kind).keys.iter().any(|key| {
        key.iter().all(|field| {
            let (want, have) = (want(field), have.get(field).unwrap_or(&Value::Null));
            match (*field, want.as_str(), have.as_str()) {
                ("cidr_block", Some(a), Some(b)) => overlap(a, b),
                ("name", Some(a), Some(b)) if matches!(kind, KindName::IamRole | KindName::IamPolicy) => {
                    a.eq_ignore_ascii_case(b)
                }
                _ => want.is_known() && want == *have,
            }
        })
    })
}

fn overlap(a: &str, b: &str) -> bool {
    match (a.parse::<aomidori_model::Ipv4Cidr>(), b.parse::<aomidori_model::Ipv4Cidr>()) {
        (Ok(a), Ok(b)) => a.overlaps(&b),
        _ => a == b,
    }
}

/// True if AWS refuses to delete a `used` while a `user` lives; `referenced`: by a field, and not only by a rule of order.
///
/// Where it is false the user is updated after the used one is replaced; where it is true a delete-first replacement of
/// the used one takes its users with it. In doubt it is true.
pub(crate) fn holds(user: KindName, used: KindName, referenced: bool) -> bool {
    if !referenced {
        // Mapped public addresses keep an internet gateway from being detached (aws-facts 5, line 15). All other rules of
        // order are about working, not about being allowed.
        return matches!((user, used), (KindName::NatGateway | KindName::LoadBalancer, KindName::InternetGateway));
    }
    match (user, used) {
        // A deployment group knows service, target groups and listeners by name, and its role by ARN (2.26); only its
        // application and configuration are held by it.
        (
            KindName::DeploymentGroup,
            KindName::TargetGroup | KindName::Listener | KindName::EcsService | KindName::IamRole,
        ) => false,
        // A revision is text to ECS (2.17): it holds neither roles nor log groups nor repositories; and a service keeps
        // running on a deregistered revision.
        (KindName::TaskDefinition, _) | (KindName::EcsService, KindName::TaskDefinition) => false,
        // A record is a name (2.28).
        (KindName::DnsRecord, _) => false,
        // Routes to a gateway that is gone are blackholes until they are replaced in place (2.6, 5 line 12).
        (KindName::RouteTable, KindName::NatGateway | KindName::InternetGateway) => false,
        // Only network interfaces hold a subnet (2.2); its association goes with it.
        (KindName::RouteTable, KindName::Subnet) => false,
        // Policy documents are text; only attachments hold (2.12).
        (KindName::IamRole, used) => used == KindName::IamPolicy,
        (KindName::IamPolicy, _) => false,
        _ => true,
    }
}

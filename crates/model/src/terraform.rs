//! What Terraform calls things: where its AWS provider keeps the id that the model means.

use crate::KindName;

/// Terraform's attribute that holds a kind's id.
pub fn id_attribute(kind: KindName) -> &'static str {
    match kind {
        KindName::EcrRepository | KindName::LogGroup | KindName::CodeDeployApplication => "name",
        KindName::DeploymentConfig => "deployment_config_name",
        KindName::IamPolicy
        | KindName::IamRole
        | KindName::EcsCluster
        | KindName::LoadBalancer
        | KindName::TargetGroup
        | KindName::Listener
        | KindName::ListenerRule
        | KindName::DiscoveryService
        | KindName::TaskDefinition => "arn",
        KindName::Vpc
        | KindName::Subnet
        | KindName::InternetGateway
        | KindName::ElasticIp
        | KindName::NatGateway
        | KindName::RouteTable
        | KindName::VpcEndpoint
        | KindName::SecurityGroup
        | KindName::SecurityGroupRule
        | KindName::DnsRecord
        | KindName::PrivateDnsNamespace
        | KindName::EcsService
        | KindName::DeploymentGroup => "id",
    }
}

/// Terraform's types for a kind: [`KindInfo::terraform`](crate::KindInfo) and its other names.
pub fn types(kind: KindName) -> Vec<&'static str> {
    let others: &[&str] = match kind {
        KindName::SecurityGroupRule => &["aws_vpc_security_group_egress_rule"],
        KindName::LoadBalancer => &["aws_alb"],
        KindName::TargetGroup => &["aws_alb_target_group"],
        KindName::Listener => &["aws_alb_listener"],
        KindName::ListenerRule => &["aws_alb_listener_rule"],
        _ => &[],
    };
    [&[kind.info().terraform], others].concat()
}

/// The kind that a type of Terraform stands for, if it stands for one by itself.
pub fn kind_of(terraform: &str) -> Option<KindName> {
    KindName::ALL.iter().copied().find(|kind| types(*kind).contains(&terraform))
}

/// The kind that a type of Terraform is a part of: what Terraform manages by itself and AWS knows as a part of something.
pub fn part_of(terraform: &str) -> Option<KindName> {
    Some(match terraform {
        "aws_route" | "aws_route_table_association" | "aws_main_route_table_association" => KindName::RouteTable,
        "aws_internet_gateway_attachment" => KindName::InternetGateway,
        "aws_eip_association" => KindName::ElasticIp,
        "aws_iam_role_policy_attachment"
        | "aws_iam_role_policy"
        | "aws_iam_policy_attachment"
        | "aws_iam_role_policies_exclusive"
        | "aws_iam_role_policy_attachments_exclusive" => KindName::IamRole,
        "aws_ecr_lifecycle_policy" | "aws_ecr_repository_policy" => KindName::EcrRepository,
        "aws_vpc_endpoint_policy"
        | "aws_vpc_endpoint_route_table_association"
        | "aws_vpc_endpoint_security_group_association"
        | "aws_vpc_endpoint_subnet_association" => KindName::VpcEndpoint,
        "aws_ecs_cluster_capacity_providers" => KindName::EcsCluster,
        "aws_lb_listener_certificate" | "aws_alb_listener_certificate" => KindName::Listener,
        "aws_lb_target_group_attachment" | "aws_alb_target_group_attachment" => KindName::TargetGroup,
        _ => return None,
    })
}

//! Policies that belong to AWS: those that are used around containers, with what they allow.
//!
//! Names, paths and descriptions are AWS's. The documents allow what AWS's do as far as the local cloud's services are
//! concerned; they are one version each.

use crate::clock::Time;

/// When they were made, which is before anything else.
pub(super) const CREATED: Time = Time(1_483_228_800_000);

/// A policy of AWS's.
#[derive(Debug)]
pub(super) struct Managed {
    pub(super) name: &'static str,
    pub(super) path: &'static str,
    description: &'static str,
    statements: &'static [&'static str],
}

impl Managed {
    pub(super) fn arn(&self) -> String {
        format!("arn:aws:iam::aws:policy{}{}", self.path, self.name)
    }

    pub(super) fn description(&self) -> &'static str {
        self.description
    }

    pub(super) fn document(&self) -> String {
        format!("{{\"Version\": \"2012-10-17\", \"Statement\": [{}]}}", self.statements.join(", "))
    }

    /// `ANPA` and 17 characters that depend on the name alone.
    pub(super) fn id(&self) -> String {
        // FNV-1a: any function would do that spreads names well and stays the same for ever.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut id = "ANPA".to_owned();
        for round in 0..17_u8 {
            for byte in self.name.bytes().chain([round]) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
            let symbol = (hash >> 32) as u8 % 26;
            id.push(char::from(b'A' + symbol));
        }
        id
    }
}

/// The policy with this ARN.
pub(super) fn by_arn(arn: &str) -> Option<&'static Managed> {
    let rest = arn.strip_prefix("arn:aws:iam::aws:policy/")?;
    let name = rest.rsplit('/').next()?;
    ALL.iter().find(|policy| policy.name == name && policy.arn() == arn)
}

/// All of them.
pub(super) static ALL: &[Managed] = &[
    Managed {
        name: "AWSApplicationAutoscalingECSServicePolicy",
        path: "/aws-service-role/",
        description: "Policy granting permissions to Application Auto Scaling to access ECS and CloudWatch.",
        statements: &[r#"{"Effect": "Allow", "Action": ["ecs:DescribeServices", "ecs:UpdateService",
                "cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:DeleteAlarms"], "Resource":
                "*"}"#],
    },
    Managed {
        name: "AWSCloudMapDiscoverInstanceAccess",
        path: "/",
        description: "Provides access to AWS Cloud Map discovery API.",
        statements: &[r#"{"Effect": "Allow", "Action": ["servicediscovery:DiscoverInstances",
                "servicediscovery:DiscoverInstancesRevision"], "Resource": "*"}"#],
    },
    Managed {
        name: "AWSCloudMapFullAccess",
        path: "/",
        description: "Provides full access to all AWS Cloud Map actions.",
        statements: &[r#"{"Effect": "Allow", "Action": ["route53:GetHostedZone", "route53:ListHostedZonesByName",
                "route53:CreateHostedZone", "route53:DeleteHostedZone", "route53:ChangeResourceRecordSets",
                "route53:CreateHealthCheck", "route53:GetHealthCheck", "route53:DeleteHealthCheck",
                "route53:UpdateHealthCheck", "ec2:DescribeVpcs", "ec2:DescribeRegions", "ec2:DescribeInstances",
                "servicediscovery:*"], "Resource": "*"}"#],
    },
    Managed {
        name: "AWSCodeDeployDeployerAccess",
        path: "/",
        description: "Provides access to register and deploy a revision.",
        statements: &[r#"{"Effect": "Allow", "Action": ["codedeploy:Batch*", "codedeploy:CreateDeployment",
                "codedeploy:Get*", "codedeploy:List*", "codedeploy:RegisterApplicationRevision"], "Resource": "*"}"#],
    },
    Managed {
        name: "AWSCodeDeployFullAccess",
        path: "/",
        description: "Provides full access to CodeDeploy resources.",
        statements: &[r#"{"Effect": "Allow", "Action": ["codedeploy:*"], "Resource": "*"}"#],
    },
    Managed {
        name: "AWSCodeDeployRole",
        path: "/service-role/",
        description: "Provides CodeDeploy service access to expand tags and interact with Auto Scaling on your behalf.",
        statements: &[r#"{"Effect": "Allow", "Action": ["autoscaling:*", "ec2:DescribeInstances",
                "ec2:DescribeInstanceStatus", "ec2:TerminateInstances", "tag:GetResources", "sns:Publish",
                "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm", "elasticloadbalancing:*"], "Resource":
                "*"}"#],
    },
    Managed {
        name: "AWSCodeDeployRoleForECS",
        path: "/",
        description: "Provides CodeDeploy service wide access to perform an ECS blue/green deployment on your behalf.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["ecs:DescribeServices", "ecs:CreateTaskSet",
                "ecs:UpdateServicePrimaryTaskSet", "ecs:DeleteTaskSet", "elasticloadbalancing:DescribeTargetGroups",
                "elasticloadbalancing:DescribeListeners", "elasticloadbalancing:ModifyListener",
                "elasticloadbalancing:DescribeRules", "elasticloadbalancing:ModifyRule", "lambda:InvokeFunction",
                "cloudwatch:DescribeAlarms", "sns:Publish", "s3:GetObject", "s3:GetObjectVersion"], "Resource": "*"}"#,
            r#"{"Effect": "Allow", "Action": ["iam:PassRole"], "Resource": "*", "Condition": {"StringLike":
                {"iam:PassedToService": ["ecs-tasks.amazonaws.com"]}}}"#,
        ],
    },
    Managed {
        name: "AWSCodeDeployRoleForECSLimited",
        path: "/",
        description: "Provides CodeDeploy service limited access to perform an ECS blue/green deployment on your behalf.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["ecs:DescribeServices", "ecs:CreateTaskSet",
                "ecs:UpdateServicePrimaryTaskSet", "ecs:DeleteTaskSet", "cloudwatch:DescribeAlarms"], "Resource":
                "*"}"#,
            r#"{"Effect": "Allow", "Action": ["sns:Publish"], "Resource": "arn:aws:sns:*:*:CodeDeployTopic_*"}"#,
            r#"{"Effect": "Allow", "Action": ["elasticloadbalancing:DescribeTargetGroups",
                "elasticloadbalancing:DescribeListeners", "elasticloadbalancing:ModifyListener",
                "elasticloadbalancing:DescribeRules", "elasticloadbalancing:ModifyRule"], "Resource": "*"}"#,
            r#"{"Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource":
                "arn:aws:lambda:*:*:function:CodeDeployHook_*"}"#,
            r#"{"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": "*", "Condition":
                {"StringEquals": {"s3:ExistingObjectTag/UseWithCodeDeploy": "true"}}}"#,
            r#"{"Effect": "Allow", "Action": ["iam:PassRole"], "Resource":
                ["arn:aws:iam::*:role/ecsTaskExecutionRole", "arn:aws:iam::*:role/ECSTaskExecution*"], "Condition":
                {"StringLike": {"iam:PassedToService": ["ecs-tasks.amazonaws.com"]}}}"#,
        ],
    },
    Managed {
        name: "AWSElasticLoadBalancingServiceRolePolicy",
        path: "/aws-service-role/",
        description: "Service Linked Role Policy for AWS Elastic Load Balancing Control Plane",
        statements: &[r#"{"Effect": "Allow", "Action": ["ec2:DescribeAddresses", "ec2:DescribeInstances",
                "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups",
                "ec2:DescribeVpcs", "ec2:DescribeInternetGateways", "ec2:CreateSecurityGroup",
                "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:ModifyNetworkInterfaceAttribute",
                "ec2:AssociateAddress", "ec2:DisassociateAddress", "ec2:AttachNetworkInterface",
                "ec2:DetachNetworkInterface"], "Resource": "*"}"#],
    },
    Managed {
        name: "AWSLambdaBasicExecutionRole",
        path: "/service-role/",
        description: "Provides write permissions to CloudWatch Logs.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "AWSLambdaVPCAccessExecutionRole",
        path: "/service-role/",
        description: "Provides minimum permissions for a Lambda function to execute while accessing a resource within a \
            VPC",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents",
                "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
                "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"],
                "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "AWSXRayDaemonWriteAccess",
        path: "/",
        description: "Allow the AWS X-Ray Daemon to relay raw trace segments data to the service's API and retrieve \
            sampling data.",
        statements: &[r#"{"Effect": "Allow", "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords",
                "xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:GetSamplingStatisticSummaries"],
                "Resource": "*"}"#],
    },
    Managed {
        name: "AdministratorAccess",
        path: "/",
        description: "Provides full access to AWS services and resources.",
        statements: &[r#"{"Effect": "Allow", "Action": ["*"], "Resource": "*"}"#],
    },
    Managed {
        name: "AmazonDynamoDBFullAccess",
        path: "/",
        description: "Provides full access to Amazon DynamoDB via the AWS Management Console.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["dynamodb:*", "dax:*", "application-autoscaling:*", "cloudwatch:*"],
                "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "AmazonDynamoDBReadOnlyAccess",
        path: "/",
        description: "Provides read only access to Amazon DynamoDB via the AWS Management Console.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["dynamodb:BatchGetItem", "dynamodb:Describe*", "dynamodb:List*",
                "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"], "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "AmazonEC2ContainerRegistryFullAccess",
        path: "/",
        description: "Provides administrative access to Amazon ECR resources",
        statements: &[r#"{"Effect": "Allow", "Action": ["ecr:*", "cloudtrail:LookupEvents"], "Resource": "*"}"#],
    },
    Managed {
        name: "AmazonEC2ContainerRegistryPowerUser",
        path: "/",
        description: "Provides full access to Amazon EC2 Container Registry repositories, but does not allow repository \
            deletion or policy changes.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability",
                "ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy", "ecr:DescribeRepositories",
                "ecr:ListImages", "ecr:DescribeImages", "ecr:BatchGetImage", "ecr:GetLifecyclePolicy",
                "ecr:GetLifecyclePolicyPreview", "ecr:ListTagsForResource", "ecr:DescribeImageScanFindings",
                "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"],
                "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "AmazonEC2ContainerRegistryPullOnly",
        path: "/",
        description: "Provides pull-only access to Amazon Elastic Container Registry repositories.",
        statements: &[r#"{"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken", "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer", "ecr:BatchImportUpstreamImage"], "Resource": "*"}"#],
    },
    Managed {
        name: "AmazonEC2ContainerRegistryReadOnly",
        path: "/",
        description: "Provides read-only access to Amazon EC2 Container Registry repositories.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability",
                "ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy", "ecr:DescribeRepositories",
                "ecr:ListImages", "ecr:DescribeImages", "ecr:BatchGetImage", "ecr:GetLifecyclePolicy",
                "ecr:GetLifecyclePolicyPreview", "ecr:ListTagsForResource", "ecr:DescribeImageScanFindings"],
                "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "AmazonEC2ContainerServiceAutoscaleRole",
        path: "/service-role/",
        description: "Policy to enable Task Autoscaling for Amazon EC2 Container Service",
        statements: &[r#"{"Effect": "Allow", "Action": ["ecs:DescribeServices", "ecs:UpdateService",
                "cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms"], "Resource": "*"}"#],
    },
    Managed {
        name: "AmazonEC2ContainerServiceEventsRole",
        path: "/service-role/",
        description: "Policy to enable CloudWatch Events for EC2 Container Service",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["ecs:RunTask"], "Resource": "*"}"#,
            r#"{"Effect": "Allow", "Action": ["iam:PassRole"], "Resource": "*", "Condition": {"StringLike":
                {"iam:PassedToService": ["ecs-tasks.amazonaws.com"]}}}"#,
        ],
    },
    Managed {
        name: "AmazonEC2ContainerServiceRole",
        path: "/service-role/",
        description: "Default policy for Amazon ECS service role.",
        statements: &[r#"{"Effect": "Allow", "Action": ["ec2:AuthorizeSecurityGroupIngress", "ec2:Describe*",
                "elasticloadbalancing:DeregisterInstancesFromLoadBalancer",
                "elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:Describe*",
                "elasticloadbalancing:RegisterInstancesWithLoadBalancer", "elasticloadbalancing:RegisterTargets"],
                "Resource": "*"}"#],
    },
    Managed {
        name: "AmazonEC2ContainerServiceforEC2Role",
        path: "/service-role/",
        description: "Default policy for the Amazon EC2 Role for Amazon EC2 Container Service.",
        statements: &[r#"{"Effect": "Allow", "Action": ["ec2:DescribeTags", "ecs:CreateCluster",
                "ecs:DeregisterContainerInstance", "ecs:DiscoverPollEndpoint", "ecs:Poll",
                "ecs:RegisterContainerInstance", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState",
                "ecs:Submit*", "ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability",
                "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": "*"}"#],
    },
    Managed {
        name: "AmazonEC2FullAccess",
        path: "/",
        description: "Provides full access to Amazon EC2 via the AWS Management Console.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["ec2:*", "elasticloadbalancing:*", "cloudwatch:*", "autoscaling:*"],
                "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "AmazonEC2ReadOnlyAccess",
        path: "/",
        description: "Provides read only access to Amazon EC2 via the AWS Management Console.",
        statements: &[r#"{"Effect": "Allow", "Action": ["ec2:Describe*", "elasticloadbalancing:Describe*",
                "cloudwatch:ListMetrics", "cloudwatch:GetMetricStatistics", "cloudwatch:Describe*",
                "autoscaling:Describe*"], "Resource": "*"}"#],
    },
    Managed {
        name: "AmazonECSInfrastructureRolePolicyForLoadBalancers",
        path: "/",
        description: "Provides access to other AWS service resources required to manage load balancers associated with ECS \
            workloads on your behalf.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["elasticloadbalancing:DescribeListeners",
                "elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeTargetGroups",
                "elasticloadbalancing:DescribeTargetHealth"], "Resource": "*"}"#,
            r#"{"Effect": "Allow", "Action": ["elasticloadbalancing:RegisterTargets",
                "elasticloadbalancing:DeregisterTargets"], "Resource":
                "arn:aws:elasticloadbalancing:*:*:targetgroup/*/*"}"#,
            r#"{"Effect": "Allow", "Action": ["elasticloadbalancing:ModifyListener"], "Resource":
                ["arn:aws:elasticloadbalancing:*:*:listener/app/*/*/*",
                "arn:aws:elasticloadbalancing:*:*:listener/net/*/*/*"]}"#,
            r#"{"Effect": "Allow", "Action": ["elasticloadbalancing:ModifyRule"], "Resource":
                ["arn:aws:elasticloadbalancing:*:*:listener-rule/app/*/*/*/*",
                "arn:aws:elasticloadbalancing:*:*:listener-rule/net/*/*/*/*"]}"#,
        ],
    },
    Managed {
        name: "AmazonECSInfrastructureRolePolicyForVolumes",
        path: "/service-role/",
        description: "Provides access to other AWS service resources required to manage volumes associated with ECS \
            workloads on your behalf.",
        statements: &[r#"{"Effect": "Allow", "Action": ["ec2:CreateVolume", "ec2:CreateTags", "ec2:DescribeVolumes",
                "ec2:DescribeAvailabilityZones", "ec2:AttachVolume", "ec2:DetachVolume", "ec2:DeleteVolume"],
                "Resource": "*"}"#],
    },
    Managed {
        name: "AmazonECSServiceRolePolicy",
        path: "/aws-service-role/",
        description: "Policy to enable Amazon ECS to manage your cluster.",
        statements: &[r#"{"Effect": "Allow", "Action": ["ec2:AttachNetworkInterface", "ec2:CreateNetworkInterface",
                "ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface",
                "ec2:DeleteNetworkInterfacePermission", "ec2:Describe*", "ec2:DetachNetworkInterface",
                "elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:Describe*",
                "elasticloadbalancing:RegisterTargets", "route53:*", "servicediscovery:DeregisterInstance",
                "servicediscovery:Get*", "servicediscovery:List*", "servicediscovery:RegisterInstance",
                "servicediscovery:UpdateInstanceCustomHealthStatus", "logs:*"], "Resource": "*"}"#],
    },
    Managed {
        name: "AmazonECSTaskExecutionRolePolicy",
        path: "/service-role/",
        description: "Provides access to other AWS service resources that are required to run Amazon ECS tasks",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability",
                "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "AmazonECS_FullAccess",
        path: "/",
        description: "Provides administrative access to Amazon ECS resources and enables ECS features through access to \
            other AWS service resources.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["application-autoscaling:*", "cloudwatch:*", "codedeploy:*",
                "ec2:Describe*", "ecs:*", "elasticloadbalancing:*", "events:*", "iam:ListRoles",
                "lambda:ListFunctions", "logs:*", "route53:GetHostedZone", "route53:ListHostedZonesByName",
                "servicediscovery:*", "sns:ListTopics"], "Resource": "*"}"#,
            r#"{"Effect": "Allow", "Action": ["iam:PassRole"], "Resource": "*", "Condition": {"StringLike":
                {"iam:PassedToService": ["ecs-tasks.amazonaws.com"]}}}"#,
        ],
    },
    Managed {
        name: "AmazonElasticFileSystemClientFullAccess",
        path: "/",
        description: "Provides root client access to an Amazon EFS file system",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientRootAccess",
                "elasticfilesystem:ClientWrite", "elasticfilesystem:DescribeMountTargets"], "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "AmazonElasticFileSystemClientReadOnlyAccess",
        path: "/",
        description: "Provides read only client access to an Amazon EFS file system",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["elasticfilesystem:ClientMount", "elasticfilesystem:DescribeMountTargets"],
                "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "AmazonElasticFileSystemClientReadWriteAccess",
        path: "/",
        description: "Provides read and write client access to an Amazon EFS file system",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite",
                "elasticfilesystem:DescribeMountTargets"], "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "AmazonRoute53FullAccess",
        path: "/",
        description: "Provides full access to all Amazon Route 53 via the AWS Management Console.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["route53:*", "route53domains:*", "cloudfront:ListDistributions",
                "elasticloadbalancing:DescribeLoadBalancers", "ec2:DescribeVpcs"], "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "AmazonRoute53ReadOnlyAccess",
        path: "/",
        description: "Provides read only access to all Amazon Route 53 via the AWS Management Console.",
        statements: &[r#"{"Effect": "Allow", "Action": ["route53:Get*", "route53:List*", "route53:TestDNSAnswer"],
                "Resource": "*"}"#],
    },
    Managed {
        name: "AmazonS3FullAccess",
        path: "/",
        description: "Provides full access to all buckets via the AWS Management Console.",
        statements: &[r#"{"Effect": "Allow", "Action": ["s3:*", "s3-object-lambda:*"], "Resource": "*"}"#],
    },
    Managed {
        name: "AmazonS3ReadOnlyAccess",
        path: "/",
        description: "Provides read only access to all buckets via the AWS Management Console.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*",
                "s3-object-lambda:List*"], "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "AmazonSNSFullAccess",
        path: "/",
        description: "Provides full access to Amazon SNS via the AWS Management Console.",
        statements: &[r#"{"Effect": "Allow", "Action": ["sns:*"], "Resource": "*"}"#],
    },
    Managed {
        name: "AmazonSQSFullAccess",
        path: "/",
        description: "Provides full access to Amazon SQS via the AWS Management Console.",
        statements: &[r#"{"Effect": "Allow", "Action": ["sqs:*"], "Resource": "*"}"#],
    },
    Managed {
        name: "AmazonSSMFullAccess",
        path: "/",
        description: "Provides full access to Amazon SSM.",
        statements: &[r#"{"Effect": "Allow", "Action": ["cloudwatch:PutMetricData", "ds:CreateComputer",
                "ds:DescribeDirectories", "ec2:DescribeInstanceStatus", "logs:*", "ssm:*", "ec2messages:*"],
                "Resource": "*"}"#],
    },
    Managed {
        name: "AmazonSSMManagedInstanceCore",
        path: "/",
        description: "The policy for Amazon EC2 Role to enable AWS Systems Manager service core functionality.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["ssm:DescribeAssociation", "ssm:GetDocument", "ssm:DescribeDocument",
                "ssm:GetManifest", "ssm:GetParameter", "ssm:GetParameters", "ssm:ListAssociations",
                "ssm:ListInstanceAssociations", "ssm:PutInventory", "ssm:PutComplianceItems",
                "ssm:PutConfigurePackageResult", "ssm:UpdateAssociationStatus",
                "ssm:UpdateInstanceAssociationStatus", "ssm:UpdateInstanceInformation",
                "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
                "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel", "ec2messages:*"], "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "AmazonSSMReadOnlyAccess",
        path: "/",
        description: "Provides read only access to Amazon SSM.",
        statements: &[r#"{"Effect": "Allow", "Action": ["ssm:Describe*", "ssm:Get*", "ssm:List*"], "Resource": "*"}"#],
    },
    Managed {
        name: "AmazonVPCFullAccess",
        path: "/",
        description: "Provides full access to Amazon VPC via the AWS Management Console.",
        statements: &[r#"{"Effect": "Allow", "Action": ["ec2:*Vpc*", "ec2:*Subnet*", "ec2:*Route*", "ec2:*Gateway*",
                "ec2:*SecurityGroup*", "ec2:*NetworkInterface*", "ec2:*NetworkAcl*", "ec2:*Address*",
                "ec2:CreateTags", "ec2:DeleteTags", "ec2:Describe*"], "Resource": "*"}"#],
    },
    Managed {
        name: "CloudWatchAgentServerPolicy",
        path: "/",
        description: "Permissions required to use AmazonCloudWatchAgent on servers",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["cloudwatch:PutMetricData", "ec2:DescribeVolumes",
                "ec2:DescribeTags", "logs:PutLogEvents", "logs:PutRetentionPolicy", "logs:DescribeLogStreams",
                "logs:DescribeLogGroups", "logs:CreateLogStream", "logs:CreateLogGroup", "xray:PutTraceSegments",
                "xray:PutTelemetryRecords"], "Resource": "*"}"#,
            r#"{"Effect": "Allow", "Action": ["ssm:GetParameter"], "Resource":
                "arn:aws:ssm:*:*:parameter/AmazonCloudWatch-*"}"#,
        ],
    },
    Managed {
        name: "CloudWatchFullAccess",
        path: "/",
        description: "Provides full access to CloudWatch.",
        statements: &[r#"{"Effect": "Allow", "Action": ["autoscaling:Describe*", "cloudwatch:*", "logs:*", "sns:*",
                "iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRole"], "Resource": "*"}"#],
    },
    Managed {
        name: "CloudWatchLogsFullAccess",
        path: "/",
        description: "Provides full access to CloudWatch Logs",
        statements: &[r#"{"Effect": "Allow", "Action": ["logs:*", "cloudwatch:GenerateQuery"], "Resource": "*"}"#],
    },
    Managed {
        name: "CloudWatchLogsReadOnlyAccess",
        path: "/",
        description: "Provides read only access to CloudWatch Logs",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["logs:Describe*", "logs:Get*", "logs:List*", "logs:StartQuery",
                "logs:StopQuery", "logs:TestMetricFilter", "logs:FilterLogEvents", "logs:StartLiveTail",
                "logs:StopLiveTail", "cloudwatch:GenerateQuery"], "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "CloudWatchReadOnlyAccess",
        path: "/",
        description: "Provides read only access to CloudWatch.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["autoscaling:Describe*", "cloudwatch:Describe*", "cloudwatch:Get*",
                "cloudwatch:List*", "logs:Get*", "logs:Describe*", "logs:List*", "logs:FilterLogEvents", "sns:Get*",
                "sns:List*"], "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "ElasticLoadBalancingFullAccess",
        path: "/",
        description: "Provides full access to Amazon ElasticLoadBalancing, and limited access to other services necessary \
            to provide ElasticLoadBalancing features.",
        statements: &[r#"{"Effect": "Allow", "Action": ["elasticloadbalancing:*", "ec2:Describe*"], "Resource": "*"}"#],
    },
    Managed {
        name: "ElasticLoadBalancingReadOnly",
        path: "/",
        description: "Provides read only access to Amazon ElasticLoadBalancing and dependent services",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["elasticloadbalancing:Describe*", "ec2:Describe*"], "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "IAMFullAccess",
        path: "/",
        description: "Provides full access to IAM via the AWS Management Console.",
        statements: &[r#"{"Effect": "Allow", "Action": ["iam:*", "organizations:DescribeAccount",
                "organizations:DescribeOrganization", "organizations:ListPolicies"], "Resource": "*"}"#],
    },
    Managed {
        name: "PowerUserAccess",
        path: "/",
        description: "Provides full access to AWS services and resources, but does not allow management of Users and \
            groups.",
        statements: &[
            r#"{"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"}"#,
            r#"{"Effect": "Allow", "Action": ["iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole",
                "iam:ListRoles", "organizations:DescribeOrganization", "account:ListRegions"], "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "ReadOnlyAccess",
        path: "/",
        description: "Provides read-only access to AWS services and resources.",
        statements: &[r#"{"Effect": "Allow", "Action": ["cloudwatch:Get*", "cloudwatch:List*", "cloudwatch:Describe*",
                "codedeploy:BatchGet*", "codedeploy:Get*", "codedeploy:List*", "ec2:Describe*", "ec2:Get*",
                "ecr:BatchCheck*", "ecr:BatchGet*", "ecr:Describe*", "ecr:Get*", "ecr:List*", "ecs:Describe*",
                "ecs:List*", "elasticloadbalancing:Describe*", "iam:Get*", "iam:List*", "logs:Describe*",
                "logs:Get*", "logs:List*", "logs:FilterLogEvents", "route53:Get*", "route53:List*", "s3:Get*",
                "s3:List*", "servicediscovery:Get*", "servicediscovery:List*", "ssm:Describe*", "ssm:Get*",
                "ssm:List*", "tag:Get*"], "Resource": "*"}"#],
    },
    Managed {
        name: "SecretsManagerReadWrite",
        path: "/",
        description: "Provides read/write access to AWS Secrets Manager via the AWS Management Console.",
        statements: &[r#"{"Effect": "Allow", "Action": ["secretsmanager:*", "kms:DescribeKey", "kms:ListAliases",
                "kms:ListKeys", "tag:GetResources"], "Resource": "*"}"#],
    },
    Managed {
        name: "AWSAppMeshEnvoyAccess",
        path: "/",
        description: "App Mesh Envoy policy for accessing Virtual Node configuration.",
        statements: &[r#"{"Effect": "Allow", "Action": ["appmesh:StreamAggregatedResources"], "Resource": "*"}"#],
    },
    Managed {
        name: "AWSCertificateManagerFullAccess",
        path: "/",
        description: "Provides full access to AWS Certificate Manager (ACM)",
        statements: &[r#"{"Effect": "Allow", "Action": ["acm:*"], "Resource": "*"}"#],
    },
    Managed {
        name: "AWSCodeBuildAdminAccess",
        path: "/",
        description: "Provides full access to AWS CodeBuild via the AWS Management Console.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["codebuild:*", "ecr:DescribeRepositories", "ecr:ListImages", "logs:GetLogEvents", "s3:GetBucketLocation", "s3:ListAllMyBuckets"], "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "AWSCodeBuildDeveloperAccess",
        path: "/",
        description: "Provides access to AWS CodeBuild via the AWS Management Console, and not to the administration of its projects.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["codebuild:StartBuild", "codebuild:StopBuild", "codebuild:BatchGet*", "codebuild:List*", "logs:GetLogEvents"], "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "AWSCodePipeline_FullAccess",
        path: "/",
        description: "Provides full access to AWS CodePipeline via the AWS Management Console.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["codepipeline:*", "codedeploy:Get*", "codedeploy:List*", "ecr:DescribeRepositories", "ecs:ListClusters", "ecs:ListServices", "s3:ListAllMyBuckets"], "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "AWSLambdaRole",
        path: "/service-role/",
        description: "Default policy for AWS Lambda service role.",
        statements: &[r#"{"Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": "*"}"#],
    },
    Managed {
        name: "AWSLambda_FullAccess",
        path: "/",
        description: "Grants full access to AWS Lambda service, AWS Lambda console features, and other related AWS services.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["lambda:*", "logs:DescribeLogGroups", "iam:ListRoles", "tag:GetResources"], "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "AWSStepFunctionsFullAccess",
        path: "/",
        description: "An access policy for providing a user/role/etc access to the AWS StepFunctions API.",
        statements: &[r#"{"Effect": "Allow", "Action": ["states:*"], "Resource": "*"}"#],
    },
    Managed {
        name: "AWSXrayFullAccess",
        path: "/",
        description: "AWS X-Ray full access managed policy",
        statements: &[r#"{"Effect": "Allow", "Action": ["xray:*"], "Resource": "*"}"#],
    },
    Managed {
        name: "AmazonBedrockFullAccess",
        path: "/",
        description: "Provides full access to Amazon Bedrock as well as limited access to related services that are required by it",
        statements: &[r#"{"Effect": "Allow", "Action": ["bedrock:*", "iam:ListRoles"], "Resource": "*"}"#],
    },
    Managed {
        name: "AmazonElastiCacheFullAccess",
        path: "/",
        description: "Provides full access to Amazon ElastiCache via the AWS Management Console.",
        statements: &[r#"{"Effect": "Allow", "Action": ["elasticache:*"], "Resource": "*"}"#],
    },
    Managed {
        name: "AmazonEventBridgeFullAccess",
        path: "/",
        description: "Provides full access to Amazon EventBridge.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["events:*", "schemas:*", "scheduler:*", "pipes:*"], "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "AmazonKinesisFirehoseFullAccess",
        path: "/",
        description: "Provides full access to all Amazon Kinesis Firehose Delivery Streams.",
        statements: &[r#"{"Effect": "Allow", "Action": ["firehose:*"], "Resource": "*"}"#],
    },
    Managed {
        name: "AmazonPrometheusRemoteWriteAccess",
        path: "/",
        description: "Grants write only access to AWS Managed Prometheus workspaces",
        statements: &[r#"{"Effect": "Allow", "Action": ["aps:RemoteWrite"], "Resource": "*"}"#],
    },
    Managed {
        name: "AmazonRDSFullAccess",
        path: "/",
        description: "Provides full access to Amazon RDS via the AWS Management Console.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["rds:*", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:DescribeSecurityGroups", "logs:DescribeLogStreams", "logs:GetLogEvents"], "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "AmazonRDSReadOnlyAccess",
        path: "/",
        description: "Provides read only access to Amazon RDS via the AWS Management Console.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["rds:Describe*", "rds:ListTagsForResource", "ec2:DescribeVpcs", "logs:GetLogEvents"], "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "AmazonSESFullAccess",
        path: "/",
        description: "Provides full access to Amazon SES via the AWS Management Console.",
        statements: &[r#"{"Effect": "Allow", "Action": ["ses:*"], "Resource": "*"}"#],
    },
    Managed {
        name: "CloudWatchFullAccessV2",
        path: "/",
        description: "Provides full access to CloudWatch.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["cloudwatch:*", "logs:*", "sns:CreateTopic", "sns:ListTopics", "sns:Subscribe", "xray:*"], "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "SecurityAudit",
        path: "/",
        description: "The security audit template grants access to read security configuration metadata. It is useful for software that audits the configuration of an AWS account.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["cloudwatch:Describe*", "codedeploy:List*", "ec2:Describe*", "ecr:Describe*", "ecr:GetRepositoryPolicy", "ecs:Describe*", "ecs:List*", "elasticloadbalancing:Describe*", "iam:Get*", "iam:List*", "kms:Describe*", "kms:Get*", "kms:List*", "logs:Describe*", "route53:Get*", "route53:List*", "s3:GetBucket*", "s3:ListAllMyBuckets"], "Resource": "*"}"#,
        ],
    },
    Managed {
        name: "ViewOnlyAccess",
        path: "/job-function/",
        description: "This policy grants permissions to view resources and basic metadata across all AWS services.",
        statements: &[
            r#"{"Effect": "Allow", "Action": ["cloudwatch:Describe*", "codedeploy:List*", "ec2:Describe*", "ecr:Describe*", "ecr:List*", "ecs:Describe*", "ecs:List*", "elasticloadbalancing:Describe*", "iam:List*", "logs:Describe*", "route53:List*", "s3:ListAllMyBuckets", "s3:ListBucket"], "Resource": "*"}"#,
        ],
    },
];

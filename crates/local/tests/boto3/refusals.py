"""Calls that AWS refuses, service by service, each with the code that comes back: one table to be read and added to.

What the calls need is made first; a row is (code, operation, parameters).
"""

import botocore.config
import boto3
import botocore.exceptions

from local import advance, client

# boto3 would refuse malformed calls itself.
raw = botocore.config.Config(parameter_validation=False, retries={"total_max_attempts": 1, "mode": "standard"})
services = {}
problems = []


def call(service, operation, parameters):
    if service not in services:
        services[service] = boto3.client(service, region_name="ap-northeast-1", config=raw)
    return getattr(services[service], operation)(**parameters)


def table(service, *rows):
    for code, operation, parameters in rows:
        try:
            answer = call(service, operation, parameters)
            found = f"accepted: {str(answer)[:150]}"
        except botocore.exceptions.ClientError as error:
            found = error.response["Error"]["Code"]
            if found == code:
                continue
            found += ": " + error.response["Error"]["Message"][:200]
        problems.append(f"{service} {operation} {parameters}: {code} was expected, not {found}")


many = [{"Key": f"k{i}", "Value": "v"} for i in range(51)]
lower = [{"key": f"k{i}", "value": "v"} for i in range(51)]
nothing = "0123456789abcdef0"
account = "123456789012"
region = "ap-northeast-1"


def arn(service, resource):
    return f"arn:aws:{service}:{region}:{account}:{resource}"


# EC2, before there is anything.
unknown = {"Filters": [{"Name": "nonsense", "Values": ["x"]}]}
describes = ["vpcs", "subnets", "internet_gateways", "addresses", "route_tables", "vpc_endpoints",
             "security_groups", "security_group_rules", "network_interfaces", "network_acls", "dhcp_options",
             "managed_prefix_lists", "availability_zones"]
table("ec2", *[("InvalidParameterValue", f"describe_{kind}", unknown) for kind in describes])
table("ec2",
      ("InvalidParameterValue", "describe_nat_gateways", {"Filters": unknown["Filters"]}),
      ("InvalidParameterValue", "describe_flow_logs", {"Filters": unknown["Filters"]}),
      ("InvalidNextToken", "describe_vpcs", {"NextToken": "nonsense", "MaxResults": 5}),
      ("InvalidParameterValue", "describe_vpcs", {"MaxResults": 4}),
      ("InvalidParameterValue", "describe_vpcs", {"MaxResults": 1001}),
      ("InvalidParameterValue", "describe_route_tables", {"MaxResults": 101}),
      ("InvalidVpcID.NotFound", "delete_vpc", {"VpcId": "vpc-" + nothing}),
      ("InvalidVpcID.Malformed", "delete_vpc", {"VpcId": "vpc_1"}),
      ("MissingParameter", "delete_vpc", {}),
      ("InvalidVpcID.NotFound", "create_subnet", {"VpcId": "vpc-" + nothing, "CidrBlock": "10.0.0.0/24"}),
      ("InvalidSubnetID.NotFound", "delete_subnet", {"SubnetId": "subnet-" + nothing}),
      ("InvalidSubnetID.Malformed", "delete_subnet", {"SubnetId": "subnet-xyz"}),
      ("InvalidInternetGatewayID.NotFound", "delete_internet_gateway", {"InternetGatewayId": "igw-" + nothing}),
      ("InvalidAllocationID.NotFound", "release_address", {"AllocationId": "eipalloc-" + nothing}),
      ("NatGatewayNotFound", "delete_nat_gateway", {"NatGatewayId": "nat-" + nothing}),
      ("NatGatewayNotFound", "describe_nat_gateways", {"NatGatewayIds": ["nat-" + nothing]}),
      ("InvalidRouteTableID.NotFound", "delete_route_table", {"RouteTableId": "rtb-" + nothing}),
      ("InvalidGroup.NotFound", "delete_security_group", {"GroupId": "sg-" + nothing}),
      ("InvalidGroupId.Malformed", "delete_security_group", {"GroupId": "sg-zz"}),
      ("InvalidVpcEndpointId.NotFound", "describe_vpc_endpoints", {"VpcEndpointIds": ["vpce-" + nothing]}),
      ("InvalidVpcEndpointId.NotFound", "modify_vpc_endpoint", {"VpcEndpointId": "vpce-" + nothing}),
      ("InvalidNetworkInterfaceID.NotFound", "describe_network_interfaces",
       {"NetworkInterfaceIds": ["eni-" + nothing]}),
      ("InvalidAssociationID.NotFound", "disassociate_address", {"AssociationId": "eipassoc-" + nothing}),
      ("InvalidAssociationID.NotFound", "disassociate_route_table", {"AssociationId": "rtbassoc-" + nothing}),
      ("InvalidID", "create_tags", {"Resources": ["nonsense"], "Tags": [{"Key": "a", "Value": "b"}]}),
      ("InvalidVpcID.NotFound", "create_tags", {"Resources": ["vpc-" + nothing], "Tags": [{"Key": "a", "Value": "b"}]}),
      ("InvalidParameterValue", "create_vpc", {"CidrBlock": "10.0.0.0/33"}),
      ("InvalidVpc.Range", "create_vpc", {"CidrBlock": "10.0.0.0/29"}),
      ("InvalidParameterValue", "create_vpc", {"CidrBlock": "10.0.0.0/16", "InstanceTenancy": "nonsense"}),
      ("TagLimitExceeded", "create_vpc",
       {"CidrBlock": "10.0.0.0/16", "TagSpecifications": [{"ResourceType": "vpc", "Tags": many}]}),
      ("InvalidParameterValue", "create_vpc",
       {"CidrBlock": "10.0.0.0/16",
        "TagSpecifications": [{"ResourceType": "vpc", "Tags": [{"Key": "aws:a", "Value": "b"}]}]}))

# EC2, with a VPC.
ec2 = client("ec2")
vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone=region + "a")["Subnet"]["SubnetId"]
second = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone=region + "c")["Subnet"]["SubnetId"]
group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
tcp = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}
table("ec2",
      ("InvalidSubnet.Conflict", "create_subnet", {"VpcId": vpc, "CidrBlock": "10.0.0.128/25"}),
      ("InvalidSubnet.Range", "create_subnet", {"VpcId": vpc, "CidrBlock": "10.1.0.0/24"}),
      ("InvalidSubnet.Range", "create_subnet", {"VpcId": vpc, "CidrBlock": "10.0.4.0/29"}),
      ("InvalidParameterValue", "create_subnet",
       {"VpcId": vpc, "CidrBlock": "10.0.4.0/24", "AvailabilityZone": "eu-west-1a"}),
      ("InvalidGroup.Duplicate", "create_security_group", {"GroupName": "g", "Description": "d", "VpcId": vpc}),
      ("InvalidParameterValue", "create_security_group", {"GroupName": "x" * 256, "Description": "d", "VpcId": vpc}),
      ("InvalidParameterValue", "create_security_group",
       {"GroupName": "y", "Description": "d" * 256, "VpcId": vpc}),
      ("InvalidGroup.Reserved", "create_security_group", {"GroupName": "default", "Description": "d", "VpcId": vpc}),
      ("MissingParameter", "create_security_group", {"GroupName": "y", "VpcId": vpc}),
      ("InvalidParameterValue", "authorize_security_group_ingress",
       {"GroupId": group, "IpPermissions": [{**tcp, "IpRanges": [{"CidrIp": "10.0.0.0/99"}]}]}),
      ("InvalidParameterValue", "authorize_security_group_ingress",
       {"GroupId": group, "IpPermissions": [{**tcp, "IpProtocol": "nonsense", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]}),
      ("InvalidGroup.NotFound", "authorize_security_group_ingress",
       {"GroupId": group, "IpPermissions": [{**tcp, "UserIdGroupPairs": [{"GroupId": "sg-" + nothing}]}]}),
      ("InvalidPermission.NotFound", "revoke_security_group_ingress",
       {"GroupId": group, "IpPermissions": [{**tcp, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]}),
      ("Resource.AlreadyAssociated", "attach_internet_gateway", {"InternetGatewayId": gateway, "VpcId": vpc}),
      ("DependencyViolation", "delete_internet_gateway", {"InternetGatewayId": gateway}),
      ("DependencyViolation", "delete_vpc", {"VpcId": vpc}),
      ("InvalidAllocationID.NotFound", "create_nat_gateway",
       {"SubnetId": subnet, "AllocationId": "eipalloc-" + nothing}),
      ("MissingParameter", "create_nat_gateway", {"SubnetId": subnet}),
      ("InvalidSubnetID.NotFound", "create_nat_gateway",
       {"SubnetId": "subnet-" + nothing, "AllocationId": "eipalloc-" + nothing}),
      ("InvalidServiceName", "create_vpc_endpoint", {"VpcId": vpc, "ServiceName": "com.amazonaws.x.y"}),
      ("InvalidParameterValue", "create_flow_logs",
       {"ResourceIds": [vpc], "ResourceType": "VPC", "TrafficType": "SOME", "LogGroupName": "l",
        "DeliverLogsPermissionArn": "arn:aws:iam::123456789012:role/r"}),
      ("InvalidParameter", "create_flow_logs",
       {"ResourceIds": [vpc], "ResourceType": "VPC", "TrafficType": "ALL", "LogGroupName": "l"}))

# Elastic Load Balancing.
elb = client("elbv2")
balancer = elb.create_load_balancer(Name="b", Subnets=[subnet, second])["LoadBalancers"][0]["LoadBalancerArn"]
one = elb.create_target_group(Name="one", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")["TargetGroups"][0]["TargetGroupArn"]
listener = elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80,
                               DefaultActions=[{"Type": "forward", "TargetGroupArn": one}])["Listeners"][0]["ListenerArn"]
no_balancer = arn("elasticloadbalancing", "loadbalancer/app/x/0123456789abcdef")
no_group = arn("elasticloadbalancing", "targetgroup/x/0123456789abcdef")
no_listener = arn("elasticloadbalancing", "listener/app/x/0123456789abcdef/0123456789abcdef")
no_rule = arn("elasticloadbalancing", "listener-rule/app/x/0123456789abcdef/0123456789abcdef/0123456789abcdef")
forward = [{"Type": "forward", "TargetGroupArn": one}]
path = [{"Field": "path-pattern", "Values": ["/a"]}]
default_rule = elb.describe_rules(ListenerArn=listener)["Rules"][0]["RuleArn"]
elb.create_rule(ListenerArn=listener, Priority=5, Conditions=path, Actions=forward)
table("elbv2",
      ("LoadBalancerNotFound", "describe_load_balancers", {"LoadBalancerArns": [no_balancer]}),
      ("LoadBalancerNotFound", "describe_load_balancers", {"Names": ["nobody"]}),
      ("ValidationError", "describe_load_balancers", {"LoadBalancerArns": ["nonsense"]}),
      ("TargetGroupNotFound", "describe_target_groups", {"TargetGroupArns": [no_group]}),
      ("TargetGroupNotFound", "describe_target_groups", {"Names": ["nobody"]}),
      ("ListenerNotFound", "describe_listeners", {"ListenerArns": [no_listener]}),
      ("LoadBalancerNotFound", "describe_listeners", {"LoadBalancerArn": no_balancer}),
      ("RuleNotFound", "describe_rules", {"RuleArns": [no_rule]}),
      ("ListenerNotFound", "describe_rules", {"ListenerArn": no_listener}),
      ("ValidationError", "describe_load_balancers", {"PageSize": 401}),
      ("ValidationError", "create_load_balancer", {"Name": "x" * 33, "Subnets": [subnet, second]}),
      ("ValidationError", "create_load_balancer", {"Name": "-x", "Subnets": [subnet, second]}),
      ("ValidationError", "create_load_balancer", {"Name": "internal-x", "Subnets": [subnet, second]}),
      ("ValidationError", "create_load_balancer", {"Name": "x", "Subnets": [subnet]}),
      ("SubnetNotFound", "create_load_balancer", {"Name": "x", "Subnets": [subnet, "subnet-" + nothing]}),
      ("InvalidSecurityGroup", "create_load_balancer",
       {"Name": "x", "Subnets": [subnet, second], "SecurityGroups": ["sg-" + nothing]}),
      ("DuplicateLoadBalancerName", "create_load_balancer",
       {"Name": "b", "Subnets": [subnet, second], "Scheme": "internal"}),
      ("DuplicateTargetGroupName", "create_target_group",
       {"Name": "one", "Protocol": "HTTP", "Port": 81, "VpcId": vpc, "TargetType": "ip"}),
      ("ValidationError", "create_target_group",
       {"Name": "two", "Protocol": "HTTP", "Port": 99999, "VpcId": vpc, "TargetType": "ip"}),
      ("ValidationError", "create_target_group", {"Name": "two", "Protocol": "HTTP", "Port": 80, "TargetType": "ip"}),
      ("DuplicateListener", "create_listener",
       {"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 80,
        "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]}),
      ("TargetGroupNotFound", "create_listener",
       {"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 81,
        "DefaultActions": [{"Type": "forward", "TargetGroupArn": no_group}]}),
      ("CertificateNotFound", "create_listener",
       {"LoadBalancerArn": balancer, "Protocol": "HTTPS", "Port": 443, "DefaultActions": forward,
        "Certificates": [{"CertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/" + "1" * 36}]}),
      ("ValidationError", "create_listener",
       {"LoadBalancerArn": balancer, "Protocol": "HTTPS", "Port": 443, "DefaultActions": forward}),
      ("PriorityInUse", "create_rule",
       {"ListenerArn": listener, "Priority": 5, "Conditions": path, "Actions": forward}),
      ("ValidationError", "create_rule",
       {"ListenerArn": listener, "Priority": 50001, "Conditions": path, "Actions": forward}),
      ("OperationNotPermitted", "delete_rule", {"RuleArn": default_rule}),
      ("ResourceInUse", "delete_target_group", {"TargetGroupArn": one}),
      ("TooManyTags", "add_tags", {"ResourceArns": [balancer], "Tags": many}),
      ("LoadBalancerNotFound", "add_tags", {"ResourceArns": [no_balancer], "Tags": [{"Key": "a", "Value": "b"}]}),
      ("TargetGroupNotFound", "describe_target_health", {"TargetGroupArn": no_group}),
      ("ValidationError", "modify_load_balancer_attributes",
       {"LoadBalancerArn": balancer, "Attributes": [{"Key": "nonsense", "Value": "1"}]}))

# ECR.
client("ecr").create_repository(repositoryName="repo")
table("ecr",
      ("RepositoryNotFoundException", "describe_repositories", {"repositoryNames": ["nobody"]}),
      ("RepositoryAlreadyExistsException", "create_repository", {"repositoryName": "repo"}),
      ("InvalidParameterException", "create_repository", {"repositoryName": "Upper"}),
      ("RepositoryNotFoundException", "delete_repository", {"repositoryName": "nobody"}),
      ("LifecyclePolicyNotFoundException", "get_lifecycle_policy", {"repositoryName": "repo"}),
      ("RepositoryNotFoundException", "get_lifecycle_policy", {"repositoryName": "nobody"}),
      ("RepositoryPolicyNotFoundException", "get_repository_policy", {"repositoryName": "repo"}),
      ("LifecyclePolicyNotFoundException", "delete_lifecycle_policy", {"repositoryName": "repo"}),
      ("InvalidParameterException", "put_lifecycle_policy", {"repositoryName": "repo", "lifecyclePolicyText": "{" + " " * 120}),
      ("RepositoryNotFoundException", "list_tags_for_resource", {"resourceArn": arn("ecr", "repository/nobody")}),
      ("ImageNotFoundException", "describe_images",
       {"repositoryName": "repo", "imageIds": [{"imageTag": "nothing-like-it"}]}),
      ("UnsupportedUpstreamRegistryException", "create_pull_through_cache_rule",
       {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "example.com"}),
      ("InvalidParameterException", "create_pull_through_cache_rule",
       {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io"}),
      ("PullThroughCacheRuleNotFoundException", "delete_pull_through_cache_rule", {"ecrRepositoryPrefix": "hub"}),
      ("PullThroughCacheRuleNotFoundException", "describe_pull_through_cache_rules", {"ecrRepositoryPrefixes": ["hub"]}),
      ("TooManyTagsException", "create_repository", {"repositoryName": "other", "tags": many}))

# IAM.
iam = client("iam")
trust = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
iam.create_role(RoleName="role", AssumeRolePolicyDocument=trust)
own = iam.create_policy(PolicyName="policy", PolicyDocument=policy)["Policy"]["Arn"]
iam.attach_role_policy(RoleName="role", PolicyArn=own)
table("iam",
      ("NoSuchEntity", "get_role", {"RoleName": "nobody"}),
      ("EntityAlreadyExists", "create_role", {"RoleName": "ROLE", "AssumeRolePolicyDocument": trust}),
      ("MalformedPolicyDocument", "create_role", {"RoleName": "x", "AssumeRolePolicyDocument": "{}"}),
      ("MalformedPolicyDocument", "create_role", {"RoleName": "x", "AssumeRolePolicyDocument": "nonsense"}),
      ("ValidationError", "create_role", {"RoleName": "x" * 65, "AssumeRolePolicyDocument": trust}),
      ("ValidationError", "create_role", {"RoleName": "a b", "AssumeRolePolicyDocument": trust}),
      ("ValidationError", "create_role",
       {"RoleName": "x", "AssumeRolePolicyDocument": trust, "MaxSessionDuration": 60}),
      ("DeleteConflict", "delete_role", {"RoleName": "role"}),
      ("DeleteConflict", "delete_policy", {"PolicyArn": own}),
      ("NoSuchEntity", "delete_role", {"RoleName": "nobody"}),
      ("NoSuchEntity", "attach_role_policy", {"RoleName": "role", "PolicyArn": "arn:aws:iam::aws:policy/Nonsense"}),
      ("NoSuchEntity", "detach_role_policy", {"RoleName": "role", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
      ("NoSuchEntity", "get_role_policy", {"RoleName": "role", "PolicyName": "nothing"}),
      ("EntityAlreadyExists", "create_policy", {"PolicyName": "policy", "PolicyDocument": policy}),
      ("MalformedPolicyDocument", "create_policy", {"PolicyName": "x", "PolicyDocument": trust}),
      ("NoSuchEntity", "get_policy", {"PolicyArn": f"arn:aws:iam::{account}:policy/nobody"}),
      ("NoSuchEntity", "get_policy_version", {"PolicyArn": own, "VersionId": "v9"}))

# CloudWatch Logs.
client("logs").create_log_group(logGroupName="l")
table("logs",
      ("ResourceAlreadyExistsException", "create_log_group", {"logGroupName": "l"}),
      ("InvalidParameterException", "create_log_group", {"logGroupName": "a b"}),
      ("InvalidParameterException", "create_log_group", {"logGroupName": "x" * 513}),
      ("ResourceNotFoundException", "delete_log_group", {"logGroupName": "nobody"}),
      ("InvalidParameterException", "put_retention_policy", {"logGroupName": "l", "retentionInDays": 2}),
      ("ResourceNotFoundException", "put_retention_policy", {"logGroupName": "nobody", "retentionInDays": 1}),
      ("InvalidParameterException", "describe_log_groups", {"limit": 51}),
      ("ResourceNotFoundException", "delete_subscription_filter", {"logGroupName": "l", "filterName": "f"}),
      ("InvalidParameterException", "put_subscription_filter",
       {"logGroupName": "l", "filterName": "f", "filterPattern": "", "destinationArn": arn("kinesis", "stream/s")}),
      ("ResourceNotFoundException", "list_tags_for_resource", {"resourceArn": arn("logs", "log-group:nobody")}))

# ECS.
ecs = client("ecs")
ecs.create_cluster(clusterName="c")
# The service-linked role can be assumed.
advance(10)
ecs.register_task_definition(family="f", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
                             containerDefinitions=[{"name": "web", "image": "nginx", "portMappings": [{"containerPort": 80}]}])
network = {"awsvpcConfiguration": {"subnets": [subnet]}}
service = {"cluster": "c", "serviceName": "s", "taskDefinition": "f", "desiredCount": 0, "launchType": "FARGATE",
           "networkConfiguration": network}
container = [{"name": "web", "image": "nginx"}]
fargate = {"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "containerDefinitions": container}
spare = elb.create_target_group(Name="spare", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")["TargetGroups"][0]["TargetGroupArn"]
table("ecs",
      ("ClusterNotFoundException", "create_service", {**service, "cluster": "nobody"}),
      ("ClusterNotFoundException", "describe_services", {"cluster": "nobody", "services": ["s"]}),
      ("ClusterNotFoundException", "delete_cluster", {"cluster": "nobody"}),
      ("ServiceNotFoundException", "update_service", {"cluster": "c", "service": "nobody", "desiredCount": 1}),
      ("ServiceNotFoundException", "delete_service", {"cluster": "c", "service": "nobody"}),
      ("ClientException", "describe_task_definition", {"taskDefinition": "nobody"}),
      ("ClientException", "register_task_definition", {**fargate, "family": "x", "cpu": "256", "memory": "8192"}),
      ("ClientException", "register_task_definition", {**fargate, "family": "x"}),
      ("ClientException", "register_task_definition", {**fargate, "family": "a b", "cpu": "256", "memory": "512"}),
      ("ClientException", "create_service", {**service, "taskDefinition": "nobody"}),
      ("InvalidParameterException", "create_service", {**service, "loadBalancers": [
          {"targetGroupArn": spare, "containerName": "web", "containerPort": 80}]}),
      ("InvalidParameterException", "create_service", {**service, "loadBalancers": [
          {"targetGroupArn": one, "containerName": "nobody", "containerPort": 80}]}),
      ("InvalidParameterException", "create_service", {**service, "networkConfiguration": {
          "awsvpcConfiguration": {"subnets": ["subnet-" + nothing]}}}),
      ("InvalidParameterException", "create_service", {k: v for k, v in service.items() if k != "networkConfiguration"}),
      ("InvalidParameterException", "create_service", {**service, "deploymentController": {"type": "CODE_DEPLOY"}}),
      ("InvalidParameterException", "create_service", {**service, "serviceName": "a b"}),
      ("InvalidParameterException", "create_service", {**service, "tags": lower}),
      ("InvalidParameterException", "describe_services", {"cluster": "c", "services": []}),
      ("InvalidParameterException", "describe_services", {"cluster": "c", "services": [f"s{i}" for i in range(11)]}),
      ("InvalidParameterException", "list_services", {"cluster": "c", "maxResults": 101}),
      ("InvalidParameterException", "list_services", {"cluster": "c", "nextToken": "nonsense"}))

# Application Auto Scaling.
ecs.create_service(**service)
target = {"ServiceNamespace": "ecs", "ResourceId": "service/c/s", "ScalableDimension": "ecs:service:DesiredCount"}
tracking = {"TargetValue": 50.0, "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}}
table("application-autoscaling",
      ("ObjectNotFoundException", "deregister_scalable_target", target),
      ("ObjectNotFoundException", "put_scaling_policy",
       {**target, "PolicyName": "p", "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": tracking}),
      ("ValidationException", "register_scalable_target", {**target, "MinCapacity": 2, "MaxCapacity": 1}),
      ("ValidationException", "register_scalable_target", target),
      ("ValidationException", "register_scalable_target",
       {**target, "ResourceId": "service/c/nobody", "MinCapacity": 1, "MaxCapacity": 1}),
      ("ValidationException", "register_scalable_target",
       {**target, "ResourceId": "table/x", "MinCapacity": 1, "MaxCapacity": 1}),
      ("ValidationException", "describe_scalable_targets", {"ServiceNamespace": "nonsense"}),
      ("InvalidNextTokenException", "describe_scalable_targets", {"ServiceNamespace": "ecs", "NextToken": "x"}))
scaling = client("application-autoscaling")
scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=4)
scaling.put_scaling_policy(**target, PolicyName="cpu", PolicyType="TargetTrackingScaling",
                           TargetTrackingScalingPolicyConfiguration=tracking)
table("application-autoscaling",
      ("ValidationException", "put_scaling_policy",
       {**target, "PolicyName": "again", "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": tracking}),
      ("ValidationException", "put_scaling_policy", {**target, "PolicyName": "p", "PolicyType": "StepScaling"}),
      ("ObjectNotFoundException", "delete_scaling_policy", {**target, "PolicyName": "nobody"}),
      ("ObjectNotFoundException", "delete_scheduled_action", {**target, "ScheduledActionName": "nobody"}),
      ("ValidationException", "put_scheduled_action",
       {**target, "ScheduledActionName": "a", "Schedule": "sometimes",
        "ScalableTargetAction": {"MinCapacity": 1}}))
assert client("cloudwatch").describe_alarms()["MetricAlarms"], "a target tracking policy has alarms"
scaling.deregister_scalable_target(**target)
assert not client("cloudwatch").describe_alarms()["MetricAlarms"], "they go with it"

# Cloud Map, CodeDeploy, Route 53.
table("servicediscovery",
      ("NamespaceNotFound", "get_namespace", {"Id": "ns-aaaaaaaaaaaaaaaa"}),
      ("NamespaceNotFound", "delete_namespace", {"Id": "ns-aaaaaaaaaaaaaaaa"}),
      ("ServiceNotFound", "get_service", {"Id": "srv-aaaaaaaaaaaaaaaa"}),
      ("ServiceNotFound", "delete_service", {"Id": "srv-aaaaaaaaaaaaaaaa"}),
      ("OperationNotFound", "get_operation", {"OperationId": "nonsense"}),
      ("InvalidInput", "list_namespaces", {"MaxResults": 101}))
deploy = client("codedeploy")
deploy.create_application(applicationName="app", computePlatform="ECS")
table("codedeploy",
      ("ApplicationAlreadyExistsException", "create_application", {"applicationName": "app"}),
      ("ApplicationDoesNotExistException", "get_application", {"applicationName": "nobody"}),
      ("ApplicationNameRequiredException", "get_application", {}),
      ("InvalidApplicationNameException", "create_application", {"applicationName": "x" * 101}),
      ("InvalidComputePlatformException", "create_application", {"applicationName": "x", "computePlatform": "Moon"}),
      ("DeploymentGroupDoesNotExistException", "get_deployment_group",
       {"applicationName": "app", "deploymentGroupName": "nobody"}),
      ("DeploymentDoesNotExistException", "get_deployment", {"deploymentId": "d-ABCDEFGHI"}),
      ("DeploymentConfigDoesNotExistException", "get_deployment_config", {"deploymentConfigName": "nobody"}),
      ("InvalidDeploymentConfigNameException", "create_deployment_config",
       {"deploymentConfigName": "CodeDeployDefault.Mine", "computePlatform": "ECS",
        "trafficRoutingConfig": {"type": "AllAtOnce"}}),
      ("InvalidOperationException", "delete_deployment_config",
       {"deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce"}))
dns = client("route53")
zone = dns.create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]["Id"]


def change(action, **record):
    return {"HostedZoneId": zone, "ChangeBatch": {"Changes": [{"Action": action, "ResourceRecordSet": record}]}}


a = {"Name": "a.example.com", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
table("route53",
      ("NoSuchHostedZone", "get_hosted_zone", {"Id": "Z0123456789ABC"}),
      ("HostedZoneAlreadyExists", "create_hosted_zone", {"Name": "example.com", "CallerReference": "1"}),
      ("InvalidDomainName", "create_hosted_zone", {"Name": "a..b", "CallerReference": "2"}),
      ("InvalidChangeBatch", "change_resource_record_sets", change("DELETE", **a)),
      ("InvalidChangeBatch", "change_resource_record_sets", change("CREATE", **{**a, "Name": "a.example.net"})),
      ("NoSuchChange", "get_change", {"Id": "C0123456789ABC"}))

# ACM.
acm = client("acm")
pending = acm.request_certificate(DomainName="www.example.org", ValidationMethod="DNS")["CertificateArn"]
table("acm",
      ("ResourceNotFoundException", "describe_certificate", {"CertificateArn": arn("acm", "certificate/" + "1" * 36)}),
      ("InvalidArnException", "describe_certificate", {"CertificateArn": "arn:aws:s3:::bucket/something"}),
      ("ValidationException", "request_certificate", {"DomainName": "nonsense"}),
      ("ValidationException", "request_certificate", {"DomainName": "a.example.com", "ValidationMethod": "PIGEON"}),
      ("ValidationException", "request_certificate", {}),
      ("InvalidDomainValidationOptionsException", "request_certificate",
       {"DomainName": "a.example.com", "DomainValidationOptions": [
           {"DomainName": "a.example.com", "ValidationDomain": "example.net"}]}),
      ("TooManyTagsException", "request_certificate", {"DomainName": "a.example.com", "Tags": many}),
      ("RequestInProgressException", "get_certificate", {"CertificateArn": pending}),
      ("ValidationException", "list_certificates", {"MaxItems": 1001}))
table("elbv2",
      ("UnsupportedCertificate", "create_listener",
       {"LoadBalancerArn": balancer, "Protocol": "HTTPS", "Port": 443, "DefaultActions": forward,
        "Certificates": [{"CertificateArn": pending}]}))

# SNS, KMS, Secrets Manager, Parameter Store, CloudWatch.
topic = client("sns").create_topic(Name="t")["TopicArn"]
table("sns",
      ("NotFound", "get_topic_attributes", {"TopicArn": arn("sns", "nobody")}),
      ("InvalidParameter", "get_topic_attributes", {"TopicArn": "nonsense"}),
      ("InvalidParameter", "create_topic", {"Name": "a b"}),
      ("InvalidParameter", "create_topic", {"Name": "t", "Attributes": {"DisplayName": "other"}}),
      ("InvalidParameter", "set_topic_attributes", {"TopicArn": topic, "AttributeName": "Nonsense", "AttributeValue": "x"}),
      ("InvalidParameter", "subscribe", {"TopicArn": topic, "Protocol": "pigeon", "Endpoint": "x"}),
      ("InvalidParameter", "subscribe", {"TopicArn": topic, "Protocol": "email", "Endpoint": "x"}),
      ("NotFound", "subscribe", {"TopicArn": arn("sns", "nobody"), "Protocol": "email", "Endpoint": "a@example.com"}),
      ("NotFound", "get_subscription_attributes", {"SubscriptionArn": topic + ":" + "1" * 36}),
      ("ResourceNotFound", "list_tags_for_resource", {"ResourceArn": arn("sns", "nobody")}))
pattern = '{"source": ["aws.ecs"]}'
client("events").put_rule(Name="r", EventPattern=pattern)
table("events",
      ("ValidationException", "put_rule", {"Name": "x"}),
      ("ValidationException", "put_rule", {"Name": "a b", "EventPattern": pattern}),
      ("ValidationException", "put_rule", {"Name": "x", "ScheduleExpression": "cron(0 12 * * * *)"}),
      ("InvalidEventPatternException", "put_rule", {"Name": "x", "EventPattern": '{"source": "aws.ecs"}'}),
      ("ResourceNotFoundException", "put_rule", {"Name": "x", "EventPattern": pattern, "EventBusName": "nobody"}),
      ("ResourceNotFoundException", "describe_rule", {"Name": "nobody"}),
      ("ResourceNotFoundException", "put_targets", {"Rule": "nobody", "Targets": [{"Id": "1", "Arn": topic}]}),
      ("ValidationException", "put_targets", {"Rule": "r", "Targets": [{"Id": "1", "Arn": "nonsense"}]}),
      ("ValidationException", "put_targets", {"Rule": "r", "Targets": [{"Id": "1", "Arn": arn("ecs", "cluster/c")}]}),
      ("ResourceNotFoundException", "list_tags_for_resource", {"ResourceARN": arn("events", "rule/nobody")}),
      ("ResourceNotFoundException", "describe_event_bus", {"Name": "nobody"}),
      ("ValidationException", "delete_event_bus", {"Name": "default"}))
keyed = {"AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
         "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}
client("dynamodb").create_table(TableName="locks", **keyed)
advance(10)
table("dynamodb",
      ("ResourceInUseException", "create_table", {"TableName": "locks", **keyed}),
      ("ValidationException", "create_table", {"TableName": "a b", **keyed}),
      ("ValidationException", "create_table", {"TableName": "other", **keyed, "BillingMode": "PROVISIONED"}),
      ("ValidationException", "create_table", {"TableName": "other", **keyed, "AttributeDefinitions": []}),
      ("ResourceNotFoundException", "describe_table", {"TableName": "nobody"}),
      ("ResourceNotFoundException", "get_item", {"TableName": "nobody", "Key": {"k": {"S": "a"}}}),
      ("ValidationException", "get_item", {"TableName": "locks", "Key": {"other": {"S": "a"}}}),
      ("ValidationException", "put_item", {"TableName": "locks", "Item": {"k": {"N": "1"}}}))
kms = client("kms")
key = kms.create_key()["KeyMetadata"]["KeyId"]
kms.create_alias(AliasName="alias/mine", TargetKeyId=key)
table("kms",
      ("NotFoundException", "describe_key", {"KeyId": "11111111-2222-3333-4444-555555555555"}),
      ("NotFoundException", "describe_key", {"KeyId": "alias/nobody"}),
      ("AlreadyExistsException", "create_alias", {"AliasName": "alias/mine", "TargetKeyId": key}),
      ("ValidationException", "create_alias", {"AliasName": "mine", "TargetKeyId": key}),
      ("NotAuthorizedException", "create_alias", {"AliasName": "alias/aws/mine", "TargetKeyId": key}),
      ("NotFoundException", "delete_alias", {"AliasName": "alias/nobody"}),
      ("MalformedPolicyDocumentException", "put_key_policy", {"KeyId": key, "PolicyName": "default", "Policy": "{}"}),
      ("ValidationException", "schedule_key_deletion", {"KeyId": key, "PendingWindowInDays": 3}),
      ("ValidationException", "create_key", {"KeySpec": "ROT13"}))
kms.schedule_key_deletion(KeyId=key)
table("kms",
      ("KMSInvalidStateException", "enable_key", {"KeyId": key}),
      ("KMSInvalidStateException", "schedule_key_deletion", {"KeyId": key}))
secrets = client("secretsmanager")
secrets.create_secret(Name="s", SecretString="one")
table("secretsmanager",
      ("ResourceNotFoundException", "describe_secret", {"SecretId": "nobody"}),
      ("ResourceExistsException", "create_secret", {"Name": "s", "SecretString": "two"}),
      ("ValidationException", "create_secret", {"Name": "a b"}),
      ("InvalidParameterException", "delete_secret", {"SecretId": "s", "RecoveryWindowInDays": 3}),
      ("InvalidParameterException", "delete_secret",
       {"SecretId": "s", "RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": True}),
      ("ResourceNotFoundException", "get_secret_value", {"SecretId": "s", "VersionStage": "nothing"}),
      ("InvalidParameterException", "put_secret_value", {"SecretId": "s"}),
      ("InvalidNextTokenException", "list_secrets", {"NextToken": "x"}))
secrets.delete_secret(SecretId="s")
table("secretsmanager",
      ("InvalidRequestException", "get_secret_value", {"SecretId": "s"}),
      ("InvalidRequestException", "create_secret", {"Name": "s"}))
table("ssm",
      ("ParameterNotFound", "get_parameter", {"Name": "/nobody"}),
      ("ParameterNotFound", "delete_parameter", {"Name": "/nobody"}),
      ("ValidationException", "put_parameter", {"Name": "/aws/x", "Value": "v", "Type": "String"}),
      ("ValidationException", "put_parameter", {"Name": "/x", "Value": "v"}),
      ("InvalidNextToken", "get_parameters_by_path", {"Path": "/", "NextToken": "x"}),
      ("InvalidResourceId", "list_tags_for_resource", {"ResourceType": "Parameter", "ResourceId": "/nobody"}))
table("cloudwatch",
      ("ResourceNotFound", "delete_alarms", {"AlarmNames": ["nobody"]}),
      ("ResourceNotFound", "set_alarm_state", {"AlarmName": "nobody", "StateValue": "OK", "StateReason": "x"}),
      ("ResourceNotFound", "get_dashboard", {"DashboardName": "nobody"}),
      ("InvalidParameterInput", "put_dashboard", {"DashboardName": "d", "DashboardBody": "nonsense"}))

# The rest: what takes more preparation.
address = ec2.allocate_address(Domain="vpc")["AllocationId"]
nat = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address, ClientToken="nat")["NatGateway"]["NatGatewayId"]
rtb = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
association = ec2.associate_route_table(RouteTableId=rtb, SubnetId=subnet)["AssociationId"]
ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{**tcp, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}])
rule = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
rule = [r["SecurityGroupRuleId"] for r in rule if not r["IsEgress"]][0]
table("ec2",
      ("IdempotentParameterMismatch", "create_nat_gateway",
       {"SubnetId": second, "AllocationId": address, "ClientToken": "nat"}),
      ("InvalidIPAddress.InUse", "release_address", {"AllocationId": address}),
      ("RouteAlreadyExists", "create_route",
       {"RouteTableId": rtb, "DestinationCidrBlock": "10.0.0.0/16", "GatewayId": gateway}),
      ("InvalidParameterValue", "create_route", {"RouteTableId": rtb, "DestinationCidrBlock": "ten", "GatewayId": gateway}),
      ("InvalidGatewayID.NotFound", "create_route",
       {"RouteTableId": rtb, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-" + nothing}),
      ("InvalidParameterValue", "replace_route",
       {"RouteTableId": rtb, "DestinationCidrBlock": "9.0.0.0/8", "GatewayId": gateway}),
      ("DependencyViolation", "delete_route_table", {"RouteTableId": rtb}),
      ("DependencyViolation", "delete_subnet", {"SubnetId": subnet}),
      ("InvalidPermission.Duplicate", "authorize_security_group_ingress",
       {"GroupId": group, "IpPermissions": [{**tcp, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]}),
      ("InvalidSecurityGroupRuleId.NotFound", "modify_security_group_rules",
       {"GroupId": group, "SecurityGroupRules": [{"SecurityGroupRuleId": "sgr-" + nothing, "SecurityGroupRule":
                                                  {**tcp, "CidrIpv4": "10.0.0.0/8"}}]}),
      ("InvalidVpcID.NotFound", "describe_vpc_attribute",
       {"VpcId": "vpc-" + nothing, "Attribute": "enableDnsSupport"}),
      ("InvalidParameterValue", "describe_vpc_attribute", {"VpcId": vpc, "Attribute": "nonsense"}),
      ("TagLimitExceeded", "create_tags", {"Resources": [vpc], "Tags": many}),
      ("InvalidParameterValue", "create_tags", {"Resources": [vpc], "Tags": [{"Key": "k" * 128, "Value": "v" * 257}]}),
      ("InvalidParameterValue", "create_tags", {"Resources": [vpc], "Tags": [{"Key": "k" * 129, "Value": "v"}]}),
      ("InvalidInternetGatewayId.Malformed", "attach_internet_gateway", {"InternetGatewayId": "igw", "VpcId": vpc}),
      ("InvalidVpcID.NotFound", "create_vpc_endpoint",
       {"VpcId": "vpc-" + nothing, "ServiceName": "com.amazonaws.ap-northeast-1.s3"}))

iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust.replace("ecs-tasks", "codedeploy"))
advance(60)
role = f"arn:aws:iam::{account}:role/deploy"
test = elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=8080, DefaultActions=forward)["Listeners"][0]["ListenerArn"]
ecs.create_service(**{**service, "serviceName": "bg", "deploymentController": {"type": "CODE_DEPLOY"}, "loadBalancers": [
    {"targetGroupArn": one, "containerName": "web", "containerPort": 80}]})
style = {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"}
pair = {"targetGroups": [{"name": "one"}, {"name": "spare"}], "prodTrafficRoute": {"listenerArns": [listener]},
        "testTrafficRoute": {"listenerArns": [test]}}
blue = {"terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 5},
        "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT"}}
dg = {"applicationName": "app", "deploymentGroupName": "dg", "serviceRoleArn": role, "deploymentStyle": style,
      "deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce", "blueGreenDeploymentConfiguration": blue,
      "ecsServices": [{"clusterName": "c", "serviceName": "bg"}],
      "loadBalancerInfo": {"targetGroupPairInfoList": [pair]}}
table("codedeploy",
      ("ApplicationDoesNotExistException", "create_deployment_group", {**dg, "applicationName": "nobody"}),
      ("DeploymentGroupNameRequiredException", "create_deployment_group",
       {k: v for k, v in dg.items() if k != "deploymentGroupName"}),
      ("RoleRequiredException", "create_deployment_group", {k: v for k, v in dg.items() if k != "serviceRoleArn"}),
      ("InvalidRoleException", "create_deployment_group", {**dg, "serviceRoleArn": role + "-nobody"}),
      ("InvalidRoleException", "create_deployment_group",
       {**dg, "serviceRoleArn": f"arn:aws:iam::{account}:role/role"}),
      ("DeploymentConfigDoesNotExistException", "create_deployment_group", {**dg, "deploymentConfigName": "nobody"}),
      ("InvalidECSServiceException", "create_deployment_group",
       {**dg, "ecsServices": [{"clusterName": "c", "serviceName": "nobody"}]}),
      ("InvalidECSServiceException", "create_deployment_group",
       {**dg, "ecsServices": [{"clusterName": "c", "serviceName": "s"}]}),
      ("InvalidDeploymentStyleException", "create_deployment_group",
       {**dg, "deploymentStyle": {**style, "deploymentType": "IN_PLACE"}}),
      ("InvalidTargetGroupPairException", "create_deployment_group",
       {**dg, "loadBalancerInfo": {"targetGroupPairInfoList": [{**pair, "targetGroups": [{"name": "one"}]}]}}),
      ("InvalidTargetGroupPairException", "create_deployment_group",
       {**dg, "loadBalancerInfo": {"targetGroupPairInfoList": [
           {**pair, "targetGroups": [{"name": "one"}, {"name": "nobody"}]}]}}),
      ("InvalidBlueGreenDeploymentConfigurationException", "create_deployment_group",
       {**dg, "blueGreenDeploymentConfiguration": {**blue, "terminateBlueInstancesOnDeploymentSuccess":
                                                   {"action": "TERMINATE", "terminationWaitTimeInMinutes": 2881}}}),
      ("InvalidAutoRollbackConfigException", "create_deployment_group",
       {**dg, "autoRollbackConfiguration": {"enabled": True, "events": ["SOMETIMES"]}}),
      ("InvalidAlarmConfigException", "create_deployment_group",
       {**dg, "alarmConfiguration": {"enabled": True, "alarms": []}}),
      ("InvalidTriggerConfigException", "create_deployment_group",
       {**dg, "triggerConfigurations": [{"triggerName": "t", "triggerEvents": ["DeploymentStart"],
                                         "triggerTargetArn": "nonsense"}]}),
      ("InvalidTagsToAddException", "create_deployment_group", {**dg, "tags": many}))
deploy.create_deployment_group(**dg)
table("codedeploy",
      ("DeploymentGroupAlreadyExistsException", "create_deployment_group", dg),
      ("ECSServiceMappingLimitExceededException", "create_deployment_group", {**dg, "deploymentGroupName": "other"}),
      ("InvalidRevisionException", "create_deployment",
       {"applicationName": "app", "deploymentGroupName": "dg", "revision": {"revisionType": "AppSpecContent",
                                                                            "appSpecContent": {"content": "nonsense"}}}),
      ("RevisionRequiredException", "create_deployment", {"applicationName": "app", "deploymentGroupName": "dg"}),
      ("DeploymentGroupDoesNotExistException", "create_deployment",
       {"applicationName": "app", "deploymentGroupName": "nobody",
        "revision": {"revisionType": "AppSpecContent", "appSpecContent": {"content": "{}"}}}),
      ("DeploymentIdRequiredException", "get_deployment", {}),
      ("InvalidNextTokenException", "list_deployments", {"nextToken": "nonsense"}),
      ("InvalidDeploymentStatusException", "list_deployments", {"includeOnlyStatuses": ["Sometimes"]}),
      ("InvalidNextTokenException", "list_applications", {"nextToken": "nonsense"}))
table("ecs",
      ("InvalidParameterException", "update_service",
       {"cluster": "c", "service": "bg", "taskDefinition": "f"}),
      ("InvalidParameterException", "update_service", {"cluster": "c", "service": "bg", "forceNewDeployment": True}),
      ("InvalidParameterException", "update_service", {"cluster": "c", "service": "bg", "networkConfiguration": network}),
      ("InvalidParameterException", "create_service", {**service, "desiredCount": 3}),
      ("InvalidParameterException", "create_service",
       {**service, "serviceName": "two", "deploymentController": {"type": "CODE_DEPLOY"}, "loadBalancers": [
           {"targetGroupArn": one, "containerName": "web", "containerPort": 80},
           {"targetGroupArn": spare, "containerName": "web", "containerPort": 80}]}),
      ("ClusterContainsServicesException", "delete_cluster", {"cluster": "c"}),
      ("InvalidParameterException", "tag_resource",
       {"resourceArn": arn("ecs", "service/c/bg"), "tags": [{"key": "aws:x", "value": "y"}]}),
      ("InvalidParameterException", "put_account_setting", {"name": "nonsense", "value": "enabled"}),
      ("InvalidParameterException", "create_cluster", {"clusterName": "a b"}),
      ("InvalidParameterException", "create_cluster", {"clusterName": "x" * 256}),
      ("ClientException", "deregister_task_definition", {"taskDefinition": "f:99"}),
      ("InvalidParameterException", "delete_task_definitions", {"taskDefinitions": []}),
      ("InvalidParameterException", "list_task_definitions", {"maxResults": 101}))
mapping = client("servicediscovery")
mapping.create_private_dns_namespace(Name="local", Vpc=vpc, CreatorRequestId="n")
advance(120)
namespace = mapping.list_namespaces()["Namespaces"][0]["Id"]
cloudmap = {"Name": "api", "NamespaceId": namespace, "DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 10}]}}
made = mapping.create_service(**cloudmap)["Service"]["Id"]
mapping.register_instance(ServiceId=made, InstanceId="i", Attributes={"AWS_INSTANCE_IPV4": "10.0.0.9"})
advance(60)
table("servicediscovery",
      ("ServiceAlreadyExists", "create_service", cloudmap),
      ("NamespaceNotFound", "create_service", {**cloudmap, "NamespaceId": "ns-aaaaaaaaaaaaaaaa"}),
      ("InvalidInput", "create_service", {**cloudmap, "Name": "x" * 128}),
      ("InvalidInput", "create_service", {**cloudmap, "Name": "y", "DnsConfig": {"DnsRecords": [{"Type": "ZZ", "TTL": 10}]}}),
      ("ResourceInUse", "delete_service", {"Id": made}),
      ("ResourceInUse", "delete_namespace", {"Id": namespace}),
      ("InstanceNotFound", "deregister_instance", {"ServiceId": made, "InstanceId": "nobody"}),
      ("InstanceNotFound", "get_instance", {"ServiceId": made, "InstanceId": "nobody"}),
      ("InvalidInput", "register_instance", {"ServiceId": made, "InstanceId": "j", "Attributes": {}}),
      ("CustomHealthNotFound", "update_instance_custom_health_status",
       {"ServiceId": made, "InstanceId": "i", "Status": "HEALTHY"}),
      ("ResourceNotFoundException", "list_tags_for_resource",
       {"ResourceARN": arn("servicediscovery", "service/srv-aaaaaaaaaaaaaaaa")}))
table("route53",
      ("InvalidChangeBatch", "change_resource_record_sets", change("CREATE", **{**a, "Type": "CNAME", "Name": "example.com"})),
      ("InvalidChangeBatch", "change_resource_record_sets", change("CREATE", **{**a, "ResourceRecords": [{"Value": "ten"}]})),
      ("InvalidInput", "list_resource_record_sets", {"HostedZoneId": zone, "StartRecordType": "A"}),
      ("InvalidInput", "change_resource_record_sets",
       {"HostedZoneId": zone, "ChangeBatch": {"Changes": []}}))
dns.change_resource_record_sets(**change("CREATE", **a))
table("route53",
      ("InvalidChangeBatch", "change_resource_record_sets", change("CREATE", **a)),
      ("InvalidChangeBatch", "change_resource_record_sets", change("DELETE", **{**a, "TTL": 61})),
      ("HostedZoneNotEmpty", "delete_hosted_zone", {"Id": zone}))
table("iam",
      ("InvalidInput", "create_role", {"RoleName": "tagged", "AssumeRolePolicyDocument": trust, "Tags": many}),
      ("NoSuchEntity", "put_role_policy", {"RoleName": "nobody", "PolicyName": "p", "PolicyDocument": policy}),
      ("MalformedPolicyDocument", "put_role_policy", {"RoleName": "role", "PolicyName": "p", "PolicyDocument": "{"}),
      ("NoSuchEntity", "delete_role_policy", {"RoleName": "role", "PolicyName": "nothing"}),
      ("DeleteConflict", "delete_policy_version", {"PolicyArn": own, "VersionId": "v1"}),
      ("ValidationError", "list_roles", {"MaxItems": 1001}),
      ("NoSuchEntity", "update_assume_role_policy", {"RoleName": "nobody", "PolicyDocument": trust}),
      ("MalformedPolicyDocument", "update_assume_role_policy", {"RoleName": "role", "PolicyDocument": policy}))
table("ecr",
      ("InvalidParameterException", "describe_repositories", {"maxResults": 1001}),
      ("RepositoryNotFoundException", "put_image_tag_mutability", {"repositoryName": "nobody", "imageTagMutability": "MUTABLE"}),
      ("InvalidParameterException", "put_image_tag_mutability", {"repositoryName": "repo", "imageTagMutability": "SOMETIMES"}),
      ("InvalidParameterException", "set_repository_policy", {"repositoryName": "repo", "policyText": "nonsense"}))

# What is not there says so.
table("ec2", ("InvalidAction", "describe_instances", {}))
table("ecs", ("UnknownOperationException", "list_attributes", {"targetType": "container-instance"}))
table("sqs", ("UnknownOperationException", "list_queues", {}))

assert not problems, "\n" + "\n".join(problems)

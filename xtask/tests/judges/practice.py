"""Reads with boto3 what `cargo xtask up` built, and compares it field by field with the practice environment's design.

Prints every difference and exits 1 if there is one. Written from the design, not from the model: it is a judge.
"""

import json
import sys
from urllib.parse import unquote

import boto3

STACK = "dev-codedeploy-practice"
differences = []


def same(what, found, wanted):
    if found != wanted:
        differences.append(f"{what}: found {found!r}, wanted {wanted!r}")


def only(what, items):
    items = list(items)
    if len(items) != 1:
        differences.append(f"{what}: found {len(items)}, wanted 1")
    return items[0] if items else {}


def tags(pairs):
    return {pair.get("Key", pair.get("key")): pair.get("Value", pair.get("value")) for pair in pairs or []}


def ours(what, found, address):
    same(f"{what}: aomidori:stack", found.get("aomidori:stack"), STACK)
    same(f"{what}: aomidori:address", found.get("aomidori:address"), address)


def with_dict(document):
    return document if isinstance(document, dict) else json.loads(unquote(document))


def as_list(value):
    return sorted(value) if isinstance(value, list) else [value]


ec2 = boto3.client("ec2")
mine = [{"Name": "tag:aomidori:stack", "Values": [STACK]}]
by_address = lambda items: {tags(item["Tags"])["aomidori:address"]: item for item in items}

# Network
vpc = only("VPC", ec2.describe_vpcs(Filters=mine)["Vpcs"])
same("VPC: CIDR", vpc["CidrBlock"], "10.0.0.0/16")
ours("VPC", tags(vpc["Tags"]), "network/vpc")
for attribute in ("enableDnsSupport", "enableDnsHostnames"):
    answer = ec2.describe_vpc_attribute(VpcId=vpc["VpcId"], Attribute=attribute)
    same(f"VPC: {attribute}", answer[attribute[0].upper() + attribute[1:]]["Value"], True)

subnets = by_address(ec2.describe_subnets(Filters=mine)["Subnets"])
wanted = {
    "public-a": ("10.0.0.0/24", "a"),
    "public-c": ("10.0.1.0/24", "c"),
    "private-a": ("10.0.100.0/24", "a"),
    "private-c": ("10.0.101.0/24", "c"),
    "storage-a": ("10.0.201.0/24", "a"),
    "storage-c": ("10.0.200.0/24", "c"),
}
same("subnets", sorted(subnets), sorted(f"network/subnet/{name}" for name in wanted))
for name, (cidr, zone) in wanted.items():
    subnet = subnets.get(f"network/subnet/{name}", {})
    same(f"subnet {name}", (subnet.get("CidrBlock"), subnet.get("AvailabilityZone")), (cidr, f"ap-northeast-1{zone}"))
    same(f"subnet {name}: VPC", subnet.get("VpcId"), vpc["VpcId"])
subnet_id = lambda name: subnets[f"network/subnet/{name}"]["SubnetId"]

gateway = only("internet gateway", ec2.describe_internet_gateways(Filters=mine)["InternetGateways"])
same("internet gateway: VPC", [a["VpcId"] for a in gateway["Attachments"]], [vpc["VpcId"]])

addresses = {a["AllocationId"] for a in ec2.describe_addresses(Filters=mine)["Addresses"]}
same("Elastic IPs", len(addresses), 2)
nat = by_address(ec2.describe_nat_gateways(Filter=mine)["NatGateways"])
same("NAT gateways", sorted(nat), ["network/nat-gateway/a", "network/nat-gateway/c"])
for zone in "ac":
    found = nat[f"network/nat-gateway/{zone}"]
    same(f"NAT {zone}", (found["State"], found["SubnetId"]), ("available", subnet_id(f"public-{zone}")))
same("NAT addresses", {n["NatGatewayAddresses"][0]["AllocationId"] for n in nat.values()}, addresses)

tables = by_address(ec2.describe_route_tables(Filters=mine)["RouteTables"])
wanted = {
    "public": ({"GatewayId": gateway["InternetGatewayId"]}, ["public-a", "public-c"]),
    "private-a": ({"NatGatewayId": nat["network/nat-gateway/a"]["NatGatewayId"]}, ["private-a"]),
    "private-c": ({"NatGatewayId": nat["network/nat-gateway/c"]["NatGatewayId"]}, ["private-c"]),
    "storage-a": (None, ["storage-a"]),
    "storage-c": (None, ["storage-c"]),
}
same("route tables", sorted(tables), sorted(f"network/route-table/{name}" for name in wanted))
for name, (default, inside) in wanted.items():
    table = tables[f"network/route-table/{name}"]
    routes = [r for r in table["Routes"] if r.get("DestinationCidrBlock") == "0.0.0.0/0"]
    found = {k: v for k, v in routes[0].items() if k in ("GatewayId", "NatGatewayId")} if routes else None
    same(f"route table {name}: default route", found, default)
    found = sorted(a["SubnetId"] for a in table["Associations"] if "SubnetId" in a)
    same(f"route table {name}: subnets", found, sorted(map(subnet_id, inside)))

groups = by_address(ec2.describe_security_groups(Filters=mine)["SecurityGroups"])
same("security groups", sorted(groups), [f"security/group/{n}" for n in ("private", "public", "storage", "vpc-endpoint")])
group_id = lambda name: groups[f"security/group/{name}"]["GroupId"]
world, inside = "0.0.0.0/0", "10.0.0.0/16"
wanted = {
    "public": {("tcp", 80, world), ("tcp", 443, world), ("tcp", 8080, world), ("icmp", -1, inside)},
    "private": {
        ("tcp", 80, group_id("public")),
        ("tcp", 443, inside),
        ("tcp", 8080, inside),
        ("tcp", 8088, inside),
        ("icmp", -1, inside),
    },
    "storage": {("tcp", 3306, group_id("private")), ("tcp", 6379, group_id("private")), ("icmp", -1, inside)},
    "vpc-endpoint": {("tcp", 443, inside)},
}
for name, rules in wanted.items():
    answer = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group_id(name)]}])
    found = {
        (r["IpProtocol"], r["FromPort"], r.get("CidrIpv4") or r.get("ReferencedGroupInfo", {}).get("GroupId"))
        for r in answer["SecurityGroupRules"]
        if not r["IsEgress"]
    }
    same(f"security group {name}: ingress", found, rules)

endpoints = by_address(ec2.describe_vpc_endpoints(Filters=mine)["VpcEndpoints"])
names = {a: e["ServiceName"].removeprefix("com.amazonaws.ap-northeast-1.") for a, e in endpoints.items()}
same("endpoints", sorted(names.values()), ["ecr.api", "ecr.dkr", "logs", "s3", "ssm", "ssmmessages"])
for address, endpoint in endpoints.items():
    name = names[address]
    same(f"endpoint {name}: state", endpoint["State"].lower(), "available")
    if name == "s3":
        same("endpoint s3: type", endpoint["VpcEndpointType"], "Gateway")
        same("endpoint s3: tables", set(endpoint["RouteTableIds"]), {t["RouteTableId"] for t in tables.values()})
    else:
        same(f"endpoint {name}: type", endpoint["VpcEndpointType"], "Interface")
        same(f"endpoint {name}: private DNS", endpoint["PrivateDnsEnabled"], True)
        same(f"endpoint {name}: subnets", set(endpoint["SubnetIds"]), {subnet_id("private-a"), subnet_id("private-c")})
        same(f"endpoint {name}: groups", [g["GroupId"] for g in endpoint["Groups"]], [group_id("vpc-endpoint")])

# Across
ecr = boto3.client("ecr")
repository = only("repository", ecr.describe_repositories(repositoryNames=["codedeploy-practice/maintenance"])["repositories"])
same("repository: mutability", repository["imageTagMutability"], "MUTABLE")
same("repository: encryption", repository["encryptionConfiguration"]["encryptionType"], "AES256")
same("repository: scan on push", repository["imageScanningConfiguration"]["scanOnPush"], False)
ours("repository", tags(ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]), "across/repository")
policy = json.loads(ecr.get_lifecycle_policy(repositoryName=repository["repositoryName"])["lifecyclePolicyText"])
found = [
    (r["selection"]["tagStatus"], r["selection"].get("tagPrefixList"), r["selection"]["countType"], r["selection"]["countNumber"])
    for r in sorted(policy["rules"], key=lambda r: r["rulePriority"])
]
more = "imageCountMoreThan"
same("repository: lifecycle", found, [("tagged", ["aomidori-generation-"], more, 1000), ("untagged", None, more, 1), ("tagged", ["main"], more, 5), ("tagged", ["develop"], more, 3)])
images = ecr.describe_images(repositoryName=repository["repositoryName"])["imageDetails"]
same("repository: images", sorted(tag for image in images for tag in image.get("imageTags", [])), ["blue", "green"])

# Platform
iam = boto3.client("iam")
role = iam.get_role(RoleName=f"{STACK}-task-execution")["Role"]
ours("task role", tags(role["Tags"]), "platform/role/task-execution")
statement = with_dict(role["AssumeRolePolicyDocument"])["Statement"][0]
same("task role: trust", (statement["Effect"], as_list(statement["Principal"]["Service"])), ("Allow", ["ecs-tasks.amazonaws.com"]))
attached = {p["PolicyName"]: p["PolicyArn"] for p in iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]}
same("task role: policies", sorted(attached), sorted(["AmazonECSTaskExecutionRolePolicy", f"{STACK}-ecs-exec", f"{STACK}-parameter-read"]))


def actions(arn):
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = with_dict(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])
    return sorted(action for s in document["Statement"] for action in as_list(s["Action"]))


same("exec policy", actions(attached[f"{STACK}-ecs-exec"]), [f"ssmmessages:{a}" for a in ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")])
same("parameter policy", actions(attached[f"{STACK}-parameter-read"]), ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"])

group = only("log group", boto3.client("logs").describe_log_groups(logGroupNamePrefix=f"/ecs/{STACK}")["logGroups"])

ecs = boto3.client("ecs")
cluster = only("cluster", ecs.describe_clusters(clusters=[STACK], include=["TAGS", "SETTINGS"])["clusters"])
same("cluster", (cluster["status"], cluster["settings"]), ("ACTIVE", [{"name": "containerInsights", "value": "disabled"}]))
ours("cluster", tags(cluster["tags"]), "platform/cluster")

elb = boto3.client("elbv2")
balancer = only("load balancer", elb.describe_load_balancers(Names=[STACK])["LoadBalancers"])
same("load balancer", (balancer["Scheme"], balancer["Type"], balancer["State"]["Code"]), ("internet-facing", "application", "active"))
same("load balancer: subnets", {z["SubnetId"] for z in balancer["AvailabilityZones"]}, {subnet_id("public-a"), subnet_id("public-c")})
same("load balancer: groups", balancer["SecurityGroups"], [group_id("public")])
sides = {}
for side in ("blue", "green"):
    target = only(f"target group {side}", elb.describe_target_groups(Names=[f"{STACK}-{side}"])["TargetGroups"])
    sides[side] = target["TargetGroupArn"]
    found = {k: target.get(k) for k in ("Protocol", "Port", "TargetType", "VpcId", "HealthCheckPath", "HealthCheckIntervalSeconds", "HealthCheckTimeoutSeconds", "HealthyThresholdCount", "UnhealthyThresholdCount", "Matcher")}
    same(f"target group {side}", found, {"Protocol": "HTTP", "Port": 80, "TargetType": "ip", "VpcId": vpc["VpcId"], "HealthCheckPath": "/index.html", "HealthCheckIntervalSeconds": 30, "HealthCheckTimeoutSeconds": 5, "HealthyThresholdCount": 5, "UnhealthyThresholdCount": 2, "Matcher": {"HttpCode": "200"}})
listeners = {l["Port"]: l for l in elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]}
same("listeners", sorted(listeners), [80, 8080])
for port, listener in listeners.items():
    action = listener["DefaultActions"][0]
    same(f"listener {port}", (listener["Protocol"], action["Type"], action["TargetGroupArn"]), ("HTTP", "forward", sides["blue"]))
described = elb.describe_tags(ResourceArns=[balancer["LoadBalancerArn"], *sides.values(), *(l["ListenerArn"] for l in listeners.values())])
for resource in described["TagDescriptions"]:
    same("ELB tags", tags(resource["Tags"]).get("aomidori:stack"), STACK)

# Discovery
discovery = boto3.client("servicediscovery")
namespace = only("namespace", discovery.list_namespaces()["Namespaces"])
same("namespace", namespace["Type"], "DNS_PRIVATE")
zone = boto3.client("route53").get_hosted_zone(Id=namespace["Properties"]["DnsProperties"]["HostedZoneId"])
same("namespace: VPC", [v["VPCId"] for v in zone["VPCs"]], [vpc["VpcId"]])
registries = {s["Name"]: s for s in discovery.list_services()["Services"]}
same("discovery services", sorted(registries), ["backend-blue", "backend-green", "frontend-bg"])
for name, service in registries.items():
    same(f"discovery {name}", (service["DnsConfig"]["RoutingPolicy"], service["DnsConfig"]["DnsRecords"]), ("MULTIVALUE", [{"Type": "A", "TTL": 10}]))
    same(f"discovery {name}: health", service["HealthCheckCustomConfig"], {"FailureThreshold": 1})

# Services
services = {s["serviceName"]: s for s in ecs.describe_services(cluster=STACK, services=["maintenance-bg", "backend-blue", "backend-green"], include=["TAGS"])["services"]}
same("services", sorted(services), ["backend-blue", "backend-green", "maintenance-bg"])
for name, service in services.items():
    same(f"service {name}", (service["status"], service["desiredCount"], service["runningCount"], service["launchType"], service["enableExecuteCommand"]), ("ACTIVE", 1, 1, "FARGATE", True))
    code_deploy = name == "maintenance-bg"
    same(f"service {name}: controller", service.get("deploymentController", {"type": "ECS"})["type"], "CODE_DEPLOY" if code_deploy else "ECS")
    home = service
    if code_deploy:
        home = only("task sets", service["taskSets"])
        same("task set", (home["status"], home["stabilityStatus"]), ("PRIMARY", "STEADY_STATE"))
    network = home["networkConfiguration"]["awsvpcConfiguration"]
    same(f"service {name}: network", (set(network["subnets"]), network["securityGroups"], network["assignPublicIp"]), ({subnet_id("private-a"), subnet_id("private-c")}, [group_id("private")], "DISABLED"))
    same(f"service {name}: platform", home["platformVersion"], "1.4.0")
    same(f"service {name}: registries", [r["registryArn"] for r in service["serviceRegistries"]], [] if code_deploy else [registries[name]["Arn"]])
    same(f"service {name}: targets", [t["targetGroupArn"] for t in home["loadBalancers"]], [sides["blue"]] if code_deploy else [])
    definition = ecs.describe_task_definition(taskDefinition=home["taskDefinition"])["taskDefinition"]
    found = {k: definition.get(k) for k in ("requiresCompatibilities", "cpu", "memory", "networkMode", "executionRoleArn")}
    same(f"task definition {name}", found, {"requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512", "networkMode": "awsvpc", "executionRoleArn": role["Arn"]})
    container = only(f"containers of {name}", definition["containerDefinitions"])
    tag = "green" if name == "backend-green" else "blue"
    same(f"image of {name}", container["image"], f"{repository['repositoryUri']}:{tag}")
    logs = container["logConfiguration"]
    same(f"logs of {name}", (logs["logDriver"], logs["options"]["awslogs-group"]), ("awslogs", group["logGroupName"]))

# CodeDeploy
deploy = boto3.client("codedeploy")
application = only("application", deploy.list_applications()["applications"])
same("application: platform", deploy.get_application(applicationName=application)["application"]["computePlatform"], "ECS")
name = only("deployment group", deploy.list_deployment_groups(applicationName=application)["deploymentGroups"])
group = deploy.get_deployment_group(applicationName=application, deploymentGroupName=name)["deploymentGroupInfo"]
same("group: config", group["deploymentConfigName"], "CodeDeployDefault.ECSAllAtOnce")
same("group: style", group["deploymentStyle"], {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"})
same("group: service", group["ecsServices"], [{"serviceName": "maintenance-bg", "clusterName": STACK}])
settings = group["blueGreenDeploymentConfiguration"]
same("group: ready", settings["deploymentReadyOption"], {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 5})
same("group: termination", settings["terminateBlueInstancesOnDeploymentSuccess"], {"action": "TERMINATE", "terminationWaitTimeInMinutes": 5})
same("group: rollback", group["autoRollbackConfiguration"], {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]})
pair = only("pair", group["loadBalancerInfo"]["targetGroupPairInfoList"])
same("pair: groups", {t["name"] for t in pair["targetGroups"]}, {f"{STACK}-blue", f"{STACK}-green"})
same("pair: production", pair["prodTrafficRoute"]["listenerArns"], [listeners[80]["ListenerArn"]])
same("pair: test", pair["testTrafficRoute"]["listenerArns"], [listeners[8080]["ListenerArn"]])
statement = with_dict(iam.get_role(RoleName=group["serviceRoleArn"].rsplit("/", 1)[1])["Role"]["AssumeRolePolicyDocument"])["Statement"][0]
same("group: role", as_list(statement["Principal"]["Service"]), ["codedeploy.amazonaws.com"])

print("\n".join(differences) or "as designed")
sys.exit(bool(differences))

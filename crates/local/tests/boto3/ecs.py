"""ECR, ECS, Cloud Map and CodeDeploy as boto3 sees them: the practice environment's upper half, up and down."""

import hashlib
import json

import boto3
import botocore.config
from local import advance, client, equal, refused

ec2, elb, iam, r53 = client("ec2"), client("elbv2"), client("iam"), client("route53")
ecr, ecs, sd, cd, logs = client("ecr"), client("ecs"), client("servicediscovery"), client("codedeploy"), client("logs")

# DiscoverInstances goes to a host of its own, which 127.0.0.1 cannot have.
data = boto3.client(
    "servicediscovery", region_name="ap-northeast-1", config=botocore.config.Config(inject_host_prefix=False)
)

# The network below it.
vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
advance(5)
subnets = []
for i, zone in enumerate("ac"):
    made = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24", AvailabilityZone="ap-northeast-1" + zone)
    subnets.append(made["Subnet"]["SubnetId"])
gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
balancer = elb.create_load_balancer(Name="lb", Subnets=subnets, SecurityGroups=[group])["LoadBalancers"][0]
groups = {}
for name in ("blue", "green"):
    made = elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")
    groups[name] = made["TargetGroups"][0]["TargetGroupArn"]
actions = [{"Type": "forward", "TargetGroupArn": groups["blue"]}]
listener = elb.create_listener(LoadBalancerArn=balancer["LoadBalancerArn"], Port=80, Protocol="HTTP", DefaultActions=actions)
listener = listener["Listeners"][0]["ListenerArn"]


def role(name, service, policy):
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/" + policy)
    return arn


execution = role("exec", "ecs-tasks.amazonaws.com", "service-role/AmazonECSTaskExecutionRolePolicy")
deployer = role("cd", "codedeploy.amazonaws.com", "AWSCodeDeployRoleForECS")
logs.create_log_group(logGroupName="/app")

# ECR: the repository, its policies, and two images by its own API.
repository = ecr.create_repository(repositoryName="practice/app", tags=[{"Key": "a", "Value": "b"}])["repository"]
equal(repository["encryptionConfiguration"], {"encryptionType": "AES256"})
equal(repository["imageTagMutability"], "MUTABLE")
refused("RepositoryAlreadyExistsException", ecr.create_repository, repositoryName="practice/app")
refused("RepositoryNotFoundException", ecr.describe_repositories, repositoryNames=["practice/app", "other"])
refused("LifecyclePolicyNotFoundException", ecr.get_lifecycle_policy, repositoryName="practice/app")
refused("RepositoryPolicyNotFoundException", ecr.get_repository_policy, repositoryName="practice/app")
selection = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1}
rule = {"rulePriority": 1, "description": "one", "selection": selection, "action": {"type": "expire"}}
ecr.put_lifecycle_policy(repositoryName="practice/app", lifecyclePolicyText=json.dumps({"rules": [rule]}))
rule["action"]["type"] = "keep"
wrong = json.dumps({"rules": [rule]})
refused("InvalidParameterException", ecr.put_lifecycle_policy, "LifecyclePolicyText", repositoryName="practice/app", lifecyclePolicyText=wrong)
equal(ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"], [{"Key": "a", "Value": "b"}])


def blob(content):
    upload = ecr.initiate_layer_upload(repositoryName="practice/app")["uploadId"]
    last = len(content) - 1
    ecr.upload_layer_part(repositoryName="practice/app", uploadId=upload, partFirstByte=0, partLastByte=last, layerPartBlob=content)
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    done = ecr.complete_layer_upload(repositoryName="practice/app", uploadId=upload, layerDigests=[digest])
    equal(done["layerDigest"], digest)
    return {"digest": digest, "size": len(content)}


def push(tag):
    kind = "application/vnd.oci.image."
    config = {"mediaType": kind + "config.v1+json", **blob(b'{"tag":"%s"}' % tag.encode())}
    layer = {"mediaType": kind + "layer.v1.tar+gzip", **blob(b"layer of " + tag.encode())}
    body = {"schemaVersion": 2, "mediaType": kind + "manifest.v1+json", "config": config, "layers": [layer]}
    text = json.dumps(body)
    image = ecr.put_image(repositoryName="practice/app", imageManifest=text, imageTag=tag)["image"]
    equal(image["imageId"]["imageDigest"], "sha256:" + hashlib.sha256(text.encode()).hexdigest())
    return text, layer


text, layer = push("blue")
push("green")
check = ecr.batch_check_layer_availability(repositoryName="practice/app", layerDigests=[layer["digest"], "sha256:0"])
equal([l["layerAvailability"] for l in check["layers"]], ["AVAILABLE", "UNAVAILABLE"])
refused("ImageAlreadyExistsException", ecr.put_image, repositoryName="practice/app", imageManifest=text, imageTag="blue")
missing = text.replace(layer["digest"], "sha256:" + "0" * 64)
refused("LayersNotFoundException", ecr.put_image, repositoryName="practice/app", imageManifest=missing, imageTag="x")
refused("ImageNotFoundException", ecr.describe_images, repositoryName="practice/app", imageIds=[{"imageTag": "none"}])
pages = ecr.get_paginator("list_images").paginate(repositoryName="practice/app", PaginationConfig={"PageSize": 1})
equal(sorted(i["imageTag"] for p in pages for i in p["imageIds"]), ["blue", "green"])
ecr.put_image_tag_mutability(repositoryName="practice/app", imageTagMutability="IMMUTABLE")
other = text + " "
refused("ImageTagAlreadyExistsException", ecr.put_image, repositoryName="practice/app", imageManifest=other, imageTag="blue")
refused("RepositoryNotEmptyException", ecr.delete_repository, repositoryName="practice/app")
assert ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]

# Cloud Map.
operation = sd.create_private_dns_namespace(Name="practice.local", Vpc=vpc, CreatorRequestId="n")["OperationId"]
advance(60)
done = sd.get_operation(OperationId=operation)["Operation"]
equal(done["Status"], "SUCCESS")
namespace = done["Targets"]["NAMESPACE"]
zone = sd.get_namespace(Id=namespace)["Namespace"]["Properties"]["DnsProperties"]
equal(zone["SOA"]["TTL"], 15)
equal(r53.get_hosted_zone(Id=zone["HostedZoneId"])["VPCs"][0]["VPCId"], vpc)
config = {"NamespaceId": namespace, "DnsRecords": [{"Type": "A", "TTL": 10}]}
service = sd.create_service(Name="back", DnsConfig=config, HealthCheckCustomConfig={"FailureThreshold": 1})["Service"]
equal(service["DnsConfig"]["RoutingPolicy"], "MULTIVALUE")
filters = [{"Name": "NAMESPACE_ID", "Values": [namespace], "Condition": "EQ"}]
equal([s["Id"] for s in sd.list_services(Filters=filters)["Services"]], [service["Id"]])
refused("ResourceInUse", sd.delete_namespace, Id=namespace)

# ECS.
cluster = ecs.create_cluster(clusterName="c", tags=[{"key": "a", "value": "b"}])["cluster"]
equal(ecs.create_cluster(clusterName="c")["cluster"]["clusterArn"], cluster["clusterArn"])
equal(ecs.describe_clusters(clusters=["c", "none"])["failures"][0]["reason"], "MISSING")
advance(30)
options = {"awslogs-group": "/app", "awslogs-region": "ap-northeast-1", "awslogs-stream-prefix": "app"}


def register(tag):
    container = {
        "name": "web",
        "image": repository["repositoryUri"] + ":" + tag,
        "portMappings": [{"containerPort": 80}],
        "logConfiguration": {"logDriver": "awslogs", "options": options},
    }
    made = ecs.register_task_definition(
        family="app", requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256", memory="512",
        executionRoleArn=execution, containerDefinitions=[container], tags=[{"key": "k", "value": "v"}],
    )
    return made["taskDefinition"]["taskDefinitionArn"]


blue = register("blue")
network = {"awsvpcConfiguration": {"subnets": subnets, "securityGroups": [group]}}
common = dict(cluster="c", taskDefinition="app", desiredCount=1, launchType="FARGATE", networkConfiguration=network)
targets = [{"targetGroupArn": groups["blue"], "containerName": "web", "containerPort": 80}]
unattached = [{**targets[0], "targetGroupArn": groups["green"]}]
code_deploy = {"type": "CODE_DEPLOY"}
refused(
    "InvalidParameterException", ecs.create_service, "does not have an associated load balancer.",
    serviceName="bg", deploymentController=code_deploy, loadBalancers=unattached, **common,
)
ecs.create_service(serviceName="bg", deploymentController=code_deploy, loadBalancers=targets, tags=[{"key": "a", "value": "b"}], **common)
ecs.create_service(serviceName="back", serviceRegistries=[{"registryArn": service["Arn"]}], **common)
refused("InvalidParameterException", ecs.create_service, "not idempotent", serviceName="bg", **common)
advance(600)
described = ecs.describe_services(cluster="c", services=["bg", "back"], include=["TAGS"])["services"]
bg, back = described
equal((bg["runningCount"], back["runningCount"]), (1, 1))
equal((bg["deployments"], bg["taskSets"][0]["stabilityStatus"]), ([], "STEADY_STATE"))
equal((bg["loadBalancers"], bg["platformVersion"]), (targets, "LATEST"))
equal(bg["tags"], [{"key": "a", "value": "b"}])
equal(back["deployments"][0]["rolloutState"], "COMPLETED")
health = elb.describe_target_health(TargetGroupArn=groups["blue"])["TargetHealthDescriptions"]
equal([t["TargetHealth"]["State"] for t in health], ["healthy"])
instances = data.discover_instances(NamespaceName="practice.local", ServiceName="back")["Instances"]
records = r53.list_resource_record_sets(HostedZoneId=zone["HostedZoneId"])["ResourceRecordSets"]
addresses = [r["ResourceRecords"] for r in records if r["Type"] == "A"]
equal(addresses, [[{"Value": instances[0]["Attributes"]["AWS_INSTANCE_IPV4"]}]])
ecs.get_waiter("services_stable").wait(cluster="c", services=["back"])
tasks = ecs.describe_tasks(cluster="c", tasks=ecs.list_tasks(cluster="c")["taskArns"])["tasks"]
equal({t["lastStatus"] for t in tasks}, {"RUNNING"})
enis = ec2.describe_network_interfaces(Filters=[{"Name": "description", "Values": ["arn:aws:ecs:*"]}])
equal(len(enis["NetworkInterfaces"]), 2)
assert logs.describe_log_streams(logGroupName="/app")["logStreams"][0]["logStreamName"].startswith("app/web/")
refused(
    "InvalidParameterException", ecs.update_service,
    "Unable to update task definition on services with a CODE_DEPLOY deployment controller.",
    cluster="c", service="bg", taskDefinition=blue,
)
refused("ServiceNotFoundException", ecs.update_service, cluster="c", service="none", desiredCount=1)
refused("ClusterNotFoundException", ecs.list_tasks, cluster="none")

# CodeDeploy.
cd.create_application(applicationName="app", computePlatform="ECS", tags=[{"Key": "a", "Value": "b"}])
pair = {"targetGroups": [{"name": "blue"}, {"name": "green"}], "prodTrafficRoute": {"listenerArns": [listener]}}
settings = dict(
    applicationName="app", deploymentGroupName="g", serviceRoleArn=deployer,
    deploymentConfigName="CodeDeployDefault.ECSAllAtOnce",
    deploymentStyle={"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
    ecsServices=[{"clusterName": "c", "serviceName": "bg"}],
    loadBalancerInfo={"targetGroupPairInfoList": [pair]},
    blueGreenDeploymentConfiguration={
        "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 5},
        "deploymentReadyOption": {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 5},
    },
)
wrong = {**settings, "ecsServices": [{"clusterName": "c", "serviceName": "back"}]}
refused("InvalidECSServiceException", cd.create_deployment_group, "CODE_DEPLOY deployment controller", **wrong)
refused("InvalidRoleException", cd.create_deployment_group, **{**settings, "serviceRoleArn": execution})
cd.create_deployment_group(**settings)
read = cd.batch_get_deployment_groups(applicationName="app", deploymentGroupNames=["g"])["deploymentGroupsInfo"][0]
equal((read["computePlatform"], read["loadBalancerInfo"]), ("ECS", settings["loadBalancerInfo"]))
cd.update_deployment_group(applicationName="app", currentDeploymentGroupName="g", newDeploymentGroupName="h")
refused("DeploymentGroupDoesNotExistException", cd.get_deployment_group, applicationName="app", deploymentGroupName="g")
refused("DeploymentDoesNotExistException", cd.get_deployment, deploymentId="d-XXXXXXXXX")
names = cd.list_deployment_configs()["deploymentConfigsList"]
assert "CodeDeployDefault.ECSCanary10Percent5Minutes" in names
canary = {"type": "TimeBasedCanary", "timeBasedCanary": {"canaryPercentage": 20, "canaryInterval": 2}}
cd.create_deployment_config(deploymentConfigName="mine", computePlatform="ECS", trafficRoutingConfig=canary)
equal(cd.get_deployment_config(deploymentConfigName="mine")["deploymentConfigInfo"]["trafficRoutingConfig"], canary)
cd.update_deployment_group(applicationName="app", currentDeploymentGroupName="h", deploymentConfigName="mine")
refused("DeploymentConfigInUseException", cd.delete_deployment_config, deploymentConfigName="mine")

# Down.
cd.delete_deployment_group(applicationName="app", deploymentGroupName="h")
cd.delete_deployment_config(deploymentConfigName="mine")
cd.delete_application(applicationName="app")
refused("ResourceInUse", sd.delete_service, Id=service["Id"])
refused("ClusterContainsServicesException", ecs.delete_cluster, cluster="c")
for name in ("bg", "back"):
    ecs.update_service(cluster="c", service=name, desiredCount=0)
    ecs.delete_service(cluster="c", service=name, force=True)
advance(400)
ecs.get_waiter("services_inactive").wait(cluster="c", services=["bg", "back"])
equal(ec2.describe_network_interfaces(Filters=[{"Name": "description", "Values": ["arn:aws:ecs:*"]}])["NetworkInterfaces"], [])
sd.delete_service(Id=service["Id"])
operation = sd.delete_namespace(Id=namespace)["OperationId"]
refused("DuplicateRequest", sd.delete_namespace, Id=namespace)
advance(60)
equal(sd.get_operation(OperationId=operation)["Operation"]["Status"], "SUCCESS")
refused("NoSuchHostedZone", r53.get_hosted_zone, Id=zone["HostedZoneId"])
equal(ecs.delete_cluster(cluster="c")["cluster"]["status"], "INACTIVE")
ecs.deregister_task_definition(taskDefinition=blue)
equal(ecs.delete_task_definitions(taskDefinitions=[blue])["failures"], [])
advance(120)
refused("ClientException", ecs.describe_task_definition, "Unable to describe task definition.", taskDefinition=blue)
ecr.delete_repository(repositoryName="practice/app", force=True)

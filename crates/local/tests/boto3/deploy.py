"""Blue/green deployments as boto3 drives them, and both listeners as urllib sees them."""

import json
import urllib.error
import urllib.request

from local import admin, advance, client, equal, refused

ec2, elb, iam, ecs, cd, cw = (client(s) for s in ("ec2", "elbv2", "iam", "ecs", "codedeploy", "cloudwatch"))

# One service behind two listeners.
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
sides = {}
for name in ("blue", "green"):
    made = elb.create_target_group(
        Name=name, Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip", HealthCheckPath="/index.html",
        HealthCheckIntervalSeconds=10, HealthyThresholdCount=2,
    )
    sides[name] = made["TargetGroups"][0]["TargetGroupArn"]
listeners = {}
for port in (80, 8080):
    actions = [{"Type": "forward", "TargetGroupArn": sides["blue"]}]
    made = elb.create_listener(LoadBalancerArn=balancer["LoadBalancerArn"], Port=port, Protocol="HTTP", DefaultActions=actions)
    listeners[port] = made["Listeners"][0]["ListenerArn"]


def role(name, service, policy):
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/" + policy)
    return arn


execution = role("exec", "ecs-tasks.amazonaws.com", "service-role/AmazonECSTaskExecutionRolePolicy")
deployer = role("cd", "codedeploy.amazonaws.com", "AWSCodeDeployRoleForECS")
ports = {p["port"]: p for p in admin("GET", "status")["traffic"]}
equal(sorted(ports), [80, 8080])


def ask(port, accept="application/json"):
    """Status and answer of a listener."""
    request = urllib.request.Request(ports[port]["url"] + "/", headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request) as answer:
            status, body = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, body = error.code, error.read().decode()
    return status, json.loads(body) if body.startswith("{") else body


def live(port):
    status, page = ask(port)
    equal(status, 200)
    return page["imageTag"]


equal(ask(80)[0], 503)
advance(200)


def register(tag):
    container = {"name": "web", "image": f"example.com/web:{tag}", "portMappings": [{"containerPort": 80}]}
    made = ecs.register_task_definition(
        family="web", requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256", memory="512",
        executionRoleArn=execution, containerDefinitions=[container],
    )
    return made["taskDefinition"]["taskDefinitionArn"]


ecs.create_cluster(clusterName="c")
advance(30)
ecs.create_service(
    cluster="c", serviceName="web", taskDefinition=register("blue-1"), desiredCount=2, launchType="FARGATE",
    networkConfiguration={"awsvpcConfiguration": {"subnets": subnets, "securityGroups": [group]}},
    deploymentController={"type": "CODE_DEPLOY"},
    loadBalancers=[{"targetGroupArn": sides["blue"], "containerName": "web", "containerPort": 80}],
)
advance(200)
equal((live(80), live(8080)), ("blue-1", "blue-1"))

cd.create_application(applicationName="app", computePlatform="ECS")
pair = {
    "targetGroups": [{"name": "blue"}, {"name": "green"}],
    "prodTrafficRoute": {"listenerArns": [listeners[80]]},
    "testTrafficRoute": {"listenerArns": [listeners[8080]]},
}
cd.create_deployment_group(
    applicationName="app", deploymentGroupName="group", serviceRoleArn=deployer,
    deploymentStyle={"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
    ecsServices=[{"serviceName": "web", "clusterName": "c"}],
    loadBalancerInfo={"targetGroupPairInfoList": [pair]},
    blueGreenDeploymentConfiguration={
        "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 5},
        "deploymentReadyOption": {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 5},
    },
    autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]},
)


def deploy(tag, **more):
    """With the AppSpec as YAML, which people write."""
    content = f"""
version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: {register(tag)}
        LoadBalancerInfo:
          ContainerName: web
          ContainerPort: 80
"""
    revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": content}}
    made = cd.create_deployment(applicationName="app", deploymentGroupName="group", revision=revision, **more)
    return made["deploymentId"]


def info(deployment):
    return cd.get_deployment(deploymentId=deployment)["deploymentInfo"]


def until(deployment, wanted, expected=None):
    """Lets time pass; production answers all the while, with what it should."""
    for _ in range(1000):
        if expected:
            assert live(80) in expected, f"{live(80)} is not in {expected}"
        if info(deployment)["status"] == wanted:
            return
        advance(5)
    raise AssertionError(f"{wanted} was never reached: {info(deployment)}")


# Test traffic on green, production on blue, re-routed, blue terminated.
first = deploy("green-2", description="the first")
equal(info(first)["status"], "Created")
refused("DeploymentNotStartedException", cd.list_deployment_targets, deploymentId=first)
refused("DeploymentLimitExceededException", deploy, first, tag="other")
until(first, "Ready", {"blue-1"})
equal((live(80), live(8080)), ("blue-1", "green-2"))
status, page = ask(8080, "text/html")
assert status == 200 and "green-2" in page and "<html" in page, page
target = cd.list_deployment_targets(deploymentId=first)["targetIds"][0]
equal(target, "c:web")
found = cd.get_deployment_target(deploymentId=first, targetId=target)["deploymentTarget"]["ecsTarget"]
equal([s["trafficWeight"] for s in found["taskSetsInfo"]], [100.0, 0.0])
equal([e["lifecycleEventName"] for e in found["lifecycleEvents"] if e["status"] == "Succeeded"][-1], "AfterAllowTestTraffic")
cd.continue_deployment(deploymentId=first, deploymentWaitType="READY_WAIT")
advance(10)
equal(info(first)["instanceTerminationWaitTimeStarted"], True)
equal(live(80), "green-2")
actions = elb.describe_listeners(ListenerArns=[listeners[80]])["Listeners"][0]["DefaultActions"]
weights = {g["TargetGroupArn"]: g["Weight"] for g in actions[0]["ForwardConfig"]["TargetGroups"]}
equal(weights, {sides["green"]: 100, sides["blue"]: 0})
until(first, "Succeeded", {"green-2"})
service = ecs.describe_services(cluster="c", services=["web"])["services"][0]
equal(service["loadBalancers"][0]["targetGroupArn"], sides["green"])
cd.get_waiter("deployment_successful").wait(deploymentId=first)
refused("DeploymentAlreadyCompletedException", cd.stop_deployment, deploymentId=first)

# Stopped with rollback while the test listener shows it.
second = deploy("blue-3")
until(second, "Ready", {"green-2"})
equal(live(8080), "blue-3")
equal(cd.stop_deployment(deploymentId=second, autoRollbackEnabled=True)["status"], "Pending")
until(second, "Stopped", {"green-2"})
back = info(second)["rollbackInfo"]["rollbackDeploymentId"]
until(back, "Succeeded", {"green-2"})
equal(info(back)["creator"], "codeDeployRollback")
equal(live(8080), "green-2")

# An alarm in the middle of a canary.
cw.put_metric_alarm(
    AlarmName="errors", Namespace="n", MetricName="5xx", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
    ComparisonOperator="GreaterThanThreshold",
)
alarms = {"enabled": True, "alarms": [{"name": "errors"}]}
third = deploy("blue-4", deploymentConfigName="CodeDeployDefault.ECSCanary10Percent5Minutes", overrideAlarmConfiguration=alarms)
until(third, "Ready", {"green-2"})
cd.continue_deployment(deploymentId=third)
advance(10)
equal(sum(live(80) == "blue-4" for _ in range(100)), 10)
cw.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a test")
equal(cw.describe_alarms(AlarmNames=["errors"])["MetricAlarms"][0]["StateValue"], "ALARM")
advance(15)
equal(info(third)["errorInformation"]["code"], "ALARM_ACTIVE")
until(info(third)["rollbackInfo"]["rollbackDeploymentId"], "Succeeded")
equal({live(80) for _ in range(20)}, {"green-2"})
refused("ResourceNotFound", cw.delete_alarms, AlarmNames=["errors", "other"])
cw.delete_alarms(AlarmNames=["errors"])

# A broken image: the deployment fails after an hour, and production never notices.
fourth = deploy("never-healthy")
until(fourth, "Failed", {"green-2"})
equal(info(fourth)["errorInformation"]["code"], "TIMEOUT")
until(info(fourth)["rollbackInfo"]["rollbackDeploymentId"], "Succeeded", {"green-2"})

# History: newest first, with the AppSpec of any of them.
listed = cd.list_deployments(applicationName="app", deploymentGroupName="group")["deployments"]
equal(len(listed), 7)
equal(listed[-1], first)
failed = cd.list_deployments(applicationName="app", deploymentGroupName="group", includeOnlyStatuses=["Failed"])["deployments"]
equal(failed, [fourth])
revision = info(first)["revision"]
content = cd.get_application_revision(applicationName="app", revision=revision)["revision"]["appSpecContent"]["content"]
assert "AWS::ECS::Service" in content
told = cd.get_deployment_group(applicationName="app", deploymentGroupName="group")["deploymentGroupInfo"]
equal(told["lastAttemptedDeployment"]["deploymentId"], listed[0])
equal([d["deploymentId"] for d in cd.batch_get_deployments(deploymentIds=listed[:2])["deploymentsInfo"]], listed[:2])

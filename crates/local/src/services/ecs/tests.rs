//! ECS with what it needs of the other services: what it refuses, and what its scheduler does as time passes.

use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::Time;
use crate::error::Result;
use crate::options::Options;
use crate::services;
use crate::world::{Cx, World};

struct Cloud {
    options: Options,
    world: World,
    vpc: String,
    subnets: Vec<String>,
    group: String,
    blue: String,
    green: String,
    listener: String,
    role: String,
}

const ROLE: &str = "exec";

fn trust(service: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole",
    }]})
    .to_string()
}

impl Cloud {
    /// A network, a load balancer with a listener on the blue group, a role, and a cluster; all of it settled.
    fn new() -> Cloud {
        let options = Options::manual();
        let world = World::new(&options, Time(1_700_000_000_000));
        let empty = String::new;
        let mut c = Cloud {
            options,
            world,
            vpc: empty(),
            subnets: Vec::new(),
            group: empty(),
            blue: empty(),
            green: empty(),
            listener: empty(),
            role: empty(),
        };
        c.vpc = text(&c.ec2("CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}))["vpc"]["vpcId"]);
        for (i, zone) in ["a", "c"].iter().enumerate() {
            let input = json!({
                "VpcId": c.vpc, "CidrBlock": format!("10.0.{i}.0/24"), "AvailabilityZone": format!("ap-northeast-1{zone}"),
            });
            let id = text(&c.ec2("CreateSubnet", input)["subnet"]["subnetId"]);
            c.subnets.push(id);
        }
        let gateway = text(&c.ec2("CreateInternetGateway", json!({}))["internetGateway"]["internetGatewayId"]);
        c.ec2("AttachInternetGateway", json!({"InternetGatewayId": gateway, "VpcId": c.vpc}));
        let input = json!({"GroupName": "g", "GroupDescription": "g", "VpcId": c.vpc});
        c.group = text(&c.ec2("CreateSecurityGroup", input)["groupId"]);
        let input = json!({"Name": "lb", "Subnets": c.subnets, "SecurityGroups": [c.group]});
        let balancer = text(&c.elb("CreateLoadBalancer", input)["LoadBalancers"][0]["LoadBalancerArn"]);
        (c.blue, c.green) = (c.target_group("blue"), c.target_group("green"));
        let input = json!({
            "LoadBalancerArn": balancer, "Port": 80, "Protocol": "HTTP",
            "DefaultActions": [{"Type": "forward", "TargetGroupArn": c.blue}],
        });
        c.listener = text(&c.elb("CreateListener", input)["Listeners"][0]["ListenerArn"]);
        let input = json!({"RoleName": ROLE, "AssumeRolePolicyDocument": trust("ecs-tasks.amazonaws.com")});
        c.role = text(&c.ok("iam", "CreateRole", input)["Role"]["Arn"]);
        let policy = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";
        c.ok("iam", "AttachRolePolicy", json!({"RoleName": ROLE, "PolicyArn": policy}));
        c.ecs("CreateCluster", json!({"clusterName": "c"}));
        c.pass(300);
        c
    }

    fn target_group(&mut self, name: &str) -> String {
        let input = json!({"Name": name, "Protocol": "HTTP", "Port": 80, "VpcId": self.vpc, "TargetType": "ip"});
        text(&self.elb("CreateTargetGroup", input)["TargetGroups"][0]["TargetGroupArn"])
    }

    fn perform(&mut self, service: &str, operation: &str, input: Value) -> Result {
        let now = self.world.now;
        let service = services::by_name(service).unwrap();
        let mut cx = Cx::new(&mut self.world, &self.options, service, "ap-northeast-1".to_owned());
        cx.operation = operation.to_owned();
        let answer = (service.handler)(operation).unwrap()(&mut cx, input);
        self.world.advance(&self.options, now);
        answer
    }

    fn ok(&mut self, service: &str, operation: &str, input: Value) -> Value {
        self.perform(service, operation, input).unwrap_or_else(|e| panic!("{operation}: {e:?}"))
    }

    fn ec2(&mut self, operation: &str, input: Value) -> Value {
        self.ok("ec2", operation, input)
    }

    fn elb(&mut self, operation: &str, input: Value) -> Value {
        self.ok("elasticloadbalancing", operation, input)
    }

    fn ecs(&mut self, operation: &str, input: Value) -> Value {
        self.ok("ecs", operation, input)
    }

    /// The code and message of a refusal.
    fn refused(&mut self, service: &str, operation: &str, input: Value) -> (String, String) {
        let error = self.perform(service, operation, input).unwrap_err();
        (error.code, error.message)
    }

    fn pass(&mut self, seconds: u64) {
        let to = self.world.now + Duration::from_secs(seconds);
        self.world.advance(&self.options, to);
    }

    fn register(&mut self, family: &str, image: &str) -> String {
        let input = json!({
            "family": family, "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256",
            "memory": "512", "executionRoleArn": self.role,
            "containerDefinitions": [{"name": "web", "image": image, "portMappings": [{"containerPort": 80}]}],
        });
        text(&self.ecs("RegisterTaskDefinition", input)["taskDefinition"]["taskDefinitionArn"])
    }

    fn service(&self, name: &str, definition: &str, controller: &str) -> Value {
        let network = json!({"awsvpcConfiguration": {"subnets": self.subnets, "securityGroups": [self.group]}});
        json!({
            "cluster": "c", "serviceName": name, "taskDefinition": definition, "desiredCount": 2,
            "launchType": "FARGATE", "networkConfiguration": network, "deploymentController": {"type": controller},
            "loadBalancers": [{"targetGroupArn": self.blue, "containerName": "web", "containerPort": 80}],
        })
    }

    fn described(&mut self, name: &str) -> Value {
        self.ecs("DescribeServices", json!({"cluster": "c", "services": [name]}))["services"][0].clone()
    }

    fn enis(&mut self) -> Vec<String> {
        let region = self.world.regions.get("ap-northeast-1").unwrap();
        let all = region.ec2.network_interfaces.values().map(|e| e.description.clone());
        all.filter(|d| d.starts_with("arn:aws:ecs:")).collect()
    }

    fn healthy(&mut self, group: &str) -> usize {
        let health = self.elb("DescribeTargetHealth", json!({"TargetGroupArn": group}));
        let all = health["TargetHealthDescriptions"].as_array().unwrap();
        all.iter().filter(|t| t["TargetHealth"]["State"] == "healthy").count()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text")).to_owned()
}

fn said(service: &Value, part: &str) -> bool {
    service["events"].as_array().unwrap().iter().any(|e| e["message"].as_str().unwrap().contains(part))
}

const PUBLIC: &str = "public.ecr.aws/nginx/nginx:1";

#[test]
fn a_code_deploy_service_starts_serves_and_drains() {
    let mut c = Cloud::new();
    let definition = c.register("f", PUBLIC);
    c.ecs("CreateService", c.service("bg", &definition, "CODE_DEPLOY"));
    let fresh = c.described("bg");
    assert_eq!(fresh["deployments"], json!([]));
    assert_eq!(fresh["taskSets"][0]["status"], "PRIMARY");
    assert_eq!(fresh["taskSets"][0]["stabilityStatus"], "STABILIZING");
    assert_eq!(fresh["platformVersion"], "LATEST");

    c.pass(10);
    assert_eq!(c.described("bg")["pendingCount"], 2);
    let enis = c.enis();
    assert_eq!(enis.len(), 2, "a network interface for each task");
    assert!(enis[0].contains(":attachment/"));
    c.pass(40);
    assert_eq!(c.described("bg")["runningCount"], 2);
    c.pass(200);
    let steady = c.described("bg");
    assert_eq!(c.healthy(&c.blue.clone()), 2);
    assert_eq!(steady["taskSets"][0]["stabilityStatus"], "STEADY_STATE");
    assert!(said(&steady, "has reached a steady state.") && said(&steady, "registered 1 targets"));
    let arns = c.ecs("ListTasks", json!({"cluster": "c", "serviceName": "bg"}))["taskArns"].clone();
    let tasks = c.ecs("DescribeTasks", json!({"cluster": "c", "tasks": arns}))["tasks"].clone();
    let zones: std::collections::BTreeSet<String> =
        tasks.as_array().unwrap().iter().map(|t| text(&t["availabilityZone"])).collect();
    assert_eq!(zones.len(), 2, "balanced over the subnets");

    let invalid = "InvalidParameterException".to_owned();
    let update = |extra: Value| {
        let mut input = json!({"cluster": "c", "service": "bg"});
        input.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        input
    };
    for (extra, message) in [
        (
            json!({"taskDefinition": definition}),
            "Unable to update task definition on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to \
             trigger a new deployment.",
        ),
        (
            json!({"forceNewDeployment": true}),
            "Cannot force a new deployment on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to \
             trigger a new deployment.",
        ),
        (
            json!({"loadBalancers": steady["loadBalancers"]}),
            "Unable to update load balancers on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to \
             trigger a new deployment.",
        ),
    ] {
        assert_eq!(c.refused("ecs", "UpdateService", update(extra)), (invalid.clone(), message.to_owned()));
    }
    c.ecs("UpdateService", update(json!({"desiredCount": 1})));
    c.pass(400);
    assert_eq!(c.described("bg")["runningCount"], 1);
    assert_eq!(c.enis().len(), 1);

    assert_eq!(c.refused("ecs", "DeleteService", json!({"cluster": "c", "service": "bg"})).0, invalid);
    c.ecs("DeleteService", json!({"cluster": "c", "service": "bg", "force": true}));
    assert_eq!(c.described("bg")["status"], "DRAINING");
    let again = c.service("bg", &definition, "CODE_DEPLOY");
    let (_, why) = c.refused("ecs", "CreateService", again);
    assert_eq!(why, "Unable to Start a service that is still Draining.");
    let (code, _) = c.refused("ecs", "UpdateService", update(json!({"desiredCount": 1})));
    assert_eq!(code, "ServiceNotActiveException");
    assert_eq!(c.refused("ecs", "DeleteCluster", json!({"cluster": "c"})).0, "ClusterContainsServicesException");
    c.pass(304);
    assert_eq!(c.described("bg")["status"], "INACTIVE");
    assert_eq!(c.refused("ecs", "DeleteCluster", json!({"cluster": "c"})).0, "ClusterContainsTasksException");
    c.pass(60);
    assert_eq!(c.enis().len(), 0, "nothing is left behind");
    c.ecs("DeleteCluster", json!({"cluster": "c"}));
}

#[test]
fn what_create_service_refuses() {
    let mut c = Cloud::new();
    let definition = c.register("f", PUBLIC);
    let good = c.service("s", &definition, "CODE_DEPLOY");
    let with = |changes: Value| {
        let mut input = good.clone();
        input.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        input
    };
    let balancer = |group: &str, name: &str, port: u16| json!({"loadBalancers": [{"targetGroupArn": group, "containerName": name, "containerPort": port}]});
    let (blue, green) = (c.blue.clone(), c.green.clone());
    let unattached = format!("The target group with targetGroupArn {green} does not have an associated load balancer.");
    let breaker = json!({"deploymentCircuitBreaker": {"enable": true, "rollback": true}});
    let subnet = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
    for (changes, code, message) in [
        (balancer(&green, "web", 80), "InvalidParameterException", unattached.as_str()),
        (
            balancer(&blue, "app", 80),
            "InvalidParameterException",
            "The container app does not exist in the task definition.",
        ),
        (
            balancer(&blue, "web", 81),
            "InvalidParameterException",
            "The container web did not have a container port 81 defined.",
        ),
        (json!({"loadBalancers": []}), "InvalidParameterException", "exactly one target group"),
        (json!({"deploymentConfiguration": breaker}), "InvalidParameterException", "circuit breaker"),
        (json!({"networkConfiguration": subnet}), "InvalidParameterException", "InvalidSubnetID.NotFound"),
        (json!({"networkConfiguration": null}), "InvalidParameterException", "Network Configuration must be provided"),
        (json!({"cluster": "other"}), "ClusterNotFoundException", "Cluster not found."),
        (json!({"taskDefinition": "none"}), "ClientException", "TaskDefinition not found."),
        (json!({"desiredCount": null}), "InvalidParameterException", "desired count"),
        (json!({"foo": 1}), "InvalidParameterException", "foo"),
    ] {
        let (got, why) = c.refused("ecs", "CreateService", with(changes.clone()));
        assert!(got == code && why.contains(message), "{changes}: {got} {why}");
    }
    c.ecs("CreateService", good.clone());
    c.ecs("CreateService", good.clone());
    let (_, why) = c.refused("ecs", "CreateService", with(json!({"desiredCount": 3})));
    assert_eq!(why, "Creation of service was not idempotent.");
}

#[test]
fn a_missing_image_is_told_and_tried_again() {
    let mut c = Cloud::new();
    c.ok("ecr", "CreateRepository", json!({"repositoryName": "app"}));
    let definition = c.register("f", "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/app:v1");
    let mut input = c.service("s", &definition, "ECS");
    input["deploymentConfiguration"] = json!({"deploymentCircuitBreaker": {"enable": true, "rollback": true}});
    c.ecs("CreateService", input);
    c.pass(60);
    let stopped = c.ecs("ListTasks", json!({"cluster": "c", "desiredStatus": "STOPPED"}))["taskArns"].clone();
    let task = c.ecs("DescribeTasks", json!({"cluster": "c", "tasks": stopped}))["tasks"][0].clone();
    assert_eq!(task["stopCode"], "TaskFailedToStart");
    assert!(text(&task["stoppedReason"]).starts_with("CannotPullContainerError"), "{task}");
    c.pass(600);
    let failed = c.described("s");
    assert_eq!(failed["deployments"][0]["rolloutState"], "FAILED");
    assert!(said(&failed, "deployment failed: tasks failed to start."));
    c.pass(120);
    assert_eq!(c.enis().len(), 0);
}

#[test]
fn a_role_that_cannot_be_assumed_starts_nothing() {
    let mut c = Cloud::new();
    let definition = c.register("f", PUBLIC);
    let input = json!({"RoleName": ROLE, "PolicyDocument": trust("codedeploy.amazonaws.com")});
    c.ok("iam", "UpdateAssumeRolePolicy", input);
    c.pass(60);
    let input = c.service("s", &definition, "ECS");
    c.ecs("CreateService", input);
    c.pass(30);
    let service = c.described("s");
    assert!(said(&service, "failed to launch a task with (error ECS was unable to assume the role"));
    assert_eq!(service["pendingCount"], 0);
}

#[test]
fn a_rolling_deployment_replaces_and_the_circuit_breaker_goes_back() {
    let mut c = Cloud::new();
    let (one, two) = (c.register("f", PUBLIC), c.register("f", "public.ecr.aws/nginx/nginx:2"));
    let mut input = c.service("s", &one, "ECS");
    input["deploymentConfiguration"] = json!({"deploymentCircuitBreaker": {"enable": true, "rollback": true}});
    c.ecs("CreateService", input);
    c.pass(300);
    let first = c.described("s");
    assert_eq!(first["deployments"][0]["rolloutState"], "COMPLETED");

    c.ecs("UpdateService", json!({"cluster": "c", "service": "s", "taskDefinition": two}));
    let mut least = 2;
    for _ in 0..80 {
        c.pass(10);
        least = least.min(c.healthy(&c.blue.clone()));
    }
    let second = c.described("s");
    assert_eq!(least, 2, "the minimum healthy percent holds");
    assert_eq!(second["deployments"].as_array().unwrap().len(), 1);
    assert_eq!(second["taskDefinition"], two.as_str());
    assert_eq!(second["deployments"][0]["rolloutState"], "COMPLETED");
    assert_eq!(second["runningCount"], 2);

    let bad = c.register("f", "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/none:v1");
    c.ecs("UpdateService", json!({"cluster": "c", "service": "s", "taskDefinition": bad}));
    c.pass(1200);
    let back = c.described("s");
    assert_eq!(back["taskDefinition"], two.as_str());
    assert_eq!(back["runningCount"], 2);
    assert_eq!(c.healthy(&c.blue.clone()), 2);
    let primary = &back["deployments"][0];
    assert_eq!(primary["rolloutState"], "COMPLETED");
    assert!(said(&back, "rolling back to deployment"), "{back}");
}

#[test]
fn task_sets_follow_their_scale() {
    let mut c = Cloud::new();
    let definition = c.register("f", PUBLIC);
    c.ecs("CreateService", c.service("bg", &definition, "CODE_DEPLOY"));
    c.pass(250);
    let input = json!({
        "TargetGroupArn": c.green,
        "ListenerArn": c.listener,
        "DefaultActions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": [
            {"TargetGroupArn": c.blue, "Weight": 100}, {"TargetGroupArn": c.green, "Weight": 0},
        ]}}],
    });
    let mut listener = input;
    listener.as_object_mut().unwrap().remove("TargetGroupArn");
    c.elb("ModifyListener", listener);
    let service = c.service("bg", &definition, "CODE_DEPLOY");
    let set = json!({
        "cluster": "c", "service": "bg", "taskDefinition": definition, "launchType": "FARGATE",
        "networkConfiguration": service["networkConfiguration"], "scale": {"value": 100, "unit": "PERCENT"},
        "loadBalancers": [{"targetGroupArn": c.green, "containerName": "web", "containerPort": 80}],
    });
    let green = text(&c.ecs("CreateTaskSet", set)["taskSet"]["id"]);
    c.pass(250);
    assert_eq!((c.healthy(&c.blue.clone()), c.healthy(&c.green.clone())), (2, 2));
    let blue = text(&c.described("bg")["taskSets"][1]["id"]);
    let of = |set: &str| json!({"cluster": "c", "service": "bg", "taskSet": set});
    c.ecs("UpdateServicePrimaryTaskSet", json!({"cluster": "c", "service": "bg", "primaryTaskSet": green}));
    let described = c.described("bg");
    assert_eq!(described["loadBalancers"][0]["targetGroupArn"], c.green.as_str());
    assert_eq!(c.refused("ecs", "DeleteTaskSet", of(&blue)).0, "InvalidParameterException");
    let mut forced = of(&blue);
    forced["force"] = true.into();
    c.ecs("DeleteTaskSet", forced);
    c.pass(500);
    let described = c.described("bg");
    assert_eq!(described["taskSets"].as_array().unwrap().len(), 1, "{described}");
    assert_eq!((c.healthy(&c.blue.clone()), c.healthy(&c.green.clone())), (0, 2));
}

#[test]
fn cloud_map_and_tasks() {
    let mut c = Cloud::new();
    let input = json!({"Name": "local.test", "Vpc": c.vpc, "CreatorRequestId": "x"});
    let operation = c.ok("servicediscovery", "CreatePrivateDnsNamespace", input.clone())["OperationId"].clone();
    let status = |c: &mut Cloud, id: &Value| {
        c.ok("servicediscovery", "GetOperation", json!({"OperationId": id}))["Operation"].clone()
    };
    assert_eq!(status(&mut c, &operation)["Status"], "SUBMITTED");
    assert_eq!(c.ok("servicediscovery", "CreatePrivateDnsNamespace", input.clone())["OperationId"], operation);
    c.pass(45);
    let done = status(&mut c, &operation);
    assert_eq!(done["Status"], "SUCCESS");
    let namespace = done["Targets"]["NAMESPACE"].clone();
    assert_eq!(c.refused("servicediscovery", "CreatePrivateDnsNamespace", input.clone()).0, "NamespaceAlreadyExists");
    let mut second = input;
    second["CreatorRequestId"] = "y".into();
    let operation = c.ok("servicediscovery", "CreatePrivateDnsNamespace", second)["OperationId"].clone();
    c.pass(45);
    let failed = status(&mut c, &operation);
    assert_eq!(failed["Status"], "FAIL");
    assert!(text(&failed["ErrorMessage"]).contains("ConflictingDomainExists"));

    let input = json!({
        "Name": "back", "DnsConfig": {"NamespaceId": namespace, "DnsRecords": [{"Type": "A", "TTL": 10}]},
        "HealthCheckCustomConfig": {"FailureThreshold": 1},
    });
    let made = c.ok("servicediscovery", "CreateService", input.clone())["Service"].clone();
    let error = c.perform("servicediscovery", "CreateService", input).unwrap_err();
    assert_eq!((error.code.as_str(), &error.details["ServiceId"]), ("ServiceAlreadyExists", &made["Id"]));
    let definition = c.register("f", PUBLIC);
    let mut service = c.service("s", &definition, "ECS");
    service["loadBalancers"] = json!([]);
    service["serviceRegistries"] = json!([{"registryArn": made["Arn"]}]);
    c.ecs("CreateService", service);
    c.pass(60);
    let found = json!({"NamespaceName": "local.test", "ServiceName": "back"});
    let instances = c.ok("servicediscovery", "DiscoverInstances", found)["Instances"].clone();
    assert_eq!(instances.as_array().unwrap().len(), 2);
    let zone = c.ok("servicediscovery", "GetNamespace", json!({"Id": namespace}))["Namespace"].clone();
    let zone = text(&zone["Properties"]["DnsProperties"]["HostedZoneId"]);
    let records = |c: &Cloud| c.world.global.route53.zones[&zone].records.values().filter(|r| r.kind == "A").count();
    assert_eq!(records(&c), 1);
    let id = json!({"Id": made["Id"]});
    assert_eq!(c.refused("servicediscovery", "DeleteService", id.clone()).0, "ResourceInUse");
    assert_eq!(c.refused("servicediscovery", "DeleteNamespace", json!({"Id": namespace})).0, "ResourceInUse");
    c.ecs("DeleteService", json!({"cluster": "c", "service": "s", "force": true}));
    c.pass(60);
    assert_eq!(records(&c), 0);
    c.ok("servicediscovery", "DeleteService", id);
    let deleting = c.ok("servicediscovery", "DeleteNamespace", json!({"Id": namespace}))["OperationId"].clone();
    let error = c.perform("servicediscovery", "DeleteNamespace", json!({"Id": namespace})).unwrap_err();
    assert_eq!((error.code.as_str(), &error.details["DuplicateOperationId"]), ("DuplicateRequest", &deleting));
    c.pass(60);
    assert_eq!(c.refused("servicediscovery", "GetNamespace", json!({"Id": namespace})).0, "NamespaceNotFound");
}

#[test]
fn what_code_deploy_refuses() {
    let mut c = Cloud::new();
    let definition = c.register("f", PUBLIC);
    let (rolling, bg) = (c.service("rolling", &definition, "ECS"), c.service("bg", &definition, "CODE_DEPLOY"));
    c.ecs("CreateService", rolling);
    c.ecs("CreateService", bg);
    c.ok("codedeploy", "CreateApplication", json!({"applicationName": "app", "computePlatform": "ECS"}));
    let input = json!({"RoleName": "cd", "AssumeRolePolicyDocument": trust("codedeploy.amazonaws.com")});
    let role = text(&c.ok("iam", "CreateRole", input)["Role"]["Arn"]);
    let good = json!({
        "applicationName": "app", "deploymentGroupName": "g", "serviceRoleArn": role,
        "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
        "ecsServices": [{"clusterName": "c", "serviceName": "bg"}],
        "blueGreenDeploymentConfiguration": {
            "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 5},
            "deploymentReadyOption": {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 5},
        },
        "loadBalancerInfo": {"targetGroupPairInfoList": [{
            "targetGroups": [{"name": "blue"}, {"name": "green"}],
            "prodTrafficRoute": {"listenerArns": [c.listener]},
        }]},
        "autoRollbackConfiguration": {"enabled": true, "events": ["DEPLOYMENT_STOP_ON_REQUEST", "DEPLOYMENT_FAILURE"]},
    });
    let with = |changes: Value| {
        let mut input = good.clone();
        input.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        input
    };
    assert_eq!(c.refused("codedeploy", "CreateDeploymentGroup", good.clone()).0, "InvalidRoleException", "it is fresh");
    c.pass(60);
    let pair = |names: Value, listener: &str| {
        json!({"loadBalancerInfo": {"targetGroupPairInfoList": [{
            "targetGroups": names, "prodTrafficRoute": {"listenerArns": [listener]},
        }]}})
    };
    let listener = c.listener.clone();
    let in_place = json!({"deploymentType": "IN_PLACE", "deploymentOption": "WITH_TRAFFIC_CONTROL"});
    for (changes, code) in [
        (json!({"ecsServices": [{"clusterName": "c", "serviceName": "rolling"}]}), "InvalidECSServiceException"),
        (json!({"ecsServices": [{"clusterName": "c", "serviceName": "none"}]}), "InvalidECSServiceException"),
        (json!({"ecsServices": []}), "InvalidECSServiceException"),
        (json!({"deploymentConfigName": "none"}), "DeploymentConfigDoesNotExistException"),
        (json!({"deploymentStyle": in_place}), "InvalidDeploymentStyleException"),
        (json!({"serviceRoleArn": c.role}), "InvalidRoleException"),
        (json!({"serviceRoleArn": null}), "RoleRequiredException"),
        (json!({"applicationName": "none"}), "ApplicationDoesNotExistException"),
        (json!({"blueGreenDeploymentConfiguration": null}), "InvalidBlueGreenDeploymentConfigurationException"),
        (json!({"loadBalancerInfo": null}), "InvalidLoadBalancerInfoException"),
        (pair(json!([{"name": "blue"}]), &listener), "InvalidTargetGroupPairException"),
        (pair(json!([{"name": "blue"}, {"name": "none"}]), &listener), "InvalidTargetGroupPairException"),
        (pair(json!([{"name": "blue"}, {"name": "green"}]), "arn:none"), "InvalidLoadBalancerInfoException"),
    ] {
        let (got, why) = c.refused("codedeploy", "CreateDeploymentGroup", with(changes.clone()));
        assert_eq!(got, code, "{changes}: {why}");
    }
    c.ok("codedeploy", "CreateDeploymentGroup", good.clone());
    assert_eq!(
        c.refused("codedeploy", "CreateDeploymentGroup", good.clone()).0,
        "DeploymentGroupAlreadyExistsException"
    );
    let other = with(json!({"deploymentGroupName": "h"}));
    assert_eq!(c.refused("codedeploy", "CreateDeploymentGroup", other).0, "ECSServiceMappingLimitExceededException");
    let name = json!({"applicationName": "app", "deploymentGroupName": "g"});
    let read = c.ok("codedeploy", "GetDeploymentGroup", name.clone())["deploymentGroupInfo"].clone();
    assert_eq!(
        read["autoRollbackConfiguration"]["events"],
        json!(["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_REQUEST"])
    );
    assert_eq!(read["deploymentConfigName"], "CodeDeployDefault.ECSAllAtOnce");
    assert_eq!(c.ok("codedeploy", "ListDeployments", name.clone())["deployments"], json!([]));
    let (code, _) = c.refused("codedeploy", "GetDeployment", json!({"deploymentId": "d-ABC"}));
    assert_eq!(code, "DeploymentDoesNotExistException");
    c.ok("codedeploy", "DeleteDeploymentGroup", name.clone());
    c.ok("codedeploy", "DeleteDeploymentGroup", name);
    c.ok("codedeploy", "DeleteApplication", json!({"applicationName": "app"}));
}

#[test]
fn task_definitions_are_checked_stored_and_deleted() {
    let mut c = Cloud::new();
    let good = json!({
        "family": "f", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": ".25 vCPU", "memory": "0.5 GB",
        "executionRoleArn": c.role,
        "containerDefinitions": [{"name": "web", "image": "nginx", "environment": [
            {"name": "B", "value": "2"}, {"name": "A", "value": "1"},
        ], "portMappings": [{"containerPort": 80}]}],
    });
    let with = |changes: Value| {
        let mut input = good.clone();
        input.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        input
    };
    let container = |changes: Value| {
        let mut container = good["containerDefinitions"][0].clone();
        container.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        json!({"containerDefinitions": [container]})
    };
    let logs = json!({"logDriver": "awslogs", "options": {"awslogs-group": "g", "awslogs-region": "r"}});
    let mut no_role = container(json!({"logConfiguration": logs}));
    no_role["executionRoleArn"] = Value::Null;
    for (changes, message) in [
        (json!({"memory": "4096"}), "No Fargate configuration exists for given values: 256 CPU, 4096 memory."),
        (json!({"cpu": null}), "Fargate requires that 'cpu' be defined at the task level."),
        (json!({"networkMode": "bridge"}), "Fargate only supports network mode ‘awsvpc’."),
        (no_role, "Fargate requires task definition to have execution role ARN to support log driver awslogs."),
        (container(json!({"image": ""})), "Container.image should not be null or empty."),
        (container(json!({"portMappings": [{"containerPort": 80, "hostPort": 81}]})), "must match"),
        (json!({"containerDefinitions": []}), "Container list cannot be empty."),
        (json!({"executionRoleArn": "arn:aws:s3:::x"}), "Role is not valid"),
    ] {
        let (code, why) = c.refused("ecs", "RegisterTaskDefinition", with(changes.clone()));
        assert!(code == "ClientException" && why.contains(message), "{changes}: {code} {why}");
    }
    let made = c.ecs("RegisterTaskDefinition", good.clone())["taskDefinition"].clone();
    let web = &made["containerDefinitions"][0];
    assert_eq!((made["cpu"].as_str(), made["memory"].as_str()), (Some("256"), Some("512")));
    assert_eq!(web["portMappings"], json!([{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}]));
    assert_eq!((&web["mountPoints"], &web["essential"], &web["cpu"]), (&json!([]), &json!(true), &json!(0)));
    assert_eq!(web["environment"][0]["name"], "A");
    c.ecs("RegisterTaskDefinition", good);
    let list = json!({"familyPrefix": "f", "sort": "DESC", "maxResults": 1});
    assert!(text(&c.ecs("ListTaskDefinitions", list)["taskDefinitionArns"][0]).ends_with("f:2"));
    let delete = json!({"taskDefinitions": ["f:1", "f:9"]});
    let failures = c.ecs("DeleteTaskDefinitions", delete.clone())["failures"].clone();
    assert!(text(&failures[0]["reason"]).contains("still in ACTIVE status") && failures[1].is_object());
    c.ecs("DeregisterTaskDefinition", json!({"taskDefinition": "f:1"}));
    let answer = c.ecs("DeleteTaskDefinitions", delete);
    assert_eq!(answer["taskDefinitions"][0]["status"], "DELETE_IN_PROGRESS");
    c.pass(120);
    let (code, why) = c.refused("ecs", "DescribeTaskDefinition", json!({"taskDefinition": "f:1"}));
    assert_eq!((code.as_str(), why.as_str()), ("ClientException", "Unable to describe task definition."));
}

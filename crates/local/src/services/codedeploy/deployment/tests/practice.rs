//! A small practice environment for tests: one service behind two listeners, and what must always hold in it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::Time;
use crate::error::Result;
use crate::options::Options;
use crate::services;
use crate::world::{Cx, World};

pub(crate) struct Practice {
    pub(crate) options: Options,
    pub(crate) world: World,
    pub(crate) vpc: String,
    pub(crate) subnets: Vec<String>,
    pub(crate) group: String,
    pub(crate) balancer: String,
    pub(crate) blue: String,
    pub(crate) green: String,
    pub(crate) production: String,
    pub(crate) test: String,
    execution: String,
    /// Production must have a healthy target at every step.
    pub(crate) guarded: bool,
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text")).to_owned()
}

fn trust(service: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole",
    }]})
    .to_string()
}

impl Practice {
    /// Everything is up, the first generation serves, and nothing was deployed yet.
    pub(crate) fn new() -> Practice {
        let empty = String::new;
        let options = Options::manual();
        let world = World::new(&options, Time(1_700_000_000_000));
        let mut p = Practice {
            options,
            world,
            vpc: empty(),
            subnets: Vec::new(),
            group: empty(),
            balancer: empty(),
            blue: empty(),
            green: empty(),
            production: empty(),
            test: empty(),
            execution: empty(),
            guarded: false,
        };
        p.vpc = text(&p.ok("ec2", "CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}))["vpc"]["vpcId"]);
        for (i, zone) in ["a", "c"].iter().enumerate() {
            let input = json!({
                "VpcId": p.vpc, "CidrBlock": format!("10.0.{i}.0/24"), "AvailabilityZone": format!("ap-northeast-1{zone}"),
            });
            let id = text(&p.ok("ec2", "CreateSubnet", input)["subnet"]["subnetId"]);
            p.subnets.push(id);
        }
        let gateway = text(&p.ok("ec2", "CreateInternetGateway", json!({}))["internetGateway"]["internetGatewayId"]);
        p.ok("ec2", "AttachInternetGateway", json!({"InternetGatewayId": gateway, "VpcId": p.vpc}));
        let input = json!({"GroupName": "g", "GroupDescription": "g", "VpcId": p.vpc});
        p.group = text(&p.ok("ec2", "CreateSecurityGroup", input)["groupId"]);
        let input = json!({"Name": "lb", "Subnets": p.subnets, "SecurityGroups": [p.group]});
        p.balancer = text(&p.elb("CreateLoadBalancer", input)["LoadBalancers"][0]["LoadBalancerArn"]);
        (p.blue, p.green) = (p.target_group("blue"), p.target_group("green"));
        (p.production, p.test) = (p.listener(80), p.listener(8080));
        p.execution = p.role("exec", "ecs-tasks.amazonaws.com");
        let role = p.role("deploy", "codedeploy.amazonaws.com");
        p.ok(
            "iam",
            "AttachRolePolicy",
            json!({"RoleName": "deploy", "PolicyArn": "arn:aws:iam::aws:policy/AWSCodeDeployRoleForECS"}),
        );
        p.ok("ecs", "CreateCluster", json!({"clusterName": "c"}));
        p.pass(300);
        let first = p.register("v1");
        let input = json!({
            "cluster": "c", "serviceName": "web", "taskDefinition": first, "desiredCount": 2, "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": p.subnets, "securityGroups": [p.group]}},
            "deploymentController": {"type": "CODE_DEPLOY"},
            "loadBalancers": [{"targetGroupArn": p.blue, "containerName": "web", "containerPort": 80}],
        });
        p.ok("ecs", "CreateService", input);
        p.pass(600);
        p.deploy_ok("CreateApplication", json!({"applicationName": "app", "computePlatform": "ECS"}));
        let input = json!({
            "applicationName": "app", "deploymentGroupName": "group", "serviceRoleArn": role,
            "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
            "ecsServices": [{"serviceName": "web", "clusterName": "c"}],
            "loadBalancerInfo": {"targetGroupPairInfoList": [{
                "targetGroups": [{"name": "blue"}, {"name": "green"}],
                "prodTrafficRoute": {"listenerArns": [p.production]},
                "testTrafficRoute": {"listenerArns": [p.test]},
            }]},
            "blueGreenDeploymentConfiguration": {
                "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 5},
                "deploymentReadyOption": {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 5},
            },
            "autoRollbackConfiguration": {"enabled": true, "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]},
        });
        p.deploy_ok("CreateDeploymentGroup", input);
        p.guarded = true;
        p
    }

    fn target_group(&mut self, name: &str) -> String {
        let input = json!({
            "Name": name, "Protocol": "HTTP", "Port": 80, "VpcId": self.vpc, "TargetType": "ip",
            "HealthCheckIntervalSeconds": 10, "HealthyThresholdCount": 2,
        });
        let arn = text(&self.elb("CreateTargetGroup", input)["TargetGroups"][0]["TargetGroupArn"]);
        let attribute = json!({"Key": "deregistration_delay.timeout_seconds", "Value": "30"});
        self.elb("ModifyTargetGroupAttributes", json!({"TargetGroupArn": arn, "Attributes": [attribute]}));
        arn
    }

    fn listener(&mut self, port: u16) -> String {
        let input = json!({
            "LoadBalancerArn": self.balancer, "Port": port, "Protocol": "HTTP",
            "DefaultActions": [{"Type": "forward", "TargetGroupArn": self.blue}],
        });
        text(&self.elb("CreateListener", input)["Listeners"][0]["ListenerArn"])
    }

    fn role(&mut self, name: &str, service: &str) -> String {
        let input = json!({"RoleName": name, "AssumeRolePolicyDocument": trust(service)});
        text(&self.ok("iam", "CreateRole", input)["Role"]["Arn"])
    }

    pub(crate) fn perform(&mut self, service: &str, operation: &str, input: Value) -> Result {
        let now = self.world.now;
        let service = services::by_name(service).unwrap();
        let mut cx = Cx::new(&mut self.world, &self.options, service, "ap-northeast-1".to_owned());
        cx.operation = operation.to_owned();
        let answer = (service.handler)(operation).unwrap()(&mut cx, input);
        self.world.advance(&self.options, now);
        answer
    }

    pub(crate) fn ok(&mut self, service: &str, operation: &str, input: Value) -> Value {
        self.perform(service, operation, input).unwrap_or_else(|e| panic!("{operation}: {e:?}"))
    }

    pub(crate) fn elb(&mut self, operation: &str, input: Value) -> Value {
        self.ok("elasticloadbalancing", operation, input)
    }

    pub(crate) fn deploy_ok(&mut self, operation: &str, input: Value) -> Value {
        self.ok("codedeploy", operation, input)
    }

    /// The code of a refusal.
    pub(crate) fn refused(&mut self, operation: &str, input: Value) -> String {
        self.perform("codedeploy", operation, input).unwrap_err().code
    }

    pub(crate) fn register(&mut self, tag: &str) -> String {
        let input = json!({
            "family": "web", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256",
            "memory": "512", "executionRoleArn": self.execution,
            "containerDefinitions": [{
                "name": "web", "image": format!("example.com/web:{tag}"), "portMappings": [{"containerPort": 80}],
            }],
        });
        text(&self.ok("ecs", "RegisterTaskDefinition", input)["taskDefinition"]["taskDefinitionArn"])
    }

    /// A CreateDeployment of a new revision with this tag.
    pub(crate) fn request(&mut self, tag: &str) -> Value {
        let definition = self.register(tag);
        let spec = json!({"version": 0.0, "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": {
            "TaskDefinition": definition, "LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 80}}}}]});
        json!({
            "applicationName": "app", "deploymentGroupName": "group",
            "revision": {"revisionType": "AppSpecContent", "appSpecContent": {"content": spec.to_string()}},
        })
    }

    pub(crate) fn deploy_with(&mut self, tag: &str, more: &Value) -> String {
        let mut request = self.request(tag);
        for (name, value) in more.as_object().unwrap() {
            request[name] = value.clone();
        }
        text(&self.deploy_ok("CreateDeployment", request)["deploymentId"])
    }

    pub(crate) fn deploy(&mut self, tag: &str) -> String {
        self.deploy_with(tag, &json!({}))
    }

    /// Lets time pass, event by event; after each of them the laws are checked, and that the state survives a restart.
    pub(crate) fn pass(&mut self, seconds: u64) {
        let to = self.world.now + Duration::from_secs(seconds);
        while let Some(due) = self.world.next_due().filter(|due| *due <= to) {
            self.world.advance(&self.options, due);
            if self.guarded {
                self.check();
            }
        }
        self.world.advance(&self.options, to);
    }

    /// Restarts the cloud from what it would have on disk.
    pub(crate) fn restart(&mut self) {
        let saved = serde_json::to_string(&self.world).unwrap();
        self.world = serde_json::from_str(&saved).unwrap();
    }

    /// Lets time pass until a deployment says this of itself.
    pub(crate) fn until(&mut self, id: &str, what: impl Fn(&Value, &Value) -> bool) {
        for _ in 0..7200 {
            let (info, target) = (self.info(id), self.target(id));
            if what(&info, &target) {
                return;
            }
            self.pass(1);
        }
        panic!("never: {:#} {:#}", self.info(id), self.target(id));
    }

    pub(crate) fn until_status(&mut self, id: &str, status: &str) {
        self.until(id, |info, _| info["status"] == status);
    }

    /// Until a life-cycle event is in progress.
    pub(crate) fn until_event(&mut self, id: &str, event: &str) {
        self.until(id, |_, target| event_status(target, event) == "InProgress");
    }

    pub(crate) fn until_waiting(&mut self, id: &str) {
        self.until(id, |info, _| info["instanceTerminationWaitTimeStarted"] == true);
    }

    pub(crate) fn info(&mut self, id: &str) -> Value {
        self.deploy_ok("GetDeployment", json!({"deploymentId": id}))["deploymentInfo"].clone()
    }

    /// The ECS target; null before it has started.
    pub(crate) fn target(&mut self, id: &str) -> Value {
        let found = self.perform("codedeploy", "GetDeploymentTarget", json!({"deploymentId": id, "targetId": "c:web"}));
        found.map(|t| t["deploymentTarget"]["ecsTarget"].clone()).unwrap_or_default()
    }

    pub(crate) fn service(&mut self) -> Value {
        self.ok("ecs", "DescribeServices", json!({"cluster": "c", "services": ["web"]}))["services"][0].clone()
    }

    /// Target groups' names and weights of a listener.
    pub(crate) fn weights(&mut self, listener: &str) -> Vec<(String, u64)> {
        let found = self.elb("DescribeListeners", json!({"ListenerArns": [listener]}));
        groups(&found["Listeners"][0]["DefaultActions"])
    }

    pub(crate) fn production(&mut self) -> Vec<(String, u64)> {
        let listener = self.production.clone();
        self.weights(&listener)
    }

    pub(crate) fn testing(&mut self) -> Vec<(String, u64)> {
        let listener = self.test.clone();
        self.weights(&listener)
    }

    /// The tag of the PRIMARY task set's image, and the number of task sets.
    pub(crate) fn live(&mut self) -> (String, usize) {
        let service = self.service();
        let definition = text(&service["taskDefinition"]);
        let found = self.ok("ecs", "DescribeTaskDefinition", json!({"taskDefinition": definition}));
        let image = text(&found["taskDefinition"]["containerDefinitions"][0]["image"]);
        (image.rsplit(':').next().unwrap().to_owned(), service["taskSets"].as_array().unwrap().len())
    }

    pub(crate) fn healthy(&mut self, group: &str) -> usize {
        let arn = if group == "blue" { self.blue.clone() } else { self.green.clone() };
        let health = self.elb("DescribeTargetHealth", json!({"TargetGroupArn": arn}));
        let all = health["TargetHealthDescriptions"].as_array().unwrap();
        all.iter().filter(|t| t["TargetHealth"]["State"] == "healthy").count()
    }

    /// What holds at every moment: each group with production traffic has a healthy target, one task set is PRIMARY, and
    /// the service says of itself what that task set is.
    fn check(&mut self) {
        let service = self.service();
        if service["status"] != "ACTIVE" {
            return;
        }
        for (group, weight) in self.production() {
            assert!(
                weight == 0 || self.healthy(&group) > 0,
                "{group} has weight {weight} and no healthy target: {service:#}"
            );
        }
        let sets = service["taskSets"].as_array().unwrap();
        let primary: Vec<&Value> = sets.iter().filter(|s| s["status"] == "PRIMARY").collect();
        let [primary] = primary.as_slice() else { panic!("PRIMARY task sets: {primary:?}") };
        assert_eq!(service["taskDefinition"], primary["taskDefinition"]);
        assert_eq!(service["loadBalancers"], primary["loadBalancers"]);
        assert!(sets.len() <= 4, "{sets:?}");
    }
}

fn groups(actions: &Value) -> Vec<(String, u64)> {
    let groups = actions[0]["ForwardConfig"]["TargetGroups"].as_array().unwrap();
    let name = |arn: &Value| arn.as_str().unwrap().split('/').nth(1).unwrap().to_owned();
    groups.iter().map(|g| (name(&g["TargetGroupArn"]), g["Weight"].as_u64().unwrap())).collect()
}

pub(crate) fn rule_groups(rule: &Value) -> Vec<(String, u64)> {
    groups(&rule["Actions"])
}

pub(crate) fn event_status(target: &Value, event: &str) -> String {
    let events = target["lifecycleEvents"].as_array().into_iter().flatten();
    let found = events.into_iter().find(|e| e["lifecycleEventName"] == event);
    found.and_then(|e| e["status"].as_str()).unwrap_or_default().to_owned()
}

/// `[("blue", 100), ("green", 0)]`
pub(crate) fn split(live: &str, weight: u64, other: &str) -> Vec<(String, u64)> {
    vec![(live.to_owned(), weight), (other.to_owned(), 100 - weight)]
}

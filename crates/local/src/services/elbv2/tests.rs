//! What ELB refuses, how things read back, and how health follows the clock.

use std::time::Duration;

use serde_json::{Value, json};

use super::target::Health;
use super::*;
use crate::options::Options;
use crate::services;
use crate::world::World;

struct Cloud {
    options: Options,
    world: World,
    vpc: String,
    /// Zones a, c, c.
    subnets: Vec<String>,
    group: String,
}

impl Cloud {
    fn new() -> Self {
        let options = Options::manual();
        let world = World::new(&options, crate::clock::Time(1_000_000));
        let mut cloud = Cloud { world, options, vpc: String::new(), subnets: Vec::new(), group: String::new() };
        let (vpc, subnets, group) = cloud.network("10.0", true);
        (cloud.vpc, cloud.subnets, cloud.group) = (vpc, subnets, group);
        cloud
    }

    fn network(&mut self, net: &str, gateway: bool) -> (String, Vec<String>, String) {
        let vpc = self.ec2("CreateVpc", json!({"CidrBlock": format!("{net}.0.0/16")}));
        let vpc = vpc["vpc"]["vpcId"].as_str().unwrap().to_owned();
        let subnets = ["a", "c", "c"].iter().enumerate().map(|(i, zone)| {
            let input = json!({
                "VpcId": vpc, "CidrBlock": format!("{net}.{i}.0/24"), "AvailabilityZone": format!("ap-northeast-1{zone}"),
            });
            self.ec2("CreateSubnet", input)["subnet"]["subnetId"].as_str().unwrap().to_owned()
        });
        let subnets = subnets.collect();
        if gateway {
            let answer = self.ec2("CreateInternetGateway", json!({}));
            let id = answer["internetGateway"]["internetGatewayId"].as_str().unwrap().to_owned();
            self.ec2("AttachInternetGateway", json!({"InternetGatewayId": id, "VpcId": vpc}));
        }
        let input = json!({"GroupName": "g", "GroupDescription": "g", "VpcId": vpc});
        let group = self.ec2("CreateSecurityGroup", input)["groupId"].as_str().unwrap().to_owned();
        (vpc, subnets, group)
    }

    fn perform(&mut self, service: &str, operation: &str, input: Value) -> Result {
        let service = services::by_name(service).unwrap();
        let mut cx = Cx::new(&mut self.world, &self.options, service, "ap-northeast-1".to_owned());
        cx.operation = operation.to_owned();
        (service.handler)(operation).unwrap()(&mut cx, input)
    }

    fn ec2(&mut self, operation: &str, input: Value) -> Value {
        self.perform("ec2", operation, input).unwrap_or_else(|e| panic!("{operation}: {e:?}"))
    }

    fn call(&mut self, operation: &str, input: Value) -> Result {
        self.perform("elasticloadbalancing", operation, input)
    }

    fn ok(&mut self, operation: &str, input: Value) -> Value {
        self.call(operation, input).unwrap_or_else(|e| panic!("{operation}: {e:?}"))
    }

    fn cx(&mut self) -> Cx<'_> {
        Cx::new(&mut self.world, &self.options, &SERVICE, "ap-northeast-1".to_owned())
    }

    fn wait(&mut self, seconds: u64) {
        let to = self.world.now + Duration::from_secs(seconds);
        self.world.advance(&self.options, to);
    }

    fn load_balancer(&mut self, name: &str) -> String {
        let input = json!({"Name": name, "Subnets": self.subnets[..2], "SecurityGroups": [self.group]});
        let answer = self.ok("CreateLoadBalancer", input);
        answer["LoadBalancers"][0]["LoadBalancerArn"].as_str().unwrap().to_owned()
    }

    fn target_group(&mut self, name: &str) -> String {
        let input = json!({"Name": name, "Protocol": "HTTP", "Port": "80", "VpcId": self.vpc, "TargetType": "ip"});
        self.ok("CreateTargetGroup", input)["TargetGroups"][0]["TargetGroupArn"].as_str().unwrap().to_owned()
    }

    fn listener(&mut self, lb: &str, port: u16, group: &str) -> String {
        let input = json!({
            "LoadBalancerArn": lb, "Protocol": "HTTP", "Port": port,
            "DefaultActions": [{"Type": "forward", "TargetGroupArn": group}],
        });
        self.ok("CreateListener", input)["Listeners"][0]["ListenerArn"].as_str().unwrap().to_owned()
    }

    fn rule(&mut self, listener: &str, priority: u32, group: &str) -> String {
        let input = json!({
            "ListenerArn": listener, "Priority": priority,
            "Conditions": [{"Field": "path-pattern", "Values": [format!("/{priority}/*")]}],
            "Actions": [{"Type": "forward", "TargetGroupArn": group}],
        });
        self.ok("CreateRule", input)["Rules"][0]["RuleArn"].as_str().unwrap().to_owned()
    }

    fn refusals(&mut self, table: &[(&str, Value, &str)]) {
        for (operation, input, want) in table {
            let error = self.call(operation, input.clone()).expect_err(&format!("{operation} {input}"));
            assert_eq!(error.code, *want, "{operation} {input}: {}", error.message);
        }
    }
}

fn with(base: &Value, changes: Value) -> Value {
    let mut all = base.clone();
    for (key, value) in changes.as_object().unwrap() {
        all[key] = value.clone();
    }
    all
}

#[test]
fn load_balancers_that_are_refused() {
    let mut cloud = Cloud::new();
    let (_, bare, other_group) = cloud.network("10.1", false);
    let lb = cloud.load_balancer("lb");
    let base = json!({"Name": "new", "Subnets": cloud.subnets[..2], "SecurityGroups": [cloud.group]});
    let (s, missing) = (cloud.subnets.clone(), format!("{lb}x"));
    cloud.refusals(&[
        ("CreateLoadBalancer", with(&base, json!({"Name": "a".repeat(33)})), "ValidationError"),
        ("CreateLoadBalancer", with(&base, json!({"Name": "a_b"})), "ValidationError"),
        ("CreateLoadBalancer", with(&base, json!({"Name": "-a"})), "ValidationError"),
        ("CreateLoadBalancer", with(&base, json!({"Name": "internal-a"})), "ValidationError"),
        ("CreateLoadBalancer", with(&base, json!({"Subnets": [s[0]]})), "ValidationError"),
        ("CreateLoadBalancer", with(&base, json!({"Subnets": [s[1], s[2]]})), "InvalidConfigurationRequest"),
        ("CreateLoadBalancer", with(&base, json!({"Subnets": [s[0], bare[1]]})), "InvalidConfigurationRequest"),
        ("CreateLoadBalancer", with(&base, json!({"Subnets": [s[0], "subnet-0"]})), "SubnetNotFound"),
        ("CreateLoadBalancer", with(&base, json!({"Subnets": bare[..2], "SecurityGroups": []})), "InvalidSubnet"),
        ("CreateLoadBalancer", with(&base, json!({"SecurityGroups": ["sg-0"]})), "InvalidSecurityGroup"),
        ("CreateLoadBalancer", with(&base, json!({"SecurityGroups": [other_group]})), "InvalidConfigurationRequest"),
        ("CreateLoadBalancer", with(&base, json!({"Scheme": "x"})), "InvalidScheme"),
        ("CreateLoadBalancer", with(&base, json!({"Type": "network"})), "OperationNotPermitted"),
        ("CreateLoadBalancer", with(&base, json!({"Tags": [{"Key": "a"}, {"Key": "a"}]})), "DuplicateTagKeys"),
        ("CreateLoadBalancer", with(&base, json!({"Name": "lb", "Scheme": "internal"})), "DuplicateLoadBalancerName"),
        ("DescribeLoadBalancers", json!({"Names": ["none"]}), "LoadBalancerNotFound"),
        ("DescribeLoadBalancers", json!({"LoadBalancerArns": [missing]}), "LoadBalancerNotFound"),
        ("DescribeLoadBalancers", json!({"LoadBalancerArns": ["x"]}), "ValidationError"),
        ("DescribeLoadBalancers", json!({"PageSize": "0"}), "ValidationError"),
        ("SetSubnets", json!({"LoadBalancerArn": lb, "Subnets": [s[0]]}), "ValidationError"),
        ("SetSecurityGroups", json!({"LoadBalancerArn": lb, "SecurityGroups": ["sg-0"]}), "InvalidSecurityGroup"),
        (
            "ModifyLoadBalancerAttributes",
            json!({"LoadBalancerArn": lb, "Attributes": [{"Key": "nope", "Value": "1"}]}),
            "ValidationError",
        ),
        (
            "ModifyLoadBalancerAttributes",
            json!({"LoadBalancerArn": lb, "Attributes": [{"Key": "idle_timeout.timeout_seconds", "Value": ""}]}),
            "ValidationError",
        ),
        ("AddTags", json!({"ResourceArns": [missing], "Tags": [{"Key": "a"}]}), "LoadBalancerNotFound"),
    ]);
    // The same settings again: the one that is there.
    assert_eq!(cloud.load_balancer("lb"), lb);
    let protect =
        |on: &str| json!({"LoadBalancerArn": lb, "Attributes": [{"Key": "deletion_protection.enabled", "Value": on}]});
    cloud.ok("ModifyLoadBalancerAttributes", protect("true"));
    cloud.refusals(&[("DeleteLoadBalancer", json!({"LoadBalancerArn": lb}), "OperationNotPermitted")]);
    cloud.ok("ModifyLoadBalancerAttributes", protect("false"));
    cloud.ok("DeleteLoadBalancer", json!({"LoadBalancerArn": lb}));
    cloud.ok("DeleteLoadBalancer", json!({"LoadBalancerArn": lb}));
}

#[test]
fn network_interfaces_outlive_their_load_balancer() {
    let mut cloud = Cloud::new();
    let lb = cloud.load_balancer("web");
    let state =
        |cloud: &mut Cloud| cloud.ok("DescribeLoadBalancers", json!({}))["LoadBalancers"][0]["State"]["Code"].clone();
    assert_eq!(state(&mut cloud), "provisioning");
    cloud.wait(150);
    assert_eq!(state(&mut cloud), "active");
    let enis: Vec<_> = cloud.cx().ec2().network_interfaces.values().cloned().collect();
    assert_eq!(enis.len(), 2);
    assert!(enis.iter().all(|eni| eni.description.starts_with("ELB app/web/") && eni.public_ip.is_some()));
    assert!(enis.iter().all(|eni| eni.owner == "amazon-elb" && eni.groups == [cloud.group.clone()]));
    // From zone c's first subnet to its second: the old interface lingers.
    let moved = json!({"LoadBalancerArn": lb, "Subnets": [cloud.subnets[0], cloud.subnets[2]]});
    cloud.ok("SetSubnets", moved);
    assert_eq!(cloud.cx().ec2().network_interfaces.len(), 3);
    cloud.wait(180);
    assert_eq!(cloud.cx().ec2().network_interfaces.len(), 2);
    cloud.ok("DeleteLoadBalancer", json!({"LoadBalancerArn": lb}));
    let group = json!({"GroupId": cloud.group});
    let error = cloud.perform("ec2", "DeleteSecurityGroup", group.clone()).unwrap_err();
    assert_eq!(error.code, "DependencyViolation");
    cloud.wait(180);
    cloud.ec2("DeleteSecurityGroup", group);
}

#[test]
fn target_groups_that_are_refused() {
    let mut cloud = Cloud::new();
    let group = cloud.target_group("tg");
    let base = json!({"Name": "new", "Protocol": "HTTP", "Port": "80", "VpcId": cloud.vpc, "TargetType": "ip"});
    let lb = cloud.load_balancer("lb");
    let listener = cloud.listener(&lb, 80, &group);
    let attribute =
        |key: &str, value: &str| json!({"TargetGroupArn": group, "Attributes": [{"Key": key, "Value": value}]});
    let targets = |id: &str, port: u32| json!({"TargetGroupArn": group, "Targets": [{"Id": id, "Port": port}]});
    cloud.refusals(&[
        ("CreateTargetGroup", with(&base, json!({"Name": "a".repeat(33)})), "ValidationError"),
        ("CreateTargetGroup", with(&base, json!({"Port": "0"})), "ValidationError"),
        ("CreateTargetGroup", with(&base, json!({"Protocol": "SMTP"})), "ValidationError"),
        ("CreateTargetGroup", with(&base, json!({"VpcId": "vpc-0"})), "ValidationError"),
        ("CreateTargetGroup", with(&base, json!({"VpcId": null})), "ValidationError"),
        ("CreateTargetGroup", with(&base, json!({"HealthCheckPath": "health"})), "ValidationError"),
        ("CreateTargetGroup", with(&base, json!({"HealthyThresholdCount": "1"})), "ValidationError"),
        ("CreateTargetGroup", with(&base, json!({"HealthCheckIntervalSeconds": "5"})), "ValidationError"),
        ("CreateTargetGroup", with(&base, json!({"Matcher": {"HttpCode": "600"}})), "ValidationError"),
        ("CreateTargetGroup", with(&base, json!({"Name": "tg", "Port": "81"})), "DuplicateTargetGroupName"),
        ("DescribeTargetGroups", json!({"Names": ["none"]}), "TargetGroupNotFound"),
        ("DescribeTargetGroups", json!({"TargetGroupArns": [format!("{group}x")]}), "TargetGroupNotFound"),
        ("ModifyTargetGroup", json!({"TargetGroupArn": group, "HealthCheckTimeoutSeconds": "30"}), "ValidationError"),
        ("ModifyTargetGroupAttributes", attribute("nope", "1"), "ValidationError"),
        ("ModifyTargetGroupAttributes", attribute("deregistration_delay.timeout_seconds", "3601"), "ValidationError"),
        ("RegisterTargets", targets("10.9.0.1", 80), "InvalidTarget"),
        ("RegisterTargets", targets("x", 80), "ValidationError"),
        ("RegisterTargets", targets("10.0.0.9", 0), "ValidationError"),
        ("DeleteTargetGroup", json!({"TargetGroupArn": group}), "ResourceInUse"),
    ]);
    assert_eq!(cloud.target_group("tg"), group);
    cloud.ok("DeleteListener", json!({"ListenerArn": listener}));
    cloud.ok("DeleteTargetGroup", json!({"TargetGroupArn": group}));
    cloud.ok("DeleteTargetGroup", json!({"TargetGroupArn": group}));
}

#[test]
fn listeners_and_rules_that_are_refused() {
    let mut cloud = Cloud::new();
    let (lb, other) = (cloud.load_balancer("lb"), cloud.load_balancer("other"));
    let (blue, green, taken) = (cloud.target_group("blue"), cloud.target_group("green"), cloud.target_group("taken"));
    let listener = cloud.listener(&lb, 80, &blue);
    cloud.listener(&other, 80, &taken);
    let tcp = json!({"Name": "tcp", "Protocol": "TCP", "Port": "80", "VpcId": cloud.vpc, "TargetType": "ip"});
    let tcp = cloud.ok("CreateTargetGroup", tcp)["TargetGroups"][0]["TargetGroupArn"].clone();
    let (first, second) = (cloud.rule(&listener, 1, &green), cloud.rule(&listener, 2, &green));
    let default = cloud.ok("DescribeRules", json!({"ListenerArn": listener}))["Rules"][2]["RuleArn"].clone();
    let forward = |group: &str| json!([{"Type": "forward", "TargetGroupArn": group}]);
    let base = json!({"LoadBalancerArn": lb, "Protocol": "HTTP", "Port": "81", "DefaultActions": forward(&blue)});
    let action = |action: Value| with(&base, json!({"DefaultActions": [action]}));
    let https =
        json!({"Protocol": "HTTPS", "Certificates": [{"CertificateArn": "arn:aws:acm:eu-west-1:1:certificate/x"}]});
    let condition = |field: &str, value: &str| json!([{"Field": field, "Values": [value]}]);
    let rule = json!({"ListenerArn": listener, "Priority": "3", "Conditions": condition("path-pattern", "/x"), "Actions": forward(&green)});
    let weights = |weight: u32| {
        json!({"Type": "forward", "ForwardConfig": {"TargetGroups": [
        {"TargetGroupArn": blue, "Weight": weight}, {"TargetGroupArn": green, "Weight": 0}]}})
    };
    cloud.refusals(&[
        ("CreateListener", with(&base, json!({"Port": "80", "DefaultActions": forward(&green)})), "DuplicateListener"),
        ("CreateListener", with(&base, json!({"Port": "70000"})), "ValidationError"),
        ("CreateListener", with(&base, json!({"Protocol": "TCP"})), "ValidationError"),
        ("CreateListener", with(&base, json!({"Protocol": "HTTPS"})), "ValidationError"),
        ("CreateListener", with(&base, https), "CertificateNotFound"),
        ("CreateListener", with(&base, json!({"LoadBalancerArn": format!("{lb}x")})), "LoadBalancerNotFound"),
        ("CreateListener", action(json!({"Type": "forward"})), "ValidationError"),
        (
            "CreateListener",
            action(json!({"Type": "forward", "TargetGroupArn": format!("{blue}x")})),
            "TargetGroupNotFound",
        ),
        ("CreateListener", action(json!({"Type": "forward", "TargetGroupArn": taken})), "TargetGroupAssociationLimit"),
        ("CreateListener", action(json!({"Type": "forward", "TargetGroupArn": tcp})), "IncompatibleProtocols"),
        ("CreateListener", action(weights(1000)), "ValidationError"),
        ("CreateListener", action(json!({"Type": "nope"})), "ValidationError"),
        (
            "CreateListener",
            action(json!({"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "302"}})),
            "ValidationError",
        ),
        (
            "CreateListener",
            action(json!({"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}})),
            "InvalidLoadBalancerAction",
        ),
        ("DescribeListeners", json!({}), "ValidationError"),
        ("DescribeListeners", json!({"ListenerArns": [format!("{listener}x")]}), "ListenerNotFound"),
        ("DeleteListener", json!({"ListenerArn": format!("{listener}x")}), "ListenerNotFound"),
        ("ModifyListener", json!({"ListenerArn": listener, "Protocol": "HTTPS"}), "ValidationError"),
        ("CreateRule", with(&rule, json!({"Priority": "2"})), "PriorityInUse"),
        ("CreateRule", with(&rule, json!({"Priority": "0"})), "ValidationError"),
        ("CreateRule", with(&rule, json!({"Conditions": []})), "ValidationError"),
        ("CreateRule", with(&rule, json!({"Conditions": condition("nope", "x")})), "ValidationError"),
        ("CreateRule", with(&rule, json!({"Actions": forward(&taken)})), "TargetGroupAssociationLimit"),
        ("ModifyRule", json!({"RuleArn": default, "Actions": forward(&green)}), "OperationNotPermitted"),
        ("DeleteRule", json!({"RuleArn": default}), "OperationNotPermitted"),
        ("DeleteRule", json!({"RuleArn": format!("{first}x")}), "RuleNotFound"),
        ("DescribeRules", json!({"RuleArns": [format!("{first}x")]}), "RuleNotFound"),
        ("SetRulePriorities", json!({"RulePriorities": [{"RuleArn": first, "Priority": "2"}]}), "PriorityInUse"),
        ("DeleteTargetGroup", json!({"TargetGroupArn": green}), "ResourceInUse"),
    ]);
    // Two rules change places in one call.
    let swap = json!({"RulePriorities": [{"RuleArn": first, "Priority": "2"}, {"RuleArn": second, "Priority": "1"}]});
    cloud.ok("SetRulePriorities", swap);
    let rules = cloud.ok("DescribeRules", json!({"ListenerArn": listener}))["Rules"].clone();
    let order: Vec<&Value> = rules.as_array().unwrap().iter().map(|rule| &rule["RuleArn"]).collect();
    assert_eq!(order, [&json!(second), &json!(first), &default]);
    // The same listener again is the one that is there.
    assert_eq!(cloud.listener(&lb, 80, &blue), listener);
    // Deleting a load balancer takes listeners and rules along, and frees target groups.
    cloud.ok("DeleteLoadBalancer", json!({"LoadBalancerArn": lb}));
    cloud.ok("DeleteTargetGroup", json!({"TargetGroupArn": green}));
}

#[test]
fn forwards_read_back_as_aws_writes_them() {
    let mut cloud = Cloud::new();
    let (lb, blue, green) = (cloud.load_balancer("lb"), cloud.target_group("blue"), cloud.target_group("green"));
    let listener = cloud.listener(&lb, 80, &blue);
    let action = |cloud: &mut Cloud| {
        cloud.ok("DescribeListeners", json!({"ListenerArns": [listener]}))["Listeners"][0]["DefaultActions"][0].clone()
    };
    let one = action(&mut cloud);
    assert_eq!(one["TargetGroupArn"], blue);
    assert_eq!(one["ForwardConfig"]["TargetGroups"], json!([{"TargetGroupArn": blue, "Weight": 1}]));
    assert_eq!(one["ForwardConfig"]["TargetGroupStickinessConfig"]["Enabled"], false);
    assert_eq!(one["Order"], 1);
    // As after a deployment.
    let weights = [(green.clone(), 100), (blue.clone(), 0)];
    forward::set_weights(&mut cloud.cx(), &listener, &weights).unwrap();
    let two = action(&mut cloud);
    assert_eq!(two["TargetGroupArn"], Value::Null);
    assert_eq!(two["ForwardConfig"]["TargetGroups"][1]["Weight"], 0);
    assert_eq!(forward::weights(cloud.cx().elbv2(), &listener), weights);
    // By the default rule's ARN too, as ECS does.
    let default = cloud.cx().elbv2().listeners[&listener].default_rule_arn.clone();
    forward::set_weights(&mut cloud.cx(), &default, &weights[..1]).unwrap();
    assert_eq!(action(&mut cloud)["TargetGroupArn"], green);
    let rule = cloud.rule(&listener, 1, &blue);
    assert_eq!(forward::rules_to(cloud.cx().elbv2(), &listener, &[&blue]), [rule]);
    let read = cloud.ok("DescribeRules", json!({"ListenerArn": listener, "PageSize": "1"}));
    let condition = &read["Rules"][0]["Conditions"][0];
    assert_eq!((&condition["Values"], &condition["PathPatternConfig"]["Values"]), (&json!(["/1/*"]), &json!(["/1/*"])));
    assert!(read["NextMarker"].is_string());
    let of_lb = cloud.ok("DescribeTargetGroups", json!({"LoadBalancerArn": lb}));
    assert_eq!(of_lb["TargetGroups"].as_array().unwrap().len(), 2);
}

#[test]
fn health_follows_the_clock() {
    let mut cloud = Cloud::new();
    let group = cloud.target_group("tg");
    let register = json!({"TargetGroupArn": group, "Targets": [{"Id": "10.0.0.9"}]});
    cloud.ok("RegisterTargets", register.clone());
    let health = |cloud: &mut Cloud| target::health(&mut cloud.cx(), &group, "10.0.0.9", 80);
    assert_eq!(health(&mut cloud), Some(Health::Unused));
    let lb = cloud.load_balancer("lb");
    cloud.listener(&lb, 80, &group);
    assert_eq!(health(&mut cloud), Some(Health::Initial));
    // Checks begin when the load balancer is active, and five in a row must pass.
    cloud.wait(150 + 149);
    assert_eq!(health(&mut cloud), Some(Health::Initial));
    let at = target::settles_at(&mut cloud.cx(), &group, "10.0.0.9", 80).unwrap();
    assert_eq!(at.since(cloud.world.now), Duration::from_secs(1));
    cloud.wait(1);
    assert_eq!(health(&mut cloud), Some(Health::Healthy));
    assert_eq!(target::healthy(&mut cloud.cx(), &group), [("10.0.0.9".to_owned(), 80)]);
    // Two failures make it unhealthy.
    target::set_answers(&mut cloud.cx(), &group, "10.0.0.9", 80, false);
    cloud.wait(59);
    assert_eq!(health(&mut cloud), Some(Health::Healthy));
    cloud.wait(1);
    assert_eq!(health(&mut cloud), Some(Health::Unhealthy));
    target::set_answers(&mut cloud.cx(), &group, "10.0.0.9", 80, true);
    cloud.wait(150);
    assert_eq!(health(&mut cloud), Some(Health::Healthy));
    cloud.ok("DeregisterTargets", register);
    assert_eq!(health(&mut cloud), Some(Health::Draining));
    let read = cloud.ok("DescribeTargetHealth", json!({"TargetGroupArn": group}));
    assert_eq!(read["TargetHealthDescriptions"][0]["TargetHealth"]["Reason"], "Target.DeregistrationInProgress");
    cloud.wait(300);
    assert_eq!(health(&mut cloud), None);
}

#[test]
fn attributes_have_awss_defaults() {
    let mut cloud = Cloud::new();
    let (lb, group) = (cloud.load_balancer("lb"), cloud.target_group("tg"));
    let listener = cloud.listener(&lb, 80, &group);
    for (operation, input, key, want) in [
        ("DescribeLoadBalancerAttributes", json!({"LoadBalancerArn": lb}), "client_keep_alive.seconds", "3600"),
        (
            "DescribeTargetGroupAttributes",
            json!({"TargetGroupArn": group}),
            "deregistration_delay.timeout_seconds",
            "300",
        ),
        (
            "DescribeListenerAttributes",
            json!({"ListenerArn": listener}),
            "routing.http.response.server.enabled",
            "true",
        ),
    ] {
        let read = cloud.ok(operation, input);
        let value = read["Attributes"].as_array().unwrap().iter().find(|a| a["Key"] == key).map(|a| a["Value"].clone());
        assert_eq!(value, Some(json!(want)), "{operation}");
    }
}

#[test]
fn requests_are_routed_by_rules_and_weights() {
    let mut cloud = Cloud::new();
    let (lb, blue, green) = (cloud.load_balancer("lb"), cloud.target_group("blue"), cloud.target_group("green"));
    let listener = cloud.listener(&lb, 80, &blue);
    let conditions = json!([
        {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.example.com"]}},
        {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}},
    ]);
    let input = json!({
        "ListenerArn": listener, "Priority": "1", "Conditions": conditions,
        "Actions": [{"Type": "forward", "TargetGroupArn": green}],
    });
    cloud.ok("CreateRule", input);
    for (host, source, want) in [
        ("a.example.com:80", [10, 1, 2, 3], &green),
        ("A.Example.COM", [10, 1, 2, 3], &green),
        ("example.com", [10, 1, 2, 3], &blue),
        ("a.example.com", [11, 1, 2, 3], &blue),
    ] {
        let request =
            routing::Request { host, path: "/", method: "GET", query: &[], headers: &[], source: source.into() };
        let mut cx = cloud.cx();
        let actions = routing::actions(cx.elbv2(), &listener, &request).unwrap();
        assert_eq!(routing::pick(&actions[0], 0), Some(want.as_str()), "{host}");
    }
    forward::set_weights(&mut cloud.cx(), &listener, &[(green.clone(), 10), (blue.clone(), 90)]).unwrap();
    let mut cx = cloud.cx();
    let action = &cx.elbv2().listeners[&listener].actions[0];
    assert_eq!(routing::total(action), 100);
    let picked = |number| routing::pick(action, number).map(str::to_owned);
    assert_eq!((picked(9), picked(10), picked(100)), (Some(green), Some(blue), None));
}

//! Deployments, stage by stage, on a clock that the test moves.

mod ends;
pub(crate) mod practice;
mod refusals;
mod walk;

use serde_json::{Value, json};

use self::practice::{Practice, event_status, rule_groups, split, text};

const CANARY: &str = "CodeDeployDefault.ECSCanary10Percent5Minutes";
const LINEAR: &str = "CodeDeployDefault.ECSLinear10PercentEvery1Minutes";

fn names(target: &Value) -> Vec<(String, String)> {
    let events = target["lifecycleEvents"].as_array().unwrap();
    events.iter().map(|e| (text(&e["lifecycleEventName"]), text(&e["status"]))).collect()
}

#[test]
fn a_deployment_from_created_to_succeeded() {
    let mut p = Practice::new();
    assert_eq!(p.production(), [("blue".to_owned(), 1)]);
    let id = p.deploy("v2");
    let info = p.info(&id);
    assert_eq!((&info["status"], &info["creator"]), (&json!("Created"), &json!("user")));
    assert_eq!(
        p.refused("GetDeploymentTarget", json!({"deploymentId": id, "targetId": "c:web"})),
        "DeploymentNotStartedException"
    );

    p.until_event(&id, "Install");
    assert_eq!(p.info(&id)["status"], "InProgress");
    assert_eq!(p.production(), split("blue", 100, "green"), "green can be checked, and gets nothing");
    let set = p.service()["taskSets"][0].clone();
    assert_eq!(
        (&set["status"], &set["startedBy"], &set["externalId"]),
        (&json!("ACTIVE"), &json!("CODE_DEPLOY"), &json!(id))
    );
    assert_eq!(p.live(), ("v1".to_owned(), 2));

    p.until_status(&id, "Ready");
    assert_eq!(p.production(), split("blue", 100, "green"));
    assert_eq!(p.testing(), split("green", 100, "blue"));
    let target = p.target(&id);
    assert_eq!(target["status"], "Ready");
    let sets: Vec<_> = target["taskSetsInfo"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| {
            (
                text(&s["taskSetLabel"]),
                text(&s["status"]),
                s["trafficWeight"].as_f64().unwrap(),
                text(&s["targetGroup"]["name"]),
                s["runningCount"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        sets,
        [
            ("Blue".to_owned(), "PRIMARY".to_owned(), 100.0, "blue".to_owned(), 2),
            ("Green".to_owned(), "ACTIVE".to_owned(), 0.0, "green".to_owned(), 2),
        ]
    );
    assert_eq!(
        p.refused("ContinueDeployment", json!({"deploymentId": id, "deploymentWaitType": "TERMINATION_WAIT"})),
        "DeploymentIsNotInReadyStateException"
    );

    p.deploy_ok("ContinueDeployment", json!({"deploymentId": id, "deploymentWaitType": "READY_WAIT"}));
    assert_eq!(p.info(&id)["status"], "InProgress");
    assert_eq!(p.refused("ContinueDeployment", json!({"deploymentId": id})), "DeploymentIsNotInReadyStateException");
    p.until_waiting(&id);
    assert_eq!((p.production(), p.testing()), (split("green", 100, "blue"), split("green", 100, "blue")));
    assert_eq!(p.live(), ("v2".to_owned(), 2), "blue runs on");
    let (info, target) = (p.info(&id), p.target(&id));
    assert_eq!((&info["status"], &target["status"]), (&json!("InProgress"), &json!("Succeeded")));
    assert!(names(&target).iter().all(|(_, status)| status == "Succeeded"), "{target:#}");
    assert_eq!(names(&target).len(), 8);

    p.pass(290);
    assert_eq!(p.info(&id)["status"], "InProgress");
    p.until_status(&id, "Succeeded");
    p.pass(120);
    assert_eq!(p.live(), ("v2".to_owned(), 1));
    assert_eq!(p.healthy("blue"), 0);
    let group = p.deploy_ok("GetDeploymentGroup", json!({"applicationName": "app", "deploymentGroupName": "group"}));
    let group = &group["deploymentGroupInfo"];
    assert_eq!(
        (&group["lastSuccessfulDeployment"]["deploymentId"], &group["lastAttemptedDeployment"]["status"]),
        (&json!(id), &json!("Succeeded"))
    );
    let info = p.info(&id);
    assert_eq!(group["targetRevision"], info["revision"]);
    assert!(info["revision"]["appSpecContent"].get("content").is_none(), "{info:#}");
    let whole = p.deploy_ok("GetApplicationRevision", json!({"applicationName": "app", "revision": info["revision"]}));
    assert!(text(&whole["revision"]["appSpecContent"]["content"]).contains("AWS::ECS::Service"));
    assert_eq!(p.refused("StopDeployment", json!({"deploymentId": id})), "DeploymentAlreadyCompletedException");
    assert_eq!(p.refused("ContinueDeployment", json!({"deploymentId": id})), "DeploymentAlreadyCompletedException");
}

#[test]
fn the_sides_swap_with_every_deployment_and_history_is_kept() {
    let mut p = Practice::new();
    let (mut live, mut other) = ("blue", "green");
    let mut ids = Vec::new();
    for generation in 2..6 {
        let tag = format!("v{generation}");
        let id = p.deploy(&tag);
        p.until_status(&id, "Ready");
        p.restart();
        assert_eq!((p.production()[0].0.as_str(), p.testing()[0].0.as_str()), (live, other));
        p.deploy_ok("ContinueDeployment", json!({"deploymentId": id}));
        p.until_waiting(&id);
        p.restart();
        p.deploy_ok("ContinueDeployment", json!({"deploymentId": id, "deploymentWaitType": "TERMINATION_WAIT"}));
        assert_eq!(
            p.refused("StopDeployment", json!({"deploymentId": id})),
            "DeploymentAlreadyCompletedException",
            "blue is being deleted"
        );
        p.until_status(&id, "Succeeded");
        (live, other) = (other, live);
        assert_eq!(p.production(), split(live, 100, other));
        assert_eq!(p.live().0, tag);
        ids.insert(0, id);
    }
    let own = json!({"applicationName": "app", "deploymentGroupName": "group"});
    let listed = p.deploy_ok("ListDeployments", own.clone());
    assert_eq!(listed["deployments"], json!(ids), "newest first");
    let mut some = own;
    some["includeOnlyStatuses"] = json!(["Failed"]);
    assert_eq!(p.deploy_ok("ListDeployments", some)["deployments"], json!([]));
    let after = p.info(&ids[1])["createTime"].as_f64().unwrap();
    let later = p.deploy_ok("ListDeployments", json!({"createTimeRange": {"start": after}}));
    assert_eq!(later["deployments"], json!(ids[..2]));
    let batch = p.deploy_ok("BatchGetDeployments", json!({"deploymentIds": [ids[0], "d-NOTTHERE1"]}));
    assert_eq!(batch["deploymentsInfo"].as_array().unwrap().len(), 1);
    let previous = p.info(&ids[1])["revision"].clone();
    assert_eq!(p.info(&ids[0])["previousRevision"], previous);
    assert_eq!(
        p.deploy_ok("ListApplicationRevisions", json!({"applicationName": "app"}))["revisions"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
}

/// The weight of green at every change of it.
fn weights_until_shifted(p: &mut Practice, id: &str) -> Vec<(u64, f64)> {
    let begin = p.world.now;
    let mut seen: Vec<(u64, f64)> = Vec::new();
    for _ in 0..3600 {
        let green = p.production().iter().find(|(group, _)| group == "green").map_or(0, |(_, weight)| *weight);
        let told = p.target(id)["taskSetsInfo"][1]["trafficWeight"].as_f64().unwrap();
        assert_eq!(told, green as f64);
        if seen.last().is_none_or(|(last, _)| *last != green) {
            seen.push((green, (p.world.now.since(begin).as_secs_f64() / 60.0).floor()));
        }
        if green == 100 {
            return seen;
        }
        assert_eq!(p.live().0, "v1", "blue is PRIMARY until all is shifted");
        p.pass(1);
    }
    panic!("never shifted: {seen:?}");
}

#[test]
fn canary_and_linear_take_their_time_and_rules_follow() {
    for (config, expected) in [
        (CANARY, vec![(0, 0.0), (10, 0.0), (100, 5.0)]),
        (LINEAR, (0..11).map(|i| (i * 10, if i == 0 { 0.0 } else { (i - 1) as f64 })).collect()),
    ] {
        let mut p = Practice::new();
        let rule = p.elb(
            "CreateRule",
            json!({
                "ListenerArn": p.production, "Priority": 7, "Actions": [{"Type": "forward", "TargetGroupArn": p.blue}],
                "Conditions": [{"Field": "path-pattern", "Values": ["/api/*"]}],
            }),
        );
        let rule = rule["Rules"][0]["RuleArn"].clone();
        let id = p.deploy_with("v2", &json!({"deploymentConfigName": config}));
        p.until_status(&id, "Ready");
        p.deploy_ok("ContinueDeployment", json!({"deploymentId": id}));
        assert_eq!(weights_until_shifted(&mut p, &id), expected, "{config}");
        let found = p.elb("DescribeRules", json!({"RuleArns": [rule]}));
        assert_eq!(rule_groups(&found["Rules"][0]), split("green", 100, "blue"));
        p.until_waiting(&id);
        assert_eq!(p.live().0, "v2");
    }
}

#[test]
fn without_a_ready_wait_and_a_test_listener_there_are_six_events() {
    let mut p = Practice::new();
    let input = json!({
        "applicationName": "app", "currentDeploymentGroupName": "group",
        "loadBalancerInfo": {"targetGroupPairInfoList": [{
            "targetGroups": [{"name": "green"}, {"name": "blue"}], "prodTrafficRoute": {"listenerArns": [p.production]},
        }]},
        "blueGreenDeploymentConfiguration": {
            "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 0},
            "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT"},
        },
    });
    p.deploy_ok("UpdateDeploymentGroup", input);
    let id = p.deploy("v2");
    p.until_status(&id, "Succeeded");
    let target = p.target(&id);
    assert_eq!(names(&target).len(), 6);
    assert_eq!(event_status(&target, "AllowTestTraffic"), "");
    assert_eq!((p.production(), p.testing()), (split("green", 100, "blue"), vec![("blue".to_owned(), 1)]));
}

#[test]
fn where_nothing_takes_time_only_what_users_chose_is_waited_for() {
    let mut p = Practice::new();
    p.options = crate::Options::instant();
    let id = p.deploy_with("v2", &json!({"deploymentConfigName": CANARY}));
    assert_eq!(p.info(&id)["status"], "Ready");
    p.deploy_ok("ContinueDeployment", json!({"deploymentId": id}));
    assert_eq!(p.production(), split("blue", 90, "green"));
    p.pass(300);
    assert_eq!(
        (p.production(), &p.info(&id)["instanceTerminationWaitTimeStarted"]),
        (split("green", 100, "blue"), &json!(true))
    );
    p.deploy_ok("ContinueDeployment", json!({"deploymentId": id, "deploymentWaitType": "TERMINATION_WAIT"}));
    assert_eq!((p.info(&id)["status"].clone(), p.live()), (json!("Succeeded"), ("v2".to_owned(), 1)));
}

#[test]
fn what_an_appspec_overrides_reaches_the_service() {
    let mut p = Practice::new();
    let definition = p.register("v2");
    let yaml = format!(
        "version: 0.0\nResources:\n  - TargetService:\n      Type: AWS::ECS::Service\n      Properties:\n        TaskDefinition: \
         {definition}\n        LoadBalancerInfo: {{ContainerName: web, ContainerPort: 80}}\n        PlatformVersion: \
         1.3.0\n        NetworkConfiguration:\n          AwsvpcConfiguration:\n            Subnets: [{}]\n            \
         SecurityGroups: [{}]\n",
        p.subnets[1], p.group
    );
    let id = text(
        &p.deploy_ok(
            "CreateDeployment",
            json!({
                "applicationName": "app", "deploymentGroupName": "group", "description": "of YAML",
                "revision": {"revisionType": "String", "string": {"content": yaml}},
            }),
        )["deploymentId"],
    );
    p.until_status(&id, "Ready");
    p.deploy_ok("ContinueDeployment", json!({"deploymentId": id}));
    p.until_waiting(&id);
    let service = p.service();
    assert_eq!(service["networkConfiguration"]["awsvpcConfiguration"]["subnets"], json!([p.subnets[1]]));
    assert_eq!(service["platformVersion"], "1.3.0");
    let info = p.info(&id);
    assert_eq!((&info["description"], &info["revision"]["revisionType"]), (&json!("of YAML"), &json!("String")));
}

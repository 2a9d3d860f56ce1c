//! How deployments end that do not succeed: failed, stopped, rolled back, or left as they are.

use serde_json::{Value, json};

use super::CANARY;
use super::practice::{Practice, event_status, split, text};

/// Where a deployment can be when something happens to it.
const STAGES: &[&str] = &["Created", "Install", "Ready", "AllowTraffic", "TerminationWait"];

/// A canary deployment that has come so far.
fn at(p: &mut Practice, stage: &str) -> String {
    let id = p.deploy_with("v2", &json!({"deploymentConfigName": CANARY}));
    match stage {
        "Created" => {}
        "Install" => p.until_event(&id, "Install"),
        _ => p.until_status(&id, "Ready"),
    }
    if stage == "AllowTraffic" || stage == "TerminationWait" {
        p.deploy_ok("ContinueDeployment", json!({"deploymentId": id}));
        p.until_event(&id, "AllowTraffic");
    }
    if stage == "TerminationWait" {
        p.until_waiting(&id);
    }
    id
}

/// The rollback of a deployment, once it has succeeded.
fn rolled_back(p: &mut Practice, id: &str) -> Value {
    let info = p.info(id)["rollbackInfo"].clone();
    let back = text(&info["rollbackDeploymentId"]);
    p.until_status(&back, "Succeeded");
    let told = p.info(&back);
    assert_eq!(
        (&told["creator"], &told["rollbackInfo"]["rollbackTriggeringDeploymentId"]),
        (&json!("codeDeployRollback"), &json!(id))
    );
    p.pass(120);
    assert_eq!(p.live(), ("v1".to_owned(), 1), "only the original task set is left");
    assert_eq!((p.production(), p.testing()), (split("blue", 100, "green"), split("blue", 100, "green")));
    told
}

fn succeeds(p: &mut Practice, tag: &str) {
    let id = p.deploy(tag);
    p.until_status(&id, "Ready");
    p.deploy_ok("ContinueDeployment", json!({"deploymentId": id}));
    p.until_status(&id, "Succeeded");
    p.pass(120);
    assert_eq!(p.live(), (tag.to_owned(), 1));
}

#[test]
fn stopped_with_rollback_at_every_stage() {
    for stage in STAGES {
        let mut p = Practice::new();
        let id = at(&mut p, stage);
        let stop = json!({"deploymentId": id, "autoRollbackEnabled": true});
        assert_eq!(p.deploy_ok("StopDeployment", stop.clone())["status"], "Pending", "{stage}");
        p.restart();
        p.pass(10);
        assert_eq!(p.deploy_ok("StopDeployment", stop)["status"], "Succeeded");
        let info = p.info(&id);
        assert_eq!(
            (&info["status"], &info["errorInformation"]["code"]),
            (&json!("Stopped"), &json!("MANUAL_STOP")),
            "{stage}"
        );
        if *stage == "Created" {
            assert!(
                info["rollbackInfo"].get("rollbackDeploymentId").is_none(),
                "there is nothing to roll back: {info:#}"
            );
            assert_eq!(p.live(), ("v1".to_owned(), 1));
        } else {
            let back = rolled_back(&mut p, &id);
            assert!(back["revision"]["appSpecContent"]["sha256"].is_string(), "{back:#}");
        }
        succeeds(&mut p, "v3");
    }
}

#[test]
fn stopped_without_rollback_everything_stays_and_the_next_one_cleans_up() {
    for (stage, live, sets, production, testing) in [
        ("Created", "v1", 1, vec![("blue".to_owned(), 1)], vec![("blue".to_owned(), 1)]),
        ("Install", "v1", 2, split("blue", 100, "green"), vec![("blue".to_owned(), 1)]),
        ("Ready", "v1", 2, split("blue", 100, "green"), split("green", 100, "blue")),
        ("AllowTraffic", "v1", 2, split("blue", 90, "green"), split("green", 100, "blue")),
        ("TerminationWait", "v2", 2, split("green", 100, "blue"), split("green", 100, "blue")),
    ] {
        let mut p = Practice::new();
        let id = at(&mut p, stage);
        p.deploy_ok("StopDeployment", json!({"deploymentId": id, "autoRollbackEnabled": false}));
        p.pass(3600);
        let info = p.info(&id);
        assert_eq!((&info["status"], info.get("rollbackInfo")), (&json!("Stopped"), None), "{stage}");
        assert_eq!(p.live(), (live.to_owned(), sets), "{stage}");
        assert_eq!((p.production(), p.testing()), (production, testing), "{stage}");
        succeeds(&mut p, "v3");
    }
}

#[test]
fn ready_ends_by_itself() {
    let mut p = Practice::new();
    let id = at(&mut p, "Ready");
    p.pass(290);
    assert_eq!(p.info(&id)["status"], "Ready");
    p.pass(20);
    let info = p.info(&id);
    assert_eq!((&info["status"], &info["errorInformation"]["code"]), (&json!("Stopped"), &json!("TIMEOUT")));
    assert_eq!(
        (p.production(), p.live()),
        (split("blue", 100, "green"), ("v1".to_owned(), 2)),
        "no rollback was asked for"
    );

    let on_request = json!({"autoRollbackConfiguration": {"enabled": true, "events": ["DEPLOYMENT_STOP_ON_REQUEST"]}});
    let id = p.deploy_with("v2", &on_request);
    p.until_status(&id, "Ready");
    p.until_status(&id, "Stopped");
    rolled_back(&mut p, &id);
}

#[test]
fn a_stop_that_was_asked_for_comes_before_the_end_of_a_wait() {
    let mut p = Practice::new();
    let id = at(&mut p, "Ready");
    p.pass(297);
    while p.info(&id)["status"] == "Ready"
        && p.deploy_ok("StopDeployment", json!({"deploymentId": id, "autoRollbackEnabled": true}))["status"]
            == "Pending"
    {
        p.pass(1);
    }
    let info = p.info(&id);
    assert_eq!(
        (&info["status"], &info["errorInformation"]["code"]),
        (&json!("Stopped"), &json!("MANUAL_STOP")),
        "{info:#}"
    );
    rolled_back(&mut p, &id);
}

#[test]
fn an_image_that_is_never_healthy_fails_after_an_hour_and_is_rolled_back() {
    let mut p = Practice::new();
    let id = p.deploy("never-healthy");
    p.pass(3500);
    assert_eq!(p.info(&id)["status"], "InProgress");
    p.until_status(&id, "Failed");
    let (info, target) = (p.info(&id), p.target(&id));
    assert_eq!(info["errorInformation"]["code"], "TIMEOUT");
    assert_eq!(
        (event_status(&target, "Install"), event_status(&target, "AllowTraffic")),
        ("Failed".to_owned(), "Skipped".to_owned())
    );
    let diagnostics = &target["lifecycleEvents"][1]["diagnostics"];
    assert!(text(&diagnostics["logTail"]).contains("is unhealthy"), "{diagnostics:#}");
    assert_eq!(target["status"], "Failed");
    rolled_back(&mut p, &id);
}

#[test]
fn a_slow_start_succeeds_and_a_crash_does_not() {
    let mut p = Practice::new();
    let service = json!({"cluster": "c", "service": "web", "healthCheckGracePeriodSeconds": 120});
    p.ok("ecs", "UpdateService", service);
    let id = p.deploy("slow-start");
    p.until_event(&id, "Install");
    p.pass(70);
    assert_eq!(
        (p.info(&id)["status"].clone(), p.healthy("green")),
        (json!("InProgress"), 0),
        "it runs, and does not answer yet"
    );
    p.until_status(&id, "Ready");
    p.deploy_ok("ContinueDeployment", json!({"deploymentId": id}));
    p.until_status(&id, "Succeeded");

    // It is healthy for long enough to be let in, and then crashes: what all at once does with a broken image.
    p.guarded = false;
    let id = p.deploy("crash-v4");
    p.until_status(&id, "Ready");
    p.pass(60);
    let tasks = p.ok("ecs", "ListTasks", json!({"cluster": "c", "desiredStatus": "STOPPED"}))["taskArns"].clone();
    let tasks = p.ok("ecs", "DescribeTasks", json!({"cluster": "c", "tasks": tasks}))["tasks"].clone();
    let crashed = tasks.as_array().unwrap().iter().find(|t| t["stopCode"] == "EssentialContainerExited").unwrap();
    assert_eq!(crashed["containers"][0]["exitCode"], 1);
}

#[test]
fn a_task_definition_that_is_gone_or_has_no_such_container_fails_at_once() {
    let mut p = Practice::new();
    let mut request = p.request("v2");
    let content = text(&request["revision"]["appSpecContent"]["content"]);
    for (from, to, said) in [
        ("\"web\"", "\"other\"", "does not exist in the task definition"),
        ("web:2", "web:99", "TaskDefinition not found"),
    ] {
        request["revision"]["appSpecContent"]["content"] = content.replace(from, to).into();
        let id = text(&p.deploy_ok("CreateDeployment", request.clone())["deploymentId"]);
        p.until_status(&id, "Failed");
        let info = p.info(&id);
        assert_eq!(info["errorInformation"]["code"], "ECS_UPDATE_ERROR");
        assert!(text(&info["errorInformation"]["message"]).contains(said), "{info:#}");
        p.pass(60);
        assert_eq!(p.live().0, "v1");
    }
}

#[test]
fn an_alarm_stops_and_rolls_back() {
    let mut p = Practice::new();
    let alarm = json!({
        "AlarmName": "errors", "MetricName": "5xx", "Namespace": "n", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold", "Statistic": "Sum",
    });
    p.ok("monitoring", "PutMetricAlarm", alarm);
    let group = json!({
        "applicationName": "app", "currentDeploymentGroupName": "group",
        "alarmConfiguration": {"enabled": true, "alarms": [{"name": "errors"}]},
    });
    p.deploy_ok("UpdateDeploymentGroup", group);
    for stage in ["Install", "AllowTraffic", "TerminationWait"] {
        let set = |state: &str| json!({"AlarmName": "errors", "StateValue": state, "StateReason": "a test"});
        let id = at(&mut p, stage);
        p.ok("monitoring", "SetAlarmState", set("ALARM"));
        p.pass(11);
        let info = p.info(&id);
        assert_eq!(
            (&info["status"], &info["errorInformation"]["code"]),
            (&json!("Stopped"), &json!("ALARM_ACTIVE")),
            "{stage}"
        );
        rolled_back(&mut p, &id);
        let id = p.deploy("v2");
        p.pass(5);
        assert_eq!(
            p.info(&id)["errorInformation"]["code"],
            "ALARM_ACTIVE",
            "one that rings already lets nothing begin"
        );
        p.ok("monitoring", "SetAlarmState", set("OK"));
    }
    p.ok("monitoring", "DeleteAlarms", json!({"AlarmNames": ["errors"]}));
    let id = p.deploy("v2");
    p.until_status(&id, "Failed");
    assert_eq!(p.info(&id)["errorInformation"]["code"], "CODEDEPLOY_RESOURCE_CANNOT_BE_FOUND");
    let patient = json!({"overrideAlarmConfiguration": {"enabled": true, "ignorePollAlarmFailure": true, "alarms": [{"name": "errors"}]}});
    let id = p.deploy_with("v2", &patient);
    p.until_status(&id, "Ready");
}

#[test]
fn a_hook_fails_where_it_stands() {
    for (event, back) in [("BeforeInstall", false), ("AfterInstall", true), ("AfterAllowTestTraffic", true)] {
        let mut p = Practice::new();
        let mut request = p.request("v2");
        let mut spec: Value = serde_json::from_str(&text(&request["revision"]["appSpecContent"]["content"])).unwrap();
        spec["Hooks"] = json!([{event: "check"}]);
        request["revision"]["appSpecContent"]["content"] = spec.to_string().into();
        let id = text(&p.deploy_ok("CreateDeployment", request)["deploymentId"]);
        p.until_status(&id, "Failed");
        let (info, target) = (p.info(&id), p.target(&id));
        assert_eq!(info["errorInformation"]["code"], "HOOK_EXECUTION_FAILURE");
        assert_eq!(event_status(&target, event), "Failed");
        if back {
            rolled_back(&mut p, &id);
        } else {
            assert!(info["rollbackInfo"].get("rollbackDeploymentId").is_none());
        }
    }
}

#[test]
fn what_the_service_role_must_allow() {
    let all = [
        "ecs:DescribeServices",
        "ecs:CreateTaskSet",
        "ecs:UpdateServicePrimaryTaskSet",
        "ecs:DeleteTaskSet",
        "elasticloadbalancing:ModifyListener",
        "iam:PassRole",
    ];
    for denied in all {
        let mut p = Practice::new();
        let policy =
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": denied, "Resource": "*"}]});
        p.ok(
            "iam",
            "PutRolePolicy",
            json!({"RoleName": "deploy", "PolicyName": "deny", "PolicyDocument": policy.to_string()}),
        );
        let id = p.deploy("v2");
        p.until(&id, |info, _| info["status"] == "Ready" || info["status"] == "Failed");
        if p.info(&id)["status"] == "Ready" {
            p.deploy_ok("ContinueDeployment", json!({"deploymentId": id}));
        }
        p.until_status(&id, "Failed");
        let info = p.info(&id);
        assert_eq!(info["errorInformation"]["code"], "IAM_ROLE_PERMISSIONS", "{denied}");
        assert!(text(&info["errorInformation"]["message"]).contains(denied), "{info:#}");
        p.pass(600);
    }
    let mut p = Practice::new();
    p.ok(
        "iam",
        "DetachRolePolicy",
        json!({"RoleName": "deploy", "PolicyArn": "arn:aws:iam::aws:policy/AWSCodeDeployRoleForECS"}),
    );
    p.ok("iam", "DeleteRole", json!({"RoleName": "deploy"}));
    let id = p.deploy("v2");
    p.until_status(&id, "Failed");
    assert_eq!(p.info(&id)["errorInformation"]["code"], "IAM_ROLE_MISSING");
}

#[test]
fn what_is_deleted_under_a_deployment() {
    for stage in ["Install", "AllowTraffic"] {
        let mut p = Practice::new();
        let id = at(&mut p, stage);
        p.ok("ecs", "DeleteService", json!({"cluster": "c", "service": "web", "force": true}));
        p.guarded = false;
        p.pass(400);
        let info = p.info(&id);
        assert_eq!(
            (&info["status"], &info["errorInformation"]["code"]),
            (&json!("Failed"), &json!("INVALID_ECS_SERVICE"))
        );
        assert!(info["rollbackInfo"].get("rollbackDeploymentId").is_none(), "{info:#}");

        let mut p = Practice::new();
        let id = at(&mut p, stage);
        let before = p.production();
        p.deploy_ok("DeleteDeploymentGroup", json!({"applicationName": "app", "deploymentGroupName": "group"}));
        p.pass(400);
        let info = p.info(&id);
        assert_eq!(
            (&info["status"], &info["errorInformation"]["code"]),
            (&json!("Failed"), &json!("DEPLOYMENT_GROUP_MISSING"))
        );
        assert_eq!(p.production(), before, "everything is left as it is");

        let mut p = Practice::new();
        let id = at(&mut p, stage);
        p.deploy_ok("DeleteApplication", json!({"applicationName": "app"}));
        p.pass(400);
        assert_eq!(p.refused("GetDeployment", json!({"deploymentId": id})), "DeploymentDoesNotExistException");
    }
    let mut p = Practice::new();
    let id = at(&mut p, "Ready");
    let refused = p.perform("ecs", "DeleteService", json!({"cluster": "c", "service": "web"})).unwrap_err();
    assert_eq!(refused.code, "InvalidParameterException");
    let listener = p.production.clone();
    p.guarded = false;
    p.elb("DeleteListener", json!({"ListenerArn": listener}));
    p.deploy_ok("ContinueDeployment", json!({"deploymentId": id}));
    p.until_status(&id, "Failed");
    assert_eq!(p.info(&id)["errorInformation"]["code"], "ELASTIC_LOAD_BALANCING_INVALID");
}

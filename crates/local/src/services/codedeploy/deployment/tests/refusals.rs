//! What is refused before a deployment exists, or of one that does.

use serde_json::json;

use super::practice::{Practice, text};

#[test]
fn what_create_deployment_refuses() {
    let mut p = Practice::new();
    let good = p.request("v2");
    let content = text(&good["revision"]["appSpecContent"]["content"]);
    let long = "x".repeat(257);
    for (member, value, code) in [
        ("applicationName", json!(null), "ApplicationNameRequiredException"),
        ("applicationName", json!("no/good"), "InvalidApplicationNameException"),
        ("applicationName", json!("other"), "ApplicationDoesNotExistException"),
        ("deploymentGroupName", json!(null), "DeploymentGroupNameRequiredException"),
        ("deploymentGroupName", json!("other"), "DeploymentGroupDoesNotExistException"),
        ("deploymentConfigName", json!("other"), "DeploymentConfigDoesNotExistException"),
        ("deploymentConfigName", json!("CodeDeployDefault.OneAtATime"), "InvalidDeploymentConfigNameException"),
        ("description", json!(long), "DescriptionTooLongException"),
        ("fileExistsBehavior", json!("MERGE"), "InvalidFileExistsBehaviorException"),
        ("targetInstances", json!({"autoScalingGroups": ["x"]}), "InvalidTargetInstancesException"),
        ("autoRollbackConfiguration", json!({"enabled": true}), "InvalidAutoRollbackConfigException"),
        ("overrideAlarmConfiguration", json!({"enabled": true}), "InvalidAlarmConfigException"),
        ("revision", json!(null), "RevisionRequiredException"),
        ("revision", json!({"revisionType": "S3", "s3Location": {"bucket": "b"}}), "InvalidRevisionException"),
        ("revision", json!({"revisionType": "AppSpecContent"}), "InvalidRevisionException"),
        (
            "revision",
            json!({"revisionType": "AppSpecContent", "appSpecContent": {"content": "{}"}}),
            "InvalidRevisionException",
        ),
        (
            "revision",
            json!({"revisionType": "AppSpecContent", "appSpecContent": {"content": content, "sha256": "00"}}),
            "InvalidRevisionException",
        ),
        (
            "revision",
            json!({"revisionType": "AppSpecContent", "appSpecContent": {"sha256": "00"}}),
            "RevisionDoesNotExistException",
        ),
    ] {
        let mut request = good.clone();
        request[member] = value;
        assert_eq!(p.refused("CreateDeployment", request.clone()), code, "{request}");
    }
    let id = text(&p.deploy_ok("CreateDeployment", good.clone())["deploymentId"]);
    let again = p.perform("codedeploy", "CreateDeployment", good.clone()).unwrap_err();
    assert_eq!(again.code, "DeploymentLimitExceededException");
    assert_eq!(again.message, format!("The Deployment Group 'group' already has an active Deployment '{id}'"));
    p.until_waiting_with_ready(&id);
    assert_eq!(
        p.refused("CreateDeployment", good),
        "DeploymentLimitExceededException",
        "the termination wait is part of it"
    );
}

impl Practice {
    fn until_waiting_with_ready(&mut self, id: &str) {
        self.until_status(id, "Ready");
        self.deploy_ok("ContinueDeployment", json!({"deploymentId": id}));
        self.until_waiting(id);
    }
}

#[test]
fn what_is_refused_of_a_deployment() {
    let mut p = Practice::new();
    let id = p.deploy("v2");
    for operation in ["GetDeployment", "StopDeployment", "ContinueDeployment", "ListDeploymentTargets"] {
        assert_eq!(p.refused(operation, json!({})), "DeploymentIdRequiredException", "{operation}");
        assert_eq!(p.refused(operation, json!({"deploymentId": "x"})), "InvalidDeploymentIdException", "{operation}");
        assert_eq!(
            p.refused(operation, json!({"deploymentId": "d-ABCDEFGH1"})),
            "DeploymentDoesNotExistException",
            "{operation}"
        );
    }
    assert_eq!(p.refused("ListDeploymentTargets", json!({"deploymentId": id})), "DeploymentNotStartedException");
    p.pass(10);
    assert_eq!(p.deploy_ok("ListDeploymentTargets", json!({"deploymentId": id})), json!({"targetIds": ["c:web"]}));
    let filtered = json!({"deploymentId": id, "targetFilters": {"TargetStatus": ["Failed"]}});
    assert_eq!(p.deploy_ok("ListDeploymentTargets", filtered)["targetIds"], json!([]));
    let target = |t: &str| json!({"deploymentId": id, "targetId": t});
    assert_eq!(p.refused("GetDeploymentTarget", json!({"deploymentId": id})), "DeploymentTargetIdRequiredException");
    assert_eq!(p.refused("GetDeploymentTarget", target("web")), "InvalidDeploymentTargetIdException");
    assert_eq!(p.refused("GetDeploymentTarget", target("c:other")), "DeploymentTargetDoesNotExistException");
    let both = p.deploy_ok("BatchGetDeploymentTargets", json!({"deploymentId": id, "targetIds": ["c:web"]}));
    assert_eq!(both["deploymentTargets"][0]["deploymentTargetType"], "ECSTarget");
    assert_eq!(
        p.refused("ContinueDeployment", json!({"deploymentId": id, "deploymentWaitType": "X"})),
        "InvalidDeploymentWaitTypeException"
    );
    let wrong = json!({"applicationName": "app", "deploymentGroupName": "group", "includeOnlyStatuses": ["Done"]});
    assert_eq!(p.refused("ListDeployments", wrong), "InvalidDeploymentStatusException");
    assert_eq!(
        p.refused("ListDeployments", json!({"createTimeRange": {"start": 2.0, "end": 1.0}})),
        "InvalidTimeRangeException"
    );
}

#[test]
fn revisions_are_registered_listed_and_used_by_their_hash() {
    let mut p = Practice::new();
    let revision = p.request("v2")["revision"].clone();
    let input = json!({"applicationName": "app", "revision": revision, "description": "first"});
    p.deploy_ok("RegisterApplicationRevision", input);
    let listed = p.deploy_ok("ListApplicationRevisions", json!({"applicationName": "app"}))["revisions"].clone();
    let known = listed[0].clone();
    assert!(known["appSpecContent"].get("content").is_none());
    let info = p.deploy_ok("GetApplicationRevision", json!({"applicationName": "app", "revision": known}));
    assert_eq!(info["revisionInfo"]["description"], "first");
    assert!(info["revisionInfo"].get("lastUsedTime").is_none());
    let request = json!({"applicationName": "app", "deploymentGroupName": "group", "revision": known});
    let id = text(&p.deploy_ok("CreateDeployment", request)["deploymentId"]);
    p.until_status(&id, "Ready");
    let batch = p.deploy_ok("BatchGetApplicationRevisions", json!({"applicationName": "app", "revisions": [known]}));
    assert_eq!(batch["revisions"][0]["genericRevisionInfo"]["deploymentGroups"], json!(["group"]));
    let unused = p.deploy_ok("ListApplicationRevisions", json!({"applicationName": "app", "deployed": "exclude"}));
    assert_eq!(unused["revisions"], json!([]));
    assert_eq!(
        p.refused("ListApplicationRevisions", json!({"applicationName": "app", "sortOrder": "x"})),
        "InvalidSortOrderException"
    );
}

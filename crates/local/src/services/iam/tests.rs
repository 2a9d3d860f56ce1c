//! What IAM refuses, what it keeps, and what it allows.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::options::Options;
use crate::world::World;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}"#;

struct Cloud {
    options: Options,
    world: World,
}

impl Cloud {
    fn new() -> Self {
        let options = Options::manual();
        Cloud { world: World::new(&options, crate::clock::Time(1_000_000)), options }
    }

    fn cx(&mut self) -> Cx<'_> {
        Cx::new(&mut self.world, &self.options, &SERVICE, "ap-northeast-1".to_owned())
    }

    fn call(&mut self, operation: &str, input: Value) -> Result {
        let mut cx = self.cx();
        cx.operation = operation.to_owned();
        handler(operation).unwrap()(&mut cx, input)
    }

    fn code(&mut self, operation: &str, input: Value) -> (u16, String, String) {
        self.call(operation, input).map_err(|e| (e.status, e.code, e.message)).expect_err(operation)
    }

    fn wait(&mut self, seconds: u64) {
        let to = self.world.now + Duration::from_secs(seconds);
        self.world.advance(&self.options, to);
    }

    fn role(&mut self, name: &str) -> String {
        let input = json!({"RoleName": name, "AssumeRolePolicyDocument": TRUST});
        let answer = self.call("CreateRole", input).unwrap();
        answer["Role"]["Arn"].as_str().unwrap().to_owned()
    }

    fn policy(&mut self, name: &str) -> String {
        let answer = self.call("CreatePolicy", json!({"PolicyName": name, "PolicyDocument": POLICY})).unwrap();
        answer["Policy"]["Arn"].as_str().unwrap().to_owned()
    }
}

#[test]
fn documents_that_are_refused() {
    let mut cloud = Cloud::new();
    cloud.role("r");
    let statement = |text: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{text}]}}"#);
    for (document, want) in [
        ("not json".to_owned(), "Syntax errors in policy."),
        ("[]".to_owned(), "Syntax errors in policy."),
        (r#"{"Version":"2012-10-17"}"#.to_owned(), "Syntax errors in policy."),
        (statement(""), "Syntax errors in policy."),
        (statement(r#"{"Effect":"Permit","Action":"s3:*","Resource":"*"}"#), "Syntax errors in policy."),
        (statement(r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Extra":1}"#), "Syntax errors in policy."),
        (
            statement(r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Nope":{"a":"b"}}}"#),
            "Syntax errors in policy.",
        ),
        (POLICY.replace("2012-10-17", "2008-10-17"), "Policy document must be version 2012-10-17 or greater."),
        (statement(r#"{"Effect":"Allow","Resource":"*"}"#), "Policy statement must contain actions."),
        (statement(r#"{"Effect":"Allow","Action":"s3:*"}"#), "Policy statement must contain resources."),
        (
            statement(r#"{"Effect":"Allow","Action":"s3","Resource":"*"}"#),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (
            statement(r#"{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}"#),
            "Resource bucket must be in ARN format or \"*\".",
        ),
        (
            statement(r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*"}"#),
            "Policy document should not specify a principal.",
        ),
        (
            statement(
                r#"{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"},{"Sid":"a","Effect":"Deny","Action":"s3:*","Resource":"*"}"#,
            ),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
    ] {
        let input = json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": document});
        let (status, code, message) = cloud.code("PutRolePolicy", input);
        assert_eq!((status, code.as_str(), message.as_str()), (400, "MalformedPolicyDocument", want), "{document}");
    }
}

#[test]
fn trust_policies_that_are_refused() {
    let mut cloud = Cloud::new();
    let fresh = cloud.role("fresh");
    for (change, want) in [
        (("\"Action\"", "\"Resource\":\"*\",\"Action\""), "Has prohibited field Resource.".to_owned()),
        (("sts:AssumeRole", "s3:GetObject"), "AssumeRole policy may only specify STS AssumeRole actions.".to_owned()),
        (
            ("ecs-tasks.amazonaws.com", "ecs-task.amazonaws.com"),
            "Invalid principal in policy: \"SERVICE\":\"ecs-task.amazonaws.com\"".to_owned(),
        ),
        (
            (r#""Service":"ecs-tasks.amazonaws.com""#, r#""AWS":"arn:aws:iam::123456789012:role/none""#),
            "Invalid principal in policy: \"AWS\":\"arn:aws:iam::123456789012:role/none\"".to_owned(),
        ),
        // A role that was made just now is not known as a principal yet.
        (
            (r#""Service":"ecs-tasks.amazonaws.com""#, r#""AWS":"arn:aws:iam::123456789012:role/fresh""#),
            format!("Invalid principal in policy: \"AWS\":\"{fresh}\""),
        ),
    ] {
        let trust = TRUST.replace(change.0, change.1);
        let input = json!({"RoleName": "r", "AssumeRolePolicyDocument": trust});
        let (_, code, message) = cloud.code("CreateRole", input);
        assert_eq!((code.as_str(), message), ("MalformedPolicyDocument", want), "{trust}");
    }
    cloud.wait(8);
    let trust = TRUST.replace(r#""Service":"ecs-tasks.amazonaws.com""#, &format!(r#""AWS":"{fresh}""#));
    cloud.call("CreateRole", json!({"RoleName": "r", "AssumeRolePolicyDocument": trust})).unwrap();
    // The principal of a deleted role turns into its id, for good.
    cloud.call("DeleteRole", json!({"RoleName": "fresh"})).unwrap();
    let read = cloud.call("GetRole", json!({"RoleName": "r"})).unwrap();
    let read = read["Role"]["AssumeRolePolicyDocument"].as_str().unwrap().to_owned();
    assert!(read.contains("AROA") && !read.contains("fresh"), "{read}");
}

#[test]
fn refusals() {
    let mut cloud = Cloud::new();
    let arn = cloud.policy("p");
    cloud.role("Role");
    cloud.call("AttachRolePolicy", json!({"RoleName": "Role", "PolicyArn": arn})).unwrap();
    cloud.call("PutRolePolicy", json!({"RoleName": "Role", "PolicyName": "i", "PolicyDocument": POLICY})).unwrap();
    for number in 2..=5 {
        let input = json!({"PolicyArn": arn, "PolicyDocument": POLICY, "SetAsDefault": number == 3});
        cloud.call("CreatePolicyVersion", input).unwrap();
    }
    for name in [
        "AdministratorAccess",
        "PowerUserAccess",
        "ReadOnlyAccess",
        "IAMFullAccess",
        "AmazonSQSFullAccess",
        "AmazonSNSFullAccess",
        "AmazonS3FullAccess",
        "AmazonVPCFullAccess",
        "CloudWatchFullAccess",
    ] {
        let input = json!({"RoleName": "Role", "PolicyArn": format!("arn:aws:iam::aws:policy/{name}")});
        cloud.call("AttachRolePolicy", input).unwrap();
    }
    let aws = |name: &str| format!("arn:aws:iam::aws:policy/{name}");
    for (operation, input, status, code) in [
        ("CreateRole", json!({"RoleName": "rOLE", "AssumeRolePolicyDocument": TRUST}), 409, "EntityAlreadyExists"),
        ("CreateRole", json!({"RoleName": "a b", "AssumeRolePolicyDocument": TRUST}), 400, "ValidationError"),
        ("CreateRole", json!({"RoleName": "a".repeat(65), "AssumeRolePolicyDocument": TRUST}), 400, "ValidationError"),
        ("CreateRole", json!({"RoleName": "a"}), 400, "ValidationError"),
        (
            "CreateRole",
            json!({"RoleName": "a", "AssumeRolePolicyDocument": TRUST, "MaxSessionDuration": "60"}),
            400,
            "ValidationError",
        ),
        (
            "CreateRole",
            json!({"RoleName": "a", "AssumeRolePolicyDocument": TRUST, "Tags": [{"Key": "aws:x", "Value": "1"}]}),
            400,
            "InvalidInput",
        ),
        (
            "CreateRole",
            json!({"RoleName": "a", "AssumeRolePolicyDocument": TRUST, "Tags": [{"Key": "x"}, {"Key": "X"}]}),
            400,
            "InvalidInput",
        ),
        ("GetRole", json!({"RoleName": "none"}), 404, "NoSuchEntity"),
        ("GetRolePolicy", json!({"RoleName": "Role", "PolicyName": "none"}), 404, "NoSuchEntity"),
        ("DeleteRolePolicy", json!({"RoleName": "Role", "PolicyName": "none"}), 404, "NoSuchEntity"),
        ("AttachRolePolicy", json!({"RoleName": "Role", "PolicyArn": aws("NoSuchPolicy")}), 404, "NoSuchEntity"),
        (
            "AttachRolePolicy",
            json!({"RoleName": "Role", "PolicyArn": aws("AmazonSSMReadOnlyAccess")}),
            409,
            "LimitExceeded",
        ),
        ("AttachRolePolicy", json!({"RoleName": "Role", "PolicyArn": "x"}), 400, "ValidationError"),
        (
            "AttachRolePolicy",
            json!({"RoleName": "Role", "PolicyArn": aws("aws-service-role/AmazonECSServiceRolePolicy")}),
            400,
            "PolicyNotAttachable",
        ),
        ("DetachRolePolicy", json!({"RoleName": "Role", "PolicyArn": aws("AmazonSSMFullAccess")}), 404, "NoSuchEntity"),
        ("DeleteRole", json!({"RoleName": "Role"}), 409, "DeleteConflict"),
        ("DeletePolicy", json!({"PolicyArn": arn}), 409, "DeleteConflict"),
        ("CreatePolicy", json!({"PolicyName": "P", "PolicyDocument": POLICY}), 409, "EntityAlreadyExists"),
        ("CreatePolicyVersion", json!({"PolicyArn": arn, "PolicyDocument": POLICY}), 409, "LimitExceeded"),
        ("DeletePolicyVersion", json!({"PolicyArn": arn, "VersionId": "v3"}), 409, "DeleteConflict"),
        ("DeletePolicyVersion", json!({"PolicyArn": arn, "VersionId": "v9"}), 404, "NoSuchEntity"),
        ("GetPolicy", json!({"PolicyArn": format!("{arn}x")}), 404, "NoSuchEntity"),
        ("DeletePolicy", json!({"PolicyArn": aws("AdministratorAccess")}), 403, "AccessDenied"),
        ("DeleteRolePermissionsBoundary", json!({"RoleName": "Role"}), 404, "NoSuchEntity"),
        (
            "PutRolePermissionsBoundary",
            json!({"RoleName": "Role", "PermissionsBoundary": format!("{arn}x")}),
            404,
            "NoSuchEntity",
        ),
        ("ListRoles", json!({"MaxItems": "0"}), 400, "ValidationError"),
        ("ListRoles", json!({"Marker": "junk"}), 400, "ValidationError"),
        ("CreateServiceLinkedRole", json!({"AWSServiceName": "x.amazonaws.com"}), 400, "InvalidInput"),
    ] {
        let (got_status, got, message) = cloud.code(operation, input.clone());
        assert_eq!((got_status, got.as_str()), (status, code), "{operation} {input}: {message}");
    }
    let input = json!({"AWSServiceName": "ecs.amazonaws.com"});
    cloud.call("CreateServiceLinkedRole", input).unwrap();
    assert_eq!(cloud.code("DeleteRole", json!({"RoleName": "AWSServiceRoleForECS"})).1, "UnmodifiableEntity");
}

#[test]
fn a_fresh_role_cannot_be_assumed() {
    let mut cloud = Cloud::new();
    let arn = cloud.role("r");
    let service = "ecs-tasks.amazonaws.com";
    assert_eq!(assumable(&cloud.cx(), &arn, service), Err(WhyNot::Fresh));
    assert_eq!(assumable(&cloud.cx(), "arn:aws:iam::123456789012:role/none", service), Err(WhyNot::Missing));
    cloud.wait(8);
    assert_eq!(assumable(&cloud.cx(), &arn, service), Ok(()));
    assert_eq!(assumable(&cloud.cx(), &arn, "codedeploy.amazonaws.com"), Err(WhyNot::Untrusted));
    // A change of trust needs its time too, both ways.
    let trust = TRUST.replace("ecs-tasks", "codedeploy");
    cloud.call("UpdateAssumeRolePolicy", json!({"RoleName": "r", "PolicyDocument": trust})).unwrap();
    assert_eq!(assumable(&cloud.cx(), &arn, service), Ok(()));
    assert_eq!(assumable(&cloud.cx(), &arn, "codedeploy.amazonaws.com"), Err(WhyNot::Fresh));
    cloud.wait(8);
    assert_eq!(assumable(&cloud.cx(), &arn, service), Err(WhyNot::Untrusted));
    assert_eq!(assumable(&cloud.cx(), &arn, "codedeploy.amazonaws.com"), Ok(()));
}

#[test]
fn evaluation() {
    let mut cloud = Cloud::new();
    let arn = cloud.role("r");
    let limited = "arn:aws:iam::aws:policy/AWSCodeDeployRoleForECSLimited";
    cloud.call("AttachRolePolicy", json!({"RoleName": "r", "PolicyArn": limited})).unwrap();
    let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"ECS:delete*","Resource":"*"}}"#;
    cloud.call("PutRolePolicy", json!({"RoleName": "r", "PolicyName": "d", "PolicyDocument": deny})).unwrap();
    let tasks: &[(&str, &str)] = &[("iam:PassedToService", "ecs-tasks.amazonaws.com")];
    let cx = cloud.cx();
    for (action, resource, context, want) in [
        ("ecs:CreateTaskSet", "*", &[][..], true),
        ("ecs:DeleteTaskSet", "*", &[], false),
        ("ecs:CreateService", "*", &[], false),
        ("iam:PassRole", "arn:aws:iam::1:role/ecsTaskExecutionRole", tasks, true),
        ("iam:PassRole", "arn:aws:iam::1:role/ecsTaskExecutionRole", &[], false),
        ("iam:PassRole", "arn:aws:iam::1:role/other", tasks, false),
    ] {
        assert_eq!(allows(&cx, &arn, action, resource, context), want, "{action} {resource}");
    }
    // A boundary bounds.
    let input = json!({"RoleName": "r", "PermissionsBoundary": "arn:aws:iam::aws:policy/AmazonSQSFullAccess"});
    cloud.call("PutRolePermissionsBoundary", input).unwrap();
    assert!(!allows(&cloud.cx(), &arn, "ecs:CreateTaskSet", "*", &[]));
}

#[test]
fn all_managed_policies_are_valid() {
    for policy in managed::ALL {
        document::check_identity(&policy.document()).unwrap_or_else(|e| panic!("{}: {}", policy.name, e.message));
        assert_eq!(managed::by_arn(&policy.arn()).map(|p| p.name), Some(policy.name));
    }
}

#[test]
fn the_account_in_pages() {
    let mut cloud = Cloud::new();
    for name in ["a", "b", "c"] {
        cloud.role(name);
    }
    cloud.policy("p");
    let (mut roles, mut policies, mut marker) = (Vec::new(), 0, Value::Null);
    loop {
        let input = json!({"Filter": ["Role", "LocalManagedPolicy"], "MaxItems": "2", "Marker": marker});
        let page = cloud.call("GetAccountAuthorizationDetails", input).unwrap();
        roles.extend(page["RoleDetailList"].as_array().unwrap().iter().map(|r| r["RoleName"].clone()));
        policies += page["Policies"].as_array().unwrap().len();
        marker = page["Marker"].clone();
        if page["IsTruncated"] == false {
            break;
        }
    }
    assert_eq!((roles, policies), (vec![json!("a"), json!("b"), json!("c")], 1));
}

/// A user that a pipeline signs with: everything that hangs on it goes first, and the policy says who has it.
#[test]
fn users_and_groups() {
    let mut cloud = Cloud::new();
    let arn = cloud.policy("p");
    cloud.role("r");
    let user = cloud.call("CreateUser", json!({"UserName": "ci", "Path": "/robots/"})).unwrap();
    assert_eq!(user["User"]["Arn"], "arn:aws:iam::123456789012:user/robots/ci");
    for taken in ["CI", "local"] {
        assert_eq!(cloud.code("CreateUser", json!({"UserName": taken})).1, "EntityAlreadyExists");
    }
    cloud.call("CreateGroup", json!({"GroupName": "g"})).unwrap();
    cloud.call("AddUserToGroup", json!({"GroupName": "g", "UserName": "ci"})).unwrap();
    for (operation, holder, name) in [
        ("AttachUserPolicy", "UserName", "ci"),
        ("AttachGroupPolicy", "GroupName", "g"),
        ("AttachRolePolicy", "RoleName", "r"),
    ] {
        cloud.call(operation, json!({holder: name, "PolicyArn": arn})).unwrap();
    }
    let mut said = Vec::new();
    let mut marker = Value::Null;
    loop {
        let mut input = json!({"PolicyArn": arn, "MaxItems": 1});
        if !marker.is_null() {
            input["Marker"] = marker;
        }
        let page = cloud.call("ListEntitiesForPolicy", input).unwrap();
        for (list, name) in [("PolicyGroups", "GroupName"), ("PolicyRoles", "RoleName"), ("PolicyUsers", "UserName")] {
            said.extend(page[list].as_array().unwrap().iter().map(|entity| entity[name].clone()));
        }
        marker = page["Marker"].clone();
        if marker.is_null() {
            break;
        }
    }
    assert_eq!(said, ["g", "r", "ci"]);
    assert_eq!(cloud.code("DeletePolicy", json!({"PolicyArn": arn})).1, "DeleteConflict");

    let key = cloud.call("CreateAccessKey", json!({"UserName": "ci"})).unwrap()["AccessKey"]["AccessKeyId"].clone();
    cloud.call("CreateAccessKey", json!({"UserName": "ci"})).unwrap();
    assert_eq!(cloud.code("CreateAccessKey", json!({"UserName": "ci"})).1, "LimitExceeded");
    cloud.call("UpdateAccessKey", json!({"UserName": "ci", "AccessKeyId": key, "Status": "Inactive"})).unwrap();
    let keys = cloud.call("ListAccessKeys", json!({"UserName": "ci"})).unwrap();
    let keys = keys["AccessKeyMetadata"].as_array().unwrap().clone();
    assert_eq!(keys.iter().filter(|key| key["Status"] == "Inactive").count(), 1);
    assert!(keys.iter().all(|key| key.get("SecretAccessKey").is_none()));

    cloud.call("PutUserPolicy", json!({"UserName": "ci", "PolicyName": "i", "PolicyDocument": POLICY})).unwrap();
    assert_eq!(cloud.code("GetUserPolicy", json!({"UserName": "ci", "PolicyName": "x"})).1, "NoSuchEntity");
    // A user under another name keeps its groups.
    cloud.call("UpdateUser", json!({"UserName": "ci", "NewUserName": "cd"})).unwrap();
    let groups = cloud.call("ListGroupsForUser", json!({"UserName": "cd"})).unwrap();
    assert_eq!(groups["Groups"][0]["GroupName"], "g");
    let why = |cloud: &mut Cloud| cloud.code("DeleteUser", json!({"UserName": "cd"})).2;
    assert_eq!(why(&mut cloud), "Cannot delete entity, must detach all policies first.");
    cloud.call("DetachUserPolicy", json!({"UserName": "cd", "PolicyArn": arn})).unwrap();
    assert_eq!(why(&mut cloud), "Cannot delete entity, must delete policies first.");
    cloud.call("DeleteUserPolicy", json!({"UserName": "cd", "PolicyName": "i"})).unwrap();
    assert_eq!(why(&mut cloud), "Cannot delete entity, must remove users from group first.");
    cloud.call("RemoveUserFromGroup", json!({"GroupName": "g", "UserName": "cd"})).unwrap();
    assert_eq!(why(&mut cloud), "Cannot delete entity, must delete access keys first.");
    for key in keys {
        cloud.call("DeleteAccessKey", json!({"UserName": "cd", "AccessKeyId": key["AccessKeyId"]})).unwrap();
    }
    cloud.call("DeleteUser", json!({"UserName": "cd"})).unwrap();
    assert_eq!(cloud.code("DeleteGroup", json!({"GroupName": "g"})).1, "DeleteConflict");
    cloud.call("DetachGroupPolicy", json!({"GroupName": "g", "PolicyArn": arn})).unwrap();
    cloud.call("DeleteGroup", json!({"GroupName": "g"})).unwrap();
}

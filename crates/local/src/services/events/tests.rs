//! What AWS refuses, what it keeps, and what survives a restart.

use serde_json::{Value, json};

use super::*;
use crate::clock::Time;
use crate::options::Options;
use crate::world::World;

fn ask(world: &mut World, operation: &str, input: Value) -> Result {
    let options = Options::manual();
    let mut cx = Cx::new(world, &options, &SERVICE, "us-east-1".to_owned());
    cx.operation = operation.to_owned();
    handler(operation).unwrap()(&mut cx, input)
}

fn ok(world: &mut World, operation: &str, input: Value) -> Value {
    ask(world, operation, input).unwrap()
}

fn code(world: &mut World, operation: &str, input: Value) -> String {
    ask(world, operation, input).unwrap_err().code
}

fn world() -> World {
    World::new(&Options::manual(), Time(1_000_000))
}

const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:ops";

#[test]
fn a_rule_has_targets_and_goes_without_them_only() {
    let world = &mut world();
    let pattern = r#"{"source":["aws.codedeploy"]}"#;
    let tags = json!([{"Key": "a", "Value": "b"}]);
    let put = json!({"Name": "r", "EventPattern": pattern, "Description": "of old", "Tags": tags});
    let arn = ok(world, "PutRule", put)["RuleArn"].clone();
    assert_eq!(arn, "arn:aws:events:us-east-1:123456789012:rule/r");
    // A rule that is put again is what is said now; its tags stay.
    ok(world, "PutRule", json!({"Name": "r", "EventPattern": pattern, "State": "DISABLED"}));
    assert_eq!(
        ok(world, "DescribeRule", json!({"Name": "r"})),
        json!({"Name": "r", "Arn": arn, "EventPattern": pattern, "State": "DISABLED", "EventBusName": "default",
               "CreatedBy": "123456789012"})
    );
    assert_eq!(ok(world, "ListTagsForResource", json!({"ResourceARN": arn})), json!({"Tags": tags}));
    ok(world, "EnableRule", json!({"Name": "r"}));

    let target = json!({"Id": "t", "Arn": TOPIC, "InputPath": "$.detail"});
    ok(world, "PutTargets", json!({"Rule": "r", "Targets": [target]}));
    let again: &mut World = &mut serde_json::from_str(&serde_json::to_string(world).unwrap()).unwrap();
    assert_eq!(ok(again, "ListTargetsByRule", json!({"Rule": "r"})), json!({"Targets": [target]}));
    assert_eq!(ok(again, "ListRuleNamesByTarget", json!({"TargetArn": TOPIC})), json!({"RuleNames": ["r"]}));
    assert_eq!(code(again, "DeleteRule", json!({"Name": "r"})), "ValidationException");
    ok(again, "RemoveTargets", json!({"Rule": "r", "Ids": ["t", "unknown"]}));
    ok(again, "DeleteRule", json!({"Name": "r"}));
    ok(again, "DeleteRule", json!({"Name": "r"}));
    assert_eq!(code(again, "DescribeRule", json!({"Name": "r"})), "ResourceNotFoundException");
    assert_eq!(code(again, "ListTagsForResource", json!({"ResourceARN": arn})), "ResourceNotFoundException");
}

#[test]
fn a_bus_of_ones_own_has_rules_without_schedules() {
    let world = &mut world();
    let bus = ok(world, "CreateEventBus", json!({"Name": "own"}))["EventBusArn"].clone();
    assert_eq!(code(world, "CreateEventBus", json!({"Name": "own"})), "ResourceAlreadyExistsException");
    let rate = "rate(5 minutes)";
    assert_eq!(
        code(world, "PutRule", json!({"Name": "r", "EventBusName": "own", "ScheduleExpression": rate})),
        "ValidationException"
    );
    let put = json!({"Name": "r", "EventBusName": bus, "EventPattern": r#"{"source":["own"]}"#});
    let arn = ok(world, "PutRule", put)["RuleArn"].clone();
    assert_eq!(arn, "arn:aws:events:us-east-1:123456789012:rule/own/r");
    ok(world, "TagResource", json!({"ResourceARN": arn, "Tags": [{"Key": "a", "Value": "b"}]}));
    let rules = ok(world, "ListRules", json!({"EventBusName": "own", "NamePrefix": "r"}));
    assert_eq!(rules["Rules"][0]["EventBusName"], "own");
    assert_eq!(ok(world, "ListRules", json!({}))["Rules"], json!([]));
    assert_eq!(code(world, "DeleteEventBus", json!({"Name": "own"})), "ValidationException");
    ok(world, "DeleteRule", json!({"Name": "r", "EventBusName": "own"}));

    let permission = json!({"EventBusName": "own", "Action": "events:PutEvents", "Principal": "123456789012",
                            "StatementId": "s"});
    ok(world, "PutPermission", permission);
    let policy = ok(world, "DescribeEventBus", json!({"Name": "own"}))["Policy"].clone();
    let policy: Value = serde_json::from_str(policy.as_str().unwrap()).unwrap();
    assert_eq!(policy["Statement"][0]["Principal"]["AWS"], "arn:aws:iam::123456789012:root");
    assert_eq!(
        code(world, "RemovePermission", json!({"EventBusName": "own", "StatementId": "other"})),
        "ResourceNotFoundException"
    );
    ok(world, "RemovePermission", json!({"EventBusName": "own", "StatementId": "s"}));
    ok(world, "DeleteEventBus", json!({"Name": "own"}));
    assert_eq!(code(world, "DescribeEventBus", json!({"Name": "own"})), "ResourceNotFoundException");
    assert_eq!(code(world, "DeleteEventBus", json!({"Name": "default"})), "ValidationException");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let world = &mut world();
    for (rule, refusal) in [
        (json!({"Name": "r"}), "ValidationException"),
        (json!({"Name": "a b", "ScheduleExpression": "rate(1 day)"}), "ValidationException"),
        (json!({"Name": "r", "ScheduleExpression": "rate(1 days)"}), "ValidationException"),
        (json!({"Name": "r", "EventPattern": "{\"source\":\"x\"}"}), "InvalidEventPatternException"),
        (json!({"Name": "r", "ScheduleExpression": "rate(1 day)", "State": "ON"}), "ValidationException"),
        (json!({"Name": "r", "ScheduleExpression": "rate(1 day)", "RoleArn": "role"}), "ValidationException"),
        (
            json!({"Name": "r", "EventBusName": "none", "EventPattern": "{\"source\":[\"x\"]}"}),
            "ResourceNotFoundException",
        ),
    ] {
        assert_eq!(code(world, "PutRule", rule.clone()), refusal, "{rule}");
    }
    ok(world, "PutRule", json!({"Name": "r", "ScheduleExpression": "rate(1 day)"}));
    let cluster = "arn:aws:ecs:us-east-1:123456789012:cluster/c";
    let definition = "arn:aws:ecs:us-east-1:123456789012:task-definition/d:1";
    let role = "arn:aws:iam::123456789012:role/r";
    for target in [
        json!({"Id": "t", "Arn": "topic"}),
        json!({"Id": "t t", "Arn": TOPIC}),
        json!({"Id": "t", "Arn": TOPIC, "Input": "{}", "InputPath": "$"}),
        json!({"Id": "t", "Arn": TOPIC, "Input": "not JSON"}),
        json!({"Id": "t", "Arn": TOPIC, "Unknown": 1}),
        json!({"Id": "t", "Arn": TOPIC, "EcsParameters": {"TaskDefinitionArn": definition}, "RoleArn": role}),
        json!({"Id": "t", "Arn": cluster, "RoleArn": role}),
        json!({"Id": "t", "Arn": cluster, "EcsParameters": {}, "RoleArn": role}),
        json!({"Id": "t", "Arn": cluster, "EcsParameters": {"TaskDefinitionArn": definition}}),
    ] {
        let put = json!({"Rule": "r", "Targets": [target]});
        assert_eq!(code(world, "PutTargets", put), "ValidationException", "{target}");
    }
    let many: Vec<Value> = (0..6).map(|n| json!({"Id": format!("t{n}"), "Arn": TOPIC})).collect();
    assert_eq!(code(world, "PutTargets", json!({"Rule": "r", "Targets": many})), "LimitExceededException");
    assert_eq!(ok(world, "ListTargetsByRule", json!({"Rule": "r"})), json!({"Targets": []}));
    assert_eq!(code(world, "PutTargets", json!({"Rule": "none", "Targets": [many[0]]})), "ResourceNotFoundException");
}

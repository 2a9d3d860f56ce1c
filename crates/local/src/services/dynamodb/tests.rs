//! Tables come, change and go; a lock is had by one.

use serde_json::{Value, json};

use super::*;
use crate::clock::Time;
use crate::options::Options;
use crate::world::World;

fn ask(world: &mut World, operation: &str, input: Value) -> Result {
    let options = Options::instant();
    let mut cx = Cx::new(world, &options, &SERVICE, "us-east-1".to_owned());
    cx.operation = operation.to_owned();
    let answer = handler(operation).unwrap()(&mut cx, input);
    let now = world.now;
    world.advance(&options, now);
    answer
}

fn ok(world: &mut World, operation: &str, input: Value) -> Value {
    ask(world, operation, input).unwrap()
}

fn code(world: &mut World, operation: &str, input: Value) -> String {
    ask(world, operation, input).unwrap_err().code
}

fn lock_table() -> Value {
    json!({
        "TableName": "locks",
        "AttributeDefinitions": [{"AttributeName": "LockID", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "LockID", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "Tags": [{"Key": "a", "Value": "b"}],
    })
}

fn world() -> World {
    World::new(&Options::instant(), Time(1_000_000))
}

#[test]
fn a_lock_is_had_by_one() {
    let world = &mut world();
    ok(world, "CreateTable", lock_table());
    let put = json!({"TableName": "locks", "Item": {"LockID": {"S": "state"}, "Info": {"S": "me"}},
                     "ConditionExpression": "attribute_not_exists(LockID)"});
    ok(world, "PutItem", put.clone());
    assert_eq!(code(world, "PutItem", put), "ConditionalCheckFailedException");
    let again: &mut World = &mut serde_json::from_str(&serde_json::to_string(world).unwrap()).unwrap();
    let key = json!({"LockID": {"S": "state"}});
    let get = json!({"TableName": "locks", "Key": key, "ProjectionExpression": "#i", "ConsistentRead": true,
                     "ExpressionAttributeNames": {"#i": "Info"}});
    assert_eq!(ok(again, "GetItem", get), json!({"Item": {"Info": {"S": "me"}}}));
    let delete = json!({"TableName": "locks", "Key": key, "ReturnValues": "ALL_OLD"});
    assert_eq!(ok(again, "DeleteItem", delete.clone())["Attributes"]["Info"]["S"], "me");
    assert_eq!(ok(again, "DeleteItem", delete), json!({}));
    assert_eq!(ok(again, "GetItem", json!({"TableName": "locks", "Key": key})), json!({}));
}

#[test]
fn a_table_comes_changes_and_goes() {
    let world = &mut world();
    let arn = ok(world, "CreateTable", lock_table())["TableDescription"]["TableArn"].clone();
    assert_eq!(code(world, "CreateTable", lock_table()), "ResourceInUseException");
    let by_name = json!({"TableName": "locks"});
    let table = ok(world, "DescribeTable", by_name.clone())["Table"].clone();
    assert_eq!([&table["TableStatus"], &table["BillingModeSummary"]["BillingMode"]], ["ACTIVE", "PAY_PER_REQUEST"]);
    let update = json!({"TableName": "locks", "BillingMode": "PROVISIONED", "DeletionProtectionEnabled": true,
                        "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 2},
                        "SSESpecification": {"Enabled": true}});
    ok(world, "UpdateTable", update);
    let table = ok(world, "DescribeTable", json!({"TableName": arn}))["Table"].clone();
    assert_eq!([&table["TableStatus"], &table["SSEDescription"]["Status"]], ["ACTIVE", "ENABLED"]);
    assert_eq!(table["ProvisionedThroughput"]["WriteCapacityUnits"], 2);
    assert_eq!(code(world, "DeleteTable", by_name.clone()), "ValidationException");
    ok(world, "UpdateTable", json!({"TableName": "locks", "DeletionProtectionEnabled": false}));

    let ttl = json!({"TableName": "locks", "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "until"}});
    ok(world, "UpdateTimeToLive", ttl.clone());
    assert_eq!(code(world, "UpdateTimeToLive", ttl), "ValidationException");
    let ttl = ok(world, "DescribeTimeToLive", by_name.clone());
    assert_eq!(ttl["TimeToLiveDescription"]["AttributeName"], "until");
    let recovery =
        json!({"TableName": "locks", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}});
    ok(world, "UpdateContinuousBackups", recovery);
    let backups = ok(world, "DescribeContinuousBackups", by_name.clone());
    let recovery = &backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"];
    assert_eq!(recovery["PointInTimeRecoveryStatus"], "ENABLED");

    ok(world, "TagResource", json!({"ResourceArn": arn, "Tags": [{"Key": "c", "Value": "d"}]}));
    ok(world, "UntagResource", json!({"ResourceArn": arn, "TagKeys": ["a"]}));
    let tags = ok(world, "ListTagsOfResource", json!({"ResourceArn": arn}));
    assert_eq!(tags, json!({"Tags": [{"Key": "c", "Value": "d"}]}));
    assert_eq!(ok(world, "ListTables", json!({})), json!({"TableNames": ["locks"]}));
    ok(world, "DeleteTable", by_name.clone());
    assert_eq!(code(world, "DescribeTable", by_name), "ResourceNotFoundException");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let world = &mut world();
    for (member, value) in [
        ("TableName", json!("ab")),
        ("KeySchema", json!([{"AttributeName": "LockID", "KeyType": "RANGE"}])),
        ("KeySchema", json!([{"AttributeName": "Other", "KeyType": "HASH"}])),
        ("AttributeDefinitions", json!([{"AttributeName": "LockID", "AttributeType": "X"}])),
        ("BillingMode", json!("FREE")),
        ("BillingMode", json!("PROVISIONED")),
        ("GlobalSecondaryIndexes", json!([])),
        ("StreamSpecification", json!({"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"})),
    ] {
        let mut table = lock_table();
        table[member] = value;
        assert_eq!(code(world, "CreateTable", table.clone()), "ValidationException", "{table}");
    }
    ok(world, "CreateTable", lock_table());
    for item in [
        json!({}),
        json!({"LockID": {"N": "1"}}),
        json!({"LockID": {"S": ""}}),
        json!({"LockID": "state"}),
        json!({"LockID": {"S": "state"}, "Info": {"S": "a", "N": "1"}}),
    ] {
        let put = json!({"TableName": "locks", "Item": item});
        assert_eq!(code(world, "PutItem", put), "ValidationException", "{item}");
    }
    for condition in ["LockID = :a", "attribute_exists(a) AND attribute_exists(b)", "attribute_not_exists(#unknown)"] {
        let put = json!({"TableName": "locks", "Item": {"LockID": {"S": "a"}}, "ConditionExpression": condition});
        assert_eq!(code(world, "PutItem", put), "ValidationException", "{condition}");
    }
    let key = json!({"LockID": {"S": "a"}, "Info": {"S": "b"}});
    assert_eq!(code(world, "GetItem", json!({"TableName": "locks", "Key": key})), "ValidationException");
    assert_eq!(code(world, "GetItem", json!({"TableName": "none", "Key": key})), "ResourceNotFoundException");
}

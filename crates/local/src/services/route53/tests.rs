//! What Route 53 refuses, its order, and its pages.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::options::Options;
use crate::world::World;

struct Cloud {
    options: Options,
    world: World,
}

impl Cloud {
    fn new() -> Self {
        let options = Options::manual();
        Cloud { world: World::new(&options, Time(1_000_000)), options }
    }

    fn cx(&mut self) -> Cx<'_> {
        Cx::new(&mut self.world, &self.options, &SERVICE, "ap-northeast-1".to_owned())
    }

    fn call(&mut self, operation: &str, input: Value) -> Result {
        let mut cx = self.cx();
        cx.operation = operation.to_owned();
        handler(operation).unwrap()(&mut cx, input)
    }

    fn change(&mut self, zone: &str, changes: &[(&str, Value)]) -> Result {
        let changes: Vec<Value> =
            changes.iter().map(|(action, set)| json!({"Action": action, "ResourceRecordSet": set})).collect();
        self.call("ChangeResourceRecordSets", json!({"Id": zone, "ChangeBatch": {"Changes": changes}}))
    }
}

fn record(name: &str, kind: &str, value: &str) -> Value {
    json!({"Name": name, "Type": kind, "TTL": "60", "ResourceRecords": [{"Value": value}]})
}

#[test]
fn batches_that_are_refused() {
    let mut cloud = Cloud::new();
    let zone = create_public_zone(&mut cloud.cx(), "example.com");
    let base =
        [("CREATE", record("www.example.com", "A", "10.0.0.1")), ("CREATE", record("c.example.com", "CNAME", "x.y"))];
    cloud.change(&zone, &base).unwrap();
    let before = cloud.cx().route53().zones[&zone].records.clone();
    let (www, alias) = ("name='www.example.com.', type='A'", "Z14GRHDCWA56QT");
    for (changes, want) in [
        (
            vec![("CREATE", record("WWW.example.com.", "A", "10.0.0.2"))],
            format!("[Tried to create resource record set [{www}] but it already exists]"),
        ),
        (
            vec![
                ("UPSERT", record("ok.example.com", "A", "10.0.0.2")),
                ("DELETE", record("www.example.com", "A", "10.0.0.2")),
            ],
            format!(
                "[Tried to delete resource record set [{www}] but the values provided do not match the current values]"
            ),
        ),
        (
            vec![("DELETE", record("none.example.com", "A", "10.0.0.2"))],
            "[Tried to delete resource record set [name='none.example.com.', type='A'] but it was not found]"
                .to_owned(),
        ),
        (
            vec![("CREATE", record("www.other.com", "A", "10.0.0.2"))],
            "[RRSet with DNS name www.other.com. is not permitted in zone example.com.]".to_owned(),
        ),
        (
            vec![("CREATE", record("example.com", "CNAME", "x.y"))],
            "[RRSet of type CNAME with DNS name example.com. is not permitted at apex in zone example.com.]".to_owned(),
        ),
        (
            vec![("CREATE", record("c.example.com", "A", "10.0.0.1"))],
            "[RRSet of type A with DNS name c.example.com. is not permitted because a conflicting RRSet of type CNAME \
             with the same DNS name already exists in zone example.com.]"
                .to_owned(),
        ),
        (
            vec![("CREATE", record("a.example.com", "A", "10.0.0"))],
            "[Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) \
             encountered with '10.0.0'']"
                .to_owned(),
        ),
        (
            vec![(
                "CREATE",
                json!({"Name": "a.example.com", "Type": "A", "AliasTarget":
                {"HostedZoneId": alias, "DNSName": "x.us-east-1.elb.amazonaws.com", "EvaluateTargetHealth": "false"}}),
            )],
            format!(
                "[Tried to create an alias that targets x.us-east-1.elb.amazonaws.com., type A in zone {alias}, but \
             the alias target name does not lie within the target zone]"
            ),
        ),
        (
            vec![(
                "CREATE",
                json!({"Name": "a.example.com", "Type": "A", "AliasTarget":
                {"HostedZoneId": zone, "DNSName": "none.example.com", "EvaluateTargetHealth": "false"}}),
            )],
            format!(
                "[Tried to create an alias that targets none.example.com., type A in zone {zone}, but that target \
             was not found]"
            ),
        ),
    ] {
        let error = cloud.change(&zone, &changes).unwrap_err();
        assert_eq!((error.code.as_str(), error.message), ("InvalidChangeBatch", want));
    }
    assert_eq!(cloud.cx().route53().zones[&zone].records, before, "a refused batch changes nothing");
}

#[test]
fn inputs_that_are_refused() {
    let mut cloud = Cloud::new();
    let zone = create_public_zone(&mut cloud.cx(), "example.com");
    let linked = create_private_zone(
        &mut cloud.cx(),
        "x.local",
        "vpc-1",
        "servicediscovery.amazonaws.com",
        "AWS Cloud Map (arn)",
    );
    cloud.change(&zone, &[("CREATE", record("www.example.com", "A", "10.0.0.1"))]).unwrap();
    cloud.call("CreateHostedZone", json!({"Name": "b.com", "CallerReference": "1"})).unwrap();
    let set = |id: &str, set: Value| json!({"Id": id, "ChangeBatch": {"Changes": [{"Action": "CREATE", "ResourceRecordSet": set}]}});
    for (operation, input, status, code) in [
        ("CreateHostedZone", json!({"Name": "a..com", "CallerReference": "2"}), 400, "InvalidDomainName"),
        ("CreateHostedZone", json!({"Name": "a.com", "CallerReference": "1"}), 409, "HostedZoneAlreadyExists"),
        ("CreateHostedZone", json!({"Name": "a.com"}), 400, "InvalidInput"),
        (
            "CreateHostedZone",
            json!({"Name": "a.com", "CallerReference": "2", "VPC": {"VPCId": "vpc-0", "VPCRegion": "ap-northeast-1"}}),
            400,
            "InvalidVPCId",
        ),
        ("GetHostedZone", json!({"Id": "Z0"}), 404, "NoSuchHostedZone"),
        ("DeleteHostedZone", json!({"Id": zone}), 400, "HostedZoneNotEmpty"),
        ("DeleteHostedZone", json!({"Id": linked}), 403, "AccessDenied"),
        ("ChangeResourceRecordSets", set(&linked, record("a.x.local", "A", "10.0.0.1")), 403, "AccessDenied"),
        ("ChangeResourceRecordSets", set("Z0", record("a.x.local", "A", "10.0.0.1")), 404, "NoSuchHostedZone"),
        ("ChangeResourceRecordSets", set(&zone, json!({"Name": "a.example.com", "Type": "A"})), 400, "InvalidInput"),
        ("ChangeResourceRecordSets", set(&zone, record("a.example.com", "B", "x")), 400, "InvalidInput"),
        ("ChangeResourceRecordSets", json!({"Id": zone, "ChangeBatch": {"Changes": []}}), 400, "InvalidInput"),
        ("GetChange", json!({"Id": "C0"}), 404, "NoSuchChange"),
        ("ListTagsForResource", json!({"ResourceType": "hostedzone", "ResourceId": "Z0"}), 404, "NoSuchHostedZone"),
        ("ListHostedZones", json!({"Marker": "junk"}), 400, "InvalidInput"),
    ] {
        let error = cloud.call(operation, input.clone()).expect_err(operation);
        assert_eq!((error.status, error.code.as_str()), (status, code), "{operation} {input}: {}", error.message);
    }
}

#[test]
fn records_are_sorted_by_reversed_labels_and_paged() {
    let mut cloud = Cloud::new();
    let zone = create_public_zone(&mut cloud.cx(), "example.com");
    let names = ["z.example.com", "a.z.example.com", "b.example.com", "*.example.com"];
    for name in names {
        cloud.change(&zone, &[("UPSERT", record(name, "A", "10.0.0.1"))]).unwrap();
    }
    let mut got = Vec::new();
    let mut from = json!({"Id": zone, "MaxItems": "2"});
    loop {
        let page = cloud.call("ListResourceRecordSets", from).unwrap();
        let sets = page["ResourceRecordSets"].as_array().unwrap();
        got.extend(
            sets.iter().map(|set| format!("{} {}", set["Name"].as_str().unwrap(), set["Type"].as_str().unwrap())),
        );
        if page["IsTruncated"] == false {
            break;
        }
        from = json!({"Id": zone, "MaxItems": "2", "StartRecordName": page["NextRecordName"], "StartRecordType": page["NextRecordType"]});
    }
    let want = [
        "example.com. NS",
        "example.com. SOA",
        "\\052.example.com. A",
        "b.example.com. A",
        "z.example.com. A",
        "a.z.example.com. A",
    ];
    assert_eq!(got, want);
    // The tool's way to read one: start at it, take one.
    let one = json!({"Id": zone, "MaxItems": "1", "StartRecordName": "b.example.com", "StartRecordType": "A"});
    let page = cloud.call("ListResourceRecordSets", one).unwrap();
    assert_eq!(page["ResourceRecordSets"][0]["Name"], "b.example.com.");
}

#[test]
fn a_change_needs_time() {
    let mut cloud = Cloud::new();
    let zone = create_public_zone(&mut cloud.cx(), "example.com");
    let answer = cloud.change(&zone, &[("CREATE", record("a.example.com", "A", "10.0.0.1"))]).unwrap();
    let id = answer["ChangeInfo"]["Id"].as_str().unwrap().trim_start_matches("/change/").to_owned();
    let status =
        |cloud: &mut Cloud| cloud.call("GetChange", json!({"Id": id})).unwrap()["ChangeInfo"]["Status"].clone();
    assert_eq!(status(&mut cloud), "PENDING");
    let to = cloud.world.now + Duration::from_secs(40);
    cloud.world.advance(&cloud.options, to);
    assert_eq!(status(&mut cloud), "INSYNC");
}

#[test]
fn a_service_keeps_its_zone() {
    let mut cloud = Cloud::new();
    let zone = create_private_zone(
        &mut cloud.cx(),
        "x.local",
        "vpc-1",
        "servicediscovery.amazonaws.com",
        "AWS Cloud Map (arn)",
    );
    assert!(put_records(&mut cloud.cx(), &zone, "api.x.local", "A", 10, &["10.0.0.1".to_owned()]));
    let read = cloud.call("GetHostedZone", json!({"Id": zone})).unwrap();
    assert_eq!(read["HostedZone"]["LinkedService"]["ServicePrincipal"], "servicediscovery.amazonaws.com");
    assert_eq!(read["HostedZone"]["ResourceRecordSetCount"], 3);
    assert_eq!(read["VPCs"], json!([{"VPCRegion": "ap-northeast-1", "VPCId": "vpc-1"}]));
    remove_records(&mut cloud.cx(), &zone, "api.x.local", "A");
    assert_eq!(cloud.cx().route53().zones[&zone].records.len(), 2);
}

#[test]
fn a_health_check_lives_and_records_use_it() {
    let mut cloud = Cloud::new();
    let zone = create_public_zone(&mut cloud.cx(), "example.com");
    let asks = json!({"Type": "HTTPS", "FullyQualifiedDomainName": "www.example.com", "ResourcePath": "/"});
    let create = |reference: &str, config: &Value| json!({"CallerReference": reference, "HealthCheckConfig": config});
    let made = cloud.call("CreateHealthCheck", create("1", &asks)).unwrap();
    let id = made["HealthCheck"]["Id"].as_str().unwrap().to_owned();
    let config = &made["HealthCheck"]["HealthCheckConfig"];
    assert_eq!(
        (&config["Port"], &config["RequestInterval"], &config["EnableSNI"]),
        (&json!(443), &json!(30), &json!(true))
    );
    // The same request again is the same check; another under its reference is none.
    assert_eq!(cloud.call("CreateHealthCheck", create("1", &asks)).unwrap(), made);
    let tcp = json!({"Type": "TCP", "IPAddress": "192.0.2.1", "Port": "443"});
    assert_eq!(cloud.call("CreateHealthCheck", create("1", &tcp)).unwrap_err().code, "HealthCheckAlreadyExists");
    for wrong in [
        json!({"Type": "UDP", "IPAddress": "192.0.2.1"}),
        json!({"Type": "HTTP"}),
        json!({"Type": "TCP", "IPAddress": "192.0.2.1"}),
        json!({"Type": "HTTP", "IPAddress": "192.0.2"}),
        json!({"Type": "HTTP", "IPAddress": "192.0.2.1", "SearchString": "ok"}),
        json!({"Type": "HTTP", "IPAddress": "192.0.2.1", "RequestInterval": "20"}),
        json!({"Type": "HTTP", "IPAddress": "192.0.2.1", "Regions": ["us-east-1"]}),
        json!({"Type": "CALCULATED", "ChildHealthChecks": ["none"]}),
        json!({"Type": "CLOUDWATCH_METRIC"}),
    ] {
        assert_eq!(cloud.call("CreateHealthCheck", create("2", &wrong)).unwrap_err().code, "InvalidInput", "{wrong}");
    }
    let update = |version: &str| json!({"HealthCheckId": id, "HealthCheckVersion": version, "FailureThreshold": "5"});
    assert_eq!(cloud.call("UpdateHealthCheck", update("7")).unwrap_err().code, "HealthCheckVersionMismatch");
    assert_eq!(cloud.call("UpdateHealthCheck", update("1")).unwrap()["HealthCheck"]["HealthCheckVersion"], 2);

    let mut set = record("a.example.com", "A", "192.0.2.1");
    set["HealthCheckId"] = json!("none");
    assert_eq!(cloud.change(&zone, &[("CREATE", set.clone())]).unwrap_err().code, "NoSuchHealthCheck");
    set["HealthCheckId"] = json!(id);
    cloud.change(&zone, &[("CREATE", set.clone())]).unwrap();
    let tag = json!({"ResourceType": "healthcheck", "ResourceId": id, "AddTags": [{"Key": "k", "Value": "v"}]});
    cloud.call("ChangeTagsForResource", tag).unwrap();
    let which = json!({"HealthCheckId": id});
    cloud.call("DeleteHealthCheck", which.clone()).unwrap();
    for operation in ["GetHealthCheck", "DeleteHealthCheck"] {
        assert_eq!(cloud.call(operation, which.clone()).unwrap_err().code, "NoSuchHealthCheck");
    }
    // Its records stay, and can be deleted.
    cloud.change(&zone, &[("DELETE", set)]).unwrap();
}

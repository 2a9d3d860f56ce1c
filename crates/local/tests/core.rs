//! What all services share, over raw HTTP: protocols, errors, the clock, throttling, state on disk.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test, what goes wrong fails it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use aomidori_local::{LocalCloud, Options, Pace, Quotas, Time};

/// An answer: status and body.
type Answer = (u16, String);

/// One HTTP request on a connection of its own.
fn http(cloud: &LocalCloud, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", cloud.port())).unwrap();
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nhost: local\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{request}\r\n{body}").as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut status = String::new();
    reader.read_line(&mut status).unwrap();
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap() > 2 {
        line.clear();
    }
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    (status.split(' ').nth(1).unwrap().parse().unwrap(), text)
}

fn credential(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIA/20261122/ap-northeast-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

/// A call in the query protocols.
fn query(cloud: &LocalCloud, service: &str, body: &str) -> Answer {
    http(cloud, "POST", "/", &[("authorization", &credential(service))], body)
}

/// A call in the JSON protocol.
fn json(cloud: &LocalCloud, service: &str, target: &str, body: &str) -> Answer {
    http(cloud, "POST", "/", &[("authorization", &credential(service)), ("x-amz-target", target)], body)
}

fn ec2(cloud: &LocalCloud, body: &str) -> Answer {
    query(cloud, "ec2", &format!("Version=2016-11-15&{body}"))
}

/// The text of the first such element.
fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {xml}"));
    rest.split_once("</").unwrap().0
}

fn start(options: Options) -> LocalCloud {
    LocalCloud::start(options).unwrap()
}

fn create_vpc(cloud: &LocalCloud) -> String {
    let (status, body) = ec2(cloud, "Action=CreateVpc&CidrBlock=10.0.0.0%2F16");
    assert_eq!(status, 200, "{body}");
    element(&body, "vpcId").to_owned()
}

/// A VPC's state, which comes after those of its address ranges.
fn state(xml: &str) -> String {
    let (_, rest) = xml.rsplit_once("<state>").unwrap_or_else(|| panic!("no state in {xml}"));
    rest.split_once("</").unwrap().0.to_owned()
}

fn vpc_state(cloud: &LocalCloud, id: &str) -> String {
    state(&ec2(cloud, &format!("Action=DescribeVpcs&VpcId.1={id}")).1)
}

#[test]
fn each_protocol_has_its_envelope() {
    let cloud = start(Options::manual());
    let check = |answer: Answer, status: u16, parts: &[&str]| {
        assert_eq!(answer.0, status, "{}", answer.1);
        for part in parts {
            assert!(answer.1.contains(part), "{part} is not in {}", answer.1);
        }
    };
    check(
        query(&cloud, "sts", "Action=GetCallerIdentity&Version=2011-06-15"),
        200,
        &["<GetCallerIdentityResponse xmlns=", "<GetCallerIdentityResult>", "<ResponseMetadata><RequestId>"],
    );
    check(
        query(&cloud, "sts", "Action=Nonsense&Version=2011-06-15"),
        400,
        &["<ErrorResponse ", "<Type>Sender</Type>", "<Code>InvalidAction</Code>", "sts:Nonsense"],
    );
    check(
        ec2(&cloud, "Action=DescribeVpcs"),
        200,
        &[
            "<DescribeVpcsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">",
            "<vpcSet></vpcSet>",
            "<requestId>",
        ],
    );
    check(
        ec2(&cloud, "Action=DescribeVpcs&VpcId.1=vpc-0123456789abcdef0"),
        400,
        &["<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code>", "<RequestID>"],
    );
    check(json(&cloud, "ssm", "AmazonSSM.DescribeParameters", "{}"), 200, &[r#"{"Parameters":[]}"#]);
    check(json(&cloud, "ssm", "AmazonSSM.GetParameter", r#"{"Name":"/x"}"#), 400, &[r#""__type":"ParameterNotFound""#]);
    check(json(&cloud, "ssm", "AmazonSSM.GetParameter", "{"), 400, &["SerializationException"]);
    check(json(&cloud, "ssm", "AmazonSSM.GetParameter", r#"{"Name":1}"#), 400, &["SerializationException", "Name"]);
    check(json(&cloud, "ssm", "AmazonSSM.GetParameter", "{}"), 400, &["ValidationException", "'name'"]);
    check(json(&cloud, "ssm", "AmazonSSM.Nonsense", "{}"), 400, &["UnknownOperationException", "ssm:Nonsense"]);
    check(json(&cloud, "x", "Nobody_20200101.Nonsense", "{}"), 400, &["UnknownOperationException", "Nobody_20200101"]);
    check(query(&cloud, "sqs", "Action=ListQueues&Version=2012-11-05"), 400, &["InvalidAction", "sqs"]);
    check(ec2(&cloud, "Action=CreateVpc"), 400, &["MissingParameter", "CidrBlock"]);
    check(ec2(&cloud, "Action=CreateVpc&CidrBlock=10.0.0.0/16&Colour=blue"), 400, &["UnknownParameter", "Colour"]);
    check(ec2(&cloud, "Action=CreateVpc&CidrBlock=10.0.0.0/16&DryRun=true"), 412, &["DryRunOperation"]);
    check(
        http(&cloud, "GET", "/no/such/path", &[("authorization", &credential("apigateway"))], ""),
        400,
        &["does not have"],
    );
    // A region of its own, and presigned.
    let scope =
        "/?Action=DescribeVpcs&Version=2016-11-15&X-Amz-Credential=AKIA%2F20261122%2Feu-west-1%2Fec2%2Faws4_request";
    check(http(&cloud, "GET", scope, &[], ""), 200, &["<vpcSet>"]);
    cloud.shutdown().unwrap();
}

#[test]
fn no_credentials_and_denied_actions() {
    let cloud =
        start(Options { deny: vec!["ec2:Create*".into(), "ssm:Put*".into(), "sts:*".into()], ..Options::manual() });
    let anonymous = |body: &str| http(&cloud, "POST", "/", &[], body);
    let (status, body) = anonymous("Action=DescribeVpcs&Version=2016-11-15");
    assert_eq!((status, element(&body, "Code")), (403, "MissingAuthenticationToken"));
    let (_, body) = http(&cloud, "POST", "/", &[("x-amz-target", "AmazonSSM.GetParameter")], "{}");
    assert!(body.contains("MissingAuthenticationTokenException"), "{body}");

    let (status, body) = ec2(&cloud, "Action=CreateVpc&CidrBlock=10.0.0.0/16");
    assert_eq!((status, element(&body, "Code")), (403, "UnauthorizedOperation"));
    assert!(body.contains(
        "User: arn:aws:iam::123456789012:user/local is not authorized to perform: ec2:CreateVpc on resource: "
    ));
    assert_eq!(ec2(&cloud, "Action=DescribeVpcs").0, 200);
    let (status, body) = json(&cloud, "ssm", "AmazonSSM.PutParameter", r#"{"Name":"/x","Value":"y","Type":"String"}"#);
    assert!(status == 400 && body.contains("AccessDeniedException") && body.contains("ssm:PutParameter"), "{body}");
    let (status, body) = query(&cloud, "sts", "Action=GetCallerIdentity&Version=2011-06-15");
    assert_eq!((status, element(&body, "Code")), (403, "AccessDenied"));
}

#[test]
fn a_manual_clock_decides_when_things_happen() {
    let cloud = start(Options { start: Some(Time(1_000_000_000_000)), ..Options::manual() });
    let clock = cloud.clock();
    let vpc = create_vpc(&cloud);
    assert_eq!(vpc_state(&cloud, &vpc), "pending");
    clock.advance(Duration::from_millis(1499));
    assert_eq!(vpc_state(&cloud, &vpc), "pending");
    clock.advance(Duration::from_millis(1));
    assert_eq!(vpc_state(&cloud, &vpc), "available");
    assert_eq!(clock.now(), Time(1_000_000_001_500));
    assert_eq!(clock.advance_to_next(), None);

    // The same requests on the same clock give the same answers, ids included.
    let again = start(Options { start: Some(Time(1_000_000_000_000)), ..Options::manual() });
    assert_eq!(create_vpc(&again), vpc);
}

#[test]
fn things_happen_by_themselves_and_at_once() {
    let fast = start(Options { pace: Pace::Rate(1000.0), ..Options::default() });
    let vpc = create_vpc(&fast);
    let begin = Instant::now();
    while vpc_state(&fast, &vpc) != "available" {
        assert!(begin.elapsed() < Duration::from_secs(10), "it never became available");
        std::thread::sleep(Duration::from_millis(1));
    }
    let instant = start(Options::instant());
    let (_, body) = ec2(&instant, "Action=CreateVpc&CidrBlock=10.0.0.0%2F16");
    assert_eq!(state(&body), "pending");
    assert_eq!(vpc_state(&instant, element(&body, "vpcId")), "available");
}

#[test]
fn buckets_empty_and_refill() {
    let cloud = start(Options { throttle: true, quotas: Quotas::generous(), ..Options::manual() });
    let call = || ec2(&cloud, "Action=DeleteVpcEndpoints&VpcEndpointId.1=vpce-0123456789abcdef0");
    let codes: Vec<u16> = (0..6).map(|_| call().0).collect();
    assert_eq!(codes, [200, 200, 200, 200, 503, 503]);
    assert_eq!(element(&call().1, "Code"), "RequestLimitExceeded");
    cloud.clock().advance(Duration::from_secs(4));
    assert_eq!([call().0, call().0], [200, 503]);
    assert_eq!(cloud.calls()["ec2:DeleteVpcEndpoints"], 9);
    cloud.reset_calls();
    assert!(cloud.calls().is_empty());
}

#[test]
fn quotas_are_aws_defaults() {
    let cloud = start(Options { throttle: false, pace: Pace::Manual, ..Options::default() });
    let codes: Vec<u16> = (0..6).map(|_| ec2(&cloud, "Action=AllocateAddress&Domain=vpc").0).collect();
    assert_eq!(codes, [200, 200, 200, 200, 200, 400]);
    assert_eq!(element(&ec2(&cloud, "Action=AllocateAddress").1, "Code"), "AddressLimitExceeded");
}

#[test]
fn state_survives_its_process() {
    let dir = tempfile::tempdir().unwrap();
    let options = || Options { state_dir: Some(dir.path().to_owned()), ..Options::manual() };
    let cloud = start(options());
    let vpc = create_vpc(&cloud);
    let taken = LocalCloud::start(options()).err().unwrap();
    assert!(taken.to_string().contains("another local cloud"), "{taken}");
    // What was answered is on disk already: a kill loses nothing of a small state.
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(dir.path().join("state.json"), copy.path().join("state.json")).unwrap();
    cloud.shutdown().unwrap();

    for place in [dir.path(), copy.path()] {
        let cloud = start(Options { state_dir: Some(place.to_owned()), ..Options::manual() });
        assert_eq!(vpc_state(&cloud, &vpc), "pending");
        cloud.clock().advance(Duration::from_secs(2));
        assert_eq!(vpc_state(&cloud, &vpc), "available");
        let next = create_vpc(&cloud);
        assert_ne!(next, vpc);
        cloud.reset();
        assert_eq!(cloud.census().len(), 0);
    }
}

#[test]
fn state_that_cannot_be_read_is_left_alone() {
    for (text, why) in [
        ("nonsense", "expected"),
        (r#"{"format":"other","version":1}"#, "its format is 'other'"),
        (r#"{"format":"aomidori-local","version":2,"world":{}}"#, "its version is 2"),
        (r#"{"format":"aomidori-local","version":1,"world":{}}"#, "missing field"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("state.json");
        std::fs::write(&file, text).unwrap();
        let options = Options { state_dir: Some(dir.path().to_owned()), ..Options::manual() };
        let error = LocalCloud::start(options).err().unwrap().to_string();
        assert!(error.contains(why) && error.contains("state.json"), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }
}

#[test]
fn another_process_can_look_and_step() {
    let cloud = start(Options { start: Some(Time(1_000_000_000_000)), ..Options::manual() });
    let admin = |method: &str, path: &str, body: &str| http(&cloud, method, &format!("/_aomidori/{path}"), &[], body);
    let vpc = create_vpc(&cloud);
    assert!(admin("GET", "health", "").1.contains(r#""status":"ok""#));
    assert!(admin("GET", "status", "").1.contains(r#""ec2:vpc":1"#));
    assert!(admin("GET", "calls", "").1.contains(r#""ec2:CreateVpc":1"#));
    let (status, body) = admin("POST", "clock", r#"{"advanceSeconds":2.5}"#);
    assert!(status == 200 && body.contains("1000000002500"), "{body}");
    assert_eq!(vpc_state(&cloud, &vpc), "available");
    assert_eq!(admin("POST", "clock", r#"{"rate":-1}"#).0, 400);
    assert_eq!(admin("POST", "clock", r#"{"speed":1}"#).0, 400);
    assert!(admin("POST", "clock", r#"{"rate":30}"#).1.contains(r#""rate":30.0"#));
    assert_eq!(admin("POST", "reset", "").0, 200);
    assert_eq!(element(&ec2(&cloud, "Action=DescribeVpcs").1, "vpcSet"), "");
    assert_eq!(admin("GET", "nonsense", "").0, 404);
    assert_eq!(admin("POST", "shutdown", "").0, 200);
}

#[test]
fn many_start_in_milliseconds() {
    let begin = Instant::now();
    let clouds: Vec<LocalCloud> = (0..20).map(|_| start(Options::manual())).collect();
    let first = create_vpc(&clouds[0]);
    assert_eq!(ec2(&clouds[1], &format!("Action=DescribeVpcs&VpcId.1={first}")).0, 400);
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
}

/// Requests that no AWS client would send: an error each, and the server lives.
#[test]
fn nonsense_is_refused() {
    let cloud = start(Options::manual());
    let vpc = create_vpc(&cloud);
    let deep = "A.".repeat(500) + "B=1";
    for body in [
        "",
        "&&&=",
        "Action=",
        "Action=CreateVpc&CidrBlock.1=x",
        "Action=CreateVpc&CidrBlock=%ff%fe",
        "Action=DescribeVpcs&VpcId.1.2.3=x",
        "Action=DescribeVpcs&Filter.1=x",
        "Action=DescribeVpcs&NextToken=zz",
        "Action=DescribeVpcs&MaxResults=-1",
        "Action=CreateVpc&CidrBlock=0.0.0.0/0",
        "Action=DescribeVpcs&VpcId.1=%F0%9F%92%A9",
        "Action=CreateSubnet&VpcId=x&CidrBlock=10.0.0.0/99999999999",
        &format!("Action=DescribeVpcs&{deep}"),
    ] {
        let (status, text) = ec2(&cloud, body);
        assert!((400..500).contains(&status), "{body}: {status} {text}");
    }
    for body in ["null", "[]", "1", "{\"Name\":{}}", "{\"Name\":[]}", "\u{0}"] {
        let (status, text) = json(&cloud, "ssm", "AmazonSSM.GetParameter", body);
        assert!((400..500).contains(&status), "{body}: {status} {text}");
    }
    assert_eq!(vpc_state(&cloud, &vpc), "pending");
}

/// A server that is killed has saved what it answered, or is about to have.
#[test]
fn a_large_state_is_saved_a_moment_later() {
    let dir = tempfile::tempdir().unwrap();
    let cloud = start(Options { state_dir: Some(dir.path().to_owned()), ..Options::instant() });
    let vpcs: Vec<String> = (0..400).map(|_| create_vpc(&cloud)).collect();
    let last = vpcs.last().unwrap();
    let begin = Instant::now();
    while !std::fs::read_to_string(dir.path().join("state.json")).unwrap().contains(last) {
        assert!(begin.elapsed() < Duration::from_secs(10), "it was never saved");
        std::thread::sleep(Duration::from_millis(10));
    }
    // A clock that outlives its cloud does not keep the directory.
    let _clock = cloud.clock();
    cloud.shutdown().unwrap();
    assert_eq!(start(Options { state_dir: Some(dir.path().to_owned()), ..Options::instant() }).census().len(), 1);
}

#[test]
fn alarms_speak_both_of_their_protocols() {
    let cloud = start(Options::manual());
    let put = "Version=2010-08-01&Action=PutMetricAlarm&AlarmName=errors&Namespace=n&MetricName=m&Statistic=Sum&Period=60\
               &EvaluationPeriods=1&Threshold=1.5&ComparisonOperator=GreaterThanThreshold\
               &Dimensions.member.1.Name=d&Dimensions.member.1.Value=v&AlarmActions.member.1=arn%3Aaws%3Asns%3Ar%3A1%3At";
    let (status, body) = query(&cloud, "monitoring", put);
    assert_eq!(status, 200, "{body}");
    let target = "GraniteServiceVersion20100801.SetAlarmState";
    let ring = r#"{"AlarmName": "errors", "StateValue": "ALARM", "StateReason": "a test"}"#;
    assert_eq!(json(&cloud, "monitoring", target, ring).0, 200);
    let (status, body) =
        query(&cloud, "monitoring", "Version=2010-08-01&Action=DescribeAlarms&AlarmNames.member.1=errors");
    assert_eq!(status, 200, "{body}");
    let parts =
        ["StateValue", "Threshold", "Period", "AlarmArn", "StateUpdatedTimestamp"].map(|name| element(&body, name));
    assert_eq!(parts[..3], ["ALARM", "1.5", "60"]);
    assert!(parts[3].ends_with(":alarm:errors") && parts[4].contains('T'), "{body}");
    let (status, body) =
        query(&cloud, "monitoring", "Version=2010-08-01&Action=DeleteAlarms&AlarmNames.member.1=other");
    assert_eq!((status, element(&body, "Code")), (404, "ResourceNotFound"));
}

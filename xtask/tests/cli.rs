//! The whole program, as people run it, against a local cloud of its own: output and exit codes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it finds something wrong"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use support::{Sandbox, contains, ran, result};

#[test]
fn a_life() {
    let sandbox = Sandbox::new("instant");
    let plan = sandbox.ends(2, "plan --detailed-exitcode");
    contains(
        &plan.out,
        &["+ network/vpc  VPC", "+ cidr_block", "(known after apply)", " to add, 0 to change, 0 to destroy."],
    );
    let refused = sandbox.ends(5, "up");
    contains(&refused.out, &["Plan: "]);
    contains(&refused.err, &["error: `up` was not confirmed", "help: look at the plan, then run `up --yes`"]);

    let up = sandbox.ends(0, "up --yes");
    contains(&up.out, &["production", "http://", "Next: `status`"]);
    contains(&up.err, &["Done: "]);
    let again = sandbox.ends(0, "plan --detailed-exitcode");
    assert_eq!(
        again.out.lines().next().unwrap().split(" (").next(),
        Some("No changes. dev-codedeploy-practice is as the stack says")
    );
    contains(&sandbox.ends(0, "up --yes").out, &["No changes."]);

    let status = sandbox.ends(0, "status");
    contains(
        &status.out,
        &["Nothing differs from the stack.", "-> blue", "maintenance-bg", "CodeDeploy", "NAT gateway"],
    );
    let status = result(&sandbox.ends(0, "status --json"))["result"].clone();
    assert_eq!(status["missing"], Value::Array(vec![]));
    assert_eq!(status["live"], status["wanted"]);

    let change = sandbox.ends(2, "plan --detailed-exitcode --set backend_count=2");
    contains(
        &change.out,
        &["~ services/service/backend-blue", "desired_count = 1 -> 2", "0 to add, 2 to change, 0 to destroy."],
    );

    let file = sandbox.path("plan.json");
    let file = file.display();
    contains(&sandbox.ends(0, &format!("plan --set backend_count=2 --out {file}")).err, &["Saved to "]);
    contains(&sandbox.ends(0, &format!("show {file}")).out, &["desired_count = 1 -> 2"]);
    sandbox.ends(5, &format!("up {file}"));
    sandbox.ends(0, &format!("up {file} --yes"));
    let stale = sandbox.ends(5, &format!("up {file} --yes"));
    contains(
        &stale.err,
        &["is stale", "not needed any more: ~ services/service/backend-blue", "help: nothing was changed"],
    );

    sandbox.ends(5, "down");
    let down = sandbox.ends(0, "down --yes");
    contains(&down.out, &["- network/vpc  VPC", "Nothing is left of dev-codedeploy-practice."]);
    contains(&sandbox.ends(0, "status").out, &["Not up: "]);
    contains(&sandbox.ends(0, "down --yes").out, &["No changes."]);
}

#[test]
fn json_all_along() {
    let sandbox = Sandbox::new("instant");
    assert_eq!(result(&sandbox.ends(0, "show --json"))["result"]["stack"]["name"], "dev-codedeploy-practice");
    let refused = result(&sandbox.ends(5, "up --json"));
    assert_eq!(refused["error"]["code"], "unconfirmed");
    let up = sandbox.ends(0, "up --json --yes");
    let types: Vec<String> = up
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_owned())
        .collect();
    assert!(types.iter().any(|kind| kind == "plan") && types.iter().any(|kind| kind == "event"), "{types:?}");
    let up = result(&up);
    assert_eq!(up["result"]["counts"]["failed"], 0);
    assert!(up["result"]["outputs"]["production"].as_str().unwrap().starts_with("http://"));
    let plan = result(&sandbox.ends(0, "plan --json"));
    assert_eq!(plan["result"]["empty"], true);
    result(&sandbox.ends(0, "down --json --yes"));
}

#[test]
fn traffic_is_answered_on_this_machine() {
    let sandbox = Sandbox::new("instant");
    let up = sandbox.ends(0, "up --yes");
    contains(&up.out, &["production  http://127.0.0.1:", "for http://dev-codedeploy-practice-", "test "]);
    // What `up` has printed, a browser can open: a blue task answers.
    let printed = up.out.lines().find_map(|line| line.trim().strip_prefix("production ")).unwrap();
    let production = printed.split_whitespace().next().unwrap().to_owned();
    let answer = get(&production, "/");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    contains(&answer, &["\"service\":\"maintenance-bg\"", "\"imageTag\":\"blue\""]);
    contains(&sandbox.ends(0, "status").out, &[&format!("-> blue (1 healthy)  {production}")]);
    let status = result(&sandbox.ends(0, "status --json"))["result"].clone();
    assert_eq!(status["traffic"][0]["url"], production.as_str());
    assert!(status["traffic"][0]["aws_url"].as_str().unwrap().contains(".elb.amazonaws.com"));
    let again = result(&sandbox.ends(0, "up --json --yes"))["result"].clone();
    assert_eq!(again["outputs"]["production"], production.as_str());
    assert!(again["aws_names"]["production"].as_str().unwrap().contains(".elb.amazonaws.com"));
    let service = status["services"].as_array().unwrap().iter().find(|it| it["controller"] == "CODE_DEPLOY").unwrap();
    assert_eq!(service["sides"][0]["task_set"]["tag"], "blue");
    assert_eq!((&service["sides"][0]["production"], &service["sides"][0]["test"]), (&100.0.into(), &100.0.into()));
    assert_eq!(status["unanswered"], Value::Array(vec![]));

    // Another process, the same ports.
    let before = sandbox.local();
    let ports: Vec<u64> =
        before["traffic"].as_array().unwrap().iter().map(|port| port["port"].as_u64().unwrap()).collect();
    assert_eq!(ports, [80, 8080]);
    assert_eq!(before["traffic"][0]["url"], production.as_str());
    contains(&sandbox.ends(0, "local status").out, &["HTTP 80    -> ", "HTTP 8080  -> ", &production]);
    sandbox.ends(0, "local stop");
    sandbox.ends(0, "local start");
    let after = sandbox.local();
    assert_ne!(before["pid"], after["pid"]);
    assert_eq!(before["traffic"], after["traffic"]);
    assert!(get(&production, "/").starts_with("HTTP/1.1 200"));

    // Any other endpoint is what it says it is: nothing of this machine.
    let endpoint = after["endpoint"].as_str().unwrap();
    let mut aws = sandbox.command("status --target aws --json");
    aws.env("AWS_ACCESS_KEY_ID", "AKIA").env("AWS_SECRET_ACCESS_KEY", "secret").env("AWS_ENDPOINT_URL", endpoint);
    let aws = result(&ran(aws.output().unwrap()))["result"]["traffic"][0].clone();
    assert!(aws["url"].as_str().unwrap().contains(".elb.amazonaws.com"), "{aws}");
    assert_eq!(aws["aws_url"], Value::Null);
    sandbox.ends(0, "down --yes");
    assert_eq!(sandbox.local()["traffic"], Value::Array(vec![]));
}

#[test]
fn an_interrupted_run_goes_on() {
    // Slow enough to be in the middle of something.
    let sandbox = Sandbox::new("5");
    sandbox.ends(0, "local start");
    let mut child = sandbox.command("up --yes").stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    wait_for(&mut child, "created in");
    let locked = sandbox.ends(5, "up --yes");
    contains(&locked.err, &["is locked by another run", "`up` on ", "--break-lock"]);
    interrupt(&child);
    let ended = child.wait().unwrap();
    assert_eq!(ended.code(), Some(130));
    // The rest in no time.
    let status = sandbox.ends(0, "status");
    contains(&status.out, &["Partly up: "]);
    let faster = sandbox.command("up --yes --local-speed 2000").output().unwrap();
    assert_eq!(ran(faster).code, 0);
    contains(&sandbox.ends(0, "plan").out, &["No changes."]);
    let down = sandbox.command("down --yes --local-speed 2000").output().unwrap();
    assert_eq!(ran(down).code, 0);
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Reads a child's stderr until this is in it; the rest is read and dropped.
fn wait_for(child: &mut Child, text: &str) {
    let mut stderr = child.stderr.take().unwrap();
    let (mut seen, mut buffer) = (String::new(), [0; 4096]);
    let begin = Instant::now();
    while !seen.contains(text) {
        assert!(begin.elapsed() < Duration::from_secs(60), "{seen}");
        let read = stderr.read(&mut buffer).unwrap();
        assert!(read > 0, "it ended: {seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
}

#[test]
fn one_local_cloud_however_many_ask() {
    let sandbox = Sandbox::new("instant");
    contains(&sandbox.ends(0, "local status").out, &["The local cloud does not run."]);
    let children: Vec<Child> =
        (0..3).map(|_| sandbox.command("local start").stdout(Stdio::piped()).spawn().unwrap()).collect();
    let said: Vec<String> = children.into_iter().map(|child| ran(child.wait_with_output().unwrap()).out).collect();
    assert!(said.iter().all(|one| *one == said[0] && one.contains("runs at http://127.0.0.1:")), "{said:?}");
    let before = sandbox.local();
    assert_eq!(before["running"], true);
    contains(&sandbox.ends(0, "local status").out, &["export AWS_ENDPOINT_URL=http://127.0.0.1:"]);

    // A dead one is found out and replaced, on the same port, with what was made in it.
    sandbox.ends(0, "up --yes");
    let pid = sandbox.local()["pid"].to_string();
    // A large state is saved a moment later.
    std::thread::sleep(Duration::from_secs(1));
    assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    contains(&sandbox.ends(0, "plan").out, &["No changes."]);
    let after = sandbox.local();
    assert_ne!(before["pid"], after["pid"]);
    assert_eq!(before["endpoint"], after["endpoint"]);

    sandbox.ends(0, "local reset");
    contains(&sandbox.ends(0, "status").out, &["Not up: "]);
    contains(&sandbox.ends(0, "local stop").out, &["is stopped"]);
    contains(&sandbox.ends(0, "local stop").out, &["does not run"]);
}

#[test]
fn settings_that_are_wrong() {
    let sandbox = Sandbox::new("instant");
    let wrong = |line: &str, parts: &[&str]| contains(&sandbox.ends(1, line).err, parts);
    wrong(
        "plan --set test_source=10.0.0.0/8",
        &["the stack has no input `test_source`", "did you mean `test_sources`?"],
    );
    wrong("plan --set vpc_cidr=10.0.0.1/16", &["the input `vpc_cidr` cannot be `10.0.0.1/16`", "has host bits set"]);
    wrong("plan --set product=a-name-that-is-much-too-long-for-a-load-balancer", &["error: "]);
    wrong("plan --set zones=a", &["the input `zones` cannot be `a`", "two availability zones"]);
    wrong("plan --set vpc_cidr=10.9.0.0/16", &["error: the stack has ", "E-CIDR-OUTSIDE"]);
    wrong("plan --env-file none.env", &["the env file none.env cannot be read"]);
    wrong("show network/vpx", &["did you mean `network/vpc`?"]);
    wrong("plan --no-such-flag", &["unexpected argument"]);
    // Nothing of this has started a local cloud.
    assert!(!sandbox.path("cloud/endpoint.json").exists());
}

#[test]
fn targets_that_cannot_be_used() {
    let sandbox = Sandbox::new("instant");
    let without = sandbox.ends(1, "plan --target aws");
    contains(&without.err, &["no credentials", "--profile NAME", "the local cloud needs none"]);
    let keys = |command: &mut Command, endpoint: &str| {
        let keys = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "secret")];
        ran(command.envs(keys).env("AWS_ENDPOINT_URL", endpoint).output().unwrap())
    };
    let nobody = keys(&mut sandbox.command("plan --target aws"), "http://127.0.0.1:9");
    assert_eq!(nobody.code, 1, "{}", nobody.err);
    contains(&nobody.err, &["the endpoint cannot be reached", "http://127.0.0.1:9", "AWS_ENDPOINT_URL"]);

    // The local cloud as any endpoint: nobody puts practice images there.
    sandbox.ends(0, "local start");
    let endpoint = sandbox.local()["endpoint"].as_str().unwrap().to_owned();
    let guarded = keys(&mut sandbox.command("up --target aws --yes --account 999999999999"), &endpoint);
    assert_eq!(guarded.code, 5, "{}", guarded.err);
    contains(&guarded.err, &["only 999999999999 may be touched", "fixed by `--account`"]);
    let images = keys(&mut sandbox.command("up --target aws --yes"), &endpoint);
    assert_eq!(images.code, 5, "{}{}", images.out, images.err);
    contains(
        &images.err,
        &["not in the repository yet", "docker push 123456789012.dkr.ecr.", "docker login", "--no-image-check"],
    );
    // On the local cloud they are put there, and it goes on.
    sandbox.ends(0, "up --yes");
}

#[test]
fn what_others_put_there_is_left_and_named() {
    let sandbox = Sandbox::new("instant");
    sandbox.ends(0, "up --yes");
    let endpoint = sandbox.local()["endpoint"].as_str().unwrap().to_owned();
    let vpc =
        query(&endpoint, "Action=DescribeVpcs&Version=2016-11-15&Filter.1.Name=cidr&Filter.1.Value.1=10.0.0.0%2F16");
    let vpc = between(&vpc, "<vpcId>", "</vpcId>");
    let group = query(
        &endpoint,
        &format!("Action=CreateSecurityGroup&Version=2016-11-15&GroupName=other&GroupDescription=other&VpcId={vpc}"),
    );
    let group = between(&group, "<groupId>", "</groupId>");
    let down = sandbox.ends(3, "down --yes");
    contains(&down.err, &["network/vpc", &vpc, &group]);
    query(&endpoint, &format!("Action=DeleteSecurityGroup&Version=2016-11-15&GroupId={group}"));
    sandbox.ends(0, "down --yes");
}

/// The IAM actions that a printed policy allows all of: as people run it, it is one JSON document.
fn allowed(policy: &str) -> impl Fn(&str) -> bool {
    let policy: Value = serde_json::from_str(policy).unwrap();
    let statements = policy["Statement"].as_array().unwrap().clone();
    let patterns: Vec<String> = statements
        .iter()
        .flat_map(|statement| statement["Action"].as_array().unwrap())
        .map(|action| action.as_str().unwrap().to_owned())
        .collect();
    move |action| patterns.iter().any(|it| it.strip_suffix('*').map_or(it == action, |start| action.starts_with(start)))
}

#[test]
fn the_printed_policies_allow_all_that_is_called() {
    let sandbox = Sandbox::new("instant");
    let calls = || -> BTreeSet<String> {
        let answer = get(sandbox.local()["endpoint"].as_str().unwrap(), "/_aomidori/calls");
        let calls: BTreeMap<String, u64> = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        calls.into_keys().collect()
    };
    let scope = "--account 123456789012 --region ap-northeast-1";
    let all = sandbox.ends(0, &format!("iam-policy {scope}")).out;
    let deploy = sandbox.ends(0, &format!("iam-policy --deploy-only {scope}")).out;
    // A managed policy has room for so much, without white space.
    assert!(serde_json::from_str::<Value>(&all).unwrap().to_string().len() <= 6144, "{all}");
    contains(
        &all,
        &["iam:CreateRole", "role/dev-codedeploy-practice-", "\"iam:PassedToService\"", "iam:AWSServiceName"],
    );
    for write in ["ec2:CreateVpc", "iam:CreateRole", "ecs:DeleteService", "codedeploy:DeleteApplication"] {
        assert!(allowed(&all)(write) && !allowed(&deploy)(write), "{write}: {deploy}");
    }

    sandbox.ends(0, "up --yes");
    let up = calls();
    sandbox.ends(0, "deploy --image green --auto-reroute --wait terminated --yes");
    sandbox.ends(0, "rollback --to 1 --yes");
    // What was called for the first time now is what deployments need beyond reading.
    let deployed: Vec<String> = calls().difference(&up).cloned().collect();
    sandbox.ends(0, "down --yes");
    let missing: Vec<String> = calls().into_iter().filter(|call| !allowed(&all)(call)).collect();
    assert_eq!(missing, [] as [String; 0]);
    let missing: Vec<String> = deployed.into_iter().filter(|call| !allowed(&deploy)(call)).collect();
    assert_eq!(missing, [] as [String; 0]);
}

/// A page, asked for as JSON.
fn get(url: &str, path: &str) -> String {
    let address = url.strip_prefix("http://").unwrap().trim_end_matches('/');
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: application/json\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A call of EC2 by hand.
fn query(endpoint: &str, body: &str) -> String {
    let address = endpoint.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let scope = "Credential=AKIA/20260101/ap-northeast-1/ec2/aws4_request";
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         authorization: AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

fn between(text: &str, before: &str, after: &str) -> String {
    let from = text.find(before).unwrap() + before.len();
    text[from..from + text[from..].find(after).unwrap()].to_owned()
}

//! `adopt`, as people run it, on what Terraform manages: everything is marked, nothing is made, changed or deleted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it finds something wrong"
)]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aomidori_testkit::s3;
use aomidori_testkit::terraform::Terraform;
use serde_json::{Value, json};

/// A directory with a local cloud in it, stopped at the end.
struct Sandbox(tempfile::TempDir);

impl Sandbox {
    fn new() -> Sandbox {
        Sandbox(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a command that must end with this code; what it printed on both streams, and the last line of the first.
    #[track_caller]
    fn ends(&self, code: i32, line: &str) -> (String, Value) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        let ours = |name: &str| name.starts_with("AWS_") || name.starts_with("AOMIDORI_");
        for (name, _) in std::env::vars().filter(|(name, _)| ours(name)) {
            command.env_remove(name);
        }
        command
            .current_dir(self.0.path())
            .env("AOMIDORI_LOCAL_DIR", self.path("cloud"))
            .env("AOMIDORI_LOCAL_SPEED", "instant")
            // A stack from a file has no inputs, and so no region of its own.
            .env("AOMIDORI_REGION", "ap-northeast-1")
            .stdin(Stdio::null())
            .args(line.split_whitespace());
        let output = command.output().unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "`{line}`\n--- stdout\n{out}--- stderr\n{err}");
        let last = out.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
        (format!("{out}{err}"), last)
    }

    fn endpoint(&self) -> String {
        self.ends(0, "local status --json").1["result"]["endpoint"].as_str().unwrap().to_owned()
    }

    /// Calls of the local cloud's clients so far, by operation.
    fn calls(&self) -> BTreeMap<String, u64> {
        let endpoint = self.endpoint();
        let host = endpoint.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        write!(stream, "GET /_aomidori/calls HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.ends(0, "local stop");
    }
}

/// Calls that were made since, but for reads, tags and the lock.
fn changes(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> Vec<String> {
    let more = after.iter().filter(|(name, n)| **n > before.get(*name).copied().unwrap_or_default());
    let operation = |name: &str| name.split_once(':').unwrap().1.to_owned();
    let harmless = |name: &str| {
        let operation = operation(name);
        let lock = ["ssm:PutParameter", "ssm:DeleteParameter"].contains(&name);
        let reads = ["Describe", "Get", "List", "BatchGet"].iter().any(|verb| operation.starts_with(verb));
        let tags = ["CreateTags", "AddTags", "TagResource", "TagRole", "TagPolicy"].contains(&operation.as_str());
        lock || reads || tags
    };
    more.map(|(name, _)| name.clone()).filter(|name| !harmless(name)).collect()
}

/// Puts another tool's name in place of ours everywhere in a configuration.
fn rename_marks(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rename_marks(&path);
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::write(&path, text.replace("aomidori:", "another-tool:")).unwrap();
        }
    }
}

const REGION: &str = "ap-northeast-1";
/// Where somebody else's Terraform keeps its state.
const STATE: &str = "s3://team-states/practice/terraform.tfstate";

/// The practice environment as somebody else's Terraform manages it, with its state in S3, and pulled to a file: built,
/// imported, and without our marks.
fn managed_by_terraform(sandbox: &Sandbox) -> Option<PathBuf> {
    let terraform = Terraform::find()?;
    sandbox.ends(0, "up --yes");
    s3::make_bucket(&sandbox.endpoint(), REGION, "team-states").unwrap();
    sandbox.ends(0, &format!("emit terraform --out emitted --import --backend {STATE}"));
    rename_marks(&sandbox.path("emitted"));
    let root = terraform.root(&sandbox.path("emitted"), &sandbox.endpoint()).unwrap();
    let values = format!("-var-file={}", sandbox.path("emitted/terraform.tfvars").display());
    let said = root.run(["apply", "-auto-approve", "-no-color", &values]).unwrap();
    assert!(said.contains("78 imported, 0 added"), "{said}");
    let state = sandbox.path("terraform.tfstate");
    std::fs::write(&state, root.run(["state", "pull"]).unwrap()).unwrap();
    Some(state)
}

#[test]
fn what_terraform_manages_is_taken_over_by_tags_alone() {
    let sandbox = Sandbox::new();
    let Some(state) = managed_by_terraform(&sandbox) else { return };
    let (text, _) = sandbox.ends(3, "plan");
    assert!(text.contains("take over what is there with `adopt`"), "{text}");

    let before = sandbox.calls();
    for place in ["terraform.tfstate", STATE] {
        let (text, _) = sandbox.ends(0, &format!("adopt --tfstate {place} --dry-run"));
        assert!(text.contains("module.network.aws_subnet.private[\"a\"]"), "{text}");
        assert!(text.contains("64 resources to mark, 0 without a place"), "{text}");
    }
    sandbox.ends(5, "adopt --tfstate terraform.tfstate");
    sandbox.ends(3, "plan");
    let (_, result) = sandbox.ends(0, &format!("adopt --tfstate {STATE} --yes --json"));
    assert_eq!(result["result"]["adopted"], true);
    assert_eq!(result["result"]["matched"].as_array().unwrap().len(), 64);
    assert_eq!(result["result"]["left"], json!([]));
    assert_eq!(changes(&before, &sandbox.calls()), [] as [&str; 0]);
    sandbox.ends(0, "plan --detailed-exitcode");

    // Again there is nothing to do, and another stack does not get it.
    let (text, _) = sandbox.ends(0, "adopt --tfstate terraform.tfstate --yes");
    assert!(text.contains("0 resources to mark, 64 already"), "{text}");
    sandbox.ends(0, "show --out stack.json");
    let stack = std::fs::read_to_string(sandbox.path("stack.json")).unwrap();
    let other = stack.replacen("\"name\": \"dev-codedeploy-practice\"", "\"name\": \"other\"", 1);
    std::fs::write(sandbox.path("other.json"), other).unwrap();
    let (text, _) = sandbox.ends(5, "adopt --tfstate terraform.tfstate --stack other.json --yes");
    assert!(text.contains("is of the stack `dev-codedeploy-practice`"), "{text}");
    sandbox.ends(0, "plan --detailed-exitcode");

    // What differs is shown, and is a change, not a new resource.
    let unmarked = std::fs::read_to_string(&state).unwrap();
    let changed = stack.replacen("\"desired_count\": 1", "\"desired_count\": 2", 1);
    assert_ne!(changed, stack);
    std::fs::write(sandbox.path("changed.json"), changed).unwrap();
    let (text, result) = sandbox.ends(0, "adopt --tfstate terraform.tfstate --stack changed.json --dry-run --json");
    let differs: Vec<&Value> =
        result["result"]["matched"].as_array().unwrap().iter().filter(|it| it["differs"] != json!([])).collect();
    assert_eq!(differs.len(), 1, "{text}");
    assert_eq!(differs[0]["differs"], json!(["desired_count"]));

    // What is in the state and not there any more, what nobody wants, and what is not ours to take.
    let mut json: Value = serde_json::from_str(&unmarked).unwrap();
    let vpc = |id: &str, arn: &str| json!({ "attributes": { "id": id, "arn": arn, "password": "s3cret" } });
    let arn = |region: &str, account: &str| format!("arn:aws:ec2:{region}:{account}:vpc/vpc-1");
    let mut tainted = vpc("vpc-2", "");
    tainted["status"] = json!("tainted");
    json["resources"].as_array_mut().unwrap().push(json!({
        "mode": "managed", "type": "aws_vpc", "name": "old", "provider": "p",
        "instances": [
            vpc("vpc-0", ""),
            tainted,
            vpc("vpc-3", &arn("us-east-1", "123456789012")),
            vpc("vpc-4", &arn("ap-northeast-1", "999999999999")),
        ],
    }));
    std::fs::write(&state, json.to_string()).unwrap();
    let (text, result) = sandbox.ends(0, "adopt --tfstate terraform.tfstate --dry-run --json");
    let left: Vec<&str> =
        result["result"]["left"].as_array().unwrap().iter().map(|it| it["why"].as_str().unwrap()).collect();
    for (n, part) in ["tainted", "region us-east-1", "account 999999999999", "vpc-0 is not there"].iter().enumerate() {
        assert!(left[n].contains(part), "{left:?}");
    }
    assert!(!text.contains("s3cret"), "{text}");
}

#[test]
fn what_is_no_state_is_told_before_any_cloud_is_asked() {
    let sandbox = Sandbox::new();
    for (text, said) in [
        ("", "the state is empty"),
        ("not json, s3cret", "it is not JSON"),
        (r#"{"version": 3, "modules": ["s3cret"]}"#, "version 3"),
        (r#"{"encrypted_data": "s3cret"}"#, "encrypted"),
        (r#"{"version": 4, "resources": []}"#, "no resources"),
    ] {
        std::fs::write(sandbox.path("x.tfstate"), text).unwrap();
        let (shown, _) = sandbox.ends(1, "adopt --tfstate x.tfstate --yes");
        assert!(shown.contains(said) && !shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("help:"), "{shown}");
    }
    for place in ["s3://", "s3://team-states", "s3://team-states/folder/", "s3://team-states/x?foo=bar", "https://a/b"]
    {
        let (shown, _) = sandbox.ends(1, &format!("adopt --tfstate {place} --yes"));
        assert!(shown.contains("s3://BUCKET/KEY"), "{shown}");
    }
    sandbox.ends(1, "adopt --tfstate nowhere.tfstate");
    sandbox.ends(1, "adopt");
    assert!(!sandbox.path("cloud").exists());
}

#[test]
fn a_state_in_s3_is_found_or_it_is_told_what_is_there() {
    let sandbox = Sandbox::new();
    sandbox.ends(0, "local start");
    let endpoint = sandbox.endpoint();
    let says = |code: i32, place: &str, parts: &[&str]| {
        let (text, _) = sandbox.ends(code, &format!("adopt --tfstate {place} --dry-run"));
        assert!(parts.iter().all(|part| text.contains(part)), "{parts:?}\n{text}");
    };
    says(1, "s3://team-states/a.tfstate", &["there is no bucket `team-states`", "help:"]);
    // In another region than the stack, with a workspace's state.
    s3::make_bucket(&endpoint, "eu-west-1", "team-states").unwrap();
    let put = |key: &str, body: &str| {
        s3::send(&endpoint, "eu-west-1", "PUT", &format!("/team-states/{key}"), body).unwrap();
    };
    let state = json!({"version": 4, "resources": [{
        "mode": "managed", "type": "aws_vpc", "name": "old", "provider": "p",
        "instances": [{"attributes": {"id": "vpc-0", "password": "s3cret"}}],
    }]});
    put("env:/blue/a.tfstate", &state.to_string());
    put("bad.tfstate", "not json, s3cret");
    says(
        1,
        "s3://team-states/a.tfstate",
        &["has no object `a.tfstate`", "it has `bad.tfstate`, `env:/blue/a.tfstate`"],
    );
    says(0, "s3://team-states/env:/blue/a.tfstate", &["`team-states` is in eu-west-1", "vpc-0 is not there"]);
    says(1, "s3://team-states/bad.tfstate?region=eu-west-1", &["it is not JSON"]);
}

#[test]
fn what_belongs_to_services_is_described_and_taken_over() {
    let sandbox = Sandbox::new();
    if managed_by_terraform(&sandbox).is_none() {
        return;
    }
    let before = sandbox.calls();
    let services = ["maintenance-bg", "backend-blue", "backend-green"]
        .map(|name| format!("--service dev-codedeploy-practice/{name}"))
        .join(" ");
    sandbox.ends(1, "adopt --service dev-codedeploy-practice/nothing --yes");
    sandbox.ends(1, "adopt --service nothing");
    let (_, result) = sandbox.ends(0, &format!("adopt {services} --name described --yes --json"));
    // All 64: the walk reaches what the services need, and what stands beside it in their network.
    assert_eq!(result["result"]["matched"].as_array().unwrap().len(), 64);
    assert_eq!(result["result"]["left"], json!([]));
    assert_eq!(result["result"]["missing"], json!([]));
    assert_eq!(changes(&before, &sandbox.calls()), [] as [&str; 0]);
    sandbox.ends(0, "plan --stack described.json --detailed-exitcode");
    sandbox.ends(0, "validate --stack described.json");

    // Again it is the same file, and nothing to do; a file that says something else is not written over.
    let (_, result) = sandbox.ends(0, &format!("adopt {services} --name described --yes --json"));
    assert_eq!(result["result"]["adopted"], false);
    std::fs::write(sandbox.path("described.json"), "{}").unwrap();
    let (text, _) = sandbox.ends(1, &format!("adopt {services} --name described --yes"));
    assert!(text.contains("described.json"), "{text}");
    // It is another stack's now.
    let (text, _) = sandbox.ends(5, &format!("adopt {services} --name other --yes"));
    assert!(text.contains("is of the stack `described`"), "{text}");
}

/// A configuration of `fixtures/terraform-hand`, applied.
fn made_by_hand(sandbox: &Sandbox, name: &str) -> Option<aomidori_testkit::terraform::Root> {
    let terraform = Terraform::find()?;
    sandbox.ends(0, "local start");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/terraform-hand").join(name);
    let root = terraform.root(&folder, &sandbox.endpoint()).unwrap();
    root.run(["apply", "-auto-approve", "-no-color"]).unwrap();
    Some(root)
}

#[test]
fn what_another_hand_made_is_described_wholly_or_said() {
    let sandbox = Sandbox::new();
    let Some(_root) = made_by_hand(&sandbox, "web") else { return };
    // Of two services in one cluster only one is named: the cluster is not the stack's.
    let (text, result) = sandbox.ends(0, "adopt --service Web_Cluster/web --dry-run --out one.json --json");
    let left = result["result"]["left"].as_array().unwrap();
    assert!(left.len() == 1 && left[0]["why"].as_str().unwrap().contains("run in it: worker"), "{text}");
    sandbox.ends(0, "validate --stack one.json");

    let before = sandbox.calls();
    let services = "--service Web_Cluster/web --service Web_Cluster/worker";
    let (text, result) = sandbox.ends(0, &format!("adopt {services} --yes --out web.json --json"));
    // A model without SRV records has none of a service that is found by them, nor of the namespace that it stands in.
    let left = result["result"]["left"].as_array().unwrap();
    let why =
        ["a stack cannot say its `dns_config.dns_records.type`", "services that are not described are registered"];
    let told = |why: &&str| left.iter().filter(|it| it["why"].as_str().unwrap().starts_with(why)).count();
    assert_eq!((left.len(), why.each_ref().map(told)), (2, [1; 2]), "{text}");
    let unsaid: Vec<&str> =
        result["result"]["unsaid"].as_array().unwrap().iter().map(|it| it["what"].as_str().unwrap()).collect();
    let starts = ["the further certificate", "its capacity providers", "accepted as it is live, E-LISTENER-CLOSED"];
    // What an import into Terraform must not undo.
    let kept = ["the key that", "its permissions boundary", "the container and port"];
    let count = |start: &&str| unsaid.iter().filter(|what| what.starts_with(start)).count();
    assert_eq!(
        (unsaid.len(), starts.each_ref().map(count), kept.each_ref().map(count)),
        (7, [1; 3], [1; 3]),
        "{unsaid:?}"
    );
    assert!(unsaid.contains(&"the secondary network 100.64.0.0/16"), "{unsaid:?}");
    let passed = result["result"]["passed"].to_string();
    assert!(passed.contains("the main route table"), "{passed}");
    assert_eq!(changes(&before, &sandbox.calls()), [] as [&str; 0]);
    assert!(!text.contains("s3cret"), "{text}");

    let stack: Value = serde_json::from_str(&std::fs::read_to_string(sandbox.path("web.json")).unwrap()).unwrap();
    let kinds = stack["resources"].to_string();
    for part in ["evaluate_target_health", "*.apps.example.com", "web.corp.example", "idle_timeout.timeout_seconds"] {
        assert!(kinds.contains(part), "{part}: {kinds}");
    }
    for part in ["routing.http.desync_mitigation_mode", "mail.example.com", "deletion_protection"] {
        assert!(!kinds.contains(part), "{part}: {kinds}");
    }
    sandbox.ends(0, "validate --stack web.json");
    sandbox.ends(0, "plan --stack web.json --detailed-exitcode");
    // Again it is the same file.
    sandbox.ends(0, &format!("adopt {services} --yes --out web.json"));

    sandbox.ends(0, "emit terraform --stack web.json --out emitted --import");
    let emitted = Terraform::find().unwrap().root(&sandbox.path("emitted"), &sandbox.endpoint()).unwrap();
    let values = format!("-var-file={}", sandbox.path("emitted/terraform.tfvars").display());
    let said = emitted.run(["plan", "-no-color", &values]).unwrap();
    assert!(said.contains("to import, 0 to add, 0 to change, 0 to destroy"), "{said}");
    emitted.run(["apply", "-auto-approve", "-no-color", &values]).unwrap();
    let said = emitted.run(["plan", "-no-color", &values]).unwrap();
    assert!(said.contains("No changes."), "{said}");
    sandbox.ends(0, "down --stack web.json --yes");
}

#[test]
fn services_whose_tasks_do_not_come_up_are_described_all_the_same() {
    let sandbox = Sandbox::new();
    // Nobody has pushed the image of one of them.
    let Some(_root) = made_by_hand(&sandbox, "practice") else { return };
    let services = ["maintenance-bg", "backend-blue", "backend-green"]
        .map(|name| format!("--service dev-codedeploy-practice/{name}"))
        .join(" ");
    let (text, result) = sandbox.ends(0, &format!("adopt {services} --yes --out hand.json --json"));
    let left = result["result"]["left"].as_array().unwrap();
    assert!(left.iter().all(|it| it["from"].as_str().unwrap().starts_with("task definition")), "{text}");
    let (text, _) = sandbox.ends(0, "plan --stack hand.json --detailed-exitcode");
    assert!(text.contains("CannotPullContainerError"), "{text}");
    sandbox.ends(0, "emit terraform --stack hand.json --out emitted --import");
    let emitted = Terraform::find().unwrap().root(&sandbox.path("emitted"), &sandbox.endpoint()).unwrap();
    let values = format!("-var-file={}", sandbox.path("emitted/terraform.tfvars").display());
    let said = emitted.run(["plan", "-no-color", &values]).unwrap();
    assert!(said.contains("to import, 0 to add, 0 to change, 0 to destroy"), "{said}");

    // It is another stack's now.
    let (text, _) = sandbox.ends(5, "adopt --service dev-codedeploy-practice/backend-blue --name other --yes");
    assert!(text.contains("is of the stack `dev-codedeploy-practice`"), "{text}");
}

//! The article's story through the command line, while a client asks for the production page all the time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it finds something wrong"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::Value;
use support::{Sandbox, contains, ran, result};

/// Fast, with much time to re-route: on a busy machine a command takes its time.
const INPUTS: &str = "--set reroute_wait_minutes=120 --set terminate_wait_minutes=2";

/// The image tag that answers at an address of the local cloud, or the status of what answers in its place.
fn asked(port: u16) -> Result<String, String> {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: practice\r\naccept: application/json\r\nconnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    let text = ask().map_err(|error| error.to_string())?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("no answer")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    if status != "200" {
        return Err(format!("{status} {}", body.trim()));
    }
    let page: Value = serde_json::from_str(body.trim()).map_err(|error| error.to_string())?;
    Ok(page["imageTag"].as_str().unwrap_or("-").to_owned())
}

/// Asks for the production page all the time, and keeps every answer that should not have been.
struct Client {
    expected: Arc<Mutex<BTreeSet<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Served>>,
}

/// What a client got.
#[derive(Debug, Default)]
struct Served {
    right: BTreeMap<String, u32>,
    wrong: Vec<String>,
}

impl Client {
    fn start(port: u16, live: &str) -> Client {
        let expected = Arc::new(Mutex::new(BTreeSet::from([live.to_owned()])));
        let stop = Arc::new(AtomicBool::new(false));
        let (may, end) = (Arc::clone(&expected), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut served = Served::default();
            while !end.load(Ordering::Relaxed) {
                // What is expected may change while it is asked: either is right then.
                let before = may.lock().unwrap().clone();
                let answer = asked(port);
                let after = may.lock().unwrap().clone();
                match answer {
                    Ok(tag) if before.contains(&tag) || after.contains(&tag) => {
                        *served.right.entry(tag).or_default() += 1
                    }
                    Ok(tag) => served.wrong.push(format!("{tag} in place of {before:?}")),
                    Err(why) => served.wrong.push(format!("{why} in place of {before:?}")),
                }
                std::thread::sleep(std::time::Duration::from_millis(3));
            }
            served
        });
        Client { expected, stop, thread: Some(thread) }
    }

    /// From now on one of these is right.
    fn expect(&self, tags: &[&str]) {
        *self.expected.lock().unwrap() = tags.iter().map(|tag| (*tag).to_owned()).collect();
    }

    fn stop(&mut self) -> Served {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

/// Ports of the production and the test listener.
fn ports(sandbox: &Sandbox) -> (u16, u16) {
    let status = sandbox.ends(0, &format!("appspec --json {INPUTS}"));
    assert_eq!(result(&status)["exit"], 0);
    let endpoint = sandbox.local()["endpoint"].as_str().unwrap().to_owned();
    let address = endpoint.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /_aomidori/status HTTP/1.1\r\nhost: local\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let status: Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1.trim()).unwrap();
    let port = |of: u64| {
        let all = status["traffic"].as_array().unwrap();
        let found = all.iter().find(|one| one["port"] == of).unwrap_or_else(|| panic!("no port {of}: {status}"));
        u16::try_from(found["localPort"].as_u64().unwrap()).unwrap()
    };
    (port(80), port(8080))
}

#[test]
fn the_article() {
    let sandbox = Sandbox::new("240");
    let ends = |code: i32, line: &str| sandbox.ends(code, &format!("{line} {INPUTS}"));
    let unchanged = |when: &str| {
        let plan = ends(0, "plan --detailed-exitcode");
        assert!(plan.out.starts_with("No changes."), "{when}: {}", plan.out);
    };
    ends(0, "up --yes");
    let (production, test) = ports(&sandbox);
    let mut client = Client::start(production, "blue");

    // The backend, task by task.
    let rolled = ends(0, "deploy backend-blue --image green --yes");
    contains(&rolled.out, &["(rolling)", "Done: "]);
    unchanged("the backend is deployed");

    // The front end's first generation is what it was made with; the second is registered, then deployed.
    let registered = ends(0, "register --image green --yes");
    contains(
        &registered.out,
        &["~  maintenance.image", "(green)", "Registered dev-codedeploy-practice-maintenance-bg:2"],
    );
    contains(&ends(0, "register --image green --yes").out, &["no new revision"]);
    unchanged("registered");
    let ready = ends(0, "deploy --latest --yes");
    contains(&ready.out, &["Test traffic is on green, production still on blue", "`reroute`", "`rollback`"]);
    assert_eq!((asked(production).as_deref(), asked(test).as_deref()), (Ok("blue"), Ok("green")));
    unchanged("ready");
    contains(&ends(5, "deploy --image red-9 --yes").err, &["is still running", "`attach` follows it"]);

    client.expect(&["blue", "green"]);
    contains(&ends(0, "reroute --yes").out, &["All production traffic is on green"]);
    client.expect(&["green"]);
    assert_eq!(asked(production).as_deref(), Ok("green"));
    unchanged("re-routed");
    contains(&ends(0, "wait").out, &["what was live before is terminated"]);
    unchanged("terminated");

    // Three more generations: at once, by a canary, and after a look at the test listener.
    let mut live = "green";
    for (tag, how) in [
        ("red-3", "--auto-reroute"),
        ("purple-4", "--auto-reroute --config CodeDeployDefault.ECSCanary10Percent5Minutes"),
        ("orange-5", "--probe /index.html"),
    ] {
        client.expect(&[live, tag]);
        ends(0, &format!("deploy --image {tag} {how} --wait terminated --yes"));
        client.expect(&[tag]);
        live = tag;
    }
    let generations = result(&ends(0, "generations --json"))["result"]["generations"].clone();
    let tags: Vec<&str> =
        generations.as_array().unwrap().iter().map(|one| one["tag"].as_str().unwrap_or("-")).collect();
    assert_eq!(tags[1..], ["green", "red-3", "purple-4", "orange-5"]);
    let digests = generations.as_array().unwrap().iter().map(|one| one["image"].as_str().unwrap());
    assert!(digests.clone().all(|image| image.contains("@sha256:")), "{:?}", digests.collect::<Vec<_>>());

    // Back to the first, over four of them.
    client.expect(&[live, "blue"]);
    ends(0, "rollback --to 1 --wait terminated --yes");
    client.expect(&["blue"]);
    assert_eq!(asked(production).as_deref(), Ok("blue"));
    unchanged("gone back");

    // What is broken goes back by itself, long before CodeDeploy's hour is over.
    let broken = ends(4, "deploy --image never-healthy --auto-reroute --yes");
    contains(&broken.err, &["was rolled back", "its tasks keep stopping for the same reason", "health checks"]);
    unchanged("rolled back");

    // What is up and answers wrongly is found by asking, before anybody else sees it.
    let wrong = ends(4, "deploy --image error-500 --probe / --yes");
    contains(&wrong.err, &["was rolled back", "answered 500, and 200 was expected"]);

    // What is not liked at the test listener is stopped.
    ends(0, "deploy --image green --yes");
    assert_eq!(asked(test).as_deref(), Ok("green"));
    contains(&ends(0, "rollback --yes").out, &["production is on what was live before"]);
    assert_eq!((asked(production).as_deref(), asked(test).as_deref()), (Ok("blue"), Ok("blue")));
    unchanged("stopped and rolled back");

    // Killed in the middle: nothing is lost.
    let mut killed = sandbox.command(&format!("deploy --image green --json --yes {INPUTS}"));
    let mut killed = killed.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(killed.stdout.take().unwrap()).lines().map(Result::unwrap);
    let created = lines.find(|line| line.contains("codedeploy:CreateDeployment")).unwrap();
    killed.kill().unwrap();
    killed.wait().unwrap();
    let created: Value = serde_json::from_str(&created).unwrap();
    let id = created["event"]["id"].as_str().unwrap();
    let attached = ends(0, "attach");
    contains(&attached.out, &["Test traffic is on green", id]);
    client.expect(&["blue", "green"]);
    contains(&ends(0, &format!("attach {id} --auto-reroute --wait terminated --yes")).out, &["Done", id]);
    client.expect(&["green"]);
    unchanged("attached");

    let served = client.stop();
    assert!(served.wrong.is_empty(), "{served:?}");
    assert!(served.right.keys().len() >= 5, "{served:?}");
    let _ = writeln!(std::io::stderr(), "requests answered: {:?}, none wrongly", served.right);
    contains(&ends(0, "down --yes").out, &["Nothing is left"]);
}

#[test]
fn what_is_asked_wrongly_is_refused() {
    let sandbox = Sandbox::new("instant");
    let ran = |code: i32, line: &str, parts: &[&str]| {
        let ran = sandbox.ends(code, line);
        contains(&ran.err, parts);
    };
    ran(1, "deploy --image green --yes", &["is not there yet", "stand the environment up first"]);
    sandbox.ends(0, "up --yes");
    ran(5, "deploy --image green", &["`deploy` was not confirmed", "run `deploy --yes`"]);
    ran(1, "deploy nothing --yes", &["no service `nothing`", "maintenance-bg"]);
    ran(1, "deploy --image nosuch --yes", &["no image `nosuch`", "push it"]);
    ran(1, "deploy --image app: --yes", &["is not an image"]);
    ran(1, "deploy --task-definition 99 --yes", &["there is no active revision `99`"]);
    ran(1, "deploy --task-definition other:1 --yes", &["another family"]);
    ran(1, "deploy --image green --config Nope --yes", &["no deployment configuration `Nope`"]);
    ran(1, "deploy --wait sometimes --yes", &["--wait is `sometimes`"]);
    ran(1, "deploy --probe health --yes", &["--probe is `health`"]);
    ran(1, "deploy backend-blue --auto-reroute --yes", &["means nothing to `backend-blue`"]);
    ran(1, "reroute --yes", &["no deployment of `maintenance-bg` runs"]);
    ran(1, "reroute backend-blue --yes", &["is for services that CodeDeploy deploys"]);
    ran(1, "rollback --yes", &["no earlier generation"]);
    ran(1, "rollback --to 7 --yes", &["there is no generation 7"]);
    ran(1, "rollback --to 1 --yes", &["generation 1 is live"]);
    ran(1, "attach d-NOSUCHONE", &["there is no deployment d-NOSUCHONE"]);
    contains(&sandbox.ends(0, "wait").out, &["No deployment of maintenance-bg runs"]);
    // Nothing of it has left anything.
    contains(&sandbox.ends(0, "plan --detailed-exitcode").out, &["No changes."]);
    let dry = sandbox.ends(0, "deploy --image green --dry-run");
    contains(&dry.out, &["green is up", "TaskDefinition: ", "# AppSpec"]);
    contains(&sandbox.ends(0, "appspec --format json").out, &["\"AWS::ECS::Service\""]);
    contains(&sandbox.ends(0, "tasks").out, &["RUNNING", "PRIMARY"]);
    let scaled = sandbox.ends(0, "scale backend-blue --tasks 2 --yes");
    contains(&scaled.out, &["backend-blue has 2 of 2 tasks running"]);
    contains(&scaled.err, &["the next `up` sets that again"]);
    sandbox.ends(0, "deploy --image green --wait none --yes");
    #[cfg(unix)]
    is_interrupted(&sandbox);
    sandbox.ends(0, "rollback --yes");
}

/// A deployment is followed, and interrupted with nobody to ask: it goes on.
#[cfg(unix)]
fn is_interrupted(sandbox: &Sandbox) {
    let mut command = sandbox.command("attach --wait terminated --json");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|line| line.contains(r#""type":"stage""#)).unwrap();
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let last: Value = serde_json::from_str(&lines.last().unwrap()).unwrap();
    assert_eq!((last["exit"].as_u64(), last["error"]["code"].as_str()), (Some(130), Some("interrupted")), "{last}");
    let said = ran(child.wait_with_output().unwrap());
    assert_eq!(said.code, 130);
    contains(&said.err, &["goes on by itself", "`attach` follows it"]);
}

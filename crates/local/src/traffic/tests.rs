//! Requests to the ports of listeners, while deployments go on behind them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::Result;
use crate::server::LocalCloud;
use crate::services::codedeploy::deployment::tests::practice::{Practice, text};
use crate::services::peers;
use crate::traffic::sync;
use crate::{Options, TrafficPort};

const REGION: &str = "ap-northeast-1";

/// The practice environment, with open ports.
struct Served {
    cloud: LocalCloud,
    practice: Practice,
}

/// Status, head and body.
type Answer = (u16, String, String);

impl Served {
    fn new() -> Served {
        Served::with(Options::manual())
    }

    fn with(options: Options) -> Served {
        let mut practice = Practice::new();
        let cloud = LocalCloud::start(options).unwrap();
        let clock = cloud.clock();
        let now = practice.world.now;
        let world = std::mem::replace(&mut practice.world, crate::world::World::new(&practice.options, now));
        clock.shared.lock().world = world;
        clock.set(now);
        clock.shared.traffic.touch();
        sync(&clock.shared);
        Served { cloud, practice }
    }

    fn call(&self, service: &str, operation: &str, input: Value) -> Result {
        let shared = self.cloud.clock().shared;
        let answer = shared.look(REGION, |cx| peers::call(cx, service, operation, input));
        shared.traffic.touch();
        sync(&shared);
        answer
    }

    fn ok(&self, service: &str, operation: &str, input: Value) -> Value {
        self.call(service, operation, input).unwrap_or_else(|e| panic!("{operation}: {e:?}"))
    }

    fn port(&self, port: u16) -> TrafficPort {
        self.cloud.traffic().into_iter().find(|t| t.port == port).unwrap()
    }

    fn get(&self, port: u16, path: &str, accept: &str) -> Answer {
        get(self.port(port).local_port, path, accept)
    }

    /// The image tag that answers.
    fn tag(&self, port: u16) -> String {
        let (status, _, body) = self.get(port, "/", "application/json");
        assert_eq!(status, 200, "{body}");
        text(&serde_json::from_str::<Value>(&body).unwrap()["imageTag"])
    }

    fn register(&self, tag: &str) -> String {
        let found =
            self.ok("ecs", "DescribeTaskDefinition", json!({"taskDefinition": "web"}))["taskDefinition"].clone();
        let mut container = found["containerDefinitions"][0].clone();
        container["image"] = format!("example.com/web:{tag}").into();
        let input = json!({
            "family": "web", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
            "executionRoleArn": found["executionRoleArn"], "containerDefinitions": [container],
        });
        text(&self.ok("ecs", "RegisterTaskDefinition", input)["taskDefinition"]["taskDefinitionArn"])
    }

    fn deploy(&self, tag: &str, config: &str) -> String {
        let spec = json!({"version": 0.0, "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": {
            "TaskDefinition": self.register(tag), "LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 80}}}}]});
        let input = json!({
            "applicationName": "app", "deploymentGroupName": "group", "deploymentConfigName": format!("CodeDeployDefault.{config}"),
            "revision": {"revisionType": "AppSpecContent", "appSpecContent": {"content": spec.to_string()}},
        });
        text(&self.ok("codedeploy", "CreateDeployment", input)["deploymentId"])
    }

    fn info(&self, id: &str) -> Value {
        self.ok("codedeploy", "GetDeployment", json!({"deploymentId": id}))["deploymentInfo"].clone()
    }

    fn until(&self, id: &str, what: impl Fn(&Value) -> bool) {
        for _ in 0..1800 {
            if what(&self.info(id)) {
                return;
            }
            self.cloud.clock().advance(Duration::from_secs(2));
        }
        panic!("never: {:#}", self.info(id));
    }

    fn reroute(&self, id: &str) {
        self.until(id, |d| d["status"] == "Ready");
        self.ok("codedeploy", "ContinueDeployment", json!({"deploymentId": id}));
    }
}

fn get(port: u16, path: &str, accept: &str) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\naccept: {accept}\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_lowercase(), body.to_owned())
}

#[test]
fn production_and_test_listener_through_a_deployment() {
    let s = Served::new();
    assert_eq!((s.tag(80), s.tag(8080)), ("v1".to_owned(), "v1".to_owned()));
    let id = s.deploy("green-2", "ECSAllAtOnce");
    // At every request production answers with what should be live.
    s.until(&id, |d| {
        assert_eq!(s.tag(80), "v1");
        d["status"] == "Ready"
    });
    assert_eq!(s.tag(8080), "green-2");
    let (status, head, page) = s.get(8080, "/", "text/html");
    assert!(status == 200 && head.contains("text/html"), "{head}");
    assert!(
        page.contains("#2da44e") && page.contains("green-2") && page.contains("c/web") && page.contains("web:2"),
        "{page}"
    );
    s.ok("codedeploy", "ContinueDeployment", json!({"deploymentId": id}));
    s.until(&id, |d| {
        assert!(["v1", "green-2"].contains(&s.tag(80).as_str()));
        d["instanceTerminationWaitTimeStarted"] == true
    });
    s.until(&id, |d| {
        assert_eq!(s.tag(80), "green-2");
        d["status"] == "Succeeded"
    });
}

#[test]
fn a_canary_gets_its_share_of_real_requests() {
    let s = Served::new();
    let id = s.deploy("v2", "ECSCanary10Percent5Minutes");
    s.reroute(&id);
    s.until(&id, |_| s.tag(80) == "v2");
    let new = (0..100).filter(|_| s.tag(80) == "v2").count();
    assert_eq!(new, 10);
    s.until(&id, |d| d["instanceTerminationWaitTimeStarted"] == true);
    assert_eq!((0..10).filter(|_| s.tag(80) == "v2").count(), 10);
}

#[test]
fn a_broken_image_is_seen_where_it_serves() {
    let s = Served::new();
    let id = s.deploy("error-500", "ECSAllAtOnce");
    s.until(&id, |d| d["status"] == "Ready");
    let (status, _, body) = s.get(8080, "/", "application/json");
    assert_eq!((status, s.get(80, "/", "*/*").0), (500, 200), "{body}");
    s.ok("codedeploy", "StopDeployment", json!({"deploymentId": id, "autoRollbackEnabled": true}));
    s.until(&id, |_| s.get(8080, "/", "*/*").0 == 200);
    // A crash after an all-at-once shift takes production with it, until the tasks are there again.
    s.until(&id, |d| s.info(&text(&d["rollbackInfo"]["rollbackDeploymentId"]))["status"] == "Succeeded");
    let id = s.deploy("crash", "ECSAllAtOnce");
    s.reroute(&id);
    s.until(&id, |_| s.get(80, "/", "*/*").0 == 503);
}

#[test]
fn nobody_healthy_is_503_and_other_actions_answer_by_themselves() {
    let s = Served::new();
    let listener = s.practice.production.clone();
    let rule = |priority: u32, path: &str, action: Value| {
        let input = json!({
            "ListenerArn": listener, "Priority": priority, "Actions": [action],
            "Conditions": [{"Field": "path-pattern", "Values": [path]}],
        });
        s.ok("elasticloadbalancing", "CreateRule", input);
    };
    let fixed = |code: &str| json!({"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": code, "ContentType": "text/plain", "MessageBody": "closed"}});
    rule(20, "/closed/*", fixed("404"));
    rule(10, "/closed/too", fixed("410"));
    rule(
        30,
        "/old/*",
        json!({"Type": "redirect", "RedirectConfig": {"Port": "8080", "Path": "/new/#{path}", "StatusCode": "HTTP_302"}}),
    );
    rule(
        40,
        "/away",
        json!({"Type": "redirect", "RedirectConfig": {"Host": "example.com", "Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}),
    );
    let (status, _, body) = s.get(80, "/closed/it", "*/*");
    assert_eq!((status, body.as_str()), (404, "closed"));
    assert_eq!(s.get(80, "/closed/too", "*/*").0, 410, "the first rule by priority");
    let (status, head, _) = s.get(80, "/old/page?x=1", "*/*");
    let local = s.port(8080).local_port;
    assert!(status == 302 && head.contains(&format!("location: http://127.0.0.1:{local}/new/old/page?x=1")), "{head}");
    let (status, head, _) = s.get(80, "/away", "*/*");
    assert!(status == 301 && head.contains("location: https://example.com:443/away"), "{head}");

    s.ok("ecs", "UpdateService", json!({"cluster": "c", "service": "web", "desiredCount": 0}));
    s.cloud.clock().advance(Duration::from_secs(60));
    let (status, head, body) = s.get(80, "/", "*/*");
    assert_eq!(status, 503);
    assert!(
        head.contains("server: awselb/2.0") && body.contains("503 Service Temporarily Unavailable"),
        "{head} {body}"
    );
}

#[test]
fn ports_are_told_kept_over_a_restart_and_closed_with_their_listener() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { state_dir: Some(folder.path().to_owned()), ..Options::manual() };
    let s = Served::with(options.clone());
    let before = s.cloud.traffic();
    assert_eq!(
        before.iter().map(|t| (t.load_balancer.as_str(), t.port, t.protocol.as_str())).collect::<Vec<_>>(),
        [("lb", 80, "HTTP"), ("lb", 8080, "HTTP")]
    );
    assert_eq!(before[0].url, format!("http://127.0.0.1:{}", before[0].local_port));
    let (_, _, told) = get(s.cloud.port(), "/_aomidori/status", "*/*");
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["traffic"], json!(before));
    let id = s.deploy("v2", "ECSAllAtOnce");
    s.until(&id, |d| d["status"] == "Ready");
    let Served { cloud, practice } = s;
    cloud.shutdown().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", before[0].local_port)).is_err(), "a stopped cloud has no open ports");

    let s = Served { cloud: LocalCloud::start(options).unwrap(), practice };
    assert_eq!(s.cloud.traffic(), before);
    assert_eq!((s.tag(80), s.tag(8080)), ("v1".to_owned(), "v2".to_owned()), "the deployment waits where it was");
    s.reroute(&id);
    s.until(&id, |d| d["status"] == "Succeeded");
    assert_eq!(s.tag(80), "v2");

    let listeners = s.ok("elasticloadbalancing", "DescribeListeners", json!({"ListenerArns": [s.practice.test]}));
    let listener = listeners["Listeners"][0].clone();
    s.ok("elasticloadbalancing", "DeleteListener", json!({"ListenerArn": s.practice.test}));
    assert_eq!(s.cloud.traffic().len(), 1);
    let is_closed = || TcpStream::connect(("127.0.0.1", before[1].local_port)).is_err();
    let soon = (0..100).any(|_| {
        let closed = is_closed();
        if !closed {
            std::thread::sleep(Duration::from_millis(20));
        }
        closed
    });
    assert!(soon, "the port of a deleted listener is still open");

    // One that is made anew is another listener, in the same place.
    let new = json!({
        "LoadBalancerArn": listener["LoadBalancerArn"],
        "Port": listener["Port"],
        "Protocol": listener["Protocol"],
        "DefaultActions": listener["DefaultActions"],
    });
    s.ok("elasticloadbalancing", "CreateListener", new);
    let after = s.cloud.traffic();
    assert_ne!(after[1].listener_arn, before[1].listener_arn);
    assert_eq!(after[1].url, before[1].url);
    s.cloud.reset();
}

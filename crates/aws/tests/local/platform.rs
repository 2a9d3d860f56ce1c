//! Load balancing, roles and DNS records in detail.

use std::collections::BTreeSet;

use aomidori_engine::Cloud as _;
use aomidori_model::kinds::dns_record::Answer;
use aomidori_model::kinds::iam_policy::IamPolicyName;
use aomidori_model::kinds::listener::{Action, FixedResponse};
use aomidori_model::kinds::listener_rule::Condition;
use aomidori_model::kinds::{DnsRecord, IamPolicy, IamRole, ListenerRule, LoadBalancer, TargetGroup};
use aomidori_model::policy::{PolicyDocument, PolicyResource, Statement};
use aomidori_model::{Ref, Resource, Stack};
use aomidori_plan::Ownership;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{World, address, census, practice};

/// Network, security and platform, without anything that needs tasks.
fn platform() -> Stack {
    practice(&["network", "security", "platform"])
}

fn reference<K>(at: &str) -> Ref<K> {
    Ref::to(address(at))
}

fn fixed(status: u16) -> Action {
    Action::FixedResponse(FixedResponse { status, content_type: None, body: None })
}

fn rule(path: &str, priority: u32, action: Action) -> ListenerRule {
    ListenerRule {
        listener: reference("platform/listener/production"),
        priority,
        conditions: vec![Condition::PathPattern(BTreeSet::from([path.to_owned()]))],
        action,
    }
}

fn pair() -> Action {
    Action::ForwardPair {
        blue: reference::<TargetGroup>("platform/target-group/blue"),
        green: reference::<TargetGroup>("platform/target-group/green"),
    }
}

#[tokio::test]
async fn rules_change_places() {
    let world = World::instant().await;
    let before = census(&world.local);
    let mut stack = platform();
    for (n, path) in ["/a", "/b", "/c"].into_iter().enumerate() {
        let action = if n == 0 { pair() } else { fixed(404) };
        stack.add(&format!("platform/rule/{n}"), rule(path, 10 + u32::try_from(n).expect("small"), action));
    }
    world.up(&stack).await;
    assert!(world.plan(&stack).await.plan.is_empty());
    // Each takes the place of the next.
    for (n, path) in ["/a", "/b", "/c"].into_iter().enumerate() {
        let action = if n == 0 { pair() } else { fixed(503) };
        let priority = 10 + u32::try_from((n + 1) % 3).expect("small");
        stack.get_mut(&address(&format!("platform/rule/{n}"))).expect("there").resource =
            Resource::from(rule(path, priority, action));
    }
    world.up(&stack).await;
    let again = world.plan(&stack).await;
    assert!(again.plan.is_empty(), "{:#?}", again.plan.steps);
    world.down(&stack).await;
    assert_eq!(census(&world.local), before);
}

#[tokio::test]
async fn attributes_are_read_where_they_are_declared() {
    let world = World::instant().await;
    let mut stack = platform();
    let at = address("platform/load-balancer");
    let Ok(balancer) = <&LoadBalancer>::try_from(&stack.get(&at).expect("there").resource) else {
        panic!("a balancer")
    };
    let mut balancer = balancer.clone();
    balancer.attributes.insert("idle_timeout.timeout_seconds".into(), "30".into());
    stack.get_mut(&at).expect("there").resource = balancer.clone().into();
    world.up(&stack).await;
    assert!(world.plan(&stack).await.plan.is_empty());
    balancer.attributes.insert("idle_timeout.timeout_seconds".into(), "90".into());
    stack.get_mut(&at).expect("there").resource = balancer.into();
    assert_eq!(world.plan(&stack).await.plan.steps.len(), 1);
    world.up(&stack).await;
    assert!(world.plan(&stack).await.plan.is_empty());
}

#[tokio::test]
async fn policies_keep_five_versions_and_roles_their_parts() {
    let world = World::instant().await;
    let before = census(&world.local);
    let mut stack = Stack::new("shop".parse().expect("a name"));
    let document = |n: usize| {
        let bucket = format!("arn:aws:s3:::bucket-{n}/*");
        PolicyDocument::of([Statement::allow(["s3:GetObject"], [PolicyResource::arn(bucket)])])
    };
    let policy = |n| IamPolicy {
        name: "shop-read".parse().expect("legal"),
        path: None,
        description: None,
        document: document(n),
    };
    let policy_ref = stack.add("platform/policy/read", policy(0));
    let name = |text: &str| text.parse::<IamPolicyName>().expect("legal");
    let mut role = IamRole {
        name: "shop-web".parse().expect("legal"),
        path: None,
        description: None,
        trust: PolicyDocument::trust_service("ecs-tasks.amazonaws.com"),
        managed_policies: BTreeSet::from([policy_ref]),
        inline_policies: [(name("one"), document(1)), (name("two"), document(2))].into(),
        max_session_duration: Some(7200),
    };
    stack.add("platform/role/web", role.clone());
    world.up(&stack).await;
    assert!(world.plan(&stack).await.plan.is_empty());
    for n in 1..8 {
        stack.get_mut(&address("platform/policy/read")).expect("there").resource = policy(n).into();
        world.up(&stack).await;
    }
    role.inline_policies.remove(&name("one"));
    role.inline_policies.insert(name("three"), document(3));
    role.managed_policies = BTreeSet::new();
    role.description = Some("Serves the shop".into());
    role.max_session_duration = None;
    role.trust = PolicyDocument::trust_service("ec2.amazonaws.com");
    stack.get_mut(&address("platform/role/web")).expect("there").resource = role.into();
    world.up(&stack).await;
    let planned = world.plan(&stack).await;
    assert!(planned.plan.is_empty(), "{:#?}", planned.plan.steps);
    assert_eq!(planned.plan.notices, []);
    world.down(&stack).await;
    assert_eq!(census(&world.local), before);
}

/// One request to the local cloud's Route 53 by hand: hosted zones are not the stack's.
async fn create_zone(world: &World, name: &str) -> String {
    let endpoint = world.local.endpoint();
    let host = endpoint.trim_start_matches("http://");
    let body = format!(
        "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>{name}</Name>\
         <CallerReference>test</CallerReference></CreateHostedZoneRequest>"
    );
    let request = format!(
        "POST /2013-04-01/hostedzone HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/xml\r\nauthorization: \
         AWS4-HMAC-SHA256 Credential=AKIALOCAL/20260101/us-east-1/route53/aws4_request, SignedHeaders=host, \
         Signature=0\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).await.expect("the local cloud");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let id = answer.split("<Id>/hostedzone/").nth(1).and_then(|rest| rest.split('<').next());
    id.unwrap_or_else(|| panic!("a zone: {answer}")).to_owned()
}

#[tokio::test]
async fn dns_records_point_at_ours() {
    let world = World::instant().await;
    let zone = create_zone(&world, "example.com").await;
    let mut stack = platform();
    let record = |answer| DnsRecord {
        zone: zone.parse().expect("a zone"),
        name: "shop.example.com".parse().expect("a name"),
        answer,
    };
    let balancer = || reference::<LoadBalancer>("platform/load-balancer");
    stack.add("platform/dns-record", record(Answer::Cname { load_balancer: balancer(), ttl: 300 }));
    world.up(&stack).await;
    let planned = world.plan(&stack).await;
    assert!(planned.plan.is_empty(), "{:#?}", planned.plan.steps);
    let at = address("platform/dns-record");
    stack.get_mut(&at).expect("there").resource = record(Answer::Cname { load_balancer: balancer(), ttl: 60 }).into();
    world.up(&stack).await;
    assert!(world.plan(&stack).await.plan.is_empty());
    // Of another type: the old one goes first.
    stack.get_mut(&at).expect("there").resource =
        record(Answer::Alias { load_balancer: balancer(), evaluate_target_health: false }).into();
    world.up(&stack).await;
    let planned = world.plan(&stack).await;
    assert!(planned.plan.is_empty(), "{:#?}", planned.plan.steps);
    // Another stack that wants the name finds somebody else's record.
    let mut other = Stack::new("other".parse().expect("a name"));
    let values = Answer::Values { record_type: "A".into(), ttl: 60, values: BTreeSet::from(["192.0.2.1".into()]) };
    other.add("platform/dns-record", record(values));
    let observation = world.aws.observe(&other).await.expect("readable");
    assert!(matches!(observation.resources[0].owner, Ownership::Foreign { .. }), "{observation:#?}");
    world.down(&stack).await;
}

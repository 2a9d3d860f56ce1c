//! `status` as people read it.

use std::collections::BTreeMap;

use aomidori_deploy::cloud::{Service, TargetHealth};
use aomidori_model::{Fields, KindName, Reference, Target as RefTarget, Value};
use aomidori_plan::{Busy, Observation, Observed, Ownership, Status};
use insta::assert_snapshot;

mod deployments;

use super::app;
use crate::args::Target;
use crate::view::Paint;
use crate::view::json::LocalPort;
use crate::view::plan::Header;
use crate::view::status::{Facts, Known, ServiceFacts, human, result};

fn live(kind: KindName, address: &str, id: &str, fields: &[(&'static str, Value)]) -> Observed {
    let mut all = Fields::default();
    for (name, value) in fields {
        all.add(name, value.clone());
    }
    Observed {
        kind,
        id: id.into(),
        owner: Ownership::Ours(address.parse().unwrap()),
        fields: all,
        tags: BTreeMap::new(),
        outputs: BTreeMap::new(),
        status: Status::Ready,
        busy: None,
    }
}

fn to(kind: KindName, id: &str) -> Value {
    Value::from(Reference { kind, target: RefTarget::Id(id.into()), output: None })
}

/// Targets in these states, with the codes of reasons.
fn targets(states: &[(&str, Option<&str>)]) -> Vec<TargetHealth> {
    let target = |(state, reason): &(&str, Option<&str>)| TargetHealth {
        address: "10.0.0.1".into(),
        state: (*state).into(),
        reason: reason.map(str::to_owned),
        description: None,
    };
    states.iter().map(target).collect()
}

fn text(observation: &Observation, facts: &Facts) -> String {
    let stack = app().stack(&[]).unwrap();
    let known = Known { stack: &stack, observation, plan: None, lease: None, facts, groups: &[] };
    let header = Header {
        stack: "shop-dev".into(),
        target: Some(Target::Local),
        account: "123456789012".into(),
        region: "eu-central-1".into(),
        endpoint: Some("http://127.0.0.1:4577".into()),
        speed: 60.0,
    };
    human(&header, &result(known), Paint::new(false))
}

#[test]
fn nothing_is_up() {
    let observation = Observation { account: "1".into(), region: "r".into(), resources: vec![] };
    assert_snapshot!(text(&observation, &Facts::default()), @"
    shop-dev on the local cloud (http://127.0.0.1:4577), account 123456789012, eu-central-1
    Not up: none of its 3 resources is live.
    ");
}

#[test]
fn blue_and_green() {
    let mut alb = live(KindName::LoadBalancer, "platform/alb", "lb-1", &[]);
    alb.outputs = BTreeMap::from([("dns_name".to_owned(), "shop-1.elb.amazonaws.com".to_owned())]);
    alb.status = Status::Pending("provisioning".into());
    let listener = |name: &str, port: i64, group: &str| {
        live(
            KindName::Listener,
            &format!("platform/listener/{name}"),
            &format!("l-{port}"),
            &[
                ("load_balancer_arn", to(KindName::LoadBalancer, "lb-1")),
                ("port", Value::Int(port)),
                ("protocol", Value::str("HTTP")),
                ("action.type", Value::str("forward")),
                ("action.forward", Value::Set([to(KindName::TargetGroup, group)].into())),
            ],
        )
    };
    let task = live(
        KindName::TaskDefinition,
        "services/task",
        "td-1",
        &[(
            "container_definitions",
            Value::map([(
                "web",
                Value::map([("image", Value::str("1.dkr.ecr.eu-central-1.amazonaws.com/shop/web:blue"))]),
            )]),
        )],
    );
    let mut web = live(
        KindName::EcsService,
        "services/web",
        "svc-1",
        &[
            ("task_definition", to(KindName::TaskDefinition, "td-1")),
            ("desired_count", Value::Int(2)),
            ("deployment_controller.type", Value::str("CODE_DEPLOY")),
        ],
    );
    web.busy = Some(Busy { deployment: "d-ABC".into(), status: "InProgress".into(), over: false });
    let resources = vec![
        alb,
        listener("production", 80, "tg-blue"),
        listener("test", 8080, "tg-green"),
        live(KindName::TargetGroup, "platform/target-group/blue", "tg-blue", &[]),
        live(KindName::TargetGroup, "platform/target-group/green", "tg-green", &[]),
        live(KindName::NatGateway, "network/nat", "nat-1", &[]),
        task,
        web,
    ];
    let observation = Observation { account: "1".into(), region: "r".into(), resources };
    let service =
        ServiceFacts { service: Service { running: 1, pending: 1, ..Service::default() }, ..Default::default() };
    let mut facts = Facts {
        services: BTreeMap::from([("svc-1".to_owned(), service)]),
        targets: BTreeMap::from([
            ("tg-blue".to_owned(), targets(&[("healthy", None), ("healthy", None)])),
            ("tg-green".to_owned(), targets(&[("healthy", None), ("initial", Some("Elb.RegistrationInProgress"))])),
        ]),
        unanswered: vec!["codedeploy:ListDeployments: AccessDenied".into()],
        ..Facts::default()
    };
    assert_snapshot!(text(&observation, &facts), @"
    shop-dev on the local cloud (http://127.0.0.1:4577), account 123456789012, eu-central-1
    Partly up: 3 of 3 resources are missing. What differs cannot be planned; `plan` says why.

    traffic
      production  -> blue (2 healthy)        http://shop-1.elb.amazonaws.com/
      test        -> green (1 of 2 healthy)  http://shop-1.elb.amazonaws.com:8080/

    services
      web  CodeDeploy  1 of 2 running, 1 starting  shop/web:blue

    deployments that run
      services/web  d-ABC  InProgress

    not ready
      platform/alb  pending  provisioning

    could not be asked
      codedeploy:ListDeployments: AccessDenied

    resources
      network  1 of 3

    AWS would bill by the hour: 1 Fargate service, 1 NAT gateway, 1 load balancer
    ");

    // On the local cloud listeners are ports of this machine.
    facts.ports = vec![LocalPort {
        region: "r".into(),
        load_balancer: "shop".into(),
        listener_arn: "l-80".into(),
        port: 80,
        protocol: "HTTP".into(),
        local_port: 20080,
        url: "http://127.0.0.1:20080/".into(),
    }];
    let text = text(&observation, &facts);
    let traffic: Vec<&str> = text.lines().skip_while(|line| *line != "traffic").take(3).collect();
    assert_snapshot!(traffic.join("\n"), @"
    traffic
      production  -> blue (2 healthy)        http://127.0.0.1:20080/                for http://shop-1.elb.amazonaws.com/
      test        -> green (1 of 2 healthy)  http://shop-1.elb.amazonaws.com:8080/
    ");
}

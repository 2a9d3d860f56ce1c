//! Plans as people read them.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::{Fields, KindName, Reference, Target as RefTarget, Traffic, Value};
use aomidori_plan::{
    Action, After, Estimate, FieldChange, Level, Mode, Notice, Observation, Observed, Ownership, Plan, Reason,
    Replacing, Status, Step, StepId,
};
use insta::assert_snapshot;

use super::app;
use crate::args::Target;
use crate::view::Paint;
use crate::view::plan::{Header, Show, human};

fn header() -> Header {
    Header {
        stack: "shop-dev".into(),
        target: Some(Target::Aws),
        account: "123456789012".into(),
        region: "eu-central-1".into(),
        endpoint: None,
        speed: 1.0,
    }
}

fn text(plan: &Plan, compact: bool) -> String {
    human(&header(), plan, Show { compact, groups: &[], observation: None }, Paint::new(false))
}

fn plan(mode: Mode, steps: Vec<Step>, notices: Vec<Notice>) -> Plan {
    Plan { stack: "shop-dev".parse().unwrap(), mode, steps, notices }
}

fn step(id: u32, address: &str, kind: KindName, action: Action, reason: Reason) -> Step {
    Step {
        id: StepId(id),
        address: address.parse().unwrap(),
        kind,
        live: (action != Action::Create).then(|| "id-1".to_owned()),
        action,
        reason,
        changes: Vec::new(),
        after: BTreeSet::new(),
        replacing: None,
        traffic: Traffic::None,
        estimate: Estimate { call: 1, finish: 0 },
    }
}

fn change(field: &str, before: Value, after: Value) -> FieldChange {
    FieldChange { field: field.into(), before, after, replaces: false, secret: false }
}

fn reference(kind: KindName, address: &str) -> Value {
    Value::from(Reference { kind, target: RefTarget::Address(address.parse().unwrap()), output: None })
}

#[test]
fn a_first_plan() {
    let stack = app().stack(&[]).unwrap();
    let observation =
        Observation { account: "123456789012".into(), region: "eu-central-1".into(), resources: Vec::new() };
    let plan = aomidori_plan::plan(&stack, &observation).unwrap();
    assert_snapshot!(text(&plan, false), @r#"
    shop-dev on AWS, account 123456789012, eu-central-1

    network
      + network/vpc  VPC
            + cidr_block         = "10.0.0.0/16"
            + enable_dns_support = true
      + network/subnet/eu-central-1a  subnet
            + vpc_id            = network/vpc (known after apply)
            + cidr_block        = "10.0.0.0/24"
            + availability_zone = "eu-central-1a"
      + network/subnet/eu-central-1b  subnet
            + vpc_id            = network/vpc (known after apply)
            + cidr_block        = "10.0.1.0/24"
            + availability_zone = "eu-central-1b"

    Plan: 3 to add, 0 to change, 0 to destroy.
    "#);
    assert_snapshot!(text(&plan, true), @"
    shop-dev on AWS, account 123456789012, eu-central-1

    network
      + network/vpc  VPC
      + network/subnet/eu-central-1a  subnet
      + network/subnet/eu-central-1b  subnet

    Plan: 3 to add, 0 to change, 0 to destroy.
    ");
}

#[test]
fn nothing_to_do() {
    assert_snapshot!(text(&plan(Mode::Converge, vec![], vec![]), false), @"
    No changes. shop-dev is as the stack says (0 resources).
    ");
    assert_snapshot!(text(&plan(Mode::Destroy, vec![], vec![]), false), @"
    No changes. Nothing carries the mark of shop-dev.
    ");
}

#[test]
fn changes_in_place() {
    let mut logs = step(0, "platform/logs", KindName::LogGroup, Action::Update, Reason::Changed);
    logs.changes = vec![
        change("retention_in_days", Value::Int(30), Value::Int(14)),
        FieldChange { secret: true, ..change("kms", Value::Null, Value::Null) },
        change("tags", Value::Null, Value::map([("Team", Value::str("shop"))])),
    ];
    let statement = |actions: &[&str]| {
        Value::map([
            ("effect", Value::str("Allow")),
            ("actions", Value::Set(actions.iter().copied().map(Value::str).collect())),
            ("resources", Value::Set([Value::str("arn:aws:ssm:eu-central-1:123456789012:parameter/shop/*")].into())),
        ])
    };
    let mut policy = step(1, "platform/policy", KindName::IamPolicy, Action::Update, Reason::Changed);
    policy.changes = vec![change(
        "policy",
        Value::Set([statement(&["ssm:getparameter"])].into()),
        Value::Set([statement(&["ssm:getparameter", "ssm:getparameters"])].into()),
    )];
    let notices = vec![
        Notice::ForeignDrift {
            address: "security/group/web".parse().unwrap(),
            what: "security_group_rule".into(),
            added: "ingress tcp 22 from 0.0.0.0/0".into(),
        },
        Notice::Deploying {
            address: "code-deploy/group".parse().unwrap(),
            deployment: "d-ABC".into(),
            status: "InProgress".into(),
        },
    ];
    assert_snapshot!(text(&plan(Mode::Converge, vec![logs, policy], notices), false), @r#"
    shop-dev on AWS, account 123456789012, eu-central-1

    platform
      ~ platform/logs  log group
            ~ retention_in_days = 30 -> 14
            ~ kms               = (secret)
            + tags              = { Team = "shop" }
      ~ platform/policy  IAM policy
            ~ policy =
                [
                  {
              -     actions = ["ssm:getparameter"]
              +     actions = ["ssm:getparameter", "ssm:getparameters"]
                    effect = "Allow"
                    resources = ["arn:aws:ssm:eu-central-1:123456789012:parameter/shop/*"]

    note: security/group/web: somebody added ingress tcp 22 from 0.0.0.0/0 (security_group_rule); it is left alone
    note: code-deploy/group: deployment d-ABC is InProgress; changes to it wait for its end
    Plan: 0 to add, 2 to change, 0 to destroy.
    "#);
}

#[test]
fn a_replacement() {
    let reason = Reason::CannotUpdate { fields: vec!["subnet_id".into()] };
    let mut delete = step(0, "network/nat", KindName::NatGateway, Action::Delete, reason.clone());
    delete.estimate = Estimate { call: 1, finish: 50 };
    delete.replacing = Some(Replacing { other: StepId(1), create_first: false });
    let mut create = step(1, "network/nat", KindName::NatGateway, Action::Create, reason);
    create.replacing = Some(Replacing { other: StepId(0), create_first: false });
    create.traffic = Traffic::EgressOutage;
    create.estimate = Estimate { call: 1, finish: 105 };
    create.after = BTreeSet::from([After { step: StepId(0), level: Level::Finished, even_if_failed: false }]);
    create.changes = vec![
        FieldChange {
            replaces: true,
            ..change("subnet_id", Value::str("subnet-1"), reference(KindName::Subnet, "network/subnet/b"))
        },
        change("connectivity_type", Value::str("public"), Value::str("public")),
    ];
    assert_snapshot!(text(&plan(Mode::Converge, vec![delete, create], vec![]), false), @r#"
    shop-dev on AWS, account 123456789012, eu-central-1

    network
    -/+ network/nat  NAT gateway  # subnet_id cannot be changed in place  ! tasks lose their way out for a while
            ~ subnet_id         = "subnet-1" -> network/subnet/b (known after apply) # forces replacement
              connectivity_type = "public"

    Plan: 1 to add, 0 to change, 1 to destroy.
    It takes about 2 min 45 s: network/nat 51 s, then network/nat 1 min 46 s.
    "#);
}

#[test]
fn live_ids_are_shown_as_addresses() {
    let live = Observed {
        kind: KindName::Vpc,
        id: "vpc-0123456789abcdef0".into(),
        owner: Ownership::Ours("network/vpc".parse().unwrap()),
        fields: Fields::default(),
        tags: BTreeMap::new(),
        outputs: BTreeMap::new(),
        status: Status::Ready,
        busy: None,
    };
    let observation = Observation { account: "1".into(), region: "r".into(), resources: vec![live] };
    let mut subnet = step(0, "network/subnet/a", KindName::Subnet, Action::Create, Reason::Missing);
    subnet.changes = vec![
        change("vpc_id", Value::Null, Value::str("vpc-0123456789abcdef0")),
        change("other", Value::Null, Value::List(vec![Value::str("vpc-99999999")])),
    ];
    let plan = plan(Mode::Converge, vec![subnet], vec![]);
    let show = Show { compact: false, groups: &[], observation: Some(&observation) };
    assert_snapshot!(human(&header(), &plan, show, Paint::new(false)), @r#"
    shop-dev on AWS, account 123456789012, eu-central-1

    network
      + network/subnet/a  subnet
            + vpc_id = network/vpc
            + other  = ["vpc-99999999"]

    Plan: 1 to add, 0 to change, 0 to destroy.
    "#);
}

#[test]
fn a_teardown() {
    let mut service = step(0, "services/web", KindName::EcsService, Action::Delete, Reason::Destroy);
    service.traffic = Traffic::Outage;
    service.estimate = Estimate { call: 2, finish: 120 };
    let pending = Reason::Deleting { status: "deleting".into() };
    let nat = step(1, "network/nat", KindName::NatGateway, Action::Await, pending);
    assert_snapshot!(text(&plan(Mode::Destroy, vec![service, nat], vec![]), false), @"
    shop-dev on AWS, account 123456789012, eu-central-1

    services
      - services/web  ECS service

    network
    ... network/nat  NAT gateway  # it is being deleted still (deleting)

    Plan: 0 to add, 0 to change, 1 to destroy.
    And 1 resource to wait for, from an earlier run.
    It takes about 2 min 15 s: services/web 2 min 2 s.
    ");
}

#[test]
fn colour_is_never_the_only_sign() {
    let stack = app().stack(&[]).unwrap();
    let plan = aomidori_plan::plan(&stack, &Observation::default()).unwrap();
    let show = Show { compact: false, groups: &[], observation: None };
    let painted = human(&header(), &plan, show, Paint::new(true));
    let mut plain = String::new();
    let mut rest = painted.as_str();
    while let Some(at) = rest.find('\u{1b}') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + rest[at..].find('m').unwrap() + 1..];
    }
    plain.push_str(rest);
    assert_ne!(painted, plain);
    assert_eq!(plain, human(&header(), &plan, show, Paint::new(false)));
}

#[test]
fn values_of_all_sorts() {
    let container = BTreeMap::from([
        ("image".to_owned(), Value::Join(vec![reference(KindName::EcrRepository, "across/repo"), Value::str(":blue")])),
        ("port_mappings".to_owned(), Value::List(vec![Value::Int(80), Value::Int(8080)])),
        ("command".to_owned(), Value::List(vec![Value::str("sh"), Value::str("-c"), Value::str("say \"hello\"")])),
    ]);
    let mut task = step(0, "services/task", KindName::TaskDefinition, Action::Create, Reason::Missing);
    task.changes = vec![
        change("cpu", Value::Null, Value::Int(256)),
        change("container_definitions", Value::Null, Value::map([("web", Value::Map(container))])),
        change("script", Value::Null, Value::str("first line\nsecond line")),
        change("nothing", Value::Null, Value::Set(BTreeSet::new())),
    ];
    assert_snapshot!(text(&plan(Mode::Converge, vec![task], vec![]), false), @r#"
    shop-dev on AWS, account 123456789012, eu-central-1

    services
      + services/task  task definition
            + cpu                   = 256
            + container_definitions = { (known after apply)
                web = {
                  command = ["sh", "-c", "say \"hello\""]
                  image = "${across/repo}:blue"
                  port_mappings = [80, 8080]
                }
              }
            + script = <<-
                first line
                second line
            + nothing               = []

    Plan: 1 to add, 0 to change, 0 to destroy.
    "#);
}

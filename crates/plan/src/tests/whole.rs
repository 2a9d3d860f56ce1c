//! Whole plans: teardown, the practice environment, plan files, the critical path.

use aomidori_model::kinds::*;
use aomidori_practice::Inputs;

use super::fixture::{at, built, check_destroy, network, services, with};
use super::support::render;
use crate::testing::{Dice, World};
use crate::{Observation, PlanFile, PlanFileError, Stale, Status, critical_path, destroy, dot, plan, remaining};

#[test]
fn tears_down_in_the_order_of_what_is_live() {
    insta::assert_snapshot!(check_destroy(&services(), &built(&services()).observe()), @r"
    0 - app/worker (ecs_service-22) destroy [Outage]
    1 - app/worker-task (task_definition-3) destroy after 0!
    2 - deploy/group (deployment_group-23) destroy
    3 - app/green (target_group-8) destroy after 2 [Outage]
    4 - app/web (ecs_service-21) destroy after 2 [Outage]
    5 - app/cluster (ecs_cluster/cluster) destroy after 0! 4!
    6 - app/production (listener-17) destroy after 2 4! [Outage]
    7 - app/test (listener-18) destroy after 2 4! [Outage]
    8 - app/balancer (load_balancer-16) destroy after 6! 7! [Outage]
    9 - app/blue (target_group-7) destroy after 2 4! 6! 7! [Outage]
    10 - app/web-task (task_definition-2) destroy after 4!
    11 - deploy/app (code_deploy_application-4) destroy after 2!
    12 - net/nat (nat_gateway-11) destroy after 0! 4! [EgressOutage]
    13 - net/address (elastic_ip-5) destroy after 12!
    14 - net/gateway (internet_gateway-9) destroy after 0! 4! 8! 12! [Outage]
    15 - net/table (route_table-13) destroy after 0! 4! [EgressOutage]
    16 - net/subnet-a (subnet-10) destroy after 0! 4! 8! 12! 15
    17 - net/subnet-b (subnet-12) destroy after 0! 4! 8! 15
    18 - sec/private-rule (security_group_rule-19) destroy after 0! 4!
    19 - sec/public-rule (security_group_rule-20) destroy
    20 - sec/private (security_group-14) destroy after 0! 4! 18! 19!
    21 - sec/public (security_group-15) destroy after 8! 18! 19!
    22 - net/vpc (vpc-6) destroy after 3! 9! 14! 15! 16! 17! 20! 21!
    ");
}

#[test]
fn tears_down_what_is_half_gone() {
    let mut world = built(&network());
    world.at("net/nat").unwrap().status = Status::Deleting("deleting".into());
    let mut stack = network();
    stack.get_mut(&at("sec/public")).unwrap().depends_on.insert(at("net/gateway"));
    insta::assert_snapshot!(check_destroy(&stack, &world.observe()), @r"
    0 … net/nat (nat_gateway-5) deleting
    1 - net/address (elastic_ip-1) destroy after 0!
    2 - net/table (route_table-7) destroy [EgressOutage]
    3 - net/subnet-a (subnet-4) destroy after 0! 2
    4 - net/subnet-b (subnet-6) destroy after 2
    5 - sec/private-rule (security_group_rule-10) destroy
    6 - sec/public-rule (security_group_rule-11) destroy
    7 - sec/private (security_group-8) destroy after 5! 6!
    8 - sec/public (security_group-9) destroy after 5! 6!
    9 - net/gateway (internet_gateway-3) destroy after 0! 8! [Outage]
    10 - net/vpc (vpc-2) destroy after 2! 3! 4! 7! 8! 9!
    ");
}

#[test]
fn the_practice_environment_comes_and_goes() {
    let stack = aomidori_practice::stack(&Inputs::default()).unwrap();
    let mut world = World::default();
    let up = plan(&stack, &world.observe()).unwrap();
    assert_eq!(up.steps.len(), stack.len());
    let (seconds, path) = critical_path(&up);
    let path: Vec<_> = path.iter().map(|id| up.step(*id).unwrap().address.as_str()).collect();
    insta::assert_snapshot!(format!("{seconds} s: {}", path.join(", ")), @"302 s: network/vpc, network/internet-gateway, network/nat-gateway/a, services/service/maintenance-bg");
    assert_eq!(remaining(&up).into_iter().max(), Some(seconds));
    for order in [vec![], vec![7; 4000], (0u8..250).cycle().take(4000).collect()] {
        let mut world = World::default();
        assert_eq!(world.run(&stack, &up, &mut Dice::new(order.clone()), usize::MAX), Ok(true));
        assert!(plan(&stack, &world.observe()).unwrap().is_empty());
        let down = destroy(&stack, &world.observe()).unwrap();
        assert_eq!(world.run(&stack, &down, &mut Dice::new(order), usize::MAX), Ok(true), "{}", render(&down));
        assert!(world.items.is_empty());
    }
    let done = world.run(&stack, &up, &mut Dice::default(), usize::MAX);
    assert_eq!(done, Ok(true));
    let down = destroy(&stack, &world.observe()).unwrap();
    let (seconds, path) = critical_path(&down);
    let path: Vec<_> = path.iter().map(|id| down.step(*id).unwrap().address.as_str()).collect();
    insta::assert_snapshot!(format!("{seconds} s: {}", path.join(", ")), @"493 s: code-deploy/deployment-group, services/service/maintenance-bg, platform/listener/production, platform/load-balancer, network/internet-gateway, network/vpc");
}

#[test]
fn what_aws_limits_takes_longer_than_its_longest_chain() {
    use aomidori_model::kinds::VpcEndpoint;
    let mut stack = aomidori_practice::stack(&Inputs::default()).unwrap();
    let (_, endpoint) = stack.of::<VpcEndpoint>().find(|(_, endpoint)| endpoint.policy.is_none()).unwrap();
    let endpoint = endpoint.clone();
    let before = stack.of::<VpcEndpoint>().count() as u64;
    for n in 0..93 {
        let service_name = format!("com.amazonaws.ap-northeast-1.s{n}");
        stack.add(&format!("network/vpc-endpoint/s{n}"), VpcEndpoint { service_name, ..endpoint.clone() });
    }
    let mut world = World::default();
    let up = plan(&stack, &world.observe()).unwrap();
    let schedule = crate::schedule(&up);
    // 4 at once, then one in 3.334 s.
    let least = (before + 93 - 4) * 3334 / 1000;
    let waits = schedule.path.iter().find(|leg| leg.queued > 0).unwrap();
    assert_eq!(up.step(waits.step).unwrap().kind, KindName::VpcEndpoint);
    assert!((least - 20..=least).contains(&waits.queued) && waits.seconds == 91, "{waits:?}");
    // The services need the endpoints.
    assert!(schedule.seconds > least + 91 + 60, "{}", schedule.seconds);
    let sum: u64 = schedule.path.iter().map(|leg| leg.queued + leg.seconds).sum();
    assert!(sum.abs_diff(schedule.seconds) <= 2, "{sum} of {}", schedule.seconds);
    assert_eq!(world.run(&stack, &up, &mut Dice::default(), usize::MAX), Ok(true));
    // What is there already needs no call; what only gets tags needs none of that bucket.
    stack.tags.insert("team".into(), "shop".into());
    let tags = plan(&stack, &world.observe()).unwrap();
    assert!(tags.steps.len() > 100 && critical_path(&tags).0 < 60, "{}", critical_path(&tags).0);
    let down = destroy(&stack, &world.observe()).unwrap();
    assert!(critical_path(&down).0 > least + 60, "{}", critical_path(&down).0);
}

#[test]
fn plan_files_are_read_as_written_and_know_when_they_are_stale() {
    let want = with::<Vpc>(network(), "net/vpc", |vpc| vpc.dns_hostnames = Some(true));
    let mut world = built(&network());
    let have = world.observe();
    let file = PlanFile::new(&want, &have, plan(&want, &have).unwrap());
    let text = file.to_json().unwrap();
    let read = PlanFile::from_json(&text).unwrap();
    assert_eq!(read, file);
    assert_eq!(read.check(&have), Ok(()));
    let elsewhere = Observation { region: "us-east-1".into(), ..have };
    assert!(matches!(read.check(&elsewhere), Err(Stale::Elsewhere { .. })));

    world.items.retain(|item| item.kind != KindName::SecurityGroupRule);
    let Err(Stale::Steps(steps)) = read.check(&world.observe()) else { panic!("it is stale") };
    let steps: Vec<_> = steps.iter().map(|step| format!("{} {:?} {:?}", step.address, step.action, step.how)).collect();
    insta::assert_snapshot!(steps.join("\n"), @r"
    sec/private-rule Create NeededNow
    sec/public-rule Create NeededNow
    ");

    let other = text.replacen("\"version\": 1", "\"version\": 2", 1);
    assert!(matches!(PlanFile::from_json(&other), Err(PlanFileError::Version { found: 2 })));
    assert!(matches!(PlanFile::from_json(&want.to_json().unwrap()), Err(PlanFileError::Format)));
    let destroyed = PlanFile::new(&want, &world.observe(), destroy(&want, &world.observe()).unwrap());
    assert_eq!(destroyed.check(&world.observe()), Ok(()));
}

#[test]
fn the_form_of_a_plan_file() {
    let mut want = aomidori_model::Stack::new("small".parse().unwrap());
    want.add("net/vpc", Vpc { cidr: "10.0.0.0/16".parse().unwrap(), dns_support: None, dns_hostnames: None });
    let have = World::default().observe();
    let todo = plan(&want, &have).unwrap();
    insta::assert_snapshot!(PlanFile::new(&want, &have, todo.clone()).to_json().unwrap(), @r#"
    {
      "format": "aomidori-plan",
      "version": 1,
      "account": "123456789012",
      "region": "eu-central-1",
      "stack": {
        "format": "aomidori-stack",
        "name": "small",
        "resources": [
          {
            "address": "net/vpc",
            "kind": "vpc",
            "spec": {
              "cidr": "10.0.0.0/16"
            }
          }
        ],
        "version": 1
      },
      "plan": {
        "stack": "small",
        "mode": "converge",
        "steps": [
          {
            "id": 0,
            "address": "net/vpc",
            "kind": "vpc",
            "live": null,
            "action": "create",
            "reason": "missing",
            "changes": [
              {
                "field": "cidr_block",
                "before": "null",
                "after": {
                  "str": "10.0.0.0/16"
                },
                "replaces": false,
                "secret": false
              }
            ],
            "after": [],
            "replacing": null,
            "traffic": "none",
            "estimate": {
              "call": 2,
              "finish": 2
            }
          }
        ],
        "notices": []
      }
    }
    "#);
    insta::assert_snapshot!(dot(&todo), @r#"
    digraph plan {
      rankdir = LR;
      node [shape = box];
      s0 [label = "+ net/vpc\nVPC"];
    }
    "#);
}

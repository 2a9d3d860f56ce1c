//! Describing, where something is not as the model has it.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::kinds::dns_record::Answer;
use aomidori_model::kinds::ecs_service::Deployment;
use aomidori_model::kinds::listener::Action;
use aomidori_model::kinds::listener_rule::Condition;
use aomidori_model::kinds::{
    DeploymentGroup, DnsRecord, EcsService, Listener, ListenerRule, LoadBalancer, TargetGroup, VpcEndpoint,
};
use aomidori_model::{Kind, KindName, PolicyDocument, Ref, Resource, Stack, Target, ToValue, Value};
use aomidori_plan::{Observation, Observed, Ownership};

use super::{first, made_by_others, practice, set};
use crate::{Beyond, Description, LeftOut, Swing, Walk, declare, describe, differing};

/// What a walk finds if it finds all that takes tags.
fn walk(have: &Observation) -> Walk {
    let mut walk = Walk::default();
    for found in have.resources.iter().filter(|found| found.kind.info().taggable) {
        walk.add(found.kind, crate::key(found.kind, &found.id));
    }
    walk
}

/// A description of the practice environment after one change, and what a plan over it finds.
fn described(change: impl FnOnce(&mut Observation, &mut Walk)) -> (Description, LeftOut) {
    let (mut have, _) = made_by_others(&practice());
    have.resources.retain(|found| found.kind.info().taggable);
    let mut walk = walk(&have);
    change(&mut have, &mut walk);
    let described = describe(&"described".parse().expect("a name"), &have, &walk, &LeftOut::new());
    let wrong = differing(&described, &claimed(&described, have));
    (described, wrong)
}

fn claimed(described: &Description, mut have: Observation) -> Observation {
    have.resources.retain_mut(|found| match described.claims.address(found.kind, &found.id) {
        Some(address) => {
            found.owner = Ownership::Ours(address.clone());
            true
        }
        None => matches!(found.owner, Ownership::Added { .. }),
    });
    have
}

fn of<'s, K: aomidori_model::Kind>(stack: &'s Stack) -> &'s K
where
    &'s K: TryFrom<&'s Resource>,
{
    stack.of::<K>().next().expect("one of the kind").1
}

fn attributes(pairs: &[(&str, &str)]) -> Value {
    Value::map(pairs.iter().map(|(key, value)| (*key, Value::str(*value))))
}

#[test]
fn only_attributes_that_somebody_set_are_described() {
    let (described, wrong) = described(|have, _| {
        let balancer = [
            ("idle_timeout.timeout_seconds", "120"),
            ("routing.http2.enabled", "true"),
            ("access_logs.s3.bucket", ""),
            ("ipv6.deny_all_igw_traffic", "true"),
            ("something.of.tomorrow", "false"),
        ];
        let group = [
            ("deregistration_delay.timeout_seconds", "30"),
            ("stickiness.enabled", "false"),
            ("stickiness.lb_cookie.duration_seconds", "60"),
        ];
        set(first(have, KindName::LoadBalancer), "attributes", attributes(&balancer));
        have.resources
            .iter_mut()
            .filter(|found| found.kind == KindName::TargetGroup)
            .for_each(|found| set(found, "attributes", attributes(&group)));
    });
    let one = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    assert_eq!(of::<LoadBalancer>(&described.stack).attributes, one("idle_timeout.timeout_seconds", "120"));
    assert_eq!(of::<TargetGroup>(&described.stack).attributes, one("deregistration_delay.timeout_seconds", "30"));
    assert_eq!((described.unsaid, wrong), (vec![], LeftOut::new()));
}

#[test]
fn a_policy_that_lets_everybody_do_everything_is_aws_s_own() {
    let policy = |text: &str| PolicyDocument::from_aws(text).expect("a policy").to_value();
    let open = policy(r#"{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}"#);
    let narrow = r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}}"#;
    let endpoint = |value: Value| {
        let (described, _) = described(|have, _| set(first(have, KindName::VpcEndpoint), "policy", value));
        let policies = described.stack.of::<VpcEndpoint>().filter_map(|(_, endpoint)| endpoint.policy.clone());
        (policies.collect::<Vec<_>>(), described.unsaid)
    };
    assert_eq!(endpoint(open), (vec![], vec![]));
    assert_eq!(endpoint(policy(narrow)), (vec![PolicyDocument::from_aws(narrow).expect("a policy")], vec![]));
    // One that the model cannot write stays as it is, and that is said.
    let (policies, unsaid) = endpoint(Value::str("{}"));
    assert_eq!((policies, unsaid.len(), unsaid[0].what.as_str()), (vec![], 1, "policy"));
}

#[test]
fn what_cannot_be_said_wholly_is_left_out_and_referred_to() {
    let mut id = String::new();
    let (described, wrong) = described(|have, _| {
        let found = first(have, KindName::TaskDefinition);
        let Value::Map(mut containers) = found.fields.value("container_definitions").clone() else { panic!("a map") };
        containers.insert("(volumes)".into(), Value::Bool(true));
        id = crate::key(KindName::TaskDefinition, &found.id).to_owned();
        set(found, "container_definitions", Value::Map(containers));
    });
    let place = (KindName::TaskDefinition, id.clone());
    assert_eq!(described.left_out.get(&place).map(String::as_str), Some("a stack cannot say its `volumes`"));
    assert_eq!((described.left_out.len(), wrong), (1, LeftOut::new()));
    // Its service refers to it by its id.
    let services = described.stack.of::<aomidori_model::kinds::EcsService>();
    let by_id = services.filter(|(_, it)| matches!(it.task_definition.target(), Target::Id(of) if of.contains(&id)));
    assert_eq!(by_id.count(), 1);
}

#[test]
fn what_a_plan_would_change_is_left_out() {
    // Nothing of the kind's own fields tells: the planner does.
    let (described, wrong) = described(|have, _| {
        set(first(have, KindName::TargetGroup), "protocol", Value::str("HTTPS"));
    });
    assert_eq!(described.left_out, LeftOut::new());
    let why: Vec<&String> = wrong.values().collect();
    assert!(why.len() == 1 && why[0].contains("`protocol`"), "{why:?}");
}

#[test]
fn what_is_of_another_sort_is_left_out_from_the_beginning() {
    let shut = |have: &mut Observation, walk: &mut Walk| {
        let id = first(have, KindName::LoadBalancer).id.clone();
        let what = "it is a network load balancer".to_owned();
        walk.beyond.push(Beyond { kind: KindName::LoadBalancer, id, what, shuts: true, arguments: &[] });
    };
    let (described, _) = described(shut);
    assert!(described.stack.of::<LoadBalancer>().next().is_none());
    assert_eq!(described.left_out.values().collect::<Vec<_>>(), ["it is a network load balancer"]);
    assert_eq!(described.stack.validate(), []);
}

#[test]
fn what_the_model_calls_a_mistake_is_left_out() {
    // A subnet of a secondary network of its VPC.
    let (described, _) = described(|have, _| {
        set(first(have, KindName::Subnet), "cidr_block", Value::str("100.64.0.0/24"));
    });
    assert_eq!(described.stack.validate(), []);
    let why: Vec<&String> = described.left_out.values().collect();
    assert!(why.len() == 1 && why[0].contains("E-CIDR-OUTSIDE"), "{why:?}");
}

#[test]
fn tags_that_the_model_refuses_stay_and_are_named() {
    let (described, _) = described(|have, _| {
        have.resources.iter_mut().for_each(|found| {
            found.tags.insert("Team".into(), "shop".into());
        });
        first(have, KindName::Vpc).tags.insert("note".into(), "a, b".into());
    });
    assert_eq!(described.stack.tags.get("Team").map(String::as_str), Some("shop"));
    assert_eq!(described.unsaid.iter().map(|it| it.what.as_str()).collect::<Vec<_>>(), ["the tag `note`"]);
    assert_eq!(described.stack.validate(), []);
}

#[test]
fn a_cluster_in_which_others_run_is_not_the_stack_s() {
    let (_, wrong) = described(|have, walk| {
        let service = first(have, KindName::EcsService).id.clone();
        walk.found.retain(|(_, id)| *id != service);
        let described = describe(&"described".parse().expect("a name"), have, walk, &LeftOut::new());
        let cluster = described.places.iter().find(|(_, (kind, _))| *kind == KindName::EcsCluster).expect("a cluster");
        let found = have.resources.iter_mut().find(|found| found.id == service).expect("the service");
        found.owner = Ownership::Added { inside: cluster.0.clone() };
    });
    let why: Vec<_> = wrong.into_iter().filter(|((kind, _), _)| *kind == KindName::EcsCluster).collect();
    assert!(why.len() == 1 && why[0].1.contains("run in it"), "{why:?}");
}

/// The ARNs of the practice environment's pair, and of the production listener that forwards to one of them.
fn pair(have: &Observation) -> ([String; 2], String) {
    let groups = have.resources.iter().filter(|found| found.kind == KindName::TargetGroup);
    let groups: Vec<String> = groups.map(|found| found.id.clone()).collect();
    let listener = have.resources.iter().find(|found| found.kind == KindName::Listener).expect("a listener");
    ([groups[0].clone(), groups[1].clone()], listener.id.clone())
}

#[test]
fn what_somebody_else_s_deployments_move_is_a_pair() {
    // The service and its deployment group are not named: only the load balancer in front of them is found.
    let (described, _) = described(|have, walk| {
        let (groups, listener) = pair(have);
        let mine = [KindName::EcsService, KindName::DeploymentGroup, KindName::CodeDeployApplication];
        walk.found.retain(|(kind, _)| !mine.contains(kind));
        walk.swings.push(Swing { groups, listeners: BTreeSet::from([listener]) });
    });
    let listeners = described.stack.of::<aomidori_model::kinds::Listener>();
    let pairs = listeners.filter(|(_, listener)| {
        matches!(listener.default_action, aomidori_model::kinds::listener::Action::ForwardPair { .. })
    });
    assert_eq!(pairs.count(), 1);
}

/// The practice environment with a second service, which a rule of each listener leads to.
fn two_services() -> Stack {
    fn copy<K: Kind>(stack: &mut Stack, from: &str, to: &str, change: impl FnOnce(&mut K)) -> Ref<K>
    where
        for<'a> &'a K: TryFrom<&'a Resource>,
    {
        let from = Ref::<K>::to(from.parse().expect("an address"));
        let mut resource = stack.find(&from).expect("one of the kind").1.clone();
        change(&mut resource);
        stack.add(to, resource)
    }
    let mut stack = practice();
    let [blue, green] = ["blue", "green"].map(|side| {
        let at = format!("platform/target-group/{side}");
        copy::<TargetGroup>(&mut stack, &at, &format!("platform/target-group/second-{side}"), |group| {
            group.name = format!("second-{side}").parse().expect("a name");
        })
    });
    for listener in ["production", "test"] {
        let rule = ListenerRule {
            listener: Ref::to(format!("platform/listener/{listener}").parse().expect("an address")),
            priority: 1,
            conditions: vec![Condition::PathPattern(["/second/*".to_owned()].into())],
            action: Action::ForwardPair { blue: blue.clone(), green: green.clone() },
        };
        stack.add(&format!("platform/rule/{listener}"), rule);
    }
    let service = copy::<EcsService>(&mut stack, "services/service/maintenance-bg", "services/service/second", |it| {
        it.name = "second".parse().expect("a name");
        let Deployment::CodeDeploy { target, .. } = &mut it.deployment else { panic!("rolling") };
        (target.blue, target.green) = (blue.clone(), green.clone());
    });
    copy::<DeploymentGroup>(&mut stack, "code-deploy/deployment-group", "code-deploy/second", |it| {
        it.name = "second".parse().expect("a name");
        it.service = service;
        (it.pair.blue, it.pair.green) = (blue, green);
    });
    assert_eq!(stack.validate(), []);
    stack
}

#[test]
fn two_services_behind_one_listener_are_described() {
    let stack = two_services();
    // Each pair is live on either of its sides.
    for (first, second) in [("blue", "blue"), ("green", "blue"), ("blue", "green"), ("green", "green")] {
        let (mut have, truth) = made_by_others(&stack);
        have.resources.retain(|found| found.kind.info().taggable);
        let live = |name: &str| {
            let at = format!("platform/target-group/{name}").parse().expect("an address");
            let (place, _) = truth.iter().find(|(_, address)| **address == at).expect("the group");
            Ref::<TargetGroup>::existing(&place.1).to_value()
        };
        let second = live(&format!("second-{second}"));
        let first = live(first);
        for found in &mut have.resources {
            match found.kind {
                KindName::Listener => set(found, "action.forward", Value::Set([first.clone()].into())),
                KindName::ListenerRule => set(found, "action.forward", Value::Set([second.clone()].into())),
                _ => {}
            }
        }
        let described = describe(&"described".parse().expect("a name"), &have, &walk(&have), &LeftOut::new());
        assert_eq!((&described.left_out, &described.unsaid), (&LeftOut::new(), &vec![]));
        assert_eq!(described.stack.validate(), []);
        assert_eq!(described.stack.len(), have.resources.len());
        let listeners = described.stack.of::<Listener>().map(|(_, it)| &it.default_action);
        let rules = described.stack.of::<ListenerRule>().map(|(_, it)| &it.action);
        assert_eq!(listeners.chain(rules).filter(|it| matches!(it, Action::ForwardPair { .. })).count(), 4);
        assert_eq!(described.stack.of::<DeploymentGroup>().count(), 2);
        assert_eq!(differing(&described, &claimed(&described, have)), LeftOut::new());
    }
}

fn record(balancer: &Observed) -> DnsRecord {
    DnsRecord {
        zone: "Z1".parse().expect("a zone"),
        name: "shop.example.com".parse().expect("a name"),
        answer: Answer::Alias {
            load_balancer: aomidori_model::Ref::existing(&balancer.id),
            evaluate_target_health: true,
        },
    }
}

/// A record as an observer tells it.
fn observed(record: &DnsRecord) -> Observed {
    Observed {
        kind: KindName::DnsRecord,
        id: record.id(),
        owner: Ownership::Ours("unaddressed/dns/record".parse().expect("an address")),
        fields: Resource::from(record.clone()).fields(),
        tags: BTreeMap::new(),
        outputs: BTreeMap::new(),
        status: aomidori_plan::Status::Ready,
        busy: None,
    }
}

#[test]
fn a_record_that_leads_to_the_load_balancer_is_described() {
    let (described, _) = described(|have, walk| {
        let record = record(first(have, KindName::LoadBalancer));
        walk.add_untagged(record.clone().into());
        have.resources.push(observed(&record));
    });
    let found = of::<DnsRecord>(&described.stack);
    let Answer::Alias { load_balancer, evaluate_target_health: true } = &found.answer else { panic!("{found:?}") };
    assert!(described.stack.find(load_balancer).is_some());
    assert_eq!((described.unsaid, described.left_out), (vec![], LeftOut::new()));
    // Nothing marks it: it is the stack's as long as it leads there.
    assert!(described.claims.ids(KindName::DnsRecord).next().is_none());
}

#[test]
fn a_record_of_what_is_left_out_is_left_out_with_it() {
    let (described, _) = described(|have, walk| {
        let record = record(first(have, KindName::LoadBalancer));
        let id = first(have, KindName::LoadBalancer).id.clone();
        walk.beyond.push(Beyond {
            kind: KindName::LoadBalancer,
            id,
            what: "it is another's".into(),
            shuts: true,
            arguments: &[],
        });
        walk.add_untagged(record.clone().into());
        have.resources.push(observed(&record));
    });
    assert!(described.stack.of::<DnsRecord>().next().is_none());
    assert!(described.left_out.keys().any(|(kind, _)| *kind == KindName::DnsRecord));
}

#[test]
fn what_an_observer_reads_only_where_it_is_declared_is_declared() {
    let (described, _) = described(|have, walk| {
        walk.add_untagged(record(first(have, KindName::LoadBalancer)).into());
    });
    let walk = Walk { untagged: vec![record(&observed_balancer()).into()], ..Walk::default() };
    let declared = declare(&described.stack, &walk);
    assert_eq!(declared.len(), described.stack.len() + 1);
    assert!(declared.of::<VpcEndpoint>().all(|(_, endpoint)| endpoint.policy.is_some()));
    assert!(declared.of::<LoadBalancer>().all(|(_, balancer)| !balancer.attributes.is_empty()));
    // What is described already is not declared twice.
    assert_eq!(declare(&declared, &walk).len(), declared.len());
}

fn observed_balancer() -> Observed {
    let (mut have, _) = made_by_others(&practice());
    first(&mut have, KindName::LoadBalancer).clone()
}

#[test]
fn what_carries_another_stack_s_mark_is_referred_to() {
    let (described, wrong) = described(|have, _| {
        let address = "network/vpc".parse().expect("an address");
        let marks = aomidori_model::ownership::tags(&"landlord".parse().expect("a name"), &address);
        first(have, KindName::Vpc).tags.extend(marks);
    });
    assert_eq!(described.left_out.values().collect::<Vec<_>>(), ["it is of the stack `landlord`"]);
    let mut subnets = described.stack.of::<aomidori_model::kinds::Subnet>();
    assert!(subnets.all(|(_, subnet)| subnet.vpc.address().is_none()));
    assert_eq!((described.stack.validate(), wrong), (vec![], LeftOut::new()));
}

#[test]
fn a_service_that_is_not_described_is_named_where_its_requests_come_in() {
    let (described, _) = described(|have, walk| {
        let behind = |found: &Observed| matches!(found.fields.value("load_balancer"), Value::Set(to) if !to.is_empty());
        let services = have.resources.iter().filter(|found| found.kind == KindName::EcsService);
        let ids: Vec<String> = services.filter(|found| behind(found)).map(|found| found.id.clone()).collect();
        walk.found.retain(|(_, id)| !ids.contains(id));
    });
    let said = |it: &&crate::Unsaid| it.what.contains("which is not described") && it.what.contains("`down`");
    // One service, behind the live side of its pair.
    assert_eq!(described.unsaid.iter().filter(said).count(), 1, "{:?}", described.unsaid);
}

#[test]
fn doors_that_are_closed_are_live_all_the_same() {
    let (described, wrong) = described(|have, walk| {
        have.resources.retain(|found| found.kind != KindName::SecurityGroupRule);
        walk.found.retain(|(kind, _)| *kind != KindName::SecurityGroupRule);
    });
    assert_eq!((&described.left_out, wrong), (&LeftOut::new(), LeftOut::new()));
    assert_eq!(described.stack.validate(), []);
    assert!(described.unsaid.iter().any(|it| it.what.contains("E-LISTENER-CLOSED")), "{:?}", described.unsaid);
    // The file says so, too; and nothing but the way of packets can be accepted.
    let mut read = Stack::from_json(&described.stack.to_json().expect("text")).expect("a stack");
    assert_eq!(read, described.stack);
    let vpc = read.of::<aomidori_model::kinds::Vpc>().next().expect("a VPC").0.clone();
    if let Some(Resource::Vpc(it)) = read.get_mut(&vpc).map(|entry| &mut entry.resource) {
        it.cidr = "192.168.0.0/16".parse().expect("a network");
    }
    let codes: BTreeSet<String> = read.validate().iter().map(|problem| problem.code.0.to_owned()).collect();
    assert!(!codes.is_empty());
    let addresses: Vec<_> = read.iter().map(|(address, _)| address.clone()).collect();
    read.accepted.extend(addresses.into_iter().map(|address| (address, codes.clone())));
    assert!(!read.validate().is_empty());
}

#[test]
fn where_and_with_which_tags_tasks_run_is_described() {
    let strategy = Value::Set(
        [Value::map([
            ("capacity_provider", Value::str("FARGATE_SPOT")),
            ("weight", Value::Int(3)),
            ("base", Value::Int(1)),
        ])]
        .into(),
    );
    let (described, wrong) = described(|have, _| {
        for found in have.resources.iter_mut().filter(|found| found.kind == KindName::EcsService) {
            set(found, "launch_type", Value::Null);
            set(found, "capacity_provider_strategy", strategy.clone());
            set(found, "propagate_tags", Value::str("TASK_DEFINITION"));
            set(found, "enable_ecs_managed_tags", Value::Bool(true));
        }
    });
    assert_eq!((&described.left_out, &described.unsaid, wrong), (&LeftOut::new(), &vec![], LeftOut::new()));
    for (_, service) in described.stack.of::<aomidori_model::kinds::EcsService>() {
        let shares: Vec<_> =
            service.capacity_providers.iter().map(|(provider, it)| (provider.as_str(), it.weight, it.base)).collect();
        assert_eq!(shares, [("FARGATE_SPOT", 3, 1)]);
        assert_eq!(service.propagate_tags.map(|from| from.as_str()), Some("TASK_DEFINITION"));
        assert_eq!(service.managed_tags, Some(true));
    }
}

/// The addresses of the network after a change, and those of a second description, once the first was taken over.
fn network(change: impl FnOnce(&mut Observation, &mut Walk)) -> Vec<String> {
    let mut seen = (Observation::default(), Walk::default());
    let (first, _) = described(|have, walk| {
        change(have, walk);
        seen = (have.clone(), walk.clone());
    });
    let (mut have, walk) = seen;
    for found in &mut have.resources {
        if let Some(address) = first.claims.address(found.kind, &found.id) {
            found.tags.extend(first.stack.all_tags(address));
        }
    }
    let again = describe(first.stack.name(), &have, &walk, &LeftOut::new());
    assert_eq!(again.places, first.places);
    first.stack.iter().map(|(at, _)| at.to_string()).filter(|at| at.starts_with("network/")).collect()
}

fn nameless(have: &mut Observation) {
    have.resources.iter_mut().for_each(|found| drop(found.tags.remove("Name")));
}

#[test]
fn what_has_no_name_is_called_after_what_it_belongs_to() {
    let found = network(|have, _| nameless(have));
    let endpoint = |at: &&String| at.contains("vpc-endpoint");
    let (endpoints, rest): (Vec<&String>, Vec<&String>) = found.iter().partition(endpoint);
    assert_eq!(endpoints.len(), 6);
    let want = [
        "network/elastic-ip/nat-public-a",
        "network/elastic-ip/nat-public-c",
        "network/internet-gateway",
        "network/nat-gateway/public-a",
        "network/nat-gateway/public-c",
        "network/route-table/private-a",
        "network/route-table/private-a-2",
        "network/route-table/private-c",
        "network/route-table/private-c-2",
        "network/route-table/public",
        "network/subnet/private-a",
        "network/subnet/private-a-2",
        "network/subnet/private-c",
        "network/subnet/private-c-2",
        "network/subnet/public-a",
        "network/subnet/public-c",
        "network/vpc",
    ];
    assert_eq!(rest, want);
}

#[test]
fn what_only_routes_out_is_public() {
    let found = network(|have, _| {
        nameless(have);
        let subnets = have.resources.iter_mut().filter(|found| found.kind == KindName::Subnet);
        subnets.for_each(|found| set(found, "map_public_ip_on_launch", Value::Bool(false)));
    });
    assert!(found.contains(&"network/subnet/public-c".to_owned()), "{found:#?}");
}

#[test]
fn what_terraform_counted_is_not_said() {
    let (described, _) = described(|have, _| {
        let groups = have.resources.iter_mut().filter(|found| found.kind == KindName::TargetGroup);
        for (n, group) in groups.enumerate() {
            set(group, "name", Value::str(format!("front-2024010112345678900000000{n}")));
        }
    });
    let places = described.places.iter().filter(|(_, (kind, _))| *kind == KindName::TargetGroup);
    let places: Vec<&str> = places.map(|(at, _)| at.as_str()).collect();
    assert_eq!(places, ["platform/target-group/front", "platform/target-group/front-2"]);
}

#[test]
fn what_belongs_to_nothing_is_numbered() {
    let found = network(|have, walk| {
        nameless(have);
        // Neither the gateways nor the subnets are described.
        walk.found.retain(|(kind, _)| !matches!(kind, KindName::NatGateway | KindName::Subnet));
    });
    for at in ["elastic-ip/1", "elastic-ip/2", "route-table/1"] {
        assert!(found.contains(&format!("network/{at}")), "{at}: {found:#?}");
    }
}

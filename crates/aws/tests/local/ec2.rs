//! The EC2 kinds: the practice environment's network and security groups.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_aws::Settings;
use aomidori_engine::{Cloud, ErrorKind, Known, Made, Progress, Want};
use aomidori_local::Options;
use aomidori_model::kinds::{ElasticIp, InternetGateway, RouteTable, SecurityGroup, SecurityGroupRule, Subnet, Vpc};
use aomidori_model::{Resource, Stack};
use aomidori_plan::{Action, Notice, Observation, Ownership, Status};

use crate::support::{World, address, census, id, practice, since, sum};

const GROUPS: &[&str] = &["network", "security"];

fn edit<K>(stack: &mut Stack, at: &str, edit: impl FnOnce(&mut K))
where
    K: aomidori_model::Kind,
    for<'a> &'a K: TryFrom<&'a Resource>,
{
    let entry = stack.get_mut(&address(at)).expect("there");
    let mut kind = {
        let Ok(kind) = <&K>::try_from(&entry.resource) else { panic!("{at} is of another kind") };
        kind.clone()
    };
    edit(&mut kind);
    entry.resource = kind.into();
}

#[tokio::test]
async fn a_network_goes_up_stays_and_comes_down() {
    let world = World::instant().await;
    let stack = practice(GROUPS);
    let before = census(&world.local);
    let report = world.up(&stack).await;
    assert_eq!(report.planned.plan.steps.len(), stack.len());
    println!("up: {} calls, {:#?}", sum(&world.aws.calls(), ""), world.aws.calls());

    let again = world.client().await;
    let observation = again.observe(&stack).await.expect("readable");
    let calls = again.calls();
    println!("observe: {calls:#?}");
    assert_eq!(sum(&calls, "ec2:"), 11, "{calls:#?}");
    assert!(calls.values().sum::<u64>() <= 13 + 8, "{calls:#?}");
    assert_eq!(observation.resources.len(), stack.len());
    assert!(observation.resources.iter().all(|one| one.status == Status::Ready));
    assert_eq!(observation.account.len(), 12);
    let planned = world.plan(&stack).await;
    assert!(planned.plan.is_empty(), "{:#?}", planned.plan);
    assert_eq!(planned.plan.notices, []);

    let calls = world.aws.calls();
    world.down(&stack).await;
    println!("down: {:#?}", since(&calls, &world.aws.calls()));
    assert_eq!(census(&world.local), before);
}

#[tokio::test]
async fn changes_are_made_in_place() {
    let world = World::instant().await;
    let mut stack = practice(GROUPS);
    world.up(&stack).await;
    let was = world.aws.observe(&stack).await.expect("readable");

    edit::<Vpc>(&mut stack, "network/vpc", |vpc| vpc.dns_support = Some(true));
    let public = stack.of::<Subnet>().next().expect("a subnet").0.clone();
    edit::<Subnet>(&mut stack, public.as_str(), |subnet| subnet.map_public_ip_on_launch = Some(true));
    let groups: Vec<String> = stack.of::<SecurityGroup>().map(|(at, _)| at.to_string()).collect();
    edit::<SecurityGroup>(&mut stack, &groups[0], |group| group.open_egress = !group.open_egress);
    let rules: Vec<String> = stack.of::<SecurityGroupRule>().map(|(at, _)| at.to_string()).collect();
    edit::<SecurityGroupRule>(&mut stack, &rules[0], |rule| {
        rule.description = Some("another description".parse().expect("legal"));
    });
    let tables: Vec<String> = stack.of::<RouteTable>().map(|(at, _)| at.to_string()).collect();
    for table in &tables {
        edit::<RouteTable>(&mut stack, table, |table| {
            // Where one route leads, another can.
            if let Some(via) = table.routes.values().next().cloned() {
                table.routes.insert("10.99.0.0/16".parse().expect("a network"), via);
            }
        });
    }
    stack.tags.insert("team".into(), "blue".into());
    let report = world.up(&stack).await;
    assert!(report.planned.plan.steps.iter().all(|step| step.action == Action::Update), "{:#?}", report.planned.plan);
    let is = world.aws.observe(&stack).await.expect("readable");
    let ids = |observation: &Observation| -> BTreeMap<_, _> {
        observation.ours().map(|(at, one)| (at.clone(), one.id.clone())).collect()
    };
    assert_eq!(ids(&was), ids(&is));
    assert!(is.ours().all(|(_, one)| one.tags.get("team").map(String::as_str) == Some("blue")));

    // And back: routes, tags and the description go again.
    let original = practice(GROUPS);
    world.up(&original).await;
    let is = world.aws.observe(&original).await.expect("readable");
    assert!(is.ours().all(|(_, one)| !one.tags.contains_key("team")));
    assert_eq!(ids(&was), ids(&is));
}

#[tokio::test]
async fn what_others_added_is_reported_and_left() {
    let world = World::instant().await;
    let stack = practice(GROUPS);
    world.up(&stack).await;
    let observation = world.aws.observe(&stack).await.expect("readable");
    let group = stack.of::<SecurityGroup>().next().expect("a group").0.to_string();
    let sg = id(&observation, &group);

    // Somebody opens SSH by hand.
    let by_hand = Handwork::new(&world).await;
    by_hand.add_rule(&sg, "203.0.113.0/24", 22).await;
    let planned = world.plan(&stack).await;
    assert!(planned.plan.is_empty(), "{:#?}", planned.plan);
    let added = planned
        .observation
        .resources
        .iter()
        .find(|one| matches!(&one.owner, Ownership::Added { inside } if *inside == address(&group)));
    assert_eq!(added.expect("seen").fields.value("from_port"), &aomidori_model::Value::Int(22));
    assert!(
        planned.plan.notices.iter().any(|notice| matches!(notice, Notice::ForeignDrift { .. })),
        "{:?}",
        planned.plan.notices
    );
}

/// Changes behind the tool's back, through the same wire.
pub(crate) struct Handwork {
    /// EC2.
    pub(crate) ec2: aws_sdk_ec2::Client,
    /// ECS.
    pub(crate) ecs: aws_sdk_ecs::Client,
}

impl Handwork {
    pub(crate) async fn new(world: &World) -> Handwork {
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .credentials_provider(aws_credential_types::Credentials::new("a", "b", None, None, "test"))
            .region(crate::support::REGION)
            .endpoint_url(world.local.endpoint())
            .load()
            .await;
        Handwork { ec2: aws_sdk_ec2::Client::new(&config), ecs: aws_sdk_ecs::Client::new(&config) }
    }

    async fn add_rule(&self, group: &str, cidr: &str, port: i32) {
        let permission = aws_sdk_ec2::types::IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(port)
            .to_port(port)
            .ip_ranges(aws_sdk_ec2::types::IpRange::builder().cidr_ip(cidr).build())
            .build();
        let answer =
            self.ec2.authorize_security_group_ingress().group_id(group).ip_permissions(permission).send().await;
        answer.expect("a rule");
    }
}

/// What a crash after the first call of a create leaves is completed by the next run.
#[tokio::test]
async fn half_made_things_are_completed() {
    let world = World::instant().await;
    let mut stack = practice(GROUPS);
    let group = stack.of::<SecurityGroup>().next().expect("a group").0.to_string();
    edit::<SecurityGroup>(&mut stack, &group, |group| group.open_egress = false);
    world.up(&stack).await;
    let observation = world.aws.observe(&stack).await.expect("readable");
    let hand = Handwork::new(&world).await;
    let (vpc, gateway, sg) =
        (id(&observation, "network/vpc"), first_of::<InternetGateway>(&stack, &observation), id(&observation, &group));
    let off = aws_sdk_ec2::types::AttributeBooleanValue::builder().value(false).build();
    hand.ec2.modify_vpc_attribute().vpc_id(&vpc).enable_dns_hostnames(off).send().await.expect("set");
    let everything = aws_sdk_ec2::types::IpPermission::builder()
        .ip_protocol("-1")
        .ip_ranges(aws_sdk_ec2::types::IpRange::builder().cidr_ip("0.0.0.0/0").build())
        .build();
    hand.ec2.authorize_security_group_egress().group_id(&sg).ip_permissions(everything).send().await.expect("a rule");
    let tables = hand
        .ec2
        .describe_route_tables()
        .filters(aws_sdk_ec2::types::Filter::builder().name("vpc-id").values(&vpc).build())
        .send()
        .await
        .expect("tables");
    for table in tables.route_tables() {
        for association in table.associations().iter().filter(|one| one.main() != Some(true)) {
            let id = association.route_table_association_id().expect("an id");
            hand.ec2.disassociate_route_table().association_id(id).send().await.expect("disassociated");
        }
        for route in table.routes().iter().filter(|route| route.destination_cidr_block() == Some("0.0.0.0/0")) {
            let to = route.destination_cidr_block().expect("a destination");
            let id = table.route_table_id().expect("an id");
            hand.ec2.delete_route().route_table_id(id).destination_cidr_block(to).send().await.expect("deleted");
        }
    }
    let report = world.up(&stack).await;
    assert!(report.planned.plan.steps.iter().all(|step| step.action == Action::Update), "{:#?}", report.planned.plan);
    assert!(report.planned.plan.steps.len() >= 7, "{:#?}", report.planned.plan);
    drop(gateway);
}

fn first_of<K>(stack: &Stack, observation: &Observation) -> String
where
    K: aomidori_model::Kind,
    for<'a> &'a K: TryFrom<&'a Resource>,
{
    let at = stack.of::<K>().next().expect("one").0.clone();
    id(observation, at.as_str())
}

/// An internet gateway that no one attached is found, and attached by an update.
#[tokio::test]
async fn an_unattached_gateway_is_found_and_attached() {
    let world = World::instant().await;
    let mut stack = Stack::new("half".parse().expect("a name"));
    let cidr = "10.0.0.0/16".parse().expect("a network");
    let vpc = stack.add("network/vpc", Vpc { cidr, dns_support: None, dns_hostnames: None });
    stack.add("network/igw", InternetGateway { vpc });
    world.up(&stack).await;
    let observation = world.aws.observe(&stack).await.expect("readable");
    let (vpc, gateway) = (id(&observation, "network/vpc"), id(&observation, "network/igw"));
    let hand = Handwork::new(&world).await;
    hand.ec2.detach_internet_gateway().internet_gateway_id(&gateway).vpc_id(&vpc).send().await.expect("detached");
    let report = world.up(&stack).await;
    assert_eq!(report.planned.plan.steps.len(), 1, "{:#?}", report.planned.plan);
    let observation = world.aws.observe(&stack).await.expect("readable");
    assert_eq!(id(&observation, "network/igw"), gateway);
    assert!(world.plan(&stack).await.plan.is_empty());
}

/// What an unanswered create made is found again; nothing else is.
#[tokio::test]
async fn find_sees_what_was_made_and_nothing_else() {
    let world = World::instant().await;
    let mut stack = Stack::new("found".parse().expect("a name"));
    stack.add("network/address", ElasticIp {});
    let cidr = "10.0.0.0/16".parse().expect("a network");
    stack.add("network/vpc", Vpc { cidr, dns_support: Some(true), dns_hostnames: Some(true) });
    let known = Known::default();
    for at in ["network/address", "network/vpc"] {
        let at = address(at);
        let resource = &stack.get(&at).expect("there").resource;
        let tags = stack.all_tags(&at);
        let w = Want { stack: stack.name(), address: &at, resource, tags: &tags, known: &known, token: "t-1" };
        assert_eq!(world.aws.find(w).await, Ok(None));
        let made = world.aws.create(w).await.expect("made");
        assert_eq!(world.aws.find(w).await.map(|found| found.map(|made| made.id)), Ok(Some(made.id.clone())));
        // Under the same address with another network, it is another one.
        if let Resource::Vpc(vpc) = resource {
            let mut other = vpc.clone();
            other.cidr = "10.1.0.0/16".parse().expect("a network");
            let other = Resource::from(other);
            assert_eq!(world.aws.find(Want { resource: &other, ..w }).await, Ok(None));
        }
        let Made { id, .. } = made;
        let observation = world.aws.observe(&stack).await.expect("readable");
        let have = observation.resources.iter().find(|one| one.id == id).expect("observed");
        world.aws.delete(have).await.expect("deleted");
        assert_eq!(world.aws.progress(have.kind, &id).await, Ok(Progress::Gone));
        world.aws.delete(have).await.expect("deleted twice");
    }
}

/// What is used is not deleted, and what uses it is told.
#[tokio::test]
async fn what_is_in_use_says_what_holds_it() {
    let world = World::instant().await;
    let stack = practice(GROUPS);
    world.up(&stack).await;
    let observation = world.aws.observe(&stack).await.expect("readable");
    let mut told = BTreeSet::new();
    for have in &observation.resources {
        use aomidori_model::KindName::{InternetGateway, SecurityGroup, Subnet, Vpc};
        if !matches!(have.kind, Vpc | SecurityGroup | Subnet | InternetGateway) {
            continue;
        }
        let Err(error) = world.aws.delete(have).await else { continue };
        assert_eq!(error.kind, ErrorKind::InUse, "{error:?}");
        let holders = world.aws.holders(have).await;
        assert!(!holders.is_empty(), "{} is refused ({error:?}) and nothing holds it", have.id);
        told.insert(have.kind);
    }
    assert_eq!(told.len(), 4, "{told:?}");
}

/// A NAT gateway pends, is ready, and is gone.
#[tokio::test]
async fn a_nat_gateway_takes_its_time() {
    let world = World::new(Options { throttle: false, ..Options::default() }).await;
    let stack = practice(GROUPS);
    world.up(&stack).await;
    assert!(world.plan(&stack).await.plan.is_empty());
    world.down(&stack).await;
}

/// Nobody listens, nobody may.
#[tokio::test]
async fn errors_say_what_is_wrong() {
    let nobody = aomidori_aws::Aws::connect(Settings::local("http://127.0.0.1:9", "ap-northeast-1")).await;
    let error = nobody.expect("settings").observe(&practice(GROUPS)).await.expect_err("nobody listens");
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error:?}");

    let world = World::new(Options { deny: vec!["ec2:CreateVpc".into()], ..Options::instant() }).await;
    let stack = practice(GROUPS);
    let at = address("network/vpc");
    let (tags, known) = (stack.all_tags(&at), Known::default());
    let resource = &stack.get(&at).expect("there").resource;
    let w = Want { stack: stack.name(), address: &at, resource, tags: &tags, known: &known, token: "t-1" };
    let error = world.aws.create(w).await.expect_err("denied");
    assert_eq!(error.kind, ErrorKind::Denied, "{error:?}");
    assert!(error.message.contains("`ec2:CreateVpc` is denied"), "{error:?}");
}

//! Random stacks: legal, of all kinds, with every optional field there and not there, under odd but legal names.
#![expect(clippy::expect_used, reason = "literals that parse; the crate is for tests")]

mod access;
mod balancer;
mod network;
mod services;

use std::fmt::Debug;
use std::str::FromStr;

use aomidori_model::kinds::ecs_service::Deployment;
use aomidori_model::kinds::{DiscoveryService, EcsCluster, IamRole, LogGroup, SecurityGroup, Subnet, Vpc};
use aomidori_model::{Port, Ref, Stack};

use crate::Dice;

/// What of the account a stack may point at.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// A public hosted zone of `example.com`.
    pub zone: String,
    /// The region.
    pub region: String,
    /// The account.
    pub account: String,
}

/// The stack of a seed.
pub fn stack(seed: u64, around: &Surroundings) -> Stack {
    let dice = Dice::new(seed);
    let mut own = dice.part("stack");
    let name = own.word(&["r", "shop", "dev-shop", "0", "a1-b2", "x-for-in-null", "the-longest-name-here"]);
    let mut stack = Stack::new(parse(name));
    for (key, value) in [
        ("Team", "web"),
        ("cost:center", "1 + 2 = 3 @ https://example.com/a_b"),
        ("Environment", "qa-1"),
        ("Name", "everything"),
        ("für", "Übung"),
    ] {
        if own.one_in(3) {
            stack.tags.insert(key.into(), value.into());
        }
    }
    let mut build = Build { around, name: name.to_owned(), taken: 0, stack };
    let networks: Vec<Network> = (0..own.between(1, 2))
        .map(|n| network::network(&mut build, &mut dice.part(&format!("network {n}")), n))
        .collect();
    let roles = access::roles(&mut build, &mut dice.part("access"));
    let base = services::base(&mut build, &mut dice.part("base"), &networks);
    for (n, network) in networks.iter().enumerate() {
        let mut dice = dice.part(&format!("services {n}"));
        let ways = balancer::ways_in(&mut build, &mut dice, network, n);
        services::services(&mut build, &mut dice, network, &roles, &base, ways, n);
    }
    decorate(&mut build.stack, &mut dice.part("tags"));
    build.stack
}

/// Tags of single resources, and order that nothing else states.
fn decorate(stack: &mut Stack, dice: &mut Dice) {
    let addresses: Vec<_> = stack.iter().map(|(address, entry)| (address.clone(), entry.resource.kind())).collect();
    for (address, kind) in addresses {
        if !kind.info().taggable || !dice.one_in(5) {
            continue;
        }
        let Some(entry) = stack.get_mut(&address) else { continue };
        for (key, value) in [("Name", "own"), ("Team", "data"), ("owner", "me@example.com"), ("", "")] {
            if !key.is_empty() && dice.one_in(2) {
                entry.tags.insert(key.into(), value.into());
            }
        }
    }
    // Leaves of the graph that may come after anything: nothing waits for them.
    let late: Vec<_> = stack.of::<LogGroup>().map(|(address, _)| address.clone()).collect();
    let early: Vec<_> = stack.of::<Vpc>().map(|(address, _)| address.clone()).collect();
    for address in late {
        if dice.one_in(4)
            && let Some(on) = early.first()
            && let Some(entry) = stack.get_mut(&address)
        {
            entry.depends_on.insert(on.clone());
        }
    }
}

fn parse<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().expect("a legal literal")
}

fn port(number: u32) -> Port {
    Port::new(u16::try_from(number).unwrap_or(u16::MAX)).expect("a legal port")
}

/// A stack on its way.
struct Build<'a> {
    around: &'a Surroundings,
    /// The stack's name.
    name: String,
    taken: u32,
    stack: Stack,
}

impl Build<'_> {
    /// A name that nothing else has: of a form that the dice choose, at most `longest` long. With `_` and `.` only if
    /// they are allowed.
    fn name(&mut self, dice: &mut Dice, word: &str, extra: &str, longest: usize) -> String {
        self.taken += 1;
        let n = self.taken;
        let odd = extra.chars().next().filter(|_| dice.one_in(3)).unwrap_or('-');
        let mut name = match dice.roll(5) {
            0 => format!("{}-{word}{n}", self.name),
            1 => format!("{word}{odd}{n}"),
            2 => format!("{n}-{word}"),
            3 => format!("{word}-{}-{n}", self.name),
            _ => format!("{word}{n}{odd}x"),
        };
        if name.len() > longest {
            name = format!("{n}-{word}");
            name.truncate(longest);
        }
        name
    }
}

/// A VPC with what later parts refer to.
struct Network {
    vpc: Ref<Vpc>,
    /// With a default route to an internet gateway, in different zones.
    public: Vec<Ref<Subnet>>,
    /// With a default route to a NAT gateway.
    private: Vec<Ref<Subnet>>,
    /// Lets everybody in on every TCP port.
    open: Ref<SecurityGroup>,
    /// Lets the VPC's network in.
    inner: Ref<SecurityGroup>,
    /// A third one.
    other: Ref<SecurityGroup>,
    /// Cloud Map services.
    discovery: Vec<Ref<DiscoveryService>>,
}

/// Roles by who may assume them.
struct Roles {
    tasks: Vec<Ref<IamRole>>,
    code_deploy: Ref<IamRole>,
}

/// What services run in and on.
struct Base {
    clusters: Vec<Ref<EcsCluster>>,
    logs: Vec<Ref<LogGroup>>,
    repositories: Vec<Ref<aomidori_model::kinds::EcrRepository>>,
}

/// A listener's way to a service.
struct Way {
    deployment: Deployment,
    pair: Option<aomidori_model::kinds::target_group::TargetGroupPair>,
}

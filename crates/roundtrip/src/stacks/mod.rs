//! Random stacks: legal, of all kinds, with every optional field there and not there, under odd but legal names.
#![expect(clippy::expect_used, reason = "literals that parse; the crate is for tests")]

mod access;
mod balancer;
mod manner;
mod network;
mod outside;
mod services;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::str::FromStr;

use aomidori_model::kinds::ecs_service::Deployment;
use aomidori_model::kinds::{
    DiscoveryService, EcrRepository, EcsCluster, IamRole, LogGroup, SecurityGroup, Subnet, Vpc,
};
use aomidori_model::{Address, Kind, Port, Ref, Stack};

pub use outside::{OUTSIDE_TAGS, Outside, outside};

use crate::Dice;
use manner::Manner;

/// What of the account a stack may point at.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// A public hosted zone of `example.com`.
    pub zone: String,
    /// The region.
    pub region: String,
    /// The account.
    pub account: String,
    /// What somebody else made there.
    pub outside: Outside,
}

impl Surroundings {
    /// Of the right form, where nothing is asked of an account.
    pub fn nowhere() -> Surroundings {
        let (zone, region) = ("Z123".to_owned(), crate::account::REGION.to_owned());
        Surroundings { zone, region, account: crate::account::ACCOUNT.to_owned(), outside: Outside::nowhere() }
    }
}

/// Texts that no tool may take for anything but themselves; for wherever AWS takes any text.
pub(crate) const ODD: &[&str] = &[
    "${x}",
    "%{if true}",
    "$${y} %%{z}",
    "$$$ %% $% {}",
    "\"quoted\" and 'so' and `so`",
    "back\\slash \\n \\u0041 \\",
    "two\nlines\r\nand\ta tab",
    "<<EOT\nheredoc\nEOT",
    "für 青緑 🟢",
    "| a | b | --> # // /* */",
    "null",
    "true",
    "007",
    "1e3",
    " around ",
    "https://example.com/?a=b&c=<d>",
];

/// The stack of a seed.
pub fn stack(seed: u64, around: &Surroundings) -> Stack {
    let dice = Dice::new(seed);
    let mut own = dice.part("stack");
    let long = "a-name-as-long-as-stacks-may-have-0123456789-and-so-on-until-64";
    let name =
        own.word(&["r", "shop", "dev-shop", "0", "a1-b2", "x-for-in-null", "the-longest-name-here", "var", long]);
    let mut stack = Stack::new(parse(name));
    for (key, value) in [
        ("Team", "web"),
        ("cost:center", "1 + 2 = 3 @ https://example.com/a_b"),
        ("Environment", "qa-1"),
        ("Name", "everything"),
        ("für", "Übung"),
        ("null", ""),
        ("a b/c.d", "true"),
    ] {
        if own.one_in(3) {
            stack.tags.insert(key.into(), value.into());
        }
    }
    // Now and then all of it twice, under two words, where both can be beside each other: Terraform's modules for them are
    // one.
    let fill = |twins: &[&str]| twins.iter().fold(stack.clone(), |stack, twin| fill(stack, &dice, around, twin));
    let twins = dice.part("twins").one_in(6) && name.len() < 16;
    let both = twins.then(|| fill(&["east", "far-west"])).filter(|both| both.validate().is_empty());
    both.unwrap_or_else(|| {
        let mut stack = fill(&[""]);
        late(&mut stack, &mut dice.part("order"));
        stack
    })
}

/// Adds what the dice say; below and named with the word, if there is one.
fn fill(stack: Stack, dice: &Dice, around: &Surroundings, twin: &str) -> Stack {
    let manner = Manner::of(&mut dice.part("manner"));
    let name = if twin.is_empty() { stack.name().to_string() } else { format!("{}-{twin}", stack.name()) };
    let mut build = Build { around, name, taken: 0, manner, twin: twin.to_owned(), stack };
    let mut size = dice.part("size");
    let networks = match size.roll(12) {
        // One resource, or a few of one sort.
        0 => 0,
        1..6 => 1,
        6..11 => 2,
        _ => 3,
    };
    if networks == 0 && size.one_in(2) {
        services::base(&mut build, &mut dice.part("base"));
        decorate(&mut build.stack, twin, &mut dice.part("tags"));
        return build.stack;
    }
    let networks: Vec<Network> =
        (0..networks).map(|n| network::network(&mut build, &mut dice.part(&format!("network {n}")), n)).collect();
    let base = services::base(&mut build, &mut dice.part("base"));
    let roles = access::roles(&mut build, &mut dice.part("access"), &base);
    for (n, network) in networks.iter().enumerate() {
        let mut dice = dice.part(&format!("services {n}"));
        let ways = balancer::ways_in(&mut build, &mut dice, network, n);
        services::services(&mut build, &mut dice, network, &roles, &base, ways, n);
    }
    if size.one_in(16) {
        services::many(&mut build, &mut dice.part("many"), &roles, &base);
    }
    decorate(&mut build.stack, twin, &mut dice.part("tags"));
    build.stack
}

/// Tags of single resources whose addresses begin so.
fn decorate(stack: &mut Stack, with: &str, dice: &mut Dice) {
    let own = stack.iter().filter(|(address, _)| address.as_str().starts_with(with));
    let addresses: Vec<_> = own.map(|(address, entry)| (address.clone(), entry.resource.kind())).collect();
    for (address, kind) in addresses {
        if !kind.info().taggable || !dice.one_in(5) {
            continue;
        }
        let Some(entry) = stack.get_mut(&address) else { continue };
        for (key, value) in [("Name", "own"), ("Team", "data"), ("owner", "me@example.com"), ("null", "x"), ("e", "")] {
            if dice.one_in(2) {
                entry.tags.insert(key.into(), value.into());
            }
        }
    }
}

/// Order that nothing else states, between any two resources of which the second does not need the first.
fn late(stack: &mut Stack, dice: &mut Dice) {
    let fields = stack.fields();
    let nodes = stack.nodes(&fields);
    let mut needs: BTreeMap<Address, Vec<Address>> = nodes
        .iter()
        .map(|node| (node.address.clone(), nodes.edges(node).into_iter().map(|edge| edge.on).collect()))
        .collect();
    let addresses: Vec<Address> = needs.keys().cloned().collect();
    for _ in 0..dice.roll(5) {
        let any = |dice: &mut Dice| {
            let n = dice.roll(u32::try_from(addresses.len()).unwrap_or(u32::MAX));
            addresses.get(usize::try_from(n).unwrap_or_default()).cloned()
        };
        let (Some(one), Some(on)) = (any(dice), any(dice)) else { return };
        let (mut seen, mut next) = (BTreeSet::new(), vec![&on]);
        while let Some(at) = next.pop() {
            if seen.insert(at) {
                next.extend(needs.get(at).into_iter().flatten());
            }
        }
        if seen.contains(&one) {
            continue;
        }
        if let Some(entry) = stack.get_mut(&one) {
            entry.depends_on.insert(on.clone());
        }
        needs.entry(one).or_default().push(on);
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
    manner: Manner,
    /// What this half of the stack is called; empty if it is no half.
    twin: String,
    stack: Stack,
}

impl Build<'_> {
    /// Adds a resource, under the address as this stack spells addresses.
    fn add<K: Kind>(&mut self, address: &str, resource: K) -> Ref<K> {
        let address = self.manner.spell(address);
        let address = if self.twin.is_empty() { address } else { format!("{}-{address}", self.twin) };
        self.stack.add(&address, resource)
    }

    /// An address that is nobody's yet, in a group.
    fn free(&mut self, group: &str, what: &str) -> String {
        self.taken += 1;
        format!("{group}/{what}-{}", self.taken)
    }

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
        if !self.twin.is_empty() && !name.contains(&self.twin) {
            name = format!("{}-{name}", self.twin);
        }
        if name.len() > longest {
            name = format!("{}{n}-{word}", self.twin);
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
    /// It stands in somebody else's VPC.
    theirs: bool,
    /// Cloud Map services.
    discovery: Vec<Ref<DiscoveryService>>,
}

/// Roles by who may assume them.
struct Roles {
    tasks: Vec<Ref<IamRole>>,
    code_deploy: Vec<Ref<IamRole>>,
}

/// What services run in and on.
struct Base {
    clusters: Vec<Ref<EcsCluster>>,
    logs: Vec<Ref<LogGroup>>,
    repositories: Vec<Ref<EcrRepository>>,
}

/// A listener's way to a service.
struct Way {
    deployment: Deployment,
    pair: Option<aomidori_model::kinds::target_group::TargetGroupPair>,
}

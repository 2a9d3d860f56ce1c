//! Addresses for what is described: a group, the kind, and the name that people know it by.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::{Address, KindName, StackName};
use aomidori_plan::Observed;

use super::value::text_of;
use crate::claims::key;

/// What is described, by kind and id.
pub(super) type Addresses = BTreeMap<(KindName, String), Address>;

/// An address for each, the same for the same resources.
pub(super) fn addresses(stack: &StackName, chosen: &[&Observed]) -> Addresses {
    let mut taken = BTreeSet::new();
    let mut addresses = Addresses::new();
    let mut sorted = chosen.to_vec();
    sorted.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
    for seen in sorted {
        let alone = chosen.iter().filter(|other| other.kind == seen.kind).count() == 1;
        let noun = seen.kind.as_str().replace('_', "-");
        let name = name(stack, seen, &addresses);
        let name = unsaid(&noun, &name);
        let base = match alone || name.is_empty() {
            true => format!("{}/{noun}", group(seen.kind)),
            false => format!("{}/{noun}/{name}", group(seen.kind)),
        };
        let base = if base.len() > 180 { base[..180].to_owned() } else { base };
        let free = (1..).map(|n| if n == 1 { base.clone() } else { format!("{base}-{n}") });
        let address = free.filter_map(|text| text.parse::<Address>().ok()).find(|address| !taken.contains(address));
        if let Some(address) = address {
            taken.insert(address.clone());
            addresses.insert((seen.kind, key(seen.kind, &seen.id).to_owned()), address);
        }
    }
    addresses
}

/// The name without the kind's words in front, which the address says already: `group-private` of a security group is
/// `private`.
fn unsaid<'n>(noun: &str, name: &'n str) -> &'n str {
    let tails = noun.char_indices().filter(|(at, _)| *at == 0 || noun[..*at].ends_with('-')).map(|(at, _)| &noun[at..]);
    let mut shorter = tails.filter_map(|words| name.strip_prefix(words)?.strip_prefix('-'));
    shorter.next().unwrap_or(name)
}

fn group(kind: KindName) -> &'static str {
    match kind {
        KindName::Vpc
        | KindName::Subnet
        | KindName::InternetGateway
        | KindName::ElasticIp
        | KindName::NatGateway
        | KindName::RouteTable
        | KindName::VpcEndpoint => "network",
        KindName::SecurityGroup | KindName::SecurityGroupRule => "security",
        KindName::EcrRepository => "across",
        KindName::IamPolicy
        | KindName::IamRole
        | KindName::LogGroup
        | KindName::EcsCluster
        | KindName::LoadBalancer
        | KindName::TargetGroup
        | KindName::Listener
        | KindName::ListenerRule
        | KindName::DnsRecord => "platform",
        KindName::PrivateDnsNamespace | KindName::DiscoveryService => "discovery",
        KindName::TaskDefinition | KindName::EcsService => "services",
        KindName::DeploymentConfig | KindName::CodeDeployApplication | KindName::DeploymentGroup => "code-deploy",
    }
}

/// The name that tells it from its like.
fn name(stack: &StackName, seen: &Observed, known: &Addresses) -> String {
    let text = |field: &str| text_of(seen.fields.value(field));
    let leaf = |kind: KindName, field: &str| {
        let id = text(field)?;
        known.get(&(kind, id)).map(|address| address.leaf().to_owned())
    };
    let own = match seen.kind {
        KindName::SecurityGroupRule => {
            let ports = text_of_number(seen, "from_port").filter(|port| *port >= 0).map(|port| port.to_string());
            let parts = [leaf(KindName::SecurityGroup, "security_group_id"), text("type"), text("ip_protocol"), ports];
            let parts: Vec<String> = parts.into_iter().flatten().map(|part| part.replace("-1", "all")).collect();
            Some(parts.join("-"))
        }
        KindName::Listener => text_of_number(seen, "port").map(|port| port.to_string()),
        KindName::ListenerRule => text_of_number(seen, "priority").map(|priority| priority.to_string()),
        KindName::VpcEndpoint => text("service_name").map(|name| {
            let parts: Vec<&str> = name.split('.').skip(3).collect();
            if parts.is_empty() { name.clone() } else { parts.join("-") }
        }),
        KindName::TaskDefinition => text("family"),
        KindName::DeploymentGroup => text("deployment_group_name"),
        KindName::DeploymentConfig => text("deployment_config_name"),
        _ => text("name"),
    };
    let name = seen.tags.get("Name").cloned().filter(|_| seen.kind.info().name_tag).or(own);
    let name = name.unwrap_or_else(|| seen.id.clone());
    slug(name.strip_prefix(stack.as_str()).filter(|rest| rest.len() > 1).unwrap_or(&name))
}

fn text_of_number(seen: &Observed, field: &str) -> Option<i64> {
    match seen.fields.value(field) {
        aomidori_model::Value::Int(number) => Some(*number),
        _ => None,
    }
}

/// The name as a segment of an address.
fn slug(name: &str) -> String {
    let letter = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_') => c,
        _ => '-',
    };
    let slug: String = name.chars().map(letter).collect();
    slug.trim_matches(['-', '.', '_']).to_owned()
}

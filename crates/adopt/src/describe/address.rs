//! Addresses for what is described: a group, the kind, and the name that people know it by.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::ownership::part_keys;
use aomidori_model::{Address, KindName, StackName, Value};
use aomidori_plan::Observed;

use super::value::text_of;
use crate::claims::key;

/// What is described, by kind and id.
pub(super) type Addresses = BTreeMap<(KindName, String), Address>;

/// An address for each, the same for the same resources.
pub(super) fn addresses(stack: &StackName, chosen: &[&Observed]) -> Addresses {
    let mut taken = BTreeSet::new();
    let mut addresses = Addresses::new();
    let mut unnamed: BTreeMap<KindName, usize> = BTreeMap::new();
    let mut sorted = chosen.to_vec();
    // An Elastic IP is called after its NAT gateway.
    sorted.sort_by_key(|seen| (seen.kind == KindName::ElasticIp, seen.kind, &seen.id));
    for seen in sorted {
        let alone = chosen.iter().filter(|other| other.kind == seen.kind).count() == 1;
        let noun = seen.kind.as_str().replace('_', "-");
        let name = name(stack, seen, chosen, &addresses).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| {
            let n = unnamed.entry(seen.kind).or_default();
            *n += 1;
            n.to_string()
        });
        let name = unsaid(&noun, &name);
        let base = match alone {
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

/// The name that tells it from its like: its own, or that of what it belongs to.
fn name(stack: &StackName, seen: &Observed, chosen: &[&Observed], known: &Addresses) -> Option<String> {
    let text = |field: &str| text_of(seen.fields.value(field));
    let leaf = |kind: KindName, field: &str| leaf_of(known, kind, text(field)?);
    let own = match seen.kind {
        KindName::SecurityGroupRule => {
            let ports = text_of_number(seen, "from_port").filter(|port| *port >= 0).map(|port| port.to_string());
            let group = text("security_group_id").and_then(|id| known.get(&(KindName::SecurityGroup, id)));
            let parts = [group.map(|group| group.leaf().to_owned()), text("type"), text("ip_protocol"), ports];
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
        KindName::Vpc => text("cidr_block"),
        KindName::Subnet => text("availability_zone").map(|zone| {
            let tier = if is_public(seen, chosen) { "public" } else { "private" };
            // Zones of one region differ in their letter.
            let letter = zone.chars().last().filter(char::is_ascii_lowercase);
            format!("{tier}-{}", letter.map_or(zone, String::from))
        }),
        KindName::InternetGateway => leaf(KindName::Vpc, "vpc_id"),
        KindName::NatGateway => leaf(KindName::Subnet, "subnet_id"),
        KindName::ElasticIp => {
            gateway_of(seen, chosen).map(|gateway| match leaf_of(known, gateway.kind, &gateway.id) {
                Some(leaf) if !leaf.starts_with("nat") => format!("nat-{leaf}"),
                leaf => leaf.unwrap_or_else(|| "nat".to_owned()),
            })
        }
        KindName::RouteTable => in_common(associated(seen).map(|subnet| leaf_of(known, KindName::Subnet, subnet))),
        _ => text("name"),
    };
    // What everything is called tells nothing from its like.
    let tells = |name: &&String| !name.is_empty() && name.as_str() != stack.as_str();
    let tag = seen.tags.get("Name").filter(|_| seen.kind.info().name_tag);
    let name = tag.filter(tells).cloned().or(own).or_else(|| tag.cloned())?;
    let name = chosen_part(&name);
    Some(slug(name.strip_prefix(stack.as_str()).filter(|rest| rest.len() > 1).unwrap_or(name)))
}

/// The last part of the address of something that is described, if it says more than what kind it is.
fn leaf_of(known: &Addresses, kind: KindName, id: impl Into<String>) -> Option<String> {
    let leaf = known.get(&(kind, id.into()))?.leaf();
    (leaf != kind.as_str().replace('_', "-")).then(|| leaf.to_owned())
}

/// True for a subnet whose instances get public addresses, or whose packets go to an internet gateway.
fn is_public(subnet: &Observed, chosen: &[&Observed]) -> bool {
    let leads_out = |table: &Observed| {
        let mut out = false;
        table.fields.value("route").for_each_ref(&mut |to| out |= to.kind == KindName::InternetGateway);
        out
    };
    let mut tables = chosen.iter().filter(|seen| seen.kind == KindName::RouteTable);
    *subnet.fields.value("map_public_ip_on_launch") == Value::Bool(true)
        || tables.any(|table| leads_out(table) && associated(table).any(|id| id == subnet.id))
}

/// The ids of a route table's subnets.
fn associated(table: &Observed) -> impl Iterator<Item = String> {
    part_keys(&table.fields.value("association").resolve(&|_| None)).into_iter()
}

/// The NAT gateway that has an Elastic IP.
fn gateway_of<'a>(address: &Observed, chosen: &[&'a Observed]) -> Option<&'a Observed> {
    let has = |seen: &&Observed| text_of(seen.fields.value("allocation_id")).as_deref() == Some(&address.id);
    chosen.iter().copied().filter(|seen| seen.kind == KindName::NatGateway).find(has)
}

/// The words that all names begin with: `public` of `public-a` and `public-c`. None if one of them is not known.
fn in_common(names: impl Iterator<Item = Option<String>>) -> Option<String> {
    let names: Vec<String> = names.collect::<Option<_>>()?;
    let (first, rest) = names.split_first()?;
    let words: Vec<&str> = first.split('-').collect();
    let agree = |other: &String| words.iter().zip(other.split('-')).take_while(|(a, b)| **a == *b).count();
    let most = rest.iter().map(agree).min().unwrap_or(words.len());
    Some(words.get(..most)?.join("-"))
}

/// A name without what Terraform's `name_prefix` puts behind it: 18 digits of the time, and 8 that count, in base 16.
fn chosen_part(name: &str) -> &str {
    let Some((prefix, suffix)) = name.len().checked_sub(26).and_then(|at| name.split_at_checked(at)) else {
        return name;
    };
    let (time, count) = suffix.as_bytes().split_at(18);
    let made = time.iter().all(u8::is_ascii_digit)
        && count.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        && prefix.contains(|c: char| c.is_ascii_alphanumeric());
    if made { prefix } else { name }
}

fn text_of_number(seen: &Observed, field: &str) -> Option<i64> {
    match seen.fields.value(field) {
        Value::Int(number) => Some(*number),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_terraform_puts_behind_a_prefix_is_not_said() {
        for (name, want) in [
            ("web-20240101123456789000000001", "web-"),
            ("terraform-2024010112345678900000000a", "terraform-"),
            ("web20240101123456789000000001", "web"),
            // Not of that form, or all there is.
            ("web-2024010112345678900000000A", "web-2024010112345678900000000A"),
            ("web-2024010112345678x000000001", "web-2024010112345678x000000001"),
            ("web-20240101", "web-20240101"),
            ("20240101123456789000000001", "20240101123456789000000001"),
            ("-20240101123456789000000001", "-20240101123456789000000001"),
            ("é0240101123456789000000001", "é0240101123456789000000001"),
            ("web-20240101123456789é0000001", "web-20240101123456789é0000001"),
            ("web-20240101123456é0000000001", "web-20240101123456é0000000001"),
            ("", ""),
        ] {
            assert_eq!(chosen_part(name), want);
        }
    }

    #[test]
    fn names_have_words_in_common() {
        let common = |names: &[Option<&str>]| in_common(names.iter().map(|name| name.map(str::to_owned)));
        assert_eq!(common(&[Some("public-a")]).as_deref(), Some("public-a"));
        assert_eq!(common(&[Some("public-a"), Some("public-c-2")]).as_deref(), Some("public"));
        assert_eq!(common(&[Some("public-a"), Some("private-a")]).as_deref(), Some(""));
        assert_eq!(common(&[Some("public-a"), None]), None);
        assert_eq!(common(&[]), None);
    }
}

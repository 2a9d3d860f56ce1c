//! Where a stack can be.

use super::Stack;
use crate::kinds::{Subnet, TaskDefinition};

impl Stack {
    /// The region that the stack can be in: that of its subnets' zones; without subnets that of its containers' logs. None
    /// if it says none, or several.
    pub fn region(&self) -> Option<String> {
        self.zones_region().or_else(|| {
            let subnets = self.of::<Subnet>().next().is_some();
            let definitions = self.of::<TaskDefinition>().filter(|_| !subnets);
            let containers = definitions.flat_map(|(_, definition)| &definition.containers);
            agreed(containers.filter_map(|container| Some(container.logs.as_ref()?.region.clone())))
        })
    }

    /// The region of the subnets' zones: in any other one they cannot be made.
    pub fn zones_region(&self) -> Option<String> {
        let zones = self.of::<Subnet>().map(|(_, subnet)| region_of_zone(&subnet.zone));
        agreed(zones.collect::<Option<Vec<String>>>()?)
    }
}

/// The one that all are.
fn agreed(all: impl IntoIterator<Item = String>) -> Option<String> {
    let mut all = all.into_iter();
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

/// `eu-west-1` of `eu-west-1a`; `us-west-2` of the local zone `us-west-2-lax-1a`; none of what is no zone's name.
fn region_of_zone(zone: &str) -> Option<String> {
    // Names of government and isolated regions have four words: `us-gov-west-1a`, `us-iso-east-1a`.
    let words: Vec<&str> = zone.split('-').collect();
    let number = words.iter().position(|word| word.starts_with(|c: char| c.is_ascii_digit())).filter(|at| *at >= 2)?;
    let digits: String = words.get(number)?.chars().take_while(char::is_ascii_digit).collect();
    Some(format!("{}-{digits}", words[..number].join("-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_of_zones_of_every_sort() {
        for (zone, region) in [
            ("ap-northeast-1a", Some("ap-northeast-1")),
            ("us-west-2-lax-1a", Some("us-west-2")),
            ("us-east-1-wl1-bos-wlz-1", Some("us-east-1")),
            ("us-gov-west-1b", Some("us-gov-west-1")),
            ("usw2-az1", None),
            ("", None),
            ("a-1", None),
        ] {
            assert_eq!(region_of_zone(zone).as_deref(), region, "{zone}");
        }
    }

    #[test]
    fn a_stack_is_where_its_zones_are_and_else_where_its_logs_go() {
        let mut stack = Stack::new("s".parse().unwrap());
        assert_eq!(stack.region(), None);
        let vpc = stack.add(
            "network/vpc",
            crate::kinds::Vpc { cidr: "10.0.0.0/16".parse().unwrap(), dns_support: None, dns_hostnames: None },
        );
        for (address, zone, region) in
            [("network/subnet/a", "eu-west-1a", Some("eu-west-1")), ("network/subnet/b", "eu-west-2a", None)]
        {
            let cidr = "10.0.0.0/24".parse().unwrap();
            stack.add(address, Subnet { vpc: vpc.clone(), cidr, zone: zone.into(), map_public_ip_on_launch: None });
            assert_eq!(stack.region().as_deref(), region);
        }
    }
}

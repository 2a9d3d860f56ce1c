//! What can be chosen about the practice environment.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use aomidori_model::kinds::deployment_config::CodeDeployName;
use aomidori_model::kinds::dns_record::{DomainName, HostedZoneId};
use aomidori_model::{Ipv4Cidr, StackName};

/// The inputs of the practice environment, with their defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// What is practised with: part of every name.
    pub product: String,
    /// `development`, `staging`, `production` or any other word: part of every name.
    pub environment: String,
    /// The AWS region.
    pub region: String,
    /// Letters of availability zones, in order.
    pub zones: Vec<char>,
    /// The VPC's network.
    pub vpc_cidr: Ipv4Cidr,
    /// Public subnets, one per zone.
    pub public_cidrs: Vec<Ipv4Cidr>,
    /// Private subnets, one per zone.
    pub private_cidrs: Vec<Ipv4Cidr>,
    /// Storage subnets, one per zone.
    pub storage_cidrs: Vec<Ipv4Cidr>,
    /// NAT gateways.
    pub nat: Nat,
    /// Who may come in on the production listener.
    pub sources: BTreeSet<Ipv4Cidr>,
    /// Who may come in on the test listener.
    pub test_sources: BTreeSet<Ipv4Cidr>,
    /// The ARN of an ACM certificate: with it the listeners speak HTTPS.
    pub certificate_arn: Option<String>,
    /// The Route 53 hosted zone of the DNS record.
    pub hosted_zone: Option<HostedZoneId>,
    /// The name of the DNS record in that zone.
    pub domain: Option<DomainName>,
    /// Tasks of the front end.
    pub frontend_count: u32,
    /// Tasks of each back end.
    pub backend_count: u32,
    /// The CodeDeploy deployment configuration, by name.
    pub deployment_config: CodeDeployName,
    /// Minutes that a deployment waits for re-routing before it stops; 0 goes on by itself.
    pub reroute_wait_minutes: u32,
    /// Minutes that blue stays up after the shift.
    pub terminate_wait_minutes: u32,
    /// How many good generations of each service keep their images.
    pub generations: u32,
    /// The only account that may be touched.
    pub account_id: Option<String>,
}

/// How many NAT gateways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nat {
    /// One in each zone: no zone depends on another.
    PerZone,
    /// One for all zones: cheaper.
    Single,
    /// None: tasks reach AWS over the VPC endpoints only.
    None,
}

impl Default for Inputs {
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "literals; a test builds the default")]
        fn parse<T: FromStr<Err: fmt::Debug>>(text: &str) -> T {
            text.parse().expect("a legal literal")
        }
        Inputs {
            product: "codedeploy-practice".into(),
            environment: "development".into(),
            region: "ap-northeast-1".into(),
            zones: vec!['a', 'c'],
            vpc_cidr: parse("10.0.0.0/16"),
            public_cidrs: vec![parse("10.0.0.0/24"), parse("10.0.1.0/24")],
            private_cidrs: vec![parse("10.0.100.0/24"), parse("10.0.101.0/24")],
            storage_cidrs: vec![parse("10.0.201.0/24"), parse("10.0.200.0/24")],
            nat: Nat::PerZone,
            sources: BTreeSet::from([Ipv4Cidr::ANYWHERE]),
            test_sources: BTreeSet::from([Ipv4Cidr::ANYWHERE]),
            certificate_arn: None,
            hosted_zone: None,
            domain: None,
            frontend_count: 1,
            backend_count: 1,
            deployment_config: parse("CodeDeployDefault.ECSAllAtOnce"),
            reroute_wait_minutes: 5,
            terminate_wait_minutes: 5,
            generations: 5,
            account_id: None,
        }
    }
}

/// One input as a person sets it: `--set KEY=VALUE`, or the variable `AOMIDORI_KEY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputKey {
    /// Its name.
    pub key: &'static str,
    /// What it is, and what it takes.
    pub help: &'static str,
    /// Its default, as text; empty if it has none.
    pub default: &'static str,
}

/// Why an input cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// No input has this name.
    #[error("there is no input `{key}`")]
    UnknownKey {
        /// What was written.
        key: String,
        /// The input that was probably meant.
        near: Option<&'static str>,
    },
    /// The value is not what the input takes.
    #[error("`{value}` cannot be `{key}`: {reason}")]
    Value {
        /// The input.
        key: &'static str,
        /// What was written.
        value: String,
        /// What is wrong with it.
        reason: String,
        /// What it takes.
        takes: &'static str,
    },
    /// Inputs do not fit together.
    #[error("`{key}` does not fit: {reason}")]
    Misfit {
        /// The input to change.
        key: &'static str,
        /// What does not fit.
        reason: String,
    },
}

macro_rules! keys {
    ($($key:literal, $default:literal, $help:literal;)*) => {
        &[$(InputKey { key: $key, default: $default, help: $help },)*]
    };
}

impl Inputs {
    /// Every input, in the order in which a person would ask.
    pub const KEYS: &'static [InputKey] = keys! {
        "product", "codedeploy-practice", "what is practised with; part of every name";
        "environment", "development", "development, staging, production or another word; part of every name";
        "region", "ap-northeast-1", "the AWS region";
        "zones", "a,c", "letters of availability zones, two or more";
        "vpc_cidr", "10.0.0.0/16", "the VPC's network";
        "public_cidrs", "10.0.0.0/24,10.0.1.0/24", "public subnets, one per zone";
        "private_cidrs", "10.0.100.0/24,10.0.101.0/24", "private subnets, one per zone";
        "storage_cidrs", "10.0.201.0/24,10.0.200.0/24", "storage subnets, one per zone";
        "nat", "per-zone", "NAT gateways: per-zone, single or none";
        "sources", "0.0.0.0/0", "networks that may come in on the production listener";
        "test_sources", "0.0.0.0/0", "networks that may come in on the test listener";
        "certificate_arn", "", "ARN of an ACM certificate; with it the listeners speak HTTPS";
        "hosted_zone", "", "id of a Route 53 hosted zone for the CNAME record";
        "domain", "", "name of the CNAME record in the hosted zone";
        "frontend_count", "1", "tasks of the front end";
        "backend_count", "1", "tasks of each back end";
        "deployment_config", "CodeDeployDefault.ECSAllAtOnce", "CodeDeploy deployment configuration, by name";
        "reroute_wait_minutes", "5", "minutes that a deployment waits for re-routing before it stops; 0 goes on by itself";
        "terminate_wait_minutes", "5", "minutes that blue stays up after the shift";
        "generations", "5", "generations of each service whose images are kept to go back to; 0 leaves that to the other rules";
        "account_id", "", "the only AWS account that may be touched";
    };

    /// Sets one input from text.
    ///
    /// # Errors
    /// There is no such input, or it does not take the value.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), InputError> {
        let Some(known) = Self::KEYS.iter().find(|known| known.key == key) else {
            return Err(InputError::UnknownKey { key: key.to_owned(), near: nearest(key) });
        };
        let InputKey { key, help, default: _ } = *known;
        let refuse = |reason: String| InputError::Value { key, value: value.to_owned(), reason, takes: help };
        fn parse<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<T, String> {
            text.trim().parse().map_err(|error: T::Err| error.to_string())
        }
        fn list<T: FromStr<Err: fmt::Display>, C: FromIterator<T>>(text: &str) -> Result<C, String> {
            text.split(',').map(parse).collect()
        }
        fn optional<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<Option<T>, String> {
            if text.trim().is_empty() { Ok(None) } else { parse(text).map(Some) }
        }
        match key {
            "product" => self.product = word(value).map_err(refuse)?,
            "environment" => self.environment = word(value).map_err(refuse)?,
            "region" => self.region = word(value).map_err(refuse)?,
            "zones" => {
                self.zones = list(value).map_err(|_| refuse("a zone is one letter, such as `a`".into()))?;
            }
            "vpc_cidr" => self.vpc_cidr = parse(value).map_err(refuse)?,
            "public_cidrs" => self.public_cidrs = list(value).map_err(refuse)?,
            "private_cidrs" => self.private_cidrs = list(value).map_err(refuse)?,
            "storage_cidrs" => self.storage_cidrs = list(value).map_err(refuse)?,
            "nat" => self.nat = parse(value).map_err(refuse)?,
            "sources" => self.sources = list(value).map_err(refuse)?,
            "test_sources" => self.test_sources = list(value).map_err(refuse)?,
            "certificate_arn" => self.certificate_arn = certificate(value).map_err(refuse)?,
            "hosted_zone" => self.hosted_zone = optional(value).map_err(refuse)?,
            "domain" => self.domain = optional(value).map_err(refuse)?,
            "frontend_count" => self.frontend_count = count(value).map_err(refuse)?,
            "backend_count" => self.backend_count = count(value).map_err(refuse)?,
            "deployment_config" => self.deployment_config = parse(value).map_err(refuse)?,
            "reroute_wait_minutes" => self.reroute_wait_minutes = count(value).map_err(refuse)?,
            "terminate_wait_minutes" => self.terminate_wait_minutes = count(value).map_err(refuse)?,
            "generations" => self.generations = count(value).map_err(refuse)?,
            "account_id" => self.account_id = account(value).map_err(refuse)?,
            _ => return Err(InputError::UnknownKey { key: key.to_owned(), near: None }),
        }
        Ok(())
    }

    /// The stack's name: `dev-codedeploy-practice` by default.
    ///
    /// # Errors
    /// It is too long or has characters that a name cannot have.
    pub fn stack_name(&self) -> Result<StackName, InputError> {
        let short = match self.environment.as_str() {
            "development" => "dev",
            "staging" => "stg",
            "production" => "prd",
            other => other,
        };
        format!("{short}-{}", self.product)
            .parse()
            .map_err(|error| InputError::Misfit { key: "product", reason: format!("{error}") })
    }

    /// The tags of every resource.
    pub(crate) fn tags(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("Environment".to_owned(), self.environment.clone()),
            ("Product".to_owned(), self.product.clone()),
        ])
    }

    /// Checks that the inputs fit together.
    pub(crate) fn check(&self) -> Result<(), InputError> {
        let misfit = |key, reason: String| Err(InputError::Misfit { key, reason });
        let zones = self.zones.len();
        if zones < 2 {
            return misfit("zones", "a load balancer needs two availability zones".into());
        }
        if self.zones.iter().collect::<BTreeSet<_>>().len() < zones || !self.zones.iter().all(char::is_ascii_lowercase)
        {
            return misfit("zones", "each is one lower-case letter, once".into());
        }
        for (key, cidrs) in [
            ("public_cidrs", &self.public_cidrs),
            ("private_cidrs", &self.private_cidrs),
            ("storage_cidrs", &self.storage_cidrs),
        ] {
            if cidrs.len() != zones {
                return misfit(key, format!("there are {} networks for {zones} zones", cidrs.len()));
            }
        }
        if self.hosted_zone.is_some() != self.domain.is_some() {
            let key = if self.domain.is_some() { "hosted_zone" } else { "domain" };
            return misfit(key, "a DNS record needs both `hosted_zone` and `domain`".into());
        }
        Ok(())
    }
}

/// A word that can be part of names: lower-case letters, digits and `-`.
fn word(text: &str) -> Result<String, String> {
    let text = text.trim();
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.is_empty() || !text.chars().all(legal) || text.starts_with('-') || text.ends_with('-') {
        return Err("it is made of lower-case letters, digits and `-` between them".into());
    }
    Ok(text.to_owned())
}

fn count(text: &str) -> Result<u32, String> {
    text.trim().parse().map_err(|_| "it is a whole number from 0".to_owned())
}

fn certificate(text: &str) -> Result<Option<String>, String> {
    match text.trim() {
        "" => Ok(None),
        arn if arn.starts_with("arn:") && arn.contains(":acm:") && arn.contains(":certificate/") => {
            Ok(Some(arn.to_owned()))
        }
        _ => Err("it is not of the form `arn:aws:acm:REGION:ACCOUNT:certificate/ID`".into()),
    }
}

fn account(text: &str) -> Result<Option<String>, String> {
    match text.trim() {
        "" => Ok(None),
        id if id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()) => Ok(Some(id.to_owned())),
        _ => Err("an account id has twelve digits".into()),
    }
}

/// The input whose name is nearest to what was written, if it is near enough.
fn nearest(written: &str) -> Option<&'static str> {
    let written = written.to_ascii_lowercase().replace('-', "_");
    Inputs::KEYS
        .iter()
        .map(|known| (distance(&written, known.key), known.key))
        .filter(|(distance, key)| *distance <= key.len().div_ceil(3))
        .min()
        .map(|(_, key)| key)
}

/// Edit distance (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let next = (corner + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = row[j + 1];
            row[j + 1] = next;
        }
    }
    row[b.len()]
}

impl FromStr for Nat {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "per-zone" => Ok(Nat::PerZone),
            "single" => Ok(Nat::Single),
            "none" => Ok(Nat::None),
            _ => Err("it is `per-zone`, `single` or `none`".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_what_their_keys_say() {
        let mut written = Inputs::default();
        for key in Inputs::KEYS {
            written.set(key.key, key.default).unwrap();
        }
        assert_eq!(written, Inputs::default());
    }

    #[test]
    fn an_unknown_key_is_told_its_neighbour() {
        let near = |key: &str| match Inputs::default().set(key, "x") {
            Err(InputError::UnknownKey { near, .. }) => near,
            other => panic!("{other:?}"),
        };
        assert_eq!(near("test_source"), Some("test_sources"));
        assert_eq!(near("VPC-CIDR"), Some("vpc_cidr"));
        assert_eq!(near("colour"), None);
    }

    #[test]
    fn values_are_refused_with_a_reason() {
        let refused = |key: &str, value: &str| Inputs::default().set(key, value).unwrap_err().to_string();
        insta::assert_snapshot!(
            [
                refused("vpc_cidr", "10.0.0.1/16"),
                refused("public_cidrs", "10.0.0.0/24,nonsense"),
                refused("nat", "two"),
                refused("product", "Practice!"),
                refused("account_id", "42"),
                refused("frontend_count", "-1"),
            ]
            .join("\n"),
            @r"
        `10.0.0.1/16` cannot be `vpc_cidr`: `10.0.0.1/16` has host bits set; the network is `10.0.0.0/16`
        `10.0.0.0/24,nonsense` cannot be `public_cidrs`: `nonsense` is not an IPv4 network such as `10.0.0.0/16`
        `two` cannot be `nat`: it is `per-zone`, `single` or `none`
        `Practice!` cannot be `product`: it is made of lower-case letters, digits and `-` between them
        `42` cannot be `account_id`: an account id has twelve digits
        `-1` cannot be `frontend_count`: it is a whole number from 0
        "
        );
    }
}

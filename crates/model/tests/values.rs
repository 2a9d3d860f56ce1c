//! The types that parse, and the forms in which meaning is compared.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it finds something wrong"
)]

use std::collections::{BTreeMap, BTreeSet};

use aomidori_model::kinds::ecr_repository::{EcrRepositoryName, canonical_lifecycle};
use aomidori_model::kinds::load_balancer::LoadBalancerName;
use aomidori_model::kinds::security_group::SecurityGroupName;
use aomidori_model::kinds::task_definition::FargateSize;
use aomidori_model::ownership::{Marks, parts_tags};
use aomidori_model::{Address, Ipv4Cidr, PolicyDocument, Port, PortRange, ToValue};
use proptest::prelude::*;

fn parses<T: std::str::FromStr>(text: &str) -> bool {
    text.parse::<T>().is_ok()
}

#[test]
fn texts_that_parse_and_texts_that_do_not() {
    for (good, bad) in [("10.0.0.0/16", "10.0.0.1/16"), ("0.0.0.0/0", "10.0.0.0/33"), ("10.0.0.4/30", "10.0.0.0")] {
        assert!(parses::<Ipv4Cidr>(good) && !parses::<Ipv4Cidr>(bad), "{good} {bad}");
    }
    for good in ["network/vpc", "network/subnet/private-a", "security/rule/x-from-0.0.0.0_0"] {
        assert!(parses::<Address>(good), "{good}");
    }
    for bad in ["vpc", "/vpc", "Network/vpc", "network//vpc", "network/vpc/", "network/v pc", "a/b/c/d/e/f/g"] {
        assert!(!parses::<Address>(bad), "{bad}");
    }
    for good in ["team/app", "a1", "a.b_c__d--e/f"] {
        assert!(parses::<EcrRepositoryName>(good), "{good}");
    }
    for bad in ["A", "a", "-app", "app-", "a..b", "a___b", "team//app", "team/"] {
        assert!(!parses::<EcrRepositoryName>(bad), "{bad}");
    }
    assert!(parses::<LoadBalancerName>("shop") && !parses::<LoadBalancerName>("internal-shop"));
    assert!(!parses::<LoadBalancerName>("shop_1") && !parses::<LoadBalancerName>(&"x".repeat(33)));
    assert!(parses::<SecurityGroupName>("web (public)") && !parses::<SecurityGroupName>("sg-web"));
    assert!(Port::new(0).is_err() && PortRange::new(90, 80).is_err());
}

#[test]
fn what_is_wrong_with_a_name_is_said() {
    let error = "shop_1".parse::<LoadBalancerName>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`shop_1` is not a load balancer name: `_` is not allowed, only letters, digits and `-`"
    );
    let error = "x".repeat(40).parse::<LoadBalancerName>().unwrap_err().to_string();
    assert!(error.ends_with("it has 40 characters, and AWS takes 1 to 32"), "{error}");
}

#[test]
fn fargate_has_these_sizes_and_no_others() {
    let legal = |cpu: u32, memory: u32| FargateSize::new(cpu, memory).is_ok();
    assert!(legal(256, 512) && legal(256, 2048) && !legal(256, 1536) && !legal(256, 4096));
    assert!(legal(512, 4096) && !legal(512, 512) && !legal(512, 5120));
    assert!(legal(8192, 16384) && legal(8192, 20480) && !legal(8192, 17408));
    assert!(legal(16384, 122_880) && !legal(16384, 131_072) && !legal(300, 512) && !legal(0, 0));
}

fn meaning(text: &str) -> aomidori_model::Value {
    PolicyDocument::from_aws(text).unwrap().to_value()
}

/// aws-facts 2.12: what IAM takes to be the same is equal, and what it does not is different.
#[test]
fn policies_are_compared_by_meaning() {
    let one = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":["a","b"],
        "Condition":{"Bool":{"aws:SecureTransport":true}}}}"#;
    let other = r#"{"Statement":[{"Condition":{"Bool":{"aws:SecureTransport":["true"]}},"Resource":["b","a"],
        "Action":["S3:getobject"],"Effect":"Allow"}],"Version":"2012-10-17"}"#;
    assert_eq!(meaning(one), meaning(other));
    let account = r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}]}"#;
    assert_eq!(meaning(account), meaning(&account.replace("\"123456789012\"", "[\"arn:aws:iam::123456789012:root\"]")));
    let anyone = account.replace(r#"{"AWS":"123456789012"}"#, "\"*\"");
    assert_ne!(meaning(&anyone), meaning(&account.replace("123456789012", "*")));
    assert_ne!(meaning(one), meaning(&one.replace("Allow", "Deny")));
    assert_ne!(meaning(one), meaning(&one.replace("GetObject", "PutObject")));
}

#[test]
fn a_policy_that_cannot_be_said_is_an_error_not_a_smaller_policy() {
    for text in [
        "nonsense",
        "{}",
        r#"{"Statement":[{"Effect":"Maybe"}]}"#,
        r#"{"Statement":[{"Effect":"Allow","Action":"*","NotResource":"x"}]}"#,
        r#"{"Statement":[{"Effect":"Allow","Action":{"x":1},"Resource":"*"}]}"#,
    ] {
        assert!(PolicyDocument::from_aws(text).is_err(), "{text}");
    }
}

#[test]
fn lifecycle_policies_are_compared_by_meaning() {
    let rule = |priority: u32, list: &str| {
        format!(
            r#"{{"rulePriority":{priority},"selection":{{"tagStatus":"tagged","tagPrefixList":{list},
            "countType":"imageCountMoreThan","countNumber":5}},"action":{{"type":"expire"}}}}"#
        )
    };
    let policy = |rules: [String; 2]| -> serde_json::Value {
        serde_json::from_str(&format!(r#"{{"rules":[{}]}}"#, rules.join(","))).unwrap()
    };
    let one = policy([rule(1, r#"["a","b"]"#), rule(2, r#"["c"]"#)]);
    let other = policy([rule(2, r#"["c"]"#), rule(1, r#"["b","a"]"#)]);
    assert_eq!(canonical_lifecycle(&one), canonical_lifecycle(&other));
    assert_ne!(canonical_lifecycle(&one), canonical_lifecycle(&policy([rule(1, r#"["a"]"#), rule(2, r#"["c"]"#)])));
}

fn words() -> impl Strategy<Value = BTreeSet<String>> {
    prop::collection::btree_set("[a-z]{1,6}:[A-Za-z]{1,8}\\*?", 1..4)
}

prop_compose! {
    fn document()(statements in prop::collection::vec((words(), words(), any::<bool>(), words()), 1..4)) -> PolicyDocument {
        let one = |(actions, resources, allow, values): (BTreeSet<String>, BTreeSet<String>, bool, BTreeSet<String>)| {
            use aomidori_model::policy::{Effect, PolicyResource, Statement};
            Statement {
                sid: None,
                effect: if allow { Effect::Allow } else { Effect::Deny },
                principal: None,
                actions,
                not_actions: BTreeSet::new(),
                resources: resources.into_iter().map(PolicyResource::Arn).collect(),
                conditions: BTreeMap::from([("StringEquals".into(), BTreeMap::from([("aws:Tag".into(), values)]))]),
            }
        };
        PolicyDocument { statements: statements.into_iter().map(one).collect() }
    }
}

proptest! {
    /// What we send is what we read, whatever AWS does to the order of statements.
    #[test]
    fn policies_survive_the_way_to_aws_and_back(document in document()) {
        let sent = document.to_aws(&|_| None).unwrap();
        prop_assert_eq!(&PolicyDocument::from_aws(&sent.to_string()).unwrap(), &document);
        let mut turned = document.clone();
        turned.statements.reverse();
        prop_assert_eq!(turned.to_value(), document.to_value());
    }

    /// Records of any number of parts fit AWS's limits and are read back whole.
    #[test]
    fn part_records_fit_tags(parts in prop::collection::btree_set("[0-9a-f]{8}", 0..120)) {
        let tags = parts_tags(&parts);
        prop_assert!(tags.values().all(|value| value.len() <= 256));
        prop_assert_eq!(Marks::of(&tags).parts, parts);
    }

    /// No text makes a parser panic, and what parses prints as it was written.
    #[test]
    fn parsers_are_total(text in ".{0,40}") {
        if let Ok(cidr) = text.parse::<Ipv4Cidr>() {
            prop_assert_eq!(cidr.to_string().parse::<Ipv4Cidr>().unwrap(), cidr);
        }
        if let Ok(address) = text.parse::<Address>() {
            prop_assert_eq!(address.to_string(), text.clone());
        }
        let _ = text.parse::<EcrRepositoryName>();
        let _ = PolicyDocument::from_aws(&text);
        let _ = aomidori_model::Stack::from_json(&text);
    }
}

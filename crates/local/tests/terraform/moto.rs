//! The second judge: moto, where PyPI has it. Terraform applies one configuration to both clouds; what its provider then
//! reads from each must agree, but for what is minted anew each time and for moto's known faults.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aomidori_local::{LocalCloud, Options};
use aomidori_testkit::Server;
use aomidori_testkit::python::Venv;
use aomidori_testkit::terraform::Terraform;
use serde_json::Value;

use crate::fixture;

pub(crate) const MOTO: &str = "moto[server]==5.2.5";

/// Where moto is known to differ: the resource's type, the attribute, and why ours is right.
const KNOWN: &[(&str, &str, &str)] = &[
    ("aws_cloudwatch_log_group", "log_group_class", "AWS says STANDARD where no class was asked for"),
    ("aws_ecs_task_definition", "container_definitions", "AWS fills in an empty systemControls"),
    ("aws_lb_target_group", "load_balancing_anomaly_mitigation", "an attribute that every target group of AWS has"),
    ("aws_lb_target_group", "stickiness[0].cookie_duration", "AWS's default is a day, 86400 s"),
    ("aws_lb_target_group", "target_group_health", "attributes that every target group of AWS has"),
    ("aws_network_acl", "ingress[0]", "moto has an ICMP type and code for TCP too"),
    ("aws_service_discovery_private_dns_namespace", "hosted_zone", "Cloud Map names zones without `/hostedzone/`"),
    ("aws_service_discovery_service", "namespace_id", "AWS has it beside the DNS configuration too"),
    ("aws_service_discovery_service", "type", "AWS says DNS_HTTP where there are DNS records"),
    ("aws_vpc", "dhcp_options_id", "a VPC of AWS has the id of the region's default set"),
    ("data.aws_availability_zones", "group_names", "AWS's zones have groups"),
    ("data.aws_caller_identity", "arn", "who calls is each cloud's own matter"),
];

/// The values that Terraform read, by address and path.
pub(crate) type Leaves = BTreeMap<(String, String), String>;

/// Every leaf that Terraform's state has.
pub(crate) fn leaves(terraform: &Terraform, endpoint: &str) -> Result<Leaves, String> {
    let root = terraform.root(&fixture("judged"), endpoint)?;
    root.run(["apply", "-auto-approve", "-no-color"])?;
    // What creations answer may be less than what is read later.
    root.run(["apply", "-refresh-only", "-auto-approve", "-no-color"])?;
    let state: Value = serde_json::from_str(&root.run(["show", "-json"])?).map_err(|error| error.to_string())?;
    let mut found = BTreeMap::new();
    for resource in state["values"]["root_module"]["resources"].as_array().into_iter().flatten() {
        let address = resource["address"].as_str().unwrap_or_default();
        visit(address, "", &resource["values"], &mut found);
    }
    Ok(found)
}

/// Nothing and an empty list or text are the same, and the order of a list says nothing: most are sets.
fn visit(address: &str, path: &str, value: &Value, found: &mut Leaves) {
    match value {
        Value::Null => {}
        Value::String(text) if text.is_empty() => {}
        Value::Array(items) => {
            let mut texts: Vec<(String, &Value)> = items.iter().map(|item| (same(&item.to_string()), item)).collect();
            texts.sort_by(|(a, _), (b, _)| a.cmp(b));
            for (at, (_, item)) in texts.into_iter().enumerate() {
                visit(address, &format!("{path}[{at}]"), item, found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                visit(address, &format!("{path}.{name}"), member, found);
            }
        }
        leaf => {
            found.insert((address.to_owned(), path.trim_start_matches('.').to_owned()), same(&leaf.to_string()));
        }
    }
}

/// The text without what is minted: times, UUIDs, and any word of letters and digits that is long, or has 8 of them and a
/// digit.
fn same(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let shape = |of: &str| rest.len() >= of.len() && rest.bytes().zip(of.bytes()).all(|(b, want)| fits(b, want));
        let word = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let minted = word >= 16 || word >= 8 && rest.bytes().take(word).any(|b| b.is_ascii_digit());
        let taken = match () {
            () if shape("hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh") => 36,
            () if shape("hhhh-hh-hhThh:hh:hhZ") => 20,
            () if minted => word,
            () => 0,
        };
        let kept = word.max(first.len_utf8());
        out.push_str(if taken > 0 { "…" } else { rest.get(..kept).unwrap_or_default() });
        rest = rest.get(taken.max(if taken > 0 { 0 } else { kept })..).unwrap_or_default();
    }
    out
}

/// `h` stands for any hexadecimal digit.
fn fits(byte: u8, want: u8) -> bool {
    if want == b'h' { byte.is_ascii_hexdigit() } else { byte == want }
}

#[test]
fn what_is_minted_does_not_count() {
    for (text, want) in [
        ("vpc-0123456789abcdef0", "vpc-…"),
        ("ns-abcdefghijklmnop/x", "ns-…/x"),
        ("2026-11-24T12:53:18Z", "…"),
        ("a0b1c2d3-e870-4eac-ac2d-abcdefabcdef:judged", "…:judged"),
        ("ap-northeast-1a", "ap-northeast-1a"),
        ("日本", "日本"),
    ] {
        assert_eq!(same(text), want);
    }
}

pub(crate) fn is_known(address: &str, path: &str) -> bool {
    KNOWN.iter().any(|(kind, start, _)| address.starts_with(&format!("{kind}.")) && path.starts_with(start))
}

#[test]
fn terraform_reads_the_same_from_moto() {
    let (Some(terraform), Some(venv)) = (Terraform::find(), Venv::with(&[MOTO])) else { return };
    let (cloud, moto) = (LocalCloud::start(Options::instant()).unwrap(), Server::moto(&venv).unwrap());
    let (here, there) = (cloud.endpoint(), moto.endpoint());
    // Terraform mostly sleeps: both at once.
    let (ours, theirs) = std::thread::scope(|scope| {
        let ours = scope.spawn(|| leaves(&terraform, &here));
        let theirs = leaves(&terraform, &there);
        (ours.join().unwrap().unwrap(), theirs.unwrap())
    });
    assert!(ours.len() > 200, "only {} values to compare", ours.len());
    let mut differences = String::new();
    for (address, path) in ours.keys().chain(theirs.keys().filter(|key| !ours.contains_key(*key))) {
        let key = (address.clone(), path.clone());
        let (own, other) = (ours.get(&key), theirs.get(&key));
        if own != other && !is_known(address, path) {
            writeln!(differences, "{address} {path}: here {own:?}, moto {other:?}").unwrap();
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

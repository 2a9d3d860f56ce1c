//! Security groups.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::State;
use super::common::{Describe, GROUP, TagSpecification, VPC, new_tags, tag_set};
use super::rule::{Rule, Source};
use crate::error::{Result, fail};
use crate::filters::{Answer, Filter};
use crate::tags::Tags;
use crate::world::Cx;

/// A security group with its rules by id.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SecurityGroup {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) vpc_id: String,
    pub(crate) rules: BTreeMap<String, Rule>,
    pub(crate) tags: Tags,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    group_name: String,
    group_description: String,
    vpc_id: Option<String>,
    #[serde(default, rename = "TagSpecification")]
    tags: Vec<TagSpecification>,
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let tags = new_tags(&input.tags, &GROUP)?;
    let name = input.group_name;
    if name.to_ascii_lowercase().starts_with("sg-") {
        return fail!(
            "InvalidParameterValue",
            "Invalid group name '{name}'. Group names may not be in the format sg-*."
        );
    }
    if name.eq_ignore_ascii_case("default") {
        return fail!("InvalidGroup.Reserved", "Cannot use reserved security group name: {name}");
    }
    for (what, text) in [("groupName", &name), ("groupDescription", &input.group_description)] {
        if text.is_empty() {
            return fail!("MissingParameter", "The request must contain the parameter {what}");
        }
        if text.chars().count() > 255 || !text.chars().all(is_allowed) {
            return fail!(
                "InvalidParameterValue",
                "Value ({text}) for parameter {what} is invalid. Character sets beyond ASCII are not supported, and it may \
                 have 255 of a-z A-Z 0-9 space ._-:/()#,@[]+=&;{{}}!$*"
            );
        }
    }
    let Some(vpc_id) = input.vpc_id else {
        return fail!("VPCIdNotSpecified", "No default VPC for this user");
    };
    VPC.find(&cx.ec2().vpcs, &vpc_id)?;
    let duplicate =
        cx.ec2().security_groups.values().any(|group| group.vpc_id == vpc_id && group.name.eq_ignore_ascii_case(&name));
    if duplicate {
        return fail!("InvalidGroup.Duplicate", "The security group '{name}' already exists for VPC '{vpc_id}'");
    }
    let id = insert(cx, &vpc_id, &name, &input.group_description, tags, false);
    let arn = cx.arn("ec2", &format!("security-group/{id}"));
    let tags = cx.ec2().security_groups.get(&id).map(|group| tag_set(&group.tags));
    Ok(json!({"groupId": id, "securityGroupArn": arn, "tagSet": tags, "return": true}))
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c)
}

/// The group that every VPC has: its members may talk to each other.
pub(super) fn create_default(cx: &mut Cx<'_>, vpc_id: &str) {
    insert(cx, vpc_id, "default", "default VPC security group", Tags::new(), true);
}

fn insert(cx: &mut Cx<'_>, vpc_id: &str, name: &str, description: &str, tags: Tags, own_traffic: bool) -> String {
    let (id, egress_id, ingress_id) = (cx.id("sg"), cx.id("sgr"), cx.id("sgr"));
    let mut rules = BTreeMap::new();
    rules.insert(egress_id.clone(), Rule::everything(egress_id, true, Source::Cidr4("0.0.0.0/0".to_owned())));
    if own_traffic {
        rules.insert(ingress_id.clone(), Rule::everything(ingress_id, false, Source::Group(id.clone())));
    }
    let group = SecurityGroup {
        id: id.clone(),
        name: name.to_owned(),
        description: description.to_owned(),
        vpc_id: vpc_id.to_owned(),
        rules,
        tags,
    };
    cx.ec2().security_groups.insert(id.clone(), group);
    id
}

/// Rules of one direction, grouped by protocol and ports as AWS shows them.
pub(super) fn permissions<'a>(rules: impl Iterator<Item = &'a Rule>, egress: bool, account: &str) -> Vec<Value> {
    let mut grouped: BTreeMap<_, Vec<&Rule>> = BTreeMap::new();
    for rule in rules.filter(|rule| rule.egress == egress) {
        grouped.entry((rule.protocol.clone(), rule.from, rule.to)).or_default().push(rule);
    }
    grouped
        .into_iter()
        .map(|((protocol, from, to), rules)| {
            let mut lists: [Vec<Value>; 4] = Default::default();
            for rule in rules {
                let mut entry = Map::new();
                let (list, member, value) = match &rule.source {
                    Source::Cidr4(cidr) => (0, "cidrIp", cidr),
                    Source::Cidr6(cidr) => (1, "cidrIpv6", cidr),
                    Source::PrefixList(id) => (2, "prefixListId", id),
                    Source::Group(id) => (3, "groupId", id),
                };
                entry.insert(member.to_owned(), json!(value));
                if list == 3 {
                    entry.insert("userId".to_owned(), json!(account));
                }
                if let Some(description) = &rule.description {
                    entry.insert("description".to_owned(), json!(description));
                }
                lists[list].push(Value::Object(entry));
            }
            let [v4, v6, prefix_lists, groups] = lists;
            json!({
                "ipProtocol": protocol,
                "fromPort": from.filter(|_| protocol != "-1"),
                "toPort": to.filter(|_| protocol != "-1"),
                "ipRanges": v4,
                "ipv6Ranges": v6,
                "prefixListIds": prefix_lists,
                "groups": groups,
            })
        })
        .collect()
}

fn render(group: &SecurityGroup, account: &str, arn: &str) -> Value {
    json!({
        "groupId": group.id,
        "groupName": group.name,
        "groupDescription": group.description,
        "vpcId": group.vpc_id,
        "ownerId": account,
        "securityGroupArn": format!("{arn}{}", group.id),
        "ipPermissions": permissions(group.rules.values(), false, account),
        "ipPermissionsEgress": permissions(group.rules.values(), true, account),
        "tagSet": tag_set(&group.tags),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DescribeGroups {
    #[serde(default)]
    group_id: Vec<String>,
    #[serde(default)]
    group_name: Vec<String>,
    #[serde(default, rename = "Filter")]
    filters: Vec<Filter>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: DescribeGroups) -> Result {
    let (account, arn) = (cx.account().to_owned(), cx.arn("ec2", "security-group/"));
    if !input.group_name.is_empty() {
        // Names are for the default VPC, and there is none.
        return fail!("InvalidGroup.NotFound", "The security group '{}' does not exist", input.group_name[0]);
    }
    let input = Describe {
        ids: input.group_id,
        filters: input.filters,
        next_token: input.next_token,
        max_results: input.max_results,
        ..Describe::default()
    };
    let groups = &cx.ec2().security_groups;
    let found =
        input.find(&GROUP, groups.iter(), 1000, |group| &group.tags, |group, name| ask(group, name, &account))?;
    let set: Vec<Value> = found.items.iter().map(|group| render(group, &account, &arn)).collect();
    Ok(json!({"securityGroupInfo": set, "nextToken": found.next}))
}

fn ask(group: &SecurityGroup, name: &str, account: &str) -> Answer {
    let (egress, name) = match name.strip_prefix("egress.ip-permission.") {
        Some(rest) => (true, format!("ip-permission.{rest}")),
        None => (false, name.to_owned()),
    };
    let rules = || group.rules.values().filter(move |rule| rule.egress == egress);
    match name.as_str() {
        "group-id" => group.id.as_str().into(),
        "group-name" => group.name.as_str().into(),
        "description" => group.description.as_str().into(),
        "vpc-id" => group.vpc_id.as_str().into(),
        "owner-id" => account.into(),
        "ip-permission.protocol" => rules().map(|rule| &rule.protocol).collect::<Vec<_>>().into(),
        "ip-permission.from-port" => rules().filter_map(|rule| rule.from).collect::<Vec<_>>().into(),
        "ip-permission.to-port" => rules().filter_map(|rule| rule.to).collect::<Vec<_>>().into(),
        "ip-permission.cidr" => sources(rules(), |s| if let Source::Cidr4(c) = s { Some(c) } else { None }),
        "ip-permission.ipv6-cidr" => sources(rules(), |s| if let Source::Cidr6(c) = s { Some(c) } else { None }),
        "ip-permission.group-id" => sources(rules(), |s| if let Source::Group(id) = s { Some(id) } else { None }),
        "ip-permission.prefix-list-id" => {
            sources(rules(), |s| if let Source::PrefixList(id) = s { Some(id) } else { None })
        }
        _ => Answer::Unknown,
    }
}

fn sources<'a>(rules: impl Iterator<Item = &'a Rule>, pick: impl Fn(&'a Source) -> Option<&'a String>) -> Answer {
    rules.filter_map(|rule| pick(&rule.source)).collect::<Vec<_>>().into()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    group_id: Option<String>,
    group_name: Option<String>,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let Some(id) = input.group_id else {
        return match input.group_name {
            Some(name) => fail!("InvalidGroup.NotFound", "The security group '{name}' does not exist in default VPC"),
            None => fail!("MissingParameter", "The request must contain the parameter GroupId"),
        };
    };
    let state = cx.ec2();
    let group = GROUP.find(&state.security_groups, &id)?;
    if group.name == "default" {
        return fail!("CannotDelete", "the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
    }
    if is_used(state, &id) {
        return fail!("DependencyViolation", "resource {id} has a dependent object");
    }
    state.security_groups.remove(&id);
    Ok(json!({"return": true, "groupId": id}))
}

/// Whether a network interface has the group, or another group's rule names it.
fn is_used(state: &State, id: &str) -> bool {
    let named = |group: &SecurityGroup| {
        group.id != id && group.rules.values().any(|rule| matches!(&rule.source, Source::Group(other) if other == id))
    };
    state.network_interfaces.values().any(|eni| eni.groups.iter().any(|group| group == id))
        || state.security_groups.values().any(named)
}

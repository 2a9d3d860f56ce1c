//! Security group rules.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cidr::{Cidr, canonical_v6};
use super::common::{Describe, GROUP, RULE, TagSpecification, done, new_tags, tag_set};
use super::group::permissions;
use super::{State, prefix_list};
use crate::error::{ApiError, Result, fail};
use crate::filters::Answer;
use crate::tags::Tags;
use crate::world::Cx;

/// A rule, canonical.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) egress: bool,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for all.
    pub(crate) protocol: String,
    pub(crate) from: Option<i64>,
    pub(crate) to: Option<i64>,
    pub(crate) source: Source,
    pub(crate) description: Option<String>,
    pub(crate) tags: Tags,
}

/// Who is let in, or where to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Source {
    Cidr4(String),
    Cidr6(String),
    PrefixList(String),
    Group(String),
}

/// AWS's default quota of rules per group and direction.
const MOST_RULES: usize = 60;

impl Rule {
    /// All protocols and ports.
    pub(super) fn everything(id: String, egress: bool, source: Source) -> Rule {
        Rule {
            id,
            egress,
            protocol: "-1".to_owned(),
            from: Some(-1),
            to: Some(-1),
            source,
            description: None,
            tags: Tags::new(),
        }
    }

    fn is_same(&self, other: &Rule) -> bool {
        self.egress == other.egress
            && self.protocol == other.protocol
            && self.from == other.from
            && self.to == other.to
            && self.source == other.source
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Permission {
    ip_protocol: Option<String>,
    from_port: Option<i64>,
    to_port: Option<i64>,
    #[serde(default)]
    ip_ranges: Vec<Range>,
    #[serde(default, rename = "Ipv6Ranges")]
    ipv6_ranges: Vec<Range>,
    #[serde(default)]
    prefix_list_ids: Vec<Range>,
    #[serde(default)]
    groups: Vec<Pair>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    #[serde(alias = "CidrIp", alias = "CidrIpv6", alias = "PrefixListId")]
    value: String,
    #[serde(rename = "Description")]
    description: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Pair {
    group_id: Option<String>,
    group_name: Option<String>,
    #[serde(rename = "UserId")]
    _user_id: Option<String>,
    #[serde(rename = "VpcId")]
    _vpc_id: Option<String>,
    #[serde(rename = "PeeringStatus")]
    _peering_status: Option<String>,
    description: Option<String>,
}

/// Authorize and Revoke, in both directions; the single-rule members are the old spelling of one permission.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Change {
    group_id: Option<String>,
    group_name: Option<String>,
    #[serde(default)]
    ip_permissions: Vec<Permission>,
    ip_protocol: Option<String>,
    from_port: Option<i64>,
    to_port: Option<i64>,
    cidr_ip: Option<String>,
    #[serde(default)]
    security_group_rule_id: Vec<String>,
    #[serde(default, rename = "TagSpecification")]
    tags: Vec<TagSpecification>,
}

impl Change {
    fn group_id(&self, state: &State) -> Result<String> {
        match (&self.group_id, &self.group_name) {
            (Some(id), _) => GROUP.find(&state.security_groups, id).map(|group| group.id.clone()),
            (None, Some(name)) => {
                fail!("InvalidGroup.NotFound", "The security group '{name}' does not exist in default VPC")
            }
            (None, None) => fail!("MissingParameter", "The request must contain the parameter GroupId"),
        }
    }

    /// The rules that are meant, canonical, without ids.
    fn rules(&self, state: &State, group_id: &str, egress: bool) -> Result<Vec<Rule>> {
        let mut permissions = self.ip_permissions.clone();
        if self.ip_protocol.is_some() || self.cidr_ip.is_some() {
            permissions.push(Permission {
                ip_protocol: self.ip_protocol.clone(),
                from_port: self.from_port,
                to_port: self.to_port,
                ip_ranges: self.cidr_ip.iter().map(|c| Range { value: c.clone(), description: None }).collect(),
                ipv6_ranges: Vec::new(),
                prefix_list_ids: Vec::new(),
                groups: Vec::new(),
            });
        }
        if permissions.is_empty() {
            return fail!("MissingParameter", "The request must contain the parameter ipPermissions");
        }
        let vpc_id = GROUP.find(&state.security_groups, group_id)?.vpc_id.clone();
        let mut rules: Vec<Rule> = Vec::new();
        for permission in &permissions {
            let (protocol, from, to) =
                traffic(permission.ip_protocol.as_deref(), permission.from_port, permission.to_port)?;
            let mut sources: Vec<(Source, Option<String>)> = Vec::new();
            for range in &permission.ip_ranges {
                sources.push((cidr4(&range.value)?, range.description.clone()));
            }
            for range in &permission.ipv6_ranges {
                sources.push((cidr6(&range.value)?, range.description.clone()));
            }
            for range in &permission.prefix_list_ids {
                sources.push((Source::PrefixList(range.value.clone()), range.description.clone()));
            }
            for pair in &permission.groups {
                let Some(id) = &pair.group_id else {
                    let name = pair.group_name.clone().unwrap_or_default();
                    return fail!("InvalidGroup.NotFound", "The security group '{name}' does not exist in default VPC");
                };
                sources.push((group_source(state, id, &vpc_id)?, pair.description.clone()));
            }
            if sources.is_empty() {
                return fail!("InvalidParameterValue", "The permission must name a CIDR, a prefix list or a group");
            }
            for (source, description) in sources {
                check_description(description.as_deref())?;
                let rule = Rule {
                    id: String::new(),
                    egress,
                    protocol: protocol.clone(),
                    from,
                    to,
                    source,
                    description: description.filter(|text| !text.is_empty()),
                    tags: Tags::new(),
                };
                if rules.iter().any(|other| other.is_same(&rule)) {
                    return fail!("InvalidParameterValue", "The same permission must not appear multiple times");
                }
                rules.push(rule);
            }
        }
        Ok(rules)
    }
}

fn group_source(state: &State, id: &str, vpc_id: &str) -> Result<Source> {
    let group = GROUP.find(&state.security_groups, id)?;
    if group.vpc_id != vpc_id {
        return fail!("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.");
    }
    Ok(Source::Group(id.to_owned()))
}

fn cidr4(text: &str) -> Result<Source> {
    match text.parse::<Cidr>() {
        Ok(cidr) => Ok(Source::Cidr4(cidr.to_string())),
        Err(_) => fail!("InvalidParameterValue", "CIDR block {text} is malformed"),
    }
}

fn cidr6(text: &str) -> Result<Source> {
    match canonical_v6(text) {
        Some(cidr) => Ok(Source::Cidr6(cidr)),
        None => fail!("InvalidParameterValue", "CIDR block {text} is malformed"),
    }
}

fn check_description(text: Option<&str>) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=;{}!$*&".contains(c);
    match text {
        Some(text) if text.chars().count() > 255 || !text.chars().all(allowed) => fail!(
            "InvalidParameterValue",
            "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set: \
             a-zA-Z0-9. _-:/()#,@[]+=&;{{}}!$*"
        ),
        _ => Ok(()),
    }
}

/// Protocol and ports as AWS keeps them.
fn traffic(protocol: Option<&str>, from: Option<i64>, to: Option<i64>) -> Result<(String, Option<i64>, Option<i64>)> {
    let Some(protocol) = protocol else {
        return fail!("MissingParameter", "The request must contain the parameter ipProtocol");
    };
    let protocol = match protocol.to_ascii_lowercase().as_str() {
        "6" => "tcp".to_owned(),
        "17" => "udp".to_owned(),
        "1" => "icmp".to_owned(),
        "58" => "icmpv6".to_owned(),
        "all" => "-1".to_owned(),
        other => other.to_owned(),
    };
    match protocol.as_str() {
        "-1" => Ok((protocol, Some(-1), Some(-1))),
        "tcp" | "udp" => {
            let upper = protocol.to_uppercase();
            match (from, to) {
                (Some(from), Some(to)) if (0..=65535).contains(&from) && (0..=65535).contains(&to) && from <= to => {
                    Ok((protocol, Some(from), Some(to)))
                }
                (Some(from), Some(to)) if from > to => {
                    fail!("InvalidParameterValue", "Invalid {upper} port range ({from}:{to})")
                }
                (Some(from), Some(to)) => fail!(
                    "InvalidParameterValue",
                    "Invalid value '{from}:{to}' for portRange. Must be between 0 and 65535"
                ),
                _ => fail!(
                    "InvalidParameterValue",
                    "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange."
                ),
            }
        }
        "icmp" | "icmpv6" => match (from.unwrap_or(-1), to.unwrap_or(-1)) {
            (from, to) if (-1..=255).contains(&from) && (-1..=255).contains(&to) => {
                Ok((protocol, Some(from), Some(to)))
            }
            (from, to) => fail!("InvalidParameterValue", "ICMP code ({to}) or type ({from}) out of range"),
        },
        other => match other.parse::<u8>() {
            Ok(_) => Ok((protocol, Some(-1), Some(-1))),
            Err(_) => fail!("InvalidParameterValue", "Invalid value '{other}' for IP protocol. Unknown protocol."),
        },
    }
}

pub(super) fn authorize_ingress(cx: &mut Cx<'_>, input: Change) -> Result {
    authorize(cx, input, false)
}

pub(super) fn authorize_egress(cx: &mut Cx<'_>, input: Change) -> Result {
    authorize(cx, input, true)
}

fn authorize(cx: &mut Cx<'_>, input: Change, egress: bool) -> Result {
    let tags = new_tags(&input.tags, &RULE)?;
    let region = cx.region.clone();
    let state = cx.ec2();
    let group_id = input.group_id(state)?;
    let mut rules = input.rules(state, &group_id, egress)?;
    let group = GROUP.find(&state.security_groups, &group_id)?;
    for rule in &rules {
        if let Source::PrefixList(id) = &rule.source {
            prefix_list::check(state, &region, id)?;
        }
        if group.rules.values().any(|other| other.is_same(rule)) {
            return Err(duplicate(rule));
        }
    }
    if group.rules.values().filter(|rule| rule.egress == egress).count() + rules.len() > MOST_RULES {
        return fail!(
            "RulesPerSecurityGroupLimitExceeded",
            "The maximum number of rules per security group has been reached."
        );
    }
    for rule in &mut rules {
        rule.id = cx.id("sgr");
        rule.tags.clone_from(&tags);
    }
    let rendered: Vec<Value> = rules.iter().map(|rule| render(cx, &group_id, rule)).collect();
    let group = GROUP.find_mut(&mut cx.ec2().security_groups, &group_id)?;
    group.rules.extend(rules.into_iter().map(|rule| (rule.id.clone(), rule)));
    Ok(json!({"return": true, "securityGroupRuleSet": rendered}))
}

fn duplicate(rule: &Rule) -> ApiError {
    let peer = match &rule.source {
        Source::Cidr4(text) | Source::Cidr6(text) | Source::PrefixList(text) | Source::Group(text) => text,
    };
    let (protocol, ports) = match (rule.protocol.as_str(), rule.from, rule.to) {
        ("-1", ..) => ("ALL".to_owned(), String::new()),
        (protocol @ ("icmp" | "icmpv6"), Some(from), Some(to)) => {
            (protocol.to_uppercase(), format!(", type: {from}, code: {to}"))
        }
        (protocol, Some(from), Some(to)) => (protocol.to_uppercase(), format!(", from port: {from}, to port: {to}")),
        (protocol, ..) => (protocol.to_owned(), String::new()),
    };
    ApiError::new(
        "InvalidPermission.Duplicate",
        format!("the specified rule \"peer: {peer}, {protocol}{ports}, ALLOW\" already exists"),
    )
}

fn render(cx: &Cx<'_>, group_id: &str, rule: &Rule) -> Value {
    let mut members = bare(group_id, rule);
    members["groupOwnerId"] = json!(cx.account());
    members["securityGroupRuleArn"] = json!(cx.arn("ec2", &format!("security-group-rule/{}", rule.id)));
    members["tagSet"] = tag_set(&rule.tags);
    if let Source::Group(id) = &rule.source {
        members["referencedGroupInfo"] = json!({"groupId": id, "userId": cx.account()});
    }
    members
}

/// What all answers about rules have.
fn bare(group_id: &str, rule: &Rule) -> Value {
    let (source, value) = match &rule.source {
        Source::Cidr4(text) => ("cidrIpv4", text),
        Source::Cidr6(text) => ("cidrIpv6", text),
        Source::PrefixList(text) => ("prefixListId", text),
        // Spelled in two ways: see the callers.
        Source::Group(_) => {
            return json!({
                "securityGroupRuleId": rule.id, "groupId": group_id, "isEgress": rule.egress,
                "ipProtocol": rule.protocol, "fromPort": rule.from, "toPort": rule.to, "description": rule.description,
            });
        }
    };
    json!({
        "securityGroupRuleId": rule.id, "groupId": group_id, "isEgress": rule.egress, "ipProtocol": rule.protocol,
        "fromPort": rule.from, "toPort": rule.to, "description": rule.description, source: value,
    })
}

pub(super) fn revoke_ingress(cx: &mut Cx<'_>, input: Change) -> Result {
    revoke(cx, input, false)
}

pub(super) fn revoke_egress(cx: &mut Cx<'_>, input: Change) -> Result {
    revoke(cx, input, true)
}

fn revoke(cx: &mut Cx<'_>, input: Change, egress: bool) -> Result {
    let state = cx.ec2();
    let group_id = input.group_id(state)?;
    let mut ids = Vec::new();
    if input.security_group_rule_id.is_empty() {
        let wanted = input.rules(state, &group_id, egress)?;
        let group = GROUP.find(&state.security_groups, &group_id)?;
        for rule in &wanted {
            let Some(found) = group.rules.values().find(|other| other.is_same(rule)) else {
                return fail!(
                    "InvalidPermission.NotFound",
                    "The specified rule does not exist in this security group."
                );
            };
            ids.push(found.id.clone());
        }
    } else {
        let group = GROUP.find(&state.security_groups, &group_id)?;
        for id in &input.security_group_rule_id {
            RULE.check(id)?;
            if group.rules.get(id).is_none_or(|rule| rule.egress != egress) {
                return Err(RULE.not_found(id));
            }
            ids.push(id.clone());
        }
    }
    let group = GROUP.find_mut(&mut state.security_groups, &group_id)?;
    let mut revoked = Vec::new();
    for id in ids {
        if let Some(rule) = group.rules.remove(&id) {
            let mut members = bare(&group_id, &rule);
            if let Source::Group(id) = &rule.source {
                members["referencedGroupId"] = json!(id);
            }
            revoked.push(members);
        }
    }
    let unknown = permissions(std::iter::empty(), egress, "");
    Ok(json!({"return": true, "revokedSecurityGroupRuleSet": revoked, "unknownIpPermissionSet": unknown}))
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let state = &cx.regional().ec2;
    let all: Vec<(&String, (&String, &Rule))> = state
        .security_groups
        .values()
        .flat_map(|group| group.rules.iter().map(|(id, rule)| (id, (&group.id, rule))))
        .collect();
    let mut sorted = all;
    sorted.sort_by_key(|(id, _)| *id);
    let found = input.find(
        &RULE,
        sorted.iter().map(|(id, pair)| (*id, pair)),
        1000,
        |(_, rule)| &rule.tags,
        |(group_id, rule), name| match name {
            "security-group-rule-id" => rule.id.as_str().into(),
            "group-id" => group_id.as_str().into(),
            _ => Answer::Unknown,
        },
    )?;
    let (pairs, next): (Vec<(String, Rule)>, _) =
        (found.items.iter().map(|(group, rule)| ((*group).clone(), (*rule).clone())).collect(), found.next);
    let set: Vec<Value> = pairs.iter().map(|(group_id, rule)| render(cx, group_id, rule)).collect();
    Ok(json!({"securityGroupRuleSet": set, "nextToken": next}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Modify {
    group_id: String,
    security_group_rule: Vec<RuleUpdate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RuleUpdate {
    security_group_rule_id: String,
    security_group_rule: Option<RuleRequest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RuleRequest {
    ip_protocol: Option<String>,
    from_port: Option<i64>,
    to_port: Option<i64>,
    cidr_ipv4: Option<String>,
    cidr_ipv6: Option<String>,
    prefix_list_id: Option<String>,
    referenced_group_id: Option<String>,
    description: Option<String>,
}

pub(super) fn modify(cx: &mut Cx<'_>, input: Modify) -> Result {
    let region = cx.region.clone();
    let state = cx.ec2();
    let group = GROUP.find(&state.security_groups, &input.group_id)?;
    let mut rules = group.rules.clone();
    for update in input.security_group_rule {
        let id = update.security_group_rule_id;
        RULE.check(&id)?;
        let Some(before) = rules.get(&id) else { return Err(RULE.not_found(&id)) };
        let Some(request) = update.security_group_rule else {
            return fail!("MissingParameter", "The request must contain the parameter SecurityGroupRule");
        };
        let (protocol, from, to) = traffic(request.ip_protocol.as_deref(), request.from_port, request.to_port)?;
        let source = match (request.cidr_ipv4, request.cidr_ipv6, request.prefix_list_id, request.referenced_group_id) {
            (Some(text), None, None, None) => cidr4(&text)?,
            (None, Some(text), None, None) => cidr6(&text)?,
            (None, None, Some(id), None) => {
                prefix_list::check(state, &region, &id)?;
                Source::PrefixList(id)
            }
            (None, None, None, Some(id)) => group_source(state, &id, &group.vpc_id)?,
            _ => {
                return fail!(
                    "InvalidParameterCombination",
                    "Exactly one of CidrIpv4, CidrIpv6, PrefixListId and ReferencedGroupId must be given"
                );
            }
        };
        if std::mem::discriminant(&source) != std::mem::discriminant(&before.source) {
            return fail!("InvalidParameterValue", "You cannot change the source type of rule {id}");
        }
        check_description(request.description.as_deref())?;
        let rule = Rule {
            protocol,
            from,
            to,
            source,
            description: request.description.filter(|text| !text.is_empty()),
            ..before.clone()
        };
        if rules.values().any(|other| other.id != id && other.is_same(&rule)) {
            return Err(duplicate(&rule));
        }
        rules.insert(id, rule);
    }
    GROUP.find_mut(&mut state.security_groups, &input.group_id)?.rules = rules;
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Redescribe {
    group_id: Option<String>,
    group_name: Option<String>,
    #[serde(default)]
    ip_permissions: Vec<Permission>,
    #[serde(default)]
    security_group_rule_description: Vec<RuleDescription>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RuleDescription {
    security_group_rule_id: String,
    description: Option<String>,
}

pub(super) fn describe_ingress_anew(cx: &mut Cx<'_>, input: Redescribe) -> Result {
    describe_anew(cx, input, false)
}

pub(super) fn describe_egress_anew(cx: &mut Cx<'_>, input: Redescribe) -> Result {
    describe_anew(cx, input, true)
}

fn describe_anew(cx: &mut Cx<'_>, input: Redescribe, egress: bool) -> Result {
    let change = Change {
        group_id: input.group_id,
        group_name: input.group_name,
        ip_permissions: input.ip_permissions,
        ip_protocol: None,
        from_port: None,
        to_port: None,
        cidr_ip: None,
        security_group_rule_id: Vec::new(),
        tags: Vec::new(),
    };
    let state = cx.ec2();
    let group_id = change.group_id(state)?;
    let wanted = if change.ip_permissions.is_empty() { Vec::new() } else { change.rules(state, &group_id, egress)? };
    let group = GROUP.find_mut(&mut state.security_groups, &group_id)?;
    let mut updates: Vec<(String, Option<String>)> = Vec::new();
    for rule in wanted {
        let Some(found) = group.rules.values().find(|other| other.is_same(&rule)) else {
            return fail!("InvalidPermission.NotFound", "The specified rule does not exist in this security group.");
        };
        updates.push((found.id.clone(), rule.description));
    }
    for update in input.security_group_rule_description {
        RULE.check(&update.security_group_rule_id)?;
        check_description(update.description.as_deref())?;
        if !group.rules.contains_key(&update.security_group_rule_id) {
            return Err(RULE.not_found(&update.security_group_rule_id));
        }
        updates.push((update.security_group_rule_id, update.description));
    }
    for (id, description) in updates {
        if let Some(rule) = group.rules.get_mut(&id) {
            rule.description = description.filter(|text| !text.is_empty());
        }
    }
    done()
}

/// Whether a rule has a prefix list as its source.
pub(super) fn names_list(state: &State, id: &str) -> bool {
    let mut rules = state.security_groups.values().flat_map(|group| group.rules.values());
    rules.any(|rule| matches!(&rule.source, Source::PrefixList(own) if own == id))
}

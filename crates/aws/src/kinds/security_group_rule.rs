//! Security group rule (aws-facts 2.9). Rules have ids and tags of their own.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_engine::cloud::{CloudError, ErrorKind, Made, Progress, Want};
use aomidori_model::kinds::SecurityGroupRule;
use aomidori_model::kinds::security_group_rule::{Direction, Peer, Protocol};
use aomidori_model::network::PortRange;
use aomidori_model::ownership::Marks;
use aomidori_model::{Address, Fields, KindName, Ref, Value};
use aomidori_plan::{FieldChange, Observed, Ownership, Status};
use aws_sdk_ec2::types::{
    IpPermission, IpRange, Ipv6Range, PrefixListId, ResourceType, SecurityGroupRule as LiveRule, SecurityGroupRuleRequest,
    SecurityGroupRuleUpdate, UserIdGroupPair,
};

use crate::client::Cx;
use crate::ec2::{Which, all_of, fits, id_in, made, pages};
use crate::live::Live;
use crate::observe::{Scope, fields};
use crate::tags::Tags;
use crate::{call, tags};

impl Live for SecurityGroupRule {
    const WRITES: &'static [&'static str] = &[
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:ModifySecurityGroupRules",
        "ec2:RevokeSecurityGroupEgress",
        "ec2:RevokeSecurityGroupIngress",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let group = w.known.id(&want.group)?;
        let permission = permission(want, w)?;
        let tags = tags::specification(ResourceType::SecurityGroupRule, w.tags);
        let answer = match want.direction {
            Direction::Ingress => call::once(
                "ec2:AuthorizeSecurityGroupIngress",
                cx.ec2
                    .authorize_security_group_ingress()
                    .group_id(&group)
                    .ip_permissions(permission)
                    .tag_specifications(tags)
                    .send(),
            )
            .await
            .map(|answer| answer.security_group_rules),
            Direction::Egress => call::once(
                "ec2:AuthorizeSecurityGroupEgress",
                cx.ec2
                    .authorize_security_group_egress()
                    .group_id(&group)
                    .ip_permissions(permission)
                    .tag_specifications(tags)
                    .send(),
            )
            .await
            .map(|answer| answer.security_group_rules),
        };
        match answer.map_err(call::fresh) {
            Ok(rules) => {
                let rules = rules.unwrap_or_default();
                let id = rules.into_iter().find_map(|rule| rule.security_group_rule_id);
                id.map(made).ok_or_else(|| call::missing("ec2:AuthorizeSecurityGroupIngress", "rule id"))
            }
            Err(error) if error.kind == ErrorKind::AlreadyExists => Err(duplicate(cx, want, w, &group, error).await?),
            Err(error) => Err(error),
        }
    }

    async fn find(cx: &Cx, _: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let mut found = describe(cx, Which::At(w)).await?;
        found.retain(|rule| from_live(rule).is_some_and(|rule| fits(w, &rule)));
        Ok(found.into_iter().filter_map(|rule| rule.security_group_rule_id).min().map(made))
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        tags::update_ec2(cx, w, have, changes).await?;
        if changes.iter().any(|change| change.field != "tags") {
            let rule = SecurityGroupRuleUpdate::builder()
                .security_group_rule_id(&have.id)
                .security_group_rule(request(want, w)?)
                .build();
            let group = w.known.id(&want.group)?;
            call::idempotent("ec2:ModifySecurityGroupRules", || {
                cx.ec2.modify_security_group_rules().group_id(&group).security_group_rules(rule.clone()).send()
            })
            .await?;
        }
        Ok(made(&have.id))
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        let Some(group) = id_in(have.fields.value("security_group_id")) else {
            return Err(CloudError::bug(format!("the group of {} is not known", have.id)));
        };
        if have.fields.value("type").as_str() == Some("egress") {
            call::gone_is_fine(
                call::once(
                    "ec2:RevokeSecurityGroupEgress",
                    cx.ec2.revoke_security_group_egress().group_id(group).security_group_rule_ids(&have.id).send(),
                )
                .await,
            )
        } else {
            call::gone_is_fine(
                call::once(
                    "ec2:RevokeSecurityGroupIngress",
                    cx.ec2.revoke_security_group_ingress().group_id(group).security_group_rule_ids(&have.id).send(),
                )
                .await,
            )
        }
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        let there = !describe(cx, Which::Id(id)).await?.is_empty();
        Ok(if there { Progress::Ready } else { Progress::Gone })
    }
}

/// What `InvalidPermission.Duplicate` means: our own rule (the engine's `find` sees it), a rule of the same stack on
/// its way out (wait for it), or someone else's, which is named.
async fn duplicate(
    cx: &Cx,
    want: &SecurityGroupRule,
    w: Want<'_>,
    group: &str,
    error: CloudError,
) -> Result<CloudError, CloudError> {
    let mut resolved = want.clone();
    resolved.group = Ref::existing(group);
    if let Peer::Group(other) = &want.peer {
        resolved.peer = Peer::Group(Ref::existing(w.known.id(other)?));
    }
    let wanted = tuple(&fields(&resolved));
    for rule in in_groups(cx, [group.to_owned()]).await? {
        if tuple(&live_fields(&rule)) != wanted {
            continue;
        }
        let id = rule.security_group_rule_id.as_deref().unwrap_or("?");
        let marks = Marks::of(&tags::from_ec2(rule.tags.as_deref()));
        if marks.belongs_to(w.stack) && marks.address.as_ref() == Some(w.address) {
            return Ok(error);
        }
        return Ok(if marks.belongs_to(w.stack) {
            let message = format!("{id} of this stack says the same and is to be deleted first");
            CloudError { kind: ErrorKind::InUse, message, ..error }
        } else {
            CloudError { message: format!("{id} in {group} says the same and is not this stack's"), ..error }
        });
    }
    Ok(error)
}

fn ports(protocol: Protocol) -> (Option<i32>, Option<i32>) {
    let (from, to) = protocol.ports();
    match protocol {
        // Without ports.
        Protocol::All => (None, None),
        Protocol::Tcp(_) | Protocol::Udp(_) | Protocol::Icmp | Protocol::IcmpType { .. } => (i32::try_from(from).ok(), i32::try_from(to).ok()),
    }
}

/// The rule as Authorize takes it.
fn permission(want: &SecurityGroupRule, w: Want<'_>) -> Result<IpPermission, CloudError> {
    let (from, to) = ports(want.protocol);
    let description = want.description.as_ref().map(|text| text.as_str().to_owned());
    let permission = IpPermission::builder().ip_protocol(want.protocol.name()).set_from_port(from).set_to_port(to);
    Ok(match &want.peer {
        Peer::Cidr(cidr) => {
            permission.ip_ranges(IpRange::builder().cidr_ip(cidr.to_string()).set_description(description).build())
        }
        Peer::CidrIpv6(cidr) => {
            let range = Ipv6Range::builder().cidr_ipv6(cidr.to_string()).set_description(description);
            permission.ipv6_ranges(range.build())
        }
        Peer::Group(group) => permission.user_id_group_pairs(
            UserIdGroupPair::builder().group_id(w.known.id(group)?).set_description(description).build(),
        ),
        Peer::PrefixList(id) => {
            permission.prefix_list_ids(PrefixListId::builder().prefix_list_id(id).set_description(description).build())
        }
    }
    .build())
}

/// The rule as ModifySecurityGroupRules takes it: the whole of it.
fn request(want: &SecurityGroupRule, w: Want<'_>) -> Result<SecurityGroupRuleRequest, CloudError> {
    let (from, to) = ports(want.protocol);
    let request = SecurityGroupRuleRequest::builder()
        .ip_protocol(want.protocol.name())
        .set_from_port(from)
        .set_to_port(to)
        .set_description(want.description.as_ref().map(|text| text.as_str().to_owned()));
    Ok(match &want.peer {
        Peer::Cidr(cidr) => request.cidr_ipv4(cidr.to_string()),
        Peer::CidrIpv6(cidr) => request.cidr_ipv6(cidr.to_string()),
        Peer::Group(group) => request.referenced_group_id(w.known.id(group)?),
        Peer::PrefixList(id) => request.prefix_list_id(id),
    }
    .build())
}

async fn describe(cx: &Cx, which: Which<'_>) -> Result<Vec<LiveRule>, CloudError> {
    let mut all = pages!(
        "ec2:DescribeSecurityGroupRules",
        security_group_rules,
        cx.ec2.describe_security_group_rules().set_filters(which.filters()).set_security_group_rule_ids(which.ids())
    );
    all.retain(|rule| which.holds(&tags::from_ec2(rule.tags.as_deref())));
    Ok(all)
}

/// Every rule of these groups: one call for up to 200 groups (EC2's limit of values in a filter).
async fn in_groups(cx: &Cx, groups: impl IntoIterator<Item = String>) -> Result<Vec<LiveRule>, CloudError> {
    let groups: Vec<String> = groups.into_iter().collect();
    let mut all = Vec::new();
    for chunk in groups.chunks(200) {
        let filter = tags::filter("group-id", chunk.to_vec());
        all.extend(pages!(
            "ec2:DescribeSecurityGroupRules",
            security_group_rules,
            cx.ec2.describe_security_group_rules().filters(filter.clone())
        ));
    }
    Ok(all)
}

/// All rules that concern the stack: every rule inside its groups, whoever made it, and its own rules inside others'
/// groups (a second call, only if there are such).
pub(crate) async fn list(
    cx: &Cx,
    scope: &Scope<'_>,
    groups: &BTreeMap<String, Address>,
) -> Result<Vec<LiveRule>, CloudError> {
    let mut all = in_groups(cx, groups.keys().cloned()).await?;
    let inside = scope.stack.of::<SecurityGroupRule>().any(|(_, rule)| rule.group.address().is_none());
    let seen: BTreeSet<String> = all.iter().filter_map(|rule| rule.security_group_rule_id.clone()).collect();
    let hinted = scope
        .hints("ec2")
        .await
        .into_iter()
        .any(|hint| hint.rest.strip_prefix("security-group-rule/").is_some_and(|id| !seen.contains(id)));
    if inside || hinted {
        let tagged = all_of!(cx, scope, KindName::SecurityGroupRule);
        all.extend(
            tagged.into_iter().filter(|rule| rule.security_group_rule_id.as_ref().is_some_and(|id| !seen.contains(id))),
        );
    }
    Ok(all)
}

/// Groups that have the rule that AWS adds to every new group.
pub(crate) fn open_groups(rules: &[LiveRule]) -> BTreeSet<String> {
    rules.iter().filter(|rule| is_default(rule)).filter_map(|rule| rule.group_id.clone()).collect()
}

/// The rule that AWS adds by itself: everything out, with no mark of any stack.
fn is_default(rule: &LiveRule) -> bool {
    let anywhere = rule.cidr_ipv4.as_deref() == Some("0.0.0.0/0");
    everything_out(rule) && anywhere
}

fn everything_out(rule: &LiveRule) -> bool {
    rule.is_egress == Some(true)
        && rule.ip_protocol.as_deref() == Some("-1")
        && Marks::of(&tags::from_ec2(rule.tags.as_deref())).stack.is_none()
}

/// The rules in the model's form. `groups` are the stack's groups by id.
pub(crate) fn observe(scope: &Scope<'_>, rules: &[LiveRule], groups: &BTreeMap<String, Address>) -> Vec<Observed> {
    let wanted = wanted_tuples(scope, groups);
    let mut found = Vec::new();
    for rule in rules {
        let Some(id) = &rule.security_group_rule_id else { continue };
        let tags = scope.marked(KindName::SecurityGroupRule, id, tags::from_ec2(rule.tags.as_deref()));
        // In a VPC with IPv6 AWS adds a second one. It is nobody's unless the stack has it, or a walk looks at all there is.
        let second = everything_out(rule) && rule.cidr_ipv6.as_deref() == Some("::/0");
        let fields = live_fields(rule);
        let asked_for = || {
            scope.describes() || Marks::of(&tags).stack.is_some() || wanted.contains_key(&tuple(&fields))
        };
        if is_default(rule) || (second && !asked_for()) {
            continue;
        }
        let inside = rule.group_id.as_ref().and_then(|group| groups.get(group));
        let owner = scope.owner(KindName::SecurityGroupRule, id, &tags, wanted.get(&tuple(&fields)));
        let owner = match (owner, inside) {
            (Some(owner), _) => owner,
            (None, Some(inside)) => Ownership::Added { inside: inside.clone() },
            (None, None) => continue,
        };
        found.push(one(id, owner, fields, tags));
    }
    found
}

fn one(id: &str, owner: Ownership, fields: Fields, tags: Tags) -> Observed {
    Observed {
        kind: KindName::SecurityGroupRule,
        id: id.to_owned(),
        owner,
        fields,
        tags,
        outputs: BTreeMap::new(),
        status: Status::Ready,
        busy: None,
    }
}

/// What makes two rules one to AWS: everything but the description.
type Tuple = Vec<Value>;

fn tuple(fields: &Fields) -> Tuple {
    fields
        .iter()
        .filter(|field| field.name != "description" && field.name != "source_type")
        .map(|field| id_in(&field.value).map_or_else(|| field.value.clone(), Value::str))
        .collect()
}

/// The rules that the stack wants inside its live groups, by what makes them one.
fn wanted_tuples(scope: &Scope<'_>, groups: &BTreeMap<String, Address>) -> BTreeMap<Tuple, Address> {
    let ids: BTreeMap<&Address, &String> = groups.iter().map(|(id, address)| (address, id)).collect();
    let live = |group: &Ref<aomidori_model::kinds::SecurityGroup>| match group.address() {
        Some(address) => ids.get(address).map(|id| Ref::existing(id.as_str())),
        None => Some(group.clone()),
    };
    let mut wanted = BTreeMap::new();
    for (address, rule) in scope.stack.of::<SecurityGroupRule>() {
        let mut rule = rule.clone();
        let Some(group) = live(&rule.group) else { continue };
        rule.group = group;
        if let Peer::Group(other) = &rule.peer {
            let Some(other) = live(other) else { continue };
            rule.peer = Peer::Group(other);
        }
        wanted.insert(tuple(&fields(&rule)), address.clone());
    }
    wanted
}

/// A live rule in the model's form, if the model can say it.
fn from_live(rule: &LiveRule) -> Option<SecurityGroupRule> {
    let range = || {
        let port = |port: Option<i32>| port.and_then(|port| u16::try_from(port).ok());
        PortRange::new(port(rule.from_port)?, port(rule.to_port)?).ok()
    };
    let any = |port: Option<i32>| port.is_none_or(|port| port == -1);
    let protocol = match rule.ip_protocol.as_deref()? {
        "tcp" | "6" => Protocol::Tcp(range()?),
        "udp" | "17" => Protocol::Udp(range()?),
        "icmp" | "1" if any(rule.from_port) && any(rule.to_port) => Protocol::Icmp,
        "icmp" | "1" => Protocol::IcmpType {
            r#type: u8::try_from(rule.from_port?).ok()?,
            code: if any(rule.to_port) { None } else { Some(u8::try_from(rule.to_port?).ok()?) },
        },
        "-1" => Protocol::All,
        _ => return None,
    };
    let referenced = rule.referenced_group_info().and_then(|group| group.group_id());
    let peer = match (rule.cidr_ipv4(), rule.cidr_ipv6(), rule.prefix_list_id(), referenced) {
        (Some(cidr), None, None, None) => Peer::Cidr(cidr.parse().ok()?),
        (None, Some(cidr), None, None) => Peer::CidrIpv6(cidr.parse().ok()?),
        (None, None, Some(list), None) => Peer::PrefixList(list.to_owned()),
        (None, None, None, Some(group)) => Peer::Group(Ref::existing(group)),
        _ => return None,
    };
    let description = rule.description.as_deref().filter(|text| !text.is_empty());
    Some(SecurityGroupRule {
        group: Ref::existing(rule.group_id.clone()?),
        direction: if rule.is_egress == Some(true) { Direction::Egress } else { Direction::Ingress },
        protocol,
        peer,
        description: match description {
            Some(text) => Some(text.parse().ok()?),
            None => None,
        },
    })
}

/// The fields of a live rule; those that the model cannot say (other protocols) under the same names, so that
/// they are shown, and differ from anything that is wanted.
fn live_fields(rule: &LiveRule) -> Fields {
    if let Some(rule) = from_live(rule) {
        return fields(&rule);
    }
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map_or(Value::Null, Value::str);
    let port = |port: Option<i32>| Value::Int(i64::from(port.unwrap_or(-1)));
    let mut fields = Fields::default();
    fields.add("security_group_id", text(rule.group_id())).replaces();
    fields.add("type", if rule.is_egress == Some(true) { "egress" } else { "ingress" }).replaces();
    fields.add("source_type", if rule.cidr_ipv6.is_some() { "cidr_ipv6" } else { "other" }).replaces();
    fields.add("ip_protocol", text(rule.ip_protocol()));
    fields.add("from_port", port(rule.from_port));
    fields.add("to_port", port(rule.to_port));
    fields.add("cidr_ipv4", text(rule.cidr_ipv4()));
    fields.add("cidr_ipv6", text(rule.cidr_ipv6()));
    fields.add("referenced_security_group_id", text(rule.referenced_group_info().and_then(|group| group.group_id())));
    fields.add("prefix_list_id", text(rule.prefix_list_id()));
    fields.add("description", text(rule.description()));
    fields
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::ReferencedSecurityGroup;

    use super::*;

    fn live(protocol: &str, from: i32, to: i32) -> aws_sdk_ec2::types::builders::SecurityGroupRuleBuilder {
        LiveRule::builder()
            .security_group_rule_id("sgr-1")
            .group_id("sg-1")
            .is_egress(false)
            .ip_protocol(protocol)
            .from_port(from)
            .to_port(to)
    }

    #[test]
    fn rules_read_back_as_they_were_written() {
        let Ok(cidr) = "10.0.0.0/16".parse() else { panic!("a network") };
        let Ok(range) = PortRange::new(80, 81) else { panic!("a range") };
        let Ok(wide) = "::/0".parse() else { panic!("a network") };
        let cases = [
            (live("tcp", 80, 81).cidr_ipv4("10.0.0.0/16"), Protocol::Tcp(range), Peer::Cidr(cidr)),
            (live("icmp", -1, -1).cidr_ipv4("10.0.0.0/16"), Protocol::Icmp, Peer::Cidr(cidr)),
            (live("icmp", 8, -1).cidr_ipv4("10.0.0.0/16"), Protocol::IcmpType { r#type: 8, code: None }, Peer::Cidr(cidr)),
            (live("tcp", 80, 81).cidr_ipv6("::/0"), Protocol::Tcp(range), Peer::CidrIpv6(wide)),
            (live("-1", -1, -1).prefix_list_id("pl-1"), Protocol::All, Peer::PrefixList("pl-1".into())),
            (
                live("udp", 80, 81)
                    .referenced_group_info(ReferencedSecurityGroup::builder().group_id("sg-2").build())
                    .description(""),
                Protocol::Udp(range),
                Peer::Group(Ref::existing("sg-2")),
            ),
        ];
        for (rule, protocol, peer) in cases {
            let want = SecurityGroupRule {
                group: Ref::existing("sg-1"),
                direction: Direction::Ingress,
                protocol,
                peer,
                description: None,
            };
            assert_eq!(live_fields(&rule.build()), fields(&want));
        }
    }

    #[test]
    fn what_the_model_cannot_say_is_shown_all_the_same() {
        let fields = live_fields(&live("50", -1, -1).cidr_ipv6("::/0").build());
        assert_eq!(fields.value("cidr_ipv6"), &Value::str("::/0"));
        assert_eq!(fields.value("ip_protocol"), &Value::str("50"));
    }

    #[test]
    fn aws_s_own_rule_is_told_by_its_having_no_mark() {
        let rule = LiveRule::builder().group_id("sg-1").is_egress(true).ip_protocol("-1").cidr_ipv4("0.0.0.0/0");
        assert!(is_default(&rule.clone().build()));
        let mark = aws_sdk_ec2::types::Tag::builder().key("aomidori:stack").value("x").build();
        assert!(!is_default(&rule.tags(mark).build()));
    }
}

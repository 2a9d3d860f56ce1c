//! Network ACLs: the one that every VPC has.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::common::{ACL, Describe, tag_set};
use super::{State, Subnet};
use crate::error::Result;
use crate::filters::Answer;
use crate::tags::Tags;
use crate::world::Cx;

/// A VPC's default network ACL; all its subnets are associated with it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct NetworkAcl {
    pub(crate) id: String,
    pub(crate) vpc_id: String,
    pub(crate) tags: Tags,
}

pub(super) fn create_default(cx: &mut Cx<'_>, vpc_id: &str) {
    let id = cx.id("acl");
    let acl = NetworkAcl { id: id.clone(), vpc_id: vpc_id.to_owned(), tags: Tags::new() };
    cx.ec2().network_acls.insert(id, acl);
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let account = cx.account().to_owned();
    let state = &*cx.ec2();
    let found = input.find(
        &ACL,
        state.network_acls.iter(),
        1000,
        |acl| &acl.tags,
        |acl, name| match name {
            "network-acl-id" | "association.network-acl-id" => acl.id.as_str().into(),
            "vpc-id" => acl.vpc_id.as_str().into(),
            "owner-id" => account.as_str().into(),
            "default" => true.into(),
            "association.subnet-id" => subnets_of(state, acl).map(|s| &s.id).collect::<Vec<_>>().into(),
            "association.association-id" => {
                subnets_of(state, acl).map(|s| &s.acl_association_id).collect::<Vec<_>>().into()
            }
            "entry.rule-number" => vec!["100", "32767"].into(),
            "entry.rule-action" => vec!["allow", "deny"].into(),
            "entry.cidr" => "0.0.0.0/0".into(),
            _ => Answer::Unknown,
        },
    )?;
    let set: Vec<Value> = found.items.iter().map(|acl| render(state, acl, &account)).collect();
    Ok(json!({"networkAclSet": set, "nextToken": found.next}))
}

fn subnets_of<'a>(state: &'a State, acl: &'a NetworkAcl) -> impl Iterator<Item = &'a Subnet> {
    state.subnets.values().filter(|subnet| subnet.vpc_id == acl.vpc_id)
}

fn render(state: &State, acl: &NetworkAcl, account: &str) -> Value {
    let entry = |egress: bool, number: u16, action: &str| {
        json!({
            "egress": egress, "ruleNumber": number, "ruleAction": action, "protocol": "-1", "cidrBlock": "0.0.0.0/0",
        })
    };
    let associations: Vec<Value> = subnets_of(state, acl)
        .map(|subnet| {
            json!({
                "networkAclAssociationId": subnet.acl_association_id,
                "networkAclId": acl.id,
                "subnetId": subnet.id,
            })
        })
        .collect();
    json!({
        "networkAclId": acl.id,
        "vpcId": acl.vpc_id,
        "ownerId": account,
        "default": true,
        "entrySet": [
            entry(true, 100, "allow"), entry(true, 32767, "deny"), entry(false, 100, "allow"), entry(false, 32767, "deny"),
        ],
        "associationSet": associations,
        "tagSet": tag_set(&acl.tags),
    })
}

//! The EC2 family: every kind by one call with a tag filter, all side by side. Eleven calls for a network whose VPC
//! declares both DNS attributes, however many resources it has.

use std::collections::BTreeMap;

use aomidori_engine::cloud::CloudError;
use aomidori_model::Address;
use aomidori_plan::{Observed, Ownership};

use super::Scope;
use crate::client::Cx;
use crate::kinds::{
    elastic_ip, internet_gateway, nat_gateway, route_table, security_group, security_group_rule, subnet, vpc,
    vpc_endpoint,
};

pub(super) async fn observe(cx: &Cx, scope: &Scope<'_>) -> Result<Vec<Observed>, CloudError> {
    let (vpcs, subnets, gateways, addresses, nats, tables, endpoints, groups) = tokio::try_join!(
        vpc::observe(cx, scope),
        subnet::observe(cx, scope),
        internet_gateway::observe(cx, scope),
        elastic_ip::observe(cx, scope),
        nat_gateway::observe(cx, scope),
        route_table::observe(cx, scope),
        vpc_endpoint::observe(cx, scope),
        async {
            // The rules need the index; it is read beside the groups.
            let (found, _) = tokio::join!(groups_and_rules(cx, scope), scope.hints("ec2"));
            found
        },
    )?;
    Ok([vpcs, subnets, gateways, addresses, nats, tables, endpoints, groups].into_iter().flatten().collect())
}

/// Groups, then all rules inside them: the rules tell whether a group's egress is open.
async fn groups_and_rules(cx: &Cx, scope: &Scope<'_>) -> Result<Vec<Observed>, CloudError> {
    let groups = security_group::list(cx, scope).await?;
    let addresses: BTreeMap<String, Address> = security_group::observe(scope, &groups, &Default::default())?
        .into_iter()
        .filter_map(|group| match group.owner {
            Ownership::Ours(address) => Some((group.id, address)),
            Ownership::Foreign { .. } | Ownership::Added { .. } => None,
        })
        .collect();
    let rules = security_group_rule::list(cx, scope, &addresses).await?;
    let mut found = security_group::observe(scope, &groups, &security_group_rule::open_groups(&rules))?;
    found.extend(security_group_rule::observe(scope, &rules, &addresses));
    Ok(found)
}

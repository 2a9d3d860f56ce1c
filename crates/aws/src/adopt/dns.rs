//! DNS records that lead to a load balancer, in whatever hosted zone of the account.

use std::collections::BTreeMap;

use aomidori_adopt::Walk;
use aomidori_engine::cloud::{CloudError, ErrorKind};
use aomidori_model::kinds::DnsRecord;
use aomidori_model::kinds::dns_record::Answer;
use aomidori_model::{KindName, Ref};
use aomidori_plan::Observation;
use aws_sdk_route53::types::{ResourceRecordSet, RrType};

use crate::call;
use crate::client::Cx;
use crate::kinds::dns_record::{plain, target_of};

/// Adds the records that point at the load balancers which a walk found. Where the caller may not read Route 53, that is
/// said.
pub(super) async fn records(cx: &Cx, have: &Observation, walk: &mut Walk) -> Result<(), CloudError> {
    let balancers = have.resources.iter().filter(|seen| {
        seen.kind == KindName::LoadBalancer && walk.found.contains(&(KindName::LoadBalancer, seen.id.clone()))
    });
    let balancers: BTreeMap<String, String> = balancers
        .filter_map(|seen| Some((plain(seen.output(Some("dns_name"))?), seen.id.clone())))
        .filter(|(name, _)| !name.is_empty())
        .collect();
    if balancers.is_empty() {
        return Ok(());
    }
    match all(cx).await {
        Ok(sets) => add(&sets, &balancers, walk),
        Err(error) if matches!(error.kind, ErrorKind::Denied | ErrorKind::Unsupported) => {
            walk.passed.push(format!(
                "DNS records that lead to the load balancer, if there are any: {} could not be asked ({})",
                error.operation, error.message
            ));
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Every record set of every hosted zone, with the zone.
async fn all(cx: &Cx) -> Result<Vec<(String, ResourceRecordSet)>, CloudError> {
    let mut zones = Vec::new();
    let mut marker = None;
    loop {
        let page =
            call::read("route53:ListHostedZones", || cx.route53.list_hosted_zones().set_marker(marker.clone()).send())
                .await?;
        zones.extend(page.hosted_zones.into_iter().map(|zone| zone.id));
        marker = page.next_marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            break;
        }
    }
    let mut found = Vec::new();
    for zone in zones {
        let id = zone.rsplit('/').next().unwrap_or(&zone).to_owned();
        let (mut name, mut kind, mut set): (Option<String>, Option<RrType>, Option<String>) = (None, None, None);
        loop {
            let answer = call::read("route53:ListResourceRecordSets", || {
                cx.route53
                    .list_resource_record_sets()
                    .hosted_zone_id(&id)
                    .set_start_record_name(name.clone())
                    .set_start_record_type(kind.clone())
                    .set_start_record_identifier(set.clone())
                    .send()
            })
            .await;
            // Deleted since it was listed.
            let Some(page) = call::if_there(answer)? else { break };
            found.extend(page.resource_record_sets.into_iter().map(|set| (id.clone(), set)));
            (name, kind, set) = (page.next_record_name, page.next_record_type, page.next_record_identifier);
            if !page.is_truncated || name.is_none() {
                break;
            }
        }
    }
    Ok(found)
}

/// What of the record sets leads to one of the balancers (DNS name, ARN).
fn add(sets: &[(String, ResourceRecordSet)], balancers: &BTreeMap<String, String>, walk: &mut Walk) {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for (zone, set) in sets {
        let Some(arn) = target_of(set).and_then(|target| balancers.get(&target)) else { continue };
        let (name, kind) = (plain(&set.name), set.r#type.as_str());
        names.insert(name.clone(), format!("{kind} record {name}"));
        match record(zone, set, arn) {
            Ok(record) => walk.add_untagged(record.into()),
            Err(why) => walk.passed.push(format!(
                "the {kind} record {name} in the hosted zone {zone}, which leads to the load balancer: {why}"
            )),
        }
    }
    for (zone, set) in sets {
        let Some(through) = target_of(set).and_then(|target| names.get(&target)) else { continue };
        let (name, kind) = (plain(&set.name), set.r#type.as_str());
        walk.passed.push(format!("the {kind} record {name} in the hosted zone {zone}, which leads to the {through}"));
    }
}

/// A record set in the model's form; else what the model cannot say of it.
fn record(zone: &str, set: &ResourceRecordSet, balancer: &str) -> Result<DnsRecord, String> {
    if set.set_identifier.is_some() || set.health_check_id.is_some() || set.traffic_policy_instance_id.is_some() {
        return Err("a stack cannot say its routing policy or health check".to_owned());
    }
    let load_balancer = Ref::existing(balancer);
    let answer = match (&set.alias_target, &set.r#type) {
        (Some(alias), RrType::A) => {
            Answer::Alias { load_balancer, evaluate_target_health: alias.evaluate_target_health }
        }
        (None, RrType::Cname) => {
            Answer::Cname { load_balancer, ttl: set.ttl.and_then(|ttl| u32::try_from(ttl).ok()).unwrap_or_default() }
        }
        (Some(_), other) => return Err(format!("a stack cannot say an alias of the type {}", other.as_str())),
        (None, other) => return Err(format!("a stack cannot say a record of the type {}", other.as_str())),
    };
    let name = plain(&set.name).parse().map_err(|error| format!("{error}"))?;
    Ok(DnsRecord { zone: zone.parse().map_err(|error| format!("{error}"))?, name, answer })
}

#[cfg(test)]
mod tests {
    use aws_sdk_route53::types::{AliasTarget, ResourceRecord};

    use super::*;

    fn set(name: &str, kind: RrType) -> aws_sdk_route53::types::builders::ResourceRecordSetBuilder {
        ResourceRecordSet::builder().name(name).r#type(kind)
    }

    fn alias(name: &str, kind: RrType, to: &str, health: bool) -> ResourceRecordSet {
        let to = AliasTarget::builder().hosted_zone_id("Z2").dns_name(to).evaluate_target_health(health);
        set(name, kind).alias_target(to.build().unwrap()).build().unwrap()
    }

    fn cname(name: &str, to: &str) -> ResourceRecordSet {
        to_name(name, to).build().unwrap()
    }

    fn to_name(name: &str, to: &str) -> aws_sdk_route53::types::builders::ResourceRecordSetBuilder {
        let to = ResourceRecord::builder().value(to).build().unwrap();
        set(name, RrType::Cname).ttl(60).resource_records(to)
    }

    #[test]
    fn records_are_found_by_what_they_lead_to() {
        let balancer = "front-1.eu-central-1.elb.amazonaws.com";
        let weighted = to_name("weighted.example.com.", balancer).set_identifier("a").weight(1).build().unwrap();
        let sets = [
            alias("example.com.", RrType::A, &format!("dualstack.{balancer}."), true),
            alias("example.com.", RrType::Aaaa, &format!("dualstack.{balancer}."), false),
            cname("www.example.com.", "Front-1.eu-central-1.elb.amazonaws.com"),
            cname("other.example.com.", "back-1.eu-central-1.elb.amazonaws.com"),
            weighted,
            cname("shop.example.com.", "www.example.com"),
        ];
        let sets = sets.map(|set| ("Z1".to_owned(), set));
        let balancers = BTreeMap::from([(balancer.to_owned(), "arn:lb".to_owned())]);
        let mut walk = Walk::default();
        add(&sets, &balancers, &mut walk);
        let ids: Vec<&str> = walk.found.iter().map(|(_, id)| id.as_str()).collect();
        assert_eq!(ids, ["Z1_example.com_A", "Z1_www.example.com_CNAME"]);
        assert_eq!(walk.untagged.len(), 2);
        let passed = walk.passed.join("\n");
        for part in ["AAAA record example.com", "record weighted.example.com", "shop.example.com in the hosted zone Z1"]
        {
            assert!(passed.contains(part), "{passed}");
        }
        assert_eq!(walk.passed.len(), 3);
    }
}

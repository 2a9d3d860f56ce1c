//! DNS records. They have no tags: a record is ours if it points at our load balancer (aws-facts 2.28).

use aomidori_engine::cloud::CloudError;
use aomidori_model::kinds::dns_record::Answer;
use aomidori_model::kinds::{DnsRecord, LoadBalancer};
use aomidori_model::{Address, Target, Value};
use aomidori_plan::{Observed, Ownership};
use aws_sdk_route53::types::{ResourceRecordSet, RrType};
use futures_util::future::try_join_all;

use super::elb::Elb;
use super::{Scope, observed};
use crate::client::Cx;
use crate::kinds::dns_record::{self, plain, target_of};
use crate::services::set_field;
use crate::tags::Tags;

/// What stands at the names of the stack's records, in their order.
pub(super) type Sets = Vec<Vec<ResourceRecordSet>>;

pub(super) async fn read(cx: &Cx, scope: &Scope<'_>) -> Result<Sets, CloudError> {
    try_join_all(scope.stack.of::<DnsRecord>().map(|(_, record)| dns_record::sets_of(cx, record))).await
}

pub(super) fn resources(scope: &Scope<'_>, elb: &Elb, sets: Sets) -> Vec<Observed> {
    let mut resources: Vec<Observed> = Vec::new();
    for ((address, record), sets) in scope.stack.of::<DnsRecord>().zip(sets) {
        // A CNAME cannot stand beside anything else of its name.
        let in_the_way = sets.iter().filter(|set| {
            set.r#type.as_str() == record.record_type()
                || set.r#type == RrType::Cname
                || record.record_type() == "CNAME" && !matches!(set.r#type, RrType::Ns | RrType::Soa)
        });
        for set in in_the_way {
            let found = one(scope, elb, address, record, set);
            if !resources.iter().any(|known| known.id == found.id) {
                resources.push(found);
            }
        }
    }
    resources
}

fn one(scope: &Scope<'_>, elb: &Elb, address: &Address, wanted: &DnsRecord, set: &ResourceRecordSet) -> Observed {
    let ttl = set.ttl.and_then(|ttl| u32::try_from(ttl).ok()).unwrap_or_default();
    let target = target_of(set);
    let ours = target.as_deref().is_some_and(|target| points_at_ours(scope, elb, target));
    let owner = match ours {
        true => Ownership::Ours((*address).clone()),
        false => Ownership::Foreign { address: (*address).clone(), stack: None },
    };
    // In the spelling of the load balancer itself, since DNS knows no case.
    let target = target.map(|target| spelled(elb, wanted, &target));
    let values = match (&target, &set.alias_target) {
        (Some(target), None) => [plain_value(target)].into_iter().collect(),
        _ => set.resource_records().iter().map(|record| record.value.clone()).collect(),
    };
    let record_type = set.r#type.as_str().to_owned();
    let model = DnsRecord {
        zone: wanted.zone.clone(),
        name: wanted.name.clone(),
        answer: Answer::Values { record_type, ttl, values },
    };
    let mut found = observed(model.id(), owner, &model, Tags::new());
    match (&set.alias_target, target) {
        (Some(alias), Some(target)) => {
            set_field(&mut found.fields, "alias.evaluate_target_health", Value::Bool(alias.evaluate_target_health));
            set_field(&mut found.fields, "ttl", Value::Null);
            set_field(&mut found.fields, "records", Value::Null);
            set_field(&mut found.fields, "alias", target);
        }
        (None, Some(target @ Value::Ref(_))) => {
            set_field(&mut found.fields, "records", Value::Set([target].into()));
        }
        _ => {}
    }
    found
}

fn plain_value(target: &Value) -> String {
    target.as_str().unwrap_or_default().to_owned()
}

/// True if a record's target is a load balancer of this stack: by its DNS name, or, when that load balancer is gone, by
/// the name in it (`NAME-NUMBER.REGION.elb.amazonaws.com`), so that a replacement that was cut short can go on.
fn points_at_ours(scope: &Scope<'_>, elb: &Elb, target: &str) -> bool {
    let live = elb.balancers.iter().find(|(_, dns_name)| plain(dns_name) == target);
    if let Some((arn, _)) = live {
        let carries = elb.resources.iter().any(|found| found.id == *arn && matches!(found.owner, Ownership::Ours(_)));
        return carries || scope.stack.of::<DnsRecord>().any(|(_, record)| balancer_id(record) == Some(arn));
    }
    scope.stack.of::<LoadBalancer>().any(|(_, balancer)| is_dns_name_of(target, balancer.name.as_str()))
}

fn balancer_id(record: &DnsRecord) -> Option<&String> {
    match &record.answer {
        Answer::Cname { load_balancer, .. } | Answer::Alias { load_balancer, .. } => match load_balancer.target() {
            Target::Id(id) => Some(id),
            Target::Address(_) => None,
        },
        Answer::Values { .. } => None,
    }
}

fn is_dns_name_of(target: &str, name: &str) -> bool {
    let Some((host, rest)) = target.split_once('.') else { return false };
    let host = host.strip_prefix("internal-").unwrap_or(host);
    let number = host.strip_prefix(&name.to_ascii_lowercase()).and_then(|rest| rest.strip_prefix('-'));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
        && rest.contains("elb.amazonaws.com")
}

/// The DNS name as the load balancer spells it; for one outside the stack the same reference that the stack has.
fn spelled(elb: &Elb, wanted: &DnsRecord, target: &str) -> Value {
    let Some((arn, dns_name)) = elb.balancers.iter().find(|(_, dns_name)| plain(dns_name) == target) else {
        return Value::str(target);
    };
    if let (Answer::Cname { load_balancer, .. } | Answer::Alias { load_balancer, .. }, Some(id)) =
        (&wanted.answer, balancer_id(wanted))
        && id == arn
    {
        return load_balancer.output(Some("dns_name")).into();
    }
    Value::str(dns_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dns_name_holds_the_load_balancers_name() {
        assert!(is_dns_name_of("shop-123.eu-central-1.elb.amazonaws.com", "Shop"));
        assert!(is_dns_name_of("internal-shop-123.eu-central-1.elb.amazonaws.com", "shop"));
        assert!(!is_dns_name_of("shop-b-123.eu-central-1.elb.amazonaws.com", "shop"));
        assert!(!is_dns_name_of("shop-123.example.com", "shop"));
    }
}

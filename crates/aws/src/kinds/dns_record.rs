//! Route 53 records (aws-facts 2.28).

use aomidori_engine::cloud::{CloudError, ErrorKind, Made, Progress, Want};
use aomidori_model::Ref;
use aomidori_model::Target;
use aomidori_model::kinds::dns_record::Answer;
use aomidori_model::kinds::{DnsRecord, LoadBalancer};
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType,
};

use crate::call;
use crate::client::Cx;
use crate::live::Live;
use crate::services::{incomplete, made};

const CHANGE: &str = "route53:ChangeResourceRecordSets";

impl Live for DnsRecord {
    const WRITES: &'static [&'static str] = &[
        "route53:ChangeResourceRecordSets",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        upsert(cx, want, w).await
    }

    async fn find(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        // An upsert is its own completion.
        upsert(cx, want, w).await.map(Some)
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        _have: &Observed,
        _changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        upsert(cx, want, w).await
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        // A deletion must name the live values exactly, so they are read again.
        let Some(set) = by_id(cx, &have.id).await? else { return Ok(()) };
        let Some((zone, _, _)) = parts(&have.id) else { return Err(bad_id(&have.id)) };
        call::gone_is_fine(change(cx, zone, ChangeAction::Delete, set).await)
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        // Clients see it once every name server has it, some 30 to 60 s later; nothing in the stack waits for that.
        Ok(if by_id(cx, id).await?.is_some() { Progress::Ready } else { Progress::Gone })
    }
}

async fn upsert(cx: &Cx, want: &DnsRecord, w: Want<'_>) -> Result<Made, CloudError> {
    let record_type = RrType::from(want.record_type());
    let set = ResourceRecordSet::builder().name(want.name.as_str()).r#type(record_type);
    let record = |value: &str| ResourceRecord::builder().value(value).build().map_err(incomplete);
    let set = match &want.answer {
        Answer::Cname { load_balancer, ttl } => {
            let (dns_name, _) = balancer(cx, w, load_balancer).await?;
            set.ttl(i64::from(*ttl)).resource_records(record(&dns_name)?)
        }
        Answer::Alias { load_balancer, evaluate_target_health } => {
            let (dns_name, zone) = balancer(cx, w, load_balancer).await?;
            let alias = AliasTarget::builder().hosted_zone_id(zone).dns_name(dns_name);
            let alias = alias.evaluate_target_health(*evaluate_target_health).build();
            set.alias_target(alias.map_err(incomplete)?)
        }
        Answer::Values { ttl, values, .. } => {
            let records = values.iter().map(|value| record(value)).collect::<Result<Vec<_>, _>>()?;
            set.ttl(i64::from(*ttl)).set_resource_records(Some(records))
        }
    };
    let set = set.build().map_err(incomplete)?;
    change(cx, want.zone.as_str(), ChangeAction::Upsert, set).await?;
    Ok(made(want.id(), []))
}

/// The DNS name of a load balancer, and the hosted zone that aliases to it name.
async fn balancer(cx: &Cx, w: Want<'_>, of: &Ref<LoadBalancer>) -> Result<(String, String), CloudError> {
    if let Target::Id(arn) = of.target() {
        const READ: &str = "elasticloadbalancing:DescribeLoadBalancers";
        let answer = call::read(READ, || cx.elb.describe_load_balancers().load_balancer_arns(arn).send()).await?;
        let found = answer.load_balancers.unwrap_or_default().pop().ok_or_else(|| call::missing(READ, "balancer"))?;
        return Ok((found.dns_name.unwrap_or_default(), found.canonical_hosted_zone_id.unwrap_or_default()));
    }
    Ok((w.known.text(&of.output(Some("dns_name")))?, w.known.text(&of.output(Some("zone_id")))?))
}

async fn change(cx: &Cx, zone: &str, action: ChangeAction, set: ResourceRecordSet) -> Result<(), CloudError> {
    let change = Change::builder().action(action).resource_record_set(set).build().map_err(incomplete)?;
    let batch = ChangeBatch::builder().changes(change).build().map_err(incomplete)?;
    call::idempotent(CHANGE, || {
        cx.route53.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch.clone()).send()
    })
    .await?;
    Ok(())
}

/// All record sets of a record's name.
pub(crate) async fn sets_of(cx: &Cx, record: &DnsRecord) -> Result<Vec<ResourceRecordSet>, CloudError> {
    sets(cx, record.zone.as_str(), record.name.as_str()).await
}

async fn sets(cx: &Cx, zone: &str, name: &str) -> Result<Vec<ResourceRecordSet>, CloudError> {
    let answer = call::read("route53:ListResourceRecordSets", || {
        cx.route53.list_resource_record_sets().hosted_zone_id(zone).start_record_name(name).max_items(20).send()
    })
    .await?;
    Ok(answer.resource_record_sets.into_iter().filter(|set| plain(&set.name) == name).collect())
}

async fn by_id(cx: &Cx, id: &str) -> Result<Option<ResourceRecordSet>, CloudError> {
    let Some((zone, name, record_type)) = parts(id) else { return Err(bad_id(id)) };
    match sets(cx, zone, name).await {
        Ok(sets) => Ok(sets.into_iter().find(|set| set.r#type.as_str() == record_type)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Zone, name and type of `ZONE_NAME_TYPE`; the name may hold `_`.
fn parts(id: &str) -> Option<(&str, &str, &str)> {
    let (zone, rest) = id.split_once('_')?;
    let (name, record_type) = rest.rsplit_once('_')?;
    Some((zone, name, record_type))
}

fn bad_id(id: &str) -> CloudError {
    CloudError::bug(format!("`{id}` is not the id of a DNS record"))
}

/// A name as the model writes it: lower case, no final dot, `*` for Route 53's `\052`.
pub(crate) fn plain(name: &str) -> String {
    name.to_ascii_lowercase().trim_end_matches('.').replace("\\052", "*")
}

/// The one name that a record set points at. The console writes aliases with `dualstack.` in front.
pub(crate) fn target_of(set: &ResourceRecordSet) -> Option<String> {
    if let Some(alias) = &set.alias_target {
        let name = plain(&alias.dns_name);
        return Some(name.strip_prefix("dualstack.").unwrap_or(&name).to_owned());
    }
    match (set.r#type == RrType::Cname, set.resource_records()) {
        (true, [only]) => Some(plain(&only.value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names() {
        assert_eq!(parts("Z1_a_b.example.com_CNAME"), Some(("Z1", "a_b.example.com", "CNAME")));
        assert_eq!(plain("\\052.Example.com."), "*.example.com");
        let alias = AliasTarget::builder()
            .hosted_zone_id("Z2")
            .dns_name("dualstack.shop-1.elb.amazonaws.com.")
            .evaluate_target_health(false)
            .build()
            .unwrap();
        let set = ResourceRecordSet::builder().name("a.").r#type(RrType::A).alias_target(alias).build().unwrap();
        assert_eq!(target_of(&set).as_deref(), Some("shop-1.elb.amazonaws.com"));
    }
}

//! Route 53 record in a hosted zone that exists already.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Kind, KindInfo, KindName, LoadBalancer, Timing, Traffic};
use crate::field::Fields;
use crate::name::name_type;
use crate::problem::Check;
use crate::reference::Ref;
use crate::value::{ToValue, Value};

name_type! {
    /// A domain name, in lower case and without a final dot.
    DomainName: "a domain name", 1..=253, "lower-case letters, digits, `-`, `_`, `.` and a leading `*`",
    |c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.' | '*'),
    |text| {
        text.split('.').any(|label| label.is_empty() || label.len() > 63)
            .then_some("each label between dots has 1 to 63 characters, and no dot ends the name")
    }
}
name_type! {
    /// The id of a Route 53 hosted zone, such as `Z0123456789ABCDEFGHIJ`.
    HostedZoneId: "a hosted zone id", 1..=32, "upper-case letters and digits",
    |c| c.is_ascii_uppercase() || c.is_ascii_digit()
}

/// A record set. Its id is `ZONE_NAME_TYPE`. It has no tags: it is ours if it points at ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsRecord {
    /// The hosted zone that it is part of.
    pub zone: HostedZoneId,
    /// Its name.
    pub name: DomainName,
    /// What it answers.
    pub answer: Answer,
}

/// What a record answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// A CNAME to a load balancer's DNS name.
    Cname {
        /// The load balancer.
        load_balancer: Ref<LoadBalancer>,
        /// Seconds that resolvers may keep it.
        ttl: u32,
    },
    /// An alias A record to a load balancer.
    Alias {
        /// The load balancer.
        load_balancer: Ref<LoadBalancer>,
        /// It answers only while the load balancer is healthy.
        #[serde(default)]
        evaluate_target_health: bool,
    },
    /// Literal values, as observed; such a record is never ours.
    Values {
        /// The record type (`A`, `CNAME`, `TXT`).
        record_type: String,
        /// Seconds that resolvers may keep it.
        ttl: u32,
        /// The values.
        values: BTreeSet<String>,
    },
}

impl DnsRecord {
    /// The record type.
    pub fn record_type(&self) -> &str {
        match &self.answer {
            Answer::Cname { .. } => "CNAME",
            Answer::Alias { .. } => "A",
            Answer::Values { record_type, .. } => record_type,
        }
    }

    /// The id under which the record is known: `ZONE_NAME_TYPE`.
    pub fn id(&self) -> String {
        format!("{}_{}_{}", self.zone, self.name, self.record_type())
    }
}

impl Kind for DnsRecord {
    const INFO: KindInfo = KindInfo {
        unique: &[&["zone_id", "name"]],
        taggable: false,
        timing: Timing { create: 1, ready: 40, delete: 1 },
        traffic_on_delete: Traffic::Outage,
        ..KindInfo::new(KindName::DnsRecord, "DNS record", "aws_route53_record")
    };

    fn fields(&self, fields: &mut Fields) {
        let DnsRecord { zone, name, answer } = self;
        fields.add("zone_id", zone).replaces();
        fields.add("name", name).replaces();
        let record_type = self.record_type();
        fields.add("type", record_type).replaces();
        let dns_name = |load_balancer: &Ref<LoadBalancer>| Value::from(load_balancer.output(Some("dns_name")));
        let mut health = None;
        let (ttl, records, alias) = match answer {
            Answer::Cname { load_balancer, ttl } => {
                (ttl.to_value(), Value::Set([dns_name(load_balancer)].into()), Value::Null)
            }
            Answer::Alias { load_balancer, evaluate_target_health } => {
                health = Some(*evaluate_target_health);
                (Value::Null, Value::Null, dns_name(load_balancer))
            }
            Answer::Values { record_type: _, ttl, values } => (ttl.to_value(), values.to_value(), Value::Null),
        };
        fields.add("ttl", ttl);
        fields.add("records", records);
        fields.add("alias", alias);
        fields.add("alias.evaluate_target_health", health);
    }

    fn validate(&self, check: &mut Check<'_>) {
        if let Answer::Values { record_type, .. } = &self.answer {
            check.field(
                "E-RECORD",
                "records",
                format!("a {record_type} record of literal values can be observed, not made: nothing in it says whose it is"),
                "point the record at a load balancer, or make it by other means",
            );
        }
    }
}

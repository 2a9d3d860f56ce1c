//! What is the same for every account: TLS policies and limits.

use serde::Deserialize;
use serde_json::{Value, json};

use super::listed;
use crate::error::{ApiError, Result};
use crate::world::Cx;

const TLS13: &[&str] = &["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
const TLS12: &[&str] = &[
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
];
const OLDER: &[&str] = &[
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA384",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES256-SHA",
    "AES128-GCM-SHA256",
    "AES128-SHA256",
    "AES128-SHA",
    "AES256-GCM-SHA384",
    "AES256-SHA256",
    "AES256-SHA",
];

/// Names, the oldest version of TLS (10, 11, 12, 13), whether 1.3 is among them, whether older ciphers are.
const POLICIES: &[(&str, u8, bool, bool)] = &[
    ("ELBSecurityPolicy-2015-05", 10, false, true),
    ("ELBSecurityPolicy-2016-08", 10, false, true),
    ("ELBSecurityPolicy-FS-1-1-2019-08", 11, false, true),
    ("ELBSecurityPolicy-FS-1-2-2019-08", 12, false, true),
    ("ELBSecurityPolicy-FS-1-2-Res-2019-08", 12, false, true),
    ("ELBSecurityPolicy-FS-1-2-Res-2020-10", 12, false, false),
    ("ELBSecurityPolicy-FS-2018-06", 10, false, true),
    ("ELBSecurityPolicy-TLS-1-0-2015-04", 10, false, true),
    ("ELBSecurityPolicy-TLS-1-1-2017-01", 11, false, true),
    ("ELBSecurityPolicy-TLS-1-2-2017-01", 12, false, true),
    ("ELBSecurityPolicy-TLS-1-2-Ext-2018-06", 12, false, true),
    ("ELBSecurityPolicy-TLS13-1-0-2021-06", 10, true, true),
    ("ELBSecurityPolicy-TLS13-1-1-2021-06", 11, true, true),
    ("ELBSecurityPolicy-TLS13-1-2-2021-06", 12, true, true),
    ("ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06", 12, true, true),
    ("ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", 12, true, true),
    ("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", 12, true, false),
    ("ELBSecurityPolicy-TLS13-1-3-2021-06", 13, true, false),
    ("ELBSecurityPolicy-TLS13-1-0-FIPS-2023-04", 10, true, true),
    ("ELBSecurityPolicy-TLS13-1-1-FIPS-2023-04", 11, true, true),
    ("ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04", 12, true, true),
    ("ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-2023-04", 12, true, true),
    ("ELBSecurityPolicy-TLS13-1-2-Ext1-FIPS-2023-04", 12, true, true),
    ("ELBSecurityPolicy-TLS13-1-2-Ext2-FIPS-2023-04", 12, true, true),
    ("ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04", 12, true, false),
    ("ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04", 13, true, false),
    ("ELBSecurityPolicy-TLS13-1-2-PQ-2025-09", 12, true, true),
    ("ELBSecurityPolicy-TLS13-1-2-Ext1-PQ-2025-09", 12, true, true),
    ("ELBSecurityPolicy-TLS13-1-2-Ext2-PQ-2025-09", 12, true, true),
    ("ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", 12, true, false),
    ("ELBSecurityPolicy-TLS13-1-3-PQ-2025-09", 13, true, false),
    ("ELBSecurityPolicy-TLS13-1-2-FIPS-PQ-2025-09", 12, true, true),
    ("ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-PQ-2025-09", 12, true, true),
    ("ELBSecurityPolicy-TLS13-1-2-Ext1-FIPS-PQ-2025-09", 12, true, true),
    ("ELBSecurityPolicy-TLS13-1-2-Ext2-FIPS-PQ-2025-09", 12, true, true),
    ("ELBSecurityPolicy-TLS13-1-2-Res-FIPS-PQ-2025-09", 12, true, false),
    ("ELBSecurityPolicy-TLS13-1-3-FIPS-PQ-2025-09", 13, true, false),
];

pub(super) fn is_ssl_policy(name: &str) -> bool {
    POLICIES.iter().any(|(policy, ..)| *policy == name)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct DescribeSslPolicies {
    #[serde(default)]
    names: Vec<String>,
    marker: Option<String>,
    page_size: Option<usize>,
    #[serde(rename = "LoadBalancerType")]
    _load_balancer_type: Option<String>,
}

pub(super) fn describe_ssl_policies(_cx: &mut Cx<'_>, input: DescribeSslPolicies) -> Result {
    if let Some(unknown) = input.names.iter().find(|name| !is_ssl_policy(name)) {
        return Err(ApiError::new("SSLPolicyNotFound", format!("SSL policy '{unknown}' not found")));
    }
    let wanted = POLICIES.iter().filter(|(name, ..)| input.names.is_empty() || input.names.iter().any(|n| n == name));
    let policies = wanted.map(|(name, oldest, tls13, older)| {
        let mut protocols = Vec::new();
        protocols.extend((*oldest <= 10).then_some("TLSv1"));
        protocols.extend((*oldest <= 11).then_some("TLSv1.1"));
        protocols.extend((*oldest <= 12).then_some("TLSv1.2"));
        protocols.extend(tls13.then_some("TLSv1.3"));
        let none: &[&str] = &[];
        let ciphers = if *tls13 { TLS13 } else { none }.iter();
        let ciphers = ciphers.chain(if *oldest <= 12 { TLS12 } else { none }).chain(if *older { OLDER } else { none });
        let ciphers: Vec<Value> =
            ciphers.enumerate().map(|(at, name)| json!({"Name": name, "Priority": at + 1})).collect();
        let policy = json!({
            "Name": name,
            "SslProtocols": protocols,
            "Ciphers": ciphers,
            "SupportedLoadBalancerTypes": ["application", "network"],
        });
        ((*name).to_owned(), policy)
    });
    listed("SslPolicies", policies, input.marker.as_deref(), input.page_size)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Paged {
    marker: Option<String>,
    page_size: Option<usize>,
}

pub(super) fn describe_account_limits(_cx: &mut Cx<'_>, input: Paged) -> Result {
    // AWS's defaults, by name.
    let limits = [
        ("application-load-balancers", 50),
        ("certificates-per-application-load-balancer", 25),
        ("condition-values-per-alb-rule", 5),
        ("condition-wildcards-per-alb-rule", 5),
        ("listeners-per-application-load-balancer", 50),
        ("rules-per-application-load-balancer", 100),
        ("target-groups", 3000),
        ("target-groups-per-action-on-application-load-balancer", 5),
        ("target-groups-per-application-load-balancer", 100),
        ("targets-per-application-load-balancer", 1000),
    ];
    let limits = limits.map(|(name, max)| (name.to_owned(), json!({"Name": name, "Max": max.to_string()})));
    listed("Limits", limits, input.marker.as_deref(), input.page_size)
}

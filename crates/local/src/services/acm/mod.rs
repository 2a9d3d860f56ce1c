//! ACM: certificates that Route 53 proves, and nobody signs.
//!
//! A certificate is issued once every one of its domains has its validation record in a public zone of this cloud. Email
//! is never answered here, so that what waits for it goes on waiting.

mod certificate;
mod read;
mod request;
mod tagging;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use self::certificate::Certificate;
use crate::error::{ApiError, Result, fail};
use crate::protocol::Protocol;
use crate::services::{Resource, Service, elbv2, operations};
use crate::timings;
use crate::world::Cx;

/// One region's certificates, by ARN.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) certificates: BTreeMap<String, Certificate>,
    /// Those that are gone: no listener can have them again.
    deleted: BTreeSet<String>,
    expiry_events_days: Option<u32>,
}

pub(crate) static SERVICE: Service = Service {
    name: "acm",
    prefix: "acm",
    protocol: Protocol::Json { target: "CertificateManager" },
    invalid: "ValidationException",
    handler,
    bucket: |_| None,
    on_event,
    resources,
};

operations! {
    "RequestCertificate" => request::request,
    "DeleteCertificate" => request::delete,
    "UpdateCertificateOptions" => request::update_options,
    "ResendValidationEmail" => request::resend,
    "DescribeCertificate" => read::describe,
    "GetCertificate" => read::get,
    "ListCertificates" => read::list,
    "GetAccountConfiguration" => read::account,
    "PutAccountConfiguration" => read::put_account,
    "AddTagsToCertificate" => tagging::add,
    "RemoveTagsFromCertificate" => tagging::remove,
    "ListTagsForCertificate" => tagging::list,
}

fn resources(cx: &Cx<'_>) -> Vec<Resource> {
    let Some(region) = cx.world.regions.get(&cx.region) else { return Vec::new() };
    let certificates = region.acm.certificates.values();
    certificates.map(|c| Resource { arn: c.arn.clone(), kind: "acm:certificate", tags: c.tags.clone() }).collect()
}

/// The certificate with this ARN.
fn find<'c>(cx: &'c mut Cx<'_>, arn: &str) -> Result<&'c mut Certificate> {
    let shape = arn.split(':').collect::<Vec<_>>();
    if !matches!(shape.as_slice(), ["arn", _, "acm", _, _, id] if id.starts_with("certificate/")) {
        return fail!("InvalidArnException", "The Amazon Resource Name (ARN) {arn} is not valid");
    }
    let account = cx.account().to_owned();
    match cx.acm().certificates.get_mut(arn) {
        Some(certificate) => Ok(certificate),
        None => fail!("ResourceNotFoundException", "Could not find certificate {arn} in account {account}."),
    }
}

/// Whether a listener can have this certificate, and the load balancer's own error if not.
///
/// What was never requested here may have been made elsewhere: a certificate of this account and region is taken to exist.
pub(crate) fn usable(cx: &mut Cx<'_>, arn: &str) -> Result<()> {
    let own = cx.arn("acm", "certificate/");
    let is_uuid = |id: &str| id.len() == 36 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let issued = cx.acm().certificates.get(arn).map(Certificate::is_issued);
    match issued {
        Some(true) => Ok(()),
        Some(false) => Err(ApiError::new(
            "UnsupportedCertificate",
            format!(
                "The certificate '{arn}' must have a fully-qualified domain name, a supported signature, and a supported \
                 key size."
            ),
        )),
        None if arn.strip_prefix(&own).is_some_and(is_uuid) && !cx.acm().deleted.contains(arn) => Ok(()),
        None => Err(ApiError::new("CertificateNotFound", format!("Certificate '{arn}' not found"))),
    }
}

/// The load balancers that use a certificate.
fn users(cx: &mut Cx<'_>, arn: &str) -> Vec<String> {
    elbv2::load_balancers_with(cx.elbv2(), arn)
}

/// Looks again at all that waits for its records, in every region: Route 53 is everywhere the same.
pub(crate) fn records_changed(cx: &mut Cx<'_>) {
    let regions: Vec<String> = cx.world.regions.keys().cloned().collect();
    for region in regions {
        let mut there = Cx::new(cx.world, cx.options, &SERVICE, region);
        look_soon(&mut there);
    }
}

/// Once its records are seen, a certificate is issued.
fn look_soon(cx: &mut Cx<'_>) {
    if cx.acm().certificates.values().any(Certificate::waits_for_records) {
        cx.after(timings::CERTIFICATE_ISSUE, Value::Null);
    }
}

fn on_event(cx: &mut Cx<'_>, _body: Value) {
    let now = cx.now();
    let proven: Vec<String> = {
        let zones = &cx.world.global.route53.zones;
        let Some(region) = cx.world.regions.get(&cx.region) else { return };
        let has_record = |name: &str, value: &str| {
            let public = zones.values().filter(|zone| !zone.private);
            public.flat_map(|zone| zone.records.values()).any(|set| {
                let values = set.values.iter().map(|v| v.trim_end_matches('.').to_ascii_lowercase());
                set.kind == "CNAME" && set.name == name && values.into_iter().any(|v| v == value.trim_end_matches('.'))
            })
        };
        let waiting = region.acm.certificates.values().filter(|c| c.waits_for_records());
        waiting.filter(|c| c.records().iter().all(|r| has_record(&r.name, &r.value))).map(|c| c.arn.clone()).collect()
    };
    for arn in proven {
        if let Some(certificate) = cx.acm().certificates.get_mut(&arn) {
            certificate.issued = Some(now);
        }
    }
}

//! A certificate, and what AWS tells of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Time;
use crate::tags::Tags;

/// A certificate that was requested.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Certificate {
    pub(crate) arn: String,
    /// The first name, in lower case.
    pub(super) domain: String,
    /// All names, the first among them.
    pub(super) names: Vec<String>,
    /// `DNS`, `EMAIL` or `HTTP`.
    pub(super) method: String,
    /// Where a name is validated, for those that are not validated as themselves.
    pub(super) validation_domains: Vec<(String, String)>,
    pub(super) key_algorithm: String,
    pub(super) logging: String,
    pub(super) export: String,
    pub(super) token: Option<String>,
    pub(super) account: String,
    pub(super) serial: String,
    pub(super) created: Time,
    pub(super) issued: Option<Time>,
    pub(super) tags: Tags,
}

/// A record that proves that a domain is the account's.
pub(super) struct Record {
    pub(super) name: String,
    pub(super) value: String,
}

/// ACM's certificates are valid for 13 months.
const VALID: Duration = Duration::from_secs(395 * 24 * 3600);
/// Until a fresh certificate says what its records are.
const RECORDS_KNOWN: Duration = Duration::from_secs(4);

impl Certificate {
    pub(super) fn is_issued(&self) -> bool {
        self.issued.is_some()
    }

    pub(super) fn waits_for_records(&self) -> bool {
        self.issued.is_none() && self.method == "DNS"
    }

    pub(super) fn status(&self) -> &'static str {
        if self.is_issued() { "ISSUED" } else { "PENDING_VALIDATION" }
    }

    fn record(&self, name: &str) -> Record {
        // A domain and its wildcard have the same, and so has the same domain in another request of the account.
        let base = name.strip_prefix("*.").unwrap_or(name);
        let token = |salt: &str| hexadecimal(&format!("{}{salt}{base}", self.account));
        let value = format!("_{}.{}.acm-validations.aws.", token("value"), &token("zone")[..10]);
        Record { name: format!("_{}.{base}.", token("name")), value }
    }

    pub(super) fn records(&self) -> Vec<Record> {
        self.names.iter().map(|name| self.record(name)).collect()
    }

    fn validation(&self, name: &str, known: bool) -> Value {
        let validated_as = self.validation_domains.iter().find(|(of, _)| of == name).map(|(_, domain)| domain.as_str());
        let mut option = json!({
            "DomainName": name,
            "ValidationDomain": validated_as.unwrap_or(name),
            "ValidationStatus": if self.is_issued() { "SUCCESS" } else { "PENDING_VALIDATION" },
            "ValidationMethod": self.method,
        });
        if self.method == "DNS" && known {
            let record = self.record(name);
            option["ResourceRecord"] = json!({"Name": record.name, "Type": "CNAME", "Value": record.value});
        }
        if self.method == "EMAIL" {
            let domain = validated_as.unwrap_or(name).trim_start_matches("*.");
            let boxes = ["admin", "administrator", "hostmaster", "postmaster", "webmaster"];
            option["ValidationEmails"] = boxes.iter().map(|to| json!(format!("{to}@{domain}"))).collect();
        }
        option
    }

    /// As DescribeCertificate tells it; `now` is absent where nothing takes time.
    pub(super) fn detail(&self, now: Option<Time>, users: &[String]) -> Value {
        let known = now.is_none_or(|now| now.since(self.created) >= RECORDS_KNOWN);
        let mut detail = json!({
            "CertificateArn": self.arn,
            "DomainName": self.domain,
            "SubjectAlternativeNames": self.names,
            "DomainValidationOptions": self.names.iter().map(|name| self.validation(name, known)).collect::<Value>(),
            "Subject": format!("CN={}", self.domain),
            "Issuer": "Amazon",
            "CreatedAt": self.created.epoch_seconds(),
            "Status": self.status(),
            "KeyAlgorithm": self.key_algorithm.replacen('_', "-", 1),
            "SignatureAlgorithm": "SHA256WITHRSA",
            "InUseBy": users,
            "Type": "AMAZON_ISSUED",
            "RenewalEligibility": if users.is_empty() || !self.is_issued() { "INELIGIBLE" } else { "ELIGIBLE" },
            "KeyUsages": [],
            "ExtendedKeyUsages": [],
            "Options": {"CertificateTransparencyLoggingPreference": self.logging, "Export": self.export},
        });
        if let Some(issued) = self.issued {
            detail["Serial"] = json!(self.serial);
            detail["IssuedAt"] = json!(issued.epoch_seconds());
            detail["NotBefore"] = json!(issued.epoch_seconds());
            detail["NotAfter"] = json!((issued + VALID).epoch_seconds());
            detail["KeyUsages"] = json!([{"Name": "DIGITAL_SIGNATURE"}, {"Name": "KEY_ENCIPHERMENT"}]);
            detail["ExtendedKeyUsages"] = json!([
                {"Name": "TLS_WEB_SERVER_AUTHENTICATION", "OID": "1.3.6.1.5.5.7.3.1"},
                {"Name": "TLS_WEB_CLIENT_AUTHENTICATION", "OID": "1.3.6.1.5.5.7.3.2"},
            ]);
        }
        detail
    }

    /// As ListCertificates tells it.
    pub(super) fn summary(&self, users: &[String]) -> Value {
        let mut summary = json!({
            "CertificateArn": self.arn,
            "DomainName": self.domain,
            "SubjectAlternativeNameSummaries": self.names,
            "HasAdditionalSubjectAlternativeNames": false,
            "Status": self.status(),
            "Type": "AMAZON_ISSUED",
            "KeyAlgorithm": self.key_algorithm.replacen('_', "-", 1),
            "InUse": !users.is_empty(),
            "RenewalEligibility": if users.is_empty() || !self.is_issued() { "INELIGIBLE" } else { "ELIGIBLE" },
            "CreatedAt": self.created.epoch_seconds(),
        });
        if let Some(issued) = self.issued {
            summary["IssuedAt"] = json!(issued.epoch_seconds());
            summary["NotBefore"] = json!(issued.epoch_seconds());
            summary["NotAfter"] = json!((issued + VALID).epoch_seconds());
        }
        summary
    }
}

/// 32 hexadecimal digits that are always the same for a text (FNV-1a, twice).
fn hexadecimal(text: &str) -> String {
    let hash = |start: u64| text.bytes().fold(start, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    format!("{:016x}{:016x}", hash(0xcbf2_9ce4_8422_2325), hash(0x8422_2325_cbf2_9ce4))
}

//! Certificates come and go.

use serde::Deserialize;
use serde_json::{Value, json};

use super::certificate::Certificate;
use super::{find, look_soon, tagging, users};
use crate::error::{Result, fail};
use crate::services::members::named;
use crate::tags::{Tag, Tags};
use crate::world::Cx;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ValidationOption {
    domain_name: String,
    validation_domain: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Options {
    certificate_transparency_logging_preference: Option<String>,
    export: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Request {
    domain_name: String,
    validation_method: Option<String>,
    #[serde(default)]
    subject_alternative_names: Vec<String>,
    idempotency_token: Option<String>,
    #[serde(default)]
    domain_validation_options: Vec<ValidationOption>,
    options: Option<Options>,
    certificate_authority_arn: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    key_algorithm: Option<String>,
    managed_by: Option<String>,
}

const ALGORITHMS: &[&str] =
    &["RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"];

fn invalid<T>(value: &str, member: &str, constraint: &str) -> Result<T> {
    fail!(
        "ValidationException",
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
    )
}

fn one_of(value: &str, member: &str, values: &[&str]) -> Result<()> {
    if values.contains(&value) {
        return Ok(());
    }
    invalid(value, member, &format!("Member must satisfy enum value set: [{}]", values.join(", ")))
}

/// Whether this is a name of at least two labels, the first of which may be an asterisk.
fn is_domain(name: &str) -> bool {
    let rest = name.strip_prefix("*.").unwrap_or(name);
    let labels: Vec<&str> = rest.split('.').collect();
    let label = |label: &&str| named(label, 1, 63, "-") && !label.starts_with('-') && !label.ends_with('-');
    name.len() <= 253 && labels.len() >= 2 && labels.iter().all(label) && labels.last().is_some_and(|l| l.len() >= 2)
}

fn check_options(options: &Options) -> Result<()> {
    if let Some(logging) = &options.certificate_transparency_logging_preference {
        one_of(logging, "options.certificateTransparencyLoggingPreference", &["ENABLED", "DISABLED"])?;
    }
    if let Some(export) = &options.export {
        one_of(export, "options.export", &["ENABLED", "DISABLED"])?;
    }
    Ok(())
}

pub(super) fn request(cx: &mut Cx<'_>, input: Request) -> Result {
    const PATTERN: &str = "Member must satisfy regular expression pattern: \
         (\\*\\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])";
    if !is_domain(&input.domain_name) {
        return invalid(&input.domain_name, "domainName", PATTERN);
    }
    if let Some(name) = input.subject_alternative_names.iter().find(|name| !is_domain(name)) {
        return invalid(name, "subjectAlternativeNames", PATTERN);
    }
    let method = input.validation_method.unwrap_or_else(|| "EMAIL".to_owned());
    one_of(&method, "validationMethod", &["EMAIL", "DNS", "HTTP"])?;
    let key_algorithm = input.key_algorithm.unwrap_or_else(|| "RSA_2048".to_owned());
    one_of(&key_algorithm, "keyAlgorithm", ALGORITHMS)?;
    if let Some(token) = input.idempotency_token.as_ref().filter(|token| !named(token, 1, 32, "_")) {
        return invalid(token, "idempotencyToken", "Member must satisfy regular expression pattern: \\w+");
    }
    let options = input.options.unwrap_or_default();
    check_options(&options)?;
    if input.domain_name.len() > 64 {
        return fail!("InvalidParameterException", "The first domain name can be no longer than 64 characters");
    }
    if method == "HTTP" || input.managed_by.is_some() {
        return fail!("InvalidParameterException", "HTTP validation is for certificates that CloudFront manages");
    }
    if input.certificate_authority_arn.is_some() {
        return fail!("InvalidArnException", "The local cloud does not have private certificate authorities");
    }
    let tags = tagging::checked(input.tags, &Tags::new())?;
    let lower = |name: &str| name.to_ascii_lowercase();
    let mut names = vec![lower(&input.domain_name)];
    for name in input.subject_alternative_names.iter().map(|name| lower(name)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.len() > 10 {
        let count = names.len();
        return fail!(
            "LimitExceededException",
            "Your request has exceeded the number of domain names per certificate (10): {count}"
        );
    }
    let mut validation_domains = Vec::new();
    for option in input.domain_validation_options {
        let (name, domain) = (lower(&option.domain_name), lower(&option.validation_domain));
        let above = name == domain || name.ends_with(&format!(".{domain}"));
        if !names.contains(&name) || !above {
            return fail!(
                "InvalidDomainValidationOptionsException",
                "The validation domain {domain} is not the domain {name} of the request or a superdomain of it"
            );
        }
        validation_domains.push((name, domain));
    }
    let now = cx.now();
    let mut certificate = Certificate {
        arn: String::new(),
        domain: lower(&input.domain_name),
        names,
        method,
        validation_domains,
        key_algorithm,
        logging: options.certificate_transparency_logging_preference.unwrap_or_else(|| "ENABLED".to_owned()),
        export: options.export.unwrap_or_else(|| "DISABLED".to_owned()),
        token: input.idempotency_token,
        account: cx.account().to_owned(),
        serial: String::new(),
        created: now,
        issued: None,
        tags,
    };
    if let Some(before) = repeated(cx, &certificate) {
        return Ok(json!({"CertificateArn": before}));
    }
    let id = cx.uuid();
    certificate.arn = cx.arn("acm", &format!("certificate/{id}"));
    certificate.serial = (0..16).map(|_| cx.hex(2)).collect::<Vec<_>>().join(":");
    let arn = certificate.arn.clone();
    cx.acm().certificates.insert(arn.clone(), certificate);
    // Its records may be there from an earlier certificate.
    look_soon(cx);
    Ok(json!({"CertificateArn": arn}))
}

/// What the same request with the same token made within the last hour.
fn repeated(cx: &mut Cx<'_>, wanted: &Certificate) -> Option<String> {
    let token = wanted.token.as_ref()?;
    let now = wanted.created;
    let same = |c: &&Certificate| {
        c.token.as_ref() == Some(token)
            && now.since(c.created).as_secs() < 3600
            && (&c.names, &c.method, &c.key_algorithm) == (&wanted.names, &wanted.method, &wanted.key_algorithm)
    };
    cx.acm().certificates.values().find(same).map(|c| c.arn.clone())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ByArn {
    pub(super) certificate_arn: String,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: ByArn) -> Result {
    let arn = input.certificate_arn;
    find(cx, &arn)?;
    if !users(cx, &arn).is_empty() {
        let account = cx.account();
        return fail!("ResourceInUseException", "Certificate {arn} in account {account} is in use.");
    }
    let state = cx.acm();
    state.certificates.remove(&arn);
    state.deleted.insert(arn);
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UpdateOptions {
    certificate_arn: String,
    options: Options,
}

pub(super) fn update_options(cx: &mut Cx<'_>, input: UpdateOptions) -> Result {
    check_options(&input.options)?;
    let certificate = find(cx, &input.certificate_arn)?;
    if !certificate.is_issued() {
        return fail!("InvalidStateException", "The certificate {} is not issued yet", input.certificate_arn);
    }
    if let Some(logging) = input.options.certificate_transparency_logging_preference {
        certificate.logging = logging;
    }
    if let Some(export) = input.options.export {
        certificate.export = export;
    }
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Resend {
    certificate_arn: String,
    domain: String,
    #[serde(rename = "ValidationDomain")]
    _validation_domain: String,
}

pub(super) fn resend(cx: &mut Cx<'_>, input: Resend) -> Result {
    let certificate = find(cx, &input.certificate_arn)?;
    if certificate.method != "EMAIL" || certificate.is_issued() {
        return fail!("InvalidStateException", "The certificate {} waits for no email", input.certificate_arn);
    }
    if !certificate.names.contains(&input.domain.to_ascii_lowercase()) {
        return fail!("InvalidDomainValidationOptionsException", "{} is not of the certificate", input.domain);
    }
    Ok(Value::Null)
}

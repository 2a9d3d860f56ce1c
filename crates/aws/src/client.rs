//! The service clients, from one configuration, and the count of their calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aomidori_engine::cloud::{CloudError, ErrorKind};
use aomidori_model::KindName;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use tokio::sync::OnceCell;

use crate::{call, http};

/// Which account, region and endpoint. The default is the SDK's own chain throughout.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The region; else `AWS_REGION` or the profile's.
    pub region: Option<String>,
    /// The profile; else `AWS_PROFILE` or `default`.
    pub profile: Option<String>,
    /// The endpoint of every service; else `AWS_ENDPOINT_URL` or AWS's own.
    pub endpoint: Option<String>,
    /// Signs with made-up keys and reads neither environment nor profiles: for the local cloud.
    pub test_credentials: bool,
    /// How long one request may take.
    pub timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            region: None,
            profile: None,
            endpoint: None,
            test_credentials: false,
            timeout: Duration::from_secs(60),
        }
    }
}

impl Settings {
    /// For a local cloud at `endpoint`, such as `http://127.0.0.1:4566`.
    pub fn local(endpoint: impl Into<String>, region: impl Into<String>) -> Settings {
        Settings {
            region: Some(region.into()),
            endpoint: Some(endpoint.into()),
            test_credentials: true,
            ..Settings::default()
        }
    }
}

/// What every kind is given: the clients, the region, who calls.
#[derive(Debug)]
pub(crate) struct Cx {
    pub(crate) region: String,
    pub(crate) ec2: aws_sdk_ec2::Client,
    pub(crate) elb: aws_sdk_elasticloadbalancingv2::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) ecs: aws_sdk_ecs::Client,
    pub(crate) ecr: aws_sdk_ecr::Client,
    pub(crate) logs: aws_sdk_cloudwatchlogs::Client,
    pub(crate) servicediscovery: aws_sdk_servicediscovery::Client,
    pub(crate) codedeploy: aws_sdk_codedeploy::Client,
    pub(crate) route53: aws_sdk_route53::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) sts: aws_sdk_sts::Client,
    pub(crate) ssm: aws_sdk_ssm::Client,
    pub(crate) tagging: aws_sdk_resourcegroupstagging::Client,
    identity: OnceCell<Identity>,
    calls: Calls,
    notes: Mutex<BTreeMap<String, String>>,
    /// What this run has begun to delete.
    leaving: Mutex<BTreeSet<(KindName, String)>>,
}

/// Who calls.
#[derive(Debug)]
pub(crate) struct Identity {
    /// The account, twelve digits.
    pub(crate) account: String,
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub(crate) partition: String,
    /// The caller's ARN.
    pub(crate) arn: String,
}

impl Cx {
    pub(crate) async fn connect(settings: Settings) -> Result<Cx, CloudError> {
        let config = load(&settings).await;
        let Some(region) = config.region().map(|region| region.as_ref().to_owned()) else {
            return Err(CloudError {
                kind: ErrorKind::Refused,
                operation: "aws:Configuration".into(),
                code: None,
                message: "no region is set: pass --region, or set AWS_REGION or a profile that has one".into(),
            });
        };
        let calls = Calls::default();
        // A service's requests are limited by themselves: none waits for another service's.
        let limited = |config: &SdkConfig| config.http_client().as_ref().map(http::limited);
        macro_rules! client {
            ($krate:ident, $prefix:literal $(, $method:ident $value:expr)?) => {{
                let counter = Counter { prefix: $prefix, calls: calls.clone() };
                let mut builder = $krate::config::Builder::from(&config).interceptor(counter);
                builder.set_http_client(limited(&config));
                $krate::Client::from_conf(builder$(.$method($value))?.build())
            }};
        }
        // Behind an endpoint of somebody's own there is no DNS with a name for each bucket.
        let own_endpoint = config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
        Ok(Cx {
            region,
            ec2: client!(aws_sdk_ec2, "ec2"),
            elb: client!(aws_sdk_elasticloadbalancingv2, "elasticloadbalancing"),
            iam: client!(aws_sdk_iam, "iam"),
            ecs: client!(aws_sdk_ecs, "ecs"),
            ecr: client!(aws_sdk_ecr, "ecr"),
            logs: client!(aws_sdk_cloudwatchlogs, "logs"),
            servicediscovery: client!(aws_sdk_servicediscovery, "servicediscovery"),
            codedeploy: client!(aws_sdk_codedeploy, "codedeploy"),
            route53: client!(aws_sdk_route53, "route53"),
            s3: client!(aws_sdk_s3, "s3", force_path_style own_endpoint),
            sts: client!(aws_sdk_sts, "sts"),
            ssm: client!(aws_sdk_ssm, "ssm"),
            tagging: client!(aws_sdk_resourcegroupstagging, "tag"),
            identity: OnceCell::new(),
            calls,
            notes: Mutex::default(),
            leaving: Mutex::default(),
        })
    }

    /// Who calls; one call, the first time.
    pub(crate) async fn identity(&self) -> Result<&Identity, CloudError> {
        self.identity
            .get_or_try_init(|| async {
                let answer = call::read("sts:GetCallerIdentity", || self.sts.get_caller_identity().send()).await?;
                let arn = answer.arn.unwrap_or_default();
                let partition = arn.split(':').nth(1).filter(|part| !part.is_empty()).unwrap_or("aws").to_owned();
                Ok(Identity { account: answer.account.unwrap_or_default(), partition, arn })
            })
            .await
    }

    /// The ARN of a regional resource of this account: `arn:PARTITION:SERVICE:REGION:ACCOUNT:REST`.
    pub(crate) async fn arn(&self, service: &str, rest: &str) -> Result<String, CloudError> {
        let Identity { account, partition, .. } = self.identity().await?;
        Ok(format!("arn:{partition}:{service}:{}:{account}:{rest}", self.region))
    }

    /// Remembers that a resource is being deleted.
    pub(crate) fn leaves(&self, kind: KindName, id: &str) {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner).insert((kind, id.to_owned()));
    }

    /// True if this run has begun to delete it.
    pub(crate) fn is_leaving(&self, kind: KindName, id: &str) -> bool {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner).contains(&(kind, id.to_owned()))
    }

    /// Keeps what a call answered and a later `progress` of the same thing can use (an operation, a deployment). Lost
    /// with the process; it only makes an answer more exact.
    pub(crate) fn note(&self, of: &str, value: impl Into<String>) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).insert(of.to_owned(), value.into());
    }

    /// What was kept.
    pub(crate) fn noted(&self, of: &str) -> Option<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).get(of).cloned()
    }

    pub(crate) fn calls(&self) -> BTreeMap<String, u64> {
        self.calls.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn load(settings: &Settings) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        // A repeated create without a token makes a second resource (aws-facts 1.4): `call` decides what is repeated.
        .retry_config(RetryConfig::disabled())
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(5))
                .read_timeout(settings.timeout)
                .operation_timeout(settings.timeout)
                .build(),
        );
    loader = if settings.test_credentials {
        loader.http_client(http::plain()).credentials_provider(Credentials::new(
            "AKIALOCAL",
            "local",
            None,
            None,
            "local cloud",
        ))
    } else {
        loader.http_client(http::client())
    };
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &settings.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(endpoint) = &settings.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    loader.load().await
}

/// Requests sent, by operation.
#[derive(Clone, Debug, Default)]
struct Calls(Arc<Mutex<BTreeMap<String, u64>>>);

/// Counts every request of one client.
#[derive(Debug)]
struct Counter {
    prefix: &'static str,
    calls: Calls,
}

impl Intercept for Counter {
    fn name(&self) -> &'static str {
        "aomidori-count"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = bag.load::<Metadata>().map_or("?", Metadata::name);
        let mut calls = self.calls.0.lock().unwrap_or_else(PoisonError::into_inner);
        *calls.entry(format!("{}:{operation}", self.prefix)).or_default() += 1;
        Ok(())
    }
}

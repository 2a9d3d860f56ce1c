//! Listeners (aws-facts 2.21).

use aomidori_engine::cloud::{CloudError, Made, Progress, Want};
use aomidori_model::kinds::Listener;
use aomidori_model::kinds::listener::ListenerProtocol;
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_elasticloadbalancingv2::types::{self as aws, Certificate, ProtocolEnum};

use crate::call;
use crate::client::Cx;
use crate::live::Live;
use crate::services::{changes_any, elb, is_it, made};

impl Live for Listener {
    const WRITES: &'static [&'static str] = &[
        "elasticloadbalancing:CreateListener",
        "elasticloadbalancing:DeleteListener",
        "elasticloadbalancing:ModifyListener",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let live = elb::live_side(cx, &want.default_action, w.known).await.map_err(call::fresh)?;
        let (protocol, certificates, policy) = protocol(&want.protocol);
        let request = cx
            .elb
            .create_listener()
            .load_balancer_arn(w.known.id(&want.load_balancer)?)
            .port(i32::from(want.port.number()))
            .protocol(protocol)
            .set_certificates(certificates)
            .set_ssl_policy(policy)
            .default_actions(elb::action_to_aws(&want.default_action, w.known, live)?)
            .set_tags(elb::tag_list(w.tags));
        const CREATE: &str = "elasticloadbalancing:CreateListener";
        let answer = call::once(CREATE, request.send()).await.map_err(fresh)?;
        let arn = answer.listeners.unwrap_or_default().pop().and_then(|listener| listener.listener_arn);
        Ok(made(arn.ok_or_else(|| call::missing(CREATE, "listener"))?, []))
    }

    async fn find(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let port = Some(i32::from(want.port.number()));
        let listeners = of_load_balancer(cx, &w.known.id(&want.load_balancer)?).await?;
        let found = listeners.into_iter().find(|listener| listener.port == port).and_then(|found| found.listener_arn);
        let Some(arn) = found else { return Ok(None) };
        let ours = is_it(w, &elb::tags_of_one(cx, &arn).await?);
        Ok(ours.then(|| made(arn, [])))
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        elb::retag(cx, w, have, changes).await?;
        let port = changes_any(changes, &["port"]).then(|| i32::from(want.port.number()));
        // From HTTP to HTTPS the certificate is part of the same call.
        let secured = changes_any(changes, &["protocol", "certificate_arn", "ssl_policy"]);
        // An action that CodeDeploy has moved is not ours to send.
        let acts = changes_any(changes, elb::ACTION);
        if port.is_none() && !secured && !acts {
            return Ok(made(&have.id, []));
        }
        let mut request = cx.elb.modify_listener().listener_arn(&have.id).set_port(port);
        if secured {
            let (protocol, certificates, policy) = protocol(&want.protocol);
            request = request.protocol(protocol).set_certificates(certificates).set_ssl_policy(policy);
        }
        if acts {
            let live = elb::live_side(cx, &want.default_action, w.known).await?;
            request = request.default_actions(elb::action_to_aws(&want.default_action, w.known, live)?);
        }
        call::idempotent("elasticloadbalancing:ModifyListener", || request.clone().send()).await?;
        Ok(made(&have.id, []))
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        let answer = call::idempotent("elasticloadbalancing:DeleteListener", || {
            cx.elb.delete_listener().listener_arn(&have.id).send()
        })
        .await;
        call::gone_is_fine(answer)
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        let answer = call::read("elasticloadbalancing:DescribeListeners", || {
            cx.elb.describe_listeners().listener_arns(id).send()
        })
        .await;
        let found = call::if_there(answer)?.is_some_and(|answer| !answer.listeners().is_empty());
        Ok(if found { Progress::Ready } else { Progress::Gone })
    }
}

/// A target group or load balancer that is not found was made a moment ago; a certificate was not.
fn fresh(error: CloudError) -> CloudError {
    if error.code.as_deref() == Some("CertificateNotFound") { error } else { call::fresh(error) }
}

fn protocol(protocol: &ListenerProtocol) -> (ProtocolEnum, Option<Vec<Certificate>>, Option<String>) {
    match protocol {
        ListenerProtocol::Http => (ProtocolEnum::Http, None, None),
        ListenerProtocol::Https { certificate, ssl_policy } => {
            let certificate = Certificate::builder().certificate_arn(certificate).build();
            (ProtocolEnum::Https, Some(vec![certificate]), ssl_policy.clone())
        }
    }
}

/// The listeners of a load balancer; none if that is gone.
pub(crate) async fn of_load_balancer(cx: &Cx, arn: &str) -> Result<Vec<aws::Listener>, CloudError> {
    let mut listeners = Vec::new();
    let mut marker = None;
    loop {
        let answer = call::read("elasticloadbalancing:DescribeListeners", || {
            cx.elb.describe_listeners().load_balancer_arn(arn).page_size(400).set_marker(marker.clone()).send()
        })
        .await;
        let Some(page) = call::if_there(answer)? else { return Ok(Vec::new()) };
        listeners.extend(page.listeners.unwrap_or_default());
        marker = page.next_marker.filter(|marker| !marker.is_empty());
        if marker.is_none() {
            return Ok(listeners);
        }
    }
}

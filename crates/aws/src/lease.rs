//! A stack's lease: the SSM parameter `/aomidori/STACK/lease`.
//!
//! It is created with overwrite off, so that one of several wins. SSM cannot write on a condition, but counts versions:
//! who takes an expired lease over (or renews its own) reads version n, overwrites, and has it only if AWS says n + 1.
//! Whoever gets a later number was second, puts the winner's text back and says so.

use std::time::{SystemTime, UNIX_EPOCH};

use aomidori_engine::cloud::{CloudError, ErrorKind, Lease, LeaseRequest};
use aomidori_model::StackName;
use aws_sdk_ssm::types::ParameterType;
use serde_json::{Value, json};

use crate::call;
use crate::client::Cx;

const PUT: &str = "ssm:PutParameter";
const GET: &str = "ssm:GetParameter";

/// What the parameter holds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Text {
    holder: String,
    host: String,
    purpose: String,
    /// Seconds since 1970.
    expires: i64,
}

impl Text {
    fn of(request: &LeaseRequest, now: i64) -> Text {
        let seconds = i64::try_from(request.seconds).unwrap_or(i64::MAX);
        Text {
            holder: request.holder.clone(),
            host: request.host.clone(),
            purpose: request.purpose.clone(),
            expires: now.saturating_add(seconds),
        }
    }

    /// What cannot be read is nobody's, and expired.
    fn read(text: &str) -> Text {
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        let get = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or("unknown").to_owned();
        Text {
            holder: get("holder"),
            host: get("host"),
            purpose: get("purpose"),
            expires: value.get("expires").and_then(Value::as_i64).unwrap_or_default(),
        }
    }

    fn write(&self) -> String {
        let Text { holder, host, purpose, expires } = self;
        json!({ "holder": holder, "host": host, "purpose": purpose, "expires": expires }).to_string()
    }
}

/// Takes the lease, or renews it.
pub(crate) async fn take(cx: &Cx, request: &LeaseRequest) -> Result<(), CloudError> {
    let name = name(&request.stack);
    let ours = Text::of(request, now());
    let Some((live, version)) = get(cx, &name).await? else {
        let answer = call::once(PUT, put(cx, &name, &ours, false)).await;
        return match answer {
            Ok(_) => Ok(()),
            // Unanswered, it may be ours; taken, it may be ours by an unanswered call.
            Err(error) if matches!(error.kind, ErrorKind::Unknown | ErrorKind::AlreadyExists) => {
                match get(cx, &name).await? {
                    Some((live, _)) if live.holder == ours.holder => Ok(()),
                    Some((live, _)) => Err(held(&live)),
                    None => Err(error),
                }
            }
            Err(error) => Err(error),
        };
    };
    if live.holder != ours.holder && live.expires > now() && !request.break_lock {
        return Err(held(&live));
    }
    let made = call::once(PUT, put(cx, &name, &ours, true)).await?.version;
    // 1: it was given back meanwhile, and is ours.
    if made == version + 1 || made == 1 {
        return Ok(());
    }
    // Somebody was first, with the version in between.
    let first = format!("{name}:{}", version + 1);
    let Some((winner, _)) = get(cx, &first).await? else { return Ok(()) };
    if winner.holder == ours.holder {
        return Ok(());
    }
    call::once(PUT, put(cx, &name, &winner, true)).await?;
    Err(held(&winner))
}

/// The lease, if anybody has it.
pub(crate) async fn read(cx: &Cx, stack: &StackName) -> Result<Option<Lease>, CloudError> {
    let found = get(cx, &name(stack)).await?;
    Ok(found.map(|(Text { holder, host, purpose, expires }, _)| Lease {
        holder,
        host,
        purpose,
        expires_in: expires.saturating_sub(now()),
    }))
}

/// Gives it back, if `holder` has it.
pub(crate) async fn release(cx: &Cx, stack: &StackName, holder: &str) -> Result<(), CloudError> {
    let name = name(stack);
    match get(cx, &name).await? {
        Some((live, _)) if live.holder == holder => call::gone_is_fine(
            call::idempotent("ssm:DeleteParameter", || cx.ssm.delete_parameter().name(&name).send()).await,
        ),
        Some(_) | None => Ok(()),
    }
}

pub(crate) fn name(stack: &StackName) -> String {
    format!("/aomidori/{stack}/lease")
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn put(
    cx: &Cx,
    name: &str,
    text: &Text,
    overwrite: bool,
) -> impl Future<
    Output = Result<
        aws_sdk_ssm::operation::put_parameter::PutParameterOutput,
        aws_sdk_ssm::error::SdkError<aws_sdk_ssm::operation::put_parameter::PutParameterError>,
    >,
> + use<> {
    cx.ssm
        .put_parameter()
        .name(name)
        .value(text.write())
        .r#type(ParameterType::String)
        .overwrite(overwrite)
        .description("Aomidori: who changes this stack at the moment")
        .send()
}

async fn get(cx: &Cx, name: &str) -> Result<Option<(Text, i64)>, CloudError> {
    let answer = call::read(GET, || cx.ssm.get_parameter().name(name).send()).await;
    Ok(call::if_there(answer)?
        .and_then(|answer| answer.parameter)
        .map(|parameter| (Text::read(parameter.value().unwrap_or_default()), parameter.version())))
}

fn held(live: &Text) -> CloudError {
    let left = live.expires.saturating_sub(now());
    CloudError {
        kind: ErrorKind::AlreadyExists,
        operation: PUT.into(),
        code: None,
        message: format!("{} holds the lease for `{}`, for {left} s more", live.host, live.purpose),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_reads_back_and_what_is_unreadable_has_expired() {
        let text = Text { holder: "r".into(), host: "h \"x\"".into(), purpose: "up".into(), expires: 7 };
        assert_eq!(Text::read(&text.write()), text);
        assert_eq!(Text::read("gibberish").expires, 0);
    }
}

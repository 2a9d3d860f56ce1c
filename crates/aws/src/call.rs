//! The only way to AWS: every request goes through one of four functions, which say how often it may be sent.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use aomidori_engine::cloud::{CloudError, ErrorKind};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::error;

/// Pauses between the tries of one request, in milliseconds: 6 tries in about 6 seconds.
const PAUSES: [u64; 5] = [150, 400, 900, 1_700, 3_000];

/// Sends a read, again if it was throttled or not answered.
pub(crate) async fn read<T, E, F>(operation: &'static str, send: impl Fn() -> F) -> Result<T, CloudError>
where
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    repeat(operation, send, &[ErrorKind::Throttled, ErrorKind::Unknown]).await
}

/// Sends a write that may be sent twice without harm (it sets something, or removes something by its id). Again if it
/// was throttled, not answered, or if AWS does not yet see what was just made.
pub(crate) async fn idempotent<T, E, F>(operation: &'static str, send: impl Fn() -> F) -> Result<T, CloudError>
where
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    repeat(operation, send, &[ErrorKind::Throttled, ErrorKind::Unknown, ErrorKind::NotYet]).await
}

/// Sends what completes a resource whose create call has been answered: as [`idempotent`], and AWS may not yet find what
/// was just made. What fails in the end goes through [`half_made`].
pub(crate) async fn complete<T, E, F>(operation: &'static str, send: impl Fn() -> F) -> Result<T, CloudError>
where
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    const KINDS: [ErrorKind; 4] = [ErrorKind::Throttled, ErrorKind::Unknown, ErrorKind::NotYet, ErrorKind::NotFound];
    repeat(operation, send, &KINDS).await.map_err(half_made)
}

/// Sends a write exactly once. The engine decides what comes after an error.
pub(crate) async fn once<T, E>(
    operation: &'static str,
    answer: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, CloudError>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    answer.await.map_err(|error| error::cloud_error(operation, &error))
}

async fn repeat<T, E, F>(operation: &'static str, send: impl Fn() -> F, kinds: &[ErrorKind]) -> Result<T, CloudError>
where
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let mut pauses = PAUSES.iter();
    loop {
        let error = match once(operation, send()).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let Some(pause) = pauses.next().filter(|_| kinds.contains(&error.kind)) else { return Err(error) };
        tracing::debug!(operation, code = error.code, pause, "again");
        tokio::time::sleep(Duration::from_millis(*pause)).await;
    }
}

/// What an error means in a call that uses something that was made a moment ago: not found is not *there yet*
/// (aws-facts 1.4, EC lines).
pub(crate) fn fresh(error: CloudError) -> CloudError {
    match error.kind {
        ErrorKind::NotFound => CloudError { kind: ErrorKind::NotYet, ..error },
        _ => error,
    }
}

/// What an error means after the create call itself has been answered: the resource is there, half made. An error that
/// the engine would answer by another create becomes one that it answers by `find`, which completes the resource.
pub(crate) fn half_made(error: CloudError) -> CloudError {
    match error.kind {
        ErrorKind::Throttled | ErrorKind::NotYet | ErrorKind::InUse | ErrorKind::NotFound => {
            CloudError { kind: ErrorKind::Unknown, ..error }
        }
        // The engine would take it for the resource itself.
        ErrorKind::AlreadyExists => CloudError { kind: ErrorKind::Refused, ..error },
        _ => error,
    }
}

/// A deletion of something that is gone is a success.
pub(crate) fn gone_is_fine<T>(answer: Result<T, CloudError>) -> Result<(), CloudError> {
    match answer {
        Err(error) if error.kind != ErrorKind::NotFound => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// `None` if it is not there.
pub(crate) fn if_there<T>(answer: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// An answer lacks what AWS always sends.
pub(crate) fn missing(operation: &str, what: &str) -> CloudError {
    CloudError {
        kind: ErrorKind::Unknown,
        operation: operation.to_owned(),
        code: None,
        message: format!("the answer has no {what}"),
    }
}

/// What AWS describes cannot be read as the model has it.
pub(crate) fn unreadable(what: &str, id: &str, why: impl std::fmt::Display) -> CloudError {
    CloudError::bug(format!("the {what} of {id} is not what AWS says it can be: {why}"))
}

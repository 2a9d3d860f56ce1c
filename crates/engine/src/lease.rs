//! The lease: one run at a time per stack.

use std::time::Duration;

use aomidori_model::Stack;
use aomidori_plan::Mode;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::cloud::{Cloud, ErrorKind, LeaseRequest};
use crate::event::{Event, Events, millis};
use crate::options::Patience;
use crate::run::{RunError, RunOptions, persist};

/// The request of a run.
pub(crate) fn request(stack: &Stack, mode: Mode, options: &RunOptions) -> LeaseRequest {
    LeaseRequest {
        stack: stack.name().clone(),
        holder: options.apply.run.clone(),
        host: options.host.clone(),
        purpose: match mode {
            Mode::Converge => "up".to_owned(),
            Mode::Destroy => "down".to_owned(),
        },
        seconds: options.lease.as_secs().max(1),
        break_lock: options.break_lock,
    }
}

/// Takes the lease.
pub(crate) async fn take<C: Cloud>(
    cloud: &C,
    request: &LeaseRequest,
    patience: &Patience,
    events: &Events,
) -> Result<(), RunError> {
    let failed = |error| RunError::Cloud { doing: "take the stack's lease", error };
    match persist(patience, events, || cloud.take_lease(request)).await {
        Ok(()) => Ok(()),
        Err(error) if error.kind == ErrorKind::AlreadyExists => {
            match persist(patience, events, || cloud.lease(&request.stack)).await.map_err(failed)? {
                Some(lease) => Err(RunError::Locked(lease)),
                // Given back in between: once more, and then it is what it is.
                None => persist(patience, events, || cloud.take_lease(request)).await.map_err(failed),
            }
        }
        Err(error) => Err(failed(error)),
    }
}

/// Renews the lease until the run is `over`. Cancels `lost` when it is somebody else's, or has expired.
pub(crate) async fn keep<C: Cloud>(
    cloud: &C,
    request: &LeaseRequest,
    events: &Events,
    over: &CancellationToken,
    lost: &CancellationToken,
) {
    let whole = Duration::from_secs(request.seconds);
    // A renewal never breaks a lock: somebody who broke ours has it.
    let renewal = LeaseRequest { break_lock: false, ..request.clone() };
    let mut expires = Instant::now() + whole;
    let mut pause = whole / 3;
    loop {
        tokio::select! {
            () = over.cancelled() => return,
            () = sleep(pause) => {}
        }
        let asked = Instant::now();
        let left = expires.saturating_duration_since(asked);
        let answer = tokio::select! {
            () = over.cancelled() => return,
            answer = timeout(left, cloud.take_lease(&renewal)) => answer,
        };
        match answer {
            Ok(Ok(())) => {
                expires = asked + whole;
                pause = whole / 3;
            }
            Ok(Err(error)) => {
                let left = expires.saturating_duration_since(Instant::now());
                let taken = error.kind == ErrorKind::AlreadyExists;
                events.send(Event::LeaseTrouble { error, expires_in_ms: if taken { 0 } else { millis(left) } });
                if taken || left.is_zero() {
                    lost.cancel();
                    return;
                }
                pause = (whole / 20).min(left);
            }
            Err(_) => {
                lost.cancel();
                return;
            }
        }
    }
}

/// Gives the lease back. If that fails it expires by itself.
pub(crate) async fn release<C: Cloud>(cloud: &C, request: &LeaseRequest, patience: &Patience, events: &Events) {
    let released = persist(patience, events, || cloud.release_lease(&request.stack, &request.holder)).await;
    if let Err(error) = released {
        events.send(Event::LeaseTrouble { error, expires_in_ms: request.seconds.saturating_mul(1000) });
    }
}

//! The paths under `/_aomidori/`, which AWS never uses: another process can look at the local cloud and step its clock.
//!
//! `GET health`, `GET|POST clock` (`{"advanceSeconds": n}`, `{"epochMillis": n}`, `{"rate": n}` or `{"manual": true}`),
//! `GET status`, `GET|DELETE calls`, `POST reset`, `POST shutdown`.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::{Clock, Time};
use crate::options::Pace;
use crate::protocol::Response;
use crate::server::Shared;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct SetClock {
    advance_seconds: Option<f64>,
    epoch_millis: Option<u64>,
    rate: Option<f64>,
    manual: Option<bool>,
}

pub(crate) fn answer(shared: &Arc<Shared>, method: &Method, path: &str, body: &[u8]) -> Response {
    let (status, body) = route(shared, method, path, body);
    Response { status, content_type: "application/json".into(), headers: Vec::new(), body: body.to_string().into() }
}

fn route(shared: &Arc<Shared>, method: &Method, path: &str, body: &[u8]) -> (u16, Value) {
    match (method.as_str(), path) {
        ("GET", "health") => (200, health(shared)),
        ("GET", "clock") => (200, clock(shared)),
        ("POST", "clock") => match serde_json::from_slice::<SetClock>(body) {
            Err(e) => (400, json!({"error": format!("not a clock setting: {e}")})),
            Ok(set) => match set_clock(shared, &set) {
                Ok(()) => (200, clock(shared)),
                Err(why) => (400, json!({"error": why})),
            },
        },
        ("GET", "status") => {
            (200, json!({"resources": shared.census(), "traffic": shared.traffic.ports(), "clock": clock(shared)}))
        }
        ("GET", "calls") => (200, json!(shared.calls.snapshot())),
        ("DELETE", "calls") => {
            shared.calls.reset();
            (200, json!({}))
        }
        ("POST", "reset") => {
            shared.reset();
            shared.calls.reset();
            (200, json!({}))
        }
        ("POST", "shutdown") => {
            shared.stop();
            (200, json!({}))
        }
        _ => (404, json!({"error": format!("the local cloud has no {method} /_aomidori/{path}")})),
    }
}

fn health(shared: &Shared) -> Value {
    let save_error = shared.lock().save_error.as_ref().map(ToString::to_string);
    json!({
        "status": if save_error.is_none() { "ok" } else { "cannot save its state" },
        "saveError": save_error,
        "version": env!("CARGO_PKG_VERSION"),
        "endpoint": format!("http://{}", shared.address),
        "pid": std::process::id(),
        "account": shared.options.account,
        "region": shared.options.region,
        "stateDirectory": shared.options.state_dir,
    })
}

fn clock(shared: &Arc<Shared>) -> Value {
    let clock = Clock { shared: Arc::clone(shared) };
    let now = clock.now();
    let rate = match clock.pace() {
        Pace::Rate(rate) => json!(rate),
        Pace::Manual => Value::Null,
    };
    json!({"now": now.iso8601(), "epochMillis": now.0, "rate": rate, "manual": rate.is_null()})
}

fn set_clock(shared: &Arc<Shared>, set: &SetClock) -> Result<(), String> {
    let clock = Clock { shared: Arc::clone(shared) };
    if let Some(rate) = set.rate {
        if !rate.is_finite() || rate <= 0.0 {
            return Err("the rate must be a positive number".to_owned());
        }
        clock.set_pace(Pace::Rate(rate));
    }
    if set.manual == Some(true) {
        clock.set_pace(Pace::Manual);
    }
    if let Some(millis) = set.epoch_millis {
        clock.set(Time(millis));
    }
    if let Some(seconds) = set.advance_seconds {
        let by = Duration::try_from_secs_f64(seconds).map_err(|e| format!("advanceSeconds: {e}"))?;
        clock.advance(by);
    }
    Ok(())
}

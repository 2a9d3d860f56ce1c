//! What services ask of each other goes through the same operations that users call, so that the same rules hold.

use serde_json::Value;

use crate::error::{Result, fail};
use crate::services;
use crate::world::Cx;

/// Calls an operation of another service, named as in credential scopes, and answers what a user would get.
pub(crate) fn call(cx: &mut Cx<'_>, service: &str, operation: &str, input: Value) -> Result {
    let found = services::by_name(service).and_then(|s| Some((s, (s.handler)(operation)?)));
    let Some((service, handler)) = found else {
        return fail!("InternalFailure", "The local cloud does not have {service}:{operation}");
    };
    let (was, called) = (cx.service, std::mem::replace(&mut cx.operation, operation.to_owned()));
    // Events that the handler schedules are the other service's.
    cx.service = service;
    let answer = handler(cx, input);
    (cx.service, cx.operation) = (was, called);
    answer
}

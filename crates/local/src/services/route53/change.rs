//! Changes: PENDING until all name servers know.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{ApiError, Result};
use crate::timings;
use crate::world::Cx;

/// Notes a change that was made just now: its `ChangeInfo`.
pub(super) fn submit(cx: &mut Cx<'_>, comment: Option<String>) -> Value {
    let (id, now) = (format!("C0{}", cx.upper(18)), cx.now());
    let info = json!({
        "Id": format!("/change/{id}"),
        "Status": "PENDING",
        "SubmittedAt": now.iso8601(),
        "Comment": comment,
    });
    cx.route53().changes.insert(id, (now, comment));
    info
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Get {
    id: String,
}

pub(super) fn get(cx: &mut Cx<'_>, input: Get) -> Result {
    let (now, instant) = (cx.now(), cx.options.instant);
    let Some((submitted, comment)) = cx.route53().changes.get(&input.id) else {
        let message = format!("Could not find resource with ID: {}", input.id);
        return Err(ApiError::new("NoSuchChange", message).status(404));
    };
    let known = instant || now.since(*submitted) >= timings::DNS_CHANGE;
    Ok(json!({"ChangeInfo": {
        "Id": format!("/change/{}", input.id),
        "Status": if known { "INSYNC" } else { "PENDING" },
        "SubmittedAt": submitted.iso8601(),
        "Comment": comment,
    }}))
}

//! Cloud Map: operations, tags (aws-facts 2.23, 2.24).

use std::collections::HashMap;
use std::time::Duration;

use aomidori_engine::cloud::{CloudError, ErrorKind, Want};
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_servicediscovery::types::{Operation, OperationStatus, OperationTargetType, Tag};

use super::{incomplete, own_tags};
use crate::call;
use crate::client::Cx;
use crate::tags::{self, Tags};

/// How long an operation may take: Terraform's limit.
const PATIENCE: Duration = Duration::from_secs(300);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(3);

/// Tags for a create call; `None` for none.
pub(crate) fn tag_list(tags: &Tags) -> Result<Option<Vec<Tag>>, CloudError> {
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build().map_err(incomplete));
    let tags = tags.collect::<Result<Vec<_>, _>>()?;
    Ok((!tags.is_empty()).then_some(tags))
}

/// The tags of a namespace or service; none if it is gone.
pub(crate) async fn tags_of(cx: &Cx, arn: &str) -> Result<Tags, CloudError> {
    let answer = call::read("servicediscovery:ListTagsForResource", || {
        cx.servicediscovery.list_tags_for_resource().resource_arn(arn).send()
    })
    .await;
    let tags = call::if_there(answer)?.and_then(|answer| answer.tags).unwrap_or_default();
    Ok(own_tags(tags.into_iter().map(|tag| (Some(tag.key), Some(tag.value)))))
}

/// Brings the tags of a namespace or service to what is wanted.
pub(crate) async fn retag(
    cx: &Cx,
    arn: &str,
    w: Want<'_>,
    have: &Observed,
    changes: &[FieldChange],
) -> Result<(), CloudError> {
    let retag = tags::retag(w, have, changes);
    if let Some(set) = tag_list(&retag.set())? {
        call::idempotent("servicediscovery:TagResource", || {
            cx.servicediscovery.tag_resource().resource_arn(arn).set_tags(Some(set.clone())).send()
        })
        .await?;
    }
    if !retag.remove.is_empty() {
        call::idempotent("servicediscovery:UntagResource", || {
            cx.servicediscovery.untag_resource().resource_arn(arn).set_tag_keys(Some(retag.remove.clone())).send()
        })
        .await?;
    }
    Ok(())
}

/// One look at an operation.
pub(crate) async fn operation(cx: &Cx, id: &str) -> Result<Operation, CloudError> {
    const READ: &str = "servicediscovery:GetOperation";
    let answer = call::read(READ, || cx.servicediscovery.get_operation().operation_id(id).send()).await?;
    answer.operation.ok_or_else(|| call::missing(READ, "operation"))
}

/// What an operation makes has no id before it ends: the engine calls again.
pub(crate) fn underway(of: &str, what: &str) -> CloudError {
    CloudError { kind: ErrorKind::Underway, operation: of.to_owned(), code: None, message: what.to_owned() }
}

/// The end of an operation that changes something: what it has worked on.
pub(crate) async fn finish(cx: &Cx, of: &str, id: &str) -> Result<HashMap<OperationTargetType, String>, CloudError> {
    let mut pause = FIRST_PAUSE;
    let mut waited = Duration::ZERO;
    loop {
        let found = operation(cx, id).await?;
        match found.status {
            Some(OperationStatus::Success) => return Ok(found.targets.unwrap_or_default()),
            Some(OperationStatus::Fail) => return Err(failed(of, &found)),
            _ if waited >= PATIENCE => {
                return Err(CloudError {
                    kind: ErrorKind::Unknown,
                    operation: of.to_owned(),
                    code: None,
                    message: format!("its operation {id} is not finished after {} s", PATIENCE.as_secs()),
                });
            }
            _ => {}
        }
        tokio::time::sleep(pause).await;
        waited += pause;
        pause = (pause * 3 / 2).min(LAST_PAUSE);
    }
}

/// Why an operation failed.
pub(crate) fn failed(of: &str, operation: &Operation) -> CloudError {
    CloudError {
        kind: ErrorKind::Refused,
        operation: of.to_owned(),
        code: operation.error_code.clone(),
        message: operation.error_message.clone().unwrap_or_else(|| "its operation failed".into()),
    }
}

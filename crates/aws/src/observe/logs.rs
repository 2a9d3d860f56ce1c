//! Log groups: by identifier, fifty to a call, and the tags of each (aws-facts 2.15).

use std::collections::{BTreeMap, BTreeSet};

use aomidori_engine::cloud::{CloudError, ErrorKind};
use aomidori_model::KindName;
use aomidori_model::kinds::LogGroup;
use aomidori_plan::Observed;
use aws_sdk_cloudwatchlogs::types as aws;
use futures_util::future::try_join_all;

use super::{Scope, observed};
use crate::call;
use crate::client::Cx;
use crate::kinds::log_group::{arn_of, tags_of};
use crate::services::{address_of, outputs_of};
use crate::tags::Tags;

pub(super) async fn observe(cx: &Cx, scope: &Scope<'_>) -> Result<Vec<Observed>, CloudError> {
    let wanted: BTreeSet<String> = scope.stack.of::<LogGroup>().map(|(_, wanted)| wanted.name.to_string()).collect();
    let (hints, mut groups) = scope.beside("logs", !wanted.is_empty(), groups(cx, &wanted)).await?;
    let hinted = hints.into_iter().filter_map(|hint| hint.rest.strip_prefix("log-group:"));
    let hinted = hinted.map(|name| name.trim_end_matches(":*").to_owned());
    groups.extend(self::groups(cx, &hinted.filter(|name| !wanted.contains(name)).collect()).await?);
    let tags = try_join_all(groups.keys().map(|name| tags_of(cx, name))).await?;
    let mut resources = Vec::new();
    for ((name, group), tags) in groups.iter().zip(tags) {
        let arn = arn_of(cx, name).await?;
        resources.extend(one(scope, name, group, tags, arn));
    }
    Ok(resources)
}

/// Log groups by name; what is not there is left out.
async fn groups(cx: &Cx, names: &BTreeSet<String>) -> Result<BTreeMap<String, aws::LogGroup>, CloudError> {
    let mut groups = BTreeMap::new();
    let names: Vec<String> = names.iter().cloned().collect();
    for chunk in names.chunks(50) {
        let pages = match pages(cx, chunk).await {
            // Where one unknown name fails the call, each is asked for by itself.
            Err(error) if error.kind == ErrorKind::NotFound => {
                let each = chunk.iter().map(|name| async move {
                    match pages(cx, std::slice::from_ref(name)).await {
                        Err(error) if error.kind == ErrorKind::NotFound => Ok(Vec::new()),
                        other => other,
                    }
                });
                try_join_all(each).await?.concat()
            }
            other => other?,
        };
        let named = pages.into_iter().filter_map(|group| Some((group.log_group_name.clone()?, group)));
        groups.extend(named.filter(|(name, _)| chunk.contains(name)));
    }
    Ok(groups)
}

async fn pages(cx: &Cx, names: &[String]) -> Result<Vec<aws::LogGroup>, CloudError> {
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let page = call::read("logs:DescribeLogGroups", || {
            cx.logs
                .describe_log_groups()
                .set_log_group_identifiers(Some(names.to_vec()))
                .set_next_token(token.clone())
                .send()
        })
        .await?;
        found.extend(page.log_groups.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            return Ok(found);
        }
    }
}

fn one(scope: &Scope<'_>, name: &str, live: &aws::LogGroup, tags: Tags, arn: String) -> Option<Observed> {
    let wanted_at = address_of(scope.stack, |wanted: &LogGroup| wanted.name.as_str() == name);
    let tags = scope.marked(KindName::LogGroup, name, tags);
    let owner = scope.owner(KindName::LogGroup, name, &tags, wanted_at)?;
    let retention_in_days = live.retention_in_days.and_then(|days| u32::try_from(days).ok());
    let mut found = observed(name, owner, &LogGroup { name: name.parse().ok()?, retention_in_days }, tags);
    found.outputs = outputs_of([("arn", arn)]);
    Some(found)
}

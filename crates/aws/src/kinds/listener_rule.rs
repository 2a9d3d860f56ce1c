//! Listener rules (aws-facts 2.22).

use std::collections::BTreeSet;

use aomidori_engine::cloud::{CloudError, ErrorKind, Made, Progress, Want};
use aomidori_model::kinds::ListenerRule;
use aomidori_model::kinds::listener_rule::{Condition, QueryParameter};
use aomidori_model::ownership::Marks;
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_elasticloadbalancingv2::types::{
    self as aws, HostHeaderConditionConfig, HttpHeaderConditionConfig, HttpRequestMethodConditionConfig,
    PathPatternConditionConfig, RuleCondition, RulePriorityPair, SourceIpConditionConfig,
};

use crate::call;
use crate::client::Cx;
use crate::live::Live;
use crate::services::{changes_any, elb, is_it, made, signed};

impl Live for ListenerRule {
    const WRITES: &'static [&'static str] = &[
        "elasticloadbalancing:CreateRule",
        "elasticloadbalancing:DeleteRule",
        "elasticloadbalancing:ModifyRule",
        "elasticloadbalancing:SetRulePriorities",
    ];

    async fn create(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Made, CloudError> {
        let live = elb::live_side(cx, &want.action, w.known).await.map_err(call::fresh)?;
        let request = cx
            .elb
            .create_rule()
            .listener_arn(w.known.id(&want.listener)?)
            .priority(signed(want.priority))
            .set_conditions(Some(conditions_to_aws(&want.conditions)?))
            .actions(elb::action_to_aws(&want.action, w.known, live)?)
            .set_tags(elb::tag_list(w.tags));
        const CREATE: &str = "elasticloadbalancing:CreateRule";
        let answer = call::once(CREATE, request.send()).await.map_err(call::fresh)?;
        let arn = answer.rules.unwrap_or_default().pop().and_then(|rule| rule.rule_arn);
        Ok(made(arn.ok_or_else(|| call::missing(CREATE, "rule"))?, []))
    }

    async fn find(cx: &Cx, want: &Self, w: Want<'_>) -> Result<Option<Made>, CloudError> {
        let rules = of_listener(cx, &w.known.id(&want.listener)?).await?;
        let arns: BTreeSet<String> = rules.into_iter().filter_map(|rule| rule.rule_arn).collect();
        let tags = elb::tags_of(cx, &arns).await?;
        Ok(tags.into_iter().find(|(_, tags)| is_it(w, tags)).map(|(arn, _)| made(arn, [])))
    }

    async fn update(
        cx: &Cx,
        want: &Self,
        w: Want<'_>,
        have: &Observed,
        changes: &[FieldChange],
    ) -> Result<Made, CloudError> {
        elb::retag(cx, w, have, changes).await?;
        let conditions = changes_any(changes, &["condition"]);
        let acts = changes_any(changes, elb::ACTION);
        if conditions || acts {
            let mut request = cx.elb.modify_rule().rule_arn(&have.id);
            if conditions {
                request = request.set_conditions(Some(conditions_to_aws(&want.conditions)?));
            }
            if acts {
                let live = elb::live_side(cx, &want.action, w.known).await?;
                request = request.actions(elb::action_to_aws(&want.action, w.known, live)?);
            }
            call::idempotent("elasticloadbalancing:ModifyRule", || request.clone().send()).await?;
        }
        if changes_any(changes, &["priority"]) {
            set_priority(cx, want, w, &have.id).await?;
        }
        Ok(made(&have.id, []))
    }

    async fn delete(cx: &Cx, have: &Observed) -> Result<(), CloudError> {
        let answer =
            call::idempotent("elasticloadbalancing:DeleteRule", || cx.elb.delete_rule().rule_arn(&have.id).send())
                .await;
        call::gone_is_fine(answer)
    }

    async fn progress(cx: &Cx, id: &str) -> Result<Progress, CloudError> {
        let answer =
            call::read("elasticloadbalancing:DescribeRules", || cx.elb.describe_rules().rule_arns(id).send()).await;
        let found = call::if_there(answer)?.is_some_and(|answer| !answer.rules().is_empty());
        Ok(if found { Progress::Ready } else { Progress::Gone })
    }
}

/// Gives a rule its priority. If another rule of this stack has that, the two change places in one call, which AWS does
/// at once; two calls would collide (aws-facts 2.22). Any permutation comes out right in the end.
async fn set_priority(cx: &Cx, want: &ListenerRule, w: Want<'_>, arn: &str) -> Result<(), CloudError> {
    let pair = |arn: &str, priority: i32| RulePriorityPair::builder().rule_arn(arn).priority(priority).build();
    let ours = pair(arn, signed(want.priority));
    let taken = match set_priorities(cx, vec![ours.clone()]).await {
        Err(error) if error.kind == ErrorKind::AlreadyExists => error,
        other => return other,
    };
    let rules = of_listener(cx, &w.known.id(&want.listener)?).await?;
    let at = |rule: &aws::Rule| rule.priority.as_deref().and_then(|priority| priority.parse::<i32>().ok());
    let before = rules.iter().find(|rule| rule.rule_arn.as_deref() == Some(arn)).and_then(at);
    let holder = rules.iter().find(|rule| at(rule) == Some(signed(want.priority))).and_then(|rule| rule.rule_arn());
    let (Some(before), Some(holder)) = (before, holder) else { return Err(taken) };
    if !Marks::of(&elb::tags_of_one(cx, holder).await?).belongs_to(w.stack) {
        return Err(taken);
    }
    set_priorities(cx, vec![ours, pair(holder, before)]).await
}

async fn set_priorities(cx: &Cx, pairs: Vec<RulePriorityPair>) -> Result<(), CloudError> {
    call::idempotent("elasticloadbalancing:SetRulePriorities", || {
        cx.elb.set_rule_priorities().set_rule_priorities(Some(pairs.clone())).send()
    })
    .await?;
    Ok(())
}

/// The rules of a listener, its default rule among them; none if that is gone.
pub(crate) async fn of_listener(cx: &Cx, arn: &str) -> Result<Vec<aws::Rule>, CloudError> {
    let mut rules = Vec::new();
    let mut marker = None;
    loop {
        let answer = call::read("elasticloadbalancing:DescribeRules", || {
            cx.elb.describe_rules().listener_arn(arn).page_size(400).set_marker(marker.clone()).send()
        })
        .await;
        let Some(page) = call::if_there(answer)? else { return Ok(Vec::new()) };
        rules.extend(page.rules.unwrap_or_default());
        marker = page.next_marker.filter(|marker| !marker.is_empty());
        if marker.is_none() {
            return Ok(rules);
        }
    }
}

fn conditions_to_aws(conditions: &[Condition]) -> Result<Vec<RuleCondition>, CloudError> {
    conditions.iter().map(condition_to_aws).collect()
}

fn condition_to_aws(condition: &Condition) -> Result<RuleCondition, CloudError> {
    let list = |values: &BTreeSet<String>| Some(values.iter().cloned().collect::<Vec<_>>());
    let new = |field: &str| RuleCondition::builder().field(field);
    Ok(match condition {
        Condition::HostHeader(values) => new("host-header")
            .host_header_config(HostHeaderConditionConfig::builder().set_values(list(values)).build())
            .build(),
        Condition::PathPattern(values) => new("path-pattern")
            .path_pattern_config(PathPatternConditionConfig::builder().set_values(list(values)).build())
            .build(),
        Condition::HttpHeader { name, values } => {
            let config = HttpHeaderConditionConfig::builder().http_header_name(name).set_values(list(values)).build();
            new("http-header").http_header_config(config).build()
        }
        Condition::HttpRequestMethod(values) => new("http-request-method")
            .http_request_method_config(HttpRequestMethodConditionConfig::builder().set_values(list(values)).build())
            .build(),
        Condition::SourceIp(values) => new("source-ip")
            .source_ip_config(SourceIpConditionConfig::builder().set_values(list(values)).build())
            .build(),
        Condition::QueryString(parameters) => {
            let pair = |QueryParameter { key, value }: &QueryParameter| {
                aws::QueryStringKeyValuePair::builder().set_key(key.clone()).value(value).build()
            };
            let pairs = parameters.iter().map(pair).collect();
            new("query-string")
                .query_string_config(aws::QueryStringConditionConfig::builder().set_values(Some(pairs)).build())
                .build()
        }
        Condition::Other(observed) => {
            return Err(CloudError::bug(format!("the condition `{observed}` can be observed, not made")));
        }
    })
}

/// A condition as observed: AWS writes host and path in an old and a new form (aws-facts 2.22).
pub(crate) fn condition_from_aws(condition: &RuleCondition) -> Condition {
    let set = |values: &[String]| values.iter().cloned().collect::<BTreeSet<String>>();
    let field = condition.field.as_deref().unwrap_or("unknown");
    if !condition.regex_values().is_empty() {
        return Condition::Other(format!("{field} matching {}", condition.regex_values().join(" or ")));
    }
    let found = match field {
        "host-header" => condition.host_header_config.as_ref().map(|c| Condition::HostHeader(set(c.values()))),
        "path-pattern" => condition.path_pattern_config.as_ref().map(|c| Condition::PathPattern(set(c.values()))),
        "http-header" => condition.http_header_config.as_ref().map(|c| Condition::HttpHeader {
            name: c.http_header_name.clone().unwrap_or_default(),
            values: set(c.values()),
        }),
        "http-request-method" => {
            condition.http_request_method_config.as_ref().map(|c| Condition::HttpRequestMethod(set(c.values())))
        }
        "source-ip" => condition.source_ip_config.as_ref().map(|c| Condition::SourceIp(set(c.values()))),
        "query-string" => condition.query_string_config.as_ref().map(|c| {
            let parameter = |pair: &aws::QueryStringKeyValuePair| QueryParameter {
                key: pair.key.clone().filter(|key| !key.is_empty()),
                value: pair.value.clone().unwrap_or_default(),
            };
            Condition::QueryString(c.values().iter().map(parameter).collect())
        }),
        _ => None,
    };
    found.unwrap_or_else(|| match field {
        "host-header" => Condition::HostHeader(set(condition.values())),
        "path-pattern" => Condition::PathPattern(set(condition.values())),
        _ => Condition::Other(field.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_read_back_the_same() {
        let set = |values: &[&str]| values.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        for condition in [
            Condition::HostHeader(set(&["a.example.com", "*.example.org"])),
            Condition::PathPattern(set(&["/api/*"])),
            Condition::HttpHeader { name: "X-Version".into(), values: set(&["2", "3"]) },
            Condition::HttpRequestMethod(set(&["GET"])),
            Condition::SourceIp(set(&["10.0.0.0/8"])),
        ] {
            assert_eq!(condition_from_aws(&condition_to_aws(&condition).unwrap()), condition);
        }
    }

    #[test]
    fn the_old_form_and_what_the_model_cannot_make() {
        let old = RuleCondition::builder().field("path-pattern").values("/a").build();
        assert_eq!(condition_from_aws(&old), Condition::PathPattern(BTreeSet::from(["/a".into()])));
        let pair = aws::QueryStringKeyValuePair::builder().key("v").value("2").build();
        let query = aws::QueryStringConditionConfig::builder().values(pair).build();
        let query = RuleCondition::builder().field("query-string").query_string_config(query).build();
        let wanted = Condition::QueryString([QueryParameter { key: Some("v".into()), value: "2".into() }].into());
        assert_eq!(condition_from_aws(&query), wanted);
        assert_eq!(condition_from_aws(&condition_to_aws(&wanted).unwrap()), wanted);
    }
}

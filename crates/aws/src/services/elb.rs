//! Elastic Load Balancing: actions, which side of a pair is live, tags (aws-facts 2.19 to 2.22, 3.5).

use std::collections::{BTreeMap, BTreeSet};

use aomidori_engine::cloud::{CloudError, Known, Want};
use aomidori_model::Ref;
use aomidori_model::kinds::listener::{Action, FixedResponse, Redirect, Weighted};
use aomidori_plan::{FieldChange, Observed};
use aws_sdk_elasticloadbalancingv2::types::{
    self as aws, ActionTypeEnum, FixedResponseActionConfig, ForwardActionConfig, RedirectActionConfig,
    RedirectActionStatusCodeEnum, Tag, TargetGroupTuple, TargetHealthStateEnum,
};
use futures_util::future::try_join_all;

use super::{own_tags, signed, unsigned};
use crate::call;
use crate::client::Cx;
use crate::tags::{self, Tags};

/// The names of an action's fields.
pub(crate) const ACTION: &[&str] = &["action."];

/// An action for a create or modify call. `live` is the side of a pair that has the requests.
pub(crate) fn action_to_aws(action: &Action, known: &Known, live: Option<String>) -> Result<aws::Action, CloudError> {
    let forward = |arn: String| aws::Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(arn).build();
    Ok(match action {
        Action::ForwardPair { blue, green: _ } => forward(match live {
            Some(live) => live,
            None => known.id(blue)?,
        }),
        Action::Forward(group) => forward(known.id(group)?),
        Action::ForwardWeighted(groups) => {
            let tuple = |group: &Weighted| {
                let arn = known.id(&group.target_group)?;
                Ok(TargetGroupTuple::builder().target_group_arn(arn).weight(signed(group.weight)).build())
            };
            let tuples = groups.iter().map(tuple).collect::<Result<Vec<_>, CloudError>>()?;
            let config = ForwardActionConfig::builder().set_target_groups(Some(tuples)).build();
            aws::Action::builder().r#type(ActionTypeEnum::Forward).forward_config(config).build()
        }
        Action::Redirect(Redirect { protocol, port, host, path, query, permanent }) => {
            let status = match permanent {
                true => RedirectActionStatusCodeEnum::Http301,
                false => RedirectActionStatusCodeEnum::Http302,
            };
            let config = RedirectActionConfig::builder()
                .set_protocol(protocol.clone())
                .set_port(port.clone())
                .set_host(host.clone())
                .set_path(path.clone())
                .set_query(query.clone())
                .status_code(status)
                .build();
            aws::Action::builder().r#type(ActionTypeEnum::Redirect).redirect_config(config).build()
        }
        Action::FixedResponse(FixedResponse { status, content_type, body }) => {
            let config = FixedResponseActionConfig::builder()
                .status_code(status.to_string())
                // The same that Terraform's provider would have to say.
                .content_type(content_type.as_deref().unwrap_or("text/plain"))
                .set_message_body(body.clone())
                .build();
            aws::Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(config).build()
        }
        Action::Other(observed) => {
            return Err(CloudError::bug(format!("the action `{observed}` can be observed, not made")));
        }
    })
}

/// What a listener or rule does. A forward is given with its weights: a single target group has all requests, however
/// it is written (aws-facts 2.21). What AWS fills in for a fixed response that the stack leaves open is left out.
pub(crate) fn action_from_aws(actions: &[aws::Action], wanted: Option<&Action>) -> Action {
    let [action] = actions else {
        let kinds: Vec<&str> = actions.iter().map(kind_of).collect();
        return Action::Other(kinds.join(" + "));
    };
    match action.r#type.as_ref() {
        Some(ActionTypeEnum::Forward) => Action::ForwardWeighted(groups_of(action)),
        Some(ActionTypeEnum::Redirect) => {
            let Some(config) = &action.redirect_config else { return Action::Other("redirect".into()) };
            Action::Redirect(Redirect {
                protocol: config.protocol.clone(),
                port: config.port.clone(),
                host: config.host.clone(),
                path: config.path.clone(),
                query: config.query.clone(),
                permanent: config.status_code == Some(RedirectActionStatusCodeEnum::Http301),
            })
        }
        Some(ActionTypeEnum::FixedResponse) => {
            let config = action.fixed_response_config.as_ref();
            let status = config.and_then(|config| config.status_code.as_deref()?.parse().ok());
            let (Some(config), Some(status)) = (config, status) else { return Action::Other("fixed-response".into()) };
            let open = |declared: fn(&FixedResponse) -> &Option<String>| match wanted {
                Some(Action::FixedResponse(wanted)) => declared(wanted).is_none(),
                _ => false,
            };
            let unless = |value: &Option<String>, open: bool, filled: &str| {
                value.clone().filter(|value| !(open && (value.is_empty() || value == filled)))
            };
            Action::FixedResponse(FixedResponse {
                status,
                content_type: unless(&config.content_type, open(|f| &f.content_type), "text/plain"),
                body: unless(&config.message_body, open(|f| &f.body), ""),
            })
        }
        _ => Action::Other(kind_of(action).to_owned()),
    }
}

fn kind_of(action: &aws::Action) -> &str {
    action.r#type.as_ref().map_or("unknown", ActionTypeEnum::as_str)
}

fn groups_of(action: &aws::Action) -> Vec<Weighted> {
    let tuples = action.forward_config.as_ref().map(ForwardActionConfig::target_groups).unwrap_or_default();
    let mut groups: Vec<Weighted> = tuples
        .iter()
        .filter_map(|tuple| {
            let target_group = Ref::existing(tuple.target_group_arn.as_deref()?);
            Some(Weighted { target_group, weight: tuple.weight.map_or(1, |weight| unsigned(Some(weight))) })
        })
        .collect();
    if let (true, Some(arn)) = (groups.is_empty(), &action.target_group_arn) {
        groups.push(Weighted { target_group: Ref::existing(arn), weight: 1 });
    }
    groups
}

/// The target group that an action's requests go to now: for a pair the side that the live task set is registered in,
/// so that nothing that we write takes the requests away from it (aws-facts 3.11).
///
/// A side without targets is not live. If both have targets, the PRIMARY task set of the service that uses them says
/// which; failing that, it is blue.
pub(crate) async fn live_side(cx: &Cx, action: &Action, known: &Known) -> Result<Option<String>, CloudError> {
    let Action::ForwardPair { blue, green } = action else { return Ok(None) };
    let (blue, green) = (known.id(blue)?, known.id(green)?);
    if !has_targets(cx, &green).await? {
        return Ok(Some(blue));
    }
    if !has_targets(cx, &blue).await? {
        return Ok(Some(green));
    }
    let primary = super::ecs::primary_target_group(cx, &[&blue, &green]).await?;
    Ok(Some(primary.unwrap_or(blue)))
}

/// That of a pair of target groups, blue first, which requests are sent to: by the weights in all listeners that forward to
/// it, and where those are in two minds, by the listener of the lowest port. Blue if none says.
pub(crate) async fn routed_side(cx: &Cx, [blue, green]: [String; 2]) -> Result<String, CloudError> {
    let answer = call::read("elasticloadbalancing:DescribeTargetGroups", || {
        cx.elb.describe_target_groups().target_group_arns(&blue).target_group_arns(&green).send()
    })
    .await?;
    let balancers: BTreeSet<&String> = answer.target_groups().iter().flat_map(|it| it.load_balancer_arns()).collect();
    let mut listeners = Vec::new();
    for balancer in balancers {
        listeners.extend(crate::kinds::listener::of_load_balancer(cx, balancer).await?);
    }
    listeners.sort_by_key(|listener| listener.port);
    let lead = |listener: &aws::Listener| -> i64 {
        let actions = listener.default_actions().iter();
        let groups = actions.filter_map(|it| it.forward_config.as_ref()).flat_map(|it| it.target_groups());
        groups
            .map(|group| {
                let weight = i64::from(group.weight.unwrap_or(1));
                match group.target_group_arn.as_ref() {
                    Some(arn) if *arn == green => weight,
                    Some(arn) if *arn == blue => -weight,
                    _ => 0,
                }
            })
            .sum()
    };
    let leads: Vec<i64> = listeners.iter().map(lead).filter(|lead| *lead != 0).collect();
    let sum: i64 = leads.iter().map(|lead| lead.signum()).sum();
    let to_green = if sum == 0 { leads.first().is_some_and(|lead| *lead > 0) } else { sum > 0 };
    Ok(if to_green { green } else { blue })
}

async fn has_targets(cx: &Cx, arn: &str) -> Result<bool, CloudError> {
    let answer = call::read("elasticloadbalancing:DescribeTargetHealth", || {
        cx.elb.describe_target_health().target_group_arn(arn).send()
    })
    .await?;
    Ok(answer.target_health_descriptions().iter().any(|target| {
        let state = target.target_health.as_ref().and_then(|health| health.state.as_ref());
        !matches!(state, Some(TargetHealthStateEnum::Draining | TargetHealthStateEnum::UnhealthyDraining))
    }))
}

/// Tags for a create call; `None` for none, since ELB refuses an empty list.
pub(crate) fn tag_list(tags: &Tags) -> Option<Vec<Tag>> {
    let tags: Vec<Tag> = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    (!tags.is_empty()).then_some(tags)
}

/// The tags of load balancers, target groups, listeners and rules by ARN: one call for twenty.
pub(crate) async fn tags_of(cx: &Cx, arns: &BTreeSet<String>) -> Result<BTreeMap<String, Tags>, CloudError> {
    let arns: Vec<&String> = arns.iter().collect();
    let pages = try_join_all(arns.chunks(20).map(|chunk| async move {
        call::read("elasticloadbalancing:DescribeTags", || {
            cx.elb.describe_tags().set_resource_arns(Some(chunk.iter().map(ToString::to_string).collect())).send()
        })
        .await
    }))
    .await?;
    Ok(pages
        .into_iter()
        .flat_map(|page| page.tag_descriptions.unwrap_or_default())
        .filter_map(|found| {
            let tags = found.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value));
            Some((found.resource_arn?, own_tags(tags)))
        })
        .collect())
}

/// The tags of one.
pub(crate) async fn tags_of_one(cx: &Cx, arn: &str) -> Result<Tags, CloudError> {
    Ok(tags_of(cx, &BTreeSet::from([arn.to_owned()])).await?.remove(arn).unwrap_or_default())
}

/// Brings the tags of one to what is wanted.
pub(crate) async fn retag(cx: &Cx, w: Want<'_>, have: &Observed, changes: &[FieldChange]) -> Result<(), CloudError> {
    let retag = tags::retag(w, have, changes);
    if let Some(set) = tag_list(&retag.set()) {
        call::idempotent("elasticloadbalancing:AddTags", || {
            cx.elb.add_tags().resource_arns(&have.id).set_tags(Some(set.clone())).send()
        })
        .await?;
    }
    if !retag.remove.is_empty() {
        call::idempotent("elasticloadbalancing:RemoveTags", || {
            cx.elb.remove_tags().resource_arns(&have.id).set_tag_keys(Some(retag.remove.clone())).send()
        })
        .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use aomidori_model::kinds::TargetGroup;

    use super::*;

    fn group(arn: &str) -> Ref<TargetGroup> {
        Ref::existing(arn)
    }

    #[test]
    fn what_is_sent_reads_back_the_same() {
        let known = Known::default();
        let redirect = Redirect {
            protocol: Some("HTTPS".into()),
            port: Some("443".into()),
            host: None,
            path: None,
            query: None,
            permanent: true,
        };
        let fixed = FixedResponse { status: 503, content_type: None, body: Some("later".into()) };
        let two = [("tg/a", 10), ("tg/b", 0)].map(|(arn, weight)| Weighted { target_group: group(arn), weight });
        for action in [Action::Redirect(redirect), Action::FixedResponse(fixed), Action::ForwardWeighted(two.to_vec())]
        {
            let sent = action_to_aws(&action, &known, None).unwrap();
            assert_eq!(action_from_aws(&[sent], Some(&action)), action);
        }
    }

    #[test]
    fn one_target_group_is_a_forward_however_it_is_written() {
        let sent = action_to_aws(&Action::Forward(group("tg/a")), &Known::default(), None).unwrap();
        let read = action_from_aws(std::slice::from_ref(&sent), None);
        assert_eq!(read, Action::ForwardWeighted(vec![Weighted { target_group: group("tg/a"), weight: 1 }]));
        // The answer of a pair that CodeDeploy has moved: both groups, the scalar gone.
        let tuple = |arn: &str, weight| TargetGroupTuple::builder().target_group_arn(arn).weight(weight).build();
        let config =
            ForwardActionConfig::builder().target_groups(tuple("tg/a", 0)).target_groups(tuple("tg/b", 100)).build();
        let moved = aws::Action::builder().r#type(ActionTypeEnum::Forward).forward_config(config).build();
        let Action::ForwardWeighted(groups) = action_from_aws(&[moved], None) else { panic!("a forward") };
        assert_eq!(groups.iter().map(|group| group.weight).collect::<Vec<_>>(), [0, 100]);
    }

    #[test]
    fn what_aws_fills_in_is_no_difference() {
        let wanted = Action::FixedResponse(FixedResponse { status: 404, content_type: None, body: None });
        let config =
            FixedResponseActionConfig::builder().status_code("404").content_type("text/plain").message_body("").build();
        let live = aws::Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(config).build();
        assert_eq!(action_from_aws(std::slice::from_ref(&live), Some(&wanted)), wanted);
        let Action::FixedResponse(read) = action_from_aws(&[live], None) else { panic!("a fixed response") };
        assert_eq!(read.content_type.as_deref(), Some("text/plain"));
    }

    #[test]
    fn what_the_model_cannot_make_is_observed_as_such() {
        let login = aws::Action::builder().r#type(ActionTypeEnum::AuthenticateOidc).build();
        let forward = aws::Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn("tg/a").build();
        assert_eq!(action_from_aws(&[login, forward], None), Action::Other("authenticate-oidc + forward".into()));
        assert!(action_to_aws(&Action::Other("x".into()), &Known::default(), None).is_err());
    }
}

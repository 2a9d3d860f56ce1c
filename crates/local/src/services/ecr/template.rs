//! Repository creation templates and the account's settings. They are kept; no repository comes of itself here.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::page;
use crate::services::members::{bare, named};
use crate::world::Cx;

/// How repositories of a prefix are made that nobody makes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Template {
    look: Look,
    created: Time,
    updated: Time,
}

/// What a template says; all but its prefix can be changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Look {
    prefix: String,
    description: Option<String>,
    encryption_configuration: Option<Value>,
    resource_tags: Option<Value>,
    image_tag_mutability: Option<String>,
    image_tag_mutability_exclusion_filters: Option<Value>,
    repository_policy: Option<String>,
    lifecycle_policy: Option<String>,
    applied_for: Option<Vec<String>>,
    custom_role_arn: Option<String>,
}

const FOR: &[&str] = &["REPLICATION", "PULL_THROUGH_CACHE"];

impl Look {
    fn check(&self) -> Result<()> {
        if let Some(what) = self.applied_for.iter().flatten().find(|what| !FOR.contains(&what.as_str())) {
            return fail!(
                "InvalidParameterException",
                "Invalid parameter at 'appliedFor' failed to satisfy constraint: '{what}' is none of [{}]",
                FOR.join(", ")
            );
        }
        let tagged = self.resource_tags.as_ref().and_then(Value::as_array).is_some_and(|tags| !tags.is_empty());
        let encrypted = self.encryption_configuration.as_ref().is_some_and(|it| it["encryptionType"] != "AES256");
        if (tagged || encrypted) && self.custom_role_arn.is_none() {
            return fail!("ValidationException", "A custom role is required for resource tags and for KMS encryption");
        }
        for policy in [&self.repository_policy, &self.lifecycle_policy].into_iter().flatten() {
            if serde_json::from_str::<Value>(policy).is_err() {
                return fail!("InvalidParameterException", "Invalid parameter: a policy is not valid JSON");
            }
        }
        Ok(())
    }
}

impl Template {
    fn render(&self) -> Value {
        let Look {
            prefix,
            description,
            encryption_configuration,
            resource_tags,
            image_tag_mutability,
            image_tag_mutability_exclusion_filters,
            repository_policy,
            lifecycle_policy,
            applied_for,
            custom_role_arn,
        } = &self.look;
        bare(json!({
            "prefix": prefix,
            "description": description,
            "encryptionConfiguration": encryption_configuration.clone().unwrap_or(json!({"encryptionType": "AES256"})),
            "resourceTags": resource_tags,
            "imageTagMutability": image_tag_mutability.as_deref().unwrap_or("MUTABLE"),
            "imageTagMutabilityExclusionFilters": image_tag_mutability_exclusion_filters,
            "repositoryPolicy": repository_policy,
            "lifecyclePolicy": lifecycle_policy,
            "appliedFor": applied_for,
            "customRoleArn": custom_role_arn,
            "createdAt": self.created.epoch_seconds(),
            "updatedAt": self.updated.epoch_seconds(),
        }))
    }
}

fn missing(prefix: &str) -> ApiError {
    ApiError::new(
        "TemplateNotFoundException",
        format!("The repository creation template with prefix '{prefix}' does not exist"),
    )
}

fn answer(account: &str, template: &Template) -> Value {
    json!({"registryId": account, "repositoryCreationTemplate": template.render()})
}

pub(super) fn create(cx: &mut Cx<'_>, look: Look) -> Result {
    let (account, now) = (cx.account().to_owned(), cx.now());
    let prefix = look.prefix.clone();
    if prefix != "ROOT" && (!named(&prefix, 1, 256, "._-/") || prefix.chars().any(|c| c.is_ascii_uppercase())) {
        return fail!("InvalidParameterException", "The prefix '{prefix}' is not valid");
    }
    if look.applied_for.is_none() {
        return fail!(
            "InvalidParameterException",
            "Invalid parameter at 'appliedFor' failed to satisfy constraint: 'Member must not be null'"
        );
    }
    look.check()?;
    if cx.ecr().templates.contains_key(&prefix) {
        return fail!(
            "TemplateAlreadyExistsException",
            "The repository creation template with prefix '{prefix}' already exists"
        );
    }
    let template = Template { look, created: now, updated: now };
    let answer = answer(&account, &template);
    cx.ecr().templates.insert(prefix, template);
    Ok(answer)
}

/// What is not said stays as it is.
pub(super) fn update(cx: &mut Cx<'_>, new: Look) -> Result {
    let (account, now) = (cx.account().to_owned(), cx.now());
    let template = cx.ecr().templates.get_mut(&new.prefix).ok_or_else(|| missing(&new.prefix))?;
    let old = template.look.clone();
    let look = Look {
        prefix: new.prefix,
        description: new.description.or(old.description),
        encryption_configuration: new.encryption_configuration.or(old.encryption_configuration),
        resource_tags: new.resource_tags.or(old.resource_tags),
        image_tag_mutability: new.image_tag_mutability.or(old.image_tag_mutability),
        image_tag_mutability_exclusion_filters: new
            .image_tag_mutability_exclusion_filters
            .or(old.image_tag_mutability_exclusion_filters),
        repository_policy: new.repository_policy.or(old.repository_policy),
        lifecycle_policy: new.lifecycle_policy.or(old.lifecycle_policy),
        applied_for: new.applied_for.or(old.applied_for),
        custom_role_arn: new.custom_role_arn.or(old.custom_role_arn),
    };
    look.check()?;
    (template.look, template.updated) = (look, now);
    Ok(answer(&account, template))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Describe {
    #[serde(default)]
    prefixes: Vec<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let account = cx.account().to_owned();
    let size = page::size(input.max_results, 100, 1000, "InvalidParameterException")?;
    let templates = &cx.ecr().templates;
    if let Some(prefix) = input.prefixes.iter().find(|prefix| !templates.contains_key(*prefix)) {
        return Err(missing(prefix));
    }
    let wanted = templates.iter().filter(|(prefix, _)| input.prefixes.is_empty() || input.prefixes.contains(prefix));
    let found = wanted.map(|(prefix, template)| (prefix.clone(), template.render()));
    let page = page::page(found, input.next_token.as_deref(), size, "InvalidParameterException")?;
    Ok(bare(json!({"registryId": account, "repositoryCreationTemplates": page.items, "nextToken": page.next})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Delete {
    prefix: String,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let account = cx.account().to_owned();
    let template = cx.ecr().templates.remove(&input.prefix).ok_or_else(|| missing(&input.prefix))?;
    Ok(answer(&account, &template))
}

/// The account's settings: what each can be, AWS's default first.
const SETTINGS: &[(&str, &[&str])] =
    &[("BASIC_SCAN_TYPE_VERSION", &["AWS_NATIVE", "CLAIR"]), ("REGISTRY_POLICY_SCOPE", &["V2", "V1"])];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Setting {
    name: String,
    value: Option<String>,
}

fn setting(name: &str) -> Result<&'static [&'static str]> {
    match SETTINGS.iter().find(|(known, _)| *known == name) {
        Some((_, values)) => Ok(values),
        None => fail!("InvalidParameterException", "Invalid parameter at 'name': there is no account setting '{name}'"),
    }
}

pub(super) fn put_setting(cx: &mut Cx<'_>, input: Setting) -> Result {
    let values = setting(&input.name)?;
    let value = input.value.unwrap_or_default();
    if !values.contains(&value.as_str()) {
        return fail!(
            "InvalidParameterException",
            "Invalid parameter at 'value': it must be one of {}",
            values.join(", ")
        );
    }
    let answer = json!({"name": input.name, "value": value});
    cx.ecr().settings.insert(input.name, value);
    Ok(answer)
}

pub(super) fn get_setting(cx: &mut Cx<'_>, input: Setting) -> Result {
    let default = setting(&input.name)?.first().copied().unwrap_or_default();
    let value = cx.ecr().settings.get(&input.name).map_or(default, String::as_str);
    Ok(json!({"name": input.name, "value": value}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;
    use crate::services::ecr::{SERVICE, handler};
    use crate::world::World;

    #[test]
    fn templates_and_settings_are_kept_and_refused() {
        let options = Options::manual();
        let mut world = World::new(&options, Time(1_000_000));
        let mut call = |operation: &str, input: Value| {
            let mut cx = Cx::new(&mut world, &options, &SERVICE, "ap-northeast-1".to_owned());
            handler(operation).unwrap()(&mut cx, input).map_err(|error| error.code)
        };
        let template = json!({"prefix": "quay", "appliedFor": ["PULL_THROUGH_CACHE"]});
        call("CreateRepositoryCreationTemplate", template.clone()).unwrap();
        let with = |key: &str, value: Value| {
            let mut input = json!({"prefix": "other", "appliedFor": ["REPLICATION"]});
            input[key] = value;
            input
        };
        for (operation, input, want) in [
            ("CreateRepositoryCreationTemplate", template, "TemplateAlreadyExistsException"),
            ("CreateRepositoryCreationTemplate", with("prefix", json!("Upper")), "InvalidParameterException"),
            ("CreateRepositoryCreationTemplate", with("appliedFor", json!(["ALL"])), "InvalidParameterException"),
            ("CreateRepositoryCreationTemplate", with("appliedFor", Value::Null), "InvalidParameterException"),
            ("CreateRepositoryCreationTemplate", with("lifecyclePolicy", json!("{")), "InvalidParameterException"),
            (
                "CreateRepositoryCreationTemplate",
                with("resourceTags", json!([{"Key": "a", "Value": "b"}])),
                "ValidationException",
            ),
            ("UpdateRepositoryCreationTemplate", json!({"prefix": "none"}), "TemplateNotFoundException"),
            ("DescribeRepositoryCreationTemplates", json!({"prefixes": ["none"]}), "TemplateNotFoundException"),
            ("DeleteRepositoryCreationTemplate", json!({"prefix": "none"}), "TemplateNotFoundException"),
            ("GetAccountSetting", json!({"name": "NONE"}), "InvalidParameterException"),
            ("PutAccountSetting", json!({"name": "REGISTRY_POLICY_SCOPE", "value": "V3"}), "InvalidParameterException"),
        ] {
            assert_eq!(call(operation, input.clone()).unwrap_err(), want, "{operation} {input}");
        }
        call("UpdateRepositoryCreationTemplate", json!({"prefix": "quay", "description": "x"})).unwrap();
        let found = call("DescribeRepositoryCreationTemplates", json!({})).unwrap();
        let found = &found["repositoryCreationTemplates"];
        assert_eq!((&found[0]["description"], &found[0]["appliedFor"]), (&json!("x"), &json!(["PULL_THROUGH_CACHE"])));
        let scan = json!({"name": "BASIC_SCAN_TYPE_VERSION"});
        assert_eq!(call("GetAccountSetting", scan.clone()).unwrap()["value"], "AWS_NATIVE");
        call("PutAccountSetting", json!({"name": "BASIC_SCAN_TYPE_VERSION", "value": "CLAIR"})).unwrap();
        assert_eq!(call("GetAccountSetting", scan).unwrap()["value"], "CLAIR");
    }
}

//! Repositories, their settings and their tags.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{ApiError, Result, fail};
use crate::page::page;
use crate::services::ecr::Repository;
use crate::services::members::{bare, resource_of};
use crate::tags::{self, Tag, Tags};
use crate::world::Cx;

pub(super) fn not_found(name: &str, registry: &str) -> ApiError {
    let text = format!("The repository with name '{name}' does not exist in the registry with id '{registry}'");
    ApiError::new("RepositoryNotFoundException", text)
}

/// A repository of this account's registry.
pub(super) fn find<'c>(cx: &'c mut Cx<'_>, name: &str, registry: Option<&str>) -> Result<&'c mut Repository> {
    let account = cx.account().to_owned();
    if registry.is_some_and(|id| id != account) {
        return Err(not_found(name, registry.unwrap_or_default()));
    }
    cx.ecr().repositories.get_mut(name).ok_or_else(|| not_found(name, &account))
}

fn shape(repository: &Repository, account: &str, region: &str) -> Value {
    let filters: Vec<Value> =
        repository.exclusions.iter().map(|f| json!({"filterType": "WILDCARD", "filter": f})).collect();
    bare(json!({
        "repositoryArn": repository.arn,
        "registryId": account,
        "repositoryName": repository.name,
        "repositoryUri": format!("{account}.dkr.ecr.{region}.amazonaws.com/{}", repository.name),
        "createdAt": repository.created.epoch_seconds(),
        "imageTagMutability": repository.mutability,
        "imageTagMutabilityExclusionFilters": if filters.is_empty() { None } else { Some(filters) },
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": repository.encryption,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Scanning {
    #[serde(default)]
    scan_on_push: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Encryption {
    encryption_type: String,
    kms_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Exclusion {
    filter_type: String,
    filter: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Create {
    registry_id: Option<String>,
    repository_name: String,
    #[serde(default)]
    tags: Vec<Tag>,
    image_tag_mutability: Option<String>,
    #[serde(default)]
    image_tag_mutability_exclusion_filters: Vec<Exclusion>,
    image_scanning_configuration: Option<Scanning>,
    encryption_configuration: Option<Encryption>,
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`, in segments parted by slashes.
fn legal_name(name: &str) -> bool {
    let segment = |text: &str| {
        let mut rest = text;
        loop {
            let word =
                rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()).len();
            if word == 0 {
                return false;
            }
            rest = &rest[word..];
            if rest.is_empty() {
                return true;
            }
            let after_dashes = rest.trim_start_matches('-');
            rest = if after_dashes.len() < rest.len() {
                after_dashes
            } else if let Some(after) = rest.strip_prefix("__").or_else(|| rest.strip_prefix(['.', '_'])) {
                after
            } else {
                return false;
            };
        }
    };
    (2..=256).contains(&name.len()) && name.split('/').all(segment)
}

fn mutability(value: Option<String>, filters: &[Exclusion]) -> Result<String> {
    let value = value.unwrap_or_else(|| "MUTABLE".to_owned());
    let excluding = match value.as_str() {
        "MUTABLE" | "IMMUTABLE" => false,
        "MUTABLE_WITH_EXCLUSION" | "IMMUTABLE_WITH_EXCLUSION" => true,
        _ => {
            return fail!(
                "InvalidParameterException",
                "Invalid parameter at 'imageTagMutability' failed to satisfy constraint: 'Member must satisfy enum value \
                 set: [IMMUTABLE, MUTABLE, IMMUTABLE_WITH_EXCLUSION, MUTABLE_WITH_EXCLUSION]'"
            );
        }
    };
    if filters.len() > 5 || filters.is_empty() == excluding || filters.iter().any(|f| f.filter_type != "WILDCARD") {
        return fail!(
            "InvalidParameterException",
            "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: '1 to 5 WILDCARD \
             filters go with a mutability with exclusion, and with no other'"
        );
    }
    Ok(value)
}

fn check_tags(tags: &Tags) -> Result<()> {
    match tags::check(tags) {
        Ok(()) => Ok(()),
        Err(why) if tags.len() > 50 => fail!("TooManyTagsException", "{why}"),
        Err(why) => fail!("InvalidTagParameterException", "{why}"),
    }
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let name = input.repository_name;
    if !legal_name(&name) {
        return fail!(
            "InvalidParameterException",
            "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression \
             '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*''"
        );
    }
    let account = cx.account().to_owned();
    if input.registry_id.is_some_and(|id| id != account) {
        return fail!("InvalidParameterException", "A repository can be created in the caller's registry only");
    }
    let mutability = mutability(input.image_tag_mutability, &input.image_tag_mutability_exclusion_filters)?;
    let tags = tags::from_list(input.tags);
    check_tags(&tags)?;
    let encryption = match input.encryption_configuration {
        None => json!({"encryptionType": "AES256"}),
        Some(e) => match (e.encryption_type.as_str(), e.kms_key) {
            ("AES256", None) => json!({"encryptionType": "AES256"}),
            ("KMS" | "KMS_DSSE", key) => {
                let key = key.unwrap_or_else(|| cx.arn("kms", "alias/aws/ecr"));
                json!({"encryptionType": e.encryption_type, "kmsKey": key})
            }
            _ => {
                return fail!(
                    "InvalidParameterException",
                    "Invalid parameter at 'encryptionConfiguration' failed to satisfy constraint: 'kmsKey can only be \
                     specified with encryptionType KMS'"
                );
            }
        },
    };
    if cx.ecr().repositories.contains_key(&name) {
        return fail!(
            "RepositoryAlreadyExistsException",
            "The repository with name '{name}' already exists in the registry with id '{account}'"
        );
    }
    let repository = Repository {
        arn: cx.arn("ecr", &format!("repository/{name}")),
        name: name.clone(),
        created: cx.now(),
        mutability,
        exclusions: input.image_tag_mutability_exclusion_filters.into_iter().map(|f| f.filter).collect(),
        scan_on_push: input.image_scanning_configuration.is_some_and(|s| s.scan_on_push),
        encryption,
        tags,
        ..Repository::default()
    };
    let answer = json!({"repository": shape(&repository, &account, &cx.region)});
    cx.ecr().repositories.insert(name, repository);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Describe {
    registry_id: Option<String>,
    #[serde(default)]
    repository_names: Vec<String>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let (account, region) = (cx.account().to_owned(), cx.region.clone());
    if !input.repository_names.is_empty() {
        if input.next_token.is_some() || input.max_results.is_some() || input.repository_names.len() > 100 {
            return fail!(
                "InvalidParameterException",
                "Invalid parameter at 'repositoryNames' failed to satisfy constraint: 'up to 100 names, without maxResults'"
            );
        }
        let mut found = Vec::new();
        for name in &input.repository_names {
            found.push(shape(find(cx, name, input.registry_id.as_deref())?, &account, &region));
        }
        return Ok(json!({"repositories": found}));
    }
    let all = cx.ecr().repositories.values().map(|r| (r.name.clone(), shape(r, &account, &region)));
    let size = crate::page::size(input.max_results, 100, 1000, "InvalidParameterException")?;
    let page = page(all, input.next_token.as_deref(), size, "InvalidParameterException")?;
    Ok(bare(json!({"repositories": page.items, "nextToken": page.next})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Delete {
    registry_id: Option<String>,
    repository_name: String,
    #[serde(default)]
    force: bool,
}

pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let (account, region, name) = (cx.account().to_owned(), cx.region.clone(), input.repository_name);
    let repository = find(cx, &name, input.registry_id.as_deref())?;
    if !input.force && !repository.images.is_empty() {
        return fail!(
            "RepositoryNotEmptyException",
            "The repository with name '{name}' in registry with id '{account}' cannot be deleted because it still \
             contains images"
        );
    }
    let mut answer = shape(repository, &account, &region);
    if let Some(members) = answer.as_object_mut() {
        members.remove("imageScanningConfiguration");
        members.remove("encryptionConfiguration");
    }
    cx.ecr().repositories.remove(&name);
    Ok(json!({"repository": answer}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PutMutability {
    registry_id: Option<String>,
    repository_name: String,
    image_tag_mutability: String,
    #[serde(default)]
    image_tag_mutability_exclusion_filters: Vec<Exclusion>,
}

pub(super) fn put_mutability(cx: &mut Cx<'_>, input: PutMutability) -> Result {
    let filters = input.image_tag_mutability_exclusion_filters;
    let value = mutability(Some(input.image_tag_mutability), &filters)?;
    let account = cx.account().to_owned();
    let repository = find(cx, &input.repository_name, input.registry_id.as_deref())?;
    repository.mutability.clone_from(&value);
    repository.exclusions = filters.into_iter().map(|f| f.filter).collect();
    Ok(json!({"registryId": account, "repositoryName": input.repository_name, "imageTagMutability": value}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PutScanning {
    registry_id: Option<String>,
    repository_name: String,
    image_scanning_configuration: Scanning,
}

pub(super) fn put_scanning(cx: &mut Cx<'_>, input: PutScanning) -> Result {
    let account = cx.account().to_owned();
    let scan = input.image_scanning_configuration.scan_on_push;
    find(cx, &input.repository_name, input.registry_id.as_deref())?.scan_on_push = scan;
    Ok(json!({
        "registryId": account,
        "repositoryName": input.repository_name,
        "imageScanningConfiguration": {"scanOnPush": scan},
    }))
}

fn by_arn<'c>(cx: &'c mut Cx<'_>, arn: &str) -> Result<&'c mut Repository> {
    let Some(name) = resource_of(arn, "ecr").and_then(|r| r.strip_prefix("repository/")) else {
        return fail!(
            "InvalidParameterException",
            "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'"
        );
    };
    let registry = arn.split(':').nth(4).map(str::to_owned);
    find(cx, name, registry.as_deref())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TagResource {
    resource_arn: String,
    tags: Vec<Tag>,
}

pub(super) fn tag(cx: &mut Cx<'_>, input: TagResource) -> Result {
    let repository = by_arn(cx, &input.resource_arn)?;
    let mut tags = repository.tags.clone();
    tags.extend(tags::from_list(input.tags));
    check_tags(&tags)?;
    repository.tags = tags;
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UntagResource {
    resource_arn: String,
    tag_keys: Vec<String>,
}

pub(super) fn untag(cx: &mut Cx<'_>, input: UntagResource) -> Result {
    by_arn(cx, &input.resource_arn)?.tags.retain(|key, _| !input.tag_keys.contains(key));
    Ok(Value::Null)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ListTags {
    resource_arn: String,
}

pub(super) fn list_tags(cx: &mut Cx<'_>, input: ListTags) -> Result {
    Ok(json!({"tags": tags::pascal(&by_arn(cx, &input.resource_arn)?.tags)}))
}

#[cfg(test)]
mod tests {
    use super::legal_name;

    #[test]
    fn names() {
        for (name, legal) in [
            ("codedeploy-practice/maintenance", true),
            ("a1", true),
            ("a", false),
            ("a--b", true),
            ("a__b", true),
            ("a___b", false),
            ("a.b_c", true),
            ("A1", false),
            ("-ab", false),
            ("ab-", false),
            ("ab//c", false),
        ] {
            assert_eq!(legal_name(name), legal, "{name}");
        }
    }
}

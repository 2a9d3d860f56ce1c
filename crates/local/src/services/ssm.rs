//! SSM: the parameter store.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Time;
use crate::error::{ApiError, Result, fail};
use crate::page;
use crate::protocol::Protocol;
use crate::services::{Resource, Service, operations};
use crate::tags::{self, Tag, Tags, from_list, pascal};
use crate::throttle::Bucket;
use crate::world::Cx;

/// One region's parameters, by name.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) parameters: BTreeMap<String, Parameter>,
}

/// A parameter with its versions, the latest last.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Parameter {
    pub(crate) versions: Vec<Version>,
    pub(crate) tags: Tags,
}

/// One version of a parameter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) number: u64,
    pub(crate) kind: String,
    pub(crate) value: String,
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) allowed_pattern: Option<String>,
    pub(crate) key_id: Option<String>,
    pub(crate) tier: String,
    pub(crate) data_type: String,
    pub(crate) modified: Time,
}

/// AWS keeps this many versions.
const MOST_VERSIONS: usize = 100;

pub(crate) static SERVICE: Service = Service {
    name: "ssm",
    prefix: "ssm",
    protocol: Protocol::Json { target: "AmazonSSM" },
    invalid: "ValidationException",
    handler,
    bucket,
    on_event: |_, _| {},
    resources,
};

operations! {
    "PutParameter" => put,
    "GetParameter" => get,
    "GetParameters" => get_many,
    "GetParametersByPath" => get_by_path,
    "GetParameterHistory" => history,
    "DescribeParameters" => describe,
    "DeleteParameter" => delete,
    "DeleteParameters" => delete_many,
    "AddTagsToResource" => add_tags,
    "RemoveTagsFromResource" => remove_tags,
    "ListTagsForResource" => list_tags,
}

/// From AWS's page on Systems Manager quotas: transactions per second.
fn bucket(operation: &str) -> Option<Bucket> {
    match operation {
        "GetParameter" | "GetParameters" | "GetParametersByPath" => Some(Bucket::own(40.0, 40.0)),
        "PutParameter" => Some(Bucket::own(3.0, 3.0)),
        "DescribeParameters" | "GetParameterHistory" | "DeleteParameter" | "DeleteParameters" => {
            Some(Bucket::own(5.0, 5.0))
        }
        _ => None,
    }
}

fn resources(cx: &Cx<'_>) -> Vec<Resource> {
    let Some(state) = cx.world.regions.get(&cx.region).map(|region| &region.ssm) else { return Vec::new() };
    state
        .parameters
        .iter()
        .map(|(name, parameter)| Resource { arn: arn(cx, name), kind: "ssm:parameter", tags: parameter.tags.clone() })
        .collect()
}

fn arn(cx: &Cx<'_>, name: &str) -> String {
    cx.arn("ssm", &format!("parameter/{}", name.trim_start_matches('/')))
}

fn not_found() -> ApiError {
    ApiError::new("ParameterNotFound", "")
}

impl Parameter {
    /// The version asked for, or the latest.
    fn version(&self, number: Option<u64>) -> Option<&Version> {
        match number {
            None => self.versions.last(),
            Some(number) => self.versions.iter().find(|version| version.number == number),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Put {
    name: String,
    value: String,
    #[serde(rename = "Type")]
    kind: Option<String>,
    description: Option<String>,
    key_id: Option<String>,
    #[serde(default)]
    overwrite: bool,
    allowed_pattern: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    tier: Option<String>,
    data_type: Option<String>,
}

fn put(cx: &mut Cx<'_>, input: Put) -> Result {
    check_name(&input.name)?;
    let tags = from_list(input.tags);
    check_tags(&tags)?;
    if input.overwrite && !tags.is_empty() {
        return fail!(
            "ValidationException",
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove \
             overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or \
             RemoveTagsFromResource."
        );
    }
    let allowed_pattern = input.allowed_pattern.filter(|pattern| !pattern.is_empty());
    if let Some(pattern) = &allowed_pattern {
        check_pattern(pattern, &input.value)?;
    }
    let tier = match input.tier.as_deref() {
        None | Some("Standard" | "Intelligent-Tiering") => "Standard",
        Some("Advanced") => "Advanced",
        Some(other) => return fail!("ValidationException", "Tier {other} is not known"),
    };
    let most = if tier == "Advanced" { 8192 } else { 4096 };
    if input.value.is_empty() || input.value.len() > most {
        return fail!("ValidationException", "Parameter value must have 1 to {most} characters in tier {tier}");
    }
    let now = cx.now();
    let existing = cx.ssm().parameters.get(&input.name);
    if existing.is_some() && !input.overwrite {
        return fail!(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true."
        );
    }
    let before = existing.and_then(|parameter| parameter.versions.last());
    let Some(kind) = input.kind.or_else(|| before.map(|version| version.kind.clone())) else {
        return fail!("ValidationException", "A parameter type is required when you create a parameter.");
    };
    if !["String", "StringList", "SecureString"].contains(&kind.as_str()) {
        return fail!("UnsupportedParameterType", "The type {kind} is not supported");
    }
    let key_id = if kind == "SecureString" {
        input.key_id.or_else(|| before.and_then(|v| v.key_id.clone())).or_else(|| Some("alias/aws/ssm".to_owned()))
    } else {
        None
    };
    let version = Version {
        number: before.map_or(0, |version| version.number) + 1,
        kind,
        value: input.value,
        description: input.description.or_else(|| before.and_then(|version| version.description.clone())),
        allowed_pattern: allowed_pattern.or_else(|| before.and_then(|version| version.allowed_pattern.clone())),
        key_id,
        tier: tier.to_owned(),
        data_type: input.data_type.unwrap_or_else(|| "text".to_owned()),
        modified: now,
    };
    let answer = json!({"Version": version.number, "Tier": version.tier});
    let parameter = cx.ssm().parameters.entry(input.name).or_insert_with(|| Parameter { versions: Vec::new(), tags });
    parameter.versions.push(version);
    let excess = parameter.versions.len().saturating_sub(MOST_VERSIONS);
    parameter.versions.drain(..excess);
    Ok(answer)
}

/// Refuses a value that the pattern does not find anything in.
fn check_pattern(pattern: &str, value: &str) -> Result<()> {
    // What AWS's engine has beyond this one.
    if ["(?=", "(?!", "(?<=", "(?<!", "(?>"].iter().any(|beyond| pattern.contains(beyond)) {
        return fail!("ValidationException", "The local cloud does not check an AllowedPattern that looks around");
    }
    match regex_lite::Regex::new(pattern) {
        Err(_) => {
            fail!("InvalidAllowedPatternException", "The request does not meet the regular expression requirement.")
        }
        Ok(found) if found.is_match(value) => Ok(()),
        Ok(_) => fail!(
            "ParameterPatternMismatchException",
            "Parameter value, cannot be validated against allowedPattern: {pattern}"
        ),
    }
}

fn check_name(name: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
    if name.is_empty() || name.len() > 1011 || !name.chars().all(allowed) {
        return fail!(
            "ValidationException",
            "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of \
             sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 \
             symbols .-_"
        );
    }
    if name.contains('/') && !name.starts_with('/') {
        return fail!("ValidationException", "Parameter name must be a fully qualified name.");
    }
    let first = name.trim_start_matches('/').to_ascii_lowercase();
    if first.starts_with("aws") || first.starts_with("ssm") {
        return fail!(
            "ValidationException",
            "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive)."
        );
    }
    if name.matches('/').count() > 15 {
        return fail!("HierarchyLevelLimitExceededException", "A hierarchy can have a maximum of 15 levels.");
    }
    Ok(())
}

fn check_tags(tags: &Tags) -> Result<()> {
    tags::check(tags).map_err(|why| {
        let code = if tags.len() > 50 { "TooManyTagsError" } else { "ValidationException" };
        ApiError::new(code, why)
    })
}

/// A name, or an ARN, with or without `:version`; the parameter's own name and the version.
fn resolve(cx: &mut Cx<'_>, text: &str) -> Option<(String, Option<u64>)> {
    let text = match text.strip_prefix("arn:") {
        Some(arn) => arn.split_once(":parameter")?.1,
        None => text,
    };
    let (name, version) = match text.split_once(':') {
        Some((name, version)) => (name, Some(version.parse().ok()?)),
        None => (text, None),
    };
    let parameters = &cx.ssm().parameters;
    // An ARN does not say whether the name began with a slash.
    let names = [name, name.trim_start_matches('/')];
    names.iter().find(|name| parameters.contains_key(**name)).map(|name| ((*name).to_owned(), version))
}

fn render(cx: &mut Cx<'_>, name: &str, number: Option<u64>, decrypt: bool) -> Option<Value> {
    let arn = arn(cx, name);
    let version = cx.ssm().parameters.get(name)?.version(number)?;
    let value =
        if version.kind == "SecureString" && !decrypt { ciphertext(&version.value) } else { version.value.clone() };
    let mut members = json!({
        "Name": name,
        "Type": version.kind,
        "Value": value,
        "Version": version.number,
        "LastModifiedDate": version.modified.epoch_seconds(),
        "ARN": arn,
        "DataType": version.data_type,
    });
    if let Some(number) = number {
        members["Selector"] = json!(format!(":{number}"));
    }
    Some(members)
}

/// What a secret looks like to who does not ask for it: always the same, and not the secret (FNV-1a).
fn ciphertext(secret: &str) -> String {
    let hash = secret.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    format!("AQICAHg{hash:016x}LocalCloud=")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Get {
    name: String,
    #[serde(default)]
    with_decryption: bool,
}

fn get(cx: &mut Cx<'_>, input: Get) -> Result {
    let (name, number) = resolve(cx, &input.name).ok_or_else(not_found)?;
    match render(cx, &name, number, input.with_decryption) {
        Some(parameter) => Ok(json!({"Parameter": parameter})),
        None => fail!(
            "ParameterVersionNotFound",
            "Systems Manager could not find version {} of {name}.",
            number.unwrap_or_default()
        ),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetMany {
    names: Vec<String>,
    #[serde(default)]
    with_decryption: bool,
}

fn at_most_ten(names: &[String]) -> Result<()> {
    if names.is_empty() || names.len() > 10 {
        return fail!(
            "ValidationException",
            "1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length between 1 and 10"
        );
    }
    Ok(())
}

fn get_many(cx: &mut Cx<'_>, input: GetMany) -> Result {
    at_most_ten(&input.names)?;
    let (mut found, mut invalid) = (Vec::new(), Vec::new());
    for text in BTreeSet::from_iter(input.names) {
        let parameter = resolve(cx, &text).and_then(|(name, number)| render(cx, &name, number, input.with_decryption));
        match parameter {
            Some(parameter) => found.push(parameter),
            None => invalid.push(text),
        }
    }
    Ok(json!({"Parameters": found, "InvalidParameters": invalid}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ParameterFilter {
    key: String,
    option: Option<String>,
    #[serde(default)]
    values: Vec<String>,
}

impl ParameterFilter {
    fn passes(&self, name: &str, parameter: &Parameter) -> Result<bool> {
        let Some(version) = parameter.versions.last() else { return Ok(false) };
        let compare = |text: &str| -> Result<bool> {
            let any = |test: &dyn Fn(&str) -> bool| self.values.iter().any(|value| test(value));
            Ok(match self.option.as_deref().unwrap_or("Equals") {
                "Equals" => any(&|value| text == value),
                "BeginsWith" => any(&|value| text.starts_with(value)),
                "Contains" => any(&|value| text.contains(value)),
                other => {
                    return fail!("InvalidFilterOption", "The filter option {other} is not valid for {}", self.key);
                }
            })
        };
        if let Some(key) = self.key.strip_prefix("tag:") {
            return Ok(match parameter.tags.get(key) {
                None => false,
                Some(_) if self.values.is_empty() => true,
                Some(value) => compare(value)?,
            });
        }
        match self.key.as_str() {
            "Name" => compare(name),
            "Type" => compare(&version.kind),
            "KeyId" => version.key_id.as_deref().map_or(Ok(false), compare),
            "Tier" => compare(&version.tier),
            "DataType" => compare(&version.data_type),
            "Path" => {
                let recursive = match self.option.as_deref().unwrap_or("OneLevel") {
                    "OneLevel" => false,
                    "Recursive" => true,
                    other => return fail!("InvalidFilterOption", "The filter option {other} is not valid for Path"),
                };
                Ok(self.values.iter().any(|path| is_under(name, path, recursive)))
            }
            other => fail!("InvalidFilterKey", "The filter key {other} is not valid"),
        }
    }
}

fn is_under(name: &str, path: &str, recursive: bool) -> bool {
    let path = path.trim_end_matches('/');
    name.strip_prefix(path)
        .and_then(|rest| rest.strip_prefix('/'))
        .is_some_and(|rest| !rest.is_empty() && (recursive || !rest.contains('/')))
}

fn matching(cx: &mut Cx<'_>, filters: &[ParameterFilter]) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for (name, parameter) in &cx.ssm().parameters {
        let mut all = true;
        for filter in filters {
            all &= filter.passes(name, parameter)?;
        }
        if all {
            names.push(name.clone());
        }
    }
    Ok(names)
}

fn page_of(names: Vec<String>, token: Option<&str>, size: Option<usize>, most: usize) -> Result<page::Page<String>> {
    let size = size.unwrap_or(most);
    if !(1..=most).contains(&size) {
        return fail!(
            "ValidationException",
            "1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy constraint: Member must have value between 1 and {most}"
        );
    }
    page::page(names.into_iter().map(|name| (name.clone(), name)), token, size, "InvalidNextToken")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetByPath {
    path: String,
    #[serde(default)]
    recursive: bool,
    #[serde(default)]
    parameter_filters: Vec<ParameterFilter>,
    #[serde(default)]
    with_decryption: bool,
    max_results: Option<usize>,
    next_token: Option<String>,
}

fn get_by_path(cx: &mut Cx<'_>, input: GetByPath) -> Result {
    if !input.path.starts_with('/') {
        return fail!(
            "ValidationException",
            "The parameter doesn't meet the parameter name requirements. The path must begin with \"/\"."
        );
    }
    let mut names = matching(cx, &input.parameter_filters)?;
    names.retain(|name| is_under(name, &input.path, input.recursive));
    let page = page_of(names, input.next_token.as_deref(), input.max_results, 10)?;
    let parameters: Vec<Value> =
        page.items.iter().filter_map(|name| render(cx, name, None, input.with_decryption)).collect();
    let mut answer = json!({"Parameters": parameters});
    if let Some(next) = page.next {
        answer["NextToken"] = json!(next);
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct History {
    name: String,
    #[serde(default)]
    with_decryption: bool,
    #[serde(rename = "MaxResults")]
    _max_results: Option<u64>,
    #[serde(rename = "NextToken")]
    _next_token: Option<String>,
}

fn history(cx: &mut Cx<'_>, input: History) -> Result {
    let user = crate::services::sts::caller_arn(cx.account());
    let parameter = cx.ssm().parameters.get(&input.name).ok_or_else(not_found)?;
    let versions: Vec<Value> = parameter
        .versions
        .iter()
        .map(|version| {
            let secret = version.kind == "SecureString" && !input.with_decryption;
            let value = if secret { ciphertext(&version.value) } else { version.value.clone() };
            let mut members = metadata(&input.name, version, &user);
            members["Value"] = json!(value);
            members["Labels"] = json!([]);
            members
        })
        .collect();
    Ok(json!({"Parameters": versions}))
}

fn metadata(name: &str, version: &Version, user: &str) -> Value {
    let mut members = json!({
        "Name": name,
        "Type": version.kind,
        "LastModifiedDate": version.modified.epoch_seconds(),
        "LastModifiedUser": user,
        "Version": version.number,
        "Tier": version.tier,
        "Policies": [],
        "DataType": version.data_type,
    });
    if let Some(pattern) = &version.allowed_pattern {
        members["AllowedPattern"] = json!(pattern);
    }
    if let Some(description) = &version.description {
        members["Description"] = json!(description);
    }
    if let Some(key_id) = &version.key_id {
        members["KeyId"] = json!(key_id);
    }
    members
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Describe {
    #[serde(default)]
    parameter_filters: Vec<ParameterFilter>,
    #[serde(default)]
    filters: Vec<ParameterFilter>,
    max_results: Option<usize>,
    next_token: Option<String>,
    #[serde(default)]
    shared: bool,
}

fn describe(cx: &mut Cx<'_>, mut input: Describe) -> Result {
    if !input.filters.is_empty() && !input.parameter_filters.is_empty() {
        return fail!("ValidationException", "You can use either Filters or ParameterFilters in a single request.");
    }
    input.parameter_filters.extend(input.filters);
    let names = if input.shared { Vec::new() } else { matching(cx, &input.parameter_filters)? };
    let page = page_of(names, input.next_token.as_deref(), input.max_results, 50)?;
    let mut list = Vec::new();
    for name in &page.items {
        let (arn, user) = (arn(cx, name), crate::services::sts::caller_arn(cx.account()));
        if let Some(version) = cx.ssm().parameters.get(name).and_then(|parameter| parameter.versions.last()) {
            let mut members = metadata(name, version, &user);
            members["ARN"] = json!(arn);
            list.push(members);
        }
    }
    let mut answer = json!({"Parameters": list});
    if let Some(next) = page.next {
        answer["NextToken"] = json!(next);
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Delete {
    name: String,
}

fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let (name, _) = resolve(cx, &input.name).ok_or_else(not_found)?;
    cx.ssm().parameters.remove(&name);
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeleteMany {
    names: Vec<String>,
}

fn delete_many(cx: &mut Cx<'_>, input: DeleteMany) -> Result {
    at_most_ten(&input.names)?;
    let (mut deleted, mut invalid) = (Vec::new(), Vec::new());
    for name in input.names {
        match cx.ssm().parameters.remove(&name) {
            Some(_) => deleted.push(name),
            None => invalid.push(name),
        }
    }
    Ok(json!({"DeletedParameters": deleted, "InvalidParameters": invalid}))
}

/// The tags of a parameter, named as the tag operations do.
fn tags_of<'a>(cx: &'a mut Cx<'_>, resource_type: &str, id: &str) -> Result<&'a mut Tags> {
    if resource_type != "Parameter" {
        return fail!("InvalidResourceType", "The local cloud has tags on parameters only, not on {resource_type}");
    }
    let missing = || ApiError::new("InvalidResourceId", format!("The resource ID {id} is not valid"));
    let parameter = cx.ssm().parameters.get_mut(id).ok_or_else(missing)?;
    Ok(&mut parameter.tags)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct AddTags {
    resource_type: String,
    resource_id: String,
    tags: Vec<Tag>,
}

fn add_tags(cx: &mut Cx<'_>, input: AddTags) -> Result {
    let tags = tags_of(cx, &input.resource_type, &input.resource_id)?;
    let mut merged = tags.clone();
    merged.extend(from_list(input.tags));
    check_tags(&merged)?;
    *tags = merged;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RemoveTags {
    resource_type: String,
    resource_id: String,
    tag_keys: Vec<String>,
}

fn remove_tags(cx: &mut Cx<'_>, input: RemoveTags) -> Result {
    tags_of(cx, &input.resource_type, &input.resource_id)?.retain(|key, _| !input.tag_keys.contains(key));
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ListTags {
    resource_type: String,
    resource_id: String,
}

fn list_tags(cx: &mut Cx<'_>, input: ListTags) -> Result {
    Ok(json!({"TagList": pascal(tags_of(cx, &input.resource_type, &input.resource_id)?)}))
}

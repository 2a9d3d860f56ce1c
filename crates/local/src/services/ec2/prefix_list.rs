//! Prefix lists: those of AWS's gateway services, and customers' own.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cidr::{Cidr, canonical_v6};
use super::common::{Describe, PREFIX_LIST, TagSpecification, new_tags, remember, replayed, tag_set};
use super::{State, endpoint_service, route, rule};
use crate::error::{Result, fail};
use crate::filters::Answer;
use crate::page::page;
use crate::tags::Tags;
use crate::world::Cx;

/// A prefix list of a customer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PrefixList {
    pub(crate) id: String,
    pub(crate) name: String,
    family: String,
    most: usize,
    version: u64,
    /// Ranges with their descriptions, of each version from 1 on.
    versions: Vec<Vec<(String, Option<String>)>>,
    state: String,
    pub(crate) tags: Tags,
}

impl PrefixList {
    fn entries(&self) -> &[(String, Option<String>)] {
        self.versions.last().map_or(&[], Vec::as_slice)
    }
}

/// Any range will do for AWS's lists: nothing is routed.
const RANGE_OF_A_SERVICE: &str = "198.51.100.0/24";

/// What AWS keeps beside the lists of the gateway services.
const GLOBAL: &str = "global.cloudfront.origin-facing";

/// AWS's lists, by id, with their names.
fn of_aws(region: &str) -> Vec<(String, String)> {
    let mut lists = endpoint_service::prefix_lists(region);
    lists.push((endpoint_service::prefix_list(GLOBAL, region), format!("com.amazonaws.{GLOBAL}")));
    lists
}

/// A list that a rule may name, of AWS or of a customer.
pub(super) fn check(state: &State, region: &str, id: &str) -> Result<()> {
    PREFIX_LIST.check(id)?;
    if state.prefix_lists.contains_key(id) || of_aws(region).iter().any(|(own, _)| own == id) {
        return Ok(());
    }
    Err(PREFIX_LIST.not_found(id))
}

pub(super) fn describe(cx: &mut Cx<'_>, input: Describe) -> Result {
    let (lists, none) = (endpoint_service::prefix_lists(&cx.region), Tags::new());
    let ask = |(id, name): &(String, String), filter: &str| ask(id, name, "AWS", filter);
    let found = input.find(&PREFIX_LIST, lists.iter().map(|list| (&list.0, list)), 1000, |_| &none, ask)?;
    let set: Vec<Value> = found
        .items
        .iter()
        .map(|(id, name)| json!({"prefixListId": id, "prefixListName": name, "cidrSet": [RANGE_OF_A_SERVICE]}))
        .collect();
    Ok(json!({"prefixListSet": set, "nextToken": found.next}))
}

fn ask(id: &str, name: &str, owner: &str, filter: &str) -> Answer {
    match filter {
        "prefix-list-id" => id.into(),
        "prefix-list-name" => name.into(),
        "owner-id" => owner.into(),
        _ => Answer::Unknown,
    }
}

/// AWS's lists and the customers', with their owners, sorted by id.
fn all(cx: &mut Cx<'_>) -> Vec<(PrefixList, String)> {
    let of_aws = of_aws(&cx.region).into_iter().map(|(id, name)| {
        let list = PrefixList {
            id,
            name,
            family: "IPv4".to_owned(),
            most: 0,
            version: 0,
            versions: vec![vec![(RANGE_OF_A_SERVICE.to_owned(), None)]],
            state: "create-complete".to_owned(),
            tags: Tags::new(),
        };
        (list, "AWS".to_owned())
    });
    let mut all: Vec<_> = of_aws.collect();
    let account = cx.account().to_owned();
    all.extend(cx.ec2().prefix_lists.values().map(|list| (list.clone(), account.clone())));
    all.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
    all
}

pub(super) fn describe_managed(cx: &mut Cx<'_>, input: Describe) -> Result {
    let (lists, region) = (all(cx), cx.region.clone());
    let found = input.find(
        &PREFIX_LIST,
        lists.iter().map(|list| (&list.0.id, list)),
        100,
        |(list, _)| &list.tags,
        |(list, owner), filter| ask(&list.id, &list.name, owner, filter),
    )?;
    let set: Vec<Value> = found.items.iter().map(|(list, owner)| render(list, owner, &region)).collect();
    Ok(json!({"prefixListSet": set, "nextToken": found.next}))
}

fn render(list: &PrefixList, owner: &str, region: &str) -> Value {
    let holder = if owner == "AWS" { "aws" } else { owner };
    let of_aws = owner == "AWS";
    json!({
        "prefixListId": list.id,
        "prefixListName": list.name,
        "prefixListArn": format!("arn:aws:ec2:{region}:{holder}:prefix-list/{}", list.id),
        "addressFamily": list.family,
        "state": list.state,
        "maxEntries": (!of_aws).then_some(list.most),
        "version": (!of_aws).then_some(list.version),
        "ownerId": owner,
        "tagSet": tag_set(&list.tags),
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct NewEntry {
    cidr: String,
    description: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Create {
    prefix_list_name: String,
    max_entries: usize,
    address_family: String,
    #[serde(default, rename = "Entry")]
    entries: Vec<NewEntry>,
    #[serde(default, rename = "TagSpecification")]
    tags: Vec<TagSpecification>,
    client_token: Option<String>,
}

/// Ranges of the list's family, each once.
fn ranges(family: &str, entries: Vec<NewEntry>) -> Result<Vec<(String, Option<String>)>> {
    let mut all: Vec<(String, Option<String>)> = Vec::new();
    for entry in entries {
        let range = match family {
            "IPv4" => entry.cidr.parse::<Cidr>().ok().map(|cidr| cidr.to_string()),
            _ => canonical_v6(&entry.cidr),
        };
        let Some(range) = range else {
            return fail!("InvalidParameterValue", "The CIDR ({}) is invalid for address family {family}", entry.cidr);
        };
        if all.iter().any(|(other, _)| *other == range) {
            return fail!("InvalidParameterValue", "The entry {range} is given twice");
        }
        all.push((range, entry.description));
    }
    Ok(all)
}

pub(super) fn create(cx: &mut Cx<'_>, input: Create) -> Result {
    let request = format!("{} {} {:?}", input.prefix_list_name, input.max_entries, input.entries);
    let tags = new_tags(&input.tags, &PREFIX_LIST)?;
    if !["IPv4", "IPv6"].contains(&input.address_family.as_str()) {
        return fail!("InvalidParameterValue", "Invalid value '{}' for addressFamily", input.address_family);
    }
    if input.prefix_list_name.starts_with("com.amazonaws") {
        return fail!("InvalidParameterValue", "The prefix list name cannot start with com.amazonaws");
    }
    let entries = ranges(&input.address_family, input.entries)?;
    check_size(entries.len(), input.max_entries)?;
    let token = input.client_token.as_deref();
    let id = match replayed(cx, token, &request, |state, id| state.prefix_lists.contains_key(id))? {
        Some(id) => id,
        None => {
            let id = cx.id("pl");
            let list = PrefixList {
                id: id.clone(),
                name: input.prefix_list_name,
                family: input.address_family,
                most: input.max_entries,
                version: 1,
                versions: vec![entries],
                state: "create-complete".to_owned(),
                tags,
            };
            cx.ec2().prefix_lists.insert(id.clone(), list);
            remember(cx, token, request, &id);
            id
        }
    };
    answer(cx, &id)
}

fn check_size(entries: usize, most: usize) -> Result<()> {
    if most == 0 || most > 1000 {
        return fail!("InvalidParameterValue", "Value ({most}) for parameter maxEntries is invalid");
    }
    if entries > most {
        return fail!(
            "PrefixListMaxEntriesExceeded",
            "You've reached the maximum number of entries for the prefix list."
        );
    }
    Ok(())
}

fn answer(cx: &mut Cx<'_>, id: &str) -> Result {
    let (region, account) = (cx.region.clone(), cx.account().to_owned());
    let list = PREFIX_LIST.find(&cx.ec2().prefix_lists, id)?;
    Ok(json!({"prefixList": render(list, &account, &region)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct OldEntry {
    cidr: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Modify {
    prefix_list_id: String,
    current_version: Option<u64>,
    prefix_list_name: Option<String>,
    max_entries: Option<usize>,
    #[serde(default, rename = "AddEntry")]
    add: Vec<NewEntry>,
    #[serde(default, rename = "RemoveEntry")]
    remove: Vec<OldEntry>,
}

/// A change of entries makes a new version; a new name or size does not.
pub(super) fn modify(cx: &mut Cx<'_>, input: Modify) -> Result {
    let list = PREFIX_LIST.find_mut(&mut cx.ec2().prefix_lists, &input.prefix_list_id)?;
    let changes = !input.add.is_empty() || !input.remove.is_empty();
    if changes && input.max_entries.is_some() {
        return fail!(
            "InvalidParameterCombination",
            "You cannot modify the entries and the maximum number of entries at once"
        );
    }
    if changes && input.current_version != Some(list.version) {
        return fail!(
            "PrefixListVersionMismatch",
            "The current version of the prefix list '{}' is {}",
            list.id,
            list.version
        );
    }
    let mut entries = list.entries().to_vec();
    for old in &input.remove {
        let before = entries.len();
        entries.retain(|(range, _)| *range != old.cidr);
        if entries.len() == before {
            return fail!("InvalidParameterValue", "The prefix list has no entry {}", old.cidr);
        }
    }
    for (range, description) in ranges(&list.family, input.add)? {
        entries.retain(|(other, _)| *other != range);
        entries.push((range, description));
    }
    check_size(entries.len(), input.max_entries.unwrap_or(list.most))?;
    if changes {
        list.version += 1;
        list.versions.push(entries);
    }
    list.most = input.max_entries.unwrap_or(list.most);
    list.name = input.prefix_list_name.unwrap_or_else(|| list.name.clone());
    list.state = "modify-complete".to_owned();
    answer(cx, &input.prefix_list_id)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Delete {
    prefix_list_id: String,
}

/// One that is referred to stays, in the state `delete-failed`.
pub(super) fn delete(cx: &mut Cx<'_>, input: Delete) -> Result {
    let id = &input.prefix_list_id;
    let state = cx.ec2();
    if rule::names_list(state, id) || route::names_list(state, id) {
        PREFIX_LIST.find_mut(&mut state.prefix_lists, id)?.state = "delete-failed".to_owned();
        return answer(cx, id);
    }
    let mut answer = answer(cx, &input.prefix_list_id)?;
    answer["prefixList"]["state"] = "delete-complete".into();
    cx.ec2().prefix_lists.remove(&input.prefix_list_id);
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Entries {
    prefix_list_id: String,
    target_version: Option<u64>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn entries(cx: &mut Cx<'_>, input: Entries) -> Result {
    PREFIX_LIST.check(&input.prefix_list_id)?;
    let Some((list, _)) = all(cx).into_iter().find(|(list, _)| list.id == input.prefix_list_id) else {
        return Err(PREFIX_LIST.not_found(&input.prefix_list_id));
    };
    let entries = match input.target_version.filter(|_| list.version > 0) {
        None => list.entries(),
        Some(version) => {
            let at = usize::try_from(version).unwrap_or_default().checked_sub(1);
            match at.and_then(|at| list.versions.get(at)) {
                Some(entries) => entries,
                None => return fail!("InvalidParameterValue", "The prefix list has no version {version}"),
            }
        }
    };
    let items = entries
        .iter()
        .enumerate()
        .map(|(at, (range, text))| (format!("{at:04}"), json!({"cidr": range, "description": text})));
    let page = page(items, input.next_token.as_deref(), input.max_results.unwrap_or(100), "InvalidNextToken")?;
    Ok(json!({"entrySet": page.items, "nextToken": page.next}))
}

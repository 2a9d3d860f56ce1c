//! What families are called.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Group, place};
use crate::ir::Instance;
use crate::record::Before;
use crate::text::snake;

/// A name for each group of one type in a module, with the words for descriptions.
///
/// What was emitted before keeps its name, if it had one and nothing else wants it more.
pub(super) fn names(module: &str, groups: &[Group<'_>], before: &Before) -> Vec<(String, String)> {
    let largest = largest(groups);
    let natural: Vec<(String, String)> =
        groups.iter().enumerate().map(|(n, group)| natural(group, groups.len() == 1, Some(n) == largest)).collect();
    let free = |group: &Group<'_>, name: &str| {
        group.members.iter().enumerate().all(|(m, member)| {
            let key = group.keys.as_ref().and_then(|keys| keys.get(m)).map(String::as_str);
            before.may_stand(&member.id, &place(module, &format!("{}.{name}", member.id.tf), key))
        })
    };
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut kept: BTreeMap<usize, String> = BTreeMap::new();
    // Of several that had one name, the one that would have it anyway keeps it, else the largest.
    let mut order: Vec<usize> = (0..groups.len()).collect();
    let had = |n: usize| groups.get(n).and_then(|group| only_name(group, module, before));
    order.sort_by_key(|n| {
        let same = natural.get(*n).map(|(name, _)| name.as_str()) == had(*n);
        (!same, Reverse(groups.get(*n).map_or(0, |group| group.members.len())), *n)
    });
    for n in order {
        let (Some(group), Some(name)) = (groups.get(n), had(n)) else { continue };
        if !taken.contains(name) && free(group, name) {
            taken.insert(name.to_owned());
            kept.insert(n, name.to_owned());
        }
    }
    let mut names = Vec::with_capacity(groups.len());
    for (n, (group, (name, words))) in groups.iter().zip(natural).enumerate() {
        if let Some(kept) = kept.remove(&n) {
            let words = if kept == name { words } else { kept.replace('_', "-") };
            names.push((kept, words));
            continue;
        }
        let fits = |name: &str| !taken.contains(name) && free(group, name);
        let longer = std::iter::once(name.clone()).chain(longer(group, &name));
        let numbered = (2..).map(|n| format!("{name}_{n}"));
        let Some(chosen) = longer.chain(numbered).find(|name| fits(name)) else { continue };
        let number = chosen.strip_prefix(&format!("{name}_")).filter(|rest| rest.chars().all(|c| c.is_ascii_digit()));
        let words = match number {
            _ if chosen == name => words,
            Some(number) => format!("{words} ({number})"),
            None => chosen.replace('_', "-"),
        };
        taken.insert(chosen.clone());
        names.push((chosen, words));
    }
    names
}

/// The one name that all of a group had that had one.
fn only_name<'b>(group: &Group<'_>, module: &str, before: &'b Before) -> Option<&'b str> {
    let mut names = group.members.iter().filter_map(|member| before.name(&member.id, module));
    let first = names.next()?;
    names.all(|name| name == first).then_some(first)
}

/// The group of several that has no name of its own and most members: it is what people mean by the type.
fn largest(groups: &[Group<'_>]) -> Option<usize> {
    let nameless = groups
        .iter()
        .enumerate()
        .filter(|(_, group)| group.keys.is_some() && group.name.is_none() && common(&group.members).is_none());
    nameless.max_by_key(|(n, group)| (group.members.len(), Reverse(*n))).map(|(n, _)| n)
}

/// What a person would call it.
fn natural(group: &Group<'_>, only: bool, largest: bool) -> (String, String) {
    let Some(first) = group.members.first() else { return ("this".to_owned(), "this".to_owned()) };
    let own = first.label.as_str();
    let named = group.name.as_deref().filter(|name| !name.is_empty() && !says_the_type(name, first.id.tf));
    let words = match (named, group.keys.is_some()) {
        (None, false) if only && !first.named => "this".to_owned(),
        (Some(name), _) => name.to_owned(),
        (None, false) if says_the_type(own, first.id.tf) => "this".to_owned(),
        (None, false) => own.to_owned(),
        (None, true) if only || largest => "this".to_owned(),
        (None, true) => common(&group.members).unwrap_or_else(|| several(&group.members)),
    };
    let name = snake(&words);
    // Of a number; a name begins with a word.
    let name = if name.starts_with('_') { format!("{}{name}", counted(first)) } else { name };
    (name, words)
}

/// True for words that the type says already: `service` of `aws_ecs_service`, `nat` of `aws_nat_gateway`.
fn says_the_type(label: &str, tf: &str) -> bool {
    let name = snake(label);
    matches!(name.as_str(), "_" | "role" | "policy" | "service" | "group" | "repository" | "vpc")
        || name.split('_').all(|word| tf.split('_').any(|of| of == word))
}

/// What a number in a label counts.
fn counted(member: &Instance) -> &'static str {
    match member.id.tf {
        "aws_lb_listener" => "port",
        "aws_lb_listener_rule" => "priority",
        _ => member.noun,
    }
}

/// A name with more words, for one that is taken: what else the label or the resource's part says.
fn longer(group: &Group<'_>, name: &str) -> Option<String> {
    let first = group.members.first()?;
    let own = snake(&first.label);
    let longer = if own.starts_with('_') { format!("{}{own}", counted(first)) } else { own };
    (longer != name).then_some(longer)
}

/// Words for members that have none in common: `api_and_web`.
fn several(members: &[&Instance]) -> String {
    let labels: Vec<&str> = members.iter().map(|member| member.label.as_str()).collect();
    match labels.as_slice() {
        // Numbers say nothing.
        [first, ..] if !first.starts_with(|c: char| c.is_ascii_alphabetic()) => "others".to_owned(),
        [one, two] => format!("{one}-and-{two}"),
        [first, ..] => format!("{first}-and-others"),
        [] => "this".to_owned(),
    }
}

/// The words with which all labels begin.
fn common(members: &[&Instance]) -> Option<String> {
    let words: Vec<Vec<&str>> = members.iter().map(|member| member.label.split('-').collect()).collect();
    let first = words.first()?;
    let shared = (0..first.len()).take_while(|n| words.iter().all(|words| words.get(*n) == first.get(*n))).count();
    (shared > 0).then(|| first[..shared].join("-"))
}

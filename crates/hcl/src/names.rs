//! The stack's name and region inside other texts, and the variables that stand for them.

use std::collections::BTreeMap;

use aomidori_model::{Stack, StackName};

use crate::family::module_name;
use crate::ir::{Id, Instance, Item, Node};
use crate::text::{key, quote};
use crate::write::{From, Limit, Variable};

/// The stack's name and region.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) stack: String,
    pub(crate) region: Option<String>,
    /// The account, if it is known: in a configuration it is whose credentials they are.
    account: Option<String>,
    tags: BTreeMap<String, String>,
    /// The longest stack name with which all names of a module are legal; under `""` that of all.
    limits: BTreeMap<String, usize>,
}

/// True if `word` stands in `text` as a word.
pub(crate) fn mentions(text: &str, word: &str) -> bool {
    place(text, word, 0).is_some()
}

/// Where `word` stands in `text` as a word, from a place on.
fn place(text: &str, word: &str, from: usize) -> Option<usize> {
    if word.is_empty() {
        return None;
    }
    text.match_indices(word).map(|(at, _)| at).filter(|at| *at >= from).find(|at| {
        let before = text[..*at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

/// What stands in place of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Word {
    /// `var.name`.
    Name,
    /// `var.region`.
    Region,
    /// The account of the credentials.
    Account,
}

/// The text in pieces: literals, and what stands in place of words.
pub(crate) fn pieces<'t, W: Copy + Ord>(text: &'t str, words: &[(W, Option<&str>)]) -> Vec<Result<&'t str, W>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while let Some((at, length, word)) = words
        .iter()
        .filter_map(|(word, text_of)| Some((*word, (*text_of)?)))
        .filter_map(|(word, found)| Some((place(text, found, start)?, found.len(), word)))
        .min()
    {
        if at > start {
            pieces.push(Ok(&text[start..at]));
        }
        pieces.push(Err(word));
        start = at + length;
    }
    if start < text.len() || pieces.is_empty() {
        pieces.push(Ok(&text[start..]));
    }
    pieces
}

impl Names {
    pub(crate) fn new(
        stack: &Stack,
        region: Option<String>,
        account: Option<String>,
        instances: &BTreeMap<Id, Instance>,
    ) -> Names {
        let mut limits: BTreeMap<String, usize> = BTreeMap::new();
        let name = stack.name().as_str();
        let (_, most) = StackName::RULE.length;
        for instance in instances.values() {
            let Some(limit) = room(instance, name) else { continue };
            for module in [module_name(instance.id.address.group()), String::new()] {
                let known = limits.entry(module).or_insert(most);
                *known = (*known).min(limit);
            }
        }
        let tags = stack.tags.iter().filter(|(key, _)| *key != "Name").map(|(k, v)| (k.clone(), v.clone())).collect();
        Names { stack: name.to_owned(), region, account, tags, limits }
    }

    /// True if something in `text` is not the same everywhere.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.pieces(text).iter().any(Result::is_err)
    }

    /// The same of all texts of a node.
    pub(crate) fn is_in_node(&self, node: &Node) -> bool {
        let mut found = false;
        node.walk(&mut |node| found |= matches!(node, Node::Name(text) if self.is_in(text)));
        found
    }

    /// The text in pieces: literals, and words in place of name, region and account.
    pub(crate) fn pieces<'t>(&self, text: &'t str) -> Vec<Result<&'t str, Word>> {
        let words = [
            (Word::Name, Some(self.stack.as_str())),
            (Word::Region, self.region.as_deref()),
            (Word::Account, self.account.as_deref()),
        ];
        pieces(text, &words)
    }

    /// Names for modules that are one: what is legal in one of them has to be in all.
    pub(crate) fn level<'m>(&self, modules: impl Iterator<Item = &'m str> + Clone) -> Names {
        let mut names = self.clone();
        if let Some(least) = modules.clone().filter_map(|module| self.limits.get(module)).min() {
            names.limits.extend(modules.map(|module| (module.to_owned(), *least)));
        }
        names
    }

    /// The variable `name`, `region` or `tags` of a module (`""` is a root).
    pub(crate) fn variable(&self, name: &str, module: &str) -> Variable {
        let mut default = None;
        let (about, ty, value, checks) = match name {
            "name" => {
                let (_, most) = StackName::RULE.length;
                let longest = self.limits.get(module).copied().unwrap_or(most);
                (
                    "Name of the environment: part of every name, and the value of the tag aomidori:stack",
                    "string",
                    quote(&self.stack),
                    vec![Limit {
                        condition: format!(
                            "can(regex(\"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$\", var.name)) && length(var.name) <= {longest}"
                        ),
                        message: format!(
                            "The name has 1 to {longest} lower-case letters, digits and hyphens, and starts and ends with a letter or digit."
                        ),
                        bad: Some("\"Not_A_Name\"".to_owned()),
                    }],
                )
            }
            "region" => (
                "AWS region",
                "string",
                quote(self.region.as_deref().unwrap_or("us-east-1")),
                vec![Limit {
                    condition: "can(regex(\"^[a-z]{2}(-[a-z]+)+-[0-9]+$\", var.region))".to_owned(),
                    message: "An AWS region, such as ap-northeast-1.".to_owned(),
                    bad: Some("\"Tokyo\"".to_owned()),
                }],
            ),
            _ => {
                default = Some("{}");
                let rows: Vec<String> =
                    self.tags.iter().map(|(name, value)| format!("  {} = {}\n", key(name), quote(value))).collect();
                let value = if rows.is_empty() { "{}".to_owned() } else { format!("{{\n{}}}", rows.concat()) };
                let checks = if module.is_empty() {
                    vec![Limit {
                        condition: "alltrue([for key in keys(var.tags) : key != \"Name\" && !startswith(key, \"aws:\") && !startswith(key, \"aomidori:\")])".to_owned(),
                        message: "Name, aws:… and aomidori:… are set for each resource by itself.".to_owned(),
                        bad: None,
                    }]
                } else {
                    Vec::new()
                };
                let about = if module.is_empty() {
                    "Tags of every resource"
                } else {
                    "Tags of every resource, the stack's mark included"
                };
                (about, "map(string)", value, checks)
            }
        };
        let (name, about, ty) = (name.to_owned(), about.to_owned(), ty.to_owned());
        Variable { name, about, ty, value, default, checks, from: From::Root }
    }
}

/// How long a text may be that stands for `word` in the names of a resource, by AWS's limits; none if they are without it.
pub(crate) fn room(instance: &Instance, word: &str) -> Option<usize> {
    let room = |(text, longest): (&str, usize)| {
        let times = pieces(text, &[((), Some(word))]).iter().filter(|piece| piece.is_err()).count();
        let rest = text.chars().count() - times * word.chars().count();
        (times > 0).then(|| longest.saturating_sub(rest) / times)
    };
    names(instance).into_iter().filter_map(room).min()
}

/// The names that AWS limits in length, with the limit.
fn names(instance: &Instance) -> Vec<(&str, usize)> {
    let longest = match instance.id.tf {
        "aws_lb" | "aws_lb_target_group" => 32,
        "aws_iam_role" => 64,
        "aws_iam_policy" | "aws_iam_role_policy" => 128,
        "aws_codedeploy_app" | "aws_codedeploy_deployment_group" | "aws_codedeploy_deployment_config" => 100,
        "aws_service_discovery_private_dns_namespace" => 253,
        "aws_cloudwatch_log_group" => 512,
        _ => 255,
    };
    instance
        .body
        .iter()
        .filter_map(|item| match item {
            Item::Attr("name" | "family" | "deployment_group_name" | "deployment_config_name", Node::Name(text)) => {
                Some((text.as_str(), longest))
            }
            _ => None,
        })
        .collect()
}

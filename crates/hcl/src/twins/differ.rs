//! What twins have different values of becomes a variable: the deletion protection of one, the alarm's limit of another.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;

use super::{Likeness, likeness};
use crate::family::{Column, Family};
use crate::ir::{Item, Node};
use crate::layout::{unique, upper_first};
use crate::module::Source;
use crate::names::{Names, pieces};
use crate::text::snake;

/// Families of modules that are written as one.
#[derive(Clone, Debug)]
pub(super) struct Leveled {
    /// Those of the modules, by number.
    pub(super) families: BTreeMap<usize, Family>,
    /// The variables for what they have different values of, besides the word.
    pub(super) own: Vec<Own>,
    /// They are of other forms: what one has a list, block or reference for, another has not.
    pub(super) apart: bool,
}

/// A variable for what modules with one source have different values of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Own {
    pub(crate) name: String,
    pub(crate) about: String,
    /// Terraform's type.
    pub(crate) ty: &'static str,
    /// Some have none.
    pub(crate) optional: bool,
}

/// Lays modules with the same families over each other: the word of each, and what they have different values of, becomes a
/// variable. `taken` are names of variables.
pub(super) fn leveled(source: &Source<'_>, words: &BTreeMap<&str, String>, taken: &BTreeSet<String>) -> Leveled {
    let mut alike: BTreeMap<Likeness<'_>, Vec<(usize, &str)>> = BTreeMap::new();
    for (n, family) in source.families.iter().enumerate() {
        if let Some(word) = words.get(family.module.as_str()) {
            alike.entry(likeness(family)).or_default().push((n, word));
        }
    }
    let mut slots: Vec<Slot> = Vec::new();
    let mut apart = false;
    let mut out = BTreeMap::new();
    for set in alike.into_values().filter(|set| set.len() == words.len()) {
        let families: Vec<&Family> = set.iter().filter_map(|(n, _)| source.families.get(*n)).collect();
        let words: Vec<&str> = set.iter().map(|(_, word)| *word).collect();
        let Some(first) = families.first() else { continue };
        let mut level =
            Level { words: &words, about: first.about(), names: source.names, slots: &mut slots, apart: &mut apart };
        let title = vec![Step::new(&first.title())];
        let bodies: Vec<&[Item]> = families.iter().map(|family| family.body.as_slice()).collect();
        let bodies = level.items(&bodies, &title);
        let columns = level.columns(&families, &title);
        apart |= bodies.is_none() || families.iter().any(|family| family.columns.len() != first.columns.len());
        for (at, ((n, _), family)) in set.iter().zip(&families).enumerate() {
            let mut family = (*family).clone();
            if let Some(body) = bodies.as_ref().and_then(|bodies| bodies.get(at)) {
                family.body.clone_from(body);
            }
            for (column, cells) in family.columns.iter_mut().zip(&columns) {
                if let Some(cells) = cells.as_ref().and_then(|cells| cells.get(at)) {
                    column.cells.clone_from(cells);
                }
            }
            out.insert(*n, family);
        }
    }
    Leveled { families: out, own: named(slots, taken), apart }
}

/// What modules have different values of, in one place or in several.
struct Slot {
    ty: &'static str,
    /// What each has.
    values: Vec<Node>,
    places: Vec<Place>,
}

/// Where a value stands.
struct Place {
    /// What the family is, in words.
    about: String,
    path: Vec<Step>,
}

/// The variables of slots.
fn named(slots: Vec<Slot>, taken: &BTreeSet<String>) -> Vec<Own> {
    let mut taken = taken.clone();
    let name = |slot: &Slot| {
        let places: Vec<(Vec<String>, &Place)> = slot.places.iter().map(|place| (place.words(), place)).collect();
        let (words, place) = match places.as_slice() {
            // What several places have in common: the port of a container.
            [_, _, ..] => {
                let last = |words: &[String]| words.last().cloned().unwrap_or_default();
                let times = |word: &str| places.iter().filter(|(words, _)| last(words) == word).count();
                let best = places.iter().rev().max_by_key(|(words, _)| times(&last(words)))?;
                (vec![last(&best.0)], best.1)
            }
            _ => places.into_iter().next()?,
        };
        // A name begins with a letter, as that of a family does.
        let joined = match (words.join("_"), place.path.first()) {
            (joined, Some(title)) if !joined.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                format!("{}_{joined}", title.text)
            }
            (joined, _) => joined,
        };
        let name = unique(&joined, |name| !taken.contains(name) && !RESERVED.contains(&name));
        taken.insert(name.clone());
        let what = words
            .iter()
            .skip(usize::from(words.len() > 1 && place.path.first().is_some_and(|title| title.text == words[0])));
        let what = what.map(|text| text.replace('_', " ")).collect::<Vec<_>>().join(", ");
        let mut of: Vec<&str> = slot.places.iter().map(|place| place.about.as_str()).collect();
        of.sort_unstable();
        of.dedup();
        let optional = slot.values.contains(&Node::Null);
        Some(Own { name, about: format!("{} ({})", upper_first(&what), of.join(", ")), ty: slot.ty, optional })
    };
    slots.iter().filter_map(name).collect()
}

impl Place {
    /// What it is called: by the names of those that have one (`maintenance_log_level`), or by family and argument, with
    /// the block where the argument says nothing (`listener_rule_path_pattern_values`).
    fn words(&self) -> Vec<String> {
        let last = self.path.len().saturating_sub(1);
        let named = self.path.iter().any(|step| step.named);
        let vague = |step: &Step| matches!(step.text.as_str(), "value" | "values" | "name" | "key" | "id" | "type");
        let is_said = |n: usize, step: &Step| match named {
            true => step.named || (n == last && step.text != "value"),
            false => n == 0 || n == last || (n + 1 == last && self.path.last().is_some_and(vague)),
        };
        let said = self.path.iter().enumerate().filter(|(n, step)| is_said(*n, step));
        said.map(|(_, step)| snake(&apart(&step.text)).trim_matches('_').to_owned()).collect()
    }

    /// The last word of what it is called.
    fn last(&self) -> Option<String> {
        snake(&apart(&self.path.last()?.text)).rsplit('_').next().map(str::to_owned)
    }
}

/// `containerPort` in words.
fn apart(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_uppercase() && out.ends_with(|before: char| before.is_ascii_lowercase()) {
            out.push('_');
        }
        out.push(c);
    }
    out
}

struct Level<'a> {
    words: &'a [&'a str],
    /// What the family is, in words.
    about: String,
    names: &'a Names,
    slots: &'a mut Vec<Slot>,
    /// Something is of other forms.
    apart: &'a mut bool,
}

impl Level<'_> {
    /// The bodies with variables; nothing if they are not of one form. An argument that some have is null in the others.
    fn items(&mut self, bodies: &[&[Item]], path: &[Step]) -> Option<Vec<Vec<Item>>> {
        let (first, rest) = bodies.split_first()?;
        let form = rest.iter().try_fold(first.to_vec(), |form, body| merged(&form, body))?;
        let mut left: Vec<&[Item]> = bodies.to_vec();
        let mut out: Vec<Vec<Item>> = vec![Vec::new(); bodies.len()];
        for item in &form {
            let items: Vec<Option<&Item>> = left
                .iter_mut()
                .map(|left| {
                    let (next, rest) = left.split_first().filter(|(next, _)| alike(next, item))?;
                    *left = rest;
                    Some(next)
                })
                .collect();
            match item {
                Item::Attr(name, _) => {
                    let node = |item: &Option<&'_ Item>| match item {
                        Some(Item::Attr(_, node)) => node.clone(),
                        _ => Node::Null,
                    };
                    let nodes: Vec<Node> = items.iter().map(node).collect();
                    let nodes = self.every(&nodes.iter().collect::<Vec<_>>(), &with(path, Step::new(name)))?;
                    for (body, node) in out.iter_mut().zip(nodes) {
                        body.push(Item::Attr(name, node));
                    }
                }
                Item::Block(name, _) => {
                    let inner = |item: &Option<&'_ Item>| match item {
                        Some(Item::Block(_, items)) => Some(items.clone()),
                        _ => None,
                    };
                    let inner: Vec<Vec<Item>> = items.iter().map(inner).collect::<Option<_>>()?;
                    let inner: Vec<&[Item]> = inner.iter().map(Vec::as_slice).collect();
                    for (body, items) in out.iter_mut().zip(self.items(&inner, &with(path, Step::new(name)))?) {
                        body.push(Item::Block(name, items));
                    }
                }
                Item::Gap | Item::Why(_) => out.iter_mut().for_each(|body| body.push(item.clone())),
            }
        }
        Some(out)
    }

    /// The cells of each column with variables, for each family; nothing where they are not of one form.
    fn columns(&mut self, families: &[&Family], path: &[Step]) -> Vec<Option<Vec<Vec<Node>>>> {
        let Some(first) = families.first() else { return Vec::new() };
        let same = |n: usize| {
            families.iter().all(|family| {
                family.keys == first.keys
                    && family.columns.get(n).map(|column| &column.name)
                        == first.columns.get(n).map(|column| &column.name)
            })
        };
        let keys = first.keys.clone().unwrap_or_default();
        let mut out = Vec::new();
        for (n, column) in first.columns.iter().enumerate() {
            // What a user may choose is a variable in any case.
            let chosen = |column: &Column| {
                let cells = column.cells.iter();
                column.input.is_some() && cells.clone().all(|cell| cell.is_literal() && !self.names.is_in_node(cell))
            };
            if !same(n) || families.iter().filter_map(|family| family.columns.get(n)).any(chosen) {
                out.push(None);
                continue;
            }
            let mut done: Vec<Vec<Node>> = vec![Vec::new(); families.len()];
            for (row, key) in keys.iter().enumerate() {
                let cells: Vec<&Node> =
                    families.iter().filter_map(|family| family.columns.get(n)?.cells.get(row)).collect();
                let path = with(&with(path, Step::new(key)), Step::new(&column.name));
                for (cells, cell) in done.iter_mut().zip(self.every(&cells, &path).unwrap_or_default()) {
                    cells.push(cell);
                }
            }
            out.push(Some(done));
        }
        out
    }

    /// A node of each, as [`Level::node`]; nothing if one has none.
    fn every(&mut self, nodes: &[&Node], path: &[Step]) -> Option<Vec<Node>> {
        (nodes.len() == self.words.len()).then(|| self.node(nodes, path))
    }

    fn node(&mut self, nodes: &[&Node], path: &[Step]) -> Vec<Node> {
        let Some(first) = nodes.first() else { return Vec::new() };
        if nodes.iter().all(|node| node == first) {
            return nodes.iter().map(|node| (*node).clone()).collect();
        }
        if let Some(text) = self.text(nodes) {
            return vec![text; nodes.len()];
        }
        let Some(ty) = kind(nodes) else {
            return match self.parts(nodes, path) {
                Some(done) => done,
                None => {
                    // References to what is in each module are other ones, and are written alike.
                    *self.apart |=
                        !nodes.iter().all(|node| refers(node) && discriminant(*node) == discriminant(*first));
                    nodes.iter().map(|node| (*node).clone()).collect()
                }
            };
        };
        // Texts that only have the word in them stay in their list.
        let before = self.slots.len();
        if let Some(done) = self.parts(nodes, path)
            && self.slots.len() == before
        {
            return done;
        }
        self.slots.truncate(before);
        self.own(nodes, path, ty)
    }

    /// The text that all have but for the word, with what stands in its place.
    fn text(&self, nodes: &[&Node]) -> Option<Node> {
        let name = matches!(nodes.first()?, Node::Name(_));
        let texts: Option<Vec<&str>> = nodes
            .iter()
            .map(|node| match node {
                Node::Str(text) if !name => Some(text.as_str()),
                Node::Name(text) if name => Some(text.as_str()),
                _ => None,
            })
            .collect();
        let make = |text| if name { Node::Name(text) } else { Node::Str(text) };
        let parts = template(&texts?, self.words)?;
        Some(Node::Join(parts.into_iter().map(|part| part.map_or(Node::Twin, make)).collect()))
    }

    /// Nodes of one form, part by part; nothing if they are not.
    fn parts(&mut self, nodes: &[&Node], path: &[Step]) -> Option<Vec<Node>> {
        let first = nodes.first()?;
        let items: Vec<Vec<Node>> =
            nodes.iter().filter(|node| like(first, node)).filter_map(|node| parts(node)).collect();
        let length = items.first()?.len();
        if items.len() < nodes.len() || items.iter().any(|items| items.len() != length) {
            return None;
        }
        let names: Vec<Option<Step>> = (0..length).map(|n| self.name(first, n)).collect();
        let mut done: Vec<Vec<Node>> = vec![Vec::new(); nodes.len()];
        for (n, name) in names.into_iter().enumerate() {
            let column: Vec<&Node> = items.iter().filter_map(|items| items.get(n)).collect();
            let path = name.map_or_else(|| path.to_vec(), |name| with(path, name));
            for (done, node) in done.iter_mut().zip(self.node(&column, &path)) {
                done.push(node);
            }
        }
        Some(nodes.iter().zip(done).map(|(node, items)| rebuilt(node, items)).collect())
    }

    /// What a part of a node is called: by its key, or by its own name.
    fn name(&self, node: &Node, n: usize) -> Option<Step> {
        match node {
            Node::Map(items) => items.get(n).map(|(key, _)| Step::new(key)),
            Node::List(items) => match items.get(n)? {
                Node::Map(items) => items.iter().find_map(|(key, value)| match value {
                    Node::Str(text) | Node::Name(text) if key == "name" && !self.is_word(text) => {
                        Some(Step { text: text.clone(), named: true })
                    }
                    _ => None,
                }),
                _ => None,
            },
            _ => None,
        }
    }

    fn is_word(&self, text: &str) -> bool {
        self.words.contains(&text)
    }

    /// A variable, which stands in all places that say the same of the same values.
    fn own(&mut self, nodes: &[&Node], path: &[Step], ty: &'static str) -> Vec<Node> {
        let place = Place { about: self.about.clone(), path: path.to_vec() };
        let values: Vec<Node> = nodes.iter().map(|node| (*node).clone()).collect();
        let same = |slot: &Slot| {
            slot.ty == ty && slot.values == values && slot.places.iter().any(|other| other.last() == place.last())
        };
        let slot = match self.slots.iter().position(same) {
            Some(slot) => {
                if let Some(slot) = self.slots.get_mut(slot) {
                    slot.places.push(place);
                }
                slot
            }
            None => {
                self.slots.push(Slot { ty, values: values.clone(), places: vec![place] });
                self.slots.len() - 1
            }
        };
        values.into_iter().map(|value| Node::Own(slot, Box::new(value))).collect()
    }
}

/// What no variable of a module can be called.
const RESERVED: &[&str] = &["count", "depends_on", "for_each", "lifecycle", "locals", "providers", "source", "version"];

/// One step on the way to a value, from its family on.
#[derive(Clone, Debug)]
struct Step {
    text: String,
    /// It is the name of one of several: a container's, an environment variable's.
    named: bool,
}

impl Step {
    fn new(text: &str) -> Step {
        Step { text: text.to_owned(), named: false }
    }
}

/// True for two items that say the same, whatever value they give it.
fn alike(a: &Item, b: &Item) -> bool {
    match (a, b) {
        (Item::Attr(a, _), Item::Attr(b, _))
        | (Item::Block(a, _), Item::Block(b, _))
        | (Item::Why(a), Item::Why(b)) => a == b,
        (Item::Gap, Item::Gap) => true,
        _ => false,
    }
}

/// The items of two bodies, in the order of both; nothing if they have blocks of their own, or another order.
fn merged(mut a: &[Item], mut b: &[Item]) -> Option<Vec<Item>> {
    let mut out = Vec::new();
    loop {
        let only = |item: &Item, other: &[Item]| {
            !matches!(item, Item::Block(..)) && !other.iter().any(|there| alike(item, there))
        };
        match (a.split_first(), b.split_first()) {
            (None, None) => return Some(out),
            (Some((x, rest_a)), Some((y, rest_b))) if alike(x, y) => {
                out.push(x.clone());
                (a, b) = (rest_a, rest_b);
            }
            (Some((x, rest)), _) if only(x, b) => {
                out.push(x.clone());
                a = rest;
            }
            (_, Some((y, rest))) if only(y, a) => {
                out.push(y.clone());
                b = rest;
            }
            _ => return None,
        }
    }
}

/// The text that becomes each of `texts` when the word of each stands for nothing; in as many places as it can.
fn template(texts: &[&str], words: &[&str]) -> Option<Vec<Option<String>>> {
    let (first, word) = (*texts.first()?, *words.first()?);
    let found = pieces(first, &[((), Some(word))]);
    let places: Vec<usize> =
        (0..found.len()).filter(|n| found.get(*n).is_some_and(Result::is_err)).take(MOST).collect();
    let mut choices: Vec<u32> = (1..1_u32 << places.len()).collect();
    choices.sort_by_key(|choice| std::cmp::Reverse(choice.count_ones()));
    choices.into_iter().find_map(|choice| {
        let mut parts: Vec<Option<String>> = Vec::new();
        for (n, piece) in found.iter().enumerate() {
            let literal = match piece {
                Ok(literal) => *literal,
                Err(_) if places.iter().position(|at| *at == n).is_some_and(|at| choice >> at & 1 == 1) => {
                    parts.push(None);
                    continue;
                }
                Err(_) => word,
            };
            match parts.last_mut() {
                Some(Some(text)) => text.push_str(literal),
                _ => parts.push(Some(literal.to_owned())),
            }
        }
        let with = |word: &str| parts.iter().map(|part| part.as_deref().unwrap_or(word)).collect::<String>();
        texts.iter().zip(words).all(|(text, word)| with(word) == *text).then_some(parts)
    })
}

/// In how many places of a text a word is looked for.
const MOST: usize = 6;

/// True for what is written by the name of a variable or of a family, whatever it stands for.
fn refers(node: &Node) -> bool {
    matches!(node, Node::Ref(..) | Node::Refs(_) | Node::Keyed { .. } | Node::Input(..) | Node::Member(..))
}

fn with(path: &[Step], step: Step) -> Vec<Step> {
    path.iter().cloned().chain([step]).collect()
}

/// Terraform's type of literals that a variable can stand for.
fn kind(nodes: &[&Node]) -> Option<&'static str> {
    let one = |node: &Node| match node {
        Node::Bool(_) => Some("bool"),
        Node::Int(_) => Some("number"),
        Node::Str(_) | Node::Name(_) => Some("string"),
        Node::List(items) if items.iter().all(|item| matches!(item, Node::Str(_) | Node::Name(_))) => {
            Some("list(string)")
        }
        _ => None,
    };
    let mut kinds = nodes.iter().filter(|node| ***node != Node::Null).map(|node| one(node));
    let first = kinds.next()??;
    kinds.all(|kind| kind == Some(first)).then_some(first)
}

/// True if two nodes differ in their parts at most.
fn like(a: &Node, b: &Node) -> bool {
    match (a, b) {
        (Node::List(_), Node::List(_)) | (Node::Join(_), Node::Join(_)) => true,
        (Node::Call(a, _), Node::Call(b, _)) => a == b,
        (Node::Around(a, _, after_a), Node::Around(b, _, after_b)) => (a, after_a) == (b, after_b),
        (Node::Map(a), Node::Map(b)) => a.iter().map(|(key, _)| key).eq(b.iter().map(|(key, _)| key)),
        _ => false,
    }
}

fn parts(node: &Node) -> Option<Vec<Node>> {
    match node {
        Node::List(items) | Node::Join(items) | Node::Call(_, items) => Some(items.clone()),
        Node::Map(items) => Some(items.iter().map(|(_, item)| item.clone()).collect()),
        Node::Around(_, inner, _) => Some(vec![(**inner).clone()]),
        _ => None,
    }
}

fn rebuilt(node: &Node, parts: Vec<Node>) -> Node {
    match node {
        Node::List(_) => Node::List(parts),
        Node::Join(_) => Node::Join(parts),
        Node::Call(name, _) => Node::Call(name, parts),
        Node::Map(items) => Node::Map(items.iter().map(|(key, _)| key.clone()).zip(parts).collect()),
        Node::Around(before, _, after) => match parts.into_iter().next() {
            Some(inner) => Node::Around(before, Box::new(inner), after),
            None => node.clone(),
        },
        _ => node.clone(),
    }
}

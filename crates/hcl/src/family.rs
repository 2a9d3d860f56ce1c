//! Families: resources of one shape become one resource with `for_each` where a person would write it so.
//!
//! The arguments of the members are laid over each other. What is equal stays; a text that has the member's key in it gets
//! `each.key` in its place; a reference to the member of another family with the same key becomes one by `each.key`; the
//! rest is a table with one row for each member.

use std::collections::{BTreeMap, BTreeSet};

use crate::inputs::Input;
use crate::ir::{Gather, Id, Ignore, Instance, Item, Node};
use crate::text::{quote, snake};

/// One resource or data block.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    pub(crate) module: String,
    pub(crate) tf: &'static str,
    pub(crate) data: bool,
    pub(crate) noun: &'static str,
    pub(crate) file: &'static str,
    pub(crate) name: String,
    pub(crate) why: &'static str,
    /// The members; with more than one, or under a key, each with its key.
    pub(crate) members: Vec<Id>,
    pub(crate) keys: Option<Vec<String>>,
    pub(crate) body: Vec<Item>,
    pub(crate) columns: Vec<Column>,
    pub(crate) ignore: Ignore,
    pub(crate) after: BTreeSet<usize>,
}

/// What differs among the members of a family.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) input: Option<&'static Input>,
    pub(crate) cells: Vec<Node>,
}

/// Where an id is: which family, and under which key.
pub(crate) type Places = BTreeMap<Id, (usize, Option<String>)>;

impl Family {
    /// `aws_subnet.public` or `data.aws_lb.shared`.
    pub(crate) fn reference(&self) -> String {
        let data = if self.data { "data." } else { "" };
        format!("{data}{}.{}", self.tf, self.name)
    }

    /// Where one of it stands, as its root sees it: `module.network.aws_subnet.public["a"]`.
    pub(crate) fn place(&self, key: Option<&str>) -> String {
        let index = key.map(|key| format!("[{}]", quote(key))).unwrap_or_default();
        format!("module.{}.{}{index}", self.module, self.reference())
    }

    /// The words for names of outputs and variables: `public_subnet`; only the noun if it is the only one.
    pub(crate) fn title(&self) -> String {
        if self.name == "this" || self.name == self.noun {
            self.noun.to_owned()
        } else if self.name.ends_with(&format!("_{}", self.noun)) || self.name.starts_with(&format!("{}_", self.noun)) {
            self.name.clone()
        } else {
            format!("{}_{}", self.name, self.noun)
        }
    }

    /// All families that it refers to or comes after.
    pub(crate) fn uses(&self, places: &Places) -> BTreeSet<usize> {
        let mut uses = self.after.clone();
        let mut visit = |node: &Node| match node {
            Node::Ref(id, _) => uses.extend(places.get(id).map(|(family, _)| *family)),
            Node::Keyed { family, .. } => {
                uses.insert(*family);
            }
            _ => {}
        };
        Item::walk(&self.body, &mut visit);
        for column in &self.columns {
            column.cells.iter().for_each(|cell| cell.walk(&mut visit));
        }
        uses
    }
}

/// Forms the families of all instances.
pub(crate) fn families(instances: &BTreeMap<Id, Instance>) -> (Vec<Family>, Places) {
    let mut types: BTreeMap<(String, &'static str, bool), Vec<&Instance>> = BTreeMap::new();
    for instance in instances.values() {
        let module = module_name(instance.id.address.group());
        types.entry((module, instance.id.tf, instance.data)).or_default().push(instance);
    }
    let mut families: Vec<(Family, Vec<&Instance>)> = Vec::new();
    for ((module, tf, data), members) in types {
        let groups = groups(&members);
        let only = groups.len() == 1;
        let mut taken = BTreeSet::new();
        for group in groups {
            let Some(first) = group.members.first() else { continue };
            let own = first.label.as_str();
            let plain = matches!(own, "" | "role" | "policy" | "service" | "group" | "repository" | "vpc");
            let mut name = match (&group.name, group.keys.is_some()) {
                (Some(name), _) if !name.is_empty() && name != "role" => snake(name),
                (_, true) | (_, false) if only && (!first.named || plain) => "this".to_owned(),
                (_, false) if plain || own.is_empty() => "this".to_owned(),
                (_, false) => snake(own),
                (_, true) => common(&group.members).map_or_else(|| "this".to_owned(), |common| snake(&common)),
            };
            if only && !first.named && group.keys.is_none() {
                name = "this".to_owned();
            }
            if name.starts_with('_') {
                // Of a number; a name begins with a word.
                name = format!("{}{name}", first.noun);
            }
            let base = name.clone();
            let mut n = 2;
            while !taken.insert(name.clone()) {
                name = format!("{base}_{n}");
                n += 1;
            }
            let family = Family {
                module: module.clone(),
                tf,
                data,
                noun: first.noun,
                file: first.file,
                name,
                why: first.why,
                members: group.members.iter().map(|member| member.id.clone()).collect(),
                keys: group.keys,
                body: Vec::new(),
                columns: Vec::new(),
                ignore: first.ignore.clone(),
                after: BTreeSet::new(),
            };
            families.push((family, group.members));
        }
    }
    let mut places = Places::new();
    for (n, (family, _)) in families.iter().enumerate() {
        for (m, id) in family.members.iter().enumerate() {
            let key = family.keys.as_ref().and_then(|keys| keys.get(m).cloned());
            places.insert(id.clone(), (n, key));
        }
    }
    let mut done = Vec::with_capacity(families.len());
    for (n, (mut family, members)) in families.into_iter().enumerate() {
        let bodies: Vec<&[Item]> = members.iter().map(|member| member.body.as_slice()).collect();
        match &family.keys {
            None => family.body = bodies.first().map(|body| body.to_vec()).unwrap_or_default(),
            Some(keys) => {
                let mut overlay = Overlay { keys, places: &places, columns: Vec::new() };
                family.body = overlay.items(&bodies, "");
                family.columns = overlay.columns;
            }
        }
        let after = members.iter().flat_map(|member| &member.after);
        let after = after.filter_map(|id| places.get(id)).map(|(family, _)| *family).filter(|to| *to != n);
        let said = family.uses(&places);
        family.after = after.filter(|to| !said.contains(to)).collect();
        done.push(family);
    }
    (done, places)
}

/// The folder of a group: `code-deploy` is `code_deploy`, `1st` is `group_1st`.
pub(crate) fn module_name(group: &str) -> String {
    let name = snake(group);
    if name.starts_with('_') { format!("group{name}") } else { name }
}

struct Group<'a> {
    name: Option<String>,
    members: Vec<&'a Instance>,
    keys: Option<Vec<String>>,
}

/// A member with its key.
type Keyed<'a> = (&'a Instance, String);

fn groups<'a>(members: &[&'a Instance]) -> Vec<Group<'a>> {
    let mut alone = Vec::new();
    let mut sets: BTreeMap<(Option<String>, String), Vec<Keyed<'a>>> = BTreeMap::new();
    for member in members {
        match &member.gather {
            Gather::Alone => alone.push(Group { name: None, members: vec![member], keys: None }),
            Gather::Under(name, key) => {
                let at = (Some(name.clone()), shape(member));
                sets.entry(at).or_default().push((member, key.clone()));
            }
            Gather::Shape => {
                sets.entry((None, shape(member))).or_default().push((member, member.label.clone()));
            }
            Gather::Tier => {
                let (tier, key) = member.label.rsplit_once('-').unwrap_or(("", &member.label));
                sets.entry((Some(tier.to_owned()), shape(member))).or_default().push((member, key.to_owned()));
            }
        }
    }
    let mut out = alone;
    for ((name, _), mut set) in sets {
        let always = set.iter().any(|(member, _)| matches!(member.gather, Gather::Under(..)));
        if set.len() == 1 && !always {
            out.push(Group { name: None, members: set.into_iter().map(|(member, _)| member).collect(), keys: None });
            continue;
        }
        let distinct: BTreeSet<&String> = set.iter().map(|(_, key)| key).collect();
        if distinct.len() < set.len() {
            for (member, key) in &mut set {
                *key = format!("{} {}", member.id.address, member.id.part).trim().to_owned();
            }
        }
        set.sort_by(|(_, a), (_, b)| a.cmp(b));
        let (members, keys) = set.into_iter().unzip();
        out.push(Group { name, members, keys: Some(keys) });
    }
    out.sort_by(|a, b| a.members.first().map(|it| &it.id).cmp(&b.members.first().map(|it| &it.id)));
    out
}

/// The words with which all labels begin.
fn common(members: &[&Instance]) -> Option<String> {
    let words: Vec<Vec<&str>> = members.iter().map(|member| member.label.split('-').collect()).collect();
    let first = words.first()?;
    let shared = (0..first.len()).take_while(|n| words.iter().all(|words| words.get(*n) == first.get(*n))).count();
    (shared > 0).then(|| first[..shared].join("_"))
}

/// What two members of a family must have in common.
fn shape(member: &Instance) -> String {
    let mut out = format!("{:?}", member.ignore);
    for item in &member.body {
        item_shape(item, &mut out);
    }
    out
}

fn item_shape(item: &Item, out: &mut String) {
    match item {
        Item::Attr(name, node) => {
            out.push_str(name);
            out.push('=');
            node_shape(node, out);
            out.push(';');
        }
        Item::Block(name, items) => {
            out.push_str(name);
            out.push('{');
            items.iter().for_each(|item| item_shape(item, out));
            out.push('}');
        }
        Item::Gap => {}
    }
}

fn node_shape(node: &Node, out: &mut String) {
    match node {
        Node::Null
        | Node::Bool(_)
        | Node::Int(_)
        | Node::Str(_)
        | Node::Name(_)
        | Node::Ref(..)
        | Node::Keyed { .. } => {
            out.push('_');
        }
        Node::Code(code) => out.push_str(code),
        Node::Refs(_) => out.push_str("refs"),
        Node::Join(items) | Node::List(items) | Node::Call(_, items) => {
            out.push('[');
            items.iter().for_each(|item| node_shape(item, out));
            out.push(']');
        }
        Node::Map(items) => {
            for (key, item) in items {
                out.push_str(&format!("{key:?}:"));
                node_shape(item, out);
            }
        }
        Node::Input(_, inner) | Node::Member(inner, _) | Node::Around(_, inner, _) => node_shape(inner, out),
    }
}

/// The members of one family laid over each other.
struct Overlay<'a> {
    keys: &'a [String],
    places: &'a Places,
    columns: Vec<Column>,
}

impl Overlay<'_> {
    fn items(&mut self, bodies: &[&[Item]], block: &str) -> Vec<Item> {
        let Some(first) = bodies.first() else { return Vec::new() };
        let mut out = Vec::new();
        for (n, item) in first.iter().enumerate() {
            match item {
                Item::Gap => out.push(Item::Gap),
                Item::Attr(name, _) => {
                    let nodes: Vec<&Node> = bodies
                        .iter()
                        .filter_map(|body| match body.get(n) {
                            Some(Item::Attr(_, node)) => Some(node),
                            _ => None,
                        })
                        .collect();
                    let path =
                        if *name == "name" && !block.is_empty() { format!("{block}_name") } else { (*name).to_owned() };
                    out.push(Item::Attr(name, self.node(&nodes, &path)));
                }
                Item::Block(name, _) => {
                    let inner: Vec<&[Item]> = bodies
                        .iter()
                        .filter_map(|body| match body.get(n) {
                            Some(Item::Block(_, items)) => Some(items.as_slice()),
                            _ => None,
                        })
                        .collect();
                    out.push(Item::Block(name, self.items(&inner, name)));
                }
            }
        }
        out
    }

    fn node(&mut self, nodes: &[&Node], path: &str) -> Node {
        let Some(first) = nodes.first() else { return Node::Null };
        if nodes.iter().all(|node| node == first) {
            return (*first).clone();
        }
        if let Some(text) = self.texts(nodes) {
            return text;
        }
        if let Some(node) = self.references(nodes, path) {
            return node;
        }
        match first {
            Node::Join(items) => match self.each(
                nodes,
                items.len(),
                |node| match node {
                    Node::Join(items) => Some(items),
                    _ => None,
                },
                path,
            ) {
                Some(items) => Node::Join(items),
                None => self.column(nodes, path, None),
            },
            Node::List(items) => match self.each(
                nodes,
                items.len(),
                |node| match node {
                    Node::List(items) => Some(items),
                    _ => None,
                },
                path,
            ) {
                Some(items) => Node::List(items),
                None => self.column(nodes, path, None),
            },
            Node::Refs(items) if items.len() == 1 => match self.each(
                nodes,
                1,
                |node| match node {
                    Node::Refs(items) => Some(items),
                    _ => None,
                },
                path,
            ) {
                Some(items) => Node::Refs(items),
                None => self.column(nodes, path, None),
            },
            Node::Call(name, items) => match self.each(
                nodes,
                items.len(),
                |node| match node {
                    Node::Call(other, items) if other == name => Some(items),
                    _ => None,
                },
                path,
            ) {
                Some(items) => Node::Call(name, items),
                None => self.column(nodes, path, None),
            },
            Node::Map(items) => {
                let mut out = Vec::new();
                for (key, _) in items {
                    let cells: Option<Vec<&Node>> = nodes
                        .iter()
                        .map(|node| match node {
                            Node::Map(items) => items.iter().find(|(other, _)| other == key).map(|(_, node)| node),
                            _ => None,
                        })
                        .collect();
                    match cells {
                        Some(cells) => out.push((key.clone(), self.node(&cells, &snake(key)))),
                        None => return self.column(nodes, path, None),
                    }
                }
                Node::Map(out)
            }
            Node::Around(before, _, after) => {
                let inner: Vec<&Node> = nodes
                    .iter()
                    .filter_map(|node| match node {
                        Node::Around(_, inner, _) => Some(inner.as_ref()),
                        _ => None,
                    })
                    .collect();
                if inner.len() < nodes.len() {
                    return self.column(nodes, path, None);
                }
                Node::Around(before, Box::new(self.node(&inner, path)), after)
            }
            Node::Member(_, member) => {
                let inner: Vec<&Node> = nodes
                    .iter()
                    .filter_map(|node| match node {
                        Node::Member(inner, _) => Some(inner.as_ref()),
                        _ => None,
                    })
                    .collect();
                if inner.len() < nodes.len() {
                    return self.column(nodes, path, None);
                }
                Node::Member(Box::new(self.node(&inner, path)), member)
            }
            _ => {
                let input = nodes.iter().find_map(|node| match node {
                    Node::Input(input, _) => Some(*input),
                    _ => None,
                });
                self.column(nodes, path, input)
            }
        }
    }

    /// The members' lists laid over each other, item by item.
    fn each<'n>(
        &mut self,
        nodes: &[&'n Node],
        length: usize,
        items: impl Fn(&'n Node) -> Option<&'n Vec<Node>>,
        path: &str,
    ) -> Option<Vec<Node>> {
        let lists: Vec<&Vec<Node>> = nodes.iter().map(|node| items(node)).collect::<Option<_>>()?;
        if lists.iter().any(|list| list.len() != length) {
            return None;
        }
        Some(
            (0..length)
                .map(|n| {
                    let cells: Vec<&Node> = lists.iter().filter_map(|list| list.get(n)).collect();
                    self.node(&cells, path)
                })
                .collect(),
        )
    }

    /// Texts that differ by the key only.
    fn texts(&self, nodes: &[&Node]) -> Option<Node> {
        let mut name = false;
        let texts: Vec<&str> = nodes
            .iter()
            .map(|node| match node {
                Node::Str(text) => Some(text.as_str()),
                Node::Name(text) => {
                    name = true;
                    Some(text.as_str())
                }
                _ => None,
            })
            .collect::<Option<_>>()?;
        let (before, after) = around_keys(&texts, self.keys)?;
        let part = |text: String| if name { Node::Name(text) } else { Node::Str(text) };
        let mut parts = Vec::new();
        if !before.is_empty() {
            parts.push(part(before));
        }
        parts.push(Node::Code("each.key".into()));
        if !after.is_empty() {
            parts.push(part(after));
        }
        Some(match <[Node; 1]>::try_from(parts) {
            Ok([only]) => only,
            Err(parts) => Node::Join(parts),
        })
    }

    /// References to members of one other family.
    fn references(&mut self, nodes: &[&Node], path: &str) -> Option<Node> {
        let mut found: Option<(usize, &'static str)> = None;
        let mut nullable = false;
        let mut targets: Vec<Option<&str>> = Vec::new();
        for node in nodes {
            match node {
                Node::Null => {
                    nullable = true;
                    targets.push(None);
                }
                Node::Ref(id, attr) => {
                    let (family, key) = self.places.get(id)?;
                    if found.is_some_and(|known| known != (*family, *attr)) {
                        return None;
                    }
                    found = Some((*family, attr));
                    targets.push(Some(key.as_deref()?));
                }
                _ => return None,
            }
        }
        let (family, attr) = found?;
        let known: Option<Vec<&str>> = targets.iter().copied().collect();
        if let Some((before, after)) = known.and_then(|targets| around_keys(&targets, self.keys)) {
            let each = Node::Code("each.key".into());
            let key = if before.is_empty() && after.is_empty() {
                each
            } else {
                let parts = [Node::Str(before), each, Node::Str(after)];
                Node::Join(parts.into_iter().filter(|part| *part != Node::Str(String::new())).collect())
            };
            return Some(Node::Keyed { family, attr, key: Box::new(key), nullable: false });
        }
        let cells: Vec<Node> = targets.iter().map(|key| key.map_or(Node::Null, Node::str)).collect();
        let cells: Vec<&Node> = cells.iter().collect();
        let name = path.trim_end_matches("_id").trim_end_matches("_arn").trim_end_matches("_ids").trim_end_matches('s');
        let key = self.column(&cells, name, None);
        Some(Node::Keyed { family, attr, key: Box::new(key), nullable })
    }

    /// A column of the table, and the expression for its cell.
    fn column(&mut self, nodes: &[&Node], path: &str, input: Option<&'static Input>) -> Node {
        let cells: Vec<Node> = nodes
            .iter()
            .map(|node| match node {
                Node::Input(_, inner) => inner.as_ref().clone(),
                other => (*other).clone(),
            })
            .collect();
        let mut name = input.map_or(path, |input| input.name).to_owned();
        let base = name.clone();
        let mut n = 2;
        while let Some(other) = self.columns.iter().find(|column| column.name == name) {
            if other.cells == cells && other.input == input {
                return Node::Code(format!("each.value.{name}"));
            }
            name = format!("{base}_{n}");
            n += 1;
        }
        self.columns.push(Column { name: name.clone(), input, cells });
        Node::Code(format!("each.value.{name}"))
    }
}

/// What stands before and after the key in every text, if that is all that differs.
fn around_keys(texts: &[&str], keys: &[String]) -> Option<(String, String)> {
    let (first, key) = (texts.first()?, keys.first()?);
    if key.is_empty() || texts.len() != keys.len() {
        return None;
    }
    // The last place first: an address or a name ends with its key.
    first.rmatch_indices(key.as_str()).find_map(|(at, _)| {
        let (before, after) = (&first[..at], &first[at + key.len()..]);
        let fits = texts.iter().zip(keys).all(|(text, key)| **text == format!("{before}{key}{after}"));
        fits.then(|| (before.to_owned(), after.to_owned()))
    })
}

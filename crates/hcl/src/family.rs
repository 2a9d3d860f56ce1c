//! Families: resources of one shape become one resource with `for_each` where a person would write it so.
//!
//! The arguments of the members are laid over each other. What is equal stays; a text that has the member's key in it gets
//! `each.key` in its place; a reference to the member of another family with the same key becomes one by `each.key`; the
//! rest is a table with one row for each member.

mod naming;

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

use crate::inputs::Input;
use crate::ir::{Gather, Id, Ignore, Instance, Item, Node};
use crate::overlay::Overlay;
use crate::record::Before;
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
    /// The name as the stack spells it, for descriptions.
    words: String,
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

/// Where one of a family stands, as its root sees it.
fn place(module: &str, family: &str, key: Option<&str>) -> String {
    let index = key.map(|key| format!("[{}]", quote(key))).unwrap_or_default();
    format!("module.{module}.{family}{index}")
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
        place(&self.module, &self.reference(), key)
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

    /// Its name for descriptions: `maintenance-bg`.
    pub(crate) fn words(&self) -> &str {
        &self.words
    }

    /// The words of [`Family::title`] for descriptions: `maintenance-bg service`.
    pub(crate) fn about(&self) -> String {
        let noun =
            self.noun.replace('_', " ").replace("eip", "Elastic IP").replace("vpc", "VPC").replace("nat ", "NAT ");
        let title = self.title();
        if self.name == "this" || self.name == self.noun {
            noun
        } else if let Some(number) = self.name.strip_prefix("this_") {
            format!("{noun} {number}")
        } else if title == self.name {
            self.words.clone()
        } else {
            format!("{} {noun}", self.words)
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

/// Forms the families of all instances: as large as they can be without needing each other in a circle.
pub(crate) fn families(instances: &BTreeMap<Id, Instance>, before: &Before) -> (Vec<Family>, Places) {
    let mut apart = BTreeSet::new();
    loop {
        let (families, places) = form(instances, &apart, before);
        let more = circles(&families, &places, instances);
        let before = apart.len();
        apart.extend(more);
        if apart.len() == before {
            return (families, places);
        }
    }
}

/// Members that have to stand alone, because their families need each other in a circle while they themselves do not.
fn circles(families: &[Family], places: &Places, instances: &BTreeMap<Id, Instance>) -> BTreeSet<Id> {
    let own = |n: usize, id: &Id| {
        instances
            .get(id)
            .is_some_and(|instance| instance.after.iter().filter_map(|on| places.get(on)).any(|(on, _)| *on == n))
    };
    let mut graph: DiGraphMap<usize, ()> = DiGraphMap::new();
    for (n, family) in families.iter().enumerate() {
        for on in family.uses(places) {
            graph.add_edge(n, on, ());
        }
        if family.members.iter().any(|id| own(n, id)) {
            graph.add_edge(n, n, ());
        }
    }
    let mut apart = BTreeSet::new();
    for circle in tarjan_scc(&graph) {
        let to_itself = circle.first().is_some_and(|only| graph.contains_edge(*only, *only));
        if circle.len() < 2 && !to_itself {
            continue;
        }
        let several = || circle.iter().filter_map(|n| families.get(*n)).filter(|family| family.members.len() > 1);
        // Those that come after something in the circle, if that is what closes it; else all.
        let late = |id: &&Id| {
            instances.get(*id).is_some_and(|instance| {
                instance.after.iter().filter_map(|on| places.get(on)).any(|(on, _)| circle.contains(on))
            })
        };
        let members: BTreeSet<Id> = several().flat_map(|family| &family.members).filter(late).cloned().collect();
        if members.is_empty() {
            apart.extend(several().flat_map(|family| family.members.iter().cloned()));
        } else {
            apart.extend(members);
        }
    }
    apart
}

/// Forms families, of which those that are `apart` are none.
fn form(instances: &BTreeMap<Id, Instance>, apart: &BTreeSet<Id>, before: &Before) -> (Vec<Family>, Places) {
    let mut types: BTreeMap<(String, &'static str, bool), Vec<&Instance>> = BTreeMap::new();
    for instance in instances.values() {
        let module = module_name(instance.id.address.group());
        types.entry((module, instance.id.tf, instance.data)).or_default().push(instance);
    }
    let mut families: Vec<(Family, Vec<&Instance>)> = Vec::new();
    for ((module, tf, data), members) in types {
        let groups = groups(&members, apart);
        let names = naming::names(&module, &groups, before);
        for (group, (name, words)) in groups.into_iter().zip(names) {
            let Some(first) = group.members.first() else { continue };
            let family = Family {
                module: module.clone(),
                tf,
                data,
                noun: first.noun,
                file: first.file,
                name,
                words,
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

fn groups<'a>(members: &[&'a Instance], apart: &BTreeSet<Id>) -> Vec<Group<'a>> {
    let mut alone = Vec::new();
    let mut sets: BTreeMap<(Option<String>, String), Vec<Keyed<'a>>> = BTreeMap::new();
    for member in members {
        match &member.gather {
            _ if apart.contains(&member.id) => alone.push(Group { name: None, members: vec![member], keys: None }),
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
            match node {
                // Who may assume it is what roles are told apart by.
                Node::Ref(id, _) if *name == "assume_role_policy" => out.push_str(&format!("{id:?}")),
                // Of texts there may be more in one than in another.
                Node::List(items) if *name == "values" && items.iter().all(is_text) => out.push_str("texts"),
                _ => node_shape(node, out),
            }
            out.push(';');
        }
        Item::Block(name, items) => {
            out.push_str(name);
            out.push('{');
            items.iter().for_each(|item| item_shape(item, out));
            out.push('}');
        }
        Item::Gap | Item::Why(_) => {}
    }
}

fn is_text(node: &Node) -> bool {
    matches!(node, Node::Str(_) | Node::Name(_))
}

fn node_shape(node: &Node, out: &mut String) {
    match node {
        Node::Null
        | Node::Bool(_)
        | Node::Int(_)
        | Node::Str(_)
        | Node::Name(_)
        | Node::Ref(..)
        | Node::Own(..)
        | Node::Twin
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

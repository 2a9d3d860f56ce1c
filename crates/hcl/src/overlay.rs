//! The members of one family laid over each other: what is equal stays, what differs becomes `each.key` or a column.

use crate::family::{Column, Places};
use crate::inputs::Input;
use crate::ir::{Item, Node};
use crate::text::snake;

/// The members of one family laid over each other.
pub(crate) struct Overlay<'a> {
    pub(crate) keys: &'a [String],
    pub(crate) places: &'a Places,
    pub(crate) columns: Vec<Column>,
}

impl Overlay<'_> {
    pub(crate) fn items(&mut self, bodies: &[&[Item]], block: &str) -> Vec<Item> {
        let Some(first) = bodies.first() else { return Vec::new() };
        let mut out = Vec::new();
        for (n, item) in first.iter().enumerate() {
            match item {
                Item::Gap | Item::Why(_) => out.push(item.clone()),
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
                        Some(cells) => out.push((key.clone(), self.node(&cells, &words(key)))),
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
        let mut targets: Vec<&str> = Vec::new();
        for node in nodes {
            // One that refers to nothing has no key: then each row says what it refers to.
            let Node::Ref(id, attr) = node else { return None };
            let (family, key) = self.places.get(id)?;
            if found.is_some_and(|known| known != (*family, *attr)) {
                return None;
            }
            found = Some((*family, attr));
            targets.push(key.as_deref()?);
        }
        let (family, attr) = found?;
        if let Some((before, after)) = around_keys(&targets, self.keys) {
            let each = Node::Code("each.key".into());
            let key = if before.is_empty() && after.is_empty() {
                each
            } else {
                let parts = [Node::Str(before), each, Node::Str(after)];
                Node::Join(parts.into_iter().filter(|part| *part != Node::Str(String::new())).collect())
            };
            return Some(Node::Keyed { family, attr, key: Box::new(key) });
        }
        let cells: Vec<Node> = targets.into_iter().map(Node::str).collect();
        let cells: Vec<&Node> = cells.iter().collect();
        let name = path.trim_end_matches("_id").trim_end_matches("_arn").trim_end_matches("_ids").trim_end_matches('s');
        let key = self.column(&cells, name, None);
        Some(Node::Keyed { family, attr, key: Box::new(key) })
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
        let mut name = input.map_or_else(|| attribute(path), |input| input.name.to_owned());
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

/// The name of a column as an attribute of an object: no word of HCL's, and a word at all.
fn attribute(path: &str) -> String {
    match path.trim_matches('_') {
        "" => "value".to_owned(),
        word @ ("null" | "true" | "false" | "for" | "if" | "in") => format!("{word}_value"),
        word if word.starts_with(|c: char| c.is_ascii_digit()) => format!("value_{word}"),
        word => word.to_owned(),
    }
}

/// A key in snake case: `containerPort` is `container_port`.
fn words(key: &str) -> String {
    let mut out = String::new();
    for c in key.chars() {
        if c.is_ascii_uppercase() && out.ends_with(|before: char| before.is_ascii_lowercase()) {
            out.push('_');
        }
        out.push(c);
    }
    snake(&out)
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

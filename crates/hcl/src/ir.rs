//! What is emitted, before it is text: resources of Terraform whose arguments are trees that know their references.
//!
//! Trees of several resources of one shape can be laid over each other ([`family`](crate::family)), which is how
//! `for_each` comes about.

use std::collections::BTreeSet;

use aomidori_model::Address;

use crate::inputs::Input;

/// One resource or data source of Terraform, before families are formed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id {
    /// Terraform's type.
    pub(crate) tf: &'static str,
    /// The resource of the stack that it comes from.
    pub(crate) address: Address,
    /// Which part of it; empty for the resource itself.
    pub(crate) part: String,
}

impl Id {
    /// The resource itself.
    pub(crate) fn of(tf: &'static str, address: &Address) -> Id {
        Id { tf, address: address.clone(), part: String::new() }
    }

    /// A part of it.
    pub(crate) fn part(tf: &'static str, address: &Address, part: impl Into<String>) -> Id {
        Id { tf, address: address.clone(), part: part.into() }
    }
}

/// The value of an argument.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Int(i64),
    /// A literal text.
    Str(String),
    /// A text in which the stack's name and region stand for themselves: they become variables.
    Name(String),
    /// An attribute of a resource of the stack.
    Ref(Id, &'static str),
    /// A text put together from parts.
    Join(Vec<Node>),
    List(Vec<Node>),
    /// Ids whose order means nothing.
    Refs(Vec<Node>),
    Map(Vec<(String, Node)>),
    Call(&'static str, Vec<Node>),
    /// An expression around another one.
    Around(&'static str, Box<Node>, &'static str),
    /// An expression of our own, on one line.
    Code(String),
    /// Something that a user of the module may want to choose.
    Input(&'static Input, Box<Node>),
    /// The word that tells modules with one source apart. Made by [`twins`](crate::twins) only.
    Twin,
    /// A literal that modules with one source have different values of, and the number of the variable for it. Made by
    /// [`twins`](crate::twins) only.
    Own(usize, Box<Node>),
    /// A member of an object.
    Member(Box<Node>, &'static str),
    /// An attribute of one of a family, by an expression for its key. Made by [`overlay`](crate::overlay) only.
    Keyed {
        family: usize,
        attr: &'static str,
        key: Box<Node>,
    },
}

impl Node {
    pub(crate) fn str(text: impl Into<String>) -> Node {
        Node::Str(text.into())
    }

    pub(crate) fn opt<T>(value: Option<T>, make: impl FnOnce(T) -> Node) -> Node {
        value.map_or(Node::Null, make)
    }

    pub(crate) fn input(input: &'static Input, value: Node) -> Node {
        Node::Input(input, Box::new(value))
    }

    pub(crate) fn strs<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Node {
        Node::List(texts.into_iter().map(|text| Node::Str(text.into())).collect())
    }

    /// Calls `visit` for this node and each one inside.
    pub(crate) fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Node)) {
        visit(self);
        match self {
            Node::Join(items) | Node::List(items) | Node::Refs(items) | Node::Call(_, items) => {
                items.iter().for_each(|item| item.walk(visit));
            }
            Node::Map(items) => items.iter().for_each(|(_, item)| item.walk(visit)),
            Node::Around(_, inner, _) | Node::Input(_, inner) | Node::Member(inner, _) | Node::Own(_, inner) => {
                inner.walk(visit);
            }
            Node::Keyed { key, .. } => key.walk(visit),
            Node::Null
            | Node::Bool(_)
            | Node::Int(_)
            | Node::Str(_)
            | Node::Name(_)
            | Node::Ref(..)
            | Node::Twin
            | Node::Code(_) => {}
        }
    }

    /// True if it needs nothing but itself to be written down.
    pub(crate) fn is_literal(&self) -> bool {
        let mut literal = true;
        self.walk(&mut |node| {
            literal &= !matches!(node, Node::Ref(..) | Node::Keyed { .. } | Node::Own(..) | Node::Twin | Node::Code(_))
        });
        literal
    }
}

/// A line or block in the body of a resource.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    Attr(&'static str, Node),
    Block(&'static str, Vec<Item>),
    /// A blank line.
    Gap,
    /// A comment before the next argument.
    Why(&'static str),
}

impl Item {
    pub(crate) fn walk<'a>(items: &'a [Item], visit: &mut impl FnMut(&'a Node)) {
        for item in items {
            match item {
                Item::Attr(_, node) => node.walk(visit),
                Item::Block(_, inner) => Item::walk(inner, visit),
                Item::Gap | Item::Why(_) => {}
            }
        }
    }
}

/// One resource or data source, with what its family is formed by.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) id: Id,
    pub(crate) data: bool,
    /// What a person calls it, for names of outputs: `subnet`.
    pub(crate) noun: &'static str,
    /// The file of the module that it belongs in.
    pub(crate) file: &'static str,
    /// The name that tells it from others of its type in the module; words joined by `-`.
    pub(crate) label: String,
    /// How families are formed.
    pub(crate) gather: Gather,
    /// Keeps its own name, even if it is the only one of its type.
    pub(crate) named: bool,
    /// Comment lines before it.
    pub(crate) why: &'static str,
    pub(crate) body: Vec<Item>,
    /// What `ignore_changes` names, with the reason.
    pub(crate) ignore: Ignore,
    /// Comes after these, without referring to them.
    pub(crate) after: BTreeSet<Id>,
}

/// What `ignore_changes` names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ignore {
    pub(crate) reason: &'static str,
    pub(crate) fields: Vec<&'static str>,
    /// What is live and the stack does not describe: an import shall not undo it.
    pub(crate) undescribed: BTreeSet<&'static str>,
}

/// How families are formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gather {
    /// Stands alone.
    Alone,
    /// With all of its shape.
    Shape,
    /// With those of its shape that have the same label but for its last word, which is the key.
    Tier,
    /// With those of the same family name, under this key.
    Under(String, String),
}

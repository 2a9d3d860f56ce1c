//! What was emitted into a folder: of which stack, in which roots, and where each resource stands in Terraform's state.
//!
//! With it, emitting again keeps names as they are, and says with `moved` blocks what stands elsewhere now: without them
//! Terraform would destroy what is live and make it anew under its new address.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aomidori_model::Address;
use serde_json::{Value, json};

use crate::family::{Family, Places};
use crate::ir::{Id, Instance};
use crate::root::Plan;
use crate::text::align;
use crate::{File, Layout};

/// The file beside what is emitted that holds a [`Record`].
pub const RECORD: &str = ".aomidori.json";

/// What was emitted into a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The stack.
    pub stack: String,
    /// How roots are cut.
    pub layout: Layout,
    /// By root and resource, where it stands. Resources are `ADDRESS TYPE PART`.
    roots: BTreeMap<String, BTreeMap<String, String>>,
    /// By root, where resources stood before, and where they went.
    moved: BTreeMap<String, BTreeMap<String, String>>,
}

/// Why emitting over what is there would make Terraform destroy what is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The folder is another stack's.
    OtherStack {
        /// Whose it is.
        stack: String,
    },
    /// Resources go from one root to another, or a root has another folder: their state is kept in the old one.
    OtherRoot {
        /// The folder that they are in; empty for the top.
        from: String,
        /// The folder that they would be in.
        to: String,
        /// How many.
        count: usize,
        /// The first of them.
        first: Address,
    },
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = |folder: &str| if folder.is_empty() { "the top".to_owned() } else { format!("`{folder}`") };
        match self {
            Conflict::OtherStack { stack } => {
                write!(f, "it holds the stack `{stack}`: Terraform would destroy what it made of that one")
            }
            Conflict::OtherRoot { from, to, count, first } => {
                let (from, to) = (root(from), root(to));
                write!(
                    f,
                    "{count} resources, the first {first}, are in the root at {from} and would be in the one at {to}, with \
                     another state: Terraform would destroy what the old state has, and make it anew"
                )
            }
        }
    }
}

impl Record {
    /// What is in the text of a [`RECORD`]; none if it cannot be read.
    pub fn parse(text: &str) -> Option<Record> {
        let value: Value = serde_json::from_str(text).ok()?;
        let texts = |value: &Value| -> Option<BTreeMap<String, String>> {
            value.as_object()?.iter().map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
        };
        let by_root = |name: &str| -> Option<BTreeMap<String, BTreeMap<String, String>>> {
            value.get(name)?.as_object()?.iter().map(|(root, value)| Some((root.clone(), texts(value)?))).collect()
        };
        Some(Record {
            stack: value.get("stack")?.as_str()?.to_owned(),
            layout: match value.get("layout")?.as_str()? {
                "single" => Layout::Single,
                "split" => Layout::Split,
                _ => return None,
            },
            roots: by_root("roots")?,
            moved: by_root("moved")?,
        })
    }

    fn file(&self) -> File {
        let layout = match self.layout {
            Layout::Single => "single",
            Layout::Split => "split",
        };
        let value = json!({ "stack": self.stack, "layout": layout, "roots": self.roots, "moved": self.moved });
        File { path: RECORD.to_owned(), text: format!("{value:#}\n") }
    }

    /// What speaks against emitting `after` where this was emitted.
    pub fn conflicts(&self, after: &Record) -> Vec<Conflict> {
        if self.stack != after.stack {
            return vec![Conflict::OtherStack { stack: self.stack.clone() }];
        }
        let now: BTreeMap<&String, &String> =
            after.roots.iter().flat_map(|(root, places)| places.keys().map(move |id| (id, root))).collect();
        let mut apart: BTreeMap<(&String, &String), Vec<&String>> = BTreeMap::new();
        for (root, id) in self.roots.iter().flat_map(|(root, places)| places.keys().map(move |id| (root, id))) {
            if let Some(to) = now.get(id).filter(|to| **to != root) {
                apart.entry((root, to)).or_default().push(id);
            }
        }
        let conflict = |((from, to), ids): ((&String, &String), Vec<&String>)| {
            let first = ids.first()?.split(' ').next()?.parse().ok()?;
            Some(Conflict::OtherRoot { from: from.clone(), to: to.clone(), count: ids.len(), first })
        };
        apart.into_iter().filter_map(conflict).collect()
    }

    /// The roots' folders; empty for the top.
    pub fn roots(&self) -> impl Iterator<Item = &str> {
        self.roots.keys().map(String::as_str)
    }
}

/// Where resources stood, for those who name families.
#[derive(Debug, Default)]
pub(crate) struct Before {
    by_id: BTreeMap<String, String>,
    /// Of what is still in the stack, and of the rest.
    by_place: BTreeMap<String, (String, bool)>,
}

impl Before {
    /// `stack` and `instances` are those of now: what was another stack's is no guide.
    pub(crate) fn new(record: Option<&Record>, stack: &str, instances: &BTreeMap<Id, Instance>) -> Before {
        let mut before = Before::default();
        let Some(record) = record.filter(|record| record.stack == stack) else { return before };
        let now: BTreeSet<String> = instances.keys().map(text).collect();
        for (id, place) in record.roots.values().flatten() {
            before.by_id.insert(id.clone(), place.clone());
            before.by_place.insert(place.clone(), (id.clone(), now.contains(id)));
        }
        before
    }

    /// The name that a resource had: `public` of `module.network.aws_subnet.public["a"]`.
    pub(crate) fn name(&self, id: &Id, module: &str) -> Option<&str> {
        let place = self.by_id.get(&text(id))?.strip_prefix("module.")?;
        let rest = place.strip_prefix(module)?.strip_prefix('.')?.strip_prefix(id.tf)?.strip_prefix('.')?;
        rest.split('[').next()
    }

    /// True if a resource may stand there: nothing else did whose state would be taken for its own.
    pub(crate) fn may_stand(&self, id: &Id, place: &str) -> bool {
        let Some((other, stays)) = self.by_place.get(place) else { return true };
        let own = text(id);
        // A new one may follow one that is gone.
        *other == own || !(*stays || self.by_id.contains_key(&own))
    }
}

fn text(id: &Id) -> String {
    format!("{} {} {}", id.address, id.tf, id.part).trim_end().to_owned()
}

/// The record of what is emitted now.
pub(crate) fn record(
    stack: &str,
    layout: Layout,
    families: &[Family],
    places: &Places,
    plans: &[Plan],
    before: Option<&Record>,
) -> Record {
    let mut record = Record { stack: stack.to_owned(), layout, ..Record::default() };
    for (id, (n, key)) in places {
        let Some(family) = families.get(*n).filter(|family| !family.data) else { continue };
        if let Some(plan) = plans.iter().find(|plan| plan.modules.contains(&family.module)) {
            let root = record.roots.entry(plan.folder.clone()).or_default();
            root.insert(text(id), family.place(key.as_deref()));
        }
    }
    let Some(before) = before.filter(|before| before.stack == stack) else { return record };
    for (root, now) in &record.roots {
        let empty = BTreeMap::new();
        let then = before.roots.get(root).unwrap_or(&empty);
        let steps: BTreeMap<&String, &String> =
            then.iter().filter_map(|(id, place)| Some((place, now.get(id)?))).filter(|(from, to)| from != to).collect();
        // Whoever has not applied the last one yet goes both ways at once.
        let mut moved: BTreeMap<String, String> = before.moved.get(root).unwrap_or(&empty).clone();
        for to in moved.values_mut() {
            if let Some(next) = steps.get(to) {
                to.clone_from(next);
            }
        }
        moved.extend(steps.into_iter().map(|(from, to)| (from.clone(), to.clone())));
        // Terraform refuses a word about a place where something stands, or to one where nothing does.
        let taken: BTreeSet<&String> = now.values().collect();
        moved.retain(|from, to| !taken.contains(from) && taken.contains(to));
        if !moved.is_empty() {
            record.moved.insert(root.clone(), moved);
        }
    }
    record
}

/// The record, and the `moved.tf` of each root that has one.
pub(crate) fn files(record: &Record) -> Vec<File> {
    let moved = record.moved.iter().map(|(root, moved)| {
        let blocks: Vec<String> =
            moved.iter().map(|(from, to)| format!("moved {{\n  from = {from}\n  to = {to}\n}}\n")).collect();
        let path = if root.is_empty() { "moved.tf".to_owned() } else { format!("{root}/moved.tf") };
        let about = "# What stands elsewhere than in what was emitted before. These may go once they are applied everywhere.\n\n";
        File { path, text: align(&format!("{about}{}", blocks.join("\n"))) }
    });
    moved.chain([record.file()]).collect()
}

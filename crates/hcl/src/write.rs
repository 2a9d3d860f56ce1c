//! Families as text, inside one module: expressions, blocks, tables, and the variables that they need.

use std::collections::{BTreeMap, BTreeSet};

use crate::family::{Column, Family, Places};
use crate::inputs::Input;
use crate::ir::{Item, Node};
use crate::layout::{Ids, WIDE, lines, list, lower_first, of_all, plural, rows_text, unique, upper_first};
use crate::module::Source;
use crate::names::{Names, Word};
use crate::text::{escape, joined, key, quote};
use crate::twins::Twin;
use crate::wiring::{Outputs, READY, reaches};

/// A variable of a module.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) ty: String,
    /// What this stack has, as HCL; for what comes from another module, something that looks like it.
    pub(crate) value: String,
    /// What holds if nothing is said, as HCL.
    pub(crate) default: Option<&'static str>,
    pub(crate) checks: Vec<Limit>,
    pub(crate) from: From,
}

/// A `validation`, with a value that it refuses.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Limit {
    pub(crate) condition: String,
    pub(crate) message: String,
    pub(crate) bad: Option<String>,
}

/// Where a variable's value comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum From {
    /// Whoever uses the configuration.
    User,
    /// An output of another module.
    Output(usize, &'static str),
    /// The root: the stack's name, region or tags.
    Root,
    /// The call: which of several modules with one source it is.
    Twin,
}

/// Writes the families of one module.
pub(crate) struct Writer<'a> {
    pub(crate) families: &'a [Family],
    uses: &'a [BTreeSet<usize>],
    pub(crate) places: &'a Places,
    pub(crate) outputs: &'a Outputs,
    pub(crate) names: &'a Names,
    pub(crate) module: &'a str,
    /// What tells it from others that have one source with it.
    twin: Option<&'a Twin>,
    pub(crate) variables: BTreeMap<String, Variable>,
    pub(crate) uses_tag_parts: bool,
    /// The account of the credentials is read.
    pub(crate) uses_account: bool,
    /// The tables of the file that is being written, as members of `locals`.
    pub(crate) locals: Vec<String>,
    family: usize,
    /// Which column of which family a variable with a value for each member is.
    maps: BTreeMap<(usize, String), String>,
    /// Names of local values of the module.
    local_names: BTreeSet<String>,
}

fn words(names: &BTreeSet<&'static str>) -> String {
    names.iter().copied().collect::<Vec<_>>().join(", ")
}

impl<'a> Writer<'a> {
    pub(crate) fn new(source: &Source<'a>, module: &'a str, twin: Option<&'a Twin>) -> Writer<'a> {
        let Source { families, uses, places, outputs, unhung: _, names } = *source;
        Writer {
            families,
            uses,
            places,
            outputs,
            names,
            module,
            twin,
            variables: BTreeMap::new(),
            uses_tag_parts: false,
            uses_account: false,
            locals: Vec::new(),
            family: 0,
            maps: BTreeMap::new(),
            local_names: BTreeSet::from(["tag_parts".to_owned()]),
        }
    }

    /// The block of a family; the table that it needs goes to the file's local values.
    pub(crate) fn block(&mut self, n: usize, after: &[String]) -> String {
        self.family = n;
        let Some(family) = self.families.get(n) else { return String::new() };
        let mut out = String::new();
        let each = self.each(family);
        if !family.why.is_empty() {
            out.push_str(&format!("# {}\n", family.why));
        }
        let keyword = if family.data { "data" } else { "resource" };
        out.push_str(&format!("{keyword} \"{}\" \"{}\" {{\n", family.tf, family.name));
        if let Some(each) = each {
            out.push_str(&format!("  for_each = {each}\n\n"));
        }
        self.items(&family.body, 2, &mut out);
        if !after.is_empty() {
            out.push_str("\n  depends_on = ");
            out.push_str(&list(after, 2, 13));
            out.push('\n');
        }
        let ignore = &family.ignore;
        let more = ignore.undescribed.iter().filter(|field| !ignore.fields.contains(field));
        let fields: Vec<String> = ignore.fields.iter().chain(more).map(ToString::to_string).collect();
        if !fields.is_empty() {
            let undescribed = match ignore.undescribed.len() {
                0 => String::new(),
                _ => format!("    # Set elsewhere, and not described here: {}.\n", words(&ignore.undescribed)),
            };
            let reason = if ignore.reason.is_empty() { String::new() } else { format!("    # {}\n", ignore.reason) };
            let ignored = list(&fields, 4, 17);
            out.push_str(&format!("\n  lifecycle {{\n{reason}{undescribed}    ignore_changes = {ignored}\n  }}\n"));
        }
        out.push_str("}\n");
        out
    }

    fn items(&mut self, items: &[Item], indent: usize, out: &mut String) {
        let pad = " ".repeat(indent);
        let mut gap = false;
        let mut first = true;
        // Neighbours are lined up by the longest name.
        let names = items.iter().filter_map(|item| match item {
            Item::Attr(name, node) if *node != Node::Null => Some(name.len()),
            _ => None,
        });
        let lead = names.max().unwrap_or_default() + 3;
        for item in items {
            match item {
                Item::Gap => gap = true,
                Item::Why(why) => out.push_str(&format!("{pad}# {why}\n")),
                Item::Attr(_, Node::Null) => {}
                Item::Attr(name, node) => {
                    if std::mem::take(&mut gap) && !first {
                        out.push('\n');
                    }
                    let value = self.expr(node, indent, lead);
                    out.push_str(&format!("{pad}{name} = {value}\n"));
                    first = false;
                }
                Item::Block(name, inner) => {
                    if std::mem::take(&mut gap) && !first {
                        out.push('\n');
                    }
                    out.push_str(&format!("{pad}{name} {{\n"));
                    self.items(inner, indent + 2, out);
                    out.push_str(&format!("{pad}}}\n"));
                    first = false;
                }
            }
        }
    }

    /// What `for_each` goes over. A table of literals that a user may choose is a variable, else it is a local value.
    fn each(&mut self, family: &Family) -> Option<String> {
        let keys = family.keys.as_ref()?;
        if family.columns.is_empty() {
            if let Some(leader) = self.leader(family).or_else(|| self.partner(family)) {
                return Some(leader);
            }
            let quoted: Vec<String> = keys.iter().map(|key| quote(key)).collect();
            return Some(format!("toset({})", list(&quoted, 2, 17)));
        }
        if self.is_variable(family) {
            return Some(format!("var.{}", self.table_variable(family, keys)));
        }
        let name = unique(&plural(&self.table_title(family)), |name| !self.local_names.contains(name));
        self.local_names.insert(name.clone());
        let single = family.columns.len() == 1;
        let mut rows = Vec::new();
        for (n, row) in keys.iter().enumerate() {
            let mut cells = Vec::new();
            for column in &family.columns {
                let Some(cell) = column.cells.get(n) else { continue };
                let text = match column.input {
                    Some(input) if self.is_plain(cell) && *cell != Node::Null => {
                        let map = self.map_variable(family, keys, column, input);
                        format!("var.{map}[{}]", quote(row))
                    }
                    _ if *cell == Node::Null && !single => continue,
                    _ => self.flat(cell),
                };
                cells.push((column.name.clone(), text));
            }
            rows.push((row.clone(), cells));
        }
        self.locals.push(format!("  {name} = {{\n{}  }}\n", rows_text(&rows, single, 4)));
        Some(format!("local.{name}"))
    }

    /// True if the family's table is a variable.
    fn is_variable(&self, family: &Family) -> bool {
        // What is nobody's choice, such as an address, is no part of one.
        family.columns.iter().all(|column| column.input.is_some())
            && family.columns.iter().flat_map(|column| &column.cells).all(|cell| self.is_plain(cell))
    }

    /// Another family of the module that this one follows key by key.
    fn leader(&self, family: &Family) -> Option<String> {
        let mut followed: Vec<&Family> = Vec::new();
        Item::walk(&family.body, &mut |node| {
            if let Node::Keyed { family: to, key, .. } = node
                && **key == Node::Code("each.key".into())
                && let Some(other) = self.families.get(*to)
                && other.module == self.module
                && other.keys == family.keys
            {
                followed.push(other);
            }
        });
        // One that says its keys itself, before one that follows as well.
        let own = followed.iter().find(|other| other.columns.is_empty() && self.leader(other).is_none());
        own.or(followed.first()).map(|other| other.reference())
    }

    /// Another family of the module, with a table that a user may choose, that goes with this one key by key in a third: the
    /// subnets of the NAT gateways that have these addresses. With a key more there, there is one more of these.
    fn partner(&self, family: &Family) -> Option<String> {
        let with = |other: &Family| other.module == self.module && other.keys == family.keys;
        for third in self.families.iter().filter(|third| with(third)) {
            let mut followed: BTreeSet<usize> = BTreeSet::new();
            Item::walk(&third.body, &mut |node| {
                if let Node::Keyed { family: to, key, .. } = node
                    && **key == Node::Code("each.key".into())
                {
                    followed.insert(*to);
                }
            });
            if !followed.remove(&self.family) {
                continue;
            }
            let chosen = |n: &usize| {
                let other = self.families.get(*n).filter(|other| with(other) && !other.columns.is_empty())?;
                (self.is_variable(other) && !reaches(self.uses, *n, self.family)).then(|| other.reference())
            };
            if let Some(partner) = followed.iter().find_map(chosen) {
                return Some(partner);
            }
        }
        None
    }

    fn table_title(&self, family: &Family) -> String {
        if family.name == "this" { family.noun.to_owned() } else { family.title() }
    }

    /// True if the node can be a value of a variable: nothing in it needs the rest of the module.
    fn is_plain(&self, node: &Node) -> bool {
        node.is_literal() && !self.names.is_in_node(node)
    }

    fn table_variable(&mut self, family: &Family, keys: &[String]) -> String {
        let single = family.columns.len() == 1;
        let name = match (single, family.columns.first().and_then(|column| column.input)) {
            (true, Some(input)) if family.name == "this" => plural(input.alone),
            (true, Some(input)) => plural(&format!("{}_{}", family.name, input.name)),
            _ => plural(&self.table_title(family)),
        };
        let name = unique(&name, |name| !self.variables.contains_key(name));
        let mut fields = Vec::new();
        let mut checks = Vec::new();
        for column in &family.columns {
            let ty = column_type(column);
            let optional = column.cells.contains(&Node::Null);
            let ty = if optional && !single { format!("optional({ty})") } else { ty };
            fields.push((column.name.clone(), ty));
            let Some(input) = column.input else { continue };
            for check in input.checks {
                let cell = if single { "it".to_owned() } else { format!("it.{}", column.name) };
                let holds = (check.holds)(&cell);
                let holds = if optional { format!("{cell} == null || ({holds})") } else { holds };
                checks.push(Limit {
                    condition: of_all(&name, &holds),
                    message: check.message.to_owned(),
                    bad: Some(self.table_value(family, keys, Some((&column.name, check.bad)))),
                });
            }
        }
        let about = {
            let of = family.columns.iter().filter_map(|column| column.input).map(|input| lower_first(input.about));
            let of: Vec<String> = of.collect();
            format!("{}, by name: {}", upper_first(&plural(&family.about())), of.join("; "))
        };
        let ty = if single {
            format!("map({})", fields.first().map(|(_, ty)| ty.clone()).unwrap_or_default())
        } else {
            let fields: Vec<String> =
                fields.into_iter().map(|(name, ty)| format!("  {name} = {}\n", ty.replace('\n', "\n  "))).collect();
            format!("map(object({{\n{}}}))", fields.concat())
        };
        let value = self.table_value(family, keys, None);
        self.declare(Variable { name, about, ty, value, default: None, checks, from: From::User })
    }

    /// The table as HCL; with one cell of the first row made bad, if asked for.
    fn table_value(&mut self, family: &Family, keys: &[String], bad: Option<(&str, &str)>) -> String {
        let single = family.columns.len() == 1;
        let mut rows = Vec::new();
        for (n, row) in keys.iter().enumerate() {
            let mut cells = Vec::new();
            for column in &family.columns {
                let text = match (bad, column.cells.get(n)) {
                    (Some((name, bad)), _) if n == 0 && name == column.name => bad.to_owned(),
                    (_, Some(Node::Null) | None) => continue,
                    (_, Some(cell)) => self.plain(cell),
                };
                cells.push((column.name.clone(), text));
            }
            rows.push((row.clone(), cells));
        }
        format!("{{\n{}}}", rows_text(&rows, single, 2))
    }

    /// A map with one value for each row that has one.
    fn map_variable(&mut self, family: &Family, keys: &[String], column: &Column, input: &'static Input) -> String {
        let own = (self.family, column.name.clone());
        if let Some(known) = self.maps.get(&own) {
            return known.clone();
        }
        let wanted = plural(&if family.name == "this" || family.columns.len() == 1 {
            input.alone.to_owned()
        } else {
            format!("{}_{}", family.name, input.name)
        });
        // Another family may have a table of that name, with other rows.
        let free = |name: &str| !self.variables.contains_key(name);
        let name =
            if free(&wanted) { wanted } else { unique(&plural(&format!("{}_{}", family.title(), input.name)), free) };
        self.maps.insert(own, name.clone());
        let value = |bad: Option<&str>, writer: &mut Writer<'_>| {
            let mut rows = Vec::new();
            let mut bad = bad;
            for (row, cell) in keys.iter().zip(&column.cells) {
                if !writer.is_plain(cell) || *cell == Node::Null {
                    continue;
                }
                let text = bad.take().map_or_else(|| writer.plain(cell), str::to_owned);
                rows.push((row.clone(), vec![(String::new(), text)]));
            }
            format!("{{\n{}}}", rows_text(&rows, true, 2))
        };
        let mut checks = Vec::new();
        for check in input.checks {
            checks.push(Limit {
                condition: of_all(&name, &(check.holds)("it")),
                message: check.message.to_owned(),
                bad: Some(value(Some(check.bad), self)),
            });
        }
        let stack_value = value(None, self);
        let about = format!("{}, by {}", input.about, family.noun.replace('_', " "));
        let ty = format!("map({})", input.ty);
        self.declare(Variable { name, about, ty, value: stack_value, default: None, checks, from: From::User })
    }

    /// A variable of one value.
    fn scalar(&mut self, input: &'static Input, value: &Node) -> String {
        let family = self.families.get(self.family);
        let this = family.is_none_or(|family| family.name == "this");
        let value = self.plain(value);
        let own = family.map_or_else(String::new, |family| format!("{}_{}", family.name, input.name));
        let alone = self.variables.get(input.alone);
        // One for all that have the same value; else each has its own.
        let taken = alone.is_some_and(|known| known.value != value || known.ty != input.ty || (!input.shared && !this));
        let name = if (this || input.shared) && !taken { input.alone.to_owned() } else { own };
        let known =
            |name: &str| self.variables.get(name).is_none_or(|known| known.value == value && known.ty == input.ty);
        let name = if known(&name) {
            name
        } else {
            unique(&format!("{}_{name}", family.map_or("other", |family| family.noun)), known)
        };
        let checks = input
            .checks
            .iter()
            .map(|check| Limit {
                condition: (check.holds)(&format!("var.{name}")),
                message: check.message.to_owned(),
                bad: Some(check.bad.to_owned()),
            })
            .collect();
        let about = match family {
            Some(family) if !this && name != input.alone => format!("{} ({})", input.about, family.words()),
            _ => input.about.to_owned(),
        };
        let (ty, default) = (input.ty.to_owned(), input.default);
        self.declare(Variable { name, about, ty, value, default, checks, from: From::User })
    }

    /// Adds a variable, whose name nothing else has.
    fn declare(&mut self, variable: Variable) -> String {
        let name = variable.name.clone();
        self.variables.entry(name.clone()).or_insert(variable);
        name
    }

    /// An expression, over several lines where a person would; `lead` is what stands before it on its line.
    pub(crate) fn expr(&mut self, node: &Node, indent: usize, lead: usize) -> String {
        let flat = self.flat(node);
        let wide = flat.chars().count() + indent + lead > WIDE;
        let pad = " ".repeat(indent);
        match node {
            Node::Map(items) if !items.is_empty() => {
                let mut out = "{\n".to_owned();
                for (name, item) in items.iter().filter(|(_, item)| *item != Node::Null) {
                    let name = key(name);
                    let value = self.expr(item, indent + 2, name.chars().count() + 3);
                    out.push_str(&format!("{pad}  {name} = {value}\n"));
                }
                out.push_str(&format!("{pad}}}"));
                out
            }
            Node::List(items) if wide || items.iter().any(|item| matches!(item, Node::Map(_))) => {
                let items: Vec<String> = items.iter().map(|item| self.expr(item, indent + 2, 1)).collect();
                lines("[", &items, "]", indent)
            }
            Node::Refs(items) if wide => match self.refs(items).as_slice() {
                [only] => only.text(indent, lead),
                several => {
                    let several: Vec<String> = several.iter().map(|list| list.text(indent + 2, 1)).collect();
                    lines("concat(", &several, ")", indent)
                }
            },
            Node::Call(name @ ("merge" | "jsonencode"), items) => {
                let flat: Vec<String> = items.iter().map(|item| self.expr(item, indent, lead)).collect();
                if flat.iter().filter(|item| item.contains('\n')).count() < 2 {
                    return format!("{name}({})", flat.join(", "));
                }
                let items: Vec<String> = items.iter().map(|item| self.expr(item, indent + 2, 1)).collect();
                lines(&format!("{name}("), &items, ")", indent)
            }
            Node::Call(name, items) if wide => {
                let items: Vec<String> = items.iter().map(|item| self.expr(item, indent + 2, 1)).collect();
                lines(&format!("{name}("), &items, ")", indent)
            }
            Node::Around(before, inner, after) => {
                // Where it goes on: as deep as its last line.
                let last = before.rsplit('\n').next().unwrap_or(before);
                let deeper = last.len() - last.trim_start().len();
                let lead = last.trim_start().len() + after.split('\n').next().unwrap_or(after).len();
                let inner = self.expr(inner, indent + deeper, lead);
                let lay = |text: &str| text.replace('\n', &format!("\n{pad}"));
                format!("{}{inner}{}", lay(before), lay(after))
            }
            _ => flat,
        }
    }

    /// An expression on one line.
    fn flat(&mut self, node: &Node) -> String {
        match node {
            Node::Null => "null".to_owned(),
            Node::Bool(flag) => flag.to_string(),
            Node::Int(number) => number.to_string(),
            Node::Str(text) => quote(text),
            Node::Name(_) | Node::Join(_) => {
                if let Node::Join(parts) = node
                    && let [only] = parts.as_slice()
                {
                    return self.flat(only);
                }
                let inside = self.inside(node);
                match inside.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
                    Some(only) if !only.contains(['{', '}']) => only.to_owned(),
                    _ => format!("\"{inside}\""),
                }
            }
            Node::Ref(id, attr) => match self.places.get(id) {
                Some((family, key)) => {
                    let index = key.as_ref().map(|key| format!("[{}]", quote(key))).unwrap_or_default();
                    self.at(*family, attr, &index)
                }
                None => quote(id.address.as_str()),
            },
            Node::Keyed { family, attr, key } => {
                let key = self.flat(key);
                self.at(*family, attr, &format!("[{key}]"))
            }
            Node::List(items) => {
                let items: Vec<String> = items.iter().map(|item| self.flat(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Node::Refs(items) => match self.refs(items).as_slice() {
                [] => "[]".to_owned(),
                [only] => only.flat(),
                several => format!("concat({})", several.iter().map(Ids::flat).collect::<Vec<_>>().join(", ")),
            },
            Node::Map(items) => {
                let items: Vec<String> = items
                    .iter()
                    .filter(|(_, item)| *item != Node::Null)
                    .map(|(name, item)| format!("{} = {}", key(name), self.flat(item)))
                    .collect();
                if items.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", items.join(", ")) }
            }
            Node::Call(name, items) => {
                let items: Vec<String> = items.iter().map(|item| self.flat(item)).collect();
                format!("{name}({})", items.join(", "))
            }
            Node::Around(before, inner, after) => format!("{before}{}{after}", self.flat(inner)),
            Node::Code(code) => self.code(code),
            Node::Input(input, value) => format!("var.{}", self.scalar(input, value)),
            Node::Twin => match self.twin.map(Twin::variable) {
                Some(variable) => format!("var.{}", self.declare(variable)),
                None => "null".to_owned(),
            },
            Node::Own(slot, value) => {
                let value = self.plain(value);
                match self.twin.and_then(|twin| twin.own(*slot, value.clone())) {
                    Some(variable) => format!("var.{}", self.declare(variable)),
                    None => value,
                }
            }
            Node::Member(inner, member) => format!("{}.{member}", self.flat(inner)),
        }
    }

    fn code(&mut self, code: &str) -> String {
        match code {
            "var.tags" => self.root_variable("tags"),
            "var.region" => self.root_variable("region"),
            "local.tag_parts" => {
                self.uses_tag_parts = true;
                self.root_variable("tags");
            }
            _ => {}
        }
        let Some((family, name)) = self.families.get(self.family).zip(code.strip_prefix("each.value.")) else {
            return code.to_owned();
        };
        if family.columns.len() == 1 {
            return "each.value".to_owned();
        }
        let cells = family.columns.iter().filter(|column| column.name == name).flat_map(|column| &column.cells);
        let missing = cells.into_iter().any(|cell| *cell == Node::Null);
        if missing && !self.is_variable(family) { format!("try({code}, null)") } else { code.to_owned() }
    }

    /// What stands inside quotes.
    fn inside(&mut self, node: &Node) -> String {
        match node {
            Node::Str(text) => escape(text),
            Node::Name(text) => {
                let pieces = self.names.pieces(text);
                let pieces: Vec<String> = pieces
                    .into_iter()
                    .map(|piece| match piece {
                        Ok(literal) => escape(literal),
                        Err(Word::Name) => {
                            self.root_variable("name");
                            "${var.name}".to_owned()
                        }
                        Err(Word::Region) => {
                            self.root_variable("region");
                            "${var.region}".to_owned()
                        }
                        Err(Word::Account) => {
                            self.uses_account = true;
                            "${data.aws_caller_identity.current.account_id}".to_owned()
                        }
                    })
                    .collect();
                joined(&pieces)
            }
            Node::Join(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| self.inside(part)).collect();
                joined(&parts)
            }
            other => format!("${{{}}}", self.flat(other)),
        }
    }

    /// Ids: whole families where they are that, and a list of the rest.
    fn refs(&mut self, items: &[Node]) -> Vec<Ids> {
        let mut single = Vec::new();
        let mut families: BTreeMap<(usize, &'static str), BTreeSet<&str>> = BTreeMap::new();
        let mut rest = Vec::new();
        for item in items {
            match item {
                Node::Ref(id, attr) => match self.places.get(id) {
                    Some((family, Some(key))) => {
                        families.entry((*family, attr)).or_default().insert(key);
                    }
                    _ => single.push(item),
                },
                other => rest.push(other),
            }
        }
        let mut lists = Vec::new();
        let mut alone: Vec<String> = Vec::new();
        for ((family, attr), keys) in families {
            let Some(all) = self.families.get(family).and_then(|family| family.keys.as_ref()) else { continue };
            if all.len() == keys.len() && all.len() > 1 {
                let at = self.at(family, attr, "");
                lists.push(Ids::All(match at.strip_prefix("var.") {
                    Some(_) => format!("values({at})"),
                    None => {
                        let reference = at.strip_suffix(&format!(".{attr}")).unwrap_or(&at);
                        format!("values({reference})[*].{attr}")
                    }
                }));
            } else {
                alone.extend(keys.iter().map(|key| self.at(family, attr, &format!("[{}]", quote(key)))));
            }
        }
        alone.extend(single.into_iter().chain(rest).map(|item| self.flat(item)));
        if !alone.is_empty() {
            lists.push(Ids::Some(alone));
        }
        lists
    }

    /// An attribute of a family, here or in another module. The index is `""` or `[…]`.
    fn at(&mut self, family: usize, attr: &'static str, index: &str) -> String {
        let Some(target) = self.families.get(family) else { return "null".to_owned() };
        if target.module == self.module {
            return format!("{}{index}.{attr}", target.reference());
        }
        let several = target.keys.is_some();
        let ty = if several { "map(string)" } else { "string" };
        let name = self.given(family, attr, ty.to_owned(), sample(target, attr));
        format!("var.{name}{index}")
    }

    /// The variable by which an output of another module comes in.
    pub(crate) fn given(&mut self, family: usize, attr: &'static str, ty: String, value: String) -> String {
        let from = From::Output(family, attr);
        if let Some(known) = self.variables.values().find(|variable| variable.from == from) {
            return known.name.clone();
        }
        let module = self.families.get(family).map(|target| target.module.as_str()).unwrap_or_default();
        let wanted = self.outputs.get(&(family, attr)).map(|output| match &output.name {
            name if output.rivals.contains(self.module) && !name.starts_with(&format!("{module}_")) => {
                format!("{module}_{name}")
            }
            name => name.clone(),
        });
        let name = unique(&wanted.unwrap_or_default(), |name| !self.variables.contains_key(name));
        let about = self.families.get(family).map(|target| about_output(target, attr)).unwrap_or_default();
        self.declare(Variable { name, about, ty, value, default: None, checks: Vec::new(), from })
    }

    /// A variable that every module has from the root.
    pub(crate) fn root_variable(&mut self, name: &str) {
        let variable = self.names.variable(name, self.module);
        self.variables.entry(name.to_owned()).or_insert(variable);
    }

    /// A literal, with nothing of it turned into a variable.
    pub(crate) fn plain(&self, node: &Node) -> String {
        match node {
            Node::Null => "null".to_owned(),
            Node::Bool(flag) => flag.to_string(),
            Node::Int(number) => number.to_string(),
            Node::Str(text) | Node::Name(text) => quote(text),
            Node::List(items) | Node::Refs(items) => {
                let items: Vec<String> = items.iter().map(|item| self.plain(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Node::Map(items) => {
                let items = items.iter().map(|(name, item)| format!("{} = {}", key(name), self.plain(item)));
                format!("{{ {} }}", items.collect::<Vec<_>>().join(", "))
            }
            Node::Input(_, inner) | Node::Member(inner, _) | Node::Around(_, inner, _) => self.plain(inner),
            Node::Code(code) => code.clone(),
            Node::Ref(..) | Node::Join(_) | Node::Call(..) | Node::Keyed { .. } | Node::Own(..) | Node::Twin => {
                "null".to_owned()
            }
        }
    }
}

fn column_type(column: &Column) -> String {
    if let Some(input) = column.input {
        return input.ty.to_owned();
    }
    let first = column.cells.iter().find(|cell| **cell != Node::Null);
    match first {
        Some(Node::Bool(_)) => "bool",
        Some(Node::Int(_)) => "number",
        Some(Node::List(_) | Node::Refs(_)) => "list(string)",
        Some(Node::Map(_)) => "map(string)",
        _ => "string",
    }
    .to_owned()
}

/// What an output is, in words.
pub(crate) fn about_output(family: &Family, attr: &str) -> String {
    let what = match attr {
        "id" => "Id".to_owned(),
        "arn" => "ARN".to_owned(),
        "dns_name" => "DNS name".to_owned(),
        "cidr_block" => "Network".to_owned(),
        "fqdn" => "Full name".to_owned(),
        "repository_url" => "URL".to_owned(),
        "deployment_group_name" | "deployment_config_name" => "Name".to_owned(),
        other => upper_first(&other.replace('_', " ")),
    };
    let owner = family.about();
    if attr == READY {
        return format!("Known once the {owner} {} there", if family.keys.is_some() { "are" } else { "is" });
    }
    if family.keys.is_some() {
        format!("{} of the {}, by name", plural(&what), plural(&owner))
    } else {
        format!("{what} of the {owner}")
    }
}

/// Something that looks like an attribute of a family, for tests.
fn sample(family: &Family, attr: &str) -> String {
    let one = |key: &str| {
        let text = match (family.tf, attr) {
            (_, "cidr_block") => "10.0.0.0/16".to_owned(),
            (_, "revision") => "1".to_owned(),
            (_, "repository_url") => "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/sample".to_owned(),
            ("aws_iam_role", "arn") => format!("arn:aws:iam::123456789012:role/sample{key}"),
            ("aws_iam_policy", "arn") => format!("arn:aws:iam::123456789012:policy/sample{key}"),
            ("aws_ecs_cluster", "arn") => "arn:aws:ecs:ap-northeast-1:123456789012:cluster/sample".to_owned(),
            (_, "arn") => format!("arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:sample/sample{key}"),
            ("aws_vpc", "id") => "vpc-0123456789abcdef0".to_owned(),
            ("aws_subnet", "id") => format!("subnet-0123456789abcdef0{key}"),
            ("aws_security_group", "id") => format!("sg-0123456789abcdef0{key}"),
            _ => format!("sample{key}"),
        };
        quote(&text)
    };
    match &family.keys {
        None => one(""),
        Some(keys) => {
            let rows: Vec<String> =
                keys.iter().map(|name| format!("  {} = {}\n", key(name), one(&format!("-{name}")))).collect();
            format!("{{\n{}}}", rows.concat())
        }
    }
}

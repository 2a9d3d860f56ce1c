//! How text is laid out: what goes on one line and what on several, and words in descriptions.

use crate::text::key;

/// What fits on a line.
pub(crate) const WIDE: usize = 120;

/// Ids of one sort in a list.
pub(crate) enum Ids {
    /// Those of a whole family: an expression that is a list.
    All(String),
    /// Single ones.
    Some(Vec<String>),
}

impl Ids {
    pub(crate) fn flat(&self) -> String {
        match self {
            Ids::All(text) => text.clone(),
            Ids::Some(items) => format!("[{}]", items.join(", ")),
        }
    }

    pub(crate) fn text(&self, indent: usize, lead: usize) -> String {
        match self {
            Ids::All(text) => text.clone(),
            Ids::Some(items) => list(items, indent, lead),
        }
    }
}

/// A list on one line if it fits, else with one item on each; `lead` is what stands before it on its line.
pub(crate) fn list(items: &[String], indent: usize, lead: usize) -> String {
    let flat = format!("[{}]", items.join(", "));
    if flat.chars().count() + indent + lead <= WIDE { flat } else { lines("[", items, "]", indent) }
}

/// Items in brackets, each on a line of its own.
pub(crate) fn lines(open: &str, items: &[String], close: &str, indent: usize) -> String {
    let pad = " ".repeat(indent);
    let items: String = items.iter().map(|item| format!("{pad}  {item},\n")).collect();
    format!("{open}\n{items}{pad}{close}")
}

/// A row of a table: its key, and its cells by name.
pub(crate) type Row = (String, Vec<(String, String)>);

/// The rows of a table: each on one line, or if one is too wide for that, each cell of all of them. Of a single column the
/// cell is the row.
pub(crate) fn rows_text(rows: &[Row], single: bool, indent: usize) -> String {
    let pad = " ".repeat(indent);
    if single {
        let value =
            |cells: &[(String, String)]| cells.first().map_or_else(|| "null".to_owned(), |(_, text)| text.clone());
        let line = |(row, cells): &Row| {
            let row = key(row);
            format!("{pad}{row} = {}\n", spread(&value(cells), indent, row.chars().count() + 3))
        };
        return rows.iter().map(line).collect();
    }
    let flat: Vec<String> = rows
        .iter()
        .map(|(row, cells)| {
            let cells: Vec<String> = cells.iter().map(|(name, text)| format!("{name} = {text}")).collect();
            format!("{pad}{} = {{ {} }}\n", key(row), cells.join(", "))
        })
        .collect();
    if flat.iter().all(|row| row.chars().count() <= WIDE) {
        return flat.concat();
    }
    rows.iter()
        .map(|(row, cells)| {
            // Their signs of equality stand below each other.
            let lead = cells.iter().map(|(name, _)| name.len() + 3).max().unwrap_or_default();
            let cell =
                |(name, text): &(String, String)| format!("{pad}  {name} = {}\n", spread(text, indent + 2, lead));
            format!("{pad}{} = {{\n{}{pad}}}\n", key(row), cells.iter().map(cell).collect::<String>())
        })
        .collect()
}

/// An object, a list or lists that are joined, written on one line: over several lines if that is too wide.
pub(crate) fn spread(value: &str, indent: usize, lead: usize) -> String {
    let inside = |open, close| value.strip_prefix(open).and_then(|rest: &str| rest.strip_suffix(close));
    if value.chars().count() + indent + lead <= WIDE {
        return value.to_owned();
    }
    let pad = " ".repeat(indent);
    if let Some(inner) = inside("{ ", " }") {
        let items: String = split(inner, ", ").into_iter().map(|item| format!("{pad}  {item}\n")).collect();
        return format!("{{\n{items}{pad}}}");
    }
    if let Some(inner) = inside("concat(", ")") {
        let lists: Vec<String> = split(inner, ", ").into_iter().map(|list| spread(list, indent + 2, 1)).collect();
        return lines("concat(", &lists, ")", indent);
    }
    match inside("[", "]").map(|inner| split(inner, ", ")) {
        // What ends with another bracket than it begins with is no single list.
        Some(items) if !items.iter().any(|item| item.contains(']') && !item.contains('[')) => {
            let items: Vec<String> = items.into_iter().map(str::to_owned).collect();
            lines("[", &items, "]", indent)
        }
        _ => value.to_owned(),
    }
}

/// The parts between separators that stand in no quotes and brackets.
fn split<'t>(text: &'t str, separator: &str) -> Vec<&'t str> {
    let (mut parts, mut start, mut depth, mut quoted, mut escaped) = (Vec::new(), 0, 0_i32, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '{' | '[' | '(' if !quoted => depth += 1,
            '}' | ']' | ')' if !quoted => depth -= 1,
            _ if !quoted && depth == 0 && text[at..].starts_with(separator) => {
                parts.push(text[start..at].trim());
                start = at + separator.len();
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

/// The condition that holds of all values of a variable.
pub(crate) fn of_all(variable: &str, holds: &str) -> String {
    each(&format!("values(var.{variable})"), holds)
}

/// The condition that holds of `it` for all of these.
pub(crate) fn each(of: &str, holds: &str) -> String {
    let condition = format!("alltrue([for it in {of} : {holds}])");
    if condition.chars().count() + CONDITION <= WIDE && !holds.contains('\n') {
        return condition;
    }
    let holds = if fits(holds) { holds.to_owned() } else { conjuncts(holds).join(" &&\n") };
    format!("alltrue([\n  for it in {of} :\n  {}\n])", holds.replace('\n', "\n  "))
}

/// What stands before a condition: blanks and `condition = `, with what aligns it.
const CONDITION: usize = 20;

fn fits(condition: &str) -> bool {
    condition.lines().all(|line| line.chars().count() + CONDITION <= WIDE)
}

/// A condition, with a line for each part if it is too wide for one.
pub(crate) fn condition(text: &str) -> String {
    if fits(text) {
        return text.to_owned();
    }
    match conjuncts(text).as_slice() {
        [_] => text.to_owned(),
        several => format!("(\n  {}\n)", several.join(" &&\n").replace('\n', "\n  ")),
    }
}

/// The parts between `&&` that stand in no quotes and brackets.
fn conjuncts(text: &str) -> Vec<&str> {
    split(text, " && ")
}

/// A name that is free: this one, or this one with a number.
pub(crate) fn unique(wanted: &str, free: impl Fn(&str) -> bool) -> String {
    let mut name = wanted.to_owned();
    let mut n = 2;
    while !free(&name) {
        name = format!("{wanted}_{n}");
        n += 1;
    }
    name
}

pub(crate) fn plural(word: &str) -> String {
    match word.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if word.ends_with('s') => word.to_owned(),
        _ => format!("{word}s"),
    }
}

pub(crate) fn upper_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

pub(crate) fn lower_first(text: &str) -> String {
    if text.starts_with("CPU") || text.starts_with("ARN") {
        return text.to_owned();
    }
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_wide_stands_over_several_lines() {
        for (flat, spread_out) in [
            ("[a, b]", "[\n    a,\n    b,\n  ]"),
            ("{ a = 1, b = [2, 3] }", "{\n    a = 1\n    b = [2, 3]\n  }"),
            ("concat(values(a)[*].id, [b.id])", "concat(\n    values(a)[*].id,\n    [b.id],\n  )"),
            ("values(a)[*].id", "values(a)[*].id"),
        ] {
            assert_eq!(spread(flat, 2, 3), flat);
            assert_eq!(spread(flat, 2, WIDE), spread_out);
        }
    }
}

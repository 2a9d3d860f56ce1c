//! Values as people read them: HCL-like, references as addresses.

use aomidori_model::{Caseless, Reference, Target, Value};
use similar::{ChangeTag, TextDiff};

use super::Paint;

/// Longest list or map that stays on one line.
const INLINE: usize = 72;

/// A value as lines; the first without indentation, the rest indented relative to it.
pub(crate) fn lines(value: &Value) -> Vec<String> {
    let short = inline(value);
    if short.chars().count() <= INLINE && !multiline(value) {
        return vec![short];
    }
    match value {
        Value::List(items) => block("[", "]", items.iter().map(|item| (None, item))),
        Value::Set(items) => block("[", "]", items.iter().map(|item| (None, item))),
        Value::Map(items) => block("{", "}", items.iter().map(|(key, item)| (Some(key.as_str()), item))),
        Value::Str(text) if text.contains('\n') => {
            let mut all = vec!["<<-".to_owned()];
            all.extend(text.lines().map(|line| format!("  {line}")));
            all
        }
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Str(_)
        | Value::Caseless(_)
        | Value::Ref(_)
        | Value::Join(_) => vec![short],
    }
}

fn block<'a>(open: &str, close: &str, items: impl Iterator<Item = (Option<&'a str>, &'a Value)>) -> Vec<String> {
    let mut all = vec![open.to_owned()];
    for (key, item) in items {
        let mut inner = lines(item);
        if let (Some(key), Some(first)) = (key, inner.first_mut()) {
            *first = format!("{} = {first}", word(key));
        }
        if let (None, Some(last)) = (key, inner.last_mut()) {
            last.push(',');
        }
        all.extend(inner.into_iter().map(|line| format!("  {line}")));
    }
    all.push(close.to_owned());
    all
}

fn multiline(value: &Value) -> bool {
    match value {
        Value::Str(text) => text.contains('\n'),
        Value::List(items) | Value::Join(items) => items.iter().any(multiline),
        Value::Set(items) => items.iter().any(multiline),
        Value::Map(items) => items.values().any(multiline),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Caseless(_) | Value::Ref(_) => false,
    }
}

/// A value on one line, however long.
pub(crate) fn inline(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Str(text) | Value::Caseless(Caseless(text)) => quoted(text),
        Value::List(items) => list(items.iter()),
        Value::Set(items) => list(items.iter()),
        Value::Map(items) if items.is_empty() => "{}".to_owned(),
        Value::Map(items) => {
            let pairs: Vec<String> =
                items.iter().map(|(key, item)| format!("{} = {}", word(key), inline(item))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        Value::Ref(to) => reference(to),
        Value::Join(parts) => {
            let part = |part: &Value| match part {
                Value::Str(text) => text.clone(),
                other => format!("${{{}}}", inline(other)),
            };
            format!("\"{}\"", parts.iter().map(part).collect::<String>())
        }
    }
}

fn list<'a>(items: impl Iterator<Item = &'a Value>) -> String {
    let items: Vec<String> = items.map(inline).collect();
    format!("[{}]", items.join(", "))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A key as HCL writes it.
fn word(key: &str) -> String {
    let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        && key.bytes().next().is_some_and(|b| !b.is_ascii_digit() && b != b'-');
    if plain { key.to_owned() } else { quoted(key) }
}

/// A reference: the address, with the output where it is not the id; or the id of what exists.
pub(crate) fn reference(reference: &Reference) -> String {
    let target = match &reference.target {
        Target::Address(address) => address.to_string(),
        Target::Id(id) => quoted(id),
    };
    match &reference.output {
        Some(output) => format!("{target}.{output}"),
        None => target,
    }
}

/// True if a value's text cannot be known before something of the stack is made.
pub(crate) fn is_unknown(value: &Value) -> bool {
    let mut unknown = false;
    value.for_each_ref(&mut |reference| unknown |= matches!(reference.target, Target::Address(_)));
    unknown
}

/// The change of one field as lines, without the field's name and glyph: `30 -> 14`, or a line diff of documents.
pub(crate) fn change(before: &Value, after: &Value, paint: Paint) -> Vec<String> {
    let (old, new) = (lines(before), lines(after));
    if let ([old], [new]) = (old.as_slice(), new.as_slice())
        && old.chars().count() + new.chars().count() <= 100
    {
        return vec![format!("{old} {} {new}", paint.dim("->"))];
    }
    // A value and its absence, or two scalars that are too long for one line.
    if before.is_null() || after.is_null() || (old.len() == 1 && new.len() == 1 && !is_collection(before)) {
        let mut all = old;
        let mut new = new;
        if let Some(first) = new.first_mut() {
            *first = format!("{} {first}", paint.dim("->"));
        }
        all.extend(new);
        return all;
    }
    let (old, new) = (expanded(before).join("\n") + "\n", expanded(after).join("\n") + "\n");
    let diff = TextDiff::from_lines(old.as_str(), new.as_str());
    // Documents start on a line of their own.
    let mut all = vec![String::new()];
    for (n, group) in diff.grouped_ops(2).iter().enumerate() {
        if n > 0 {
            all.push(paint.dim("  ..."));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let line = change.value().trim_end_matches('\n');
            all.push(match change.tag() {
                ChangeTag::Equal => format!("  {line}"),
                ChangeTag::Delete => paint.bad(&format!("- {line}")),
                ChangeTag::Insert => paint.good(&format!("+ {line}")),
            });
        }
    }
    all
}

fn is_collection(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Set(_) | Value::Map(_))
}

/// As [`lines`], with one line for each element of the outermost collections, so that a line diff names elements.
fn expanded(value: &Value) -> Vec<String> {
    match value {
        Value::List(items) if !items.is_empty() => block("[", "]", items.iter().map(|item| (None, item))),
        Value::Set(items) if !items.is_empty() => block("[", "]", items.iter().map(|item| (None, item))),
        Value::Map(items) if !items.is_empty() => {
            let mut all = vec!["{".to_owned()];
            for (key, item) in items {
                let mut inner = if is_collection(item) { expanded(item) } else { lines(item) };
                if let Some(first) = inner.first_mut() {
                    *first = format!("{} = {first}", word(key));
                }
                all.extend(inner.into_iter().map(|line| format!("  {line}")));
            }
            all.push("}".to_owned());
            all
        }
        other => lines(other),
    }
}

//! A short text form of plans, and worlds to plan for.

use std::fmt::Write;

use aomidori_model::{Reference, Target, Value};

use crate::{Action, Level, Plan, Reason};

/// A plan as text: one line per step, then its changes; then the notices.
pub(super) fn render(plan: &Plan) -> String {
    let mut text = String::new();
    for step in &plan.steps {
        let sign = match (step.action, step.replacing) {
            (Action::Create, Some(_)) => "-/+",
            (Action::Create, None) => "+",
            (Action::Update, _) => "~",
            (Action::Delete, Some(_)) => "-/",
            (Action::Delete, None) => "-",
            (Action::Await, _) => "…",
        };
        let id = step.live.as_deref().map(|id| format!(" ({id})")).unwrap_or_default();
        write!(text, "{} {sign} {}{id} {}", step.id.0, step.address, reason(&step.reason)).unwrap();
        let after: Vec<String> = step
            .after
            .iter()
            .map(|after| format!("{}{}", after.step.0, if after.level == Level::Finished { "!" } else { "" }))
            .collect();
        if !after.is_empty() {
            write!(text, " after {}", after.join(" ")).unwrap();
        }
        if step.traffic != Default::default() {
            write!(text, " [{:?}]", step.traffic).unwrap();
        }
        text.push('\n');
        if step.action == Action::Create && step.reason == Reason::Missing {
            continue;
        }
        for change in &step.changes {
            let mark = if change.replaces { " (replaces)" } else { "" };
            writeln!(text, "    {}: {} -> {}{mark}", change.field, value(&change.before), value(&change.after))
                .unwrap();
        }
    }
    for notice in &plan.notices {
        writeln!(text, "{notice:?}").unwrap();
    }
    if text.is_empty() { "nothing to do\n".into() } else { text }
}

fn reason(reason: &Reason) -> String {
    let list = |on: &std::collections::BTreeSet<aomidori_model::Address>| {
        on.iter().map(|address| address.as_str()).collect::<Vec<_>>().join(", ")
    };
    match reason {
        Reason::CannotUpdate { fields } => format!("cannot update {}", fields.join(", ")),
        Reason::ReferenceReplaced { on } => format!("refers to replaced {}", list(on)),
        Reason::InUse { on } => format!("uses {}", list(on)),
        Reason::Failed { cause } => format!("failed: {cause}"),
        Reason::Pending { status } | Reason::Deleting { status } => status.clone(),
        Reason::Missing => "missing".into(),
        Reason::Changed => "changed".into(),
        Reason::NotInStack => "not in stack".into(),
        Reason::Spare => "spare".into(),
        Reason::Destroy => "destroy".into(),
    }
}

fn value(value: &Value) -> String {
    let list = |items: &mut dyn Iterator<Item = &Value>| items.map(self::value).collect::<Vec<_>>().join(", ");
    match value {
        Value::Null => "-".into(),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Str(text) | Value::Caseless(aomidori_model::Caseless(text)) => text.clone(),
        Value::Ref(reference) => {
            let Reference { kind: _, target, output } = &**reference;
            let target = match target {
                Target::Address(address) => format!("@{address}"),
                Target::Id(id) => id.clone(),
            };
            output.as_ref().map_or(target.clone(), |output| format!("{target}.{output}"))
        }
        Value::List(items) => format!("[{}]", list(&mut items.iter())),
        Value::Set(items) => format!("{{{}}}", list(&mut items.iter())),
        Value::Map(items) => {
            let items: Vec<String> = items.iter().map(|(key, item)| format!("{key}: {}", self::value(item))).collect();
            format!("{{{}}}", items.join(", "))
        }
        Value::Join(items) => format!("({})", list(&mut items.iter())),
    }
}

//! Composite alarms: their rules, which are about other alarms' states, and what follows from those.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::cloudwatch::{Alarm, STATES, check_tags, keep};
use crate::error::{Result, fail};
use crate::tags::{self, Tag};
use crate::world::Cx;

/// How deep parentheses and alarms of alarms may go, which is far more than anybody writes.
const DEEPEST: usize = 32;

/// What was read of a rule, or why it is none.
type Parsed<T> = std::result::Result<T, String>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Put {
    alarm_name: String,
    alarm_rule: String,
    #[serde(default)]
    tags: Vec<Tag>,
    alarm_description: Option<String>,
    actions_enabled: Option<bool>,
    #[serde(rename = "OKActions")]
    ok_actions: Option<Vec<String>>,
    alarm_actions: Option<Vec<String>>,
    insufficient_data_actions: Option<Vec<String>>,
    actions_suppressor: Option<String>,
    actions_suppressor_wait_period: Option<u64>,
    actions_suppressor_extension_period: Option<u64>,
}

pub(super) fn put(cx: &mut Cx<'_>, input: Put) -> Result {
    let name = input.alarm_name;
    if name.is_empty() || name.chars().count() > 255 {
        return fail!("ValidationError", "The alarm name must have 1 to 255 characters");
    }
    let alarms = &cx.cloudwatch().alarms;
    if alarms.get(&name).is_some_and(|alarm| !alarm.settings.contains_key("AlarmRule")) {
        return fail!("ValidationError", "Alarm {name} is a metric alarm and cannot become a composite alarm");
    }
    if let Err(why) = holds(alarms, &input.alarm_rule, DEEPEST) {
        return fail!("ValidationError", "AlarmRule of {name} is not valid: {why}");
    }
    let tags = tags::from_list(input.tags);
    check_tags(&tags)?;
    let settings = json!({
        "AlarmRule": input.alarm_rule,
        "AlarmDescription": input.alarm_description,
        "ActionsEnabled": input.actions_enabled.unwrap_or(true),
        "OKActions": input.ok_actions.unwrap_or_default(),
        "AlarmActions": input.alarm_actions.unwrap_or_default(),
        "InsufficientDataActions": input.insufficient_data_actions.unwrap_or_default(),
        "ActionsSuppressor": input.actions_suppressor,
        "ActionsSuppressorWaitPeriod": input.actions_suppressor_wait_period,
        "ActionsSuppressorExtensionPeriod": input.actions_suppressor_extension_period,
    });
    // Its state follows from its rule whenever somebody asks.
    keep(cx, name, settings, "OK", tags);
    Ok(Value::Null)
}

/// An alarm's state: a composite's by its rule.
pub(super) fn state<'a>(alarms: &'a BTreeMap<String, Alarm>, alarm: &'a Alarm) -> &'a str {
    state_within(alarms, alarm, DEEPEST)
}

fn state_within<'a>(alarms: &'a BTreeMap<String, Alarm>, alarm: &'a Alarm, deepest: usize) -> &'a str {
    match alarm.settings.get("AlarmRule").and_then(Value::as_str) {
        None => &alarm.state,
        // One whose alarms are gone does not ring.
        Some(rule) => match holds(alarms, rule, deepest) {
            Ok(true) => "ALARM",
            _ => "OK",
        },
    }
}

/// Whether a rule holds, or why it is none.
fn holds(alarms: &BTreeMap<String, Alarm>, rule: &str, deepest: usize) -> Parsed<bool> {
    let mut rest = Rule { alarms, text: rule.trim() };
    let holds = rest.any(deepest)?;
    if rest.text.is_empty() { Ok(holds) } else { Err(format!("'{}' is left over", rest.text)) }
}

/// What is left to read of a rule.
struct Rule<'a> {
    alarms: &'a BTreeMap<String, Alarm>,
    text: &'a str,
}

impl Rule<'_> {
    /// Takes a word or a sign, if it comes next.
    fn take(&mut self, token: &str) -> bool {
        let Some(rest) = self.text.strip_prefix(token) else { return false };
        if token.chars().all(char::is_alphabetic) && rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            return false;
        }
        self.text = rest.trim_start();
        true
    }

    fn any(&mut self, deepest: usize) -> Parsed<bool> {
        let mut holds = self.all(deepest)?;
        while self.take("OR") {
            holds |= self.all(deepest)?;
        }
        Ok(holds)
    }

    fn all(&mut self, deepest: usize) -> Parsed<bool> {
        let mut holds = self.one(deepest)?;
        while self.take("AND") {
            holds &= self.one(deepest)?;
        }
        Ok(holds)
    }

    fn one(&mut self, deepest: usize) -> Parsed<bool> {
        let deepest = deepest.checked_sub(1).ok_or("it is nested too deeply")?;
        if self.take("NOT") {
            return Ok(!self.one(deepest)?);
        }
        for (word, value) in [("TRUE", true), ("FALSE", false)] {
            if self.take(word) {
                return Ok(value);
            }
        }
        if self.take("(") {
            let holds = self.any(deepest)?;
            return if self.take(")") { Ok(holds) } else { Err("a ')' is missing".to_owned()) };
        }
        for wanted in STATES {
            let before = self.text;
            // INSUFFICIENT_DATA is no word of letters alone.
            if let Some(rest) = self.text.strip_prefix(wanted) {
                self.text = rest.trim_start();
                if self.take("(") {
                    let name = self.name()?;
                    let Some(alarm) = self.alarms.get(&name) else {
                        return Err(format!("there is no alarm named {name}"));
                    };
                    return Ok(state_within(self.alarms, alarm, deepest) == *wanted);
                }
                self.text = before;
            }
        }
        Err(format!("an alarm's state, such as ALARM(name), must be at '{}'", self.text))
    }

    /// A name or an ARN, quoted or not, and the parenthesis after it.
    fn name(&mut self) -> Parsed<String> {
        let (name, rest) = match self.text.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or("a '\"' is missing")?,
            None => self.text.split_at(self.text.find(')').ok_or("a ')' is missing")?),
        };
        self.text = rest.trim_start();
        if !self.take(")") {
            return Err("a ')' is missing".to_owned());
        }
        let name = name.trim();
        let of_arn = name.strip_prefix("arn:").and_then(|arn| arn.split_once(":alarm:"));
        Ok(of_arn.map_or(name, |(_, name)| name).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;
    use crate::tags::Tags;

    fn alarm(name: &str, state: &str, settings: Value) -> (String, Alarm) {
        let Value::Object(settings) = settings else { panic!("settings are members") };
        let alarm = Alarm {
            name: name.to_owned(),
            arn: format!("arn:aws:cloudwatch:r:1:alarm:{name}"),
            settings,
            state: state.to_owned(),
            reason: String::new(),
            changed: Time(0),
            configured: Time(0),
            tags: Tags::new(),
        };
        (name.to_owned(), alarm)
    }

    fn alarms() -> BTreeMap<String, Alarm> {
        BTreeMap::from([
            alarm("rings", "ALARM", json!({})),
            alarm("fine (so far)", "OK", json!({})),
            alarm("new", "INSUFFICIENT_DATA", json!({})),
            alarm("both", "OK", json!({"AlarmRule": "ALARM(rings) AND OK(\"fine (so far)\")"})),
            alarm("self", "OK", json!({"AlarmRule": "ALARM(self)"})),
        ])
    }

    #[test]
    fn rules() {
        let alarms = alarms();
        for (rule, expected) in [
            ("ALARM(rings)", true),
            ("ALARM(\"rings\") AND ALARM(new)", false),
            ("ALARM(arn:aws:cloudwatch:r:1:alarm:rings) OR FALSE", true),
            ("NOT (OK(rings) OR INSUFFICIENT_DATA(new))", false),
            ("FALSE OR TRUE AND FALSE", false),
            ("ALARM(both)", true),
            ("OK( \"fine (so far)\" )\n AND NOT ALARM(new)", true),
        ] {
            assert_eq!(holds(&alarms, rule, DEEPEST), Ok(expected), "{rule}");
        }
    }

    #[test]
    fn what_is_no_rule() {
        let alarms = alarms();
        let deep = "(".repeat(10_000);
        for rule in
            ["", "ALARM(rings", "ALARM(gone)", "ALARM(rings) XOR TRUE", "ALARM(\"rings)", "(TRUE", deep.as_str()]
        {
            assert!(holds(&alarms, rule, DEEPEST).is_err(), "{rule}");
        }
        // A loop ends, and rings nobody.
        assert_eq!(alarms.get("self").map(|alarm| state(&alarms, alarm)), Some("OK"));
    }
}

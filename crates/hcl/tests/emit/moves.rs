//! Emitting again over what was applied: whatever is edited, Terraform's state follows, and nothing that stays in the stack
//! is destroyed and made anew.

use std::collections::{BTreeMap, BTreeSet};

use aomidori_hcl::{Conflict, File, Layout, Options, RECORD, Record, emit};
use aomidori_model::kinds::LogGroup;
use aomidori_model::{Address, Stack};
use proptest::prelude::*;

use crate::terraform::practice;

/// What is in a state: by place, the resource.
type State = BTreeMap<String, String>;

#[derive(Clone, Debug)]
enum Edit {
    /// Gives a resource a tag, or takes it away.
    Tag(prop::sample::Index),
    /// Adds or removes a log group.
    Group(usize),
    /// Terraform applies what was emitted last.
    Apply,
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => any::<prop::sample::Index>().prop_map(Edit::Tag),
        3 => (0..NAMES.len()).prop_map(Edit::Group),
        2 => Just(Edit::Apply),
    ]
}

/// Some that sort before each other, that begin alike, and that are what other families are called.
const NAMES: [&str; 7] = ["a", "a-b", "b", "this", "platform", "a-b-c", "log"];

fn record(files: &[File]) -> Record {
    Record::parse(&files.iter().find(|file| file.path == RECORD).unwrap().text).unwrap()
}

/// The places of a record's text, and where it moves what.
fn read(files: &[File]) -> (State, BTreeMap<String, String>) {
    let text = &files.iter().find(|file| file.path == RECORD).unwrap().text;
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    let pairs = |value: &serde_json::Value| -> Vec<(String, String)> {
        let all = value.as_object().unwrap().values().flat_map(|root| root.as_object().unwrap());
        all.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect()
    };
    let places = pairs(&value["roots"]).into_iter().map(|(id, place)| (place, id)).collect();
    (places, pairs(&value["moved"]).into_iter().collect())
}

/// What Terraform would do: moves first, each to a free place, then what is not declared goes.
fn apply(state: &mut State, files: &[File]) {
    let (places, moved) = read(files);
    for (from, to) in &moved {
        assert!(!places.contains_key(from), "Terraform refuses to move {from}, where something stands");
        assert!(places.contains_key(to), "{from} would go to {to}, where nothing stands");
        if let Some(id) = state.remove(from) {
            assert_eq!(state.insert(to.clone(), id), None, "{to} is taken");
        }
    }
    let there: BTreeMap<&String, &String> = places.iter().map(|(place, id)| (id, place)).collect();
    for (place, id) in &*state {
        if let Some(now) = there.get(id) {
            assert_eq!(place, *now, "{id} would be destroyed and made anew");
        }
    }
    *state = places;
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_stays_is_made_anew(edits in prop::collection::vec(edit(), 1..12)) {
        let mut stack = practice(&[]);
        let mut files = emit(&stack, &Options::default()).unwrap();
        let mut state = State::new();
        apply(&mut state, &files);
        for edit in edits {
            match edit {
                Edit::Tag(at) => {
                    let all: Vec<Address> = stack.iter().map(|(address, _)| address.clone()).collect();
                    let tags = &mut stack.get_mut(at.get(&all)).unwrap().tags;
                    if tags.remove("Owner").is_none() {
                        tags.insert("Owner".to_owned(), "somebody".to_owned());
                    }
                }
                Edit::Group(n) => toggle(&mut stack, NAMES[n]),
                Edit::Apply => apply(&mut state, &files),
            }
            let before = record(&files);
            files = emit(&stack, &Options { before: Some(before.clone()), ..Options::default() }).unwrap();
            let again = emit(&stack, &Options { before: Some(record(&files)), ..Options::default() }).unwrap();
            prop_assert_eq!(&files, &again, "nothing changes without a change");
            prop_assert_eq!(before.conflicts(&record(&files)), []);
        }
        apply(&mut state, &files);
    }
}

fn toggle(stack: &mut Stack, name: &str) {
    let address = format!("platform/{name}");
    if stack.remove(&address.parse().unwrap()).is_none() {
        stack.add(&address, LogGroup { name: format!("/other/{name}").parse().unwrap(), retention_in_days: None });
    }
}

#[test]
fn another_stack_and_another_layout_are_told() {
    let stack = practice(&[]);
    let of = |stack: &Stack, layout| record(&emit(stack, &Options { layout, ..Options::default() }).unwrap());
    let single = of(&stack, Layout::Single);
    assert_eq!(single.conflicts(&single), []);
    let split = single.conflicts(&of(&stack, Layout::Split));
    let said: Vec<String> = split.iter().map(ToString::to_string).collect();
    assert_eq!(split.len(), 3, "{said:?}");
    assert!(said[0].contains("the root at the top and would be in the one at `across`"), "{said:?}");
    let other = of(&practice(&[("environment", "staging")]), Layout::Single);
    let stack = stack.name().to_string();
    assert_eq!(single.conflicts(&other), [Conflict::OtherStack { stack }]);
    // What another stack's record says is no guide to names.
    let files = emit(&practice(&[("environment", "staging")]), &Options { before: Some(single), ..Options::default() })
        .unwrap();
    assert!(!files.iter().any(|file| file.path == "moved.tf"));
}

#[test]
fn the_same_names_without_a_record_are_the_same_with_one() {
    let stack = practice(&[]);
    let fresh = emit(&stack, &Options::default()).unwrap();
    let again = emit(&stack, &Options { before: Some(record(&fresh)), ..Options::default() }).unwrap();
    let paths: BTreeSet<&String> = again.iter().map(|file| &file.path).collect();
    assert!(!paths.contains(&"moved.tf".to_owned()));
    assert_eq!(fresh, again);
}

#[test]
fn what_is_no_record_is_none() {
    for text in ["", "{}", "[]", "{\"stack\": 1}", "{\"stack\":\"s\",\"layout\":\"both\",\"roots\":{},\"moved\":{}}"] {
        assert_eq!(Record::parse(text), None, "{text}");
    }
}

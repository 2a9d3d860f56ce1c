//! Twins: groups of the stack that differ in a word, such as two environments, are one module that is called twice.
//!
//! A module is written with a variable in place of the word in its group's name that tells it from others. Those whose text
//! is then the same have one source. Where each resource stands in Terraform's state is a matter of what a module is called
//! by, and stays as it is.

mod differ;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use differ::{Leveled, Own};

use crate::family::{Family, module_name};
use crate::ir::{Id, Instance};
use crate::layout::unique;
use crate::module::{Module, Source, module};
use crate::names::{Names, room};
use crate::text::{quote, snake};
use crate::write::{From, Limit, Variable};

/// What tells a module from others that have one source with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Twin {
    /// The word in the name of the group.
    pub(crate) word: String,
    /// The variable that stands in its place.
    name: String,
    /// How long the word may be, for all names with it to be legal.
    longest: usize,
    /// The variables for what it has other values of than the others.
    own: Rc<[Own]>,
}

impl Twin {
    /// The variable that stands in place of the word.
    pub(crate) fn variable(&self) -> Variable {
        let Twin { word, name, longest, own: _ } = self;
        Variable {
            name: name.clone(),
            about: "Which one it is: part of every aomidori:address, and of names".to_owned(),
            ty: "string".to_owned(),
            value: quote(word),
            default: None,
            checks: vec![Limit {
                condition: format!(
                    "can(regex(\"^[a-z0-9][a-z0-9._-]*$\", var.{name})) && length(var.{name}) <= {longest}"
                ),
                message: format!(
                    "1 to {longest} lower-case letters, digits and any of - _ ., the first a letter or digit."
                ),
                bad: Some("\"Not This\"".to_owned()),
            }],
            from: From::Twin,
        }
    }

    /// The variable of this number, with its value.
    pub(crate) fn own(&self, slot: usize, value: String) -> Option<Variable> {
        let Own { name, about, ty, optional } = self.own.get(slot)?;
        let limit = LIMITS.iter().find(|(last, of, ..)| of == ty && name.rsplit('_').next() == Some(last));
        let checks = limit.map(|(_, _, most, message)| Limit {
            condition: match optional {
                true => {
                    format!("var.{name} == null || (coalesce(var.{name}, 0) >= 1 && coalesce(var.{name}, 0) <= {most})")
                }
                false => format!("var.{name} >= 1 && var.{name} <= {most}"),
            },
            message: (*message).to_owned(),
            bad: Some("0".to_owned()),
        });
        let (name, about, ty, default) = (name.clone(), about.clone(), (*ty).to_owned(), optional.then_some("null"));
        Some(Variable { name, about, ty, value, default, checks: checks.into_iter().collect(), from: From::User })
    }
}

/// What numbers may be, by the last word of what they are called: from 1 to the most, with what is said of others.
const LIMITS: &[(&str, &str, u32, &str)] = &[
    ("port", "number", 65_535, "A port is 1 to 65535."),
    ("priority", "number", 50_000, "The priority of a rule is 1 to 50000."),
];

/// The longest segment of an address that is worth a variable: an address has 200 characters.
const LONGEST: usize = 100;

/// One way to see groups as twins: `word` tells one from others. The least is the best.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct View {
    /// Which part of the name the word is, and how many words stay: most are best.
    cut: (Cut, Reverse<usize>),
    word: String,
    /// The name with a `*` where the word was.
    kept: String,
}

/// Which part of a group's name tells it from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cut {
    First,
    Whole,
    Last,
}

/// How a group can be seen.
fn views(group: &str) -> Vec<View> {
    let cuts: Vec<usize> = group.match_indices(['-', '_', '.']).map(|(at, _)| at).collect();
    let mut views = vec![View { cut: (Cut::Whole, Reverse(0)), word: group.to_owned(), kept: "*".to_owned() }];
    for (n, at) in cuts.iter().enumerate() {
        views.push(View {
            cut: (Cut::First, Reverse(cuts.len() - n)),
            word: group[..*at].to_owned(),
            kept: format!("*{}", &group[*at..]),
        });
        let (word, kept) = (group[*at + 1..].to_owned(), format!("{}*", &group[..=*at]));
        views.push(View { cut: (Cut::Last, Reverse(n + 1)), word, kept });
    }
    views.retain(|view| view.word.starts_with(|c: char| c.is_ascii_alphanumeric()));
    views.sort();
    views
}

/// All modules, those that are one with one folder.
pub(crate) fn modules(source: &Source<'_>, instances: &BTreeMap<Id, Instance>) -> Vec<Module> {
    let groups: BTreeMap<String, &str> =
        instances.keys().map(|id| (module_name(id.address.group()), id.address.group())).collect();
    let plain: BTreeMap<&str, Module> =
        groups.keys().map(|name| (name.as_str(), module(source, name, name, None))).collect();
    let mut members: BTreeMap<&str, Vec<&Instance>> = BTreeMap::new();
    for instance in instances.values() {
        if let Some((name, _)) = groups.get_key_value(&module_name(instance.id.address.group())) {
            members.entry(name).or_default().push(instance);
        }
    }
    let twins = Twins { source, instances: members, groups: &groups, plain: &plain };
    let shared: Vec<Shared<'_>> = twins.classes().into_iter().flat_map(|class| twins.share(class)).collect();
    let is_shared = |name: &str| shared.iter().any(|one| one.members.contains_key(name));
    let mut folders: BTreeSet<String> = groups.keys().filter(|name| !is_shared(name)).cloned().collect();
    let mut modules = plain.clone();
    for one in &shared {
        let folder = unique(&twins.folder(one), |name| !folders.contains(name));
        modules.extend(one.members.iter().map(|(name, twin)| (*name, one.module(source, name, &folder, twin))));
        folders.insert(folder);
    }
    modules.into_values().collect()
}

/// Modules with one source.
struct Shared<'a> {
    kept: String,
    members: BTreeMap<&'a str, Twin>,
    /// The families of all modules, in which these are laid over each other.
    families: Vec<Family>,
    names: Names,
}

impl Shared<'_> {
    /// One of them.
    fn module(&self, source: &Source<'_>, name: &str, folder: &str, twin: &Twin) -> Module {
        module(&Source { families: &self.families, names: &self.names, ..*source }, name, folder, Some(twin))
    }
}

/// Which of them a module is in.
fn holding<'f, 'a>(found: &'f [Shared<'a>], name: &str) -> Option<&'f Shared<'a>> {
    found.iter().find(|one| one.members.contains_key(name))
}

/// By what families of twins are told to be the same: type, whether it is read only, name.
type Likeness<'a> = (&'a str, bool, &'a str);

fn likeness(family: &Family) -> Likeness<'_> {
    (family.tf, family.data, &family.name)
}

/// Modules, each with the word that tells it from the others.
type Words<'a> = BTreeMap<&'a str, String>;

/// The search for modules that are one.
struct Twins<'a> {
    source: &'a Source<'a>,
    /// What is in each module.
    instances: BTreeMap<&'a str, Vec<&'a Instance>>,
    /// Groups by the name of their module.
    groups: &'a BTreeMap<String, &'a str>,
    /// The modules, each by itself.
    plain: &'a BTreeMap<&'a str, Module>,
}

impl<'a> Twins<'a> {
    /// Modules that hold resources of the same types and names; no others can be one.
    fn classes(&self) -> Vec<Vec<&'a str>> {
        let mut holds: BTreeMap<&str, BTreeSet<Likeness<'_>>> = BTreeMap::new();
        for family in self.source.families {
            holds.entry(&family.module).or_default().insert(likeness(family));
        }
        let mut classes: BTreeMap<BTreeSet<Likeness<'_>>, Vec<&str>> = BTreeMap::new();
        for name in self.groups.keys() {
            classes.entry(holds.remove(name.as_str()).unwrap_or_default()).or_default().push(name);
        }
        classes.into_values().filter(|class| class.len() > 1).collect()
    }

    /// Which modules of a class are one: those that are the same but for a word, and then those that have other values.
    fn share(&self, class: Vec<&'a str>) -> Vec<Shared<'a>> {
        let mut views_of: BTreeMap<((Cut, Reverse<usize>), String), Words<'a>> = BTreeMap::new();
        for name in &class {
            for View { cut, word, kept } in self.groups.get(*name).map(|group| views(group)).unwrap_or_default() {
                views_of.entry((cut, kept)).or_default().insert(name, word);
            }
        }
        let families =
            self.source.families.iter().filter(|family| class.first() == Some(&family.module.as_str())).count();
        let mut found: Vec<Shared<'a>> = Vec::new();
        for most in [0, families * 2] {
            for ((_, kept), words) in &views_of {
                // With those that are one already in the same view: they may be one with more.
                let mut left = words.clone();
                left.retain(|name, _| holding(&found, name).is_none_or(|one| one.kept == *kept));
                while left.keys().any(|name| holding(&found, name).is_none())
                    && let Some(cluster) = self.cluster(&left, most)
                {
                    let first = left.keys().next().copied();
                    let one = self.one(kept, cluster);
                    left.retain(|name, _| {
                        Some(*name) != first && !one.as_ref().is_some_and(|one| one.members.contains_key(name))
                    });
                    let Some(one) = one else { continue };
                    let more = one.members.keys().any(|name| holding(&found, name).is_none());
                    let held = one.members.keys().filter_map(|name| holding(&found, name));
                    let whole = held.flat_map(|held| held.members.keys()).all(|name| one.members.contains_key(name));
                    if more && whole {
                        found.retain(|other| !other.members.keys().any(|name| one.members.contains_key(name)));
                        found.push(one);
                    }
                }
            }
        }
        found
    }

    /// Modules, the first of these among them, that need no more than `most` variables to be one.
    fn cluster(&self, words: &Words<'a>, most: usize) -> Option<Words<'a>> {
        let (seed, word) = words.first_key_value()?;
        let with_seed = |most: usize| -> Words<'a> {
            let near = |name: &'a str, other: &String| {
                let pair = Words::from([(*seed, word.clone()), (name, other.clone())]);
                let leveled = self.leveled(&pair);
                !leveled.apart && leveled.own.len() <= most
            };
            let near = words.iter().filter(|(name, other)| *name == seed || near(name, other));
            near.map(|(name, word)| (*name, word.clone())).collect()
        };
        let near = with_seed(most);
        if self.leveled(&near).own.len() <= most { Some(near) } else { Some(with_seed(0)) }
    }

    /// Modules as one, as far as their text is the same.
    fn one(&self, kept: &str, words: Words<'a>) -> Option<Shared<'a>> {
        let mut words = words;
        for _ in 0..2 {
            if words.len() < 2 {
                return None;
            }
            let one = self.view(kept, &words);
            let mut texts: BTreeMap<BTreeMap<String, String>, Words<'a>> = BTreeMap::new();
            for (name, twin) in &one.members {
                let mut files = one.module(self.source, name, "", twin).files;
                files.retain(|path, _| !path.starts_with("tests/"));
                texts.entry(files).or_default().insert(name, twin.word.clone());
            }
            let same = texts.into_values().max_by_key(|words| words.len())?;
            if same.len() == words.len() {
                return Some(one);
            }
            // Fewer may need fewer variables.
            words = same;
        }
        None
    }

    /// Modules written as one, whether or not that is the same for all.
    fn view(&self, kept: &str, words: &Words<'a>) -> Shared<'a> {
        let rooms = words.iter().flat_map(|(name, word)| {
            let own = self.instances.get(name).into_iter().flatten();
            own.filter_map(|instance| room(instance, word))
        });
        let longest = rooms.min().unwrap_or(LONGEST).min(LONGEST);
        let variable = self.variable(words);
        let Leveled { families: leveled, own, apart: _ } = self.leveled(words);
        let own: Rc<[Own]> = own.into();
        let twin = |(name, word): (&&'a str, &String)| {
            (*name, Twin { word: word.clone(), name: variable.clone(), longest, own: Rc::clone(&own) })
        };
        let mut families = self.source.families.to_vec();
        for (n, family) in leveled {
            if let Some(known) = families.get_mut(n) {
                *known = family;
            }
        }
        let names = self.source.names.level(words.keys().copied());
        Shared { kept: kept.to_owned(), members: words.iter().map(twin).collect(), families, names }
    }

    fn leveled(&self, words: &Words<'a>) -> Leveled {
        let mut taken: BTreeSet<String> = self.variables(words).map(str::to_owned).collect();
        taken.insert(self.variable(words));
        differ::leveled(self.source, words, &taken)
    }

    /// Names of the variables that modules have.
    fn variables(&self, words: &Words<'a>) -> impl Iterator<Item = &'a str> {
        let modules = words.keys().filter_map(|name| self.plain.get(*name));
        modules.flat_map(|module| &module.variables).map(|variable| variable.name.as_str())
    }

    /// What the word is called.
    fn variable(&self, words: &Words<'a>) -> String {
        let stages = ["dev", "test", "qa", "stag", "stg", "prod", "prd", "sandbox", "demo", "preview", "live"];
        let stage =
            |word: &String| word.split(['-', '_', '.']).any(|part| stages.iter().any(|stage| part.starts_with(stage)));
        let wanted = if words.values().all(stage) { "environment" } else { self.what(words.keys().copied()) };
        unique(wanted, |name| !self.variables(words).any(|taken| taken == name))
    }

    /// What modules are, in a word.
    fn what<'n>(&self, modules: impl Iterator<Item = &'n str> + Clone) -> &'static str {
        let holds = |tf: &str| {
            let mut families = self.source.families.iter().filter(|family| family.tf == tf);
            families.any(|family| modules.clone().any(|name| name == family.module))
        };
        if holds("aws_vpc") || holds("aws_ecs_cluster") {
            "environment"
        } else if holds("aws_ecs_service") {
            "service"
        } else {
            "group"
        }
    }

    /// The folder of modules that are one: what their groups' names have in common, or else what they are.
    fn folder(&self, Shared { kept, members, .. }: &Shared<'_>) -> String {
        let names: Vec<Vec<&str>> = members
            .keys()
            .filter_map(|name| self.groups.get(*name))
            .map(|group| group.split(['-', '_', '.']).collect())
            .collect();
        let first = names.first().cloned().unwrap_or_default();
        let alike = |n: &usize, from_end: bool| {
            let at = |words: &[&str]| {
                let n = if from_end { words.len().checked_sub(n + 1)? } else { *n };
                words.get(n).map(ToString::to_string)
            };
            names.iter().all(|words| at(words) == at(&first))
        };
        let lead = (0..first.len()).take_while(|n| alike(n, false)).count();
        let tail = (0..first.len()).take_while(|n| alike(n, true)).count();
        let common = match kept.trim_matches('*') {
            "" if lead > 0 => first[..lead].join("-"),
            "" => first[first.len() - tail..].join("-"),
            kept => kept.to_owned(),
        };
        if common.chars().any(|c| c.is_ascii_alphabetic()) {
            return snake(&common).trim_matches('_').to_owned();
        }
        self.what(members.keys().copied()).to_owned()
    }
}

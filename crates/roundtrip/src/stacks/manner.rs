//! How a stack spells its addresses: plainly, or so that whoever makes names of them has to take care.

use std::collections::{BTreeMap, BTreeSet};

use crate::Dice;

/// Words that mean something to Terraform, in one place or another.
const RESERVED: &[&str] = &[
    "count",
    "for_each",
    "providers",
    "lifecycle",
    "depends_on",
    "source",
    "version",
    "locals",
    "module",
    "data",
    "var",
    "null",
    "true",
    "each",
    "self",
    "path",
    "terraform",
    "dynamic",
    "tests",
    "for",
    "in",
    "if",
    "provider",
    "output",
    "this",
    "name",
    "tags",
    "region",
];

#[derive(Clone, Copy, Debug)]
enum Way {
    Plain,
    /// Everything in one group.
    OneGroup,
    /// Six segments wherever they fit.
    Deep,
    /// Each segment starts with a digit.
    Digits,
    /// Neighbours differ by `-`, `_` and `.` only.
    Alike,
    /// Groups and leaves are words of Terraform's.
    Reserved,
}

/// How addresses are spelled, and which there are.
pub(super) struct Manner {
    way: Way,
    /// What each group is called.
    groups: BTreeMap<String, String>,
    taken: BTreeSet<String>,
}

impl Manner {
    pub(super) fn of(dice: &mut Dice) -> Manner {
        let odd = [Way::OneGroup, Way::Deep, Way::Digits, Way::Alike, Way::Reserved];
        let way = if dice.one_in(2) { Way::Plain } else { dice.choose(&odd).unwrap_or(Way::Plain) };
        Manner { way, groups: BTreeMap::new(), taken: BTreeSet::new() }
    }

    /// The spelling of an address that is written as `group/kind/leaf`; another one each time.
    pub(super) fn spell(&mut self, address: &str) -> String {
        let spelled = match self.way {
            Way::Plain => address.to_owned(),
            Way::OneGroup => format!("all/{address}"),
            Way::Deep => {
                let (group, rest) = address.split_once('/').unwrap_or((address, "x"));
                let more = 5_usize.saturating_sub(rest.split('/').count());
                let between: String = ["deep-1/", "deep_2/", "deep.3/", "4/"].into_iter().take(more).collect();
                format!("{group}/{between}{rest}")
            }
            Way::Digits => {
                let segments = address.split('/').enumerate().map(|(n, segment)| format!("{n}{segment}"));
                segments.collect::<Vec<_>>().join("/")
            }
            Way::Alike => self.alike(address),
            Way::Reserved => self.reserved(address),
        };
        let unique = if self.taken.contains(&spelled) { format!("{spelled}.{}", self.taken.len()) } else { spelled };
        self.taken.insert(unique.clone());
        unique
    }

    /// `rule-1` is `rule`, with a separator more than the one before: `rule`, `rule-`, `rule_`, `rule.`, `rule--` …
    fn alike(&self, address: &str) -> String {
        let separators = ["-", "_", "."];
        let n = self.taken.len();
        let separator = separators[n % 3];
        let base = address.replace(['-', '_', '.'], separator);
        if n.is_multiple_of(4) { base.replacen('/', "-x/", 1) } else { base.replacen('/', "_x/", 1) }
    }

    fn reserved(&mut self, address: &str) -> String {
        let (group, rest) = address.split_once('/').unwrap_or((address, "x"));
        let word = |n: usize| RESERVED[n % RESERVED.len()];
        let known = self.groups.len();
        let group = self.groups.entry(group.to_owned()).or_insert_with(|| word(known).to_owned()).clone();
        let parent = rest.rsplit_once('/').map_or(String::new(), |(parent, _)| format!("{parent}/"));
        let leaf = word(self.taken.len() * 7);
        let plain = format!("{group}/{parent}{leaf}");
        // Words first, as long as they are nobody's; then the leaf says which it is.
        if self.taken.contains(&plain) { format!("{group}/{rest}") } else { plain }
    }
}

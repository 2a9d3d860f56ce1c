//! What emitting over a folder would do to what is there.

use std::collections::{BTreeMap, BTreeSet};

use crate::File;

/// What emitting would do to one file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It is not there yet.
    New {
        /// The file.
        path: String,
    },
    /// It is there with another text, which would be lost.
    Changed {
        /// The file.
        path: String,
        /// The first line that differs, counted from 1.
        line: usize,
        /// What stands there now.
        have: String,
        /// What would stand there.
        want: String,
    },
    /// It is configuration of Terraform that is not emitted, in a folder that is: it would be applied with the rest.
    Stray {
        /// The file.
        path: String,
    },
}

impl Change {
    /// The file.
    pub fn path(&self) -> &str {
        match self {
            Change::New { path } | Change::Changed { path, .. } | Change::Stray { path } => path,
        }
    }

    /// True if somebody's work would be lost or mixed up, so that it needs to be asked for.
    pub fn needs_force(&self) -> bool {
        !matches!(self, Change::New { .. })
    }
}

/// What emitting `files` would change among the files that are `there`, by path; nothing about files that are equal.
pub fn compare(files: &[File], there: &BTreeMap<String, String>) -> Vec<Change> {
    let mut changes: Vec<Change> = files
        .iter()
        .filter_map(|file| match there.get(&file.path) {
            None => Some(Change::New { path: file.path.clone() }),
            Some(have) if *have == file.text => None,
            Some(have) => {
                let (line, have, want) = first_difference(have, &file.text);
                Some(Change::Changed { path: file.path.clone(), line, have, want })
            }
        })
        .collect();
    let folder = |path: &str| path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
    let wanted: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    // Where other tools' files are written, Terraform's are no concern.
    let roots: BTreeSet<String> =
        files.iter().filter(|file| file.path.ends_with(".tf")).map(|file| folder(&file.path)).collect();
    for path in there.keys() {
        let is_configuration = path.ends_with(".tf") || path.ends_with(".tf.json") || path.ends_with(".auto.tfvars");
        if is_configuration && !wanted.contains(path.as_str()) && roots.contains(&folder(path)) {
            changes.push(Change::Stray { path: path.clone() });
        }
    }
    changes.sort();
    changes
}

fn first_difference(have: &str, want: &str) -> (usize, String, String) {
    let (mut have, mut want) = (have.lines(), want.lines());
    let mut line = 1;
    loop {
        match (have.next(), want.next()) {
            (Some(have), Some(want)) if have == want => line += 1,
            (have, want) => return (line, have.unwrap_or_default().to_owned(), want.unwrap_or_default().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_and_strays_need_force_and_new_files_do_not() {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
        let files = [file("main.tf", "a = 1\nb = 2\n"), file("new.tf", ""), file("same.tf", "x")];
        let there =
            [("main.tf", "a = 1\nb = 3\n"), ("same.tf", "x"), ("mine.tf", ""), ("notes.md", ""), ("other/x.tf", "")];
        let there = there.map(|(path, text)| (path.to_owned(), text.to_owned())).into();
        let changes = compare(&files, &there);
        assert_eq!(
            changes,
            [
                Change::New { path: "new.tf".into() },
                Change::Changed { path: "main.tf".into(), line: 2, have: "b = 3".into(), want: "b = 2".into() },
                Change::Stray { path: "mine.tf".into() },
            ]
        );
        assert_eq!(changes.iter().filter(|change| change.needs_force()).count(), 2);
        let there = [("main.tf".to_owned(), String::new())].into();
        let changes = compare(&[file("pipeline.yml", "")], &there);
        assert_eq!(
            changes,
            [Change::New { path: "pipeline.yml".into() }],
            "Terraform's files are in nobody else's way"
        );
    }
}

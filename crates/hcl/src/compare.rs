//! What emitting over a folder would do to what is there.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::File;

/// The file that says what was emitted into a folder, as `sha256sum` writes and checks it.
pub const MANIFEST: &str = ".aomidori.sha256";

/// The manifest of what is emitted, to be written beside it.
pub fn manifest(files: &[File]) -> File {
    let lines = files.iter().map(|file| format!("{}  {}\n", hash(&file.text), file.path));
    File { path: MANIFEST.to_owned(), text: lines.collect() }
}

/// The manifest while files are being written over those of the manifest `before`: whichever of both is there when the
/// program dies is still known as ours.
pub fn manifest_meanwhile(before: &str, files: &[File]) -> File {
    let wanted = manifest(files).text;
    let lines: BTreeSet<&str> = before.lines().chain(wanted.lines()).collect();
    let lines = lines.into_iter().map(|line| format!("{line}\n"));
    File { path: MANIFEST.to_owned(), text: lines.collect() }
}

/// What a manifest says was emitted: paths that stay inside the folder, with the hashes of their texts.
pub fn emitted_before(manifest: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let inside = |path: &str| {
        !path.starts_with('/') && !path.split('/').any(|part| part == ".." || part == "." || part.is_empty())
    };
    let mut before: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (hash, path) in manifest.lines().filter_map(|line| line.split_once("  ")).filter(|(_, path)| inside(path)) {
        before.entry(path).or_default().insert(hash);
    }
    before
}

fn hash(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

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
    /// It is there as it was emitted before, and would be replaced.
    Updated {
        /// The file.
        path: String,
    },
    /// It is there as it was emitted before, is not emitted any more, and would be removed.
    Gone {
        /// The file.
        path: String,
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
            Change::New { path }
            | Change::Updated { path }
            | Change::Gone { path }
            | Change::Changed { path, .. }
            | Change::Stray { path } => path,
        }
    }

    /// True if somebody's work would be lost or mixed up, so that it needs to be asked for.
    pub fn needs_force(&self) -> bool {
        match self {
            Change::New { .. } | Change::Updated { .. } | Change::Gone { .. } => false,
            Change::Changed { .. } | Change::Stray { .. } => true,
        }
    }
}

/// What emitting `files` would change among the files that are `there`, by path; nothing about files that are equal.
///
/// A [`MANIFEST`] among them tells what is still as it was emitted from what somebody has edited or added.
pub fn compare(files: &[File], there: &BTreeMap<String, String>) -> Vec<Change> {
    let before = emitted_before(there.get(MANIFEST).map(String::as_str).unwrap_or_default());
    let untouched = |path: &str| {
        let have = there.get(path).map(|text| hash(text));
        have.is_some_and(|have| before.get(path).is_some_and(|hashes| hashes.contains(have.as_str())))
    };
    let mut changes: Vec<Change> = files
        .iter()
        .filter_map(|file| match there.get(&file.path) {
            None => Some(Change::New { path: file.path.clone() }),
            Some(have) if *have == file.text => None,
            Some(_) if untouched(&file.path) => Some(Change::Updated { path: file.path.clone() }),
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
        if wanted.contains(path.as_str()) || path == MANIFEST {
            continue;
        }
        if untouched(path) {
            changes.push(Change::Gone { path: path.clone() });
            continue;
        }
        let is_configuration = path.ends_with(".tf") || path.ends_with(".tf.json") || path.ends_with(".auto.tfvars");
        // One that was emitted and then edited may stand in a folder that is not emitted any more.
        let here = roots.contains(&folder(path)) || before.contains_key(path.as_str());
        if is_configuration && here {
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

    #[test]
    fn what_was_emitted_and_not_edited_is_replaced_and_removed_without_force() {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
        let old = [file("a.tf", "1"), file("old/b.tf", "2"), file("old/edited.tf", "3"), file("old/README.md", "4")];
        let mut there: BTreeMap<String, String> =
            old.iter().chain([&manifest(&old)]).map(|file| (file.path.clone(), file.text.clone())).collect();
        there.insert("old/edited.tf".into(), "mine".into());
        let changes = compare(&[file("a.tf", "one")], &there);
        assert_eq!(
            changes,
            [
                Change::Updated { path: "a.tf".into() },
                Change::Gone { path: "old/README.md".into() },
                Change::Gone { path: "old/b.tf".into() },
                Change::Stray { path: "old/edited.tf".into() },
            ]
        );
        assert_eq!(changes.iter().filter(|change| change.needs_force()).count(), 1);
        // In the middle of writing, old and new are both known.
        let files = [file("a.tf", "one"), file("c.tf", "3")];
        let meanwhile = manifest_meanwhile(&manifest(&old).text, &files);
        for have in ["1", "one"] {
            let there = [(MANIFEST.to_owned(), meanwhile.text.clone()), ("a.tf".to_owned(), have.to_owned())].into();
            let changes = compare(&[file("a.tf", "two")], &there);
            assert_eq!(changes, [Change::Updated { path: "a.tf".into() }]);
        }
        // Nothing outside the folder is ever ours.
        assert!(emitted_before("x  ../b.tf\nx  /etc/passwd\nx  a//b\n").is_empty());
    }
}

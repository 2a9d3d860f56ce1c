//! The folder that is emitted to: what is there, and how it is written without leaving anything half done.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aomidori_hcl::{File, MANIFEST, emitted_before};

use crate::error::Error;

/// What is in the folders that would be written to, by path; and what was emitted before, if that is remembered.
pub(super) fn there(folder: &Path, files: &[File], remembered: bool) -> Result<BTreeMap<String, String>, Error> {
    let mut found = BTreeMap::new();
    let folders: BTreeSet<&str> =
        files.iter().map(|file| file.path.rsplit_once('/').map_or("", |(at, _)| at)).collect();
    if remembered {
        // What was emitted before may stand where nothing is emitted now.
        let before = fs::read_to_string(folder.join(MANIFEST)).unwrap_or_default();
        for path in emitted_before(&before).keys().chain([&MANIFEST]) {
            if let Ok(text) = fs::read_to_string(folder.join(path)) {
                found.insert((*path).to_owned(), text);
            }
        }
    }
    for at in folders {
        let Ok(entries) = fs::read_dir(folder.join(at)) else { continue };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_file()) {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let name = if at.is_empty() { name.to_owned() } else { format!("{at}/{name}") };
            if found.contains_key(&name) {
                continue;
            }
            let wanted = files.iter().any(|file| file.path == name);
            // Of the rest only the name counts; what is no text is none of ours, and somebody's work.
            let text = if wanted {
                let bytes = fs::read(&path).map_err(|source| Error::Read { what: "the file", path, source })?;
                String::from_utf8_lossy(&bytes).into_owned()
            } else {
                String::new()
            };
            found.insert(name, text);
        }
    }
    Ok(found)
}

/// Looks whether all of these can be written, so that it is not found out half way: nothing else stands where a folder or a
/// file of ours has to be, and no link inside the folder leads elsewhere.
pub(super) fn passable<'p>(folder: &Path, paths: impl IntoIterator<Item = &'p str>) -> Result<(), Error> {
    let mut folders = BTreeSet::from([folder.to_owned()]);
    for path in paths {
        let full = folder.join(path);
        if full.is_dir() {
            return Err(blocked(full, "it is a folder; move it away, or choose another one to emit to"));
        }
        let mut at = folder.to_owned();
        for part in path.split('/').rev().skip(1).collect::<Vec<_>>().into_iter().rev() {
            at = at.join(part);
            folders.insert(at.clone());
        }
    }
    for at in folders {
        // The folder itself may be a link: that was asked for.
        let found = if at == folder { fs::metadata(&at) } else { fs::symlink_metadata(&at) };
        let Ok(found) = found else { continue };
        if found.is_symlink() {
            let why =
                "a folder of what is emitted is a link there, and what it leads to is not touched; remove the link";
            return Err(blocked(at, why));
        }
        if !found.is_dir() {
            return Err(blocked(
                at,
                "a file is where a folder has to be; move it away, or choose another one to emit to",
            ));
        }
    }
    Ok(())
}

fn blocked(path: PathBuf, why: &str) -> Error {
    Error::Write { what: "the file", path, source: io::Error::other(why.to_owned()) }
}

/// Writes a file as a whole, or not at all: beside its place first.
pub(super) fn write(folder: &Path, file: &File) -> Result<(), Error> {
    let path = folder.join(&file.path);
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let beside = path.with_file_name(format!(".{}.new", name.trim_start_matches('.')));
    let written = path
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(&beside, &file.text))
        .and_then(|()| fs::rename(&beside, &path));
    written.map_err(|source| {
        // Whatever went wrong is the error; that this may be left is not.
        let _ = fs::remove_file(&beside);
        Error::Write { what: "the file", path, source }
    })
}

/// Removes a file, and the folders that are empty then.
pub(super) fn remove(folder: &Path, path: &str) -> Result<(), Error> {
    let full = folder.join(path);
    fs::remove_file(&full).map_err(|source| Error::Write { what: "the file", path: full.clone(), source })?;
    let mut at = full.parent();
    while let Some(parent) = at.filter(|parent| *parent != folder) {
        if fs::remove_dir(parent).is_err() {
            break;
        }
        at = parent.parent();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn whole_files_are_written_and_nothing_is_left_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["one", "two"] {
            write(folder.path(), &file("modules/a/main.tf", text)).unwrap();
            assert_eq!(fs::read_to_string(folder.path().join("modules/a/main.tf")).unwrap(), text);
        }
        assert_eq!(fs::read_dir(folder.path().join("modules/a")).unwrap().count(), 1);
        remove(folder.path(), "modules/a/main.tf").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "empty folders go with the last file");
    }

    #[test]
    fn what_stands_in_the_way_is_found_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        passable(folder.path(), ["modules/a/main.tf"]).unwrap();
        fs::write(at("modules"), "").unwrap();
        let said = passable(folder.path(), ["modules/a/main.tf"]).unwrap_err();
        assert!(said.to_string().contains("modules"), "{said}");
        fs::create_dir_all(at("main.tf")).unwrap();
        assert!(passable(folder.path(), ["main.tf"]).is_err());
        assert!(passable(&at("modules"), ["main.tf"]).is_err(), "the folder itself is a file");
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_written_through_a_link() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("modules")).unwrap();
        assert!(passable(folder.path(), ["modules/a/main.tf"]).is_err());
        // A link in a file's place is replaced, not followed.
        let theirs = elsewhere.path().join("theirs.tf");
        fs::write(&theirs, "theirs").unwrap();
        std::os::unix::fs::symlink(&theirs, folder.path().join("main.tf")).unwrap();
        write(folder.path(), &file("main.tf", "ours")).unwrap();
        assert_eq!(fs::read_to_string(theirs).unwrap(), "theirs");
        assert_eq!(fs::read_to_string(folder.path().join("main.tf")).unwrap(), "ours");
        // The folder that was asked for may be one.
        let link = elsewhere.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        passable(&link, ["main.tf"]).unwrap();
    }
}

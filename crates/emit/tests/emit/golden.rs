//! Golden files in `fixtures`. `UPDATE_GOLDEN=1` writes them again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use aomidori_emit::File;

/// Files below a folder, by path.
fn read(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut next = vec![folder.to_owned()];
    while let Some(at) = next.pop() {
        let Ok(entries) = std::fs::read_dir(&at) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                next.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                found.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

pub(crate) fn check(name: &str, files: Vec<File>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let _ = std::fs::remove_dir_all(&folder);
        for file in &files {
            let path = folder.join(&file.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, &file.text).unwrap();
        }
    }
    let have = read(&folder);
    let want: BTreeMap<String, String> = files.into_iter().map(|file| (file.path, file.text)).collect();
    let paths: BTreeSet<&String> = have.keys().chain(want.keys()).collect();
    for path in paths {
        assert_eq!(want.get(path), have.get(path), "{name}/{path}: `UPDATE_GOLDEN=1` accepts what is emitted");
    }
}

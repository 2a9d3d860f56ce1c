//! The emitted practice environment, file by file, in `fixtures/terraform`. `UPDATE_GOLDEN=1` writes it again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use aomidori_hcl::{Backend, File, Layout, Options, emit};
use aomidori_practice::{Inputs, stack};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

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

fn check(name: &str, files: Vec<File>) {
    let folder = root().join("fixtures/terraform").join(name);
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

#[test]
fn the_practice_environment_in_one_root() {
    let stack = stack(&Inputs::default()).unwrap();
    let files = emit(&stack, &Options::default()).unwrap();
    assert_eq!(files, emit(&stack, &Options::default()).unwrap(), "the same stack gives the same bytes");
    check("single", files);
}

#[test]
fn the_practice_environment_in_three_roots_on_s3() {
    let stack = stack(&Inputs::default()).unwrap();
    let backend = Backend::S3 {
        bucket: "practice-tfstate".into(),
        key: "practice.tfstate".into(),
        region: "ap-northeast-1".into(),
    };
    let single = emit(&stack, &Options::default()).unwrap();
    let mut files = emit(&stack, &Options { layout: Layout::Split, backend, ..Options::default() }).unwrap();
    // The modules are the same in every layout.
    files.retain(|file| !file.path.starts_with("modules/") || !single.contains(file));
    assert!(files.iter().all(|file| !file.path.starts_with("modules/")));
    check("split", files);
}

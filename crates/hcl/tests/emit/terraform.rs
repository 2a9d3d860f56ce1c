//! Real Terraform on what is emitted: `fmt -check`, `validate`, and the modules' own tests. Skipped, aloud, without it.

use std::path::{Path, PathBuf};

use aomidori_hcl::{File, Layout, Options, emit};
use aomidori_model::Stack;
use aomidori_practice::{Inputs, stack};
use aomidori_testkit::Terraform;

use crate::lint;

/// Formatting and validity of every root.
pub(crate) fn check(terraform: &Terraform, files: &[File]) -> tempfile::TempDir {
    let folder = write(files);
    terraform.run(folder.path(), &["fmt", "-check", "-recursive", "-diff"], &[]).unwrap();
    for root in roots(files) {
        let root = folder.path().join(root);
        terraform.run(&root, &["init", "-backend=false", "-no-color"], &[]).unwrap();
        terraform.run(&root, &["validate", "-no-color"], &[]).unwrap();
    }
    folder
}

/// Folders with a provider block.
pub(crate) fn roots(files: &[File]) -> Vec<PathBuf> {
    let mains =
        files.iter().filter(|file| file.text.contains("\nprovider \"aws\"") || file.text.starts_with("provider"));
    mains.map(|file| Path::new(&file.path).parent().unwrap().to_owned()).collect()
}

/// Writes files into a new folder.
pub(crate) fn write(files: &[File]) -> tempfile::TempDir {
    let files = files.iter().map(|file| (file.path.as_str(), file.text.as_str()));
    aomidori_testkit::terraform::write(files).unwrap()
}

/// Writes files into a folder, over what is there.
pub(crate) fn put(folder: &Path, files: &[File]) {
    for file in files {
        let path = folder.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.text).unwrap();
    }
}

pub(crate) fn practice(set: &[(&str, &str)]) -> Stack {
    let mut inputs = Inputs::default();
    for (key, value) in set {
        inputs.set(key, value).unwrap();
    }
    stack(&inputs).unwrap()
}

/// Inputs of the practice environment that change the shape of what is emitted.
fn variations() -> Vec<(Layout, Vec<(&'static str, &'static str)>)> {
    let certificate = "arn:aws:acm:ap-northeast-1:123456789012:certificate/11111111-2222-3333-4444-555555555555";
    vec![
        (Layout::Split, vec![]),
        (
            Layout::Single,
            vec![
                ("certificate_arn", certificate),
                ("hosted_zone", "Z0123456789ABC"),
                ("domain", "practice.example.com"),
                ("nat", "single"),
                ("reroute_wait_minutes", "0"),
            ],
        ),
        (
            Layout::Single,
            vec![
                ("nat", "none"),
                ("test_sources", "192.0.2.0/24,198.51.100.7/32"),
                ("zones", "a,c,d"),
                ("public_cidrs", "10.0.0.0/24,10.0.1.0/24,10.0.2.0/24"),
                ("private_cidrs", "10.0.100.0/24,10.0.101.0/24,10.0.102.0/24"),
                ("storage_cidrs", "10.0.200.0/24,10.0.201.0/24,10.0.202.0/24"),
            ],
        ),
    ]
}

#[test]
fn what_is_emitted_is_formatted_and_valid() {
    let Some(terraform) = Terraform::found() else { return };
    for (layout, set) in variations() {
        check(terraform, &emit(&practice(&set), &Options { layout, ..Options::default() }).unwrap());
    }
}

#[test]
fn what_is_emitted_is_as_a_reviewer_wants_it() {
    for (_, set) in variations() {
        for layout in [Layout::Single, Layout::Split] {
            let problems = lint::problems(&emit(&practice(&set), &Options { layout, ..Options::default() }).unwrap());
            assert!(problems.is_empty(), "{set:?}: {problems:#?}");
        }
    }
}

#[test]
fn the_modules_own_tests_pass() {
    let Some(terraform) = Terraform::found() else { return };
    let files = emit(&practice(&[]), &Options::default()).unwrap();
    let folder = check(terraform, &files);
    for module in std::fs::read_dir(folder.path().join("modules")).unwrap() {
        let module = module.unwrap().path();
        terraform.run(&module, &["init", "-no-color"], &[]).unwrap();
        let said = terraform.run(&module, &["test", "-no-color"], &[]).unwrap();
        assert!(said.contains(" 0 failed"), "{said}");
    }
}

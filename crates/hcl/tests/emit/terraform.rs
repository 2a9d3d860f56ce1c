//! Real Terraform on what is emitted: `fmt -check`, `validate`, and the modules' own tests. Skipped, aloud, without it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use aomidori_hcl::{File, Layout, Options, emit};
use aomidori_model::Stack;
use aomidori_practice::{Inputs, stack};

use crate::golden::root;

/// Terraform, with the variables that let it find the AWS provider.
pub(crate) struct Terraform {
    variables: Vec<(String, String)>,
}

/// Terraform, if it and the provider are there.
pub(crate) fn terraform() -> Option<&'static Terraform> {
    static FOUND: OnceLock<Option<Terraform>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let found = find();
            if let Err(why) = &found {
                let _ = writeln!(std::io::stderr(), "\nSKIPPED, no Terraform: {why}\n");
            }
            found.ok()
        })
        .as_ref()
}

fn find() -> Result<Terraform, String> {
    let version = Command::new("terraform").arg("version").output().map_err(|error| error.to_string())?;
    if !version.status.success() {
        return Err("`terraform version` fails".into());
    }
    let mut variables = vec![("CHECKPOINT_DISABLE".to_owned(), "1".to_owned())];
    let script = root().join("../shared/bin/terraform-env");
    if std::env::var_os("AOMIDORI_TERRAFORM").is_none() && script.exists() {
        let output = Command::new(script).output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            if let Some((name, value)) = line.strip_prefix("export ").and_then(|line| line.split_once('=')) {
                variables.push((name.to_owned(), value.trim_matches('\'').to_owned()));
            }
        }
    }
    let terraform = Terraform { variables };
    // The provider must be there, too.
    let probe = tempfile::tempdir().map_err(|error| error.to_string())?;
    std::fs::write(
        probe.path().join("main.tf"),
        "terraform {\n  required_providers {\n    aws = {\n      source = \"hashicorp/aws\"\n    }\n  }\n}\n",
    )
    .map_err(|error| error.to_string())?;
    terraform.run(probe.path(), &["init", "-backend=false", "-no-color"], &[]).map(|_| terraform)
}

impl Terraform {
    /// Runs it in a folder; what it says, or that it failed and what it said.
    pub(crate) fn run(&self, folder: &Path, arguments: &[&str], more: &[(&str, &str)]) -> Result<String, String> {
        // One after the other: providers are unpacked into one cache, and the machine is small.
        static ONE: Mutex<()> = Mutex::new(());
        let cache = std::env::temp_dir().join("aomidori-terraform-plugins");
        std::fs::create_dir_all(&cache).map_err(|error| error.to_string())?;
        let mut command = Command::new("terraform");
        command.current_dir(folder).args(arguments).env("TF_IN_AUTOMATION", "1").env("TF_PLUGIN_CACHE_DIR", cache);
        command.envs(self.variables.iter().cloned()).envs(more.iter().copied());
        let guard = arguments.first().filter(|verb| **verb == "init").map(|_| ONE.lock());
        let output = command.output().map_err(|error| error.to_string())?;
        drop(guard);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.success() {
            Ok(said)
        } else {
            Err(format!("terraform {arguments:?} in {}:\n{said}", folder.display()))
        }
    }

    /// Formatting and validity of every root.
    pub(crate) fn check(&self, files: &[File]) -> tempfile::TempDir {
        let folder = write(files);
        self.run(folder.path(), &["fmt", "-check", "-recursive", "-diff"], &[]).unwrap();
        for root in roots(files) {
            let root = folder.path().join(root);
            self.run(&root, &["init", "-backend=false", "-no-color"], &[]).unwrap();
            self.run(&root, &["validate", "-no-color"], &[]).unwrap();
        }
        folder
    }
}

/// Folders with a provider block.
pub(crate) fn roots(files: &[File]) -> Vec<PathBuf> {
    let mains =
        files.iter().filter(|file| file.text.contains("\nprovider \"aws\"") || file.text.starts_with("provider"));
    mains.map(|file| Path::new(&file.path).parent().unwrap().to_owned()).collect()
}

/// Writes files into a new folder.
pub(crate) fn write(files: &[File]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.text).unwrap();
    }
    folder
}

pub(crate) fn practice(set: &[(&str, &str)]) -> Stack {
    let mut inputs = Inputs::default();
    for (key, value) in set {
        inputs.set(key, value).unwrap();
    }
    stack(&inputs).unwrap()
}

#[test]
fn what_is_emitted_is_formatted_and_valid() {
    let Some(terraform) = terraform() else { return };
    let certificate = "arn:aws:acm:ap-northeast-1:123456789012:certificate/11111111-2222-3333-4444-555555555555";
    for (layout, set) in [
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
    ] {
        terraform.check(&emit(&practice(&set), &Options { layout, ..Options::default() }).unwrap());
    }
}

#[test]
fn the_modules_own_tests_pass() {
    let Some(terraform) = terraform() else { return };
    let files = emit(&practice(&[]), &Options::default()).unwrap();
    let folder = terraform.check(&files);
    for module in std::fs::read_dir(folder.path().join("modules")).unwrap() {
        let module = module.unwrap().path();
        terraform.run(&module, &["init", "-no-color"], &[]).unwrap();
        let said = terraform.run(&module, &["test", "-no-color"], &[]).unwrap();
        assert!(said.contains(" 0 failed"), "{said}");
    }
}

//! Terraform as a judge: HashiCorp's program and AWS provider, offline.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::python::credentials;

/// Longer than any resource of ours takes on a local cloud; the provider itself would go on for hours.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Terraform, with the variables that let it find the AWS provider.
#[derive(Clone, Debug)]
pub struct Terraform {
    variables: Vec<(String, String)>,
}

/// A configuration in a folder of its own, initialised, and the cloud that it works on. The state lives and dies with it.
#[derive(Debug)]
pub struct Root {
    terraform: Terraform,
    folder: TempDir,
    endpoint: String,
}

/// What a run said, and how it ended.
#[derive(Clone, Debug)]
pub struct Said {
    /// Its exit code: 2 is `plan -detailed-exitcode` with changes.
    pub code: Option<i32>,
    /// Both streams.
    pub text: String,
}

impl Terraform {
    /// Terraform, if it and the provider are there. `None`, after saying so aloud, where they are not; the test then has
    /// nothing to ask. `AOMIDORI_TERRAFORM` says that the environment has all the variables that Terraform needs.
    pub fn find() -> Option<Terraform> {
        Terraform::found().cloned()
    }

    /// As [`Terraform::find`], for all of the process.
    pub fn found() -> Option<&'static Terraform> {
        static FOUND: OnceLock<Option<Terraform>> = OnceLock::new();
        FOUND
            .get_or_init(|| {
                let found = look();
                if let Err(why) = &found {
                    // Straight to the terminal: cargo keeps what passing tests print to itself.
                    let _ = writeln!(std::io::stderr(), "\nSKIPPED, no Terraform: {why}\n");
                }
                found.ok()
            })
            .as_ref()
    }

    /// Copies a configuration and initialises it, to work on the cloud at `endpoint`.
    ///
    /// # Errors
    /// It cannot be copied, or `terraform init` fails.
    pub fn root(&self, configuration: &Path, endpoint: &str) -> Result<Root, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        copy(configuration, folder.path()).map_err(|error| format!("{}: {error}", configuration.display()))?;
        let root = Root { terraform: self.clone(), folder, endpoint: endpoint.to_owned() };
        // Providers are unpacked into one cache: one after the other.
        static ONE: Mutex<()> = Mutex::new(());
        let guard = ONE.lock();
        root.run(["init", "-no-color"])?;
        drop(guard);
        Ok(root)
    }
}

impl Root {
    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs Terraform in it; what it said, however it ended.
    ///
    /// # Errors
    /// It cannot be run at all.
    pub fn ask<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Said, String> {
        let mut command = self.terraform.command(self.path(), arguments)?;
        command.envs(credentials(&self.endpoint)).stdin(Stdio::null());
        let output = command.output().map_err(|error| error.to_string())?;
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Ok(Said { code: output.status.code(), text })
    }

    /// Runs Terraform in it; what it said.
    ///
    /// # Errors
    /// What it said, if it failed.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<String, String> {
        let said = self.ask(arguments)?;
        if said.code == Some(0) { Ok(said.text) } else { Err(said.text) }
    }
}

impl Terraform {
    /// Runs Terraform in a folder and returns what it printed, on both streams.
    ///
    /// # Errors
    /// What it printed, if it failed or did not end.
    pub fn run(&self, folder: &Path, arguments: &[&str], more: &[(&str, &str)]) -> Result<String, String> {
        let text = |error: std::io::Error| error.to_string();
        let mut command = self.command(folder, arguments)?;
        command.envs(more.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Two `init` on one plugin cache get in each other's way, in whatever process.
        let lock = if arguments.first() == Some(&"init") {
            let lock = std::fs::File::create(cache().join("lock")).map_err(text)?;
            lock.lock().map_err(text)?;
            Some(lock)
        } else {
            None
        };
        let mut child = command.spawn().map_err(text)?;
        let streams = [child.stdout.take().map(reader), child.stderr.take().map(reader)];
        let patience = Instant::now() + PATIENCE;
        let status = loop {
            match child.try_wait().map_err(text)? {
                Some(status) => break Some(status),
                None if Instant::now() > patience => {
                    child.kill().map_err(text)?;
                    child.wait().map_err(text)?;
                    break None;
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        drop(lock);
        let said: String =
            streams.into_iter().flatten().map(|stream| stream.join().unwrap_or_default()).collect::<Vec<_>>().concat();
        match status {
            Some(status) if status.success() => Ok(said),
            Some(_) => Err(format!("terraform {arguments:?} in {}:\n{said}", folder.display())),
            None => Err(format!("terraform {arguments:?} in {} does not end:\n{said}", folder.display())),
        }
    }

    /// As [`Terraform::run`], against an AWS endpoint and nothing else.
    ///
    /// # Errors
    /// What it printed, if it failed or did not end.
    pub fn against(&self, endpoint: &str, folder: &Path, arguments: &[&str]) -> Result<String, String> {
        let variables = credentials(endpoint);
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.run(folder, arguments, &variables)
    }

    fn command<A: AsRef<OsStr>>(
        &self,
        folder: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Command, String> {
        let cache = cache();
        std::fs::create_dir_all(&cache).map_err(|error| error.to_string())?;
        let mut command = Command::new("terraform");
        command.current_dir(folder).args(arguments).env("TF_IN_AUTOMATION", "1").env("TF_PLUGIN_CACHE_DIR", cache);
        // Else each `init` would put the provider into the cache again, under the feet of whoever runs it just then.
        command.env("TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE", "1");
        command.envs(self.variables.iter().cloned());
        Ok(command)
    }
}

/// Where the provider is kept between runs.
fn cache() -> PathBuf {
    std::env::temp_dir().join("aomidori-terraform-cache")
}

/// Reads a stream to its end beside everything else, so that a full pipe stops nobody.
fn reader(mut stream: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

const PROBE: &str = r#"terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}
"#;

fn look() -> Result<Terraform, String> {
    let version = Command::new("terraform").arg("version").output().map_err(|error| error.to_string())?;
    if !version.status.success() {
        return Err("`terraform version` fails".to_owned());
    }
    let mut variables = vec![("CHECKPOINT_DISABLE".to_owned(), "1".to_owned())];
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/bin/terraform-env");
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
    std::fs::write(probe.path().join("main.tf"), PROBE).map_err(|error| error.to_string())?;
    let mut init = terraform.command(probe.path(), ["init", "-backend=false", "-no-color"])?;
    let output = init.output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(terraform) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
}

/// Copies a configuration's own files: no state, no plugins.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let path: PathBuf = entry?.path();
        let Some(name) = path.file_name().filter(|name| !name.to_string_lossy().starts_with('.')) else { continue };
        if path.is_dir() {
            std::fs::create_dir_all(to.join(name))?;
            copy(&path, &to.join(name))?;
        } else if path.extension().is_some_and(|kind| kind == "tf" || kind == "tftpl" || kind == "json") {
            std::fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

/// Writes files, by path and text, into a new folder.
///
/// # Errors
/// The file system's.
pub fn write<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> std::io::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    for (path, text) in files {
        let path = folder.path().join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, text)?;
    }
    Ok(folder)
}
